/*
 * The control group of an account's processes; cgroups(7), Linux's
 * Documentation/admin-guide/cgroup-v2.rst.
 *
 * A group can be killed whole in one step, those that sudo started included,
 * and nothing that forks outruns it.  Under systemd each user's sessions are in
 * a slice of the uid's own.  Where there is no systemd but a cgroup2 tree, the
 * PAM module puts the login's process into a group of ours before anything is
 * started in it, and the warden kills and removes that.
 */
#ifndef LB_CGROUP_H
#define LB_CGROUP_H

#include <stdint.h>

/* Where the cgroup2 tree is mounted, alone or beside the first version; NULL when nowhere. */
const char *lb_cgroup_tree(void);

/*
 * Puts the calling process, which is root's, into the group lockbox/<uid> of
 * the tree.  LB_ERR_NOT_FOUND where systemd does such things or there is no
 * tree; LB_ERR_SYSTEM.  Does not block on anything but the kernel.
 */
int lb_cgroup_join(uint32_t uid);

#endif
