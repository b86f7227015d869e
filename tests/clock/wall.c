/*
 * A wall clock of the test world's own: preloaded into every program there, it
 * adds what the file /run/wall-offset says (one int64, nanoseconds) to what
 * CLOCK_REALTIME shows.  The file is mapped, so a change holds at once, also in
 * processes that can open nothing any more.  The machine's clock is not touched.
 *
 * The kernel's own timers go on by the real clock: nobody is woken by a change.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define NS 1000000000ll
#define EXPORTED __attribute__((visibility("default")))

static const volatile int64_t *offset;
static int (*real_gettime)(clockid_t, struct timespec *);
static int (*real_create)(int, int);
static int (*real_settime)(int, int, const struct itimerspec *, struct itimerspec *);
static unsigned char of_wall[1024]; /* timers of the wall clock */

__attribute__((constructor)) static void
begin(void)
{
	int fd = open("/run/wall-offset", O_RDONLY | O_CLOEXEC);
	void *at = MAP_FAILED;

	*(void **)&real_gettime = dlsym(RTLD_NEXT, "clock_gettime");
	*(void **)&real_create = dlsym(RTLD_NEXT, "timerfd_create");
	*(void **)&real_settime = dlsym(RTLD_NEXT, "timerfd_settime");
	if (fd >= 0)
		at = mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, fd, 0);
	if (at != MAP_FAILED)
		offset = at;
	if (fd >= 0)
		close(fd);
}

static void
shift(struct timespec *ts, int64_t by)
{
	int64_t ns;

	if (__builtin_mul_overflow((int64_t)ts->tv_sec, NS, &ns) ||
	    __builtin_add_overflow(ns, ts->tv_nsec, &ns) || __builtin_add_overflow(ns, by, &ns))
		ns = INT64_MAX; /* a timer that is never due */
	if (ns < 0)
		ns = 0;
	ts->tv_sec = (time_t)(ns / NS);
	ts->tv_nsec = (long)(ns % NS);
}

EXPORTED int clock_gettime(clockid_t id, struct timespec *ts);
int
clock_gettime(clockid_t id, struct timespec *ts)
{
	int result = real_gettime != NULL ? real_gettime(id, ts) : -1;

	if (result == 0 && offset != NULL && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		shift(ts, *offset);
	return result;
}

EXPORTED time_t time(time_t *out);
time_t
time(time_t *out)
{
	struct timespec ts = {0};

	clock_gettime(CLOCK_REALTIME, &ts);
	if (out != NULL)
		*out = ts.tv_sec;
	return ts.tv_sec;
}

EXPORTED int gettimeofday(struct timeval *restrict tv, void *restrict tz);
int
gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
	struct timespec ts = {0};

	(void)tz;
	clock_gettime(CLOCK_REALTIME, &ts);
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}

EXPORTED int timerfd_create(clockid_t id, int flags);
int
timerfd_create(clockid_t id, int flags)
{
	int fd = real_create(id, flags);

	if (fd >= 0 && fd < (int)sizeof of_wall)
		of_wall[fd] = id == CLOCK_REALTIME;
	return fd;
}

EXPORTED int timerfd_settime(int fd, int flags, const struct itimerspec *its,
			     struct itimerspec *old);
int
timerfd_settime(int fd, int flags, const struct itimerspec *its, struct itimerspec *old)
{
	struct itimerspec moved = *its;

	if (fd >= 0 && fd < (int)sizeof of_wall && of_wall[fd] && offset != NULL &&
	    (flags & TFD_TIMER_ABSTIME) &&
	    (its->it_value.tv_sec != 0 || its->it_value.tv_nsec != 0)) {
		shift(&moved.it_value, -*offset);
		if (moved.it_value.tv_sec == 0 && moved.it_value.tv_nsec == 0)
			moved.it_value.tv_nsec = 1;
	}
	return real_settime(fd, flags, &moved, old);
}
