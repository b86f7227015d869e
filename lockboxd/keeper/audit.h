/*
 * The record: each event is one hash-chained record in the store and, once
 * that is durable, one line in syslog with the same facts.
 */
#ifndef LB_AUDIT_H
#define LB_AUDIT_H

#include "keeper/state.h"

/*
 * Adds an event to the transaction.  grant may be NULL (start, stop, policy,
 * strangers at the login).  actor: who did it, "" for the clock.  detail is
 * formatted; any byte is allowed in it, it is escaped where it is shown.
 */
int lb_audit(struct lb_tx *tx, const char *event, const struct lb_grant *grant, const char *actor,
	     const char *format, ...) __attribute__((format(printf, 5, 6)));

/* The same about a person who is concerned without a grant. */
int lb_audit_person(struct lb_tx *tx, const char *event, const char *identity, const char *actor,
		    const char *format, ...) __attribute__((format(printf, 5, 6)));

/* The same about a user who is no temporary account, or not one we know. */
int lb_audit_user(struct lb_tx *tx, const char *event, const char *user, uint32_t uid,
		  const char *identity, const char *format, ...)
	__attribute__((format(printf, 6, 7)));

#endif
