/* Requests that decide: approve, deny, cancel, end, revoke. */
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "keeper/audit.h"
#include "keeper/dispatch.h"
#include "text.h"

#define LIVE_STATES (1u << LB_STATE_PENDING | 1u << LB_STATE_APPROVED | 1u << LB_STATE_ACTIVE)

static int
refuse(struct lb_tx *tx, const struct lb_caller *who, enum lb_refusal code, const char *text)
{
	int err = lb_refuse(tx, who, code, "%s", text);

	return err == LB_OK ? LB_ERR_REFUSED : err;
}

static int
check_text(struct lb_tx *tx, const struct lb_caller *who, const char *text, bool needed)
{
	if (!lb_text_plain(text))
		return refuse(tx, who, LB_BAD_INPUT,
			      "the text holds control characters; write it on one plain line");
	if (needed && strspn(text, " ") == strlen(text))
		return refuse(tx, who, LB_BAD_INPUT, "a reason is needed: --reason \"why\"");
	return LB_OK;
}

/* An approver of the role who is not the engineer. */
static int
check_approver(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *g)
{
	if (strcmp(g->identity, who->identity) == 0)
		return refuse(tx, who, LB_OWN_REQUEST,
			      "this is your own request; somebody else must decide on it");
	if (!lb_policy_may_approve(tx->k->policy, g->role, who->identity))
		return refuse(tx, who, LB_NO_PERMISSION, "you are no approver of this role");
	return LB_OK;
}

int
lb_do_approve(struct lb_tx *tx, const struct lb_caller *who, const union lb_msg *msg)
{
	struct lb_step step;
	struct lb_grant g;
	const char *why;
	enum lb_event event;
	int err = lb_find_grant(tx, who, msg->act.id, 0, &g);

	if (err == LB_OK)
		err = check_text(tx, who, msg->act.text, false);
	if (err == LB_OK)
		err = check_approver(tx, who, &g);
	if (err != LB_OK)
		return lb_settled(err);
	for (size_t i = 0; i < g.have; i++)
		if (strcmp(g.approver[i], who->identity) == 0)
			return lb_refuse(tx, who, LB_NOT_NOW, "you have approved R-%llu already",
					 (unsigned long long)g.id);
	if (!lb_role_unchanged(tx->k->policy, &g, tx->now_s))
		return lb_refuse(
			tx, who, LB_NOT_NOW,
			"the role or its people have changed since; it must be requested anew");
	/* Who has lost the right since has not approved; the record keeps that it was said. */
	lb_approvals_settle(tx->k->policy, &g);
	event = g.have + 1 >= g.need ? LB_EVENT_APPROVE_LAST : LB_EVENT_APPROVE;
	if (lb_grant_step(&g, event, tx->now_s, &step, &why) != LB_OK)
		return lb_refuse(tx, who, LB_NOT_NOW, "R-%llu %s", (unsigned long long)g.id, why);
	if (g.have >= LB_APPROVALS_MAX)
		return lb_refuse(tx, who, LB_OVER_LIMIT, "it has as many approvals as can be kept");
	snprintf(g.approver[g.have++], sizeof g.approver[0], "%s", who->identity);
	if (event == LB_EVENT_APPROVE_LAST)
		g.until_s = tx->now_s + lb_policy_host(tx->k->policy)->claim_window_s;
	err = lb_move(tx, &g, &step, "");
	if (err == LB_OK)
		err = lb_audit(tx, "approve", &g, who->actor, "%u of %u%s%s%s%s", g.have, g.need,
			       msg->act.text[0] ? ": " : "", msg->act.text,
			       who->fingerprint[0] ? ", key " : "", who->fingerprint);
	return err == LB_OK ? lb_answer_grant(tx, who, &g) : err;
}

/* Steps a grant, moves it with a cause, records the event and answers. */
static int
conclude(struct lb_tx *tx, const struct lb_caller *who, struct lb_grant *g, enum lb_event event,
	 const char *name, const char *cause)
{
	struct lb_step step;
	const char *why;
	int err;

	if (lb_grant_step(g, event, tx->now_s, &step, &why) != LB_OK)
		return lb_refuse(tx, who, LB_NOT_NOW, "R-%llu %s", (unsigned long long)g->id, why);
	err = lb_move(tx, g, &step, cause);
	if (err == LB_OK)
		err = lb_audit(tx, name, g, who->actor, "%s", g->cause);
	return err == LB_OK ? lb_answer_grant(tx, who, g) : err;
}

int
lb_do_deny(struct lb_tx *tx, const struct lb_caller *who, const union lb_msg *msg)
{
	char cause[LB_REASON_MAX + 1];
	struct lb_grant g;
	int err = lb_find_grant(tx, who, msg->act.id, 0, &g);

	if (err == LB_OK)
		err = check_text(tx, who, msg->act.text, true);
	if (err == LB_OK)
		err = check_approver(tx, who, &g);
	if (err != LB_OK)
		return lb_settled(err);
	snprintf(cause, sizeof cause, "denied by %s: %.400s", who->identity, msg->act.text);
	return conclude(tx, who, &g, LB_EVENT_DENY, "deny", cause);
}

/* Cancel and end are the engineer's own. */
static int
own_only(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *g, const char *other)
{
	if (strcmp(g->identity, who->identity) == 0)
		return LB_OK;
	return refuse(tx, who, LB_NO_PERMISSION, other);
}

int
lb_do_cancel(struct lb_tx *tx, const struct lb_caller *who, const union lb_msg *msg)
{
	struct lb_grant g;
	int err = lb_find_grant(tx, who, msg->act.id,
				1u << LB_STATE_PENDING | 1u << LB_STATE_APPROVED, &g);

	if (err == LB_OK)
		err = own_only(tx, who, &g, "only its engineer can cancel it; approvers use deny");
	if (err != LB_OK)
		return lb_settled(err);
	return conclude(tx, who, &g, LB_EVENT_CANCEL, "cancel", "cancelled by the engineer");
}

int
lb_do_end(struct lb_tx *tx, const struct lb_caller *who, const union lb_msg *msg)
{
	struct lb_grant g;
	int err = lb_find_grant(tx, who, msg->act.id, 1u << LB_STATE_ACTIVE, &g);

	if (err == LB_OK)
		err = own_only(tx, who, &g, "only its engineer can end it; approvers use revoke");
	if (err != LB_OK)
		return lb_settled(err);
	return conclude(tx, who, &g, LB_EVENT_END, "end", "ended by the engineer");
}

int
lb_do_revoke(struct lb_tx *tx, const struct lb_caller *who, const union lb_msg *msg)
{
	char cause[LB_REASON_MAX + 1];
	struct lb_grant g;
	int err = lb_find_grant(tx, who, msg->act.id, LIVE_STATES, &g);

	if (err == LB_OK)
		err = check_text(tx, who, msg->act.text, true);
	/* Taking away needs no second person: also root may, and an approver whose own it is. */
	if (err == LB_OK && !who->root &&
	    !lb_policy_may_approve(tx->k->policy, g.role, who->identity))
		err = refuse(tx, who, LB_NO_PERMISSION, "you are no approver of this role");
	if (err != LB_OK)
		return lb_settled(err);
	snprintf(cause, sizeof cause, "revoked by %s: %.400s", who->actor, msg->act.text);
	return conclude(tx, who, &g, LB_EVENT_REVOKE, "revoke", cause);
}
