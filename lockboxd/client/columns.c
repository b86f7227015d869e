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
		{0x5bf, 0x5bf, 0},     {0x610, 0x61a, 0},     {0x64b, 0x65f, 0},
		{0x6d6, 0x6dc, 0},     {0x1100, 0x115f, 2},   {0x1ab0, 0x1aff, 0},
		{0x1dc0, 0x1dff, 0},   {0x20d0, 0x20ff, 0},   {0x231a, 0x231b, 2},
		{0x23e9, 0x23ec, 2},   {0x23f0, 0x23f3, 2},   {0x25fd, 0x25fe, 2},
		{0x2614, 0x2615, 2},   {0x2648, 0x2653, 2},   {0x2693, 0x2693, 2},
		{0x26a1, 0x26a1, 2},   {0x26aa, 0x26ab, 2},   {0x26bd, 0x26be, 2},
		{0x26c4, 0x26c5, 2},   {0x26ce, 0x26ce, 2},   {0x26d4, 0x26d4, 2},
		{0x26ea, 0x26ea, 2},   {0x26f2, 0x26fd, 2},   {0x2705, 0x2705, 2},
		{0x270a, 0x270b, 2},   {0x2728, 0x2728, 2},   {0x274c, 0x274e, 2},
		{0x2753, 0x2757, 2},   {0x2795, 0x2797, 2},   {0x27b0, 0x27bf, 2},
		{0x2b1b, 0x2b1c, 2},   {0x2b50, 0x2b55, 2},   {0x2e80, 0x303e, 2},
		{0x3041, 0xa4cf, 2},   {0xa960, 0xa97c, 2},   {0xac00, 0xd7a3, 2},
		{0xf900, 0xfaff, 2},   {0xfe00, 0xfe0f, 0},   {0xfe10, 0xfe19, 2},
		{0xfe20, 0xfe2f, 0},   {0xfe30, 0xfe6f, 2},   {0xff00, 0xff60, 2},
		{0xffe0, 0xffe6, 2},   {0x16fe0, 0x18aff, 2}, {0x1aff0, 0x1b2fb, 2},
		{0x1f004, 0x1f004, 2}, {0x1f0cf, 0x1f0cf, 2}, {0x1f18e, 0x1f265, 2},
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
