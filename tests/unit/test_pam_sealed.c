/*
 * The sealed path of pam_lockbox: one login of the emergency account while the
 * daemon can grant nothing, and none when anything is not as it must be.
 *
 * The module's files and the seal's are compiled into this one.  The seal is a
 * real one, in a directory of the test's own that counts as root's; the daemon,
 * the clock and the kernel's log are the test's, and every call can fail.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "client.h"
#include "err.h"
#include "name.h"
#include "proto.h"

#define BOOT "11111111-2222-3333-4444-555555555555"
#define OTHER_BOOT "99999999-2222-3333-4444-555555555555"

static char seal_dir[64], option[80], whole[96], broken[96];

/* The host around the module. */
static struct {
	const char *user, *service, *boot;
	uint32_t uid;
	int open_err;	 /* of reaching the daemon */
	int receive_err; /* of its answer */
	bool more;	 /* follows on its answer */
	uint16_t answer; /* its type */
	uint8_t verdict;
	uint64_t boot_s;
} world;

/* What is to go wrong, and what has happened. */
static struct {
	int count, fail_at;
	bool failed, harmless; /* harmless: the call that failed decides nothing */
	int open_fds;
	unsigned asked, told; /* questions, and alarms, that reached the daemon */
	unsigned timeout_ms;  /* of the last */
	int loudest;	      /* priority in the log */
	char shown[LB_REASON_MAX + 64], log[2048], kernel[1024];
} seen;

static bool
fails(bool harmless)
{
	if (++seen.count != seen.fail_at)
		return false;
	seen.failed = true;
	seen.harmless = harmless;
	errno = EMFILE;
	return true;
}

static int
opened(int fd)
{
	seen.open_fds += fd >= 0;
	return fd;
}

static int
t_open(const char *path, int flags)
{
	assert_true((flags & O_CLOEXEC) != 0);
	if (strcmp(path, "/dev/kmsg") == 0) {
		assert_true((flags & (O_NONBLOCK | O_NOCTTY)) == (O_NONBLOCK | O_NOCTTY));
		return fails(true) ? -1 : opened(open("/dev/null", O_WRONLY | O_CLOEXEC));
	}
	return fails(false) ? -1 : opened(open(path, flags));
}

static int
t_openat(int at, const char *name, int flags)
{
	return fails(false) ? -1 : opened(openat(at, name, flags));
}

static int
t_close(int fd)
{
	seen.open_fds--;
	return close(fd);
}

/* Whoever runs the tests is root here; anybody else is somebody else. */
static int
t_fstat(int fd, struct stat *st)
{
	if (fails(false) || fstat(fd, st) != 0)
		return -1;
	st->st_uid = st->st_uid == geteuid() ? 0 : 1;
	return 0;
}

static ssize_t
t_read(int fd, char *to, size_t size)
{
	(void)fd;
	if (fails(false))
		return -1;
	return snprintf(to, size, "%s\n", world.boot);
}

static int
t_clock_gettime(clockid_t clock, struct timespec *ts)
{
	assert_int_equal(clock, CLOCK_BOOTTIME);
	*ts = (struct timespec){.tv_sec = (time_t)world.boot_s};
	return fails(false) ? -1 : 0;
}

static ssize_t
t_write(int fd, const char *text, size_t size)
{
	(void)fd;
	if (fails(true))
		return -1;
	snprintf(seen.kernel, sizeof seen.kernel, "%.*s", (int)size, text);
	return (ssize_t)size;
}

#define seal_call(name, ...) (fails(false) ? -1 : name(__VA_ARGS__))

/* The daemon. */
static int
t_client_open(struct lb_client *c, const char *path, unsigned timeout_ms)
{
	assert_string_equal(path, LB_PAM_SOCKET);
	c->fd = -1;
	seen.timeout_ms = timeout_ms;
	return world.open_err;
}

static int
t_client_send(struct lb_client *c, uint16_t type, const void *msg)
{
	const struct lb_msg_login *m = msg;

	(void)c;
	assert_string_equal(m->user, LB_SEALED_NAME);
	assert_int_equal(m->uid, world.uid);
	seen.asked += type == LB_MSG_PAM_ACCOUNT;
	seen.told += type == LB_MSG_PAM_EXEMPT;
	return LB_OK;
}

static int
t_client_receive(struct lb_client *c, uint16_t *type, union lb_msg *msg)
{
	(void)c;
	*type = world.answer;
	msg->verdict = (struct lb_msg_verdict){.verdict = world.verdict, .text = "its words"};
	return world.receive_err;
}

static ssize_t
t_recv(int fd, void *to, size_t size, int flags)
{
	(void)fd, (void)to, (void)size, (void)flags;
	return world.more ? 1 : -1;
}

/* libpam itself. */
int
pam_get_item(const pam_handle_t *pamh, int type, const void **item)
{
	(void)pamh;
	*item = type == PAM_USER      ? world.user
		: type == PAM_SERVICE ? world.service
		: type == PAM_TTY     ? "tty1"
		: type == PAM_RHOST   ? "192.0.2.7"
				      : NULL;
	return PAM_SUCCESS;
}

int
pam_prompt(pam_handle_t *pamh, int style, char **response, const char *format, ...)
{
	va_list args;

	(void)pamh, (void)style, (void)response;
	va_start(args, format);
	vsnprintf(seen.shown, sizeof seen.shown, format, args);
	va_end(args);
	return PAM_SUCCESS;
}

void
pam_syslog(const pam_handle_t *pamh, int priority, const char *format, ...)
{
	size_t used = strlen(seen.log);
	va_list args;

	(void)pamh;
	if (priority < seen.loudest)
		seen.loudest = priority;
	va_start(args, format);
	vsnprintf(seen.log + used, sizeof seen.log - used, format, args);
	va_end(args);
}

static int
t_getpwnam_r(const char *name, struct passwd *entry, char *buf, size_t size, struct passwd **found)
{
	(void)name, (void)buf, (void)size;
	entry->pw_uid = world.uid;
	*found = entry;
	return 0;
}

/* The seal is linked as well; this is a second one, with the calls replaced. */
#define lb_seal_read t_seal_read
#define lb_seal_serves t_seal_serves
#define lb_seal_break t_seal_break
#define lb_seal_in_use t_seal_in_use
#define lb_seal_left t_seal_left
#define lb_client_open t_client_open
#define lb_client_send t_client_send
#define lb_client_receive t_client_receive
#define getpwnam_r(name, entry, buf, size, found) t_getpwnam_r(name, entry, buf, size, found)
#define recv(fd, to, size, flags) t_recv(fd, to, size, flags)

#define refuse conf_refuse /* static in several of the files */
#define open_dir conf_open_dir
#include "../../pam_lockbox/conf.c"
#undef refuse
#undef open_dir
#include "../../pam_lockbox/opts.c"
#include "../../pam_lockbox/subject.c"
#include "../../pam_lockbox/prompt.c"
#include "../../pam_lockbox/exchange.c"
#include "../../pam_lockbox/gate.c"
#include "../../pam_lockbox/call.c"

#define open(path, flags) t_open(path, flags)
#define openat(at, name, flags) t_openat(at, name, flags)
#define close(fd) t_close(fd)
#define fstat(fd, st) t_fstat(fd, st)
#define read(fd, to, size) t_read(fd, to, size)
#define write(fd, text, size) t_write(fd, text, size)
#define clock_gettime(clock, ts) t_clock_gettime(clock, ts)
#define pread(...) seal_call(pread, __VA_ARGS__)
#define pwrite(...) seal_call(pwrite, __VA_ARGS__)
#define flock(...) seal_call(flock, __VA_ARGS__)
#define fsync(...) seal_call(fsync, __VA_ARGS__)
#define fstatat(...) seal_call(fstatat, __VA_ARGS__)
#define renameat2(...) seal_call(renameat2, __VA_ARGS__)
#define fchmod(...) (fails(true) ? -1 : fchmod(__VA_ARGS__))
#include "../../common/seal.c"
#include "../../pam_lockbox/sealed.c"
#undef open
#undef openat
#undef close
#undef fstat
#undef read
#undef write
#undef clock_gettime
#undef pread
#undef pwrite
#undef flock
#undef fsync
#undef fstatat
#undef renameat2
#undef fchmod

#include "../../pam_lockbox/pam_lockbox.c"

typedef int entry_point(pam_handle_t *, int, int, const char **);

static const char no_seal[] = "Lockbox: there is no seal to break, or it was broken before";
static const char damaged[] = "Lockbox: the seal of this host is damaged";
static const char wrong_service[] = "Lockbox: the emergency account may not use this service";
static const char over[] = "Lockbox: the emergency account is sealed, or its time is over";
static const char cannot[] = "Lockbox: the seal cannot be broken, so nobody is let in";
static const char daemon_runs[] = "Lockbox: the access daemon runs, so the emergency account stays "
				  "sealed: ask through Lockbox (ssh lockbox@HOST)";

static void
write_seal(const char *state)
{
	char text[LB_SEAL_SIZE + 1], head[LB_SEAL_SIZE];
	int fd = open(whole, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	snprintf(head, sizeof head,
		 "%sid 0123456789abcdef01234567\nsealed 2026-11-22T10:00:00Z for login,sshd\n"
		 "broken %s",
		 FIRST, state);
	memset(text, ' ', LB_SEAL_SIZE);
	memcpy(text, head, strlen(head));
	memcpy(text + LB_SEAL_SIZE - 5, "\nend\n", 5);
	assert_int_equal(write(fd, text, LB_SEAL_SIZE), LB_SEAL_SIZE);
	close(fd);
}

/* A whole seal, nobody has used it, and the daemon is dead. */
static void
fresh_world(void)
{
	unlink(broken);
	write_seal("");
	memset(&world, 0, sizeof world);
	world.user = LB_SEALED_NAME;
	world.uid = 991;
	world.service = "login";
	world.boot = BOOT;
	world.boot_s = 100000;
	world.open_err = LB_ERR_UNREACHABLE;
	world.answer = LB_MSG_VERDICT;
	world.verdict = LB_VERDICT_DENY;
}

static int
setup(void **state)
{
	(void)state;
	strcpy(seal_dir, "/tmp/lb-sealed-XXXXXX");
	if (mkdtemp(seal_dir) == NULL)
		return -1;
	snprintf(option, sizeof option, "seal=%s", seal_dir);
	snprintf(whole, sizeof whole, "%s/%s", seal_dir, LB_SEAL_WHOLE);
	snprintf(broken, sizeof broken, "%s/%s", seal_dir, LB_SEAL_BROKEN);
	fresh_world();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(whole);
	unlink(broken);
	rmdir(seal_dir);
	return 0;
}

static int
call_failing(entry_point *entry, int fail_at)
{
	static int handle;
	const char *words[] = {option};
	int code;

	memset(&seen, 0, sizeof seen);
	seen.fail_at = fail_at;
	seen.loudest = LOG_DEBUG;
	code = entry((pam_handle_t *)(void *)&handle, 0, 1, words);
	assert_int_equal(seen.open_fds, 0);
	return code;
}

static bool
is_whole(void)
{
	return access(whole, F_OK) == 0 && access(broken, F_OK) != 0;
}

static bool
is_broken(void)
{
	return access(whole, F_OK) != 0 && access(broken, F_OK) == 0;
}

static void
let_in_at(entry_point *entry, int line)
{
	int code = call_failing(entry, 0);

	if (code != PAM_IGNORE) /* the rest of the stack has checked the password */
		fail_msg("line %d: %d: %s", line, code, seen.shown);
	assert_true(is_broken());
}
#define let_in(entry) let_in_at(entry, __LINE__)

static void
refused_at(entry_point *entry, const char *shown, int line)
{
	int code = call_failing(entry, 0);

	if (code != PAM_PERM_DENIED || strcmp(seen.shown, shown) != 0)
		fail_msg("line %d: %d: %s", line, code, seen.shown);
	assert_int_equal(seen.told, 0);
	assert_null(strstr(seen.log, "ALARM"));
	assert_string_equal(seen.kernel, "");
}
#define refused(entry, shown) refused_at(entry, shown, __LINE__)

static void
without_the_daemon_one_login_breaks_the_seal_and_everybody_hears_of_it(void **state)
{
	char text[LB_SEAL_SIZE + 1] = "";
	int fd;

	(void)state;
	refused(pam_sm_open_session, over);
	let_in(pam_sm_acct_mgmt);
	assert_int_equal(seen.loudest, LOG_EMERG);
	assert_non_null(strstr(seen.log, "ALARM: the seal of this host was broken"));
	assert_non_null(strstr(seen.log, "user=" LB_SEALED_NAME));
	assert_non_null(strstr(seen.log, "reason=\"login\""));
	assert_memory_equal(seen.kernel, "<1>lockbox: ALARM: ", 19);
	assert_int_equal(seen.kernel[strlen(seen.kernel) - 1], '\n');
	fd = open(broken, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, text, LB_SEAL_SIZE), LB_SEAL_SIZE);
	close(fd);
	for (char *end = text; (end = strchr(end, '\n')) != NULL;)
		*end = ' ';
	assert_non_null(strstr(text, " boot " BOOT " at 100000 by login from tty1 192.0.2.7 "));
	let_in(pam_sm_open_session);
	refused(pam_sm_acct_mgmt, no_seal);
	refused(pam_sm_acct_mgmt, no_seal);
	let_in(pam_sm_open_session); /* the first one's still */
}

static void
a_daemon_that_gives_no_answer_is_none_but_what_fails_here_says_nothing_of_it(void **state)
{
	static const char unknown[] = "Lockbox: whether the access daemon runs cannot be told";

	(void)state;
	for (int err = LB_ERR_NOMEM; err >= LB_ERR_INTERNAL; err--)
		for (int at = 0; at < 2; at++) {
			fresh_world();
			world.open_err = at == 0 ? err : LB_OK;
			world.receive_err = at == 0 ? LB_OK : err;
			if (err == LB_ERR_NOMEM || err == LB_ERR_SYSTEM) {
				refused(pam_sm_acct_mgmt, unknown);
				assert_true(is_whole());
			} else {
				let_in(pam_sm_acct_mgmt);
			}
		}
}

static void
a_daemon_that_answers_keeps_the_seal_whole_unless_it_can_grant_nothing(void **state)
{
	(void)state;
	world.open_err = LB_OK;
	refused(pam_sm_acct_mgmt, daemon_runs);
	assert_int_equal(seen.asked, 1);
	assert_true(is_whole());
	world.verdict = LB_VERDICT_ALLOW;
	let_in(pam_sm_acct_mgmt);
	assert_int_equal(seen.asked, 1);
	assert_int_equal(seen.told, 1);
	/* Whether it has heard of the alarm changes nothing, and is not waited for long. */
	assert_true(seen.timeout_ms <= 300);
	/* An answer that is none. */
	for (int verdict = 0; verdict < 256; verdict++) {
		fresh_world();
		world.open_err = LB_OK;
		world.verdict = (uint8_t)verdict;
		if (verdict == LB_VERDICT_DENY)
			refused(pam_sm_acct_mgmt, daemon_runs);
		else
			let_in(pam_sm_acct_mgmt);
	}
	fresh_world();
	world.open_err = LB_OK;
	world.answer = LB_MSG_DONE;
	let_in(pam_sm_acct_mgmt);
	fresh_world();
	world.open_err = LB_OK;
	world.more = true;
	let_in(pam_sm_acct_mgmt);
}

static void
another_service_or_account_breaks_nothing(void **state)
{
	static const char *const others[] = {"su", "su-l", "cron", "login,sshd", "ssh", "sudo-x"};

	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		world.service = others[i];
		refused(pam_sm_acct_mgmt, wrong_service);
		assert_int_equal(seen.asked, 0);
		assert_true(is_whole());
	}
	world.service = "login";
	world.uid = 0;
	refused(pam_sm_acct_mgmt, "Lockbox: the emergency account must not have user id 0");
	assert_true(is_whole());
	world.uid = 991;
	world.user = "bob"; /* goes the ordinary way */
	assert_int_not_equal(call_failing(pam_sm_acct_mgmt, 0), PAM_IGNORE);
	assert_true(is_whole());
	world.user = LB_SEALED_NAME;
	world.service = "sshd";
	let_in(pam_sm_acct_mgmt);
	let_in(pam_sm_open_session);
	world.service = "su";
	refused(pam_sm_open_session, wrong_service);
}

static void
a_seal_that_is_not_whole_lets_nobody_in(void **state)
{
	(void)state;
	assert_int_equal(truncate(whole, LB_SEAL_SIZE - 1), 0);
	refused(pam_sm_acct_mgmt, damaged);
	write_seal("2026-11-22T11:00:00Z boot " BOOT " at 4711 by login from tty1 - ");
	refused(pam_sm_acct_mgmt, damaged); /* one that was used and put back */
	write_seal("x");
	refused(pam_sm_acct_mgmt, damaged);
	write_seal("");
	assert_int_equal(chmod(whole, 0622), 0);
	refused(pam_sm_acct_mgmt, damaged);
	assert_int_equal(chmod(whole, 0600), 0);
	assert_int_equal(chmod(seal_dir, 0777), 0);
	refused(pam_sm_acct_mgmt, damaged);
	assert_int_equal(chmod(seal_dir, 0700), 0);
	assert_true(is_whole());
	let_in(pam_sm_acct_mgmt);
	unlink(broken);
	refused(pam_sm_acct_mgmt, no_seal);
}

static void
who_cannot_break_it_is_not_let_in(void **state)
{
	char kept[112];
	int fd;

	(void)state;
	/* Somebody else is at it. */
	fd = open(whole, O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	refused(pam_sm_acct_mgmt, "Lockbox: somebody else has broken the seal at this moment");
	close(fd);
	/* An earlier one lies in the way. */
	let_in(pam_sm_acct_mgmt);
	write_seal("");
	refused(pam_sm_acct_mgmt, cannot);
	snprintf(kept, sizeof kept, "%s-1", broken);
	assert_int_equal(rename(broken, kept), 0);
	write_seal("");
	let_in(pam_sm_acct_mgmt);
	unlink(kept);
}

static void
sudo_goes_on_for_a_while_in_that_boot(void **state)
{
	static const char *const ways[] = {"sudo", "sudo-i"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		fresh_world();
		world.service = ways[i];
		refused(pam_sm_acct_mgmt, over);
		assert_true(is_whole());
		world.service = "sshd";
		let_in(pam_sm_acct_mgmt);
		world.service = ways[i];
		world.open_err = LB_OK; /* the daemon is back: what was begun can be finished */
		let_in(pam_sm_acct_mgmt);
		assert_int_equal(seen.asked + seen.told, 0);
		world.boot_s += LB_SEAL_USE_S - 1;
		let_in(pam_sm_acct_mgmt);
		world.boot_s++;
		refused(pam_sm_acct_mgmt, over);
		world.boot_s = 99999;
		refused(pam_sm_acct_mgmt, over);
		world.boot_s = 100000;
		world.boot = OTHER_BOOT;
		refused(pam_sm_acct_mgmt, over);
		world.service = "sshd";
		refused(pam_sm_open_session, over);
		world.boot = BOOT;
		let_in(pam_sm_open_session);
		world.uid = 0;
		world.service = ways[i];
		refused(pam_sm_acct_mgmt, "Lockbox: the emergency account must not have user id 0");
	}
}

static void
each_failed_call_is_a_denial_or_decides_nothing(void **state)
{
	int n;

	(void)state;
	for (n = 1;; n++) {
		int code;

		fresh_world();
		code = call_failing(pam_sm_acct_mgmt, n);
		if (!seen.failed)
			break;
		assert_int_equal(code, seen.harmless ? PAM_IGNORE : PAM_PERM_DENIED);
		assert_true(code == PAM_PERM_DENIED || is_broken());
		assert_int_equal(strstr(seen.log, "ALARM") != NULL, seen.harmless);
	}
	assert_true(n > 20);
	fresh_world();
	let_in(pam_sm_acct_mgmt);
	for (int i = 0; i < 2; i++) {
		entry_point *entry = i == 0 ? pam_sm_acct_mgmt : pam_sm_open_session;

		world.service = i == 0 ? "sudo" : "login";
		let_in(entry);
		for (n = 1;; n++) {
			int code = call_failing(entry, n);

			if (!seen.failed)
				break;
			assert_int_equal(code, PAM_PERM_DENIED);
		}
		assert_true(n > 6);
	}
}

#define sealed_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		sealed_test(without_the_daemon_one_login_breaks_the_seal_and_everybody_hears_of_it),
		sealed_test(
			a_daemon_that_gives_no_answer_is_none_but_what_fails_here_says_nothing_of_it),
		sealed_test(a_daemon_that_answers_keeps_the_seal_whole_unless_it_can_grant_nothing),
		sealed_test(another_service_or_account_breaks_nothing),
		sealed_test(a_seal_that_is_not_whole_lets_nobody_in),
		sealed_test(who_cannot_break_it_is_not_let_in),
		sealed_test(sudo_goes_on_for_a_while_in_that_boot),
		sealed_test(each_failed_call_is_a_denial_or_decides_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
