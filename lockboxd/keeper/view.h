/*
 * What a caller may see of grants, and how it is shown.
 */
#ifndef LB_VIEW_H
#define LB_VIEW_H

#include "keeper/caller.h"

/*
 * The grant that the caller means: by id, or with id 0 the only one of the
 * caller's own in one of the states (bits 1 << state).  Refuses (LB_ERR_REFUSED,
 * the refusal is queued) when there is none that the caller may see, or several.
 */
int lb_find_grant(struct lb_tx *tx, const struct lb_caller *who, uint64_t id, unsigned states,
		  struct lb_grant *grant);

/* True when the caller has anything to do with the grant. */
bool lb_may_see(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *grant);

/* Fills the view that people get of a grant. */
void lb_view(struct lb_tx *tx, const struct lb_grant *grant, struct lb_msg_grant *view);

/* The same with what it is to the caller: what answers him. */
void lb_view_for(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *grant,
		 struct lb_msg_grant *view);

/* Queues a grant's view and DONE; the second for one that was there before the caller asked. */
int lb_answer_grant(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *grant);
int lb_answer_found(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *grant);

#endif
