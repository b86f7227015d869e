/*
 * `lockbox standing`: see standing.h.
 *
 * It says what the files of this host say: who is exempt from the login gate,
 * whose own account a role opens, and who would get in if the gate were not
 * there.  It asks no directory service and changes nothing.  What it cannot read
 * it calls unknown.
 */
#include "standing.h"

#include <getopt.h>
#include <jansson.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "account_files.h"
#include "cli.h"
#include "columns.h"
#include "conf.h"
#include "err.h"
#include "json.h"
#include "name.h"
#include "pam_services.h"
#include "policy/policy.h"
#include "seal.h"
#include "start.h"
#include "table.h"
#include "text.h"

#define WORDS 512 /* bytes of a list of services or roles */

static const char usage[] =
	"usage: lockbox standing [--json]\n"
	"Lists who can get into this host without an approved grant, whose own account\n"
	"a role opens while a grant lasts, and who else has a shell here.  Works on the\n"
	"host itself, without the daemon.  What only root can read is unknown to others.\n"
	"\n"
	"  --json  one JSON object\n"
	"  --help  this text\n"
	"\n"
	"Example:\n"
	"  sudo lockbox standing\n"
	"Exit status: 0 it was listed, 1 it could not be, 2 usage.\n";

/* How one comes in; the worst first, as they are listed. */
enum access {
	ACCESS_OPEN,
	ACCESS_EXEMPT,
	ACCESS_ROOT, /* the sealed account, while what its broken seal opened lasts */
	ACCESS_SEAL,
	ACCESS_UNKNOWN,
	ACCESS_GATE,
	ACCESS_OWN,
	ACCESS_REFUSED,
	ACCESSES
};
static const struct {
	const char *name, *words;
} accesses[ACCESSES] = {
	[ACCESS_OPEN] = {"open", "always: no gate"},
	[ACCESS_EXEMPT] = {"exempt", "always"},
	[ACCESS_ROOT] = {"seal-broken", "root until "},
	[ACCESS_SEAL] = {"seal", "once, by the seal"},
	[ACCESS_UNKNOWN] = {"unknown", "unknown"},
	[ACCESS_GATE] = {"gate", "to ask only"},
	[ACCESS_OWN] = {"own", "with a grant"},
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
	struct lb_pam_conf conf;
	char conf_fault[LB_WAY_TEXT]; /* "": the module can use it */
	char ungated[WORDS];	      /* services without the gate */
	char until[LB_TIME_TEXT];     /* of ACCESS_ROOT */
	bool gated;		      /* sshd's stack has the module */
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

/* The services in which pam.conf lets a user past the gate. */
static void
exempt_in(const struct list *l, const char *user, char services[WORDS])
{
	services[0] = '\0';
	for (size_t i = 0; i < l->conf.count; i++)
		if (l->conf.rules[i].kind == LB_PAM_EXEMPT &&
		    strcmp(l->conf.rules[i].user, user) == 0)
			add_word(services, l->conf.rules[i].service);
}

/* What the sealed account's seal opens, and in which services. */
static enum access
seal_opens(struct list *l, char services[WORDS])
{
	struct lb_seal seal;
	int err = lb_seal_read(l->files->seal_dir, LB_SEAL_WHOLE, &seal);

	services[0] = '\0';
	if (err == LB_OK && seal.broken[0] == '\0') {
		snprintf(services, WORDS, "%s", seal.services);
		return ACCESS_SEAL;
	}
	if (lb_seal_in_use(l->files->seal_dir, &seal)) {
		snprintf(services, WORDS, "sudo");
		lb_time_format(l->until, (int64_t)time(NULL) + lb_seal_left(&seal));
		return ACCESS_ROOT;
	}
	return err == LB_ERR_SYSTEM ? ACCESS_UNKNOWN : ACCESS_REFUSED;
}

static int
add_account(struct list *l, const struct passwd *pw)
{
	struct account a = {.uid = pw->pw_uid, .access = ACCESS_REFUSED};
	char services[WORDS];
	bool shell = lb_account_shell(pw->pw_shell);

	snprintf(a.name, sizeof a.name, "%s", pw->pw_name);
	a.shell = shell ? "yes" : "no";
	exempt_in(l, pw->pw_name, services);
	if (roles_of(l, pw->pw_name, pw->pw_uid, a.by))
		a.access = ACCESS_OWN;
	if (services[0] != '\0') {
		a.access = ACCESS_EXEMPT;
		memcpy(a.by, services, sizeof a.by);
	}
	if (lb_pam_conf_find(&l->conf, LB_PAM_GATE, "", pw->pw_name) != NULL)
		a.access = ACCESS_GATE;
	else if (strcmp(pw->pw_name, LB_SEALED_NAME) == 0)
		a.access = seal_opens(l, a.by);
	else if (l->conf_fault[0] != '\0') {
		a.access = ACCESS_REFUSED; /* whatever a role says */
		a.by[0] = '\0';
	}
	if (!l->gated && shell && a.access != ACCESS_GATE)
		a.access = ACCESS_OPEN;
	if (a.access == ACCESS_REFUSED && !shell)
		return LB_OK;
	a.password = lb_account_password(l->files->ways.shadow, pw->pw_name);
	a.keys = lb_account_keys(pw->pw_dir);
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
	FILE *f = fopen(l->files->ways.passwd, "re");
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

/* A list of add_word() as an array. */
static json_t *
names_of(const char *list)
{
	json_t *all = json_array();

	for (size_t n; *list != '\0'; list += n + strspn(list + n, ", ")) {
		n = strcspn(list, ",");
		json_array_append_new(all, json_stringn(list, n));
	}
	return all;
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
		    (a->access == ACCESS_ROOT &&
		     json_object_set_new(o, "until", json_string(l->until)) != 0) ||
		    json_array_append_new(all, o) != 0)
			err = LB_ERR_NOMEM;
	}
	o = err == LB_OK
		    ? json_pack("{s:b, s:s?, s:o, s:b, s:O}", "gate", l->gated, "pam_conf",
				l->conf_fault[0] != '\0' ? l->conf_fault : NULL, "without_gate",
				names_of(l->ungated), "policy", l->policy != NULL, "accounts", all)
		    : NULL;
	json_decref(all);
	return o != NULL ? lb_cli_json_print(cli, o) : LB_ERR_NOMEM;
}

static void
say(const struct lb_cli *cli, const char *text)
{
	lb_columns_wrap(cli->out, text, 0, 0, LB_CLI_WIDTH);
}

/* What holds for everybody, ahead of what the words mean. */
static void
say_faults(const struct lb_cli *cli, const struct list *l)
{
	char text[WORDS + 256], why[LB_WAY_TEXT];

	if (!l->gated)
		say(cli, "THE GATE IS NOT IN SSHD'S PAM STACK: whoever has a shell and a password "
			 "or key gets in. sudo lockbox doctor");
	if (l->ungated[0] != '\0') {
		snprintf(text, sizeof text,
			 "NO GATE IN: %s. Whoever these PAM services let in needs no grant. sudo "
			 "lockbox doctor",
			 l->ungated);
		say(cli, text);
	}
	if (l->conf_fault[0] != '\0') {
		snprintf(text, sizeof text,
			 "PAM.CONF IS DAMAGED, and the gate refuses everybody for that: %s: %s",
			 l->files->pam_conf, l->conf_fault);
		say(cli, text);
	}
	for (size_t i = 0; i < l->conf.count; i++)
		if (l->conf.rules[i].kind == LB_PAM_EXEMPT &&
		    lb_way_of(&l->files->ways, &l->conf.rules[i], why) == LB_WAY_NONE) {
			snprintf(text, sizeof text,
				 "A way in that does not work: pam.conf, line %u: %s",
				 l->conf.rules[i].line, why);
			say(cli, text);
		}
	if (l->policy == NULL)
		say(cli, "The policy cannot be read, so nobody's own account is known: lockbox "
			 "check");
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
		char uid[16], keys[16], access[32 + LB_TIME_TEXT];
		const char *cells[] = {a->name, uid, access, a->by, a->shell, a->password, keys};

		snprintf(access, sizeof access, "%s", accesses[a->access].words);
		if (a->access == ACCESS_ROOT) /* within hours, so the day goes without saying */
			snprintf(access, sizeof access, "%s%.5sZ", accesses[ACCESS_ROOT].words,
				 l->until + 11);
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
	say_faults(cli, l);
	say(cli, "Always: by a line of pam.conf, in the services named; each use raises an alarm. "
		 "By the seal: the emergency account, while the daemon does not answer "
		 "(lockbox-setup(8)). With a grant: their own account, which opens while a grant "
		 "for one of the roles "
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
	l.gated = lb_pam_service_gated(files->ways.pam_dirs, "sshd");
	if (lb_way_read(&l.conf, files->pam_conf, l.conf_fault) != LB_OK)
		l.conf.count = 0;
	lb_pam_services_open(files->ways.pam_dirs, &l.conf, l.ungated, sizeof l.ungated);
	err = gather(&l);
	if (err == LB_OK)
		err = cli->json ? print_json(cli, &l) : print_table(cli, &l);
	free(l.at);
	lb_pam_conf_clear(&l.conf);
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
	const struct lb_standing_files files = {
		LB_WAY_PAM_CONF,
		"/etc/lockbox/" LB_HOST_FILE_NAME,
		"/etc/lockbox/policy.d",
		LB_SEAL_DIR,
		lb_way_host,
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
