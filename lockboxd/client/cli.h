/*
 * What the command line and the ssh gate have in common: one run of one verb.
 *
 * Both are clients and nothing more: they hold no right of their own.  The
 * daemon takes who is asking from the kernel, and from the gate user alone it
 * takes the name that sshd proved.
 */
#ifndef LB_CLIENT_CLI_H
#define LB_CLIENT_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#ifndef LB_VERSION
#define LB_VERSION "0.1"
#endif
#define LB_CLI_WIDTH 80		/* columns of everything meant for people */
#define LB_CLI_TIMEOUT_MS 10000 /* for one exchange with the daemon */

/* Exit statuses; scripts rely on them. */
enum lb_exit {
	LB_EXIT_DONE = 0,
	LB_EXIT_REFUSED = 1,
	LB_EXIT_USAGE = 2,
	LB_EXIT_UNREACHABLE = 3,
	LB_EXIT_INTERRUPTED = 130, /* as shells have it */
};

struct lb_cli {
	FILE *out, *err;
	const char *socket;
	bool gate;			    /* run by sshd: local verbs and options are refused */
	bool json;			    /* one JSON document on out instead of words */
	bool terminal;			    /* out is a terminal that can go back in a line */
	bool colour;			    /* and wants colours */
	const char *identity, *fingerprint; /* whom sshd proved; with gate only */
	const char *host;		    /* this host, for examples in help */
	uint64_t (*now)(void);		    /* Unix seconds */
	/* Makes sure a secret written to out stays in no buffer; may be NULL. */
	void (*forget)(FILE *out);
};

#endif
