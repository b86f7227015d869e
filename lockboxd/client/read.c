/*
 * Verbs that only look: roles, show, audit.  (lists.c: status, pending.)
 *
 * The audit trail, which has no bound, is printed as it comes.
 */
#include <inttypes.h>
#include <string.h>

#include "err.h"
#include "handlers.h"
#include "json.h"
#include "ask.h"
#include "output.h"
#include "show.h"
#include "text.h"
#include "wait.h"

static enum lb_exit
finish(const struct lb_cli *cli, int err, const struct lb_cli_link *link)
{
	return err == LB_OK ? LB_EXIT_DONE : lb_cli_failure(cli, err, link);
}

/* The roles: for people as they come, or all of them in an array. */
struct list {
	const struct lb_cli *cli;
	json_t *array;
	size_t seen, may_request;
};

/* roles */

static int
take_role(void *arg, const union lb_msg *item)
{
	struct list *l = arg;

	if (l->cli->json)
		return json_array_append_new(l->array, lb_cli_json_role(&item->role)) == 0
			       ? LB_OK
			       : LB_ERR_NOMEM;
	if (l->seen++ > 0)
		fputc('\n', l->cli->out);
	l->may_request += item->role.may_request != 0;
	lb_cli_show_role(l->cli, &item->role);
	return LB_OK;
}

static void
after_roles(const struct lb_cli *cli, const struct list *l)
{
	if (l->seen == 0) {
		lb_cli_say(cli,
			   "There is no role for you here. Ask whoever keeps the policy of this "
			   "host.");
		return;
	}
	if (l->may_request == 0)
		return;
	fputc('\n', cli->out);
	lb_cli_say(cli, "To ask for one:");
	lb_cli_own(cli, "", "request ROLE --for 1h --reason \"...\"");
}

enum lb_exit
lb_run_roles(const struct lb_cli *cli, const struct lb_verb *verb, const struct lb_args *args)
{
	struct lb_msg_roles msg = {0};
	struct lb_msg_done done;
	struct lb_cli_link link;
	struct list l = {.cli = cli, .array = cli->json ? json_array() : NULL};
	int err;

	(void)args;
	err = lb_cli_link_open(&link, cli);
	if (err == LB_OK)
		err = lb_cli_ask(&link, verb->message, &msg, LB_MSG_ROLE, take_role, &l, &done);
	lb_cli_link_close(&link);
	if (err == LB_OK && cli->json) {
		err = lb_cli_json_array(cli, "roles", json_incref(l.array));
	} else if (err == LB_OK) {
		after_roles(cli, &l);
	}
	json_decref(l.array);
	return finish(cli, err, &link);
}

/* show, and status with an id */

enum lb_exit
lb_run_show(const struct lb_cli *cli, const struct lb_verb *verb, const struct lb_args *args)
{
	struct lb_cli_link link;
	struct lb_msg_act msg;
	struct lb_msg_grant g;
	int err;

	(void)verb;
	if (args->given & LB_OPT_STATEMENT)
		return lb_run_statement(cli, args);
	memset(&msg, 0, sizeof msg);
	msg.id = args->id;
	err = lb_cli_link_open(&link, cli);
	if (err == LB_OK)
		err = lb_cli_ask_one(&link, LB_MSG_SHOW, &msg, LB_MSG_GRANT, &g, sizeof g);
	lb_cli_link_close(&link);
	if (err == LB_OK && (args->given & LB_OPT_WAIT)) {
		if (!cli->json) {
			lb_cli_show_grant(cli, &g);
			fputc('\n', cli->out);
		}
		return lb_cli_wait(cli, &g);
	}
	if (err == LB_OK && cli->json) {
		err = lb_cli_json_print(cli, lb_cli_json_grant(&g));
	} else if (err == LB_OK) {
		lb_cli_show_grant(cli, &g);
		lb_cli_show_next(cli, &g);
	}
	return finish(cli, err, &link);
}

/* audit */

struct trail {
	const struct lb_cli *cli;
	uint64_t last;
	size_t seen;
};

static int
take_record(void *arg, const union lb_msg *item)
{
	struct trail *t = arg;
	bool first = t->seen++ == 0;

	/* The trail is a sequence: a number that does not grow is not the daemon's word. */
	if (item->record.seq <= t->last)
		return LB_ERR_MALFORMED;
	t->last = item->record.seq;
	if (!t->cli->json) {
		lb_cli_show_record(t->cli, &item->record);
		return LB_OK;
	}
	fputs(first ? "{\"records\":[" : ",", t->cli->out);
	return lb_cli_json_put(t->cli, lb_cli_json_record(&item->record));
}

/* Closes the document that take_record() has begun, even when the trail broke off. */
static enum lb_exit
close_document(const struct trail *t, int err, const struct lb_cli_link *link)
{
	const struct lb_cli *cli = t->cli;
	const char *code;
	char text[1024];

	if (t->seen == 0) {
		if (err != LB_OK)
			return lb_cli_failure(cli, err, link);
		fputs("{\"records\":[", cli->out);
	}
	/* Within JSON's integers, as record numbers are in json.c. */
	fprintf(cli->out, "],\"next\":%" PRIu64,
		t->last > INT64_MAX ? (uint64_t)INT64_MAX : t->last);
	if (err != LB_OK) {
		lb_cli_failure_text(cli, err, link, &code, text, sizeof text);
		fputs(",\"error\":", cli->out);
		if (lb_cli_json_put(cli, lb_cli_json_problem(code, text)) != LB_OK)
			fputs("{\"code\":\"try-later\",\"message\":\"out of memory\"}", cli->out);
	}
	fputs("}\n", cli->out);
	if (err == LB_OK)
		return LB_EXIT_DONE;
	return link->refused.code != 0 ? LB_EXIT_REFUSED : LB_EXIT_UNREACHABLE;
}

enum lb_exit
lb_run_audit(const struct lb_cli *cli, const struct lb_verb *verb, const struct lb_args *args)
{
	struct trail t = {.cli = cli, .last = args->after};
	struct lb_cli_link link;
	struct lb_msg_audit msg;
	int err;

	memset(&msg, 0, sizeof msg);
	msg.after = args->after;
	msg.grant = args->grant;
	err = lb_cli_link_open(&link, cli);
	if (err == LB_OK)
		err = lb_cli_ask_all(&link, cli, verb->message, &msg, &msg.after, LB_MSG_RECORD,
				     take_record, &t);
	lb_cli_link_close(&link);
	if (cli->json)
		return close_document(&t, err, &link);
	if (err == LB_OK && t.seen == 0 && args->grant != 0)
		lb_cli_say(cli, "No records of R-%" PRIu64 ": no such grant that you may see.",
			   args->grant);
	else if (err == LB_OK && t.seen == 0)
		lb_cli_say(cli, "No records.");
	return finish(cli, err, &link);
}
