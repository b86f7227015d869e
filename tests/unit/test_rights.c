/* Which commands and places are as good as root: names beside those that are meant are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/rights.h"

static void
a_place_where_others_may_write_is_unsafe_and_its_neighbour_is_not(void **state)
{
	static const char *const unsafe[] = {"/tmp/x",	    "/tmp/a/b",		"/dev/shm/x",
					     "/home/ann/x", "/run/user/1000/x", "/var/tmp/x"};
	static const char *const safe[] = {"/usr/bin/id", "/tmpfs/x",	"/homes/x",
					   "/usr/tmp/x",  "/run/users", "/tmp"};

	(void)state;
	for (size_t i = 0; i < sizeof unsafe / sizeof unsafe[0]; i++)
		assert_true(lb_command_unsafe_place(unsafe[i], ""));
	for (size_t i = 0; i < sizeof safe / sizeof safe[0]; i++)
		assert_false(lb_command_unsafe_place(safe[i], ""));
	/* The temporary accounts' own homes, wherever they are. */
	assert_true(lb_command_unsafe_place("/srv/people/lb-ann-1/x", "/srv/people"));
	assert_false(lb_command_unsafe_place("/srv/peoples/x", "/srv/people"));
	assert_false(lb_command_unsafe_place("/srv/people/lb-ann-1/x", "/srv/others"));
	assert_false(lb_command_unsafe_place("/srv/people/lb-ann-1/x", ""));
}

static void
an_interpreter_is_known_with_any_version_behind_its_name(void **state)
{
	static const char *const root[] = {"/usr/bin/python3 /x",  "/usr/bin/python3.11",
					   "/usr/bin/python-3.11", "/usr/bin/perl5.36.0",
					   "/usr/bin/vim",	   "/usr/bin/systemctl edit x"};
	static const char *const plain[] = {"/usr/bin/pythonic", "/usr/bin/perlx",
					    "/usr/bin/systemctl restart x", "/usr/bin/id -u"};

	(void)state;
	for (size_t i = 0; i < sizeof root / sizeof root[0]; i++)
		if (lb_command_root_equivalent(root[i]) == NULL)
			fail_msg("passes: %s", root[i]);
	for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
		if (lb_command_root_equivalent(plain[i]) != NULL)
			fail_msg("refused: %s", plain[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_place_where_others_may_write_is_unsafe_and_its_neighbour_is_not),
		cmocka_unit_test(an_interpreter_is_known_with_any_version_behind_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
