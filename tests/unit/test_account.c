/* The warden's own table of accounts: see lockboxd/warden/account.h. */
#include "keeper_fixture.h"

#include "warden/account.h"

#define BOOT (1000 * NS)

struct table {
	struct lb_accounts all;
	struct lb_policy *policy;
};

static int
table_setup(void **state)
{
	struct table *t = calloc(1, sizeof *t);

	if (t == NULL || sodium_init() < 0)
		return -1;
	t->policy = parse(policy_text);
	*state = t;
	return 0;
}

static int
table_teardown(void **state)
{
	struct table *t = *state;

	while (t->all.count > 0)
		lb_accounts_drop(&t->all, t->all.at[t->all.count - 1]);
	free(t->all.at);
	free(t->all.roles);
	lb_policy_free(t->policy);
	free(t);
	return 0;
}

/* What the keeper asks for when alice has claimed op, one hour long. */
static struct lb_ipc_account
proper(uint32_t serial)
{
	struct lb_ipc_account m = {.grant = serial,
				   .uid = LB_ACCOUNT_UID_FIRST + serial,
				   .role_gid = LB_UID_FIRST,
				   .identity = "alice",
				   .role = "op",
				   .end_wall_ns = (uint64_t)(1700000000 * NS),
				   .end_boot_ns = (uint64_t)(BOOT + 3600 * NS),
				   .fresh = 1};

	ok(lb_account_name(m.name, "alice", serial));
	return m;
}

static struct lb_account *
admitted(struct table *t, const struct lb_ipc_account *m)
{
	struct lb_account *a = NULL;
	const char *why = NULL;

	if (lb_accounts_admit(&t->all, t->policy, m, BOOT, &a, &why) != LB_OK)
		fail_msg("uid %u is refused: %s", m->uid, why);
	assert_non_null(a);
	return a;
}

static void
not_admitted_at(struct table *t, const struct lb_ipc_account *m, const char *words, int line)
{
	struct lb_account *a = NULL;
	const char *why = "";
	size_t count = t->all.count;
	int err = lb_accounts_admit(&t->all, t->policy, m, BOOT, &a, &why);

	if (err != LB_ERR_REFUSED || strstr(why, words) == NULL)
		fail_msg("line %d: %d, %s", line, err, why);
	assert_null(a);
	assert_int_equal(t->all.count, count);
}
#define not_admitted(t, m, words) not_admitted_at(t, m, words, __LINE__)

/* A path is the warden's own policy's; who is only to be ended may have had any of them. */
static void
an_account_has_the_path_of_its_resource(void **state)
{
	static const char files[] = PEOPLE MALLORY TEAMS("\"alice\", \"mallory\"") OP("\"adm\"")
		OTHER_ROLES "role files { requesters = {\"engineers\"} approvers = {\"leads\"}\n"
			    " resource log { path = \"/srv/log\" }\n"
			    " resource edit { path = \"/srv/edit\" access = write }\n"
			    " resource none { groups = {\"adm\"} } }\n";
	struct table *t = *state;
	struct lb_ipc_account m = proper(1);
	struct lb_ipc_evict gone = {.grant = 9, .uid = LB_ACCOUNT_UID_FIRST + 9};
	struct lb_account *a;

	lb_policy_free(t->policy);
	t->policy = parse(files);
	assert_int_equal(admitted(t, &m)->nacl, 0);
	m = proper(2);
	snprintf(m.role, sizeof m.role, "files--log");
	m.role_gid++;
	a = admitted(t, &m);
	assert_int_equal(a->nacl, 1);
	assert_string_equal(a->acl[0].path, "/srv/log");
	assert_false(a->acl[0].write);
	m = proper(3);
	snprintf(m.role, sizeof m.role, "files--edit");
	m.role_gid += 2;
	a = admitted(t, &m);
	assert_string_equal(a->acl[0].path, "/srv/edit");
	assert_true(a->acl[0].write);
	ok(lb_account_name(gone.name, "alice", 9));
	ok(lb_accounts_adopt(&t->all, t->policy, &gone, &a));
	assert_int_equal(a->nacl, 2);
	assert_false(lb_policy_role_same(lb_policy_role(t->policy, "files--log"),
					 lb_policy_role(t->policy, "files--edit")));
}

static void
a_proper_account_comes_in_with_what_its_role_carries(void **state)
{
	struct table *t = *state;
	struct lb_ipc_account m = proper(1);
	struct lb_account *a = admitted(t, &m);

	assert_int_equal(a->state, LB_ACCOUNT_CHECKING);
	assert_int_equal(a->uid, m.uid);
	assert_string_equal(a->name, "lb-alice-1");
	assert_string_equal(a->home, "/home/lb-alice-1");
	assert_string_equal(a->shell, "/bin/bash");
	assert_int_equal(a->ngroups, 2);
	assert_int_equal(a->groups[0], LB_UID_FIRST);
	assert_int_equal(a->groups[1], 4); /* adm */
	assert_int_equal(a->end_boot_ns, BOOT + 3600 * NS);
	assert_int_equal(a->warn_boot_ns, BOOT + 3300 * NS);
	assert_ptr_equal(lb_accounts_find(&t->all, m.uid), a);
	assert_false(lb_account_ending(a));
}

static void
time_that_counts_from_the_first_login_may_begin_within_the_claim_window(void **state)
{
	struct table *t = *state;
	struct lb_ipc_account m = proper(1);

	m.end_boot_ns = (uint64_t)(BOOT + 5 * 3600 * NS);
	not_admitted(t, &m, "longer than the role's maximum");
	lb_policy_free(t->policy);
	t->policy = parse(PEOPLE MALLORY TEAMS("\"alice\"")
				  OP_WITH("max-duration = \"4h\" starts = first-login "
					  "claim-window = \"1h\"") OTHER_ROLES);
	admitted(t, &m);
	m.fresh = 0;
	m.end_boot_ns = (uint64_t)(BOOT + 5 * 3600 * NS + 6 * NS);
	not_admitted(t, &m, "longer than the role's maximum");
}

static void
an_end_moves_later_as_far_as_the_role_allows_and_is_warned_of_anew(void **state)
{
	struct table *t = *state;
	struct lb_ipc_account m = proper(1);
	struct lb_account *a = admitted(t, &m);

	a->state = LB_ACCOUNT_LIVE;
	a->warn_boot_ns = 0; /* the warning is out */
	m.fresh = 0;
	m.end_boot_ns += 900 * (uint64_t)NS;
	m.end_wall_ns += 900 * (uint64_t)NS;
	assert_ptr_equal(admitted(t, &m), a);
	assert_int_equal(a->state, LB_ACCOUNT_LIVE);
	assert_int_equal(a->end_boot_ns, BOOT + 4500 * NS);
	assert_int_equal(a->warn_boot_ns, BOOT + 4200 * NS);
	m.end_boot_ns = (uint64_t)(BOOT + (4 * 3600 + 6) * NS);
	not_admitted(t, &m, "longer than the role's maximum");
	a->state = LB_ACCOUNT_ENDING;
	m.end_boot_ns = (uint64_t)(BOOT + 5000 * NS);
	not_admitted(t, &m, "being ended");
}

static void
a_role_with_resources_comes_in_for_one_of_them_only(void **state)
{
	struct table *t = *state;
	struct lb_ipc_account m = proper(1);

	lb_policy_free(t->policy);
	t->policy = parse(PEOPLE MALLORY TEAMS(
		"\"alice\"") "role op { requesters = {\"engineers\"} approvers = {\"leads\"} "
			     "resource a { groups = {\"adm\"} } resource b { groups = {\"games\"} "
			     "} "
			     "}\n");
	not_admitted(t, &m, "one of its resources only");
	strcpy(m.role, "op--b");
	assert_int_equal(admitted(t, &m)->groups[1], 60); /* games */
	strcpy(m.role, "op--c");
	m.uid++;
	not_admitted(t, &m, "no such role");
}

static void
a_short_grant_is_warned_of_in_its_last_quarter(void **state)
{
	struct table *t = *state;
	struct lb_ipc_account m = proper(1);

	m.end_boot_ns = (uint64_t)(BOOT + 20 * NS);
	assert_int_equal(admitted(t, &m)->warn_boot_ns, BOOT + 15 * NS);
}

/* Each row changes one thing of a message that is taken before and after. */
static void
each_fault_alone_is_refused(void **state)
{
	struct table *t = *state;
	struct lb_ipc_account good = proper(5), m;
	static const uint32_t bad_uids[] =
		{0, 1000, LB_UID_FIRST, LB_ACCOUNT_UID_FIRST - 1, LB_UID_LAST + 1, UINT32_MAX},
			      bad_gids[] = {
				      0, 4, 27, LB_UID_FIRST - 1, LB_ACCOUNT_UID_FIRST, UINT32_MAX};
	static const char *const bad_names[] = {"",	    "root",  "lb-alice-6", "lb-alice-05",
						"lb-bob-5", "alice", "lb-alice-5x"};
	static const uint64_t bad_ends[] = {0, (uint64_t)INT64_MAX + 1, UINT64_MAX};

#define TRY(change, words)                                                                         \
	do {                                                                                       \
		m = good;                                                                          \
		lb_accounts_drop(&t->all, admitted(t, &m));                                        \
		t->all.last_uid = 0;                                                               \
		change;                                                                            \
		not_admitted(t, &m, words);                                                        \
	} while (0)
	TRY(strcpy(m.role, "no-such"), "no such role");
	TRY(strcpy(m.role, ""), "no such role");
	TRY(strcpy(m.identity, "zoe"), "no such identity");
	TRY(strcpy(m.identity, ""), "no such identity");
	TRY(strcpy(m.identity, "bob"), "may not have this role");
	TRY(strcpy(m.role, "mixed"), "may not have this role");
	TRY(strcpy(m.identity, "mallory"),
	    "does not belong"); /* may have it, but the name is another's */
	for (size_t i = 0; i < sizeof bad_uids / sizeof bad_uids[0]; i++)
		TRY(m.uid = bad_uids[i], "outside the account range");
	TRY(m.uid++, "does not belong");
	for (size_t i = 0; i < sizeof bad_names / sizeof bad_names[0]; i++)
		TRY(strcpy(m.name, bad_names[i]), "does not belong");
	for (size_t i = 0; i < sizeof bad_gids / sizeof bad_gids[0]; i++)
		TRY(m.role_gid = bad_gids[i], "outside the role range");
	for (size_t i = 0; i < sizeof bad_ends / sizeof bad_ends[0]; i++) {
		TRY(m.end_wall_ns = bad_ends[i], "the end is no time");
		TRY(m.end_boot_ns = bad_ends[i], "the end is no time");
	}
	TRY(m.end_boot_ns = (uint64_t)(BOOT + 4 * 3600 * NS + 6 * NS),
	    "longer than the role's maximum");
	TRY(m.end_boot_ns = (uint64_t)INT64_MAX, "longer than the role's maximum");
	m = good;
	m.end_boot_ns = (uint64_t)(BOOT + 4 * 3600 * NS);
	admitted(t, &m);
}

static void
a_role_has_one_gid_and_a_gid_one_role(void **state)
{
	struct table *t = *state;
	struct lb_ipc_account m = proper(1);

	admitted(t, &m);
	m = proper(2);
	m.role_gid++;
	not_admitted(t, &m, "gid belongs to another role");
	m = proper(2);
	strcpy(m.role, "duo");
	not_admitted(t, &m, "gid belongs to another role");
	m.role_gid++;
	m.end_boot_ns = (uint64_t)(BOOT + 60 * NS);
	admitted(t, &m);
	m = proper(3);
	admitted(t, &m);
}

static void
a_uid_that_has_ended_never_comes_again(void **state)
{
	struct table *t = *state;
	struct lb_ipc_account m = proper(5), lower = proper(4), higher = proper(6);
	struct lb_account *a = admitted(t, &m);

	lb_accounts_drop(&t->all, a);
	for (uint8_t fresh = 0; fresh < 2; fresh++) {
		m.fresh = lower.fresh = fresh;
		not_admitted(t, &m, "used before");
		not_admitted(t, &lower, "used before");
	}
	admitted(t, &higher);
	/* What is there already stays, whatever ended beside it. */
	{
		struct lb_ipc_account late = proper(8);

		lb_accounts_drop(&t->all, admitted(t, &late));
		higher.fresh = 0;
		admitted(t, &higher);
	}
}

static void
an_account_that_is_there_is_told_again_but_not_for_another_grant(void **state)
{
	struct table *t = *state;
	struct lb_ipc_account m = proper(1);
	struct lb_account *a = admitted(t, &m);

	not_admitted(t, &m, "another grant"); /* fresh, and yet there */
	m.fresh = 0;
	m.end_boot_ns += (uint64_t)(600 * NS);
	assert_ptr_equal(admitted(t, &m), a);
	assert_int_equal(a->end_boot_ns, BOOT + 4200 * NS);
	m.grant++;
	not_admitted(t, &m, "another grant");
	m.grant--;
	strcpy(m.role, "duo");
	m.role_gid++;
	m.end_boot_ns = (uint64_t)(BOOT + NS);
	not_admitted(t, &m, "another grant");
	m = proper(1);
	m.fresh = 0;
	for (int s = LB_ACCOUNT_ENDING; s <= LB_ACCOUNT_GONE; s++) {
		a->state = (enum lb_account_state)s;
		not_admitted(t, &m, "is being ended");
	}
}

static void
telling_again_and_again_does_not_go_beyond_the_roles_maximum(void **state)
{
	struct table *t = *state;
	struct lb_ipc_account m = proper(1);
	struct lb_account *a = admitted(t, &m), *again;
	const char *why;
	int64_t now = BOOT;

	m.fresh = 0;
	/* Every hour, one hour more: the first three are within the four that the role allows. */
	for (int hour = 1; hour < 10; hour++) {
		int err;

		now += 3600 * NS;
		m.end_boot_ns = (uint64_t)(now + 3600 * NS);
		err = lb_accounts_admit(&t->all, t->policy, &m, now, &again, &why);
		assert_int_equal(err, hour < 4 ? LB_OK : LB_ERR_REFUSED);
	}
	assert_int_equal(a->end_boot_ns, BOOT + 4 * 3600 * NS);
}

static void
an_account_of_an_earlier_warden_is_adopted_only_to_be_ended(void **state)
{
	struct table *t = *state;
	struct lb_ipc_evict e = {.grant = 9, .uid = LB_ACCOUNT_UID_FIRST + 7, .name = "lb-alice-7"};
	struct lb_account *a = NULL;
	static const struct {
		uint32_t uid;
		const char *name;
	} bad[] = {{0, "root"},
		   {1000, "alice"},
		   {LB_ACCOUNT_UID_FIRST + 7, "lb-alice-8"},
		   {LB_ACCOUNT_UID_FIRST + 8, "lb-alice-7"},
		   {LB_ACCOUNT_UID_FIRST + 7, "alice"},
		   {LB_ACCOUNT_UID_FIRST + 7, ""},
		   {LB_UID_FIRST + 7, "lb-alice-7"},
		   {LB_UID_LAST + 7, "lb-alice-7"},
		   {UINT32_MAX, "lb-alice-7"},
		   {LB_ACCOUNT_UID_FIRST + 7, "lb-alice-007"}};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct lb_ipc_evict m = {.uid = bad[i].uid};

		strcpy(m.name, bad[i].name);
		assert_int_equal(lb_accounts_adopt(&t->all, t->policy, &m, &a), LB_ERR_REFUSED);
		assert_null(a);
		assert_int_equal(t->all.count, 0);
	}
	ok(lb_accounts_adopt(&t->all, t->policy, &e, &a));
	assert_true(lb_account_ending(a));
	assert_false(lb_account_published(a));
	assert_string_equal(a->home, "/home/lb-alice-7");
	{
		struct lb_ipc_account m = proper(7);

		m.fresh = 0;
		m.grant = 9;
		not_admitted(t, &m, "");
	}
}

static void
connections_are_kept_up_to_a_number_and_their_descriptors_closed(void **state)
{
	struct table *t = *state;
	struct lb_ipc_account m = proper(1);
	struct lb_account *a = admitted(t, &m);
	int first = open("/dev/null", O_RDONLY);

	for (int i = 0; i < 200; i++)
		ok(lb_account_add_connection(a, i, open("/dev/null", O_RDONLY)));
	assert_int_equal(a->nconnections, 64);
	assert_int_equal(a->connections[63].pid, 199);
	lb_accounts_drop(&t->all, a);
	close(first);
	{
		int next = open("/dev/null", O_RDONLY);

		assert_int_equal(next, first); /* so all were closed */
		close(next);
	}
}

static void
ten_thousand_stay_in_order_whatever_the_order_they_come_and_go_in(void **state)
{
	enum { MANY = 10000 };
	struct table *t = *state;
	static uint32_t serial[MANY];

	srandom(3);
	for (uint32_t i = 0; i < MANY; i++)
		serial[i] = i + 1;
	for (uint32_t i = MANY - 1; i > 0; i--) {
		uint32_t j = (uint32_t)random() % (i + 1), s = serial[i];

		serial[i] = serial[j];
		serial[j] = s;
	}
	for (uint32_t i = 0; i < MANY; i++) {
		struct lb_ipc_evict e = {.uid = lb_account_uid(serial[i])};
		struct lb_account *a;

		ok(lb_account_name(e.name, "alice", serial[i]));
		ok(lb_accounts_adopt(&t->all, t->policy, &e, &a));
	}
	assert_int_equal(t->all.count, MANY);
	for (uint32_t i = 0; i < MANY; i += 2)
		lb_accounts_drop(&t->all, lb_accounts_find(&t->all, lb_account_uid(serial[i])));
	assert_int_equal(t->all.count, MANY / 2);
	for (size_t i = 1; i < t->all.count; i++)
		assert_true(t->all.at[i - 1]->uid < t->all.at[i]->uid);
	for (uint32_t i = 0; i < MANY; i++) {
		struct lb_account *a = lb_accounts_find(&t->all, lb_account_uid(serial[i]));

		assert_int_equal(a != NULL, i % 2 == 1);
		if (a != NULL)
			assert_int_equal(a->uid, lb_account_uid(serial[i]));
	}
}

#define table(test) cmocka_unit_test_setup_teardown(test, table_setup, table_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		table(a_proper_account_comes_in_with_what_its_role_carries),
		table(an_account_has_the_path_of_its_resource),
		table(a_short_grant_is_warned_of_in_its_last_quarter),
		table(time_that_counts_from_the_first_login_may_begin_within_the_claim_window),
		table(an_end_moves_later_as_far_as_the_role_allows_and_is_warned_of_anew),
		table(a_role_with_resources_comes_in_for_one_of_them_only),
		table(each_fault_alone_is_refused),
		table(a_role_has_one_gid_and_a_gid_one_role),
		table(a_uid_that_has_ended_never_comes_again),
		table(an_account_that_is_there_is_told_again_but_not_for_another_grant),
		table(telling_again_and_again_does_not_go_beyond_the_roles_maximum),
		table(an_account_of_an_earlier_warden_is_adopted_only_to_be_ended),
		table(connections_are_kept_up_to_a_number_and_their_descriptors_closed),
		table(ten_thousand_stay_in_order_whatever_the_order_they_come_and_go_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
