/*
 * The root-only socket: see pam.h.
 *
 * One question, one verdict, and the connection is closed.  Frames come from
 * processes of root, and are bounded and decoded all the same.  A login waits
 * for this, so it goes straight: read, decide, send; the event loop is asked
 * only when the question has not arrived whole.
 */
#include "keeper/pam.h"

#include <errno.h>
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

struct pam_conn {
	LIST_ENTRY(pam_conn) next;
	struct lb_pam *pam;
	int fd;
	struct event *readable; /* NULL until it had to be waited for */
	struct lb_peer peer;
	size_t got;
	uint8_t frame[LB_HEADER_SIZE + LB_PAYLOAD_MAX + 1]; /* one more, to see bytes too many */
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
	if (c->readable != NULL)
		event_free(c->readable);
	close(c->fd);
	if (c->peer.pidfd >= 0)
		close(c->peer.pidfd);
	lb_wipe(c->frame, c->got);
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
static int
ask(struct pam_conn *c, uint16_t type, const uint8_t *payload, size_t len)
{
	struct lb_keeper *k = c->pam->k;
	union lb_msg msg;
	struct question q = {&c->peer, type, &msg.login};
	uint64_t conn = c->peer.conn;
	int err = lb_proto_decode(type, payload, len, &msg);

	/* Only a session is registered by its process: nothing else needs it pinned. */
	if (err == LB_OK && type == LB_MSG_PAM_OPEN) {
		lb_peer_of(c->fd, k->proc_fd, &c->peer, true);
		c->peer.conn = conn;
	}
	if (err == LB_OK)
		err = lb_tx_run(k, answer, &q);
	lb_wipe(&msg, sizeof msg);
	return err;
}

/* LB_ERR_TIMEOUT: not whole yet. */
static int
take(struct pam_conn *c)
{
	uint16_t type;
	uint32_t len;
	int err;

	if (c->got < LB_HEADER_SIZE)
		return LB_ERR_TIMEOUT;
	err = lb_proto_header(c->frame, &type, &len);
	if (err == LB_OK && (lb_proto_door(type) != LB_DOOR_PAM || c->got > LB_HEADER_SIZE + len))
		err = LB_ERR_MALFORMED;
	if (err != LB_OK)
		return err;
	if (c->got < LB_HEADER_SIZE + len)
		return LB_ERR_TIMEOUT;
	return ask(c, type, c->frame + LB_HEADER_SIZE, len);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval idle = {IDLE_S, 0};
	struct pam_conn *c = arg;
	struct lb_pam *pam = c->pam;
	ssize_t n = recv((int)fd, c->frame + c->got, sizeof c->frame - c->got, 0);
	int err = LB_ERR_TIMEOUT;

	if (n > 0) {
		c->got += (size_t)n;
		err = take(c);
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		drop(c);
		return;
	}
	if (err == LB_ERR_TIMEOUT && !(what & EV_TIMEOUT)) {
		if (c->readable == NULL)
			c->readable = event_new(pam->k->base, c->fd, EV_READ, on_readable, c);
		if (c->readable != NULL && event_add(c->readable, &idle) == 0)
			return;
	}
	if (err != LB_OK && lb_log_may(&pam->budget, "pam socket"))
		lb_log(LOG_ERR, "the login question of process %d got no answer: %s", (int)c->peer.pid,
		       lb_err_text(err));
	drop(c);
}

static void
on_accept(evutil_socket_t listener, short what, void *arg)
{
	struct lb_pam *pam = arg;
	int fd = accept4((int)listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct pam_conn *c = fd < 0 ? NULL : malloc(sizeof *c);

	(void)what;
	if (c == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	c->pam = pam;
	c->fd = fd;
	c->readable = NULL;
	c->got = 0;
	lb_peer_credentials(fd, &c->peer);
	c->peer.conn = ++pam->next;
	LIST_INSERT_HEAD(&pam->conns, c, next);
	pam->count++;
	if (c->peer.uid != 0 || pam->count > CONNECTIONS_MAX) {
		if (lb_log_may(&pam->budget, "pam socket"))
			lb_log(LOG_WARNING, "login question of uid %u refused", c->peer.uid);
		drop(c);
		return;
	}
	on_readable(fd, EV_READ, c);
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

	/* A verdict is far smaller than any socket buffer; one that is not sent is a denial. */
	LIST_FOREACH(c, &pam->conns, next)
		if (c->peer.conn == conn) {
			if (send(c->fd, frame, len, MSG_NOSIGNAL) != (ssize_t)len &&
			    lb_log_may(&pam->budget, "pam socket"))
				lb_log(LOG_WARNING, "process %d did not wait for its verdict", (int)c->peer.pid);
			return;
		}
}
