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
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "err.h"

struct helper {
	pid_t pid;
	int pidfd, out; /* out: the read end of its answer */
	struct event *over;
	lb_helper_done *done;
	void *arg;
};

/* In the child.  Nothing of the warden's is to stay reachable: links, sockets, the store of keys. */
static void
child(lb_helper_work *work, const void *job, int out)
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
	failed = work(job, text, sizeof text) != 0;
	if (write(3, text, strlen(text)) < 0)
		_exit(125);
	_exit(failed ? 1 : 0);
}

static void
over(evutil_socket_t fd, short what, void *arg)
{
	struct helper *h = arg;
	char text[LB_HELPER_TEXT_MAX];
	int status = -1;
	ssize_t n;
	bool ok;

	(void)fd;
	if (what & EV_TIMEOUT)
		syscall(SYS_pidfd_send_signal, h->pidfd, SIGKILL, NULL, 0);
	while (waitpid(h->pid, &status, 0) < 0 && errno == EINTR)
		;
	n = read(h->out, text, sizeof text - 1);
	text[n > 0 ? n : 0] = '\0';
	ok = !(what & EV_TIMEOUT) && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	if (what & EV_TIMEOUT)
		snprintf(text, sizeof text, "took too long");
	else if (!ok && text[0] == '\0')
		snprintf(text, sizeof text, "ended with status %#x", (unsigned)status);
	h->done(h->arg, ok, text);
	event_free(h->over);
	close(h->pidfd);
	close(h->out);
	free(h);
}

int
lb_helper_run(struct event_base *base, lb_helper_work *work, const void *job, unsigned timeout_ms,
	      lb_helper_done *done, void *arg)
{
	const struct timeval limit = {timeout_ms / 1000, (suseconds_t)(timeout_ms % 1000) * 1000};
	struct helper *h = calloc(1, sizeof *h);
	int pipefd[2];

	if (h == NULL)
		return LB_ERR_NOMEM;
	if (pipe2(pipefd, O_CLOEXEC | O_NONBLOCK) != 0) {
		free(h);
		return LB_ERR_SYSTEM;
	}
	h->done = done;
	h->arg = arg;
	h->out = pipefd[0];
	h->pid = fork();
	if (h->pid == 0)
		child(work, job, pipefd[1]);
	close(pipefd[1]);
	h->pidfd = h->pid > 0 ? (int)syscall(SYS_pidfd_open, h->pid, 0) : -1;
	if (h->pidfd >= 0)
		h->over = event_new(base, h->pidfd, EV_READ, over, h);
	if (h->over == NULL || event_add(h->over, &limit) != 0) {
		if (h->pid > 0) {
			kill(h->pid, SIGKILL); /* our own child, not yet waited for */
			waitpid(h->pid, NULL, 0);
		}
		if (h->over != NULL)
			event_free(h->over);
		if (h->pidfd >= 0)
			close(h->pidfd);
		close(h->out);
		free(h);
		return LB_ERR_SYSTEM;
	}
	return LB_OK;
}
