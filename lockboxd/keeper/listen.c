/* Listening: see listen.h. */
#include "keeper/listen.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "err.h"
#include "log.h"

struct lb_listener {
	struct event *readable, *pause;
	unsigned per_wake;
	const char *what;
	lb_listen_taken *taken;
	void *arg;
	struct lb_log_budget budget;
};

/* All but what means that there is nothing to take just now: no descriptor, no memory, whatever else stays so. */
static bool
lasting(int error)
{
	return error != EAGAIN && error != EINTR && error != ECONNABORTED;
}

static void
pause_taking(struct lb_listener *l)
{
	static const struct timeval a_while = {LB_LISTEN_PAUSE_S, 0};

	if (lb_log_may(&l->budget, l->what))
		lb_log(LOG_ERR, "%s: no connection can be taken for now: %m", l->what);
	event_del(l->readable);
	if (event_add(l->pause, &a_while) != 0)
		lb_fatal(1, "%s: no memory for a timer", l->what);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct lb_listener *l = arg;

	(void)what;
	for (unsigned i = 0; i < l->per_wake; i++) {
		int taken = accept4((int)fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (taken < 0) {
			if (lasting(errno))
				pause_taking(l);
			return;
		}
		l->taken(l->arg, taken);
	}
}

static void
on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	struct lb_listener *l = arg;

	(void)fd;
	(void)what;
	if (event_add(l->readable, NULL) != 0)
		lb_fatal(1, "%s: connections can no longer be waited for", l->what);
}

struct lb_listener *
lb_listen_new(struct event_base *base, int fd, unsigned per_wake, const char *what,
	      lb_listen_taken *taken, void *arg)
{
	struct lb_listener *l = calloc(1, sizeof *l);

	if (l == NULL)
		return NULL;
	l->per_wake = per_wake;
	l->what = what;
	l->taken = taken;
	l->arg = arg;
	l->budget = (struct lb_log_budget){.per_s = 1, .burst = 3};
	l->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, l);
	l->pause = event_new(base, -1, 0, on_pause_over, l);
	if (l->readable == NULL || l->pause == NULL) {
		lb_listen_free(l);
		return NULL;
	}
	return l;
}

int
lb_listen_enable(struct lb_listener *l, bool on)
{
	event_del(l->pause);
	event_del(l->readable);
	return !on || event_add(l->readable, NULL) == 0 ? LB_OK : LB_ERR_NOMEM;
}

void
lb_listen_free(struct lb_listener *l)
{
	if (l == NULL)
		return;
	if (l->readable != NULL)
		event_free(l->readable);
	if (l->pause != NULL)
		event_free(l->pause);
	free(l);
}
