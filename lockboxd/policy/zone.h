/*
 * Time zones as rules: the POSIX TZ string with which every file of
 * /usr/share/zoneinfo ends, such as "CET-1CEST,M3.5.0,M10.5.0/3".
 *
 * libc's own would open files, which the keeper may not.  Such a rule says
 * nothing of the past, and nothing here asks for it.  Pure.
 */
#ifndef LB_POLICY_ZONE_H
#define LB_POLICY_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A day of a year, and seconds after its midnight by the clock that holds until then. */
struct lb_zone_rule {
	char kind; /* 'M' month.week.day, 'J' day 1..365 without 29 February, '0' day 0..365 */
	int month, week, day; /* week 5: the last; day 0: Sunday */
	int32_t time_s;
};

struct lb_zone {
	int32_t standard_s, summer_s; /* seconds east of UTC */
	bool changes;		      /* else standard_s holds all year */
	struct lb_zone_rule summer, winter;
};

/* Reads a POSIX TZ string.  LB_ERR_MALFORMED. */
int lb_zone_parse(const char *text, struct lb_zone *zone);

/* Seconds east of UTC at a time in Unix seconds; it holds until *until, or longer. */
int32_t lb_zone_offset(const struct lb_zone *zone, int64_t at_s, int64_t *until);

/* True for a name that a file below /usr/share/zoneinfo may have. */
bool lb_zone_name_valid(const char *name);

/* The rule in the bytes of a zoneinfo file (RFC 8536), copied to out.  LB_ERR_MALFORMED. */
int lb_zone_of_file(const uint8_t *bytes, size_t len, char *out, size_t cap);

#endif
