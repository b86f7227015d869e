/*
 * Own accounts: grants for a Unix account that the engineer has on this host
 * anyway.
 *
 * Such a grant opens the login gate for that account while it lasts, and
 * nothing of the account is changed.  So what belongs to the grant is not what
 * has the account's uid: it is what the kernel's number of a session says that
 * was opened under the grant.  The number is set with the login uid, inherited
 * by everything that is started, and changed by root alone.
 */
#ifndef LB_KEEPER_OWN_H
#define LB_KEEPER_OWN_H

#include <stdbool.h>
#include <stdint.h>

#include "keeper/caller.h"
#include "keeper/peer.h"
#include "keeper/state.h"

/* The uid of the account that an identity has here for such roles; 0: none, or no ordinary user's. */
uint32_t lb_own_account(const struct lb_policy *policy, const char *identity);

/*
 * What stands in the way of a claim: this kernel numbers no sessions, or another
 * grant is open on the same account.  LB_ERR_REFUSED with the refusal queued.
 */
int lb_own_check(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *g);

/* The grant that is active, or being ended, for the account of this uid and name.  LB_ERR_NOT_FOUND. */
int lb_own_grant(struct lb_tx *tx, uint32_t uid, const char *user, struct lb_grant *grant);

/* True when the process that asks belongs to a session that was opened under the grant. */
int lb_own_within(struct lb_tx *tx, const struct lb_peer *peer, const struct lb_grant *g,
		  bool *within);

/* The first process of a session has ended: what it left behind is still the grant's. */
int lb_own_close_session(struct lb_tx *tx, uint64_t grant, uint64_t number);

/* Tells the warden the kernel's numbers of all sessions of a grant since the host was started. */
int lb_own_name_sessions(struct lb_tx *tx, const struct lb_grant *g);

#endif
