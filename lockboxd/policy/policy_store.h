/* Inside of a policy; for lockboxd/policy/ only. */
#ifndef LB_POLICY_POLICY_STORE_H
#define LB_POLICY_POLICY_STORE_H

#include "policy/arena.h"
#include "policy/policy.h"

/* Which identity owns a key; sorted by blob. */
struct lb_key_owner {
	const struct lb_policy_key *key;
	const struct lb_policy_identity *identity;
};

struct lb_policy {
	struct lb_arena arena; /* of everything below */
	struct lb_policy_host host;
	struct lb_policy_identity *identity; /* sorted by name, like the next three */
	struct lb_policy_team *team;
	struct lb_policy_check *check;
	struct lb_policy_role *role;
	struct lb_policy_resource *resource; /* as written */
	size_t resources;
	struct lb_policy_level *level; /* as written, so that those of a role stand together */
	struct lb_policy_customer *customer; /* sorted by name */
	struct lb_policy_rule *rule;	     /* the same */
	size_t identities, teams, checks, roles, levels, customers, rules;
	struct lb_key_owner *owner;
	size_t owners;
	const struct lb_policy_identity **by_uid; /* those that have one, ascending */
	size_t uids;
	uint8_t digest[LB_POLICY_DIGEST_SIZE];
};

/* Order of keys, by blob. */
int lb_key_owner_order(const void *a, const void *b);

#endif
