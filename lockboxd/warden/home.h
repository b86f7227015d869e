/*
 * Homes, and what an account leaves behind.
 *
 * These run in helpers (helper.h) and may block.  Making is done as root in a
 * directory that only root can change; clearing is done with the account's own
 * rights, by descriptor, never across a mount, after its last process is gone.
 */
#ifndef LB_WARDEN_HOME_H
#define LB_WARDEN_HOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lb_home_job {
	char name[33];	/* account */
	char home[256]; /* base directory, then the name */
	uint32_t uid;
	bool fresh; /* nothing of this account may exist yet */
};

/* How text begins when somebody else has the name or id: then nothing of theirs may be touched. */
#define LB_HOME_TAKEN "taken: "

/*
 * A lb_helper_work: proves that no user, group, subordinate range or process
 * has this name or id, then makes the home, 0700.  Never adopts what is there.
 */
int lb_home_make(const void *arg, char *text, size_t cap);

/*
 * A lb_helper_work: removes the home, files in the shared temporary
 * directories, System V IPC, crontab, at jobs and linger mark of the account.
 * text says what was removed and what was left.
 */
int lb_home_clear(const void *arg, char *text, size_t cap);

#endif
