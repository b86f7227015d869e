/* The client side against a daemon that behaves, and against many that do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client.h"
#include "test_client_fake.h"

#define PATIENT_MS 5000
#define HASTY_MS 120

/* Runs one exchange against the script; returns how it ended. */
static int
exchange(void (*script)(int fd), unsigned timeout_ms, uint16_t *type, union lb_msg *msg)
{
	struct lb_msg_roles roles = {0};
	struct lb_client c;
	struct fake f;
	int err;

	if (geteuid() != 0)
		skip();
	fake_open(&f, 8);
	fake_serve(&f, script);
	err = lb_client_open(&c, f.path, timeout_ms);
	assert_int_equal(err, LB_OK);
	err = lb_client_send(&c, LB_MSG_ROLES, &roles);
	if (err == LB_OK)
		err = lb_client_receive(&c, type, msg);
	lb_client_close(&c);
	assert_int_equal(c.fd, -1);
	fake_close(&f);
	return err;
}

static void
swallow_request(int fd)
{
	union lb_msg msg;
	uint16_t type;

	if (fake_receive(fd, &type, &msg) != 0)
		_exit(3);
}

static void
serve_done(int fd)
{
	swallow_request(fd);
	fake_done(fd, 1, 77);
}

static void
a_reply_arrives_whole(void **state)
{
	union lb_msg msg;
	uint16_t type = 0;

	(void)state;
	assert_int_equal(exchange(serve_done, PATIENT_MS, &type, &msg), LB_OK);
	assert_int_equal(type, LB_MSG_DONE);
	assert_int_equal(msg.done.more, 1);
	assert_int_equal(msg.done.cursor, 77);
}

static void
serve_in_single_bytes(int fd)
{
	struct lb_msg_done done = {.cursor = 5};
	uint8_t frame[64];
	size_t len;

	swallow_request(fd);
	if (lb_proto_encode(LB_MSG_DONE, &done, frame, sizeof frame, &len) != LB_OK)
		_exit(3);
	for (size_t i = 0; i < len; i++)
		if (write(fd, frame + i, 1) != 1)
			_exit(3);
}

static void
a_reply_in_single_bytes_is_put_together(void **state)
{
	union lb_msg msg;
	uint16_t type = 0;

	(void)state;
	assert_int_equal(exchange(serve_in_single_bytes, PATIENT_MS, &type, &msg), LB_OK);
	assert_int_equal(msg.done.cursor, 5);
}

static void
serve_silence(int fd)
{
	fake_wait_hangup(fd);
}

static void
a_silent_daemon_meets_the_deadline(void **state)
{
	int64_t before = fake_now_ms();
	union lb_msg msg;
	uint16_t type = 0;

	(void)state;
	assert_int_equal(exchange(serve_silence, HASTY_MS, &type, &msg), LB_ERR_TIMEOUT);
	assert_in_range(fake_now_ms() - before, HASTY_MS - 5, PATIENT_MS);
	assert_int_equal(type, 0);
}

static void
serve_drips(int fd)
{
	const struct timespec pause = {.tv_nsec = 20000000};
	const uint8_t header[LB_HEADER_SIZE] = {0, 0, 0x20, 0, 0x80, 1, LB_PROTO_VERSION, 0};

	swallow_request(fd);
	if (write(fd, header, sizeof header) != sizeof header)
		_exit(3);
	while (send(fd, "x", 1, MSG_NOSIGNAL) == 1)
		nanosleep(&pause, NULL);
}

static void
a_daemon_that_drips_bytes_cannot_stretch_the_deadline(void **state)
{
	int64_t before = fake_now_ms();
	union lb_msg msg;
	uint16_t type = 0;

	(void)state;
	assert_int_equal(exchange(serve_drips, HASTY_MS, &type, &msg), LB_ERR_TIMEOUT);
	assert_in_range(fake_now_ms() - before, HASTY_MS - 5, 2000);
}

static void
serve_half_then_close(int fd)
{
	const uint8_t half[] = {0, 0, 0, 9, 0x80, 1, LB_PROTO_VERSION, 0, 1, 0, 0};

	swallow_request(fd);
	if (write(fd, half, sizeof half) != sizeof half)
		_exit(3);
}

static void
half_a_reply_is_no_reply(void **state)
{
	union lb_msg msg;
	uint16_t type = 0;

	(void)state;
	assert_int_equal(exchange(serve_half_then_close, PATIENT_MS, &type, &msg),
			 LB_ERR_UNREACHABLE);
	assert_int_equal(type, 0);
}

static void
serve_close(int fd)
{
	swallow_request(fd);
}

static void
a_connection_closed_without_a_reply_is_unreachable(void **state)
{
	union lb_msg msg;
	uint16_t type = 0;

	(void)state;
	assert_int_equal(exchange(serve_close, PATIENT_MS, &type, &msg), LB_ERR_UNREACHABLE);
}

static void
serve_request_type(int fd)
{
	struct lb_msg_roles roles = {0};

	swallow_request(fd);
	fake_send(fd, LB_MSG_ROLES, &roles);
}

static void
a_request_is_no_reply(void **state)
{
	union lb_msg msg;
	uint16_t type = 0;

	(void)state;
	assert_int_equal(exchange(serve_request_type, PATIENT_MS, &type, &msg), LB_ERR_MALFORMED);
	assert_int_equal(type, 0);
}

/* What the next test's script sends; set before the fork. */
static uint8_t raw[64];
static size_t raw_len;

static void
serve_raw(int fd)
{
	swallow_request(fd);
	if (write(fd, raw, raw_len) != (ssize_t)raw_len)
		_exit(3);
	fake_wait_hangup(fd);
}

static void
bad_frames_are_refused_at_once(void **state)
{
	static const struct {
		uint8_t bytes[20];
		size_t len;
		int err;
	} frames[] = {
		/* one byte too many in the payload of DONE */
		{{0, 0, 0, 10, 0x80, 1, LB_PROTO_VERSION, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9},
		 18,
		 LB_ERR_MALFORMED},
		/* one byte too few */
		{{0, 0, 0, 8, 0x80, 1, LB_PROTO_VERSION, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		 16,
		 LB_ERR_MALFORMED},
		/* a type nobody knows */
		{{0, 0, 0, 0, 0x80, 99, LB_PROTO_VERSION, 0}, 8, LB_ERR_MALFORMED},
		/* the reserved byte is set */
		{{0, 0, 0, 9, 0x80, 1, LB_PROTO_VERSION, 1}, 8, LB_ERR_MALFORMED},
		/* another version */
		{{0, 0, 0, 9, 0x80, 1, LB_PROTO_VERSION + 1, 0}, 8, LB_ERR_VERSION},
		/* more than a frame may hold: not waited for */
		{{0, 0, 0x20, 1, 0x80, 1, LB_PROTO_VERSION, 0}, 8, LB_ERR_TOO_LONG},
		{{0xff, 0xff, 0xff, 0xff, 0x80, 1, LB_PROTO_VERSION, 0}, 8, LB_ERR_TOO_LONG},
		/* VERDICT: a text with NUL inside */
		{{0, 0, 0, 5, 0x80, 8, LB_PROTO_VERSION, 0, 2, 0, 2, 'a', 0}, 13, LB_ERR_MALFORMED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
		union lb_msg msg;
		uint16_t type = 0;

		memcpy(raw, frames[i].bytes, frames[i].len);
		raw_len = frames[i].len;
		assert_int_equal(exchange(serve_raw, PATIENT_MS, &type, &msg), frames[i].err);
		assert_int_equal(type, 0);
	}
}

static void
a_missing_socket_is_unreachable(void **state)
{
	struct lb_client c;

	(void)state;
	assert_int_equal(lb_client_open(&c, "/nonexistent/lockbox/sock", PATIENT_MS),
			 LB_ERR_UNREACHABLE);
	assert_int_equal(c.fd, -1);
	lb_client_close(&c);
}

static void
a_path_longer_than_an_address_is_refused(void **state)
{
	char path[200];
	struct lb_client c;

	(void)state;
	memset(path, 'a', sizeof path - 1);
	path[0] = '/';
	path[sizeof path - 1] = '\0';
	assert_int_equal(lb_client_open(&c, path, PATIENT_MS), LB_ERR_TOO_LONG);
	assert_int_equal(c.fd, -1);
}

static void
a_full_backlog_meets_the_deadline(void **state)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct lb_client c;
	struct fake f;
	int fds[16], used = 0;
	int64_t before;

	(void)state;
	if (geteuid() != 0)
		skip();
	fake_open(&f, 0);
	snprintf(sun.sun_path, sizeof sun.sun_path, "%s", f.path);
	do {
		fds[used] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		assert_true(fds[used] >= 0);
	} while (connect(fds[used++], (struct sockaddr *)&sun, sizeof sun) == 0 && used < 16);
	assert_in_range(used, 2, 15);

	before = fake_now_ms();
	assert_int_equal(lb_client_open(&c, f.path, HASTY_MS), LB_ERR_TIMEOUT);
	assert_in_range(fake_now_ms() - before, HASTY_MS - 5, 2000);
	assert_int_equal(c.fd, -1);

	/* Room in time is good enough. */
	fake_serve(&f, serve_silence);
	for (int i = 0; i < used; i++)
		close(fds[i]);
	assert_int_equal(lb_client_open(&c, f.path, PATIENT_MS), LB_OK);
	assert_true(fcntl(c.fd, F_GETFD) & FD_CLOEXEC);
	lb_client_close(&c);
	fake_close(&f);
}

/* Listens as another user; says so on the pipe. */
static void
impostor(const char *path, int ready)
{
	if (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0)
		_exit(1);
	fake_listen(path, 4);
	if (write(ready, "x", 1) != 1)
		_exit(1);
	pause();
	_exit(0);
}

static void
a_listener_that_is_not_root_is_refused(void **state)
{
	char dir[] = "/tmp/lb-fake-XXXXXX", path[64], c1;
	struct lb_client c;
	int ready[2];
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chmod(dir, 0777), 0);
	snprintf(path, sizeof path, "%s/sock", dir);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		impostor(path, ready[1]);
	}
	close(ready[1]);
	if (read(ready[0], &c1, 1) == 1) {
		assert_int_equal(lb_client_open(&c, path, PATIENT_MS), LB_ERR_REFUSED);
		assert_int_equal(c.fd, -1);
	} else {
		print_message("one user in this namespace: not tried\n");
	}
	close(ready[0]);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	unlink(path);
	rmdir(dir);
}

static void
sending_to_a_closed_connection_is_an_error_and_no_signal(void **state)
{
	struct lb_msg_roles roles = {0};
	struct lb_client c;
	struct fake f;
	int fd, err = LB_OK;

	(void)state;
	if (geteuid() != 0)
		skip();
	fake_open(&f, 4);
	assert_int_equal(lb_client_open(&c, f.path, PATIENT_MS), LB_OK);
	fd = accept(f.listener, NULL, NULL);
	assert_true(fd >= 0);
	close(fd);
	signal(SIGPIPE, SIG_DFL);
	err = lb_client_send(&c, LB_MSG_ROLES, &roles);
	assert_int_equal(err, LB_ERR_UNREACHABLE);
	lb_client_close(&c);
	fake_close(&f);
}

static void
a_request_that_does_not_fit_is_not_sent(void **state)
{
	struct lb_msg_as as;
	struct lb_client c;
	struct fake f;

	(void)state;
	if (geteuid() != 0)
		skip();
	fake_open(&f, 4);
	assert_int_equal(lb_client_open(&c, f.path, PATIENT_MS), LB_OK);
	memset(&as, 'a', sizeof as);
	assert_int_equal(lb_client_send(&c, LB_MSG_AS, &as), LB_ERR_TOO_LONG);
	assert_int_equal(lb_client_send(&c, 999, &as), LB_ERR_MALFORMED);
	lb_client_close(&c);
	fake_close(&f);
}

static void
serve_twice(int fd)
{
	const struct timespec pause = {.tv_nsec = 80000000};

	swallow_request(fd);
	nanosleep(&pause, NULL);
	fake_done(fd, 0, 1);
	swallow_request(fd);
	nanosleep(&pause, NULL);
	fake_done(fd, 0, 2);
}

static void
a_new_deadline_counts_from_now(void **state)
{
	struct lb_msg_roles roles = {0};
	struct lb_client c;
	union lb_msg msg;
	uint16_t type;
	struct fake f;

	(void)state;
	if (geteuid() != 0)
		skip();
	fake_open(&f, 4);
	fake_serve(&f, serve_twice);
	assert_int_equal(lb_client_open(&c, f.path, PATIENT_MS), LB_OK);
	assert_int_equal(lb_client_send(&c, LB_MSG_ROLES, &roles), LB_OK);
	assert_int_equal(lb_client_receive(&c, &type, &msg), LB_OK);
	lb_client_deadline(&c, 5);
	assert_int_equal(lb_client_send(&c, LB_MSG_ROLES, &roles), LB_OK);
	assert_int_equal(lb_client_receive(&c, &type, &msg), LB_ERR_TIMEOUT);
	lb_client_deadline(&c, PATIENT_MS);
	assert_int_equal(lb_client_receive(&c, &type, &msg), LB_OK);
	assert_int_equal(msg.done.cursor, 2);
	lb_client_close(&c);
	fake_close(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reply_arrives_whole),
		cmocka_unit_test(a_reply_in_single_bytes_is_put_together),
		cmocka_unit_test(a_silent_daemon_meets_the_deadline),
		cmocka_unit_test(a_daemon_that_drips_bytes_cannot_stretch_the_deadline),
		cmocka_unit_test(half_a_reply_is_no_reply),
		cmocka_unit_test(a_connection_closed_without_a_reply_is_unreachable),
		cmocka_unit_test(a_request_is_no_reply),
		cmocka_unit_test(bad_frames_are_refused_at_once),
		cmocka_unit_test(a_missing_socket_is_unreachable),
		cmocka_unit_test(a_path_longer_than_an_address_is_refused),
		cmocka_unit_test(a_full_backlog_meets_the_deadline),
		cmocka_unit_test(a_listener_that_is_not_root_is_refused),
		cmocka_unit_test(sending_to_a_closed_connection_is_an_error_and_no_signal),
		cmocka_unit_test(a_request_that_does_not_fit_is_not_sent),
		cmocka_unit_test(a_new_deadline_counts_from_now),
	};

	fake_become_root();
	return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
