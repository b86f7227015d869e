/*
 * The NSS module, its sources built into this test with a path, an owner and
 * clocks of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <nss.h>
#include <pwd.h>
#include <shadow.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/single_threaded.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test_snapshot.h"
#include "warden/snapshot_file.h"

static char dir_path[] = "/tmp/lb-nss-XXXXXX";
static char snapshot_path[64], session_path[64];
static int dir;

/* The clocks: one time line each, and how far the coarse ones lag behind. */
static int64_t wall_now, boot_now, mono_now, lag;
static int clock_calls, file_calls;

/* What happens, once, before a lookup counts itself in, and while it reads the clocks. */
static void (*before_counting)(void), (*before_clock)(void);

static void
happen(void (**what)(void))
{
	void (*f)(void) = *what;

	*what = NULL;
	if (f != NULL)
		f();
}

/*
 * Stands for libc's word.  Unless a test says otherwise the module is to work as
 * in a process of many threads.  It asks first where to count and then, having
 * read which mapping is current, how.
 */
static bool one_thread;
static int asked;

static bool
test_single_threaded(void)
{
	if (before_counting != NULL && ++asked == 2) {
		asked = 0;
		happen(&before_counting);
	}
	return one_thread;
}

static int
test_clock_gettime(clockid_t clock, struct timespec *ts)
{
	int64_t t;

	happen(&before_clock);
	t = clock == CLOCK_REALTIME	     ? wall_now
	    : clock == CLOCK_BOOTTIME	     ? boot_now
	    : clock == CLOCK_REALTIME_COARSE ? wall_now - lag
					     : mono_now - lag;

	clock_calls++;
	ts->tv_sec = t / SEC;
	ts->tv_nsec = (long)(t % SEC);
	return 0;
}

static int
test_open(const char *path, int flags)
{
	file_calls++;
	return open(path, flags);
}

static int
test_lstat(const char *path, struct stat *st)
{
	file_calls++;
	return lstat(path, st);
}

#define LB_NSS_SNAPSHOT_PATH snapshot_path
#define LB_NSS_SNAPSHOT_OWNER geteuid()
#define __libc_single_threaded test_single_threaded()
#define clock_gettime test_clock_gettime
#define open test_open
#define lstat test_lstat
#include "../../nss_lockbox/mapping.c"
#undef __libc_single_threaded
#undef clock_gettime
#undef open
#undef lstat
#include "../../nss_lockbox/pack.c"
#include "../../nss_lockbox/passwd.c"
#include "../../nss_lockbox/group.c"
#include "../../nss_lockbox/shadow.c"
#define LB_NSS_SESSION_PATH session_path
#include "../../nss_lockbox/initgroups.c"

#define WALL0 (1900000000 * SEC)
#define BOOT0 (5000 * SEC)
#define MONO0 (3000 * SEC)
#define LIFE (100 * SEC)

/* All clocks run on. */
static void
pass(int64_t ns)
{
	wall_now += ns;
	boot_now += ns;
	mono_now += ns;
}

static void
publish_until(int64_t end_wall, int64_t end_boot)
{
	size_t size;
	unsigned char *buf = test_build(end_wall, end_boot, &size);

	assert_int_equal(lb_snapshot_publish(dir, "accounts", buf, size), LB_OK);
	free(buf);
}

/* Puts bytes in place without telling anybody, as a warden that died in between does. */
static void
put_quietly(const void *buf, size_t size)
{
	int fd = openat(dir, "next", O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_int_equal(write(fd, buf, size), size);
	close(fd);
	assert_int_equal(renameat(dir, "next", dir, "accounts"), 0);
}

static int
set_up(void **state)
{
	(void)state;
	strcpy(dir_path + strlen(dir_path) - 6, "XXXXXX");
	if (mkdtemp(dir_path) == NULL)
		return -1;
	snprintf(snapshot_path, sizeof snapshot_path, "%s/accounts", dir_path);
	snprintf(session_path, sizeof session_path, "%s/session", dir_path);
	dir = open(dir_path, O_RDONLY | O_DIRECTORY);
	/* Each test begins later than the last one ended. */
	wall_now = wall_now == 0 ? WALL0 : wall_now + 1000 * SEC;
	boot_now = boot_now == 0 ? BOOT0 : boot_now + 1000 * SEC;
	mono_now = mono_now == 0 ? MONO0 : mono_now + 1000 * SEC;
	lag = 0;
	one_thread = false;
	asked = 0;
	publish_until(wall_now + LIFE, boot_now + LIFE);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	lb_snapshot_remove(dir, "accounts");
	unlinkat(dir, "accounts", AT_REMOVEDIR);
	unlinkat(dir, "session", 0);
	close(dir);
	return rmdir(dir_path);
}

static char room[4096];

static enum nss_status
by_name(const char *name)
{
	struct passwd pw;
	int err = 0;

	return _nss_lockbox_getpwnam_r(name, &pw, room, sizeof room, &err);
}

/* Every database says the same about Anna. */
static void
anna_is(enum nss_status want)
{
	struct passwd pw;
	struct group gr;
	struct spwd sp;
	long start = 0, size = 8;
	gid_t *gids = calloc(8, sizeof *gids);
	int err;

	assert_int_equal(by_name("lb-anna-7"), want);
	assert_int_equal(_nss_lockbox_getpwuid_r(ANNA, &pw, room, sizeof room, &err), want);
	assert_int_equal(_nss_lockbox_getgrnam_r("lb-anna-7", &gr, room, sizeof room, &err), want);
	assert_int_equal(_nss_lockbox_getgrgid_r(ANNA, &gr, room, sizeof room, &err), want);
	assert_int_equal(_nss_lockbox_getspnam_r("lb-anna-7", &sp, room, sizeof room, &err), want);
	assert_int_equal(
		_nss_lockbox_initgroups_dyn("lb-anna-7", ANNA, &start, &size, &gids, 0, &err),
		want);
	free(gids);
}

static void
all_fields_are_answered(void **state)
{
	struct passwd pw;
	struct group gr;
	struct spwd sp;
	int err;

	(void)state;
	assert_int_equal(_nss_lockbox_getpwnam_r("lb-bob-8", &pw, room, sizeof room, &err),
			 NSS_STATUS_SUCCESS);
	assert_string_equal(pw.pw_name, "lb-bob-8");
	assert_string_equal(pw.pw_passwd, "*");
	assert_int_equal(pw.pw_uid, BOB);
	assert_int_equal(pw.pw_gid, BOB);
	assert_string_equal(pw.pw_gecos, "Bob, M\xc3\xbcller");
	assert_string_equal(pw.pw_dir, "/home/lb-bob-8");
	assert_string_equal(pw.pw_shell, "/bin/bash");
	assert_int_equal(_nss_lockbox_getpwuid_r(CARL, &pw, room, sizeof room, &err),
			 NSS_STATUS_SUCCESS);
	assert_string_equal(pw.pw_name, "lb-a-rather-longname-100");
	assert_string_equal(pw.pw_gecos, "");
	assert_int_equal(_nss_lockbox_getgrgid_r(BOB, &gr, room, sizeof room, &err),
			 NSS_STATUS_SUCCESS);
	assert_string_equal(gr.gr_name, "lb-bob-8");
	assert_string_equal(gr.gr_passwd, "*");
	assert_null(gr.gr_mem[0]);
	assert_int_equal(_nss_lockbox_getgrnam_r("lbr-db", &gr, room, sizeof room, &err),
			 NSS_STATUS_SUCCESS);
	assert_int_equal(gr.gr_gid, DB);
	assert_string_equal(gr.gr_mem[0], "lb-anna-7");
	assert_string_equal(gr.gr_mem[1], "lb-bob-8");
	assert_null(gr.gr_mem[2]);
	assert_int_equal(_nss_lockbox_getspnam_r("lb-bob-8", &sp, room, sizeof room, &err),
			 NSS_STATUS_SUCCESS);
	assert_string_equal(sp.sp_namp, "lb-bob-8");
	assert_string_equal(sp.sp_pwdp, "*");
	/* 0 would ask for a new password at once. */
	assert_true(sp.sp_lstchg == -1 && sp.sp_max == -1 && sp.sp_expire == -1);
}

static void
what_is_not_ours_is_answered_without_a_look(void **state)
{
	static const char *const names[] = {"",	      "l",     "lb",	    "lba",
					    "root",   "lbx-1", "LB-anna-7", "../../lb-anna-7",
					    "nobody", NULL};
	static const uint32_t ids[] = {0,
				       1,
				       1000,
				       65534,
				       65535,
				       LB_UID_FIRST - 1,
				       LB_UID_LAST + 1,
				       0x7fffffff,
				       0x80000000,
				       0xfffffffe,
				       0xffffffff};
	struct passwd pw;
	struct group gr;
	struct spwd sp;
	int err;

	(void)state;
	anna_is(NSS_STATUS_SUCCESS);
	clock_calls = file_calls = 0;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		assert_int_equal(by_name(names[i]), NSS_STATUS_NOTFOUND);
		err = 0;
		assert_int_equal(_nss_lockbox_getgrnam_r(names[i], &gr, room, sizeof room, &err),
				 NSS_STATUS_NOTFOUND);
		assert_int_equal(err, ENOENT);
		assert_int_equal(_nss_lockbox_getspnam_r(names[i], &sp, room, sizeof room, &err),
				 NSS_STATUS_NOTFOUND);
	}
	for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
		assert_int_equal(_nss_lockbox_getpwuid_r(ids[i], &pw, room, sizeof room, &err),
				 NSS_STATUS_NOTFOUND);
		assert_int_equal(_nss_lockbox_getgrgid_r(ids[i], &gr, room, sizeof room, &err),
				 NSS_STATUS_NOTFOUND);
	}
	/* A role's gid is nobody's uid. */
	assert_int_equal(_nss_lockbox_getpwuid_r(DB, &pw, room, sizeof room, &err),
			 NSS_STATUS_NOTFOUND);
	assert_int_equal(clock_calls + file_calls, 0);
	/* Groups an ordinary account may have: the mapping's header tells, and no file is looked at. */
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		assert_int_equal(
			_nss_lockbox_initgroups_dyn(names[i], 0, NULL, NULL, NULL, 0, &err),
			NSS_STATUS_NOTFOUND);
	assert_int_equal(file_calls, 0);
}

static void
strange_names_are_not_found(void **state)
{
	size_t len = 1000000;
	char *name = malloc(len + 1);
	static const char *const names[] = {"lb-",	  "lb-anna",	  "lb-anna-7 ",
					    "lb-anna-07", "lb-../../etc", "lb-anna-7\n",
					    "lb-%s%n",	  "lb-\xff\xff"};

	(void)state;
	memset(name, '7', len);
	memcpy(name, "lb-anna-7", 9);
	name[len] = '\0';
	assert_int_equal(by_name(name), NSS_STATUS_NOTFOUND);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		assert_int_equal(by_name(names[i]), NSS_STATUS_NOTFOUND);
	free(name);
}

/* ---- the caller's buffer ---- */

static int call_kind;

static enum nss_status
call(char *buf, size_t len, int *err)
{
	static struct passwd pw;
	static struct group gr;
	static struct spwd sp;

	switch (call_kind) {
	case 0:
		return _nss_lockbox_getpwnam_r("lb-bob-8", &pw, buf, len, err);
	case 1:
		return _nss_lockbox_getpwuid_r(BOB, &pw, buf, len, err);
	case 2:
		return _nss_lockbox_getgrnam_r("lbr-db", &gr, buf, len, err);
	case 3:
		return _nss_lockbox_getgrgid_r(BOB, &gr, buf, len, err);
	case 4:
		return _nss_lockbox_getspnam_r("lb-bob-8", &sp, buf, len, err);
	case 5:
		_nss_lockbox_setpwent(0);
		return _nss_lockbox_getpwent_r(&pw, buf, len, err);
	case 6:
		_nss_lockbox_setgrent(0);
		return _nss_lockbox_getgrent_r(&gr, buf, len, err);
	default:
		_nss_lockbox_setspent(0);
		return _nss_lockbox_getspent_r(&sp, buf, len, err);
	}
}

static void
every_buffer_size_is_answered_whole_or_with_erange(void **state)
{
	static char buf[512], clean[512];

	(void)state;
	memset(clean, 0x5a, sizeof clean);
	for (call_kind = 0; call_kind < 8; call_kind++)
		for (size_t shift = 0; shift < 16; shift++) {
			bool fits = false;

			for (size_t len = 0; len < 300; len++) {
				enum nss_status status;
				int err = 0;

				memcpy(buf, clean, sizeof buf);
				status = call(buf + shift, len, &err);
				/* From the first size that fits on, all do. */
				assert_true(!fits || status == NSS_STATUS_SUCCESS);
				fits = status == NSS_STATUS_SUCCESS;
				if (!fits) {
					assert_int_equal(status, NSS_STATUS_TRYAGAIN);
					assert_int_equal(err, ERANGE);
					assert_memory_equal(buf, clean, sizeof buf);
				}
				assert_memory_equal(buf, clean, shift);
				assert_memory_equal(buf + shift + len, clean,
						    sizeof buf - shift - len);
			}
			assert_true(fits);
		}
}

/* ---- time ---- */

static void
an_account_ends_with_the_wall_clock(void **state)
{
	(void)state;
	publish_until(wall_now + LIFE, boot_now + 10 * LIFE);
	anna_is(NSS_STATUS_SUCCESS);
	pass(LIFE - 1);
	anna_is(NSS_STATUS_SUCCESS);
	pass(1);
	anna_is(NSS_STATUS_NOTFOUND);
}

static void
an_account_ends_with_the_boot_clock_though_the_wall_clock_goes_back(void **state)
{
	(void)state;
	publish_until(wall_now + 10 * LIFE, boot_now + LIFE);
	anna_is(NSS_STATUS_SUCCESS);
	pass(LIFE - 1);
	anna_is(NSS_STATUS_SUCCESS);
	wall_now -= 1000000 * SEC;
	anna_is(NSS_STATUS_SUCCESS);
	pass(1);
	anna_is(NSS_STATUS_NOTFOUND);
}

static void
a_step_of_the_wall_clock_ends_an_account_at_once(void **state)
{
	(void)state;
	anna_is(NSS_STATUS_SUCCESS);
	wall_now += LIFE;
	anna_is(NSS_STATUS_NOTFOUND);
	wall_now -= LIFE;
	anna_is(NSS_STATUS_SUCCESS);
}

static void
a_suspend_counts(void **state)
{
	(void)state;
	publish_until(wall_now + 10 * LIFE, boot_now + LIFE);
	anna_is(NSS_STATUS_SUCCESS);
	/* The machine slept: the monotonic clock stood still. */
	wall_now += LIFE;
	boot_now += LIFE;
	anna_is(NSS_STATUS_NOTFOUND);
}

static void
a_lagging_coarse_clock_lengthens_nothing(void **state)
{
	(void)state;
	lag = 10000000;
	for (int boot_first = 0; boot_first < 2; boot_first++) {
		publish_until(wall_now + (boot_first ? 10 : 1) * LIFE,
			      boot_now + (boot_first ? 1 : 10) * LIFE);
		anna_is(NSS_STATUS_SUCCESS);
		pass(LIFE - 2);
		anna_is(NSS_STATUS_SUCCESS);
		pass(1);
		anna_is(NSS_STATUS_SUCCESS);
		pass(1);
		anna_is(NSS_STATUS_NOTFOUND);
	}
}

static void
an_ended_member_leaves_the_role_and_the_role_stays(void **state)
{
	struct group gr;
	int err;

	(void)state;
	assert_int_equal(_nss_lockbox_getgrgid_r(DB, &gr, room, sizeof room, &err),
			 NSS_STATUS_SUCCESS);
	assert_non_null(gr.gr_mem[0]);
	pass(LIFE);
	assert_int_equal(_nss_lockbox_getgrgid_r(DB, &gr, room, sizeof room, &err),
			 NSS_STATUS_SUCCESS);
	assert_string_equal(gr.gr_name, "lbr-db");
	assert_null(gr.gr_mem[0]);
}

/* ---- the file is replaced ---- */

static void
a_warm_lookup_touches_no_file(void **state)
{
	(void)state;
	anna_is(NSS_STATUS_SUCCESS);
	file_calls = 0;
	for (int i = 0; i < 1000; i++)
		anna_is(NSS_STATUS_SUCCESS);
	assert_int_equal(file_calls, 0);
	pass(SEC);
	anna_is(NSS_STATUS_SUCCESS);
	assert_int_equal(file_calls, 1);
}

static void
a_new_file_is_seen_at_once(void **state)
{
	void *buf;
	size_t size;

	(void)state;
	anna_is(NSS_STATUS_SUCCESS);
	assert_int_equal(lb_snapshot_build(NULL, 0, NULL, 0, &buf, &size, NULL), LB_OK);
	assert_int_equal(lb_snapshot_publish(dir, "accounts", buf, size), LB_OK);
	anna_is(NSS_STATUS_NOTFOUND);
	publish_until(wall_now + LIFE, boot_now + LIFE);
	anna_is(NSS_STATUS_SUCCESS);
	free(buf);
}

static void
a_file_nobody_told_of_is_seen_within_a_second(void **state)
{
	void *buf;
	size_t size;

	(void)state;
	anna_is(NSS_STATUS_SUCCESS);
	assert_int_equal(lb_snapshot_build(NULL, 0, NULL, 0, &buf, &size, NULL), LB_OK);
	put_quietly(buf, size);
	pass(SEC);
	anna_is(NSS_STATUS_NOTFOUND);
	free(buf);
}

static void
a_withdrawn_snapshot_means_no_account(void **state)
{
	struct passwd pw;
	int err = 0;

	(void)state;
	anna_is(NSS_STATUS_SUCCESS);
	assert_int_equal(lb_snapshot_remove(dir, "accounts"), LB_OK);
	anna_is(NSS_STATUS_NOTFOUND);
	assert_int_equal(_nss_lockbox_getpwuid_r(ANNA, &pw, room, sizeof room, &err),
			 NSS_STATUS_NOTFOUND);
	assert_int_equal(err, ENOENT);
	publish_until(wall_now + LIFE, boot_now + LIFE);
	anna_is(NSS_STATUS_SUCCESS);
}

static void
a_file_left_superseded_is_not_believed(void **state)
{
	size_t size;
	unsigned char *buf = test_build(wall_now + LIFE, boot_now + LIFE, &size);

	(void)state;
	buf[LB_SNAPSHOT_AT_SUPERSEDED] = 1;
	unlinkat(dir, "accounts", 0);
	put_quietly(buf, size);
	pass(SEC);
	anna_is(NSS_STATUS_UNAVAIL);
	free(buf);
}

static void
lookups_go_on_without_a_free_descriptor(void **state)
{
	struct rlimit was, none = {0, 0};

	(void)state;
	anna_is(NSS_STATUS_SUCCESS);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	none.rlim_max = was.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	pass(2 * SEC);
	anna_is(NSS_STATUS_SUCCESS);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
}

static int
mappings_of_the_snapshot(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[1024];
	int n = 0;

	while (fgets(line, sizeof line, f) != NULL)
		n += strstr(line, "lb-nss-") != NULL;
	fclose(f);
	return n;
}

static void
one_mapping_and_no_descriptor_is_kept(void **state)
{
	int before = dup(0), after;

	(void)state;
	close(before);
	for (int i = 0; i < 1000; i++) {
		publish_until(wall_now + LIFE, boot_now + LIFE);
		anna_is(NSS_STATUS_SUCCESS);
	}
	after = dup(0);
	close(after);
	assert_int_equal(after, before);
	assert_int_equal(mappings_of_the_snapshot(), 1);
}

/* ---- other threads, played at the worst moment ---- */

/* Another thread finds a new file and leaves nothing of the old one that is not in use. */
static void
rotate(void)
{
	publish_until(wall_now + LIFE, boot_now + LIFE);
	assert_int_equal(by_name("lb-bob-8"), NSS_STATUS_SUCCESS);
}

static void
a_mapping_that_goes_before_it_is_counted_is_not_used(void **state)
{
	(void)state;
	anna_is(NSS_STATUS_SUCCESS);
	for (int i = 0; i < 50; i++) {
		before_counting = rotate;
		assert_int_equal(by_name("lb-anna-7"), NSS_STATUS_SUCCESS);
		assert_null(before_counting);
		assert_int_equal(mappings_of_the_snapshot(), 1);
	}
}

static void
a_mapping_in_use_stays(void **state)
{
	(void)state;
	anna_is(NSS_STATUS_SUCCESS);
	for (int i = 0; i < 50; i++) {
		before_clock = rotate;
		assert_int_equal(by_name("lb-anna-7"), NSS_STATUS_SUCCESS);
		assert_null(before_clock);
	}
	rotate();
	assert_int_equal(mappings_of_the_snapshot(), 1);
}

static void
a_lookup_during_a_look_at_the_path_does_not_wait(void **state)
{
	struct shared *page;

	(void)state;
	anna_is(NSS_STATUS_SUCCESS);
	page = atomic_load(&shared_page);
	atomic_store(&page->renewing, 1);
	pass(SEC);
	anna_is(NSS_STATUS_SUCCESS);
	/* The kept mapping is void, and the thread that should renew it never comes back. */
	publish_until(wall_now + LIFE, boot_now + LIFE);
	for (int i = 0; i < 100; i++)
		anna_is(NSS_STATUS_SUCCESS);
	assert_int_equal(mappings_of_the_snapshot(), 1);
	atomic_store(&page->renewing, 0);
}

static void
a_child_starts_without_its_parents_threads(void **state)
{
	struct lb_nss_hold hold;
	int err, status;
	pid_t pid;

	(void)state;
	/* One thread is in a lookup and one looks at the path when a third one forks. */
	assert_int_equal(lb_nss_take(&hold, &err), NSS_STATUS_SUCCESS);
	atomic_store(&atomic_load(&shared_page)->renewing, 1);
	pid = fork();
	if (pid == 0) {
		bool ok;

		publish_until(wall_now + LIFE, boot_now + LIFE);
		ok = by_name("lb-anna-7") == NSS_STATUS_SUCCESS;
		file_calls = 0;
		ok = ok && by_name("lb-anna-7") == NSS_STATUS_SUCCESS;
		/* It has renewed, and nobody is in the old mapping. */
		_exit(ok && file_calls == 0 && mappings_of_the_snapshot() == 1 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	atomic_store(&atomic_load(&shared_page)->renewing, 0);
	lb_nss_drop(&hold);
}

static void
a_process_of_one_thread_renews_too(void **state)
{
	(void)state;
	one_thread = true;
	for (int i = 0; i < 100; i++) {
		before_clock = rotate;
		anna_is(NSS_STATUS_SUCCESS);
		assert_null(before_clock);
	}
	rotate();
	assert_int_equal(mappings_of_the_snapshot(), 1);
	file_calls = 0;
	anna_is(NSS_STATUS_SUCCESS);
	assert_int_equal(file_calls, 0);
}

static void
a_mapping_counted_by_the_only_thread_stays_when_others_come(void **state)
{
	struct lb_snapshot_user u;
	struct lb_nss_hold hold;
	int err;

	(void)state;
	one_thread = true;
	assert_int_equal(lb_nss_take(&hold, &err), NSS_STATUS_SUCCESS);
	one_thread = false;
	for (int i = 0; i < 50; i++)
		rotate();
	assert_int_equal(mappings_of_the_snapshot(), 2);
	assert_int_equal(lb_snapshot_user_by_uid(hold.snapshot, ANNA, &u), LB_OK);
	lb_nss_drop(&hold);
	rotate();
	assert_int_equal(mappings_of_the_snapshot(), 1);
}

/* ---- a file not to be believed ---- */

static void
refused_then_found_again(void)
{
	pass(SEC);
	anna_is(NSS_STATUS_UNAVAIL);
	anna_is(NSS_STATUS_UNAVAIL);
	unlinkat(dir, "accounts", 0);
	publish_until(wall_now + LIFE, boot_now + LIFE);
	anna_is(NSS_STATUS_SUCCESS);
}

static void
a_file_others_could_write_is_refused(void **state)
{
	(void)state;
	anna_is(NSS_STATUS_SUCCESS);
	assert_int_equal(fchmodat(dir, "accounts", 0664, 0), 0);
	refused_then_found_again();
	assert_int_equal(fchmodat(dir, "accounts", 0646, 0), 0);
	refused_then_found_again();
}

static void
a_file_of_another_owner_is_refused(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	anna_is(NSS_STATUS_SUCCESS);
	assert_int_equal(fchownat(dir, "accounts", 1, 0, 0), 0);
	refused_then_found_again();
}

static void
what_is_no_regular_file_is_refused(void **state)
{
	(void)state;
	assert_int_equal(renameat(dir, "accounts", dir, "moved"), 0);
	assert_int_equal(symlinkat("moved", dir, "accounts"), 0);
	refused_then_found_again();
	unlinkat(dir, "moved", 0);
	unlinkat(dir, "accounts", 0);
	assert_int_equal(mkfifoat(dir, "accounts", 0644), 0);
	refused_then_found_again();
	unlinkat(dir, "accounts", 0);
	assert_int_equal(mkdirat(dir, "accounts", 0755), 0);
	pass(SEC);
	anna_is(NSS_STATUS_UNAVAIL);
	unlinkat(dir, "accounts", AT_REMOVEDIR);
}

/* Every database's answer about Anna is the right one, or that nothing can be said. */
static int
anna_is_right_or_refused(void)
{
	struct passwd pw;
	struct group gr;
	struct spwd sp;
	long start = 0, size = 8;
	gid_t *gids = calloc(8, sizeof *gids);
	enum nss_status s[5];
	int err, refused = 0;

	s[0] = _nss_lockbox_getpwnam_r("lb-anna-7", &pw, room, sizeof room, &err);
	if (s[0] == NSS_STATUS_SUCCESS)
		assert_string_equal(pw.pw_shell, "/bin/sh");
	s[1] = _nss_lockbox_getpwuid_r(ANNA, &pw, room, sizeof room, &err);
	if (s[1] == NSS_STATUS_SUCCESS)
		assert_string_equal(pw.pw_name, "lb-anna-7");
	s[2] = _nss_lockbox_getgrgid_r(DB, &gr, room, sizeof room, &err);
	if (s[2] == NSS_STATUS_SUCCESS)
		assert_true(strcmp(gr.gr_mem[0], "lb-anna-7") == 0 &&
			    strcmp(gr.gr_mem[1], "lb-bob-8") == 0 && gr.gr_mem[2] == NULL);
	s[3] = _nss_lockbox_getspnam_r("lb-anna-7", &sp, room, sizeof room, &err);
	s[4] = _nss_lockbox_initgroups_dyn("lb-anna-7", ANNA, &start, &size, &gids, 0, &err);
	if (s[4] == NSS_STATUS_SUCCESS)
		assert_true(start == 2 && gids[0] == DB && gids[1] == 4);
	free(gids);
	for (int i = 0; i < 5; i++) {
		assert_true(s[i] == NSS_STATUS_SUCCESS || s[i] == NSS_STATUS_UNAVAIL);
		refused += s[i] != NSS_STATUS_SUCCESS;
	}
	return refused;
}

static void
a_damaged_file_gives_no_wrong_answer(void **state)
{
	size_t size;
	unsigned char *buf = test_build(wall_now + 1000 * LIFE, boot_now + 1000 * LIFE, &size);
	int refused = 0;

	(void)state;
	for (size_t i = 0; i < size; i += 7) {
		if (i >= LB_SNAPSHOT_AT_SUPERSEDED && i < LB_SNAPSHOT_AT_SUM)
			continue;
		buf[i] ^= 0x10;
		put_quietly(buf, size);
		buf[i] ^= 0x10;
		pass(SEC);
		if (i < LB_SNAPSHOT_HEADER)
			anna_is(NSS_STATUS_UNAVAIL);
		else
			refused += anna_is_right_or_refused();
	}
	assert_true(refused > 20);
	put_quietly("", 0);
	refused_then_found_again();
	put_quietly(buf, size - 64);
	refused_then_found_again();
	free(buf);
}

static void
a_planted_id_in_a_sealed_file_is_refused(void **state)
{
	size_t size;
	unsigned char *buf = test_build(wall_now + LIFE, boot_now + LIFE, &size);
	unsigned char want[4], *good = malloc(size);
	struct passwd pw;
	int err;

	(void)state;
	memcpy(good, buf, size);
	test_put32(want, ANNA);
	/* Everywhere: in the index as well as in the record. */
	for (size_t at = 64; at + 4 <= size; at += 4)
		if (memcmp(buf + at, want, 4) == 0)
			test_put32(buf + at, 0);
	test_seal(buf, size, good);
	free(good);
	put_quietly(buf, size);
	pass(SEC);
	assert_int_equal(by_name("lb-anna-7"), NSS_STATUS_UNAVAIL);
	assert_int_equal(_nss_lockbox_getpwuid_r(0, &pw, room, sizeof room, &err),
			 NSS_STATUS_NOTFOUND);
	assert_int_equal(by_name("lb-bob-8"), NSS_STATUS_SUCCESS);
	free(buf);
}

static void
a_planted_group_0_is_never_given_out(void **state)
{
	size_t size, planted = 0;
	unsigned char *buf = test_build(wall_now + LIFE, boot_now + LIFE, &size), adm[4];
	unsigned char *good = malloc(size);
	gid_t *gids = calloc(8, sizeof *gids);
	long start = 0, room_for = 8;
	int err;

	(void)state;
	memcpy(good, buf, size);
	test_put32(adm, 4);
	for (size_t at = size - 4; at >= 64 && planted == 0; at -= 4)
		if (memcmp(buf + at, adm, 4) == 0) {
			test_put32(buf + at, 0);
			planted = at;
		}
	assert_true(planted != 0);
	test_seal(buf, size, good);
	free(good);
	put_quietly(buf, size);
	pass(SEC);
	assert_int_equal(
		_nss_lockbox_initgroups_dyn("lb-anna-7", ANNA, &start, &room_for, &gids, 0, &err),
		NSS_STATUS_SUCCESS);
	assert_int_equal(start, 1);
	assert_int_equal(gids[0], DB);
	free(gids);
	free(buf);
}

/* ---- walking, and groups ---- */

static void
a_walk_goes_on_over_a_new_snapshot(void **state)
{
	static const uint32_t gids[] = {DB, WEB, IDLE, ANNA, BOB, CARL};
	struct passwd pw;
	struct group gr;
	struct spwd sp;
	int err = 0;

	(void)state;
	_nss_lockbox_setpwent(0);
	assert_int_equal(_nss_lockbox_getpwent_r(&pw, room, sizeof room, &err), NSS_STATUS_SUCCESS);
	assert_int_equal(pw.pw_uid, ANNA);
	publish_until(wall_now + LIFE, boot_now + LIFE);
	assert_int_equal(_nss_lockbox_getpwent_r(&pw, room, 1, &err), NSS_STATUS_TRYAGAIN);
	assert_int_equal(_nss_lockbox_getpwent_r(&pw, room, sizeof room, &err), NSS_STATUS_SUCCESS);
	assert_int_equal(pw.pw_uid, BOB);
	assert_int_equal(_nss_lockbox_getpwent_r(&pw, room, sizeof room, &err), NSS_STATUS_SUCCESS);
	assert_int_equal(_nss_lockbox_getpwent_r(&pw, room, sizeof room, &err),
			 NSS_STATUS_NOTFOUND);
	_nss_lockbox_endpwent();
	_nss_lockbox_setgrent(0);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(_nss_lockbox_getgrent_r(&gr, room, sizeof room, &err),
				 NSS_STATUS_SUCCESS);
		assert_int_equal(gr.gr_gid, gids[i]);
	}
	assert_int_equal(_nss_lockbox_getgrent_r(&gr, room, sizeof room, &err),
			 NSS_STATUS_NOTFOUND);
	pass(LIFE);
	_nss_lockbox_endgrent();
	for (int i = 0; i < 3; i++)
		assert_int_equal(_nss_lockbox_getgrent_r(&gr, room, sizeof room, &err),
				 NSS_STATUS_SUCCESS);
	assert_int_equal(_nss_lockbox_getgrent_r(&gr, room, sizeof room, &err),
			 NSS_STATUS_NOTFOUND);
	_nss_lockbox_setspent(0);
	assert_int_equal(_nss_lockbox_getspent_r(&sp, room, sizeof room, &err),
			 NSS_STATUS_NOTFOUND);
	_nss_lockbox_setpwent(0);
	assert_int_equal(_nss_lockbox_getpwent_r(&pw, room, sizeof room, &err),
			 NSS_STATUS_NOTFOUND);
}

static void
publish_accounts(const struct lb_snapshot_account *a, size_t n)
{
	void *buf;
	size_t size;

	assert_int_equal(lb_snapshot_build(a, n, test_roles, TEST_ROLES, &buf, &size, NULL), LB_OK);
	assert_int_equal(lb_snapshot_publish(dir, "accounts", buf, size), LB_OK);
	free(buf);
}

/* What a walk from its beginning gives, as the uids; *n how many. */
static void
walk_users(uint32_t *uids, size_t *n, size_t max)
{
	struct passwd pw;
	int err;

	*n = 0;
	_nss_lockbox_setpwent(0);
	while (_nss_lockbox_getpwent_r(&pw, room, sizeof room, &err) == NSS_STATUS_SUCCESS) {
		assert_true(*n < max);
		uids[(*n)++] = pw.pw_uid;
	}
	_nss_lockbox_endpwent();
}

static void
a_walk_gives_only_who_is_live_when_it_comes_there(void **state)
{
	struct lb_snapshot_account a[TEST_ACCOUNTS];
	struct passwd pw;
	struct group gr;
	uint32_t uids[8];
	size_t n;
	int err;

	(void)state;
	test_accounts(a, wall_now + LIFE, boot_now + LIFE);
	a[0].end_wall_ns = wall_now + LIFE / 2; /* Bob */
	publish_accounts(a, TEST_ACCOUNTS);
	walk_users(uids, &n, 8);
	assert_true(n == 3 && uids[0] == ANNA && uids[1] == BOB && uids[2] == CARL);
	pass(LIFE / 2);
	walk_users(uids, &n, 8);
	assert_true(n == 2 && uids[0] == ANNA && uids[1] == CARL);
	/* His own group goes with him, and the roles stay without him. */
	_nss_lockbox_setgrent(0);
	while (_nss_lockbox_getgrent_r(&gr, room, sizeof room, &err) == NSS_STATUS_SUCCESS) {
		assert_int_not_equal(gr.gr_gid, BOB);
		for (char **m = gr.gr_mem; *m != NULL; m++)
			assert_string_not_equal(*m, "lb-bob-8");
	}
	/* Carl goes while the walk is under way. */
	_nss_lockbox_setpwent(0);
	assert_int_equal(_nss_lockbox_getpwent_r(&pw, room, sizeof room, &err), NSS_STATUS_SUCCESS);
	pass(LIFE / 2);
	assert_int_equal(_nss_lockbox_getpwent_r(&pw, room, sizeof room, &err),
			 NSS_STATUS_NOTFOUND);
}

static void
a_walk_over_other_accounts_gives_none_twice(void **state)
{
	struct lb_snapshot_account a[TEST_ACCOUNTS];
	struct passwd pw;
	int err;

	(void)state;
	test_accounts(a, wall_now + LIFE, boot_now + LIFE);
	publish_accounts(a, TEST_ACCOUNTS);
	_nss_lockbox_setpwent(0);
	assert_int_equal(_nss_lockbox_getpwent_r(&pw, room, sizeof room, &err), NSS_STATUS_SUCCESS);
	assert_int_equal(pw.pw_uid, ANNA);
	/* Anna's and Bob's accounts have ended, a later one has come. */
	a[0] = a[2];
	a[1] = a[2];
	a[1].name = "lb-dora-200";
	a[1].uid = a[1].gid = LB_ACCOUNT_UID_FIRST + 200;
	publish_accounts(a, 2);
	assert_int_equal(_nss_lockbox_getpwent_r(&pw, room, sizeof room, &err), NSS_STATUS_SUCCESS);
	assert_int_equal(pw.pw_uid, CARL);
	assert_int_equal(_nss_lockbox_getpwent_r(&pw, room, sizeof room, &err), NSS_STATUS_SUCCESS);
	assert_string_equal(pw.pw_name, "lb-dora-200");
	assert_int_equal(_nss_lockbox_getpwent_r(&pw, room, sizeof room, &err),
			 NSS_STATUS_NOTFOUND);
	/* At the end it stays there. */
	assert_int_equal(_nss_lockbox_getpwent_r(&pw, room, sizeof room, &err),
			 NSS_STATUS_NOTFOUND);
	/* Withdrawn in the middle: it ends. */
	_nss_lockbox_setpwent(0);
	assert_int_equal(_nss_lockbox_getpwent_r(&pw, room, sizeof room, &err), NSS_STATUS_SUCCESS);
	assert_int_equal(lb_snapshot_remove(dir, "accounts"), LB_OK);
	assert_int_equal(_nss_lockbox_getpwent_r(&pw, room, sizeof room, &err),
			 NSS_STATUS_NOTFOUND);
}

static void
a_walk_of_a_damaged_file_ends(void **state)
{
	size_t size;
	unsigned char *buf = test_build(wall_now + 1000 * LIFE, boot_now + 1000 * LIFE, &size);

	(void)state;
	for (size_t i = LB_SNAPSHOT_HEADER; i < size; i += 3) {
		uint32_t uids[8];
		size_t n;

		buf[i] ^= 0x41;
		put_quietly(buf, size);
		buf[i] ^= 0x41;
		pass(SEC);
		walk_users(uids, &n, 3);
		for (size_t k = 1; k < n; k++)
			assert_true(uids[k] > uids[k - 1]);
	}
	free(buf);
}

static void
initgroups_appends_within_its_limit(void **state)
{
	gid_t *gids = malloc(2 * sizeof *gids);
	long start = 1, size = 1;
	int err = 0;

	(void)state;
	gids[0] = 77;
	assert_int_equal(
		_nss_lockbox_initgroups_dyn("lb-bob-8", BOB, &start, &size, &gids, 0, &err),
		NSS_STATUS_SUCCESS);
	assert_int_equal(start, 4);
	assert_true(size >= 4);
	assert_int_equal(gids[0], 77);
	for (int i = 0; i < 3; i++)
		assert_int_equal(gids[1 + i], bob_groups[i]);
	/* The primary group is not repeated. */
	start = 0;
	assert_int_equal(_nss_lockbox_initgroups_dyn("lb-bob-8", DB, &start, &size, &gids, 0, &err),
			 NSS_STATUS_SUCCESS);
	assert_int_equal(start, 2);
	start = 0;
	size = 1;
	assert_int_equal(
		_nss_lockbox_initgroups_dyn("lb-bob-8", BOB, &start, &size, &gids, 2, &err),
		NSS_STATUS_SUCCESS);
	assert_int_equal(start, 2);
	assert_int_equal(size, 2);
	free(gids);
}

/* The caller's session is this one from now on; NULL: it cannot be read. */
static void
in_session(const char *number)
{
	int fd = openat(dir, "session", O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	if (number == NULL)
		unlinkat(dir, "session", 0);
	else
		assert_int_equal(write(fd, number, strlen(number)), strlen(number));
	close(fd);
}

/* Groups of an ordinary account: only while its grant lasts, and nothing else of it. */
static void
an_ordinary_account_has_groups_only_while_they_last(void **state)
{
	static const uint32_t groups[] = {DB, 24};
	static const uint32_t sessions[] = {77, 78};
	struct lb_snapshot_own own = {
		"alice", wall_now + LIFE, boot_now + LIFE, groups, 2, sessions, 2};
	long start = 1, size = 2;
	gid_t *gids = calloc(2, sizeof *gids);
	void *buf;
	size_t len;
	int err = 0;

	(void)state;
	in_session("78\n");
	gids[0] = 1001;
	assert_int_equal(_nss_lockbox_initgroups_dyn("alice", 1001, &start, &size, &gids, 0, &err),
			 NSS_STATUS_NOTFOUND);
	assert_int_equal(
		lb_snapshot_build_own(NULL, 0, test_roles, TEST_ROLES, &own, 1, &buf, &len, NULL),
		LB_OK);
	assert_int_equal(lb_snapshot_publish(dir, "accounts", buf, len), LB_OK);
	free(buf);
	assert_int_equal(by_name("alice"), NSS_STATUS_NOTFOUND);
	assert_int_equal(_nss_lockbox_initgroups_dyn("bob", 1001, &start, &size, &gids, 0, &err),
			 NSS_STATUS_NOTFOUND);
	assert_int_equal(err, ENOENT);
	assert_int_equal(start, 1);
	assert_int_equal(_nss_lockbox_initgroups_dyn("alice", 1001, &start, &size, &gids, 0, &err),
			 NSS_STATUS_SUCCESS);
	assert_int_equal(start, 3);
	assert_int_equal(gids[0], 1001);
	assert_int_equal(gids[1], DB);
	assert_int_equal(gids[2], 24);
	/* Its end, with the file still there: the daemon may be dead. */
	pass(LIFE - 1);
	assert_int_equal(_nss_lockbox_initgroups_dyn("alice", 1001, &start, &size, &gids, 0, &err),
			 NSS_STATUS_SUCCESS);
	assert_int_equal(start, 5);
	pass(1);
	assert_int_equal(_nss_lockbox_initgroups_dyn("alice", 1001, &start, &size, &gids, 0, &err),
			 NSS_STATUS_NOTFOUND);
	assert_int_equal(start, 5);
	free(gids);
}

/* What was begun for it elsewhere, by cron or the user's own systemd, has none of them. */
static void
an_ordinary_account_has_groups_only_in_the_grants_sessions(void **state)
{
	static const uint32_t groups[] = {DB}, sessions[] = {1, 77, UINT32_MAX - 1};
	static const struct {
		const char *number;
		enum nss_status status;
	} callers[] = {
		{"77", NSS_STATUS_SUCCESS},
		{"1", NSS_STATUS_SUCCESS},
		{"4294967294\n", NSS_STATUS_SUCCESS},
		{"4294967295", NSS_STATUS_NOTFOUND}, /* no session */
		{"4294967373", NSS_STATUS_NOTFOUND}, /* 77 and 2^32 */
		{"0", NSS_STATUS_NOTFOUND},
		{"7", NSS_STATUS_NOTFOUND},
		{"771", NSS_STATUS_NOTFOUND},
		{"", NSS_STATUS_NOTFOUND},
		{"-77", NSS_STATUS_NOTFOUND},
		{" 77", NSS_STATUS_NOTFOUND},
		{"77x", NSS_STATUS_NOTFOUND},
		{"0000000000000077", NSS_STATUS_NOTFOUND}, /* longer than a number is */
		{NULL, NSS_STATUS_NOTFOUND},		   /* no /proc */
	};
	struct lb_snapshot_own own = {
		"alice", wall_now + LIFE, boot_now + LIFE, groups, 1, sessions, 3};
	gid_t *gids = calloc(64, sizeof *gids);
	void *buf;
	size_t len;

	(void)state;
	assert_int_equal(
		lb_snapshot_build_own(NULL, 0, test_roles, TEST_ROLES, &own, 1, &buf, &len, NULL),
		LB_OK);
	assert_int_equal(lb_snapshot_publish(dir, "accounts", buf, len), LB_OK);
	free(buf);
	for (size_t i = 0; i < sizeof callers / sizeof callers[0]; i++) {
		long start = 0, size = 64;
		int err = 0;

		in_session(callers[i].number);
		assert_int_equal(
			_nss_lockbox_initgroups_dyn("alice", 1001, &start, &size, &gids, 0, &err),
			callers[i].status);
		assert_int_equal(start, callers[i].status == NSS_STATUS_SUCCESS ? 1 : 0);
	}
	free(gids);
}

static void
initgroups_that_cannot_grow_says_so_and_adds_nothing(void **state)
{
	const long most = LONG_MAX / 2 / (long)sizeof(gid_t) + 1;
	long start = most, size = most;
	gid_t *gids = NULL;
	int err = 0;

	(void)state;
	assert_int_equal(
		_nss_lockbox_initgroups_dyn("lb-bob-8", BOB, &start, &size, &gids, 0, &err),
		NSS_STATUS_UNAVAIL);
	assert_int_equal(err, ENOMEM);
	assert_int_equal(start, most);
	assert_null(gids);
	/* An array that nobody has made yet is made. */
	start = 0;
	size = 0;
	assert_int_equal(
		_nss_lockbox_initgroups_dyn("lb-bob-8", BOB, &start, &size, &gids, 0, &err),
		NSS_STATUS_SUCCESS);
	assert_int_equal(start, 3);
	free(gids);
}

static void
a_walk_of_the_shadow_entries_begins_anew_after_its_end(void **state)
{
	struct spwd sp;
	char place[512], first[64];
	int err = 0;

	(void)state;
	_nss_lockbox_setspent(0);
	assert_int_equal(_nss_lockbox_getspent_r(&sp, place, sizeof place, &err),
			 NSS_STATUS_SUCCESS);
	snprintf(first, sizeof first, "%s", sp.sp_namp);
	while (_nss_lockbox_getspent_r(&sp, place, sizeof place, &err) == NSS_STATUS_SUCCESS)
		assert_string_not_equal(sp.sp_namp, first);
	assert_int_equal(_nss_lockbox_endspent(), NSS_STATUS_SUCCESS);
	assert_int_equal(_nss_lockbox_getspent_r(&sp, place, sizeof place, &err),
			 NSS_STATUS_SUCCESS);
	assert_string_equal(sp.sp_namp, first);
	assert_string_equal(sp.sp_pwdp, "*");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_fields_are_answered),
		TEST(what_is_not_ours_is_answered_without_a_look),
		TEST(strange_names_are_not_found),
		TEST(every_buffer_size_is_answered_whole_or_with_erange),
		TEST(an_account_ends_with_the_wall_clock),
		TEST(an_account_ends_with_the_boot_clock_though_the_wall_clock_goes_back),
		TEST(a_step_of_the_wall_clock_ends_an_account_at_once),
		TEST(a_suspend_counts),
		TEST(a_lagging_coarse_clock_lengthens_nothing),
		TEST(an_ended_member_leaves_the_role_and_the_role_stays),
		TEST(a_warm_lookup_touches_no_file),
		TEST(a_new_file_is_seen_at_once),
		TEST(a_file_nobody_told_of_is_seen_within_a_second),
		TEST(a_withdrawn_snapshot_means_no_account),
		TEST(a_file_left_superseded_is_not_believed),
		TEST(lookups_go_on_without_a_free_descriptor),
		TEST(one_mapping_and_no_descriptor_is_kept),
		TEST(a_mapping_that_goes_before_it_is_counted_is_not_used),
		TEST(a_mapping_in_use_stays),
		TEST(a_lookup_during_a_look_at_the_path_does_not_wait),
		TEST(a_child_starts_without_its_parents_threads),
		TEST(a_process_of_one_thread_renews_too),
		TEST(a_mapping_counted_by_the_only_thread_stays_when_others_come),
		TEST(a_planted_group_0_is_never_given_out),
		TEST(a_file_others_could_write_is_refused),
		TEST(a_file_of_another_owner_is_refused),
		TEST(what_is_no_regular_file_is_refused),
		TEST(a_damaged_file_gives_no_wrong_answer),
		TEST(a_planted_id_in_a_sealed_file_is_refused),
		TEST(a_walk_goes_on_over_a_new_snapshot),
		TEST(a_walk_gives_only_who_is_live_when_it_comes_there),
		TEST(a_walk_over_other_accounts_gives_none_twice),
		TEST(a_walk_of_a_damaged_file_ends),
		TEST(initgroups_appends_within_its_limit),
		TEST(an_ordinary_account_has_groups_only_while_they_last),
		TEST(an_ordinary_account_has_groups_only_in_the_grants_sessions),
		TEST(initgroups_that_cannot_grow_says_so_and_adds_nothing),
		TEST(a_walk_of_the_shadow_entries_begins_anew_after_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
