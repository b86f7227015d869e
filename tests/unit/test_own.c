/* Own accounts in the keeper: what is asked for and claimed, and who is let in under it. */
#include "keeper_fixture.h"
#include "keeper/own.h"

#include <sys/wait.h>

#define NOUSER_KEY "AAAAC3NzaC1lZDI1NTE5AAAAIBn76JKYXe7zRLK6wHsQoFzuL0vBlstsl1gc2fuQZJvU"
#define OWN(settings)                                                                              \
	"role mine { requesters = {\"engineers\"} approvers = {\"leads\"} account = \"own\"\n"     \
	" groups = {\"adm\"} default-duration = \"10m\" " settings " }\n"                          \
	"role mine2 { requesters = {\"engineers\"} approvers = {\"leads\"} account = \"own\" }\n"  \
	"identity nouser { mail = \"n@example.org\" keys = {\"ssh-ed25519 "                        \
	"AAAAC3NzaC1lZDI1NTE5AAAAIBn76JKYXe7zRLK6wHsQoFzuL0vBlstsl1gc2fuQZJvU\"} }\n"

static const char policy_own[] = PEOPLE MALLORY TEAMS("\"alice\", \"mallory\", \"nouser\"")
	OP("\"adm\"") OWN("sessions = 2");
static const char policy_other_account[] =
	"identity alice { unix-user = \"u2\" }\nidentity bob { unix-user = \"bob\" }\n"
	"identity carol { unix-user = \"carol\" }\nidentity dave { unix-user = \"dave\" }\n"
	"identity frank { unix-user = \"frank\" }\n" MALLORY TEAMS(
		"\"alice\", \"mallory\", \"nouser\"") OP("\"adm\"") OWN("sessions = 2");
static const char policy_temporary[] = PEOPLE MALLORY TEAMS("\"alice\", \"mallory\"")
	OP("\"adm\"") "role mine { requesters = {\"engineers\"} approvers = {\"leads\"} groups = "
		      "{\"adm\"}\n"
		      " default-duration = \"10m\" sessions = 2 }\n";

/* A question of PAM's by a process with this login uid and number of a session. */
static struct answer *
login(struct fixture *f, uint16_t type, const char *user, uint32_t uid, const char *service,
      uint32_t login_uid, uint32_t session)
{
	union lb_msg m = {.login = {.uid = uid}};
	struct lb_peer peer = peer_of_uid(f, 0);
	struct question q = {f, &peer, type, &m, true, false};

	peer.login_uid = login_uid;
	peer.kernel_session = session;
	peer.pidfd = type == LB_MSG_PAM_OPEN ? (int)syscall(SYS_pidfd_open, getpid(), 0) : -1;
	snprintf(m.login.user, sizeof m.login.user, "%s", user);
	snprintf(m.login.service, sizeof m.login.service, "%s", service);
	memset(&f->a, 0, sizeof f->a);
	f->a.err = lb_tx_run(&f->k, put, &q);
	if (peer.pidfd >= 0)
		close(peer.pidfd);
	return &f->a;
}

static void
verdict(const struct answer *a, const char *words)
{
	assert_int_equal(a->err, LB_OK);
	assert_int_equal(a->verdicts, 1);
	if (words == NULL) {
		if (a->verdict.verdict != LB_VERDICT_ALLOW)
			fail_msg("denied: %s", a->verdict.text);
		return;
	}
	assert_int_equal(a->verdict.verdict, LB_VERDICT_DENY);
	if (strstr(a->verdict.text, words) == NULL)
		fail_msg("%s", a->verdict.text);
}

#define account(user, uid) login(f, LB_MSG_PAM_ACCOUNT, user, uid, "sshd", UINT32_MAX, UINT32_MAX)
#define open_as(session) login(f, LB_MSG_PAM_OPEN, "alice", 1000, "sshd", 1000, session)
#define sudo_in(login_uid, session)                                                                \
	login(f, LB_MSG_PAM_ACCOUNT, "alice", 1000, "sudo", login_uid, session)

static void
a_claim_opens_the_account_that_is_there_and_has_no_password(void **state)
{
	struct fixture *f = *state;
	struct lb_grant g;
	uint64_t id;

	change_policy(f, policy_own);
	verdict(account("alice", 1000), "nobody has standing access");
	id = approved(f, "alice", "mine");
	assert_string_equal(f->a.grant.own, "alice");
	verdict(account("alice", 1000), "nobody has standing access");
	act(f, "alice", LB_MSG_CLAIM, id, "");
	assert_int_equal(f->a.claims, 1);
	assert_string_equal(f->a.claimed.account, "alice");
	assert_string_equal(f->a.claimed.password, "");
	assert_int_equal(f->a.nwarden, 1);
	assert_int_equal(f->a.warden[0].type, LB_IPC_ACCOUNT);
	assert_int_equal(f->a.warden[0].msg.account.own_uid, 1000);
	assert_string_equal(f->a.warden[0].msg.account.name, "alice");
	assert_true(lb_uid_is_account(f->a.warden[0].msg.account.uid));
	g = stored(f, id);
	assert_int_equal(g.own_uid, 1000);
	assert_int_equal(g.otp, LB_OTP_NONE);
	assert_non_null(strstr(f->a.log, "account=\"alice\" uid=1000"));
	verdict(account("alice", 1000), NULL);
	/* Not by another name or uid, nor by the number that stands for the grant. */
	verdict(account("mallory", 1001), "nobody has standing access");
	verdict(account("alice", 1001), "nobody has standing access");
	verdict(account("alias", 1000), "nobody has standing access");
	verdict(account("alice", g.uid), "nobody has standing access");
	verdict(login(f, LB_MSG_PAM_ACCOUNT, "lb-alice-1", g.uid, "sshd", UINT32_MAX, UINT32_MAX),
		"no such account");
	verdict(login(f, LB_MSG_PAM_AUTH, "alice", 1000, "sshd", UINT32_MAX, UINT32_MAX),
		"no one-time password");
	verdict(login(f, LB_MSG_PAM_ACCOUNT, "alice", 1000, "su", UINT32_MAX, UINT32_MAX),
		"not for su");
	verdict(login(f, LB_MSG_PAM_ACCOUNT, "alice", 1000, "login", UINT32_MAX, UINT32_MAX),
		"not for login");
	/* Claimed once more it is the same. */
	act(f, "alice", LB_MSG_CLAIM, id, "");
	assert_int_equal(f->a.claims, 1);
	assert_string_equal(f->a.claimed.password, "");
	pass_time(f, 600);
	verdict(account("alice", 1000), "is over");
}

static void
who_has_no_ordinary_account_here_cannot_ask(void **state)
{
	struct fixture *f = *state;
	struct lb_peer peer = peer_of_uid(f, GATE_UID);
	union lb_msg m = {.request = {.duration_s = 60, .role = "mine", .reason = "why"}};

	change_policy(f, policy_own);
	peer.has_identity = true;
	memcpy(peer.identity, "alice", 6);
	answered(ask_by(f, &peer, LB_MSG_REQUEST, &m));
	memcpy(peer.identity, "nouser", 7);
	refused(ask_by(f, &peer, LB_MSG_REQUEST, &m), LB_NOT_NOW, "names none of yours");
}

static void
one_grant_at_a_time_works_on_an_account(void **state)
{
	struct fixture *f = *state;
	uint64_t first, second;

	change_policy(f, policy_own);
	first = active(f, "alice", "mine");
	second = approved(f, "alice", "mine2");
	refused(act(f, "alice", LB_MSG_CLAIM, second, ""), LB_NOT_NOW,
		"R-1 works on alice already");
	answered(act(f, "alice", LB_MSG_END, first, ""));
	assert_int_equal(f->a.warden[0].type, LB_IPC_EVICT);
	assert_int_equal(f->a.warden[0].msg.evict.own_uid, 1000);
	refused(act(f, "alice", LB_MSG_CLAIM, second, ""), LB_NOT_NOW,
		"R-1 works on alice already");
	ok(warden_says(f, LB_IPC_EVICTED, stored(f, first).uid, true, "gone"));
	act(f, "alice", LB_MSG_CLAIM, second, "");
	assert_int_equal(f->a.claims, 1);
	active(f, "mallory", "mine"); /* somebody else's account */
}

static void
without_numbers_of_sessions_nothing_is_claimed(void **state)
{
	struct fixture *f = *state;
	int proc = f->k.proc_fd;
	uint64_t id;

	change_policy(f, policy_own);
	id = approved(f, "alice", "mine");
	f->k.proc_fd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	refused(act(f, "alice", LB_MSG_CLAIM, id, ""), LB_NOT_NOW, "does not number sessions");
	close(f->k.proc_fd);
	f->k.proc_fd = proc;
	act(f, "alice", LB_MSG_CLAIM, id, "");
	assert_int_equal(f->a.claims, 1);
}

static void
sudo_is_for_the_sessions_of_the_grant(void **state)
{
	struct fixture *f = *state;
	uint64_t id;

	change_policy(f, policy_own);
	id = active(f, "alice", "mine");
	verdict(sudo_in(1000, 7), "not opened under R-1");
	verdict(open_as(7), NULL);
	assert_int_equal(f->a.nwarden, 2);
	assert_int_equal(f->a.warden[0].type, LB_IPC_KERNEL);
	assert_int_equal(f->a.warden[0].msg.kernel.session, 7);
	assert_int_equal(f->a.warden[1].type, LB_IPC_SESSION);
	assert_int_equal(f->a.warden[1].msg.session.uid, stored(f, id).uid);
	verdict(sudo_in(1000, 7), NULL);
	verdict(sudo_in(1000, 8), "not opened under R-1");
	verdict(sudo_in(1001, 7), "not opened under R-1");
	verdict(sudo_in(UINT32_MAX, UINT32_MAX), "not opened under R-1");
	verdict(sudo_in(1000, 0), "not opened under R-1");
	/* A session that the kernel has not numbered, or for somebody else, does not begin. */
	verdict(open_as(UINT32_MAX), "cannot be registered");
	verdict(open_as(0), "cannot be registered");
	verdict(login(f, LB_MSG_PAM_OPEN, "alice", 1000, "sshd", 1001, 9), "cannot be registered");
	verdict(open_as(8), NULL);
	verdict(sudo_in(1000, 8), NULL);
	verdict(open_as(9), "session limit");
	assert_int_equal(f->a.warden[0].type, LB_IPC_DISCONNECT);
	assert_int_equal(f->a.warden[0].msg.session.uid, 1000);
	assert_int_equal(sessions_of(f, id), 2);
	/* Another start of the host: the numbers begin anew, and say nothing. */
	f->k.boot_id[0]++;
	verdict(sudo_in(1000, 7), "not opened under R-1");
}

/* -- a login that waits until the groups resolve in its session ----------------------------------- */

enum { ALLOWED = 1, DENIED, NO_ANSWER, NO_LOGIN_UID };

/* sshd's side, in a process whose login uid is alice's: it asks for a session, and ends with the answer. */
static pid_t
begin_login(struct fixture *f)
{
	union lb_msg m = {.login = {.uid = 1000, .user = "alice", .service = "sshd"}};
	uint8_t frame[LB_HEADER_SIZE + LB_PAYLOAD_MAX];
	size_t len;
	pid_t pid;

	ok(lb_proto_encode(LB_MSG_PAM_OPEN, &m, frame, sizeof frame, &len));
	pid = fork();
	if (pid == 0) {
		int fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC), to;
		uint8_t reply[LB_HEADER_SIZE + LB_PAYLOAD_MAX];
		ssize_t n;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (fd < 0 || write(fd, "1000", 4) != 4)
			_exit(NO_LOGIN_UID);
		to = connect_to(f->dir, "pam");
		n = send(to, frame, len, MSG_NOSIGNAL) == (ssize_t)len
			    ? recv(to, reply, sizeof reply, 0)
			    : 0;
		/* After a frame's header, the message begins with its verdict. */
		_exit(n <= LB_HEADER_SIZE			  ? NO_ANSWER
		      : reply[LB_HEADER_SIZE] == LB_VERDICT_ALLOW ? ALLOWED
								  : DENIED);
	}
	assert_true(pid > 0);
	return pid;
}

/* How the login ended, within so many milliseconds; 0: it waits. */
static int
login_over(struct fixture *f, pid_t pid, int ms)
{
	int status;

	for (; ms > 0; ms--) {
		turn(f);
		if (waitpid(pid, &status, WNOHANG) == pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
		usleep(1000);
	}
	return 0;
}

/* The session that the warden is asked to let resolve; 0: it is not asked. */
static uint32_t
asked_for(struct fixture *f, pid_t pid)
{
	union lb_ipc_msg m;
	int ended = 0;

	for (int i = 0; i < 5000 && ended == 0; i++) {
		ended = login_over(f, pid, 1);
		for (uint16_t type; (type = warden_heard(f, &m)) != 0;)
			if (type == LB_IPC_KERNEL)
				return m.kernel.session;
	}
	return 0;
}

static int
entered(struct fixture *f, uint32_t uid, uint32_t session, bool ok_)
{
	const struct lb_ipc_entered e = {uid, session, ok_};
	uint8_t bytes[LB_LINK_MESSAGE_MAX];
	size_t len;

	ok(lb_ipc_encode(LB_IPC_ENTERED, &e, bytes, sizeof bytes, &len));
	return lb_keeper_warden_calls.message(&f->k, LB_IPC_ENTERED, bytes, len, -1);
}

static void
a_login_goes_on_when_its_session_has_the_groups(void **state)
{
	struct fixture *f = *state;
	uint32_t uid, session;
	uint64_t id;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	change_policy(f, policy_own);
	id = active(f, "alice", "mine");
	uid = stored(f, id).uid;
	forget_what_warden_heard(f);

	pid = begin_login(f);
	session = asked_for(f, pid);
	assert_int_not_equal(session, 0);
	ok(entered(f, uid, session + 1, true)); /* another one's */
	ok(entered(f, uid + 1, session, true));
	ok(entered(f, uid, 0, true));
	ok(warden_says(f, LB_IPC_PUBLISHED, uid, true, ""));
	assert_int_equal(login_over(f, pid, 50), 0);
	ok(entered(f, uid, session, true));
	assert_int_equal(login_over(f, pid, 5000), ALLOWED);
	ok(entered(f, uid, session, true)); /* nobody waits for it any more */

	pid = begin_login(f);
	session = asked_for(f, pid);
	assert_int_equal(login_over(f, pid, 50), 0);
	ok(entered(f, uid, session, false));
	assert_int_equal(login_over(f, pid, 5000), DENIED);
}

static void
a_login_that_waits_ends_with_the_grant_or_with_who_asked(void **state)
{
	struct fixture *f = *state;
	uint32_t uid, session;
	uint64_t id;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	change_policy(f, policy_own);
	id = active(f, "alice", "mine");
	uid = stored(f, id).uid;
	forget_what_warden_heard(f);

	/* It has given up: its answer is for nobody. */
	pid = begin_login(f);
	session = asked_for(f, pid);
	assert_int_not_equal(session, 0);
	kill(pid, SIGKILL);
	assert_int_equal(login_over(f, pid, 5000), -1);
	ok(entered(f, uid, session, true));

	pid = begin_login(f);
	assert_int_not_equal(asked_for(f, pid), 0);
	answered(act(f, "alice", LB_MSG_END, id, ""));
	ok(warden_says(f, LB_IPC_EVICTED, uid, true, "gone"));
	assert_int_equal(login_over(f, pid, 5000), DENIED);
}

static int
close_it(struct lb_tx *tx, void *arg)
{
	return lb_own_close_session(tx, *(const uint64_t *)arg, 1);
}

static int
name_them(struct lb_tx *tx, void *arg)
{
	struct fixture *f = arg;
	struct lb_grant g;
	int err = lb_store_grant(tx->store, 1, &g);

	memset(&f->a, 0, sizeof f->a);
	if (err == LB_OK)
		err = lb_own_name_sessions(tx, &g);
	read_outbox(&f->a, &tx->out);
	return err;
}

static void
a_session_that_is_over_stays_the_grants_until_its_end(void **state)
{
	struct fixture *f = *state;
	uint64_t id;

	change_policy(f, policy_own);
	id = active(f, "alice", "mine");
	verdict(open_as(7), NULL);
	ok(lb_tx_run(&f->k, close_it, &id));
	assert_int_equal(sessions_of(f, id), 0);
	verdict(sudo_in(1000, 7), NULL); /* what it left behind is under the grant still */
	ok(lb_tx_run(&f->k, name_them, f));
	assert_int_equal(f->a.nwarden, 1);
	assert_int_equal(f->a.warden[0].type, LB_IPC_KERNEL);
	assert_int_equal(f->a.warden[0].msg.kernel.session, 7);
	assert_int_equal(f->a.warden[0].msg.kernel.uid, stored(f, id).uid);
	answered(act(f, "alice", LB_MSG_END, id, ""));
	verdict(sudo_in(1000, 7), "is over");
	ok(warden_says(f, LB_IPC_EVICTED, stored(f, id).uid, true, "gone"));
	ok(lb_tx_run(&f->k, name_them, f));
	assert_int_equal(f->a.nwarden, 0);
}

static void
another_account_or_none_is_not_what_was_approved(void **state)
{
	struct fixture *f = *state;
	uint64_t id;

	change_policy(f, policy_own);
	id = active(f, "alice", "mine");
	change_policy(f, policy_other_account);
	ok(lb_tx_run(&f->k, lb_sync_policy, NULL));
	assert_int_equal(stored(f, id).state, LB_STATE_ENDING);
	change_policy(f, policy_own);
	id = approved(f, "alice", "mine");
	change_policy(f, policy_temporary);
	refused(act(f, "alice", LB_MSG_CLAIM, id, ""), LB_NOT_NOW, "have changed since");
	change_policy(f, policy_own);
	id = approved(f, "mallory", "mine");
	ok(lb_tx_run(&f->k, lb_sync_policy, NULL));
	assert_int_equal(stored(f, id).state, LB_STATE_APPROVED);
}

/* Who is let in by a grant that is as good as root could be anybody: who logged in decides. */
static void
who_has_logged_in_as_one_does_not_decide_as_another(void **state)
{
	struct fixture *f = *state;
	struct lb_peer peer;
	union lb_msg m = {.act = {.id = 0}};

	change_policy(f, policy_own);
	m.act.id = pending(f, "alice", "mine");
	peer = peer_of(f, "bob");
	peer.login_uid = 1000;
	refused(ask_by(f, &peer, LB_MSG_APPROVE, &m), LB_NO_PERMISSION,
		"logged in as somebody else");
	peer = peer_of_uid(f, GATE_UID);
	peer.login_uid = 1000;
	peer.has_identity = true;
	memcpy(peer.identity, "bob", 4);
	refused(ask_by(f, &peer, LB_MSG_APPROVE, &m), LB_NO_PERMISSION,
		"logged in as somebody else");
	peer = peer_of(f, "bob");
	peer.login_uid = 1002;
	answered(ask_by(f, &peer, LB_MSG_APPROVE, &m));
	/* Who is the same one by the gate asks as ever, and root on the host whoever has become it. */
	peer = peer_of_uid(f, GATE_UID);
	peer.login_uid = 1000;
	peer.has_identity = true;
	memcpy(peer.identity, "alice", 6);
	answered(ask_by(f, &peer, LB_MSG_SHOW, &m));
	peer = peer_of(f, "root");
	peer.login_uid = 1000;
	answered(ask_by(f, &peer, LB_MSG_SHOW, &m));
	refused(ask_by(f, &peer, LB_MSG_APPROVE, &m), LB_NO_IDENTITY, "root is no identity");
}

static int
put_grant(struct lb_tx *tx, void *arg)
{
	return lb_store_put_grant(tx->store, arg);
}

/* The login of either kind relies on it: a grant is for a temporary account or for an own one. */
static void
a_grant_of_both_kinds_of_account_is_not_stored(void **state)
{
	struct fixture *f = *state;
	struct lb_grant temporary, own, odd;

	change_policy(f, policy_own);
	temporary = stored(f, active(f, "alice", "op"));
	own = stored(f, active(f, "mallory", "mine"));
	ok(lb_tx_run(&f->k, put_grant, &temporary));
	ok(lb_tx_run(&f->k, put_grant, &own));
	odd = temporary;
	odd.own_uid = 1000;
	assert_int_equal(lb_tx_run(&f->k, put_grant, &odd), LB_ERR_MALFORMED);
	memcpy(odd.own, odd.account, sizeof odd.own);
	assert_int_equal(lb_tx_run(&f->k, put_grant, &odd), LB_ERR_MALFORMED);
	odd = own;
	odd.own_uid = 0;
	assert_int_equal(lb_tx_run(&f->k, put_grant, &odd), LB_ERR_MALFORMED);
	odd.own[0] = '\0';
	assert_int_equal(lb_tx_run(&f->k, put_grant, &odd), LB_ERR_MALFORMED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit(a_claim_opens_the_account_that_is_there_and_has_no_password),
		unit(who_has_no_ordinary_account_here_cannot_ask),
		unit(one_grant_at_a_time_works_on_an_account),
		unit(without_numbers_of_sessions_nothing_is_claimed),
		unit(sudo_is_for_the_sessions_of_the_grant),
		unit(a_login_goes_on_when_its_session_has_the_groups),
		unit(a_login_that_waits_ends_with_the_grant_or_with_who_asked),
		unit(a_session_that_is_over_stays_the_grants_until_its_end),
		unit(another_account_or_none_is_not_what_was_approved),
		unit(who_has_logged_in_as_one_does_not_decide_as_another),
		unit(a_grant_of_both_kinds_of_account_is_not_stored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
