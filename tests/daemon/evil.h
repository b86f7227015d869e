/* What the programs of an attacker's have in common. */
#ifndef TEST_EVIL_H
#define TEST_EVIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#define EVIL_FDS 4

/* One packet of a link, whatever its type, length and descriptors. */
static inline bool
evil_send(int to, uint16_t type, const void *bytes, size_t len, const int *fds, size_t nfds)
{
	uint8_t head[2] = {(uint8_t)(type >> 8), (uint8_t)type};
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(EVIL_FDS * sizeof(int))];
	} control = {0};
	struct iovec iov[2] = {{head, 2}, {(void *)(uintptr_t)bytes, len}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};

	if (nfds > 0) {
		struct cmsghdr *c;

		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, nfds * sizeof(int));
	}
	return sendmsg(to, &msg, MSG_NOSIGNAL) >= 0;
}

#endif
