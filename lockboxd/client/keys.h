/*
 * lockbox-keys: answers sshd's question which keys may log in as a user.
 *
 * sshd waits for it on every login of anybody it is set up for, so it has one
 * short deadline, and it says either all of the daemon's answer or nothing.
 */
#ifndef LB_CLIENT_KEYS_H
#define LB_CLIENT_KEYS_H

#include <stddef.h>
#include <stdio.h>

#define LB_KEYS_TIMEOUT_MS 1500
#define LB_KEYS_OUTPUT_MAX 65536u

/*
 * Asks the daemon at socket about this user and offered key and writes the
 * answer's lines to out, once they are all there.  LB_OK: answered, be it with
 * no line at all.  On an error nothing was written, and why (cap bytes) says
 * in a line what is wrong.  Blocks up to LB_KEYS_TIMEOUT_MS altogether.
 */
int lb_keys_run(FILE *out, const char *socket, const char *user, const char *type, const char *blob,
		char *why, size_t cap);

#endif
