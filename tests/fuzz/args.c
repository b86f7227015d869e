/*
 * The gate and the command line: any command that ssh brings, any words, and a daemon that answers
 * with anything.
 *
 * The input is one byte (1: the gate, 2: --json stands first, 4: a terminal with colours), the command
 * up to a NUL, and the daemon's bytes.  What is printed is plain lines, or one JSON document; the exit
 * status is one of those that there are, and is 0 only if the daemon said something or it was help.
 */
#include "peer.h"
#include "printed.h"

#include "err.h"
#include "gate.h"
#include "verbs.h"
#include "words.h"

static uint64_t
fixed_now(void)
{
	return 1800000000;
}

static bool
local_verb(const char *word)
{
	size_t count;
	const struct lb_verb *verbs = lb_verbs(&count);

	for (size_t i = 0; i < count; i++)
		if (verbs[i].local != NULL && strcmp(verbs[i].name, word) == 0)
			return true;
	return false;
}

static enum lb_exit
run_words(struct lb_cli *cli, const char *command)
{
	static struct lb_words words;

	if (lb_words_split(&words, command) != LB_OK)
		return LB_EXIT_USAGE;
	CHECK(words.count <= LB_WORDS_MAX && words.word[words.count] == NULL);
	/* Verbs of this host read files of its own, --signature does too, --sign runs a program: not here. */
	for (size_t i = 0; i < words.count; i++)
		if (local_verb(words.word[i]) || strncmp(words.word[i], "--sign", 6) == 0)
			return LB_EXIT_USAGE;
	return lb_verbs_run(cli, words.count, words.word);
}

/* Colours apart, which are the program's own. */
static void
drop_colours(char *text)
{
	char *to = text;

	for (const char *from = text; *from != '\0';) {
		size_t digits =
			strncmp(from, "\033[", 2) == 0 ? strspn(from + 2, "0123456789;") : 0;

		if (strncmp(from, "\033[", 2) == 0 && from[2 + digits] == 'm')
			from += digits + 3;
		else
			*to++ = *from++;
	}
	*to = '\0';
}

static void
check_words(struct printed *p, bool colour)
{
	if (colour)
		drop_colours(p->text);
	printed_lines_plain(p->text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char command[LB_COMMAND_MAX + 64];
	struct input in = {data, size};
	uint8_t how = take_u8(&in);
	struct lb_cli cli = {.socket = "/nowhere", .host = "host", .now = fixed_now};
	struct printed out, err;
	enum lb_exit status;
	size_t start = 0;

	cli.gate = how & 1;
	cli.identity = cli.gate ? "alice" : NULL;
	cli.fingerprint = cli.gate ? "SHA256:abc" : NULL;
	cli.colour = how & 4;
	if (how & 2)
		start = (size_t)snprintf(command, sizeof command, "--json ");
	take_text(&in, command + start, sizeof command - start, 0);
	peer_set(in.at, in.left);
	printed_open(&out);
	printed_open(&err);
	cli.out = out.file;
	cli.err = err.file;
	status = cli.gate ? lb_gate_run(&cli, command) : run_words(&cli, command);
	peer_close();
	printed_close(&out);
	printed_close(&err);
	CHECK(status == LB_EXIT_DONE || status == LB_EXIT_REFUSED || status == LB_EXIT_USAGE ||
	      status == LB_EXIT_UNREACHABLE);
	/* A program that asked for JSON gets one document, whatever happens; help is for people. */
	if (cli.json && out.len > 0 && out.text[0] == '{')
		printed_json(out.text, out.len);
	check_words(&out, cli.colour);
	check_words(&err, cli.colour);
	CHECK(status != LB_EXIT_DONE || in.left > 0 || strstr(command, "help") != NULL ||
	      strstr(command, "--version") != NULL);
	free(out.text);
	free(err.text);
	return 0;
}
