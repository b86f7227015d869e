/*
 * Killing all of an account's processes in one step; see common/cgroup.h.
 */
#ifndef LB_WARDEN_CAGE_H
#define LB_WARDEN_CAGE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Kills everything in the account's groups, ours and systemd's.  True when one
 * was there and was killed.  tree: what lb_cgroup_tree() says, NULL for none.
 */
bool lb_cage_kill(const char *tree, uint32_t uid);

/* Removes the account's group of ours, which is empty by then. */
void lb_cage_remove(const char *tree, uint32_t uid);

#endif
