/*
 * Killing all of an account's processes in one step; see common/cgroup.h.
 */
#ifndef LB_WARDEN_CAGE_H
#define LB_WARDEN_CAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Kills everything in the account's groups, ours and systemd's.  True when one
 * was there and was killed.  tree: what lb_cgroup_tree() says, NULL for none.
 */
bool lb_cage_kill(const char *tree, uint32_t uid);

/*
 * The same of an account that was there before: only the group of ours, into
 * which the PAM module puts what logs in under a grant.
 */
bool lb_cage_kill_own(const char *tree, uint32_t uid);

/*
 * Kills the scope of systemd's that the process is in, if it is one of a session
 * of uid's and ours(arg, pid) is true of every process in it.
 */
typedef bool lb_cage_ours(void *arg, pid_t pid);
bool lb_cage_kill_scope(const char *tree, uint32_t uid, pid_t pid, lb_cage_ours *ours, void *arg);

/* Removes the account's group of ours, which is empty by then. */
void lb_cage_remove(const char *tree, uint32_t uid);

#endif
