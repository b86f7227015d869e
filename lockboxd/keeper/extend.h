/*
 * Extensions: more time of a grant that is active.
 *
 * An extension is a request of its own, which names the grant that it extends
 * and takes the same levels of approval.  Its last approval lengthens the grant
 * in the same transaction and closes the request; the account, its sessions and
 * its uid stay as they are, and the warden is told the new end.  A request that
 * is denied, cancelled or lapses has changed nothing; it lapses with the grant
 * at the latest.  So near the end that the warden may have begun to end the
 * account, nothing is extended any more: LB_EXTEND_MARGIN_S.
 */
#ifndef LB_EXTEND_H
#define LB_EXTEND_H

#include "keeper/caller.h"

#define LB_EXTEND_MARGIN_S 2u

/* Refuses (LB_ERR_REFUSED, queued) when the grant can not, or no more, be lengthened so. */
int lb_extend_check(struct lb_tx *tx, const struct lb_caller *who,
		    const struct lb_grant *extension);
/* The same of a grant, before anything is asked for, and apart from who asks and who approves. */
int lb_extend_allowed(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *grant,
		      uint32_t more_s);
/* No extension waits longer than its grant lasts. */
int lb_extend_bound(struct lb_tx *tx, struct lb_grant *extension);
/* Lengthens the grant; the extension's cause then says until when. */
int lb_extend_apply(struct lb_tx *tx, const struct lb_caller *who, struct lb_grant *extension);

#endif
