/*
 * The verbs: one table for the command line and the gate, for dispatch and for
 * help.  What has no row is refused.
 */
#ifndef LB_CLIENT_VERBS_H
#define LB_CLIENT_VERBS_H

#include <stddef.h>
#include <stdint.h>

#include "args.h"
#include "cli.h"

struct lb_verb {
	const char *name;
	const char *usage;   /* what follows the name */
	const char *summary; /* one line of the list */
	const char *example; /* what follows the name in an example */
	struct lb_syntax syntax;
	uint16_t message; /* what the handler sends (proto.h) */
	enum lb_exit (*run)(const struct lb_cli *, const struct lb_verb *, const struct lb_args *);
	/* Local verbs read their own words, argv[0] being the verb; the gate refuses them. */
	int (*local)(int argc, char **argv);
};

/* The table; *count rows. */
const struct lb_verb *lb_verbs(size_t *count);

/*
 * Does what the words say: options that stand before the verb (--json, --help,
 * --version, and --socket unless in the gate), the verb, its words.  Prints
 * everything there is to print.  Blocks while the daemon is asked.
 */
enum lb_exit lb_verbs_run(struct lb_cli *cli, size_t count, char **words);

/* The list of verbs and how to go on. */
void lb_verbs_help(const struct lb_cli *cli, FILE *out);

#endif
