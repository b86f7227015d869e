/* Words: see show.h. */
#include "show.h"
#include "stage.h"

#include <inttypes.h>
#include <string.h>

#include "columns.h"
#include "output.h"
#include "text.h"
#include "wipe.h"

const struct lb_msg_level *
lb_cli_level(const struct lb_msg_grant *g)
{
	if (!lb_cli_waits(g) || g->levels < 2 || g->levels > LB_LEVELS_MAX ||
	    g->level_now >= g->levels)
		return NULL;
	return &g->level[g->level_now];
}

void
lb_cli_approvals(char out[LB_APPROVALS_TEXT], const struct lb_msg_grant *g)
{
	const struct lb_msg_level *l = lb_cli_level(g);

	if (g->need == 0 && g->rule[0] != '\0')
		snprintf(out, LB_APPROVALS_TEXT, "automatic, by rule %s", g->rule);
	else if (g->need == 0)
		snprintf(out, LB_APPROVALS_TEXT, "automatic");
	else if (l != NULL)
		snprintf(out, LB_APPROVALS_TEXT, "%s %u of %u", l->name, l->have, l->need);
	else
		snprintf(out, LB_APPROVALS_TEXT, "%u of %u", g->have, g->need);
}

void
lb_cli_waits_for(char *out, size_t cap, const struct lb_msg_grant *g)
{
	const struct lb_msg_level *l = lb_cli_level(g);
	bool customer = l != NULL && (l->flags & LB_LEVEL_CUSTOMER) != 0;

	if (g->approvers[0] == '\0')
		snprintf(out, cap, "nobody can approve it at present: tell an administrator");
	else if (l == NULL)
		snprintf(out, cap, "waits for %s (%u of %u)", g->approvers, g->have, g->need);
	else
		snprintf(out, cap, "waits for %s%s, level %u of %u (%u of %u): %s",
			 customer ? "the customer " : "", l->name, g->level_now + 1u, g->levels,
			 l->have, l->need, g->approvers);
}

static const char *
state_colour(uint8_t state)
{
	switch (state) {
	case LB_STATE_PENDING:
	case LB_STATE_NOTIFIED:
	case LB_STATE_ENDING:
		return "33";
	case LB_STATE_APPROVED:
	case LB_STATE_ACTIVE:
		return "32";
	case LB_STATE_DENIED:
		return "31";
	default:
		return "2";
	}
}

/* Commands hold blanks, so each of "a, b" has a line of its own. */
static void
show_list(const struct lb_cli *cli, const char *label, const char *joined)
{
	while (*joined != '\0') {
		const char *comma = strstr(joined, ", ");
		int len = comma != NULL ? (int)(comma - joined) : (int)strlen(joined);
		char item[LB_LIST_MAX + 1];

		snprintf(item, sizeof item, "%.*s", len, joined);
		lb_cli_label(cli, label, item);
		label = "";
		joined += len + (comma != NULL ? 2 : 0);
	}
}

bool
lb_cli_seal_open(const struct lb_cli *cli, const struct lb_msg_grant *g)
{
	return strcmp(g->role, LB_SEALED_NAME) == 0 && g->end_s > cli->now();
}

const char *
lb_cli_state(const struct lb_cli *cli, const struct lb_msg_grant *g)
{
	if (lb_cli_seal_open(cli, g))
		return "ROOT NOW";
	return g->extends != 0 && g->state == LB_STATE_ENDED ? "granted" : lb_state_name(g->state);
}

/* What passes at until_s, and at end_s, depends on the state. */
static void
show_times(const struct lb_cli *cli, const struct lb_msg_grant *g)
{
	char text[LB_MOMENT_TEXT];

	lb_cli_moment(text, cli, g->requested_s);
	lb_cli_label(cli, "Asked", text);
	if (g->start_s != 0) {
		lb_cli_moment(text, cli, g->start_s);
		lb_cli_label(cli, "Not before", text);
	}
	if (g->until_s != 0 && lb_cli_waits(g)) {
		lb_cli_moment(text, cli, g->until_s);
		lb_cli_label(cli, "Lapses", text);
	} else if (g->until_s != 0 && g->state == LB_STATE_APPROVED) {
		lb_cli_moment(text, cli, g->until_s);
		lb_cli_label(cli, "Claim by", text);
	}
	if (g->end_s != 0) {
		bool ends = g->state == LB_STATE_ACTIVE || g->state == LB_STATE_APPROVED;

		lb_cli_moment(text, cli, g->end_s);
		lb_cli_label(cli,
			     lb_cli_seal_open(cli, g)			      ? "Root until"
			     : g->state == LB_STATE_ACTIVE && g->begun_s == 0 ? "Log in by"
			     : ends					      ? "Ends"
									      : "Ended",
			     text);
	}
}

static void
show_account(const struct lb_cli *cli, const struct lb_msg_grant *g)
{
	char text[64];

	if (g->account[0] == '\0')
		return;
	lb_cli_label(cli, "Account", g->account);
	snprintf(text, sizeof text, "%" PRIu32, g->uid);
	lb_cli_label(cli, "User id", text);
	if (g->state != LB_STATE_ACTIVE && g->sessions == 0)
		return;
	snprintf(text, sizeof text, "%" PRIu32 " open", g->sessions);
	lb_cli_label(cli, "Sessions", text);
}

/* The names of those who approved at a level, joined by ", ". */
static void
join_approved(char *out, size_t cap, const struct lb_msg_grant *g, size_t level)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < g->have && i < LB_APPROVALS_MAX && used < cap; i++)
		if (g->approval[i].level == level)
			used += (size_t)snprintf(out + used, cap - used, "%s%s",
						 used > 0 ? ", " : "", g->approval[i].identity);
}

/* The same of all levels. */
static void
join_all_approved(char *out, size_t cap, const struct lb_msg_grant *g)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < g->have && i < LB_APPROVALS_MAX && used < cap; i++)
		used += (size_t)snprintf(out + used, cap - used, "%s%s", used > 0 ? ", " : "",
					 g->approval[i].identity);
}

/* A line for each level: who has said yes there, who is asked now, and what comes after that. */
static void
show_levels(const struct lb_cli *cli, const struct lb_msg_grant *g)
{
	char label[16], text[2 * LB_LIST_MAX + 128], by[LB_LIST_MAX + 1];

	for (size_t i = 0; i < g->levels && i < LB_LEVELS_MAX; i++) {
		const struct lb_msg_level *l = &g->level[i];
		const char *whose = (l->flags & LB_LEVEL_CUSTOMER) != 0 ? " (customer)"
				    : (l->flags & LB_LEVEL_RULE) != 0	? " (added by this rule)"
									: "";

		snprintf(label, sizeof label, "Level %zu", i + 1);
		join_approved(by, sizeof by, g, i);
		if (l->have >= l->need)
			snprintf(text, sizeof text, "%s%s: approved by %s", l->name, whose, by);
		else if (lb_cli_waits(g) && i == g->level_now)
			snprintf(text, sizeof text, "%s%s: %u of %u%s%s, waits for %s", l->name,
				 whose, l->have, l->need, by[0] != '\0' ? ", by " : "", by,
				 g->approvers[0] != '\0' ? g->approvers : "nobody");
		else if (lb_cli_waits(g))
			snprintf(text, sizeof text, "%s%s: %u needed, asked after that", l->name,
				 whose, l->need);
		else
			snprintf(text, sizeof text, "%s%s: %u of %u%s%s", l->name, whose, l->have,
				 l->need, by[0] != '\0' ? ", by " : "", by);
		lb_cli_label(cli, label, text);
	}
}

/* How long, and from when it is counted. */
static void
show_duration(const struct lb_cli *cli, const struct lb_msg_grant *g)
{
	static const char *const from[] = {
		[LB_STARTS_CLAIM] = "",
		[LB_STARTS_APPROVAL] = ", from the approval on",
		[LB_STARTS_FIRST_LOGIN] = ", from the first login on",
	};
	char duration[LB_WHEN_TEXT], text[LB_WHEN_TEXT + 64];

	lb_cli_duration(duration, g->duration_s);
	snprintf(text, sizeof text, "%s%s", duration,
		 g->starts < LB_STARTS_COUNT ? from[g->starts] : "");
	lb_cli_label(cli, "For", text);
}

/* What it can do to the host; as good as root stands out. */
static void
show_permission(const struct lb_cli *cli, uint8_t permission)
{
	bool root = permission == LB_PERMISSION_ROOT;

	if (root)
		lb_cli_style(cli, "31");
	lb_cli_label(cli, "Permission",
		     root ? "root-equivalent: AS GOOD AS ROOT on this host"
			  : lb_permission_name(permission));
	if (root)
		lb_cli_style(cli, "0");
}

/* Whether somebody else has looked at break-glass, or by when somebody is to. */
static void
show_review(const struct lb_cli *cli, const struct lb_msg_grant *g)
{
	char when[LB_MOMENT_TEXT], text[LB_IDENTITY_MAX + LB_MOMENT_TEXT + 64];

	if (g->review == LB_REVIEW_NONE)
		return;
	if (g->review != LB_REVIEW_OPEN) {
		lb_cli_moment(when, cli, g->reviewed_s);
		snprintf(text, sizeof text, "%s, by %s %s", lb_review_name(g->review), g->reviewer,
			 when);
		lb_cli_label(cli, "Review", text);
		lb_cli_label(cli, "Comment", g->remark);
		return;
	}
	if (g->review_due_s == 0) {
		lb_cli_label(cli, "Review", "open; to be closed once it is over");
		return;
	}
	lb_cli_moment(when, cli, g->review_due_s);
	snprintf(text, sizeof text, "%s %s",
		 g->concerns & LB_CONCERNS_OVERDUE ? "OVERDUE, it was due" : "open, due", when);
	lb_cli_label(cli, "Review", text);
}

/* What an open review asks of the caller. */
static void
next_review(const struct lb_cli *cli, const struct lb_msg_grant *g)
{
	if (lb_cli_seal_open(cli, g)) {
		lb_cli_say(cli, "Whoever broke the seal is root by sudo until then, and its review "
				"stays open. To stop it, and all that runs of it, on the host:");
		fputs("    sudo /usr/share/lockbox/setup unseal\n", cli->out);
	}
	if (g->concerns & LB_CONCERNS_ALARM) {
		lb_cli_say(cli, "This was an alarm to you. Once you have seen to it:");
		lb_cli_own(cli, g->host, "acknowledge R-%" PRIu64, g->id);
	}
	if (lb_cli_seal_open(cli, g))
		return;
	if ((g->concerns & LB_CONCERNS_REVIEW) && g->review_due_s != 0) {
		lb_cli_say(cli, "You may close its review, with what you found in:");
		lb_cli_own(cli, g->host, "audit --grant R-%" PRIu64, g->id);
		lb_cli_own(cli, g->host, "review R-%" PRIu64 " --justified --comment \"...\"",
			   g->id);
		lb_cli_own(cli, g->host, "review R-%" PRIu64 " --not-justified --comment \"...\"",
			   g->id);
	} else if (g->review == LB_REVIEW_OPEN && g->review_due_s != 0 && g->others[0] != '\0') {
		lb_cli_say(cli, "Can close its review: %s. They type one of:", g->others);
		lb_cli_ssh(cli, g->host, "review R-%" PRIu64 " --justified --comment \"...\"",
			   g->id);
		lb_cli_ssh(cli, g->host, "review R-%" PRIu64 " --not-justified --comment \"...\"",
			   g->id);
	}
}

void
lb_cli_show_grant(const struct lb_cli *cli, const struct lb_msg_grant *g)
{
	char text[LB_APPROVALS_TEXT], by[LB_LIST_MAX + 1];

	lb_cli_style(cli, "1");
	fprintf(cli->out, "R-%" PRIu64, g->id);
	lb_cli_style(cli, "0");
	fputs("  ", cli->out);
	lb_cli_style(cli, state_colour(g->state));
	fputs(lb_cli_state(cli, g), cli->out);
	lb_cli_style(cli, "0");
	fputc('\n', cli->out);

	if (g->extends != 0) {
		snprintf(text, sizeof text, "R-%" PRIu64, g->extends);
		lb_cli_label(cli, "Extends", text);
	}
	lb_cli_label(cli, "Who", g->identity);
	lb_cli_label(cli, "Role", g->role);
	lb_cli_label(cli, "Resource", g->resource);
	lb_cli_label(cli, "Path", g->path);
	if (g->own[0] != '\0') {
		char account[LB_ACCOUNT_MAX + 16];

		snprintf(account, sizeof account, "%s, their own", g->own);
		lb_cli_label(cli, "Works on", account);
	}
	lb_cli_label(cli, "Host", g->host);
	show_duration(cli, g);
	lb_cli_label(cli, "Reason", g->reason);
	lb_cli_label(cli, "Ticket", g->ticket);
	lb_cli_label(cli, "Link", g->ticket_url);
	lb_cli_label(cli, "Earlier", g->earlier);
	show_permission(cli, g->permission);
	lb_cli_label(cli, "Groups", g->groups);
	show_list(cli, "Sudo", g->sudo);
	lb_cli_label(cli, "Access", g->access);
	lb_cli_label(cli, "Customer", g->customer);
	if (g->signed_approvals)
		lb_cli_label(cli, "Signature", "it takes signed approvals only");
	if (g->rule[0] != '\0') {
		snprintf(text, sizeof text, "automatically by rule %s%s", g->rule,
			 g->levels > 0 ? ", but for the customer" : "");
		lb_cli_label(cli, "Approved", text);
	}
	if (g->break_glass) {
		lb_cli_label(cli, "Approvals", "none: break-glass");
	} else if (g->rule[0] != '\0' && g->levels == 0) {
		/* That is all of it. */
	} else if (g->levels > 1) {
		show_levels(cli, g);
	} else {
		lb_cli_approvals(text, g);
		lb_cli_label(cli, "Approvals", text);
		join_all_approved(by, sizeof by, g);
		lb_cli_label(cli, "Approved by", by);
		if (lb_cli_waits(g))
			lb_cli_label(cli, "Can approve", g->approvers);
	}
	show_account(cli, g);
	show_times(cli, g);
	lb_cli_label(cli, "Cause", g->cause);
	show_review(cli, g);
}

void
lb_cli_show_signing(const struct lb_cli *cli, const char *host, const char *space,
		    const char *shows, const char *takes)
{
	lb_cli_ssh(cli, host, "%s --statement |", shows);
	fprintf(cli->out, "    ssh-keygen -Y sign -n %s -f KEY |\n  ", space);
	lb_cli_ssh(cli, host, "%s --signature -", takes);
}

static bool
is_own(const struct lb_msg_grant *g)
{
	return (g->caller & LB_CALLER_OWN) != 0;
}

static void
next_again(const struct lb_cli *cli, const struct lb_msg_grant *g)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789._-";
	char duration[LB_DURATION_TEXT], ticket[LB_TICKET_MAX + 16] = "";

	if (g->extends != 0) {
		lb_cli_own(cli, g->host, "show R-%" PRIu64, g->extends);
		return;
	}
	if (strcmp(g->role, LB_SEALED_NAME) == 0)
		return; /* no role: how it came to be, its reason says */
	lb_duration_format(duration, g->duration_s);
	if (g->ticket[0] != '\0')
		snprintf(ticket, sizeof ticket, " --ticket %s",
			 strspn(g->ticket, plain) == strlen(g->ticket) ? g->ticket : "\"...\"");
	lb_cli_say(cli, "To ask again:");
	lb_cli_own(cli, g->host, "request %s --for %s%s --reason \"...\"", g->role, duration,
		   ticket);
}

/* Ending somebody else's access: by the reader, or by whom he can call. */
static void
next_revoke(const struct lb_cli *cli, const struct lb_msg_grant *g)
{
	if (g->caller & LB_CALLER_REVOKES) {
		lb_cli_say(cli, "You can end it now:");
		lb_cli_own(cli, g->host, "revoke R-%" PRIu64 " --reason \"...\"", g->id);
	} else if (g->others[0] != '\0') {
		lb_cli_say(cli, "Can end it now: %s, with:", g->others);
		lb_cli_ssh(cli, g->host, "revoke R-%" PRIu64 " --reason \"...\"", g->id);
	}
}

static void
next_pending(const struct lb_cli *cli, const struct lb_msg_grant *g)
{
	const struct lb_msg_level *level = lb_cli_level(g);
	const char *how = g->signed_approvals
				  ? "They sign it, KEY being the file of their key, or say no"
				  : "They type one of";
	char until[LB_MOMENT_TEXT], shows[32], takes[40];

	if (g->state == LB_STATE_NOTIFIED && g->approvers[0] != '\0' && g->until_s != 0) {
		lb_cli_moment(until, cli, g->until_s);
		lb_cli_say(cli,
			   "The customer %s has been notified and has the last word; the answer "
			   "is due %s. Can give it: %s. %s:",
			   g->customer, until, g->approvers, how);
	} else if (g->approvers[0] != '\0' && level != NULL)
		lb_cli_say(cli, "It waits for level %u of %u, %s: %s. %s:", g->level_now + 1u,
			   g->levels, level->name, g->approvers, how);
	else if (g->approvers[0] != '\0')
		lb_cli_say(cli, "Can approve it: %s. %s:", g->approvers, how);
	else
		lb_cli_say(cli, "Nobody can approve it at present: tell an administrator. An "
				"approver types one of:");
	snprintf(shows, sizeof shows, "show R-%" PRIu64, g->id);
	snprintf(takes, sizeof takes, "approve R-%" PRIu64, g->id);
	if (g->signed_approvals)
		lb_cli_show_signing(cli, g->host, "lockbox-approval", shows, takes);
	else
		lb_cli_ssh(cli, g->host, "%s", takes);
	lb_cli_ssh(cli, g->host, "deny R-%" PRIu64 " --reason \"...\"", g->id);
	if (g->extends != 0) {
		lb_cli_say(cli, "R-%" PRIu64 " goes on meanwhile, and ends on time if nobody does.",
			   g->extends);
		return;
	}
	lb_cli_say(cli, "%s sees how it stands, and takes the account once it is approved, with:",
		   g->identity);
	lb_cli_ssh(cli, g->host, "status R-%" PRIu64, g->id);
	lb_cli_ssh(cli, g->host, "claim R-%" PRIu64, g->id);
}

static void
next_approved(const struct lb_cli *cli, const struct lb_msg_grant *g)
{
	char by[LB_MOMENT_TEXT] = "";

	if (g->until_s != 0)
		lb_cli_moment(by, cli, g->until_s);
	lb_cli_say(cli, "Next, %s takes the account%s%s%s", g->identity,
		   by[0] != '\0' ? "; the offer lapses " : "", by, is_own(g) ? ":" : ".");
	if (is_own(g))
		lb_cli_ssh(cli, g->host, "claim R-%" PRIu64, g->id);
	else
		next_revoke(cli, g);
}

static void
next_active(const struct lb_cli *cli, const struct lb_msg_grant *g)
{
	if (!is_own(g)) {
		next_revoke(cli, g);
		return;
	}
	if (g->own[0] == '\0') {
		lb_cli_say(cli, "Another login, or the password is lost? A new one-time password "
				"voids the last; it is given while fewer sessions are open than "
				"the role allows:");
		lb_cli_ssh(cli, g->host, "claim R-%" PRIu64, g->id);
	}
	lb_cli_say(cli, "Not done in time? Ask for more:");
	lb_cli_ssh(cli, g->host, "extend R-%" PRIu64 " --for 15m --reason \"...\"", g->id);
	lb_cli_say(cli, "Done early? End it:");
	lb_cli_ssh(cli, g->host, "end R-%" PRIu64, g->id);
}

static void
next_by_state(const struct lb_cli *cli, const struct lb_msg_grant *g)
{
	switch (g->state) {
	case LB_STATE_PENDING:
	case LB_STATE_NOTIFIED:
		next_pending(cli, g);
		return;
	case LB_STATE_APPROVED:
		next_approved(cli, g);
		return;
	case LB_STATE_ACTIVE:
		next_active(cli, g);
		return;
	case LB_STATE_ENDING:
		lb_cli_say(cli, "Nobody can log in any more; what still runs is being ended. What "
				"became of it:");
		lb_cli_own(cli, g->host, "show R-%" PRIu64, g->id);
		return;
	default:
		next_again(cli, g);
		return;
	}
}

void
lb_cli_show_next(const struct lb_cli *cli, const struct lb_msg_grant *g)
{
	if (!is_own(g) && lb_cli_over(g) && g->review != LB_REVIEW_OPEN)
		return; /* for nobody but whose it was */
	fputc('\n', cli->out);
	next_review(cli, g);
	if (lb_cli_over(g) && !is_own(g))
		return;
	if ((g->concerns & (LB_CONCERNS_ALARM | LB_CONCERNS_REVIEW)) == 0 ||
	    g->state == LB_STATE_ACTIVE || g->state == LB_STATE_APPROVED)
		next_by_state(cli, g);
}

void
lb_cli_show_claimed(const struct lb_cli *cli, const struct lb_msg_claimed *c)
{
	char ends[LB_MOMENT_TEXT], host[LB_ESCAPED(LB_HOST_MAX)];
	char account[LB_ESCAPED(LB_ACCOUNT_MAX)], password[LB_ESCAPED(LB_PASSWORD_MAX)];

	lb_text_escape(host, sizeof host, c->host);
	lb_text_escape(account, sizeof account, c->account);
	lb_text_escape(password, sizeof password, c->password);
	lb_cli_moment(ends, cli, c->end_s);
	fprintf(cli->out, "R-%" PRIu64 ": your account is ready.\n", c->id);
	lb_cli_label(cli, "Account", c->account);
	lb_cli_label(cli, "Host", c->host);
	lb_cli_label(cli, "Ends", ends);
	if (c->password[0] == '\0') {
		fputc('\n', cli->out);
		lb_cli_say(cli, "It is your own account, open for you until then. Log in as you "
				"do always; what was open before has nothing of the role:");
		fprintf(cli->out, "  ssh %s@%s\n", account, host);
		return;
	}
	fputs("\nOne-time password, good for one login and shown only this once:\n\n", cli->out);
	lb_cli_style(cli, "1");
	fputs(password, cli->out);
	lb_cli_style(cli, "0");
	fputs("\n\n", cli->out);
	lb_wipe(password, sizeof password);
	lb_cli_say(cli,
		   "Log in with your own SSH key, and give the password when it is asked for:");
	fprintf(cli->out, "  ssh %s@%s\n", account, host);
	lb_cli_say(cli, "For another login, or if the password is lost, claim again: that voids "
			"this one.");
	lb_cli_own(cli, c->host, "claim R-%" PRIu64, c->id);
}

void
lb_cli_show_role(const struct lb_cli *cli, const struct lb_msg_role *r)
{
	static const char *const rights[2][2] = {
		{"look at it only", "approve"},
		{"request", "request, approve"},
	};
	char name[LB_ESCAPED(LB_ROLE_MAX)], most[LB_WHEN_TEXT], usual[LB_WHEN_TEXT], text[160];

	lb_text_escape(name, sizeof name, r->name);
	lb_cli_style(cli, "1");
	fprintf(cli->out, "%s\n", name);
	lb_cli_style(cli, "0");
	lb_cli_label(cli, "What", r->description);
	lb_cli_duration(most, r->max_s);
	lb_cli_duration(usual, r->default_s);
	snprintf(text, sizeof text, "up to %s; %s unless you ask for another", most, usual);
	lb_cli_label(cli, "Time", text);
	if (r->starts == LB_STARTS_APPROVAL || r->starts == LB_STARTS_FIRST_LOGIN)
		lb_cli_label(cli, "Counted",
			     r->starts == LB_STARTS_APPROVAL ? "from the approval on"
							     : "from the first login on");
	if (r->hours[0] != '\0') {
		char hours[LB_HOURS_MAX + LB_ZONE_MAX + 8];

		snprintf(hours, sizeof hours, "%s (%s)", r->hours, r->time_zone);
		lb_cli_label(cli, "Hours", hours);
	}
	if (r->max_day_s != 0) {
		lb_cli_duration(most, r->max_day_s);
		snprintf(text, sizeof text, "%s at most within 24 hours", most);
		lb_cli_label(cli, "A person", text);
	}
	if (r->approvals == 0)
		snprintf(text, sizeof text, "automatic");
	else
		snprintf(text, sizeof text, "%u needed", r->approvals);
	lb_cli_label(cli, "Approvals", text);
	for (size_t i = 0; r->levels > 1 && i < r->levels && i < LB_LEVELS_MAX; i++) {
		char label[16], level[LB_TEAMS_MAX + 128];

		snprintf(label, sizeof label, "Level %zu", i + 1);
		snprintf(level, sizeof level, "%s: %u of %s", r->level[i].name, r->level[i].need,
			 (r->level[i].flags & LB_LEVEL_CUSTOMER) != 0 ? "the customer's approvers"
								      : r->level[i].teams);
		lb_cli_label(cli, label, level);
	}
	if (r->levels <= 1)
		lb_cli_label(cli, "Approvers", r->approvers);
	if (r->signed_approvals)
		lb_cli_label(cli, "Signature",
			     "approvals must be signed with ssh-keygen: show ID says how");
	show_permission(cli, r->permission);
	lb_cli_label(cli, "Groups", r->groups);
	show_list(cli, "Sudo", r->sudo);
	if (r->eligibility == LB_NEEDS_ELIGIBILITY)
		lb_cli_label(cli, "Eligibility", "needed first: see eligibility");
	lb_cli_label(cli, "Resources", r->resources);
	lb_cli_label(cli, "Path", r->path);
	lb_cli_label(cli, "Works on", r->own ? "your own Unix account" : "");
	if (r->break_glass_s != 0) {
		char longest[LB_WHEN_TEXT], glass[LB_WHEN_TEXT + 32];

		lb_cli_duration(longest, r->break_glass_s);
		snprintf(glass, sizeof glass, "%s%s", r->may_break_glass ? "yours, for " : "for ",
			 longest);
		lb_cli_label(cli, "Break-glass", glass);
	}
	lb_cli_label(cli, "You may", rights[r->may_request != 0][r->may_approve != 0]);
}

/* One fact of a record's first line; a line that would be too long goes on below. */
static void
put_fact(const struct lb_cli *cli, size_t *at, const char *fact, size_t least)
{
	char safe[LB_ESCAPED(LB_USER_MAX)];
	size_t width;

	lb_text_escape(safe, sizeof safe, fact);
	width = lb_columns_width(safe);
	if (width > LB_CLI_WIDTH - 8)
		width = LB_CLI_WIDTH - 8; /* no name that is one; --json has the whole of it */
	if (*at > 0 && *at + 2 + width > LB_CLI_WIDTH) {
		fputs("\n        ", cli->out);
		*at = 8;
	} else if (*at > 0) {
		fputs("  ", cli->out);
		*at += 2;
	}
	lb_columns_print(cli->out, safe, width);
	*at += width;
	if (width < least && *at + least - width < LB_CLI_WIDTH) {
		fprintf(cli->out, "%*s", (int)(least - width), "");
		*at += least - width;
	}
}

void
lb_cli_show_record(const struct lb_cli *cli, const struct lb_msg_record *r)
{
	char seq[32], when[LB_TIME_TEXT], grant[32] = "-", uid[16] = "-";
	char text[LB_USER_MAX + LB_DETAIL_MAX + 16], safe[LB_ESCAPED(sizeof text)];
	size_t at = 0;

	snprintf(seq, sizeof seq, "%6" PRIu64, r->seq);
	lb_time_format(when, (int64_t)r->time_s);
	if (r->grant != 0)
		snprintf(grant, sizeof grant, "R-%" PRIu64, r->grant);
	if (r->account[0] != '\0')
		snprintf(uid, sizeof uid, "%" PRIu32, r->uid);
	put_fact(cli, &at, seq, 0);
	put_fact(cli, &at, when, 0);
	put_fact(cli, &at, r->event, 9);
	put_fact(cli, &at, grant, 4);
	put_fact(cli, &at, r->identity[0] != '\0' ? r->identity : "-", 6);
	put_fact(cli, &at, r->account[0] != '\0' ? r->account : "-", 10);
	put_fact(cli, &at, uid, 0);
	fputc('\n', cli->out);
	snprintf(text, sizeof text, "%s%s%s%s", r->actor[0] != '\0' ? "by " : "", r->actor,
		 r->actor[0] != '\0' && r->detail[0] != '\0' ? ": " : "", r->detail);
	if (text[0] == '\0')
		return;
	lb_text_escape(safe, sizeof safe, text);
	fputs("        ", cli->out);
	lb_columns_wrap(cli->out, safe, 8, 8, LB_CLI_WIDTH);
}
