/*
 * Where LOCKBOX_REFUSALS names a file, each refusal that a unit test provokes is added to it as a
 * line; module/refusals looks there for every reason that the keeper's source has.
 */
#ifndef LB_TEST_REFUSALS_H
#define LB_TEST_REFUSALS_H

#include <stdio.h>
#include <stdlib.h>

static inline void
note_refusal(unsigned code, const char *text)
{
	const char *path = getenv("LOCKBOX_REFUSALS");
	FILE *f = path != NULL ? fopen(path, "a") : NULL;

	if (f == NULL)
		return;
	fprintf(f, "%u ", code);
	for (; *text != '\0'; text++) /* on one line, as the source has it */
		if (*text == '\n')
			fputs("\\n", f);
		else
			fputc(*text, f);
	fputc('\n', f);
	fclose(f);
}

#endif
