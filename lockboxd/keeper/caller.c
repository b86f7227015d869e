/* Answers to whoever asks: see caller.h. */
#include "keeper/caller.h"

#include <stdarg.h>
#include <stdio.h>

int
lb_refuse(struct lb_tx *tx, const struct lb_caller *who, enum lb_refusal code, const char *format,
	  ...)
{
	struct lb_msg_refused r = {.code = (uint16_t)code};
	va_list ap;

	va_start(ap, format);
	vsnprintf(r.text, sizeof r.text, format, ap);
	va_end(ap);
	return lb_outbox_reply(&tx->out, who->target, LB_MSG_REFUSED, &r);
}

int
lb_done(struct lb_tx *tx, const struct lb_caller *who)
{
	const struct lb_msg_done done = {0};

	return lb_outbox_reply(&tx->out, who->target, LB_MSG_DONE, &done);
}

int
lb_spend(struct lb_tx *tx, const struct lb_caller *who)
{
	unsigned held, wait_s;
	int err;

	if (lb_budget_take(&tx->k->asks, who->identity, (int64_t)tx->now_s * 1000000000ll, &held,
			   &wait_s))
		return LB_OK;
	err = lb_refuse(tx, who, LB_OVER_LIMIT, "too many requests; try again in %u s", wait_s);
	return err == LB_OK ? LB_ERR_REFUSED : err;
}
