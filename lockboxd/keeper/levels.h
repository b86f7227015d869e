/*
 * Levels of approval: who counts where, and whose turn it is.
 *
 * A grant keeps the plan that its request was made under: the levels in their
 * order, each with its name, teams and number, and who approved at which.  An
 * approval counts while the policy in force still has that level and whoever
 * gave it still is in its teams, is not the grant's engineer, and did not count
 * for an earlier level, unless the level allows it; and if it is signed, where
 * the role takes signed approvals only.  It counts only while the policy gives
 * the approver the key that it was signed with, or that he came with when he
 * gave it, or, if he came from an account of the host, any.  A level is asked once
 * those before it have what they need, so what comes behind one that has lost
 * an approval counts no more.  How many a level takes is what the policy said
 * at the request or what it says now, whichever is more.
 *
 * Nothing here changes the store; a customer's approvers are read from it.
 */
#ifndef LB_LEVELS_H
#define LB_LEVELS_H

#include "keeper/state.h"

/* Where a grant stands. */
struct lb_tally {
	uint8_t have[LB_LEVELS_MAX], need[LB_LEVELS_MAX];
	unsigned all, need_all;
	uint8_t now; /* the level that waits, from 0; grant->levels when all have what they need */
	bool counts[LB_APPROVALS_MAX];
};

/* What somebody has to say about a grant. */
enum lb_right {
	LB_RIGHT_NONE,	/* nothing: no approver of it, or its engineer */
	LB_RIGHT_NOW,	/* it is his turn */
	LB_RIGHT_LATER, /* his level comes after the one that waits */
	LB_RIGHT_PAST,	/* his level has what it needs */
	LB_RIGHT_SPENT, /* he counts for an earlier level, so not for the one that waits */
	LB_RIGHT_GIVEN, /* he has approved at the level that waits, or all is approved */
};

/* Notes the plan of a role in a new grant. */
void lb_levels_plan(const struct lb_policy_role *role, struct lb_grant *grant);
/* Adds the level of a rule. */
void lb_levels_plan_rule(const struct lb_policy_rule *rule, struct lb_grant *grant);
/* Adds the level of the customer who has the last word. */
void lb_levels_plan_customer(const struct lb_customer *customer, struct lb_grant *grant);
/* True once the customer was asked: until then it does not concern the customer. */
bool lb_levels_reached(const struct lb_grant *grant);
/* True while role and rules have the levels that were noted: names, order, teams, same-person. */
bool lb_levels_same(const struct lb_policy *policy, const struct lb_policy_role *role,
		    const struct lb_grant *grant);

void lb_levels_tally(struct lb_tx *tx, const struct lb_grant *grant, struct lb_tally *tally);
/* Whether somebody's word counts that came with this key, or, "", from his Unix user. */
bool lb_levels_way(struct lb_tx *tx, const struct lb_grant *grant, const char *identity,
		   const char *fingerprint);
/* How many approvals count, and how many it takes. */
unsigned lb_levels_count(struct lb_tx *tx, const struct lb_grant *grant, unsigned *need);
enum lb_right lb_levels_right(struct lb_tx *tx, const struct lb_grant *grant, const char *identity);
/*
 * True for an approver of any of its levels, also of one's own grant; of the role, if a rule
 * approved in their place; a customer's once it was asked.
 */
bool lb_levels_approver(struct lb_tx *tx, const struct lb_grant *grant, const char *identity);
/* Drops from a grant the approvals that do not count, and notes what it takes now. */
void lb_levels_settle(struct lb_tx *tx, struct lb_grant *grant);

/* Joins with ", ": while it waits everybody whose turn it is, afterwards who approved. */
void lb_levels_people(struct lb_tx *tx, const struct lb_grant *grant, char *out, size_t cap);
/* Who else than the engineer may deny and revoke it, by name, joined by ", ". */
void lb_levels_others(struct lb_tx *tx, const struct lb_grant *grant, char *out, size_t cap);
/* Fills in what a view says of levels and approvals. */
void lb_levels_view(struct lb_tx *tx, const struct lb_grant *grant, struct lb_msg_grant *view);
/* The same of a role. */
void lb_levels_of_role(struct lb_tx *tx, const struct lb_policy_role *role,
		       struct lb_msg_role *view);

#endif
