/*
 * Customers: who has the last word on what touches their data.
 *
 * The policy proposes a customer's approvers and labels hosts and roles.  The
 * customer agrees by a statement that its own approvers sign (namespace
 * lockbox-customer); from then on what they have signed holds, and nothing in
 * the policy changes it: who decides, with which keys, for what, and that the
 * customer is asked at all.  A policy can only add: what it labels more.
 *
 * The statement is plain text, one field on a line, the lines in this order:
 *
 *	lockbox-customer 1
 *	host: db1
 *	customer: acme
 *	change: 1                       one more than the last
 *	nonce: 1f00...                  16 random bytes of this store, in hex; made when a change
 *	                                is first asked about, and anew after each change
 *	lockbox: on
 *	approvals: 1
 *	break-glass: off                consent in advance to break_glass.h on what is covered
 *	approver: eve ssh-ed25519 SHA256:...   a line for each key
 *	covers: host                    or a line for each role: "covers: role db-operator"
 *
 * A change is done when as many of the approvers as it takes now have signed this
 * very text; for the first one, of those that the policy proposes, and as many as
 * it proposes or as it is to take, whichever is more.  Its number and its nonce are
 * used once; so it is good on no other host, whatever that calls itself.
 *
 * A change of the roster ends what waits for the customer or was approved and is
 * not claimed yet: an approval may have come with a key that was replaced.
 */
#ifndef LB_CUSTOMER_H
#define LB_CUSTOMER_H

#include "keeper/state.h"

#define LB_CUSTOMER_SPACE "lockbox-customer" /* the namespace of the signatures */

/*
 * The customer who has the last word on a role.  LB_ERR_NOT_FOUND: nobody has;
 * LB_ERR_EXISTS: two would have it.
 */
int lb_customer_of(struct lb_tx *tx, const struct lb_policy_role *role,
		   struct lb_customer *customer);
/* True while whoever has the last word on the grant's role, if anybody, has it in the grant's plan. */
bool lb_customer_same(struct lb_tx *tx, const struct lb_grant *grant);
/* True when somebody decides for a customer: is in its roster and in the policy, and in no team. */
bool lb_customer_approver(struct lb_tx *tx, const char *customer, const char *identity);
/*
 * True when the customer has signed for somebody whom the policy has, be he in a team of the host
 * or not: he is told, may look and revoke, whatever the policy makes of him.
 */
bool lb_customer_in_roster(struct lb_tx *tx, const char *customer, const char *identity);
/* How many of its approvers must approve, as the customer signed last; 0: there is no such customer. */
unsigned lb_customer_approvals(struct lb_tx *tx, const char *customer);
/* The same as lb_customer_in_roster() for any customer there is. */
bool lb_customer_any(struct lb_tx *tx, const char *identity);
/* True when this is the fingerprint of one of somebody's keys in a customer's roster. */
bool lb_customer_key(struct lb_tx *tx, const char *customer, const char *identity,
		     const char *fingerprint);
/*
 * True unless somebody decides on the grant for its customer and this is not a
 * key of his that the customer has signed for.
 */
bool lb_customer_takes(struct lb_tx *tx, const struct lb_grant *grant, const char *identity,
		       const char *fingerprint);
/* Notes what the policy in force labels with customers who have the last word. */
int lb_customers_pin(struct lb_tx *tx);

/* -- for customer_change.c -- */

#define LB_CUSTOMER_SEPARATOR ", "

/* Whether name is one of those joined so. */
bool lb_customer_names(const char *joined, const char *name);
/* The customer of this name; NULL when it never agreed to anything, or cannot be read. */
const struct lb_customer *lb_customer_find(struct lb_tx *tx, const char *name);
/* True when it has a key of that identity. */
bool lb_customer_holds(const struct lb_customer *c, const char *identity);
/* Of a key as it is stored, "type base64"; out has LB_KEY_FINGERPRINT_MAX bytes. */
void lb_customer_fingerprint(const char *line, char *out);
/* Adds what the policy labels with the customer.  False: the names of the roles are too long. */
bool lb_customer_label(const struct lb_policy *policy, struct lb_customer *c);
/*
 * The statement above, with its nonce.  LB_ERR_TOO_LONG: no part of it is to be signed, the
 * signature would not bind the rest.
 */
int lb_customer_statement(const char *host, const struct lb_customer *c,
			  char out[LB_CHANGE_MAX + 1]);

#endif
