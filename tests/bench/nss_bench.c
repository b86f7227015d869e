/*
 * What one NSS lookup costs.
 *
 *     nss_bench MODULE SERVICE CASE PASSWD ACCOUNTS ROUND_MS
 *     nss_bench --one NAME
 *
 * MODULE is the path of a module, called as libc calls it, through the pointers
 * that dlsym() gave ("libc.so.6" for SERVICE files); or "-" for libc's own
 * getpwnam_r() with whatever nsswitch.conf says, or nscd.  PASSWD is a file whose
 * first fields are the names to ask for, in an order of our own shuffling, at
 * most ACCOUNTS of them (0: all).  CASE is
 *     empty       the loop around a function that does nothing
 *     hit         getpwnam_r of every account in turn
 *     hit1, hit2  the same in a process of several threads: one asks, two ask at once
 *     groups      initgroups_dyn (getgrouplist) of every account in turn; groups2: two threads
 *     miss        getpwnam_r of a name that is nobody's
 *     unknown     getpwnam_r of a name that could be an account of Lockbox's but is none
 *     first       a new process: the first getpwnam_r once the module is loaded
 *     start       a new process (exec to exit) that looks nothing up
 *     fresh       a new process (exec to exit) that calls getpwnam() once
 * Out comes how many nanoseconds one call took, by the median of the batches
 * measured in ROUND_MS milliseconds; of two threads, the slower one's.
 */
#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <nss.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BATCH_NS 50e3 /* a batch takes about so long, if one call does not */
#define BATCH_MAX 1000
#define BATCHES_MAX 100000
#define WARM_NS 60e9 /* at most so long until every account has been looked up once */
#define APART 128    /* two cache lines, which some machines fetch together */
#define NOBODY "someone-else"

typedef enum nss_status by_name_fn(const char *, struct passwd *, char *, size_t, int *);
typedef enum nss_status groups_fn(const char *, gid_t, long *, long *, gid_t **, long, int *);

struct account {
	char name[36];
	uid_t uid;
};

struct bench {
	const char *module, *service, *what;
	by_name_fn *by_name;
	groups_fn *groups;
	struct account *accounts;
	size_t n;
	double round_ns;
};

/* What one thread does.  Apart from the other's: both write to theirs at each call. */
struct worker {
	_Alignas(APART) const struct bench *b;
	size_t next;
	int cpu; /* -1: any */
	gid_t *gids;
	long ngids;
	double median_ns;
};

extern char **environ;

static void
die(const char *what)
{
	fprintf(stderr, "nss_bench: %s\n", what);
	exit(1);
}

static double
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* ---- libc's own lookups, in the shape of a module's ---- */

static enum nss_status
libc_by_name(const char *name, struct passwd *pw, char *buf, size_t len, int *err)
{
	struct passwd *found = NULL;

	*err = getpwnam_r(name, pw, buf, len, &found);
	return found != NULL ? NSS_STATUS_SUCCESS : NSS_STATUS_NOTFOUND;
}

static enum nss_status
libc_groups(const char *name, gid_t group, long *start, long *size, gid_t **gids, long limit,
	    int *err)
{
	int n = (int)*size;

	(void)limit, (void)err;
	if (getgrouplist(name, group, *gids, &n) < 0)
		return NSS_STATUS_TRYAGAIN;
	*start = n;
	return NSS_STATUS_SUCCESS;
}

static enum nss_status
nothing(const char *name, struct passwd *pw, char *buf, size_t len, int *err)
{
	(void)name, (void)pw, (void)buf, (void)len, (void)err;
	return NSS_STATUS_NOTFOUND;
}

static void
load(struct bench *b)
{
	char name[128];
	void *lib;

	if (strcmp(b->module, "-") == 0) {
		b->by_name = libc_by_name;
		b->groups = libc_groups;
		return;
	}
	lib = dlopen(b->module, RTLD_NOW);
	if (lib == NULL)
		die(dlerror());
	snprintf(name, sizeof name, "_nss_%s_getpwnam_r", b->service);
	b->by_name = (by_name_fn *)dlsym(lib, name);
	snprintf(name, sizeof name, "_nss_%s_initgroups_dyn", b->service);
	b->groups = (groups_fn *)dlsym(lib, name);
	if (b->by_name == NULL)
		die("no getpwnam_r");
}

/* ---- the accounts ---- */

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
read_accounts(struct bench *b, const char *path, size_t most)
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
	if (most != 0 && b->n > most)
		b->n = most;
}

/* ---- warm lookups: each runs a batch ---- */

static const struct account *
next_account(struct worker *w)
{
	const struct account *a = &w->b->accounts[w->next];

	w->next = w->next + 1 == w->b->n ? 0 : w->next + 1;
	return a;
}

static void
run_names(struct worker *w, by_name_fn *f, const char *fixed, bool found, int count)
{
	struct passwd pw;
	char buf[1024];
	int err;

	for (int i = 0; i < count; i++) {
		const char *name = next_account(w)->name;

		if ((f(fixed != NULL ? fixed : name, &pw, buf, sizeof buf, &err) ==
		     NSS_STATUS_SUCCESS) != found)
			die("unexpected answer");
	}
}

static by_name_fn *volatile nothing_pointer = nothing;

static void
run_empty(struct worker *w, int count)
{
	run_names(w, nothing_pointer, NULL, false, count);
}

static void
run_hit(struct worker *w, int count)
{
	run_names(w, w->b->by_name, NULL, true, count);
}

static void
run_miss(struct worker *w, int count)
{
	run_names(w, w->b->by_name, NOBODY, false, count);
}

static void
run_unknown(struct worker *w, int count)
{
	run_names(w, w->b->by_name, "lb-nobody-999999", false, count);
}

static void
run_groups(struct worker *w, int count)
{
	int err;

	for (int i = 0; i < count; i++) {
		const struct account *a = next_account(w);
		long start = 0;

		/* A module that knows no groups for an account may say that it knows nothing. */
		if (w->b->groups(a->name, a->uid, &start, &w->ngids, &w->gids, 0, &err) ==
		    NSS_STATUS_UNAVAIL)
			die("unexpected answer");
	}
}

static const struct {
	const char *name;
	void (*run)(struct worker *, int);
	int threads; /* 0: a process of one thread */
} cases[] = {
	{"empty", run_empty, 0}, {"hit", run_hit, 0},	      {"hit1", run_hit, 1},
	{"hit2", run_hit, 2},	 {"groups", run_groups, 0},   {"groups2", run_groups, 2},
	{"miss", run_miss, 0},	 {"unknown", run_unknown, 0},
};

#define CASES (sizeof cases / sizeof cases[0])

static int
by_value(const void *x, const void *y)
{
	const double *a = x, *b = y;

	return (*a > *b) - (*a < *b);
}

static double
median(double *values, size_t n)
{
	qsort(values, n, sizeof *values, by_value);
	return values[n / 2];
}

/* Every account once, or as many as there is time for. */
static void
warm(struct worker *w, void (*run)(struct worker *, int))
{
	double end = now_ns() + WARM_NS;

	for (size_t i = 0; i < w->b->n && now_ns() < end; i++)
		run(w, 1);
}

static void
measure(struct worker *w, void (*run)(struct worker *, int))
{
	double *took = calloc(BATCHES_MAX, sizeof *took), end, start, once;
	size_t batches = 0;
	int batch;

	if (took == NULL)
		die("memory");
	warm(w, run);
	start = now_ns();
	run(w, 1);
	once = now_ns() - start;
	batch = once * BATCH_MAX < BATCH_NS ? BATCH_MAX
		: once > BATCH_NS	    ? 1
					    : (int)(BATCH_NS / once);
	for (end = now_ns() + w->b->round_ns; batches < BATCHES_MAX;) {
		start = now_ns();
		run(w, batch);
		took[batches++] = (now_ns() - start) / batch;
		if (start > end && batches >= 3)
			break;
	}
	w->median_ns = median(took, batches);
	free(took);
}

static size_t case_number;
static pthread_barrier_t begin;

static void *
thread(void *arg)
{
	struct worker *w = arg;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((unsigned)w->cpu, &set);
	if (w->cpu >= 0)
		(void)sched_setaffinity(0, sizeof set, &set);
	warm(w, cases[case_number].run);
	pthread_barrier_wait(&begin);
	measure(w, cases[case_number].run);
	return NULL;
}

/* Waits for ever: makes the process one of several threads. */
static void *
bystander(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return NULL;
}

static double
measure_threads(const struct bench *b, int threads)
{
	struct worker w[2] = {{.b = b}, {.b = b, .next = b->n / 2}};
	double slowest = 0;
	pthread_t id[2], other;

	if (pthread_create(&other, NULL, bystander, NULL) != 0)
		die("no thread");
	pthread_barrier_init(&begin, NULL, (unsigned)threads);
	for (int i = 0; i < threads; i++) {
		w[i].cpu = threads == 2 ? i : -1;
		w[i].ngids = 64;
		w[i].gids = calloc(64, sizeof *w[i].gids);
		if (pthread_create(&id[i], NULL, thread, &w[i]) != 0)
			die("no thread");
	}
	for (int i = 0; i < threads; i++) {
		pthread_join(id[i], NULL);
		if (w[i].median_ns > slowest)
			slowest = w[i].median_ns;
	}
	return slowest;
}

/* ---- new processes ---- */

static double
spawn(char *const *argv)
{
	double start = now_ns();
	int status;
	pid_t pid;

	if (posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ) != 0 ||
	    waitpid(pid, &status, 0) != pid || status != 0)
		die("the new process failed");
	return now_ns() - start;
}

static double
measure_spawns(const struct bench *b, bool lookup)
{
	static double took[10000];
	double end = now_ns() + b->round_ns;
	size_t n = 0;

	do {
		char *argv[] = {"nss_bench", "--one", lookup ? b->accounts[n % b->n].name : "",
				NULL};

		took[n++] = spawn(argv);
	} while (n < 3 || (n < 10000 && now_ns() < end));
	return median(took, n);
}

/* The first lookup of a process, without what the process itself and the loading of the module cost. */
static double
first_lookup(struct bench *b, const char *name)
{
	char buf[1024];
	struct passwd pw;
	double start, end;
	int err, result[2];
	pid_t pid;

	if (pipe(result) != 0 || (pid = fork()) < 0)
		die("fork");
	if (pid == 0) {
		load(b);
		memset(buf, 0, sizeof buf);
		start = now_ns();
		if (b->by_name(name, &pw, buf, sizeof buf, &err) != NSS_STATUS_SUCCESS)
			die("unexpected answer");
		end = now_ns() - start;
		_exit(write(result[1], &end, sizeof end) == sizeof end ? 0 : 1);
	}
	close(result[1]);
	if (read(result[0], &end, sizeof end) != sizeof end)
		die("the new process failed");
	close(result[0]);
	waitpid(pid, NULL, 0);
	return end;
}

static double
measure_first(struct bench *b)
{
	static double took[10000];
	double end = now_ns() + b->round_ns;
	size_t n = 0;

	do {
		took[n] = first_lookup(b, b->accounts[n % b->n].name);
		n++;
	} while (n < 3 || (n < 10000 && now_ns() < end));
	return median(took, n);
}

static double
measure_case(struct bench *b)
{
	struct worker w = {.b = b, .cpu = -1, .ngids = 64};

	if (strcmp(b->what, "start") == 0 || strcmp(b->what, "fresh") == 0)
		return measure_spawns(b, b->what[0] == 'f');
	if (strcmp(b->what, "first") == 0)
		return measure_first(b);
	load(b);
	for (case_number = 0; case_number < CASES; case_number++)
		if (strcmp(b->what, cases[case_number].name) == 0)
			break;
	if (case_number == CASES)
		die("unknown case");
	if (cases[case_number].run == run_groups && b->groups == NULL)
		die("no initgroups_dyn");
	if (cases[case_number].threads != 0)
		return measure_threads(b, cases[case_number].threads);
	w.gids = calloc((size_t)w.ngids, sizeof *w.gids);
	measure(&w, cases[case_number].run);
	return w.median_ns;
}

int
main(int argc, char **argv)
{
	struct bench b = {0};

	if (argc == 3 && strcmp(argv[1], "--one") == 0)
		return argv[2][0] == '\0' || getpwnam(argv[2]) != NULL ? 0 : 1;
	if (argc != 7)
		return 2;
	b.module = argv[1];
	b.service = argv[2];
	b.what = argv[3];
	read_accounts(&b, argv[4], (size_t)atol(argv[5]));
	b.round_ns = atof(argv[6]) * 1e6;
	printf("%.2f\n", measure_case(&b));
	return 0;
}
