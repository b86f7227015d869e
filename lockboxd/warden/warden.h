/*
 * The warden: the one process that stays root.
 *
 * It starts and restarts the others, publishes what the policy allows, keeps
 * its own table of deadlines, and evicts.  It never parses what a client sent,
 * opens no network socket and never opens the store.
 */
#ifndef LB_WARDEN_H
#define LB_WARDEN_H

#include <stdbool.h>

struct lb_warden_options {
	const char *host_file, *policy_dir; /* policy sources */
	const char *run_dir, *state_dir;
	const char *sudoers_file;
	bool foreground, check_only;
};

/* Runs until SIGTERM; the result is the exit status.  Started as root. */
int lb_warden_main(const struct lb_warden_options *options);

#endif
