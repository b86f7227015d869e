/*
 * Ending accounts, in the one order of DESIGN: the account has stopped
 * resolving before this begins; then tell the person, ask the connections to
 * close, kill every process until none is found, clear what is left behind,
 * and only then say that the account is gone.
 */
#ifndef LB_WARDEN_EVICT_H
#define LB_WARDEN_EVICT_H

#include "warden/account.h"

struct event_base;
struct lb_evictor;

/* Nothing of the account is left; account->receipt says what was done. */
typedef void lb_evict_gone(void *arg, struct lb_account *account);

/* all and acl_lock (acl.h) stay the caller's.  NULL when out of memory. */
struct lb_evictor *lb_evictor_new(struct event_base *base, struct lb_accounts *all,
				  const char *acl_lock, lb_evict_gone *gone, void *arg);
void lb_evictor_free(struct lb_evictor *e);

/* Begins the end of an account in state ENDING, which is no longer published and whose person was told. */
void lb_evict_begin(struct lb_evictor *e, struct lb_account *account);

/* Ends one connection process if it still belongs to uid; a refusal that sshd would ignore. */
void lb_evict_connection(uint32_t uid, pid_t pid, int pidfd);

#endif
