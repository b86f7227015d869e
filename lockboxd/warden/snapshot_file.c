/*
 * The snapshot's file: see snapshot_file.h.
 *
 * Every process of the host may have the old file mapped, so a file that was in
 * place is never truncated and never written to, but for its superseded word.
 */
#include "warden/snapshot_file.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "snapshot.h"

#define MODE 0644

static void
close_keeping_errno(int fd)
{
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
}

/*
 * Opens the file in place to mark it later.  *fd is -1 when there is none, or
 * none of ours: only a regular file of this user with the magic is ever marked.
 */
static int
open_old(int dirfd, const char *name, int *fd)
{
	char magic[8];
	struct stat st;
	int old = openat(dirfd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

	*fd = -1;
	if (old < 0)
		return errno == ENOENT || errno == ELOOP ? LB_OK : LB_ERR_SYSTEM;
	if (fstat(old, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	    st.st_size >= (off_t)LB_SNAPSHOT_HEADER &&
	    pread(old, magic, sizeof magic, 0) == (ssize_t)sizeof magic &&
	    memcmp(magic, LB_SNAPSHOT_MAGIC, sizeof magic) == 0)
		*fd = old;
	else
		close(old);
	return LB_OK;
}

/*
 * Sets the superseded word through fd (-1: nothing to do) and closes it.  One
 * byte of the word changes, so no reader can see half of it; its page exists,
 * so a full file system does not matter.
 */
static int
mark_superseded(int fd)
{
	uint32_t one = htole32(1);
	ssize_t n;

	if (fd < 0)
		return LB_OK;
	do {
		n = pwrite(fd, &one, sizeof one, LB_SNAPSHOT_AT_SUPERSEDED);
	} while (n < 0 && errno == EINTR);
	close_keeping_errno(fd);
	return n == (ssize_t)sizeof one ? LB_OK : LB_ERR_SYSTEM;
}

static bool
write_whole(int fd, const unsigned char *p, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		size -= (size_t)n;
	}
	return true;
}

/* Writes a new file under temp; on failure there is none and errno is set. */
static bool
write_new(int dirfd, const char *temp, const void *buf, size_t size)
{
	bool ok;
	int fd, saved;

	/* Left behind by a warden that was killed here; nobody has ever mapped it. */
	unlinkat(dirfd, temp, 0);
	fd = openat(dirfd, temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return false;
	/* The mode comes last and by fchmod: neither the umask nor a half-written file counts. */
	ok = write_whole(fd, buf, size) && fchmod(fd, MODE) == 0;
	saved = errno;
	if (close(fd) != 0 && ok) {
		saved = errno;
		ok = false;
	}
	if (!ok)
		unlinkat(dirfd, temp, 0);
	errno = saved;
	return ok;
}

static bool
temp_name(char temp[NAME_MAX + 1], const char *name)
{
	int len = snprintf(temp, NAME_MAX + 1, ".%s.new", name);

	return len > 0 && len <= NAME_MAX;
}

int
lb_snapshot_publish(int dirfd, const char *name, const void *buf, size_t size)
{
	char temp[NAME_MAX + 1];
	struct lb_snapshot check;
	int old, err;

	if (lb_snapshot_open(&check, buf, size) != LB_OK || lb_snapshot_superseded(&check) ||
	    lb_snapshot_verify(&check) != LB_OK)
		return LB_ERR_DAMAGED;
	if (!temp_name(temp, name))
		return LB_ERR_TOO_LONG;
	err = open_old(dirfd, name, &old);
	if (err != LB_OK)
		return err;
	if (!write_new(dirfd, temp, buf, size)) {
		err = errno == ENOSPC || errno == EDQUOT ? LB_ERR_FULL : LB_ERR_SYSTEM;
	} else if (renameat(dirfd, temp, dirfd, name) != 0) {
		int saved = errno;

		unlinkat(dirfd, temp, 0);
		errno = saved;
		err = LB_ERR_SYSTEM;
	} else {
		return mark_superseded(old);
	}
	close_keeping_errno(old);
	return err;
}

int
lb_snapshot_remove(int dirfd, const char *name)
{
	int old, saved;
	int opened = open_old(dirfd, name, &old);
	/* Each step is taken even when another fails: every one of them withdraws something. */
	int unlinked = unlinkat(dirfd, name, 0) == 0 || errno == ENOENT ? LB_OK : LB_ERR_SYSTEM;
	int marked;

	saved = errno;
	marked = mark_superseded(old);
	if (unlinked != LB_OK)
		errno = saved;
	return unlinked != LB_OK ? unlinked : opened != LB_OK ? opened : marked;
}
