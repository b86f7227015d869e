/*
 * pam_lockbox.so: what libpam calls.
 *
 * A temporary account gets in with its one-time password (auth) while its
 * grant lasts (account, and session again); nobody else gets in unless
 * pam.conf says so.  Public-key logins skip auth, so the gate is in account.
 *
 * Every path begins at denial.  One line, in ask(), turns the daemon's yes
 * into PAM_SUCCESS; PAM_IGNORE leaves the decision to the rest of the stack.
 * Nothing is kept between calls, no environment is read, no signal touched,
 * no PAM item set, and no password or unresolved user name is logged.
 */
#include <security/pam_modules.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "call.h"
#include "conf.h"
#include "cgroup.h"
#include "err.h"
#include "exchange.h"
#include "gate.h"
#include "name.h"
#include "prompt.h"
#include "sealed.h"
#include "wipe.h"

#define EXPORT __attribute__((visibility("default")))

#define HINT_MS 300 /* for messages whose answer changes nothing */

static const char no_answer_text[] =
	"Lockbox: the access daemon does not answer; ask the host's operators";
static const char bad_setup_text[] =
	"Lockbox: this host's login settings are damaged; ask the host's operators";

/* What a failure on this side of the socket is called in PAM. */
static int
local_code(int err)
{
	switch (err) {
	case LB_ERR_NOMEM:
		return PAM_BUF_ERR;
	case LB_ERR_SYSTEM:
		return PAM_SYSTEM_ERR;
	default:
		return PAM_SERVICE_ERR;
	}
}

/* The same for an exchange with the daemon: whatever is not our own failure is the daemon's. */
static int
exchange_code(int err)
{
	return err == LB_ERR_NOMEM || err == LB_ERR_SYSTEM ? local_code(err) : PAM_AUTHINFO_UNAVAIL;
}

/* Refuses without having asked the daemon: log line, words for the person, PAM code. */
static int
refuse(const struct lb_pam_call *call, int code, const char *why)
{
	char text[LB_REASON_MAX + 1];

	lb_pam_call_log(call, LOG_NOTICE, "refused", why);
	snprintf(text, sizeof text, "Lockbox: %s", why);
	lb_pam_say(call->pamh, call->flags, PAM_ERROR_MSG, text);
	return code;
}

static int
no_answer(const struct lb_pam_call *call, int err)
{
	lb_pam_call_log(call, LOG_CRIT, "refused, no verdict from lockboxd", lb_err_text(err));
	lb_pam_say(call->pamh, call->flags, PAM_ERROR_MSG, no_answer_text);
	return exchange_code(err);
}

static bool
is_sshd(const struct lb_pam_call *call)
{
	return strcmp(call->login.service, LB_PAM_SSHD) == 0;
}

/* Puts the question to the daemon.  denied is the code for a no; anything but a clear yes is one. */
static int
ask(const struct lb_pam_call *call, uint16_t type, int denied)
{
	struct lb_msg_verdict verdict = {.verdict = LB_VERDICT_DENY};
	int result = denied;
	int err =
		lb_pam_ask(call->opts.socket, call->opts.timeout_ms, type, &call->login, &verdict);

	if (err != LB_OK)
		return no_answer(call, err);
	if (verdict.verdict == LB_VERDICT_ALLOW)
		result = PAM_SUCCESS;
	if (result != PAM_SUCCESS) {
		lb_pam_call_log(call, LOG_NOTICE, "refused", verdict.text);
		lb_pam_say(call->pamh, call->flags, PAM_ERROR_MSG, verdict.text);
	} else if (type == LB_MSG_PAM_OPEN) {
		lb_pam_say(call->pamh, call->flags, PAM_TEXT_INFO, verdict.text);
	}
	if (call->opts.debug)
		lb_pam_call_log(call, LOG_DEBUG, result == PAM_SUCCESS ? "allowed" : "denied",
				NULL);
	return result;
}

/* Has the password typed, checks it with the daemon, forgets it. */
static int
ask_with_password(struct lb_pam_call *call)
{
	int result = PAM_AUTH_ERR;
	int err = lb_pam_ask_password(call->pamh, call->login.password);

	if (err == LB_ERR_SYSTEM)
		result = PAM_CONV_ERR;
	else if (err != LB_OK)
		result = refuse(call, PAM_AUTH_ERR, "that is not a one-time password");
	else if (call->subject.kind == LB_PAM_TEMPORARY)
		result = ask(call, LB_MSG_PAM_AUTH, PAM_AUTH_ERR);
	else
		result = refuse(call, PAM_USER_UNKNOWN, "this account does not exist");
	lb_wipe(call->login.password, sizeof call->login.password);
	return result;
}

EXPORT int
pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct lb_pam_call call;
	int err = lb_pam_call_begin(&call, pamh, flags, argc, argv);

	if (err != LB_OK)
		return local_code(err);
	switch (call.subject.kind) {
	case LB_PAM_NOBODY: /* what follows treats all of these alike: no telling who exists */
	case LB_PAM_PERSON:
		return PAM_IGNORE;
	case LB_PAM_GONE: /* asked all the same, so that an ended account looks like a live one */
	case LB_PAM_TEMPORARY:
		if (is_sshd(&call))
			return ask_with_password(&call);
		return refuse(&call, PAM_AUTH_ERR, "one-time passwords are accepted by sshd only");
	case LB_PAM_ODD:
		break;
	}
	return refuse(&call, PAM_AUTH_ERR, "this account's name and number do not belong together");
}

/* Somebody goes in without a grant because root wrote so.  Nothing here may keep them out. */
static int
let_past_with_alarm(const struct lb_pam_call *call, const struct lb_pam_rule *rule)
{
	char what[96 + LB_SERVICE_MAX];
	int err;

	snprintf(what, sizeof what,
		 "ALARM: let in without a grant by line %u of pam.conf, service=%s", rule->line,
		 rule->service);
	lb_pam_call_log(call, LOG_ALERT, what, NULL);
	err = lb_pam_tell(call->opts.socket, HINT_MS, LB_MSG_PAM_EXEMPT, &call->login);
	if (err != LB_OK)
		lb_pam_call_log(call, LOG_CRIT, "lockboxd has not recorded this alarm",
				lb_err_text(err));
	return PAM_IGNORE;
}

static int
pass_gate(const struct lb_pam_call *call, const struct lb_pam_conf *conf)
{
	const struct lb_pam_rule *rule = NULL;

	switch (lb_pam_gate(conf, &call->subject, call->login.service,
			    lb_pam_caller_is_root(call->pamh), &rule)) {
	case LB_PAM_UNKNOWN:
		lb_pam_call_log(call, LOG_NOTICE, "refused", "there is no such account");
		return PAM_USER_UNKNOWN;
	case LB_PAM_PASS:
		return PAM_IGNORE;
	case LB_PAM_ALARM:
		return let_past_with_alarm(call, rule);
	case LB_PAM_ASK:
		if (is_sshd(call) && call->subject.kind == LB_PAM_PERSON &&
		    !lb_pam_conf_has(conf, LB_PAM_GATE))
			lb_pam_call_log(call, LOG_WARNING,
					"no 'gate' line in pam.conf, so nobody can ask for access",
					NULL);
		return ask(call, LB_MSG_PAM_ACCOUNT, PAM_PERM_DENIED);
	case LB_PAM_REFUSE:
		break;
	}
	return refuse(call, PAM_PERM_DENIED,
		      call->subject.kind == LB_PAM_ODD
			      ? "this account's name and number do not belong together"
			      : "a temporary account may not use this service");
}

/* Nobody gets in by a file that cannot be trusted, not even who it may have meant to exempt. */
static int
bad_conf(const struct lb_pam_call *call, int err, const struct lb_pam_conf_fault *fault)
{
	char why[LB_REASON_MAX + 1];

	if (fault->line > 0)
		snprintf(why, sizeof why, "%s: line %u: %s", call->opts.conf, fault->line,
			 fault->what);
	else
		snprintf(why, sizeof why, "%s: %s", call->opts.conf, fault->what);
	lb_pam_call_log(call, LOG_CRIT, "refused, as everybody is", why);
	lb_pam_say(call->pamh, call->flags, PAM_ERROR_MSG, bad_setup_text);
	return local_code(err);
}

/* The emergency account: why is NULL when it may go on. */
static int
sealed(const struct lb_pam_call *call, const char *why)
{
	return why == NULL ? PAM_IGNORE : refuse(call, PAM_PERM_DENIED, why);
}

EXPORT int
pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct lb_pam_call call;
	struct lb_pam_conf conf;
	struct lb_pam_conf_fault fault = {NULL, 0};
	int result, err = lb_pam_call_begin(&call, pamh, flags, argc, argv);

	if (err != LB_OK)
		return local_code(err);
	if (lb_pam_is_sealed(&call))
		return sealed(&call, lb_pam_sealed_account(&call));
	err = lb_pam_conf_load(&conf, call.opts.conf, &fault);
	if (err != LB_OK)
		return bad_conf(&call, err, &fault);
	result = pass_gate(&call, &conf);
	lb_pam_conf_clear(&conf);
	return result;
}

/*
 * sshd's session of a temporary account: the gate again and the registration,
 * in one message.  The end of a grant finds processes by their login uid, so a
 * session that has none of its own must not begin.
 */
static int
open_temporary(const struct lb_pam_call *call)
{
	uint32_t login_uid = 0;

	if (!is_sshd(call))
		return refuse(call, PAM_PERM_DENIED,
			      "a temporary account may not use this service");
	if (lb_pam_login_uid(&login_uid) != LB_OK || login_uid != call->subject.uid) {
		lb_pam_call_log(call, LOG_CRIT, "refused: the login uid is not the account's",
				"pam_loginuid must come before pam_lockbox in the session stack");
		lb_pam_say(call->pamh, call->flags, PAM_ERROR_MSG, bad_setup_text);
		return PAM_PERM_DENIED;
	}
	/* Before the session is told of, so that nothing can have been started outside the group. */
	if (lb_cgroup_join(login_uid) == LB_ERR_SYSTEM)
		lb_pam_call_log(call, LOG_WARNING, "no control group for the session",
				"its end relies on user ids and login uids alone");
	return ask(call, LB_MSG_PAM_OPEN, PAM_PERM_DENIED);
}

/*
 * sshd's session of somebody who has an account here anyway: it is under a grant
 * for that account, or pam.conf lets it past.  The first is known to the daemon
 * by the number that the kernel gives a session with its login uid.
 */
static int
open_own(const struct lb_pam_call *call)
{
	struct lb_pam_conf conf;
	struct lb_pam_conf_fault fault = {NULL, 0};
	const struct lb_pam_rule *rule;
	enum lb_pam_way way;
	int err = lb_pam_conf_load(&conf, call->opts.conf, &fault);

	if (err != LB_OK)
		return bad_conf(call, err, &fault);
	way = lb_pam_gate(&conf, &call->subject, call->login.service,
			  lb_pam_caller_is_root(call->pamh), &rule);
	lb_pam_conf_clear(&conf);
	if (way == LB_PAM_PASS || way == LB_PAM_ALARM) /* the alarm was raised in account */
		return PAM_IGNORE;
	if (way != LB_PAM_ASK)
		return refuse(call, PAM_PERM_DENIED, "this account may not use this service");
	if (lb_pam_take_login_uid(call->subject.uid) != LB_OK) {
		lb_pam_call_log(call, LOG_CRIT, "refused: the login uid is not the account's",
				"pam_loginuid must come before pam_lockbox in the session stack");
		lb_pam_say(call->pamh, call->flags, PAM_ERROR_MSG, bad_setup_text);
		return PAM_PERM_DENIED;
	}
	if (lb_cgroup_join(call->subject.uid) == LB_ERR_SYSTEM)
		lb_pam_call_log(call, LOG_WARNING, "no control group for the session",
				"its end relies on the kernel's number of it alone");
	return ask(call, LB_MSG_PAM_OPEN, PAM_PERM_DENIED);
}

/*
 * The account ended between sshd's account stack and its session.  Without a
 * shell sshd goes on whatever is refused here, and pam_loginuid has not found
 * the account either.  So this process is given the login uid that the name
 * stands for, by which the daemon may end it, and the daemon is told.
 */
static int
open_gone(struct lb_pam_call *call)
{
	uint32_t serial, uid;

	if (is_sshd(call) && lb_account_serial(call->subject.user, &serial) == LB_OK &&
	    lb_uid_is_account(uid = lb_account_uid(serial)) &&
	    lb_pam_take_login_uid(uid) == LB_OK) {
		call->login.uid = uid;
		lb_pam_tell(call->opts.socket, call->opts.timeout_ms, LB_MSG_PAM_OPEN,
			    &call->login);
	}
	return refuse(call, PAM_USER_UNKNOWN, "this account does not exist any more");
}

EXPORT int
pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct lb_pam_call call;
	int err = lb_pam_call_begin(&call, pamh, flags, argc, argv);

	if (err != LB_OK)
		return local_code(err);
	switch (call.subject.kind) {
	case LB_PAM_NOBODY:
		return PAM_IGNORE;
	case LB_PAM_PERSON: /* in sudo's session that is the target: the gate was in account */
		if (lb_pam_is_sealed(&call))
			return sealed(&call, lb_pam_sealed_session(&call));
		return is_sshd(&call) ? open_own(&call) : PAM_IGNORE;
	case LB_PAM_TEMPORARY:
		return open_temporary(&call);
	case LB_PAM_GONE:
		return open_gone(&call);
	case LB_PAM_ODD:
		break;
	}
	return refuse(&call, PAM_PERM_DENIED,
		      "this account's name and number do not belong together");
}

/* A hint only: the keeper watches the process itself, and the account may be gone by now. */
EXPORT int
pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct lb_pam_call call;

	if (lb_pam_call_begin(&call, pamh, flags, argc, argv) != LB_OK)
		return PAM_IGNORE;
	if (call.subject.kind == LB_PAM_TEMPORARY && is_sshd(&call))
		lb_pam_tell(call.opts.socket, HINT_MS, LB_MSG_PAM_CLOSE, &call.login);
	return lb_pam_name_is_ours(call.subject.user) ? PAM_SUCCESS : PAM_IGNORE;
}

/* There are no credentials to set; success, so that `success=done` ends the stack as in auth. */
EXPORT int
pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	const void *user = NULL;

	(void)flags, (void)argc, (void)argv;
	if (pam_get_item(pamh, PAM_USER, &user) != PAM_SUCCESS || user == NULL)
		return PAM_IGNORE;
	return lb_pam_name_is_ours(user) ? PAM_SUCCESS : PAM_IGNORE;
}

EXPORT int
pam_sm_chauthtok(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct lb_pam_call call;
	int err = lb_pam_call_begin(&call, pamh, flags, argc, argv);

	if (err != LB_OK)
		return local_code(err);
	if (call.subject.kind == LB_PAM_PERSON || call.subject.kind == LB_PAM_NOBODY)
		return PAM_IGNORE;
	return refuse(&call, PAM_PERM_DENIED, "a temporary account's password cannot be changed");
}
