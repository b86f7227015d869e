/*
 * The clocks of a grant: when it may be asked for and claimed, when its time
 * begins and ends, and how much one person gets.
 */
#include "keeper_fixture.h"

#include "keeper/clocks.h"
#include "text.h"

#define CLOCKS(settings)                                                                           \
	PEOPLE MALLORY TEAMS("\"alice\", \"mallory\"")                                             \
		OP_WITH("max-duration = \"4h\" sessions = 3 " settings) OTHER_ROLES
#define HOUR 3600

static struct answer *
request_at(struct fixture *f, const char *who, uint32_t seconds, uint64_t start_s)
{
	union lb_msg m = {.request = {.duration_s = seconds, .start_s = start_s}};

	strcpy(m.request.role, "op");
	strcpy(m.request.reason, "why");
	return ask(f, who, LB_MSG_REQUEST, &m);
}

static uint64_t
now_of(struct fixture *f)
{
	return lb_keeper_now_s(&f->k);
}

static struct answer *
open_session(struct fixture *f, uint64_t id, pid_t *pid)
{
	struct lb_grant g = stored(f, id);
	union lb_msg m = {.login = {.uid = g.uid, .service = "sshd", .rhost = "192.0.2.7"}};
	struct lb_peer peer = peer_of(f, "root");
	struct question q = {f, &peer, LB_MSG_PAM_OPEN, &m, true, false};

	peer.direct = true;
	*pid = start_process(&peer.pidfd);
	peer.pid = *pid;
	memcpy(m.login.user, g.account, sizeof g.account);
	memset(&f->a, 0, sizeof f->a);
	f->a.err = lb_tx_run(&f->k, put, &q);
	close(peer.pidfd);
	return &f->a;
}

static void
near(uint64_t got, uint64_t wanted)
{
	if (got < wanted || got > wanted + 2)
		fail_msg("%llu is not %llu", (unsigned long long)got, (unsigned long long)wanted);
}

static void
a_role_has_a_lifetime_and_a_window_of_its_own_or_the_hosts(void **state)
{
	struct fixture *f = *state;
	uint64_t id = pending(f, "alice", "op");

	near(stored(f, id).until_s, now_of(f) + 12 * HOUR);
	change_policy(f, CLOCKS("request-lifetime = \"2h\" claim-window = \"5m\""));
	id = pending(f, "alice", "op");
	near(stored(f, id).until_s, now_of(f) + 2 * HOUR);
	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
	near(stored(f, id).until_s, now_of(f) + 300);
	pass_time(f, 301);
	refused(act(f, "alice", LB_MSG_CLAIM, id, ""), LB_NOT_NOW, "time has run out");
}

static void
what_was_claimed_in_vain_has_the_times_of_its_approval_again(void **state)
{
	static const char *const settings[] = {"claim-window = \"2h\"",
					       "claim-window = \"2h\" starts = approval",
					       "claim-window = \"2h\" starts = first-login",
					       "claim-window = \"5h\" starts = approval"};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
		char text[4096];
		struct lb_grant before, after;

		snprintf(text, sizeof text, CLOCKS("%s"), settings[i]);
		change_policy(f, text);
		before = stored(f, approved(f, "alice", "op"));
		pass_time(f, 77);
		act(f, "alice", LB_MSG_CLAIM, before.id, "");
		assert_int_equal(f->a.claims, 1);
		after = stored(f, before.id);
		assert_true(after.until_s != before.until_s || after.claimed_s != 0);
		unmade(f, before.id, "no room");
		after = stored(f, before.id);
		assert_int_equal(after.until_s, before.until_s);
		assert_int_equal(after.begun_s, before.begun_s);
		assert_int_equal(after.end_s, before.end_s);
		assert_int_equal(after.claimed_s, 0);
		answered(act(f, "alice", LB_MSG_CANCEL, before.id, ""));
	}
}

static void
time_counts_from_the_claim_unless_the_role_says_otherwise(void **state)
{
	struct fixture *f = *state;
	uint64_t id = approved(f, "alice", "op");

	assert_int_equal(stored(f, id).end_s, 0);
	pass_time(f, 600);
	act(f, "alice", LB_MSG_CLAIM, id, "");
	assert_int_equal(f->a.claims, 1);
	near(stored(f, id).end_s, now_of(f) + HOUR);
	assert_int_equal(stored(f, id).begun_s, stored(f, id).claimed_s);
}

static void
time_that_counts_from_the_approval_goes_by_unclaimed(void **state)
{
	struct fixture *f = *state;
	struct lb_grant g;
	uint64_t id;

	change_policy(f, CLOCKS("starts = approval"));
	id = approved(f, "alice", "op");
	g = stored(f, id);
	near(g.end_s, now_of(f) + 600);
	assert_int_equal(g.until_s, g.end_s); /* the claim window is longer than that */
	assert_int_equal(g.begun_s, g.end_s - 600);
	pass_time(f, 400);
	act(f, "alice", LB_MSG_CLAIM, id, "");
	assert_int_equal(f->a.claimed.end_s, g.end_s);
	id = approved(f, "mallory", "op");
	pass_time(f, 601);
	refused(act(f, "mallory", LB_MSG_CLAIM, id, ""), LB_NOT_NOW, "time has run out");
	ok(lb_due_start(&f->k));
	assert_int_equal(stored(f, id).state, LB_STATE_LAPSED);
	assert_string_equal(stored(f, id).cause, "it was not claimed in time");
	answered(act(f, "mallory", LB_MSG_SHOW, id, ""));
	assert_int_equal(f->a.grant.end_s, 0);
}

static void
time_that_counts_from_the_first_login_begins_once(void **state)
{
	struct fixture *f = *state;
	pid_t first, second;
	struct lb_grant g;
	uint64_t id;

	change_policy(f, CLOCKS("starts = first-login claim-window = \"20m\""));
	id = active(f, "alice", "op");
	g = stored(f, id);
	assert_int_equal(g.begun_s, 0);
	near(g.end_s, now_of(f) + 1200);
	pass_time(f, 1000);
	open_session(f, id, &first);
	assert_int_equal(f->a.verdict.verdict, LB_VERDICT_ALLOW);
	g = stored(f, id);
	near(g.begun_s, now_of(f));
	assert_int_equal(g.end_s, g.begun_s + 600);
	assert_int_equal(g.until_s, g.end_s);
	assert_int_equal(f->a.warden[0].type, LB_IPC_ACCOUNT);
	assert_int_equal(f->a.warden[0].msg.account.fresh, 0);
	pass_time(f, 100);
	open_session(f, id, &second);
	assert_int_equal(f->a.verdict.verdict, LB_VERDICT_ALLOW);
	assert_int_equal(stored(f, id).end_s, g.end_s);
	end_process(first);
	end_process(second);
}

static void
an_account_that_nobody_logs_in_to_ends(void **state)
{
	struct fixture *f = *state;
	pid_t pid;
	uint64_t id;

	change_policy(f, CLOCKS("starts = first-login claim-window = \"20m\""));
	id = active(f, "alice", "op");
	pass_time(f, 1201);
	open_session(f, id, &pid);
	assert_int_equal(f->a.verdict.verdict, LB_VERDICT_DENY);
	end_process(pid);
	ok(lb_due_start(&f->k));
	assert_int_equal(stored(f, id).state, LB_STATE_ENDING);
	assert_string_equal(stored(f, id).cause, "nobody logged in in time");
}

static void
a_future_start_is_approved_before_and_claimed_from_then_on(void **state)
{
	struct fixture *f = *state;
	uint64_t start, id;

	change_policy(f, CLOCKS("start-ahead = \"6h\""));
	start = now_of(f) + 3 * HOUR;
	id = answered(request_at(f, "alice", 600, start));
	assert_int_equal(f->a.grant.start_s, start);
	assert_int_equal(answered(request_at(f, "alice", 600, start)), id);
	assert_int_not_equal(answered(request_at(f, "alice", 600, start + 60)), id);
	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
	assert_int_equal(stored(f, id).until_s, start + HOUR);
	refused(act(f, "alice", LB_MSG_CLAIM, id, ""), LB_NOT_NOW, "can be claimed from 20");
	pass_time(f, 3 * HOUR);
	act(f, "alice", LB_MSG_CLAIM, id, "");
	assert_int_equal(f->a.claims, 1);
	near(stored(f, id).end_s, now_of(f) + 600);
}

static void
a_start_lies_ahead_and_within_what_the_role_allows(void **state)
{
	struct fixture *f = *state;
	uint64_t now;

	change_policy(f, CLOCKS("start-ahead = \"6h\""));
	now = now_of(f);
	refused(request_at(f, "alice", 600, now - 1), LB_BAD_INPUT, "is over");
	refused(request_at(f, "alice", 600, 1), LB_BAD_INPUT, "is over");
	refused(request_at(f, "alice", 600, now + 6 * HOUR + 5), LB_OVER_LIMIT, "at most 6h after");
	refused(request_at(f, "alice", 600, UINT64_MAX), LB_OVER_LIMIT, "at most 6h after");
	answered(request_at(f, "alice", 600, now + 6 * HOUR));
}

static void
a_future_start_counts_from_itself_where_time_counts_from_the_approval(void **state)
{
	struct fixture *f = *state;
	uint64_t start, id;

	change_policy(f, CLOCKS("starts = approval"));
	start = now_of(f) + 5 * HOUR;
	id = answered(request_at(f, "alice", 600, start));
	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
	assert_int_equal(stored(f, id).begun_s, start);
	assert_int_equal(stored(f, id).end_s, start + 600);
	assert_int_equal(stored(f, id).until_s, start + 600);
	/* It is not for longer than the role allows because it is for later. */
	ok(lb_tx_run(&f->k, lb_sync_policy, NULL));
	assert_int_equal(stored(f, id).state, LB_STATE_APPROVED);
}

static void
more_than_the_maximum_of_a_day_is_refused_with_what_is_left(void **state)
{
	struct fixture *f = *state;
	uint64_t id;

	change_policy(f, CLOCKS("max-per-day = \"5h\""));
	answered(request_at(f, "alice", 3 * HOUR, 0));
	refused(request_at(f, "alice", 2 * HOUR + 1, 0), LB_OVER_LIMIT,
		"at most 5h within 24 hours, and you may use 3h of that already: 2h is left; ask "
		"for --for 2h or less");
	id = answered(request_at(f, "alice", 2 * HOUR, 0));
	refused(request_at(f, "alice", 1, 0), LB_OVER_LIMIT, "all of that already");
	/* Another person has his own; what was cancelled does not count. */
	answered(request_at(f, "mallory", 4 * HOUR, 0));
	answered(act(f, "alice", LB_MSG_CANCEL, id, ""));
	answered(request_at(f, "alice", 2 * HOUR - 1, 0));
}

static void
what_was_given_back_early_counts_as_far_as_it_came(void **state)
{
	struct fixture *f = *state;
	struct lb_grant g;
	uint64_t id;

	change_policy(f, CLOCKS("max-per-day = \"1h\""));
	id = answered(request_at(f, "alice", HOUR, 0));
	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
	act(f, "alice", LB_MSG_CLAIM, id, "");
	refused(request_at(f, "alice", 60, 0), LB_OVER_LIMIT, "all of that already");
	pass_time(f, 600);
	answered(act(f, "alice", LB_MSG_END, id, ""));
	g = stored(f, id);
	ok(warden_says(f, LB_IPC_EVICTED, g.uid, true, "gone"));
	assert_int_equal(stored(f, id).state, LB_STATE_ENDED);
	refused(request_at(f, "alice", HOUR, 0), LB_OVER_LIMIT, "you may use 10m of that");
	id = answered(request_at(f, "alice", 2900, 0));
	answered(act(f, "alice", LB_MSG_CANCEL, id, ""));
	/* A day after it began it is forgotten. */
	refused(request_at(f, "alice", HOUR, g.begun_s + 24 * HOUR - 1), LB_OVER_LIMIT, "is left");
	answered(request_at(f, "alice", HOUR, g.begun_s + 24 * HOUR));
}

/* What was asked for a day apart may have come nearer by the time it is claimed. */
static void
the_maximum_of_a_day_holds_at_the_claim_too(void **state)
{
	struct fixture *f = *state;
	uint64_t id, next;

	change_policy(f, CLOCKS("max-per-day = \"4h\""));
	id = answered(request_at(f, "alice", 4 * HOUR, 0));
	next = answered(request_at(f, "alice", 4 * HOUR, now_of(f) + 24 * HOUR));
	pass_time(f, 11 * HOUR);
	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
	answered(act(f, "bob", LB_MSG_APPROVE, next, ""));
	refused(act(f, "alice", LB_MSG_CLAIM, id, ""), LB_OVER_LIMIT, "all of that already");
	assert_int_equal(stored(f, id).state, LB_STATE_APPROVED);
	answered(act(f, "alice", LB_MSG_CANCEL, next, ""));
	act(f, "alice", LB_MSG_CLAIM, id, "");
	assert_int_equal(f->a.claims, 1);
	/* A new password takes nothing more. */
	act(f, "alice", LB_MSG_CLAIM, id, "");
	assert_int_equal(f->a.claims, 1);
}

static void
days_are_counted_around_a_future_start(void **state)
{
	struct fixture *f = *state;
	uint64_t now;

	change_policy(f, CLOCKS("max-per-day = \"1h\" start-ahead = \"5d\""));
	now = now_of(f);
	answered(request_at(f, "alice", HOUR, 0));
	refused(request_at(f, "alice", HOUR, now + 23 * HOUR), LB_OVER_LIMIT,
		"all of that already");
	answered(request_at(f, "alice", HOUR, now + 48 * HOUR));
	refused(request_at(f, "alice", 60, now + 30 * HOUR), LB_OVER_LIMIT, "all of that already");
}

/* The hours of a role that is open from so many seconds from now on, for so long; "UTC". */
static void
open_between(struct fixture *f, int64_t from, int64_t to, const char *settings)
{
	static const char *const days[] = {"thu", "fri", "sat", "sun", "mon", "tue", "wed"};
	char text[4096], hours[256] = "";
	size_t used = 0;
	int64_t now = (int64_t)now_of(f), at = (now + from) / 60 * 60, end = (now + to) / 60 * 60;

	while (at < end) {
		int64_t midnight = at / 86400 * 86400, stop = midnight + 86400;

		if (end < stop)
			stop = end;
		used += (size_t)snprintf(
			hours + used, sizeof hours - used, "%s\"%s %02d:%02d-%02d:%02d\"",
			used > 0 ? ", " : "", days[midnight / 86400 % 7],
			(int)((at - midnight) / 3600), (int)((at - midnight) / 60 % 60),
			(int)((stop - midnight) / 3600), (int)((stop - midnight) / 60 % 60));
		at = stop;
	}
	snprintf(text, sizeof text,
		 PEOPLE MALLORY TEAMS("\"alice\", \"mallory\"")
			 OP_WITH("max-duration = \"4h\" start-ahead = \"3d\" hours = {%s} %s"),
		 hours, settings);
	change_policy(f, text);
}

static void
a_closed_role_is_refused_with_when_it_opens(void **state)
{
	struct fixture *f = *state;
	char opens[LB_TIME_TEXT];
	uint64_t now = now_of(f), from;

	open_between(f, -HOUR, 2 * HOUR, "");
	answered(request_at(f, "alice", 600, 0));
	open_between(f, 2 * HOUR, 5 * HOUR, "");
	from = (now + 2 * HOUR) / 60 * 60;
	lb_time_format(opens, (int64_t)from);
	refused(request_at(f, "alice", 600, 0), LB_NOT_NOW, opens);
	assert_non_null(strstr(f->a.text, "is closed now"));
	refused(request_at(f, "alice", 600, from - 5), LB_NOT_NOW, "is closed then");
	answered(request_at(f, "alice", 600, from));
}

static void
an_approval_waits_for_the_role_to_open(void **state)
{
	struct fixture *f = *state;
	uint64_t id, opens;

	open_between(f, -HOUR, 2 * HOUR, "");
	id = answered(request_at(f, "alice", 600, 0));
	open_between(f, 3 * HOUR, 5 * HOUR, "");
	opens = (now_of(f) + 3 * HOUR) / 60 * 60;
	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
	assert_int_equal(stored(f, id).until_s, opens + HOUR);
	refused(act(f, "alice", LB_MSG_CLAIM, id, ""), LB_NOT_NOW, "can be claimed from 20");
	pass_time(f, 3 * HOUR);
	act(f, "alice", LB_MSG_CLAIM, id, "");
	assert_int_equal(f->a.claims, 1);
}

static void
a_grant_ends_with_its_hours(void **state)
{
	struct fixture *f = *state;
	uint64_t id, closes;

	open_between(f, -HOUR, 2 * HOUR, "");
	closes = (now_of(f) + 2 * HOUR) / 60 * 60;
	id = answered(request_at(f, "alice", 4 * HOUR, 0));
	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
	act(f, "alice", LB_MSG_CLAIM, id, "");
	assert_int_equal(stored(f, id).end_s, closes);
	open_between(f, -HOUR, 2 * HOUR, "starts = first-login claim-window = \"6h\"");
	id = answered(request_at(f, "mallory", HOUR, 0));
	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
	act(f, "mallory", LB_MSG_CLAIM, id, "");
	assert_int_equal(stored(f, id).end_s, closes);
}

static void
hours_that_become_fewer_end_what_is_active_earlier(void **state)
{
	struct fixture *f = *state;
	uint64_t id, closes;
	struct lb_grant g;

	change_policy(f, CLOCKS(""));
	id = answered(request_at(f, "alice", 4 * HOUR, 0));
	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
	act(f, "alice", LB_MSG_CLAIM, id, "");
	assert_int_equal(f->a.claims, 1);
	ok(lb_tx_run(&f->k, lb_sync_policy, NULL));
	near(stored(f, id).end_s, now_of(f) + 4 * HOUR);

	open_between(f, -HOUR, 2 * HOUR, "");
	closes = (now_of(f) + 2 * HOUR) / 60 * 60;
	ok(lb_tx_run(&f->k, lb_sync_policy, NULL));
	g = stored(f, id);
	assert_int_equal(g.state, LB_STATE_ACTIVE);
	assert_int_equal(g.end_s, closes);
	assert_int_equal(g.until_s, closes);
	recorded(f, "shorten", id, "");
	act(f, "alice", LB_MSG_CLAIM, id, "");
	assert_int_equal(f->a.claims, 1);

	/* Closed at once: no password and no session, also before that is carried out. */
	open_between(f, 5 * HOUR, 6 * HOUR, "");
	refused(act(f, "alice", LB_MSG_CLAIM, id, ""), LB_NOT_NOW, "is closed now");
	{
		pid_t pid;
		struct answer *a = open_session(f, id, &pid);

		assert_int_equal(a->verdicts, 1);
		assert_int_equal(a->verdict.verdict, LB_VERDICT_DENY);
		assert_non_null(strstr(a->verdict.text, "op is closed now"));
		end_process(pid);
	}
	ok(lb_tx_run(&f->k, lb_sync_policy, NULL));
	near(stored(f, id).end_s, now_of(f));
	pass_time(f, 1);
	ok(lb_due_start(&f->k));
	assert_int_equal(stored(f, id).state, LB_STATE_ENDING);
}

/* A thousand that began within a day, all of them over. */
static int
begin_many(struct lb_tx *tx, void *arg)
{
	struct lb_grant g = *(const struct lb_grant *)arg;
	int err = LB_OK;

	g.uid = 0;
	memset(g.account, 0, sizeof g.account);
	for (int i = 0; err == LB_OK && i < 1001; i++) {
		err = lb_store_next_id(tx->store, &g.id);
		g.begun_s = tx->now_s - 2000 + (uint64_t)i;
		g.end_s = g.closed_s = g.begun_s;
		if (err == LB_OK)
			err = lb_store_put_grant(tx->store, &g);
	}
	return err;
}

static void
more_than_can_be_looked_at_is_all_of_the_day(void **state)
{
	struct fixture *f = *state;
	struct lb_grant g;
	uint64_t id;

	change_policy(f, CLOCKS("max-per-day = \"5h\""));
	id = active(f, "alice", "op");
	answered(request(f, "alice", "op", 60, "before"));
	act(f, "alice", LB_MSG_END, id, "");
	ok(warden_says(f, LB_IPC_EVICTED, stored(f, id).uid, true, "killed 0"));
	g = stored(f, id);
	assert_int_equal(g.state, LB_STATE_ENDED);
	ok(lb_tx_run(&f->k, begin_many, &g));
	refused(request(f, "alice", "op", 60, "after"), LB_OVER_LIMIT, "all of that already");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit(a_role_has_a_lifetime_and_a_window_of_its_own_or_the_hosts),
		unit(what_was_claimed_in_vain_has_the_times_of_its_approval_again),
		unit(time_counts_from_the_claim_unless_the_role_says_otherwise),
		unit(time_that_counts_from_the_approval_goes_by_unclaimed),
		unit(time_that_counts_from_the_first_login_begins_once),
		unit(an_account_that_nobody_logs_in_to_ends),
		unit(a_future_start_is_approved_before_and_claimed_from_then_on),
		unit(a_start_lies_ahead_and_within_what_the_role_allows),
		unit(a_future_start_counts_from_itself_where_time_counts_from_the_approval),
		unit(more_than_the_maximum_of_a_day_is_refused_with_what_is_left),
		unit(what_was_given_back_early_counts_as_far_as_it_came),
		unit(the_maximum_of_a_day_holds_at_the_claim_too),
		unit(days_are_counted_around_a_future_start),
		unit(a_closed_role_is_refused_with_when_it_opens),
		unit(an_approval_waits_for_the_role_to_open),
		unit(a_grant_ends_with_its_hours),
		unit(hours_that_become_fewer_end_what_is_active_earlier),
		unit(more_than_can_be_looked_at_is_all_of_the_day),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
