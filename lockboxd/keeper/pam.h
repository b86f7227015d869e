/*
 * The root-only socket: connections of PAM modules.
 */
#ifndef LB_PAM_H
#define LB_PAM_H

#include <stddef.h>
#include <stdint.h>

#include "keeper/peer.h"

struct lb_keeper;
struct lb_pam;

/* Begins accepting from the listening socket fd.  NULL when out of memory. */
struct lb_pam *lb_pam_new(struct lb_keeper *k, int fd);

/* Sends a frame to connection conn, if it is still there. */
void lb_pam_reply(struct lb_pam *pam, uint64_t conn, const uint8_t *frame, size_t len);

#endif
