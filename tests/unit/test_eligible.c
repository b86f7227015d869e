/*
 * Eligibility in the keeper: what is asked for, attested, approved, revoked and lapses, each refusal
 * after the same act was seen to succeed; and that request, approval, claim and login look anew.
 */
#include "keeper_fixture.h"

#include "keeper/eligible.h"

#define HOUR 3600

#define POLICY_OF(newcomers, screening, more)                                                      \
	PEOPLE MALLORY                                                                             \
		"team new { members = {" newcomers "} }\n"                                         \
		"team leads { members = {\"bob\", \"dave\"} }\n"                                   \
		"team hr { members = {\"carol\", \"dave\"} }\n"                                    \
		"team auditors { members = {} }\n"                                                 \
		"team old { members = {\"mallory\", \"bob\"} }\n"                                  \
		"check screening { attesters = {\"hr\"} valid = \"" screening "\" }\n"             \
		"check training { attesters = {\"hr\"} valid = \"20h\" }\n"                        \
		"role reader { requesters = {\"new\"} approvers = {\"leads\"} managers = "         \
		"{\"leads\"}\n"                                                                    \
		" checks = {\"screening\"} eligible-for = \"10h\" default-duration = \"4h\"\n"     \
		" max-duration = \"8h\" }\n"                                                       \
		"role changer { requesters = {\"new\"} approvers = {\"leads\"} managers = "        \
		"{\"leads\"}\n"                                                                    \
		" checks = {\"screening\", \"training\"} requires = \"reader\" eligible-for = "    \
		"\"12h\"\n"                                                                        \
		" default-duration = \"4h\" ends-with-eligibility = true }\n" more
#define PLAIN "role plain { requesters = {\"old\"} approvers = {\"leads\"} }\n"
static const char usual[] = POLICY_OF("\"alice\", \"bob\"", "6h", PLAIN);
static const char shorter[] = POLICY_OF("\"alice\", \"bob\"", "2h", PLAIN);
static const char without_alice[] = POLICY_OF("\"bob\"", "6h", PLAIN);

static int
setup(void **state)
{
	if (fixture_setup(state) != 0)
		return -1;
	change_policy(*state, usual);
	return 0;
}

static struct answer *
personnel(struct fixture *f, const char *who, uint16_t type, const char *identity, const char *name,
	  const char *text)
{
	union lb_msg m = {.personnel = {.text = ""}};

	snprintf(m.personnel.identity, sizeof m.personnel.identity, "%s", identity);
	snprintf(m.personnel.name, sizeof m.personnel.name, "%s", name);
	snprintf(m.personnel.text, sizeof m.personnel.text, "%s", text);
	return ask(f, who, type, &m);
}

static struct answer *
wish(struct fixture *f, const char *who, const char *role)
{
	return personnel(f, who, LB_MSG_ELIGIBILITY_REQUEST, "", role, "new on the team");
}

static struct answer *
attest(struct fixture *f, const char *who, const char *identity, const char *check)
{
	return personnel(f, who, LB_MSG_ATTEST, identity, check, "");
}

static struct answer *
approve(struct fixture *f, const char *who, const char *identity, const char *role)
{
	return personnel(f, who, LB_MSG_ELIGIBILITY_APPROVE, identity, role, "");
}

static struct answer *
take_back(struct fixture *f, const char *who, const char *identity, const char *name)
{
	return personnel(f, who, LB_MSG_ELIGIBILITY_REVOKE, identity, name, "moved on");
}

static struct answer *
list(struct fixture *f, const char *who, enum lb_which which, uint64_t after)
{
	union lb_msg m = {.list = {.which = (uint8_t)which, .after = after}};

	return ask(f, who, LB_MSG_ELIGIBILITY, &m);
}

static void
done_at(const struct answer *a, int line)
{
	if (a->err != LB_OK || a->done != 1 || a->refused != 0)
		fail_msg("line %d: error %d, refused %u: %s", line, a->err, a->code, a->text);
}
#define did(a) done_at(a, __LINE__)

static void
make_eligible(struct fixture *f, const char *who, const char *role)
{
	did(wish(f, who, role));
	did(attest(f, "carol", who, "screening"));
	did(attest(f, "carol", who, "training"));
	did(approve(f, "dave", who, role));
	assert_int_equal(f->a.eligible.holds, 1);
}

static void
eligibility_is_asked_for_attested_and_approved(void **state)
{
	struct fixture *f = *state;

	refused(request(f, "bob", "reader", 0, "x"), LB_NOT_ELIGIBLE,
		"needs eligibility for reader; ask for that");
	did(wish(f, "alice", "reader"));
	recorded(f, "eligibility-request", 0, "alice");
	assert_int_equal(f->a.eligible.state, LB_ELIGIBLE_PENDING);
	assert_string_equal(f->a.eligible.managers, "bob, dave");
	assert_int_equal(f->a.eligible.checks, 1);
	assert_int_equal(f->a.eligible.check[0].state, LB_CHECK_MISSING);
	assert_string_equal(f->a.eligible.check[0].who, "carol, dave");
	/* The same twice finds the first. */
	pass_time(f, 10);
	did(wish(f, "alice", "reader"));
	assert_string_equal(f->a.log, "");
	refused(approve(f, "bob", "alice", "reader"), LB_NOT_ELIGIBLE,
		"screening was never attested; it can be by carol, dave");
	did(attest(f, "carol", "alice", "screening"));
	recorded(f, "attest", 0, "carol");
	assert_int_equal(f->a.attesteds, 1);
	assert_int_equal(f->a.attested.until_s, f->a.attested.at_s + 6 * HOUR);
	did(approve(f, "bob", "alice", "reader"));
	recorded(f, "eligibility-approve", 0, "bob");
	assert_int_equal(f->a.eligible.holds, 1);
	assert_string_equal(f->a.eligible.manager, "bob");
	assert_int_equal(f->a.eligible.until_s, f->a.eligible.approved_s + 10 * HOUR);
	answered(request(f, "alice", "reader", 0, "x"));
	did(list(f, "alice", LB_LIST_MINE, 0));
	assert_int_equal(f->a.eligibles, 2);
	/* Approved again, it is lengthened. */
	pass_time(f, HOUR);
	did(approve(f, "dave", "alice", "reader"));
	assert_string_equal(f->a.eligible.manager, "dave");
	assert_int_equal(f->a.eligible.until_s, f->a.eligible.approved_s + 10 * HOUR);
}

static void
nobody_gives_it_to_himself_nor_who_may_not(void **state)
{
	struct fixture *f = *state;

	make_eligible(f, "alice", "reader");
	did(attest(f, "dave", "alice", "screening"));
	refused(attest(f, "dave", "dave", "screening"), LB_OWN_REQUEST, "check of his own");
	refused(attest(f, "bob", "alice", "screening"), LB_NO_PERMISSION, "you may attest");
	refused(attest(f, "carol", "alice", "diploma"), LB_NO_PERMISSION, "you may attest");
	refused(attest(f, "carol", "nobody", "screening"), LB_NO_SUCH, "no identity nobody");
	did(wish(f, "bob", "reader"));
	did(attest(f, "carol", "bob", "screening"));
	refused(approve(f, "bob", "bob", "reader"), LB_OWN_REQUEST, "his own eligibility");
	refused(approve(f, "carol", "bob", "reader"), LB_NO_PERMISSION, "a manager of");
	refused(approve(f, "dave", "bob", "nothing"), LB_NO_PERMISSION, "a manager of");
	refused(approve(f, "dave", "carol", "reader"), LB_NO_SUCH, "has not asked");
	did(approve(f, "dave", "bob", "reader"));
	refused(wish(f, "carol", "reader"), LB_NO_SUCH, "no such role");
	refused(wish(f, "mallory", "plain"), LB_BAD_INPUT, "needs no eligibility");
	refused(personnel(f, "bob", LB_MSG_ELIGIBILITY_REQUEST, "", "changer", "  "), LB_BAD_INPUT,
		"a reason is needed");
	refused(personnel(f, "bob", LB_MSG_ELIGIBILITY_REQUEST, "", "changer", "a\nb"),
		LB_BAD_INPUT, "a reason is needed");
	refused(personnel(f, "bob", LB_MSG_ELIGIBILITY_REVOKE, "bob", "", "a\nb"), LB_BAD_INPUT,
		"control characters");
	refused(list(f, "bob", LB_LIST_ALL, 0), LB_BAD_INPUT, "no such list");
	refused(attest(f, "root", "alice", "screening"), LB_NO_IDENTITY, "root is no identity");
}

static void
who_has_none_can_use_eligibility_and_roles_alone(void **state)
{
	static const uint16_t others[] = {LB_MSG_SHOW, LB_MSG_APPROVE, LB_MSG_CANCEL, LB_MSG_CLAIM,
					  LB_MSG_END};
	struct fixture *f = *state;
	union lb_msg m = {.list = {.which = LB_LIST_MINE}};
	uint64_t id;

	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		refused(act(f, "alice", others[i], 1, ""), LB_NOT_ELIGIBLE, "see eligibility");
	refused(ask(f, "alice", LB_MSG_LIST, &m), LB_NOT_ELIGIBLE, "see eligibility");
	refused(attest(f, "alice", "bob", "screening"), LB_NOT_ELIGIBLE, "see eligibility");
	did(list(f, "alice", LB_LIST_MINE, 0));
	did(ask(f, "alice", LB_MSG_ROLES, &m));
	assert_int_equal(f->a.roles, 2);
	assert_int_equal(f->a.role.may_request, 0);
	assert_int_equal(f->a.role.eligibility, LB_NEEDS_ELIGIBILITY);
	/* Others have something to do here. */
	did(ask(f, "bob", LB_MSG_LIST, &m));
	did(ask(f, "carol", LB_MSG_LIST, &m));
	did(ask(f, "mallory", LB_MSG_LIST, &m));
	did(ask(f, "frank", LB_MSG_LIST, &m));

	make_eligible(f, "alice", "reader");
	did(ask(f, "alice", LB_MSG_ROLES, &m));
	assert_int_equal(f->a.role.eligibility, LB_NEEDS_AND_HAS);
	did(ask(f, "alice", LB_MSG_LIST, &m));
	/* What is left of before can be given back. */
	id = active(f, "alice", "reader");
	did(take_back(f, "bob", "alice", "reader"));
	assert_int_equal(stored(f, id).state, LB_STATE_ACTIVE);
	did(ask(f, "alice", LB_MSG_LIST, &m));
	answered(act(f, "alice", LB_MSG_END, id, ""));
	warden_says(f, LB_IPC_EVICTED, stored(f, id).uid, true, "");
	assert_int_equal(stored(f, id).state, LB_STATE_ENDED);
	refused(ask(f, "alice", LB_MSG_LIST, &m), LB_NOT_ELIGIBLE, "see eligibility");
}

static bool
lets_in(struct fixture *f, uint64_t id, const char *service)
{
	struct lb_peer peer = peer_of_uid(f, 0);
	struct lb_grant g = stored(f, id);
	union lb_msg m = {.login = {.uid = g.uid}};
	struct question q = {f, &peer, LB_MSG_PAM_ACCOUNT, &m, true, false};

	snprintf(m.login.user, sizeof m.login.user, "%s", g.account);
	snprintf(m.login.service, sizeof m.login.service, "%s", service);
	memset(&f->a, 0, sizeof f->a);
	ok(lb_tx_run(&f->k, put, &q));
	assert_int_equal(f->a.verdicts, 1);
	return f->a.verdict.verdict == LB_VERDICT_ALLOW;
}

/* At the very instant of the lapse, before anything has ended because of it. */
static void
request_approval_claim_and_login_look_anew(void **state)
{
	struct fixture *f = *state;
	union lb_msg more = {.extend = {.duration_s = 600, .reason = "not done"}};
	uint64_t waiting, ready, live;

	make_eligible(f, "alice", "reader");
	live = active(f, "alice", "reader");
	more.extend.id = live;
	answered(ask(f, "alice", LB_MSG_EXTEND, &more));
	answered(act(f, "alice", LB_MSG_CANCEL, f->a.grant.id, ""));
	pass_time(f, 3 * HOUR);
	waiting = pending(f, "alice", "reader");
	ready = pending(f, "alice", "reader");
	pass_time(f, 3 * HOUR - 2);
	answered(act(f, "bob", LB_MSG_APPROVE, ready, ""));
	live = active(f, "alice", "reader");
	more.extend.id = live;
	assert_true(lets_in(f, live, "sshd"));
	pass_time(f, 3);
	refused(request(f, "alice", "reader", 0, "y"), LB_NOT_ELIGIBLE, "screening lapsed at");
	refused(act(f, "bob", LB_MSG_APPROVE, waiting, ""), LB_NOT_ELIGIBLE,
		"alice cannot be given reader now: screening lapsed at");
	refused(act(f, "alice", LB_MSG_CLAIM, ready, ""), LB_NOT_ELIGIBLE,
		"you cannot be given reader now: screening lapsed at");
	refused(ask(f, "alice", LB_MSG_EXTEND, &more), LB_NOT_ELIGIBLE,
		"alice cannot be given more of reader now: screening lapsed at");
	assert_false(lets_in(f, live, "sshd"));
	assert_non_null(strstr(f->a.verdict.text, "screening lapsed at"));
	assert_true(lets_in(f, live, "sudo")); /* what is open goes on */
	did(attest(f, "carol", "alice", "screening"));
	assert_true(lets_in(f, live, "sshd"));
	answered(act(f, "bob", LB_MSG_APPROVE, waiting, ""));
	act(f, "alice", LB_MSG_CLAIM, ready, "");
	assert_int_equal(f->a.claims, 1);
	answered(request(f, "alice", "reader", 0, "y"));
}

static void
what_lapses_ends_what_waits_and_what_the_role_ends_with_it(void **state)
{
	struct fixture *f = *state;
	uint64_t waiting, reading, changing;

	make_eligible(f, "alice", "reader");
	did(wish(f, "alice", "changer"));
	did(approve(f, "dave", "alice", "changer"));
	pass_time(f, 4 * HOUR);
	reading = active(f, "alice", "reader");
	changing = active(f, "alice", "changer");
	waiting = pending(f, "alice", "reader");
	due_starts(f);
	assert_int_equal(stored(f, waiting).state, LB_STATE_PENDING);
	did(list(f, "alice", LB_LIST_MINE, 0));
	assert_int_equal(f->k.alarm_s, f->a.eligible.check[0].until_s); /* nothing is due before */
	pass_time(f, 2 * HOUR);						/* screening: six hours */
	forget_what_warden_heard(f);
	due_starts(f);
	assert_int_equal(stored(f, waiting).state, LB_STATE_CANCELLED);
	assert_non_null(strstr(stored(f, waiting).cause, "no longer eligible: screening"));
	assert_int_equal(stored(f, changing).state, LB_STATE_ENDING);
	assert_int_equal(stored(f, reading).state, LB_STATE_ACTIVE);
	recorded(f, "revoke", waiting, "");
	did(list(f, "alice", LB_LIST_MINE, 0));
	assert_int_equal(f->a.eligible.check[0].state, LB_CHECK_ENDED);
	/* Attested anew it holds again; then the approval itself lapses. */
	did(attest(f, "carol", "alice", "screening"));
	answered(request(f, "alice", "reader", 0, "z"));
	waiting = f->a.grant.id;
	pass_time(f, 4 * HOUR);
	due_starts(f);
	assert_int_equal(stored(f, waiting).state, LB_STATE_CANCELLED);
	assert_non_null(strstr(stored(f, waiting).cause, "its time is up"));
	did(wish(f, "alice", "reader"));
	/* What nobody approves lapses, too: long after, so by a clock that is ahead. */
	pass_time(f, 31 * 24 * HOUR);
	due_starts(f);
	refused(approve(f, "dave", "alice", "reader"), LB_NOT_NOW, "nobody approved it in time");
	refused(wish(f, "bob", "reader"), LB_NOT_NOW, "clock");
	refused(attest(f, "carol", "bob", "screening"), LB_NOT_NOW, "clock");
}

static void
revoking_is_for_managers_attesters_root_and_oneself(void **state)
{
	struct fixture *f = *state;
	uint64_t id;

	make_eligible(f, "alice", "reader");
	did(wish(f, "alice", "changer"));
	did(approve(f, "bob", "alice", "changer"));
	refused(take_back(f, "mallory", "alice", ""), LB_NO_SUCH, "nothing that you may revoke");
	refused(take_back(f, "carol", "alice", "reader"), LB_NO_SUCH, "nothing called reader");
	refused(take_back(f, "bob", "alice", "screening"), LB_NO_SUCH, "nothing called screening");
	refused(take_back(f, "alice", "alice", "screening"), LB_NO_SUCH,
		"nothing called screening");
	refused(take_back(f, "bob", "nobody", ""), LB_NO_SUCH, "nothing that you may revoke");
	/* A check: what needs it does not hold until it is attested anew. */
	id = pending(f, "alice", "changer");
	did(take_back(f, "carol", "alice", "training"));
	recorded(f, "revoke", id, "");
	assert_int_equal(stored(f, id).state, LB_STATE_CANCELLED);
	answered(request(f, "alice", "reader", 0, "x"));
	refused(request(f, "alice", "changer", 0, "x"), LB_NOT_ELIGIBLE,
		"training does not hold any more (revoked by carol: moved on)");
	did(attest(f, "dave", "alice", "training"));
	id = active(f, "alice", "changer");
	/* One's own, of the role that the other requires. */
	forget_what_warden_heard(f);
	did(take_back(f, "alice", "alice", "reader"));
	assert_int_equal(stored(f, id).state, LB_STATE_ENDING);
	refused(request(f, "alice", "changer", 0, "x"), LB_NOT_ELIGIBLE,
		"eligibility for reader has ended: revoked by alice: moved on");
	refused(take_back(f, "bob", "alice", "reader"), LB_NO_SUCH, "nothing called reader");
	did(take_back(f, "root", "alice", ""));
	refused(take_back(f, "root", "alice", ""), LB_NO_SUCH, "nothing that you may revoke");
	refused(approve(f, "dave", "alice", "changer"), LB_NOT_NOW, "must be asked for again");
}

static int
sync_now(struct lb_tx *tx, void *unused)
{
	return lb_sync_policy(tx, unused);
}

static void
a_new_policy_shortens_and_takes_away(void **state)
{
	struct fixture *f = *state;
	struct lb_msg_eligible before;
	uint64_t id, live;

	make_eligible(f, "alice", "reader");
	did(list(f, "alice", LB_LIST_MINE, 0));
	before = f->a.eligible;
	ok(lb_tx_run(&f->k, sync_now, NULL));
	change_policy(f, shorter);
	ok(lb_tx_run(&f->k, sync_now, NULL));
	did(list(f, "alice", LB_LIST_MINE, 0));
	assert_int_equal(f->a.eligible.check[0].until_s, before.check[0].until_s - 4 * HOUR);
	assert_int_equal(f->a.eligible.until_s, before.until_s);
	/* What is longer again does not lengthen what was given. */
	change_policy(f, usual);
	ok(lb_tx_run(&f->k, sync_now, NULL));
	did(list(f, "alice", LB_LIST_MINE, 0));
	assert_int_equal(f->a.eligible.check[0].until_s, before.check[0].until_s - 4 * HOUR);
	id = pending(f, "alice", "reader");
	live = active(f, "alice", "reader");
	change_policy(f, without_alice);
	ok(lb_tx_run(&f->k, sync_now, NULL));
	assert_int_equal(stored(f, id).state, LB_STATE_CANCELLED);
	assert_int_equal(stored(f, live).state, LB_STATE_ENDING);
	change_policy(f, usual);
	ok(lb_tx_run(&f->k, sync_now, NULL));
	refused(request(f, "alice", "reader", 0, "x"), LB_NOT_ELIGIBLE,
		"the policy no longer allows it");
	/* A check that is gone, and a person: who has the name next begins anew. */
	change_policy(f, policy_text);
	ok(lb_tx_run(&f->k, sync_now, NULL));
	change_policy(f, usual);
	did(wish(f, "alice", "reader"));
	refused(approve(f, "bob", "alice", "reader"), LB_NOT_ELIGIBLE,
		"the policy no longer has it");
}

static void
what_waits_is_listed_for_who_can_do_it(void **state)
{
	struct fixture *f = *state;

	did(list(f, "bob", LB_LIST_PENDING, 0));
	assert_int_equal(f->a.eligibles, 0);
	did(wish(f, "alice", "reader"));
	pass_time(f, 1);
	did(wish(f, "bob", "changer"));
	did(list(f, "dave", LB_LIST_PENDING, 0));
	assert_int_equal(f->a.eligibles, 2);
	did(list(f, "bob", LB_LIST_PENDING, 0)); /* not one's own */
	assert_int_equal(f->a.eligibles, 1);
	assert_string_equal(f->a.eligible.identity, "alice");
	did(list(f, "carol", LB_LIST_PENDING, 0));
	assert_int_equal(f->a.eligibles, 2);
	did(attest(f, "carol", "alice", "screening"));
	did(list(f, "carol", LB_LIST_PENDING, 0)); /* nothing of alice's is hers to do any more */
	assert_int_equal(f->a.eligibles, 1);
	did(list(f, "root", LB_LIST_PENDING, 0));
	assert_int_equal(f->a.eligibles, 2);
	assert_int_equal(f->a.end.more, 0);
	did(list(f, "root", LB_LIST_PENDING, f->a.end.cursor));
	assert_int_equal(f->a.eligibles, 0);
	did(list(f, "mallory", LB_LIST_PENDING, 0));
	assert_int_equal(f->a.eligibles, 0);
}

/* What gives access waits for room, what takes it away does not. */
static void
when_the_store_is_full_it_can_be_revoked_and_not_given(void **state)
{
	static const struct {
		uint16_t type;
		const char *who, *identity, *name;
		bool goes;
	} acts[] = {
		{LB_MSG_ELIGIBILITY_REQUEST, "bob", "", "reader", false},
		{LB_MSG_ATTEST, "carol", "bob", "screening", false},
		{LB_MSG_ELIGIBILITY_APPROVE, "dave", "alice", "reader", false},
		{LB_MSG_ELIGIBILITY_REVOKE, "dave", "alice", "reader", true},
	};
	struct fixture *f = *state;

	make_eligible(f, "alice", "reader");
	for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
		struct lb_peer peer = peer_of(f, acts[i].who);
		union lb_msg m = {.personnel = {.text = "why"}};
		struct question q = {f, &peer, acts[i].type, &m, false, true};

		strcpy(m.personnel.identity, acts[i].identity);
		strcpy(m.personnel.name, acts[i].name);
		memset(&f->a, 0, sizeof f->a);
		f->a.err = lb_tx_run(&f->k, put, &q);
		if (acts[i].goes)
			did(&f->a);
		else
			refused(&f->a, LB_STORE_FULL, "the store is full");
	}
	refused(request(f, "alice", "reader", 0, "x"), LB_NOT_ELIGIBLE,
		"eligible for no role here");
	did(wish(f, "bob", "reader"));
}

/* More than a page, each at its own moment: all of them come, once each. */
static void
a_long_list_comes_in_pages(void **state)
{
	struct fixture *f = *state;
	struct lb_store_txn *txn;
	uint64_t after = 0;
	unsigned all = 0, pages = 0;

	ok(lb_store_begin(f->k.store, LB_STORE_WRITE, &txn));
	for (unsigned i = 0; i < 50; i++) {
		struct lb_eligibility e = {.role = "reader", .state = LB_ELIGIBLE_PENDING};

		snprintf(e.identity, sizeof e.identity, "p%u", i);
		e.until_s = lb_keeper_now_s(&f->k) + 100 + i / 3;
		ok(lb_store_put_eligibility(txn, &e));
	}
	ok(lb_store_commit(txn));
	do {
		did(list(f, "root", LB_LIST_PENDING, after));
		all += f->a.eligibles;
		assert_true(f->a.eligibles > 0 && f->a.end.cursor > after);
		after = f->a.end.cursor;
		pages++;
	} while (f->a.end.more);
	assert_int_equal(all, 50);
	assert_int_equal(pages, 3);
}

struct question_of {
	const char *who, *words;
};

static int
ask_machine(struct lb_tx *tx, void *arg)
{
	const struct question_of *q = arg;
	char why[LB_REASON_MAX + 1] = "";

	assert_int_equal(
		lb_eligible(tx, q->who, lb_policy_role(tx->k->policy, "reader"), why, sizeof why),
		LB_ERR_REFUSED);
	note_refusal(LB_NOT_ELIGIBLE, why);
	assert_non_null(strstr(why, q->words));
	return LB_OK;
}

static void
what_is_missing_is_said(void **state)
{
	struct question_of outside = {"carol", "carol is not among those who may be given reader"};
	struct fixture *f = *state;

	did(wish(f, "bob", "reader"));
	refused(request(f, "bob", "reader", 0, "x"), LB_NOT_ELIGIBLE,
		"eligibility for reader waits for a manager: dave");
	did(attest(f, "carol", "bob", "screening"));
	did(approve(f, "dave", "bob", "reader"));
	answered(request(f, "bob", "reader", 0, "x"));
	/* Nothing looked at the time yet. */
	pass_time(f, 11 * HOUR);
	refused(request(f, "bob", "reader", 0, "y"), LB_NOT_ELIGIBLE,
		"eligibility for reader lapsed at 20");
	/* Who asks it must have looked at the team before; it does so itself all the same. */
	ok(lb_tx_run(&f->k, ask_machine, &outside));
}

int
main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		test(eligibility_is_asked_for_attested_and_approved),
		test(nobody_gives_it_to_himself_nor_who_may_not),
		test(who_has_none_can_use_eligibility_and_roles_alone),
		test(request_approval_claim_and_login_look_anew),
		test(what_lapses_ends_what_waits_and_what_the_role_ends_with_it),
		test(revoking_is_for_managers_attesters_root_and_oneself),
		test(a_new_policy_shortens_and_takes_away),
		test(what_waits_is_listed_for_who_can_do_it),
		test(a_long_list_comes_in_pages),
		test(when_the_store_is_full_it_can_be_revoked_and_not_given),
		test(what_is_missing_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
