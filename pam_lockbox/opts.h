/*
 * The module's arguments, from the PAM stack line.  A word that is not in the
 * table is an error: a mistyped option must not quietly leave a default.
 */
#ifndef LB_PAM_OPTS_H
#define LB_PAM_OPTS_H

#include <stdbool.h>

#define LB_PAM_CONF_PATH "/etc/lockbox/pam.conf"

struct lb_pam_opts {
	const char *conf;    /* points into argv, or is a constant */
	const char *socket;  /* the same */
	const char *seal;    /* directory of the host's seal (seal.h); the same */
	unsigned timeout_ms; /* for one question to the daemon, all of it together */
	bool debug;
};

/*
 * Fills opts from argv.  LB_ERR_MALFORMED: *bad is the word that is wrong
 * (borrowed from argv) and opts is untouched.
 */
int lb_pam_opts_parse(struct lb_pam_opts *opts, int argc, const char **argv, const char **bad);

#endif
