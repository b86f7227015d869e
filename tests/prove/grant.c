/*
 * The state machine, for every stored grant, every event (also numbers that are none) and every
 * time: each cell has an answer; no way leads back from the end; only a claim makes a grant active,
 * and only one that was proven to have made nothing leads back to approved; what is over is only ever
 * timed out; open means active and not over.
 *
 * prove: step --unwind 2
 * prove: life --unwind 6
 */
#include "prove.h"

#include "../../lockboxd/keeper/grant.c"

/* How far each state is from the beginning: no step may go back, and only two may stay. */
static int
rank(uint8_t state)
{
	switch (state) {
	case LB_STATE_PENDING:
		return 1;
	case LB_STATE_NOTIFIED:
		return 2;
	case LB_STATE_APPROVED:
		return 3;
	case LB_STATE_ACTIVE:
		return 4;
	case LB_STATE_ENDING:
		return 5;
	default:
		return 6;
	}
}

static bool
final(uint8_t state)
{
	return state == LB_STATE_ENDED || state == LB_STATE_DENIED || state == LB_STATE_CANCELLED ||
	       state == LB_STATE_LAPSED;
}

void
step(void)
{
	struct lb_grant g;
	struct lb_step s = {0xee, 0xeeeeeeee};
	enum lb_event event = (enum lb_event)nondet_u32();
	uint64_t now_s = nondet_u64();
	const char *why = NULL;
	int err = lb_grant_step(&g, event, now_s, &s, &why);
	bool over = g.until_s != 0 && now_s >= g.until_s;

	ASSERT(err == LB_OK || err == LB_ERR_REFUSED);
	ASSERT(why != NULL);
	if (err != LB_OK) {
		ASSERT(s.next == 0xee && s.todo == 0xeeeeeeee);
		COVER(final(g.state));
		COVER(g.state >= LB_STATE_COUNT);
		COVER(event >= LB_EVENT_COUNT);
		return;
	}
	ASSERT(g.state >= LB_STATE_PENDING && g.state < LB_STATE_COUNT && !final(g.state));
	ASSERT(s.next >= LB_STATE_PENDING && s.next < LB_STATE_COUNT);
	ASSERT(rank(s.next) >= rank(g.state) || event == LB_EVENT_UNMADE);
	ASSERT(event != LB_EVENT_UNMADE ||
	       (g.state == LB_STATE_ACTIVE && s.next == LB_STATE_APPROVED && s.todo == 0));
	ASSERT(s.next != g.state || event == LB_EVENT_APPROVE || event == LB_EVENT_CLAIM);
	ASSERT(s.next != LB_STATE_NOTIFIED || event == LB_EVENT_NOTIFY || s.next == g.state);
	ASSERT(s.next != LB_STATE_APPROVED || event == LB_EVENT_APPROVE_LAST ||
	       event == LB_EVENT_UNMADE);
	ASSERT(s.next != LB_STATE_ACTIVE || event == LB_EVENT_CLAIM);
	ASSERT(s.next != LB_STATE_ACTIVE || (s.todo & LB_DO_PASSWORD) != 0);
	ASSERT(((s.todo & LB_DO_ACCOUNT) != 0) ==
	       (g.state == LB_STATE_APPROVED && s.next == LB_STATE_ACTIVE));
	ASSERT(((s.todo & LB_DO_EVICT) != 0) ==
	       (g.state == LB_STATE_ACTIVE && s.next == LB_STATE_ENDING));
	ASSERT(((s.todo & LB_DO_CLOSE) != 0) == final(s.next));
	/* An account that was made is ended by way of the warden, never just forgotten. */
	ASSERT(g.state != LB_STATE_ACTIVE || s.next == LB_STATE_ACTIVE ||
	       s.next == LB_STATE_ENDING || event == LB_EVENT_GONE || event == LB_EVENT_UNMADE);
	ASSERT(event != LB_EVENT_GONE || g.state == LB_STATE_ACTIVE || g.state == LB_STATE_ENDING);
	ASSERT(g.state != LB_STATE_ENDING || event == LB_EVENT_GONE);
	ASSERT(!over || event == LB_EVENT_TIMEOUT || event == LB_EVENT_GONE ||
	       event == LB_EVENT_UNMADE);
	ASSERT(event != LB_EVENT_TIMEOUT || over);
	ASSERT(!lb_grant_open(&g, now_s) || (g.state == LB_STATE_ACTIVE && now_s < g.end_s));
	COVER(s.next == LB_STATE_ACTIVE);
	COVER(s.next == LB_STATE_LAPSED);
	COVER(s.next == LB_STATE_ENDED);
	COVER(event == LB_EVENT_UNMADE);
}

/* Any five events in a row: once it is no longer active it never is again, but where nothing was made. */
void
life(void)
{
	struct lb_grant g;
	bool was_active = g.state == LB_STATE_ACTIVE, was_past = rank(g.state) > 4;
	uint64_t now_s = nondet_u64();
	enum lb_event event;

	for (int i = 0; i < 5; i++) {
		struct lb_step s;
		const char *why;

		g.until_s = nondet_u64();
		event = (enum lb_event)nondet_u32();
		if (lb_grant_step(&g, event, now_s, &s, &why) != LB_OK)
			continue;
		ASSERT(!was_past || s.next != LB_STATE_ACTIVE);
		ASSERT(!was_active || rank(s.next) >= 4 || event == LB_EVENT_UNMADE);
		g.state = s.next;
		was_active = g.state == LB_STATE_ACTIVE || (was_active && event != LB_EVENT_UNMADE);
		was_past = was_past || rank(g.state) > 4;
	}
	COVER(was_active && was_past);
}
