/* Damaged, foreign and interrupted stores: what lb_store_check() and lb_store_open() make of them. */
#include "test_store.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "wire.h"

/* Under AddressSanitizer, which makes each opening many times as long, one byte in so many is changed. */
#ifdef __SANITIZE_ADDRESS__
#define SAMPLE 7
#else
#define SAMPLE 1
#endif

/* A store with some of everything, closed. */
static void
fill_store(struct place *p)
{
	struct lb_store_txn *txn;
	uint32_t gid, serial;

	place_open(p);
	for (uint64_t id = 1; id <= 6; id++) {
		struct lb_grant g = add_grant(p, id % 2 ? "ann" : "bob");
		struct lb_msg_record r = event(id, "request");
		struct lb_session s = {.grant = id, .pid = 77};

		txn = begin(p, LB_STORE_WRITE);
		ok(lb_store_next_serial(txn, &serial));
		set_account(&g, serial);
		g.state = (uint8_t)id;
		if (id == 3) /* a record on pages of its own */
			memset(g.sudo, 'x', sizeof g.sudo - 1),
				memset(g.groups, 'y', sizeof g.groups - 1);
		ok(lb_store_put_grant(txn, &g));
		ok(lb_store_put_session(txn, &s));
		ok(lb_store_role_gid(txn, id % 2 ? "db-operator" : "web", &gid));
		ok(lb_store_append(txn, &r));
		ok(lb_store_append(txn, &r));
		ok(lb_store_commit(txn));
	}
	place_close(p);
}

static uint8_t *
read_file(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	uint8_t *bytes;

	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	*size = (size_t)st.st_size;
	bytes = malloc(*size + 1);
	assert_non_null(bytes);
	assert_int_equal(read(fd, bytes, *size), *size);
	close(fd);
	return bytes;
}

static void
write_file(const char *path, const void *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	close(fd);
}

/* Runs edit on the store's databases in an LMDB transaction of its own, behind the store's back. */
static void
edit_raw(struct place *p, const char *database, void (*edit)(MDB_txn *txn, MDB_dbi dbi))
{
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;

	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_set_maxdbs(env, 12), 0);
	assert_int_equal(mdb_env_open(env, p->file, MDB_NOSUBDIR | MDB_NOLOCK, 0600), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, database, MDB_CREATE, &dbi), 0);
	edit(txn, dbi);
	assert_int_equal(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
}

static void
put_raw(MDB_txn *txn, MDB_dbi dbi, struct lb_key key, const void *value, size_t size)
{
	MDB_val k = {key.size, key.bytes}, v = {size, (void *)(uintptr_t)value};

	assert_int_equal(mdb_put(txn, dbi, &k, &v, 0), 0);
}

static void
delete_raw(MDB_txn *txn, MDB_dbi dbi, struct lb_key key)
{
	MDB_val k = {key.size, key.bytes};

	assert_int_equal(mdb_del(txn, dbi, &k, NULL), 0);
}

static void
refused_as(struct place *p, int err)
{
	assert_check(p, err);
	assert_int_equal(lb_store_open(p->dir, SMALL_MAP, &p->store), err);
	assert_null(p->store);
}

/* ---- what is not there, or is not a store ---- */

static void
a_directory_without_a_store_passes(void **state)
{
	struct place *p = *state;
	struct stat st;

	assert_check(p, LB_OK);
	assert_int_equal(stat(p->file, &st), -1);
}

static void
an_examination_changes_nothing(void **state)
{
	struct place *p = *state;
	struct stat before, after, dir_before, dir_after;
	uint8_t *was, *is;
	size_t size, size_after;

	fill_store(p);
	was = read_file(p->file, &size);
	assert_int_equal(stat(p->file, &before) | stat(p->dir, &dir_before), 0);
	assert_check(p, LB_OK);
	assert_int_equal(stat(p->file, &after) | stat(p->dir, &dir_after), 0);
	is = read_file(p->file, &size_after);
	assert_int_equal(size, size_after);
	assert_memory_equal(was, is, size);
	assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof before.st_mtim);
	assert_memory_equal(&before.st_ctim, &after.st_ctim, sizeof before.st_ctim);
	assert_memory_equal(&dir_before.st_mtim, &dir_after.st_mtim, sizeof dir_before.st_mtim);
	free(was);
	free(is);
}

static void
empty_short_and_garbage_files_are_refused_and_kept(void **state)
{
	static const size_t sizes[] = {0, 1, 4096, 8192, 100000};
	struct place *p = *state;
	uint8_t bytes[100000], *is;
	size_t size;

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 131 >> 3);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		write_file(p->file, bytes, sizes[i]);
		refused_as(p, LB_ERR_DAMAGED);
		is = read_file(p->file, &size);
		assert_int_equal(size, sizes[i]);
		assert_memory_equal(is, bytes, size);
		free(is);
	}
}

static void
a_file_cut_off_anywhere_is_refused(void **state)
{
	struct place *p = *state;
	uint8_t *was;
	size_t size, page = 4096, used = 0;

	fill_store(p);
	was = read_file(p->file, &size);
	for (size_t i = 0; i < size; i++)
		if (was[i] != 0)
			used = i;
	for (size_t cut = 0; cut < used; cut += page / 2) {
		write_file(p->file, was, cut);
		refused_as(p, LB_ERR_DAMAGED);
	}
	write_file(p->file, was, used / page * page + page);
	assert_check(p, LB_OK);
	place_open(p);
	free(was);
}

static void
a_creation_cut_off_is_started_again(void **state)
{
	struct place *p = *state;
	char new[sizeof p->dir + 16];

	snprintf(new, sizeof new, "%s/%s", p->dir, LB_STORE_FILE_NEW);
	write_file(new, "half", 4);
	assert_check(p, LB_OK);
	place_open(p);
	assert_int_equal(access(new, F_OK), -1);
	place_close(p);
	assert_check(p, LB_OK);
}

static void
set_newer_version(MDB_txn *txn, MDB_dbi dbi)
{
	static const uint8_t version[] = {0, 0, 0, LB_STORE_VERSION + 1};

	put_raw(txn, dbi, lb_key_text(LB_KEY_FORMAT), version, sizeof version);
}

static void
a_newer_store_is_refused_and_not_touched(void **state)
{
	struct place *p = *state;
	struct stat before, after;
	uint8_t *was, *is;
	size_t size;

	fill_store(p);
	edit_raw(p, "meta", set_newer_version);
	was = read_file(p->file, &size);
	assert_int_equal(stat(p->file, &before), 0);
	assert_check(p, LB_ERR_VERSION);
	assert_int_equal(lb_store_open(p->dir, 4 * SMALL_MAP, &p->store), LB_ERR_VERSION);
	assert_int_equal(stat(p->file, &after), 0);
	assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof before.st_mtim);
	is = read_file(p->file, &size);
	assert_memory_equal(was, is, size);
	free(was);
	free(is);
}

/* ---- records that do not agree ---- */

static void
drop_live(MDB_txn *txn, MDB_dbi dbi)
{
	delete_raw(txn, dbi, lb_key_u64(2));
}
static void
add_live(MDB_txn *txn, MDB_dbi dbi)
{
	put_raw(txn, dbi, lb_key_u64(5), "", 0);
}
static void
drop_deadline(MDB_txn *txn, MDB_dbi dbi)
{
	delete_raw(txn, dbi, lb_key_pair(1700000001 + 43200, 1));
}
static void
add_deadline(MDB_txn *txn, MDB_dbi dbi)
{
	put_raw(txn, dbi, lb_key_pair(7, 1), "", 0);
}
static void
drop_person(MDB_txn *txn, MDB_dbi dbi)
{
	delete_raw(txn, dbi, lb_key_person("ann", 1));
}
static void
add_person(MDB_txn *txn, MDB_dbi dbi)
{
	put_raw(txn, dbi, lb_key_person("eve", 1), "", 0);
}
static void
add_begun(MDB_txn *txn, MDB_dbi dbi)
{
	put_raw(txn, dbi, lb_key_begun("ann", 7, 1), "", 0);
}
static void
add_long_key(MDB_txn *txn, MDB_dbi dbi)
{
	MDB_val k = {300, (void *)(uintptr_t) "k"}, v = {0, (void *)(uintptr_t) ""};
	char key[300];

	memset(key, 'k', sizeof key);
	k.mv_data = key;
	assert_int_equal(mdb_put(txn, dbi, &k, &v, 0), 0);
}
static void
put_record(MDB_txn *txn, MDB_dbi dbi, enum lb_table table, struct lb_key key, const void *record)
{
	uint8_t buf[LB_RECORD_MAX];
	size_t len;

	ok(lb_record_encode(table, &key, record, buf, &len));
	put_raw(txn, dbi, key, buf, len);
}
static void
drop_uid(MDB_txn *txn, MDB_dbi dbi)
{
	delete_raw(txn, dbi, lb_key_u32(lb_account_uid(2)));
}
static void
swap_uid(MDB_txn *txn, MDB_dbi dbi)
{
	put_record(txn, dbi, LB_TABLE_UID, lb_key_u32(lb_account_uid(2)),
		   &(struct lb_uid_entry){.grant = 1});
}
static void
drop_grant(MDB_txn *txn, MDB_dbi dbi)
{
	delete_raw(txn, dbi, lb_key_u64(6)); /* denied: only its person and session know it */
}
static void
add_grant_of_tomorrow(MDB_txn *txn, MDB_dbi dbi)
{
	struct lb_grant g = pending_grant(7, "ann");

	put_record(txn, dbi, LB_TABLE_GRANT, lb_key_u64(7), &g);
}
static void
revive_grant(MDB_txn *txn, MDB_dbi dbi)
{
	struct lb_grant g = pending_grant(5, "ann");

	set_account(&g, 5);
	g.state = LB_STATE_ACTIVE;
	put_record(txn, dbi, LB_TABLE_GRANT, lb_key_u64(5), &g);
}
static void
lower_counters(MDB_txn *txn, MDB_dbi dbi)
{
	put_record(txn, dbi, LB_TABLE_META, lb_key_text(LB_KEY_COUNTERS),
		   &(struct lb_counters){.grant = 5, .session = 6, .serial = 6, .role = 2});
}
static void
lower_serial(MDB_txn *txn, MDB_dbi dbi)
{
	put_record(txn, dbi, LB_TABLE_META, lb_key_text(LB_KEY_COUNTERS),
		   &(struct lb_counters){.grant = 6, .session = 6, .serial = 5, .role = 2});
}
static void
lower_session(MDB_txn *txn, MDB_dbi dbi)
{
	put_record(txn, dbi, LB_TABLE_META, lb_key_text(LB_KEY_COUNTERS),
		   &(struct lb_counters){.grant = 6, .session = 5, .serial = 6, .role = 2});
}
static void
lower_role(MDB_txn *txn, MDB_dbi dbi)
{
	put_record(txn, dbi, LB_TABLE_META, lb_key_text(LB_KEY_COUNTERS),
		   &(struct lb_counters){.grant = 6, .session = 6, .serial = 6, .role = 1});
}
static void
drop_counters(MDB_txn *txn, MDB_dbi dbi)
{
	delete_raw(txn, dbi, lb_key_text(LB_KEY_COUNTERS));
}
static void
drop_version(MDB_txn *txn, MDB_dbi dbi)
{
	delete_raw(txn, dbi, lb_key_text(LB_KEY_FORMAT));
}
static void
add_meta(MDB_txn *txn, MDB_dbi dbi)
{
	put_raw(txn, dbi, lb_key_text("extra"), "x", 1);
}
static void
share_gid(MDB_txn *txn, MDB_dbi dbi)
{
	put_record(txn, dbi, LB_TABLE_ROLE, lb_key_text("third"),
		   &(struct lb_role_entry){.gid = LB_UID_FIRST});
}
static void
session_of_nobody(MDB_txn *txn, MDB_dbi dbi)
{
	put_record(txn, dbi, LB_TABLE_SESSION, lb_key_pair(70, 6),
		   &(struct lb_session){.grant = 70, .number = 6});
}
static void
statement_of_nobody(MDB_txn *txn, MDB_dbi dbi)
{
	static const struct lb_signed s = {
		.grant = 70, .number = 1, .approver = "bob", .text = "x\n"};

	put_record(txn, dbi, LB_TABLE_STATEMENT, lb_key_pair(70, 1), &s);
}
static void
attested_by_himself(MDB_txn *txn, MDB_dbi dbi)
{
	struct lb_key key = lb_key_names("ann", "screening");
	struct lb_attestation a = {.identity = "ann",
				   .check = "screening",
				   .state = LB_ATTESTED_ENDED,
				   .by = "bob",
				   .until_s = 5};
	uint8_t buf[LB_RECORD_MAX];
	size_t len;

	ok(lb_record_encode(LB_TABLE_ATTESTATION, &key, &a, buf, &len));
	memcpy(strstr((char *)buf + 20, "bob"), "ann", 3);
	put_raw(txn, dbi, key, buf, len);
}
static void
attested_and_in_no_index(MDB_txn *txn, MDB_dbi dbi)
{
	static const struct lb_attestation a = {.identity = "ann",
						.check = "screening",
						.state = LB_ATTESTED_HOLDS,
						.by = "bob",
						.until_s = 5};

	put_record(txn, dbi, LB_TABLE_ATTESTATION, lb_key_names("ann", "screening"), &a);
}
static void
eligible_and_in_no_index(MDB_txn *txn, MDB_dbi dbi)
{
	static const struct lb_eligibility e = {
		.identity = "ann", .role = "op", .state = LB_ELIGIBLE_PENDING, .until_s = 5};

	put_record(txn, dbi, LB_TABLE_ELIGIBILITY, lb_key_names("ann", "op"), &e);
}
static void
lapse_of_nothing(MDB_txn *txn, MDB_dbi dbi)
{
	static const struct lb_lapse l = {LB_LAPSE_PENDING, 5, "ann", "op"};

	put_raw(txn, dbi, lb_key_lapse(&l), "", 0);
}
static void
drop_table(MDB_txn *txn, MDB_dbi dbi)
{
	assert_int_equal(mdb_drop(txn, dbi, 1), 0);
}
static void
add_table(MDB_txn *txn, MDB_dbi dbi)
{
	put_raw(txn, dbi, lb_key_text("k"), "v", 1);
}
static void
drop_record_from_the_chain(MDB_txn *txn, MDB_dbi dbi)
{
	delete_raw(txn, dbi, lb_key_u64(4));
}
static void
drop_first_record(MDB_txn *txn, MDB_dbi dbi)
{
	delete_raw(txn, dbi, lb_key_u64(1));
}
/* A record with a hash of its own that is right but for the record before. */
static void
rewrite_record(MDB_txn *txn, MDB_dbi dbi)
{
	uint8_t prev[LB_HASH_SIZE] = {0}, buf[LB_RECORD_MAX];
	struct lb_msg_record r = event(2, "approve");
	size_t len;

	r.seq = 4;
	ok(lb_audit_encode(prev, &r, buf, &len));
	put_raw(txn, dbi, lb_key_u64(4), buf, len);
}
static void
reword_record(MDB_txn *txn, MDB_dbi dbi)
{
	struct lb_key key = lb_key_u64(4);
	MDB_val k = {key.size, key.bytes}, v;
	uint8_t buf[LB_RECORD_MAX];
	char *word;

	assert_int_equal(mdb_get(txn, dbi, &k, &v), 0);
	memcpy(buf, v.mv_data, v.mv_size);
	word = memmem(buf, v.mv_size, "because", 7);
	assert_non_null(word);
	word[0] = 'B';
	put_raw(txn, dbi, key, buf, v.mv_size);
}

static void
give_an_index_entry_a_value(MDB_txn *txn, MDB_dbi dbi)
{
	put_raw(txn, dbi, lb_key_u64(2), "x", 1);
}
static void
put_junk(MDB_txn *txn, MDB_dbi dbi)
{
	put_raw(txn, dbi, lb_key_u32(5), "junk", 4);
}

static void
records_that_do_not_agree_are_found(void **state)
{
	static const struct {
		const char *database;
		void (*edit)(MDB_txn *txn, MDB_dbi dbi);
	} cases[] = {
		{"live", drop_live},
		{"live", add_live},
		{"live", give_an_index_entry_a_value},
		{"deadline", drop_deadline},
		{"deadline", add_deadline},
		{"person", drop_person},
		{"person", add_person},
		{"own", drop_person},
		{"own", add_person},
		{"begun", add_begun},
		{"person", add_long_key},
		{"uid", drop_uid},
		{"uid", swap_uid},
		{"uid", put_junk},
		{"grant", drop_grant},
		{"grant", add_grant_of_tomorrow},
		{"grant", revive_grant},
		{"meta", lower_counters},
		{"meta", lower_serial},
		{"meta", lower_session},
		{"meta", lower_role},
		{"meta", drop_counters},
		{"meta", drop_version},
		{"meta", add_meta},
		{"role", share_gid},
		{"role", put_junk},
		{"session", session_of_nobody},
		{"session", drop_table},
		{"statement", statement_of_nobody},
		{"statement", put_junk},
		{"attestation", attested_by_himself},
		{"attestation", attested_and_in_no_index},
		{"attestation", put_junk},
		{"eligibility", eligible_and_in_no_index},
		{"eligibility", put_junk},
		{"lapse", lapse_of_nothing},
		{"more", add_table},
		{"audit", drop_record_from_the_chain},
		{"audit", drop_first_record},
		{"audit", rewrite_record},
		{"audit", reword_record},
	};
	struct place *p = *state;
	uint8_t *was;
	size_t size;

	fill_store(p);
	was = read_file(p->file, &size);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_check(p, LB_OK);
		edit_raw(p, cases[i].database, cases[i].edit);
		if (lb_store_check(p->dir, (char[256]){0}, 256) != LB_ERR_DAMAGED)
			print_error("case %zu was not found\n", i);
		assert_check(p, LB_ERR_DAMAGED);
		write_file(p->file, was, size);
	}
	free(was);
}

/* ---- pages ---- */

struct contents {
	uint8_t digest[32];
};

/* Everything that can be read, as one hash. */
static struct contents
read_contents(struct place *p)
{
	static const size_t cap = 1 << 16;
	struct contents c = {{0}};
	struct lb_store_txn *txn;
	struct lb_msg_record r = {0}, all;
	struct lb_session s = {0};
	struct lb_grant g = {.id = 0};
	uint8_t *buf = calloc(1, cap);
	size_t at = 0;

	assert_non_null(buf);
	txn = begin(p, LB_STORE_READ);
	while (lb_store_next_grant(txn, g.id, &g) == LB_OK && at + sizeof g <= cap) {
		memcpy(buf + at, &g, sizeof g);
		at += sizeof g;
	}
	while (lb_store_next_session(txn, s.grant, s.number, &s) == LB_OK && at + sizeof s <= cap) {
		memcpy(buf + at, &s, sizeof s);
		at += sizeof s;
	}
	while (lb_store_next_record(txn, r.seq, &r) == LB_OK)
		memcpy(c.digest, r.hash, sizeof c.digest);
	lb_store_abort(txn);
	/* One more use of the chain's hash, over what is not in it. */
	memset(&all, 0, sizeof all);
	all.seq = 1;
	for (size_t i = 0; i < at; i += sizeof all.hash) {
		uint8_t out[LB_RECORD_MAX];
		size_t len;

		memcpy(all.detail, "d", 2);
		for (size_t j = 0; j < sizeof all.hash; j++)
			c.digest[j] ^= buf[i + j];
		ok(lb_audit_encode(c.digest, &all, out, &len));
		memcpy(c.digest, all.hash, sizeof c.digest);
	}
	free(buf);
	return c;
}

/* Changes one byte; true when the store is then refused.  Else it must read as before. */
static bool
flip_is_found(struct place *p, const uint8_t *was, size_t at, uint8_t mask,
	      const struct contents *expected)
{
	uint8_t byte = was[at] ^ mask;
	struct contents c;
	char why[256];
	int fd = open(p->file, O_WRONLY), err;

	assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
	err = lb_store_check(p->dir, why, sizeof why);
	if (err == LB_OK) {
		place_open(p);
		c = read_contents(p);
		place_close(p);
	}
	assert_int_equal(pwrite(fd, &was[at], 1, (off_t)at), 1);
	close(fd);
	if (err == LB_OK && memcmp(&c, expected, sizeof c) != 0)
		fail_msg("byte %zu ^ %#x passes and reads differently", at, (unsigned int)mask);
	return err != LB_OK;
}

static void
a_changed_byte_is_found_or_changes_nothing(void **state)
{
	struct place *p = *state;
	struct contents expected;
	size_t size, tried = 0, refused = 0, page = 4096;
	unsigned int every = 97, every_header = SAMPLE;
	uint8_t *was;

	if (getenv("LB_TEST_THOROUGH") != NULL)
		every = every_header = 1;
	fill_store(p);
	place_open(p);
	expected = read_contents(p);
	place_close(p);
	was = read_file(p->file, &size);
	for (size_t at = 0; at < size; at++) {
		/* Where pages keep what LMDB goes by, every byte (SAMPLE); elsewhere one in 97. */
		bool header = at % page < (at < 2 * page ? 152 : 24);
		uint8_t mask = (uint8_t)(at % 3 == 0 ? 0xff : 1u << at % 8);

		if (was[at] == 0 && at / page >= 40)
			continue;
		if (at % (header ? every_header : every) != 0)
			continue;
		tried++;
		refused += flip_is_found(p, was, at, mask, &expected);
	}
	print_message("%zu bytes changed, %zu found\n", tried, refused);
	assert_true(tried > 500 / SAMPLE && refused > 200 / SAMPLE);
	assert_check(p, LB_OK);
	free(was);
}

static void
a_spoilt_meta_page_does_not_bring_back_the_past(void **state)
{
	struct place *p = *state;
	size_t size, page = 4096;
	uint8_t *was, byte;

	fill_store(p);
	was = read_file(p->file, &size);
	/* The transaction number, the last word of a meta page: an older one makes LMDB take the other. */
	for (size_t meta = 0; meta < 2; meta++) {
		size_t at = meta * page + 16 + 128;
		int fd = open(p->file, O_WRONLY);

		byte = 0;
		assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
		assert_check(p, LB_ERR_DAMAGED);
		assert_int_equal(pwrite(fd, &was[at], 1, (off_t)at), 1);
		close(fd);
	}
	assert_check(p, LB_OK);
	free(was);
}

/* ---- interruption ---- */

/* Commits for ever, telling each committed number through the pipe. */
static void __attribute__((noreturn)) write_for_ever(struct place *p, int out)
{
	struct lb_store_txn *txn;
	uint32_t gid;

	if (lb_store_open(p->dir, 8 * SMALL_MAP, &p->store) != LB_OK)
		_exit(1);
	for (;;) {
		struct lb_msg_record r = event(1, "request");
		struct lb_grant g;
		uint64_t id;

		if (lb_store_begin(p->store, LB_STORE_WRITE, &txn) != LB_OK ||
		    lb_store_next_id(txn, &id) != LB_OK)
			_exit(2);
		g = pending_grant(id, "ann");
		r.grant = id;
		if (id > 20) { /* an old one ends, so that pages are freed and used again */
			struct lb_grant old;

			if (lb_store_grant(txn, id - 20, &old) != LB_OK)
				_exit(3);
			old.state = LB_STATE_ENDED;
			if (lb_store_put_grant(txn, &old) != LB_OK)
				_exit(4);
		}
		if (lb_store_put_grant(txn, &g) != LB_OK || lb_store_append(txn, &r) != LB_OK ||
		    lb_store_role_gid(txn, "web", &gid) != LB_OK || lb_store_commit(txn) != LB_OK ||
		    write(out, &r.seq, sizeof r.seq) != (ssize_t)sizeof r.seq)
			_exit(5);
	}
}

/* The last number that a writer said was committed: killed some time after it has told so many. */
static uint64_t
kill_a_writer(struct place *p, unsigned told, long after_us, uint64_t last)
{
	struct timespec pause = {0, after_us * 1000};
	int ends[2], status;
	uint64_t seq;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(ends[0]);
		write_for_ever(p, ends[1]);
	}
	close(ends[1]);
	for (unsigned i = 0; i < told; i++, last = seq)
		assert_int_equal(read(ends[0], &seq, sizeof seq), sizeof seq);
	nanosleep(&pause, NULL); /* the moment of death, not a wait for anything */
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	while (read(ends[0], &seq, sizeof seq) == (ssize_t)sizeof seq)
		last = seq;
	close(ends[0]);
	return last;
}

/* Returns the last record there is: at most one that was committed and not yet told. */
static uint64_t
assert_committed(struct place *p, uint64_t told)
{
	struct lb_store_txn *txn;
	struct lb_msg_record r;
	struct lb_grant g;
	uint64_t last = told;

	assert_check(p, LB_OK);
	if (told == 0)
		return 0;
	ok(lb_store_open(p->dir, 8 * SMALL_MAP, &p->store));
	txn = begin(p, LB_STORE_READ);
	ok(lb_store_next_record(txn, told - 1, &r));
	assert_int_equal(r.seq, told);
	ok(lb_store_grant(txn, r.grant, &g));
	while (lb_store_next_record(txn, last, &r) == LB_OK)
		last = r.seq;
	assert_in_range(last, told, told + 1);
	lb_store_abort(txn);
	place_close(p);
	return last;
}

static void
no_committed_transaction_is_lost_to_a_kill(void **state)
{
	struct place *p = *state;
	uint64_t last = 0;
	char new[sizeof p->dir + 16];

	snprintf(new, sizeof new, "%s/%s", p->dir, LB_STORE_FILE_NEW);
	for (long i = 0; i < 40; i++) {
		/* At first while the store is made and opened, then anywhere in a commit. */
		last = i < 10 ? kill_a_writer(p, 0, i * 300, last)
			      : kill_a_writer(p, 1 + (unsigned)i % 4, i * 7919 % 3000, last);
		last = assert_committed(p, last);
	}
	assert_true(last > 0); /* how many depends on the disk */
	unlink(new);	       /* when no creation was ever finished */
}

static void
what_is_wrong_is_said_in_the_room_there_is(void **state)
{
	struct place *p = *state;
	char why[8];

	fill_store(p);
	write_file(p->file, "junk", 4);
	/* A small buffer is filled as far as it goes, and terminated. */
	memset(why, 'x', sizeof why);
	assert_int_equal(lb_store_check(p->dir, why, sizeof why), LB_ERR_DAMAGED);
	assert_int_equal(strlen(why), sizeof why - 1);
	assert_int_equal(lb_store_check("/nonexistent", why, sizeof why), LB_ERR_SYSTEM);
}

/* ---- what cannot be examined ---- */

static void
a_link_to_a_store_is_not_followed(void **state)
{
	struct place *p = *state;
	char aside[sizeof p->file + 8];

	fill_store(p);
	assert_check(p, LB_OK);
	snprintf(aside, sizeof aside, "%s.aside", p->file);
	assert_int_equal(rename(p->file, aside), 0);
	assert_int_equal(symlink(aside, p->file), 0);
	assert_check(p, LB_ERR_SYSTEM);
	assert_int_equal(unlink(p->file), 0);
	assert_int_equal(rename(aside, p->file), 0);
	assert_check(p, LB_OK);
}

static void
a_directory_whose_name_is_too_long_is_refused(void **state)
{
	char dir[PATH_MAX], why[64];
	struct lb_store *store = NULL;

	(void)state;
	memset(dir, '/', sizeof dir - 1);
	dir[sizeof dir - 1] = '\0';
	assert_int_equal(lb_store_check(dir, why, sizeof why), LB_ERR_TOO_LONG);
	assert_true(why[0] != '\0');
	assert_int_not_equal(lb_store_open(dir, SMALL_MAP, &store), LB_OK);
	assert_null(store);
}

static void
without_descriptors_nothing_is_said_to_be_well(void **state)
{
	struct place *p = *state;
	struct rlimit usual;
	char why[64];
	int next;

	fill_store(p);
	next = dup(0);
	close(next);
	getrlimit(RLIMIT_NOFILE, &usual);
	/* None at all; one for the directory; and one for half of the pipe. */
	for (rlim_t more = 0; more < 3; more++) {
		setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)next + more, usual.rlim_max});
		assert_int_equal(lb_store_check(p->dir, why, sizeof why), LB_ERR_SYSTEM);
		setrlimit(RLIMIT_NOFILE, &usual);
		assert_non_null(strstr(why, strerror(EMFILE)));
	}
	assert_check(p, LB_OK);
}

#define in_place(test) cmocka_unit_test_setup_teardown(test, place_setup, place_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		in_place(a_directory_without_a_store_passes),
		in_place(an_examination_changes_nothing),
		in_place(empty_short_and_garbage_files_are_refused_and_kept),
		in_place(a_file_cut_off_anywhere_is_refused),
		in_place(a_creation_cut_off_is_started_again),
		in_place(a_newer_store_is_refused_and_not_touched),
		in_place(records_that_do_not_agree_are_found),
		in_place(a_changed_byte_is_found_or_changes_nothing),
		in_place(a_spoilt_meta_page_does_not_bring_back_the_past),
		in_place(no_committed_transaction_is_lost_to_a_kill),
		in_place(what_is_wrong_is_said_in_the_room_there_is),
		in_place(a_link_to_a_store_is_not_followed),
		in_place(a_directory_whose_name_is_too_long_is_refused),
		in_place(without_descriptors_nothing_is_said_to_be_well),
	};

	return cmocka_run_group_tests_name("store damage", tests, NULL, NULL);
}
