/* A policy that the warden hands over: put into force and recorded whole, or the one before stays. */
#include "keeper_fixture.h"

static struct lb_policy_source *
source_of(const char *text, bool with_keys_user)
{
	struct lb_policy_source *s = lb_policy_source_new();

	for (size_t i = 0; i < sizeof users / sizeof users[0]; i++)
		if (with_keys_user || users[i].uid != KEYS_UID)
			ok(lb_policy_source_add_user(s, users[i].name, users[i].uid));
	ok(lb_policy_source_add_group(s, "adm", 4));
	ok(lb_policy_source_add_group(s, "games", 60));
	ok(lb_policy_source_add_text(s, "lockbox.conf", host_text, strlen(host_text), true));
	ok(lb_policy_source_add_text(s, "people.conf", text, strlen(text), false));
	return s;
}

static int
take(struct fixture *f, const char *text, bool with_keys_user)
{
	struct lb_policy_source *s = source_of(text, with_keys_user);
	uint8_t *packed;
	size_t size;
	int err;

	ok(lb_policy_source_pack(s, &packed, &size));
	err = lb_keeper_take_policy(&f->k, packed, size);
	free(packed);
	lb_policy_source_free(s);
	return err;
}

static void
a_new_policy_is_recorded_and_takes_away_what_it_no_longer_allows(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "op");

	ok(take(f, policy_text, true));
	recorded(f, "policy", 0, "");
	assert_int_equal(f->k.keys_uid, KEYS_UID);
	assert_int_equal(stored(f, id).state, LB_STATE_ACTIVE);
	ok(take(f, policy_without_alice_in_team, true));
	assert_int_equal(stored(f, id).state, LB_STATE_ENDING);
}

static void
without_the_user_that_looks_keys_up_nobody_is_it(void **state)
{
	struct fixture *f = *state;

	ok(take(f, policy_text, false));
	assert_int_equal(f->k.keys_uid, LB_POLICY_NO_ID);
}

static void
what_is_no_policy_leaves_the_one_in_force(void **state)
{
	struct fixture *f = *state;
	const struct lb_policy *before = f->k.policy;
	uint64_t seq = last_record(f, NULL);
	static const uint8_t garbage[64] = {1, 2, 3};

	assert_int_not_equal(lb_keeper_take_policy(&f->k, garbage, sizeof garbage), LB_OK);
	assert_int_not_equal(take(f, "role {", true), LB_OK);
	assert_ptr_equal(f->k.policy, before);
	assert_int_equal(last_record(f, NULL), seq);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit(a_new_policy_is_recorded_and_takes_away_what_it_no_longer_allows),
		unit(without_the_user_that_looks_keys_up_nobody_is_it),
		unit(what_is_no_policy_leaves_the_one_in_force),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
