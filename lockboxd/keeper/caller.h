/*
 * Who asks, and what a handler answers with.
 */
#ifndef LB_CALLER_H
#define LB_CALLER_H

#include "err.h"
#include "keeper/state.h"

/* Who asks, for a handler. */
struct lb_caller {
	struct lb_target target;
	struct lb_peer *peer;
	uid_t uid;
	const char *identity;	 /* "" when none */
	const char *fingerprint; /* of the key that named it; "" locally */
	const char *actor;	 /* for the record: the identity, or "root" */
	bool root;
};

/* Queues a refusal.  Returns what the handler is to return. */
int lb_refuse(struct lb_tx *tx, const struct lb_caller *who, enum lb_refusal code,
	      const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Queues the closing DONE. */
int lb_done(struct lb_tx *tx, const struct lb_caller *who);

/*
 * Takes from the caller's budget of what may be written on his word.  LB_OK;
 * LB_ERR_REFUSED, the refusal is queued; or a failure.
 */
int lb_spend(struct lb_tx *tx, const struct lb_caller *who);

/* LB_ERR_REFUSED inside a handler means that the refusal is queued: then all is well. */
static inline int
lb_settled(int err)
{
	return err == LB_ERR_REFUSED ? LB_OK : err;
}

/* What a function returns that has queued a refusal with err. */
static inline int
lb_refused(int err)
{
	return err == LB_OK ? LB_ERR_REFUSED : err;
}

#endif
