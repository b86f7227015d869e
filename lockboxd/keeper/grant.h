/*
 * The life of a grant, as one table.
 *
 *	                  APPROVE           NOTIFY            APPROVE_LAST DENY   CANCEL    CLAIM  END    REVOKE    TIMEOUT GONE  EXTEND UNMADE
 *	pending           pending           customer-notified approved     denied cancelled -      -      cancelled lapsed  -     ended  -
 *	customer-notified customer-notified -                 approved     denied cancelled -      -      cancelled lapsed  -     ended  -
 *	approved          -                 -                 -            -      cancelled active -      cancelled lapsed  -     -      -
 *	active            -                 -                 -            -      -         active ending ending    ending  ended -      approved
 *	ending            -                 -                 -            -      -         -      -      -         -       ended -      -
 *	ended, denied, cancelled, lapsed: nothing more happens
 *
 * "-" is refused.  A grant whose time in a state is over accepts nothing but
 * TIMEOUT (and GONE or UNMADE), and TIMEOUT is refused before: so at the instant
 * of a lapse there is one winner, whoever asks first.  The warden has a clock of
 * its own: it may be the first to end what is active, and GONE says that it has.
 * UNMADE says that of the account that was claimed nothing ever was: the approval
 * stands, and is claimed anew, under another name and uid.
 *
 * Pure: no I/O, no clock of its own, no allocation.
 */
#ifndef LB_GRANT_H
#define LB_GRANT_H

#include <stdint.h>

#include "keeper/store.h"
#include "proto.h"

enum lb_event {
	LB_EVENT_APPROVE,      /* an approval, and more are needed */
	LB_EVENT_NOTIFY,       /* the approval after which it is the customer's turn */
	LB_EVENT_APPROVE_LAST, /* the approval that completes them */
	LB_EVENT_DENY,
	LB_EVENT_CANCEL,  /* by the engineer */
	LB_EVENT_CLAIM,	  /* by the engineer: account and one-time password */
	LB_EVENT_END,	  /* by the engineer */
	LB_EVENT_REVOKE,  /* by an approver, root, or because the policy changed */
	LB_EVENT_TIMEOUT, /* until_s is reached */
	LB_EVENT_GONE,	  /* the warden: nothing of the account is left */
	LB_EVENT_EXTEND,  /* the approval that completes those of more time for another grant */
	LB_EVENT_UNMADE,  /* the warden: nothing of the claimed account was ever made */
	LB_EVENT_COUNT,
};

/* What is to be done with a step, beside storing the new state. */
#define LB_DO_ACCOUNT 0x01u  /* allot uid and name, publish */
#define LB_DO_PASSWORD 0x02u /* make a new one-time password, void the last */
#define LB_DO_EVICT 0x04u    /* have the warden end the account */
#define LB_DO_CLOSE 0x08u    /* the end of the record: void the password, stamp closed_s */

struct lb_step {
	uint8_t next;  /* enum lb_state */
	unsigned todo; /* LB_DO_... */
};

/*
 * LB_OK and *step; or LB_ERR_REFUSED with *why, a static phrase that completes
 * "R-17 " ("is pending", "has lapsed").
 */
int lb_grant_step(const struct lb_grant *grant, enum lb_event event, uint64_t now_s,
		  struct lb_step *step, const char **why);

/* The names of the levels that rules added to a grant's plan, joined by ", ". */
#define LB_GRANT_ADDED_TEXT ((LB_LEVELS_MAX * (LB_IDENTITY_MAX + 2)) + 1)
void lb_grant_added(const struct lb_grant *grant, char out[LB_GRANT_ADDED_TEXT]);

/* True while the grant lets its account in: active and its time not over. */
int lb_grant_open(const struct lb_grant *grant, uint64_t now_s);

/* True for the states in which somebody's approval is waited for. */
bool lb_state_waits(uint8_t state);

#endif
