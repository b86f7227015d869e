/* The gate's table: see gate.h. */
#include "gate.h"

#include <string.h>

/*
 * What a temporary account is for: logging in by ssh, and its role's commands.
 * Everything else (cron, at, user managers, su, login) would outlive or evade
 * the session that the grant was given for.
 */
static const char *const temporary_services[] = {LB_PAM_SSHD, "sudo", "sudo-i", "polkit-1"};

static bool
is_temporary_service(const char *service)
{
	for (size_t i = 0; i < sizeof temporary_services / sizeof temporary_services[0]; i++)
		if (strcmp(temporary_services[i], service) == 0)
			return true;
	return false;
}

/* The name "root" must be uid 0; another name for uid 0 is exempt only where it is named itself. */
static bool
name_fits_uid(const struct lb_pam_subject *subject)
{
	return strcmp(subject->user, "root") != 0 || subject->uid == 0;
}

static bool
is_gate_user(const struct lb_pam_conf *conf, const struct lb_pam_subject *subject,
	     const char *service)
{
	return strcmp(service, LB_PAM_SSHD) == 0 && subject->uid != 0 &&
	       lb_pam_conf_find(conf, LB_PAM_GATE, service, subject->user) != NULL;
}

static enum lb_pam_way
person(const struct lb_pam_conf *conf, const struct lb_pam_subject *subject, const char *service,
       bool root_calls, const struct lb_pam_rule **rule)
{
	const struct lb_pam_rule *exempt;

	if (is_gate_user(conf, subject, service))
		return LB_PAM_PASS;
	if (lb_pam_conf_find(conf, LB_PAM_SYSTEM, service, subject->user) != NULL)
		return LB_PAM_PASS;
	if (root_calls &&
	    lb_pam_conf_find(conf, LB_PAM_ROOT_CALLER, service, subject->user) != NULL)
		return LB_PAM_PASS;
	exempt = lb_pam_conf_find(conf, LB_PAM_EXEMPT, service, subject->user);
	if (exempt == NULL || !name_fits_uid(subject))
		return LB_PAM_ASK;
	*rule = exempt;
	return LB_PAM_ALARM;
}

enum lb_pam_way
lb_pam_gate(const struct lb_pam_conf *conf, const struct lb_pam_subject *subject,
	    const char *service, bool root_calls, const struct lb_pam_rule **rule)
{
	switch (subject->kind) {
	case LB_PAM_NOBODY:
	case LB_PAM_GONE:
		return LB_PAM_UNKNOWN;
	case LB_PAM_ODD:
		return LB_PAM_REFUSE;
	case LB_PAM_TEMPORARY:
		return is_temporary_service(service) ? LB_PAM_ASK : LB_PAM_REFUSE;
	case LB_PAM_PERSON:
		return person(conf, subject, service, root_calls, rule);
	}
	return LB_PAM_REFUSE;
}
