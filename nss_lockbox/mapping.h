/*
 * The one mapping of the snapshot that a process keeps.
 *
 * A lookup takes a hold on the mapping, reads, and drops the hold.  That costs
 * two atomic additions and two readings of coarse clocks, no system call; once a
 * second, and when the warden has put a newer file in place, one thread looks at
 * the path again.  Nobody ever waits for anybody.
 */
#ifndef LB_NSS_MAPPING_H
#define LB_NSS_MAPPING_H

#include <nss.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "snapshot.h"

struct lb_nss_hold {
	const struct lb_snapshot *snapshot; /* valid until the hold is dropped */
	int64_t wall_ns, boot_ns;	    /* the clocks when it was taken, late by a timer tick */
	atomic_uint *uses;		    /* what to count down; NULL: `own` is mapped */
	struct lb_snapshot own;		    /* a mapping for this lookup alone */
};

/*
 * Takes a hold.  NSS_STATUS_SUCCESS: drop it with lb_nss_drop().  Otherwise
 * there is nothing to drop and *errnop is set: NSS_STATUS_NOTFOUND (no snapshot
 * exists) or NSS_STATUS_UNAVAIL (it cannot be read or breaks a rule).
 */
enum nss_status lb_nss_take(struct lb_nss_hold *hold, int *errnop);
void lb_nss_drop(struct lb_nss_hold *hold);

/* True while the account lasts, by both clocks. */
bool lb_nss_live(const struct lb_nss_hold *hold, const struct lb_snapshot_user *user);

/* Both clocks now, exactly: for one answer that asks about many accounts. */
struct lb_nss_instant {
	int64_t wall_ns, boot_ns;
};
void lb_nss_now(struct lb_nss_instant *now);

/*
 * What an entry point answers for an error of the reader: NOTFOUND and ENOENT,
 * or UNAVAIL and EIO for anything else (a record that breaks a rule).
 */
enum nss_status lb_nss_failure(int err, int *errnop);

#endif
