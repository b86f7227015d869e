/* `lockbox check`: what it prints and how it ends. */
#include "test_policy_support.h"

#include <fcntl.h>
#include <jansson.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/verb_check.h"

static char dir[] = "/tmp/lockbox-check-XXXXXX";

/* Runs the verb in a child; its two outputs together are the result, valid until the next run. */
static const char *
check(int *status, const char *option, const char *file)
{
	static char *out;
	char path[128], *argv[] = {(char *)"check", (char *)option, (char *)file, NULL};
	size_t len;
	pid_t pid;
	int fd, wait_status;

	snprintf(path, sizeof path, "%s/out", dir);
	fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(fd, 1);
		dup2(fd, 2);
		wait_status = lb_verb_check(file != NULL ? 3 : 2, argv);
		fflush(NULL);
		_exit(wait_status);
	}
	close(fd);
	assert_int_equal(waitpid(pid, &wait_status, 0), pid);
	assert_true(WIFEXITED(wait_status));
	*status = WEXITSTATUS(wait_status);
	free(out);
	out = read_all(path, &len);
	return out;
}

static const char *
draft(const char *text)
{
	static char path[128];
	FILE *fp;

	snprintf(path, sizeof path, "%s/draft.conf", dir);
	fp = fopen(path, "w");
	assert_non_null(fp);
	fputs(text, fp);
	fclose(fp);
	return path;
}

static const char good[] =
	"identity alice {\n"
	"\tkeys = {\"ssh-ed25519 "
	"AAAAC3NzaC1lZDI1NTE5AAAAIA39QdqdTCIXOhLgDfdsyDmSXppo6WKJHhVs98E577Jn alice\"}\n"
	"}\n";

/* Warned of, not refused: a policy may be there before what it names. */
static void
what_is_not_on_this_host_is_warned_of(void **state)
{
	static const char role[] = "team all { members = {\"alice\"} }\n"
				   "identity bob { unix-user = \"daemon\" }\n"
				   "team leads { members = {\"bob\"} }\n"
				   "role logs {\n"
				   " requesters = {\"all\"}\n"
				   " approvers = {\"leads\"}\n"
				   " resource gone {\n"
				   "  sudo = {\"/usr/bin/env-of-nobody -x\", \"/bin/true\"}\n"
				   "  path = \"/var/log/lockbox-test-is-not-here\" }\n"
				   " resource there {\n"
				   "  path = \"/var/log\" }\n"
				   "}\n";
	char text[2048];
	int status;
	const char *out;

	(void)state;
	snprintf(text, sizeof text, "%s%s", good, role);
	out = check(&status, "--dump", draft(text));
	assert_int_equal(status, 0);
	assert_non_null(strstr(out, ".conf:11: warning: sudo: there is no program "
				    "'/usr/bin/env-of-nobody' on this host"));
	assert_non_null(strstr(out, ".conf:12: warning: path: there is no "
				    "'/var/log/lockbox-test-is-not-here' on this host"));
	assert_null(strstr(out, "/bin/true' on this host"));
	assert_null(strstr(out, "'/var/log' on this host"));
	assert_non_null(strstr(out, "warnings)"));
}

static void
a_policy_in_order_is_summed_up(void **state)
{
	int status;
	const char *out = check(&status, "--dump", draft(good));

	(void)state;
	assert_int_equal(status, 0);
	assert_non_null(strstr(out, "1 identity, 0 teams, 0 roles: OK"));
	assert_non_null(strstr(out, "\nidentity alice {\n"));
}

static void
a_broken_policy_is_named_by_file_and_line(void **state)
{
	int status;
	const char *out = check(&status, "--", draft("team t {\n\tmember = {}\n}\n"));

	(void)state;
	assert_int_equal(status, 1);
	assert_non_null(strstr(out, "/draft.conf:2: unknown key 'member' in team; did you mean "
				    "'members'?\n"));
	assert_non_null(strstr(out, "the policy would be refused"));
}

static void
json_has_the_same_findings(void **state)
{
	json_error_t error;
	json_t *o, *finding;
	int status;

	(void)state;
	o = json_loads(check(&status, "--json", draft("team t {\n\tmember = {}\n}\n")), 0, &error);
	assert_int_equal(status, 1);
	assert_non_null(o);
	assert_true(json_is_false(json_object_get(o, "ok")));
	finding = json_array_get(json_object_get(o, "errors"), 0);
	assert_int_equal(json_integer_value(json_object_get(finding, "line")), 2);
	assert_non_null(json_string_value(json_object_get(finding, "file")));
	assert_non_null(json_string_value(json_object_get(finding, "message")));
	json_decref(o);

	o = json_loads(check(&status, "--json", draft(good)), 0, &error);
	assert_int_equal(status, 0);
	assert_non_null(o);
	assert_true(json_is_true(json_object_get(o, "ok")));
	assert_int_equal(json_integer_value(json_object_get(o, "identities")), 1);
	assert_int_equal(strlen(json_string_value(json_object_get(o, "digest"))), 64);
	json_decref(o);
}

static void
wrong_usage_and_missing_files_have_their_own_status(void **state)
{
	int status;

	(void)state;
	check(&status, "--nonsense", NULL);
	assert_int_equal(status, 2);
	assert_non_null(strstr(check(&status, "--help", NULL), "Example:"));
	assert_int_equal(status, 0);
	check(&status, "/nonexistent/lockbox.conf", NULL);
	assert_int_equal(status, 1);
}

static int
make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
drop_dir(void **state)
{
	char command[160];

	(void)state;
	snprintf(command, sizeof command, "rm -rf '%s'", dir);
	return system(command);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_on_this_host_is_warned_of),
		cmocka_unit_test(a_policy_in_order_is_summed_up),
		cmocka_unit_test(a_broken_policy_is_named_by_file_and_line),
		cmocka_unit_test(json_has_the_same_findings),
		cmocka_unit_test(wrong_usage_and_missing_files_have_their_own_status),
	};

	return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
