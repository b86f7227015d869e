/*
 * What becomes of a broken seal once the daemon runs: see break_glass.h.
 *
 * It stands in the store as a grant that is over, of somebody whom no policy can
 * name and of no role: so reviews, alarms, show and the metrics have it like any
 * other break-glass.  Until its end_s, which is its closed_s as well, it lets in.
 */
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "keeper/audit.h"
#include "keeper/break_glass.h"
#include "keeper/customer.h"
#include "keeper/waits.h"
#include "seal.h"
#include "text.h"

#define REVIEW_WITHIN_S 86400u

bool
lb_seal_open(const struct lb_grant *g, uint64_t now_s)
{
	return strcmp(g->role, LB_SEALED_NAME) == 0 && g->end_s > now_s;
}

/* LB_OK: it is recorded already, as *g; LB_ERR_NOT_FOUND. */
static int
known(struct lb_tx *tx, const char *id, struct lb_grant *g)
{
	uint64_t after = 0;
	int err;

	while ((err = lb_store_next_of(tx->store, LB_SEALED_NAME, after, g)) == LB_OK) {
		after = g->id;
		if (strcmp(g->ticket, id) == 0)
			return LB_OK;
	}
	return err;
}

/* Nobody is let in by it from now on, or from then on. */
static void
set_end(struct lb_grant *g, uint64_t end_s)
{
	g->end_s = g->closed_s = end_s;
	g->review_due_s = end_s + REVIEW_WITHIN_S;
}

/* How it was ended stands behind what is known of it. */
static int
ended(struct lb_tx *tx, struct lb_grant *g, const char *text)
{
	const char *how = strstr(text, " ended ");
	int err;

	set_end(g, tx->now_s);
	snprintf(g->cause, sizeof g->cause, "it lets nobody in any more: %.300s",
		 how != NULL ? how + 1 : "the host was started anew, or its seal is gone");
	lb_waits_touch(tx->k, g->id);
	err = lb_store_put_grant(tx->store, g);
	return err == LB_OK ? lb_audit(tx, "seal-ended", g, "", "%s", g->cause) : err;
}

static int
tell(struct lb_tx *tx, const struct lb_grant *g)
{
	const struct lb_policy *p = tx->k->policy;
	int err = LB_OK;

	for (size_t i = 0; err == LB_OK && i < lb_policy_identities(p); i++) {
		const char *identity = lb_policy_identity_at(p, i)->name;

		if (lb_policy_is_auditor(p, identity) || lb_customer_any(tx, identity))
			err = lb_store_put_notice(tx->store, identity, g->id);
	}
	return err;
}

int
lb_seal_record(struct lb_tx *tx, const struct lb_ipc_outcome *found)
{
	struct lb_grant g = {
		.state = LB_STATE_ENDED,
		.identity = LB_SEALED_NAME,
		.role = LB_SEALED_NAME,
		.duration_s = LB_SEAL_USE_S,
		.requested_s = tx->now_s,
		.break_glass = 1,
		.review = LB_REVIEW_OPEN,
		.review_within_s = REVIEW_WITHIN_S,
	};
	struct lb_grant before;
	int err;

	if (strlen(found->event) != LB_SEAL_ID ||
	    strspn(found->event, "0123456789abcdef") != LB_SEAL_ID || !lb_text_plain(found->text))
		return LB_OK; /* the warden has read it, and sends nothing else */
	err = known(tx, found->event, &before);
	if (err == LB_OK && found->uid == 0 && lb_seal_open(&before, tx->now_s))
		return ended(tx, &before, found->text);
	if (err != LB_ERR_NOT_FOUND)
		return err;
	set_end(&g, tx->now_s + (found->uid < LB_SEAL_USE_S ? found->uid : LB_SEAL_USE_S));
	snprintf(g.ticket, sizeof g.ticket, "%s", found->event);
	snprintf(g.reason, sizeof g.reason, "the seal of this host was broken: %.400s",
		 found->text);
	memcpy(g.policy_digest, lb_policy_digest(tx->k->policy), sizeof g.policy_digest);
	if ((err = lb_store_next_id(tx->store, &g.id)) != LB_OK ||
	    (err = lb_store_put_grant(tx->store, &g)) != LB_OK || (err = tell(tx, &g)) != LB_OK)
		return err;
	return lb_audit(tx, "seal-broken", &g, "", "ALARM: root without a grant; seal %s: %s",
			g.ticket, found->text);
}
