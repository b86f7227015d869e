/* Who is to be told of break-glass, in the store: see store.h, STORE-FORMAT. */
#include "store.h"

#include <string.h>

#include "err.h"
#include "store_inside.h"

static int
put_notice(struct lb_store_txn *t, const char *identity, uint64_t grant)
{
	struct lb_key key = lb_key_u64(grant);
	struct lb_grant g;
	int err = lb_store_get(t, LB_TABLE_GRANT, &key, &g);

	if (err != LB_OK || g.review != LB_REVIEW_OPEN || !lb_identity_valid(identity))
		return err != LB_OK ? err : LB_ERR_INTERNAL;
	key = lb_key_person(identity, grant);
	return lb_store_put_value(t, LB_TABLE_NOTICE, &key, "", 0, 0);
}

int
lb_store_put_notice(struct lb_store_txn *txn, const char *identity, uint64_t grant)
{
	int err = lb_store_writable(txn);

	return lb_store_latch(txn, err != LB_OK ? err : put_notice(txn, identity, grant));
}

int
lb_store_drop_notice(struct lb_store_txn *txn, const char *identity, uint64_t grant)
{
	struct lb_key key = lb_key_person(identity, grant);
	int err = lb_store_writable(txn);

	return lb_store_latch(txn, err != LB_OK ? err : lb_store_drop(txn, LB_TABLE_NOTICE, &key));
}

/* The first behind *key, which becomes its key.  LB_ERR_NOT_FOUND. */
static int
next_notice(struct lb_store_txn *t, struct lb_key *key, char identity[LB_IDENTITY_MAX + 1],
	    uint64_t *grant)
{
	MDB_val value;
	int err = lb_store_seek(t, LB_TABLE_NOTICE, MDB_SET_RANGE, key, &value);

	return err == LB_OK ? lb_key_person_decode(key, identity, grant) : err;
}

int
lb_store_drop_notices_of(struct lb_store_txn *t, uint64_t grant)
{
	char identity[LB_IDENTITY_MAX + 1];
	struct lb_key key = {.size = 1};
	uint64_t id;
	int err;

	while ((err = next_notice(t, &key, identity, &id)) == LB_OK) {
		struct lb_key found = key;

		key = lb_key_person(identity, id + 1);
		if (id == grant && (err = lb_store_drop(t, LB_TABLE_NOTICE, &found)) != LB_OK)
			return err;
	}
	return err == LB_ERR_NOT_FOUND ? LB_OK : err;
}

bool
lb_store_has_notice(struct lb_store_txn *txn, const char *identity, uint64_t grant)
{
	struct lb_key key = lb_key_person(identity, grant), found = key;
	MDB_val value;

	return lb_store_seek(txn, LB_TABLE_NOTICE, MDB_SET_RANGE, &found, &value) == LB_OK &&
	       found.size == key.size && memcmp(found.bytes, key.bytes, key.size) == 0;
}

int
lb_store_count_notices(struct lb_store_txn *txn, uint64_t *count)
{
	char identity[LB_IDENTITY_MAX + 1];
	struct lb_key key = {.size = 1};
	uint64_t id, n = 0;
	int err;

	for (; (err = next_notice(txn, &key, identity, &id)) == LB_OK; n++)
		key = lb_key_person(identity, id + 1);
	if (err == LB_ERR_NOT_FOUND)
		*count = n;
	return lb_store_latch(txn, err == LB_ERR_NOT_FOUND ? LB_OK : err);
}
