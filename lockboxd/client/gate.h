/*
 * The gate: what a person reaches through ssh, with the name sshd proved.
 *
 * It turns one command line into one run of a verb.  It never executes
 * anything, opens no file, and knows no verb that works on this host alone.
 */
#ifndef LB_CLIENT_GATE_H
#define LB_CLIENT_GATE_H

#include "cli.h"

/*
 * Reads the program's own arguments, which the forced command gives:
 * --identity NAME --key FINGERPRINT, and --socket PATH.  Fills cli, which
 * borrows them.  LB_ERR_MALFORMED when they are not exactly that.
 */
int lb_gate_arguments(struct lb_cli *cli, int argc, char **argv);

/* Runs the command line that ssh brought; NULL when it brought none. */
enum lb_exit lb_gate_run(struct lb_cli *cli, const char *command);

#endif
