/*
 * Break-glass: a role taken at once, without anybody's approval.
 *
 * Only people whom the role names may, and only what they could ask for anyway:
 * they are its requesters, and eligible.  The request is approved in the same
 * transaction that makes it, records it as an alarm and leaves a notice for
 * everybody whom the role tells of it; who they are is in the record.  All else is
 * as with any grant: one account, the clocks, the sessions, revocation by the
 * role's approvers.  More time is asked of people.
 *
 * A customer who has the last word on the role must have consented in advance, by
 * a signed statement (customer.h), and its approvers are told, see it, and may
 * revoke.
 *
 * Afterwards one of the role's reviewers, never the person, says whether it was
 * right.  A notice stays until who got it acknowledges it, or the review is closed.
 * When a role has no reviewers any more, and for the sealed path, which has no
 * role, the auditors review.
 */
#ifndef LB_BREAK_GLASS_H
#define LB_BREAK_GLASS_H

#include "keeper/caller.h"

/* Refuses (LB_ERR_REFUSED, queued) what may not be had by break-glass. */
int lb_break_glass_check(struct lb_tx *tx, const struct lb_caller *who,
			 const struct lb_policy_role *role, const struct lb_msg_request *request,
			 uint32_t duration_s);
/* How long it is to be when the request does not say. */
uint32_t lb_break_glass_default(const struct lb_policy_role *role, bool break_glass);
/* Approves a new grant and opens its review; it is not stored yet. */
int lb_break_glass_begin(struct lb_tx *tx, const struct lb_policy_role *role,
			 struct lb_grant *grant);
/* True for an extension of break-glass: people decide on that, no rule. */
bool lb_break_glass_extended(struct lb_tx *tx, const struct lb_grant *extension);
/* Records the alarm of a grant that is stored, and leaves the notices. */
int lb_break_glass_alarm(struct lb_tx *tx, const struct lb_caller *who,
			 const struct lb_policy_role *role, const struct lb_grant *grant);
/* True while whoever took it still might: until it is claimed that is looked at again. */
bool lb_break_glass_may(struct lb_tx *tx, const struct lb_grant *grant);

/*
 * seal.c: that the seal of this host was broken (common/seal.h), as the warden
 * found it: event is the seal's id, text what the file says, uid for how many
 * seconds it lets in yet.  The first time it is recorded as an alarm, gets a number
 * like a request's and a review, and the auditors and all customers' approvers are
 * told.  Once it lets nobody in any more that is recorded, with what became of its
 * sessions.
 */
int lb_seal_record(struct lb_tx *tx, const struct lb_ipc_outcome *found);
/*
 * True of such a record while its seal lets in: whoever broke it has root by sudo,
 * for a time (LB_SEAL_USE_S), or until it is ended (setup unseal, or a new seal).
 */
bool lb_seal_open(const struct lb_grant *grant, uint64_t now_s);
/* What to do about it, after "R-17 ". */
#define LB_SEAL_OPEN_TEXT                                                                          \
	"is root on the host still, by its broken seal; end that there first: sudo "               \
	"/usr/share/lockbox/setup unseal"

/* LB_CONCERNS_... of an open review; 0: it is none of his. */
uint8_t lb_review_concerns(struct lb_tx *tx, const char *identity, const struct lb_grant *grant);
/* Fills in what a view says of the review to somebody. */
void lb_review_view(struct lb_tx *tx, const char *identity, const struct lb_grant *grant,
		    struct lb_msg_grant *view);
/* Whether it belongs into the caller's list of open reviews. */
bool lb_review_lists(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *grant);
/* The open reviews there are, and the overdue ones; identity: whose, or NULL for all. */
int lb_review_count(struct lb_tx *tx, const char *identity, uint64_t *open, uint64_t *late);

#endif
