/*
 * Transactions: begin, commit and only then act.
 */
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "keeper/state.h"
#include "log.h"

#define NS 1000000000ll
#define DAY_NS (86400 * NS)

uint64_t
lb_keeper_now_s(struct lb_keeper *k)
{
	return (uint64_t)(lb_clock_now_ns(&k->clock) / NS);
}

int
lb_keeper_clock_resume(struct lb_keeper *k)
{
	struct lb_store_txn *txn;
	int err = lb_store_begin(k->store, LB_STORE_READ, &txn);
	bool same;

	if (err != LB_OK)
		return err;
	err = lb_store_clock_mark(txn, &k->mark);
	lb_store_abort(txn);
	if (err != LB_OK)
		return err;
	same = memcmp(k->mark.boot_id, k->boot_id, sizeof k->boot_id) == 0;
	lb_clock_start(&k->clock, (int64_t)k->mark.time_ns, same ? (int64_t)k->mark.boot_ns : 0);
	return LB_OK;
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

/* Nothing can be decided any more without a store: the warden starts a new keeper, which looks at it anew. */
static void
check_store(const struct lb_keeper *k)
{
	if (lb_store_broken(k->store))
		lb_fatal(1, "the disk failed a commit (%m): the keeper ends, to look at the store "
			    "anew");
}

/* Tells of each change once: requests are refused for it, and people must make room. */
static void
tell_room(struct lb_keeper *k, bool full)
{
	struct lb_store_size size;

	lb_store_get_size(k->store, &size);
	if (k->store_bytes != 0 && size.bytes > k->store_bytes)
		lb_log(LOG_NOTICE, "the store has grown to %llu MiB, of at most %llu",
		       (unsigned long long)(size.bytes >> 20),
		       (unsigned long long)(size.most >> 20));
	if (full && !k->store_full)
		lb_log(LOG_CRIT,
		       "the store is full, with %llu MiB: %s; nothing new is granted until there "
		       "is room, what ends access goes on",
		       (unsigned long long)(size.bytes >> 20),
		       size.disk_full ? "the file system has none left for it"
				      : "it may not become larger");
	if (!full && k->store_full)
		lb_log(LOG_NOTICE, "the store has room again: requests are taken");
	k->store_bytes = size.bytes;
	k->store_full = full;
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
	check_store(k);
	if (err == LB_ERR_FULL) {
		tx->endings_only = true;
		err = lb_store_begin(k->store, LB_STORE_WRITE_ENDING, &tx->store);
	}
	if (err == LB_OK)
		tell_room(k, tx->endings_only);
	return err;
}

/* Whatever is counted against a time that was ahead would be held against people for as long. */
static void
forget_times(struct lb_keeper *k)
{
	struct lb_budget *all[] = {&k->asks, &k->made, &k->denied, &k->exempt};

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		memset(all[i]->bucket, 0, sizeof all[i]->bucket);
}

void
lb_tx_reset_clock(struct lb_tx *tx)
{
	struct lb_keeper *k = tx->k;

	if (!tx->clock_reset)
		tx->clock_before = k->clock;
	tx->clock_reset = true;
	lb_clock_reset(&k->clock);
	tx->now_s = lb_keeper_now_s(k);
	forget_times(k);
}

/* Nothing of it was stored, so nothing of it holds. */
static void
undo(struct lb_tx *tx)
{
	if (tx->clock_reset)
		tx->k->clock = tx->clock_before;
	lb_outbox_clear(&tx->out);
}

void
lb_tx_abort(struct lb_tx *tx)
{
	lb_store_abort(tx->store);
	undo(tx);
}

int
lb_tx_mark(struct lb_tx *tx)
{
	struct lb_keeper *k = tx->k;
	struct lb_clock_mark mark;

	lb_clock_now_ns(&k->clock); /* sets the anchors */
	mark.time_ns = (uint64_t)k->clock.anchor_ns;
	mark.boot_ns = (uint64_t)k->clock.anchor_boot_ns;
	memcpy(mark.boot_id, k->boot_id, sizeof mark.boot_id);
	k->mark = mark; /* if the commit fails, it comes with the next one */
	return lb_store_set_clock_mark(tx->store, &mark);
}

int
lb_tx_commit(struct lb_tx *tx)
{
	struct lb_keeper *k = tx->k;
	struct lb_out *out;
	int err = LB_OK;

	if (lb_store_wrote(tx->store)) /* one that wrote nothing is not to cost a flush */
		err = lb_tx_mark(tx);
	if (err != LB_OK) {
		lb_tx_abort(tx);
		return err;
	}
	err = lb_store_commit(tx->store);
	check_store(k);
	if (err != LB_OK) {
		undo(tx);
		return err;
	}
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
