/* Starting children and dropping privilege: see privsep.h. */
#include "privsep.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <malloc.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "err.h"
#include "log.h"

#define HEAP_SIZE ((size_t)32 << 20) /* addresses, not pages: they are locked as they are touched */

static struct {
	const char *name, *user;
	uid_t uid;
	gid_t gid;
} procs[LB_PROC_COUNT] = {
	[LB_PROC_KEEPER] = {"keeper", "lockbox-keeper", 0, 0},
	[LB_PROC_FRONT] = {"front", "lockbox-front", 0, 0},
	[LB_PROC_COURIER] = {"courier", "lockbox-courier", 0, 0},
};

const char *
lb_proc_name(enum lb_proc proc)
{
	return procs[proc].name;
}

const char *
lb_proc_user(enum lb_proc proc)
{
	return procs[proc].user;
}

enum lb_proc
lb_proc_by_name(const char *name)
{
	int p = 0;

	while (p < LB_PROC_COUNT && strcmp(procs[p].name, name) != 0)
		p++;
	return (enum lb_proc)p;
}

int
lb_privsep_users(const char **missing)
{
	FILE *f = fopen("/etc/passwd", "re");
	struct passwd *pw;

	if (f == NULL)
		return LB_ERR_SYSTEM;
	for (int p = 0; p < LB_PROC_COUNT; p++)
		procs[p].uid = 0;
	while ((pw = fgetpwent(f)) != NULL)
		for (int p = 0; p < LB_PROC_COUNT; p++)
			if (strcmp(pw->pw_name, procs[p].user) == 0 && procs[p].uid == 0) {
				procs[p].uid = pw->pw_uid;
				procs[p].gid = pw->pw_gid;
			}
	fclose(f);
	for (int p = 0; p < LB_PROC_COUNT; p++) {
		*missing = procs[p].user;
		if (procs[p].uid == 0 || procs[p].gid == 0)
			return LB_ERR_NOT_FOUND;
		for (int q = 0; q < p; q++)
			if (procs[q].uid == procs[p].uid)
				return LB_ERR_NOT_FOUND;
	}
	return LB_OK;
}

void
lb_privsep_ids(enum lb_proc proc, uid_t *uid, gid_t *gid)
{
	*uid = procs[proc].uid;
	*gid = procs[proc].gid;
}

/* In the child, between fork and exec: only what may be called there. */
static void
become(enum lb_proc proc, const int *fds, size_t count, const char *root_dir, int log_fd)
{
	char uid[16], gid[16];
	char *argv[] = {(char *)(uintptr_t) "lockboxd",
			(char *)(uintptr_t) "-x",
			(char *)(uintptr_t)procs[proc].name,
			(char *)(uintptr_t) "-u",
			uid,
			(char *)(uintptr_t) "-g",
			gid,
			(char *)(uintptr_t) "-s",
			(char *)(uintptr_t)root_dir,
			NULL};
	char *envp[] = {NULL};
	int moved[4], null, exe;
	sigset_t none;

	snprintf(uid, sizeof uid, "%u", procs[proc].uid);
	snprintf(gid, sizeof gid, "%u", procs[proc].gid);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	/* First out of the way, so that no dup2() below overwrites one still needed. */
	log_fd = fcntl(log_fd, F_DUPFD_CLOEXEC, 64);
	null = fcntl(null, F_DUPFD_CLOEXEC, 64);
	exe = fcntl(exe, F_DUPFD_CLOEXEC, 64);
	if (log_fd < 0 || null < 0 || exe < 0)
		_exit(1);
	for (size_t i = 0; i < count; i++)
		if ((moved[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 64)) < 0)
			_exit(1);
	if (dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(log_fd, 2) < 0)
		_exit(1);
	for (size_t i = 0; i < count; i++)
		if (dup2(moved[i], LB_FD_LINK + (int)i) < 0)
			_exit(1);
	if (syscall(SYS_close_range, (unsigned)(LB_FD_LINK + (int)count), 63u, 0u) != 0)
		_exit(1);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	fexecve(exe, argv, envp);
	_exit(1);
}

int
lb_privsep_spawn(enum lb_proc proc, const int *fds, size_t count, const char *root_dir,
		 struct lb_child *child)
{
	int pair[2];
	pid_t pid;

	if (count > 4 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return LB_ERR_SYSTEM;
	pid = fork();
	if (pid == 0)
		become(proc, fds, count, root_dir, pair[1]);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return LB_ERR_SYSTEM;
	}
	child->proc = proc;
	child->pid = pid;
	child->log_fd = pair[0];
	child->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (child->pidfd < 0) {
		kill(pid, SIGKILL); /* our own child, not yet waited for: its pid is its own */
		waitpid(pid, NULL, 0);
		close(pair[0]);
		memset(child, 0, sizeof *child);
		return LB_ERR_SYSTEM;
	}
	return LB_OK;
}

void
lb_privsep_ignore_signals(void)
{
	static const int ignored[] = {SIGPIPE, SIGHUP, SIGTERM, SIGINT, SIGXFSZ};

	for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
		signal(ignored[i], SIG_IGN);
}

/*
 * While still root, so that no limit counts.  The heap is grown first and never
 * shrinks or goes elsewhere, so what is allocated later lies in locked pages.
 */
static void
lock_memory(void)
{
	void *heap;

	if (mallopt(M_MMAP_MAX, 0) != 1 || mallopt(M_TRIM_THRESHOLD, INT_MAX) != 1 ||
	    (heap = malloc(HEAP_SIZE)) == NULL)
		lb_fatal(LB_EXIT_SETUP, "cannot make the heap");
	free(heap);
	if (mlockall(MCL_CURRENT | MCL_ONFAULT) == 0)
		return;
	/* A container without CAP_IPC_LOCK: its host decides about swap, and is to be told. */
	if (errno != EPERM && errno != ENOMEM)
		lb_fatal(LB_EXIT_SETUP, "cannot lock memory: %m");
	lb_log(LOG_WARNING, "memory cannot be locked here (%m): what is in it may reach swap; give "
			    "lockboxd CAP_IPC_LOCK");
}

void
lb_privsep_drop(uid_t uid, gid_t gid, const char *root_dir)
{
	const struct rlimit none = {0, 0};
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid;
	struct stat below, root;

	if (uid == 0 || gid == 0)
		lb_fatal(LB_EXIT_SETUP, "refusing to run as root");
	if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0)
		lb_fatal(LB_EXIT_SETUP, "cannot turn core dumps off: %m");
	lock_memory();
	if (chdir(root_dir) != 0 || stat(".", &below) != 0 || chroot(".") != 0 || chdir("/") != 0)
		lb_fatal(LB_EXIT_SETUP, "cannot change root to %s: %m", root_dir);
	if (setgroups(0, NULL) != 0)
		lb_fatal(LB_EXIT_SETUP, "cannot drop groups: %m");
	if (setresgid(gid, gid, gid) != 0)
		lb_fatal(LB_EXIT_SETUP, "cannot become gid %u: %m", gid);
	if (setresuid(uid, uid, uid) != 0)
		lb_fatal(LB_EXIT_SETUP, "cannot become uid %u: %m", uid);

	/* A call that says it did and did not is as bad as one that fails. */
	if (getresuid(&ruid, &euid, &suid) != 0 || getresgid(&rgid, &egid, &sgid) != 0)
		lb_fatal(LB_EXIT_SETUP, "cannot read own ids: %m");
	if (ruid != uid || euid != uid || suid != uid || rgid != gid || egid != gid ||
	    sgid != gid || getgroups(0, NULL) != 0)
		lb_fatal(LB_EXIT_SETUP, "privileges were not dropped");
	if (stat("/..", &root) != 0 || root.st_dev != below.st_dev || root.st_ino != below.st_ino)
		lb_fatal(LB_EXIT_SETUP, "the root directory was not changed");
	if (setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0 || setegid(0) == 0 ||
	    chroot("/") == 0)
		lb_fatal(LB_EXIT_SETUP, "privileges can be taken back");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		lb_fatal(LB_EXIT_SETUP, "cannot forbid new privileges: %m");
	/* setresuid() has made the process dumpable or not by sysctl: say it again. */
	if (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_GET_DUMPABLE) != 0)
		lb_fatal(LB_EXIT_SETUP, "cannot stay undumpable: %m");
}
