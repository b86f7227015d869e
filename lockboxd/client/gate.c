/* The gate: see gate.h. */
#include "gate.h"

#include <string.h>

#include "err.h"
#include "name.h"
#include "output.h"
#include "proto.h"
#include "verbs.h"
#include "words.h"

/* "SHA256:" and base64, as ssh-keygen -l prints it. */
static bool
fingerprint_valid(const char *text)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789+/=:";
	size_t len = strnlen(text, LB_FINGERPRINT_MAX + 1);

	return len > 0 && len <= LB_FINGERPRINT_MAX && strspn(text, allowed) == len;
}

int
lb_gate_arguments(struct lb_cli *cli, int argc, char **argv)
{
	const char *identity = NULL, *key = NULL, *socket = NULL;

	for (int i = 1; i < argc; i += 2) {
		const char **value = strcmp(argv[i], "--identity") == 0 ? &identity
				     : strcmp(argv[i], "--key") == 0	? &key
				     : strcmp(argv[i], "--socket") == 0 ? &socket
									: NULL;

		if (value == NULL || *value != NULL || i + 1 == argc)
			return LB_ERR_MALFORMED;
		*value = argv[i + 1];
	}
	if (identity == NULL || !lb_identity_valid(identity))
		return LB_ERR_MALFORMED;
	if (key == NULL || !fingerprint_valid(key))
		return LB_ERR_MALFORMED;
	cli->gate = true;
	cli->identity = identity;
	cli->fingerprint = key;
	if (socket != NULL)
		cli->socket = socket;
	return LB_OK;
}

enum lb_exit
lb_gate_run(struct lb_cli *cli, const char *command)
{
	static struct lb_words words;
	int err;

	if (command == NULL || command[strspn(command, " \t")] == '\0') {
		lb_verbs_help(cli, cli->err);
		return LB_EXIT_USAGE;
	}
	err = lb_words_split(&words, command);
	if (err == LB_ERR_TOO_LONG)
		return lb_cli_misuse(cli, "", "the command is too long: shorten it");
	if (err != LB_OK)
		return lb_cli_misuse(cli, "",
				     "a quote is left open; put the whole command in quotes of "
				     "the other kind, or leave it out; more about the verbs:");
	return lb_verbs_run(cli, words.count, words.word);
}
