/*
 * daemon_publish DIR N: one publication of N accounts by the warden's own code into DIR, and for
 * comparison one file of as many bytes, written and renamed into place.  Prints the nanoseconds of
 * either, each the best of three: "publish NS" and "write NS".
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "err.h"
#include "name.h"
#include "warden/publish.h"

#define TRIES 3

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "daemon_publish: %s\n", what);
	exit(1);
}

static long long
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static struct lb_account *
account(uint32_t serial)
{
	struct lb_account *a = calloc(1, sizeof *a);

	if (a == NULL || (a->groups = calloc(2, sizeof *a->groups)) == NULL)
		die("out of memory");
	a->state = LB_ACCOUNT_LIVE;
	a->grant = serial;
	a->uid = lb_account_uid(serial);
	a->role_gid = a->groups[0] = LB_UID_FIRST;
	a->groups[1] = 4;
	a->ngroups = 2;
	snprintf(a->identity, sizeof a->identity, "person%u", serial % 1000);
	snprintf(a->role, sizeof a->role, "db-operator");
	if (lb_account_name(a->name, a->identity, serial) != LB_OK)
		die("no name");
	snprintf(a->home, sizeof a->home, "/home/%s", a->name);
	snprintf(a->shell, sizeof a->shell, "/bin/bash");
	a->end_wall_ns = 1900000000ll * 1000000000ll;
	a->end_boot_ns = 1000000ll * 1000000000ll;
	return a;
}

static long long
publish(int dir, const struct lb_accounts *all)
{
	const char *why = "";
	long long begun = now_ns();

	if (lb_publish_accounts(dir, all, &why) != LB_OK)
		die(why);
	return now_ns() - begun;
}

static long long
write_whole(int dir, const void *bytes, size_t size)
{
	long long begun = now_ns();
	int fd = openat(dir, "plain.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size || close(fd) != 0 ||
	    renameat(dir, "plain.new", dir, "plain") != 0)
		die("cannot write");
	return now_ns() - begun;
}

int
main(int argc, char **argv)
{
	struct lb_accounts all = {.at = NULL};
	long long best[2] = {0, 0};
	struct stat st;
	char *bytes;
	int dir;

	if (argc != 3 || (dir = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		die("usage: see the top of its source");
	all.count = all.cap = strtoul(argv[2], NULL, 10);
	all.at = calloc(all.count + 1, sizeof(struct lb_account *));
	for (size_t i = 0; i < all.count; i++)
		all.at[i] = account((uint32_t)i + 1);
	publish(dir, &all);
	if (fstatat(dir, LB_SNAPSHOT_NAME, &st, 0) != 0 ||
	    (bytes = calloc(1, (size_t)st.st_size)) == NULL)
		die("nothing was published");
	memset(bytes, 'x', (size_t)st.st_size);
	for (int i = 0; i < TRIES; i++) {
		long long took[2] = {publish(dir, &all),
				     write_whole(dir, bytes, (size_t)st.st_size)};

		for (int k = 0; k < 2; k++)
			if (i == 0 || took[k] < best[k])
				best[k] = took[k];
	}
	printf("publish %lld\nwrite %lld\nbytes %lld\n", best[0], best[1], (long long)st.st_size);
	return 0;
}
