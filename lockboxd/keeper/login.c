/* The login gate: see login.h. */
#include "keeper/login.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "keeper/audit.h"
#include "keeper/clocks.h"
#include "keeper/eligible.h"
#include "keeper/own.h"
#include "keeper/password.h"
#include "keeper/role.h"
#include "text.h"

/* Where a temporary account may act at all; the module has the same list and asks nowhere else. */
static const char *const services[] = {"sshd", "sudo", "sudo-i", "polkit-1"};

struct ask {
	struct lb_tx *tx;
	const struct lb_peer *peer;
	const struct lb_msg_login *msg;
	struct lb_grant grant; /* valid when found */
	bool found;
	char why[LB_REASON_MAX + 1];	/* for the person; set with every refusal */
	char detail[LB_REASON_MAX + 1]; /* for the record */
};

static int
verdict(struct ask *a, enum lb_verdict v, const char *text)
{
	struct lb_msg_verdict m = {.verdict = (uint8_t)v};
	const struct lb_target target = {true, a->peer->conn};

	snprintf(m.text, sizeof m.text, "%s", text);
	return lb_outbox_reply(&a->tx->out, target, LB_MSG_VERDICT, &m);
}

/* Once the groups of the grant resolve in this session of the kernel's: that comes next in a login. */
static int
allow_within(struct ask *a, uint32_t session, const char *text)
{
	struct lb_msg_verdict m = {.verdict = LB_VERDICT_ALLOW};
	const struct lb_target target = {true, a->peer->conn};

	snprintf(m.text, sizeof m.text, "%s", text);
	return lb_outbox_await(&a->tx->out, target, a->grant.uid, session, LB_MSG_VERDICT, &m);
}

static void __attribute__((format(printf, 3, 4)))
say_no(struct ask *a, const char *detail, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(a->why, sizeof a->why, format, ap);
	va_end(ap);
	snprintf(a->detail, sizeof a->detail, "%s", detail);
}

/*
 * Whether there is to be a record of this login, and what it says about those
 * there were none of.  Each kind has a bucket of its own: much of one does not
 * hide the first of another.
 */
static bool
budgeted(struct ask *a, struct lb_budget *budget, const char *kind, char *before, size_t cap)
{
	unsigned held, wait_s;
	char key[LB_BUDGET_KEY_MAX + 1];

	snprintf(key, sizeof key, "%u %.16s", a->msg->uid, kind);
	if (!lb_budget_take(budget, key, (int64_t)a->tx->now_s * 1000000000ll, &held, &wait_s))
		return false;
	before[0] = '\0';
	if (held > 0)
		snprintf(before, cap, "; %u before it not recorded", held);
	return true;
}

/*
 * Refusals go into the record as far as the budgets last, each uid's own and
 * that of them all: nobody can fill the store with them, nor hide another's.
 */
static int
refuse(struct ask *a)
{
	const struct lb_msg_login *m = a->msg;
	const struct lb_policy_identity *id = lb_policy_identity_by_uid(a->tx->k->policy, m->uid);
	const char *from = m->rhost[0] ? m->rhost : "this host";
	char before[64];
	int err = LB_OK;

	if (a->tx->endings_only ||
	    !budgeted(a, &a->tx->k->denied, a->detail, before, sizeof before) ||
	    !lb_log_may(&a->tx->k->logins, "refused logins"))
		return verdict(a, LB_VERDICT_DENY, a->why);
	if (a->found)
		err = lb_audit(a->tx, "login-refused", &a->grant, a->grant.identity,
			       "%s from %s: %s%s", m->service, from, a->detail, before);
	else
		err = lb_audit_user(a->tx, "login-refused", m->user, m->uid,
				    id != NULL ? id->name : "", "%s from %s: %s%s", m->service,
				    from, a->detail, before);
	return err == LB_OK ? verdict(a, LB_VERDICT_DENY, a->why) : err;
}

static bool
service_known(const char *service)
{
	for (size_t i = 0; i < sizeof services / sizeof services[0]; i++)
		if (strcmp(services[i], service) == 0)
			return true;
	return false;
}

/* Everyone who is not a temporary account: no standing access, and how to ask. */
static void
say_how_to_ask(struct ask *a)
{
	const char *gate = lb_policy_host(a->tx->k->policy)->gate_user;
	const char *host = lb_keeper_host(a->tx->k);

	say_no(a, "no grant",
	       "Lockbox: nobody has standing access to %s. Ask for it:\n"
	       "  ssh %s@%s roles\n"
	       "  ssh %s@%s request ROLE --for 1h --reason \"...\"",
	       host, gate, host, gate, host);
}

/* The grant that this login would be under.  LB_ERR_REFUSED: there is none, and why says so. */
static int
find_grant(struct ask *a)
{
	const struct lb_msg_login *m = a->msg;
	bool temporary = lb_uid_is_account(m->uid) && lb_account_valid(m->user);
	int err = temporary ? lb_store_grant_by_uid(a->tx->store, m->uid, &a->grant)
			    : lb_own_grant(a->tx, m->uid, m->user, &a->grant);

	if (err != LB_OK && err != LB_ERR_NOT_FOUND)
		return err;
	a->found = err == LB_OK && strcmp(a->grant.account, m->user) == 0 &&
		   temporary == (a->grant.own_uid == 0); /* so it is stored; LCOV_EXCL_BR_LINE */
	if (a->found)
		return LB_OK;
	if (temporary)
		say_no(a, "no such account", "Lockbox: there is no such account");
	else
		say_how_to_ask(a);
	return LB_ERR_REFUSED;
}

/*
 * What an own account runs outside the grant's sessions, cron's or what was there before, is not
 * what was approved, and is not ended with the grant.
 */
static int
check_within(struct ask *a)
{
	bool within;
	int err = lb_own_within(a->tx, a->peer, &a->grant, &within);

	if (err != LB_OK || within)
		return err;
	say_no(a, "outside the grant's sessions",
	       "Lockbox: this session was not opened under R-%llu; log in anew",
	       (unsigned long long)a->grant.id);
	return LB_ERR_REFUSED;
}

/*
 * The gate.  LB_OK: the grant is open and everything about this login is as
 * it must be; LB_ERR_REFUSED: why says what is not; else a failure.
 */
static int
gate(struct ask *a)
{
	const struct lb_msg_login *m = a->msg;
	struct lb_tx *tx = a->tx;
	const struct lb_policy_role *role;
	char lacks[LB_REASON_MAX + 1];
	uint32_t sessions;
	int err;

	err = find_grant(a);
	if (err != LB_OK)
		return err;
	if (!service_known(m->service)) {
		say_no(a,
		       a->grant.own_uid != 0 ? "not a service for own accounts"
					     : "not a service for temporary accounts",
		       a->grant.own_uid != 0 ? "Lockbox: a grant on your own account is not for %s"
					     : "Lockbox: a temporary account may not use %s",
		       m->service);
		return LB_ERR_REFUSED;
	}
	role = lb_policy_role(tx->k->policy, a->grant.role);
	if (!lb_grant_open(&a->grant, tx->now_s) || role == NULL ||
	    !lb_policy_may_request(tx->k->policy, a->grant.role, a->grant.identity)) {
		say_no(a, "the grant is over", "Lockbox: R-%llu is over",
		       (unsigned long long)a->grant.id);
		return LB_ERR_REFUSED;
	}
	if (strcmp(m->service, "sshd") != 0)
		return a->grant.own_uid != 0
			       ? check_within(a)
			       : LB_OK; /* what is open goes on, unless the role ends with eligibility */
	err = lb_eligible(tx, a->grant.identity, role, lacks, sizeof lacks);
	if (err == LB_ERR_REFUSED)
		say_no(a, "not eligible any more", "Lockbox: R-%llu lets nobody in now: %.400s",
		       (unsigned long long)a->grant.id, lacks);
	if (err != LB_OK)
		return err;
	if (lb_policy_role_opens(role, tx->now_s) > tx->now_s) {
		say_no(a, "the role is closed", "Lockbox: %s is closed now", a->grant.role);
		return LB_ERR_REFUSED;
	}
	err = lb_store_count_sessions(tx->store, a->grant.id, &sessions);
	if (err != LB_OK)
		return err;
	if (sessions >= lb_role_sessions(role, &a->grant)) {
		say_no(a, "session limit",
		       "Lockbox: session limit reached: R-%llu allows %u at a time and %u %s open",
		       (unsigned long long)a->grant.id, lb_role_sessions(role, &a->grant), sessions,
		       sessions == 1 ? "is" : "are");
		return LB_ERR_REFUSED;
	}
	return LB_OK;
}

/* -- wrong passwords ---------------------------------------------------------------- */

static struct lb_tries *
tries_of(struct lb_keeper *k, uint64_t grant, const char *rhost)
{
	struct lb_tries *oldest = &k->tries[0];

	for (size_t i = 0; i < LB_TRIES_KEPT; i++) {
		struct lb_tries *t = &k->tries[i];

		if (t->grant == grant && strcmp(t->rhost, rhost) == 0) {
			t->used = ++k->tries_clock;
			return t;
		}
		if (t->used < oldest->used)
			oldest = t;
	}
	oldest->grant = grant;
	oldest->wrong = 0;
	oldest->used = ++k->tries_clock;
	snprintf(oldest->rhost, sizeof oldest->rhost, "%s", rhost);
	return oldest;
}

void
lb_login_forget_tries(struct lb_keeper *k, uint64_t grant)
{
	for (size_t i = 0; i < LB_TRIES_KEPT; i++)
		if (k->tries[i].grant == grant)
			k->tries[i] = (struct lb_tries){0};
}

/* -- the four questions --------------------------------------------------------------- */

/* The whole gate first: a password is not spent on a login that would be refused anyway. */
static int
do_auth(struct ask *a)
{
	struct lb_tries *tries;
	int err = gate(a);

	if (err == LB_ERR_REFUSED)
		return refuse(a);
	if (err != LB_OK)
		return err;
	tries = tries_of(a->tx->k, a->grant.id, a->msg->rhost);
	if (a->grant.own_uid != 0) {
		say_no(a, "no password", "Lockbox: your own account has no one-time password");
		return refuse(a);
	}
	if (strcmp(a->msg->service, "sshd") != 0) {
		say_no(a, "password outside sshd",
		       "Lockbox: one-time passwords are accepted by sshd only");
		return refuse(a);
	}
	if (tries->wrong >= LB_TRIES_MAX) {
		say_no(a, "too many wrong passwords",
		       "Lockbox: too many wrong passwords from here; claim a new one");
		return refuse(a);
	}
	if (!lb_password_matches(&a->grant, a->msg->password)) {
		bool used = a->grant.otp != LB_OTP_READY;

		tries->wrong++;
		say_no(a,
		       used ? "the one-time password was used already or is void"
			    : "wrong one-time password",
		       "Lockbox: wrong or used one-time password; claim gives a fresh one");
		return refuse(a);
	}
	lb_password_void(&a->grant, LB_OTP_SPENT);
	err = lb_store_put_grant(a->tx->store, &a->grant);
	if (err == LB_OK)
		err = lb_audit(a->tx, "login-ok", &a->grant, a->grant.identity,
			       "%s from %s: one-time password", a->msg->service, a->msg->rhost);
	return err == LB_OK ? verdict(a, LB_VERDICT_ALLOW, "") : err;
}

static int
do_account(struct ask *a)
{
	int err = gate(a);

	if (err == LB_ERR_REFUSED)
		return refuse(a);
	return err == LB_OK ? verdict(a, LB_VERDICT_ALLOW, "") : err;
}

/* sshd goes on after a failed open_session when no shell is asked for: end the connection itself. */
static int
refuse_session(struct ask *a)
{
	struct lb_ipc_session s = {.uid = a->msg->uid, .pid = (uint32_t)a->peer->pid};
	int err = LB_OK;

	snprintf(s.text, sizeof s.text, "%s", a->why);
	if ((lb_uid_is_account(a->msg->uid) || a->peer->login_uid == a->msg->uid) &&
	    a->peer->pidfd >= 0)
		err = lb_outbox_warden(&a->tx->out, LB_IPC_DISCONNECT, &s, a->peer->pidfd);
	return err == LB_OK ? refuse(a) : err;
}

static void
describe(const struct ask *a, char *text, size_t cap)
{
	char until[LB_TIME_TEXT], left[LB_DURATION_TEXT];

	lb_time_format(until, (int64_t)a->grant.end_s);
	lb_duration_format(left, a->grant.end_s - a->tx->now_s);
	snprintf(text, cap, "Lockbox: %s on %s (R-%llu) until %s, %s from now.%s%.150s%s%.150s",
		 a->grant.role, lb_keeper_host(a->tx->k), (unsigned long long)a->grant.id, until,
		 left, a->grant.groups[0] ? " Groups: " : "", a->grant.groups,
		 a->grant.sudo[0] ? ". sudo: " : "", a->grant.sudo);
}

/* A duration that counts from the first login begins with it; the warden is told the new end. */
static int
begin_duration(struct ask *a)
{
	const struct lb_policy_role *role = lb_policy_role(a->tx->k->policy, a->grant.role);
	char until[LB_TIME_TEXT];
	int err;

	if (!lb_clocks_login(role, &a->grant, a->tx->now_s))
		return LB_OK;
	lb_time_format(until, (int64_t)a->grant.end_s);
	err = lb_store_put_grant(a->tx->store, &a->grant);
	if (err == LB_OK)
		err = lb_sync_publish(a->tx, &a->grant, false);
	if (err == LB_OK)
		err = lb_audit(a->tx, "begin", &a->grant, a->grant.identity,
			       "the first login: its time is counted from now on, until %s", until);
	return err;
}

/* A session on an own account is known by the kernel's number of it, so it must have one of its own. */
static bool
numbered(const struct ask *a)
{
	return a->grant.own_uid == 0 ||
	       (a->peer->login_uid == a->grant.own_uid && a->peer->kernel_session != 0 &&
		a->peer->kernel_session != UINT32_MAX);
}

static int
do_open(struct ask *a)
{
	struct lb_session s = {.service = ""};
	struct lb_ipc_session ipc = {.pid = (uint32_t)a->peer->pid};
	struct lb_ipc_kernel kernel;
	char text[LB_REASON_MAX + 1];
	int err = gate(a), pidfd;

	if (err == LB_OK && (strcmp(a->msg->service, "sshd") != 0 || !a->peer->known ||
			     a->peer->pidfd < 0 || !numbered(a))) {
		say_no(a, "the session's process cannot be registered",
		       "Lockbox: this session cannot be registered");
		err = LB_ERR_REFUSED;
	}
	if (err == LB_ERR_REFUSED)
		return refuse_session(a);
	if (err != LB_OK)
		return err;
	ipc.uid = kernel.uid = a->grant.uid;
	if (a->grant.own_uid != 0)
		s.kernel = a->peer->kernel_session;
	kernel.session = s.kernel;
	s.grant = a->grant.id;
	s.pid = (uint32_t)a->peer->pid;
	s.start_ticks = lb_peer_start_ticks(a->tx->k->proc_fd, a->peer->pid);
	if (s.start_ticks == 0)
		return LB_ERR_SYSTEM; /* after a restart it could not be told from another process */
	memcpy(s.boot_id, a->tx->k->boot_id, sizeof s.boot_id);
	s.opened_s = a->tx->now_s;
	memcpy(s.service, a->msg->service, sizeof s.service);
	memcpy(s.rhost, a->msg->rhost, sizeof s.rhost);
	memcpy(s.tty, a->msg->tty, sizeof s.tty);
	pidfd = fcntl(a->peer->pidfd, F_DUPFD_CLOEXEC, 3);
	if (pidfd < 0)
		return LB_ERR_SYSTEM;
	if ((err = lb_store_put_session(a->tx->store, &s)) != LB_OK) {
		close(pidfd);
		return err;
	}
	err = lb_outbox_watch(&a->tx->out, s.grant, s.number, pidfd);
	if (err == LB_OK)
		err = begin_duration(a);
	if (err == LB_OK && s.kernel != 0)
		err = lb_outbox_warden(&a->tx->out, LB_IPC_KERNEL, &kernel, -1);
	if (err == LB_OK)
		err = lb_outbox_warden(&a->tx->out, LB_IPC_SESSION, &ipc, a->peer->pidfd);
	if (err == LB_OK)
		err = lb_audit(a->tx, "session-open", &a->grant, a->grant.identity,
			       "session %llu, %s from %s%s%s, process %u",
			       (unsigned long long)s.number, s.service,
			       s.rhost[0] ? s.rhost : "this host", s.tty[0] ? ", " : "", s.tty,
			       s.pid);
	describe(a, text, sizeof text);
	if (err != LB_OK)
		return err;
	return s.kernel != 0 ? allow_within(a, s.kernel, text) : verdict(a, LB_VERDICT_ALLOW, text);
}

/* A hint, and nothing more: the session is over when its process is. */
static int
do_close(struct ask *a)
{
	return verdict(a, LB_VERDICT_ALLOW, "");
}

static int
do_exempt(struct ask *a)
{
	const struct lb_msg_login *m = a->msg;
	const char *from = m->rhost[0] ? m->rhost : "this host";
	char before[64];
	int err = LB_OK;

	if (budgeted(a, &a->tx->k->exempt, m->service, before, sizeof before)) {
		/* What is left of a full store is for endings; the alarm is heard all the same. */
		if (a->tx->endings_only)
			lb_log(LOG_ALERT,
			       "ALARM: %s let %s (uid %u) in from %s without a grant, by "
			       "pam.conf%s; "
			       "the store is full: not recorded",
			       m->service, m->user, m->uid, from, before);
		else
			err = lb_audit_user(
				a->tx, "exempt-used", m->user, m->uid, "",
				"ALARM: %s let %s in from %s without a grant, by pam.conf%s",
				m->service, m->user, from, before);
	}
	return err == LB_OK ? verdict(a, LB_VERDICT_ALLOW, "") : err;
}

static const struct {
	uint16_t type;
	bool ends; /* goes through when the store is full */
	int (*handler)(struct ask *a);
} rows[] = {
	{LB_MSG_PAM_AUTH, false, do_auth},    {LB_MSG_PAM_ACCOUNT, true, do_account},
	{LB_MSG_PAM_OPEN, false, do_open},    {LB_MSG_PAM_CLOSE, true, do_close},
	{LB_MSG_PAM_EXEMPT, true, do_exempt},
};

/*
 * The host's emergency account is none of ours; its module only asks whether we
 * can decide.  We can, unless nothing new can be granted.
 */
static int
sealed_path(struct ask *a)
{
	if (a->tx->endings_only || lb_keeper_clock_astray(a->tx->k))
		return verdict(a, LB_VERDICT_ALLOW, "");
	return verdict(a, LB_VERDICT_DENY, "Lockbox: ask for access: ssh lockbox@HOST");
}

int
lb_login(struct lb_tx *tx, const struct lb_peer *peer, uint16_t type,
	 const struct lb_msg_login *msg)
{
	struct ask *a = calloc(1, sizeof *a);
	int err = LB_ERR_MALFORMED;

	if (a == NULL)
		return LB_ERR_NOMEM;
	a->tx = tx;
	a->peer = peer;
	a->msg = msg;
	if (type == LB_MSG_PAM_ACCOUNT && strcmp(msg->user, LB_SEALED_NAME) == 0) {
		err = sealed_path(a);
		free(a);
		return err;
	}
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (rows[i].type != type)
			continue;
		if (tx->endings_only && !rows[i].ends) {
			say_no(a, "store full",
			       "Lockbox: the store is full; the host's operators must make room");
			err = type == LB_MSG_PAM_OPEN ? refuse_session(a)
						      : verdict(a, LB_VERDICT_DENY, a->why);
		} else {
			err = rows[i].handler(a);
		}
	}
	free(a);
	return err;
}
