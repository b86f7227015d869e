/* The snapshot's builder and its file: what they refuse, and what they leave behind. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <signal.h>
#include <unistd.h>

#include "test_snapshot.h"
#include "warden/snapshot_file.h"

#define WALL (2000000000 * SEC)
#define BOOT (1000 * SEC)

static int
build_one(const struct lb_snapshot_account *a, size_t n)
{
	void *buf = NULL;
	size_t size;
	int err = lb_snapshot_build(a, n, test_roles, TEST_ROLES, &buf, &size, NULL);

	free(buf);
	return err;
}

#define REFUSED(expected, ...)                                                                     \
	do {                                                                                       \
		struct lb_snapshot_account all[TEST_ACCOUNTS], *a = &all[1];                       \
                                                                                                   \
		test_accounts(all, WALL, BOOT);                                                    \
		assert_int_equal(build_one(all, TEST_ACCOUNTS), LB_OK);                            \
		__VA_ARGS__;                                                                       \
		assert_int_equal(build_one(all, TEST_ACCOUNTS), expected);                         \
	} while (0)

static void
a_bad_account_is_refused(void **state)
{
	static char long_text[300];

	(void)state;
	memset(long_text, 'a', sizeof long_text - 1);
	REFUSED(LB_ERR_MALFORMED, a->name = "root");
	REFUSED(LB_ERR_MALFORMED, a->name = "lb-");
	REFUSED(LB_ERR_MALFORMED, a->name = "lb-anna-7\n");
	REFUSED(LB_ERR_MALFORMED, a->name = "lb-an:na-7");
	REFUSED(LB_ERR_MALFORMED, a->name = "lb-../../x-7");
	REFUSED(LB_ERR_MALFORMED, a->name = long_text);
	REFUSED(LB_ERR_MALFORMED, a->name = NULL);
	REFUSED(LB_ERR_MALFORMED, a->uid = 0; a->gid = 0);
	REFUSED(LB_ERR_MALFORMED, a->uid = 1000; a->gid = 1000);
	REFUSED(LB_ERR_MALFORMED, a->uid = DB; a->gid = DB);
	REFUSED(LB_ERR_MALFORMED, a->uid = UINT32_MAX; a->gid = UINT32_MAX);
	REFUSED(LB_ERR_MALFORMED, a->uid = LB_UID_LAST + 1; a->gid = LB_UID_LAST + 1);
	REFUSED(LB_ERR_MALFORMED, a->gid = 0);
	REFUSED(LB_ERR_MALFORMED, a->gid = BOB);
	REFUSED(LB_ERR_MALFORMED, a->gecos = "a:b");
	REFUSED(LB_ERR_MALFORMED, a->gecos = "a\nroot::0:0::/:/bin/sh");
	REFUSED(LB_ERR_MALFORMED, a->gecos = "a\x1b[1m");
	REFUSED(LB_ERR_TOO_LONG, a->gecos = long_text);
	REFUSED(LB_ERR_MALFORMED, a->home = "/home/a:b");
	REFUSED(LB_ERR_MALFORMED, a->home = "home");
	REFUSED(LB_ERR_MALFORMED, a->home = "/home/../root");
	REFUSED(LB_ERR_MALFORMED, a->home = "");
	REFUSED(LB_ERR_MALFORMED, a->shell = "/bin/sh\n");
	REFUSED(LB_ERR_MALFORMED, a->shell = "");
	REFUSED(LB_ERR_MALFORMED, a->end_wall_ns = 0);
	REFUSED(LB_ERR_MALFORMED, a->end_boot_ns = -1);
}

static void
a_bad_group_is_refused(void **state)
{
	static const uint32_t zero[] = {DB, 0}, minus[] = {UINT32_MAX}, other[] = {BOB},
			      own[] = {ANNA}, unlisted[] = {DB + 77}, twice[] = {4, DB, 4};
	static uint32_t many[LB_SNAPSHOT_GROUPS_MAX + 1];

	(void)state;
	for (uint32_t i = 0; i <= LB_SNAPSHOT_GROUPS_MAX; i++)
		many[i] = 1000 + i;
	REFUSED(LB_ERR_MALFORMED, a->groups = zero; a->ngroups = 2);
	REFUSED(LB_ERR_MALFORMED, a->groups = minus; a->ngroups = 1);
	REFUSED(LB_ERR_MALFORMED, a->groups = other; a->ngroups = 1);
	REFUSED(LB_ERR_MALFORMED, a->groups = own; a->ngroups = 1);
	REFUSED(LB_ERR_MALFORMED, a->groups = unlisted; a->ngroups = 1);
	REFUSED(LB_ERR_EXISTS, a->groups = twice; a->ngroups = 3);
	REFUSED(LB_ERR_TOO_LONG, a->groups = many; a->ngroups = LB_SNAPSHOT_GROUPS_MAX + 1);
	REFUSED(LB_OK, a->groups = many; a->ngroups = LB_SNAPSHOT_GROUPS_MAX);
}

static void
a_bad_role_or_a_double_is_refused(void **state)
{
	static const struct {
		struct lb_snapshot_group groups[2];
		int err;
	} rows[] = {
		{{{"lbr-db", DB}, {"lbr-web", WEB}}, LB_OK},
		{{{"lbr-db", DB}, {"lbr-web", DB}}, LB_ERR_EXISTS},
		{{{"lbr-db", DB}, {"lbr-db", WEB}}, LB_ERR_EXISTS},
		{{{"lbr-db", DB}, {"root", WEB}}, LB_ERR_MALFORMED},
		{{{"lbr-db", DB}, {"lb-db-1", WEB}}, LB_ERR_MALFORMED},
		{{{"lbr-db", DB}, {"lbr-", WEB}}, LB_ERR_MALFORMED},
		{{{"lbr-db", DB}, {"lbr-web", 0}}, LB_ERR_MALFORMED},
		{{{"lbr-db", DB}, {"lbr-web", 27}}, LB_ERR_MALFORMED},
		{{{"lbr-db", DB}, {"lbr-web", ANNA}}, LB_ERR_MALFORMED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		void *buf = NULL;
		size_t size;

		assert_int_equal(lb_snapshot_build(NULL, 0, rows[i].groups, 2, &buf, &size, NULL),
				 rows[i].err);
		free(buf);
	}
	REFUSED(LB_ERR_EXISTS, a->uid = BOB; a->gid = BOB);
	REFUSED(LB_ERR_EXISTS, a->name = "lb-bob-8");
	assert_int_equal(build_one(NULL, (size_t)LB_SNAPSHOT_ACCOUNTS_MAX + 1), LB_ERR_TOO_LONG);
}

static void
nothing_at_all_makes_an_empty_snapshot(void **state)
{
	struct lb_snapshot_user u;
	struct lb_snapshot s;
	void *buf;
	size_t size;

	(void)state;
	assert_int_equal(lb_snapshot_build(NULL, 0, NULL, 0, &buf, &size, NULL), LB_OK);
	assert_int_equal(lb_snapshot_open(&s, buf, size), LB_OK);
	assert_int_equal(lb_snapshot_user_by_uid(&s, ANNA, &u), LB_ERR_NOT_FOUND);
	assert_int_equal(lb_snapshot_user_after(&s, 0, &u), LB_ERR_NOT_FOUND);
	free(buf);
}

static void
every_one_of_many_accounts_is_found(void **state)
{
	enum { N = 50000 };
	struct lb_snapshot_account *a = calloc(N, sizeof *a);
	char(*names)[LB_ACCOUNT_MAX + 1] = calloc(N, sizeof *names);
	static const uint32_t groups[] = {DB};
	struct lb_snapshot_user u;
	struct lb_snapshot_role r;
	struct lb_snapshot s;
	void *buf;
	size_t size;

	(void)state;
	for (uint32_t i = 0; i < N; i++) {
		uint32_t serial = i * 19; /* spread over the range */

		assert_int_equal(lb_account_name(names[i], i % 3 ? "anna" : "x", serial), LB_OK);
		a[i] = (struct lb_snapshot_account){names[i],
						    lb_account_uid(serial),
						    lb_account_uid(serial),
						    "",
						    "/h/x",
						    "/bin/sh",
						    WALL,
						    BOOT,
						    groups,
						    1};
	}
	assert_int_equal(lb_snapshot_build(a, N, test_roles, TEST_ROLES, &buf, &size, NULL), LB_OK);
	assert_int_equal(lb_snapshot_open(&s, buf, size), LB_OK);
	for (uint32_t i = 0; i < N; i++) {
		assert_int_equal(lb_snapshot_user_by_name(&s, names[i], strlen(names[i]), &u),
				 LB_OK);
		assert_int_equal(u.uid, a[i].uid);
		assert_int_equal(lb_snapshot_user_by_uid(&s, a[i].uid, &u), LB_OK);
		assert_string_equal(u.text, names[i]);
	}
	assert_int_equal(lb_snapshot_verify(&s), LB_OK);
	/* Many of these share a tag with somebody in their bucket; that is no damage. */
	for (uint32_t i = 0; i < N; i++) {
		char name[LB_ACCOUNT_MAX + 1];

		snprintf(name, sizeof name, "lb-none-%u", i);
		assert_int_equal(lb_snapshot_user_by_name(&s, name, strlen(name), &u),
				 LB_ERR_NOT_FOUND);
		assert_int_equal(lb_snapshot_user_by_uid(&s, lb_account_uid(i * 19 + 1), &u),
				 LB_ERR_NOT_FOUND);
		snprintf(name, sizeof name, "lbr-none-%u", i);
		assert_int_equal(lb_snapshot_role_by_name(&s, name, strlen(name), &r),
				 LB_ERR_NOT_FOUND);
		if (i % 10000 > 2)
			assert_int_equal(lb_snapshot_role_by_gid(&s, LB_UID_FIRST + i % 10000, &r),
					 LB_ERR_NOT_FOUND);
	}
	assert_int_equal(lb_snapshot_role_by_gid(&s, DB, &r), LB_OK);
	assert_int_equal(r.nmembers, N);
	free(buf);
	free(names);
	free(a);
}

/* ---- the file ---- */

static char dir_path[] = "/tmp/lb-snapshot-XXXXXX";
static int dir;

static int
make_dir(void **state)
{
	(void)state;
	strcpy(dir_path + strlen(dir_path) - 6, "XXXXXX");
	if (mkdtemp(dir_path) == NULL)
		return -1;
	dir = open(dir_path, O_RDONLY | O_DIRECTORY);
	return dir < 0 ? -1 : 0;
}

static int
drop_dir(void **state)
{
	(void)state;
	unlinkat(dir, "accounts", 0);
	unlinkat(dir, ".accounts.new", 0);
	close(dir);
	return rmdir(dir_path);
}

static uint32_t
superseded_word(int fd)
{
	unsigned char b[4];

	assert_int_equal(pread(fd, b, 4, LB_SNAPSHOT_AT_SUPERSEDED), 4);
	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static void
publishing_replaces_by_rename_and_marks_the_old_file(void **state)
{
	size_t size;
	unsigned char *buf = test_build(WALL, BOOT, &size), *back = malloc(size);
	struct stat first, second, st;
	mode_t mask = umask(0);
	int old, now;

	(void)state;
	assert_int_equal(lb_snapshot_publish(dir, "accounts", buf, size), LB_OK);
	umask(077);
	old = openat(dir, "accounts", O_RDONLY);
	assert_int_equal(fstat(old, &first), 0);
	assert_int_equal(first.st_mode & 07777, 0644);
	assert_int_equal(superseded_word(old), 0);
	assert_int_equal(lb_snapshot_publish(dir, "accounts", buf, size), LB_OK);
	umask(mask);
	now = openat(dir, "accounts", O_RDONLY);
	assert_int_equal(fstat(now, &second), 0);
	assert_int_not_equal(first.st_ino, second.st_ino);
	assert_int_equal(second.st_mode & 07777, 0644);
	assert_int_equal(superseded_word(old), 1);
	assert_int_equal(superseded_word(now), 0);
	/* The old file is otherwise untouched: whoever has it mapped reads on. */
	assert_int_equal(pread(old, back, size, 0), size);
	back[LB_SNAPSHOT_AT_SUPERSEDED] = 0;
	assert_memory_equal(back, buf, size);
	assert_int_equal(lb_snapshot_remove(dir, "accounts"), LB_OK);
	assert_int_equal(superseded_word(now), 1);
	assert_int_equal(fstatat(dir, "accounts", &st, 0), -1);
	assert_int_equal(lb_snapshot_remove(dir, "accounts"), LB_OK);
	close(old);
	close(now);
	free(back);
	free(buf);
}

static void
a_write_that_fails_leaves_the_old_file_alone(void **state)
{
	size_t size;
	unsigned char *buf = test_build(WALL, BOOT, &size);
	struct rlimit was, small = {100, 100};
	struct stat st;
	int old;

	(void)state;
	assert_int_equal(lb_snapshot_publish(dir, "accounts", buf, size), LB_OK);
	old = openat(dir, "accounts", O_RDONLY);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	small.rlim_max = was.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(lb_snapshot_publish(dir, "accounts", buf, size), LB_ERR_SYSTEM);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(superseded_word(old), 0);
	assert_int_equal(fstatat(dir, ".accounts.new", &st, 0), -1);
	assert_int_equal(fstatat(dir, "accounts", &st, 0), 0);
	assert_int_equal(st.st_size, size);
	close(old);
	free(buf);
}

static void
bytes_that_are_no_snapshot_are_not_published(void **state)
{
	size_t size;
	unsigned char *buf = test_build(WALL, BOOT, &size);
	struct stat st;

	(void)state;
	buf[size - 1] ^= 1;
	assert_int_equal(lb_snapshot_publish(dir, "accounts", buf, size), LB_ERR_DAMAGED);
	assert_int_equal(lb_snapshot_publish(dir, "accounts", buf, 10), LB_ERR_DAMAGED);
	assert_int_equal(fstatat(dir, "accounts", &st, 0), -1);
	free(buf);
}

static void
a_link_or_a_foreign_file_in_the_place_is_not_written_to(void **state)
{
	static const char text[] =
		"sixty-four bytes and more of something that is not a snapshot at all";
	size_t size;
	unsigned char *buf = test_build(WALL, BOOT, &size);
	char back[sizeof text];
	int fd;

	(void)state;
	fd = openat(dir, "victim", O_RDWR | O_CREAT, 0644);
	assert_int_equal(write(fd, text, sizeof text), sizeof text);
	assert_int_equal(symlinkat("victim", dir, "accounts"), 0);
	assert_int_equal(lb_snapshot_publish(dir, "accounts", buf, size), LB_OK);
	assert_int_equal(unlinkat(dir, "accounts", 0), 0);
	assert_int_equal(linkat(dir, "victim", dir, "accounts", 0), 0);
	assert_int_equal(lb_snapshot_publish(dir, "accounts", buf, size), LB_OK);
	assert_int_equal(pread(fd, back, sizeof back, 0), sizeof back);
	assert_memory_equal(back, text, sizeof text);
	close(fd);
	unlinkat(dir, "victim", 0);
	free(buf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bad_account_is_refused),
		cmocka_unit_test(a_bad_group_is_refused),
		cmocka_unit_test(a_bad_role_or_a_double_is_refused),
		cmocka_unit_test(nothing_at_all_makes_an_empty_snapshot),
		cmocka_unit_test(every_one_of_many_accounts_is_found),
		cmocka_unit_test_setup_teardown(
			publishing_replaces_by_rename_and_marks_the_old_file, make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(a_write_that_fails_leaves_the_old_file_alone,
						make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(bytes_that_are_no_snapshot_are_not_published,
						make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(
			a_link_or_a_foreign_file_in_the_place_is_not_written_to, make_dir,
			drop_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
