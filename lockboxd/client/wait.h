/*
 * Waiting until a request is decided, and telling meanwhile whom it waits for:
 * one line that is refreshed on a terminal, else a line at each change.
 */
#ifndef LB_CLIENT_WAIT_H
#define LB_CLIENT_WAIT_H

#include "cli.h"
#include "proto.h"

/*
 * Waits while *g is pending and keeps *g up to date.  Says how it ended, in
 * words and with what to do next, or as JSON, and returns LB_EXIT_DONE when it
 * was approved, LB_EXIT_REFUSED when it was not, LB_EXIT_UNREACHABLE when the
 * daemon was away for too long, LB_EXIT_INTERRUPTED at SIGINT.  The request is
 * left as it is whatever ends this.  Blocks.
 */
enum lb_exit lb_cli_wait(const struct lb_cli *cli, struct lb_msg_grant *g);

#endif
