/*
 * A daemon that says whatever the input has: connect() is replaced, so every connection leads to a
 * socket that holds those bytes and then the end.  What the program sends is dropped.
 */
#ifndef LB_FUZZ_PEER_H
#define LB_FUZZ_PEER_H

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"

#define PEER_MAX 60000

static struct {
	const uint8_t *bytes;
	size_t size;
	int fd; /* the daemon's end; -1: none */
} peer = {NULL, 0, -1};

static void
peer_set(const uint8_t *bytes, size_t size)
{
	peer.bytes = bytes;
	peer.size = size < PEER_MAX ? size : PEER_MAX;
}

static void
peer_close(void)
{
	if (peer.fd >= 0)
		close(peer.fd);
	peer.fd = -1;
}

int
connect(int fd, const struct sockaddr *address, socklen_t len)
{
	int pair[2];

	(void)address;
	(void)len;
	peer_close();
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
	if (peer.size > 0)
		CHECK(write(pair[1], peer.bytes, peer.size) == (ssize_t)peer.size);
	CHECK(shutdown(pair[1], SHUT_WR) == 0);
	CHECK(dup3(pair[0], fd, O_CLOEXEC) == fd);
	close(pair[0]);
	peer.fd = pair[1];
	return 0;
}

/* Who the listener is: root, as for the real one, whoever runs this. */
int
getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	struct ucred cred = {.pid = 1, .uid = 0, .gid = 0};

	(void)fd;
	CHECK(level == SOL_SOCKET && name == SO_PEERCRED && *len == sizeof cred);
	memcpy(value, &cred, sizeof cred);
	return 0;
}

#endif
