/* Claiming: the temporary account, and a one-time password each time. */
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "keeper/audit.h"
#include "keeper/break_glass.h"
#include "keeper/clocks.h"
#include "keeper/dispatch.h"
#include "keeper/eligible.h"
#include "keeper/levels.h"
#include "keeper/login.h"
#include "keeper/own.h"
#include "keeper/password.h"
#include "keeper/rules.h"
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
		  (err = lb_check_day(tx, who, role, g)) != LB_OK) ||
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

static int
answer(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *g,
       const char *password, bool fresh)
{
	struct lb_msg_claimed c = {.id = g->id, .end_s = g->end_s};
	int err;

	snprintf(c.host, sizeof c.host, "%s", lb_keeper_host(tx->k));
	memcpy(c.account, g->account, sizeof c.account);
	snprintf(c.password, sizeof c.password, "%s", password);
	if (fresh) {
		err = lb_sync_publish(tx, g, true);
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
