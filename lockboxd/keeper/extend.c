/* Extensions: see extend.h. */
#include "keeper/extend.h"

#include <stdio.h>
#include <string.h>

#include "err.h"
#include "keeper/audit.h"
#include "keeper/clocks.h"
#include "keeper/eligible.h"
#include "keeper/levels.h"
#include "text.h"

static int
refuse(struct lb_tx *tx, const struct lb_caller *who, enum lb_refusal code, const char *text)
{
	int err = lb_refuse(tx, who, code, "%s", text);

	return err == LB_OK ? LB_ERR_REFUSED : err;
}

/* What stands in the way of so much more of a grant, beyond who asks and who approves. */
static int
check(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *g, uint32_t more_s)
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
		err = check(tx, who, &g, extension->duration_s);
	return err == LB_OK
		       ? lb_check_day(tx, who, lb_policy_role(tx->k->policy, g.role), extension)
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

/* The extension of a grant that waits; at most one does.  LB_ERR_NOT_FOUND. */
static int
waiting(struct lb_tx *tx, const struct lb_grant *g, struct lb_grant *extension)
{
	uint64_t after = g->id;
	struct lb_grant e;
	int err;

	while ((err = lb_next_own(tx, g->identity, &after, &e)) == LB_OK)
		if (e.extends == g->id && lb_state_waits(e.state)) {
			*extension = e;
			break;
		}
	return err;
}

int
lb_extend_drop(struct lb_tx *tx, const struct lb_grant *g)
{
	struct lb_grant e;
	struct lb_step step;
	const char *why;
	char cause[64];
	int err = waiting(tx, g, &e);

	if (err != LB_OK)
		return err == LB_ERR_NOT_FOUND ? LB_OK : err;
	/* One whose own time is over as well lapses by itself. */
	if (lb_grant_step(&e, LB_EVENT_REVOKE, tx->now_s, &step, &why) != LB_OK)
		return LB_OK;
	snprintf(cause, sizeof cause, "R-%llu is over", (unsigned long long)g->id);
	err = lb_move(tx, &e, &step, cause);
	return err == LB_OK ? lb_audit(tx, "revoke", &e, "", "%s", cause) : err;
}

static int
check_words(struct lb_tx *tx, const struct lb_caller *who, const struct lb_msg_extend *m)
{
	if (!lb_text_plain(m->reason))
		return refuse(tx, who, LB_BAD_INPUT,
			      "the reason holds control characters; write it on one plain line");
	if (strspn(m->reason, " ") == strlen(m->reason))
		return refuse(tx, who, LB_BAD_INPUT,
			      "a reason is needed: --reason \"why you need more\"");
	if (m->duration_s == 0)
		return refuse(tx, who, LB_BAD_INPUT, "say by how much: --for 15m");
	return LB_OK;
}

/* The same extension asked for twice is found; of two different ones the first must be out of the way. */
static int
find_same(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *g,
	  const struct lb_msg_extend *m, struct lb_grant *same)
{
	int err = waiting(tx, g, same);

	if (err != LB_OK ||
	    (same->duration_s == m->duration_s && strcmp(same->reason, m->reason) == 0))
		return err;
	err = lb_refuse(tx, who, LB_NOT_NOW,
			"R-%llu waits already to extend R-%llu; cancel it to ask for another",
			(unsigned long long)same->id, (unsigned long long)g->id);
	return err == LB_OK ? LB_ERR_REFUSED : err;
}

int
lb_do_extend(struct lb_tx *tx, const struct lb_caller *who, const union lb_msg *msg)
{
	const struct lb_msg_extend *m = &msg->extend;
	struct lb_grant g, e = {.state = LB_STATE_PENDING};
	const struct lb_policy_role *role;
	int err = lb_find_grant(tx, who, m->id, 1u << LB_STATE_ACTIVE, &g);

	if (err == LB_OK && strcmp(g.identity, who->identity) != 0)
		err = refuse(tx, who, LB_NO_PERMISSION, "only its engineer can ask to extend it");
	if (err == LB_OK)
		err = check_words(tx, who, m);
	if (err == LB_OK)
		err = check(tx, who, &g, m->duration_s);
	if (err == LB_OK)
		err = find_same(tx, who, &g, m, &e);
	if (err == LB_OK)
		return lb_answer_found(tx, who, &e);
	if (err != LB_ERR_NOT_FOUND)
		return lb_settled(err);
	role = lb_policy_role(tx->k->policy, g.role);
	memcpy(e.ticket, g.ticket, sizeof e.ticket);
	memcpy(e.reason, m->reason, sizeof e.reason);
	memcpy(e.resource, g.resource, sizeof e.resource);
	e.duration_s = m->duration_s;
	e.extends = g.id;
	return lb_file_request(tx, who, role, &e);
}
