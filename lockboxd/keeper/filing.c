/* Filing requests: see filing.h. */
#include "keeper/filing.h"

#include <stdio.h>
#include <string.h>

#include "err.h"
#include "keeper/audit.h"
#include "keeper/break_glass.h"
#include "keeper/caller.h"
#include "keeper/clocks.h"
#include "keeper/customer.h"
#include "keeper/extend.h"
#include "keeper/levels.h"
#include "keeper/move.h"
#include "keeper/role.h"
#include "keeper/rules.h"
#include "keeper/view.h"
#include "text.h"

#define LIVE_PER_PERSON 20 /* requests and grants one identity may have at a time */

/* Whose customer must agree, and that there is a ticket to show; refuses what cannot be. */
static int
find_customer(struct lb_tx *tx, const struct lb_caller *who, const struct lb_policy_role *role,
	      const char *ticket, struct lb_customer *customer)
{
	int err = lb_customer_of(tx, role, customer), refused;

	if (err == LB_ERR_EXISTS)
		refused =
			lb_refuse(tx, who, LB_NOT_NOW,
				  "the role is covered by two customers; one of them must agree to "
				  "less: see customer");
	else if (err == LB_OK && strspn(ticket, " ") == strlen(ticket))
		refused = lb_refuse(tx, who, LB_BAD_INPUT,
				    "customer %s has the last word on this role and is shown your "
				    "ticket; name it: --ticket",
				    customer->name);
	else
		return err;
	return refused == LB_OK ? LB_ERR_REFUSED : refused;
}

static int
count_live(struct lb_tx *tx, const struct lb_caller *who, unsigned *live)
{
	struct lb_grant g;
	uint64_t after = 0;
	int err;

	for (*live = 0; (err = lb_next_own(tx, who->identity, &after, &g)) == LB_OK; ++*live)
		;
	return err == LB_ERR_NOT_FOUND ? LB_OK : err;
}

/*
 * Takes a new request that a rule approves as far as that goes: to its customer,
 * or to approved, or has what it extends extended.
 */
static int
approve_by_rule(struct lb_tx *tx, const struct lb_caller *who, struct lb_grant *g)
{
	const struct lb_policy_role *role = lb_policy_role(tx->k->policy, g->role);
	enum lb_event event = g->levels > 0	? LB_EVENT_NOTIFY
			      : g->extends != 0 ? LB_EVENT_EXTEND
						: LB_EVENT_APPROVE_LAST;
	struct lb_step step;
	const char *why;
	int err = LB_OK;

	/* It was made just now, and anything may happen to it; LCOV_EXCL_START */
	if (lb_grant_step(g, event, tx->now_s, &step, &why) != LB_OK)
		return LB_ERR_INTERNAL;
	/* LCOV_EXCL_STOP */
	if (event == LB_EVENT_APPROVE_LAST)
		lb_clocks_approved(role, g, tx->now_s);
	else if (event == LB_EVENT_EXTEND)
		err = lb_extend_apply(tx, who, g);
	if (err == LB_OK)
		err = lb_move(tx, g, &step, "");
	if (err == LB_OK)
		err = lb_audit(tx, "approve", g, "", "automatically, by rule %s", g->rule);
	if (err == LB_OK && event == LB_EVENT_NOTIFY)
		err = lb_audit(tx, "customer-notified", g, "", "%s has the last word", g->customer);
	return err;
}

/* "; rule small approves", "; added by rule: night, long" or "", for the record of a request. */
static void
tell_rules(const struct lb_grant *g, char *out, size_t cap)
{
	char added[LB_GRANT_ADDED_TEXT];

	lb_grant_added(g, added);
	snprintf(out, cap, "%s%s%s%s", g->rule[0] != '\0' ? ", approved by rule " : "", g->rule,
		 added[0] != '\0' ? ", levels added by rule: " : "", added);
}

int
lb_file_request(struct lb_tx *tx, const struct lb_caller *who, const struct lb_policy_role *role,
		struct lb_grant *g)
{
	char duration[LB_DURATION_TEXT], start[LB_TIME_TEXT] = "", extends[48] = "", rules[256];
	struct lb_customer customer;
	bool has_customer;
	unsigned live;
	int err = find_customer(tx, who, role, g->ticket, &customer);

	has_customer = err == LB_OK;
	if (err != LB_OK && err != LB_ERR_NOT_FOUND)
		return lb_settled(err);
	if ((err = count_live(tx, who, &live)) != LB_OK)
		return err;
	if (live >= LIVE_PER_PERSON)
		return lb_refuse(tx, who, LB_OVER_LIMIT,
				 "you have %u requests and grants already; cancel or end one first",
				 live);
	snprintf(g->identity, sizeof g->identity, "%s", who->identity);
	if ((err = lb_clocks_day(tx, who, role, g)) != LB_OK || (err = lb_spend(tx, who)) != LB_OK)
		return lb_settled(err);
	snprintf(g->role, sizeof g->role, "%s", role->name);
	if (role->resource != NULL)
		snprintf(g->resource, sizeof g->resource, "%s", role->resource);
	lb_clocks_requested(role, g, tx->now_s);
	if (g->extends != 0 && (err = lb_extend_bound(tx, g)) != LB_OK)
		return err;
	lb_role_note(tx->k->policy, role, g);
	if (g->break_glass)
		lb_levels_plan(role, g); /* whose approvers may revoke it */
	else if ((err = lb_rules_plan(tx, who, role, g)) != LB_OK)
		return lb_settled(err);
	if (has_customer)
		lb_levels_plan_customer(&customer, g);
	memcpy(g->policy_digest, lb_policy_digest(tx->k->policy), sizeof g->policy_digest);
	/* It was made just now, and anything may happen to it; LCOV_EXCL_START */
	if (g->break_glass && (err = lb_break_glass_begin(tx, role, g)) != LB_OK)
		return err;
	/* LCOV_EXCL_STOP */
	lb_duration_format(duration, g->duration_s);
	if (g->start_s != 0)
		lb_time_format(start, (int64_t)g->start_s);
	if (g->extends != 0)
		snprintf(extends, sizeof extends, ", to extend R-%llu",
			 (unsigned long long)g->extends);
	tell_rules(g, rules, sizeof rules);
	if ((err = lb_store_next_id(tx->store, &g->id)) != LB_OK ||
	    (err = lb_store_put_grant(tx->store, g)) != LB_OK ||
	    (err = lb_audit(tx, "request", g, who->actor,
			    "role %s for %s%s%s%s%s%s%s, reason: %s%s%s", g->role, duration,
			    g->start_s != 0 ? " from " : "", start, extends,
			    g->ticket[0] ? ", ticket " : "", g->ticket, rules, g->reason,
			    who->fingerprint[0] ? ", key " : "", who->fingerprint)) != LB_OK ||
	    (g->rule[0] != '\0' && (err = approve_by_rule(tx, who, g)) != LB_OK))
		return err;
	if (g->break_glass && (err = lb_break_glass_alarm(tx, who, role, g)) != LB_OK)
		return err;
	return lb_answer_grant(tx, who, g);
}
