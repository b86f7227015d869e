/*
 * The sealed path: one login of the host's emergency account when the daemon
 * cannot decide (common/seal.h, lockbox-setup(8)).
 *
 * The password was checked by pam_unix.  Here the seal must be whole and for
 * the service, and the daemon must not answer, or say that it can grant nothing;
 * then it is broken, durably, before anything else, and everybody is told.
 * Whatever fails is a denial.  pam.conf has no part in it.
 */
#ifndef LB_PAM_SEALED_H
#define LB_PAM_SEALED_H

#include <stdbool.h>

#include "call.h"

/* True when the call is about the emergency account. */
bool lb_pam_is_sealed(const struct lb_pam_call *call);
/* Account: a login breaks the seal; sudo goes on for a while after that.  NULL, or why not. */
const char *lb_pam_sealed_account(const struct lb_pam_call *call);
/* Session: of a login that has broken it. */
const char *lb_pam_sealed_session(const struct lb_pam_call *call);

#endif
