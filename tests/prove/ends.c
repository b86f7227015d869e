/*
 * The ends of accounts, as the warden keeps them and as the NSS module looks at them, for all ends and
 * (for `coarse`, exact clocks below 64 s: it only ever compares differences) all times.
 *
 *  kept     the warden's table: the ends are the keeper's, the warning is never after the end, and
 *           nothing overflows, also when the end has long gone by
 *  coarse   the module's look at coarse clocks, which are late by up to a second: it says just what the
 *           exact clocks say; nobody lives a moment longer for it
 *  stays    what has ended by the boot-time clock stays ended, whatever the wall clock is set to
 *
 * prove: kept --unwind 2
 * prove: coarse --unwind 2
 * prove: stays --unwind 2
 */
#include <time.h>

#include "prove.h"

#include "../../nss_lockbox/mapping.c"
#undef LINE
#include "../../lockboxd/warden/account.c"

#define CLOCK_MAX_S 64

static struct timespec wall, boot;

int
clock_gettime(clockid_t clock, struct timespec *ts)
{
	*ts = clock == CLOCK_REALTIME ? wall : boot;
	return 0;
}

static struct timespec
any_time(void)
{
	struct timespec ts = {.tv_sec = nondet_i64(), .tv_nsec = nondet_i64()};

	ASSUME(ts.tv_sec >= 0 && ts.tv_sec < CLOCK_MAX_S && ts.tv_nsec >= 0 &&
	       ts.tv_nsec < SECOND_NS);
	return ts;
}

void
kept(void)
{
	struct lb_policy_host host;
	struct lb_ipc_account msg;
	struct lb_account a;
	int64_t boot_ns = nondet_i64();

	host.warn_before_s = nondet_u32();
	msg.end_wall_ns = nondet_u64();
	msg.end_boot_ns = nondet_u64();
	a.end_boot_ns = nondet_i64();
	a.warn_boot_ns = 0;
	/* As find_fault() has seen to. */
	ASSUME(msg.end_wall_ns > 0 && msg.end_wall_ns <= INT64_MAX);
	ASSUME(msg.end_boot_ns > 0 && msg.end_boot_ns <= INT64_MAX);
	ASSUME(a.end_boot_ns >= 0 && boot_ns >= 0);
	set_end(&a, &host, &msg, boot_ns);
	ASSERT((uint64_t)a.end_wall_ns == msg.end_wall_ns);
	ASSERT((uint64_t)a.end_boot_ns == msg.end_boot_ns);
	ASSERT(a.warn_boot_ns <= a.end_boot_ns || a.warn_boot_ns <= boot_ns);
	ASSERT(a.warn_boot_ns == 0 || a.warn_boot_ns >= boot_ns || a.end_boot_ns <= boot_ns);
	COVER(a.warn_boot_ns > boot_ns && a.warn_boot_ns < a.end_boot_ns);
	COVER(a.end_boot_ns < boot_ns);
}

void
coarse(void)
{
	struct lb_snapshot_user u;
	struct lb_nss_instant now;
	struct lb_nss_hold hold;
	int64_t late_wall = nondet_i64(), late_boot = nondet_i64();
	bool live;

	wall = any_time();
	boot = any_time();
	lb_nss_now(&now);
	u.end_wall_ns = nondet_i64();
	u.end_boot_ns = nondet_i64();
	ASSUME(u.end_wall_ns > 0 && u.end_boot_ns > 0);
	ASSUME(late_wall >= 0 && late_wall <= COARSE_ENOUGH_NS);
	ASSUME(late_boot >= 0 && late_boot <= COARSE_ENOUGH_NS);
	hold.wall_ns = now.wall_ns - late_wall;
	hold.boot_ns = now.boot_ns - late_boot;
	live = lb_nss_live(&hold, &u);
	ASSERT(live == (now.wall_ns < u.end_wall_ns && now.boot_ns < u.end_boot_ns));
	COVER(live && u.end_wall_ns - now.wall_ns < COARSE_ENOUGH_NS);
	COVER(live && late_wall > 0);
	COVER(!live && hold.wall_ns < u.end_wall_ns && now.boot_ns < u.end_boot_ns);
}

void
stays(void)
{
	struct lb_snapshot_user u;
	int64_t boot_ns = nondet_i64(), later_ns = nondet_i64();

	u.end_wall_ns = nondet_i64();
	u.end_boot_ns = nondet_i64();
	ASSUME(later_ns >= boot_ns && boot_ns >= u.end_boot_ns);
	ASSERT(!lb_snapshot_live(&u, nondet_i64(), later_ns));
	COVER(later_ns > boot_ns);
}
