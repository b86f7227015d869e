/*
 * Transactions: begin, commit and only then act.
 */
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "keeper/state.h"

#define NS 1000000000ll
#define DAY_NS (86400 * NS)
#define MARK_EVERY_S 60u

uint64_t
lb_keeper_now_s(struct lb_keeper *k)
{
	return (uint64_t)(lb_clock_now_ns(&k->clock) / NS);
}

bool
lb_keeper_clock_astray(struct lb_keeper *k)
{
	return lb_clock_now_ns(&k->clock) - lb_wall_ns() > DAY_NS;
}

const char *
lb_keeper_host(const struct lb_keeper *k)
{
	const char *named = k->policy != NULL ? lb_policy_host(k->policy)->name : "";

	return named[0] != '\0' ? named : k->host;
}

int
lb_tx_begin(struct lb_keeper *k, struct lb_tx *tx)
{
	int err;

	memset(tx, 0, sizeof *tx);
	tx->k = k;
	lb_outbox_init(&tx->out);
	tx->now_s = lb_keeper_now_s(k);
	err = lb_store_begin(k->store, LB_STORE_WRITE, &tx->store);
	if (err == LB_ERR_FULL) {
		tx->endings_only = true;
		err = lb_store_begin(k->store, LB_STORE_WRITE_ENDING, &tx->store);
	}
	return err;
}

void
lb_tx_abort(struct lb_tx *tx)
{
	lb_store_abort(tx->store);
	lb_outbox_clear(&tx->out);
}

int
lb_tx_commit(struct lb_tx *tx)
{
	struct lb_keeper *k = tx->k;
	struct lb_out *out;
	int err = LB_OK;

	if (tx->now_s >= k->mark_s + MARK_EVERY_S)
		err = lb_store_set_clock_mark(tx->store, tx->now_s);
	if (err != LB_OK) {
		lb_tx_abort(tx);
		return err;
	}
	err = lb_store_commit(tx->store);
	if (err != LB_OK) {
		lb_outbox_clear(&tx->out);
		return err;
	}
	if (tx->now_s >= k->mark_s + MARK_EVERY_S)
		k->mark_s = tx->now_s;
	while ((out = TAILQ_FIRST(&tx->out)) != NULL) {
		TAILQ_REMOVE(&tx->out, out, next);
		k->carry_out(k, out);
	}
	k->carry_out(k, NULL);
	return LB_OK;
}

int
lb_tx_run(struct lb_keeper *k, lb_tx_body *body, void *arg)
{
	struct lb_tx tx;
	int err = lb_tx_begin(k, &tx);

	if (err != LB_OK)
		return err;
	err = body(&tx, arg);
	if (err != LB_OK) {
		lb_tx_abort(&tx);
		return err;
	}
	return lb_tx_commit(&tx);
}
