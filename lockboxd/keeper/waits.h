/*
 * Who waits for a grant to change.  Who waits holds a connection of the budget
 * and nothing else; when it hangs up, nobody waits any more.  The answers are
 * dispatch.c's.
 */
#ifndef LB_WAITS_H
#define LB_WAITS_H

#include <stdint.h>
#include <sys/queue.h>

struct event;
struct lb_keeper;
struct lb_msg_wait;

#define LB_WAIT_S 20

struct lb_wait {
	LIST_ENTRY(lb_wait) next;
	struct lb_keeper *k;
	uint64_t conn, grant;
	uint8_t state, have; /* what the caller has seen */
	struct event *timer;
};

/* The grant may have changed: who waits for it is answered soon, if what is durable then is new. */
void lb_waits_touch(struct lb_keeper *k, uint64_t grant);

/*
 * The connection waits from now on, for LB_WAIT_S at most.  look, an event's
 * callback, is called with the struct lb_wait when the grant may have changed
 * (EV_READ) and when the time is up (EV_TIMEOUT).  LB_ERR_NOMEM.
 */
int lb_waits_add(struct lb_keeper *k, uint64_t conn, const struct lb_msg_wait *msg, uint64_t grant,
		 void (*look)(int fd, short what, void *wait));

/* The connection is over; conn 0: all are. */
void lb_waits_drop(struct lb_keeper *k, uint64_t conn);

#endif
