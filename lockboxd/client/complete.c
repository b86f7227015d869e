/* Completion: see complete.h. */
#include "complete.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "ask.h"
#include "err.h"
#include "name.h"
#include "text.h"
#include "verbs.h"

#define LIMIT_S 1
#define WORD_TEXT 64

struct completion {
	const struct lb_cli *cli;
	const char *begun; /* the word that is being written */
	unsigned states;   /* of grants that are offered; bits of enum lb_state */
};

static void
offer(const struct completion *c, const char *word)
{
	if (strncmp(word, c->begun, strlen(c->begun)) == 0)
		fprintf(c->cli->out, "%s\n", word);
}

/* What comes from the daemon goes into a command line: only names do. */
static int
take_role(void *arg, const union lb_msg *item)
{
	if (item->role.may_request && lb_role_valid(item->role.name))
		offer(arg, item->role.name);
	return LB_OK;
}

static int
take_grant(void *arg, const union lb_msg *item)
{
	const struct completion *c = arg;
	char id[32];

	if (item->grant.state >= LB_STATE_COUNT || !(c->states & 1u << item->grant.state))
		return LB_OK;
	snprintf(id, sizeof id, "R-%" PRIu64, item->grant.id);
	offer(c, id);
	return LB_OK;
}

static void
offer_roles(struct completion *c)
{
	struct lb_msg_roles msg = {0};
	struct lb_msg_done done;
	struct lb_cli_link link;

	if (lb_cli_link_open(&link, c->cli) == LB_OK)
		lb_cli_ask(&link, LB_MSG_ROLES, &msg, LB_MSG_ROLE, take_role, c, &done);
	lb_cli_link_close(&link);
}

/* Those that the verb can do something with: by what it asks of the daemon. */
static void
offer_grants(struct completion *c, uint16_t message)
{
#define WAITING (1u << LB_STATE_PENDING | 1u << LB_STATE_NOTIFIED)
	static const struct {
		uint16_t message;
		uint8_t which;
		unsigned states;
	} rows[] = {
		{LB_MSG_APPROVE, LB_LIST_PENDING, WAITING},
		{LB_MSG_DENY, LB_LIST_PENDING, WAITING},
		{LB_MSG_CLAIM, LB_LIST_MINE, 1u << LB_STATE_APPROVED | 1u << LB_STATE_ACTIVE},
		{LB_MSG_CANCEL, LB_LIST_MINE, WAITING | 1u << LB_STATE_APPROVED},
		{LB_MSG_END, LB_LIST_MINE, 1u << LB_STATE_ACTIVE},
		{LB_MSG_EXTEND, LB_LIST_MINE, 1u << LB_STATE_ACTIVE},
		{LB_MSG_LIST, LB_LIST_MINE, ~0u},
	};
	struct lb_msg_list msg = {.which = LB_LIST_ALL};
	struct lb_cli_link link;

	c->states = ~0u;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (rows[i].message == message) {
			msg.which = rows[i].which;
			c->states = rows[i].states;
		}
	if (lb_cli_link_open(&link, c->cli) == LB_OK)
		lb_cli_ask_all(&link, c->cli, LB_MSG_LIST, &msg, &msg.after, LB_MSG_GRANT,
			       take_grant, c);
	lb_cli_link_close(&link);
}

/* What of an eligibility is being written, behind which word of the verb. */
struct personnel {
	struct completion *c;
	const char *act, *identity; /* identity NULL: that is being written */
};

static int
take_eligible(void *arg, const union lb_msg *item)
{
	const struct lb_msg_eligible *e = &item->eligible;
	const struct personnel *p = arg;

	if (strcmp(p->act, "request") == 0 && lb_role_valid(e->role)) {
		offer(p->c, e->role);
	} else if (p->identity == NULL && lb_identity_valid(e->identity)) {
		offer(p->c, e->identity);
	} else if (p->identity != NULL && strcmp(p->identity, e->identity) == 0) {
		if (strcmp(p->act, "attest") != 0 && lb_role_valid(e->role))
			offer(p->c, e->role);
		for (size_t i = 0; strcmp(p->act, "approve") != 0 && i < e->checks; i++)
			if (i < LB_CHECKS_MAX && lb_identity_valid(e->check[i].name))
				offer(p->c, e->check[i].name);
	}
	return LB_OK;
}

/* Of those that wait for the caller, or for what he may become himself. */
static void
offer_personnel(struct completion *c, size_t count, char *const *words)
{
	static const char *const acts[] = {"request", "attest", "approve", "revoke"};
	struct personnel p = {c, words[0], count == 3 ? words[1] : NULL};
	struct lb_msg_list msg = {.which = LB_LIST_PENDING};
	struct lb_cli_link link;
	size_t i = 0;

	while (i < sizeof acts / sizeof acts[0] && strcmp(acts[i], words[0]) != 0)
		i++;
	if (i == sizeof acts / sizeof acts[0] || count > (i == 0 ? 2 : 3))
		return;
	if (i == 0)
		msg.which = LB_LIST_MINE;
	if (lb_cli_link_open(&link, c->cli) == LB_OK)
		lb_cli_ask_all(&link, c->cli, LB_MSG_ELIGIBILITY, &msg, &msg.after, LB_MSG_ELIGIBLE,
			       take_eligible, &p);
	lb_cli_link_close(&link);
}

static void
offer_verbs(const struct completion *c)
{
	size_t count;
	const struct lb_verb *verbs = lb_verbs(&count);

	for (size_t i = 0; i < count; i++)
		offer(c, verbs[i].name);
	offer(c, "help");
}

/* Words of a usage text that begin an alternative, "[request ROLE | attest ...]", or an option. */
static void
offer_usage(const struct completion *c, const char *usage, bool options)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz-";
	char word[WORD_TEXT];
	bool first = true; /* nothing but blanks since a bracket or a bar */

	for (const char *at = usage; *at != '\0';) {
		size_t len = strspn(at, letters);

		if (len == 0) {
			first = *at == '[' || *at == '|' || (first && (*at == ' ' || *at == '\n'));
			at++;
			continue;
		}
		snprintf(word, sizeof word, "%.*s", (int)len, at);
		if (options ? strncmp(word, "--", 2) == 0 : (first && word[0] != '-'))
			offer(c, word);
		first = false;
		at += len;
	}
}

static bool
is_given(const char *name, size_t count, char *const *words)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < count; i++)
		if (strncmp(words[i], "--", 2) == 0 && strncmp(words[i] + 2, name, len) == 0 &&
		    (words[i][2 + len] == '\0' || words[i][2 + len] == '='))
			return true;
	return false;
}

static void
offer_options(const struct completion *c, const struct lb_verb *verb, size_t count,
	      char *const *words)
{
	struct lb_syntax syntax = verb->syntax;
	struct lb_option_name o;
	char word[WORD_TEXT];

	if (verb->local != NULL) {
		offer_usage(c, verb->usage, true);
		offer(c, "--help");
		return;
	}
	syntax.allowed |= LB_OPT_SOCKET;
	for (size_t i = 0; lb_args_option(&syntax, &i, &o);)
		if (!is_given(o.name, count, words)) {
			snprintf(word, sizeof word, "--%s", o.name);
			offer(c, word);
		}
}

/* The option that the word before is, if it takes a value: then that is what is being written. */
static bool
is_value(struct completion *c, const struct lb_verb *verb, const char *before)
{
	struct lb_syntax syntax = verb->syntax;
	struct lb_option_name o;

	syntax.allowed |= LB_OPT_SOCKET;
	for (size_t i = 0; lb_args_option(&syntax, &i, &o);)
		if (strncmp(before, "--", 2) == 0 && strcmp(before + 2, o.name) == 0) {
			if (o.value != NULL && strcmp(o.value, "ID") == 0)
				offer_grants(c, 0);
			return o.value != NULL;
		}
	return false;
}

/* count words follow the verb, the last of which is being written. */
static void
complete_verb(struct completion *c, const struct lb_verb *verb, size_t count, char *const *words)
{
	const char *before = count > 1 ? words[count - 2] : "";

	if (is_value(c, verb, before))
		return;
	if (c->begun[0] == '-') {
		offer_options(c, verb, count - 1, words);
		return;
	}
	if (count > 1 && verb->syntax.operand == LB_OPERAND_WORDS) {
		offer_personnel(c, count, words);
		return;
	}
	if (count > 1) {
		/* A word of the verb's own, or of a sentence, came before. */
		return;
	}
	switch (verb->syntax.operand) {
	case LB_OPERAND_ROLE:
		offer_roles(c);
		return;
	case LB_OPERAND_ID:
	case LB_OPERAND_MAYBE_ID:
		offer_grants(c, verb->message);
		return;
	case LB_OPERAND_WORDS:
		offer_usage(c, verb->usage, false);
		return;
	default:
		return;
	}
}

enum lb_exit
lb_complete(const struct lb_cli *cli, size_t count, char **words)
{
	struct lb_cli asked = *cli;
	struct completion c = {&asked, "", 0};
	const struct lb_verb *verbs;
	size_t n, at = 0;

	if (count == 0)
		return LB_EXIT_USAGE;
	alarm(LIMIT_S);
	c.begun = words[count - 1];
	/* Options that stand before the verb, as lb_verbs_run() reads them. */
	for (; at + 1 < count && words[at][0] == '-'; at++)
		if (strcmp(words[at], "--socket") == 0 && at + 2 < count)
			asked.socket = words[++at];
	if (at + 1 < count && strcmp(words[at], "help") == 0)
		at++;
	if (at + 1 == count) {
		static const char *const before[] = {"--json", "--socket", "--help", "--version"};

		for (size_t i = 0; c.begun[0] == '-' && i < sizeof before / sizeof before[0]; i++)
			offer(&c, before[i]);
		if (at == 0 || strcmp(words[at - 1], "--socket") != 0)
			offer_verbs(&c);
		return LB_EXIT_DONE;
	}
	verbs = lb_verbs(&n);
	for (size_t i = 0; i < n; i++)
		if (strcmp(verbs[i].name, words[at]) == 0 &&
		    (at == 0 || strcmp(words[at - 1], "help") != 0))
			complete_verb(&c, &verbs[i], count - at - 1, words + at + 1);
	return LB_EXIT_DONE;
}
