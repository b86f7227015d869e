/* Public connections: who has how many, who gives way, and who waits for a grant. */
#include "keeper_fixture.h"

#include "keeper/waits.h"

#define TABLE 512
#define EACH 32

/* Hands over a connection of uid; its number, or 0 when it was refused. */
static uint64_t
serve(struct fixture *f, uint32_t uid, const char *identity)
{
	struct lb_peer peer = peer_of_uid(f, uid);
	uint8_t bytes[LB_LINK_MESSAGE_MAX];
	union lb_ipc_msg m;
	uint64_t conn = 0;
	uint16_t type;
	size_t len;
	int pair[2];

	snprintf(peer.identity, sizeof peer.identity, "%s", identity);
	peer.has_identity = identity[0] != '\0';
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	lb_peers_serve(f->k.peers, pair[0], &peer);
	while ((type = heard(f, f->front_fd, bytes, &len)) != 0) {
		ok(lb_ipc_decode(type, bytes, len, &m));
		if (type == LB_IPC_PEER)
			conn = m.conn.conn;
		else
			assert_int_equal(type, LB_IPC_GONE);
	}
	close(pair[0]);
	close(pair[1]);
	return conn;
}

static void
one_user_holds_so_many_and_others_are_not_touched(void **state)
{
	struct fixture *f = *state;
	uint64_t first = serve(f, 1000, "");

	for (int i = 1; i < EACH; i++)
		assert_true(serve(f, 1000, "") != 0);
	assert_int_equal(serve(f, 1000, ""), 0);
	assert_true(serve(f, 1001, "") != 0);
	lb_peers_drop(f->k.peers, first);
	assert_true(serve(f, 1000, "") != 0);
	assert_int_equal(serve(f, 1000, ""), 0);
}

static void
through_the_gate_each_person_has_connections_of_their_own(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < EACH; i++)
		assert_true(serve(f, GATE_UID, "alice") != 0);
	assert_int_equal(serve(f, GATE_UID, "alice"), 0);
	assert_true(serve(f, GATE_UID, "bob") != 0);
}

static void
in_a_full_table_the_oldest_of_who_has_most_gives_way(void **state)
{
	struct fixture *f = *state;
	uint64_t first[TABLE / EACH];

	for (uint32_t u = 0; u < TABLE / EACH; u++)
		for (int i = 0; i < EACH; i++) {
			uint64_t conn = serve(f, 3000 + u, "");

			assert_true(conn != 0);
			if (i == 0)
				first[u] = conn;
		}
	assert_true(serve(f, 1000, "") != 0);
	assert_null(lb_peers_find(f->k.peers, first[0]));
	assert_non_null(lb_peers_find(f->k.peers, first[1]));
	/* Up to where everybody has as many. */
	for (int i = 1; i < EACH - 3; i++)
		assert_true(serve(f, 1000, "") != 0);
	for (int i = 0; i < 6; i++)
		serve(f, 1000, "");
	assert_int_equal(serve(f, 1000, ""), 0);
	assert_true(serve(f, 1001, "") != 0);
}

static void
nobody_gives_way_to_who_has_no_fewer(void **state)
{
	struct fixture *f = *state;

	for (uint32_t u = 0; u < TABLE; u++)
		assert_true(serve(f, 3000 + u, "") != 0);
	assert_int_equal(serve(f, 1000, ""), 0);
	assert_int_equal(serve(f, 3000, ""), 0);
}

/* -- waiting --------------------------------------------------------------- */

static void
ask_wait(struct fixture *f, uint64_t conn, uint64_t id, uint8_t grant_state, uint8_t have)
{
	struct lb_msg_wait wait = {.id = id, .state = grant_state, .have = have};
	uint8_t bytes[8 + LB_HEADER_SIZE + LB_PAYLOAD_MAX];
	struct lb_writer w;
	size_t len;

	lb_writer_init(&w, bytes, 8);
	lb_write_u64(&w, conn);
	ok(lb_proto_encode(LB_MSG_WAIT, &wait, bytes + 8, sizeof bytes - 8, &len));
	ok(lb_keeper_front_calls.message(&f->k, LB_IPC_FRAME, bytes, 8 + len, -1));
	lb_batch_run(&f->k);
}

/* What conn is answered: the state of the grant, or 0 for nothing, or 99 for a refusal. */
static uint8_t
answer_to(struct fixture *f, uint64_t conn)
{
	uint8_t bytes[LB_LINK_MESSAGE_MAX], result = 0;
	union lb_msg m;
	uint16_t type;
	uint32_t payload;
	size_t len;

	turn(f); /* what became active in this turn writes in the next */
	while (heard(f, f->front_fd, bytes, &len) == LB_IPC_FRAME) {
		uint64_t number = 0;

		for (int i = 0; i < 8; i++)
			number = number << 8 | bytes[i];
		assert_int_equal(number, conn);
		ok(lb_proto_header(bytes + 8, &type, &payload));
		ok(lb_proto_decode(type, bytes + 8 + LB_HEADER_SIZE, payload, &m));
		if (type == LB_MSG_GRANT)
			result = m.grant.state;
		else if (type == LB_MSG_REFUSED)
			result = 99;
	}
	return result;
}

static void
who_waits_is_answered_when_it_is_decided(void **state)
{
	struct fixture *f = *state;
	uint64_t id = pending(f, "alice", "duo"), conn = serve(f, 1000, "");

	ask_wait(f, conn, id, LB_STATE_PENDING, 0);
	assert_int_equal(answer_to(f, conn), 0);
	act(f, "bob", LB_MSG_APPROVE, id, "");
	assert_int_equal(answer_to(f, conn), LB_STATE_PENDING); /* one of two */
	ask_wait(f, conn, id, LB_STATE_PENDING, 1);
	assert_int_equal(answer_to(f, conn), 0);
	act(f, "dave", LB_MSG_APPROVE, id, "");
	assert_int_equal(answer_to(f, conn), LB_STATE_APPROVED);
	assert_true(LIST_EMPTY(&f->k.waits));
}

static void
what_is_new_already_is_answered_at_once(void **state)
{
	struct fixture *f = *state;
	uint64_t id = approved(f, "alice", "op"), conn = serve(f, 1000, "");

	ask_wait(f, conn, id, LB_STATE_PENDING, 0);
	assert_int_equal(answer_to(f, conn), LB_STATE_APPROVED);
	assert_true(LIST_EMPTY(&f->k.waits));
}

static void
the_only_pending_one_need_not_be_named(void **state)
{
	struct fixture *f = *state;
	uint64_t id = pending(f, "alice", "op"), conn = serve(f, 1000, "");

	ask_wait(f, conn, 0, LB_STATE_PENDING, 0);
	assert_int_equal(answer_to(f, conn), 0);
	act(f, "alice", LB_MSG_CANCEL, id, "");
	assert_int_equal(answer_to(f, conn), LB_STATE_CANCELLED);
}

static void
another_grant_wakes_nobody(void **state)
{
	struct fixture *f = *state;
	uint64_t id = pending(f, "alice", "op"), conn = serve(f, 1000, "");

	ask_wait(f, conn, id, LB_STATE_PENDING, 0);
	approved(f, "mallory", "op");
	assert_int_equal(answer_to(f, conn), 0);
	assert_false(LIST_EMPTY(&f->k.waits));
	lb_waits_drop(&f->k, 0);
}

static void
after_its_time_it_is_answered_in_any_case(void **state)
{
	struct fixture *f = *state;
	uint64_t id = pending(f, "alice", "op"), conn = serve(f, 1000, "");

	ask_wait(f, conn, id, LB_STATE_PENDING, 0);
	event_active(LIST_FIRST(&f->k.waits)->timer, EV_TIMEOUT, 0);
	assert_int_equal(answer_to(f, conn), LB_STATE_PENDING);
	assert_true(LIST_EMPTY(&f->k.waits));
}

static void
who_may_not_see_it_does_not_wait(void **state)
{
	struct fixture *f = *state;
	uint64_t id = pending(f, "alice", "op"), conn = serve(f, 1001, "");

	ask_wait(f, conn, id, LB_STATE_PENDING, 0);
	assert_int_equal(answer_to(f, conn), 99);
	assert_true(LIST_EMPTY(&f->k.waits));
}

/* Also who may not see it any more: the answer is checked when it is given. */
static void
who_lost_the_right_meanwhile_is_refused(void **state)
{
	struct fixture *f = *state;
	uint64_t id = pending(f, "mallory", "op"), conn = serve(f, 1001, "");

	ask_wait(f, conn, id, LB_STATE_PENDING, 0);
	change_policy(f, policy_without_mallory);
	lb_waits_touch(&f->k, id);
	act(f, "bob", LB_MSG_DENY, id, "no");
	assert_int_equal(answer_to(f, conn), 99);
}

static void
who_hangs_up_waits_no_more(void **state)
{
	struct fixture *f = *state;
	uint64_t id = pending(f, "alice", "op"), conn = serve(f, 1000, ""),
		 other = serve(f, 1000, "");

	ask_wait(f, conn, id, LB_STATE_PENDING, 0);
	ask_wait(f, conn, id, LB_STATE_PENDING, 0); /* the same again holds no second place */
	ask_wait(f, other, id, LB_STATE_PENDING, 0);
	lb_peers_drop(f->k.peers, conn);
	assert_non_null(LIST_FIRST(&f->k.waits));
	assert_int_equal(LIST_FIRST(&f->k.waits)->conn, other);
	assert_null(LIST_NEXT(LIST_FIRST(&f->k.waits), next));
	lb_peers_front(f->k.peers, false);
	assert_true(LIST_EMPTY(&f->k.waits));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit(one_user_holds_so_many_and_others_are_not_touched),
		unit(through_the_gate_each_person_has_connections_of_their_own),
		unit(in_a_full_table_the_oldest_of_who_has_most_gives_way),
		unit(nobody_gives_way_to_who_has_no_fewer),
		unit(who_waits_is_answered_when_it_is_decided),
		unit(what_is_new_already_is_answered_at_once),
		unit(the_only_pending_one_need_not_be_named),
		unit(another_grant_wakes_nobody),
		unit(after_its_time_it_is_answered_in_any_case),
		unit(who_may_not_see_it_does_not_wait),
		unit(who_lost_the_right_meanwhile_is_refused),
		unit(who_hangs_up_waits_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
