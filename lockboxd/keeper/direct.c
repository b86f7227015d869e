/*
 * Connections without front: see direct.h.
 *
 * One question, one answer, and the connection is closed or, the gate's,
 * handed on.  Those who ask are root, sshd's key look-up and the gate; their
 * frames are bounded and decoded all the same.  A login waits for this, so it
 * goes straight: read at once, decided at the end of the turn with what else
 * has arrived; the event loop is asked only when the question has not arrived
 * whole, or when the answer waits for the warden.
 */
#include "keeper/direct.h"

#include <errno.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "err.h"
#include "keeper/batch.h"
#include "keeper/dispatch.h"
#include "keeper/listen.h"
#include "keeper/login.h"
#include "keeper/state.h"
#include "log.h"
#include "wipe.h"

/*
 * Each kind has room of its own, so that a flood of one leaves the others be.
 * Where there is none left, of the public ones the oldest that has not asked
 * gives way: who means it has asked by then.  Root is let finish.
 */
enum kind { LOGIN, KEYS, GATE, KINDS };
static const struct {
	unsigned max;
	bool gives_way;
} kinds[KINDS] = {
	[LOGIN] = {256, false},
	[KEYS] = {128, true},
	[GATE] = {128, true},
};
#define QUESTION_S 5	     /* for all of a question */
#define ANSWER_S 10	     /* for the warden's word, where an answer waits for it */
#define ACCEPTS_PER_WAKE 32u /* questions that arrive together share a commit */

struct direct_conn {
	struct lb_work work; /* first: answering it */
	TAILQ_ENTRY(direct_conn) next;
	struct lb_direct *owner;
	int fd;
	enum kind kind;
	bool asked;		/* the question is whole; being answered */
	bool told;		/* its answer was sent */
	bool waits;		/* its answer comes later, or never */
	struct event *readable; /* NULL until it had to be waited for */
	int64_t until_ns;	/* by then it must have asked */
	struct lb_peer peer;
	uint16_t type;
	union lb_msg msg; /* the question, once it has arrived whole */
	size_t got;
	uint8_t frame[LB_HEADER_SIZE + LB_PAYLOAD_MAX + 1]; /* one more, to see bytes too many */
};

struct lb_direct {
	struct lb_keeper *k;
	struct lb_listener *listener;
	TAILQ_HEAD(direct_conns, direct_conn) conns[KINDS]; /* the oldest first */
	unsigned count[KINDS];
	uint64_t next;
	struct lb_log_budget budget;
};

static void
drop(struct direct_conn *c)
{
	TAILQ_REMOVE(&c->owner->conns[c->kind], c, next);
	c->owner->count[c->kind]--;
	if (c->readable != NULL)
		event_free(c->readable);
	if (c->fd >= 0)
		close(c->fd);
	if (c->peer.pidfd >= 0)
		close(c->peer.pidfd);
	lb_wipe(&c->msg, sizeof c->msg);
	lb_wipe(c->frame, c->got);
	free(c);
}

static int
answer(struct lb_tx *tx, struct lb_work *work)
{
	struct direct_conn *c = (struct direct_conn *)work;

	return c->kind == LOGIN ? lb_login(tx, &c->peer, c->type, &c->msg.login)
				: lb_dispatch(tx, &c->peer, c->type, &c->msg);
}

/* No answer at all is a denial on the other side. */
static void
no_answer(const struct direct_conn *c, int err)
{
	if (lb_log_may(&c->owner->budget, "direct connections"))
		lb_log(LOG_ERR, "a question of process %d (uid %u) got no answer: %s",
		       (int)c->peer.pid, c->peer.uid, lb_err_text(err));
}

static void on_readable(evutil_socket_t fd, short what, void *arg);

/* The event that says that it can be read, or that time is up. */
static int
arm(struct direct_conn *c, const struct timeval *most)
{
	if (c->readable == NULL)
		c->readable = event_new(c->owner->k->base, c->fd, EV_READ, on_readable, c);
	return c->readable != NULL && event_add(c->readable, most) == 0 ? LB_OK : LB_ERR_NOMEM;
}

static void
answered(struct lb_keeper *k, struct lb_work *work, int err)
{
	static const struct timeval most = {ANSWER_S, 0};
	struct direct_conn *c = (struct direct_conn *)work;

	c->waits = err == LB_OK && c->kind == LOGIN && !c->told;
	if (c->waits && arm(c, &most) == LB_OK)
		return;
	if (err != LB_OK)
		no_answer(c, err);
	else if (c->peer.has_identity)
		/* The gate has said whose key it was: what follows is front's to read. */
		lb_peers_serve(k->peers, c->fd, &c->peer);
	drop(c);
}

/* Its question, decided together with what else has arrived. */
static int
ask(struct direct_conn *c, uint16_t type, const uint8_t *payload, size_t len)
{
	struct lb_keeper *k = c->owner->k;
	uint64_t conn = c->peer.conn;
	int err = lb_proto_decode(type, payload, len, &c->msg);

	if (err != LB_OK)
		return err;
	/* Only a session is registered by its process, and only what runs already belongs to one. */
	if (type == LB_MSG_PAM_OPEN ||
	    (type == LB_MSG_PAM_ACCOUNT && !lb_uid_is_account(c->msg.login.uid))) {
		lb_peer_of(c->fd, k->proc_fd, &c->peer, type == LB_MSG_PAM_OPEN);
		c->peer.conn = conn;
	}
	c->type = type;
	c->asked = true;
	lb_batch_add(k, &c->work, answer, answered);
	return LB_OK;
}

/* LB_ERR_TIMEOUT: not whole yet. */
static int
take(struct direct_conn *c)
{
	enum lb_door door = c->kind == LOGIN ? LB_DOOR_PAM : LB_DOOR_PUBLIC;
	uint16_t type;
	uint32_t len;
	int err;

	if (c->got < LB_HEADER_SIZE)
		return LB_ERR_TIMEOUT;
	err = lb_proto_header(c->frame, &type, &len);
	if (err == LB_OK && (lb_proto_door(type) != door || c->got > LB_HEADER_SIZE + len))
		err = LB_ERR_MALFORMED;
	if (err != LB_OK)
		return err;
	if (c->got < LB_HEADER_SIZE + len)
		return LB_ERR_TIMEOUT;
	return ask(c, type, c->frame + LB_HEADER_SIZE, len);
}

/* For the rest of a question; what comes by bytes gets no more time than what comes at once. */
static int
wait_for_more(struct direct_conn *c)
{
	int64_t left_us = (c->until_ns - lb_boot_ns()) / 1000;
	struct timeval left = {left_us / 1000000, left_us % 1000000};

	if (left_us <= 0)
		return LB_ERR_TIMEOUT;
	return arm(c, &left);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct direct_conn *c = arg;
	int err = LB_ERR_TIMEOUT;
	ssize_t n;

	if (c->waits) {
		drop(c); /* whoever asked has gone, or has more to say than a question */
		return;
	}
	n = recv((int)fd, c->frame + c->got, sizeof c->frame - c->got, 0);
	if (n > 0) {
		c->got += (size_t)n;
		err = take(c);
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		drop(c);
		return;
	}
	if (err == LB_ERR_TIMEOUT && !(what & EV_TIMEOUT) && wait_for_more(c) == LB_OK)
		return;
	if (err == LB_OK)
		return; /* the answer comes with the batch */
	no_answer(c, err);
	drop(c);
}

static void
give_way(struct direct_conns *conns)
{
	struct direct_conn *c;

	TAILQ_FOREACH(c, conns, next)
	if (!c->asked) {
		drop(c);
		return;
	}
}

static void
begin(struct lb_direct *d, int fd, const struct lb_peer *peer, enum kind kind)
{
	struct direct_conn *c = NULL;

	if (d->count[kind] == kinds[kind].max && kinds[kind].gives_way)
		give_way(&d->conns[kind]);
	if (d->count[kind] < kinds[kind].max)
		c = malloc(sizeof *c);
	if (c == NULL) {
		if (lb_log_may(&d->budget, "direct connections"))
			lb_log(LOG_WARNING, "connection of uid %u refused: too many", peer->uid);
		close(fd);
		return;
	}
	c->owner = d;
	c->fd = fd;
	c->kind = kind;
	c->asked = c->told = c->waits = false;
	c->readable = NULL;
	c->until_ns = lb_boot_ns() + QUESTION_S * 1000000000ll;
	c->got = 0;
	c->peer = *peer;
	c->peer.direct = true;
	c->peer.conn = ++d->next;
	TAILQ_INSERT_TAIL(&d->conns[kind], c, next);
	d->count[kind]++;
	on_readable(fd, EV_READ, c);
}

void
lb_direct_take(struct lb_direct *d, int fd, const struct lb_peer *peer)
{
	begin(d, fd, peer, peer->uid == d->k->keys_uid ? KEYS : GATE);
}

static void
admit(void *arg, int fd)
{
	struct lb_direct *d = arg;
	struct lb_peer peer;

	lb_peer_credentials(fd, &peer);
	if (peer.uid == 0) {
		begin(d, fd, &peer, LOGIN);
		return;
	}
	if (lb_log_may(&d->budget, "direct connections"))
		lb_log(LOG_WARNING, "login question of uid %u refused", peer.uid);
	close(fd);
}

struct lb_direct *
lb_direct_new(struct lb_keeper *k, int pam_listener)
{
	struct lb_direct *d = calloc(1, sizeof *d);

	if (d == NULL)
		return NULL;
	d->k = k;
	d->budget = (struct lb_log_budget){.per_s = 1, .burst = 10};
	for (size_t i = 0; i < KINDS; i++)
		TAILQ_INIT(&d->conns[i]);
	d->listener =
		lb_listen_new(k->base, pam_listener, ACCEPTS_PER_WAKE, "login socket", admit, d);
	if (d->listener == NULL || lb_listen_enable(d->listener, true) != LB_OK) {
		lb_listen_free(d->listener);
		free(d);
		return NULL;
	}
	return d;
}

void
lb_direct_free(struct lb_direct *d)
{
	struct direct_conn *c, *next;

	if (d == NULL)
		return;
	for (size_t kind = 0; kind < KINDS; kind++)
		for (c = TAILQ_FIRST(&d->conns[kind]); c != NULL; c = next) {
			next = TAILQ_NEXT(c, next);
			drop(c);
		}
	lb_listen_free(d->listener);
	free(d);
}

void
lb_direct_reply(struct lb_direct *d, uint64_t conn, const uint8_t *frames, size_t len)
{
	struct direct_conn *c;

	for (size_t kind = 0; kind < KINDS; kind++) {
		TAILQ_FOREACH(c, &d->conns[kind], next)
		if (c->peer.conn == conn)
			break;
		if (c != NULL)
			break;
	}
	if (c == NULL)
		return;
	/* An answer is far smaller than any socket buffer; one that is not sent is a denial. */
	if (send(c->fd, frames, len, MSG_NOSIGNAL) != (ssize_t)len &&
	    lb_log_may(&d->budget, "direct connections"))
		lb_log(LOG_WARNING, "process %d did not wait for its answer", (int)c->peer.pid);
	c->told = true;
	if (c->waits)
		drop(c);
}
