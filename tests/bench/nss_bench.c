/*
 * What one NSS lookup costs, called as libc calls it: through a pointer that
 * dlsym() gave, in a module that dlopen() loaded.
 *
 *     nss_bench MODULE SERVICE CASE PASSWD [ROUND_MS]
 *     nss_bench --one MODULE SERVICE NAME
 *
 * MODULE is the path of a module ("libc.so.6" for SERVICE files), PASSWD a file
 * whose first fields are the names to ask for, in an order of our own shuffling.
 * CASE is
 *     empty       the loop around a function that does nothing
 *     hit, uid    getpwnam_r, getpwuid_r of every account in turn
 *     groups      initgroups_dyn of every account in turn
 *     foreign     getpwnam_r of names that are not Lockbox's
 *     unknown     getpwnam_r of a name that could be an account but is none
 *     start       a new process that loads the module and looks nothing up
 *     fresh       a new process that loads the module and looks one account up
 * One row comes out: "SERVICE CASE ACCOUNTS NANOSECONDS".
 */
#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BATCH 1000
#define SPAWNS 100

typedef enum nss_status by_name_fn(const char *, struct passwd *, char *, size_t, int *);
typedef enum nss_status by_uid_fn(uid_t, struct passwd *, char *, size_t, int *);
typedef enum nss_status groups_fn(const char *, gid_t, long *, long *, gid_t **, long, int *);

struct account {
	char name[64];
	uid_t uid;
};

struct bench {
	const char *module, *service;
	void *lib;
	by_name_fn *by_name;
	by_uid_fn *by_uid;
	groups_fn *groups;
	struct account *accounts;
	size_t n;
	size_t next;
	gid_t *gids;
	long ngids;
};

extern char **environ;

static void
die(const char *what)
{
	fprintf(stderr, "nss_bench: %s\n", what);
	exit(1);
}

static void *
symbol(const struct bench *b, const char *call)
{
	char name[128];
	void *p;

	snprintf(name, sizeof name, "_nss_%s_%s", b->service, call);
	p = dlsym(b->lib, name);
	if (p == NULL)
		die(name);
	return p;
}

static void
load(struct bench *b, const char *module, const char *service)
{
	b->module = module;
	b->service = service;
	b->lib = dlopen(module, RTLD_NOW);
	if (b->lib == NULL)
		die(dlerror());
	b->by_name = (by_name_fn *)symbol(b, "getpwnam_r");
	b->by_uid = (by_uid_fn *)symbol(b, "getpwuid_r");
}

/* Every access goes somewhere else: neither order nor neighbourhood helps a cache. */
static void
shuffle(struct bench *b)
{
	uint64_t x = 88172645463325252u;

	for (size_t i = b->n; i > 1; i--) {
		struct account swap;
		size_t k;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		k = (size_t)(x % i);
		swap = b->accounts[i - 1];
		b->accounts[i - 1] = b->accounts[k];
		b->accounts[k] = swap;
	}
}

static void
read_accounts(struct bench *b, const char *path)
{
	FILE *f = fopen(path, "r");
	size_t room = 0;
	char line[1024];

	if (f == NULL)
		die(path);
	while (fgets(line, sizeof line, f) != NULL) {
		char *uid;
		size_t len = strcspn(line, ":");

		if (b->n == room) {
			room = room == 0 ? 1024 : room * 2;
			b->accounts = realloc(b->accounts, room * sizeof *b->accounts);
			if (b->accounts == NULL)
				die("memory");
		}
		uid = strchr(line + len + 1, ':');
		if (len >= sizeof b->accounts->name || uid == NULL)
			die("bad line");
		memcpy(b->accounts[b->n].name, line, len);
		b->accounts[b->n].name[len] = '\0';
		b->accounts[b->n++].uid = (uid_t)strtoul(uid + 1, NULL, 10);
	}
	fclose(f);
	if (b->n == 0)
		die("no accounts");
	shuffle(b);
}

static const struct account *
next_account(struct bench *b)
{
	const struct account *a = &b->accounts[b->next];

	b->next = b->next + 1 == b->n ? 0 : b->next + 1;
	return a;
}

/* ---- the cases: each runs one batch ---- */

static enum nss_status
nothing(const char *name, struct passwd *pw, char *buf, size_t len, int *err)
{
	(void)name, (void)pw, (void)buf, (void)len, (void)err;
	return NSS_STATUS_NOTFOUND;
}

static by_name_fn *volatile nothing_pointer = nothing;

static void
run_names(struct bench *b, by_name_fn *f, const char *fixed, enum nss_status want)
{
	struct passwd pw;
	char buf[1024];
	int err;

	for (int i = 0; i < BATCH; i++) {
		const char *name = next_account(b)->name;

		if (f(fixed != NULL ? fixed : name, &pw, buf, sizeof buf, &err) != want)
			die("unexpected answer");
	}
}

static void
run_empty(struct bench *b)
{
	run_names(b, nothing_pointer, NULL, NSS_STATUS_NOTFOUND);
}

static void
run_hit(struct bench *b)
{
	run_names(b, b->by_name, NULL, NSS_STATUS_SUCCESS);
}

static void
run_foreign(struct bench *b)
{
	run_names(b, b->by_name, "someone-else", NSS_STATUS_NOTFOUND);
}

static void
run_unknown(struct bench *b)
{
	run_names(b, b->by_name, "lb-nobody-999999", NSS_STATUS_NOTFOUND);
}

static void
run_uid(struct bench *b)
{
	struct passwd pw;
	char buf[1024];
	int err;

	for (int i = 0; i < BATCH; i++)
		if (b->by_uid(next_account(b)->uid, &pw, buf, sizeof buf, &err) !=
		    NSS_STATUS_SUCCESS)
			die("unexpected answer");
}

static void
run_groups(struct bench *b)
{
	int err;

	/* Not every module has it. */
	if (b->groups == NULL)
		b->groups = (groups_fn *)symbol(b, "initgroups_dyn");
	for (int i = 0; i < BATCH; i++) {
		const struct account *a = next_account(b);
		long start = 0;

		/* A module that knows no groups for an account may say that it knows nothing. */
		if (b->groups(a->name, a->uid, &start, &b->ngids, &b->gids, 0, &err) ==
		    NSS_STATUS_UNAVAIL)
			die("unexpected answer");
	}
}

static void
spawn_one(struct bench *b, const char *name)
{
	char *argv[] = {"nss_bench",
			"--one",
			(char *)(uintptr_t)b->module,
			(char *)(uintptr_t)b->service,
			(char *)(uintptr_t)name,
			NULL};
	int status;
	pid_t pid;

	if (posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ) != 0 ||
	    waitpid(pid, &status, 0) != pid || status != 0)
		die("the new process failed");
}

static void
run_start(struct bench *b)
{
	for (int i = 0; i < SPAWNS; i++)
		spawn_one(b, "");
}

static void
run_fresh(struct bench *b)
{
	for (int i = 0; i < SPAWNS; i++)
		spawn_one(b, next_account(b)->name);
}

static const struct {
	const char *name;
	void (*run)(struct bench *);
	int calls;
} cases[] = {
	{"empty", run_empty, BATCH},	 {"hit", run_hit, BATCH},
	{"uid", run_uid, BATCH},	 {"groups", run_groups, BATCH},
	{"foreign", run_foreign, BATCH}, {"unknown", run_unknown, BATCH},
	{"start", run_start, SPAWNS},	 {"fresh", run_fresh, SPAWNS},
};

#define CASES (sizeof cases / sizeof cases[0])

static double
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* Warms up with every account once, then runs batches for round_ms. */
static double
measure(struct bench *b, size_t c, double round_ms)
{
	double start, end;
	size_t batches = 0;

	if (cases[c].calls == BATCH)
		for (size_t i = 0; i <= b->n; i += BATCH)
			cases[c].run(b);
	start = now_ns();
	do {
		cases[c].run(b);
		batches++;
		end = now_ns();
	} while (end - start < round_ms * 1e6);
	return (end - start) / ((double)batches * cases[c].calls);
}

static int
one(const char *module, const char *service, const char *name)
{
	struct bench b = {0};
	struct passwd pw;
	char buf[1024];
	int err;

	load(&b, module, service);
	if (name[0] == '\0')
		return 0;
	return b.by_name(name, &pw, buf, sizeof buf, &err) == NSS_STATUS_SUCCESS ? 0 : 1;
}

int
main(int argc, char **argv)
{
	struct bench b = {.ngids = 64};
	double round_ms = 50;

	if (argc == 5 && strcmp(argv[1], "--one") == 0)
		return one(argv[2], argv[3], argv[4]);
	if (argc != 5 && argc != 6)
		return 2;
	if (argc == 6)
		round_ms = atof(argv[5]);
	b.gids = calloc((size_t)b.ngids, sizeof *b.gids);
	load(&b, argv[1], argv[2]);
	read_accounts(&b, argv[4]);
	for (size_t c = 0; c < CASES; c++)
		if (strcmp(argv[3], cases[c].name) == 0) {
			printf("%s %s %zu %.2f\n", b.service, argv[3], b.n,
			       measure(&b, c, round_ms));
			return 0;
		}
	die("unknown case");
}
