/* Who waits: see waits.h. */
#include "keeper/waits.h"

#include <event2/event.h>
#include <stdlib.h>

#include "err.h"
#include "keeper/state.h"

static struct lb_wait *
find(const struct lb_keeper *k, uint64_t conn)
{
	struct lb_wait *w;

	LIST_FOREACH(w, &k->waits, next)
	if (w->conn == conn)
		return w;
	return NULL;
}

static void
forget(struct lb_wait *w)
{
	LIST_REMOVE(w, next);
	event_free(w->timer);
	free(w);
}

void
lb_waits_touch(struct lb_keeper *k, uint64_t grant)
{
	struct lb_wait *w;

	LIST_FOREACH(w, &k->waits, next)
	if (w->grant == grant)
		event_active(w->timer, EV_READ,
			     0); /* after the commit, or after nothing came of it */
}

void
lb_waits_drop(struct lb_keeper *k, uint64_t conn)
{
	struct lb_wait *w = LIST_FIRST(&k->waits), *after;

	for (; w != NULL; w = after) {
		after = LIST_NEXT(w, next);
		if (conn == 0 || w->conn == conn)
			forget(w);
	}
}

int
lb_waits_add(struct lb_keeper *k, uint64_t conn, const struct lb_msg_wait *msg, uint64_t grant,
	     void (*look)(int fd, short what, void *wait))
{
	static const struct timeval limit = {LB_WAIT_S, 0};
	struct lb_wait *w = find(k, conn); /* of the same request, tried once already */

	if (w == NULL) {
		w = calloc(1, sizeof *w);
		if (w == NULL)
			return LB_ERR_NOMEM;
		w->timer = evtimer_new(k->base, look, w);
		if (w->timer == NULL) {
			free(w);
			return LB_ERR_NOMEM;
		}
		w->k = k;
		w->conn = conn;
		LIST_INSERT_HEAD(&k->waits, w, next);
	}
	w->grant = grant;
	w->state = msg->state;
	w->have = msg->have;
	if (event_add(w->timer, &limit) == 0)
		return LB_OK;
	forget(w);
	return LB_ERR_NOMEM;
}
