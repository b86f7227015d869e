/*
 * Extensions: asked for like a request, approved by the same people, and then the same grant lasts
 * longer; or nothing has changed.
 */
#include "keeper_fixture.h"

#include "keeper/extend.h"

#define HOUR 3600
#define OPS(settings) PEOPLE MALLORY TEAMS("\"alice\", \"mallory\"") OP_WITH(settings) OTHER_ROLES

static struct answer *
extend(struct fixture *f, const char *who, uint64_t id, uint32_t seconds, const char *reason)
{
	union lb_msg m = {.extend = {.id = id, .duration_s = seconds}};

	snprintf(m.extend.reason, sizeof m.extend.reason, "%s", reason);
	return ask(f, who, LB_MSG_EXTEND, &m);
}

static uint64_t
now_of(struct fixture *f)
{
	return lb_keeper_now_s(&f->k);
}

static void
an_extension_lengthens_the_grant_and_tells_the_warden(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "op"), more;
	struct lb_grant before = stored(f, id), after;

	more = answered(extend(f, "alice", id, 900, "not done"));
	assert_int_not_equal(more, id);
	assert_int_equal(f->a.grant.extends, id);
	assert_int_equal(f->a.grant.state, LB_STATE_PENDING);
	assert_int_equal(stored(f, more).until_s, before.end_s); /* it lapses with the grant */
	assert_int_equal(stored(f, id).end_s, before.end_s);
	answered(act(f, "bob", LB_MSG_SHOW, more, ""));
	answered(act(f, "bob", LB_MSG_APPROVE, more, "fine"));
	assert_int_equal(f->a.nwarden, 1);
	assert_int_equal(f->a.warden[0].type, LB_IPC_ACCOUNT);
	assert_int_equal(f->a.warden[0].msg.account.uid, before.uid);
	assert_int_equal(f->a.warden[0].msg.account.fresh, 0);
	after = stored(f, id);
	assert_int_equal(after.end_s, before.end_s + 900);
	assert_int_equal(after.until_s, after.end_s);
	assert_int_equal(after.begun_s, before.begun_s);
	assert_int_equal(after.duration_s, before.duration_s + 900);
	assert_int_equal(after.state, LB_STATE_ACTIVE);
	assert_int_equal(after.uid, before.uid);
	assert_int_equal(after.otp, before.otp);
	assert_int_equal(stored(f, more).state, LB_STATE_ENDED);
	assert_non_null(strstr(stored(f, more).cause, "lasts until 20"));
	assert_int_equal(stored(f, more).uid, 0);
	/* Past the old end it goes on, past the new one it does not. */
	pass_time(f, HOUR + 60);
	ok(lb_due_start(&f->k));
	assert_int_equal(stored(f, id).state, LB_STATE_ACTIVE);
	pass_time(f, 900);
	ok(lb_due_start(&f->k));
	assert_int_equal(stored(f, id).state, LB_STATE_ENDING);
}

static void
both_the_grant_and_the_extension_have_it_in_the_record(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "op"), more, seen = 0;
	struct lb_store_txn *txn;
	struct lb_msg_record r;

	more = answered(extend(f, "alice", id, 900, "not done"));
	recorded(f, "request", more, "alice");
	answered(act(f, "bob", LB_MSG_APPROVE, more, ""));
	recorded(f, "approve", more, "bob");
	ok(lb_store_begin(f->k.store, LB_STORE_READ, &txn));
	for (uint64_t seq = 0; lb_store_next_record(txn, seq, &r) == LB_OK; seq = r.seq)
		if (strcmp(r.event, "extend") == 0 && r.grant == id) {
			assert_string_equal(r.actor, "bob");
			assert_non_null(strstr(r.detail, "by 15m, until 20"));
			seen++;
		}
	lb_store_abort(txn);
	assert_int_equal(seen, 1);
}

static void
what_is_denied_cancelled_or_lapses_changes_nothing(void **state)
{
	static const uint16_t acts[] = {LB_MSG_DENY, LB_MSG_CANCEL};
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "op"), more;
	struct lb_grant before = stored(f, id), after;

	for (size_t i = 0; i < 2; i++) {
		more = answered(extend(f, "alice", id, 900, "not done"));
		answered(act(f, acts[i] == LB_MSG_DENY ? "bob" : "alice", acts[i], more, "no"));
		assert_int_equal(f->a.nwarden, 0);
		after = stored(f, id);
		assert_memory_equal(&after, &before, sizeof after);
		refused(act(f, "bob", LB_MSG_APPROVE, more, ""), LB_NOT_NOW, "was");
	}
	change_policy(f, OPS("max-duration = \"4h\" request-lifetime = \"5m\""));
	more = answered(extend(f, "alice", id, 900, "not done"));
	pass_time(f, 301);
	refused(act(f, "bob", LB_MSG_APPROVE, more, ""), LB_NOT_NOW, "time has run out");
	ok(lb_due_start(&f->k));
	assert_int_equal(stored(f, more).state, LB_STATE_LAPSED);
	after = stored(f, id);
	assert_memory_equal(&after, &before, sizeof after);
}

static void
the_same_people_approve_and_never_the_engineer(void **state)
{
	struct fixture *f = *state;
	uint64_t id, more;

	change_policy(f, PEOPLE MALLORY TEAMS("\"alice\", \"mallory\"") OP("\"adm\"") OTHER_ROLES);
	id = active(f, "alice", "duo");
	more = answered(extend(f, "alice", id, 900, "not done"));
	refused(act(f, "alice", LB_MSG_APPROVE, more, ""), LB_OWN_REQUEST, "your own");
	refused(act(f, "mallory", LB_MSG_APPROVE, more, ""), LB_NO_SUCH, "");
	refused(act(f, "carol", LB_MSG_APPROVE, more, ""), LB_NO_PERMISSION, "no approver");
	answered(act(f, "bob", LB_MSG_APPROVE, more, ""));
	assert_int_equal(f->a.nwarden, 0);
	refused(act(f, "bob", LB_MSG_APPROVE, more, ""), LB_NOT_NOW, "already");
	answered(act(f, "dave", LB_MSG_APPROVE, more, ""));
	assert_int_equal(f->a.nwarden, 1);
	assert_int_equal(stored(f, more).state, LB_STATE_ENDED);
}

static void
only_its_engineer_extends_and_only_what_is_active(void **state)
{
	struct fixture *f = *state;
	uint64_t id = approved(f, "alice", "op"), more;

	refused(extend(f, "alice", id, 900, "why"), LB_NOT_NOW, "is not active");
	act(f, "alice", LB_MSG_CLAIM, id, "");
	refused(extend(f, "mallory", id, 900, "why"), LB_NO_SUCH, "no R-");
	refused(extend(f, "bob", id, 900, "why"), LB_NO_PERMISSION, "only its engineer");
	refused(extend(f, "alice", id, 900, "  "), LB_BAD_INPUT, "a reason is needed");
	refused(extend(f, "alice", id, 900, "a\nb"), LB_BAD_INPUT, "control characters");
	refused(extend(f, "alice", id, 0, "why"), LB_BAD_INPUT, "by how much");
	more = answered(extend(f, "alice", id, 900, "why"));
	refused(extend(f, "alice", more, 900, "why"), LB_NOT_NOW, "is not active");
	assert_int_equal(answered(extend(f, "alice", id, 900, "why")), more);
	refused(extend(f, "alice", id, 901, "why"), LB_NOT_NOW, "waits already");
	answered(act(f, "alice", LB_MSG_END, id, ""));
	refused(extend(f, "alice", id, 900, "why"), LB_NOT_NOW, "is not active");
}

static void
a_role_bounds_what_it_is_extended_to(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "op"), more, second;

	pass_time(f, 600);
	refused(extend(f, "alice", id, 3 * HOUR + 1, "why"), LB_OVER_LIMIT,
		"at most 4h in all; R-1 can be extended by at most 3h");
	refused(extend(f, "alice", id, UINT32_MAX, "why"), LB_OVER_LIMIT, "at most 3h");
	more = answered(extend(f, "alice", id, 3 * HOUR, "why"));
	answered(act(f, "bob", LB_MSG_APPROVE, more, ""));
	refused(extend(f, "alice", id, 1, "why"), LB_OVER_LIMIT, "at most 0s");
	/* What the role allows is looked at again when it is approved. */
	id = active(f, "mallory", "op");
	second = answered(extend(f, "mallory", id, 2 * HOUR, "why"));
	change_policy(f, OPS("max-duration = \"2h\""));
	refused(act(f, "bob", LB_MSG_APPROVE, second, ""), LB_OVER_LIMIT, "at most 1h");
	assert_int_equal(stored(f, second).have, 0);
}

static void
at_the_instant_of_the_end_the_end_wins_and_just_before_nothing_is_extended(void **state)
{
	struct fixture *f = *state;

	/* So many seconds before its end: extended, or not. */
	for (int64_t before = 5; before >= -1; before--) {
		uint64_t id = active(f, "alice", "op");
		uint64_t more = answered(extend(f, "alice", id, 900, "why"));
		struct lb_grant was = stored(f, id), g;

		f->k.clock.anchor_ns +=
			((int64_t)was.end_s - before) * NS + NS / 10 - lb_clock_now_ns(&f->k.clock);
		assert_int_equal(now_of(f), (int64_t)was.end_s - before);
		act(f, "bob", LB_MSG_APPROVE, more, "");
		g = stored(f, id);
		if (before > (int64_t)LB_EXTEND_MARGIN_S) {
			answered(&f->a);
			assert_int_equal(g.end_s, was.end_s + 900);
		} else {
			refused(&f->a, LB_NOT_NOW, before > 0 ? "too late" : "time has run out");
			assert_memory_equal(&g, &was, sizeof g);
			assert_int_equal(stored(f, more).have, 0);
		}
		ok(lb_due_start(&f->k));
		lb_alarm_free(f->k.alarm);
		event_free(f->k.mark_timer);
		f->k.alarm = NULL;
		f->k.mark_timer = NULL;
		g = stored(f, id);
		assert_int_equal(g.state, before > (int64_t)LB_EXTEND_MARGIN_S ? LB_STATE_ACTIVE
					  : before > 0			       ? LB_STATE_ACTIVE
									       : LB_STATE_ENDING);
		if (g.state == LB_STATE_ACTIVE)
			answered(act(f, "alice", LB_MSG_END, id, ""));
	}
}

static void
what_waits_to_extend_a_grant_that_ends_is_closed_with_it(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "op"), more;

	more = answered(extend(f, "alice", id, 900, "why"));
	answered(act(f, "bob", LB_MSG_REVOKE, id, "incident"));
	assert_int_equal(stored(f, more).state, LB_STATE_CANCELLED);
	assert_non_null(strstr(stored(f, more).cause, "is over"));
	refused(act(f, "bob", LB_MSG_APPROVE, more, ""), LB_NOT_NOW, "was cancelled");
	/* Also when it was the warden's clock that ended it. */
	id = active(f, "mallory", "op");
	more = answered(extend(f, "mallory", id, 900, "why"));
	ok(warden_says(f, LB_IPC_EVICTED, stored(f, id).uid, true, "gone"));
	assert_int_equal(stored(f, id).state, LB_STATE_ENDED);
	assert_int_equal(stored(f, more).state, LB_STATE_CANCELLED);
}

static void
a_claim_whose_account_ends_before_it_is_there_is_answered(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "op");

	assert_false(TAILQ_EMPTY(&f->k.awaiting)); /* it waits for the account to be published */
	answered(act(f, "bob", LB_MSG_REVOKE, id, "incident"));
	ok(warden_says(f, LB_IPC_EVICTED, stored(f, id).uid, true, "revoked by bob: incident"));
	assert_true(TAILQ_EMPTY(&f->k.awaiting));
	assert_int_equal(stored(f, id).state, LB_STATE_ENDED);
}

static void
an_extension_that_the_warden_cannot_carry_out_ends_the_grant(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "op"), more;

	more = answered(extend(f, "alice", id, 900, "why"));
	answered(act(f, "bob", LB_MSG_APPROVE, more, ""));
	warden_says(f, LB_IPC_PUBLISHED, stored(f, id).uid, false, "the account is being ended");
	assert_int_equal(stored(f, id).state, LB_STATE_ENDING);
}

static void
under_a_clock_that_is_astray_nothing_is_extended(void **state)
{
	struct fixture *f = *state;
	union lb_msg m = {.request = {.role = "op", .reason = "why", .duration_s = 20 * HOUR}};
	uint64_t id, more;
	struct lb_clock good;

	change_policy(f, OPS("max-duration = \"24h\" request-lifetime = \"24h\""));
	pass_time(f, 10 * HOUR);
	id = answered(ask(f, "alice", LB_MSG_REQUEST, &m));
	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
	act(f, "alice", LB_MSG_CLAIM, id, "");
	assert_int_equal(f->a.claims, 1);
	more = answered(extend(f, "alice", id, HOUR, "not done"));
	good = f->k.clock;
	pass_time(f, 15 * HOUR);
	refused(extend(f, "alice", id, HOUR, "not done"), LB_NOT_NOW, "more than a day behind");
	refused(act(f, "bob", LB_MSG_APPROVE, more, ""), LB_NOT_NOW, "more than a day behind");
	assert_int_equal(stored(f, more).state, LB_STATE_PENDING);
	f->k.clock = good;
	answered(act(f, "bob", LB_MSG_APPROVE, more, ""));
	assert_int_equal(stored(f, more).state, LB_STATE_ENDED);
}

/* "op" is open all day but for the quarter of an hour, by UTC, that holds the moment. */
static void
closed_at(struct fixture *f, uint64_t moment)
{
	uint64_t from = moment % 86400 / 900 * 900, to = from + 900;
	char text[4096], before[40] = "", after[40] = "";

	if (from > 0)
		snprintf(before, sizeof before, "\"mon-sun 00:00-%02d:%02d\"", (int)(from / 3600),
			 (int)(from / 60 % 60));
	if (to < 86400)
		snprintf(after, sizeof after, "\"mon-sun %02d:%02d-24:00\"", (int)(to / 3600),
			 (int)(to / 60 % 60));
	snprintf(text, sizeof text, OPS("max-duration = \"4h\" hours = {%s%s%s}"), before,
		 before[0] != '\0' && after[0] != '\0' ? ", " : "", after);
	change_policy(f, text);
}

static void
nothing_is_extended_beyond_the_hours(void **state)
{
	struct fixture *f = *state;
	uint64_t id;

	closed_at(f, now_of(f) + 3 * HOUR);
	id = answered(request(f, "alice", "op", 600, "why"));
	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
	act(f, "alice", LB_MSG_CLAIM, id, "");
	assert_int_equal(f->a.claims, 1);
	answered(extend(f, "alice", id, 900, "more"));
	answered(act(f, "alice", LB_MSG_CANCEL, f->a.grant.id, ""));
	refused(extend(f, "alice", id, 7 * HOUR / 2, "more"), LB_OVER_LIMIT,
		"op closes; R-1 can be extended by at most");
}

/* An approver is told whose day is full; the other role of the same person does not count. */
static void
the_most_of_a_day_is_looked_at_again_when_an_extension_is_approved(void **state)
{
	struct fixture *f = *state;
	uint64_t id, more;

	change_policy(f, OPS("max-duration = \"4h\" max-per-day = \"2h\""));
	id = answered(request(f, "alice", "op", HOUR, "why"));
	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
	act(f, "alice", LB_MSG_CLAIM, id, "");
	assert_int_equal(f->a.claims, 1);
	refused(extend(f, "alice", id, HOUR + 1, "more"), LB_OVER_LIMIT, "you may use 1h of that");
	more = answered(extend(f, "alice", id, HOUR, "more"));
	change_policy(f, OPS("max-duration = \"4h\" max-per-day = \"90m\""));
	refused(act(f, "bob", LB_MSG_APPROVE, more, ""), LB_OVER_LIMIT,
		"alice may use 1h of that already: 30m is left");
	change_policy(f, OPS("max-duration = \"4h\" max-per-day = \"1h\""));
	refused(act(f, "bob", LB_MSG_APPROVE, more, ""), LB_OVER_LIMIT,
		"alice may use all of that already");
	assert_int_equal(stored(f, id).duration_s, HOUR);
	change_policy(f, OPS("max-duration = \"4h\" max-per-day = \"2h\""));
	answered(act(f, "bob", LB_MSG_APPROVE, more, ""));
	assert_int_equal(stored(f, id).duration_s, 2 * HOUR);
}

static void
a_role_that_changed_is_not_extended_but_requested_anew(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "op");

	answered(extend(f, "alice", id, 900, "more"));
	answered(act(f, "alice", LB_MSG_CANCEL, f->a.grant.id, ""));
	change_policy(f, policy_other_groups);
	refused(extend(f, "alice", id, 900, "more"), LB_NOT_NOW, "request it anew");
}

static void
time_that_has_not_begun_is_not_extended(void **state)
{
	struct fixture *f = *state;
	uint64_t id;

	change_policy(f, OPS("max-duration = \"4h\" starts = \"first-login\""));
	id = active(f, "alice", "op");
	refused(extend(f, "alice", id, 900, "more"), LB_NOT_NOW, "has not begun: log in first");
}

static void
a_request_is_not_taken_for_an_extension_that_looks_the_same(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "op"), more = answered(extend(f, "alice", id, 900, "x"));

	assert_int_not_equal(answered(request(f, "alice", "op", 900, "x")), more);
	assert_int_equal(f->a.grant.extends, 0);
	/* And the other way round. */
	assert_int_equal(answered(extend(f, "alice", id, 900, "x")), more);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit(an_extension_lengthens_the_grant_and_tells_the_warden),
		unit(both_the_grant_and_the_extension_have_it_in_the_record),
		unit(what_is_denied_cancelled_or_lapses_changes_nothing),
		unit(the_same_people_approve_and_never_the_engineer),
		unit(only_its_engineer_extends_and_only_what_is_active),
		unit(a_role_bounds_what_it_is_extended_to),
		unit(at_the_instant_of_the_end_the_end_wins_and_just_before_nothing_is_extended),
		unit(what_waits_to_extend_a_grant_that_ends_is_closed_with_it),
		unit(a_claim_whose_account_ends_before_it_is_there_is_answered),
		unit(an_extension_that_the_warden_cannot_carry_out_ends_the_grant),
		unit(under_a_clock_that_is_astray_nothing_is_extended),
		unit(nothing_is_extended_beyond_the_hours),
		unit(the_most_of_a_day_is_looked_at_again_when_an_extension_is_approved),
		unit(a_role_that_changed_is_not_extended_but_requested_anew),
		unit(time_that_has_not_begun_is_not_extended),
		unit(a_request_is_not_taken_for_an_extension_that_looks_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
