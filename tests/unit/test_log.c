/* The log: see lockboxd/log.h. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "beat.h"
#include "log.h"

#define S 1000000000ll

static char dir[] = "/tmp/lockbox-log-XXXXXX", path[64];
static int listener = -1;

/* Standard error as a child has it: the socket's other end is what the warden reads. */
static int old_stderr = -1, warden_end = -1;

static void
become_child(void)
{
	int pair[2], room = 4096;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room), 0);
	old_stderr = fcntl(2, F_DUPFD_CLOEXEC, 10);
	assert_true(dup2(pair[1], 2) == 2);
	close(pair[1]);
	warden_end = pair[0];
	lb_log_open_child();
}

static void
be_oneself_again(void)
{
	assert_true(dup2(old_stderr, 2) == 2);
	close(old_stderr);
	close(warden_end);
}

static void
listen_as_syslog(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	snprintf(sun.sun_path, sizeof sun.sun_path, "%s", path);
	unlink(path);
	listener = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(listener >= 0);
	assert_int_equal(bind(listener, (const struct sockaddr *)&sun, sizeof sun), 0);
}

/* The next line syslog gets, behind the tag; *pri is what stands before it.  NULL: none. */
static const char *
next_line(int *pri)
{
	static char buf[8192];
	ssize_t n = recv(listener, buf, sizeof buf - 1, MSG_DONTWAIT);
	char *text;

	if (n < 0)
		return NULL;
	buf[n] = '\0';
	if (pri != NULL)
		assert_int_equal(sscanf(buf, "<%d>", pri), 1);
	text = strstr(buf, "]: ");
	assert_non_null(text);
	return text + 3;
}

static void
lines_of_a_child_wait_and_none_is_lost(void **state)
{
	char want[64], got[256];
	unsigned next = 0;
	ssize_t n;

	(void)state;
	become_child();
	/* Far more than the socket holds while nobody reads. */
	for (unsigned i = 0; i < 5000; i++)
		lb_log(LOG_NOTICE, "event=test number=%u", i);
	while (next < 5000) {
		n = recv(warden_end, got, sizeof got - 1, MSG_DONTWAIT);
		if (n < 0) {
			assert_int_equal(errno, EAGAIN);
			lb_log_tick();
			continue;
		}
		got[n] = '\0';
		snprintf(want, sizeof want, "<5>event=test number=%u", next++);
		assert_string_equal(got, want);
	}
	lb_log_tick();
	assert_true(recv(warden_end, got, sizeof got, MSG_DONTWAIT) < 0);
	be_oneself_again();
}

static void
lines_beyond_all_room_are_counted(void **state)
{
	char text[1000], got[2048] = "";
	unsigned sent = LB_LOG_WAITING_MAX / sizeof text + 500, arrived = 0, missing = 0;
	ssize_t n;

	(void)state;
	become_child();
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	for (unsigned i = 0; i < sent; i++)
		lb_log(LOG_INFO, "%s", text);
	for (unsigned idle = 0; idle < 3;) {
		n = recv(warden_end, got, sizeof got - 1, MSG_DONTWAIT);
		if (n < 0) {
			lb_log_tick();
			idle++;
			continue;
		}
		idle = 0;
		got[n] = '\0';
		if (got[3] == 'x')
			arrived++;
		else
			assert_int_equal(
				sscanf(got, "<4>%u log lines could not be delivered", &missing), 1);
	}
	assert_true(missing > 0);
	assert_int_equal(arrived + missing, sent);
	be_oneself_again();
}

static void
syslog_that_is_restarted_or_full_loses_nothing(void **state)
{
	char want[64];
	unsigned next = 0;
	int pri;

	(void)state;
	lb_log_open_warden(false, path);
	lb_log(LOG_NOTICE, "number=%u", 0u); /* nobody listens yet */
	listen_as_syslog();
	for (unsigned i = 1; i < 2000; i++) {
		if (i == 700) {
			while (next < 300) {
				snprintf(want, sizeof want, "number=%u", next++);
				lb_log_tick();
				assert_string_equal(next_line(&pri), want);
				assert_int_equal(pri, LOG_AUTHPRIV | LOG_NOTICE);
			}
		}
		lb_log(LOG_NOTICE, "number=%u", i);
	}
	while (next < 2000) {
		const char *line = next_line(NULL);

		if (line == NULL) {
			lb_log_tick();
			continue;
		}
		snprintf(want, sizeof want, "number=%u", next++);
		assert_string_equal(line, want);
	}
	close(listener);
	lb_log(LOG_NOTICE, "while it is away");
	listen_as_syslog();
	lb_log_tick();
	assert_string_equal(next_line(NULL), "while it is away");
	assert_null(next_line(NULL));
}

static void
child_is_no_louder_than_it_may_be(void **state)
{
	static const char emergency[] = "<0>the host is on fire", calm[] = "<6>all is well",
			  bare[] = "a library's words\n", control[] = "<5>two\nlines\x1b[2J";
	int pri;

	(void)state;
	lb_log_relay("front", LOG_ERR, emergency, sizeof emergency - 1);
	assert_string_equal(next_line(&pri), "front: the host is on fire");
	assert_int_equal(pri, LOG_AUTHPRIV | LOG_ERR);
	lb_log_relay("keeper", LOG_ALERT, emergency, sizeof emergency - 1);
	assert_string_equal(next_line(&pri), "keeper: the host is on fire");
	assert_int_equal(pri, LOG_AUTHPRIV | LOG_ALERT);
	lb_log_relay("front", LOG_ERR, calm, sizeof calm - 1);
	assert_string_equal(next_line(&pri), "front: all is well");
	assert_int_equal(pri, LOG_AUTHPRIV | LOG_INFO);
	lb_log_relay("front", LOG_ERR, bare, sizeof bare - 1);
	assert_string_equal(next_line(&pri), "front: a library's words");
	assert_int_equal(pri, LOG_AUTHPRIV | LOG_WARNING);
	lb_log_relay("front", LOG_ERR, control, sizeof control - 1);
	assert_string_equal(next_line(NULL), "front: two\\x0alines\\x1b[2J");
}

static void
line_is_cut_at_its_maximum(void **state)
{
	static char text[3 * LB_LOG_LINE_MAX];
	const char *line;

	(void)state;
	memset(text, 'y', sizeof text - 1);
	lb_log_relay("front", LOG_ERR, text, sizeof text - 1);
	line = next_line(NULL);
	assert_non_null(line);
	assert_true(strlen(line) < LB_LOG_LINE_MAX + 32);
	lb_log(LOG_INFO, "%s", text);
	assert_true(strlen(next_line(NULL)) < LB_LOG_LINE_MAX);
}

static void
budget_lets_a_burst_through_and_then_a_trickle(void **state)
{
	static struct lb_log_budget b = {.per_s = 2,
					 .burst = 10}; /* outlives this test: see log.h */
	unsigned through = 0;

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		through += lb_log_may_at(&b, "flood", 100 * S);
	assert_int_equal(through, 10);
	assert_null(next_line(NULL));
	assert_true(lb_log_may_at(&b, "flood", 100 * S + S / 2));
	assert_string_equal(next_line(NULL), "flood: 990 lines held back");
	assert_false(lb_log_may_at(&b, "flood", 100 * S + S / 2));
	/* Also when the source is silent from now on. */
	lb_log_settle_at(&b, "flood", 100 * S + S / 2);
	assert_null(next_line(NULL));
	lb_log_settle_at(&b, "flood", 101 * S);
	assert_string_equal(next_line(NULL), "flood: 1 lines held back");
	lb_log_settle_at(&b, "flood", 102 * S);
	assert_null(next_line(NULL));
	/* Never more than the burst, however long it was quiet, and nothing for a clock that goes back. */
	through = 0;
	for (unsigned i = 0; i < 100; i++)
		through += lb_log_may_at(&b, "flood", 100000 * S);
	assert_int_equal(through, 10);
	assert_false(lb_log_may_at(&b, "flood", 100 * S));
	lb_log_settle_at(&b, "flood", 100001 * S);
	while (next_line(NULL) != NULL)
		;
}

static void
tick_tells_what_is_still_held_back(void **state)
{
	static struct lb_log_budget b = {.per_s = 1000, .burst = 1};
	const char *line = NULL;

	(void)state;
	while (lb_log_may(&b, "source"))
		;
	for (unsigned i = 0; i < 100000 && line == NULL; i++) {
		lb_log_tick();
		line = next_line(NULL);
	}
	assert_non_null(line);
	assert_string_equal(line, "source: 1 lines held back");
}

static void
line_is_never_taken_for_a_beat(void **state)
{
	char got[64];
	ssize_t n;

	(void)state;
	become_child();
	lb_log(LOG_INFO, "%s", "\x16");
	n = recv(warden_end, got, sizeof got, MSG_DONTWAIT);
	assert_true(n > 0);
	assert_false(lb_beat_is(got, (size_t)n));
	be_oneself_again();
	assert_true(lb_beat_is("\x16", 1));
	assert_false(lb_beat_is("\x16\x16", 2));
	assert_false(lb_beat_is("", 0));
}

static int
make_dir(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/log", dir);
	return 0;
}

static int
remove_dir(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_a_child_wait_and_none_is_lost),
		cmocka_unit_test(lines_beyond_all_room_are_counted),
		cmocka_unit_test(syslog_that_is_restarted_or_full_loses_nothing),
		cmocka_unit_test(child_is_no_louder_than_it_may_be),
		cmocka_unit_test(line_is_cut_at_its_maximum),
		cmocka_unit_test(budget_lets_a_burst_through_and_then_a_trickle),
		cmocka_unit_test(tick_tells_what_is_still_held_back),
		cmocka_unit_test(line_is_never_taken_for_a_beat),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
