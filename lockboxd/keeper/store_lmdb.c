/*
 * The store on LMDB: see store.h, STORE-FORMAT.
 *
 * One owner: the directory is held by flock() for as long as the store is
 * open, so LMDB's own lock file (and with it every stale reader) is not
 * needed.  Every commit is durable: none of LMDB's flags that trade that away
 * is ever set.
 */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <lmdb.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "err.h"
#include "store_records.h"
#include "wire.h"

#define ENV_FLAGS (MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOTLS)
#define MAP_MIN ((size_t)256 * 1024)
/* How long to wait for a dying owner to let go of the directory. */
#define OWNER_WAIT_MS 2000
#define OWNER_POLL_MS 10

struct lb_store_txn {
	struct lb_store *store;
	MDB_txn *txn; /* NULL: none is open */
	bool write;
	int failed; /* the first error, after which it can only be aborted */
};

struct lb_store {
	MDB_env *env;
	int dir; /* holds the lock */
	MDB_dbi dbi[LB_TABLE_COUNT];
	size_t soft_limit; /* pages */
	bool broken;	   /* the disk failed a commit: nothing is begun any more */
	struct lb_store_txn txn;
};

/* LMDB's and the system's errors as ours. */
static const struct {
	int from, to;
} error_map[] = {
	{MDB_SUCCESS, LB_OK},
	{MDB_NOTFOUND, LB_ERR_NOT_FOUND},
	{MDB_KEYEXIST, LB_ERR_EXISTS},
	{MDB_MAP_FULL, LB_ERR_FULL},
	{MDB_TXN_FULL, LB_ERR_FULL},
	{ENOSPC, LB_ERR_FULL},
	{EDQUOT, LB_ERR_FULL},
	{EFBIG, LB_ERR_FULL},
	{ENOMEM, LB_ERR_NOMEM},
	{MDB_VERSION_MISMATCH, LB_ERR_VERSION},
	{MDB_CORRUPTED, LB_ERR_DAMAGED},
	{MDB_PAGE_NOTFOUND, LB_ERR_DAMAGED},
	{MDB_INVALID, LB_ERR_DAMAGED},
	{MDB_INCOMPATIBLE, LB_ERR_DAMAGED},
	{MDB_CURSOR_FULL, LB_ERR_DAMAGED},
	{MDB_PANIC, LB_ERR_SYSTEM},
};

static int
from_mdb(int rc)
{
	for (size_t i = 0; i < sizeof error_map / sizeof error_map[0]; i++)
		if (error_map[i].from == rc)
			return error_map[i].to;
	if (rc <= 0)
		return LB_ERR_INTERNAL;
	errno = rc;
	return LB_ERR_SYSTEM;
}

/* ---- opening ---- */

static int
store_path(char path[PATH_MAX], const char *dir, const char *file)
{
	int len = snprintf(path, PATH_MAX, "%s/%s", dir, file);

	return len < 0 || len >= PATH_MAX ? LB_ERR_TOO_LONG : LB_OK;
}

static int
flock_wait(int fd)
{
	const struct timespec pause = {0, OWNER_POLL_MS * 1000000L};

	for (int waited = 0;; waited += OWNER_POLL_MS) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return LB_OK;
		if (errno != EWOULDBLOCK || waited >= OWNER_WAIT_MS)
			return LB_ERR_SYSTEM;
		nanosleep(&pause, NULL);
	}
}

/* Opens and locks the directory; nobody but the caller may be able to enter it. */
static int
own_directory(const char *dir, int *out)
{
	struct stat st;
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return LB_ERR_SYSTEM;
	if (fstat(fd, &st) != 0)
		goto fail;
	if (st.st_uid != geteuid() || (st.st_mode & 077) != 0) {
		errno = EPERM;
		goto fail;
	}
	if (flock_wait(fd) != LB_OK)
		goto fail;
	*out = fd;
	return LB_OK;
fail:
	close(fd);
	return LB_ERR_SYSTEM;
}

/* LB_ERR_NOT_FOUND when there is no store; LB_ERR_DAMAGED for what cannot be one. */
static int
examine_file(int dir)
{
	struct stat st;

	if (fstatat(dir, LB_STORE_FILE, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? LB_ERR_NOT_FOUND : LB_ERR_SYSTEM;
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1 || st.st_uid != geteuid() ||
	    (st.st_mode & 077) != 0) {
		errno = EPERM;
		return LB_ERR_SYSTEM;
	}
	/* LMDB would make a new store of an empty file. */
	return st.st_size == 0 ? LB_ERR_DAMAGED : LB_OK;
}

static size_t
round_map(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (size < MAP_MIN)
		size = MAP_MIN;
	return size > SIZE_MAX - page ? SIZE_MAX / page * page : (size + page - 1) / page * page;
}

static int
open_env(const char *path, size_t map_size, MDB_env **out)
{
	MDB_env *env;
	int rc = mdb_env_create(&env);

	if (rc != 0)
		return from_mdb(rc);
	rc = mdb_env_set_mapsize(env, map_size);
	if (rc == 0)
		rc = mdb_env_set_maxdbs(env, LB_TABLE_COUNT);
	if (rc == 0)
		rc = mdb_env_open(env, path, ENV_FLAGS, 0600);
	if (rc != 0) {
		mdb_env_close(env);
		return from_mdb(rc);
	}
	*out = env;
	return LB_OK;
}

static int
open_tables(MDB_txn *txn, MDB_dbi dbi[LB_TABLE_COUNT], unsigned int flags)
{
	for (int i = 0; i < LB_TABLE_COUNT; i++) {
		int rc = mdb_dbi_open(txn, lb_table_name((enum lb_table)i), flags, &dbi[i]);

		if (rc == MDB_NOTFOUND)
			return LB_ERR_DAMAGED;
		if (rc != 0)
			return from_mdb(rc);
	}
	return LB_OK;
}

static int
put_bytes(MDB_txn *txn, MDB_dbi dbi, const struct lb_key *key, const void *value, size_t size,
	  unsigned int flags)
{
	struct lb_key copy = *key;
	MDB_val k = {copy.size, copy.bytes}, v = {size, (void *)(uintptr_t)value};

	return from_mdb(mdb_put(txn, dbi, &k, &v, flags));
}

/* The format number and the first counters of a new store. */
static int
put_first_records(MDB_txn *txn, MDB_dbi meta)
{
	const struct lb_counters counters = {0};
	struct lb_key key = lb_key_text(LB_KEY_FORMAT);
	uint8_t buf[LB_RECORD_MAX];
	struct lb_writer w;
	size_t len;
	int err;

	lb_writer_init(&w, buf, LB_FORMAT_SIZE);
	lb_write_u32(&w, LB_STORE_VERSION);
	err = put_bytes(txn, meta, &key, buf, w.used, 0);
	if (err != LB_OK)
		return err;
	key = lb_key_text(LB_KEY_COUNTERS);
	err = lb_record_encode(LB_TABLE_META, &key, &counters, buf, &len);
	if (err != LB_OK)
		return err;
	return put_bytes(txn, meta, &key, buf, len, 0);
}

static int
fill_new_env(MDB_env *env)
{
	MDB_dbi dbi[LB_TABLE_COUNT];
	MDB_txn *txn;
	int err;

	err = from_mdb(mdb_txn_begin(env, NULL, 0, &txn));
	if (err != LB_OK)
		return err;
	err = open_tables(txn, dbi, MDB_CREATE);
	if (err == LB_OK)
		err = put_first_records(txn, dbi[LB_TABLE_META]);
	if (err != LB_OK) {
		mdb_txn_abort(txn);
		return err;
	}
	return from_mdb(mdb_txn_commit(txn));
}

/* An empty file with the right mode, whatever the umask. */
static int
make_file(int dir)
{
	int fd, err = LB_OK;

	if (unlinkat(dir, LB_STORE_FILE_NEW, 0) != 0 && errno != ENOENT)
		return LB_ERR_SYSTEM;
	fd = openat(dir, LB_STORE_FILE_NEW, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return from_mdb(errno);
	if (fchmod(fd, 0600) != 0)
		err = LB_ERR_SYSTEM;
	close(fd);
	return err;
}

/* Takes the blocks of the whole map from the file system now. */
static int
allocate(int dir, const char *name, size_t map_size)
{
	int rc, fd = openat(dir, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return LB_ERR_SYSTEM;
	do
		rc = posix_fallocate(fd, 0, (off_t)map_size);
	while (rc == EINTR);
	if (rc == 0 && fsync(fd) != 0)
		rc = errno;
	close(fd);
	return from_mdb(rc);
}

/* Made under another name and renamed, so that a store is there whole or not at all. */
static int
create(int dir, const char *dir_path, size_t map_size)
{
	char path[PATH_MAX];
	MDB_env *env;
	int err;

	err = store_path(path, dir_path, LB_STORE_FILE_NEW);
	if (err == LB_OK)
		err = make_file(dir);
	if (err == LB_OK)
		err = open_env(path, map_size, &env);
	if (err != LB_OK)
		goto out;
	err = fill_new_env(env);
	mdb_env_close(env);
	if (err == LB_OK)
		err = allocate(dir, LB_STORE_FILE_NEW, map_size);
	if (err == LB_OK && renameat(dir, LB_STORE_FILE_NEW, dir, LB_STORE_FILE) != 0)
		err = from_mdb(errno);
	if (err == LB_OK && fsync(dir) != 0)
		err = from_mdb(errno);
out:
	if (err != LB_OK)
		unlinkat(dir, LB_STORE_FILE_NEW, 0);
	return err;
}

static int
check_version(MDB_txn *txn)
{
	struct lb_key key = lb_key_text(LB_KEY_FORMAT);
	MDB_val k = {key.size, key.bytes}, v;
	struct lb_reader r;
	uint32_t version;
	MDB_dbi meta;

	if (mdb_dbi_open(txn, lb_table_name(LB_TABLE_META), 0, &meta) != 0 ||
	    mdb_get(txn, meta, &k, &v) != 0)
		return LB_ERR_DAMAGED;
	lb_reader_init(&r, v.mv_data, v.mv_size);
	version = lb_read_u32(&r);
	if (lb_reader_end(&r) != LB_OK || version == 0)
		return LB_ERR_DAMAGED;
	return version > LB_STORE_VERSION ? LB_ERR_VERSION : LB_OK;
}

/* Nothing is written here: a store of another version stays as it is. */
static int
open_databases(struct lb_store *s)
{
	MDB_txn *txn;
	int err;

	err = from_mdb(mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn));
	if (err != LB_OK)
		return err;
	err = check_version(txn);
	if (err == LB_OK)
		err = open_tables(txn, s->dbi, 0);
	if (err != LB_OK) {
		mdb_txn_abort(txn);
		return err;
	}
	return from_mdb(mdb_txn_commit(txn)); /* keeps the handles */
}

/* A file shorter than its own pages would fault when read. */
static int
check_size(const struct lb_store *s, size_t *file_size)
{
	MDB_envinfo info;
	MDB_stat stat;
	struct stat st;

	if (fstatat(s->dir, LB_STORE_FILE, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return LB_ERR_SYSTEM;
	if (mdb_env_info(s->env, &info) != 0 || mdb_env_stat(s->env, &stat) != 0)
		return LB_ERR_INTERNAL;
	if (stat.ms_psize == 0 || (size_t)st.st_size / stat.ms_psize <= info.me_last_pgno)
		return LB_ERR_DAMAGED;
	*file_size = (size_t)st.st_size;
	return LB_OK;
}

/*
 * Ordinary writes stop at nine tenths of what the file surely has.  An old
 * store whose file could not be enlarged, the disk being full, opens all the
 * same: endings need it.
 */
static int
reserve(struct lb_store *s)
{
	MDB_envinfo info;
	MDB_stat stat;
	size_t room;
	int err;

	if (mdb_env_info(s->env, &info) != 0 || mdb_env_stat(s->env, &stat) != 0)
		return LB_ERR_INTERNAL;
	err = allocate(s->dir, LB_STORE_FILE, info.me_mapsize);
	if (err != LB_OK && err != LB_ERR_FULL)
		return err;
	err = check_size(s, &room);
	if (err != LB_OK)
		return err;
	if (room > info.me_mapsize)
		room = info.me_mapsize;
	s->soft_limit = room / stat.ms_psize / 10 * 9;
	return LB_OK;
}

static int
open_store(struct lb_store *s, const char *dir, size_t map_size)
{
	char path[PATH_MAX];
	size_t size;
	int err;

	err = own_directory(dir, &s->dir);
	if (err != LB_OK)
		return err;
	err = examine_file(s->dir);
	if (err == LB_ERR_NOT_FOUND)
		err = create(s->dir, dir, map_size);
	if (err == LB_OK)
		err = store_path(path, dir, LB_STORE_FILE);
	if (err == LB_OK)
		err = open_env(path, map_size, &s->env);
	if (err == LB_OK)
		err = check_size(s, &size);
	if (err == LB_OK)
		err = open_databases(s);
	if (err == LB_OK)
		err = reserve(s);
	return err;
}

int
lb_store_open(const char *dir, size_t map_size, struct lb_store **store)
{
	struct lb_store *s;
	int err, saved;

	if (sodium_init() < 0)
		return LB_ERR_SYSTEM;
	s = calloc(1, sizeof *s);
	if (s == NULL)
		return LB_ERR_NOMEM;
	s->dir = -1;
	err = open_store(s, dir, round_map(map_size));
	if (err != LB_OK) {
		saved = errno;
		lb_store_close(s);
		errno = saved;
		return err;
	}
	*store = s;
	return LB_OK;
}

void
lb_store_close(struct lb_store *store)
{
	if (store == NULL)
		return;
	if (store->txn.txn != NULL)
		mdb_txn_abort(store->txn.txn);
	if (store->env != NULL)
		mdb_env_close(store->env);
	if (store->dir >= 0)
		close(store->dir);
	free(store);
}

/* ---- transactions ---- */

/* Pages that LMDB lists as free, for the day when the file's end is near. */
static int
count_free_pages(MDB_txn *txn, size_t *pages)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	size_t count, sum = 0;
	int rc = mdb_cursor_open(txn, 0, &cursor);

	if (rc != 0)
		return from_mdb(rc);
	while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		if (value.mv_size < sizeof count)
			continue;
		memcpy(&count, value.mv_data, sizeof count);
		sum += count;
	}
	mdb_cursor_close(cursor);
	if (rc != MDB_NOTFOUND)
		return from_mdb(rc);
	*pages = sum;
	return LB_OK;
}

static int
check_room(const struct lb_store *s, MDB_txn *txn)
{
	MDB_envinfo info;
	size_t used, spare;
	int err;

	if (mdb_env_info(s->env, &info) != 0)
		return LB_ERR_INTERNAL;
	used = info.me_last_pgno + 1;
	if (used < s->soft_limit)
		return LB_OK;
	err = count_free_pages(txn, &spare);
	if (err != LB_OK)
		return err;
	return used - (spare < used ? spare : used) < s->soft_limit ? LB_OK : LB_ERR_FULL;
}

int
lb_store_begin(struct lb_store *store, enum lb_store_mode mode, struct lb_store_txn **txn)
{
	unsigned int flags = mode == LB_STORE_READ ? MDB_RDONLY : 0;
	MDB_txn *begun;
	int err;

	if (store->txn.txn != NULL)
		return LB_ERR_INTERNAL;
	if (store->broken) {
		errno = EIO;
		return LB_ERR_SYSTEM;
	}
	err = from_mdb(mdb_txn_begin(store->env, NULL, flags, &begun));
	if (err != LB_OK)
		return err;
	if (mode == LB_STORE_WRITE) {
		err = check_room(store, begun);
		if (err != LB_OK) {
			mdb_txn_abort(begun);
			return err;
		}
	}
	store->txn = (struct lb_store_txn){store, begun, mode != LB_STORE_READ, LB_OK};
	*txn = &store->txn;
	return LB_OK;
}

int
lb_store_commit(struct lb_store_txn *txn)
{
	int err, failed = txn->failed;

	if (failed != LB_OK) {
		lb_store_abort(txn);
		return failed;
	}
	err = from_mdb(mdb_txn_commit(txn->txn));
	txn->txn = NULL;
	/* After a failed flush nobody knows what the disk has: a restart looks anew. */
	if (err != LB_OK && err != LB_ERR_FULL && err != LB_ERR_NOMEM)
		txn->store->broken = true;
	return err;
}

void
lb_store_abort(struct lb_store_txn *txn)
{
	mdb_txn_abort(txn->txn);
	txn->txn = NULL;
}

/* ---- records ---- */

/* Remembers a failure that leaves the transaction half done. */
static int
latch(struct lb_store_txn *t, int err)
{
	if (err != LB_OK && err != LB_ERR_NOT_FOUND && t->failed == LB_OK)
		t->failed = err;
	return err;
}

/* Whether a write may go on in this transaction. */
static int
writable(struct lb_store_txn *t)
{
	if (!t->write)
		return LB_ERR_INTERNAL;
	return t->failed;
}

static int
get_bytes(struct lb_store_txn *t, enum lb_table table, const struct lb_key *key, MDB_val *value)
{
	struct lb_key copy = *key;
	MDB_val k = {copy.size, copy.bytes};

	return from_mdb(mdb_get(t->txn, t->store->dbi[table], &k, value));
}

static int
get(struct lb_store_txn *t, enum lb_table table, const struct lb_key *key, void *record)
{
	MDB_val value;
	int err = get_bytes(t, table, key, &value);

	if (err != LB_OK)
		return err;
	return lb_record_decode(table, key->bytes, key->size, value.mv_data, value.mv_size, record);
}

static int
put(struct lb_store_txn *t, enum lb_table table, const struct lb_key *key, const void *record)
{
	uint8_t buf[LB_RECORD_MAX];
	size_t len;
	int err = lb_record_encode(table, key, record, buf, &len);

	if (err != LB_OK)
		return err;
	return put_bytes(t->txn, t->store->dbi[table], key, buf, len, 0);
}

static int
put_index(struct lb_store_txn *t, enum lb_table table, const struct lb_key *key)
{
	return put_bytes(t->txn, t->store->dbi[table], key, "", 0, 0);
}

static int
drop(struct lb_store_txn *t, enum lb_table table, const struct lb_key *key)
{
	struct lb_key copy = *key;
	MDB_val k = {copy.size, copy.bytes};

	return from_mdb(mdb_del(t->txn, t->store->dbi[table], &k, NULL));
}

/* An index entry that must be there. */
static int
drop_index(struct lb_store_txn *t, enum lb_table table, const struct lb_key *key)
{
	int err = drop(t, table, key);

	return err == LB_ERR_NOT_FOUND ? LB_ERR_DAMAGED : err;
}

/*
 * Finds the entry with the smallest key not below *key (op MDB_SET_RANGE), the
 * first (MDB_FIRST) or the last (MDB_LAST), and copies its key.  The value
 * stays good until the next write.
 */
static int
seek(struct lb_store_txn *t, enum lb_table table, MDB_cursor_op op, struct lb_key *key,
     MDB_val *value)
{
	struct lb_key from = *key;
	MDB_val k = {from.size, from.bytes};
	MDB_cursor *cursor;
	int rc = mdb_cursor_open(t->txn, t->store->dbi[table], &cursor);

	if (rc != 0)
		return from_mdb(rc);
	rc = mdb_cursor_get(cursor, &k, value, op);
	mdb_cursor_close(cursor);
	if (rc != 0)
		return from_mdb(rc);
	if (k.mv_size > sizeof key->bytes)
		return LB_ERR_DAMAGED;
	memcpy(key->bytes, k.mv_data, k.mv_size);
	key->size = k.mv_size;
	return LB_OK;
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

/* ---- counters ---- */

static int
get_counters(struct lb_store_txn *t, struct lb_counters *c)
{
	struct lb_key key = lb_key_text(LB_KEY_COUNTERS);
	int err = get(t, LB_TABLE_META, &key, c);

	return err == LB_ERR_NOT_FOUND ? LB_ERR_DAMAGED : err;
}

static int
put_counters(struct lb_store_txn *t, const struct lb_counters *c)
{
	struct lb_key key = lb_key_text(LB_KEY_COUNTERS);

	return put(t, LB_TABLE_META, &key, c);
}

/* Reads the counters for a change. */
static int
take_counters(struct lb_store_txn *t, struct lb_counters *c)
{
	int err = writable(t);

	return err != LB_OK ? err : get_counters(t, c);
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
	return latch(txn, err);
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
	return latch(txn, err);
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
lb_store_clock_mark(struct lb_store_txn *txn, uint64_t *unix_s)
{
	struct lb_counters c;
	int err = get_counters(txn, &c);

	if (err == LB_OK)
		*unix_s = c.clock_mark;
	return latch(txn, err);
}

int
lb_store_set_clock_mark(struct lb_store_txn *txn, uint64_t unix_s)
{
	struct lb_counters c;
	int err = take_counters(txn, &c);

	if (err == LB_OK) {
		c.clock_mark = unix_s;
		err = put_counters(txn, &c);
	}
	return latch(txn, err);
}

/* ---- grants ---- */

/* Reads a grant that an index says is there. */
static int
indexed_grant(struct lb_store_txn *t, uint64_t id, struct lb_grant *grant)
{
	struct lb_key key = lb_key_u64(id);
	struct lb_grant found;
	int err = get(t, LB_TABLE_GRANT, &key, &found);

	if (err == LB_OK)
		*grant = found;
	return err == LB_ERR_NOT_FOUND ? LB_ERR_DAMAGED : err;
}

int
lb_store_grant(struct lb_store_txn *txn, uint64_t id, struct lb_grant *grant)
{
	struct lb_key key = lb_key_u64(id);
	struct lb_grant found;
	int err = get(txn, LB_TABLE_GRANT, &key, &found);

	if (err == LB_OK)
		*grant = found;
	return latch(txn, err);
}

int
lb_store_grant_by_uid(struct lb_store_txn *txn, uint32_t uid, struct lb_grant *grant)
{
	struct lb_key key = lb_key_u32(uid);
	struct lb_uid_entry entry;
	int err = get(txn, LB_TABLE_UID, &key, &entry);

	if (err == LB_OK)
		err = indexed_grant(txn, entry.grant, grant);
	return latch(txn, err);
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
	err = get_counters(t, &c);
	if (err != LB_OK)
		return err;
	if (new->id > c.grant || (new->uid != 0 && new->uid > lb_account_uid(c.serial)))
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
	err = get(t, LB_TABLE_UID, &key, &entry);
	if (err != LB_ERR_NOT_FOUND)
		return err == LB_OK ? LB_ERR_EXISTS : err;
	entry.grant = new->id;
	return put(t, LB_TABLE_UID, &key, &entry);
}

static int
put_grant(struct lb_store_txn *t, const struct lb_grant *new)
{
	static int (*const indexers[])(struct lb_store_txn *, const struct lb_grant *,
				       const struct lb_grant *) = {
		check_change, index_uid, index_person, index_live, index_deadline,
	};
	struct lb_key key = lb_key_u64(new->id);
	struct lb_grant old;
	int err;

	err = get(t, LB_TABLE_GRANT, &key, &old);
	if (err == LB_ERR_NOT_FOUND)
		memset(&old, 0, sizeof old);
	else if (err != LB_OK)
		return err;
	/* First the record: it refuses what is not valid before an index is made of it. */
	err = put(t, LB_TABLE_GRANT, &key, new);
	for (size_t i = 0; err == LB_OK && i < sizeof indexers / sizeof indexers[0]; i++)
		err = indexers[i](t, &old, new);
	return err;
}

int
lb_store_put_grant(struct lb_store_txn *txn, const struct lb_grant *grant)
{
	int err = writable(txn);

	return latch(txn, err != LB_OK ? err : put_grant(txn, grant));
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
	err = seek(txn, LB_TABLE_LIVE, MDB_SET_RANGE, &key, &value);
	if (err == LB_OK)
		err = key_id(&key, sizeof id, &id);
	if (err == LB_OK)
		err = indexed_grant(txn, id, grant);
	return latch(txn, err);
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
	err = seek(txn, LB_TABLE_PERSON, MDB_SET_RANGE, &key, &value);
	if (err == LB_OK && (key.size < prefix || memcmp(key.bytes, identity, prefix) != 0))
		err = LB_ERR_NOT_FOUND;
	if (err == LB_OK)
		err = key_id(&key, prefix + sizeof id, &id);
	if (err == LB_OK)
		err = indexed_grant(txn, id, grant);
	return latch(txn, err);
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
	err = seek(txn, LB_TABLE_GRANT, MDB_SET_RANGE, &key, &value);
	if (err == LB_OK)
		err = lb_record_decode(LB_TABLE_GRANT, key.bytes, key.size, value.mv_data,
				       value.mv_size, &found);
	if (err == LB_OK)
		*grant = found;
	return latch(txn, err);
}

int
lb_store_next_due(struct lb_store_txn *txn, struct lb_grant *grant)
{
	struct lb_key key = {0};
	MDB_val value;
	uint64_t id;
	int err;

	err = seek(txn, LB_TABLE_DEADLINE, MDB_FIRST, &key, &value);
	if (err == LB_OK)
		err = key_id(&key, 2 * sizeof id, &id);
	if (err == LB_OK)
		err = indexed_grant(txn, id, grant);
	return latch(txn, err);
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
	err = number == 0 ? next_session_number(t, &number) : get_counters(t, &c);
	if (err != LB_OK)
		return err;
	if (session->number != 0 && number > c.session)
		return LB_ERR_INTERNAL; /* never handed out */
	copy = *session;
	copy.number = number;
	key = lb_key_pair(copy.grant, number);
	err = put(t, LB_TABLE_SESSION, &key, &copy);
	if (err == LB_OK)
		session->number = number;
	return err;
}

int
lb_store_put_session(struct lb_store_txn *txn, struct lb_session *session)
{
	int err = writable(txn);

	return latch(txn, err != LB_OK ? err : put_session(txn, session));
}

int
lb_store_drop_session(struct lb_store_txn *txn, uint64_t grant, uint64_t number)
{
	struct lb_key key = lb_key_pair(grant, number);
	int err = writable(txn);

	return latch(txn, err != LB_OK ? err : drop(txn, LB_TABLE_SESSION, &key));
}

int
lb_store_next_session(struct lb_store_txn *txn, uint64_t grant, uint64_t number,
		      struct lb_session *session)
{
	struct lb_key key = lb_key_pair(grant, number + 1);
	struct lb_session found;
	MDB_val value;
	int err;

	if (number == UINT64_MAX)
		return LB_ERR_NOT_FOUND;
	err = seek(txn, LB_TABLE_SESSION, MDB_SET_RANGE, &key, &value);
	if (err == LB_OK)
		err = lb_record_decode(LB_TABLE_SESSION, key.bytes, key.size, value.mv_data,
				       value.mv_size, &found);
	if (err == LB_OK)
		*session = found;
	return latch(txn, err);
}

int
lb_store_count_sessions(struct lb_store_txn *txn, uint64_t grant, uint32_t *count)
{
	struct lb_session session = {.number = 0};
	uint32_t n = 0;
	int err;

	while ((err = lb_store_next_session(txn, grant, session.number, &session)) == LB_OK &&
	       session.grant == grant)
		n++;
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
	err = put(t, LB_TABLE_ROLE, key, entry);
	return err != LB_OK ? err : put_counters(t, &c);
}

int
lb_store_role_gid(struct lb_store_txn *txn, const char *role, uint32_t *gid)
{
	struct lb_key key = lb_key_text(role);
	struct lb_role_entry entry;
	int err;

	if (!lb_role_valid(role))
		return latch(txn, LB_ERR_MALFORMED);
	err = get(txn, LB_TABLE_ROLE, &key, &entry);
	if (err == LB_ERR_NOT_FOUND && txn->write)
		err = allot_gid(txn, &key, &entry);
	if (err == LB_OK)
		*gid = entry.gid;
	return latch(txn, err);
}

/* ---- audit ---- */

/* Where the chain ends; seq 0 and a hash of zeros before the first record. */
static int
chain_end(struct lb_store_txn *t, uint64_t *seq, uint8_t hash[LB_HASH_SIZE])
{
	struct lb_key key = {0};
	struct lb_msg_record last = {0};
	MDB_val value;
	int err;

	err = seek(t, LB_TABLE_AUDIT, MDB_LAST, &key, &value);
	if (err == LB_OK)
		err = lb_audit_decode(NULL, key.bytes, key.size, value.mv_data, value.mv_size, &last);
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
	err = put_bytes(t->txn, t->store->dbi[LB_TABLE_AUDIT], &key, buf, len, MDB_APPEND);
	if (err != LB_OK)
		return err;
	record->seq = copy.seq;
	memcpy(record->hash, copy.hash, sizeof record->hash);
	return LB_OK;
}

int
lb_store_append(struct lb_store_txn *txn, struct lb_msg_record *record)
{
	int err = writable(txn);

	return latch(txn, err != LB_OK ? err : append(txn, record));
}

int
lb_store_next_record(struct lb_store_txn *txn, uint64_t after, struct lb_msg_record *record)
{
	struct lb_key key = lb_key_u64(after + 1);
	struct lb_msg_record found;
	MDB_val value;
	int err;

	if (after == UINT64_MAX)
		return LB_ERR_NOT_FOUND;
	err = seek(txn, LB_TABLE_AUDIT, MDB_SET_RANGE, &key, &value);
	if (err == LB_OK)
		err = lb_audit_decode(NULL, key.bytes, key.size, value.mv_data, value.mv_size,
				      &found);
	if (err == LB_OK)
		*record = found;
	return latch(txn, err);
}
