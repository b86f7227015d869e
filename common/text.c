/* Text: see text.h. */
#include "text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "err.h"

/*
 * Decodes one UTF-8 character (RFC 3629: no overlong forms, no surrogates).
 * Returns its length, or 0 when the bytes are not one.
 */
static size_t
utf8_next(const unsigned char *s, uint32_t *c)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t value;
	size_t len;

	if (s[0] < 0x80) {
		*c = s[0];
		return 1;
	}
	if (s[0] >= 0xc2 && s[0] <= 0xdf) {
		len = 2;
		value = s[0] & 0x1fu;
	} else if ((s[0] & 0xf0) == 0xe0) {
		len = 3;
		value = s[0] & 0x0fu;
	} else if (s[0] >= 0xf0 && s[0] <= 0xf4) {
		len = 4;
		value = s[0] & 0x07u;
	} else {
		return 0;
	}
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (s[i] & 0x3fu);
	}
	if (value < least[len] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 0;
	*c = value;
	return len;
}

/* Characters that move a cursor, reorder or hide text, or break a line. */
static bool
is_control(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{0x00, 0x1f},	  {0x7f, 0x9f},	    {0xad, 0xad},	{0x61c, 0x61c},
		{0x180e, 0x180e}, {0x200b, 0x200f}, {0x2028, 0x202e},	{0x2060, 0x206f},
		{0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f},
	};

	for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

bool
lb_text_plain(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	uint32_t c;
	size_t len;

	for (; *s != '\0'; s += len) {
		len = utf8_next(s, &c);
		if (len == 0 || is_control(c))
			return false;
	}
	return true;
}

static size_t
escape(char *out, size_t cap, const char *text, bool quoted)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t used = 0;

	if (cap == 0)
		return 0;
	while (*s != '\0') {
		char piece[4 * 4 + 1];
		uint32_t c = 0;
		size_t len = utf8_next(s, &c), n;

		if (len == 0) {
			n = (size_t)snprintf(piece, sizeof piece, "\\x%02x", *s);
			len = 1;
		} else if (is_control(c)) {
			n = 0;
			for (size_t i = 0; i < len; i++)
				n += (size_t)snprintf(piece + n, sizeof piece - n, "\\x%02x", s[i]);
		} else if (c == '\\' || (quoted && c == '"')) {
			n = (size_t)snprintf(piece, sizeof piece, "\\%c", (char)c);
		} else {
			memcpy(piece, s, len);
			n = len;
		}
		if (n >= cap - used)
			break;
		memcpy(out + used, piece, n);
		used += n;
		s += len;
	}
	out[used] = '\0';
	return used;
}

size_t
lb_text_escape(char *out, size_t cap, const char *text)
{
	return escape(out, cap, text, false);
}

size_t
lb_text_escape_quoted(char *out, size_t cap, const char *text)
{
	return escape(out, cap, text, true);
}

static const struct {
	char unit;
	uint32_t seconds;
} units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

#define UNITS (sizeof units / sizeof units[0])
#define YEAR_S (UINT64_C(366) * 86400)

int
lb_duration_parse(const char *text, uint32_t *seconds)
{
	uint64_t total = 0;
	size_t next_unit = 0;

	if (*text == '\0')
		return LB_ERR_MALFORMED;
	while (*text != '\0') {
		uint64_t value = 0;
		size_t digits = 0, u;

		for (; *text >= '0' && *text <= '9' && digits < 9; text++, digits++)
			value = value * 10 + (uint64_t)(*text - '0');
		if (digits == 0)
			return LB_ERR_MALFORMED;
		for (u = next_unit; u < UNITS && units[u].unit != *text; u++)
			;
		if (u == UNITS)
			return LB_ERR_MALFORMED;
		total += value * units[u].seconds;
		next_unit = u + 1;
		text++;
	}
	if (total == 0 || total > YEAR_S)
		return LB_ERR_MALFORMED;
	*seconds = (uint32_t)total;
	return LB_OK;
}

void
lb_duration_format(char out[LB_DURATION_TEXT], uint64_t seconds)
{
	size_t used = 0;

	if (seconds == 0) {
		snprintf(out, LB_DURATION_TEXT, "0s");
		return;
	}
	for (size_t u = 0; u < UNITS; u++) {
		uint64_t n = seconds / units[u].seconds;

		seconds %= units[u].seconds;
		if (n > 0 && used < LB_DURATION_TEXT)
			used += (size_t)snprintf(out + used, LB_DURATION_TEXT - used, "%llu%c",
						 (unsigned long long)n, units[u].unit);
	}
}

void
lb_time_format(char out[LB_TIME_TEXT], int64_t unix_s)
{
	time_t t = (time_t)unix_s;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(out, LB_TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		snprintf(out, LB_TIME_TEXT, "-");
}
