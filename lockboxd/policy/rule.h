/*
 * Rules: which requests are approved by the policy itself, and which need more
 * people than the role says.  Pure.
 *
 * Every rule whose conditions all hold counts; the order is that of the names,
 * in bytes.  Those that add levels add all of them, after the role's own.  Only
 * if none does, the first one that approves takes the place of the role's levels;
 * it never does for a role that is root-equivalent or takes signed approvals, and
 * never stands for a customer.  What no rule holds for is people's to approve.
 *
 * In doubt it is for people: hours hold for a rule that approves when the request
 * was made within them and all the time that is asked for lies within them, and
 * for one that adds a level when any of that does.
 */
#ifndef LB_POLICY_RULE_H
#define LB_POLICY_RULE_H

#include "policy/policy.h"

/* What is weighed of a request; texts are never NULL. */
struct lb_rule_facts {
	const struct lb_policy_role *role;
	const char *identity;
	const char *fingerprint; /* of the key that it came with over ssh; "" when with none */
	const char *ticket;
	uint32_t duration_s;	    /* all of it: of an extension what the grant has already, too */
	uint64_t requested_s;	    /* Unix seconds, */
	uint64_t begin_s, before_s; /* and the time that the grant may cover, at most */
};

struct lb_rule_verdict {
	const struct lb_policy_rule *approves; /* or NULL; never together with levels */
	const struct lb_policy_rule *adds[LB_POLICY_LEVELS_MAX];
	size_t added;
	/* They add more levels than a request can have; `lockbox check' refuses what leads to it. */
	bool too_many;
};

void lb_rules_weigh(const struct lb_policy *policy, const struct lb_rule_facts *facts,
		    struct lb_rule_verdict *verdict);
/* Whether one rule's conditions all hold, and for one that approves that the role allows it. */
bool lb_rule_holds(const struct lb_policy *policy, const struct lb_policy_rule *rule,
		   const struct lb_rule_facts *facts);

/* Whether the policy approves requests for such a role at all. */
bool lb_rule_may_approve(const struct lb_policy_role *role);

/*
 * Whether there can be requests for this role that a rule holds for; and whether
 * such of this identity, with a hardware key or without one.  Of a rule's ticket
 * and hours nothing is assumed.
 */
bool lb_rule_about_role(const struct lb_policy *policy, const struct lb_policy_rule *rule,
			const struct lb_policy_role *role);
bool lb_rule_about_person(const struct lb_policy *policy, const struct lb_policy_rule *rule,
			  const struct lb_policy_identity *who, bool hardware_key);

/*
 * Whether a whole ticket is as the pattern says: * is any run of bytes, none
 * included, ? is one byte, all else is itself.  Takes at most the product of the
 * lengths.
 */
bool lb_ticket_matches(const char *pattern, const char *ticket);
/* NULL when this is a pattern, or what is wrong and what to write. */
const char *lb_ticket_problem(const char *pattern);

#endif
