/* Requests that decide: approve, deny, cancel, end, revoke. */
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "keeper/audit.h"
#include "keeper/break_glass.h"
#include "keeper/clocks.h"
#include "keeper/customer.h"
#include "keeper/decide.h"
#include "keeper/eligible.h"
#include "keeper/extend.h"
#include "keeper/handlers.h"
#include "keeper/levels.h"
#include "keeper/move.h"
#include "keeper/role.h"
#include "keeper/view.h"
#include "text.h"

#define WAITING (1u << LB_STATE_PENDING | 1u << LB_STATE_NOTIFIED)
#define LIVE_STATES (WAITING | 1u << LB_STATE_APPROVED | 1u << LB_STATE_ACTIVE)

static int
refuse(struct lb_tx *tx, const struct lb_caller *who, enum lb_refusal code, const char *text)
{
	return lb_refused(lb_refuse(tx, who, code, "%s", text));
}

static int
check_text(struct lb_tx *tx, const struct lb_caller *who, const char *text, bool needed)
{
	if (!lb_text_plain(text))
		return refuse(tx, who, LB_BAD_INPUT,
			      "the text holds control characters or is no UTF-8; write it on one "
			      "plain line");
	if (needed && strspn(text, " ") == strlen(text))
		return refuse(tx, who, LB_BAD_INPUT, "a reason is needed: --reason \"why\"");
	return LB_OK;
}

/* The word of a customer's approver counts only with a key that the customer has signed for. */
static int
check_key(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *g)
{
	if (who->root || lb_customer_takes(tx, g, who->identity, who->fingerprint))
		return LB_OK;
	return refuse(tx, who, LB_NO_PERMISSION,
		      "the key you came with is not one that decides for the customer; use one of "
		      "those that `customer' lists");
}

/* An approver of the role who is not the engineer. */
static int
check_approver(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *g)
{
	if (strcmp(g->identity, who->identity) == 0)
		return refuse(tx, who, LB_OWN_REQUEST,
			      "this is your own request; somebody else must decide on it");
	if (lb_levels_right(tx, g, who->identity) == LB_RIGHT_NONE)
		return refuse(tx, who, LB_NO_PERMISSION, "you are no approver of this role");
	return check_key(tx, who, g);
}

/* Why somebody who is an approver of the role has nothing to say now. */
static int
not_now(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *g,
	enum lb_right right)
{
	unsigned long long id = g->id;
	struct lb_tally t;
	char people[160];
	const char *level;

	lb_levels_tally(tx, g, &t);
	level = g->level[t.now < g->levels ? t.now : g->levels - 1].name;
	lb_levels_people(tx, g, people, sizeof people);
	if (right == LB_RIGHT_GIVEN)
		return lb_refuse(tx, who, LB_NOT_NOW, "you have approved R-%llu already", id);
	if (right == LB_RIGHT_SPENT)
		return lb_refuse(tx, who, LB_NOT_NOW,
				 "you have approved R-%llu at an earlier level, and '%s' takes "
				 "somebody else: %s",
				 id, level, people);
	return lb_refuse(tx, who, LB_NOT_NOW, "R-%llu waits for '%s' now (%s)%s", id, level, people,
			 right == LB_RIGHT_LATER ? "; your turn comes after that"
						 : "; your level has what it needs");
}

/* An approval comes on top of those that count still; what it brings about. */
static enum lb_event
add_approval(struct lb_tx *tx, struct lb_grant *g, const struct lb_caller *who, uint64_t statement)
{
	struct lb_approval *a = &g->approval[g->have];
	struct lb_tally t;

	lb_levels_tally(tx, g, &t);
	snprintf(a->identity, sizeof a->identity, "%s", who->identity);
	a->level = t.now;
	a->at_s = tx->now_s;
	a->statement = statement;
	if (statement == 0)
		snprintf(a->key, sizeof a->key, "%s", who->fingerprint);
	g->have++;
	if (t.have[t.now] + 1 < t.need[t.now])
		return LB_EVENT_APPROVE;
	if (t.now + 1 == g->levels)
		return g->extends != 0 ? LB_EVENT_EXTEND : LB_EVENT_APPROVE_LAST;
	return (g->level[t.now + 1].flags & LB_LEVEL_CUSTOMER) != 0 ? LB_EVENT_NOTIFY
								    : LB_EVENT_APPROVE;
}

/* "2 of 3", and of which level when there are several. */
static void
tell_progress(struct lb_tx *tx, const struct lb_grant *g, char *out, size_t cap)
{
	uint8_t level = g->approval[g->have - 1].level;
	struct lb_tally t;

	lb_levels_tally(tx, g, &t);
	snprintf(out, cap, "%s%s%u of %u", g->levels > 1 ? g->level[level].name : "",
		 g->levels > 1 ? ": " : "", t.have[level], t.need[level]);
}

int
lb_may_approve_now(struct lb_tx *tx, const struct lb_caller *who, uint64_t id, struct lb_grant *g)
{
	char lacks[LB_REASON_MAX + 1];
	struct lb_step step;
	const char *why;
	enum lb_right right;
	int err = lb_find_grant(tx, who, id, 0, g);

	if (err == LB_OK)
		err = check_approver(tx, who, g);
	if (err != LB_OK)
		return err;
	right = lb_levels_right(tx, g, who->identity);
	if (right == LB_RIGHT_GIVEN)
		return lb_refused(not_now(tx, who, g, right));
	if (!lb_role_unchanged(tx, g))
		return refuse(
			tx, who, LB_NOT_NOW,
			"the role or its people have changed since; it must be requested anew");
	/* What it is refused for as it stands comes first: whose turn it is matters while it waits. */
	if (lb_grant_step(g, LB_EVENT_APPROVE, tx->now_s, &step, &why) != LB_OK)
		return lb_refused(lb_refuse(tx, who, LB_NOT_NOW, "R-%llu %s",
					    (unsigned long long)g->id, why));
	if (right != LB_RIGHT_NOW)
		return lb_refused(not_now(tx, who, g, right));
	err = lb_eligible(tx, g->identity, lb_policy_role(tx->k->policy, g->role), lacks,
			  sizeof lacks);
	if (err == LB_ERR_REFUSED)
		err = lb_refused(lb_refuse(tx, who, LB_NOT_ELIGIBLE,
					   "%s cannot be given %s now: %.400s", g->identity,
					   g->role, lacks));
	if (err == LB_OK && g->extends != 0)
		err = lb_extend_check(tx, who, g);
	if (err != LB_OK)
		return err;
	/* Who has lost the right since has not approved; the record keeps that it was said. */
	lb_levels_settle(tx, g);
	if (g->have >= LB_APPROVALS_MAX)
		return refuse(tx, who, LB_OVER_LIMIT, "it has as many approvals as can be kept");
	return LB_OK;
}

int
lb_approve(struct lb_tx *tx, const struct lb_caller *who, struct lb_grant *g, uint64_t statement,
	   const char *remark)
{
	const struct lb_policy_role *role = lb_policy_role(tx->k->policy, g->role);
	enum lb_event event = add_approval(tx, g, who, statement);
	char progress[64];
	struct lb_step step;
	const char *why;
	int err = LB_OK;

	/* Whoever calls has seen that it may be approved now; LCOV_EXCL_START */
	if (lb_grant_step(g, event, tx->now_s, &step, &why) != LB_OK)
		return LB_ERR_INTERNAL;
	/* LCOV_EXCL_STOP */
	if (event == LB_EVENT_APPROVE_LAST)
		lb_clocks_approved(role, g, tx->now_s);
	else if (event == LB_EVENT_NOTIFY)
		g->until_s = tx->now_s + role->request_lifetime_s;
	if (event == LB_EVENT_EXTEND)
		err = lb_extend_apply(tx, who, g);
	else if (g->extends != 0)
		err = lb_extend_bound(tx, g);
	tell_progress(tx, g, progress, sizeof progress);
	if (err == LB_OK)
		err = lb_move(tx, g, &step, "");
	if (err == LB_OK)
		err = lb_audit(tx, "approve", g, who->actor, "%s%s%s%s%s", progress,
			       remark[0] ? ": " : "", remark, who->fingerprint[0] ? ", key " : "",
			       who->fingerprint);
	if (err == LB_OK && event == LB_EVENT_NOTIFY)
		err = lb_audit(tx, "customer-notified", g, "", "%s has the last word", g->customer);
	return err == LB_OK ? lb_answer_grant(tx, who, g) : err;
}

int
lb_do_approve(struct lb_tx *tx, const struct lb_caller *who, const union lb_msg *msg)
{
	struct lb_grant g;
	int err = check_text(tx, who, msg->act.text, false);

	if (err == LB_OK)
		err = lb_may_approve_now(tx, who, msg->act.id, &g);
	if (err != LB_OK)
		return lb_settled(err);
	if (!lb_levels_way(tx, &g, who->identity, who->fingerprint))
		return lb_refuse(tx, who, LB_NO_PERMISSION,
				 "the key you came with is yours no more in the policy; come again "
				 "with one that is, or ask the host's operators");
	if (lb_policy_role(tx->k->policy, g.role)->signed_approvals)
		return lb_refuse(tx, who, LB_UNSIGNED,
				 "%s takes signed approvals only: sign what show R-%llu "
				 "--statement prints, with ssh-keygen -Y sign -n lockbox-approval, "
				 "and give it to approve R-%llu --signature -",
				 g.role, (unsigned long long)g.id, (unsigned long long)g.id);
	return lb_approve(tx, who, &g, 0, msg->act.text);
}

/* What does now what was meant, where there is something. */
static const char *
instead_of(const struct lb_grant *g, enum lb_event event, uint64_t now_s)
{
	uint8_t state = g->state;

	if (g->until_s != 0 && now_s >= g->until_s)
		return ""; /* nothing does */
	if (event == LB_EVENT_DENY && state == LB_STATE_APPROVED)
		return "; revoke takes it back";
	if (state == LB_STATE_ACTIVE && event == LB_EVENT_DENY)
		return "; revoke ends it";
	if (state == LB_STATE_ACTIVE && event == LB_EVENT_CANCEL)
		return "; end ends it";
	if (event == LB_EVENT_END && (lb_state_waits(state) || state == LB_STATE_APPROVED))
		return "; cancel withdraws it";
	return "";
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
		return lb_refuse(tx, who, LB_NOT_NOW, "R-%llu %s%s", (unsigned long long)g->id, why,
				 instead_of(g, event, tx->now_s));
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
	int err = lb_find_grant(tx, who, msg->act.id, WAITING | 1u << LB_STATE_APPROVED, &g);

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

	if (err == LB_OK && lb_seal_open(&g, tx->now_s))
		err = refuse(tx, who, LB_NOT_NOW, "it " LB_SEAL_OPEN_TEXT);
	if (err == LB_OK)
		err = check_text(tx, who, msg->act.text, true);
	/* Taking away needs no second person: also root may, and an approver whose own it is. */
	if (err == LB_OK && !who->root && !lb_levels_approver(tx, &g, who->identity))
		err = refuse(tx, who, LB_NO_PERMISSION, "you are no approver of this role");
	if (err == LB_OK)
		err = check_key(tx, who, &g);
	if (err != LB_OK)
		return lb_settled(err);
	snprintf(cause, sizeof cause, "revoked by %s: %.400s", who->actor, msg->act.text);
	return conclude(tx, who, &g, LB_EVENT_REVOKE, "revoke", cause);
}
