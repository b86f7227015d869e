/* Statements in the store: see store.h, STORE-FORMAT. */
#include "store.h"

#include <string.h>

#include "err.h"
#include "store_inside.h"

static int
next_statement(struct lb_store_txn *t, uint64_t grant, uint64_t after, struct lb_signed *statement)
{
	struct lb_key key = lb_key_pair(grant, after + 1);
	struct lb_signed found;
	MDB_val value = {0, NULL};
	int err;

	if (after == UINT64_MAX)
		return LB_ERR_NOT_FOUND;
	err = lb_store_seek(t, LB_TABLE_STATEMENT, MDB_SET_RANGE, &key, &value);
	if (err == LB_OK)
		err = lb_record_decode(LB_TABLE_STATEMENT, key.bytes, key.size, value.mv_data,
				       value.mv_size, &found);
	if (err == LB_OK && found.grant != grant)
		err = LB_ERR_NOT_FOUND;
	if (err == LB_OK)
		*statement = found;
	return err;
}

int
lb_store_next_statement(struct lb_store_txn *txn, uint64_t grant, uint64_t after,
			struct lb_signed *statement)
{
	return lb_store_latch(txn, next_statement(txn, grant, after, statement));
}

/* A number that is given must be there already, and not be used. */
static int
choose_number(struct lb_store_txn *t, struct lb_signed *new)
{
	struct lb_key key = lb_key_u64(new->grant);
	struct lb_signed old = {0};
	struct lb_grant grant;
	int err;

	err = lb_store_get(t, LB_TABLE_GRANT, &key, &grant);
	if (err != LB_OK)
		return err;
	if (new->number != 0) {
		key = lb_key_pair(new->grant, new->number);
		err = lb_store_get(t, LB_TABLE_STATEMENT, &key, &old);
		if (err == LB_ERR_NOT_FOUND || (err == LB_OK && old.used_s != 0))
			err = LB_ERR_INTERNAL;
		return err;
	}
	while ((err = next_statement(t, new->grant, old.number, &old)) == LB_OK)
		;
	new->number = old.number + 1;
	return err == LB_ERR_NOT_FOUND ? LB_OK : err;
}

static int
put_statement(struct lb_store_txn *t, struct lb_signed *statement)
{
	struct lb_signed copy = *statement;
	struct lb_key key;
	int err = choose_number(t, &copy);

	if (err != LB_OK)
		return err;
	key = lb_key_pair(copy.grant, copy.number);
	err = lb_store_put(t, LB_TABLE_STATEMENT, &key, &copy);
	if (err == LB_OK)
		statement->number = copy.number;
	return err;
}

int
lb_store_put_statement(struct lb_store_txn *txn, struct lb_signed *statement)
{
	int err = lb_store_writable(txn);

	return lb_store_latch(txn, err != LB_OK ? err : put_statement(txn, statement));
}
