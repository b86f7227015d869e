/* Reports: see report.h. */
#include "policy/report.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

#include "text.h"

void
lb_report_add(struct lb_report *report, enum lb_severity severity, const char *file, unsigned line,
	      const char *format, ...)
{
	char raw[LB_REPORT_MESSAGE_MAX], message[LB_REPORT_MESSAGE_MAX], name[PATH_MAX];
	unsigned *count = severity == LB_SEVERITY_WARNING ? &report->warnings : &report->errors;
	struct lb_report_item item = {severity, name, line, message};
	va_list ap;

	if (++*count > LB_REPORT_MAX || report->found == NULL)
		return;
	va_start(ap, format);
	if (vsnprintf(raw, sizeof raw, format, ap) < 0)
		raw[0] = '\0';
	va_end(ap);
	lb_text_escape(message, sizeof message, raw);
	lb_text_escape(name, sizeof name, file);
	report->found(report->arg, &item);
}

void
lb_report_text(char *out, size_t cap, const struct lb_report_item *item)
{
	const char *mark = item->severity == LB_SEVERITY_WARNING ? "warning: " : "";
	const char *colon = item->file[0] != '\0' ? ": " : "";

	if (item->line > 0)
		snprintf(out, cap, "%s:%u: %s%s", item->file, item->line, mark, item->message);
	else
		snprintf(out, cap, "%s%s%s%s", item->file, colon, mark, item->message);
}
