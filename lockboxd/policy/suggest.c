/* Suggestions: see suggest.h. */
#include "policy/suggest.h"

#include <stdio.h>
#include <string.h>

#define WORD_MAX 40u

/* Edit distance (insert, delete, replace, swap of neighbours), words up to WORD_MAX bytes. */
static size_t
distance(const char *a, const char *b)
{
	size_t rows[3][WORD_MAX + 1], *before = rows[0], *last = rows[1], *now = rows[2], *spare;
	size_t a_len = strnlen(a, WORD_MAX + 1), b_len = strnlen(b, WORD_MAX + 1);

	if (a_len > WORD_MAX || b_len > WORD_MAX)
		return WORD_MAX;
	for (size_t j = 0; j <= b_len; j++)
		last[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		now[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);

			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			now[j] = best;
		}
		spare = before;
		before = last;
		last = now;
		now = spare;
	}
	return last[b_len];
}

const char *
lb_suggest(char *out, size_t size, const char *word, const char *const *candidates, size_t count,
	   const char *instead)
{
	size_t allowed = strlen(word) / 3 + 1, best = allowed < 3 ? allowed + 1 : 4;
	const char *nearest = NULL;

	for (size_t i = 0; i < count; i++) {
		size_t d = distance(word, candidates[i]);

		if (d < best) {
			best = d;
			nearest = candidates[i];
		}
	}
	if (nearest != NULL)
		snprintf(out, size, "; did you mean '%s'?", nearest);
	else
		snprintf(out, size, "; %s", instead);
	return out;
}
