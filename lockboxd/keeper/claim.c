/* Claiming: the temporary account, and a one-time password each time. */
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "keeper/audit.h"
#include "keeper/break_glass.h"
#include "keeper/clocks.h"
#include "keeper/eligible.h"
#include "keeper/claim.h"
#include "keeper/handlers.h"
#include "keeper/levels.h"
#include "keeper/login.h"
#include "keeper/move.h"
#include "keeper/own.h"
#include "keeper/password.h"
#include "keeper/role.h"
#include "keeper/rules.h"
#include "keeper/view.h"
#include "text.h"
#include "wipe.h"

/* Allots name and uid: each serial is handed out once, whatever becomes of it. */
static int
allot(struct lb_tx *tx, struct lb_grant *g)
{
	uint32_t serial;
	int err = lb_store_next_serial(tx->store, &serial);

	if (err != LB_OK)
		return err;
	g->uid = lb_account_uid(serial);
	if (g->uid == 0)
		return LB_ERR_FULL;
	lb_clocks_claimed(lb_policy_role(tx->k->policy, g->role), g, tx->now_s);
	if (g->own[0] != '\0') {
		g->own_uid = lb_own_account(tx->k->policy, g->identity);
		memcpy(g->account, g->own, sizeof g->account);
		/* The role was looked at, and so was the account; LCOV_EXCL_START */
		return g->own_uid != 0 ? LB_OK : LB_ERR_INTERNAL;
		/* LCOV_EXCL_STOP */
	}
	return lb_account_name(g->account, g->identity, serial);
}

/* Each account of a grant whose making fails uses up a uid: not more often than a person would try. */
static int
spend_uid(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *g)
{
	char key[LB_BUDGET_KEY_MAX + 1];
	unsigned held, wait_s;
	int err;

	snprintf(key, sizeof key, "R-%llu", (unsigned long long)g->id);
	if (lb_budget_take(&tx->k->made, key, (int64_t)tx->now_s * 1000000000ll, &held, &wait_s))
		return LB_OK;
	err = lb_refuse(tx, who, LB_OVER_LIMIT,
			"the account of R-%llu could not be made %u times; it is approved still: "
			"have the fault put right, and claim it in %u s",
			(unsigned long long)g->id, LB_MADE_BURST, wait_s);
	return err == LB_OK ? LB_ERR_REFUSED : err;
}

int
lb_claim_undo(struct lb_tx *tx, const struct lb_policy_role *role, struct lb_grant *g,
	      const struct lb_step *step, const char *fault)
{
	char cause[LB_REASON_MAX + 1];
	int err = lb_audit(tx, "account-refused", g, "",
			   "the account could not be made: %.400s; the grant is approved as before",
			   fault);

	if (err == LB_OK)
		err = lb_extension_drop(tx, g);
	lb_clocks_unmade(role, g);
	lb_password_void(g, LB_OTP_NONE);
	memset(g->account, 0, sizeof g->account);
	g->uid = g->own_uid = 0;
	snprintf(cause, sizeof cause,
		 "the account could not be made: %.300s; have that put right, then claim it again",
		 fault);
	return err == LB_OK ? lb_move(tx, g, step, cause) : err;
}

/* What stands in the way of a password, beyond the state. */
static int
check(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *g)
{
	const struct lb_policy_role *role = lb_policy_role(tx->k->policy, g->role);
	char from[LB_TIME_TEXT];
	char lacks[LB_REASON_MAX + 1];
	uint32_t sessions;
	unsigned need;
	int err = LB_OK, eligible = lb_eligible(tx, g->identity, role, lacks, sizeof lacks);

	if (eligible != LB_OK && eligible != LB_ERR_REFUSED)
		return eligible;
	if (strcmp(g->identity, who->identity) != 0)
		err = lb_refuse(tx, who, LB_NO_PERMISSION, "only its engineer can claim R-%llu",
				(unsigned long long)g->id);
	else if (!lb_role_unchanged(tx, g))
		err = lb_refuse(
			tx, who, LB_NOT_NOW,
			"the role or its people have changed since the approval; request it anew");
	else if (eligible != LB_OK)
		err = lb_refuse(tx, who, LB_NOT_ELIGIBLE, "you cannot be given %s now: %.400s",
				g->role, lacks);
	else if (g->state == LB_STATE_APPROVED && g->break_glass && !lb_break_glass_may(tx, g))
		err = lb_refuse(
			tx, who, LB_NOT_NOW,
			"break-glass is not yours to use any more, or its customer consents "
			"no more; request it anew");
	else if (g->state == LB_STATE_APPROVED && !g->break_glass &&
		 lb_levels_count(tx, g, &need) < need)
		err = lb_refuse(
			tx, who, LB_NOT_NOW,
			"the policy has changed since the approval: it takes %u and fewer of them "
			"still count; request it anew",
			need);
	else if (g->state == LB_STATE_APPROVED && !lb_rules_claimable(tx, g))
		err = lb_refuse(tx, who, LB_NOT_NOW,
				"a rule of the policy asks for more, for a grant that begins now, "
				"than R-%llu was approved with; request it anew",
				(unsigned long long)g->id);
	else if (g->state == LB_STATE_APPROVED && lb_keeper_clock_astray(tx->k))
		err = lb_refuse(tx, who, LB_NOT_NOW,
				"the host's clock is more than a day behind what it has shown; the "
				"operators must set it right first");
	else if (g->state == LB_STATE_APPROVED &&
		 lb_clocks_claimable(role, g, tx->now_s) > tx->now_s) {
		lb_time_format(from, (int64_t)lb_clocks_claimable(role, g, tx->now_s));
		err = lb_refuse(tx, who, LB_NOT_NOW, "R-%llu can be claimed from %s on",
				(unsigned long long)g->id, from);
	} else if (g->state != LB_STATE_APPROVED &&
		   lb_policy_role_opens(role, tx->now_s) > tx->now_s)
		err = lb_refuse(tx, who, LB_NOT_NOW, "%s is closed now", g->role);
	else if ((g->state == LB_STATE_APPROVED &&
		  (err = lb_clocks_day(tx, who, role, g)) != LB_OK) ||
		 (g->own[0] == '\0' &&
		  (err = lb_store_count_sessions(tx->store, g->id, &sessions)) != LB_OK))
		return err;
	else if (g->own[0] != '\0')
		return lb_own_check(tx, who, g);
	else if (sessions >= lb_role_sessions(role, g))
		err = lb_refuse(
			tx, who, LB_NOT_NOW,
			"a session of R-%llu is open, and it allows %u at a time; a new password "
			"is given when one closes",
			(unsigned long long)g->id, lb_role_sessions(role, g));
	else
		return LB_OK;
	return err == LB_OK ? LB_ERR_REFUSED : err;
}

/* True while another claim of the same grant waits for the account to be made. */
static bool
awaited(const struct lb_tx *tx, uint32_t uid)
{
	const struct lb_out *out;

	TAILQ_FOREACH(out, &tx->k->awaiting, next)
	if (out->uid == uid && out->session == 0)
		return true;
	TAILQ_FOREACH(out, &tx->out, next)
	if (out->kind == LB_OUT_AWAIT && out->uid == uid && out->session == 0)
		return true;
	return false;
}

static int
answer(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *g,
       const char *password, bool fresh)
{
	struct lb_msg_claimed c = {.id = g->id, .end_s = g->end_s};
	int err;

	snprintf(c.host, sizeof c.host, "%s", lb_keeper_host(tx->k));
	memcpy(c.account, g->account, sizeof c.account);
	snprintf(c.password, sizeof c.password, "%s", password);
	if (fresh || awaited(tx, g->uid)) {
		err = fresh ? lb_sync_publish(tx, g, true) : LB_OK;
		if (err == LB_OK)
			err = lb_outbox_await(&tx->out, who->target, g->uid, 0, LB_MSG_CLAIMED, &c);
	} else {
		err = lb_outbox_reply(&tx->out, who->target, LB_MSG_CLAIMED, &c);
		if (err == LB_OK)
			err = lb_done(tx, who);
	}
	lb_wipe(&c, sizeof c);
	return err;
}

int
lb_do_claim(struct lb_tx *tx, const struct lb_caller *who, const union lb_msg *msg)
{
	char password[LB_OTP_TEXT];
	struct lb_step step;
	struct lb_grant g;
	const char *why;
	bool fresh;
	int err = lb_find_grant(tx, who, msg->act.id,
				1u << LB_STATE_APPROVED | 1u << LB_STATE_ACTIVE, &g);

	if (err == LB_OK)
		err = check(tx, who, &g);
	if (err != LB_OK)
		return lb_settled(err);
	if (lb_grant_step(&g, LB_EVENT_CLAIM, tx->now_s, &step, &why) != LB_OK)
		return lb_refuse(tx, who, LB_NOT_NOW, "R-%llu %s", (unsigned long long)g.id, why);
	if ((err = lb_spend(tx, who)) != LB_OK)
		return lb_settled(err);
	fresh = (step.todo & LB_DO_ACCOUNT) != 0;
	if (fresh && (err = spend_uid(tx, who, &g)) != LB_OK)
		return lb_settled(err);
	if (fresh)
		memset(g.cause, 0, sizeof g.cause); /* why it could not be made before */
	if (fresh && (err = allot(tx, &g)) != LB_OK)
		return err == LB_ERR_FULL
			       ? lb_refuse(tx, who, LB_STORE_FULL,
					   "the range of user ids of this host is used up")
			       : err;
	password[0] = '\0';
	if (g.own[0] == '\0')
		lb_password_make(&g, password);
	lb_login_forget_tries(tx->k, g.id);
	err = lb_move(tx, &g, &step, "");
	if (err == LB_OK)
		err = lb_audit(tx, "claim", &g, who->actor, "%s%s%s",
			       g.own[0] != '\0' ? (fresh ? "its own account is opened"
							 : "the account is open already")
			       : fresh		? "account made"
						: "new one-time password, the last one is void",
			       who->fingerprint[0] ? ", key " : "", who->fingerprint);
	if (err == LB_OK)
		err = answer(tx, who, &g, password, fresh);
	lb_wipe(password, sizeof password);
	return err;
}
