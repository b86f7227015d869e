/*
 * Makes a store, through the keeper's own store code, as one that has been in use.
 *
 *   daemon_fill DIR live N END PEOPLE     N active grants of the role bench that end at END (Unix
 *                                         seconds), those of the policy that daemon_policy PEOPLE
 *                                         prints
 *   daemon_fill DIR past N PEOPLE         N grants that are over, each with its records
 *   daemon_fill DIR pending N PEOPLE      N requests that wait
 *
 * DIR is the keeper's (mode 0700); run it as the keeper's user.  More may be added to what is there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "err.h"
#include "keeper/store.h"
#include "name.h"

#define STEP ((size_t)256 << 20)
#define MOST ((uint64_t)16 << 30)
#define PER_COMMIT 5000
#define DENIED_EVERY 10 /* of past grants: there are fewer user ids than a million */

static void __attribute__((noreturn)) die(const char *what, int err)
{
	fprintf(stderr, "daemon_fill: %s: %s\n", what, lb_err_text(err));
	exit(1);
}

static void
must(int err)
{
	if (err != LB_OK)
		die("the store", err);
}

static void
record(struct lb_store_txn *txn, const struct lb_grant *g, const char *event, uint64_t time_s,
       const char *detail)
{
	struct lb_msg_record r = {.grant = g->id, .uid = g->uid, .time_s = time_s};

	snprintf(r.event, sizeof r.event, "%s", event);
	memcpy(r.identity, g->identity, sizeof r.identity);
	snprintf(r.account, sizeof r.account, "%s", g->account);
	snprintf(r.actor, sizeof r.actor, "%s", g->identity);
	snprintf(r.detail, sizeof r.detail, "%s", detail);
	must(lb_store_append(txn, &r));
}

/* What all of them have in common. */
static void
requested(struct lb_store_txn *txn, struct lb_grant *g, unsigned person, uint64_t end_s)
{
	memset(g, 0, sizeof *g);
	snprintf(g->identity, sizeof g->identity, "p%u", person);
	snprintf(g->role, sizeof g->role, "bench");
	snprintf(g->reason, sizeof g->reason, "the index of the orders' table is broken");
	snprintf(g->shell, sizeof g->shell, "/bin/bash");
	g->levels = 1;
	g->level[0].need = 1;
	snprintf(g->level[0].name, sizeof g->level[0].name, "approval");
	snprintf(g->level[0].teams, sizeof g->level[0].teams, "chiefs");
	g->sessions_max = 1;
	g->duration_s = 3600;
	g->requested_s = end_s - 3660;
	must(lb_store_next_id(txn, &g->id));
}

static void
claimed(struct lb_store_txn *txn, struct lb_grant *g, unsigned person, uint64_t end_s)
{
	uint32_t serial, gid;

	requested(txn, g, person, end_s);
	g->state = LB_STATE_ACTIVE;
	snprintf(g->approval[0].identity, sizeof g->approval[0].identity, "chief");
	g->approval[0].at_s = end_s - 3630;
	g->have = 1;
	g->claimed_s = end_s - 3600;
	g->end_s = g->until_s = end_s;
	g->otp = LB_OTP_VOID;
	must(lb_store_next_serial(txn, &serial));
	g->uid = lb_account_uid(serial);
	must(lb_account_name(g->account, g->identity, serial));
	must(lb_store_role_gid(txn, "bench", &gid));
}

static void
put_live(struct lb_store_txn *txn, unsigned person, uint64_t end_s)
{
	struct lb_grant g;

	claimed(txn, &g, person, end_s);
	must(lb_store_put_grant(txn, &g));
}

static void
put_denied(struct lb_store_txn *txn, unsigned person, uint64_t end_s)
{
	struct lb_grant g;

	requested(txn, &g, person, end_s);
	g.state = LB_STATE_DENIED;
	g.closed_s = end_s;
	snprintf(g.cause, sizeof g.cause, "not now");
	must(lb_store_put_grant(txn, &g));
	record(txn, &g, "request", g.requested_s, "role bench for 1h, reason: the index is broken");
	record(txn, &g, "deny", g.requested_s, "not now");
}

static void
put_pending(struct lb_store_txn *txn, unsigned person, uint64_t end_s)
{
	struct lb_grant g;

	requested(txn, &g, person, end_s + 3660);
	g.state = LB_STATE_PENDING;
	g.until_s = g.requested_s + 43200;
	must(lb_store_put_grant(txn, &g));
	record(txn, &g, "request", g.requested_s, "role bench for 1h, reason: the index is broken");
}

/* A life as the daemon records it. */
static void
put_past(struct lb_store_txn *txn, unsigned person, uint64_t end_s)
{
	struct lb_grant g;

	claimed(txn, &g, person, end_s);
	g.state = LB_STATE_ENDED;
	g.until_s = 0;
	g.closed_s = end_s;
	snprintf(g.cause, sizeof g.cause, "its time is up");
	must(lb_store_put_grant(txn, &g));
	record(txn, &g, "request", g.requested_s, "role bench for 1h, reason: the index is broken");
	record(txn, &g, "approve", g.requested_s, "1 of 1");
	record(txn, &g, "claim", g.claimed_s, "account made");
	record(txn, &g, "login-ok", g.claimed_s, "sshd from 192.0.2.17: one-time password");
	record(txn, &g, "session-open", g.claimed_s,
	       "session 1, sshd from 192.0.2.17, process 4711");
	record(txn, &g, "session-close", g.end_s, "session 1");
	record(txn, &g, "expire", g.end_s, "its time is up");
	record(txn, &g, "evicted", g.end_s,
	       "its time is up; killed 3 processes, none is left; removed 4 files, 0 spool "
	       "entries; "
	       "left 0");
}

int
main(int argc, char **argv)
{
	void (*put)(struct lb_store_txn *, unsigned, uint64_t) = NULL;
	unsigned long n, people;
	uint64_t end_s = (uint64_t)time(NULL);
	struct lb_store *store;
	int err;

	if (argc == 6 && strcmp(argv[2], "live") == 0) {
		put = put_live;
		end_s = strtoull(argv[4], NULL, 10);
	} else if (argc == 5 && strcmp(argv[2], "past") == 0) {
		put = put_past;
	} else if (argc == 5 && strcmp(argv[2], "pending") == 0) {
		put = put_pending;
	}
	if (put == NULL)
		die("usage: see the top of its source", LB_ERR_MALFORMED);
	n = strtoul(argv[3], NULL, 10);
	people = strtoul(argv[argc - 1], NULL, 10);
	if ((err = lb_store_open(argv[1], STEP, &store)) != LB_OK)
		die(argv[1], err);
	lb_store_set_most(store, MOST);
	for (unsigned long i = 0; i < n;) {
		struct lb_store_txn *txn;

		must(lb_store_begin(store, LB_STORE_WRITE, &txn));
		for (unsigned long at = 0; at < PER_COMMIT && i < n; at++, i++)
			if (put != put_past)
				put(txn, (unsigned)(i % people), end_s);
			else
				(i % DENIED_EVERY == DENIED_EVERY - 1 ? put_denied : put_past)(
					txn, (unsigned)(i % people), end_s - 100000 - n + i);
		must(lb_store_commit(txn));
	}
	lb_store_close(store);
	return 0;
}
