/* Structures described by tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "err.h"
#include "fields.h"

struct sample {
	uint8_t small;
	uint64_t large; /* padding before it */
	char text[6];
	uint16_t middle;
	uint32_t number;
	uint8_t bytes[3];
};

static const struct lb_field sample_fields[] = {
	LB_U32(struct sample, number), LB_TEXT(struct sample, text),   LB_U8(struct sample, small),
	LB_U16(struct sample, middle), LB_BYTES(struct sample, bytes), LB_U64(struct sample, large),
};
static const struct lb_layout sample_layout = LB_LAYOUT("sample", struct sample, sample_fields);

static const struct sample full = {
	.small = 0xa1,
	.large = 0x1122334455667788u,
	.text = "hello",
	.middle = 0xb1b2,
	.number = 0xc1c2c3c4,
	.bytes = {1, 2, 3},
};

static const uint8_t full_bytes[] = {
	0xc1, 0xc2, 0xc3, 0xc4, 0,    5,    'h',  'e',	'l',  'l',  'o',  0xa1, 0xb1,
	0xb2, 1,    2,	  3,	0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
};

static void
the_bytes_are_the_fields_in_table_order(void **state)
{
	uint8_t buf[64];
	size_t len = 0;

	(void)state;
	assert_int_equal(lb_fields_encode(&sample_layout, &full, buf, sizeof buf, &len), LB_OK);
	assert_int_equal(len, sizeof full_bytes);
	assert_memory_equal(buf, full_bytes, len);
}

static void
decoding_gives_the_structure_back_and_clears_padding(void **state)
{
	struct sample expected, got;

	(void)state;
	memset(&expected, 0, sizeof expected);
	expected.small = full.small;
	expected.large = full.large;
	memcpy(expected.text, full.text, sizeof full.text);
	expected.middle = full.middle;
	expected.number = full.number;
	memcpy(expected.bytes, full.bytes, sizeof full.bytes);
	memset(&got, 0xff, sizeof got);
	assert_int_equal(lb_fields_decode(&sample_layout, full_bytes, sizeof full_bytes, &got),
			 LB_OK);
	assert_memory_equal(&got, &expected, sizeof got);
}

static void
every_cut_fails_and_leaves_zeroes(void **state)
{
	static const struct sample zero;
	struct sample got;

	(void)state;
	for (size_t len = 0; len < sizeof full_bytes; len++) {
		memset(&got, 0xff, sizeof got);
		assert_int_not_equal(lb_fields_decode(&sample_layout, full_bytes, len, &got),
				     LB_OK);
		assert_memory_equal(&got, &zero, sizeof got);
	}
}

static void
a_byte_too_many_fails_and_leaves_zeroes(void **state)
{
	static const struct sample zero;
	uint8_t bytes[sizeof full_bytes + 1] = {0};
	struct sample got;

	(void)state;
	memcpy(bytes, full_bytes, sizeof full_bytes);
	memset(&got, 0xff, sizeof got);
	assert_int_equal(lb_fields_decode(&sample_layout, bytes, sizeof bytes, &got),
			 LB_ERR_MALFORMED);
	assert_memory_equal(&got, &zero, sizeof got);
}

static void
every_buffer_that_is_too_small_is_refused(void **state)
{
	uint8_t buf[sizeof full_bytes + 1];
	size_t len = 999;

	(void)state;
	for (size_t cap = 0; cap < sizeof full_bytes; cap++) {
		buf[cap] = 0xee;
		assert_int_equal(lb_fields_encode(&sample_layout, &full, buf, cap, &len),
				 LB_ERR_TOO_LONG);
		assert_int_equal(buf[cap], 0xee);
		assert_int_equal(len, 999);
	}
}

static void
a_text_that_fills_its_member_without_nul_is_not_written(void **state)
{
	struct sample s = full;
	uint8_t buf[64];
	size_t len;

	(void)state;
	memset(s.text, 'x', sizeof s.text);
	assert_int_equal(lb_fields_encode(&sample_layout, &s, buf, sizeof buf, &len),
			 LB_ERR_TOO_LONG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_bytes_are_the_fields_in_table_order),
		cmocka_unit_test(decoding_gives_the_structure_back_and_clears_padding),
		cmocka_unit_test(every_cut_fails_and_leaves_zeroes),
		cmocka_unit_test(a_byte_too_many_fails_and_leaves_zeroes),
		cmocka_unit_test(every_buffer_that_is_too_small_is_refused),
		cmocka_unit_test(a_text_that_fills_its_member_without_nul_is_not_written),
	};

	return cmocka_run_group_tests_name("fields", tests, NULL, NULL);
}
