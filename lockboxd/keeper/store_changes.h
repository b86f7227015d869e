/*
 * The changes of a transaction, as a record of the journal has them: see
 * STORE-FORMAT.
 *
 * Private to the store.  Nothing here knows LMDB or blocks on anything.
 */
#ifndef LB_STORE_CHANGES_H
#define LB_STORE_CHANGES_H

#include "store_blocks.h"
#include "store_records.h"

/* One record that is put or deleted. */
struct lb_change {
	enum lb_table table;
	struct lb_key key;
	const uint8_t *value; /* as its database has it; NULL: deleted */
	size_t size;
};

/* LB_OK to go on. */
typedef int lb_change_fn(void *arg, const struct lb_change *change);

/* Adds a change to a record.  LB_ERR_NOMEM. */
int lb_change_add(struct lb_bytes *record, const struct lb_change *change);

/*
 * Calls call for each change of a record that came from the disk, until one
 * does not return LB_OK, and returns that.  LB_ERR_DAMAGED for the first that no
 * store makes: its value is decoded wholly, like that of any record.
 */
int lb_changes_each(const struct lb_bytes *record, lb_change_fn *call, void *arg);

#endif
