/* Publishing: see publish.h. */
#include "warden/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "err.h"
#include "snapshot.h"
#include "warden/snapshot_file.h"
#include "warden/snapshot_write.h"

/* One entry per role that some live account has; its group then has members. */
static size_t
collect_roles(const struct lb_accounts *all, struct lb_snapshot_group *groups,
	      char (*names)[LB_ACCOUNT_MAX + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < all->count; i++) {
		const struct lb_account *a = all->at[i];
		size_t g = 0;

		if (!lb_account_published(a))
			continue;
		while (g < n && groups[g].gid != a->role_gid)
			g++;
		if (g < n || lb_role_group(names[n], a->role) != LB_OK)
			continue;
		groups[n].name = names[n];
		groups[n].gid = a->role_gid;
		n++;
	}
	return n;
}

static size_t
collect_accounts(const struct lb_accounts *all, struct lb_snapshot_account *accounts)
{
	size_t n = 0;

	for (size_t i = 0; i < all->count; i++) {
		const struct lb_account *a = all->at[i];

		if (!lb_account_published(a) || a->own_uid != 0)
			continue;
		accounts[n++] = (struct lb_snapshot_account){
			.name = a->name,
			.uid = a->uid,
			.gid = a->uid,
			.gecos = a->identity,
			.home = a->home,
			.shell = a->shell,
			.end_wall_ns = a->end_wall_ns,
			.end_boot_ns = a->end_boot_ns,
			.groups = a->groups,
			.ngroups = a->ngroups,
		};
	}
	return n;
}

/* Accounts that are here anyway: their groups alone, in which sessions, and until when. */
static size_t
collect_own(const struct lb_accounts *all, struct lb_snapshot_own *own)
{
	size_t n = 0;

	for (size_t i = 0; i < all->count; i++) {
		const struct lb_account *a = all->at[i];
		/* Of very many the latest ones: who comes in now is to have the groups. */
		size_t left_out = a->nsessions > LB_SNAPSHOT_SESSIONS_MAX
					  ? a->nsessions - LB_SNAPSHOT_SESSIONS_MAX
					  : 0;

		if (!lb_account_published(a) || a->own_uid == 0)
			continue;
		own[n++] = (struct lb_snapshot_own){
			.name = a->name,
			.end_wall_ns = a->end_wall_ns,
			.end_boot_ns = a->end_boot_ns,
			.groups = a->groups,
			.ngroups = a->ngroups,
			.sessions = a->sessions + left_out,
			.nsessions = a->nsessions - left_out,
		};
	}
	return n;
}

int
lb_publish_accounts(int run_fd, const struct lb_accounts *all, const char **why)
{
	struct lb_snapshot_account *accounts = calloc(all->count + 1, sizeof *accounts);
	struct lb_snapshot_own *own = calloc(all->count + 1, sizeof *own);
	struct lb_snapshot_group *groups = calloc(LB_POLICY_ROLES_MAX, sizeof *groups);
	char(*names)[LB_ACCOUNT_MAX + 1] = calloc(LB_POLICY_ROLES_MAX, sizeof *names);
	void *buf = NULL;
	size_t size, n, g;
	int err = LB_ERR_NOMEM;

	*why = "out of memory";
	if (accounts != NULL && own != NULL && groups != NULL && names != NULL) {
		n = collect_accounts(all, accounts);
		g = collect_roles(all, groups, names);
		err = lb_snapshot_build_own(accounts, n, groups, g, own, collect_own(all, own),
					    &buf, &size, why);
	}
	if (err == LB_OK) {
		err = lb_snapshot_publish(run_fd, LB_SNAPSHOT_NAME, buf, size);
		*why = lb_err_text(err);
	}
	if (err != LB_OK && lb_snapshot_remove(run_fd, LB_SNAPSHOT_NAME) != LB_OK)
		*why = "it could not even be withdrawn";
	free(buf);
	free(names);
	free(groups);
	free(own);
	free(accounts);
	return err;
}

/* sudo passes over names with a dot, so a half-written fragment is never read. */
static int
staged_name(char out[512], const char *file)
{
	int len = snprintf(out, 512, "%s.new", file);

	return len > 0 && len < 512 ? LB_OK : LB_ERR_TOO_LONG;
}

static int
write_whole(const char *path, const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0440);
	bool ok;

	if (fd < 0)
		return -1;
	ok = fchmod(fd, 0440) == 0 && write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;
	return close(fd) == 0 && ok ? 0 : -1;
}

static int
run_visudo(const char *path, char *text, size_t cap)
{
	char rest[256];
	int out[2], status = -1;
	size_t got = 0;
	ssize_t n;
	pid_t pid;

	if (pipe(out) != 0 || (pid = fork()) < 0)
		return -1;
	if (pid == 0) {
		dup2(out[1], 1);
		dup2(out[1], 2);
		close(out[0]);
		close(out[1]);
		execl("/usr/sbin/visudo", "visudo", "-c", "-f", path, (char *)NULL);
		dprintf(2, "cannot run /usr/sbin/visudo: %s; install sudo", strerror(errno));
		_exit(127);
	}
	close(out[1]);
	/* To the end, or it would die of a pipe that nobody reads; what does not fit is dropped. */
	while ((n = read(out[0], rest, sizeof rest)) > 0) {
		size_t keep = (size_t)n < cap - 1 - got ? (size_t)n : cap - 1 - got;

		memcpy(text + got, rest, keep);
		got += keep;
	}
	text[got] = '\0';
	close(out[0]);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

int
lb_sudoers_stage(const void *arg, char *text, size_t cap)
{
	const struct lb_sudoers_job *job = arg;
	char path[512];

	if (staged_name(path, job->file) != LB_OK)
		return -1;
	if (unlink(path) != 0 && errno != ENOENT) {
		snprintf(text, cap, "cannot remove %s: %m", path);
		return -1;
	}
	if (write_whole(path, job->text, job->len) != 0) {
		snprintf(text, cap, "cannot write %s: %m", path);
		return -1;
	}
	return run_visudo(path, text, cap);
}

int
lb_sudoers_install(const char *file)
{
	char path[512];
	int err = staged_name(path, file);

	if (err == LB_OK && rename(path, file) != 0)
		err = LB_ERR_SYSTEM;
	return err;
}
