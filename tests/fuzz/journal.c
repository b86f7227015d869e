/*
 * The store's journal.  The first byte says how the rest is taken: as the changes of one record; or
 * as blocks, whose checks are put right (or left as they are).  Any bytes are refused, or are
 * changes that encode to the same bytes, read without going past an end.
 */
#include "fuzz.h"

#include <sodium.h>

#include "err.h"
#include "keeper/store_changes.h"

#define EPOCH 3

static int
add(void *again, const struct lb_change *c)
{
	CHECK(c->key.size > 0 && c->key.size <= LB_KEY_MAX && c->table < LB_TABLE_COUNT);
	CHECK(lb_change_add(again, c) == LB_OK);
	return LB_OK;
}

static void
changes(const uint8_t *data, size_t size)
{
	struct lb_bytes record = {NULL, size, size}, again = {NULL, 0, 0};

	record.bytes = malloc(size + 1);
	CHECK(record.bytes != NULL);
	if (size > 0)
		memcpy(record.bytes, data, size);
	if (lb_changes_each(&record, add, &again) == LB_OK)
		CHECK(again.size == size && (size == 0 || memcmp(again.bytes, data, size) == 0));
	free(again.bytes);
	free(record.bytes);
}

/* As the format has it: over a name and what comes before. */
static void
put_checks(uint8_t *journal, size_t size)
{
	static const uint8_t name[] = "journal";

	for (uint8_t *b = journal; b < journal + size; b += LB_BLOCK_SIZE) {
		crypto_generichash_state state;

		crypto_generichash_init(&state, NULL, 0, 16);
		crypto_generichash_update(&state, name, sizeof name);
		crypto_generichash_update(&state, b, LB_BLOCK_SIZE - 16);
		crypto_generichash_final(&state, b + LB_BLOCK_SIZE - 16, 16);
	}
}

static void
blocks(const uint8_t *data, size_t size, bool right)
{
	size_t pages = size / LB_BLOCK_PAGE, page = 0, before = 0;
	struct lb_bytes record = {NULL, 0, 0};
	uint8_t *journal;
	int check, err = LB_OK;

	if (pages == 0)
		return;
	journal = malloc(pages * LB_BLOCK_PAGE); /* no byte more */
	CHECK(journal != NULL);
	memcpy(journal, data, pages * LB_BLOCK_PAGE);
	if (right)
		put_checks(journal, pages * LB_BLOCK_PAGE);
	check = lb_blocks_check(journal, pages, EPOCH);
	CHECK(check == LB_OK || check == LB_ERR_DAMAGED);
	while (page < pages && err == LB_OK) {
		err = lb_blocks_read(journal, pages, EPOCH, &page, &record);
		CHECK(err == LB_OK ? page > before && record.size > 0 : page == before);
		before = page;
	}
	CHECK(page <= pages && lb_blocks_end(journal, pages, EPOCH) <= pages);
	free(record.bytes);
	free(journal);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	uint8_t how = take_u8(&in);

	if (how % 2 == 0)
		changes(in.at, in.left);
	else
		blocks(in.at, in.left, how % 4 == 1);
	return 0;
}
