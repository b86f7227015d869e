/* Listening sockets when descriptors run out: see lockboxd/keeper/listen.h. */
#include "keeper_fixture.h"

#include <sys/resource.h>
#include <time.h>

#include "keeper/listen.h"

struct box {
	struct event_base *base;
	struct lb_listener *listener;
	char dir[64];
	int fd, taken;
};

static void
taken(void *arg, int fd)
{
	struct box *b = arg;

	b->taken++;
	close(fd);
}

static void
open_box(struct box *b)
{
	*b = (struct box){.base = event_base_new()};
	strcpy(b->dir, "/tmp/lockbox-listen-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	b->fd = listener(b->dir, "s");
	b->listener = lb_listen_new(b->base, b->fd, 2, "a socket", taken, b);
	assert_non_null(b->listener);
}

static void
close_box(struct box *b)
{
	char path[80];

	lb_listen_free(b->listener);
	event_base_free(b->base);
	close(b->fd);
	snprintf(path, sizeof path, "%s/s", b->dir);
	unlink(path);
	rmdir(b->dir);
}

/* The loop runs for so long; how much processor time that took. */
static double
run(struct box *b, int ms)
{
	const struct timeval limit = {ms / 1000, ms % 1000 * 1000};
	clock_t before = clock();

	event_base_loopexit(b->base, &limit);
	event_base_dispatch(b->base);
	return (double)(clock() - before) / CLOCKS_PER_SEC;
}

/* Every descriptor that the process may have is in use, or room for all again. */
static void
leave_none(bool none)
{
	static int held[4096];
	static size_t count;
	static struct rlimit usual;
	int fd;

	if (none) {
		getrlimit(RLIMIT_NOFILE, &usual);
		setrlimit(RLIMIT_NOFILE, &(struct rlimit){64, usual.rlim_max});
		while ((fd = dup(0)) >= 0)
			held[count++] = fd;
		assert_int_equal(errno, EMFILE);
		return;
	}
	while (count > 0)
		close(held[--count]);
	setrlimit(RLIMIT_NOFILE, &usual);
}

static void
without_descriptors_it_pauses_and_then_goes_on(void **unused)
{
	struct box b;
	int client[3];

	(void)unused;
	open_box(&b);
	assert_int_equal(lb_listen_enable(b.listener, true), LB_OK);
	for (int i = 0; i < 3; i++)
		client[i] = connect_to(b.dir, "s");
	leave_none(true);
	assert_true(run(&b, 700) < 0.3); /* it does not spin */
	assert_int_equal(b.taken, 0);
	leave_none(false);
	run(&b, 1200);
	assert_int_equal(b.taken, 3);
	for (int i = 0; i < 3; i++)
		close(client[i]);
	close_box(&b);
}

static void
off_is_off_also_during_a_pause(void **unused)
{
	struct box b;
	int client;

	(void)unused;
	open_box(&b);
	client = connect_to(b.dir, "s");
	run(&b, 20);
	assert_int_equal(b.taken, 0);
	assert_int_equal(lb_listen_enable(b.listener, true), LB_OK);
	leave_none(true);
	run(&b, 50);
	assert_int_equal(lb_listen_enable(b.listener, false), LB_OK);
	leave_none(false);
	run(&b, 1200);
	assert_int_equal(b.taken, 0);
	assert_int_equal(lb_listen_enable(b.listener, true), LB_OK);
	run(&b, 20);
	assert_int_equal(b.taken, 1);
	close(client);
	close_box(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_descriptors_it_pauses_and_then_goes_on),
		cmocka_unit_test(off_is_off_also_during_a_pause),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
