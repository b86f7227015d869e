/*
 * The verb eligibility: what the caller is eligible for and lacks, asking for
 * it, attesting, approving, revoking, and what waits for the caller.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "handlers.h"
#include "json.h"
#include "ask.h"
#include "output.h"

/* -- in words ------------------------------------------------------------------------- */

static void
show_check(const struct lb_cli *cli, const struct lb_msg_check *c)
{
	char text[LB_TEAMS_MAX + LB_MOMENT_TEXT + 128], moment[LB_MOMENT_TEXT];

	lb_cli_moment(moment, cli, c->until_s);
	if (c->state == LB_CHECK_HOLDS)
		snprintf(text, sizeof text, "%s: attested by %s, ends %s", c->name, c->by, moment);
	else if (c->state == LB_CHECK_MISSING)
		snprintf(text, sizeof text, "%s: MISSING; can be attested by %s", c->name, c->who);
	else
		snprintf(text, sizeof text, "%s: ENDED; can be attested anew by %s", c->name,
			 c->who);
	lb_cli_label(cli, "Check", text);
}

static void
show_state(const struct lb_cli *cli, const struct lb_msg_eligible *e)
{
	char text[LB_TEAMS_MAX + LB_MOMENT_TEXT + 64], moment[LB_MOMENT_TEXT];

	lb_cli_moment(moment, cli, e->until_s);
	switch (e->state) {
	case LB_ELIGIBLE_NEVER:
		snprintf(text, sizeof text, "no; not asked for yet");
		break;
	case LB_ELIGIBLE_PENDING:
		snprintf(text, sizeof text, "not yet; asked for, waits for a manager: %s",
			 e->managers);
		break;
	case LB_ELIGIBLE_HOLDS:
		snprintf(text, sizeof text, "%s; approved by %s, ends %s",
			 e->holds ? "yes" : "NOT NOW", e->manager, moment);
		break;
	default:
		snprintf(text, sizeof text, "no; it has ended");
		break;
	}
	lb_cli_label(cli, "Eligible", text);
}

static void
show(const struct lb_cli *cli, const struct lb_msg_eligible *e, bool person)
{
	char text[64];

	lb_cli_style(cli, "1");
	if (person)
		lb_cli_say(cli, "%s for %s", e->identity, e->role);
	else
		lb_cli_say(cli, "%s", e->role);
	lb_cli_style(cli, "0");
	show_state(cli, e);
	lb_cli_label(cli, "Reason", e->reason);
	if (!e->holds)
		lb_cli_label(cli, "Because", e->cause);
	for (size_t i = 0; i < e->checks && i < LB_CHECKS_MAX; i++)
		show_check(cli, &e->check[i]);
	if (e->requires[0] != '\0') {
		snprintf(text, sizeof text, "eligibility for %s: %s", e->requires,
			 e->has_required ? "yes" : "MISSING");
		lb_cli_label(cli, "Requires", text);
	}
	lb_cli_label(cli, "Managers", e->managers);
}

/* Whether the reader is one of those; on the host itself, where it is not told who he is, any but root. */
static bool
is_named(const struct lb_cli *cli, const char *names)
{
	size_t len;

	if (!cli->gate)
		return geteuid() != 0;
	len = strlen(cli->identity);
	for (const char *at = names; *at != '\0'; at += strspn(at, ", ")) {
		size_t n = strcspn(at, ",");

		if ((n == len && memcmp(at, cli->identity, n) == 0) || strcmp(at, "...") == 0)
			return true;
		at += n;
	}
	return false;
}

/* What the reader may do about somebody's: attest what is missing, and approve once nothing is. */
static void
show_next_of(const struct lb_cli *cli, const struct lb_msg_eligible *e)
{
	bool lacks = e->requires[0] != '\0' && !e->has_required;

	for (size_t i = 0; i < e->checks && i < LB_CHECKS_MAX; i++) {
		if (e->check[i].state == LB_CHECK_HOLDS)
			continue;
		lacks = true;
		if (is_named(cli, e->check[i].who))
			lb_cli_own(cli, "", "eligibility attest %s %s", e->identity,
				   e->check[i].name);
	}
	if (!is_named(cli, e->managers))
		return;
	if (lacks)
		lb_cli_say(cli, "You can approve it once nothing is missing.");
	else
		lb_cli_own(cli, "", "eligibility approve %s %s", e->identity, e->role);
}

/* What the reader types next. */
static void
show_next(const struct lb_cli *cli, const struct lb_msg_eligible *e, bool person)
{
	if (person && e->state == LB_ELIGIBLE_PENDING) {
		show_next_of(cli, e);
	} else if (!person && (e->state == LB_ELIGIBLE_NEVER || e->state == LB_ELIGIBLE_ENDED)) {
		lb_cli_own(cli, "", "eligibility request %s --reason \"...\"", e->role);
	} else if (!person && e->holds) {
		lb_cli_own(cli, "", "request %s --for 1h --reason \"...\"", e->role);
	}
}

/* -- lists ---------------------------------------------------------------------------- */

struct list {
	const struct lb_cli *cli;
	json_t *array;
	size_t seen;
	bool person;
};

static int
take_one(void *arg, const union lb_msg *item)
{
	struct list *l = arg;

	if (l->cli->json)
		return json_array_append_new(l->array, lb_cli_json_eligible(&item->eligible)) == 0
			       ? LB_OK
			       : LB_ERR_NOMEM;
	if (l->seen++ > 0)
		fputc('\n', l->cli->out);
	show(l->cli, &item->eligible, l->person);
	show_next(l->cli, &item->eligible, l->person);
	return LB_OK;
}

static enum lb_exit
list(const struct lb_cli *cli, bool pending)
{
	struct list l = {.cli = cli, .person = pending};
	struct lb_cli_link link = {.client.fd = -1};
	struct lb_msg_list msg = {.which = pending ? LB_LIST_PENDING : LB_LIST_MINE};
	json_t *o = json_object();
	int err;

	l.array = json_array();
	err = o != NULL && l.array != NULL ? lb_cli_link_open(&link, cli) : LB_ERR_NOMEM;
	if (err == LB_OK)
		err = lb_cli_ask_all(&link, cli, LB_MSG_ELIGIBILITY, &msg, &msg.after,
				     LB_MSG_ELIGIBLE, take_one, &l);
	lb_cli_link_close(&link);
	if (err == LB_OK && cli->json) {
		err = json_object_set(o, "eligibility", l.array) == 0 ? LB_OK : LB_ERR_NOMEM;
		if (err == LB_OK)
			err = lb_cli_json_print(cli, json_incref(o));
	} else if (err == LB_OK && l.seen == 0) {
		lb_cli_say(cli, pending ? "Nothing waits for you."
					: "No role here that you could become eligible for needs "
					  "it.");
	}
	json_decref(l.array);
	json_decref(o);
	return err == LB_OK ? LB_EXIT_DONE : lb_cli_failure(cli, err, &link);
}

/* -- acts ----------------------------------------------------------------------------- */

static enum lb_exit
act_on_eligibility(const struct lb_cli *cli, uint16_t message, const struct lb_msg_personnel *msg)
{
	bool person = message == LB_MSG_ELIGIBILITY_APPROVE;
	struct lb_msg_eligible e;
	struct lb_cli_link link;
	int err = lb_cli_link_open(&link, cli);

	if (err == LB_OK)
		err = lb_cli_ask_one(&link, message, msg, LB_MSG_ELIGIBLE, &e, sizeof e);
	lb_cli_link_close(&link);
	if (err == LB_OK && cli->json) {
		err = lb_cli_json_print(cli, lb_cli_json_eligible(&e));
	} else if (err == LB_OK) {
		show(cli, &e, person);
		if (!person)
			show_next(cli, &e, person);
	}
	return err == LB_OK ? LB_EXIT_DONE : lb_cli_failure(cli, err, &link);
}

static enum lb_exit
attest(const struct lb_cli *cli, uint16_t message, const struct lb_msg_personnel *msg)
{
	char moment[LB_MOMENT_TEXT];
	struct lb_msg_attested a;
	struct lb_cli_link link;
	int err = lb_cli_link_open(&link, cli);

	if (err == LB_OK)
		err = lb_cli_ask_one(&link, message, msg, LB_MSG_ATTESTED, &a, sizeof a);
	lb_cli_link_close(&link);
	if (err == LB_OK && cli->json) {
		err = lb_cli_json_print(cli, lb_cli_json_attested(&a));
	} else if (err == LB_OK) {
		lb_cli_moment(moment, cli, a.until_s);
		lb_cli_say(cli, "You have attested %s of %s. It ends %s.", a.check, a.identity,
			   moment);
	}
	return err == LB_OK ? LB_EXIT_DONE : lb_cli_failure(cli, err, &link);
}

static enum lb_exit
take_back(const struct lb_cli *cli, uint16_t message, const struct lb_msg_personnel *msg)
{
	struct lb_msg_done done;
	struct lb_cli_link link;
	int err = lb_cli_link_open(&link, cli);

	if (err == LB_OK)
		err = lb_cli_ask(&link, message, msg, 0, NULL, NULL, &done);
	lb_cli_link_close(&link);
	if (err == LB_OK && cli->json)
		err = lb_cli_json_print(cli, json_pack("{s:b}", "revoked", 1));
	else if (err == LB_OK)
		lb_cli_say(cli, "Revoked, and what depended on it has ended.");
	return err == LB_OK ? LB_EXIT_DONE : lb_cli_failure(cli, err, &link);
}

/* -- the words ------------------------------------------------------------------------ */

/* What follows each word; a reason that is needed, or may be there. */
static const struct act {
	const char *word, *usage;
	bool identity;
	unsigned least, most;	 /* words behind the first */
	unsigned required, more; /* options */
	uint16_t message;
	enum lb_exit (*run)(const struct lb_cli *, uint16_t, const struct lb_msg_personnel *);
} acts[] = {
	{"request", "eligibility request ROLE --reason TEXT", false, 1, 1, LB_OPT_REASON, 0,
	 LB_MSG_ELIGIBILITY_REQUEST, act_on_eligibility},
	{"attest", "eligibility attest IDENTITY CHECK", true, 2, 2, 0, 0, LB_MSG_ATTEST, attest},
	{"approve", "eligibility approve IDENTITY ROLE", true, 2, 2, 0, 0,
	 LB_MSG_ELIGIBILITY_APPROVE, act_on_eligibility},
	{"revoke", "eligibility revoke IDENTITY [ROLE or CHECK] [--reason TEXT]", true, 1, 2, 0,
	 LB_OPT_REASON, LB_MSG_ELIGIBILITY_REVOKE, take_back},
	{"pending", "eligibility pending", false, 0, 0, 0, 0, 0, NULL},
};

static enum lb_exit
misuse(const struct lb_cli *cli, const struct act *act)
{
	char problem[LB_PROBLEM_TEXT];

	snprintf(problem, sizeof problem, "%s%s",
		 act != NULL ? "write: "
			     : "eligibility request, attest, approve, revoke or pending",
		 act != NULL ? act->usage : "");
	return lb_cli_misuse(cli, "eligibility", problem);
}

enum lb_exit
lb_run_eligibility(const struct lb_cli *cli, const struct lb_verb *verb, const struct lb_args *args)
{
	const unsigned options = args->given & LB_OPT_REASON;
	struct lb_msg_personnel msg;
	const struct act *act = NULL;
	unsigned words = args->words, next = 1;

	(void)verb;
	for (size_t i = 0; words > 0 && i < sizeof acts / sizeof acts[0]; i++)
		if (strcmp(acts[i].word, args->word[0]) == 0)
			act = &acts[i];
	if (act == NULL)
		return words == 0 && options == 0 ? list(cli, false) : misuse(cli, NULL);
	words--;
	if (words < act->least || words > act->most || (act->required & ~options) != 0 ||
	    (options & ~(act->required | act->more)) != 0)
		return misuse(cli, act);
	if (act->run == NULL)
		return list(cli, true);
	memset(&msg, 0, sizeof msg);
	if (act->identity) {
		if (!lb_identity_valid(args->word[next]))
			return misuse(cli, act);
		snprintf(msg.identity, sizeof msg.identity, "%s", args->word[next++]);
	}
	if (next <= words) {
		if (!lb_role_valid(args->word[next]))
			return misuse(cli, act);
		snprintf(msg.name, sizeof msg.name, "%s", args->word[next]);
	}
	memcpy(msg.text, args->text, sizeof msg.text);
	return act->run(cli, act->message, &msg);
}
