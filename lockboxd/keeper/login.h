/*
 * What PAM asks: is this login good, spend this password, begin this session.
 */
#ifndef LB_LOGIN_H
#define LB_LOGIN_H

#include "keeper/state.h"

/*
 * Handles one decoded request from a PAM module inside tx: exactly one VERDICT
 * is queued.  peer is the root process that asked.  An error means that the
 * transaction must be given up.
 */
int lb_login(struct lb_tx *tx, const struct lb_peer *peer, uint16_t type,
	     const struct lb_msg_login *msg);

/* A new password: earlier wrong ones no longer count. */
void lb_login_forget_tries(struct lb_keeper *k, uint64_t grant);

#endif
