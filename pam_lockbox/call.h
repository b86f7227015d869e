/*
 * What one call of the module works with: arguments, subject, and the message
 * about them.  Made anew in every call and never kept: sshd runs the stack's
 * parts in different processes.
 */
#ifndef LB_PAM_CALL_H
#define LB_PAM_CALL_H

#include <security/pam_modules.h>

#include "opts.h"
#include "proto.h"
#include "subject.h"

struct lb_pam_call {
	pam_handle_t *pamh;
	int flags;
	struct lb_pam_opts opts;
	struct lb_pam_subject subject;
	struct lb_msg_login login; /* password empty; who sets it wipes it */
};

/*
 * Fills call, and logs when it cannot.  LB_ERR_MALFORMED: a bad argument on
 * the stack line; LB_ERR_NOMEM; LB_ERR_SYSTEM.
 */
int lb_pam_call_begin(struct lb_pam_call *call, pam_handle_t *pamh, int flags, int argc,
		      const char **argv);

/*
 * Logs `what: user=… uid=… rhost="…"`, and ` reason="…"` unless reason is
 * NULL, with every value escaped.  A user who does not resolve is "(unknown)":
 * what was typed there may be a password.
 */
void lb_pam_call_log(const struct lb_pam_call *call, int priority, const char *what,
		     const char *reason);

#endif
