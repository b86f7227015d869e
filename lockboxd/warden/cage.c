/* Killing control groups: see cage.h. */
#include "warden/cage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

static const char *const groups[][2] = {{"lockbox/", ""}, {"user.slice/user-", ".slice"}};

/* 1: killed; 0: there is no such group; -1: it could not be. */
static int
kill_group(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), killed;

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	killed = write(fd, "1", 1) == 1 ? 1 : -1;
	close(fd);
	return killed;
}

bool
lb_cage_kill(const char *tree, uint32_t uid)
{
	char path[192];
	bool any = false;

	for (size_t i = 0; tree != NULL && i < sizeof groups / sizeof groups[0]; i++) {
		int killed;

		snprintf(path, sizeof path, "%s/%s%u%s/cgroup.kill", tree, groups[i][0], uid,
			 groups[i][1]);
		killed = kill_group(path);
		any = any || killed > 0;
		if (killed < 0)
			lb_log(LOG_WARNING, "cannot write %s: %m", path);
	}
	return any;
}

bool
lb_cage_kill_own(const char *tree, uint32_t uid)
{
	char path[192];
	int killed;

	if (tree == NULL)
		return false;
	snprintf(path, sizeof path, "%s/%s%u/cgroup.kill", tree, groups[0][0], uid);
	killed = kill_group(path);
	if (killed < 0)
		lb_log(LOG_WARNING, "cannot write %s: %m", path);
	return killed > 0;
}

/* The group of a process in the cgroup2 tree, from its root: the line "0::PATH". */
static bool
group_of(pid_t pid, char *out, size_t cap)
{
	char path[48], line[256];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/cgroup", (int)pid);
	f = fopen(path, "re");
	while (f != NULL && !found && fgets(line, sizeof line, f) != NULL) {
		size_t len = strlen(line);

		if (strncmp(line, "0::/", 4) != 0 || line[len - 1] != '\n' || len - 4 > cap)
			continue;
		line[len - 1] = '\0';
		memcpy(out, line + 4, len - 4);
		found = true;
	}
	if (f != NULL)
		fclose(f);
	return found;
}

/* True for "user.slice/user-UID.slice/session-ID.scope", with an id such as systemd gives. */
static bool
is_session_scope(const char *group, uint32_t uid)
{
	char slice[64];
	size_t len, id;

	snprintf(slice, sizeof slice, "user.slice/user-%u.slice/session-", uid);
	len = strlen(slice);
	if (strncmp(group, slice, len) != 0)
		return false;
	id = strspn(group + len, "0123456789abcdefghijklmnopqrstuvwxyz");
	return id > 0 && strcmp(group + len + id, ".scope") == 0;
}

static bool
all_ours(const char *path, lb_cage_ours *ours, void *arg)
{
	FILE *f = fopen(path, "re");
	bool all = f != NULL;
	int pid;

	while (all && fscanf(f, "%d", &pid) == 1)
		all = ours(arg, pid);
	if (f != NULL)
		fclose(f);
	return all;
}

bool
lb_cage_kill_scope(const char *tree, uint32_t uid, pid_t pid, lb_cage_ours *ours, void *arg)
{
	char group[128], path[256];

	if (tree == NULL || !group_of(pid, group, sizeof group) || !is_session_scope(group, uid))
		return false;
	snprintf(path, sizeof path, "%s/%s/cgroup.procs", tree, group);
	if (!all_ours(path, ours, arg))
		return false;
	snprintf(path, sizeof path, "%s/%s/cgroup.kill", tree, group);
	return kill_group(path) > 0;
}

void
lb_cage_remove(const char *tree, uint32_t uid)
{
	char path[128];

	if (tree == NULL)
		return;
	snprintf(path, sizeof path, "%s/lockbox/%u", tree, uid);
	rmdir(path);
}
