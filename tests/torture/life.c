/*
 * life: the life of a grant under faults, again and again, each time with one
 * call of the daemon's processes failing (part/inject.h).
 *
 *	life LOCKBOXD STACKS WORDS...
 *
 *	calls | allocations	what fails
 *	part=K/N		only each Nth point, from the Kth
 *	most=N			at most N points in all, spread evenly
 *	each=N			of one place at most N times that it is reached (4)
 *	role=R call=C at=0xN	only these; at: the innermost of the addresses
 *	not=0xN-0xM		no allocations of this part of the program, and of what it calls
 *	library=0xN,0xN		calls of functions of a library that faults without memory: counted
 *				apart
 *	keep=ROLE/CALL/0xN-0xM	what is done whatever `most' says: places in this part of the
 *				program, once with each error
 *	verbose
 *
 * STACKS is a directory of PAM stacks with the module in them, for service
 * sshd.  People (alice, bob, carol, mallory) are Unix users here.
 *
 * One run: start, request, approve, claim, log in, reload, end, stop.  A
 * client tries again until it is told, as a person would.  When the warden has
 * ended, it is started anew without faults, as systemd does, and the run goes
 * on.  What must never be, and is counted as it is found:
 *
 *	fail-open	somebody is let in, or gets a name, without an active grant
 *	crashes		SIGSEGV, SIGABRT, a call outside the filter ...
 *	leaks		more descriptors or blocks than without the fault
 *	lost		something acknowledged is not in the store or the record
 *	outlived	a process of the account lives on after the end
 *	stuck		neither works within its time nor says that it is down
 */
#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "err.h"
#include "part/inject.h"
#include "keeper/store.h"
#include "proto.h"

#define STORE_DIR "/var/lib/lockbox"
#define PASSED_S 15 /* for one step, with restarts in it */
#define NEW_STORE_EVERY 150
#define POINTS_MAX 400000

enum finding { FAIL_OPEN, CRASHES, LEAKS, LOST, OUTLIVED, STUCK, FINDINGS };
static const char *const finding_names[FINDINGS] = {
	"fail-open", "crashes", "leaks", "lost", "outlived", "stuck",
};
static unsigned found_count[FINDINGS];

enum person { ALICE, BOB, CAROL, MALLORY, PEOPLE };
static const char *const people[PEOPLE] = {"alice", "bob", "carol", "mallory"};
static uid_t uids[PEOPLE];

struct point {
	struct inject_point at;
	uint32_t frame[INJECT_FRAMES];
	bool fresh; /* on a store that is made anew */
};

static const char *lockboxd, *stacks, *library;
static unsigned library_count;
static bool allocations, verbose;
static struct point *points;
static size_t point_count;
static struct inject in;
static const struct point *now; /* NULL: nothing is to fail */
static bool found_here;

/* What a run knows. */
static struct {
	unsigned number;
	bool clean;    /* the daemon that runs is one without a fault */
	pid_t daemon;  /* its pid then */
	bool stopping; /* the end of the daemon is what is wanted */
	uint64_t grant;
	char reason[64], account[LB_ACCOUNT_MAX + 1], password[LB_PASSWORD_MAX + 1];
	uid_t uid;
	pid_t session, victim;
	bool requested, approved, claimed, opened, ended; /* acknowledged */
	uint64_t given_up; /* a grant that the daemon ended, since its account could not be made */
	uint64_t record;   /* the last in the record before */
} run;

static int err_pipe = -1;

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
nap(void)
{
	poll(NULL, 0, 3);
}

static void
tell_point(const struct point *p)
{
	if (p == NULL) {
		printf(" (no fault)\n");
		return;
	}
	printf(" %s %s %s nth=%u at", inject_role_names[p->at.role], inject_call_name(p->at.call),
	       inject_error_name(p->at.error), p->at.nth);
	for (int i = 0; i < INJECT_FRAMES; i++)
		if (p->frame[i] != 0)
			printf(" 0x%x", p->frame[i] - 1);
	printf("%s\n", p->fresh ? " fresh" : "");
}

static void __attribute__((format(printf, 2, 3))) found(enum finding what, const char *format, ...)
{
	va_list args;

	found_count[what]++;
	found_here = true;
	printf("FOUND %s: ", finding_names[what]);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	tell_point(now);
	fflush(stdout);
}

static void __attribute__((noreturn, format(printf, 1, 2))) misuse(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "life: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	exit(2);
}

/* ---- the daemon ---- */

static char *const daemon_env[] = {(char *)(uintptr_t) "PATH=/usr/sbin:/usr/bin", NULL};

static char **
daemon_argv(void)
{
	static char flag[] = "-d";
	static char *argv[3];

	argv[0] = (char *)(uintptr_t)lockboxd;
	argv[1] = flag;
	return argv;
}

static void
start_clean(void)
{
	run.clean = true;
	run.daemon = fork();
	if (run.daemon < 0)
		misuse("fork: %s", strerror(errno));
	if (run.daemon == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(err_pipe, 1);
		dup2(err_pipe, 2);
		execve(lockboxd, daemon_argv(), daemon_env);
		_exit(127);
	}
}

static void
note_crashes(void)
{
	if (in.report->crashes == 1 && now != NULL && now->at.call == INJECT_ALLOC &&
	    inject_in_list(library, now->frame[0])) {
		library_count++;
		in.report->crashes = 0;
	}
	for (unsigned i = 0; i < in.report->crashes && i < INJECT_CRASHES; i++)
		found(CRASHES, "%s by SIG%s at %s, last call %s",
		      inject_role_names[in.report->crash[i].role],
		      sigabbrev_np(in.report->crash[i].signal), in.report->place,
		      inject_call_name(in.report->crash[i].call));
	in.report->crashes = 0;
}

/* Looks after the daemon: one that has ended is started again, without a fault. */
static void
attend(void)
{
	if (run.stopping)
		return;
	if (run.clean) {
		if (waitpid(run.daemon, NULL, WNOHANG) == run.daemon) {
			if (now != NULL)
				found(STUCK, "a clean start failed after");
			else
				misuse("lockboxd does not start");
			start_clean();
			nap();
		}
		return;
	}
	if (!in.report->over)
		return;
	/* Its children end by themselves; a new one can begin at once all the same. */
	if (!inject_finish(&in, 8000))
		found(STUCK, "children live on without the warden");
	note_crashes();
	start_clean();
}

static void
end_daemon(void)
{
	int64_t limit = now_ms() + 8000;

	run.stopping = true;
	if (run.clean) {
		kill(run.daemon, SIGTERM);
		while (waitpid(run.daemon, NULL, WNOHANG) != run.daemon) {
			if (now_ms() > limit) {
				found(STUCK, "a clean daemon does not stop after");
				kill(run.daemon, SIGKILL);
				waitpid(run.daemon, NULL, 0);
				break;
			}
			nap();
		}
		run.daemon = 0;
		return;
	}
	if (!in.report->over && in.report->pid[INJECT_MAIN] > 0)
		kill(in.report->pid[INJECT_MAIN], SIGTERM);
	if (!inject_finish(&in, 8000))
		found(STUCK, "does not stop at SIGTERM");
	note_crashes();
}

/* ---- talking to it ---- */

/* LB_OK, LB_ERR_REFUSED with *code, or another error: nobody knows. */
static int
ask(enum person who, uint16_t type, const void *msg, uint16_t item, union lb_msg *out,
    unsigned *items, uint16_t *code)
{
	struct lb_client c;
	union lb_msg got;
	uint16_t kind;
	int err;

	*items = 0;
	*code = 0;
	if (seteuid(uids[who]) != 0)
		misuse("seteuid");
	err = lb_client_open(&c, LB_PUBLIC_SOCKET, 3000);
	if (seteuid(0) != 0)
		misuse("seteuid");
	if (err == LB_OK)
		err = lb_client_send(&c, type, msg);
	while (err == LB_OK) {
		err = lb_client_receive(&c, &kind, &got);
		if (err != LB_OK)
			break;
		if (kind == LB_MSG_DONE)
			break;
		if (kind == LB_MSG_REFUSED) {
			*code = got.refused.code;
			err = LB_ERR_REFUSED;
		} else if (kind == item) {
			*out = got;
			++*items;
		} else {
			err = LB_ERR_MALFORMED;
		}
	}
	lb_client_close(&c);
	return err;
}

/* The state of this run's grant, by its number or its reason; 0: not known. */
static uint8_t
state_of_grant(void)
{
	struct lb_msg_act act = {.id = run.grant};
	struct lb_msg_list list = {.which = LB_LIST_MINE};
	union lb_msg out;
	unsigned items;
	uint16_t code;

	memset(&out, 0, sizeof out);
	if (run.grant != 0) {
		if (ask(ALICE, LB_MSG_SHOW, &act, LB_MSG_GRANT, &out, &items, &code) == LB_OK &&
		    items == 1) {
			run.uid = out.grant.uid;
			return out.grant.state;
		}
		if (code == LB_NO_SUCH)
			found(LOST, "grant R-%llu is not known", (unsigned long long)run.grant);
		return 0;
	}
	/* The newest of hers comes last. */
	if (ask(ALICE, LB_MSG_LIST, &list, LB_MSG_GRANT, &out, &items, &code) == LB_OK &&
	    items > 0 && strcmp(out.grant.reason, run.reason) == 0) {
		run.grant = out.grant.id;
		return out.grant.state;
	}
	return 0;
}

/* Goes on until done() or the time for a step is over. */
static bool
until(bool (*done)(void), const char *what)
{
	int64_t limit = now_ms() + PASSED_S * 1000;

	for (;;) {
		attend();
		if (done())
			return true;
		if (now_ms() > limit) {
			if (!run.clean)
				found(STUCK, "%s is not done", what);
			else
				found(STUCK, "%s is not done, by a clean daemon, after", what);
			return false;
		}
		nap();
	}
}

static bool
is_up(void)
{
	struct lb_msg_list list = {.which = LB_LIST_MINE};
	union lb_msg out;
	unsigned items;
	uint16_t code;

	return ask(ALICE, LB_MSG_LIST, &list, LB_MSG_GRANT, &out, &items, &code) == LB_OK;
}

static bool
do_request(void)
{
	struct lb_msg_request msg = {.duration_s = 600};
	union lb_msg out;
	unsigned items;
	uint16_t code;

	if (state_of_grant() != 0)
		return true;
	snprintf(msg.role, sizeof msg.role, "db-operator");
	snprintf(msg.reason, sizeof msg.reason, "%s", run.reason);
	if (ask(ALICE, LB_MSG_REQUEST, &msg, LB_MSG_GRANT, &out, &items, &code) != LB_OK ||
	    items != 1)
		return false;
	run.grant = out.grant.id;
	run.requested = true;
	return true;
}

static bool
do_approve(void)
{
	struct lb_msg_act act = {.id = run.grant};
	union lb_msg out;
	unsigned items;
	uint16_t code;

	if (ask(BOB, LB_MSG_APPROVE, &act, LB_MSG_GRANT, &out, &items, &code) == LB_OK) {
		run.approved = true;
		return true;
	}
	return state_of_grant() == LB_STATE_APPROVED;
}

static bool
do_claim(void)
{
	struct lb_msg_act act = {.id = run.grant};
	union lb_msg out;
	unsigned items;
	uint16_t code;

	if (ask(ALICE, LB_MSG_CLAIM, &act, LB_MSG_CLAIMED, &out, &items, &code) != LB_OK ||
	    items != 1)
		return false;
	run.claimed = true;
	snprintf(run.account, sizeof run.account, "%s", out.claimed.account);
	snprintf(run.password, sizeof run.password, "%s", out.claimed.password);
	return state_of_grant() == LB_STATE_ACTIVE && run.uid != 0;
}

/* True when the daemon has ended the grant because the account could not be published. */
static bool
was_given_up(void)
{
	uint8_t state = state_of_grant();

	if (state != LB_STATE_ENDING && state != LB_STATE_ENDED)
		return false;
	run.given_up = run.grant;
	return true;
}

static bool
claim_settled(void)
{
	return do_claim() || was_given_up();
}

static bool
do_end(void)
{
	struct lb_msg_act act = {.id = run.grant};
	union lb_msg out;
	unsigned items;
	uint16_t code;
	uint8_t state;

	if (ask(ALICE, LB_MSG_END, &act, LB_MSG_GRANT, &out, &items, &code) == LB_OK) {
		run.ended = true;
		return true;
	}
	state = state_of_grant();
	return state == LB_STATE_ENDING || state == LB_STATE_ENDED;
}

static bool
is_ended(void)
{
	return state_of_grant() == LB_STATE_ENDED;
}

/* ---- logging in ---- */

static int
converse(int count, const struct pam_message **messages, struct pam_response **responses,
	 void *data)
{
	struct pam_response *r = calloc((size_t)count, sizeof *r);

	if (r == NULL)
		return PAM_BUF_ERR;
	for (int i = 0; i < count; i++)
		if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF)
			r[i].resp = strdup(data);
	*responses = r;
	return PAM_SUCCESS;
}

/* One PAM call on a handle of its own. */
static int
pam(const char *user, const char *password, int (*call)(pam_handle_t *, int))
{
	const struct pam_conv conv = {converse, (void *)(uintptr_t)password};
	pam_handle_t *h = NULL;
	int code = pam_start_confdir("sshd", user, &conv, stacks, &h);

	if (code == PAM_SUCCESS)
		code = call(h, PAM_SILENT);
	if (h != NULL)
		pam_end(h, code);
	return code;
}

static void
let_in(const char *what)
{
	found(FAIL_OPEN, "%s (grant is %s)", what, lb_state_name(state_of_grant()));
}

/* What must not be at any time. */
static void
try_the_gate(void)
{
	if (pam("mallory", "", pam_acct_mgmt) == PAM_SUCCESS)
		let_in("mallory passes account without a grant");
}

/* A login uid in the reserved range decides nothing, whoever the process has become. */
static void
try_as_temporary(void)
{
	struct lb_msg_list list = {.which = LB_LIST_PENDING};
	union lb_msg out;
	unsigned items;
	uint16_t code;
	char text[16];
	int fd, status;
	pid_t pid = fork();

	if (pid == 0) {
		fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);
		snprintf(text, sizeof text, "%u", run.uid);
		if (fd < 0 || write(fd, text, strlen(text)) < 0)
			_exit(2);
		_exit(ask(BOB, LB_MSG_LIST, &list, LB_MSG_GRANT, &out, &items, &code) == LB_OK);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
	    WEXITSTATUS(status) == 2)
		misuse("a process with a login uid");
	if (WEXITSTATUS(status) == 1)
		let_in("a process with the account's login uid is answered as an approver");
}

/* The session: a process with the account's login uid, and one that it leaves behind. */
static void __attribute__((noreturn)) be_session(int out)
{
	const struct pam_conv conv = {converse, run.password};
	pam_handle_t *h = NULL;
	pid_t victim;
	int code, fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);
	char text[16];

	signal(SIGTERM, SIG_DFL);
	snprintf(text, sizeof text, "%u", run.uid);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		_exit(2);
	close(fd);
	code = pam_start_confdir("sshd", run.account, &conv, stacks, &h);
	if (code == PAM_SUCCESS)
		code = pam_authenticate(h, PAM_SILENT);
	if (code == PAM_SUCCESS)
		code = pam_acct_mgmt(h, PAM_SILENT);
	if (code == PAM_SUCCESS)
		code = pam_open_session(h, PAM_SILENT);
	if (code != PAM_SUCCESS)
		_exit(1);
	victim = fork();
	if (victim == 0) {
		setsid();
		if (setgroups(0, NULL) != 0 || setresgid(run.uid, run.uid, run.uid) != 0 ||
		    setresuid(run.uid, run.uid, run.uid) != 0)
			_exit(2);
		if (write(out, &(pid_t){getpid()}, sizeof(pid_t)) < 0)
			_exit(2);
		for (;;)
			pause();
	}
	for (;;)
		pause();
}

static bool
do_login(void)
{
	int out[2], status;
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) != 0)
		misuse("pipe");
	pid = fork();
	if (pid == 0)
		be_session(out[1]);
	close(out[1]);
	if (pid > 0 && read(out[0], &run.victim, sizeof run.victim) == sizeof run.victim) {
		close(out[0]);
		run.session = pid;
		run.opened = true;
		return true;
	}
	close(out[0]);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	/* The password may be spent. */
	do_claim();
	return false;
}

/* True when the keeper answers; the session, whose process lives, must be counted then. */
static bool
session_counts(void)
{
	struct lb_msg_act act = {.id = run.grant};
	union lb_msg out;
	unsigned items;
	uint16_t code;

	if (ask(ALICE, LB_MSG_SHOW, &act, LB_MSG_GRANT, &out, &items, &code) != LB_OK || items != 1)
		return false;
	if (out.grant.state == LB_STATE_ACTIVE && out.grant.sessions != 1)
		found(LOST, "%u sessions are counted, and one is open", out.grant.sessions);
	return true;
}

static bool
login_settled(void)
{
	return run.given_up == run.grant || do_login() || was_given_up();
}

static bool
is_gone(pid_t pid)
{
	char path[64], line[512] = "";
	int fd;
	const char *p;

	if (pid <= 0 || waitpid(pid, NULL, WNOHANG) == pid)
		return true;
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return true;
	if (read(fd, line, sizeof line - 1) < 0)
		line[0] = '\0';
	close(fd);
	p = strrchr(line, ')');
	return p == NULL || p[2] == 'Z' || p[2] == 'X';
}

static bool
nothing_left(void)
{
	return is_gone(run.session) && is_gone(run.victim);
}

static bool
not_resolved(void)
{
	return getpwnam(run.account) == NULL && getpwuid(run.uid) == NULL;
}

/* ---- what is left in the end ---- */

static int
count_fds(pid_t pid)
{
	char path[64];
	int n = 0;
	DIR *d;

	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	d = opendir(path);
	if (d == NULL)
		return 0;
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n - 2;
}

static void
show_fds(pid_t pid)
{
	char path[64], to[128];
	ssize_t n;

	for (int fd = 0; fd < 64; fd++) {
		snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, fd);
		n = readlink(path, to, sizeof to - 1);
		if (n > 0)
			printf("  %d %.*s\n", fd, (int)n, to);
	}
}

static long
count_blocks(enum inject_role r)
{
	long n = 0;
	struct iovec local = {&n, sizeof n};
	struct iovec remote = {(void *)(uintptr_t)in.report->in_use[r], sizeof n};

	if (!allocations || in.report->pid[r] <= 0 || in.report->in_use[r] == 0)
		return 0;
	return process_vm_readv(in.report->pid[r], &local, 1, &remote, 1, 0) == sizeof n ? n : 0;
}

static int fds_due[INJECT_ROLES];
static long blocks_due[INJECT_ROLES];
#define BLOCKS_MORE 40

static bool
as_due(void)
{
	for (enum inject_role r = 0; r < INJECT_ROLES; r++)
		if (in.report->pid[r] > 0 && r != INJECT_CHILD && r != INJECT_CHECK &&
		    (count_fds(in.report->pid[r]) > fds_due[r] ||
		     count_blocks(r) > blocks_due[r] + BLOCKS_MORE))
			return false;
	return true;
}

static void
look_for_leaks(void)
{
	int64_t limit = now_ms() + 10000;

	if (run.clean || in.report->over)
		return;
	if (now != NULL && now->at.nth == 0) { /* nothing fails: this is how it should be */
		for (enum inject_role r = 0; r < INJECT_ROLES; r++) {
			fds_due[r] = in.report->pid[r] > 0 ? count_fds(in.report->pid[r]) : 0;
			blocks_due[r] = count_blocks(r);
		}
		return;
	}
	while (!as_due() && now_ms() < limit)
		nap();
	for (int r = 0; r < INJECT_ROLES; r++) {
		int n = in.report->pid[r] > 0 ? count_fds(in.report->pid[r]) : 0;
		long blocks;

		if (r == INJECT_CHILD || r == INJECT_CHECK)
			continue;
		blocks = count_blocks((enum inject_role)r);
		if (n > fds_due[r]) {
			found(LEAKS, "%s has %d descriptors instead of %d", inject_role_names[r], n,
			      fds_due[r]);
			show_fds(in.report->pid[r]);
		}
		if (blocks > blocks_due[r] + BLOCKS_MORE)
			found(LEAKS, "%s has %ld blocks instead of about %ld", inject_role_names[r],
			      blocks, blocks_due[r]);
	}
}

/* The record of this grant, as the closed store has it. */
struct events {
	unsigned request, approve, claim, open, end, evicted, given_up;
};

static void
read_events(struct lb_store *store, struct events *e)
{
	struct lb_store_txn *txn;
	struct lb_msg_record r;
	uint64_t after = run.record;

	memset(e, 0, sizeof *e);
	if (lb_store_begin(store, LB_STORE_READ, &txn) != LB_OK) {
		found(LOST, "the store cannot be read after");
		return;
	}
	while (lb_store_next_record(txn, after, &r) == LB_OK) {
		if (r.seq != after + 1)
			found(LOST, "record %llu is missing", (unsigned long long)after + 1);
		after = r.seq;
		e->given_up += r.grant == run.given_up && strcmp(r.event, "account-refused") == 0;
		if (r.grant != run.grant)
			continue;
		e->request += strcmp(r.event, "request") == 0;
		e->approve += strcmp(r.event, "approve") == 0;
		e->claim += strcmp(r.event, "claim") == 0;
		e->open += strcmp(r.event, "session-open") == 0;
		e->end += strcmp(r.event, "end") == 0;
		e->evicted += strcmp(r.event, "evicted") == 0;
	}
	run.record = after;
	lb_store_abort(txn);
}

/* What was acknowledged in this run is in the record, and the grant is over. */
static void
check_acknowledged(struct lb_store *store, const struct events *e)
{
	struct lb_store_txn *txn;
	struct lb_grant g;

	if (run.requested && e->request != 1)
		found(LOST, "%u records of the request", e->request);
	if (run.approved && e->approve != 1)
		found(LOST, "%u records of the approval", e->approve);
	if (run.claimed && e->claim == 0)
		found(LOST, "no record of the claim");
	if (run.opened && e->open == 0)
		found(LOST, "no record of the session");
	if (run.ended && e->end != 1)
		found(LOST, "%u records of the end", e->end);
	if (run.given_up != 0 && e->given_up != 1)
		found(LOST, "no record why R-%llu was ended", (unsigned long long)run.given_up);
	if (e->evicted != 1)
		found(LOST, "%u receipts", e->evicted);
	if (lb_store_begin(store, LB_STORE_READ, &txn) != LB_OK)
		return;
	if (lb_store_grant(txn, run.grant, &g) != LB_OK || g.state != LB_STATE_ENDED)
		found(LOST, "the grant is not ended in the store");
	lb_store_abort(txn);
}

/* The store belongs to the keeper's user, and only its owner may open it. */
static void
check_store(bool whole)
{
	char why[256] = "";
	struct lb_store *store = NULL;
	struct passwd *keeper = getpwnam("lockbox-keeper");
	struct events e;
	int err;

	if (keeper == NULL || setegid(keeper->pw_gid) != 0 || seteuid(keeper->pw_uid) != 0)
		misuse("no lockbox-keeper");
	err = lb_store_check(STORE_DIR, why, sizeof why);
	if (err == LB_OK)
		err = lb_store_open(STORE_DIR, (size_t)256 << 20, &store);
	if (err != LB_OK)
		found(LOST, "the store is not whole (%s: %s)", lb_err_text(err), why);
	if (store != NULL) {
		read_events(store, &e);
		if (whole)
			check_acknowledged(store, &e);
		lb_store_close(store);
	}
	if (seteuid(0) != 0 || setegid(0) != 0)
		misuse("cannot become root again");
}

/* ---- a run ---- */

static void
remove_store(void)
{
	DIR *d = opendir(STORE_DIR);
	struct dirent *e;

	if (d == NULL)
		return;
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.' && unlinkat(dirfd(d), e->d_name, 0) != 0)
			misuse("cannot remove %s: %s", e->d_name, strerror(errno));
	closedir(d);
	run.record = 0;
}

/* From the approval to the session, unless the daemon gives the grant up meanwhile. */
static bool
come_in(void)
{
	if (!until(do_approve, "the approval") || !until(claim_settled, "the claim"))
		return false;
	if (run.account[0] != '\0' && pam(run.account, "wrong", pam_authenticate) == PAM_SUCCESS)
		let_in("a wrong password passes");
	return until(login_settled, "the login");
}

static bool
live(void)
{
	pid_t up;

	if (!until(is_up, "the start"))
		return false;
	try_the_gate();
	if (!until(do_request, "the request"))
		return false;
	if (do_claim())
		found(FAIL_OPEN, "claimed without an approval");
	if (!come_in())
		return false;
	if (run.given_up != 0) {
		/* It says so and is in order; then she asks once more. */
		run.grant = 0;
		run.claimed = false;
		snprintf(run.reason, sizeof run.reason, "life %u again", run.number);
		if (!until(do_request, "the second request") || !come_in())
			return false;
	}
	if (pam(run.account, run.password, pam_authenticate) == PAM_SUCCESS)
		let_in("a spent password passes");
	try_as_temporary();
	/* The next keeper takes up the session where this one left it. */
	if (!run.clean && in.report->pid[INJECT_KEEPER] > 0) {
		kill(in.report->pid[INJECT_KEEPER], SIGKILL);
		if (!until(session_counts, "the next keeper's start"))
			return false;
	}
	up = run.clean ? run.daemon : in.report->pid[INJECT_MAIN];
	if (up > 0)
		kill(up, SIGHUP);
	try_the_gate();
	if (!until(do_end, "the end"))
		return false;
	if (pam(run.account, "", pam_acct_mgmt) == PAM_SUCCESS)
		let_in("the account passes after its end");
	if (!until(nothing_left, "the eviction")) {
		found(OUTLIVED, "session %s, process %s", is_gone(run.session) ? "gone" : "there",
		      is_gone(run.victim) ? "gone" : "there");
		return false;
	}
	if (!until(is_ended, "the receipt") || !until(not_resolved, "the publishing"))
		return false;
	try_the_gate();
	look_for_leaks();
	return true;
}

static void
clear_up(void)
{
	if (run.session > 0)
		kill(run.session, SIGKILL);
	if (run.victim > 0)
		kill(run.victim, SIGKILL);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

static void
drain(bool show)
{
	static char text[65536];
	ssize_t n;

	while ((n = read(err_pipe, text, sizeof text)) > 0)
		if (show)
			fwrite(text, 1, (size_t)n, stdout);
}

static void
one_life(const struct point *p)
{
	static const struct inject_point none = {.nth = 0};
	uint64_t record = run.record;
	unsigned number = run.number + 1;
	int pipes[2];
	bool good;

	memset(&run, 0, sizeof run);
	run.number = number;
	run.record = record;
	snprintf(run.reason, sizeof run.reason, "life %u", number);
	now = p;
	found_here = false;
	if (number % NEW_STORE_EVERY == 0 || (p != NULL && p->fresh))
		remove_store();
	if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK) != 0)
		misuse("pipe");
	fcntl(pipes[1], F_SETPIPE_SZ, 1 << 20);
	err_pipe = pipes[1];
	if (inject_start(&in, p != NULL ? &p->at : &none, NULL, daemon_argv(), daemon_env, pipes[1],
			 pipes[1]) != 0)
		misuse("inject: %s", strerror(errno));
	good = live();
	end_daemon();
	clear_up();
	check_store(good);
	close(pipes[1]);
	err_pipe = pipes[0];
	drain(found_here || verbose);
	close(pipes[0]);
}

/* ---- which points ---- */

static unsigned not_from, not_to, left_out;
static struct keep {
	char role[16], call[24];
	unsigned from, to;
} keeps[32];
static size_t keep_count;

static bool
is_kept(const struct point *p)
{
	for (size_t i = 0; i < keep_count; i++) {
		const struct keep *k = &keeps[i];

		if (p->at.nth > 1 || strcmp(k->role, inject_role_names[p->at.role]) != 0 ||
		    strcmp(k->call, inject_call_name(p->at.call)) != 0)
			continue;
		for (int f = 0; f < INJECT_FRAMES; f++)
			if (p->frame[f] >= k->from && p->frame[f] < k->to)
				return true;
	}
	return false;
}

static struct inject_site *counted[2];
static unsigned counted_n[2];

/* One life in which nothing fails, to see what there is. */
static void
count_sites(int which, bool fresh)
{
	one_life(&(struct point){.at = {.nth = 0}, .fresh = fresh});
	if (found_here || in.report->overflow)
		misuse("a life without any fault is not as it should be");
	counted_n[which] = in.report->sites;
	counted[which] = malloc(sizeof *counted[which] * in.report->sites);
	if (counted[which] == NULL)
		misuse("no memory");
	memcpy(counted[which], in.report->site, sizeof *counted[which] * in.report->sites);
}

static bool
known(const struct inject_site *s)
{
	for (unsigned i = 0; i < counted_n[1]; i++)
		if (counted[1][i].role == s->role && counted[1][i].call == s->call &&
		    counted[1][i].site == s->site)
			return true;
	return false;
}

static void
add_point(const struct inject_site *s, unsigned nth, int error, bool fresh)
{
	struct point *p;

	if (point_count == POINTS_MAX)
		misuse("too many points");
	p = &points[point_count++];
	memset(p, 0, sizeof *p);
	p->at.role = s->role;
	p->at.call = s->call;
	p->at.site = s->site;
	p->at.nth = nth;
	p->at.error = error;
	memcpy(p->frame, s->frame, sizeof p->frame);
	p->fresh = fresh;
}

static void
add_site(const struct inject_site *s, unsigned each, bool fresh)
{
	const int *errors;
	int n = inject_errors(s->call, &errors);

	if (n == 0 || (s->call == INJECT_ALLOC) != allocations)
		return;
	for (int i = 0; allocations && i < INJECT_FRAMES; i++)
		if (s->frame[i] >= not_from && s->frame[i] < not_to) {
			left_out += s->count;
			return;
		}
	for (int i = 0; i < n; i++)
		add_point(s, 1, errors[i], fresh);
	for (unsigned nth = 2; nth <= s->count && nth <= each; nth++)
		add_point(s, nth, errors[0], fresh);
}

static struct {
	unsigned part, parts, most, each;
	unsigned long at;
	const char *role, *call;
} wish = {.part = 1, .parts = 1, .each = 4};

static void
read_words(int argc, char **argv)
{
	if (argc < 4)
		misuse("usage: life LOCKBOXD STACKS calls|allocations [part=K/N] [most=N] "
		       "[each=N]");
	lockboxd = argv[1];
	stacks = argv[2];
	for (int i = 3; i < argc; i++) {
		if (strcmp(argv[i], "allocations") == 0)
			allocations = true;
		else if (strcmp(argv[i], "verbose") == 0)
			verbose = true;
		else if (strncmp(argv[i], "role=", 5) == 0)
			wish.role = argv[i] + 5;
		else if (strncmp(argv[i], "call=", 5) == 0)
			wish.call = argv[i] + 5;
		else if (keep_count < sizeof keeps / sizeof keeps[0] &&
			 sscanf(argv[i], "keep=%15[^/]/%23[^/]/%x-%x", keeps[keep_count].role,
				keeps[keep_count].call, &keeps[keep_count].from,
				&keeps[keep_count].to) == 4)
			keep_count++;
		else if (strncmp(argv[i], "library=", 8) == 0)
			library = argv[i] + 8;
		else if (strncmp(argv[i], "not=", 4) == 0 &&
			 sscanf(argv[i] + 4, "%x-%x", &not_from, &not_to) == 2)
			continue;
		else if (strncmp(argv[i], "at=", 3) == 0)
			wish.at = strtoul(argv[i] + 3, NULL, 16);
		else if (sscanf(argv[i], "part=%u/%u", &wish.part, &wish.parts) != 2 &&
			 sscanf(argv[i], "most=%u", &wish.most) != 1 &&
			 sscanf(argv[i], "each=%u", &wish.each) != 1 &&
			 strcmp(argv[i], "calls") != 0)
			misuse("what is %s?", argv[i]);
	}
}

static bool
is_wanted(const struct point *p)
{
	return (wish.role == NULL || strcmp(wish.role, inject_role_names[p->at.role]) == 0) &&
	       (wish.call == NULL || strcmp(wish.call, inject_call_name(p->at.call)) == 0) &&
	       (wish.at == 0 || p->frame[0] == wish.at + 1);
}

int
main(int argc, char **argv)
{
	unsigned sites, reached = 0;
	int64_t began = now_ms();
	size_t done = 0, kept = 0, wanted = 0;

	read_words(argc, argv);
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (int p = 0; p < PEOPLE; p++) {
		struct passwd *pw = getpwnam(people[p]);

		if (pw == NULL)
			misuse("no user %s", people[p]);
		uids[p] = pw->pw_uid;
	}
	points = calloc(POINTS_MAX, sizeof *points);
	if (points == NULL)
		misuse("no memory");
	count_sites(0, true);
	count_sites(1, false);
	for (int r = 0; verbose && r < INJECT_ROLES; r++)
		printf("%s: %d descriptors, %ld blocks\n", inject_role_names[r], fds_due[r],
		       blocks_due[r]);
	for (unsigned i = 0; i < counted_n[1]; i++)
		add_site(&counted[1][i], wish.each, false);
	for (unsigned i = 0; i < counted_n[0]; i++)
		if (!known(&counted[0][i]))
			add_site(&counted[0][i], wish.each, true);
	sites = counted_n[1];
	printf("%zu points at %u places, %lld ms for two lives\n", point_count, sites,
	       (long long)(now_ms() - began));

	for (size_t i = 0; i < point_count; i++) {
		const struct point *p = &points[i];

		if (!is_wanted(p))
			continue;
		wanted++;
		if (wanted % wish.parts != wish.part - 1)
			continue;
		if (is_kept(p)) {
			kept++;
		} else if (wish.most != 0 && wish.most < point_count / wish.parts &&
			   done - kept >= wish.most * (i + 1) / point_count + 1) {
			continue;
		}
		one_life(p);
		done++;
		reached += in.report->reached;
		if (verbose)
			printf("%s", in.report->reached ? "reached" : "not reached"), tell_point(p);
		if (done % 20 == 0)
			printf("%zu of %zu, %lld s\n", done, point_count / wish.parts,
			       (long long)(now_ms() - began) / 1000);
	}
	printf("RESULT done=%zu reached=%u places=%u left-out=%u library=%u", done, reached, sites,
	       left_out, library_count);
	for (int f = 0; f < FINDINGS; f++)
		printf(" %s=%u", finding_names[f], found_count[f]);
	printf("\n");
	return 0;
}
