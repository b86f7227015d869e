/* The changes of a transaction as bytes: see store_changes.h, STORE-FORMAT. */
#include "store_changes.h"

#include <string.h>

#include "err.h"
#include "wire.h"

#define HEADER 7u /* of a change, besides key and value */

enum kind { PUT = 1, DELETE = 2 };

int
lb_change_add(struct lb_bytes *record, const struct lb_change *c)
{
	size_t size = HEADER + c->key.size + c->size;
	uint8_t *to = lb_bytes_reserve(record, size);
	struct lb_writer w;

	if (to == NULL)
		return LB_ERR_NOMEM;
	lb_writer_init(&w, to, size);
	lb_write_u8(&w, c->value != NULL ? PUT : DELETE);
	lb_write_u8(&w, (uint8_t)c->table);
	lb_write_u8(&w, (uint8_t)c->key.size);
	lb_write_bytes(&w, c->key.bytes, c->key.size);
	lb_write_u32(&w, (uint32_t)c->size);
	if (c->size > 0)
		lb_write_bytes(&w, c->value, c->size);
	record->size += w.used;
	return LB_OK;
}

static int
check_value(const struct lb_change *c)
{
	union lb_record record;

	if (c->value == NULL || lb_table_is_index(c->table))
		return c->size == 0 ? LB_OK : LB_ERR_DAMAGED;
	if (c->table == LB_TABLE_AUDIT)
		return lb_audit_decode(NULL, c->key.bytes, c->key.size, c->value, c->size,
				       &record.audit);
	return lb_record_decode(c->table, c->key.bytes, c->key.size, c->value, c->size, &record);
}

static int
read_change(struct lb_reader *r, struct lb_change *c)
{
	uint8_t kind = lb_read_u8(r), table = lb_read_u8(r), key_size = lb_read_u8(r);

	if (table >= LB_TABLE_COUNT || key_size == 0 || key_size > LB_KEY_MAX)
		return LB_ERR_DAMAGED;
	memset(c, 0, sizeof *c);
	c->table = table;
	c->key.size = key_size;
	lb_read_bytes(r, c->key.bytes, key_size);
	c->size = lb_read_u32(r);
	if (r->err != LB_OK || c->size > r->left || (kind != PUT && kind != DELETE))
		return LB_ERR_DAMAGED;
	c->value = kind == PUT ? r->at : NULL;
	r->at += c->size;
	r->left -= c->size;
	return check_value(c);
}

int
lb_changes_each(const struct lb_bytes *record, lb_change_fn *call, void *arg)
{
	struct lb_change c;
	struct lb_reader r;
	int err = LB_OK;

	lb_reader_init(&r, record->bytes, record->size);
	while (err == LB_OK && r.left > 0) {
		err = read_change(&r, &c);
		if (err == LB_OK)
			err = call(arg, &c);
	}
	return err;
}
