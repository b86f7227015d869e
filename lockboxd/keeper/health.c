/*
 * How the keeper stands, and setting its clock back: for root alone.
 *
 * The keeper's clock never goes back by itself.  When the host's showed a time
 * far ahead once (a dead battery, a wrong server), every later grant would be
 * measured against that, so nothing new is granted until root says that the
 * host's clock is right now.  Nobody can tell then how long what was granted
 * before has lasted, so all of it is ended.
 */
#include <string.h>

#include "err.h"
#include "keeper/audit.h"
#include "keeper/handlers.h"
#include "keeper/move.h"
#include "text.h"

#define NS 1000000000ll

static int
answer(struct lb_tx *tx, const struct lb_caller *who)
{
	struct lb_msg_health h = {.clock_s = lb_keeper_now_s(tx->k),
				  .wall_s = (uint64_t)(lb_wall_ns() / NS),
				  .clock_astray = lb_keeper_clock_astray(tx->k),
				  .store_full = tx->endings_only};
	struct lb_store_size size;
	struct lb_grant g;
	uint64_t after = 0;
	int err;

	lb_store_get_size(tx->k->store, &size);
	h.store_bytes = size.bytes;
	h.store_most = size.most;
	while ((err = lb_store_next_live(tx->store, after, &g)) == LB_OK) {
		after = g.id;
		h.live++;
	}
	if (err != LB_ERR_NOT_FOUND)
		return err;
	err = lb_outbox_reply(&tx->out, who->target, LB_MSG_HEALTH_REPORT, &h);
	return err == LB_OK ? lb_done(tx, who) : err;
}

int
lb_do_health(struct lb_tx *tx, const struct lb_caller *who, const union lb_msg *msg)
{
	(void)msg;
	return answer(tx, who);
}

static int
end_all(struct lb_tx *tx, const struct lb_caller *who, unsigned *ended)
{
	static const char cause[] = "the clock of this host was reset by root";
	struct lb_grant g;
	uint64_t after = 0;
	int err;

	*ended = 0;
	while ((err = lb_store_next_live(tx->store, after, &g)) == LB_OK) {
		struct lb_step step;
		const char *why;

		after = g.id;
		/* One whose time is over by the old clock, and not seen to yet, must not have time again. */
		if (lb_grant_step(&g, LB_EVENT_REVOKE, tx->now_s, &step, &why) != LB_OK &&
		    lb_grant_step(&g, LB_EVENT_TIMEOUT, tx->now_s, &step, &why) != LB_OK)
			continue; /* it is being ended already */
		err = lb_move(tx, &g, &step, cause);
		if (err == LB_OK)
			err = lb_audit(tx, "revoke", &g, who->actor, "%s", cause);
		if (err != LB_OK)
			return err;
		++*ended;
	}
	return err == LB_ERR_NOT_FOUND ? LB_OK : err;
}

int
lb_do_reset_clock(struct lb_tx *tx, const struct lb_caller *who, const union lb_msg *msg)
{
	char before[LB_TIME_TEXT], after[LB_TIME_TEXT];
	struct lb_keeper *k = tx->k;
	unsigned ended;
	int err;

	(void)msg;
	if (!lb_keeper_clock_astray(k))
		return lb_refuse(tx, who, LB_NOT_NOW,
				 "the clock is not astray: there is nothing to reset");
	err = end_all(tx, who, &ended);
	if (err != LB_OK)
		return err;
	lb_time_format(before, (int64_t)tx->now_s);
	lb_time_format(after, lb_wall_ns() / NS);
	err = lb_audit(tx, "clock", NULL, who->actor,
		       "set back from %s to the host's %s; %u requests and grants ended", before,
		       after, ended);
	if (err != LB_OK)
		return err;
	lb_tx_reset_clock(tx);
	return answer(tx, who);
}
