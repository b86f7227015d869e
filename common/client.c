/* The client side: see client.h. */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "err.h"
#include "wipe.h"

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void
lb_client_deadline(struct lb_client *c, unsigned timeout_ms)
{
	c->deadline_ms = now_ms() + (int64_t)timeout_ms;
}

/* Waits until the descriptor is ready for events, or the deadline. */
static int
wait_ready(const struct lb_client *c, short events)
{
	struct pollfd p = {.fd = c->fd, .events = events};

	for (;;) {
		int64_t left = c->deadline_ms - now_ms();
		int n;

		if (left <= 0)
			return LB_ERR_TIMEOUT;
		n = poll(&p, 1, left > INT_MAX ? INT_MAX : (int)left);
		if (n > 0)
			return LB_OK;
		if (n < 0 && errno != EINTR)
			return LB_ERR_SYSTEM;
	}
}

/* The listener's credentials are those it had at listen(2): root's, or it is not the daemon's. */
static int
check_listener(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof cred;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
		return LB_ERR_SYSTEM;
	return len == sizeof cred && cred.uid == 0 ? LB_OK : LB_ERR_REFUSED;
}

/* Whether calls on the socket wait; if so, no longer than to the deadline. */
static int
set_waiting(const struct lb_client *c, bool waits)
{
	int64_t left = c->deadline_ms - now_ms();
	struct timeval limit = {.tv_sec = left / 1000, .tv_usec = left % 1000 * 1000};

	if (waits && left <= 0)
		return LB_ERR_TIMEOUT;
	if (waits && setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0)
		return LB_ERR_SYSTEM;
	return fcntl(c->fd, F_SETFL, waits ? 0 : O_NONBLOCK) == 0 ? LB_OK : LB_ERR_SYSTEM;
}

/*
 * A full backlog makes a non-blocking connect fail with EAGAIN, and there is
 * nothing to poll for.  One that waits stands in line: who fills the backlog
 * again and again does not come before it.
 */
static int
connect_until(struct lb_client *c, const struct sockaddr_un *sun)
{
	bool waits = false;
	int err;

	while (connect(c->fd, (const struct sockaddr *)sun, sizeof *sun) != 0) {
		if (errno != EAGAIN && errno != EINTR)
			return LB_ERR_UNREACHABLE;
		err = set_waiting(c, true);
		if (err != LB_OK)
			return err;
		waits = true;
	}
	return waits ? set_waiting(c, false) : LB_OK;
}

int
lb_client_open(struct lb_client *c, const char *path, unsigned timeout_ms)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int err;

	c->fd = -1;
	lb_client_deadline(c, timeout_ms);
	if (strlen(path) >= sizeof sun.sun_path)
		return LB_ERR_TOO_LONG;
	memcpy(sun.sun_path, path, strlen(path) + 1);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		return LB_ERR_SYSTEM;
	err = connect_until(c, &sun);
	if (err == LB_OK)
		err = check_listener(c->fd);
	if (err != LB_OK)
		lb_client_close(c);
	return err;
}

static int
send_all(struct lb_client *c, const uint8_t *at, size_t left)
{
	while (left > 0) {
		ssize_t n = send(c->fd, at, left, MSG_NOSIGNAL);

		if (n > 0) {
			at += n;
			left -= (size_t)n;
		} else if (errno == EAGAIN) {
			int err = wait_ready(c, POLLOUT);

			if (err != LB_OK)
				return err;
		} else if (errno != EINTR) {
			return LB_ERR_UNREACHABLE;
		}
	}
	return LB_OK;
}

/* here: bytes are probably waiting already, so that asking first would be a call for nothing. */
static int
receive_all(struct lb_client *c, uint8_t *at, size_t left, bool here)
{
	while (left > 0) {
		int err = here ? LB_OK : wait_ready(c, POLLIN);
		ssize_t n;

		if (err != LB_OK)
			return err;
		n = recv(c->fd, at, left, 0);
		if (n == 0)
			return LB_ERR_UNREACHABLE;
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return LB_ERR_UNREACHABLE;
		here = n > 0;
		if (n > 0) {
			at += n;
			left -= (size_t)n;
		}
	}
	return LB_OK;
}

int
lb_client_send(struct lb_client *c, uint16_t type, const void *msg)
{
	uint8_t frame[LB_HEADER_SIZE + LB_PAYLOAD_MAX];
	size_t len;
	int err = lb_proto_encode(type, msg, frame, sizeof frame, &len);

	if (err == LB_OK) {
		err = send_all(c, frame, len);
		lb_wipe(frame, len);
	}
	return err;
}

int
lb_client_receive(struct lb_client *c, uint16_t *type, union lb_msg *msg)
{
	uint8_t header[LB_HEADER_SIZE], payload[LB_PAYLOAD_MAX];
	uint16_t what;
	uint32_t len;
	int err = receive_all(c, header, sizeof header, false);

	if (err == LB_OK)
		err = lb_proto_header(header, &what, &len);
	if (err == LB_OK && !(what & LB_REPLY))
		err = LB_ERR_MALFORMED;
	if (err == LB_OK)
		err = receive_all(c, payload, len, true);
	if (err == LB_OK)
		err = lb_proto_decode(what, payload, len, msg);
	if (err == LB_OK)
		*type = what;
	lb_wipe(payload, sizeof payload);
	return err;
}

void
lb_client_close(struct lb_client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}
