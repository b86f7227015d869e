/*
 * A snapshot file made of any bytes: with the sums put right that the reader asks for first, so that
 * what stands behind them is reached.
 */
#ifndef LB_FUZZ_IMAGE_H
#define LB_FUZZ_IMAGE_H

#include <endian.h>
#include <sys/mman.h>
#include <unistd.h>

#include "err.h"
#include "fuzz.h"
#include "name.h"
#include "snapshot.h"

#define IMAGE_MAX ((size_t)1 << 20)

/*
 * A copy of the bytes, aligned, where no byte after the last line can be read.  It is good until the
 * next one.
 */
static inline uint8_t *
image_place(const uint8_t *data, size_t size)
{
	static uint8_t *room;
	size_t lines = size + (LB_SNAPSHOT_ALIGN - size % LB_SNAPSHOT_ALIGN) % LB_SNAPSHOT_ALIGN;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (room == NULL) {
		room = mmap(NULL, IMAGE_MAX + page, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		CHECK(room != MAP_FAILED);
		CHECK(mprotect(room + IMAGE_MAX, page, PROT_NONE) == 0);
	}
	CHECK(lines <= IMAGE_MAX);
	memcpy(room + IMAGE_MAX - lines, data, size);
	return room + IMAGE_MAX - lines;
}

static inline uint32_t
image_get32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof value);
	return le32toh(value);
}

static inline uint32_t
image_get16(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8;
}

static inline void
image_put32(uint8_t *at, uint32_t value)
{
	value = htole32(value);
	memcpy(at, &value, sizeof value);
}

static inline void
image_put_sum(uint8_t *at, const uint8_t *from, size_t bytes, uint64_t seed, size_t offset)
{
	uint64_t sum = htole64(lb_snapshot_sum(from, bytes / 8, seed, (uint32_t)offset));

	memcpy(at, &sum, sizeof sum);
}

/* Bytes from a record's start to the end of its text, and the words after that; 0: no record's start. */
static inline size_t
image_record_text(const uint8_t *r, size_t *words)
{
	*words = image_get32(r + 12);
	if (lb_uid_is_account(image_get32(r + 8)))
		return LB_SNAPSHOT_USER_TEXT + image_get16(r + 32) + image_get16(r + 34) +
		       image_get16(r + 36) + image_get16(r + 38) + 6;
	if (lb_gid_is_role(image_get32(r + 8)))
		return LB_SNAPSHOT_ROLE_TEXT + image_get16(r + 16) + 3;
	return image_get32(r + 8) == 0 ? (*words = 0, LB_SNAPSHOT_ALIGN) : 0;
}

/* The later records first: one that lies over another takes that one's sum as it is then. */
static inline void
image_sum_records(uint8_t *image, size_t size, size_t from, uint64_t seed)
{
	for (size_t off = size; off > from; off -= LB_SNAPSHOT_ALIGN) {
		uint8_t *r = image + off - LB_SNAPSHOT_ALIGN;
		size_t left = size - (size_t)(r - image), words;
		size_t text = image_record_text(r, &words), end;

		end = ((text + 3) & ~(size_t)3) + words * 4;
		end = (end + LB_SNAPSHOT_ALIGN - 1) & ~(size_t)(LB_SNAPSHOT_ALIGN - 1);
		if (text != 0 && words < size && end <= left)
			image_put_sum(r, r + 8, end - 8, seed, (size_t)(r - image));
	}
}

/* The slots of own accounts, and the lists that they lead to. */
static inline void
image_sum_own(uint8_t *image, size_t size, const struct lb_snapshot *s)
{
	for (uint32_t i = 0; i < s->own_slots; i++) {
		uint8_t *slot = image + s->own_at + (size_t)i * LB_SNAPSHOT_ALIGN;
		size_t list = image_get32(slot + 8), n = image_get32(slot + 12), bytes;

		bytes = (8 + n * 4 + LB_SNAPSHOT_ALIGN - 1) & ~(size_t)(LB_SNAPSHOT_ALIGN - 1);
		if (list % LB_SNAPSHOT_ALIGN == 0 && list >= s->own_at && list < size &&
		    n <= LB_SNAPSHOT_GROUPS_MAX && bytes <= size - list)
			image_put_sum(image + list, image + list + 8, bytes - 8, s->seed, list);
		image_put_sum(slot, slot + 8, LB_SNAPSHOT_ALIGN - 8, s->seed,
			      (size_t)(slot - image));
	}
}

static inline void
image_sum_header(uint8_t *image, size_t size)
{
	memcpy(image, LB_SNAPSHOT_MAGIC, 8);
	image_put32(image + LB_SNAPSHOT_AT_VERSION, LB_SNAPSHOT_VERSION);
	image_put32(image + LB_SNAPSHOT_AT_SIZE, (uint32_t)size);
	memset(image + LB_SNAPSHOT_AT_RESERVED, 0, LB_SNAPSHOT_HEADER - LB_SNAPSHOT_AT_RESERVED);
	image_put_sum(image + LB_SNAPSHOT_AT_SUM, image + LB_SNAPSHOT_AT_SEED,
		      LB_SNAPSHOT_HEADER - LB_SNAPSHOT_AT_SEED, 0, 0);
}

/*
 * A copy (see image_place()) cut to whole lines, with magic, version, size, reserved bytes
 * and every sum put right.  NULL when there is not even a header.
 */
static inline uint8_t *
image_right(const uint8_t *data, size_t *size)
{
	struct lb_snapshot s;
	uint8_t *image;

	*size -= *size % LB_SNAPSHOT_ALIGN;
	if (*size < LB_SNAPSHOT_HEADER)
		return NULL;
	image = image_place(data, *size);
	image_sum_header(image, *size);
	if (lb_snapshot_open(&s, image, *size) != LB_OK)
		return image;
	image_sum_records(image, s.own_at, s.slot_at, s.seed);
	image_sum_own(image, *size, &s);
	for (size_t off = LB_SNAPSHOT_HEADER; off < s.slot_at; off += LB_SNAPSHOT_ALIGN)
		image_put_sum(image + off + LB_SNAPSHOT_LINE_SUM, image + off, LB_SNAPSHOT_LINE_SUM,
			      s.seed, off);
	return image;
}

#endif
