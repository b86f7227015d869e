/* Carrying out what a durable state change causes; see outbox.h. */
#include "err.h"
#include "keeper/direct.h"
#include "keeper/start.h"
#include "keeper/state.h"
#include "log.h"

static void
reply(struct lb_keeper *k, const struct lb_out *out)
{
	if (!out->target.direct)
		lb_front_reply(k, out->target.conn, out->bytes, out->len);
	else
		lb_direct_reply(k->direct, out->target.conn, out->bytes, out->len);
}

/*
 * What is stored and cannot be carried out for want of memory or descriptors is
 * found and done by the next keeper, which begins with all there is.
 */
static void
must(int err, const char *what)
{
	if (err == LB_ERR_NOMEM || err == LB_ERR_SYSTEM)
		lb_fatal(1, "%s: %s (%m): the keeper ends, and the next one does it", what,
			 lb_err_text(err));
}

void
lb_keeper_carry_out(struct lb_keeper *k, struct lb_out *out)
{
	if (out == NULL) {
		lb_due_rearm(k);
		return;
	}
	switch (out->kind) {
	case LB_OUT_REPLY:
		reply(k, out);
		break;
	case LB_OUT_WARDEN:
		/* A link that is lost ends the keeper by itself. */
		must(lb_link_send(k->warden, out->type, out->bytes, out->len, out->fd),
		     "the warden could not be told");
		break;
	case LB_OUT_LOG:
		lb_log(out->type, "%s", (const char *)out->bytes);
		break;
	case LB_OUT_WATCH:
		must(lb_watch_add(k, out->grant, out->number, out->fd),
		     "a session could not be watched");
		out->fd = -1;
		break;
	case LB_OUT_AWAIT:
		TAILQ_INSERT_TAIL(&k->awaiting, out, next);
		return;
	}
	lb_out_free(out);
}
