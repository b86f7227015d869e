/* Wire: see wire.h. */
#include "wire.h"

#include <string.h>

#include "err.h"

void
lb_reader_init(struct lb_reader *r, const void *bytes, size_t size)
{
	r->at = bytes;
	r->left = size;
	r->err = LB_OK;
}

/* Takes size bytes off the front, or latches the error and returns NULL. */
static const uint8_t *
take(struct lb_reader *r, size_t size)
{
	const uint8_t *at = r->at;

	if (r->err != LB_OK)
		return NULL;
	if (size > r->left) {
		r->err = LB_ERR_MALFORMED;
		return NULL;
	}
	r->at += size;
	r->left -= size;
	return at;
}

static uint64_t
read_be(struct lb_reader *r, size_t size)
{
	const uint8_t *at = take(r, size);
	uint64_t value = 0;

	if (at == NULL)
		return 0;
	for (size_t i = 0; i < size; i++)
		value = value << 8 | at[i];
	return value;
}

uint8_t
lb_read_u8(struct lb_reader *r)
{
	return (uint8_t)read_be(r, 1);
}

uint16_t
lb_read_u16(struct lb_reader *r)
{
	return (uint16_t)read_be(r, 2);
}

uint32_t
lb_read_u32(struct lb_reader *r)
{
	return (uint32_t)read_be(r, 4);
}

uint64_t
lb_read_u64(struct lb_reader *r)
{
	return read_be(r, 8);
}

void
lb_read_bytes(struct lb_reader *r, void *out, size_t size)
{
	const uint8_t *at = take(r, size);

	if (at != NULL)
		memcpy(out, at, size);
	else
		memset(out, 0, size);
}

void
lb_read_text(struct lb_reader *r, char *out, size_t max)
{
	size_t len = lb_read_u16(r);
	const uint8_t *at;

	out[0] = '\0';
	if (r->err == LB_OK && len > max)
		r->err = LB_ERR_TOO_LONG;
	at = take(r, len);
	if (at == NULL)
		return;
	if (memchr(at, '\0', len) != NULL) {
		r->err = LB_ERR_MALFORMED;
		return;
	}
	memcpy(out, at, len);
	out[len] = '\0';
}

int
lb_reader_end(const struct lb_reader *r)
{
	if (r->err != LB_OK)
		return r->err;
	return r->left == 0 ? LB_OK : LB_ERR_MALFORMED;
}

void
lb_writer_init(struct lb_writer *w, void *buf, size_t cap)
{
	w->buf = buf;
	w->cap = cap;
	w->used = 0;
	w->err = LB_OK;
}

void
lb_write_bytes(struct lb_writer *w, const void *bytes, size_t size)
{
	if (w->err != LB_OK)
		return;
	if (size > w->cap - w->used) {
		w->err = LB_ERR_TOO_LONG;
		return;
	}
	if (size > 0)
		memcpy(w->buf + w->used, bytes, size);
	w->used += size;
}

static void
write_be(struct lb_writer *w, uint64_t value, size_t size)
{
	uint8_t bytes[8];

	for (size_t i = size; i-- > 0; value >>= 8)
		bytes[i] = (uint8_t)value;
	lb_write_bytes(w, bytes, size);
}

void
lb_write_u8(struct lb_writer *w, uint8_t value)
{
	write_be(w, value, 1);
}

void
lb_write_u16(struct lb_writer *w, uint16_t value)
{
	write_be(w, value, 2);
}

void
lb_write_u32(struct lb_writer *w, uint32_t value)
{
	write_be(w, value, 4);
}

void
lb_write_u64(struct lb_writer *w, uint64_t value)
{
	write_be(w, value, 8);
}

void
lb_write_text(struct lb_writer *w, const char *text, size_t max)
{
	size_t len = strnlen(text, max + 1);

	if (len > max || len > UINT16_MAX) {
		if (w->err == LB_OK)
			w->err = LB_ERR_TOO_LONG;
		return;
	}
	write_be(w, len, 2);
	lb_write_bytes(w, text, len);
}
