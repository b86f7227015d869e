/*
 * The options of the verbs: one table of what exists, and per verb which of
 * them it takes.
 *
 * "--name value" and "--name=value" both work.  A sentence (--reason,
 * --comment) takes every word up to the next one that begins with "--",
 * because ssh joins words with blanks and loses their quotes.
 */
#ifndef LB_CLIENT_ARGS_H
#define LB_CLIENT_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "proto.h"

enum lb_option {
	LB_OPT_JSON = 1 << 0,
	LB_OPT_HELP = 1 << 1,
	LB_OPT_FOR = 1 << 2,
	LB_OPT_REASON = 1 << 3,
	LB_OPT_COMMENT = 1 << 4,
	LB_OPT_TICKET = 1 << 5,
	LB_OPT_AFTER = 1 << 6,
	LB_OPT_GRANT = 1 << 7,
	LB_OPT_SOCKET = 1 << 8, /* local only */
	LB_OPT_WAIT = 1 << 9,
	LB_OPT_ON = 1 << 10,
	LB_OPT_OFF = 1 << 11,
	LB_OPT_APPROVERS = 1 << 12,
	LB_OPT_APPROVALS = 1 << 13,
	LB_OPT_START_AT = 1 << 16,
	LB_OPT_RESOURCE = 1 << 17,
	LB_OPT_STATEMENT = 1 << 20,
	LB_OPT_SIGNATURE = 1 << 21,
	LB_OPT_SIGN = 1 << 22, /* local only */
	LB_OPT_BREAK_GLASS = 1 << 24,
	LB_OPT_NO_BREAK_GLASS = 1 << 25,
	LB_OPT_JUSTIFIED = 1 << 26,
	LB_OPT_NOT_JUSTIFIED = 1 << 27,
	LB_OPT_ALL = 1 << 28,
};

/* The word a verb takes besides its options. */
enum lb_operand {
	LB_OPERAND_NONE,
	LB_OPERAND_ROLE,
	LB_OPERAND_ID,
	LB_OPERAND_MAYBE_ID,
	LB_OPERAND_MAYBE_NAME,
	LB_OPERAND_WORDS, /* up to LB_WORDS_OPERAND, which the verb reads itself */
};
#define LB_WORDS_OPERAND 3

struct lb_syntax {
	enum lb_operand operand;
	unsigned allowed, required; /* enum lb_option; --json and --help are always allowed */
};

#define LB_PROBLEM_TEXT 512

struct lb_args {
	unsigned given;		    /* enum lb_option */
	uint64_t id;		    /* 0: not given */
	char role[LB_ROLE_MAX + 1]; /* or another name, of MAYBE_NAME */
	uint32_t duration_s;	    /* 0: not given */
	uint64_t start_s;	    /* Unix seconds; 0: not given */
	char resource[LB_IDENTITY_MAX + 1];
	const char *word[LB_WORDS_OPERAND]; /* borrowed from the words */
	unsigned words;
	char ticket[LB_TICKET_MAX + 1];
	char text[LB_REASON_MAX + 1];  /* of --reason, --comment or --approvers */
	uint64_t after, grant;	       /* after: of --after or --approvals */
	const char *socket;	       /* borrowed from the words */
	const char *file;	       /* of --signature or --sign; the same */
	char problem[LB_PROBLEM_TEXT]; /* what is wrong and what to write, escaped */
};

/*
 * Reads count words, all that follow the verb.  On success args is filled.
 * LB_ERR_MALFORMED: args->problem says why, and args->given still tells of
 * --json and --help, so that the caller answers in the form asked for.
 */
int lb_args_parse(struct lb_args *args, const struct lb_syntax *syntax, size_t count,
		  char *const *words);

/* Reads "R-17", "r-17" or "17" into a grant id above 0.  LB_ERR_MALFORMED. */
int lb_args_grant_id(const char *text, uint64_t *id);

/* An option that a verb takes; value is what stands for its value in help, NULL of a flag. */
struct lb_option_name {
	const char *name, *value;
};
/* The next option that syntax allows, from *i (0) on, which is moved on.  False: there is none. */
bool lb_args_option(const struct lb_syntax *syntax, size_t *i, struct lb_option_name *option);

/* Prints the options that syntax allows, one line each, for --help. */
void lb_args_help(FILE *out, const struct lb_syntax *syntax);

#endif
