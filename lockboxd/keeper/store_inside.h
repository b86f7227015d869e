/*
 * What the parts of the LMDB store share: the open store, its transaction, and
 * reading and writing one record.
 *
 * Private to the store.  store_open.c opens and creates, store_lmdb.c holds
 * transactions and single records, store_grant.c grants and their indexes,
 * store_room.c the size of the file, store_error.c what LMDB calls errors.
 */
#ifndef LB_STORE_INSIDE_H
#define LB_STORE_INSIDE_H

#include <lmdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "store_records.h"

struct lb_store_txn {
	struct lb_store *store;
	MDB_txn *txn; /* NULL: none is open */
	bool write;
	bool wrote;
	int failed; /* the first error, after which it can only be aborted */
};

struct lb_store {
	MDB_env *env;
	int dir;     /* holds the lock */
	pid_t owner; /* who opened it: no child of its may go on with it */
	MDB_dbi dbi[LB_TABLE_COUNT];
	size_t size, step, most; /* bytes: of the map and file, how they grow, and how far */
	size_t soft_limit;	 /* pages */
	bool sparse;		 /* the file system has not given all of the file's blocks yet */
	bool disk_full;		 /* there was no room to grow the last time */
	int64_t retry_ms;	 /* when a growth is tried again that the file system refused */
	bool broken;		 /* the disk failed a commit: nothing is begun any more */
	struct lb_store_txn txn;
};

/* The error for what LMDB, or a system call through it, returned; sets errno for LB_ERR_SYSTEM. */
int lb_store_from_mdb(int rc);

/* Opens the databases in dbi; MDB_CREATE in flags makes them.  LB_ERR_DAMAGED when one is missing. */
int lb_store_open_tables(MDB_txn *txn, MDB_dbi dbi[LB_TABLE_COUNT], unsigned int flags);
/* LB_ERR_VERSION when the format number is not this build's, LB_ERR_DAMAGED without one. */
int lb_store_check_version(MDB_txn *txn);
/* Writes one value as it is. */
int lb_store_put_bytes(MDB_txn *txn, MDB_dbi dbi, const struct lb_key *key, const void *value,
		       size_t size, unsigned int flags);

/*
 * Has the file system set aside the bytes from `from` up to size of the store's
 * file, wholly or not at all, durably.  LB_ERR_FULL; LB_ERR_SYSTEM.
 */
int lb_store_allocate(MDB_env *env, size_t from, size_t size);
/* Sets the room of a store just opened, whose file has file_size bytes, and sees that it has least. */
int lb_store_reserve(struct lb_store *s, size_t file_size, size_t least);
/* LB_ERR_FULL when an ordinary transaction would find less room than endings need. */
int lb_store_room(const struct lb_store *s, MDB_txn *txn);
/* Makes the file a step larger; no transaction may be open.  LB_ERR_FULL when it cannot grow now. */
int lb_store_enlarge(struct lb_store *s);

/*
 * Every public call ends with latch: it remembers an error that leaves a write
 * transaction half done, and returns it.  Every public write begins with
 * writable: LB_OK when the transaction may be written to.
 */
int lb_store_latch(struct lb_store_txn *t, int err);
int lb_store_writable(struct lb_store_txn *t);

/* One record, decoded or encoded wholly; record is of the table's type.  LB_ERR_NOT_FOUND. */
int lb_store_get(struct lb_store_txn *t, enum lb_table table, const struct lb_key *key,
		 void *record);
int lb_store_put(struct lb_store_txn *t, enum lb_table table, const struct lb_key *key,
		 const void *record);
int lb_store_drop(struct lb_store_txn *t, enum lb_table table, const struct lb_key *key);
/*
 * Finds the entry with the smallest key not below *key (op MDB_SET_RANGE), the
 * first (MDB_FIRST) or the last (MDB_LAST), and copies its key.  The value
 * stays good until the next write.  LB_ERR_NOT_FOUND.
 */
int lb_store_seek(struct lb_store_txn *t, enum lb_table table, MDB_cursor_op op, struct lb_key *key,
		  MDB_val *value);

/* The numbers handed out so far. */
int lb_store_get_counters(struct lb_store_txn *t, struct lb_counters *c);

#endif
