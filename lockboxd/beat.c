/* Heartbeats: see beat.h. */
#include "beat.h"

#include <event2/event.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "err.h"
#include "log.h"

/* No line is one control character. */
static const char beat[] = {'\x16'};

static struct event *hurry;

/* Lines that wait are not to wait for the next beat. */
static void
send_lines(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval soon = {0, LB_LOG_HURRY_MS * 1000L};

	(void)fd;
	(void)what;
	(void)arg;
	if (lb_log_tick())
		event_add(hurry, &soon); /* else the next beat does it */
}

static void
on_time(evutil_socket_t fd, short what, void *arg)
{
	send_lines(fd, what, arg);
	/* Where there is no room the warden has lines of this process to read, or hangs itself. */
	(void)!send(STDERR_FILENO, beat, sizeof beat, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int
lb_beat_start(struct event_base *base)
{
	static const struct timeval every = {LB_BEAT_S, 0};
	struct event *timer = event_new(base, -1, EV_PERSIST, on_time, NULL);

	hurry = event_new(base, -1, 0, send_lines, NULL);
	/* The first comes from inside the loop as well. */
	if (timer == NULL || hurry == NULL || event_add(timer, &every) != 0)
		return LB_ERR_NOMEM;
	event_active(timer, EV_TIMEOUT, 0);
	return LB_OK;
}

bool
lb_beat_is(const char *datagram, size_t len)
{
	return len == sizeof beat && memcmp(datagram, beat, sizeof beat) == 0;
}
