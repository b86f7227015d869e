/*
 * The warden's children: keeper, front, courier.
 *
 * The keeper comes first.  When it says it is ready, front and courier are
 * started, each on a socket pair of which the keeper gets the other end.  One
 * that dies is started again, at once the first time, then ever more slowly;
 * when the keeper dies the two others go with it, since their links do.
 */
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "beat.h"
#include "err.h"
#include "ipc.h"
#include "log.h"
#include "warden/notify.h"
#include "warden/state.h"

#define STOP_GRACE_S 2
#define LINES_PER_WAKE 64
#define BACKOFF_FIRST_MS 50u
#define BACKOFF_MAX_MS 5000u
#define STEADY_NS 10000000000ll /* one that lived so long is started again at once */

/* Which IPC message hands the keeper its end. */
static const enum lb_ipc handover[LB_PROC_COUNT] = {
	[LB_PROC_FRONT] = LB_IPC_FRONT,
	[LB_PROC_COURIER] = LB_IPC_COURIER,
};

/*
 * What a child may say: the loudest priority, so that one that was taken over
 * raises no alarm on every terminal, and how many lines.  The keeper's lines of
 * the record ("event=...") are bounded where they are made and are never held
 * back; the others have little to say.
 */
static struct {
	int loudest;
	struct lb_log_budget budget;
} says[LB_PROC_COUNT] = {
	[LB_PROC_KEEPER] = {LOG_ALERT, {.per_s = 50, .burst = 1000}},
	[LB_PROC_FRONT] = {LOG_ERR, {.per_s = 1, .burst = 100}},
	[LB_PROC_COURIER] = {LOG_ERR, {.per_s = 1, .burst = 100}},
};

static bool
is_record(enum lb_proc proc, const char *line, size_t len)
{
	static const char mark[] = "event=";

	return proc == LB_PROC_KEEPER && len > 3 + sizeof mark && line[0] == '<' &&
	       memcmp(line + 3, mark, sizeof mark - 1) == 0;
}

static void
take_line(struct lb_warden *w, enum lb_proc proc, const char *line, size_t len)
{
	if (lb_beat_is(line, len))
		lb_warden_beat(w, proc);
	else if (is_record(proc, line, len) || lb_log_may(&says[proc].budget, lb_proc_name(proc)))
		lb_log_relay(lb_proc_name(proc), says[proc].loudest, line, len);
}

static void
read_lines(struct lb_warden *w, enum lb_proc proc)
{
	char line[LB_LOG_LINE_MAX + 8];
	ssize_t n;

	/* A turn at a time: whatever a child says, the warden has other things to do. */
	for (int i = 0; i < LINES_PER_WAKE &&
			(n = recv(w->proc[proc].child.log_fd, line, sizeof line, MSG_DONTWAIT)) > 0;
	     i++)
		take_line(w, proc, line, (size_t)n);
}

static void
on_log(evutil_socket_t fd, short what, void *arg)
{
	struct lb_warden *w = arg;

	(void)what;
	for (int p = 0; p < LB_PROC_COUNT; p++)
		if (w->proc[p].child.pid != 0 && w->proc[p].child.log_fd == (int)fd)
			read_lines(w, (enum lb_proc)p);
}

static void
on_restart(evutil_socket_t fd, short what, void *arg)
{
	struct lb_warden *w = arg;

	(void)fd;
	(void)what;
	for (int p = 0; p < LB_PROC_COUNT; p++)
		if (w->proc[p].child.pid == 0 && !w->stopping &&
		    (p == LB_PROC_KEEPER || w->keeper_ready) &&
		    !event_pending(w->proc[p].restart, EV_TIMEOUT, NULL))
			lb_warden_start(w, (enum lb_proc)p);
}

static void
restart_later(struct lb_warden *w, enum lb_proc proc)
{
	unsigned ms = w->proc[proc].backoff_ms;
	struct timeval tv;

	if (lb_boot_ns() - w->proc[proc].started_ns > STEADY_NS)
		ms = 0;
	tv = (struct timeval){ms / 1000, (suseconds_t)(ms % 1000) * 1000};
	w->proc[proc].backoff_ms = ms == 0 ? BACKOFF_FIRST_MS : ms * 2;
	if (w->proc[proc].backoff_ms > BACKOFF_MAX_MS)
		w->proc[proc].backoff_ms = BACKOFF_MAX_MS;
	event_add(w->proc[proc].restart, &tv);
}

static void
forget_child(struct lb_warden *w, enum lb_proc proc)
{
	struct lb_child *c = &w->proc[proc].child;

	read_lines(w, proc); /* its last words */
	event_free(w->proc[proc].exit);
	event_free(w->proc[proc].log);
	w->proc[proc].exit = w->proc[proc].log = NULL;
	close(c->pidfd);
	close(c->log_fd);
	memset(c, 0, sizeof *c);
}

static void
on_exit_of(struct lb_warden *w, enum lb_proc proc)
{
	int status = 0;

	while (waitpid(w->proc[proc].child.pid, &status, 0) < 0 && errno == EINTR)
		;
	forget_child(w, proc);
	if (!w->stopping && WIFSIGNALED(status))
		lb_log(LOG_ERR, "%s was ended by signal %d: starting it again", lb_proc_name(proc),
		       WTERMSIG(status));
	else if (!w->stopping)
		lb_log(LOG_ERR, "%s exited with status %d: starting it again", lb_proc_name(proc),
		       WEXITSTATUS(status));
	if (proc == LB_PROC_KEEPER) {
		bool was_ready = w->keeper_ready;

		w->keeper_ready = w->synced = false;
		lb_link_free(w->keeper);
		w->keeper = NULL;
		for (int p = LB_PROC_KEEPER + 1; p < LB_PROC_COUNT; p++)
			lb_warden_kill(w, (enum lb_proc)p);
		if (!w->stopping && !was_ready && WIFEXITED(status) &&
		    WEXITSTATUS(status) == LB_EXIT_SETUP && w->accounts.count == 0) {
			lb_log(LOG_CRIT, "the keeper cannot start: stopping; see the line above");
			lb_warden_stop(w, LB_EXIT_SETUP);
		}
		lb_warden_tell_manager(w);
	}
	if (w->stopping) {
		if (!lb_warden_any_running(w))
			event_base_loopbreak(w->base);
		return;
	}
	restart_later(w, proc);
}

/* One callback for all three: the pidfd tells which child it was. */
static void
on_exit_event(evutil_socket_t fd, short what, void *arg)
{
	struct lb_warden *w = arg;

	(void)what;
	for (int p = 0; p < LB_PROC_COUNT; p++)
		if (w->proc[p].child.pid != 0 && w->proc[p].child.pidfd == (int)fd) {
			on_exit_of(w, (enum lb_proc)p);
			return;
		}
}

static int
watch(struct lb_warden *w, enum lb_proc proc)
{
	struct lb_child *c = &w->proc[proc].child;

	w->proc[proc].exit = event_new(w->base, c->pidfd, EV_READ, on_exit_event, w);
	w->proc[proc].log = event_new(w->base, c->log_fd, EV_READ | EV_PERSIST, on_log, w);
	if (w->proc[proc].exit == NULL || w->proc[proc].log == NULL ||
	    event_add(w->proc[proc].exit, NULL) != 0 || event_add(w->proc[proc].log, NULL) != 0)
		lb_fatal(1, "out of memory");
	return LB_OK;
}

void
lb_warden_send_policy(struct lb_warden *w)
{
	int fd = memfd_create("policy", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || write(fd, w->packed, w->packed_len) != (ssize_t)w->packed_len ||
	    lb_link_send(w->keeper, LB_IPC_POLICY, NULL, 0, fd) != LB_OK) {
		/* It would wait for ever, or go on with the old one; the next is handed the new one. */
		lb_log(LOG_CRIT, "cannot hand the policy to the keeper: replacing it");
		lb_warden_kill(w, LB_PROC_KEEPER);
	}
	if (fd >= 0)
		close(fd);
}

static int
start_keeper(struct lb_warden *w, int ours, int theirs)
{
	const int fds[] = {theirs, w->public_fd, w->pam_fd};
	int err = lb_privsep_spawn(LB_PROC_KEEPER, fds, 3, w->options->state_dir,
				   &w->proc[LB_PROC_KEEPER].child);

	if (err != LB_OK) {
		close(ours);
		return err;
	}
	w->keeper = lb_link_new(w->base, ours, w->keeper_calls, w);
	if (w->keeper == NULL)
		lb_fatal(1, "out of memory");
	lb_warden_send_policy(w);
	return LB_OK;
}

static int
start_other(struct lb_warden *w, enum lb_proc proc, int ours, int theirs)
{
	const struct lb_ipc_conn start = {.conn = ++w->starts};
	char empty[512];
	int err;

	snprintf(empty, sizeof empty, "%s/empty", w->options->run_dir);
	err = lb_privsep_spawn(proc, &theirs, 1, empty, &w->proc[proc].child);
	w->proc[proc].start = start.conn;
	if (err == LB_OK)
		err = lb_ipc_send(w->keeper, handover[proc], &start, ours);
	close(ours);
	return err;
}

void
lb_warden_start(struct lb_warden *w, enum lb_proc proc)
{
	int pair[2], err = LB_ERR_SYSTEM;

	w->proc[proc].started_ns = lb_boot_ns();
	lb_warden_beat_from_now(w, proc);
	if (w->proc[proc].restart == NULL)
		w->proc[proc].restart = evtimer_new(w->base, on_restart, w);
	if (w->proc[proc].restart == NULL)
		lb_fatal(1, "out of memory");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0) {
		err = proc == LB_PROC_KEEPER ? start_keeper(w, pair[0], pair[1])
					     : start_other(w, proc, pair[0], pair[1]);
		close(pair[1]);
	}
	if (w->proc[proc].child.pid != 0)
		watch(w, proc);
	if (err != LB_OK) {
		lb_log(LOG_ERR, "cannot start %s: %s", lb_proc_name(proc), lb_err_text(err));
		if (w->proc[proc].child.pid == 0)
			restart_later(w, proc);
	}
}

void
lb_warden_kill(struct lb_warden *w, enum lb_proc proc)
{
	if (w->proc[proc].child.pid != 0)
		syscall(SYS_pidfd_send_signal, w->proc[proc].child.pidfd, SIGKILL, NULL, 0);
}

bool
lb_warden_any_running(const struct lb_warden *w)
{
	for (int p = 0; p < LB_PROC_COUNT; p++)
		if (w->proc[p].child.pid != 0)
			return true;
	return false;
}

void
lb_warden_stop(struct lb_warden *w, int status)
{
	static const struct timeval grace = {STOP_GRACE_S, 0};

	if (w->stopping)
		return;
	lb_notify("STOPPING=1\nSTATUS=stopping: grants stay as they are");
	w->stopping = true;
	w->status = status;
	if (!lb_warden_any_running(w)) {
		event_base_loopbreak(w->base);
		return;
	}
	/* The keeper ends in good order when its link does, and takes the others with it. */
	if (w->keeper != NULL)
		lb_link_close_sending(w->keeper);
	event_base_loopexit(w->base, &grace);
}
