/* Ways in without the daemon: see way_in.h. */
#include "way_in.h"

#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "account_files.h"
#include "conf.h"
#include "err.h"

const struct lb_way_files lb_way_host = {
	"/etc/passwd",
	"/etc/shadow",
	{"/etc/pam.d", "/usr/lib/pam.d"},
};

int
lb_way_read(struct lb_pam_conf *conf, const char *path, char why[LB_WAY_TEXT])
{
	struct lb_pam_conf_fault fault = {"", 0};
	int err = lb_pam_conf_load(conf, path, &fault);

	if (err != LB_OK && fault.line > 0)
		snprintf(why, LB_WAY_TEXT, "line %u: %s", fault.line, fault.what);
	else if (err != LB_OK)
		snprintf(why, LB_WAY_TEXT, "%s", fault.what);
	return err;
}

static bool
service_exists(const struct lb_way_files *files, const char *service)
{
	char path[256];
	struct stat st;

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof path, "%s/%s", files->pam_dirs[i], service);
		if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
			return true;
	}
	return false;
}

/* Somebody who is on the host already becomes somebody else, or does more. */
static bool
is_later(const char *service)
{
	static const char *const names[] = {"su", "su-l", "sudo", "sudo-i", "polkit-1"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(names[i], service) == 0)
			return true;
	return false;
}

/* NULL when the user could log in by the service, or why not. */
static const char *
login_fault(const struct lb_way_files *files, const char *service, const struct passwd *pw)
{
	const char *password = lb_account_password(files->shadow, pw->pw_name);
	bool locked = strcmp(password, "locked") == 0;

	if (!lb_account_shell(pw->pw_shell))
		return "has no shell to log in with";
	if (strcmp(service, "sshd") != 0)
		return locked ? "has no password: it is locked or not set" : NULL;
	if (lb_account_keys(pw->pw_dir) != 0)
		return NULL;
	if (pw->pw_uid == 0)
		return "has no key in ~/.ssh/authorized_keys, and as shipped sshd takes no "
		       "password of root's";
	return locked || strcmp(password, "none") == 0 ? "has neither a key nor a password" : NULL;
}

/* The account of the files; one of a directory service has no password that could be looked at. */
static const char *
user_fault(const struct lb_way_files *files, const struct lb_pam_rule *rule)
{
	FILE *f = fopen(files->passwd, "re");
	const char *fault = NULL;
	struct passwd *pw = NULL;

	/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): both kinds name a user */
	while (f != NULL && (pw = fgetpwent(f)) != NULL && strcmp(pw->pw_name, rule->user) != 0)
		;
	if (pw != NULL)
		fault = rule->service != NULL && !is_later(rule->service)
				? login_fault(files, rule->service, pw)
				: NULL;
	else if (f != NULL && getpwnam(rule->user) == NULL)
		fault = "does not exist";
	if (f != NULL)
		fclose(f);
	return fault;
}

enum lb_way
lb_way_of(const struct lb_way_files *files, const struct lb_pam_rule *rule, char why[LB_WAY_TEXT])
{
	const char *fault;

	if (rule->service != NULL && !service_exists(files, rule->service)) {
		snprintf(why, LB_WAY_TEXT, "there is no PAM service %s", rule->service);
		return LB_WAY_NONE;
	}
	fault = user_fault(files, rule);
	if (fault != NULL) {
		snprintf(why, LB_WAY_TEXT, "user %.64s %s", rule->user, fault);
		return LB_WAY_NONE;
	}
	return rule->service != NULL && !is_later(rule->service) ? LB_WAY_WORKS : LB_WAY_LATER;
}
