/*
 * When each child was last heard of.  What comes of one that is silent for too
 * long is decided in pulse.c.
 */
#include <time.h>

#include "warden/state.h"

#define NS 1000000000ll

int64_t
lb_warden_pulse_ns(void)
{
	struct timespec ts = {0};

	clock_gettime(CLOCK_MONOTONIC, &ts); /* suspend does not count */
	return (int64_t)ts.tv_sec * NS + ts.tv_nsec;
}

void
lb_warden_beat(struct lb_warden *w, enum lb_proc proc)
{
	w->proc[proc].beat_ns = lb_warden_pulse_ns();
	w->proc[proc].beaten = true;
}

void
lb_warden_beat_from_now(struct lb_warden *w, enum lb_proc proc)
{
	w->proc[proc].beat_ns = lb_warden_pulse_ns();
	w->proc[proc].beaten = false;
}
