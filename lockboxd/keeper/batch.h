/*
 * Work that shares commits.
 *
 * What has arrived by the time the event loop comes to it is decided one after
 * the other in one write transaction, made durable by one flush, and answered
 * only then.  When anything in it fails, the transaction is given up whole and
 * each is tried alone, so one person's bad luck is not everybody's: each piece
 * of work is done wholly or not at all, whatever else was in the batch.
 */
#ifndef LB_BATCH_H
#define LB_BATCH_H

#include <stddef.h>
#include <sys/queue.h>

struct event;
struct event_base;
struct lb_keeper;
struct lb_tx;
struct lb_work;

#define LB_BATCH_MAX 128u /* as many are waiting at most; one more makes them all be done at once */

/*
 * Decides the work inside tx and puts what it causes into tx->out.  LB_OK; an
 * error means that nothing of it may stay.  It may be called twice: nothing is
 * stored of the first time, but what was counted in memory (budgets, wrong
 * passwords) counts twice.
 */
typedef int lb_work_body(struct lb_tx *tx, struct lb_work *work);
/*
 * Called once: with LB_OK when it is durable and what it caused was carried
 * out, with an error when nothing of it was done.  The work is the caller's
 * again; it may be freed.
 */
typedef void lb_work_over(struct lb_keeper *k, struct lb_work *work, int err);

/* Part of whatever the work is about; the caller's, and untouched until it is over. */
struct lb_work {
	TAILQ_ENTRY(lb_work) next;
	lb_work_body *body;
	lb_work_over *over;
};

struct lb_batch {
	TAILQ_HEAD(lb_works, lb_work) works;
	size_t count;
	struct event *ready;
};

/* LB_ERR_NOMEM.  Ends with lb_batch_clear(), which drops what waits without a word. */
int lb_batch_init(struct lb_keeper *k);
void lb_batch_clear(struct lb_keeper *k);

/* Has the work done at the end of this turn of the event loop, or at once when LB_BATCH_MAX wait. */
void lb_batch_add(struct lb_keeper *k, struct lb_work *work, lb_work_body *body,
		  lb_work_over *over);
/* Does what waits now.  May block on the disk. */
void lb_batch_run(struct lb_keeper *k);

#endif
