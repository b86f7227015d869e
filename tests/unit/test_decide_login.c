/* What PAM asks of the keeper: password, gate, session; and who is counted and told. */
#include "keeper_fixture.h"

struct login {
	const char *user, *service, *rhost, *password;
	uint32_t uid;
};

static struct answer *
login_by(struct fixture *f, struct lb_peer *peer, uint16_t type, struct login l, bool full)
{
	union lb_msg m = {.login = {.uid = l.uid}};
	struct question q = {f, peer, type, &m, true, full};

	snprintf(m.login.user, sizeof m.login.user, "%s", l.user);
	snprintf(m.login.service, sizeof m.login.service, "%s", l.service);
	snprintf(m.login.rhost, sizeof m.login.rhost, "%s", l.rhost);
	snprintf(m.login.password, sizeof m.login.password, "%s",
		 l.password != NULL ? l.password : "");
	memset(&f->a, 0, sizeof f->a);
	f->a.err = lb_tx_run(&f->k, put, &q);
	return &f->a;
}

static struct answer *
login(struct fixture *f, uint16_t type, struct login l)
{
	struct lb_peer peer = peer_of_uid(f, 0);

	return login_by(f, &peer, type, l, false);
}

static void
allowed_at(const struct answer *a, int line)
{
	if (a->err != LB_OK || a->verdicts != 1 || a->verdict.verdict != LB_VERDICT_ALLOW)
		fail_msg("line %d: error %d, %u verdicts, verdict %u: %s", line, a->err,
			 a->verdicts, a->verdict.verdict, a->verdict.text);
}
#define allowed(a) allowed_at(a, __LINE__)

static void
denied_at(const struct answer *a, const char *words, int line)
{
	if (a->err != LB_OK || a->verdicts != 1 || a->verdict.verdict != LB_VERDICT_DENY ||
	    strstr(a->verdict.text, words) == NULL)
		fail_msg("line %d: error %d, %u verdicts, verdict %u: %s", line, a->err,
			 a->verdicts, a->verdict.verdict, a->verdict.text);
	assert_int_equal(a->watches, 0);
}
#define denied(a, words) denied_at(a, words, __LINE__)

/* A login of grant id, as it should be. */
static struct login
good(struct fixture *f, uint64_t id, const char *password)
{
	static struct lb_grant g;

	g = stored(f, id);
	return (struct login){g.account, "sshd", "192.0.2.1", password, g.uid};
}

static void
the_password_lets_in_once(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "op");
	char password[80];

	memcpy(password, f->a.claimed.password, sizeof f->a.claimed.password);
	allowed(login(f, LB_MSG_PAM_ACCOUNT, good(f, id, NULL)));
	assert_string_equal(f->a.log, ""); /* the gate alone leaves no record */
	allowed(login(f, LB_MSG_PAM_AUTH, good(f, id, password)));
	recorded(f, "login-ok", id, "alice");
	assert_null(strstr(f->a.log, password));
	assert_int_equal(stored(f, id).otp, LB_OTP_SPENT);
	denied(login(f, LB_MSG_PAM_AUTH, good(f, id, password)), "wrong or used");
	recorded(f, "login-refused", id, "alice");
	assert_non_null(strstr(f->a.log, "used already or is void"));
	/* The account goes on: key logins ask the gate alone. */
	allowed(login(f, LB_MSG_PAM_ACCOUNT, good(f, id, NULL)));
	/* A new one, and the old stays useless. */
	act(f, "alice", LB_MSG_CLAIM, id, "");
	assert_int_equal(f->a.claims, 1);
	denied(login(f, LB_MSG_PAM_AUTH, good(f, id, password)), "wrong or used");
}

static void
a_password_is_good_for_its_own_grant_only(void **state)
{
	struct fixture *f = *state;
	char first[80], second[80];
	uint64_t a = active(f, "alice", "op"), b;

	memcpy(first, f->a.claimed.password, sizeof f->a.claimed.password);
	b = active(f, "mallory", "op");
	memcpy(second, f->a.claimed.password, sizeof f->a.claimed.password);
	denied(login(f, LB_MSG_PAM_AUTH, good(f, a, second)), "wrong or used");
	denied(login(f, LB_MSG_PAM_AUTH, good(f, b, first)), "wrong or used");
	denied(login(f, LB_MSG_PAM_AUTH, good(f, b, "")), "wrong or used");
	allowed(login(f, LB_MSG_PAM_AUTH, good(f, a, first)));
	allowed(login(f, LB_MSG_PAM_AUTH, good(f, b, second)));
}

static void
names_and_uids_that_are_no_account_are_told_how_to_ask(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "op");
	struct login l = good(f, id, NULL);
	static const struct {
		const char *user;
		uint32_t uid;
	} others[] = {{"alice", 1000},		 {"root", 0},		{"nobody", 65534},
		      {"lb-alice-1", 1000},	 {"alice", 1900010001}, {"x", UINT32_MAX},
		      {"lb-alice-1", 1900000001}};

	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		l.user = others[i].user;
		l.uid = others[i].uid;
		denied(login(f, LB_MSG_PAM_ACCOUNT, l), "nobody has standing access to testhost");
		assert_non_null(strstr(f->a.verdict.text, "ssh lockbox@testhost request"));
		denied(login(f, LB_MSG_PAM_OPEN, l), "nobody has standing access");
		denied(login(f, LB_MSG_PAM_AUTH, l), "nobody has standing access");
	}
	recorded(f, "login-refused", 0, "");
	l.user = "lb-alice-2"; /* never made */
	l.uid = 1900010002;
	denied(login(f, LB_MSG_PAM_ACCOUNT, l), "no such account");
	l.user = "lb-bob-1"; /* another's name for a uid that is */
	l.uid = 1900010001;
	denied(login(f, LB_MSG_PAM_ACCOUNT, l), "no such account");
	l.user = "lb-alice-1";
	allowed(login(f, LB_MSG_PAM_ACCOUNT, l));
}

static void
services_that_are_not_for_temporary_accounts_are_refused(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "op");
	char password[80];
	struct login l;
	static const char *const good_ones[] = {"sshd", "sudo", "sudo-i", "polkit-1"},
				 *const bad[] = {"su",	 "login", "cron",	 "",
						 "SSHD", "sshd2", "systemd-user"};

	memcpy(password, f->a.claimed.password, sizeof f->a.claimed.password);
	l = good(f, id, password);
	for (size_t i = 0; i < 4; i++) {
		l.service = good_ones[i];
		allowed(login(f, LB_MSG_PAM_ACCOUNT, l));
		if (i > 0)
			denied(login(f, LB_MSG_PAM_AUTH, l), "accepted by sshd only");
		if (i > 0)
			denied(login(f, LB_MSG_PAM_OPEN, l), "cannot be registered");
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		l.service = bad[i];
		denied(login(f, LB_MSG_PAM_ACCOUNT, l), "a temporary account may not use");
		denied(login(f, LB_MSG_PAM_AUTH, l), "a temporary account may not use");
		denied(login(f, LB_MSG_PAM_OPEN, l), "a temporary account may not use");
	}
	assert_int_equal(stored(f, id).otp, LB_OTP_READY); /* none of it has spent the password */
}

static void
nobody_is_let_in_before_or_after_the_grant(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "op");
	char password[80];

	memcpy(password, f->a.claimed.password, sizeof f->a.claimed.password);
	pass_time(f, 3599);
	allowed(login(f, LB_MSG_PAM_ACCOUNT, good(f, id, NULL)));
	pass_time(f, 1);
	denied(login(f, LB_MSG_PAM_ACCOUNT, good(f, id, NULL)), "R-1 is over");
	denied(login(f, LB_MSG_PAM_AUTH, good(f, id, password)), "R-1 is over");
	denied(login(f, LB_MSG_PAM_OPEN, good(f, id, NULL)), "R-1 is over");
	id = active(f, "alice", "op");
	answered(act(f, "alice", LB_MSG_END, id, ""));
	denied(login(f, LB_MSG_PAM_ACCOUNT, good(f, id, NULL)), "is over");
	ok(warden_says(f, LB_IPC_EVICTED, stored(f, id).uid, true, "gone"));
	denied(login(f, LB_MSG_PAM_ACCOUNT, good(f, id, NULL)), "is over");
}

static void
who_is_taken_out_of_the_policy_is_shut_out_at_once(void **state)
{
	struct fixture *f = *state;
	uint64_t mallorys = active(f, "mallory", "op"), alices = active(f, "alice", "op");

	allowed(login(f, LB_MSG_PAM_ACCOUNT, good(f, mallorys, NULL)));
	change_policy(f, policy_without_mallory);
	denied(login(f, LB_MSG_PAM_ACCOUNT, good(f, mallorys, NULL)), "is over");
	allowed(login(f, LB_MSG_PAM_ACCOUNT, good(f, alices, NULL)));
	change_policy(f, policy_without_alice_in_team);
	denied(login(f, LB_MSG_PAM_ACCOUNT, good(f, alices, NULL)), "is over");
	denied(login(f, LB_MSG_PAM_OPEN, good(f, alices, NULL)), "is over");
}

static void
wrong_passwords_from_one_place_do_not_lock_out_another(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "op");
	char password[80];
	struct login l;

	memcpy(password, f->a.claimed.password, sizeof f->a.claimed.password);
	l = good(f, id, "0000-0000-0000-0000-0000-0000");
	l.rhost = "203.0.113.66";
	for (int i = 0; i < 5; i++)
		denied(login(f, LB_MSG_PAM_AUTH, l), "wrong or used");
	denied(login(f, LB_MSG_PAM_AUTH, l), "too many wrong passwords");
	l.password = password; /* not even the right one, from there */
	denied(login(f, LB_MSG_PAM_AUTH, l), "too many wrong passwords");
	assert_int_equal(stored(f, id).otp, LB_OTP_READY);
	allowed(login(f, LB_MSG_PAM_AUTH, good(f, id, password)));
	/* A new claim begins anew. */
	act(f, "alice", LB_MSG_CLAIM, id, "");
	memcpy(password, f->a.claimed.password, sizeof f->a.claimed.password);
	l.password = password;
	allowed(login(f, LB_MSG_PAM_AUTH, l));
}

static void
wrong_tries_of_one_grant_do_not_count_for_another(void **state)
{
	struct fixture *f = *state;
	uint64_t a = active(f, "alice", "op"), b = active(f, "mallory", "op");
	char password[80];

	memcpy(password, f->a.claimed.password, sizeof f->a.claimed.password);
	for (int i = 0; i < 6; i++)
		login(f, LB_MSG_PAM_AUTH, good(f, a, "wrong"));
	denied(&f->a, "too many");
	allowed(login(f, LB_MSG_PAM_AUTH, good(f, b, password)));
}

static void
a_thousand_places_guessing_leave_the_engineers_own_alone(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "op");
	char password[80], rhost[32];
	struct login l;

	memcpy(password, f->a.claimed.password, sizeof f->a.claimed.password);
	l = good(f, id, "wrong");
	l.rhost = rhost;
	for (int i = 0; i < 1000; i++) {
		snprintf(rhost, sizeof rhost, "2001:db8::%x", i);
		denied(login(f, LB_MSG_PAM_AUTH, l), "wrong or used");
	}
	allowed(login(f, LB_MSG_PAM_AUTH, good(f, id, password)));
}

/* -- sessions ---------------------------------------------------------------- */

static struct lb_peer
process_peer(struct fixture *f, pid_t pid, int pidfd)
{
	struct lb_peer peer = peer_of_uid(f, 0);

	peer.pid = pid;
	peer.pidfd = pidfd;
	return peer;
}

static void
wait_until_closed(struct fixture *f, uint64_t id, unsigned sessions)
{
	for (int i = 0; i < 200 && sessions_of(f, id) != sessions; i++) {
		const struct timeval limit = {0, 20000};

		event_base_loopexit(f->k.base, &limit);
		event_base_loop(f->k.base, EVLOOP_ONCE);
	}
	assert_int_equal(sessions_of(f, id), sessions);
}

static void
a_session_is_counted_watched_told_and_closed_with_its_process(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "op");
	int pidfd, pidfd2;
	pid_t pid = start_process(&pidfd), pid2 = start_process(&pidfd2);
	struct lb_peer peer = process_peer(f, pid, pidfd), peer2 = process_peer(f, pid2, pidfd2);

	allowed(login_by(f, &peer, LB_MSG_PAM_OPEN, good(f, id, NULL), false));
	recorded(f, "session-open", id, "alice");
	assert_int_equal(f->a.watches, 1);
	assert_int_equal(f->a.nwarden, 1);
	assert_int_equal(f->a.warden[0].type, LB_IPC_SESSION);
	assert_int_equal(f->a.warden[0].msg.session.pid, pid);
	assert_int_equal(f->a.warden[0].msg.session.uid, stored(f, id).uid);
	assert_true(f->a.warden[0].fd);
	assert_non_null(strstr(f->a.verdict.text, "op on testhost (R-1) until "));
	assert_non_null(strstr(f->a.verdict.text, "Groups: adm"));
	assert_int_equal(sessions_of(f, id), 1);
	/* One is what the role allows: the next is refused everywhere, and its connection ended. */
	denied(login_by(f, &peer2, LB_MSG_PAM_OPEN, good(f, id, NULL), false),
	       "session limit reached");
	assert_int_equal(f->a.nwarden, 1);
	assert_int_equal(f->a.warden[0].type, LB_IPC_DISCONNECT);
	assert_int_equal(f->a.warden[0].msg.session.pid, pid2);
	assert_true(f->a.warden[0].fd);
	denied(login(f, LB_MSG_PAM_ACCOUNT, good(f, id, NULL)), "session limit reached");
	{
		struct login sudo = good(f, id, NULL);

		sudo.service = "sudo"; /* within a session that is open */
		allowed(login(f, LB_MSG_PAM_ACCOUNT, sudo));
	}
	refused(act(f, "alice", LB_MSG_CLAIM, id, ""), LB_NOT_NOW, "a session of R-1 is open");
	allowed(login(f, LB_MSG_PAM_CLOSE, good(f, id, NULL))); /* a hint: it stays open */
	assert_int_equal(sessions_of(f, id), 1);

	end_process(pid);
	wait_until_closed(f, id, 0);
	recorded(f, "session-close", id, "");
	allowed(login_by(f, &peer2, LB_MSG_PAM_OPEN, good(f, id, NULL), false));
	end_process(pid2);
	wait_until_closed(f, id, 0);
	close(pidfd);
	close(pidfd2);
}

static void
a_session_needs_a_process_that_is_known(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "op");
	struct lb_peer peer = peer_of_uid(f, 0);

	denied(login_by(f, &peer, LB_MSG_PAM_OPEN, good(f, id, NULL), false),
	       "cannot be registered");
	assert_int_equal(f->a.nwarden, 0);
	peer.pidfd = dup(0);
	peer.known = false;
	denied(login_by(f, &peer, LB_MSG_PAM_OPEN, good(f, id, NULL), false),
	       "cannot be registered");
	assert_int_equal(f->a.nwarden, 1); /* what can be ended is */
	close(peer.pidfd);
	assert_int_equal(sessions_of(f, id), 0);
}

static void
a_role_with_three_sessions_has_three(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "duo");
	int pidfd[4];
	pid_t pid[4];

	for (int i = 0; i < 4; i++) {
		struct lb_peer peer;

		pid[i] = start_process(&pidfd[i]);
		peer = process_peer(f, pid[i], pidfd[i]);
		login_by(f, &peer, LB_MSG_PAM_OPEN, good(f, id, NULL), false);
		if (i < 3)
			allowed(&f->a);
		else
			denied(&f->a, "allows 3 at a time and 3 ");
	}
	end_process(pid[1]);
	wait_until_closed(f, id, 2);
	allowed(login(f, LB_MSG_PAM_ACCOUNT, good(f, id, NULL)));
	for (int i = 0; i < 4; i++) {
		if (i != 1)
			end_process(pid[i]);
		close(pidfd[i]);
	}
	wait_until_closed(f, id, 0);
}

static void
an_end_that_cannot_be_recorded_is_tried_again_without_a_rush(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "op");
	int pidfd;
	pid_t pid = start_process(&pidfd);
	struct lb_peer peer = process_peer(f, pid, pidfd);
	const struct timeval a_while = {0, 300000};
	struct lb_store_txn *busy;
	unsigned turns = 0;

	allowed(login_by(f, &peer, LB_MSG_PAM_OPEN, good(f, id, NULL), false));
	/* Another transaction is under way, which never happens: so each of ours fails. */
	ok(lb_store_begin(f->k.store, LB_STORE_WRITE, &busy));
	end_process(pid);
	event_base_loopexit(f->k.base, &a_while);
	while (!event_base_got_exit(f->k.base) && turns < 1000) {
		event_base_loop(f->k.base, EVLOOP_ONCE);
		turns++;
	}
	assert_true(turns < 20);
	lb_store_abort(busy);
	wait_until_closed(f, id, 0);
	close(pidfd);
}

/* -- the rest -------------------------------------------------------------------- */

static void
exemptions_are_recorded_with_an_alarm(void **state)
{
	struct fixture *f = *state;
	struct lb_msg_record r;

	allowed(login(f, LB_MSG_PAM_EXEMPT, (struct login){"root", "login", "", NULL, 0}));
	last_record(f, &r);
	assert_string_equal(r.event, "exempt-used");
	assert_string_equal(r.account, "root");
	assert_non_null(strstr(r.detail, "ALARM"));
}

static void
hostile_names_are_escaped_in_the_line(void **state)
{
	struct fixture *f = *state;

	denied(login(f, LB_MSG_PAM_ACCOUNT,
		     (struct login){"x\n\033[2J\" event=login-ok", "sshd", "evil\r\nhost\"", NULL,
				    5000}),
	       "nobody has standing access");
	assert_null(strpbrk(f->a.log, "\n\r\033"));
	assert_non_null(strstr(f->a.log, "event=login-refused"));
	assert_non_null(strstr(f->a.log, "account=\"x\\x0a\\x1b[2J\\\" event=login-ok\""));
}

static void
refusals_fill_neither_store_nor_log_beyond_their_budget(void **state)
{
	struct fixture *f = *state;
	uint64_t before = last_record(f, NULL);

	f->k.logins = (struct lb_log_budget){.per_s = 1, .burst = 10};
	for (int i = 0; i < 300; i++)
		denied(login(f, LB_MSG_PAM_ACCOUNT,
			     (struct login){"mallory", "sshd", "h", NULL, 1001}),
		       "");
	assert_in_range(last_record(f, NULL) - before, 10, 15);
}

static void
with_a_full_store_the_gate_answers_and_nobody_new_comes_in(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "op");
	char password[80];
	struct lb_peer peer = peer_of_uid(f, 0);
	uint64_t before = last_record(f, NULL);

	memcpy(password, f->a.claimed.password, sizeof f->a.claimed.password);
	denied(login_by(f, &peer, LB_MSG_PAM_AUTH, good(f, id, password), true),
	       "the store is full");
	denied(login_by(f, &peer, LB_MSG_PAM_OPEN, good(f, id, NULL), true), "the store is full");
	allowed(login_by(f, &peer, LB_MSG_PAM_ACCOUNT, good(f, id, NULL), true));
	allowed(login_by(f, &peer, LB_MSG_PAM_CLOSE, good(f, id, NULL), true));
	denied(login_by(f, &peer, LB_MSG_PAM_ACCOUNT,
			(struct login){"alice", "sshd", "", NULL, 1000}, true),
	       "nobody has standing access");
	assert_int_equal(last_record(f, NULL), before);
	assert_int_equal(stored(f, id).otp, LB_OTP_READY);
}

static void
a_type_that_is_no_question_gets_no_answer(void **state)
{
	struct fixture *f = *state;
	static const uint16_t types[] = {
		0, LB_MSG_AS, LB_MSG_CLAIM, LB_MSG_PAM_EXEMPT + 1, LB_MSG_VERDICT, 0xffff};

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		login(f, types[i], (struct login){"alice", "sshd", "", NULL, 1000});
		assert_int_equal(f->a.err, LB_ERR_MALFORMED);
		assert_int_equal(f->a.verdicts, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit(the_password_lets_in_once),
		unit(a_password_is_good_for_its_own_grant_only),
		unit(names_and_uids_that_are_no_account_are_told_how_to_ask),
		unit(services_that_are_not_for_temporary_accounts_are_refused),
		unit(nobody_is_let_in_before_or_after_the_grant),
		unit(who_is_taken_out_of_the_policy_is_shut_out_at_once),
		unit(wrong_passwords_from_one_place_do_not_lock_out_another),
		unit(wrong_tries_of_one_grant_do_not_count_for_another),
		unit(a_thousand_places_guessing_leave_the_engineers_own_alone),
		unit(a_session_is_counted_watched_told_and_closed_with_its_process),
		unit(a_session_needs_a_process_that_is_known),
		unit(a_role_with_three_sessions_has_three),
		unit(an_end_that_cannot_be_recorded_is_tried_again_without_a_rush),
		unit(exemptions_are_recorded_with_an_alarm),
		unit(hostile_names_are_escaped_in_the_line),
		unit(refusals_fill_neither_store_nor_log_beyond_their_budget),
		unit(with_a_full_store_the_gate_answers_and_nobody_new_comes_in),
		unit(a_type_that_is_no_question_gets_no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
