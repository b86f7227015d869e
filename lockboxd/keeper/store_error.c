/* What went wrong in LMDB, in this project's words, and the one way to put bytes into it: see store_inside.h. */
#include <errno.h>

#include "err.h"
#include "store_inside.h"

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

int
lb_store_from_mdb(int rc)
{
	for (size_t i = 0; i < sizeof error_map / sizeof error_map[0]; i++)
		if (error_map[i].from == rc)
			return error_map[i].to;
	if (rc <= 0)
		return LB_ERR_INTERNAL;
	errno = rc;
	return LB_ERR_SYSTEM;
}

int
lb_store_put_bytes(MDB_txn *txn, MDB_dbi dbi, const struct lb_key *key, const void *value,
		   size_t size, unsigned int flags)
{
	struct lb_key copy = *key;
	MDB_val k = {copy.size, copy.bytes}, v = {size, (void *)(uintptr_t)value};

	return lb_store_from_mdb(mdb_put(txn, dbi, &k, &v, flags));
}
