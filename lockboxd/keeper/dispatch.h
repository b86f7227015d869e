/*
 * The requests that people make, as one table: what has no row is refused.
 */
#ifndef LB_DISPATCH_H
#define LB_DISPATCH_H

#include "keeper/state.h"

/*
 * Handles one decoded request of a public connection inside tx.  LB_OK also
 * for a refusal; an error means the transaction must be given up.
 */
int lb_dispatch(struct lb_tx *tx, struct lb_peer *peer, uint16_t type, const union lb_msg *msg);

#endif
