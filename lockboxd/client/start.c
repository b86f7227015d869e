/* First and last steps: see start.h. */
#include "start.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "json.h"
#include "proto.h"
#include "wipe.h"

/* stdio's own buffer could not be wiped. */
static char out_buffer[BUFSIZ];
static char host_name[LB_HOST_MAX + 1];

static uint64_t
wall_clock(void)
{
	time_t now = time(NULL);

	return now > 0 ? (uint64_t)now : 0;
}

static void
forget(FILE *out)
{
	fflush(out);
	lb_wipe(out_buffer, sizeof out_buffer);
}

/* A missing 0, 1 or 2 would be taken by the socket, and words written to the daemon. */
static int
open_standard_files(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

int
lb_cli_start(void)
{
	const struct rlimit none = {0, 0};
	struct sigaction ignore;

	memset(&ignore, 0, sizeof ignore);
	ignore.sa_handler = SIG_IGN;
	if (open_standard_files() != 0 || sigaction(SIGPIPE, &ignore, NULL) != 0 ||
	    setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -1;
	lb_cli_json_init();
	return setvbuf(stdout, out_buffer, _IOFBF, sizeof out_buffer) == 0 ? 0 : -1;
}

/* The name is for examples only; one that would need quoting is not used. */
static const char *
this_host(void)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";

	if (gethostname(host_name, sizeof host_name) != 0 ||
	    memchr(host_name, '\0', sizeof host_name) == NULL || host_name[0] == '\0' ||
	    host_name[strspn(host_name, allowed)] != '\0')
		return "HOST";
	return host_name;
}

void
lb_cli_init(struct lb_cli *cli)
{
	memset(cli, 0, sizeof *cli);
	cli->out = stdout;
	cli->err = stderr;
	cli->socket = LB_PUBLIC_SOCKET;
	cli->now = wall_clock;
	cli->forget = forget;
	cli->host = this_host();
}

int
lb_cli_end(const struct lb_cli *cli, enum lb_exit status)
{
	bool failed = fflush(cli->out) != 0 || ferror(cli->out);

	lb_wipe(out_buffer, sizeof out_buffer);
	if (!failed)
		return (int)status;
	/* A reader that stopped reading, as head(1) does, is told nothing. */
	if (errno != EPIPE)
		fprintf(cli->err, "lockbox: the output could not be written: %s\n",
			strerror(errno));
	return status == LB_EXIT_DONE ? LB_EXIT_REFUSED : (int)status;
}
