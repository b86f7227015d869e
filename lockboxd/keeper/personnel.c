/* Requests about eligibility: what one has, asking, attesting, approving, revoking; see eligible.h. */
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "keeper/audit.h"
#include "keeper/eligible.h"
#include "keeper/handlers.h"
#include "text.h"

#define PAGE 20
#define WAITS_S ((uint64_t)30 * 86400) /* for a manager's approval: checks take days */

static int
send_view(struct lb_tx *tx, const struct lb_caller *who, const char *identity,
	  const struct lb_policy_role *role)
{
	struct lb_msg_eligible view;
	int err = lb_eligible_view(tx, identity, role, &view);

	return err == LB_OK ? lb_outbox_reply(&tx->out, who->target, LB_MSG_ELIGIBLE, &view) : err;
}

/* Eligibility is for a role, and so for all its resources. */
static const struct lb_policy_role *
role_named(const struct lb_tx *tx, const char *name)
{
	const struct lb_policy_role *role = lb_policy_role(tx->k->policy, name);

	return role != NULL && role->base != NULL ? lb_policy_role(tx->k->policy, role->base)
						  : role;
}

static int
answer(struct lb_tx *tx, const struct lb_caller *who, const char *identity,
       const struct lb_policy_role *role)
{
	int err = send_view(tx, who, identity, role);

	return err == LB_OK ? lb_done(tx, who) : err;
}

static int
list_own(struct lb_tx *tx, const struct lb_caller *who)
{
	const struct lb_policy *p = tx->k->policy;
	int err = LB_OK;

	for (size_t i = 0; err == LB_OK && i < lb_policy_roles(p); i++) {
		const struct lb_policy_role *role = lb_policy_role_at(p, i);

		if (role->base == NULL && lb_policy_needs_eligibility(role) &&
		    lb_policy_may_request(p, role->name, who->identity))
			err = send_view(tx, who, who->identity, role);
	}
	return err == LB_OK ? lb_done(tx, who) : err;
}

/* What the caller could do about it: approve it, or attest one of its checks that does not hold. */
static bool
waits_for(const struct lb_tx *tx, const struct lb_caller *who, const struct lb_policy_role *role,
	  const struct lb_msg_eligible *v)
{
	const struct lb_policy *p = tx->k->policy;

	if (who->root || lb_policy_is_auditor(p, who->identity))
		return true;
	if (strcmp(v->identity, who->identity) == 0)
		return false;
	if (lb_policy_manager(p, role, who->identity))
		return true;
	for (size_t i = 0; i < v->checks; i++) {
		const struct lb_policy_check *check = lb_policy_check(p, v->check[i].name);

		if (v->check[i].state != LB_CHECK_HOLDS && check != NULL &&
		    lb_policy_attester(p, check, who->identity))
			return true;
	}
	return false;
}

/* Pages end between two moments at which something lapses, so that the moment says where to go on. */
static int
list_pending(struct lb_tx *tx, const struct lb_caller *who, uint64_t after)
{
	struct lb_lapse l = {.kind = LB_LAPSE_PENDING, .until_s = after};
	struct lb_msg_done done = {.cursor = after};
	unsigned looked_at = 0;
	int err;

	if (after != 0)
		memset(l.identity, '~', sizeof l.identity - 1); /* behind every name */
	while ((err = lb_store_next_lapse(tx->store, &l)) == LB_OK) {
		const struct lb_policy_role *role = lb_policy_role(tx->k->policy, l.name);
		struct lb_msg_eligible view;

		if (looked_at++ >= PAGE && l.until_s != done.cursor) {
			done.more = 1;
			break;
		}
		done.cursor = l.until_s;
		if (role == NULL || tx->now_s >= l.until_s)
			continue;
		err = lb_eligible_view(tx, l.identity, role, &view);
		if (err == LB_OK && waits_for(tx, who, role, &view))
			err = lb_outbox_reply(&tx->out, who->target, LB_MSG_ELIGIBLE, &view);
		if (err != LB_OK)
			return err;
	}
	if (err != LB_OK && err != LB_ERR_NOT_FOUND)
		return err;
	return lb_outbox_reply(&tx->out, who->target, LB_MSG_DONE, &done);
}

int
lb_do_eligibility(struct lb_tx *tx, const struct lb_caller *who, const union lb_msg *msg)
{
	if (msg->list.which == LB_LIST_MINE)
		return list_own(tx, who);
	if (msg->list.which == LB_LIST_PENDING)
		return list_pending(tx, who, msg->list.after);
	return lb_refuse(tx, who, LB_BAD_INPUT, "no such list");
}

/* Nothing is begun by a clock that cannot be trusted, and nobody writes without end. */
static int
may_write(struct lb_tx *tx, const struct lb_caller *who)
{
	if (!lb_keeper_clock_astray(tx->k))
		return lb_spend(tx, who);
	return lb_refused(lb_refuse(
		tx, who, LB_NOT_NOW,
		"the host's clock is more than a day behind what it has shown; the operators must "
		"set it right first"));
}

int
lb_do_eligibility_request(struct lb_tx *tx, const struct lb_caller *who, const union lb_msg *msg)
{
	const struct lb_msg_personnel *m = &msg->personnel;
	const struct lb_policy_role *role = role_named(tx, m->name);
	struct lb_eligibility e;
	int err;

	if (!lb_text_plain(m->text) || strspn(m->text, " ") == strlen(m->text))
		return lb_refuse(tx, who, LB_BAD_INPUT,
				 "a reason is needed, on one plain line: --reason \"why you need "
				 "this\"");
	if (role == NULL || !lb_policy_may_request(tx->k->policy, role->name, who->identity))
		return lb_refuse(tx, who, LB_NO_SUCH,
				 "there is no such role that you may become eligible for: see "
				 "eligibility");
	if (!lb_policy_needs_eligibility(role))
		return lb_refuse(tx, who, LB_BAD_INPUT,
				 "%s needs no eligibility: request %s at once", role->name,
				 role->name);
	err = lb_store_eligibility(tx->store, who->identity, role->name, &e);
	if (err == LB_OK && e.state != LB_ELIGIBLE_ENDED && tx->now_s < e.until_s)
		return answer(tx, who, who->identity, role); /* the same twice finds the first */
	if (err != LB_OK && err != LB_ERR_NOT_FOUND)
		return err;
	if ((err = may_write(tx, who)) != LB_OK)
		return lb_settled(err);
	memset(&e, 0, sizeof e);
	snprintf(e.identity, sizeof e.identity, "%s", who->identity);
	snprintf(e.role, sizeof e.role, "%s", role->name);
	memcpy(e.reason, m->text, sizeof e.reason);
	e.state = LB_ELIGIBLE_PENDING;
	e.asked_s = tx->now_s;
	e.until_s = tx->now_s + WAITS_S;
	err = lb_store_put_eligibility(tx->store, &e);
	if (err == LB_OK)
		err = lb_audit_person(tx, "eligibility-request", e.identity, who->actor,
				      "%s, reason: %s%s%s", e.role, e.reason,
				      who->fingerprint[0] ? ", key " : "", who->fingerprint);
	return err == LB_OK ? answer(tx, who, who->identity, role) : err;
}

int
lb_do_attest(struct lb_tx *tx, const struct lb_caller *who, const union lb_msg *msg)
{
	const struct lb_msg_personnel *m = &msg->personnel;
	const struct lb_policy *p = tx->k->policy;
	const struct lb_policy_check *check = lb_policy_check(p, m->name);
	struct lb_msg_attested out = {0};
	struct lb_attestation a = {.state = LB_ATTESTED_HOLDS, .at_s = tx->now_s};
	char until[LB_TIME_TEXT];
	int err;

	if (check == NULL || !lb_policy_attester(p, check, who->identity))
		return lb_refuse(tx, who, LB_NO_PERMISSION,
				 "there is no such check that you may attest; eligibility pending "
				 "says who can");
	if (strcmp(m->identity, who->identity) == 0)
		return lb_refuse(tx, who, LB_OWN_REQUEST,
				 "nobody attests a check of his own; somebody else must");
	if (lb_policy_identity(p, m->identity) == NULL)
		return lb_refuse(tx, who, LB_NO_SUCH, "the policy knows no identity %s",
				 m->identity);
	if ((err = may_write(tx, who)) != LB_OK)
		return lb_settled(err);
	a.until_s = tx->now_s + check->valid_s;
	memcpy(a.identity, m->identity, sizeof a.identity);
	snprintf(a.check, sizeof a.check, "%s", check->name);
	snprintf(a.by, sizeof a.by, "%s", who->identity);
	lb_time_format(until, (int64_t)a.until_s);
	err = lb_store_put_attestation(tx->store, &a);
	if (err == LB_OK)
		err = lb_audit_person(tx, "attest", a.identity, who->actor, "%s until %s%s%s",
				      a.check, until, who->fingerprint[0] ? ", key " : "",
				      who->fingerprint);
	memcpy(out.identity, a.identity, sizeof out.identity);
	memcpy(out.check, a.check, sizeof out.check);
	memcpy(out.by, a.by, sizeof out.by);
	out.at_s = a.at_s;
	out.until_s = a.until_s;
	if (err == LB_OK)
		err = lb_outbox_reply(&tx->out, who->target, LB_MSG_ATTESTED, &out);
	return err == LB_OK ? lb_done(tx, who) : err;
}

/* What somebody has asked for and the caller, a manager of the role, may approve, once or anew. */
static int
find_approvable(struct lb_tx *tx, const struct lb_caller *who, const struct lb_msg_personnel *m,
		const struct lb_policy_role *role, struct lb_eligibility *e)
{
	char why[LB_REASON_MAX + 1];
	int err;

	if (role == NULL || !lb_policy_manager(tx->k->policy, role, who->identity))
		return lb_refused(lb_refuse(tx, who, LB_NO_PERMISSION,
					    "there is no such role that you are a manager of: see "
					    "eligibility pending"));
	if (strcmp(m->identity, who->identity) == 0)
		return lb_refused(
			lb_refuse(tx, who, LB_OWN_REQUEST,
				  "nobody approves his own eligibility; another manager must"));
	err = lb_store_eligibility(tx->store, m->identity, role->name, e);
	if (err == LB_ERR_NOT_FOUND)
		return lb_refused(lb_refuse(tx, who, LB_NO_SUCH,
					    "%s has not asked for eligibility for %s", m->identity,
					    role->name));
	if (err != LB_OK)
		return err;
	if (e->state == LB_ELIGIBLE_ENDED || tx->now_s >= e->until_s ||
	    !lb_policy_may_request(tx->k->policy, role->name, m->identity))
		return lb_refused(lb_refuse(tx, who, LB_NOT_NOW,
					    "what %s asked for has ended%s%.150s; it must be asked "
					    "for again",
					    m->identity, e->cause[0] ? ": " : "", e->cause));
	err = lb_eligible_checks(tx, m->identity, role, why, sizeof why);
	if (err == LB_ERR_REFUSED)
		err = lb_refused(lb_refuse(tx, who, LB_NOT_ELIGIBLE,
					   "%s cannot become eligible for %s yet: %.350s",
					   m->identity, role->name, why));
	return err;
}

int
lb_do_eligibility_approve(struct lb_tx *tx, const struct lb_caller *who, const union lb_msg *msg)
{
	const struct lb_msg_personnel *m = &msg->personnel;
	const struct lb_policy_role *role = role_named(tx, m->name);
	char until[LB_TIME_TEXT];
	struct lb_eligibility e;
	int err = find_approvable(tx, who, m, role, &e);

	if (err == LB_OK)
		err = may_write(tx, who);
	if (err != LB_OK)
		return lb_settled(err);
	e.state = LB_ELIGIBLE_HOLDS;
	snprintf(e.manager, sizeof e.manager, "%s", who->identity);
	e.approved_s = tx->now_s;
	e.until_s = tx->now_s + role->eligible_for_s;
	lb_time_format(until, (int64_t)e.until_s);
	err = lb_store_put_eligibility(tx->store, &e);
	if (err == LB_OK)
		err = lb_audit_person(tx, "eligibility-approve", e.identity, who->actor,
				      "%s until %s%s%s", e.role, until,
				      who->fingerprint[0] ? ", key " : "", who->fingerprint);
	return err == LB_OK ? answer(tx, who, e.identity, role) : err;
}

/* Ends what has the name, or with "" all, as far as the caller may; *ended counts. */
static int
revoke_eligibility(struct lb_tx *tx, const struct lb_caller *who, const struct lb_msg_personnel *m,
		   const char *cause, unsigned *ended)
{
	const struct lb_policy *p = tx->k->policy;
	struct lb_eligibility e = {0};
	int err;

	memcpy(e.identity, m->identity, sizeof e.identity);
	while ((err = lb_store_next_eligibility(tx->store, &e)) == LB_OK &&
	       strcmp(e.identity, m->identity) == 0) {
		const struct lb_policy_role *role = lb_policy_role(p, e.role);

		if (e.state == LB_ELIGIBLE_ENDED ||
		    (m->name[0] != '\0' && strcmp(m->name, e.role) != 0))
			continue;
		if (!who->root && strcmp(e.identity, who->identity) != 0 &&
		    (role == NULL || !lb_policy_manager(p, role, who->identity)))
			continue;
		err = lb_eligible_end(tx, &e, who->actor, cause);
		if (err != LB_OK)
			return err;
		++*ended;
	}
	return err == LB_ERR_NOT_FOUND ? LB_OK : err;
}

/* The same of checks, which their attesters withdraw. */
static int
withdraw_checks(struct lb_tx *tx, const struct lb_caller *who, const struct lb_msg_personnel *m,
		const char *cause, unsigned *ended)
{
	const struct lb_policy *p = tx->k->policy;
	struct lb_attestation a = {0};
	int err;

	memcpy(a.identity, m->identity, sizeof a.identity);
	while ((err = lb_store_next_attestation(tx->store, &a)) == LB_OK &&
	       strcmp(a.identity, m->identity) == 0) {
		const struct lb_policy_check *check = lb_policy_check(p, a.check);

		if (a.state == LB_ATTESTED_ENDED ||
		    (m->name[0] != '\0' && strcmp(m->name, a.check) != 0))
			continue;
		if (!who->root && (check == NULL || !lb_policy_attester(p, check, who->identity)))
			continue;
		err = lb_attested_end(tx, &a, who->actor, cause);
		if (err != LB_OK)
			return err;
		++*ended;
	}
	return err == LB_ERR_NOT_FOUND ? LB_OK : err;
}

int
lb_do_eligibility_revoke(struct lb_tx *tx, const struct lb_caller *who, const union lb_msg *msg)
{
	const struct lb_msg_personnel *m = &msg->personnel;
	char cause[LB_CAUSE_MAX + 1];
	unsigned ended = 0;
	int err;

	if (!lb_text_plain(m->text))
		return lb_refuse(tx, who, LB_BAD_INPUT,
				 "the text holds control characters or is no UTF-8; write it on "
				 "one plain line");
	snprintf(cause, sizeof cause, "revoked by %s%s%.150s", who->actor, m->text[0] ? ": " : "",
		 m->text);
	err = revoke_eligibility(tx, who, m, cause, &ended);
	if (err == LB_OK)
		err = withdraw_checks(tx, who, m, cause, &ended);
	if (err == LB_OK && ended == 0)
		return lb_refuse(tx, who, LB_NO_SUCH, "%s has nothing%s%s that you may revoke",
				 m->identity, m->name[0] ? " called " : "", m->name);
	if (err == LB_OK)
		err = lb_eligible_settle_all(tx, m->identity);
	return err == LB_OK ? lb_done(tx, who) : err;
}
