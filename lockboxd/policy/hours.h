/*
 * The hours of a role: "mon-fri 08:00-18:00", by the clock of a time zone.
 * Pure.
 */
#ifndef LB_POLICY_HOURS_H
#define LB_POLICY_HOURS_H

#include "policy/zone.h"

struct lb_hours {
	uint8_t days;	       /* a bit each, Monday first */
	uint32_t from_s, to_s; /* after midnight; to_s is outside, and later than from_s */
};

/*
 * Reads days and one stretch of time: "mon-fri 08:00-18:00", "sat,sun 10:00-12:30",
 * "daily 00:00-24:00".  LB_ERR_MALFORMED.
 */
int lb_hours_parse(const char *text, struct lb_hours *hours);

/* The same as a check of a value: NULL, or what is wrong and what to write. */
const char *lb_hours_problem(const char *text);

/*
 * The first moment not before at_s (Unix seconds) that is within any of the
 * hours, or outside of all (open false).  UINT64_MAX: there is none.
 */
uint64_t lb_hours_next(const struct lb_hours *hours, size_t count, const struct lb_zone *zone,
		       uint64_t at_s, bool open);

#endif
