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

/* An approved grant whose uid was claimed in vain: nothing of that account ever was. */
static bool
unmade(const struct lb_grant *old, const struct lb_grant *new)
{
	return old->state == LB_STATE_ACTIVE && new->state == LB_STATE_APPROVED &&new->uid == 0;
}

/*
 * A person never changes, nor does a uid once it is set, but for one that was claimed in vain;
 * neither comes from anywhere but here.
 */
static int
check_change(struct lb_store_txn *t, const struct lb_grant *old, const struct lb_grant *new)
{
	struct lb_counters c;
	int err;

	if (old->id != 0 && strcmp(old->identity, new->identity) != 0)
		return LB_ERR_INTERNAL;
	if (old->uid != 0 && old->uid != new->uid && !unmade(old, new))
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
	struct lb_key key = lb_key_u64(new->id), own = lb_key_person(new->identity, new->id);
	int (*change)(struct lb_store_txn *, enum lb_table, const struct lb_key *) =
		is ? put_index : drop_index;
	int err;

	if (was == is)
		return LB_OK;
	err = change(t, LB_TABLE_LIVE, &key);
	return err == LB_OK ? change(t, LB_TABLE_OWN, &own) : err;
}

/* When the grant's state lapses by itself; a grant that is over waits for nothing. */
static uint64_t
deadline_of(const struct lb_grant *grant)
{
	return lb_state_live(grant->state) ? grant->until_s : 0;
}

/* An entry for a time, which is 0 when there is none; was and is are its keys. */
static int
index_time(struct lb_store_txn *t, enum lb_table table, uint64_t was_s, const struct lb_key *was,
	   uint64_t is_s, const struct lb_key *is)
{
	int err = LB_OK;

	if (was_s == is_s)
		return LB_OK;
	if (was_s != 0)
		err = drop_index(t, table, was);
	if (err == LB_OK && is_s != 0)
		err = put_index(t, table, is);
	return err;
}

static int
index_deadline(struct lb_store_txn *t, const struct lb_grant *old, const struct lb_grant *new)
{
	uint64_t was_s = deadline_of(old), is_s = deadline_of(new);
	struct lb_key was = lb_key_pair(was_s, new->id), is = lb_key_pair(is_s, new->id);

	return index_time(t, LB_TABLE_DEADLINE, was_s, &was, is_s, &is);
}

static int
index_begun(struct lb_store_txn *t, const struct lb_grant *old, const struct lb_grant *new)
{
	struct lb_key was = lb_key_begun(new->identity, old->begun_s, new->id);
	struct lb_key is = lb_key_begun(new->identity, new->begun_s, new->id);

	return index_time(t, LB_TABLE_BEGUN, old->begun_s, &was, new->begun_s, &is);
}

/*
 * For ever: the entry stays when the grant is over.  One that was claimed in vain leads nowhere any
 * more, so that nothing that comes under it can be taken for the grant's; it is not handed out again.
 */
static int
index_uid(struct lb_store_txn *t, const struct lb_grant *old, const struct lb_grant *new)
{
	struct lb_key key = lb_key_u32(new->uid), was = lb_key_u32(old->uid);
	struct lb_uid_entry entry;
	int err;

	if (old->uid == new->uid)
		return LB_OK;
	if (new->uid == 0)
		return drop_index(t, LB_TABLE_UID, &was);
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
index_review(struct lb_store_txn *t, const struct lb_grant *old, const struct lb_grant *new)
{
	bool was = old->review == LB_REVIEW_OPEN, is = new->review == LB_REVIEW_OPEN;
	struct lb_key key = lb_key_u64(new->id);
	int err;

	if (was == is)
		return LB_OK;
	if (is)
		return put_index(t, LB_TABLE_REVIEW, &key);
	err = drop_index(t, LB_TABLE_REVIEW, &key);
	return err == LB_OK ? lb_store_drop_notices_of(t, new->id) : err;
}

static int
put_grant(struct lb_store_txn *t, const struct lb_grant *new)
{
	static int (*const indexers[])(struct lb_store_txn *, const struct lb_grant *,
				       const struct lb_grant *) = {
		check_change,	index_uid,   index_person, index_live,
		index_deadline, index_begun, index_ticket, index_review,
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

/*
 * The grant of an index's entry at key or beyond it (op: MDB_PREV before it,
 * MDB_FIRST the first of all) that has the same first bytes, `prefix` of them;
 * the keys of the index are as long as this one.
 */
static int
seek_grant(struct lb_store_txn *t, enum lb_table table, MDB_cursor_op op, const struct lb_key *key,
	   size_t prefix, struct lb_grant *grant)
{
	struct lb_key at = *key;
	MDB_val value;
	uint64_t id;
	int err = lb_store_seek(t, table, op, &at, &value);

	if (err == LB_OK && (at.size < prefix || memcmp(at.bytes, key->bytes, prefix) != 0))
		err = LB_ERR_NOT_FOUND;
	if (err == LB_OK)
		err = key_id(&at, key->size, &id);
	if (err == LB_OK)
		err = indexed_grant(t, id, grant);
	return lb_store_latch(t, err);
}

/* The next of an index whose keys are ids. */
static int
next_indexed(struct lb_store_txn *txn, enum lb_table table, uint64_t after, struct lb_grant *grant)
{
	struct lb_key key = lb_key_u64(after + 1);

	return after == UINT64_MAX ? LB_ERR_NOT_FOUND
				   : seek_grant(txn, table, MDB_SET_RANGE, &key, 0, grant);
}

int
lb_store_next_live(struct lb_store_txn *txn, uint64_t after, struct lb_grant *grant)
{
	return next_indexed(txn, LB_TABLE_LIVE, after, grant);
}

int
lb_store_next_review(struct lb_store_txn *txn, uint64_t after, struct lb_grant *grant)
{
	return next_indexed(txn, LB_TABLE_REVIEW, after, grant);
}

/* In one of the indexes by person and id. */
static int
next_of_person(struct lb_store_txn *t, enum lb_table table, const char *identity, uint64_t after,
	       struct lb_grant *grant)
{
	struct lb_key key;

	if (after == UINT64_MAX || !lb_identity_valid(identity))
		return LB_ERR_NOT_FOUND;
	key = lb_key_person(identity, after + 1);
	return seek_grant(t, table, MDB_SET_RANGE, &key, strlen(identity) + 1, grant);
}

int
lb_store_next_of(struct lb_store_txn *txn, const char *identity, uint64_t after,
		 struct lb_grant *grant)
{
	return next_of_person(txn, LB_TABLE_PERSON, identity, after, grant);
}

int
lb_store_next_own(struct lb_store_txn *txn, const char *identity, uint64_t after,
		  struct lb_grant *grant)
{
	return next_of_person(txn, LB_TABLE_OWN, identity, after, grant);
}

int
lb_store_next_begun(struct lb_store_txn *txn, const char *identity, uint64_t begun_s, uint64_t id,
		    struct lb_grant *grant)
{
	struct lb_key key;

	if (id == UINT64_MAX || !lb_identity_valid(identity))
		return LB_ERR_NOT_FOUND;
	key = lb_key_begun(identity, begun_s, id + 1);
	return seek_grant(txn, LB_TABLE_BEGUN, MDB_SET_RANGE, &key, strlen(identity) + 1, grant);
}

int
lb_store_prev_ticket(struct lb_store_txn *txn, const char *ticket, uint64_t before,
		     struct lb_grant *grant)
{
	struct lb_grant found = {.id = 0};
	int err;

	/* Another ticket with the same hash is passed over. */
	do {
		struct lb_key key = lb_key_ticket(ticket, before);

		err = seek_grant(txn, LB_TABLE_TICKET, MDB_PREV, &key, LB_TICKET_HASH, &found);
		before = err == LB_OK ? found.id : before;
	} while (err == LB_OK && strcmp(found.ticket, ticket) != 0);
	if (err == LB_OK)
		*grant = found;
	return err;
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
	const struct lb_key key = lb_key_pair(0, 0);

	return seek_grant(txn, LB_TABLE_DEADLINE, MDB_FIRST, &key, 0, grant);
}
