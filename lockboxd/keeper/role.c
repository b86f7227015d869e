/* Roles behind grants: see role.h. */
#include "keeper/role.h"

#include <stdio.h>
#include <string.h>

#include "keeper/customer.h"
#include "keeper/grant.h"
#include "keeper/levels.h"
#include "keeper/own.h"
#include "keeper/rules.h"

void
lb_role_texts(const struct lb_policy_role *role, char groups[LB_LIST_MAX + 1],
	      char sudo[LB_LIST_MAX + 1])
{
	size_t used = 0;

	lb_policy_join(groups, LB_LIST_MAX + 1, &role->groups);
	sudo[0] = '\0';
	for (size_t i = 0; i < role->sudo.count && used < LB_LIST_MAX; i++) {
		bool root = role->sudo_as[0] == '\0' || strcmp(role->sudo_as, "root") == 0;

		/* The reader of the policy has made sure that it all fits. */
		used += (size_t)snprintf(sudo + used, LB_LIST_MAX + 1 - used, "%s%s%s%s%s",
					 used ? ", " : "", root ? "" : "(",
					 root ? "" : role->sudo_as, root ? "" : ") ",
					 role->sudo.name[i]);
	}
}

/* What a grant is good for from now on. */
static uint64_t
time_of(const struct lb_grant *g, uint64_t now_s)
{
	if (g->begun_s == 0 || g->claimed_s == 0)
		return g->duration_s;
	return g->end_s > now_s ? g->end_s - now_s : 0;
}

/* The Unix account that a role is worked with on; "": a temporary one. */
static const char *
own_account(const struct lb_policy *policy, const struct lb_policy_role *role, const char *identity)
{
	const struct lb_policy_identity *id = lb_policy_identity(policy, identity);

	return lb_policy_role_own(role) && lb_own_account(policy, identity) != 0 ? id->unix_user
										 : "";
}

bool
lb_role_unchanged(struct lb_tx *tx, const struct lb_grant *g)
{
	const struct lb_policy *policy = tx->k->policy;
	const struct lb_policy_role *role = lb_policy_role(policy, g->role);
	char groups[LB_LIST_MAX + 1], sudo[LB_LIST_MAX + 1], path[LB_POLICY_ACCESS_TEXT];

	if (role == NULL || role->resource_count > 0 ||
	    !lb_policy_may_request(policy, g->role, g->identity))
		return false;
	if (lb_policy_role_own(role) != (g->own[0] != '\0') ||
	    strcmp(g->own, own_account(policy, role, g->identity)) != 0)
		return false;
	/* Once it is claimed it was approved, as was asked for then. */
	if ((lb_state_waits(g->state) || g->state == LB_STATE_APPROVED) &&
	    ((!g->break_glass && (!lb_levels_same(policy, role, g) || !lb_rules_same(tx, g))) ||
	     !lb_customer_same(tx, g)))
		return false;
	lb_role_texts(role, groups, sudo);
	lb_policy_role_access(role, path);
	return strcmp(groups, g->groups) == 0 && strcmp(path, g->path) == 0 &&
	       strcmp(sudo, g->sudo) == 0 && strcmp(role->shell, g->shell) == 0 &&
	       time_of(g, tx->now_s) <= role->max_duration_s;
}

void
lb_role_note(const struct lb_policy *policy, const struct lb_policy_role *role, struct lb_grant *g)
{
	char path[LB_POLICY_ACCESS_TEXT];

	snprintf(g->own, sizeof g->own, "%s", own_account(policy, role, g->identity));
	lb_role_texts(role, g->groups, g->sudo);
	snprintf(g->shell, sizeof g->shell, "%s", role->shell);
	lb_policy_role_access(role, path);
	snprintf(g->path, sizeof g->path, "%.140s", path);
	g->sessions_max = role->sessions;
	g->port_forwarding = role->port_forwarding;
}

uint32_t
lb_role_sessions(const struct lb_policy_role *role, const struct lb_grant *g)
{
	return role->sessions < g->sessions_max ? role->sessions : g->sessions_max;
}

bool
lb_role_forwards(const struct lb_policy_role *role, const struct lb_grant *g)
{
	return role->port_forwarding && g->port_forwarding;
}

uint8_t
lb_role_permission(const struct lb_policy_role *role)
{
	for (uint8_t p = LB_PERMISSION_READ_ONLY; role != NULL && p < LB_PERMISSION_COUNT; p++)
		if (strcmp(lb_policy_permission(role), lb_permission_name(p)) == 0)
			return p;
	return LB_PERMISSION_UNKNOWN;
}
