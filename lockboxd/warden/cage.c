/* Killing control groups: see cage.h. */
#include "warden/cage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
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

void
lb_cage_remove(const char *tree, uint32_t uid)
{
	char path[128];

	if (tree == NULL)
		return;
	snprintf(path, sizeof path, "%s/lockbox/%u", tree, uid);
	rmdir(path);
}
