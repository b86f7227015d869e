/*
 * What one account decision costs: pam_start_confdir, pam_acct_mgmt, pam_end.
 *
 *	pam_bench CONFDIR USER SERVICE...
 *
 * Takes turns between the services (a stack each, in CONFDIR), a bare round
 * trip over an open Unix socket, and one with a connection of its own, so that
 * what else the machine does falls on all of them alike.  The other end of the
 * round trips is a process of its own.  Every decision must be PAM_SUCCESS.
 * The modules stay loaded throughout, so that no stack is charged for loading.
 * One row each comes out: "NAME NANOSECONDS", the median.
 */
#include <security/pam_appl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 4000
#define WARM 200
#define SERVICES_MAX 8

/* As long as a question to the daemon and its answer are. */
#define ASK_SIZE 64
#define ANSWER_SIZE 32

static struct {
	const char *confdir, *user;
	struct sockaddr_un at;
	socklen_t at_len;
	int open_socket;
} bench;

static void __attribute__((noreturn)) die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Answers every connection until its end.  The first one stays open beside all others. */
static void __attribute__((noreturn)) serve(int listener)
{
	char buf[ASK_SIZE];
	int kept = accept(listener, NULL, NULL);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		fd_set ready;
		int fd = kept;

		FD_ZERO(&ready);
		FD_SET(kept, &ready);
		FD_SET(listener, &ready);
		if (select((kept > listener ? kept : listener) + 1, &ready, NULL, NULL, NULL) < 0)
			die("select");
		if (FD_ISSET(listener, &ready))
			fd = accept(listener, NULL, NULL);
		if (recv(fd, buf, sizeof buf, MSG_WAITALL) == (ssize_t)sizeof buf)
			send(fd, buf, ANSWER_SIZE, MSG_NOSIGNAL);
		else if (fd == kept)
			_exit(0);
		if (fd != kept)
			close(fd);
	}
}

/* An abstract address of the kernel's choosing: no file to clean up. */
static void
start_server(void)
{
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	bench.at.sun_family = AF_UNIX;
	if (listener < 0 || bind(listener, (struct sockaddr *)&bench.at, sizeof(sa_family_t)) != 0)
		die("bind");
	bench.at_len = sizeof bench.at;
	if (getsockname(listener, (struct sockaddr *)&bench.at, &bench.at_len) != 0 ||
	    listen(listener, 16) != 0)
		die("listen");
	switch (fork()) {
	case -1:
		die("fork");
	case 0:
		serve(listener);
	default:
		close(listener);
	}
}

static int
connect_to_server(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&bench.at, bench.at_len) != 0)
		die("connect");
	return fd;
}

static void
exchange(int fd)
{
	char buf[ASK_SIZE] = {0};

	if (send(fd, buf, sizeof buf, MSG_NOSIGNAL) != (ssize_t)sizeof buf ||
	    recv(fd, buf, ANSWER_SIZE, MSG_WAITALL) != ANSWER_SIZE)
		die("round trip");
}

static uint64_t
round_trip(const char *unused)
{
	uint64_t begun = now_ns();

	(void)unused;
	exchange(bench.open_socket);
	return now_ns() - begun;
}

static uint64_t
round_trip_with_connection(const char *unused)
{
	uint64_t begun = now_ns();
	int fd = connect_to_server();

	(void)unused;
	exchange(fd);
	close(fd);
	return now_ns() - begun;
}

static int
no_talk(int count, const struct pam_message **messages, struct pam_response **responses, void *data)
{
	(void)count, (void)messages, (void)responses, (void)data;
	return PAM_CONV_ERR;
}

static pam_handle_t *
decide(const char *service)
{
	const struct pam_conv conv = {no_talk, NULL};
	pam_handle_t *pamh = NULL;
	int code = pam_start_confdir(service, bench.user, &conv, bench.confdir, &pamh);

	if (code == PAM_SUCCESS)
		code = pam_acct_mgmt(pamh, PAM_SILENT);
	if (code != PAM_SUCCESS) {
		fprintf(stderr, "pam_bench: %s: %s\n", service, pam_strerror(NULL, code));
		exit(1);
	}
	return pamh;
}

static uint64_t
decision(const char *service)
{
	uint64_t begun = now_ns();

	pam_end(decide(service), PAM_SUCCESS);
	return now_ns() - begun;
}

static int
compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int
main(int argc, char **argv)
{
	static uint64_t took[SERVICES_MAX + 2][ROUNDS];
	struct {
		const char *name;
		uint64_t (*once)(const char *);
	} cases[SERVICES_MAX + 2];
	size_t count = 0;

	if (argc < 4 || argc > 3 + SERVICES_MAX) {
		fprintf(stderr, "usage: pam_bench CONFDIR USER SERVICE...\n");
		return 2;
	}
	bench.confdir = argv[1];
	bench.user = argv[2];
	start_server();
	bench.open_socket = connect_to_server();
	cases[count].name = "round-trip";
	cases[count++].once = round_trip;
	cases[count].name = "round-trip-connected-anew";
	cases[count++].once = round_trip_with_connection;
	for (int i = 3; i < argc; i++) {
		decide(argv[i]); /* a handle that is never ended keeps its modules loaded */
		cases[count].name = argv[i];
		cases[count++].once = decision;
	}
	for (size_t round = 0; round < WARM + ROUNDS; round++)
		for (size_t i = 0; i < count; i++)
			took[i][round < WARM ? 0 : round - WARM] = cases[i].once(cases[i].name);
	for (size_t i = 0; i < count; i++) {
		qsort(took[i], ROUNDS, sizeof took[i][0], compare);
		printf("%s %llu\n", cases[i].name, (unsigned long long)took[i][ROUNDS / 2]);
	}
	return 0;
}
