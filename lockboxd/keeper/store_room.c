/*
 * The size of the store's file: what is set aside for endings, and how it
 * grows.  See store.h, STORE-FORMAT.
 *
 * The blocks of the whole map belong to the file before anything is written
 * there, so a full disk shows when the file is to grow and not when a grant has
 * to be ended.  The file never becomes smaller.
 */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "err.h"
#include "store_inside.h"

/* After a growth that the file system refused although it had said that there was room. */
#define RETRY_MS 1000
/* The pages above leaves that changes take before a checkpoint, and those of the list of free ones. */
#define SHARED_PAGES 32

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Asked first, so that an attempt does not take for a moment what others still have. */
static int
look_for_room(int fd, size_t bytes)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) != 0)
		return LB_ERR_SYSTEM;
	return fs.f_bsize > 0 && bytes / (size_t)fs.f_bsize >= fs.f_bavail ? LB_ERR_FULL : LB_OK;
}

int
lb_store_allocate(MDB_env *env, size_t from, size_t size)
{
	struct stat st;
	int rc, fd;

	rc = mdb_env_get_fd(env, &fd);
	if (rc == 0 && fstat(fd, &st) != 0)
		rc = errno;
	if (rc != 0)
		return lb_store_from_mdb(rc);
	if ((size_t)st.st_size < size &&
	    look_for_room(fd, size - (size_t)st.st_size) == LB_ERR_FULL)
		rc = ENOSPC;
	while (rc == 0 && (rc = posix_fallocate(fd, (off_t)from, (off_t)(size - from))) == EINTR)
		rc = 0;
	/* What was given of it goes back. */
	if (lb_store_from_mdb(rc) == LB_ERR_FULL && ftruncate(fd, st.st_size) != 0)
		rc = errno;
	if (rc == 0 && fsync(fd) != 0)
		rc = errno;
	return lb_store_from_mdb(rc);
}

/* Ordinary writes stop at nine tenths of what the file surely has. */
static int
set_limit(struct lb_store *s)
{
	MDB_stat stat;

	if (mdb_env_stat(s->env, &stat) != 0)
		return LB_ERR_INTERNAL;
	s->soft_limit = s->sparse ? 0 : s->size / stat.ms_psize / 10 * 9;
	return LB_OK;
}

/* Takes size bytes for file and map; an error but LB_ERR_FULL leaves nothing to go on with. */
static int
resize(struct lb_store *s, size_t size)
{
	int err = lb_store_allocate(s->env, s->sparse ? 0 : s->size, size);

	s->disk_full = err == LB_ERR_FULL;
	if (err == LB_OK && size != s->size)
		err = lb_store_from_mdb(mdb_env_set_mapsize(s->env, size));
	if (err == LB_ERR_FULL)
		return err;
	if (err == LB_OK) {
		s->sparse = false;
		s->size = size;
		err = set_limit(s);
	}
	s->broken = err != LB_OK;
	return err;
}

/*
 * A file that has lost its blocks in a copy, or is shorter than a new store
 * would be, opens all the same when the disk is full: endings need it.
 */
int
lb_store_reserve(struct lb_store *s, size_t file_size, size_t least)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int err;

	s->size = file_size / page * page;
	s->step = s->most = least;
	s->sparse = true;
	err = resize(s, s->size);
	if (err == LB_OK && s->size < least)
		err = resize(s, least);
	return err == LB_ERR_FULL ? LB_OK : err;
}

int
lb_store_room(const struct lb_store *s, MDB_txn *txn)
{
	MDB_envinfo info;
	MDB_stat live;
	size_t used;

	if (mdb_env_info(s->env, &info) != 0 || mdb_stat(txn, s->dbi[LB_TABLE_LIVE], &live) != 0)
		return LB_ERR_INTERNAL;
	used = info.me_last_pgno + 1;
	if (s->journal.taken > 0)
		used += SHARED_PAGES + s->journal.taken;
	return used + live.ms_entries < s->soft_limit ? LB_OK : LB_ERR_FULL;
}

int
lb_store_enlarge(struct lb_store *s)
{
	size_t left = s->most > s->size ? s->most - s->size : 0, size = s->size;
	int err;

	if (!s->sparse) /* else what it has comes first */
		size += left < s->step ? left : s->step;
	if ((!s->sparse && left == 0) || now_ms() < s->retry_ms)
		return LB_ERR_FULL;
	/* The map can only change while nothing is in it. */
	lb_store_drop_top(s);
	err = resize(s, size);
	if (err == LB_ERR_FULL)
		s->retry_ms = now_ms() + RETRY_MS;
	return err;
}

void
lb_store_set_most(struct lb_store *store, uint64_t most)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	store->most = (size_t)most / page * page;
}

void
lb_store_get_size(const struct lb_store *store, struct lb_store_size *size)
{
	*size = (struct lb_store_size){store->size, store->most, store->disk_full};
}
