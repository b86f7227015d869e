/* Work that shares commits: see batch.h. */
#include "keeper/batch.h"

#include <event2/event.h>

#include "err.h"
#include "keeper/state.h"

struct alone {
	struct lb_work *work;
};

static int
do_alone(struct lb_tx *tx, void *arg)
{
	const struct alone *a = arg;

	return a->work->body(tx, a->work);
}

/* All of them in one transaction, or none. */
static int
do_together(struct lb_keeper *k, const struct lb_works *works)
{
	struct lb_work *w;
	struct lb_tx tx;
	int err = lb_tx_begin(k, &tx);

	if (err != LB_OK)
		return err;
	TAILQ_FOREACH(w, works, next)
	if ((err = w->body(&tx, w)) != LB_OK) {
		lb_tx_abort(&tx);
		return err;
	}
	return lb_tx_commit(&tx);
}

void
lb_batch_run(struct lb_keeper *k)
{
	struct lb_works works = TAILQ_HEAD_INITIALIZER(works);
	size_t count = k->batch.count;
	struct lb_work *w;
	int err;

	if (count == 0)
		return;
	/* What comes while this is being done is the next batch's. */
	TAILQ_CONCAT(&works, &k->batch.works, next);
	k->batch.count = 0;
	err = do_together(k, &works);
	while ((w = TAILQ_FIRST(&works)) != NULL) {
		struct alone a = {w};
		int mine = err == LB_OK || count == 1 ? err : lb_tx_run(k, do_alone, &a);

		TAILQ_REMOVE(&works, w, next);
		w->over(k, w, mine);
	}
}

static void
on_ready(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	lb_batch_run(arg);
}

int
lb_batch_init(struct lb_keeper *k)
{
	TAILQ_INIT(&k->batch.works);
	k->batch.count = 0;
	k->batch.ready = event_new(k->base, -1, 0, on_ready, k);
	return k->batch.ready != NULL ? LB_OK : LB_ERR_NOMEM;
}

void
lb_batch_clear(struct lb_keeper *k)
{
	TAILQ_INIT(&k->batch.works);
	k->batch.count = 0;
	if (k->batch.ready != NULL)
		event_free(k->batch.ready);
	k->batch.ready = NULL;
}

void
lb_batch_add(struct lb_keeper *k, struct lb_work *work, lb_work_body *body, lb_work_over *over)
{
	work->body = body;
	work->over = over;
	TAILQ_INSERT_TAIL(&k->batch.works, work, next);
	if (++k->batch.count == LB_BATCH_MAX)
		lb_batch_run(k);
	else if (k->batch.count == 1)
		event_active(k->batch.ready, EV_TIMEOUT, 0); /* after all that is ready by now */
}
