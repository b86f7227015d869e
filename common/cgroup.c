/* Control groups: see cgroup.h. */
#include "cgroup.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "err.h"

const char *
lb_cgroup_tree(void)
{
	static const char *const places[] = {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"};
	struct statfs fs;

	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		if (statfs(places[i], &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
			return places[i];
	return NULL;
}

int
lb_cgroup_join(uint32_t uid)
{
	const char *tree = lb_cgroup_tree();
	char path[128];
	int fd, err;

	if (tree == NULL || access("/run/systemd/system", F_OK) == 0)
		return LB_ERR_NOT_FOUND;
	snprintf(path, sizeof path, "%s/lockbox", tree);
	mkdir(path, 0755); /* that they are there already is the ordinary case */
	snprintf(path, sizeof path, "%s/lockbox/%u", tree, uid);
	mkdir(path, 0755);
	snprintf(path, sizeof path, "%s/lockbox/%u/cgroup.procs", tree, uid);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return LB_ERR_SYSTEM;
	err = write(fd, "0", 1) == 1 ? LB_OK : LB_ERR_SYSTEM;
	close(fd);
	return err;
}
