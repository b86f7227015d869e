/*
 * pam_lockbox with every call it makes failing in turn.
 *
 * The module's files are compiled into this one with the C library's calls
 * replaced, so each failure comes at an exact place, and no root is needed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "err.h"
#include "proto.h"

#define TEMP "lb-alice-1"
#define TEMP_UID 1900010001u
#define PASSWORD "the-one-time-password"

enum { FD_DIR = 101, FD_CONF, FD_LOGINUID, FD_SOCKET };

/* The process and the host around the module. */
static struct {
	const char *user, *service, *ruser, *typed, *conf;
	uint32_t uid, entry_size, login_uid, real_uid;
	uint8_t verdict;
	const char *rhost;
	mode_t dir_mode, conf_mode; /* 0: as it should be */
	uid_t conf_uid;
	int open_errno; /* of pam.conf */
	bool gone;	/* the host knows no such user */
} world;

/* What is to go wrong, and what has happened. */
static struct {
	int count, fail_at, interrupt_at, hang_up_at;
	int expected;	       /* the PAM code that the failed call must lead to */
	bool failed, harmless; /* harmless: the call that failed decides nothing */
	int open_fds, blocks;
	size_t conf_read, loginuid_read, answer_read, answer_len;
	uint8_t answer[LB_HEADER_SIZE + LB_PAYLOAD_MAX];
	void *secret; /* where the conversation put the password */
	char shown[4 * LB_REASON_MAX + 64];
	char taken[16]; /* the login uid that was written */
	unsigned asked; /* questions that the daemon got */
	char log[4096];
} now;

/* True when this call is the one to fail; code is what the module must make of it. */
static bool
fails(int code)
{
	if (++now.count != now.fail_at)
		return false;
	now.failed = true;
	now.expected = code;
	errno = EIO;
	return true;
}

static bool
interrupted(void)
{
	if (now.count != now.interrupt_at)
		return false;
	now.interrupt_at = 0;
	now.failed = true;
	errno = EINTR;
	return true;
}

static void *
t_malloc(size_t size)
{
	if (fails(PAM_BUF_ERR))
		return NULL;
	now.blocks++;
	return malloc(size);
}

static void
t_free(void *p)
{
	if (p == NULL)
		return;
	if (p == now.secret) {
		for (size_t i = 0; i < strlen(world.typed); i++)
			assert_int_equal(((const char *)p)[i], 0);
	}
	now.blocks--;
	free(p);
}

static int
opened(int fd)
{
	now.open_fds++;
	return fd;
}

static int
t_open(const char *path, int flags)
{
	assert_true((flags & O_CLOEXEC) != 0);
	if (strcmp(path, "/proc/self/loginuid") == 0)
		return fails(PAM_PERM_DENIED) ? -1 : opened(FD_LOGINUID);
	assert_string_equal(path, "/etc/lockbox");
	assert_true((flags & O_NOFOLLOW) != 0);
	return fails(PAM_SYSTEM_ERR) ? -1 : opened(FD_DIR);
}

static int
t_openat(int dir, const char *name, int flags)
{
	assert_int_equal(dir, FD_DIR);
	assert_string_equal(name, "pam.conf");
	assert_int_equal(flags & (O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK),
			 O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fails(PAM_SYSTEM_ERR))
		return -1;
	if (world.open_errno != 0) {
		errno = world.open_errno;
		return -1;
	}
	if (world.conf == NULL) {
		errno = ENOENT;
		return -1;
	}
	return opened(FD_CONF);
}

static int
t_fstat(int fd, struct stat *st)
{
	memset(st, 0, sizeof *st);
	st->st_mode = fd == FD_DIR ? S_IFDIR | 0755 : S_IFREG | 0644;
	if (fd == FD_DIR && world.dir_mode != 0)
		st->st_mode = world.dir_mode;
	if (fd == FD_CONF && world.conf_mode != 0)
		st->st_mode = world.conf_mode;
	if (fd == FD_CONF)
		st->st_uid = world.conf_uid;
	return fails(PAM_SYSTEM_ERR) ? -1 : 0;
}

/* One byte at a time, so that every loop goes round. */
static ssize_t
give(const void *from, size_t size, size_t *at, void *to)
{
	if (*at == size)
		return 0;
	memcpy(to, (const char *)from + (*at)++, 1);
	return 1;
}

static ssize_t
t_read(int fd, void *to, size_t size)
{
	char text[16];

	assert_true(size > 0);
	if (fails(fd == FD_LOGINUID ? PAM_PERM_DENIED : PAM_SYSTEM_ERR) || interrupted())
		return -1;
	if (fd == FD_CONF)
		return give(world.conf, strlen(world.conf), &now.conf_read, to);
	assert_int_equal(fd, FD_LOGINUID);
	snprintf(text, sizeof text, "%u", world.login_uid);
	memcpy(to, text, strlen(text));
	return (ssize_t)strlen(text);
}

static ssize_t
t_write(int fd, const void *from, size_t size)
{
	assert_int_equal(fd, FD_LOGINUID);
	assert_true(size < sizeof now.taken);
	if (fails(PAM_USER_UNKNOWN) || interrupted())
		return -1;
	memcpy(now.taken, from, size);
	return (ssize_t)size;
}

static int
t_close(int fd)
{
	assert_true(fd >= FD_DIR && fd <= FD_SOCKET);
	now.open_fds--;
	return 0;
}

static uid_t
t_getuid(void)
{
	return world.real_uid;
}

static int
t_getpwnam_r(const char *name, struct passwd *entry, char *buf, size_t size, struct passwd **found)
{
	bool of_ruser = world.ruser != NULL && strcmp(name, world.ruser) == 0;

	*found = NULL;
	if (fails(of_ruser ? PAM_SUCCESS : PAM_SYSTEM_ERR)) {
		now.harmless = of_ruser;
		return EIO;
	}
	if (interrupted())
		return EINTR;
	memset(buf, 0, size);
	if (size < world.entry_size)
		return ERANGE;
	if (world.gone)
		return 0;
	if (strcmp(name, world.user) == 0)
		entry->pw_uid = world.uid;
	else if (strcmp(name, "root") == 0)
		entry->pw_uid = 0;
	else
		return 0;
	*found = entry;
	return 0;
}

static int
t_socket(int domain, int type, int protocol)
{
	assert_int_equal(domain, AF_UNIX);
	assert_int_equal(type, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_int_equal(protocol, 0);
	return fails(PAM_SYSTEM_ERR) ? -1 : opened(FD_SOCKET);
}

static int
t_connect(int fd, const struct sockaddr *to, socklen_t len)
{
	(void)fd, (void)len;
	assert_string_equal(((const struct sockaddr_un *)(const void *)to)->sun_path,
			    LB_PAM_SOCKET);
	return fails(PAM_AUTHINFO_UNAVAIL) || interrupted() ? -1 : 0;
}

/* Whether the socket's calls wait: after a connect that was interrupted, and then no more. */
static int
t_setsockopt(int fd, int level, int option, const void *value, socklen_t len)
{
	(void)level, (void)value, (void)len;
	assert_int_equal(fd, FD_SOCKET);
	assert_int_equal(option, SO_SNDTIMEO);
	return fails(PAM_SYSTEM_ERR) ? -1 : 0;
}

static int
t_fcntl(int fd, int command, int value)
{
	assert_int_equal(fd, FD_SOCKET);
	assert_int_equal(command, F_SETFL);
	assert_true(value == 0 || value == O_NONBLOCK);
	return fails(PAM_SYSTEM_ERR) ? -1 : 0;
}

static int
t_getsockopt(int fd, int level, int option, void *value, socklen_t *len)
{
	struct ucred *cred = value;

	(void)fd, (void)level, (void)len;
	assert_int_equal(option, SO_PEERCRED);
	cred->uid = 0;
	return fails(PAM_SYSTEM_ERR) ? -1 : 0;
}

static int
t_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	(void)fds;
	assert_int_equal(count, 1);
	assert_true(timeout_ms > 0 && timeout_ms <= 1800);
	return fails(PAM_SYSTEM_ERR) || interrupted() ? -1 : 1;
}

static void
prepare_answer(void)
{
	struct lb_msg_verdict v = {.verdict = world.verdict, .text = "Lockbox: the daemon's words"};

	now.answer_read = 0;
	assert_int_equal(
		lb_proto_encode(LB_MSG_VERDICT, &v, now.answer, sizeof now.answer, &now.answer_len),
		LB_OK);
}

static ssize_t
t_send(int fd, const void *bytes, size_t size, int flags)
{
	(void)bytes;
	assert_int_equal(fd, FD_SOCKET);
	assert_true((flags & MSG_NOSIGNAL) != 0);
	if (fails(PAM_AUTHINFO_UNAVAIL) || interrupted())
		return -1;
	now.asked++;
	prepare_answer();
	return size > 7 ? 7 : (ssize_t)size; /* a part of it at a time */
}

static ssize_t
t_recv(int fd, void *to, size_t size, int flags)
{
	assert_int_equal(fd, FD_SOCKET);
	assert_true(size > 0);
	if (flags != 0) { /* a look at whether anything follows */
		errno = EAGAIN;
		return -1;
	}
	if (fails(PAM_AUTHINFO_UNAVAIL) || interrupted())
		return -1;
	if (now.count == now.hang_up_at) {
		now.failed = true;
		now.expected = PAM_AUTHINFO_UNAVAIL;
		return 0;
	}
	return give(now.answer, now.answer_len, &now.answer_read, to);
}

/* libpam itself. */
int
pam_get_item(const pam_handle_t *pamh, int type, const void **item)
{
	(void)pamh;
	*item = NULL;
	if (fails(type == PAM_RUSER ? PAM_SUCCESS : PAM_SYSTEM_ERR)) {
		now.harmless = type == PAM_RUSER;
		return PAM_BAD_ITEM;
	}
	if (type == PAM_USER)
		*item = world.user;
	else if (type == PAM_SERVICE)
		*item = world.service;
	else if (type == PAM_RUSER)
		*item = world.ruser;
	else if (type == PAM_RHOST)
		*item = world.rhost;
	return PAM_SUCCESS;
}

int
pam_prompt(pam_handle_t *pamh, int style, char **response, const char *format, ...)
{
	va_list args;

	(void)pamh;
	if (style != PAM_PROMPT_ECHO_OFF) {
		va_start(args, format);
		vsnprintf(now.shown, sizeof now.shown, format, args);
		va_end(args);
	}
	if (fails(PAM_CONV_ERR)) {
		now.harmless = style != PAM_PROMPT_ECHO_OFF;
		return PAM_CONV_ERR;
	}
	if (style != PAM_PROMPT_ECHO_OFF || world.typed == NULL)
		return PAM_SUCCESS;
	*response = malloc(strlen(world.typed) + 1);
	assert_non_null(*response);
	memcpy(*response, world.typed, strlen(world.typed) + 1);
	now.blocks++;
	now.secret = *response;
	return PAM_SUCCESS;
}

void
pam_syslog(const pam_handle_t *pamh, int priority, const char *format, ...)
{
	size_t used = strlen(now.log);
	va_list args;

	(void)pamh, (void)priority;
	va_start(args, format);
	vsnprintf(now.log + used, sizeof now.log - used, format, args);
	va_end(args);
}

#define malloc(size) t_malloc(size)
#define free(p) t_free(p)
#define open(path, flags) t_open(path, flags)
#define openat(dir, path, flags) t_openat(dir, path, flags)
#define fstat(fd, st) t_fstat(fd, st)
#define read(fd, to, size) t_read(fd, to, size)
#define write(fd, from, size) t_write(fd, from, size)
#define close(fd) t_close(fd)
#define getuid() t_getuid()
#define getpwnam_r(name, entry, buf, size, found) t_getpwnam_r(name, entry, buf, size, found)
#define socket(domain, type, protocol) t_socket(domain, type, protocol)
#define connect(fd, to, len) t_connect(fd, to, len)
#define setsockopt(fd, level, option, value, len) t_setsockopt(fd, level, option, value, len)
#define fcntl(fd, command, value) t_fcntl(fd, command, value)
#define getsockopt(fd, level, option, value, len) t_getsockopt(fd, level, option, value, len)
#define poll(fds, count, timeout_ms) t_poll(fds, count, timeout_ms)
#define send(fd, bytes, size, flags) t_send(fd, bytes, size, flags)
#define recv(fd, to, size, flags) t_recv(fd, to, size, flags)

/* Nothing is to be moved into a control group of the machine's; without one a session begins as well. */
static int
faulty_join(uint32_t uid)
{
	assert_int_equal(uid, world.uid);
	if (!fails(EIO))
		return LB_OK;
	now.harmless = true;
	return LB_ERR_SYSTEM;
}

#define lb_cgroup_join faulty_join

/* The client side is linked as well; this is a second one, with the calls replaced. */
#define lb_client_open faulty_open
#define lb_client_deadline faulty_deadline
#define lb_client_send faulty_send
#define lb_client_receive faulty_receive
#define lb_client_close faulty_close
#include "../../common/client.c"

#define refuse conf_refuse /* static in two of the files */
#include "../../pam_lockbox/conf.c"
#undef refuse
#include "../../pam_lockbox/opts.c"
#include "../../pam_lockbox/subject.c"
#include "../../pam_lockbox/prompt.c"
#include "../../pam_lockbox/exchange.c"
#include "../../pam_lockbox/gate.c"
#include "../../pam_lockbox/call.c"
#include "../../pam_lockbox/sealed.c"
#include "../../pam_lockbox/pam_lockbox.c"

typedef int entry_point(pam_handle_t *, int, int, const char **);

/* A call with nothing wrong in the world; each test changes what it is about. */
static void
fresh_world(void)
{
	memset(&world, 0, sizeof world);
	world.user = TEMP;
	world.uid = world.login_uid = TEMP_UID;
	world.service = "sshd";
	world.typed = PASSWORD;
	world.conf = "gate lockbox\nexempt login root\nroot-caller su\n";
	world.verdict = LB_VERDICT_ALLOW;
}

static int
call_it(entry_point *entry, int fail_at, int interrupt_at, int hang_up_at)
{
	static int handle;
	int code;

	memset(&now, 0, sizeof now);
	now.fail_at = fail_at;
	now.interrupt_at = interrupt_at;
	now.hang_up_at = hang_up_at;
	code = entry((pam_handle_t *)(void *)&handle, 0, 0, NULL);
	assert_int_equal(now.open_fds, 0);
	assert_int_equal(now.blocks, 0);
	assert_null(strstr(now.log, PASSWORD));
	return code;
}

/* Every call of an allowed one fails once, and each time it is a denial with the right code. */
static void
torture_allowed(entry_point *entry)
{
	int n;

	assert_int_equal(call_it(entry, 0, 0, 0), PAM_SUCCESS);
	for (n = 1;; n++) {
		int code = call_it(entry, n, 0, 0);

		if (!now.failed)
			break;
		assert_int_equal(code, now.harmless ? PAM_SUCCESS : now.expected);
	}
	assert_true(n > 10);
	for (int i = 1; i < n; i++) {
		assert_int_equal(call_it(entry, 0, i, 0), PAM_SUCCESS);
		if (call_it(entry, 0, 0, i) != PAM_SUCCESS)
			assert_int_equal(now.expected, PAM_AUTHINFO_UNAVAIL);
		else
			assert_false(now.failed);
	}
}

/* A denied one: whatever fails, it stays a denial. */
static void
torture_denied(entry_point *entry, int denied)
{
	assert_int_equal(call_it(entry, 0, 0, 0), denied);
	for (int n = 1;; n++) {
		int code = call_it(entry, n, 0, 0);

		if (!now.failed)
			break;
		assert_int_not_equal(code, PAM_SUCCESS);
		assert_int_not_equal(code, PAM_IGNORE);
	}
}

static entry_point *const gated[] = {pam_sm_authenticate, pam_sm_acct_mgmt, pam_sm_open_session};
static const int denials[] = {PAM_AUTH_ERR, PAM_PERM_DENIED, PAM_PERM_DENIED};

static void
each_failed_call_is_a_denial(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		fresh_world();
		torture_allowed(gated[i]);
	}
}

static void
each_failed_call_is_a_denial_for_an_account_entry_of_60_kib(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		fresh_world();
		world.entry_size = 60000;
		torture_allowed(gated[i]);
	}
}

static void
no_failed_call_turns_a_denial_into_anything_else(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		for (unsigned verdict = 0; verdict < 256; verdict++) {
			int due = verdict == LB_VERDICT_DENY ? denials[i] : PAM_AUTHINFO_UNAVAIL;

			if (verdict == LB_VERDICT_ALLOW)
				continue;
			fresh_world();
			world.verdict = (uint8_t)verdict;
			torture_denied(gated[i], due);
		}
	}
}

static void
no_failed_call_lets_a_person_past(void **state)
{
	(void)state;
	fresh_world();
	world.user = "bob";
	world.uid = 1005;
	world.verdict = LB_VERDICT_DENY;
	torture_denied(pam_sm_acct_mgmt, PAM_PERM_DENIED);
	world.conf = NULL;
	torture_denied(pam_sm_acct_mgmt, PAM_PERM_DENIED);
	world.service = "su";
	world.ruser = "bob";
	world.conf = "root-caller su\n";
	torture_denied(pam_sm_acct_mgmt, PAM_PERM_DENIED);
	world.conf = "nonsense\n";
	torture_denied(pam_sm_acct_mgmt, PAM_SERVICE_ERR);
}

static void
an_entry_over_a_mebibyte_is_a_denial(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		fresh_world();
		world.entry_size = 4u << 20;
		assert_int_equal(call_it(gated[i], 0, 0, 0), PAM_SYSTEM_ERR);
	}
}

/* An alarm that cannot be reported is still an exemption, and never a success. */
static void
a_failed_call_never_turns_an_exemption_into_success(void **state)
{
	(void)state;
	fresh_world();
	world.user = "root";
	world.uid = 0;
	world.service = "login";
	world.verdict = LB_VERDICT_DENY;
	assert_int_equal(call_it(pam_sm_acct_mgmt, 0, 0, 0), PAM_IGNORE);
	assert_non_null(strstr(now.log, "ALARM"));
	for (int n = 1;; n++) {
		int code = call_it(pam_sm_acct_mgmt, n, 0, 0);

		if (!now.failed)
			break;
		assert_int_not_equal(code, PAM_SUCCESS);
		if (code == PAM_IGNORE)
			assert_non_null(strstr(now.log, "ALARM"));
	}
}

static void
a_close_never_fails_whatever_does(void **state)
{
	(void)state;
	fresh_world();
	for (int n = 0; n == 0 || now.failed; n++) {
		int code = call_it(pam_sm_close_session, n, 0, 0);

		assert_true(code == PAM_SUCCESS || code == PAM_IGNORE);
	}
}

/* The gate as a table: who, where, and whether root calls. */
static void
the_gate_is_its_table(void **state)
{
	static const struct {
		enum lb_pam_kind kind;
		const char *user;
		uint32_t uid;
		const char *service;
		bool root_calls;
		enum lb_pam_way way;
	} rows[] = {
		{LB_PAM_NOBODY, "x", 0, "cron", true, LB_PAM_UNKNOWN},
		{LB_PAM_GONE, TEMP, 0, "sshd", true, LB_PAM_UNKNOWN},
		{LB_PAM_ODD, "lockbox", TEMP_UID, "sshd", true, LB_PAM_REFUSE},
		{LB_PAM_TEMPORARY, TEMP, TEMP_UID, "sshd", true, LB_PAM_ASK},
		{LB_PAM_TEMPORARY, TEMP, TEMP_UID, "sudo", false, LB_PAM_ASK},
		{LB_PAM_TEMPORARY, TEMP, TEMP_UID, "sudo-i", false, LB_PAM_ASK},
		{LB_PAM_TEMPORARY, TEMP, TEMP_UID, "polkit-1", false, LB_PAM_ASK},
		{LB_PAM_TEMPORARY, TEMP, TEMP_UID, "su", true, LB_PAM_REFUSE},
		{LB_PAM_TEMPORARY, TEMP, TEMP_UID, "cron", true, LB_PAM_REFUSE},
		{LB_PAM_PERSON, "lockbox", 990, "sshd", true, LB_PAM_PASS},
		{LB_PAM_PERSON, "lockbox", 0, "sshd", true, LB_PAM_ASK},
		{LB_PAM_PERSON, "lockbox", 990, "login", true, LB_PAM_ASK},
		{LB_PAM_PERSON, "bob", 1005, "cron", false, LB_PAM_PASS},
		{LB_PAM_PERSON, "bob", 1005, "su", true, LB_PAM_PASS},
		{LB_PAM_PERSON, "bob", 1005, "su", false, LB_PAM_ASK},
		{LB_PAM_PERSON, "root", 0, "login", true, LB_PAM_ALARM},
		{LB_PAM_PERSON, "root", 1005, "login", true, LB_PAM_ASK},
		{LB_PAM_PERSON, "toor", 0, "login", true, LB_PAM_ASK},
		{LB_PAM_PERSON, "root", 0, "sshd", true, LB_PAM_ASK},
		{(enum lb_pam_kind)99, "root", 0, "login", true, LB_PAM_REFUSE},
	};
	char text[] = "gate lockbox\nsystem cron\nroot-caller su\nexempt login root\n";
	struct lb_pam_conf_fault fault;
	struct lb_pam_conf conf;

	(void)state;
	assert_int_equal(lb_pam_conf_parse(&conf, text, strlen(text), &fault), LB_OK);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct lb_pam_subject subject = {.kind = rows[i].kind, .uid = rows[i].uid};
		const struct lb_pam_rule *rule = NULL;

		snprintf(subject.user, sizeof subject.user, "%s", rows[i].user);
		assert_int_equal(
			lb_pam_gate(&conf, &subject, rows[i].service, rows[i].root_calls, &rule),
			rows[i].way);
		assert_int_equal(rule != NULL, rows[i].way == LB_PAM_ALARM);
	}
}

/* Every prefix and every single changed byte of a good file is read without harm. */
static void
a_torn_file_is_an_error_or_fewer_exemptions(void **state)
{
	static const char good[] = "gate lockbox\nsystem cron\nroot-caller su\nexempt login root\n";
	struct lb_pam_conf_fault fault;
	struct lb_pam_conf conf;
	char text[sizeof good];

	(void)state;
	for (size_t at = 0; at < sizeof good - 1; at++) {
		for (unsigned byte = 0; byte < 256; byte++) {
			memcpy(text, good, sizeof good);
			text[at] = (char)byte;
			if (lb_pam_conf_parse(&conf, text, sizeof good - 1, &fault) == LB_OK)
				assert_true(conf.count <= 5);
			else
				assert_true(conf.count == 0 && fault.line >= 1 && fault.line <= 5);
		}
		memcpy(text, good, sizeof good);
		text[at] = '\0';
		if (lb_pam_conf_parse(&conf, text, at, &fault) == LB_OK)
			assert_true(conf.count <= 5);
	}
}

/* -- who is refused without a question, and in which words ----------------------------- */

static int
call_with(entry_point *entry, int flags, const char *word)
{
	static int handle;
	int code;

	memset(&now, 0, sizeof now);
	code = entry((pam_handle_t *)(void *)&handle, flags, word != NULL, &word);
	assert_int_equal(now.open_fds, 0);
	assert_int_equal(now.blocks, 0);
	return code;
}

/* The same call is allowed in a world that is as it should be, and then refused in this one. */
static void
refused(entry_point *entry, int code, const char *shown)
{
	assert_int_equal(call_with(entry, 0, NULL), code);
	assert_string_equal(now.shown, shown);
	assert_int_equal(now.asked, 0);
}

static const char no_pair[] = "Lockbox: this account's name and number do not belong together";

static void
a_name_and_a_number_that_do_not_belong_together_are_refused_everywhere(void **state)
{
	static const struct {
		const char *user;
		uint32_t uid;
	} odd[] = {{"bob", TEMP_UID}, {"lb-alice-1", 1000}, {"lb-", TEMP_UID}, {TEMP, 1900000001}};

	(void)state;
	for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
		fresh_world();
		assert_int_equal(call_with(pam_sm_authenticate, 0, NULL), PAM_SUCCESS);
		assert_int_equal(call_with(pam_sm_acct_mgmt, 0, NULL), PAM_SUCCESS);
		assert_int_equal(call_with(pam_sm_open_session, 0, NULL), PAM_SUCCESS);
		world.user = odd[i].user;
		world.uid = odd[i].uid;
		refused(pam_sm_authenticate, PAM_AUTH_ERR, no_pair);
		refused(pam_sm_acct_mgmt, PAM_PERM_DENIED, no_pair);
		refused(pam_sm_open_session, PAM_PERM_DENIED, no_pair);
		refused(pam_sm_chauthtok, PAM_PERM_DENIED,
			"Lockbox: a temporary account's password cannot be changed");
	}
}

static void
a_temporary_account_uses_its_password_and_its_session_in_sshd_only(void **state)
{
	(void)state;
	fresh_world();
	assert_int_equal(call_with(pam_sm_authenticate, 0, NULL), PAM_SUCCESS);
	assert_int_equal(call_with(pam_sm_open_session, 0, NULL), PAM_SUCCESS);
	assert_string_equal(now.shown, "Lockbox: the daemon's words");
	world.service = "su";
	refused(pam_sm_authenticate, PAM_AUTH_ERR,
		"Lockbox: one-time passwords are accepted by sshd only");
	refused(pam_sm_open_session, PAM_PERM_DENIED,
		"Lockbox: a temporary account may not use this service");
	refused(pam_sm_acct_mgmt, PAM_PERM_DENIED,
		"Lockbox: a temporary account may not use this service");
}

static void
an_account_that_is_gone_is_asked_for_a_password_and_told_the_same(void **state)
{
	(void)state;
	fresh_world();
	world.user = "lb-gone-2";
	world.gone = true;
	refused(pam_sm_authenticate, PAM_USER_UNKNOWN, "Lockbox: this account does not exist");
	assert_int_equal(call_with(pam_sm_acct_mgmt, 0, NULL), PAM_USER_UNKNOWN);
	assert_non_null(strstr(now.log, "user=(unknown)"));
	assert_null(strstr(now.log, "lb-gone"));
}

/* sshd goes on without a shell whatever is refused: the process gets the login uid it is ended by. */
static void
a_session_of_an_account_that_is_gone_can_be_ended(void **state)
{
	(void)state;
	fresh_world();
	world.user = "lb-gone-2";
	world.gone = true;
	world.login_uid = UINT32_MAX;
	assert_int_equal(call_with(pam_sm_open_session, 0, NULL), PAM_USER_UNKNOWN);
	assert_string_equal(now.taken, "1900010002");
	assert_true(now.asked > 0);
	assert_string_equal(now.shown, "Lockbox: this account does not exist any more");
	/* One that another login has set is left as it is, and nothing is asked in its name. */
	world.login_uid = 1000;
	refused(pam_sm_open_session, PAM_USER_UNKNOWN,
		"Lockbox: this account does not exist any more");
	assert_string_equal(now.taken, "");
	/* Nor is anything where the number cannot be had, whichever call fails. */
	world.login_uid = UINT32_MAX;
	for (int n = 1;; n++) {
		int code = call_it(pam_sm_open_session, n, 0, 0);

		if (!now.failed)
			break;
		assert_int_not_equal(code, PAM_SUCCESS);
		assert_int_not_equal(code, PAM_IGNORE);
	}
}

static void
a_session_without_the_accounts_login_uid_does_not_begin(void **state)
{
	(void)state;
	fresh_world();
	assert_int_equal(call_with(pam_sm_open_session, 0, NULL), PAM_SUCCESS);
	world.login_uid = 1000;
	refused(pam_sm_open_session, PAM_PERM_DENIED, bad_setup_text);
	assert_non_null(strstr(now.log, "pam_loginuid must come before"));
	world.login_uid = UINT32_MAX;
	refused(pam_sm_open_session, PAM_PERM_DENIED, bad_setup_text);
}

static void
people_and_unknown_names_are_left_to_the_rest_of_the_stack(void **state)
{
	static const char *const nobody[] = {NULL, "", "nosuch",
					     "a-name-that-is-longer-than-any-account-may-ever-be-"
					     "and-then-some-more-of-it-and-still-more"};

	(void)state;
	fresh_world();
	world.user = "bob";
	world.uid = 1005;
	assert_int_equal(call_with(pam_sm_authenticate, 0, NULL), PAM_IGNORE);
	world.service = "sudo";
	assert_int_equal(call_with(pam_sm_open_session, 0, NULL), PAM_IGNORE);
	assert_int_equal(now.asked, 0);
	world.service = "sshd";
	assert_int_equal(call_with(pam_sm_close_session, 0, NULL), PAM_IGNORE);
	assert_int_equal(call_with(pam_sm_setcred, 0, NULL), PAM_IGNORE);
	assert_int_equal(call_with(pam_sm_chauthtok, 0, NULL), PAM_IGNORE);
	for (size_t i = 0; i < sizeof nobody / sizeof nobody[0]; i++) {
		world.user = nobody[i];
		world.gone = true;
		assert_int_equal(call_with(pam_sm_authenticate, 0, NULL), PAM_IGNORE);
		assert_int_equal(call_with(pam_sm_acct_mgmt, 0, NULL), PAM_USER_UNKNOWN);
		assert_int_equal(call_with(pam_sm_open_session, 0, NULL), PAM_IGNORE);
		assert_int_equal(call_with(pam_sm_setcred, 0, NULL), PAM_IGNORE);
		assert_int_equal(call_with(pam_sm_chauthtok, 0, NULL), PAM_IGNORE);
		assert_int_equal(now.asked, 0);
	}
	fresh_world();
	assert_int_equal(call_with(pam_sm_setcred, 0, NULL), PAM_SUCCESS);
}

/* sshd's session on an own account is the daemon's to allow, unless pam.conf lets its user past. */
static void
the_session_of_an_own_account_is_asked_about_in_sshd(void **state)
{
	(void)state;
	fresh_world();
	world.user = "bob";
	world.uid = world.login_uid = 1005;
	assert_int_equal(call_with(pam_sm_open_session, 0, NULL), PAM_SUCCESS);
	assert_true(now.asked > 0);
	world.login_uid = UINT32_MAX; /* without pam_loginuid it is set here */
	assert_int_equal(call_with(pam_sm_open_session, 0, NULL), PAM_SUCCESS);
	assert_string_equal(now.taken, "1005");
	for (int n = 1;; n++) {
		int code = call_it(pam_sm_open_session, n, 0, 0);

		if (!now.failed)
			break;
		/* What was not read is written: then it is the account's, whatever it was. */
		if (code == PAM_SUCCESS)
			assert_true(now.harmless || strcmp(now.taken, "1005") == 0);
		assert_int_not_equal(code, PAM_IGNORE);
	}
	world.login_uid = 1000;
	refused(pam_sm_open_session, PAM_PERM_DENIED, bad_setup_text);
	world.login_uid = 1005;
	world.verdict = LB_VERDICT_DENY;
	assert_int_equal(call_with(pam_sm_open_session, 0, NULL), PAM_PERM_DENIED);
	world.conf = "exempt sshd bob\n";
	assert_int_equal(call_with(pam_sm_open_session, 0, NULL), PAM_IGNORE);
	assert_int_equal(now.asked, 0);
	world.conf = "gate bob\n";
	assert_int_equal(call_with(pam_sm_open_session, 0, NULL), PAM_IGNORE);
	world.conf = "no such line\n";
	assert_int_equal(call_with(pam_sm_open_session, 0, NULL), PAM_SERVICE_ERR);
}

static void
what_cannot_be_a_one_time_password_is_not_asked_about(void **state)
{
	char long_one[LB_PASSWORD_MAX + 2];
	const char *const typed[] = {"", long_one, NULL};

	(void)state;
	memset(long_one, 'x', sizeof long_one - 1);
	long_one[sizeof long_one - 1] = '\0';
	fresh_world();
	for (size_t i = 0; i < sizeof typed / sizeof typed[0]; i++) {
		world.typed = typed[i];
		refused(pam_sm_authenticate, PAM_AUTH_ERR,
			"Lockbox: that is not a one-time password");
	}
	long_one[LB_PASSWORD_MAX] = '\0';
	world.typed = long_one;
	assert_int_equal(call_with(pam_sm_authenticate, 0, NULL), PAM_SUCCESS);
}

static void
without_a_gate_line_the_log_says_that_nobody_can_ask(void **state)
{
	(void)state;
	fresh_world();
	world.user = "bob";
	world.uid = 1005;
	world.verdict = LB_VERDICT_DENY;
	assert_int_equal(call_with(pam_sm_acct_mgmt, 0, NULL), PAM_PERM_DENIED);
	assert_null(strstr(now.log, "no 'gate' line"));
	world.conf = "system cron\n";
	assert_int_equal(call_with(pam_sm_acct_mgmt, 0, NULL), PAM_PERM_DENIED);
	assert_non_null(strstr(now.log, "no 'gate' line in pam.conf"));
}

/* -- the module's arguments -------------------------------------------------------------- */

static void
each_argument_is_taken_and_a_mistyped_one_refuses_everybody(void **state)
{
	static const char *const wrong[] = {
		"timeout=99", "timeout=1801", "timeout=1s",   "timeout=",     "timeout",
		"conf",	      "conf=",	      "conf=x",	      "socket=run/x", "socket=/a/../b",
		"debug=1",    "debug=",	      "Debug",	      "tmeout=500",   "",
		"=",	      "timeout=-1",   "timeout=500 ",
	};
	static const char *const right[] = {"conf=/etc/lockbox/pam.conf", "socket=" LB_PAM_SOCKET,
					    "timeout=100", "timeout=1800", "debug"};
	const char *words[] = {"debug", "timeout=250", "conf=/x/y", "socket=/x/z"}, *bad = NULL;
	struct lb_pam_opts opts = {.timeout_ms = 7};

	(void)state;
	fresh_world();
	for (size_t i = 0; i < sizeof right / sizeof right[0]; i++)
		assert_int_equal(call_with(pam_sm_acct_mgmt, 0, right[i]), PAM_SUCCESS);
	assert_non_null(strstr(now.log, "allowed"));
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		assert_int_equal(lb_pam_opts_parse(&opts, 1, (const char **)&wrong[i], &bad),
				 LB_ERR_MALFORMED);
		assert_ptr_equal(bad, wrong[i]);
		assert_int_equal(opts.timeout_ms, 7);
		assert_int_equal(call_with(pam_sm_acct_mgmt, 0, wrong[i]), PAM_SERVICE_ERR);
		assert_int_equal(call_with(pam_sm_authenticate, 0, wrong[i]), PAM_SERVICE_ERR);
		assert_int_equal(call_with(pam_sm_open_session, 0, wrong[i]), PAM_SERVICE_ERR);
		assert_int_equal(call_with(pam_sm_chauthtok, 0, wrong[i]), PAM_SERVICE_ERR);
		assert_int_equal(call_with(pam_sm_close_session, 0, wrong[i]), PAM_IGNORE);
		assert_non_null(strstr(now.log, "bad module argument"));
	}
	assert_int_equal(lb_pam_opts_parse(&opts, 4, words, &bad), LB_OK);
	assert_true(opts.debug && opts.timeout_ms == 250);
	assert_string_equal(opts.conf, "/x/y");
	assert_string_equal(opts.socket, "/x/z");
}

/* -- what the person and the log are shown ------------------------------------------------- */

static void
text_is_shown_line_by_line_with_control_characters_escaped(void **state)
{
	static int handle;
	pam_handle_t *pamh = (pam_handle_t *)(void *)&handle;
	char far[4 * LB_REASON_MAX + 64], *at = far;

	(void)state;
	memset(&now, 0, sizeof now);
	lb_pam_say(pamh, PAM_SILENT, PAM_TEXT_INFO, "not a word");
	lb_pam_say(pamh, 0, PAM_TEXT_INFO, "");
	assert_string_equal(now.shown, "");
	lb_pam_say(pamh, 0, PAM_TEXT_INFO, "one\ntwo \033[31mred\nback\\slash");
	assert_string_equal(now.shown, "one\ntwo \\x1b[31mred\nback\\slash");
	/* More than there is room for is cut, never written beyond it. */
	for (size_t i = 0; i < sizeof far - 1; i++)
		*at++ = i % 64 == 63 ? '\n' : 'x';
	*at = '\0';
	lb_pam_say(pamh, 0, PAM_TEXT_INFO, far);
	assert_true(strlen(now.shown) <= 4 * LB_REASON_MAX);
	memset(far, 'x', sizeof far - 1);
	lb_pam_say(pamh, 0, PAM_TEXT_INFO, far);
	assert_int_equal(strlen(now.shown), LB_REASON_MAX);
	memset(far, 1, sizeof far - 1);
	lb_pam_say(pamh, 0, PAM_TEXT_INFO, far);
	assert_true(strlen(now.shown) <= 4 * LB_REASON_MAX);
}

static void
sudo_does_not_silence_a_refusal(void **state)
{
	(void)state;
	fresh_world();
	world.verdict = LB_VERDICT_DENY;
	assert_int_equal(call_with(pam_sm_acct_mgmt, PAM_SILENT, NULL), PAM_PERM_DENIED);
	assert_string_equal(now.shown, "");
	world.service = "sudo";
	assert_int_equal(call_with(pam_sm_acct_mgmt, PAM_SILENT, NULL), PAM_PERM_DENIED);
	assert_string_equal(now.shown, "Lockbox: the daemon's words");
}

static void
an_item_that_does_not_fit_is_a_denial(void **state)
{
	char service[LB_SERVICE_MAX + 2], rhost[LB_RHOST_MAX + 2];

	(void)state;
	memset(service, 's', sizeof service - 1);
	service[sizeof service - 1] = '\0';
	memset(rhost, 'r', sizeof rhost - 1);
	rhost[sizeof rhost - 1] = '\0';
	fresh_world();
	world.rhost = "192.0.2.1";
	assert_int_equal(call_with(pam_sm_acct_mgmt, 0, NULL), PAM_SUCCESS);
	world.service = service;
	assert_int_not_equal(call_with(pam_sm_acct_mgmt, 0, NULL), PAM_SUCCESS);
	assert_int_equal(now.asked, 0);
	world.service = NULL;
	assert_int_equal(call_with(pam_sm_acct_mgmt, 0, NULL), PAM_SYSTEM_ERR);
	assert_int_equal(now.asked, 0);
}

/* -- pam.conf ----------------------------------------------------------------------------- */

static void
a_file_that_others_could_have_written_lets_nobody_in(void **state)
{
	static const struct {
		mode_t dir_mode, conf_mode;
		uid_t conf_uid;
		int open_errno, code;
		const char *why;
	} rows[] = {
		{S_IFDIR | 0775, 0, 0, 0, PAM_SERVICE_ERR, "its directory is not root's alone"},
		{S_IFDIR | 0757, 0, 0, 0, PAM_SERVICE_ERR, "its directory is not root's alone"},
		{0, S_IFREG | 0664, 0, 0, PAM_SERVICE_ERR, "it is not root's alone to write"},
		{0, S_IFREG | 0646, 0, 0, PAM_SERVICE_ERR, "it is not root's alone to write"},
		{0, S_IFREG | 0644, 1000, 0, PAM_SERVICE_ERR, "it is not root's alone to write"},
		{0, S_IFIFO | 0644, 0, 0, PAM_SERVICE_ERR, "it is not a regular file"},
		{0, S_IFDIR | 0755, 0, 0, PAM_SERVICE_ERR, "it is not a regular file"},
		{0, S_IFCHR | 0644, 0, 0, PAM_SERVICE_ERR, "it is not a regular file"},
		{0, 0, 0, ELOOP, PAM_SERVICE_ERR, "symbolic link"},
		{0, 0, 0, ENOTDIR, PAM_SERVICE_ERR, "symbolic link"},
		{0, 0, 0, EACCES, PAM_SYSTEM_ERR, ""},
		{0, 0, 0, ENXIO, PAM_SERVICE_ERR, "it is not a regular file"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		fresh_world();
		assert_int_equal(call_with(pam_sm_acct_mgmt, 0, NULL), PAM_SUCCESS);
		world.dir_mode = rows[i].dir_mode;
		world.conf_mode = rows[i].conf_mode;
		world.conf_uid = rows[i].conf_uid;
		world.open_errno = rows[i].open_errno;
		assert_int_equal(call_with(pam_sm_acct_mgmt, 0, NULL), rows[i].code);
		assert_int_equal(now.asked, 0);
		assert_string_equal(now.shown, bad_setup_text);
		assert_non_null(strstr(now.log, rows[i].why));
	}
}

static void
each_mistake_in_the_file_is_named_with_its_line(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{"system sshd\n", "line 1: people come in by this service"},
		{"\nroot-caller login\n", "line 2: in this service the caller is always root"},
		{"gate root\n", "line 1: root cannot be the gate user"},
		{"gate a\ngate b\n", "line 2: there is one gate user only"},
		{"exempt login\n", "line 1: the wrong number of words"},
		{"exempt a b c d e f g h\n", "line 1: the wrong number of words"},
		{"exempt login lb-alice-1\n", "line 1: this user cannot be named here"},
		{"exempt login lbr-dba\n", "line 1: this user cannot be named here"},
		{"exempt LOGIN root\n", "line 1: this is not the name of a PAM service"},
		{"allow cron\n", "line 1: unknown directive"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		fresh_world();
		world.conf = rows[i].text;
		assert_int_equal(call_with(pam_sm_acct_mgmt, 0, NULL), PAM_SERVICE_ERR);
		assert_int_equal(now.asked, 0);
		assert_non_null(strstr(now.log, rows[i].why));
	}
}

static void
a_file_of_too_many_lines_or_bytes_is_refused(void **state)
{
	static char text[LB_PAM_CONF_MAX + 64];
	size_t used = 0;

	(void)state;
	fresh_world();
	world.conf = text;
	for (int i = 0; i < LB_PAM_RULES_MAX; i++)
		used += (size_t)sprintf(text + used, "system s%d\n", i);
	assert_int_equal(call_with(pam_sm_acct_mgmt, 0, NULL), PAM_SUCCESS);
	sprintf(text + used, "system more\n");
	assert_int_equal(call_with(pam_sm_acct_mgmt, 0, NULL), PAM_SERVICE_ERR);
	assert_non_null(strstr(now.log, "too many directives"));
	memset(text, '#', sizeof text - 1);
	assert_int_equal(call_with(pam_sm_acct_mgmt, 0, NULL), PAM_SERVICE_ERR);
	assert_non_null(strstr(now.log, "it is over 64 KiB"));
	text[LB_PAM_CONF_MAX] = '\0';
	assert_int_equal(call_with(pam_sm_acct_mgmt, 0, NULL), PAM_SUCCESS);
	assert_int_equal(call_with(pam_sm_acct_mgmt, 0, "conf=pam.conf"), PAM_SERVICE_ERR);
}

static char *
read_page(void)
{
	static char page[65536];
	const char *places[] = {"pam_lockbox/pam_lockbox.8", NULL};
	char beside[sizeof __FILE__ + 64];
	FILE *f = NULL;

	/* From the top of the tree, or beside this file. */
	snprintf(beside, sizeof beside, "%.*s../../%s",
		 (int)(strrchr(__FILE__, '/') + 1 - __FILE__), __FILE__, places[0]);
	places[1] = beside;
	for (size_t i = 0; i < 2 && f == NULL; i++)
		f = fopen(places[i], "r");
	if (f == NULL)
		return NULL;
	page[fread(page, 1, sizeof page - 1, f)] = '\0';
	fclose(f);
	return page;
}

static void
the_page_names_every_option_and_directive(void **state)
{
	const char *page = read_page();
	char item[128];

	(void)state;
	if (page == NULL)
		skip();
	for (size_t i = 0; i < OPTIONS; i++) {
		snprintf(item, sizeof item, ".It Cm %s%s", options[i].name,
			 options[i].kind == FLAG ? "\n" : " Ns = ");
		assert_non_null(strstr(page, item));
	}
	for (size_t i = 0; i < DIRECTIVES; i++) {
		snprintf(item, sizeof item, ".It Cm %s Ar ", directives[i].word);
		assert_non_null(strstr(page, item));
	}
	for (size_t i = 0; i < sizeof temporary_services / sizeof temporary_services[0]; i++)
		assert_non_null(strstr(page, temporary_services[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_failed_call_is_a_denial),
		cmocka_unit_test(each_failed_call_is_a_denial_for_an_account_entry_of_60_kib),
		cmocka_unit_test(no_failed_call_turns_a_denial_into_anything_else),
		cmocka_unit_test(no_failed_call_lets_a_person_past),
		cmocka_unit_test(an_entry_over_a_mebibyte_is_a_denial),
		cmocka_unit_test(a_failed_call_never_turns_an_exemption_into_success),
		cmocka_unit_test(a_close_never_fails_whatever_does),
		cmocka_unit_test(the_gate_is_its_table),
		cmocka_unit_test(a_torn_file_is_an_error_or_fewer_exemptions),
		cmocka_unit_test(
			a_name_and_a_number_that_do_not_belong_together_are_refused_everywhere),
		cmocka_unit_test(
			a_temporary_account_uses_its_password_and_its_session_in_sshd_only),
		cmocka_unit_test(an_account_that_is_gone_is_asked_for_a_password_and_told_the_same),
		cmocka_unit_test(a_session_of_an_account_that_is_gone_can_be_ended),
		cmocka_unit_test(a_session_without_the_accounts_login_uid_does_not_begin),
		cmocka_unit_test(people_and_unknown_names_are_left_to_the_rest_of_the_stack),
		cmocka_unit_test(the_session_of_an_own_account_is_asked_about_in_sshd),
		cmocka_unit_test(what_cannot_be_a_one_time_password_is_not_asked_about),
		cmocka_unit_test(without_a_gate_line_the_log_says_that_nobody_can_ask),
		cmocka_unit_test(each_argument_is_taken_and_a_mistyped_one_refuses_everybody),
		cmocka_unit_test(text_is_shown_line_by_line_with_control_characters_escaped),
		cmocka_unit_test(sudo_does_not_silence_a_refusal),
		cmocka_unit_test(an_item_that_does_not_fit_is_a_denial),
		cmocka_unit_test(a_file_that_others_could_have_written_lets_nobody_in),
		cmocka_unit_test(each_mistake_in_the_file_is_named_with_its_line),
		cmocka_unit_test(a_file_of_too_many_lines_or_bytes_is_refused),
		cmocka_unit_test(the_page_names_every_option_and_directive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
