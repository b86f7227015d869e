/*
 * Customers: what changes who has the last word, what cannot, and what the last word is good for.
 * (Through ssh and with the real ssh-keygen: tests/e2e/customer.sh.)
 */
#include "keeper/customer.h"
#include "keeper/levels.h"
#include "keeper_fixture.h"
#include "../support/sshsig_make.h"

static struct maker eve, fay, thief;

/* The policy, with eve's and fay's keys; acme is its customer, with what it labels. */
static void
set_policy_of(struct fixture *f, const char *e, const char *customer, const char *label)
{
	char text[4 * MADE_MAX], y[MADE_MAX];

	maker_line(&fay, y);
	snprintf(text, sizeof text,
		 PEOPLE MALLORY
		 "identity eve { keys = {\"%s\"} unix-user = \"u2\" }\n"
		 "identity fay { keys = {\"%s\"} unix-user = \"u3\" }\n"
		 "team engineers { members = {\"alice\", \"mallory\"} }\n"
		 "team leads { members = {\"bob\", \"dave\"} }\n"
		 "team auditors { members = {\"carol\"} }\n"
		 "%s\nrole theirs { requesters = {\"engineers\"} approvers = "
		 "{\"leads\"} %s }\n"
		 "role ours { requesters = {\"engineers\"} approvers = {\"leads\"} }\n",
		 e, y, customer, label);
	change_policy(f, text);
}

static void
set_policy(struct fixture *f, const struct maker *eves, const char *customer, const char *label)
{
	char e[MADE_MAX];

	maker_line(eves, e);
	set_policy_of(f, e, customer, label);
}

#define ACME "customer acme { approvers = {\"eve\"} }"
#define LABEL "customer = \"acme\""

static int
setup(void **state)
{
	if (fixture_setup(state) != 0)
		return -1;
	eve = maker_new(1, NULL);
	fay = maker_new(2, NULL);
	thief = maker_new(3, NULL);
	set_policy(*state, &eve, ACME, LABEL);
	return 0;
}

/* Asks as u2 (eve) or another user, having come with the key of m. */
static struct answer *
with_key(struct fixture *f, const char *user, const struct maker *m, uint16_t type,
	 const union lb_msg *msg)
{
	struct lb_peer peer = peer_of(f, user);
	uint8_t key[MADE_MAX], hash[32];

	/* As `ssh-keygen -l` prints it, and sshd hands it to the gate. */
	crypto_hash_sha256(hash, key, maker_key(m, key));
	memcpy(peer.fingerprint, "SHA256:", 7);
	sodium_bin2base64(peer.fingerprint + 7, sizeof peer.fingerprint - 7, hash, sizeof hash,
			  sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
	return ask_by(f, &peer, type, msg);
}

static struct answer *
act_with(struct fixture *f, const char *user, const struct maker *m, uint16_t type, uint64_t id)
{
	return with_key(f, user, m, type, &(union lb_msg){.act = {.id = id, .text = "word"}});
}

/* The change that is asked for, with signatures of its statement by n makers. */
static struct answer *
change(struct fixture *f, struct lb_msg_customer ask, const struct maker *const *by, size_t n,
       const char *space)
{
	static union lb_msg m;
	size_t used = 0;
	char text[MADE_MAX];

	snprintf(ask.name, sizeof ask.name, "acme");
	m.customer = ask;
	with_key(f, "u2", &eve, LB_MSG_CUSTOMER, &m);
	assert_int_equal(f->a.done, 1);
	snprintf(text, sizeof text, "%s", f->a.customer.statement);
	for (size_t i = 0; i < n; i++) {
		struct making what = making_default(space, text, strlen(text));
		char signature[MADE_MAX];

		make_signature(by[i], &what, signature);
		used += (size_t)snprintf(m.customer.signatures + used,
					 sizeof m.customer.signatures - used, "%s", signature);
	}
	return with_key(f, "u2", &eve, LB_MSG_CUSTOMER_CHANGE, &m);
}

#define BY(...)                                                                                    \
	(const struct maker *const[])                                                              \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}
#define SPACE LB_CUSTOMER_SPACE
static const struct lb_msg_customer on = {.lockbox = 1}, off = {.lockbox = 2};

static void
switched_on(struct fixture *f)
{
	change(f, on, BY(&eve), 1, SPACE);
	assert_int_equal(f->a.refused, 0);
	assert_int_equal(f->a.customer.on, 1);
}

static uint64_t
asked(struct fixture *f, const char *role, const char *ticket)
{
	union lb_msg m = {.request = {.reason = "why"}};

	snprintf(m.request.role, sizeof m.request.role, "%s", role);
	snprintf(m.request.ticket, sizeof m.request.ticket, "%s", ticket);
	answered(ask(f, "alice", LB_MSG_REQUEST, &m));
	return f->a.grant.id;
}

static void
only_the_customers_own_signature_changes_anything(void **state)
{
	struct fixture *f = *state;

	refused(change(f, on, BY(&thief), 1, SPACE), LB_NO_PERMISSION, "nobody who decides");
	refused(change(f, on, BY(&fay), 1, SPACE), LB_NO_PERMISSION, "nobody who decides");
	refused(change(f, on, BY(&eve), 1, "lockbox-approval"), LB_NO_PERMISSION, "namespace");
	refused(change(f, on, NULL, 0, SPACE), LB_NO_PERMISSION, "is missing");
	refused(change(f, on, BY(&eve, &thief), 2, SPACE), LB_NO_PERMISSION, "nobody who decides");
	asked(f, "theirs", "");
	assert_int_equal(f->a.grant.levels, 1);
	switched_on(f);
	assert_int_equal(f->a.customer.change, 1);
	assert_string_equal(f->a.customer.covers, "theirs");
	assert_non_null(strstr(f->a.customer.approvers, "eve SHA256:"));
	/* The statement of one change is not that of the next. */
	refused(change(f, off, BY(&fay), 1, SPACE), LB_NO_PERMISSION, "nobody who decides");
	change(f, off, BY(&eve), 1, SPACE);
	assert_int_equal(f->a.customer.on, 0);
	assert_int_equal(f->a.customer.change, 2);
}

static void
the_customers_level_comes_last_and_its_time_begins_then(void **state)
{
	struct fixture *f = *state;
	union lb_msg none = {.request = {.role = "theirs", .reason = "why"}};
	uint64_t id;
	struct lb_grant g;

	switched_on(f);
	refused(ask(f, "alice", LB_MSG_REQUEST, &none), LB_BAD_INPUT, "--ticket");
	asked(f, "ours", "");
	assert_int_equal(f->a.grant.levels, 1);
	id = asked(f, "theirs", "T-1");
	assert_int_equal(f->a.grant.levels, 2);
	assert_string_equal(f->a.grant.customer, "acme");
	refused(act_with(f, "u2", &eve, LB_MSG_SHOW, id), LB_NO_SUCH, "that you may see");
	refused(act_with(f, "u2", &eve, LB_MSG_APPROVE, id), LB_NO_SUCH, "that you may see");
	pass_time(f, 3600);
	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
	g = stored(f, id);
	assert_int_equal(g.state, LB_STATE_NOTIFIED);
	assert_int_equal(g.until_s, g.requested_s + 3600 + 12 * 3600);
	refused(act(f, "dave", LB_MSG_APPROVE, id, ""), LB_NOT_NOW, "waits for 'acme' now");
	refused(act_with(f, "u3", &fay, LB_MSG_APPROVE, id), LB_NO_SUCH, "that you may see");
	refused(act(f, "alice", LB_MSG_CLAIM, id, ""), LB_NOT_NOW, "the customer's approval");
	answered(act_with(f, "u2", &eve, LB_MSG_APPROVE, id));
	assert_int_equal(stored(f, id).state, LB_STATE_APPROVED);
	answered(act_with(f, "u2", &eve, LB_MSG_REVOKE, id));
	assert_int_equal(stored(f, id).state, LB_STATE_CANCELLED);
}

static void
a_key_that_the_customer_did_not_sign_for_decides_nothing(void **state)
{
	struct fixture *f = *state;
	uint64_t id;

	switched_on(f);
	id = asked(f, "theirs", "T-1");
	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
	/* The operator gives eve's name another key, or comes as her Unix user without any. */
	set_policy(f, &thief, ACME, LABEL);
	for (uint16_t type = LB_MSG_APPROVE; type <= LB_MSG_DENY; type++) {
		refused(act_with(f, "u2", &thief, type, id), LB_NO_PERMISSION, "not one that");
		refused(act(f, "u2", type, id, "x"), LB_NO_PERMISSION, "not one that");
	}
	refused(act_with(f, "u2", &thief, LB_MSG_REVOKE, id), LB_NO_PERMISSION, "not one that");
	assert_int_equal(stored(f, id).state, LB_STATE_NOTIFIED);
	/* Nor is hers good while the policy says that it is not hers. */
	refused(act_with(f, "u2", &eve, LB_MSG_APPROVE, id), LB_NO_PERMISSION, "yours no more");
	set_policy(f, &eve, ACME, LABEL);
	answered(act_with(f, "u2", &eve, LB_MSG_APPROVE, id));
}

static void
no_rule_stands_for_a_customer(void **state)
{
	struct fixture *f = *state;
	uint64_t id;

	set_policy(f, &eve, ACME "\nrule any { roles = {\"theirs\", \"ours\"} approve = true }",
		   LABEL);
	asked(f, "theirs", "T-1");
	assert_int_equal(f->a.grant.state, LB_STATE_APPROVED); /* nobody has the last word yet */
	switched_on(f);
	asked(f, "ours", "T-2");
	assert_int_equal(f->a.grant.state, LB_STATE_APPROVED);
	id = asked(f, "theirs", "T-3");
	assert_int_equal(f->a.grant.state, LB_STATE_NOTIFIED);
	assert_string_equal(f->a.grant.rule, "any");
	assert_int_equal(f->a.grant.levels, 1);
	assert_string_equal(f->a.grant.level[0].name, "acme");
	recorded(f, "customer-notified", id, "");
	refused(act(f, "alice", LB_MSG_CLAIM, id, ""), LB_NOT_NOW, "waiting for the customer");
	refused(act(f, "bob", LB_MSG_APPROVE, id, ""), LB_NO_PERMISSION, "no approver");
	with_key(f, "u2", &eve, LB_MSG_STATEMENT, &(union lb_msg){.act = {.id = id}});
	assert_non_null(strstr(f->a.to_sign.statement, "\nby-rule: any\n"));
	answered(act_with(f, "u2", &eve, LB_MSG_APPROVE, id));
	assert_int_equal(f->a.grant.state, LB_STATE_APPROVED);
	/* Without the rule it is not approved at all. */
	id = asked(f, "theirs", "T-4");
	set_policy(f, &eve, ACME, LABEL);
	ok(lb_tx_run(&f->k, lb_sync_policy, NULL));
	assert_int_equal(stored(f, id).state, LB_STATE_CANCELLED);
}

static void
no_policy_takes_anything_from_a_customer(void **state)
{
	struct fixture *f = *state;
	union lb_msg m = {.request = {.reason = "why"}};

	switched_on(f);
	set_policy(f, &eve, "customer acme { approvers = {\"fay\"} }", "");
	ok(lb_tx_run(&f->k, lb_sync_policy, NULL));
	refused(change(f, off, BY(&fay), 1, SPACE), LB_NO_PERMISSION, "nobody who decides");
	asked(f, "theirs", "T-1");
	assert_string_equal(f->a.grant.customer, "acme");
	set_policy(f, &eve, "", "");
	asked(f, "theirs", "T-2");
	assert_string_equal(f->a.grant.customer, "acme");
	/* It can add: what it labels more is the customer's at once, and stays so. */
	set_policy(f, &eve, ACME,
		   LABEL "} role more { requesters = {\"engineers\"} approvers = "
			 "{\"leads\"} " LABEL);
	ok(lb_tx_run(&f->k, lb_sync_policy, NULL));
	set_policy(f, &eve, "",
		   "} role more { requesters = {\"engineers\"} approvers = {\"leads\"}");
	asked(f, "more", "T-3");
	assert_string_equal(f->a.grant.customer, "acme");
	/* A role that is taken apart into resources is the customer's in each of them. */
	set_policy(f, &eve, "", "resource part { groups = {\"adm\"} }");
	strcpy(m.request.role, "theirs");
	strcpy(m.request.resource, "part");
	refused(ask(f, "alice", LB_MSG_REQUEST, &m), LB_BAD_INPUT, "customer acme has the last");
	strcpy(m.request.ticket, "T-4");
	answered(ask(f, "alice", LB_MSG_REQUEST, &m));
	assert_string_equal(f->a.grant.customer, "acme");
}

static void
somebody_in_a_team_of_the_host_decides_for_no_customer(void **state)
{
	struct fixture *f = *state;
	uint64_t id;

	switched_on(f);
	id = asked(f, "theirs", "T-1");
	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
	set_policy(f, &eve, "team late { members = {\"eve\"} }", "");
	refused(act_with(f, "u2", &eve, LB_MSG_APPROVE, id), LB_NO_PERMISSION,
		"you are no approver");
	/* What a policy cannot do is keep her from looking, and from taking it back. */
	answered(act_with(f, "u2", &eve, LB_MSG_SHOW, id));
	answered(act_with(f, "u2", &eve, LB_MSG_REVOKE, id));
	assert_int_equal(stored(f, id).state, LB_STATE_CANCELLED);
}

static void
several_approvers_sign_together(void **state)
{
	struct fixture *f = *state;
	struct lb_msg_customer two = {.approvers = "eve, fay", .approvals = 2},
			       three = {.approvals = 3}, twice = {.approvers = "eve, eve"},
			       lead = {.approvers = "bob"}, nobody = {.approvers = "zoe"};
	union lb_msg m = {.customer = {.name = "acme"}};

	switched_on(f);
	change(f, two, BY(&eve), 1, SPACE);
	assert_int_equal(f->a.customer.approvals, 2);
	refused(change(f, off, BY(&eve), 1, SPACE), LB_NO_PERMISSION, "2 of the customer's");
	refused(change(f, off, BY(&eve, &eve), 2, SPACE), LB_NO_PERMISSION, "2 of the customer's");
	change(f, off, BY(&fay, &eve), 2, SPACE);
	assert_int_equal(f->a.customer.on, 0);
	m.customer.approvals = three.approvals;
	refused(with_key(f, "u2", &eve, LB_MSG_CUSTOMER, &m), LB_BAD_INPUT, "more approvals than");
	m.customer.approvals = 0;
	memcpy(m.customer.approvers, twice.approvers, sizeof twice.approvers);
	refused(with_key(f, "u2", &eve, LB_MSG_CUSTOMER, &m), LB_BAD_INPUT, "named twice");
	memcpy(m.customer.approvers, lead.approvers, sizeof lead.approvers);
	refused(with_key(f, "u2", &eve, LB_MSG_CUSTOMER, &m), LB_BAD_INPUT, "in a team");
	memcpy(m.customer.approvers, nobody.approvers, sizeof nobody.approvers);
	refused(with_key(f, "u2", &eve, LB_MSG_CUSTOMER, &m), LB_BAD_INPUT, "no identity");
}

static void
who_asked_before_the_customer_agreed_asks_anew(void **state)
{
	struct fixture *f = *state;
	uint64_t waits = asked(f, "theirs", "T-1"), ready = asked(f, "theirs", "T-2");

	answered(act(f, "bob", LB_MSG_APPROVE, ready, ""));
	switched_on(f);
	assert_int_equal(stored(f, waits).state, LB_STATE_CANCELLED);
	assert_int_equal(stored(f, ready).state, LB_STATE_CANCELLED);
}

static void
a_customer_reads_what_concerns_it(void **state)
{
	struct fixture *f = *state;
	union lb_msg all = {.audit = {.after = 0}};
	uint64_t id, other;

	switched_on(f);
	other = asked(f, "ours", "T-1");
	answered(act(f, "bob", LB_MSG_APPROVE, other, ""));
	id = asked(f, "theirs", "T-1");
	with_key(f, "u2", &eve, LB_MSG_AUDIT, &all);
	assert_int_equal(f->a.records, 0);
	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
	with_key(f, "u2", &eve, LB_MSG_AUDIT, &all);
	assert_int_equal(f->a.records, 3); /* request, approve, customer-notified */
	assert_int_equal(f->a.record.grant, id);
	with_key(f, "u2", &thief, LB_MSG_AUDIT, &all);
	assert_int_equal(f->a.records, 0);
	refused(with_key(f, "u3", &fay, LB_MSG_AUDIT, &all), LB_NO_PERMISSION, "only auditors");
	answered(act_with(f, "u2", &eve, LB_MSG_SHOW, id));
	assert_string_equal(f->a.grant.earlier, "");
	answered(act(f, "alice", LB_MSG_SHOW, id, ""));
	assert_string_equal(f->a.grant.earlier, "R-1 approved");
}

/* That many more roles of acme's, with names of four letters. */
static void
label_many(struct fixture *f, int count)
{
	static char labels[20000];
	size_t used = (size_t)snprintf(labels, sizeof labels, LABEL);

	for (int i = 0; i < count; i++)
		used += (size_t)snprintf(labels + used, sizeof labels - used,
					 "}\nrole x%03d { requesters = {\"engineers\"} approvers = "
					 "{\"leads\"} " LABEL,
					 i);
	set_policy(f, &eve, ACME, labels);
}

static void
a_statement_that_would_be_cut_is_not_made(void **state)
{
	struct fixture *f = *state;
	union lb_msg m = {.customer = {.name = "acme", .lockbox = 1}};
	const char *approver, *covers;

	label_many(f, 100);
	with_key(f, "u2", &eve, LB_MSG_CUSTOMER, &m);
	assert_int_equal(f->a.refused, 0);
	approver = strstr(f->a.customer.statement, "\napprover: eve ssh-ed25519 SHA256:");
	covers = strstr(f->a.customer.statement, "\ncovers: role theirs\n");
	assert_non_null(approver);
	assert_non_null(covers);
	assert_true(approver < covers);
	assert_non_null(strstr(covers, "\ncovers: role x099\n"));
	label_many(f, 140);
	refused(with_key(f, "u2", &eve, LB_MSG_CUSTOMER, &m), LB_BAD_INPUT, "than can be named");
	label_many(f, 130);
	refused(with_key(f, "u2", &eve, LB_MSG_CUSTOMER, &m), LB_BAD_INPUT, "longer than can be");
	refused(with_key(f, "u2", &eve, LB_MSG_CUSTOMER_CHANGE, &m), LB_BAD_INPUT,
		"longer than can be");
	/* One that has agreed is not to be kept from changing anything by more labels. */
	label_many(f, 100);
	switched_on(f);
	label_many(f, 130);
	ok(lb_tx_run(&f->k, lb_sync_policy, NULL));
	m.customer = (struct lb_msg_customer){.name = "acme", .approvers = "fay"};
	with_key(f, "u2", &eve, LB_MSG_CUSTOMER, &m);
	assert_int_equal(f->a.refused, 0);
	assert_non_null(strstr(f->a.customer.statement, "\ncovers: host\n"));
}

static void
the_first_statement_takes_as_many_as_the_policy_proposes(void **state)
{
	struct fixture *f = *state;
	struct lb_msg_customer alone = {.lockbox = 1, .approvals = 1, .approvers = "eve"};

	set_policy(f, &eve, "customer acme { approvers = {\"eve\", \"fay\"} approvals = 2 }",
		   LABEL);
	refused(change(f, alone, BY(&eve), 1, SPACE), LB_NO_PERMISSION, "2 of the customer's");
	change(f, alone, BY(&eve, &fay), 2, SPACE);
	assert_int_equal(f->a.refused, 0);
	assert_int_equal(f->a.customer.approvals, 1);
}

static void
nobody_else_is_put_in_by_his_own_signature(void **state)
{
	struct fixture *f = *state;
	struct lb_msg_customer other = {.lockbox = 1, .approvers = "fay"};

	refused(change(f, other, BY(&fay), 1, SPACE), LB_NO_PERMISSION, "nobody who decides");
	change(f, other, BY(&eve), 1, SPACE);
	assert_int_equal(f->a.refused, 0);
	assert_non_null(strstr(f->a.customer.approvers, "fay SHA256:"));
}

static void
more_approvals_are_taken_of_what_waits(void **state)
{
	struct fixture *f = *state;
	struct lb_msg_customer both = {.approvers = "eve, fay"}, two = {.approvals = 2};
	uint64_t waits, ready;

	switched_on(f);
	change(f, both, BY(&eve), 1, SPACE);
	assert_int_equal(f->a.refused, 0);
	waits = asked(f, "theirs", "T-1");
	answered(act(f, "bob", LB_MSG_APPROVE, waits, ""));
	ready = asked(f, "theirs", "T-2");
	answered(act(f, "bob", LB_MSG_APPROVE, ready, ""));
	answered(act_with(f, "u2", &eve, LB_MSG_APPROVE, ready));
	assert_int_equal(stored(f, ready).state, LB_STATE_APPROVED);
	change(f, two, BY(&eve), 1, SPACE);
	assert_int_equal(f->a.refused, 0);
	assert_int_equal(stored(f, ready).state, LB_STATE_CANCELLED);
	answered(act_with(f, "u2", &eve, LB_MSG_APPROVE, waits));
	assert_int_equal(stored(f, waits).state, LB_STATE_NOTIFIED);
	answered(act_with(f, "u3", &fay, LB_MSG_APPROVE, waits));
	assert_int_equal(stored(f, waits).state, LB_STATE_APPROVED);
}

static void
what_a_replaced_key_approved_is_not_claimed(void **state)
{
	struct fixture *f = *state;
	struct lb_msg_customer again = {.approvers = "eve"};
	uint64_t active, waits, ready, other;

	switched_on(f);
	active = asked(f, "theirs", "T-1");
	answered(act(f, "bob", LB_MSG_APPROVE, active, ""));
	answered(act_with(f, "u2", &eve, LB_MSG_APPROVE, active));
	act(f, "alice", LB_MSG_CLAIM, active, "");
	assert_int_equal(f->a.claims, 1);
	other = asked(f, "ours", "");
	waits = asked(f, "theirs", "T-2");
	ready = asked(f, "theirs", "T-3");
	answered(act(f, "bob", LB_MSG_APPROVE, ready, ""));
	answered(act_with(f, "u2", &eve, LB_MSG_APPROVE, ready));
	/* The same roster with the same keys leaves all as it is. */
	change(f, again, BY(&eve), 1, SPACE);
	assert_int_equal(stored(f, ready).state, LB_STATE_APPROVED);
	/* eve's key was stolen; the customer signs for her new one. */
	set_policy(f, &thief, ACME, LABEL);
	change(f, again, BY(&eve), 1, SPACE);
	assert_int_equal(f->a.refused, 0);
	assert_int_equal(stored(f, ready).state, LB_STATE_CANCELLED);
	assert_int_equal(stored(f, waits).state, LB_STATE_CANCELLED);
	assert_non_null(strstr(stored(f, ready).cause, "who decides for it"));
	assert_int_equal(stored(f, other).state, LB_STATE_PENDING);
	assert_int_equal(stored(f, active).state, LB_STATE_ACTIVE);
	refused(act(f, "alice", LB_MSG_CLAIM, ready, ""), LB_NOT_NOW, "");
}

static void
set_host(struct fixture *f, const char *from, const char *to)
{
	memcpy(strstr(host_text, from), to, strlen(to));
	set_policy(f, &eve, ACME, LABEL);
}

/* What eve signs on another host, which has a store of its own and stands alike. */
static void
signed_elsewhere(struct fixture *f, struct lb_msg_customer *ask)
{
	void *there;
	union lb_msg m = {.customer = *ask};
	char text[MADE_MAX], signature[MADE_MAX];
	struct making what;

	assert_int_equal(setup(&there), 0);
	set_host(there, "testhost", "otherdb2");
	if (ask->lockbox == 2)
		switched_on(there);
	with_key(there, "u2", &eve, LB_MSG_CUSTOMER, &m);
	snprintf(text, sizeof text, "%s", ((struct fixture *)there)->a.customer.statement);
	what = making_default(SPACE, text, strlen(text));
	make_signature(&eve, &what, signature);
	assert_in_range(strlen(signature), 1, LB_SIGNATURES_MAX);
	memcpy(m.customer.signatures, signature, strlen(signature) + 1);
	*ask = m.customer;
	with_key(there, "u2", &eve, LB_MSG_CUSTOMER_CHANGE, &m);
	assert_int_equal(((struct fixture *)there)->a.refused, 0); /* there it is good */
	set_host(f, "otherdb2", "testhost");
	fixture_teardown(&there);
}

static void
what_was_signed_for_another_host_is_not_good_here_by_its_name(void **state)
{
	struct fixture *f = *state;
	union lb_msg m = {.customer = {.name = "acme"}};

	for (uint8_t want = 1; want <= 2; want++) {
		m.customer.lockbox = want;
		signed_elsewhere(f, &m.customer);
		set_host(f, "testhost", "otherdb2");
		refused(ask(f, "root", LB_MSG_CUSTOMER_CHANGE, &m), LB_NO_PERMISSION, "signature");
		set_host(f, "otherdb2", "testhost");
		if (want == 1)
			switched_on(f);
	}
}

static void
a_nonce_is_kept_until_a_change_and_is_then_another(void **state)
{
	struct fixture *f = *state;
	union lb_msg m = {.customer = {.name = "acme", .lockbox = 2}};
	char first[64], *nonce;

	for (int i = 0; i < 3; i++) {
		if (i == 2)
			switched_on(f);
		with_key(f, "u2", &eve, LB_MSG_CUSTOMER, &m);
		nonce = strstr(f->a.customer.statement, "\nnonce: ");
		assert_non_null(nonce);
		assert_int_equal(strcspn(nonce + 8, "\n"), 32);
		nonce[40] = '\0';
		if (i == 1)
			assert_string_equal(nonce, first);
		if (i == 2)
			assert_string_not_equal(nonce, first);
		snprintf(first, sizeof first, "%s", nonce);
	}
}

static void
the_record_has_the_whole_of_what_was_signed(void **state)
{
	struct fixture *f = *state;
	union lb_msg all = {.audit = {.after = 0}};

	change(f, on, BY(&eve, &eve, &eve, &eve, &eve, &eve), 6, SPACE);
	assert_int_equal(f->a.refused, 0);
	ask(f, "carol", LB_MSG_AUDIT, &all);
	assert_string_equal(f->a.record.event, "customer-signed");
	assert_non_null(strstr(f->a.record.detail, "part 2 of 2, "));
	assert_non_null(strstr(f->a.record.detail, "-----END SSH SIGNATURE-----"));
}

static void
a_roster_names_people_of_the_policy_who_can_sign(void **state)
{
	static const struct {
		const char *names, *words;
	} bad[] = {
		{"frank", "has no key that can sign"},
		{", eve", "not a list of names"},
		{"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", "not a list of names"},
		{"zed", "more than 12 keys"},
	};
	struct fixture *f = *state;
	union lb_msg m = {.customer = {.name = "acme", .approvers = "fay"}};
	char zed[16 * 200] = "", line[MADE_MAX];
	size_t used = (size_t)snprintf(zed, sizeof zed, ACME "identity zed { keys = {");

	for (uint8_t i = 0; i < 13; i++) {
		struct maker key = maker_new((uint8_t)(20 + i), NULL);

		maker_line(&key, line);
		used += (size_t)snprintf(zed + used, sizeof zed - used, "%s\"%.150s\"",
					 i > 0 ? ", " : "", line);
	}
	snprintf(zed + used, sizeof zed - used, "} }");
	set_policy(f, &eve, zed, LABEL);
	switched_on(f);
	with_key(f, "u2", &eve, LB_MSG_CUSTOMER, &m);
	assert_int_equal(f->a.done, 1);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		snprintf(m.customer.approvers, sizeof m.customer.approvers, "%s", bad[i].names);
		refused(with_key(f, "u2", &eve, LB_MSG_CUSTOMER, &m), LB_BAD_INPUT, bad[i].words);
	}
	m.customer = (struct lb_msg_customer){.name = "acme"};
	refused(ask(f, "alice", LB_MSG_CUSTOMER, &m), LB_NO_SUCH, "no such customer");
	snprintf(m.customer.name, sizeof m.customer.name, "nobody");
	refused(with_key(f, "u2", &eve, LB_MSG_CUSTOMER, &m), LB_NO_SUCH, "no such customer");
}

static void
a_role_has_one_customer_or_nobody_gets_it(void **state)
{
	struct fixture *f = *state;
	union lb_msg m = {.customer = {.name = "beta", .lockbox = 1}};
	union lb_msg r = {.request = {.role = "theirs", .reason = "why", .ticket = "T-1"}};
	char text[MADE_MAX], signature[MADE_MAX];
	struct making what;

	switched_on(f);
	answered(ask(f, "alice", LB_MSG_REQUEST, &r));
	/* The operator labels it with another, who agrees as well; the first has not let go. */
	set_policy(f, &eve, ACME " customer beta { approvers = {\"fay\"} }", "customer = \"beta\"");
	with_key(f, "u3", &fay, LB_MSG_CUSTOMER, &m);
	assert_int_equal(f->a.done, 1);
	snprintf(text, sizeof text, "%s", f->a.customer.statement);
	what = making_default(SPACE, text, strlen(text));
	make_signature(&fay, &what, signature);
	snprintf(m.customer.signatures, sizeof m.customer.signatures, "%.1000s", signature);
	with_key(f, "u3", &fay, LB_MSG_CUSTOMER_CHANGE, &m);
	assert_int_equal(f->a.refused, 0);
	memcpy(r.request.ticket, "T-2", 4);
	refused(ask(f, "alice", LB_MSG_REQUEST, &r), LB_NOT_NOW, "covered by two customers");
}

static void
a_signature_for_the_customer_is_by_a_key_of_the_roster(void **state)
{
	struct fixture *f = *state;
	union lb_msg m;
	uint64_t id;
	char text[MADE_MAX], two[3 * MADE_MAX];
	struct making what;

	switched_on(f);
	id = asked(f, "theirs", "T-1");
	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
	/* The operator gives eve's name a second key: it signs nothing for the customer. */
	maker_line(&eve, text);
	snprintf(two, sizeof two, "%.900s\", \"", text);
	maker_line(&thief, two + strlen(two));
	set_policy_of(f, two, ACME, LABEL);
	for (int good = 0; good < 2; good++) {
		act_with(f, "u2", &eve, LB_MSG_STATEMENT, id);
		assert_int_equal(f->a.to_signs, 1);
		snprintf(text, sizeof text, "%s", f->a.to_sign.statement);
		what = making_default("lockbox-approval", text, strlen(text));
		m = (union lb_msg){.approve_signed = {.id = id}};
		make_signature(good ? &eve : &thief, &what, two);
		snprintf(m.approve_signed.signature, sizeof m.approve_signed.signature, "%.1000s",
			 two);
		with_key(f, "u2", &eve, LB_MSG_APPROVE_SIGNED, &m);
		if (!good) {
			assert_int_equal(f->a.code, LB_NO_PERMISSION);
			assert_non_null(strstr(f->a.text, "does not decide for the customer"));
			assert_int_equal(stored(f, id).state, LB_STATE_NOTIFIED);
		}
	}
	answered(&f->a);
	assert_int_equal(stored(f, id).state, LB_STATE_APPROVED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define KEPT(test) cmocka_unit_test_setup_teardown(test, setup, fixture_teardown)
		KEPT(only_the_customers_own_signature_changes_anything),
		KEPT(the_customers_level_comes_last_and_its_time_begins_then),
		KEPT(a_key_that_the_customer_did_not_sign_for_decides_nothing),
		KEPT(no_rule_stands_for_a_customer),
		KEPT(no_policy_takes_anything_from_a_customer),
		KEPT(somebody_in_a_team_of_the_host_decides_for_no_customer),
		KEPT(several_approvers_sign_together),
		KEPT(who_asked_before_the_customer_agreed_asks_anew),
		KEPT(a_customer_reads_what_concerns_it),
		KEPT(a_statement_that_would_be_cut_is_not_made),
		KEPT(the_first_statement_takes_as_many_as_the_policy_proposes),
		KEPT(nobody_else_is_put_in_by_his_own_signature),
		KEPT(more_approvals_are_taken_of_what_waits),
		KEPT(what_a_replaced_key_approved_is_not_claimed),
		KEPT(the_record_has_the_whole_of_what_was_signed),
		KEPT(what_was_signed_for_another_host_is_not_good_here_by_its_name),
		KEPT(a_nonce_is_kept_until_a_change_and_is_then_another),
		KEPT(a_roster_names_people_of_the_policy_who_can_sign),
		KEPT(a_role_has_one_customer_or_nobody_gets_it),
		KEPT(a_signature_for_the_customer_is_by_a_key_of_the_roster),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
