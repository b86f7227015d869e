/* Columns: see columns.h. */
#include "columns.h"

#include <stdint.h>
#include <string.h>

/* Reads one character of well-formed UTF-8; a stray byte counts as a character. */
static size_t
next_character(const char *text, uint32_t *c)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc0 ? 2 : 1;
	uint32_t value = len == 1 ? s[0] : s[0] & (0x7fu >> len);

	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80) {
			*c = s[0];
			return 1;
		}
		value = value << 6 | (s[i] & 0x3fu);
	}
	*c = value;
	return len;
}

static size_t
character_width(uint32_t c)
{
	static const struct {
		uint32_t first, last;
		size_t width;
	} ranges[] = {
		{0x300, 0x36f, 0},     {0x483, 0x489, 0},     {0x591, 0x5bd, 0},
		{0x610, 0x61a, 0},     {0x64b, 0x65f, 0},     {0x1100, 0x115f, 2},
		{0x1ab0, 0x1aff, 0},   {0x1dc0, 0x1dff, 0},   {0x20d0, 0x20ff, 0},
		{0x2e80, 0x303e, 2},   {0x3041, 0xa4cf, 2},   {0xac00, 0xd7a3, 2},
		{0xf900, 0xfaff, 2},   {0xfe00, 0xfe0f, 0},   {0xfe20, 0xfe2f, 0},
		{0xfe30, 0xfe6f, 2},   {0xff00, 0xff60, 2},   {0xffe0, 0xffe6, 2},
		{0x1f300, 0x1faff, 2}, {0x20000, 0x3fffd, 2},
	};

	for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return ranges[i].width;
	return 1;
}

size_t
lb_columns_width(const char *text)
{
	size_t width = 0;

	while (*text != '\0') {
		uint32_t c;

		text += next_character(text, &c);
		width += character_width(c);
	}
	return width;
}

size_t
lb_columns_prefix(const char *text, size_t width)
{
	const char *at = text;

	while (*at != '\0') {
		uint32_t c;
		size_t len = next_character(at, &c), columns = character_width(c);

		if (columns > width)
			break;
		width -= columns;
		at += len;
	}
	return (size_t)(at - text);
}

void
lb_columns_print(FILE *out, const char *text, size_t width)
{
	size_t full = lb_columns_width(text), bytes;

	if (full <= width) {
		fprintf(out, "%s%*s", text, (int)(width - full), "");
		return;
	}
	if (width == 0)
		return;
	bytes = lb_columns_prefix(text, width - 1);
	fwrite(text, 1, bytes, out);
	fputs("…", out);
	/* A wide character may have left one column over. */
	full = 0;
	for (const char *at = text; at < text + bytes;) {
		uint32_t c;

		at += next_character(at, &c);
		full += character_width(c);
	}
	fprintf(out, "%*s", (int)(width - 1 - full), "");
}

/* Bytes of the next line, blanks at its end left out; 0 when not even one word fits. */
static size_t
line_length(const char *text, size_t room)
{
	size_t fits = lb_columns_prefix(text, room), at = fits;

	if (text[fits] != '\0' && text[fits] != ' ')
		while (at > 0 && text[at - 1] != ' ')
			at--;
	while (at > 0 && text[at - 1] == ' ')
		at--;
	return at;
}

void
lb_columns_wrap(FILE *out, const char *text, size_t at, size_t indent, size_t width)
{
	for (;;) {
		size_t room = at < width ? width - at : 0;
		size_t len = line_length(text, room);

		if (len == 0 && *text != '\0' && *text != ' ' && at <= indent) {
			len = lb_columns_prefix(text, room);
			if (len == 0)
				len = strlen(text);
		}
		fwrite(text, 1, len, out);
		text += len;
		while (*text == ' ')
			text++;
		if (*text == '\0')
			break;
		fprintf(out, "\n%*s", (int)indent, "");
		at = indent;
	}
	fputc('\n', out);
}
