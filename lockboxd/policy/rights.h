/*
 * Rights that amount to root: which groups and commands give all of the host
 * away, and which commands may stand in a policy at all.
 */
#ifndef LB_POLICY_RIGHTS_H
#define LB_POLICY_RIGHTS_H

#include <stdbool.h>

#define LB_COMMAND_MAX 512 /* bytes of a command with its arguments */

/*
 * NULL when command may stand in a policy: an absolute path and exact
 * arguments, one space between each, in [A-Za-z0-9] and . _ / + @ % = : , -
 * (so no wildcard, quote, backslash, expression or option of sudoers can be
 * meant).  Otherwise a static sentence, "what is wrong; what to write instead".
 */
const char *lb_command_problem(const char *command);

/*
 * NULL, or why running command as root is as good as being root, as the end of
 * "with it one ..."; static.  command must have passed lb_command_problem().
 */
const char *lb_command_root_equivalent(const char *command);

/*
 * True when command's program lies below a directory in which others than root
 * can make files (/tmp, /home ...) or below home_base.
 */
bool lb_command_unsafe_place(const char *command, const char *home_base);

/* NULL, or why membership in group is as good as being root, as above; static. */
const char *lb_group_root_equivalent(const char *group);

#endif
