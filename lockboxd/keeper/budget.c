/* Budgets: see budget.h. */
#include "keeper/budget.h"

#include <stdio.h>
#include <string.h>

#define NS 1000000000ll

static bool
worse(const struct lb_bucket *a, const struct lb_bucket *b, int64_t now_ns)
{
	bool idle_a = a->full_ns <= now_ns && a->held == 0,
	     idle_b = b->full_ns <= now_ns && b->held == 0;

	return idle_a != idle_b ? idle_a : a->used < b->used;
}

static struct lb_bucket *
bucket_of(struct lb_budget *b, const char *key, int64_t now_ns)
{
	struct lb_bucket *least = &b->bucket[0];

	for (size_t i = 0; i < LB_BUDGET_KEYS; i++) {
		struct lb_bucket *at = &b->bucket[i];

		if (strncmp(at->key, key, LB_BUDGET_KEY_MAX) == 0)
			return at;
		if (worse(at, least, now_ns))
			least = at;
	}
	*least = (struct lb_bucket){.full_ns = now_ns};
	snprintf(least->key, sizeof least->key, "%s", key);
	return least;
}

bool
lb_budget_take(struct lb_budget *b, const char *key, int64_t now_ns, unsigned *held,
	       unsigned *wait_s)
{
	struct lb_bucket *at = bucket_of(b, key, now_ns);
	int64_t missing_ns = at->full_ns > now_ns ? at->full_ns - now_ns : 0;
	int64_t over_ns = missing_ns + b->every_ns - (int64_t)b->burst * b->every_ns;

	at->used = ++b->uses;
	*held = 0;
	*wait_s = 0;
	if (over_ns > 0) {
		at->held++;
		*wait_s = (unsigned)((over_ns + NS - 1) / NS);
		return false;
	}
	at->full_ns = now_ns + missing_ns + b->every_ns;
	*held = at->held;
	at->held = 0;
	return true;
}
