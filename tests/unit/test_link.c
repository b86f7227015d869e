/* Links between the processes: see lockboxd/link.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "err.h"
#include "link.h"

/* One end of a link, and what it was told. */
struct end {
	struct event_base *base;
	struct lb_link *link;
	int answer; /* what message() returns */
	bool free_in_message, free_in_lost;
	unsigned messages, lost, drained;
	uint16_t type;
	uint8_t bytes[LB_LINK_MESSAGE_MAX];
	size_t len;
	int fd;
};

static void
let_go(struct end *e)
{
	lb_link_free(e->link);
	e->link = NULL;
}

static int
on_message(void *arg, uint16_t type, const uint8_t *bytes, size_t len, int fd)
{
	struct end *e = arg;

	e->messages++;
	e->type = type;
	e->len = len;
	memcpy(e->bytes, bytes, len);
	if (e->fd >= 0)
		close(e->fd);
	e->fd = fd;
	if (e->free_in_message)
		let_go(e);
	return e->answer;
}

static void
on_lost(void *arg)
{
	struct end *e = arg;

	e->lost++;
	if (e->free_in_lost)
		let_go(e);
}

static void
on_drained(void *arg)
{
	((struct end *)arg)->drained++;
}

static const struct lb_link_calls calls = {on_message, on_lost, on_drained};

static unsigned
open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

/* A link in e whose other end is a bare socket, returned. */
static int
half(struct end *e)
{
	int pair[2];

	memset(e, 0, sizeof *e);
	e->fd = -1;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	e->base = event_base_new();
	e->link = lb_link_new(e->base, pair[0], &calls, e);
	assert_non_null(e->link);
	return pair[1];
}

static void
done(struct end *e, int other)
{
	if (e->link != NULL)
		lb_link_free(e->link);
	if (e->fd >= 0)
		close(e->fd);
	if (other >= 0)
		close(other);
	event_base_free(e->base);
}

static void
turn(struct end *e)
{
	event_base_loop(e->base, EVLOOP_NONBLOCK);
}

/* Sends a packet with n descriptors as no end of ours would. */
static void
send_raw(int fd, const void *bytes, size_t len, const int *fds, size_t n)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(16 * sizeof(int))];
	} control = {0};
	struct iovec iov = {(void *)(uintptr_t)bytes, len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (n > 0) {
		struct cmsghdr *c;

		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	}
	assert_true(sendmsg(fd, &msg, MSG_NOSIGNAL) >= 0);
}

static void
a_message_arrives_whole_at_every_length(void **unused)
{
	static const size_t lengths[] = {
		0, 1, 2, 100, 4096, LB_LINK_MESSAGE_MAX - 1, LB_LINK_MESSAGE_MAX};
	static uint8_t bytes[LB_LINK_MESSAGE_MAX];
	struct end a, b = {.fd = -1};
	int other = half(&a);

	(void)unused;
	b.base = a.base;
	b.link = lb_link_new(b.base, other, &calls, &b);
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 7 + 1);
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		assert_int_equal(
			lb_link_send(a.link, (uint16_t)(0xfe00 + i), bytes, lengths[i], -1), LB_OK);
		turn(&a);
		turn(&a);
		assert_int_equal(b.messages, i + 1);
		assert_int_equal(b.type, 0xfe00 + i);
		assert_int_equal(b.len, lengths[i]);
		assert_memory_equal(b.bytes, bytes, lengths[i]);
		assert_int_equal(b.fd, -1);
	}
	assert_int_equal(b.lost, 0);
	assert_true(b.drained > 0);
	lb_link_free(b.link);
	done(&a, -1);
}

static void
a_descriptor_travels_with_its_message_and_the_sender_keeps_its_own(void **unused)
{
	struct end a, b = {.fd = -1};
	int other = half(&a), pipefd[2];
	unsigned before;
	char c = 0;

	(void)unused;
	b.base = a.base;
	b.link = lb_link_new(b.base, other, &calls, &b);
	assert_int_equal(pipe(pipefd), 0);
	before = open_fds();
	assert_int_equal(lb_link_send(a.link, 5, "x", 1, pipefd[1]), LB_OK);
	turn(&a);
	turn(&a);
	assert_int_equal(b.messages, 1);
	assert_true(b.fd >= 0 && b.fd != pipefd[1]);
	assert_true(fcntl(b.fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(write(b.fd, "!", 1), 1);
	assert_int_equal(read(pipefd[0], &c, 1), 1);
	assert_int_equal(c, '!');
	assert_true(fcntl(pipefd[1], F_GETFD) >= 0);
	assert_int_equal(open_fds(), before + 1); /* b's; the queued copy is closed */
	lb_link_free(b.link);
	close(b.fd);
	close(pipefd[0]);
	close(pipefd[1]);
	done(&a, -1);
}

static void
messages_keep_their_order_and_drained_comes_after_the_last(void **unused)
{
	struct end a;
	int other = half(&a);
	uint8_t packet[2] = {0, 0};

	(void)unused;
	for (uint8_t i = 1; i <= 20; i++) {
		packet[1] = i;
		send_raw(other, packet, 2, NULL, 0);
	}
	turn(&a);
	assert_int_equal(a.messages, 20);
	assert_int_equal(a.type, 20);
	assert_int_equal(a.drained, 1);
	done(&a, other);
}

static void
too_long_to_send_is_refused_and_the_link_lives(void **unused)
{
	static uint8_t bytes[LB_LINK_MESSAGE_MAX + 1];
	struct end a;
	int other = half(&a);
	char buf[16];

	(void)unused;
	assert_int_equal(lb_link_send(a.link, 1, bytes, sizeof bytes, -1), LB_ERR_TOO_LONG);
	assert_int_equal(lb_link_send(a.link, 1, "yes", 3, -1), LB_OK);
	turn(&a);
	assert_int_equal(recv(other, buf, sizeof buf, MSG_DONTWAIT), 5);
	assert_int_equal(a.lost, 0);
	done(&a, other);
}

/* Each packet that no honest end sends is the link's end, and leaves no descriptor behind. */
static void
malformed_packets_end_the_link_and_leak_nothing(void **unused)
{
	static uint8_t bytes[LB_LINK_MESSAGE_MAX + 100] = {0, 1};
	static const struct {
		size_t len, fds;
	} rows[] = {
		{1, 0}, /* not even a type */
		{1, 1},
		{LB_LINK_MESSAGE_MAX + 3, 0}, /* cut off on receipt */
		{LB_LINK_MESSAGE_MAX + 3, 1},
		{sizeof bytes, 0},
		{2, 2}, /* as many as fit into the room for one, by alignment */
		{20, 2},
		{2, 3}, /* more than fit: truncated control data */
		{2, 16},
		{1, 16},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		unsigned before = open_fds(), with;
		struct end a;
		int other = half(&a), fds[16], null = open("/dev/null", O_RDONLY);

		for (int f = 0; f < 16; f++)
			fds[f] = null;
		with = open_fds();
		send_raw(other, bytes, rows[i].len, fds, rows[i].fds);
		turn(&a);
		if (a.lost != 1 || a.messages != 0)
			fail_msg("%zu bytes, %zu descriptors: lost %u, messages %u", rows[i].len,
				 rows[i].fds, a.lost, a.messages);
		if (open_fds() != with)
			fail_msg("%zu bytes, %zu descriptors: %u left open", rows[i].len,
				 rows[i].fds, open_fds() - with);
		assert_int_equal(lb_link_send(a.link, 1, "x", 1, -1), LB_ERR_UNREACHABLE);
		send_raw(other, bytes, 10, NULL, 0);
		turn(&a);
		assert_int_equal(a.messages, 0); /* nothing more is read */
		assert_int_equal(a.lost, 1);
		close(null);
		done(&a, other);
		assert_int_equal(open_fds(), before);
	}
}

static void
a_refused_message_ends_the_link_once(void **unused)
{
	struct end a;
	int other = half(&a);

	(void)unused;
	a.answer = LB_ERR_MALFORMED;
	for (int i = 0; i < 5; i++)
		send_raw(other, "\0\1abc", 5, NULL, 0);
	turn(&a);
	assert_int_equal(a.messages, 1);
	assert_int_equal(a.lost, 1);
	assert_int_equal(a.drained, 0);
	done(&a, other);
}

static void
the_other_ends_death_is_told_once(void **unused)
{
	struct end a;
	int other = half(&a);

	(void)unused;
	send_raw(other, "\0\1", 2, NULL, 0);
	close(other);
	turn(&a);
	assert_int_equal(a.messages, 1);
	assert_int_equal(a.lost, 1);
	turn(&a);
	assert_int_equal(a.lost, 1);
	done(&a, -1);
}

static void
an_end_that_does_not_read_is_lost_at_the_queues_maximum(void **unused)
{
	static uint8_t bytes[LB_LINK_MESSAGE_MAX];
	unsigned before = open_fds();
	struct end a;
	int other = half(&a), err = LB_OK;
	size_t sent = 0;

	(void)unused;
	while (err == LB_OK && sent < (32u << 20)) {
		err = lb_link_send(a.link, 1, bytes, sizeof bytes, sent == 0 ? other : -1);
		sent += sizeof bytes;
	}
	assert_int_equal(err, LB_ERR_FULL);
	/* The queue's, and what the kernel has taken into the socket. */
	assert_in_range(sent, 8u << 20, 9u << 20);
	assert_int_equal(a.lost, 1);
	assert_int_equal(lb_link_send(a.link, 1, bytes, 1, -1), LB_ERR_UNREACHABLE);
	assert_int_equal(a.lost, 1);
	done(&a, other);
	assert_int_equal(open_fds(), before); /* what was queued is closed */
}

static void
a_link_may_be_freed_inside_its_own_callbacks(void **unused)
{
	unsigned before = open_fds();
	struct end a;
	int other;

	(void)unused;
	for (int answer = LB_ERR_MALFORMED; answer <= LB_OK; answer += -LB_ERR_MALFORMED) {
		other = half(&a);
		a.free_in_message = true;
		a.answer = answer;
		send_raw(other, "\0\1", 2, NULL, 0);
		send_raw(other, "\0\1", 2, NULL, 0);
		turn(&a);
		assert_int_equal(a.messages, 1);
		assert_int_equal(a.lost + a.drained, 0);
		done(&a, other);
	}
	other = half(&a);
	a.free_in_lost = true;
	close(other);
	turn(&a);
	assert_int_equal(a.lost, 1);
	assert_int_equal(a.drained, 0);
	done(&a, -1);
	assert_int_equal(open_fds(), before);
}

static void
closing_for_sending_ends_the_other_link_and_still_receives(void **unused)
{
	struct end a;
	int other = half(&a);
	char buf[8];

	(void)unused;
	lb_link_close_sending(a.link);
	assert_int_equal(recv(other, buf, sizeof buf, MSG_DONTWAIT), 0);
	send_raw(other, "\0\7", 2, NULL, 0);
	turn(&a);
	assert_int_equal(a.type, 7);
	done(&a, other);
}

static void
a_message_goes_at_once_when_nothing_waits_before_it(void **unused)
{
	struct end a;
	int other = half(&a);
	char buf[8];

	(void)unused;
	lb_link_send(a.link, 0x0102, "abc", 3, -1);
	assert_int_equal(recv(other, buf, sizeof buf, MSG_DONTWAIT), 5);
	assert_memory_equal(buf, "\1\2abc", 5);
	lb_link_send(a.link, 0x0103, NULL, 0, -1);
	assert_int_equal(recv(other, buf, sizeof buf, MSG_DONTWAIT), 2);
	done(&a, other);
}

static unsigned
take_all(int fd, unsigned first)
{
	static uint8_t bytes[LB_LINK_MESSAGE_MAX + 2];

	while (recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) == (ssize_t)sizeof bytes)
		assert_int_equal(bytes[2], first++);
	return first;
}

static void
a_flush_writes_what_is_queued_without_the_loop_and_in_order(void **unused)
{
	static uint8_t bytes[LB_LINK_MESSAGE_MAX];
	const unsigned count = 200;
	struct end a;
	int other = half(&a);
	unsigned got;

	(void)unused;
	for (unsigned i = 0; i < count; i++) {
		bytes[0] = (uint8_t)i;
		lb_link_send(a.link, 1, bytes, sizeof bytes, -1);
	}
	got = take_all(other, 0);
	assert_in_range(got, 1, count - 1);
	/* What comes now goes behind what waits. */
	bytes[0] = (uint8_t)count;
	lb_link_send(a.link, 1, bytes, sizeof bytes, -1);
	assert_int_equal(take_all(other, got), got);
	while (got <= count) {
		unsigned before = got;

		lb_link_flush(a.link, 0);
		got = take_all(other, got);
		assert_true(got > before);
	}
	assert_int_equal(got, count + 1);
	done(&a, other);
}

static void
a_flood_does_not_keep_others_from_their_turn(void **unused)
{
	struct end a, b = {.fd = -1};
	int other = half(&a), pair[2];
	unsigned sent = 0;

	(void)unused;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	b.base = a.base;
	b.link = lb_link_new(b.base, pair[0], &calls, &b);
	fcntl(other, F_SETFL, O_NONBLOCK);
	while (send(other, "\0\1x", 3, MSG_NOSIGNAL) == 3)
		sent++;
	send_raw(pair[1], "\0\2", 2, NULL, 0);
	assert_true(sent > 100);
	event_base_loop(a.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	assert_int_equal(b.messages, 1);
	assert_int_equal(a.messages, 64);
	lb_link_free(b.link);
	close(pair[1]);
	done(&a, other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_arrives_whole_at_every_length),
		cmocka_unit_test(
			a_descriptor_travels_with_its_message_and_the_sender_keeps_its_own),
		cmocka_unit_test(messages_keep_their_order_and_drained_comes_after_the_last),
		cmocka_unit_test(too_long_to_send_is_refused_and_the_link_lives),
		cmocka_unit_test(malformed_packets_end_the_link_and_leak_nothing),
		cmocka_unit_test(a_refused_message_ends_the_link_once),
		cmocka_unit_test(the_other_ends_death_is_told_once),
		cmocka_unit_test(an_end_that_does_not_read_is_lost_at_the_queues_maximum),
		cmocka_unit_test(a_link_may_be_freed_inside_its_own_callbacks),
		cmocka_unit_test(closing_for_sending_ends_the_other_link_and_still_receives),
		cmocka_unit_test(a_message_goes_at_once_when_nothing_waits_before_it),
		cmocka_unit_test(a_flush_writes_what_is_queued_without_the_loop_and_in_order),
		cmocka_unit_test(a_flood_does_not_keep_others_from_their_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
