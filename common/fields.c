/* Fields: see fields.h. */
#include "fields.h"

#include <string.h>

#include "err.h"
#include "wipe.h"
#include "wire.h"

static void
encode_one(struct lb_writer *w, const struct lb_field *f, const char *at)
{
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;

	switch (f->kind) {
	case LB_FIELD_U8:
		lb_write_u8(w, *(const uint8_t *)at);
		return;
	case LB_FIELD_U16:
		memcpy(&u16, at, sizeof u16);
		lb_write_u16(w, u16);
		return;
	case LB_FIELD_U32:
		memcpy(&u32, at, sizeof u32);
		lb_write_u32(w, u32);
		return;
	case LB_FIELD_U64:
		memcpy(&u64, at, sizeof u64);
		lb_write_u64(w, u64);
		return;
	case LB_FIELD_TEXT:
		lb_write_text(w, at, f->max);
		return;
	case LB_FIELD_BYTES:
		lb_write_bytes(w, at, f->max);
		return;
	}
	w->err = LB_ERR_INTERNAL;
}

static void
decode_one(struct lb_reader *r, const struct lb_field *f, char *at)
{
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;

	switch (f->kind) {
	case LB_FIELD_U8:
		*(uint8_t *)at = lb_read_u8(r);
		return;
	case LB_FIELD_U16:
		u16 = lb_read_u16(r);
		memcpy(at, &u16, sizeof u16);
		return;
	case LB_FIELD_U32:
		u32 = lb_read_u32(r);
		memcpy(at, &u32, sizeof u32);
		return;
	case LB_FIELD_U64:
		u64 = lb_read_u64(r);
		memcpy(at, &u64, sizeof u64);
		return;
	case LB_FIELD_TEXT:
		lb_read_text(r, at, f->max);
		return;
	case LB_FIELD_BYTES:
		lb_read_bytes(r, at, f->max);
		return;
	}
	r->err = LB_ERR_INTERNAL;
}

int
lb_fields_encode(const struct lb_layout *layout, const void *from, void *buf, size_t cap,
		 size_t *len)
{
	struct lb_writer w;

	lb_writer_init(&w, buf, cap);
	for (size_t i = 0; i < layout->count; i++)
		encode_one(&w, &layout->fields[i], (const char *)from + layout->fields[i].offset);
	if (w.err != LB_OK)
		return w.err;
	*len = w.used;
	return LB_OK;
}

int
lb_fields_decode(const struct lb_layout *layout, const void *bytes, size_t len, void *to)
{
	struct lb_reader r;
	int err;

	memset(to, 0, layout->size);
	lb_reader_init(&r, bytes, len);
	for (size_t i = 0; i < layout->count; i++)
		decode_one(&r, &layout->fields[i], (char *)to + layout->fields[i].offset);
	err = lb_reader_end(&r);
	if (err != LB_OK)
		lb_wipe(to, layout->size);
	return err;
}
