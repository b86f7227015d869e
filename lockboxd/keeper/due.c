/* What time demands: requests lapse, grants expire, eligibility ends. */
#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "keeper/audit.h"
#include "keeper/eligible.h"
#include "keeper/move.h"
#include "keeper/state.h"
#include "log.h"

#define NS 1000000000ll
#define BATCH_MAX 500
#define MARK_EVERY_S 10
#define FAR_S 86400 /* what is due only then does not need the clock noted that often */
#define MARK_FAR_S 3600

static const struct {
	uint8_t state;
	bool unbegun; /* its duration has not */
	const char *event, *cause;
} rows[] = {
	{LB_STATE_PENDING, true, "lapse", "nobody decided in time"},
	{LB_STATE_NOTIFIED, true, "lapse", "the customer did not answer in time"},
	{LB_STATE_APPROVED, true, "lapse", "it was not claimed in time"},
	{LB_STATE_APPROVED, false, "lapse", "it was not claimed in time"},
	{LB_STATE_ACTIVE, true, "expire", "nobody logged in in time"},
	{LB_STATE_ACTIVE, false, "expire", "its time is up"},
};

static int
time_out(struct lb_tx *tx, struct lb_grant *g)
{
	struct lb_step step;
	const char *why;
	int err = lb_grant_step(g, LB_EVENT_TIMEOUT, tx->now_s, &step, &why);

	for (size_t i = 0; err == LB_OK && i < sizeof rows / sizeof rows[0]; i++) {
		if (rows[i].state != g->state || rows[i].unbegun != (g->begun_s == 0))
			continue;
		err = lb_move(tx, g, &step, rows[i].cause);
		return err == LB_OK ? lb_audit(tx, rows[i].event, g, "", "%s", rows[i].cause) : err;
	}
	/* A deadline in a state that has none would come again for ever. */
	lb_log(LOG_ERR, "R-%llu had a deadline in state %s", (unsigned long long)g->id,
	       lb_state_name(g->state));
	g->until_s = 0;
	return lb_store_put_grant(tx->store, g);
}

/* Lapses one after the other, as many as there is room for in this turn. */
static int
run_lapses(struct lb_tx *tx, int *done)
{
	struct lb_lapse lapse;
	int err = LB_OK;

	for (; *done < BATCH_MAX; ++*done) {
		err = lb_store_first_lapse(tx->store, &lapse);
		if (err != LB_OK || lapse.until_s > tx->now_s)
			break;
		err = lb_eligible_lapse(tx, &lapse);
		if (err != LB_OK)
			return err;
	}
	return err == LB_ERR_NOT_FOUND ? LB_OK : err;
}

static int
run_due(struct lb_tx *tx, void *arg)
{
	bool *more = arg; /* may be NULL */
	struct lb_grant g;
	int err = LB_OK, done;

	for (done = 0; done < BATCH_MAX; done++) {
		err = lb_store_next_due(tx->store, &g);
		if (err != LB_OK || g.until_s > tx->now_s)
			break;
		err = time_out(tx, &g);
		if (err != LB_OK)
			return err;
	}
	if (err != LB_OK && err != LB_ERR_NOT_FOUND)
		return err;
	err = run_lapses(tx, &done);
	if (more != NULL)
		*more = done == BATCH_MAX;
	return err;
}

static void
set_alarm(struct lb_keeper *k, int64_t wall_ns, int64_t boot_ns)
{
	if (lb_alarm_set(k->alarm, wall_ns, boot_ns) != LB_OK)
		lb_fatal(1, "no alarm can be set (%m): nothing would be ended on time");
}

/* Whatever cannot be read or written now is looked at again soon. */
static void
look_again_soon(struct lb_keeper *k)
{
	k->alarm_s = UINT64_MAX;
	set_alarm(k, 0, lb_boot_ns() + NS);
}

static void
on_due(void *arg)
{
	struct lb_keeper *k = arg;
	int err;

	k->alarm_s = UINT64_MAX; /* it has fired, or the wall clock was set: to be set anew */
	err = lb_tx_run(k, run_due, NULL);
	if (err == LB_OK)
		return; /* the commit has set the alarm anew */
	lb_log(LOG_CRIT, "what is due cannot be recorded: %s; the warden ends accounts by itself",
	       lb_err_text(err));
	look_again_soon(k);
}

static int
mark(struct lb_tx *tx, void *unused)
{
	(void)unused;
	return lb_tx_mark(tx);
}

static void
mark_again(struct lb_keeper *k)
{
	static const struct timeval later = {MARK_EVERY_S, 0};

	if (k->mark_timer != NULL && event_add(k->mark_timer, &later) != 0)
		lb_log(LOG_ERR, "the clock is noted only with what happens: no memory for a timer");
}

/* As long as something waits for a time, and nothing else has noted the clock meanwhile. */
static void
on_mark_timer(evutil_socket_t fd, short what, void *arg)
{
	struct lb_keeper *k = arg;
	bool far;

	(void)fd;
	(void)what;
	if (k->alarm_s == 0)
		return;
	far = k->alarm_s > lb_keeper_now_s(k) + FAR_S;
	if (lb_boot_ns() - (int64_t)k->mark.boot_ns >= (far ? MARK_FAR_S : MARK_EVERY_S / 2) * NS &&
	    lb_tx_run(k, mark, NULL) != LB_OK)
		lb_log(LOG_ERR, "the clock could not be noted");
	mark_again(k);
}

/* When something is due next; 0: nothing is. */
static int
next_due(struct lb_keeper *k, uint64_t *until_s)
{
	struct lb_store_txn *txn;
	struct lb_lapse lapse;
	struct lb_grant g;
	int err = lb_store_begin(k->store, LB_STORE_READ, &txn), lapses;

	if (err != LB_OK)
		return err;
	err = lb_store_next_due(txn, &g);
	lapses = lb_store_first_lapse(txn, &lapse);
	lb_store_abort(txn);
	if (err != LB_OK && err != LB_ERR_NOT_FOUND)
		return err;
	if (lapses != LB_OK && lapses != LB_ERR_NOT_FOUND)
		return lapses;
	*until_s = err == LB_OK ? g.until_s : 0;
	if (lapses == LB_OK && (*until_s == 0 || lapse.until_s < *until_s))
		*until_s = lapse.until_s;
	return LB_OK;
}

void
lb_due_rearm(struct lb_keeper *k)
{
	int64_t now, in_ns;
	uint64_t until_s;
	int err;

	if (k->alarm == NULL)
		return;
	err = next_due(k, &until_s);
	if (err != LB_OK) {
		lb_log(LOG_CRIT, "what is due next cannot be read: %s", lb_err_text(err));
		look_again_soon(k);
		return;
	}
	if (until_s == k->alarm_s)
		return; /* most commits change nothing about it */
	k->alarm_s = until_s;
	if (until_s == 0) {
		set_alarm(k, 0, 0);
		return;
	}
	if (k->mark_timer != NULL && !event_pending(k->mark_timer, EV_TIMEOUT, NULL))
		mark_again(k);
	/* The keeper's clock follows whichever of the two is ahead, so both are set. */
	now = lb_clock_now_ns(&k->clock);
	in_ns = (int64_t)until_s * NS - now;
	if (in_ns < 0)
		in_ns = 0;
	set_alarm(k, (int64_t)until_s * NS, lb_boot_ns() + in_ns + 1000);
}

int
lb_due_start(struct lb_keeper *k)
{
	bool more = true;
	int err = LB_OK;

	while (err == LB_OK && more)
		err = lb_tx_run(k, run_due, &more);
	if (err != LB_OK)
		return err;
	k->alarm = lb_alarm_new(k->base, on_due, k);
	k->mark_timer = event_new(k->base, -1, 0, on_mark_timer, k);
	k->alarm_s = UINT64_MAX;
	if (k->alarm == NULL || k->mark_timer == NULL)
		return LB_ERR_NOMEM;
	lb_due_rearm(k);
	return LB_OK;
}
