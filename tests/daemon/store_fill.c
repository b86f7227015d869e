/*
 * store_fill DIR PAGES: fills the store in DIR with records until only so many pages are left
 * before ordinary transactions are refused.  Run as the store's owner, while no daemon runs.
 */
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "keeper/store.h"
#include "keeper/store_inside.h"

#define BATCH 64

static size_t
pages_left(const struct lb_store *s)
{
	struct lb_store_txn *txn;
	MDB_envinfo info;
	MDB_stat live;
	size_t used;

	if (lb_store_begin((struct lb_store *)(uintptr_t)s, LB_STORE_READ, &txn) != LB_OK ||
	    mdb_env_info(s->env, &info) != 0 ||
	    mdb_stat(txn->txn, s->dbi[LB_TABLE_LIVE], &live) != 0)
		return 0;
	lb_store_abort(txn);
	used = info.me_last_pgno + 1 + live.ms_entries;
	return used < s->soft_limit ? s->soft_limit - used : 0;
}

static int
append(struct lb_store *s, int records)
{
	struct lb_store_txn *txn;
	int err = lb_store_begin(s, LB_STORE_WRITE, &txn);

	if (err != LB_OK)
		return err;
	for (int i = 0; err == LB_OK && i < records; i++) {
		struct lb_msg_record r = {.event = "filler"};

		memset(r.detail, 'x', sizeof r.detail - 1);
		err = lb_store_append(txn, &r);
	}
	if (err == LB_OK)
		return lb_store_commit(txn);
	lb_store_abort(txn);
	return err;
}

int
main(int argc, char **argv)
{
	size_t left = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	struct lb_store *store;
	int err;

	if (argc != 3)
		return 2;
	err = lb_store_open(argv[1], (size_t)64 << 20, &store);
	if (err == LB_OK) {
		while (err == LB_OK && pages_left(store) > left)
			err = append(store, pages_left(store) > left + 3 * BATCH ? BATCH : 1);
		printf("%zu pages left\n", pages_left(store));
		lb_store_close(store);
	}
	if (err == LB_OK || (left == 0 && err == LB_ERR_FULL))
		return 0;
	fprintf(stderr, "store_fill: %s\n", lb_err_text(err));
	return 1;
}
