/*
 * Processes of temporary accounts whose grants all end in the same second, and how long after it
 * the last of them is gone.
 *
 *   evict_bench WHO SHAPE N PROCESSES END PEOPLE
 *
 * WHO     lockbox: the daemon that runs here ends them, or bare: this program does, by kill(2) on
 *         each pid that it started, which is as fast as anybody could
 * SHAPE   grant: PROCESSES of the account's uid; session: the first is the connection's own, root's
 *         with the account's login uid, and has registered itself with the daemon as sshd does
 * N       accounts: serials 1 to N, of the people p0 to p<PEOPLE - 1> in turn, as daemon_fill makes
 *         them
 * END     Unix seconds; 0: whenever somebody ends them, and then it says "ready" first
 *
 * Each process sleeps in the control group that the PAM module would have put it into.  Prints the
 * nanoseconds from END until the last has been waited for, as a parent sees it.  Status 3: END came
 * before all had begun.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cgroup.h"
#include "client.h"
#include "err.h"
#include "name.h"

#define NS 1000000000ll
#define PER_ROUND_MAX 64 /* that are being started at the same time */

struct shared {
	unsigned ready, failed;
	pid_t pid[];
};

static struct shared *shared;
static unsigned processes;
static uint32_t people;

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "evict_bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * NS + t.tv_nsec;
}

static void
check(int failed)
{
	if (!failed)
		return;
	__atomic_add_fetch(&shared->failed, 1, __ATOMIC_SEQ_CST);
	_exit(1);
}

static void __attribute__((noreturn)) sleep_for_ever(void)
{
	unsigned at = __atomic_fetch_add(&shared->ready, 1, __ATOMIC_SEQ_CST);

	shared->pid[at] = getpid();
	for (;;)
		pause();
}

static void
become(uint32_t uid)
{
	check(setgroups(0, NULL) != 0 || setresgid(uid, uid, uid) != 0 ||
	      setresuid(uid, uid, uid) != 0);
}

/* As pam_lockbox does in sshd: from here on the daemon knows the connection. */
static void
open_session(uint32_t serial)
{
	struct lb_msg_login login = {.service = "sshd", .rhost = "192.0.2.1", .tty = "ssh"};
	union lb_msg answer;
	struct lb_client c;
	char identity[LB_IDENTITY_MAX + 1];
	uint16_t type = 0;

	snprintf(identity, sizeof identity, "p%u", (serial - 1) % people);
	login.uid = lb_account_uid(serial);
	check(lb_account_name(login.user, identity, serial) != LB_OK ||
	      lb_client_open(&c, "/run/lockbox/pam.sock", 20000) != LB_OK ||
	      lb_client_send(&c, LB_MSG_PAM_OPEN, &login) != LB_OK ||
	      lb_client_receive(&c, &type, &answer) != LB_OK || type != LB_MSG_VERDICT ||
	      answer.verdict.verdict != LB_VERDICT_ALLOW);
	lb_client_close(&c);
}

static void __attribute__((noreturn)) account(uint32_t serial, int session)
{
	uint32_t uid = lb_account_uid(serial);
	char text[16];
	int len = snprintf(text, sizeof text, "%u", uid);
	int fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);
	int joined = lb_cgroup_join(uid);

	check(fd < 0 || write(fd, text, (size_t)len) != len ||
	      (joined != LB_OK && joined != LB_ERR_NOT_FOUND));
	close(fd);
	if (session)
		open_session(serial);
	else
		become(uid);
	for (unsigned i = 1; i < processes; i++) {
		pid_t pid = fork();

		check(pid < 0);
		if (pid == 0) {
			if (session)
				become(uid);
			sleep_for_ever();
		}
	}
	sleep_for_ever();
}

static void
start_all(unsigned n, int session)
{
	for (unsigned i = 0; i < n; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (pid == 0)
			account(i + 1, session);
		while (__atomic_load_n(&shared->ready, __ATOMIC_SEQ_CST) +
				       PER_ROUND_MAX * processes <
			       (i + 1) * processes &&
		       !shared->failed)
			usleep(200);
	}
	while (shared->ready < n * processes && !shared->failed)
		usleep(1000);
}

/* Nothing stays behind, however this ends. */
static void
end_all(void)
{
	for (unsigned i = 0; i < shared->ready; i++)
		kill(shared->pid[i], SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

int
main(int argc, char **argv)
{
	int bare = argc == 7 && strcmp(argv[1], "bare") == 0;
	unsigned n = argc == 7 ? (unsigned)atoi(argv[3]) : 0, all;
	int64_t end, left, last = 0;

	if (n == 0)
		die("usage: see the top of its source");
	processes = (unsigned)atoi(argv[4]);
	end = strtoll(argv[5], NULL, 10) * NS;
	people = (uint32_t)atoi(argv[6]);
	all = n * processes;
	shared = mmap(NULL, sizeof *shared + all * sizeof shared->pid[0], PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
		die("cannot begin");
	start_all(n, !bare && strcmp(argv[2], "session") == 0);
	left = end - now_ns();
	if (end != 0 && left < NS / 2) {
		end_all();
		return 3;
	}
	if (shared->failed) {
		end_all();
		errno = 0;
		die("a process could not be started as it was to be");
	}
	if (end == 0) {
		printf("ready\n");
		fflush(stdout);
	} else {
		fprintf(stderr, "%u processes, %.1f s before the end\n", all, (double)left / NS);
	}
	if (waitpid(-1, NULL, WNOHANG) != 0) {
		errno = 0;
		die("a process has ended by itself");
	}
	if (bare) {
		const struct timespec wait = {left / NS, left % NS};

		nanosleep(&wait, NULL);
		for (unsigned i = 0; i < all; i++)
			kill(shared->pid[i], SIGKILL);
	}
	for (unsigned i = 0; i < all; i++) {
		if (waitpid(-1, NULL, 0) < 0)
			die("waitpid");
		last = now_ns();
		if (last < end) {
			errno = ETIME;
			die("one was ended too early");
		}
	}
	printf("%lld\n", (long long)(end == 0 ? 0 : last - end));
	return 0;
}
