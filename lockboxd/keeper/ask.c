/* Requests that ask: roles, request, status and pending, show. */
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "keeper/break_glass.h"
#include "keeper/clocks.h"
#include "keeper/eligible.h"
#include "keeper/filing.h"
#include "keeper/grant.h"
#include "keeper/handlers.h"
#include "keeper/levels.h"
#include "keeper/move.h"
#include "keeper/own.h"
#include "keeper/role.h"
#include "keeper/view.h"
#include "policy/suggest.h"
#include "text.h"

#define PAGE 20		/* items in one answer */
#define EARLIER_MAX 100 /* looked at, of those with one ticket */
#define ROLES_NAMED 64	/* looked through for what was meant */

/* Whether the caller may ask for a role, and if not whether eligibility is what is missing. */
static int
note_eligibility(struct lb_tx *tx, const struct lb_caller *who, const struct lb_policy_role *role,
		 struct lb_msg_role *m)
{
	char why[LB_REASON_MAX + 1];
	bool may = lb_policy_may_request(tx->k->policy, role->name, who->identity);
	int err = lb_eligible(tx, who->identity, role, why, sizeof why);

	if (err != LB_OK && err != LB_ERR_REFUSED)
		return err;
	m->may_request = may && err == LB_OK;
	m->may_break_glass = m->may_request && lb_policy_breaks_glass(role, who->identity);
	m->break_glass_s = role->break_glass_s;
	if (lb_policy_needs_eligibility(role))
		m->eligibility = m->may_request ? LB_NEEDS_AND_HAS : LB_NEEDS_ELIGIBILITY;
	return LB_OK;
}

static void
join_resources(const struct lb_policy_role *role, char *out, size_t cap)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < role->resource_count && used < cap - 8; i++)
		used += (size_t)snprintf(out + used, cap - used, "%s%s", used > 0 ? ", " : "",
					 role->resources[i].name);
	if (used >= cap - 8)
		memcpy(out + cap - 4, "...", 4);
}

int
lb_do_roles(struct lb_tx *tx, const struct lb_caller *who, const union lb_msg *msg)
{
	const struct lb_policy *p = tx->k->policy;
	char path[LB_POLICY_ACCESS_TEXT];
	int err = LB_OK;

	(void)msg;
	for (size_t i = 0; err == LB_OK && i < lb_policy_roles(p); i++) {
		const struct lb_policy_role *r = lb_policy_role_at(p, i);
		struct lb_msg_role m = {0};

		snprintf(m.name, sizeof m.name, "%s", r->name);
		snprintf(m.description, sizeof m.description, "%s", r->description);
		m.max_s = r->max_duration_s;
		m.default_s = r->default_duration_s;
		m.starts = (uint8_t)r->starts;
		m.start_ahead_s = r->start_ahead_s;
		m.max_day_s = r->max_day_s;
		m.own = lb_policy_role_own(r);
		m.permission = lb_role_permission(r);
		lb_policy_join(m.hours, sizeof m.hours, &r->hours);
		join_resources(r, m.resources, sizeof m.resources);
		lb_policy_role_access(r, path);
		snprintf(m.path, sizeof m.path, "%.140s", path);
		if (r->hours.count > 0)
			snprintf(m.time_zone, sizeof m.time_zone, "%s", r->time_zone);
		if ((err = note_eligibility(tx, who, r, &m)) != LB_OK)
			return err;
		m.may_approve = lb_policy_may_approve(p, r->name, who->identity);
		if (!lb_policy_may_request(p, r->name, who->identity) && !m.may_approve &&
		    !who->root && !lb_policy_is_auditor(p, who->identity))
			continue;
		lb_levels_of_role(tx, r, &m);
		lb_role_texts(r, m.groups, m.sudo);
		err = lb_outbox_reply(&tx->out, who->target, LB_MSG_ROLE, &m);
	}
	return err == LB_OK ? lb_done(tx, who) : err;
}

/* Break-glass waits for nobody, so what is to be found is approved, or in use. */
static bool
same_kind(const struct lb_grant *g, bool break_glass)
{
	if (!break_glass)
		return lb_state_waits(g->state) ||
		       (g->state == LB_STATE_APPROVED && g->rule[0] != '\0');
	return g->break_glass && (g->state == LB_STATE_APPROVED || g->state == LB_STATE_ACTIVE);
}

/* The same request, already waiting, or approved by a rule: found instead of made twice. */
static int
find_same(struct lb_tx *tx, const struct lb_caller *who, const struct lb_msg_request *r,
	  const struct lb_policy_role *role, uint32_t duration_s, struct lb_grant *same)
{
	struct lb_grant g;
	uint64_t after = 0;
	int err, found = LB_ERR_NOT_FOUND;

	while ((err = lb_next_own(tx, who->identity, &after, &g)) == LB_OK) {
		if (same_kind(&g, r->break_glass) && strcmp(g.role, role->name) == 0 &&
		    g.duration_s == duration_s && strcmp(g.reason, r->reason) == 0 &&
		    strcmp(g.ticket, r->ticket) == 0 && g.extends == 0 && g.start_s == r->start_s &&
		    tx->now_s < g.until_s) {
			*same = g;
			found = LB_OK;
		}
	}
	return err == LB_ERR_NOT_FOUND ? found : err;
}

/*
 * Why there is no such role: what may have been meant, or what may be asked for.  Only roles that
 * the caller may request are named.
 */
static const char *
no_such_role(const struct lb_policy *p, const struct lb_caller *who, const struct lb_msg_request *r,
	     char *out, size_t cap)
{
	const char *name[ROLES_NAMED];
	struct lb_policy_names names = {name, 0};
	char all[160], hint[200], none[sizeof all + 32];

	for (size_t i = 0; i < lb_policy_roles(p) && names.count < ROLES_NAMED; i++)
		if (lb_policy_may_request(p, lb_policy_role_at(p, i)->name, who->identity))
			name[names.count++] = lb_policy_role_at(p, i)->name;
	lb_policy_join(all, sizeof all, &names);
	snprintf(none, sizeof none, "%s%s", names.count > 0 ? "you may ask for: " : "see roles",
		 all);
	lb_suggest(hint, sizeof hint, r->role, name, r->resource[0] != '\0' ? 0 : names.count,
		   none);
	snprintf(out, cap, "there is no such role%s that you may request%s",
		 r->resource[0] != '\0' ? " and resource" : "", hint);
	return out;
}

/* NULL when the request is in order; else the refusal, with its code. */
static const char *
find_fault(const struct lb_tx *tx, const struct lb_caller *who, const struct lb_msg_request *r,
	   const struct lb_policy_role *role, uint32_t duration_s, enum lb_refusal *code)
{
	static char text[LB_REASON_MAX];
	char max[LB_DURATION_TEXT], resources[LB_RESOURCES_MAX + 1];

	*code = LB_BAD_INPUT;
	if (!lb_text_plain(r->reason) || !lb_text_plain(r->ticket))
		return "the reason or ticket holds control characters or is no UTF-8; write it on "
		       "one plain line";
	if (strspn(r->reason, " ") == strlen(r->reason))
		return "a reason is needed: --reason \"why you need this\"";
	if (role == NULL || !lb_policy_may_request(tx->k->policy, role->name, who->identity)) {
		*code = LB_NO_SUCH;
		return no_such_role(tx->k->policy, who, r, text, sizeof text);
	}
	if (role->resource_count > 0) {
		join_resources(role, resources, sizeof resources);
		snprintf(text, sizeof text,
			 "%.28s is granted for one of its resources: --resource %s%s%.300s",
			 role->name, role->resources[0].name,
			 role->resource_count > 1 ? ", of " : "",
			 role->resource_count > 1 ? resources : "");
		return text;
	}
	if (lb_policy_role_own(role) && !lb_own_account(tx->k->policy, who->identity)) {
		*code = LB_NOT_NOW;
		snprintf(text, sizeof text,
			 "%.28s is for your own Unix account here, and the policy names none of "
			 "yours, or one that is no ordinary user's; the host's operators can write "
			 "unix-user",
			 role->name);
		return text;
	}
	if (duration_s > role->max_duration_s) {
		*code = LB_OVER_LIMIT;
		lb_duration_format(max, role->max_duration_s);
		snprintf(text, sizeof text,
			 "%.28s is granted for at most %s; ask for --for %s or less", role->name,
			 max, max);
		return text;
	}
	return lb_clocks_fault(role, r->start_s, tx->now_s, code);
}

/* A role, or what it is for one of its resources. */
static const struct lb_policy_role *
role_of(const struct lb_tx *tx, const struct lb_msg_request *r)
{
	char name[LB_ROLE_MAX + LB_IDENTITY_MAX + 3];

	if (r->resource[0] == '\0')
		return lb_policy_role(tx->k->policy, r->role);
	snprintf(name, sizeof name, "%s--%s", r->role, r->resource);
	return lb_policy_role(tx->k->policy, name);
}

int
lb_do_request(struct lb_tx *tx, const struct lb_caller *who, const union lb_msg *msg)
{
	const struct lb_msg_request *r = &msg->request;
	const struct lb_policy_role *role = role_of(tx, r);
	uint32_t duration_s = r->duration_s;
	struct lb_grant g = {.state = LB_STATE_PENDING};
	char lacks[LB_REASON_MAX + 1];
	enum lb_refusal code;
	const char *fault;
	int err;

	if (duration_s == 0 && role != NULL)
		duration_s = lb_break_glass_default(role, r->break_glass);
	fault = find_fault(tx, who, r, role, duration_s, &code);
	if (fault != NULL)
		return lb_refuse(tx, who, code, "%s", fault);
	err = lb_eligible(tx, who->identity, role, lacks, sizeof lacks);
	if (err == LB_ERR_REFUSED)
		return lb_refuse(tx, who, LB_NOT_ELIGIBLE, "you cannot ask for %s now: %.400s",
				 role->name, lacks);
	if (err != LB_OK)
		return err;
	if (lb_keeper_clock_astray(tx->k))
		return lb_refuse(
			tx, who, LB_NOT_NOW,
			"the host's clock is more than a day behind what it has shown; the "
			"operators must set it right first");
	if (r->break_glass && (err = lb_break_glass_check(tx, who, role, r, duration_s)) != LB_OK)
		return lb_settled(err);
	err = find_same(tx, who, r, role, duration_s, &g);
	if (err == LB_OK)
		return lb_answer_found(tx, who, &g);
	if (err != LB_ERR_NOT_FOUND)
		return err;
	memcpy(g.reason, r->reason, sizeof g.reason);
	memcpy(g.ticket, r->ticket, sizeof g.ticket);
	g.duration_s = duration_s;
	g.start_s = r->start_s;
	g.break_glass = r->break_glass;
	return lb_file_request(tx, who, role, &g);
}

/* Whether a grant belongs into the list that was asked for. */
static bool
listed(struct lb_tx *tx, const struct lb_caller *who, uint8_t which, const struct lb_grant *g)
{
	if (which == LB_LIST_MINE)
		return true;
	if (which == LB_LIST_ALL)
		return lb_may_see(tx, who, g);
	if (which == LB_LIST_REVIEWS)
		return lb_review_lists(tx, who, g);
	if (!lb_state_waits(g->state) || tx->now_s >= g->until_s)
		return false;
	return who->root || lb_levels_right(tx, g, who->identity) == LB_RIGHT_NOW;
}

int
lb_do_list(struct lb_tx *tx, const struct lb_caller *who, const union lb_msg *msg)
{
	struct lb_msg_done done = {.cursor = msg->list.after};
	struct lb_msg_grant view;
	struct lb_grant g;
	unsigned sent = 0;
	int err;

	if (msg->list.which < LB_LIST_MINE || msg->list.which > LB_LIST_REVIEWS)
		return lb_refuse(tx, who, LB_BAD_INPUT, "no such list");
	for (;;) {
		err = msg->list.which == LB_LIST_MINE && !who->root
			      ? lb_store_next_of(tx->store, who->identity, done.cursor, &g)
		      : msg->list.which == LB_LIST_REVIEWS
			      ? lb_store_next_review(tx->store, done.cursor, &g)
			      : lb_store_next_live(tx->store, done.cursor, &g);
		if (err != LB_OK)
			break;
		if (sent == PAGE) {
			done.more = 1;
			break;
		}
		done.cursor = g.id;
		if (!listed(tx, who, msg->list.which, &g))
			continue;
		lb_view_for(tx, who, &g, &view);
		err = lb_outbox_reply(&tx->out, who->target, LB_MSG_GRANT, &view);
		if (err != LB_OK)
			return err;
		sent++;
	}
	if (err != LB_OK && err != LB_ERR_NOT_FOUND)
		return err;
	return lb_outbox_reply(&tx->out, who->target, LB_MSG_DONE, &done);
}

/*
 * Requests with the same ticket before this one, the latest first, as far as the
 * caller may see them.  It ends with "..." when there are more, or may be.
 */
static int
list_earlier(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *g, char *out,
	     size_t cap)
{
	struct lb_grant e = {.id = g->id};
	char one[64];
	size_t used = 0;
	int err = LB_ERR_NOT_FOUND;

	out[0] = '\0';
	if (g->ticket[0] == '\0')
		return LB_OK;
	for (unsigned looked = 0;
	     (err = lb_store_prev_ticket(tx->store, g->ticket, e.id, &e)) == LB_OK; looked++) {
		if (lb_may_see(tx, who, &e))
			snprintf(one, sizeof one, "%sR-%llu %s", used > 0 ? ", " : "",
				 (unsigned long long)e.id, lb_state_name(e.state));
		else
			one[0] = '\0';
		if (looked == EARLIER_MAX || used + strlen(one) + sizeof ", ..." > cap) {
			snprintf(out + used, cap - used, "%s...", used > 0 ? ", " : "");
			break;
		}
		used += (size_t)snprintf(out + used, cap - used, "%s", one);
	}
	return err == LB_ERR_NOT_FOUND ? LB_OK : err;
}

int
lb_do_show(struct lb_tx *tx, const struct lb_caller *who, const union lb_msg *msg)
{
	struct lb_msg_grant view;
	struct lb_grant g;
	int err = lb_find_grant(tx, who, msg->act.id, ~0u, &g);

	if (err != LB_OK)
		return lb_settled(err);
	lb_view_for(tx, who, &g, &view);
	err = list_earlier(tx, who, &g, view.earlier, sizeof view.earlier);
	if (err == LB_OK)
		err = lb_outbox_reply(&tx->out, who->target, LB_MSG_GRANT, &view);
	return err == LB_OK ? lb_done(tx, who) : err;
}
