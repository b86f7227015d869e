/* How the keeper stands, and setting its clock back: see lockboxd/keeper/health.c. */
#include "keeper_fixture.h"

#define DAY 86400

static const union lb_msg nothing;

static void
root_alone_may_ask_or_reset(void **state)
{
	static const char *const others[] = {"alice", "bob", "carol", "lockbox-keys", "u2"};
	struct fixture *f = *state;
	struct answer *a;

	a = ask(f, "root", LB_MSG_HEALTH, &nothing);
	assert_int_equal(a->done, 1);
	pass_time(f, 2 * DAY);
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		for (uint16_t type = LB_MSG_HEALTH; type <= LB_MSG_RESET_CLOCK; type++) {
			a = ask(f, others[i], type, &nothing);
			assert_int_equal(a->err, LB_OK);
			assert_int_equal(a->refused, 1);
			assert_int_equal(a->healths, 0);
		}
	assert_true(lb_keeper_clock_astray(&f->k));
}

static void
health_tells_clock_store_and_what_is_live(void **state)
{
	struct fixture *f = *state;
	struct answer *a;

	pending(f, "alice", "op");
	active(f, "mallory", "op");
	a = ask(f, "root", LB_MSG_HEALTH, &nothing);
	assert_int_equal(a->healths, 1);
	assert_int_equal(a->health.live, 2);
	assert_int_equal(a->health.clock_astray, 0);
	assert_int_equal(a->health.store_full, 0);
	assert_int_equal(a->health.store_bytes, MAP_SIZE);
	assert_true(a->health.clock_s - a->health.wall_s <= 1);
	pass_time(f, 3 * DAY);
	a = ask(f, "root", LB_MSG_HEALTH, &nothing);
	assert_int_equal(a->health.clock_astray, 1);
	assert_true(a->health.clock_s - a->health.wall_s >= 3 * DAY - 1);
}

static void
clock_that_is_not_astray_is_not_reset(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "op");

	pass_time(f, 3000);
	refused(ask(f, "root", LB_MSG_RESET_CLOCK, &nothing), LB_NOT_NOW, "not astray");
	assert_int_equal(stored(f, id).state, LB_STATE_ACTIVE);
}

static void
reset_ends_everything_and_is_recorded_and_grants_go_on(void **state)
{
	struct fixture *f = *state;
	uint64_t waiting = pending(f, "alice", "op"), ready = approved(f, "alice", "duo"),
		 held = active(f, "mallory", "op"), ahead;
	struct lb_clock_mark mark;
	struct lb_store_txn *txn;
	struct answer *a;

	ahead = lb_keeper_now_s(&f->k) + 2 * DAY;
	pass_time(f, 2 * DAY);
	/* While it is astray nothing new is granted. */
	refused(request(f, "alice", "op", 600, "x"), LB_NOT_NOW, "more than a day behind");
	/* Whatever was counted against people under the wrong time is forgotten. */
	for (int i = 0; i < 100; i++)
		lb_budget_take(&f->k.asks, "alice", (int64_t)ahead * NS, &(unsigned){0},
			       &(unsigned){0});
	a = ask(f, "root", LB_MSG_RESET_CLOCK, &nothing);
	assert_int_equal(a->err, LB_OK);
	assert_int_equal(a->done, 1);
	assert_int_equal(a->healths, 1);
	assert_int_equal(a->health.clock_astray, 0);
	assert_int_equal(a->health.live, 1); /* the one that is being ended */
	assert_int_equal(a->nwarden, 1);
	assert_int_equal(a->warden[0].type, LB_IPC_EVICT);
	assert_int_equal(stored(f, waiting).state, LB_STATE_LAPSED);
	assert_int_equal(stored(f, ready).state, LB_STATE_LAPSED);
	assert_int_equal(stored(f, held).state, LB_STATE_ENDING);
	recorded(f, "clock", 0, "root");
	assert_true(lb_keeper_now_s(&f->k) < ahead - DAY);
	ok(lb_store_begin(f->k.store, LB_STORE_READ, &txn));
	ok(lb_store_clock_mark(txn, &mark));
	lb_store_abort(txn);
	assert_true(mark.time_ns / NS < ahead - DAY);

	warden_says(f, LB_IPC_EVICTED, stored(f, held).uid, true, "nothing ran");
	assert_int_equal(stored(f, held).state, LB_STATE_ENDED);
	answered(request(f, "alice", "op", 600, "after"));
	assert_true(f->a.grant.until_s < ahead);
	/* The next keeper goes on from there. */
	ok(lb_keeper_clock_resume(&f->k));
	assert_false(lb_keeper_clock_astray(&f->k));
}

static int
put_back(struct lb_tx *tx, void *arg)
{
	return lb_store_put_grant(tx->store, arg);
}

static void
what_still_has_time_by_the_wrong_clock_is_ended_as_well(void **state)
{
	struct fixture *f = *state;
	uint64_t waiting, held;

	waiting = pending(f, "alice", "op");
	held = active(f, "mallory", "op");
	/* As if all of it had been asked for while the clock was ahead. */
	pass_time(f, 2 * DAY);
	for (uint64_t id = waiting; id <= held; id++) {
		struct lb_grant g = stored(f, id);

		g.until_s += 2 * DAY;
		if (g.end_s != 0)
			g.end_s += 2 * DAY;
		ok(lb_tx_run(&f->k, put_back, &g));
	}
	assert_int_equal(ask(f, "root", LB_MSG_RESET_CLOCK, &nothing)->health.live, 1);
	assert_int_equal(stored(f, waiting).state, LB_STATE_CANCELLED);
	assert_int_equal(stored(f, held).state, LB_STATE_ENDING);
}

static void
what_is_being_ended_already_is_left_to_that(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "op");
	struct answer *a;

	answered(act(f, "alice", LB_MSG_END, id, ""));
	pass_time(f, 2 * DAY);
	a = ask(f, "root", LB_MSG_RESET_CLOCK, &nothing);
	assert_int_equal(a->done, 1);
	assert_int_equal(a->nwarden, 0);
	assert_int_equal(stored(f, id).state, LB_STATE_ENDING);
	assert_string_equal(stored(f, id).cause, "ended by the engineer");
	recorded(f, "clock", 0, "root");
}

static int
reset_and_fail(struct lb_tx *tx, void *arg)
{
	(void)arg;
	lb_tx_reset_clock(tx);
	return LB_ERR_FULL;
}

static void
reset_that_is_not_stored_changes_nothing(void **state)
{
	struct fixture *f = *state;
	uint64_t now;

	pass_time(f, 2 * DAY);
	now = lb_keeper_now_s(&f->k);
	assert_int_equal(lb_tx_run(&f->k, reset_and_fail, NULL), LB_ERR_FULL);
	assert_true(lb_keeper_now_s(&f->k) >= now);
	assert_true(lb_keeper_clock_astray(&f->k));
}

static int
reset_then_look(struct lb_tx *tx, void *arg)
{
	uint64_t *seen = arg;

	lb_tx_reset_clock(tx);
	*seen = tx->now_s;
	return LB_OK;
}

static void
what_shares_the_transaction_goes_by_the_new_time(void **state)
{
	struct fixture *f = *state;
	uint64_t before = lb_keeper_now_s(&f->k), seen = 0;

	pass_time(f, 2 * DAY);
	ok(lb_tx_run(&f->k, reset_then_look, &seen));
	assert_true(seen - before <= 2);
}

static void
boot_in_1970_lengthens_nothing_and_grants_nothing_new(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "op");
	struct lb_grant g = stored(f, id);
	int64_t boot_ns = 30 * NS;
	struct lb_clock c;

	/* Another boot, whose wall clock starts at 0: the mark of 2026 alone counts. */
	c.anchor_boot_ns = boot_ns;
	c.anchor_ns = lb_clock_first((int64_t)f->k.mark.time_ns, 0, boot_ns, boot_ns);
	assert_true(c.anchor_ns >= (int64_t)f->k.mark.time_ns);
	/* The grant ends when as much time has passed as was left, however far back the wall clock is. */
	assert_true(lb_clock_read(&c, boot_ns, boot_ns) < (int64_t)g.end_s * NS);
	assert_true(lb_clock_read(&c, boot_ns + 3600 * NS, boot_ns + 3600 * NS) >=
		    (int64_t)g.end_s * NS);
	/* The fixture's wall clock cannot be set; a clock ahead of it is the same thing. */
	pass_time(f, 20000 * (int64_t)DAY);
	refused(request(f, "mallory", "op", 600, "x"), LB_NOT_NOW, "more than a day behind");
	assert_false(lb_grant_open(&g, lb_keeper_now_s(&f->k)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit(root_alone_may_ask_or_reset),
		unit(health_tells_clock_store_and_what_is_live),
		unit(clock_that_is_not_astray_is_not_reset),
		unit(reset_ends_everything_and_is_recorded_and_grants_go_on),
		unit(what_still_has_time_by_the_wrong_clock_is_ended_as_well),
		unit(what_is_being_ended_already_is_left_to_that),
		unit(reset_that_is_not_stored_changes_nothing),
		unit(what_shares_the_transaction_goes_by_the_new_time),
		unit(boot_in_1970_lengthens_nothing_and_grants_nothing_new),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
