/* The journal's bytes, in memory: blocks of every wrong kind.  See keeper/store_blocks.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "keeper/store_changes.h"
#include "wire.h"

#define ok(call) assert_int_equal((call), LB_OK)
#define PAGES 4
#define BLOCKS (LB_BLOCK_PAGE / LB_BLOCK_SIZE)
#define EPOCH 7
#define FIRST 1
#define LAST 2

static uint8_t journal[PAGES * LB_BLOCK_PAGE];
static bool no_memory;

void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);

void *
__wrap_realloc(void *p, size_t size)
{
	return no_memory ? NULL : __real_realloc(p, size);
}

struct block {
	uint64_t epoch;
	uint32_t index;
	uint16_t used;
	uint8_t flags, zero;
};

/* Written by hand, as STORE-FORMAT has it. */
static void
put(size_t at, struct block b)
{
	uint8_t *block = journal + at * LB_BLOCK_SIZE;
	crypto_generichash_state h;
	struct lb_writer w;

	memset(block, 0, LB_BLOCK_SIZE);
	lb_writer_init(&w, block, 16);
	lb_write_u64(&w, b.epoch);
	lb_write_u32(&w, b.index);
	lb_write_u16(&w, b.used);
	lb_write_u8(&w, b.flags);
	lb_write_u8(&w, b.zero);
	memset(block + 16, 'r', b.used < 480 ? b.used : 480);
	crypto_generichash_init(&h, NULL, 0, 16);
	crypto_generichash_update(&h, (const uint8_t *)"journal", 8);
	crypto_generichash_update(&h, block, 496);
	crypto_generichash_final(&h, block + 496, 16);
}

static void
put_now(size_t at, uint16_t used, uint8_t flags)
{
	put(at, (struct block){EPOCH, (uint32_t)at, used, flags, 0});
}

static int
empty(void **state)
{
	(void)state;
	lb_blocks_blank(0, PAGES, journal);
	return 0;
}

/* What reading page `page` gives; how long the record is. */
static int
read_page(size_t page, size_t *size)
{
	struct lb_bytes record = {0};
	size_t at = page;
	int err = lb_blocks_read(journal, PAGES, EPOCH, &at, &record);

	*size = record.size;
	assert_true(err == LB_OK ? at > page : at == page);
	free(record.bytes);
	return err;
}

static int
read_at(size_t page)
{
	size_t size;

	return read_page(page, &size);
}

static void
blocks_by_hand_are_those_that_are_cut(void **state)
{
	struct lb_bytes record = {0}, blocks = {0};

	(void)state;
	assert_non_null(lb_bytes_reserve(&record, 1000));
	memset(record.bytes, 'r', 1000);
	record.size = 1000;
	assert_int_equal(lb_blocks_pages(1000), 1);
	assert_int_equal(lb_blocks_pages(LB_PAGE_ROOM), 1);
	assert_int_equal(lb_blocks_pages(LB_PAGE_ROOM + 1), 2);
	put_now(8, 480, FIRST);
	put_now(9, 480, 0);
	put_now(10, 40, LAST);
	ok(lb_blocks_cut(&record, EPOCH, 1, &blocks));
	assert_int_equal(blocks.size, 3 * LB_BLOCK_SIZE);
	assert_memory_equal(blocks.bytes, journal + LB_BLOCK_PAGE, blocks.size);
	put(11, (struct block){0, 11, 0, 0, 0});
	lb_blocks_blank(1, 1, journal + LB_BLOCK_PAGE);
	put(8, (struct block){0, 8, 0, 0, 0});
	ok(lb_blocks_check(journal, PAGES, EPOCH));
	free(record.bytes);
	free(blocks.bytes);
}

static void
records_are_read_one_after_the_other(void **state)
{
	size_t size;

	(void)state;
	assert_int_equal(read_at(0), LB_ERR_NOT_FOUND);
	assert_int_equal(lb_blocks_end(journal, PAGES, EPOCH), 0);
	put_now(0, 480, FIRST);
	put_now(1, 7, LAST);
	put_now(8, 480, FIRST | LAST);
	ok(read_page(0, &size));
	assert_int_equal(size, 487);
	ok(read_page(1, &size));
	assert_int_equal(size, 480);
	assert_int_equal(read_at(2), LB_ERR_NOT_FOUND);
	assert_int_equal(lb_blocks_end(journal, PAGES, EPOCH), 2);
	/* Up to the very end, and no further. */
	for (size_t i = 16; i < PAGES * BLOCKS; i++)
		put_now(i, 480, (uint8_t)((i == 16 ? FIRST : 0) | (i == 31 ? LAST : 0)));
	ok(read_page(2, &size));
	assert_int_equal(size, 16 * 480);
	assert_int_equal(read_at(PAGES), LB_ERR_NOT_FOUND);
	put_now(31, 480, 0);
	assert_int_equal(read_at(2), LB_ERR_DAMAGED);
	ok(lb_blocks_check(journal, PAGES, EPOCH));
}

static void
a_block_that_nobody_writes_is_damage(void **state)
{
	static const struct block wrong[] = {
		{0, 0, 1, 0, 0},	       /* blank, with something in it */
		{0, 0, 0, LAST, 0},	       /* blank, and the end of something */
		{EPOCH + 1, 0, 9, 3, 0},       /* of a time to come */
		{EPOCH, 1, 9, 3, 0},	       /* another's place */
		{EPOCH, 0, 9, 3, 1},	       /* the byte that is zero is not */
		{EPOCH, 0, 9, 7, 0},	       /* a flag that there is not */
		{EPOCH, 0, 0, 3, 0},	       /* nothing in it */
		{EPOCH, 0, 481, 3, 0},	       /* more than it has room for */
		{EPOCH, 0, 479, FIRST, 0},     /* not full, and not the last */
		{EPOCH - 1, 0, 481, FIRST, 0}, /* of a time that is over, but no block either */
	};

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		put(0, wrong[i]);
		assert_int_equal(lb_blocks_check(journal, PAGES, EPOCH), LB_ERR_DAMAGED);
		assert_int_equal(read_at(0), LB_ERR_DAMAGED);
	}
	put(0, (struct block){EPOCH - 1, 0, 480, FIRST, 0});
	ok(lb_blocks_check(journal, PAGES, EPOCH));
	assert_int_equal(read_at(0), LB_ERR_NOT_FOUND);
}

static void
a_record_begins_and_ends_once(void **state)
{
	(void)state;
	put_now(0, 480, 0); /* more of something, where something is to begin */
	assert_int_equal(read_at(0), LB_ERR_DAMAGED);
	put_now(0, 480, FIRST);
	put_now(1, 480, FIRST | LAST);
	assert_int_equal(read_at(0), LB_ERR_DAMAGED);
	put_now(1, 480, LAST);
	ok(read_at(0));
	journal[LB_BLOCK_SIZE + 20] ^= 1;
	assert_int_equal(read_at(0), LB_ERR_DAMAGED);
}

static void
what_was_not_wholly_written_ends_it(void **state)
{
	(void)state;
	/* Its first two blocks and, two pages on, its last. */
	put_now(0, 480, FIRST);
	put_now(1, 480, 0);
	put_now(16, 480, 0);
	assert_int_equal(read_at(0), LB_ERR_NOT_FOUND);
	assert_int_equal(lb_blocks_end(journal, PAGES, EPOCH), 3);
	/* But nothing began behind it. */
	put_now(16, 480, FIRST);
	assert_int_equal(read_at(0), LB_ERR_DAMAGED);
	put_now(16, 480, 0);
	journal[24 * LB_BLOCK_SIZE] ^= 1;
	assert_int_equal(read_at(0), LB_ERR_DAMAGED);
}

static void
without_memory_nothing_is_read_or_written(void **state)
{
	struct lb_bytes record = {0}, blocks = {0};
	const struct lb_change change = {LB_TABLE_LIVE, lb_key_u64(1), NULL, 0};

	(void)state;
	put_now(0, 480, FIRST | LAST);
	no_memory = true;
	assert_int_equal(read_at(0), LB_ERR_NOMEM);
	assert_int_equal(lb_change_add(&record, &change), LB_ERR_NOMEM);
	no_memory = false;
	ok(lb_change_add(&record, &change));
	no_memory = true;
	assert_int_equal(lb_blocks_cut(&record, EPOCH, 0, &blocks), LB_ERR_NOMEM);
	no_memory = false;
	ok(lb_blocks_cut(&record, EPOCH, 0, &blocks));
	free(record.bytes);
	free(blocks.bytes);
}

static int
count(void *n, const struct lb_change *change)
{
	assert_int_equal(change->table, LB_TABLE_LIVE);
	return ++*(int *)n < 3 ? LB_OK : LB_ERR_FULL;
}

static void
each_change_is_given_until_one_is_refused(void **state)
{
	struct lb_bytes record = {0};
	int n = 0;

	(void)state;
	ok(lb_changes_each(&record, count, &n));
	for (int i = 0; i < 5; i++)
		ok(lb_change_add(&record,
				 &(struct lb_change){LB_TABLE_LIVE, lb_key_u64(1),
						     i % 2 ? (const uint8_t *)"" : NULL, 0}));
	assert_int_equal(lb_changes_each(&record, count, &n), LB_ERR_FULL);
	assert_int_equal(n, 3);
	/* Cut off anywhere, it is damage; so is one kind that there is not. */
	for (size_t size = record.size - 1; size > record.size - 15; size--) {
		struct lb_bytes cut = {record.bytes, size, size};

		n = -10;
		assert_int_equal(lb_changes_each(&cut, count, &n), LB_ERR_DAMAGED);
	}
	/* Nor are there such a table, and keys so short or so long. */
	for (size_t i = 0; i < 3; i++) {
		static const struct {
			size_t at;
			uint8_t byte;
		} odd[] = {{1, LB_TABLE_COUNT}, {2, 0}, {2, LB_KEY_MAX + 1}};
		const uint8_t was = record.bytes[odd[i].at];

		n = -10;
		record.bytes[odd[i].at] = odd[i].byte;
		assert_int_equal(lb_changes_each(&record, count, &n), LB_ERR_DAMAGED);
		record.bytes[odd[i].at] = was;
	}
	record.bytes[0] = 0;
	assert_int_equal(lb_changes_each(&record, count, &n), LB_ERR_DAMAGED);
	free(record.bytes);
}

static void
there_is_room_for_the_record_of_every_table(void **state)
{
	(void)state;
	for (int i = 0; i < LB_TABLE_COUNT; i++)
		assert_true(lb_table_record_size((enum lb_table)i) <= sizeof(union lb_record));
}

#define unit(test) cmocka_unit_test_setup(test, empty)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit(blocks_by_hand_are_those_that_are_cut),
		unit(records_are_read_one_after_the_other),
		unit(a_block_that_nobody_writes_is_damage),
		unit(a_record_begins_and_ends_once),
		unit(what_was_not_wholly_written_ends_it),
		unit(without_memory_nothing_is_read_or_written),
		unit(each_change_is_given_until_one_is_refused),
		unit(there_is_room_for_the_record_of_every_table),
	};

	return sodium_init() < 0 || cmocka_run_group_tests_name("store blocks", tests, NULL, NULL);
}
