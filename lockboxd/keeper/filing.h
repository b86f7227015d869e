/*
 * Filing a request, once it is known that it can be made.
 */
#ifndef LB_FILING_H
#define LB_FILING_H

#include "keeper/caller.h"

/*
 * Makes a request of the caller's for a role, of which ticket, reason, duration,
 * start and what it extends are filled in, and answers with it.  Refuses what
 * the role's customer, the most of a day or of one person do not allow.
 */
int lb_file_request(struct lb_tx *tx, const struct lb_caller *who,
		    const struct lb_policy_role *role, struct lb_grant *grant);

#endif
