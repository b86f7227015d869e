/* Control groups: see cgroup.h; cgroups(7), Documentation/admin-guide/cgroup-v2.rst. */
#include "warden/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "log.h"

/* Where the cgroup2 tree is mounted, alone or beside the first version; NULL when nowhere. */
static const char *
tree(void)
{
	static const char *const places[] = {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"};
	struct statfs fs;

	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		if (statfs(places[i], &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
			return places[i];
	return NULL;
}

static bool
put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
	return ok;
}

void
lb_cgroup_join(uint32_t uid, pid_t pid)
{
	const char *root = tree();
	char path[128], text[16];

	if (root == NULL || access("/run/systemd/system", F_OK) == 0)
		return;
	snprintf(path, sizeof path, "%s/lockbox", root);
	mkdir(path, 0755);
	snprintf(path, sizeof path, "%s/lockbox/%u", root, uid);
	mkdir(path, 0755);
	snprintf(path, sizeof path, "%s/lockbox/%u/cgroup.procs", root, uid);
	snprintf(text, sizeof text, "%d", (int)pid);
	if (!put(path, text))
		lb_log(LOG_WARNING, "cannot put process %d into a control group of its own: %m", (int)pid);
}

bool
lb_cgroup_kill(uint32_t uid)
{
	static const char *const groups[][2] = {{"lockbox/", ""}, {"user.slice/user-", ".slice"}};
	const char *root = tree();
	char path[192];
	bool killed = false;

	for (size_t i = 0; root != NULL && i < sizeof groups / sizeof groups[0]; i++) {
		snprintf(path, sizeof path, "%s/%s%u%s/cgroup.kill", root, groups[i][0], uid, groups[i][1]);
		if (put(path, "1"))
			killed = true;
		else if (errno != ENOENT && errno != ENODEV)
			lb_log(LOG_WARNING, "cannot write %s: %m", path);
	}
	return killed;
}

void
lb_cgroup_remove(uint32_t uid)
{
	const char *root = tree();
	char path[128];

	if (root == NULL)
		return;
	snprintf(path, sizeof path, "%s/lockbox/%u", root, uid);
	rmdir(path);
}
