/* Options and columns of the command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/args.h"
#include "client/columns.h"
#include "client/output.h"
#include "client/table.h"
#include "client/verbs.h"
#include "err.h"

static struct lb_args args;

/* Parses the words that follow a verb, given as one line. */
static int
parse(const char *verb, ...)
{
	size_t count = 0, verbs;
	const struct lb_verb *v = lb_verbs(&verbs);
	char *list[32];
	va_list ap;

	va_start(ap, verb);
	while ((list[count] = va_arg(ap, char *)) != NULL)
		count++;
	va_end(ap);
	for (size_t i = 0; i < verbs; i++)
		if (strcmp(v[i].name, verb) == 0)
			return lb_args_parse(&args, &v[i].syntax, count, list);
	fail();
	return LB_ERR_INTERNAL;
}

static void
a_request_is_read_in_any_order(void **state)
{
	(void)state;
	assert_int_equal(
		parse("request", "db", "--for", "30m", "--reason", "fix", "--ticket", "T-1", NULL),
		LB_OK);
	assert_string_equal(args.role, "db");
	assert_int_equal(args.duration_s, 1800);
	assert_string_equal(args.text, "fix");
	assert_string_equal(args.ticket, "T-1");
	assert_int_equal(parse("request", "--json", "--for=1h30m", "--ticket=a b", "db",
			       "--reason=fix", NULL),
			 LB_OK);
	assert_int_equal(args.duration_s, 5400);
	assert_string_equal(args.ticket, "a b");
	assert_true(args.given & LB_OPT_JSON);
}

static void
a_reason_takes_all_words_up_to_the_next_option(void **state)
{
	(void)state;
	assert_int_equal(parse("request", "db", "--reason", "fix", "the", "-x", "index", "--for",
			       "1h", NULL),
			 LB_OK);
	assert_string_equal(args.text, "fix the -x index");
	assert_int_equal(args.duration_s, 3600);
	assert_int_equal(
		parse("request", "db", "--reason=fix", "the  big", "index", "--json", NULL), LB_OK);
	assert_string_equal(args.text, "fix the  big index");
	assert_int_equal(parse("approve", "R-1", "--comment", "as", "agreed", NULL), LB_OK);
	assert_string_equal(args.text, "as agreed");
}

static void
a_dash_of_a_sentence_and_a_quoted_text_are_no_options(void **state)
{
	(void)state;
	assert_int_equal(parse("request", "db", "--reason", "fix", "--", "it", "-->", "now",
			       "--for", "1h", NULL),
			 LB_OK);
	assert_string_equal(args.text, "fix -- it --> now");
	assert_int_equal(args.duration_s, 3600);
	assert_int_equal(parse("request", "db", "--reason", "--full disk", "is", NULL), LB_OK);
	assert_string_equal(args.text, "--full disk is");
	assert_int_equal(parse("request", "--", "db", "--reason", "x", NULL), LB_ERR_MALFORMED);
}

static void
what_is_mistyped_is_met_half_way(void **state)
{
	(void)state;
	assert_int_equal(parse("request", "db", "--reasn", "x", NULL), LB_ERR_MALFORMED);
	assert_non_null(strstr(args.problem, "did you mean '--reason'?"));
	assert_int_equal(parse("request", "db", "--reasn=x", NULL), LB_ERR_MALFORMED);
	assert_non_null(strstr(args.problem, "did you mean '--reason'?"));
	assert_int_equal(parse("request", "db", "-for", "1h", "--reason", "x", NULL),
			 LB_ERR_MALFORMED);
	assert_non_null(strstr(args.problem, "did you mean '--for'?"));
	assert_int_equal(parse("request", "db", "--reason", "the", "disk", "--overflowing", NULL),
			 LB_ERR_MALFORMED);
	assert_non_null(strstr(args.problem, "quotes twice"));
	assert_int_equal(parse("deny", "R-5", "not", "now", NULL), LB_ERR_MALFORMED);
	assert_non_null(strstr(args.problem, "--reason TEXT"));
	assert_int_equal(parse("approve", "R-5", "fine", NULL), LB_ERR_MALFORMED);
	assert_non_null(strstr(args.problem, "--comment TEXT"));
	assert_int_equal(parse("audit", "R-1", NULL), LB_ERR_MALFORMED);
	assert_non_null(strstr(args.problem, "--grant ID"));
}

static void
a_reason_has_a_maximum(void **state)
{
	static char text[LB_REASON_MAX + 2];

	(void)state;
	memset(text, 'x', LB_REASON_MAX);
	assert_int_equal(parse("request", "db", "--reason", text, NULL), LB_OK);
	assert_string_equal(args.text, text);
	assert_int_equal(parse("request", "db", "--reason", text, "x", NULL), LB_ERR_MALFORMED);
	text[LB_REASON_MAX] = 'x';
	assert_int_equal(parse("request", "db", "--reason", text, NULL), LB_ERR_MALFORMED);
	assert_non_null(strstr(args.problem, "longer than 500 bytes"));
}

static void
ids_are_read_in_all_their_forms(void **state)
{
	static const char *const bad[] = {"0",
					  "R-0",
					  "R-",
					  "R17",
					  "-17",
					  "R--17",
					  "017",
					  "1.0",
					  "R-1x",
					  "",
					  "99999999999999999999",
					  "+1",
					  " 1",
					  "Q-1"};
	uint64_t id = 7;

	(void)state;
	assert_int_equal(lb_args_grant_id("R-17", &id), LB_OK);
	assert_int_equal(id, 17);
	assert_int_equal(lb_args_grant_id("r-18", &id), LB_OK);
	assert_int_equal(lb_args_grant_id("19", &id), LB_OK);
	assert_int_equal(id, 19);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(lb_args_grant_id(bad[i], &id), LB_ERR_MALFORMED);
	assert_int_equal(id, 19);
}

static void
senseless_words_are_refused_with_a_hint(void **state)
{
	(void)state;
	assert_int_equal(parse("request", NULL), LB_ERR_MALFORMED);
	assert_int_equal(parse("request", "db", NULL), LB_ERR_MALFORMED);
	assert_non_null(strstr(args.problem, "--reason"));
	assert_int_equal(parse("request", "--reason", "fix", "db", NULL), LB_ERR_MALFORMED);
	assert_non_null(strstr(args.problem, "before --reason"));
	assert_int_equal(parse("request", "db", "--reason", NULL), LB_ERR_MALFORMED);
	assert_int_equal(parse("request", "db", "--reason", "", NULL), LB_ERR_MALFORMED);
	assert_int_equal(parse("request", "db", "--reason", "--json", NULL), LB_ERR_MALFORMED);
	assert_true(args.given & LB_OPT_JSON);
	assert_int_equal(parse("request", "db", "x", "--reason", "a", NULL), LB_ERR_MALFORMED);
	assert_int_equal(parse("request", "../x", "--reason", "a", NULL), LB_ERR_MALFORMED);
	assert_int_equal(parse("request", "-rf", "--reason", "a", NULL), LB_ERR_MALFORMED);
	assert_int_equal(parse("request", "db", "--for", "1e9h", "--reason", "a", NULL),
			 LB_ERR_MALFORMED);
	assert_int_equal(parse("request", "db", "--for", "-1s", "--reason", "a", NULL),
			 LB_ERR_MALFORMED);
	assert_int_equal(
		parse("request", "db", "--for", "1h", "--for", "2h", "--reason", "a", NULL),
		LB_ERR_MALFORMED);
	assert_non_null(strstr(args.problem, "twice"));
	assert_int_equal(parse("deny", "R-1", NULL), LB_ERR_MALFORMED);
	assert_int_equal(parse("deny", "--reason", "no", NULL), LB_ERR_MALFORMED);
	assert_int_equal(parse("approve", "R-1", "--reason", "x", NULL), LB_ERR_MALFORMED);
	assert_int_equal(parse("roles", "x", NULL), LB_ERR_MALFORMED);
	assert_int_equal(parse("status", "--json=yes", NULL), LB_ERR_MALFORMED);
	assert_int_equal(parse("audit", "--after", "-1", NULL), LB_ERR_MALFORMED);
	assert_int_equal(parse("audit", "--after", "", NULL), LB_ERR_MALFORMED);
	assert_int_equal(parse("audit", "--grant", "x", NULL), LB_ERR_MALFORMED);
}

static void
help_needs_nothing_else(void **state)
{
	(void)state;
	assert_int_equal(parse("request", "--help", NULL), LB_OK);
	assert_true(args.given & LB_OPT_HELP);
	assert_int_equal(parse("request", "--nonsense", "--help", NULL), LB_ERR_MALFORMED);
	assert_true(args.given & LB_OPT_HELP);
}

static void
every_example_of_the_table_is_accepted(void **state)
{
	size_t count;
	const struct lb_verb *v = lb_verbs(&count);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		char text[256], *list[32], *save = NULL;
		size_t words = 0;

		if (v[i].local != NULL)
			continue;
		snprintf(text, sizeof text, "%s", v[i].example);
		for (char *w = strtok_r(text, " ", &save); w != NULL;
		     w = strtok_r(NULL, " ", &save))
			list[words++] = w;
		assert_int_equal(lb_args_parse(&args, &v[i].syntax, words, list), LB_OK);
	}
}

/* The text of lockbox(1), found from the top of the tree or from build/tests. */
static const char *
manual(void)
{
	static char text[65536];
	FILE *f = fopen("lockboxd/client/lockbox.1", "r");

	if (f == NULL)
		f = fopen("../../lockboxd/client/lockbox.1", "r");
	assert_non_null(f);
	text[fread(text, 1, sizeof text - 1, f)] = '\0';
	fclose(f);
	return text;
}

static void
the_manual_lists_every_verb_option_and_refusal(void **state)
{
	static const char *const options[] = {"json",		"help",	     "for",
					      "reason",		"comment",   "ticket",
					      "after",		"grant",     "socket",
					      "version",	"statement", "signature",
					      "sign",		"on",	     "off",
					      "approvers",	"approvals", "break-glass",
					      "no-break-glass", "justified", "not-justified"};
	const char *text = manual();
	char wanted[64];
	size_t count;
	const struct lb_verb *v = lb_verbs(&count);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		bool found;

		snprintf(wanted, sizeof wanted, "\n.It Ic %s", v[i].name);
		found = strstr(text, wanted) != NULL;
		snprintf(wanted, sizeof wanted, "\n.Ic %s", v[i].name);
		if (!found && strstr(text, wanted) == NULL)
			fail_msg("lockbox(1) does not describe %s", v[i].name);
		snprintf(wanted, sizeof wanted, "%s %s", v[i].local ? "lockbox" : "db1", v[i].name);
		if (strcmp(v[i].name, "audit") != 0 && strstr(text, wanted) == NULL)
			fail_msg("lockbox(1) has no example of %s", v[i].name);
	}
	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
		snprintf(wanted, sizeof wanted, "Fl -%s", options[i]);
		if (strstr(text, wanted) == NULL)
			fail_msg("lockbox(1) does not name --%s", options[i]);
	}
	for (uint16_t code = LB_NO_IDENTITY; code <= LB_NOT_ELIGIBLE; code++)
		assert_non_null(strstr(text, lb_cli_refusal_name(code)));
}

static void
widths_are_counted_in_characters(void **state)
{
	(void)state;
	assert_int_equal(lb_columns_width(""), 0);
	assert_int_equal(lb_columns_width("abc"), 3);
	assert_int_equal(lb_columns_width("Grüße"), 5);
	assert_int_equal(lb_columns_width("日本"), 4);
	assert_int_equal(lb_columns_width("e\xcc\x81"), 1); /* e and a combining accent */
	assert_int_equal(lb_columns_prefix("日本", 3), 3);
	assert_int_equal(lb_columns_prefix("Grüße", 3), 4);
}

static char drawn[65536];

/* Every line of what was drawn fits, and no line ends in a blank. */
static void
expect_within(size_t width)
{
	char *save = NULL, copy[sizeof drawn];

	memcpy(copy, drawn, sizeof copy);
	for (char *line = strtok_r(copy, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		if (lb_columns_width(line) > width)
			fail_msg("%zu columns: %s", lb_columns_width(line), line);
		assert_true(line[0] == '\0' || line[strlen(line) - 1] != ' ');
	}
}

static void
wrap(const char *text, size_t at, size_t indent, size_t width)
{
	FILE *f = fmemopen(drawn, sizeof drawn, "w");

	memset(drawn, 0, sizeof drawn);
	lb_columns_wrap(f, text, at, indent, width);
	fclose(f);
}

static void
text_is_wrapped_at_blanks_and_nothing_is_lost(void **state)
{
	(void)state;
	wrap("one two three four", 0, 2, 9);
	assert_string_equal(drawn, "one two\n  three\n  four\n");
	wrap("", 0, 0, 10);
	assert_string_equal(drawn, "\n");
	wrap("abcdefghijklmnop", 0, 2, 8);
	assert_string_equal(drawn, "abcdefgh\n  ijklmn\n  op\n");
	wrap("ab abcdefghijkl", 6, 2, 8);
	assert_string_equal(drawn, "ab\n  abcdef\n  ghijkl\n");
	wrap("日本語日本語", 0, 0, 5);
	assert_string_equal(drawn, "日本\n語日\n本語\n");
	wrap("a  b", 0, 0, 80);
	assert_string_equal(drawn, "a  b\n");
	wrap("abc", 10, 10, 10); /* no room at all: printed all the same */
	assert_string_equal(drawn, "abc\n");
}

static void
random_text_wraps_within_its_width(void **state)
{
	static const char *const pieces[] = {"a", "bc ", " ", "ü", "日", "longer-word ", "é"};

	(void)state;
	srandom(5);
	for (int round = 0; round < 3000; round++) {
		char text[400] = "", plain[400] = "", back[sizeof drawn] = "";
		size_t indent = (size_t)random() % 10, width = 12 + (size_t)random() % 40, n = 0;

		for (long i = random() % 40; i > 0; i--)
			strcat(text, pieces[(size_t)random() % 7]);
		wrap(text, 0, indent, width);
		expect_within(width);
		/* The same letters in the same order, blanks apart. */
		for (const char *c = text; *c != '\0'; c++)
			if (*c != ' ')
				plain[n++] = *c;
		n = 0;
		for (const char *c = drawn; *c != '\0'; c++)
			if (*c != ' ' && *c != '\n')
				back[n++] = *c;
		assert_string_equal(plain, back);
	}
}

static const struct lb_cli_column columns[] = {
	{"ID", false},
	{"STATE", false},
	{"ROLE", true},
	{"REASON", true},
};

static void
draw(const struct lb_cli_table *t, size_t width)
{
	FILE *f = fmemopen(drawn, sizeof drawn, "w");

	memset(drawn, 0, sizeof drawn);
	lb_cli_table_print(t, f, width, false);
	fclose(f);
}

static void
a_small_table_is_as_wide_as_it_needs(void **state)
{
	const char *const row[] = {"R-1", "active", "db", "fix"};
	struct lb_cli_table *t = lb_cli_table_new(columns, 4);

	(void)state;
	assert_int_equal(lb_cli_table_add(t, row), LB_OK);
	draw(t, 80);
	assert_string_equal(drawn, "ID   STATE   ROLE  REASON\nR-1  active  db    fix\n");
	lb_cli_table_free(t);
}

static void
a_wide_table_gives_way_to_80_columns_with_an_ellipsis(void **state)
{
	static const char *const words[] = {
		"日本語のとても長い理由",
		"a very long reason that goes on and on",
		"Grüße aus der Datenbank, die nicht mehr antworten will",
		"x",
		"",
		"\x1b[31mred\x9b",
		"\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\xf7\xf6\xf5"};

	(void)state;
	srandom(11);
	for (int round = 0; round < 500; round++) {
		struct lb_cli_table *t = lb_cli_table_new(columns, 4);

		for (int r = 0; r < 20; r++) {
			const char *const row[] = {"R-1234567890", "cancelled",
						   "a-role-name-of-28-characters",
						   words[(size_t)random() % 7]};
			assert_int_equal(lb_cli_table_add(t, row), LB_OK);
		}
		draw(t, 80);
		assert_null(strchr(drawn, '\x1b'));
		expect_within(80);
		draw(t, 40);
		expect_within(40);
		lb_cli_table_free(t);
	}
	assert_non_null(strstr(drawn, "…"));
	assert_non_null(strstr(drawn, "R-1234567890"));
}

static void
relative_times_are_short_and_right(void **state)
{
	static const struct {
		uint64_t now, then;
		const char *text;
	} cases[] = {
		{100, 100, "now"},     {100, 120, "in 20s"},	   {100, 350, "in 4m 10s"},
		{0, 3600, "in 1h"},    {0, 3725, "in 1h 2m"},	   {0, 90061, "in 1d 1h"},
		{120, 100, "20s ago"}, {8000, 1000, "1h 56m ago"}, {0, 43200, "in 12h"},
	};
	char text[LB_WHEN_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		lb_cli_relative(text, cases[i].now, cases[i].then);
		assert_string_equal(text, cases[i].text);
	}
	lb_cli_relative(text, 0, UINT64_MAX);
	assert_true(strlen(text) < sizeof text);
	lb_cli_duration(text, UINT64_MAX);
	assert_true(strlen(text) < sizeof text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_read_in_any_order),
		cmocka_unit_test(a_reason_takes_all_words_up_to_the_next_option),
		cmocka_unit_test(a_dash_of_a_sentence_and_a_quoted_text_are_no_options),
		cmocka_unit_test(what_is_mistyped_is_met_half_way),
		cmocka_unit_test(a_reason_has_a_maximum),
		cmocka_unit_test(ids_are_read_in_all_their_forms),
		cmocka_unit_test(senseless_words_are_refused_with_a_hint),
		cmocka_unit_test(help_needs_nothing_else),
		cmocka_unit_test(every_example_of_the_table_is_accepted),
		cmocka_unit_test(the_manual_lists_every_verb_option_and_refusal),
		cmocka_unit_test(widths_are_counted_in_characters),
		cmocka_unit_test(text_is_wrapped_at_blanks_and_nothing_is_lost),
		cmocka_unit_test(random_text_wraps_within_its_width),
		cmocka_unit_test(a_small_table_is_as_wide_as_it_needs),
		cmocka_unit_test(a_wide_table_gives_way_to_80_columns_with_an_ellipsis),
		cmocka_unit_test(relative_times_are_short_and_right),
	};

	return cmocka_run_group_tests_name("cli args", tests, NULL, NULL);
}
