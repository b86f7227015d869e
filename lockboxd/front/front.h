/*
 * Front: bounds and decodes what clients send, and nothing else.  It learns
 * neither who a client is nor what the store holds.
 */
#ifndef LB_FRONT_H
#define LB_FRONT_H

#include <sys/types.h>

int lb_front_main(uid_t uid, gid_t gid, const char *root_dir);

#endif
