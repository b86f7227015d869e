/* Own accounts: see own.h. */
#include "warden/own.h"

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "err.h"
#include "log.h"
#include "warden/scan.h"

#define TERMINALS_MAX 64u

const char *
lb_own_missing(const char *file, const char *name, uint32_t uid)
{
	FILE *f = fopen(file, "re");
	const char *why = NULL;
	unsigned found = 0;
	struct passwd *pw;

	if (f == NULL)
		return "the users of this host cannot be read";
	while (why == NULL && (pw = fgetpwent(f)) != NULL) {
		bool same = strcmp(pw->pw_name, name) == 0;

		if (same && pw->pw_uid != uid)
			why = "the account has another uid now";
		else if (!same && pw->pw_uid == uid)
			why = "two users have the account's uid";
		found += same;
	}
	fclose(f);
	if (why == NULL && found != 1)
		why = found == 0 ? "there is no such user in /etc/passwd"
				 : "the account is in /etc/passwd twice";
	return why;
}

static bool
has_session(const struct lb_account *a, uint32_t session)
{
	for (size_t i = 0; i < a->nsessions; i++)
		if (a->sessions[i] == session)
			return true;
	return false;
}

int
lb_own_add_session(struct lb_account *a, uint32_t session)
{
	uint32_t *grown;

	if (a->own_uid == 0 || session == 0 || session == UINT32_MAX)
		return LB_ERR_REFUSED;
	if (has_session(a, session))
		return LB_OK;
	grown = reallocarray(a->sessions, a->nsessions + 1, sizeof *grown);
	if (grown == NULL)
		return LB_ERR_NOMEM;
	a->sessions = grown;
	grown[a->nsessions++] = session;
	a->clean_scans = 0;
	return LB_OK;
}

static bool
belongs(const struct lb_account *a, uint32_t login_uid, uint32_t session)
{
	return a->own_uid != 0 && a->own_uid == login_uid && session != UINT32_MAX &&
	       has_session(a, session);
}

struct lb_account *
lb_own_of(const struct lb_accounts *all, uint32_t login_uid, uint32_t session)
{
	for (size_t i = 0; i < all->count; i++)
		if (belongs(all->at[i], login_uid, session))
			return all->at[i];
	return NULL;
}

bool
lb_own_belongs(const struct lb_account *a, pid_t pid, int pidfd)
{
	uint32_t login_uid, session;

	return lb_scan_session_of(pid, pidfd, &login_uid, &session) &&
	       belongs(a, login_uid, session);
}

void
lb_own_disconnect(const struct lb_policy *policy, uint32_t uid, pid_t pid, int pidfd)
{
	uint32_t login_uid, session;

	if (lb_own_uid_valid(uid) && lb_policy_identity_by_uid(policy, uid) != NULL &&
	    lb_scan_session_of(pid, pidfd, &login_uid, &session) && login_uid == uid &&
	    lb_scan_is_sshd(pid) && lb_scan_is_listener(pid) == 0)
		syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0);
	else
		lb_log(LOG_WARNING, "connection %d does not belong to uid %u: left alone", (int)pid,
		       uid);
}

struct telling {
	const struct lb_accounts *all;
	lb_notice_text *text;
	lb_notice_told *told;
	void *arg;
	dev_t done[TERMINALS_MAX]; /* one terminal has many processes */
	size_t count;
};

/* The terminal that a process was started at; 0: none. */
static dev_t
terminal_of(pid_t pid)
{
	char path[48], stat[1024];
	unsigned number = 0;
	const char *at;
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, stat, sizeof stat - 1);
		close(fd);
	}
	stat[n > 0 ? n : 0] = '\0';
	at = strrchr(stat, ')'); /* the name may hold anything */
	if (at == NULL || sscanf(at + 1, " %*c %*d %*d %*d %u", &number) != 1)
		return 0;
	return makedev(number >> 8 & 0xfff, (number & 0xff) | (number >> 12 & 0xfff00));
}

static void
tell_terminal(void *arg, const struct lb_found *found)
{
	struct telling *t = arg;
	const struct lb_account *a = lb_accounts_find(t->all, found->owner);
	dev_t terminal = terminal_of(found->pid);
	char words[LB_NOTICE_MAX];

	if (a == NULL || terminal == 0 || t->count == TERMINALS_MAX)
		return;
	for (size_t i = 0; i < t->count; i++)
		if (t->done[i] == terminal)
			return;
	t->done[t->count++] = terminal;
	if (t->text(t->arg, a->uid, words, sizeof words) &&
	    lb_notice_terminal(terminal, a->own_uid, words) && t->told != NULL)
		t->told(t->arg, a->uid, words);
}

static bool
no_account(void *arg, uint32_t uid)
{
	(void)arg;
	(void)uid;
	return false;
}

/* Only of those that have something to be told. */
static uint32_t
told_session(void *arg, uint32_t login_uid, uint32_t session)
{
	const struct telling *t = arg;
	const struct lb_account *a = lb_own_of(t->all, login_uid, session);
	char words[LB_NOTICE_MAX];

	return a != NULL && t->text(t->arg, a->uid, words, sizeof words) ? a->uid : UINT32_MAX;
}

void
lb_own_notice(const struct lb_accounts *all, lb_notice_text *text, lb_notice_told *told, void *arg)
{
	struct telling t = {.all = all, .text = text, .told = told, .arg = arg};
	bool any = false;

	for (size_t i = 0; !any && i < all->count; i++) {
		char words[LB_NOTICE_MAX];

		any = all->at[i]->own_uid != 0 && all->at[i]->nsessions > 0 &&
		      text(arg, all->at[i]->uid, words, sizeof words);
	}
	if (any)
		lb_scan_sessions(no_account, told_session, tell_terminal, &t, NULL);
}
