/*
 * Budgets: how often each person, or each uid, may have something written into
 * the store.  What is beyond it changes nothing, and one's excess takes nothing
 * from anybody else's.
 *
 * A bucket of `burst` for each key, into which one comes back every every_ns.
 * The table has a fixed size: a key that is not in it has a full bucket, and
 * takes the place of one whose bucket is full again, else of the one that was
 * used longest ago.
 *
 * Pure: no I/O, no clock of its own, no allocation.
 */
#ifndef LB_BUDGET_H
#define LB_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#define LB_BUDGET_KEYS 256u
#define LB_BUDGET_KEY_MAX 31u /* an identity, or a uid and a word; longer ones are cut */

struct lb_budget {
	unsigned burst;
	int64_t every_ns;
	uint64_t uses;
	struct lb_bucket {
		char key[LB_BUDGET_KEY_MAX + 1]; /* "": free */
		int64_t full_ns;		 /* when it will be full again */
		uint64_t used;			 /* order of use */
		unsigned held;			 /* refused since the last that went */
	} bucket[LB_BUDGET_KEYS];
};

/*
 * True when key may once more; *held is then how many it was refused since the
 * last time.  False: *wait_s, at least 1, is when it may again.  now_ns is on a
 * clock that never goes back.
 */
bool lb_budget_take(struct lb_budget *b, const char *key, int64_t now_ns, unsigned *held,
		    unsigned *wait_s);

#endif
