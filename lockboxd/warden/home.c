/* Homes and remains: see home.h. */
#include "warden/home.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include "name.h"
#include "warden/scan.h"
#include "warden/tree.h"

/* -- making ------------------------------------------------------------- */

/* The home's parent: a directory that nobody but root can put things into. */
static int
open_base(const struct lb_home_job *job, char *text, size_t cap)
{
	char base[256];
	struct stat st;
	int fd;

	snprintf(base, sizeof base, "%s", job->home);
	fd = open(dirname(base), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		snprintf(text, cap, "cannot open the directory of homes %s: %m", base);
		return -1;
	}
	if (fstat(fd, &st) != 0 || st.st_uid != 0 || (st.st_mode & 022) != 0) {
		snprintf(text, cap,
			 "the directory of homes %s must belong to root and be writable by root "
			 "alone",
			 base);
		close(fd);
		return -1;
	}
	return fd;
}

/* True when the entry found is what an earlier run of ours published for this very account. */
static bool
is_ours(const struct lb_home_job *job, const struct passwd *pw)
{
	return !job->fresh && pw->pw_uid == job->uid && strcmp(pw->pw_name, job->name) == 0 &&
	       strcmp(pw->pw_dir, job->home) == 0;
}

/* -1 on a read error: an unreadable file may hold the collision. */
static int
subordinate_range_holds(const char *file, uint32_t id)
{
	FILE *f = fopen(file, "re");
	char line[512];
	int holds = 0;

	if (f == NULL)
		return errno == ENOENT ? 0 : -1;
	while (!holds && fgets(line, sizeof line, f) != NULL) {
		unsigned long first, count;

		if (sscanf(line, "%*[^:]:%lu:%lu", &first, &count) == 2)
			holds = id >= first && id - first < count;
	}
	fclose(f);
	return holds;
}

static bool
wanted(void *arg, uint32_t uid)
{
	return uid == *(const uint32_t *)arg;
}

struct seen {
	uint32_t uid;
	pid_t pid;
};

static void
note_process(void *arg, const struct lb_found *found)
{
	((struct seen *)arg)->pid = found->pid;
}

/*
 * The host's own files, once more and by hand: where memory or descriptors are
 * missing, the name service passes over them as if nothing stood there.  1: it
 * does; 0: neither name nor id; -1: that cannot be read.
 */
static int
in_files(const struct lb_home_job *job)
{
	FILE *f = fopen("/etc/passwd", "re");
	const struct passwd *pw;
	const struct group *gr;
	bool there = false;
	int bad = f == NULL;

	errno = 0;
	while (!bad && !there && (pw = fgetpwent(f)) != NULL)
		there = strcmp(pw->pw_name, job->name) == 0 || pw->pw_uid == job->uid;
	bad = bad || (!there && errno != 0 && errno != ENOENT) || ferror(f);
	if (f != NULL)
		fclose(f);
	if (bad || there)
		return bad ? -1 : 1;
	f = fopen("/etc/group", "re");
	bad = f == NULL;
	errno = 0;
	while (!bad && !there && (gr = fgetgrent(f)) != NULL)
		there = strcmp(gr->gr_name, job->name) == 0 || gr->gr_gid == job->uid;
	bad = bad || (!there && errno != 0 && errno != ENOENT) || ferror(f);
	if (f != NULL)
		fclose(f);
	return bad ? -1 : there;
}

static int
prove_unused(const struct lb_home_job *job, char *text, size_t cap)
{
	const struct passwd *pw;
	struct seen seen = {job->uid, 0};
	int subuid, subgid, there;

	if ((pw = getpwnam(job->name)) != NULL && !is_ours(job, pw)) {
		snprintf(text, cap, LB_HOME_TAKEN "there is a user named %s already", job->name);
		return -1;
	}
	if ((pw = getpwuid(job->uid)) != NULL && !is_ours(job, pw)) {
		snprintf(text, cap, LB_HOME_TAKEN "uid %u belongs to a user already", job->uid);
		return -1;
	}
	if (job->fresh && (getgrnam(job->name) != NULL || getgrgid(job->uid) != NULL)) {
		snprintf(text, cap,
			 LB_HOME_TAKEN "there is a group named %s or with gid %u already",
			 job->name, job->uid);
		return -1;
	}
	there = in_files(job);
	if (there != 0) {
		snprintf(text, cap,
			 there > 0 ? LB_HOME_TAKEN "a user or group has the name %s or the id %u"
				   : "whether anybody is %s or has the id %u cannot be read",
			 job->name, job->uid);
		return -1;
	}
	subuid = subordinate_range_holds("/etc/subuid", job->uid);
	subgid = subordinate_range_holds("/etc/subgid", job->uid);
	if (subuid != 0 || subgid != 0) {
		snprintf(text, cap,
			 LB_HOME_TAKEN
			 "uid %u lies in a subordinate range of /etc/subuid or /etc/subgid",
			 job->uid);
		return -1;
	}
	if (job->fresh && (lb_scan(wanted, note_process, &seen, NULL) != 0 || seen.pid != 0)) {
		snprintf(text, cap, LB_HOME_TAKEN "process %d runs with uid %u already",
			 (int)seen.pid, job->uid);
		return -1;
	}
	return 0;
}

static int
make_home(const struct lb_home_job *job, int base, char *text, size_t cap)
{
	struct stat st;
	int fd;

	if (mkdirat(base, job->name, 0700) != 0 && (errno != EEXIST || job->fresh)) {
		snprintf(text, cap, "cannot make the home %s: %m", job->home);
		return -1;
	}
	fd = openat(base, job->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0 || (st.st_uid != 0 && st.st_uid != job->uid) ||
	    (st.st_uid == 0 && (fchmod(fd, 0700) != 0 || fchown(fd, job->uid, job->uid) != 0))) {
		snprintf(text, cap, "the home %s is not the account's own directory", job->home);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	close(fd);
	return 0;
}

int
lb_home_make(const void *arg, char *text, size_t cap)
{
	const struct lb_home_job *job = arg;
	int base, failed;

	if (prove_unused(job, text, cap) != 0)
		return -1;
	base = open_base(job, text, cap);
	if (base < 0)
		return -1;
	failed = make_home(job, base, text, cap);
	close(base);
	return failed;
}

/* -- clearing: as root, single names in directories that only the system writes ----- */

static const struct {
	const char *dir, *what;
	bool by_owner; /* every file of the account's uid there; else the file of its name */
} spools[] = {
	{"/var/spool/cron/crontabs", "crontab", false},	   {"/var/spool/cron", "crontab", false},
	{"/var/spool/cron/atjobs", "at job", true},	   {"/var/spool/at", "at job", true},
	{"/var/lib/systemd/linger", "linger mark", false},
};

static unsigned
clear_owned(int dir, uint32_t uid)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;
	struct stat st;
	unsigned removed = 0;

	if (d == NULL) {
		if (copy >= 0)
			close(copy);
		return 0;
	}
	while ((entry = readdir(d)) != NULL)
		if (fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) && st.st_uid == uid && unlinkat(dir, entry->d_name, 0) == 0)
			removed++;
	closedir(d);
	return removed;
}

static unsigned
clear_spools(const struct lb_home_job *job)
{
	unsigned removed = 0;

	for (size_t i = 0; i < sizeof spools / sizeof spools[0]; i++) {
		int dir = open(spools[i].dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (dir < 0)
			continue;
		if (spools[i].by_owner)
			removed += clear_owned(dir, job->uid);
		else if (unlinkat(dir, job->name, 0) == 0)
			removed++;
		close(dir);
	}
	return removed;
}

/* -- clearing: with the account's own rights ---------------------------------------- */

/*
 * The effective uid, which counts for files and IPC, becomes the account's;
 * the real one that of a serial which is never handed out, so that nothing of
 * the account's may signal this process.
 */
static int
drop_to(uint32_t uid)
{
	const uid_t nobody = LB_ACCOUNT_UID_FIRST;
	uid_t r, e, s;

	if (!lb_uid_is_account(uid) || uid == nobody || setgroups(0, NULL) != 0 ||
	    setresgid(uid, uid, uid) != 0 || setresuid(nobody, uid, nobody) != 0)
		return -1;
	return getresuid(&r, &e, &s) == 0 && r == nobody && e == uid && s == nobody &&
			       seteuid(0) != 0
		       ? 0
		       : -1;
}

/*
 * What stands there without asking a file system that may never answer: a mount
 * of the account's own (FUSE) is left alone, not looked into.
 */
static bool
is_ours_to_clear(int dir, const char *name, uint32_t uid, bool *is_dir)
{
	struct statx st;

	if (statx(dir, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC,
		  STATX_UID | STATX_TYPE, &st) != 0 ||
	    (st.stx_attributes & STATX_ATTR_MOUNT_ROOT) || st.stx_uid != uid)
		return false;
	*is_dir = S_ISDIR(st.stx_mode);
	return true;
}

/* What the account put into a directory that everybody may write to. */
static void
clear_shared(const char *path, uint32_t uid, struct lb_tree_count *count)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), child;
	DIR *d = dir < 0 ? NULL : fdopendir(dir);
	struct dirent *entry;
	bool is_dir;

	if (d == NULL) {
		if (dir >= 0)
			close(dir);
		return;
	}
	while ((entry = readdir(d)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    !is_ours_to_clear(dir, entry->d_name, uid, &is_dir))
			continue;
		if (is_dir) {
			child = lb_tree_open(dir, entry->d_name);
			if (child >= 0)
				lb_tree_clear(child, count);
		}
		if (unlinkat(dir, entry->d_name, is_dir ? AT_REMOVEDIR : 0) == 0)
			count->removed++;
		else
			count->left++;
	}
	closedir(d);
}

/* Ids of one kind of System V object whose owner is uid; /proc/sysvipc, proc(5). */
static void
clear_sysv(const char *file, uint32_t uid, int (*remove)(int), struct lb_tree_count *count)
{
	FILE *f = fopen(file, "re");
	char line[512];

	if (f == NULL)
		return;
	while (fgets(line, sizeof line, f) != NULL) {
		char *word[24], *save = NULL;
		size_t n = 0, column = strstr(file, "shm") ? 7 : strstr(file, "sem") ? 4 : 7;

		for (char *w = strtok_r(line, " \t\n", &save); w != NULL && n < 24;
		     w = strtok_r(NULL, " \t\n", &save))
			word[n++] = w;
		if (n <= column || strtoul(word[column], NULL, 10) != uid)
			continue;
		if (remove((int)strtol(word[1], NULL, 10)) == 0)
			count->removed++;
		else
			count->left++;
	}
	fclose(f);
}

static int
remove_shm(int id)
{
	return shmctl(id, IPC_RMID, NULL);
}

static int
remove_sem(int id)
{
	return semctl(id, 0, IPC_RMID);
}

static int
remove_msg(int id)
{
	return msgctl(id, IPC_RMID, NULL);
}

static void
clear_as_account(int home, uint32_t uid, struct lb_tree_count *count)
{
	if (home >= 0)
		lb_tree_clear(home, count);
	clear_shared("/tmp", uid, count);
	clear_shared("/var/tmp", uid, count);
	clear_shared("/dev/shm", uid, count);
	clear_sysv("/proc/sysvipc/shm", uid, remove_shm, count);
	clear_sysv("/proc/sysvipc/sem", uid, remove_sem, count);
	clear_sysv("/proc/sysvipc/msg", uid, remove_msg, count);
}

/* There is no way back from the drop: the warden itself removes the empty home afterwards. */
static int
clear_with_own_rights(const struct lb_home_job *job, int base, struct lb_tree_count *count)
{
	struct stat st;
	int home = openat(base, job->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (home >= 0 && (fstat(home, &st) != 0 || st.st_uid != job->uid)) {
		close(home); /* not what was made: leave it alone */
		home = -1;
		count->left++;
	}
	if (drop_to(job->uid) != 0)
		return -1;
	clear_as_account(home, job->uid, count);
	return 0;
}

int
lb_home_clear(const void *arg, char *text, size_t cap)
{
	const struct lb_home_job *job = arg;
	struct lb_tree_count count = {0};
	unsigned spooled = clear_spools(job);
	int base = open_base(job, text, cap);

	if (base < 0 || clear_with_own_rights(job, base, &count) != 0) {
		if (base >= 0)
			snprintf(text, cap,
				 "the home %s was not cleared: no way to act as the account",
				 job->home);
		return -1;
	}
	snprintf(text, cap, "removed %lu files, %u spool entries; left %lu", count.removed, spooled,
		 count.left);
	return 0;
}
