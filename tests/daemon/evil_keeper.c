/*
 * A warden whose keeper is an attacker's.
 *
 * Started plainly this runs the real lb_warden_main().  The warden starts its
 * children from its own program file, so as keeper it meets this main() again:
 * there it does what a script tells it through /run/evil/in, line by line, and
 * writes what came of it to /run/evil/out, each answer ended by "done".
 *
 *   ready | sync-begin | sync-end
 *   account UID GID NAME IDENTITY ROLE SECONDS FRESH [OWN]  asks for an account, OWN: of that uid,
 *                               and waits for the answer
 *   evict UID NAME CAUSE [OWN]  waits until it is gone, or 1 s
 *   kernel UID SESSION          names a session of an own account
 *   ack UID
 *   session|disconnect UID PID OF   names PID, hands over the pidfd of OF ("none": no descriptor)
 *   raw TYPE BYTES FDS          a packet of that many zero bytes and descriptors
 *
 * Every command but raw is followed by a request that is always refused, so
 * that the answer shows that all before it has been dealt with.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "evil.h"
#include "err.h"
#include "ipc.h"
#include "privsep.h"
#include "warden/warden.h"

#define PING_UID 7u
#define NS 1000000000ull

static FILE *out;

static bool
send_message(enum lb_ipc type, const void *m, int fd)
{
	uint8_t bytes[LB_LINK_MESSAGE_MAX];
	size_t len;

	return lb_ipc_encode(type, m, bytes, sizeof bytes, &len) == LB_OK &&
	       evil_send(LB_FD_LINK, (uint16_t)type, bytes, len, &fd, fd >= 0);
}

/* Tells of every outcome that comes until one of this type and uid does, or the time is up. */
static bool
listen_for(enum lb_ipc type, uint32_t uid, int timeout_ms)
{
	struct pollfd p = {.fd = LB_FD_LINK, .events = POLLIN};
	int64_t end = lb_boot_ns() + timeout_ms * 1000000ll;

	for (;;) {
		uint8_t packet[LB_LINK_MESSAGE_MAX + 2];
		int64_t left = (end - lb_boot_ns()) / 1000000;
		union lb_ipc_msg m;
		uint16_t got;
		ssize_t n;

		if (left <= 0 || poll(&p, 1, (int)left) <= 0)
			return false;
		n = recv(LB_FD_LINK, packet, sizeof packet, 0);
		if (n < 2) {
			fprintf(out, "link lost\ndone\n");
			fflush(out);
			for (;;)
				pause(); /* the warden ends us */
		}
		got = (uint16_t)(packet[0] << 8 | packet[1]);
		if (lb_ipc_decode(got, packet + 2, (size_t)n - 2, &m) != LB_OK)
			continue;
		if (got != LB_IPC_PUBLISHED && got != LB_IPC_EVICTED)
			continue;
		if (m.outcome.uid != PING_UID)
			fprintf(out, "%s %u %s %s\n",
				got == LB_IPC_EVICTED ? "evicted" : "published", m.outcome.uid,
				m.outcome.ok ? "yes" : "no", m.outcome.text);
		if (got == type && m.outcome.uid == uid)
			return true;
	}
}

static void
ping(void)
{
	const struct lb_ipc_account a = {.uid = PING_UID};

	if (!send_message(LB_IPC_ACCOUNT, &a, -1) || !listen_for(LB_IPC_PUBLISHED, PING_UID, 5000))
		fprintf(out, "no answer\n");
}

static void
do_account(char **w)
{
	struct lb_ipc_account a = {.grant = 1};
	uint64_t ns = strtoull(w[5], NULL, 10) * NS;

	a.uid = (uint32_t)strtoul(w[0], NULL, 10);
	a.role_gid = (uint32_t)strtoul(w[1], NULL, 10);
	snprintf(a.name, sizeof a.name, "%s", w[2]);
	snprintf(a.identity, sizeof a.identity, "%s", w[3]);
	snprintf(a.role, sizeof a.role, "%s", w[4]);
	a.end_wall_ns = (uint64_t)lb_wall_ns() + ns;
	a.end_boot_ns = ns == 0 ? 0 : (uint64_t)lb_boot_ns() + ns;
	a.fresh = (uint8_t)atoi(w[6]);
	a.own_uid = (uint32_t)strtoul(w[7], NULL, 10);
	send_message(LB_IPC_ACCOUNT, &a, -1);
	if (!listen_for(LB_IPC_PUBLISHED, a.uid, 5000))
		fprintf(out, "no answer\n");
}

static void
do_evict(char **w)
{
	struct lb_ipc_evict e = {.grant = 1};

	e.uid = (uint32_t)strtoul(w[0], NULL, 10);
	snprintf(e.name, sizeof e.name, "%s", w[1]);
	snprintf(e.cause, sizeof e.cause, "%s", w[2]);
	e.own_uid = (uint32_t)strtoul(w[3], NULL, 10);
	send_message(LB_IPC_EVICT, &e, -1);
	if (!listen_for(LB_IPC_EVICTED, e.uid, strcmp(w[2], "quickly") == 0 ? 300 : 5000))
		fprintf(out, "not evicted\n");
}

static void
do_session(enum lb_ipc type, char **w)
{
	struct lb_ipc_session s = {.text = "evil"};
	int fd = -1;

	s.uid = (uint32_t)strtoul(w[0], NULL, 10);
	s.pid = (uint32_t)strtoul(w[1], NULL, 10);
	if (strcmp(w[2], "file") == 0)
		fd = open("/dev/null", O_RDWR);
	else if (strcmp(w[2], "none") != 0)
		fd = (int)syscall(SYS_pidfd_open, (pid_t)atoi(w[2]), 0);
	if (fd < 0 && strcmp(w[2], "none") != 0)
		fprintf(out, "no pidfd\n");
	send_message(type, &s, fd);
	if (fd >= 0)
		close(fd);
}

static void
do_raw(char **w)
{
	static const uint8_t zero[LB_LINK_MESSAGE_MAX + 100];
	int null = open("/dev/null", O_RDWR), fds[4] = {null, null, null, null};

	evil_send(LB_FD_LINK, (uint16_t)atoi(w[0]), zero, (size_t)atoi(w[1]), fds,
		  (size_t)atoi(w[2]));
	close(null);
	listen_for(LB_IPC_READY, 0, 3000); /* which never comes: until the link is lost */
}

static void
obey(char *line)
{
	char *word[10] = {NULL}, *save = NULL;
	int n = 0;

	for (char *w = strtok_r(line, " \n", &save); w != NULL && n < 10;
	     w = strtok_r(NULL, " \n", &save))
		word[n++] = w;
	for (int i = n; i < 10; i++)
		word[i] = line + strlen(line); /* "" */
	if (strcmp(word[0], "raw") == 0) {
		do_raw(word + 1);
	} else {
		if (strcmp(word[0], "ready") == 0)
			send_message(LB_IPC_READY, NULL, -1);
		else if (strcmp(word[0], "sync-begin") == 0)
			send_message(LB_IPC_SYNC_BEGIN, NULL, -1);
		else if (strcmp(word[0], "sync-end") == 0)
			send_message(LB_IPC_SYNC_END, NULL, -1);
		else if (strcmp(word[0], "account") == 0)
			do_account(word + 1);
		else if (strcmp(word[0], "evict") == 0)
			do_evict(word + 1);
		else if (strcmp(word[0], "session") == 0)
			do_session(LB_IPC_SESSION, word + 1);
		else if (strcmp(word[0], "disconnect") == 0)
			do_session(LB_IPC_DISCONNECT, word + 1);
		else if (strcmp(word[0], "kernel") == 0)
			send_message(LB_IPC_KERNEL,
				     &(struct lb_ipc_kernel){(uint32_t)strtoul(word[1], NULL, 10),
							     (uint32_t)strtoul(word[2], NULL, 10)},
				     -1);
		else if (strcmp(word[0], "ack") == 0)
			send_message(LB_IPC_ACK,
				     &(struct lb_ipc_uid){(uint32_t)strtoul(word[1], NULL, 10)},
				     -1);
		else
			fprintf(out, "what?\n");
		ping();
	}
	fprintf(out, "done\n");
	fflush(out);
}

static int
play(void)
{
	struct pollfd p[2] = {{.fd = LB_FD_LINK, .events = POLLIN}, {.events = POLLIN}};
	char line[1024];
	size_t used = 0;

	p[1].fd = open("/run/evil/in", O_RDWR | O_CLOEXEC);
	out = fopen("/run/evil/out", "ae");
	if (p[1].fd < 0 || out == NULL)
		return 1;
	fprintf(out, "keeper %d\n", (int)getpid());
	fflush(out);
	while (poll(p, 2, -1) > 0) {
		if (p[0].revents != 0) {
			uint8_t packet[LB_LINK_MESSAGE_MAX + 2];

			if (recv(LB_FD_LINK, packet, sizeof packet, MSG_DONTWAIT) == 0)
				return 0;
		}
		if (p[1].revents == 0)
			continue;
		if (read(p[1].fd, line + used, 1) != 1 || used == sizeof line - 2)
			return 1;
		if (line[used++] == '\n') {
			line[used] = '\0';
			obey(line);
			used = 0;
		}
	}
	return 1;
}

int
main(int argc, char **argv)
{
	static const struct lb_warden_options options = {
		.host_file = "/etc/lockbox/lockbox.conf",
		.policy_dir = "/etc/lockbox/policy.d",
		.run_dir = "/run/lockbox",
		.state_dir = "/var/lib/lockbox",
		.sudoers_file = "/etc/sudoers.d/lockbox",
		.foreground = true,
	};

	umask(077);
	if (argc < 3 || strcmp(argv[1], "-x") != 0)
		return lb_warden_main(&options);
	if (strcmp(argv[2], "keeper") == 0)
		return play();
	/* Front and courier have no part in this: they stay until they are ended. */
	for (;;)
		pause();
}
