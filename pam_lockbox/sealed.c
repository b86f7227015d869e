/* The sealed path: see sealed.h. */
#include "sealed.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "err.h"
#include "exchange.h"
#include "seal.h"

#define HINT_MS 300

bool
lb_pam_is_sealed(const struct lb_pam_call *call)
{
	return call->subject.kind == LB_PAM_PERSON &&
	       strcmp(call->subject.user, LB_SEALED_NAME) == 0;
}

static bool
is_sudo(const struct lb_pam_call *call)
{
	return strcmp(call->login.service, "sudo") == 0 ||
	       strcmp(call->login.service, "sudo-i") == 0;
}

/* The kernel's own log, which needs no syslog daemon and no disk. */
static void
tell_kernel(const char *line)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return;
	if (write(fd, line, strlen(line)) < 0)
		syslog(LOG_AUTHPRIV | LOG_ERR, "lockbox: the kernel's log takes no line");
	close(fd);
}

/* LOG_EMERG reaches every terminal: rsyslog and journald write it there. */
static void
raise_alarm(const struct lb_pam_call *call)
{
	static const char what[] = "ALARM: the seal of this host was broken; its emergency account "
				   "logs in without a grant";
	char line[256 + LB_SERVICE_MAX + LB_TTY_MAX];

	lb_pam_call_log(call, LOG_EMERG, what, call->login.service);
	snprintf(line, sizeof line, "<1>lockbox: %s\n", what);
	tell_kernel(line);
	lb_pam_tell(call->opts.socket, HINT_MS, LB_MSG_PAM_EXEMPT, &call->login);
}

/* NULL when the daemon gives no answer, or says itself that it can grant nothing. */
static const char *
daemon_decides(const struct lb_pam_call *call)
{
	struct lb_msg_verdict verdict = {.verdict = LB_VERDICT_DENY};
	int err = lb_pam_ask(call->opts.socket, call->opts.timeout_ms, LB_MSG_PAM_ACCOUNT,
			     &call->login, &verdict);

	/* What fails on this side says nothing about the daemon. */
	if (err == LB_ERR_NOMEM || err == LB_ERR_SYSTEM)
		return "whether the access daemon runs cannot be told";
	if (err != LB_OK || verdict.verdict == LB_VERDICT_ALLOW)
		return NULL;
	return "the access daemon runs, so the emergency account stays sealed: ask through "
	       "Lockbox (ssh lockbox@HOST)";
}

const char *
lb_pam_sealed_account(const struct lb_pam_call *call)
{
	const char *dir = call->opts.seal, *why;
	struct lb_seal seal;
	int err;

	if (call->subject.uid == 0)
		return "the emergency account must not have user id 0";
	if (is_sudo(call))
		return lb_seal_in_use(dir, &seal) ? NULL
						  : "the emergency account is sealed, or its time "
						    "is over";
	err = lb_seal_read(dir, LB_SEAL_WHOLE, &seal);
	if (err == LB_ERR_NOT_FOUND)
		return "there is no seal to break, or it was broken before";
	if (err != LB_OK || seal.broken[0] != '\0')
		return "the seal of this host is damaged";
	if (!lb_seal_serves(&seal, call->login.service))
		return "the emergency account may not use this service";
	why = daemon_decides(call);
	if (why != NULL)
		return why;
	err = lb_seal_break(dir, call->login.service, call->login.tty, call->login.rhost);
	if (err == LB_ERR_NOT_FOUND)
		return "somebody else has broken the seal at this moment";
	if (err != LB_OK)
		return "the seal cannot be broken, so nobody is let in";
	raise_alarm(call);
	return NULL;
}

const char *
lb_pam_sealed_session(const struct lb_pam_call *call)
{
	struct lb_seal seal;

	if (!lb_seal_in_use(call->opts.seal, &seal))
		return "the emergency account is sealed, or its time is over";
	if (!lb_seal_serves(&seal, call->login.service))
		return "the emergency account may not use this service";
	return NULL;
}
