/*
 * The policy as written: sections with their values as text, each with its
 * line.  What stands between scanning, libconfuse and the checks; inside
 * lockboxd/policy/ only.
 *
 *	scan.c      bytes   -> sections, and everything wrong with their shape
 *	parse.c     bytes   -> values (libconfuse), and the whole run in order
 *	build.c     values  -> structs, and everything wrong with a single value
 *	validate.c  structs -> everything wrong between them
 */
#ifndef LB_POLICY_DOCUMENT_H
#define LB_POLICY_DOCUMENT_H

#include "policy/arena.h"
#include "policy/policy.h"
#include "policy/policy_store.h"
#include "policy/table.h"

struct lb_doc_value {
	const char *text;
	unsigned line;
};

struct lb_doc_list {
	const struct lb_doc_value **item;
	size_t count;
	unsigned line; /* of the key; 0 when it is not there */
};

struct lb_doc_section {
	enum lb_section section;
	const struct lb_doc_section *resource;	/* of a role that was made of one */
	const struct lb_doc_section *owner;	/* that it stands in; NULL at the top level */
	const char *name;			/* "" for the host's settings */
	unsigned file;				/* index */
	unsigned line;				/* where it begins; 0 when nothing was written */
	struct lb_doc_list values[LB_ROWS_MAX]; /* by row */
	void *built;				/* its struct, once built */
};

struct lb_doc {
	const struct lb_policy_source *source;
	struct lb_report *report;
	struct lb_arena arena; /* of everything here */
	struct lb_doc_section *host;
	/* By section, as written; those of the top level in byte order of the names once sorted. */
	struct lb_doc_section **list[LB_SECTIONS];
	size_t count[LB_SECTIONS], room[LB_SECTIONS];
	struct lb_policy *policy; /* being made */
};

/* Appends a section; NULL when out of memory (the arena remembers). */
struct lb_doc_section *lb_doc_add(struct lb_doc *doc, enum lb_section section, const char *name,
				  unsigned file, unsigned line);
/* The name of a file as the caller gave it. */
const char *lb_doc_file(const struct lb_doc *doc, unsigned file);

/*
 * Report an error at a section, or at item i of the value of key in it (at
 * the section's first line when there is no such value).
 */
void lb_doc_error(const struct lb_doc *doc, const struct lb_doc_section *section,
		  const char *format, ...) __attribute__((format(printf, 3, 4)));
void lb_doc_error_at(const struct lb_doc *doc, const struct lb_doc_section *section,
		     const char *key, size_t i, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* The same for what is in order and may not be meant. */
void lb_doc_warn(const struct lb_doc *doc, const struct lb_doc_section *section, const char *format,
		 ...) __attribute__((format(printf, 3, 4)));
void lb_doc_warn_at(const struct lb_doc *doc, const struct lb_doc_section *section, const char *key,
		    size_t i, const char *format, ...) __attribute__((format(printf, 5, 6)));

/*
 * The steps.  Each reports what it finds and returns LB_OK, or LB_ERR_NOMEM;
 * the report's count of errors says whether the policy stands.
 */
int lb_scan_file(struct lb_doc *doc, unsigned file); /* bytes and shape of one file */
int lb_expand_resources(struct lb_doc *doc);	     /* a role for each */
int lb_build_policy(struct lb_doc *doc);	     /* single values */
int lb_validate_policy(struct lb_doc *doc);	     /* what refers to what */
void lb_validate_roles(struct lb_doc *doc);	     /* who may ask and approve */
void
lb_validate_customers(struct lb_doc *doc);   /* whose data roles touch, and who speaks for them */
void lb_validate_rights(struct lb_doc *doc); /* groups and commands of roles */
void lb_validate_eligibility(struct lb_doc *doc); /* what roles say of it */
void lb_validate_eligible(struct lb_doc *doc);	  /* who could become so */
void lb_validate_rules(struct lb_doc *doc);	  /* rules, one by one */

/*
 * Reports every name of list (the value of key) that no section of kind wanted
 * has; in validate.c.
 */
void lb_doc_check_names(const struct lb_doc *doc, const struct lb_doc_section *section,
			const char *key, enum lb_section wanted);
void lb_validate_break_glass(struct lb_doc *doc); /* who is told of it, and closes it */

#endif
