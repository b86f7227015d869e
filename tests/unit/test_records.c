/* Records of the store, each rule of what is one broken in turn: such a record is neither written nor read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "err.h"
#include "fields.h"
#include "ipc.h"
#include "keeper/store.h"
#include "keeper/store_records.h"
#include "name.h"
#include "proto.h"

#define ok(call) assert_int_equal((call), LB_OK)

static uint8_t buf[LB_RECORD_MAX];
static size_t len;

/* Written and read back; then not at all once change has been at it. */
#define REFUSED(table, record, key, change)                                                        \
	do {                                                                                       \
		__typeof__(record) whole = (record), other = (record), back;                       \
		struct lb_key k = (key);                                                           \
                                                                                                   \
		ok(lb_record_encode(table, &k, &whole, buf, &len));                                \
		ok(lb_record_decode(table, k.bytes, k.size, buf, len, &back));                     \
		assert_memory_equal(&back, &whole, sizeof whole);                                  \
		{                                                                                  \
			__typeof__(other) *r = &other;                                             \
			change;                                                                    \
			(void)r;                                                                   \
		}                                                                                  \
		assert_int_equal(lb_record_encode(table, &k, &other, buf, &len),                   \
				 LB_ERR_MALFORMED);                                                \
	} while (0)

static struct lb_grant
a_grant(void)
{
	static struct lb_grant g;

	memset(&g, 0, sizeof g);
	g.id = 7;
	g.state = LB_STATE_ACTIVE;
	snprintf(g.identity, sizeof g.identity, "alice");
	snprintf(g.role, sizeof g.role, "op");
	snprintf(g.account, sizeof g.account, "lb-alice-1");
	g.uid = lb_account_uid(1);
	snprintf(g.customer, sizeof g.customer, "acme");
	g.levels = 2;
	snprintf(g.level[0].name, sizeof g.level[0].name, "leads");
	snprintf(g.level[0].teams, sizeof g.level[0].teams, "leads, oncall");
	g.level[0].need = 2;
	snprintf(g.level[1].name, sizeof g.level[1].name, "acme");
	g.level[1].need = 1;
	g.level[1].flags = LB_LEVEL_CUSTOMER;
	g.have = 2;
	for (uint8_t i = 0; i < 2; i++) {
		snprintf(g.approval[i].identity, sizeof g.approval[i].identity, "bob");
		g.approval[i].level = i;
		g.approval[i].at_s = 1700000000;
	}
	return g;
}

static void
a_grant_that_breaks_a_rule_is_no_record(void **state)
{
	const struct lb_key key = lb_key_u64(7);

	(void)state;
	REFUSED(LB_TABLE_GRANT, a_grant(), key, r->id = 0);
	REFUSED(LB_TABLE_GRANT, a_grant(), key, r->id = 8);
	REFUSED(LB_TABLE_GRANT, a_grant(), key, k.size--);
	REFUSED(LB_TABLE_GRANT, a_grant(), key, r->state = 0);
	REFUSED(LB_TABLE_GRANT, a_grant(), key, r->state = LB_STATE_COUNT);
	REFUSED(LB_TABLE_GRANT, a_grant(), key, r->identity[0] = 'A');
	REFUSED(LB_TABLE_GRANT, a_grant(), key, r->role[0] = '\0');
	REFUSED(LB_TABLE_GRANT, a_grant(), key, r->have = LB_APPROVALS_MAX + 1);
	REFUSED(LB_TABLE_GRANT, a_grant(), key, r->have = 3);
	REFUSED(LB_TABLE_GRANT, a_grant(), key, r->have = 0);
	REFUSED(LB_TABLE_GRANT, a_grant(), key, r->levels = LB_LEVELS_MAX + 1);
	REFUSED(LB_TABLE_GRANT, a_grant(), key, r->levels = 3);
	REFUSED(LB_TABLE_GRANT, a_grant(), key, r->levels = 1);
	REFUSED(LB_TABLE_GRANT, a_grant(), key, r->level[0].name[0] = '\0');
	REFUSED(LB_TABLE_GRANT, a_grant(), key, r->level[0].need = 0);
	REFUSED(LB_TABLE_GRANT, a_grant(), key, r->level[0].need = LB_APPROVALS_MAX + 1);
	REFUSED(LB_TABLE_GRANT, a_grant(), key, r->level[0].flags = 8);
	REFUSED(LB_TABLE_GRANT, a_grant(), key, r->level[1].flags |= LB_LEVEL_RULE);
	REFUSED(LB_TABLE_GRANT, a_grant(), key, r->rule[0] = 'r');
	REFUSED(LB_TABLE_GRANT, a_grant(), key, r->rule[0] = 'R'; r->levels = 0; r->have = 0);
	REFUSED(LB_TABLE_GRANT, a_grant(), key, r->level[0].flags = LB_LEVEL_CUSTOMER);
	REFUSED(LB_TABLE_GRANT, a_grant(), key, r->level[4].teams[0] = 'x');
	REFUSED(LB_TABLE_GRANT, a_grant(), key, r->customer[0] = 'b');
	REFUSED(LB_TABLE_GRANT, a_grant(), key, r->customer[0] = '\0');
	REFUSED(LB_TABLE_GRANT, a_grant(), key, r->approval[0].identity[0] = 'B');
	REFUSED(LB_TABLE_GRANT, a_grant(), key, r->approval[0].level = 1; r->approval[1].level = 0);
	REFUSED(LB_TABLE_GRANT, a_grant(), key, r->approval[1].level = 2);
	REFUSED(LB_TABLE_GRANT, a_grant(), key, r->approval[11].at_s = 1);
	REFUSED(LB_TABLE_GRANT, a_grant(), key, r->uid = 0);
	REFUSED(LB_TABLE_GRANT, a_grant(), key, r->uid = 1000);
	REFUSED(LB_TABLE_GRANT, a_grant(), key, r->account[0] = 'x');
	REFUSED(LB_TABLE_GRANT, a_grant(), key, r->end_s = 9223372037u);
	REFUSED(LB_TABLE_GRANT, a_grant(), key, r->otp = LB_OTP_VOID + 1);
	REFUSED(LB_TABLE_GRANT, a_grant(), key, r->port_forwarding = 2);
}

/* With the approvals of people, and no customer. */
static struct lb_grant
a_plain_grant(void)
{
	struct lb_grant g = a_grant();

	g.levels = g.have = 1;
	memset(&g.level[1], 0, sizeof g.level[1]);
	memset(&g.approval[1], 0, sizeof g.approval[1]);
	memset(g.customer, 0, sizeof g.customer);
	return g;
}

/* One that waits has no account yet. */
static struct lb_grant
a_request(void)
{
	struct lb_grant g = a_plain_grant();

	g.state = LB_STATE_PENDING;
	g.uid = 0;
	memset(g.account, 0, sizeof g.account);
	return g;
}

static struct lb_grant
on_an_own_account(void)
{
	struct lb_grant g = a_plain_grant();

	memset(g.account, 0, sizeof g.account);
	strcpy(g.account, "alice");
	strcpy(g.own, "alice");
	g.own_uid = 1000;
	return g;
}

static struct lb_grant
approved_by_rule(void)
{
	struct lb_grant g = a_plain_grant();

	strcpy(g.rule, "small");
	g.levels = g.have = 0;
	memset(&g.level[0], 0, sizeof g.level[0]);
	memset(&g.approval[0], 0, sizeof g.approval[0]);
	return g;
}

static struct lb_grant
break_glass(uint8_t review)
{
	struct lb_grant g = approved_by_rule();

	memset(g.rule, 0, sizeof g.rule);
	strcpy(g.customer, "acme"); /* who consented before */
	g.break_glass = 1;
	g.review = review;
	g.review_within_s = 3600;
	if (review != LB_REVIEW_OPEN) {
		g.review_due_s = 1700003600;
		g.reviewed_s = 1700000100;
		strcpy(g.reviewer, "bob");
		strcpy(g.remark, "was right");
	}
	return g;
}

static void
a_grant_of_each_kind_that_breaks_a_rule_is_no_record(void **state)
{
	const struct lb_key key = lb_key_u64(7);

	(void)state;
#define G LB_TABLE_GRANT
	REFUSED(G, a_plain_grant(), key, r->customer[0] = 'A');
	REFUSED(G, a_plain_grant(), key, r->approval[1].identity[0] = 'b');
	REFUSED(G, a_plain_grant(), key, r->approval[1].level = 1);
	REFUSED(G, a_plain_grant(), key, r->approval[1].statement = 1);
	REFUSED(G, a_plain_grant(), key, r->approval[1].key[0] = 'S');
	REFUSED(G, a_plain_grant(), key, r->approval[0].statement = 1; r->approval[0].key[0] = 'S');
	REFUSED(G, a_plain_grant(), key, r->own_uid = 1000);
	REFUSED(G, a_plain_grant(), key, r->start_s = 9223372037u);
	REFUSED(G, a_plain_grant(), key, r->starts = LB_STARTS_COUNT);
	REFUSED(G, a_plain_grant(), key, r->extends = 7);
	REFUSED(G, a_plain_grant(), key, r->extends = 6);
	REFUSED(G, a_plain_grant(), key, r->resource[0] = 'A');
	REFUSED(G, a_plain_grant(), key, r->review_due_s = 5);
	REFUSED(G, a_plain_grant(), key, r->review_within_s = 5);
	REFUSED(G, a_plain_grant(), key, r->review = LB_REVIEW_OPEN);
	REFUSED(G, a_plain_grant(), key, r->reviewed_s = 5);
	REFUSED(G, a_plain_grant(), key, r->reviewer[0] = 'b');
	REFUSED(G, a_plain_grant(), key, r->remark[0] = 'x');
#undef G
}

static void
a_grant_that_mixes_two_kinds_is_no_record(void **state)
{
	const struct lb_key key = lb_key_u64(7);

	(void)state;
#define G LB_TABLE_GRANT
	REFUSED(G, a_request(), key, r->own_uid = 1000);
	REFUSED(G, a_request(), key, r->account[0] = 'l');
	REFUSED(G, on_an_own_account(), key, r->own[0] = '/');
	REFUSED(G, on_an_own_account(), key, strcpy(r->account, "bob"));
	REFUSED(G, on_an_own_account(), key, r->own_uid = 0);
	REFUSED(G, approved_by_rule(), key, r->rule[0] = 'S');
	REFUSED(G, approved_by_rule(), key, r->levels = 1; r->level[0] = a_grant().level[0]);
	REFUSED(G, a_grant(), key, strcpy(r->rule, "small"));
	REFUSED(G, break_glass(LB_REVIEW_OPEN), key, r->break_glass = 2);
	REFUSED(G, break_glass(LB_REVIEW_OPEN), key, r->break_glass = 0);
	REFUSED(G, break_glass(LB_REVIEW_OPEN), key, r->review = LB_REVIEW_NONE);
	REFUSED(G, break_glass(LB_REVIEW_OPEN), key, r->review = LB_REVIEW_COUNT);
	REFUSED(G, break_glass(LB_REVIEW_OPEN), key, r->review = LB_REVIEW_JUSTIFIED);
	REFUSED(G, break_glass(LB_REVIEW_OPEN), key, r->review_within_s = 0);
	REFUSED(G, break_glass(LB_REVIEW_OPEN), key, r->review_due_s = UINT64_MAX);
	REFUSED(G, break_glass(LB_REVIEW_OPEN), key, r->reviewed_s = 5);
	REFUSED(G, break_glass(LB_REVIEW_OPEN), key, strcpy(r->reviewer, "bob"));
	REFUSED(G, break_glass(LB_REVIEW_OPEN), key, r->remark[0] = 'x');
	REFUSED(G, break_glass(LB_REVIEW_OPEN), key, r->uid = 0;
		memset(r->account, 0, sizeof r->account); r->extends = 6);
	REFUSED(G, break_glass(LB_REVIEW_JUSTIFIED), key, r->reviewed_s = 0);
	REFUSED(G, break_glass(LB_REVIEW_JUSTIFIED), key, r->review_due_s = 0);
	REFUSED(G, break_glass(LB_REVIEW_UNJUSTIFIED), key, strcpy(r->reviewer, "alice"));
	REFUSED(G, break_glass(LB_REVIEW_UNJUSTIFIED), key, r->reviewer[0] = 'B');
#undef G
}

static void
keys_that_no_store_makes_are_damage(void **state)
{
	static const struct lb_lapse l = {LB_LAPSE_PENDING, 5, "ann", "op"};
	static const struct {
		size_t at;
		uint8_t byte;
	} lapses[] = {{0, 0}, {0, LB_LAPSE_KINDS}, {8, 0}, {9, 'A'}, {13, 'O'}, {14, 0}, {14, '/'}},
	  people[] = {{0, 'A'}, {1, 0}, {3, 'x'}};
	struct lb_key key;
	struct lb_lapse read;
	char identity[LB_IDENTITY_MAX + 1];
	uint64_t id;

	(void)state;
	for (size_t i = 0; i < sizeof lapses / sizeof lapses[0]; i++) {
		key = lb_key_lapse(&l);
		ok(lb_key_lapse_decode(&key, &read));
		key.bytes[lapses[i].at] = lapses[i].byte;
		assert_int_equal(lb_key_lapse_decode(&key, &read), LB_ERR_DAMAGED);
	}
	key = lb_key_lapse(&l);
	for (key.size = 0; key.size < 14; key.size++)
		assert_int_equal(lb_key_lapse_decode(&key, &read), LB_ERR_DAMAGED);
	for (size_t i = 0; i < sizeof people / sizeof people[0]; i++) {
		key = lb_key_person("ann", 9);
		ok(lb_key_person_decode(&key, identity, &id));
		assert_string_equal(identity, "ann");
		assert_int_equal(id, 9);
		key.bytes[people[i].at] = people[i].byte;
		assert_int_equal(lb_key_person_decode(&key, identity, &id), LB_ERR_DAMAGED);
	}
	key = lb_key_person("ann", 9);
	for (key.size = 0; key.size < 12; key.size++)
		assert_int_equal(lb_key_person_decode(&key, identity, &id), LB_ERR_DAMAGED);
	memset(key.bytes, 'a', sizeof key.bytes);
	key.size = LB_IDENTITY_MAX + 10;
	key.bytes[LB_IDENTITY_MAX + 1] = 0;
	assert_int_equal(lb_key_person_decode(&key, identity, &id), LB_ERR_DAMAGED);
}

static struct lb_grant
a_reviewed_grant(void)
{
	struct lb_grant g = a_grant();

	g.break_glass = 1;
	g.review = LB_REVIEW_JUSTIFIED;
	g.review_within_s = 3600;
	g.review_due_s = 1700003600;
	g.reviewed_s = 1700000100;
	snprintf(g.reviewer, sizeof g.reviewer, "carol");
	snprintf(g.remark, sizeof g.remark, "fine");
	return g;
}

static void
a_review_that_breaks_a_rule_is_no_record(void **state)
{
	const struct lb_key key = lb_key_u64(7);

	(void)state;
	REFUSED(LB_TABLE_GRANT, a_reviewed_grant(), key, r->break_glass = 2);
	REFUSED(LB_TABLE_GRANT, a_reviewed_grant(), key, r->break_glass = 0);
	REFUSED(LB_TABLE_GRANT, a_reviewed_grant(), key, r->review = LB_REVIEW_COUNT);
	REFUSED(LB_TABLE_GRANT, a_reviewed_grant(), key, r->review = LB_REVIEW_NONE);
	REFUSED(LB_TABLE_GRANT, a_reviewed_grant(), key, r->review = LB_REVIEW_OPEN);
	REFUSED(LB_TABLE_GRANT, a_reviewed_grant(), key, r->review_within_s = 0);
	REFUSED(LB_TABLE_GRANT, a_reviewed_grant(), key, r->review_due_s = 0);
	REFUSED(LB_TABLE_GRANT, a_reviewed_grant(), key, r->review_due_s = UINT64_MAX);
	REFUSED(LB_TABLE_GRANT, a_reviewed_grant(), key, r->reviewed_s = 0);
	REFUSED(LB_TABLE_GRANT, a_reviewed_grant(), key, r->reviewer[0] = '\0');
	REFUSED(LB_TABLE_GRANT, a_reviewed_grant(), key,
		memcpy(r->reviewer, r->identity, sizeof r->reviewer));
	REFUSED(LB_TABLE_GRANT, a_reviewed_grant(), key, r->extends = 3; r->uid = 0;
		r->account[0] = '\0');
	REFUSED(LB_TABLE_GRANT, a_grant(), key, r->review_within_s = 1);
	REFUSED(LB_TABLE_GRANT, a_grant(), key, r->review_due_s = 1);
	REFUSED(LB_TABLE_GRANT, a_grant(), key, r->remark[0] = 'x');
}

static void
counters_that_break_a_rule_are_no_record(void **state)
{
	const struct lb_key key = lb_key_text(LB_KEY_COUNTERS);
	struct lb_counters c = {.grant = 3, .session = 2, .serial = 1, .role = 1};

	(void)state;
	REFUSED(LB_TABLE_META, c, key, k = lb_key_text("else"));
	REFUSED(LB_TABLE_META, c, key, r->role = LB_ROLE_GIDS + 1);
	REFUSED(LB_TABLE_META, c, key, r->serial = LB_UID_LAST - LB_ACCOUNT_UID_FIRST + 1);
	REFUSED(LB_TABLE_META, c, key, r->mark.time_ns = (uint64_t)INT64_MAX + 1);
	REFUSED(LB_TABLE_META, c, key, r->mark.boot_ns = (uint64_t)INT64_MAX + 1);
}

static void
an_entry_of_a_user_id_or_a_role_that_breaks_a_rule_is_no_record(void **state)
{
	struct lb_uid_entry uid = {.grant = 7};
	struct lb_role_entry role = {.gid = LB_UID_FIRST};
	struct lb_key long_key = {.size = 4};

	(void)state;
	memset(long_key.bytes, 'o', 4);
	REFUSED(LB_TABLE_UID, uid, lb_key_u32(lb_account_uid(1)), r->grant = 0);
	REFUSED(LB_TABLE_UID, uid, lb_key_u32(lb_account_uid(1)), k = lb_key_u32(1000));
	REFUSED(LB_TABLE_UID, uid, lb_key_u32(lb_account_uid(1)), k.size = 3);
	REFUSED(LB_TABLE_UID, uid, lb_key_u32(lb_account_uid(1)), k.size = 5);
	REFUSED(LB_TABLE_ROLE, role, lb_key_text("op"), r->gid = LB_UID_LAST);
	REFUSED(LB_TABLE_ROLE, role, lb_key_text("op"), r->gid = 0);
	REFUSED(LB_TABLE_ROLE, role, lb_key_text("op"), k = lb_key_text("Op"));
	REFUSED(LB_TABLE_ROLE, role, long_key, k.bytes[1] = 0);
}

static void
a_session_that_breaks_a_rule_is_no_record(void **state)
{
	static struct lb_session s = {.grant = 7, .number = 2, .pid = 99};

	(void)state;
	REFUSED(LB_TABLE_SESSION, s, lb_key_pair(7, 2), r->grant = 0);
	REFUSED(LB_TABLE_SESSION, s, lb_key_pair(7, 2), r->number = 0);
	REFUSED(LB_TABLE_SESSION, s, lb_key_pair(7, 2), r->number = 3);
	REFUSED(LB_TABLE_SESSION, s, lb_key_pair(7, 2), r->kernel = UINT32_MAX);
	REFUSED(LB_TABLE_SESSION, s, lb_key_pair(7, 2), r->closed_s = 5);
	s.kernel = 3;
	s.closed_s = 5;
	REFUSED(LB_TABLE_SESSION, s, lb_key_pair(7, 2), r->kernel = 0);
}

static void
a_statement_that_breaks_a_rule_is_no_record(void **state)
{
	static struct lb_signed s = {
		.grant = 7,
		.number = 2,
		.approver = "bob",
		.used_s = 5,
		.text = "x\n",
		.key = "k",
		.signature = "s",
	};

	(void)state;
	REFUSED(LB_TABLE_STATEMENT, s, lb_key_pair(7, 2), r->grant = 0);
	REFUSED(LB_TABLE_STATEMENT, s, lb_key_pair(7, 2), r->number = 0);
	REFUSED(LB_TABLE_STATEMENT, s, lb_key_pair(7, 2), r->number = 3);
	REFUSED(LB_TABLE_STATEMENT, s, lb_key_pair(7, 2), r->approver[0] = 'B');
	REFUSED(LB_TABLE_STATEMENT, s, lb_key_pair(7, 2), r->level = LB_LEVELS_MAX);
	REFUSED(LB_TABLE_STATEMENT, s, lb_key_pair(7, 2), r->text[0] = '\0');
	REFUSED(LB_TABLE_STATEMENT, s, lb_key_pair(7, 2), r->used_s = 0);
	REFUSED(LB_TABLE_STATEMENT, s, lb_key_pair(7, 2), r->key[0] = '\0');
	REFUSED(LB_TABLE_STATEMENT, s, lb_key_pair(7, 2), r->signature[0] = '\0');
	s.used_s = 0;
	s.key[0] = s.signature[0] = '\0';
	REFUSED(LB_TABLE_STATEMENT, s, lb_key_pair(7, 2), r->signature[0] = 's');
	REFUSED(LB_TABLE_STATEMENT, s, lb_key_pair(7, 2), r->used_s = 1);
}

/* The longest of everything is less than a record may be. */
static void
eligibility_that_breaks_a_rule_is_no_record(void **state)
{
	static struct lb_attestation a = {.identity = "ann",
					  .check = "screening",
					  .state = LB_ATTESTED_HOLDS,
					  .by = "bob",
					  .until_s = 5};
	static struct lb_eligibility e = {.identity = "ann",
					  .role = "op",
					  .state = LB_ELIGIBLE_HOLDS,
					  .manager = "bob",
					  .approved_s = 3,
					  .until_s = 5};
	struct lb_key key = lb_key_names("ann", "screening"), role = lb_key_names("ann", "op");
	static const struct lb_lapse l = {LB_LAPSE_PENDING, 5, "ann", "op"};
	struct lb_lapse read;

	(void)state;
	ok(lb_record_encode(LB_TABLE_ATTESTATION, &key, &a, buf, &len));
	REFUSED(LB_TABLE_ATTESTATION, a, key, r->identity[0] = 'A');
	REFUSED(LB_TABLE_ATTESTATION, a, key, r->check[1] = 'x');
	REFUSED(LB_TABLE_ATTESTATION, a, key, r->check[0] = 'S');
	REFUSED(LB_TABLE_ATTESTATION, a, key, r->state = 0);
	REFUSED(LB_TABLE_ATTESTATION, a, key, r->state = 3);
	REFUSED(LB_TABLE_ATTESTATION, a, key, strcpy(r->by, "ann"));
	REFUSED(LB_TABLE_ATTESTATION, a, key, r->by[0] = '\0');
	REFUSED(LB_TABLE_ATTESTATION, a, key, r->until_s = 0);
	ok(lb_record_encode(LB_TABLE_ELIGIBILITY, &role, &e, buf, &len));
	REFUSED(LB_TABLE_ELIGIBILITY, e, role, r->identity[0] = 'b');
	REFUSED(LB_TABLE_ELIGIBILITY, e, role, r->identity[0] = 'A');
	REFUSED(LB_TABLE_ELIGIBILITY, e, role, r->role[0] = 'O');
	REFUSED(LB_TABLE_ELIGIBILITY, e, role, r->state = 0);
	REFUSED(LB_TABLE_ELIGIBILITY, e, role, r->state = 4);
	REFUSED(LB_TABLE_ELIGIBILITY, e, role, r->state = LB_ELIGIBLE_PENDING);
	REFUSED(LB_TABLE_ELIGIBILITY, e, role, strcpy(r->manager, "ann"));
	REFUSED(LB_TABLE_ELIGIBILITY, e, role, r->manager[0] = '\0');
	REFUSED(LB_TABLE_ELIGIBILITY, e, role, r->manager[0] = 'B');
	REFUSED(LB_TABLE_ELIGIBILITY, e, role, r->approved_s = 0);
	REFUSED(LB_TABLE_ELIGIBILITY, e, role, r->until_s = 0);
	/* The index of what lapses. */
	key = lb_key_lapse(&l);
	ok(lb_key_lapse_decode(&key, &read));
	assert_memory_equal(&l, &read, sizeof l);
	for (size_t i = 0; i < key.size; i++) {
		struct lb_key torn = key;

		torn.size = i;
		if (i != 14) /* a shorter name is one, too */
			assert_int_equal(lb_key_lapse_decode(&torn, &read), LB_ERR_DAMAGED);
		torn = key;
		torn.bytes[i] = 0xff;
		if (i < 1 || i > 8)
			assert_int_equal(lb_key_lapse_decode(&torn, &read), LB_ERR_DAMAGED);
	}
	memset(key.bytes + 1, 0, 8);
	assert_int_equal(lb_key_lapse_decode(&key, &read), LB_ERR_DAMAGED);
	memset(key.bytes, 'a', sizeof key.bytes);
	key.bytes[0] = LB_LAPSE_PENDING;
	for (size_t zero = 10; zero < sizeof key.bytes; zero += 20) {
		key.size = sizeof key.bytes;
		key.bytes[zero] = 0;
		assert_int_equal(lb_key_lapse_decode(&key, &read), LB_ERR_DAMAGED);
		key.bytes[zero] = 'a';
	}
}

static void
the_longest_statement_is_a_record(void **state)
{
	static struct lb_signed s = {.grant = UINT64_MAX, .number = UINT64_MAX, .used_s = 5};
	static struct lb_signed back;
	const struct lb_key key = lb_key_pair(UINT64_MAX, UINT64_MAX);

	(void)state;
	memset(s.approver, 'a', sizeof s.approver - 1);
	memset(s.key, 'k', sizeof s.key - 1);
	memset(s.text, 't', sizeof s.text - 1);
	memset(s.signature, 's', sizeof s.signature - 1);
	ok(lb_record_encode(LB_TABLE_STATEMENT, &key, &s, buf, &len));
	ok(lb_record_decode(LB_TABLE_STATEMENT, key.bytes, key.size, buf, len, &back));
	assert_memory_equal(&back, &s, sizeof s);
}

static void
a_user_id_was_handed_out_when_its_serial_was(void **state)
{
	const struct lb_counters c = {.serial = 2};

	(void)state;
	assert_true(lb_uid_handed_out(lb_account_uid(1), &c));
	assert_true(lb_uid_handed_out(lb_account_uid(2), &c));
	assert_false(lb_uid_handed_out(lb_account_uid(3), &c));
	assert_false(lb_uid_handed_out(LB_ACCOUNT_UID_FIRST, &c));
	assert_false(lb_uid_handed_out(1000, &c));
}

/* The chain's own form has no checksum beside the hash: what does not read as a record is none. */
static void
an_audit_record_is_read_wholly_or_not_at_all(void **state)
{
	static const uint8_t first[LB_HASH_SIZE];
	static struct lb_msg_record r, back;
	uint8_t other[LB_HASH_SIZE] = {1};
	struct lb_key key = lb_key_u64(5), wrong = lb_key_u64(6);
	uint8_t torn[LB_RECORD_MAX];

	(void)state;
	memset(&r, 0, sizeof r);
	r.seq = 5;
	snprintf(r.event, sizeof r.event, "start");
	ok(lb_audit_encode(first, &r, buf, &len));
	ok(lb_audit_decode(first, key.bytes, key.size, buf, len, &back));
	ok(lb_audit_decode(NULL, key.bytes, key.size, buf, len, &back));
	assert_memory_equal(&back, &r, sizeof r);
	assert_int_equal(lb_audit_decode(other, key.bytes, key.size, buf, len, &back),
			 LB_ERR_DAMAGED);
	assert_int_equal(lb_audit_decode(NULL, wrong.bytes, wrong.size, buf, len, &back),
			 LB_ERR_DAMAGED);
	assert_int_equal(lb_audit_decode(NULL, key.bytes, 7, buf, len, &back), LB_ERR_DAMAGED);
	assert_int_equal(lb_audit_decode(NULL, key.bytes, 0, buf, len, &back), LB_ERR_DAMAGED);
	assert_int_equal(lb_audit_decode(NULL, torn, LB_KEY_MAX + 1, buf, len, &back),
			 LB_ERR_DAMAGED);
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(lb_audit_decode(NULL, key.bytes, key.size, buf, cut, &back),
				 LB_ERR_DAMAGED);
	memcpy(torn, buf, len);
	torn[len] = 0;
	assert_int_equal(lb_audit_decode(NULL, key.bytes, key.size, torn, len + 1, &back),
			 LB_ERR_DAMAGED);
	torn[0] = LB_RECORD_VERSION + 1;
	assert_int_equal(lb_audit_decode(NULL, key.bytes, key.size, torn, len, &back),
			 LB_ERR_DAMAGED);
	r.seq = 0;
	assert_int_equal(lb_audit_encode(first, &r, buf, &len), LB_ERR_MALFORMED);
}

static void
a_record_does_not_stand_in_for_another(void **state)
{
	struct lb_grant g = a_grant(), back;
	struct lb_key key = lb_key_u64(7), other = lb_key_u64(8);

	(void)state;
	ok(lb_record_encode(LB_TABLE_GRANT, &key, &g, buf, &len));
	ok(lb_record_decode(LB_TABLE_GRANT, key.bytes, key.size, buf, len, &back));
	assert_int_equal(lb_record_decode(LB_TABLE_GRANT, other.bytes, other.size, buf, len, &back),
			 LB_ERR_DAMAGED);
	assert_int_equal(lb_record_decode(LB_TABLE_SESSION, key.bytes, key.size, buf, len, &back),
			 LB_ERR_DAMAGED);
	assert_int_equal(lb_record_decode(LB_TABLE_GRANT, key.bytes, 0, buf, len, &back),
			 LB_ERR_DAMAGED);
	for (size_t cut = 0; cut < len; cut += 3)
		assert_int_equal(
			lb_record_decode(LB_TABLE_GRANT, key.bytes, key.size, buf, cut, &back),
			LB_ERR_DAMAGED);
	/* A text that runs on to the end of its room has no end. */
	memset(g.reason, 'x', sizeof g.reason);
	assert_int_equal(lb_record_encode(LB_TABLE_GRANT, &key, &g, buf, &len), LB_ERR_TOO_LONG);
}

/* -- the forms below them ------------------------------------------------------------- */

static void
a_field_of_no_kind_is_neither_written_nor_read(void **state)
{
	static const struct lb_field good[] = {{LB_FIELD_U32, 0, 0, "n"}};
	static const struct lb_field bad[] = {{(enum lb_field_kind)99, 0, 0, "n"}};
	const struct lb_layout with_good = {"good", 4, good, 1}, with_bad = {"bad", 4, bad, 1};
	uint32_t n = 17, back = 0;

	(void)state;
	ok(lb_fields_encode(&with_good, &n, buf, sizeof buf, &len));
	ok(lb_fields_decode(&with_good, buf, len, &back));
	assert_int_equal(back, 17);
	assert_int_not_equal(lb_fields_encode(&with_bad, &n, buf, sizeof buf, &len), LB_OK);
	assert_int_not_equal(lb_fields_decode(&with_bad, buf, 4, &back), LB_OK);
	assert_int_equal(back, 0);
}

static void
a_message_of_no_type_is_neither_written_nor_read(void **state)
{
	static union lb_msg m;
	static union lb_ipc_msg i;

	(void)state;
	assert_int_equal(lb_proto_encode(0x1234, &m, buf, sizeof buf, &len), LB_ERR_MALFORMED);
	assert_int_equal(lb_proto_decode(0x1234, buf, 0, &m), LB_ERR_MALFORMED);
	assert_int_equal(lb_proto_door(0x1234), LB_DOOR_NONE);
	assert_int_equal(lb_ipc_encode((enum lb_ipc)0x1234, &i, buf, sizeof buf, &len),
			 LB_ERR_INTERNAL);
	assert_int_equal(lb_ipc_send(NULL, (enum lb_ipc)0x1234, &i, -1), LB_ERR_INTERNAL);
	assert_int_equal(lb_ipc_decode(0x1234, buf, 0, &i), LB_ERR_MALFORMED);
}

static void
a_customer_that_breaks_a_rule_is_no_record(void **state)
{
	static struct lb_customer proposal = {.name = "acme", .nonce = {1}},
				  c = {.name = "acme",
				       .change = 1,
				       .nonce = {1},
				       .on = 1,
				       .approvals = 1,
				       .keys = 1,
				       .key = {{"eve", "ssh-ed25519 AAAA"}}};
	struct lb_key key = lb_key_text("acme");

	(void)state;
	REFUSED(LB_TABLE_CUSTOMER, c, key, r->name[0] = 'b');
	REFUSED(LB_TABLE_CUSTOMER, c, key, r->name[0] = 'A');
	REFUSED(LB_TABLE_CUSTOMER, c, key, r->name[3] = '\0');
	REFUSED(LB_TABLE_CUSTOMER, c, key, k.size--);
	REFUSED(LB_TABLE_CUSTOMER, c, key, r->break_glass = 2);
	REFUSED(LB_TABLE_CUSTOMER, c, key, r->keys = LB_CUSTOMER_KEYS_MAX + 1);
	REFUSED(LB_TABLE_CUSTOMER, c, key, r->key[0].identity[0] = 'E');
	REFUSED(LB_TABLE_CUSTOMER, c, key, r->key[1].identity[0] = 'e');
	REFUSED(LB_TABLE_CUSTOMER, c, key, r->key[1].key[0] = 's');
	REFUSED(LB_TABLE_CUSTOMER, proposal, key, r->break_glass = 1);
	REFUSED(LB_TABLE_CUSTOMER, proposal, key, r->keys = 1);
	REFUSED(LB_TABLE_CUSTOMER, c, key, r->nonce[0] = 0);
	REFUSED(LB_TABLE_CUSTOMER, c, key, r->change = 0);
	REFUSED(LB_TABLE_CUSTOMER, c, key, r->on = 2);
	REFUSED(LB_TABLE_CUSTOMER, c, key, r->host = 2);
	REFUSED(LB_TABLE_CUSTOMER, c, key, r->approvals = 0);
	REFUSED(LB_TABLE_CUSTOMER, c, key, r->approvals = 2);
	REFUSED(LB_TABLE_CUSTOMER, c, key, r->keys = 0);
	REFUSED(LB_TABLE_CUSTOMER, c, key, r->key[0].key[0] = '\0');
	/* Before the first change there is nothing but the nonce. */
	REFUSED(LB_TABLE_CUSTOMER, proposal, key, r->nonce[0] = 0);
	REFUSED(LB_TABLE_CUSTOMER, proposal, key, r->change = 1);
	REFUSED(LB_TABLE_CUSTOMER, proposal, key, r->changed_s = 1);
	REFUSED(LB_TABLE_CUSTOMER, proposal, key, r->on = 1);
	REFUSED(LB_TABLE_CUSTOMER, proposal, key, r->approvals = 1);
	REFUSED(LB_TABLE_CUSTOMER, proposal, key, r->host = 1);
	REFUSED(LB_TABLE_CUSTOMER, proposal, key, r->roles[0] = 'a');
	REFUSED(LB_TABLE_CUSTOMER, proposal, key, r->key[0].identity[0] = 'a');
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_grant_that_breaks_a_rule_is_no_record),
		cmocka_unit_test(a_grant_of_each_kind_that_breaks_a_rule_is_no_record),
		cmocka_unit_test(a_grant_that_mixes_two_kinds_is_no_record),
		cmocka_unit_test(keys_that_no_store_makes_are_damage),
		cmocka_unit_test(a_review_that_breaks_a_rule_is_no_record),
		cmocka_unit_test(counters_that_break_a_rule_are_no_record),
		cmocka_unit_test(an_entry_of_a_user_id_or_a_role_that_breaks_a_rule_is_no_record),
		cmocka_unit_test(a_session_that_breaks_a_rule_is_no_record),
		cmocka_unit_test(a_statement_that_breaks_a_rule_is_no_record),
		cmocka_unit_test(the_longest_statement_is_a_record),
		cmocka_unit_test(a_customer_that_breaks_a_rule_is_no_record),
		cmocka_unit_test(eligibility_that_breaks_a_rule_is_no_record),
		cmocka_unit_test(a_user_id_was_handed_out_when_its_serial_was),
		cmocka_unit_test(an_audit_record_is_read_wholly_or_not_at_all),
		cmocka_unit_test(a_record_does_not_stand_in_for_another),
		cmocka_unit_test(a_field_of_no_kind_is_neither_written_nor_read),
		cmocka_unit_test(a_message_of_no_type_is_neither_written_nor_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
