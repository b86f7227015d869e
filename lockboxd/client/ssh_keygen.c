/* Running ssh-keygen: see ssh_keygen.h. */
#include "ssh_keygen.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SSH_KEYGEN "/usr/bin/ssh-keygen"

static pid_t child;

static int
start(const char *key, int in, int out)
{
	char name[] = "ssh-keygen", y[] = "-Y", sign[] = "sign", n[] = "-n",
	     space[] = "lockbox-approval", f[] = "-f", q[] = "-q";
	char *argv[] = {name, q, y, sign, n, space, f, (char *)key, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t defaults;
	int failed;

	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	if (posix_spawn_file_actions_init(&files) != 0)
		return -1;
	if (posix_spawnattr_init(&attr) != 0) {
		posix_spawn_file_actions_destroy(&files);
		return -1;
	}
	failed = posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO) != 0 ||
		 posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO) != 0 ||
		 posix_spawnattr_setsigdefault(&attr, &defaults) != 0 ||
		 posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF) != 0 ||
		 posix_spawn(&child, SSH_KEYGEN, &files, &attr, argv, environ) != 0;
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return failed ? -1 : 0;
}

const char *
lb_cli_ssh_keygen(const char *key, const char *statement, int *fd)
{
	const char *problem = SSH_KEYGEN " cannot be run";
	size_t len = strlen(statement);
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) != 0)
		return problem;
	if (pipe2(out, O_CLOEXEC) != 0) {
		close(in[0]);
		close(in[1]);
		return problem;
	}
	/* A pipe takes the whole of it before anybody reads. */
	if (write(in[1], statement, len) == (ssize_t)len && start(key, in[0], out[1]) == 0)
		problem = NULL;
	close(in[0]);
	close(in[1]);
	close(out[1]);
	if (problem == NULL)
		*fd = out[0];
	else
		close(out[0]);
	return problem;
}

int
lb_cli_ssh_keygen_end(void)
{
	int status;
	pid_t got;

	do
		got = waitpid(child, &status, 0);
	while (got < 0 && errno == EINTR);
	return got == child && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}
