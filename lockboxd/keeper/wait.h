/*
 * Waiting for a grant to change: the answer to WAIT is held until it has, or
 * until LB_WAIT_S are over.  Who waits holds a connection of the budget and
 * nothing else; when it hangs up, nobody waits any more.
 */
#ifndef LB_WAIT_H
#define LB_WAIT_H

#include <stdint.h>
#include <sys/queue.h>

struct event;
struct lb_keeper;

#define LB_WAIT_S 20

struct lb_wait {
	LIST_ENTRY(lb_wait) next;
	struct lb_keeper *k;
	uint64_t conn, grant;
	uint8_t state, have; /* what the caller has seen */
	struct event *timer;
};

/* The grant may have changed: who waits for it is answered soon, if what is durable then is new. */
void lb_wait_touch(struct lb_keeper *k, uint64_t grant);

/* The connection is over; conn 0: all are. */
void lb_wait_drop(struct lb_keeper *k, uint64_t conn);

#endif
