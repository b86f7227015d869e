/*
 * The link to front: decoded requests in, replies out.
 *
 * Requests that have arrived together share one commit (batch.h).  Front is not
 * believed: each frame is decoded again, and the connection must be one that
 * was handed over.
 */
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "ipc.h"
#include "keeper/batch.h"
#include "keeper/dispatch.h"
#include "keeper/state.h"
#include "log.h"
#include "wipe.h"
#include "wire.h"

/* Requests that wait for the batch: never more than a batch takes, so there always is a place. */
struct waiting {
	struct lb_work work; /* first: a work is its waiting */
	TAILQ_ENTRY(waiting) next;
	uint64_t conn;
	uint16_t type;
	union lb_msg msg;
};

static struct waiting places[LB_BATCH_MAX];
static TAILQ_HEAD(, waiting) unused = TAILQ_HEAD_INITIALIZER(unused);

static void
replace_front(struct lb_keeper *k)
{
	const struct lb_ipc_conn start = {.conn = k->front_start};

	if (k->warden != NULL && lb_ipc_send(k->warden, LB_IPC_BAD_FRONT, &start, -1) != LB_OK)
		lb_fatal(1, "the warden could not be told to replace front");
}

void
lb_front_reply(struct lb_keeper *k, uint64_t conn, const uint8_t *frames, size_t len)
{
	uint8_t message[8 + LB_REPLY_MAX];
	struct lb_writer w;

	if (k->front == NULL || lb_peers_find(k->peers, conn) == NULL)
		return;
	lb_writer_init(&w, message, sizeof message);
	lb_write_u64(&w, conn);
	lb_write_bytes(&w, frames, len);
	/* A client that gets no answer would wait, and its connection stay busy, for ever. */
	if (w.err == LB_OK &&
	    lb_link_send(k->front, LB_IPC_FRAME, message, w.used, -1) == LB_ERR_NOMEM)
		replace_front(k);
	lb_wipe(message, w.used);
}

static int
decide(struct lb_tx *tx, struct lb_work *work)
{
	const struct waiting *w = (const struct waiting *)work;
	struct lb_peer *peer = lb_peers_find(tx->k->peers, w->conn);

	/* The connection may have closed meanwhile: then nobody asks any more. */
	return peer == NULL ? LB_OK : lb_dispatch(tx, peer, w->type, &w->msg);
}

static void
refuse_later(struct lb_keeper *k, uint64_t conn, int err)
{
	struct lb_msg_refused r = {.code = err == LB_ERR_FULL ? LB_STORE_FULL : LB_TRY_LATER};
	uint8_t frame[LB_HEADER_SIZE + LB_PAYLOAD_MAX];
	size_t len;

	lb_log(LOG_ERR, "a request failed and changed nothing: %s", lb_err_text(err));
	snprintf(r.text, sizeof r.text, "%s",
		 err == LB_ERR_FULL
			 ? "there is no room left on this host; nothing was changed"
			 : "it could not be done and nothing was changed; try again, and tell the "
			   "host's operators if it stays so");
	if (lb_proto_encode(LB_MSG_REFUSED, &r, frame, sizeof frame, &len) == LB_OK)
		lb_front_reply(k, conn, frame, len);
}

static void
decided(struct lb_keeper *k, struct lb_work *work, int err)
{
	struct waiting *w = (struct waiting *)work;

	if (err != LB_OK)
		refuse_later(k, w->conn, err);
	lb_wipe(w, sizeof *w);
	TAILQ_INSERT_HEAD(&unused, w, next);
}

static struct waiting *
place(void)
{
	static bool laid_out;
	struct waiting *w;

	for (size_t i = 0; !laid_out && i < LB_BATCH_MAX; i++)
		TAILQ_INSERT_TAIL(&unused, &places[i], next);
	laid_out = true;
	w = TAILQ_FIRST(&unused);
	if (w != NULL)
		TAILQ_REMOVE(&unused, w, next);
	return w;
}

static int
on_frame(struct lb_keeper *k, const uint8_t *bytes, size_t len)
{
	struct waiting *w = place();
	struct lb_reader r;
	uint8_t header[LB_HEADER_SIZE];
	uint32_t payload;

	if (w == NULL)
		return LB_ERR_INTERNAL;
	lb_reader_init(&r, bytes, len);
	w->conn = lb_read_u64(&r);
	lb_read_bytes(&r, header, sizeof header);
	if (r.err != LB_OK || lb_proto_header(header, &w->type, &payload) != LB_OK ||
	    payload != r.left || lb_proto_door(w->type) != LB_DOOR_PUBLIC ||
	    lb_proto_decode(w->type, r.at, r.left, &w->msg) != LB_OK) {
		TAILQ_INSERT_HEAD(&unused, w, next);
		return LB_ERR_MALFORMED;
	}
	lb_batch_add(k, &w->work, decide, decided);
	return LB_OK;
}

static int
on_message(void *arg, uint16_t type, const uint8_t *bytes, size_t len, int fd)
{
	struct lb_keeper *k = arg;
	union lb_ipc_msg msg;
	int err = LB_ERR_MALFORMED;

	if (fd >= 0)
		close(fd);
	else if (type == LB_IPC_FRAME)
		err = on_frame(k, bytes, len);
	else if (type == LB_IPC_GONE && (err = lb_ipc_decode(type, bytes, len, &msg)) == LB_OK)
		lb_peers_drop(k->peers, msg.conn.conn);
	if (err != LB_OK)
		lb_log(LOG_CRIT, "front sent what it may not");
	return err;
}

/* Its connections are gone with it.  The warden replaces it, also when it only misbehaved. */
static void
on_lost(void *arg)
{
	struct lb_keeper *k = arg;

	lb_peers_front(k->peers, false);
	replace_front(k);
}

const struct lb_link_calls lb_keeper_front_calls = {on_message, on_lost, NULL};
