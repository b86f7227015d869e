/* Helpers: see helper.h. */
#include "warden/helper.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/queue.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "err.h"
#include "log.h"

#define AGAIN_MS 100 /* after a fork that failed */

struct helper {
	TAILQ_ENTRY(helper) next; /* while it waits in line */
	struct event_base *base;
	lb_helper_work *work;
	unsigned timeout_ms;
	bool urgent, counted; /* counted: among those running */
	pid_t pid;
	int pidfd, out; /* out: the read end of its answer */
	struct event *over;
	lb_helper_done *done; /* NULL once told */
	void *arg;
	char job[]; /* what work() gets */
};

static TAILQ_HEAD(, helper) line = TAILQ_HEAD_INITIALIZER(line);
static unsigned running;

static void start_next(void);

/* In the child.  Nothing of the warden's is to stay reachable: links, sockets, listening or not. */
static void
child(const struct helper *h, int out)
{
	char text[LB_HELPER_TEXT_MAX] = "";
	sigset_t none;
	int failed;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(out, 3) < 0 || syscall(SYS_close_range, 4u, ~0u, 0u) != 0)
		_exit(125);
	sigemptyset(&none);
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	failed = h->work(h->job, text, sizeof text) != 0;
	if (write(3, text, strlen(text)) < 0)
		_exit(125);
	_exit(failed ? 1 : 0);
}

static void
tell(struct helper *h, bool ok, const char *text)
{
	lb_helper_done *done = h->done;

	h->done = NULL;
	if (done != NULL)
		done(h->arg, ok, text);
}

static void
helper_free(struct helper *h)
{
	if (h->over != NULL)
		event_free(h->over);
	if (h->pidfd >= 0)
		close(h->pidfd);
	if (h->out >= 0)
		close(h->out);
	free(h);
}

/* One that hangs for good must not keep its place from others. */
static void
leave_line(struct helper *h)
{
	running -= h->counted;
	h->counted = false;
}

static void
over(evutil_socket_t fd, short what, void *arg)
{
	struct helper *h = arg;
	char text[LB_HELPER_TEXT_MAX];
	int status = 0;
	pid_t got;
	ssize_t n;
	bool ok;

	(void)fd;
	if (what & EV_TIMEOUT) {
		/* One that hangs in the kernel outlives SIGKILL: it is waited for here, not in waitpid(). */
		syscall(SYS_pidfd_send_signal, h->pidfd, SIGKILL, NULL, 0);
		event_add(h->over, NULL);
		leave_line(h);
		tell(h, false, "took too long");
		start_next();
		return;
	}
	got = waitpid(h->pid, &status, WNOHANG);
	/* A debugger is told of its end first. */
	if ((got == 0 || (got < 0 && errno == EINTR)) && event_add(h->over, NULL) == 0)
		return;
	if (got != h->pid)
		status = -1;
	n = read(h->out, text, sizeof text - 1);
	text[n > 0 ? n : 0] = '\0';
	ok = status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	if (!ok && text[0] == '\0')
		snprintf(text, sizeof text, "ended with status %#x", (unsigned)status);
	leave_line(h);
	tell(h, ok, text);
	helper_free(h);
	start_next();
}

/* LB_ERR_SYSTEM: not now; nothing is left behind. */
static int
start(struct helper *h)
{
	const struct timeval limit = {h->timeout_ms / 1000,
				      (suseconds_t)(h->timeout_ms % 1000) * 1000};
	int pipefd[2];

	if (pipe2(pipefd, O_CLOEXEC | O_NONBLOCK) != 0)
		return LB_ERR_SYSTEM;
	h->pid = fork();
	if (h->pid == 0)
		child(h, pipefd[1]);
	close(pipefd[1]);
	h->out = pipefd[0];
	h->pidfd = h->pid > 0 ? (int)syscall(SYS_pidfd_open, h->pid, 0) : -1;
	if (h->pidfd >= 0)
		h->over = event_new(h->base, h->pidfd, EV_READ, over, h);
	if (h->over != NULL && event_add(h->over, &limit) == 0)
		return LB_OK;
	if (h->pid > 0) {
		kill(h->pid, SIGKILL); /* our own child, not yet waited for, and hardly begun */
		waitpid(h->pid, NULL, 0);
	}
	if (h->over != NULL)
		event_free(h->over);
	if (h->pidfd >= 0)
		close(h->pidfd);
	close(h->out);
	h->over = NULL;
	h->pidfd = h->out = -1;
	return LB_ERR_SYSTEM;
}

static void
again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	start_next();
}

static void
start_next(void)
{
	static const struct timeval later = {0, AGAIN_MS * 1000L};
	struct helper *h;

	while ((h = TAILQ_FIRST(&line)) != NULL && (h->urgent || running < LB_HELPERS_MAX)) {
		if (start(h) != LB_OK) {
			/* No process or descriptor to be had: it keeps its place. */
			if (event_base_once(h->base, -1, EV_TIMEOUT, again, NULL, &later) != 0)
				lb_fatal(1, "out of memory");
			return;
		}
		TAILQ_REMOVE(&line, h, next);
		h->counted = !h->urgent;
		running += h->counted;
	}
}

int
lb_helper_run(struct event_base *base, lb_helper_work *work, const void *job, size_t size,
	      unsigned timeout_ms, bool urgent, lb_helper_done *done, void *arg)
{
	struct helper *h = calloc(1, sizeof *h + size);

	if (h == NULL)
		return LB_ERR_NOMEM;
	h->base = base;
	h->work = work;
	h->timeout_ms = timeout_ms;
	h->urgent = urgent;
	h->pidfd = h->out = -1;
	h->done = done;
	h->arg = arg;
	memcpy(h->job, job, size);
	if (urgent)
		TAILQ_INSERT_HEAD(&line, h, next);
	else
		TAILQ_INSERT_TAIL(&line, h, next);
	start_next();
	return LB_OK;
}
