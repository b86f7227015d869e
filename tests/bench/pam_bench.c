/*
 * What PAM decisions cost.
 *
 *	pam_bench CONFDIR USER UID SERVICE...
 *
 * Two things of each service (a stack each, in CONFDIR): an account decision,
 * which is pam_start, pam_acct_mgmt, pam_end; and a whole login's part after
 * the password, which is pam_start, pam_acct_mgmt, pam_open_session,
 * pam_close_session, pam_end, in a process of its own whose login uid is UID.
 * Takes turns between the services, a bare round trip over an open Unix socket,
 * and one with a connection of its own, so that what else the machine does
 * falls on all of them alike.  The other end of the round trips is a process of
 * its own.  Every call must be PAM_SUCCESS.  The modules stay loaded
 * throughout, so that no stack is charged for loading.
 *
 * One line each comes out, "NAME NANOSECONDS", the median: NAME is round-trip,
 * round-trip-connected-anew, account-SERVICE or login-SERVICE.
 */
#include <fcntl.h>
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
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 400
#define WARM 40
#define SERVICES_MAX 8
#define CASES_MAX (2 + 2 * SERVICES_MAX)

/* As long as a question to the daemon and its answer are. */
#define ASK_SIZE 64
#define ANSWER_SIZE 32

static struct {
	const char *confdir, *user, *login_uid;
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

static void
check(int code, const char *service, const char *what)
{
	if (code == PAM_SUCCESS)
		return;
	fprintf(stderr, "pam_bench: %s: %s: %s\n", service, what, pam_strerror(NULL, code));
	exit(1);
}

/* A login has a process, a login uid and a registration of its own. */
static uint64_t
login(const char *service)
{
	int ends[2], status, fd;
	uint64_t begun, took = 0;
	pam_handle_t *pamh;
	pid_t child;

	if (pipe(ends) != 0 || (child = fork()) < 0)
		die("fork");
	if (child == 0) {
		fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, bench.login_uid, strlen(bench.login_uid)) < 0)
			die("login uid");
		close(fd);
		begun = now_ns();
		pamh = decide(service);
		check(pam_open_session(pamh, PAM_SILENT), service, "open");
		check(pam_close_session(pamh, PAM_SILENT), service, "close");
		pam_end(pamh, PAM_SUCCESS);
		took = now_ns() - begun;
		_exit(write(ends[1], &took, sizeof took) == (ssize_t)sizeof took ? 0 : 1);
	}
	close(ends[1]);
	if (read(ends[0], &took, sizeof took) != (ssize_t)sizeof took)
		took = 0;
	close(ends[0]);
	if (waitpid(child, &status, 0) != child || status != 0 || took == 0)
		exit(1);
	return took;
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
	static uint64_t took[CASES_MAX][ROUNDS];
	struct {
		const char *kind, *service;
		uint64_t (*once)(const char *);
	} cases[CASES_MAX] = {
		{"round-trip", "", round_trip},
		{"round-trip-connected-anew", "", round_trip_with_connection},
	};
	size_t count = 2;

	if (argc < 5 || argc > 4 + SERVICES_MAX) {
		fprintf(stderr, "usage: pam_bench CONFDIR USER UID SERVICE...\n");
		return 2;
	}
	bench.confdir = argv[1];
	bench.user = argv[2];
	bench.login_uid = argv[3];
	start_server();
	bench.open_socket = connect_to_server();
	for (int i = 4; i < argc; i++) {
		decide(argv[i]); /* a handle that is never ended keeps its modules loaded */
		cases[count].kind = "account-";
		cases[count].service = argv[i];
		cases[count++].once = decision;
		cases[count].kind = "login-";
		cases[count].service = argv[i];
		cases[count++].once = login;
	}
	for (size_t round = 0; round < WARM + ROUNDS; round++)
		for (size_t i = 0; i < count; i++)
			took[i][round < WARM ? 0 : round - WARM] = cases[i].once(cases[i].service);
	for (size_t i = 0; i < count; i++) {
		qsort(took[i], ROUNDS, sizeof took[i][0], compare);
		printf("%s%s %llu\n", cases[i].kind, cases[i].service,
		       (unsigned long long)took[i][ROUNDS / 2]);
	}
	return 0;
}
