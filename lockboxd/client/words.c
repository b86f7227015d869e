/* Words: see words.h. */
#include "words.h"

#include <stdbool.h>
#include <string.h>

#include "err.h"

static bool
blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Copies what stands between quotes to *out; *at is behind the opening one. */
static int
copy_quoted(const char **at, char **out, char quote)
{
	const char *s = *at;

	while (*s != quote) {
		if (*s == '\0')
			return LB_ERR_MALFORMED;
		if (quote == '"' && *s == '\\' && s[1] != '\0' && strchr("\"\\$`", s[1]) != NULL)
			s++;
		*(*out)++ = *s++;
	}
	*at = s + 1;
	return LB_OK;
}

/* Copies one word to *out and ends it with NUL; *at is at its first character. */
static int
copy_word(const char **at, char **out)
{
	bool may_open = true;

	while (**at != '\0' && !blank(**at)) {
		char c = *(*at)++;

		if ((c == '\'' || c == '"') && may_open) {
			int err = copy_quoted(at, out, c);

			if (err != LB_OK)
				return err;
			continue;
		}
		if (c == '\\') {
			c = *(*at)++;
			if (c == '\0')
				return LB_ERR_MALFORMED;
		} else {
			may_open = c == '=';
		}
		*(*out)++ = c;
	}
	return LB_OK;
}

int
lb_words_split(struct lb_words *w, const char *line)
{
	char *out = w->text;

	w->count = 0;
	w->word[0] = NULL;
	if (strnlen(line, LB_COMMAND_MAX + 1) > LB_COMMAND_MAX)
		return LB_ERR_TOO_LONG;
	for (;;) {
		int err;

		while (blank(*line))
			line++;
		if (*line == '\0')
			return LB_OK;
		if (w->count == LB_WORDS_MAX)
			return LB_ERR_TOO_LONG;
		w->word[w->count++] = out;
		w->word[w->count] = NULL;
		err = copy_word(&line, &out);
		if (err != LB_OK)
			return err;
		*out++ = '\0';
	}
}
