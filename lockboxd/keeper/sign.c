/* Signed approvals: see sign.h. */
#include "keeper/sign.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "keeper/audit.h"
#include "keeper/customer.h"
#include "keeper/decide.h"
#include "keeper/handlers.h"
#include "keeper/levels.h"
#include "keeper/sshsig.h"
#include "keeper/statement.h"
#include "keeper/view.h"
#include "policy/key.h"

#define NEIGHBOURS 32u /* grants before and after in which a stray signature is looked for */

_Static_assert(LB_SIGNATURE_MAX >= LB_SSHSIG_FOLDED_MAX, "a signature fits in its message");

/* What the statement would say now, with this nonce and time. */
static int
write_statement(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *g,
		struct lb_signed *s)
{
	struct lb_tally t;
	size_t len;

	lb_levels_tally(tx, g, &t);
	s->level = t.now;
	const struct lb_statement facts = {
		.host = lb_keeper_host(tx->k),
		.approver = who->identity,
		.customer = g->customer,
		.resource = g->resource,
		.level = t.now + 1u,
		.level_name = g->level[t.now].name,
		.policy_digest = lb_policy_digest(tx->k->policy),
		.stated_s = s->stated_s,
		.nonce = s->nonce,
	};

	return lb_statement_write(&facts, g, s->text, &len);
}

/* True while a statement says what is so now. */
static bool
still_so(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *g,
	 const struct lb_signed *s)
{
	struct lb_signed now = *s;

	return write_statement(tx, who, g, &now) == LB_OK && strcmp(now.text, s->text) == 0;
}

/* The caller's latest statement of this grant.  LB_ERR_NOT_FOUND: none, or it is used. */
static int
latest(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *g,
       struct lb_signed *found)
{
	struct lb_signed s = {0};
	int err;

	memset(found, 0, sizeof *found);
	while ((err = lb_store_next_statement(tx->store, g->id, s.number, &s)) == LB_OK)
		if (strcmp(s.approver, who->identity) == 0)
			*found = s;
	if (err != LB_ERR_NOT_FOUND)
		return err;
	return found->number == 0 || found->used_s != 0 ? LB_ERR_NOT_FOUND : LB_OK;
}

/* The caller's keys that may sign, as the policy has them now. */
static void
list_keys(const struct lb_tx *tx, const struct lb_caller *who, char *out, size_t cap)
{
	const struct lb_policy_identity *id = lb_policy_identity(tx->k->policy, who->identity);
	const char *prints[64];
	struct lb_policy_names names = {prints, 0};

	for (size_t i = 0; id != NULL && i < id->key_texts.count && names.count < 64; i++)
		if (lb_sshsig_takes(id->keys[i].blob, id->keys[i].blob_len))
			prints[names.count++] = id->keys[i].fingerprint;
	lb_policy_join(out, cap, &names);
}

int
lb_do_statement(struct lb_tx *tx, const struct lb_caller *who, const union lb_msg *msg)
{
	struct lb_msg_to_sign answer = {0};
	struct lb_signed s;
	struct lb_grant g;
	int err = lb_may_approve_now(tx, who, msg->act.id, &g);

	if (err != LB_OK)
		return lb_settled(err);
	list_keys(tx, who, answer.keys, sizeof answer.keys);
	if (answer.keys[0] == '\0')
		return lb_refuse(tx, who, LB_NO_PERMISSION,
				 "none of your keys in the policy can sign: it takes one of type "
				 "ssh-ed25519 or sk-ssh-ed25519@openssh.com; ask the host's "
				 "operators to add it");
	err = latest(tx, who, &g, &s);
	if (err == LB_ERR_NOT_FOUND || (err == LB_OK && !still_so(tx, who, &g, &s))) {
		if ((err = lb_spend(tx, who)) != LB_OK)
			return lb_settled(err);
		s = (struct lb_signed){.grant = g.id, .stated_s = tx->now_s};
		memcpy(s.approver, who->identity, strlen(who->identity) + 1);
		randombytes_buf(s.nonce, sizeof s.nonce);
		err = write_statement(tx, who, &g, &s);
		if (err == LB_ERR_TOO_LONG)
			return lb_refuse(tx, who, LB_OVER_LIMIT,
					 "the statement would be too long to be signed; ask for "
					 "less, or with a shorter reason");
		if (err == LB_OK)
			err = lb_store_put_statement(tx->store, &s);
	}
	if (err != LB_OK)
		return err;
	answer.id = g.id;
	memcpy(answer.statement, s.text, sizeof answer.statement);
	err = lb_outbox_reply(&tx->out, who->target, LB_MSG_TO_SIGN, &answer);
	return err == LB_OK ? lb_done(tx, who) : err;
}

/* Refuses a signature, and records it unless there are too many of them. */
static int __attribute__((format(printf, 5, 6)))
refuse(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *g,
       enum lb_refusal code, const char *format, ...)
{
	char text[LB_REASON_MAX + 1];
	unsigned held, wait_s;
	int err = LB_OK;
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	if (lb_budget_take(&tx->k->asks, who->identity, (int64_t)tx->now_s * 1000000000ll, &held,
			   &wait_s))
		err = lb_audit(tx, "signature-refused", g, who->actor, "%s%s%s", text,
			       who->fingerprint[0] ? ", sent with key " : "", who->fingerprint);
	if (err == LB_OK)
		err = lb_refuse(tx, who, code, "%s", text);
	return err == LB_OK ? LB_ERR_REFUSED : err;
}

static bool
fits(const struct lb_sshsig *sig, const struct lb_signed *s)
{
	const char *why;

	return lb_sshsig_verify(sig, LB_STATEMENT_SPACE, sig->key, sig->key_len, s->text,
				strlen(s->text), &why) == LB_OK;
}

/* A statement of a grant, only those of one approver unless NULL, that a signature fits.  LB_ERR_NOT_FOUND. */
static int
search(struct lb_tx *tx, uint64_t grant, const char *approver, const struct lb_sshsig *sig,
       struct lb_signed *s)
{
	int err;

	s->number = 0;
	while ((err = lb_store_next_statement(tx->store, grant, s->number, s)) == LB_OK)
		if ((approver == NULL || strcmp(s->approver, approver) == 0) && fits(sig, s))
			return LB_OK;
	return err;
}

/* A signature that does not fit the statement: what else it is of. */
static int
refuse_stray(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *g,
	     const struct lb_sshsig *sig)
{
	unsigned long long id = g->id;
	struct lb_signed s;
	int err = lb_spend(tx, who); /* it is many signatures to verify */

	if (err != LB_OK)
		return err;
	err = search(tx, g->id, NULL, sig, &s);
	if (err == LB_OK && strcmp(s.approver, who->identity) != 0)
		return refuse(tx, who, g, LB_BAD_INPUT,
			      "the signature is of the statement that %s was given, not of yours",
			      s.approver);
	if (err == LB_OK && s.used_s != 0)
		return refuse(tx, who, g, LB_BAD_INPUT,
			      "the signature was used already, and is good for one approval; sign "
			      "what show R-%llu --statement prints now",
			      id);
	if (err == LB_OK)
		return refuse(tx, who, g, LB_BAD_INPUT,
			      "the signature is of an earlier statement, with another nonce; sign "
			      "what show R-%llu --statement prints now",
			      id);
	for (uint64_t i = g->id > NEIGHBOURS ? g->id - NEIGHBOURS : 1;
	     err == LB_ERR_NOT_FOUND && i <= g->id + NEIGHBOURS; i++)
		if (i != g->id && (err = search(tx, i, who->identity, sig, &s)) == LB_OK)
			return refuse(tx, who, g, LB_BAD_INPUT,
				      "the signature is of the statement for R-%llu, and this is "
				      "R-%llu",
				      (unsigned long long)i, id);
	if (err != LB_ERR_NOT_FOUND)
		return err;
	return refuse(tx, who, g, LB_BAD_INPUT,
		      "the signature is of no statement of this host's: another host's, or a text "
		      "that was changed; sign what show R-%llu --statement prints, to the last "
		      "byte",
		      id);
}

/* The caller's key that made the signature, or NULL: the policy does not give it to him. */
static const struct lb_policy_key *
key_of(const struct lb_tx *tx, const struct lb_caller *who, const struct lb_sshsig *sig)
{
	const struct lb_policy_identity *id = lb_policy_identity(tx->k->policy, who->identity);

	for (size_t i = 0; id != NULL && i < id->key_texts.count; i++)
		if (id->keys[i].blob_len == sig->key_len &&
		    memcmp(id->keys[i].blob, sig->key, sig->key_len) == 0)
			return &id->keys[i];
	return NULL;
}

/* Marks the statement used, with what it was signed with. */
static int
keep(struct lb_tx *tx, struct lb_signed *s, const struct lb_policy_key *key, const char *signature)
{
	s->used_s = tx->now_s;
	snprintf(s->key, sizeof s->key, "%s %s", key->type, key->base64);
	lb_sshsig_fold(signature, strlen(signature), s->signature);
	return lb_store_put_statement(tx->store, s);
}

/* Of a key as it is kept; "" when it is none. */
static void
fingerprint_of(const char *line, char out[LB_FINGERPRINT_MAX + 1])
{
	static struct lb_key key; /* large */
	const char *why;

	if (lb_key_parse(line, &key, &why) == LB_OK)
		snprintf(out, LB_FINGERPRINT_MAX + 1, "%s", key.fingerprint);
}

int
lb_sign_take(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *g,
	     const char *signature, uint64_t *statement, char remark[LB_SIGN_REMARK])
{
	char fingerprint[LB_KEY_FINGERPRINT_MAX], hex[2 * crypto_hash_sha256_BYTES + 1];
	uint8_t hash[crypto_hash_sha256_BYTES];
	const struct lb_policy_key *key;
	struct lb_sshsig sig;
	struct lb_signed s;
	const char *why;
	int err, verdict;

	if (lb_sshsig_parse(signature, strlen(signature), &sig, &why) != LB_OK)
		return refuse(tx, who, g, LB_BAD_INPUT, "the signature %s", why);
	key = key_of(tx, who, &sig);
	lb_key_fingerprint(fingerprint, sig.key, sig.key_len);
	if (key == NULL)
		return refuse(tx, who, g, LB_NO_PERMISSION,
			      "the signature is by a key that the policy does not have for you: %s",
			      fingerprint);
	if (!lb_customer_takes(tx, g, who->identity, fingerprint))
		return refuse(tx, who, g, LB_NO_PERMISSION,
			      "the signature is by a key that does not decide for the customer: %s",
			      fingerprint);
	err = latest(tx, who, g, &s);
	if (err != LB_OK && err != LB_ERR_NOT_FOUND)
		return err;
	verdict = lb_sshsig_verify(&sig, LB_STATEMENT_SPACE, key->blob, key->blob_len, s.text,
				   strlen(s.text), &why);
	if (verdict == LB_ERR_REFUSED)
		return refuse(tx, who, g, LB_BAD_INPUT, "the signature %s; see approve R-%llu", why,
			      (unsigned long long)g->id);
	if (verdict != LB_OK || err != LB_OK)
		return refuse_stray(tx, who, g, &sig);
	if (!still_so(tx, who, g, &s))
		return refuse(tx, who, g, LB_NOT_NOW,
			      "what the signature states has changed since, or the policy has; "
			      "sign what show R-%llu --statement prints now",
			      (unsigned long long)g->id);
	if ((err = keep(tx, &s, key, signature)) != LB_OK)
		return err;
	crypto_hash_sha256(hash, (const uint8_t *)s.text, strlen(s.text));
	sodium_bin2hex(hex, sizeof hex, hash, sizeof hash);
	snprintf(remark, LB_SIGN_REMARK, "signed with %s, statement %llu with SHA-256 %s",
		 key->fingerprint, (unsigned long long)s.number, hex);
	*statement = s.number;
	return LB_OK;
}

int
lb_do_evidence(struct lb_tx *tx, const struct lb_caller *who, const union lb_msg *msg)
{
	struct lb_signed s = {0};
	struct lb_grant g;
	int err = lb_find_grant(tx, who, msg->act.id, 0, &g);

	if (err != LB_OK)
		return lb_settled(err);
	while ((err = lb_store_next_statement(tx->store, g.id, s.number, &s)) == LB_OK) {
		struct lb_msg_signed m = {
			.id = g.id, .number = s.number, .level = s.level, .time_s = s.used_s};

		if (s.used_s == 0)
			continue;
		memcpy(m.approver, s.approver, sizeof m.approver);
		memcpy(m.key, s.key, sizeof m.key);
		memcpy(m.signature, s.signature, sizeof m.signature);
		memcpy(m.statement, s.text, sizeof m.statement);
		fingerprint_of(s.key, m.fingerprint);
		err = lb_outbox_reply(&tx->out, who->target, LB_MSG_SIGNED, &m);
		if (err != LB_OK)
			return err;
	}
	return err == LB_ERR_NOT_FOUND ? lb_done(tx, who) : err;
}

int
lb_do_approve_signed(struct lb_tx *tx, const struct lb_caller *who, const union lb_msg *msg)
{
	char remark[LB_SIGN_REMARK];
	uint64_t statement;
	struct lb_grant g;
	int err = lb_may_approve_now(tx, who, msg->approve_signed.id, &g);

	if (err == LB_OK)
		err = lb_sign_take(tx, who, &g, msg->approve_signed.signature, &statement, remark);
	if (err != LB_OK)
		return lb_settled(err);
	return lb_approve(tx, who, &g, statement, remark);
}
