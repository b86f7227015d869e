/*
 * What the keeper asks of the warden, and what the clock demands.
 *
 * Each row of the table is one fixed verb.  Whatever the keeper says, the
 * account table decides (account.h), and only processes that the warden itself
 * has looked at are ended.
 */
#include <event2/event.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "ipc.h"
#include "log.h"
#include "text.h"
#include "warden/helper.h"
#include "warden/home.h"
#include "warden/notice.h"
#include "warden/own.h"
#include "warden/publish.h"
#include "warden/scan.h"
#include "warden/state.h"

#define NS 1000000000ll
#define MAKE_TIMEOUT_MS 4000u
#define MAKE_EACH_MS 100u /* more for each further account that one helper looks at */
#define RETRY_PUBLISH_S 1
#define SETTLE_WAIT_MAX_NS (NS / 4)

/* What one helper makes; a fresh account always has one of its own. */
struct making {
	struct lb_warden *w;
	struct lb_warden_making these;
};

struct making_job {
	char acl_lock[256];
	size_t count;
	struct one_job {
		struct lb_home_job home;
		struct lb_acl acl; /* its path is "" when it is given none */
	} one[LB_WARDEN_MAKING_MAX];
};

static void
send_keeper(struct lb_warden *w, enum lb_ipc type, uint32_t uid, const void *msg)
{
	if (w->keeper != NULL && lb_ipc_send(w->keeper, type, msg, -1) != LB_OK) {
		/* It would wait for this; the next one is told how everything stands. */
		lb_log(LOG_ERR, "cannot tell the keeper about uid %u: replacing it", uid);
		lb_warden_kill(w, LB_PROC_KEEPER);
	}
}

static void
tell_keeper(struct lb_warden *w, enum lb_ipc type, uint32_t uid, bool ok, const char *event,
	    const char *text)
{
	struct lb_ipc_outcome o = {.uid = uid, .ok = ok};

	snprintf(o.event, sizeof o.event, "%s", event);
	snprintf(o.text, sizeof o.text, "%s", text);
	send_keeper(w, type, uid, &o);
}

static void
tell_entered(struct lb_warden *w, uint32_t uid, uint32_t session, bool ok)
{
	const struct lb_ipc_entered e = {.uid = uid, .session = session, .ok = ok};

	send_keeper(w, LB_IPC_ENTERED, uid, &e);
}

/* Marks an account to be ended; lb_warden_settle() does the rest for all of them together. */
static void
end_account(struct lb_warden *w, struct lb_account *a, const char *cause)
{
	snprintf(a->cause, sizeof a->cause, "%s", lb_text_plain(cause) ? cause : "ended");
	a->state = LB_ACCOUNT_ENDING;
	w->publish_needed = w->urgent = true;
}

static void
set_alarm(struct lb_warden *w)
{
	int64_t wall = 0, boot = 0;

	for (size_t i = 0; i < w->accounts.count; i++) {
		const struct lb_account *a = w->accounts.at[i];
		int64_t next = a->warn_boot_ns != 0 ? a->warn_boot_ns : a->end_boot_ns;

		if (!lb_account_published(a))
			continue;
		if (wall == 0 || a->end_wall_ns < wall)
			wall = a->end_wall_ns;
		if (boot == 0 || next < boot)
			boot = next;
	}
	if (lb_alarm_set(w->alarm, wall, boot) != LB_OK)
		lb_fatal(
			1,
			"no timer can be set"); /* whoever starts it again begins with what is overdue */
}

static int
warning_text(void *arg, uint32_t uid, char *text, size_t cap)
{
	const struct lb_warden *w = arg;
	const struct lb_account *a = lb_accounts_find(&w->accounts, uid);
	char left[LB_DURATION_TEXT];

	if (a == NULL || !a->warning)
		return 0;
	lb_duration_format(left, (uint64_t)((a->end_boot_ns - lb_boot_ns() + NS / 2) / NS));
	snprintf(text, cap, "your access under R-%llu ends in %s; save your work",
		 (unsigned long long)a->grant, left);
	return 1;
}

static void
warned(void *arg, uint32_t uid, const char *text)
{
	struct lb_warden *w = arg;
	struct lb_account *a = lb_accounts_find(&w->accounts, uid);

	if (!a->announced_warning)
		tell_keeper(w, LB_IPC_NOTE, uid, true, "warn", text);
	a->announced_warning = true;
}

/* True while its end cannot begin yet: a helper is at work, or its sessions are not all known. */
static bool
held(const struct lb_account *a)
{
	return a->checking || a->awaits_sessions;
}

static int
end_text(void *arg, uint32_t uid, char *text, size_t cap)
{
	const struct lb_warden *w = arg;
	const struct lb_account *a = lb_accounts_find(&w->accounts, uid);

	if (a == NULL || a->state != LB_ACCOUNT_ENDING || held(a))
		return 0;
	snprintf(text, cap, "your access under R-%llu has ended: %s", (unsigned long long)a->grant,
		 a->cause);
	return 1;
}

static void
on_alarm(void *arg)
{
	struct lb_warden *w = arg;
	int64_t wall = lb_wall_ns(), boot = lb_boot_ns();
	bool warn = false;

	for (size_t i = 0; i < w->accounts.count; i++) {
		struct lb_account *a = w->accounts.at[i];

		if (!lb_account_published(a))
			continue;
		if (wall >= a->end_wall_ns || boot >= a->end_boot_ns)
			end_account(w, a, "its time is up");
		else if (a->warn_boot_ns != 0 && boot >= a->warn_boot_ns) {
			a->warn_boot_ns = 0;
			a->warning = warn = true;
		}
	}
	if (warn) {
		lb_notice(warning_text, warned, w);
		lb_own_notice(&w->accounts, warning_text, warned, w);
	}
	for (size_t i = 0; i < w->accounts.count; i++)
		w->accounts.at[i]->warning = w->accounts.at[i]->announced_warning = false;
	lb_warden_settle(w);
}

static void
on_retry_publish(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	lb_warden_settle(arg);
}

static bool
publish(struct lb_warden *w)
{
	static const struct timeval later = {RETRY_PUBLISH_S, 0};
	const char *why;

	w->publish_failed = lb_publish_accounts(w->run_fd, &w->accounts, &why) != LB_OK;
	if (!w->publish_failed) {
		w->publish_needed = false;
		return true;
	}
	lb_log(LOG_CRIT, "cannot publish the accounts (%s): none resolves until it works again",
	       why);
	if (event_add(w->retry_publish, &later) != 0)
		lb_fatal(1, "out of memory");
	return false;
}

/*
 * One publication for all changes, then whatever waited for it: answers to the
 * keeper, and the ends of accounts that no longer resolve.
 */
void
lb_warden_settle(struct lb_warden *w)
{
	int64_t begun_ns = lb_boot_ns(), took_ns;
	bool published = true, ending = false;

	w->urgent = false;
	for (size_t i = 0; i < w->accounts.count; i++)
		ending = ending || (w->accounts.at[i]->state == LB_ACCOUNT_ENDING &&
				    !held(w->accounts.at[i]));
	/*
	 * Until the first list is whole, the file that an earlier warden has published stays: the
	 * accounts that were not named yet are not to vanish for a moment.  Its entries end by
	 * themselves, and no login is decided yet.
	 */
	if (w->publish_needed && w->listed)
		published = publish(w);
	if (ending) {
		lb_notice(end_text, NULL, w);
		lb_own_notice(&w->accounts, end_text, NULL, w);
	}
	for (size_t i = 0; i < w->accounts.count; i++) {
		struct lb_account *a = w->accounts.at[i];

		if (a->announced && lb_account_published(a) && w->listed) {
			a->announced = false;
			tell_keeper(w, LB_IPC_PUBLISHED, a->uid, published, "",
				    published ? "" : "the accounts file cannot be written");
		}
		while (a->nentered < a->nsessions && w->listed)
			tell_entered(w, a->uid, a->sessions[a->nentered++],
				     published && lb_account_published(a));
		/* A failed publication has withdrawn the whole file, so this one is gone as well. */
		if (a->state == LB_ACCOUNT_ENDING && !held(a))
			lb_evict_begin(w->evictor, a);
	}
	set_alarm(w);
	lb_warden_tell_manager(w);
	w->settled_ns = lb_boot_ns();
	took_ns = w->settled_ns - begun_ns;
	w->settle_wait_ns = took_ns < SETTLE_WAIT_MAX_NS ? took_ns : SETTLE_WAIT_MAX_NS;
}

static void
on_settle(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	lb_warden_settle(arg);
}

/*
 * In this turn of the loop, after all that is ready, when something is to end.
 * What only begins waits as long as the last settling took, so that many
 * changes in a row share one publication, and at least half of the warden's
 * time is for other work.
 */
static void
settle_soon(struct lb_warden *w)
{
	int64_t wait_ns = w->settled_ns + w->settle_wait_ns - lb_boot_ns();
	struct timeval wait = {0, 0};

	if (w->urgent || wait_ns <= 0) {
		event_active(w->settle, EV_TIMEOUT, 0);
		return;
	}
	wait.tv_usec = (suseconds_t)(wait_ns / 1000);
	if (!event_pending(w->settle, EV_TIMEOUT, NULL) && event_add(w->settle, &wait) != 0)
		lb_fatal(1, "out of memory");
}

void
lb_warden_end_changed(struct lb_warden *w, const struct lb_policy *policy)
{
	for (size_t i = 0; i < w->accounts.count; i++) {
		struct lb_account *a = w->accounts.at[i];
		const struct lb_policy_role *old = lb_policy_role(w->policy, a->role);
		const struct lb_policy_role *new = lb_policy_role(policy, a->role);

		if (!lb_account_ending(a) &&
		    (old == NULL || new == NULL || !lb_policy_role_same(old, new)))
			end_account(w, a, "its role was changed");
		else if (!lb_account_ending(a) && a->own_uid != 0 &&
			 lb_account_own_fault(policy, a->identity, a->name, a->own_uid) != NULL)
			end_account(w, a, "its person has another account now");
	}
	lb_warden_settle(w);
}

static void
on_gone(void *arg, struct lb_account *a)
{
	struct lb_warden *w = arg;

	lb_log(LOG_INFO, "account=%s uid=%u grant=R-%llu is gone: %s", a->name, a->uid,
	       (unsigned long long)a->grant, a->receipt);
	tell_keeper(w, LB_IPC_EVICTED, a->uid, true, "evicted", a->receipt);
}

static void
entries_taken(void *arg, bool ok, const char *text)
{
	(void)arg;
	lb_log(ok ? LOG_INFO : LOG_ERR, "an account that was not made: %s%s", text,
	       ok ? "" : "; see getfacl");
}

/* What its helper may have given to an account that comes to nothing. */
static void
take_entries(struct lb_warden *w, const struct lb_account *a)
{
	struct lb_acl_job *job;
	size_t size;

	if (a->nacl == 0)
		return;
	job = lb_acl_job_new(w->acl_lock, a->uid, a->acl, a->nacl, &size);
	if (job == NULL || lb_helper_run(w->base, lb_acl_take_all, job, size, MAKE_TIMEOUT_MS,
					 false, entries_taken, NULL) != LB_OK)
		lb_log(LOG_ERR, "account=%s uid=%u may have an entry in %s; see getfacl", a->name,
		       a->uid, a->acl[0].path);
	free(job);
}

static void
made_one(struct lb_warden *w, uint32_t uid, bool ok, const char *text)
{
	struct lb_account *a = lb_accounts_find(&w->accounts, uid);
	bool taken, unmade;

	if (a == NULL)
		return;
	a->checking = false;
	taken = !ok && strncmp(text, LB_HOME_TAKEN, strlen(LB_HOME_TAKEN)) == 0;
	unmade = !ok && (a->fresh || taken);
	if (taken)
		text += strlen(LB_HOME_TAKEN);
	if (a->state == LB_ACCOUNT_CHECKING && ok) {
		a->state = LB_ACCOUNT_LIVE;
		a->announced = true;
		w->publish_needed = true;
	} else if (a->state == LB_ACCOUNT_CHECKING) {
		lb_log(LOG_ERR, "account=%s uid=%u is not published: %s", a->name, a->uid, text);
		tell_keeper(w, LB_IPC_PUBLISHED, a->uid, false,
			    a->fresh ? LB_IPC_UNMADE
			    : taken  ? LB_IPC_TAKEN
				     : "",
			    text);
		w->publish_needed |= lb_account_published(a);
		take_entries(w, a);
		lb_accounts_drop(&w->accounts, a);
	} else if (unmade) {
		/* Ended while it was being looked at: whoever has the uid instead is left in peace. */
		snprintf(a->receipt, sizeof a->receipt, "%.400s; nothing was made: %.400s",
			 a->cause, text);
		take_entries(w, a);
		a->state = LB_ACCOUNT_GONE;
		on_gone(w, a);
	} else {
		w->urgent = true; /* its end waited for this */
	}
}

/* A lb_helper_work: all of them, or as far as the first that cannot be. */
static int
make_homes(const void *arg, char *text, size_t cap)
{
	const struct making_job *job = arg;

	for (size_t i = 0; i < job->count; i++) {
		const struct one_job *one = &job->one[i];

		if (lb_home_make(&one->home, text, cap) != 0)
			return -1;
		if (one->acl.path[0] == '\0' ||
		    lb_acl_give(job->acl_lock, one->home.uid, &one->acl, text, cap) == 0)
			continue;
		/* One that was there before had it given then, to what was there then. */
		if (!one->home.fresh)
			continue;
		rmdir(one->home.home); /* nobody was ever in it */
		return -1;
	}
	return 0;
}

static int begin_making(struct lb_warden *w, const struct lb_warden_making *these);

static void
made(void *arg, bool ok, const char *text)
{
	struct making *m = arg;
	struct lb_warden *w = m->w;

	for (size_t i = 0; i < m->these.count; i++) {
		struct lb_warden_making alone = {1, {m->these.uid[i]}};

		/* One of them could not be made: which one, and why, each then says by itself. */
		if (ok || m->these.count == 1 || begin_making(w, &alone) != LB_OK)
			made_one(w, m->these.uid[i], ok, text);
	}
	free(m);
	settle_soon(w);
}

static int
begin_making(struct lb_warden *w, const struct lb_warden_making *these)
{
	struct making_job job = {.count = 0};
	struct making *m = calloc(1, sizeof *m);
	size_t size;
	int err;

	if (m == NULL)
		return LB_ERR_NOMEM;
	m->w = w;
	m->these = *these;
	for (size_t i = 0; i < these->count; i++) {
		struct lb_account *a = lb_accounts_find(&w->accounts, these->uid[i]);
		struct lb_home_job *home = &job.one[job.count].home;

		if (a == NULL)
			continue;
		if (a->nacl > 0)
			job.one[job.count].acl = a->acl[0];
		home->uid = a->uid;
		home->fresh = a->fresh;
		memcpy(home->name, a->name, sizeof home->name);
		memcpy(home->home, a->home, sizeof home->home);
		a->checking = true;
		job.count++;
	}
	snprintf(job.acl_lock, sizeof job.acl_lock, "%s", w->acl_lock);
	size = offsetof(struct making_job, one) + job.count * sizeof job.one[0];
	err = lb_helper_run(w->base, make_homes, &job, size,
			    MAKE_TIMEOUT_MS + (unsigned)job.count * MAKE_EACH_MS, false, made, m);
	if (err != LB_OK)
		free(m);
	return err;
}

/* Those that were published before, by an earlier warden: one helper looks at many of them. */
static void
make_waiting(struct lb_warden *w)
{
	const struct lb_warden_making these = w->making;

	w->making.count = 0;
	if (these.count == 0 || begin_making(w, &these) == LB_OK)
		return;
	for (size_t i = 0; i < these.count; i++)
		made_one(w, these.uid[i], false, "no helper could be started");
}

static int
make_account(struct lb_warden *w, struct lb_account *a)
{
	const struct lb_warden_making alone = {1, {a->uid}};
	const char *why;

	if (a->own_uid != 0) { /* nothing is made: it is there, or not */
		why = lb_own_missing("/etc/passwd", a->name, a->own_uid);
		made_one(w, a->uid, why == NULL, why != NULL ? why : "");
		return LB_OK;
	}
	if (a->fresh)
		return begin_making(w, &alone);
	a->checking = true;
	w->making.uid[w->making.count++] = a->uid;
	if (w->making.count == LB_WARDEN_MAKING_MAX)
		make_waiting(w);
	return LB_OK;
}

/* -- verbs ------------------------------------------------------------------ */

static int
do_ready(struct lb_warden *w, const union lb_ipc_msg *msg, int fd)
{
	(void)msg;
	(void)fd;
	if (w->keeper_ready)
		return LB_ERR_MALFORMED;
	w->keeper_ready = true;
	for (int p = LB_PROC_KEEPER + 1; p < LB_PROC_COUNT; p++)
		if (w->proc[p].child.pid == 0)
			lb_warden_start(w, (enum lb_proc)p);
	for (size_t i = 0; i < w->accounts.count; i++)
		if (w->accounts.at[i]->state == LB_ACCOUNT_GONE)
			on_gone(w, w->accounts.at[i]);
	return LB_OK;
}

static int
do_sync_begin(struct lb_warden *w, const union lb_ipc_msg *msg, int fd)
{
	(void)msg;
	(void)fd;
	for (size_t i = 0; i < w->accounts.count; i++)
		w->accounts.at[i]->seen = false;
	return LB_OK;
}

static int
do_sync_end(struct lb_warden *w, const union lb_ipc_msg *msg, int fd)
{
	(void)msg;
	(void)fd;
	for (size_t i = 0; i < w->accounts.count; i++) {
		struct lb_account *a = w->accounts.at[i];

		if (!a->seen && !lb_account_ending(a)) {
			lb_log(LOG_ERR, "account=%s uid=%u is not in the store: ending it", a->name,
			       a->uid);
			end_account(w, a, "the store does not know it");
		}
	}
	lb_warden_seals(w);
	for (size_t i = 0; i < w->accounts.count; i++)
		if (w->accounts.at[i]->awaits_sessions) {
			w->accounts.at[i]->awaits_sessions = false;
			w->urgent = true;
		}
	w->publish_needed = true; /* an old file may stand from before a restart */
	/* It sends this from the loop, after all that makes it answer logins. */
	w->synced = w->listed = true;
	return LB_OK;
}

static int
do_account(struct lb_warden *w, const union lb_ipc_msg *msg, int fd)
{
	struct lb_account *a;
	const char *why = "out of memory";
	int err;

	(void)fd;
	err = lb_accounts_admit(&w->accounts, w->policy, &msg->account, lb_boot_ns(), &a, &why);
	if (err == LB_OK && a->state == LB_ACCOUNT_LIVE) {
		w->publish_needed = true; /* nobody waits for an answer: it was published before */
		return LB_OK;
	}
	if (err == LB_OK && !a->checking && make_account(w, a) != LB_OK) {
		lb_accounts_drop(&w->accounts, a);
		err = LB_ERR_SYSTEM;
		why = "no helper could be started";
	}
	if (err != LB_OK) {
		lb_log(LOG_ERR, "uid %u is not published: %s", msg->account.uid, why);
		tell_keeper(w, LB_IPC_PUBLISHED, msg->account.uid, false,
			    msg->account.fresh ? LB_IPC_UNMADE : "", why);
	}
	return LB_OK;
}

/*
 * The sessions on somebody's own account of whom the policy knows nothing any
 * more: it was changed while no warden ran.  By the keeper's word alone nobody's
 * sessions are ended.
 */
static void
leave_own(struct lb_warden *w, const struct lb_ipc_evict *msg)
{
	char text[LB_IPC_TEXT_MAX + 1];

	snprintf(text, sizeof text,
		 "%.400s; NOT ENDED: the policy has nobody any more whose Unix user is %s, so what "
		 "was opened under it was left alone; end it by hand",
		 lb_text_plain(msg->cause) ? msg->cause : "ended", msg->name);
	lb_log(LOG_CRIT, "account=%s grant=R-%llu: %s", msg->name, (unsigned long long)msg->grant,
	       text);
	tell_keeper(w, LB_IPC_EVICTED, msg->uid, true, "evicted", text);
}

static int
do_evict(struct lb_warden *w, const union lb_ipc_msg *msg, int fd)
{
	struct lb_account *a = lb_accounts_find(&w->accounts, msg->evict.uid);

	(void)fd;
	if (a != NULL && a->state == LB_ACCOUNT_GONE)
		on_gone(w, a);
	else if (a != NULL && !lb_account_ending(a))
		/* NOLINTNEXTLINE(bugprone-branch-clone): one is in the table, the other comes into it */
		end_account(w, a, msg->evict.cause);
	else if (a == NULL &&
		 lb_accounts_adopt(&w->accounts, w->policy, &msg->evict, &a) == LB_OK) {
		/* Later than its list the keeper has no sessions to name that are not known here. */
		a->awaits_sessions = a->awaits_sessions && !w->synced;
		end_account(w, a, msg->evict.cause);
	} else if (a == NULL && msg->evict.own_uid != 0) {
		leave_own(w, &msg->evict);
	} else if (a == NULL) {
		lb_log(LOG_ERR, "asked to end uid %u, which cannot be an account", msg->evict.uid);
	}
	return LB_OK;
}

static int
do_kernel(struct lb_warden *w, const union lb_ipc_msg *msg, int fd)
{
	const struct lb_ipc_kernel *k = &msg->kernel;
	struct lb_account *a = lb_accounts_find(&w->accounts, k->uid);
	int err = a != NULL ? lb_own_add_session(a, k->session) : LB_ERR_NOT_FOUND;

	(void)fd;
	if (err == LB_ERR_NOMEM)
		lb_fatal(1, "out of memory");
	if (err != LB_OK)
		lb_log(LOG_ERR, "session %u cannot be one of uid %u", k->session, k->uid);
	if (!w->synced && err == LB_OK)
		a->nentered = a->nsessions; /* named anew: nobody waits for it */
	else if (err == LB_OK && a->nentered < a->nsessions)
		w->publish_needed = true; /* it is answered when that is done */
	else
		tell_entered(w, k->uid, k->session,
			     err == LB_OK && lb_account_published(a) && !w->publish_failed);
	return LB_OK;
}

static int
do_session(struct lb_warden *w, const union lb_ipc_msg *msg, int fd)
{
	const struct lb_ipc_session *s = &msg->session;
	struct lb_account *a = lb_accounts_find(&w->accounts, s->uid);

	if (fd < 0)
		return LB_ERR_MALFORMED;
	if (a == NULL || !lb_account_published(a)) {
		if (a != NULL && a->own_uid != 0)
			lb_own_disconnect(w->policy, a->own_uid, (pid_t)s->pid, fd);
		else
			lb_evict_connection(s->uid, (pid_t)s->pid, fd);
		close(fd);
	} else if (a->own_uid != 0 ? !lb_own_belongs(a, (pid_t)s->pid, fd)
				   : !lb_scan_belongs((pid_t)s->pid, fd, s->uid)) {
		lb_log(LOG_ERR, "process %u does not belong to uid %u: not registered", s->pid,
		       s->uid);
		close(fd);
	} else {
		lb_account_add_connection(a, (pid_t)s->pid, fd);
	}
	return LB_OK;
}

static int
do_disconnect(struct lb_warden *w, const union lb_ipc_msg *msg, int fd)
{
	const struct lb_ipc_session *s = &msg->session;

	if (fd < 0)
		return LB_ERR_MALFORMED;
	if (lb_uid_is_account(s->uid))
		lb_evict_connection(s->uid, (pid_t)s->pid, fd);
	else
		lb_own_disconnect(w->policy, s->uid, (pid_t)s->pid, fd);
	close(fd);
	return LB_OK;
}

static int
do_ack(struct lb_warden *w, const union lb_ipc_msg *msg, int fd)
{
	struct lb_account *a = lb_accounts_find(&w->accounts, msg->uid.uid);

	(void)fd;
	if (a != NULL && a->state == LB_ACCOUNT_GONE)
		lb_accounts_drop(&w->accounts, a);
	return LB_OK;
}

static int
do_bad_front(struct lb_warden *w, const union lb_ipc_msg *msg, int fd)
{
	(void)fd;
	if (msg->conn.conn != w->proc[LB_PROC_FRONT].start)
		return LB_OK; /* that one is gone already */
	lb_log(LOG_ERR, "front misbehaved or went away: replacing it");
	lb_warden_kill(w, LB_PROC_FRONT);
	return LB_OK;
}

static const struct {
	enum lb_ipc type;
	bool with_fd, before_ready;
	int (*verb)(struct lb_warden *w, const union lb_ipc_msg *msg, int fd);
} verbs[] = {
	{LB_IPC_READY, false, true, do_ready},
	{LB_IPC_SYNC_BEGIN, false, false, do_sync_begin},
	{LB_IPC_SYNC_END, false, false, do_sync_end},
	{LB_IPC_ACCOUNT, false, false, do_account},
	{LB_IPC_EVICT, false, false, do_evict},
	{LB_IPC_SESSION, true, false, do_session},
	{LB_IPC_DISCONNECT, true, false, do_disconnect},
	{LB_IPC_ACK, false, false, do_ack},
	{LB_IPC_KERNEL, false, false, do_kernel},
	{LB_IPC_BAD_FRONT, false, false, do_bad_front},
};

static int
on_message(void *arg, uint16_t type, const uint8_t *bytes, size_t len, int fd)
{
	struct lb_warden *w = arg;
	union lb_ipc_msg msg;

	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
		if (verbs[i].type != type)
			continue;
		if (lb_ipc_decode(type, bytes, len, &msg) != LB_OK ||
		    verbs[i].with_fd != (fd >= 0) || (!verbs[i].before_ready && !w->keeper_ready))
			break;
		return verbs[i].verb(w, &msg, fd);
	}
	lb_log(LOG_CRIT, "the keeper sent what it may not: replacing it");
	if (fd >= 0)
		close(fd);
	return LB_ERR_MALFORMED;
}

static void
on_drained(void *arg)
{
	make_waiting(arg);
	settle_soon(arg);
}

/* The keeper is to die if it has not: a new one gets a new link. */
static void
on_lost(void *arg)
{
	lb_warden_kill(arg, LB_PROC_KEEPER);
}

const struct lb_link_calls lb_warden_keeper_calls = {on_message, on_lost, on_drained};

int
lb_warden_serve_start(struct lb_warden *w)
{
	snprintf(w->acl_lock, sizeof w->acl_lock, "%s/acl.lock", w->options->run_dir);
	w->evictor = lb_evictor_new(w->base, &w->accounts, w->acl_lock, on_gone, w);
	w->alarm = lb_alarm_new(w->base, on_alarm, w);
	w->retry_publish = evtimer_new(w->base, on_retry_publish, w);
	w->settle = evtimer_new(w->base, on_settle, w);
	return w->evictor != NULL && w->alarm != NULL && w->retry_publish != NULL &&
			       w->settle != NULL
		       ? LB_OK
		       : LB_ERR_NOMEM;
}
