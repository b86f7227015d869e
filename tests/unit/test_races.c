/*
 * Everybody at one request at once: each order of what they do is tried on the keeper's own handlers
 * and store, and in each there is one clear winner.  (The model of tests/spin does the same with the
 * table alone, and with steps inside each other; tests/e2e/together.sh with real connections.)
 */
#include "keeper/levels.h"
#include "keeper_fixture.h"

static const char policy[] =
	PEOPLE MALLORY "team engineers { members = {\"alice\"} }\n"
		       "team leads { members = {\"bob\", \"dave\"} }\n"
		       "team security { members = {\"carol\", \"bob\"} }\n"
		       "team auditors { members = {\"frank\"} }\n"
		       "role change { requesters = {\"engineers\"} max-duration = \"1h\"\n"
		       " level leads { approvers = {\"leads\"} }\n"
		       " level security { approvers = {\"security\"} } }\n";

static int
setup(void **state)
{
	struct fixture *f;

	if (fixture_open(state, (size_t)64 << 20) != 0)
		return -1;
	f = *state;
	change_policy(f, policy);
	return 0;
}

/* What somebody does to the one request; LAPSE is the clock's. */
enum { BOB, DAVE, CAROL, DENY, CANCEL, CLAIM, REVOKE, LAPSE, ACTS };
static const struct {
	const char *who;
	uint16_t type;
} acts[ACTS] = {
	[BOB] = {"bob", LB_MSG_APPROVE},     [DAVE] = {"dave", LB_MSG_APPROVE},
	[CAROL] = {"carol", LB_MSG_APPROVE}, [DENY] = {"dave", LB_MSG_DENY},
	[CANCEL] = {"alice", LB_MSG_CANCEL}, [CLAIM] = {"alice", LB_MSG_CLAIM},
	[REVOKE] = {"bob", LB_MSG_REVOKE},
};

/* Time runs out, and the keeper is woken at that instant, or not yet. */
static void
lapse(struct fixture *f, uint64_t id, bool woken)
{
	struct lb_grant g = stored(f, id);

	if (g.until_s > lb_keeper_now_s(&f->k))
		pass_time(f, (int64_t)(g.until_s - lb_keeper_now_s(&f->k)));
	if (woken) {
		ok(lb_due_start(&f->k));
		lb_alarm_free(f->k.alarm);
		event_free(f->k.mark_timer);
		f->k.alarm = NULL;
		f->k.mark_timer = NULL;
	}
}

static bool
over(uint8_t s)
{
	return s == LB_STATE_DENIED || s == LB_STATE_CANCELLED || s == LB_STATE_LAPSED ||
	       s == LB_STATE_ENDING || s == LB_STATE_ENDED;
}

static int
write_gone(struct lb_tx *tx, void *arg)
{
	struct lb_step step;
	struct lb_grant g;
	const char *why;

	ok(lb_store_grant(tx->store, *(const uint64_t *)arg, &g));
	ok(lb_grant_step(&g, LB_EVENT_GONE, tx->now_s, &step, &why));
	return lb_move(tx, &g, &step, "");
}

/* The warden's word that nothing is left. */
static void
gone(struct fixture *f, uint64_t id)
{
	ok(lb_tx_run(&f->k, write_gone, &id));
}

/* What holds of a request whatever was done to it. */
static void
check(const struct lb_grant *g, const struct lb_grant *before, const char *order)
{
	bool who[3] = {false}, level[2] = {false};

	for (size_t i = 0; i < g->have; i++) {
		size_t n = g->approval[i].identity[0] == 'b'   ? 0
			   : g->approval[i].identity[0] == 'd' ? 1
							       : 2;

		if (who[n] || level[g->approval[i].level])
			fail_msg("%s: somebody, or a level, counted twice", order);
		who[n] = level[g->approval[i].level] = true;
	}
	if (level[1] && !level[0])
		fail_msg("%s: the second level without the first", order);
	if ((g->state == LB_STATE_APPROVED || g->uid != 0) && g->have != 2)
		fail_msg("%s: %s with %u approvals", order, lb_state_name(g->state), g->have);
	if (over(before->state) && g->state != before->state &&
	    !(before->state == LB_STATE_ENDING && g->state == LB_STATE_ENDED))
		fail_msg("%s: it was %s, and is %s", order, lb_state_name(before->state),
			 lb_state_name(g->state));
	if (before->uid != 0 && g->uid != before->uid)
		fail_msg("%s: another account", order);
	if (over(before->state) && g->have != before->have)
		fail_msg("%s: approved after the end", order);
}

/* One order of acts, each done or refused; the number of those that changed the state counts. */
static void
run(struct fixture *f, const unsigned *order, size_t n, bool woken)
{
	char text[64] = "";
	const struct lb_clock clock = f->k.clock; /* a day's lapses would be a clock astray */
	struct lb_grant before, g;
	uint64_t id;

	answered(request(f, "alice", "change", 60, "the index is broken"));
	id = f->a.grant.id;
	before = stored(f, id);
	for (size_t i = 0; i < n; i++) {
		unsigned act_now = order[i];

		snprintf(text + strlen(text), sizeof text - strlen(text), "%u ", act_now);
		if (act_now == LAPSE)
			lapse(f, id, woken);
		else
			act(f, acts[act_now].who, acts[act_now].type, id,
			    acts[act_now].type == LB_MSG_CLAIM ? "" : "word");
		assert_int_equal(f->a.err, LB_OK);
		g = stored(f, id);
		check(&g, &before, text);
		/* What was answered is what is so: an act that was not refused had its effect. */
		if (act_now != LAPSE && f->a.refused == 0 && act_now != CLAIM &&
		    f->a.grant.state != g.state)
			fail_msg("%s: answered %s, and it is %s", text,
				 lb_state_name(f->a.grant.state), lb_state_name(g.state));
		before = g;
	}
	/* Nothing of it stays: the person can have 20 at a time. */
	if (!over(g.state))
		act(f, "bob", LB_MSG_REVOKE, id, "done");
	if (!over(stored(f, id).state))
		lapse(f, id, true); /* its time was over, and nobody had said so */
	assert_true(over(stored(f, id).state));
	if (stored(f, id).state == LB_STATE_ENDING)
		gone(f, id);
	f->k.clock = clock;
}

static size_t
every_order(struct fixture *f, unsigned *order, size_t at, size_t n, bool woken)
{
	size_t runs = 0;

	if (at == n) {
		run(f, order, n, woken);
		return 1;
	}
	for (size_t i = at; i < n; i++) {
		unsigned swapped = order[at];

		order[at] = order[i];
		order[i] = swapped;
		runs += every_order(f, order, at + 1, n, woken);
		order[i] = order[at];
		order[at] = swapped;
	}
	return runs;
}

static void
whoever_is_first_wins_and_nobody_else(void **state)
{
	unsigned approve_against_lapse[] = {BOB, DAVE, CAROL, LAPSE, CLAIM},
		 cancel_against_approve[] = {BOB, CAROL, CANCEL, CLAIM, DENY},
		 revoke_against_claim[] = {DAVE, CAROL, CLAIM, REVOKE, LAPSE};
	struct fixture *f = *state;

	for (int woken = 0; woken < 2; woken++) {
		assert_int_equal(every_order(f, approve_against_lapse, 0, 5, woken), 120);
		assert_int_equal(every_order(f, revoke_against_claim, 0, 5, woken), 120);
	}
	assert_int_equal(every_order(f, cancel_against_approve, 0, 5, true), 120);
}

static void
at_the_instant_of_a_lapse_the_clock_has_won(void **state)
{
	struct fixture *f = *state;
	uint64_t id;

	answered(request(f, "alice", "change", 60, "the index is broken"));
	id = f->a.grant.id;
	answered(act(f, "dave", LB_MSG_APPROVE, id, ""));
	pass_time(f, (int64_t)(stored(f, id).until_s - lb_keeper_now_s(&f->k)) - 1);
	answered(act(f, "alice", LB_MSG_SHOW, id, "")); /* a second before it still could be */
	lapse(f, id, false);				/* and the keeper has not been woken yet */
	refused(act(f, "carol", LB_MSG_APPROVE, id, ""), LB_NOT_NOW, "its time has run out");
	refused(act(f, "alice", LB_MSG_CANCEL, id, ""), LB_NOT_NOW, "its time has run out");
	refused(act(f, "bob", LB_MSG_DENY, id, "x"), LB_NOT_NOW, "its time has run out");
	assert_int_equal(stored(f, id).have, 1);
	lapse(f, id, true);
	assert_int_equal(stored(f, id).state, LB_STATE_LAPSED);
}

static void
the_same_request_twice_is_one_until_it_is_decided(void **state)
{
	struct fixture *f = *state;
	uint64_t first, id;

	answered(request(f, "alice", "change", 60, "the index is broken"));
	first = f->a.grant.id;
	answered(act(f, "dave", LB_MSG_APPROVE, first, ""));
	answered(request(f, "alice", "change", 60, "the index is broken"));
	assert_int_equal(f->a.grant.id, first);
	assert_int_equal(f->a.grant.have, 1);
	answered(request(f, "alice", "change", 61, "the index is broken"));
	assert_int_not_equal(f->a.grant.id, first);
	answered(request(f, "alice", "change", 60, "the index is broken."));
	assert_int_not_equal(f->a.grant.id, first);
	answered(act(f, "carol", LB_MSG_APPROVE, first, ""));
	answered(request(f, "alice", "change", 60, "the index is broken"));
	id = f->a.grant.id;
	assert_int_not_equal(id, first);
	/* At the instant of its lapse it is not found any more. */
	lapse(f, id, false);
	answered(request(f, "alice", "change", 60, "the index is broken"));
	assert_int_not_equal(f->a.grant.id, id);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define KEPT(test) cmocka_unit_test_setup_teardown(test, setup, fixture_teardown)
		KEPT(whoever_is_first_wins_and_nobody_else),
		KEPT(at_the_instant_of_a_lapse_the_clock_has_won),
		KEPT(the_same_request_twice_is_one_until_it_is_decided),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
