/* Look-ups in a policy: see policy.h.  Nothing here changes it. */
#include "policy/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "name.h"

#include "policy/key.h"
#include "policy/policy_store.h"

void
lb_policy_free(struct lb_policy *policy)
{
	if (policy == NULL)
		return;
	lb_arena_clear(&policy->arena);
	free(policy);
}

const struct lb_policy_host *
lb_policy_host(const struct lb_policy *policy)
{
	return &policy->host;
}

const uint8_t *
lb_policy_digest(const struct lb_policy *policy)
{
	return policy->digest;
}

size_t
lb_policy_identities(const struct lb_policy *policy)
{
	return policy->identities;
}

const struct lb_policy_identity *
lb_policy_identity_at(const struct lb_policy *policy, size_t i)
{
	return i < policy->identities ? &policy->identity[i] : NULL;
}

size_t
lb_policy_teams(const struct lb_policy *policy)
{
	return policy->teams;
}

const struct lb_policy_team *
lb_policy_team_at(const struct lb_policy *policy, size_t i)
{
	return i < policy->teams ? &policy->team[i] : NULL;
}

size_t
lb_policy_checks(const struct lb_policy *policy)
{
	return policy->checks;
}

const struct lb_policy_check *
lb_policy_check_at(const struct lb_policy *policy, size_t i)
{
	return i < policy->checks ? &policy->check[i] : NULL;
}

size_t
lb_policy_roles(const struct lb_policy *policy)
{
	return policy->roles;
}

const struct lb_policy_role *
lb_policy_role_at(const struct lb_policy *policy, size_t i)
{
	return i < policy->roles ? &policy->role[i] : NULL;
}

static int
identity_order(const void *name, const void *element)
{
	return strcmp(name, ((const struct lb_policy_identity *)element)->name);
}

static int
team_order(const void *name, const void *element)
{
	return strcmp(name, ((const struct lb_policy_team *)element)->name);
}

static int
check_order(const void *name, const void *element)
{
	return strcmp(name, ((const struct lb_policy_check *)element)->name);
}

static int
role_order(const void *name, const void *element)
{
	return strcmp(name, ((const struct lb_policy_role *)element)->name);
}

const struct lb_policy_identity *
lb_policy_identity(const struct lb_policy *policy, const char *name)
{
	if (name == NULL || policy->identities == 0)
		return NULL;
	return bsearch(name, policy->identity, policy->identities, sizeof *policy->identity,
		       identity_order);
}

const struct lb_policy_team *
lb_policy_team(const struct lb_policy *policy, const char *name)
{
	if (name == NULL || policy->teams == 0)
		return NULL;
	return bsearch(name, policy->team, policy->teams, sizeof *policy->team, team_order);
}

const struct lb_policy_check *
lb_policy_check(const struct lb_policy *policy, const char *name)
{
	if (name == NULL || policy->checks == 0)
		return NULL;
	return bsearch(name, policy->check, policy->checks, sizeof *policy->check, check_order);
}

const struct lb_policy_role *
lb_policy_role(const struct lb_policy *policy, const char *name)
{
	if (name == NULL || policy->roles == 0)
		return NULL;
	return bsearch(name, policy->role, policy->roles, sizeof *policy->role, role_order);
}

static int
customer_order(const void *name, const void *element)
{
	return strcmp(name, ((const struct lb_policy_customer *)element)->name);
}

size_t
lb_policy_customers(const struct lb_policy *policy)
{
	return policy->customers;
}

const struct lb_policy_customer *
lb_policy_customer_at(const struct lb_policy *policy, size_t i)
{
	return i < policy->customers ? &policy->customer[i] : NULL;
}

const struct lb_policy_customer *
lb_policy_customer(const struct lb_policy *policy, const char *name)
{
	if (name == NULL || policy->customers == 0)
		return NULL;
	return bsearch(name, policy->customer, policy->customers, sizeof *policy->customer,
		       customer_order);
}

static int
rule_order(const void *name, const void *element)
{
	return strcmp(name, ((const struct lb_policy_rule *)element)->name);
}

size_t
lb_policy_rules(const struct lb_policy *policy)
{
	return policy->rules;
}

const struct lb_policy_rule *
lb_policy_rule_at(const struct lb_policy *policy, size_t i)
{
	return i < policy->rules ? &policy->rule[i] : NULL;
}

const struct lb_policy_rule *
lb_policy_rule(const struct lb_policy *policy, const char *name)
{
	if (name == NULL || policy->rules == 0)
		return NULL;
	return bsearch(name, policy->rule, policy->rules, sizeof *policy->rule, rule_order);
}

const char *
lb_policy_permission(const struct lb_policy_role *role)
{
	return role->root_equivalent ? "root-equivalent" : role->permission;
}

const char *
lb_policy_customer_of(const struct lb_policy *policy, const struct lb_policy_role *role)
{
	return role->customer[0] != '\0' ? role->customer : policy->host.customer;
}

static int
uid_order(const void *uid, const void *element)
{
	uint32_t want = *(const uint32_t *)uid;
	uint32_t got = (*(const struct lb_policy_identity *const *)element)->uid;

	return (want > got) - (want < got);
}

const struct lb_policy_identity *
lb_policy_identity_by_uid(const struct lb_policy *policy, uint32_t uid)
{
	const struct lb_policy_identity *const *found = NULL;

	if (uid == 0 || uid == LB_POLICY_NO_ID || lb_id_reserved(uid))
		return NULL;
	if (policy->uids > 0)
		found = bsearch(&uid, policy->by_uid, policy->uids, sizeof *policy->by_uid,
				uid_order);
	return found != NULL ? *found : NULL;
}

const struct lb_policy_identity *
lb_policy_identity_by_key(const struct lb_policy *policy, const char *type, const char *base64,
			  const struct lb_policy_key **key)
{
	uint8_t blob[LB_KEY_DECODED_MAX];
	struct lb_policy_key wanted = {.blob = blob};
	struct lb_key_owner like = {&wanted, NULL};
	const struct lb_key_owner *found = NULL;

	if (type == NULL || base64 == NULL ||
	    lb_key_blob(type, base64, blob, &wanted.blob_len) != LB_OK)
		return NULL;
	if (policy->owners > 0)
		found = bsearch(&like, policy->owner, policy->owners, sizeof *policy->owner,
				lb_key_owner_order);
	if (found == NULL)
		return NULL;
	if (key != NULL)
		*key = found->key;
	return found->identity;
}

static int
name_order(const void *name, const void *element)
{
	return strcmp(name, *(const char *const *)element);
}

bool
lb_policy_in_team(const struct lb_policy *policy, const char *team, const char *identity)
{
	const struct lb_policy_team *t = lb_policy_team(policy, team);

	if (t == NULL || identity == NULL || t->members.count == 0)
		return false;
	return bsearch(identity, t->members.name, t->members.count, sizeof *t->members.name,
		       name_order) != NULL;
}

bool
lb_policy_in_a_team(const struct lb_policy *policy, const char *identity)
{
	for (size_t i = 0; i < policy->teams; i++)
		if (lb_policy_in_team(policy, policy->team[i].name, identity))
			return true;
	return false;
}

bool
lb_policy_another(const struct lb_policy *policy, const struct lb_policy_names *teams,
		  const char *identity)
{
	for (size_t t = 0; t < teams->count; t++) {
		const struct lb_policy_team *team = lb_policy_team(policy, teams->name[t]);

		for (size_t m = 0; team != NULL && m < team->members.count; m++)
			if (strcmp(team->members.name[m], identity) != 0)
				return true;
	}
	return false;
}

static bool
in_any(const struct lb_policy *policy, const struct lb_policy_names *teams, const char *identity)
{
	for (size_t i = 0; i < teams->count; i++)
		if (lb_policy_in_team(policy, teams->name[i], identity))
			return true;
	return false;
}

bool
lb_policy_may_request(const struct lb_policy *policy, const char *role, const char *identity)
{
	const struct lb_policy_role *r = lb_policy_role(policy, role);

	return r != NULL && in_any(policy, &r->requesters, identity);
}

bool
lb_policy_level_approver(const struct lb_policy *policy, const struct lb_policy_level *level,
			 const char *identity)
{
	return in_any(policy, &level->approvers, identity);
}

bool
lb_policy_may_approve(const struct lb_policy *policy, const char *role, const char *identity)
{
	const struct lb_policy_role *r = lb_policy_role(policy, role);

	for (size_t i = 0; r != NULL && i < r->levels; i++)
		if (lb_policy_level_approver(policy, &r->level[i], identity))
			return true;
	return false;
}

uint64_t
lb_policy_role_opens(const struct lb_policy_role *role, uint64_t at_s)
{
	if (role->hours.count == 0)
		return at_s;
	return lb_hours_next(role->open, role->hours.count, &role->zone, at_s, true);
}

uint64_t
lb_policy_role_closes(const struct lb_policy_role *role, uint64_t at_s)
{
	if (role->hours.count == 0)
		return UINT64_MAX;
	return lb_hours_next(role->open, role->hours.count, &role->zone, at_s, false);
}

bool
lb_policy_manager(const struct lb_policy *policy, const struct lb_policy_role *role,
		  const char *identity)
{
	return in_any(policy, &role->managers, identity);
}

bool
lb_policy_attester(const struct lb_policy *policy, const struct lb_policy_check *check,
		   const char *identity)
{
	return in_any(policy, &check->attesters, identity);
}

bool
lb_policy_needs_eligibility(const struct lb_policy_role *role)
{
	return role->managers.count > 0;
}

bool
lb_policy_breaks_glass(const struct lb_policy_role *role, const char *identity)
{
	for (size_t i = 0; i < role->break_glass.count; i++)
		if (strcmp(role->break_glass.name[i], identity) == 0)
			return true;
	return false;
}

bool
lb_policy_reviews(const struct lb_policy *policy, const struct lb_policy_role *role,
		  const char *identity)
{
	return in_any(policy, &role->reviewers, identity);
}

bool
lb_policy_alarmed(const struct lb_policy *policy, const struct lb_policy_role *role,
		  const char *identity)
{
	return in_any(policy, &role->alarms, identity);
}

bool
lb_policy_is_auditor(const struct lb_policy *policy, const char *identity)
{
	return in_any(policy, &policy->host.auditors, identity);
}

static bool
same_names(const struct lb_policy_names *a, const struct lb_policy_names *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->name[i], b->name[i]) != 0)
			return false;
	return true;
}

bool
lb_policy_role_own(const struct lb_policy_role *role)
{
	return strcmp(role->account, "own") == 0;
}

void
lb_policy_role_access(const struct lb_policy_role *role, char out[LB_POLICY_ACCESS_TEXT])
{
	snprintf(out, LB_POLICY_ACCESS_TEXT, "%.8s%s%.128s", role->access,
		 role->path[0] != '\0' ? " " : "", role->path);
}

bool
lb_policy_role_same(const struct lb_policy_role *a, const struct lb_policy_role *b)
{
	if (!same_names(&a->groups, &b->groups) || !same_names(&a->sudo, &b->sudo))
		return false;
	for (size_t i = 0; i < a->groups.count; i++)
		if (a->gids[i] != b->gids[i])
			return false;
	return strcmp(a->path, b->path) == 0 && strcmp(a->access, b->access) == 0 &&
	       strcmp(a->sudo_as, b->sudo_as) == 0 && strcmp(a->shell, b->shell) == 0 &&
	       strcmp(a->account, b->account) == 0 && a->port_forwarding == b->port_forwarding;
}

void
lb_policy_join(char *out, size_t cap, const struct lb_policy_names *names)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < names->count; i++) {
		int n = snprintf(out + used, cap - used, "%s%s", used ? ", " : "", names->name[i]);

		if (n < 0 || (size_t)n >= cap - used) {
			memcpy(out + cap - 4, "...", 4);
			return;
		}
		used += (size_t)n;
	}
}

int
lb_key_owner_order(const void *a, const void *b)
{
	const struct lb_policy_key *x = ((const struct lb_key_owner *)a)->key;
	const struct lb_policy_key *y = ((const struct lb_key_owner *)b)->key;
	int order = memcmp(x->blob, y->blob, x->blob_len < y->blob_len ? x->blob_len : y->blob_len);

	return order != 0 ? order : (x->blob_len > y->blob_len) - (x->blob_len < y->blob_len);
}
