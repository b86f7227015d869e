/* The seal: see seal.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "seal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "err.h"
#include "text.h"

#define FIRST "lockbox-seal 2 of the emergency account; shown at login once it is BROKEN\n"
#define LAST "\nend\n"
#define COLUMNS 80
#define BOOT_ID "/proc/sys/kernel/random/boot_id"

/* Root's own, which nobody else can write. */
static bool
roots(const struct stat *st)
{
	return st->st_uid == 0 && (st->st_mode & 022) == 0;
}

static int
open_dir(const char *dir, int *fd)
{
	struct stat st;

	*fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*fd < 0)
		return errno == ENOENT ? LB_ERR_NOT_FOUND : LB_ERR_SYSTEM;
	if (fstat(*fd, &st) == 0 && roots(&st))
		return LB_OK;
	close(*fd);
	return LB_ERR_REFUSED;
}

/* Takes "NAME value" off the front of *at; the value goes up to one of the ends. */
static bool
take(const char **at, const char *name, const char *ends, char *out, size_t cap)
{
	size_t len = strlen(name), value;

	if (strncmp(*at, name, len) != 0)
		return false;
	*at += len;
	value = strcspn(*at, ends);
	if (value == 0 || value >= cap || (*at)[value] == '\0')
		return false;
	memcpy(out, *at, value);
	out[value] = '\0';
	*at += value;
	return true;
}

static bool
parse_broken(struct lb_seal *s)
{
	char when[32], number[24];
	const char *at = s->broken;

	if (!take(&at, "", " ", when, sizeof when) ||
	    !take(&at, " boot ", " ", s->boot_id, sizeof s->boot_id) ||
	    !take(&at, " at ", " ", number, sizeof number) || strlen(number) > 18 ||
	    strspn(number, "0123456789") != strlen(number))
		return false;
	s->broken_at_s = strtoull(number, NULL, 10);
	return true;
}

static int
parse(const char text[LB_SEAL_SIZE + 1], struct lb_seal *out)
{
	struct lb_seal s = {.id = ""};
	const char *at = text;
	size_t len;

	if (strlen(text) != LB_SEAL_SIZE || strncmp(at, FIRST, strlen(FIRST)) != 0)
		return LB_ERR_MALFORMED;
	at += strlen(FIRST);
	if (!take(&at, "id ", "\n", s.id, sizeof s.id) || strlen(s.id) != LB_SEAL_ID ||
	    strspn(s.id, "0123456789abcdef") != LB_SEAL_ID ||
	    !take(&at, "\nsealed ", " ", s.sealed, sizeof s.sealed) ||
	    !take(&at, " for ", "\n", s.services, sizeof s.services) ||
	    strncmp(at, "\nbroken ", 8) != 0)
		return LB_ERR_MALFORMED;
	at += 8;
	if (strlen(at) < strlen(LAST) || strcmp(text + LB_SEAL_SIZE - strlen(LAST), LAST) != 0)
		return LB_ERR_MALFORMED;
	len = strlen(at) - strlen(LAST);
	memcpy(s.broken, at, len);
	for (char *end = s.broken; (end = strchr(end, '\n')) != NULL;)
		*end = ' ';
	while (len > 0 && s.broken[len - 1] == ' ')
		s.broken[--len] = '\0';
	if (len > 0 && !parse_broken(&s))
		return LB_ERR_MALFORMED;
	*out = s;
	return LB_OK;
}

/* Opens and reads one; *fd is the caller's.  Its text, for where the trace goes. */
static int
read_at(int dir, const char *name, int flags, int *fd, char text[LB_SEAL_SIZE + 1],
	struct lb_seal *seal)
{
	struct stat st;
	ssize_t n;
	int err = LB_ERR_REFUSED;

	*fd = openat(dir, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (*fd < 0)
		return errno == ENOENT	? LB_ERR_NOT_FOUND
		       : errno == ELOOP ? LB_ERR_REFUSED
					: LB_ERR_SYSTEM;
	if (fstat(*fd, &st) != 0)
		err = LB_ERR_SYSTEM;
	else if (S_ISREG(st.st_mode) && roots(&st) && st.st_nlink == 1)
		err = st.st_size == LB_SEAL_SIZE ? LB_OK : LB_ERR_MALFORMED;
	if (err == LB_OK) {
		n = pread(*fd, text, LB_SEAL_SIZE, 0);
		text[n > 0 ? n : 0] = '\0';
		err = n < 0 ? LB_ERR_SYSTEM : parse(text, seal);
	}
	if (err != LB_OK)
		close(*fd);
	return err;
}

int
lb_seal_read(const char *dir, const char *name, struct lb_seal *seal)
{
	char text[LB_SEAL_SIZE + 1];
	int d, fd, err = open_dir(dir, &d);

	if (err != LB_OK)
		return err;
	err = read_at(d, name, O_RDONLY, &fd, text, seal);
	if (err == LB_OK)
		close(fd);
	close(d);
	return err;
}

bool
lb_seal_serves(const struct lb_seal *seal, const char *service)
{
	size_t len = strlen(service);

	for (const char *at = seal->services; *at != '\0'; at += *at == ',') {
		size_t n = strcspn(at, ",");

		if (n == len && n > 0 && memcmp(at, service, n) == 0)
			return true;
		at += n;
	}
	return false;
}

static bool
boot_now(char id[40], uint64_t *at_s)
{
	struct timespec ts;
	ssize_t n;
	int fd = open(BOOT_ID, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	n = read(fd, id, 39);
	close(fd);
	if (n < 36 || clock_gettime(CLOCK_BOOTTIME, &ts) != 0)
		return false;
	id[36] = '\0';
	*at_s = (uint64_t)ts.tv_sec;
	return true;
}

/* One word, for the trace: what is no plain letter of it becomes a question mark. */
static void
word(char out[65], const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "./:_-%";
	size_t n = 0;

	for (; n < 64 && text[n] != '\0'; n++)
		if (strchr(plain, out[n] = text[n]) == NULL)
			out[n] = '?';
	if (n == 0)
		out[n++] = '-';
	out[n] = '\0';
}

/* Ends lines of text at its blanks, so that none is too long; the first has begun already. */
static void
wrap(char *text, size_t len, size_t column)
{
	size_t blank = 0; /* behind the last one of the line */

	for (size_t i = 0; i < len; i++) {
		if (text[i] == ' ')
			blank = i + 1;
		if (column++ < COLUMNS || blank == 0)
			continue;
		text[blank - 1] = '\n';
		column = i + 1 - blank;
		blank = 0;
	}
}

/* Writes who came where the file has room for it. */
static int
write_trace(int fd, char text[LB_SEAL_SIZE + 1], const char *service, const char *tty,
	    const char *rhost)
{
	char trace[512], boot[40], when[LB_TIME_TEXT], by[65], from[65], host[65];
	char *at = strstr(text, "\nbroken ");
	size_t room, len;
	uint64_t at_s;

	if (at == NULL || !boot_now(boot, &at_s))
		return LB_ERR_SYSTEM;
	at += 8;
	room = strlen(at) - strlen(LAST);
	lb_time_format(when, (int64_t)time(NULL));
	word(by, service);
	word(from, tty);
	word(host, rhost);
	snprintf(trace, sizeof trace, "%s boot %s at %llu by %s from %s %s", when, boot,
		 (unsigned long long)at_s, by, from, host);
	len = strlen(trace);
	if (len > room) {
		errno = EFBIG;
		return LB_ERR_SYSTEM;
	}
	memset(at, ' ', room);
	memcpy(at, trace, len);
	wrap(at, room, strlen("broken "));
	if (pwrite(fd, text, LB_SEAL_SIZE, 0) != LB_SEAL_SIZE || fsync(fd) != 0)
		return LB_ERR_SYSTEM;
	return LB_OK;
}

static int
break_at(int dir, const char *service, const char *tty, const char *rhost)
{
	char text[LB_SEAL_SIZE + 1];
	struct lb_seal seal;
	struct stat st, now;
	int fd, err = read_at(dir, LB_SEAL_WHOLE, O_RDWR, &fd, text, &seal);

	if (err != LB_OK)
		return err;
	/* Whoever holds the lock breaks it; who comes after finds that it is gone. */
	if (!lb_seal_serves(&seal, service))
		err = LB_ERR_REFUSED;
	else if (flock(fd, LOCK_EX | LOCK_NB) != 0 || fstat(fd, &st) != 0 ||
		 fstatat(dir, LB_SEAL_WHOLE, &now, AT_SYMLINK_NOFOLLOW) != 0 ||
		 st.st_ino != now.st_ino || st.st_dev != now.st_dev)
		err = LB_ERR_NOT_FOUND;
	if (err == LB_OK)
		err = write_trace(fd, text, service, tty, rhost);
	if (err == LB_OK &&
	    (renameat2(dir, LB_SEAL_WHOLE, dir, LB_SEAL_BROKEN, RENAME_NOREPLACE) != 0 ||
	     fsync(dir) != 0))
		err = LB_ERR_SYSTEM;
	if (err == LB_OK)
		fchmod(fd, 0644); /* for who logs in to read */
	close(fd);
	return err;
}

int
lb_seal_break(const char *dir, const char *service, const char *tty, const char *rhost)
{
	int d, err = open_dir(dir, &d);

	if (err != LB_OK)
		return err;
	err = break_at(d, service, tty, rhost);
	close(d);
	return err;
}

uint32_t
lb_seal_left(const struct lb_seal *seal)
{
	char boot[40];
	uint64_t at_s;

	if (seal->broken[0] == '\0' || !boot_now(boot, &at_s) || strcmp(boot, seal->boot_id) != 0 ||
	    at_s < seal->broken_at_s || at_s - seal->broken_at_s >= LB_SEAL_USE_S)
		return 0;
	return LB_SEAL_USE_S - (uint32_t)(at_s - seal->broken_at_s);
}

bool
lb_seal_in_use(const char *dir, struct lb_seal *seal)
{
	return lb_seal_read(dir, LB_SEAL_BROKEN, seal) == LB_OK && lb_seal_left(seal) > 0;
}
