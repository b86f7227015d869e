/* `lockbox standing`: who can get into this host without an approved grant, or has an account here anyway. */
#ifndef LB_CLIENT_STANDING_H
#define LB_CLIENT_STANDING_H

#include "way_in.h"

/* The verb; argv[0] is its name.  Returns 0 when it was listed, 1 when it could not be, 2 on misuse. */
int lb_verb_standing(int argc, char **argv);

/* Where it looks. */
struct lb_standing_files {
	const char *pam_conf, *host_file, *policy_dir, *seal_dir;
	struct lb_way_files ways;
};

struct lb_cli;

/* The same with other files, for tests. */
int lb_standing_list(const struct lb_cli *cli, const struct lb_standing_files *files);

#endif
