/*
 * The client side of PROTOCOL: one connection, one deadline for all of it.
 *
 * Used by pam_lockbox.so inside other people's processes, so: no allocation,
 * no signal (MSG_NOSIGNAL), no environment, close-on-exec, libc only.
 */
#ifndef LB_CLIENT_H
#define LB_CLIENT_H

#include <stdint.h>

#include "proto.h"

struct lb_client {
	int fd;
	int64_t deadline_ms; /* CLOCK_MONOTONIC */
};

/*
 * Connects to the socket at path.  Everything done with *c from now on,
 * together, takes at most timeout_ms (see lb_client_deadline()).  A socket
 * whose listener is not uid 0 is refused: only the warden, as root, makes
 * them.  Blocks until the deadline.  LB_ERR_UNREACHABLE, LB_ERR_TIMEOUT,
 * LB_ERR_REFUSED (wrong owner), LB_ERR_SYSTEM.  On success the caller ends
 * with lb_client_close().
 */
int lb_client_open(struct lb_client *c, const char *path, unsigned timeout_ms);

/* Sets a new deadline, timeout_ms from now, for what follows. */
void lb_client_deadline(struct lb_client *c, unsigned timeout_ms);

/* Sends one message.  Blocks until the deadline. */
int lb_client_send(struct lb_client *c, uint16_t type, const void *msg);

/*
 * Receives one message wholly, replies only.  LB_ERR_UNREACHABLE when the
 * daemon closed the connection, LB_ERR_MALFORMED/LB_ERR_TOO_LONG/
 * LB_ERR_VERSION for a bad reply.  Blocks until the deadline.
 */
int lb_client_receive(struct lb_client *c, uint16_t *type, union lb_msg *msg);

/* Closes; safe on a client whose open failed. */
void lb_client_close(struct lb_client *c);

#endif
