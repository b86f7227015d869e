/* Names that stand for something written elsewhere in the policy. */
#include <stdio.h>
#include <stdlib.h>

#include "policy/document.h"
#include "policy/suggest.h"

#define SUGGEST_MAX 2000u /* candidates for a suggestion; with more, none is looked for */

/* All names of one kind, for suggestions. */
static const char *const *
names_of(const struct lb_doc *doc, enum lb_section section, size_t *count)
{
	const char **names = NULL;
	size_t n = doc->count[section];

	*count = 0;
	if (n <= SUGGEST_MAX)
		names = calloc(n > 0 ? n : 1, sizeof *names);
	for (; names != NULL && *count < n; ++*count)
		names[*count] = doc->list[section][*count]->name;
	return names;
}

static bool
exists(const struct lb_doc *doc, enum lb_section section, const char *name)
{
	switch (section) {
	case LB_SECTION_IDENTITY:
		return lb_policy_identity(doc->policy, name) != NULL;
	case LB_SECTION_CUSTOMER:
		return lb_policy_customer(doc->policy, name) != NULL;
	case LB_SECTION_CHECK:
		return lb_policy_check(doc->policy, name) != NULL;
	case LB_SECTION_ROLE:
		return lb_policy_role(doc->policy, name) != NULL;
	default:
		return lb_policy_team(doc->policy, name) != NULL;
	}
}

void
lb_doc_check_names(const struct lb_doc *doc, const struct lb_doc_section *section, const char *key,
		   enum lb_section wanted)
{
	const struct lb_policy_section *kind = lb_table_section(section->section);
	const struct lb_doc_list *list =
		&section->values[lb_table_row(section->section, key) - kind->rows];
	const char *word = lb_table_section(wanted)->word;

	for (size_t i = 0; i < list->count; i++) {
		const char *name = list->item[i]->text;
		const char *const *candidates;
		char hint[128], instead[96];
		size_t count;

		if (!lb_table_section(wanted)->name_ok(name) || exists(doc, wanted, name))
			continue; /* the first was reported when it was built */
		candidates = names_of(doc, wanted, &count);
		snprintf(instead, sizeof instead, "define it with %s %s { ... }", word, name);
		lb_suggest(hint, sizeof hint, name, candidates, count, instead);
		lb_doc_error_at(doc, section, key, i, "%s: there is no %s '%s'%s", key, word, name,
				hint);
		free((void *)candidates);
	}
}
