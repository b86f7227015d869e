/*
 * Break-glass in roles: who may take one at once must be among those who may
 * ask for it, somebody else must be told, and somebody else able to close the
 * review.
 */
#include "policy/document.h"

#include <stdio.h>
#include <string.h>

#include "name.h"

static bool
written(const struct lb_doc_section *section, const char *key)
{
	const struct lb_policy_row *rows = lb_table_section(LB_SECTION_ROLE)->rows;

	return section->values[lb_table_row(LB_SECTION_ROLE, key) - rows].count > 0;
}

/* What belongs to break-glass says nothing in a role that has none. */
static void
check_stray(const struct lb_doc *doc, const struct lb_doc_section *section)
{
	static const char *const keys[] = {"break-glass-for", "alarms", "reviewers"};

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (written(section, keys[i]))
			lb_doc_error_at(
				doc, section, keys[i], 0,
				"role '%s' has no break-glass, so %s says nothing; name people in "
				"break-glass, or take this out",
				section->name, keys[i]);
}

static bool
check_person(const struct lb_doc *doc, const struct lb_doc_section *section, size_t i)
{
	const struct lb_policy *p = doc->policy;
	const struct lb_policy_role *role = section->built;
	const char *who = role->break_glass.name[i];

	if (!lb_policy_may_request(p, role->name, who))
		lb_doc_error_at(doc, section, "break-glass", i,
				"role '%s': '%s' is in break-glass and not among its requesters; "
				"add the identity to one of their teams",
				role->name, who);
	else if (!lb_policy_another(p, &role->alarms, who))
		lb_doc_error_at(doc, section, "alarms", 0,
				"role '%s': nobody but '%s' would be told of break-glass by that "
				"person; write alarms = %s, with somebody else in it",
				role->name, who, lb_table_example(LB_KIND_TEAMS));
	else if (!lb_policy_another(p, &role->reviewers, who))
		lb_doc_error_at(doc, section, "reviewers", 0,
				"role '%s': nobody but '%s' could close the review of break-glass "
				"by that person; write reviewers = %s, with somebody else in it",
				role->name, who, lb_table_example(LB_KIND_TEAMS));
	else
		return true;
	return false;
}

static void
check_role(const struct lb_doc *doc, const struct lb_doc_section *section)
{
	const struct lb_policy_role *role = section->built;

	if (role->base != NULL)
		return; /* as its role, which is looked at */
	if (role->break_glass.count == 0) {
		check_stray(doc, section);
		return;
	}
	if (role->break_glass_s > role->max_duration_s)
		lb_doc_error_at(doc, section, "break-glass-for", 0,
				"role '%s': break-glass-for is longer than max-duration; write a "
				"shorter one",
				role->name);
	/* One name is enough to see what is missing. */
	for (size_t i = 0; i < role->break_glass.count; i++)
		if (!check_person(doc, section, i))
			return;
}

void
lb_validate_break_glass(struct lb_doc *doc)
{
	for (size_t i = 0; i < doc->policy->identities; i++)
		if (strcmp(doc->policy->identity[i].name, LB_SEALED_NAME) == 0)
			lb_doc_error(doc, doc->list[LB_SECTION_IDENTITY][i],
				     "identity '%s': the record calls so whoever broke the seal of "
				     "this host; give it another name",
				     LB_SEALED_NAME);
	for (size_t i = 0; i < doc->policy->roles; i++) {
		/* Its reviewers would be the seal's: see keeper/seal.c. */
		if (strcmp(doc->policy->role[i].name, LB_SEALED_NAME) == 0)
			lb_doc_error(doc, doc->list[LB_SECTION_ROLE][i],
				     "role '%s': the record calls so what the seal of this host "
				     "gives; give it another name",
				     LB_SEALED_NAME);
		check_role(doc, doc->list[LB_SECTION_ROLE][i]);
	}
}
