/*
 * Connections that the keeper reads itself, since nobody else may say who is
 * at their other end: PAM modules' on the root-only socket, and on the public
 * one those of the key look-up and the first word of the gate.  All others are
 * front's from their first byte on.
 */
#ifndef LB_DIRECT_H
#define LB_DIRECT_H

#include <stddef.h>
#include <stdint.h>

#include "keeper/peer.h"

struct lb_keeper;
struct lb_direct;

/* Begins accepting from the root-only listening socket.  NULL when out of memory. */
struct lb_direct *lb_direct_new(struct lb_keeper *k, int pam_listener);

/* Closes all of its connections unanswered, which is a denial, and forgets what they sent.  NULL: nothing. */
void lb_direct_free(struct lb_direct *d);

/*
 * Serves one connection of the public socket: a question of the key look-up,
 * or the gate's statement of an identity, after which it goes on to front.
 * Takes over fd.
 */
void lb_direct_take(struct lb_direct *d, int fd, const struct lb_peer *peer);

/* Sends frames to connection conn, if it is still there. */
void lb_direct_reply(struct lb_direct *d, uint64_t conn, const uint8_t *frames, size_t len);

#endif
