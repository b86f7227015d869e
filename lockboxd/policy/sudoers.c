/* The sudoers fragment: see sudoers.h.  Words and escapes are those of sudoers(5), from sudo 1.9.13. */
#include "policy/sudoers.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "name.h"

#include "policy/rights.h"

/*
 * Each stated for the role's group although some are sudo's defaults: the
 * site's own sudoers file, which is read first, must not weaken them.
 */
static const char *const defaults[] = {
	"env_reset", /* a clean environment, */
	"!env_keep", /* whatever the site keeps, */
	"!setenv",   /* not to be added to, */
	"secure_path=\"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"",
	"always_set_home",     /* HOME of the user run as */
	"!env_editor",	       /* visudo and sudoedit, should another rule allow them */
	"use_pty",	       /* nothing stays behind on the person's terminal */
	"timestamp_timeout=0", /* no ticket outlives a command */
	"passwd_tries=0",      /* no password opens a role: a refusal says so at once */
	"pam_acct_mgmt",       /* pam_lockbox's account gate decides on each command */
	"pam_session",
	"syslog=authpriv",
	"log_allowed",
	"log_denied",
	"!closefrom_override",
	"lecture=never",
};

/* Writes a command with what sudoers(5) wants escaped, escaped. */
static void
put_command(FILE *out, const char *command)
{
	bool arguments = strchr(command, ' ') != NULL;

	for (const char *c = command; *c != '\0'; c++) {
		if (strchr(",:=\\", *c) != NULL)
			putc('\\', out);
		putc(*c, out);
	}
	if (!arguments)
		fputs(" \"\"", out); /* none may be added */
}

static int
put_role(FILE *out, const struct lb_policy_role *role)
{
	char group[LB_ACCOUNT_MAX + 1];

	if (lb_role_group(group, role->name) != LB_OK || !lb_unix_name_valid(role->sudo_as))
		return LB_ERR_INTERNAL;
	for (size_t i = 0; i < role->sudo.count; i++)
		if (lb_command_problem(role->sudo.name[i]) != NULL)
			return LB_ERR_INTERNAL;
	fprintf(out, "\n# role %s\n", role->name);
	for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
		fprintf(out, "Defaults:%%%s %s\n", group, defaults[i]);
	fprintf(out, "%%%s ALL=(%s) NOPASSWD: NOSETENV:", group, role->sudo_as);
	for (size_t i = 0; i < role->sudo.count; i++) {
		fputs(i > 0 ? ", \\\n\t" : " \\\n\t", out);
		put_command(out, role->sudo.name[i]);
	}
	putc('\n', out);
	return LB_OK;
}

int
lb_sudoers_render(const struct lb_policy *policy, char **text, size_t *len)
{
	char *buf = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&buf, &size);
	int rc = LB_OK;
	bool failed;

	if (out == NULL)
		return LB_ERR_NOMEM;
	fputs("# Made by lockboxd from its policy; do not edit: every change is written over.\n",
	      out);
	for (size_t i = 0; rc == LB_OK && i < lb_policy_roles(policy); i++)
		if (lb_policy_role_at(policy, i)->sudo.count > 0)
			rc = put_role(out, lb_policy_role_at(policy, i));
	failed = ferror(out) != 0;
	if ((fclose(out) != 0 || failed) && rc == LB_OK)
		rc = LB_ERR_NOMEM;
	if (rc != LB_OK) {
		free(buf);
		return rc;
	}
	*text = buf;
	*len = size;
	return LB_OK;
}
