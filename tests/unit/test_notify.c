/* What the service manager hears: see lockboxd/warden/notify.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "warden/notify.h"

static int
listen_at(const char *name, size_t len)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(sun.sun_path, name, len);
	assert_int_equal(bind(fd, (const struct sockaddr *)&sun,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
			 0);
	return fd;
}

static void
hears(int fd, const char *want)
{
	char got[2048];
	ssize_t n = recv(fd, got, sizeof got - 1, 0);

	if (want == NULL) {
		assert_true(n < 0);
		return;
	}
	assert_true(n >= 0);
	got[n] = '\0';
	assert_string_equal(got, want);
}

static void
set(const char *socket_name, const char *usec, const char *pid)
{
	const char *names[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"};
	const char *values[] = {socket_name, usec, pid};

	for (int i = 0; i < 3; i++)
		if (values[i] != NULL)
			setenv(names[i], values[i], 1);
		else
			unsetenv(names[i]);
	lb_notify_open();
}

static void
manager_is_told_at_a_path_and_at_an_abstract_name(void **state)
{
	char dir[] = "/tmp/lockbox-notify-XXXXXX", path[64], name[64];
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/s", dir);
	fd = listen_at(path, strlen(path));
	set(path, NULL, NULL);
	assert_int_equal(lb_notify("READY=1\nSTATUS=%d accounts", 3), 0);
	hears(fd, "READY=1\nSTATUS=3 accounts");
	close(fd);
	/* A manager that is gone is no failure. */
	assert_int_equal(lb_notify("WATCHDOG=1"), 0);
	unlink(path);
	rmdir(dir);

	snprintf(name, sizeof name, "@lockbox-test-%d", (int)getpid());
	name[0] = '\0';
	fd = listen_at(name, 1 + strlen(name + 1));
	name[0] = '@';
	set(name, NULL, NULL);
	assert_int_equal(lb_notify("STOPPING=1"), 0);
	hears(fd, "STOPPING=1");
	close(fd);
}

static void
manager_without_room_is_told_again_by_the_caller(void **state)
{
	char name[64];
	int fd, sent = 0;

	(void)state;
	snprintf(name, sizeof name, "@lockbox-room-%d", (int)getpid());
	name[0] = '\0';
	fd = listen_at(name, 1 + strlen(name + 1));
	name[0] = '@';
	set(name, NULL, NULL);
	while (lb_notify("WATCHDOG=1") == 0 && sent < 100000)
		sent++;
	assert_true(sent > 0 && sent < 100000);
	hears(fd, "WATCHDOG=1");
	assert_int_equal(lb_notify("READY=1"), 0);
	close(fd);
}

static void
without_a_manager_nothing_is_done(void **state)
{
	char long_name[200];

	(void)state;
	memset(long_name, 'a', sizeof long_name - 1);
	long_name[0] = '/';
	long_name[sizeof long_name - 1] = '\0';
	const char *const bad[] = {NULL, "", "/", "@", "relative", "vsock:2:1234", long_name};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		set(bad[i], "1000000", NULL);
		assert_int_equal(lb_notify("READY=1"), 0);
		assert_true(lb_notify_watchdog_ns() == 0);
	}
}

static void
watchdog_is_only_for_the_process_it_names(void **state)
{
	char me[16];

	(void)state;
	snprintf(me, sizeof me, "%d", (int)getpid());
	set("@nobody", "30000000", me);
	assert_true(lb_notify_watchdog_ns() == 30000000000ll);
	set("@nobody", "30000000", NULL);
	assert_true(lb_notify_watchdog_ns() == 30000000000ll);
	set("@nobody", "30000000", "1");
	assert_true(lb_notify_watchdog_ns() == 0);
	set("@nobody", "30000000", "x");
	assert_true(lb_notify_watchdog_ns() == 0);
	set("@nobody", NULL, me);
	assert_true(lb_notify_watchdog_ns() == 0);
	static const char *const odd[] = {
		"", "0", "-5", " 5", "5s", "99999999999999999999", "9223372036854775807"};
	for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
		set("@nobody", odd[i], me);
		assert_true(lb_notify_watchdog_ns() == 0);
	}
}

static void
text_that_is_too_long_is_not_sent_in_part(void **state)
{
	char name[64], text[LB_NOTIFY_MAX + 10];
	int fd;

	(void)state;
	snprintf(name, sizeof name, "@lockbox-long-%d", (int)getpid());
	name[0] = '\0';
	fd = listen_at(name, 1 + strlen(name + 1));
	name[0] = '@';
	set(name, NULL, NULL);
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	assert_int_equal(lb_notify("STATUS=%s", text), 0);
	hears(fd, NULL);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(manager_is_told_at_a_path_and_at_an_abstract_name),
		cmocka_unit_test(manager_without_room_is_told_again_by_the_caller),
		cmocka_unit_test(without_a_manager_nothing_is_done),
		cmocka_unit_test(watchdog_is_only_for_the_process_it_names),
		cmocka_unit_test(text_that_is_too_long_is_not_sent_in_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
