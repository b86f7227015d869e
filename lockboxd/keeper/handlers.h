/*
 * The requests that people make, each with a handler of its own.  It returns LB_OK also when it has
 * queued a refusal; an error means that the transaction must be given up.
 */
#ifndef LB_HANDLERS_H
#define LB_HANDLERS_H

#include "keeper/caller.h"

typedef int lb_handler(struct lb_tx *tx, const struct lb_caller *who, const union lb_msg *msg);
lb_handler lb_do_extend, lb_do_review, lb_do_acknowledge, lb_do_metrics;
lb_handler lb_do_roles, lb_do_request, lb_do_list, lb_do_show;
lb_handler lb_do_approve, lb_do_deny, lb_do_cancel, lb_do_end, lb_do_revoke;
lb_handler lb_do_statement, lb_do_approve_signed, lb_do_evidence;
lb_handler lb_do_customer, lb_do_customer_change;
lb_handler lb_do_eligibility, lb_do_eligibility_request, lb_do_attest;
lb_handler lb_do_eligibility_approve, lb_do_eligibility_revoke;
lb_handler lb_do_claim, lb_do_audit, lb_do_keys, lb_do_health, lb_do_reset_clock;

#endif
