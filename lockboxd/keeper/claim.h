/*
 * Undoing a claim.
 */
#ifndef LB_CLAIM_H
#define LB_CLAIM_H

#include "keeper/grant.h"
#include "keeper/state.h"

/*
 * A claim whose account was never made, which step undoes: records why, and the grant is approved
 * again, with neither name nor uid.
 */
int lb_claim_undo(struct lb_tx *tx, const struct lb_policy_role *role, struct lb_grant *grant,
		  const struct lb_step *step, const char *fault);

#endif
