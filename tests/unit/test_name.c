/* Names and numbers from outside: the allow-lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "err.h"
#include "name.h"

static char *
repeat(char c, size_t count)
{
	static char text[300];

	memset(text, c, count);
	text[count] = '\0';
	return text;
}

static const char *const hostile[] = {
	"",
	"-rf",
	"../../etc/cron.d/x",
	"a/b",
	"a b",
	"a:b",
	"a\nb",
	"a\tb",
	"Alice",
	"1abc",
	"a.b",
	"a%s",
	"a,b",
	"a$b",
	"a`b",
	"a;b",
	".",
	"..",
	"\x9b"
	"31m",
	"a\x1b[m",
	"a\xc3\xa9",
	"a\\b",
	"a\"b",
	"a'b",
	"a*",
	"a=b",
	"a@b",
	"a#b",
	"a+b",
	"a~",
};

static void
good_names_pass(void **state)
{
	(void)state;
	assert_true(lb_identity_valid("a"));
	assert_true(lb_identity_valid("alice-2_b"));
	assert_true(lb_identity_valid(repeat('a', LB_IDENTITY_MAX)));
	assert_true(lb_role_valid("db-operator"));
	assert_true(lb_role_valid(repeat('r', LB_ROLE_MAX)));
	assert_true(lb_unix_name_valid("_apt"));
	assert_true(lb_unix_name_valid(repeat('u', 32)));
}

static void
names_that_are_too_long_are_refused(void **state)
{
	(void)state;
	assert_false(lb_identity_valid(repeat('a', LB_IDENTITY_MAX + 1)));
	assert_false(lb_role_valid(repeat('r', LB_ROLE_MAX + 1)));
	assert_false(lb_unix_name_valid(repeat('u', 33)));
}

static void
hostile_names_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
		assert_false(lb_identity_valid(hostile[i]));
		assert_false(lb_role_valid(hostile[i]));
		assert_false(lb_unix_name_valid(hostile[i]));
		assert_false(lb_account_valid(hostile[i]));
	}
	assert_false(lb_identity_valid("_alice"));
	assert_false(lb_role_valid("_role"));
}

static void
account_names_are_made_and_recognised(void **state)
{
	char name[LB_ACCOUNT_MAX + 1];

	(void)state;
	assert_int_equal(lb_account_name(name, "alice", 1), LB_OK);
	assert_string_equal(name, "lb-alice-1");
	assert_true(lb_account_valid(name));
	assert_int_equal(lb_account_name(name, repeat('a', LB_IDENTITY_MAX), UINT32_MAX - 1),
			 LB_OK);
	assert_true(strlen(name) <= LB_ACCOUNT_MAX);
	assert_true(lb_account_valid(name));
	assert_true(lb_account_valid("lb-a-b-7"));
}

static void
account_names_that_cannot_be_are_refused(void **state)
{
	static const char *const bad[] = {
		"lb-",		"lb-alice",    "lb-alice-",	      "lb-alice-01",  "lb--1",
		"lb-alice--1a", "lb-alice-1 ", "lb-alice-4294967295", "lbr-alice-1",  "alice-1",
		"LB-alice-1",	"lb-alice-+1", "lb-1alice-1",	      "lb-alice-1\n", "lb-../x-1",
	};
	char name[LB_ACCOUNT_MAX + 1] = "as it was";

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(lb_account_valid(bad[i]));
	assert_int_equal(lb_account_name(name, "../x", 1), LB_ERR_MALFORMED);
	/* No number ever is that; lb_account_valid() would refuse the name. */
	assert_int_equal(lb_account_name(name, "alice", UINT32_MAX), LB_ERR_MALFORMED);
	assert_string_equal(name, "as it was");
	assert_false(lb_account_valid(repeat('l', 200)));
}

static void
role_groups_are_made_from_valid_roles_only(void **state)
{
	char name[LB_ACCOUNT_MAX + 1] = "as it was";

	(void)state;
	assert_int_equal(lb_role_group(name, "a b"), LB_ERR_MALFORMED);
	assert_string_equal(name, "as it was");
	assert_int_equal(lb_role_group(name, repeat('r', LB_ROLE_MAX)), LB_OK);
	assert_true(strlen(name) <= LB_ACCOUNT_MAX);
	assert_true(lb_unix_name_valid(name));
}

static void
ids_are_plain_decimal_below_the_last_one(void **state)
{
	uint32_t id = 7;

	(void)state;
	assert_int_equal(lb_id_parse("0", &id), LB_OK);
	assert_int_equal(id, 0);
	assert_int_equal(lb_id_parse("65534", &id), LB_OK);
	assert_int_equal(id, 65534);
	/* 16-bit -1 and 2^31 are ordinary here: what they may be is asked elsewhere. */
	assert_int_equal(lb_id_parse("65535", &id), LB_OK);
	assert_int_equal(lb_id_parse("2147483648", &id), LB_OK);
	assert_true(id == 2147483648u);
	assert_int_equal(lb_id_parse("4294967294", &id), LB_OK);
	assert_true(id == 4294967294u);
}

static void
ids_in_any_other_writing_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"-1",
		"+1",
		"-0",
		"01",
		"00",
		" 1",
		"1 ",
		"0x10",
		"1e3",
		"1.0",
		"4294967295",
		"4294967296",
		"18446744073709551615",
		"99999999999",
		"1\n",
		"\xd9\xa1",
		"1,000",
		"1_000",
	};
	uint32_t id = 7;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(lb_id_parse(bad[i], &id), LB_ERR_MALFORMED);
		assert_int_equal(id, 7);
	}
}

static void
the_reserved_range_holds_no_wild_id(void **state)
{
	static const uint32_t wild[] = {0,
					1,
					1000,
					65534,
					65535,
					2147483647,
					2147483648u,
					4294967294u,
					4294967295u,
					LB_UID_FIRST - 1,
					LB_UID_LAST + 1};

	(void)state;
	for (size_t i = 0; i < sizeof wild / sizeof wild[0]; i++) {
		assert_false(lb_id_reserved(wild[i]));
		assert_false(lb_uid_is_account(wild[i]));
		assert_false(lb_gid_is_role(wild[i]));
	}
	assert_true(lb_gid_is_role(LB_UID_FIRST));
	assert_false(lb_uid_is_account(LB_UID_FIRST));
	assert_false(lb_gid_is_role(LB_ACCOUNT_UID_FIRST));
	assert_true(lb_uid_is_account(LB_ACCOUNT_UID_FIRST));
	assert_true(lb_uid_is_account(LB_UID_LAST));
}

static void
serials_beyond_the_range_have_no_uid(void **state)
{
	(void)state;
	assert_int_equal(lb_account_uid(0), LB_ACCOUNT_UID_FIRST);
	assert_int_equal(lb_account_uid(LB_UID_LAST - LB_ACCOUNT_UID_FIRST), LB_UID_LAST);
	assert_int_equal(lb_account_uid(LB_UID_LAST - LB_ACCOUNT_UID_FIRST + 1), 0);
	assert_int_equal(lb_account_uid(UINT32_MAX), 0);
}

static void
paths_are_absolute_and_without_tricks(void **state)
{
	static const char *const good[] = {"/a", "/usr/bin/id", "/opt/x-1/b.in/%i@a+b", "/..a/b.."};
	static const char *const bad[] = {
		"",	 "/",	 "a",	 "usr/bin/id", "/usr//bin", "/usr/./bin", "/usr/../bin",
		"/usr/", "/..",	 "/.",	 "/a b",       "/a\nb",	    "/a*",	  "/a:b",
		"/a\\b", "/a,b", "/a=b", "/\xc3\xa9",  "/a\x1b",
	};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_true(lb_path_valid(good[i], 255));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(lb_path_valid(bad[i], 255));
	assert_false(lb_path_valid("/abc", 3));
	assert_true(lb_path_valid("/abc", 4));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_names_pass),
		cmocka_unit_test(names_that_are_too_long_are_refused),
		cmocka_unit_test(hostile_names_are_refused),
		cmocka_unit_test(account_names_are_made_and_recognised),
		cmocka_unit_test(account_names_that_cannot_be_are_refused),
		cmocka_unit_test(role_groups_are_made_from_valid_roles_only),
		cmocka_unit_test(ids_are_plain_decimal_below_the_last_one),
		cmocka_unit_test(ids_in_any_other_writing_are_refused),
		cmocka_unit_test(the_reserved_range_holds_no_wild_id),
		cmocka_unit_test(serials_beyond_the_range_have_no_uid),
		cmocka_unit_test(paths_are_absolute_and_without_tricks),
	};

	return cmocka_run_group_tests_name("name", tests, NULL, NULL);
}
