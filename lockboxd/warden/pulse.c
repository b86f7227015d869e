/*
 * The warden's pulse: it sees that its children go on, and has the service
 * manager see that it does.
 *
 * A child that has said nothing for too long hangs, and is replaced.  The
 * manager's watchdog is answered for the warden alone: it knows every
 * account's end, so a keeper that cannot be brought back is no reason to start
 * the warden anew and have nobody left who ends accounts on time.
 */
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "beat.h"
#include "err.h"
#include "log.h"
#include "warden/notify.h"
#include "warden/state.h"

#define NS 1000000000ll
#define SILENT_S 10	   /* front and courier have nothing that takes long */
#define SILENT_KEEPER_S 15 /* a disk may stall, and many grants may end at once */
#define SILENT_START_S 300 /* until the first beat: a large store is examined whole */

int64_t
lb_warden_silence_ns(enum lb_proc proc, bool beaten)
{
	if (!beaten)
		return SILENT_START_S * NS;
	return (proc == LB_PROC_KEEPER ? SILENT_KEEPER_S : SILENT_S) * NS;
}

static void
look_after(struct lb_warden *w, enum lb_proc proc, int64_t now_ns)
{
	int64_t limit_ns = lb_warden_silence_ns(proc, w->proc[proc].beaten);

	if (w->proc[proc].child.pid == 0 || now_ns - w->proc[proc].beat_ns <= limit_ns)
		return;
	lb_log(LOG_CRIT, "%s hangs (nothing heard of it for %lld s): replacing it",
	       lb_proc_name(proc), (long long)(limit_ns / NS));
	lb_warden_kill(w, proc);
	w->proc[proc].beat_ns = now_ns; /* one that not even this ends is spoken of again later */
}

/* Lines that wait are not to wait for the next tick. */
static void
send_lines(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval soon = {0, LB_LOG_HURRY_MS * 1000L};
	struct lb_warden *w = arg;

	(void)fd;
	(void)what;
	if (lb_log_tick())
		event_add(w->hurry, &soon); /* else the next tick does it */
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct lb_warden *w = arg;
	int64_t now_ns = lb_warden_pulse_ns();

	/* Whoever stood still itself has heard nobody. */
	if (now_ns - w->tick_ns > 2LL * LB_BEAT_S * NS)
		for (int p = 0; p < LB_PROC_COUNT; p++)
			w->proc[p].beat_ns = now_ns;
	w->tick_ns = now_ns;
	for (int p = 0; p < LB_PROC_COUNT; p++)
		look_after(w, (enum lb_proc)p, now_ns);
	lb_warden_seals_anew(w);
	send_lines(fd, what, w);
	lb_notify("WATCHDOG=1");
	lb_warden_tell_manager(w);
}

int
lb_warden_pulse_start(struct lb_warden *w)
{
	int64_t every_ns = LB_BEAT_S * NS, watchdog_ns = lb_notify_watchdog_ns() / 3;
	struct timeval every;

	if (watchdog_ns > 0 && watchdog_ns < every_ns)
		every_ns = watchdog_ns;
	every = (struct timeval){every_ns / NS, (suseconds_t)(every_ns % NS / 1000)};
	w->tick_ns = lb_warden_pulse_ns();
	w->tick = event_new(w->base, -1, EV_PERSIST, on_tick, w);
	w->hurry = event_new(w->base, -1, 0, send_lines, w);
	return w->tick != NULL && w->hurry != NULL && event_add(w->tick, &every) == 0
		       ? LB_OK
		       : LB_ERR_NOMEM;
}
