/* What the store's tests share: a temporary store, and grants to put into it. */
#ifndef LB_TEST_STORE_H
#define LB_TEST_STORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "keeper/store.h"
#include "keeper/store_records.h"

#define SMALL_MAP ((size_t)256 * 1024)

struct place {
	char dir[256];
	char file[300];
	struct lb_store *store;
};

#define ok(call) assert_int_equal((call), LB_OK)

static inline int
place_setup(void **state)
{
	const char *tmp = getenv("TMPDIR");
	struct place *p = calloc(1, sizeof *p);

	if (p == NULL)
		return -1;
	snprintf(p->dir, sizeof p->dir, "%s/lockbox-store-XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(p->dir) == NULL)
		return -1;
	snprintf(p->file, sizeof p->file, "%s/%s", p->dir, LB_STORE_FILE);
	*state = p;
	return 0;
}

static inline int
place_teardown(void **state)
{
	struct place *p = *state;

	lb_store_close(p->store);
	unlink(p->file);
	rmdir(p->dir);
	free(p);
	return 0;
}

static inline void
place_open(struct place *p)
{
	ok(lb_store_open(p->dir, SMALL_MAP, &p->store));
}

static inline void
place_close(struct place *p)
{
	lb_store_close(p->store);
	p->store = NULL;
}

static inline struct lb_store_txn *
begin(struct place *p, enum lb_store_mode mode)
{
	struct lb_store_txn *txn;

	ok(lb_store_begin(p->store, mode, &txn));
	return txn;
}

/* A pending grant with this id; the rest as a request brings it. */
static inline struct lb_grant
pending_grant(uint64_t id, const char *identity)
{
	struct lb_grant g = {.id = id, .state = LB_STATE_PENDING, .levels = 1};

	snprintf(g.identity, sizeof g.identity, "%s", identity);
	strcpy(g.role, "db-operator");
	strcpy(g.level[0].name, "leads");
	strcpy(g.level[0].teams, "leads");
	g.level[0].need = 1;
	strcpy(g.reason, "the index is on fire");
	g.duration_s = 1200;
	g.requested_s = 1700000000 + id;
	g.until_s = g.requested_s + 43200;
	return g;
}

/* Puts a new pending grant in a transaction of its own. */
static inline struct lb_grant
add_grant(struct place *p, const char *identity)
{
	struct lb_store_txn *txn = begin(p, LB_STORE_WRITE);
	struct lb_grant g;
	uint64_t id;

	ok(lb_store_next_id(txn, &id));
	g = pending_grant(id, identity);
	ok(lb_store_put_grant(txn, &g));
	ok(lb_store_commit(txn));
	return g;
}

static inline void
set_account(struct lb_grant *g, uint32_t serial)
{
	g->uid = lb_account_uid(serial);
	ok(lb_account_name(g->account, g->identity, serial));
}

static inline struct lb_msg_record
event(uint64_t grant, const char *what)
{
	struct lb_msg_record r = {.time_s = 1700000000, .grant = grant, .uid = 1900010001};

	snprintf(r.event, sizeof r.event, "%s", what);
	strcpy(r.identity, "ann");
	strcpy(r.actor, "bob");
	strcpy(r.detail, "because");
	return r;
}

static inline void
put_all(struct place *p, const struct lb_grant *g)
{
	struct lb_store_txn *txn = begin(p, LB_STORE_WRITE);

	ok(lb_store_put_grant(txn, g));
	ok(lb_store_commit(txn));
}

static inline void
assert_check(struct place *p, int expected)
{
	char why[256] = "";
	int err = lb_store_check(p->dir, why, sizeof why);

	if (err != expected)
		print_error("check: %s: %s\n", lb_err_text(err), why);
	assert_int_equal(err, expected);
	assert_true(expected == LB_OK ? why[0] == '\0' : why[0] != '\0');
}

#endif
