/*
 * The words and signs of a policy file: what scan.c reads it by.  The rules
 * are in scan.c; inside lockboxd/policy/ only.
 */
#ifndef LB_POLICY_TOKEN_H
#define LB_POLICY_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/document.h"

#define LB_STRING_MAX 4096u /* bytes between the quotes */
#define LB_WORD_MAX 64u	    /* bytes of a word */

enum lb_token {
	LB_TOKEN_END,
	LB_TOKEN_WORD,
	LB_TOKEN_STRING,
	LB_TOKEN_SIGN, /* { } = , */
	LB_TOKEN_BAD,  /* reported already */
};

struct lb_scan {
	struct lb_doc *doc;
	unsigned file;
	const char *text;
	size_t len, pos;
	unsigned line;
	/* The token that was read last. */
	enum lb_token token;
	char sign;
	unsigned token_line;
	char word[LB_STRING_MAX + 1]; /* of a word or string, escapes as written */
};

/* Reports an error of the file that is scanned. */
void lb_scan_problem(const struct lb_scan *s, unsigned line, const char *what);
/* Checks every byte of the file, comments included; reports the first that may not be there. */
bool lb_scan_bytes(const struct lb_scan *s);
/* Reads the next token into s and returns its kind. */
enum lb_token lb_scan_next(struct lb_scan *s);

#endif
