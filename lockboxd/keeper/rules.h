/*
 * Rules of the policy (policy/rule.h), as they bear on requests.
 *
 * They are weighed when a request is made, and what they say is noted in its
 * plan: the rule that approves in place of the role's levels, or the levels that
 * rules add.  They are weighed again whenever the policy changes, and at each
 * approval, by what the request said: a plan that lacks a level, or was approved
 * by a rule that no longer does, is not what the policy asks for, and the request
 * has to be made anew.  At the claim they are weighed once more, by the time that
 * it would run then.  A rule that would approve does nothing for what waits
 * already.
 */
#ifndef LB_RULES_H
#define LB_RULES_H

#include "keeper/caller.h"
#include "policy/rule.h"

/*
 * Plans the levels of a new request: the role's, or none when a rule approves,
 * and what rules add.  Refuses (LB_ERR_REFUSED, queued) what would take more
 * levels than there can be.  The customer's level comes after it.
 */
int lb_rules_plan(struct lb_tx *tx, const struct lb_caller *who, const struct lb_policy_role *role,
		  struct lb_grant *grant);

/* True while rules ask for no more than the plan has, and what was approved by rule still would be. */
bool lb_rules_same(struct lb_tx *tx, const struct lb_grant *grant);
/* The same at the claim, for the time that it would run then. */
bool lb_rules_claimable(struct lb_tx *tx, const struct lb_grant *grant);

#endif
