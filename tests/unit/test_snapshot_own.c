/* Own accounts in the snapshot: the builder's checks, the reader's, and every byte damaged. */
#include <stdio.h>

#include "test_snapshot.h"

#define WALL (2000000000 * SEC)
#define BOOT (1000 * SEC)
#define MANY 3000u

static const uint32_t two[] = {DB, 24}, numbers[] = {1, 77, UINT32_MAX - 1};
static const struct lb_snapshot_own people[] = {
	{"alice", WALL, BOOT, two, 2, numbers, 3},
	{"a", WALL, BOOT, two, 1, NULL, 0},
	{"_a-name-of-thirty-two-letters-xx", WALL - 1, BOOT - 1, NULL, 0, numbers, 1},
};
#define PEOPLE (sizeof people / sizeof people[0])

static unsigned char *
build(const struct lb_snapshot_own *own, size_t n, size_t *size)
{
	struct lb_snapshot_account a[TEST_ACCOUNTS];
	const char *why = "";
	void *buf = NULL;

	test_accounts(a, WALL, BOOT);
	if (lb_snapshot_build_own(a, TEST_ACCOUNTS, test_roles, TEST_ROLES, own, n, &buf, size,
				  &why) != LB_OK)
		fail_msg("%s", why);
	return buf;
}

static struct lb_snapshot_sessions sessions; /* of whom find() found */

static int
find(const struct lb_snapshot *s, const char *name, struct lb_snapshot_user *u)
{
	return lb_snapshot_own_by_name(s, name, strlen(name), u, &sessions);
}

static void
those_there_are_are_found_and_nobody_else(void **state)
{
	static const char *const nobody[] = {"",
					     "alic",
					     "alicf",
					     "alicex",
					     "root",
					     "lb-anna-7",
					     "lbr-db",
					     "b",
					     "_a-name-of-thirty-two-letters-x",
					     "_a-name-of-thirty-two-letters-xxx"};
	struct lb_snapshot_user u = {0};
	struct lb_snapshot s;
	size_t size;
	unsigned char *buf = build(people, PEOPLE, &size);

	(void)state;
	assert_int_equal(lb_snapshot_open(&s, buf, size), LB_OK);
	assert_int_equal(lb_snapshot_verify(&s), LB_OK);
	for (size_t i = 0; i < PEOPLE; i++) {
		assert_int_equal(find(&s, people[i].name, &u), LB_OK);
		assert_int_equal(u.end_wall_ns, people[i].end_wall_ns);
		assert_int_equal(u.end_boot_ns, people[i].end_boot_ns);
		assert_int_equal(u.ngroups, people[i].ngroups);
		for (uint32_t k = 0; k < u.ngroups; k++)
			assert_int_equal(lb_snapshot_user_group(&u, k), people[i].groups[k]);
		assert_int_equal(sessions.count, people[i].nsessions);
		for (uint32_t k = 0; k < sessions.count; k++)
			assert_true(lb_snapshot_session_among(&sessions, people[i].sessions[k]));
		assert_false(lb_snapshot_session_among(&sessions, 0));
		assert_false(lb_snapshot_session_among(&sessions, 2));
		assert_false(lb_snapshot_session_among(&sessions, DB));
		assert_false(lb_snapshot_session_among(&sessions, UINT32_MAX));
		assert_int_equal(u.uid, 0);
		assert_int_equal(
			lb_snapshot_user_by_name(&s, people[i].name, strlen(people[i].name), &u),
			LB_ERR_NOT_FOUND);
	}
	for (size_t i = 0; i < sizeof nobody / sizeof nobody[0]; i++)
		assert_int_equal(find(&s, nobody[i], &u), LB_ERR_NOT_FOUND);
	free(buf);
	buf = build(NULL, 0, &size);
	assert_int_equal(lb_snapshot_open(&s, buf, size), LB_OK);
	assert_int_equal(s.own_at, size);
	assert_int_equal(find(&s, "alice", &u), LB_ERR_NOT_FOUND);
	free(buf);
}

static void
many_are_found_each(void **state)
{
	static char name[MANY][12];
	static struct lb_snapshot_own own[MANY];
	struct lb_snapshot_user u;
	struct lb_snapshot s;
	unsigned char *buf;
	size_t size;

	(void)state;
	for (uint32_t i = 0; i < MANY; i++) {
		snprintf(name[i], sizeof name[i], "u%u", i);
		own[i] = (struct lb_snapshot_own){name[i], WALL, BOOT, two, 2, numbers, 1};
	}
	buf = build(own, MANY, &size);
	assert_int_equal(lb_snapshot_open(&s, buf, size), LB_OK);
	assert_int_equal(lb_snapshot_verify(&s), LB_OK);
	for (uint32_t i = 0; i < MANY; i++)
		assert_int_equal(find(&s, name[i], &u), LB_OK);
	assert_int_equal(find(&s, "u3000", &u), LB_ERR_NOT_FOUND);
	free(buf);
}

static void
what_may_not_be_is_not_built(void **state)
{
	static const uint32_t zero[] = {0}, minus[] = {UINT32_MAX}, private[] = {ANNA},
			      unlisted[] = {LB_UID_FIRST + 9}, twice[] = {24, 24}, many[1025];
	static const struct {
		struct lb_snapshot_own own;
		int err;
	} bad[] = {
		{{"root", WALL, BOOT, two, 2, NULL, 0}, LB_ERR_MALFORMED},
		{{"lb-anna-7", WALL, BOOT, two, 2, NULL, 0}, LB_ERR_MALFORMED},
		{{"lbr-db", WALL, BOOT, two, 2, NULL, 0}, LB_ERR_MALFORMED},
		{{"", WALL, BOOT, two, 2, NULL, 0}, LB_ERR_MALFORMED},
		{{NULL, WALL, BOOT, two, 2, NULL, 0}, LB_ERR_MALFORMED},
		{{"a:b", WALL, BOOT, two, 2, NULL, 0}, LB_ERR_MALFORMED},
		{{"_a-name-of-thirty-two-letters-xxx", WALL, BOOT, two, 2, NULL, 0},
		 LB_ERR_MALFORMED},
		{{"bob", 0, BOOT, two, 2, NULL, 0}, LB_ERR_MALFORMED},
		{{"bob", WALL, -1, two, 2, NULL, 0}, LB_ERR_MALFORMED},
		{{"bob", WALL, BOOT, zero, 1, NULL, 0}, LB_ERR_MALFORMED},
		{{"bob", WALL, BOOT, minus, 1, NULL, 0}, LB_ERR_MALFORMED},
		{{"bob", WALL, BOOT, private, 1, NULL, 0}, LB_ERR_MALFORMED},
		{{"bob", WALL, BOOT, unlisted, 1, NULL, 0}, LB_ERR_MALFORMED},
		{{"bob", WALL, BOOT, twice, 2, NULL, 0}, LB_ERR_EXISTS},
		{{"bob", WALL, BOOT, two, 257, NULL, 0}, LB_ERR_TOO_LONG},
		{{"alice", WALL, BOOT, two, 2, NULL, 0}, LB_ERR_EXISTS},
		{{"bob", WALL, BOOT, two, 2, zero, 1}, LB_ERR_MALFORMED},
		{{"bob", WALL, BOOT, two, 2, minus, 1}, LB_ERR_MALFORMED},
		{{"bob", WALL, BOOT, two, 2, many, 1025}, LB_ERR_TOO_LONG},
	};
	size_t size;
	void *buf;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct lb_snapshot_own both[] = {people[0], bad[i].own};
		const char *why = NULL;

		assert_int_equal(lb_snapshot_build_own(NULL, 0, test_roles, TEST_ROLES, both, 2,
						       &buf, &size, &why),
				 bad[i].err);
		assert_non_null(why);
	}
	assert_int_equal(lb_snapshot_build_own(NULL, 0, NULL, 0, people, LB_SNAPSHOT_OWN_MAX + 1,
					       &buf, &size, NULL),
			 LB_ERR_TOO_LONG);
}

/* Whatever byte is wrong, nobody gets a group that was not written, and the writer's check sees it. */
static void
each_damaged_byte_is_noticed(void **state)
{
	struct lb_snapshot_user u;
	struct lb_snapshot s;
	size_t size;
	unsigned char *buf = build(people, PEOPLE, &size);

	(void)state;
	assert_int_equal(lb_snapshot_open(&s, buf, size), LB_OK);
	for (size_t at = s.own_at; at < size; at++) {
		buf[at] ^= 0x41;
		assert_int_equal(lb_snapshot_verify(&s), LB_ERR_DAMAGED);
		for (size_t i = 0; i < PEOPLE; i++)
			if (find(&s, people[i].name, &u) == LB_OK)
				for (uint32_t k = 0; k < u.ngroups; k++)
					assert_int_equal(lb_snapshot_user_group(&u, k),
							 people[i].groups[k]);
		assert_int_not_equal(find(&s, "mallory", &u), LB_OK);
		buf[at] ^= 0x41;
	}
	free(buf);
}

/* Numbers that lead nowhere, with every sum right. */
static void
numbers_outside_the_file_are_refused(void **state)
{
	static const struct {
		unsigned at;
		uint32_t value;
	} headers[] = {{LB_SNAPSHOT_AT_OWN, 64},
		       {LB_SNAPSHOT_AT_OWN, 1u << 30},
		       {LB_SNAPSHOT_AT_OWN, 0xffffffc0},
		       {LB_SNAPSHOT_AT_OWN_SLOTS, 0},
		       {LB_SNAPSHOT_AT_OWN_SLOTS, 1u << 26},
		       {LB_SNAPSHOT_AT_OWN_SLOTS, UINT32_MAX}},
	  slots[] = {{8, 64},		{8, UINT32_MAX},  {8, 0xffffffc0},  {12, 257},
		     {12, 1025u << 16}, {12, UINT32_MAX}, {20, 0x80000000}, {28, 0x80000000}};
	struct lb_snapshot_user u;
	struct lb_snapshot s;
	size_t size;
	unsigned char *buf = build(people, PEOPLE, &size), *copy = aligned_alloc(64, size);

	(void)state;
	for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
		memcpy(copy, buf, size);
		test_put32(copy + headers[i].at, headers[i].value);
		test_put64(copy + LB_SNAPSHOT_AT_SUM,
			   lb_snapshot_sum(copy + LB_SNAPSHOT_AT_SEED,
					   (LB_SNAPSHOT_HEADER - LB_SNAPSHOT_AT_SEED) / 8, 0, 0));
		assert_int_equal(lb_snapshot_open(&s, copy, size), LB_ERR_DAMAGED);
	}
	assert_int_equal(lb_snapshot_open(&s, buf, size), LB_OK);
	for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++) {
		memcpy(copy, buf, size);
		assert_int_equal(lb_snapshot_open(&s, copy, size), LB_OK);
		for (uint32_t k = 0; k < s.own_slots; k++) {
			uint32_t off = s.own_at + k * LB_SNAPSHOT_ALIGN;

			if (test_get32(copy + off + 8) == 0)
				continue;
			test_put32(copy + off + slots[i].at, slots[i].value);
			test_put64(copy + off, lb_snapshot_sum(copy + off + 8, 7, s.seed, off));
		}
		assert_int_equal(find(&s, "alice", &u), LB_ERR_DAMAGED);
	}
	free(copy);
	free(buf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_there_are_are_found_and_nobody_else),
		cmocka_unit_test(many_are_found_each),
		cmocka_unit_test(what_may_not_be_is_not_built),
		cmocka_unit_test(each_damaged_byte_is_noticed),
		cmocka_unit_test(numbers_outside_the_file_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
