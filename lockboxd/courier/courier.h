/*
 * Courier: the only process that will speak to a network.  It can neither
 * create nor change a grant, and sees neither the store nor keys.
 */
#ifndef LB_COURIER_H
#define LB_COURIER_H

#include <sys/types.h>

int lb_courier_main(uid_t uid, gid_t gid, const char *root_dir);

#endif
