/* What the keeper's own files share; nothing outside the folder includes it. */
#ifndef LB_KEEPER_STATE_H
#define LB_KEEPER_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "clock.h"
#include "link.h"
#include "log.h"
#include "keeper/batch.h"
#include "keeper/budget.h"
#include "keeper/grant.h"
#include "keeper/outbox.h"
#include "keeper/peer.h"
#include "keeper/store.h"
#include "keeper/waits.h"
#include "policy/policy.h"

struct event;
struct event_base;

/* An open session's process; its exit closes the session. */
struct lb_watch {
	struct lb_work work; /* first: closing it */
	LIST_ENTRY(lb_watch) next;
	struct lb_keeper *keeper;
	uint64_t grant, number;
	int pidfd;
	struct event *exit;
};

/* Wrong passwords of one grant from one place; a new claim clears them. */
struct lb_tries {
	uint64_t grant;
	char rhost[LB_RHOST_MAX + 1];
	unsigned wrong;
	uint64_t used; /* order of use, to give up the oldest */
};
#define LB_TRIES_KEPT 256
#define LB_TRIES_MAX 5u

struct lb_keeper {
	struct event_base *base;
	struct lb_store *store;
	uint64_t store_bytes;	  /* its size when it was last looked at */
	bool store_full;	  /* and whether it took endings only */
	struct lb_policy *policy; /* immutable; replaced as a whole */
	uint32_t keys_uid;	  /* of the user that may only look keys up */
	struct lb_clock clock;
	struct lb_clock_mark mark; /* as it is in the store */
	struct event *mark_timer;
	struct lb_link *warden, *front;
	uint64_t front_start; /* the warden's number for this front */
	int courier_fd;	      /* the courier's link: nothing to send yet */
	int proc_fd;	      /* /proc, opened before the change of root */
	uint8_t boot_id[LB_BOOT_ID_SIZE];
	char host[LB_HOST_MAX + 1]; /* of the machine; the policy's name wins */
	struct lb_peers *peers;	    /* public connections */
	struct lb_direct *direct;   /* connections that front never sees */
	void (*take_direct)(struct lb_direct *d, int fd,
			    const struct lb_peer *peer); /* direct.c's */
	struct lb_alarm *alarm;
	uint64_t alarm_s;      /* what it is set to; 0: nothing is due */
	struct lb_batch batch; /* what waits to be decided together */
	LIST_HEAD(, lb_watch) watches;
	LIST_HEAD(, lb_wait) waits; /* connections whose answer is held until a grant changes */
	/* Carries out one thing from an outbox after its commit, then NULL once (effects.c). */
	void (*carry_out)(struct lb_keeper *k, struct lb_out *out);
	struct lb_outbox awaiting; /* answers that wait for the warden */
	struct lb_tries tries[LB_TRIES_KEPT];
	uint64_t tries_clock;
	struct lb_log_budget refusals, logins; /* lines about refused requests and logins */
	struct lb_budget asks;		       /* requests and claims, per identity */
	struct lb_budget made;		       /* accounts for one grant, whose uid each uses up */
	struct lb_budget denied,
		exempt; /* records of refused and of exempt logins, per uid and kind */
	bool started;	/* the store is open and READY was sent */
};

#define LB_MADE_BURST 5u
#define LB_MADE_EVERY_S 600
#define LB_ASKS_BURST 30u
#define LB_ASKS_EVERY_S 20
#define LB_LOGINS_BURST 10u
#define LB_LOGINS_EVERY_S 30

/* One transaction and what it causes. */
struct lb_tx {
	struct lb_keeper *k;
	struct lb_store_txn *store;
	struct lb_outbox out;
	uint64_t now_s;
	bool clock_reset; /* the clock goes back with this commit, or is as it was before */
	struct lb_clock clock_before;
	struct lb_customer customer; /* read last (customer.c) */
	bool endings_only;	     /* the store is full: only what ends access is done */
};

/* tx.c */

/* Who decides what happens in a transaction: the body returns LB_OK to commit. */
typedef int lb_tx_body(struct lb_tx *tx, void *arg);
/*
 * Runs body in one write transaction and, once that is durable, carries out
 * its outbox.  On any error nothing is changed and nothing is said.
 */
int lb_tx_run(struct lb_keeper *k, lb_tx_body *body, void *arg);
/* In pieces, for a batch of requests that share one commit. */
int lb_tx_begin(struct lb_keeper *k, struct lb_tx *tx);
int lb_tx_commit(struct lb_tx *tx);
void lb_tx_abort(struct lb_tx *tx);
/*
 * Sets the clock back to the host's with this commit; without it, it stays.
 * What follows in the transaction goes by the new time.
 */
void lb_tx_reset_clock(struct lb_tx *tx);
/* Notes how far the clock has come; every commit that writes something does. */
int lb_tx_mark(struct lb_tx *tx);

/* The name this host goes by in texts for people. */
const char *lb_keeper_host(const struct lb_keeper *k);
/* The keeper's clock in whole seconds. */
uint64_t lb_keeper_now_s(struct lb_keeper *k);
/* Starts the clock where the store says it was. */
int lb_keeper_clock_resume(struct lb_keeper *k);
/* True when the wall clock is more than a day behind what this clock has shown: no new grants. */
bool lb_keeper_clock_astray(struct lb_keeper *k);

/* due.c: what time demands. */
int lb_due_start(struct lb_keeper *k);
void lb_due_rearm(struct lb_keeper *k);

/* sync.c: telling the warden what there is, after each start and policy change. */
int lb_sync_accounts(struct lb_keeper *k);
int lb_sync_policy(struct lb_tx *tx, void *unused);
/* Puts the account of an active grant into the outbox, to be published. */
int lb_sync_publish(struct lb_tx *tx, const struct lb_grant *grant, bool fresh);

/* session.c */
int lb_watch_add(struct lb_keeper *k, uint64_t grant, uint64_t number, int pidfd);
int lb_session_resume(struct lb_tx *tx, void *unused);

/* warden_link.c, front_link.c: the two links. */
extern const struct lb_link_calls lb_keeper_warden_calls, lb_keeper_front_calls;
void lb_front_reply(struct lb_keeper *k, uint64_t conn, const uint8_t *frames, size_t len);

#endif
