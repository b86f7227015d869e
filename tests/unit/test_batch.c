/*
 * Work that shares a commit: all of it or none, nothing said before it is
 * durable, and one that fails harms no other.
 */
#include "keeper_fixture.h"

#include "keeper/audit.h"
#include "keeper/batch.h"

/* A request of its own kind: a grant, its record and an answer. */
struct job {
	struct lb_work work;
	struct fixture *f;
	unsigned number;
	enum { GOOD, FAILS_AFTER_WRITING, BREAKS_A_RULE, ASKS_FOR_MORE } kind;
	unsigned decided, over;
	int err;
	uint64_t grant;
};

static unsigned commits, answers;

/* In place of the keeper's: counts, and lets go. */
static void
count(struct lb_keeper *k, struct lb_out *out)
{
	(void)k;
	if (out == NULL) {
		commits++;
		return;
	}
	answers += out->kind == LB_OUT_REPLY;
	lb_out_free(out);
}

static int
decide(struct lb_tx *tx, struct lb_work *work)
{
	struct job *j = (struct job *)work;
	const struct lb_target target = {.conn = j->number};
	const struct lb_msg_done done = {0};
	struct lb_grant g = {.state = LB_STATE_PENDING, .sessions_max = 1};
	int err;

	j->decided++;
	snprintf(g.identity, sizeof g.identity, "alice");
	snprintf(g.role, sizeof g.role, "op");
	snprintf(g.reason, sizeof g.reason, "job %u", j->number);
	g.duration_s = 60;
	g.requested_s = tx->now_s;
	g.until_s = tx->now_s + 3600;
	if ((err = lb_store_next_id(tx->store, &g.id)) != LB_OK ||
	    (err = lb_store_put_grant(tx->store, &g)) != LB_OK ||
	    (err = lb_audit(tx, "request", &g, "alice", "job %u", j->number)) != LB_OK ||
	    (err = lb_outbox_reply(&tx->out, target, LB_MSG_DONE, &done)) != LB_OK)
		return err;
	j->grant = g.id;
	if (j->kind == FAILS_AFTER_WRITING)
		return LB_ERR_INTERNAL;
	if (j->kind == BREAKS_A_RULE) {
		/* Refused by the store; whoever passes that over must not get it committed. */
		g.state = 0;
		lb_store_put_grant(tx->store, &g);
	}
	return LB_OK;
}

static void
over(struct lb_keeper *k, struct lb_work *work, int err)
{
	struct job *j = (struct job *)work;
	bool more = j->kind == ASKS_FOR_MORE && j->over == 0;

	j->over++;
	j->err = err;
	if (more) /* as a connection does that is answered and asks again */
		lb_batch_add(k, &j->work, decide, over);
}

static struct job *
add(struct fixture *f, struct job *j, unsigned number, int kind)
{
	*j = (struct job){.f = f, .number = number, .kind = (unsigned)kind};
	lb_batch_add(&f->k, &j->work, decide, over);
	return j;
}

static void
start_counting(struct fixture *f)
{
	commits = answers = 0;
	f->k.carry_out = count;
}

/* Grants whose reason is that of the job, each with its record; fails on a half. */
static unsigned
found(struct lb_store *store, unsigned number)
{
	struct lb_store_txn *txn;
	struct lb_msg_record r;
	struct lb_grant g;
	char reason[32];
	uint64_t after = 0, seq = 0;
	unsigned grants = 0, records = 0;

	snprintf(reason, sizeof reason, "job %u", number);
	ok(lb_store_begin(store, LB_STORE_READ, &txn));
	while (lb_store_next_grant(txn, after, &g) == LB_OK) {
		after = g.id;
		grants += strcmp(g.reason, reason) == 0;
	}
	while (lb_store_next_record(txn, seq, &r) == LB_OK) {
		seq = r.seq;
		records += strcmp(r.detail, reason) == 0;
	}
	lb_store_abort(txn);
	assert_int_equal(grants, records);
	return grants;
}

static void
what_arrives_together_shares_one_commit_and_is_answered_after_it(void **state)
{
	struct fixture *f = *state;
	struct job job[20];

	start_counting(f);
	for (unsigned i = 0; i < 20; i++)
		add(f, &job[i], i, GOOD);
	assert_int_equal(answers, 0);
	assert_int_equal(job[0].decided, 0); /* not before the end of the turn */
	turn(f);
	assert_int_equal(commits, 1);
	assert_int_equal(answers, 20);
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(job[i].err, LB_OK);
		assert_int_equal(job[i].over, 1);
		assert_int_equal(job[i].decided, 1);
		assert_int_equal(found(f->k.store, i), 1);
	}
	/* And nothing is left to be done. */
	turn(f);
	assert_int_equal(commits, 1);
}

static void
one_that_fails_harms_no_other(void **state)
{
	static const int kinds[] = {FAILS_AFTER_WRITING, BREAKS_A_RULE};
	struct fixture *f = *state;
	struct job job[10];
	unsigned number = 0;

	start_counting(f);
	for (size_t kind = 0; kind < 2; kind++)
		for (unsigned bad = 0; bad < 10; bad++) {
			answers = 0;
			for (unsigned i = 0; i < 10; i++)
				add(f, &job[i], number + i, i == bad ? kinds[kind] : GOOD);
			turn(f);
			for (unsigned i = 0; i < 10; i++) {
				assert_int_equal(job[i].over, 1);
				assert_int_equal(job[i].err == LB_OK, i != bad);
				assert_int_equal(found(f->k.store, number + i), i != bad);
			}
			assert_int_equal(answers, 9);
			number += 10;
		}
}

static void
all_that_fail_are_each_told_so(void **state)
{
	struct fixture *f = *state;
	uint64_t before = last_record(f, NULL);
	struct job job[5];

	start_counting(f);
	for (unsigned i = 0; i < 5; i++)
		add(f, &job[i], i, FAILS_AFTER_WRITING);
	turn(f);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(job[i].err, LB_ERR_INTERNAL);
	assert_int_equal(answers, 0);
	assert_int_equal(last_record(f, NULL), before);
	/* The store is as usable as it was. */
	add(f, &job[0], 7, GOOD);
	turn(f);
	assert_int_equal(found(f->k.store, 7), 1);
}

static void
a_batch_is_bounded_and_what_comes_meanwhile_is_the_next_ones(void **state)
{
	struct fixture *f = *state;
	struct job *job = calloc(2 * LB_BATCH_MAX + 3, sizeof *job), again;

	start_counting(f);
	for (unsigned i = 0; i < 2 * LB_BATCH_MAX + 3; i++)
		add(f, &job[i], i, GOOD);
	assert_int_equal(commits, 2); /* two were full */
	turn(f);
	assert_int_equal(commits, 3);
	for (unsigned i = 0; i < 2 * LB_BATCH_MAX + 3; i++)
		assert_int_equal(job[i].over, 1);
	free(job);
	add(f, &again, 1000, ASKS_FOR_MORE);
	turn(f);
	turn(f);
	assert_int_equal(again.over, 2);
	assert_int_equal(found(f->k.store, 1000), 2);
}

/* -- killed at any moment ------------------------------------------------------- */

#define JOBS 96u

/* Answers go to a pipe: what is read there was acknowledged. */
static int acknowledged;

static void
acknowledge(struct lb_keeper *k, struct lb_out *out)
{
	unsigned number;

	(void)k;
	if (out == NULL)
		return;
	number = (unsigned)out->target.conn;
	if (out->kind == LB_OUT_REPLY &&
	    write(acknowledged, &number, sizeof number) != (ssize_t)sizeof number)
		_exit(1);
	lb_out_free(out);
}

static void __attribute__((noreturn)) keep(struct fixture *f, int out)
{
	static struct job job[JOBS];

	acknowledged = out;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	f->k.carry_out = acknowledge;
	if (lb_store_open(f->dir, MAP_SIZE, &f->k.store) != LB_OK)
		_exit(1);
	for (unsigned i = 0; i < JOBS; i++) {
		add(f, &job[i], i, i % 7 == 3 ? FAILS_AFTER_WRITING : GOOD);
		if (i % 12 == 11)
			event_base_loop(f->k.base, EVLOOP_NONBLOCK);
	}
	_exit(0);
}

/* The store as it was before the first job, for each round anew. */
static void
begin_anew(struct fixture *f)
{
	lb_store_close(f->k.store);
	f->k.store = NULL;
	assert_int_equal(unlink(f->file), 0);
}

static void
killed_at_any_moment_what_was_acknowledged_is_there_and_the_rest_whole_or_absent(void **state)
{
	struct fixture *f = *state;
	bool acked[JOBS];
	unsigned number, present, total;
	int ends[2];

	for (unsigned stop = 0; stop < JOBS; stop += 5) {
		begin_anew(f);
		memset(acked, 0, sizeof acked);
		assert_int_equal(pipe(ends), 0);
		pid_t pid = fork();
		if (pid == 0)
			keep(f, ends[1]);
		close(ends[1]);
		/* So many answers, then the kill; what was answered until it came counts as well. */
		for (unsigned n = 0; n < stop; n++)
			if (read(ends[0], &number, sizeof number) == (ssize_t)sizeof number)
				acked[number] = true;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		while (read(ends[0], &number, sizeof number) == (ssize_t)sizeof number)
			acked[number] = true;
		close(ends[0]);
		ok(lb_store_open(f->dir, MAP_SIZE, &f->k.store));
		total = 0;
		for (unsigned i = 0; i < JOBS; i++) {
			present = found(f->k.store, i); /* never half */
			assert_true(present <= 1);
			assert_true(present == 1 || !acked[i]);
			assert_false(i % 7 == 3 && (present == 1 || acked[i]));
			total += present;
		}
		assert_true(total >= (stop < 82 ? stop : 82));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit(what_arrives_together_shares_one_commit_and_is_answered_after_it),
		unit(one_that_fails_harms_no_other),
		unit(all_that_fail_are_each_told_so),
		unit(a_batch_is_bounded_and_what_comes_meanwhile_is_the_next_ones),
		unit(killed_at_any_moment_what_was_acknowledged_is_there_and_the_rest_whole_or_absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
