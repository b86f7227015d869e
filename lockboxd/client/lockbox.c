/*
 * lockbox: the command line on the host itself.
 *
 * It holds no right: the daemon sees the caller's uid.  It never reads the
 * environment but for the looks of its output.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "complete.h"
#include "start.h"
#include "verbs.h"

static bool
is_terminal(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && term != NULL && *term != '\0' && strcmp(term, "dumb") != 0;
}

static bool
wants_colour(void)
{
	const char *no = getenv("NO_COLOR");

	return no == NULL || *no == '\0';
}

int
main(int argc, char **argv)
{
	struct lb_cli cli;

	if (argc < 1 || lb_cli_start() != 0) {
		fputs("lockbox: cannot set up this process safely\n", stderr);
		return LB_EXIT_UNREACHABLE;
	}
	lb_cli_init(&cli);
	cli.terminal = is_terminal();
	cli.colour = cli.terminal && wants_colour();
	/* The shell's question; no verb, so that the gate has none of it. */
	if (argc > 1 && strcmp(argv[1], "complete-words") == 0)
		return lb_cli_end(&cli, lb_complete(&cli, (size_t)(argc - 2), argv + 2));
	return lb_cli_end(&cli, lb_verbs_run(&cli, (size_t)(argc - 1), argv + 1));
}
