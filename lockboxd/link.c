/* Links between processes: see link.h. */
#include "link.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "err.h"
#include "wipe.h"

#define QUEUE_MAX (8u << 20)
#define READS_PER_WAKE 64

struct packet {
	TAILQ_ENTRY(packet) next;
	int fd;
	size_t len;
	uint8_t bytes[]; /* type (big-endian), then the message */
};

struct lb_link {
	int fd;
	struct event *read, *write;
	const struct lb_link_calls *calls;
	void *arg;
	TAILQ_HEAD(, packet) queue;
	size_t queued;
	bool dead, told;
	bool *freed; /* set when the link is freed inside its own callback */
};

static void
packet_free(struct packet *p)
{
	if (p->fd >= 0)
		close(p->fd);
	lb_wipe(p->bytes, p->len);
	free(p);
}

static void
lose(struct lb_link *link)
{
	link->dead = true;
	event_del(link->read);
	event_del(link->write);
	if (!link->told) {
		link->told = true;
		link->calls->lost(link->arg);
	}
}

/*
 * Takes the descriptors that came with a packet.  0: *fd is the one, or -1 for
 * none; -1: there was anything else.  The room for one descriptor holds two by
 * its alignment, so the kernel may well have handed over two: none stays open.
 */
static int
take_fds(struct msghdr *msg, int *fd)
{
	int got, count = 0;

	*fd = -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = CMSG_LEN(0); at + sizeof got <= c->cmsg_len; at += sizeof got) {
			memcpy(&got, (const char *)c + at, sizeof got);
			if (count++ == 0)
				*fd = got;
			else
				close(got);
		}
	}
	if (count <= 1 && (msg->msg_flags & MSG_CTRUNC) == 0)
		return 0;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return -1;
}

/* Receives one packet.  1: got one; 0: none waiting; -1: the link is over. */
static int
receive(struct lb_link *link, uint8_t *buf, size_t cap, size_t *len, int *fd)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = buf, .iov_len = cap};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof control};
	ssize_t n = recvmsg(link->fd, &msg, MSG_CMSG_CLOEXEC);

	*fd = -1;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (take_fds(&msg, fd) != 0)
		return -1;
	if (n < 2 || (msg.msg_flags & MSG_TRUNC) != 0) {
		if (*fd >= 0)
			close(*fd);
		return -1;
	}
	*len = (size_t)n;
	return 1;
}

static void
on_read(evutil_socket_t unused, short what, void *arg)
{
	struct lb_link *link = arg;
	uint8_t buf[LB_LINK_MESSAGE_MAX + 2];
	bool freed = false;

	(void)unused;
	(void)what;
	link->freed = &freed;
	for (int i = 0; i < READS_PER_WAKE && !link->dead; i++) {
		size_t len;
		int fd, got = receive(link, buf, sizeof buf, &len, &fd);

		if (got == 0)
			break;
		if (got > 0 && link->calls->message(link->arg, (uint16_t)(buf[0] << 8 | buf[1]),
						    buf + 2, len - 2, fd) != LB_OK)
			got = -1;
		if (freed)
			goto out;
		if (got < 0)
			lose(link);
		if (freed)
			goto out;
	}
	if (!link->dead && link->calls->drained != NULL)
		link->calls->drained(link->arg);
out:
	lb_wipe(buf, sizeof buf);
	if (!freed)
		link->freed = NULL;
}

/* 1: sent; 0: the other end is not reading just now; -1: the link is over. */
static int
transmit(struct lb_link *link, const struct iovec *parts, size_t nparts, int fd)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr msg = {.msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = nparts};

	if (fd >= 0) {
		struct cmsghdr *c;

		msg.msg_control = &control;
		msg.msg_controllen = sizeof control;
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof fd);
	}
	if (sendmsg(link->fd, &msg, MSG_NOSIGNAL) >= 0)
		return 1;
	return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ? 0 : -1;
}

/* NOLINTBEGIN(clang-analyzer-unix.Malloc): a packet that is freed is in the queue no more */
static void
write_queued(struct lb_link *link)
{
	struct packet *p;

	while ((p = TAILQ_FIRST(&link->queue)) != NULL) {
		const struct iovec whole = {p->bytes, p->len};
		int sent = transmit(link, &whole, 1, p->fd);

		if (sent < 0) {
			lose(link);
			return;
		}
		if (sent == 0) {
			if (event_add(link->write, NULL) != 0)
				lose(link);
			return;
		}
		TAILQ_REMOVE(&link->queue, p, next);
		link->queued -= p->len;
		packet_free(p);
	}
	event_del(link->write);
}
/* NOLINTEND(clang-analyzer-unix.Malloc) */

static void
on_write(evutil_socket_t unused, short what, void *arg)
{
	(void)unused;
	(void)what;
	write_queued(arg);
}

struct lb_link *
lb_link_new(struct event_base *base, int fd, const struct lb_link_calls *calls, void *arg)
{
	struct lb_link *link = calloc(1, sizeof *link);

	if (link == NULL)
		return NULL;
	link->fd = fd;
	link->calls = calls;
	link->arg = arg;
	TAILQ_INIT(&link->queue);
	link->read = event_new(base, fd, EV_READ | EV_PERSIST, on_read, link);
	link->write = event_new(base, fd, EV_WRITE | EV_PERSIST, on_write, link);
	if (link->read == NULL || link->write == NULL || evutil_make_socket_nonblocking(fd) != 0 ||
	    event_add(link->read, NULL) != 0) {
		lb_link_free(link);
		return NULL;
	}
	return link;
}

void
lb_link_free(struct lb_link *link)
{
	struct packet *p;

	if (link == NULL)
		return;
	if (link->freed != NULL)
		*link->freed = true;
	while ((p = TAILQ_FIRST(&link->queue)) != NULL) {
		TAILQ_REMOVE(&link->queue, p, next);
		packet_free(p);
	}
	if (link->read != NULL)
		event_free(link->read);
	if (link->write != NULL)
		event_free(link->write);
	close(link->fd);
	free(link);
}

/* Puts one message into the queue, to be written from the loop. */
static int
enqueue(struct lb_link *link, const uint8_t head[2], const void *bytes, size_t len, int fd)
{
	struct packet *p;

	if (link->queued + len > QUEUE_MAX) {
		lose(link);
		return LB_ERR_FULL;
	}
	p = malloc(sizeof *p + len + 2);
	if (p == NULL)
		return LB_ERR_NOMEM;
	p->fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (fd >= 0 && p->fd < 0) {
		free(p);
		return LB_ERR_SYSTEM;
	}
	p->len = len + 2;
	memcpy(p->bytes, head, 2);
	if (len > 0)
		memcpy(p->bytes + 2, bytes, len);
	TAILQ_INSERT_TAIL(&link->queue, p, next);
	link->queued += p->len;
	if (event_add(link->write, NULL) != 0) {
		lose(link); /* nothing would ever be written */
		return LB_ERR_NOMEM;
	}
	return LB_OK;
}

int
lb_link_send(struct lb_link *link, uint16_t type, const void *bytes, size_t len, int fd)
{
	const uint8_t head[2] = {(uint8_t)(type >> 8), (uint8_t)type};
	const struct iovec parts[2] = {{(void *)(uintptr_t)head, sizeof head},
				       {(void *)(uintptr_t)bytes, len}};

	if (link->dead)
		return LB_ERR_UNREACHABLE;
	if (len > LB_LINK_MESSAGE_MAX)
		return LB_ERR_TOO_LONG;
	/* At once when nothing waits before it; a failure is found from the loop, never called back from here. */
	if (TAILQ_EMPTY(&link->queue) && transmit(link, parts, len > 0 ? 2 : 1, fd) > 0)
		return LB_OK;
	return enqueue(link, head, bytes, len, fd);
}

void
lb_link_close_sending(struct lb_link *link)
{
	shutdown(link->fd, SHUT_WR);
}

void
lb_link_flush(struct lb_link *link, unsigned timeout_ms)
{
	struct pollfd p = {.fd = link->fd, .events = POLLOUT};

	while (!link->dead && !TAILQ_EMPTY(&link->queue)) {
		if (poll(&p, 1, (int)timeout_ms) <= 0)
			return;
		write_queued(link);
	}
}
