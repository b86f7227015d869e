/* Broken policies: each file of the corpus is refused, for the reason that its first line names. */
#include "test_policy_support.h"

#include <dirent.h>

#define EXPECT "# expect: "

static size_t failed;

/* Says what is wrong with a corpus file; the others are looked at all the same. */
static void
wrong(const char *name, const char *what, const char *findings)
{
	print_error("%s: %s; got:\n%s\n", name, what, findings);
	failed++;
}

static void
check_file(const char *name)
{
	static struct findings f;
	struct lb_policy *policy = NULL;
	struct lb_policy_source *source = test_host();
	char path[512], wanted[512];
	size_t len, end;
	char *text;

	snprintf(path, sizeof path, BAD_DIR "/%s", name);
	text = read_all(path, &len);
	if (strncmp(text, EXPECT, strlen(EXPECT)) != 0)
		fail_msg("%s does not say what to expect", path);
	end = strcspn(text, "\n");
	snprintf(wanted, sizeof wanted, "%.*s", (int)(end - strlen(EXPECT)), text + strlen(EXPECT));
	assert_int_equal(
		lb_policy_source_add_text(source, name, text, len, strncmp(name, "host-", 5) == 0),
		LB_OK);
	free(text);
	if (parse_source(source, &f, &policy) != LB_ERR_MALFORMED)
		wrong(name, "is accepted", f.text);
	else if (strstr(f.text, wanted) == NULL)
		wrong(name, wanted, f.text);
	/* The first finding names file and line, and says what to write instead. */
	else if (strncmp(f.text, name, strlen(name)) != 0 || f.text[strlen(name)] != ':' ||
		 f.text[strlen(name) + 1] < '1' || f.text[strlen(name) + 1] > '9')
		wrong(name, "no file and line are named", f.text);
	else if (memchr(f.text, ';', strcspn(f.text, "\n")) == NULL)
		wrong(name, "no way out is named", f.text);
	lb_policy_free(policy);
}

static void
every_broken_policy_is_refused_for_its_own_reason(void **state)
{
	DIR *dir = opendir(BAD_DIR);
	const struct dirent *entry;
	size_t count = 0;

	(void)state;
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		if (strstr(entry->d_name, ".conf") != NULL) {
			check_file(entry->d_name);
			count++;
		}
	closedir(dir);
	assert_int_equal(failed, 0);
	assert_true(count >= 150);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_broken_policy_is_refused_for_its_own_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
