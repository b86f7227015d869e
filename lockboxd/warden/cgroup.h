/*
 * Control groups: killing all of an account's processes in one step, those it
 * started through sudo included, which no other call can.
 *
 * Under systemd each user's sessions are in a slice of the uid's own.  Where
 * there is no systemd but a cgroup2 tree, each login's connection process is
 * put into a group of ours before anything is started in it.
 */
#ifndef LB_WARDEN_CGROUP_H
#define LB_WARDEN_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Puts pid into the account's group, unless systemd does so.  Failure is logged and leaves the scan. */
void lb_cgroup_join(uint32_t uid, pid_t pid);

/* Kills everything in the account's groups.  True when there was one and it could be done. */
bool lb_cgroup_kill(uint32_t uid);

/* Removes the account's group of ours, which is empty by then. */
void lb_cgroup_remove(uint32_t uid);

#endif
