/* The store's contract: see lockboxd/keeper/store.h. */
#include "test_store.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void
fill(char *out, size_t cap, char c)
{
	memset(out, c, cap - 1);
	out[cap - 1] = '\0';
}

/* Every member at its longest. */
static struct lb_grant
fullest_grant(uint64_t id, uint32_t serial)
{
	struct lb_grant g = {.id = id,
			     .state = LB_STATE_ACTIVE,
			     .duration_s = UINT32_MAX,
			     .requested_s = 1,
			     .until_s = UINT64_MAX,
			     .claimed_s = 2,
			     .end_s = 3,
			     .closed_s = 4,
			     .levels = LB_LEVELS_MAX,
			     .have = LB_APPROVALS_MAX,
			     .sessions_max = UINT32_MAX,
			     .port_forwarding = 1,
			     .otp = LB_OTP_SPENT};

	fill(g.identity, sizeof g.identity, 'i');
	fill(g.role, sizeof g.role, 'r');
	fill(g.ticket, sizeof g.ticket, 'T');
	fill(g.reason, sizeof g.reason, 'R');
	fill(g.groups, sizeof g.groups, 'G');
	fill(g.sudo, sizeof g.sudo, 'S');
	fill(g.shell, sizeof g.shell, '/');
	fill(g.cause, sizeof g.cause, 'C');
	for (int i = 0; i < LB_LEVELS_MAX; i++) {
		fill(g.level[i].name, sizeof g.level[i].name, (char)('l' + i));
		fill(g.level[i].teams, sizeof g.level[i].teams, 'T');
		g.level[i].need = LB_APPROVALS_MAX;
		g.level[i].flags = LB_LEVEL_SAME_PERSON;
	}
	g.level[LB_LEVELS_MAX - 1].flags = LB_LEVEL_CUSTOMER;
	memcpy(g.customer, g.level[LB_LEVELS_MAX - 1].name, sizeof g.customer);
	for (int i = 0; i < LB_APPROVALS_MAX; i++) {
		fill(g.approval[i].identity, sizeof g.approval[i].identity, (char)('a' + i));
		g.approval[i].level = (uint8_t)(i * LB_LEVELS_MAX / LB_APPROVALS_MAX);
		g.approval[i].at_s = UINT64_MAX;
	}
	memset(g.policy_digest, 0xd1, sizeof g.policy_digest);
	memset(g.otp_salt, 0x5a, sizeof g.otp_salt);
	memset(g.otp_hash, 0x4a, sizeof g.otp_hash);
	set_account(&g, serial);
	return g;
}

static void
every_field_of_a_grant_comes_back(void **state)
{
	struct place *p = *state;
	struct lb_store_txn *txn;
	struct lb_grant g, got;
	uint32_t serial;
	uint64_t id;

	place_open(p);
	txn = begin(p, LB_STORE_WRITE);
	ok(lb_store_next_id(txn, &id));
	ok(lb_store_next_serial(txn, &serial));
	g = fullest_grant(id, serial);
	ok(lb_store_put_grant(txn, &g));
	memset(&got, 0xee, sizeof got);
	ok(lb_store_grant(txn, id, &got));
	assert_memory_equal(&got, &g, sizeof g);
	ok(lb_store_commit(txn));
	place_close(p);
	assert_check(p, LB_OK);
	place_open(p);
	txn = begin(p, LB_STORE_READ);
	ok(lb_store_grant_by_uid(txn, g.uid, &got));
	assert_memory_equal(&got, &g, sizeof g);
	lb_store_abort(txn);
}

static void
every_field_of_a_session_and_of_a_record_comes_back(void **state)
{
	struct place *p = *state;
	struct lb_session s = {.pid = 7, .start_ticks = 8, .opened_s = 9}, got_s;
	struct lb_msg_record r = {.time_s = 5, .uid = 6}, got_r;
	struct lb_store_txn *txn;

	place_open(p);
	s.grant = r.grant = add_grant(p, "ann").id;
	memset(s.boot_id, 0xb0, sizeof s.boot_id);
	fill(s.service, sizeof s.service, 's');
	fill(s.rhost, sizeof s.rhost, 'h');
	fill(s.tty, sizeof s.tty, 't');
	fill(r.event, sizeof r.event, 'e');
	fill(r.identity, sizeof r.identity, 'i');
	fill(r.account, sizeof r.account, 'a');
	fill(r.actor, sizeof r.actor, 'c');
	fill(r.detail, sizeof r.detail, 'd');
	txn = begin(p, LB_STORE_WRITE);
	ok(lb_store_put_session(txn, &s));
	ok(lb_store_append(txn, &r));
	assert_int_equal(s.number, 1);
	assert_int_equal(r.seq, 1);
	ok(lb_store_commit(txn));
	txn = begin(p, LB_STORE_READ);
	ok(lb_store_next_session(txn, 0, 0, &got_s));
	ok(lb_store_next_record(txn, 0, &got_r));
	assert_memory_equal(&got_s, &s, sizeof s);
	assert_memory_equal(&got_r, &r, sizeof r);
	lb_store_abort(txn);
}

/* What the indexes say of one grant. */
static void
assert_indexed(struct place *p, const struct lb_grant *g, bool live)
{
	struct lb_store_txn *txn = begin(p, LB_STORE_READ);
	struct lb_grant got;
	bool due = live && g->until_s != 0;

	assert_int_equal(lb_store_next_live(txn, 0, &got), live ? LB_OK : LB_ERR_NOT_FOUND);
	assert_int_equal(lb_store_next_live(txn, g->id, &got), LB_ERR_NOT_FOUND);
	assert_int_equal(lb_store_next_own(txn, g->identity, 0, &got),
			 live ? LB_OK : LB_ERR_NOT_FOUND);
	assert_int_equal(lb_store_next_own(txn, "an", 0, &got), LB_ERR_NOT_FOUND);
	assert_int_equal(lb_store_next_begun(txn, g->identity, 0, 0, &got),
			 g->begun_s != 0 ? LB_OK : LB_ERR_NOT_FOUND);
	assert_int_equal(lb_store_next_begun(txn, g->identity, g->begun_s, g->id, &got),
			 LB_ERR_NOT_FOUND);
	assert_int_equal(lb_store_next_due(txn, &got), due ? LB_OK : LB_ERR_NOT_FOUND);
	if (due)
		assert_memory_equal(&got, g, sizeof got);
	ok(lb_store_next_of(txn, g->identity, 0, &got));
	assert_memory_equal(&got, g, sizeof got);
	assert_int_equal(lb_store_next_of(txn, g->identity, g->id, &got), LB_ERR_NOT_FOUND);
	ok(lb_store_next_grant(txn, 0, &got));
	assert_memory_equal(&got, g, sizeof got);
	lb_store_abort(txn);
}

static void
indexes_follow_a_grant_from_every_state_to_every_state(void **state)
{
	static const uint64_t untils[] = {0, 1700000500, 1700000400};
	struct place *p = *state;
	struct lb_grant g;

	place_open(p);
	g = add_grant(p, "ann");
	for (uint8_t from = LB_STATE_PENDING; from < LB_STATE_COUNT; from++)
		for (uint8_t to = LB_STATE_PENDING; to < LB_STATE_COUNT; to++)
			for (size_t i = 0; i < 3; i++) {
				g.state = from;
				g.until_s = untils[(i + to) % 3];
				g.begun_s = untils[(i + from) % 3];
				put_all(p, &g);
				g.state = to;
				g.until_s = untils[i];
				g.begun_s = untils[(i + to) % 3];
				put_all(p, &g);
				assert_indexed(p, &g, lb_state_live(to));
			}
	place_close(p);
	assert_check(p, LB_OK);
}

static void
what_began_is_found_in_the_order_of_its_beginning(void **state)
{
	static const uint64_t begun[] = {900, 0, 300, 600, 300};
	static const uint64_t order[] = {3, 5, 4, 1};
	struct place *p = *state;
	struct lb_store_txn *txn;
	struct lb_grant g;

	place_open(p);
	for (size_t i = 0; i < 5; i++) {
		g = add_grant(p, "ann");
		g.begun_s = begun[i];
		g.state = i % 2 == 0 ? LB_STATE_ENDED : g.state;
		put_all(p, &g);
	}
	g = add_grant(p, "ann-x");
	g.begun_s = 500;
	put_all(p, &g);
	txn = begin(p, LB_STORE_READ);
	g.begun_s = g.id = 0;
	for (size_t i = 0; i < 4; i++) {
		ok(lb_store_next_begun(txn, "ann", g.begun_s, g.id, &g));
		assert_int_equal(g.id, order[i]);
	}
	assert_int_equal(lb_store_next_begun(txn, "ann", g.begun_s, g.id, &g), LB_ERR_NOT_FOUND);
	ok(lb_store_next_begun(txn, "ann", 301, 0, &g));
	assert_int_equal(g.id, 4);
	lb_store_abort(txn);
}

static void
requests_of_a_ticket_are_found_from_the_last_to_the_first(void **state)
{
	static const char *const tickets[] = {"OPS-1", "OPS-2", "OPS-1", "", "OPS-1"};
	struct place *p = *state;
	struct lb_store_txn *txn;
	struct lb_grant g = {.id = UINT64_MAX};

	place_open(p);
	for (size_t i = 0; i < 5; i++) {
		struct lb_grant of = {.state = LB_STATE_PENDING, .identity = "ann", .role = "op"};

		memcpy(of.ticket, tickets[i], strlen(tickets[i]) + 1);
		txn = begin(p, LB_STORE_WRITE);
		ok(lb_store_next_id(txn, &of.id));
		ok(lb_store_put_grant(txn, &of));
		ok(lb_store_commit(txn));
	}
	txn = begin(p, LB_STORE_READ);
	for (uint64_t id = 5; id > 0; id -= 2) {
		ok(lb_store_prev_ticket(txn, "OPS-1", g.id, &g));
		assert_int_equal(g.id, id);
		if (id == 1)
			break;
	}
	assert_int_equal(lb_store_prev_ticket(txn, "OPS-1", g.id, &g), LB_ERR_NOT_FOUND);
	assert_int_equal(lb_store_prev_ticket(txn, "OPS-3", UINT64_MAX, &g), LB_ERR_NOT_FOUND);
	lb_store_abort(txn);
}

static void
lists_are_in_order_and_keep_people_apart(void **state)
{
	static const char *const people[] = {"ann", "ann-x", "an", "ann", "bob", "ann"};
	static const uint64_t of_ann[] = {1, 4, 6};
	struct place *p = *state;
	struct lb_store_txn *txn;
	struct lb_grant g = {.id = 0};
	uint64_t after = 0;

	place_open(p);
	for (size_t i = 0; i < 6; i++) {
		g = add_grant(p, people[i]);
		g.until_s = 1800000000 - i;
		put_all(p, &g);
	}
	txn = begin(p, LB_STORE_READ);
	for (size_t i = 0; i < 3; i++, after = g.id) {
		ok(lb_store_next_of(txn, "ann", after, &g));
		assert_int_equal(g.id, of_ann[i]);
	}
	assert_int_equal(lb_store_next_of(txn, "ann", 6, &g), LB_ERR_NOT_FOUND);
	assert_int_equal(lb_store_next_of(txn, "nobody", 0, &g), LB_ERR_NOT_FOUND);
	for (after = 0; lb_store_next_live(txn, after, &g) == LB_OK; after++)
		assert_int_equal(g.id, after + 1);
	assert_int_equal(after, 6);
	ok(lb_store_next_due(txn, &g));
	assert_int_equal(g.id, 6);
	assert_int_equal(lb_store_next_grant(txn, UINT64_MAX, &g), LB_ERR_NOT_FOUND);
	lb_store_abort(txn);
}

static void
an_aborted_transaction_leaves_nothing(void **state)
{
	struct place *p = *state;
	struct lb_msg_record r = event(1, "request");
	struct lb_store_txn *txn;
	struct lb_grant g = pending_grant(1, "ann");
	struct lb_clock_mark mark;
	uint32_t gid, serial;
	uint64_t id;

	place_open(p);
	txn = begin(p, LB_STORE_WRITE);
	ok(lb_store_next_id(txn, &id));
	ok(lb_store_next_serial(txn, &serial));
	ok(lb_store_put_grant(txn, &g));
	ok(lb_store_append(txn, &r));
	ok(lb_store_role_gid(txn, "db-operator", &gid));
	ok(lb_store_set_clock_mark(txn, &(struct lb_clock_mark){.time_ns = 99}));
	lb_store_abort(txn);
	txn = begin(p, LB_STORE_READ);
	assert_int_equal(lb_store_next_grant(txn, 0, &g), LB_ERR_NOT_FOUND);
	assert_int_equal(lb_store_next_live(txn, 0, &g), LB_ERR_NOT_FOUND);
	assert_int_equal(lb_store_next_of(txn, "ann", 0, &g), LB_ERR_NOT_FOUND);
	assert_int_equal(lb_store_next_due(txn, &g), LB_ERR_NOT_FOUND);
	assert_int_equal(lb_store_next_record(txn, 0, &r), LB_ERR_NOT_FOUND);
	assert_int_equal(lb_store_role_gid(txn, "db-operator", &gid), LB_ERR_NOT_FOUND);
	ok(lb_store_clock_mark(txn, &mark));
	assert_int_equal(mark.time_ns, 0);
	lb_store_abort(txn);
	place_close(p);
	assert_check(p, LB_OK);
}

struct numbers {
	uint64_t id, session;
	uint32_t serial, gid;
};

/* One of each number, in a transaction that is then kept or dropped. */
static struct numbers
take_numbers(struct place *p, uint64_t grant, const char *role, bool keep)
{
	struct lb_store_txn *txn = begin(p, LB_STORE_WRITE);
	struct lb_session s = {.grant = grant};
	struct numbers n;

	ok(lb_store_next_id(txn, &n.id));
	ok(lb_store_next_serial(txn, &n.serial));
	ok(lb_store_put_session(txn, &s));
	ok(lb_store_drop_session(txn, grant, s.number));
	ok(lb_store_role_gid(txn, role, &n.gid));
	n.session = s.number;
	if (keep)
		ok(lb_store_commit(txn));
	else
		lb_store_abort(txn);
	return n;
}

static void
numbers_are_never_handed_out_twice(void **state)
{
	struct place *p = *state;
	struct numbers last = {0}, n;
	uint64_t grant;
	char role[8];

	place_open(p);
	grant = add_grant(p, "ann").id;
	last.id = grant;
	for (unsigned int i = 0; i < 6; i++) {
		snprintf(role, sizeof role, "r%u", i);
		take_numbers(p, grant, role, false);
		n = take_numbers(p, grant, role, true);
		assert_true(n.id > last.id && n.serial > last.serial && n.session > last.session);
		assert_true(n.gid > last.gid && lb_gid_is_role(n.gid));
		assert_int_equal(take_numbers(p, grant, role, false).gid, n.gid);
		last = n;
		place_close(p);
		place_open(p);
	}
	place_close(p);
	assert_check(p, LB_OK);
}

static void
a_committed_transaction_is_there_after_reopening(void **state)
{
	struct place *p = *state;
	struct lb_store_txn *txn;
	struct lb_clock_mark mark, set = {1700000123000000456, 78900000012, {1, 2, 3}};
	struct lb_grant g, got;

	place_open(p);
	g = add_grant(p, "ann");
	txn = begin(p, LB_STORE_WRITE);
	assert_false(lb_store_wrote(txn));
	ok(lb_store_set_clock_mark(txn, &set));
	assert_true(lb_store_wrote(txn));
	ok(lb_store_commit(txn));
	place_close(p);
	place_open(p);
	txn = begin(p, LB_STORE_READ);
	ok(lb_store_grant(txn, g.id, &got));
	assert_memory_equal(&got, &g, sizeof g);
	ok(lb_store_clock_mark(txn, &mark));
	assert_memory_equal(&mark, &set, sizeof set);
	assert_false(lb_store_wrote(txn));
	lb_store_abort(txn);
}

static void
a_uid_of_another_grant_is_refused(void **state)
{
	struct place *p = *state;
	struct lb_store_txn *txn;
	struct lb_grant a, b, got;
	uint32_t serial;

	place_open(p);
	a = add_grant(p, "ann");
	b = add_grant(p, "bob");
	txn = begin(p, LB_STORE_WRITE);
	ok(lb_store_next_serial(txn, &serial));
	set_account(&a, serial);
	a.state = LB_STATE_ENDED;
	ok(lb_store_put_grant(txn, &a));
	ok(lb_store_commit(txn));
	txn = begin(p, LB_STORE_WRITE);
	set_account(&b, serial);
	assert_int_equal(lb_store_put_grant(txn, &b), LB_ERR_EXISTS);
	assert_int_equal(lb_store_commit(txn), LB_ERR_EXISTS);
	txn = begin(p, LB_STORE_READ);
	ok(lb_store_grant_by_uid(txn, a.uid, &got));
	assert_int_equal(got.id, a.id);
	ok(lb_store_grant(txn, b.id, &got));
	assert_int_equal(got.uid, 0);
	lb_store_abort(txn);
}

static void
spoil_identity(struct lb_grant *g)
{
	strcpy(g->identity, "Ann");
}
static void
spoil_person(struct lb_grant *g)
{
	strcpy(g->identity, "bob");
}
static void
spoil_role(struct lb_grant *g)
{
	strcpy(g->role, "../etc");
}
static void
spoil_state(struct lb_grant *g)
{
	g->state = LB_STATE_COUNT;
}
static void
spoil_have(struct lb_grant *g)
{
	g->have = LB_APPROVALS_MAX + 1;
}
static void
spoil_approver(struct lb_grant *g)
{
	g->have = 1;
}
static void
spoil_spare_approver(struct lb_grant *g)
{
	strcpy(g->approval[3].identity, "bob");
}
static void
spoil_otp(struct lb_grant *g)
{
	g->otp = LB_OTP_VOID + 1;
}
static void
spoil_uid(struct lb_grant *g)
{
	strcpy(g->account, "lb-ann-1");
	g->uid = 1000;
}
static void
spoil_account(struct lb_grant *g)
{
	g->uid = lb_account_uid(1);
}
static void
spoil_serial(struct lb_grant *g)
{
	set_account(g, 77); /* never handed out */
}
static void
spoil_id(struct lb_grant *g)
{
	g->id = 0;
}
static void
spoil_new_id(struct lb_grant *g)
{
	g->id = 1000; /* never handed out */
}

static void
a_grant_that_breaks_a_rule_is_refused_and_ends_the_transaction(void **state)
{
	static const struct {
		void (*spoil)(struct lb_grant *g);
		int err;
	} cases[] = {
		{spoil_identity, LB_ERR_MALFORMED},	  {spoil_role, LB_ERR_MALFORMED},
		{spoil_state, LB_ERR_MALFORMED},	  {spoil_have, LB_ERR_MALFORMED},
		{spoil_approver, LB_ERR_MALFORMED},	  {spoil_otp, LB_ERR_MALFORMED},
		{spoil_spare_approver, LB_ERR_MALFORMED}, {spoil_uid, LB_ERR_MALFORMED},
		{spoil_account, LB_ERR_MALFORMED},	  {spoil_id, LB_ERR_MALFORMED},
		{spoil_person, LB_ERR_INTERNAL},	  {spoil_serial, LB_ERR_INTERNAL},
		{spoil_new_id, LB_ERR_INTERNAL},
	};
	struct place *p = *state;
	struct lb_store_txn *txn;
	struct lb_grant good, bad;
	uint64_t id;

	place_open(p);
	good = add_grant(p, "ann");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		bad = good;
		cases[i].spoil(&bad);
		txn = begin(p, LB_STORE_WRITE);
		assert_int_equal(lb_store_put_grant(txn, &bad), cases[i].err);
		assert_int_equal(lb_store_next_id(txn, &id), cases[i].err);
		assert_int_equal(lb_store_commit(txn), cases[i].err);
	}
	place_close(p);
	assert_check(p, LB_OK);
}

static void
nothing_is_written_in_a_read_transaction(void **state)
{
	struct place *p = *state;
	struct lb_msg_record r = event(0, "start");
	struct lb_store_txn *txn;
	struct lb_grant g;
	uint64_t id;

	place_open(p);
	g = add_grant(p, "ann");
	txn = begin(p, LB_STORE_READ);
	assert_int_equal(lb_store_put_grant(txn, &g), LB_ERR_INTERNAL);
	assert_int_equal(lb_store_next_id(txn, &id), LB_ERR_INTERNAL);
	assert_int_equal(lb_store_append(txn, &r), LB_ERR_INTERNAL);
	assert_int_equal(lb_store_drop_session(txn, 1, 1), LB_ERR_INTERNAL);
	lb_store_abort(txn);
}

static void
one_transaction_at_a_time(void **state)
{
	struct place *p = *state;
	struct lb_store_txn *txn, *second = NULL;

	place_open(p);
	txn = begin(p, LB_STORE_WRITE);
	assert_int_equal(lb_store_begin(p->store, LB_STORE_READ, &second), LB_ERR_INTERNAL);
	assert_null(second);
	lb_store_abort(txn);
}

static struct lb_attestation
attestation(const char *identity, const char *check, uint64_t until_s)
{
	struct lb_attestation a = {
		.state = LB_ATTESTED_HOLDS, .by = "eve", .at_s = 10, .until_s = until_s};

	strcpy(a.identity, identity);
	strcpy(a.check, check);
	return a;
}

static void
eligibility_is_found_by_its_names_and_by_when_it_lapses(void **state)
{
	struct place *p = *state;
	struct lb_store_txn *txn;
	struct lb_eligibility e = {.identity = "ann",
				   .role = "op",
				   .state = LB_ELIGIBLE_PENDING,
				   .asked_s = 5,
				   .until_s = 900};
	struct lb_attestation a = attestation("ann", "screening", 300);
	struct lb_lapse l = {.kind = LB_LAPSE_ATTESTATION};

	place_open(p);
	txn = begin(p, LB_STORE_WRITE);
	assert_int_equal(lb_store_first_lapse(txn, &l), LB_ERR_NOT_FOUND);
	assert_int_equal(lb_store_attestation(txn, "ann", "screening", &a), LB_ERR_NOT_FOUND);
	assert_int_equal(lb_store_eligibility(txn, "ann", "op", &e), LB_ERR_NOT_FOUND);
	ok(lb_store_put_eligibility(txn, &e));
	ok(lb_store_put_attestation(txn, &a));
	a = attestation("ann", "training", 200);
	ok(lb_store_put_attestation(txn, &a));
	a = attestation("an", "training", 400);
	ok(lb_store_put_attestation(txn, &a));
	ok(lb_store_first_lapse(txn, &l));
	assert_int_equal(l.until_s, 200);
	assert_string_equal(l.name, "training");
	/* Renewed: it stands where it belongs now, and nowhere else. */
	a = attestation("ann", "training", 1000);
	ok(lb_store_put_attestation(txn, &a));
	ok(lb_store_first_lapse(txn, &l));
	assert_int_equal(l.until_s, 300);
	assert_string_equal(l.name, "screening");
	/* Ended: it lapses no more. */
	a = attestation("ann", "screening", 300);
	a.state = LB_ATTESTED_ENDED;
	ok(lb_store_put_attestation(txn, &a));
	ok(lb_store_first_lapse(txn, &l));
	assert_int_equal(l.until_s, 400);
	assert_string_equal(l.identity, "an");
	ok(lb_store_next_lapse(txn, &l));
	assert_int_equal(l.until_s, 1000);
	assert_int_equal(lb_store_next_lapse(txn, &l), LB_ERR_NOT_FOUND);
	/* What waits for an approval is a kind of its own. */
	l = (struct lb_lapse){.kind = LB_LAPSE_PENDING};
	ok(lb_store_next_lapse(txn, &l));
	assert_int_equal(l.until_s, 900);
	assert_string_equal(l.name, "op");
	strcpy(e.manager, "bob");
	e.approved_s = 20;
	e.state = LB_ELIGIBLE_HOLDS;
	e.until_s = 350;
	ok(lb_store_put_eligibility(txn, &e));
	ok(lb_store_first_lapse(txn, &l));
	assert_int_equal(l.kind, LB_LAPSE_ELIGIBILITY);
	assert_int_equal(l.until_s, 350);
	/* In order of identity and check. */
	memset(&a, 0, sizeof a);
	ok(lb_store_next_attestation(txn, &a));
	assert_string_equal(a.identity, "an");
	ok(lb_store_next_attestation(txn, &a));
	assert_string_equal(a.check, "screening");
	ok(lb_store_next_attestation(txn, &a));
	assert_string_equal(a.check, "training");
	assert_int_equal(lb_store_next_attestation(txn, &a), LB_ERR_NOT_FOUND);
	memset(&e, 0, sizeof e);
	ok(lb_store_next_eligibility(txn, &e));
	assert_string_equal(e.manager, "bob");
	assert_int_equal(lb_store_next_eligibility(txn, &e), LB_ERR_NOT_FOUND);
	ok(lb_store_commit(txn));
	place_close(p);
	assert_check(p, LB_OK);
}

static void
statements_are_numbered_and_stay_once_they_are_used(void **state)
{
	static struct lb_signed s, got;
	struct place *p = *state;
	struct lb_store_txn *txn;

	place_open(p);
	add_grant(p, "ann");
	add_grant(p, "ann");
	txn = begin(p, LB_STORE_WRITE);
	memset(&s, 0, sizeof s);
	s.grant = 2;
	snprintf(s.approver, sizeof s.approver, "bob");
	snprintf(s.text, sizeof s.text, "lockbox-approval 1\n");
	memset(s.nonce, 0x11, sizeof s.nonce);
	for (uint64_t i = 1; i <= 3; i++) {
		s.number = 0;
		s.stated_s = i;
		ok(lb_store_put_statement(txn, &s));
		assert_int_equal(s.number, i);
	}
	s.grant = 1;
	s.number = 0;
	ok(lb_store_put_statement(txn, &s));
	assert_int_equal(s.number, 1);
	ok(lb_store_next_statement(txn, 2, 1, &got));
	assert_int_equal(got.number, 2);
	assert_int_equal(got.stated_s, 2);
	got.used_s = 9;
	snprintf(got.key, sizeof got.key, "ssh-ed25519 AAAA");
	snprintf(got.signature, sizeof got.signature, "-----BEGIN SSH SIGNATURE-----\n");
	ok(lb_store_put_statement(txn, &got));
	ok(lb_store_next_statement(txn, 2, 1, &s));
	assert_memory_equal(&s, &got, sizeof s);
	assert_int_equal(lb_store_next_statement(txn, 2, 3, &s), LB_ERR_NOT_FOUND);
	assert_int_equal(lb_store_next_statement(txn, 1, 1, &s), LB_ERR_NOT_FOUND);
	assert_int_equal(lb_store_next_statement(txn, 9, 0, &s), LB_ERR_NOT_FOUND);
	ok(lb_store_commit(txn));
	/* Used, or never made, or of no grant: not written. */
	for (int i = 0; i < 3; i++) {
		txn = begin(p, LB_STORE_WRITE);
		s = got;
		s.grant = i == 2 ? 9 : 2;
		s.number = i == 1 ? 4 : 2;
		assert_int_equal(lb_store_put_statement(txn, &s),
				 i == 2 ? LB_ERR_NOT_FOUND : LB_ERR_INTERNAL);
		lb_store_abort(txn);
	}
	txn = begin(p, LB_STORE_READ);
	assert_int_equal(lb_store_put_statement(txn, &s), LB_ERR_INTERNAL);
	lb_store_abort(txn);
}

static void
sessions_are_counted_listed_and_dropped(void **state)
{
	struct place *p = *state;
	struct lb_session s = {.grant = 0};
	struct lb_store_txn *txn;
	uint32_t count;

	place_open(p);
	for (uint64_t g = 1; g <= 3; g++)
		add_grant(p, "ann");
	txn = begin(p, LB_STORE_WRITE);
	assert_int_equal(lb_store_put_session(txn, &(struct lb_session){.grant = 9}),
			 LB_ERR_NOT_FOUND);
	for (uint64_t i = 0; i < 9; i++) {
		struct lb_session new = {.grant = 1 + i % 3, .pid = (uint32_t)i};

		ok(lb_store_put_session(txn, &new));
		assert_int_equal(new.number, i + 1);
	}
	ok(lb_store_count_sessions(txn, 2, &count));
	assert_int_equal(count, 3);
	ok(lb_store_next_session(txn, 2, 2, &s));
	assert_int_equal(s.number, 5);
	s.pid = 99;
	ok(lb_store_put_session(txn, &s));
	ok(lb_store_drop_session(txn, 2, 2));
	assert_int_equal(lb_store_drop_session(txn, 2, 2), LB_ERR_NOT_FOUND);
	ok(lb_store_count_sessions(txn, 2, &count));
	assert_int_equal(count, 2);
	ok(lb_store_next_session(txn, 2, 0, &s));
	assert_int_equal(s.pid, 99);
	ok(lb_store_next_session(txn, 2, 8, &s));
	assert_int_equal(s.grant, 3);
	ok(lb_store_commit(txn));
	place_close(p);
	assert_check(p, LB_OK);
}

static void
the_audit_chain_goes_on_after_reopening(void **state)
{
	struct place *p = *state;
	struct lb_msg_record r, got;
	struct lb_store_txn *txn;
	uint8_t last[32] = {0};

	for (uint64_t i = 1; i <= 200; i++) {
		if (i % 50 == 1) {
			place_close(p);
			place_open(p);
		}
		txn = begin(p, LB_STORE_WRITE);
		r = event(i % 7, "request");
		ok(lb_store_append(txn, &r));
		assert_int_equal(r.seq, i);
		assert_memory_not_equal(r.hash, last, sizeof last);
		memcpy(last, r.hash, sizeof last);
		ok(lb_store_commit(txn));
	}
	txn = begin(p, LB_STORE_READ);
	ok(lb_store_next_record(txn, 199, &got));
	assert_memory_equal(&got, &r, sizeof r);
	assert_int_equal(lb_store_next_record(txn, 200, &got), LB_ERR_NOT_FOUND);
	lb_store_abort(txn);
	place_close(p);
	assert_check(p, LB_OK);
}

static void
a_store_that_is_open_belongs_to_one_owner(void **state)
{
	struct place *p = *state;
	struct lb_store *second = NULL;
	char why[256];

	place_open(p);
	assert_int_equal(lb_store_open(p->dir, SMALL_MAP, &second), LB_ERR_SYSTEM);
	assert_null(second);
	assert_int_equal(lb_store_check(p->dir, why, sizeof why), LB_ERR_SYSTEM);
	assert_int_equal(errno, EBUSY);
}

static void
files_are_private_whatever_the_umask(void **state)
{
	struct place *p = *state;
	mode_t masks[] = {0, 0777};
	struct stat st;

	for (size_t i = 0; i < 2; i++) {
		mode_t old = umask(masks[i]);

		place_open(p);
		umask(old);
		assert_int_equal(stat(p->file, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		place_close(p);
		assert_int_equal(unlink(p->file), 0);
	}
}

static void
a_directory_or_file_that_others_can_enter_is_refused(void **state)
{
	struct place *p = *state;

	assert_int_equal(chmod(p->dir, 0750), 0);
	assert_int_equal(lb_store_open(p->dir, SMALL_MAP, &p->store), LB_ERR_SYSTEM);
	assert_int_equal(chmod(p->dir, 0700), 0);
	place_open(p);
	place_close(p);
	assert_int_equal(chmod(p->file, 0640), 0);
	assert_int_equal(lb_store_open(p->dir, SMALL_MAP, &p->store), LB_ERR_SYSTEM);
	assert_int_equal(chmod(p->file, 0600), 0);
	place_open(p);
	if (geteuid() != 0)
		return;
	place_close(p);
	assert_int_equal(chown(p->dir, 65534, 65534), 0);
	assert_int_equal(lb_store_open(p->dir, SMALL_MAP, &p->store), LB_ERR_SYSTEM);
	assert_int_equal(chown(p->dir, 0, 0), 0);
}

static void
the_file_is_allocated_ahead(void **state)
{
	struct place *p = *state;
	struct stat st;

	place_open(p);
	assert_int_equal(stat(p->file, &st), 0);
	assert_true((size_t)st.st_size >= SMALL_MAP);
	assert_true((size_t)st.st_blocks * 512 >= SMALL_MAP);
	assert_int_equal(access(LB_STORE_FILE_NEW, F_OK), -1);
	/* A larger map is taken up by an old store. */
	place_close(p);
	ok(lb_store_open(p->dir, 2 * SMALL_MAP, &p->store));
	assert_int_equal(stat(p->file, &st), 0);
	assert_true((size_t)st.st_blocks * 512 >= 2 * SMALL_MAP);
}

/* Opens a grant and writes it down, until there is no room. */
static uint64_t
fill_up(struct place *p, char *reason)
{
	struct lb_store_txn *txn;
	uint64_t id;
	int err;

	for (uint64_t n = 0;; n++) {
		struct lb_msg_record r = event(n, "request");
		struct lb_grant g;

		err = lb_store_begin(p->store, LB_STORE_WRITE, &txn);
		if (err != LB_OK) {
			assert_int_equal(err, LB_ERR_FULL);
			return n;
		}
		ok(lb_store_next_id(txn, &id));
		g = pending_grant(id, "ann");
		strcpy(g.reason, reason);
		ok(lb_store_put_grant(txn, &g));
		ok(lb_store_append(txn, &r));
		ok(lb_store_commit(txn));
	}
}

static void
endings_go_through_when_the_store_is_full(void **state)
{
	struct place *p = *state;
	struct lb_store_txn *txn;
	struct lb_grant g;
	char reason[LB_REASON_MAX + 1];
	uint64_t n, ended = 0;

	fill(reason, 400, 'x');
	ok(lb_store_open(p->dir, 4 * SMALL_MAP, &p->store));
	n = fill_up(p, reason);
	assert_in_range(n, 100, 10000);
	for (;; ended++) {
		struct lb_msg_record r = event(ended, "end");
		int err;

		ok(lb_store_begin(p->store, LB_STORE_WRITE_ENDING, &txn));
		err = lb_store_next_live(txn, 0, &g);
		if (err == LB_ERR_NOT_FOUND)
			break;
		ok(err);
		g.state = LB_STATE_ENDED;
		ok(lb_store_put_grant(txn, &g));
		ok(lb_store_append(txn, &r));
		ok(lb_store_commit(txn));
	}
	lb_store_abort(txn);
	assert_int_equal(ended, n);
	place_close(p);
	assert_check(p, LB_OK);
}

static void
past_the_very_end_a_transaction_fails_whole(void **state)
{
	struct place *p = *state;
	struct lb_store_txn *txn;
	uint64_t last = 0;
	int err = LB_OK;

	place_open(p);
	while (err == LB_OK) {
		struct lb_msg_record r = event(1, "filler");

		fill(r.detail, sizeof r.detail, 'x');
		ok(lb_store_begin(p->store, LB_STORE_WRITE_ENDING, &txn));
		err = lb_store_append(txn, &r);
		if (err == LB_OK) {
			err = lb_store_commit(txn);
			if (err == LB_OK)
				last = r.seq;
		} else {
			lb_store_abort(txn);
		}
	}
	assert_int_equal(err, LB_ERR_FULL);
	place_close(p);
	assert_check(p, LB_OK);
	place_open(p);
	txn = begin(p, LB_STORE_READ);
	struct lb_msg_record r;
	ok(lb_store_next_record(txn, last - 1, &r));
	assert_int_equal(lb_store_next_record(txn, last, &r), LB_ERR_NOT_FOUND);
	lb_store_abort(txn);
}

static void
role_group_ids_run_out_cleanly(void **state)
{
	struct place *p = *state;
	struct lb_store_txn *txn;
	char role[16];
	uint32_t gid;

	ok(lb_store_open(p->dir, 16 * SMALL_MAP, &p->store));
	txn = begin(p, LB_STORE_WRITE);
	for (unsigned int i = 0; i < LB_ROLE_GIDS; i++) {
		snprintf(role, sizeof role, "role%u", i);
		ok(lb_store_role_gid(txn, role, &gid));
		assert_int_equal(gid, LB_UID_FIRST + i);
	}
	assert_int_equal(lb_store_role_gid(txn, "one-more", &gid), LB_ERR_FULL);
	lb_store_abort(txn);
}

/* ---- STORE-FORMAT ---- */

static size_t
hex_bytes(const char *text, uint8_t *out, size_t cap)
{
	size_t n = 0;
	unsigned int byte;

	while (*text == ' ')
		text++;
	while (isxdigit((unsigned char)text[0]) && isxdigit((unsigned char)text[1])) {
		assert_int_equal(sscanf(text, "%2x", &byte), 1);
		assert_true(n < cap);
		out[n++] = (uint8_t)byte;
		text += 2;
		while (*text == ' ')
			text++;
	}
	return n;
}

struct example {
	uint8_t key[LB_KEY_MAX], value[LB_RECORD_MAX];
	size_t key_size, size;
};

/* Reads "example NAME", then its "key" line and "value" lines, up to an empty line. */
static struct example
read_example(const char *name)
{
	FILE *f = fopen("lockboxd/keeper/STORE-FORMAT", "r");
	struct example e = {.size = 0};
	char line[256], title[64];
	bool inside = false;

	assert_non_null(f);
	snprintf(title, sizeof title, "example %s\n", name);
	while (fgets(line, sizeof line, f) != NULL) {
		if (strcmp(line, title) == 0)
			inside = true;
		else if (inside && line[0] == '\n')
			break;
		else if (inside && strncmp(line, "  key    ", 9) == 0)
			e.key_size = hex_bytes(line + 9, e.key, sizeof e.key);
		else if (inside)
			e.size += hex_bytes(line + 9, e.value + e.size, sizeof e.value - e.size);
	}
	fclose(f);
	assert_true(inside && e.key_size > 0);
	return e;
}

static void
print_hex(const char *name, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		printf("%s%02x%s", i % 24 == 0 ? (i == 0 ? name : "         ") : " ", bytes[i],
		       i % 24 == 23 || i + 1 == size ? "\n" : "");
}

static void
assert_example(const char *name, const struct lb_key *key, const uint8_t *value, size_t size)
{
	struct example e = read_example(name);

	if (e.size != size || memcmp(e.value, value, size) != 0) {
		printf("example %s\n", name);
		print_hex("  key    ", key->bytes, key->size);
		print_hex("  value  ", value, size);
	}
	assert_int_equal(e.key_size, key->size);
	assert_memory_equal(e.key, key->bytes, key->size);
	assert_int_equal(e.size, size);
	assert_memory_equal(e.value, value, size);
}

static void
assert_record_example(const char *name, enum lb_table table, struct lb_key key, const void *record,
		      size_t record_size)
{
	uint8_t buf[LB_RECORD_MAX];
	char got[sizeof(union lb_record)];
	size_t len;

	assert_true(record_size <= sizeof got);
	ok(lb_record_encode(table, &key, record, buf, &len));
	assert_example(name, &key, buf, len);
	ok(lb_record_decode(table, key.bytes, key.size, buf, len, got));
	assert_memory_equal(got, record, record_size);
}

static void
the_examples_of_the_format_are_what_is_written(void **state)
{
	struct lb_counters counters = {.epoch = 5,
				       .grant = 7,
				       .session = 3,
				       .serial = 2,
				       .role = 1,
				       .mark = {1700000000000000000, 3600000000000, {0}}};
	struct lb_uid_entry uid = {.grant = 7};
	struct lb_role_entry role = {.gid = LB_UID_FIRST};
	struct lb_grant g = pending_grant(7, "ann");
	struct lb_session s = {.grant = 7, .number = 3, .pid = 4242, .start_ticks = 99};
	static struct lb_signed signed_by = {.grant = 7,
					     .number = 1,
					     .approver = "bob",
					     .stated_s = 1700000100,
					     .used_s = 1700000160,
					     .key = "ssh-ed25519 AAAA",
					     .text = "lockbox-approval 1\nhost: db1\n",
					     .signature = "-----BEGIN SSH SIGNATURE-----\n"};
	static struct lb_customer customer = {
		.name = "acme",
		.change = 2,
		.changed_s = 1700000000,
		.on = 1,
		.approvals = 1,
		.roles = "db-operator",
		.keys = 1,
		.key = {{"eve", "ssh-ed25519 AAAA"}},
	};
	static struct lb_attestation attested = {
		"ann", "screening", LB_ATTESTED_HOLDS, "eve", 1700000000, 1731536000, ""};
	static struct lb_eligibility eligible = {
		"ann",	    "db-operator", LB_ELIGIBLE_HOLDS, "on call from May",
		1700000100, "bob",	   1700000200,	      1715552200,
		""};
	struct lb_msg_record r = event(7, "claim");
	uint8_t buf[LB_RECORD_MAX], prev[LB_HASH_SIZE] = {0};
	struct lb_key key = lb_key_u64(1);
	size_t len;

	(void)state;
	g.state = LB_STATE_ACTIVE;
	g.have = 1;
	strcpy(g.approval[0].identity, "bob");
	g.approval[0].at_s = 1700000300;
	strcpy(g.approval[0].key, "SHA256:AAAA");
	strcpy(g.groups, "postgres, adm");
	strcpy(g.sudo, "/usr/bin/systemctl restart postgresql");
	strcpy(g.shell, "/bin/bash");
	g.sessions_max = 1;
	memset(g.policy_digest, 0xd1, sizeof g.policy_digest);
	memset(g.otp_salt, 0x5a, sizeof g.otp_salt);
	memset(g.otp_hash, 0x4a, sizeof g.otp_hash);
	g.otp = LB_OTP_READY;
	set_account(&g, 2);
	memset(counters.mark.boot_id, 0xb0, sizeof counters.mark.boot_id);
	memset(s.boot_id, 0xb0, sizeof s.boot_id);
	strcpy(s.service, "sshd");
	strcpy(s.rhost, "192.0.2.7");
	strcpy(s.tty, "ssh");
	assert_record_example("counters", LB_TABLE_META, lb_key_text("counters"), &counters,
			      sizeof counters);
	assert_record_example("grant", LB_TABLE_GRANT, lb_key_u64(7), &g, sizeof g);
	assert_record_example("uid", LB_TABLE_UID, lb_key_u32(g.uid), &uid, sizeof uid);
	assert_record_example("session", LB_TABLE_SESSION, lb_key_pair(7, 3), &s, sizeof s);
	assert_record_example("role", LB_TABLE_ROLE, lb_key_text("db-operator"), &role,
			      sizeof role);
	memset(signed_by.nonce, 0x6e, sizeof signed_by.nonce);
	assert_record_example("statement", LB_TABLE_STATEMENT, lb_key_pair(7, 1), &signed_by,
			      sizeof signed_by);
	memset(customer.nonce, 0x6e, sizeof customer.nonce);
	assert_record_example("customer", LB_TABLE_CUSTOMER, lb_key_text("acme"), &customer,
			      sizeof customer);
	assert_record_example("attestation", LB_TABLE_ATTESTATION, lb_key_names("ann", "screening"),
			      &attested, sizeof attested);
	assert_record_example("eligibility", LB_TABLE_ELIGIBILITY,
			      lb_key_names("ann", "db-operator"), &eligible, sizeof eligible);
	r.seq = 1;
	ok(lb_audit_encode(prev, &r, buf, &len));
	assert_example("audit", &key, buf, len);
	ok(lb_audit_decode(prev, key.bytes, key.size, buf, len, &r));
}

static void
a_record_with_any_byte_changed_is_damaged(void **state)
{
	struct lb_grant g = pending_grant(7, "ann"), got;
	struct lb_key key = lb_key_u64(7), other = lb_key_u64(8);
	uint8_t buf[LB_RECORD_MAX + 1];
	size_t len;

	(void)state;
	ok(lb_record_encode(LB_TABLE_GRANT, &key, &g, buf, &len));
	for (size_t i = 0; i < len; i++) {
		buf[i] ^= 1;
		assert_int_equal(
			lb_record_decode(LB_TABLE_GRANT, key.bytes, key.size, buf, len, &got),
			LB_ERR_DAMAGED);
		buf[i] ^= 1;
	}
	for (size_t i = 0; i <= len + 1; i++)
		assert_int_equal(
			lb_record_decode(LB_TABLE_GRANT, key.bytes, key.size, buf, i, &got),
			i == len ? LB_OK : LB_ERR_DAMAGED);
	assert_int_equal(lb_record_decode(LB_TABLE_GRANT, other.bytes, other.size, buf, len, &got),
			 LB_ERR_DAMAGED);
}

#define in_place(test) cmocka_unit_test_setup_teardown(test, place_setup, place_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		in_place(every_field_of_a_grant_comes_back),
		in_place(every_field_of_a_session_and_of_a_record_comes_back),
		in_place(indexes_follow_a_grant_from_every_state_to_every_state),
		in_place(lists_are_in_order_and_keep_people_apart),
		in_place(what_began_is_found_in_the_order_of_its_beginning),
		in_place(requests_of_a_ticket_are_found_from_the_last_to_the_first),
		in_place(an_aborted_transaction_leaves_nothing),
		in_place(numbers_are_never_handed_out_twice),
		in_place(a_committed_transaction_is_there_after_reopening),
		in_place(a_uid_of_another_grant_is_refused),
		in_place(a_grant_that_breaks_a_rule_is_refused_and_ends_the_transaction),
		in_place(nothing_is_written_in_a_read_transaction),
		in_place(one_transaction_at_a_time),
		in_place(sessions_are_counted_listed_and_dropped),
		in_place(statements_are_numbered_and_stay_once_they_are_used),
		in_place(eligibility_is_found_by_its_names_and_by_when_it_lapses),
		in_place(the_audit_chain_goes_on_after_reopening),
		in_place(a_store_that_is_open_belongs_to_one_owner),
		in_place(files_are_private_whatever_the_umask),
		in_place(a_directory_or_file_that_others_can_enter_is_refused),
		in_place(the_file_is_allocated_ahead),
		in_place(endings_go_through_when_the_store_is_full),
		in_place(past_the_very_end_a_transaction_fails_whole),
		in_place(role_group_ids_run_out_cleanly),
		cmocka_unit_test(the_examples_of_the_format_are_what_is_written),
		cmocka_unit_test(a_record_with_any_byte_changed_is_damaged),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
