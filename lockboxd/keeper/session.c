/*
 * Sessions: a session is open as long as the process that asked for it lives.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "err.h"
#include "keeper/audit.h"
#include "keeper/own.h"
#include "keeper/state.h"
#include "log.h"

static int
close_session(struct lb_tx *tx, uint64_t grant, uint64_t number)
{
	struct lb_grant g;
	int err = lb_store_grant(tx->store, grant, &g);

	if (err == LB_OK && g.own_uid != 0)
		err = lb_own_close_session(tx, grant, number);
	else if (err == LB_OK)
		err = lb_store_drop_session(tx->store, grant, number);
	if (err == LB_OK)
		err = lb_audit(tx, "session-close", &g, "", "session %llu",
			       (unsigned long long)number);
	return err == LB_ERR_NOT_FOUND ? LB_OK : err;
}

static int
close_watched(struct lb_tx *tx, struct lb_work *work)
{
	const struct lb_watch *w = (const struct lb_watch *)work;

	return close_session(tx, w->grant, w->number);
}

static void on_exit_of_session(evutil_socket_t fd, short what, void *arg);

static void
closed(struct lb_keeper *k, struct lb_work *work, int err)
{
	static const struct timeval soon = {1, 0};
	struct lb_watch *w = (struct lb_watch *)work;

	if (err != LB_OK) {
		/* It stays counted until that is recorded: once more in a second, by the clock alone. */
		if (event_base_once(k->base, -1, EV_TIMEOUT, on_exit_of_session, w, &soon) != 0)
			lb_fatal(1, "no memory to look again at a session that is over: the next "
				    "keeper does");
		return;
	}
	LIST_REMOVE(w, next);
	event_free(w->exit);
	close(w->pidfd);
	free(w);
}

static void
on_exit_of_session(evutil_socket_t fd, short what, void *arg)
{
	struct lb_watch *w = arg;

	(void)fd;
	(void)what;
	lb_batch_add(w->keeper, &w->work, close_watched, closed);
}

int
lb_watch_add(struct lb_keeper *k, uint64_t grant, uint64_t number, int pidfd)
{
	struct lb_watch *w = calloc(1, sizeof *w);

	if (w == NULL)
		return LB_ERR_NOMEM;
	w->keeper = k;
	w->grant = grant;
	w->number = number;
	w->pidfd = pidfd;
	w->exit = event_new(k->base, pidfd, EV_READ, on_exit_of_session, w);
	if (w->exit == NULL || event_add(w->exit, NULL) != 0) {
		if (w->exit != NULL)
			event_free(w->exit);
		free(w);
		return LB_ERR_NOMEM;
	}
	LIST_INSERT_HEAD(&k->watches, w, next);
	return LB_OK;
}

/*
 * The process of a stored session, if it still is the one that was registered;
 * LB_ERR_NOT_FOUND when it is not.  One that cannot be looked at is not taken
 * for gone: its session would no longer count.
 */
static int
find_process(const struct lb_keeper *k, const struct lb_session *s, int *pidfd)
{
	uint64_t ticks;
	int err = LB_OK;

	if (memcmp(s->boot_id, k->boot_id, sizeof s->boot_id) != 0)
		return LB_ERR_NOT_FOUND;
	*pidfd = (int)syscall(SYS_pidfd_open, (pid_t)s->pid, 0);
	if (*pidfd < 0)
		return errno == ESRCH ? LB_ERR_NOT_FOUND : LB_ERR_SYSTEM;
	ticks = lb_peer_start_ticks(k->proc_fd, (pid_t)s->pid);
	if (ticks == 0 && lb_peer_alive(*pidfd))
		err = LB_ERR_SYSTEM;
	else if (ticks != s->start_ticks)
		err = LB_ERR_NOT_FOUND;
	if (err != LB_OK)
		close(*pidfd);
	return err;
}

static int
resume_one(struct lb_tx *tx, const struct lb_session *s)
{
	struct lb_ipc_session ipc = {.pid = s->pid};
	struct lb_grant g;
	int pidfd, err = s->closed_s == 0 ? find_process(tx->k, s, &pidfd) : LB_OK;

	if (s->closed_s != 0)
		return LB_OK; /* only the kernel's number of it is of use still: lb_own_name_sessions() */
	if (err != LB_OK)
		return err == LB_ERR_NOT_FOUND ? close_session(tx, s->grant, s->number) : err;
	err = lb_store_grant(tx->store, s->grant, &g);
	if (err == LB_OK) {
		ipc.uid = g.uid;
		err = lb_outbox_warden(&tx->out, LB_IPC_SESSION, &ipc, pidfd);
	}
	if (err != LB_OK) {
		close(pidfd);
		return err;
	}
	return lb_outbox_watch(&tx->out, s->grant, s->number, pidfd);
}

int
lb_session_resume(struct lb_tx *tx, void *unused)
{
	struct lb_session s;
	uint64_t grant = 0, number = 0;
	int err;

	(void)unused;
	while ((err = lb_store_next_session(tx->store, grant, number, &s)) == LB_OK) {
		grant = s.grant;
		number = s.number;
		err = resume_one(tx, &s);
		if (err != LB_OK)
			return err;
	}
	return err == LB_ERR_NOT_FOUND ? LB_OK : err;
}
