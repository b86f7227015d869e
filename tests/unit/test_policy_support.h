/* What the tests of the policy share: a host with known facts, and the last report. */
#ifndef LB_TEST_POLICY_SUPPORT_H
#define LB_TEST_POLICY_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "err.h"
#include "policy/policy.h"

#define GOOD_DIR "tests/data/policy/good"
#define BAD_DIR "tests/data/policy/bad"

/* Everything reported, one finding per line. */
struct findings {
	char text[64 * 1024];
	size_t used;
};

static inline void
keep_finding(void *arg, const struct lb_report_item *item)
{
	struct findings *f = arg;
	char line[2048];
	size_t len;

	lb_report_text(line, sizeof line, item);
	len = strlen(line);
	if (f->used + len + 2 > sizeof f->text)
		return;
	memcpy(f->text + f->used, line, len);
	f->used += len;
	f->text[f->used++] = '\n';
	f->text[f->used] = '\0';
}

static inline char *
read_all(const char *path, size_t *len)
{
	FILE *fp = fopen(path, "r");
	char *buf = malloc(1 << 20);

	assert_non_null(buf);
	if (fp == NULL)
		fail_msg("cannot open %s", path);
	*len = fread(buf, 1, (1 << 20) - 1, fp);
	buf[*len] = '\0';
	fclose(fp);
	return buf;
}

/* A host as the tests want it. */
static inline struct lb_policy_source *
test_host(void)
{
	static const struct {
		const char *name;
		uint32_t id;
	} users[] = {{"root", 0},     {"toor", 0},	 {"lockbox", 990},
		     {"alice", 1000}, {"twin", 1000},	 {"bob", 1001},
		     {"carol", 1002}, {"postgres", 115}, {"odd", 1900000005}},
	  groups[] = {{"root", 0},	   {"zero", 0},
		      {"adm", 4},	   {"disk", 6},
		      {"sudo", 27},	   {"docker", 998},
		      {"odd", 1900000005}, {"lockbox-keeper", 991},
		      {"lbr-other", 1200}, {"systemd-journal", 101}};
	struct lb_policy_source *source = lb_policy_source_new();

	assert_non_null(source);
	for (size_t i = 0; i < sizeof users / sizeof users[0]; i++)
		assert_int_equal(lb_policy_source_add_user(source, users[i].name, users[i].id),
				 LB_OK);
	for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
		assert_int_equal(lb_policy_source_add_group(source, groups[i].name, groups[i].id),
				 LB_OK);
	return source;
}

static inline void
add_text(struct lb_policy_source *source, const char *name, const char *text, bool host)
{
	assert_int_equal(lb_policy_source_add_text(source, name, text, strlen(text), host), LB_OK);
}

/* Parses and frees source; the findings go to f. */
static inline int
parse_source(struct lb_policy_source *source, struct findings *f, struct lb_policy **policy)
{
	struct lb_report report = {.found = keep_finding, .arg = f};
	int rc;

	f->used = 0;
	f->text[0] = '\0';
	rc = lb_policy_parse(source, &report, policy);
	assert_int_equal(rc == LB_OK, report.errors == 0);
	lb_policy_source_free(source);
	return rc;
}

static inline struct lb_policy_source *
good_source(void)
{
	static const char *const files[] = {"lockbox.conf", "people.conf", "roles.conf"};
	struct lb_policy_source *source = test_host();

	for (size_t i = 0; i < 3; i++) {
		char path[128], *text;
		size_t len;

		snprintf(path, sizeof path, GOOD_DIR "/%s", files[i]);
		text = read_all(path, &len);
		add_text(source, path, text, i == 0);
		free(text);
	}
	return source;
}

static inline struct lb_policy *
good_policy(void)
{
	static struct findings f;
	struct lb_policy *policy = NULL;

	if (parse_source(good_source(), &f, &policy) != LB_OK)
		fail_msg("the good policy is refused:\n%s", f.text);
	return policy;
}

#endif
