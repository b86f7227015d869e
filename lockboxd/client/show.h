/* Grants, roles, accounts and records in words, with what to do next. */
#ifndef LB_CLIENT_SHOW_H
#define LB_CLIENT_SHOW_H

#include <stdbool.h>
#include <stddef.h>

#include "cli.h"
#include "proto.h"

/*
 * "1 of 2" and the like, of a grant's approvals; while it waits and has several
 * levels, of the one that it waits for: "leads 1 of 2".
 */
#define LB_APPROVALS_TEXT 96
void lb_cli_approvals(char out[LB_APPROVALS_TEXT], const struct lb_msg_grant *g);

/*
 * Of one that waits, in words: "waits for leads, level 1 of 2 (0 of 1): bob", cut
 * where out (cap bytes) ends.
 */
void lb_cli_waits_for(char *out, size_t cap, const struct lb_msg_grant *g);

/* The level that a grant waits for, when it has several; NULL otherwise. */
const struct lb_msg_level *lb_cli_level(const struct lb_msg_grant *g);
/* Everything about one grant. */
void lb_cli_show_grant(const struct lb_cli *cli, const struct lb_msg_grant *g);

/*
 * The commands that sign, in an ssh-keygen namespace, what one verb shows and
 * send it to another; KEY is the key's file.
 */
void lb_cli_show_signing(const struct lb_cli *cli, const char *host, const char *space,
			 const char *shows, const char *takes);

/* Whose turn it is now, and the command to type. */
void lb_cli_show_next(const struct lb_cli *cli, const struct lb_msg_grant *g);

/* The account, the password, and how to log in. */
void lb_cli_show_claimed(const struct lb_cli *cli, const struct lb_msg_claimed *c);

/* One role. */
void lb_cli_show_role(const struct lb_cli *cli, const struct lb_msg_role *r);

/* One audit record: its facts, then what it says, indented. */
void lb_cli_show_record(const struct lb_cli *cli, const struct lb_msg_record *r);

/*
 * The state of a grant in a word for people: an extension that was approved is
 * granted; of a broken seal by which somebody is root now, that.
 */
const char *lb_cli_state(const struct lb_cli *cli, const struct lb_msg_grant *grant);
/* True of the record of a broken seal by which somebody is root on the host now. */
bool lb_cli_seal_open(const struct lb_cli *cli, const struct lb_msg_grant *grant);

#endif
