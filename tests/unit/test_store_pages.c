/*
 * Every page of a store is spoilt in turn, in every way: the examination finds it, or the store
 * reads as before and goes on sound.  See keeper/store_pages.h.
 *
 * LB_TEST_THOROUGH in the environment tries each page; else one in so many.
 */
#include "test_store.h"

#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <sodium.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "keeper/store_inside.h"

#define PAGE ((size_t)4096)
#define GRANTS 260u
#define MAP (12 * SMALL_MAP)

struct spoilt {
	struct place *place;
	uint8_t *bytes; /* the file as it should be */
	size_t size, pages;
	uint8_t digest[32], after[32]; /* what it reads as, and after some more work */
	unsigned tried, found, unchanged;
};

/* ---- a store with something of everything ---- */

/* Long and short records, so that some lie on pages of their own. */
static void
put_one(struct place *p, unsigned n)
{
	struct lb_store_txn *txn = begin(p, LB_STORE_WRITE);
	struct lb_msg_record r = event(0, "request");
	struct lb_grant g;
	char role[16];
	uint32_t gid;
	uint64_t id;

	ok(lb_store_next_id(txn, &id));
	g = pending_grant(id, n % 3 ? "ann" : "bob");
	if (n % 5 == 0)
		memset(g.sudo, 'x', sizeof g.sudo - 1);
	if (n % 7 == 0)
		memset(g.groups, 'y', sizeof g.groups - 1);
	memset(r.detail, 'd', n * 37 % sizeof r.detail);
	snprintf(role, sizeof role, "role%u", n % 20);
	r.grant = id;
	ok(lb_store_put_grant(txn, &g));
	ok(lb_store_append(txn, &r));
	ok(lb_store_role_gid(txn, role, &gid));
	ok(lb_store_commit(txn));
}

static void
change_one(struct place *p, uint64_t id)
{
	struct lb_store_txn *txn = begin(p, LB_STORE_WRITE_ENDING);
	struct lb_session s = {.grant = id, .pid = 77};
	struct lb_msg_record r = event(id, "change");
	struct lb_grant g;
	uint32_t serial;

	ok(lb_store_grant(txn, id, &g));
	if (g.uid == 0) {
		ok(lb_store_next_serial(txn, &serial));
		set_account(&g, serial);
	}
	g.state = (uint8_t)(1 + id % (LB_STATE_COUNT - 1));
	g.until_s += id % 3;
	ok(lb_store_put_grant(txn, &g));
	ok(lb_store_put_session(txn, &s));
	if (id % 2)
		ok(lb_store_drop_session(txn, id, s.number));
	ok(lb_store_append(txn, &r));
	ok(lb_store_commit(txn));
}

static void
more_work(struct place *p)
{
	for (uint64_t id = 3; id < 12; id++)
		change_one(p, id * 20);
	put_one(p, GRANTS + 1);
}

/* Everything that can be read. */
static void
read_all(struct place *p, uint8_t digest[32])
{
	struct lb_store_txn *txn = begin(p, LB_STORE_READ);
	crypto_generichash_state h;
	struct lb_session s = {.grant = 0};
	struct lb_msg_record r = {.seq = 0};
	struct lb_grant g = {.id = 0};
	struct lb_clock_mark mark;
	char role[16];
	uint32_t gid;

	crypto_generichash_init(&h, NULL, 0, 32);
	while (lb_store_next_grant(txn, g.id, &g) == LB_OK)
		crypto_generichash_update(&h, (uint8_t *)&g, sizeof g);
	for (g.id = 0; lb_store_next_live(txn, g.id, &g) == LB_OK;)
		crypto_generichash_update(&h, (uint8_t *)&g, sizeof g);
	for (g.id = 0; lb_store_next_of(txn, "bob", g.id, &g) == LB_OK;)
		crypto_generichash_update(&h, (uint8_t *)&g, sizeof g);
	for (uint32_t n = 1; n < GRANTS; n++)
		if (lb_store_grant_by_uid(txn, lb_account_uid(n), &g) == LB_OK)
			crypto_generichash_update(&h, (uint8_t *)&g, sizeof g);
	if (lb_store_next_due(txn, &g) == LB_OK)
		crypto_generichash_update(&h, (uint8_t *)&g, sizeof g);
	while (lb_store_next_session(txn, s.grant, s.number, &s) == LB_OK)
		crypto_generichash_update(&h, (uint8_t *)&s, sizeof s);
	while (lb_store_next_record(txn, r.seq, &r) == LB_OK)
		crypto_generichash_update(&h, (uint8_t *)&r, sizeof r);
	for (unsigned n = 0; n < 20; n++) {
		snprintf(role, sizeof role, "role%u", n);
		ok(lb_store_role_gid(txn, role, &gid));
		crypto_generichash_update(&h, (uint8_t *)&gid, sizeof gid);
	}
	ok(lb_store_clock_mark(txn, &mark));
	crypto_generichash_update(&h, (uint8_t *)&mark, sizeof mark);
	lb_store_abort(txn);
	crypto_generichash_final(&h, digest, 32);
}

static void
open_it(struct place *p)
{
	ok(lb_store_open(p->dir, MAP, &p->store));
}

static void
write_back(struct spoilt *s)
{
	int fd = open(s->place->file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(pwrite(fd, s->bytes, s->pages * PAGE, 0), s->pages * PAGE);
	assert_int_equal(ftruncate(fd, (off_t)s->size), 0);
	close(fd);
}

/* What it does is in the journal alone. */
static void
work_and_die(struct place *p)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		open_it(p);
		for (uint64_t id = 4; id < 16; id += 2)
			change_one(p, id);
		_exit(p->store->journal.used >= 6 ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* Fills s, which is the caller's. */
static void
make_store(struct place *p, struct spoilt *s)
{
	MDB_envinfo info;
	MDB_env *env;
	struct stat st;
	int fd;

	memset(s, 0, sizeof *s);
	s->place = p;
	open_it(p);
	for (unsigned n = 1; n <= GRANTS; n++)
		put_one(p, n);
	for (uint64_t id = 1; id <= GRANTS; id += 2)
		change_one(p, id);
	place_close(p);
	work_and_die(p);
	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_open(env, p->file, MDB_NOSUBDIR | MDB_NOLOCK | MDB_RDONLY, 0), 0);
	assert_int_equal(mdb_env_info(env, &info), 0);
	mdb_env_close(env);
	fd = open(p->file, O_RDONLY | O_CLOEXEC);
	assert_int_equal(fstat(fd, &st), 0);
	s->pages = info.me_last_pgno + 1;
	s->size = (size_t)st.st_size;
	s->bytes = malloc(s->pages * PAGE);
	assert_int_equal(pread(fd, s->bytes, s->pages * PAGE, 0), s->pages * PAGE);
	close(fd);
	open_it(p);
	read_all(p, s->digest);
	more_work(p);
	read_all(p, s->after);
	place_close(p);
	write_back(s);
	assert_check(p, LB_OK);
}

/* ---- spoiling it ---- */

/* In a child, as the keeper would: whatever is wrong, it must not be worse than this status. */
static int
use(struct spoilt *s)
{
	struct place *p = s->place;
	uint8_t digest[32];
	char why[256];

	if (lb_store_open(p->dir, MAP, &p->store) != LB_OK)
		return 1;
	read_all(p, digest);
	if (memcmp(digest, s->digest, sizeof digest) != 0)
		return 2;
	more_work(p);
	read_all(p, digest);
	if (memcmp(digest, s->after, sizeof digest) != 0)
		return 3;
	place_close(p);
	return lb_store_check(p->dir, why, sizeof why) == LB_OK ? 0 : 4;
}

/*
 * The file is spoilt now.  Either that is found, or it reads as before, more work goes well, and
 * it is sound after that.
 */
static void
look(struct spoilt *s, const char *how, size_t page)
{
	char why[256] = "";
	int status, err = lb_store_check(s->place->dir, why, sizeof why);
	pid_t child;

	s->tried++;
	if (err != LB_OK) {
		s->found++;
		if ((err != LB_ERR_DAMAGED && err != LB_ERR_VERSION) || why[0] == '\0')
			fail_msg("page %zu, %s: error %d: %s", page, how, err, why);
		return;
	}
	child = fork();
	if (child == 0) {
		signal(SIGSEGV, SIG_DFL);
		signal(SIGBUS, SIG_DFL);
		_exit(use(s));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (status != 0)
		fail_msg("page %zu, %s: passes, then status %#x", page, how, (unsigned)status);
	s->unchanged++;
	write_back(s);
}

static void
put_page(struct spoilt *s, size_t page, const uint8_t *bytes)
{
	int fd = open(s->place->file, O_WRONLY | O_CLOEXEC);

	assert_int_equal(pwrite(fd, bytes, PAGE, (off_t)(page * PAGE)), PAGE);
	close(fd);
}

static const uint8_t *
page_of(const struct spoilt *s, size_t page)
{
	return s->bytes + page * PAGE;
}

/* Puts bytes where a page is, looks, and puts the page back. */
static void
spoil(struct spoilt *s, size_t page, const uint8_t *bytes, const char *how)
{
	if (memcmp(bytes, page_of(s, page), PAGE) == 0)
		return;
	put_page(s, page, bytes);
	look(s, how, page);
	put_page(s, page, page_of(s, page));
}

static uint32_t
chance(uint32_t below)
{
	static uint64_t state = 88172645463325252u;

	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) % below;
}

static void
overwrite(struct spoilt *s, size_t page)
{
	uint8_t bytes[PAGE];

	memset(bytes, 0, sizeof bytes);
	spoil(s, page, bytes, "zeroed");
	memset(bytes, 0xff, sizeof bytes);
	spoil(s, page, bytes, "all ones");
	for (size_t i = 0; i < PAGE; i++)
		bytes[i] = (uint8_t)chance(256);
	spoil(s, page, bytes, "random");
	memcpy(bytes, page_of(s, page), PAGE); /* so that it still passes for what it was */
	for (size_t i = 16; i < PAGE; i++)
		bytes[i] = (uint8_t)chance(256);
	spoil(s, page, bytes, "random behind its header");
	/* As after a write that was cut off: the rest is an older page's, or nothing. */
	for (size_t cut = 512; cut < PAGE; cut += 1024) {
		memcpy(bytes, page_of(s, page), cut);
		memset(bytes + cut, 0, PAGE - cut);
		spoil(s, page, bytes, "cut off");
	}
}

static void
flip_bits(struct spoilt *s, size_t page)
{
	size_t header = page < 2 ? 152 : 32;
	uint8_t bytes[PAGE];

	memcpy(bytes, page_of(s, page), PAGE);
	for (unsigned i = 0; i < 24; i++) {
		size_t at = i < 12 ? chance((uint32_t)header) : chance(PAGE);
		uint8_t bit = (uint8_t)(1u << chance(8));

		bytes[at] ^= bit;
		spoil(s, page, bytes, i < 12 ? "a bit of its header" : "a bit of its body");
		bytes[at] ^= bit;
	}
	/* Words that LMDB goes by, at values that are likely to hurt. */
	for (size_t at = 8; at < 24; at += 2) {
		static const uint16_t words[] = {0, 1, 15, 16, 4095, 4096, 0x7fff, 0xffff};

		for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
			memcpy(bytes + at, &words[i], sizeof words[i]);
			spoil(s, page, bytes, "a word of its header");
		}
		memcpy(bytes + at, page_of(s, page) + at, 2);
	}
}

static void
exchange(struct spoilt *s, size_t page)
{
	uint8_t bytes[PAGE];
	size_t other = chance((uint32_t)s->pages);

	if (other == page)
		other = (page + 1) % s->pages;
	if (memcmp(page_of(s, page), page_of(s, other), PAGE) == 0)
		return;
	put_page(s, page, page_of(s, other));
	put_page(s, other, page_of(s, page));
	look(s, "exchanged with another", page);
	put_page(s, other, page_of(s, other));
	put_page(s, page, page_of(s, page));
	spoil(s, page, page_of(s, other), "another's");
	/* With its own number, so that it seems to belong there. */
	memcpy(bytes, page_of(s, other), PAGE);
	memcpy(bytes, page_of(s, page), 8);
	spoil(s, page, bytes, "another's under its number");
}

static void
cut_off(struct spoilt *s, size_t page)
{
	for (size_t into = 0; into < PAGE; into += PAGE / 2) {
		assert_int_equal(truncate(s->place->file, (off_t)(page * PAGE + into)), 0);
		look(s, "the file ends there", page);
		write_back(s);
	}
}

static void
every_page_spoilt_is_found_or_changes_nothing(void **state)
{
	size_t every = getenv("LB_TEST_THOROUGH") != NULL ? 1 : 23;
	struct spoilt s;

	make_store(*state, &s);
	for (size_t page = 0; page < s.pages; page++) {
		if (page >= 2 && page % every != 0)
			continue;
		overwrite(&s, page);
		flip_bits(&s, page);
		exchange(&s, page);
		cut_off(&s, page);
	}
	assert_check(s.place, LB_OK);
	print_message("%zu pages, %u ways spoilt: %u found, %u changed nothing, 0 believed\n",
		      s.pages, s.tried, s.found, s.unchanged);
	assert_true(s.tried > 500 && s.found > s.tried / 3);
	free(s.bytes);
}

#define in_place(test) cmocka_unit_test_setup_teardown(test, place_setup, place_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		in_place(every_page_spoilt_is_found_or_changes_nothing),
	};

	/* Thousands of commits, whose flushes are not the matter here. */
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0);
	return cmocka_run_group_tests_name("store pages", tests, NULL, NULL);
}
