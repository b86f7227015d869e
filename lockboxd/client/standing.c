/*
 * `lockbox standing`: see standing.h.
 *
 * It says what the files of this host say: who is exempt from the login gate,
 * whose own account a role opens, and who would get in if the gate were not
 * there.  It asks no directory service and changes nothing.  What it cannot read
 * it calls unknown.
 */
#include "standing.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "columns.h"
#include "err.h"
#include "json.h"
#include "name.h"
#include "policy/policy.h"
#include "start.h"
#include "table.h"

#define WORDS 512 /* bytes of a list of services or roles */
#define KEYS_FILE_MAX ((off_t)1 << 20)
#define LINE 2048

static const char usage[] =
	"usage: lockbox standing [--json]\n"
	"Lists who can get into this host without an approved grant, whose own account a role\n"
	"opens while a grant lasts, and who else has a shell here. Works on the host itself,\n"
	"without the daemon. What only root can read is unknown to others.\n"
	"\n"
	"  --json  one JSON object\n"
	"  --help  this text\n"
	"\n"
	"Example:\n"
	"  sudo lockbox standing\n"
	"Exit status: 0 it was listed, 1 it could not be, 2 usage.\n";

/* How one comes in; the worst first, as they are listed. */
enum access { ACCESS_OPEN, ACCESS_EXEMPT, ACCESS_GATE, ACCESS_OWN, ACCESS_REFUSED, ACCESSES };
static const struct {
	const char *name, *words;
} accesses[ACCESSES] = {
	[ACCESS_OPEN] = {"open", "always: no gate"}, [ACCESS_EXEMPT] = {"exempt", "always"},
	[ACCESS_GATE] = {"gate", "to ask only"},     [ACCESS_OWN] = {"own", "with a grant"},
	[ACCESS_REFUSED] = {"refused", "no"},
};

struct account {
	char name[64];
	uint32_t uid;
	enum access access;
	char by[WORDS];	      /* services of pam.conf, or roles */
	const char *shell;    /* "yes" or "no": a usable one */
	const char *password; /* set, none, locked, unknown */
	int keys;	      /* lines of the usual files; -1: unknown */
};

struct list {
	const struct lb_standing_files *files;
	const struct lb_policy *policy; /* NULL: it cannot be read */
	char gate[64];			/* the gate user of pam.conf */
	bool gated;			/* sshd's stack has the module */
	struct account *at;
	size_t count, room;
};

static void
add_word(char list[WORDS], const char *word)
{
	size_t used = strlen(list);

	if (used + strlen(word) + 3 < WORDS)
		snprintf(list + used, WORDS - used, "%s%s", used > 0 ? ", " : "", word);
}

/* A line of pam.conf as words: how many of at most three there are before a remark. */
static int
words_of(char *line, char *word[3])
{
	int n = 0;

	for (char *w = strtok(line, " \t\n"); w != NULL && w[0] != '#'; w = strtok(NULL, " \t\n")) {
		if (n == 3)
			return -1;
		word[n++] = w;
	}
	return n;
}

/* The services in which pam.conf lets a user past the gate. */
static void
exempt_in(const struct list *l, const char *user, char services[WORDS])
{
	FILE *f = fopen(l->files->pam_conf, "re");
	char line[LINE], *word[3];

	services[0] = '\0';
	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (words_of(line, word) == 3 && strcmp(word[0], "exempt") == 0 &&
		    strcmp(word[2], user) == 0)
			add_word(services, word[1]);
	if (f != NULL)
		fclose(f);
}

static void
find_gate_user(struct list *l)
{
	FILE *f = fopen(l->files->pam_conf, "re");
	char line[LINE], *word[3];

	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (words_of(line, word) == 2 && strcmp(word[0], "gate") == 0)
			snprintf(l->gate, sizeof l->gate, "%s", word[1]);
	if (f != NULL)
		fclose(f);
}

static bool
names_module(const char *dir, const char *file, int depth)
{
	char path[256], line[LINE], *word[3];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, file);
	f = fopen(path, "re");
	while (f != NULL && !found && fgets(line, sizeof line, f) != NULL) {
		if (line[0] != '#' && strstr(line, "pam_lockbox.so") != NULL &&
		    strncmp(line, "account", 7) == 0)
			found = true;
		else if (depth > 0 && strncmp(line, "@include", 8) == 0 &&
			 words_of(line, word) == 2 && strchr(word[1], '/') == NULL)
			found = names_module(dir, word[1], depth - 1);
	}
	if (f != NULL)
		fclose(f);
	return found;
}

/* What the password field of shadow(5) allows. */
static const char *
password_of(const char *file, const char *user)
{
	FILE *f = fopen(file, "re");
	char line[LINE];
	size_t len = strlen(user);
	const char *state = f != NULL ? "locked" : "unknown"; /* not there: none that could match */

	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, user, len) == 0 && line[len] == ':')
			state = line[len + 1] == ':'			 ? "none"
				: strchr("!*x\n", line[len + 1]) != NULL ? "locked"
									 : "set";
	if (f != NULL)
		fclose(f);
	return state;
}

/* Lines of a file that could be keys.  -1: there may be some, and they cannot be read. */
static int
count_keys(const char *home, const char *file)
{
	char path[512], line[LINE];
	struct stat st;
	int fd, n = 0;
	bool begins = true;
	FILE *f;

	snprintf(path, sizeof path, "%s/.ssh/%s", home, file);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > KEYS_FILE_MAX ||
	    (f = fdopen(fd, "r")) == NULL) {
		close(fd);
		return -1;
	}
	while (fgets(line, sizeof line, f) != NULL) {
		size_t blank = strspn(line, " \t");

		n += begins && line[blank] != '#' && line[blank] != '\n' && line[blank] != '\0';
		begins = strchr(line, '\n') != NULL;
	}
	fclose(f);
	return n;
}

static int
keys_of(const char *home)
{
	int first = count_keys(home, "authorized_keys"),
	    second = count_keys(home, "authorized_keys2");

	return first < 0 || second < 0 ? -1 : first + second;
}

static bool
usable_shell(const char *shell)
{
	const char *slash = strrchr(shell, '/'), *name = slash != NULL ? slash + 1 : shell;

	return strcmp(name, "nologin") != 0 && strcmp(name, "false") != 0 &&
	       strcmp(name, "sync") != 0;
}

/* The roles that open the account; false when it is nobody's of the policy. */
static bool
roles_of(const struct list *l, const char *user, uint32_t uid, char roles[WORDS])
{
	const struct lb_policy_identity *id =
		l->policy != NULL ? lb_policy_identity_by_uid(l->policy, uid) : NULL;

	roles[0] = '\0';
	if (id == NULL || strcmp(id->unix_user, user) != 0 || !lb_own_uid_valid(uid))
		return false;
	for (size_t i = 0; i < lb_policy_roles(l->policy); i++) {
		const struct lb_policy_role *r = lb_policy_role_at(l->policy, i);

		if (lb_policy_role_own(r) && r->resource_count == 0 &&
		    lb_policy_may_request(l->policy, r->name, id->name))
			add_word(roles, r->name);
	}
	return roles[0] != '\0';
}

static int
add_account(struct list *l, const struct passwd *pw)
{
	struct account a = {.uid = pw->pw_uid, .access = ACCESS_REFUSED};
	char services[WORDS];
	bool shell = usable_shell(pw->pw_shell);

	snprintf(a.name, sizeof a.name, "%s", pw->pw_name);
	a.shell = shell ? "yes" : "no";
	exempt_in(l, pw->pw_name, services);
	if (roles_of(l, pw->pw_name, pw->pw_uid, a.by))
		a.access = ACCESS_OWN;
	if (services[0] != '\0') {
		a.access = ACCESS_EXEMPT;
		memcpy(a.by, services, sizeof a.by);
	}
	if (strcmp(pw->pw_name, l->gate) == 0)
		a.access = ACCESS_GATE;
	else if (!l->gated && shell)
		a.access = ACCESS_OPEN;
	if (a.access == ACCESS_REFUSED && !shell)
		return LB_OK;
	a.password = password_of(l->files->shadow, pw->pw_name);
	a.keys = keys_of(pw->pw_dir);
	if (l->count == l->room) {
		size_t room = l->room == 0 ? 32 : l->room * 2;
		struct account *grown = reallocarray(l->at, room, sizeof *grown);

		if (grown == NULL)
			return LB_ERR_NOMEM;
		l->at = grown;
		l->room = room;
	}
	l->at[l->count++] = a;
	return LB_OK;
}

static int
by_access(const void *x, const void *y)
{
	const struct account *a = x, *b = y;

	if (a->access != b->access)
		return a->access < b->access ? -1 : 1;
	return a->uid != b->uid ? (a->uid < b->uid ? -1 : 1) : strcmp(a->name, b->name);
}

static int
gather(struct list *l)
{
	FILE *f = fopen(l->files->passwd, "re");
	struct passwd *pw;
	int err = LB_OK;

	if (f == NULL)
		return LB_ERR_SYSTEM;
	while (err == LB_OK && (pw = fgetpwent(f)) != NULL)
		err = add_account(l, pw);
	fclose(f);
	if (l->count > 0)
		qsort(l->at, l->count, sizeof *l->at, by_access);
	return err;
}

static int
print_json(const struct lb_cli *cli, const struct list *l)
{
	json_t *all = json_array(), *o;
	int err = all != NULL ? LB_OK : LB_ERR_NOMEM;

	for (size_t i = 0; err == LB_OK && i < l->count; i++) {
		const struct account *a = &l->at[i];

		o = json_pack("{s:s, s:I, s:s, s:s, s:b, s:s}", "account", a->name, "uid",
			      (json_int_t)a->uid, "access", accesses[a->access].name, "by", a->by,
			      "shell", strcmp(a->shell, "yes") == 0, "password", a->password);
		if (o == NULL ||
		    json_object_set_new(o, "keys",
					a->keys < 0 ? json_null() : json_integer(a->keys)) != 0 ||
		    json_array_append_new(all, o) != 0)
			err = LB_ERR_NOMEM;
	}
	o = err == LB_OK ? json_pack("{s:b, s:b, s:O}", "gate", l->gated, "policy",
				     l->policy != NULL, "accounts", all)
			 : NULL;
	json_decref(all);
	return o != NULL ? lb_cli_json_print(cli, o) : LB_ERR_NOMEM;
}

static void
say(const struct lb_cli *cli, const char *text)
{
	lb_columns_wrap(cli->out, text, 0, 0, LB_CLI_WIDTH);
}

static int
print_table(const struct lb_cli *cli, const struct list *l)
{
	static const struct lb_cli_column columns[] = {
		{"Account", true}, {"Uid", false},	{"Gets in", false}, {"By", true},
		{"Shell", false},  {"Password", false}, {"Keys", false}};
	struct lb_cli_table *t = lb_cli_table_new(columns, 7);
	int err = t != NULL ? LB_OK : LB_ERR_NOMEM;

	for (size_t i = 0; err == LB_OK && i < l->count; i++) {
		const struct account *a = &l->at[i];
		char uid[16], keys[16];
		const char *cells[] = {a->name,	    uid, accesses[a->access].words, a->by, a->shell,
				       a->password, keys};

		snprintf(uid, sizeof uid, "%u", a->uid);
		snprintf(keys, sizeof keys, "%d", a->keys);
		if (a->keys < 0)
			snprintf(keys, sizeof keys, "unknown");
		err = lb_cli_table_add(t, cells);
	}
	if (err == LB_OK)
		lb_cli_table_print(t, cli->out, LB_CLI_WIDTH, cli->colour);
	lb_cli_table_free(t);
	if (err != LB_OK)
		return err;
	fputc('\n', cli->out);
	if (!l->gated)
		say(cli, "THE GATE IS NOT IN SSHD'S PAM STACK: whoever has a shell and a password "
			 "or key gets in. sudo lockbox doctor");
	if (l->policy == NULL)
		say(cli, "The policy cannot be read, so nobody's own account is known: lockbox "
			 "check");
	say(cli, "Always: by a line of pam.conf, in the services named; each use raises an alarm. "
		 "With a grant: their own account, which opens while a grant for one of the roles "
		 "named lasts. No: the gate refuses it, whatever password or keys it has. Keys "
		 "are those of ~/.ssh/authorized_keys; sshd may take others, of an authority or a "
		 "command. Users of a network directory are not listed; the gate refuses them. "
		 "What runs already, and jobs of cron and at, needs no login.");
	return LB_OK;
}

static void
count_nothing(void *arg, const struct lb_report_item *item)
{
	(void)arg;
	(void)item;
}

int
lb_standing_list(const struct lb_cli *cli, const struct lb_standing_files *files)
{
	struct lb_report report = {.found = count_nothing};
	struct lb_policy_source *source = NULL;
	struct lb_policy *policy = NULL;
	struct list l = {.files = files};
	int err;

	if (lb_policy_source_read(files->host_file, files->policy_dir, &report, &source) == LB_OK &&
	    lb_policy_parse(source, &report, &policy) == LB_OK)
		l.policy = policy;
	lb_policy_source_free(source);
	l.gated = names_module(files->pam_dir, "sshd", 2);
	find_gate_user(&l);
	err = gather(&l);
	if (err == LB_OK)
		err = cli->json ? print_json(cli, &l) : print_table(cli, &l);
	free(l.at);
	lb_policy_free(policy);
	if (err != LB_OK)
		fprintf(stderr, "lockbox: standing: the accounts cannot be listed: %s\n",
			lb_err_text(err));
	return err == LB_OK ? LB_EXIT_DONE : LB_EXIT_REFUSED;
}

int
lb_verb_standing(int argc, char **argv)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'},
		{"json", no_argument, NULL, 'j'},
		{NULL, 0, NULL, 0},
	};
	static const struct lb_standing_files files = {
		"/etc/passwd",		 "/etc/shadow",
		"/etc/lockbox/pam.conf", "/etc/lockbox/" LB_HOST_FILE_NAME,
		"/etc/lockbox/policy.d", "/etc/pam.d",
	};
	struct lb_cli cli;
	int c;

	lb_cli_init(&cli);
	optind = 0; /* start over: the caller may have scanned options of its own */
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return LB_EXIT_DONE;
		}
		if (c != 'j') {
			fputs("  lockbox standing --help\n", stderr);
			return LB_EXIT_USAGE;
		}
		cli.json = true;
	}
	if (optind != argc) {
		fputs("lockbox: standing: it takes options only\n  lockbox standing --help\n",
		      stderr);
		return LB_EXIT_USAGE;
	}
	return lb_standing_list(&cli, &files);
}
