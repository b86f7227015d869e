/*
 * Verbs that only look: roles, status, pending, show, audit.
 *
 * Lists come in pages and are taken in item by item; the audit trail, which
 * has no bound, is printed as it comes.
 */
#include <inttypes.h>
#include <string.h>

#include "err.h"
#include "handlers.h"
#include "json.h"
#include "ask.h"
#include "output.h"
#include "show.h"
#include "table.h"
#include "text.h"
#include "wait.h"

static enum lb_exit
finish(const struct lb_cli *cli, int err, const struct lb_cli_link *link)
{
	return err == LB_OK ? LB_EXIT_DONE : lb_cli_failure(cli, err, link);
}

/* {"name":[…]}; the array is given up. */
static int
print_array(const struct lb_cli *cli, const char *name, json_t *array)
{
	json_t *o = json_object();

	if (json_object_set_new(o, name, array) != 0) {
		json_decref(o);
		return LB_ERR_NOMEM;
	}
	return lb_cli_json_print(cli, o);
}

/* Where the items of a list go: one of the two. */
struct list {
	const struct lb_cli *cli;
	json_t *array;
	struct lb_cli_table *table;
	size_t seen, may_request;
};

static int
list_begin(struct list *l, const struct lb_cli *cli, const struct lb_cli_column *columns,
	   size_t count)
{
	memset(l, 0, sizeof *l);
	l->cli = cli;
	if (cli->json)
		l->array = json_array();
	else if (count > 0)
		l->table = lb_cli_table_new(columns, count);
	else
		return LB_OK; /* items are printed as they come */
	return l->array == NULL && l->table == NULL ? LB_ERR_NOMEM : LB_OK;
}

static void
list_end(struct list *l)
{
	json_decref(l->array);
	lb_cli_table_free(l->table);
}

/* Asks for the whole list; the pages of a list of grants go by msg.list.after. */
static int
list_fill(struct list *l, struct lb_cli_link *link, enum lb_which which, lb_cli_item *item)
{
	struct lb_msg_list msg;
	int err = lb_cli_link_open(link, l->cli);

	memset(&msg, 0, sizeof msg);
	msg.which = (uint8_t)which;
	if (err == LB_OK)
		err = lb_cli_ask_all(link, l->cli, LB_MSG_LIST, &msg, &msg.after, LB_MSG_GRANT,
				     item, l);
	lb_cli_link_close(link);
	return err;
}

static int
add_json(struct list *l, json_t *value)
{
	return json_array_append_new(l->array, value) == 0 ? LB_OK : LB_ERR_NOMEM;
}

/* roles */

static int
take_role(void *arg, const union lb_msg *item)
{
	struct list *l = arg;

	if (l->cli->json)
		return add_json(l, lb_cli_json_role(&item->role));
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
	struct list l;
	int err = list_begin(&l, cli, NULL, 0);

	(void)args;
	memset(&link, 0, sizeof link);
	link.client.fd = -1;
	if (err == LB_OK)
		err = lb_cli_link_open(&link, cli);
	if (err == LB_OK)
		err = lb_cli_ask(&link, verb->message, &msg, LB_MSG_ROLE, take_role, &l, &done);
	lb_cli_link_close(&link);
	if (err == LB_OK && cli->json) {
		err = print_array(cli, "roles", json_incref(l.array));
	} else if (err == LB_OK) {
		after_roles(cli, &l);
	}
	list_end(&l);
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

/* open reviews, behind status and pending */

static int
take_review(void *arg, const union lb_msg *item)
{
	struct list *l = arg;
	const struct lb_msg_grant *g = &item->grant;
	char id[32], asks[LB_ASKS_TEXT];
	const char *cells[] = {id, g->identity, g->role, lb_state_name(g->state), asks, g->reason};

	if (l->cli->json)
		return add_json(l, lb_cli_json_grant(g));
	snprintf(id, sizeof id, "R-%" PRIu64, g->id);
	lb_cli_review_asks(asks, l->cli, g);
	return lb_cli_table_add(l->table, cells);
}

/* Break-glass whose review is open, as far as it concerns the caller: below every other list. */
static int
fill_reviews(struct list *l, const struct lb_cli *cli, struct lb_cli_link *link)
{
	static const struct lb_cli_column columns[] = {
		{"ID", false},	  {"WHO", true},   {"ROLE", true},
		{"STATE", false}, {"ASKS", false}, {"REASON", true},
	};
	int err = list_begin(l, cli, columns, sizeof columns / sizeof columns[0]);

	return err == LB_OK ? list_fill(l, link, LB_LIST_REVIEWS, take_review) : err;
}

static void
print_reviews(const struct list *l)
{
	const struct lb_cli *cli = l->cli;

	if (lb_cli_table_rows(l->table) == 0)
		return;
	fputc('\n', cli->out);
	lb_cli_style(cli, "31");
	lb_cli_say(cli, "BREAK-GLASS, not reviewed yet:");
	lb_cli_style(cli, "0");
	lb_cli_table_print(l->table, cli->out, LB_CLI_WIDTH, cli->colour);
	fputc('\n', cli->out);
	lb_cli_say(cli, "What happened, and what is asked of you:");
	lb_cli_own(cli, "", "show ID");
}

/* A list of grants, and the open reviews behind it. */
static int
print_both(const struct lb_cli *cli, const struct list *grants, const struct list *reviews)
{
	json_t *o = json_object();

	if (json_object_set_new(o, "grants", json_incref(grants->array)) != 0 ||
	    json_object_set_new(o, "reviews", json_incref(reviews->array)) != 0) {
		json_decref(o);
		return LB_ERR_NOMEM;
	}
	return lb_cli_json_print(cli, o);
}

/* status */

/* What the next time of a grant means, in a word or two. */
static void
when(char out[LB_WHEN_TEXT + 16], const struct lb_cli *cli, const struct lb_msg_grant *g)
{
	char relative[LB_WHEN_TEXT];
	const char *what = "";
	uint64_t at = g->requested_s;

	if (lb_cli_waits(g) && g->until_s != 0) {
		what = "lapses ";
		at = g->until_s;
	} else if (g->state == LB_STATE_APPROVED && g->until_s != 0) {
		what = "claim ";
		at = g->until_s;
	} else if (g->end_s != 0) {
		what = g->state == LB_STATE_ACTIVE ? "ends " : "ended ";
		at = g->end_s;
	} else {
		what = "asked ";
	}
	lb_cli_relative(relative, cli->now(), at);
	snprintf(out, LB_WHEN_TEXT + 16, "%s%s", what, relative);
}

static int
take_own(void *arg, const union lb_msg *item)
{
	struct list *l = arg;
	const struct lb_msg_grant *g = &item->grant;
	char id[32], time[LB_WHEN_TEXT + 16];
	char waits[LB_LIST_MAX + 16];
	const char *cells[] = {id, lb_state_name(g->state), g->role, g->account, time, g->reason};

	if (l->cli->json)
		return add_json(l, lb_cli_json_grant(g));
	snprintf(id, sizeof id, "R-%" PRIu64, g->id);
	when(time, l->cli, g);
	if (lb_cli_waits(g) && g->approvers[0] != '\0') {
		snprintf(waits, sizeof waits, "for %s", g->approvers);
		cells[3] = waits;
	} else if (g->account[0] == '\0') {
		cells[3] = "-";
	}
	return lb_cli_table_add(l->table, cells);
}

static void
print_own(const struct list *l)
{
	const struct lb_cli *cli = l->cli;

	if (lb_cli_table_rows(l->table) == 0) {
		lb_cli_say(cli, "You have no requests and no grants. What you may ask for:");
		lb_cli_own(cli, "", "roles");
		return;
	}
	lb_cli_table_print(l->table, cli->out, LB_CLI_WIDTH, cli->colour);
	fputc('\n', cli->out);
	lb_cli_say(cli, "All about one, and what to do next:");
	lb_cli_own(cli, "", "show ID");
}

enum lb_exit
lb_run_status(const struct lb_cli *cli, const struct lb_verb *verb, const struct lb_args *args)
{
	static const struct lb_cli_column columns[] = {
		{"ID", false},	 {"STATE", false}, {"ROLE", true}, {"ACCOUNT, OR WAITS", true},
		{"WHEN", false}, {"REASON", true},
	};
	struct lb_cli_link link = {.client.fd = -1};
	struct list l, reviews = {.cli = cli};
	int err;

	if (args->id != 0 || (args->given & LB_OPT_WAIT))
		return lb_run_show(cli, verb, args);
	err = list_begin(&l, cli, columns, sizeof columns / sizeof columns[0]);
	if (err == LB_OK)
		err = list_fill(&l, &link, LB_LIST_MINE, take_own);
	if (err == LB_OK)
		err = fill_reviews(&reviews, cli, &link);
	if (err == LB_OK && cli->json) {
		err = print_both(cli, &l, &reviews);
	} else if (err == LB_OK) {
		print_own(&l);
		print_reviews(&reviews);
	}
	list_end(&reviews);
	list_end(&l);
	return finish(cli, err, &link);
}

/* pending */

static int
take_pending(void *arg, const union lb_msg *item)
{
	struct list *l = arg;
	const struct lb_msg_grant *g = &item->grant;
	char reason[LB_REASON_MAX + 48];
	char id[32], duration[LB_DURATION_TEXT], approvals[LB_APPROVALS_TEXT], asked[LB_WHEN_TEXT];
	const char *cells[] = {id, g->identity, g->role, duration, approvals, asked, g->reason};

	if (l->cli->json)
		return add_json(l, lb_cli_json_grant(g));
	snprintf(id, sizeof id, "R-%" PRIu64, g->id);
	lb_duration_format(duration, g->duration_s);
	snprintf(reason, sizeof reason, "extends R-%" PRIu64 ": %s", g->extends, g->reason);
	if (g->extends != 0)
		cells[6] = reason;
	lb_cli_approvals(approvals, g);
	lb_cli_relative(asked, l->cli->now(), g->requested_s);
	return lb_cli_table_add(l->table, cells);
}

static void
print_pending(const struct list *l)
{
	const struct lb_cli *cli = l->cli;

	if (lb_cli_table_rows(l->table) == 0) {
		lb_cli_say(cli, "Nothing waits for your approval.");
		return;
	}
	lb_cli_table_print(l->table, cli->out, LB_CLI_WIDTH, cli->colour);
	fputc('\n', cli->out);
	lb_cli_say(cli, "Look at one, then decide:");
	lb_cli_own(cli, "", "show ID");
	lb_cli_own(cli, "", "approve ID");
	lb_cli_own(cli, "", "deny ID --reason \"...\"");
}

enum lb_exit
lb_run_pending(const struct lb_cli *cli, const struct lb_verb *verb, const struct lb_args *args)
{
	static const struct lb_cli_column columns[] = {
		{"ID", false},	{"WHO", true},	  {"ROLE", true},   {"FOR", false},
		{"HAS", false}, {"ASKED", false}, {"REASON", true},
	};
	struct lb_cli_link link = {.client.fd = -1};
	struct list l, reviews = {.cli = cli};
	int err = list_begin(&l, cli, columns, sizeof columns / sizeof columns[0]);

	(void)verb;
	(void)args;
	if (err == LB_OK)
		err = list_fill(&l, &link, LB_LIST_PENDING, take_pending);
	if (err == LB_OK)
		err = fill_reviews(&reviews, cli, &link);
	if (err == LB_OK && cli->json) {
		err = print_both(cli, &l, &reviews);
	} else if (err == LB_OK) {
		print_pending(&l);
		print_reviews(&reviews);
	}
	list_end(&reviews);
	list_end(&l);
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
	if (err == LB_OK && t.seen == 0)
		lb_cli_say(cli, "No records.");
	return finish(cli, err, &link);
}
