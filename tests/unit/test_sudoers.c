/* The sudoers fragment: what sudo's own tools make of it. */
#include "test_policy_support.h"

#include <jansson.h>
#include <unistd.h>

#include "policy/sudoers.h"

static char path[] = "/tmp/lockbox-sudoers-XXXXXX";

static const char *
tool(const char *const *places)
{
	for (; *places != NULL; places++)
		if (access(*places, X_OK) == 0)
			return *places;
	return NULL;
}

static const char *const visudo[] = {"/usr/sbin/visudo", "/usr/bin/visudo", NULL};
static const char *const cvtsudoers[] = {"/usr/bin/cvtsudoers", "/usr/sbin/cvtsudoers", NULL};

static char *
render_good(void)
{
	struct lb_policy *p = good_policy();
	char *text = NULL;
	size_t len = 0;

	assert_int_equal(lb_sudoers_render(p, &text, &len), LB_OK);
	assert_int_equal(strlen(text), len);
	lb_policy_free(p);
	return text;
}

static int
write_fragment(void **state)
{
	char *text = render_good();
	int fd = mkstemp(path);
	ssize_t n = write(fd, text, strlen(text));

	(void)state;
	close(fd);
	free(text);
	return n > 0 ? 0 : -1;
}

static int
drop_fragment(void **state)
{
	(void)state;
	return unlink(path);
}

static void
the_same_policy_gives_the_same_bytes(void **state)
{
	char *a = render_good(), *b = render_good();

	(void)state;
	assert_string_equal(a, b);
	free(a);
	free(b);
}

static void
commands_are_escaped_and_bare_ones_take_no_arguments(void **state)
{
	char *text = render_good();

	(void)state;
	assert_non_null(strstr(text, "\n%lbr-db-operator ALL=(root) NOPASSWD: NOSETENV: \\\n"
				     "\t/usr/bin/systemctl restart postgresql, \\\n"
				     "\t/usr/bin/id \"\", \\\n"
				     "\t/usr/local/sbin/tune a\\=b\\,c\\:d 50%\n"));
	assert_non_null(strstr(text, "\n%lbr-db-shell ALL=(postgres) NOPASSWD: "));
	assert_non_null(strstr(text, "\nDefaults:%lbr-db-operator timestamp_timeout=0\n"));
	assert_non_null(strstr(text, "\nDefaults:%lbr-db-operator pam_acct_mgmt\n"));
	assert_non_null(strstr(text, "\nDefaults:%lbr-db-operator use_pty\n"));
	free(text);
}

static void
a_role_without_commands_does_not_appear(void **state)
{
	char *text = render_good();

	(void)state;
	assert_null(strstr(text, "reader"));
	free(text);
}

static void
visudo_accepts_the_fragment(void **state)
{
	const char *program = tool(visudo);
	char command[256];

	(void)state;
	if (program == NULL)
		skip();
	snprintf(command, sizeof command, "%s -c -q -f %s", program, path);
	assert_int_equal(system(command), 0);
}

/* Counts how often "key": "value" stands anywhere in the tree. */
static size_t
count_in(const json_t *node, const char *key, const char *value)
{
	size_t n = 0, i;
	const char *k;
	json_t *child;

	if (json_is_array(node)) {
		json_array_foreach(node, i, child) n += count_in(child, key, value);
		return n;
	}
	json_object_foreach((json_t *)node, k, child)
	{
		if (json_is_string(child) && strcmp(k, key) == 0 &&
		    strcmp(json_string_value(child), value) == 0)
			n++;
		n += count_in(child, key, value);
	}
	return n;
}

static void
sudo_understands_what_was_meant(void **state)
{
	const char *program = tool(cvtsudoers);
	json_t *tree, *specs;
	json_error_t error;
	char command[256];
	FILE *fp;

	(void)state;
	if (program == NULL || geteuid() != 0)
		skip();
	snprintf(command, sizeof command, "%s -f json %s", program, path);
	fp = popen(command, "r");
	assert_non_null(fp);
	tree = json_loadf(fp, 0, &error);
	pclose(fp);
	assert_non_null(tree);
	specs = json_object_get(tree, "User_Specs");
	assert_int_equal(json_array_size(specs), 3);
	assert_int_equal(count_in(specs, "usergroup", "lbr-db-operator"), 1);
	assert_int_equal(count_in(specs, "username", "postgres"), 1);
	assert_int_equal(count_in(specs, "command", "/usr/bin/systemctl restart postgresql"), 1);
	assert_int_equal(count_in(specs, "command", "/usr/bin/id \"\""), 1);
	assert_int_equal(count_in(specs, "command", "/usr/local/sbin/tune a=b,c:d 50%"), 1);
	assert_int_equal(count_in(specs, "command", "ALL"), 0);
	json_decref(tree);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_policy_gives_the_same_bytes),
		cmocka_unit_test(commands_are_escaped_and_bare_ones_take_no_arguments),
		cmocka_unit_test(a_role_without_commands_does_not_appear),
		cmocka_unit_test(visudo_accepts_the_fragment),
		cmocka_unit_test(sudo_understands_what_was_meant),
	};

	return cmocka_run_group_tests(tests, write_fragment, drop_fragment);
}
