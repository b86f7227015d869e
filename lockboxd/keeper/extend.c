/* Extensions: see extend.h. */
#include "keeper/extend.h"

#include <stdio.h>
#include <string.h>

#include "err.h"
#include "keeper/audit.h"
#include "keeper/caller.h"
#include "keeper/clocks.h"
#include "keeper/eligible.h"
#include "keeper/role.h"
#include "text.h"

static int
refuse(struct lb_tx *tx, const struct lb_caller *who, enum lb_refusal code, const char *text)
{
	int err = lb_refuse(tx, who, code, "%s", text);

	return err == LB_OK ? LB_ERR_REFUSED : err;
}

int
lb_extend_allowed(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *g,
		  uint32_t more_s)
{
	const struct lb_policy_role *role = lb_policy_role(tx->k->policy, g->role);
	char text[LB_REASON_MAX + 1], left[LB_DURATION_TEXT], most[LB_DURATION_TEXT];
	char lacks[LB_REASON_MAX + 1];
	unsigned long long id = g->id;
	uint64_t limit_s, closes_s;
	bool closes;
	int err;

	if (g->extends != 0 || g->state != LB_STATE_ACTIVE || tx->now_s >= g->end_s) {
		snprintf(text, sizeof text, "R-%llu is not active; only what is active is extended",
			 id);
		return refuse(tx, who, LB_NOT_NOW, text);
	}
	if (lb_keeper_clock_astray(tx->k))
		return refuse(tx, who, LB_NOT_NOW,
			      "the host's clock is more than a day behind what it has shown; the "
			      "operators must set it right first");
	if (!lb_role_unchanged(tx, g))
		return refuse(tx, who, LB_NOT_NOW,
			      "the role or its people have changed since; request it anew");
	err = lb_eligible(tx, g->identity, role, lacks, sizeof lacks);
	if (err == LB_ERR_REFUSED) {
		snprintf(text, sizeof text, "%s cannot be given more of %s now: %.400s",
			 g->identity, g->role, lacks);
		return refuse(tx, who, LB_NOT_ELIGIBLE, text);
	}
	if (err != LB_OK)
		return err;
	if (g->begun_s == 0) {
		snprintf(text, sizeof text, "the time of R-%llu has not begun: log in first", id);
		return refuse(tx, who, LB_NOT_NOW, text);
	}
	if (g->end_s - tx->now_s <= LB_EXTEND_MARGIN_S) {
		snprintf(text, sizeof text, "R-%llu ends now: too late to extend it", id);
		return refuse(tx, who, LB_NOT_NOW, text);
	}
	limit_s = g->begun_s + role->max_duration_s;
	closes_s = lb_policy_role_closes(role, tx->now_s);
	if (g->end_s + more_s <= limit_s && g->end_s + more_s <= closes_s)
		return LB_OK;
	lb_duration_format(most, role->max_duration_s);
	closes = closes_s <= limit_s;
	limit_s = closes ? closes_s : limit_s;
	lb_duration_format(left, limit_s > g->end_s ? limit_s - g->end_s : 0);
	if (closes)
		snprintf(text, sizeof text, "%s closes; R-%llu can be extended by at most %s",
			 g->role, id, left);
	else
		snprintf(
			text, sizeof text,
			"%s is granted for at most %s in all; R-%llu can be extended by at most %s",
			g->role, most, id, left);
	return refuse(tx, who, LB_OVER_LIMIT, text);
}

int
lb_extend_check(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *extension)
{
	struct lb_grant g;
	int err = lb_store_grant(tx->store, extension->extends, &g);

	if (err == LB_OK)
		err = lb_extend_allowed(tx, who, &g, extension->duration_s);
	return err == LB_OK
		       ? lb_clocks_day(tx, who, lb_policy_role(tx->k->policy, g.role), extension)
		       : err;
}

int
lb_extend_bound(struct lb_tx *tx, struct lb_grant *extension)
{
	struct lb_grant g;
	int err = lb_store_grant(tx->store, extension->extends, &g);

	if (err == LB_OK && g.end_s < extension->until_s)
		extension->until_s = g.end_s;
	return err;
}

int
lb_extend_apply(struct lb_tx *tx, const struct lb_caller *who, struct lb_grant *extension)
{
	char more[LB_DURATION_TEXT], until[LB_TIME_TEXT];
	struct lb_grant g;
	int err = lb_store_grant(tx->store, extension->extends, &g);

	if (err != LB_OK)
		return err;
	g.end_s += extension->duration_s;
	g.until_s = g.end_s;
	g.duration_s += extension->duration_s;
	lb_waits_touch(tx->k, g.id);
	lb_duration_format(more, extension->duration_s);
	lb_time_format(until, (int64_t)g.end_s);
	snprintf(extension->cause, sizeof extension->cause, "R-%llu lasts until %s",
		 (unsigned long long)g.id, until);
	err = lb_store_put_grant(tx->store, &g);
	if (err == LB_OK)
		err = lb_sync_publish(tx, &g, false);
	if (err == LB_OK)
		err = lb_audit(tx, "extend", &g, who->actor, "by %s, until %s, as R-%llu asked",
			       more, until, (unsigned long long)extension->id);
	return err;
}
