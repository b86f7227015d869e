/* Removing trees: see lockboxd/warden/tree.h.  What needs root is in tests/daemon/remains.c. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "warden/tree.h"

struct place {
	char dir[256];
	int fd; /* of the directory "tree" in it */
};

static unsigned
open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static int
setup(void **state)
{
	const char *tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	struct place *p = calloc(1, sizeof *p);

	umask(022);
	snprintf(p->dir, sizeof p->dir, "%s/lockbox-tree-XXXXXX", tmp);
	if (mkdtemp(p->dir) == NULL || chdir(p->dir) != 0 || mkdir("tree", 0755) != 0)
		return -1;
	p->fd = open("tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = p;
	return p->fd < 0 ? -1 : 0;
}

static int
teardown(void **state)
{
	struct place *p = *state;
	int gone = rmdir("tree");

	unlink("outside/kept");
	rmdir("outside");
	unlink("file");
	if (chdir("/") != 0 || rmdir(p->dir) != 0 || gone != 0)
		return -1;
	free(p);
	return 0;
}

static void
make_file(int dir, const char *name)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	close(fd);
}

/* Clears the tree with few descriptors to spare, and leaves none open. */
static struct lb_tree_count
clear(struct place *p)
{
	struct lb_tree_count count = {0};
	struct rlimit was, few;
	unsigned before = open_fds();

	getrlimit(RLIMIT_NOFILE, &was);
	few = was;
	few.rlim_cur = (rlim_t)p->fd + 4; /* three more than what is open */
	setrlimit(RLIMIT_NOFILE, &few);
	lb_tree_clear(p->fd, &count);
	setrlimit(RLIMIT_NOFILE, &was);
	assert_int_equal(open_fds(), before - 1); /* it takes the descriptor over */
	return count;
}

static void
clears_all_at(struct place *p, unsigned long entries, int line)
{
	struct lb_tree_count count = clear(p);

	if (count.removed != entries || count.left != 0)
		fail_msg("line %d: removed %lu, left %lu", line, count.removed, count.left);
}
#define clears_all(p, entries) clears_all_at(p, entries, __LINE__)

static void
an_empty_tree_is_cleared(void **state)
{
	clears_all(*state, 0);
}

static void
files_of_every_kind_and_name_go(void **state)
{
	static const char *const names[] = {"a",	 "-rf",	     "...",	" ",
					    "new\nline", "\xff\xfe", ".hidden", "*"};
	struct place *p = *state;

	for (size_t i = 0; i < 8; i++)
		make_file(p->fd, names[i]);
	assert_int_equal(mkfifoat(p->fd, "fifo", 0600), 0);
	assert_int_equal(symlinkat("nowhere", p->fd, "dangling"), 0);
	assert_int_equal(mkdirat(p->fd, "empty", 0700), 0);
	clears_all(p, 11);
}

static void
a_tree_of_a_hundred_thousand_levels_goes(void **state)
{
	enum { DEEP = 100000 };
	struct place *p = *state;
	int fd = dup(p->fd);

	for (int i = 0; i < DEEP; i++) {
		int next;

		assert_int_equal(mkdirat(fd, "d", 0755), 0);
		next = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		close(fd);
		fd = next;
	}
	make_file(fd, "bottom");
	close(fd);
	clears_all(p, DEEP + 1);
}

static void
a_wide_tree_goes(void **state)
{
	struct place *p = *state;
	char name[32];

	for (int i = 0; i < 200; i++) {
		int fd;

		snprintf(name, sizeof name, "d%d", i);
		assert_int_equal(mkdirat(p->fd, name, 0755), 0);
		fd = openat(p->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		for (int j = 0; j < 100; j++) {
			snprintf(name, sizeof name, "file-%d", j);
			make_file(fd, name);
		}
		close(fd);
	}
	clears_all(p, 200 * 101);
}

static void
what_links_point_to_stays(void **state)
{
	struct place *p = *state;
	char target[300];
	struct stat st;
	int kept;

	assert_int_equal(mkdir("outside", 0755), 0);
	make_file(AT_FDCWD, "outside/kept");
	snprintf(target, sizeof target, "%s/outside", p->dir);
	assert_int_equal(symlinkat(target, p->fd, "absolute"), 0);
	assert_int_equal(symlinkat("../outside", p->fd, "relative"), 0);
	assert_int_equal(symlinkat("..", p->fd, "up"), 0);
	assert_int_equal(symlinkat(".", p->fd, "round"), 0);
	assert_int_equal(mkdirat(p->fd, "sub", 0755), 0);
	assert_int_equal(symlinkat("../../outside", p->fd, "sub/deeper"), 0);
	assert_int_equal(linkat(AT_FDCWD, "outside/kept", p->fd, "hard", 0), 0);
	clears_all(p, 7);
	kept = open("outside/kept", O_RDONLY);
	assert_true(kept >= 0);
	assert_int_equal(fstat(kept, &st), 0);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(st.st_mode & 07777, 0644); /* not touched in any other way either */
	close(kept);
}

static void
directories_without_rights_go(void **state)
{
	static const mode_t modes[] = {0, 0100, 0200, 0300, 0400, 0500, 0600};
	struct place *p = *state;
	char name[32];

	for (size_t i = 0; i < 7; i++) {
		int fd;

		snprintf(name, sizeof name, "d%zu", i);
		assert_int_equal(mkdirat(p->fd, name, 0755), 0);
		fd = openat(p->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		make_file(fd, "file");
		assert_int_equal(mkdirat(fd, "sub", 0755), 0);
		make_file(fd, "sub/file");
		assert_int_equal(fchmodat(fd, "sub", modes[i], 0), 0);
		assert_int_equal(fchmod(fd, modes[6 - i]), 0);
		close(fd);
	}
	assert_int_equal(fchmod(p->fd, 0), 0);
	clears_all(p, 7 * 4);
}

static void
a_directory_that_cannot_be_read_anew_is_given_up_not_looped_over(void **state)
{
	struct place *p = *state;
	struct lb_tree_count count = {0};
	int fd = openat(p->fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	/* A descriptor that cannot be changed or read through: nothing below, nothing lost, an end. */
	lb_tree_clear(fd, &count);
	assert_int_equal(count.removed, 0);
	clears_all(p, 0);
}

#define in_place(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		in_place(an_empty_tree_is_cleared),
		in_place(files_of_every_kind_and_name_go),
		in_place(a_tree_of_a_hundred_thousand_levels_goes),
		in_place(a_wide_tree_goes),
		in_place(what_links_point_to_stays),
		in_place(directories_without_rights_go),
		in_place(a_directory_that_cannot_be_read_anew_is_given_up_not_looped_over),
	};

	/* As root every right is there: what rights take away is seen only without. */
	if (geteuid() == 0 &&
	    (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
