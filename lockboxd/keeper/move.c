/* Moving grants: see move.h. */
#include "keeper/move.h"

#include <stdio.h>
#include <string.h>

#include "err.h"
#include "keeper/audit.h"
#include "keeper/grant.h"
#include "keeper/password.h"
#include "keeper/waits.h"

int
lb_next_own(struct lb_tx *tx, const char *identity, uint64_t *after, struct lb_grant *grant)
{
	int err = lb_store_next_own(tx->store, identity, *after, grant);

	if (err == LB_OK)
		*after = grant->id;
	return err;
}

int
lb_extension_waiting(struct lb_tx *tx, const struct lb_grant *g, struct lb_grant *extension)
{
	uint64_t after = g->id;
	struct lb_grant e;
	int err;

	while ((err = lb_next_own(tx, g->identity, &after, &e)) == LB_OK)
		if (e.extends == g->id && lb_state_waits(e.state)) {
			*extension = e;
			break;
		}
	return err;
}

int
lb_extension_drop(struct lb_tx *tx, const struct lb_grant *g)
{
	struct lb_grant e;
	struct lb_step step;
	const char *why;
	char cause[64];
	int err = lb_extension_waiting(tx, g, &e);

	if (err != LB_OK)
		return err == LB_ERR_NOT_FOUND ? LB_OK : err;
	/* One whose own time is over as well lapses by itself. */
	if (lb_grant_step(&e, LB_EVENT_REVOKE, tx->now_s, &step, &why) != LB_OK)
		return LB_OK;
	snprintf(cause, sizeof cause, "R-%llu is over", (unsigned long long)g->id);
	err = lb_move(tx, &e, &step, cause);
	return err == LB_OK ? lb_audit(tx, "revoke", &e, "", "%s", cause) : err;
}

int
lb_move(struct lb_tx *tx, struct lb_grant *grant, const struct lb_step *step, const char *cause)
{
	int err = LB_OK;

	lb_waits_touch(tx->k, grant->id);
	grant->state = step->next;
	if (cause[0] != '\0')
		snprintf(grant->cause, sizeof grant->cause, "%s", cause);
	if (step->todo & (LB_DO_CLOSE | LB_DO_EVICT)) {
		lb_password_void(grant, LB_OTP_VOID);
		grant->until_s = 0;
	}
	if (step->todo & LB_DO_CLOSE) {
		grant->closed_s = tx->now_s;
		if (grant->review == LB_REVIEW_OPEN)
			grant->review_due_s = tx->now_s + grant->review_within_s;
	}
	if (step->todo & LB_DO_EVICT) {
		struct lb_ipc_evict evict = {
			.grant = grant->id, .uid = grant->uid, .own_uid = grant->own_uid};

		memcpy(evict.name, grant->account, sizeof evict.name);
		memcpy(evict.cause, grant->cause, sizeof evict.cause);
		err = lb_outbox_warden(&tx->out, LB_IPC_EVICT, &evict, -1);
		if (err == LB_OK)
			err = lb_extension_drop(tx, grant);
	}
	return err == LB_OK ? lb_store_put_grant(tx->store, grant) : err;
}
