/* Verbs: see verbs.h. */
#include "verbs.h"

#include <string.h>

#include "err.h"
#include "doctor.h"
#include "handlers.h"
#include "output.h"
#include "policy/suggest.h"
#include "proto.h"
#include "standing.h"
#include "text.h"
#include "verb_check.h"

#define REASONED LB_OPT_REASON, LB_OPT_REASON
#define NO_OPTION 0, 0

/* clang-format off */
static const struct lb_verb verbs[] = {
	{"roles", "", "what you may ask for and approve", "", {LB_OPERAND_NONE, NO_OPTION},
	 LB_MSG_ROLES, lb_run_roles, NULL},
	{"request",
	 "ROLE [--for TIME] --reason TEXT [--ticket TICKET] [--resource NAME] [--start-at TIME] "
	 "[--wait | --break-glass]", "ask for access",
	 "db-operator --for 30m --reason \"index is broken\"",
	 {LB_OPERAND_ROLE, LB_OPT_FOR | LB_OPT_START_AT | LB_OPT_RESOURCE | LB_OPT_REASON | LB_OPT_TICKET | LB_OPT_WAIT | LB_OPT_BREAK_GLASS, LB_OPT_REASON},
	 LB_MSG_REQUEST, lb_run_request, NULL},
	{"status", "[ID [--wait] | --all]", "your requests and grants; with --all everybody's", "--all",
	 {LB_OPERAND_MAYBE_ID, LB_OPT_WAIT | LB_OPT_ALL, 0},
	 LB_MSG_LIST, lb_run_status, NULL},
	{"claim", "[ID]", "take the account of an approved request, or a new password", "R-17",
	 {LB_OPERAND_MAYBE_ID, NO_OPTION}, LB_MSG_CLAIM, lb_run_claim, NULL},
	{"cancel", "[ID]", "withdraw a request", "R-17", {LB_OPERAND_MAYBE_ID, NO_OPTION},
	 LB_MSG_CANCEL, lb_run_act, NULL},
	{"end", "[ID]", "give access back before its time", "R-17",
	 {LB_OPERAND_MAYBE_ID, NO_OPTION}, LB_MSG_END, lb_run_act, NULL},
	{"extend", "ID --for TIME --reason TEXT", "ask for more time of what is active",
	 "R-17 --for 15m --reason \"not done yet\"",
	 {LB_OPERAND_ID, LB_OPT_FOR | LB_OPT_REASON, LB_OPT_FOR | LB_OPT_REASON},
	 LB_MSG_EXTEND, lb_run_extend, NULL},
	{"pending", "", "what waits for your approval", "", {LB_OPERAND_NONE, NO_OPTION},
	 LB_MSG_LIST, lb_run_pending, NULL},
	{"show", "ID [--statement]", "everything about one request or grant", "R-17",
	 {LB_OPERAND_ID, LB_OPT_STATEMENT, 0}, LB_MSG_SHOW, lb_run_show, NULL},
	{"approve", "ID [--comment TEXT] [--signature FILE]", "say yes to a request",
	 "R-17 --comment \"as agreed\"",
	 {LB_OPERAND_ID, LB_OPT_COMMENT | LB_OPT_SIGNATURE | LB_OPT_SIGN, 0}, LB_MSG_APPROVE,
	 lb_run_approve, NULL},
	{"deny", "ID --reason TEXT", "say no to a request",
	 "R-17 --reason \"not during the freeze\"",
	 {LB_OPERAND_ID, REASONED}, LB_MSG_DENY, lb_run_act, NULL},
	{"revoke", "ID --reason TEXT", "end somebody's access now",
	 "R-17 --reason \"incident 42\"",
	 {LB_OPERAND_ID, REASONED}, LB_MSG_REVOKE, lb_run_act, NULL},
	{"review", "ID --justified|--not-justified --comment TEXT",
	 "close the review of somebody's break-glass",
	 "R-17 --justified --comment \"restarted the database\"",
	 {LB_OPERAND_ID, LB_OPT_COMMENT | LB_OPT_JUSTIFIED | LB_OPT_NOT_JUSTIFIED, LB_OPT_COMMENT},
	 LB_MSG_REVIEW, lb_run_review, NULL},
	{"acknowledge", "ID", "say that you have seen an alarm", "R-17",
	 {LB_OPERAND_ID, NO_OPTION}, LB_MSG_ACKNOWLEDGE, lb_run_act, NULL},
	{"eligibility",
	 "[request ROLE --reason TEXT | attest IDENTITY CHECK | "
	 "approve IDENTITY ROLE | revoke IDENTITY [ROLE or CHECK] | pending]",
	 "which roles you may have, and what is missing",
	 "request db-operator --reason \"on call from May\"",
	 {LB_OPERAND_WORDS, LB_OPT_REASON, 0}, LB_MSG_ELIGIBILITY, lb_run_eligibility, NULL},
	{"audit", "[--after SEQ] [--grant ID]", "the record of what happened", "--grant R-17",
	 {LB_OPERAND_NONE, LB_OPT_AFTER | LB_OPT_GRANT, 0}, LB_MSG_AUDIT, lb_run_audit, NULL},
	{"customer",
	 "[NAME] [--on|--off] [--[no-]break-glass] [--approvers NAMES] "
	 "[--signature FILE]",
	 "who has the last word here, and changing that", "acme --on --statement",
	 {LB_OPERAND_MAYBE_NAME,
	  LB_OPT_ON | LB_OPT_OFF | LB_OPT_BREAK_GLASS | LB_OPT_NO_BREAK_GLASS |
		  LB_OPT_APPROVERS | LB_OPT_APPROVALS | LB_OPT_STATEMENT |
		  LB_OPT_SIGNATURE,
	  0},
	 LB_MSG_CUSTOMER, lb_run_customer, NULL},
	{"evidence", "ID", "its signed approvals, for ssh-keygen to verify", "R-17",
	 {LB_OPERAND_ID, NO_OPTION}, LB_MSG_EVIDENCE, lb_run_evidence, NULL},
	{"metrics", "", "counts, for a monitoring system", "", {LB_OPERAND_NONE, NO_OPTION},
	 LB_MSG_METRICS, lb_run_metrics, NULL},
	{"check", "[--json] [--dump] [FILE-OR-DIRECTORY...]", "examine policy files", "/etc/lockbox/policy.d",
	 {LB_OPERAND_NONE, NO_OPTION}, 0, NULL, lb_verb_check},
	{"standing", "[--json]", "who gets in without a grant, or has an account here", "",
	 {LB_OPERAND_NONE, NO_OPTION}, 0, NULL, lb_verb_standing},
	{"doctor", "[--reset-clock [--confirm]]", "is this host as Lockbox needs it", "",
	 {LB_OPERAND_NONE, NO_OPTION}, 0, NULL, lb_verb_doctor},
};
/* clang-format on */

#define VERBS (sizeof verbs / sizeof verbs[0])

const struct lb_verb *
lb_verbs(size_t *count)
{
	*count = VERBS;
	return verbs;
}

static const struct lb_verb *
find_verb(const struct lb_cli *cli, const char *name)
{
	for (size_t i = 0; i < VERBS; i++)
		if (strcmp(verbs[i].name, name) == 0 && !(cli->gate && verbs[i].local != NULL))
			return &verbs[i];
	return NULL;
}

/* "lockbox" or "ssh lockbox@host", for the caller to type. */
static void
put_program(const struct lb_cli *cli, FILE *out)
{
	if (cli->gate)
		fprintf(out, "ssh lockbox@%s", cli->host);
	else
		fputs("lockbox", out);
}

void
lb_verbs_help(const struct lb_cli *cli, FILE *out)
{
	fputs("Temporary access to this host: you ask, someone else approves.\n\nUsage: ", out);
	put_program(cli, out);
	fputs(" VERB [ID or ROLE] [--options]\n\n", out);
	for (size_t i = 0; i < VERBS; i++)
		if (!(cli->gate && verbs[i].local != NULL))
			fprintf(out, "  %-11s %s\n", verbs[i].name, verbs[i].summary);
	fputs("\nAll verbs take --json. More about one, and where to begin:\n  ", out);
	put_program(cli, out);
	fputs(" help VERB\n  ", out);
	put_program(cli, out);
	fputs(" roles\n", out);
}

/* The usage of a verb on lines of its own: broken at blanks that are in no bracket, or behind a bar. */
static void
put_usage(const struct lb_cli *cli, const struct lb_verb *verb)
{
	size_t at = 2 + strlen(verb->name) +
		    (cli->gate ? strlen("ssh lockbox@ ") + strlen(cli->host) : strlen("lockbox "));
	int depth = 0;

	fputs("  ", cli->out);
	put_program(cli, cli->out);
	fprintf(cli->out, " %s", verb->name);
	for (const char *part = verb->usage; *part != '\0';) {
		size_t len = 0;

		for (; part[len] != '\0'; len++) {
			if (part[len] == ' ' && (depth == 0 || (len > 0 && part[len - 1] == '|')))
				break;
			depth += (part[len] == '[') - (part[len] == ']');
		}
		if (at + 1 + len > LB_CLI_WIDTH) {
			fputs("\n     ", cli->out);
			at = 5;
		}
		fprintf(cli->out, " %.*s", (int)len, part);
		at += 1 + len;
		part += len + (part[len] == ' ');
	}
	fputs("\n\n", cli->out);
}

/* What a verb takes here: a key and a socket of the caller's are on the host itself. */
static struct lb_syntax
syntax_here(const struct lb_cli *cli, const struct lb_verb *verb)
{
	struct lb_syntax syntax = verb->syntax;

	if (!cli->gate)
		syntax.allowed |= LB_OPT_SOCKET;
	else
		syntax.allowed &= ~(unsigned)LB_OPT_SIGN;
	return syntax;
}

static void
verb_help(const struct lb_cli *cli, const struct lb_verb *verb)
{
	char name[16], option[] = "--help", *words[] = {name, option, NULL};
	struct lb_syntax syntax = syntax_here(cli, verb);

	if (verb->local != NULL) {
		snprintf(name, sizeof name, "%s", verb->name);
		verb->local(2, words);
		return;
	}
	fprintf(cli->out, "%s: %s\n\nUsage:\n", verb->name, verb->summary);
	put_usage(cli, verb);
	lb_args_help(cli->out, &syntax);
	fputs("\nExample:\n", cli->out);
	lb_cli_own(cli, "", "%s%s%s", verb->name, verb->example[0] != '\0' ? " " : "",
		   verb->example);
}

/* words[0] is no verb; behind it may stand how to answer. */
static enum lb_exit
unknown_verb(struct lb_cli *cli, size_t count, char **words)
{
	char problem[LB_PROBLEM_TEXT], q[64], hint[96], lower[32];
	const char *names[VERBS + 1], *name = words[0];
	size_t n = 0;

	for (size_t i = 1; i < count; i++)
		if (strcmp(words[i], "--json") == 0)
			cli->json = true;
	lb_text_escape(q, sizeof q, name);
	for (size_t i = 0; i < VERBS; i++) {
		if (cli->gate && verbs[i].local != NULL) {
			if (strcmp(verbs[i].name, name) != 0)
				continue;
			snprintf(problem, sizeof problem,
				 "%s works on the host itself only, not through ssh", name);
			return lb_cli_misuse(cli, "", problem);
		}
		names[n++] = verbs[i].name;
	}
	names[n++] = "help";
	snprintf(lower, sizeof lower, "%s", name);
	for (char *c = lower; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	lb_suggest(hint, sizeof hint, lower, names, n, "the verbs are listed by");
	snprintf(problem, sizeof problem, "there is no verb \"%s\"%s", q, hint);
	return lb_cli_misuse(cli, "", problem);
}

/* words[0] is the verb. */
static enum lb_exit
run_verb(struct lb_cli *cli, const struct lb_verb *verb, size_t count, char **words)
{
	struct lb_syntax syntax = syntax_here(cli, verb);
	struct lb_args args;
	int err;

	if (verb->local != NULL) {
		if (cli->json)
			return lb_cli_misuse(cli, verb->name, "write --json behind the verb");
		fflush(cli->out);
		return (enum lb_exit)verb->local((int)count, words);
	}
	err = lb_args_parse(&args, &syntax, count - 1, words + 1);
	if (args.given & LB_OPT_JSON)
		cli->json = true;
	if (args.given & LB_OPT_HELP) {
		verb_help(cli, verb);
		return LB_EXIT_DONE;
	}
	if (err != LB_OK)
		return lb_cli_misuse(cli, verb->name, args.problem);
	if (args.given & LB_OPT_SOCKET)
		cli->socket = args.socket;
	return verb->run(cli, verb, &args);
}

/* The options before the verb.  Returns how many words they took, or 0 to stop with *status. */
static size_t
leading_option(struct lb_cli *cli, size_t count, char **words, enum lb_exit *status)
{
	static const char *const before[] = {"--json", "--help", "--version", "--socket"};
	char problem[LB_PROBLEM_TEXT], q[64], hint[96];

	*status = LB_EXIT_DONE;
	if (strcmp(words[0], "--json") == 0) {
		cli->json = true;
		return 1;
	}
	if (strcmp(words[0], "--socket") == 0 && !cli->gate && count > 1) {
		cli->socket = words[1];
		return 2;
	}
	if (strcmp(words[0], "--help") == 0 || strcmp(words[0], "-h") == 0) {
		lb_verbs_help(cli, cli->out);
		return 0;
	}
	if (strcmp(words[0], "--version") == 0 || strcmp(words[0], "-V") == 0) {
		fprintf(cli->out, "lockbox %s\n", LB_VERSION);
		return 0;
	}
	lb_text_escape(q, sizeof q, words[0]);
	lb_suggest(hint, sizeof hint, words[0], before, cli->gate ? 3 : 4,
		   "most options stand behind the verb:");
	snprintf(problem, sizeof problem, "unknown option \"%s\"%s", q, hint);
	*status = lb_cli_misuse(cli, "", problem);
	return 0;
}

enum lb_exit
lb_verbs_run(struct lb_cli *cli, size_t count, char **words)
{
	const struct lb_verb *verb;
	bool help = false;

	while (count > 0 && words[0][0] == '-') {
		enum lb_exit status;
		size_t taken = leading_option(cli, count, words, &status);

		if (taken == 0)
			return status;
		count -= taken;
		words += taken;
	}
	if (count > 0 && strcmp(words[0], "help") == 0) {
		help = true;
		count--;
		words++;
	}
	if (count == 0) {
		lb_verbs_help(cli, help ? cli->out : cli->err);
		return help ? LB_EXIT_DONE : LB_EXIT_USAGE;
	}
	verb = find_verb(cli, words[0]);
	if (verb == NULL)
		return unknown_verb(cli, count, words);
	if (help) {
		verb_help(cli, verb);
		return LB_EXIT_DONE;
	}
	return run_verb(cli, verb, count, words);
}
