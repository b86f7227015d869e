/*
 * A listening socket whose connections are taken by the event loop.
 *
 * When no descriptor is left, the connection that waits keeps the socket
 * readable: taking would be tried without end and nothing else be done.  So
 * nothing is taken for a second then; those who wait, wait.
 */
#ifndef LB_LISTEN_H
#define LB_LISTEN_H

#include <stdbool.h>

struct event_base;
struct lb_listener;

#define LB_LISTEN_PAUSE_S 1

/* fd is the callee's. */
typedef void lb_listen_taken(void *arg, int fd);

/*
 * Takes at most per_wake connections in one turn of the loop.  what names the
 * socket in the log, a literal.  Nothing is taken before lb_listen_enable().
 * NULL when out of memory.
 */
struct lb_listener *lb_listen_new(struct event_base *base, int fd, unsigned per_wake,
				  const char *what, lb_listen_taken *taken, void *arg);
/* LB_ERR_NOMEM: nothing will be taken. */
int lb_listen_enable(struct lb_listener *listener, bool on);
/* Leaves the socket open. */
void lb_listen_free(struct lb_listener *listener);

#endif
