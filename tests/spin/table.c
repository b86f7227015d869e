/*
 * Prints the state machine of lockboxd/keeper/grant.c for the model beside this file: states and
 * events as numbers, and the next state of each cell, 0 for a refusal.  So the model has no table of
 * its own that could differ from the code's.
 */
#include <ctype.h>
#include <stdio.h>

#include "err.h"
#include "keeper/grant.h"

static const char *const events[LB_EVENT_COUNT] = {
	"approve", "notify", "approve_last", "deny", "cancel", "claim",
	"end",	   "revoke", "timeout",	     "gone", "extend", "unmade",
};

static void
define(const char *prefix, const char *name, int value)
{
	printf("#define %s", prefix);
	for (; *name != '\0'; name++)
		putchar(*name == '-' ? '_' : toupper((unsigned char)*name));
	printf(" %d\n", value);
}

/* By the machine itself; TIMEOUT when the time is over, all else while it is not. */
static int
next(uint8_t state, int event)
{
	const struct lb_grant g = {.id = 1, .state = state, .until_s = 1000};
	struct lb_step step;
	const char *why;

	if (lb_grant_step(&g, (enum lb_event)event, event == LB_EVENT_TIMEOUT ? 1000 : 999, &step,
			  &why) != LB_OK)
		return 0;
	return step.next;
}

int
main(void)
{
	printf("/* Made by tests/spin/table.c from lockboxd/keeper/grant.c. */\n");
	for (uint8_t s = 1; s < LB_STATE_COUNT; s++)
		define("", lb_state_name(s), s);
	for (int e = 0; e < LB_EVENT_COUNT; e++)
		define("E_", events[e], e);
	printf("#define EVENTS %d\n#define CELLS %d\nbyte table[CELLS];\ninline make_table() {\n",
	       LB_EVENT_COUNT, LB_STATE_COUNT * LB_EVENT_COUNT);
	for (uint8_t s = 1; s < LB_STATE_COUNT; s++)
		for (int e = 0; e < LB_EVENT_COUNT; e++)
			if (next(s, e) != 0)
				printf("\ttable[%d] = %d;\n", s * LB_EVENT_COUNT + e, next(s, e));
	printf("\tskip\n}\n");
	return 0;
}
