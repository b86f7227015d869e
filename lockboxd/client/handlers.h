/* What the verbs do; verbs.c names each in its table. */
#ifndef LB_CLIENT_HANDLERS_H
#define LB_CLIENT_HANDLERS_H

#include <stdbool.h>

#include "ask.h"
#include "verbs.h"

/* decide.c: everything that changes a grant. */
enum lb_exit lb_run_request(const struct lb_cli *, const struct lb_verb *, const struct lb_args *);
enum lb_exit lb_run_extend(const struct lb_cli *, const struct lb_verb *, const struct lb_args *);
enum lb_exit lb_run_act(const struct lb_cli *, const struct lb_verb *, const struct lb_args *);
enum lb_exit lb_run_claim(const struct lb_cli *, const struct lb_verb *, const struct lb_args *);
/* One request whose answer is a grant: asked; asked and shown; shown. */
int lb_cli_get_grant(const struct lb_cli *cli, uint16_t type, const void *msg,
		     struct lb_msg_grant *g, struct lb_cli_link *link);
enum lb_exit lb_cli_ask_for_grant(const struct lb_cli *cli, uint16_t type, const void *msg);
enum lb_exit lb_cli_answer_grant(const struct lb_cli *cli, uint16_t message,
				 const struct lb_msg_grant *g);

/* sign.c: signed approvals. */
enum lb_exit lb_run_approve(const struct lb_cli *, const struct lb_verb *, const struct lb_args *);
enum lb_exit lb_run_evidence(const struct lb_cli *, const struct lb_verb *, const struct lb_args *);
/* True for lines of plain text, each with its newline: what is shown as it is, to be signed. */
bool lb_cli_plain_lines(const char *text);
enum lb_exit lb_run_statement(const struct lb_cli *, const struct lb_args *);

/* review.c: what comes after break-glass. */
enum lb_exit lb_run_review(const struct lb_cli *, const struct lb_verb *, const struct lb_args *);
enum lb_exit lb_run_metrics(const struct lb_cli *, const struct lb_verb *, const struct lb_args *);
/* "alarm: acknowledge it", "review by ...": what an open review asks of the caller; out, of any length. */
#define LB_ASKS_TEXT 64
void lb_cli_review_asks(char out[LB_ASKS_TEXT], const struct lb_cli *cli,
			const struct lb_msg_grant *g);

/* customer.c: who has the last word. */
enum lb_exit lb_run_customer(const struct lb_cli *, const struct lb_verb *, const struct lb_args *);

/* eligibility.c */
enum lb_exit lb_run_eligibility(const struct lb_cli *, const struct lb_verb *,
				const struct lb_args *);

/* read.c: everything that only looks. */
enum lb_exit lb_run_roles(const struct lb_cli *, const struct lb_verb *, const struct lb_args *);
enum lb_exit lb_run_show(const struct lb_cli *, const struct lb_verb *, const struct lb_args *);
enum lb_exit lb_run_status(const struct lb_cli *, const struct lb_verb *, const struct lb_args *);
enum lb_exit lb_run_pending(const struct lb_cli *, const struct lb_verb *, const struct lb_args *);
enum lb_exit lb_run_audit(const struct lb_cli *, const struct lb_verb *, const struct lb_args *);

#endif
