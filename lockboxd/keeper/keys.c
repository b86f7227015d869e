/*
 * Which key may log in as which user: the answer to sshd's
 * AuthorizedKeysCommand; sshd(8), AUTHORIZED_KEYS FILE FORMAT.
 */
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "keeper/handlers.h"
#include "keeper/role.h"

#define GATE LB_LIBEXECDIR "/lockbox-gate"

static int
add_line(struct lb_tx *tx, const struct lb_caller *who, const char *options,
	 const struct lb_policy_key *key)
{
	struct lb_msg_key line;
	int len;

	memset(&line, 0, sizeof line);
	len = snprintf(line.line, sizeof line.line, "%s %s %s", options, key->type, key->base64);
	if (len < 0 || (size_t)len >= sizeof line.line)
		return LB_OK; /* a line that does not fit lets nobody in */
	return lb_outbox_reply(&tx->out, who->target, LB_MSG_KEY, &line);
}

/* The engineer's own keys, while the grant lasts. */
static int
for_account(struct lb_tx *tx, const struct lb_caller *who, const char *user, const char *identity,
	    const struct lb_policy_key *key)
{
	const struct lb_policy_role *role;
	const char *dash = strrchr(user, '-');
	struct lb_grant g;
	uint32_t serial;
	int err;

	if (!lb_account_valid(user) || lb_id_parse(dash + 1, &serial) != LB_OK)
		return LB_OK;
	err = lb_store_grant_by_uid(tx->store, lb_account_uid(serial), &g);
	if (err == LB_ERR_NOT_FOUND)
		return LB_OK;
	if (err != LB_OK)
		return err;
	role = lb_policy_role(tx->k->policy, g.role);
	if (strcmp(g.account, user) != 0 || strcmp(g.identity, identity) != 0 || role == NULL ||
	    !lb_grant_open(&g, tx->now_s))
		return LB_OK;
	return add_line(
		tx, who,
		lb_role_forwards(role, &g) ? "restrict,pty,port-forwarding" : "restrict,pty", key);
}

int
lb_do_keys(struct lb_tx *tx, const struct lb_caller *who, const union lb_msg *msg)
{
	const struct lb_msg_keys *m = &msg->keys;
	const struct lb_policy_host *host = lb_policy_host(tx->k->policy);
	const struct lb_policy_key *key;
	const struct lb_policy_identity *id;
	char options[256];
	int err = LB_OK;

	id = lb_policy_identity_by_key(tx->k->policy, m->type, m->blob, &key);
	if (id != NULL && strcmp(m->user, host->gate_user) == 0) {
		snprintf(options, sizeof options,
			 "restrict,command=\"" GATE " --identity %s --key %s\"", id->name,
			 key->fingerprint);
		err = add_line(tx, who, options, key);
	} else if (id != NULL) {
		err = for_account(tx, who, m->user, id->name, key);
	}
	return err == LB_OK ? lb_done(tx, who) : err;
}
