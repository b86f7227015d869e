/*
 * Parsing: the one place that calls libconfuse, and the run of all steps.
 *
 * libconfuse sees only files that the scanner found to be in order, with their
 * comments blanked, and hands over values as text; it converts nothing, has no
 * functions registered and no defaults.
 */
#include "policy/document.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"

/*
 * libconfuse's callbacks carry no argument, and its scanner is global anyway:
 * this is the document that is being parsed right now.
 */
static struct lb_doc *parsing;
static unsigned parsing_file;

static int
on_value(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	struct lb_doc_value *v = lb_arena_get(&parsing->arena, 1, sizeof *v);

	(void)opt;
	if (v == NULL)
		return -1;
	v->text = lb_arena_copy(&parsing->arena, text, strlen(text));
	v->line = cfg->line > 0 ? (unsigned)cfg->line : 0;
	memcpy(result, &v, sizeof v);
	return v->text == NULL ? -1 : 0;
}

static void
on_error(cfg_t *cfg, const char *format, va_list ap)
{
	char message[LB_REPORT_MESSAGE_MAX];

	if (vsnprintf(message, sizeof message, format, ap) < 0)
		message[0] = '\0';
	lb_report_add(parsing->report, LB_SEVERITY_ERROR, lb_doc_file(parsing, parsing_file),
		      cfg->line > 0 ? (unsigned)cfg->line : 0, "%s; see lockbox.conf(5)", message);
}

static void collect_inner(struct lb_doc *doc, cfg_t *cfg, const struct lb_doc_section *section);

/* Takes the values of one section over from libconfuse. */
static void
collect(struct lb_doc *doc, cfg_t *cfg, struct lb_doc_section *section)
{
	const struct lb_policy_section *kind = lb_table_section(section->section);

	if (section->section != LB_SECTION_HOST)
		collect_inner(doc, cfg, section);

	for (size_t r = 0; r < kind->count; r++) {
		cfg_opt_t *opt = cfg_getopt(cfg, kind->rows[r].key);
		struct lb_doc_list *list = &section->values[r];
		size_t n = opt != NULL ? cfg_opt_size(opt) : 0;

		if (n == 0)
			continue;
		list->item = lb_arena_get(&doc->arena, n, sizeof(struct lb_doc_value *));
		if (list->item == NULL)
			return;
		for (size_t i = 0; i < n; i++)
			list->item[i] = cfg_opt_getnptr(opt, (unsigned)i);
		list->count = n;
	}
}

/* The sections that stand in this one, in the order of the file. */
static void
collect_inner(struct lb_doc *doc, cfg_t *cfg, const struct lb_doc_section *section)
{
	for (enum lb_section s = LB_SECTION_IDENTITY; s < LB_SECTIONS; s++) {
		unsigned n = 0;

		for (size_t i = 0;
		     lb_table_section(s)->parent == section->section && i < doc->count[s]; i++)
			if (doc->list[s][i]->owner == section)
				collect(doc, cfg_getnsec(cfg, lb_table_section(s)->word, n++),
					doc->list[s][i]);
	}
}

/* Copies a file with every comment blanked, which keeps libconfuse's line count right. */
static char *
blank_comments(const struct lb_policy_file *f)
{
	char *copy = malloc(f->len + 1), quote = '\0';

	if (copy == NULL)
		return NULL;
	memcpy(copy, f->text, f->len + 1);
	for (size_t i = 0; i < f->len; i++) {
		char c = copy[i];
		bool line = c == '#' || (c == '/' && copy[i + 1] == '/');

		if (quote != '\0') {
			if (c == '\\' && copy[i + 1] != '\0')
				i++;
			else if (c == quote)
				quote = '\0';
		} else if (c == '"' || c == '\'') {
			quote = c;
		} else if (line || (c == '/' && copy[i + 1] == '*')) {
			char *end = line ? strchr(copy + i, '\n') : strstr(copy + i + 2, "*/");
			char *stop = end == NULL ? copy + f->len : line ? end : end + 2;

			for (char *p = copy + i; p < stop; p++)
				if (*p != '\n')
					*p = ' ';
			i = (size_t)(stop - copy) - 1;
		}
	}
	return copy;
}

static int
parse_text(struct lb_doc *doc, unsigned file, const char *text)
{
	unsigned errors = doc->report->errors;
	struct lb_confuse_options options;
	cfg_t *cfg;
	int rc;

	lb_table_options(&options, on_value);
	cfg = cfg_init(options.top, CFGF_NONE);
	if (cfg == NULL)
		return LB_ERR_NOMEM;
	cfg_set_error_function(cfg, on_error);
	parsing = doc;
	parsing_file = file;
	rc = cfg_parse_buf(cfg, text);
	parsing = NULL;
	if (rc == CFG_SUCCESS) {
		if (lb_policy_source_file(doc->source, file).host)
			collect(doc, cfg, doc->host);
		for (enum lb_section s = LB_SECTION_IDENTITY; s < LB_SECTIONS; s++) {
			unsigned n = 0;

			/* In the order of the file, as the scanner found them. */
			for (size_t i = 0; i < doc->count[s]; i++)
				if (doc->list[s][i]->file == file && doc->list[s][i]->owner == NULL)
					collect(doc,
						cfg_getnsec(cfg, lb_table_section(s)->word, n++),
						doc->list[s][i]);
		}
	}
	cfg_free(cfg);
	if (doc->arena.failed || (rc != CFG_SUCCESS && doc->report->errors == errors))
		return LB_ERR_NOMEM;
	return LB_OK;
}

static int
parse_file(struct lb_doc *doc, unsigned file)
{
	struct lb_policy_file f = lb_policy_source_file(doc->source, file);
	char *text = blank_comments(&f);
	int rc;

	if (text == NULL)
		return LB_ERR_NOMEM;
	rc = parse_text(doc, file, text);
	free(text);
	return rc;
}

static int
by_name(const void *a, const void *b)
{
	const struct lb_doc_section *x = *(struct lb_doc_section *const *)a;
	const struct lb_doc_section *y = *(struct lb_doc_section *const *)b;
	int order = strcmp(x->name, y->name);

	if (order == 0)
		order = x->file != y->file ? (x->file > y->file) - (x->file < y->file)
					   : (x->line > y->line) - (x->line < y->line);
	return order;
}

/* Reports every name that is there twice in sorted sections, at the later place. */
static void
find_twins(const struct lb_doc *doc, enum lb_section s, struct lb_doc_section *const *sorted)
{
	const struct lb_policy_section *kind = lb_table_section(s);

	for (size_t i = 1; i < doc->count[s]; i++) {
		const struct lb_doc_section *a = sorted[i - 1], *b = sorted[i];

		if (strcmp(a->name, b->name) == 0 && strcmp(a->name, "?") != 0 &&
		    a->owner == b->owner)
			lb_doc_error(doc, b,
				     "%s '%s' is there already, at %s:%u; give one of the two "
				     "another name or take it out",
				     kind->word, b->name, lb_doc_file(doc, a->file), a->line);
	}
	if (doc->count[s] > kind->most)
		lb_doc_error(doc, sorted[0],
			     "there are more than %zu sections of kind %s; remove some", kind->most,
			     kind->word);
}

/* Names and limits of all sections; works on a sorted copy, for libconfuse needs file order. */
static int
check_names(struct lb_doc *doc)
{
	for (enum lb_section s = LB_SECTION_IDENTITY; s < LB_SECTIONS; s++) {
		size_t n = doc->count[s];
		struct lb_doc_section **sorted;

		if (n == 0)
			continue;
		sorted = lb_arena_get(&doc->arena, n, sizeof *sorted);
		if (sorted == NULL)
			return LB_ERR_NOMEM;
		memcpy(sorted, doc->list[s], n * sizeof *sorted);
		qsort(sorted, n, sizeof *sorted, by_name);
		find_twins(doc, s, sorted);
	}
	return LB_OK;
}

static void
sort_sections(struct lb_doc *doc)
{
	for (enum lb_section s = LB_SECTION_IDENTITY; s < LB_SECTIONS; s++)
		if (doc->count[s] > 0 && lb_table_section(s)->parent == LB_SECTION_HOST)
			qsort(doc->list[s], doc->count[s], sizeof *doc->list[s], by_name);
}

/* Every file through the scanner, then, when nothing is broken, through libconfuse. */
static int
read_files(struct lb_doc *doc)
{
	unsigned files = (unsigned)lb_policy_source_files(doc->source);
	int rc = LB_OK;

	for (unsigned f = 0; rc == LB_OK && f < files; f++)
		rc = lb_scan_file(doc, f);
	if (rc == LB_OK)
		rc = check_names(doc);
	if (rc != LB_OK || doc->report->errors > 0)
		return rc;
	for (unsigned f = 0; rc == LB_OK && f < files; f++)
		rc = parse_file(doc, f);
	return rc;
}

static int
run(struct lb_doc *doc)
{
	int rc;

	doc->host = lb_doc_add(doc, LB_SECTION_HOST, "", UINT32_MAX, 0);
	if (doc->host == NULL)
		return LB_ERR_NOMEM;
	rc = read_files(doc);
	if (rc != LB_OK || doc->report->errors > 0)
		return rc;
	rc = lb_expand_resources(doc);
	if (rc != LB_OK || doc->report->errors > 0)
		return rc;
	sort_sections(doc);
	rc = lb_build_policy(doc);
	if (rc != LB_OK)
		return rc;
	return lb_validate_policy(doc);
}

int
lb_policy_parse(const struct lb_policy_source *source, struct lb_report *report,
		struct lb_policy **policy)
{
	struct lb_report own = {.found = report->found, .arg = report->arg};
	struct lb_doc doc = {.source = source, .report = &own};
	int rc;

	doc.policy = calloc(1, sizeof *doc.policy);
	if (doc.policy == NULL)
		return LB_ERR_NOMEM;
	rc = run(&doc);
	if (rc == LB_OK && (doc.arena.failed || doc.policy->arena.failed))
		rc = LB_ERR_NOMEM;
	if (rc == LB_OK && own.errors > 0)
		rc = LB_ERR_MALFORMED;
	lb_arena_clear(&doc.arena);
	report->errors += own.errors;
	report->warnings += own.warnings;
	if (rc != LB_OK) {
		lb_policy_free(doc.policy);
		return rc;
	}
	lb_policy_source_digest(source, doc.policy->digest);
	*policy = doc.policy;
	return LB_OK;
}
