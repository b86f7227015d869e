/*
 * Lists of requests and grants: status, one's own; pending, what waits for one.
 *
 * They come in pages.  Each has a line of facts, and below it in plain words
 * what it waits for or what became of it, and why it was asked for.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "err.h"
#include "handlers.h"
#include "json.h"
#include "output.h"
#include "show.h"
#include "stage.h"
#include "table.h"
#include "text.h"

#define OVER_SHOWN 10 /* of what is over: the latest */
#define NOTE_TEXT (2 * LB_LIST_MAX + 128)

struct list {
	const struct lb_cli *cli;
	json_t *array; /* of --json; else the table */
	struct lb_cli_table *table;
	bool everybody;		   /* whose each is, is told */
	bool revokes;		   /* the caller may revoke one of them */
	bool decides;		   /* or approve or deny one */
	struct lb_msg_grant *over; /* OVER_SHOWN of them, in a ring */
	uint64_t overs;
};

static int
list_begin(struct list *l, const struct lb_cli *cli, const struct lb_cli_column *columns,
	   size_t count)
{
	memset(l, 0, sizeof *l);
	l->cli = cli;
	if (cli->json) {
		l->array = json_array();
		return l->array == NULL ? LB_ERR_NOMEM : LB_OK;
	}
	l->table = lb_cli_table_new(columns, count);
	l->over = calloc(OVER_SHOWN, sizeof *l->over);
	return l->table == NULL || l->over == NULL ? LB_ERR_NOMEM : LB_OK;
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

static void
list_free(struct list *l)
{
	json_decref(l->array);
	lb_cli_table_free(l->table);
	free(l->over);
}

static int
add_json(struct list *l, const struct lb_msg_grant *g)
{
	return json_array_append_new(l->array, lb_cli_json_grant(g)) == 0 ? LB_OK : LB_ERR_NOMEM;
}

/* open reviews, behind status and pending */

static int
take_review(void *arg, const union lb_msg *item)
{
	struct list *l = arg;
	const struct lb_msg_grant *g = &item->grant;
	char id[32], asks[LB_ASKS_TEXT];
	const char *cells[] = {id, g->identity, g->role, lb_cli_state(l->cli, g), asks};
	int err;

	if (l->cli->json)
		return add_json(l, g);
	snprintf(id, sizeof id, "R-%" PRIu64, g->id);
	lb_cli_review_asks(asks, l->cli, g);
	err = lb_cli_table_add(l->table, cells);
	return err == LB_OK ? lb_cli_table_note(l->table, g->reason, true) : err;
}

/* Break-glass whose review is open, as far as it concerns the caller: below every other list. */
static int
fill_reviews(struct list *l, const struct lb_cli *cli, struct lb_cli_link *link)
{
	static const struct lb_cli_column columns[] = {
		{"ID", false}, {"WHO", true}, {"ROLE", true}, {"STATE", false}, {"ASKS", false},
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

/* Prints a list, if it is there wholly, with the open reviews, and gives it up. */
static enum lb_exit
list_end(struct list *l, int err, struct lb_cli_link *link, void (*print)(const struct list *))
{
	const struct lb_cli *cli = l->cli;
	struct list reviews = {.cli = cli};

	if (err == LB_OK)
		err = fill_reviews(&reviews, cli, link);
	if (err == LB_OK && cli->json) {
		err = print_both(cli, l, &reviews);
	} else if (err == LB_OK) {
		print(l);
		print_reviews(&reviews);
	}
	list_free(&reviews);
	list_free(l);
	return err == LB_OK ? LB_EXIT_DONE : lb_cli_failure(cli, err, link);
}

/* "OPS-1: the index is broken", and what it extends. */
static int
note_reason(struct list *l, const struct lb_msg_grant *g, bool whole)
{
	char text[NOTE_TEXT], extends[48] = "";

	if (g->extends != 0)
		snprintf(extends, sizeof extends, "extends R-%" PRIu64 ": ", g->extends);
	snprintf(text, sizeof text, "%s%s%s%s", extends, g->ticket,
		 g->ticket[0] != '\0' ? ": " : "", g->reason);
	return lb_cli_table_note(l->table, text, whole);
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

/* What it waits for, what it is, or what became of it. */
static void
how_it_stands(char out[NOTE_TEXT], const struct lb_msg_grant *g)
{
	const char *nobody = g->break_glass ? ", by BREAK-GLASS" : "";

	out[0] = '\0';
	if (lb_cli_waits(g))
		lb_cli_waits_for(out, NOTE_TEXT, g);
	else if (g->state == LB_STATE_APPROVED && g->cause[0] != '\0')
		snprintf(out, NOTE_TEXT, "approved; %s", g->cause);
	else if (g->state == LB_STATE_APPROVED && (g->caller & LB_CALLER_OWN))
		snprintf(out, NOTE_TEXT, "approved%s%s%s; take the account: claim R-%" PRIu64,
			 g->approvers[0] != '\0' ? " by " : "", g->approvers, nobody, g->id);
	else if (g->state == LB_STATE_APPROVED)
		snprintf(out, NOTE_TEXT, "approved%s%s%s; waits for %s to claim it",
			 g->approvers[0] != '\0' ? " by " : "", g->approvers, nobody, g->identity);
	else if (g->state == LB_STATE_ACTIVE)
		snprintf(out, NOTE_TEXT, "account %s, %" PRIu32 " %s open%s", g->account,
			 g->sessions, g->sessions == 1 ? "session" : "sessions", nobody);
	else
		snprintf(out, NOTE_TEXT, "%s%s%s", g->account, g->account[0] != '\0' ? ": " : "",
			 g->cause);
}

/* The same behind what it can do, where others are to see that. */
static void
note_state(char out[NOTE_TEXT + 32], const struct list *l, const struct lb_msg_grant *g)
{
	char stands[NOTE_TEXT];

	how_it_stands(stands, g);
	snprintf(out, NOTE_TEXT + 32, "%s%s",
		 l->everybody && g->permission == LB_PERMISSION_ROOT ? "AS GOOD AS ROOT; " : "",
		 stands);
}

static int
add_own(struct list *l, const struct lb_msg_grant *g)
{
	char id[32], duration[LB_DURATION_TEXT], time[LB_WHEN_TEXT + 16], note[NOTE_TEXT + 32];
	const char *own[] = {id, lb_cli_state(l->cli, g), g->role, duration, time};
	const char *whose[] = {id, lb_state_name(g->state), g->identity, g->role, duration, time};
	int err;

	snprintf(id, sizeof id, "R-%" PRIu64, g->id);
	lb_duration_format(duration, g->duration_s);
	when(time, l->cli, g);
	note_state(note, l, g);
	l->revokes = l->revokes || (g->caller & LB_CALLER_REVOKES) != 0;
	err = lb_cli_table_add(l->table, l->everybody ? whose : own);
	if (err == LB_OK)
		err = lb_cli_table_note(l->table, note, true);
	return err == LB_OK ? note_reason(l, g, false) : err;
}

/* What is not over comes first. */
static int
take_own(void *arg, const union lb_msg *item)
{
	struct list *l = arg;

	if (l->cli->json)
		return add_json(l, &item->grant);
	if (!lb_cli_over(&item->grant))
		return add_own(l, &item->grant);
	l->over[l->overs++ % OVER_SHOWN] = item->grant;
	return LB_OK;
}

static int
add_over(struct list *l)
{
	int err = LB_OK;

	for (uint64_t i = l->overs > OVER_SHOWN ? l->overs - OVER_SHOWN : 0;
	     err == LB_OK && i < l->overs; i++)
		err = add_own(l, &l->over[i % OVER_SHOWN]);
	return err;
}

static void
print_own(const struct list *l)
{
	const struct lb_cli *cli = l->cli;

	if (lb_cli_table_rows(l->table) == 0 && l->everybody) {
		lb_cli_say(cli, "Nothing is open that you may see: no request, no grant.");
		return;
	}
	if (lb_cli_table_rows(l->table) == 0) {
		lb_cli_say(cli, "You have no requests and no grants. What you may ask for:");
		lb_cli_own(cli, "", "roles");
		lb_cli_say(cli, "What is open of other people's, as far as you may see it:");
		lb_cli_own(cli, "", "status --all");
		return;
	}
	lb_cli_table_print(l->table, cli->out, LB_CLI_WIDTH, cli->colour);
	fputc('\n', cli->out);
	if (l->overs > OVER_SHOWN)
		lb_cli_say(cli,
			   "%" PRIu64 " older ones that are over are left out; --json has all.",
			   l->overs - OVER_SHOWN);
	lb_cli_say(cli, "All about one, and what to do next:");
	lb_cli_own(cli, "", "show ID");
	if (l->everybody && l->revokes) {
		lb_cli_say(cli, "To end one now:");
		lb_cli_own(cli, "", "revoke ID --reason \"...\"");
	}
}

enum lb_exit
lb_run_status(const struct lb_cli *cli, const struct lb_verb *verb, const struct lb_args *args)
{
	static const struct lb_cli_column own[] = {
		{"ID", false}, {"STATE", false}, {"ROLE", true}, {"FOR", false}, {"WHEN", false},
	};
	static const struct lb_cli_column whose[] = {
		{"ID", false},	{"STATE", false}, {"WHO", true},
		{"ROLE", true}, {"FOR", false},	  {"WHEN", false},
	};
	bool all = (args->given & LB_OPT_ALL) != 0;
	bool everybody = all || (!cli->gate && geteuid() == 0); /* root's own list is everybody's */
	struct lb_cli_link link = {.client.fd = -1};
	struct list l;
	int err;

	if (all && (args->id != 0 || (args->given & LB_OPT_WAIT)))
		return lb_cli_misuse(cli, verb->name, "--all takes no id, and no --wait");
	if (args->id != 0 || (args->given & LB_OPT_WAIT))
		return lb_run_show(cli, verb, args);
	if (everybody)
		err = list_begin(&l, cli, whose, sizeof whose / sizeof whose[0]);
	else
		err = list_begin(&l, cli, own, sizeof own / sizeof own[0]);
	l.everybody = everybody;
	if (err == LB_OK)
		err = list_fill(&l, &link, all ? LB_LIST_ALL : LB_LIST_MINE, take_own);
	if (err == LB_OK)
		err = add_over(&l);
	return list_end(&l, err, &link, print_own);
}

/* pending */

/* Adds to a list of what would be given, whose parts are apart by "; ". */
static size_t
add_gift(char out[NOTE_TEXT], size_t used, const char *what, const char *text)
{
	int n = text[0] == '\0' || used >= NOTE_TEXT
			? 0
			: snprintf(out + used, NOTE_TEXT - used, "%s%s%s", used > 0 ? "; " : "",
				   what, text);

	return used + (size_t)n;
}

/* What would be given: a path, groups, commands, and how much that is. */
static void
gives(char out[NOTE_TEXT + 64], const struct lb_msg_grant *g)
{
	char what[NOTE_TEXT] = "";
	size_t used = add_gift(what, 0, "", g->path);

	used = add_gift(what, used, "groups ", g->groups);
	used = add_gift(what, used, "sudo ", g->sudo);
	if (used == 0)
		snprintf(what, sizeof what, "%s", g->own[0] != '\0' ? "a login" : "an account");
	snprintf(out, NOTE_TEXT + 64, "%s%sgives %s%s",
		 g->permission == LB_PERMISSION_ROOT ? "AS GOOD AS ROOT; " : "",
		 g->signed_approvals ? "takes signed approvals only; " : "", what,
		 g->permission == LB_PERMISSION_READ_ONLY ? " (read-only)" : "");
}

static int
take_pending(void *arg, const union lb_msg *item)
{
	struct list *l = arg;
	const struct lb_msg_grant *g = &item->grant;
	char id[32], duration[LB_DURATION_TEXT], approvals[LB_APPROVALS_TEXT];
	char asked[LB_WHEN_TEXT], lapses[LB_WHEN_TEXT] = "", note[NOTE_TEXT + 64];
	const char *cells[] = {id, g->identity, g->role, duration, approvals, asked, lapses};
	int err;

	if (l->cli->json)
		return add_json(l, g);
	snprintf(id, sizeof id, "R-%" PRIu64, g->id);
	lb_duration_format(duration, g->duration_s);
	lb_cli_approvals(approvals, g);
	lb_cli_relative(asked, l->cli->now(), g->requested_s);
	if (g->until_s != 0)
		lb_cli_relative(lapses, l->cli->now(), g->until_s);
	gives(note, g);
	if ((g->caller & (LB_CALLER_APPROVES | LB_CALLER_DENIES)) != 0)
		l->decides = true;
	err = lb_cli_table_add(l->table, cells);
	if (err == LB_OK)
		err = note_reason(l, g, true);
	return err == LB_OK ? lb_cli_table_note(l->table, note, false) : err;
}

static void
print_pending(const struct list *l)
{
	const struct lb_cli *cli = l->cli;

	if (lb_cli_table_rows(l->table) == 0) {
		lb_cli_say(cli, "Nothing waits for your approval. What is open that you may see:");
		lb_cli_own(cli, "", "status --all");
		return;
	}
	lb_cli_table_print(l->table, cli->out, LB_CLI_WIDTH, cli->colour);
	fputc('\n', cli->out);
	lb_cli_say(cli, l->decides ? "Look at one, then decide:" : "Who can approve one:");
	lb_cli_own(cli, "", "show ID");
	if (!l->decides)
		return;
	lb_cli_own(cli, "", "approve ID");
	lb_cli_own(cli, "", "deny ID --reason \"...\"");
}

enum lb_exit
lb_run_pending(const struct lb_cli *cli, const struct lb_verb *verb, const struct lb_args *args)
{
	static const struct lb_cli_column columns[] = {
		{"ID", false}, {"WHO", true},	 {"ROLE", true},    {"FOR", false},
		{"HAS", true}, {"ASKED", false}, {"LAPSES", false},
	};
	struct lb_cli_link link = {.client.fd = -1};
	struct list l;
	int err = list_begin(&l, cli, columns, sizeof columns / sizeof columns[0]);

	(void)verb;
	(void)args;
	if (err == LB_OK)
		err = list_fill(&l, &link, LB_LIST_PENDING, take_pending);
	return list_end(&l, err, &link, print_pending);
}
