/* One call: see call.h. */
#include "call.h"

#include <security/pam_ext.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "err.h"
#include "text.h"

/*
 * Copies a PAM item of at most max bytes; a longer one is cut, which can only
 * make it match less.  An item that is not set gives an empty text.
 */
static int
copy_item(pam_handle_t *pamh, int type, char *out, size_t max)
{
	const void *item = NULL;
	size_t len;

	if (pam_get_item(pamh, type, &item) != PAM_SUCCESS)
		return LB_ERR_SYSTEM;
	len = item != NULL ? strnlen(item, max) : 0;
	if (len > 0)
		memcpy(out, item, len);
	out[len] = '\0';
	return LB_OK;
}

static int
fill_login(pam_handle_t *pamh, const struct lb_pam_subject *subject, struct lb_msg_login *login)
{
	memset(login, 0, sizeof *login);
	memcpy(login->user, subject->user, sizeof login->user);
	login->uid = subject->uid;
	if (copy_item(pamh, PAM_SERVICE, login->service, LB_SERVICE_MAX) != LB_OK ||
	    copy_item(pamh, PAM_RHOST, login->rhost, LB_RHOST_MAX) != LB_OK ||
	    copy_item(pamh, PAM_TTY, login->tty, LB_TTY_MAX) != LB_OK)
		return LB_ERR_SYSTEM;
	return login->service[0] != '\0' ? LB_OK : LB_ERR_SYSTEM;
}

int
lb_pam_call_begin(struct lb_pam_call *call, pam_handle_t *pamh, int flags, int argc,
		  const char **argv)
{
	const char *bad = NULL;
	int err = lb_pam_opts_parse(&call->opts, argc, argv, &bad);

	if (err != LB_OK) {
		pam_syslog(pamh, LOG_CRIT, "bad module argument '%s'; see pam_lockbox(8)", bad);
		return err;
	}
	call->pamh = pamh;
	call->flags = flags;
	err = lb_pam_subject_read(pamh, &call->subject);
	if (err == LB_OK)
		err = fill_login(pamh, &call->subject, &call->login);
	if (err != LB_OK)
		pam_syslog(pamh, LOG_CRIT, "cannot tell who this is about: %s", lb_err_text(err));
	else if (strncmp(call->login.service, "sudo", 4) == 0)
		/* sudo always asks with PAM_SILENT: the person would be left without a word. */
		call->flags = (int)((unsigned)call->flags & ~(unsigned)PAM_SILENT);
	return err;
}

/* Writes `user=NAME uid=N`, or what little is known. */
static void
describe(const struct lb_pam_subject *subject, char *out, size_t cap)
{
	char user[4 * LB_USER_MAX + 1];

	if (subject->kind == LB_PAM_NOBODY || subject->kind == LB_PAM_GONE) {
		snprintf(out, cap, "user=(unknown)");
		return;
	}
	lb_text_escape_quoted(user, sizeof user, subject->user);
	snprintf(out, cap, "user=%s uid=%u", user, subject->uid);
}

void
lb_pam_call_log(const struct lb_pam_call *call, int priority, const char *what, const char *reason)
{
	char who[4 * LB_USER_MAX + 32], rhost[LB_RHOST_MAX + 1], why[2 * LB_REASON_MAX + 1] = "";

	describe(&call->subject, who, sizeof who);
	lb_text_escape_quoted(rhost, sizeof rhost, call->login.rhost);
	if (reason != NULL)
		lb_text_escape_quoted(why, sizeof why, reason);
	pam_syslog(call->pamh, priority, "%s: %s rhost=\"%s\"%s%s%s", what, who, rhost,
		   reason != NULL ? " reason=\"" : "", why, reason != NULL ? "\"" : "");
}
