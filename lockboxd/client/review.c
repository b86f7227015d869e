/*
 * What comes after break-glass: the verb review, what an open review asks of
 * somebody, and the verb metrics, which counts them among other things.
 */
#include <inttypes.h>
#include <string.h>

#include "ask.h"
#include "err.h"
#include "handlers.h"
#include "json.h"
#include "output.h"
#include "show.h"

enum lb_exit
lb_run_review(const struct lb_cli *cli, const struct lb_verb *verb, const struct lb_args *args)
{
	bool right = args->given & LB_OPT_JUSTIFIED, wrong = args->given & LB_OPT_NOT_JUSTIFIED;
	struct lb_msg_review msg;

	if (right == wrong)
		return lb_cli_misuse(cli, verb->name,
				     "say which it was: --justified or --not-justified");
	if (strlen(args->text) > LB_REMARK_MAX)
		return lb_cli_misuse(cli, verb->name,
				     "--comment is longer than 300 bytes: shorten it");
	memset(&msg, 0, sizeof msg);
	msg.id = args->id;
	msg.verdict = right ? LB_REVIEW_JUSTIFIED : LB_REVIEW_UNJUSTIFIED;
	snprintf(msg.text, sizeof msg.text, "%.300s", args->text);
	return lb_cli_ask_for_grant(cli, verb->message, &msg);
}

void
lb_cli_review_asks(char out[LB_ASKS_TEXT], const struct lb_cli *cli, const struct lb_msg_grant *g)
{
	char due[LB_WHEN_TEXT];

	if (lb_cli_seal_open(cli, g))
		snprintf(out, LB_ASKS_TEXT, "IS ROOT NOW: stop it");
	else if (g->concerns & LB_CONCERNS_OVERDUE)
		snprintf(out, LB_ASKS_TEXT, "REVIEW OVERDUE");
	else if (g->concerns & LB_CONCERNS_ALARM)
		snprintf(out, LB_ASKS_TEXT, "ALARM: look");
	else if (g->review_due_s == 0)
		snprintf(out, LB_ASKS_TEXT, "not over yet");
	else {
		lb_cli_relative(due, cli->now(), g->review_due_s);
		snprintf(out, LB_ASKS_TEXT, "review %s", due);
	}
}

/* One row is one metric; those of a family follow each other. */
static const struct {
	const char *family, *labels, *help;
	size_t offset;
	bool total, small; /* counts up for ever; is a u8 */
} rows[] = {
#define STATE(name, field)                                                                         \
	{                                                                                          \
		"lockbox_grants", "{state=\"" name "\"}",                                          \
			"Requests and grants that are not over.",                                  \
			offsetof(struct lb_msg_metrics, field), false, false                       \
	}
#define GAUGE(name, field, help)                                                                   \
	{                                                                                          \
		"lockbox_" name, "", help, offsetof(struct lb_msg_metrics, field), false, false    \
	}
	STATE("pending", pending),
	STATE("customer-notified", notified),
	STATE("approved", approved),
	STATE("active", active),
	STATE("ending", ending),
	GAUGE("break_glass_grants", break_glass, "Of these, so many are by break-glass."),
	GAUGE("reviews_open", reviews_open, "Reviews of break-glass that nobody has closed."),
	GAUGE("reviews_overdue", reviews_overdue, "Of these, so many are overdue."),
	GAUGE("alarms", alarms, "Alarms that nobody has acknowledged yet."),
	GAUGE("seals_broken", seals_broken, "Broken seals that nobody has reviewed."),
	GAUGE("seals_open", seals_open, "Of these, by so many somebody is root now."),
	GAUGE("store_bytes", store_bytes, "Size of the store's file."),
	GAUGE("store_max_bytes", store_most, "What it may grow to."),
	{"lockbox_store_full", "", "1: nothing new is granted.",
	 offsetof(struct lb_msg_metrics, store_full), false, true},
	{"lockbox_clock_astray", "", "1: nothing new is granted until the clock is right.",
	 offsetof(struct lb_msg_metrics, clock_astray), false, true},
	{"lockbox_requests", "", "Requests ever made.", offsetof(struct lb_msg_metrics, requests),
	 true, false},
	{"lockbox_records", "", "Records of the audit chain.",
	 offsetof(struct lb_msg_metrics, records), true, false},
};

static uint64_t
value_of(const struct lb_msg_metrics *m, size_t row)
{
	const char *at = (const char *)m + rows[row].offset;
	uint64_t value;
	uint8_t small;

	if (rows[row].small) {
		memcpy(&small, at, sizeof small);
		return small;
	}
	memcpy(&value, at, sizeof value);
	return value;
}

/* OpenMetrics 1.0, as Prometheus and others read it. */
static void
print_metrics(FILE *out, const struct lb_msg_metrics *m)
{
	const char *family = "";

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (strcmp(family, rows[i].family) != 0)
			fprintf(out, "# TYPE %s %s\n# HELP %s %s\n", rows[i].family,
				rows[i].total ? "counter" : "gauge", rows[i].family, rows[i].help);
		family = rows[i].family;
		fprintf(out, "%s%s%s %" PRIu64 "\n", family, rows[i].total ? "_total" : "",
			rows[i].labels, value_of(m, i));
	}
	fputs("# EOF\n", out);
}

enum lb_exit
lb_run_metrics(const struct lb_cli *cli, const struct lb_verb *verb, const struct lb_args *args)
{
	const struct lb_msg_roles nothing = {0};
	struct lb_msg_metrics m;
	struct lb_cli_link link;
	int err = lb_cli_link_open(&link, cli);

	(void)args;
	if (err == LB_OK)
		err = lb_cli_ask_one(&link, verb->message, &nothing, LB_MSG_METRICS_REPORT, &m,
				     sizeof m);
	lb_cli_link_close(&link);
	if (err == LB_OK && cli->json)
		err = lb_cli_json_print(cli, lb_cli_json_metrics(&m));
	else if (err == LB_OK)
		print_metrics(cli->out, &m);
	return err == LB_OK ? LB_EXIT_DONE : lb_cli_failure(cli, err, &link);
}
