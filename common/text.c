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

/* Printable ASCII, which is nearly all that comes: neither of the two below, and one byte. */
static bool
is_ordinary(unsigned char c)
{
	return c >= 0x20 && c <= 0x7e;
}

/* Characters that move a cursor, reorder or hide text, or break a line. */
static bool
is_control(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{0x00, 0x1f},	    {0x7f, 0x9f},	{0xad, 0xad},	  {0x34f, 0x34f},
		{0x61c, 0x61c},	    {0x115f, 0x1160},	{0x17b4, 0x17b5}, {0x180b, 0x180f},
		{0x200b, 0x200f},   {0x2028, 0x202e},	{0x2060, 0x206f}, {0x3164, 0x3164},
		{0xfeff, 0xfeff},   {0xffa0, 0xffa0},	{0xfff0, 0xfffb}, {0x1bca0, 0x1bca3},
		{0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
	};

	for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

/* Marks that are drawn onto the character before them. */
static bool
is_mark(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{0x300, 0x36f},	    {0x483, 0x489},	{0x591, 0x5bd},	    {0x5bf, 0x5c7},
		{0x610, 0x61a},	    {0x64b, 0x65f},	{0x670, 0x670},	    {0x6d6, 0x6ed},
		{0x711, 0x711},	    {0x730, 0x74a},	{0x7a6, 0x7b0},	    {0x7eb, 0x7f3},
		{0x816, 0x82d},	    {0x859, 0x85b},	{0x898, 0x903},	    {0x93a, 0x94f},
		{0xe31, 0xe3a},	    {0xe47, 0xe4e},	{0xeb1, 0xebc},	    {0xec8, 0xece},
		{0xf18, 0xf19},	    {0xf71, 0xf84},	{0x135d, 0x135f},   {0x1ab0, 0x1aff},
		{0x1dc0, 0x1dff},   {0x20d0, 0x20ff},	{0x2cef, 0x2cf1},   {0x2de0, 0x2dff},
		{0x302a, 0x302f},   {0x3099, 0x309a},	{0xa66f, 0xa67d},   {0xa6f0, 0xa6f1},
		{0xa8e0, 0xa8f1},   {0xfb1e, 0xfb1e},	{0xfe00, 0xfe0f},   {0xfe20, 0xfe2f},
		{0x101fd, 0x101fd}, {0x1d165, 0x1d169}, {0x1d242, 0x1d244}, {0x1e000, 0x1e02a},
	};

	for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

/*
 * Whether a character is to be escaped: a control, or one mark more than any
 * language puts onto one character, which would be drawn over the lines around
 * it.  *marks is how many there are in a row so far.
 */
static bool
disturbs(uint32_t c, unsigned *marks)
{
	if (!is_mark(c)) {
		*marks = 0;
		return is_control(c);
	}
	return ++*marks > LB_TEXT_MARKS_MAX;
}

bool
lb_text_plain(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	unsigned marks = 0;
	uint32_t c;
	size_t len;

	for (; *s != '\0'; s += len) {
		if (is_ordinary(*s)) {
			marks = 0;
			len = 1;
			continue;
		}
		len = utf8_next(s, &c);
		if (len == 0 || disturbs(c, &marks))
			return false;
	}
	return true;
}

/* Copies what needs no escape; what follows, or what does not fit, is left to the caller. */
static size_t
copy_ordinary(char *out, size_t cap, const unsigned char *s, bool quoted)
{
	size_t n = 0;

	while (n + 1 < cap && is_ordinary(s[n]) && s[n] != '\\' && !(quoted && s[n] == '"')) {
		out[n] = (char)s[n];
		n++;
	}
	return n;
}

static size_t
escape(char *out, size_t cap, const char *text, bool quoted)
{
	const unsigned char *s = (const unsigned char *)text;
	unsigned marks = 0;
	size_t used = 0;

	if (cap == 0)
		return 0;
	while (*s != '\0') {
		char piece[4 * 4 + 1];
		uint32_t c = 0;
		size_t n = copy_ordinary(out + used, cap - used, s, quoted), len;

		if (n > 0) {
			marks = 0;
			used += n;
			s += n;
			continue;
		}
		len = utf8_next(s, &c);
		if (len == 0) {
			n = (size_t)snprintf(piece, sizeof piece, "\\x%02x", *s);
			len = 1;
		} else if (disturbs(c, &marks)) {
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

/* Exactly count digits. */
static int
digits(const char **text, size_t count)
{
	int value = 0;

	for (size_t i = 0; i < count; i++) {
		if (**text < '0' || **text > '9')
			return -1;
		value = value * 10 + (*(*text)++ - '0');
	}
	return value;
}

static bool
sign(const char **text, const char *signs)
{
	if (**text == '\0' || strchr(signs, **text) == NULL)
		return false;
	(*text)++;
	return true;
}

/* "08:30", and with seconds when there are some. */
static bool
clock_time(const char **text, struct tm *tm)
{
	tm->tm_hour = digits(text, 2);
	if (tm->tm_hour < 0 || !sign(text, ":"))
		return false;
	tm->tm_min = digits(text, 2);
	if (**text == ':') {
		(*text)++;
		tm->tm_sec = digits(text, 2);
	}
	return tm->tm_hour <= 23 && tm->tm_min >= 0 && tm->tm_min <= 59 && tm->tm_sec >= 0 &&
	       tm->tm_sec <= 59;
}

/* The next such time of day in this process's zone; one that a clock jumps over is none. */
static int
next_local(const struct tm *wanted, time_t now, uint64_t *unix_s)
{
	struct tm today;

	if (localtime_r(&now, &today) == NULL)
		return LB_ERR_MALFORMED;
	for (int day = 0; day <= 1; day++) {
		struct tm tm = {.tm_year = today.tm_year,
				.tm_mon = today.tm_mon,
				.tm_mday = today.tm_mday + day,
				.tm_hour = wanted->tm_hour,
				.tm_min = wanted->tm_min,
				.tm_isdst = -1};
		time_t t = mktime(&tm);

		if (t <= now)
			continue;
		if (tm.tm_hour != wanted->tm_hour || tm.tm_min != wanted->tm_min)
			return LB_ERR_MALFORMED;
		*unix_s = (uint64_t)t;
		return LB_OK;
	}
	return LB_ERR_MALFORMED;
}

int
lb_moment_parse(const char *text, int64_t now_s, uint64_t *unix_s)
{
	struct tm tm = {0}, zone = {0};
	bool local = strlen(text) == 5, west;
	int year, mon, day;
	time_t t;

	if (local)
		return clock_time(&text, &tm) ? next_local(&tm, (time_t)now_s, unix_s)
					      : LB_ERR_MALFORMED;
	if ((year = digits(&text, 4)) < 1970 || !sign(&text, "-") || (mon = digits(&text, 2)) < 1 ||
	    !sign(&text, "-") || (day = digits(&text, 2)) < 1 || !sign(&text, "Tt") ||
	    !clock_time(&text, &tm))
		return LB_ERR_MALFORMED;
	tm.tm_year = year - 1900;
	tm.tm_mon = mon - 1;
	tm.tm_mday = day;
	west = *text == '-';
	if (!sign(&text, "Zz") && (!sign(&text, "+-") || !clock_time(&text, &zone)))
		return LB_ERR_MALFORMED;
	t = timegm(&tm);
	/* A day that does not exist has become another one. */
	if (*text != '\0' || tm.tm_mon != mon - 1 || tm.tm_mday != day)
		return LB_ERR_MALFORMED;
	t += (west ? 1 : -1) * ((time_t)zone.tm_hour * 3600 + (time_t)zone.tm_min * 60);
	if (t <= 0)
		return LB_ERR_MALFORMED;
	*unix_s = (uint64_t)t;
	return LB_OK;
}

/* The last second of the year 9999. */
#define TIME_LAST 253402300799

/*
 * By hand: gmtime_r() reads the environment (TZ), and the PAM module formats times,
 * too.  Years begin in March here, so that a leap day is the last of one; 400 of
 * them, from 1 March 1600 on, have 146097 days.
 */
void
lb_time_format(char out[LB_TIME_TEXT], int64_t unix_s)
{
	unsigned day, century, four, year, month, second;

	if (unix_s < 0 || unix_s > TIME_LAST) {
		snprintf(out, LB_TIME_TEXT, "-");
		return;
	}
	second = (unsigned)(unix_s % 86400);
	day = (unsigned)(unix_s / 86400) + 135080; /* since 1 March 1600 */
	year = 1600 + day / 146097 * 400;
	day %= 146097;
	century = day / 36524 - day / 146096; /* the last day is one more in its century */
	day -= century * 36524;
	four = day / 1461;
	day %= 1461;
	year += century * 100 + four * 4;
	four = day / 365 - day / 1460;
	year += four;
	day -= four * 365;
	month = (day * 5 + 2) / 153; /* from March on months have 31 30 31 30 31 days, and again */
	day -= (month * 153 + 2) / 5;
	year += month >= 10;
	month = month < 10 ? month + 3 : month - 9;
	snprintf(out, LB_TIME_TEXT, "%04u-%02u-%02uT%02u:%02u:%02uZ", year, month, day + 1,
		 second / 3600, second / 60 % 60, second % 60);
}
