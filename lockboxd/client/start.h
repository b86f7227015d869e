/* What every client program does first and last. */
#ifndef LB_CLIENT_START_H
#define LB_CLIENT_START_H

#include "cli.h"

/*
 * Sees that descriptors 0 to 2 are open, ignores SIGPIPE, leaves no core dump
 * and no way for others of the same user to look in, gives up gaining rights
 * by running anything, and readies stdout so that lb_cli_end() can wipe it.
 * Returns 0, or -1 when that cannot be had: then the program must not go on.
 */
int lb_cli_start(void);

/* Fills in cli for this process: stdout, stderr, the usual socket, the clock, this host's name. */
void lb_cli_init(struct lb_cli *cli);

/*
 * Writes out and wipes what is left in stdout's buffer.  Returns status, or
 * LB_EXIT_REFUSED with a line on stderr when the output could not be written.
 */
int lb_cli_end(const struct lb_cli *cli, enum lb_exit status);

#endif
