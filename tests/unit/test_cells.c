/*
 * Every act of everybody, of time, of the policy and of the warden, in every state that a request
 * can be in: through the keeper's own handlers and store, against a table written by hand.  (The
 * table of the state machine itself: test_grant.)
 */
#include "keeper/customer.h"
#include "keeper_fixture.h"
#include "sshsig_make.h"

static struct maker eve;

#define POLICY                                                                                     \
	PEOPLE MALLORY "identity eve { keys = {\"%s\"} unix-user = \"u2\" }\n"                     \
		       "team engineers { members = {\"alice\", \"mallory\"} }\n"                   \
		       "team others { members = {\"mallory\"} }\n"                                 \
		       "team leads { members = {\"bob\", \"dave\"} }\n"                            \
		       "team auditors { members = {\"carol\"} }\n"                                 \
		       "customer acme { approvers = {\"eve\"} }\n"                                 \
		       "role theirs { requesters = {\"%s\"} approvers = {\"leads\"}\n"             \
		       " customer = \"acme\" max-duration = \"4h\" default-duration = \"1h\" }\n"

static void
set_policy(struct fixture *f, const char *requesters)
{
	char line[MADE_MAX], text[2 * MADE_MAX];

	maker_line(&eve, line);
	snprintf(text, sizeof text, POLICY, line, requesters);
	change_policy(f, text);
}

/* As eve, who came with her key. */
static struct answer *
as_eve(struct fixture *f, uint16_t type, const union lb_msg *msg)
{
	struct lb_peer peer = peer_of(f, "u2");
	uint8_t key[MADE_MAX], hash[32];

	crypto_hash_sha256(hash, key, maker_key(&eve, key));
	memcpy(peer.fingerprint, "SHA256:", 7);
	sodium_bin2base64(peer.fingerprint + 7, sizeof peer.fingerprint - 7, hash, sizeof hash,
			  sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
	return ask_by(f, &peer, type, msg);
}

/* The customer switches its last word on. */
static void
agree(struct fixture *f)
{
	static union lb_msg m;
	char text[MADE_MAX], signature[MADE_MAX];
	struct making what;

	m = (union lb_msg){.customer = {.name = "acme", .lockbox = 1}};
	as_eve(f, LB_MSG_CUSTOMER, &m);
	snprintf(text, sizeof text, "%s", f->a.customer.statement);
	what = making_default(LB_CUSTOMER_SPACE, text, strlen(text));
	make_signature(&eve, &what, signature);
	snprintf(m.customer.signatures, sizeof m.customer.signatures, "%.1000s", signature);
	as_eve(f, LB_MSG_CUSTOMER_CHANGE, &m);
	assert_int_equal(f->a.customer.on, 1);
}

/* -- acts ------------------------------------------------------------------------------- */

static void
by(struct fixture *f, uint64_t id, const char *who, uint16_t type)
{
	union lb_msg m = {.act = {.id = id}};

	if (type != LB_MSG_CLAIM)
		strcpy(m.act.text, "word");
	if (strcmp(who, "eve") == 0)
		as_eve(f, type, &m);
	else
		ask(f, who, type, &m);
}

static void
extend(struct fixture *f, uint64_t id)
{
	union lb_msg m = {.extend = {.id = id, .duration_s = 900, .reason = "not done"}};

	ask(f, "alice", LB_MSG_EXTEND, &m);
}

/* The time of its state is over; the keeper is woken, or has not been yet. */
static void
run_out(struct fixture *f, uint64_t id, bool woken)
{
	uint64_t until_s = stored(f, id).until_s;

	if (until_s > lb_keeper_now_s(&f->k))
		pass_time(f, (int64_t)(until_s - lb_keeper_now_s(&f->k)));
	if (woken)
		ok(lb_due_start(&f->k));
}

enum act {
	LEAD_APPROVES,
	CUSTOMER_APPROVES,
	OWN_APPROVES,
	STRANGER_APPROVES,
	LEAD_DENIES,
	CUSTOMER_DENIES,
	CANCELS,
	CLAIMS,
	ENDS,
	LEAD_REVOKES,
	CUSTOMER_REVOKES,
	ROOT_REVOKES,
	EXTENDS,
	POLICY_CHANGES,
	TIME_IS_OVER,
	WARDEN_ENDED_IT,
	NEVER_MADE,
	ACTS,
};
static const struct {
	const char *name, *who;
	uint16_t type;
} acts[ACTS] = {
	[LEAD_APPROVES] = {"a lead approves", "dave", LB_MSG_APPROVE},
	[CUSTOMER_APPROVES] = {"the customer approves", "eve", LB_MSG_APPROVE},
	[OWN_APPROVES] = {"the engineer approves", "alice", LB_MSG_APPROVE},
	[STRANGER_APPROVES] = {"a stranger approves", "mallory", LB_MSG_APPROVE},
	[LEAD_DENIES] = {"a lead denies", "dave", LB_MSG_DENY},
	[CUSTOMER_DENIES] = {"the customer denies", "eve", LB_MSG_DENY},
	[CANCELS] = {"the engineer cancels", "alice", LB_MSG_CANCEL},
	[CLAIMS] = {"the engineer claims", "alice", LB_MSG_CLAIM},
	[ENDS] = {"the engineer ends it", "alice", LB_MSG_END},
	[LEAD_REVOKES] = {"a lead revokes", "dave", LB_MSG_REVOKE},
	[CUSTOMER_REVOKES] = {"the customer revokes", "eve", LB_MSG_REVOKE},
	[ROOT_REVOKES] = {"root revokes", "root", LB_MSG_REVOKE},
	[EXTENDS] = {"the engineer extends it", "alice", LB_MSG_EXTEND},
	[POLICY_CHANGES] = {"the policy no longer allows it", NULL, 0},
	[TIME_IS_OVER] = {"its time is over", NULL, 0},
	[WARDEN_ENDED_IT] = {"the warden has ended it", NULL, 0},
	[NEVER_MADE] = {"its account was never made", NULL, 0},
};

static void
do_act(struct fixture *f, enum act act_now, uint64_t id)
{
	uint32_t uid = stored(f, id).uid;

	memset(&f->a, 0, sizeof f->a);
	switch (act_now) {
	case EXTENDS:
		extend(f, id);
		break;
	case POLICY_CHANGES:
		set_policy(f, "others");
		ok(lb_tx_run(&f->k, lb_sync_policy, NULL));
		break;
	case TIME_IS_OVER:
		run_out(f, id, true);
		break;
	case WARDEN_ENDED_IT:
		ok(warden_says(f, LB_IPC_EVICTED, uid != 0 ? uid : 1900010001, true, "killed 0"));
		break;
	case NEVER_MADE:
		ok(warden_says_how(f, LB_IPC_PUBLISHED, uid != 0 ? uid : 1900010001, false,
				   LB_IPC_UNMADE, "no room"));
		break;
	default:
		by(f, id, acts[act_now].who, acts[act_now].type);
	}
}

/* -- states ------------------------------------------------------------------------------ */

/* An extension that waits is a state of its own here: it ends where a request is approved. */
enum { EXTENSION = LB_STATE_COUNT, EXTENSION_NOTIFIED, ROWS };

static uint64_t
asked(struct fixture *f)
{
	union lb_msg m = {.request = {.role = "theirs", .reason = "why", .ticket = "T-1"}};

	return answered(ask(f, "alice", LB_MSG_REQUEST, &m));
}

/* A request in the state of a row, got there the way people go. */
static uint64_t
make(struct fixture *f, int row)
{
	uint64_t id = asked(f);

	if (row == LB_STATE_PENDING)
		return id;
	if (row == LB_STATE_DENIED) {
		by(f, id, "bob", LB_MSG_DENY);
		return id;
	}
	by(f, id, "bob", LB_MSG_APPROVE);
	if (row == LB_STATE_NOTIFIED)
		return id;
	if (row == LB_STATE_LAPSED) {
		do_act(f, TIME_IS_OVER, id);
		lb_alarm_free(f->k.alarm);
		event_free(f->k.mark_timer);
		f->k.alarm = NULL;
		f->k.mark_timer = NULL;
		return id;
	}
	by(f, id, "eve", LB_MSG_APPROVE);
	if (row == LB_STATE_CANCELLED)
		do_act(f, CANCELS, id);
	if (row == LB_STATE_APPROVED || row == LB_STATE_CANCELLED)
		return id;
	do_act(f, CLAIMS, id);
	if (row == LB_STATE_ENDING || row == LB_STATE_ENDED)
		do_act(f, ENDS, id);
	if (row == LB_STATE_ENDED)
		do_act(f, WARDEN_ENDED_IT, id);
	if (row == EXTENSION || row == EXTENSION_NOTIFIED) {
		extend(f, id);
		id = answered(&f->a);
	}
	if (row == EXTENSION_NOTIFIED)
		by(f, id, "bob", LB_MSG_APPROVE);
	return id;
}

/*
 * What comes of each act: the state that follows; or a refusal, and then with
 * which code, and the request is as it was; or nothing at all is said or done.
 */
#define NOT_NOW (-LB_NOT_NOW)
#define NO_SUCH (-LB_NO_SUCH)
#define NO_RIGHT (-LB_NO_PERMISSION)
#define HIS_OWN (-LB_OWN_REQUEST)
#define NOTHING 0
#define WAITS LB_STATE_PENDING
#define NOTIFIED LB_STATE_NOTIFIED
#define APPROVED LB_STATE_APPROVED
#define ACTIVE LB_STATE_ACTIVE
#define ENDING LB_STATE_ENDING
#define ENDED LB_STATE_ENDED
#define DENIED LB_STATE_DENIED
#define CANCELLED LB_STATE_CANCELLED
#define LAPSED LB_STATE_LAPSED

/* clang-format off */
static const int expected[ROWS][ACTS] = {
	/*                       lead      customer  engineer stranger lead     customer engineer   engineer engineer lead       customer   root       engineer policy     time    warden never
	 *                       approves  approves  approves approves denies   denies   cancels    claims   ends     revokes    revokes    revokes    extends  changes    is over ended it  made */
	[WAITS] =               {NOTIFIED, NO_SUCH,  HIS_OWN, NO_SUCH, DENIED,  NO_SUCH, CANCELLED, NOT_NOW, NOT_NOW, CANCELLED, NO_SUCH,   CANCELLED, NOT_NOW, CANCELLED, LAPSED, NOTHING, NOTHING},
	[NOTIFIED] =            {NOT_NOW,  APPROVED, HIS_OWN, NO_SUCH, DENIED,  DENIED,  CANCELLED, NOT_NOW, NOT_NOW, CANCELLED, CANCELLED, CANCELLED, NOT_NOW, CANCELLED, LAPSED, NOTHING, NOTHING},
	[APPROVED] =            {NOT_NOW,  NOT_NOW,  HIS_OWN, NO_SUCH, NOT_NOW, NOT_NOW, CANCELLED, ACTIVE,  NOT_NOW, CANCELLED, CANCELLED, CANCELLED, NOT_NOW, CANCELLED, LAPSED, NOTHING, NOTHING},
	[ACTIVE] =              {NOT_NOW,  NOT_NOW,  HIS_OWN, NO_SUCH, NOT_NOW, NOT_NOW, NOT_NOW,   ACTIVE,  ENDING,  ENDING,    ENDING,    ENDING,    ACTIVE,  ENDING,    ENDING, ENDED, APPROVED},
	[ENDING] =              {NOT_NOW,  NOT_NOW,  HIS_OWN, NO_SUCH, NOT_NOW, NOT_NOW, NOT_NOW,   NOT_NOW, NOT_NOW, NOT_NOW,   NOT_NOW,   NOT_NOW,   NOT_NOW, NOTHING,   NOTHING, ENDED, NOTHING},
	[ENDED] =               {NOT_NOW,  NOT_NOW,  HIS_OWN, NO_SUCH, NOT_NOW, NOT_NOW, NOT_NOW,   NOT_NOW, NOT_NOW, NOT_NOW,   NOT_NOW,   NOT_NOW,   NOT_NOW, NOTHING,   NOTHING, NOTHING, NOTHING},
	[DENIED] =              {NOT_NOW,  NO_SUCH,  HIS_OWN, NO_SUCH, NOT_NOW, NO_SUCH, NOT_NOW,   NOT_NOW, NOT_NOW, NOT_NOW,   NO_SUCH,   NOT_NOW,   NOT_NOW, NOTHING,   NOTHING, NOTHING, NOTHING},
	[CANCELLED] =           {NOT_NOW,  NOT_NOW,  HIS_OWN, NO_SUCH, NOT_NOW, NOT_NOW, NOT_NOW,   NOT_NOW, NOT_NOW, NOT_NOW,   NOT_NOW,   NOT_NOW,   NOT_NOW, NOTHING,   NOTHING, NOTHING, NOTHING},
	[LAPSED] =              {NOT_NOW,  NOT_NOW,  HIS_OWN, NO_SUCH, NOT_NOW, NOT_NOW, NOT_NOW,   NOT_NOW, NOT_NOW, NOT_NOW,   NOT_NOW,   NOT_NOW,   NOT_NOW, NOTHING,   NOTHING, NOTHING, NOTHING},
	[EXTENSION] =           {NOTIFIED, NO_SUCH,  HIS_OWN, NO_SUCH, DENIED,  NO_SUCH, CANCELLED, NOT_NOW, NOT_NOW, CANCELLED, NO_SUCH,   CANCELLED, NOT_NOW, CANCELLED, LAPSED, CANCELLED, CANCELLED},
	[EXTENSION_NOTIFIED] =  {NOT_NOW,  ENDED,    HIS_OWN, NO_SUCH, DENIED,  DENIED,  CANCELLED, NOT_NOW, NOT_NOW, CANCELLED, CANCELLED, CANCELLED, NOT_NOW, CANCELLED, LAPSED, CANCELLED, CANCELLED},
};
/* clang-format on */

static const char *
name_of(int row)
{
	return row == EXTENSION	      ? "extension"
	       : row >= EXTENSION + 1 ? "extension, customer-notified"
				      : lb_state_name((uint8_t)row);
}

static void
check(struct fixture *f, int row, enum act act_now, int due, const struct lb_grant *before,
      uint64_t records)
{
	const struct lb_grant after = stored(f, before->id);
	bool asked_now = acts[act_now].type != 0;

	if (f->a.err != LB_OK || (due >= 0 && f->a.refused != 0) ||
	    (due < 0 && (f->a.refused != 1 || f->a.code != (unsigned)-due)))
		fail_msg("%s, %s: error %d, refused with %u: %s", name_of(row), acts[act_now].name,
			 f->a.err, f->a.code, f->a.text);
	if (due > 0) {
		if (after.state != due)
			fail_msg("%s, %s: it is %s", name_of(row), acts[act_now].name,
				 lb_state_name(after.state));
		assert_true(last_record(f, NULL) > records);
		assert_true(!asked_now || f->a.done == 1 || f->a.claims == 1);
		return;
	}
	if (memcmp(&after, before, sizeof after) != 0 || last_record(f, NULL) != records)
		fail_msg("%s, %s: something has changed", name_of(row), acts[act_now].name);
}

static bool
is_live(int row)
{
	return row >= EXTENSION || (lb_state_live((uint8_t)row) && row != LB_STATE_ENDING);
}

/* One cell, in a keeper of its own. */
static void
walk(int row, enum act act_now, bool late)
{
	int due = expected[row][act_now];
	struct lb_grant before;
	struct fixture *f;
	uint64_t id, records;
	void *state = NULL;

	assert_int_equal(fixture_setup(&state), 0);
	f = state;
	set_policy(f, "engineers");
	agree(f);
	id = make(f, row);
	before = stored(f, id);
	assert_int_equal(before.state, row == EXTENSION		   ? LB_STATE_PENDING
				       : row == EXTENSION_NOTIFIED ? LB_STATE_NOTIFIED
								   : row);
	if (late) {
		run_out(f, id, false);
		due = due > 0 ? NOT_NOW : due;
	}
	records = last_record(f, NULL);
	do_act(f, act_now, id);
	check(f, row, act_now, due, &before, records);
	fixture_teardown(&state);
}

static void
every_act_in_every_state_comes_to_what_the_table_says(void **unused)
{
	(void)unused;
	for (int row = LB_STATE_PENDING; row < ROWS; row++)
		for (int a = 0; a < ACTS; a++)
			walk(row, (enum act)a, false);
}

/* At the instant of the lapse and before the keeper has woken up, whoever asks is too late. */
static void
once_its_time_is_over_nobody_brings_anything_about(void **unused)
{
	(void)unused;
	for (int row = LB_STATE_PENDING; row < ROWS; row++)
		for (int a = 0; is_live(row) && a < POLICY_CHANGES; a++)
			walk(row, (enum act)a, true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_act_in_every_state_comes_to_what_the_table_says),
		cmocka_unit_test(once_its_time_is_over_nobody_brings_anything_about),
	};

	eve = maker_new(1, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
