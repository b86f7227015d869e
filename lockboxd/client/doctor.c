/*
 * `lockbox doctor`: see doctor.h.
 *
 * It looks, and tells what to do next; it changes nothing but, when asked in so
 * many words, the keeper's clock, and that is the daemon's to do.
 */
#include "doctor.h"

#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "cli.h"
#include "columns.h"
#include "doctor_checks.h"
#include "err.h"
#include "json.h"
#include "output.h"
#include "proto.h"
#include "start.h"
#include "text.h"

#define CLOCK_TOLERANCE_S 60

struct examination {
	struct lb_cli cli;
	json_t *checks; /* with --json */
	bool way_in;	/* that alone */
	unsigned findings;
	int failed; /* out of memory while collecting */
};

static const char usage[] =
	"usage: lockbox doctor [--json] [--socket PATH]\n"
	"       lockbox doctor --way-in [--json]\n"
	"       lockbox doctor --reset-clock [--confirm] [--json] [--socket PATH]\n"
	"Looks whether this host is as Lockbox needs it, and says what to do if not.\n"
	"Only root can do this.\n"
	"\n"
	"  --way-in       looks only whether somebody gets in when the daemon is down:\n"
	"                 pam.conf, as the gate reads it, and the seal\n"
	"  --reset-clock  sets the daemon's clock back to the host's, when it is more\n"
	"                 than a day ahead and nothing new is granted for that.  First\n"
	"                 see that the host's clock is right.  It ends every request\n"
	"                 and grant there is.\n"
	"  --confirm      with it: really; without, says what would be done\n"
	"  --json         one JSON object\n"
	"  --socket PATH  the daemon's socket, when it is not the usual one\n"
	"  --help         this text\n"
	"\n"
	"Example:\n"
	"  lockbox doctor\n"
	"Exit status: 0 all is well, 1 there are findings or it was refused, 2 usage,\n"
	"3 the clock was to be reset and the daemon could not be reached.\n";

static const char *
health_name(enum lb_health health)
{
	static const char *const names[] = {"ok", "note", "warning", "bad"};

	return names[health];
}

static void
found(void *arg, const char *check, enum lb_health health, const char *text, const char *next)
{
	struct examination *e = arg;
	char safe[LB_ESCAPED(LB_DOCTOR_TEXT)], line[sizeof safe + 64];
	json_t *o;

	e->findings += health >= LB_HEALTH_WARNING;
	lb_text_escape(safe, sizeof safe, text);
	if (e->checks != NULL) {
		o = json_pack("{s:s, s:s, s:s, s:s}", "check", check, "state", health_name(health),
			      "text", safe, "next", next);
		if (o == NULL || json_array_append_new(e->checks, o) != 0)
			e->failed = 1;
		return;
	}
	fputs("  ", e->cli.out);
	fprintf(e->cli.out, "%-7s", health_name(health));
	snprintf(line, sizeof line, " %-10s %s", check, safe);
	lb_columns_wrap(e->cli.out, line, 9, 21, LB_CLI_WIDTH);
	if (next[0] != '\0') {
		snprintf(line, sizeof line, "%21s-> %s", "", next);
		lb_columns_wrap(e->cli.out, line, 0, 24, LB_CLI_WIDTH);
	}
}

/* Asks for the daemon's health, or has its clock reset and then tells of it. */
static int
ask(const struct lb_cli *cli, uint16_t type, struct lb_cli_link *link, struct lb_msg_health *h)
{
	const struct lb_msg_roles nothing = {0};
	int err = lb_cli_link_open(link, cli);

	if (err == LB_OK)
		err = lb_cli_ask_one(link, type, &nothing, LB_MSG_HEALTH_REPORT, h, sizeof *h);
	lb_cli_link_close(link);
	return err;
}

static void
look_at_clock(struct examination *e, const struct lb_msg_health *h)
{
	char clock[LB_TIME_TEXT], wall[LB_TIME_TEXT], text[LB_DOCTOR_TEXT];

	lb_time_format(clock, (int64_t)h->clock_s);
	lb_time_format(wall, (int64_t)h->wall_s);
	snprintf(text, sizeof text, "the daemon has seen %s, and the host's clock says %s%s", clock,
		 wall, h->clock_astray ? ": nothing new is granted" : "");
	if (h->clock_astray)
		found(e, "clock", LB_HEALTH_BAD, text,
		      "set the host's clock right; if it is right: lockbox doctor --reset-clock");
	else if (h->clock_s > h->wall_s + CLOCK_TOLERANCE_S)
		found(e, "clock", LB_HEALTH_WARNING, text,
		      "see that the host's clock is right (timedatectl); what is granted ends on "
		      "time all the same");
	else
		found(e, "clock", LB_HEALTH_OK, "in step with the host's", "");
}

static void
look_at_daemon(struct examination *e)
{
	struct lb_msg_health h;
	struct lb_cli_link link;
	char text[LB_DOCTOR_TEXT];
	const char *code;
	int err = ask(&e->cli, LB_MSG_HEALTH, &link, &h);

	if (err != LB_OK) {
		lb_cli_failure_text(&e->cli, err, &link, &code, text, sizeof text);
		found(e, "daemon", LB_HEALTH_BAD, text,
		      "systemctl status lockboxd; journalctl -t lockboxd");
		return;
	}
	snprintf(text, sizeof text, "answers; %" PRIu64 " requests and grants", h.live);
	found(e, "daemon", LB_HEALTH_OK, text, "");
	look_at_clock(e, &h);
	snprintf(text, sizeof text, "%" PRIu64 " MiB, of at most %" PRIu64 "%s",
		 h.store_bytes >> 20, h.store_most >> 20,
		 h.store_full ? "; it is full: nothing new is granted" : "");
	found(e, "store", h.store_full ? LB_HEALTH_BAD : LB_HEALTH_OK, text,
	      h.store_full ? "make room where /var/lib/lockbox is; lockboxd(8)" : "");
}

static int
examine(struct examination *e)
{
	int good;

	if (e->way_in) {
		lb_doctor_way_in(found, e);
	} else {
		look_at_daemon(e);
		lb_doctor_checks(found, e);
	}
	good = e->findings == 0;
	if (e->cli.json) {
		json_t *o = json_pack("{s:b, s:O}", "ok", good, "checks", e->checks);

		if (e->failed || lb_cli_json_print(&e->cli, o) != LB_OK)
			return LB_EXIT_REFUSED;
	} else if (good) {
		fputs("All is well.\n", e->cli.out);
	} else {
		fprintf(e->cli.out, "%u %s.\n", e->findings,
			e->findings == 1 ? "finding" : "findings");
	}
	return good ? LB_EXIT_DONE : LB_EXIT_REFUSED;
}

static int
tell_clock(const struct examination *e, const struct lb_msg_health *h, int done)
{
	char clock[LB_TIME_TEXT], wall[LB_TIME_TEXT];

	lb_time_format(clock, (int64_t)h->clock_s);
	lb_time_format(wall, (int64_t)h->wall_s);
	if (e->cli.json) {
		json_t *o = json_pack("{s:b, s:s, s:s, s:b, s:I}", "reset", done, "clock", clock,
				      "host_clock", wall, "astray", h->clock_astray != 0, "live",
				      (json_int_t)h->live);

		return lb_cli_json_print(&e->cli, o) == LB_OK ? LB_EXIT_DONE : LB_EXIT_REFUSED;
	}
	fprintf(e->cli.out, "  Daemon's clock   %s\n  Host's clock     %s\n", clock, wall);
	return LB_EXIT_DONE;
}

static int
reset_clock(struct examination *e, int confirmed)
{
	struct lb_msg_health h;
	struct lb_cli_link link;
	int err = ask(&e->cli, confirmed ? LB_MSG_RESET_CLOCK : LB_MSG_HEALTH, &link, &h), status;

	if (err != LB_OK)
		return lb_cli_failure(&e->cli, err, &link);
	status = tell_clock(e, &h, confirmed);
	if (confirmed) {
		if (!e->cli.json)
			fputs("The clock is the host's again; every request and grant was ended.\n",
			      e->cli.out);
		return status;
	}
	if (!e->cli.json && !h.clock_astray)
		fputs("They are not more than a day apart: there is nothing to reset.\n",
		      e->cli.out);
	else if (!e->cli.json)
		fprintf(e->cli.out,
			"Nothing was done.  If the host's clock is right, this sets the daemon's "
			"to "
			"it and\nends %" PRIu64 " requests and grants:\n"
			"  lockbox doctor --reset-clock --confirm\n",
			h.live);
	return LB_EXIT_REFUSED;
}

static int
misuse(const char *problem)
{
	fprintf(stderr, "lockbox: doctor: %s\n  lockbox doctor --help\n", problem);
	return LB_EXIT_USAGE;
}

int
lb_verb_doctor(int argc, char **argv)
{
	static const struct option options[] = {
		{"confirm", no_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
		{"json", no_argument, NULL, 'j'},
		{"reset-clock", no_argument, NULL, 'r'},
		{"socket", required_argument, NULL, 's'},
		{"way-in", no_argument, NULL, 'w'},
		{NULL, 0, NULL, 0},
	};
	struct examination e = {.checks = NULL};
	int c, reset = 0, confirmed = 0, status;

	lb_cli_init(&e.cli);
	optind = 0; /* start over: the caller may have scanned options of its own */
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			confirmed = 1;
			break;
		case 'h':
			fputs(usage, stdout);
			return LB_EXIT_DONE;
		case 'j':
			e.cli.json = true;
			break;
		case 'r':
			reset = 1;
			break;
		case 's':
			e.cli.socket = optarg;
			break;
		case 'w':
			e.way_in = true;
			break;
		default:
			return misuse("see how it goes:");
		}
	}
	if (e.way_in && reset)
		return misuse("--way-in and --reset-clock do not go together");
	if (optind != argc || (confirmed && !reset))
		return misuse(confirmed && !reset ? "--confirm goes with --reset-clock"
						  : "it takes options only");
	if (geteuid() != 0)
		return misuse("only root can look at all of this; sudo lockbox doctor");
	if (reset)
		return reset_clock(&e, confirmed);
	e.checks = e.cli.json ? json_array() : NULL;
	if (e.cli.json && e.checks == NULL)
		return LB_EXIT_REFUSED;
	status = examine(&e);
	json_decref(e.checks);
	return status;
}
