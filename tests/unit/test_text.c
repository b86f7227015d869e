/* Escaping, durations, times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "err.h"
#include "text.h"

static void
expect_escaped(const char *raw, const char *expected)
{
	char out[256];

	assert_int_equal(lb_text_escape(out, sizeof out, raw), strlen(expected));
	assert_string_equal(out, expected);
}

static void
ordinary_text_stays_as_it_is(void **state)
{
	static const char *const texts[] = {
		"",
		"plain words, 1-2 (3) \"quoted\" 'too'",
		"Grüße",
		"日本語",
		"\xf0\x9f\x94\x92",
		"~{}|",
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		assert_true(lb_text_plain(texts[i]));
		expect_escaped(texts[i], texts[i]);
	}
}

static void
characters_that_move_hide_or_reorder_are_escaped(void **state)
{
	static const struct {
		const char *raw, *escaped;
	} cases[] = {
		{"a\x1b[2Jb", "a\\x1b[2Jb"},
		{"a\rb", "a\\x0db"},
		{"a\nb", "a\\x0ab"},
		{"a\tb", "a\\x09b"},
		{"a\bb", "a\\x08b"},
		{"a\ab", "a\\x07b"},
		{"a\x7f", "a\\x7f"},
		{"a\x9b"
		 "31m",
		 "a\\x9b31m"}, /* a raw C1 byte */
		{"a\xc2\x9b"
		 "31m",
		 "a\\xc2\\x9b31m"},	      /* the same in UTF-8 */
		{"a\xc2\x85", "a\\xc2\\x85"}, /* NEL */
		{"a\xc2\xad", "a\\xc2\\xad"}, /* soft hyphen */
		{"a\xe2\x80\xae"
		 "b",
		 "a\\xe2\\x80\\xaeb"}, /* right-to-left override */
		{"a\xe2\x81\xa6"
		 "b",
		 "a\\xe2\\x81\\xa6b"},				/* left-to-right isolate */
		{"a\xe2\x80\xa8", "a\\xe2\\x80\\xa8"},		/* line separator */
		{"a\xe2\x80\x8b", "a\\xe2\\x80\\x8b"},		/* zero-width space */
		{"a\xef\xbb\xbf", "a\\xef\\xbb\\xbf"},		/* byte-order mark */
		{"a\xe3\x85\xa4", "a\\xe3\\x85\\xa4"},		/* a filler */
		{"a\xf3\xa0\x84\x80", "a\\xf3\\xa0\\x84\\x80"}, /* variation selector */
		{"a\xf3\xa0\x80\xa1", "a\\xf3\\xa0\\x80\\xa1"}, /* tag character */
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_false(lb_text_plain(cases[i].raw));
		expect_escaped(cases[i].raw, cases[i].escaped);
	}
}

/* Four marks are more than any language needs; a pile of them is drawn over other lines. */
static void
marks_may_not_pile_up(void **state)
{
	(void)state;
	assert_true(lb_text_plain("e\xcc\x81\xcc\x82\xcc\x83\xcc\x84x"));
	assert_true(lb_text_plain("e\xcc\x81"
				  "e\xcc\x81"
				  "e\xcc\x81"
				  "e\xcc\x81"
				  "e\xcc\x81"));
	assert_false(lb_text_plain("e\xcc\x81\xcc\x82\xcc\x83\xcc\x84\xcc\x85"));
	expect_escaped("e\xcc\x81\xcc\x82\xcc\x83\xcc\x84\xcc\x85x",
		       "e\xcc\x81\xcc\x82\xcc\x83\xcc\x84\\xcc\\x85x");
}

static size_t
put_utf8(char *out, uint32_t c)
{
	size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const uint8_t first[] = {0, 0, 0xc0, 0xe0, 0xf0};

	for (size_t i = len; i-- > 1; c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(first[len] | c);
	out[len] = '\0';
	return len;
}

/*
 * How each character is judged, alone and five times in a row.  The numbers change with the tables
 * of text.c and with nothing else.
 */
static void
every_character_is_judged_as_its_tables_say(void **state)
{
	unsigned controls = 0, marks = 0, surrogates = 0, sum = 0;

	(void)state;
	for (uint32_t c = 1; c <= 0x10ffff; c++) {
		char one[5], five[21] = "", out[64];
		size_t len = put_utf8(one, c);
		bool alone = lb_text_plain(one), mark;

		for (int i = 0; i < 5; i++)
			memcpy(five + (size_t)i * len, one, len + 1);
		mark = alone && !lb_text_plain(five);
		if (c >= 0xd800 && c <= 0xdfff)
			surrogates += !alone;
		else
			controls += !alone;
		marks += mark;
		sum = sum * 31 + (unsigned)alone + 2 * (unsigned)mark;
		if (c < 0x80)
			assert_int_equal(alone, c >= 0x20 && c <= 0x7e);
		lb_text_escape(out, sizeof out, one);
		assert_int_equal(strcmp(out, one) == 0, alone && c != '\\');
	}
	assert_int_equal(surrogates, 0x800);
	assert_int_equal(controls, 4226);
	assert_int_equal(marks, 852);
	assert_int_equal(sum, 3055329191u);
}

static void
bytes_that_are_no_utf8_are_escaped(void **state)
{
	static const struct {
		const char *raw, *escaped;
	} cases[] = {
		{"\xff", "\\xff"},
		{"\x80", "\\x80"},
		{"\xc0\xaf", "\\xc0\\xaf"}, /* overlong / */
		{"\xc1\xbf", "\\xc1\\xbf"},
		{"\xe0\x80\xaf", "\\xe0\\x80\\xaf"}, /* overlong / */
		{"\xe0\x9f\xbf", "\\xe0\\x9f\\xbf"},
		{"\xf0\x80\x80\xaf", "\\xf0\\x80\\x80\\xaf"},
		{"\xf0\x8f\xbf\xbf", "\\xf0\\x8f\\xbf\\xbf"},
		{"\xed\xa0\x80", "\\xed\\xa0\\x80"},	      /* a surrogate */
		{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"}, /* above U+10FFFF */
		{"\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80"},
		{"\xc3", "\\xc3"}, /* cut short */
		{"\xe2\x82", "\\xe2\\x82"},
		{"\xe2\x82z", "\\xe2\\x82z"},
		{"\xf0\x9f\x94", "\\xf0\\x9f\\x94"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_false(lb_text_plain(cases[i].raw));
		expect_escaped(cases[i].raw, cases[i].escaped);
	}
}

static void
a_backslash_is_written_twice_so_that_no_escape_can_be_forged(void **state)
{
	(void)state;
	expect_escaped("a\\b", "a\\\\b");
	expect_escaped("\\x1b", "\\\\x1b");
	assert_true(lb_text_plain("a\\b"));
}

static void
a_quoted_value_cannot_end_its_quotes(void **state)
{
	char out[64];

	(void)state;
	lb_text_escape_quoted(out, sizeof out, "x\" actor=root y=\"");
	assert_string_equal(out, "x\\\" actor=root y=\\\"");
	lb_text_escape_quoted(out, sizeof out, "x\\\"");
	assert_string_equal(out, "x\\\\\\\"");
	lb_text_escape(out, sizeof out, "a \"b\"");
	assert_string_equal(out, "a \"b\"");
}

static void
what_does_not_fit_is_cut_before_a_whole_character(void **state)
{
	char out[32];

	(void)state;
	for (size_t cap = 1; cap < sizeof out; cap++) {
		size_t len;

		memset(out, 0x55, sizeof out);
		len = lb_text_escape(out, cap, "ab\xe2\x82\xac\x1bz\xf0\x9f\x94\x92");
		assert_true(len < cap);
		assert_int_equal(out[len], '\0');
		assert_int_equal(strlen(out), len);
		/* 2 letters, a euro of 3 bytes, an escape of 4, a letter, a lock of 4 */
		assert_true(len == 0 || len == 1 || len == 2 || len == 5 || len == 9 || len == 10 ||
			    len == 14);
		if (cap < sizeof out)
			assert_int_equal(out[cap], 0x55);
	}
	assert_int_equal(lb_text_escape(out, 0, "abc"), 0);
}

static void
random_bytes_never_come_out_as_controls(void **state)
{
	(void)state;
	srandom(20261122);
	for (int round = 0; round < 20000; round++) {
		char raw[40], out[4 * sizeof raw + 1];
		size_t len = (size_t)random() % (sizeof raw - 1);

		for (size_t i = 0; i < len; i++)
			raw[i] = (char)(1 + random() % 255);
		raw[len] = '\0';
		lb_text_escape(out, sizeof out, raw);
		assert_true(lb_text_plain(out));
		if (strchr(raw, '\\') == NULL && lb_text_plain(raw))
			assert_string_equal(out, raw);
	}
}

static void
durations_are_read_in_seconds(void **state)
{
	static const struct {
		const char *text;
		uint32_t seconds;
	} cases[] = {
		{"20s", 20},   {"30m", 1800},	      {"4h", 14400},
		{"1d", 86400}, {"1h30m", 5400},	      {"1d2h3m4s", 93784},
		{"090s", 90},  {"366d", 366 * 86400}, {"1h0m5s", 3605},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint32_t seconds = 0;

		assert_int_equal(lb_duration_parse(cases[i].text, &seconds), LB_OK);
		assert_int_equal(seconds, cases[i].seconds);
	}
}

static void
durations_in_any_other_writing_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"0",
		"0s",
		"0h0m",
		"5",
		"s",
		"-1s",
		"+1s",
		"1e9h",
		"1.5h",
		" 1h",
		"1h ",
		"1 h",
		"1H",
		"1w",
		"1h1h",
		"30m1h",
		"1s1m",
		"1hm",
		"0x10s",
		"1h\n",
		"367d",
		"366d1s",
		"9999999999s",
		"99999999999999999999999h",
		"4294967296s",
		"4294967297s",
		"1,5h",
		"\xd9\xa1s",
		"h1",
		"999999999d999999999h999999999m999999999s",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		uint32_t seconds = 7;

		assert_int_equal(lb_duration_parse(bad[i], &seconds), LB_ERR_MALFORMED);
		assert_int_equal(seconds, 7);
	}
}

static void
durations_are_written_as_they_are_read(void **state)
{
	char text[LB_DURATION_TEXT];
	uint32_t back;

	(void)state;
	lb_duration_format(text, 0);
	assert_string_equal(text, "0s");
	lb_duration_format(text, 5400);
	assert_string_equal(text, "1h30m");
	for (uint32_t s = 1; s <= 366 * 86400; s += 7919) {
		lb_duration_format(text, s);
		assert_int_equal(lb_duration_parse(text, &back), LB_OK);
		assert_int_equal(back, s);
	}
	lb_duration_format(text, UINT64_MAX);
	assert_true(strlen(text) < sizeof text);
}

static void
times_are_rfc_3339_in_utc(void **state)
{
	char text[LB_TIME_TEXT];

	(void)state;
	setenv("TZ", "Asia/Kathmandu", 1);
	lb_time_format(text, 0);
	assert_string_equal(text, "1970-01-01T00:00:00Z");
	lb_time_format(text, 1795306800);
	assert_string_equal(text, "2026-11-22T00:20:00Z");
	lb_time_format(text, 951782400);
	assert_string_equal(text, "2000-02-29T00:00:00Z");
	lb_time_format(text, 4102444799);
	assert_string_equal(text, "2099-12-31T23:59:59Z");
	lb_time_format(text, 253402300799);
	assert_string_equal(text, "9999-12-31T23:59:59Z");
	lb_time_format(text, 253402300800);
	assert_string_equal(text, "-");
	lb_time_format(text, -1);
	assert_string_equal(text, "-");
	lb_time_format(text, INT64_MAX);
	assert_string_equal(text, "-");
	lb_time_format(text, INT64_MIN);
	assert_string_equal(text, "-");
	/* Some 60,000 moments of all years, as libc has them. */
	for (int64_t t = 0; t < 253402300800; t += 4000037) {
		char libc[64];
		time_t when = (time_t)t;
		struct tm tm;

		strftime(libc, sizeof libc, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&when, &tm));
		lb_time_format(text, t);
		assert_string_equal(text, libc);
	}
}

static void
moments_are_read_in_utc_or_with_their_zone(void **state)
{
	static const struct {
		const char *text;
		uint64_t unix_s;
	} good[] = {
		{"2026-11-23T08:00:00Z", 1795420800},
		{"2026-11-23t08:00:00z", 1795420800},
		{"2026-11-23T08:00Z", 1795420800},
		{"2026-11-23T09:00:00+01:00", 1795420800},
		{"2026-11-23T02:30:00-05:30", 1795420800},
		{"2028-02-29T00:00:00Z", 1835395200},
	};
	static const char *const bad[] = {
		"",
		"now",
		"2026-11-23",
		"2026-11-23T08:00:00",
		"2026-11-23 08:00:00Z",
		"2026-02-30T08:00:00Z",
		"2026-13-01T08:00:00Z",
		"2026-00-01T08:00:00Z",
		"2026-11-00T08:00:00Z",
		"2026-11-23T24:00:00Z",
		"2026-11-23T08:60:00Z",
		"2026-11-23T08:00:60Z",
		"1969-12-31T08:00:00Z",
		"2026-11-23T08:00:00Zx",
		"2026-11-23T08:00:00+1:00",
		"1970-01-01T00:00:00Z",
		"2026-11-23T08:00:00.5Z",
		"12026-11-23T08:00:00Z",
		"24:00",
		"08:60",
		"8:00",
		"-8:00",
		"08:0x",
		"08:00:00",
	};
	uint64_t got = 7;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		assert_int_equal(lb_moment_parse(good[i].text, 0, &got), LB_OK);
		if (got != good[i].unix_s)
			fail_msg("%s: %llu", good[i].text, (unsigned long long)got);
	}
	got = 7;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (lb_moment_parse(bad[i], 1795420800, &got) != LB_ERR_MALFORMED || got != 7)
			fail_msg("%s is read", bad[i]);
}

static void
a_time_of_day_is_the_next_one_by_the_local_clock(void **state)
{
	uint64_t got;

	(void)state;
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	/* 2026-11-23 08:00 UTC is 09:00 there. */
	assert_int_equal(lb_moment_parse("09:30", 1795420800, &got), LB_OK);
	assert_int_equal(got, 1795420800 + 1800);
	assert_int_equal(lb_moment_parse("09:00", 1795420800, &got), LB_OK);
	assert_int_equal(got, 1795420800 + 86400);
	/* 2026-03-28 22:00 UTC; on the next day the clock jumps from 02:00 to 03:00. */
	assert_int_equal(lb_moment_parse("02:30", 1774735200, &got), LB_ERR_MALFORMED);
	assert_int_equal(lb_moment_parse("03:30", 1774735200, &got), LB_OK);
	assert_int_equal(got, 1774735200 + 3 * 3600 + 1800);
	unsetenv("TZ");
	tzset();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordinary_text_stays_as_it_is),
		cmocka_unit_test(characters_that_move_hide_or_reorder_are_escaped),
		cmocka_unit_test(marks_may_not_pile_up),
		cmocka_unit_test(every_character_is_judged_as_its_tables_say),
		cmocka_unit_test(bytes_that_are_no_utf8_are_escaped),
		cmocka_unit_test(a_backslash_is_written_twice_so_that_no_escape_can_be_forged),
		cmocka_unit_test(a_quoted_value_cannot_end_its_quotes),
		cmocka_unit_test(what_does_not_fit_is_cut_before_a_whole_character),
		cmocka_unit_test(random_bytes_never_come_out_as_controls),
		cmocka_unit_test(durations_are_read_in_seconds),
		cmocka_unit_test(durations_in_any_other_writing_are_refused),
		cmocka_unit_test(durations_are_written_as_they_are_read),
		cmocka_unit_test(times_are_rfc_3339_in_utc),
		cmocka_unit_test(moments_are_read_in_utc_or_with_their_zone),
		cmocka_unit_test(a_time_of_day_is_the_next_one_by_the_local_clock),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
