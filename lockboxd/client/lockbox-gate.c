/*
 * lockbox-gate: the forced command of the gate user; see gate.h.
 *
 * It reads SSH_ORIGINAL_COMMAND and nothing else of the environment.
 */
#include <stdio.h>
#include <stdlib.h>

#include "err.h"
#include "gate.h"
#include "start.h"
#include "words.h"

/* One byte more than is allowed, so that a longer one is seen to be too long. */
static char command[LB_COMMAND_MAX + 2];

/* Takes the command out of the environment and the environment away. */
static const char *
take_command(void)
{
	const char *given = getenv("SSH_ORIGINAL_COMMAND");

	if (given != NULL)
		snprintf(command, sizeof command, "%s", given);
	clearenv();
	return given != NULL ? command : NULL;
}

int
main(int argc, char **argv)
{
	const char *wanted = take_command();
	struct lb_cli cli;

	if (lb_cli_start() != 0) {
		fputs("lockbox-gate: cannot set up this process safely\n", stderr);
		return LB_EXIT_UNREACHABLE;
	}
	lb_cli_init(&cli);
	if (lb_gate_arguments(&cli, argc, argv) != LB_OK) {
		fputs("lockbox-gate: run by sshd with --identity NAME --key FINGERPRINT; not by "
		      "hand\n",
		      stderr);
		return LB_EXIT_USAGE;
	}
	return lb_cli_end(&cli, lb_gate_run(&cli, wanted));
}
