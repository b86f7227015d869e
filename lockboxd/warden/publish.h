/*
 * What the warden puts where the whole host reads it: the snapshot of accounts
 * and the sudoers fragment.
 */
#ifndef LB_WARDEN_PUBLISH_H
#define LB_WARDEN_PUBLISH_H

#include "policy/policy.h"
#include "warden/account.h"

#define LB_SNAPSHOT_NAME "accounts"

/*
 * Publishes the live accounts of all as run_fd/accounts.  On any failure the
 * snapshot is withdrawn, so that nothing resolves, and the error is returned
 * with *why (static) saying what failed.
 */
int lb_publish_accounts(int run_fd, const struct lb_accounts *all, const char **why);

/* The sudoers fragment for a helper to write and check. */
struct lb_sudoers_job {
	const char *file; /* the final name; its directory must be root's */
	const char *text;
	size_t len;
};

/*
 * A lb_helper_work: writes the text beside file, under a name that sudo passes
 * over, and has `visudo -c` check it.  text says what visudo found.
 */
int lb_sudoers_stage(const void *arg, char *text, size_t cap);

/* Puts the staged fragment in place (rename).  LB_ERR_SYSTEM. */
int lb_sudoers_install(const char *file);

#endif
