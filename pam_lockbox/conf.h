/*
 * The module's own file, /etc/lockbox/pam.conf: who is let past the gate
 * without a grant.  It is read anew on each decision, without the daemon, so
 * that a way in which the operators chose works when the daemon does not.
 *
 *	gate USER             the user of the ssh gate: exempt in service sshd
 *	system SERVICE        background work: only temporary accounts are gated
 *	root-caller SERVICE   root itself is the caller: it needs no grant
 *	exempt SERVICE USER   let in without a grant; every use raises an alarm
 *
 * Nothing is exempt that no line names.  A temporary account never is.  One
 * bad line, or a file that somebody other than root could have written, makes
 * the whole file unusable, and then nobody is let in.
 */
#ifndef LB_PAM_CONF_H
#define LB_PAM_CONF_H

#include <stdbool.h>
#include <stddef.h>

#define LB_PAM_CONF_MAX 65536 /* bytes */
#define LB_PAM_RULES_MAX 256

enum lb_pam_rule_kind { LB_PAM_GATE, LB_PAM_SYSTEM, LB_PAM_ROOT_CALLER, LB_PAM_EXEMPT };

struct lb_pam_rule {
	enum lb_pam_rule_kind kind;
	const char *service; /* NULL where the kind has none */
	const char *user;    /* NULL where the kind has none */
	unsigned line;
};

struct lb_pam_conf {
	char *text; /* what the rules point into; NULL when there is no file */
	size_t count;
	struct lb_pam_rule rules[LB_PAM_RULES_MAX];
};

/* Why a file cannot be used, for the log. */
struct lb_pam_conf_fault {
	const char *what; /* static text */
	unsigned line;	  /* 0: not about a line */
};

/*
 * Reads the file at path.  A file (or its directory) that does not exist gives
 * LB_OK and no rules.  LB_ERR_REFUSED: the file or its directory is not what
 * only root can have written; LB_ERR_MALFORMED, LB_ERR_TOO_LONG: its content;
 * LB_ERR_NOMEM, LB_ERR_SYSTEM.  Never blocks on a FIFO or device.  On success
 * the caller ends with lb_pam_conf_clear().
 */
int lb_pam_conf_load(struct lb_pam_conf *conf, const char *path, struct lb_pam_conf_fault *fault);

/*
 * The same for len bytes at text, which are followed by a NUL, are changed,
 * and must outlive conf.  Sets conf->text to NULL: text stays the caller's.
 */
int lb_pam_conf_parse(struct lb_pam_conf *conf, char *text, size_t len,
		      struct lb_pam_conf_fault *fault);

/* True when any line of this kind is there. */
bool lb_pam_conf_has(const struct lb_pam_conf *conf, enum lb_pam_rule_kind kind);

/*
 * The first rule of this kind for the service and user, or NULL; what a kind
 * does not name is not compared.  Borrowed until conf is cleared.
 */
const struct lb_pam_rule *lb_pam_conf_find(const struct lb_pam_conf *conf,
					   enum lb_pam_rule_kind kind, const char *service,
					   const char *user);

void lb_pam_conf_clear(struct lb_pam_conf *conf);

#endif
