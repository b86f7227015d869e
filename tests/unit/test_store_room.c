/* How the store grows, what it keeps for endings, and that it has one owner: see keeper/store.h. */
#include "test_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "keeper/store_inside.h"

/* ---- what fills it, and what ends ---- */

/* A request in a transaction of its own, with much to say. */
static int
put_request(struct place *p)
{
	struct lb_msg_record r = event(0, "request");
	struct lb_store_txn *txn;
	struct lb_grant g;
	uint64_t id;
	int err = lb_store_begin(p->store, LB_STORE_WRITE, &txn);

	if (err != LB_OK)
		return err;
	ok(lb_store_next_id(txn, &id));
	g = pending_grant(id, "ann");
	memset(g.reason, 'x', 400);
	r.grant = id;
	ok(lb_store_put_grant(txn, &g));
	ok(lb_store_append(txn, &r));
	ok(lb_store_commit(txn));
	return LB_OK;
}

/* Requests until there is no room for more. */
static uint64_t
fill_up(struct place *p)
{
	uint64_t n = 0;
	int err;

	while ((err = put_request(p)) == LB_OK)
		n++;
	assert_int_equal(err, LB_ERR_FULL);
	return n;
}

/* Ends every live grant, each with its record, and a receipt as long as it can be. */
static uint64_t
end_all(struct place *p)
{
	struct lb_store_txn *txn;
	struct lb_grant g;
	uint64_t n;

	for (n = 0;; n++) {
		struct lb_msg_record r = event(n, "end"), receipt = event(n, "evicted");
		int err;

		ok(lb_store_begin(p->store, LB_STORE_WRITE_ENDING, &txn));
		err = lb_store_next_live(txn, 0, &g);
		if (err == LB_ERR_NOT_FOUND)
			break;
		ok(err);
		g.state = LB_STATE_ENDED;
		memset(g.cause, 'c', sizeof g.cause - 1);
		memset(receipt.detail, 'r', sizeof receipt.detail - 1);
		ok(lb_store_put_grant(txn, &g));
		ok(lb_store_append(txn, &r));
		ok(lb_store_commit(txn));
		ok(lb_store_begin(p->store, LB_STORE_WRITE_ENDING, &txn));
		ok(lb_store_append(txn, &receipt));
		ok(lb_store_commit(txn));
	}
	lb_store_abort(txn);
	return n;
}

static struct lb_store_size
size_of(struct place *p)
{
	struct lb_store_size size;

	lb_store_get_size(p->store, &size);
	return size;
}

/* What the file has, and what it has on the disk. */
static void
assert_file(struct place *p, size_t bytes)
{
	struct stat st;

	assert_int_equal(stat(p->file, &st), 0);
	assert_int_equal(st.st_size, bytes);
	assert_true((size_t)st.st_blocks * 512 >= bytes);
	assert_int_equal(size_of(p).bytes, bytes);
}

static uint64_t
count_live(struct place *p)
{
	struct lb_store_txn *txn = begin(p, LB_STORE_READ);
	struct lb_grant g = {.id = 0};
	uint64_t n = 0;

	while (lb_store_next_live(txn, g.id, &g) == LB_OK)
		n++;
	lb_store_abort(txn);
	return n;
}

/* ---- growth ---- */

static void
the_store_grows_step_by_step_up_to_its_most(void **state)
{
	struct place *p = *state;
	uint64_t first, all;

	place_open(p);
	assert_file(p, SMALL_MAP);
	first = fill_up(p);
	assert_file(p, SMALL_MAP);
	lb_store_set_most(p->store, 4 * SMALL_MAP + SMALL_MAP / 2);
	ok(put_request(p));
	assert_file(p, 2 * SMALL_MAP);
	all = first + 1 + fill_up(p);
	assert_file(p, 4 * SMALL_MAP + SMALL_MAP / 2); /* the last step is what is left */
	assert_false(size_of(p).disk_full);
	assert_in_range(all, 4 * first, 12 * first);
	place_close(p);
	assert_check(p, LB_OK);
	/* It stays as large as it was, and goes on from there. */
	place_open(p);
	assert_file(p, 4 * SMALL_MAP + SMALL_MAP / 2);
	assert_int_equal(count_live(p), all);
	assert_int_equal(put_request(p), LB_ERR_FULL);
	lb_store_set_most(p->store, 6 * SMALL_MAP);
	ok(put_request(p));
	assert_file(p, 5 * SMALL_MAP + SMALL_MAP / 2);
	/* A most below what it has takes nothing away. */
	lb_store_set_most(p->store, SMALL_MAP);
	ok(put_request(p));
	assert_file(p, 5 * SMALL_MAP + SMALL_MAP / 2);
}

static void
a_growth_that_was_cut_off_is_taken_up(void **state)
{
	struct place *p = *state;

	place_open(p);
	fill_up(p);
	place_close(p);
	/* The file had been enlarged, no commit had noted it yet; and not by whole pages. */
	assert_int_equal(truncate(p->file, 3 * SMALL_MAP + 100), 0);
	assert_check(p, LB_OK);
	place_open(p);
	assert_int_equal(size_of(p).bytes, 3 * SMALL_MAP);
	assert_true(fill_up(p) > 0);
	place_close(p);
	assert_check(p, LB_OK);
}

static void
a_map_noted_smaller_than_the_file_is_no_matter(void **state)
{
	struct place *p = *state;
	size_t none = 0;
	uint64_t n;
	int fd;

	place_open(p);
	lb_store_set_most(p->store, 4 * SMALL_MAP);
	fill_up(p);
	place_close(p);
	fd = open(p->file, O_WRONLY);
	for (off_t meta = 0; meta < 2; meta++)
		assert_int_equal(pwrite(fd, &none, sizeof none, meta * 4096 + 16 + 16),
				 sizeof none);
	close(fd);
	assert_check(p, LB_OK);
	place_open(p);
	assert_file(p, 4 * SMALL_MAP);
	n = count_live(p);
	assert_true(n > 0);
	assert_int_equal(end_all(p), n);
}

/* ---- no room to grow ---- */

/* The largest file that may be made; 0: as large as one likes. */
static void
limit_files(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes == 0 ? limit.rlim_max : bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void
wait_a_little(void)
{
	nanosleep(&(struct timespec){0, 5000000}, NULL);
}

static void
without_room_to_grow_requests_are_refused_and_endings_go_through(void **state)
{
	struct place *p = *state;
	uint64_t n;
	int err;

	signal(SIGXFSZ, SIG_IGN);
	place_open(p);
	lb_store_set_most(p->store, 16 * SMALL_MAP);
	limit_files(3 * SMALL_MAP);
	n = fill_up(p);
	assert_file(p, 3 * SMALL_MAP);
	assert_true(size_of(p).disk_full);
	assert_int_equal(put_request(p), LB_ERR_FULL);
	assert_int_equal(end_all(p), n);
	assert_file(p, 3 * SMALL_MAP);
	assert_int_equal(count_live(p), 0);
	/* What was kept for the endings and not used is there again. */
	fill_up(p);
	/* As soon as there is room, it goes on by itself. */
	limit_files(0);
	for (int i = 0; (err = put_request(p)) == LB_ERR_FULL && i < 2000; i++)
		wait_a_little();
	ok(err);
	assert_file(p, 4 * SMALL_MAP);
	assert_false(size_of(p).disk_full);
	place_close(p);
	assert_check(p, LB_OK);
	signal(SIGXFSZ, SIG_DFL);
}

static void
endings_make_the_store_grow_too(void **state)
{
	struct place *p = *state;
	uint64_t n;

	place_open(p);
	n = fill_up(p);
	lb_store_set_most(p->store, 2 * SMALL_MAP);
	assert_int_equal(end_all(p), n);
	assert_file(p, 2 * SMALL_MAP);
}

/* Every grant is live and each ending writes as much as it can: the page kept for each is what does it. */
static void
many_live_grants_can_all_be_ended_at_each_size(void **state)
{
	struct place *p = *state;
	uint64_t n;

	for (size_t steps = 1; steps <= 6; steps += 1) {
		place_open(p);
		lb_store_set_most(p->store, steps * SMALL_MAP);
		fill_up(p);
		n = count_live(p);
		assert_int_equal(end_all(p), n);
		assert_file(p, steps * SMALL_MAP);
		place_close(p);
		assert_check(p, LB_OK);
	}
}

/* Appends records until there is no room for them in this mode. */
static size_t
append_up(struct place *p, enum lb_store_mode mode)
{
	struct lb_store_txn *txn;
	size_t n;
	int err;

	for (n = 0;; n++) {
		struct lb_msg_record r = event(0, "filler");

		memset(r.detail, 'f', sizeof r.detail - 1);
		err = lb_store_begin(p->store, mode, &txn);
		if (err != LB_OK)
			break;
		err = lb_store_append(txn, &r);
		if (err != LB_OK) {
			lb_store_abort(txn);
			break;
		}
		err = lb_store_commit(txn);
		if (err != LB_OK)
			break;
	}
	assert_int_equal(err, LB_ERR_FULL);
	return n;
}

static void
a_tenth_is_kept_for_endings(void **state)
{
	struct place *p = *state;
	size_t tenth = 16 * SMALL_MAP / 10, record = 4096 / 2; /* two of them fill a page */

	ok(lb_store_open(p->dir, 16 * SMALL_MAP, &p->store));
	assert_true(append_up(p, LB_STORE_WRITE) > 8 * tenth / record);
	assert_in_range(append_up(p, LB_STORE_WRITE_ENDING), tenth * 9 / 10 / record,
			2 * tenth / record);
	place_close(p);
	assert_check(p, LB_OK);
}

/* In a child without addresses to spare: the status says at which step something was wrong. */
static int
grow_without_memory(struct place *p)
{
	struct rlimit limit;

	if (lb_store_open(p->dir, SMALL_MAP, &p->store) != LB_OK)
		return 1;
	lb_store_set_most(p->store, 2 * SMALL_MAP);
	getrlimit(RLIMIT_AS, &limit);
	limit.rlim_cur = 1;
	if (setrlimit(RLIMIT_AS, &limit) != 0)
		return 2;
	if (put_request(p) == LB_OK || !lb_store_broken(p->store))
		return 3;
	if (put_request(p) != LB_ERR_SYSTEM)
		return 4;
	lb_store_close(p->store);
	return 0;
}

static void
a_growth_that_cannot_be_mapped_ends_this_opening_and_loses_nothing(void **state)
{
	struct place *p = *state;
	uint64_t n;
	int status;
	pid_t child;

	place_open(p);
	n = fill_up(p);
	place_close(p);
	child = fork();
	if (child == 0)
		_exit(grow_without_memory(p));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_check(p, LB_OK);
	place_open(p);
	assert_int_equal(count_live(p), n);
	assert_file(p, 2 * SMALL_MAP);
	ok(put_request(p));
}

/* ---- one owner ---- */

/* In a child of the owner. */
static int
use_after_fork(struct place *p)
{
	struct lb_store *second = NULL;
	struct lb_store_txn *txn;

	for (enum lb_store_mode mode = LB_STORE_READ; mode <= LB_STORE_WRITE_ENDING; mode++)
		if (lb_store_begin(p->store, mode, &txn) != LB_ERR_INTERNAL)
			return 1;
	if (lb_store_open(p->dir, SMALL_MAP, &second) != LB_ERR_SYSTEM || errno != EWOULDBLOCK)
		return 2;
	lb_store_close(p->store);
	return lb_store_open(p->dir, SMALL_MAP, &second) == LB_ERR_SYSTEM ? 0 : 3;
}

static void
a_child_of_the_owner_can_neither_use_nor_open_the_store(void **state)
{
	struct place *p = *state;
	pid_t child;
	int status;

	place_open(p);
	ok(put_request(p));
	child = fork();
	if (child == 0)
		_exit(use_after_fork(p));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	ok(put_request(p));
	assert_int_equal(count_live(p), 2);
	place_close(p);
	assert_check(p, LB_OK);
}

/* Names in the store's directory. */
static unsigned
count_files(struct place *p)
{
	DIR *dir = opendir(p->dir);
	unsigned n = 0;

	assert_non_null(dir);
	for (struct dirent *e; (e = readdir(dir)) != NULL;)
		n += e->d_name[0] != '.';
	closedir(dir);
	return n;
}

/* Runs what in a child until it says that it has begun, and kills it. */
static void
kill_in(struct place *p, void (*what)(struct place *p, int said))
{
	int ends[2], status;
	char begun;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		what(p, ends[1]);
		_exit(1);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &begun, 1), 1);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	close(ends[0]);
}

static void
read_for_ever(struct place *p, int said)
{
	struct lb_store_txn *txn;
	struct lb_grant g;

	if (lb_store_open(p->dir, SMALL_MAP, &p->store) == LB_OK &&
	    lb_store_begin(p->store, LB_STORE_READ, &txn) == LB_OK &&
	    lb_store_next_live(txn, 0, &g) == LB_OK && write(said, "x", 1) == 1)
		for (;;)
			pause();
}

static void
examine_for_ever(struct place *p, int said)
{
	char why[256];

	while (lb_store_check(p->dir, why, sizeof why) == LB_OK)
		if (write(said, "x", 1) != 1)
			return;
}

/* One grant is written over and over: every page that is freed can be used again. */
static size_t
work(struct place *p, unsigned kills)
{
	MDB_envinfo info;

	place_open(p);
	add_grant(p, "ann");
	place_close(p);
	for (unsigned round = 0; round < 30; round++) {
		if (round < kills)
			kill_in(p, round % 2 ? examine_for_ever : read_for_ever);
		place_open(p);
		for (unsigned i = 0; i < 20; i++) {
			struct lb_grant g = pending_grant(1, "ann");

			g.until_s += i;
			put_all(p, &g);
		}
		assert_int_equal(mdb_env_info(p->store->env, &info), 0);
		assert_int_equal(info.me_maxreaders > 0 ? info.me_numreaders : 0, 0);
		assert_int_equal(count_files(p), 1);
		place_close(p);
	}
	assert_check(p, LB_OK);
	return info.me_last_pgno;
}

static void
killed_readers_leave_nothing_behind(void **state)
{
	struct place *p = *state;
	size_t quiet = work(p, 0);

	assert_int_equal(unlink(p->file), 0);
	assert_int_equal(work(p, 30), quiet);
	print_message("30 readers killed: %zu pages, as without\n", quiet + 1);
}

#define in_place(test) cmocka_unit_test_setup_teardown(test, place_setup, place_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		in_place(the_store_grows_step_by_step_up_to_its_most),
		in_place(a_growth_that_was_cut_off_is_taken_up),
		in_place(a_map_noted_smaller_than_the_file_is_no_matter),
		in_place(without_room_to_grow_requests_are_refused_and_endings_go_through),
		in_place(endings_make_the_store_grow_too),
		in_place(a_tenth_is_kept_for_endings),
		in_place(many_live_grants_can_all_be_ended_at_each_size),
		in_place(a_growth_that_cannot_be_mapped_ends_this_opening_and_loses_nothing),
		in_place(a_child_of_the_owner_can_neither_use_nor_open_the_store),
		in_place(killed_readers_leave_nothing_behind),
	};

	/* Thousands of commits, whose flushes are not the matter here. */
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0);
	return cmocka_run_group_tests_name("store room", tests, NULL, NULL);
}
