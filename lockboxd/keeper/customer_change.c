/* What customers are asked and sign: see customer.h. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "keeper/audit.h"
#include "keeper/caller.h"
#include "keeper/customer.h"
#include "keeper/grant.h"
#include "keeper/handlers.h"
#include "keeper/move.h"
#include "keeper/sshsig.h"
#include "policy/key.h"

#define BY_MAX (LB_CUSTOMER_KEYS_MAX * (LB_IDENTITY_MAX + 2))
#define PART_MAX 1200 /* of a text, in one audit record */
#define END_OF_SIGNATURE "-----END SSH SIGNATURE-----\n"

static int
refuse(struct lb_tx *tx, const struct lb_caller *who, enum lb_refusal code, const char *text)
{
	int err = lb_refuse(tx, who, code, "%s", text);

	return err == LB_OK ? LB_ERR_REFUSED : err;
}

/* Adds the keys of somebody that can sign.  NULL, or why he cannot decide for a customer. */
static const char *
add_approver(const struct lb_policy *p, struct lb_customer *c, const char *name)
{
	const struct lb_policy_identity *who = lb_policy_identity(p, name);
	bool any = false;

	if (who == NULL)
		return "one of the approvers is no identity of the policy; the host's operators "
		       "must add them first";
	if (lb_policy_in_a_team(p, name))
		return "one of the approvers is in a team of this host, so no customer's";
	if (lb_customer_holds(c, name))
		return "one of the approvers is named twice";
	for (size_t i = 0; i < who->key_texts.count; i++) {
		const struct lb_policy_key *key = &who->keys[i];
		struct lb_customer_key *to = &c->key[c->keys];

		if (!lb_sshsig_takes(key->blob, key->blob_len))
			continue;
		if (c->keys == LB_CUSTOMER_KEYS_MAX)
			return "the approvers have more than 12 keys that can sign";
		snprintf(to->identity, sizeof to->identity, "%s", name);
		snprintf(to->key, sizeof to->key, "%s %s", key->type, key->base64);
		c->keys++;
		any = true;
	}
	return any ? NULL
		   : "one of the approvers has no key that can sign, of type ssh-ed25519 or "
		     "sk-ssh-ed25519@openssh.com";
}

/* How many people the keys belong to; those of one stand together. */
static unsigned
people(const struct lb_customer *c)
{
	unsigned n = 0;

	for (size_t i = 0; i < c->keys; i++)
		n += i == 0 || strcmp(c->key[i - 1].identity, c->key[i].identity) != 0;
	return n;
}

/* The roster that was asked for, from names joined by ", ". */
static const char *
take_approvers(const struct lb_policy *p, struct lb_customer *c, const char *names)
{
	const char *why = NULL;

	memset(c->key, 0, sizeof c->key);
	c->keys = 0;
	while (why == NULL && *names != '\0') {
		char name[LB_IDENTITY_MAX + 1];
		size_t n = strcspn(names, LB_CUSTOMER_SEPARATOR);

		if (n == 0 || n >= sizeof name)
			return "the approvers are not a list of names: write \"eve, mallory\"";
		memcpy(name, names, n);
		name[n] = '\0';
		why = add_approver(p, c, name);
		names += n;
		names += strspn(names, LB_CUSTOMER_SEPARATOR);
	}
	return why;
}

/* What the customer would be after the change that is asked for; NULL, or why not. */
static const char *
changed(const struct lb_policy *p, const struct lb_policy_customer *block,
	const struct lb_customer *now, const struct lb_msg_customer *m, struct lb_customer *next)
{
	const char *why = NULL;

	*next = *now;
	next->change++;
	if (now->change == 0) {
		next->on = 1;
		next->approvals = (uint8_t)block->approvals;
		for (size_t i = 0; why == NULL && i < block->approvers.count; i++)
			why = add_approver(p, next, block->approvers.name[i]);
	}
	if (m->lockbox != 0)
		next->on = m->lockbox == 1;
	if (m->approvals != 0)
		next->approvals = m->approvals;
	if (m->break_glass != 0)
		next->break_glass = m->break_glass == 1;
	if (why == NULL && m->approvers[0] != '\0')
		why = take_approvers(p, next, m->approvers);
	if (why != NULL)
		return why;
	if (next->approvals > people(next) ||
	    next->approvals > LB_APPROVALS_MAX - LB_POLICY_APPROVALS_MAX)
		return "that takes more approvals than there are approvers, or than 4";
	/* It is never less than it was as long as the customer has the last word. */
	if (!now->on || !next->on) {
		next->host = 0;
		memset(next->roles, 0, sizeof next->roles);
	}
	if (!lb_customer_label(p, next))
		return "more roles are labelled with the customer than can be named; label the "
		       "host";
	return NULL;
}

/* Whose signature of text this is: the index of the key in c, or c->keys. */
static size_t
signer(const struct lb_customer *c, const struct lb_sshsig *sig, const char *text, const char **why)
{
	size_t i;

	*why = "was made by nobody who decides for the customer";
	for (i = 0; i < c->keys; i++) {
		struct lb_key key;

		if (lb_key_parse(c->key[i].key, &key, why) == LB_OK &&
		    key.blob_len == sig->key_len && memcmp(key.blob, sig->key, key.blob_len) == 0)
			return lb_sshsig_verify(sig, LB_CUSTOMER_SPACE, key.blob, key.blob_len,
						text, strlen(text), why) == LB_OK
				       ? i
				       : c->keys;
		*why = "was made by nobody who decides for the customer";
	}
	return i;
}

/*
 * How many different people of c have signed text; their names into by.  Every
 * signature that is there must be good: *why otherwise, and 0.
 */
static unsigned
count_signers(const struct lb_customer *c, const char *signatures, const char *text, char *by,
	      size_t cap, const char **why)
{
	unsigned count = 0;
	size_t used = 0;

	by[0] = '\0';
	*why = "is missing";
	while (*signatures != '\0') {
		const char *end = strstr(signatures, END_OF_SIGNATURE);
		size_t len = end != NULL ? (size_t)(end - signatures) + strlen(END_OF_SIGNATURE)
					 : strlen(signatures),
		       i;
		struct lb_sshsig sig;

		if (lb_sshsig_parse(signatures, len, &sig, why) != LB_OK ||
		    (i = signer(c, &sig, text, why)) == c->keys)
			return 0;
		signatures += len;
		if (lb_customer_names(by, c->key[i].identity))
			continue;
		used += (size_t)snprintf(by + used, cap - used, "%s%s",
					 used > 0 ? LB_CUSTOMER_SEPARATOR : "", c->key[i].identity);
		count++;
	}
	return count;
}

/* The customer as it is: what was signed, or what the policy proposes.  LB_ERR_NOT_FOUND. */
static int
as_it_is(struct lb_tx *tx, const char *name, struct lb_customer *now)
{
	int err = lb_store_customer(tx->store, name, now);

	if (err != LB_ERR_NOT_FOUND && (err != LB_OK || now->change != 0))
		return err;
	if (err == LB_ERR_NOT_FOUND)
		memset(now, 0, sizeof *now);
	if (lb_policy_customer(tx->k->policy, name) == NULL)
		return LB_ERR_NOT_FOUND;
	snprintf(now->name, sizeof now->name, "%s", name);
	return LB_OK;
}

static bool
proposed(const struct lb_policy *p, const char *customer, const char *identity)
{
	const struct lb_policy_customer *block = lb_policy_customer(p, customer);

	for (size_t i = 0; block != NULL && i < block->approvers.count; i++)
		if (strcmp(block->approvers.name[i], identity) == 0)
			return true;
	return false;
}

static bool
may_look(struct lb_tx *tx, const struct lb_caller *who, const char *customer)
{
	return who->root || lb_policy_is_auditor(tx->k->policy, who->identity) ||
	       lb_customer_in_roster(tx, customer, who->identity) ||
	       proposed(tx->k->policy, customer, who->identity);
}

static int
reply(struct lb_tx *tx, const struct lb_caller *who, const struct lb_customer *c,
      const char *statement)
{
	struct lb_msg_customer_view v = {0};
	size_t used = 0;

	memcpy(v.name, c->name, sizeof v.name);
	v.on = c->on && c->change != 0;
	v.mine = lb_customer_approver(tx, c->name, who->identity);
	v.approvals = c->approvals;
	v.break_glass = c->break_glass && c->change != 0;
	v.change = c->change;
	v.changed_s = c->changed_s;
	snprintf(v.covers, sizeof v.covers, "%s", c->host ? "the host" : c->roles);
	for (size_t i = 0; i < c->keys && used < sizeof v.approvers; i++) {
		char fingerprint[LB_KEY_FINGERPRINT_MAX];

		lb_customer_fingerprint(c->key[i].key, fingerprint);
		used += (size_t)snprintf(v.approvers + used, sizeof v.approvers - used, "%s%s %s",
					 used > 0 ? LB_CUSTOMER_SEPARATOR : "", c->key[i].identity,
					 fingerprint);
	}
	snprintf(v.statement, sizeof v.statement, "%s", statement);
	return lb_outbox_reply(&tx->out, who->target, LB_MSG_CUSTOMER_VIEW, &v);
}

/*
 * The first time that anybody asks about a proposal: the nonce of its statement.
 * A statement with it is this store's alone, whatever another host is named.
 */
static int
with_nonce(struct lb_tx *tx, struct lb_customer *c)
{
	if (!sodium_is_zero(c->nonce, sizeof c->nonce))
		return LB_OK;
	randombytes_buf(c->nonce, sizeof c->nonce);
	tx->customer.name[0] = '\0';
	return lb_store_put_customer(tx->store, c);
}

/* What would be after the change, and its statement; or the refusal is queued. */
static int
prepare(struct lb_tx *tx, const struct lb_caller *who, const struct lb_msg_customer *m,
	struct lb_customer *now, struct lb_customer *next, char statement[LB_CHANGE_MAX + 1])
{
	const struct lb_policy *p = tx->k->policy;
	const char *why;
	int err = as_it_is(tx, m->name, now);

	if (err == LB_ERR_NOT_FOUND || (err == LB_OK && !may_look(tx, who, m->name)))
		return refuse(tx, who, LB_NO_SUCH, "there is no such customer that you may see");
	if (err != LB_OK)
		return err;
	err = with_nonce(tx, now);
	if (err != LB_OK)
		return err;
	why = changed(p, lb_policy_customer(p, m->name), now, m, next);
	if (why != NULL)
		return refuse(tx, who, LB_BAD_INPUT, why);
	err = lb_customer_statement(lb_keeper_host(tx->k), next, statement);
	if (err == LB_ERR_TOO_LONG)
		return refuse(
			tx, who, LB_BAD_INPUT,
			"the statement would be longer than can be signed: fewer roles must be "
			"labelled with the customer, or the host");
	return err;
}

/* All customers that the caller may see, as they are; of the policy's and of the store's. */
static int
reply_all(struct lb_tx *tx, const struct lb_caller *who)
{
	const struct lb_policy *p = tx->k->policy;
	struct lb_customer c = {.name = ""}, now;
	int err;

	while ((err = lb_store_next_customer(tx->store, c.name, &c)) == LB_OK)
		if (c.change != 0 && may_look(tx, who, c.name) &&
		    (err = reply(tx, who, &c, "")) != LB_OK)
			return err;
	if (err != LB_ERR_NOT_FOUND)
		return err;
	for (size_t i = 0; i < lb_policy_customers(p); i++) {
		const char *name = lb_policy_customer_at(p, i)->name;
		struct lb_msg_customer nothing = {.name = ""};

		if (lb_customer_find(tx, name) != NULL || !may_look(tx, who, name) ||
		    as_it_is(tx, name, &now) != LB_OK ||
		    changed(p, lb_policy_customer_at(p, i), &now, &nothing, &c) != NULL)
			continue;
		c.change = 0; /* a proposal */
		if ((err = reply(tx, who, &c, "")) != LB_OK)
			return err;
	}
	return lb_done(tx, who);
}

int
lb_do_customer(struct lb_tx *tx, const struct lb_caller *who, const union lb_msg *msg)
{
	char statement[LB_CHANGE_MAX + 1];
	struct lb_customer now, next;
	int err;

	if (msg->customer.name[0] == '\0')
		return reply_all(tx, who);
	err = prepare(tx, who, &msg->customer, &now, &next, statement);
	if (err != LB_OK)
		return lb_settled(err);
	if (now.change == 0) {
		now = next; /* what is proposed */
		now.change = 0;
	}
	err = reply(tx, who, &now, statement);
	return err == LB_OK ? lb_done(tx, who) : err;
}

/*
 * The roster and the number that must sign: what was signed last; the first time
 * what the policy proposes, whatever else is asked for, and no fewer than are to
 * decide afterwards.
 */
static int
who_decides(const struct lb_policy *p, const struct lb_customer *now,
	    const struct lb_customer *next, struct lb_customer *decides)
{
	const struct lb_policy_customer *block = lb_policy_customer(p, now->name);

	*decides = *now;
	if (now->change != 0)
		return LB_OK;
	if (block == NULL)
		return LB_ERR_INTERNAL;
	for (size_t i = 0; i < block->approvers.count; i++)
		if (add_approver(p, decides, block->approvers.name[i]) != NULL)
			return LB_ERR_INTERNAL; /* changed() has refused it */
	decides->approvals = (uint8_t)block->approvals;
	if (decides->approvals < next->approvals)
		decides->approvals = next->approvals;
	return LB_OK;
}

static bool
same_roster(const struct lb_customer *a, const struct lb_customer *b)
{
	return a->keys == b->keys && memcmp(a->key, b->key, sizeof a->key) == 0;
}

/* A text that may be longer than a record: in as many as it takes. */
static int
audit_parts(struct lb_tx *tx, const char *event, const char *actor, const char *before,
	    const char *text)
{
	size_t len = strlen(text), parts = (len + PART_MAX - 1) / PART_MAX;
	int err = LB_OK;

	for (size_t i = 0; err == LB_OK && i < parts; i++) {
		char part[48] = "";

		if (parts > 1)
			snprintf(part, sizeof part, "part %zu of %zu, ", i + 1, parts);
		err = lb_audit(tx, event, NULL, actor, "%s%s%.*s", part, before, PART_MAX,
			       text + i * PART_MAX);
	}
	return err;
}

/* An approval may have come with a key that the customer has replaced: whoever has no account yet asks anew. */
static int
end_decided(struct lb_tx *tx, const char *customer, const char *actor)
{
	static const char cause[] = "the customer has changed who decides for it: ask again";
	struct lb_grant g;
	uint64_t after = 0;
	int err;

	while ((err = lb_store_next_live(tx->store, after, &g)) == LB_OK) {
		struct lb_step step;
		const char *why;

		after = g.id;
		if (strcmp(g.customer, customer) != 0 ||
		    (!lb_state_waits(g.state) && g.state != LB_STATE_APPROVED))
			continue;
		if (lb_grant_step(&g, LB_EVENT_REVOKE, tx->now_s, &step, &why) != LB_OK)
			return LB_ERR_INTERNAL;
		err = lb_move(tx, &g, &step, cause);
		if (err == LB_OK)
			err = lb_audit(tx, "revoke", &g, actor, "%s", cause);
		if (err != LB_OK)
			return err;
	}
	return err == LB_ERR_NOT_FOUND ? LB_OK : err;
}

int
lb_do_customer_change(struct lb_tx *tx, const struct lb_caller *who, const union lb_msg *msg)
{
	const struct lb_msg_customer *m = &msg->customer;
	char statement[LB_CHANGE_MAX + 1], by[BY_MAX + 1];
	char signed_by[BY_MAX + 16];
	struct lb_customer now, next, decides;
	const char *why;
	unsigned count;
	int err = prepare(tx, who, m, &now, &next, statement);

	if (err != LB_OK)
		return lb_settled(err);
	err = who_decides(tx->k->policy, &now, &next, &decides);
	if (err != LB_OK)
		return err;
	count = count_signers(&decides, m->signatures, statement, by, sizeof by, &why);
	if (count == 0)
		return lb_refuse(tx, who, LB_NO_PERMISSION, "the signature %s; nothing was changed",
				 why);
	if (count < decides.approvals)
		return lb_refuse(
			tx, who, LB_NO_PERMISSION,
			"%u of the customer's approvers must sign, and %u did (%s); nothing "
			"was changed",
			decides.approvals, count, by);
	next.changed_s = tx->now_s;
	randombytes_buf(next.nonce, sizeof next.nonce);
	tx->customer.name[0] = '\0';
	err = lb_store_put_customer(tx->store, &next);
	if (err == LB_OK) {
		snprintf(signed_by, sizeof signed_by, "signed by %s: ", by);
		err = audit_parts(tx, "customer-change", who->actor, signed_by, statement);
	}
	if (err == LB_OK)
		err = audit_parts(tx, "customer-signed", who->actor, "", m->signatures);
	if (err == LB_OK && now.change != 0 && !same_roster(&now, &next))
		err = end_decided(tx, next.name, who->actor);
	/* What was asked for or approved under another roster is looked at anew. */
	if (err == LB_OK)
		err = lb_sync_policy(tx, NULL);
	if (err == LB_OK)
		err = reply(tx, who, &next, "");
	return err == LB_OK ? lb_done(tx, who) : err;
}
