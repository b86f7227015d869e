/* Rules: see rules.h. */
#include "keeper/rules.h"

#include <stdio.h>
#include <string.h>

#include "keeper/break_glass.h"
#include "keeper/caller.h"
#include "keeper/levels.h"

/* What is weighed; from_s: when it may begin at the earliest. */
static int
gather(struct lb_tx *tx, const struct lb_policy_role *role, const struct lb_grant *g,
       uint64_t from_s, struct lb_rule_facts *f)
{
	struct lb_grant base;
	uint64_t closes_s;
	int err;

	*f = (struct lb_rule_facts){
		.role = role,
		.identity = g->identity,
		.fingerprint = g->key,
		.ticket = g->ticket,
		.duration_s = g->duration_s,
		.requested_s = g->requested_s,
		.begin_s = from_s > g->start_s ? from_s : g->start_s,
	};
	f->before_s = f->begin_s + g->duration_s;
	if (g->extends != 0) {
		err = lb_store_grant(tx->store, g->extends, &base);
		if (err != LB_OK)
			return err;
		f->duration_s += base.duration_s;
		f->before_s = base.end_s + g->duration_s;
	} else if (g->begun_s != 0) {
		f->before_s = g->end_s;
	} else if (g->starts == LB_STARTS_FIRST_LOGIN) {
		f->before_s += role->claim_window_s;
	}
	closes_s = lb_policy_role_closes(role, f->begin_s);
	if (closes_s < f->before_s)
		f->before_s = closes_s;
	return LB_OK;
}

static int
weigh(struct lb_tx *tx, const struct lb_policy_role *role, const struct lb_grant *g,
      uint64_t from_s, struct lb_rule_facts *f, struct lb_rule_verdict *v)
{
	int err = gather(tx, role, g, from_s, f);

	if (err == LB_OK)
		lb_rules_weigh(tx->k->policy, f, v);
	return err;
}

int
lb_rules_plan(struct lb_tx *tx, const struct lb_caller *who, const struct lb_policy_role *role,
	      struct lb_grant *g)
{
	struct lb_rule_verdict v;
	struct lb_rule_facts f;
	int err;

	snprintf(g->key, sizeof g->key, "%s", who->fingerprint);
	err = weigh(tx, role, g, g->requested_s, &f, &v);
	if (err != LB_OK)
		return err;
	/* `lockbox check' takes no policy that leads to it; LCOV_EXCL_START */
	if (v.too_many)
		return lb_refused(
			lb_refuse(tx, who, LB_NOT_NOW,
				  "rules of the policy ask for more levels than a request "
				  "can have; tell the host's operators"));
	/* LCOV_EXCL_STOP */
	if (v.approves != NULL && !lb_break_glass_extended(tx, g)) {
		snprintf(g->rule, sizeof g->rule, "%s", v.approves->name);
		return LB_OK;
	}
	lb_levels_plan(role, g);
	for (size_t i = 0; i < v.added; i++)
		lb_levels_plan_rule(v.adds[i], g);
	return LB_OK;
}

/* Whether the plan has a level that a rule adds. */
static bool
planned(const struct lb_grant *g, const char *rule)
{
	for (size_t l = 0; l < g->levels; l++)
		if ((g->level[l].flags & LB_LEVEL_RULE) != 0 && strcmp(g->level[l].name, rule) == 0)
			return true;
	return false;
}

/* Whether the plan is enough for what the policy in force says of that time. */
static bool
enough(struct lb_tx *tx, const struct lb_grant *g, uint64_t from_s)
{
	const struct lb_policy_role *role = lb_policy_role(tx->k->policy, g->role);
	struct lb_rule_verdict v;
	struct lb_rule_facts f;

	if (g->break_glass)
		return true; /* nobody was to approve it */
	if (role == NULL || weigh(tx, role, g, from_s, &f, &v) != LB_OK || v.too_many)
		return false;
	for (size_t i = 0; i < v.added; i++)
		if (!planned(g, v.adds[i]->name))
			return false;
	if (g->rule[0] != '\0') {
		const struct lb_policy_rule *r = lb_policy_rule(tx->k->policy, g->rule);

		return r != NULL && r->approve && lb_rule_holds(tx->k->policy, r, &f);
	}
	return true;
}

bool
lb_rules_same(struct lb_tx *tx, const struct lb_grant *g)
{
	return enough(tx, g, g->requested_s);
}

bool
lb_rules_claimable(struct lb_tx *tx, const struct lb_grant *g)
{
	return enough(tx, g, tx->now_s);
}
