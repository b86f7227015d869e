/*
 * The keeper's clock, for all values of both clocks and of the mark, past the year 2262 included.
 *
 *  start     it begins no earlier than the mark, than the mark plus what has gone by on the
 *            boot-time clock, and than the wall clock; and at one of these
 *  reading   one reading, from any state: it never goes back, never falls behind what has gone by on
 *            the boot-time clock, nor behind the wall clock; and is one of these
 *  steps     if no more time is left by the clock than by the boot-time clock, a reading with any
 *            wall clock leaves that so, and the end is seen: any number of readings and of steps of the wall clock
 *            lengthen nothing (what is left then is no more either: that is `reading`)
 *
 * prove: start
 * prove: reading
 * prove: steps
 */
#include "prove.h"

#include "../../lockboxd/clock.c"

/* a + b, at most INT64_MAX, for b >= 0. */
static int64_t
sum(int64_t a, int64_t b)
{
	return a > 0 && b > INT64_MAX - a ? INT64_MAX : a + b;
}

void
start(void)
{
	int64_t mark = nondet_i64(), mark_boot = nondet_i64(), wall = nondet_i64(),
		boot = nondet_i64(), first;

	/* Times that clock_gettime() and the store can give: none is before 1970. */
	ASSUME(mark >= 0 && mark_boot >= 0 && wall >= 0 && boot >= 0);
	first = lb_clock_first(mark, mark_boot, wall, boot);
	ASSERT(first >= mark && first >= wall);
	if (mark_boot > 0 && boot >= mark_boot)
		ASSERT(first >= sum(mark, boot - mark_boot));
	ASSERT(first == mark || first == wall || first == sum(mark, boot - mark_boot));
	COVER(first == wall && wall > mark);
	COVER(first == mark && wall < mark);
	COVER(first > mark && first > wall);
}

void
reading(void)
{
	struct lb_clock c = {.anchor_ns = nondet_i64(), .anchor_boot_ns = nondet_i64()}, old = c;
	int64_t wall = nondet_i64(), boot = nondet_i64(), now, gone;

	ASSUME(c.anchor_ns >= 0 && c.anchor_boot_ns >= 0 && wall >= 0 && boot >= 0);
	now = lb_clock_read(&c, wall, boot);
	gone = boot > old.anchor_boot_ns ? boot - old.anchor_boot_ns : 0;
	ASSERT(now >= old.anchor_ns && now >= wall);
	ASSERT(now >= sum(old.anchor_ns, gone));
	ASSERT(now == wall || now == sum(old.anchor_ns, gone));
	ASSERT(c.anchor_ns == now && c.anchor_boot_ns == boot);
	COVER(now == wall && wall > old.anchor_ns);
	COVER(now > wall && boot > old.anchor_boot_ns);
	COVER(now == INT64_MAX && wall < now);
}

void
steps(void)
{
	/* The clock is left_ns before the end; by the boot-time clock it is boot_left_ns, no more. */
	int64_t left_ns = nondet_i64(), boot_left_ns = nondet_i64(), gone_ns = nondet_i64();
	int64_t wall = nondet_i64(), now, end;
	struct lb_clock c = {.anchor_ns = nondet_i64(), .anchor_boot_ns = nondet_i64()};

	ASSUME(c.anchor_ns >= 0 && c.anchor_boot_ns >= 0 && wall >= 0 && gone_ns >= 0);
	ASSUME(left_ns >= 0 && left_ns <= boot_left_ns);
	ASSUME(left_ns <= INT64_MAX - c.anchor_ns && gone_ns <= INT64_MAX - c.anchor_boot_ns);
	end = c.anchor_ns + left_ns;
	now = lb_clock_read(&c, wall, c.anchor_boot_ns + gone_ns);
	ASSERT(gone_ns < boot_left_ns || now >= end);
	ASSERT(wall < end || now >= end);
	COVER(now >= end && gone_ns < boot_left_ns);
	COVER(now < end && wall < end && gone_ns > 0);
	COVER(gone_ns >= boot_left_ns && wall < end);
}
