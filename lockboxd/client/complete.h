/*
 * Completion of the command line on the host itself: what may come next, for
 * the shell to offer.  Everything is read off the tables of verbs and options;
 * names of roles and ids come from the daemon.
 */
#ifndef LB_CLIENT_COMPLETE_H
#define LB_CLIENT_COMPLETE_H

#include <stddef.h>

#include "cli.h"

/*
 * The words behind "lockbox", the last of them (often "") being written.
 * Prints what it may become, one to a line; nothing when anything else may
 * stand there, such as the name of a file.  Says nothing of errors.  Blocks up
 * to a second: the process then ends.
 */
enum lb_exit lb_complete(const struct lb_cli *cli, size_t count, char **words);

#endif
