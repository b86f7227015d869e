/*
 * logflood PID COUNT TEXT: writes COUNT lines to the warden by the standard error of a child of its,
 * as that process could if it had been taken over.
 */
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	int pidfd, fd;

	if (argc != 4)
		errx(2, "usage: logflood PID COUNT TEXT");
	pidfd = (int)syscall(SYS_pidfd_open, (pid_t)atoi(argv[1]), 0);
	fd = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, 2, 0);
	if (fd < 0)
		err(2, "process %s", argv[1]);
	for (int i = 0; i < atoi(argv[2]); i++)
		if (send(fd, argv[3], strlen(argv[3]), MSG_NOSIGNAL) < 0)
			err(1, "send");
	return 0;
}
