/* The journal's bytes: see store_blocks.h, STORE-FORMAT. */
#include "store_blocks.h"

#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "wire.h"

#define HEADER 16u
#define CHECK 16u
#define PAGE_BLOCKS (LB_BLOCK_PAGE / LB_BLOCK_SIZE)
#define GROWTH 4096u

_Static_assert(HEADER + LB_BLOCK_ROOM + CHECK == LB_BLOCK_SIZE, "a block is one sector");

enum flags { FIRST = 0x01, LAST = 0x02 };

struct header {
	uint64_t epoch;
	uint32_t index; /* of the block in the journal */
	uint16_t used;
	uint8_t flags;
};

uint8_t *
lb_bytes_reserve(struct lb_bytes *b, size_t more)
{
	if (more > b->room - b->size) {
		size_t room = b->size + more + GROWTH + b->size / 2;
		uint8_t *grown = realloc(b->bytes, room);

		if (grown == NULL)
			return NULL;
		b->bytes = grown;
		b->room = room;
	}
	return b->bytes + b->size;
}

static void
sum(const uint8_t *block, uint8_t out[CHECK])
{
	static const uint8_t name[] = "journal";
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, CHECK);
	crypto_generichash_update(&state, name, sizeof name);
	crypto_generichash_update(&state, block, LB_BLOCK_SIZE - CHECK);
	crypto_generichash_final(&state, out, CHECK);
}

size_t
lb_blocks_pages(size_t size)
{
	return (size + LB_PAGE_ROOM - 1) / LB_PAGE_ROOM;
}

static void
put_block(uint8_t *block, const struct header *h, const uint8_t *bytes)
{
	struct lb_writer w;

	memset(block, 0, LB_BLOCK_SIZE);
	lb_writer_init(&w, block, LB_BLOCK_SIZE - CHECK);
	lb_write_u64(&w, h->epoch);
	lb_write_u32(&w, h->index);
	lb_write_u16(&w, h->used);
	lb_write_u8(&w, h->flags);
	lb_write_u8(&w, 0);
	if (h->used > 0)
		lb_write_bytes(&w, bytes, h->used);
	sum(block, block + LB_BLOCK_SIZE - CHECK);
}

void
lb_blocks_blank(size_t page, size_t pages, uint8_t *out)
{
	struct header h = {.index = (uint32_t)(page * PAGE_BLOCKS)};

	for (size_t i = 0; i < pages * PAGE_BLOCKS; i++, h.index++)
		put_block(out + i * LB_BLOCK_SIZE, &h, NULL);
}

int
lb_blocks_cut(const struct lb_bytes *record, uint64_t epoch, size_t page, struct lb_bytes *out)
{
	size_t count = (record->size + LB_BLOCK_ROOM - 1) / LB_BLOCK_ROOM;

	out->size = 0;
	if (lb_bytes_reserve(out, count * LB_BLOCK_SIZE) == NULL)
		return LB_ERR_NOMEM;
	for (size_t i = 0; i < count; i++, out->size += LB_BLOCK_SIZE) {
		size_t at = i * LB_BLOCK_ROOM, left = record->size - at;
		struct header h = {
			.epoch = epoch,
			.index = (uint32_t)(page * PAGE_BLOCKS + i),
			.used = (uint16_t)(left < LB_BLOCK_ROOM ? left : LB_BLOCK_ROOM),
			.flags = (uint8_t)((i == 0 ? FIRST : 0) | (i + 1 == count ? LAST : 0)),
		};

		put_block(out->bytes + out->size, &h, record->bytes + at);
	}
	return LB_OK;
}

static bool
header_sound(const struct header *h, uint64_t epoch)
{
	if (h->epoch == 0)
		return h->used == 0 && h->flags == 0;
	return h->epoch <= epoch && (h->flags & ~(FIRST | LAST)) == 0 && h->used > 0 &&
	       ((h->flags & LAST) != 0 ? h->used <= LB_BLOCK_ROOM : h->used == LB_BLOCK_ROOM);
}

static int
look(const uint8_t *journal, size_t index, uint64_t epoch, struct header *h)
{
	const uint8_t *block = journal + index * LB_BLOCK_SIZE;
	uint8_t check[CHECK];
	struct lb_reader r;

	sum(block, check);
	if (memcmp(check, block + LB_BLOCK_SIZE - CHECK, sizeof check) != 0)
		return LB_ERR_DAMAGED;
	lb_reader_init(&r, block, HEADER);
	h->epoch = lb_read_u64(&r);
	h->index = lb_read_u32(&r);
	h->used = lb_read_u16(&r);
	h->flags = lb_read_u8(&r);
	return lb_read_u8(&r) == 0 && h->index == index && header_sound(h, epoch) ? LB_OK
										  : LB_ERR_DAMAGED;
}

/* The same; LB_ERR_NOT_FOUND for one that is not of this epoch. */
static int
look_now(const uint8_t *journal, size_t index, uint64_t epoch, struct header *h)
{
	int err = look(journal, index, epoch, h);

	return err == LB_OK && h->epoch != epoch ? LB_ERR_NOT_FOUND : err;
}

int
lb_blocks_check(const uint8_t *journal, size_t pages, uint64_t epoch)
{
	struct header h;

	for (size_t i = 0; i < pages * PAGE_BLOCKS; i++)
		if (look(journal, i, epoch, &h) != LB_OK)
			return LB_ERR_DAMAGED;
	return LB_OK;
}

/* Nothing is begun before what comes before it is stored: so nothing may begin after a gap. */
static int
nothing_begins(const uint8_t *journal, size_t pages, uint64_t epoch, size_t page)
{
	struct header h;

	for (; page < pages; page++) {
		int err = look_now(journal, page * PAGE_BLOCKS, epoch, &h);

		if (err == LB_ERR_DAMAGED || (err == LB_OK && (h.flags & FIRST) != 0))
			return LB_ERR_DAMAGED;
	}
	return LB_ERR_NOT_FOUND;
}

int
lb_blocks_read(const uint8_t *journal, size_t pages, uint64_t epoch, size_t *page,
	       struct lb_bytes *record)
{
	size_t index = *page * PAGE_BLOCKS, end = pages * PAGE_BLOCKS;
	struct header h = {.flags = 0};

	record->size = 0;
	for (; index < end && (h.flags & LAST) == 0; index++) {
		bool first = index == *page * PAGE_BLOCKS;
		int err = look_now(journal, index, epoch, &h);
		uint8_t *to;

		if (err == LB_ERR_NOT_FOUND)
			return nothing_begins(journal, pages, epoch, *page + 1);
		if (err != LB_OK || first != ((h.flags & FIRST) != 0))
			return LB_ERR_DAMAGED;
		to = lb_bytes_reserve(record, h.used);
		if (to == NULL)
			return LB_ERR_NOMEM;
		memcpy(to, journal + index * LB_BLOCK_SIZE + HEADER, h.used);
		record->size += h.used;
	}
	if (record->size == 0)
		return LB_ERR_NOT_FOUND;
	/* A record never goes past the end. */
	if ((h.flags & LAST) == 0)
		return LB_ERR_DAMAGED;
	*page = (index + PAGE_BLOCKS - 1) / PAGE_BLOCKS;
	return LB_OK;
}

size_t
lb_blocks_end(const uint8_t *journal, size_t pages, uint64_t epoch)
{
	size_t end = 0;
	struct header h;

	for (size_t i = 0; i < pages * PAGE_BLOCKS; i++)
		if (look_now(journal, i, epoch, &h) == LB_OK)
			end = i / PAGE_BLOCKS + 1;
	return end;
}
