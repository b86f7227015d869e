/*
 * Eviction: see evict.h.
 *
 * One timer drives all accounts that are ending: one walk of /proc serves them
 * together, so that ten thousand ends in one second cost one walk, not ten
 * thousand.  A process is killed through the pidfd by which it was identified.
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
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "log.h"
#include "warden/helper.h"
#include "warden/home.h"
#include "warden/notice.h"
#include "warden/scan.h"

#define MS 1000000ll
#define ASK_NS (200 * MS)      /* what a connection gets to close by itself */
#define TICK_FAST_MS 10u
#define TICK_SLOW_MS 500u      /* once something resists for SLOW_AFTER_NS */
#define SLOW_AFTER_NS (5000 * MS)
#define CLEAN_SCANS 2u	       /* walks in a row that find nothing */
#define RUSH_AFTER_ROUNDS 3u   /* walks before kill(-1) with the account's own rights */
#define CLEAR_TIMEOUT_MS 60000u
#define RUSH_TIMEOUT_MS 1000u

struct lb_evictor {
	struct event_base *base;
	struct lb_accounts *all;
	struct event *tick;
	lb_evict_gone *gone;
	void *arg;
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
	if (lb_scan_belongs(pid, pidfd, uid) && !lb_scan_is_listener(pid))
		signal_pidfd(pidfd, SIGTERM);
	else
		lb_log(LOG_WARNING, "connection %d does not belong to uid %u: left alone", (int)pid, uid);
}

/* systemd keeps a user's sessions in a cgroup of the uid's own; where there is one, it is emptied at once. */
static void
kill_cgroup(uint32_t uid)
{
	static const char *const roots[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
	char path[128];

	for (size_t i = 0; i < 2; i++) {
		int fd;

		snprintf(path, sizeof path, "%s/user.slice/user-%u.slice/cgroup.kill", roots[i], uid);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (write(fd, "1", 1) < 0)
			lb_log(LOG_WARNING, "cannot write %s: %m", path);
		close(fd);
	}
}

/* A lb_helper_work: everything of the uid in one system call, so that no fork bomb outruns it. */
static int
kill_all_as_account(const void *job, char *text, size_t cap)
{
	uint32_t uid = *(const uint32_t *)job;

	if (!lb_uid_is_account(uid) || setgroups(0, NULL) != 0 || setresgid(uid, uid, uid) != 0 ||
	    setresuid(uid, uid, uid) != 0 || geteuid() != uid || getuid() != uid) {
		snprintf(text, cap, "cannot act as uid %u", uid);
		return -1;
	}
	return kill(-1, SIGKILL) == 0 || errno == ESRCH ? 0 : -1;
}

static void
rush_done(void *arg, bool ok, const char *text)
{
	(void)arg;
	(void)ok; /* it kills itself with the rest; the next walk tells */
	(void)text;
}

static bool
wanted(void *arg, uint32_t uid)
{
	const struct lb_evictor *e = arg;
	const struct lb_account *a = lb_accounts_find(e->all, uid);

	return a != NULL && a->state == LB_ACCOUNT_KILLING;
}

static void
kill_found(void *arg, const struct lb_found *found)
{
	const struct lb_evictor *e = arg;
	struct lb_account *a = lb_accounts_find(e->all, found->owner);

	if (found->by_loginuid && lb_scan_is_listener(found->pid)) {
		if (a->spared++ == 0)
			lb_log(LOG_WARNING, "account=%s uid=%u started the listening sshd %d: left running",
			       a->name, a->uid, (int)found->pid);
		return;
	}
	a->clean_scans = 0;
	if (syscall(SYS_pidfd_send_signal, found->pidfd, SIGKILL, NULL, 0) == 0)
		a->killed++;
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
	snprintf(a->receipt, sizeof a->receipt, "%.400s; killed %u processes, none is left%s; %.400s%s", a->cause,
		 a->killed, a->spared ? ", a listening sshd it started was left running" : "", cleared, left);
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

static void
begin_clearing(struct lb_evictor *e, struct lb_account *a)
{
	struct lb_home_job job = {.uid = a->uid};
	struct clearing *c = calloc(1, sizeof *c);

	memcpy(job.name, a->name, sizeof job.name);
	memcpy(job.home, a->home, sizeof job.home);
	a->state = LB_ACCOUNT_CLEARING;
	if (c != NULL) {
		c->e = e;
		c->uid = a->uid;
		if (lb_helper_run(e->base, lb_home_clear, &job, CLEAR_TIMEOUT_MS, cleared, c) == LB_OK)
			return;
		free(c);
	}
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

/* Moves accounts between phases before the walk; true when a walk is needed. */
static bool
before_walk(struct lb_evictor *e, int64_t now)
{
	bool needed = false;

	for (size_t i = 0; i < e->all->count; i++) {
		struct lb_account *a = e->all->at[i];

		if (a->state == LB_ACCOUNT_ASKED &&
		    (now - a->phase_boot_ns >= ASK_NS || connections_closed(a))) {
			a->state = LB_ACCOUNT_KILLING;
			a->phase_boot_ns = now;
		}
		if (a->state != LB_ACCOUNT_KILLING)
			continue;
		needed = true;
		a->clean_scans++; /* until the walk finds something */
		a->rounds++;
		if (a->rounds == 2) /* after the walk that counts, for the receipt */
			kill_cgroup(a->uid);
		if (a->rounds > RUSH_AFTER_ROUNDS && a->clean_scans == 1)
			lb_helper_run(e->base, kill_all_as_account, &a->uid, RUSH_TIMEOUT_MS, rush_done, NULL);
	}
	return needed;
}

/* After the walk: the first account that is proven clean, or NULL. */
static struct lb_account *
next_clean(struct lb_evictor *e)
{
	for (size_t i = 0; i < e->all->count; i++)
		if (e->all->at[i]->state == LB_ACCOUNT_KILLING &&
		    e->all->at[i]->clean_scans >= CLEAN_SCANS)
			return e->all->at[i];
	return NULL;
}

/* Milliseconds to the next turn; 0: nothing is ending. */
static unsigned
pace(const struct lb_evictor *e, int64_t now)
{
	unsigned ms = 0;

	for (size_t i = 0; i < e->all->count; i++) {
		const struct lb_account *a = e->all->at[i];

		if (a->state != LB_ACCOUNT_ASKED && a->state != LB_ACCOUNT_KILLING)
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

	if (ms > 0)
		event_add(e->tick, &tv);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct lb_evictor *e = arg;
	struct lb_account *a;
	int64_t now = lb_boot_ns();

	(void)fd;
	(void)what;
	if (before_walk(e, now)) {
		if (lb_scan(wanted, kill_found, e) != LB_OK) {
			/* What cannot be looked at is not clean. */
			lb_log(LOG_CRIT, "cannot read /proc: processes of ended grants may live on");
			for (size_t i = 0; i < e->all->count; i++)
				e->all->at[i]->clean_scans = 0;
		}
		while ((a = next_clean(e)) != NULL)
			begin_clearing(e, a);
	}
	schedule(e, pace(e, now));
}

void
lb_evict_begin(struct lb_evictor *e, struct lb_account *a)
{
	char text[LB_REASON_MAX + 64];

	snprintf(text, sizeof text, "your access under R-%llu has ended: %s", (unsigned long long)a->grant,
		 a->cause);
	lb_notice(a->uid, text);
	a->state = LB_ACCOUNT_ASKED;
	a->phase_boot_ns = lb_boot_ns();
	for (size_t i = 0; i < a->nconnections; i++)
		if (!exited(&a->connections[i]))
			lb_evict_connection(a->uid, a->connections[i].pid, a->connections[i].pidfd);
	if (!event_pending(e->tick, EV_TIMEOUT, NULL))
		schedule(e, TICK_FAST_MS);
}

struct lb_evictor *
lb_evictor_new(struct event_base *base, struct lb_accounts *all, lb_evict_gone *gone, void *arg)
{
	struct lb_evictor *e = calloc(1, sizeof *e);

	if (e == NULL)
		return NULL;
	e->base = base;
	e->all = all;
	e->gone = gone;
	e->arg = arg;
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
	free(e);
}
