/* Reading the record: audit. */
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "keeper/dispatch.h"

#define PAGE 50
#define LOOKED_AT_MAX 5000 /* records passed over in one answer */

int
lb_do_audit(struct lb_tx *tx, const struct lb_caller *who, const union lb_msg *msg)
{
	struct lb_msg_done done = {.cursor = msg->audit.after};
	struct lb_msg_record r;
	unsigned sent = 0, looked = 0;
	int err;

	if (!who->root && !lb_policy_is_auditor(tx->k->policy, who->identity))
		return lb_refuse(tx, who, LB_NO_PERMISSION,
				 "only auditors read the record; see auditors in lockbox.conf");
	while ((err = lb_store_next_record(tx->store, done.cursor, &r)) == LB_OK) {
		if (sent == PAGE || looked == LOOKED_AT_MAX) {
			done.more = 1;
			break;
		}
		looked++;
		done.cursor = r.seq;
		if (msg->audit.grant != 0 && r.grant != msg->audit.grant)
			continue;
		err = lb_outbox_reply(&tx->out, who->target, LB_MSG_RECORD, &r);
		if (err != LB_OK)
			return err;
		sent++;
	}
	if (err != LB_OK && err != LB_ERR_NOT_FOUND)
		return err;
	return lb_outbox_reply(&tx->out, who->target, LB_MSG_DONE, &done);
}
