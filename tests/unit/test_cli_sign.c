/*
 * The command line and signed approvals: what is to be signed is printed to the byte or not at all,
 * what comes to be sent is read up to its limit, and evidence is no way into anybody's shell.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "client/gate.h"
#include "client/verbs.h"
#include "test_client_fake.h"

#define STATEMENT "lockbox-approval 1\nrequest: R-17\nreason: gr\xc3\xbc\xc3\x9f \\\\ x\n"
#define SIGNATURE                                                                                  \
	"-----BEGIN SSH SIGNATURE-----\nU1NIU0lHAAAAAQ+/\nAA==\n-----END SSH SIGNATURE-----\n"
#define KEY "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAA+/=="

/* What the daemon answers with, as it is now. */
static struct lb_msg_to_sign to_sign;
static struct lb_msg_signed signed_by;
static bool takes_unsigned;

static char out[60000], err[60000];
static bool through_gate;
static const char *input; /* on standard input; NULL: none */
static size_t input_len;

static uint64_t
fixed_now(void)
{
	return 1795306800u;
}

static void
serve(int fd)
{
	struct lb_msg_grant g = {.id = 17, .state = LB_STATE_APPROVED, .need = 1, .have = 1};
	union lb_msg msg;
	uint16_t type;

	while (fake_receive(fd, &type, &msg) == 0) {
		if (type == LB_MSG_STATEMENT) {
			fake_send(fd, LB_MSG_TO_SIGN, &to_sign);
		} else if (type == LB_MSG_EVIDENCE) {
			fake_send(fd, LB_MSG_SIGNED, &signed_by);
		} else if (type == LB_MSG_APPROVE && !takes_unsigned) {
			fake_refuse(fd, LB_UNSIGNED, "signed only");
			continue;
		} else if (type == LB_MSG_APPROVE_SIGNED) {
			if (strncmp(msg.approve_signed.signature, "-----BEGIN", 10) != 0) {
				fake_refuse(fd, LB_BAD_INPUT, "what is that");
				continue;
			}
			snprintf(g.reason, sizeof g.reason, "%zu bytes",
				 strlen(msg.approve_signed.signature));
			fake_send(fd, LB_MSG_GRANT, &g);
		} else if (type != LB_MSG_AS) {
			fake_send(fd, LB_MSG_GRANT, &g);
		}
		fake_done(fd, 0, 0);
	}
}

static void
set_input(void)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	if (input != NULL)
		assert_int_equal(write(ends[1], input, input_len), input_len);
	close(ends[1]);
	assert_int_equal(dup2(ends[0], 0), 0);
	close(ends[0]);
}

static enum lb_exit
run(const char *command)
{
	char line[512], *words[16], *save = NULL;
	struct lb_cli cli = {.host = "db1",
			     .now = fixed_now,
			     .gate = through_gate,
			     .identity = "bob",
			     .fingerprint = "SHA256:abc"};
	enum lb_exit status;
	size_t count = 0;
	struct fake f;

	if (geteuid() != 0)
		skip();
	memset(out, 0, sizeof out);
	memset(err, 0, sizeof err);
	cli.out = fmemopen(out, sizeof out, "w");
	cli.err = fmemopen(err, sizeof err, "w");
	snprintf(line, sizeof line, "%s", command);
	for (char *w = strtok_r(line, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save))
		words[count++] = w;
	words[count] = NULL;
	set_input();
	fake_open(&f, 8);
	fake_serve(&f, serve);
	cli.socket = f.path;
	status = lb_verbs_run(&cli, count, words);
	fake_close(&f);
	fclose(cli.out);
	fclose(cli.err);
	return status;
}

static int
reset(void **state)
{
	(void)state;
	memset(&to_sign, 0, sizeof to_sign);
	to_sign.id = 17;
	strcpy(to_sign.keys, "SHA256:abc, SHA256:def");
	strcpy(to_sign.statement, STATEMENT);
	memset(&signed_by, 0, sizeof signed_by);
	signed_by.id = 17;
	signed_by.number = 2;
	signed_by.level = 1;
	signed_by.time_s = 1700000000;
	strcpy(signed_by.approver, "bob");
	strcpy(signed_by.fingerprint, "SHA256:a+/b");
	strcpy(signed_by.key, KEY);
	strcpy(signed_by.signature, SIGNATURE);
	strcpy(signed_by.statement, STATEMENT);
	takes_unsigned = through_gate = false;
	input = NULL;
	return 0;
}

static void
a_statement_is_printed_to_the_byte(void **state)
{
	json_t *o;

	(void)state;
	assert_int_equal(run("show R-17 --statement"), LB_EXIT_DONE);
	assert_string_equal(out, STATEMENT);
	assert_string_equal(err, "");
	assert_int_equal(run("show R-17 --statement --json"), LB_EXIT_DONE);
	o = json_loads(out, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(o, "statement")), STATEMENT);
	assert_string_equal(json_string_value(json_object_get(o, "namespace")), "lockbox-approval");
	assert_int_equal(json_array_size(json_object_get(o, "keys")), 2);
	json_decref(o);
}

/* A daemon that was taken over is no way to move somebody's cursor, or to have another thing signed. */
static void
a_statement_that_is_not_plain_or_of_another_request_is_not_shown(void **state)
{
	static const char *const bad[] = {"",	     "a",	    "a\x1b[2J\n",
					  "a\rb\n",  "a\xc2\x9b\n", "a\xe2\x80\xae\n",
					  "a\xff\n", "ok\n_end_\n", "a\nb"};
	static const char *const commands[] = {"show R-17 --statement", "approve R-17"};

	(void)state;
	for (size_t c = 0; c < 2; c++) {
		for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
			strcpy(to_sign.statement, bad[i]);
			assert_int_equal(run(commands[c]), LB_EXIT_UNREACHABLE);
			assert_string_equal(out, "");
		}
		strcpy(to_sign.statement, STATEMENT);
		to_sign.id = 18;
		assert_int_equal(run(commands[c]), LB_EXIT_UNREACHABLE);
		assert_string_equal(out, "");
		to_sign.id = 17;
	}
}

static void
approve_says_what_to_sign_and_how(void **state)
{
	(void)state;
	for (int gate = 0; gate < 2; gate++) {
		through_gate = gate;
		assert_int_equal(run("approve R-17"), LB_EXIT_REFUSED);
		assert_non_null(strstr(out, "\n  request: R-17\n"));
		assert_non_null(strstr(out, "(SHA256:abc, SHA256:def)"));
		assert_non_null(strstr(out, "\n  ssh lockbox@db1 show R-17 --statement |\n"
					    "    ssh-keygen -Y sign -n lockbox-approval -f KEY |\n"
					    "    ssh lockbox@db1 approve R-17 --signature -\n"));
		assert_int_equal(strstr(out, "--sign KEY") != NULL, !gate);
		assert_int_equal(run("approve R-17 --json"), LB_EXIT_REFUSED);
		assert_non_null(strstr(out, "\"signature-needed\""));
	}
	takes_unsigned = true;
	assert_int_equal(run("approve R-17"), LB_EXIT_DONE);
	assert_non_null(strstr(out, "R-17 is approved."));
}

static void
give(const char *bytes, size_t len, enum lb_exit due, const char *words)
{
	input = bytes;
	input_len = len;
	assert_int_equal(run("approve R-17 --signature -"), due);
	if (strstr(due == LB_EXIT_DONE ? out : err, words) == NULL)
		fail_msg("not said: %s\nbut: %s%s", words, out, err);
}

static void
a_signature_is_read_up_to_its_limit(void **state)
{
	static char big[LB_SIGNATURE_MAX + 2] = SIGNATURE;

	(void)state;
	for (int gate = 0; gate < 2; gate++) {
		through_gate = gate;
		give(SIGNATURE, strlen(SIGNATURE), LB_EXIT_DONE, "R-17 is approved.");
		give("", 0, LB_EXIT_USAGE, "no signature came");
		give("-----BEGIN\0x", 12, LB_EXIT_USAGE, "what came is no signature");
		give("other", 5, LB_EXIT_REFUSED, "what is that");
		memset(big + strlen(SIGNATURE), '\n', sizeof big - strlen(SIGNATURE));
		give(big, LB_SIGNATURE_MAX, LB_EXIT_DONE, "1024 bytes");
		give(big, LB_SIGNATURE_MAX + 1, LB_EXIT_USAGE, "what came is no signature");
		memset(big + strlen(SIGNATURE), 0, sizeof big - strlen(SIGNATURE));
	}
}

static void
files_are_for_the_host_alone(void **state)
{
	char dir[] = "/tmp/lb-sign-XXXXXX", command[128], path[64];
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/sig", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(SIGNATURE, f);
	fclose(f);
	snprintf(command, sizeof command, "approve R-17 --signature %s", path);
	assert_int_equal(run(command), LB_EXIT_DONE);
	through_gate = true;
	assert_int_equal(run(command), LB_EXIT_USAGE);
	assert_non_null(strstr(err, "is not here"));
	assert_int_equal(run("approve R-17 --sign /nothing"), LB_EXIT_USAGE);
	assert_non_null(strstr(err, "unknown option"));
	through_gate = false;
	unlink(path);
	assert_int_equal(run(command), LB_EXIT_USAGE);
	assert_non_null(strstr(err, "cannot be opened"));
	rmdir(dir);
	assert_int_equal(run("approve R-17 --signature - --comment x"), LB_EXIT_USAGE);
	assert_int_equal(run("approve R-17 --signature - --sign x"), LB_EXIT_USAGE);
}

static void
sign_has_ssh_keygen_sign(void **state)
{
	char dir[] = "/tmp/lb-sign-XXXXXX", command[256];

	(void)state;
	if (access("/usr/bin/ssh-keygen", X_OK) != 0)
		skip();
	assert_non_null(mkdtemp(dir));
	snprintf(command, sizeof command, "ssh-keygen -q -t ed25519 -N '' -C '' -f %s/key", dir);
	assert_int_equal(system(command), 0);
	snprintf(command, sizeof command, "approve R-17 --sign %s/key", dir);
	assert_int_equal(run(command), LB_EXIT_DONE);
	assert_non_null(strstr(out, "R-17 is approved."));
	snprintf(command, sizeof command, "approve R-17 --sign %s/other", dir);
	assert_int_equal(run(command), LB_EXIT_USAGE);
	assert_non_null(strstr(err, "did not sign"));
	snprintf(command, sizeof command, "rm -r %s", dir);
	assert_int_equal(system(command), 0);
}

static void
evidence_is_commands_for_a_shell(void **state)
{
	json_t *o, *e;

	(void)state;
	assert_int_equal(run("evidence R-17"), LB_EXIT_DONE);
	assert_string_equal(
		out, "# R-17, level 2: approved by bob at 2023-11-14T22:13:20Z with the key\n"
		     "# SHA256:a+/b\n"
		     "cat > R-17.2.statement <<'_end_'\n" STATEMENT "_end_\n"
		     "cat > R-17.2.signature <<'_end_'\n" SIGNATURE "_end_\n"
		     "cat > R-17.2.signers <<'_end_'\nbob namespaces=\"lockbox-approval\" " KEY
		     "\n_end_\n"
		     "ssh-keygen -Y verify -n lockbox-approval -I bob -f R-17.2.signers -s "
		     "R-17.2.signature < R-17.2.statement\n");
	assert_int_equal(run("evidence R-17 --json"), LB_EXIT_DONE);
	o = json_loads(out, 0, NULL);
	e = json_array_get(json_object_get(o, "evidence"), 0);
	assert_string_equal(json_string_value(json_object_get(e, "statement")), STATEMENT);
	assert_string_equal(json_string_value(json_object_get(e, "signature")), SIGNATURE);
	assert_string_equal(json_string_value(json_object_get(e, "allowed_signers")),
			    "bob namespaces=\"lockbox-approval\" " KEY);
	assert_int_equal(json_integer_value(json_object_get(e, "level")), 2);
	json_decref(o);
}

/* Somebody runs them: nothing that the daemon sends may be a command of its own. */
static void
evidence_holds_no_other_command(void **state)
{
	static const struct {
		char *field;
		const char *value;
	} bad[] = {
		{signed_by.statement, "request: R-17\n_end_\nreboot\n"},
		{signed_by.statement, "request: R-17"},
		{signed_by.statement, ""},
		{signed_by.statement, "reason: \x1b[2J\n"},
		{signed_by.signature, "A\n_end_\nreboot\n"},
		{signed_by.signature, "A;reboot\n"},
		{signed_by.signature, "A\rB\n"},
		{signed_by.signature, ""},
		{signed_by.approver, ""},
		{signed_by.approver, "bob x"},
		{signed_by.approver, "bob;reboot"},
		{signed_by.approver, "$(reboot)"},
		{signed_by.key, ""},
		{signed_by.key, "ssh-ed25519 AAAA\n_end_\nreboot"},
		{signed_by.key, "ssh-ed25519 AAAA\" x"},
		{signed_by.fingerprint, ""},
		{signed_by.fingerprint, "SHA256:a\nreboot"},
		{signed_by.fingerprint, "SHA256:a\rx"},
	};

	(void)state;
	signed_by.id = 18;
	assert_int_equal(run("evidence R-17"), LB_EXIT_UNREACHABLE);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		reset(NULL);
		strcpy(bad[i].field, bad[i].value);
		assert_int_equal(run("evidence R-17"), LB_EXIT_UNREACHABLE);
		assert_string_equal(out, "");
		assert_int_equal(run("evidence R-17 --json"), LB_EXIT_UNREACHABLE);
	}
}

int
main(void)
{
#define with_reset(test) cmocka_unit_test_setup(test, reset)
	const struct CMUnitTest tests[] = {
		with_reset(a_statement_is_printed_to_the_byte),
		with_reset(a_statement_that_is_not_plain_or_of_another_request_is_not_shown),
		with_reset(approve_says_what_to_sign_and_how),
		with_reset(a_signature_is_read_up_to_its_limit),
		with_reset(files_are_for_the_host_alone),
		with_reset(sign_has_ssh_keygen_sign),
		with_reset(evidence_is_commands_for_a_shell),
		with_reset(evidence_holds_no_other_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
