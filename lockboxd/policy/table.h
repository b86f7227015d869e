/*
 * The configuration table: every setting there is, once.
 *
 * One row per key drives libconfuse's options, the scanner (which key may
 * stand where), parsing into structs, defaults and limits, the canonical dump,
 * and the test that the manual page describes every key.
 */
#ifndef LB_POLICY_TABLE_H
#define LB_POLICY_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <confuse.h>

enum lb_section {
	LB_SECTION_HOST, /* the top level of lockbox.conf */
	LB_SECTION_IDENTITY,
	LB_SECTION_TEAM,
	LB_SECTION_CHECK,
	LB_SECTION_ROLE,
	LB_SECTION_CUSTOMER,
	LB_SECTION_RULE,
	LB_SECTION_LEVEL,    /* inside a role */
	LB_SECTION_RESOURCE, /* the same */
	LB_SECTIONS
};

/* How a value is stored in its struct. */
enum lb_storage {
	LB_STORE_TEXT,	/* const char * */
	LB_STORE_U32,	/* uint32_t */
	LB_STORE_BOOL,	/* bool */
	LB_STORE_NAMES, /* struct lb_policy_names */
};

/* What a value, or each item of a list, may be. */
enum lb_kind {
	LB_KIND_TEXT,
	LB_KIND_HOST_NAME,
	LB_KIND_MAIL,
	LB_KIND_USER,
	LB_KIND_PATH,
	LB_KIND_STARTS,
	LB_KIND_ACCOUNT, /* temporary or own */
	LB_KIND_ZONE,
	LB_KIND_DURATION,
	LB_KIND_NUMBER,
	LB_KIND_BOOL,
	LB_KIND_IDENTITIES,
	LB_KIND_TEAMS,
	LB_KIND_CHECKS,
	LB_KIND_ROLE,
	LB_KIND_GROUPS,
	LB_KIND_KEYS,
	LB_KIND_COMMANDS,
	LB_KIND_HOURS,
	LB_KIND_CUSTOMER,
	LB_KIND_URL, /* with one %s */
	LB_KIND_ROLES,
	LB_KIND_RESOURCES,
	LB_KIND_PERMISSION,  /* of a role */
	LB_KIND_PERMISSIONS, /* root-equivalent as well */
	LB_KIND_TICKETS,     /* patterns */
	LB_KIND_LABELS,
	LB_KIND_ACCESS,
	LB_KIND_ANSWER, /* true or false; left out it is neither */
};

#define LB_ROW_REQUIRED 1u /* must be there */
#define LB_ROW_SORTED 2u   /* a list kept in byte order, not as written */

struct lb_policy_row {
	const char *key;
	const char *def; /* NULL: "", 0 or the empty list */
	size_t offset;	 /* in the section's struct */
	uint32_t
		min; /* of the number, the seconds, the bytes of a text (when not empty) or the items */
	uint32_t max;
	enum lb_section section;
	enum lb_kind kind;
	unsigned flags;
};

struct lb_policy_section {
	const char *word;	/* "identity"; NULL for the host's settings */
	enum lb_section parent; /* that it stands in; LB_SECTION_HOST: the top level */
	size_t size;		/* of its struct */
	const struct lb_policy_row *rows;
	size_t count; /* rows */
	size_t most;  /* how many of these sections there may be */
	bool (*name_ok)(const char *name);
	const char *name_rule; /* what a valid name looks like */
	size_t name_offset;    /* of the struct's name field */
};

#define LB_ROWS_MAX 48u /* no section has more keys */

const struct lb_policy_section *lb_table_section(enum lb_section section);
/* The row of key in section, or NULL. */
const struct lb_policy_row *lb_table_row(enum lb_section section, const char *key);
/* The section that word begins, or LB_SECTIONS. */
enum lb_section lb_table_word(const char *word);
enum lb_storage lb_table_storage(enum lb_kind kind);
/* True when the kind is a list. */
bool lb_table_list(enum lb_kind kind);
/* An example of a value, for messages: "\"4h\"". */
const char *lb_table_example(enum lb_kind kind);

/*
 * Builds libconfuse's options for one file.  Each value is handed to on_value
 * as text and kept as the pointer that it gives.  The arrays live in *options,
 * which must outlive the cfg_t.
 */
struct lb_confuse_options {
	cfg_opt_t top[LB_ROWS_MAX + LB_SECTIONS];
	cfg_opt_t sub[LB_SECTIONS][LB_ROWS_MAX + LB_SECTIONS];
};
void lb_table_options(struct lb_confuse_options *options, cfg_callback_t on_value);

#endif
