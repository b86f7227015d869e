/*
 * Who must pass the gate, as a pure decision: no I/O, no clock, no PAM.
 *
 *	subject              service                              way
 *	unknown              any                                  UNKNOWN
 *	odd                  any                                  REFUSE
 *	temporary            sshd, sudo, sudo-i, polkit-1         ASK
 *	temporary            any other                            REFUSE
 *	person, gate user    sshd                                 PASS
 *	person               `system` in pam.conf                 PASS
 *	person, root calls   `root-caller` in pam.conf            PASS
 *	person               `exempt` for it and them             ALARM
 *	person               any other                            ASK
 */
#ifndef LB_PAM_GATE_H
#define LB_PAM_GATE_H

#include <stdbool.h>

#include "conf.h"
#include "subject.h"

#define LB_PAM_SSHD "sshd"

enum lb_pam_way {
	LB_PAM_REFUSE,	/* no, without asking */
	LB_PAM_UNKNOWN, /* there is no such user */
	LB_PAM_ASK,	/* the daemon decides */
	LB_PAM_PASS,	/* not the gate's business */
	LB_PAM_ALARM,	/* let past without a grant, and everybody is to know */
};

/* *rule is set with ALARM: the line that exempts. */
enum lb_pam_way lb_pam_gate(const struct lb_pam_conf *conf, const struct lb_pam_subject *subject,
			    const char *service, bool root_calls, const struct lb_pam_rule **rule);

#endif
