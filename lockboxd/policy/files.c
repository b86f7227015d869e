/*
 * Reading the policy's files and the host's facts: see source.h.
 *
 * Runs as root before anything is trusted: every file is opened without
 * following a link and without waiting, and must be a regular one that only
 * root can change.  It must never follow a link, wait for a writer, read more
 * than its limits, or ask the name service.
 */
#include "policy/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"

#include "policy/source_store.h"
#include "policy/zone.h"

#define ZONES "/usr/share/zoneinfo"
#define ZONE_FILE_MAX 65536u

/* One open file or directory, for messages and the ownership check. */
struct target {
	const char *path; /* as shown */
	unsigned flags;
	struct lb_report *report;
};

/* Reports an error about a whole file and gives the matching result. */
static int
refuse(const struct target *t, const char *what)
{
	lb_report_add(t->report, LB_SEVERITY_ERROR, t->path, 0, "%s", what);
	return LB_ERR_REFUSED;
}

static int
refuse_errno(const struct target *t, const char *what)
{
	lb_report_add(t->report, LB_SEVERITY_ERROR, t->path, 0, "%s: %s", what, strerror(errno));
	return LB_ERR_REFUSED;
}

/* Only root may be able to change what decides who gets in. */
static int
check_owner(const struct target *t, const struct stat *st)
{
	const char *what = NULL;
	bool draft = (t->flags & LB_SOURCE_ANY_OWNER) != 0;

	if (st->st_uid != 0)
		what = "is not owned by root";
	else if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		what = "can be written by others than root";
	if (what == NULL)
		return LB_OK;
	lb_report_add(t->report, draft ? LB_SEVERITY_WARNING : LB_SEVERITY_ERROR, t->path, 0,
		      "%s; %s chown root:root and chmod go-w", what,
		      draft ? "fine for a draft, but lockboxd will not read it before you run"
			    : "run");
	return draft ? LB_OK : LB_ERR_REFUSED;
}

static const char *
odd_kind(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFLNK:
		return "is a symbolic link; put the file itself there";
	case S_IFDIR:
		return "is a directory; a file is wanted here";
	case S_IFIFO:
		return "is a named pipe; put a regular file there";
	case S_IFSOCK:
		return "is a socket; put a regular file there";
	default:
		return "is a device; put a regular file there";
	}
}

/* Opens name in dir_fd as a regular file; *fd is set on success. */
static int
open_regular(const struct target *t, int dir_fd, const char *name, int *fd, struct stat *st)
{
	int opened;

	/* Looked at first so that no device is touched; the look after opening is the one that counts. */
	if (fstatat(dir_fd, name, st, AT_SYMLINK_NOFOLLOW) != 0)
		return refuse_errno(t, "cannot be read");
	if (!S_ISREG(st->st_mode))
		return refuse(t, odd_kind(st->st_mode));
	opened = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (opened < 0)
		return refuse_errno(t, "cannot be read");
	if (fstat(opened, st) != 0 || !S_ISREG(st->st_mode)) {
		close(opened);
		return refuse(t, "changed while it was opened; try again");
	}
	*fd = opened;
	return LB_OK;
}

static bool
same_state(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Reads the whole of fd, at most LB_SOURCE_FILE_MAX bytes, into *text (malloc). */
static int
read_text(const struct target *t, int fd, const struct stat *before, char **text, size_t *len)
{
	struct stat after;
	size_t room, used = 0;
	char *buf;

	if (before->st_size < 0 || before->st_size > (off_t)LB_SOURCE_FILE_MAX)
		return refuse(t, "is larger than 1 MiB; split it into several files");
	room = (size_t)before->st_size + 1; /* one more, to see it grow */
	buf = malloc(room);
	if (buf == NULL)
		return LB_ERR_NOMEM;
	while (used < room) {
		ssize_t n = read(fd, buf + used, room - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			free(buf);
			return refuse_errno(t, "cannot be read");
		}
		if (n == 0)
			break;
		used += (size_t)n;
	}
	if (used == room || fstat(fd, &after) != 0 || !same_state(before, &after)) {
		free(buf);
		return refuse(t, "changed while it was read; try again");
	}
	*text = buf;
	*len = used;
	return LB_OK;
}

static int
add_open_file(struct lb_policy_source *source, const struct target *t, int fd,
	      const struct stat *st, bool host)
{
	char *text = NULL;
	size_t len = 0;
	int rc, owner = check_owner(t, st);

	rc = read_text(t, fd, st, &text, &len);
	if (rc != LB_OK)
		return rc;
	rc = lb_policy_source_add_text(source, t->path, text, len, host);
	free(text);
	if (rc == LB_ERR_TOO_LONG)
		return refuse(t, "does not fit any more; at most 256 files and 8 MiB in all");
	if (rc == LB_ERR_MALFORMED)
		return refuse(t, "has an odd name; rename it");
	return rc != LB_OK ? rc : owner;
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

int
lb_policy_source_add_file(struct lb_policy_source *source, const char *path, unsigned flags,
			  struct lb_report *report)
{
	struct target t = {path, flags, report};
	bool host = strcmp(base_name(path), LB_HOST_FILE_NAME) == 0;
	struct stat st;
	int fd = -1, rc;

	rc = open_regular(&t, AT_FDCWD, path, &fd, &st);
	if (rc != LB_OK)
		return rc;
	rc = add_open_file(source, &t, fd, &st, host);
	close(fd);
	return rc;
}

/* Opens a directory without following a link at its end and checks its owner. */
static int
open_dir(const struct target *t, int *fd)
{
	struct stat st;
	int opened = open(t->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int rc;

	if (opened < 0)
		return refuse_errno(t, "cannot be opened as a directory");
	if (fstat(opened, &st) != 0) {
		rc = refuse_errno(t, "cannot be examined");
		close(opened);
		return rc;
	}
	rc = check_owner(t, &st);
	if (rc != LB_OK) {
		close(opened);
		return rc;
	}
	*fd = opened;
	return LB_OK;
}

static int
is_policy_file(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 5 && strcmp(entry->d_name + len - 5, ".conf") == 0;
}

static int
byte_order(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Letters that a file name may have: none that a shell or a reader could take for something else. */
static bool
file_name_ok(const char *name)
{
	return strspn(name,
		      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+@-") ==
	       strlen(name);
}

static int
add_dir_entry(struct lb_policy_source *source, const struct target *dir, int dir_fd,
	      const char *name)
{
	char path[PATH_MAX];
	struct target t = {path, dir->flags, dir->report};
	struct stat st;
	size_t dir_len = strlen(dir->path);
	int fd = -1, rc;

	while (dir_len > 1 && dir->path[dir_len - 1] == '/')
		dir_len--;
	if (snprintf(path, sizeof path, "%.*s/%s", (int)dir_len, dir->path, name) >=
	    (int)sizeof path)
		return refuse(dir, "has too long a path");
	if (!file_name_ok(name))
		return refuse(&t, "has an odd name; use letters, digits and . _ + @ - only");
	rc = open_regular(&t, dir_fd, name, &fd, &st);
	if (rc != LB_OK)
		return rc;
	rc = add_open_file(source, &t, fd, &st, false);
	close(fd);
	return rc;
}

int
lb_policy_source_add_dir(struct lb_policy_source *source, const char *dir, unsigned flags,
			 struct lb_report *report)
{
	struct target t = {dir, flags, report};
	struct dirent **list = NULL;
	int fd = -1, n, rc;

	rc = open_dir(&t, &fd);
	if (rc != LB_OK)
		return rc;
	n = scandirat(fd, ".", &list, is_policy_file, byte_order);
	if (n < 0)
		rc = refuse_errno(&t, "cannot be listed");
	if (n > (int)LB_SOURCE_FILES_MAX)
		rc = refuse(&t, "holds too many files; at most 256 in all");
	for (int i = 0; i < n; i++) {
		if (n <= (int)LB_SOURCE_FILES_MAX && rc != LB_ERR_NOMEM) {
			int one = add_dir_entry(source, &t, fd, list[i]->d_name);

			if (one != LB_OK)
				rc = one;
		}
		free(list[i]);
	}
	free(list);
	close(fd);
	return rc;
}

/* Opens a facts file as a stream; NULL after a report. */
static FILE *
open_facts(const char *path, struct lb_report *report)
{
	struct target t = {path, 0, report};
	struct stat st;
	FILE *fp;
	int fd = -1;

	if (open_regular(&t, AT_FDCWD, path, &fd, &st) != LB_OK)
		return NULL;
	fp = fdopen(fd, "r");
	if (fp == NULL) {
		refuse_errno(&t, "cannot be read");
		close(fd);
	}
	return fp;
}

static int
read_users(struct lb_policy_source *source, FILE *fp)
{
	const struct passwd *pw;
	int rc = LB_OK;

	errno = 0;
	while (rc == LB_OK && (pw = fgetpwent(fp)) != NULL)
		rc = lb_policy_source_add_user(source, pw->pw_name, pw->pw_uid);
	if (rc == LB_OK && (ferror(fp) || errno == ENOMEM))
		return LB_ERR_SYSTEM;
	lb_source_facts_sort(&source->users);
	return rc;
}

static int
read_groups(struct lb_policy_source *source, FILE *fp)
{
	const struct group *gr;
	int rc = LB_OK;

	errno = 0;
	while (rc == LB_OK && (gr = fgetgrent(fp)) != NULL)
		rc = lb_policy_source_add_group(source, gr->gr_name, gr->gr_gid);
	if (rc == LB_OK && (ferror(fp) || errno == ENOMEM))
		return LB_ERR_SYSTEM;
	lb_source_facts_sort(&source->groups);
	return rc;
}

/* Adds the rule of one zone; without a sound file of root's there is none, and whoever names it is told. */
static void
read_zone(struct lb_policy_source *source, const char *name)
{
	char path[sizeof ZONES + LB_ZONE_NAME_MAX + 1], rule[LB_ZONE_NAME_MAX + 1];
	uint8_t *bytes = malloc(ZONE_FILE_MAX);
	ssize_t len = -1;
	struct stat st;
	int fd;

	snprintf(path, sizeof path, "%s/%s", ZONES, name);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0 && bytes != NULL && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_uid == 0 && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0)
		len = read(fd, bytes, ZONE_FILE_MAX);
	if (len > 0 && lb_zone_of_file(bytes, (size_t)len, rule, sizeof rule) == LB_OK)
		lb_policy_source_add_zone(source, name, rule);
	if (fd >= 0)
		close(fd);
	free(bytes);
}

/*
 * Looks for what may be zones in the text as it stands, commented out or not:
 * one too many does no harm, and one that is not found here is refused when the
 * policy is parsed.
 */
static void
read_zones(struct lb_policy_source *source)
{
	static const char key[] = "time-zone";

	for (size_t i = 0; i < source->files; i++) {
		const char *at = source->file[i].text;

		while ((at = strstr(at, key)) != NULL) {
			char name[LB_ZONE_NAME_MAX + 1];
			size_t len;

			at += strlen(key);
			at += strspn(at, " \t=\"'");
			len = strcspn(at, "\"' \t\r\n}");
			if (len > LB_ZONE_NAME_MAX)
				continue;
			memcpy(name, at, len);
			name[len] = '\0';
			if (lb_zone_name_valid(name) && lb_policy_source_zone(source, name) == NULL)
				read_zone(source, name);
		}
	}
}

int
lb_policy_source_add_facts(struct lb_policy_source *source, const char *passwd_file,
			   const char *group_file, struct lb_report *report)
{
	const struct {
		const char *path;
		int (*read)(struct lb_policy_source *source, FILE *fp);
	} files[] = {{passwd_file, read_users}, {group_file, read_groups}};

	for (size_t i = 0; i < 2; i++) {
		struct target t = {files[i].path, 0, report};
		FILE *fp = open_facts(files[i].path, report);
		int rc;

		if (fp == NULL)
			return LB_ERR_REFUSED;
		rc = files[i].read(source, fp);
		fclose(fp);
		if (rc == LB_ERR_TOO_LONG)
			return refuse(&t, "has more than 200000 entries");
		if (rc == LB_ERR_SYSTEM)
			return refuse(&t, "cannot be read to its end");
		if (rc != LB_OK)
			return rc;
	}
	read_zones(source);
	return LB_OK;
}

/* The directory that holds the host file: who can rename in it can replace the file. */
static int
check_parent(const char *host_file, struct lb_report *report)
{
	char path[PATH_MAX];
	struct target t = {path, 0, report};
	const char *slash = strrchr(host_file, '/');
	size_t len = slash == NULL ? 0 : (size_t)(slash - host_file);
	int fd = -1, rc;

	if (len >= sizeof path)
		return LB_ERR_TOO_LONG;
	memcpy(path, host_file, len);
	snprintf(path + len, sizeof path - len, "%s", slash == NULL ? "." : len == 0 ? "/" : "");
	rc = open_dir(&t, &fd);
	if (rc == LB_OK)
		close(fd);
	return rc;
}

int
lb_policy_source_read(const char *host_file, const char *dir, struct lb_report *report,
		      struct lb_policy_source **source)
{
	struct lb_policy_source *s = lb_policy_source_new();
	int rc[4], worst = LB_OK;

	if (s == NULL)
		return LB_ERR_NOMEM;
	rc[0] = check_parent(host_file, report);
	rc[1] = lb_policy_source_add_file(s, host_file, 0, report);
	rc[2] = lb_policy_source_add_dir(s, dir, 0, report);
	rc[3] = lb_policy_source_add_facts(s, "/etc/passwd", "/etc/group", report);
	for (size_t i = 0; i < 4; i++)
		if (rc[i] != LB_OK && worst != LB_ERR_NOMEM)
			worst = rc[i];
	/* Whatever the host file is called here, it is the one that holds the host settings. */
	if (s->files > 0)
		s->file[0].host = true;
	if (worst != LB_OK) {
		lb_policy_source_free(s);
		return worst;
	}
	*source = s;
	return LB_OK;
}
