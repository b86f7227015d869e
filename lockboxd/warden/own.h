/*
 * Own accounts: grants for an ordinary Unix account that is here anyway.
 *
 * In the table such a grant has a uid of the reserved range like all others,
 * which nobody has and nothing runs as; own_uid is the account's.  Its
 * processes are those of the sessions that were opened under it: the kernel's
 * number of the session and the login uid must both be right.  Nothing here
 * ends a process for its uid, and nothing of the account is changed.
 */
#ifndef LB_WARDEN_OWN_H
#define LB_WARDEN_OWN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "policy/policy.h"
#include "warden/account.h"
#include "warden/notice.h"

/*
 * The same of a file in the form of passwd(5), /etc/passwd outside tests: the
 * name is there once, with this uid, which nobody else has.  Reads the file.
 */
const char *lb_own_missing(const char *file, const char *name, uint32_t uid);

/* Remembers the kernel's number of a session.  LB_ERR_REFUSED: none that can be; LB_ERR_NOMEM. */
int lb_own_add_session(struct lb_account *account, uint32_t session);

/* The account of all in the table that a process with these belongs to; NULL: none. */
struct lb_account *lb_own_of(const struct lb_accounts *all, uint32_t login_uid, uint32_t session);

/* True when the process that pidfd stands for belongs to the account. */
bool lb_own_belongs(const struct lb_account *account, pid_t pid, int pidfd);

/*
 * Asks a connection to end that was refused: a root-owned sshd that does not
 * listen and whose login uid is that of an identity's Unix user.
 */
void lb_own_disconnect(const struct lb_policy *policy, uint32_t uid, pid_t pid, int pidfd);

/* Says to the terminals of the sessions what text() gives for the account's uid in the table. */
void lb_own_notice(const struct lb_accounts *all, lb_notice_text *text, lb_notice_told *told,
		   void *arg);

#endif
