/*
 * Signed approvals: what an approver is given to sign, and whether what comes
 * back is good.
 *
 * A statement is made when an approver asks for it and is kept in the store
 * with a nonce of its own.  It stays the same while everything that it says is
 * still so, and is good for one approval.  Only the latest one of an approver
 * and grant can be used.  The key must be one that the policy in force gives to
 * the approver.
 */
#ifndef LB_SIGN_H
#define LB_SIGN_H

#include "keeper/caller.h"

/* What the record says of a signature. */
#define LB_SIGN_REMARK 256

/*
 * Takes a signature of the caller's for his approval of this grant, which he
 * may give now, and keeps it.  LB_OK, with the number of the statement, which
 * is used from now on.  LB_ERR_REFUSED: the refusal is queued and on record.
 */
int lb_sign_take(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *grant,
		 const char *signature, uint64_t *statement, char remark[LB_SIGN_REMARK]);

#endif
