/*
 * What the files of this host say of somebody's account: whether there is a
 * password, keys and a shell to log in with.  Reads only, and asks no directory.
 */
#ifndef LB_CLIENT_ACCOUNT_FILES_H
#define LB_CLIENT_ACCOUNT_FILES_H

#include <stdbool.h>

/* What the password field of shadow(5) allows: "set", "none", "locked" or "unknown". */
const char *lb_account_password(const char *shadow, const char *user);

/* How many lines of the usual files could be keys; -1: there may be some, and they cannot be read. */
int lb_account_keys(const char *home);

/* False for the shells that let nobody in. */
bool lb_account_shell(const char *shell);

#endif
