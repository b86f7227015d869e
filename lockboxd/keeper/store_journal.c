/*
 * The journal: what the databases do not hold yet.  See store_inside.h,
 * STORE-FORMAT.
 *
 * It is one large value among the store's own, whose pages LMDB never moves or
 * writes to again once they are there; they are written to here, past LMDB.  So
 * a store is one file, and a copy of it is whole.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "store_inside.h"

#define PAGE_HEADER 16u /* of LMDB's, at the head of a large value's first page */
#define SIZE_MOST ((size_t)2 << 20)
#define MAP_SHARE 32 /* of the file's first size, at most */

/* ---- where it is ---- */

static size_t
system_page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

int
lb_journal_create(MDB_txn *txn, MDB_dbi meta, size_t map_size)
{
	size_t most = map_size / MAP_SHARE < SIZE_MOST ? map_size / MAP_SHARE : SIZE_MOST;
	struct lb_key key = lb_key_text(LB_KEY_JOURNAL);
	size_t page = system_page(), head = page - PAGE_HEADER;
	size_t pages = most / page > 2 ? most / page - 1 : 1;
	MDB_val k = {key.size, key.bytes};
	MDB_val v = {head + pages * page, NULL};
	int rc = mdb_put(txn, meta, &k, &v, MDB_RESERVE);

	if (rc != 0)
		return lb_store_from_mdb(rc);
	memset(v.mv_data, 0, head);
	lb_blocks_blank(0, pages * (page / LB_BLOCK_PAGE), (uint8_t *)v.mv_data + head);
	return LB_OK;
}

/* A large value as it lies in the file: whole pages, the first one's header before it. */
static int
find(MDB_txn *txn, MDB_dbi meta, struct lb_journal *j, const uint8_t **bytes)
{
	struct lb_key key = lb_key_text(LB_KEY_JOURNAL);
	MDB_val k = {key.size, key.bytes}, v;
	size_t head = system_page() - PAGE_HEADER, number;
	const uint8_t *value;

	if (mdb_get(txn, meta, &k, &v) != 0)
		return LB_ERR_DAMAGED;
	value = v.mv_data;
	if ((uintptr_t)value % system_page() != PAGE_HEADER || v.mv_size <= head ||
	    (v.mv_size - head) % LB_BLOCK_PAGE != 0)
		return LB_ERR_DAMAGED;
	for (size_t i = 0; i < head; i++)
		if (value[i] != 0)
			return LB_ERR_DAMAGED;
	memcpy(&number, value - PAGE_HEADER, sizeof number);
	j->at = (off_t)((number + 1) * system_page());
	j->pages = (v.mv_size - head) / LB_BLOCK_PAGE;
	*bytes = value + head;
	return LB_OK;
}

/* ---- noting ---- */

/* A leaf of its own, split, and a large value; what lies above is few and shared. */
static size_t
pages_taken(enum lb_table table, size_t size)
{
	return table == LB_TABLE_META ? 1 : 2 + size / (LB_BLOCK_PAGE / 2);
}

int
lb_journal_note(struct lb_journal *j, enum lb_table table, const struct lb_key *key,
		const void *value, size_t size)
{
	const struct lb_change change = {table, *key, value, size};

	j->takes += pages_taken(table, size);
	/* What is more than it can hold goes into the databases at once. */
	return j->noted.size > j->pages * LB_PAGE_ROOM ? LB_OK : lb_change_add(&j->noted, &change);
}

/* Every record that the databases do not hold, in order; *page is then the one after the last. */
static int
each_record(const uint8_t *bytes, const struct lb_journal *j, lb_change_fn *call, void *arg,
	    size_t *page)
{
	struct lb_bytes record = {0};
	int err = LB_OK;

	*page = 0;
	while (*page < j->pages && err == LB_OK) {
		err = lb_blocks_read(bytes, j->pages, j->epoch, page, &record);
		if (err == LB_OK)
			err = lb_changes_each(&record, call, arg);
	}
	free(record.bytes);
	return err == LB_ERR_NOT_FOUND ? LB_OK : err;
}

/* ---- reading ---- */

static int
accept_change(void *arg, const struct lb_change *c)
{
	(void)arg;
	(void)c;
	return LB_OK;
}

int
lb_journal_check(MDB_txn *txn, MDB_dbi meta, uint64_t epoch)
{
	struct lb_journal j = {.epoch = epoch};
	const uint8_t *bytes;
	size_t page;
	int err = find(txn, meta, &j, &bytes);

	if (err == LB_OK)
		err = lb_blocks_check(bytes, j.pages, epoch);
	return err == LB_OK ? each_record(bytes, &j, accept_change, NULL, &page) : err;
}

struct replay {
	struct lb_store *store;
	MDB_txn *txn;
};

static int
apply(void *arg, const struct lb_change *c)
{
	struct replay *to = arg;
	MDB_dbi dbi = to->store->dbi[c->table];
	struct lb_key copy = c->key;
	MDB_val k = {copy.size, copy.bytes};
	int err;

	to->store->journal.taken += pages_taken(c->table, c->size);
	if (c->value != NULL)
		return lb_store_put_bytes(to->txn, dbi, &c->key, c->value, c->size, 0);
	err = lb_store_from_mdb(mdb_del(to->txn, dbi, &k, NULL));
	return err == LB_ERR_NOT_FOUND ? LB_ERR_DAMAGED : err;
}

int
lb_journal_replay(struct lb_store *s, MDB_txn *txn)
{
	struct replay to = {s, txn};
	const uint8_t *bytes;
	int err = find(txn, s->dbi[LB_TABLE_META], &s->journal, &bytes);

	s->journal.taken = 0;
	return err == LB_OK ? each_record(bytes, &s->journal, apply, &to, &s->journal.used) : err;
}

/* ---- writing ---- */

static int
write_at(const struct lb_journal *j, size_t page, const uint8_t *bytes, size_t size)
{
	off_t at = j->at + (off_t)(page * LB_BLOCK_PAGE);

	while (size > 0) {
		ssize_t n = pwrite(j->fd, bytes, size, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return lb_store_from_mdb(n < 0 ? errno : EIO);
		bytes += n;
		at += n;
		size -= (size_t)n;
	}
	return LB_OK;
}

/* What was begun and is not to count is not to be taken for more of a later record. */
static int
wipe(const struct lb_journal *j, size_t pages)
{
	uint8_t *blank = malloc(pages * LB_BLOCK_PAGE);
	int err;

	if (blank == NULL)
		return LB_ERR_NOMEM;
	lb_blocks_blank(j->used, pages, blank);
	err = write_at(j, j->used, blank, pages * LB_BLOCK_PAGE);
	free(blank);
	return err;
}

int
lb_journal_append(struct lb_journal *j)
{
	size_t pages = lb_blocks_pages(j->noted.size);
	int err;

	if (pages > j->pages - j->used)
		return LB_ERR_TOO_LONG;
	err = lb_blocks_cut(&j->noted, j->epoch, j->used, &j->blocks);
	if (err != LB_OK)
		return err;
	err = write_at(j, j->used, j->blocks.bytes, j->blocks.size);
	if (err == LB_ERR_FULL && wipe(j, pages) == LB_OK)
		return err;
	if (err != LB_OK)
		return LB_ERR_SYSTEM;
	j->used += pages;
	j->taken += j->takes;
	lb_journal_forget(j);
	return LB_OK;
}

void
lb_journal_forget(struct lb_journal *j)
{
	j->noted.size = 0;
	j->takes = 0;
}

int
lb_journal_open(struct lb_store *s, MDB_txn *txn, const char *path)
{
	const uint8_t *bytes;
	size_t end;
	int err;

	s->journal.fd = open(path, O_WRONLY | O_DSYNC | O_NOFOLLOW | O_CLOEXEC);
	if (s->journal.fd < 0)
		return LB_ERR_SYSTEM;
	err = lb_journal_replay(s, txn);
	if (err == LB_OK)
		err = find(txn, s->dbi[LB_TABLE_META], &s->journal, &bytes);
	if (err != LB_OK)
		return err;
	/* Of what was being written when the power went. */
	end = lb_blocks_end(bytes, s->journal.pages, s->journal.epoch);
	return end > s->journal.used ? wipe(&s->journal, end - s->journal.used) : LB_OK;
}

void
lb_journal_close(struct lb_journal *j)
{
	free(j->noted.bytes);
	free(j->blocks.bytes);
	if (j->fd >= 0)
		close(j->fd);
}

void
lb_store_drop_top(struct lb_store *s)
{
	if (s->top != NULL)
		mdb_txn_abort(s->top);
	s->top = NULL;
	lb_journal_forget(&s->journal);
}
