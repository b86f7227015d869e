/*
 * Who a PAM call is about.
 *
 * Read anew from PAM_USER in every call, because any module before this one
 * may have changed it, and decided by number as much as by name.
 */
#ifndef LB_PAM_SUBJECT_H
#define LB_PAM_SUBJECT_H

#include <security/pam_modules.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto.h"

enum lb_pam_kind {
	LB_PAM_NOBODY,	  /* no such account, and not a name that Lockbox makes */
	LB_PAM_GONE,	  /* no such account (any more), but a name that Lockbox makes */
	LB_PAM_ODD,	  /* the name and the number do not belong together: never let in */
	LB_PAM_PERSON,	  /* an account of the host */
	LB_PAM_TEMPORARY, /* an account of a grant */
};

struct lb_pam_subject {
	enum lb_pam_kind kind;
	uint32_t uid; /* of ODD, PERSON and TEMPORARY */
	char user[LB_USER_MAX + 1];
};

/* True for a name that only Lockbox hands out, to an account or a role's group. */
bool lb_pam_name_is_ours(const char *name);

/*
 * Reads PAM_USER and resolves it.  No name, or one too long for any account,
 * is NOBODY.  LB_ERR_NOMEM; LB_ERR_SYSTEM: the lookup itself failed.  Blocks
 * as long as the host's name services do.
 */
int lb_pam_subject_read(pam_handle_t *pamh, struct lb_pam_subject *subject);

/*
 * True when root itself is the caller: the real uid of this process is 0 and,
 * where the application names who asked (PAM_RUSER), that one is uid 0 too.
 */
bool lb_pam_caller_is_root(pam_handle_t *pamh);

/*
 * The login uid that the kernel keeps for this process.  LB_ERR_NOT_FOUND when
 * none is set or the kernel keeps none.
 */
int lb_pam_login_uid(uint32_t *uid);
/*
 * Makes uid this process's login uid when it has none.  LB_ERR_EXISTS: it has
 * another one; LB_ERR_SYSTEM: it could not be written.
 */
int lb_pam_take_login_uid(uint32_t uid);

#endif
