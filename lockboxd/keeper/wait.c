/*
 * The verb WAIT: the answer is held until the grant has changed, or until
 * LB_WAIT_S are over.  The table of who waits is in waits.h.
 */
#include "keeper/waits.h"

#include <event2/event.h>
#include <stdlib.h>

#include "err.h"
#include "ipc.h"
#include "keeper/dispatch.h"
#include "keeper/levels.h"

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

int
lb_do_wait(struct lb_tx *tx, const struct lb_caller *who, const union lb_msg *msg)
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
