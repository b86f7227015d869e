/*
 * Opening and creating the store: see store.h, STORE-FORMAT.
 *
 * One owner: the directory is held by flock() for as long as the store is
 * open, so LMDB's own lock file (and with it every stale reader) is not
 * needed.  None of LMDB's flags that trade durability away is ever set.
 */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "err.h"
#include "store_inside.h"
#include "wire.h"

#define ENV_FLAGS (MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOTLS)
#define MAP_MIN ((size_t)256 * 1024)
/* How long to wait for a dying owner to let go of the directory. */
#define OWNER_WAIT_MS 2000
#define OWNER_POLL_MS 10

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

/* LB_ERR_NOT_FOUND when there is no store; LB_ERR_DAMAGED for what cannot be one.  *size: of the file. */
static int
examine_file(int dir, size_t *size)
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
	if (st.st_size == 0)
		return LB_ERR_DAMAGED;
	*size = (size_t)st.st_size;
	return LB_OK;
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
		return lb_store_from_mdb(rc);
	rc = mdb_env_set_mapsize(env, map_size);
	if (rc == 0)
		rc = mdb_env_set_maxdbs(env, LB_TABLE_COUNT);
	if (rc == 0)
		rc = mdb_env_open(env, path, ENV_FLAGS, 0600);
	if (rc != 0) {
		mdb_env_close(env);
		return lb_store_from_mdb(rc);
	}
	*out = env;
	return LB_OK;
}

int
lb_store_open_tables(MDB_txn *txn, MDB_dbi dbi[LB_TABLE_COUNT], unsigned int flags)
{
	for (int i = 0; i < LB_TABLE_COUNT; i++) {
		int rc = mdb_dbi_open(txn, lb_table_name((enum lb_table)i), flags, &dbi[i]);

		if (rc == MDB_NOTFOUND)
			return LB_ERR_DAMAGED;
		if (rc != 0)
			return lb_store_from_mdb(rc);
	}
	return LB_OK;
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
	err = lb_store_put_bytes(txn, meta, &key, buf, w.used, 0);
	if (err != LB_OK)
		return err;
	key = lb_key_text(LB_KEY_COUNTERS);
	err = lb_record_encode(LB_TABLE_META, &key, &counters, buf, &len);
	if (err != LB_OK)
		return err;
	return lb_store_put_bytes(txn, meta, &key, buf, len, 0);
}

static int
fill_new_env(MDB_env *env)
{
	MDB_dbi dbi[LB_TABLE_COUNT];
	MDB_txn *txn;
	int err;

	err = lb_store_from_mdb(mdb_txn_begin(env, NULL, 0, &txn));
	if (err != LB_OK)
		return err;
	err = lb_store_open_tables(txn, dbi, MDB_CREATE);
	if (err == LB_OK)
		err = put_first_records(txn, dbi[LB_TABLE_META]);
	if (err != LB_OK) {
		mdb_txn_abort(txn);
		return err;
	}
	return lb_store_from_mdb(mdb_txn_commit(txn));
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
		return lb_store_from_mdb(errno);
	if (fchmod(fd, 0600) != 0)
		err = LB_ERR_SYSTEM;
	close(fd);
	return err;
}

/* Made under another name and renamed, so that a store is there whole or not at all. */
static int
create(int dir, const char *dir_path, size_t map_size)
{
	char path[PATH_MAX];
	MDB_env *env = NULL;
	int err;

	err = store_path(path, dir_path, LB_STORE_FILE_NEW);
	if (err == LB_OK)
		err = make_file(dir);
	if (err == LB_OK)
		err = open_env(path, map_size, &env);
	if (err != LB_OK)
		goto out;
	err = fill_new_env(env);
	if (err == LB_OK)
		err = lb_store_allocate(env, 0, map_size);
	mdb_env_close(env);
	if (err == LB_OK && renameat(dir, LB_STORE_FILE_NEW, dir, LB_STORE_FILE) != 0)
		err = lb_store_from_mdb(errno);
	if (err == LB_OK && fsync(dir) != 0)
		err = lb_store_from_mdb(errno);
out:
	if (err != LB_OK)
		unlinkat(dir, LB_STORE_FILE_NEW, 0);
	return err;
}

int
lb_store_check_version(MDB_txn *txn)
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
	return version == LB_STORE_VERSION ? LB_OK : LB_ERR_VERSION;
}

/* Nothing is written here: a store of another version stays as it is. */
static int
open_databases(struct lb_store *s)
{
	MDB_txn *txn;
	int err;

	err = lb_store_from_mdb(mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn));
	if (err != LB_OK)
		return err;
	err = lb_store_check_version(txn);
	if (err == LB_OK)
		err = lb_store_open_tables(txn, s->dbi, 0);
	if (err != LB_OK) {
		mdb_txn_abort(txn);
		return err;
	}
	return lb_store_from_mdb(mdb_txn_commit(txn)); /* keeps the handles */
}

/* A file shorter than its own pages would fault when read. */
static int
check_size(const struct lb_store *s, size_t file_size)
{
	MDB_envinfo info;
	MDB_stat stat;

	if (mdb_env_info(s->env, &info) != 0 || mdb_env_stat(s->env, &stat) != 0)
		return LB_ERR_INTERNAL;
	if (stat.ms_psize == 0 || file_size / stat.ms_psize <= info.me_last_pgno)
		return LB_ERR_DAMAGED;
	return LB_OK;
}

static int
open_store(struct lb_store *s, const char *dir, size_t map_size)
{
	char path[PATH_MAX];
	size_t size = 0;
	int err;

	err = own_directory(dir, &s->dir);
	if (err != LB_OK)
		return err;
	err = examine_file(s->dir, &size);
	if (err == LB_ERR_NOT_FOUND) {
		err = create(s->dir, dir, map_size);
		if (err == LB_OK)
			err = examine_file(s->dir, &size);
	}
	if (err == LB_OK)
		err = store_path(path, dir, LB_STORE_FILE);
	/* The map is what the file has: it has grown before, or is of a time with a smaller first size. */
	if (err == LB_OK)
		err = open_env(path, size, &s->env);
	if (err == LB_OK)
		err = check_size(s, size);
	if (err == LB_OK)
		err = open_databases(s);
	return err == LB_OK ? lb_store_reserve(s, size, map_size) : err;
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
	s->owner = getpid();
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
