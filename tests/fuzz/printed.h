/* What a program has printed for people or as JSON: collected, and looked at. */
#ifndef LB_FUZZ_PRINTED_H
#define LB_FUZZ_PRINTED_H

#include <jansson.h>

#include "fuzz.h"
#include "text.h"

struct printed {
	char *text;
	size_t len;
	FILE *file;
};

static inline void
printed_open(struct printed *p)
{
	p->file = open_memstream(&p->text, &p->len);
	CHECK(p->file != NULL);
}

/* Every line is plain text: nothing that a terminal would act on. */
static inline void
printed_lines_plain(char *text)
{
	for (char *line = text, *end; *line != '\0'; line = end) {
		end = strchr(line, '\n');
		if (end != NULL)
			*end++ = '\0';
		else
			end = line + strlen(line);
		CHECK(lb_text_plain(line));
	}
}

/* One JSON document on one line of printable ASCII. */
static inline void
printed_json(const char *text, size_t len)
{
	json_error_t error;
	json_t *value;

	CHECK(len > 0 && text[len - 1] == '\n');
	for (size_t i = 0; i + 1 < len; i++)
		CHECK(text[i] >= 0x20 && text[i] < 0x7f);
	value = json_loadb(text, len, 0, &error);
	if (value == NULL)
		fprintf(stderr, "%s: %s\n", error.text, text);
	CHECK(value != NULL);
	json_decref(value);
}

static inline void
printed_close(struct printed *p)
{
	fclose(p->file);
	CHECK(strlen(p->text) == p->len);
}

#endif
