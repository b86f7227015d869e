/*
 * Resources: each becomes a role of its own, "role--resource", that has all its
 * role has but the groups, commands and description, which are its own.  So
 * whatever holds of roles (levels, accounts, groups, sudoers) holds of them.
 */
#include "policy/document.h"

#include <stdio.h>
#include <string.h>

#include "err.h"
#include "name.h"

static size_t
row(enum lb_section s, const char *key)
{
	return (size_t)(lb_table_row(s, key) - lb_table_section(s)->rows);
}

static int
copy_levels(struct lb_doc *doc, const struct lb_doc_section *from, const struct lb_doc_section *to)
{
	size_t count = doc->count[LB_SECTION_LEVEL];

	for (size_t i = 0; i < count; i++) {
		const struct lb_doc_section *level = doc->list[LB_SECTION_LEVEL][i];
		struct lb_doc_section *made;

		if (level->owner != from)
			continue;
		made = lb_doc_add(doc, LB_SECTION_LEVEL, level->name, level->file, level->line);
		if (made == NULL)
			return LB_ERR_NOMEM;
		memcpy(made->values, level->values, sizeof made->values);
		made->owner = to;
	}
	return LB_OK;
}

/* The name is that of the role's group as well, so it is short. */
static bool
name_role(struct lb_doc *doc, const struct lb_doc_section *resource, char name[LB_ROLE_MAX + 1])
{
	int len = snprintf(name, LB_ROLE_MAX + 1, "%s--%s", resource->owner->name, resource->name);

	if (len < 0 || (size_t)len > LB_ROLE_MAX) {
		lb_doc_error(doc, resource,
			     "role '%s' and resource '%s' have long names; write shorter ones, %u "
			     "bytes together at most",
			     resource->owner->name, resource->name, LB_ROLE_MAX - 2u);
		return false;
	}
	for (size_t i = 0; i < doc->count[LB_SECTION_ROLE]; i++)
		if (strcmp(doc->list[LB_SECTION_ROLE][i]->name, name) == 0) {
			lb_doc_error(doc, resource,
				     "resource '%s' of role '%s' is role '%s' already; give one of "
				     "them another name",
				     resource->name, resource->owner->name, name);
			return false;
		}
	return true;
}

/* A label of the role's is not taken off by a resource. */
static bool
one_customer(struct lb_doc *doc, const struct lb_doc_section *resource)
{
	const struct lb_doc_list *of_role =
		&resource->owner->values[row(LB_SECTION_ROLE, "customer")];
	const struct lb_doc_list *own = &resource->values[row(LB_SECTION_RESOURCE, "customer")];

	if (of_role->count == 0 || own->count == 0 ||
	    strcmp(of_role->item[0]->text, own->item[0]->text) == 0)
		return true;
	lb_doc_error_at(doc, resource, "customer", 0,
			"resource '%s' of role '%s' cannot be another customer's than the role; "
			"take one of the two labels out",
			resource->name, resource->owner->name);
	return false;
}

static int
expand(struct lb_doc *doc, const struct lb_doc_section *resource)
{
	static const char *const own[] = {"description", "customer", "groups", "sudo"};
	const struct lb_doc_section *role = resource->owner;
	struct lb_doc_section *made;
	char name[LB_ROLE_MAX + 1];

	for (size_t i = 2; i < 4; i++)
		if (role->values[row(LB_SECTION_ROLE, own[i])].count > 0)
			lb_doc_error_at(doc, role, own[i], 0,
					"role '%s' has resources, so %s is written in them; take "
					"this out",
					role->name, own[i]);
	if (!name_role(doc, resource, name) || !one_customer(doc, resource))
		return LB_OK;
	made = lb_doc_add(doc, LB_SECTION_ROLE, name, resource->file, resource->line);
	if (made == NULL)
		return LB_ERR_NOMEM;
	memcpy(made->values, role->values, sizeof made->values);
	for (size_t i = 0; i < 4; i++) {
		const struct lb_doc_list *list =
			&resource->values[row(LB_SECTION_RESOURCE, own[i])];

		if (i > 1 || list->count > 0)
			made->values[row(LB_SECTION_ROLE, own[i])] = *list;
	}
	made->resource = resource;
	return copy_levels(doc, role, made);
}

int
lb_expand_resources(struct lb_doc *doc)
{
	int err = LB_OK;

	for (size_t i = 0; err == LB_OK && i < doc->count[LB_SECTION_RESOURCE]; i++)
		err = expand(doc, doc->list[LB_SECTION_RESOURCE][i]);
	if (doc->count[LB_SECTION_ROLE] > LB_POLICY_ROLES_MAX)
		lb_doc_error(doc, doc->list[LB_SECTION_ROLE][LB_POLICY_ROLES_MAX],
			     "there are more than %u roles and resources; remove some",
			     LB_POLICY_ROLES_MAX);
	return err;
}
