/* Descriptors that come with what strangers send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "passed.h"

/* A connected TCP socket that takes an hour to close. */
static int
slow_to_close(int *other)
{
	static const char fill[65536];
	const struct linger hour = {1, 3600};
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t len = sizeof at;
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
	*other = accept(listener, NULL, NULL);
	close(listener);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hour, sizeof hour), 0);
	while (send(fd, fill, sizeof fill, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		;
	return fd;
}

static ssize_t
send_with(int to, int fd)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	char byte = 'x';
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof control};

	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.align), &fd, sizeof fd);
	return sendmsg(to, &msg, MSG_NOSIGNAL);
}

static void
connected(const char *name, int pair[2], bool refusing)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));

	memcpy(sun.sun_path + 1, name, strlen(name)); /* no file: an abstract name */
	if (refusing && !lb_passed_refuse(listener))
		skip(); /* before Linux 6.16 */
	assert_int_equal(bind(listener, (struct sockaddr *)&sun, len), 0);
	assert_int_equal(listen(listener, 1), 0);
	pair[0] = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(connect(pair[0], (struct sockaddr *)&sun, len), 0);
	pair[1] = accept(listener, NULL, NULL);
	assert_true(pair[1] >= 0);
	close(listener);
}

static void
the_kernel_refuses_descriptors_on_all_connections_of_a_listener(void **state)
{
	int pair[2], other[2];
	char name[64];

	(void)state;
	snprintf(name, sizeof name, "lockbox-test-passed-%d", (int)getpid());
	connected(name, pair, true);
	assert_true(lb_passed_none(pair[1]));
	assert_int_equal(send_with(pair[0], 0), -1);
	assert_int_equal(send(pair[0], "x", 1, 0), 1);
	connected(name, other, false);
	assert_false(lb_passed_none(other[1]));
	assert_int_equal(send_with(other[0], 0), 1);
	for (int i = 0; i < 2; i++) {
		close(pair[i]);
		close(other[i]);
	}
}

/* Without the guard these would take an hour each. */
static void
the_guard_breaks_off_what_a_passed_socket_holds_up(void **state)
{
	int pair[2], peer[2];
	char byte;

	(void)state;
	lb_passed_guard(true);
	for (int i = 0; i < 2; i++) {
		int slow = slow_to_close(&peer[i]);

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		assert_int_equal(send_with(pair[0], slow), 1);
		close(slow);
		if (i == 0)
			assert_int_equal(read(pair[1], &byte, 1), 1);
		close(pair[1]);
		close(pair[0]);
	}
	lb_passed_guard(false);
	close(peer[0]);
	close(peer[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kernel_refuses_descriptors_on_all_connections_of_a_listener),
		cmocka_unit_test(the_guard_breaks_off_what_a_passed_socket_holds_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
