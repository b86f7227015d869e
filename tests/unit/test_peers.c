/* Public connections: who has how many, who gives way, and who waits for a grant. */
#include "keeper_fixture.h"

#include <sys/stat.h>

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

static void
who_is_woken_for_nothing_goes_on_waiting(void **state)
{
	struct fixture *f = *state;
	uint64_t id = pending(f, "alice", "op"), conn = serve(f, 1000, "");

	ask_wait(f, conn, id, LB_STATE_PENDING, 0);
	lb_waits_touch(&f->k, id);
	assert_int_equal(answer_to(f, conn), 0);
	assert_false(LIST_EMPTY(&f->k.waits));
	act(f, "bob", LB_MSG_DENY, id, "no");
	assert_int_equal(answer_to(f, conn), LB_STATE_DENIED);
}

/* -- who somebody is --------------------------------------------------------- */

static void
a_peer_whose_process_is_gone_is_not_known(void **state)
{
	struct fixture *f = *state;
	int listening = listener(f->dir, "public"), fd, mine, status;
	struct lb_peer peer;
	pid_t child;

	mine = connect_to(f->dir, "public");
	fd = accept(listening, NULL, NULL);
	lb_peer_of(fd, f->k.proc_fd, &peer, true);
	assert_true(peer.known);
	assert_int_equal(peer.pid, getpid());
	assert_true(peer.pidfd >= 0);
	close(peer.pidfd);
	close(fd);
	close(mine);

	child = fork();
	if (child == 0) {
		connect_to(f->dir, "public");
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	fd = accept(listening, NULL, NULL);
	lb_peer_of(fd, f->k.proc_fd, &peer, true);
	assert_false(peer.known);
	assert_int_equal(peer.pid, child);
	if (peer.pidfd >= 0) /* some kernels still have one to give */
		close(peer.pidfd);
	close(fd);
	close(listening);
}

static void
what_is_no_connection_is_nobodys(void **state)
{
	struct fixture *f = *state;
	struct lb_peer peer;

	lb_peer_of(f->k.proc_fd, f->k.proc_fd, &peer, true);
	assert_false(peer.known);
	assert_int_equal(peer.uid, (uid_t)-1);
	assert_int_equal(peer.pidfd, -1);
}

static uint64_t
ticks_of(struct fixture *f, const char *stat)
{
	char dir[300], path[320];
	uint64_t ticks;
	int fd, proc = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	snprintf(dir, sizeof dir, "%s/7", f->dir);
	snprintf(path, sizeof path, "%s/stat", dir);
	assert_int_equal(mkdir(dir, 0700), 0);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, stat, strlen(stat)), strlen(stat));
	close(fd);
	ticks = lb_peer_start_ticks(proc, 7);
	assert_int_equal(lb_peer_start_ticks(proc, 8), 0); /* there is none */
	close(proc);
	unlink(path);
	rmdir(dir);
	return ticks;
}

static void
when_a_process_began_is_read_after_its_name_or_not_at_all(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
		ticks_of(f, "7 (a) b ) R 1 7 7 0 -1 4194304 9 0 0 0 1 2 3 4 20 0 1 0 8642 99 3\n"),
		8642);
	assert_int_equal(ticks_of(f, "7 (a b R 1 7 7 0 -1 4194304 9 0 0 0 1 2 3 4 20 0 1 0 8642\n"),
			 0);
	assert_int_equal(ticks_of(f, "7 (a) R 1 7 7 0\n"), 0);
	assert_int_equal(ticks_of(f, "7 (a) R 1 7 7 0 -1 4194304 9 0 0 0 1 2 3 4 20 0 1 0 x 9 3\n"),
			 0);
	assert_int_equal(ticks_of(f, ""), 0);
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
		unit(who_is_woken_for_nothing_goes_on_waiting),
		unit(a_peer_whose_process_is_gone_is_not_known),
		unit(what_is_no_connection_is_nobodys),
		unit(when_a_process_began_is_read_after_its_name_or_not_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
