/* The clocks of a grant: see clocks.h. */
#include "keeper/caller.h"
#include "keeper/clocks.h"

#include <stdio.h>
#include <string.h>

#include "err.h"
#include "text.h"

#define DAY_S 86400u
#define LOOKED_AT_MAX 1000 /* grants of one person that began within two days */

static uint64_t
earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t
later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* The duration begins at this moment, and ends with the role's hours at the latest. */
static void
begin(const struct lb_policy_role *role, struct lb_grant *g, uint64_t begin_s)
{
	g->begun_s = begin_s;
	g->end_s = earlier(begin_s + g->duration_s, lb_policy_role_closes(role, begin_s));
}

const char *
lb_clocks_fault(const struct lb_policy_role *role, uint64_t start_s, uint64_t now_s,
		enum lb_refusal *code)
{
	static char text[LB_REASON_MAX];
	uint64_t begin_s = later(now_s, start_s), opens_s;
	char ahead[LB_DURATION_TEXT], when[LB_TIME_TEXT];

	if (start_s != 0 && start_s < now_s) {
		*code = LB_BAD_INPUT;
		lb_time_format(when, (int64_t)start_s);
		snprintf(text, sizeof text, "--start-at %s is over; name a time to come", when);
		return text;
	}
	if (begin_s - now_s > role->start_ahead_s) {
		*code = LB_OVER_LIMIT;
		lb_duration_format(ahead, role->start_ahead_s);
		snprintf(text, sizeof text, "%.28s may begin at most %s after it is asked for",
			 role->name, ahead);
		return text;
	}
	opens_s = lb_policy_role_opens(role, begin_s);
	if (opens_s > begin_s) {
		*code = LB_NOT_NOW;
		lb_time_format(when, (int64_t)opens_s);
		snprintf(text, sizeof text,
			 "%.28s is closed %s: it opens at %s; ask with --start-at %s", role->name,
			 start_s == 0 ? "now" : "then", when, when);
		return text;
	}
	return NULL;
}

void
lb_clocks_requested(const struct lb_policy_role *role, struct lb_grant *g, uint64_t now_s)
{
	g->requested_s = now_s;
	g->until_s = now_s + role->request_lifetime_s;
	g->starts = (uint8_t)role->starts;
}

uint64_t
lb_clocks_claimable(const struct lb_policy_role *role, const struct lb_grant *g, uint64_t now_s)
{
	return lb_policy_role_opens(role, later(now_s, g->start_s));
}

void
lb_clocks_approved(const struct lb_policy_role *role, struct lb_grant *g, uint64_t now_s)
{
	uint64_t from_s = lb_clocks_claimable(role, g, now_s);

	g->until_s = from_s + role->claim_window_s;
	if (g->starts != LB_STARTS_APPROVAL)
		return;
	begin(role, g, from_s);
	g->until_s = earlier(g->until_s, g->end_s);
}

void
lb_clocks_claimed(const struct lb_policy_role *role, struct lb_grant *g, uint64_t now_s)
{
	g->claimed_s = now_s;
	if (g->starts == LB_STARTS_CLAIM)
		begin(role, g, now_s);
	else if (g->starts == LB_STARTS_FIRST_LOGIN)
		g->end_s =
			earlier(now_s + role->claim_window_s, lb_policy_role_closes(role, now_s));
	g->until_s = g->end_s;
}

/* When the last approval was given; nobody had to approve what a rule did, or break-glass. */
static uint64_t
approved_s(const struct lb_grant *g)
{
	uint64_t at_s = g->requested_s;

	for (size_t i = 0; i < g->have; i++)
		at_s = later(at_s, g->approval[i].at_s);
	return at_s;
}

void
lb_clocks_unmade(const struct lb_policy_role *role, struct lb_grant *g)
{
	g->claimed_s = 0;
	g->until_s = lb_clocks_claimable(role, g, approved_s(g)) + role->claim_window_s;
	if (g->starts == LB_STARTS_APPROVAL)
		g->until_s = earlier(g->until_s, g->end_s);
	else
		g->begun_s = g->end_s = 0;
}

bool
lb_clocks_login(const struct lb_policy_role *role, struct lb_grant *g, uint64_t now_s)
{
	if (g->begun_s != 0)
		return false;
	begin(role, g, now_s);
	g->until_s = g->end_s;
	return true;
}

bool
lb_clocks_cut(const struct lb_policy_role *role, struct lb_grant *g, uint64_t now_s)
{
	uint64_t closes_s = lb_policy_role_closes(role, now_s);

	if (closes_s >= g->end_s)
		return false;
	g->end_s = closes_s;
	g->until_s = earlier(g->until_s, closes_s);
	return true;
}

/* When a grant began, or is to begin: for one that waits as soon as it may. */
static uint64_t
begins(const struct lb_grant *g, uint64_t now_s)
{
	if (g->claimed_s != 0)
		return g->begun_s != 0 ? g->begun_s : g->claimed_s;
	return later(now_s, g->start_s);
}

/* How much of its time a grant has had, or may have still. */
static uint64_t
takes(const struct lb_grant *g)
{
	uint64_t end_s = g->closed_s != 0 ? earlier(g->closed_s, g->end_s) : g->end_s;

	if (g->begun_s == 0 || g->claimed_s == 0)
		return lb_state_live(g->state) ? g->duration_s : 0;
	return end_s > g->begun_s ? end_s - g->begun_s : 0;
}

/* All resources of a role count as the role. */
static const char *
whole_role(const struct lb_tx *tx, const char *name)
{
	const struct lb_policy_role *role = lb_policy_role(tx->k->policy, name);

	return role != NULL && role->base != NULL ? role->base : name;
}

/* Within a day of that moment, and of that role. */
static bool
counts(const struct lb_tx *tx, const struct lb_grant *g, const char *role, uint64_t around_s)
{
	uint64_t begun_s = begins(g, tx->now_s);

	return begun_s + DAY_S > around_s && around_s + DAY_S > begun_s &&
	       strcmp(whole_role(tx, g->role), whole_role(tx, role)) == 0;
}

int
lb_clocks_granted(struct lb_tx *tx, const char *identity, const char *role, uint64_t but,
		  uint64_t around_s, uint64_t *seconds)
{
	struct lb_grant g = {.id = 0};
	uint64_t sum = 0;
	unsigned looked = 0;
	int err;

	while ((err = lb_store_next_own(tx->store, identity, g.id, &g)) == LB_OK)
		if (g.id != but && counts(tx, &g, role, around_s))
			sum += takes(&g);
	if (err != LB_ERR_NOT_FOUND)
		return err;
	/* What is over took something only if its time had begun. */
	g.begun_s = around_s > DAY_S ? around_s - DAY_S : 0;
	g.id = 0;
	while ((err = lb_store_next_begun(tx->store, identity, g.begun_s, g.id, &g)) == LB_OK &&
	       g.begun_s < around_s + DAY_S) {
		if (++looked > LOOKED_AT_MAX)
			return LB_ERR_TOO_LONG;
		if (!lb_state_live(g.state) && g.id != but && counts(tx, &g, role, around_s))
			sum += takes(&g);
	}
	if (err != LB_OK && err != LB_ERR_NOT_FOUND)
		return err;
	*seconds = sum;
	return LB_OK;
}

int
lb_clocks_day(struct lb_tx *tx, const struct lb_caller *who, const struct lb_policy_role *role,
	      const struct lb_grant *g)
{
	char max[LB_DURATION_TEXT], had[LB_DURATION_TEXT], left[LB_DURATION_TEXT];
	const char *name;
	uint64_t granted = 0;
	int err;

	if (role->max_day_s == 0)
		return LB_OK;
	err = lb_clocks_granted(tx, g->identity, role->name, g->id,
				g->start_s > tx->now_s ? g->start_s : tx->now_s, &granted);
	if (err == LB_ERR_TOO_LONG)
		granted = role->max_day_s;
	else if (err != LB_OK)
		return err;
	if (granted + g->duration_s <= role->max_day_s)
		return LB_OK;
	name = strcmp(g->identity, who->identity) == 0 ? "you" : g->identity;
	lb_duration_format(max, role->max_day_s);
	lb_duration_format(had, granted);
	lb_duration_format(left, granted < role->max_day_s ? role->max_day_s - granted : 0);
	if (granted < role->max_day_s)
		err = lb_refuse(tx, who, LB_OVER_LIMIT,
				"one person is granted %s for at most %s within 24 hours, and %s "
				"may use %s of that already: %s is left; ask for --for %s or less",
				role->name, max, name, had, left, left);
	else
		err = lb_refuse(tx, who, LB_OVER_LIMIT,
				"one person is granted %s for at most %s within 24 hours, and %s "
				"may use all of that already: cancel what is not needed, or ask "
				"again 24 hours after it began",
				role->name, max, name);
	return err == LB_OK ? LB_ERR_REFUSED : err;
}
