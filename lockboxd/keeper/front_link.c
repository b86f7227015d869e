/*
 * The link to front: decoded requests in, replies out.
 *
 * Requests that have arrived together share one commit.  When one of them
 * makes the transaction fail, it is given up and each is tried alone, so that
 * one person's bad luck is not everybody's.  Front is not believed: each frame
 * is decoded again, and the connection must be one that was handed over.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "ipc.h"
#include "keeper/dispatch.h"
#include "keeper/state.h"
#include "log.h"
#include "wire.h"

#define BATCH_MAX 64u

struct waiting {
	uint64_t conn;
	uint16_t type;
	union lb_msg msg;
};

static struct waiting batch[BATCH_MAX];
static size_t batched;

void
lb_front_reply(struct lb_keeper *k, uint64_t conn, const uint8_t *frame, size_t len)
{
	uint8_t message[8 + LB_HEADER_SIZE + LB_PAYLOAD_MAX];
	struct lb_writer w;

	if (k->front == NULL || lb_peers_find(k->peers, conn) == NULL)
		return;
	lb_writer_init(&w, message, sizeof message);
	lb_write_u64(&w, conn);
	lb_write_bytes(&w, frame, len);
	if (w.err == LB_OK)
		lb_link_send(k->front, LB_IPC_FRAME, message, w.used, -1);
	explicit_bzero(message, sizeof message);
}

/* Adds one waiting request's work to tx. */
static int
take(struct lb_tx *tx, const struct waiting *w)
{
	struct lb_peer *peer = lb_peers_find(tx->k->peers, w->conn);

	/* The connection may have closed meanwhile: then nobody asks any more. */
	return peer == NULL ? LB_OK : lb_dispatch(tx, peer, w->type, &w->msg);
}

static int
take_one(struct lb_tx *tx, void *arg)
{
	return take(tx, arg);
}

static void
refuse_later(struct lb_keeper *k, const struct waiting *w, int err)
{
	struct lb_msg_refused r = {.code = err == LB_ERR_FULL ? LB_STORE_FULL : LB_TRY_LATER};
	uint8_t frame[LB_HEADER_SIZE + LB_PAYLOAD_MAX];
	size_t len;

	lb_log(LOG_ERR, "a request failed and changed nothing: %s", lb_err_text(err));
	strcpy(r.text, err == LB_ERR_FULL
			       ? "there is no room left on this host; nothing was changed"
			       : "it could not be done and nothing was changed; try again, and "
				 "tell the host's operators if it stays so");
	if (lb_proto_encode(LB_MSG_REFUSED, &r, frame, sizeof frame, &len) == LB_OK)
		lb_front_reply(k, w->conn, frame, len);
}

static void
run_batch(struct lb_keeper *k)
{
	struct lb_tx tx;
	int err = lb_tx_begin(k, &tx);

	if (err == LB_OK) {
		for (size_t i = 0; err == LB_OK && i < batched; i++)
			err = take(&tx, &batch[i]);
		if (err == LB_OK)
			err = lb_tx_commit(&tx);
		else
			lb_tx_abort(&tx);
	}
	for (size_t i = 0; err != LB_OK && i < batched; i++) {
		int alone = batched == 1 ? err : lb_tx_run(k, take_one, &batch[i]);

		if (alone != LB_OK)
			refuse_later(k, &batch[i], alone);
	}
	explicit_bzero(batch, batched * sizeof batch[0]);
	batched = 0;
}

static int
on_frame(struct lb_keeper *k, const uint8_t *bytes, size_t len)
{
	struct waiting *w = &batch[batched];
	struct lb_reader r;
	uint8_t header[LB_HEADER_SIZE];
	uint32_t payload;

	lb_reader_init(&r, bytes, len);
	w->conn = lb_read_u64(&r);
	lb_read_bytes(&r, header, sizeof header);
	if (r.err != LB_OK || lb_proto_header(header, &w->type, &payload) != LB_OK ||
	    payload != r.left || lb_proto_door(w->type) != LB_DOOR_PUBLIC ||
	    lb_proto_decode(w->type, r.at, r.left, &w->msg) != LB_OK)
		return LB_ERR_MALFORMED;
	if (++batched == BATCH_MAX)
		run_batch(k);
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

static void
on_drained(void *arg)
{
	if (batched > 0)
		run_batch(arg);
}

/* Its connections are gone with it.  The warden replaces it, also when it only misbehaved. */
static void
on_lost(void *arg)
{
	struct lb_keeper *k = arg;
	const struct lb_ipc_conn start = {.conn = k->front_start};

	batched = 0;
	lb_peers_front(k->peers, false);
	if (k->warden != NULL)
		lb_ipc_send(k->warden, LB_IPC_BAD_FRONT, &start, -1);
}

const struct lb_link_calls lb_keeper_front_calls = {on_message, on_lost, on_drained};
