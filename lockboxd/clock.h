/*
 * The keeper's clock, and alarms that hold for the wall clock and the
 * boot-time clock together.
 *
 * Time on the keeper's clock is the wall clock's, except that it never goes
 * back and never falls behind the boot-time clock (which counts suspend): a
 * grant that ends at a time on this clock ends at the earlier of the two, and
 * moving the wall clock back never lengthens one.
 */
#ifndef LB_CLOCK_H
#define LB_CLOCK_H

#include <stdint.h>

struct event_base;

struct lb_clock {
	int64_t anchor_ns;	/* the clock's reading ... */
	int64_t anchor_boot_ns; /* ... when the boot-time clock showed this */
};

/* CLOCK_REALTIME and CLOCK_BOOTTIME in nanoseconds. */
int64_t lb_wall_ns(void);
int64_t lb_boot_ns(void);

/*
 * Where the clock begins, given both clocks: not before mark_ns, the latest
 * time it is known to have shown, nor before what has gone by on the boot-time
 * clock since that stood at mark_boot_ns.  0: the mark is of another boot, and
 * then its time alone counts.  Pure, for lb_clock_start() and the tests.
 */
int64_t lb_clock_first(int64_t mark_ns, int64_t mark_boot_ns, int64_t wall_ns, int64_t boot_ns);
/* Starts the clock there. */
void lb_clock_start(struct lb_clock *c, int64_t mark_ns, int64_t mark_boot_ns);
/* Starts it anew at the wall clock, wherever it stood: only root may have that done. */
void lb_clock_reset(struct lb_clock *c);
/* Its reading in nanoseconds, given both clocks; pure, for lb_clock_now_ns() and the tests. */
int64_t lb_clock_read(struct lb_clock *c, int64_t wall_ns, int64_t boot_ns);
/* Its reading now. */
int64_t lb_clock_now_ns(struct lb_clock *c);

/*
 * An alarm calls back when either clock reaches its time, and also when the
 * wall clock was set, so that the owner can look anew.
 */
struct lb_alarm;
typedef void lb_alarm_cb(void *arg);
/* NULL when out of memory or descriptors. */
struct lb_alarm *lb_alarm_new(struct event_base *base, lb_alarm_cb *cb, void *arg);
/*
 * Replaces what was set before; 0 turns that clock off.  LB_ERR_SYSTEM when the
 * kernel refused: then nothing will ring, and the caller must not go on as if.
 */
int lb_alarm_set(struct lb_alarm *a, int64_t wall_ns, int64_t boot_ns);
void lb_alarm_free(struct lb_alarm *a);

#endif
