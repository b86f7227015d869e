/* The seal of the emergency account: what is whole, and that it breaks once or not at all. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "err.h"
#include "seal.h"

static char dir[64], path[96], broken[96];

#define HEAD                                                                                       \
	"lockbox-seal 2 of the emergency account; shown at login once it is BROKEN\n"              \
	"id 0123456789abcdef01234567\nsealed 2026-11-22T10:00:00Z for login,sshd\nbroken "

static void
write_text(const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), (ssize_t)len);
	close(fd);
}

static void
write_seal(void)
{
	char text[LB_SEAL_SIZE + 1];

	memset(text, ' ', LB_SEAL_SIZE);
	memcpy(text, HEAD, strlen(HEAD));
	memcpy(text + LB_SEAL_SIZE - 5, "\nend\n", 5);
	write_text(text, LB_SEAL_SIZE);
}

static int
setup(void **state)
{
	(void)state;
	if (geteuid() != 0)
		return 0;
	strcpy(dir, "/tmp/lb-seal-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/%s", dir, LB_SEAL_WHOLE);
	snprintf(broken, sizeof broken, "%s/%s", dir, LB_SEAL_BROKEN);
	write_seal();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(path);
	unlink(broken);
	rmdir(dir);
	return 0;
}

static void
needs_root(void)
{
	if (geteuid() != 0)
		skip(); /* only root's own files count */
}

static int
breaks(void)
{
	return lb_seal_break(dir, "login", "tty1", "");
}

static void
it_breaks_once_and_says_when_and_from_where(void **state)
{
	struct lb_seal s;
	struct stat st;

	(void)state;
	needs_root();
	assert_int_equal(lb_seal_read(dir, LB_SEAL_WHOLE, &s), LB_OK);
	assert_string_equal(s.broken, "");
	assert_true(lb_seal_serves(&s, "login") && lb_seal_serves(&s, "sshd"));
	assert_false(lb_seal_serves(&s, "su") || lb_seal_serves(&s, "") ||
		     lb_seal_serves(&s, "login,sshd"));
	assert_false(lb_seal_in_use(dir, &s));
	assert_int_equal(lb_seal_break(dir, "sshd", "pts/1\n;", "10.0.0.1 \x1b"), LB_OK);
	assert_int_equal(lb_seal_read(dir, LB_SEAL_WHOLE, &s), LB_ERR_NOT_FOUND);
	assert_int_equal(lb_seal_read(dir, LB_SEAL_BROKEN, &s), LB_OK);
	assert_non_null(strstr(s.broken, " by sshd from pts/1?? 10.0.0.1??"));
	assert_int_equal(stat(broken, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(st.st_size, LB_SEAL_SIZE);
	assert_true(lb_seal_in_use(dir, &s));
	assert_int_equal(breaks(), LB_ERR_NOT_FOUND);
}

/* Where it is shown at login: no line is too long, however long the words are. */
static void
what_is_shown_of_it_has_short_lines(void **state)
{
	static const char sixty[] = "123456789.123456789.123456789.123456789.123456789.123456789.";
	char text[LB_SEAL_SIZE + 1] = "";
	struct lb_seal s;
	int fd;

	(void)state;
	needs_root();
	assert_int_equal(lb_seal_break(dir, "login", sixty, sixty), LB_OK);
	assert_int_equal(lb_seal_read(dir, LB_SEAL_BROKEN, &s), LB_OK);
	assert_null(strchr(s.broken, '\n'));
	assert_string_equal(s.broken + strlen(s.broken) - strlen(sixty), sixty);
	fd = open(broken, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, text, LB_SEAL_SIZE), LB_SEAL_SIZE);
	close(fd);
	for (const char *at = text; *at != '\0'; at += strcspn(at, "\n") + 1)
		assert_true(strcspn(at, "\n") <= 80);
	assert_non_null(strstr(text, sixty));
}

/* Writes another time, of the same number of digits, or boot into what was broken. */
static void
edit_broken(const char *name, unsigned long long number, const char *digits)
{
	char text[LB_SEAL_SIZE + 1] = "", *at, line[32];
	int fd = open(broken, O_RDWR | O_CLOEXEC);

	assert_int_equal(read(fd, text, LB_SEAL_SIZE), LB_SEAL_SIZE);
	at = strstr(text, "\nbroken ") + 1;
	for (char *end = at; (end = strchr(end, '\n')) != NULL && end < text + LB_SEAL_SIZE - 5;)
		*end = ' ';
	at = strstr(at, name);
	assert_non_null(at);
	at += strlen(name);
	snprintf(line, sizeof line, "%0*llu", (int)strspn(at, digits), number);
	memcpy(at, line, strlen(line));
	assert_int_equal(pwrite(fd, text, LB_SEAL_SIZE, 0), LB_SEAL_SIZE);
	close(fd);
}

static void
sudo_goes_on_for_a_time_in_that_boot(void **state)
{
	static const char digits[] = "0123456789";
	struct timespec ts;
	struct lb_seal s;
	unsigned long long at;

	(void)state;
	needs_root();
	assert_int_equal(breaks(), LB_OK);
	clock_gettime(CLOCK_BOOTTIME, &ts);
	at = (unsigned long long)ts.tv_sec;
	if (at > LB_SEAL_USE_S) {
		edit_broken(" at ", at - LB_SEAL_USE_S, digits);
		assert_false(lb_seal_in_use(dir, &s));
		edit_broken(" at ", at - LB_SEAL_USE_S + 60, digits);
		assert_true(lb_seal_in_use(dir, &s));
	}
	edit_broken(" at ", at + 60, digits);
	assert_false(lb_seal_in_use(dir, &s));
	edit_broken(" at ", at, digits);
	assert_true(lb_seal_in_use(dir, &s));
	edit_broken(" boot ", 0, "0123456789abcdef");
	assert_false(lb_seal_in_use(dir, &s));
}

static void
a_file_that_is_not_whole_breaks_nothing(void **state)
{
	static const struct {
		size_t at;
		char c;
	} spoilt[] = {{0, 'L'},	  {13, '1'},  {80, 'x'}, {103, 'x'}, {LB_SEAL_SIZE - 2, 'D'},
		      {200, 'x'}, {400, '\0'}};
	char text[LB_SEAL_SIZE + 2];
	struct lb_seal s;

	(void)state;
	needs_root();
	memset(text, ' ', sizeof text);
	memcpy(text, HEAD, strlen(HEAD));
	memcpy(text + LB_SEAL_SIZE - 5, "\nend\n", 5);
	write_text(text, LB_SEAL_SIZE - 1);
	assert_int_equal(breaks(), LB_ERR_MALFORMED);
	write_text(text, LB_SEAL_SIZE + 1);
	assert_int_equal(breaks(), LB_ERR_MALFORMED);
	write_text(text, 0);
	assert_int_equal(breaks(), LB_ERR_MALFORMED);
	for (size_t i = 0; i < sizeof spoilt / sizeof spoilt[0]; i++) {
		char kept = text[spoilt[i].at];

		text[spoilt[i].at] = spoilt[i].c;
		write_text(text, LB_SEAL_SIZE);
		if (breaks() != LB_ERR_MALFORMED)
			fail_msg("spoilt at %zu it breaks", spoilt[i].at);
		text[spoilt[i].at] = kept;
	}
	assert_int_equal(lb_seal_read(dir, LB_SEAL_BROKEN, &s), LB_ERR_NOT_FOUND);
	write_text(text, LB_SEAL_SIZE);
	assert_int_equal(breaks(), LB_OK);
}

static void
what_others_could_have_made_breaks_nothing(void **state)
{
	char other[96];

	(void)state;
	needs_root();
	assert_int_equal(chmod(path, 0620), 0);
	assert_int_equal(breaks(), LB_ERR_REFUSED);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(chown(path, 1, 0), 0);
	assert_int_equal(breaks(), LB_ERR_REFUSED);
	assert_int_equal(chown(path, 0, 0), 0);
	assert_int_equal(chmod(dir, 0777), 0);
	assert_int_equal(breaks(), LB_ERR_REFUSED);
	assert_int_equal(chmod(dir, 0755), 0);
	snprintf(other, sizeof other, "%s/other", dir);
	assert_int_equal(link(path, other), 0);
	assert_int_equal(breaks(), LB_ERR_REFUSED);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(other, path), 0);
	assert_int_equal(breaks(), LB_ERR_REFUSED);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_not_equal(breaks(), LB_OK);
	assert_int_equal(rename(other, path), 0);
	assert_int_equal(lb_seal_break(dir, "su", "", ""), LB_ERR_REFUSED);
	assert_int_equal(breaks(), LB_OK);
}

static void
one_of_many_at_once_breaks_it_and_an_old_one_is_kept(void **state)
{
	int out[2], fd;
	char won = 0, c;

	(void)state;
	needs_root();
	/* Somebody is at it. */
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(breaks(), LB_ERR_NOT_FOUND);
	close(fd);
	assert_int_equal(pipe(out), 0);
	for (int i = 0; i < 8; i++)
		if (fork() == 0) {
			c = breaks() == LB_OK;
			_exit(write(out[1], &c, 1) != 1);
		}
	for (int i = 0; i < 8; i++) {
		assert_int_equal(read(out[0], &c, 1), 1);
		won = (char)(won + c);
	}
	assert_int_equal(won, 1);
	/* A second seal beside one that was broken is of no use: nothing is overwritten. */
	write_seal();
	assert_int_equal(breaks(), LB_ERR_SYSTEM);
	assert_int_equal(access(path, F_OK), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_breaks_once_and_says_when_and_from_where, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_is_shown_of_it_has_short_lines, setup,
						teardown),
		cmocka_unit_test_setup_teardown(sudo_goes_on_for_a_time_in_that_boot, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_file_that_is_not_whole_breaks_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_others_could_have_made_breaks_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			one_of_many_at_once_breaks_it_and_an_old_one_is_kept, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
