/* Attestations and eligibility in the store: see store.h, STORE-FORMAT. */
#include "store.h"

#include <string.h>

#include "err.h"
#include "store_inside.h"

/* Moves an entry of what lapses: old and new may each be NULL. */
static int
move_lapse(struct lb_store_txn *t, const struct lb_lapse *old, const struct lb_lapse *new)
{
	struct lb_key key;
	int err = LB_OK;

	if (old != NULL) {
		key = lb_key_lapse(old);
		err = lb_store_drop(t, LB_TABLE_LAPSE, &key);
		if (err == LB_ERR_NOT_FOUND)
			err = LB_ERR_DAMAGED;
	}
	if (err != LB_OK || new == NULL)
		return err;
	key = lb_key_lapse(new);
	return lb_store_put_value(t, LB_TABLE_LAPSE, &key, "", 0, 0);
}

int
lb_store_attestation(struct lb_store_txn *txn, const char *identity, const char *check,
		     struct lb_attestation *attestation)
{
	struct lb_key key = lb_key_names(identity, check);

	return lb_store_latch(txn, lb_store_get(txn, LB_TABLE_ATTESTATION, &key, attestation));
}

static int
put_attestation(struct lb_store_txn *t, const struct lb_attestation *new)
{
	struct lb_key key = lb_key_names(new->identity, new->check);
	struct lb_lapse before, after;
	struct lb_attestation old;
	bool was, is;
	int err = lb_store_get(t, LB_TABLE_ATTESTATION, &key, &old);

	if (err != LB_OK && err != LB_ERR_NOT_FOUND)
		return err;
	was = err == LB_OK && lb_attestation_lapses(&old, &before);
	is = lb_attestation_lapses(new, &after);
	err = lb_store_put(t, LB_TABLE_ATTESTATION, &key, new);
	return err == LB_OK ? move_lapse(t, was ? &before : NULL, is ? &after : NULL) : err;
}

int
lb_store_put_attestation(struct lb_store_txn *txn, const struct lb_attestation *attestation)
{
	int err = lb_store_writable(txn);

	return lb_store_latch(txn, err == LB_OK ? put_attestation(txn, attestation) : err);
}

int
lb_store_eligibility(struct lb_store_txn *txn, const char *identity, const char *role,
		     struct lb_eligibility *eligibility)
{
	struct lb_key key = lb_key_names(identity, role);

	return lb_store_latch(txn, lb_store_get(txn, LB_TABLE_ELIGIBILITY, &key, eligibility));
}

static int
put_eligibility(struct lb_store_txn *t, const struct lb_eligibility *new)
{
	struct lb_key key = lb_key_names(new->identity, new->role);
	struct lb_lapse before, after;
	struct lb_eligibility old;
	bool was, is;
	int err = lb_store_get(t, LB_TABLE_ELIGIBILITY, &key, &old);

	if (err != LB_OK && err != LB_ERR_NOT_FOUND)
		return err;
	was = err == LB_OK && lb_eligibility_lapses(&old, &before);
	is = lb_eligibility_lapses(new, &after);
	err = lb_store_put(t, LB_TABLE_ELIGIBILITY, &key, new);
	return err == LB_OK ? move_lapse(t, was ? &before : NULL, is ? &after : NULL) : err;
}

int
lb_store_put_eligibility(struct lb_store_txn *txn, const struct lb_eligibility *eligibility)
{
	int err = lb_store_writable(txn);

	return lb_store_latch(txn, err == LB_OK ? put_eligibility(txn, eligibility) : err);
}

/* The first record behind the one of these names; *it is as it was on any error. */
static int
next_named(struct lb_store_txn *t, enum lb_table table, const char *identity, const char *name,
	   void *it)
{
	struct lb_key key = lb_key_names(identity, name);
	MDB_val value = {0, NULL};
	int err;

	key.bytes[key.size++] = 0; /* nothing lies between */
	err = lb_store_seek(t, table, MDB_SET_RANGE, &key, &value);
	if (err == LB_OK)
		err = lb_record_decode(table, key.bytes, key.size, value.mv_data, value.mv_size,
				       it);
	return lb_store_latch(t, err);
}

int
lb_store_next_attestation(struct lb_store_txn *txn, struct lb_attestation *it)
{
	struct lb_attestation found;
	int err = next_named(txn, LB_TABLE_ATTESTATION, it->identity, it->check, &found);

	if (err == LB_OK)
		*it = found;
	return err;
}

int
lb_store_next_eligibility(struct lb_store_txn *txn, struct lb_eligibility *it)
{
	struct lb_eligibility found;
	int err = next_named(txn, LB_TABLE_ELIGIBILITY, it->identity, it->role, &found);

	if (err == LB_OK)
		*it = found;
	return err;
}

static int
next_lapse(struct lb_store_txn *t, struct lb_lapse *lapse)
{
	struct lb_key key = lb_key_lapse(lapse);
	MDB_val value = {0, NULL};
	struct lb_lapse found;
	int err;

	key.bytes[key.size++] = 0;
	err = lb_store_seek(t, LB_TABLE_LAPSE, MDB_SET_RANGE, &key, &value);
	if (err == LB_OK)
		err = lb_key_lapse_decode(&key, &found);
	if (err == LB_OK && found.kind != lapse->kind)
		err = LB_ERR_NOT_FOUND;
	if (err == LB_OK)
		*lapse = found;
	return err;
}

int
lb_store_next_lapse(struct lb_store_txn *txn, struct lb_lapse *lapse)
{
	return lb_store_latch(txn, next_lapse(txn, lapse));
}

int
lb_store_first_lapse(struct lb_store_txn *txn, struct lb_lapse *lapse)
{
	struct lb_lapse first = {0};

	for (unsigned kind = LB_LAPSE_PENDING; kind < LB_LAPSE_KINDS; kind++) {
		struct lb_lapse l = {.kind = (uint8_t)kind};
		int err = lb_store_next_lapse(txn, &l);

		if (err != LB_OK && err != LB_ERR_NOT_FOUND)
			return err;
		if (err == LB_OK && (first.kind == 0 || l.until_s < first.until_s))
			first = l;
	}
	if (first.kind == 0)
		return LB_ERR_NOT_FOUND;
	*lapse = first;
	return LB_OK;
}
