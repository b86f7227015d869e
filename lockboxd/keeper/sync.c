/* Keeping the warden's table and the policy in step with the store. */
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "keeper/audit.h"
#include "keeper/break_glass.h"
#include "keeper/clocks.h"
#include "keeper/customer.h"
#include "keeper/eligible.h"
#include "keeper/levels.h"
#include "keeper/move.h"
#include "keeper/own.h"
#include "keeper/role.h"
#include "keeper/state.h"
#include "keeper/waits.h"
#include "text.h"

#define NS 1000000000ll
#define NAMED_AT_ONCE 256
#define FLUSH_MS 2000u /* for the warden to take a part of the list; it is queued otherwise */

int
lb_sync_publish(struct lb_tx *tx, const struct lb_grant *g, bool fresh)
{
	struct lb_ipc_account a = {
		.grant = g->id, .uid = g->uid, .fresh = fresh, .own_uid = g->own_uid};
	int64_t left_ns = (int64_t)g->end_s * NS - lb_clock_now_ns(&tx->k->clock);
	int err = lb_store_role_gid(tx->store, g->role, &a.role_gid);

	if (err != LB_OK)
		return err;
	memcpy(a.name, g->account, sizeof a.name);
	memcpy(a.identity, g->identity, sizeof a.identity);
	memcpy(a.role, g->role, sizeof a.role);
	/* In the terms of either clock as it stands, whatever this clock has seen before. */
	a.end_wall_ns = (uint64_t)(lb_wall_ns() + left_ns);
	a.end_boot_ns = (uint64_t)(lb_boot_ns() + left_ns);
	return lb_outbox_warden(&tx->out, LB_IPC_ACCOUNT, &a, -1);
}

static int
begin_list(struct lb_tx *tx, void *unused)
{
	(void)unused;
	return lb_outbox_warden(&tx->out, LB_IPC_SYNC_BEGIN, NULL, -1);
}

static int
name_one(struct lb_tx *tx, const struct lb_grant *g)
{
	struct lb_ipc_evict evict = {.grant = g->id, .uid = g->uid, .own_uid = g->own_uid};
	int err = LB_OK;

	if (g->state == LB_STATE_ACTIVE) {
		err = lb_sync_publish(tx, g, false);
	} else if (g->state == LB_STATE_ENDING) {
		memcpy(evict.name, g->account, sizeof evict.name);
		memcpy(evict.cause, g->cause, sizeof evict.cause);
		err = lb_outbox_warden(&tx->out, LB_IPC_EVICT, &evict, -1);
	} else {
		return LB_OK;
	}
	return err == LB_OK && g->own_uid != 0 ? lb_own_name_sessions(tx, g) : err;
}

struct list {
	uint64_t after; /* the grant that was looked at last */
	bool whole;
};

/* Some of them at a time: all at once would be more than a link holds. */
static int
name_some(struct lb_tx *tx, void *arg)
{
	struct list *list = arg;
	struct lb_grant g;
	int err = LB_OK;

	for (int i = 0; err == LB_OK && i < NAMED_AT_ONCE; i++) {
		err = lb_store_next_live(tx->store, list->after, &g);
		if (err == LB_OK) {
			list->after = g.id;
			err = name_one(tx, &g);
		}
	}
	if (err != LB_ERR_NOT_FOUND)
		return err;
	list->whole = true;
	return lb_outbox_warden(&tx->out, LB_IPC_SYNC_END, NULL, -1);
}

int
lb_sync_accounts(struct lb_keeper *k)
{
	struct list list = {0, false};
	int err = lb_tx_run(k, begin_list, NULL);

	/* Nobody is answered meanwhile, so nothing changes between two parts of the list. */
	while (err == LB_OK && !list.whole) {
		err = lb_tx_run(k, name_some, &list);
		lb_link_flush(k->warden, FLUSH_MS);
	}
	return err;
}

static bool
still_allowed(struct lb_tx *tx, const struct lb_grant *g)
{
	struct lb_tally t;

	if (!lb_role_unchanged(tx, g))
		return false;
	/* Before it is claimed an approval is worth what the policy in force makes of it. */
	lb_levels_tally(tx, g, &t);
	if (g->state == LB_STATE_NOTIFIED)
		return t.now + 1 >= g->levels;
	if (g->state == LB_STATE_APPROVED && g->break_glass)
		return lb_break_glass_may(tx, g);
	return g->state != LB_STATE_APPROVED || t.now == g->levels;
}

/* The hours of its role may have become fewer since it was claimed. */
static int
keep_hours(struct lb_tx *tx, struct lb_grant *g)
{
	char until[LB_TIME_TEXT];
	int err;

	if (g->state != LB_STATE_ACTIVE ||
	    !lb_clocks_cut(lb_policy_role(tx->k->policy, g->role), g, tx->now_s))
		return LB_OK;
	lb_waits_touch(tx->k, g->id);
	lb_time_format(until, (int64_t)g->end_s);
	err = lb_store_put_grant(tx->store, g);
	if (err == LB_OK)
		err = lb_sync_publish(tx, g, false);
	return err == LB_OK ? lb_audit(tx, "shorten", g, "",
				       "the role closes before it was to end: until %s", until)
			    : err;
}

/* What the policy in force no longer allows is taken away: an approval is not for more, or for other, than was asked. */
int
lb_sync_policy(struct lb_tx *tx, void *unused)
{
	static const char cause[] = "the policy no longer allows it";
	struct lb_grant g;
	uint64_t after = 0;
	int err;

	(void)unused;
	if ((err = lb_customers_pin(tx)) != LB_OK)
		return err;
	err = lb_eligible_sync(tx);
	if (err != LB_OK)
		return err;
	while ((err = lb_store_next_live(tx->store, after, &g)) == LB_OK) {
		struct lb_step step;
		const char *why;

		after = g.id;
		if (still_allowed(tx, &g)) {
			err = keep_hours(tx, &g);
			if (err == LB_OK)
				err = lb_eligible_settle(tx, &g);
			if (err != LB_OK)
				return err;
			continue;
		}
		if (lb_grant_step(&g, LB_EVENT_REVOKE, tx->now_s, &step, &why) != LB_OK)
			continue;
		err = lb_move(tx, &g, &step, cause);
		if (err == LB_OK)
			err = lb_audit(tx, "revoke", &g, "", "%s", cause);
		if (err != LB_OK)
			return err;
	}
	return err == LB_ERR_NOT_FOUND ? LB_OK : err;
}
