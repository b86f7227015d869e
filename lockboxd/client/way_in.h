/*
 * The ways into this host that need no daemon: who pam.conf exempts, as the
 * module's own reader takes the file, and whether that can work.  Only reads.
 */
#ifndef LB_CLIENT_WAY_IN_H
#define LB_CLIENT_WAY_IN_H

#define LB_WAY_TEXT 256
#define LB_WAY_PAM_CONF "/etc/lockbox/pam.conf"

struct lb_pam_conf;
struct lb_pam_rule;

/* Where it looks; every name is one of a file or directory. */
struct lb_way_files {
	const char *passwd, *shadow;
	const char *pam_dirs[2]; /* of a service in both, the first counts */
};

/* This host's. */
extern const struct lb_way_files lb_way_host;

enum lb_way {
	LB_WAY_WORKS, /* as far as files can tell */
	LB_WAY_LATER, /* only for who is on the host already */
	LB_WAY_NONE,  /* it names what is not there, or who cannot log in */
};

/*
 * Reads pam.conf as the module does: LB_OK, and the caller ends with
 * lb_pam_conf_clear(); or the reader's error, with "line 2: what is wrong" in
 * why: then the module refuses everybody.
 */
int lb_way_read(struct lb_pam_conf *conf, const char *path, char why[LB_WAY_TEXT]);

/*
 * What a line `exempt' or `gate' is worth; with LB_WAY_NONE the reason is in
 * why.  What this user may not read is taken as good.
 */
enum lb_way lb_way_of(const struct lb_way_files *files, const struct lb_pam_rule *rule,
		      char why[LB_WAY_TEXT]);

#endif
