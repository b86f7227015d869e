/*
 * flood: callers of the daemon's sockets, ill-meaning and polite.
 *
 *   flood attack KIND SOCKET CONNECTIONS PROCESSES
 *	goes on until it is killed; says "under way" when it has done all of it once.  KIND:
 *	  hold    opens connections and says nothing; one that is closed is opened again
 *	  storm   opens and closes as fast as it can
 *	  slow    a byte of a frame each second
 *	  half    half a frame, then nothing
 *	  rights  frames that carry 250 descriptors each
 *	  linger  frames that carry a socket which takes an hour to close
 *	  deaf    requests without end, no answer read
 *	  chatty  requests without end, each answer read
 *   flood polite SOCKET COUNT MS_BETWEEN
 *	COUNT times: connect, ask for the list of the caller's own, take the whole answer; on each
 *	a line "public NANOSECONDS"
 *   flood login SOCKET COUNT MS_BETWEEN
 *	the same with a question of PAM's about somebody unknown: "login NANOSECONDS"
 *   flood drip SOCKET MS
 *	sends a whole request, one byte each MS ms; status 0 when it is hung up on before the end
 *	Polite and login wait as long as the real clients do; status 1 at the first that got no answer.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "err.h" /* NOLINT(readability-duplicate-include): not <err.h> */
#include "proto.h"

#define PUBLIC_MS 10000 /* lockbox's own patience */
#define LOGIN_MS 1900	/* pam_lockbox's */
#define PASSED 250	/* descriptors in one frame; the kernel takes 253 */

static int64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void
pause_ms(long ms)
{
	const struct timespec ts = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&ts, NULL);
}

/* --- polite ------------------------------------------------------------------------------------ */

static int
ask_public(struct lb_client *c)
{
	struct lb_msg_list list = {.which = LB_LIST_MINE};
	union lb_msg m;
	uint16_t type = 0;
	int err = lb_client_send(c, LB_MSG_LIST, &list);

	while (err == LB_OK && type != LB_MSG_DONE && type != LB_MSG_REFUSED)
		err = lb_client_receive(c, &type, &m);
	return err == LB_OK && type == LB_MSG_REFUSED ? LB_ERR_REFUSED : err;
}

static int
ask_login(struct lb_client *c)
{
	struct lb_msg_login login = {
		.user = "lb-nobody-1", .uid = 1900999999, .service = "sshd", .rhost = "h"};
	union lb_msg m;
	uint16_t type;
	int e = lb_client_send(c, LB_MSG_PAM_ACCOUNT, &login);

	if (e == LB_OK)
		e = lb_client_receive(c, &type, &m);
	if (e == LB_OK && (type != LB_MSG_VERDICT || m.verdict.verdict != LB_VERDICT_DENY))
		errx(1, "somebody unknown was let in");
	return e;
}

static int
polite(const char *what, const char *path, int count, long between_ms, unsigned timeout_ms,
       int (*ask)(struct lb_client *))
{
	for (int i = 0; i < count; i++) {
		int64_t begin = now_ns();
		struct lb_client c;
		int e = lb_client_open(&c, path, timeout_ms);

		if (e == LB_OK)
			e = ask(&c);
		lb_client_close(&c);
		printf("%s %lld\n", what, (long long)(now_ns() - begin));
		if (e != LB_OK) {
			fprintf(stderr, "%s %d: %s\n", what, i, lb_err_text(e));
			return 1;
		}
		pause_ms(between_ms);
	}
	return 0;
}

static int
drip(const char *path, long ms)
{
	struct lb_msg_list list = {.which = LB_LIST_MINE};
	uint8_t frame[LB_HEADER_SIZE + LB_PAYLOAD_MAX];
	struct lb_client c;
	size_t len;

	if (lb_client_open(&c, path, PUBLIC_MS) != LB_OK ||
	    lb_proto_encode(LB_MSG_LIST, &list, frame, sizeof frame, &len) != LB_OK)
		errx(2, "no connection");
	for (size_t i = 0; i < len; i++) {
		struct pollfd p = {.fd = c.fd, .events = POLLIN};

		if (send(c.fd, frame + i, 1, MSG_NOSIGNAL) != 1 ||
		    (poll(&p, 1, (int)ms) > 0 && recv(c.fd, frame, 1, 0) == 0))
			return 0;
	}
	return 1;
}

/* --- ill-meaning ------------------------------------------------------------------------------- */

static struct sockaddr_un address = {.sun_family = AF_UNIX};
static uint8_t request[LB_HEADER_SIZE + LB_PAYLOAD_MAX];
static size_t request_len;

static int
dial(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool
send_with(int to, const void *bytes, size_t len, const int *fds, size_t count)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(PASSED * sizeof(int))];
	} control = {0};
	struct iovec iov = {(void *)(uintptr_t)bytes, len};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = CMSG_SPACE(count * sizeof(int))};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(c), fds, count * sizeof(int));
	return sendmsg(to, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

/* A connected TCP socket whose close waits an hour: its peer takes nothing any more. */
static int
slow_to_close(void)
{
	static int listener = -1, kept[4096];
	static unsigned turn;
	static struct sockaddr_in at = {.sin_family = AF_INET};
	static char fill[65536];
	const struct linger hour = {1, 3600};
	const int small = 4096;
	socklen_t len = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (listener < 0) {
		at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
		if (bind(listener, (struct sockaddr *)&at, sizeof at) != 0 ||
		    listen(listener, 64) != 0 ||
		    getsockname(listener, (struct sockaddr *)&at, &len) != 0)
			err(1, "loopback");
	}
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) != 0)
		err(1, "loopback");
	if (kept[turn % 4096] > 0)
		close(kept[turn % 4096]); /* an older one may go: by then it has done its harm */
	kept[turn++ % 4096] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hour, sizeof hour);
	while (send(fd, fill, sizeof fill, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		;
	return fd;
}

/* What one connection does each time its turn comes; false: it is over. */
typedef bool step(int fd, unsigned turn);

static bool
still_open(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	return n > 0 || (n < 0 && errno == EAGAIN);
}

static bool
do_hold(int fd, unsigned turn)
{
	(void)turn;
	return still_open(fd);
}

static bool
do_storm(int fd, unsigned turn)
{
	(void)fd;
	return turn == 0;
}

static bool
do_slow(int fd, unsigned turn)
{
	if (turn % 100 != 0) /* turns are 10 ms */
		return still_open(fd);
	return send(fd, request + turn / 100 % request_len, 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
}

static bool
do_half(int fd, unsigned turn)
{
	if (turn > 0)
		return still_open(fd);
	return send(fd, request, request_len / 2, MSG_NOSIGNAL | MSG_DONTWAIT) > 0;
}

static bool
do_rights(int fd, unsigned turn)
{
	static int null = -1;
	int fds[PASSED];

	(void)turn;
	if (null < 0)
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int i = 0; i < PASSED; i++)
		fds[i] = null;
	/* Where the kernel refuses descriptors, the frames go without. */
	return send_with(fd, request, request_len, fds, PASSED) ||
	       send(fd, request, request_len, MSG_NOSIGNAL | MSG_DONTWAIT) > 0;
}

static bool
do_linger(int fd, unsigned turn)
{
	int slow;
	bool sent;

	if (turn > 0)
		return still_open(fd);
	slow = slow_to_close();
	sent = send_with(fd, request, request_len / 2, &slow, 1);
	if (!sent) { /* nobody has it but us: it is to cost us nothing */
		const struct linger at_once = {1, 0};

		setsockopt(slow, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	}
	close(slow);
	return sent || send(fd, request, request_len / 2, MSG_NOSIGNAL | MSG_DONTWAIT) > 0;
}

static bool
do_deaf(int fd, unsigned turn)
{
	(void)turn;
	for (int i = 0; i < 64; i++)
		if (send(fd, request, request_len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			return errno == EAGAIN;
	return true;
}

static bool
do_chatty(int fd, unsigned turn)
{
	static char answers[65536];
	ssize_t n = 1;

	(void)turn;
	while (n > 0)
		n = recv(fd, answers, sizeof answers, MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN))
		return false;
	return send(fd, request, request_len, MSG_NOSIGNAL | MSG_DONTWAIT) > 0 || errno == EAGAIN;
}

static const struct kind {
	const char *name;
	step *step;
	bool busy; /* turns follow each other without a pause */
} kinds[] = {
	{"hold", do_hold, false}, {"storm", do_storm, true},	{"slow", do_slow, false},
	{"half", do_half, false}, {"rights", do_rights, false}, {"linger", do_linger, false},
	{"deaf", do_deaf, false}, {"chatty", do_chatty, true},
};

static void
nothing(int sig)
{
	(void)sig;
}

/* Where the daemon has closed the socket first, it is we who would wait an hour. */
static void
wait_for_nothing(void)
{
	const struct itimerval every = {{0, 5000}, {0, 5000}};
	struct sigaction act = {.sa_handler = nothing, .sa_flags = SA_RESTART};

	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
}

static void __attribute__((noreturn)) attack(const struct kind *kind, size_t connections, int say)
{
	int *fd = malloc(connections * sizeof *fd);
	unsigned *turn = calloc(connections, sizeof *turn);

	if (fd == NULL || turn == NULL)
		errx(1, "out of memory");
	for (size_t i = 0; i < connections; i++)
		fd[i] = -1;
	if (kind->step == do_linger)
		wait_for_nothing();
	for (;;) {
		for (size_t i = 0; i < connections; i++) {
			if (fd[i] < 0) {
				fd[i] = dial();
				turn[i] = 0;
			}
			if (fd[i] >= 0 && !kind->step(fd[i], turn[i]++)) {
				close(fd[i]);
				fd[i] = -1;
			}
		}
		if (say >= 0) {
			if (write(say, "x", 1) != 1)
				_exit(1);
			close(say);
			say = -1;
		}
		if (!kind->busy)
			pause_ms(10);
	}
}

static int
attack_all(const char *name, const char *path, size_t connections, int processes)
{
	const struct kind *kind = NULL;
	struct lb_msg_list list = {.which = LB_LIST_MINE};
	struct rlimit files;
	int ready[2];
	char byte;

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (strcmp(kinds[i].name, name) == 0)
			kind = &kinds[i];
	if (kind == NULL || processes < 1 || strlen(path) >= sizeof address.sun_path)
		errx(2, "no such attack");
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (lb_proto_encode(LB_MSG_LIST, &list, request, sizeof request, &request_len) != LB_OK)
		errx(2, "request");
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	signal(SIGPIPE, SIG_IGN);
	if (pipe(ready) != 0)
		err(1, "pipe");
	for (int i = 0; i < processes; i++) {
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			close(ready[0]);
			attack(kind, connections / (size_t)processes, ready[1]);
		}
	}
	close(ready[1]);
	for (int i = 0; i < processes; i++)
		if (read(ready[0], &byte, 1) != 1)
			errx(1, "the attackers are gone");
	puts("under way");
	fflush(stdout);
	for (;;)
		pause();
}

int
main(int argc, char **argv)
{
	if (argc == 6 && strcmp(argv[1], "attack") == 0)
		return attack_all(argv[2], argv[3], (size_t)atol(argv[4]), atoi(argv[5]));
	if (argc == 5 && strcmp(argv[1], "polite") == 0)
		return polite("public", argv[2], atoi(argv[3]), atol(argv[4]), PUBLIC_MS,
			      ask_public);
	if (argc == 5 && strcmp(argv[1], "login") == 0)
		return polite("login", argv[2], atoi(argv[3]), atol(argv[4]), LOGIN_MS, ask_login);
	if (argc == 4 && strcmp(argv[1], "drip") == 0)
		return drip(argv[2], atol(argv[3]));
	errx(2, "usage: see the beginning of flood.c");
}
