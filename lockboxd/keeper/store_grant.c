/*
 * Grants and their indexes in the store: see store.h, STORE-FORMAT.
 *
 * Every index is kept here and nowhere else, by comparing the grant that is
 * written with the one it replaces.
 */
#include "store.h"

#include <string.h>

#include "err.h"
#include "store_inside.h"
#include "wire.h"

/* An index entry that must be there. */
static int
drop_index(struct lb_store_txn *t, enum lb_table table, const struct lb_key *key)
{
	int err = lb_store_drop(t, table, key);

	return err == LB_ERR_NOT_FOUND ? LB_ERR_DAMAGED : err;
}

/* The last number of a key of exactly size bytes, which is a grant's id in every index. */
static int
key_id(const struct lb_key *key, size_t size, uint64_t *id)
{
	struct lb_reader r;

	if (key->size != size || size < sizeof *id)
		return LB_ERR_DAMAGED;
	lb_reader_init(&r, key->bytes + size - sizeof *id, sizeof *id);
	*id = lb_read_u64(&r);
	return LB_OK;
}

static int
put_index(struct lb_store_txn *t, enum lb_table table, const struct lb_key *key)
{
	return lb_store_put_value(t, table, key, "", 0, 0);
}

/* Reads a grant that an index says is there. */
static int
indexed_grant(struct lb_store_txn *t, uint64_t id, struct lb_grant *grant)
{
	struct lb_key key = lb_key_u64(id);
	struct lb_grant found;
	int err = lb_store_get(t, LB_TABLE_GRANT, &key, &found);

	if (err == LB_OK)
		*grant = found;
	return err == LB_ERR_NOT_FOUND ? LB_ERR_DAMAGED : err;
}

int
lb_store_grant(struct lb_store_txn *txn, uint64_t id, struct lb_grant *grant)
{
	struct lb_key key = lb_key_u64(id);
	struct lb_grant found;
	int err = lb_store_get(txn, LB_TABLE_GRANT, &key, &found);

	if (err == LB_OK)
		*grant = found;
	return lb_store_latch(txn, err);
}

int
lb_store_grant_by_uid(struct lb_store_txn *txn, uint32_t uid, struct lb_grant *grant)
{
	struct lb_key key = lb_key_u32(uid);
	struct lb_uid_entry entry;
	int err = lb_store_get(txn, LB_TABLE_UID, &key, &entry);

	if (err == LB_OK)
		err = indexed_grant(txn, entry.grant, grant);
	return lb_store_latch(txn, err);
}

/* A person never changes, nor does a uid once it is set; neither comes from anywhere but here. */
static int
check_change(struct lb_store_txn *t, const struct lb_grant *old, const struct lb_grant *new)
{
	struct lb_counters c;
	int err;

	if (old->id != 0 && strcmp(old->identity, new->identity) != 0)
		return LB_ERR_INTERNAL;
	if (old->uid != 0 && old->uid != new->uid)
		return LB_ERR_INTERNAL;
	if (old->id != 0 && old->uid == new->uid)
		return LB_OK;
	err = lb_store_get_counters(t, &c);
	if (err != LB_OK)
		return err;
	if (new->id > c.grant || (new->uid != 0 && !lb_uid_handed_out(new->uid, &c)))
		return LB_ERR_INTERNAL; /* never handed out */
	return LB_OK;
}

static int
index_person(struct lb_store_txn *t, const struct lb_grant *old, const struct lb_grant *new)
{
	struct lb_key key = lb_key_person(new->identity, new->id);

	return old->id != 0 ? LB_OK : put_index(t, LB_TABLE_PERSON, &key);
}

static int
index_live(struct lb_store_txn *t, const struct lb_grant *old, const struct lb_grant *new)
{
	bool was = lb_state_live(old->state), is = lb_state_live(new->state);
	struct lb_key key = lb_key_u64(new->id);

	if (was == is)
		return LB_OK;
	return is ? put_index(t, LB_TABLE_LIVE, &key) : drop_index(t, LB_TABLE_LIVE, &key);
}

/* When the grant's state lapses by itself; a grant that is over waits for nothing. */
static uint64_t
deadline_of(const struct lb_grant *grant)
{
	return lb_state_live(grant->state) ? grant->until_s : 0;
}

static int
index_deadline(struct lb_store_txn *t, const struct lb_grant *old, const struct lb_grant *new)
{
	uint64_t was = deadline_of(old), is = deadline_of(new);
	struct lb_key key = lb_key_pair(was, new->id);
	int err = LB_OK;

	if (was == is)
		return LB_OK;
	if (was != 0)
		err = drop_index(t, LB_TABLE_DEADLINE, &key);
	key = lb_key_pair(is, new->id);
	if (err == LB_OK && is != 0)
		err = put_index(t, LB_TABLE_DEADLINE, &key);
	return err;
}

/* For ever: the entry stays when the grant is over. */
static int
index_uid(struct lb_store_txn *t, const struct lb_grant *old, const struct lb_grant *new)
{
	struct lb_key key = lb_key_u32(new->uid);
	struct lb_uid_entry entry;
	int err;

	if (new->uid == 0 || old->uid == new->uid)
		return LB_OK;
	err = lb_store_get(t, LB_TABLE_UID, &key, &entry);
	if (err != LB_ERR_NOT_FOUND)
		return err == LB_OK ? LB_ERR_EXISTS : err;
	entry.grant = new->id;
	return lb_store_put(t, LB_TABLE_UID, &key, &entry);
}

/* For ever, as the ticket never changes. */
static int
index_ticket(struct lb_store_txn *t, const struct lb_grant *old, const struct lb_grant *new)
{
	struct lb_key key = lb_key_ticket(new->ticket, new->id);

	if (old->id != 0)
		return strcmp(old->ticket, new->ticket) == 0 ? LB_OK : LB_ERR_INTERNAL;
	return new->ticket[0] == '\0' ? LB_OK : put_index(t, LB_TABLE_TICKET, &key);
}

static int
put_grant(struct lb_store_txn *t, const struct lb_grant *new)
{
	static int (*const indexers[])(struct lb_store_txn *, const struct lb_grant *,
				       const struct lb_grant *) = {
		check_change, index_uid, index_person, index_live, index_deadline, index_ticket,
	};
	struct lb_key key = lb_key_u64(new->id);
	struct lb_grant old;
	int err;

	err = lb_store_get(t, LB_TABLE_GRANT, &key, &old);
	if (err == LB_ERR_NOT_FOUND)
		memset(&old, 0, sizeof old);
	else if (err != LB_OK)
		return err;
	/* First the record: it refuses what is not valid before an index is made of it. */
	err = lb_store_put(t, LB_TABLE_GRANT, &key, new);
	for (size_t i = 0; err == LB_OK && i < sizeof indexers / sizeof indexers[0]; i++)
		err = indexers[i](t, &old, new);
	return err;
}

int
lb_store_put_grant(struct lb_store_txn *txn, const struct lb_grant *grant)
{
	int err = lb_store_writable(txn);

	return lb_store_latch(txn, err != LB_OK ? err : put_grant(txn, grant));
}

int
lb_store_next_live(struct lb_store_txn *txn, uint64_t after, struct lb_grant *grant)
{
	struct lb_key key = lb_key_u64(after + 1);
	MDB_val value;
	uint64_t id;
	int err;

	if (after == UINT64_MAX)
		return LB_ERR_NOT_FOUND;
	err = lb_store_seek(txn, LB_TABLE_LIVE, MDB_SET_RANGE, &key, &value);
	if (err == LB_OK)
		err = key_id(&key, sizeof id, &id);
	if (err == LB_OK)
		err = indexed_grant(txn, id, grant);
	return lb_store_latch(txn, err);
}

int
lb_store_next_of(struct lb_store_txn *txn, const char *identity, uint64_t after,
		 struct lb_grant *grant)
{
	struct lb_key key;
	size_t prefix = strlen(identity) + 1;
	MDB_val value;
	uint64_t id;
	int err;

	if (after == UINT64_MAX || !lb_identity_valid(identity))
		return LB_ERR_NOT_FOUND;
	key = lb_key_person(identity, after + 1);
	err = lb_store_seek(txn, LB_TABLE_PERSON, MDB_SET_RANGE, &key, &value);
	if (err == LB_OK && (key.size < prefix || memcmp(key.bytes, identity, prefix) != 0))
		err = LB_ERR_NOT_FOUND;
	if (err == LB_OK)
		err = key_id(&key, prefix + sizeof id, &id);
	if (err == LB_OK)
		err = indexed_grant(txn, id, grant);
	return lb_store_latch(txn, err);
}

int
lb_store_next_ticket(struct lb_store_txn *txn, const char *ticket, uint64_t after,
		     struct lb_grant *grant)
{
	struct lb_grant found;
	int err = after == UINT64_MAX ? LB_ERR_NOT_FOUND : LB_OK;

	/* Another ticket with the same hash is passed over. */
	do {
		struct lb_key key = lb_key_ticket(ticket, after + 1), first = key;
		MDB_val value;

		if (err == LB_OK)
			err = lb_store_seek(txn, LB_TABLE_TICKET, MDB_SET_RANGE, &key, &value);
		if (err == LB_OK && memcmp(key.bytes, first.bytes, LB_TICKET_HASH) != 0)
			err = LB_ERR_NOT_FOUND;
		if (err == LB_OK)
			err = key_id(&key, LB_TICKET_HASH + sizeof after, &after);
		if (err == LB_OK)
			err = indexed_grant(txn, after, &found);
	} while (err == LB_OK && strcmp(found.ticket, ticket) != 0);
	if (err == LB_OK)
		*grant = found;
	return lb_store_latch(txn, err);
}

int
lb_store_prev_of(struct lb_store_txn *txn, const char *identity, uint64_t before,
		 struct lb_grant *grant)
{
	struct lb_key key;
	size_t prefix = strlen(identity) + 1;
	MDB_val value;
	uint64_t id;
	int err;

	if (!lb_identity_valid(identity))
		return LB_ERR_NOT_FOUND;
	key = lb_key_person(identity, before);
	err = lb_store_seek(txn, LB_TABLE_PERSON, MDB_PREV, &key, &value);
	if (err == LB_OK && (key.size < prefix || memcmp(key.bytes, identity, prefix) != 0))
		err = LB_ERR_NOT_FOUND;
	if (err == LB_OK)
		err = key_id(&key, prefix + sizeof id, &id);
	if (err == LB_OK)
		err = indexed_grant(txn, id, grant);
	return lb_store_latch(txn, err);
}

int
lb_store_next_grant(struct lb_store_txn *txn, uint64_t after, struct lb_grant *grant)
{
	struct lb_key key = lb_key_u64(after + 1);
	struct lb_grant found;
	MDB_val value;
	int err;

	if (after == UINT64_MAX)
		return LB_ERR_NOT_FOUND;
	err = lb_store_seek(txn, LB_TABLE_GRANT, MDB_SET_RANGE, &key, &value);
	if (err == LB_OK)
		err = lb_record_decode(LB_TABLE_GRANT, key.bytes, key.size, value.mv_data,
				       value.mv_size, &found);
	if (err == LB_OK)
		*grant = found;
	return lb_store_latch(txn, err);
}

int
lb_store_next_due(struct lb_store_txn *txn, struct lb_grant *grant)
{
	struct lb_key key = {0};
	MDB_val value;
	uint64_t id;
	int err;

	err = lb_store_seek(txn, LB_TABLE_DEADLINE, MDB_FIRST, &key, &value);
	if (err == LB_OK)
		err = key_id(&key, 2 * sizeof id, &id);
	if (err == LB_OK)
		err = indexed_grant(txn, id, grant);
	return lb_store_latch(txn, err);
}
