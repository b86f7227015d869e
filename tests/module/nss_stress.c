/*
 * Threads, forks and rotation together:
 *
 *     nss_stress DIR SECONDS THREADS
 *
 * One process publishes about a hundred snapshots a second to DIR/accounts, as
 * the warden does.  THREADS threads of another look accounts up without a pause,
 * and it forks children that do the same.  Each answer must be whole, and from a
 * snapshot at least as new as the last one that was in place when the lookup
 * began.  Accounts of odd number exist in every second snapshot only.
 *
 * The module's sources are built in, with another path, so that this can be
 * built with -fsanitize=thread.  Exit status 0: no answer was wrong.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char snapshot_path[4096];
#define LB_NSS_SNAPSHOT_PATH snapshot_path
#include "../../nss_lockbox/mapping.c"
#include "../../nss_lockbox/pack.c"
#include "../../nss_lockbox/passwd.c"
#include "../../nss_lockbox/group.c"
#include "../../nss_lockbox/initgroups.c"

#include "../../lockboxd/warden/snapshot_file.c"
#include "../../lockboxd/warden/snapshot_write.c"

#define ACCOUNTS 64
#define CHILD_LOOKUPS 200

/* Shared by all processes. */
static struct {
	atomic_ulong published; /* the number of the newest snapshot in place */
	atomic_bool stop;
	atomic_ulong lookups, forks, wrong;
} * all;

static char names[ACCOUNTS][LB_ACCOUNT_MAX + 1], homes[ACCOUNTS][64];

static void
wrong(const char *what, unsigned i, unsigned long before, unsigned long got)
{
	if (atomic_fetch_add(&all->wrong, 1) < 10)
		fprintf(stderr, "nss_stress: %s: account %u, snapshot %lu, answer of %lu\n", what,
			i, before, got);
}

/* ---- the warden ---- */

static void
publish_number(int dir, unsigned long number)
{
	static const struct lb_snapshot_group role = {"lbr-db", LB_UID_FIRST};
	static const uint32_t groups[] = {LB_UID_FIRST, 4};
	struct lb_snapshot_account a[ACCOUNTS];
	char gecos[32];
	void *buf;
	size_t n = 0, size;

	snprintf(gecos, sizeof gecos, "%lu", number);
	for (uint32_t i = 0; i < ACCOUNTS; i++)
		if (i % 2 == 0 || number % 2 == 1)
			a[n++] = (struct lb_snapshot_account){
				names[i],  lb_account_uid(i), lb_account_uid(i), gecos,	 homes[i],
				"/bin/sh", INT64_MAX,	      INT64_MAX,	 groups, 2};
	if (lb_snapshot_build(a, n, &role, 1, &buf, &size, NULL) != LB_OK ||
	    lb_snapshot_publish(dir, "accounts", buf, size) != LB_OK) {
		perror("nss_stress: publish");
		_exit(1);
	}
	free(buf);
	atomic_store(&all->published, number);
}

static int
warden(int dir)
{
	const struct timespec pause = {0, 8000000};

	for (unsigned long number = 2; !atomic_load(&all->stop); number++) {
		publish_number(dir, number);
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* ---- the lookups ---- */

static void
ask_account(unsigned i)
{
	struct passwd pw;
	char buf[512];
	int err = 0;
	unsigned long before = atomic_load(&all->published), got;
	enum nss_status status;

	if (i % 3 == 0)
		status = _nss_lockbox_getpwuid_r(lb_account_uid(i), &pw, buf, sizeof buf, &err);
	else
		status = _nss_lockbox_getpwnam_r(names[i], &pw, buf, sizeof buf, &err);
	if (status != NSS_STATUS_SUCCESS) {
		if (status != NSS_STATUS_NOTFOUND || i % 2 == 0)
			wrong("not found", i, before, (unsigned long)err);
		return;
	}
	got = strtoul(pw.pw_gecos, NULL, 10);
	if (got < before)
		wrong("an old answer", i, before, got);
	if (i % 2 == 1 && got % 2 == 0)
		wrong("an account that was not there", i, before, got);
	if (strcmp(pw.pw_name, names[i]) != 0 || strcmp(pw.pw_dir, homes[i]) != 0 ||
	    pw.pw_uid != lb_account_uid(i) || pw.pw_gid != pw.pw_uid ||
	    strcmp(pw.pw_passwd, "*") != 0 || strcmp(pw.pw_shell, "/bin/sh") != 0)
		wrong("a mixed answer", i, before, got);
}

static void
ask_groups(unsigned i)
{
	struct group gr;
	char buf[8192];
	long start = 0, size = 4;
	gid_t *gids = malloc(4 * sizeof *gids);
	size_t n = 0;
	int err;

	i &= ~1u;
	if (_nss_lockbox_getgrgid_r(LB_UID_FIRST, &gr, buf, sizeof buf, &err) != NSS_STATUS_SUCCESS)
		wrong("no role group", i, 0, 0);
	else
		while (gr.gr_mem[n] != NULL)
			n++;
	if (n != 0 && n != ACCOUNTS && n != ACCOUNTS / 2)
		wrong("members", i, 0, n);
	if (_nss_lockbox_initgroups_dyn(names[i], lb_account_uid(i), &start, &size, &gids, 0,
					&err) != NSS_STATUS_SUCCESS ||
	    start != 2 || gids[0] != LB_UID_FIRST || gids[1] != 4)
		wrong("groups", i, 0, (unsigned long)start);
	free(gids);
}

/*
 * One step of the walk that all threads share; libc takes a lock for that, here
 * nobody does.  What it gives is whole, whoever else walks.
 */
static void
walk(unsigned i)
{
	struct passwd pw;
	char buf[512];
	int err = 0;
	enum nss_status status = _nss_lockbox_getpwent_r(&pw, buf, sizeof buf, &err);

	if (status == NSS_STATUS_NOTFOUND)
		_nss_lockbox_setpwent(0);
	else if (status != NSS_STATUS_SUCCESS || pw.pw_uid < lb_account_uid(0) ||
		 pw.pw_uid >= lb_account_uid(ACCOUNTS) ||
		 strcmp(pw.pw_name, names[pw.pw_uid - lb_account_uid(0)]) != 0)
		wrong("a walk", i, 0, (unsigned long)err);
}

static void
lookups(unsigned *seed, int count)
{
	for (int n = 0; n < count; n++) {
		unsigned i = (unsigned)rand_r(seed) % ACCOUNTS;

		ask_account(i);
		if (n % 16 == 0)
			ask_groups(i);
		if (n % 8 == 0)
			walk(i);
	}
	atomic_fetch_add(&all->lookups, (unsigned long)count);
}

static void *
reader(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;

	while (!atomic_load(&all->stop))
		lookups(&seed, 100);
	return NULL;
}

/* A child of the threaded process, at any moment of theirs; and one of its own. */
static void
fork_one(unsigned *seed)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		unsigned mine = *seed + (unsigned)getpid();
		pid_t grandchild;

		lookups(&mine, CHILD_LOOKUPS);
		grandchild = fork();
		if (grandchild == 0) {
			lookups(&mine, CHILD_LOOKUPS);
			_exit(0);
		}
		if (waitpid(grandchild, &status, 0) != grandchild || status != 0)
			_exit(1);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		wrong("a child died", 0, 0, (unsigned long)status);
	atomic_fetch_add(&all->forks, 2);
	*seed += 1;
}

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int
open_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static int
finish(pid_t rotation, int before)
{
	int status, after = open_descriptors();

	if (after != before)
		wrong("descriptors", 0, (unsigned long)before, (unsigned long)after);
	if (waitpid(rotation, &status, 0) != rotation || status != 0)
		wrong("the publishing process", 0, 0, (unsigned long)status);
	printf("%lu snapshots, %lu lookups, %lu children, %lu wrong\n",
	       atomic_load(&all->published), atomic_load(&all->lookups), atomic_load(&all->forks),
	       atomic_load(&all->wrong));
	return atomic_load(&all->wrong) == 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
	pthread_t threads[64];
	unsigned n, seed = 1;
	pid_t rotation;
	double end;
	int dir, before;

	if (argc != 4 || (n = (unsigned)atoi(argv[3])) > 64)
		return 2;
	snprintf(snapshot_path, sizeof snapshot_path, "%s/accounts", argv[1]);
	dir = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	all = mmap(NULL, sizeof *all, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (dir < 0 || all == MAP_FAILED) {
		perror(argv[1]);
		return 2;
	}
	for (uint32_t i = 0; i < ACCOUNTS; i++) {
		lb_account_name(names[i], "user", i);
		snprintf(homes[i], sizeof homes[i], "/home/%.32s", names[i]);
	}
	publish_number(dir, 1);
	rotation = fork();
	if (rotation == 0) {
		/* Should the others crash, this one must not go on for ever. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(warden(dir));
	}
	before = open_descriptors();
	end = now() + atof(argv[2]);
	for (unsigned i = 0; i < n; i++)
		pthread_create(&threads[i], NULL, reader, (void *)(uintptr_t)(i + 1));
	while (now() < end)
		fork_one(&seed);
	atomic_store(&all->stop, true);
	for (unsigned i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	return finish(rotation, before);
}
