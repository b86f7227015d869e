/* Budgets, alone and in what the keeper writes: see lockboxd/keeper/budget.h. */
#include "keeper_fixture.h"

#define EVERY (20 * NS)
#define T0 (1700000000 * NS)

static unsigned held, wait_s;

static bool
take(struct lb_budget *b, const char *key, int64_t now)
{
	return lb_budget_take(b, key, now, &held, &wait_s);
}

static void
a_burst_goes_and_then_one_at_a_time(void **unused)
{
	struct lb_budget *b = calloc(1, sizeof *b);

	(void)unused;
	b->burst = 3;
	b->every_ns = EVERY;
	for (int i = 0; i < 3; i++)
		assert_true(take(b, "alice", T0));
	assert_false(take(b, "alice", T0));
	assert_int_equal(wait_s, 20);
	assert_false(take(b, "alice", T0 + EVERY - 1));
	assert_int_equal(wait_s, 1);
	assert_true(take(b, "alice", T0 + EVERY));
	assert_int_equal(held, 2);
	assert_false(take(b, "alice", T0 + EVERY));
	/* Whatever was refused costs nothing more, and no more than the burst comes back. */
	for (int i = 0; i < 1000; i++)
		assert_false(take(b, "alice", T0 + EVERY));
	for (int i = 0; i < 3; i++)
		assert_true(take(b, "alice", T0 + 1000 * EVERY));
	assert_false(take(b, "alice", T0 + 1000 * EVERY));
	free(b);
}

/* How often one was refused is not forgotten for a name that has never been seen. */
static void
who_still_has_something_to_be_told_is_kept_before_who_has_not(void **unused)
{
	struct lb_budget *b = calloc(1, sizeof *b);
	char key[16];

	(void)unused;
	b->burst = 1;
	b->every_ns = EVERY;
	for (unsigned i = 0; i < LB_BUDGET_KEYS; i++) {
		snprintf(key, sizeof key, "u%u", i);
		assert_true(take(b, key, T0));
		if (i != 5)
			assert_false(take(b, key, T0));
	}
	/* All of them full again: only u5 has nothing to be told. */
	assert_true(take(b, "new", T0 + 10 * EVERY));
	for (unsigned i = 0; i < LB_BUDGET_KEYS; i++) {
		if (i == 5)
			continue;
		snprintf(key, sizeof key, "u%u", i);
		assert_true(take(b, key, T0 + 20 * EVERY));
		assert_int_equal(held, 1);
	}
	free(b);
}

static void
nobody_takes_from_anybody_else(void **unused)
{
	struct lb_budget *b = calloc(1, sizeof *b);

	(void)unused;
	b->burst = 2;
	b->every_ns = EVERY;
	for (int i = 0; i < 100; i++)
		take(b, "mallory", T0);
	assert_true(take(b, "mallor", T0));
	assert_true(take(b, "alice", T0));
	assert_int_equal(held, 0);
	assert_false(take(b, "mallory", T0));
	free(b);
}

static void
a_full_table_gives_up_who_owes_nothing_and_then_who_was_longest_away(void **unused)
{
	struct lb_budget *b = calloc(1, sizeof *b);
	char key[LB_BUDGET_KEY_MAX + 1];

	(void)unused;
	b->burst = 1;
	b->every_ns = EVERY;
	assert_true(take(b, "first", T0));
	for (unsigned i = 1; i < LB_BUDGET_KEYS; i++) {
		snprintf(key, sizeof key, "k%u", i);
		assert_true(take(b, key, T0 + EVERY / 2));
	}
	/* "first" is full again and goes; the others are remembered. */
	assert_true(take(b, "new", T0 + EVERY));
	for (unsigned i = 1; i < LB_BUDGET_KEYS; i++) {
		snprintf(key, sizeof key, "k%u", i);
		assert_false(take(b, key, T0 + EVERY));
	}
	assert_false(take(b, "new", T0 + EVERY));
	/* All owe: k1 was used longest ago. */
	assert_true(take(b, "newer", T0 + EVERY));
	assert_false(take(b, "k2", T0 + EVERY));
	assert_false(take(b, "newer", T0 + EVERY));
	assert_true(take(b, "k1", T0 + EVERY));
	free(b);
}

/* -- in the keeper ------------------------------------------------------------------- */

static void
as_in_the_keeper(struct fixture *f)
{
	f->k.asks = (struct lb_budget){.burst = LB_ASKS_BURST, .every_ns = LB_ASKS_EVERY_S * NS};
	f->k.denied =
		(struct lb_budget){.burst = LB_LOGINS_BURST, .every_ns = LB_LOGINS_EVERY_S * NS};
	f->k.exempt = f->k.denied;
}

static void
a_person_who_asks_and_cancels_for_ever_is_stopped_and_nobody_else_is(void **state)
{
	struct fixture *f = *state;
	uint64_t seq;

	as_in_the_keeper(f);
	for (unsigned i = 0; i < LB_ASKS_BURST; i++) {
		uint64_t id = pending(f, "mallory", "op");

		answered(act(f, "mallory", LB_MSG_CANCEL, id, ""));
		/* Refused for other reasons, or found again: nothing is written and nothing is counted. */
		refused(request(f, "mallory", "op", 999999, "why"), LB_OVER_LIMIT, "at most");
	}
	seq = last_record(f, NULL);
	refused(request(f, "mallory", "op", 0, "once more"), LB_OVER_LIMIT,
		"too many requests; try again in ");
	assert_int_equal(last_record(f, NULL), seq);
	pending(f, "alice", "op");
	pass_time(f, LB_ASKS_EVERY_S);
	answered(act(f, "mallory", LB_MSG_CANCEL, pending(f, "mallory", "op"), ""));
	refused(request(f, "mallory", "op", 0, "once more"), LB_OVER_LIMIT, "too many requests");
}

static void
a_person_who_claims_for_ever_is_stopped(void **state)
{
	struct fixture *f = *state;
	uint64_t id;
	unsigned claims = 0;

	as_in_the_keeper(f);
	id = active(f, "alice", "op");
	while (act(f, "alice", LB_MSG_CLAIM, id, "")->claims == 1)
		assert_true(++claims < 100);
	assert_int_equal(claims, LB_ASKS_BURST - 2);
	refused(&f->a, LB_OVER_LIMIT,
		"too many requests; try again in "); /* how long is its own test */
	/* What ends access is never counted. */
	answered(act(f, "alice", LB_MSG_END, id, ""));
}

static struct answer *
login(struct fixture *f, uint16_t type, const char *user, uint32_t uid)
{
	union lb_msg m = {.login = {.uid = uid, .service = "sshd", .rhost = "192.0.2.1"}};
	struct lb_peer peer = peer_of_uid(f, 0);
	struct question q = {f, &peer, type, &m, true, false};

	snprintf(m.login.user, sizeof m.login.user, "%s", user);
	memset(&f->a, 0, sizeof f->a);
	f->a.err = lb_tx_run(&f->k, put, &q);
	ok(f->a.err);
	assert_int_equal(f->a.verdicts, 1);
	return &f->a;
}

static void
noisy(struct fixture *f, uint16_t type, uint8_t verdict)
{
	struct lb_msg_record r = {0};
	uint64_t seq = last_record(f, NULL);

	for (unsigned i = 0; i < 500; i++)
		assert_int_equal(login(f, type, "mallory", 1001)->verdict.verdict, verdict);
	assert_int_equal(last_record(f, NULL), seq + LB_LOGINS_BURST);
	assert_string_equal(f->a.log, "");
	/* Another kind of the same user's, and another user's, is recorded as ever. */
	if (type == LB_MSG_PAM_ACCOUNT) {
		login(f, type, "mallory", 1900010077);
		login(f, type, "lb-mallory-77", 1900010077);
		assert_int_equal(last_record(f, &r), seq + LB_LOGINS_BURST + 2);
		assert_non_null(strstr(r.detail, "no such account"));
		seq += 2;
	}
	assert_int_equal(login(f, type, "alice", 1000)->verdict.verdict, verdict);
	assert_int_equal(last_record(f, &r), seq + LB_LOGINS_BURST + 1);
	assert_string_equal(r.account, "alice");
	assert_null(strstr(r.detail, "not recorded"));
	pass_time(f, LB_LOGINS_EVERY_S);
	login(f, type, "mallory", 1001);
	assert_int_equal(last_record(f, &r), seq + LB_LOGINS_BURST + 2);
	assert_non_null(strstr(r.detail, "; 490 before it not recorded"));
}

static void
refused_logins_of_one_user_fill_no_store_and_hide_nobody(void **state)
{
	as_in_the_keeper(*state);
	noisy(*state, LB_MSG_PAM_ACCOUNT, LB_VERDICT_DENY);
}

static void
exempt_logins_of_one_user_fill_no_store_and_hide_nobody(void **state)
{
	as_in_the_keeper(*state);
	noisy(*state, LB_MSG_PAM_EXEMPT, LB_VERDICT_ALLOW);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_goes_and_then_one_at_a_time),
		cmocka_unit_test(who_still_has_something_to_be_told_is_kept_before_who_has_not),
		cmocka_unit_test(nobody_takes_from_anybody_else),
		cmocka_unit_test(
			a_full_table_gives_up_who_owes_nothing_and_then_who_was_longest_away),
		unit(a_person_who_asks_and_cancels_for_ever_is_stopped_and_nobody_else_is),
		unit(a_person_who_claims_for_ever_is_stopped),
		unit(refused_logins_of_one_user_fill_no_store_and_hide_nobody),
		unit(exempt_logins_of_one_user_fill_no_store_and_hide_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
