/* The keeper's start, policy and stop, for its links. */
#ifndef LB_KEEPER_START_H
#define LB_KEEPER_START_H

#include <stddef.h>

struct lb_keeper;
struct lb_out;

/*
 * Parses a packed policy source and puts it into force.  The first one also
 * starts everything that waits for it.
 */
int lb_keeper_take_policy(struct lb_keeper *k, const void *packed, size_t len);

/* Does one thing from an outbox and owns it; NULL: that was all of this commit. */
void lb_keeper_carry_out(struct lb_keeper *k, struct lb_out *out);

/* Records the stop and leaves the event loop. */
void lb_keeper_stop(struct lb_keeper *k);

#endif
