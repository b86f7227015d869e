/* The policy as written: see document.h. */
#include "policy/document.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

struct lb_doc_section *
lb_doc_add(struct lb_doc *doc, enum lb_section section, const char *name, unsigned file,
	   unsigned line)
{
	struct lb_doc_section *s = lb_arena_get(&doc->arena, 1, sizeof *s);
	size_t count = doc->count[section];

	if (count == doc->room[section]) {
		size_t room = count > 0 ? 2 * count : 16;
		struct lb_doc_section **list = lb_arena_get(&doc->arena, room, sizeof *list);

		if (list == NULL)
			return NULL;
		if (count > 0)
			memcpy(list, doc->list[section], count * sizeof *list);
		doc->list[section] = list;
		doc->room[section] = room;
	}
	if (s == NULL)
		return NULL;
	s->name = lb_arena_copy(&doc->arena, name, strlen(name));
	if (s->name == NULL)
		return NULL;
	s->section = section;
	s->file = file;
	s->line = line;
	doc->list[section][doc->count[section]++] = s;
	return s;
}

const char *
lb_doc_file(const struct lb_doc *doc, unsigned file)
{
	if (file >= lb_policy_source_files(doc->source))
		return LB_HOST_FILE_NAME; /* host settings that nobody wrote */
	return lb_policy_source_file(doc->source, file).name;
}

static void
add(const struct lb_doc *doc, enum lb_severity severity, unsigned file, unsigned line,
    const char *format, va_list ap)
{
	char message[LB_REPORT_MESSAGE_MAX];

	if (vsnprintf(message, sizeof message, format, ap) < 0)
		message[0] = '\0';
	lb_report_add(doc->report, severity, lb_doc_file(doc, file), line, "%s", message);
}

void
lb_doc_error(const struct lb_doc *doc, const struct lb_doc_section *section, const char *format,
	     ...)
{
	va_list ap;

	va_start(ap, format);
	add(doc, LB_SEVERITY_ERROR, section->file, section->line, format, ap);
	va_end(ap);
}

void
lb_doc_warn(const struct lb_doc *doc, const struct lb_doc_section *section, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	add(doc, LB_SEVERITY_WARNING, section->file, section->line, format, ap);
	va_end(ap);
}

/* The line of item i of the value of key, the section's first when there is no such value. */
static unsigned
line_at(const struct lb_doc_section *section, const char *key, size_t i)
{
	const struct lb_policy_section *s = lb_table_section(section->section);
	const struct lb_policy_row *row = lb_table_row(section->section, key);
	const struct lb_doc_list *list;

	if (row == NULL)
		return section->line;
	list = &section->values[row - s->rows];
	if (i < list->count)
		return list->item[i]->line;
	return list->line > 0 ? list->line : section->line;
}

void
lb_doc_error_at(const struct lb_doc *doc, const struct lb_doc_section *section, const char *key,
		size_t i, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	add(doc, LB_SEVERITY_ERROR, section->file, line_at(section, key, i), format, ap);
	va_end(ap);
}

void
lb_doc_warn_at(const struct lb_doc *doc, const struct lb_doc_section *section, const char *key,
	       size_t i, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	add(doc, LB_SEVERITY_WARNING, section->file, line_at(section, key, i), format, ap);
	va_end(ap);
}
