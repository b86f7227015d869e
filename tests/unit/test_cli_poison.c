/*
 * Whatever the daemon sends, in whichever field, no verb hands a terminal or a
 * file anything that moves, hides, reorders or breaks: verbs x fields x poisons.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "client/columns.h"
#include "client/gate.h"
#include "client/verbs.h"
#include "test_client_fake.h"

#define NOW 1795306800u

#define MARK "\xcc\x81"
#define MARKS8 MARK MARK MARK MARK MARK MARK MARK MARK
#define MARKS64 MARKS8 MARKS8 MARKS8 MARKS8 MARKS8 MARKS8 MARKS8 MARKS8

static const char *const poisons[] = {
	"\x1b[2J\x1b]0;x\x07", /* ESC */
	"\x9b"
	"31mUID 0", /* a raw C1 byte */
	"\xc2\x9b"
	"31m", /* U+009B */
	"a\rb",
	"a\nb\n",
	"\a\b\t\v\f",
	"\x7f",
	"\xc2\x85",							 /* NEL */
	"a\xe2\x80\xaa\xe2\x80\xab\xe2\x80\xac\xe2\x80\xad\xe2\x80\xae", /* U+202A to U+202E */
	"a\xe2\x81\xa6\xe2\x81\xa7\xe2\x81\xa8\xe2\x81\xa9",		 /* U+2066 to U+2069 */
	"a\xe2\x80\x8e\xe2\x80\x8f\xd8\x9c", /* U+200E, U+200F, U+061C */
	"a\xe2\x80\x8b\xe2\x80\x8c\xe2\x80\x8d\xef\xbb\xbf",
	"a\xe2\x80\xa8\xe2\x80\xa9", /* separators of lines and paragraphs */
	"\xff\xfe\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80",
	"\xe2\x82", /* cut short */
	"e" MARKS64 MARKS64,
	"\xef\xbc\xb7\xef\xbc\xb7\xe6\x97\xa5\xf0\x9f\x98\x80\xf0\x9f\x98\x80", /* wide */
	"%s%n%x \\x1b \\ \" ' , ",
};

#define POISONS (sizeof poisons / sizeof poisons[0])

/* What the daemon does: fills every text with it, or refuses with it. */
static const char *poison;
static uint8_t state;
static bool refusing;

static char out[400000], err[40000];

static uint64_t
fixed_now(void)
{
	return NOW;
}

static void
fill(uint16_t type, union lb_msg *msg)
{
	const struct lb_layout *layout = lb_proto_layout(type);

	memset(msg, 0, sizeof *msg);
	for (size_t i = 0; i < layout->count; i++) {
		const struct lb_field *f = &layout->fields[i];

		if (f->kind == LB_FIELD_TEXT)
			snprintf((char *)msg + f->offset, f->max + 1, "%s", poison);
	}
}

static void
answer(int fd, uint16_t item)
{
	union lb_msg msg;

	fill(item, &msg);
	if (item == LB_MSG_GRANT) {
		msg.grant.id = 17;
		msg.grant.state = state;
		msg.grant.need = 2;
		msg.grant.requested_s = NOW - 60;
		msg.grant.until_s = NOW + 60;
		msg.grant.end_s = NOW + 60;
		msg.grant.uid = 1900010001;
	} else if (item == LB_MSG_RECORD) {
		msg.record.seq = 1;
	} else if (item == LB_MSG_CLAIMED) {
		msg.claimed.id = 17;
		msg.claimed.end_s = NOW + 60;
	}
	if (item == LB_MSG_ELIGIBLE) {
		msg.eligible.state = state % 4;
		msg.eligible.holds = state % 2;
		msg.eligible.checks = LB_CHECKS_MAX;
		for (size_t i = 0; i < LB_CHECKS_MAX; i++)
			msg.eligible.check[i].state = (uint8_t)(i % 4);
	}
	if (item == LB_MSG_SIGNED) {
		msg.signed_by.id = 17;
		msg.signed_by.number = 1;
	}
	fake_send(fd, item, &msg);
	fake_done(fd, 0, 0);
}

static void
serve(int fd)
{
	union lb_msg msg;
	uint16_t type;

	while (fake_receive(fd, &type, &msg) == 0) {
		if (type == LB_MSG_AS || (type == LB_MSG_ELIGIBILITY_REVOKE && !refusing))
			fake_done(fd, 0, 0);
		else if (refusing)
			fake_refuse(fd, LB_NO_PERMISSION, poison);
		else if (type == LB_MSG_ROLES)
			answer(fd, LB_MSG_ROLE);
		else if (type == LB_MSG_CLAIM)
			answer(fd, LB_MSG_CLAIMED);
		else if (type == LB_MSG_CUSTOMER)
			answer(fd, LB_MSG_CUSTOMER_VIEW);
		else if (type == LB_MSG_AUDIT)
			answer(fd, LB_MSG_RECORD);
		else if (type == LB_MSG_ELIGIBILITY || type == LB_MSG_ELIGIBILITY_REQUEST ||
			 type == LB_MSG_ELIGIBILITY_APPROVE)
			answer(fd, LB_MSG_ELIGIBLE);
		else if (type == LB_MSG_ATTEST)
			answer(fd, LB_MSG_ATTESTED);
		else if (type == LB_MSG_METRICS)
			answer(fd, LB_MSG_METRICS_REPORT);
		else if (type == LB_MSG_EVIDENCE)
			answer(fd, LB_MSG_SIGNED);
		else
			answer(fd, LB_MSG_GRANT);
	}
}

static enum lb_exit
run(const char *path, const char *command, bool json)
{
	char line[256], *words[32], *save = NULL;
	size_t count = 0;
	struct lb_cli cli = {.socket = path, .host = "db1", .now = fixed_now, .json = json};
	enum lb_exit status;

	memset(out, 0, sizeof out);
	memset(err, 0, sizeof err);
	cli.out = fmemopen(out, sizeof out, "w");
	cli.err = fmemopen(err, sizeof err, "w");
	snprintf(line, sizeof line, "%s", command);
	for (char *w = strtok_r(line, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save))
		words[count++] = w;
	words[count] = NULL;
	status = lb_verbs_run(&cli, count, words);
	fclose(cli.out);
	fclose(cli.err);
	return status;
}

/* One character, by the book and not by the code under test; 0: these bytes are none. */
static uint32_t
character(const unsigned char **at)
{
	static const struct {
		unsigned char mask, lead;
		uint32_t least;
	} forms[] = {{0x80, 0, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
	const unsigned char *s = *at;

	for (unsigned more = 0; more < 4; more++) {
		uint32_t c = s[0] & (unsigned char)~forms[more].mask;

		if ((s[0] & forms[more].mask) != forms[more].lead)
			continue;
		for (unsigned i = 1; i <= more; i++) {
			if ((s[i] & 0xc0) != 0x80)
				return 0;
			c = c << 6 | (s[i] & 0x3fu);
		}
		*at += more + 1;
		return c < forms[more].least || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : c;
	}
	return 0;
}

static bool
is_plain(const char *line)
{
	const unsigned char *at = (const unsigned char *)line;
	unsigned marks = 0;

	while (*at != '\0') {
		uint32_t c = character(&at);

		if (c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0xad || c == 0x61c ||
		    (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
		    (c >= 0x2060 && c <= 0x206f) || c == 0xfeff)
			return false;
		marks = c >= 0x300 && c <= 0x36f ? marks + 1 : 0;
		if (marks > 4)
			return false;
	}
	return true;
}

/* Each line is plain, and for people no wider than a terminal but for what is copied. */
static void
lines_are_plain(char *text, const char *command)
{
	for (char *at = text; *at != '\0';) {
		char *end = strchr(at, '\n');

		if (end == NULL)
			fail_msg("%s: no newline at the end of \"%s\"", command, at);
		*end = '\0';
		if (!is_plain(at))
			fail_msg("%s: poison %s", command, at);
		/* What is copied is never broken: a command, a password. */
		if (lb_columns_width(at) > LB_CLI_WIDTH && strncmp(at, "  ssh ", 6) != 0 &&
		    strncmp(at, "  lockbox ", 10) != 0 && strncmp(command, "claim", 5) != 0)
			fail_msg("%s: wide: %s", command, at);
		at = end + 1;
	}
}

static void
one_document_in_ascii(const char *command)
{
	json_error_t why;
	json_t *o = json_loads(out, 0, &why);
	size_t len = strlen(out);

	if (o == NULL)
		fail_msg("%s: no JSON: %s", command, out);
	json_decref(o);
	assert_true(len > 0 && out[len - 1] == '\n');
	for (size_t i = 0; i + 1 < len; i++)
		if (out[i] < 0x20 || out[i] > 0x7e)
			fail_msg("%s: byte %02x in JSON", command, (unsigned char)out[i]);
}

/* The ways to call a verb that asks the daemon; 0 when there is none so numbered. */
static bool
command_of(const struct lb_verb *verb, unsigned variant, char command[256])
{
	static const char *const words[] = {"",
					    " pending",
					    " request db-operator --reason why",
					    " attest alice screening",
					    " approve alice db-operator",
					    " revoke alice"};
	const char *operand = "";
	bool maybe = verb->syntax.operand == LB_OPERAND_MAYBE_ID;

	if (verb->syntax.operand == LB_OPERAND_WORDS && variant < sizeof words / sizeof words[0]) {
		snprintf(command, 256, "%s%s", verb->name, words[variant]);
		return true;
	}
	if (verb->local != NULL || variant > 1 || (variant == 1 && !maybe))
		return false;
	if (verb->syntax.operand == LB_OPERAND_ROLE)
		operand = " db-operator";
	else if (verb->syntax.operand == LB_OPERAND_ID || (maybe && variant == 0))
		operand = " R-17";
	snprintf(command, 256, "%s%s%s%s%s", verb->name, operand,
		 verb->message == LB_MSG_REVIEW ? " --justified --comment fine" : "",
		 verb->syntax.required & LB_OPT_FOR ? " --for 15m" : "",
		 verb->syntax.required & LB_OPT_REASON ? " --reason why" : "");
	return true;
}

static unsigned
every_verb(const char *path)
{
	size_t count;
	const struct lb_verb *verbs = lb_verbs(&count);
	unsigned runs = 0;

	for (size_t v = 0; v < count; v++) {
		char command[256];

		for (unsigned variant = 0; command_of(&verbs[v], variant, command); variant++) {
			enum lb_exit due = refusing ? LB_EXIT_REFUSED : LB_EXIT_DONE;

			/* What must be shown to the byte is not shown when it is not plain. */
			if (due == LB_EXIT_DONE && verbs[v].message == LB_MSG_EVIDENCE)
				due = LB_EXIT_UNREACHABLE;
			if (run(path, command, false) != due)
				fail_msg("%s: %s%s", command, out, err);
			assert_true(out[0] != '\0' || err[0] != '\0');
			lines_are_plain(out, command);
			lines_are_plain(err, command);
			assert_int_equal(run(path, command, true), due);
			one_document_in_ascii(command);
			lines_are_plain(err, command);
			runs += 2;
		}
	}
	return runs;
}

static void
with_daemon(void)
{
	struct fake f;
	unsigned runs;

	fake_open(&f, 8);
	fake_serve(&f, serve);
	runs = every_verb(f.path);
	fake_close(&f);
	assert_true(runs >= 24);
}

static void
no_poison_in_any_field_comes_through_any_verb(void **unused)
{
	(void)unused;
	if (geteuid() != 0)
		skip();
	refusing = false;
	for (size_t p = 0; p < POISONS; p++) {
		poison = poisons[p];
		for (state = LB_STATE_PENDING; state <= LB_STATE_LAPSED; state++)
			with_daemon();
	}
}

static void
no_poison_in_a_refusal_comes_through_any_verb(void **unused)
{
	(void)unused;
	if (geteuid() != 0)
		skip();
	refusing = true;
	for (size_t p = 0; p < POISONS; p++) {
		poison = poisons[p];
		with_daemon();
	}
}

/* The words that a person writes are quoted back when they make no sense. */
static void
no_poison_in_the_words_comes_back(void **unused)
{
	static const char *const before[] = {"",
					     "show ",
					     "request ",
					     "request db-operator --for=",
					     "request db-operator --",
					     "audit --after ",
					     "audit --grant ",
					     "help ",
					     "approve R-1 "};

	(void)unused;
	for (size_t p = 0; p < POISONS; p++) {
		for (size_t b = 0; b < sizeof before / sizeof before[0]; b++) {
			char command[1024];

			snprintf(command, sizeof command, "%s%.100s", before[b], poisons[p]);
			run("/nonexistent", command, false);
			lines_are_plain(out, command);
			lines_are_plain(err, command);
			run("/nonexistent", command, true);
			one_document_in_ascii(command);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_poison_in_any_field_comes_through_any_verb),
		cmocka_unit_test(no_poison_in_a_refusal_comes_through_any_verb),
		cmocka_unit_test(no_poison_in_the_words_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
