/*
 * Walking a person's grants, and moving one from state to state.
 */
#ifndef LB_MOVE_H
#define LB_MOVE_H

#include "keeper/grant.h"
#include "keeper/state.h"

/*
 * The next live grant of one identity, in order of its id: begin with *after 0.
 * LB_ERR_NOT_FOUND when there is none any more.
 */
int lb_next_own(struct lb_tx *tx, const char *identity, uint64_t *after, struct lb_grant *grant);

/* The extension of a grant that waits; at most one does.  LB_ERR_NOT_FOUND. */
int lb_extension_waiting(struct lb_tx *tx, const struct lb_grant *grant,
			 struct lb_grant *extension);

/* Closes it, as its grant ends. */
int lb_extension_drop(struct lb_tx *tx, const struct lb_grant *grant);

/*
 * Moves grant by step and does what can be done from here: voids the password,
 * stamps the end, tells the warden to evict.  cause "" keeps the old one.
 */
int lb_move(struct lb_tx *tx, struct lb_grant *grant, const struct lb_step *step,
	    const char *cause);

#endif
