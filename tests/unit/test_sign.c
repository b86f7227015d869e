/*
 * Signed approvals in the keeper: the same approval with everything in order, then with one thing
 * wrong, for each thing that a statement binds.
 */
#include "keeper_fixture.h"

#include "keeper/statement.h"
#include "sshsig_make.h"

#define SPACE "lockbox-approval"

static struct maker bob, bob_touch, bob_old, dave, eve;

#define WITH_KEYS                                                                                  \
	"identity alice { keys = {\"ssh-ed25519 " ALICE_KEY "\"} unix-user = \"alice\" }\n"        \
	"identity bob { keys = {%.3000s} unix-user = \"bob\" }\n"                                  \
	"identity dave { keys = {\"%.900s\"} unix-user = \"dave\" }\n"                             \
	"identity carol { unix-user = \"carol\" }\n"                                               \
	"identity frank { unix-user = \"frank\" }\n"                                               \
	"team engineers { members = {\"alice\"} }\n"                                               \
	"team leads { members = {\"bob\", \"dave\"} }\n"                                           \
	"team auditors { members = {\"carol\"} }\n"                                                \
	"role op { requesters = {\"engineers\"} approvers = {\"leads\"} groups = {\"adm\"}\n"      \
	" sudo = {\"/usr/bin/id -u\"} signed-approvals = %s %s }\n"                                \
	"role free { requesters = {\"engineers\"} approvers = {\"leads\"} }\n"

/* The policy with bob's keys, or without the last of them. */
static void
set_policy(struct fixture *f, bool without, const char *needed, const char *more)
{
	char text[8192], keys[4096], a[MADE_MAX], b[MADE_MAX], c[MADE_MAX];

	maker_line(&bob, a);
	maker_line(&bob_touch, b);
	maker_line(&bob_old, c);
	if (without)
		snprintf(keys, sizeof keys, "\"%.900s\", \"%.900s\"", a, b);
	else
		snprintf(keys, sizeof keys, "\"%.900s\", \"%.900s\", \"%.900s\"", a, b, c);
	maker_line(&dave, a);
	snprintf(text, sizeof text, WITH_KEYS, keys, a, needed, more);
	change_policy(f, text);
}

static int
setup(void **state)
{
	if (fixture_setup(state) != 0)
		return -1;
	bob = maker_new(1, NULL);
	bob_touch = maker_new(2, "ssh:");
	bob_old = maker_new(3, NULL);
	dave = maker_new(4, NULL);
	eve = maker_new(5, NULL);
	set_policy(*state, false, "true", "");
	return 0;
}

/* What the person was given to sign. */
static const char *
statement(struct fixture *f, const char *who, uint64_t id)
{
	act(f, who, LB_MSG_STATEMENT, id, "");
	if (f->a.err != LB_OK || f->a.to_signs != 1 || f->a.done != 1)
		fail_msg("no statement: %u %s", f->a.code, f->a.text);
	assert_int_equal(f->a.to_sign.id, id);
	return f->a.to_sign.statement;
}

static struct answer *
give(struct fixture *f, const char *who, uint64_t id, const char *signature)
{
	union lb_msg m = {.approve_signed = {.id = id}};

	snprintf(m.approve_signed.signature, sizeof m.approve_signed.signature, "%s", signature);
	return ask(f, who, LB_MSG_APPROVE_SIGNED, &m);
}

static const char *
sign(const struct maker *m, const char *space, const char *text)
{
	static char signature[MADE_MAX];
	const struct making what = making_default(space, text, strlen(text));

	make_signature(m, &what, signature);
	return signature;
}

/* Refused with these words and nothing but that recorded; the grant waits on. */
static void
rejected_at(struct fixture *f, uint64_t id, enum lb_refusal code, const char *words, int line)
{
	const struct answer *a = &f->a;

	if (a->err != LB_OK || a->refused != 1 || a->code != code || strstr(a->text, words) == NULL)
		fail_msg("line %d: error %d, %u refusals, code %u, text: %s", line, a->err,
			 a->refused, a->code, a->text);
	assert_int_equal(a->done + a->grants + a->nwarden, 0);
	recorded(f, "signature-refused", id, "bob");
	assert_int_equal(stored(f, id).have, 0);
	assert_int_equal(stored(f, id).state, LB_STATE_PENDING);
}
#define rejected(f, id, code, words) rejected_at(f, id, code, words, __LINE__)

static void
a_role_may_take_signed_approvals_only(void **state)
{
	struct fixture *f = *state;
	uint64_t id = pending(f, "alice", "op");

	refused(act(f, "bob", LB_MSG_APPROVE, id, ""), LB_UNSIGNED, "takes signed approvals only");
	assert_int_equal(stored(f, id).state, LB_STATE_PENDING);
	answered(give(f, "bob", id, sign(&bob, SPACE, statement(f, "bob", id))));
	assert_int_equal(f->a.grant.state, LB_STATE_APPROVED);
	assert_int_equal(stored(f, id).approval[0].statement, 1);
	recorded(f, "approve", id, "bob");
	act(f, "alice", LB_MSG_CLAIM, id, "");
	assert_int_equal(f->a.claims, 1);
	/* Where it is not asked for it may be done all the same. */
	id = pending(f, "alice", "free");
	answered(give(f, "bob", id, sign(&bob, SPACE, statement(f, "bob", id))));
	id = pending(f, "alice", "free");
	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
}

static void
each_key_of_the_approver_will_do_while_the_policy_has_it(void **state)
{
	const struct maker *const good[] = {&bob, &bob_touch, &bob_old};
	struct fixture *f = *state;
	uint64_t id;

	for (size_t i = 0; i < 3; i++) {
		id = pending(f, "alice", "op");
		answered(give(f, "bob", id, sign(good[i], SPACE, statement(f, "bob", id))));
	}
	id = pending(f, "alice", "op");
	give(f, "bob", id, sign(&dave, SPACE, statement(f, "bob", id)));
	rejected(f, id, LB_NO_PERMISSION,
		 "by a key that the policy does not have for you: SHA256:");
	give(f, "bob", id, sign(&eve, SPACE, statement(f, "bob", id)));
	rejected(f, id, LB_NO_PERMISSION,
		 "by a key that the policy does not have for you: SHA256:");
	set_policy(f, true, "true", "");
	give(f, "bob", id, sign(&bob_old, SPACE, statement(f, "bob", id)));
	rejected(f, id, LB_NO_PERMISSION,
		 "by a key that the policy does not have for you: SHA256:");
	answered(give(f, "bob", id, sign(&bob, SPACE, statement(f, "bob", id))));
}

static void
a_signature_of_anything_else_is_refused(void **state)
{
	struct fixture *f = *state;
	uint64_t first = pending(f, "alice", "op"), id;
	char other[LB_STATEMENT_MAX + 1], text[LB_STATEMENT_MAX + 1], old[MADE_MAX], *p;
	struct making untouched;

	snprintf(old, sizeof old, "%s", sign(&bob, SPACE, statement(f, "bob", first)));
	answered(give(f, "bob", first, old));

	/* Nothing was asked for, and replayed. */
	id = pending(f, "alice", "op");
	give(f, "bob", id, old);
	rejected(f, id, LB_BAD_INPUT, "is of the statement for R-1, and this is R-2");
	snprintf(text, sizeof text, "%s", statement(f, "bob", id));
	give(f, "bob", id, old);
	rejected(f, id, LB_BAD_INPUT, "is of the statement for R-1, and this is R-2");

	give(f, "bob", id, sign(&bob, "file", text));
	rejected(f, id, LB_BAD_INPUT, "was made in another namespace");
	untouched = making_default(SPACE, text, strlen(text));
	untouched.flags = 0;
	make_signature(&bob_touch, &untouched, old);
	give(f, "bob", id, old);
	rejected(f, id, LB_BAD_INPUT, "nobody touched");

	snprintf(other, sizeof other, "%s", text);
	p = strstr(other, "host: testhost");
	assert_non_null(p);
	p[6] = 'b';
	give(f, "bob", id, sign(&bob, SPACE, other));
	rejected(f, id, LB_BAD_INPUT, "is of no statement of this host's: another host's");
	snprintf(other, sizeof other, "%.*s", (int)strlen(text) - 1, text);
	give(f, "bob", id, sign(&bob, SPACE, other));
	rejected(f, id, LB_BAD_INPUT, "to the last byte");
	give(f, "bob", id, sign(&bob, SPACE, ""));
	rejected(f, id, LB_BAD_INPUT, "to the last byte");
	give(f, "bob", id, sign(&bob, SPACE, statement(f, "dave", id)));
	rejected(f, id, LB_BAD_INPUT, "is of the statement that dave was given");

	/* The signature itself, cut and lengthened. */
	snprintf(old, sizeof old, "%s", sign(&bob, SPACE, text));
	old[strlen(old) - 30] = '\0';
	give(f, "bob", id, old);
	rejected(f, id, LB_BAD_INPUT, "the signature is cut short");
	snprintf(old, sizeof old, "%s", sign(&bob, SPACE, text));
	strcat(old, "x");
	give(f, "bob", id, old);
	rejected(f, id, LB_BAD_INPUT, "the signature has something behind its last line");
	give(f, "bob", id, "");
	rejected(f, id, LB_BAD_INPUT, "the signature is none that ssh-keygen -Y sign made");

	answered(give(f, "bob", id, sign(&bob, SPACE, text)));
}

static void
a_statement_is_good_once_and_only_while_it_is_true(void **state)
{
	struct fixture *f = *state;
	uint64_t id = pending(f, "alice", "op");
	char text[LB_STATEMENT_MAX + 1], again[LB_STATEMENT_MAX + 1], signature[MADE_MAX];

	snprintf(text, sizeof text, "%s", statement(f, "bob", id));
	pass_time(f, 60);
	assert_string_equal(statement(f, "bob", id), text); /* the same, also later */
	snprintf(signature, sizeof signature, "%s", sign(&bob, SPACE, text));

	/* The policy has changed: another digest. */
	set_policy(f, false, "true", "description = \"other\"");
	give(f, "bob", id, signature);
	rejected(f, id, LB_NOT_NOW, "has changed since");
	snprintf(again, sizeof again, "%s", statement(f, "bob", id));
	assert_string_not_equal(again, text);
	give(f, "bob", id, signature);
	rejected(f, id, LB_BAD_INPUT, "is of an earlier statement, with another nonce");
	answered(give(f, "bob", id, sign(&bob, SPACE, again)));

	/* Bob loses the right, so his approval goes; then he has it again, and must sign anew. */
	id = pending(f, "alice", "op");
	set_policy(f, false, "true", "approvals = 2");
	refused(act(f, "alice", LB_MSG_CANCEL, 99, ""), LB_NO_SUCH, "");
	snprintf(signature, sizeof signature, "%s", sign(&bob, SPACE, statement(f, "bob", id)));
	answered(give(f, "bob", id, signature));
	assert_int_equal(f->a.grant.have, 1);
	refused(give(f, "bob", id, signature), LB_NOT_NOW, "you have approved");
	{
		struct lb_grant g = stored(f, id);
		struct lb_store_txn *txn;

		memset(&g.approval[0], 0, sizeof g.approval[0]);
		g.have = 0;
		ok(lb_store_begin(f->k.store, LB_STORE_WRITE, &txn));
		ok(lb_store_put_grant(txn, &g));
		ok(lb_store_commit(txn));
	}
	give(f, "bob", id, signature);
	rejected(f, id, LB_BAD_INPUT, "was used already");
	answered(give(f, "bob", id, sign(&bob, SPACE, statement(f, "bob", id))));
}

static void
who_may_not_approve_gets_no_statement(void **state)
{
	struct fixture *f = *state;
	uint64_t id = pending(f, "alice", "op");

	statement(f, "bob", id);
	refused(act(f, "alice", LB_MSG_STATEMENT, id, ""), LB_OWN_REQUEST, "");
	refused(act(f, "carol", LB_MSG_STATEMENT, id, ""), LB_NO_PERMISSION, "");
	refused(act(f, "frank", LB_MSG_STATEMENT, id, ""), LB_NO_SUCH, "");
	refused(act(f, "root", LB_MSG_STATEMENT, id, ""), LB_NO_IDENTITY, "");
	refused(give(f, "alice", id, sign(&bob, SPACE, statement(f, "bob", id))), LB_OWN_REQUEST,
		"");
	refused(give(f, "frank", id, "x"), LB_NO_SUCH, "");
	answered(act(f, "bob", LB_MSG_DENY, id, "no"));
	refused(act(f, "bob", LB_MSG_STATEMENT, id, ""), LB_NOT_NOW, "was denied");
	refused(give(f, "bob", id, "x"), LB_NOT_NOW, "was denied");
}

static void
who_has_no_key_that_signs_is_told_so(void **state)
{
	struct fixture *f = *state;
	uint64_t id;

	change_policy(f, policy_text);
	id = pending(f, "alice", "op");
	refused(act(f, "bob", LB_MSG_STATEMENT, id, ""), LB_NO_PERMISSION, "none of your keys");
	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
}

static void
an_unsigned_approval_does_not_count_once_signatures_are_asked_for(void **state)
{
	struct fixture *f = *state;
	uint64_t id;

	set_policy(f, false, "false", "approvals = 2");
	id = pending(f, "alice", "op");
	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
	assert_int_equal(f->a.grant.have, 1);
	set_policy(f, false, "true", "approvals = 2");
	answered(give(f, "dave", id, sign(&dave, SPACE, statement(f, "dave", id))));
	assert_int_equal(f->a.grant.state, LB_STATE_PENDING);
	assert_int_equal(f->a.grant.have, 1);
	answered(give(f, "bob", id, sign(&bob, SPACE, statement(f, "bob", id))));
	assert_int_equal(f->a.grant.state, LB_STATE_APPROVED);

	/* Nor one that has completed them, until it is claimed. */
	set_policy(f, false, "false", "");
	id = pending(f, "alice", "op");
	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
	assert_int_equal(f->a.grant.state, LB_STATE_APPROVED);
	set_policy(f, false, "true", "");
	act(f, "alice", LB_MSG_CLAIM, id, "");
	assert_int_equal(f->a.claims, 0);
}

static void
an_approval_loses_its_weight_with_the_key_it_was_signed_with(void **state)
{
	struct fixture *f = *state;
	uint64_t id = pending(f, "alice", "op"), waits, kept;

	answered(give(f, "bob", id, sign(&bob_old, SPACE, statement(f, "bob", id))));
	assert_int_equal(stored(f, id).state, LB_STATE_APPROVED);
	kept = pending(f, "alice", "op");
	answered(give(f, "bob", kept, sign(&bob, SPACE, statement(f, "bob", kept))));
	set_policy(f, true, "true", "");
	act(f, "alice", LB_MSG_CLAIM, kept, "");
	assert_int_equal(f->a.claims, 1);
	refused(act(f, "alice", LB_MSG_CLAIM, id, ""), LB_NOT_NOW, "fewer of them still count");
	ok(lb_tx_run(&f->k, lb_sync_policy, NULL));
	assert_int_equal(stored(f, id).state, LB_STATE_CANCELLED);
	assert_int_equal(stored(f, kept).state, LB_STATE_ACTIVE);

	/* One that waits for another counts such an approval no more. */
	set_policy(f, false, "true", "approvals = 2");
	waits = pending(f, "alice", "op");
	answered(give(f, "bob", waits, sign(&bob_old, SPACE, statement(f, "bob", waits))));
	assert_int_equal(f->a.grant.have, 1);
	set_policy(f, true, "true", "approvals = 2");
	answered(give(f, "dave", waits, sign(&dave, SPACE, statement(f, "dave", waits))));
	assert_int_equal(stored(f, waits).state, LB_STATE_PENDING);
	assert_int_equal(f->a.grant.have, 1);
	answered(give(f, "bob", waits, sign(&bob, SPACE, statement(f, "bob", waits))));
	assert_int_equal(stored(f, waits).state, LB_STATE_APPROVED);
}

/* Finding out what a signature is of is work: it is taken from the budget of whoever sent it. */
static void
strays_are_looked_for_within_the_budget(void **state)
{
	struct fixture *f = *state;
	uint64_t id = pending(f, "alice", "op");
	char stray[MADE_MAX];

	f->k.asks = (struct lb_budget){.burst = LB_ASKS_BURST, .every_ns = LB_ASKS_EVERY_S * NS};
	snprintf(stray, sizeof stray, "%s", sign(&bob, SPACE, "something else"));
	statement(f, "bob", id);
	give(f, "bob", id, stray);
	rejected(f, id, LB_BAD_INPUT, "is of no statement of this host's");
	for (unsigned i = 0; i < LB_ASKS_BURST; i++)
		give(f, "bob", id, stray);
	refused(give(f, "bob", id, stray), LB_OVER_LIMIT, "too many requests");
	/* What another was given for another grant is nobody's business. */
	pass_time(f, 3600);
	id = pending(f, "alice", "op");
	snprintf(stray, sizeof stray, "%s", sign(&bob, SPACE, statement(f, "dave", id)));
	id = pending(f, "alice", "op");
	give(f, "bob", id, stray);
	rejected(f, id, LB_BAD_INPUT, "is of no statement of this host's");
}

static void
evidence_is_what_was_signed_and_with_what(void **state)
{
	struct fixture *f = *state;
	uint64_t id = pending(f, "alice", "op");
	char text[LB_STATEMENT_MAX + 1], signature[MADE_MAX], line[MADE_MAX];
	static const char *const may[] = {"alice", "bob", "dave", "carol", "root"};

	act(f, "alice", LB_MSG_EVIDENCE, id, "");
	assert_int_equal(f->a.signeds, 0);
	assert_int_equal(f->a.done, 1);
	snprintf(text, sizeof text, "%s", statement(f, "bob", id));
	snprintf(signature, sizeof signature, "%s", sign(&bob_touch, SPACE, text));
	act(f, "alice", LB_MSG_EVIDENCE, id, "");
	assert_int_equal(f->a.signeds, 0); /* a statement alone is none */
	answered(give(f, "bob", id, signature));
	maker_line(&bob_touch, line);
	for (size_t i = 0; i < sizeof may / sizeof may[0]; i++) {
		act(f, may[i], LB_MSG_EVIDENCE, id, "");
		assert_int_equal(f->a.signeds, 1);
		assert_int_equal(f->a.signed_by.id, id);
		assert_int_equal(f->a.signed_by.number, 1);
		assert_int_equal(f->a.signed_by.level, 0);
		assert_string_equal(f->a.signed_by.approver, "bob");
		assert_string_equal(f->a.signed_by.key, line);
		assert_string_equal(f->a.signed_by.statement, text);
		assert_string_equal(f->a.signed_by.signature, signature);
		assert_memory_equal(f->a.signed_by.fingerprint, "SHA256:", 7);
	}
	refused(act(f, "frank", LB_MSG_EVIDENCE, id, ""), LB_NO_SUCH, "");
}

/* Whoever sends nonsense fills neither the store nor the record. */
static void
many_refused_signatures_are_recorded_up_to_a_budget(void **state)
{
	struct fixture *f = *state;
	uint64_t id = pending(f, "alice", "op"), before = last_record(f, NULL);

	f->k.asks = (struct lb_budget){.burst = LB_ASKS_BURST, .every_ns = LB_ASKS_EVERY_S * NS};
	statement(f, "bob", id);
	for (int i = 0; i < 100; i++)
		give(f, "bob", id, "x");
	assert_in_range(last_record(f, NULL), before + 10, before + LB_ASKS_BURST);
	answered(give(f, "bob", id, sign(&bob, SPACE, statement(f, "bob", id))));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define signed_unit(t) cmocka_unit_test_setup_teardown(t, setup, fixture_teardown)
		signed_unit(a_role_may_take_signed_approvals_only),
		signed_unit(each_key_of_the_approver_will_do_while_the_policy_has_it),
		signed_unit(a_signature_of_anything_else_is_refused),
		signed_unit(a_statement_is_good_once_and_only_while_it_is_true),
		signed_unit(who_may_not_approve_gets_no_statement),
		signed_unit(who_has_no_key_that_signs_is_told_so),
		signed_unit(an_unsigned_approval_does_not_count_once_signatures_are_asked_for),
		signed_unit(an_approval_loses_its_weight_with_the_key_it_was_signed_with),
		signed_unit(strays_are_looked_for_within_the_budget),
		signed_unit(evidence_is_what_was_signed_and_with_what),
		signed_unit(many_refused_signatures_are_recorded_up_to_a_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
