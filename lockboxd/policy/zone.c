/* Time zones: see zone.h, POSIX's TZ, and RFC 8536 for the files. */
#include "policy/zone.h"

#include <string.h>

#include "err.h"

#define DAY_S 86400
#define HOURS_MAX 167 /* of a rule's time, either way: RFC 8536, 3.3.1 */

/* -- reading ------------------------------------------------------------------------- */

static int
number(const char **text, int least, int most)
{
	int value = 0, digits = 0;

	for (; **text >= '0' && **text <= '9' && digits < 4; digits++)
		value = value * 10 + (*(*text)++ - '0');
	return digits == 0 || value < least || value > most ? -1 : value;
}

/* [+-]hh[:mm[:ss]] */
static bool
clock_time(const char **text, int hours_max, int32_t *seconds)
{
	int sign = **text == '-' ? -1 : 1, value, total;

	if (**text == '-' || **text == '+')
		(*text)++;
	if ((value = number(text, 0, hours_max)) < 0)
		return false;
	total = value * 3600;
	for (int unit = 60; unit > 0 && **text == ':'; unit /= 60) {
		(*text)++;
		if ((value = number(text, 0, 59)) < 0)
			return false;
		total += value * unit;
	}
	*seconds = sign * total;
	return true;
}

/* "CET" or "<+03>": it tells people something, and us nothing. */
static bool
abbreviation(const char **text)
{
	const char *s = *text;
	bool quoted = *s == '<';
	size_t len = 0;

	for (s += quoted; (*s >= 'A' && *s <= 'Z') || (*s >= 'a' && *s <= 'z') ||
			  (quoted && ((*s >= '0' && *s <= '9') || *s == '+' || *s == '-'));
	     s++)
		len++;
	if (len < 3 || len > 16 || (quoted && *s != '>'))
		return false;
	*text = s + quoted;
	return true;
}

static bool
rule(const char **text, struct lb_zone_rule *r)
{
	if (*(*text)++ != ',')
		return false;
	r->time_s = 2 * 3600;
	r->kind = (char)(**text == 'M' || **text == 'J' ? *(*text)++ : '0');
	if (r->kind != 'M') {
		r->day = number(text, r->kind == 'J' ? 1 : 0, 365);
	} else {
		r->month = number(text, 1, 12);
		if (r->month < 0 || *(*text)++ != '.' || (r->week = number(text, 1, 5)) < 0 ||
		    *(*text)++ != '.')
			return false;
		r->day = number(text, 0, 6);
	}
	if (r->day < 0)
		return false;
	if (**text != '/')
		return true;
	(*text)++;
	return clock_time(text, HOURS_MAX, &r->time_s);
}

int
lb_zone_parse(const char *text, struct lb_zone *zone)
{
	struct lb_zone z = {0};
	int32_t west;

	if (!abbreviation(&text) || !clock_time(&text, 24, &west))
		return LB_ERR_MALFORMED;
	z.standard_s = -west;
	z.changes = *text != '\0';
	if (z.changes) {
		if (!abbreviation(&text))
			return LB_ERR_MALFORMED;
		west -= 3600;
		if (*text != ',' && !clock_time(&text, 24, &west))
			return LB_ERR_MALFORMED;
		z.summer_s = -west;
		if (!rule(&text, &z.summer) || !rule(&text, &z.winter) || *text != '\0')
			return LB_ERR_MALFORMED;
	}
	*zone = z;
	return LB_OK;
}

/* -- reckoning ------------------------------------------------------------------------- */

/* Days from 1970-01-01 to a date of the Gregorian calendar, month from 1. */
static int64_t
days(int64_t year, int month, int day)
{
	int64_t y = year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
	int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool
leap(int64_t year)
{
	return days(year + 1, 1, 1) - days(year, 1, 1) == 366;
}

/* The instant of a rule in a year, where the clock shows offset_s until then. */
static int64_t
instant(const struct lb_zone_rule *r, int64_t year, int32_t offset_s)
{
	int64_t day;

	if (r->kind == 'M') {
		int64_t first = days(year, r->month, 1);
		int64_t next = r->month == 12 ? days(year + 1, 1, 1) : days(year, r->month + 1, 1);

		/* 1970-01-01 was a Thursday. */
		day = first + (r->day - (first + 4) % 7 + 7) % 7 + (int64_t)7 * (r->week - 1);
		while (day >= next)
			day -= 7;
	} else {
		day = days(year, 1, 1) + r->day;
		if (r->kind == 'J' && !(leap(year) && r->day >= 60))
			day--;
	}
	return day * DAY_S + r->time_s - offset_s;
}

int32_t
lb_zone_offset(const struct lb_zone *zone, int64_t at_s, int64_t *until)
{
	/* Every 400 years have 146097 days: near enough for the years beside it to be looked at too. */
	int64_t year = 1970 + at_s / DAY_S * 400 / 146097, last = INT64_MIN;
	int32_t offset_s = zone->standard_s;

	*until = INT64_MAX;
	for (int64_t y = year - 2; zone->changes && y <= year + 2; y++) {
		const struct {
			int64_t at_s;
			int32_t then_s;
		} turns[] = {
			{instant(&zone->summer, y, zone->standard_s), zone->summer_s},
			{instant(&zone->winter, y, zone->summer_s), zone->standard_s},
		};

		for (size_t i = 0; i < 2; i++) {
			if (turns[i].at_s > at_s && turns[i].at_s < *until)
				*until = turns[i].at_s;
			/* Of two at one instant the later in the calendar: RFC 8536, 3.3.1, summer all year. */
			if (turns[i].at_s <= at_s && turns[i].at_s >= last) {
				last = turns[i].at_s;
				offset_s = turns[i].then_s;
			}
		}
	}
	return offset_s;
}

/* -- files ------------------------------------------------------------------------------ */

bool
lb_zone_name_valid(const char *name)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-/";
	size_t len = strlen(name);

	return len > 0 && len <= 64 && strspn(name, letters) == len && name[0] != '/' &&
	       name[len - 1] != '/' && strstr(name, "//") == NULL;
}

int
lb_zone_of_file(const uint8_t *bytes, size_t len, char *out, size_t cap)
{
	size_t size = 0;
	struct lb_zone zone;

	/* From version 2 on the file ends with the rule between two newlines. */
	if (len < 44 || memcmp(bytes, "TZif", 4) != 0 || bytes[4] < '2' || bytes[len - 1] != '\n')
		return LB_ERR_MALFORMED;
	while (size < len - 1 && bytes[len - 2 - size] != '\n')
		size++;
	if (size == len - 1 || size == 0 || size >= cap || memchr(bytes + len - 1 - size, 0, size))
		return LB_ERR_MALFORMED;
	memcpy(out, bytes + len - 1 - size, size);
	out[size] = '\0';
	return lb_zone_parse(out, &zone);
}
