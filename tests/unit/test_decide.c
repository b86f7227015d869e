/* What people may ask and what they are told: every refusal and every success of every request. */
#include "keeper/levels.h"
#include "keeper_fixture.h"

static void
who_may_ask_at_all(void **state)
{
	struct fixture *f = *state;
	static const uint16_t personal[] = {LB_MSG_REQUEST, LB_MSG_APPROVE, LB_MSG_DENY,
					    LB_MSG_CANCEL,  LB_MSG_CLAIM,   LB_MSG_END};
	static const uint16_t reading[] = {LB_MSG_ROLES, LB_MSG_LIST, LB_MSG_SHOW, LB_MSG_REVOKE,
					   LB_MSG_AUDIT};
	union lb_msg m = {.act = {.id = 1}};
	struct lb_peer peer;

	for (size_t i = 0; i < sizeof personal / sizeof personal[0]; i++) {
		refused(ask(f, "root", personal[i], &m), LB_NO_IDENTITY, "root is no identity");
		peer = peer_of_uid(f, NOBODY_UID);
		refused(ask_by(f, &peer, personal[i], &m), LB_NO_IDENTITY,
			"no identity of the policy");
		refused(ask(f, "lockbox", personal[i], &m), LB_NO_IDENTITY,
			"no identity of the policy");
		refused(ask(f, "lockbox-keys", personal[i], &m), LB_NO_IDENTITY,
			"look keys up and nothing else");
		peer = peer_of(f, "alice");
		peer.known = false;
		refused(ask_by(f, &peer, personal[i], &m), LB_NO_PERMISSION,
			"could not be looked at");
		/* An approver's uid behind which a temporary account's login stands. */
		peer = peer_of(f, "bob");
		peer.temporary = true;
		refused(ask_by(f, &peer, personal[i], &m), LB_NO_PERMISSION,
			"temporary account decides nothing");
	}
	for (size_t i = 0; i < sizeof reading / sizeof reading[0]; i++) {
		peer = peer_of_uid(f, NOBODY_UID);
		refused(ask_by(f, &peer, reading[i], &m), LB_NO_IDENTITY,
			"no identity of the policy");
		refused(ask(f, "lockbox-keys", reading[i], &m), LB_NO_IDENTITY,
			"look keys up and nothing else");
		peer = peer_of_uid(f, 0);
		peer.temporary = true; /* root by sudo, from a temporary account */
		refused(ask_by(f, &peer, reading[i], &m), LB_NO_IDENTITY,
			"temporary account decides nothing");
		peer = peer_of_uid(f, 0);
		peer.known = false;
		refused(ask_by(f, &peer, reading[i], &m), LB_NO_IDENTITY, "could not be looked at");
	}
}

static void
types_that_are_no_request_of_people_are_refused(void **state)
{
	struct fixture *f = *state;
	union lb_msg m = {.act = {.id = 1}};

	for (unsigned type = 0; type < 0x10000; type++)
		if (lb_proto_door((uint16_t)type) != LB_DOOR_PUBLIC &&
		    (type < 300 || type > 0x7f00))
			if (type < 100 || type % 257 == 0 ||
			    (type >= LB_REPLY && type < LB_REPLY + 12))
				refused(ask(f, "alice", (uint16_t)type, &m), LB_BAD_INPUT,
					"no such request");
}

/* A real public connection, whose uid the test then changes as if the kernel had said so. */
static struct lb_peer *
connected(struct fixture *f, uint32_t uid, int *fd)
{
	static const char name[] = "public";
	struct lb_peer *peer;
	union lb_ipc_msg m;
	uint8_t bytes[LB_LINK_MESSAGE_MAX];
	size_t len = 0;
	uint16_t type;

	*fd = connect_to(f->dir, name);
	while ((type = heard(f, f->front_fd, bytes, &len)) == LB_IPC_FRAME)
		; /* answers to the connections before */
	assert_int_equal(type, LB_IPC_PEER);
	ok(lb_ipc_decode(LB_IPC_PEER, bytes, len, &m));
	peer = lb_peers_find(f->k.peers, m.conn.conn);
	assert_non_null(peer);
	assert_true(peer->known);
	assert_int_equal(peer->uid, getuid());
	assert_int_equal(peer->pid, getpid());
	peer->uid = uid;
	return peer;
}

static struct answer *
name_identity(struct fixture *f, struct lb_peer *peer, const char *identity)
{
	union lb_msg m = {.as = {.fingerprint = "SHA256:abc"}};

	snprintf(m.as.identity, sizeof m.as.identity, "%s", identity);
	return ask_by(f, peer, LB_MSG_AS, &m);
}

static void
only_the_gate_names_an_identity_and_only_once(void **state)
{
	struct fixture *f = *state;
	union lb_msg m = {.request = {.role = "op", .reason = "through the gate"}};
	struct lb_peer *peer;
	struct answer *a;
	int fd[4];

	ok(lb_peers_listen(f->k.peers, listener(f->dir, "public")));
	lb_peers_front(f->k.peers, true);
	peer = connected(f, 1001, &fd[0]);
	refused(name_identity(f, peer, "alice"), LB_NO_PERMISSION, "only the gate may name");
	assert_false(peer->has_identity);
	peer = connected(f, 0, &fd[1]);
	refused(name_identity(f, peer, "alice"), LB_NO_IDENTITY, "only the gate may name");
	peer = connected(f, GATE_UID, &fd[2]);
	peer->temporary = true;
	refused(name_identity(f, peer, "alice"), LB_NO_IDENTITY, "temporary account");
	peer->temporary = false;
	/* What front passes on is no statement of the gate's, even on the gate's own connection. */
	refused(name_identity(f, peer, "alice"), LB_NO_IDENTITY, "only the gate may name");
	peer->direct = true;
	refused(ask_by(f, peer, LB_MSG_REQUEST, &m), LB_NO_IDENTITY, "must be named first");
	refused(name_identity(f, peer, "zoe"), LB_NO_IDENTITY, "the policy knows no identity zoe");
	a = name_identity(f, peer, "alice");
	assert_int_equal(a->done, 1);
	peer->direct = false;
	refused(name_identity(f, peer, "bob"), LB_NO_PERMISSION, "only the gate may name");
	a = ask_by(f, peer, LB_MSG_REQUEST, &m);
	answered(a);
	assert_string_equal(a->grant.identity, "alice");
	assert_non_null(strstr(a->log, "SHA256:abc"));
	/* The policy no longer knows who was named. */
	peer = connected(f, GATE_UID, &fd[3]);
	peer->direct = true;
	assert_int_equal(name_identity(f, peer, "mallory")->done, 1);
	peer->direct = false;
	change_policy(f, policy_without_mallory);
	refused(ask_by(f, peer, LB_MSG_REQUEST, &m), LB_NO_IDENTITY, "no identity of the policy");
	for (int i = 0; i < 4; i++)
		close(fd[i]);
}

static void
a_request_is_stored_and_recorded_as_it_was_made(void **state)
{
	struct fixture *f = *state;
	union lb_msg m = {.request = {"op", 7200, "T-1", "the index is on fire"}};
	uint64_t id = answered(ask(f, "alice", LB_MSG_REQUEST, &m));
	struct lb_grant g = stored(f, id);

	recorded(f, "request", id, "alice");
	assert_int_equal(g.state, LB_STATE_PENDING);
	assert_string_equal(g.identity, "alice");
	assert_string_equal(g.role, "op");
	assert_string_equal(g.ticket, "T-1");
	assert_string_equal(g.groups, "adm");
	assert_string_equal(g.sudo, "/usr/bin/id -u");
	assert_int_equal(g.duration_s, 7200);
	assert_int_equal(g.level[0].need, 1);
	assert_int_equal(g.until_s, g.requested_s + 12 * 3600);
	assert_int_equal(g.uid, 0);
	assert_memory_equal(g.policy_digest, lb_policy_digest(f->k.policy), LB_HASH_SIZE);
	assert_string_equal(f->a.grant.approvers, "bob, dave");
	assert_string_equal(f->a.grant.host, "testhost");
	/* The same again is the same; another duration, reason or person is not. */
	assert_int_equal(answered(ask(f, "alice", LB_MSG_REQUEST, &m)), id);
	assert_string_equal(f->a.log, "");
	m.request.duration_s = 0;
	assert_int_equal(answered(ask(f, "alice", LB_MSG_REQUEST, &m)), id + 1);
	assert_int_equal(f->a.grant.duration_s, 3600); /* the role's default */
	assert_int_equal(answered(ask(f, "mallory", LB_MSG_REQUEST, &m)), id + 2);
	m.request.duration_s = 4 * 3600; /* its maximum */
	answered(ask(f, "alice", LB_MSG_REQUEST, &m));
}

static void
a_request_out_of_order_is_refused_with_the_reason(void **state)
{
	struct fixture *f = *state;
	union lb_msg m = {.request = {"op", 60, "a\033[2Jb", "fine"}};
	uint64_t before = last_record(f, NULL);

	refused(request(f, "alice", "op", 60, "two\nlines"), LB_BAD_INPUT, "control characters");
	refused(request(f, "alice", "op", 60, "c1 \xc2\x9b"), LB_BAD_INPUT, "control characters");
	refused(request(f, "alice", "op", 60, "bad \xff utf-8"), LB_BAD_INPUT,
		"control characters");
	refused(request(f, "alice", "op", 60, "bidi \xe2\x80\xae"), LB_BAD_INPUT,
		"control characters");
	refused(ask(f, "alice", LB_MSG_REQUEST, &m), LB_BAD_INPUT, "control characters");
	refused(request(f, "alice", "op", 60, ""), LB_BAD_INPUT, "a reason is needed");
	refused(request(f, "alice", "op", 60, "   "), LB_BAD_INPUT, "a reason is needed");
	refused(request(f, "alice", "no-such", 60, "why"), LB_NO_SUCH,
		"no such role that you may request");
	refused(request(f, "alice", "no-such", 60, "why"), LB_NO_SUCH, "you may ask for: ");
	refused(request(f, "alice", "opp", 60, "why"), LB_NO_SUCH, "did you mean 'op'?");
	refused(request(f, "alice", "", 60, "why"), LB_NO_SUCH, "no such role");
	/* A role that is there, but not for her, sounds the same. */
	refused(request(f, "bob", "op", 60, "why"), LB_NO_SUCH,
		"no such role that you may request");
	assert_null(strstr(f->a.text, "'op'"));
	refused(request(f, "alice", "op", 4 * 3600 + 1, "why"), LB_OVER_LIMIT, "at most 4h");
	refused(request(f, "alice", "op", UINT32_MAX, "why"), LB_OVER_LIMIT, "at most 4h");
	pass_time(f, 2 * 86400);
	refused(request(f, "alice", "op", 60, "why"), LB_NOT_NOW,
		"clock is more than a day behind");
	assert_int_equal(last_record(f, NULL), before);
}

static void
one_person_has_at_most_twenty_at_a_time(void **state)
{
	struct fixture *f = *state;
	uint64_t id = 0;

	for (int i = 0; i < 20; i++)
		id = pending(f, "alice", "op");
	refused(request(f, "alice", "op", 0, "one more"), LB_OVER_LIMIT,
		"20 requests and grants already");
	pending(f, "mallory", "op"); /* others are not touched */
	answered(act(f, "alice", LB_MSG_CANCEL, id, ""));
	answered(request(f, "alice", "op", 0, "one more"));
}

static void
roles_are_listed_to_those_they_concern(void **state)
{
	struct fixture *f = *state;
	union lb_msg m = {.act = {0}};

	assert_int_equal(ask(f, "alice", LB_MSG_ROLES, &m)->roles, 2);
	assert_int_equal(ask(f, "dave", LB_MSG_ROLES, &m)->roles, 2);
	assert_int_equal(ask(f, "frank", LB_MSG_ROLES, &m)->roles, 1);
	assert_string_equal(f->a.role.name, "mixed");
	assert_int_equal(f->a.role.may_request, 1);
	assert_int_equal(f->a.role.may_approve, 1);
	assert_int_equal(ask(f, "carol", LB_MSG_ROLES, &m)->roles, 3);
	assert_int_equal(f->a.role.may_request + f->a.role.may_approve, 0);
	assert_int_equal(ask(f, "root", LB_MSG_ROLES, &m)->roles, 3);
	assert_int_equal(f->a.done, 1);
}

static struct answer *
list(struct fixture *f, const char *who, unsigned which, uint64_t after)
{
	union lb_msg m = {.list = {(uint8_t)which, after}};

	return ask(f, who, LB_MSG_LIST, &m);
}

/* What a view says that its reader may do is what is not refused him. */
static void
a_view_says_what_its_reader_may_do(void **state)
{
	static const struct {
		const char *who;
		unsigned pending, approved;
	} rows[] = {
		{"alice", LB_CALLER_OWN, LB_CALLER_OWN},
		{"bob", LB_CALLER_APPROVES | LB_CALLER_DENIES | LB_CALLER_REVOKES,
		 LB_CALLER_REVOKES},
		{"carol", 0, 0}, /* an auditor */
		{"root", LB_CALLER_REVOKES, LB_CALLER_REVOKES},
	};
	struct fixture *f = *state;
	uint64_t id = pending(f, "alice", "op");

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		answered(act(f, rows[i].who, LB_MSG_SHOW, id, ""));
		assert_int_equal(f->a.grant.caller, rows[i].pending);
		assert_int_equal(f->a.grant.permission, LB_PERMISSION_CHANGE);
		assert_string_equal(f->a.grant.others, "");
	}
	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		answered(act(f, rows[i].who, LB_MSG_SHOW, id, ""));
		assert_int_equal(f->a.grant.caller, rows[i].approved);
		assert_non_null(strstr(f->a.grant.others, "bob"));
		assert_null(strstr(f->a.grant.others, "alice"));
	}
	refused(act(f, "bob", LB_MSG_DENY, id, "no"), LB_NOT_NOW, "; revoke takes it back");
	refused(act(f, "alice", LB_MSG_END, id, ""), LB_NOT_NOW, "; cancel withdraws it");
	refused(act(f, "carol", LB_MSG_REVOKE, id, "x"), LB_NO_PERMISSION, "no approver");
	answered(act(f, "bob", LB_MSG_REVOKE, id, "x"));
	answered(act(f, "bob", LB_MSG_SHOW, id, ""));
	assert_int_equal(f->a.grant.caller, 0);
	assert_int_equal(f->a.grant.permission, LB_PERMISSION_UNKNOWN);
}

static void
lists_show_what_is_the_callers_to_see(void **state)
{
	struct fixture *f = *state;
	uint64_t mine = pending(f, "alice", "op"), other = pending(f, "mallory", "duo"), mixed;

	assert_int_equal(list(f, "alice", LB_LIST_MINE, 0)->grants, 1);
	assert_int_equal(f->a.ids[0], mine);
	assert_int_equal(list(f, "alice", LB_LIST_ALL, 0)->grants, 1);
	assert_int_equal(list(f, "alice", LB_LIST_PENDING, 0)->grants, 0);
	assert_int_equal(list(f, "bob", LB_LIST_PENDING, 0)->grants, 2);
	assert_int_equal(list(f, "bob", LB_LIST_MINE, 0)->grants, 0);
	assert_int_equal(list(f, "frank", LB_LIST_ALL, 0)->grants, 0);
	assert_int_equal(list(f, "carol", LB_LIST_ALL, 0)->grants, 2);
	assert_int_equal(list(f, "carol", LB_LIST_PENDING, 0)->grants, 0);
	assert_int_equal(list(f, "root", LB_LIST_PENDING, 0)->grants, 2);
	assert_int_equal(list(f, "root", LB_LIST_MINE, 0)->grants, 2);
	/* What waits for him no longer: his word is given, or it is his own. */
	answered(act(f, "bob", LB_MSG_APPROVE, other, ""));
	assert_int_equal(list(f, "bob", LB_LIST_PENDING, 0)->grants, 1);
	assert_int_equal(list(f, "dave", LB_LIST_PENDING, 0)->grants, 2);
	mixed = pending(f, "frank", "mixed");
	assert_int_equal(list(f, "frank", LB_LIST_PENDING, 0)->grants, 0);
	assert_int_equal(list(f, "bob", LB_LIST_PENDING, 0)->grants, 2);
	assert_int_equal(f->a.ids[1], mixed);
	/* At its time it is no longer pending, whether the clock's event came or not. */
	pass_time(f, 12 * 3600);
	assert_int_equal(list(f, "bob", LB_LIST_PENDING, 0)->grants, 0);
	refused(list(f, "bob", 0, 0), LB_BAD_INPUT, "no such list");
	refused(list(f, "bob", LB_LIST_REVIEWS + 1, 0), LB_BAD_INPUT, "no such list");
}

static void
long_lists_come_in_pages(void **state)
{
	struct fixture *f = *state;
	unsigned seen = 0, pages = 0;
	uint64_t after = 0;

	for (int i = 0; i < 20; i++)
		pending(f, "alice", "op");
	assert_int_equal(list(f, "bob", LB_LIST_PENDING, 0)->end.more, 0);
	for (int i = 0; i < 20; i++)
		pending(f, "mallory", "op");
	pending(f, "frank", "mixed");
	do {
		list(f, "bob", LB_LIST_PENDING, after);
		assert_in_range(f->a.grants, 1, 20);
		seen += f->a.grants;
		after = f->a.end.cursor;
		pages++;
	} while (f->a.end.more);
	assert_int_equal(seen, 41);
	assert_int_equal(pages, 3);
}

static void
a_grant_is_shown_to_its_people_and_to_nobody_else(void **state)
{
	struct fixture *f = *state;
	uint64_t id = pending(f, "alice", "op");
	static const char *const may[] = {"alice", "bob", "dave", "carol", "root"};

	for (size_t i = 0; i < 5; i++)
		assert_int_equal(answered(act(f, may[i], LB_MSG_SHOW, id, "")), id);
	refused(act(f, "mallory", LB_MSG_SHOW, id, ""), LB_NO_SUCH, "no R-1 that you may see");
	refused(act(f, "frank", LB_MSG_SHOW, id, ""), LB_NO_SUCH, "that you may see");
	refused(act(f, "root", LB_MSG_SHOW, id + 1, ""), LB_NO_SUCH, "that you may see");
	refused(act(f, "root", LB_MSG_SHOW, UINT64_MAX, ""), LB_NO_SUCH, "that you may see");
	/* Without a number: the only one of one's own. */
	assert_int_equal(answered(act(f, "alice", LB_MSG_SHOW, 0, "")), id);
	refused(act(f, "mallory", LB_MSG_SHOW, 0, ""), LB_NO_SUCH, "you have nothing");
	refused(act(f, "alice", LB_MSG_CLAIM, 0, ""), LB_NO_SUCH,
		"you have nothing that is approved or active: name what you mean");
	refused(act(f, "alice", LB_MSG_END, 0, ""), LB_NO_SUCH, "nothing that is active:");
	refused(act(f, "mallory", LB_MSG_SHOW, 0, ""), LB_NO_SUCH, "nothing that is open:");
	pending(f, "alice", "op");
	refused(act(f, "alice", LB_MSG_SHOW, 0, ""), LB_BAD_INPUT, "several that could be meant");
}

static void
an_approval_needs_another_person_who_is_an_approver(void **state)
{
	struct fixture *f = *state;
	uint64_t id = pending(f, "alice", "op"), own = pending(f, "frank", "mixed");
	struct lb_grant g;

	refused(act(f, "alice", LB_MSG_APPROVE, id, ""), LB_OWN_REQUEST, "your own request");
	refused(act(f, "frank", LB_MSG_APPROVE, own, ""), LB_OWN_REQUEST, "your own request");
	refused(act(f, "carol", LB_MSG_APPROVE, id, ""), LB_NO_PERMISSION,
		"no approver of this role");
	refused(act(f, "mallory", LB_MSG_APPROVE, id, ""), LB_NO_SUCH, "that you may see");
	refused(act(f, "bob", LB_MSG_APPROVE, 77, ""), LB_NO_SUCH, "no R-77");
	refused(act(f, "bob", LB_MSG_APPROVE, 0, ""), LB_NO_SUCH, "you have nothing");
	refused(act(f, "bob", LB_MSG_APPROVE, id, "x\ty"), LB_BAD_INPUT, "control characters");
	assert_int_equal(stored(f, id).have, 0);

	answered(act(f, "bob", LB_MSG_APPROVE, id, "go"));
	recorded(f, "approve", id, "bob");
	g = stored(f, id);
	assert_int_equal(g.state, LB_STATE_APPROVED);
	assert_int_equal(g.have, 1);
	assert_string_equal(g.approval[0].identity, "bob");
	assert_in_range(g.approval[0].at_s, g.requested_s, g.requested_s + 60);
	assert_string_equal(f->a.grant.approvers, "bob");
	assert_in_range(g.until_s, g.requested_s + 3600, g.requested_s + 3660); /* time to claim */
	refused(act(f, "bob", LB_MSG_APPROVE, id, ""), LB_NOT_NOW, "you have approved");
	refused(act(f, "dave", LB_MSG_APPROVE, id, ""), LB_NOT_NOW, "is approved and not claimed");
	answered(act(f, "bob", LB_MSG_APPROVE, own, ""));
}

static void
two_approvals_are_two_people(void **state)
{
	struct fixture *f = *state;
	uint64_t id = pending(f, "alice", "duo");

	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
	assert_int_equal(stored(f, id).state, LB_STATE_PENDING);
	refused(act(f, "bob", LB_MSG_APPROVE, id, ""), LB_NOT_NOW, "you have approved R-1 already");
	assert_int_equal(stored(f, id).have, 1);
	refused(act(f, "alice", LB_MSG_CLAIM, id, ""), LB_NOT_NOW, "is waiting for approval");
	answered(act(f, "dave", LB_MSG_APPROVE, id, ""));
	assert_int_equal(stored(f, id).state, LB_STATE_APPROVED);
	assert_int_equal(stored(f, id).have, 2);
}

static void
nothing_is_approved_that_the_policy_has_changed_under(void **state)
{
	struct fixture *f = *state;
	uint64_t id = pending(f, "alice", "op");

	change_policy(f, policy_other_groups);
	refused(act(f, "bob", LB_MSG_APPROVE, id, ""), LB_NOT_NOW, "changed since");
	change_policy(f, policy_without_alice_in_team);
	refused(act(f, "bob", LB_MSG_APPROVE, id, ""), LB_NOT_NOW, "changed since");
	change_policy(f, policy_text);
	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
}

/* -- a policy that has become stricter, or whose people have changed ------------------- */

#define TEAMS_LED_BY(leads)                                                                        \
	"team engineers { members = {\"alice\", \"mallory\"} }\n"                                  \
	"team leads { members = {" leads "} }\n"                                                   \
	"team both { members = {\"frank\", \"bob\"} }\n"                                           \
	"team auditors { members = {\"carol\"} }\n"
static const char policy_without_bob[] =
	PEOPLE MALLORY TEAMS_LED_BY("\"dave\", \"carol\"") OP("\"adm\"") OTHER_ROLES;
static const char policy_led_by_alice[] =
	PEOPLE MALLORY TEAMS_LED_BY("\"alice\", \"bob\", \"dave\"") OP("\"adm\"") OTHER_ROLES;
#define OP_NOW(settings)                                                                           \
	PEOPLE MALLORY TEAMS("\"alice\", \"mallory\"") OP_WITH(settings) OTHER_ROLES

static void
an_approval_of_somebody_who_may_no_longer_approve_does_not_count(void **state)
{
	struct fixture *f = *state;
	uint64_t half = pending(f, "alice", "duo"), whole = approved(f, "alice", "duo"),
		 op = approved(f, "alice", "op");

	answered(act(f, "bob", LB_MSG_APPROVE, half, ""));
	assert_int_equal(f->a.grant.have, 1);
	change_policy(f, policy_without_bob);
	answered(act(f, "alice", LB_MSG_SHOW, half, ""));
	assert_int_equal(f->a.grant.have, 0);
	answered(act(f, "dave", LB_MSG_APPROVE, half, ""));
	assert_int_equal(f->a.grant.have, 1);
	assert_int_equal(stored(f, half).state, LB_STATE_PENDING);
	answered(act(f, "carol", LB_MSG_APPROVE, half, ""));
	assert_int_equal(stored(f, half).state, LB_STATE_APPROVED);
	assert_string_equal(f->a.grant.approvers, "dave, carol");
	refused(act(f, "alice", LB_MSG_CLAIM, whole, ""), LB_NOT_NOW, "fewer of them still count");
	refused(act(f, "alice", LB_MSG_CLAIM, op, ""), LB_NOT_NOW, "fewer of them still count");
	/* The policy's coming into force takes them away, and those alone. */
	ok(lb_tx_run(&f->k, lb_sync_policy, NULL));
	assert_int_equal(stored(f, half).state, LB_STATE_APPROVED);
	assert_int_equal(stored(f, whole).state, LB_STATE_CANCELLED);
	assert_int_equal(stored(f, op).state, LB_STATE_CANCELLED);
	assert_string_equal(stored(f, op).cause, "the policy no longer allows it");
	act(f, "alice", LB_MSG_CLAIM, half, "");
	assert_int_equal(f->a.claims, 1);
}

static void
a_policy_that_asks_for_more_approvals_is_followed_before_the_claim(void **state)
{
	struct fixture *f = *state;
	uint64_t waiting = pending(f, "alice", "op"), ready = approved(f, "alice", "op"),
		 live = active(f, "alice", "op");

	change_policy(f, OP_NOW("max-duration = \"4h\" approvals = 2"));
	answered(act(f, "bob", LB_MSG_APPROVE, waiting, ""));
	assert_int_equal(f->a.grant.need, 2);
	assert_int_equal(stored(f, waiting).state, LB_STATE_PENDING);
	refused(act(f, "alice", LB_MSG_CLAIM, ready, ""), LB_NOT_NOW, "it takes 2");
	ok(lb_tx_run(&f->k, lb_sync_policy, NULL));
	assert_int_equal(stored(f, ready).state, LB_STATE_CANCELLED);
	assert_int_equal(stored(f, live).state,
			 LB_STATE_ACTIVE); /* it was claimed under the policy of its time */
	/* Fewer again: what has become known to take two takes two. */
	change_policy(f, policy_text);
	answered(act(f, "dave", LB_MSG_APPROVE, waiting, ""));
	assert_int_equal(f->a.grant.need, 2);
	assert_int_equal(stored(f, waiting).state, LB_STATE_APPROVED);
}

static void
an_engineer_who_became_an_approver_does_not_count_for_his_own(void **state)
{
	struct fixture *f = *state;
	struct lb_grant g;
	uint64_t id = pending(f, "alice", "op");
	struct lb_tx tx = {.k = &f->k};
	unsigned need;

	change_policy(f, policy_led_by_alice);
	refused(act(f, "alice", LB_MSG_APPROVE, id, ""), LB_OWN_REQUEST, "your own request");
	g = stored(f, id);
	g.have = 1;
	strcpy(g.approval[0].identity, "alice"); /* however it came there */
	assert_int_equal(lb_levels_count(&tx, &g, &need), 0);
	strcpy(g.approval[0].identity, "bob");
	assert_int_equal(lb_levels_count(&tx, &g, &need), 1);
}

static void
a_grant_longer_than_the_new_maximum_is_taken_away(void **state)
{
	struct fixture *f = *state;
	uint64_t waiting = pending(f, "alice", "op"),
		 ready = approved(f, "alice", "op"), /* an hour each */
		early, late = active(f, "alice", "op");

	pass_time(f, 600); /* of late 50 minutes are left, of early a whole hour */
	early = active(f, "alice", "op");
	change_policy(f, OP_NOW("max-duration = \"1h\""));
	ok(lb_tx_run(&f->k, lb_sync_policy, NULL));
	assert_int_equal(stored(f, ready).state, LB_STATE_APPROVED);
	change_policy(f, OP_NOW("max-duration = \"59m\""));
	refused(act(f, "bob", LB_MSG_APPROVE, waiting, ""), LB_NOT_NOW, "changed since");
	refused(act(f, "alice", LB_MSG_CLAIM, ready, ""), LB_NOT_NOW, "changed since");
	ok(lb_tx_run(&f->k, lb_sync_policy, NULL));
	assert_int_equal(stored(f, waiting).state, LB_STATE_CANCELLED);
	assert_int_equal(stored(f, ready).state, LB_STATE_CANCELLED);
	assert_int_equal(stored(f, early).state, LB_STATE_ENDING);
	assert_int_equal(stored(f, late).state, LB_STATE_ACTIVE);
}

static void
another_shell_is_another_role(void **state)
{
	struct fixture *f = *state;
	uint64_t ready = approved(f, "alice", "op");

	assert_string_equal(stored(f, ready).shell, "/bin/bash");
	change_policy(f, OP_NOW("max-duration = \"4h\" shell = \"/bin/sh\""));
	refused(act(f, "alice", LB_MSG_CLAIM, ready, ""), LB_NOT_NOW, "changed since");
}

static void
what_a_role_gains_after_the_approval_is_not_given(void **state)
{
	struct fixture *f = *state;
	union lb_msg m = {.keys = {.type = ALICE_TYPE, .blob = ALICE_KEY}};
	uint64_t id = active(f, "alice", "op");
	struct lb_grant g = stored(f, id);
	const struct lb_policy_role *role;

	assert_int_equal(g.sessions_max, 1);
	snprintf(m.keys.user, sizeof m.keys.user, "%s", g.account);
	change_policy(f, OP_NOW("max-duration = \"4h\" sessions = 3 port-forwarding = true"));
	ok(lb_tx_run(&f->k, lb_sync_policy, NULL));
	assert_int_equal(stored(f, id).state, LB_STATE_ACTIVE);
	role = lb_policy_role(f->k.policy, "op");
	assert_int_equal(lb_role_sessions(role, &g), 1);
	assert_int_equal(ask(f, "lockbox-keys", LB_MSG_KEYS, &m)->keys, 1);
	assert_null(strstr(f->a.key.line, "port-forwarding"));
	/* What it loses counts at once. */
	id = active(f, "alice", "op");
	g = stored(f, id);
	snprintf(m.keys.user, sizeof m.keys.user, "%s", g.account);
	assert_int_equal(ask(f, "lockbox-keys", LB_MSG_KEYS, &m)->keys, 1);
	assert_non_null(strstr(f->a.key.line, "port-forwarding"));
	assert_int_equal(lb_role_sessions(role, &g), 3);
	change_policy(f, OP_NOW("max-duration = \"4h\" sessions = 2"));
	assert_int_equal(ask(f, "lockbox-keys", LB_MSG_KEYS, &m)->keys, 1);
	assert_null(strstr(f->a.key.line, "port-forwarding"));
	assert_int_equal(lb_role_sessions(lb_policy_role(f->k.policy, "op"), &g), 2);
}

static void
nothing_is_approved_after_its_time(void **state)
{
	struct fixture *f = *state;
	uint64_t id = pending(f, "alice", "op");

	pass_time(f, 12 * 3600);
	refused(act(f, "bob", LB_MSG_APPROVE, id, ""), LB_NOT_NOW, "its time has run out");
	refused(act(f, "bob", LB_MSG_DENY, id, "late"), LB_NOT_NOW, "its time has run out");
	refused(act(f, "alice", LB_MSG_CANCEL, id, ""), LB_NOT_NOW, "its time has run out");
}

#define MAILED(n) "identity b" #n " { unix-user = \"u" #n "\" }\n"

static void
every_role_the_policy_accepts_can_be_approved(void **state)
{
	static const char many[] =
		"identity a0 { unix-user = \"alice\" } identity b1 { unix-user = \"bob\" "
		"}\n" MAILED(2) MAILED(3) MAILED(4) MAILED(5) MAILED(6) MAILED(7) MAILED(8) MAILED(
			9) "team engineers { members = {\"a0\"} } team auditors { members = "
			   "{\"a0\"} }\n"
			   "team leads { members = "
			   "{\"b1\",\"b2\",\"b3\",\"b4\",\"b5\",\"b6\",\"b7\",\"b8\",\"b9\"} }\n"
			   "role all { requesters = {\"engineers\"} approvers = {\"leads\"} "
			   "approvals = %d }\n";
	struct fixture *f = *state;
	char text[sizeof many + 8];

	(void)f;
	snprintf(text, sizeof text, many, LB_POLICY_APPROVALS_MAX);
	change_policy(f, text);
	answered(request(f, "alice", "all", 0, "all of them"));
	assert_int_equal(f->a.grant.need, LB_POLICY_APPROVALS_MAX);
	{
		/* More than can be kept is refused where it is written. */
		struct lb_report report = {.found = NULL};
		struct lb_policy_source *s = lb_policy_source_new();
		struct lb_policy *policy = NULL;

		snprintf(text, sizeof text, many, LB_POLICY_APPROVALS_MAX + 1);
		for (size_t i = 0; i < sizeof users / sizeof users[0]; i++)
			lb_policy_source_add_user(s, users[i].name, users[i].uid);
		ok(lb_policy_source_add_text(s, "p.conf", text, strlen(text), false));
		assert_int_equal(lb_policy_parse(s, &report, &policy), LB_ERR_MALFORMED);
		lb_policy_source_free(s);
	}
}

static void
a_denial_needs_a_reason_and_an_approver(void **state)
{
	struct fixture *f = *state;
	uint64_t id = pending(f, "alice", "op");

	refused(act(f, "bob", LB_MSG_DENY, id, ""), LB_BAD_INPUT, "a reason is needed");
	refused(act(f, "bob", LB_MSG_DENY, id, "  "), LB_BAD_INPUT, "a reason is needed");
	refused(act(f, "bob", LB_MSG_DENY, id, "\r"), LB_BAD_INPUT, "control characters");
	refused(act(f, "alice", LB_MSG_DENY, id, "no"), LB_OWN_REQUEST, "your own request");
	refused(act(f, "carol", LB_MSG_DENY, id, "no"), LB_NO_PERMISSION, "no approver");
	refused(act(f, "mallory", LB_MSG_DENY, id, "no"), LB_NO_SUCH, "that you may see");
	answered(act(f, "bob", LB_MSG_DENY, id, "not today"));
	recorded(f, "deny", id, "bob");
	assert_int_equal(stored(f, id).state, LB_STATE_DENIED);
	assert_string_equal(stored(f, id).cause, "denied by bob: not today");
	assert_true(stored(f, id).closed_s > 0);
	refused(act(f, "bob", LB_MSG_DENY, id, "again"), LB_NOT_NOW, "was denied");
	refused(act(f, "dave", LB_MSG_APPROVE, id, ""), LB_NOT_NOW, "was denied");
	refused(act(f, "alice", LB_MSG_CLAIM, id, ""), LB_NOT_NOW, "was denied");
}

static void
cancelling_is_the_engineers_own_and_only_before_the_claim(void **state)
{
	struct fixture *f = *state;
	uint64_t id = pending(f, "alice", "op");

	refused(act(f, "bob", LB_MSG_CANCEL, id, ""), LB_NO_PERMISSION,
		"only its engineer can cancel");
	refused(act(f, "mallory", LB_MSG_CANCEL, id, ""), LB_NO_SUCH, "that you may see");
	refused(act(f, "alice", LB_MSG_END, id, ""), LB_NOT_NOW, "is waiting for approval");
	answered(act(f, "alice", LB_MSG_CANCEL, 0, ""));
	recorded(f, "cancel", id, "alice");
	assert_int_equal(stored(f, id).state, LB_STATE_CANCELLED);
	id = approved(f, "alice", "op");
	answered(act(f, "alice", LB_MSG_CANCEL, id, ""));
	id = active(f, "alice", "op");
	refused(act(f, "alice", LB_MSG_CANCEL, id, ""), LB_NOT_NOW, "is active");
}

static void
ending_is_the_engineers_own_and_evicts(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "op");
	uint32_t uid = stored(f, id).uid;

	refused(act(f, "bob", LB_MSG_END, id, ""), LB_NO_PERMISSION, "only its engineer can end");
	refused(act(f, "mallory", LB_MSG_END, id, ""), LB_NO_SUCH, "that you may see");
	answered(act(f, "alice", LB_MSG_END, 0, ""));
	recorded(f, "end", id, "alice");
	assert_int_equal(f->a.nwarden, 1);
	assert_int_equal(f->a.warden[0].type, LB_IPC_EVICT);
	assert_int_equal(f->a.warden[0].msg.evict.uid, uid);
	assert_int_equal(f->a.warden[0].msg.evict.grant, id);
	assert_string_equal(f->a.warden[0].msg.evict.name, stored(f, id).account);
	assert_string_equal(f->a.warden[0].msg.evict.cause, "ended by the engineer");
	assert_int_equal(stored(f, id).state, LB_STATE_ENDING);
	assert_int_equal(stored(f, id).otp, LB_OTP_VOID);
	refused(act(f, "alice", LB_MSG_END, id, ""), LB_NOT_NOW, "is being ended");
	refused(act(f, "alice", LB_MSG_CLAIM, id, ""), LB_NOT_NOW, "is being ended");
	refused(act(f, "bob", LB_MSG_REVOKE, id, "again"), LB_NOT_NOW, "is being ended");
}

static void
revoking_is_for_approvers_and_root_in_every_living_state(void **state)
{
	static uint64_t (*const makers[])(struct fixture *, const char *,
					  const char *) = {pending, approved, active};
	static const char *const revokers[] = {"bob", "dave", "root"};
	struct fixture *f = *state;
	char actor[80];

	for (size_t i = 0; i < 3; i++)
		for (size_t r = 0; r < 3; r++) {
			uint64_t id = makers[i](f, "alice", "op");

			refused(act(f, revokers[r], LB_MSG_REVOKE, id, ""), LB_BAD_INPUT,
				"a reason is needed");
			refused(act(f, revokers[r], LB_MSG_REVOKE, id, "a\nb"), LB_BAD_INPUT,
				"control characters");
			refused(act(f, "alice", LB_MSG_REVOKE, id, "mine"), LB_NO_PERMISSION,
				"no approver");
			refused(act(f, "carol", LB_MSG_REVOKE, id, "audit"), LB_NO_PERMISSION,
				"no approver");
			refused(act(f, "mallory", LB_MSG_REVOKE, id, "x"), LB_NO_SUCH,
				"that you may see");
			answered(act(f, revokers[r], LB_MSG_REVOKE, id, "enough"));
			recorded(f, "revoke", id, revokers[r]);
			snprintf(actor, sizeof actor, "revoked by %s: enough", revokers[r]);
			assert_string_equal(stored(f, id).cause, actor);
			assert_int_equal(stored(f, id).state,
					 i == 2 ? LB_STATE_ENDING : LB_STATE_CANCELLED);
			assert_int_equal(f->a.nwarden, i == 2);
		}
	/* An approver may take away also what is his own. */
	answered(act(f, "frank", LB_MSG_REVOKE, pending(f, "frank", "mixed"), "no need"));
}

static void
a_claim_makes_account_uid_and_password_once(void **state)
{
	struct fixture *f = *state;
	uint64_t id = approved(f, "alice", "op");
	struct answer *a;
	struct lb_grant g;
	char first[80];

	refused(act(f, "bob", LB_MSG_CLAIM, id, ""), LB_NO_PERMISSION,
		"only its engineer can claim");
	refused(act(f, "root", LB_MSG_CLAIM, id, ""), LB_NO_IDENTITY, "root is no identity");
	refused(act(f, "mallory", LB_MSG_CLAIM, id, ""), LB_NO_SUCH, "that you may see");
	a = act(f, "alice", LB_MSG_CLAIM, 0, "");
	ok(a->err);
	assert_int_equal(a->claims, 1);
	assert_int_equal(a->done, 0); /* the rest of the answer waits for the warden */
	assert_int_equal(a->nwarden, 1);
	g = stored(f, id);
	assert_int_equal(a->warden[0].type, LB_IPC_ACCOUNT);
	assert_int_equal(a->warden[0].msg.account.uid, g.uid);
	assert_int_equal(a->warden[0].msg.account.fresh, 1);
	assert_string_equal(a->warden[0].msg.account.identity, "alice");
	assert_string_equal(a->warden[0].msg.account.role, "op");
	assert_in_range(a->warden[0].msg.account.end_boot_ns, lb_boot_ns() + 3590 * NS,
			lb_boot_ns() + 3600 * NS);
	assert_string_equal(a->claimed.account, g.account);
	assert_string_equal(g.account, "lb-alice-1");
	assert_int_equal(g.uid, 1900010001);
	assert_int_equal(g.state, LB_STATE_ACTIVE);
	assert_int_equal(g.end_s, g.claimed_s + 3600);
	assert_int_equal(g.until_s, g.end_s);
	assert_int_equal(a->claimed.end_s, g.end_s);
	assert_null(strstr(a->log, a->claimed.password));
	memcpy(first, a->claimed.password, sizeof a->claimed.password);

	/* Again: a new password for the same account, which is there. */
	ok(warden_says(f, LB_IPC_PUBLISHED, g.uid, true, ""));
	a = act(f, "alice", LB_MSG_CLAIM, id, "");
	assert_int_equal(a->claims, 1);
	assert_int_equal(a->done, 1);
	assert_int_equal(a->nwarden, 0);
	assert_string_not_equal(a->claimed.password, first);
	assert_int_equal(stored(f, id).uid, g.uid);
	assert_int_equal(stored(f, id).end_s, g.end_s);
	recorded(f, "claim", id, "alice");
	/* The next grant has another uid and name, also for the same person. */
	id = active(f, "mallory", "op");
	assert_int_equal(stored(f, id).uid, 1900010002);
	assert_string_equal(stored(f, id).account, "lb-mallory-2");
}

static void
a_claim_is_refused_when_late_changed_or_astray(void **state)
{
	struct fixture *f = *state;
	uint64_t id = pending(f, "alice", "op");

	refused(act(f, "alice", LB_MSG_CLAIM, id, ""), LB_NOT_NOW, "is waiting for approval");
	refused(act(f, "alice", LB_MSG_CLAIM, 0, ""), LB_NO_SUCH, "you have nothing");
	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
	change_policy(f, policy_other_groups);
	refused(act(f, "alice", LB_MSG_CLAIM, id, ""), LB_NOT_NOW, "changed since the approval");
	change_policy(f, policy_without_alice_in_team);
	refused(act(f, "alice", LB_MSG_CLAIM, id, ""), LB_NOT_NOW, "changed since the approval");
	change_policy(f, policy_text);
	pass_time(f, 3600);
	refused(act(f, "alice", LB_MSG_CLAIM, id, ""), LB_NOT_NOW, "its time has run out");
	pass_time(f, 86400);
	refused(act(f, "alice", LB_MSG_CLAIM, id, ""), LB_NOT_NOW,
		"clock is more than a day behind");
	assert_int_equal(stored(f, id).uid, 0);
}

static int
use_up_uids(struct lb_tx *tx, void *arg)
{
	uint32_t serial = 0;

	(void)arg;
	while (lb_account_uid(serial + 1) != 0)
		ok(lb_store_next_serial(tx->store, &serial));
	return LB_OK;
}

static void
when_the_uids_are_used_up_no_account_is_made(void **state)
{
	struct fixture *f = *state;
	uint64_t id = approved(f, "alice", "op");

	ok(lb_tx_run(&f->k, use_up_uids, NULL));
	/* The whole transaction is given up; who asked is told so (front_link.c). */
	assert_int_equal(act(f, "alice", LB_MSG_CLAIM, id, "")->err, LB_ERR_FULL);
	assert_int_equal(stored(f, id).state, LB_STATE_APPROVED);
}

static struct answer *
audit(struct fixture *f, const char *who, uint64_t after, uint64_t grant)
{
	union lb_msg m = {.audit = {after, grant}};

	return ask(f, who, LB_MSG_AUDIT, &m);
}

static void
the_record_is_read_by_auditors_and_root_alone(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "op"), after = 0;
	unsigned seen = 0;

	refused(audit(f, "alice", 0, 0), LB_NO_PERMISSION, "only auditors");
	refused(audit(f, "bob", 0, id), LB_NO_PERMISSION, "only auditors");
	assert_int_equal(audit(f, "carol", 0, 0)->records, 3);
	assert_int_equal(audit(f, "root", 0, 0)->records, 3);
	assert_int_equal(audit(f, "carol", 2, 0)->records, 1);
	assert_string_equal(f->a.record.event, "claim");
	assert_string_equal(f->a.record.account, "lb-alice-1");
	assert_int_equal(f->a.record.uid, 1900010001);
	pending(f, "mallory", "op");
	assert_int_equal(audit(f, "carol", 0, id)->records, 3);
	assert_int_equal(audit(f, "carol", 0, id + 1)->records, 1);
	assert_int_equal(audit(f, "carol", 0, 99)->records, 0);
	for (int i = 0; i < 19; i++)
		for (int j = 0; j < 6; j++)
			answered(act(f, "mallory", LB_MSG_CANCEL, pending(f, "mallory", "op"), ""));
	do {
		audit(f, "carol", after, 0);
		assert_in_range(f->a.records, 1, 50);
		seen += f->a.records;
		after = f->a.end.cursor;
	} while (f->a.end.more);
	assert_int_equal(seen, last_record(f, NULL));
}

static struct answer *
keys(struct fixture *f, const char *who, const char *user, const char *blob)
{
	union lb_msg m = {.keys = {.type = ALICE_TYPE}};

	snprintf(m.keys.user, sizeof m.keys.user, "%s", user);
	snprintf(m.keys.blob, sizeof m.keys.blob, "%s", blob);
	return ask(f, who, LB_MSG_KEYS, &m);
}

static void
a_key_opens_the_gate_and_its_owners_account_while_the_grant_lasts(void **state)
{
	struct fixture *f = *state;
	uint64_t id;

	refused(keys(f, "alice", "lockbox", ALICE_KEY), LB_NO_PERMISSION, "only sshd's key lookup");
	refused(keys(f, "root", "lockbox", ALICE_KEY), LB_NO_IDENTITY, "only sshd's key lookup");
	refused(keys(f, "lockbox", "lockbox", ALICE_KEY), LB_NO_IDENTITY, "only sshd's key lookup");
	assert_int_equal(keys(f, "lockbox-keys", "lockbox", ALICE_KEY)->keys, 1);
	assert_int_equal(f->a.done, 1);
	assert_non_null(strstr(f->a.key.line, "restrict,command=\"" LB_LIBEXECDIR
					      "/lockbox-gate --identity alice --key SHA256:"));
	assert_non_null(strstr(f->a.key.line, ALICE_KEY));
	assert_int_equal(keys(f, "lockbox-keys", "lockbox", ERIN_KEY)->keys, 0);
	assert_int_equal(f->a.done, 1);
	assert_int_equal(keys(f, "lockbox-keys", "lockbox", "not base64!")->keys, 0);
	assert_int_equal(keys(f, "lockbox-keys", "root", ALICE_KEY)->keys, 0);
	assert_int_equal(keys(f, "lockbox-keys", "lb-alice-1", ALICE_KEY)->keys, 0);
	id = active(f, "alice", "op");
	assert_int_equal(keys(f, "lockbox-keys", "lb-alice-1", ALICE_KEY)->keys, 1);
	assert_int_equal(strncmp(f->a.key.line, "restrict,pty ssh-ed25519 ", 25), 0);
	assert_int_equal(keys(f, "lockbox-keys", "lb-alice-2", ALICE_KEY)->keys, 0);
	assert_int_equal(keys(f, "lockbox-keys", "lb-bob-1", ALICE_KEY)->keys, 0);
	assert_int_equal(keys(f, "lockbox-keys", "lb-alice-01", ALICE_KEY)->keys, 0);
	assert_int_equal(keys(f, "lockbox-keys", "lb-alice-", ALICE_KEY)->keys, 0);
	active(f, "mallory", "duo");
	assert_int_equal(keys(f, "lockbox-keys", "lb-mallory-2", ALICE_KEY)->keys, 0);
	pass_time(f, 3600);
	assert_int_equal(keys(f, "lockbox-keys", "lb-alice-1", ALICE_KEY)->keys, 0);
	assert_int_equal(stored(f, id).state,
			 LB_STATE_ACTIVE); /* by the end alone, before any event */
	active(f, "alice", "duo");
	assert_int_equal(keys(f, "lockbox-keys", "lb-alice-3", ALICE_KEY)->keys, 1);
	assert_int_equal(strncmp(f->a.key.line, "restrict,pty,port-forwarding ssh-ed25519 ", 41),
			 0);
}

static int
fill_store(struct lb_tx *tx, void *arg)
{
	struct lb_msg_record r = {.time_s = 1};

	(void)arg;
	if (tx->endings_only)
		return LB_ERR_EXISTS;
	strcpy(r.event, "filler");
	memset(r.detail, 'x', LB_DETAIL_MAX);
	for (int i = 0; i < 4; i++)
		if (lb_store_append(tx->store, &r) != LB_OK)
			return LB_ERR_FULL;
	return LB_OK;
}

static int
small_setup(void **state)
{
	return fixture_open(state, (size_t)512 * 1024);
}

static void
a_full_store_grants_nothing_and_ends_everything(void **state)
{
	struct fixture *f = *state;
	uint64_t waiting = pending(f, "alice", "op"), again = pending(f, "alice", "op"),
		 ready = approved(f, "alice", "op"), live = active(f, "alice", "op"),
		 live2 = active(f, "mallory", "op"), live3 = active(f, "mallory", "op");
	union lb_msg m = {.act = {0}};
	int err = LB_OK;

	for (int i = 0; i < 2000 && err == LB_OK; i++)
		err = lb_tx_run(&f->k, fill_store, NULL);
	assert_int_equal(err, LB_ERR_EXISTS);
	refused(request(f, "alice", "op", 0, "more"), LB_STORE_FULL, "the store is full");
	refused(act(f, "bob", LB_MSG_APPROVE, waiting, ""), LB_STORE_FULL, "the store is full");
	refused(act(f, "alice", LB_MSG_CLAIM, ready, ""), LB_STORE_FULL, "the store is full");
	assert_int_equal(stored(f, waiting).state, LB_STATE_PENDING);
	assert_int_equal(ask(f, "alice", LB_MSG_ROLES, &m)->roles, 2);
	answered(act(f, "alice", LB_MSG_SHOW, live, ""));
	assert_int_equal(audit(f, "carol", 0, live)->records, 3);
	assert_int_equal(list(f, "bob", LB_LIST_PENDING, 0)->grants, 2);
	answered(act(f, "bob", LB_MSG_DENY, waiting, "no room"));
	answered(act(f, "alice", LB_MSG_CANCEL, again, ""));
	answered(act(f, "bob", LB_MSG_REVOKE, ready, "no room"));
	answered(act(f, "alice", LB_MSG_END, live, ""));
	answered(act(f, "root", LB_MSG_REVOKE, live2, "no room"));
	ok(warden_says(f, LB_IPC_EVICTED, stored(f, live).uid, true, "gone"));
	assert_int_equal(stored(f, live).state, LB_STATE_ENDED);
	pass_time(f, 5 * 3600);
	ok(lb_due_start(&f->k));
	assert_int_equal(stored(f, live3).state, LB_STATE_ENDING);
}

static uint64_t
with_ticket(struct fixture *f, const char *who, unsigned n)
{
	union lb_msg m = {.request = {.role = "op", .ticket = "T-1"}};

	snprintf(m.request.reason, sizeof m.request.reason, "reason %u", n);
	return answered(ask(f, who, LB_MSG_REQUEST, &m));
}

/* As far as one may see them, the latest first, and not without end. */
static void
earlier_requests_with_the_ticket_are_named(void **state)
{
	struct fixture *f = *state;
	uint64_t id;

	answered(act(f, "alice", LB_MSG_SHOW, with_ticket(f, "alice", 1), ""));
	assert_string_equal(f->a.grant.earlier, "");
	with_ticket(f, "mallory", 2);
	id = with_ticket(f, "alice", 3);
	answered(act(f, "alice", LB_MSG_SHOW, id, ""));
	assert_string_equal(f->a.grant.earlier, "R-1 pending");
	answered(act(f, "bob", LB_MSG_SHOW, id, ""));
	assert_string_equal(f->a.grant.earlier, "R-2 pending, R-1 pending");
	for (unsigned n = 4; n < 150; n++) {
		answered(act(f, "alice", LB_MSG_CANCEL, id, ""));
		id = with_ticket(f, "alice", n);
	}
	answered(act(f, "bob", LB_MSG_SHOW, id, ""));
	assert_memory_equal(f->a.grant.earlier, "R-148 cancelled, ", 17);
	assert_string_equal(f->a.grant.earlier + strlen(f->a.grant.earlier) - 5, ", ...");
	/* Nor are those that one may not see looked at without end. */
	for (unsigned n = 150; n < 255; n++)
		answered(act(f, "mallory", LB_MSG_CANCEL, with_ticket(f, "mallory", n), ""));
	answered(act(f, "alice", LB_MSG_SHOW, with_ticket(f, "alice", 255), ""));
	assert_string_equal(f->a.grant.earlier, "...");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit(who_may_ask_at_all),
		unit(types_that_are_no_request_of_people_are_refused),
		unit(only_the_gate_names_an_identity_and_only_once),
		unit(a_request_is_stored_and_recorded_as_it_was_made),
		unit(a_request_out_of_order_is_refused_with_the_reason),
		unit(one_person_has_at_most_twenty_at_a_time),
		unit(roles_are_listed_to_those_they_concern),
		unit(a_view_says_what_its_reader_may_do),
		unit(lists_show_what_is_the_callers_to_see),
		unit(long_lists_come_in_pages),
		unit(a_grant_is_shown_to_its_people_and_to_nobody_else),
		unit(an_approval_needs_another_person_who_is_an_approver),
		unit(two_approvals_are_two_people),
		unit(nothing_is_approved_that_the_policy_has_changed_under),
		unit(an_approval_of_somebody_who_may_no_longer_approve_does_not_count),
		unit(a_policy_that_asks_for_more_approvals_is_followed_before_the_claim),
		unit(an_engineer_who_became_an_approver_does_not_count_for_his_own),
		unit(a_grant_longer_than_the_new_maximum_is_taken_away),
		unit(another_shell_is_another_role),
		unit(what_a_role_gains_after_the_approval_is_not_given),
		unit(nothing_is_approved_after_its_time),
		unit(every_role_the_policy_accepts_can_be_approved),
		unit(a_denial_needs_a_reason_and_an_approver),
		unit(cancelling_is_the_engineers_own_and_only_before_the_claim),
		unit(ending_is_the_engineers_own_and_evicts),
		unit(revoking_is_for_approvers_and_root_in_every_living_state),
		unit(a_claim_makes_account_uid_and_password_once),
		unit(a_claim_is_refused_when_late_changed_or_astray),
		unit(when_the_uids_are_used_up_no_account_is_made),
		unit(the_record_is_read_by_auditors_and_root_alone),
		unit(a_key_opens_the_gate_and_its_owners_account_while_the_grant_lasts),
		cmocka_unit_test_setup_teardown(a_full_store_grants_nothing_and_ends_everything,
						small_setup, fixture_teardown),
		unit(earlier_requests_with_the_ticket_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
