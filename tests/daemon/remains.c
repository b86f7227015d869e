/*
 * Processes and homes of accounts as root sees them: finding (scan.h), making
 * and clearing (home.h).  Run as root in a world of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "warden/home.h"
#include "warden/scan.h"

#define UID 1900010050u

/* -- processes ---------------------------------------------------------------- */

enum kind { BY_UID, BY_EFFECTIVE, BY_SAVED, BY_LOGINUID, BY_NOTHING, ZOMBIE, ZOMBIE_LEADER };

static void *
wait_for_ever(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static void
become(enum kind kind)
{
	pthread_t thread;
	int fd;

	switch (kind) {
	case BY_UID:
	case ZOMBIE:
		if (setresuid(UID, UID, UID) != 0)
			_exit(1);
		break;
	case ZOMBIE_LEADER:
		if (setresuid(UID, UID, UID) != 0 ||
		    pthread_create(&thread, NULL, wait_for_ever, NULL) != 0)
			_exit(1);
		break;
	case BY_EFFECTIVE:
		if (setresuid(4000, UID, 4000) != 0)
			_exit(1);
		break;
	case BY_SAVED:
		if (setresuid(4000, 4000, UID) != 0)
			_exit(1);
		break;
	case BY_LOGINUID:
		fd = open("/proc/self/loginuid", O_WRONLY);
		if (fd < 0 || dprintf(fd, "%u", UID) < 0)
			_exit(1);
		close(fd);
		break;
	case BY_NOTHING:
		break;
	}
}

static pid_t
start(enum kind kind)
{
	int ready[2];
	char c;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		become(kind);
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* last: a change of ids takes it back */
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		if (kind == ZOMBIE)
			_exit(0);
		if (kind == ZOMBIE_LEADER)
			syscall(SYS_exit, 0); /* this thread alone */
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1)
		fail_msg("cannot become of kind %d here", kind);
	close(ready[0]);
	if (kind == ZOMBIE || kind == ZOMBIE_LEADER) {
		char path[64], stat[256] = "";

		snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
		for (int i = 0; i < 5000 && strstr(stat, ") Z") == NULL; i++) {
			int fd = open(path, O_RDONLY);
			ssize_t n = read(fd, stat, sizeof stat - 1);

			stat[n > 0 ? n : 0] = '\0';
			close(fd);
			usleep(1000);
		}
		assert_non_null(strstr(stat, ") Z"));
	}
	return pid;
}

static void
end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

struct seen {
	pid_t pid;
	unsigned times, wrong;
	bool by_loginuid;
};

static bool
is_ours(void *arg, uint32_t uid)
{
	(void)arg;
	return uid == UID;
}

static bool
anybody(void *arg, uint32_t uid)
{
	(void)arg;
	(void)uid;
	return true;
}

static void
note(void *arg, const struct lb_found *found)
{
	struct seen *s = arg;

	if (found->pid == s->pid && found->owner == UID) {
		s->times++;
		s->by_loginuid = found->by_loginuid;
	} else {
		s->wrong++;
	}
}

static void
processes_are_found_by_every_uid_and_the_login_uid(void **unused)
{
	(void)unused;
	for (enum kind k = BY_UID; k <= ZOMBIE_LEADER; k++) {
		struct seen s = {.pid = start(k)};
		bool due = k != BY_NOTHING && k != ZOMBIE;

		assert_int_equal(lb_scan(is_ours, note, &s, NULL), 0);
		if (s.times != due || s.wrong != 0)
			fail_msg("kind %d: found %u times, %u others", k, s.times, s.wrong);
		assert_int_equal(s.by_loginuid, k == BY_LOGINUID);
		end(s.pid);
		s.times = 0;
		lb_scan(is_ours, note, &s, NULL);
		assert_int_equal(s.times, 0);
	}
}

static void
neither_init_nor_the_caller_nor_others_are_ever_found(void **unused)
{
	struct seen s = {0};

	(void)unused;
	lb_scan(anybody, note, &s,
		NULL); /* even if everybody were wanted: no uid but an account's counts */
	assert_int_equal(s.wrong + s.times, 0);
	if (fork() == 0) {
		become(BY_LOGINUID); /* the caller itself carries the login uid */
		lb_scan(is_ours, note, &s, NULL);
		_exit(s.wrong + s.times != 0);
	} else {
		int status;

		wait(&status);
		assert_int_equal(status, 0);
	}
}

static void
a_process_belongs_only_when_pid_descriptor_and_uid_agree(void **unused)
{
	pid_t own = start(BY_UID), other = start(BY_NOTHING), by_login = start(BY_LOGINUID);
	int own_fd = (int)syscall(SYS_pidfd_open, own, 0),
	    other_fd = (int)syscall(SYS_pidfd_open, other, 0),
	    login_fd = (int)syscall(SYS_pidfd_open, by_login, 0),
	    init_fd = (int)syscall(SYS_pidfd_open, 1, 0),
	    self_fd = (int)syscall(SYS_pidfd_open, getpid(), 0), null = open("/dev/null", O_RDONLY);

	(void)unused;
	assert_true(lb_scan_belongs(own, own_fd, UID));
	assert_true(lb_scan_belongs(by_login, login_fd, UID));
	assert_false(lb_scan_belongs(own, own_fd, UID + 1));
	assert_false(lb_scan_belongs(own, other_fd, UID));
	assert_false(lb_scan_belongs(own, init_fd, UID));
	assert_false(lb_scan_belongs(own, null, UID));
	assert_false(lb_scan_belongs(own, -1, UID));
	assert_false(lb_scan_belongs(other, own_fd, UID));
	assert_false(lb_scan_belongs(other, other_fd, UID));
	assert_false(lb_scan_belongs(other, other_fd, 0));
	assert_false(lb_scan_belongs(1, init_fd, 0));
	assert_false(lb_scan_belongs(getpid(), self_fd, 0));
	end(own);
	assert_false(lb_scan_belongs(own, own_fd,
				     UID)); /* its descriptor does not come to mean another */
	end(other);
	end(by_login);
	close(own_fd);
	close(other_fd);
	close(login_fd);
	close(init_fd);
	close(self_fd);
	close(null);
}

/* -- homes ----------------------------------------------------------------------- */

static const struct lb_home_job job = {
	.name = "lb-alice-50", .home = "/home/lb-alice-50", .uid = UID, .fresh = true};

/* As the warden runs it: in a child, since clearing gives root up for good. */
static bool
run(int (*work)(const void *, char *, size_t), const struct lb_home_job *j, char text[1024])
{
	int out[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(out), 0);
	pid = fork();
	if (pid == 0) {
		char said[1024] = "";
		int failed = work(j, said, sizeof said);

		_exit(write(out[1], said, strlen(said) + 1) < 0 || failed != 0);
	}
	close(out[1]);
	n = read(out[0], text, 1023);
	text[n > 0 ? n : 0] = '\0';
	close(out[0]);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void
not_made_at(const char *words, int line)
{
	char text[1024];

	if (run(lb_home_make, &job, text) || strstr(text, words) == NULL)
		fail_msg("line %d: %s", line, text);
}
#define not_made(words) not_made_at(words, __LINE__)

static void
made(void)
{
	char text[1024];
	struct stat st;

	if (!run(lb_home_make, &job, text))
		fail_msg("%s", text);
	assert_int_equal(lstat(job.home, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(st.st_uid, UID);
	assert_int_equal(st.st_gid, UID);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void
shell(const char *command)
{
	if (system(command) != 0)
		fail_msg("%s", command);
}

static void
a_home_is_made_only_where_nothing_of_the_account_is(void **unused)
{
	pid_t pid;

	(void)unused;
	made();
	not_made("cannot make the home"); /* it is there */
	assert_int_equal(rmdir(job.home), 0);
	assert_int_equal(symlink("/etc", job.home), 0);
	not_made("cannot make the home");
	assert_int_equal(unlink(job.home), 0);
	shell("touch /home/lb-alice-50");
	not_made("cannot make the home");
	assert_int_equal(unlink(job.home), 0);

	assert_int_equal(chmod("/home", 0777), 0);
	not_made("writable by root alone");
	assert_int_equal(chmod("/home", 0775), 0);
	not_made("writable by root alone");
	assert_int_equal(chmod("/home", 0755), 0);
	assert_int_equal(chown("/home", 4000, 0), 0);
	not_made("must belong to root");
	assert_int_equal(chown("/home", 0, 0), 0);

	for (enum kind k = BY_UID; k <= BY_LOGINUID; k++) {
		pid = start(k);
		not_made("runs with uid");
		end(pid);
	}
	shell("cp /etc/passwd /run/p; cp /etc/group /run/g; touch /etc/subuid /etc/subgid; cp "
	      "/etc/subuid /run/u; cp /etc/subgid /run/s");
	shell("echo lb-alice-50:x:5000:5000::/:/bin/sh >>/etc/passwd");
	not_made("a user named");
	shell("cp /run/p /etc/passwd; echo held:x:1900010050:5000::/:/bin/sh >>/etc/passwd");
	not_made("belongs to a user already");
	shell("cp /run/p /etc/passwd; echo lb-alice-50:x:5000: >>/etc/group");
	not_made("a group named");
	shell("cp /run/g /etc/group; echo held:x:1900010050: >>/etc/group");
	not_made("a group named");
	shell("cp /run/g /etc/group; echo someone:1900010050:1 >>/etc/subuid");
	not_made("subordinate range");
	shell("cp /run/u /etc/subuid; echo someone:1900000000:65536 >>/etc/subgid");
	not_made("subordinate range");
	shell("cp /run/s /etc/subgid; echo someone:1900010051:10 >>/etc/subuid; echo "
	      "other:1900010040:10 >>/etc/subuid");
	made(); /* just beside it */
	shell("cp /run/u /etc/subuid");
	assert_int_equal(rmdir(job.home), 0);
}

static void
cleared(const char *expected)
{
	char text[1024];

	if (!run(lb_home_clear, &job, text) || strstr(text, expected) == NULL)
		fail_msg("%s; not: %s", text, expected);
}

static void
clearing_takes_what_is_the_accounts_and_nothing_else(void **unused)
{
	(void)unused;
	made();
	shell("cd /home/lb-alice-50 && mkdir -p a/b && touch a/b/c .profile && ln -s /etc/passwd "
	      "link && chown -Rh 1900010050 . && chmod 0 a/b");
	shell("touch /tmp/mine /tmp/theirs /var/tmp/mine /dev/shm/mine && chown 1900010050 "
	      "/tmp/mine /var/tmp/mine /dev/shm/mine");
	shell("mkdir /tmp/dir && touch /tmp/dir/x && chown -R 1900010050 /tmp/dir");
	shell("mkdir -p /var/spool/cron/crontabs && touch /var/spool/cron/crontabs/lb-alice-50 "
	      "/var/spool/cron/crontabs/root");
	shell("setpriv --reuid 1900010050 --clear-groups ipcmk -M 4096 >/dev/null && ipcmk -M 4096 "
	      ">/dev/null");
	cleared("1 spool entries; left 0");
	shell("test -z \"$(ls -A /home/lb-alice-50)\" && test -f /etc/passwd");
	shell("test ! -e /tmp/mine && test ! -e /var/tmp/mine && test ! -e /dev/shm/mine && test ! "
	      "-e /tmp/dir && test -e /tmp/theirs");
	shell("test -e /var/spool/cron/crontabs/root && test ! -e "
	      "/var/spool/cron/crontabs/lb-alice-50");
	shell("test \"$(ipcs -m | grep -c 4096)\" = 1; ipcrm --all=shm");
	assert_int_equal(rmdir(job.home), 0);
}

static void
a_mount_inside_the_home_is_not_crossed(void **unused)
{
	(void)unused;
	made();
	shell("mkdir -p /home/lb-alice-50/sub/mnt /home/lb-alice-50/after && chown -R 1900010050 "
	      "/home/lb-alice-50");
	assert_int_equal(mount("none", "/home/lb-alice-50/sub/mnt", "tmpfs", 0, "uid=1900010050"),
			 0);
	shell("touch /home/lb-alice-50/sub/mnt/kept /home/lb-alice-50/after/x && chown 1900010050 "
	      "/home/lb-alice-50/sub/mnt/kept /home/lb-alice-50/after/x");
	cleared("left 2"); /* the mount and what it stands in */
	shell("test -e /home/lb-alice-50/sub/mnt/kept && test ! -e /home/lb-alice-50/after");
	assert_int_equal(umount("/home/lb-alice-50/sub/mnt"), 0);
	cleared("left 0");
	assert_int_equal(rmdir(job.home), 0);
}

static void
what_the_account_may_not_remove_stays_and_is_counted(void **unused)
{
	bool fixed;

	(void)unused;
	made();
	shell("cd /home/lb-alice-50 && mkdir roots && touch roots/file a z && chown 1900010050 . a "
	      "z && mkdir unsearched && touch unsearched/f && chmod 444 unsearched");
	fixed = system("touch /home/lb-alice-50/fixed && chattr +i /home/lb-alice-50/fixed "
		       "2>/dev/null") == 0;
	cleared(fixed ? "left 4" : "left 3"); /* each name, and the directory that holds one */
	shell("test -e /home/lb-alice-50/roots/file && test ! -e /home/lb-alice-50/a && test ! -e "
	      "/home/lb-alice-50/z");
	shell("chattr -i /home/lb-alice-50/fixed 2>/dev/null; rm -rf /home/lb-alice-50");
}

static void
a_home_swapped_for_something_else_is_left_alone(void **unused)
{
	(void)unused;
	shell("mkdir -p /run/victim && touch /run/victim/kept && chown -R 1900010050 /run/victim "
	      "&& ln -s /run/victim /home/lb-alice-50");
	cleared("left 0");
	shell("test -e /run/victim/kept && rm /home/lb-alice-50");
	shell("mkdir -m 755 /home/lb-alice-50 && touch /home/lb-alice-50/kept"); /* root's */
	cleared("left 1");
	shell("test -e /home/lb-alice-50/kept && rm -r /home/lb-alice-50");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(processes_are_found_by_every_uid_and_the_login_uid),
		cmocka_unit_test(neither_init_nor_the_caller_nor_others_are_ever_found),
		cmocka_unit_test(a_process_belongs_only_when_pid_descriptor_and_uid_agree),
		cmocka_unit_test(a_home_is_made_only_where_nothing_of_the_account_is),
		cmocka_unit_test(clearing_takes_what_is_the_accounts_and_nothing_else),
		cmocka_unit_test(a_mount_inside_the_home_is_not_crossed),
		cmocka_unit_test(what_the_account_may_not_remove_stays_and_is_counted),
		cmocka_unit_test(a_home_swapped_for_something_else_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
