/* The journal: what is committed before the databases have it.  See keeper/store_inside.h. */
#include "test_store.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "keeper/store_inside.h"

#define MAP (16 * SMALL_MAP) /* so that the journal has pages for a few commits */
#define BLOCKS (LB_BLOCK_PAGE / LB_BLOCK_SIZE)

static void
open_it(struct place *p)
{
	ok(lb_store_open(p->dir, MAP, &p->store));
}

/* Work of a process that is killed after it: nothing is put in order at its end. */
static void
killed_after(struct place *p, void (*work)(struct place *p))
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		open_it(p);
		work(p);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
}

static void
one_grant(struct place *p)
{
	add_grant(p, "ann");
}

static void
three_grants(struct place *p)
{
	for (int i = 0; i < 3; i++)
		add_grant(p, "ann");
}

/* One that takes two pages of the journal and a bit. */
static void
large(struct place *p)
{
	struct lb_store_txn *txn = begin(p, LB_STORE_WRITE);
	struct lb_msg_record r = event(0, "filler");

	memset(r.detail, 'f', sizeof r.detail - 1);
	for (size_t n = 0; n < 2 * LB_PAGE_ROOM; n += sizeof r.detail)
		ok(lb_store_append(txn, &r));
	ok(lb_store_commit(txn));
}

static uint64_t
grants(struct place *p)
{
	struct lb_store_txn *txn = begin(p, LB_STORE_READ);
	struct lb_grant g = {.id = 0};
	uint64_t n = 0;

	while (lb_store_next_grant(txn, g.id, &g) == LB_OK)
		n++;
	lb_store_abort(txn);
	return n;
}

static uint64_t
records(struct place *p)
{
	struct lb_store_txn *txn = begin(p, LB_STORE_READ);
	struct lb_msg_record r = {.seq = 0};

	while (lb_store_next_record(txn, r.seq, &r) == LB_OK)
		;
	lb_store_abort(txn);
	return r.seq;
}

/* What LMDB has by itself. */
static uint64_t
grants_in_databases(struct place *p)
{
	MDB_env *env;
	MDB_txn *txn;
	MDB_stat stat;
	MDB_dbi dbi;

	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_set_maxdbs(env, LB_TABLE_COUNT), 0);
	assert_int_equal(mdb_env_open(env, p->file, MDB_NOSUBDIR | MDB_NOLOCK | MDB_RDONLY, 0), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, lb_table_name(LB_TABLE_GRANT), 0, &dbi), 0);
	assert_int_equal(mdb_stat(txn, dbi, &stat), 0);
	mdb_txn_abort(txn);
	mdb_env_close(env);
	return stat.ms_entries;
}

/* Where the journal is in the file. */
static off_t
journal_at(struct place *p, size_t page)
{
	off_t at;

	open_it(p);
	at = p->store->journal.at;
	p->store->broken = true; /* leaves the journal as it is */
	place_close(p);
	return at + (off_t)(page * LB_BLOCK_PAGE);
}

static void
put_block_bytes(struct place *p, off_t at, const void *bytes, size_t size)
{
	int fd = open(p->file, O_WRONLY | O_CLOEXEC);

	assert_int_equal(pwrite(fd, bytes, size, at), size);
	close(fd);
}

static void
get_block_bytes(struct place *p, off_t at, void *bytes, size_t size)
{
	int fd = open(p->file, O_RDONLY | O_CLOEXEC);

	assert_int_equal(pread(fd, bytes, size, at), size);
	close(fd);
}

/* As it was before anything was written there. */
static void
put_blank(struct place *p, off_t journal, size_t block)
{
	uint8_t page[LB_BLOCK_PAGE];

	lb_blocks_blank(block / BLOCKS, 1, page);
	put_block_bytes(p, journal + (off_t)(block * LB_BLOCK_SIZE),
			page + block % BLOCKS * LB_BLOCK_SIZE, LB_BLOCK_SIZE);
}

static void
what_is_committed_is_there_after_a_kill_though_lmdb_does_not_have_it(void **state)
{
	struct place *p = *state;

	open_it(p);
	place_close(p);
	killed_after(p, three_grants);
	assert_int_equal(grants_in_databases(p), 0);
	assert_check(p, LB_OK);
	open_it(p);
	assert_int_equal(grants(p), 3);
	add_grant(p, "bob");
	assert_int_equal(grants(p), 4);
	/* An orderly end leaves a store that LMDB alone can read. */
	place_close(p);
	assert_int_equal(grants_in_databases(p), 4);
	assert_check(p, LB_OK);
}

static void
kills_one_after_the_other_lose_nothing_and_fill_the_journal(void **state)
{
	struct place *p = *state;
	uint64_t epoch = 0;

	for (unsigned n = 1; n <= 100; n++) {
		killed_after(p, n % 10 == 5 ? large : one_grant);
		open_it(p);
		assert_true(p->store->journal.epoch >= epoch);
		epoch = p->store->journal.epoch;
		assert_int_equal(grants(p), n - (n + 5) / 10);
		p->store->broken = true; /* no orderly end either */
		place_close(p);
	}
	assert_true(epoch > 3);
	assert_check(p, LB_OK);
}

static void
what_is_given_up_takes_nothing_with_it(void **state)
{
	struct place *p = *state;
	struct lb_store_txn *txn;
	struct lb_grant g;
	uint64_t id;

	open_it(p);
	three_grants(p);
	txn = begin(p, LB_STORE_WRITE);
	ok(lb_store_next_id(txn, &id));
	g = pending_grant(id, "bob");
	ok(lb_store_put_grant(txn, &g));
	lb_store_abort(txn);
	assert_int_equal(grants(p), 3);
	assert_int_equal(p->store->journal.used, 3);
	g = add_grant(p, "bob");
	assert_int_equal(g.id, id);
	place_close(p);
	assert_check(p, LB_OK);
}

static void
more_than_it_can_hold_goes_into_the_databases(void **state)
{
	struct place *p = *state;
	struct lb_store_txn *txn;
	struct lb_msg_record r = event(0, "filler");

	open_it(p);
	three_grants(p);
	memset(r.detail, 'f', sizeof r.detail - 1);
	txn = begin(p, LB_STORE_WRITE);
	for (size_t n = 0; n < 2 * p->store->journal.pages * LB_PAGE_ROOM; n += sizeof r.detail)
		ok(lb_store_append(txn, &r));
	ok(lb_store_commit(txn));
	assert_int_equal(p->store->journal.used, 0);
	assert_int_equal(p->store->journal.epoch, 2);
	assert_int_equal(grants_in_databases(p), 3);
	assert_int_equal(records(p), r.seq);
}

/* The power goes while a record is written: any of its blocks may be missing. */
static void
a_record_not_wholly_written_was_never_there(void **state)
{
	struct place *p = *state;
	off_t journal;
	uint64_t before;
	size_t blocks = 2 * BLOCKS + 1;

	open_it(p);
	place_close(p);
	journal = journal_at(p, 0);
	for (size_t missing = 0; missing < blocks; missing++) {
		killed_after(p, one_grant);
		open_it(p);
		before = records(p);
		p->store->broken = true;
		place_close(p);
		killed_after(p, large);
		put_blank(p, journal, BLOCKS + missing);
		assert_check(p, LB_OK);
		/* A short one takes its place; what is left of the long one is not taken for more of it. */
		killed_after(p, one_grant);
		assert_check(p, LB_OK);
		open_it(p);
		assert_int_equal(records(p), before);
		assert_int_equal(grants(p), 2 * (missing + 1));
		place_close(p); /* empties it */
	}
}

static void
every_bit_of_it_is_looked_at(void **state)
{
	struct place *p = *state;
	off_t journal;

	open_it(p);
	place_close(p);
	killed_after(p, three_grants);
	journal = journal_at(p, 0);
	/* The three records, and blocks that were never used. */
	for (off_t at = journal; at < journal + 4 * LB_BLOCK_PAGE; at += 37) {
		uint8_t was, is;

		get_block_bytes(p, at, &was, 1);
		is = was ^ (uint8_t)(1u << at % 8);
		put_block_bytes(p, at, &is, 1);
		assert_check(p, LB_ERR_DAMAGED);
		if (at < journal + LB_BLOCK_SIZE)
			assert_int_equal(lb_store_open(p->dir, MAP, &p->store), LB_ERR_DAMAGED);
		put_block_bytes(p, at, &was, 1);
	}
	assert_check(p, LB_OK);
}

static void
nothing_may_come_after_a_gap(void **state)
{
	struct place *p = *state;
	uint8_t kept[LB_BLOCK_PAGE], zeros[LB_BLOCK_SIZE] = {0};
	off_t journal;

	open_it(p);
	place_close(p);
	killed_after(p, three_grants);
	journal = journal_at(p, 0);
	get_block_bytes(p, journal + LB_BLOCK_PAGE, kept, sizeof kept);
	put_blank(p, journal, BLOCKS);
	assert_check(p, LB_ERR_DAMAGED);
	assert_int_equal(lb_store_open(p->dir, MAP, &p->store), LB_ERR_DAMAGED);
	/* Zeros are no blank block, nor is another page's. */
	put_block_bytes(p, journal + LB_BLOCK_PAGE, kept, sizeof kept);
	put_block_bytes(p, journal + 2 * LB_BLOCK_PAGE, kept, sizeof kept);
	assert_check(p, LB_ERR_DAMAGED);
	put_block_bytes(p, journal + 2 * LB_BLOCK_PAGE, zeros, sizeof zeros);
	assert_check(p, LB_ERR_DAMAGED);
}

/* The examination of a file does not believe a well-formed block with nonsense in it. */
static void
a_change_that_no_store_makes_is_damage(void **state)
{
	static const struct {
		uint8_t bytes[16];
		size_t size;
	} wrong[] = {
		{{1}, 1},			      /* cut off */
		{{3, 2, 1, 'k', 0, 0, 0, 0}, 8},      /* no such kind */
		{{1, 9, 1, 'k', 0, 0, 0, 0}, 8},      /* no such database */
		{{1, 2, 0, 0, 0, 0, 0}, 7},	      /* no key */
		{{1, 2, 33, 'k', 0, 0, 0, 0}, 8},     /* too long a key */
		{{1, 2, 1, 'k', 0, 0, 0, 1, 'v'}, 9}, /* an index with a value */
		{{1, 1, 1, 'k', 0, 0, 0, 1, 'v'}, 9}, /* no grant */
		{{1, 8, 1, 'k', 0, 0, 0, 1, 'v'}, 9}, /* no audit record */
		{{1, 2, 1, 'k', 0, 0, 1, 0}, 8},      /* more than there is */
		{{2, 2, 1, 'k', 0, 0, 0, 1, 'v'}, 9}, /* deleted, with a value */
		{{2, 2, 1, 'k', 0, 0, 0, 0, 'x'}, 9}, /* and more behind it */
	};
	struct place *p = *state;
	struct lb_bytes record = {0}, blocks = {0};
	off_t journal;

	open_it(p);
	place_close(p);
	journal = journal_at(p, 0);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		assert_non_null(lb_bytes_reserve(&record, wrong[i].size));
		memcpy(record.bytes, wrong[i].bytes, wrong[i].size);
		record.size = wrong[i].size;
		ok(lb_blocks_cut(&record, 1, 0, &blocks));
		put_block_bytes(p, journal, blocks.bytes, blocks.size);
		assert_check(p, LB_ERR_DAMAGED);
		assert_int_equal(lb_store_open(p->dir, MAP, &p->store), LB_ERR_DAMAGED);
		record.size = 0;
	}
	/* Nor one of a time to come; one of a time that is over is nothing. */
	memcpy(record.bytes, wrong[0].bytes, record.size = wrong[0].size);
	ok(lb_blocks_cut(&record, 2, 0, &blocks));
	put_block_bytes(p, journal, blocks.bytes, blocks.size);
	assert_check(p, LB_ERR_DAMAGED);
	put_blank(p, journal, 0);
	assert_check(p, LB_OK);
	free(record.bytes);
	free(blocks.bytes);
}

#define in_place(test) cmocka_unit_test_setup_teardown(test, place_setup, place_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		in_place(what_is_committed_is_there_after_a_kill_though_lmdb_does_not_have_it),
		in_place(kills_one_after_the_other_lose_nothing_and_fill_the_journal),
		in_place(what_is_given_up_takes_nothing_with_it),
		in_place(more_than_it_can_hold_goes_into_the_databases),
		in_place(a_record_not_wholly_written_was_never_there),
		in_place(every_bit_of_it_is_looked_at),
		in_place(nothing_may_come_after_a_gap),
		in_place(a_change_that_no_store_makes_is_damage),
	};

	/* Flushes are not the matter here. */
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0);
	return cmocka_run_group_tests_name("store journal", tests, NULL, NULL);
}
