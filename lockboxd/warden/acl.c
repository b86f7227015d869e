/* Access entries: see acl.h. */
#include "warden/acl.h"

#include <acl/libacl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/acl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "name.h"

static int
take_lock(const char *lock, char *text, size_t cap)
{
	int fd = open(lock, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	while (fd >= 0 && flock(fd, LOCK_EX) != 0)
		if (errno != EINTR) {
			close(fd);
			fd = -1;
		}
	if (fd < 0)
		snprintf(text, cap, "%s cannot be locked: %m", lock);
	return fd;
}

/* A directory on the way: root's, and for nobody else to change. */
static const char *
way_problem(const struct stat *st)
{
	if (S_ISLNK(st->st_mode))
		return "a symbolic link is on the way";
	if (!S_ISDIR(st->st_mode))
		return "something on the way is no directory";
	if (st->st_uid != 0 || (st->st_mode & 022) != 0)
		return "a directory on the way is not root's alone to change";
	return NULL;
}

/* giving: what is taken away is the account's own, whatever other names it has put beside. */
static const char *
end_problem(const struct stat *st, bool giving)
{
	if (S_ISLNK(st->st_mode))
		return "it is a symbolic link";
	if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
		return "it is neither a file nor a directory";
	if (giving && S_ISREG(st->st_mode) && st->st_nlink != 1)
		return "it has more than one name";
	return NULL;
}

/* Walks to the path; a descriptor that only names it, or -1 with errno, 0 when *why says it. */
static int
walk(const char *path, bool giving, const char **why)
{
	char rest[LB_ACL_PATH_MAX + 1], *at = rest, *name;
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	snprintf(rest, sizeof rest, "%s", path);
	*why = NULL;
	while (fd >= 0 && (name = strsep(&at, "/")) != NULL) {
		int next;

		if (name[0] == '\0')
			continue; /* before the first slash */
		next = fstat(fd, &st) != 0 ? -1 : 0;
		*why = next == 0 ? way_problem(&st) : NULL;
		if (next == 0 && *why == NULL)
			next = openat(fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		close(fd);
		fd = next;
		if (*why != NULL) {
			errno = 0;
			return -1;
		}
	}
	if (fd < 0 || fstat(fd, &st) != 0 || (*why = end_problem(&st, giving)) != NULL) {
		int saved = *why != NULL ? 0 : errno;

		if (fd >= 0)
			close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

/* The same object, opened so that its entries can be read and set. */
static int
open_path(const char *path, bool giving, struct stat *st, const char **why)
{
	char self[32];
	int named = walk(path, giving, why), fd, saved;

	if (named < 0)
		return -1;
	snprintf(self, sizeof self, "/proc/self/fd/%d", named);
	fd = open(self, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	saved = errno;
	close(named);
	errno = saved;
	if (fd >= 0 && fstat(fd, st) != 0) {
		saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

#define BITS 3
static const acl_perm_t bits[BITS] = {ACL_READ, ACL_WRITE, ACL_EXECUTE};

static unsigned
perms_of(acl_entry_t entry)
{
	acl_permset_t set;
	unsigned perms = 0;

	if (acl_get_permset(entry, &set) != 0)
		return 0;
	for (size_t i = 0; i < BITS; i++)
		if (acl_get_perm(set, bits[i]) == 1)
			perms |= bits[i];
	return perms;
}

static int
set_perms(acl_entry_t entry, unsigned perms)
{
	acl_permset_t set;

	if (acl_get_permset(entry, &set) != 0 || acl_clear_perms(set) != 0)
		return -1;
	for (size_t i = 0; i < BITS; i++)
		if ((perms & bits[i]) != 0 && acl_add_perm(set, bits[i]) != 0)
			return -1;
	return 0;
}

/* What stands in an ACL, looked through once. */
struct found {
	acl_entry_t ours, mask;
	unsigned others;	   /* all that the mask bears on, but for ours, together */
	unsigned others_effective; /* the same, as far as the mask lets them */
	bool named;		   /* there are named entries but ours */
};

static int
look_through(acl_t acl, uint32_t uid, struct found *f)
{
	acl_entry_t e;
	acl_tag_t tag;

	*f = (struct found){0};
	for (int rc = acl_get_entry(acl, ACL_FIRST_ENTRY, &e); rc == 1;
	     rc = acl_get_entry(acl, ACL_NEXT_ENTRY, &e)) {
		const uid_t *who;

		if (acl_get_tag_type(e, &tag) != 0)
			return -1;
		if (tag == ACL_MASK)
			f->mask = e;
		if (tag != ACL_USER && tag != ACL_GROUP && tag != ACL_GROUP_OBJ)
			continue;
		if (tag == ACL_USER) {
			who = acl_get_qualifier(e);
			if (who == NULL)
				return -1;
			if (*who == uid)
				f->ours = e;
			acl_free((void *)who);
			if (f->ours == e)
				continue;
		}
		f->named = f->named || tag != ACL_GROUP_OBJ;
		f->others |= perms_of(e);
	}
	f->others_effective = f->others;
	if (f->mask != NULL)
		f->others_effective &= perms_of(f->mask);
	return 0;
}

/* The mask that lets ours through; false when it would let others do more. */
static bool
widen(acl_t *acl, struct found *f, unsigned ours, int *failed)
{
	unsigned now, wanted;
	acl_entry_t mask = f->mask;

	*failed = 0;
	if (mask == NULL) { /* then nothing was masked */
		*failed = acl_create_entry(acl, &mask) != 0 || acl_set_tag_type(mask, ACL_MASK) != 0
				  ? -1
				  : set_perms(mask, f->others | ours);
		return true;
	}
	now = perms_of(mask);
	wanted = now | ours;
	if ((f->others & wanted) != (f->others & now))
		return false;
	*failed = set_perms(mask, wanted);
	return true;
}

static int
add_entry(acl_t *acl, uint32_t uid, unsigned perms, char *text, size_t cap)
{
	struct found f;
	acl_entry_t e;
	int failed = look_through(*acl, uid, &f);

	if (failed == 0 && !widen(acl, &f, perms, &failed)) {
		snprintf(text, cap, "its mask keeps others from what would be given; see getfacl");
		return -1;
	}
	/* Where an entry was made, those that were found before may have moved. */
	if (failed == 0)
		failed = look_through(*acl, uid, &f);
	e = f.ours;
	if (failed == 0 && e == NULL)
		failed = acl_create_entry(acl, &e) != 0 || acl_set_tag_type(e, ACL_USER) != 0 ||
					 acl_set_qualifier(e, &uid) != 0
				 ? -1
				 : 0;
	if (failed == 0)
		failed = set_perms(e, perms);
	if (failed != 0)
		snprintf(text, cap, "its entries cannot be changed: %m");
	return failed;
}

/* What the system said. */
static void
say_errno(char *reason, size_t cap)
{
	snprintf(reason, cap, "%s",
		 errno == EOPNOTSUPP ? "its file system has no access control lists"
				     : strerror(errno));
}

/* Gives uid its entry on an open file; -1 with the reason. */
static int
give(int fd, const struct stat *st, uint32_t uid, bool may_write, char *reason, size_t cap)
{
	bool dir = S_ISDIR(st->st_mode);
	unsigned perms = ACL_READ | (dir ? ACL_EXECUTE : 0u) | (may_write ? ACL_WRITE : 0u);
	acl_t acl;
	int rc = -1;

	if (dir && may_write) {
		snprintf(reason, cap, "it is a directory, which is given to read only");
		return -1;
	}
	acl = acl_get_fd(fd);
	if (acl == NULL) {
		say_errno(reason, cap);
		return -1;
	}
	if (add_entry(&acl, uid, perms, reason, cap) == 0) {
		rc = acl_valid(acl) == 0 ? acl_set_fd(fd, acl) : -1;
		if (rc != 0)
			say_errno(reason, cap);
	}
	acl_free(acl);
	return rc;
}

/* The lock, to be closed again; -1 with text saying why. */
static int
begin(const char *lock, uint32_t uid, char *text, size_t cap)
{
	if (lb_uid_is_account(uid))
		return take_lock(lock, text, cap);
	snprintf(text, cap, "uid %u is no account's", uid);
	return -1;
}

int
lb_acl_give(const char *lock, uint32_t uid, const struct lb_acl *what, char *text, size_t cap)
{
	const char *why = NULL;
	char reason[160];
	struct stat st;
	int locked, fd, rc = -1;

	locked = begin(lock, uid, text, cap);
	if (locked < 0)
		return -1;
	fd = open_path(what->path, true, &st, &why);
	if (fd >= 0)
		rc = give(fd, &st, uid, what->write, reason, sizeof reason);
	else if (why != NULL)
		snprintf(reason, sizeof reason, "%s", why);
	else
		say_errno(reason, sizeof reason);
	if (rc != 0)
		snprintf(text, cap, "no access to %s can be given: %s", what->path, reason);
	if (fd >= 0)
		close(fd);
	close(locked);
	return rc;
}

/* Without ours; 1 when there is a change to be written. */
static int
drop_entry(acl_t acl, uint32_t uid)
{
	struct found f;

	if (look_through(acl, uid, &f) != 0)
		return -1;
	if (f.ours == NULL)
		return 0;
	if (acl_delete_entry(acl, f.ours) != 0 || look_through(acl, uid, &f) != 0)
		return -1;
	if (f.mask == NULL)
		return 1;
	/* What the mask let others do it goes on letting them, and no more. */
	if (f.named || f.others != f.others_effective)
		return set_perms(f.mask, f.others_effective) == 0 ? 1 : -1;
	return acl_delete_entry(acl, f.mask) == 0 ? 1 : -1;
}

int
lb_acl_take(const char *lock, uint32_t uid, const struct lb_acl *what, char *text, size_t cap)
{
	const char *why = NULL;
	acl_t acl = NULL;
	struct stat st;
	int locked, fd, rc = -1;

	locked = begin(lock, uid, text, cap);
	if (locked < 0)
		return -1;
	fd = open_path(what->path, false, &st, &why);
	if ((fd < 0 && why == NULL && (errno == ENOENT || errno == ENOTDIR)) ||
	    (fd >= 0 && (acl = acl_get_fd(fd)) == NULL && errno == EOPNOTSUPP))
		rc = 0;
	else if (acl != NULL && (rc = drop_entry(acl, uid)) == 1 && acl_set_fd(fd, acl) != 0)
		rc = -1;
	if (rc < 0)
		snprintf(text, cap, "the entry of %s could not be taken away: %s", what->path,
			 why != NULL ? why : strerror(errno));
	if (acl != NULL)
		acl_free(acl);
	if (fd >= 0)
		close(fd);
	close(locked);
	return rc;
}

struct lb_acl_job *
lb_acl_job_new(const char *lock, uint32_t uid, const struct lb_acl *acl, size_t count, size_t *size)
{
	struct lb_acl_job *job;

	*size = sizeof *job + count * sizeof *acl;
	job = calloc(1, *size);
	if (job == NULL)
		return NULL;
	snprintf(job->lock, sizeof job->lock, "%s", lock);
	job->uid = uid;
	job->count = count;
	if (count > 0)
		memcpy(job->acl, acl, count * sizeof *acl);
	return job;
}

int
lb_acl_take_all(const void *arg, char *text, size_t cap)
{
	const struct lb_acl_job *job = arg;
	size_t taken = 0, used = 0;
	int failed = 0;
	const char *last = "";

	text[0] = '\0';
	for (size_t i = 0; i < job->count && used < cap; i++) {
		int rc = lb_acl_take(job->lock, job->uid, &job->acl[i], text + used, cap - used);

		if (rc < 0) {
			failed = -1;
			used += strlen(text + used);
			used += (size_t)snprintf(text + used, cap - used, "; ");
		} else if (rc == 1) {
			taken++;
			last = job->acl[i].path;
		}
	}
	if (used >= cap)
		return -1;
	if (taken == 1)
		snprintf(text + used, cap - used, "took its access to %s away; ", last);
	else if (taken > 1)
		snprintf(text + used, cap - used, "took its access to %zu paths away; ", taken);
	else if (job->count == 1 && failed == 0)
		snprintf(text + used, cap - used, "%s has no entry of it (any more); ",
			 job->acl[0].path);
	return failed;
}
