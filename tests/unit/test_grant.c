/*
 * The state machine: every state × event cell, before, at and after its time.
 *
 * What is expected is read from the table in the opening comment of grant.h,
 * so the comment, which is what people read, and the code cannot drift apart.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "err.h"
#include "keeper/grant.h"

#define HEADER "lockboxd/keeper/grant.h"
#define UNTIL 1000u

static const char *const events[LB_EVENT_COUNT] = {
	"APPROVE", "NOTIFY", "APPROVE_LAST", "DENY", "CANCEL", "CLAIM",
	"END",	   "REVOKE", "TIMEOUT",	     "GONE", "EXTEND", "UNMADE",
};

/* By the comment: the next state of a cell, 0 for a refusal. */
static uint8_t expected[LB_STATE_COUNT][LB_EVENT_COUNT];
static int described[LB_STATE_COUNT];

static uint8_t
state_by_name(const char *name)
{
	for (uint8_t s = 1; s < LB_STATE_COUNT; s++)
		if (strcmp(lb_state_name(s), name) == 0)
			return s;
	fail_msg("%s: no such state: %s", HEADER, name);
	return 0;
}

static int
read_row(char *line)
{
	char *save = NULL, *word = strtok_r(line, " \t\n", &save);
	uint8_t state = state_by_name(word);

	described[state]++;
	for (int e = 0; e < LB_EVENT_COUNT; e++) {
		word = strtok_r(NULL, " \t\n", &save);
		assert_non_null(word);
		expected[state][e] = strcmp(word, "-") == 0 ? 0 : state_by_name(word);
	}
	assert_null(strtok_r(NULL, " \t\n", &save));
	return 1;
}

/* "ended, denied, ...: nothing more happens" */
static int
read_final_states(char *line)
{
	char *save = NULL;

	for (char *word = strtok_r(line, " ,\t\n", &save); word != NULL;
	     word = strtok_r(NULL, " ,\t\n", &save))
		described[state_by_name(word)]++;
	return 1;
}

static int
read_comment(void **unused)
{
	FILE *f = fopen(HEADER, "r");
	char line[512], *at;
	int rows = 0, finals = 0;

	(void)unused;
	if (f == NULL)
		return -1;
	while (fgets(line, sizeof line, f) != NULL && strstr(line, "*/") == NULL) {
		if (strncmp(line, " *\t", 3) != 0)
			continue;
		if (strstr(line, "APPROVE_LAST") != NULL) {
			char *save = NULL;

			at = strtok_r(line + 2, " \t\n", &save);
			for (int e = 0; e < LB_EVENT_COUNT;
			     e++, at = strtok_r(NULL, " \t\n", &save))
				assert_string_equal(at, events[e]);
			assert_null(at);
		} else if ((at = strstr(line, ": nothing more happens")) != NULL) {
			*at = '\0';
			finals += read_final_states(line + 2);
		} else {
			rows += read_row(line + 2);
		}
	}
	fclose(f);
	return rows > 0 && finals == 1 ? 0 : -1;
}

static void
the_comment_speaks_of_every_state_once(void **unused)
{
	(void)unused;
	for (int s = 1; s < LB_STATE_COUNT; s++)
		assert_int_equal(described[s], 1);
}

/* What is to be done follows from where it goes. */
static unsigned
todo_of(uint8_t from, uint8_t next)
{
	switch (next) {
	case LB_STATE_ACTIVE:
		return from == LB_STATE_APPROVED ? LB_DO_ACCOUNT | LB_DO_PASSWORD : LB_DO_PASSWORD;
	case LB_STATE_ENDING:
		return LB_DO_EVICT;
	case LB_STATE_PENDING:
	case LB_STATE_NOTIFIED:
	case LB_STATE_APPROVED:
		return 0;
	default:
		return LB_DO_CLOSE;
	}
}

static void
check_cell(uint8_t state, int event, uint64_t until_s, uint64_t now_s)
{
	const struct lb_grant g = {.id = 17, .state = state, .until_s = until_s};
	struct lb_grant before = g;
	struct lb_step step = {0xee, 0xeeeeeeee};
	const char *why = NULL;
	int over = until_s != 0 && now_s >= until_s;
	uint8_t next = expected[state][event];
	int err = lb_grant_step(&g, (enum lb_event)event, now_s, &step, &why);

	if (event == LB_EVENT_TIMEOUT ? !over
				      : over && event != LB_EVENT_GONE && event != LB_EVENT_UNMADE)
		next = 0;
	if ((err == LB_OK) != (next != 0))
		fail_msg("%s + %s, until %u, at %u: %d", lb_state_name(state), events[event],
			 (unsigned)until_s, (unsigned)now_s, err);
	if (next == 0) {
		assert_int_equal(err, LB_ERR_REFUSED);
		assert_int_equal(step.next, 0xee); /* untouched */
		assert_true(why != NULL && why[0] != '\0');
	} else {
		assert_int_equal(step.next, next);
		assert_int_equal(step.todo, todo_of(state, next));
	}
	assert_memory_equal(&g, &before, sizeof g);
}

static void
every_cell_is_as_the_comment_says_before_at_and_after_its_time(void **unused)
{
	static const uint64_t nows[] = {0, 1, UNTIL - 1, UNTIL, UNTIL + 1, UINT64_MAX};

	(void)unused;
	for (uint8_t s = 1; s < LB_STATE_COUNT; s++)
		for (int e = 0; e < LB_EVENT_COUNT; e++)
			for (size_t n = 0; n < sizeof nows / sizeof nows[0]; n++) {
				check_cell(s, e, UNTIL, nows[n]);
				check_cell(s, e, 0, nows[n]);
			}
}

static void
a_state_or_event_that_does_not_exist_is_refused(void **unused)
{
	static const int states[] = {0, LB_STATE_COUNT, LB_STATE_COUNT + 1, 255};
	static const int others[] = {LB_EVENT_COUNT, LB_EVENT_COUNT + 1, 1000, -1};
	struct lb_step step = {0xee, 1};
	const char *why;

	(void)unused;
	for (size_t i = 0; i < 4; i++) {
		struct lb_grant g = {.state = (uint8_t)states[i]};

		for (int e = 0; e < LB_EVENT_COUNT; e++) {
			assert_int_equal(lb_grant_step(&g, (enum lb_event)e, 5, &step, &why),
					 LB_ERR_REFUSED);
			assert_non_null(why);
		}
		g.state = LB_STATE_PENDING;
		assert_int_equal(lb_grant_step(&g, (enum lb_event)others[i], 5, &step, &why),
				 LB_ERR_REFUSED);
	}
	assert_int_equal(step.next, 0xee);
}

static void
a_grant_is_open_only_while_active_and_before_its_end(void **unused)
{
	(void)unused;
	for (uint8_t s = 0; s < LB_STATE_COUNT + 2; s++) {
		struct lb_grant g = {.state = s, .end_s = UNTIL, .until_s = 0};

		assert_int_equal(lb_grant_open(&g, UNTIL - 1), s == LB_STATE_ACTIVE);
		assert_false(lb_grant_open(&g, UNTIL));
		assert_false(lb_grant_open(&g, UINT64_MAX));
		g.end_s = 0; /* never claimed */
		assert_false(lb_grant_open(&g, 0));
	}
}

static void
a_refusal_says_which_state_it_met(void **unused)
{
	struct lb_grant g = {.state = LB_STATE_ENDED};
	struct lb_step step;
	const char *why;

	(void)unused;
	lb_grant_step(&g, LB_EVENT_CLAIM, 5, &step, &why);
	assert_string_equal(why, "has ended");
	g = (struct lb_grant){.state = LB_STATE_PENDING, .until_s = UNTIL};
	lb_grant_step(&g, LB_EVENT_APPROVE_LAST, UNTIL, &step, &why);
	assert_string_equal(why, "is over: its time has run out");
}

static void
levels_that_rules_add_are_named(void **unused)
{
	struct lb_grant g = {.levels = LB_LEVELS_MAX + 1};
	char text[LB_GRANT_ADDED_TEXT];

	(void)unused;
	lb_grant_added(&g, text);
	assert_string_equal(text, "");
	for (int l = 1; l < 3; l++) {
		g.level[l].name[0] = (char)('a' + l);
		g.level[l].flags = LB_LEVEL_RULE;
	}
	lb_grant_added(&g, text);
	assert_string_equal(text, "b, c");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_comment_speaks_of_every_state_once),
		cmocka_unit_test(every_cell_is_as_the_comment_says_before_at_and_after_its_time),
		cmocka_unit_test(a_state_or_event_that_does_not_exist_is_refused),
		cmocka_unit_test(a_grant_is_open_only_while_active_and_before_its_end),
		cmocka_unit_test(a_refusal_says_which_state_it_met),
		cmocka_unit_test(levels_that_rules_add_are_named),
	};

	return cmocka_run_group_tests(tests, read_comment, NULL);
}
