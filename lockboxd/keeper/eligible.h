/*
 * Eligibility: who may be given a role that has managers.
 *
 * It is asked for, its checks are attested, then a manager approves it, each by
 * somebody else than the person it is about.  It holds while
 *
 *	the policy has the role and its person among the requesters,
 *	it was approved and has not lapsed or been revoked,
 *	each check of the role was attested and that has not lapsed or been withdrawn,
 *	and all of this holds of the role that it requires.
 *
 * That is looked at anew at the request, the approval, the claim and each login.
 * When it is over, what its person waits for ends, and what is active where the
 * role says so; that happens with whatever it was that ended it: a deadline, a
 * revocation, or a new policy.
 */
#ifndef LB_ELIGIBLE_H
#define LB_ELIGIBLE_H

#include <stddef.h>

#include "keeper/state.h"

/*
 * LB_OK when identity may be given the role now, or it needs no eligibility;
 * LB_ERR_REFUSED and why, what is missing and what to do; or a failure.
 */
int lb_eligible(struct lb_tx *tx, const char *identity, const struct lb_policy_role *role,
		char *why, size_t cap);
/* The same of what must hold before a manager can approve it. */
int lb_eligible_checks(struct lb_tx *tx, const char *identity, const struct lb_policy_role *role,
		       char *why, size_t cap);
/* All about it, for people. */
int lb_eligible_view(struct lb_tx *tx, const char *identity, const struct lb_policy_role *role,
		     struct lb_msg_eligible *view);
/* True for who is eligible for nothing and has nothing else to do here: only that can be asked for. */
int lb_eligible_confined(struct lb_tx *tx, const char *identity, bool *confined);

/* Ends a grant if eligibility for it is gone. */
int lb_eligible_settle(struct lb_tx *tx, struct lb_grant *grant);
/* The same of all that identity has. */
int lb_eligible_settle_all(struct lb_tx *tx, const char *identity);

/* Writes the end of one, with its record in the audit chain; what depends on it is not looked at. */
int lb_eligible_end(struct lb_tx *tx, struct lb_eligibility *e, const char *actor,
		    const char *cause);
int lb_attested_end(struct lb_tx *tx, struct lb_attestation *a, const char *actor,
		    const char *cause);
/* Ends what has lapsed, and what depends on it. */
int lb_eligible_lapse(struct lb_tx *tx, const struct lb_lapse *lapse);
/* Brings what was given in line with the policy in force; grants are not looked at. */
int lb_eligible_sync(struct lb_tx *tx);

/* The members of teams but one, joined by ", ". */
void lb_eligible_people(const struct lb_tx *tx, const struct lb_policy_names *teams,
			const char *except, char *out, size_t cap);

#endif
