/*
 * Bounded reading and writing of the byte strings in PROTOCOL.
 *
 * Integers are big-endian; a text is a 16-bit length and that many bytes, of
 * which none is NUL.  Both the reader and the writer latch their first error:
 * a decoder is a straight run of calls with one check at the end.  Nothing
 * here allocates or blocks.
 */
#ifndef LB_WIRE_H
#define LB_WIRE_H

#include <stddef.h>
#include <stdint.h>

struct lb_reader {
	const uint8_t *at;
	size_t left;
	int err; /* LB_OK until the first failure */
};

struct lb_writer {
	uint8_t *buf;
	size_t cap, used;
	int err;
};

void lb_reader_init(struct lb_reader *r, const void *bytes, size_t size);
/* After a failure each of these returns 0, and r->err says what failed first. */
uint8_t lb_read_u8(struct lb_reader *r);
uint16_t lb_read_u16(struct lb_reader *r);
uint32_t lb_read_u32(struct lb_reader *r);
uint64_t lb_read_u64(struct lb_reader *r);
/* Copies exactly size bytes into out. */
void lb_read_bytes(struct lb_reader *r, void *out, size_t size);
/* Reads a text of at most max bytes into out, which holds max + 1 and is always terminated. */
void lb_read_text(struct lb_reader *r, char *out, size_t max);
/* LB_OK when everything was read without error and no byte is left over. */
int lb_reader_end(const struct lb_reader *r);

void lb_writer_init(struct lb_writer *w, void *buf, size_t cap);
void lb_write_u8(struct lb_writer *w, uint8_t value);
void lb_write_u16(struct lb_writer *w, uint16_t value);
void lb_write_u32(struct lb_writer *w, uint32_t value);
void lb_write_u64(struct lb_writer *w, uint64_t value);
void lb_write_bytes(struct lb_writer *w, const void *bytes, size_t size);
/* Writes text, which must be at most max bytes long. */
void lb_write_text(struct lb_writer *w, const char *text, size_t max);

#endif
