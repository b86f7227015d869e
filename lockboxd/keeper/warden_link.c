/*
 * The link to the warden: its policy, new neighbours, and what became of
 * accounts.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "ipc.h"
#include "keeper/audit.h"
#include "keeper/break_glass.h"
#include "keeper/claim.h"
#include "keeper/direct.h"
#include "keeper/move.h"
#include "keeper/start.h"
#include "keeper/state.h"
#include "log.h"

/* -- answers that waited ------------------------------------------------------------- */

/* A login's: one verdict, and nothing after it. */
static void
send_verdict(struct lb_keeper *k, const struct lb_out *out, bool ok)
{
	const struct lb_msg_verdict no = {
		LB_VERDICT_DENY, "Lockbox: this session could not be given the role's groups; try "
				 "again, or ask whoever runs this host"};
	uint8_t frame[LB_HEADER_SIZE + LB_PAYLOAD_MAX];
	size_t len;

	if (ok)
		lb_direct_reply(k->direct, out->target.conn, out->bytes, out->len);
	else if (lb_proto_encode(LB_MSG_VERDICT, &no, frame, sizeof frame, &len) == LB_OK)
		lb_direct_reply(k->direct, out->target.conn, frame, len);
}

static void
send_claimed(struct lb_keeper *k, const struct lb_out *out, bool ok, bool unmade, const char *text)
{
	const struct lb_msg_done done = {0};
	struct lb_msg_refused refused = {.code = LB_TRY_LATER};
	uint8_t frame[LB_HEADER_SIZE + LB_PAYLOAD_MAX];
	size_t len;

	snprintf(refused.text, sizeof refused.text, "the account could not be made: %.300s%s", text,
		 unmade ? "; the approval stands: have that put right, then claim it again" : "");
	if (ok)
		lb_front_reply(k, out->target.conn, out->bytes, out->len);
	if (lb_proto_encode(ok ? LB_MSG_DONE : LB_MSG_REFUSED, ok ? (const void *)&done : &refused,
			    frame, sizeof frame, &len) == LB_OK)
		lb_front_reply(k, out->target.conn, frame, len);
}

static void
answer(struct lb_keeper *k, struct lb_out *out, bool ok, bool unmade, const char *text)
{
	TAILQ_REMOVE(&k->awaiting, out, next);
	if (out->target.direct)
		send_verdict(k, out, ok);
	else
		send_claimed(k, out, ok, unmade, text);
	lb_out_free(out);
}

/* To all who wait for this session of the account, or for the account itself. */
static void
answer_awaiting(struct lb_keeper *k, uint32_t uid, uint32_t session, bool ok, bool unmade,
		const char *text)
{
	struct lb_out *out, *next;

	for (out = TAILQ_FIRST(&k->awaiting); out != NULL; out = next) {
		next = TAILQ_NEXT(out, next);
		if (out->uid == uid && out->session == session)
			answer(k, out, ok, unmade, text);
	}
}

/* To all who wait for anything of the account. */
static void
refuse_awaiting(struct lb_keeper *k, uint32_t uid, const char *text)
{
	struct lb_out *out, *next;

	for (out = TAILQ_FIRST(&k->awaiting); out != NULL; out = next) {
		next = TAILQ_NEXT(out, next);
		if (out->uid == uid)
			answer(k, out, false, false, text);
	}
}

/* -- outcomes, recorded together ------------------------------------------------------ */

struct recording {
	struct lb_work work; /* first: a work is its recording */
	struct lb_ipc_outcome outcome;
	int (*record)(struct lb_tx *tx, const struct lb_ipc_outcome *o);
	bool must; /* the warden keeps what is not recorded, and says it again to the next keeper */
};

static int
record(struct lb_tx *tx, struct lb_work *work)
{
	const struct recording *r = (const struct recording *)work;

	return r->record(tx, &r->outcome);
}

static void
recorded(struct lb_keeper *k, struct lb_work *work, int err)
{
	struct recording *r = (struct recording *)work;

	if (err != LB_OK)
		lb_log(r->must ? LOG_CRIT : LOG_ERR, "what became of uid %u is not recorded: %s",
		       r->outcome.uid, lb_err_text(err));
	if (err != LB_OK && r->must)
		lb_keeper_stop(k);
	free(r);
}

static int
record_later(struct lb_keeper *k, const struct lb_ipc_outcome *o, bool must,
	     int (*fn)(struct lb_tx *tx, const struct lb_ipc_outcome *o))
{
	struct recording *r = calloc(1, sizeof *r);

	if (r == NULL)
		return LB_ERR_NOMEM;
	r->outcome = *o;
	r->record = fn;
	r->must = must;
	lb_batch_add(k, &r->work, record, recorded);
	return LB_OK;
}

/* -- messages ------------------------------------------------------------------------ */

static int
do_policy(struct lb_keeper *k, const union lb_ipc_msg *msg, int fd)
{
	struct stat st;
	void *packed;
	int err;

	(void)msg;
	if (fstat(fd, &st) != 0 || st.st_size <= 0 || st.st_size > LB_SOURCE_PACK_MAX)
		return LB_ERR_MALFORMED;
	packed = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (packed == MAP_FAILED)
		return LB_ERR_SYSTEM;
	err = lb_keeper_take_policy(k, packed, (size_t)st.st_size);
	munmap(packed, (size_t)st.st_size);
	return err;
}

static int
do_front(struct lb_keeper *k, const union lb_ipc_msg *msg, int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	if (copy < 0)
		return LB_ERR_SYSTEM;
	lb_link_free(k->front);
	k->front = lb_link_new(k->base, copy, &lb_keeper_front_calls, k);
	k->front_start = msg->conn.conn;
	lb_peers_front(k->peers, k->front != NULL);
	return k->front != NULL ? LB_OK : LB_ERR_NOMEM;
}

static int
do_courier(struct lb_keeper *k, const union lb_ipc_msg *msg, int fd)
{
	(void)msg;
	if (k->courier_fd >= 0)
		close(k->courier_fd);
	k->courier_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return LB_OK;
}

/*
 * An account that cannot be published is ended; its uid and name stay used.
 * Of one that was never made there is nothing to evict, for whoever has its uid
 * or name instead is not ours to touch; the fault is the host's, and nobody has
 * to approve anything again for it.  Where somebody else's things are found under
 * an account that was there before, it is over.
 */
static int
give_up(struct lb_tx *tx, const struct lb_ipc_outcome *o)
{
	bool unmade = strcmp(o->event, LB_IPC_UNMADE) == 0;
	bool taken = strcmp(o->event, LB_IPC_TAKEN) == 0;
	const struct lb_policy_role *role;
	char cause[LB_REASON_MAX + 1];
	struct lb_step step;
	struct lb_grant g;
	const char *why;
	int err = lb_store_grant_by_uid(tx->store, o->uid, &g);

	if (err != LB_OK)
		return err == LB_ERR_NOT_FOUND ? LB_OK : err;
	role = lb_policy_role(tx->k->policy, g.role);
	if (unmade && role != NULL &&
	    lb_grant_step(&g, LB_EVENT_UNMADE, tx->now_s, &step, &why) == LB_OK)
		return lb_claim_undo(tx, role, &g, &step, o->text);
	if (lb_grant_step(&g, LB_EVENT_REVOKE, tx->now_s, &step, &why) != LB_OK)
		return LB_OK;
	snprintf(cause, sizeof cause, "the account could not be published: %.400s", o->text);
	if (unmade || taken) {
		g.state = step.next;
		if (lb_grant_step(&g, LB_EVENT_GONE, tx->now_s, &step, &why) != LB_OK)
			return LB_ERR_INTERNAL;
	}
	err = lb_move(tx, &g, &step, cause);
	return err == LB_OK ? lb_audit(tx, "account-refused", &g, "", "%s", cause) : err;
}

static int
do_published(struct lb_keeper *k, const union lb_ipc_msg *msg, int fd)
{
	const struct lb_ipc_outcome *o = &msg->outcome;

	(void)fd;
	answer_awaiting(k, o->uid, 0, o->ok == 1, strcmp(o->event, LB_IPC_UNMADE) == 0, o->text);
	return o->ok == 1 ? LB_OK : record_later(k, o, true, give_up);
}

static int
do_entered(struct lb_keeper *k, const union lb_ipc_msg *msg, int fd)
{
	const struct lb_ipc_entered *e = &msg->entered;

	(void)fd;
	if (e->session != 0)
		answer_awaiting(k, e->uid, e->session, e->ok == 1, false, "");
	return LB_OK;
}

static int
close_grant(struct lb_tx *tx, const struct lb_ipc_outcome *o)
{
	const struct lb_ipc_uid ack = {.uid = o->uid};
	struct lb_session s;
	struct lb_step step;
	struct lb_grant g;
	const char *why;
	int err = lb_store_grant_by_uid(tx->store, o->uid, &g);

	if (err != LB_OK && err != LB_ERR_NOT_FOUND)
		return err;
	if (err == LB_OK && lb_grant_step(&g, LB_EVENT_GONE, tx->now_s, &step, &why) == LB_OK) {
		/* The warden's own clock may have been first: then the time is up here as well. */
		if (g.state == LB_STATE_ACTIVE) {
			snprintf(g.cause, sizeof g.cause, "%.400s", o->text);
			err = lb_audit(tx, "expire", &g, "", "ended by the warden's clock");
			if (err == LB_OK)
				err = lb_extension_drop(tx, &g);
		}
		if (err == LB_OK)
			err = lb_move(tx, &g, &step, "");
		while (err == LB_OK && lb_store_next_session(tx->store, g.id, 0, &s) == LB_OK &&
		       s.grant == g.id)
			if ((err = lb_store_drop_session(tx->store, g.id, s.number)) == LB_OK &&
			    s.closed_s == 0)
				err = lb_audit(tx, "session-close", &g, "", "session %llu",
					       (unsigned long long)s.number);
		if (err == LB_OK)
			err = lb_audit(tx, "evicted", &g, "", "%s", o->text);
	}
	if (err == LB_ERR_NOT_FOUND)
		err = LB_OK; /* not ours to know: the warden need not keep it either */
	return err == LB_OK ? lb_outbox_warden(&tx->out, LB_IPC_ACK, &ack, -1) : err;
}

static int
do_evicted(struct lb_keeper *k, const union lb_ipc_msg *msg, int fd)
{
	(void)fd;
	/* One that was ended before it was published: whoever claimed it waits for a word still. */
	refuse_awaiting(k, msg->outcome.uid, msg->outcome.text);
	return record_later(k, &msg->outcome, true, close_grant);
}

static int
note(struct lb_tx *tx, const struct lb_ipc_outcome *o)
{
	struct lb_grant g;
	int err = lb_store_grant_by_uid(tx->store, o->uid, &g);

	if (err == LB_OK)
		err = lb_audit(tx, "warn", &g, "", "%s", o->text);
	return err == LB_ERR_NOT_FOUND ? LB_OK : err;
}

static int
do_note(struct lb_keeper *k, const union lb_ipc_msg *msg, int fd)
{
	(void)fd;
	record_later(k, &msg->outcome, false, note);
	return LB_OK;
}

static int
do_seal(struct lb_keeper *k, const union lb_ipc_msg *msg, int fd)
{
	(void)fd;
	return record_later(k, &msg->outcome, true, lb_seal_record);
}

static const struct {
	enum lb_ipc type;
	bool with_fd, before_start;
	int (*verb)(struct lb_keeper *k, const union lb_ipc_msg *msg, int fd);
} verbs[] = {
	{LB_IPC_POLICY, true, true, do_policy},	    {LB_IPC_FRONT, true, false, do_front},
	{LB_IPC_COURIER, true, false, do_courier},  {LB_IPC_PUBLISHED, false, false, do_published},
	{LB_IPC_EVICTED, false, false, do_evicted}, {LB_IPC_NOTE, false, false, do_note},
	{LB_IPC_SEAL, false, false, do_seal},	    {LB_IPC_ENTERED, false, false, do_entered},
};

static int
on_message(void *arg, uint16_t type, const uint8_t *bytes, size_t len, int fd)
{
	struct lb_keeper *k = arg;
	union lb_ipc_msg msg;
	int err = LB_ERR_MALFORMED;

	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
		if (verbs[i].type == type && verbs[i].with_fd == (fd >= 0) &&
		    (k->started || verbs[i].before_start) &&
		    lb_ipc_decode(type, bytes, len, &msg) == LB_OK)
			err = verbs[i].verb(k, &msg, fd);
	if (fd >= 0)
		close(fd);
	return err;
}

static void
on_lost(void *arg)
{
	lb_keeper_stop(arg);
}

const struct lb_link_calls lb_keeper_warden_calls = {on_message, on_lost, NULL};
