/*
 * The root-only socket: see pam.h.
 *
 * One request, one verdict, on a connection that is closed by the other side.
 * Frames come from processes of root, and are bounded and decoded all the same.
 */
#include "keeper/pam.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "err.h"
#include "keeper/login.h"
#include "keeper/state.h"
#include "log.h"
#include "wipe.h"

#define CONNECTIONS_MAX 256u
#define IDLE_S 10
#define ACCEPTS_PER_WAKE 32

struct pam_conn {
	LIST_ENTRY(pam_conn) next;
	struct lb_pam *pam;
	struct bufferevent *bev;
	struct lb_peer peer;
};

struct lb_pam {
	struct lb_keeper *k;
	struct event *accept;
	LIST_HEAD(, pam_conn) conns;
	unsigned count;
	uint64_t next;
	struct lb_log_budget budget;
};

static void
drop(struct pam_conn *c)
{
	LIST_REMOVE(c, next);
	c->pam->count--;
	bufferevent_free(c->bev);
	if (c->peer.pidfd >= 0)
		close(c->peer.pidfd);
	free(c);
}

struct question {
	const struct lb_peer *peer;
	uint16_t type;
	const struct lb_msg_login *msg;
};

static int
answer(struct lb_tx *tx, void *arg)
{
	const struct question *q = arg;

	return lb_login(tx, q->peer, q->type, q->msg);
}

/* No answer at all is a denial on the other side. */
static void
handle(struct pam_conn *c, uint16_t type, const uint8_t *payload, size_t len)
{
	union lb_msg msg;
	struct question q = {&c->peer, type, &msg.login};
	int err = lb_proto_door(type) == LB_DOOR_PAM ? lb_proto_decode(type, payload, len, &msg)
						     : LB_ERR_MALFORMED;
	struct lb_pam *pam = c->pam;

	if (err == LB_OK)
		err = lb_tx_run(pam->k, answer, &q);
	lb_wipe(&msg, sizeof msg);
	if (err == LB_OK)
		return;
	if (lb_log_may(&pam->budget, "pam socket"))
		lb_log(LOG_ERR, "a login question got no answer: %s", lb_err_text(err));
	drop(c);
}

static void
on_readable(struct bufferevent *bev, void *arg)
{
	struct pam_conn *c = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	uint8_t frame[LB_HEADER_SIZE + LB_PAYLOAD_MAX];
	uint16_t type;
	uint32_t len;

	if (evbuffer_copyout(in, frame, LB_HEADER_SIZE) < (ssize_t)LB_HEADER_SIZE)
		return;
	if (lb_proto_header(frame, &type, &len) != LB_OK) {
		if (lb_log_may(&c->pam->budget, "pam socket"))
			lb_log(LOG_WARNING, "malformed frame from process %d: closed", (int)c->peer.pid);
		drop(c);
		return;
	}
	if (evbuffer_get_length(in) < LB_HEADER_SIZE + len)
		return;
	evbuffer_remove(in, frame, LB_HEADER_SIZE + len);
	if (evbuffer_get_length(in) > 0) {
		if (lb_log_may(&c->pam->budget, "pam socket"))
			lb_log(LOG_WARNING, "bytes after the question from process %d: closed", (int)c->peer.pid);
		drop(c);
	} else {
		handle(c, type, frame + LB_HEADER_SIZE, len);
	}
	lb_wipe(frame, sizeof frame);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	(void)what;
	drop(arg);
}

static void
admit(struct lb_pam *pam, int fd)
{
	static const struct timeval idle = {IDLE_S, 0};
	struct pam_conn *c = calloc(1, sizeof *c);

	if (c == NULL) {
		close(fd);
		return;
	}
	lb_peer_of(fd, pam->k->proc_fd, &c->peer, true);
	c->pam = pam;
	if (c->peer.uid == 0 && pam->count < CONNECTIONS_MAX)
		c->bev = bufferevent_socket_new(pam->k->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (c->bev == NULL) {
		if (lb_log_may(&pam->budget, "pam socket"))
			lb_log(LOG_WARNING, "login question of uid %u refused", c->peer.uid);
		if (c->peer.pidfd >= 0)
			close(c->peer.pidfd);
		free(c);
		close(fd);
		return;
	}
	c->peer.conn = ++pam->next;
	LIST_INSERT_HEAD(&pam->conns, c, next);
	pam->count++;
	bufferevent_setcb(c->bev, on_readable, NULL, on_event, c);
	bufferevent_setwatermark(c->bev, EV_READ, LB_HEADER_SIZE, LB_HEADER_SIZE + LB_PAYLOAD_MAX + 1);
	bufferevent_set_timeouts(c->bev, &idle, &idle);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

static void
on_accept(evutil_socket_t listener, short what, void *arg)
{
	(void)what;
	for (int i = 0; i < ACCEPTS_PER_WAKE; i++) {
		int fd = accept4((int)listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			return;
		admit(arg, fd);
	}
}

struct lb_pam *
lb_pam_new(struct lb_keeper *k, int fd)
{
	struct lb_pam *pam = calloc(1, sizeof *pam);

	if (pam == NULL)
		return NULL;
	pam->k = k;
	pam->budget = (struct lb_log_budget){.per_s = 1, .burst = 10};
	LIST_INIT(&pam->conns);
	pam->accept = event_new(k->base, fd, EV_READ | EV_PERSIST, on_accept, pam);
	if (pam->accept == NULL || event_add(pam->accept, NULL) != 0) {
		if (pam->accept != NULL)
			event_free(pam->accept);
		free(pam);
		return NULL;
	}
	return pam;
}

void
lb_pam_reply(struct lb_pam *pam, uint64_t conn, const uint8_t *frame, size_t len)
{
	struct pam_conn *c;

	LIST_FOREACH(c, &pam->conns, next)
		if (c->peer.conn == conn) {
			bufferevent_write(c->bev, frame, len);
			return;
		}
}
