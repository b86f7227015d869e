/*
 * inject PID FD HEX [PID-OF-PIDFD]: sends one packet by a descriptor of another
 * process, as that process could if it had been taken over: the bytes HEX, and
 * with them a pidfd when a fourth argument names a process.
 */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static size_t
from_hex(const char *hex, uint8_t *out, size_t cap)
{
	size_t len = strlen(hex);

	if (len % 2 != 0 || len / 2 > cap)
		errx(2, "bad hex");
	for (size_t i = 0; i < len / 2; i++) {
		unsigned byte;

		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			errx(2, "bad hex");
		out[i] = (uint8_t)byte;
	}
	return len / 2;
}

static int
pidfd_of(const char *pid)
{
	int fd = (int)syscall(SYS_pidfd_open, (pid_t)atoi(pid), 0);

	if (fd < 0)
		err(2, "pidfd_open %s", pid);
	return fd;
}

int
main(int argc, char **argv)
{
	static uint8_t bytes[16384];
	struct iovec iov = {.iov_base = bytes};
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {{0}};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	int fd, passed;

	if (argc != 4 && argc != 5)
		errx(2, "usage: inject PID FD HEX [PID-OF-PIDFD]");
	iov.iov_len = from_hex(argv[3], bytes, sizeof bytes);
	fd = (int)syscall(SYS_pidfd_getfd, pidfd_of(argv[1]), atoi(argv[2]), 0);
	if (fd < 0)
		err(2, "pidfd_getfd");
	if (argc == 5) {
		struct cmsghdr *c;

		msg.msg_control = control.buf;
		msg.msg_controllen = sizeof control.buf;
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		passed = pidfd_of(argv[4]);
		memcpy(CMSG_DATA(c), &passed, sizeof passed);
	}
	if (sendmsg(fd, &msg, MSG_NOSIGNAL) < 0)
		err(1, "sendmsg");
	return 0;
}
