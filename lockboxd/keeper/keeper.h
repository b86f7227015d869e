/*
 * The keeper: owns the store, decides, and answers PAM.  It is never root and
 * never touches a network.
 */
#ifndef LB_KEEPER_H
#define LB_KEEPER_H

#include <sys/types.h>

/* Runs until the warden's link ends; the result is the exit status. */
int lb_keeper_main(uid_t uid, gid_t gid, const char *root_dir);

#endif
