/* Clocks and alarms: see clock.h. */
#include "clock.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "err.h"

#define NS 1000000000ll
/* Far enough never to fire by itself; a timer must be set to hear that the clock was. */
#define NEVER_S (1ll << 33)

struct lb_alarm {
	int fd[2]; /* wall, boot */
	struct event *event[2];
	lb_alarm_cb *cb;
	void *arg;
	int64_t wall_ns;
};

static int64_t
read_clock(clockid_t id)
{
	struct timespec ts = {0};

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * NS + ts.tv_nsec;
}

int64_t
lb_wall_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t
lb_boot_ns(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

/* What the clock shows once gone_ns (at least 0) have gone by: it stops at its end rather than wraps. */
static int64_t
later(int64_t time_ns, int64_t gone_ns)
{
	int64_t sum;

	return __builtin_add_overflow(time_ns, gone_ns, &sum) ? INT64_MAX : sum;
}

int64_t
lb_clock_first(int64_t mark_ns, int64_t mark_boot_ns, int64_t wall_ns, int64_t boot_ns)
{
	int64_t first = mark_ns;

	/* A guest brought back from a snapshot may show an older boot-time clock: nothing is given back. */
	if (mark_boot_ns > 0 && boot_ns > mark_boot_ns)
		first = later(mark_ns, boot_ns - mark_boot_ns);
	return wall_ns > first ? wall_ns : first;
}

void
lb_clock_start(struct lb_clock *c, int64_t mark_ns, int64_t mark_boot_ns)
{
	c->anchor_boot_ns = lb_boot_ns();
	c->anchor_ns = lb_clock_first(mark_ns, mark_boot_ns, lb_wall_ns(), c->anchor_boot_ns);
}

void
lb_clock_reset(struct lb_clock *c)
{
	c->anchor_boot_ns = lb_boot_ns();
	c->anchor_ns = lb_wall_ns();
}

int64_t
lb_clock_read(struct lb_clock *c, int64_t wall_ns, int64_t boot_ns)
{
	int64_t now = c->anchor_ns;

	if (boot_ns > c->anchor_boot_ns)
		now = later(now, boot_ns - c->anchor_boot_ns);
	if (wall_ns > now)
		now = wall_ns;
	c->anchor_ns = now;
	c->anchor_boot_ns = boot_ns;
	return now;
}

int64_t
lb_clock_now_ns(struct lb_clock *c)
{
	return lb_clock_read(c, lb_wall_ns(), lb_boot_ns());
}

static int
arm(int fd, int64_t at_ns, int flags)
{
	struct itimerspec its = {0};

	its.it_value.tv_sec = at_ns > 0 ? (time_t)(at_ns / NS) : (time_t)NEVER_S;
	its.it_value.tv_nsec = at_ns > 0 ? (long)(at_ns % NS) : 0;
	return timerfd_settime(fd, TFD_TIMER_ABSTIME | flags, &its, NULL);
}

static void
fired(evutil_socket_t fd, short what, void *arg)
{
	struct lb_alarm *a = arg;
	uint64_t count;

	(void)what;
	/* Armed anew so that the next change is seen as well; the owner then looks and sets it anyway. */
	if (read((int)fd, &count, sizeof count) < 0 && errno == ECANCELED)
		(void)arm((int)fd, a->wall_ns, TFD_TIMER_CANCEL_ON_SET);
	a->cb(a->arg);
}

struct lb_alarm *
lb_alarm_new(struct event_base *base, lb_alarm_cb *cb, void *arg)
{
	static const clockid_t ids[2] = {CLOCK_REALTIME, CLOCK_BOOTTIME};
	struct lb_alarm *a = calloc(1, sizeof *a);

	if (a == NULL)
		return NULL;
	a->cb = cb;
	a->arg = arg;
	a->fd[0] = a->fd[1] = -1;
	for (int i = 0; i < 2; i++) {
		a->fd[i] = timerfd_create(ids[i], TFD_CLOEXEC | TFD_NONBLOCK);
		if (a->fd[i] >= 0)
			a->event[i] = event_new(base, a->fd[i], EV_READ | EV_PERSIST, fired, a);
		if (a->event[i] == NULL || event_add(a->event[i], NULL) != 0) {
			lb_alarm_free(a);
			return NULL;
		}
	}
	if (lb_alarm_set(a, 0, 0) != LB_OK) {
		lb_alarm_free(a);
		return NULL;
	}
	return a;
}

int
lb_alarm_set(struct lb_alarm *a, int64_t wall_ns, int64_t boot_ns)
{
	a->wall_ns = wall_ns;
	if (arm(a->fd[0], wall_ns, TFD_TIMER_CANCEL_ON_SET) != 0) {
		if (errno != ECANCELED)
			return LB_ERR_SYSTEM;
		/* It is set, but the wall clock was too, just now, and this was all that is heard of it. */
		event_active(a->event[0], EV_READ, 0);
	}
	return arm(a->fd[1], boot_ns, 0) == 0 ? LB_OK : LB_ERR_SYSTEM;
}

void
lb_alarm_free(struct lb_alarm *a)
{
	if (a == NULL)
		return;
	for (int i = 0; i < 2; i++) {
		if (a->event[i] != NULL)
			event_free(a->event[i]);
		if (a->fd[i] >= 0)
			close(a->fd[i]);
	}
	free(a);
}
