/*
 * Break-glass: who may, what it takes, whom it alarms, and that somebody else closes the review;
 * where a customer has the last word, only if the customer has consented.
 */
#include "keeper/break_glass.h"
#include "keeper/customer.h"
#include "keeper_fixture.h"
#include "sshsig_make.h"

#define HOUR 3600

static struct maker eve;

#define GLASS                                                                                      \
	" break-glass = {\"alice\"} break-glass-for = \"30m\" alarms = {\"leads\"} reviewers = "   \
	"{\"auditors\", \"engineers\"} review-within = \"2h\""
#define POLICY(settings)                                                                           \
	PEOPLE MALLORY TEAMS("\"alice\", \"mallory\"") OP_WITH("max-duration = \"1h\"" settings)   \
		OTHER_ROLES

static struct answer *
ask_for(struct fixture *f, const char *who, struct lb_msg_request r)
{
	union lb_msg m = {.request = r};

	if (m.request.reason[0] == '\0')
		strcpy(m.request.reason, "db is down");
	if (m.request.role[0] == '\0')
		strcpy(m.request.role, "op");
	return ask(f, who, LB_MSG_REQUEST, &m);
}

static struct answer *
glass(struct fixture *f, const char *who)
{
	return ask_for(f, who, (struct lb_msg_request){.break_glass = 1});
}

static struct answer *
review(struct fixture *f, const char *who, uint64_t id, uint8_t verdict, const char *text)
{
	union lb_msg m = {.review = {.id = id, .verdict = verdict}};

	snprintf(m.review.text, sizeof m.review.text, "%s", text);
	return ask(f, who, LB_MSG_REVIEW, &m);
}

/* How many open reviews somebody is shown; the last is in f->a. */
static unsigned
shown(struct fixture *f, const char *who)
{
	union lb_msg m = {.list = {.which = LB_LIST_REVIEWS}};

	return ask(f, who, LB_MSG_LIST, &m)->grants;
}

static struct lb_msg_metrics
metrics(struct fixture *f)
{
	union lb_msg m = {.roles = {0}};

	ask(f, "root", LB_MSG_METRICS, &m);
	assert_int_equal(f->a.done, 1);
	return f->a.metrics;
}

static int
setup(void **state)
{
	if (fixture_setup(state) != 0)
		return -1;
	change_policy(*state, POLICY(GLASS));
	return 0;
}

static void
it_is_approved_at_once_recorded_as_an_alarm_and_told(void **state)
{
	struct fixture *f = *state;
	struct lb_grant g;
	uint64_t id = answered(glass(f, "alice"));

	assert_non_null(strstr(f->a.log, "event=break-glass"));
	assert_non_null(strstr(f->a.log, "2 told: bob, dave; review within 2h"));
	g = stored(f, id);
	assert_int_equal(g.state, LB_STATE_APPROVED);
	assert_int_equal(g.have, 0);
	assert_int_equal(g.review, LB_REVIEW_OPEN);
	assert_int_equal(g.duration_s, 600);
	recorded(f, "break-glass", id, "alice");
	/* Asked again it is found. */
	assert_int_equal(answered(glass(f, "alice")), id);
	/* Those who are told see it until they say so, whoever may review it, too; others nothing. */
	assert_int_equal(shown(f, "bob"), 1);
	assert_int_equal(f->a.grant.concerns, LB_CONCERNS_ALARM);
	assert_int_equal(shown(f, "dave"), 1);
	assert_int_equal(shown(f, "carol"), 1);
	assert_int_equal(f->a.grant.concerns, LB_CONCERNS_REVIEW);
	assert_int_equal(shown(f, "alice"), 1);
	assert_int_equal(f->a.grant.concerns, 0);
	assert_int_equal(shown(f, "root"), 1);
	assert_int_equal(shown(f, "frank"), 0);
	assert_int_equal(metrics(f).alarms, 2);
	assert_int_equal(metrics(f).break_glass, 1);
	answered(act(f, "bob", LB_MSG_ACKNOWLEDGE, id, ""));
	recorded(f, "acknowledge", id, "bob");
	assert_int_equal(shown(f, "bob"), 0);
	assert_int_equal(metrics(f).alarms, 1);
	refused(act(f, "bob", LB_MSG_ACKNOWLEDGE, id, ""), LB_NOT_NOW, "no alarm");
	refused(act(f, "frank", LB_MSG_ACKNOWLEDGE, id, ""), LB_NO_SUCH, "there is no R-");
	/* It is claimed like any other, and revoked by who could have approved it. */
	act(f, "alice", LB_MSG_CLAIM, id, "");
	assert_int_equal(f->a.claims, 1);
	answered(act(f, "dave", LB_MSG_REVOKE, id, "no"));
	assert_int_equal(stored(f, id).state, LB_STATE_ENDING);
}

static void
it_is_refused_to_whom_and_for_what_the_role_does_not_name(void **state)
{
	struct fixture *f = *state;

	refused(glass(f, "mallory"), LB_NO_PERMISSION, "not among those");
	refused(ask_for(f, "alice", (struct lb_msg_request){.break_glass = 1, .role = "duo"}),
		LB_NO_PERMISSION, "not among those");
	refused(glass(f, "bob"), LB_NO_SUCH, "no such role");
	refused(ask_for(f, "alice", (struct lb_msg_request){.break_glass = 2}), LB_BAD_INPUT,
		"no such kind");
	refused(ask_for(f, "alice",
			(struct lb_msg_request){
				.break_glass = 1,
				.start_s = lb_keeper_now_s(&f->k) + 60,
			}),
		LB_BAD_INPUT, "break-glass is for now");
	refused(ask_for(f, "alice",
			(struct lb_msg_request){.break_glass = 1, .duration_s = 31 * 60}),
		LB_OVER_LIMIT, "for at most 30m");
	refused(ask_for(f, "alice", (struct lb_msg_request){.break_glass = 1, .reason = "  "}),
		LB_BAD_INPUT, "a reason is needed");
	/* And the same, allowed. */
	answered(ask_for(f, "alice",
			 (struct lb_msg_request){.break_glass = 1, .duration_s = 30 * 60}));
}

static void
what_the_policy_takes_back_is_not_claimed(void **state)
{
	struct fixture *f = *state;
	uint64_t id = answered(glass(f, "alice"));

	change_policy(f, POLICY(""));
	refused(act(f, "alice", LB_MSG_CLAIM, id, ""), LB_NOT_NOW, "not yours to use any more");
	ok(lb_tx_run(&f->k, lb_sync_policy, NULL));
	assert_int_equal(stored(f, id).state, LB_STATE_CANCELLED);
	/* Nobody is left who reviews it but the auditors. */
	assert_int_equal(stored(f, id).review, LB_REVIEW_OPEN);
	refused(review(f, "mallory", id, LB_REVIEW_JUSTIFIED, "fine"), LB_NO_SUCH, "there is no");
	answered(review(f, "carol", id, LB_REVIEW_JUSTIFIED, "fine"));
}

static void
somebody_else_closes_the_review_once_it_is_over(void **state)
{
	struct fixture *f = *state;
	uint64_t id = answered(glass(f, "alice")), plain = pending(f, "alice", "op");
	struct lb_grant g;

	act(f, "alice", LB_MSG_CLAIM, id, "");
	refused(review(f, "carol", id, LB_REVIEW_JUSTIFIED, "fine"), LB_NOT_NOW, "not over yet");
	answered(act(f, "alice", LB_MSG_END, id, ""));
	warden_says(f, LB_IPC_EVICTED, stored(f, id).uid, true, "");
	g = stored(f, id);
	assert_int_equal(g.state, LB_STATE_ENDED);
	assert_int_equal(g.review_due_s, g.closed_s + 2 * HOUR);
	refused(review(f, "alice", id, LB_REVIEW_JUSTIFIED, "fine"), LB_OWN_REQUEST, "your own");
	refused(review(f, "bob", id, LB_REVIEW_JUSTIFIED, "fine"), LB_NO_PERMISSION, "no reviewer");
	refused(review(f, "carol", id, LB_REVIEW_OPEN, "fine"), LB_BAD_INPUT, "say which");
	refused(review(f, "carol", id, 4, "fine"), LB_BAD_INPUT, "say which");
	refused(review(f, "carol", id, LB_REVIEW_JUSTIFIED, " "), LB_BAD_INPUT, "what was found");
	refused(review(f, "carol", id, LB_REVIEW_JUSTIFIED, "a\nb"), LB_BAD_INPUT, "control");
	refused(review(f, "carol", plain, LB_REVIEW_JUSTIFIED, "fine"), LB_NOT_NOW,
		"no break-glass");
	answered(review(f, "mallory", id, LB_REVIEW_UNJUSTIFIED, "could have waited"));
	recorded(f, "review", id, "mallory");
	g = stored(f, id);
	assert_int_equal(g.review, LB_REVIEW_UNJUSTIFIED);
	assert_string_equal(g.reviewer, "mallory");
	assert_string_equal(g.remark, "could have waited");
	refused(review(f, "carol", id, LB_REVIEW_JUSTIFIED, "fine"), LB_NOT_NOW, "is closed");
	/* Nobody is told any more. */
	assert_int_equal(shown(f, "dave"), 0);
	assert_int_equal(metrics(f).alarms, 0);
	assert_int_equal(metrics(f).reviews_open, 0);
}

static uint64_t
taken_and_over(struct fixture *f)
{
	uint64_t id = answered(glass(f, "alice"));

	answered(act(f, "alice", LB_MSG_CANCEL, id, ""));
	return id;
}

static void
overdue_reviews_show_and_block_more_of_it(void **state)
{
	struct fixture *f = *state;
	uint64_t id = taken_and_over(f);

	/* The clock goes on by itself as well: a minute is room enough. */
	pass_time(f, 2 * HOUR - 60);
	answered(act(f, "alice", LB_MSG_CANCEL, answered(glass(f, "alice")), ""));
	assert_int_equal(metrics(f).reviews_overdue, 0);
	assert_int_equal(metrics(f).reviews_open, 2);
	pass_time(f, 60);
	assert_int_equal(metrics(f).reviews_overdue, 1);
	refused(glass(f, "alice"), LB_NOT_NOW, "1 reviews of your break-glass are overdue");
	answered(act(f, "carol", LB_MSG_SHOW, id, ""));
	assert_int_equal(f->a.grant.concerns, LB_CONCERNS_REVIEW | LB_CONCERNS_OVERDUE);
	/* Two are let by where the policy says so, and any number where it says 0. */
	change_policy(f, POLICY(GLASS " review-block = 2"));
	answered(act(f, "alice", LB_MSG_CANCEL, answered(glass(f, "alice")), ""));
	change_policy(f, POLICY(GLASS " review-block = 0"));
	answered(act(f, "alice", LB_MSG_CANCEL, answered(glass(f, "alice")), ""));
	change_policy(f, POLICY(GLASS));
	refused(glass(f, "alice"), LB_NOT_NOW, "overdue");
	answered(review(f, "carol", id, LB_REVIEW_JUSTIFIED, "fine"));
	answered(glass(f, "alice"));
}

static void
more_time_is_asked_of_people(void **state)
{
	struct fixture *f = *state;
	union lb_msg m = {.extend = {.duration_s = 600, .reason = "not done"}};
	uint64_t id = answered(glass(f, "alice")), more;

	change_policy(f, POLICY(GLASS "}\nrule always { roles = {\"op\"} approve = true"));
	act(f, "alice", LB_MSG_CLAIM, id, "");
	assert_int_equal(f->a.claims, 1);
	m.extend.id = id;
	more = answered(ask(f, "alice", LB_MSG_EXTEND, &m));
	assert_int_equal(stored(f, more).state, LB_STATE_PENDING);
	assert_int_equal(stored(f, more).break_glass, 0);
	answered(act(f, "bob", LB_MSG_APPROVE, more, ""));
	assert_int_equal(stored(f, id).duration_s, 1200);
}

static void
no_rule_adds_anybody_whom_it_would_wait_for(void **state)
{
	struct fixture *f = *state;
	uint64_t id;

	change_policy(f, POLICY(GLASS "}\nrule more { roles = {\"op\"} approvers = {\"both\"}"));
	assert_int_equal(stored(f, pending(f, "alice", "op")).levels, 2);
	id = answered(glass(f, "alice"));
	assert_int_equal(stored(f, id).state, LB_STATE_APPROVED);
	act(f, "alice", LB_MSG_CLAIM, id, "");
	assert_int_equal(f->a.claims, 1);
}

static void
metrics_are_for_root_and_auditors(void **state)
{
	struct fixture *f = *state;
	union lb_msg m = {.roles = {0}};

	refused(ask(f, "alice", LB_MSG_METRICS, &m), LB_NO_PERMISSION, "only root and auditors");
	ask(f, "carol", LB_MSG_METRICS, &m);
	assert_int_equal(f->a.done, 1);
	pending(f, "alice", "op");
	assert_int_equal(metrics(f).pending, 1);
	assert_int_equal(metrics(f).requests, 1);
	assert_true(metrics(f).records > 0);
	assert_true(metrics(f).store_bytes > 0);
}

/* -- the customer ------------------------------------------------------------------ */

static void
set_customer(struct fixture *f)
{
	char line[MADE_MAX], text[2 * MADE_MAX];

	maker_line(&eve, line);
	snprintf(text, sizeof text,
		 "identity eve { keys = {\"%s\"} unix-user = \"u2\" }\n"
		 "customer acme { approvers = {\"eve\"} }\n" POLICY(GLASS " customer = \"acme\""),
		 line);
	change_policy(f, text);
}

static struct answer *
as_eve(struct fixture *f, uint16_t type, const union lb_msg *msg)
{
	struct lb_peer peer = peer_of(f, "u2");
	uint8_t key[MADE_MAX], hash[32];

	crypto_hash_sha256(hash, key, maker_key(&eve, key));
	memcpy(peer.fingerprint, "SHA256:", 7);
	sodium_bin2base64(peer.fingerprint + 7, sizeof peer.fingerprint - 7, hash, sizeof hash,
			  sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
	return ask_by(f, &peer, type, msg);
}

/* Asks for the statement of a change, signs it, and has it made. */
static void
sign_change(struct fixture *f, uint8_t lockbox, uint8_t break_glass)
{
	static union lb_msg m;
	char text[MADE_MAX], signature[MADE_MAX];
	struct making what;

	m = (union lb_msg){.customer = {
				   .name = "acme",
				   .lockbox = lockbox,
				   .break_glass = break_glass,
			   }};
	as_eve(f, LB_MSG_CUSTOMER, &m);
	snprintf(text, sizeof text, "%s", f->a.customer.statement);
	assert_non_null(
		strstr(text, break_glass == 1 ? "\nbreak-glass: on\n" : "\nbreak-glass: off\n"));
	what = making_default(LB_CUSTOMER_SPACE, text, strlen(text));
	make_signature(&eve, &what, signature);
	snprintf(m.customer.signatures, sizeof m.customer.signatures, "%.1000s", signature);
	as_eve(f, LB_MSG_CUSTOMER_CHANGE, &m);
	assert_int_equal(f->a.done, 1);
	assert_int_equal(f->a.customer.break_glass, break_glass == 1);
}

static struct answer *
with_ticket(struct fixture *f)
{
	return ask_for(f, "alice", (struct lb_msg_request){.break_glass = 1, .ticket = "T-1"});
}

static void
a_customers_role_takes_consent_that_was_signed_in_advance(void **state)
{
	struct fixture *f = *state;
	union lb_msg m = {.act = {.text = "stop"}};
	uint64_t id;

	eve = maker_new(9, NULL);
	set_customer(f);
	/* Nobody is asked yet. */
	answered(act(f, "alice", LB_MSG_CANCEL, answered(glass(f, "alice")), ""));
	sign_change(f, 1, 0);
	refused(with_ticket(f), LB_NO_PERMISSION, "has not consented to break-glass");
	sign_change(f, 0, 1);
	id = answered(with_ticket(f));
	assert_int_equal(stored(f, id).state, LB_STATE_APPROVED);
	assert_string_equal(stored(f, id).customer, "acme");
	/* The customer's approver is told, sees it, and may revoke. */
	m.list = (struct lb_msg_list){.which = LB_LIST_REVIEWS};
	assert_int_equal(as_eve(f, LB_MSG_LIST, &m)->grants, 1);
	assert_int_equal(f->a.grant.concerns, LB_CONCERNS_ALARM);
	m = (union lb_msg){.audit = {.grant = id}};
	assert_true(as_eve(f, LB_MSG_AUDIT, &m)->records >= 2);
	m = (union lb_msg){.act = {.id = id, .text = "stop"}};
	answered(as_eve(f, LB_MSG_REVOKE, &m));
	assert_int_equal(stored(f, id).state, LB_STATE_CANCELLED);
	/* What was taken and not claimed ends with the consent, and nothing new is taken. */
	id = answered(with_ticket(f));
	sign_change(f, 0, 2);
	assert_int_equal(stored(f, id).state, LB_STATE_CANCELLED);
	refused(with_ticket(f), LB_NO_PERMISSION, "has not consented");
}

static void
a_policy_takes_no_customer_out_of_the_alarm(void **state)
{
	struct fixture *f = *state;
	union lb_msg m = {.list = {.which = LB_LIST_REVIEWS}};
	char line[MADE_MAX], text[2 * MADE_MAX];

	eve = maker_new(9, NULL);
	set_customer(f);
	sign_change(f, 1, 1);
	answered(act(f, "alice", LB_MSG_CANCEL, answered(with_ticket(f)), ""));
	/* In a team of the host she decides nothing for the customer, and is told all the same. */
	maker_line(&eve, line);
	snprintf(text, sizeof text,
		 "identity eve { keys = {\"%s\"} unix-user = \"u2\" }\n"
		 "team late { members = {\"eve\"} }\n" POLICY(GLASS),
		 line);
	change_policy(f, text);
	answered(ask_for(
		f, "alice",
		(struct lb_msg_request){.break_glass = 1, .ticket = "T-1", .reason = "again"}));
	assert_int_equal(as_eve(f, LB_MSG_LIST, &m)->grants, 2);
	assert_int_equal(f->a.grant.concerns, LB_CONCERNS_ALARM);
	m = (union lb_msg){.act = {.id = f->a.grant.id, .text = "stop"}};
	answered(as_eve(f, LB_MSG_REVOKE, &m));
	/* Where nobody of the customer is left to be told, nobody breaks the glass. */
	change_policy(f, POLICY(GLASS));
	refused(with_ticket(f), LB_NO_PERMISSION, "nobody of customer acme");
}

/* -- the seal ------------------------------------------------------------------------ */

/* left_s: it lets in for so long yet. */
static uint64_t
seal_says_left(struct fixture *f, const char *id, const char *text, uint32_t left_s)
{
	struct lb_ipc_outcome o = {.ok = 1, .uid = left_s};
	uint8_t bytes[LB_LINK_MESSAGE_MAX];
	struct lb_msg_record r = {0};
	size_t len;

	snprintf(o.event, sizeof o.event, "%s", id);
	snprintf(o.text, sizeof o.text, "%s", text);
	ok(lb_ipc_encode(LB_IPC_SEAL, &o, bytes, sizeof bytes, &len));
	ok(lb_keeper_warden_calls.message(&f->k, LB_IPC_SEAL, bytes, len, -1));
	lb_batch_run(&f->k);
	last_record(f, &r);
	return r.grant;
}

static uint64_t
seal_says(struct fixture *f, const char *id, const char *text)
{
	return seal_says_left(f, id, text, 0);
}

static void
a_broken_seal_is_recorded_once_and_reviewed_by_an_auditor(void **state)
{
	static const char text[] = "2026-11-23T02:11:00Z boot x at 4711 by login from tty1 -";
	static const char id[] = "0123456789abcdef01234567";
	struct fixture *f = *state;
	uint64_t broken = seal_says(f, id, text), records = last_record(f, NULL);

	recorded(f, "seal-broken", broken, "");
	assert_int_equal(metrics(f).seals_broken, 1);
	assert_int_equal(metrics(f).reviews_open, 1);
	assert_int_equal(shown(f, "carol"), 1);
	assert_int_equal(f->a.grant.concerns, LB_CONCERNS_ALARM | LB_CONCERNS_REVIEW);
	assert_non_null(strstr(f->a.grant.reason, "from tty1"));
	assert_int_equal(shown(f, "bob"), 0);
	/* Said again at the next start; and what no warden says. */
	seal_says(f, id, text);
	seal_says(f, "0123", text);
	seal_says(f, "0123456789abcdef0123456X", text);
	seal_says(f, "0123456789abcdef01234568", "a\nb");
	assert_int_equal(last_record(f, NULL), records);
	refused(review(f, "bob", broken, LB_REVIEW_JUSTIFIED, "fine"), LB_NO_SUCH, "no R-");
	pass_time(f, 24 * HOUR);
	assert_int_equal(metrics(f).reviews_overdue, 1);
	answered(review(f, "carol", broken, LB_REVIEW_JUSTIFIED, "the store was wrecked"));
	assert_int_equal(metrics(f).seals_broken, 0);
	assert_int_not_equal(seal_says(f, "0123456789abcdef01234569", text), broken);
	assert_int_equal(metrics(f).seals_broken, 1);
}

static void
while_a_broken_seal_lets_in_its_review_stays_open(void **state)
{
	static const char id[] = "0123456789abcdef01234567",
			  text[] = "2026-11-23T02:11:00Z boot x at 4711 by login from tty1 -";
	struct fixture *f = *state;
	uint64_t broken = seal_says_left(f, id, text, 4 * HOUR), now_s = lb_keeper_now_s(&f->k);
	uint64_t other;

	assert_int_equal(metrics(f).seals_open, 1);
	assert_int_equal(shown(f, "carol"), 1);
	assert_in_range(f->a.grant.end_s, now_s + 4 * HOUR - 2, now_s + 4 * HOUR);
	refused(review(f, "carol", broken, LB_REVIEW_JUSTIFIED, "fine"), LB_NOT_NOW,
		"is root on the host still");
	refused(act(f, "root", LB_MSG_REVOKE, broken, "stop"), LB_NOT_NOW,
		"/usr/share/lockbox/setup unseal");
	/* Said again, at any start, with less left: nothing new. */
	pass_time(f, HOUR);
	seal_says_left(f, id, text, 3 * HOUR);
	assert_int_equal(metrics(f).seals_broken, 1);
	refused(review(f, "carol", broken, LB_REVIEW_JUSTIFIED, "fine"), LB_NOT_NOW, "root");
	/* It was ended on the host: the record says how, once, and the review can be closed. */
	assert_int_equal(seal_says(f, id,
				   "2026-11-23T02:11:00Z boot x at 4711 by login from tty1 - ended "
				   "2026-11-23T03:11:00Z, killed 4"),
			 broken);
	recorded(f, "seal-ended", broken, "");
	assert_non_null(strstr(stored(f, broken).cause, "ended 2026-11-23T03:11:00Z, killed 4"));
	assert_int_equal(metrics(f).seals_open, 0);
	assert_int_equal(metrics(f).seals_broken, 1);
	assert_int_equal(stored(f, broken).review_due_s, lb_keeper_now_s(&f->k) + 24 * HOUR);
	now_s = last_record(f, NULL);
	seal_says(f, id, text);
	seal_says_left(f, id, text, HOUR); /* nobody opens it again */
	assert_int_equal(last_record(f, NULL), now_s);
	answered(review(f, "carol", broken, LB_REVIEW_JUSTIFIED, "fine"));
	/* Or its time goes by, or the host is started anew. */
	other = seal_says_left(f, "0123456789abcdef01234568", text, 4 * HOUR);
	pass_time(f, 4 * HOUR);
	assert_int_equal(metrics(f).seals_open, 0);
	answered(review(f, "carol", other, LB_REVIEW_UNJUSTIFIED, "no need"));
	other = seal_says_left(f, "0123456789abcdef01234569", text, UINT32_MAX);
	assert_int_equal(stored(f, other).end_s, lb_keeper_now_s(&f->k) + 4 * HOUR);
	seal_says(f, "0123456789abcdef01234569", text);
	assert_non_null(strstr(stored(f, other).cause, "started anew"));
	answered(review(f, "carol", other, LB_REVIEW_JUSTIFIED, "fine"));
}

static uint8_t
sealed_verdict(struct fixture *f, bool full)
{
	struct lb_peer peer = peer_of(f, "root");
	union lb_msg m = {.login = {.user = LB_SEALED_NAME, .uid = 998, .service = "login"}};
	struct question q = {f, &peer, LB_MSG_PAM_ACCOUNT, &m, true, full};

	memset(&f->a, 0, sizeof f->a);
	ok(lb_tx_run(&f->k, put, &q));
	assert_int_equal(f->a.verdicts, 1);
	return f->a.verdict.verdict;
}

static void
the_keeper_leaves_the_sealed_path_open_only_when_it_can_grant_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(sealed_verdict(f, false), LB_VERDICT_DENY);
	assert_non_null(strstr(f->a.verdict.text, "ask for access"));
	assert_int_equal(sealed_verdict(f, true), LB_VERDICT_ALLOW);
	pass_time(f, 25 * HOUR); /* ahead of the host's clock */
	assert_int_equal(sealed_verdict(f, false), LB_VERDICT_ALLOW);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

static void
what_was_taken_is_found_as_long_as_it_is_had(void **state)
{
	struct fixture *f = *state;
	uint64_t waits = answered(request(f, "alice", "op", 0, "db is down")), id;

	id = answered(glass(f, "alice"));
	assert_int_not_equal(id, waits);
	assert_int_equal(answered(glass(f, "alice")), id);
	act(f, "alice", LB_MSG_CLAIM, id, "");
	assert_int_equal(f->a.claims, 1);
	assert_int_equal(answered(glass(f, "alice")), id);
	answered(act(f, "alice", LB_MSG_END, id, ""));
	assert_int_not_equal(answered(glass(f, "alice")), id);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(it_is_approved_at_once_recorded_as_an_alarm_and_told),
		test(it_is_refused_to_whom_and_for_what_the_role_does_not_name),
		test(what_the_policy_takes_back_is_not_claimed),
		test(somebody_else_closes_the_review_once_it_is_over),
		test(overdue_reviews_show_and_block_more_of_it),
		test(more_time_is_asked_of_people),
		test(no_rule_adds_anybody_whom_it_would_wait_for),
		test(metrics_are_for_root_and_auditors),
		test(a_customers_role_takes_consent_that_was_signed_in_advance),
		test(a_policy_takes_no_customer_out_of_the_alarm),
		test(a_broken_seal_is_recorded_once_and_reviewed_by_an_auditor),
		test(while_a_broken_seal_lets_in_its_review_stays_open),
		test(the_keeper_leaves_the_sealed_path_open_only_when_it_can_grant_nothing),
		test(what_was_taken_is_found_as_long_as_it_is_had),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
