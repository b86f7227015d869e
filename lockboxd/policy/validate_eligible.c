/*
 * Eligibility: roles that say one thing and mean another, and roles that
 * somebody may ask to become eligible for, and never could.
 */
#include "policy/document.h"

#include <string.h>

/* Settings that are for nothing without managers. */
static void
check_managers(const struct lb_doc *doc, const struct lb_doc_section *section)
{
	const struct lb_policy_role *role = section->built;

	if (lb_policy_needs_eligibility(role))
		return;
	if (role->checks.count > 0 || role->requires[0] != '\0' || role->ends_with_eligibility)
		lb_doc_error(doc, section,
			     "role '%s' has checks, requires or ends-with-eligibility, and nobody "
			     "who approves eligibility; write managers = %s",
			     role->name, lb_table_example(LB_KIND_TEAMS));
}

/* "revoke" takes the name of either. */
static void
check_one_name(const struct lb_doc *doc, const struct lb_doc_section *section)
{
	const struct lb_policy_role *role = section->built;

	if (lb_policy_check(doc->policy, role->name) != NULL)
		lb_doc_error(doc, section,
			     "a check has the name of role '%s'; give one of them another",
			     role->name);
}

/* Follows requires for as long as there are roles; a circle has no end. */
static void
check_requires(const struct lb_doc *doc, const struct lb_doc_section *section)
{
	const struct lb_policy_role *role = section->built, *other = role;

	for (size_t i = 0; other->requires[0] != '\0'; i++) {
		const struct lb_policy_role *next = lb_policy_role(doc->policy, other->requires);

		if (next == NULL)
			return; /* reported already */
		if (next == role) {
			lb_doc_error_at(doc, section, "requires", 0,
					"role '%s' requires itself, through '%s'; take one out",
					role->name, other->name);
			return;
		}
		if (i == doc->policy->roles)
			return; /* a circle that this role leads into: those in it are reported */
		other = next;
	}
	if (other != role && !lb_policy_needs_eligibility(other))
		lb_doc_error_at(
			doc, section, "requires", 0,
			"role '%s' requires eligibility for '%s', which has no managers, so "
			"nobody is ever eligible for it; give it some",
			role->name, other->name);
}

void
lb_validate_eligibility(struct lb_doc *doc)
{
	for (size_t i = 0; i < doc->policy->roles; i++) {
		const struct lb_doc_section *section = doc->list[LB_SECTION_ROLE][i];

		check_managers(doc, section);
		check_one_name(doc, section);
		check_requires(doc, section);
	}
}

/* The check of a role that nobody else could attest of who; NULL when there is none. */
static const char *
unattestable(const struct lb_policy *p, const struct lb_policy_role *role, const char *who)
{
	for (size_t i = 0; i < role->checks.count; i++) {
		const struct lb_policy_check *check = lb_policy_check(p, role->checks.name[i]);

		if (check == NULL || !lb_policy_another(p, &check->attesters, who))
			return role->checks.name[i];
	}
	return NULL;
}

/* Reports why who can never be eligible for the role of section; true when there is nothing. */
static bool
check_person(const struct lb_doc *doc, const struct lb_doc_section *section, const char *who)
{
	const struct lb_policy *p = doc->policy;
	const struct lb_policy_role *asked = section->built;

	for (const struct lb_policy_role *role = asked; role != NULL;
	     role = lb_policy_role(p, role->requires)) {
		const char *check = unattestable(p, role, who);

		if (check != NULL)
			lb_doc_error_at(doc, section, "checks", 0,
					"role '%s': '%s' could never become eligible: nobody else "
					"could attest '%s'; add attesters",
					asked->name, who, check);
		else if (!lb_policy_another(p, &role->managers, who))
			lb_doc_error_at(doc, section, "managers", 0,
					"role '%s': '%s' could never become eligible: there is no "
					"manager of '%s' but the person; add managers",
					asked->name, who, role->name);
		else if (!lb_policy_may_request(p, role->name, who))
			lb_doc_error_at(doc, section, "requires", 0,
					"role '%s': '%s' could never become eligible: it requires "
					"'%s', whose requesters do not have this person; add them",
					asked->name, who, role->name);
		else
			continue;
		return false;
	}
	return true;
}

/* One name is enough to see what is missing. */
static void
check_people(const struct lb_doc *doc, const struct lb_doc_section *section)
{
	const struct lb_policy_role *role = section->built;

	if (!lb_policy_needs_eligibility(role))
		return;
	for (size_t t = 0; t < role->requesters.count; t++) {
		const struct lb_policy_team *team =
			lb_policy_team(doc->policy, role->requesters.name[t]);

		for (size_t m = 0; team != NULL && m < team->members.count; m++)
			if (!check_person(doc, section, team->members.name[m]))
				return;
	}
}

void
lb_validate_eligible(struct lb_doc *doc)
{
	for (size_t i = 0; i < doc->policy->roles; i++)
		check_people(doc, doc->list[LB_SECTION_ROLE][i]);
}
