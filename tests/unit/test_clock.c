/* The keeper's clock and alarms: see lockboxd/clock.h. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "clock.h"

#define NS 1000000000ll
#define HOUR (3600 * NS)
#define YEAR (365 * 24 * HOUR)
#define WALL0 (1700000000 * NS)
#define BOOT0 (5000 * NS)

static struct lb_clock
fresh(void)
{
	return (struct lb_clock){.anchor_ns = WALL0, .anchor_boot_ns = BOOT0};
}

static void
both_clocks_in_step_are_read_as_they_are(void **unused)
{
	struct lb_clock c = fresh();

	(void)unused;
	for (int64_t t = 0; t < 10 * HOUR; t += HOUR / 7)
		assert_int_equal(lb_clock_read(&c, WALL0 + t, BOOT0 + t), WALL0 + t);
}

static void
a_wall_clock_set_back_lengthens_nothing(void **unused)
{
	static const int64_t back[] = {1, NS, HOUR, 10 * YEAR, WALL0};

	(void)unused;
	for (size_t i = 0; i < sizeof back / sizeof back[0]; i++) {
		struct lb_clock c = fresh();

		assert_int_equal(lb_clock_read(&c, WALL0 + HOUR, BOOT0 + HOUR), WALL0 + HOUR);
		assert_int_equal(lb_clock_read(&c, WALL0 + HOUR - back[i], BOOT0 + HOUR),
				 WALL0 + HOUR);
		/* Another hour passes: it is seen, although the wall clock is still behind. */
		assert_int_equal(lb_clock_read(&c, WALL0 + 2 * HOUR - back[i], BOOT0 + 2 * HOUR),
				 WALL0 + 2 * HOUR);
	}
}

static void
time_passes_while_the_wall_clock_stands(void **unused)
{
	struct lb_clock c = fresh();

	(void)unused;
	for (int64_t t = 0; t <= 5 * HOUR; t += HOUR)
		assert_int_equal(lb_clock_read(&c, WALL0, BOOT0 + t), WALL0 + t);
}

static void
a_wall_clock_set_forward_counts_at_once_and_for_good(void **unused)
{
	struct lb_clock c = fresh();

	(void)unused;
	assert_int_equal(lb_clock_read(&c, WALL0 + YEAR, BOOT0 + NS), WALL0 + YEAR);
	/* Back again: no time is given back. */
	assert_int_equal(lb_clock_read(&c, WALL0 + 2 * NS, BOOT0 + 2 * NS), WALL0 + YEAR + NS);
	assert_int_equal(lb_clock_read(&c, WALL0 + YEAR + HOUR, BOOT0 + 3 * NS),
			 WALL0 + YEAR + HOUR);
}

static void
a_boot_clock_that_goes_back_is_not_believed(void **unused)
{
	struct lb_clock c = fresh();

	(void)unused;
	assert_int_equal(lb_clock_read(&c, WALL0, BOOT0 + HOUR), WALL0 + HOUR);
	assert_int_equal(lb_clock_read(&c, WALL0, BOOT0), WALL0 + HOUR);
	assert_int_equal(lb_clock_read(&c, WALL0, BOOT0 + NS), WALL0 + HOUR + NS);
}

static void
whatever_the_clocks_do_the_reading_never_goes_back_nor_slower_than_boot_time(void **unused)
{
	struct lb_clock c = fresh();
	int64_t wall = WALL0, boot = BOOT0, last = WALL0;

	(void)unused;
	srandom(1);
	for (int i = 0; i < 100000; i++) {
		int64_t passed = random() % HOUR, now;

		boot += passed;
		wall += random() % 4 ? passed : (int64_t)(random() % 3 - 1) * (random() % YEAR);
		now = lb_clock_read(&c, wall, boot);
		assert_true(now >= last + passed);
		assert_true(now >= wall);
		last = now;
	}
}

/* Found by the proof of lb_clock_read(): it wrapped, and so went back to the wall clock. */
static void
a_clock_at_the_end_of_time_stays_there(void **state)
{
	struct lb_clock c = {.anchor_ns = INT64_MAX - 1, .anchor_boot_ns = BOOT0};

	(void)state;
	assert_int_equal(lb_clock_read(&c, WALL0, BOOT0 + HOUR), INT64_MAX);
	assert_int_equal(lb_clock_read(&c, WALL0, BOOT0 + 2 * HOUR), INT64_MAX);
}

static void
the_clock_starts_no_earlier_than_its_mark(void **unused)
{
	struct lb_clock c;
	int64_t wall = lb_wall_ns();
	int64_t ahead = wall + 100000 * NS;

	(void)unused;
	lb_clock_start(&c, ahead, 0);
	assert_in_range(lb_clock_now_ns(&c), ahead, ahead + HOUR);
	lb_clock_start(&c, 0, 0);
	assert_in_range(lb_clock_now_ns(&c), wall, wall + HOUR);
	lb_clock_start(&c, wall - 100000 * NS, 0);
	assert_in_range(lb_clock_now_ns(&c), wall, wall + HOUR);
	lb_clock_start(&c, wall, lb_boot_ns() - NS);
	assert_in_range(lb_clock_now_ns(&c), wall + NS, wall + HOUR);
}

/* A keeper that ends at the mark and is started again, what the clocks show by then. */
static void
a_restart_with_the_wall_clock_set_back_lengthens_nothing(void **unused)
{
	static const int64_t back[] = {0, 1, NS, HOUR, 10 * YEAR, WALL0};

	(void)unused;
	for (size_t i = 0; i < sizeof back / sizeof back[0]; i++)
		for (int64_t down = 0; down <= 3 * HOUR; down += HOUR / 2)
			assert_int_equal(
				lb_clock_first(WALL0, BOOT0, WALL0 + down - back[i], BOOT0 + down),
				WALL0 + down);
	/* Again and again, each time a little later and the clock set back to the same time. */
	for (int64_t mark = WALL0, boot = BOOT0, n = 1; n < 100; n++, boot += NS) {
		mark = lb_clock_first(mark, boot, WALL0, boot + NS);
		assert_int_equal(mark, WALL0 + n * NS);
	}
	/* Set forward, it counts; in another boot nothing is known but the mark. */
	assert_int_equal(lb_clock_first(WALL0, BOOT0, WALL0 + YEAR, BOOT0 + NS), WALL0 + YEAR);
	assert_int_equal(lb_clock_first(WALL0, 0, WALL0 - YEAR, BOOT0 + HOUR), WALL0);
	assert_int_equal(lb_clock_first(WALL0, 0, WALL0 + HOUR, BOOT0), WALL0 + HOUR);
	/* A boot-time clock that went back in the same boot, and a mark from beyond all time. */
	assert_int_equal(lb_clock_first(WALL0, BOOT0, WALL0 - HOUR, BOOT0 - HOUR), WALL0);
	assert_int_equal(lb_clock_first(INT64_MAX - 1, BOOT0, WALL0, BOOT0 + HOUR), INT64_MAX);
}

/* -- alarms ------------------------------------------------------------------ */

struct rung {
	struct event_base *base;
	int times;
};

static void
ring(void *arg)
{
	struct rung *r = arg;

	r->times++;
	event_base_loopbreak(r->base);
}

/* Waits for the alarm or, at most, 5 s. */
static void
wait_for_ring(struct rung *r)
{
	const struct timeval limit = {5, 0};

	r->times = 0;
	event_base_loopexit(r->base, &limit);
	event_base_dispatch(r->base);
}

static unsigned
open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static void
an_alarm_rings_when_either_clock_is_there(void **unused)
{
	struct rung r = {.base = event_base_new()};
	unsigned before = open_fds();
	struct lb_alarm *a = lb_alarm_new(r.base, ring, &r);

	(void)unused;
	assert_non_null(a);
	lb_alarm_set(a, lb_wall_ns() + 20000000, 0);
	wait_for_ring(&r);
	assert_int_equal(r.times, 1);

	lb_alarm_set(a, 0, lb_boot_ns() + 20000000);
	wait_for_ring(&r);
	assert_int_equal(r.times, 1);

	/* The other clock may be hours behind. */
	lb_alarm_set(a, lb_wall_ns() + HOUR, lb_boot_ns() + 20000000);
	wait_for_ring(&r);
	assert_int_equal(r.times, 1);
	lb_alarm_set(a, lb_wall_ns() + 20000000, lb_boot_ns() + HOUR);
	wait_for_ring(&r);
	assert_int_equal(r.times, 1);

	/* A time that is past rings at once. */
	lb_alarm_set(a, lb_wall_ns() - HOUR, 0);
	wait_for_ring(&r);
	assert_int_equal(r.times, 1);
	lb_alarm_set(a, 0, 1);
	wait_for_ring(&r);
	assert_int_equal(r.times, 1);

	lb_alarm_free(a);
	assert_int_equal(open_fds(), before);
	event_base_free(r.base);
}

static void
an_alarm_that_cannot_be_set_says_so(void **unused)
{
	struct rung r = {.base = event_base_new()};
	struct lb_alarm *a = lb_alarm_new(r.base, ring, &r);
	int kept[64], fd;

	(void)unused;
	assert_int_equal(lb_alarm_set(a, lb_wall_ns() + HOUR, lb_boot_ns() + HOUR), 0);
	/* Every timer of this process becomes something else. */
	for (fd = 3; fd < 64; fd++) {
		char path[64], what[64] = "";

		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		kept[fd] = -1;
		if (readlink(path, what, sizeof what - 1) > 0 && strstr(what, "timerfd") != NULL) {
			int null = open("/dev/null", O_RDONLY);

			kept[fd] = dup(fd);
			dup2(null, fd);
			close(null);
		}
	}
	assert_int_not_equal(lb_alarm_set(a, lb_wall_ns() + HOUR, lb_boot_ns() + HOUR), 0);
	for (fd = 3; fd < 64; fd++)
		if (kept[fd] >= 0) {
			dup2(kept[fd], fd);
			close(kept[fd]);
		}
	lb_alarm_free(a);
	event_base_free(r.base);
}

static void
an_alarm_turned_off_or_set_anew_forgets_what_was(void **unused)
{
	struct rung r = {.base = event_base_new()};
	struct rung second = {.base = r.base};
	struct lb_alarm *a = lb_alarm_new(r.base, ring, &r),
			*b = lb_alarm_new(r.base, ring, &second);

	(void)unused;
	lb_alarm_set(a, lb_wall_ns() + 5000000, lb_boot_ns() + 5000000);
	lb_alarm_set(a, 0, 0);
	lb_alarm_set(b, 0, lb_boot_ns() + 30000000);
	wait_for_ring(&second);
	assert_int_equal(second.times, 1);
	assert_int_equal(r.times, 0);
	lb_alarm_set(a, lb_wall_ns() + 5000000, lb_boot_ns() + 5000000);
	lb_alarm_set(a, lb_wall_ns() + HOUR, lb_boot_ns() + HOUR);
	lb_alarm_set(b, 0, lb_boot_ns() + 30000000);
	wait_for_ring(&second);
	assert_int_equal(second.times, 1);
	assert_int_equal(r.times, 0);
	lb_alarm_free(a);
	lb_alarm_free(b);
	lb_alarm_free(NULL);
	event_base_free(r.base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_clocks_in_step_are_read_as_they_are),
		cmocka_unit_test(a_wall_clock_set_back_lengthens_nothing),
		cmocka_unit_test(time_passes_while_the_wall_clock_stands),
		cmocka_unit_test(a_wall_clock_set_forward_counts_at_once_and_for_good),
		cmocka_unit_test(a_boot_clock_that_goes_back_is_not_believed),
		cmocka_unit_test(
			whatever_the_clocks_do_the_reading_never_goes_back_nor_slower_than_boot_time),
		cmocka_unit_test(a_clock_at_the_end_of_time_stays_there),
		cmocka_unit_test(the_clock_starts_no_earlier_than_its_mark),
		cmocka_unit_test(a_restart_with_the_wall_clock_set_back_lengthens_nothing),
		cmocka_unit_test(an_alarm_rings_when_either_clock_is_there),
		cmocka_unit_test(an_alarm_that_cannot_be_set_says_so),
		cmocka_unit_test(an_alarm_turned_off_or_set_anew_forgets_what_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
