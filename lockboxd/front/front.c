/*
 * Front: see front.h.
 *
 * One request at a time per connection: the next one is taken when the answer
 * to the last has been, so a client cannot make work faster than it takes
 * answers.  What came meanwhile is held, one frame of it at most, so that a
 * client that leaves is noticed.  Whatever does not decode closes the
 * connection.
 */
#include "front/front.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "beat.h"
#include "err.h"
#include "ipc.h"
#include "log.h"
#include "passed.h"
#include "privsep.h"
#include "proto.h"
#include "wipe.h"
#include "wire.h"

#define FRAME_S 5	      /* to send a whole request, and to take a whole answer */
#define OUTPUT_MAX (1u << 20) /* bytes of answers a client may leave unread */

struct conn {
	LIST_ENTRY(conn) next;
	uint64_t number;
	struct bufferevent *bev;
	struct event *deadline; /* of what the client has to do; not moved by a part of it */
	bool busy;		/* a request is with the keeper, or its answer not taken yet */
	bool answered;		/* all of the answer is on its way */
	bool guarded;		/* descriptors may come with its bytes */
};

static struct event_base *base;
static struct lb_link *keeper;
static LIST_HEAD(, conn) conns = LIST_HEAD_INITIALIZER(conns);
static unsigned guarded;
static struct lb_log_budget malformed = {.per_s = 1, .burst = 5};

static void
drop(struct conn *c, bool tell)
{
	const struct lb_ipc_conn gone = {.conn = c->number};

	/* Not told of it, the keeper would count the connection for ever. */
	if (tell && lb_ipc_send(keeper, LB_IPC_GONE, &gone, -1) == LB_ERR_NOMEM)
		lb_fatal(1, "out of memory");
	LIST_REMOVE(c, next);
	event_free(c->deadline);
	bufferevent_free(c->bev);
	if (c->guarded && --guarded == 0)
		lb_passed_guard(false);
	free(c);
}

static void
reject(struct conn *c, const char *why)
{
	if (lb_log_may(&malformed, "public socket"))
		lb_log(LOG_WARNING, "connection %llu closed: %s", (unsigned long long)c->number,
		       why);
	drop(c, true);
}

static int
begin_waiting(struct conn *c)
{
	static const struct timeval limit = {FRAME_S, 0};

	return event_add(c->deadline, &limit) == 0 ? LB_OK : LB_ERR_NOMEM;
}

/* Passes on what it understood, written anew: no byte of the client's own reaches the keeper. */
static void
forward(struct conn *c, uint16_t type, const union lb_msg *msg)
{
	uint8_t bytes[8 + LB_HEADER_SIZE + LB_PAYLOAD_MAX];
	struct lb_writer w;
	size_t len;

	lb_writer_init(&w, bytes, sizeof bytes);
	lb_write_u64(&w, c->number);
	if (lb_proto_encode(type, msg, bytes + w.used, sizeof bytes - w.used, &len) != LB_OK) {
		reject(c, "a request that cannot be written anew");
		return;
	}
	c->busy = true;
	event_del(c->deadline); /* waiting for the keeper is no idling of the client's */
	if (lb_link_send(keeper, LB_IPC_FRAME, bytes, w.used + len, -1) != LB_OK)
		drop(c, true);
}

static void
on_readable(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	uint8_t frame[LB_HEADER_SIZE + LB_PAYLOAD_MAX];
	union lb_msg msg;
	uint16_t type;
	uint32_t len;
	int err;

	if (c->busy || evbuffer_copyout(in, frame, LB_HEADER_SIZE) < (ssize_t)LB_HEADER_SIZE)
		return;
	err = lb_proto_header(frame, &type, &len);
	if (err == LB_OK && lb_proto_door(type) != LB_DOOR_PUBLIC)
		err = LB_ERR_REFUSED;
	if (err != LB_OK) {
		reject(c, lb_err_text(err));
		return;
	}
	if (evbuffer_get_length(in) < LB_HEADER_SIZE + len)
		return;
	evbuffer_remove(in, frame, LB_HEADER_SIZE + len);
	err = lb_proto_decode(type, frame + LB_HEADER_SIZE, len, &msg);
	if (err != LB_OK)
		reject(c, lb_err_text(err));
	else
		forward(c, type, &msg);
}

/* All that was to be sent has been: the client may ask again. */
static void
on_taken(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;

	if (!c->answered)
		return;
	c->answered = false;
	c->busy = false;
	if (begin_waiting(c) != LB_OK) {
		drop(c, true);
		return;
	}
	on_readable(bev, c); /* what came meanwhile makes no event of its own */
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	if (c->answered)
		reject(c, "an answer was not taken in time");
	else if (evbuffer_get_length(bufferevent_get_input(c->bev)) > 0)
		reject(c, "a request was not sent in time");
	else
		drop(c, true);
}

/* The end, or an error: nothing else is asked for. */
static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	(void)what;
	drop(arg, true);
}

static int
add_conn(uint64_t number, int fd)
{
	struct conn *c = calloc(1, sizeof *c);

	if (c != NULL)
		c->bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (c == NULL || c->bev == NULL) {
		free(c);
		close(fd);
		return LB_ERR_NOMEM;
	}
	c->deadline = evtimer_new(base, on_deadline, c);
	if (c->deadline == NULL || begin_waiting(c) != LB_OK) {
		if (c->deadline != NULL)
			event_free(c->deadline);
		bufferevent_free(c->bev);
		free(c);
		return LB_ERR_NOMEM;
	}
	c->number = number;
	c->guarded = !lb_passed_none(fd);
	if (c->guarded && guarded++ == 0)
		lb_passed_guard(true);
	LIST_INSERT_HEAD(&conns, c, next);
	bufferevent_setcb(c->bev, on_readable, on_taken, on_event, c);
	bufferevent_setwatermark(c->bev, EV_READ, LB_HEADER_SIZE, LB_HEADER_SIZE + LB_PAYLOAD_MAX);
	if (bufferevent_enable(c->bev, EV_READ | EV_WRITE) != 0)
		drop(c, true);
	return LB_OK;
}

static struct conn *
find(uint64_t number)
{
	struct conn *c;

	LIST_FOREACH(c, &conns, next)
	if (c->number == number)
		return c;
	return NULL;
}

/* One frame or several, whole ones: the type of the last.  LB_ERR_MALFORMED. */
static int
check_frames(struct lb_reader *r, uint16_t *type)
{
	uint8_t header[LB_HEADER_SIZE];
	uint32_t payload;

	do {
		lb_read_bytes(r, header, sizeof header);
		if (r->err != LB_OK || lb_proto_header(header, type, &payload) != LB_OK ||
		    payload > r->left)
			return LB_ERR_MALFORMED;
		r->at += payload;
		r->left -= payload;
	} while (r->left > 0);
	return LB_OK;
}

/* At once as far as the client's end takes it: most answers need no turn of the loop. */
static int
pass_on(struct conn *c, const uint8_t *bytes, size_t len)
{
	ssize_t sent = 0;

	if (evbuffer_get_length(bufferevent_get_output(c->bev)) == 0)
		sent = send(bufferevent_getfd(c->bev), bytes, len, MSG_NOSIGNAL);
	if (sent == (ssize_t)len) {
		on_taken(c->bev, c);
		return LB_OK;
	}
	if (sent < 0)
		sent = 0; /* an error is found again from the loop */
	if (bufferevent_write(c->bev, bytes + sent, len - (size_t)sent) != 0 ||
	    (c->answered && begin_waiting(c) != LB_OK))
		return LB_ERR_NOMEM;
	return LB_OK;
}

static int
on_reply(const uint8_t *bytes, size_t len)
{
	struct lb_reader r;
	struct conn *c;
	uint64_t number;
	uint16_t type;

	lb_reader_init(&r, bytes, len);
	number = lb_read_u64(&r);
	if (check_frames(&r, &type) != LB_OK)
		return LB_ERR_MALFORMED;
	c = find(number);
	if (c == NULL)
		return LB_OK; /* it left before the answer came */
	if (evbuffer_get_length(bufferevent_get_output(c->bev)) + len > OUTPUT_MAX) {
		reject(c, "answers are not read");
		return LB_OK;
	}
	c->answered = type == LB_MSG_DONE || type == LB_MSG_REFUSED;
	if (pass_on(c, bytes + 8, len - 8) != LB_OK)
		drop(c, true);
	return LB_OK;
}

static int
on_message(void *arg, uint16_t type, const uint8_t *bytes, size_t len, int fd)
{
	union lb_ipc_msg msg;
	struct conn *c;

	(void)arg;
	if (type == LB_IPC_FRAME && fd < 0)
		return on_reply(bytes, len);
	if (lb_ipc_decode(type, bytes, len, &msg) == LB_OK) {
		if (type == LB_IPC_PEER && fd >= 0)
			return add_conn(msg.conn.conn, fd);
		if (type == LB_IPC_GONE && fd < 0) {
			c = find(msg.conn.conn);
			if (c != NULL)
				drop(c, false);
			return LB_OK;
		}
	}
	if (fd >= 0)
		close(fd);
	return LB_ERR_MALFORMED;
}

static void
on_lost(void *arg)
{
	(void)arg;
	event_base_loopbreak(base);
}

/* What libevent keeps for connections are answers, one-time passwords among them. */
static void
wiping_free(void *memory)
{
	if (memory == NULL)
		return;
	lb_wipe(memory, malloc_usable_size(memory));
	free(memory);
}

static void *
wiping_realloc(void *old, size_t size)
{
	void *new = malloc(size);

	if (new == NULL || old == NULL)
		return new;
	memcpy(new, old, malloc_usable_size(old) < size ? malloc_usable_size(old) : size);
	wiping_free(old);
	return new;
}

int
lb_front_main(uid_t uid, gid_t gid, const char *root_dir)
{
	static const struct lb_link_calls calls = {on_message, on_lost, NULL};

	lb_privsep_ignore_signals();
	lb_privsep_drop(uid, gid, root_dir);
	event_set_mem_functions(malloc, wiping_realloc, wiping_free);
	base = event_base_new();
	if (base != NULL)
		keeper = lb_link_new(base, LB_FD_LINK, &calls, NULL);
	if (keeper == NULL || lb_beat_start(base) != LB_OK)
		lb_fatal(1, "out of memory");
	lb_sandbox_confine_files(-1);
	lb_sandbox_enter(LB_PROC_FRONT);

	event_base_dispatch(base);
	return 0;
}
