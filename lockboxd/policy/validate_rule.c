/*
 * Rules, one by one: what they name is there, what they say does not contradict
 * itself, and none of them approves what is never approved by rule.  (Whether
 * their levels can be had: validate_role.c.)
 */
#include "policy/document.h"

#include <string.h>

#include "policy/rule.h"

static bool
has(const struct lb_policy_names *names, const char *name)
{
	for (size_t i = 0; name != NULL && i < names->count; i++)
		if (strcmp(names->name[i], name) == 0)
			return true;
	return false;
}

/* A resource must be one of a role that the rule is about. */
static void
check_resources(const struct lb_doc *doc, const struct lb_doc_section *section,
		const struct lb_policy_rule *r)
{
	const struct lb_policy *p = doc->policy;

	for (size_t i = 0; i < r->resources.count; i++) {
		bool found = false;

		for (size_t k = 0; !found && k < p->roles; k++)
			found = p->role[k].resource != NULL &&
				strcmp(p->role[k].resource, r->resources.name[i]) == 0 &&
				(r->roles.count == 0 || has(&r->roles, p->role[k].base) ||
				 has(&r->roles, p->role[k].name));
		if (!found)
			lb_doc_error_at(doc, section, "resources", i,
					"rule '%s': no role that it is about has a resource '%s'; "
					"take it out",
					r->name, r->resources.name[i]);
	}
}

static void
check_effect(const struct lb_doc *doc, const struct lb_doc_section *section,
	     const struct lb_policy_rule *r)
{
	if (!r->approve && r->approvers.count == 0)
		lb_doc_error(
			doc, section,
			"rule '%s' does nothing; write approve = true, or approvers = %s for a "
			"level that it adds",
			r->name, lb_table_example(LB_KIND_TEAMS));
	if (r->approve && (r->approvers.count > 0 || r->approvals > 0))
		lb_doc_error_at(doc, section, r->approvers.count > 0 ? "approvers" : "approvals", 0,
				"rule '%s' approves, so it can add no level; take one out, or make "
				"two rules of it",
				r->name);
	if (r->at_most_s != 0 && r->at_most_s <= r->longer_than_s)
		lb_doc_error_at(doc, section, "at-most", 0,
				"rule '%s' can never hold: nothing is longer than longer-than and "
				"no longer than at-most; write a longer at-most",
				r->name);
}

/* What no rule may approve. */
static void
check_approves(const struct lb_doc *doc, const struct lb_doc_section *section,
	       const struct lb_policy_rule *r)
{
	if (r->roles.count == 0 && r->permissions.count == 0)
		lb_doc_error(doc, section,
			     "rule '%s' would approve whatever is asked for; write roles = %s, or "
			     "permissions = {\"read-only\"}",
			     r->name, lb_table_example(LB_KIND_ROLES));
	for (size_t i = 0; i < r->permissions.count; i++)
		if (strcmp(r->permissions.name[i], "root-equivalent") == 0)
			lb_doc_error_at(doc, section, "permissions", i,
					"rule '%s': what is as good as root is never approved by "
					"rule; take it out",
					r->name);
	for (size_t i = 0; i < r->roles.count; i++) {
		const struct lb_policy_role *role = lb_policy_role(doc->policy, r->roles.name[i]);

		if (role != NULL && !lb_rule_may_approve(role))
			lb_doc_error_at(doc, section, "roles", i,
					"rule '%s': role '%s' is %s, and is never approved by "
					"rule; take it out",
					r->name, role->name,
					role->root_equivalent ? "as good as root"
							      : "for signed approvals");
	}
}

/* A level that a rule adds bears the rule's name, and stands among others. */
static void
check_name(const struct lb_doc *doc, const struct lb_doc_section *section,
	   const struct lb_policy_rule *r)
{
	const struct lb_policy *p = doc->policy;
	const char *taken = NULL;

	if (lb_policy_customer(p, r->name) != NULL)
		taken = "a customer";
	for (size_t i = 0; i < p->roles; i++)
		for (size_t l = 0; l < p->role[i].levels; l++)
			if (strcmp(p->role[i].level[l].name, r->name) == 0)
				taken = "a level of a role";
	if (taken != NULL)
		lb_doc_error(doc, section, "rule '%s' is named as %s; give it another name",
			     r->name, taken);
}

/* Whether it is about any role, whoever asks, whenever and on whatever host. */
static void
check_reach(const struct lb_doc *doc, const struct lb_doc_section *section,
	    const struct lb_policy_rule *r)
{
	const struct lb_policy *p = doc->policy;
	struct lb_policy_rule anywhere = *r;

	anywhere.labels.count = 0;
	for (size_t i = 0; i < p->roles; i++)
		if (lb_rule_about_role(p, &anywhere, &p->role[i]))
			return;
	lb_doc_warn(doc, section, "rule '%s' holds for no role of this policy", r->name);
}

void
lb_validate_rules(struct lb_doc *doc)
{
	const struct lb_policy *p = doc->policy;

	for (size_t i = 0; i < p->roles; i++)
		if (p->role[i].root_equivalent && strcmp(p->role[i].permission, "read-only") == 0)
			lb_doc_error_at(doc, doc->list[LB_SECTION_ROLE][i], "permission", 0,
					"role '%s' is as good as root, so not read-only; take one "
					"of the two out",
					p->role[i].name);
	for (size_t i = 0; i < p->rules; i++) {
		const struct lb_doc_section *section = doc->list[LB_SECTION_RULE][i];
		const struct lb_policy_rule *r = &p->rule[i];

		lb_doc_check_names(doc, section, "roles", LB_SECTION_ROLE);
		lb_doc_check_names(doc, section, "identities", LB_SECTION_IDENTITY);
		lb_doc_check_names(doc, section, "teams", LB_SECTION_TEAM);
		lb_doc_check_names(doc, section, "approvers", LB_SECTION_TEAM);
		check_resources(doc, section, r);
		check_effect(doc, section, r);
		if (r->approve)
			check_approves(doc, section, r);
		check_name(doc, section, r);
		check_reach(doc, section, r);
	}
}
