/* Customers in the store: see store.h, STORE-FORMAT. */
#include "store.h"

#include <string.h>

#include "err.h"
#include "store_inside.h"

int
lb_store_customer(struct lb_store_txn *txn, const char *name, struct lb_customer *customer)
{
	struct lb_key key = lb_key_text(name);
	struct lb_customer found = {.name = ""};
	int err = LB_ERR_NOT_FOUND;

	if (lb_identity_valid(name))
		err = lb_store_get(txn, LB_TABLE_CUSTOMER, &key, &found);
	if (err == LB_OK)
		*customer = found;
	return lb_store_latch(txn, err);
}

int
lb_store_next_customer(struct lb_store_txn *txn, const char *after, struct lb_customer *customer)
{
	struct lb_key key = lb_key_text(after);
	struct lb_customer found = {.name = ""};
	MDB_val value;
	int err;

	key.bytes[key.size++] = 1; /* the first that may follow: no name goes on like that */
	err = lb_store_seek(txn, LB_TABLE_CUSTOMER, MDB_SET_RANGE, &key, &value);
	if (err == LB_OK)
		err = lb_record_decode(LB_TABLE_CUSTOMER, key.bytes, key.size, value.mv_data,
				       value.mv_size, &found);
	if (err == LB_OK)
		*customer = found;
	return lb_store_latch(txn, err);
}

/* What was agreed to stays: each change by a statement is one more. */
static int
put_customer(struct lb_store_txn *t, const struct lb_customer *customer)
{
	struct lb_key key = lb_key_text(customer->name);
	struct lb_customer old;
	int err = lb_store_get(t, LB_TABLE_CUSTOMER, &key, &old);

	if (err == LB_ERR_NOT_FOUND)
		err = customer->change <= 1 ? LB_OK : LB_ERR_INTERNAL;
	else if (err == LB_OK && customer->change != old.change &&
		 customer->change != old.change + 1)
		err = LB_ERR_INTERNAL;
	return err == LB_OK ? lb_store_put(t, LB_TABLE_CUSTOMER, &key, customer) : err;
}

int
lb_store_put_customer(struct lb_store_txn *txn, const struct lb_customer *customer)
{
	int err = lb_store_writable(txn);

	return lb_store_latch(txn, err != LB_OK ? err : put_customer(txn, customer));
}
