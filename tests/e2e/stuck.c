/*
 * stuck DIR: a file system at DIR that never answers, so that whoever looks into
 * it hangs in the kernel, where SIGKILL does not reach.  It prints "mounted";
 * when it ends, everybody who hung is let go with an error.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	static char request[1 << 17];
	char options[128];
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (argc != 2 || fd < 0)
		err(1, "/dev/fuse");
	snprintf(options, sizeof options, "fd=%d,rootmode=40755,user_id=0,group_id=0,allow_other",
		 fd);
	if (mount("stuck", argv[1], "fuse.stuck", MS_NOSUID | MS_NODEV, options) != 0)
		err(1, "mount %s", argv[1]);
	puts("mounted");
	fflush(stdout);
	while (read(fd, request, sizeof request) > 0) {
		struct fuse_in_header in;
		struct {
			struct fuse_out_header header;
			struct fuse_init_out init;
		} answer = {.header = {.len = sizeof answer}};

		memcpy(&in, request, sizeof in);
		if (in.opcode != FUSE_INIT)
			continue; /* taken, and never answered */
		answer.header.unique = in.unique;
		answer.init.major = FUSE_KERNEL_VERSION;
		answer.init.minor = FUSE_KERNEL_MINOR_VERSION;
		answer.init.max_write = 65536;
		if (write(fd, &answer, sizeof answer) < 0)
			err(1, "FUSE_INIT");
	}
	return 0;
}
