/* Time zones as rules, against libc's own reckoning, and the hours of roles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "err.h"
#include "policy/hours.h"
#include "policy/zone.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define Y2026 1767225600ll
#define DAY 86400ll

static const char *const rules[] = {
	"UTC0",
	"CET-1CEST,M3.5.0,M10.5.0/3",
	"EST5EDT,M3.2.0,M11.1.0",
	"IST-1GMT0,M10.5.0,M3.5.0/1", /* Dublin: summer is its standard time */
	"<+0330>-3:30",
	"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", /* Lord Howe: half an hour */
	"AEST-10AEDT,M10.1.0,M4.1.0/3",		/* south: summer over new year */
	"<-02>2<-01>,M3.5.0/-1,M10.5.0/0",	/* Nuuk: a time before midnight */
	"EET-2EEST,M3.4.4/50,M10.4.4/50",	/* two days later */
	"XST3XDT,J60,J300/4:30",
	"XST3XDT2,59/3,299",
	"<+1245>-12:45<+1345>,M9.5.0/2:45,M4.1.0/3:45",
};

static void
a_rule_gives_what_libc_makes_of_it(void **state)
{
	(void)state;
	for (size_t r = 0; r < COUNT(rules); r++) {
		struct lb_zone zone;

		assert_int_equal(lb_zone_parse(rules[r], &zone), LB_OK);
		setenv("TZ", rules[r], 1);
		tzset();
		for (int64_t t = Y2026 - 1000; t < Y2026 + 5 * 366 * DAY; t += 1777) {
			time_t when = (time_t)t;
			struct tm tm;
			int64_t until;

			localtime_r(&when, &tm);
			if (lb_zone_offset(&zone, t, &until) != tm.tm_gmtoff)
				fail_msg("%s at %lld", rules[r], (long long)t);
			assert_true(until > t);
		}
	}
	unsetenv("TZ");
}

/* Each year's summer ends as the next one's begins: RFC 8536, 3.3.1.  libc does not know it everywhere. */
static void
summer_may_last_all_year(void **state)
{
	struct lb_zone zone;
	int64_t until;

	(void)state;
	assert_int_equal(lb_zone_parse("EST5EDT,0/0,J365/25", &zone), LB_OK);
	for (int64_t t = Y2026 - 1000 * DAY; t < Y2026 + 5 * 366 * DAY; t += 600)
		if (lb_zone_offset(&zone, t, &until) != -4 * 3600)
			fail_msg("at %lld", (long long)t);
	/* An hour earlier, and the last hour of the year is winter's. */
	assert_int_equal(lb_zone_parse("EST5EDT,0/0,J365/24", &zone), LB_OK);
	assert_int_equal(lb_zone_offset(&zone, Y2026 + 4 * 3600, &until), -5 * 3600);
	assert_int_equal(lb_zone_offset(&zone, Y2026 + 5 * 3600, &until), -4 * 3600);
}

static void
an_offset_holds_until_the_moment_it_says(void **state)
{
	struct lb_zone zone;
	int64_t until, next;
	int32_t before, after;

	(void)state;
	for (size_t r = 1; r < COUNT(rules); r++) {
		assert_int_equal(lb_zone_parse(rules[r], &zone), LB_OK);
		before = lb_zone_offset(&zone, Y2026, &until);
		if (!zone.changes) {
			assert_true(until == INT64_MAX);
			continue;
		}
		assert_true(until < Y2026 + 366 * DAY);
		assert_int_equal(lb_zone_offset(&zone, until - 1, &next), before);
		after = lb_zone_offset(&zone, until, &next);
		assert_int_not_equal(after, before);
	}
}

static void
what_is_no_rule_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"UTC",
		"AB1",
		"CET-1CEST",
		"CET-1CEST,",
		"CET-25",
		"CET-1CEST,M3.5.0",
		"CET-1CEST,M13.5.0,M10.5.0",
		"CET-1CEST,M3.6.0,M10.5.0",
		"CET-1CEST,M3.5.7,M10.5.0",
		"CET-1 ",
		"<CET>",
		"<C T>1",
		"CET-1:60",
		"CET-1CEST,J0,J1",
		"CET-1CEST,M3.5.0,M10.5.0/3x",
		"Europe/Berlin",
		"CET-1CEST,M3.5.0/168,M10.5.0",
		":CET-1",
	};
	struct lb_zone zone;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (lb_zone_parse(bad[i], &zone) != LB_ERR_MALFORMED)
			fail_msg("%s", bad[i]);
}

static void
a_zone_file_ends_with_its_rule(void **state)
{
	uint8_t file[80] = "TZif2";
	static const char end[] = "\nCET-1CEST,M3.5.0,M10.5.0/3\n";
	char out[65];

	(void)state;
	memcpy(file + 44, end, sizeof end - 1);
	assert_int_equal(lb_zone_of_file(file, 44 + sizeof end - 1, out, sizeof out), LB_OK);
	assert_string_equal(out, "CET-1CEST,M3.5.0,M10.5.0/3");
	assert_int_equal(lb_zone_of_file(file, 44 + sizeof end - 2, out, sizeof out),
			 LB_ERR_MALFORMED);
	assert_int_equal(lb_zone_of_file(file, 44 + sizeof end - 1, out, 10), LB_ERR_MALFORMED);
	assert_int_equal(lb_zone_of_file(file, 20, out, sizeof out), LB_ERR_MALFORMED);
	file[4] = 0; /* version 1 has none */
	assert_int_equal(lb_zone_of_file(file, 44 + sizeof end - 1, out, sizeof out),
			 LB_ERR_MALFORMED);
	assert_true(lb_zone_name_valid("America/Argentina/Buenos_Aires"));
	assert_false(lb_zone_name_valid("../../etc/passwd"));
	assert_false(lb_zone_name_valid("/etc/passwd"));
	assert_false(lb_zone_name_valid("Europe/"));
	assert_false(lb_zone_name_valid(""));
}

static void
hours_are_days_and_a_time(void **state)
{
	static const struct {
		const char *text;
		uint8_t days;
	} good[] = {
		{"mon-fri 08:00-18:00", 0x1f},	   {"sat,sun 00:00-24:00", 0x60},
		{"daily 06:30-07:00", 0x7f},	   {"fri-mon 08:00-18:00", 0x71},
		{"mon,wed-thu 08:00-08:01", 0x0d},
	};
	static const char *const bad[] = {
		"",
		"mon",
		"mon 08:00",
		"mon 18:00-08:00",
		"mon 08:00-08:00",
		"mon 08:00-24:01",
		"mon 8:00-18:00",
		"monday 08:00-18:00",
		"mon- 08:00-18:00",
		"mon, 08:00-18:00",
		"mon 08:00-18:00 ",
		"mon 08:60-18:00",
		"mon  08:00-18:00",
		"xyz 08:00-18:00",
		"mon 08:00-18:00,tue 08:00-18:00",
	};
	struct lb_hours h;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_int_equal(lb_hours_parse(good[i].text, &h), LB_OK);
		assert_int_equal(h.days, good[i].days);
		assert_null(lb_hours_problem(good[i].text));
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		if (lb_hours_parse(bad[i], &h) != LB_ERR_MALFORMED)
			fail_msg("%s", bad[i]);
	assert_non_null(lb_hours_problem("never"));
}

/* The hours against a look at every minute. */
static void
hours_open_and_close_by_the_zones_clock(void **state)
{
	static const char *const texts[] = {"mon-fri 08:00-18:00", "fri 22:00-24:00",
					    "sat 00:00-03:30"};
	struct lb_hours h[3];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(lb_hours_parse(texts[i], &h[i]), LB_OK);
	for (size_t r = 0; r < COUNT(rules); r++) {
		struct lb_zone zone;
		int64_t opens = -1, closes = -1, until;

		assert_int_equal(lb_zone_parse(rules[r], &zone), LB_OK);
		/* Backwards, so that what comes next is known; over the changes of spring. */
		for (int64_t t = Y2026 + 110 * DAY; t > Y2026 + 60 * DAY; t -= 60) {
			int64_t local = t + lb_zone_offset(&zone, t, &until);
			int64_t day = (local / DAY + 3) % 7, second = local % DAY;
			bool open = (day < 5 && second >= 8 * 3600 && second < 18 * 3600) ||
				    (day == 4 && second >= 22 * 3600) ||
				    (day == 5 && second < 3 * 3600 + 1800);

			if (open)
				opens = t;
			else
				closes = t;
			if (opens < 0 || closes < 0 || t > Y2026 + 100 * DAY)
				continue;
			if (lb_hours_next(h, 3, &zone, (uint64_t)t, true) != (uint64_t)opens ||
			    lb_hours_next(h, 3, &zone, (uint64_t)t, false) != (uint64_t)closes)
				fail_msg("%s at %lld", rules[r], (long long)t);
		}
	}
}

static void
what_is_open_always_never_closes(void **state)
{
	struct lb_zone zone;
	struct lb_hours h;

	(void)state;
	assert_int_equal(lb_zone_parse(rules[1], &zone), LB_OK);
	assert_int_equal(lb_hours_parse("daily 00:00-24:00", &h), LB_OK);
	assert_true(lb_hours_next(&h, 1, &zone, Y2026, false) == UINT64_MAX);
	assert_true(lb_hours_next(&h, 1, &zone, Y2026, true) == Y2026);
	assert_true(lb_hours_next(&h, 1, &zone, UINT64_MAX - 1, true) == UINT64_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_gives_what_libc_makes_of_it),
		cmocka_unit_test(summer_may_last_all_year),
		cmocka_unit_test(an_offset_holds_until_the_moment_it_says),
		cmocka_unit_test(what_is_no_rule_is_refused),
		cmocka_unit_test(a_zone_file_ends_with_its_rule),
		cmocka_unit_test(hours_are_days_and_a_time),
		cmocka_unit_test(hours_open_and_close_by_the_zones_clock),
		cmocka_unit_test(what_is_open_always_never_closes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
