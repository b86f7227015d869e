/* The state machine: see the table in grant.h, which this is. */
#include "keeper/grant.h"

#include <stdio.h>

#include "err.h"

/* clang-format off */
static const struct lb_step table[LB_STATE_COUNT][LB_EVENT_COUNT] = {
	[LB_STATE_PENDING] = {
		[LB_EVENT_APPROVE] = {LB_STATE_PENDING, 0},
		[LB_EVENT_NOTIFY] = {LB_STATE_NOTIFIED, 0},
		[LB_EVENT_APPROVE_LAST] = {LB_STATE_APPROVED, 0},
		[LB_EVENT_DENY] = {LB_STATE_DENIED, LB_DO_CLOSE},
		[LB_EVENT_CANCEL] = {LB_STATE_CANCELLED, LB_DO_CLOSE},
		[LB_EVENT_REVOKE] = {LB_STATE_CANCELLED, LB_DO_CLOSE},
		[LB_EVENT_TIMEOUT] = {LB_STATE_LAPSED, LB_DO_CLOSE},
		[LB_EVENT_EXTEND] = {LB_STATE_ENDED, LB_DO_CLOSE},
	},
	[LB_STATE_NOTIFIED] = {
		[LB_EVENT_APPROVE] = {LB_STATE_NOTIFIED, 0},
		[LB_EVENT_APPROVE_LAST] = {LB_STATE_APPROVED, 0},
		[LB_EVENT_DENY] = {LB_STATE_DENIED, LB_DO_CLOSE},
		[LB_EVENT_CANCEL] = {LB_STATE_CANCELLED, LB_DO_CLOSE},
		[LB_EVENT_REVOKE] = {LB_STATE_CANCELLED, LB_DO_CLOSE},
		[LB_EVENT_TIMEOUT] = {LB_STATE_LAPSED, LB_DO_CLOSE},
		[LB_EVENT_EXTEND] = {LB_STATE_ENDED, LB_DO_CLOSE},
	},
	[LB_STATE_APPROVED] = {
		[LB_EVENT_CANCEL] = {LB_STATE_CANCELLED, LB_DO_CLOSE},
		[LB_EVENT_CLAIM] = {LB_STATE_ACTIVE, LB_DO_ACCOUNT | LB_DO_PASSWORD},
		[LB_EVENT_REVOKE] = {LB_STATE_CANCELLED, LB_DO_CLOSE},
		[LB_EVENT_TIMEOUT] = {LB_STATE_LAPSED, LB_DO_CLOSE},
	},
	[LB_STATE_ACTIVE] = {
		[LB_EVENT_CLAIM] = {LB_STATE_ACTIVE, LB_DO_PASSWORD},
		[LB_EVENT_END] = {LB_STATE_ENDING, LB_DO_EVICT},
		[LB_EVENT_REVOKE] = {LB_STATE_ENDING, LB_DO_EVICT},
		[LB_EVENT_TIMEOUT] = {LB_STATE_ENDING, LB_DO_EVICT},
		[LB_EVENT_GONE] = {LB_STATE_ENDED, LB_DO_CLOSE},
		[LB_EVENT_UNMADE] = {LB_STATE_APPROVED, 0},
	},
	[LB_STATE_ENDING] = {
		[LB_EVENT_GONE] = {LB_STATE_ENDED, LB_DO_CLOSE},
	},
};
/* clang-format on */

static const char *const is_in[LB_STATE_COUNT] = {
	[LB_STATE_PENDING] = "is waiting for approval",
	[LB_STATE_NOTIFIED] = "is waiting for the customer's approval",
	[LB_STATE_APPROVED] = "is approved and not claimed yet",
	[LB_STATE_ACTIVE] = "is active",
	[LB_STATE_ENDING] = "is being ended",
	[LB_STATE_ENDED] = "has ended",
	[LB_STATE_DENIED] = "was denied",
	[LB_STATE_CANCELLED] = "was cancelled",
	[LB_STATE_LAPSED] = "has lapsed",
};

int
lb_grant_step(const struct lb_grant *grant, enum lb_event event, uint64_t now_s,
	      struct lb_step *step, const char **why)
{
	int over = grant->until_s != 0 && now_s >= grant->until_s;
	int done = event == LB_EVENT_GONE || event == LB_EVENT_UNMADE; /* is a fact already */

	*why = "is in no known state";
	if (grant->state >= LB_STATE_COUNT || (unsigned)event >= LB_EVENT_COUNT ||
	    is_in[grant->state] == NULL)
		return LB_ERR_REFUSED;
	*why = is_in[grant->state];
	if (event == LB_EVENT_TIMEOUT ? !over : over && !done) {
		if (over)
			*why = "is over: its time has run out";
		return LB_ERR_REFUSED;
	}
	if (table[grant->state][event].next == 0)
		return LB_ERR_REFUSED;
	*step = table[grant->state][event];
	return LB_OK;
}

void
lb_grant_added(const struct lb_grant *grant, char out[LB_GRANT_ADDED_TEXT])
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t l = 0; l < grant->levels && l < LB_LEVELS_MAX; l++)
		if ((grant->level[l].flags & LB_LEVEL_RULE) != 0)
			used += (size_t)snprintf(out + used, LB_GRANT_ADDED_TEXT - used, "%s%s",
						 used > 0 ? ", " : "", grant->level[l].name);
}

int
lb_grant_open(const struct lb_grant *grant, uint64_t now_s)
{
	return grant->state == LB_STATE_ACTIVE && now_s < grant->end_s;
}

bool
lb_state_waits(uint8_t state)
{
	return state == LB_STATE_PENDING || state == LB_STATE_NOTIFIED;
}
