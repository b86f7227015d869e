/*
 * Waiting: see wait.h.
 *
 * The daemon holds its answer until something has changed, for 20 seconds at
 * most.  A daemon that is being restarted is waited for as well.
 */
#include "wait.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "ask.h"
#include "columns.h"
#include "err.h"
#include "json.h"
#include "output.h"
#include "show.h"
#include "stage.h"
#include "text.h"
#include "wipe.h"

#define AWAY_MAX_S 60	/* how long a daemon may be away */
#define ANSWER_MS 30000 /* the 20 seconds and those of any other answer */
#define REFRESH_MS 1000 /* of the line on a terminal */
#define PAUSE_MS 500	/* between attempts to reach a daemon that is away */

static volatile sig_atomic_t interrupted;

static void
on_interrupt(int sig)
{
	(void)sig;
	interrupted = 1;
}

/* On the boot-time clock: the wall clock may be set meanwhile. */
static uint64_t
seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec;
}

/* "R-17: 0 of 1, waits for bob, dave" and how long; cut to a line on a terminal. */
static void
tell(const struct lb_cli *cli, const struct lb_msg_grant *g, bool away)
{
	char approvals[LB_APPROVALS_TEXT], age[LB_WHEN_TEXT], text[LB_LIST_MAX + 256];
	char safe[LB_ESCAPED(sizeof text)];
	uint64_t now = cli->now();

	lb_cli_approvals(approvals, g);
	lb_cli_duration(age, now > g->requested_s ? now - g->requested_s : 0);
	if (away)
		snprintf(text, sizeof text, "R-%" PRIu64 ": lockboxd is away, trying again", g->id);
	else if (cli->terminal)
		snprintf(text, sizeof text, "R-%" PRIu64 ": %s, asked %s ago, waiting for %s",
			 g->id, approvals, age, g->approvers[0] != '\0' ? g->approvers : "nobody");
	else
		snprintf(text, sizeof text, "R-%" PRIu64 ": %s, waiting for %s", g->id, approvals,
			 g->approvers[0] != '\0' ? g->approvers : "nobody");
	lb_text_escape(safe, sizeof safe, text);
	if (cli->terminal) {
		size_t width = lb_columns_width(safe);

		fputc('\r', cli->out);
		lb_columns_print(cli->out, safe,
				 width < LB_CLI_WIDTH - 1 ? width : LB_CLI_WIDTH - 1);
		fputs("\033[K", cli->out);
	} else {
		lb_columns_wrap(cli->out, safe, 0, 2, LB_CLI_WIDTH);
	}
	fflush(cli->out);
}

static void
clear_line(const struct lb_cli *cli)
{
	if (!cli->json && cli->terminal)
		fputs("\r\033[K", cli->out);
}

/*
 * Until the answer comes, telling meanwhile.  LB_ERR_SYSTEM: interrupted, or
 * nobody reads what is told any more, as when ssh has gone.
 */
static int
await(const struct lb_cli *cli, const struct lb_cli_link *link, const struct lb_msg_grant *g)
{
	struct pollfd p[2] = {{.fd = link->client.fd, .events = POLLIN}, {.fd = fileno(cli->out)}};
	uint64_t limit = seconds() + ANSWER_MS / 1000;

	for (;;) {
		int n = poll(p, 2, REFRESH_MS);

		if (n > 0 && p[1].revents != 0)
			interrupted = 1;
		if (interrupted)
			return LB_ERR_SYSTEM;
		if (n > 0)
			return LB_OK;
		if (n < 0 && errno != EINTR)
			return LB_ERR_SYSTEM;
		if (seconds() >= limit)
			return LB_ERR_TIMEOUT;
		if (!cli->json && cli->terminal)
			tell(cli, g, false);
	}
}

/* One question and its answer, in *g. */
static int
ask(const struct lb_cli *cli, struct lb_cli_link *link, struct lb_msg_grant *g)
{
	struct lb_msg_wait msg = {.id = g->id, .state = g->state, .have = g->have};
	int err = LB_OK;

	if (link->client.fd < 0)
		err = lb_cli_link_open(link, cli);
	if (err == LB_OK) {
		lb_client_deadline(&link->client, LB_CLI_TIMEOUT_MS);
		err = lb_client_send(&link->client, LB_MSG_WAIT, &msg);
	}
	if (err == LB_OK)
		err = await(cli, link, g);
	if (err == LB_OK)
		err = lb_cli_take_one(link, LB_MSG_GRANT, g, sizeof *g);
	if (err != LB_OK)
		lb_cli_link_close(link);
	return err;
}

/* What may be gone again in a moment. */
static bool
passes(int err, const struct lb_cli_link *link)
{
	if (link->refused.code != 0)
		return link->refused.code == LB_TRY_LATER || link->refused.code == LB_OVER_LIMIT;
	return err == LB_ERR_UNREACHABLE || err == LB_ERR_TIMEOUT;
}

static int
wait_until_decided(const struct lb_cli *cli, struct lb_cli_link *link, struct lb_msg_grant *g)
{
	static const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000l};
	uint64_t away_since = 0;

	while (lb_cli_waits(g)) {
		uint8_t have = g->have;
		int err = ask(cli, link, g);

		if (interrupted)
			return LB_ERR_SYSTEM;
		if (err == LB_OK) {
			if (!cli->json && lb_cli_waits(g) &&
			    (cli->terminal || away_since != 0 || g->have != have))
				tell(cli, g, false);
			away_since = 0;
			continue;
		}
		if (!passes(err, link))
			return err;
		if (away_since == 0) {
			away_since = seconds();
			if (!cli->json)
				tell(cli, g, true);
		} else if (seconds() - away_since > AWAY_MAX_S) {
			return err;
		}
		nanosleep(&pause, NULL);
	}
	return LB_OK;
}

static enum lb_exit
decided(const struct lb_cli *cli, const struct lb_msg_grant *g)
{
	bool granted = g->extends != 0 && g->state == LB_STATE_ENDED; /* its grant has the time */
	bool good = granted || g->state == LB_STATE_APPROVED || g->state == LB_STATE_ACTIVE;

	if (cli->json) {
		int err = lb_cli_json_print(cli, lb_cli_json_grant(g));

		if (err != LB_OK)
			return lb_cli_failure(cli, err, NULL);
	} else if (good && !granted) {
		lb_cli_say(cli, "R-%" PRIu64 " is %s%s%s.", g->id, lb_state_name(g->state),
			   g->approvers[0] != '\0' ? " by " : "", g->approvers);
		lb_cli_show_next(cli, g);
	} else {
		lb_cli_say(cli, "R-%" PRIu64 " is %s%s%s.", g->id, lb_cli_state(cli, g),
			   g->cause[0] != '\0' ? ": " : "", g->cause);
		lb_cli_show_next(cli, g);
	}
	return good ? LB_EXIT_DONE : LB_EXIT_REFUSED;
}

/* What becomes of the request, whatever ended the waiting. */
static void
go_on(const struct lb_cli *cli, const struct lb_msg_grant *g)
{
	if (cli->json)
		return;
	lb_cli_say(cli,
		   "R-%" PRIu64 " is left as it is. To go on waiting, or to withdraw it:", g->id);
	lb_cli_own(cli, g->host, "status R-%" PRIu64 " --wait", g->id);
	lb_cli_own(cli, g->host, "cancel R-%" PRIu64, g->id);
}

enum lb_exit
lb_cli_wait(const struct lb_cli *cli, struct lb_msg_grant *g)
{
	struct sigaction on = {.sa_handler = on_interrupt}, before;
	struct lb_cli_link link;
	enum lb_exit status;
	int err;

	memset(&link, 0, sizeof link);
	link.client.fd = -1;
	interrupted = 0;
	sigaction(SIGINT, &on, &before); /* no SA_RESTART: poll ends */
	if (!cli->json && lb_cli_waits(g)) {
		lb_cli_say(cli, "Waiting for a decision; Ctrl-C leaves the request as it is.");
		tell(cli, g, false);
	}
	err = wait_until_decided(cli, &link, g);
	lb_cli_link_close(&link);
	sigaction(SIGINT, &before, NULL);
	clear_line(cli);
	if (err == LB_OK)
		return decided(cli, g);
	if (!interrupted) {
		status = lb_cli_failure(cli, err, &link);
		go_on(cli, g);
		return status;
	}
	if (cli->json)
		lb_cli_json_error(cli, "interrupted", "the request is left as it is");
	go_on(cli, g);
	return LB_EXIT_INTERRUPTED;
}
