/* What the verbs do; verbs.c names each in its table. */
#ifndef LB_CLIENT_HANDLERS_H
#define LB_CLIENT_HANDLERS_H

#include "verbs.h"

/* decide.c: everything that changes a grant. */
enum lb_exit lb_run_request(const struct lb_cli *, const struct lb_verb *, const struct lb_args *);
enum lb_exit lb_run_act(const struct lb_cli *, const struct lb_verb *, const struct lb_args *);
enum lb_exit lb_run_claim(const struct lb_cli *, const struct lb_verb *, const struct lb_args *);

/* read.c: everything that only looks. */
enum lb_exit lb_run_roles(const struct lb_cli *, const struct lb_verb *, const struct lb_args *);
enum lb_exit lb_run_show(const struct lb_cli *, const struct lb_verb *, const struct lb_args *);
enum lb_exit lb_run_status(const struct lb_cli *, const struct lb_verb *, const struct lb_args *);
enum lb_exit lb_run_pending(const struct lb_cli *, const struct lb_verb *, const struct lb_args *);
enum lb_exit lb_run_audit(const struct lb_cli *, const struct lb_verb *, const struct lb_args *);

#endif
