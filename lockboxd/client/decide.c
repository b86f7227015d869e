/*
 * Verbs that change a grant: request, approve, deny, cancel, claim, end, revoke.
 *
 * Each is one request and one answer: the grant as it is now, or the account.
 */
#include <inttypes.h>
#include <string.h>

#include "err.h"
#include "handlers.h"
#include "json.h"
#include "ask.h"
#include "output.h"
#include "show.h"
#include "stage.h"
#include "wait.h"
#include "wipe.h"

/* The first line of the answer: what has just been done. */
static void
headline(const struct lb_cli *cli, uint16_t message, const struct lb_msg_grant *g)
{
	const struct lb_msg_level *level = lb_cli_level(g);
	char approvals[LB_APPROVALS_TEXT];

	lb_cli_approvals(approvals, g);
	switch (message) {
	case LB_MSG_REQUEST:
		if (g->caller & LB_CALLER_FOUND)
			lb_cli_say(cli,
				   "You have asked for that already: R-%" PRIu64
				   ". Nothing new was made.",
				   g->id);
		else if (g->rule[0] != '\0' && !lb_cli_waits(g))
			lb_cli_say(cli, "R-%" PRIu64 " is %s: automatically by rule %s.", g->id,
				   lb_state_name(g->state), g->rule);
		else if (lb_cli_waits(g))
			lb_cli_say(cli, "Asked for. Your request is R-%" PRIu64 ".", g->id);
		else
			lb_cli_say(cli, "R-%" PRIu64 " is %s%s.", g->id, lb_state_name(g->state),
				   g->break_glass ? ", by break-glass; the alarm is out" : "");
		break;
	case LB_MSG_REVIEW:
		lb_cli_say(cli, "The review of R-%" PRIu64 " is closed: %s.", g->id,
			   lb_review_name(g->review));
		break;
	case LB_MSG_ACKNOWLEDGE:
		lb_cli_say(cli, "You have seen the alarm of R-%" PRIu64 ".", g->id);
		break;
	case LB_MSG_EXTEND:
		if (g->caller & LB_CALLER_FOUND)
			lb_cli_say(cli,
				   "You have asked for that already: R-%" PRIu64
				   " waits to extend R-%" PRIu64 ".",
				   g->id, g->extends);
		else if (lb_cli_waits(g))
			lb_cli_say(cli, "Asked for. R-%" PRIu64 " waits to extend R-%" PRIu64 ".",
				   g->id, g->extends);
		else
			lb_cli_say(cli, "R-%" PRIu64 " is extended, automatically by rule %s.",
				   g->extends, g->rule);
		break;
	case LB_MSG_APPROVE:
	case LB_MSG_APPROVE_SIGNED:
		if (g->state == LB_STATE_NOTIFIED)
			lb_cli_say(cli,
				   "Your approval of R-%" PRIu64
				   " is recorded; the customer decides next.",
				   g->id);
		else if (level != NULL)
			lb_cli_say(cli,
				   "Your approval of R-%" PRIu64 " is recorded; %s has %u of %u.",
				   g->id, level->name, level->have, level->need);
		else if (g->state == LB_STATE_PENDING)
			lb_cli_say(cli, "Your approval of R-%" PRIu64 " is recorded: %s.", g->id,
				   approvals);
		else if (g->extends != 0)
			lb_cli_say(cli, "R-%" PRIu64 " is extended.", g->extends);
		else
			lb_cli_say(cli, "R-%" PRIu64 " is approved.", g->id);
		break;
	case LB_MSG_DENY:
		lb_cli_say(cli, "R-%" PRIu64 " is denied.", g->id);
		break;
	case LB_MSG_CANCEL:
		lb_cli_say(cli, "R-%" PRIu64 " is cancelled.", g->id);
		break;
	default: /* END, REVOKE */
		lb_cli_say(cli, "R-%" PRIu64 " is over: no login and no sudo from now on.", g->id);
		break;
	}
	fputc('\n', cli->out);
}

enum lb_exit
lb_cli_answer_grant(const struct lb_cli *cli, uint16_t message, const struct lb_msg_grant *g)
{
	if (cli->json) {
		int err = lb_cli_json_print(cli, lb_cli_json_grant(g));

		return err == LB_OK ? LB_EXIT_DONE : lb_cli_failure(cli, err, NULL);
	}
	headline(cli, message, g);
	lb_cli_show_grant(cli, g);
	lb_cli_show_next(cli, g);
	return LB_EXIT_DONE;
}

int
lb_cli_get_grant(const struct lb_cli *cli, uint16_t type, const void *msg, struct lb_msg_grant *g,
		 struct lb_cli_link *link)
{
	int err = lb_cli_link_open(link, cli);

	if (err == LB_OK)
		err = lb_cli_ask_one(link, type, msg, LB_MSG_GRANT, g, sizeof *g);
	lb_cli_link_close(link);
	return err;
}

static enum lb_exit
ask_for_grant(const struct lb_cli *cli, uint16_t type, const void *msg, bool wait)
{
	struct lb_cli_link link;
	struct lb_msg_grant g;
	int err = lb_cli_get_grant(cli, type, msg, &g, &link);

	if (err != LB_OK)
		return lb_cli_failure(cli, err, &link);
	if (!wait)
		return lb_cli_answer_grant(cli, type, &g);
	if (!cli->json) {
		if (lb_cli_waits(&g))
			lb_cli_answer_grant(cli, type, &g);
		else
			lb_cli_show_grant(cli, &g);
		fputc('\n', cli->out);
	}
	return lb_cli_wait(cli, &g);
}

enum lb_exit
lb_cli_ask_for_grant(const struct lb_cli *cli, uint16_t type, const void *msg)
{
	return ask_for_grant(cli, type, msg, false);
}

enum lb_exit
lb_run_request(const struct lb_cli *cli, const struct lb_verb *verb, const struct lb_args *args)
{
	struct lb_msg_request msg;

	memset(&msg, 0, sizeof msg);
	memcpy(msg.role, args->role, sizeof msg.role);
	memcpy(msg.ticket, args->ticket, sizeof msg.ticket);
	memcpy(msg.reason, args->text, sizeof msg.reason);
	memcpy(msg.resource, args->resource, sizeof msg.resource);
	msg.duration_s = args->duration_s;
	msg.start_s = args->start_s;
	msg.break_glass = (args->given & LB_OPT_BREAK_GLASS) != 0;
	return ask_for_grant(cli, verb->message, &msg, args->given & LB_OPT_WAIT);
}

enum lb_exit
lb_run_extend(const struct lb_cli *cli, const struct lb_verb *verb, const struct lb_args *args)
{
	struct lb_msg_extend msg;

	memset(&msg, 0, sizeof msg);
	msg.id = args->id;
	msg.duration_s = args->duration_s;
	memcpy(msg.reason, args->text, sizeof msg.reason);
	return ask_for_grant(cli, verb->message, &msg, false);
}

enum lb_exit
lb_run_act(const struct lb_cli *cli, const struct lb_verb *verb, const struct lb_args *args)
{
	struct lb_msg_act msg;

	memset(&msg, 0, sizeof msg);
	msg.id = args->id;
	memcpy(msg.text, args->text, sizeof msg.text);
	return ask_for_grant(cli, verb->message, &msg, false);
}

enum lb_exit
lb_run_claim(const struct lb_cli *cli, const struct lb_verb *verb, const struct lb_args *args)
{
	struct lb_cli_link link;
	struct lb_msg_claimed claimed;
	struct lb_msg_act msg;
	int err;

	memset(&msg, 0, sizeof msg);
	msg.id = args->id;
	err = lb_cli_link_open(&link, cli);
	if (err == LB_OK)
		err = lb_cli_ask_one(&link, verb->message, &msg, LB_MSG_CLAIMED, &claimed,
				     sizeof claimed);
	lb_cli_link_close(&link);
	if (err == LB_OK && cli->json)
		err = lb_cli_json_print(cli, lb_cli_json_claimed(&claimed));
	else if (err == LB_OK)
		lb_cli_show_claimed(cli, &claimed);
	lb_wipe(&claimed, sizeof claimed);
	if (cli->forget != NULL)
		cli->forget(cli->out);
	return err == LB_OK ? LB_EXIT_DONE : lb_cli_failure(cli, err, &link);
}
