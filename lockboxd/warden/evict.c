/*
 * Eviction: see evict.h.
 *
 * One timer drives all accounts that are ending: one walk of /proc serves them
 * together, so that ten thousand ends in one second cost one walk, not ten
 * thousand.  A process is killed through the pidfd by which it was identified.
 * A walk alone proves nothing about one that forks faster than it is read, so
 * the account's control group and then its uid are killed whole, each in one
 * system call, before a walk counts.
 */
#include "warden/evict.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroup.h"
#include "clock.h"
#include "err.h"
#include "log.h"
#include "warden/cage.h"
#include "warden/helper.h"
#include "warden/home.h"
#include "warden/own.h"
#include "warden/scan.h"

#define MS 1000000ll
#define TOLD_NS (60 * MS) /* for sshd to pass on what was written to the terminal */
#define ASK_NS (200 * MS) /* what a connection then gets to close by itself */
#define TICK_FAST_MS 10u
#define TICK_SLOW_MS 500u /* once something resists for SLOW_AFTER_NS */
#define SLOW_AFTER_NS (5000 * MS)
#define CAGES_PER_TURN 256u
#define RELOOK_ROUNDS 16u /* walks go on also where nothing can be proven yet, but seldom */
#define CLEAN_SCANS 2u	  /* walks in a row that find nothing */
#define DOUBT_ROUNDS 150u /* walks after which processes of others that come and go are let pass */
#define CLEAR_TIMEOUT_MS 60000u
#define RUSH_MAX 64u  /* accounts that one helper rushes, one after the other */
#define RUSHES_MAX 4u /* helpers that do it at the same time */
#define RUSH_TIMEOUT_MS 1000u
#define RUSH_EACH_MS 20u /* more for each account */

struct lb_evictor {
	struct event_base *base;
	struct lb_accounts *all;
	struct event *tick;
	const char *acl_lock;
	lb_evict_gone *gone;
	void *arg;
	bool rushes[RUSHES_MAX]; /* under way */
	/* Killed in the last walk and in this one, ascending: who takes its time to die counts once. */
	struct pids {
		pid_t *pid;
		size_t count, cap, at;
	} before, now;
	struct lb_log_budget budget;
};

struct clearing {
	struct lb_evictor *e;
	uint32_t uid;
};

static bool
exited(const struct lb_connection *c)
{
	return syscall(SYS_pidfd_send_signal, c->pidfd, 0, NULL, 0) != 0;
}

static void
signal_pidfd(int pidfd, int sig)
{
	syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0);
}

void
lb_evict_connection(uint32_t uid, pid_t pid, int pidfd)
{
	if (lb_scan_belongs(pid, pidfd, uid) && lb_scan_is_listener(pid) == 0)
		signal_pidfd(pidfd, SIGTERM);
	else
		lb_log(LOG_WARNING, "connection %d does not belong to uid %u: left alone", (int)pid,
		       uid);
}

struct rush_job {
	uid_t real; /* of the killer: no other process has it */
	unsigned count;
	uint32_t uid[RUSH_MAX];
};

/*
 * In a child that shares our memory until it ends, and has credentials of its
 * own: raw system calls only, and nothing is written.  Nobody's processes but
 * the account's are killed: kill(-1) reaches those whose real or saved uid is
 * the caller's effective or real one, and the latter is nobody's.
 */
static void __attribute__((noreturn)) kill_all_of(uid_t real, uint32_t uid)
{
	const gid_t nobody = LB_ACCOUNT_UID_FIRST;

	if (!lb_uid_is_account(uid) || uid == nobody || lb_uid_is_account(real) || real == 0 ||
	    syscall(SYS_setgroups, 0, NULL) != 0 ||
	    syscall(SYS_setresgid, nobody, nobody, nobody) != 0 ||
	    syscall(SYS_setresuid, real, uid, real) != 0 || (uid_t)syscall(SYS_geteuid) != uid ||
	    (uid_t)syscall(SYS_getuid) != real)
		_exit(1);
	_exit(syscall(SYS_kill, -1, SIGKILL) == 0 || errno == ESRCH ? 0 : 1);
}

/*
 * A lb_helper_work: for each uid everything it has in one system call, so that
 * nothing that forks outruns it.  It acts with the account's effective uid; the
 * real one is none that is ever handed out, so that the account's processes
 * cannot signal it in turn, and not another helper's, so that helpers do not
 * kill each other.  text: '1' for each that was done, '0' for the others.
 */
static int
kill_all_as_accounts(const void *arg, char *text, size_t cap)
{
	const struct rush_job *job = arg;

	for (unsigned i = 0; i < job->count && i + 1 < cap; i++) {
		int status = -1;
		/* The child makes system calls only, and no signal handler runs in a helper. */
		/* NOLINTNEXTLINE(clang-analyzer-security.insecureAPI.vfork): a fork takes too long */
		pid_t pid = vfork();

		if (pid == 0)
			kill_all_of(job->real, job->uid[i]); /* NOLINT(clang-analyzer-unix.Vfork) */
		while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		text[i] = pid > 0 && status == 0 ? '1' : '0';
		text[i + 1] = '\0';
	}
	return 0;
}

struct rush {
	struct lb_evictor *e;
	unsigned slot;
	struct rush_job job;
};

static void
rush_done(void *arg, bool ok, const char *text)
{
	struct rush *r = arg;
	unsigned failed = 0;

	for (unsigned i = 0; i < r->job.count; i++) {
		struct lb_account *a = lb_accounts_find(r->e->all, r->job.uid[i]);
		bool done = ok && strlen(text) == r->job.count && text[i] == '1';

		failed += !done;
		if (a == NULL)
			continue;
		a->rushing = false;
		a->rushed = done;
		a->clean_scans = 0;
	}
	if (failed > 0)
		lb_log(LOG_ERR, "killing all of uid %u and %u others: %u failed (%s); tried again",
		       r->job.uid[0], r->job.count - 1, failed, ok ? "refused" : text);
	r->e->rushes[r->slot] = false;
	free(r);
}

/* Takes the next accounts that are to be rushed, from *at on; false when there is none or no place. */
static bool
rush_some(struct lb_evictor *e, size_t *at)
{
	struct rush *r;
	unsigned slot = 0;

	while (slot < RUSHES_MAX && e->rushes[slot])
		slot++;
	if (slot == RUSHES_MAX || (r = calloc(1, sizeof *r)) == NULL)
		return false; /* at the next turn */
	r->e = e;
	r->slot = slot;
	/* Group ids of roles are no user ids. */
	r->job.real = LB_UID_FIRST + slot;
	for (; *at < e->all->count && r->job.count < RUSH_MAX; ++*at) {
		const struct lb_account *a = e->all->at[*at];

		if (a->state == LB_ACCOUNT_KILLING && a->cage_tried && !a->rushed && !a->rushing &&
		    a->own_uid == 0)
			r->job.uid[r->job.count++] = a->uid;
	}
	if (r->job.count == 0 ||
	    lb_helper_run(e->base, kill_all_as_accounts, &r->job, sizeof r->job,
			  RUSH_TIMEOUT_MS + r->job.count * RUSH_EACH_MS, true, rush_done,
			  r) != LB_OK) {
		free(r);
		return false;
	}
	e->rushes[slot] = true;
	for (unsigned i = 0; i < r->job.count; i++)
		lb_accounts_find(e->all, r->job.uid[i])->rushing = true;
	return true;
}

static bool
wanted(void *arg, uint32_t uid)
{
	const struct lb_evictor *e = arg;
	const struct lb_account *a = lb_accounts_find(e->all, uid);

	return a != NULL && a->state == LB_ACCOUNT_KILLING && !a->rushing;
}

/* For the receipt's number only: without memory some count twice. */
static bool
first_time(struct lb_evictor *e, pid_t pid)
{
	struct pids *last = &e->before, *now = &e->now;

	if (now->count == now->cap) {
		size_t cap = now->cap == 0 ? 256 : now->cap * 2;
		pid_t *grown = reallocarray(now->pid, cap, sizeof *grown);

		if (grown != NULL) {
			now->pid = grown;
			now->cap = cap;
		}
	}
	if (now->count < now->cap)
		now->pid[now->count++] = pid;
	/* A walk meets the processes in order. */
	while (last->at < last->count && last->pid[last->at] < pid)
		last->at++;
	return last->at == last->count || last->pid[last->at] != pid;
}

/* The same by a session on somebody's own account. */
static uint32_t
wanted_session(void *arg, uint32_t login_uid, uint32_t session)
{
	const struct lb_evictor *e = arg;
	const struct lb_account *a = lb_own_of(e->all, login_uid, session);

	return a != NULL && a->state == LB_ACCOUNT_KILLING ? a->uid : UINT32_MAX;
}

/* A process of a scope that is to be killed whole. */
static bool
ours_or_gone(void *arg, pid_t pid)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	bool ours;

	if (pidfd < 0)
		return errno == ESRCH;
	ours = lb_own_belongs(arg, pid, pidfd) || exited(&(struct lb_connection){pid, pidfd});
	close(pidfd);
	return ours;
}

static void
kill_found(void *arg, const struct lb_found *found)
{
	struct lb_evictor *e = arg;
	struct lb_account *a = lb_accounts_find(e->all, found->owner);
	int listener = found->by_loginuid ? lb_scan_is_listener(found->pid) : 0;

	if (listener < 0) {
		a->clean_scans = 0; /* neither killed nor proven: at the next walk */
		return;
	}
	if (listener > 0) {
		if (a->spared++ == 0)
			lb_log(LOG_WARNING,
			       "account=%s uid=%u started the listening sshd %d: left running",
			       a->name, a->uid, (int)found->pid);
		return;
	}
	a->clean_scans = 0;
	if (a->own_uid != 0 &&
	    lb_cage_kill_scope(lb_cgroup_tree(), a->own_uid, found->pid, ours_or_gone, a))
		a->caged = true;
	if (syscall(SYS_pidfd_send_signal, found->pidfd, SIGKILL, NULL, 0) == 0)
		a->killed += first_time(e, found->pid);
}

static int
walk(struct lb_evictor *e, unsigned *vanished)
{
	struct pids emptied = e->before;

	e->before = e->now;
	e->before.at = 0;
	e->now = emptied;
	e->now.count = 0;
	for (size_t i = 0; i < e->all->count; i++)
		if (e->all->at[i]->own_uid != 0 && e->all->at[i]->state == LB_ACCOUNT_KILLING)
			return lb_scan_sessions(wanted, wanted_session, kill_found, e, vanished);
	return lb_scan(wanted, kill_found, e, vanished);
}

static void
finish(struct lb_evictor *e, struct lb_account *a, const char *cleared)
{
	int base;
	char dir[sizeof a->home];
	const char *left = "";

	memcpy(dir, a->home, sizeof dir);
	*strrchr(dir, '/') = '\0';
	base = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (base < 0 || (unlinkat(base, a->name, AT_REMOVEDIR) != 0 && errno != ENOENT))
		left = "; the home could not be removed";
	if (base >= 0)
		close(base);
	snprintf(a->receipt, sizeof a->receipt,
		 "%.400s; killed %u processes, none is left%s; %.400s%s", a->cause, a->killed,
		 a->spared ? ", a listening sshd it started was left running" : "", cleared, left);
	lb_cage_remove(lb_cgroup_tree(), a->uid);
	a->state = LB_ACCOUNT_GONE;
	e->gone(e->arg, a);
}

/* Of an own account nothing is cleared: it was there before, and stays. */
static void
finish_own(struct lb_evictor *e, struct lb_account *a)
{
	char numbers[128] = "";
	size_t used = 0;

	for (size_t i = 0; i < a->nsessions && used < sizeof numbers - 16; i++)
		used += (size_t)snprintf(numbers + used, sizeof numbers - used, "%s%u",
					 used > 0 ? ", " : "", a->sessions[i]);
	snprintf(a->receipt, sizeof a->receipt,
		 "%.400s; killed %u processes of the %zu sessions opened under it%s%s%s%s, none is "
		 "left%s; the account itself and what else it runs were left as they were",
		 a->cause, a->killed, a->nsessions, used > 0 ? " (the kernel's " : "", numbers,
		 used >= sizeof numbers - 16 ? ", ..." : "", used > 0 ? ")" : "",
		 a->spared ? ", a listening sshd it started was left running" : "");
	lb_cage_remove(lb_cgroup_tree(), a->own_uid);
	a->state = LB_ACCOUNT_GONE;
	e->gone(e->arg, a);
}

static void
cleared(void *arg, bool ok, const char *text)
{
	struct clearing *c = arg;
	struct lb_account *a = lb_accounts_find(c->e->all, c->uid);
	char note[LB_HELPER_TEXT_MAX + 32];

	snprintf(note, sizeof note, "%s%s", ok ? "" : "NOT CLEARED: ", text);
	if (a != NULL && a->state == LB_ACCOUNT_CLEARING)
		finish(c->e, a, note);
	free(c);
}

/* What a helper clears: its home and files, then its access entries. */
struct clear_job {
	struct lb_home_job home;
	struct lb_acl_job acl;
};

static int
clear_all(const void *arg, char *text, size_t cap)
{
	const struct clear_job *job = arg;
	int entries = lb_acl_take_all(&job->acl, text, cap);
	size_t used = strlen(text);
	int files = lb_home_clear(&job->home, text + used, cap - used);

	return entries != 0 || files != 0 ? -1 : 0;
}

static struct clear_job *
clear_job_new(const struct lb_evictor *e, const struct lb_account *a, size_t *size)
{
	struct clear_job *job;

	*size = sizeof *job + a->nacl * sizeof *a->acl;
	job = calloc(1, *size);
	if (job == NULL)
		return NULL;
	job->home.uid = job->acl.uid = a->uid;
	memcpy(job->home.name, a->name, sizeof job->home.name);
	memcpy(job->home.home, a->home, sizeof job->home.home);
	snprintf(job->acl.lock, sizeof job->acl.lock, "%s", e->acl_lock);
	job->acl.count = a->nacl;
	if (a->nacl > 0)
		memcpy(job->acl.acl, a->acl, a->nacl * sizeof *a->acl);
	return job;
}

static void
begin_clearing(struct lb_evictor *e, struct lb_account *a)
{
	struct clear_job *job;
	struct clearing *c;
	size_t size;

	if (a->own_uid != 0) {
		finish_own(e, a);
		return;
	}
	c = calloc(1, sizeof *c);
	job = clear_job_new(e, a, &size);
	a->state = LB_ACCOUNT_CLEARING;
	if (c != NULL && job != NULL) {
		c->e = e;
		c->uid = a->uid;
		if (lb_helper_run(e->base, clear_all, job, size, CLEAR_TIMEOUT_MS, false, cleared,
				  c) == LB_OK) {
			free(job);
			return;
		}
	}
	free(job);
	free(c);
	finish(e, a, "NOT CLEARED: no helper could be started");
}

static bool
connections_closed(const struct lb_account *a)
{
	for (size_t i = 0; i < a->nconnections; i++)
		if (!exited(&a->connections[i]))
			return false;
	return true;
}

static void
ask_connections(const struct lb_account *a)
{
	for (size_t i = 0; i < a->nconnections; i++)
		if (exited(&a->connections[i]))
			continue;
		else if (a->own_uid == 0)
			lb_evict_connection(a->uid, a->connections[i].pid, a->connections[i].pidfd);
		else if (lb_own_belongs(a, a->connections[i].pid, a->connections[i].pidfd) &&
			 lb_scan_is_listener(a->connections[i].pid) == 0)
			signal_pidfd(a->connections[i].pidfd, SIGTERM);
}

/* Towards KILLING, as the connections close or their time is up. */
static void
advance(struct lb_account *a, int64_t now)
{
	if (a->state == LB_ACCOUNT_TOLD &&
	    (now - a->phase_boot_ns >= TOLD_NS || connections_closed(a))) {
		a->state = LB_ACCOUNT_ASKED;
		a->phase_boot_ns = now;
		ask_connections(a);
	}
	if (a->state == LB_ACCOUNT_ASKED &&
	    (now - a->phase_boot_ns >= ASK_NS || connections_closed(a))) {
		a->state = LB_ACCOUNT_KILLING;
		a->phase_boot_ns = now;
	}
}

/*
 * What comes before the walk; true when one is needed.  An account's first walk
 * counts, for the receipt, and ends what is ordinary.  Then nothing is left to
 * luck: its control group, then its uid, and walks that prove that it is clean.
 */
static bool
before_walk(struct lb_evictor *e, int64_t now)
{
	const char *tree = lb_cgroup_tree();
	unsigned cages = 0;
	bool needed = false;

	for (size_t i = 0; i < e->all->count; i++) {
		struct lb_account *a = e->all->at[i];

		advance(a, now);
		if (a->state != LB_ACCOUNT_KILLING)
			continue;
		a->rounds++;
		if (a->rounds >= 2 && !a->cage_tried && cages++ < CAGES_PER_TURN) {
			a->cage_tried = true;
			/* Nothing is killed for the uid of an own account. */
			a->rushed = a->own_uid != 0;
			a->caged = a->own_uid != 0 ? lb_cage_kill_own(tree, a->own_uid) || a->caged
						   : lb_cage_kill(tree, a->uid);
		}
	}
	for (size_t at = 0; rush_some(e, &at);)
		;
	for (size_t i = 0; i < e->all->count; i++) {
		const struct lb_account *a = e->all->at[i];

		if (a->state == LB_ACCOUNT_KILLING && !a->rushing &&
		    (a->rounds == 1 || a->rushed || a->rounds % RELOOK_ROUNDS == 0))
			needed = true;
	}
	for (size_t i = 0; needed && i < e->all->count; i++) {
		struct lb_account *a = e->all->at[i];

		if (a->state == LB_ACCOUNT_KILLING && !a->rushing)
			a->clean_scans++; /* until the walk finds something */
	}
	return needed;
}

/* After the walk: what it has proven clean.  None leaves the table before the keeper has recorded it. */
static void
clear_clean(struct lb_evictor *e)
{
	for (size_t i = 0; i < e->all->count; i++) {
		struct lb_account *a = e->all->at[i];

		if (a->state == LB_ACCOUNT_KILLING && a->rushed && a->clean_scans >= CLEAN_SCANS)
			begin_clearing(e, a);
	}
}

/* Milliseconds to the next turn; 0: nothing is ending. */
static unsigned
pace(const struct lb_evictor *e, int64_t now)
{
	unsigned ms = 0;

	for (size_t i = 0; i < e->all->count; i++) {
		const struct lb_account *a = e->all->at[i];

		if (a->state < LB_ACCOUNT_TOLD || a->state > LB_ACCOUNT_KILLING)
			continue;
		if (now - a->phase_boot_ns < SLOW_AFTER_NS)
			return TICK_FAST_MS;
		ms = TICK_SLOW_MS;
	}
	return ms;
}

static void
schedule(struct lb_evictor *e, unsigned ms)
{
	const struct timeval tv = {ms / 1000, (suseconds_t)(ms % 1000) * 1000};

	if (ms > 0 && event_add(e->tick, &tv) != 0)
		lb_fatal(1,
			 "out of memory"); /* whoever starts it again begins with what is overdue */
}

/*
 * What the walk did not prove.  Processes of the uid are dead since the rush;
 * one of another uid, started through sudo, that forks and exits without end
 * may have been among the vanished, unless its control group was killed whole.
 */
static void
doubt(struct lb_evictor *e, bool failed, unsigned vanished)
{
	for (size_t i = 0; i < e->all->count; i++) {
		struct lb_account *a = e->all->at[i];

		if (failed || (vanished > 0 && !a->caged && a->rounds < DOUBT_ROUNDS))
			a->clean_scans = 0;
	}
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct lb_evictor *e = arg;
	int64_t now = lb_boot_ns();
	unsigned vanished = 0, wait_ms, took_ms = 0;

	(void)fd;
	(void)what;
	if (before_walk(e, now)) {
		bool failed = walk(e, &vanished) != LB_OK;

		if (failed && lb_log_may(&e->budget, "evictions"))
			lb_log(LOG_CRIT,
			       "not all processes can be looked at: those of ended grants may "
			       "live on; trying again");
		doubt(e, failed, vanished);
		clear_clean(e);
		took_ms = (unsigned)((lb_boot_ns() - now) / MS);
	}
	/* Where a walk takes long there is much to die, and that takes the machine's time as well. */
	wait_ms = pace(e, now);
	if (wait_ms > 0 && wait_ms < took_ms)
		wait_ms = took_ms < TICK_SLOW_MS ? took_ms : TICK_SLOW_MS;
	schedule(e, wait_ms);
}

void
lb_evict_begin(struct lb_evictor *e, struct lb_account *a)
{
	a->state = LB_ACCOUNT_TOLD;
	a->phase_boot_ns = lb_boot_ns();
	if (!event_pending(e->tick, EV_TIMEOUT, NULL))
		schedule(e, TICK_FAST_MS);
}

struct lb_evictor *
lb_evictor_new(struct event_base *base, struct lb_accounts *all, const char *acl_lock,
	       lb_evict_gone *gone, void *arg)
{
	struct lb_evictor *e = calloc(1, sizeof *e);

	if (e == NULL)
		return NULL;
	e->base = base;
	e->all = all;
	e->acl_lock = acl_lock;
	e->gone = gone;
	e->arg = arg;
	e->budget = (struct lb_log_budget){.per_s = 1, .burst = 3};
	e->tick = evtimer_new(base, on_tick, e);
	if (e->tick == NULL) {
		free(e);
		return NULL;
	}
	return e;
}

void
lb_evictor_free(struct lb_evictor *e)
{
	if (e == NULL)
		return;
	event_free(e->tick);
	free(e->before.pid);
	free(e->now.pid);
	free(e);
}
