/*
 * Levels of approval: who counts where, whose turn it is, what the record keeps of it; and that
 * the reader of policies refuses exactly the roles that nobody could ever be given.
 */
#include "keeper/levels.h"
#include "keeper_fixture.h"

#define LEVELS(settings, after)                                                                    \
	PEOPLE MALLORY "team engineers { members = {\"alice\", \"mallory\"} }\n"                   \
		       "team leads { members = {\"bob\", \"dave\", \"alice\"} }\n"                 \
		       "team security { members = {\"carol\", \"bob\"} }\n"                        \
		       "team auditors { members = {\"carol\"} }\n"                                 \
		       "role change { requesters = {\"engineers\"} max-duration = \"4h\"\n"        \
		       " level leads { approvers = {\"leads\"} approvals = 2 }\n"                  \
		       " level security { approvers = {\"security\"} " settings " }\n" after "}\n"
static const char strict[] = LEVELS("", "");
static const char lenient[] = LEVELS("same-person = true", "");
static const char longer[] =
	LEVELS("", " level last { approvers = {\"security\", \"engineers\"} }\n");

static int
setup(void **state)
{
	struct fixture *f;

	if (fixture_setup(state) != 0)
		return -1;
	f = *state;
	change_policy(f, strict);
	return 0;
}

static uint64_t
asked(struct fixture *f, const char *who)
{
	answered(request(f, who, "change", 0, "the index is broken"));
	return f->a.grant.id;
}

static void
levels_are_asked_in_their_order(void **state)
{
	struct fixture *f = *state;
	uint64_t id = asked(f, "mallory");
	struct lb_grant g = stored(f, id);

	assert_int_equal(g.levels, 2);
	assert_string_equal(g.level[0].name, "leads");
	assert_string_equal(g.level[0].teams, "leads");
	assert_int_equal(g.level[0].need, 2);
	assert_string_equal(g.level[1].name, "security");
	assert_int_equal(f->a.grant.need, 3);
	assert_int_equal(f->a.grant.level_now, 0);
	assert_string_equal(f->a.grant.approvers, "alice, bob, dave");

	refused(act(f, "carol", LB_MSG_APPROVE, id, ""), LB_NOT_NOW,
		"waits for 'leads' now (alice, bob, dave); your turn comes after that");
	answered(act(f, "alice", LB_MSG_APPROVE, id, ""));
	assert_int_equal(f->a.grant.level_now, 0);
	assert_int_equal(f->a.grant.level[0].have, 1);
	pass_time(f, 7);
	answered(act(f, "dave", LB_MSG_APPROVE, id, ""));
	recorded(f, "approve", id, "dave");
	assert_non_null(strstr(f->a.log, "leads: 2 of 2"));
	assert_int_equal(f->a.grant.level_now, 1);
	assert_int_equal(f->a.grant.have, 2);
	assert_string_equal(f->a.grant.approvers, "bob, carol");
	assert_int_equal(stored(f, id).state, LB_STATE_PENDING);
	refused(act(f, "mallory", LB_MSG_CLAIM, id, ""), LB_NOT_NOW, "is waiting for approval");

	answered(act(f, "carol", LB_MSG_APPROVE, id, "go"));
	g = stored(f, id);
	assert_int_equal(g.state, LB_STATE_APPROVED);
	assert_int_equal(g.have, 3);
	assert_string_equal(g.approval[2].identity, "carol");
	assert_int_equal(g.approval[2].level, 1);
	assert_int_equal(g.approval[1].at_s, g.approval[0].at_s + 7);
	assert_string_equal(f->a.grant.approvers, "alice, dave, carol");
	assert_int_equal(f->a.grant.level_now, 2);
	act(f, "mallory", LB_MSG_CLAIM, id, "");
	assert_int_equal(f->a.claims, 1);
}

static void
nobody_counts_for_two_levels(void **state)
{
	struct fixture *f = *state;
	uint64_t id = asked(f, "mallory");

	answered(act(f, "alice", LB_MSG_APPROVE, id, ""));
	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
	assert_string_equal(f->a.grant.approvers, "carol");
	refused(act(f, "bob", LB_MSG_APPROVE, id, ""), LB_NOT_NOW,
		"at an earlier level, and 'security' takes somebody else: carol");
	refused(act(f, "dave", LB_MSG_APPROVE, id, ""), LB_NOT_NOW, "your level has what it needs");
	assert_int_equal(stored(f, id).have, 2);
	ask(f, "bob", LB_MSG_LIST, &(union lb_msg){.list = {.which = LB_LIST_PENDING}});
	assert_int_equal(f->a.grants, 0);
	ask(f, "carol", LB_MSG_LIST, &(union lb_msg){.list = {.which = LB_LIST_PENDING}});
	assert_int_equal(f->a.grants, 1);
	answered(act(f, "carol", LB_MSG_APPROVE, id, ""));
	assert_int_equal(stored(f, id).state, LB_STATE_APPROVED);
}

static void
unless_the_level_allows_it(void **state)
{
	struct fixture *f = *state;
	uint64_t id;

	change_policy(f, lenient);
	id = asked(f, "mallory");
	assert_int_equal(f->a.grant.level[1].flags, LB_LEVEL_SAME_PERSON);
	answered(act(f, "alice", LB_MSG_APPROVE, id, ""));
	refused(act(f, "alice", LB_MSG_APPROVE, id, ""), LB_NOT_NOW, "you have approved");
	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
	assert_string_equal(f->a.grant.approvers, "bob, carol");
	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
	assert_int_equal(stored(f, id).state, LB_STATE_APPROVED);
	assert_int_equal(stored(f, id).have, 3);
}

static void
nobody_counts_for_his_own_at_any_level(void **state)
{
	struct fixture *f = *state;
	uint64_t id = asked(f, "alice");

	assert_string_equal(f->a.grant.approvers, "bob, dave");
	refused(act(f, "alice", LB_MSG_APPROVE, id, ""), LB_OWN_REQUEST, "your own request");
	refused(act(f, "alice", LB_MSG_DENY, id, "x"), LB_OWN_REQUEST, "your own request");
	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
	answered(act(f, "dave", LB_MSG_APPROVE, id, ""));
	assert_string_equal(f->a.grant.approvers, "carol");
}

static void
a_denial_at_any_level_ends_it(void **state)
{
	static const char *const deniers[] = {"dave", "carol", "bob"};
	struct fixture *f = *state;

	for (size_t i = 0; i < 3; i++) {
		uint64_t id = asked(f, "mallory");

		answered(act(f, "alice", LB_MSG_APPROVE, id, ""));
		if (i > 0)
			answered(act(f, "dave", LB_MSG_APPROVE, id, ""));
		answered(act(f, deniers[i], LB_MSG_DENY, id, "not today"));
		assert_int_equal(stored(f, id).state, LB_STATE_DENIED);
		answered(act(f, "mallory", LB_MSG_SHOW, id, ""));
		assert_non_null(strstr(f->a.grant.cause, "not today"));
		refused(act(f, "carol", LB_MSG_APPROVE, id, ""), LB_NOT_NOW, "was denied");
	}
}

/* Whoever is no approver any more leaves his level open, and those behind it are asked again. */
static void
a_level_that_loses_an_approval_is_asked_again(void **state)
{
	static const char without_dave[] =
		PEOPLE MALLORY "team engineers { members = {\"mallory\"} }\n"
			       "team leads { members = {\"bob\", \"alice\", \"frank\"} }\n"
			       "team security { members = {\"carol\", \"bob\"} }\n"
			       "team auditors { members = {\"carol\"} }\n"
			       "role change { requesters = {\"engineers\"} max-duration = \"4h\"\n"
			       " level leads { approvers = {\"leads\"} approvals = 2 }\n"
			       " level security { approvers = {\"security\"} approvals = 2 } }\n";
	struct fixture *f = *state;
	uint64_t id;

	change_policy(f, without_dave);
	id = asked(f, "mallory");
	answered(act(f, "alice", LB_MSG_APPROVE, id, ""));
	answered(act(f, "frank", LB_MSG_APPROVE, id, ""));
	answered(act(f, "carol", LB_MSG_APPROVE, id, ""));
	assert_int_equal(f->a.grant.have, 3);
	change_policy(f, strict); /* security takes one now, but what took two takes two */
	answered(act(f, "mallory", LB_MSG_SHOW, id, ""));
	assert_int_equal(f->a.grant.have, 1);
	assert_int_equal(f->a.grant.need, 4);
	assert_int_equal(f->a.grant.level_now, 0);
	refused(act(f, "carol", LB_MSG_APPROVE, id, ""), LB_NOT_NOW, "waits for 'leads' now");
	answered(act(f, "dave", LB_MSG_APPROVE, id, ""));
	assert_int_equal(stored(f, id).have, 2);
	assert_int_equal(f->a.grant.level_now, 1);
	answered(act(f, "carol", LB_MSG_APPROVE, id, ""));
	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
	assert_int_equal(stored(f, id).state, LB_STATE_APPROVED);
}

static void
what_was_asked_under_other_levels_must_be_asked_anew(void **state)
{
	struct fixture *f = *state;
	uint64_t waits = asked(f, "mallory"), ready, live;

	ready = asked(f, "alice");
	for (size_t i = 0; i < 3; i++)
		answered(act(f,
			     i == 0   ? "bob"
			     : i == 1 ? "dave"
				      : "carol",
			     LB_MSG_APPROVE, ready, ""));
	answered(request(f, "mallory", "change", 60, "another"));
	live = f->a.grant.id;
	for (size_t i = 0; i < 3; i++)
		answered(act(f,
			     i == 0   ? "bob"
			     : i == 1 ? "dave"
				      : "carol",
			     LB_MSG_APPROVE, live, ""));
	act(f, "mallory", LB_MSG_CLAIM, live, "");
	assert_int_equal(f->a.claims, 1);

	change_policy(f, longer);
	refused(act(f, "bob", LB_MSG_APPROVE, waits, ""), LB_NOT_NOW, "changed since");
	refused(act(f, "alice", LB_MSG_CLAIM, ready, ""), LB_NOT_NOW, "changed since");
	change_policy(f, lenient);
	refused(act(f, "bob", LB_MSG_APPROVE, waits, ""), LB_NOT_NOW, "changed since");
	ok(lb_tx_run(&f->k, lb_sync_policy, NULL));
	assert_int_equal(stored(f, waits).state, LB_STATE_CANCELLED);
	assert_int_equal(stored(f, ready).state, LB_STATE_CANCELLED);
	assert_int_equal(stored(f, live).state, LB_STATE_ACTIVE);
}

static void
a_role_tells_its_levels(void **state)
{
	struct fixture *f = *state;

	change_policy(f, longer);
	ask(f, "alice", LB_MSG_ROLES, &(union lb_msg){0});
	assert_int_equal(f->a.role.levels, 3);
	assert_int_equal(f->a.role.approvals, 4);
	assert_string_equal(f->a.role.approvers, "leads, security, engineers");
	assert_string_equal(f->a.role.level[2].name, "last");
	assert_string_equal(f->a.role.level[2].teams, "security, engineers");
}

/* -- exactly the roles that somebody can be given -------------------------------------- */

#define PERSONS 5
#define LEVELS_MAX LB_POLICY_LEVELS_MAX

struct role {
	unsigned levels, need[LEVELS_MAX];
	bool same[LEVELS_MAX];
	unsigned teams[LEVELS_MAX]; /* a bit for each person */
};

static bool
filled(const struct role *r, unsigned level, unsigned counted, unsigned who, unsigned chosen,
       unsigned missing)
{
	if (missing == 0)
		return level + 1 == r->levels ||
		       filled(r, level + 1, counted | chosen, 0, 0, r->need[level + 1]);
	if (who == PERSONS)
		return false;
	if ((r->teams[level] & 1u << who) != 0 && (r->same[level] || !(counted & 1u << who)) &&
	    filled(r, level, counted, who + 1, chosen | 1u << who, missing - 1))
		return true;
	return filled(r, level, counted, who + 1, chosen, missing);
}

/* Every way to approve a request of person 0, tried person by person. */
static bool
by_trying(struct role r)
{
	for (unsigned l = 0; l < r.levels; l++)
		r.teams[l] &= ~1u;
	return filled(&r, 0, 0, 0, 0, r.need[0]);
}

static bool
by_policy(const struct role *r)
{
	struct lb_report report = {.found = NULL};
	struct lb_policy_source *s = lb_policy_source_new();
	struct lb_policy *policy = NULL;
	char text[4096];
	size_t n = 0;

#define ADD(...) n += (size_t)snprintf(text + n, sizeof text - n, __VA_ARGS__)
	for (unsigned i = 0; i < PERSONS; i++)
		ADD("identity p%u { unix-user = \"u%u\" }\n", i, i + 2);
	ADD("team asks { members = {\"p0\"} }\n");
	for (unsigned l = 0; l < r->levels; l++) {
		ADD("team t%u { members = {", l);
		for (unsigned i = 0; i < PERSONS; i++)
			if ((r->teams[l] & 1u << i) != 0)
				ADD("\"p%u\",", i);
		ADD("} }\n");
	}
	ADD("role r { requesters = {\"asks\"}\n");
	for (unsigned l = 0; l < r->levels; l++)
		ADD("level l%u { approvers = {\"t%u\"} approvals = %u same-person = %s }\n", l, l,
		    r->need[l], r->same[l] ? "true" : "false");
	ADD("}\n");
	for (size_t i = 0; i < sizeof users / sizeof users[0]; i++)
		ok(lb_policy_source_add_user(s, users[i].name, users[i].uid));
	ok(lb_policy_source_add_text(s, "p.conf", text, n, false));
	if (lb_policy_parse(s, &report, &policy) != LB_OK)
		assert_int_equal(report.errors, 1);
	lb_policy_source_free(s);
	lb_policy_free(policy);
	return policy != NULL;
}

static void
a_role_is_refused_just_when_no_choice_of_people_could_approve_it(void **state)
{
	uint64_t seed = 20261122;
	unsigned fine = 0, all = 3000;

	(void)state;
	for (unsigned i = 0; i < all; i++) {
		struct role r = {0};

#define PICK(n)                                                                                    \
	(seed = seed * 6364136223846793005u + 1442695040888963407u, (unsigned)(seed >> 33) % (n))
		r.levels = 1 + PICK(LEVELS_MAX);
		for (unsigned l = 0; l < r.levels; l++) {
			r.need[l] = 1 + PICK(2);
			r.same[l] = PICK(3) == 0;
			r.teams[l] = PICK(1u << PERSONS);
		}
		if (by_policy(&r) != by_trying(r))
			fail_msg("role %u: %s by trying", i, by_trying(r) ? "fine" : "hopeless");
		fine += by_trying(r);
	}
	assert_in_range(fine, all / 10, all - all / 10); /* both kinds were there */
}

#define MANY(first, then)                                                                          \
	PEOPLE "identity u2 { unix-user = \"u2\" } identity u3 { unix-user = \"u3\" }\n"           \
	       "identity u4 { unix-user = \"u4\" } identity u5 { unix-user = \"u5\" }\n"           \
	       "identity u6 { unix-user = \"u6\" } identity u7 { unix-user = \"u7\" }\n"           \
	       "identity u8 { unix-user = \"u8\" } identity u9 { unix-user = \"u9\" }\n"           \
	       "identity mallory { unix-user = \"mallory\" }\n"                                    \
	       "team engineers { members = {\"alice\"} }\n"                                        \
	       "team auditors { members = {} }\n"                                                  \
	       "team all { members = {\"u2\", \"u3\", \"u4\", \"u5\", \"u6\", \"u7\", \"u8\",\n"   \
	       " \"u9\", \"bob\", \"carol\", \"dave\", \"frank\", \"mallory\"} }\n"                \
	       "role change { requesters = {\"engineers\"}\n"                                      \
	       " level one { approvers = {\"all\"} approvals = " first " }\n"                      \
	       " level two { approvers = {\"all\"} approvals = " then " } }\n"

/* A policy that asks for more only ever adds to what a request took; what is kept of it has an end. */
static void
no_more_approvals_are_taken_than_can_be_kept(void **state)
{
	static const char *const who[] = {"u2", "u3", "u4",  "u5",   "u6",    "u7",
					  "u8", "u9", "bob", "dave", "carol", "frank"};
	struct fixture *f = *state;
	uint64_t id;

	change_policy(f, MANY("7", "1"));
	id = asked(f, "alice");
	change_policy(f, MANY("1", "7"));
	for (size_t i = 0; i < LB_APPROVALS_MAX; i++)
		answered(act(f, who[i], LB_MSG_APPROVE, id, ""));
	assert_int_equal(f->a.grant.need, 14);
	refused(act(f, "mallory", LB_MSG_APPROVE, id, ""), LB_OVER_LIMIT,
		"as many approvals as can be kept");
	assert_int_equal(stored(f, id).state, LB_STATE_PENDING);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define KEPT(test) cmocka_unit_test_setup_teardown(test, setup, fixture_teardown)
		KEPT(levels_are_asked_in_their_order),
		KEPT(nobody_counts_for_two_levels),
		KEPT(unless_the_level_allows_it),
		KEPT(nobody_counts_for_his_own_at_any_level),
		KEPT(a_denial_at_any_level_ends_it),
		KEPT(a_level_that_loses_an_approval_is_asked_again),
		KEPT(what_was_asked_under_other_levels_must_be_asked_anew),
		KEPT(a_role_tells_its_levels),
		cmocka_unit_test(a_role_is_refused_just_when_no_choice_of_people_could_approve_it),
		KEPT(no_more_approvals_are_taken_than_can_be_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
