/*
 * The verb customer: who has the last word, and the statement by which the
 * customer's own approvers change that.
 *
 * The statement is shown to the last byte; this process verifies nothing.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "err.h"
#include "handlers.h"
#include "json.h"
#include "output.h"
#include "show.h"
#include "text.h"

#define SPACE "lockbox-customer"
#define CHANGES                                                                                    \
	(LB_OPT_ON | LB_OPT_OFF | LB_OPT_BREAK_GLASS | LB_OPT_NO_BREAK_GLASS | LB_OPT_APPROVERS |  \
	 LB_OPT_APPROVALS)

/* What comes of it. */
struct views {
	const struct lb_cli *cli;
	json_t *array;
	size_t seen;
	bool as_it_is; /* the statement is shown to the last byte */
	struct lb_msg_customer_view last;
};

static void
show(const struct lb_cli *cli, const struct lb_msg_customer_view *v)
{
	char name[LB_ESCAPED(LB_IDENTITY_MAX)], text[64], when[LB_MOMENT_TEXT];

	lb_text_escape(name, sizeof name, v->name);
	lb_cli_style(cli, "1");
	fprintf(cli->out, "%s", name);
	lb_cli_style(cli, "0");
	fputc('\n', cli->out);
	lb_cli_label(cli, "State",
		     v->on	      ? "has the last word"
		     : v->change == 0 ? "is not asked: nobody has signed for it yet"
				      : "is not asked");
	lb_cli_label(cli, "Covers", v->covers);
	snprintf(text, sizeof text, "%u needed", v->approvals);
	lb_cli_label(cli, "Approvals", text);
	lb_cli_label(cli, "Break-glass",
		     v->break_glass ? "consented to: you are told of it, and may revoke"
				    : "refused");
	for (const char *at = v->approvers, *label = "Approvers"; *at != '\0'; label = "") {
		size_t n = strcspn(at, ",");
		char one[LB_LIST_MAX + 1];

		snprintf(one, sizeof one, "%.*s", (int)n, at);
		lb_cli_label(cli, label, one);
		at += n;
		at += strspn(at, ", ");
	}
	if (v->change == 0)
		return;
	lb_cli_moment(when, cli, v->changed_s);
	lb_cli_label(cli, "Signed", when);
	snprintf(text, sizeof text, "%" PRIu64, v->change);
	lb_cli_label(cli, "Change", text);
}

static int
take(void *arg, const union lb_msg *item)
{
	struct views *l = arg;

	if (l->as_it_is && !lb_cli_plain_lines(item->customer_view.statement))
		return LB_ERR_MALFORMED;
	l->last = item->customer_view;
	if (l->cli->json)
		return json_array_append_new(l->array, lb_cli_json_customer(&l->last)) == 0
			       ? LB_OK
			       : LB_ERR_NOMEM;
	l->seen++;
	return LB_OK;
}

/* "eve, mallory" of whatever stands between the names. */
static void
join_names(char out[LB_LIST_MAX + 1], const char *words)
{
	size_t used = 0;

	out[0] = '\0';
	for (words += strspn(words, ", "); *words != '\0'; words += strspn(words, ", ")) {
		size_t n = strcspn(words, ", ");

		used += (size_t)snprintf(out + used, LB_LIST_MAX + 1 - used, "%s%.*s",
					 used > 0 ? ", " : "", (int)n, words);
		words += n;
	}
}

/* Reads the signatures; NULL, or what is wrong. */
static const char *
read_signatures(const struct lb_cli *cli, const char *name, char out[LB_SIGNATURES_MAX + 1])
{
	FILE *in = stdin;
	size_t n;

	if (strcmp(name, "-") != 0) {
		if (cli->gate)
			return "a file of yours is not here: write --signature - and end the whole "
			       "command with < FILE";
		in = fopen(name, "re");
		if (in == NULL)
			return "the file of the signatures cannot be opened";
	}
	n = fread(out, 1, LB_SIGNATURES_MAX + 1, in);
	if (in != stdin)
		fclose(in);
	if (n == 0)
		return "no signature came: it is empty";
	if (n > LB_SIGNATURES_MAX || memchr(out, '\0', n) != NULL)
		return "what came are no signatures: too long, or no text";
	out[n] = '\0';
	return NULL;
}

/* How the change is made that was only asked about. */
static void
tell_how(const struct lb_cli *cli, const struct lb_args *args, const struct lb_msg_customer *m,
	 const struct lb_msg_customer_view *v)
{
	char words[LB_LIST_MAX + 128];
	size_t used;

	used = (size_t)snprintf(words, sizeof words, "customer %s", m->name);
	if (m->lockbox != 0)
		used += (size_t)snprintf(words + used, sizeof words - used, " --%s",
					 m->lockbox == 1 ? "on" : "off");
	if (m->approvals != 0)
		used += (size_t)snprintf(words + used, sizeof words - used, " --approvals %u",
					 m->approvals);
	if (m->break_glass != 0)
		used += (size_t)snprintf(words + used, sizeof words - used, " --%sbreak-glass",
					 m->break_glass == 1 ? "" : "no-");
	if ((args->given & LB_OPT_APPROVERS) && used < sizeof words)
		snprintf(words + used, sizeof words - used, " --approvers %s", m->approvers);
	fputc('\n', cli->out);
	lb_cli_say(cli, "Nothing was changed. This is what the customer's approvers sign:");
	lb_cli_quote(cli, v->statement);
	lb_cli_say(cli, "KEY being the file of a key of theirs; of several people all signatures "
			"are sent at once, one after the other:");
	lb_cli_show_signing(cli, cli->host, SPACE, words, words);
}

static enum lb_exit
finish(const struct lb_cli *cli, const struct lb_args *args, const struct lb_msg_customer *m,
       struct views *l)
{
	if (cli->json) {
		json_t *o = json_object();
		int err = json_object_set_new(o, "customers", json_incref(l->array)) == 0
				  ? lb_cli_json_print(cli, o)
				  : LB_ERR_NOMEM;

		return err == LB_OK ? LB_EXIT_DONE : lb_cli_failure(cli, err, NULL);
	}
	if (args->given & LB_OPT_STATEMENT) {
		fputs(l->last.statement, cli->out);
		return LB_EXIT_DONE;
	}
	if (l->seen == 0)
		lb_cli_say(cli, "There is no customer here that concerns you.");
	if ((args->given & CHANGES) && !(args->given & LB_OPT_SIGNATURE))
		tell_how(cli, args, m, &l->last);
	return LB_EXIT_DONE;
}

static int
take_and_show(void *arg, const union lb_msg *item)
{
	struct views *l = arg;
	int err = take(arg, item);

	if (err == LB_OK && !l->cli->json)
		show(l->cli, &l->last);
	return err;
}

enum lb_exit
lb_run_customer(const struct lb_cli *cli, const struct lb_verb *verb, const struct lb_args *args)
{
	bool sign = args->given & LB_OPT_SIGNATURE, quiet = args->given & LB_OPT_STATEMENT;
	struct views l = {.cli = cli, .array = json_array()};
	struct lb_msg_customer m = {.name = ""};
	struct lb_msg_done done;
	struct lb_cli_link link;
	const char *problem = NULL;
	enum lb_exit status;
	int err;

	if (l.array == NULL)
		return lb_cli_failure(cli, LB_ERR_NOMEM, NULL);
	snprintf(m.name, sizeof m.name, "%.18s", args->role);
	m.lockbox = args->given & LB_OPT_ON ? 1 : args->given & LB_OPT_OFF ? 2 : 0;
	m.break_glass = args->given & LB_OPT_BREAK_GLASS      ? 1
			: args->given & LB_OPT_NO_BREAK_GLASS ? 2
							      : 0;
	m.approvals = (uint8_t)(args->after <= 255 ? args->after : 255);
	join_names(m.approvers, args->given & LB_OPT_APPROVERS ? args->text : "");
	if ((args->given & LB_OPT_ON) && (args->given & LB_OPT_OFF))
		problem = "--on and --off exclude one another";
	else if ((args->given & LB_OPT_BREAK_GLASS) && (args->given & LB_OPT_NO_BREAK_GLASS))
		problem = "--break-glass and --no-break-glass exclude one another";
	else if (sign && quiet)
		problem = "--statement and --signature exclude one another";
	else if (m.name[0] == '\0' && (sign || quiet || (args->given & CHANGES)))
		problem = "which customer? Write its name first";
	else if (sign)
		problem = read_signatures(cli, args->file, m.signatures);
	if (problem != NULL) {
		json_decref(l.array);
		return lb_cli_misuse(cli, verb->name, problem);
	}
	l.as_it_is = !cli->json && !sign && (quiet || (args->given & CHANGES));
	err = lb_cli_link_open(&link, cli);
	if (err == LB_OK)
		err = lb_cli_ask(&link, sign ? LB_MSG_CUSTOMER_CHANGE : verb->message, &m,
				 LB_MSG_CUSTOMER_VIEW, quiet ? take : take_and_show, &l, &done);
	lb_cli_link_close(&link);
	status = err == LB_OK ? finish(cli, args, &m, &l) : lb_cli_failure(cli, err, &link);
	json_decref(l.array);
	return status;
}
