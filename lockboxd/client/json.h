/*
 * --json: one document on one line, names that stay.
 *
 * Everything outside printable ASCII is written as \u escapes, so a document
 * is safe on a terminal too.  Text that is not UTF-8 is escaped as
 * lb_text_escape() does, because JSON cannot hold it.
 */
#ifndef LB_CLIENT_JSON_H
#define LB_CLIENT_JSON_H

#include <jansson.h>

#include "cli.h"
#include "proto.h"

/* Makes jansson wipe what it frees: a document may hold a password. Call before anything else. */
void lb_cli_json_init(void);

/* The shapes of lockbox(1); NULL when out of memory.  The caller owns the result. */
json_t *lb_cli_json_grant(const struct lb_msg_grant *g);
json_t *lb_cli_json_customer(const struct lb_msg_customer_view *v);
json_t *lb_cli_json_metrics(const struct lb_msg_metrics *m);
json_t *lb_cli_json_role(const struct lb_msg_role *r);
json_t *lb_cli_json_eligible(const struct lb_msg_eligible *e);
json_t *lb_cli_json_attested(const struct lb_msg_attested *a);
json_t *lb_cli_json_claimed(const struct lb_msg_claimed *c);
json_t *lb_cli_json_record(const struct lb_msg_record *r);
json_t *lb_cli_json_to_sign(const struct lb_msg_to_sign *s);
json_t *lb_cli_json_signed(const struct lb_msg_signed *s);
/* {"id":...,"evidence":[...]}; the array is given up. */
json_t *lb_cli_json_evidence(uint64_t id, json_t *array);

/* Prints a value without a newline, and gives it up; NULL counts as out of memory. */
int lb_cli_json_put(const struct lb_cli *cli, json_t *value);

/* Prints a value and a newline, and gives it up. */
int lb_cli_json_print(const struct lb_cli *cli, json_t *value);

/* The same of {"name":[…]}; the array is given up. */
int lb_cli_json_array(const struct lb_cli *cli, const char *name, json_t *array);

/* {"code":…,"message":…}; NULL when out of memory. */
json_t *lb_cli_json_problem(const char *code, const char *message);

/* Prints {"error":{"code":…,"message":…}} and a newline. */
void lb_cli_json_error(const struct lb_cli *cli, const char *code, const char *message);

#endif
