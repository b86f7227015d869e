/* The canonical dump: the table, walked over the structs. */
#include "policy/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "text.h"

#include "policy/policy_store.h"
#include "policy/table.h"

/* Writes text in double quotes, as the scanner reads it. */
static void
dump_text(FILE *out, const char *text)
{
	putc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			putc('\\', out);
		putc(*text, out);
	}
	putc('"', out);
}

static void
dump_names(FILE *out, const struct lb_policy_names *names, const char *indent)
{
	putc('{', out);
	for (size_t i = 0; i < names->count; i++) {
		fprintf(out, "\n%s\t", indent);
		dump_text(out, names->name[i]);
		putc(',', out);
	}
	if (names->count > 0)
		fprintf(out, "\n%s", indent);
	putc('}', out);
}

static void
dump_value(FILE *out, const struct lb_policy_row *row, const void *field, const char *indent)
{
	char duration[LB_DURATION_TEXT];
	struct lb_policy_names names;
	const char *text;
	uint32_t number;
	bool yes;

	switch (lb_table_storage(row->kind)) {
	case LB_STORE_TEXT:
		memcpy(&text, field, sizeof text);
		dump_text(out, text);
		break;
	case LB_STORE_U32:
		memcpy(&number, field, sizeof number);
		lb_duration_format(duration, number);
		if (row->kind == LB_KIND_DURATION)
			dump_text(out, duration);
		else
			fprintf(out, "%u", number);
		break;
	case LB_STORE_BOOL:
		memcpy(&yes, field, sizeof yes);
		fputs(yes ? "true" : "false", out);
		break;
	case LB_STORE_NAMES:
		memcpy(&names, field, sizeof names);
		dump_names(out, &names, indent);
		break;
	}
}

/* True when an optional text or number has no value: "" and 0 would be refused. */
static bool
is_unset(const struct lb_policy_row *row, const void *field)
{
	const char *text;
	uint32_t number;

	if (lb_table_storage(row->kind) == LB_STORE_U32 && row->def == NULL) {
		memcpy(&number, field, sizeof number);
		return number == 0;
	}
	if (lb_table_storage(row->kind) != LB_STORE_TEXT)
		return false;
	memcpy(&text, field, sizeof text);
	return text[0] == '\0';
}

/* Levels are written as levels, or short: then the role's own approvers say it all. */
static bool
is_levels_own(const struct lb_policy_row *row, const struct lb_policy_role *role)
{
	return role != NULL && role->approvers.count == 0 &&
	       (strcmp(row->key, "approvers") == 0 || strcmp(row->key, "approvals") == 0);
}

static void
dump_section(FILE *out, enum lb_section section, const void *built)
{
	static const char *const indents[] = {"", "\t", "\t\t"};
	const struct lb_policy_section *kind = lb_table_section(section);
	const struct lb_policy_role *role = section == LB_SECTION_ROLE ? built : NULL;
	size_t depth = kind->word == NULL ? 0 : kind->parent == LB_SECTION_HOST ? 1 : 2;
	const char *indent = indents[depth], *name;

	if (depth > 0) {
		memcpy(&name, (const char *)built + kind->name_offset, sizeof name);
		fprintf(out, "%s%s %s {\n", depth == 1 ? "\n" : indents[depth - 1], kind->word,
			name);
	}
	for (size_t r = 0; r < kind->count; r++) {
		const void *field = (const char *)built + kind->rows[r].offset;

		if (is_unset(&kind->rows[r], field) || is_levels_own(&kind->rows[r], role))
			continue;
		fprintf(out, "%s%s = ", indent, kind->rows[r].key);
		dump_value(out, &kind->rows[r], field, indent);
		putc('\n', out);
	}
	for (size_t l = 0; role != NULL && role->approvers.count == 0 && l < role->levels; l++)
		dump_section(out, LB_SECTION_LEVEL, &role->level[l]);
	for (size_t l = 0; role != NULL && l < role->resource_count; l++)
		dump_section(out, LB_SECTION_RESOURCE, &role->resources[l]);
	if (depth > 0)
		fprintf(out, "%s}\n", indents[depth - 1]);
}

int
lb_policy_dump(const struct lb_policy *policy, char **text, size_t *len)
{
	char *buf = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&buf, &size);
	bool failed;

	if (out == NULL)
		return LB_ERR_NOMEM;
	dump_section(out, LB_SECTION_HOST, &policy->host);
	for (size_t i = 0; i < policy->identities; i++)
		dump_section(out, LB_SECTION_IDENTITY, &policy->identity[i]);
	for (size_t i = 0; i < policy->teams; i++)
		dump_section(out, LB_SECTION_TEAM, &policy->team[i]);
	for (size_t i = 0; i < policy->checks; i++)
		dump_section(out, LB_SECTION_CHECK, &policy->check[i]);
	for (size_t i = 0; i < policy->roles; i++)
		if (policy->role[i].base == NULL)
			dump_section(out, LB_SECTION_ROLE, &policy->role[i]);
	for (size_t i = 0; i < policy->customers; i++)
		dump_section(out, LB_SECTION_CUSTOMER, &policy->customer[i]);
	for (size_t i = 0; i < policy->rules; i++)
		dump_section(out, LB_SECTION_RULE, &policy->rule[i]);
	failed = ferror(out) != 0;
	if (fclose(out) != 0 || failed) {
		free(buf);
		return LB_ERR_NOMEM;
	}
	*text = buf;
	*len = size;
	return LB_OK;
}
