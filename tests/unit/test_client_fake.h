/*
 * A scripted daemon for tests of the client side: one process, one script per
 * connection.  The product has no switch for this; the client sees a socket.
 */
#ifndef TEST_CLIENT_FAKE_H
#define TEST_CLIENT_FAKE_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "err.h"
#include "proto.h"

#define FAKE __attribute__((unused)) static

struct fake {
	char dir[64], path[96];
	int listener;
	pid_t pid;
};

FAKE void
fake_write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd >= 0) {
		if (write(fd, text, strlen(text)) < 0)
			perror(path);
		close(fd);
	}
}

/* The client only trusts a listener of root's; without root, root of a namespace will do. */
FAKE void
fake_become_root(void)
{
	char map[32];

	if (geteuid() == 0)
		return;
	snprintf(map, sizeof map, "0 %d 1", (int)geteuid());
	if (unshare(CLONE_NEWUSER) == 0) {
		fake_write_file("/proc/self/setgroups", "deny");
		fake_write_file("/proc/self/uid_map", map);
	}
}

FAKE int
fake_listen(const char *path, int backlog)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sun.sun_path, sizeof sun.sun_path, "%s", path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sun, sizeof sun) != 0 ||
	    listen(fd, backlog) != 0)
		abort();
	return fd;
}

FAKE void
fake_open(struct fake *f, int backlog)
{
	strcpy(f->dir, "/tmp/lb-fake-XXXXXX");
	if (mkdtemp(f->dir) == NULL)
		abort();
	snprintf(f->path, sizeof f->path, "%s/sock", f->dir);
	f->pid = 0;
	f->listener = fake_listen(f->path, backlog);
}

/* Serves connections, each by the script, until it is ended. */
FAKE void
fake_serve(struct fake *f, void (*script)(int fd))
{
	f->pid = fork();
	if (f->pid != 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		int fd = accept(f->listener, NULL, NULL);

		if (fd < 0)
			_exit(1);
		script(fd);
		close(fd);
	}
}

FAKE void
fake_close(struct fake *f)
{
	if (f->pid > 0) {
		kill(f->pid, SIGKILL);
		waitpid(f->pid, NULL, 0);
	}
	close(f->listener);
	unlink(f->path);
	rmdir(f->dir);
}

FAKE int
fake_read_all(int fd, void *buf, size_t len)
{
	uint8_t *at = buf;

	while (len > 0) {
		ssize_t n = read(fd, at, len);

		if (n <= 0)
			return -1;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Reads one request; 0, or -1 at the end of the connection or on nonsense. */
FAKE int
fake_receive(int fd, uint16_t *type, union lb_msg *msg)
{
	uint8_t header[LB_HEADER_SIZE], payload[LB_PAYLOAD_MAX];
	uint32_t len;

	if (fake_read_all(fd, header, sizeof header) != 0 ||
	    lb_proto_header(header, type, &len) != LB_OK || fake_read_all(fd, payload, len) != 0)
		return -1;
	return lb_proto_decode(*type, payload, len, msg) == LB_OK ? 0 : -1;
}

FAKE void
fake_send(int fd, uint16_t type, const void *msg)
{
	uint8_t frame[LB_HEADER_SIZE + LB_PAYLOAD_MAX];
	size_t len;

	/* A client may hang up on what it does not like. */
	if (lb_proto_encode(type, msg, frame, sizeof frame, &len) != LB_OK ||
	    (write(fd, frame, len) != (ssize_t)len && errno != EPIPE && errno != ECONNRESET))
		_exit(2);
}

FAKE void
fake_done(int fd, uint8_t more, uint64_t cursor)
{
	struct lb_msg_done done = {.more = more, .cursor = cursor};

	fake_send(fd, LB_MSG_DONE, &done);
}

FAKE void
fake_refuse(int fd, uint16_t code, const char *text)
{
	struct lb_msg_refused refused = {.code = code};

	snprintf(refused.text, sizeof refused.text, "%s", text);
	fake_send(fd, LB_MSG_REFUSED, &refused);
}

/* Waits until the client hangs up. */
FAKE void
fake_wait_hangup(int fd)
{
	char c;

	while (read(fd, &c, 1) > 0)
		;
}

FAKE int64_t
fake_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

#endif
