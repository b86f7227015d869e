/*
 * Lookups in the real module, loaded as libc loads it:
 *
 *     nss_lookup MODULE warm NAME UID COUNT   COUNT rounds of every lookup, between two
 *                                             calls of getppid() that strace can see
 *     nss_lookup MODULE fds NAME UID COUNT    the same; descriptors and mappings before and after
 *     nss_lookup MODULE until NAME SECONDS    looks up without a pause until the account is gone
 *     nss_lookup MODULE damage NAME UID PATH  PATH with each byte changed in turn: no answer may
 *                                             differ from the right one; and cut at each length:
 *                                             nothing may resolve
 *
 * Exit status 0: as it should be.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <shadow.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

typedef enum nss_status pwnam_fn(const char *, struct passwd *, char *, size_t, int *);
typedef enum nss_status pwuid_fn(uid_t, struct passwd *, char *, size_t, int *);
typedef enum nss_status grnam_fn(const char *, struct group *, char *, size_t, int *);
typedef enum nss_status grgid_fn(gid_t, struct group *, char *, size_t, int *);
typedef enum nss_status spnam_fn(const char *, struct spwd *, char *, size_t, int *);
typedef enum nss_status groups_fn(const char *, gid_t, long *, long *, gid_t **, long, int *);

static struct {
	pwnam_fn *pwnam;
	pwuid_fn *pwuid;
	grnam_fn *grnam;
	grgid_fn *grgid;
	spnam_fn *spnam;
	groups_fn *groups;
} nss;

static void
die(const char *what)
{
	fprintf(stderr, "nss_lookup: %s\n", what);
	exit(1);
}

static void *
symbol(void *lib, const char *name)
{
	void *p = dlsym(lib, name);

	if (p == NULL)
		die(name);
	return p;
}

static void
load(const char *path)
{
	void *lib = dlopen(path, RTLD_NOW);

	if (lib == NULL)
		die(dlerror());
	nss.pwnam = (pwnam_fn *)symbol(lib, "_nss_lockbox_getpwnam_r");
	nss.pwuid = (pwuid_fn *)symbol(lib, "_nss_lockbox_getpwuid_r");
	nss.grnam = (grnam_fn *)symbol(lib, "_nss_lockbox_getgrnam_r");
	nss.grgid = (grgid_fn *)symbol(lib, "_nss_lockbox_getgrgid_r");
	nss.spnam = (spnam_fn *)symbol(lib, "_nss_lockbox_getspnam_r");
	nss.groups = (groups_fn *)symbol(lib, "_nss_lockbox_initgroups_dyn");
}

/* Every lookup once; how many of them found the account. */
static int
round_of_lookups(const char *name, uid_t uid)
{
	static gid_t room[64];
	gid_t *gids = room;
	struct passwd pw;
	struct group gr;
	struct spwd sp;
	char buf[4096];
	long start = 0, size = 64;
	int err, found = 0;

	found += nss.pwnam(name, &pw, buf, sizeof buf, &err) == NSS_STATUS_SUCCESS;
	found += nss.pwuid(uid, &pw, buf, sizeof buf, &err) == NSS_STATUS_SUCCESS;
	found += nss.grnam(name, &gr, buf, sizeof buf, &err) == NSS_STATUS_SUCCESS;
	found += nss.grgid(uid, &gr, buf, sizeof buf, &err) == NSS_STATUS_SUCCESS;
	found += nss.spnam(name, &sp, buf, sizeof buf, &err) == NSS_STATUS_SUCCESS;
	found += nss.groups(name, uid, &start, &size, &gids, 0, &err) == NSS_STATUS_SUCCESS;
	return found;
}

static int
warm(const char *name, uid_t uid, long count)
{
	if (round_of_lookups(name, uid) != 6)
		die("not found");
	(void)getppid();
	for (long i = 0; i < count; i++)
		if (round_of_lookups(name, uid) != 6)
			die("not found");
	(void)getppid();
	return 0;
}

static int
entries(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	if (d == NULL)
		die(path);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static int
mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[1024];
	int n = 0;

	if (f == NULL)
		die("/proc/self/maps");
	while (fgets(line, sizeof line, f) != NULL)
		n += strstr(line, "/lockbox/accounts") != NULL;
	fclose(f);
	return n;
}

static int
fds(const char *name, uid_t uid, long count)
{
	int before = entries("/proc/self/fd"), after;

	warm(name, uid, count);
	after = entries("/proc/self/fd");
	printf("descriptors %d before, %d after; mappings %d\n", before, after, mappings());
	return before == after && mappings() == 1 ? 0 : 1;
}

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int
until(const char *name, double seconds)
{
	double start = now();
	struct passwd pw;
	char buf[4096];
	int err;

	if (nss.pwnam(name, &pw, buf, sizeof buf, &err) != NSS_STATUS_SUCCESS)
		die("not found at the start");
	while (nss.pwnam(name, &pw, buf, sizeof buf, &err) == NSS_STATUS_SUCCESS)
		if (now() - start > seconds)
			die("still there");
	printf("gone after %.3f s\n", now() - start);
	return 0;
}

static void
put(const char *path, const unsigned char *bytes, size_t size)
{
	char temp[4096];
	int fd;

	snprintf(temp, sizeof temp, "%s.damaged", path);
	fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size || close(fd) != 0 ||
	    rename(temp, path) != 0)
		die("cannot write");
}

/* Replaces the file as the warden does: the one that was there is marked. */
static void
replace(const char *path, const unsigned char *bytes, size_t size)
{
	int old = open(path, O_RDWR);
	struct stat st;

	if (old < 0 || fstat(old, &st) != 0)
		die(path);
	put(path, bytes, size);
	/* What was cut shorter is refused, so it is not kept and needs no mark. */
	if (st.st_size >= 64 && pwrite(old, "\1", 1, 12) != 1)
		die("cannot supersede");
	close(old);
}

/* All answers about an account as text; how many there were. */
static int
answers(char *out, size_t cap, const char *name, uid_t uid)
{
	static gid_t room[64];
	gid_t *gids = room;
	struct passwd pw;
	struct group gr;
	struct spwd sp;
	char buf[4096];
	long start = 0, size = 64;
	int err, found = 0, n = 0;

#define SAY(...) n += snprintf(out + n, cap - (size_t)n, __VA_ARGS__)
#define ASK(i, call)                                                                               \
	(out[n++] = (call) == NSS_STATUS_SUCCESS ? (char)('a' + i) : '-') != '-' && ++found
	if (ASK(0, nss.pwnam(name, &pw, buf, sizeof buf, &err)))
		SAY("%s:%s:%u:%u:%s:%s:%s\n", pw.pw_name, pw.pw_passwd, pw.pw_uid, pw.pw_gid,
		    pw.pw_gecos, pw.pw_dir, pw.pw_shell);
	if (ASK(1, nss.pwuid(uid, &pw, buf, sizeof buf, &err)))
		SAY("%s:%s:%u:%u:%s:%s:%s\n", pw.pw_name, pw.pw_passwd, pw.pw_uid, pw.pw_gid,
		    pw.pw_gecos, pw.pw_dir, pw.pw_shell);
	if (ASK(2, nss.grnam(name, &gr, buf, sizeof buf, &err)))
		SAY("%s:%s:%u:%s\n", gr.gr_name, gr.gr_passwd, gr.gr_gid,
		    gr.gr_mem[0] == NULL ? "" : gr.gr_mem[0]);
	if (ASK(3, nss.grgid(uid, &gr, buf, sizeof buf, &err)))
		SAY("%s:%s:%u:%s\n", gr.gr_name, gr.gr_passwd, gr.gr_gid,
		    gr.gr_mem[0] == NULL ? "" : gr.gr_mem[0]);
	if (ASK(4, nss.spnam(name, &sp, buf, sizeof buf, &err)))
		SAY("%s:%s:%ld\n", sp.sp_namp, sp.sp_pwdp, sp.sp_expire);
	if (ASK(5, nss.groups(name, uid, &start, &size, &gids, 0, &err)))
		for (long i = 0; i < start; i++)
			SAY("%u ", gids[i]);
#undef ASK
#undef SAY
	out[n] = '\0';
	return found;
}

/* Answers that are there and differ from the right ones; each begins with its letter. */
static int
wrong_answers(const char *right, const char *now)
{
	int wrong = 0;

	for (char kind = 'a'; kind <= 'f'; kind++) {
		static char line[256];
		const char *r = right;
		size_t len;

		/* The lines are short and hold their letter only once at their start. */
		while (*r != kind)
			r = strchr(r, '\n') + 1;
		len = strcspn(r, "\n");
		snprintf(line, sizeof line, "%.*s", (int)len, r);
		for (const char *p = now; *p != '\0';) {
			if (*p == '-') {
				p++;
				continue;
			}
			if (*p == kind &&
			    (strncmp(p, line, len) != 0 || (p[len] != '\n' && p[len] != '\0')))
				wrong++;
			p += strcspn(p, "\n");
			p += *p == '\n';
		}
	}
	return wrong;
}

static int
damage(const char *name, uid_t uid, const char *path)
{
	static unsigned char bytes[65536];
	char right[4096], now[4096];
	int fd = open(path, O_RDONLY), bad = 0, refused = 0;
	ssize_t size = read(fd, bytes, sizeof bytes);

	close(fd);
	if (size <= 0 || answers(right, sizeof right, name, uid) != 6)
		die("not found at the start");
	for (ssize_t i = 0; i < size; i++) {
		int found;

		if (i >= 12 && i < 16)
			continue; /* the mark itself */
		bytes[i] ^= 0x20;
		replace(path, bytes, (size_t)size);
		bytes[i] ^= 0x20;
		found = answers(now, sizeof now, name, uid);
		refused += found < 6;
		/* Without its header the file is nothing at all. */
		if ((wrong_answers(right, now) != 0 || (i < 64 && found != 0)) && bad++ < 10)
			fprintf(stderr, "byte %zd changed: %s\n", i, now);
	}
	for (ssize_t n = 0; n < size; n++) {
		replace(path, bytes, (size_t)n);
		if (answers(now, sizeof now, name, uid) != 0 && bad++ < 10)
			fprintf(stderr, "resolves when cut to %zd bytes\n", n);
	}
	replace(path, bytes, (size_t)size);
	if (answers(now, sizeof now, name, uid) != 6 || strcmp(now, right) != 0)
		die("the whole file does not resolve again");
	printf("%zd bytes changed and cut, %d changes refused, %d wrong\n", size, refused, bad);
	return bad == 0 && refused > 300 ? 0 : 1;
}

int
main(int argc, char **argv)
{
	if (argc < 5)
		return 2;
	load(argv[1]);
	if (strcmp(argv[2], "until") == 0)
		return until(argv[3], atof(argv[4]));
	if (argc < 6)
		return 2;
	if (strcmp(argv[2], "warm") == 0)
		return warm(argv[3], (uid_t)strtoul(argv[4], NULL, 10), atol(argv[5]));
	if (strcmp(argv[2], "fds") == 0)
		return fds(argv[3], (uid_t)strtoul(argv[4], NULL, 10), atol(argv[5]));
	if (strcmp(argv[2], "damage") == 0)
		return damage(argv[3], (uid_t)strtoul(argv[4], NULL, 10), argv[5]);
	return 2;
}
