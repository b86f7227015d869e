/*
 * What an approver signs: plain text that binds every field of the approval.
 *
 * One field on a line, each line "name: value", always the same names in the
 * same order and each of them once; "name:" when the value is empty.  Values
 * are escaped as lb_text_escape() does (a backslash is written twice), so none
 * can hold a newline, no two values look alike, and the text is as safe on a
 * terminal as it is exact.  The first line names the format, the last ends with
 * a newline:
 *
 *	lockbox-approval 1
 *	host: db1
 *	request: R-17
 *	decision: approve
 *	approver: bob
 *	level: 1 leads
 *	by-rule:                        the rule that approves in place of the role's levels
 *	added-by-rule: night            the levels that rules added to the role's
 *	identity: alice
 *	role: db-operator
 *	customer:
 *	resource:
 *	account: temporary
 *	duration: 1800
 *	start:
 *	starts: claim
 *	extends:
 *	groups: adm
 *	path:                           or "read /var/log/app"
 *	sudo: /usr/bin/systemctl restart postgresql
 *	shell: /bin/bash
 *	sessions: 1
 *	port-forwarding: no
 *	ticket: OPS-1
 *	reason: index is broken
 *	requested: 2026-11-22T00:20:00Z
 *	stated: 2026-11-22T00:21:10Z
 *	policy: 64 hexadecimal digits, the digest of the whole policy
 *	nonce: 32 hexadecimal digits, drawn for this one approval
 *
 * Durations are seconds, levels count from 1, times are UTC.  A change of any
 * line is a new number in the first one.
 *
 * Pure: no I/O, no clock, no allocation.
 */
#ifndef LB_STATEMENT_H
#define LB_STATEMENT_H

#include <stddef.h>
#include <stdint.h>

#include "keeper/store.h"

#define LB_STATEMENT_SPACE "lockbox-approval" /* the namespace of the signature */

/* What the grant itself does not say.  Texts are never NULL. */
struct lb_statement {
	const char *host, *approver, *customer, *resource;
	unsigned level;		      /* from 1 */
	const char *level_name;	      /* "" when levels have no names */
	const uint8_t *policy_digest; /* LB_HASH_SIZE bytes: of the policy that decides now */
	uint64_t stated_s;
	const uint8_t *nonce; /* LB_NONCE_SIZE bytes */
};

/*
 * Writes the statement that this grant be approved; *len is without the NUL.
 * LB_ERR_TOO_LONG.
 */
int lb_statement_write(const struct lb_statement *s, const struct lb_grant *grant,
		       char out[LB_STATEMENT_MAX + 1], size_t *len);

#endif
