/* Notices: see notice.h. */
#include "warden/notice.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "name.h"
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
tell(int dir, const char *name, uint32_t uid, const char *text)
{
	char line[LB_NOTICE_MAX + 32];
	struct stat st;
	int len = snprintf(line, sizeof line, "\r\nLockbox: %s\r\n", text);
	int fd = openat(dir, name, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC),
	    told = 0;

	if (fd < 0)
		return 0;
	if (len > 0 && (size_t)len < sizeof line && fstat(fd, &st) == 0 && is_terminal_of(&st, uid))
		told = write(fd, line, (size_t)len) > 0;
	close(fd);
	return told;
}

void
lb_notice(lb_notice_text *text, lb_notice_told *told, void *arg)
{
	DIR *pts = opendir("/dev/pts");
	struct dirent *entry;
	struct stat st;

	while (pts != NULL && (entry = readdir(pts)) != NULL) {
		char words[LB_NOTICE_MAX];

		if (entry->d_name[0] < '0' || entry->d_name[0] > '9' ||
		    fstatat(dirfd(pts), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
		    !lb_uid_is_account(st.st_uid) || !is_terminal_of(&st, st.st_uid) ||
		    !text(arg, st.st_uid, words, sizeof words) || !lb_text_plain(words))
			continue;
		if (tell(dirfd(pts), entry->d_name, st.st_uid, words) && told != NULL)
			told(arg, st.st_uid, words);
	}
	if (pts != NULL)
		closedir(pts);
}

bool
lb_notice_terminal(dev_t terminal, uint32_t uid, const char *text)
{
	int dir = open("/dev/pts", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[16];
	struct stat st;
	bool told;

	if (dir < 0)
		return false;
	snprintf(name, sizeof name, "%u", minor(terminal));
	told = lb_text_plain(text) && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_rdev == terminal && is_terminal_of(&st, uid) && tell(dir, name, uid, text);
	close(dir);
	return told;
}
