/* Finding and showing grants: see view.h. */
#include "keeper/view.h"

#include <stdio.h>
#include <string.h>

#include "err.h"
#include "keeper/break_glass.h"
#include "keeper/customer.h"
#include "keeper/grant.h"
#include "keeper/caller.h"
#include "keeper/levels.h"
#include "keeper/move.h"
#include "keeper/role.h"

#define OTHERS_MAX 64 /* named in one view */

bool
lb_may_see(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *grant)
{
	return who->root || strcmp(grant->identity, who->identity) == 0 ||
	       lb_levels_approver(tx, grant, who->identity) ||
	       lb_policy_is_auditor(tx->k->policy, who->identity) ||
	       lb_review_concerns(tx, who->identity, grant) != 0;
}

/* The only grant of the caller's own in one of the states.  LB_ERR_EXISTS when there are several. */
static int
find_own(struct lb_tx *tx, const char *identity, unsigned states, struct lb_grant *grant)
{
	struct lb_grant g;
	uint64_t after = 0;
	int found = 0, err;

	while ((err = lb_next_own(tx, identity, &after, &g)) == LB_OK) {
		if (!(states & 1u << g.state))
			continue;
		if (found++ == 0)
			*grant = g;
	}
	if (err != LB_ERR_NOT_FOUND)
		return err;
	return found == 0 ? LB_ERR_NOT_FOUND : found == 1 ? LB_OK : LB_ERR_EXISTS;
}

/* "approved or active"; of any state that is not over, or of none: "open" */
static void
join_states(unsigned states, char *out, size_t cap)
{
	size_t used = 0;

	snprintf(out, cap, "open");
	if ((states & 1u << LB_STATE_ENDING) != 0)
		return;
	for (uint8_t s = 1; s < LB_STATE_COUNT && used < cap; s++) {
		if ((states & 1u << s) == 0)
			continue;
		states &= ~(1u << s);
		used += (size_t)snprintf(out + used, cap - used, "%s%s",
					 used == 0     ? ""
					 : states == 0 ? " or "
						       : ", ",
					 lb_state_name(s));
	}
}

int
lb_find_grant(struct lb_tx *tx, const struct lb_caller *who, uint64_t id, unsigned states,
	      struct lb_grant *grant)
{
	char meant[128];
	int err = id != 0 ? lb_store_grant(tx->store, id, grant)
			  : find_own(tx, who->identity, states, grant);

	if (err == LB_OK && lb_may_see(tx, who, grant))
		return LB_OK;
	if (err == LB_ERR_EXISTS)
		err = lb_refuse(tx, who, LB_BAD_INPUT,
				"you have several that could be meant; name one: see status");
	else if (err != LB_OK && err != LB_ERR_NOT_FOUND)
		return err;
	else if (id == 0) {
		join_states(states, meant, sizeof meant);
		err = lb_refuse(tx, who, LB_NO_SUCH,
				"you have nothing that is %s: name what you mean, see status",
				meant);
	} else
		err = lb_refuse(tx, who, LB_NO_SUCH, "there is no R-%llu that you may see",
				(unsigned long long)id);
	return err == LB_OK ? LB_ERR_REFUSED : err;
}

/* Where the ticket is to be seen; what is no plain letter of it is written as %XX. */
static void
ticket_url(const struct lb_tx *tx, const struct lb_grant *g, char *out, size_t cap)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
	const char *url = lb_policy_host(tx->k->policy)->ticket_url, *at = strstr(url, "%s");
	char ticket[3 * LB_TICKET_MAX + 1];
	size_t used = 0;
	int n;

	if (g->ticket[0] == '\0' || at == NULL)
		return;
	for (const char *c = g->ticket; *c != '\0'; c++)
		used += (size_t)snprintf(ticket + used, sizeof ticket - used,
					 strchr(plain, *c) != NULL ? "%c" : "%%%02X",
					 (unsigned char)*c);
	n = snprintf(out, cap, "%.*s%s%s", (int)(at - url), url, ticket, at + 2);
	if (n < 0 || (size_t)n >= cap)
		out[0] = '\0'; /* part of an address leads nowhere */
}

void
lb_view(struct lb_tx *tx, const struct lb_grant *g, struct lb_msg_grant *v)
{
	char shell[LB_SHELL_MAX + 16];

	memset(v, 0, sizeof *v);
	v->id = g->id;
	v->state = g->state;
	snprintf(v->host, sizeof v->host, "%s", lb_keeper_host(tx->k));
	memcpy(v->identity, g->identity, sizeof v->identity);
	memcpy(v->role, g->role, sizeof v->role);
	memcpy(v->account, g->account, sizeof v->account);
	v->uid = g->own_uid != 0 ? g->own_uid : g->uid;
	v->duration_s = g->duration_s;
	v->requested_s = g->requested_s;
	v->until_s = g->until_s;
	/* As planned, unless it came to an end before; what never began has no end. */
	v->end_s =
		g->claimed_s != 0 || lb_state_live(g->state) || strcmp(g->role, LB_SEALED_NAME) == 0
			? g->end_s
			: 0;
	if (g->closed_s != 0 && g->closed_s < v->end_s)
		v->end_s = g->closed_s;
	else if (g->state == LB_STATE_ENDING && tx->now_s < v->end_s)
		v->end_s = tx->now_s;
	lb_levels_view(tx, g, v);
	if (lb_store_count_sessions(tx->store, g->id, &v->sessions) != LB_OK)
		v->sessions = 0;
	v->start_s = g->start_s;
	v->begun_s = g->begun_s;
	v->starts = g->starts;
	v->extends = g->extends;
	memcpy(v->resource, g->resource, sizeof v->resource);
	memcpy(v->path, g->path, sizeof v->path);
	memcpy(v->own, g->own, sizeof v->own);
	memcpy(v->ticket, g->ticket, sizeof v->ticket);
	memcpy(v->reason, g->reason, sizeof v->reason);
	memcpy(v->groups, g->groups, sizeof v->groups);
	memcpy(v->sudo, g->sudo, sizeof v->sudo);
	memcpy(v->cause, g->cause, sizeof v->cause);
	if (g->own[0] != '\0')
		snprintf(shell, sizeof shell, "the shell of their own account");
	else
		snprintf(shell, sizeof shell, "a shell (%s)", g->shell);
	snprintf(v->access, sizeof v->access, "%s, %u %s at a time, %s", shell, g->sessions_max,
		 g->sessions_max == 1 ? "session" : "sessions",
		 g->port_forwarding ? "forwards ports" : "no port forwarding");
	ticket_url(tx, g, v->ticket_url, sizeof v->ticket_url);
	if (lb_state_live(g->state))
		v->permission = lb_role_permission(lb_policy_role(tx->k->policy, g->role));
}

/* What the caller may do with it as it stands: what approve, deny and revoke would not refuse. */
static uint8_t
caller_may(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *g)
{
	bool own = strcmp(g->identity, who->identity) == 0;
	unsigned bits = own ? LB_CALLER_OWN : 0;
	enum lb_right right;

	if (!lb_state_live(g->state) || g->state == LB_STATE_ENDING ||
	    (g->until_s != 0 && tx->now_s >= g->until_s))
		return (uint8_t)bits;
	if (who->root)
		return (uint8_t)(bits | LB_CALLER_REVOKES);
	if (!lb_customer_takes(tx, g, who->identity, who->fingerprint))
		return (uint8_t)bits;
	right = lb_levels_right(tx, g, who->identity);
	if (lb_state_waits(g->state) && right != LB_RIGHT_NONE)
		bits |= LB_CALLER_DENIES | (right == LB_RIGHT_NOW ? LB_CALLER_APPROVES : 0);
	if (lb_levels_approver(tx, g, who->identity))
		bits |= LB_CALLER_REVOKES;
	return (uint8_t)bits;
}

/* Who else may revoke what was approved, or close the review of what is over. */
static void
join_others(struct lb_tx *tx, const struct lb_grant *g, char *out, size_t cap)
{
	const struct lb_policy *p = tx->k->policy;
	const char *who[OTHERS_MAX];
	struct lb_policy_names names = {who, 0};

	out[0] = '\0';
	if (g->state == LB_STATE_APPROVED || g->state == LB_STATE_ACTIVE) {
		lb_levels_others(tx, g, out, cap);
		return;
	}
	if (g->review != LB_REVIEW_OPEN || g->review_due_s == 0)
		return;
	for (size_t i = 0; i < lb_policy_identities(p) && names.count < OTHERS_MAX; i++) {
		const char *id = lb_policy_identity_at(p, i)->name;

		if ((lb_review_concerns(tx, id, g) & LB_CONCERNS_REVIEW) != 0)
			who[names.count++] = id;
	}
	lb_policy_join(out, cap, &names);
}

void
lb_view_for(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *g,
	    struct lb_msg_grant *v)
{
	lb_view(tx, g, v);
	lb_review_view(tx, who->identity, g, v);
	v->caller = caller_may(tx, who, g);
	join_others(tx, g, v->others, sizeof v->others);
}

static int
answer(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *grant, unsigned more)
{
	struct lb_msg_grant view;
	int err;

	lb_view_for(tx, who, grant, &view);
	view.caller = (uint8_t)(view.caller | more);
	err = lb_outbox_reply(&tx->out, who->target, LB_MSG_GRANT, &view);
	return err == LB_OK ? lb_done(tx, who) : err;
}

int
lb_answer_grant(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *grant)
{
	return answer(tx, who, grant, 0);
}

int
lb_answer_found(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *grant)
{
	return answer(tx, who, grant, LB_CALLER_FOUND);
}
