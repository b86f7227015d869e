/*
 * Building: from values as text to the structs of policy.h, row by row of the
 * table, with every check that a single value can be given.
 */
#include "policy/document.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "name.h"
#include "proto.h"
#include "text.h"

#include "policy/key.h"
#include "policy/rights.h"
#include "policy/rule.h"

/* Checks of one text; NULL when it is fine, else "what is wrong; what to write instead". */
static const char *
check_host_name(const char *v)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";

	if (strspn(v, letters) != strlen(v) || v[0] == '.' || v[0] == '-')
		return "this is no host name; write letters, digits, . and - only";
	return NULL;
}

static const char *
check_mail(const char *v)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._%+-@";
	const char *at = strchr(v, '@');

	if (at == NULL || at == v || at[1] == '\0' || strchr(at + 1, '@') != NULL ||
	    strspn(v, letters) != strlen(v) || v[0] == '-')
		return "this is no mail address; write one such as alice@example.org";
	return NULL;
}

static const char *
check_user(const char *v)
{
	return lb_unix_name_valid(v)
		       ? NULL
		       : "this is no name of a Unix user; write small letters, digits, _ and -, at "
			 "most 32";
}

static const char *
check_group(const char *v)
{
	return lb_unix_name_valid(v) ? NULL
				     : "this is no name of a Unix group; write small letters, "
				       "digits, _ and -, at "
				       "most 32";
}

static const char *
check_path(const char *v)
{
	return lb_path_valid(v, 128) ? NULL
				     : "this is no plain absolute path; write one such as "
				       "/bin/bash, without . or "
				       ".. and without a slash at the end";
}

static const char *
check_short_name(const char *v)
{
	return lb_identity_valid(v)
		       ? NULL
		       : "this is no name of an identity, team or check; write a small letter, "
			 "then small letters, digits, _ and -, at most 18 in all";
}

static const char *
check_url(const char *v)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
		"-._~:/?#@!$&()*+,;=%";
	const char *ticket = strchr(v, '%');

	if (strspn(v, letters) != strlen(v) ||
	    (strncmp(v, "https://", 8) != 0 && strncmp(v, "http://", 7) != 0) || ticket == NULL ||
	    ticket[1] != 's' || strchr(ticket + 1, '%') != NULL)
		return "this is no address of tickets; write one with one %s, where the ticket "
		       "goes, such as https://tickets.example.org/%s";
	return NULL;
}

static const char *
check_starts(const char *v)
{
	for (unsigned s = 0; s < LB_STARTS_COUNT; s++)
		if (strcmp(v, lb_starts_name((uint8_t)s)) == 0)
			return NULL;
	return "a duration does not start with that; write claim, approval or first-login";
}

static const char *
check_account(const char *v)
{
	return strcmp(v, "own") == 0 || strcmp(v, "temporary") == 0
		       ? NULL
		       : "there is no such kind of account; write temporary, or own for the "
			 "requester's own Unix user";
}

static const char *
check_role(const char *v)
{
	return lb_role_valid(v) ? NULL
				: "this is no name of a role; write a small letter, then small "
				  "letters, digits, _ and -, at most 28 in all";
}

static const char *
check_permission(const char *v)
{
	return strcmp(v, "read-only") == 0 || strcmp(v, "change") == 0
		       ? NULL
		       : "this is no permission of a role; write read-only or change (and "
			 "root-equivalent = true for the third)";
}

static const char *
check_permissions(const char *v)
{
	return strcmp(v, "root-equivalent") == 0 || check_permission(v) == NULL
		       ? NULL
		       : "this is no permission; write read-only, change or root-equivalent";
}

static const char *
check_access(const char *v)
{
	return strcmp(v, "read") == 0 || strcmp(v, "write") == 0
		       ? NULL
		       : "this is no access to a path; write read or write";
}

static const char *
check_answer(const char *v)
{
	return strcmp(v, "true") == 0 || strcmp(v, "false") == 0
		       ? NULL
		       : "this is neither yes nor no; write true or false, or leave it out when it "
			 "does not matter";
}

static const char *
check_none(const char *v)
{
	(void)v;
	return NULL;
}

static const char *(*const text_checks[])(const char *v) = {
	[LB_KIND_TEXT] = check_none,
	[LB_KIND_HOST_NAME] = check_host_name,
	[LB_KIND_MAIL] = check_mail,
	[LB_KIND_USER] = check_user,
	[LB_KIND_PATH] = check_path,
	[LB_KIND_STARTS] = check_starts,
	[LB_KIND_ACCOUNT] = check_account,
	[LB_KIND_ZONE] = check_none, /* settle_hours() */
	[LB_KIND_HOURS] = lb_hours_problem,
	[LB_KIND_IDENTITIES] = check_short_name,
	[LB_KIND_TEAMS] = check_short_name,
	[LB_KIND_CHECKS] = check_short_name,
	[LB_KIND_ROLE] = check_role,
	[LB_KIND_GROUPS] = check_group,
	[LB_KIND_KEYS] = check_none, /* build_keys() */
	[LB_KIND_COMMANDS] = lb_command_problem,
	[LB_KIND_CUSTOMER] = check_short_name,
	[LB_KIND_URL] = check_url,
	[LB_KIND_ROLES] = check_role,
	[LB_KIND_RESOURCES] = check_short_name,
	[LB_KIND_PERMISSION] = check_permission,
	[LB_KIND_PERMISSIONS] = check_permissions,
	[LB_KIND_TICKETS] = lb_ticket_problem,
	[LB_KIND_LABELS] = check_short_name,
	[LB_KIND_ACCESS] = check_access,
	[LB_KIND_ANSWER] = check_answer,
};

/* One value on its way into a struct. */
struct target {
	struct lb_doc *doc;
	const struct lb_doc_section *section;
	const struct lb_policy_row *row;
	void *field;
};

static void
wrong(const struct target *t, size_t i, const char *value, const char *what)
{
	char shown[80];

	lb_text_escape(shown, sizeof shown, value);
	lb_doc_error_at(t->doc, t->section, t->row->key, i, "%s = '%s': %s", t->row->key, shown,
			what);
}

static void
store_text(const struct target *t, const char *value)
{
	size_t len = strlen(value);
	const char *what, *copy;
	char message[96];

	if (len > t->row->max || len < t->row->min) {
		snprintf(message, sizeof message, "this has %zu bytes; write %u to %u", len,
			 t->row->min, t->row->max);
		wrong(t, 0, value, message);
		return;
	}
	what = text_checks[t->row->kind](value);
	if (what != NULL) {
		wrong(t, 0, value, what);
		return;
	}
	copy = lb_arena_copy(&t->doc->policy->arena, value, len);
	memcpy(t->field, &copy, sizeof copy);
}

static void
store_number(const struct target *t, const char *value)
{
	bool duration = t->row->kind == LB_KIND_DURATION;
	char least[LB_DURATION_TEXT], most[LB_DURATION_TEXT], message[192];
	uint32_t n = 0;
	int rc = duration ? lb_duration_parse(value, &n) : lb_id_parse(value, &n);

	if (rc == LB_OK && n >= t->row->min && n <= t->row->max) {
		memcpy(t->field, &n, sizeof n);
		return;
	}
	if (duration) {
		lb_duration_format(least, t->row->min);
		lb_duration_format(most, t->row->max);
		if (t->row->max == 86400)
			snprintf(most, sizeof most, "24h");
		snprintf(message, sizeof message,
			 "%s; write a duration such as \"30m\" or \"1h30m\", from %s, %s at most",
			 rc == LB_OK ? "this is out of bounds" : "this is no duration", least,
			 most);
	} else {
		snprintf(message, sizeof message, "%s; write a number from %u to %u",
			 rc == LB_OK ? "this is out of bounds" : "this is no whole number",
			 t->row->min, t->row->max);
	}
	wrong(t, 0, value, message);
}

static void
store_bool(const struct target *t, const char *value)
{
	bool b = strcmp(value, "true") == 0;

	if (!b && strcmp(value, "false") != 0)
		wrong(t, 0, value, "this is neither yes nor no; write true or false");
	memcpy(t->field, &b, sizeof b);
}

static int
value_order(const void *a, const void *b)
{
	const struct lb_doc_value *x = *(const struct lb_doc_value *const *)a;
	const struct lb_doc_value *y = *(const struct lb_doc_value *const *)b;
	int order = strcmp(x->text, y->text);

	return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

/* Reports what stands twice in a list.  sorted has room for it. */
static void
find_doubles(const struct target *t, const struct lb_doc_list *list,
	     const struct lb_doc_value **sorted)
{
	memcpy(sorted, list->item, list->count * sizeof(struct lb_doc_value *));
	qsort(sorted, list->count, sizeof(struct lb_doc_value *), value_order);
	for (size_t i = 1; i < list->count; i++) {
		char shown[80];

		if (strcmp(sorted[i - 1]->text, sorted[i]->text) != 0)
			continue;
		lb_text_escape(shown, sizeof shown, sorted[i]->text);
		lb_report_add(t->doc->report, LB_SEVERITY_ERROR,
			      lb_doc_file(t->doc, t->section->file), sorted[i]->line,
			      "%s: '%s' stands there twice; take one out", t->row->key, shown);
	}
}

static void
store_names(const struct target *t, const struct lb_doc_list *list)
{
	struct lb_arena *arena = &t->doc->policy->arena;
	const struct lb_doc_value **sorted =
		lb_arena_get(&t->doc->arena, list->count, sizeof(struct lb_doc_value *));
	const char **copy = lb_arena_get(arena, list->count, sizeof(char *));
	struct lb_policy_names names = {copy, 0};

	if (copy == NULL || sorted == NULL || list->count == 0)
		return;
	find_doubles(t, list, sorted);
	if (list->count > t->row->max) {
		lb_doc_error_at(t->doc, t->section, t->row->key, 0,
				"'%s' has %zu items; write %u at most", t->row->key, list->count,
				t->row->max);
		return;
	}
	for (size_t i = 0; i < list->count; i++) {
		const struct lb_doc_value *v =
			(t->row->flags & LB_ROW_SORTED) != 0 ? sorted[i] : list->item[i];
		const char *what = text_checks[t->row->kind](list->item[i]->text);

		if (what != NULL)
			wrong(t, i, list->item[i]->text, what);
		copy[names.count++] = lb_arena_copy(arena, v->text, strlen(v->text));
		if (arena->failed)
			return;
	}
	memcpy(t->field, &names, sizeof names);
}

/* Stores one row of a section: what was written, or the default. */
static void
build_row(struct lb_doc *doc, const struct lb_doc_section *section, const struct lb_policy_row *row,
	  const struct lb_doc_list *list)
{
	struct target t = {doc, section, row, (char *)section->built + row->offset};
	const char *value = list->count > 0 ? list->item[0]->text : row->def;
	const char *empty = "";

	if ((row->flags & LB_ROW_REQUIRED) != 0 && (list->line == 0 || list->count < row->min))
		lb_doc_error_at(doc, section, row->key, 0, "%s '%s' has no %s; write %s = %s",
				lb_table_section(section->section)->word, section->name, row->key,
				row->key, lb_table_example(row->kind));
	switch (lb_table_storage(row->kind)) {
	case LB_STORE_TEXT:
		memcpy(t.field, &empty, sizeof empty);
		if (value != NULL)
			store_text(&t, value);
		break;
	case LB_STORE_U32:
		if (value != NULL)
			store_number(&t, value);
		break;
	case LB_STORE_BOOL:
		store_bool(&t, value);
		break;
	case LB_STORE_NAMES:
		store_names(&t, list);
		break;
	}
}

static void
build_section(struct lb_doc *doc, struct lb_doc_section *section, void *built)
{
	const struct lb_policy_section *kind = lb_table_section(section->section);

	section->built = built;
	if (kind->word != NULL) {
		const char *name =
			lb_arena_copy(&doc->policy->arena, section->name, strlen(section->name));

		memcpy((char *)built + kind->name_offset, &name, sizeof name);
	}
	for (size_t r = 0; r < kind->count; r++)
		build_row(doc, section, &kind->rows[r], &section->values[r]);
}

/* Reads the keys of one identity; one that is no good is reported and left empty. */
static int
build_keys(struct lb_doc *doc, struct lb_doc_section *section)
{
	struct lb_policy_identity *identity = section->built;
	struct lb_arena *arena = &doc->policy->arena;
	struct lb_policy_key *keys = lb_arena_get(arena, identity->key_texts.count, sizeof *keys);
	struct lb_key *parsed = malloc(sizeof *parsed);
	const char *why;

	for (size_t i = 0; keys != NULL && parsed != NULL && i < identity->key_texts.count; i++) {
		const char *text = identity->key_texts.name[i], *base64;
		uint8_t *blob;

		if (lb_key_parse(text, parsed, &why) != LB_OK) {
			lb_doc_error_at(doc, section, "keys", i, "keys: %s", why);
			continue;
		}
		base64 = text + strlen(parsed->type);
		base64 += strspn(base64, " ");
		keys[i].type = parsed->type;
		keys[i].base64 = lb_arena_copy(arena, base64, strcspn(base64, " "));
		blob = lb_arena_get(arena, parsed->blob_len, 1);
		keys[i].comment = lb_arena_copy(arena, parsed->comment, strlen(parsed->comment));
		keys[i].fingerprint =
			lb_arena_copy(arena, parsed->fingerprint, strlen(parsed->fingerprint));
		if (arena->failed)
			break;
		memcpy(blob, parsed->blob, parsed->blob_len);
		keys[i].blob = blob;
		keys[i].blob_len = parsed->blob_len;
	}
	identity->keys = keys;
	free(parsed);
	return parsed == NULL || arena->failed ? LB_ERR_NOMEM : LB_OK;
}

/* The longest duration may be shorter than the usual default, and a role may go without a shell. */
static void
settle_role(struct lb_doc *doc, const struct lb_doc_section *section)
{
	const struct lb_policy_row *row = lb_table_row(LB_SECTION_ROLE, "default-duration");
	struct lb_policy_role *role = section->built;
	bool written = section->values[row - lb_table_section(LB_SECTION_ROLE)->rows].line > 0;

	if (!written && role->default_duration_s > role->max_duration_s)
		role->default_duration_s = role->max_duration_s;
	if (role->shell[0] == '\0')
		role->shell = doc->policy->host.shell;
	if (role->request_lifetime_s == 0)
		role->request_lifetime_s = doc->policy->host.request_lifetime_s;
	if (role->claim_window_s == 0)
		role->claim_window_s = doc->policy->host.claim_window_s;
	if (role->break_glass.count > 0 && role->break_glass_s == 0)
		role->break_glass_s = role->max_duration_s;
	while (role->starts < LB_STARTS_COUNT &&
	       strcmp(role->starts_word, lb_starts_name((uint8_t)role->starts)) != 0)
		role->starts++; /* one that is none of them was reported when it was built */
	if (role->default_duration_s > role->max_duration_s)
		lb_doc_error_at(
			doc, section, row->key, 0,
			"default-duration is longer than max-duration; write a shorter one");
}

/* The rule of a time zone: that of a name that the source knows, or written out. */
static int
settle_hours(struct lb_doc *doc, const struct lb_doc_section *section, const char *time_zone,
	     struct lb_zone *zone, const struct lb_policy_names *hours,
	     const struct lb_hours **read)
{
	struct lb_hours *open = lb_arena_get(&doc->policy->arena, hours->count, sizeof *open);
	const char *rule = lb_policy_source_zone(doc->source, time_zone);

	if (open == NULL)
		return LB_ERR_NOMEM;
	if (rule == NULL)
		rule = strcmp(time_zone, "UTC") == 0 ? "UTC0" : time_zone;
	if (time_zone[0] != '\0' && lb_zone_parse(rule, zone) != LB_OK)
		lb_doc_error_at(doc, section, "time-zone", 0,
				"time-zone = '%.64s': there is no such time zone in "
				"/usr/share/zoneinfo; write one such as Europe/Berlin (package "
				"tzdata), or its rule, such as CET-1CEST,M3.5.0,M10.5.0/3",
				time_zone);
	for (size_t i = 0; i < hours->count; i++)
		if (lb_hours_parse(hours->name[i], &open[i]) != LB_OK)
			open[i] = (struct lb_hours){0}; /* reported when it was built */
	*read = open;
	return LB_OK;
}

/* Hours of roles and of rules, and the level that a rule adds. */
static int
settle_all_hours(struct lb_doc *doc)
{
	struct lb_policy *p = doc->policy;
	int err = LB_OK;

	for (size_t i = 0; err == LB_OK && i < p->roles; i++)
		err = settle_hours(doc, doc->list[LB_SECTION_ROLE][i], p->role[i].time_zone,
				   &p->role[i].zone, &p->role[i].hours, &p->role[i].open);
	for (size_t i = 0; err == LB_OK && i < p->rules; i++) {
		struct lb_policy_rule *r = &p->rule[i];

		r->level = (struct lb_policy_level){
			r->name, r->approvers, r->approvals > 0 ? r->approvals : 1, r->same_person};
		err = settle_hours(doc, doc->list[LB_SECTION_RULE][i], r->time_zone, &r->zone,
				   &r->hours, &r->open);
	}
	return err;
}

/* A role that names approvers instead of levels has one, which is called so. */
static int
short_form(struct lb_doc *doc, struct lb_policy_role *role)
{
	struct lb_policy_level *level = lb_arena_get(&doc->policy->arena, 1, sizeof *level);

	if (level == NULL)
		return LB_ERR_NOMEM;
	*level = (struct lb_policy_level){"approval", role->approvers, role->approvals, false};
	role->level = level;
	role->levels = 1;
	return LB_OK;
}

/* Hands each role its levels, which are written either as such or short. */
static int
settle_levels(struct lb_doc *doc)
{
	const struct lb_policy_row *rows = lb_table_section(LB_SECTION_ROLE)->rows;
	size_t approvers = (size_t)(lb_table_row(LB_SECTION_ROLE, "approvers") - rows),
	       approvals = (size_t)(lb_table_row(LB_SECTION_ROLE, "approvals") - rows);

	for (size_t i = 0; i < doc->policy->levels; i++) {
		struct lb_policy_role *role = doc->list[LB_SECTION_LEVEL][i]->owner->built;

		if (role->levels++ == 0)
			role->level = &doc->policy->level[i];
	}
	for (size_t i = 0; i < doc->policy->roles; i++) {
		const struct lb_doc_section *section = doc->list[LB_SECTION_ROLE][i];
		struct lb_policy_role *role = section->built;
		uint32_t all = 0;

		if (role->levels == 0) {
			if (section->values[approvers].count == 0)
				lb_doc_error_at(doc, section, "approvers", 0,
						"role '%s' has no approvers; write approvers = %s, "
						"or levels",
						role->name, lb_table_example(LB_KIND_TEAMS));
			if (short_form(doc, role) != LB_OK)
				return LB_ERR_NOMEM;
			continue;
		}
		for (size_t k = 0; k < 2; k++)
			if (section->values[k == 0 ? approvers : approvals].line > 0)
				lb_doc_error_at(doc, section, k == 0 ? "approvers" : "approvals", 0,
						"role '%s' has levels, so who approves is written "
						"in them; take this out",
						role->name);
		for (size_t l = 0; l < role->levels; l++)
			all += role->level[l].approvals;
		if (role->levels > LB_POLICY_LEVELS_MAX || all > LB_POLICY_APPROVALS_MAX)
			lb_doc_error(doc, section,
				     "role '%s' has %zu levels that need %u approvals; at most %u "
				     "and %u",
				     role->name, role->levels, all, LB_POLICY_LEVELS_MAX,
				     LB_POLICY_APPROVALS_MAX);
	}
	return LB_OK;
}

/* A path without access, or access without a path, gives nothing. */
static void
settle_path(const struct lb_policy_resource *resource, struct lb_policy_role *role)
{
	if (resource->path[0] == '\0')
		return;
	role->path = resource->path;
	role->access = resource->access;
}

/* Tells each role of its resources, and each role that was made of one. */
static void
settle_resources(struct lb_doc *doc)
{
	for (size_t i = 0; i < doc->policy->resources; i++) {
		struct lb_policy_role *role = doc->list[LB_SECTION_RESOURCE][i]->owner->built;

		if (role->resource_count++ == 0)
			role->resources = &doc->policy->resource[i];
	}
	for (size_t i = 0; i < doc->policy->roles; i++) {
		const struct lb_doc_section *section = doc->list[LB_SECTION_ROLE][i];
		struct lb_policy_role *role = section->built;

		role->path = role->access = "";
		if (section->resource == NULL)
			continue;
		role->base = ((const struct lb_policy_role *)section->resource->owner->built)->name;
		role->resource =
			((const struct lb_policy_resource *)section->resource->built)->name;
		settle_path(section->resource->built, role);
	}
}

int
lb_build_policy(struct lb_doc *doc)
{
	struct lb_policy *p = doc->policy;
	void *arrays[LB_SECTIONS] = {&p->host};

	for (enum lb_section s = LB_SECTION_IDENTITY; s < LB_SECTIONS; s++)
		arrays[s] = lb_arena_get(&p->arena, doc->count[s], lb_table_section(s)->size);
	if (p->arena.failed)
		return LB_ERR_NOMEM;
	for (enum lb_section s = LB_SECTION_HOST; s < LB_SECTIONS; s++)
		for (size_t i = 0; i < doc->count[s]; i++)
			build_section(doc, doc->list[s][i],
				      (char *)arrays[s] + i * lb_table_section(s)->size);
	if (p->arena.failed || doc->arena.failed)
		return LB_ERR_NOMEM;
	p->identity = arrays[LB_SECTION_IDENTITY];
	p->identities = doc->count[LB_SECTION_IDENTITY];
	p->team = arrays[LB_SECTION_TEAM];
	p->teams = doc->count[LB_SECTION_TEAM];
	p->check = arrays[LB_SECTION_CHECK];
	p->checks = doc->count[LB_SECTION_CHECK];
	p->role = arrays[LB_SECTION_ROLE];
	p->roles = doc->count[LB_SECTION_ROLE];
	p->customer = arrays[LB_SECTION_CUSTOMER];
	p->customers = doc->count[LB_SECTION_CUSTOMER];
	p->rule = arrays[LB_SECTION_RULE];
	p->rules = doc->count[LB_SECTION_RULE];
	p->resource = arrays[LB_SECTION_RESOURCE];
	p->resources = doc->count[LB_SECTION_RESOURCE];
	p->level = arrays[LB_SECTION_LEVEL];
	p->levels = doc->count[LB_SECTION_LEVEL];
	for (size_t i = 0; i < p->identities; i++)
		if (build_keys(doc, doc->list[LB_SECTION_IDENTITY][i]) != LB_OK)
			return LB_ERR_NOMEM;
	for (size_t i = 0; i < p->roles; i++)
		settle_role(doc, doc->list[LB_SECTION_ROLE][i]);
	if (settle_all_hours(doc) != LB_OK)
		return LB_ERR_NOMEM;
	settle_resources(doc);
	return settle_levels(doc);
}
