/* The host's own state: see doctor_checks.h. */
#include "doctor_checks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf.h"
#include "err.h"
#include "name.h"
#include "policy/policy.h"
#include "seal.h"
#include "way_in.h"

#define SETUP LB_DATADIR "/setup"
#define RUN_DIR "/run/lockbox"
#define STATE_DIR "/var/lib/lockbox"
#define ROOM_WANTED ((uint64_t)512 << 20)

struct doctor {
	lb_doctor_found *found;
	void *arg;
	bool alone; /* the ways in alone: the gate user may be yet to be made */
};

static void tell(const struct doctor *d, const char *check, enum lb_health health, const char *next,
		 const char *format, ...) __attribute__((format(printf, 5, 6)));

static void
tell(const struct doctor *d, const char *check, enum lb_health health, const char *next,
     const char *format, ...)
{
	char text[LB_DOCTOR_TEXT];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	d->found(d->arg, check, health, text, next);
}

/* -- PAM, names, sshd, sudo: what setup knows ---------------------------------------------- */

/* One line of `setup status`: a heading, something in order, or a fault. */
static void
setup_line(const struct doctor *d, char *line, unsigned *faults)
{
	static const char said[] = "lockbox setup: ";
	bool error = strncmp(line, said, sizeof said - 1) == 0;

	line[strcspn(line, "\n")] = '\0';
	if (error)
		line += sizeof said - 1;
	line += strspn(line, " ");
	if (!error && strstr(line, "OPEN:") == NULL && strstr(line, "missing") == NULL &&
	    strstr(line, " not ") == NULL)
		return;
	++*faults;
	tell(d, "gate", LB_HEALTH_BAD,
	     strstr(line, "OPEN: pam_lockbox.so is not in") != NULL
		     ? "put `@include common-account` into its file in /etc/pam.d; where nobody "
		       "logs in by it, `system NAME` into pam.conf; then " SETUP " enable"
		     : SETUP " status, then " SETUP " enable",
	     "%s", line);
}

static void
check_gate(const struct doctor *d)
{
	char *const argv[] = {(char *)(uintptr_t) "setup", (char *)(uintptr_t) "status",
			      (char *)(uintptr_t) "--gate", NULL};
	char *const envp[] = {(char *)(uintptr_t) "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	char line[LB_DOCTOR_TEXT];
	unsigned faults = 0;
	int out[2], status = -1;
	FILE *f = NULL;
	pid_t pid = -1;

	if (pipe2(out, O_CLOEXEC) == 0) {
		f = fdopen(out[0], "r");
		pid = f != NULL ? fork() : -1;
		if (pid == 0) {
			signal(SIGPIPE, SIG_DFL);
			dup2(out[1], STDOUT_FILENO);
			dup2(out[1], STDERR_FILENO);
			execve(SETUP, argv, envp);
			_exit(127);
		}
		close(out[1]);
	}
	while (pid > 0 && fgets(line, sizeof line, f) != NULL)
		setup_line(d, line, &faults);
	if (pid > 0)
		waitpid(pid, &status, 0);
	if (f != NULL)
		fclose(f);
	if (status == 0 && faults == 0)
		tell(d, "gate", LB_HEALTH_OK, "",
		     "holds in PAM, nsswitch.conf, sshd and sudo (" SETUP " status)");
	else if (faults == 0)
		tell(d, "gate", LB_HEALTH_BAD, SETUP " status",
		     "where the gate holds cannot be told: " SETUP " status failed");
}

/* -- the rest --------------------------------------------------------------------------------- */

static void
count_finding(void *arg, const struct lb_report_item *item)
{
	(void)arg;
	(void)item;
}

static void
check_policy(const struct doctor *d)
{
	struct lb_report report = {.found = count_finding};
	struct lb_policy_source *source = NULL;
	struct lb_policy *policy = NULL;
	int err = lb_policy_source_read("/etc/lockbox/" LB_HOST_FILE_NAME, "/etc/lockbox/policy.d",
					&report, &source);

	if (err == LB_OK)
		err = lb_policy_parse(source, &report, &policy);
	lb_policy_source_free(source);
	if (err != LB_OK)
		tell(d, "policy", LB_HEALTH_BAD, "lockbox check",
		     "the files in /etc/lockbox would be refused: %u mistake%s", report.errors,
		     report.errors == 1 ? "" : "s");
	else if (report.warnings > 0)
		tell(d, "policy", LB_HEALTH_WARNING, "lockbox check", "%u warning%s",
		     report.warnings, report.warnings == 1 ? "" : "s");
	else
		tell(d, "policy", LB_HEALTH_OK, "", "%zu identities, %zu teams, %zu roles",
		     lb_policy_identities(policy), lb_policy_teams(policy),
		     lb_policy_roles(policy));
	lb_policy_free(policy);
}

static void
check_accounts(const struct doctor *d)
{
	struct stat st;

	if (lstat(RUN_DIR "/accounts", &st) != 0)
		tell(d, "accounts", LB_HEALTH_BAD, "journalctl -t lockboxd",
		     RUN_DIR "/accounts: %s; no temporary account resolves", strerror(errno));
	else if (!S_ISREG(st.st_mode) || st.st_uid != 0 || (st.st_mode & 07777) != 0644)
		tell(d, "accounts", LB_HEALTH_BAD, "systemctl restart lockboxd",
		     RUN_DIR "/accounts is not root's own file with mode 0644");
	else
		tell(d, "accounts", LB_HEALTH_OK, "", "published");
}

static void
check_nscd(const struct doctor *d)
{
	if (access("/run/nscd/socket", F_OK) == 0)
		tell(d, "nscd", LB_HEALTH_BAD,
		     "stop nscd, or turn its passwd and group caches off in /etc/nscd.conf",
		     "nscd runs and keeps answers about accounts that have ended");
	else
		tell(d, "nscd", LB_HEALTH_OK, "", "does not run");
}

static void
check_login_uid(const struct doctor *d)
{
	if (access("/proc/self/loginuid", R_OK) != 0)
		tell(d, "login uid", LB_HEALTH_BAD, "boot a kernel with CONFIG_AUDIT",
		     "this kernel keeps none: what left its user id is not found at the end");
	else
		tell(d, "login uid", LB_HEALTH_OK, "", "kept by the kernel");
}

static void
check_syslog(const struct doctor *d)
{
	if (access("/dev/log", W_OK) != 0)
		tell(d, "syslog", LB_HEALTH_WARNING, "start rsyslog or systemd-journald",
		     "/dev/log: %s; events are kept in the store alone", strerror(errno));
	else
		tell(d, "syslog", LB_HEALTH_OK, "", "listens at /dev/log");
}

/* The lines of pam.conf that name somebody: true when one lets its user in; *broken: others cannot. */
static bool
check_lines(const struct doctor *d, const struct lb_pam_conf *conf, bool *broken)
{
	const struct lb_pam_rule *works = NULL;
	char why[LB_WAY_TEXT];

	for (size_t i = 0; i < conf->count; i++) {
		const struct lb_pam_rule *rule = &conf->rules[i];
		enum lb_way way;

		if (rule->kind != LB_PAM_EXEMPT && (rule->kind != LB_PAM_GATE || d->alone))
			continue;
		way = lb_way_of(&lb_way_host, rule, why);
		if (way == LB_WAY_WORKS && works == NULL)
			works = rule;
		if (way != LB_WAY_NONE)
			continue;
		*broken = *broken || rule->kind == LB_PAM_EXEMPT;
		tell(d, "pam.conf", LB_HEALTH_WARNING, "mend it or take the line out",
		     "line %u: %s", rule->line, why);
	}
	if (!lb_pam_conf_has(conf, LB_PAM_GATE))
		tell(d, "pam.conf", LB_HEALTH_WARNING, "pam_lockbox(8), gate",
		     "no line names the gate user, so nobody can ask for access by ssh");
	if (works != NULL)
		tell(d, "way in", LB_HEALTH_OK, "", "%s by %s: line %u of pam.conf", works->user,
		     works->service, works->line);
	return works != NULL;
}

/* The module refuses everybody when it cannot use the file, but for the sealed account. */
static bool
read_pam_conf(const struct doctor *d, struct lb_pam_conf *conf)
{
	char why[LB_WAY_TEXT];

	if (lb_way_read(conf, LB_WAY_PAM_CONF, why) != LB_OK) {
		tell(d, "pam.conf", LB_HEALTH_BAD,
		     "mend it from a root shell that stays open; lockbox check",
		     LB_WAY_PAM_CONF ": %s; every login is refused for that", why);
		return false;
	}
	if (conf->text == NULL) {
		tell(d, "pam.conf", LB_HEALTH_BAD, "make install, or put it back from a backup",
		     LB_WAY_PAM_CONF " is not there: nobody gets in, and nobody can ask");
		return false;
	}
	tell(d, "pam.conf", LB_HEALTH_OK, "", "%zu lines that the gate can use", conf->count);
	return true;
}

static void
check_way_in(const struct doctor *d)
{
	struct lb_pam_conf conf;
	struct lb_seal seal;
	bool broken = false, works = false;
	bool readable = read_pam_conf(d, &conf);
	bool sealed =
		lb_seal_read(LB_SEAL_DIR, LB_SEAL_WHOLE, &seal) == LB_OK && seal.broken[0] == '\0';

	if (readable) {
		works = check_lines(d, &conf, &broken);
		lb_pam_conf_clear(&conf);
	}
	if (sealed && !works)
		tell(d, "way in", LB_HEALTH_OK, "", "once, by the seal: " LB_SEALED_NAME " by %s",
		     seal.services);
	else if (!works && (broken || !readable))
		tell(d, "way in", LB_HEALTH_BAD, "pam_lockbox(8), exempt",
		     "none works: when lockboxd is down, only a root shell at boot helps");
	else if (!works)
		tell(d, "way in", LB_HEALTH_NOTE, "pam_lockbox(8), exempt",
		     "nobody is exempt, and there is no seal: when lockboxd is down, only a root "
		     "shell at boot helps");
}

static void
check_seal(const struct doctor *d)
{
	struct lb_seal seal;
	int err = lb_seal_read(LB_SEAL_DIR, LB_SEAL_WHOLE, &seal);

	if (err == LB_OK && seal.broken[0] == '\0') {
		tell(d, "seal", LB_HEALTH_OK, "", "intact, since %s, for %s", seal.sealed,
		     seal.services);
		return;
	}
	if (err != LB_ERR_NOT_FOUND) {
		tell(d, "seal", LB_HEALTH_BAD, SETUP " seal", "the seal is damaged: %s",
		     lb_err_text(err));
		return;
	}
	if (lb_seal_read(LB_SEAL_DIR, LB_SEAL_BROKEN, &seal) == LB_OK)
		tell(d, "seal", LB_HEALTH_BAD,
		     "find out who it was, have the review closed (lockbox status), then seal it "
		     "anew: " SETUP " seal",
		     "BROKEN: %s", seal.broken);
	else
		tell(d, "seal", LB_HEALTH_NOTE, "lockbox-setup(8), seal",
		     "there is no sealed emergency account");
}

static void
check_room(const struct doctor *d)
{
	struct statvfs fs;
	uint64_t room;

	if (statvfs(STATE_DIR, &fs) != 0) {
		tell(d, "disk", LB_HEALTH_BAD, "start lockboxd", STATE_DIR ": %s", strerror(errno));
		return;
	}
	room = (uint64_t)fs.f_bavail * fs.f_frsize;
	tell(d, "disk", room < ROOM_WANTED ? LB_HEALTH_WARNING : LB_HEALTH_OK,
	     room < ROOM_WANTED ? "make room there" : "", STATE_DIR " has room for %llu MiB more",
	     (unsigned long long)(room >> 20));
}

/* The number behind a word in a file of /proc, or -1. */
static long long
status_number(const char *pid, const char *word)
{
	char path[64], line[256];
	long long value = -1;
	size_t len = strlen(word);
	FILE *f;

	snprintf(path, sizeof path, "/proc/%.20s/status", pid);
	f = fopen(path, "re");
	while (f != NULL && value < 0 && fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, word, len) == 0)
			value = strtoll(line + len, NULL, 10);
	if (f != NULL)
		fclose(f);
	return value;
}

static void
check_memory(const struct doctor *d)
{
	const struct passwd *pw = getpwnam("lockbox-keeper");
	DIR *proc = pw != NULL ? opendir("/proc") : NULL;
	struct dirent *entry;
	long long locked = -1;

	while (proc != NULL && locked < 0 && (entry = readdir(proc)) != NULL)
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
		    status_number(entry->d_name, "Uid:") == (long long)pw->pw_uid)
			locked = status_number(entry->d_name, "VmLck:");
	if (proc != NULL)
		closedir(proc);
	if (pw == NULL)
		tell(d, "memory", LB_HEALTH_BAD, SETUP " enable",
		     "there is no user lockbox-keeper");
	else if (locked < 0)
		tell(d, "memory", LB_HEALTH_WARNING, "systemctl start lockboxd",
		     "no keeper runs, so whether its memory is locked cannot be told");
	else if (locked == 0)
		tell(d, "memory", LB_HEALTH_WARNING,
		     "give lockboxd CAP_IPC_LOCK, and LimitMEMLOCK=infinity",
		     "the keeper's memory is not locked: what is in it may reach swap");
	else
		tell(d, "memory", LB_HEALTH_OK, "", "the keeper's is locked");
}

void
lb_doctor_way_in(lb_doctor_found *found, void *arg)
{
	const struct doctor d = {found, arg, true};

	check_way_in(&d);
}

void
lb_doctor_checks(lb_doctor_found *found, void *arg)
{
	static void (*const all[])(const struct doctor *) = {
		check_gate,   check_policy, check_accounts, check_nscd,	  check_login_uid,
		check_memory, check_room,   check_syslog,   check_way_in, check_seal,
	};
	const struct doctor d = {found, arg, false};

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		all[i](&d);
}
