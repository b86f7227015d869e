/*
 * The store on LMDB: transactions, single records, counters, sessions, roles
 * and the audit chain.  See store.h, STORE-FORMAT.
 *
 * Every commit is durable: in the journal, and in the databases from the next
 * checkpoint on.
 */
#include "store.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "store_inside.h"

/* ---- transactions ---- */

/* The one that all work is done in, with what the journal holds. */
static int
begin_top(struct lb_store *s)
{
	int rc, err;

	if (s->top != NULL)
		return LB_OK;
	rc = mdb_txn_begin(s->env, NULL, 0, &s->top);
	/* LMDB refuses for good after a write of its meta page that it could not take back. */
	if (rc == MDB_PANIC) {
		s->broken = true;
		errno = EIO;
	}
	if (rc != 0)
		return lb_store_from_mdb(rc);
	err = lb_journal_replay(s, s->top);
	if (err != LB_OK)
		lb_store_drop_top(s);
	return err;
}

/* The number of the blocks to come, so that those there count no more. */
static int
put_epoch(struct lb_store *s)
{
	struct lb_store_txn t = {.store = s, .txn = s->top, .write = true};
	struct lb_key key = lb_key_text(LB_KEY_COUNTERS);
	uint8_t buf[LB_RECORD_MAX];
	struct lb_counters c;
	size_t len;
	int err = lb_store_get_counters(&t, &c);

	c.epoch = s->journal.epoch + 1;
	if (err == LB_OK)
		err = lb_record_encode(LB_TABLE_META, &key, &c, buf, &len);
	return err == LB_OK ? lb_store_put_bytes(s->top, s->dbi[LB_TABLE_META], &key, buf, len, 0)
			    : err;
}

int
lb_store_checkpoint(struct lb_store *s)
{
	int err = put_epoch(s);

	if (err != LB_OK) {
		lb_store_drop_top(s);
		return err;
	}
	err = lb_store_from_mdb(mdb_txn_commit(s->top));
	s->top = NULL;
	lb_journal_forget(&s->journal);
	if (err == LB_OK) {
		s->journal.epoch++;
		s->journal.used = s->journal.taken = 0;
	} else if (err != LB_ERR_FULL && err != LB_ERR_NOMEM) {
		/* After a failed flush nobody knows what the disk has: lb_store_broken(). */
		s->broken = true;
	}
	return err;
}

/*
 * Sees to it that there is room for a write transaction: exactly after a
 * checkpoint, then by enlarging the file.  Endings go on without.
 */
static int
begin_write(struct lb_store *s, bool ending)
{
	bool exact = false, grew = true;

	for (;;) {
		int err = begin_top(s);

		if (err != LB_OK)
			return err;
		err = lb_store_room(s, s->top);
		if (err == LB_OK || (err == LB_ERR_FULL && ending && !grew))
			return LB_OK;
		if (err != LB_ERR_FULL || !grew)
			return err;
		if (!exact && s->journal.used > 0) {
			exact = true;
			err = lb_store_checkpoint(s);
		} else {
			err = lb_store_enlarge(s);
			grew = err == LB_OK;
		}
		if (err != LB_OK && err != LB_ERR_FULL)
			return err;
		if (!grew && !ending)
			return err;
	}
}

int
lb_store_begin(struct lb_store *store, enum lb_store_mode mode, struct lb_store_txn **txn)
{
	int err;

	if (store->txn.txn != NULL || store->owner != getpid())
		return LB_ERR_INTERNAL;
	if (store->broken) {
		errno = EIO;
		return LB_ERR_SYSTEM;
	}
	err = mode == LB_STORE_READ ? begin_top(store)
				    : begin_write(store, mode == LB_STORE_WRITE_ENDING);
	if (err != LB_OK)
		return err;
	store->txn = (struct lb_store_txn){store, store->top, mode != LB_STORE_READ, false, LB_OK};
	*txn = &store->txn;
	return LB_OK;
}

int
lb_store_commit(struct lb_store_txn *txn)
{
	struct lb_store *s = txn->store;
	int err = txn->failed;

	if (err == LB_OK && s->journal.noted.size > 0) {
		err = lb_journal_append(&s->journal);
		if (err == LB_ERR_TOO_LONG)
			err = lb_store_checkpoint(s);
		else if (err == LB_ERR_SYSTEM)
			s->broken = true;
	}
	if (err != LB_OK)
		lb_store_drop_top(s);
	txn->txn = NULL;
	return err;
}

void
lb_store_abort(struct lb_store_txn *txn)
{
	if (txn->failed != LB_OK || txn->store->journal.noted.size > 0) /* else it is as it was */
		lb_store_drop_top(txn->store);
	txn->txn = NULL;
}

bool
lb_store_broken(const struct lb_store *store)
{
	return store->broken;
}

bool
lb_store_wrote(const struct lb_store_txn *txn)
{
	return txn->wrote;
}

/* ---- records ---- */

int
lb_store_latch(struct lb_store_txn *t, int err)
{
	if (err != LB_OK && err != LB_ERR_NOT_FOUND && t->failed == LB_OK)
		t->failed = err;
	return err;
}

int
lb_store_writable(struct lb_store_txn *t)
{
	if (!t->write)
		return LB_ERR_INTERNAL;
	t->wrote = true;
	return t->failed;
}

static int
get_bytes(struct lb_store_txn *t, enum lb_table table, const struct lb_key *key, MDB_val *value)
{
	struct lb_key copy = *key;
	MDB_val k = {copy.size, copy.bytes};

	return lb_store_from_mdb(mdb_get(t->txn, t->store->dbi[table], &k, value));
}

int
lb_store_get(struct lb_store_txn *t, enum lb_table table, const struct lb_key *key, void *record)
{
	MDB_val value;
	int err = get_bytes(t, table, key, &value);

	if (err != LB_OK)
		return err;
	return lb_record_decode(table, key->bytes, key->size, value.mv_data, value.mv_size, record);
}

int
lb_store_put_value(struct lb_store_txn *t, enum lb_table table, const struct lb_key *key,
		   const void *value, size_t size, unsigned int flags)
{
	int err = lb_store_put_bytes(t->txn, t->store->dbi[table], key, value, size, flags);

	return err == LB_OK ? lb_journal_note(&t->store->journal, table, key, value, size) : err;
}

int
lb_store_put(struct lb_store_txn *t, enum lb_table table, const struct lb_key *key,
	     const void *record)
{
	uint8_t buf[LB_RECORD_MAX];
	size_t len;
	int err = lb_record_encode(table, key, record, buf, &len);

	return err == LB_OK ? lb_store_put_value(t, table, key, buf, len, 0) : err;
}

int
lb_store_drop(struct lb_store_txn *t, enum lb_table table, const struct lb_key *key)
{
	struct lb_key copy = *key;
	MDB_val k = {copy.size, copy.bytes};
	int err = lb_store_from_mdb(mdb_del(t->txn, t->store->dbi[table], &k, NULL));

	return err == LB_OK ? lb_journal_note(&t->store->journal, table, key, NULL, 0) : err;
}

int
lb_store_seek(struct lb_store_txn *t, enum lb_table table, MDB_cursor_op op, struct lb_key *key,
	      MDB_val *value)
{
	struct lb_key from = *key;
	MDB_val k = {from.size, from.bytes};
	MDB_cursor *cursor;
	int rc = mdb_cursor_open(t->txn, t->store->dbi[table], &cursor);

	if (rc != 0)
		return lb_store_from_mdb(rc);
	rc = mdb_cursor_get(cursor, &k, value, op == MDB_PREV ? MDB_SET_RANGE : op);
	if (op == MDB_PREV && (rc == 0 || rc == MDB_NOTFOUND))
		rc = mdb_cursor_get(cursor, &k, value, rc == 0 ? MDB_PREV : MDB_LAST);
	mdb_cursor_close(cursor);
	if (rc != 0)
		return lb_store_from_mdb(rc);
	if (k.mv_size > sizeof key->bytes)
		return LB_ERR_DAMAGED;
	memcpy(key->bytes, k.mv_data, k.mv_size);
	key->size = k.mv_size;
	return LB_OK;
}

/* ---- counters ---- */

int
lb_store_get_counters(struct lb_store_txn *t, struct lb_counters *c)
{
	struct lb_key key = lb_key_text(LB_KEY_COUNTERS);
	int err = lb_store_get(t, LB_TABLE_META, &key, c);

	return err == LB_ERR_NOT_FOUND ? LB_ERR_DAMAGED : err;
}

static int
put_counters(struct lb_store_txn *t, const struct lb_counters *c)
{
	struct lb_key key = lb_key_text(LB_KEY_COUNTERS);

	return lb_store_put(t, LB_TABLE_META, &key, c);
}

/* Reads the counters for a change. */
static int
take_counters(struct lb_store_txn *t, struct lb_counters *c)
{
	int err = lb_store_writable(t);

	return err != LB_OK ? err : lb_store_get_counters(t, c);
}

int
lb_store_next_id(struct lb_store_txn *txn, uint64_t *id)
{
	struct lb_counters c;
	int err = take_counters(txn, &c);

	if (err == LB_OK && c.grant == UINT64_MAX)
		err = LB_ERR_FULL;
	if (err == LB_OK) {
		c.grant++;
		err = put_counters(txn, &c);
	}
	if (err == LB_OK)
		*id = c.grant;
	return lb_store_latch(txn, err);
}

int
lb_store_next_serial(struct lb_store_txn *txn, uint32_t *serial)
{
	struct lb_counters c;
	int err = take_counters(txn, &c);

	if (err == LB_OK && c.serial >= LB_UID_LAST - LB_ACCOUNT_UID_FIRST)
		err = LB_ERR_FULL;
	if (err == LB_OK) {
		c.serial++;
		err = put_counters(txn, &c);
	}
	if (err == LB_OK)
		*serial = c.serial;
	return lb_store_latch(txn, err);
}

static int
next_session_number(struct lb_store_txn *t, uint64_t *number)
{
	struct lb_counters c;
	int err = take_counters(t, &c);

	if (err != LB_OK)
		return err;
	if (c.session == UINT64_MAX)
		return LB_ERR_FULL;
	c.session++;
	err = put_counters(t, &c);
	if (err == LB_OK)
		*number = c.session;
	return err;
}

int
lb_store_clock_mark(struct lb_store_txn *txn, struct lb_clock_mark *mark)
{
	struct lb_counters c;
	int err = lb_store_get_counters(txn, &c);

	if (err == LB_OK)
		*mark = c.mark;
	return lb_store_latch(txn, err);
}

int
lb_store_set_clock_mark(struct lb_store_txn *txn, const struct lb_clock_mark *mark)
{
	struct lb_counters c;
	int err = take_counters(txn, &c);

	if (err == LB_OK) {
		c.mark = *mark;
		err = put_counters(txn, &c);
	}
	return lb_store_latch(txn, err);
}

/* ---- sessions ---- */

static int
put_session(struct lb_store_txn *t, struct lb_session *session)
{
	struct lb_key key = lb_key_u64(session->grant);
	struct lb_counters c;
	uint64_t number = session->number;
	struct lb_session copy;
	MDB_val value;
	int err;

	err = get_bytes(t, LB_TABLE_GRANT, &key, &value);
	if (err != LB_OK)
		return err;
	err = number == 0 ? next_session_number(t, &number) : lb_store_get_counters(t, &c);
	if (err != LB_OK)
		return err;
	if (session->number != 0 && number > c.session)
		return LB_ERR_INTERNAL; /* never handed out */
	copy = *session;
	copy.number = number;
	key = lb_key_pair(copy.grant, number);
	err = lb_store_put(t, LB_TABLE_SESSION, &key, &copy);
	if (err == LB_OK)
		session->number = number;
	return err;
}

int
lb_store_put_session(struct lb_store_txn *txn, struct lb_session *session)
{
	int err = lb_store_writable(txn);

	return lb_store_latch(txn, err != LB_OK ? err : put_session(txn, session));
}

int
lb_store_drop_session(struct lb_store_txn *txn, uint64_t grant, uint64_t number)
{
	struct lb_key key = lb_key_pair(grant, number);
	int err = lb_store_writable(txn);

	return lb_store_latch(txn, err != LB_OK ? err : lb_store_drop(txn, LB_TABLE_SESSION, &key));
}

int
lb_store_next_session(struct lb_store_txn *txn, uint64_t grant, uint64_t number,
		      struct lb_session *session)
{
	struct lb_key key = lb_key_pair(grant, number + 1);
	struct lb_session found;
	MDB_val value = {0, NULL};
	int err;

	if (number == UINT64_MAX)
		return LB_ERR_NOT_FOUND;
	err = lb_store_seek(txn, LB_TABLE_SESSION, MDB_SET_RANGE, &key, &value);
	if (err == LB_OK)
		err = lb_record_decode(LB_TABLE_SESSION, key.bytes, key.size, value.mv_data,
				       value.mv_size, &found);
	if (err == LB_OK)
		*session = found;
	return lb_store_latch(txn, err);
}

int
lb_store_count_sessions(struct lb_store_txn *txn, uint64_t grant, uint32_t *count)
{
	struct lb_session session = {.number = 0};
	uint32_t n = 0;
	int err;

	while ((err = lb_store_next_session(txn, grant, session.number, &session)) == LB_OK &&
	       session.grant == grant)
		n += session.closed_s == 0;
	if (err != LB_OK && err != LB_ERR_NOT_FOUND)
		return err;
	*count = n;
	return LB_OK;
}

/* ---- roles ---- */

static int
allot_gid(struct lb_store_txn *t, const struct lb_key *key, struct lb_role_entry *entry)
{
	struct lb_counters c;
	int err = take_counters(t, &c);

	if (err != LB_OK)
		return err;
	if (c.role >= LB_ROLE_GIDS)
		return LB_ERR_FULL;
	entry->gid = LB_UID_FIRST + c.role++;
	err = lb_store_put(t, LB_TABLE_ROLE, key, entry);
	return err != LB_OK ? err : put_counters(t, &c);
}

int
lb_store_role_gid(struct lb_store_txn *txn, const char *role, uint32_t *gid)
{
	struct lb_key key = lb_key_text(role);
	struct lb_role_entry entry;
	int err;

	if (!lb_role_valid(role))
		return lb_store_latch(txn, LB_ERR_MALFORMED);
	err = lb_store_get(txn, LB_TABLE_ROLE, &key, &entry);
	if (err == LB_ERR_NOT_FOUND && txn->write)
		err = allot_gid(txn, &key, &entry);
	if (err == LB_OK)
		*gid = entry.gid;
	return lb_store_latch(txn, err);
}

/* ---- audit ---- */

/* Where the chain ends; seq 0 and a hash of zeros before the first record. */
static int
chain_end(struct lb_store_txn *t, uint64_t *seq, uint8_t hash[LB_HASH_SIZE])
{
	struct lb_key key = {0};
	struct lb_msg_record last = {0};
	MDB_val value = {0, NULL};
	int err;

	err = lb_store_seek(t, LB_TABLE_AUDIT, MDB_LAST, &key, &value);
	if (err == LB_OK)
		err = lb_audit_decode(NULL, key.bytes, key.size, value.mv_data, value.mv_size,
				      &last);
	if (err != LB_OK && err != LB_ERR_NOT_FOUND)
		return err;
	*seq = last.seq;
	memcpy(hash, last.hash, LB_HASH_SIZE);
	return LB_OK;
}

static int
append(struct lb_store_txn *t, struct lb_msg_record *record)
{
	struct lb_msg_record copy = *record;
	uint8_t buf[LB_RECORD_MAX], prev[LB_HASH_SIZE];
	struct lb_key key;
	size_t len;
	int err;

	err = chain_end(t, &copy.seq, prev);
	if (err != LB_OK)
		return err;
	copy.seq++;
	key = lb_key_u64(copy.seq);
	err = lb_audit_encode(prev, &copy, buf, &len);
	if (err != LB_OK)
		return err;
	err = lb_store_put_value(t, LB_TABLE_AUDIT, &key, buf, len, MDB_APPEND);
	if (err != LB_OK)
		return err;
	record->seq = copy.seq;
	memcpy(record->hash, copy.hash, sizeof record->hash);
	return LB_OK;
}

int
lb_store_append(struct lb_store_txn *txn, struct lb_msg_record *record)
{
	int err = lb_store_writable(txn);

	return lb_store_latch(txn, err != LB_OK ? err : append(txn, record));
}

int
lb_store_totals(struct lb_store_txn *txn, uint64_t *grants, uint64_t *records)
{
	uint8_t hash[LB_HASH_SIZE];
	struct lb_counters c;
	int err = lb_store_get_counters(txn, &c);

	if (err == LB_OK)
		err = chain_end(txn, records, hash);
	if (err == LB_OK)
		*grants = c.grant;
	return lb_store_latch(txn, err);
}

int
lb_store_next_record(struct lb_store_txn *txn, uint64_t after, struct lb_msg_record *record)
{
	struct lb_key key = lb_key_u64(after + 1);
	struct lb_msg_record found;
	MDB_val value = {0, NULL};
	int err;

	if (after == UINT64_MAX)
		return LB_ERR_NOT_FOUND;
	err = lb_store_seek(txn, LB_TABLE_AUDIT, MDB_SET_RANGE, &key, &value);
	if (err == LB_OK)
		err = lb_audit_decode(NULL, key.bytes, key.size, value.mv_data, value.mv_size,
				      &found);
	if (err == LB_OK)
		*record = found;
	return lb_store_latch(txn, err);
}
