/*
 * The mapping that a process keeps: see mapping.h.
 *
 * This runs inside other people's processes, between any two instructions of
 * other threads, in forked children of threaded programs and in handlers.  So
 * there is no lock: a thread that finds another one at work maps the file for
 * itself, once.  It must never block, allocate from the heap, keep a
 * descriptor, read the environment or believe a file that anybody but root
 * could have written.
 *
 * The mappings stand in a few slots, of which `current` is the one in use.  A
 * reader counts itself into a slot and then looks whether the slot is still
 * current; a slot that is not current and that nobody is counted in may be
 * unmapped.  Both sides write first and read then, all in one total order
 * (seq_cst), so at least one of them sees the other.
 *
 * Each thread counts on a line of its own, as good as always, so that threads do
 * not slow each other down.  The counts are in a page that the kernel clears in a
 * forked child (MADV_WIPEONFORK): the threads that were counted there do not
 * exist in the child, and neither does the one that was renewing.  A process of
 * one thread has no such page and counts in `alone`: whoever forks it goes on in
 * the child.  The slots are inherited.
 */
#include "mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/single_threaded.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "err.h"

/* Fixed when built.  Unit tests build this file again with values of their own. */
#ifndef LB_NSS_SNAPSHOT_PATH
#define LB_NSS_SNAPSHOT_PATH "/run/lockbox/accounts"
#endif
#ifndef LB_NSS_SNAPSHOT_OWNER
#define LB_NSS_SNAPSHOT_OWNER 0
#endif

#define SECOND_NS 1000000000
#define LOOK_EVERY_NS ((uint64_t)SECOND_NS)
/* How far from an end the coarse clocks decide alone; they lag by a timer tick, 10 ms at most. */
#define COARSE_ENOUGH_NS ((int64_t)SECOND_NS)

#define SLOTS 16
#define STRIPE_BITS 7
#define STRIPES (1 << STRIPE_BITS)
#define LINE 64 /* a cache line: two threads should not write to one */
/* How often to try again what only another thread's or the warden's change undid. */
#define TRIES 8
#define NO_SLOT (-1)

struct count {
	_Alignas(LINE) atomic_uint n;
};

/* The counts of a process of many threads.  Zero when made and in a forked child. */
struct shared {
	struct count uses[SLOTS][STRIPES];
	_Alignas(LINE) atomic_uint renewing; /* 1: some thread looks at the path */
};

/* The same while there is one thread: no page to make, and no locked instruction. */
struct alone {
	atomic_uint uses[SLOTS];
	atomic_uint renewing;
};

/* Which file it was: a path that still leads to it needs no new mapping. */
struct identity {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime, ctime;
};

/*
 * How the clocks stood at the last look at the path: see "clocks" below.  Only
 * this part of a slot changes while readers use it.
 */
struct clocks {
	atomic_llong looked_ns;	    /* CLOCK_MONOTONIC then */
	atomic_llong boot_ahead_ns; /* CLOCK_BOOTTIME less CLOCK_MONOTONIC */
	atomic_llong wall_ahead_ns; /* CLOCK_REALTIME less CLOCK_MONOTONIC */
};

/*
 * Written by the renewing thread only, while the slot is neither current nor
 * used.  A slot with no mapping (base NULL) can be current too: it stands for a
 * file that was refused, so that it is not read whole at each lookup.
 */
struct slot {
	_Alignas(LINE) struct lb_snapshot snapshot;
	struct clocks clocks;
	atomic_bool filled; /* there is something to unmap; false while the slot changes */
	struct identity file;
};

static _Atomic(struct shared *) shared_page;
static struct alone alone;
static atomic_int current = NO_SLOT;
static struct slot slots[SLOTS];

/* ---- clocks ---- */

/*
 * Reading an exact clock takes as long as all the rest of a lookup, so a lookup
 * reads the two coarse ones that there are, and works out the boot clock.
 *
 * The kernel keeps CLOCK_REALTIME and CLOCK_BOOTTIME as offsets to
 * CLOCK_MONOTONIC.  A suspend moves both offsets, setting the time or a leap
 * second moves the first; nothing moves the second alone.  So while the first
 * offset, which the coarse clocks show to the nanosecond, is what it was at the
 * last look, the boot clock's offset is what it was then, too.  When it is not,
 * everything is looked at anew.  An end nearer than COARSE_ENOUGH_NS is always
 * decided by the exact clocks.
 */

/* An unreadable clock stands at the end of time: nothing is live then. */
static inline int64_t
clock_ns(clockid_t clock)
{
	struct timespec ts;

	if (clock_gettime(clock, &ts) != 0)
		return INT64_MAX;
	return (int64_t)ts.tv_sec * SECOND_NS + ts.tv_nsec;
}

void
lb_nss_now(struct lb_nss_instant *now)
{
	now->wall_ns = clock_ns(CLOCK_REALTIME);
	now->boot_ns = clock_ns(CLOCK_BOOTTIME);
}

/* Wraps rather than overflows, whatever the clocks say. */
static inline int64_t
less(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a - (uint64_t)b);
}

/*
 * Notes how the clocks stand.  The boot clock is read last: should this thread
 * be stopped in between, the boot clock is taken to be later than it is, which
 * leads to the exact clocks, never to a longer life.  It is stored before the
 * wall offset: see clocks_read().
 */
static void
clocks_look(struct clocks *c)
{
	int64_t mono_ns = clock_ns(CLOCK_MONOTONIC_COARSE);
	int64_t wall_ns = clock_ns(CLOCK_REALTIME_COARSE);

	atomic_store(&c->boot_ahead_ns, less(clock_ns(CLOCK_BOOTTIME), mono_ns));
	atomic_store(&c->looked_ns, mono_ns);
	/* A tick between the two readings makes this wrong: the next lookup looks again. */
	atomic_store(&c->wall_ahead_ns, less(wall_ns, mono_ns));
}

/*
 * Sets the hold's clocks.  False when a look at the path is due: the last one is
 * a second ago, or the clocks have moved against each other.  Who sees the new
 * wall offset here sees the boot offset stored before it as well.
 */
static inline bool
clocks_read(struct clocks *c, struct lb_nss_hold *hold)
{
	int64_t mono_ns = clock_ns(CLOCK_MONOTONIC_COARSE);
	int64_t wall_ns = clock_ns(CLOCK_REALTIME_COARSE);
	int64_t ahead_ns = atomic_load_explicit(&c->wall_ahead_ns, memory_order_acquire);
	int64_t looked_ns;

	/* The tick may have come between the two; not between these two as well. */
	if (less(wall_ns, mono_ns) != ahead_ns) {
		mono_ns = clock_ns(CLOCK_MONOTONIC_COARSE);
		if (less(wall_ns, mono_ns) != ahead_ns)
			return false;
	}
	hold->wall_ns = wall_ns;
	hold->boot_ns =
		(int64_t)((uint64_t)mono_ns +
			  (uint64_t)atomic_load_explicit(&c->boot_ahead_ns, memory_order_acquire));
	looked_ns = atomic_load_explicit(&c->looked_ns, memory_order_relaxed);
	/* Unsigned: a clock behind the last look (another time namespace) is due as well. */
	return (uint64_t)mono_ns - (uint64_t)looked_ns < LOOK_EVERY_NS;
}

static void
clocks_read_exact(struct lb_nss_hold *hold)
{
	struct lb_nss_instant now;

	lb_nss_now(&now);
	hold->wall_ns = now.wall_ns;
	hold->boot_ns = now.boot_ns;
}

bool
lb_nss_live(const struct lb_nss_hold *hold, const struct lb_snapshot_user *user)
{
	struct lb_nss_instant now;

	/* An end is greater than 0, so this does not overflow. */
	if (hold->wall_ns < user->end_wall_ns - COARSE_ENOUGH_NS &&
	    hold->boot_ns < user->end_boot_ns - COARSE_ENOUGH_NS)
		return true;
	lb_nss_now(&now);
	return lb_snapshot_live(user, now.wall_ns, now.boot_ns);
}

/* ---- the file ---- */

static void
file_identity(struct identity *id, const struct stat *st)
{
	*id = (struct identity){st->st_dev, st->st_ino, st->st_size, st->st_mtim, st->st_ctim};
}

static bool
same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool
same_file(const struct identity *a, const struct identity *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       same_time(&a->mtime, &b->mtime) && same_time(&a->ctime, &b->ctime);
}

/* Only root may have written it, and nobody else may be able to. */
static bool
file_trusted(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_uid == LB_NSS_SNAPSHOT_OWNER &&
	       (st->st_mode & (S_IWGRP | S_IWOTH)) == 0 &&
	       st->st_size >= (off_t)LB_SNAPSHOT_HEADER &&
	       st->st_size <= (off_t)LB_SNAPSHOT_SIZE_MAX;
}

static void
unmap(const unsigned char *base, size_t size)
{
	munmap((void *)(uintptr_t)base, size);
}

/*
 * Maps and checks the open file.  LB_OK, LB_ERR_REFUSED (not to be believed),
 * LB_ERR_EXISTS (a newer one is in place already) or LB_ERR_SYSTEM.
 */
static int
map_descriptor(int fd, struct lb_snapshot *s, struct identity *id)
{
	struct lb_snapshot found = {0};
	struct stat st;
	size_t size;
	void *base;

	if (fstat(fd, &st) != 0)
		return LB_ERR_SYSTEM;
	file_identity(id, &st);
	if (!file_trusted(&st))
		return LB_ERR_REFUSED;
	size = (size_t)st.st_size;
	/* Shared: the superseded word must be seen. */
	base = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED)
		return LB_ERR_SYSTEM;
	found.base = base;
	if (lb_snapshot_superseded(&found)) {
		unmap(base, size);
		return LB_ERR_EXISTS;
	}
	if (lb_snapshot_open(s, base, size) != LB_OK) {
		unmap(base, size);
		return LB_ERR_REFUSED;
	}
	return LB_OK;
}

/*
 * Maps what the path leads to now.  LB_OK and *s, *id set; LB_ERR_NOT_FOUND;
 * LB_ERR_REFUSED with *id set (all zero when the path could not be opened as a
 * file at all); LB_ERR_SYSTEM with errno: out of some resource.
 */
static int
map_path(struct lb_snapshot *s, struct identity *id)
{
	int err = LB_ERR_EXISTS;

	for (int i = 0; i < TRIES && err == LB_ERR_EXISTS; i++) {
		/* NONBLOCK: a FIFO put in the place must not stop a login. */
		int fd = open(LB_NSS_SNAPSHOT_PATH,
			      O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
		int saved;

		*id = (struct identity){0};
		if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
			return LB_ERR_NOT_FOUND;
		if (fd < 0)
			return errno == ELOOP || errno == EACCES ? LB_ERR_REFUSED : LB_ERR_SYSTEM;
		err = map_descriptor(fd, s, id);
		saved = errno;
		close(fd);
		errno = saved;
	}
	return err == LB_ERR_EXISTS ? LB_ERR_REFUSED : err;
}

/* ---- answers ---- */

enum nss_status
lb_nss_failure(int err, int *errnop)
{
	*errnop = err == LB_ERR_NOT_FOUND ? ENOENT : EIO;
	return err == LB_ERR_NOT_FOUND ? NSS_STATUS_NOTFOUND : NSS_STATUS_UNAVAIL;
}

static enum nss_status
map_failure(int err, int *errnop)
{
	/* TRYAGAIN with ERANGE alone asks for a bigger buffer, so errno never goes out as that. */
	if (err == LB_ERR_SYSTEM && errno != 0 && errno != ERANGE) {
		*errnop = errno;
		return NSS_STATUS_UNAVAIL;
	}
	return lb_nss_failure(err, errnop);
}

/* A slot without a mapping stands for a refused file. */
static enum nss_status
held(struct lb_nss_hold *hold, int *errnop)
{
	if (hold->snapshot->base != NULL)
		return NSS_STATUS_SUCCESS;
	lb_nss_drop(hold);
	return lb_nss_failure(LB_ERR_REFUSED, errnop);
}

/* Maps the file for this one lookup. */
static enum nss_status
map_alone(struct lb_nss_hold *hold, int *errnop)
{
	struct identity id;
	int err = map_path(&hold->own, &id);

	if (err != LB_OK)
		return map_failure(err, errnop);
	hold->snapshot = &hold->own;
	hold->uses = NULL;
	return NSS_STATUS_SUCCESS;
}

/* ---- counting ---- */

/*
 * Where the caller counts: the page, made by whoever comes first, or NULL when
 * it is the only thread.  False when there is no memory for the page.
 */
static inline bool
counts_get(struct shared **counts)
{
	struct shared *page, *none = NULL;

	*counts = NULL;
	if (__libc_single_threaded)
		return true;
	page = atomic_load_explicit(&shared_page, memory_order_acquire);
	if (page == NULL) {
		page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
		if (page == MAP_FAILED)
			return false;
		/* A kernel without it (before 4.14): a child may then have to map for each lookup. */
		(void)madvise(page, sizeof *page, MADV_WIPEONFORK);
		if (!atomic_compare_exchange_strong(&shared_page, &none, page)) {
			munmap(page, sizeof *page);
			page = none;
		}
	}
	*counts = page;
	return true;
}

/* Threads have stacks far apart, so the address of one tells them apart for nothing. */
static inline unsigned
stripe(void)
{
	uintptr_t stack = (uintptr_t)__builtin_frame_address(0) >> 14;

	return (uint32_t)stack * 0x9e3779b1u >> (32 - STRIPE_BITS);
}

/* The caller's count of a slot. */
static inline atomic_uint *
count_of(struct shared *counts, int slot, unsigned mine)
{
	return counts != NULL ? &counts->uses[slot][mine].n : &alone.uses[slot];
}

/*
 * Adds to a count and orders what comes before and after (see the top of this
 * file).  In a process of one thread there is nobody to order against; a signal
 * handler leaves the count as it found it.
 */
static inline void
count_add(atomic_uint *uses, unsigned by)
{
	if (__libc_single_threaded)
		atomic_store_explicit(uses, atomic_load_explicit(uses, memory_order_relaxed) + by,
				      memory_order_relaxed);
	else
		atomic_fetch_add(uses, by);
	atomic_signal_fence(memory_order_seq_cst);
}

/* Counts the caller into the current slot; returns which one, or NO_SLOT. */
static inline int
enter_current(struct shared *counts, struct lb_nss_hold *hold)
{
	unsigned mine = stripe();

	for (int i = 0; i < TRIES; i++) {
		int slot = atomic_load(&current);
		atomic_uint *uses;

		if (slot == NO_SLOT)
			break;
		uses = count_of(counts, slot, mine);
		count_add(uses, 1);
		if (atomic_load(&current) == slot) {
			hold->uses = uses;
			hold->snapshot = &slots[slot].snapshot;
			return slot;
		}
		count_add(uses, -1u);
	}
	return NO_SLOT;
}

void
lb_nss_drop(struct lb_nss_hold *hold)
{
	if (hold->uses != NULL)
		count_add(hold->uses, -1u);
	else if (hold->own.base != NULL)
		unmap(hold->own.base, hold->own.size);
	hold->uses = NULL;
	hold->own.base = NULL;
}

/* ---- renewing: only the thread that has set `renewing` is in here ---- */

static bool
slot_unused(int slot)
{
	struct shared *page = atomic_load(&shared_page);

	if (atomic_load(&alone.uses[slot]) != 0)
		return false;
	for (int i = 0; page != NULL && i < STRIPES; i++)
		if (atomic_load(&page->uses[slot][i].n) != 0)
			return false;
	return true;
}

/* Unmaps every slot that is not current and that no lookup is in. */
static void
sweep(void)
{
	int keep = atomic_load(&current);

	for (int i = 0; i < SLOTS; i++) {
		struct lb_snapshot old;

		if (i == keep || !atomic_load(&slots[i].filled) || !slot_unused(i))
			continue;
		old = slots[i].snapshot;
		/* First empty, then unmap: a child forked in between must not unmap it again. */
		atomic_store(&slots[i].filled, false);
		if (old.base != NULL)
			unmap(old.base, old.size);
	}
}

/*
 * A slot that may be written to.  Nobody reads an empty one: who is counted into
 * it has yet to find that it is not current.
 */
static int
free_slot(void)
{
	int keep = atomic_load(&current);

	for (int i = 0; i < SLOTS; i++)
		if (i != keep && !atomic_load(&slots[i].filled))
			return i;
	return NO_SLOT;
}

/*
 * Makes s (base NULL: a refused file) the current mapping, with the caller
 * counted in.  False when every slot is still in use; s is then the caller's.
 */
static bool
install(struct shared *counts, struct lb_nss_hold *hold, const struct lb_snapshot *s,
	const struct identity *id)
{
	int slot = free_slot();

	if (slot == NO_SLOT)
		return false;
	slots[slot].snapshot = *s;
	slots[slot].file = *id;
	clocks_look(&slots[slot].clocks);
	atomic_store(&slots[slot].filled, true);
	hold->uses = count_of(counts, slot, stripe());
	hold->snapshot = &slots[slot].snapshot;
	count_add(hold->uses, 1);
	atomic_store(&current, slot);
	return true;
}

/* True when the path still leads to the file of this slot, and that is not superseded. */
static bool
still_in_place(const struct slot *slot)
{
	struct identity now;
	struct stat st;

	if (slot->snapshot.base != NULL && lb_snapshot_superseded(&slot->snapshot))
		return false;
	if (lstat(LB_NSS_SNAPSHOT_PATH, &st) != 0)
		return false;
	file_identity(&now, &st);
	return same_file(&now, &slot->file) && (slot->snapshot.base == NULL || file_trusted(&st));
}

/*
 * Looks at the path and leaves the caller with a hold on what it leads to.  The
 * caller is in no slot when it enters.
 */
static enum nss_status
renew(struct shared *counts, struct lb_nss_hold *hold, int *errnop)
{
	struct lb_snapshot s = {0};
	struct identity id;
	int slot = enter_current(counts, hold), err;
	bool superseded;

	if (slot != NO_SLOT && still_in_place(&slots[slot])) {
		clocks_look(&slots[slot].clocks);
		return held(hold, errnop);
	}
	superseded = slot == NO_SLOT || slots[slot].snapshot.base == NULL ||
		     lb_snapshot_superseded(&slots[slot].snapshot);
	err = map_path(&s, &id);
	/* Out of descriptors or memory here says nothing about the file we have. */
	if (err == LB_ERR_SYSTEM && !superseded)
		return held(hold, errnop);
	if (slot != NO_SLOT)
		lb_nss_drop(hold);
	if (err == LB_ERR_SYSTEM)
		return map_failure(err, errnop);
	if (err == LB_ERR_NOT_FOUND) {
		/* Not remembered: the first file after this must be seen at once. */
		atomic_store(&current, NO_SLOT);
		return map_failure(err, errnop);
	}
	if (install(counts, hold, &s, &id))
		return held(hold, errnop);
	hold->own = s;
	hold->snapshot = &hold->own;
	return held(hold, errnop);
}

/* ---- taking a hold ---- */

/* What to do when the current slot does not answer by itself; renewing NULL: nowhere to count. */
static __attribute__((noinline)) enum nss_status
take_slowly(struct shared *counts, atomic_uint *renewing, struct lb_nss_hold *hold, int *errnop)
{
	enum nss_status status;
	int cancel;

	/* open() and close() would be places where a cancelled thread ends, counted in for ever. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	clocks_read_exact(hold);
	if (renewing != NULL && atomic_exchange(renewing, 1) == 0) {
		if (hold->uses != NULL)
			lb_nss_drop(hold);
		status = renew(counts, hold, errnop);
		sweep();
		atomic_store(renewing, 0);
	} else if (hold->uses != NULL &&
		   (hold->snapshot->base == NULL || !lb_snapshot_superseded(hold->snapshot))) {
		/* Another thread is looking; until it has seen otherwise this one holds. */
		status = held(hold, errnop);
	} else {
		if (hold->uses != NULL)
			lb_nss_drop(hold);
		status = map_alone(hold, errnop);
	}
	pthread_setcancelstate(cancel, NULL);
	return status;
}

enum nss_status
lb_nss_take(struct lb_nss_hold *hold, int *errnop)
{
	struct shared *counts;
	int slot;

	hold->uses = NULL;
	hold->own.base = NULL;
	if (!counts_get(&counts))
		return take_slowly(NULL, NULL, hold, errnop);
	slot = enter_current(counts, hold);
	if (slot != NO_SLOT && slots[slot].snapshot.base != NULL &&
	    clocks_read(&slots[slot].clocks, hold) &&
	    !lb_snapshot_superseded(&slots[slot].snapshot))
		return NSS_STATUS_SUCCESS;
	return take_slowly(counts, counts != NULL ? &counts->renewing : &alone.renewing, hold,
			   errnop);
}
