/*
 * Reports: how the policy reader tells its caller what is wrong and where.
 *
 * The reader never prints and never logs.  It calls the caller's function once
 * per finding, in the order found, at most LB_REPORT_MAX times for errors and
 * as often for warnings; the counts go on.  Messages are plain text (see
 * lb_text_plain()), without a newline, shaped "what is wrong; what to write
 * instead".
 */
#ifndef LB_POLICY_REPORT_H
#define LB_POLICY_REPORT_H

#include <stddef.h>

#define LB_REPORT_MAX 20
#define LB_REPORT_MESSAGE_MAX 512 /* bytes of a message, with the NUL */

enum lb_severity {
	LB_SEVERITY_ERROR,
	LB_SEVERITY_WARNING,
};

struct lb_report_item {
	enum lb_severity severity;
	const char *file;    /* as the caller named it, escaped; "" when no file is meant */
	unsigned line;	     /* from 1; 0 when the file as a whole is meant */
	const char *message; /* valid during the call only, like file */
};

struct lb_report {
	/* Called for each finding; may be NULL, then only the counts are kept. */
	void (*found)(void *arg, const struct lb_report_item *item);
	void *arg;
	unsigned errors, warnings; /* set to 0 by the caller before the first use */
};

/*
 * Reports one finding.  A message that is too long is cut; characters that
 * could disturb a terminal are escaped.  Never fails, never blocks by itself.
 */
void lb_report_add(struct lb_report *report, enum lb_severity severity, const char *file,
		   unsigned line, const char *format, ...) __attribute__((format(printf, 5, 6)));

/*
 * Writes "FILE:LINE: message" ("FILE: message" for line 0; "warning: " before
 * the message of a warning) into out, always terminated.
 */
void lb_report_text(char *out, size_t cap, const struct lb_report_item *item);

#endif
