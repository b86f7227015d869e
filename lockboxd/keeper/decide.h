/*
 * Approving, signed or not.
 */
#ifndef LB_DECIDE_H
#define LB_DECIDE_H

#include "keeper/caller.h"

/*
 * decide.c: finds a grant that the caller may approve now, its approvals
 * settled.  LB_ERR_REFUSED, the refusal is queued, when he may not.
 */
int lb_may_approve_now(struct lb_tx *tx, const struct lb_caller *who, uint64_t id,
		       struct lb_grant *grant);

/* The approval itself; remark is for the record, statement the one that was signed, or 0. */
int lb_approve(struct lb_tx *tx, const struct lb_caller *who, struct lb_grant *grant,
	       uint64_t statement, const char *remark);

#endif
