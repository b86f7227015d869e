/* Bounded reading and writing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "err.h"
#include "wire.h"

static void
numbers_come_back_big_endian(void **state)
{
	static const uint8_t expected[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
					   0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f};
	uint8_t buf[32];
	struct lb_writer w;
	struct lb_reader r;

	(void)state;
	lb_writer_init(&w, buf, sizeof buf);
	lb_write_u8(&w, 0x01);
	lb_write_u16(&w, 0x0203);
	lb_write_u32(&w, 0x04050607);
	lb_write_u64(&w, 0x08090a0b0c0d0e0fu);
	assert_int_equal(w.err, LB_OK);
	assert_int_equal(w.used, sizeof expected);
	assert_memory_equal(buf, expected, sizeof expected);

	lb_reader_init(&r, buf, w.used);
	assert_int_equal(lb_read_u8(&r), 0x01);
	assert_int_equal(lb_read_u16(&r), 0x0203);
	assert_int_equal(lb_read_u32(&r), 0x04050607);
	assert_true(lb_read_u64(&r) == 0x08090a0b0c0d0e0fu);
	assert_int_equal(lb_reader_end(&r), LB_OK);
}

static void
a_number_cut_short_latches_the_error(void **state)
{
	const uint8_t bytes[] = {1, 2, 3, 4};
	struct lb_reader r;

	(void)state;
	lb_reader_init(&r, bytes, 3);
	assert_int_equal(lb_read_u32(&r), 0);
	assert_int_equal(r.err, LB_ERR_MALFORMED);
	/* What would still fit is not read any more. */
	assert_int_equal(lb_read_u8(&r), 0);
	assert_int_equal(r.left, 3);
	assert_int_equal(lb_reader_end(&r), LB_ERR_MALFORMED);
}

static void
the_first_error_is_the_one_that_stays(void **state)
{
	const uint8_t bytes[] = {0, 9, 'a'};
	char out[4];
	struct lb_reader r;

	(void)state;
	lb_reader_init(&r, bytes, sizeof bytes);
	lb_read_text(&r, out, 3);
	assert_int_equal(r.err, LB_ERR_TOO_LONG);
	lb_read_u64(&r);
	assert_int_equal(r.err, LB_ERR_TOO_LONG);
}

static void
bytes_left_over_are_an_error(void **state)
{
	const uint8_t bytes[] = {1, 2};
	struct lb_reader r;

	(void)state;
	lb_reader_init(&r, bytes, sizeof bytes);
	assert_int_equal(lb_read_u8(&r), 1);
	assert_int_equal(lb_reader_end(&r), LB_ERR_MALFORMED);
}

static void
an_empty_input_has_no_number(void **state)
{
	struct lb_reader r;

	(void)state;
	lb_reader_init(&r, "", 0);
	assert_int_equal(lb_reader_end(&r), LB_OK);
	assert_int_equal(lb_read_u8(&r), 0);
	assert_int_equal(r.err, LB_ERR_MALFORMED);
}

static void
a_text_longer_than_its_maximum_is_refused(void **state)
{
	const uint8_t bytes[] = {0, 4, 'a', 'b', 'c', 'd'};
	char out[5];
	struct lb_reader r;

	(void)state;
	lb_reader_init(&r, bytes, sizeof bytes);
	lb_read_text(&r, out, 4);
	assert_int_equal(lb_reader_end(&r), LB_OK);
	assert_string_equal(out, "abcd");
	strcpy(out, "x");
	lb_reader_init(&r, bytes, sizeof bytes);
	lb_read_text(&r, out, 3);
	assert_int_equal(lb_reader_end(&r), LB_ERR_TOO_LONG);
	assert_string_equal(out, "");
}

static void
a_text_with_nul_inside_is_refused(void **state)
{
	const uint8_t bytes[] = {0, 3, 'a', 0, 'b'};
	char out[8];
	struct lb_reader r;

	(void)state;
	lb_reader_init(&r, bytes, sizeof bytes);
	lb_read_text(&r, out, 7);
	assert_int_equal(lb_reader_end(&r), LB_ERR_MALFORMED);
	assert_string_equal(out, "");
}

static void
a_text_whose_length_lies_is_refused(void **state)
{
	const uint8_t bytes[] = {0xff, 0xff, 'a'};
	static char out[UINT16_MAX + 1];
	struct lb_reader r;

	(void)state;
	lb_reader_init(&r, bytes, sizeof bytes);
	lb_read_text(&r, out, UINT16_MAX);
	assert_int_equal(lb_reader_end(&r), LB_ERR_MALFORMED);
}

static void
bytes_that_are_not_there_leave_zeroes(void **state)
{
	uint8_t out[4] = {9, 9, 9, 9};
	struct lb_reader r;

	(void)state;
	lb_reader_init(&r, "ab", 2);
	lb_read_bytes(&r, out, sizeof out);
	assert_int_equal(r.err, LB_ERR_MALFORMED);
	assert_memory_equal(out, "\0\0\0\0", 4);
}

static void
a_full_buffer_latches_and_is_not_overrun(void **state)
{
	uint8_t buf[4] = {0, 0, 0, 0xee};
	struct lb_writer w;

	(void)state;
	lb_writer_init(&w, buf, 3);
	lb_write_u16(&w, 0x0102);
	lb_write_u16(&w, 0x0304);
	assert_int_equal(w.err, LB_ERR_TOO_LONG);
	assert_int_equal(w.used, 2);
	lb_write_u8(&w, 5); /* would fit; the error stays */
	assert_int_equal(w.used, 2);
	assert_int_equal(buf[3], 0xee);
}

static void
a_text_over_its_maximum_is_not_written(void **state)
{
	uint8_t buf[64];
	struct lb_writer w;

	(void)state;
	lb_writer_init(&w, buf, sizeof buf);
	lb_write_text(&w, "abcd", 4);
	assert_int_equal(w.used, 6);
	lb_write_text(&w, "abcde", 4);
	assert_int_equal(w.err, LB_ERR_TOO_LONG);
	assert_int_equal(w.used, 6);
}

static void
a_text_over_16_bits_is_not_written(void **state)
{
	static char text[UINT16_MAX + 2];
	static uint8_t buf[UINT16_MAX + 8];
	struct lb_writer w;

	(void)state;
	memset(text, 'a', UINT16_MAX + 1);
	lb_writer_init(&w, buf, sizeof buf);
	lb_write_text(&w, text, sizeof text);
	assert_int_equal(w.err, LB_ERR_TOO_LONG);
	text[UINT16_MAX] = '\0';
	lb_writer_init(&w, buf, sizeof buf);
	lb_write_text(&w, text, sizeof text);
	assert_int_equal(w.err, LB_OK);
	assert_int_equal(w.used, UINT16_MAX + 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_come_back_big_endian),
		cmocka_unit_test(a_number_cut_short_latches_the_error),
		cmocka_unit_test(the_first_error_is_the_one_that_stays),
		cmocka_unit_test(bytes_left_over_are_an_error),
		cmocka_unit_test(an_empty_input_has_no_number),
		cmocka_unit_test(a_text_longer_than_its_maximum_is_refused),
		cmocka_unit_test(a_text_with_nul_inside_is_refused),
		cmocka_unit_test(a_text_whose_length_lies_is_refused),
		cmocka_unit_test(bytes_that_are_not_there_leave_zeroes),
		cmocka_unit_test(a_full_buffer_latches_and_is_not_overrun),
		cmocka_unit_test(a_text_over_its_maximum_is_not_written),
		cmocka_unit_test(a_text_over_16_bits_is_not_written),
	};

	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
