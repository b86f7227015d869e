/*
 * A keeper whose front is an attacker's.
 *
 * This stands in for the warden: it starts the real keeper (the program named
 * first, as lockboxd -x keeper), hands it a policy and one end of a link as
 * its front, and then sends on that link what an attacker in front's place
 * could.  After each attack the keeper must live, have changed nothing, and
 * answer PAM; where an attack breaks the rules of the link, it must also have
 * reported that start of front as bad, and go on with the next.
 *
 *   evil_front LOCKBOXD STATE_DIR RUN_DIR HOST_FILE POLICY_DIR
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"
#include "err.h"
#include "ipc.h"
#include "policy/policy.h"
#include "policy/source.h"
#include "privsep.h"
#include "wire.h"

static int warden_fd, front_fd = -1;
static pid_t keeper;
static uint64_t starts;
static char public_path[200], pam_path[200];
static unsigned checks;

static void __attribute__((noreturn, format(printf, 1, 2))) fail(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fputs("FAILED: ", stdout);
	vprintf(format, ap);
	va_end(ap);
	printf(" (%m)\n");
	fflush(stdout);
	if (keeper > 0)
		kill(keeper, SIGKILL);
	exit(1);
}

static void
check(bool good, const char *what)
{
	if (!good)
		fail("%s", what);
	checks++;
}

static int
listen_at(char path[200], const char *dir, const char *name)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(path, 200, "%s/%s", dir, name);
	snprintf(sun.sun_path, sizeof sun.sun_path, "%.100s", path);
	unlink(path);
	if (bind(fd, (struct sockaddr *)&sun, sizeof sun) != 0 || chmod(path, 0666) != 0 ||
	    listen(fd, 512) != 0)
		fail("cannot listen at %s", path);
	return fd;
}

static bool
send_with(int to, uint16_t type, const void *bytes, size_t len, const int *fds, size_t nfds)
{
	uint8_t head[2] = {(uint8_t)(type >> 8), (uint8_t)type};
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(4 * sizeof(int))];
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

/* Waits for a message of this type, at most limit_ms; others on the way are passed over. */
static bool
await(int fd, uint16_t type, union lb_ipc_msg *m, int limit_ms)
{
	uint8_t packet[LB_LINK_MESSAGE_MAX + 2];
	struct pollfd p = {.fd = fd, .events = POLLIN};

	while (poll(&p, 1, limit_ms) > 0) {
		ssize_t n = recv(fd, packet, sizeof packet, 0);

		if (n <= 0)
			return false;
		if (n >= 2 && (packet[0] << 8 | packet[1]) == type)
			return m == NULL ||
			       lb_ipc_decode(type, packet + 2, (size_t)n - 2, m) == LB_OK;
	}
	return false;
}

static void
new_front(void)
{
	struct lb_ipc_conn start = {.conn = ++starts};
	uint8_t bytes[16];
	size_t len;
	int pair[2];

	if (front_fd >= 0)
		close(front_fd);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0 ||
	    lb_ipc_encode(LB_IPC_FRONT, &start, bytes, sizeof bytes, &len) != LB_OK ||
	    !send_with(warden_fd, LB_IPC_FRONT, bytes, len, &pair[1], 1))
		fail("cannot hand over a front");
	close(pair[1]);
	front_fd = pair[0];
}

/* PAM asks about somebody without a grant: an answer, and it is no. */
static void
pam_answers(const char *after)
{
	struct lb_msg_login login = {
		.user = "lb-alice-1", .uid = 1900010001, .service = "sshd", .rhost = "h"};
	struct lb_client c;
	union lb_msg m;
	uint16_t type;

	if (lb_client_open(&c, pam_path, 5000) != LB_OK ||
	    lb_client_send(&c, LB_MSG_PAM_ACCOUNT, &login) != LB_OK ||
	    lb_client_receive(&c, &type, &m) != LB_OK || type != LB_MSG_VERDICT)
		fail("PAM gets no answer after: %s", after);
	if (m.verdict.verdict != LB_VERDICT_DENY)
		fail("let in after: %s", after);
	lb_client_close(&c);
	checks++;
}

/* Everything that was ever requested, claimed or changed would be in the record, which root may read. */
static unsigned
records(void)
{
	union lb_msg m;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	union lb_ipc_msg peer;
	uint8_t bytes[8 + LB_HEADER_SIZE + LB_PAYLOAD_MAX], packet[LB_LINK_MESSAGE_MAX + 2];
	struct lb_msg_audit audit = {0};
	struct lb_writer w;
	unsigned n = 0;
	size_t len;

	new_front();
	snprintf(sun.sun_path, sizeof sun.sun_path, "%.100s", public_path);
	if (connect(fd, (struct sockaddr *)&sun, sizeof sun) != 0 ||
	    !await(front_fd, LB_IPC_PEER, &peer, 5000))
		fail("the public socket is not served");
	lb_writer_init(&w, bytes, 8);
	lb_write_u64(&w, peer.conn.conn);
	lb_proto_encode(LB_MSG_AUDIT, &audit, bytes + 8, sizeof bytes - 8, &len);
	send_with(front_fd, LB_IPC_FRAME, bytes, 8 + len, NULL, 0);
	for (;;) {
		ssize_t got = recv(front_fd, packet, sizeof packet, 0);
		uint16_t type;
		uint32_t payload;

		if (got < 2 + 8 + (ssize_t)LB_HEADER_SIZE ||
		    lb_proto_header(packet + 10, &type, &payload) != LB_OK)
			fail("no answer to a request");
		if (type == LB_MSG_DONE)
			break;
		if (type == LB_MSG_REFUSED)
			fail("root may not read the record");
		lb_proto_decode(type, packet + 10 + LB_HEADER_SIZE, payload, &m);
		if (strcmp(m.record.event, "login-refused") != 0)
			n++;
	}
	close(fd);
	return n;
}

/* A connection handed over to us, made by a process of uid. */
static uint64_t
connection_of(uid_t uid, pid_t *maker)
{
	union lb_ipc_msg m;

	*maker = fork();
	if (*maker == 0) {
		struct sockaddr_un sun = {.sun_family = AF_UNIX};
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);

		snprintf(sun.sun_path, sizeof sun.sun_path, "%.100s", public_path);
		if (setresuid(uid, uid, uid) != 0 ||
		    connect(fd, (struct sockaddr *)&sun, sizeof sun) != 0)
			_exit(1);
		for (;;)
			pause();
	}
	if (!await(front_fd, LB_IPC_PEER, &m, 5000))
		fail("no connection was handed over");
	return m.conn.conn;
}

static size_t
frame(uint8_t *out, uint64_t conn, uint16_t type, const void *msg)
{
	struct lb_writer w;
	size_t len;

	lb_writer_init(&w, out, 8);
	lb_write_u64(&w, conn);
	if (lb_proto_encode(type, msg, out + 8, LB_HEADER_SIZE + LB_PAYLOAD_MAX, &len) != LB_OK)
		fail("cannot encode %u", type);
	return 8 + len;
}

/* Sends one packet that breaks the rules: the link ends and this start is reported, no other. */
static void
breaks_the_rules(const char *what, uint16_t type, const void *bytes, size_t len, const int *fds,
		 size_t nfds)
{
	union lb_ipc_msg m;

	new_front();
	send_with(front_fd, type, bytes, len, fds, nfds);
	do { /* those that went before are reported as gone */
		if (!await(warden_fd, LB_IPC_BAD_FRONT, &m, 5000) || m.conn.conn > starts)
			fail("not reported: %s", what);
	} while (m.conn.conn != starts);
	checks++;
	pam_answers(what);
}

/* The refusal that comes back on conn. */
static void
is_refused(const char *what, uint64_t conn, uint16_t type, const void *msg)
{
	uint8_t bytes[8 + LB_HEADER_SIZE + LB_PAYLOAD_MAX], packet[LB_LINK_MESSAGE_MAX + 2];
	struct pollfd p = {.fd = front_fd, .events = POLLIN};
	uint16_t got;
	uint32_t payload;

	send_with(front_fd, LB_IPC_FRAME, bytes, frame(bytes, conn, type, msg), NULL, 0);
	if (poll(&p, 1, 5000) <= 0 ||
	    recv(front_fd, packet, sizeof packet, 0) < 10 + (ssize_t)LB_HEADER_SIZE ||
	    lb_proto_header(packet + 10, &got, &payload) != LB_OK || got != LB_MSG_REFUSED)
		fail("not refused: %s", what);
	checks++;
}

static void
attack(uid_t engineer)
{
	uint8_t bytes[8 + LB_HEADER_SIZE + LB_PAYLOAD_MAX + 8] = {0}, outcome[LB_LINK_MESSAGE_MAX];
	struct lb_msg_request request = {.role = "db-operator", .reason = "evil"};
	struct lb_msg_as as = {.identity = "bob", .fingerprint = "SHA256:x"};
	struct lb_msg_act act = {.id = 1, .text = "evil"};
	struct lb_msg_login login = {.user = "root", .service = "sshd"};
	struct lb_msg_verdict verdict = {.verdict = LB_VERDICT_ALLOW};
	struct lb_ipc_outcome o = {.uid = 1900010001, .ok = 1};
	const struct lb_ipc_conn gone = {.conn = 999};
	unsigned before = records();
	int null = open("/dev/null", O_RDWR), fds[4] = {null, null, null, null};
	size_t len, outcome_len;
	uint64_t conn;
	pid_t maker;

	puts("frames that are no request of people");
	for (unsigned type = LB_MSG_PAM_AUTH; type <= LB_MSG_PAM_EXEMPT; type++)
		breaks_the_rules("a PAM question", LB_IPC_FRAME, bytes,
				 frame(bytes, 1, (uint16_t)type, &login), NULL, 0);
	breaks_the_rules("a verdict", LB_IPC_FRAME, bytes,
			 frame(bytes, 1, LB_MSG_VERDICT, &verdict), NULL, 0);
	len = frame(bytes, 1, LB_MSG_REQUEST, &request);
	breaks_the_rules("trailing bytes", LB_IPC_FRAME, bytes, len + 1, NULL, 0);
	breaks_the_rules("a frame cut off", LB_IPC_FRAME, bytes, len - 1, NULL, 0);
	breaks_the_rules("a header cut off", LB_IPC_FRAME, bytes, 10, NULL, 0);
	breaks_the_rules("no frame", LB_IPC_FRAME, bytes, 0, NULL, 0);
	breaks_the_rules("a frame with a descriptor", LB_IPC_FRAME, bytes, len, fds, 1);
	breaks_the_rules("a frame with two", LB_IPC_FRAME, bytes, len, fds, 2);
	breaks_the_rules("a frame with four", LB_IPC_FRAME, bytes, len, fds, 4);

	puts("messages that only the warden sends");
	lb_ipc_encode(LB_IPC_EVICTED, &o, outcome, sizeof outcome, &outcome_len);
	breaks_the_rules("POLICY", LB_IPC_POLICY, "", 0, fds, 1);
	breaks_the_rules("POLICY without", LB_IPC_POLICY, "", 0, NULL, 0);
	breaks_the_rules("FRONT", LB_IPC_FRONT, bytes, 8, fds, 1);
	breaks_the_rules("PUBLISHED", LB_IPC_PUBLISHED, outcome, outcome_len, NULL, 0);
	breaks_the_rules("EVICTED", LB_IPC_EVICTED, outcome, outcome_len, NULL, 0);
	breaks_the_rules("NOTE", LB_IPC_NOTE, outcome, outcome_len, NULL, 0);
	breaks_the_rules("READY", LB_IPC_READY, "", 0, NULL, 0);
	breaks_the_rules("PEER", LB_IPC_PEER, bytes, 8, fds, 1);
	breaks_the_rules("an unknown type", 4711, "", 0, NULL, 0);
	check(records() == before, "something was recorded");

	puts("requests on connections that are not there, or are somebody's");
	new_front();
	for (uint64_t c = 0; c < 5000; c++)
		send_with(front_fd, LB_IPC_FRAME, bytes,
			  frame(bytes, c * 7919 + (c % 2 ? 1u << 20 : UINT64_MAX - c * 7919),
				LB_MSG_REQUEST, &request),
			  NULL, 0);
	pam_answers("requests on unknown connections");
	conn = connection_of(engineer, &maker);
	is_refused("AS on a connection that is not the gate's", conn, LB_MSG_AS, &as);
	is_refused("an approval after it", conn, LB_MSG_APPROVE, &act);
	is_refused("the record", conn, LB_MSG_AUDIT, &(struct lb_msg_audit){0});
	is_refused("a key looked up", conn, LB_MSG_KEYS, &(struct lb_msg_keys){.user = "lockbox"});
	kill(maker, SIGKILL);
	waitpid(maker, NULL, 0);
	conn = connection_of(4000, &maker);
	is_refused("a request of nobody's", conn, LB_MSG_REQUEST, &request);
	is_refused("AS of nobody's", conn, LB_MSG_AS, &as);
	/* GONE for what was never there is nothing; for what was, nobody asks on it any more. */
	lb_ipc_encode(LB_IPC_GONE, &gone, outcome, sizeof outcome, &outcome_len);
	for (int i = 0; i < 100; i++)
		send_with(front_fd, LB_IPC_GONE, outcome, outcome_len, NULL, 0);
	is_refused("a request after GONE for others", conn, LB_MSG_REQUEST, &request);
	kill(maker, SIGKILL);
	waitpid(maker, NULL, 0);
	check(records() == before, "something was recorded");

	puts("a flood that is never read back");
	new_front();
	conn = connection_of(4000, &maker);
	len = frame(bytes, conn, LB_MSG_ROLES, &act);
	fcntl(front_fd, F_SETFL, O_NONBLOCK);
	for (int i = 0; i < 200000; i++) {
		struct pollfd p = {.fd = front_fd, .events = POLLOUT};

		if (!send_with(front_fd, LB_IPC_FRAME, bytes, len, NULL, 0) &&
		    (errno != EAGAIN || poll(&p, 1, 2000) <= 0))
			break;
		if (i % 50000 == 0)
			pam_answers("a flood under way");
	}
	pam_answers("a flood");
	kill(maker, SIGKILL);
	waitpid(maker, NULL, 0);
	check(records() == before, "something was recorded");
}

static void
start_keeper(const char *lockboxd, const char *state_dir, int public_fd, int pam_fd)
{
	int pair[2];
	char uid_text[16], gid_text[16];
	uid_t uid;
	gid_t gid;

	lb_privsep_ids(LB_PROC_KEEPER, &uid, &gid);
	snprintf(uid_text, sizeof uid_text, "%u", uid);
	snprintf(gid_text, sizeof gid_text, "%u", gid);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		fail("socketpair");
	warden_fd = pair[0];
	keeper = fork();
	if (keeper == 0) {
		int log[2], fds[3] = {pair[1], public_fd, pam_fd};

		/* As lb_privsep_spawn() does it; its lines come out on our standard error. */
		for (int i = 0; i < 3; i++)
			fds[i] = fcntl(fds[i], F_DUPFD, 64);
		if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, log) != 0)
			_exit(1);
		if (fork() == 0) {
			char line[5000];
			ssize_t n;

			close(log[1]);
			while ((n = recv(log[0], line, sizeof line, 0)) > 0)
				dprintf(2, "keeper: %.*s\n", (int)n, line);
			_exit(0);
		}
		dup2(log[1], 2);
		for (int i = 0; i < 3; i++)
			dup2(fds[i], LB_FD_LINK + i);
		for (int fd = LB_FD_LINK + 3; fd < 256; fd++)
			close(fd);
		execle(lockboxd, "lockboxd", "-x", "keeper", "-u", uid_text, "-g", gid_text, "-s",
		       state_dir, (char *)NULL, (char *[]){NULL});
		_exit(1);
	}
	close(pair[1]);
}

static void
hand_over_policy(const char *host_file, const char *policy_dir)
{
	struct lb_report report = {.found = NULL};
	struct lb_policy_source *source;
	uint8_t *packed;
	size_t len;
	int fd = memfd_create("policy", MFD_CLOEXEC);

	if (lb_policy_source_read(host_file, policy_dir, &report, &source) != LB_OK ||
	    lb_policy_source_pack(source, &packed, &len) != LB_OK ||
	    write(fd, packed, len) != (ssize_t)len ||
	    !send_with(warden_fd, LB_IPC_POLICY, "", 0, &fd, 1) ||
	    !await(warden_fd, LB_IPC_READY, NULL, 20000))
		fail("the keeper did not start");
	close(fd);
	free(packed);
	lb_policy_source_free(source);
}

int
main(int argc, char **argv)
{
	const char *missing;
	uid_t uid;
	gid_t gid;
	int public_fd, pam_fd, status;

	if (argc != 7)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	umask(077);
	if (lb_privsep_users(&missing) != LB_OK)
		fail("no user %s", missing);
	lb_privsep_ids(LB_PROC_KEEPER, &uid, &gid);
	mkdir(argv[2], 0700);
	if (chown(argv[2], uid, gid) != 0)
		fail("chown");
	public_fd = listen_at(public_path, argv[3], "public.sock");
	pam_fd = listen_at(pam_path, argv[3], "pam.sock");
	start_keeper(argv[1], argv[2], public_fd, pam_fd);
	hand_over_policy(argv[4], argv[5]);
	new_front();
	pam_answers("the start");
	attack((uid_t)atoi(argv[6]));
	check(waitpid(keeper, &status, WNOHANG) == 0, "the keeper has died");
	shutdown(warden_fd, SHUT_WR);
	check(waitpid(keeper, &status, 0) == keeper && WIFEXITED(status) &&
		      WEXITSTATUS(status) == 0,
	      "the keeper did not stop in good order");
	printf("%u checks\n", checks);
	return 0;
}
