/* The gate: words out of a command line, and what it lets through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/gate.h"
#include "client/words.h"
#include "err.h"
#include "proto.h"

static struct lb_words words;

/* Splits line and compares with the words given, the last of which is NULL. */
static void
expect_words(const char *line, ...)
{
	const char *expected;
	size_t i = 0;
	va_list ap;

	assert_int_equal(lb_words_split(&words, line), LB_OK);
	va_start(ap, line);
	while ((expected = va_arg(ap, const char *)) != NULL) {
		assert_true(i < words.count);
		assert_string_equal(words.word[i++], expected);
	}
	va_end(ap);
	assert_int_equal(i, words.count);
	assert_null(words.word[words.count]);
}

static void
words_are_split_at_blanks(void **state)
{
	(void)state;
	expect_words("", NULL);
	expect_words("  \t ", NULL);
	expect_words("status", "status", NULL);
	expect_words("  approve \t R-17  ", "approve", "R-17", NULL);
}

static void
quotes_keep_blanks_and_empty_words(void **state)
{
	(void)state;
	expect_words("a 'b c' d", "a", "b c", "d", NULL);
	expect_words("a \"b  c\" d", "a", "b  c", "d", NULL);
	expect_words("a '' \"\"", "a", "", "", NULL);
	expect_words("--reason='b c'", "--reason=b c", NULL);
	expect_words("'a'\"b\"'c d'", "abc d", NULL);
	expect_words("\"it's\" 'say \"x\"'", "it's", "say \"x\"", NULL);
}

static void
backslashes_protect_as_in_a_shell(void **state)
{
	(void)state;
	expect_words("a\\ b", "a b", NULL);
	expect_words("can\\'t", "can't", NULL);
	expect_words("'a\\b'", "a\\b", NULL);
	expect_words("\"a\\\"b\\\\c\\d\\$e\"", "a\"b\\c\\d$e", NULL);
	expect_words("'it'\\''s here'", "it's here", NULL);
	expect_words("'it'\"'\"'s here'", "it's here", NULL);
}

static void
an_apostrophe_inside_a_word_is_an_apostrophe(void **state)
{
	(void)state;
	expect_words("request db --reason can't log in, won't wait", "request", "db", "--reason",
		     "can't", "log", "in,", "won't", "wait", NULL);
	expect_words("the 5\" disk", "the", "5\"", "disk", NULL);
}

static void
nothing_is_expanded(void **state)
{
	(void)state;
	expect_words("$HOME `id` $(id) *.c ; | & > < # ~ {a,b} !!", "$HOME", "`id`", "$(id)", "*.c",
		     ";", "|", "&", ">", "<", "#", "~", "{a,b}", "!!", NULL);
	expect_words("a\nb", "a\nb", NULL); /* a line break ends no command */
}

static void
open_quotes_and_a_last_backslash_are_refused(void **state)
{
	static const char *const bad[] = {"'",	"\"",	 "a 'b",    "a \"b", "a=\"",
					  "\\", "a b\\", "\"a\\\"", "'a'\"b"};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(lb_words_split(&words, bad[i]), LB_ERR_MALFORMED);
}

static void
long_lines_and_many_words_are_refused(void **state)
{
	static char line[LB_COMMAND_MAX + 2];

	(void)state;
	memset(line, 'a', LB_COMMAND_MAX);
	assert_int_equal(lb_words_split(&words, line), LB_OK);
	assert_int_equal(words.count, 1);
	line[LB_COMMAND_MAX] = 'a';
	assert_int_equal(lb_words_split(&words, line), LB_ERR_TOO_LONG);

	line[0] = '\0';
	for (size_t i = 0; i < LB_WORDS_MAX; i++)
		memcpy(line + 2 * i, "a ", 3);
	assert_int_equal(lb_words_split(&words, line), LB_OK);
	assert_int_equal(words.count, LB_WORDS_MAX);
	strcat(line, "a");
	assert_int_equal(lb_words_split(&words, line), LB_ERR_TOO_LONG);
}

static void
random_lines_stay_within_bounds(void **state)
{
	static const char letters[] = "ab '\"\\=\t$-";

	(void)state;
	srandom(3);
	for (int round = 0; round < 50000; round++) {
		char line[40];
		size_t len = (size_t)random() % sizeof line;

		for (size_t i = 0; i < len; i++)
			line[i] = letters[(size_t)random() % (sizeof letters - 1)];
		line[len > 0 ? len - 1 : 0] = '\0';
		if (lb_words_split(&words, line) != LB_OK)
			continue;
		for (size_t i = 0; i < words.count; i++) {
			assert_true(words.word[i] >= words.text);
			assert_true(words.word[i] + strlen(words.word[i]) <
				    words.text + sizeof words.text);
		}
	}
}

#define ARGV(...) ((char *[]){(char *)"lockbox-gate", __VA_ARGS__, NULL})
#define ARGC(...) ((int)(sizeof(ARGV(__VA_ARGS__)) / sizeof(char *)) - 1)
#define GATE(...) lb_gate_arguments(&cli, ARGC(__VA_ARGS__), ARGV(__VA_ARGS__))
#define S(text) ((char *)(uintptr_t)(text))

static void
the_gate_takes_its_own_arguments_exactly(void **state)
{
	struct lb_cli cli = {.socket = "usual"};

	(void)state;
	assert_int_equal(GATE(S("--identity"), S("alice"), S("--key"), S("SHA256:ab+/9=")), LB_OK);
	assert_true(cli.gate);
	assert_string_equal(cli.identity, "alice");
	assert_string_equal(cli.fingerprint, "SHA256:ab+/9=");
	assert_string_equal(cli.socket, "usual");
	assert_int_equal(
		GATE(S("--key"), S("k"), S("--socket"), S("/x"), S("--identity"), S("bob")), LB_OK);
	assert_string_equal(cli.socket, "/x");
}

static void
the_gate_refuses_any_other_arguments(void **state)
{
	struct lb_cli cli = {0};

	(void)state;
	assert_int_equal(lb_gate_arguments(&cli, 1, ARGV(S("x"))), LB_ERR_MALFORMED);
	assert_int_equal(GATE(S("--identity"), S("alice")), LB_ERR_MALFORMED);
	assert_int_equal(GATE(S("--key"), S("k")), LB_ERR_MALFORMED);
	assert_int_equal(GATE(S("--identity"), S("alice"), S("--key")), LB_ERR_MALFORMED);
	assert_int_equal(GATE(S("--identity"), S("Alice"), S("--key"), S("k")), LB_ERR_MALFORMED);
	assert_int_equal(GATE(S("--identity"), S("a b"), S("--key"), S("k")), LB_ERR_MALFORMED);
	assert_int_equal(GATE(S("--identity"), S(""), S("--key"), S("k")), LB_ERR_MALFORMED);
	assert_int_equal(GATE(S("--identity"), S("alice"), S("--key"), S("a b")), LB_ERR_MALFORMED);
	assert_int_equal(GATE(S("--identity"), S("alice"), S("--key"), S("")), LB_ERR_MALFORMED);
	assert_int_equal(GATE(S("--identity"), S("a"), S("--identity"), S("b"), S("--key"), S("k")),
			 LB_ERR_MALFORMED);
	assert_int_equal(GATE(S("--identity"), S("a"), S("--key"), S("k"), S("--command"), S("x")),
			 LB_ERR_MALFORMED);
	assert_int_equal(GATE(S("--identity"), S("a"), S("--key"), S("k"), S("-c")),
			 LB_ERR_MALFORMED);
	assert_false(cli.gate);
}

static uint64_t
fixed_now(void)
{
	return 1795306800;
}

/* Runs the gate with a socket that is not there; what was said is in said. */
static char said[8192];

static enum lb_exit
gate(const char *command)
{
	struct lb_cli cli = {
		.gate = true,
		.identity = "alice",
		.fingerprint = "SHA256:x",
		.socket = "/nonexistent/sock",
		.host = "db1",
		.now = fixed_now,
	};
	FILE *f = fmemopen(said, sizeof said, "w");
	enum lb_exit status;

	memset(said, 0, sizeof said);
	assert_non_null(f);
	cli.out = cli.err = f;
	status = lb_gate_run(&cli, command);
	fclose(f);
	return status;
}

static void
without_a_command_there_is_help_and_a_usage_error(void **state)
{
	static const char *const none[] = {NULL, "", "  \t"};

	(void)state;
	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
		assert_int_equal(gate(none[i]), LB_EXIT_USAGE);
		assert_non_null(strstr(said, "ssh lockbox@db1 roles"));
		assert_null(strstr(said, "check"));
	}
}

static void
local_verbs_and_options_are_refused_in_the_gate(void **state)
{
	(void)state;
	assert_int_equal(gate("check /etc/shadow"), LB_EXIT_USAGE);
	assert_non_null(strstr(said, "not through ssh"));
	assert_int_equal(gate("help check"), LB_EXIT_USAGE);
	assert_int_equal(gate("check --help"), LB_EXIT_USAGE);
	assert_int_equal(gate("--socket /tmp/x status"), LB_EXIT_USAGE);
	assert_int_equal(gate("status --socket /tmp/x"), LB_EXIT_USAGE);
	assert_int_equal(gate("status --socket=/tmp/x"), LB_EXIT_USAGE);
	assert_int_equal(gate("--identity bob status"), LB_EXIT_USAGE);
}

static void
anything_but_a_verb_is_a_usage_error(void **state)
{
	static const char *const commands[] = {
		"/bin/sh",
		"sh -c id",
		"/usr/lib/openssh/sftp-server",
		"scp -t /etc",
		"status; id",
		"`id`",
		"rsync --server . /",
		"internal-sftp",
		"-c id",
		"-- id",
		"'status",
		"STATUS",
	};

	(void)state;
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		assert_int_equal(gate(commands[i]), LB_EXIT_USAGE);
}

static void
what_the_caller_wrote_is_quoted_back_escaped(void **state)
{
	(void)state;
	assert_int_equal(gate("\x1b]0;x\x07"), LB_EXIT_USAGE);
	assert_null(strchr(said, '\x1b'));
	assert_int_equal(gate("status \x1b[2J"), LB_EXIT_USAGE);
	assert_null(strchr(said, '\x1b'));
	assert_int_equal(gate("show --json \x9b"), LB_EXIT_USAGE);
	assert_null(strchr(said, '\x9b'));
	assert_non_null(strstr(said, "\"bad-input\""));
}

static void
a_command_over_its_limit_is_refused(void **state)
{
	static char command[LB_COMMAND_MAX + 2];

	(void)state;
	memset(command, 'a', LB_COMMAND_MAX + 1);
	assert_int_equal(gate(command), LB_EXIT_USAGE);
	assert_non_null(strstr(said, "too long"));
}

static void
a_daemon_that_is_not_there_gives_status_3(void **state)
{
	(void)state;
	assert_int_equal(gate("status"), LB_EXIT_UNREACHABLE);
	assert_non_null(strstr(said, "cannot be reached"));
	assert_int_equal(gate("claim --json"), LB_EXIT_UNREACHABLE);
	assert_non_null(strstr(said, "{\"error\":{\"code\":\"unreachable\",\"message\":\""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_split_at_blanks),
		cmocka_unit_test(quotes_keep_blanks_and_empty_words),
		cmocka_unit_test(backslashes_protect_as_in_a_shell),
		cmocka_unit_test(an_apostrophe_inside_a_word_is_an_apostrophe),
		cmocka_unit_test(nothing_is_expanded),
		cmocka_unit_test(open_quotes_and_a_last_backslash_are_refused),
		cmocka_unit_test(long_lines_and_many_words_are_refused),
		cmocka_unit_test(random_lines_stay_within_bounds),
		cmocka_unit_test(the_gate_takes_its_own_arguments_exactly),
		cmocka_unit_test(the_gate_refuses_any_other_arguments),
		cmocka_unit_test(without_a_command_there_is_help_and_a_usage_error),
		cmocka_unit_test(local_verbs_and_options_are_refused_in_the_gate),
		cmocka_unit_test(anything_but_a_verb_is_a_usage_error),
		cmocka_unit_test(what_the_caller_wrote_is_quoted_back_escaped),
		cmocka_unit_test(a_command_over_its_limit_is_refused),
		cmocka_unit_test(a_daemon_that_is_not_there_gives_status_3),
	};

	return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}
