/*
 * Makes the accounts that benchmarks and module tests look up:
 *
 *     nss_gen [-e SECONDS] [-b SECONDS] [-g GENERATION] [-x N] COUNT DIR
 *
 * publishes DIR/accounts with COUNT accounts "lb-user<i>-<i>" that end in
 * SECONDS (default 3600; -e by the wall clock, -b by the boot clock), each in
 * the role group lbr-db, every second one in lbr-web and all in adm (4), and
 * writes DIR/passwd and DIR/group, the same accounts as text.  The comment field
 * is "generation GENERATION".  With -x every Nth account, the first among them,
 * has ended already, and is left out of the text.  COUNT 0 publishes no account; -1 withdraws.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "err.h"
#include "name.h"

#include "../../lockboxd/warden/snapshot_file.c"
#include "../../lockboxd/warden/snapshot_write.c"

struct texts {
	char name[LB_ACCOUNT_MAX + 1], home[64];
};

static const struct lb_snapshot_group role_groups[] = {
	{"lbr-db", LB_UID_FIRST},
	{"lbr-web", LB_UID_FIRST + 1},
	{"lbr-nobody", LB_UID_FIRST + 2},
};
static const uint32_t gids[] = {LB_UID_FIRST, 4, LB_UID_FIRST + 1};

static int64_t
now_plus(clockid_t clock, long seconds)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ((int64_t)ts.tv_sec + seconds) * 1000000000 + ts.tv_nsec;
}

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static FILE *
create(const char *dir, const char *name)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "w");
	if (f == NULL)
		die(path);
	return f;
}

static void
write_texts(const char *dir, const struct lb_snapshot_account *a, size_t n, size_t ended)
{
	FILE *passwd = create(dir, "passwd"), *group = create(dir, "group");

	for (size_t i = 0; i < n; i++) {
		if (ended != 0 && i % ended == 0)
			continue;
		fprintf(passwd, "%s:*:%u:%u:%s:%s:%s\n", a[i].name, a[i].uid, a[i].gid, a[i].gecos,
			a[i].home, a[i].shell);
		fprintf(group, "%s:*:%u:\n", a[i].name, a[i].gid);
	}
	if (fclose(passwd) != 0 || fclose(group) != 0)
		die(dir);
}

static void
publish(int dir, const struct lb_snapshot_account *a, size_t n)
{
	const char *why = "";
	void *buf;
	size_t size;
	int err = lb_snapshot_build(a, n, role_groups, 3, &buf, &size, &why);

	if (err == LB_OK) {
		err = lb_snapshot_publish(dir, "accounts", buf, size);
		free(buf);
	}
	if (err != LB_OK) {
		fprintf(stderr, "nss_gen: %s %s\n", lb_err_text(err), why);
		exit(1);
	}
}

static void
fill(struct lb_snapshot_account *a, struct texts *t, size_t n, int64_t wall, int64_t boot,
     const char *gecos)
{
	for (size_t i = 0; i < n; i++) {
		char identity[32];

		snprintf(identity, sizeof identity, "user%zu", i);
		if (lb_account_name(t[i].name, identity, (uint32_t)i) != LB_OK)
			exit(1);
		snprintf(t[i].home, sizeof t[i].home, "/home/%s", t[i].name);
		a[i] = (struct lb_snapshot_account){
			.name = t[i].name,
			.uid = lb_account_uid((uint32_t)i),
			.gid = lb_account_uid((uint32_t)i),
			.gecos = gecos,
			.home = t[i].home,
			.shell = "/bin/bash",
			.end_wall_ns = wall,
			.end_boot_ns = boot,
			.groups = gids,
			.ngroups = i % 2 == 0 ? 2 : 3,
		};
	}
}

int
main(int argc, char **argv)
{
	long wall_s = 3600, boot_s = 3600, count;
	struct lb_snapshot_account *a;
	const char *generation = "0";
	size_t ended = 0;
	char gecos[64];
	struct texts *t;
	int dir, c;

	while ((c = getopt(argc, argv, "e:b:g:x:")) != -1) {
		if (c == 'e')
			wall_s = atol(optarg);
		else if (c == 'b')
			boot_s = atol(optarg);
		else if (c == 'g')
			generation = optarg;
		else if (c == 'x')
			ended = (size_t)atol(optarg);
		else
			return 2;
	}
	/* getopt takes -1 for an option: the count comes behind "--" then. */
	if (argc - optind != 2)
		return 2;
	count = atol(argv[optind]);
	dir = open(argv[optind + 1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		die(argv[optind + 1]);
	if (count < 0)
		return lb_snapshot_remove(dir, "accounts") == LB_OK ? 0 : 1;
	a = calloc((size_t)count + 1, sizeof *a);
	t = calloc((size_t)count + 1, sizeof *t);
	if (a == NULL || t == NULL)
		die("calloc");
	snprintf(gecos, sizeof gecos, "generation %s", generation);
	fill(a, t, (size_t)count, now_plus(CLOCK_REALTIME, wall_s),
	     now_plus(CLOCK_BOOTTIME, boot_s), gecos);
	for (size_t i = 0; ended != 0 && i < (size_t)count; i += ended)
		a[i].end_wall_ns = now_plus(CLOCK_REALTIME, -1);
	publish(dir, a, (size_t)count);
	write_texts(argv[optind + 1], a, (size_t)count, ended);
	free(a);
	free(t);
	return 0;
}
