/* Notices: see notice.h. */
#include "warden/notice.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "text.h"

/* Unix98 pseudo-terminal slaves; Documentation/admin-guide/devices.txt. */
#define PTS_MAJOR_FIRST 136
#define PTS_MAJOR_LAST 143

static int
is_terminal_of(const struct stat *st, uint32_t uid)
{
	return S_ISCHR(st->st_mode) && st->st_uid == uid && major(st->st_rdev) >= PTS_MAJOR_FIRST &&
	       major(st->st_rdev) <= PTS_MAJOR_LAST;
}

static int
tell(int dir, const char *name, uint32_t uid, const char *line, size_t len)
{
	struct stat st;
	int fd, told = 0;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !is_terminal_of(&st, uid))
		return 0;
	fd = openat(dir, name, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (fstat(fd, &st) == 0 && is_terminal_of(&st, uid))
		told = write(fd, line, len) > 0;
	close(fd);
	return told;
}

unsigned
lb_notice(uint32_t uid, const char *text)
{
	char line[1024];
	DIR *pts;
	struct dirent *entry;
	unsigned told = 0;
	int len;

	if (!lb_text_plain(text))
		return 0;
	len = snprintf(line, sizeof line, "\r\nLockbox: %.900s\r\n", text);
	pts = opendir("/dev/pts");
	if (pts == NULL || len < 0)
		return 0;
	while ((entry = readdir(pts)) != NULL)
		if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9')
			told += (unsigned)tell(dirfd(pts), entry->d_name, uid, line, (size_t)len);
	closedir(pts);
	return told;
}
