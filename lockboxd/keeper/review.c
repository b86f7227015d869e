/* Reviews of break-glass, alarms, and the metrics that count them: see break_glass.h. */
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "keeper/audit.h"
#include "keeper/break_glass.h"
#include "keeper/handlers.h"
#include "keeper/view.h"
#include "keeper/waits.h"
#include "text.h"

/* NULL, or why the caller cannot close the review now. */
static const char *
fault(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *g,
      const struct lb_msg_review *m, enum lb_refusal *code)
{
	*code = LB_BAD_INPUT;
	if (!lb_text_plain(m->text))
		return "the comment holds control characters or is no UTF-8; write it on one plain "
		       "line";
	if (strspn(m->text, " ") == strlen(m->text))
		return "what was found is needed: --comment \"what was done, and why\"";
	if (m->verdict != LB_REVIEW_JUSTIFIED && m->verdict != LB_REVIEW_UNJUSTIFIED)
		return "say which it was: --justified or --not-justified";
	*code = LB_NOT_NOW;
	if (!g->break_glass)
		return "it was no break-glass: there is nothing to review";
	if (g->review != LB_REVIEW_OPEN)
		return "its review is closed; show says by whom";
	*code = LB_OWN_REQUEST;
	if (strcmp(g->identity, who->identity) == 0)
		return "this was your own break-glass; somebody else must review it";
	*code = LB_NO_PERMISSION;
	if ((lb_review_concerns(tx, who->identity, g) & LB_CONCERNS_REVIEW) == 0)
		return "you are no reviewer of this role";
	*code = LB_NOT_NOW;
	if (g->review_due_s == 0)
		return "it is not over yet: review it then, or have it revoked now";
	if (lb_seal_open(g, tx->now_s))
		return "it " LB_SEAL_OPEN_TEXT;
	return NULL;
}

int
lb_do_review(struct lb_tx *tx, const struct lb_caller *who, const union lb_msg *msg)
{
	const struct lb_msg_review *m = &msg->review;
	enum lb_refusal code;
	struct lb_grant g;
	const char *why;
	int err = lb_find_grant(tx, who, m->id, 0, &g);

	if (err != LB_OK)
		return lb_settled(err);
	why = fault(tx, who, &g, m, &code);
	if (why != NULL)
		return lb_refuse(tx, who, code, "R-%llu: %s", (unsigned long long)g.id, why);
	g.review = m->verdict;
	g.reviewed_s = tx->now_s;
	snprintf(g.reviewer, sizeof g.reviewer, "%s", who->identity);
	memcpy(g.remark, m->text, sizeof g.remark);
	lb_waits_touch(tx->k, g.id);
	err = lb_store_put_grant(tx->store, &g);
	if (err == LB_OK)
		err = lb_audit(tx, "review", &g, who->actor, "%s%s: %s%s%s",
			       lb_review_name(g.review),
			       tx->now_s >= g.review_due_s ? ", overdue" : "", g.remark,
			       who->fingerprint[0] ? ", key " : "", who->fingerprint);
	return err == LB_OK ? lb_answer_grant(tx, who, &g) : err;
}

int
lb_do_acknowledge(struct lb_tx *tx, const struct lb_caller *who, const union lb_msg *msg)
{
	struct lb_grant g;
	int err = lb_find_grant(tx, who, msg->act.id, 0, &g);

	if (err != LB_OK)
		return lb_settled(err);
	err = lb_store_has_notice(tx->store, who->identity, g.id)
		      ? lb_store_drop_notice(tx->store, who->identity, g.id)
		      : lb_refused(lb_refuse(tx, who, LB_NOT_NOW,
					     "there is no alarm of R-%llu for you, or not any more",
					     (unsigned long long)g.id));
	if (err != LB_OK)
		return lb_settled(err);
	err = lb_audit(tx, "acknowledge", &g, who->actor, "the alarm was seen");
	return err == LB_OK ? lb_answer_grant(tx, who, &g) : err;
}

/* -- metrics --------------------------------------------------------------------- */

static int
count_live(struct lb_tx *tx, struct lb_msg_metrics *m)
{
	uint64_t *const by_state[LB_STATE_COUNT] = {
		[LB_STATE_PENDING] = &m->pending,   [LB_STATE_NOTIFIED] = &m->notified,
		[LB_STATE_APPROVED] = &m->approved, [LB_STATE_ACTIVE] = &m->active,
		[LB_STATE_ENDING] = &m->ending,
	};
	struct lb_grant g;
	uint64_t after = 0;
	int err;

	while ((err = lb_store_next_live(tx->store, after, &g)) == LB_OK) {
		after = g.id;
		++*by_state[g.state];
		m->break_glass += g.break_glass;
	}
	return err == LB_ERR_NOT_FOUND ? LB_OK : err;
}

/* While one is open nobody can close its review. */
static int
count_seals(struct lb_tx *tx, struct lb_msg_metrics *m)
{
	struct lb_grant g;
	uint64_t after = 0;
	int err;

	while ((err = lb_store_next_review(tx->store, after, &g)) == LB_OK) {
		after = g.id;
		m->seals_broken += strcmp(g.identity, LB_SEALED_NAME) == 0;
		m->seals_open += lb_seal_open(&g, tx->now_s);
	}
	return err == LB_ERR_NOT_FOUND ? LB_OK : err;
}

int
lb_do_metrics(struct lb_tx *tx, const struct lb_caller *who, const union lb_msg *msg)
{
	struct lb_msg_metrics m = {.store_full = tx->endings_only,
				   .clock_astray = lb_keeper_clock_astray(tx->k)};
	struct lb_store_size size;
	int err;

	(void)msg;
	if (!who->root && !lb_policy_is_auditor(tx->k->policy, who->identity))
		return lb_refuse(tx, who, LB_NO_PERMISSION,
				 "only root and auditors read the metrics");
	lb_store_get_size(tx->k->store, &size);
	m.store_bytes = size.bytes;
	m.store_most = size.most;
	if ((err = count_live(tx, &m)) != LB_OK || (err = count_seals(tx, &m)) != LB_OK ||
	    (err = lb_store_totals(tx->store, &m.requests, &m.records)) != LB_OK ||
	    (err = lb_review_count(tx, NULL, &m.reviews_open, &m.reviews_overdue)) != LB_OK ||
	    (err = lb_store_count_notices(tx->store, &m.alarms)) != LB_OK)
		return err;
	err = lb_outbox_reply(&tx->out, who->target, LB_MSG_METRICS_REPORT, &m);
	return err == LB_OK ? lb_done(tx, who) : err;
}
