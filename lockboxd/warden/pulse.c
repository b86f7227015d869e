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
#define EXTEND_S 30	   /* what the manager is asked for while a start takes long */

static int64_t
monotonic_ns(void)
{
	struct timespec ts = {0};

	clock_gettime(CLOCK_MONOTONIC, &ts); /* suspend does not count */
	return (int64_t)ts.tv_sec * NS + ts.tv_nsec;
}

void
lb_warden_beat(struct lb_warden *w, enum lb_proc proc)
{
	w->proc[proc].beat_ns = monotonic_ns();
	w->proc[proc].beaten = true;
}

void
lb_warden_beat_from_now(struct lb_warden *w, enum lb_proc proc)
{
	w->proc[proc].beat_ns = monotonic_ns();
	w->proc[proc].beaten = false;
}

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

/* What `systemctl status` shows. */
static void
describe(const struct lb_warden *w, char *text, size_t cap)
{
	if (w->keeper == NULL || !w->synced)
		snprintf(text, cap, "%s",
			 w->told_ready ? "the keeper is being started again: logins "
					 "are refused, accounts end on time"
				       : "starting");
	else if (w->publish_failed)
		snprintf(text, cap,
			 "the accounts cannot be published: none resolves (see the log)");
	else
		snprintf(text, cap, "%zu accounts; %s", w->accounts.count,
			 w->refused_policy
				 ? "the last policy was refused, the one before is in force"
				 : "policy in force");
}

void
lb_warden_tell_manager(struct lb_warden *w)
{
	char text[sizeof w->told];
	bool serves = w->synced && !w->publish_needed;

	if (w->stopping)
		return;
	describe(w, text, sizeof text);
	if (!w->told_ready && serves) {
		w->told_ready = lb_notify("READY=1\nSTATUS=%s", text) == 0;
		if (w->told_ready)
			memcpy(w->told, text, sizeof w->told);
	} else if (!w->told_ready) {
		lb_notify("EXTEND_TIMEOUT_USEC=%lld\nSTATUS=%s", (long long)EXTEND_S * 1000000,
			  text);
	} else if (strcmp(text, w->told) != 0 && lb_notify("STATUS=%s", text) == 0) {
		memcpy(w->told, text, sizeof w->told);
	}
}

void
lb_warden_tell_reloading(struct lb_warden *w)
{
	if (w->told_ready)
		lb_notify("RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=reading the policy",
			  (long long)(monotonic_ns() / 1000));
}

void
lb_warden_tell_reloaded(struct lb_warden *w, bool refused)
{
	w->refused_policy = refused;
	if (!w->told_ready)
		return;
	/* Said again at the next beat if there was no room: a reload that never ends would be stopped. */
	w->told_ready = false;
	lb_warden_tell_manager(w);
}

/* Lines that wait are not to wait for the next tick. */
static void
send_lines(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval soon = {0, LB_LOG_HURRY_MS * 1000};
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
	int64_t now_ns = monotonic_ns();

	/* Whoever stood still itself has heard nobody. */
	if (now_ns - w->tick_ns > 2 * LB_BEAT_S * NS)
		for (int p = 0; p < LB_PROC_COUNT; p++)
			w->proc[p].beat_ns = now_ns;
	w->tick_ns = now_ns;
	for (int p = 0; p < LB_PROC_COUNT; p++)
		look_after(w, (enum lb_proc)p, now_ns);
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
	w->tick_ns = monotonic_ns();
	w->tick = event_new(w->base, -1, EV_PERSIST, on_tick, w);
	w->hurry = event_new(w->base, -1, 0, send_lines, w);
	return w->tick != NULL && w->hurry != NULL && event_add(w->tick, &every) == 0
		       ? LB_OK
		       : LB_ERR_NOMEM;
}
