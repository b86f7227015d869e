/*
 * The role behind a grant: what it carries, noted when it is asked for, and
 * whether it still is that.
 */
#ifndef LB_ROLE_H
#define LB_ROLE_H

#include "keeper/state.h"

/* What a role carries, as text: its groups, and its commands with the user they run as. */
void lb_role_texts(const struct lb_policy_role *role, char groups[LB_LIST_MAX + 1],
		   char sudo[LB_LIST_MAX + 1]);

/* Notes in grant, whose identity is set, what the role carries: what is asked for is approved, and no more than that is given. */
void lb_role_note(const struct lb_policy *policy, const struct lb_policy_role *role,
		  struct lb_grant *grant);

/*
 * True while the role still is what was asked for, until the claim its levels
 * of approval and who has the last word as well, and the identity may have it for so long, or once it is claimed for what is left of it.  Sessions and forwarding are not compared: the narrower of what
 * was approved and what the policy says now holds (lb_role_sessions() and
 * lb_role_forwards()).
 */
bool lb_role_unchanged(struct lb_tx *tx, const struct lb_grant *grant);
uint32_t lb_role_sessions(const struct lb_policy_role *role, const struct lb_grant *grant);
bool lb_role_forwards(const struct lb_policy_role *role, const struct lb_grant *grant);

/* enum lb_permission of a role; NULL: unknown. */
uint8_t lb_role_permission(const struct lb_policy_role *role);

#endif
