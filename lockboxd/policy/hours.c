/* Hours: see hours.h. */
#include "policy/hours.h"

#include <string.h>

#include "err.h"

#define DAY_S INT64_C(86400)
#define AHEAD_S (16 * (uint64_t)DAY_S) /* hours come again every week */

static const char day_names[7][4] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

static bool
day(const char **text, unsigned *which)
{
	for (unsigned d = 0; d < 7; d++)
		if (strncmp(*text, day_names[d], 3) == 0) {
			*which = d;
			*text += 3;
			return true;
		}
	return false;
}

/* "mon-fri", "sat,sun", "fri-mon", "daily". */
static bool
some_days(const char **text, uint8_t *days)
{
	unsigned first, last;

	*days = 0;
	if (strncmp(*text, "daily", 5) == 0) {
		*text += 5;
		*days = 0x7f;
		return true;
	}
	for (;;) {
		if (!day(text, &first))
			return false;
		last = first;
		if (**text == '-' && (++*text, !day(text, &last)))
			return false;
		for (unsigned d = first;; d = (d + 1) % 7) {
			*days |= (uint8_t)(1u << d);
			if (d == last)
				break;
		}
		if (**text != ',')
			return true;
		++*text;
	}
}

static bool
time_of_day(const char **text, uint32_t *seconds)
{
	const char *s = *text;
	uint32_t hour, minute;

	for (size_t i = 0; i < 5; i++)
		if (i == 2 ? s[i] != ':' : s[i] < '0' || s[i] > '9')
			return false;
	hour = (uint32_t)((s[0] - '0') * 10 + s[1] - '0');
	minute = (uint32_t)((s[3] - '0') * 10 + s[4] - '0');
	*seconds = hour * 3600 + minute * 60;
	*text += 5;
	return minute < 60 && *seconds <= DAY_S;
}

int
lb_hours_parse(const char *text, struct lb_hours *hours)
{
	struct lb_hours h;

	if (!some_days(&text, &h.days) || *text++ != ' ' || !time_of_day(&text, &h.from_s) ||
	    *text++ != '-' || !time_of_day(&text, &h.to_s) || *text != '\0' || h.from_s >= h.to_s)
		return LB_ERR_MALFORMED;
	*hours = h;
	return LB_OK;
}

const char *
lb_hours_problem(const char *text)
{
	struct lb_hours h;

	if (lb_hours_parse(text, &h) == LB_OK)
		return NULL;
	return "these are no hours; write days and a time that begins before it ends, such as "
	       "mon-fri 08:00-18:00 or sat,sun 10:00-24:00";
}

uint64_t
lb_hours_next(const struct lb_hours *hours, size_t count, const struct lb_zone *zone, uint64_t at_s,
	      bool open)
{
	if (at_s > (uint64_t)INT64_MAX / 4)
		return UINT64_MAX;
	for (int64_t t = (int64_t)at_s; t < (int64_t)(at_s + AHEAD_S);) {
		int64_t until, local = t + lb_zone_offset(zone, t, &until);
		int64_t second = (local % DAY_S + DAY_S) % DAY_S, next = DAY_S;
		/* 1970-01-01 was a Thursday. */
		unsigned today = 1u << (((local - second) / DAY_S + 7 * DAY_S + 3) % 7);
		bool is_open = false;

		for (size_t i = 0; i < count; i++) {
			const struct lb_hours *h = &hours[i];

			if ((h->days & today) == 0)
				continue;
			is_open = is_open || (second >= h->from_s && second < h->to_s);
			if (h->from_s > second && h->from_s < next)
				next = h->from_s;
			if (h->to_s > second && h->to_s < next)
				next = h->to_s;
		}
		if (is_open == open)
			return (uint64_t)t;
		/* Nothing changes before, unless the clock itself does. */
		t = t + next - second < until ? t + next - second : until;
	}
	return UINT64_MAX;
}
