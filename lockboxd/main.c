/*
 * lockboxd: options, then one of the four processes.
 *
 * Started by root it becomes the warden, which starts this same file again
 * with -x for each of the others.
 */
#include <err.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "courier/courier.h"
#include "front/front.h"
#include "keeper/keeper.h"
#include "log.h"
#include "name.h"
#include "privsep.h"
#include "proto.h"
#include "warden/notify.h"
#include "warden/warden.h"

#ifndef LB_VERSION
#define LB_VERSION "0.1"
#endif

static const char help[] =
	"usage: lockboxd [-dhnV] [-f FILE] [-p DIR] [-r DIR] [-s DIR] [-S FILE]\n"
	"\n"
	"Keeps approved elevations and the temporary accounts that go with them.\n"
	"\n"
	"  -d        stay in the foreground; log to standard error as well\n"
	"  -f FILE   host settings (/etc/lockbox/lockbox.conf)\n"
	"  -n        check the configuration and exit\n"
	"  -p DIR    policy files (/etc/lockbox/policy.d)\n"
	"  -r DIR    sockets and the published accounts (/run/lockbox)\n"
	"  -s DIR    the store (/var/lib/lockbox)\n"
	"  -S FILE   the sudoers fragment (/etc/sudoers.d/lockbox)\n"
	"  -h, -V    this help; the version\n"
	"\n"
	"example: lockboxd -n && systemctl reload lockboxd\n";

static int
child_main(const char *role, const char *uid_text, const char *gid_text, const char *root_dir)
{
	uint32_t uid, gid;

	if (uid_text == NULL || gid_text == NULL || lb_id_parse(uid_text, &uid) != 0 ||
	    lb_id_parse(gid_text, &gid) != 0)
		errx(2, "-x is for lockboxd's own use");
	lb_log_open_child();
	switch (lb_proc_by_name(role)) {
	case LB_PROC_KEEPER:
		return lb_keeper_main(uid, gid, root_dir);
	case LB_PROC_FRONT:
		return lb_front_main(uid, gid, root_dir);
	case LB_PROC_COURIER:
		return lb_courier_main(uid, gid, root_dir);
	case LB_PROC_COUNT:
		break;
	}
	errx(2, "-x is for lockboxd's own use");
}

/* Descriptors 0 to 2 must be there, or the first socket opened would become standard error. */
static void
fill_standard_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= 2);
	if (fd < 0)
		_exit(1);
	close(fd);
}

int
main(int argc, char **argv)
{
	struct lb_warden_options o = {
		.host_file = "/etc/lockbox/lockbox.conf",
		.policy_dir = "/etc/lockbox/policy.d",
		.run_dir = "/run/lockbox",
		.state_dir = "/var/lib/lockbox",
		.sudoers_file = "/etc/sudoers.d/lockbox",
	};
	const char *child = NULL, *uid = NULL, *gid = NULL;
	int c;

	fill_standard_fds();
	lb_notify_open();
	clearenv();
	umask(077);
	while ((c = getopt(argc, argv, "df:g:hnp:r:s:S:u:Vx:")) != -1) {
		switch (c) {
		case 'd':
			o.foreground = true;
			break;
		case 'f':
			o.host_file = optarg;
			break;
		case 'g':
			gid = optarg;
			break;
		case 'h':
			fputs(help, stdout);
			return 0;
		case 'n':
			o.check_only = true;
			break;
		case 'p':
			o.policy_dir = optarg;
			break;
		case 'r':
			o.run_dir = optarg;
			break;
		case 's':
			o.state_dir = optarg;
			break;
		case 'S':
			o.sudoers_file = optarg;
			break;
		case 'u':
			uid = optarg;
			break;
		case 'V':
			puts("lockboxd " LB_VERSION);
			return 0;
		case 'x':
			child = optarg;
			break;
		default:
			fputs(help, stderr);
			return 2;
		}
	}
	if (optind != argc) {
		fputs(help, stderr);
		return 2;
	}
	if (child != NULL)
		return child_main(child, uid, gid, o.state_dir);
	if (geteuid() != 0)
		errx(1, "must be started by root");
	return lb_warden_main(&o);
}
