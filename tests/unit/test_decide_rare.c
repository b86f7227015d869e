/* What is decided where something is rare: a role that is gone, a record that is full, a name without a key. */
#include "keeper_fixture.h"

#define KEY_ONE "AAAAC3NzaC1lZDI1NTE5AAAAIG9V/MmSDDZwY3VCZKJgGb07OnXvxTgsm2So5P6ss2K0"
#define KEY_TWO "AAAAC3NzaC1lZDI1NTE5AAAAIKFFR18E76IZC0NxpL8mpcywvfSZYTbGQ819Y1qJssP1"
/* The usual policy, where bob has this key and what else is said of him. */
#define BOB(key, more)                                                                             \
	"identity alice { keys = {\"ssh-ed25519 " ALICE_KEY "\"} unix-user = \"alice\" }\n"        \
	"identity bob { keys = {\"ssh-ed25519 " key "\"} " more " }\n"                             \
	"identity carol { unix-user = \"carol\" }\n"                                               \
	"identity dave { unix-user = \"dave\" }\n"                                                 \
	"identity frank { unix-user = \"frank\" }\n" MALLORY TEAMS("\"alice\", \"mallory\"")       \
		OP("\"adm\"") OTHER_ROLES

static struct answer *
login_by(struct fixture *f, struct lb_peer *peer, uint16_t type, const char *user, uint32_t uid,
	 const char *rhost, const char *tty, bool full)
{
	union lb_msg m = {.login = {.uid = uid}};
	struct question q = {f, peer, type, &m, true, full};

	snprintf(m.login.user, sizeof m.login.user, "%s", user);
	snprintf(m.login.service, sizeof m.login.service, "sshd");
	snprintf(m.login.rhost, sizeof m.login.rhost, "%s", rhost);
	snprintf(m.login.tty, sizeof m.login.tty, "%s", tty);
	memset(&f->a, 0, sizeof f->a);
	f->a.err = lb_tx_run(&f->k, put, &q);
	return &f->a;
}

/* Of his first key in the policy. */
static const char *
fingerprint_of(struct fixture *f, const char *who)
{
	const struct lb_policy_identity *id = lb_policy_identity(f->k.policy, who);

	assert_true(id != NULL && id->key_texts.count > 0);
	return id->keys[0].fingerprint;
}

/* A connection of the gate's, which says whose key sshd has accepted. */
static struct lb_peer
through_the_gate(struct fixture *f, const char *who)
{
	struct lb_peer peer = peer_of(f, "lockbox");

	peer.has_identity = true;
	snprintf(peer.identity, sizeof peer.identity, "%s", who);
	snprintf(peer.fingerprint, sizeof peer.fingerprint, "%s", fingerprint_of(f, who));
	return peer;
}

static struct answer *
gate_acts(struct fixture *f, const char *who, uint16_t type, uint64_t id)
{
	struct lb_peer peer = through_the_gate(f, who);
	union lb_msg m = {.act = {.id = id}};

	return ask_by(f, &peer, type, &m);
}

static void
the_record_names_the_key_of_who_came_through_the_gate(void **state)
{
	struct fixture *f = *state;
	char bobs[64], alices[64];
	struct lb_msg_record r = {0};
	uint64_t id;

	change_policy(f, BOB(KEY_ONE, ""));
	snprintf(bobs, sizeof bobs, ", key %s", fingerprint_of(f, "bob"));
	snprintf(alices, sizeof alices, ", key %s", fingerprint_of(f, "alice"));
	id = pending(f, "alice", "op");
	assert_int_equal(gate_acts(f, "bob", LB_MSG_APPROVE, id)->err, LB_OK);
	last_record(f, &r);
	assert_string_equal(r.event, "approve");
	assert_non_null(strstr(r.detail, bobs));
	assert_int_equal(gate_acts(f, "alice", LB_MSG_CLAIM, id)->claims, 1);
	last_record(f, &r);
	assert_string_equal(r.event, "claim");
	assert_non_null(strstr(r.detail, alices));
	/* Who comes without a key leaves none. */
	id = pending(f, "mallory", "op");
	answered(act(f, "dave", LB_MSG_APPROVE, id, ""));
	last_record(f, &r);
	assert_null(strstr(r.detail, "key"));
}

static void
an_approval_counts_only_while_the_key_it_came_with_is_the_approvers(void **state)
{
	static const char with[] = BOB(KEY_ONE, ""), other[] = BOB(KEY_TWO, "");
	struct fixture *f = *state;
	struct lb_peer old;
	uint64_t id;

	change_policy(f, with);
	old = through_the_gate(f, "bob");
	id = pending(f, "alice", "op");
	assert_int_equal(gate_acts(f, "bob", LB_MSG_APPROVE, id)->err, LB_OK);
	assert_string_equal(stored(f, id).approval[0].key, old.fingerprint);
	change_policy(f, other);
	refused(act(f, "alice", LB_MSG_CLAIM, id, ""), LB_NOT_NOW, "fewer of them still count");
	change_policy(f, with);
	act(f, "alice", LB_MSG_CLAIM, id, "");
	assert_int_equal(f->a.claims, 1);

	/* While it waits it is asked for anew; and nothing new is said with the old key. */
	id = pending(f, "alice", "duo");
	assert_int_equal(gate_acts(f, "bob", LB_MSG_APPROVE, id)->err, LB_OK);
	change_policy(f, other);
	answered(act(f, "alice", LB_MSG_SHOW, id, ""));
	assert_int_equal(f->a.grant.have, 0);
	refused(ask_by(f, &old, LB_MSG_APPROVE, &(union lb_msg){.act = {.id = id}}),
		LB_NO_PERMISSION, "the key you came with is yours no more");
	assert_int_equal(gate_acts(f, "bob", LB_MSG_APPROVE, id)->err, LB_OK);
	assert_int_equal(stored(f, id).have, 1);
}

static void
what_came_from_an_account_of_the_host_counts_while_the_approver_has_one(void **state)
{
	static const char with[] = BOB(KEY_ONE, "unix-user = \"bob\""), none[] = BOB(KEY_ONE, "");
	struct fixture *f = *state;
	uint64_t id;

	change_policy(f, with);
	id = pending(f, "alice", "op");
	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
	change_policy(f, none);
	refused(act(f, "alice", LB_MSG_CLAIM, id, ""), LB_NOT_NOW, "fewer of them still count");
	change_policy(f, with);
	act(f, "alice", LB_MSG_CLAIM, id, "");
	assert_int_equal(f->a.claims, 1);
}

static void
the_same_words_with_another_ticket_or_too_late_are_another_request(void **state)
{
	struct fixture *f = *state;
	union lb_msg m = {.request = {.duration_s = 600, .role = "op", .reason = "why"}};
	uint64_t first = answered(ask(f, "alice", LB_MSG_REQUEST, &m));

	assert_int_equal(answered(ask(f, "alice", LB_MSG_REQUEST, &m)), first);
	snprintf(m.request.ticket, sizeof m.request.ticket, "OPS-1");
	assert_int_not_equal(answered(ask(f, "alice", LB_MSG_REQUEST, &m)), first);
	m.request.ticket[0] = '\0';
	/* Its time has run out, though nobody has written that down yet. */
	pass_time(f, 13 * 3600);
	assert_int_not_equal(answered(ask(f, "alice", LB_MSG_REQUEST, &m)), first);
}

static void
a_role_that_is_not_there_is_refused_whatever_the_duration(void **state)
{
	struct fixture *f = *state;

	answered(request(f, "alice", "op", 0, "why"));
	refused(request(f, "alice", "nosuch", 0, "why"), LB_NO_SUCH, "no such role");
	refused(request(f, "alice", "nosuch", 60, "why"), LB_NO_SUCH, "no such role");
}

static void
one_person_kept_twice_counts_once(void **state)
{
	struct fixture *f = *state;
	uint64_t id = pending(f, "alice", "duo");
	struct lb_grant g = stored(f, id);
	struct lb_store_txn *txn;

	/* However they came there: as many as there is room for. */
	g.have = LB_APPROVALS_MAX;
	for (size_t i = 0; i < LB_APPROVALS_MAX; i++)
		snprintf(g.approval[i].identity, sizeof g.approval[i].identity, "dave");
	ok(lb_store_begin(f->k.store, LB_STORE_WRITE, &txn));
	ok(lb_store_put_grant(txn, &g));
	ok(lb_store_commit(txn));
	refused(act(f, "dave", LB_MSG_APPROVE, id, ""), LB_NOT_NOW, "you have approved");
	refused(act(f, "alice", LB_MSG_CLAIM, id, ""), LB_NOT_NOW, "is waiting for approval");
	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
	assert_int_equal(stored(f, id).state, LB_STATE_APPROVED);
	assert_int_equal(stored(f, id).have, 2);
}

static void
the_key_look_up_asks_only_where_the_keeper_itself_reads(void **state)
{
	struct fixture *f = *state;
	struct lb_peer peer = peer_of_uid(f, KEYS_UID);
	union lb_msg m = {.keys = {.user = "lockbox", .type = ALICE_TYPE, .blob = ALICE_KEY}};

	assert_int_equal(ask_by(f, &peer, LB_MSG_KEYS, &m)->err, LB_OK);
	assert_int_equal(f->a.refused, 0);
	peer.direct = false;
	refused(ask_by(f, &peer, LB_MSG_KEYS, &m), LB_NO_IDENTITY, "only sshd's key lookup");
}

static void
refusals_go_on_when_the_log_has_had_enough_of_them(void **state)
{
	struct fixture *f = *state;
	union lb_msg m = {0};

	f->k.refusals = (struct lb_log_budget){0};
	for (int i = 0; i < 3; i++) {
		struct lb_peer peer = peer_of_uid(f, NOBODY_UID);

		refused(ask_by(f, &peer, LB_MSG_LIST, &m), LB_NO_IDENTITY, "no identity");
	}
}

static void
a_session_is_recorded_with_its_terminal_and_where_it_came_from(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "duo");
	struct lb_grant g = stored(f, id);
	struct lb_peer peer = peer_of_uid(f, 0);
	struct lb_msg_record r = {0};

	peer.direct = true;
	peer.pid = start_process(&peer.pidfd);
	login_by(f, &peer, LB_MSG_PAM_OPEN, g.account, g.uid, "", "pts/3", false);
	assert_int_equal(f->a.verdict.verdict, LB_VERDICT_ALLOW);
	last_record(f, &r);
	assert_non_null(strstr(r.detail, "sshd from this host, pts/3, process"));
	end_process(peer.pid);
	close(peer.pidfd);
}

/* After a restart nobody could tell it from another process: it does not begin. */
static void
a_session_whose_process_cannot_be_held_does_not_begin(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "duo");
	struct lb_grant g = stored(f, id);
	struct lb_peer peer = peer_of_uid(f, 0);
	int pidfd;

	peer.direct = true;
	peer.pid = start_process(&pidfd);
	peer.pidfd = pidfd;
	login_by(f, &peer, LB_MSG_PAM_OPEN, g.account, g.uid, "192.0.2.1", "", false);
	assert_int_equal(f->a.verdict.verdict, LB_VERDICT_ALLOW);
	assert_int_equal(sessions_of(f, id), 1);

	peer.pidfd = 1 << 20; /* no descriptor */
	login_by(f, &peer, LB_MSG_PAM_OPEN, g.account, g.uid, "192.0.2.1", "", false);
	assert_int_equal(f->a.err, LB_ERR_SYSTEM);
	assert_int_equal(f->a.verdicts, 0);

	peer.pidfd = pidfd;
	end_process(peer.pid); /* and with it what /proc said of it */
	login_by(f, &peer, LB_MSG_PAM_OPEN, g.account, g.uid, "192.0.2.1", "", false);
	assert_int_equal(f->a.err, LB_ERR_SYSTEM);
	assert_int_equal(f->a.verdicts, 0);
	assert_int_equal(sessions_of(f, id), 1);
	close(pidfd);
}

static void
an_exempt_login_is_let_past_and_shouted_about_when_the_store_is_full(void **state)
{
	struct fixture *f = *state;
	struct lb_peer peer = peer_of_uid(f, 0);
	uint64_t before;

	peer.direct = true;
	login_by(f, &peer, LB_MSG_PAM_EXEMPT, "root", 0, "", "", false);
	assert_int_equal(f->a.verdict.verdict, LB_VERDICT_ALLOW);
	recorded(f, "exempt-used", 0, "");
	before = last_record(f, NULL);
	login_by(f, &peer, LB_MSG_PAM_EXEMPT, "root", 0, "", "", true);
	assert_int_equal(f->a.verdict.verdict, LB_VERDICT_ALLOW);
	assert_int_equal(last_record(f, NULL), before);
}

static void
a_grant_of_a_role_that_the_policy_has_no_more_lets_nobody_in(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "op");
	struct lb_grant g = stored(f, id);
	struct lb_peer peer = peer_of_uid(f, 0);

	peer.direct = true;
	login_by(f, &peer, LB_MSG_PAM_ACCOUNT, g.account, g.uid, "", "", false);
	assert_int_equal(f->a.verdict.verdict, LB_VERDICT_ALLOW);
	change_policy(f, PEOPLE MALLORY TEAMS("\"alice\", \"mallory\"") OTHER_ROLES);
	login_by(f, &peer, LB_MSG_PAM_ACCOUNT, g.account, g.uid, "", "", false);
	assert_int_equal(f->a.verdict.verdict, LB_VERDICT_DENY);
	assert_non_null(strstr(f->a.verdict.text, "is over"));
}

static void
a_session_whose_process_is_gone_is_closed_by_the_next_keeper(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "duo");
	struct lb_grant g = stored(f, id);
	struct lb_peer peer = peer_of_uid(f, 0);

	peer.direct = true;
	peer.pid = start_process(&peer.pidfd);
	login_by(f, &peer, LB_MSG_PAM_OPEN, g.account, g.uid, "192.0.2.1", "", false);
	assert_int_equal(sessions_of(f, id), 1);
	ok(lb_tx_run(&f->k, lb_session_resume, NULL));
	assert_int_equal(sessions_of(f, id), 1); /* it lives */
	end_process(peer.pid);
	ok(lb_tx_run(&f->k, lb_session_resume, NULL));
	assert_int_equal(sessions_of(f, id), 0);
	recorded(f, "session-close", id, "");
	close(peer.pidfd);
}

static void
a_session_of_another_boot_is_closed_and_one_that_cannot_be_looked_at_is_kept(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "duo");
	struct lb_grant g = stored(f, id);
	struct lb_peer peer = peer_of_uid(f, 0);
	int proc = f->k.proc_fd;

	peer.direct = true;
	peer.pid = start_process(&peer.pidfd);
	login_by(f, &peer, LB_MSG_PAM_OPEN, g.account, g.uid, "192.0.2.1", "", false);
	assert_int_equal(sessions_of(f, id), 1);
	/* A process that lives, and a /proc that does not show it. */
	f->k.proc_fd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(lb_tx_run(&f->k, lb_session_resume, NULL), LB_ERR_SYSTEM);
	assert_int_equal(sessions_of(f, id), 1);
	close(f->k.proc_fd);
	f->k.proc_fd = proc;
	ok(lb_tx_run(&f->k, lb_session_resume, NULL));
	assert_int_equal(sessions_of(f, id), 1);
	/* The same number in another boot is another process. */
	f->k.boot_id[0] ^= 1;
	ok(lb_tx_run(&f->k, lb_session_resume, NULL));
	assert_int_equal(sessions_of(f, id), 0);
	recorded(f, "session-close", id, "");
	end_process(peer.pid);
	close(peer.pidfd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit(the_record_names_the_key_of_who_came_through_the_gate),
		unit(an_approval_counts_only_while_the_key_it_came_with_is_the_approvers),
		unit(what_came_from_an_account_of_the_host_counts_while_the_approver_has_one),
		unit(the_same_words_with_another_ticket_or_too_late_are_another_request),
		unit(a_role_that_is_not_there_is_refused_whatever_the_duration),
		unit(one_person_kept_twice_counts_once),
		unit(the_key_look_up_asks_only_where_the_keeper_itself_reads),
		unit(refusals_go_on_when_the_log_has_had_enough_of_them),
		unit(a_session_is_recorded_with_its_terminal_and_where_it_came_from),
		unit(a_session_whose_process_cannot_be_held_does_not_begin),
		unit(an_exempt_login_is_let_past_and_shouted_about_when_the_store_is_full),
		unit(a_session_whose_process_is_gone_is_closed_by_the_next_keeper),
		unit(a_session_of_another_boot_is_closed_and_one_that_cannot_be_looked_at_is_kept),
		unit(a_grant_of_a_role_that_the_policy_has_no_more_lets_nobody_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
