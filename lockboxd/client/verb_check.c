/*
 * `lockbox check`: see verb_check.h.
 *
 * A draft is checked where it lies: files that are not root's are a warning
 * there, while the daemon refuses them.  Users and groups are looked up in
 * this host's /etc/passwd and /etc/group, so a draft is best checked on the
 * host it is meant for.
 */
#include "client/verb_check.h"

#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "conf.h"
#include "err.h"
#include "policy/policy.h"
#include "way_in.h"

#define DEFAULT_HOST_FILE "/etc/lockbox/" LB_HOST_FILE_NAME
#define DEFAULT_DIR "/etc/lockbox/policy.d"

enum {
	EXIT_FINE = 0,
	EXIT_WRONG = 1,
	EXIT_USAGE = 2,
};

struct check {
	bool json, dump;
	json_t *errors, *warnings; /* with json */
	bool failed;		   /* out of memory while collecting */
	bool shut;		   /* pam.conf cannot be used */
};

static const char usage[] =
	"usage: lockbox check [--json] [--dump] [FILE-OR-DIRECTORY ...]\n"
	"Checks policy files as lockboxd would read them, without touching the daemon.\n"
	"Without names: " DEFAULT_HOST_FILE " and " DEFAULT_DIR ",\n"
	"and " LB_WAY_PAM_CONF " as the login gate would read it.\n"
	"All that is named is one policy, so name every file of it; of a directory the\n"
	"*.conf files count. Users and groups are those of this host.\n"
	"\n"
	"  --json  one JSON object: ok, errors and warnings [{file, line, message}],\n"
	"          identities, teams, roles, digest\n"
	"  --dump  on success also print the whole policy, defaults included\n"
	"  --help  this text\n"
	"\n"
	"Example:\n"
	"  lockbox check " DEFAULT_HOST_FILE " ~/draft/policy.d\n"
	"Exit status: 0 the policy is fine, 1 it is not, 2 usage.\n";

static void
found_json(struct check *check, const struct lb_report_item *item)
{
	bool warning = item->severity == LB_SEVERITY_WARNING;
	json_t *o = json_pack("{s:s, s:i, s:s}", "file", item->file, "line", (int)item->line,
			      "message", item->message);

	if (o == NULL || json_array_append_new(warning ? check->warnings : check->errors, o) != 0)
		check->failed = true;
}

static void
found(void *arg, const struct lb_report_item *item)
{
	char line[LB_REPORT_MESSAGE_MAX + LB_SOURCE_NAME_MAX + 64];
	struct check *check = arg;

	if (check->json) {
		found_json(check, item);
		return;
	}
	lb_report_text(line, sizeof line, item);
	fprintf(stderr, "%s\n", line);
}

/* Adds what one argument names: a directory's files or one file. */
static int
add_argument(struct lb_policy_source *source, const char *path, struct lb_report *report)
{
	struct stat st;

	if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return lb_policy_source_add_dir(source, path, LB_SOURCE_ANY_OWNER, report);
	return lb_policy_source_add_file(source, path, LB_SOURCE_ANY_OWNER, report);
}

/* Reads everything named, or what the daemon would read when nothing is. */
static int
read_source(char **names, struct lb_report *report, struct lb_policy_source **source)
{
	struct lb_policy_source *s;
	int rc = LB_OK, one;

	if (*names == NULL)
		return lb_policy_source_read(DEFAULT_HOST_FILE, DEFAULT_DIR, report, source);
	s = lb_policy_source_new();
	if (s == NULL)
		return LB_ERR_NOMEM;
	for (; *names != NULL && rc != LB_ERR_NOMEM; names++) {
		one = add_argument(s, *names, report);
		if (one != LB_OK)
			rc = one;
	}
	if (rc != LB_ERR_NOMEM) {
		one = lb_policy_source_add_facts(s, "/etc/passwd", "/etc/group", report);
		if (one != LB_OK)
			rc = one;
	}
	if (rc != LB_OK) {
		lb_policy_source_free(s);
		return rc;
	}
	*source = s;
	return LB_OK;
}

/* The gate's own file: one wrong line there refuses everybody. */
static void
check_pam_conf(struct check *check, struct lb_report *report)
{
	struct lb_pam_conf conf;
	struct lb_pam_conf_fault fault = {"", 0};
	char why[LB_WAY_TEXT];

	check->shut = lb_pam_conf_load(&conf, LB_WAY_PAM_CONF, &fault) != LB_OK;
	if (check->shut) {
		lb_report_add(report, LB_SEVERITY_ERROR, LB_WAY_PAM_CONF, fault.line,
			      "%s; the login gate refuses everybody for that", fault.what);
		return;
	}
	for (size_t i = 0; i < conf.count; i++)
		if (conf.rules[i].kind == LB_PAM_EXEMPT &&
		    lb_way_of(&lb_way_host, &conf.rules[i], why) == LB_WAY_NONE)
			lb_report_add(report, LB_SEVERITY_WARNING, LB_WAY_PAM_CONF,
				      conf.rules[i].line, "%s", why);
	lb_pam_conf_clear(&conf);
}

static void
digest_hex(char out[2 * LB_POLICY_DIGEST_SIZE + 1], const struct lb_policy *policy)
{
	const uint8_t *digest = lb_policy_digest(policy);

	for (size_t i = 0; i < LB_POLICY_DIGEST_SIZE; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

/* Prints the one JSON object; policy is NULL when there is none. */
static int
print_json(const struct check *check, const struct lb_policy *policy)
{
	char hex[2 * LB_POLICY_DIGEST_SIZE + 1];
	json_t *o = json_pack("{s:b, s:O, s:O}", "ok", policy != NULL && !check->shut, "errors",
			      check->errors, "warnings", check->warnings);
	int rc = 0;

	if (o != NULL && policy != NULL) {
		digest_hex(hex, policy);
		rc = json_object_update_new(
			o, json_pack("{s:I, s:I, s:I, s:s}", "identities",
				     (json_int_t)lb_policy_identities(policy), "teams",
				     (json_int_t)lb_policy_teams(policy), "roles",
				     (json_int_t)lb_policy_roles(policy), "digest", hex));
	}
	if (o == NULL || rc != 0 || check->failed || json_dumpf(o, stdout, JSON_INDENT(2)) != 0)
		rc = -1;
	else
		putchar('\n');
	json_decref(o);
	return rc;
}

static const char *
plural(size_t n, const char *one, const char *many)
{
	return n == 1 ? one : many;
}

static void
print_summary(const struct check *check, const struct lb_policy *policy,
	      const struct lb_report *report)
{
	size_t i, t, r;

	if (policy == NULL) {
		if (report->errors > LB_REPORT_MAX)
			fprintf(stderr, "(only the first %d errors are shown)\n", LB_REPORT_MAX);
		fprintf(stderr, "%u %s: the policy would be refused\n", report->errors,
			plural(report->errors, "error", "errors"));
		return;
	}
	if (check->shut) {
		fputs("every login would be refused\n", stderr);
		return;
	}
	i = lb_policy_identities(policy);
	t = lb_policy_teams(policy);
	r = lb_policy_roles(policy);
	printf("%zu %s, %zu %s, %zu %s: OK", i, plural(i, "identity", "identities"), t,
	       plural(t, "team", "teams"), r, plural(r, "role", "roles"));
	if (report->warnings > 0)
		printf(" (%u %s)", report->warnings,
		       plural(report->warnings, "warning", "warnings"));
	putchar('\n');
}

static int
print_dump(const struct lb_policy *policy)
{
	char *text = NULL;
	size_t len = 0;
	int rc = lb_policy_dump(policy, &text, &len);

	if (rc == LB_OK)
		fwrite(text, 1, len, stdout);
	free(text);
	return rc;
}

static int
run(struct check *check, char **names)
{
	struct lb_report report = {.found = found, .arg = check};
	struct lb_policy_source *source = NULL;
	struct lb_policy *policy = NULL;
	int rc;

	rc = read_source(names, &report, &source);
	if (rc == LB_OK) {
		lb_policy_source_look(source);
		rc = lb_policy_parse(source, &report, &policy);
	}
	if (rc != LB_OK && report.errors == 0)
		lb_report_add(&report, LB_SEVERITY_ERROR, "", 0, "the policy could not be read: %s",
			      lb_err_text(rc));
	if (*names == NULL)
		check_pam_conf(check, &report);
	if (!check->json)
		print_summary(check, policy, &report);
	else if (print_json(check, policy) != 0)
		rc = LB_ERR_NOMEM;
	if (policy != NULL && check->dump && !check->json)
		rc = print_dump(policy);
	lb_policy_free(policy);
	lb_policy_source_free(source);
	if (fflush(stdout) != 0 || ferror(stdout))
		rc = LB_ERR_SYSTEM;
	return rc == LB_OK && !check->shut ? EXIT_FINE : EXIT_WRONG;
}

int
lb_verb_check(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{"dump", no_argument, NULL, 'd'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct check check = {.json = false};
	int c, status = EXIT_WRONG;

	optind = 0; /* start over: the caller may have scanned options of its own */
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			check.json = true;
			break;
		case 'd':
			check.dump = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return EXIT_FINE;
		default:
			fputs("Try: lockbox check --help\n", stderr);
			return EXIT_USAGE;
		}
	}
	check.errors = json_array();
	check.warnings = json_array();
	if (check.errors != NULL && check.warnings != NULL)
		status = run(&check, argv + optind);
	json_decref(check.errors);
	json_decref(check.warnings);
	return status;
}
