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
		lb_link_send(k->warden, out->type, out->bytes, out->len, out->fd);
		break;
	case LB_OUT_LOG:
		lb_log(out->type, "%s", (const char *)out->bytes);
		break;
	case LB_OUT_WATCH:
		if (lb_watch_add(k, out->grant, out->number, out->fd) == LB_OK)
			out->fd = -1;
		break;
	case LB_OUT_AWAIT:
		TAILQ_INSERT_TAIL(&k->awaiting, out, next);
		return;
	}
	lb_out_free(out);
}
