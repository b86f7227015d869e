/*
 * Rules in the keeper: what they approve and add, what is kept of it, and that it is looked at again.
 * (The conditions one by one: test_rule.c; customers: test_customer.c; through ssh: tests/e2e/rules.sh.)
 */
#include "keeper_fixture.h"

#include "keeper/rules.h"
#include "policy/rule.h"

#define HOUR 3600
#define SK_KEY                                                                                     \
	"sk-ssh-ed25519@openssh.com "                                                              \
	"AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIM8GawHxEmVETNEurI5i0keA0MYrk7KQF26+wbCQL"    \
	"QhjAAAABHNzaDo="
#define BOB_KEY "AAAAC3NzaC1lZDI1NTE5AAAAIM8GawHxEmVETNEurI5i0keA0MYrk7KQF26+wbCQLQhj"
#define ROLES                                                                                      \
	"identity bob { keys = {\"ssh-ed25519 " BOB_KEY "\"} unix-user = \"bob\" }\n"              \
	"identity alice { keys = {\"ssh-ed25519 " ALICE_KEY "\", \"" SK_KEY                        \
	"\"} unix-user = \"alice\" }\n"                                                            \
	"identity carol { unix-user = \"carol\" }\nidentity dave { unix-user = \"dave\" }\n"       \
	"identity frank { unix-user = \"frank\" }\n" MALLORY TEAMS("\"alice\", \"mallory\"")       \
		OP_WITH("max-duration = \"4h\" max-per-day = \"5h\" permission = read-only")       \
			OTHER_ROLES
#define SMALL "rule small { roles = {\"op\"} at-most = \"30m\" approve = true }\n"
#define NIGHT "rule night { longer-than = \"1h\" approvers = {\"both\"} }\n"

static struct answer *
asked_for(struct fixture *f, const char *role, uint32_t seconds, const char *fingerprint)
{
	union lb_msg m = {.request = {.duration_s = seconds}};
	struct lb_peer peer = peer_of(f, "alice");
	static unsigned n;

	snprintf(peer.fingerprint, sizeof peer.fingerprint, "%s", fingerprint);
	snprintf(m.request.role, sizeof m.request.role, "%s", role);
	snprintf(m.request.reason, sizeof m.request.reason, "reason %u", ++n);
	return ask_by(f, &peer, LB_MSG_REQUEST, &m);
}

static uint64_t
state_after(struct fixture *f, const char *role, uint32_t seconds, uint8_t state)
{
	uint64_t id = answered(asked_for(f, role, seconds, ""));

	assert_int_equal(stored(f, id).state, state);
	assert_int_equal(f->a.grant.state, state);
	return id;
}

static void
has_record(struct fixture *f, uint64_t id, const char *event, const char *words)
{
	struct lb_store_txn *txn;
	struct lb_msg_record r;
	bool found = false;

	ok(lb_store_begin(f->k.store, LB_STORE_READ, &txn));
	for (uint64_t seq = 0; lb_store_next_record(txn, seq, &r) == LB_OK; seq = r.seq)
		found = found || (r.grant == id && strcmp(r.event, event) == 0 &&
				  strstr(r.detail, words) != NULL);
	lb_store_abort(txn);
	assert_true(found);
}

static void
a_rule_approves_at_once_and_its_name_is_kept(void **state)
{
	struct fixture *f = *state;
	uint64_t id;

	change_policy(f, ROLES);
	state_after(f, "op", 1800, LB_STATE_PENDING);
	change_policy(f, ROLES SMALL);
	id = state_after(f, "op", 1800, LB_STATE_APPROVED);
	assert_string_equal(f->a.grant.rule, "small");
	assert_int_equal(f->a.grant.levels, 0);
	has_record(f, id, "request", "approved by rule small");
	has_record(f, id, "approve", "automatically, by rule small");
	recorded(f, "approve", id, "");
	assert_true(stored(f, id).until_s <= lb_keeper_now_s(&f->k) + HOUR);
	act(f, "alice", LB_MSG_CLAIM, id, "");
	assert_int_equal(f->a.claims, 1);
	/* By a second too long it is for people. */
	id = state_after(f, "op", 1801, LB_STATE_PENDING);
	assert_string_equal(f->a.grant.rule, "");
	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
	assert_int_equal(stored(f, id).state, LB_STATE_APPROVED);
	state_after(f, "duo", 60, LB_STATE_PENDING);
}

static void
the_same_request_twice_is_approved_once(void **state)
{
	struct fixture *f = *state;
	uint64_t id;

	change_policy(f, ROLES SMALL);
	id = answered(request(f, "alice", "op", 60, "why"));
	assert_int_equal(answered(request(f, "alice", "op", 60, "why")), id);
	act(f, "alice", LB_MSG_CLAIM, id, "");
	assert_int_not_equal(answered(request(f, "alice", "op", 60, "why")), id);
}

static void
what_bounds_requests_bounds_those_that_rules_approve(void **state)
{
	struct fixture *f = *state;

	change_policy(f, ROLES "rule small { roles = {\"op\"} approve = true }\n");
	refused(asked_for(f, "op", 4 * HOUR + 1, ""), LB_OVER_LIMIT, "at most 4h");
	state_after(f, "op", 4 * HOUR, LB_STATE_APPROVED);
	refused(asked_for(f, "op", 2 * HOUR, ""), LB_OVER_LIMIT, "within 24 hours");
	refused(request(f, "bob", "op", 60, "why"), LB_NO_SUCH, "no such role");
}

static void
the_approvers_of_the_role_see_and_revoke_what_a_rule_approved(void **state)
{
	struct fixture *f = *state;
	uint64_t id;

	change_policy(f, ROLES SMALL);
	id = state_after(f, "op", 60, LB_STATE_APPROVED);
	refused(act(f, "frank", LB_MSG_SHOW, id, ""), LB_NO_SUCH, "no R-");
	answered(act(f, "bob", LB_MSG_SHOW, id, ""));
	refused(act(f, "bob", LB_MSG_APPROVE, id, ""), LB_NO_PERMISSION, "no approver");
	refused(act(f, "frank", LB_MSG_REVOKE, id, "no"), LB_NO_SUCH, "no R-");
	answered(act(f, "bob", LB_MSG_REVOKE, id, "no"));
	assert_int_equal(stored(f, id).state, LB_STATE_CANCELLED);
}

static void
rules_add_levels_after_the_roles_own(void **state)
{
	struct fixture *f = *state;
	uint64_t id;

	change_policy(f, ROLES "rule any { roles = {\"op\"} approve = true }\n" NIGHT);
	state_after(f, "op", HOUR, LB_STATE_APPROVED);
	id = state_after(f, "op", HOUR + 1, LB_STATE_PENDING);
	assert_int_equal(f->a.grant.levels, 2);
	assert_int_equal(f->a.grant.need, 2);
	assert_string_equal(f->a.grant.rule, "");
	assert_string_equal(f->a.grant.level[0].name, "approval");
	assert_int_equal(f->a.grant.level[0].flags, 0);
	assert_string_equal(f->a.grant.level[1].name, "night");
	assert_string_equal(f->a.grant.level[1].teams, "both");
	assert_int_equal(f->a.grant.level[1].flags, LB_LEVEL_RULE);
	has_record(f, id, "request", "levels added by rule: night");
	refused(act(f, "frank", LB_MSG_APPROVE, id, ""), LB_NOT_NOW, "your turn comes after");
	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
	assert_int_equal(stored(f, id).state, LB_STATE_PENDING);
	refused(act(f, "bob", LB_MSG_APPROVE, id, ""), LB_NOT_NOW, "an earlier level");
	answered(act(f, "frank", LB_MSG_APPROVE, id, ""));
	assert_int_equal(stored(f, id).state, LB_STATE_APPROVED);
}

static void
a_hardware_key_is_what_the_gate_says_and_the_policy_knows(void **state)
{
	struct fixture *f = *state;
	const struct lb_policy_identity *alice;

	change_policy(f, ROLES "rule hard { roles = {\"op\"} hardware-key = true approve = true }");
	alice = lb_policy_identity(f->k.policy, "alice");
	assert_int_equal(alice->key_texts.count, 2);
	answered(asked_for(f, "op", 60, alice->keys[1].fingerprint));
	assert_int_equal(f->a.grant.state, LB_STATE_APPROVED);
	assert_string_equal(stored(f, f->a.grant.id).key, alice->keys[1].fingerprint);
	answered(asked_for(f, "op", 60, alice->keys[0].fingerprint));
	assert_int_equal(f->a.grant.state, LB_STATE_PENDING);
	answered(asked_for(f, "op", 60, ""));
	assert_int_equal(f->a.grant.state, LB_STATE_PENDING);
	answered(asked_for(f, "op", 60, "SHA256:sk-ssh-ed25519"));
	assert_int_equal(f->a.grant.state, LB_STATE_PENDING);
}

static uint64_t
extended(struct fixture *f, uint64_t id, uint32_t seconds)
{
	union lb_msg m = {.extend = {.id = id, .duration_s = seconds, .reason = "more"}};

	return answered(ask(f, "alice", LB_MSG_EXTEND, &m));
}

static void
an_extension_is_weighed_as_the_whole_grant(void **state)
{
	struct fixture *f = *state;
	uint64_t id, more, end_s;

	change_policy(f, ROLES SMALL NIGHT);
	id = state_after(f, "op", 900, LB_STATE_APPROVED);
	act(f, "alice", LB_MSG_CLAIM, id, "");
	end_s = stored(f, id).end_s;
	more = extended(f, id, 900);
	assert_int_equal(stored(f, more).state, LB_STATE_ENDED);
	assert_string_equal(stored(f, more).rule, "small");
	assert_int_equal(stored(f, id).end_s, end_s + 900);
	assert_int_equal(f->a.nwarden, 1);
	has_record(f, more, "approve", "automatically, by rule small");
	/* It has half an hour now. */
	more = extended(f, id, 1);
	assert_int_equal(stored(f, more).state, LB_STATE_PENDING);
	assert_int_equal(stored(f, more).levels, 1);
	answered(act(f, "alice", LB_MSG_CANCEL, more, ""));
	more = extended(f, id, 1801);
	assert_int_equal(stored(f, more).levels, 2);
	assert_int_equal(stored(f, id).end_s, end_s + 900);
	answered(act(f, "bob", LB_MSG_APPROVE, more, ""));
	answered(act(f, "frank", LB_MSG_APPROVE, more, ""));
	assert_int_equal(stored(f, id).end_s, end_s + 900 + 1801);
}

/* What waits, or is not claimed, when another policy comes into force. */
static void
after_change(struct fixture *f, const char *before, const char *after, uint32_t seconds,
	     uint8_t state_before, uint8_t state_after_it)
{
	uint64_t id;

	change_policy(f, before);
	id = state_after(f, "op", seconds, state_before);
	ok(lb_tx_run(&f->k, lb_sync_policy, NULL));
	assert_int_equal(stored(f, id).state, state_before);
	change_policy(f, after);
	if (state_after_it != state_before && state_before == LB_STATE_PENDING)
		refused(act(f, "bob", LB_MSG_APPROVE, id, ""), LB_NOT_NOW, "requested anew");
	if (state_after_it != state_before && state_before == LB_STATE_APPROVED)
		refused(act(f, "alice", LB_MSG_CLAIM, id, ""), LB_NOT_NOW, "request it anew");
	ok(lb_tx_run(&f->k, lb_sync_policy, NULL));
	assert_int_equal(stored(f, id).state, state_after_it);
	if (lb_state_live(state_after_it))
		answered(act(f, "alice", LB_MSG_CANCEL, id, ""));
}

static void
what_waits_is_weighed_again_when_the_policy_changes(void **state)
{
	struct fixture *f = *state;
	const uint8_t approved = LB_STATE_APPROVED, waits = LB_STATE_PENDING,
		      ended = LB_STATE_CANCELLED;

	/* A rule that approved is gone, narrower, or another. */
	after_change(f, ROLES SMALL, ROLES SMALL, 60, approved, approved);
	after_change(f, ROLES SMALL, ROLES, 60, approved, ended);
	after_change(f, ROLES SMALL, ROLES "rule big { roles = {\"op\"} approve = true }", 60,
		     approved, ended);
	after_change(f, ROLES SMALL,
		     ROLES "rule small { roles = {\"op\"} at-most = \"30s\" approve = true }", 60,
		     approved, ended);
	after_change(f, ROLES SMALL, ROLES "rule small { roles = {\"op\"} approvers = {\"both\"} }",
		     60, approved, ended);
	after_change(f, ROLES SMALL,
		     ROLES SMALL "rule x { roles = {\"op\"} approvers = {\"both\"} }", 60, approved,
		     ended);
	/* One that adds comes, goes, or has others. */
	after_change(f, ROLES, ROLES NIGHT, HOUR, waits, waits);
	after_change(f, ROLES, ROLES NIGHT, HOUR + 1, waits, ended);
	after_change(f, ROLES NIGHT, ROLES NIGHT SMALL, HOUR + 1, waits, waits);
	after_change(f, ROLES NIGHT, ROLES, HOUR + 1, waits, ended);
	after_change(f, ROLES NIGHT,
		     ROLES "rule night { longer-than = \"1h\" approvers = {\"auditors\"} }",
		     HOUR + 1, waits, ended);
	/* One that does not hold any more, but is there, keeps what it added. */
	after_change(f, ROLES NIGHT,
		     ROLES "rule night { longer-than = \"2h\" approvers = {\"both\"} }", HOUR + 1,
		     waits, waits);
	/* And none approves what waits. */
	after_change(f, ROLES, ROLES SMALL, 60, waits, waits);
}

static void
rules_are_in_what_approvers_sign(void **state)
{
	struct fixture *f = *state;
	uint64_t id;

	change_policy(f, ROLES);
	id = state_after(f, "op", HOUR + 1, LB_STATE_PENDING);
	act(f, "bob", LB_MSG_STATEMENT, id, "");
	assert_non_null(strstr(f->a.to_sign.statement, "\nby-rule:\nadded-by-rule:\n"));
	change_policy(f, ROLES NIGHT);
	id = state_after(f, "op", HOUR + 1, LB_STATE_PENDING);
	act(f, "bob", LB_MSG_STATEMENT, id, "");
	assert_non_null(strstr(f->a.to_sign.statement, "\nby-rule:\nadded-by-rule: night\n"));
}

/* It is a full hour from now on, called noon; a policy with a rule that has hours until two o'clock. */
static void
policy_at_noon(struct fixture *f, const char *rule, const char *from)
{
	char text[16384];
	unsigned hour;

	pass_time(f, HOUR - (int64_t)(lb_keeper_now_s(&f->k) % HOUR));
	hour = (unsigned)(lb_keeper_now_s(&f->k) % 86400 / HOUR);
	snprintf(text, sizeof text,
		 "%srule day { %s hours = {\"daily %s-14:00\"} time-zone = \"XXX%d\" }\n", ROLES,
		 rule, from, (int)hour - 12);
	change_policy(f, text);
}

static void
hours_of_a_rule_that_approved_hold_at_the_claim_too(void **state)
{
	struct fixture *f = *state;
	uint64_t id;

	policy_at_noon(f, "roles = {\"op\"} approve = true", "12:00");
	state_after(f, "op", 2 * HOUR + 60, LB_STATE_PENDING);
	id = state_after(f, "op", HOUR, LB_STATE_APPROVED);
	pass_time(f, HOUR - 60);
	act(f, "alice", LB_MSG_CLAIM, id, "");
	assert_int_equal(f->a.claims, 1);
	id = state_after(f, "op", HOUR, LB_STATE_APPROVED);
	pass_time(f, 120);
	refused(act(f, "alice", LB_MSG_CLAIM, id, ""), LB_NOT_NOW, "a rule of the policy asks");
	/* It was asked for within them, so the policy has nothing against it. */
	ok(lb_tx_run(&f->k, lb_sync_policy, NULL));
	assert_int_equal(stored(f, id).state, LB_STATE_APPROVED);
}

static void
hours_of_a_rule_that_adds_hold_at_the_claim_too(void **state)
{
	struct fixture *f = *state;
	uint64_t early, late;

	policy_at_noon(f, "roles = {\"op\"} approvers = {\"both\"}", "12:30");
	early = state_after(f, "op", 1200, LB_STATE_PENDING);
	late = answered(asked_for(f, "op", 1200, ""));
	assert_int_equal(f->a.grant.levels, 1);
	answered(act(f, "bob", LB_MSG_APPROVE, early, ""));
	answered(act(f, "bob", LB_MSG_APPROVE, late, ""));
	act(f, "alice", LB_MSG_CLAIM, early, "");
	assert_int_equal(f->a.claims, 1);
	pass_time(f, 660); /* it would reach into the hours by a minute */
	refused(act(f, "alice", LB_MSG_CLAIM, late, ""), LB_NOT_NOW, "a rule of the policy asks");
	answered(asked_for(f, "op", 1200, ""));
	assert_int_equal(f->a.grant.levels, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit(a_rule_approves_at_once_and_its_name_is_kept),
		unit(the_same_request_twice_is_approved_once),
		unit(what_bounds_requests_bounds_those_that_rules_approve),
		unit(the_approvers_of_the_role_see_and_revoke_what_a_rule_approved),
		unit(rules_add_levels_after_the_roles_own),
		unit(a_hardware_key_is_what_the_gate_says_and_the_policy_knows),
		unit(an_extension_is_weighed_as_the_whole_grant),
		unit(what_waits_is_weighed_again_when_the_policy_changes),
		unit(rules_are_in_what_approvers_sign),
		unit(hours_of_a_rule_that_approved_hold_at_the_claim_too),
		unit(hours_of_a_rule_that_adds_hold_at_the_claim_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
