/* The table of requests: see dispatch.h. */
#include "keeper/dispatch.h"

#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "ipc.h"
#include "keeper/eligible.h"
#include "keeper/grant.h"
#include "keeper/handlers.h"
#include "keeper/levels.h"
#include "keeper/view.h"
#include "keeper/waits.h"
#include "log.h"

/* Who may send a request at all; what it is about is the handler's to judge. */
enum who {
	WHO_GATE,   /* the gate user, to name an identity, once */
	WHO_KEYS,   /* the user that looks keys up */
	WHO_PERSON, /* an identity */
	WHO_READER, /* an identity, or root */
	WHO_ROOT,   /* root, who runs the host */
};

static lb_handler do_as, do_wait;

static const struct {
	uint16_t type;
	enum who who;
	bool ends; /* goes through when the store is full */
	lb_handler *handler;
} rows[] = {
	{LB_MSG_AS, WHO_GATE, true, do_as},
	{LB_MSG_KEYS, WHO_KEYS, true, lb_do_keys},
	{LB_MSG_ROLES, WHO_READER, true, lb_do_roles},
	{LB_MSG_REQUEST, WHO_PERSON, false, lb_do_request},
	{LB_MSG_EXTEND, WHO_PERSON, false, lb_do_extend},
	{LB_MSG_LIST, WHO_READER, true, lb_do_list},
	{LB_MSG_SHOW, WHO_READER, true, lb_do_show},
	{LB_MSG_WAIT, WHO_READER, true, do_wait},
	{LB_MSG_APPROVE, WHO_PERSON, false, lb_do_approve},
	{LB_MSG_STATEMENT, WHO_PERSON, false, lb_do_statement},
	{LB_MSG_APPROVE_SIGNED, WHO_PERSON, false, lb_do_approve_signed},
	{LB_MSG_EVIDENCE, WHO_READER, true, lb_do_evidence},
	{LB_MSG_ELIGIBILITY, WHO_READER, true, lb_do_eligibility},
	{LB_MSG_ELIGIBILITY_REQUEST, WHO_PERSON, false, lb_do_eligibility_request},
	{LB_MSG_ATTEST, WHO_PERSON, false, lb_do_attest},
	{LB_MSG_ELIGIBILITY_APPROVE, WHO_PERSON, false, lb_do_eligibility_approve},
	{LB_MSG_ELIGIBILITY_REVOKE, WHO_READER, true, lb_do_eligibility_revoke},
	{LB_MSG_DENY, WHO_PERSON, true, lb_do_deny},
	{LB_MSG_CANCEL, WHO_PERSON, true, lb_do_cancel},
	{LB_MSG_CLAIM, WHO_PERSON, false, lb_do_claim},
	{LB_MSG_END, WHO_PERSON, true, lb_do_end},
	{LB_MSG_REVOKE, WHO_READER, true, lb_do_revoke},
	{LB_MSG_AUDIT, WHO_READER, true, lb_do_audit},
	{LB_MSG_CUSTOMER, WHO_READER, true, lb_do_customer},
	{LB_MSG_CUSTOMER_CHANGE, WHO_READER, false, lb_do_customer_change},
	{LB_MSG_REVIEW, WHO_PERSON, false, lb_do_review},
	{LB_MSG_ACKNOWLEDGE, WHO_PERSON, true, lb_do_acknowledge},
	{LB_MSG_METRICS, WHO_READER, true, lb_do_metrics},
	{LB_MSG_HEALTH, WHO_ROOT, true, lb_do_health},
	{LB_MSG_RESET_CLOCK, WHO_ROOT, true, lb_do_reset_clock},
};

/* All that somebody may send who is eligible for nothing yet. */
static const uint16_t before_eligibility[] = {
	LB_MSG_AS,
	LB_MSG_ROLES,
	LB_MSG_ELIGIBILITY,
	LB_MSG_ELIGIBILITY_REQUEST,
	LB_MSG_ELIGIBILITY_REVOKE,
};

/* The gate's one statement: whose key sshd has accepted.  Everything after it is as that identity. */
static int
do_as(struct lb_tx *tx, const struct lb_caller *who, const union lb_msg *msg)
{
	if (lb_policy_identity(tx->k->policy, msg->as.identity) == NULL)
		return lb_refuse(tx, who, LB_NO_IDENTITY, "the policy knows no identity %s",
				 msg->as.identity);
	who->peer->has_identity = true;
	memcpy(who->peer->identity, msg->as.identity, sizeof who->peer->identity);
	memcpy(who->peer->fingerprint, msg->as.fingerprint, sizeof who->peer->fingerprint);
	return lb_done(tx, who);
}

/*
 * The identity behind a connection: named by the gate if the gate user made
 * it, else the one whose Unix user has the kernel's uid of the peer.  It must
 * still be in the policy.
 */
static const char *
identity_of(const struct lb_keeper *k, const struct lb_peer *peer)
{
	const struct lb_policy_identity *id;

	if (peer->uid == lb_policy_host(k->policy)->gate_uid)
		id = peer->has_identity ? lb_policy_identity(k->policy, peer->identity) : NULL;
	else
		id = lb_policy_identity_by_uid(k->policy, peer->uid);
	return id != NULL ? id->name : "";
}

/*
 * The login uid says whose login stands behind a process, whatever it is now: who is let in as
 * one person by a grant that is as good as root does not decide as another.
 */
static bool
came_as_another(const struct lb_keeper *k, const struct lb_peer *peer, const char *identity)
{
	const struct lb_policy_identity *login =
		lb_policy_identity_by_uid(k->policy, peer->login_uid);

	return login != NULL && peer->uid != 0 && peer->uid != login->uid &&
	       strcmp(login->name, identity) != 0;
}

static const char *
refusal_of(const struct lb_keeper *k, const struct lb_peer *peer, const struct lb_caller *who,
	   enum who wanted)
{
	bool gate = peer->uid == lb_policy_host(k->policy)->gate_uid;
	bool keys = peer->uid == k->keys_uid;

	if (wanted == WHO_KEYS)
		return keys && peer->direct ? NULL : "only sshd's key lookup may ask this";
	if (keys)
		return "this user may look keys up and nothing else";
	if (!peer->known)
		return "your process could not be looked at; try again";
	if (peer->temporary)
		return "a temporary account decides nothing; leave the session and use "
		       "ssh lockbox@HOST";
	if (came_as_another(k, peer, who->identity))
		return "you have logged in as somebody else; what you decide is decided by who "
		       "logged in";
	if (wanted == WHO_GATE)
		return gate && peer->direct ? NULL : "only the gate may name an identity, and once";
	if (wanted == WHO_ROOT)
		return who->root ? NULL : "this is for root on the host";
	if (peer->direct)
		return "an identity must be named first";
	if (who->identity[0] != '\0' || (who->root && wanted == WHO_READER))
		return NULL;
	if (who->root)
		return "root is no identity; use ssh lockbox@HOST with your key";
	return "no identity of the policy belongs to you; ask the host's operators to add your "
	       "key or Unix user";
}

/* LB_ERR_REFUSED: not for somebody who is eligible for nothing; the refusal is queued. */
static int
check_eligible(struct lb_tx *tx, const struct lb_caller *who, uint16_t type)
{
	bool confined = false;
	int err;

	for (size_t i = 0; i < sizeof before_eligibility / sizeof before_eligibility[0]; i++)
		if (before_eligibility[i] == type)
			return LB_OK;
	err = who->identity[0] != '\0' ? lb_eligible_confined(tx, who->identity, &confined) : LB_OK;
	if (err != LB_OK || !confined)
		return err;
	return lb_refused(
		lb_refuse(tx, who, LB_NOT_ELIGIBLE,
			  "you are eligible for no role here; what is missing, and who can "
			  "give it: see eligibility"));
}

int
lb_dispatch(struct lb_tx *tx, struct lb_peer *peer, uint16_t type, const union lb_msg *msg)
{
	struct lb_keeper *k = tx->k;
	struct lb_caller who = {
		.target = {peer->direct, peer->conn},
		.peer = peer,
		.uid = peer->uid,
		.identity = identity_of(k, peer),
		.fingerprint = peer->fingerprint,
		.root = peer->uid == 0,
	};
	const char *why;
	int err;

	who.actor = who.root ? "root" : who.identity;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (rows[i].type != type)
			continue;
		why = refusal_of(k, peer, &who, rows[i].who);
		if (why != NULL) {
			if (lb_log_may(&k->refusals, "refused requests"))
				lb_log(LOG_WARNING, "uid %u refused: %s", peer->uid, why);
			return lb_refuse(tx, &who,
					 who.identity[0] ? LB_NO_PERMISSION : LB_NO_IDENTITY, "%s",
					 why);
		}
		if (tx->endings_only && !rows[i].ends)
			return lb_refuse(
				tx, &who, LB_STORE_FULL,
				"the store is full: nothing new is granted until the host's "
				"operators make room");
		err = check_eligible(tx, &who, type);
		return err == LB_OK ? rows[i].handler(tx, &who, msg) : lb_settled(err);
	}
	return lb_refuse(tx, &who, LB_BAD_INPUT, "no such request");
}

/* -- the verb WAIT: the answer is held until the grant has changed, or LB_WAIT_S are over ---- */

static bool
is_new(struct lb_tx *tx, const struct lb_grant *g, uint8_t state, uint8_t have)
{
	unsigned need;

	if (g->state != state)
		return true;
	return lb_state_waits(state) && lb_levels_count(tx, g, &need) != have;
}

struct look {
	const struct lb_wait *wait;
	bool in_any_case, answered;
};

/* The answer is that of SHOW, with all that is checked there. */
static int
look(struct lb_tx *tx, void *arg)
{
	struct look *l = arg;
	struct lb_peer *peer = lb_peers_find(tx->k->peers, l->wait->conn);
	union lb_msg msg = {.act = {.id = l->wait->grant}};
	struct lb_grant g;
	int err;

	l->answered = false;
	if (peer == NULL)
		return LB_OK;
	if (!l->in_any_case) {
		err = lb_store_grant(tx->store, l->wait->grant, &g);
		if (err != LB_OK)
			return err;
		if (!is_new(tx, &g, l->wait->state, l->wait->have))
			return LB_OK;
	}
	l->answered = true;
	return lb_dispatch(tx, peer, LB_MSG_SHOW, &msg);
}

static void
on_time(evutil_socket_t fd, short what, void *arg)
{
	struct lb_wait *w = arg;
	struct lb_keeper *k = w->k;
	struct look l = {.wait = w, .in_any_case = (what & EV_TIMEOUT) != 0};
	const struct lb_ipc_conn conn = {.conn = w->conn};

	(void)fd;
	if (lb_tx_run(k, look, &l) != LB_OK) {
		/* What cannot be answered is hung up on: the caller asks again. */
		lb_peers_drop(k->peers, conn.conn);
		if (k->front != NULL)
			lb_ipc_send(k->front, LB_IPC_GONE, &conn, -1);
	} else if (l.answered) {
		lb_waits_drop(k, conn.conn); /* unless that has happened meanwhile */
	}
}

static int
do_wait(struct lb_tx *tx, const struct lb_caller *who, const union lb_msg *msg)
{
	struct lb_grant g;
	int err = lb_find_grant(tx, who, msg->wait.id,
				1u << LB_STATE_PENDING | 1u << LB_STATE_NOTIFIED, &g);

	if (err != LB_OK)
		return lb_settled(err);
	if (is_new(tx, &g, msg->wait.state, msg->wait.have))
		return lb_answer_grant(tx, who, &g);
	return lb_waits_add(tx->k, who->target.conn, &msg->wait, g.id, on_time);
}
