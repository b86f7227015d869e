/* Finding processes: see scan.h; proc(5) for the formats. */
#include "warden/scan.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "err.h"
#include "name.h"

#define NO_ID UINT32_MAX

struct ids {
	uint32_t uid[4]; /* real, effective, saved, file system */
	uint32_t loginuid, session;
	bool gone; /* a zombie without other threads */
};

/* Only these mean that the process is no more; all else means that it could not be looked at. */
static bool
is_gone(int err)
{
	return err == ENOENT || err == ESRCH;
}

static ssize_t
slurp(int dir, const char *file, char *buf, size_t cap)
{
	int fd = openat(dir, file, O_RDONLY | O_CLOEXEC), saved;
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, buf, cap - 1);
	saved = errno;
	close(fd);
	errno = saved;
	buf[n > 0 ? n : 0] = '\0';
	return n;
}

/* The text after a key at the start of a line of /proc/PID/status, or NULL. */
static const char *
line_of(const char *status, const char *key)
{
	size_t len = strlen(key);

	for (const char *line = status; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, len) == 0)
			return line + len;
		if (*line == '\0')
			break;
	}
	return NULL;
}

enum look { LOOK_OK, LOOK_GONE, LOOK_FAILED };

/* numbers: the kernel's number of the session as well. */
static enum look
read_ids(int dir, bool numbers, struct ids *ids)
{
	char status[4096], login[16], session[16];
	const char *uids, *state, *threads;

	if (slurp(dir, "status", status, sizeof status) <= 0)
		return is_gone(errno) ? LOOK_GONE : LOOK_FAILED;
	uids = line_of(status, "Uid:");
	state = line_of(status, "State:");
	threads = line_of(status, "Threads:");
	if (uids == NULL || sscanf(uids, "%u %u %u %u", &ids->uid[0], &ids->uid[1], &ids->uid[2],
				   &ids->uid[3]) != 4)
		return LOOK_FAILED;
	ids->loginuid = NO_ID;
	if (slurp(dir, "loginuid", login, sizeof login) > 0)
		ids->loginuid = (uint32_t)strtoul(login, NULL, 10);
	else if (!is_gone(errno) && errno != EINVAL) /* a kernel without audit has no such file */
		return LOOK_FAILED;
	ids->session = NO_ID;
	if (numbers && ids->loginuid != NO_ID && !lb_uid_is_account(ids->loginuid)) {
		if (slurp(dir, "sessionid", session, sizeof session) > 0)
			ids->session = (uint32_t)strtoul(session, NULL, 10);
		else if (!is_gone(errno))
			return LOOK_FAILED;
	}
	/* A leader that exited leaves a zombie while its other threads run on. */
	ids->gone = state != NULL && strpbrk(state, "ZX") != NULL &&
		    strcspn(state, "ZX") < strcspn(state, "\n") &&
		    (threads == NULL || strtoul(threads, NULL, 10) <= 1);
	return LOOK_OK;
}

/* The same by the name of a directory in proc. */
static enum look
read_ids_of(int proc, const char *name, bool numbers, struct ids *ids)
{
	int dir = openat(proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum look look;

	if (dir < 0)
		return is_gone(errno) ? LOOK_GONE : LOOK_FAILED;
	look = read_ids(dir, numbers, ids);
	close(dir);
	return look;
}

static bool
has_uid(const struct ids *ids, uint32_t uid)
{
	for (int i = 0; i < 4; i++)
		if (ids->uid[i] == uid)
			return true;
	return false;
}

/* What a walk is for. */
struct quest {
	lb_scan_wanted *wanted;
	lb_scan_session *session; /* may be NULL */
	lb_scan_found *found;
	void *arg;
};

/* The account this process belongs to, among those wanted; NO_ID when none. */
static uint32_t
owner_of(const struct ids *ids, const struct quest *q)
{
	for (int i = 0; i < 4; i++)
		if (lb_uid_is_account(ids->uid[i]) && q->wanted(q->arg, ids->uid[i]))
			return ids->uid[i];
	if (lb_uid_is_account(ids->loginuid) && q->wanted(q->arg, ids->loginuid))
		return ids->loginuid;
	if (q->session != NULL && ids->loginuid != NO_ID && ids->session != NO_ID)
		return q->session(q->arg, ids->loginuid, ids->session);
	return NO_ID;
}

static bool
alive(int pidfd)
{
	return syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) == 0;
}

/* True when the process has ended, all its threads with it, and only waits for its parent. */
static bool
ended(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

/*
 * The owner of /proc/PID is the process's effective uid, whatever else about it
 * may be hidden; to ask for it costs a tenth of reading its status.  So the
 * many that run plainly as an account are known by it, with the process pinned
 * when it is decided on; all others are read wholly.
 */
static bool
runs_plainly_as(int proc, const char *name, const struct quest *q, uint32_t *uid, enum look *look)
{
	struct stat st;

	*look = LOOK_OK;
	if (fstatat(proc, name, &st, 0) != 0) {
		*look = is_gone(errno) ? LOOK_GONE : LOOK_FAILED;
		return false;
	}
	*uid = st.st_uid;
	return lb_uid_is_account(st.st_uid) && q->wanted(q->arg, st.st_uid);
}

/* Looks again with the process pinned, so that what is decided on is this process. */
static enum look
look_pinned(int proc, const char *name, const struct quest *q, struct lb_found *f)
{
	struct ids ids;
	enum look look;

	f->by_loginuid = false;
	if (runs_plainly_as(proc, name, q, &f->owner, &look)) {
		if (ended(f->pidfd))
			f->owner = NO_ID;
		return LOOK_OK;
	}
	f->owner = NO_ID;
	if (look == LOOK_OK)
		look = read_ids_of(proc, name, q->session != NULL, &ids);
	if (look != LOOK_OK || ids.gone)
		return look;
	f->owner = owner_of(&ids, q);
	f->by_loginuid = f->owner != NO_ID && !has_uid(&ids, f->owner);
	return LOOK_OK;
}

static enum look
consider(int proc, const char *name, const struct quest *q)
{
	struct ids ids;
	struct lb_found f = {.pidfd = -1};
	enum look look;
	uint32_t uid;

	if (!runs_plainly_as(proc, name, q, &uid, &look)) {
		if (look == LOOK_OK)
			look = read_ids_of(proc, name, q->session != NULL, &ids);
		if (look != LOOK_OK || ids.gone || owner_of(&ids, q) == NO_ID)
			return look;
	}
	f.pid = (pid_t)strtol(name, NULL, 10);
	if (f.pid <= 1 || f.pid == getpid())
		return LOOK_OK;
	f.pidfd = (int)syscall(SYS_pidfd_open, f.pid, 0);
	if (f.pidfd < 0)
		return is_gone(errno) ? LOOK_GONE : LOOK_FAILED;
	look = look_pinned(proc, name, q, &f);
	/* Still there: so the number was this process's all the while. */
	if (look == LOOK_OK && f.owner != NO_ID && alive(f.pidfd))
		q->found(q->arg, &f);
	close(f.pidfd);
	return look;
}

int
lb_scan(lb_scan_wanted *wanted, lb_scan_found *found, void *arg, unsigned *vanished)
{
	return lb_scan_sessions(wanted, NULL, found, arg, vanished);
}

int
lb_scan_sessions(lb_scan_wanted *wanted, lb_scan_session *session, lb_scan_found *found, void *arg,
		 unsigned *vanished)
{
	const struct quest q = {wanted, session, found, arg};
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	unsigned gone = 0;
	bool failed = false;

	if (proc == NULL)
		return LB_ERR_SYSTEM;
	while (errno = 0, (entry = readdir(proc)) != NULL) {
		enum look look;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		look = consider(dirfd(proc), entry->d_name, &q);
		gone += look == LOOK_GONE;
		failed = failed || look == LOOK_FAILED;
	}
	failed = failed || errno != 0;
	closedir(proc);
	if (vanished != NULL)
		*vanished = gone;
	return failed ? LB_ERR_SYSTEM : LB_OK;
}

/* The process that a descriptor stands for, by the kernel's word: -1 when it is no pidfd or has ended. */
static pid_t
pid_of(int pidfd)
{
	char path[48], info[512];
	const char *pid;
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, info, sizeof info - 1);
		close(fd);
	}
	info[n > 0 ? n : 0] = '\0';
	pid = line_of(info, "Pid:");
	return pid == NULL ? -1 : (pid_t)strtol(pid, NULL, 10);
}

bool
lb_scan_belongs(pid_t pid, int pidfd, uint32_t uid)
{
	char path[32];
	struct ids ids;
	int dir;
	bool belongs;

	/* Pid, descriptor and uid are all somebody else's word. */
	if (!lb_uid_is_account(uid) || pid <= 1 || pid == getpid() || pid_of(pidfd) != pid)
		return false;
	snprintf(path, sizeof path, "/proc/%d", (int)pid);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return false;
	belongs = read_ids(dir, false, &ids) == LOOK_OK &&
		  (has_uid(&ids, uid) || ids.loginuid == uid) && alive(pidfd);
	close(dir);
	return belongs;
}

bool
lb_scan_session_of(pid_t pid, int pidfd, uint32_t *login_uid, uint32_t *session)
{
	char path[32];
	struct ids ids;
	bool read;
	int dir;

	if (pid <= 1 || pid == getpid() || pid_of(pidfd) != pid)
		return false;
	snprintf(path, sizeof path, "/proc/%d", (int)pid);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return false;
	read = read_ids(dir, true, &ids) == LOOK_OK && alive(pidfd);
	close(dir);
	if (!read)
		return false;
	*login_uid = ids.loginuid;
	*session = ids.session;
	return true;
}

/* 1 when inode is a listening TCP socket in the network namespace seen through dir. */
static int
listening(int dir, unsigned long inode)
{
	static const char *const tables[] = {"net/tcp", "net/tcp6"};
	int yes = 0;

	for (size_t i = 0; i < 2 && yes == 0; i++) {
		int fd = openat(dir, tables[i], O_RDONLY | O_CLOEXEC);
		FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
		char line[256];

		if (f == NULL && !is_gone(errno))
			yes = -1;
		while (f != NULL && yes == 0 && fgets(line, sizeof line, f) != NULL) {
			unsigned state;
			unsigned long number;

			if (sscanf(line, "%*d: %*s %*s %x %*s %*s %*s %*u %*d %lu", &state,
				   &number) != 2)
				continue; /* the heading */
			if (state != 0x0a)
				break; /* the kernel lists those that listen first */
			yes = number == inode;
		}
		if (f != NULL)
			fclose(f);
		else if (fd >= 0)
			close(fd);
	}
	return yes;
}

static bool
runs_sshd(int dir)
{
	struct stat exe, sshd;

	return fstatat(dir, "exe", &exe, 0) == 0 && stat("/usr/sbin/sshd", &sshd) == 0 &&
	       exe.st_dev == sshd.st_dev && exe.st_ino == sshd.st_ino;
}

/* 1: one of its descriptors is a socket that listens; 0: none; -1: cannot be told. */
static int
has_listening_socket(int dir)
{
	char target[64];
	struct dirent *entry;
	int fd = openat(dir, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC), yes = 0;
	DIR *fds = fd < 0 ? NULL : fdopendir(fd);

	if (fds == NULL) {
		yes = is_gone(errno) ? 0 : -1;
		if (fd >= 0)
			close(fd);
		return yes;
	}
	while (yes == 0 && (entry = readdir(fds)) != NULL) {
		ssize_t n = readlinkat(fd, entry->d_name, target, sizeof target - 1);
		unsigned long inode;

		if (n <= 0)
			continue;
		target[n] = '\0';
		if (sscanf(target, "socket:[%lu]", &inode) == 1)
			yes = listening(dir, inode);
	}
	closedir(fds);
	return yes;
}

int
lb_scan_is_listener(pid_t pid)
{
	char path[32];
	struct ids ids;
	enum look look;
	int dir, yes = 0;

	snprintf(path, sizeof path, "/proc/%d", (int)pid);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return is_gone(errno) ? 0 : -1;
	look = read_ids(dir, false, &ids);
	if (look == LOOK_FAILED)
		yes = -1;
	else if (look == LOOK_OK && ids.uid[0] == 0 && ids.uid[1] == 0 && runs_sshd(dir))
		yes = has_listening_socket(dir);
	close(dir);
	return yes;
}

bool
lb_scan_is_sshd(pid_t pid)
{
	char path[32];
	struct ids ids;
	bool sshd;
	int dir;

	snprintf(path, sizeof path, "/proc/%d", (int)pid);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return false;
	sshd = read_ids(dir, false, &ids) == LOOK_OK && ids.uid[0] == 0 && ids.uid[1] == 0 &&
	       runs_sshd(dir);
	close(dir);
	return sshd;
}
