/* Reading the record: audit. */
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "keeper/customer.h"
#include "keeper/handlers.h"
#include "keeper/levels.h"

#define PAGE 50
#define LOOKED_AT_MAX 5000 /* records passed over in one answer */

/*
 * Whether a record is for the caller: auditors and root read all, a customer's
 * approvers what was done under requests that the customer was asked about.
 * *last is the grant of the record before, with whether it was such a one.
 */
static int
for_caller(struct lb_tx *tx, const struct lb_caller *who, bool all, const struct lb_msg_record *r,
	   uint64_t *last, bool *mine)
{
	struct lb_grant g;
	int err;

	if (all || r->grant == *last) {
		*mine = all || *mine;
		return LB_OK;
	}
	*last = r->grant;
	*mine = false;
	err = r->grant != 0 ? lb_store_grant(tx->store, r->grant, &g) : LB_ERR_NOT_FOUND;
	if (err == LB_OK)
		*mine = lb_levels_reached(&g) &&
			lb_customer_in_roster(tx, g.customer, who->identity) &&
			lb_customer_key(tx, g.customer, who->identity, who->fingerprint);
	return err == LB_ERR_NOT_FOUND ? LB_OK : err;
}

int
lb_do_audit(struct lb_tx *tx, const struct lb_caller *who, const union lb_msg *msg)
{
	struct lb_msg_done done = {.cursor = msg->audit.after};
	struct lb_msg_record r;
	bool all = who->root || lb_policy_is_auditor(tx->k->policy, who->identity), mine = false;
	unsigned sent = 0, looked = 0;
	uint64_t last = 0;
	int err;

	if (!all && !lb_customer_any(tx, who->identity))
		return lb_refuse(tx, who, LB_NO_PERMISSION,
				 "only auditors, and customers of what concerns them, read the "
				 "record; see auditors in lockbox.conf");
	while ((err = lb_store_next_record(tx->store, done.cursor, &r)) == LB_OK) {
		if (sent == PAGE || looked == LOOKED_AT_MAX) {
			done.more = 1;
			break;
		}
		looked++;
		done.cursor = r.seq;
		if (msg->audit.grant != 0 && r.grant != msg->audit.grant)
			continue;
		err = for_caller(tx, who, all, &r, &last, &mine);
		if (err == LB_OK && !mine)
			continue;
		if (err == LB_OK)
			err = lb_outbox_reply(&tx->out, who->target, LB_MSG_RECORD, &r);
		if (err != LB_OK)
			return err;
		sent++;
	}
	if (err != LB_OK && err != LB_ERR_NOT_FOUND)
		return err;
	return lb_outbox_reply(&tx->out, who->target, LB_MSG_DONE, &done);
}
