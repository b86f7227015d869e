/*
 * Signed approvals: approve, show --statement, evidence.
 *
 * What is to be signed, or was, must be shown to the last byte, so it is not
 * escaped as everything else is: a text that is not plain lines is not shown at
 * all.  This process verifies nothing; the daemon does.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "handlers.h"
#include "json.h"
#include "output.h"
#include "show.h"
#include "ssh_keygen.h"
#include "text.h"

#define SPACE "lockbox-approval"
#define END_LINE "_end_" /* of a here-document: neither base64 nor a statement has it */
#define BASE64 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="

/* Plain lines, each with its newline, none of which ends a here-document. */
bool
lb_cli_plain_lines(const char *text)
{
	char line[LB_STATEMENT_MAX + 1];

	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		if (text[len] == '\0' || len >= sizeof line)
			return false;
		memcpy(line, text, len);
		line[len] = '\0';
		if (!lb_text_plain(line) || strcmp(line, END_LINE) == 0)
			return false;
		text += len + 1;
	}
	return true;
}

/* What goes into a command line or a file of keys as one word of it. */
static bool
only(const char *text, const char *more)
{
	char allowed[sizeof BASE64 + 8];

	snprintf(allowed, sizeof allowed, BASE64 "%s", more);
	return text[0] != '\0' && text[strspn(text, allowed)] == '\0';
}

static bool
signed_is_plain(const struct lb_msg_signed *s)
{
	return s->number != 0 && s->statement[0] != '\0' && lb_cli_plain_lines(s->statement) &&
	       lb_cli_plain_lines(s->signature) && only(s->signature, "- \n") &&
	       only(s->approver, "_-") && only(s->key, " @.-") && only(s->fingerprint, ":");
}

/* Asks for the statement; on success it is plain. */
static int
get_statement(const struct lb_cli *cli, uint64_t id, struct lb_msg_to_sign *s,
	      struct lb_cli_link *link)
{
	struct lb_msg_act msg;
	int err;

	memset(&msg, 0, sizeof msg);
	msg.id = id;
	err = lb_cli_link_open(link, cli);
	if (err == LB_OK)
		err = lb_cli_ask_one(link, LB_MSG_STATEMENT, &msg, LB_MSG_TO_SIGN, s, sizeof *s);
	lb_cli_link_close(link);
	if (err == LB_OK &&
	    (s->id != id || s->statement[0] == '\0' || !lb_cli_plain_lines(s->statement)))
		err = LB_ERR_MALFORMED;
	return err;
}

enum lb_exit
lb_run_statement(const struct lb_cli *cli, const struct lb_args *args)
{
	struct lb_msg_to_sign s;
	struct lb_cli_link link;
	int err = get_statement(cli, args->id, &s, &link);

	if (err == LB_OK && cli->json)
		err = lb_cli_json_print(cli, lb_cli_json_to_sign(&s));
	else if (err == LB_OK)
		fputs(s.statement, cli->out);
	return err == LB_OK ? LB_EXIT_DONE : lb_cli_failure(cli, err, &link);
}

/* What an approver of such a role does next; nothing was approved. */
static enum lb_exit
tell_how(const struct lb_cli *cli, uint64_t id, const struct lb_cli_link *refused)
{
	char shows[32], takes[40];
	struct lb_msg_to_sign s;
	struct lb_cli_link link;
	int err;

	if (cli->json)
		return lb_cli_failure(cli, LB_ERR_REFUSED, refused);
	err = get_statement(cli, id, &s, &link);
	if (err != LB_OK)
		return lb_cli_failure(cli, err, &link);
	lb_cli_say(cli, "R-%" PRIu64 " takes a signed approval. This is what you would sign:", id);
	lb_cli_quote(cli, s.statement);
	lb_cli_say(cli, "Sign it with a key of yours (%s), KEY being its file, and send it back:",
		   s.keys);
	snprintf(shows, sizeof shows, "show R-%" PRIu64, id);
	snprintf(takes, sizeof takes, "approve R-%" PRIu64, id);
	lb_cli_show_signing(cli, cli->host, SPACE, shows, takes);
	if (!cli->gate) {
		lb_cli_say(cli, "With the key on this host:");
		lb_cli_own(cli, cli->host, "approve R-%" PRIu64 " --sign KEY", id);
	}
	return LB_EXIT_REFUSED;
}

static enum lb_exit
no_signature(const struct lb_cli *cli, const char *problem)
{
	return lb_cli_misuse(cli, "approve", problem);
}

/* Reads a descriptor to its end; NULL, or what is wrong. */
static const char *
read_signature(int fd, char out[LB_SIGNATURE_MAX + 1])
{
	size_t used = 0;
	ssize_t n;

	do {
		n = read(fd, out + used, LB_SIGNATURE_MAX + 1 - used);
		if (n > 0)
			used += (size_t)n;
	} while (used <= LB_SIGNATURE_MAX && (n > 0 || (n < 0 && errno == EINTR)));
	if (n < 0)
		return "the signature cannot be read";
	if (used == 0)
		return "no signature came: it is empty";
	if (used > LB_SIGNATURE_MAX || memchr(out, '\0', used) != NULL)
		return "what came is no signature: too long, or no text";
	out[used] = '\0';
	return NULL;
}

static enum lb_exit
send_signature(const struct lb_cli *cli, uint64_t id, const char *signature)
{
	struct lb_msg_approve_signed msg;

	memset(&msg, 0, sizeof msg);
	msg.id = id;
	snprintf(msg.signature, sizeof msg.signature, "%s", signature);
	return lb_cli_ask_for_grant(cli, LB_MSG_APPROVE_SIGNED, &msg);
}

static enum lb_exit
approve_with_file(const struct lb_cli *cli, const struct lb_args *args)
{
	char signature[LB_SIGNATURE_MAX + 1];
	const char *problem;
	int fd = STDIN_FILENO;

	if (strcmp(args->file, "-") != 0) {
		if (cli->gate)
			return no_signature(cli,
					    "a file of yours is not here: write --signature - and "
					    "end the whole command with < FILE");
		fd = open(args->file, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return no_signature(cli, "the file of the signature cannot be opened");
	}
	problem = read_signature(fd, signature);
	if (fd != STDIN_FILENO)
		close(fd);
	if (problem != NULL)
		return no_signature(cli, problem);
	return send_signature(cli, args->id, signature);
}

static enum lb_exit
approve_with_key(const struct lb_cli *cli, const struct lb_args *args)
{
	char signature[LB_SIGNATURE_MAX + 1];
	struct lb_msg_to_sign s;
	struct lb_cli_link link;
	const char *problem;
	int err = get_statement(cli, args->id, &s, &link), fd;

	if (err != LB_OK)
		return lb_cli_failure(cli, err, &link);
	problem = lb_cli_ssh_keygen(args->file, s.statement, &fd);
	if (problem == NULL) {
		problem = read_signature(fd, signature);
		close(fd);
		if (lb_cli_ssh_keygen_end() != 0)
			problem = "ssh-keygen did not sign; what it said is above";
	}
	if (problem != NULL)
		return no_signature(cli, problem);
	return send_signature(cli, args->id, signature);
}

enum lb_exit
lb_run_approve(const struct lb_cli *cli, const struct lb_verb *verb, const struct lb_args *args)
{
	unsigned how = args->given & (LB_OPT_SIGNATURE | LB_OPT_SIGN);
	struct lb_cli_link link;
	struct lb_msg_grant g;
	struct lb_msg_act msg;
	int err;

	if (how == (LB_OPT_SIGNATURE | LB_OPT_SIGN) || (how != 0 && args->text[0] != '\0'))
		return no_signature(cli, "--signature, --sign and --comment exclude one another: "
					 "what is signed is the statement alone");
	if (how == LB_OPT_SIGNATURE)
		return approve_with_file(cli, args);
	if (how == LB_OPT_SIGN)
		return approve_with_key(cli, args);
	memset(&msg, 0, sizeof msg);
	msg.id = args->id;
	memcpy(msg.text, args->text, sizeof msg.text);
	err = lb_cli_get_grant(cli, verb->message, &msg, &g, &link);
	if (err == LB_OK)
		return lb_cli_answer_grant(cli, verb->message, &g);
	if (link.refused.code == LB_UNSIGNED)
		return tell_how(cli, args->id, &link);
	return lb_cli_failure(cli, err, &link);
}

/* Where the pieces of evidence go. */
struct evidence {
	const struct lb_cli *cli;
	json_t *array;
	uint64_t id; /* that was asked for */
	size_t seen;
};

static void
put_file(FILE *out, const char *name, const char *ending, const char *content)
{
	fprintf(out, "cat > %s.%s <<'" END_LINE "'\n%s" END_LINE "\n", name, ending, content);
}

/* Commands for a shell: they write the pieces into files and have ssh-keygen look at them. */
static void
print_signed(const struct lb_cli *cli, const struct lb_msg_signed *s)
{
	char name[64], when[LB_TIME_TEXT];

	snprintf(name, sizeof name, "R-%" PRIu64 ".%" PRIu64, s->id, s->number);
	lb_time_format(when, (int64_t)s->time_s);
	fprintf(cli->out, "# R-%" PRIu64 ", level %u: approved by %s at %s with the key\n# %s\n",
		s->id, s->level + 1u, s->approver, when, s->fingerprint);
	put_file(cli->out, name, "statement", s->statement);
	put_file(cli->out, name, "signature", s->signature);
	fprintf(cli->out,
		"cat > %s.signers <<'" END_LINE "'\n%s namespaces=\"" SPACE "\" %s\n" END_LINE "\n",
		name, s->approver, s->key);
	fprintf(cli->out,
		"ssh-keygen -Y verify -n " SPACE " -I %s -f %s.signers -s %s.signature < "
		"%s.statement\n",
		s->approver, name, name, name);
}

static int
take_signed(void *arg, const union lb_msg *item)
{
	struct evidence *e = arg;

	if (item->signed_by.id != e->id || !signed_is_plain(&item->signed_by))
		return LB_ERR_MALFORMED;
	if (e->cli->json)
		return json_array_append_new(e->array, lb_cli_json_signed(&item->signed_by)) == 0
			       ? LB_OK
			       : LB_ERR_NOMEM;
	if (e->seen++ > 0)
		fputc('\n', e->cli->out);
	print_signed(e->cli, &item->signed_by);
	return LB_OK;
}

enum lb_exit
lb_run_evidence(const struct lb_cli *cli, const struct lb_verb *verb, const struct lb_args *args)
{
	struct evidence e = {.cli = cli, .array = json_array(), .id = args->id};
	struct lb_cli_link link;
	struct lb_msg_done done;
	struct lb_msg_act msg;
	int err;

	memset(&msg, 0, sizeof msg);
	msg.id = args->id;
	err = lb_cli_link_open(&link, cli);
	if (err == LB_OK)
		err = lb_cli_ask(&link, verb->message, &msg, LB_MSG_SIGNED, take_signed, &e, &done);
	lb_cli_link_close(&link);
	if (err == LB_OK && cli->json)
		err = lb_cli_json_print(cli, lb_cli_json_evidence(args->id, json_incref(e.array)));
	else if (err == LB_OK && e.seen == 0)
		lb_cli_say(cli, "No approval of R-%" PRIu64 " was signed.", args->id);
	json_decref(e.array);
	return err == LB_OK ? LB_EXIT_DONE : lb_cli_failure(cli, err, &link);
}
