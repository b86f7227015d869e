/*
 * The sudoers fragment that gives a role's group its exact commands.
 *
 * Text in, text out: the warden checks the result with `visudo -c` and puts it
 * in place.  It must never render a command that the policy reader would not
 * have accepted.
 */
#ifndef LB_POLICY_SUDOERS_H
#define LB_POLICY_SUDOERS_H

#include <stddef.h>

#include "policy/policy.h"

/*
 * Renders the fragment; the same policy always gives the same bytes.  *text
 * (malloc, NUL-terminated) is the caller's; len is without the NUL.  Roles
 * without sudo commands do not appear.  LB_ERR_NOMEM; LB_ERR_INTERNAL when a
 * command is not one that lb_command_problem() accepts.
 */
int lb_sudoers_render(const struct lb_policy *policy, char **text, size_t *len);

#endif
