/*
 * The clocks of a grant: when it may begin, when its time begins to count, and
 * when it ends.  A role says which: see lockbox.conf(5), CLOCKS.
 *
 * Pure but for lb_clocks_granted(), which reads the store.  Times are Unix
 * seconds on the keeper's clock.
 */
#ifndef LB_CLOCKS_H
#define LB_CLOCKS_H

#include "keeper/caller.h"
#include "keeper/state.h"

/*
 * Whether a role may be asked for to begin at start_s (0: now).  NULL, or why
 * not (static, until the next call) and the refusal's code.
 */
const char *lb_clocks_fault(const struct lb_policy_role *role, uint64_t start_s, uint64_t now_s,
			    enum lb_refusal *code);

/* Sets the times of a grant that is asked for, approved, or claimed at now_s. */
void lb_clocks_requested(const struct lb_policy_role *role, struct lb_grant *grant, uint64_t now_s);
void lb_clocks_approved(const struct lb_policy_role *role, struct lb_grant *grant, uint64_t now_s);
void lb_clocks_claimed(const struct lb_policy_role *role, struct lb_grant *grant, uint64_t now_s);
/* The same at a login; true when it was the first one, and the duration has begun with it. */
bool lb_clocks_login(const struct lb_policy_role *role, struct lb_grant *grant, uint64_t now_s);
/* Those of an approved grant again: what was claimed never was; the time to claim it in is as before. */
void lb_clocks_unmade(const struct lb_policy_role *role, struct lb_grant *grant);

/* Ends a claimed grant with the role's hours at the latest, as they are now; true when that is earlier. */
bool lb_clocks_cut(const struct lb_policy_role *role, struct lb_grant *grant, uint64_t now_s);

/* When an approved grant can be claimed; not after now_s: at once. */
uint64_t lb_clocks_claimable(const struct lb_policy_role *role, const struct lb_grant *grant,
			     uint64_t now_s);

/*
 * How much of a role an identity is granted, or has asked for, that begins
 * within 24 hours of around_s, leaving out one grant (0: none); what ended before its time counts as far as it
 * came.  LB_ERR_TOO_LONG when there is more than is looked at.
 */
int lb_clocks_granted(struct lb_tx *tx, const char *identity, const char *role, uint64_t but,
		      uint64_t around_s, uint64_t *seconds);

/*
 * What one person may have of a role within a day of the grant's start (when
 * that is past: of now), all requests and grants together but for this one.
 * Refuses (LB_ERR_REFUSED, queued) when its duration is more than is left.
 */
int lb_clocks_day(struct lb_tx *tx, const struct lb_caller *who, const struct lb_policy_role *role,
		  const struct lb_grant *grant);

#endif
