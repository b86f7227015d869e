/*
 * What somebody who has mistyped a word may have meant: keys and names of the
 * policy, verbs, options, roles.
 */
#ifndef LB_POLICY_SUGGEST_H
#define LB_POLICY_SUGGEST_H

#include <stddef.h>

/*
 * Writes "; did you mean 'X'?" into out (of size bytes) for the candidate
 * nearest to word, or otherwise "; " and instead.  Returns out.
 */
const char *lb_suggest(char *out, size_t size, const char *word, const char *const *candidates,
		       size_t count, const char *instead);

#endif
