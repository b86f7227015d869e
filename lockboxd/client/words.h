/*
 * Cutting a command line into words, as a shell would, without a shell.
 *
 * There is no expansion: $, `, *, ;, | and their like are ordinary characters.
 */
#ifndef LB_CLIENT_WORDS_H
#define LB_CLIENT_WORDS_H

#include <stddef.h>

#define LB_COMMAND_MAX 8192u /* bytes of a whole command line */
#define LB_WORDS_MAX 512u

struct lb_words {
	size_t count;
	char *word[LB_WORDS_MAX + 1]; /* into text; ends with NULL */
	char text[LB_COMMAND_MAX + 1];
};

/*
 * Splits line at blanks and tabs.  '...' is taken as it stands, "..." too but
 * for \" \\ \$ \`, and a backslash elsewhere protects one character.
 *
 * A quote opens only where a person would mean it to: at the start of a word,
 * after '=', or right behind another quote or a protected character.  ssh
 * sends words without the quotes they were typed in, and the apostrophe of
 * "can't" in a reason is to stay what it is.
 *
 * LB_ERR_TOO_LONG: over LB_COMMAND_MAX or LB_WORDS_MAX; LB_ERR_MALFORMED: a
 * quote is left open, or a backslash ends the line.  Nothing is allocated.
 */
int lb_words_split(struct lb_words *w, const char *line);

#endif
