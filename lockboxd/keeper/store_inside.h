/*
 * What the parts of the LMDB store share: the open store, its transaction, and
 * reading and writing one record.
 *
 * Private to the store.  store_open.c opens and creates, store_lmdb.c holds
 * transactions and single records, store_grant.c grants and their indexes,
 * store_journal.c what is durable before the databases have it (store_changes.c
 * and store_blocks.c its bytes), store_room.c the size of the file, store_error.c
 * what LMDB calls errors.
 */
#ifndef LB_STORE_INSIDE_H
#define LB_STORE_INSIDE_H

#include <lmdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "store_changes.h"

/*
 * A commit is one record in the journal, and one flush.  All transactions work
 * in one of LMDB's (lb_store.top), which is committed, the journal then being
 * empty, only when that is full: a checkpoint.  What was in it when it is given
 * up, or when the process ends, comes back out of the journal.
 */
struct lb_journal {
	int fd;	      /* its writes are durable when they return */
	off_t at;     /* in the file */
	size_t pages; /* of LB_BLOCK_PAGE bytes */
	size_t used;  /* so many of them hold what the databases do not */
	uint64_t epoch;
	size_t taken; /* pages that changes since the last checkpoint have taken, at most */

	/* Of the transaction that is open. */
	struct lb_bytes noted;
	size_t takes;

	struct lb_bytes blocks; /* what is being written */
};

struct lb_store_txn {
	struct lb_store *store;
	MDB_txn *txn; /* the store's top; NULL: none is open */
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
	MDB_txn *top;		 /* NULL: to be begun, and the journal put into it */
	struct lb_journal journal;
	struct lb_store_txn txn;
};

/* The error for what LMDB, or a system call through it, returned; sets errno for LB_ERR_SYSTEM. */
int lb_store_from_mdb(int rc);

/* Opens the databases in dbi; MDB_CREATE in flags makes them.  LB_ERR_DAMAGED when one is missing. */
int lb_store_open_tables(MDB_txn *txn, MDB_dbi dbi[LB_TABLE_COUNT], unsigned int flags);
/* LB_ERR_VERSION when the format number is not this build's, LB_ERR_DAMAGED without one. */
int lb_store_check_version(MDB_txn *txn);
/* Writes one value as it is, past the journal. */
int lb_store_put_bytes(MDB_txn *txn, MDB_dbi dbi, const struct lb_key *key, const void *value,
		       size_t size, unsigned int flags);

/* The journal of a new store, empty. */
int lb_journal_create(MDB_txn *txn, MDB_dbi meta, size_t map_size);
/* Examines all of it.  LB_ERR_DAMAGED; LB_ERR_NOMEM. */
int lb_journal_check(MDB_txn *txn, MDB_dbi meta, uint64_t epoch);
/*
 * Opens the journal of a store whose databases and epoch are known, and puts
 * what it holds into txn.  LB_ERR_DAMAGED; LB_ERR_NOMEM; LB_ERR_SYSTEM.
 */
int lb_journal_open(struct lb_store *s, MDB_txn *txn, const char *path);
void lb_journal_close(struct lb_journal *j);
/* Puts what it holds into another transaction. */
int lb_journal_replay(struct lb_store *s, MDB_txn *txn);
/* Notes a change of the transaction that is open; value NULL: the record is deleted.  LB_ERR_NOMEM. */
int lb_journal_note(struct lb_journal *j, enum lb_table table, const struct lb_key *key,
		    const void *value, size_t size);
/*
 * Makes what was noted durable.  LB_ERR_TOO_LONG: it has no room, and a
 * checkpoint has to do it; LB_ERR_FULL, LB_ERR_NOMEM: nothing was written;
 * LB_ERR_SYSTEM: nobody knows what was.
 */
int lb_journal_append(struct lb_journal *j);
/* Drops what was noted. */
void lb_journal_forget(struct lb_journal *j);

/*
 * Has the databases take over what the journal holds, with all that the top
 * transaction has besides.  LB_ERR_FULL, LB_ERR_NOMEM: they are as before.
 */
int lb_store_checkpoint(struct lb_store *s);
/* Gives the top transaction up: what is not in the journal is gone. */
void lb_store_drop_top(struct lb_store *s);

/*
 * Has the file system set aside the bytes from `from` up to size of the store's
 * file, wholly or not at all, durably.  LB_ERR_FULL; LB_ERR_SYSTEM.
 */
int lb_store_allocate(MDB_env *env, size_t from, size_t size);
/* Sets the room of a store just opened, whose file has file_size bytes, and sees that it has least. */
int lb_store_reserve(struct lb_store *s, size_t file_size, size_t least);
/*
 * LB_ERR_FULL when an ordinary transaction would find less room than endings
 * need: at most so since the last checkpoint, and exactly right after one.
 */
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
/* One value as it is. */
int lb_store_put_value(struct lb_store_txn *t, enum lb_table table, const struct lb_key *key,
		       const void *value, size_t size, unsigned int flags);
/*
 * Finds the entry with the smallest key not below *key (op MDB_SET_RANGE), the
 * first (MDB_FIRST) or the last (MDB_LAST), and copies its key.  The value
 * stays good until the next write.  LB_ERR_NOT_FOUND.
 */
int lb_store_seek(struct lb_store_txn *t, enum lb_table table, MDB_cursor_op op, struct lb_key *key,
		  MDB_val *value);

/* Nobody is to be told of a grant any more whose review is closed. */
int lb_store_drop_notices_of(struct lb_store_txn *t, uint64_t grant);

/* The numbers handed out so far. */
int lb_store_get_counters(struct lb_store_txn *t, struct lb_counters *c);

#endif
