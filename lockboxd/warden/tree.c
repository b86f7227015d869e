/*
 * Removing trees: see tree.h.
 *
 * The way down is a stack of names and identities, the way up is "..", checked
 * against the identity recorded on the way down.  Each turn reads the current
 * directory from its start: what was removed is no longer there, what could not
 * be removed is remembered by name in the frame and passed over.
 */
#include "warden/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STUCK_MAX 256 /* names one directory may hold on to before it is given up */
#define DEPTH_MAX 1000000u

struct frame {
	dev_t dev; /* of this directory */
	ino_t ino;
	char name[256]; /* in its parent */
	char **stuck;
	size_t nstuck;
};

struct walk {
	struct frame *frame;
	size_t depth, cap; /* frames in use: frame[depth - 1] is the current directory */
	int fd;
	struct lb_tree_count *count;
};

static bool
push(struct walk *w, int fd, const char *name)
{
	struct stat st;
	struct frame *f;

	if (w->depth == DEPTH_MAX || fstat(fd, &st) != 0)
		return false;
	if (w->depth == w->cap) {
		size_t cap = w->cap == 0 ? 64 : w->cap * 2;

		f = reallocarray(w->frame, cap, sizeof *f);
		if (f == NULL)
			return false;
		w->frame = f;
		w->cap = cap;
	}
	f = &w->frame[w->depth++];
	memset(f, 0, sizeof *f);
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	memcpy(f->name, name, strlen(name) + 1);
	w->fd = fd;
	return true;
}

static void
forget(struct frame *f)
{
	for (size_t i = 0; i < f->nstuck; i++)
		free(f->stuck[i]);
	free(f->stuck);
}

static bool
is_stuck(const struct frame *f, const char *name)
{
	for (size_t i = 0; i < f->nstuck; i++)
		if (strcmp(f->stuck[i], name) == 0)
			return true;
	return false;
}

/* Remembers that name stays.  False when the frame cannot hold more. */
static bool
leave(struct walk *w, struct frame *f, const char *name)
{
	char **grown, *copy;

	w->count->left++;
	if (f->nstuck == STUCK_MAX)
		return false;
	grown = reallocarray(f->stuck, f->nstuck + 1, sizeof *grown);
	if (grown == NULL)
		return false;
	f->stuck = grown;
	copy = strdup(name);
	if (copy == NULL)
		return false;
	f->stuck[f->nstuck++] = copy;
	return true;
}

/*
 * Makes sure that what is in the directory can be removed and the way back up
 * found: for both it must be searched, which reading it does not show.
 */
static bool
usable(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return false;
	if (st.st_uid == geteuid() && (st.st_mode & 0700) == 0700)
		return true;
	return fchmod(fd, 0700) == 0 || faccessat(fd, ".", X_OK, AT_EACCESS) == 0;
}

int
lb_tree_open(int fd, const char *name)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	int child = (int)syscall(SYS_openat2, fd, name, &how, sizeof how);

	if (child < 0 && errno == EACCES && fchmodat(fd, name, 0700, AT_SYMLINK_NOFOLLOW) == 0)
		child = (int)syscall(SYS_openat2, fd, name, &how, sizeof how);
	if (child >= 0 && !usable(child)) {
		close(child);
		child = -1;
	}
	return child;
}

enum found { FOUND_END, FOUND_DIRECTORY, FOUND_GIVE_UP };

/*
 * Removes the entries of the current directory up to its first subdirectory
 * that is not empty, whose name is written into sub.
 */
static enum found
sweep(struct walk *w, char sub[256])
{
	struct frame *f = &w->frame[w->depth - 1];
	int copy = openat(w->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	enum found found = FOUND_END;
	struct dirent *entry;

	if (dir == NULL) {
		if (copy >= 0)
			close(copy);
		return FOUND_GIVE_UP;
	}
	while (found == FOUND_END && (entry = readdir(dir)) != NULL) {
		const char *name = entry->d_name;

		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || is_stuck(f, name))
			continue;
		if (unlinkat(w->fd, name, 0) == 0 || ((errno == EISDIR || errno == EPERM) &&
						      unlinkat(w->fd, name, AT_REMOVEDIR) == 0)) {
			w->count->removed++;
		} else if (errno == ENOTEMPTY || errno == EEXIST) {
			memcpy(sub, name, strlen(name) + 1); /* d_name holds 255 bytes at most */
			found = FOUND_DIRECTORY;
		} else if (errno != ENOENT && !leave(w, f, name)) {
			found = FOUND_GIVE_UP;
		}
	}
	closedir(dir);
	return found;
}

/* Goes back to the parent and removes the directory just left.  False when the way is not the old one. */
static bool
ascend(struct walk *w)
{
	struct frame child = w->frame[--w->depth], *f;
	struct stat st;
	int up;
	bool ok;

	if (w->depth == 0) {
		forget(&child);
		return false;
	}
	f = &w->frame[w->depth - 1];
	up = openat(w->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	close(w->fd);
	w->fd = up;
	ok = up >= 0 && fstat(up, &st) == 0 && st.st_dev == f->dev && st.st_ino == f->ino;
	if (ok) {
		if (child.nstuck == 0 && unlinkat(up, child.name, AT_REMOVEDIR) == 0)
			w->count->removed++;
		else
			ok = leave(w, f, child.name);
	} else {
		w->count->left++; /* the tree was moved under our feet: what is above stays */
	}
	forget(&child);
	return ok;
}

void
lb_tree_clear(int dirfd, struct lb_tree_count *count)
{
	struct walk w = {.fd = dirfd, .count = count};
	char sub[256];
	bool going;

	if (fchmod(dirfd, 0700) != 0 && errno != EPERM)
		count->left++;
	going = push(&w, dirfd, "");
	while (going) {
		enum found found = sweep(&w, sub);
		int child;

		if (found != FOUND_DIRECTORY) {
			going = ascend(&w);
			continue;
		}
		child = lb_tree_open(w.fd, sub);
		if (child < 0) {
			going = leave(&w, &w.frame[w.depth - 1], sub) || ascend(&w);
			continue;
		}
		close(w.fd);
		if (!push(&w, child, sub)) {
			close(child);
			w.fd = -1;
			count->left++;
			break;
		}
	}
	while (w.depth > 0)
		forget(&w.frame[--w.depth]);
	free(w.frame);
	if (w.fd >= 0)
		close(w.fd);
}
