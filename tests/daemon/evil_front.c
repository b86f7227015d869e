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
 * Then it stands in for a courier that was taken over as well: nothing that one
 * sends is even read.
 *
 *   evil_front LOCKBOXD STATE_DIR RUN_DIR HOST_FILE POLICY_DIR ENGINEER [SEED [PACKETS]]
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
#include "evil.h"
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
	    !evil_send(warden_fd, LB_IPC_FRONT, bytes, len, &pair[1], 1))
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
	uint16_t type = 0;
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
	evil_send(front_fd, LB_IPC_FRAME, bytes, 8 + len, NULL, 0);
	while (type != LB_MSG_DONE) {
		ssize_t got = recv(front_fd, packet, sizeof packet, 0), at = 2 + 8;
		uint32_t payload;

		do {
			if (got < at + (ssize_t)LB_HEADER_SIZE ||
			    lb_proto_header(packet + at, &type, &payload) != LB_OK ||
			    got < at + (ssize_t)(LB_HEADER_SIZE + payload))
				fail("no answer to a request");
			if (type == LB_MSG_REFUSED)
				fail("root may not read the record");
			lb_proto_decode(type, packet + at + LB_HEADER_SIZE, payload, &m);
			n += type == LB_MSG_RECORD && strcmp(m.record.event, "login-refused") != 0;
			at += (ssize_t)(LB_HEADER_SIZE + payload);
		} while (at < got);
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
	evil_send(front_fd, type, bytes, len, fds, nfds);
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

	evil_send(front_fd, LB_IPC_FRAME, bytes, frame(bytes, conn, type, msg), NULL, 0);
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
		evil_send(front_fd, LB_IPC_FRAME, bytes,
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
		evil_send(front_fd, LB_IPC_GONE, outcome, outcome_len, NULL, 0);
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

		if (!evil_send(front_fd, LB_IPC_FRAME, bytes, len, NULL, 0) &&
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

/* --- everything there is, one after the other ---------------------------------------- */

/* How many starts of front were reported as bad so far and not looked at yet. */
static unsigned
reports(void)
{
	struct pollfd p = {.fd = warden_fd, .events = POLLIN};
	uint8_t packet[LB_LINK_MESSAGE_MAX + 2];
	unsigned n = 0;

	while (poll(&p, 1, 0) > 0) {
		if (recv(warden_fd, packet, sizeof packet, 0) < 2)
			fail("the keeper has gone");
		n += (packet[0] << 8 | packet[1]) == LB_IPC_BAD_FRONT;
	}
	return n;
}

static void
must_be_reported(const char *what)
{
	union lb_ipc_msg m;

	do {
		if (!await(warden_fd, LB_IPC_BAD_FRONT, &m, 5000) || m.conn.conn > starts)
			fail("not reported: %s", what);
	} while (m.conn.conn != starts);
	checks++;
}

/* What front may say, by its type and length; the content of a frame is looked at elsewhere. */
static bool
allowed(unsigned type, size_t len, size_t nfds)
{
	return nfds == 0 && type == LB_IPC_GONE && len == 8;
}

static void
every_type_and_length(void)
{
	static const unsigned odd[] = {0x7fff, 0x8000, 0xfffe, 0xffff};
	static const size_t lengths[] = {0,  1,	 7,   8,    9,	  16,
					 17, 24, 100, 1508, 8208, LB_LINK_MESSAGE_MAX};
	static const uint8_t zero[LB_LINK_MESSAGE_MAX];
	int null = open("/dev/null", O_RDWR), fds[EVIL_FDS] = {null, null, null, null};
	char what[80];

	puts("every type of message, of every length, with and without descriptors");
	for (unsigned t = 0; t < 64 + sizeof odd / sizeof odd[0]; t++) {
		unsigned type = t < 64 ? t : odd[t - 64];

		for (size_t l = 0; l < sizeof lengths / sizeof lengths[0]; l++)
			for (size_t nfds = 0; nfds <= 1; nfds++) {
				if (allowed(type, lengths[l], nfds))
					continue;
				snprintf(what, sizeof what, "type %u, %zu bytes, %zu descriptors",
					 type, lengths[l], nfds);
				new_front();
				evil_send(front_fd, (uint16_t)type, zero, lengths[l], fds, nfds);
				must_be_reported(what);
			}
		if (t % 8 == 0)
			pam_answers("every length");
	}
	close(null);
}

/* Each request cut at every place and made longer, with a header that says so and one that lies. */
static void
every_request_cut(void)
{
	uint8_t bytes[8 + LB_HEADER_SIZE + LB_PAYLOAD_MAX + 8];
	char what[80];

	puts("every request, cut at every place");
	for (unsigned type = 1; type < 0x100; type++) {
		union lb_msg msg;
		size_t full;

		if (lb_proto_door((uint16_t)type) != LB_DOOR_PUBLIC)
			continue;
		memset(&msg, 0, sizeof msg);
		memset(bytes, 0, sizeof bytes);
		full = frame(bytes, 1u << 30, (uint16_t)type, &msg);
		for (size_t len = 0; len <= full + 1; len++)
			for (int honest = 0; honest <= 1; honest++) {
				uint32_t says = (uint32_t)(full - 8 - LB_HEADER_SIZE);

				if (len == full || (honest && len < 8 + LB_HEADER_SIZE))
					continue;
				if (honest)
					says = (uint32_t)(len - 8 - LB_HEADER_SIZE);
				for (int i = 0; i < 4; i++)
					bytes[8 + i] = (uint8_t)(says >> (24 - 8 * i));
				snprintf(what, sizeof what, "request %u cut to %zu of %zu", type,
					 len, full);
				new_front();
				evil_send(front_fd, LB_IPC_FRAME, bytes, len, NULL, 0);
				must_be_reported(what);
			}
		pam_answers("a request cut");
	}
}

/* --- at random ----------------------------------------------------------------------- */

static uint64_t seed;

static uint32_t
chance(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 20) % below;
}

/* A packet of a proper request, or of noise, spoilt here and there. */
static size_t
spoilt(uint8_t *out, uint16_t *type)
{
	static const uint16_t types[] = {LB_IPC_FRAME,	 LB_IPC_FRAME,	LB_IPC_FRAME,
					 LB_IPC_GONE,	 LB_IPC_PEER,	LB_IPC_READY,
					 LB_IPC_ACCOUNT, LB_IPC_EVICTED};
	union lb_msg msg;
	uint16_t request;
	size_t len;

	*type = types[chance(8)];
	do
		request = (uint16_t)(1 + chance(31));
	while (lb_proto_door(request) != LB_DOOR_PUBLIC);
	for (size_t i = 0; i < sizeof msg; i++)
		((uint8_t *)&msg)[i] = chance(4) ? (uint8_t)('a' + chance(26)) : 0;
	/* Numbers of connections that were handed over, are gone, or never were. */
	if (lb_proto_encode(request, &msg, out + 8, LB_HEADER_SIZE + LB_PAYLOAD_MAX, &len) != LB_OK)
		len = LB_HEADER_SIZE;
	len += 8;
	for (int i = 0; i < 8; i++)
		out[i] = i < 6 ? 0 : (uint8_t)chance(256);
	for (unsigned n = chance(4); n > 0; n--)
		out[chance((uint32_t)len)] = (uint8_t)chance(256);
	if (chance(4) == 0)
		len = chance((uint32_t)len + 1);
	else if (chance(8) == 0)
		len += chance(8);
	return len;
}

static unsigned
open_files(void)
{
	char path[64];
	unsigned n = 0;

	for (int fd = 0; fd < 4096; fd++) {
		snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)keeper, fd);
		n += access(path, F_OK) == 0 || errno != ENOENT;
	}
	return n;
}

static void
at_random(unsigned packets)
{
	static uint8_t bytes[8 + LB_HEADER_SIZE + LB_PAYLOAD_MAX + 16];
	int null = open("/dev/null", O_RDWR), fds[EVIL_FDS] = {null, null, null, null};
	unsigned ended = 0;

	printf("%u packets at random, seed %llu\n", packets, (unsigned long long)seed);
	new_front();
	for (unsigned i = 0; i < packets; i++) {
		uint16_t type;
		size_t len = spoilt(bytes, &type);

		evil_send(front_fd, type, bytes, len, fds, chance(16) ? 0 : chance(EVIL_FDS + 1));
		if (i % 512 == 0)
			pam_answers("packets at random");
		if (chance(3) == 0)
			new_front();
		ended += reports();
	}
	close(null);
	pam_answers("packets at random");
	ended += reports();
	printf("%u links were ended\n", ended);
	check(ended > packets / 8, "few were ended: nothing is proved");
}

/* --- courier --------------------------------------------------------------------------- */

static void
as_courier(void)
{
	static const uint8_t zero[LB_LINK_MESSAGE_MAX];
	struct lb_ipc_conn start = {.conn = 1};
	struct lb_msg_request request = {.role = "db-operator", .reason = "evil"};
	uint8_t bytes[8 + LB_HEADER_SIZE + LB_PAYLOAD_MAX];
	int pair[2], null = open("/dev/null", O_RDWR), fds[EVIL_FDS] = {null, null, null, null};
	unsigned sent = 0;
	size_t len;

	puts("a courier that says whatever it likes");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0 ||
	    lb_ipc_encode(LB_IPC_COURIER, &start, bytes, sizeof bytes, &len) != LB_OK ||
	    !evil_send(warden_fd, LB_IPC_COURIER, bytes, len, &pair[1], 1))
		fail("cannot hand over a courier");
	close(pair[1]);
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	len = frame(bytes, 1, LB_MSG_REQUEST, &request);
	for (unsigned type = 0; type < 64; type++) {
		evil_send(pair[0], (uint16_t)type, bytes, len, NULL, 0);
		evil_send(pair[0], (uint16_t)type, zero, 8, fds, type % 3);
	}
	while (evil_send(pair[0], LB_IPC_FRAME, zero, sizeof zero, fds, 2))
		sent++;
	check(errno == EAGAIN, "the link ended");
	printf("%u more until there was no room\n", sent);
	pam_answers("a courier's flood");
	close(pair[0]);
	close(null);
	pam_answers("a courier's end");
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
	    !evil_send(warden_fd, LB_IPC_POLICY, "", 0, &fd, 1) ||
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
	unsigned before, files;

	if (argc < 7)
		return 2;
	seed = argc > 7 ? strtoull(argv[7], NULL, 10) : 88172645463325252ull;
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
	before = records();
	files = open_files();
	attack((uid_t)atoi(argv[6]));
	every_type_and_length();
	every_request_cut();
	at_random(argc > 8 ? (unsigned)atoi(argv[8]) : 20000);
	as_courier();
	check(records() == before, "something was recorded");
	for (int i = 0; open_files() > files + 2 && i < 500; i++)
		usleep(10000);
	printf("%u descriptors of the keeper's before, %u after\n", files, open_files());
	check(open_files() <= files + 2, "descriptors are left");
	check(waitpid(keeper, &status, WNOHANG) == 0, "the keeper has died");
	shutdown(warden_fd, SHUT_WR);
	check(waitpid(keeper, &status, 0) == keeper && WIFEXITED(status) &&
		      WEXITSTATUS(status) == 0,
	      "the keeper did not stop in good order");
	printf("%u checks\n", checks);
	return 0;
}
