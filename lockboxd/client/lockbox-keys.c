/*
 * lockbox-keys: sshd's AuthorizedKeysCommand; see keys.h.
 *
 * It runs as a user of its own that may ask the daemon only this.  sshd throws
 * its stderr away, so what goes wrong is in syslog too.  It reads nothing of
 * the environment.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "cli.h"
#include "err.h"
#include "keys.h"
#include "proto.h"
#include "start.h"

static int
usage(void)
{
	fputs("usage: lockbox-keys [--socket PATH] USER KEYTYPE KEYBLOB\n", stderr);
	return LB_EXIT_USAGE;
}

int
main(int argc, char **argv)
{
	const char *socket = LB_PUBLIC_SOCKET;
	char why[512];
	int at = 1;

	clearenv();
	if (lb_cli_start() != 0) {
		fputs("lockbox-keys: cannot set up this process safely\n", stderr);
		return LB_EXIT_REFUSED;
	}
	if (argc == 6 && strcmp(argv[1], "--socket") == 0) {
		socket = argv[2];
		at = 3;
	}
	if (argc - at != 3)
		return usage();
	if (lb_keys_run(stdout, socket, argv[at], argv[at + 1], argv[at + 2], why, sizeof why) ==
	    LB_OK)
		return LB_EXIT_DONE;
	fprintf(stderr, "lockbox-keys: %s\n", why);
	openlog("lockbox-keys", LOG_PID, LOG_AUTHPRIV);
	syslog(LOG_ERR, "%s", why);
	return LB_EXIT_REFUSED;
}
