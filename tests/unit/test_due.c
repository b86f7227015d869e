/* What time, the warden and front bring about: lapses, expiry, receipts, the way of a request and its answer. */
#include "keeper_fixture.h"
#include "keeper/store_inside.h"

static int
wait_for_message(struct fixture *f, uint16_t type, union lb_ipc_msg *m)
{
	for (int i = 0; i < 250; i++) {
		const struct timeval limit = {0, 20000};
		uint16_t got = warden_heard(f, m);

		if (got == type)
			return 1;
		if (got != 0)
			continue;
		event_base_loopexit(f->k.base, &limit);
		event_base_dispatch(f->k.base);
	}
	return 0;
}

static void
each_state_runs_out_in_its_own_way(void **state)
{
	struct fixture *f = *state;
	uint64_t waiting = pending(f, "alice", "op"), ready = approved(f, "alice", "op"),
		 live = active(f, "alice", "duo"); /* ten minutes */
	union lb_ipc_msg m;

	due_starts(f);
	assert_int_equal(stored(f, live).state, LB_STATE_ACTIVE);
	forget_what_warden_heard(f);
	pass_time(f, 600);
	due_starts(f);
	assert_int_equal(stored(f, live).state, LB_STATE_ENDING);
	assert_string_equal(stored(f, live).cause, "its time is up");
	assert_int_equal(stored(f, live).otp, LB_OTP_VOID);
	recorded(f, "expire", live, "");
	assert_int_equal(warden_heard(f, &m), LB_IPC_EVICT);
	assert_int_equal(m.evict.uid, stored(f, live).uid);
	assert_int_equal(stored(f, ready).state, LB_STATE_APPROVED);
	pass_time(f, 3000);
	due_starts(f);
	assert_int_equal(stored(f, ready).state, LB_STATE_LAPSED);
	recorded(f, "lapse", ready, "");
	assert_int_equal(stored(f, waiting).state, LB_STATE_PENDING);
	pass_time(f, 12 * 3600);
	due_starts(f);
	assert_int_equal(stored(f, waiting).state, LB_STATE_LAPSED);
	assert_true(stored(f, waiting).closed_s > 0);
	assert_int_equal(warden_heard(f, &m), 0); /* there was nothing to evict */
}

static void
a_grant_expires_by_the_alarm_without_anybody_asking(void **state)
{
	struct fixture *f = *state;
	union lb_msg q = {.request = {.role = "op", .duration_s = 1, .reason = "short"}};
	union lb_ipc_msg m;
	uint64_t id;

	due_starts(f);
	id = answered(ask(f, "alice", LB_MSG_REQUEST, &q));
	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
	act(f, "alice", LB_MSG_CLAIM, id, "");
	assert_true(wait_for_message(f, LB_IPC_EVICT, &m));
	assert_int_equal(m.evict.grant, id);
	assert_int_equal(stored(f, id).state, LB_STATE_ENDING);
}

static int
put_back(struct lb_tx *tx, void *grant)
{
	return lb_store_put_grant(tx->store, grant);
}

static void
what_is_overdue_when_it_is_stored_ends_in_the_next_turn(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "op");
	struct lb_grant g = stored(f, id);
	union lb_ipc_msg m;

	due_starts(f);
	forget_what_warden_heard(f);
	g.until_s = lb_keeper_now_s(&f->k) - 60;
	ok(lb_tx_run(&f->k, put_back, &g));
	assert_true(wait_for_message(f, LB_IPC_EVICT, &m));
	assert_int_equal(m.evict.grant, id);
	assert_int_equal(stored(f, id).state, LB_STATE_ENDING);
}

/* Else the alarm would fire for it for ever. */
static void
a_deadline_where_there_is_none_is_taken_away(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "op"), seq;
	struct lb_grant g;

	answered(act(f, "alice", LB_MSG_END, id, ""));
	g = stored(f, id);
	assert_int_equal(g.state, LB_STATE_ENDING);
	g.until_s = lb_keeper_now_s(&f->k) - 60;
	ok(lb_tx_run(&f->k, put_back, &g));
	seq = last_record(f, NULL);
	due_starts(f);
	assert_int_equal(stored(f, id).until_s, 0);
	assert_int_equal(stored(f, id).state, LB_STATE_ENDING);
	assert_int_equal(last_record(f, NULL), seq);
}

/* -- a disk that fails --------------------------------------------------------------- */

/* In a child: commits to a disk that fails, then goes on asking.  Its exit status. */
static int
child_with_failing_disk(struct fixture *f)
{
	pid_t pid = fork();
	int status, fd, bad;

	if (pid == 0) {
		alarm(20);
		f->k.store->owner = getpid(); /* stands in for the keeper itself */
		bad = open(f->file, O_RDONLY | O_CLOEXEC);
		if (mdb_env_get_fd(f->k.store->env, &fd) != 0 || dup3(bad, fd, O_CLOEXEC) < 0 ||
		    dup3(bad, f->k.store->journal.fd, O_CLOEXEC) < 0)
			_exit(99);
		request(f, "alice", "op", 0, "on a disk that fails");
		_exit(f->a.err == LB_OK ? 98 : 97);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void
a_disk_that_fails_a_commit_ends_the_keeper_and_the_next_goes_on(void **state)
{
	struct fixture *f = *state;
	uint64_t id = pending(f, "alice", "op"), seq = last_record(f, NULL);

	assert_int_equal(child_with_failing_disk(f), 1);
	/* A new process finds what was durable and works. */
	lb_store_close(f->k.store);
	ok(lb_store_open(f->dir, MAP_SIZE, &f->k.store));
	assert_int_equal(last_record(f, NULL), seq);
	assert_int_equal(stored(f, id).state, LB_STATE_PENDING);
	pending(f, "alice", "op");
}

static void
what_cannot_be_read_now_is_looked_at_again_soon(void **state)
{
	struct fixture *f = *state;
	union lb_msg q = {.request = {.role = "op", .duration_s = 1, .reason = "short"}};
	struct lb_store_txn *txn;
	union lb_ipc_msg m;
	uint64_t id;

	due_starts(f);
	id = answered(ask(f, "alice", LB_MSG_REQUEST, &q));
	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
	act(f, "alice", LB_MSG_CLAIM, id, "");
	/* At the moment of setting the alarm no transaction can be had. */
	f->k.alarm_s = UINT64_MAX;
	lb_alarm_set(f->k.alarm, 0, 0);
	ok(lb_store_begin(f->k.store, LB_STORE_READ, &txn));
	lb_due_rearm(&f->k);
	lb_store_abort(txn);
	assert_true(wait_for_message(f, LB_IPC_EVICT, &m));
	assert_int_equal(stored(f, id).state, LB_STATE_ENDING);
}

static void
a_session_that_cannot_be_watched_ends_the_keeper(void **state)
{
	struct fixture *f = *state;
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct lb_out *out = calloc(1, sizeof *out);

		out->kind = LB_OUT_WATCH;
		out->fd = 9999; /* not open: cannot be waited for */
		lb_keeper_carry_out(&f->k, out);
		_exit(98);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
}

/* -- the clock over a restart ------------------------------------------------------ */

/* The keeper ends and another takes over, seconds later on the boot-time clock. */
static void
restart_after(struct fixture *f, int64_t seconds, bool same_boot)
{
	struct lb_store_txn *txn;
	struct lb_clock_mark mark;

	lb_store_close(f->k.store);
	ok(lb_store_open(f->dir, MAP_SIZE, &f->k.store));
	ok(lb_store_begin(f->k.store, LB_STORE_WRITE_ENDING, &txn));
	ok(lb_store_clock_mark(txn, &mark));
	mark.boot_ns -= (uint64_t)(seconds * NS);
	if (!same_boot)
		mark.boot_id[0] ^= 1;
	ok(lb_store_set_clock_mark(txn, &mark));
	ok(lb_store_commit(txn));
	f->k.clock = (struct lb_clock){0};
	ok(lb_keeper_clock_resume(&f->k));
}

static void
a_restart_and_a_wall_clock_set_back_together_lengthen_no_grant(void **state)
{
	struct fixture *f = *state;
	uint64_t id, now;

	/* Half an hour ahead of the wall clock, as if that had been set back. */
	pass_time(f, 1800);
	now = lb_keeper_now_s(&f->k);
	id = active(f, "alice", "op"); /* an hour */
	assert_in_range(stored(f, id).end_s, now + 3600, now + 3602);
	restart_after(f, 0, true);
	assert_in_range(lb_keeper_now_s(&f->k), now, now + 5);
	restart_after(f, 3000, true);
	assert_in_range(lb_keeper_now_s(&f->k), now + 3000, now + 3005);
	due_starts(f);
	assert_int_equal(stored(f, id).state, LB_STATE_ACTIVE);
	ok(lb_tx_run(&f->k, lb_sync_policy, NULL));
	/* Nothing was written since, so the mark is still the claim's. */
	restart_after(f, 601, true);
	assert_in_range(lb_keeper_now_s(&f->k), now + 3601, now + 3610);
	lb_alarm_free(f->k.alarm);
	event_free(f->k.mark_timer);
	f->k.alarm = NULL;
	f->k.mark_timer = NULL;
	due_starts(f);
	assert_int_equal(stored(f, id).state, LB_STATE_ENDING);
	assert_string_equal(stored(f, id).cause, "its time is up");
}

static void
another_boot_begins_at_the_mark(void **state)
{
	struct fixture *f = *state;
	uint64_t now;

	pass_time(f, 1800);
	now = lb_keeper_now_s(&f->k);
	pending(f, "alice", "op");
	restart_after(f, 3000, false);
	assert_in_range(lb_keeper_now_s(&f->k), now, now + 5);
}

/* Each of those here takes one page of the journal. */
static uint64_t
commits(struct fixture *f)
{
	assert_int_equal(f->k.store->journal.epoch, 1);
	return f->k.store->journal.used;
}

static void
the_clock_is_noted_with_what_is_written_and_by_itself_only_while_something_is_due(void **state)
{
	struct fixture *f = *state;
	struct lb_clock_mark before;
	uint64_t n;

	due_starts(f);
	assert_false(event_pending(f->k.mark_timer, EV_TIMEOUT, NULL));
	n = commits(f);
	assert_int_equal(ask(f, "alice", LB_MSG_ROLES, &(union lb_msg){.act = {.id = 0}})->done, 1);
	assert_int_equal(commits(f), n); /* nothing written, nothing flushed */
	event_active(f->k.mark_timer, EV_TIMEOUT, 1);
	turn(f);
	assert_int_equal(commits(f), n);
	pending(f, "alice", "op");
	assert_int_equal(commits(f), n + 1);
	assert_true(event_pending(f->k.mark_timer, EV_TIMEOUT, NULL));
	/* Noted a moment ago: not again.  Long ago: once. */
	event_active(f->k.mark_timer, EV_TIMEOUT, 1);
	turn(f);
	assert_int_equal(commits(f), n + 1);
	before = f->k.mark;
	f->k.mark.boot_ns -= (uint64_t)(10 * NS);
	event_active(f->k.mark_timer, EV_TIMEOUT, 1);
	turn(f);
	assert_int_equal(commits(f), n + 2);
	assert_true(f->k.mark.time_ns > before.time_ns && f->k.mark.boot_ns > before.boot_ns);
	assert_true(event_pending(f->k.mark_timer, EV_TIMEOUT, NULL));
	/* With the last deadline the timer goes too. */
	answered(act(f, "alice", LB_MSG_CANCEL, 0, ""));
	n = commits(f);
	f->k.mark.boot_ns -= (uint64_t)(10 * NS);
	event_active(f->k.mark_timer, EV_TIMEOUT, 1);
	event_del(f->k.mark_timer);
	event_active(f->k.mark_timer, EV_TIMEOUT, 1);
	turn(f);
	assert_int_equal(commits(f), n);
	assert_false(event_pending(f->k.mark_timer, EV_TIMEOUT, NULL));
}

static void
a_change_of_policy_takes_away_what_it_no_longer_allows(void **state)
{
	struct fixture *f = *state;
	uint64_t waiting = pending(f, "mallory", "op"), live = active(f, "mallory", "op"),
		 other = active(f, "alice", "op");
	union lb_ipc_msg m;

	ok(lb_tx_run(&f->k, lb_sync_policy, NULL));
	assert_int_equal(stored(f, live).state, LB_STATE_ACTIVE);
	forget_what_warden_heard(f);
	change_policy(f, policy_without_mallory);
	ok(lb_tx_run(&f->k, lb_sync_policy, NULL));
	assert_int_equal(stored(f, waiting).state, LB_STATE_CANCELLED);
	assert_int_equal(stored(f, live).state, LB_STATE_ENDING);
	assert_int_equal(stored(f, other).state, LB_STATE_ACTIVE);
	assert_int_equal(warden_heard(f, &m), LB_IPC_EVICT);
	assert_int_equal(m.evict.uid, stored(f, live).uid);
	recorded(f, "revoke", live, "");
	change_policy(f, policy_other_groups); /* another role than was approved */
	ok(lb_tx_run(&f->k, lb_sync_policy, NULL));
	assert_int_equal(stored(f, other).state, LB_STATE_ENDING);
}

static void
the_warden_is_told_of_all_that_is_active_or_ending(void **state)
{
	struct fixture *f = *state;
	uint64_t live = active(f, "alice", "op"), ending = active(f, "mallory", "op");
	union lb_ipc_msg m;

	pending(f, "alice", "op");
	approved(f, "mallory", "op");
	answered(act(f, "mallory", LB_MSG_END, ending, ""));
	forget_what_warden_heard(f);
	ok(lb_sync_accounts(&f->k));
	assert_int_equal(warden_heard(f, &m), LB_IPC_SYNC_BEGIN);
	assert_int_equal(warden_heard(f, &m), LB_IPC_ACCOUNT);
	assert_int_equal(m.account.uid, stored(f, live).uid);
	assert_int_equal(m.account.fresh, 0);
	assert_int_equal(warden_heard(f, &m), LB_IPC_EVICT);
	assert_int_equal(m.evict.uid, stored(f, ending).uid);
	assert_string_equal(m.evict.cause, "ended by the engineer");
	assert_int_equal(warden_heard(f, &m), LB_IPC_SYNC_END);
	assert_int_equal(warden_heard(f, &m), 0);
}

/* -- the warden's answers ------------------------------------------------------ */

static void
a_receipt_ends_the_grant_and_is_acknowledged_once_stored(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "op");
	struct lb_msg_record r;
	union lb_ipc_msg m;

	answered(act(f, "alice", LB_MSG_END, id, ""));
	forget_what_warden_heard(f);
	ok(warden_says(f, LB_IPC_EVICTED, stored(f, id).uid, true, "killed 3, left 0"));
	assert_int_equal(stored(f, id).state, LB_STATE_ENDED);
	last_record(f, &r);
	assert_string_equal(r.event, "evicted");
	assert_string_equal(r.detail, "killed 3, left 0");
	assert_int_equal(warden_heard(f, &m), LB_IPC_ACK);
	assert_int_equal(m.uid.uid, stored(f, id).uid);
	/* Said again, as after a restart: acknowledged again and nothing more. */
	{
		uint64_t before = last_record(f, NULL);

		ok(warden_says(f, LB_IPC_EVICTED, stored(f, id).uid, true, "killed 3, left 0"));
		assert_int_equal(last_record(f, NULL), before);
		assert_int_equal(warden_heard(f, &m), LB_IPC_ACK);
	}
}

static void
the_wardens_clock_may_be_first(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "op");

	ok(warden_says(f, LB_IPC_EVICTED, stored(f, id).uid, true, "its time is up; killed 0"));
	assert_int_equal(stored(f, id).state, LB_STATE_ENDED);
	assert_int_not_equal(stored(f, id).otp, LB_OTP_READY);
	recorded(f, "evicted", id, "");
}

static void
receipts_of_uids_nobody_knows_change_nothing(void **state)
{
	struct fixture *f = *state;
	static const uint32_t uids[] = {0, 1000, 1900010099, UINT32_MAX};
	uint64_t id = active(f, "alice", "op"), before = last_record(f, NULL);
	union lb_ipc_msg m;

	forget_what_warden_heard(f);
	for (size_t i = 0; i < 4; i++) {
		ok(warden_says(f, LB_IPC_EVICTED, uids[i], true, "x"));
		assert_int_equal(warden_heard(f, &m), LB_IPC_ACK);
		ok(warden_says(f, LB_IPC_PUBLISHED, uids[i], false, "x"));
		ok(warden_says(f, LB_IPC_PUBLISHED, uids[i], true, ""));
		ok(warden_says(f, LB_IPC_NOTE, uids[i], true, "x"));
		assert_int_equal(warden_heard(f, &m), 0);
	}
	assert_int_equal(last_record(f, NULL), before);
	assert_int_equal(stored(f, id).state, LB_STATE_ACTIVE);
}

static void
an_account_that_cannot_be_published_is_given_up(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "op");

	ok(warden_says(f, LB_IPC_PUBLISHED, stored(f, id).uid, false, "no room"));
	assert_true(stored(f, id).state == LB_STATE_ENDING ||
		    stored(f, id).state == LB_STATE_ENDED);
	assert_int_not_equal(stored(f, id).otp, LB_OTP_READY);
	assert_non_null(strstr(stored(f, id).cause, ": no room"));
	recorded(f, "account-refused", id, "");
	id = active(f, "alice", "op");
	assert_int_equal(stored(f, id).uid, 1900010002); /* the first one's stays used */
}

static void
what_is_no_message_of_the_wardens_ends_the_link(void **state)
{
	struct fixture *f = *state;
	static const uint8_t bytes[64];

	for (unsigned type = 0; type < 300; type++) {
		if (type >= LB_IPC_POLICY && type <= LB_IPC_SEAL)
			continue;
		assert_int_not_equal(
			lb_keeper_warden_calls.message(&f->k, (uint16_t)type, bytes, 0, -1), LB_OK);
		assert_int_not_equal(
			lb_keeper_warden_calls.message(&f->k, (uint16_t)type, bytes, 8, -1), LB_OK);
	}
	/* A policy without its descriptor, a receipt with one; the descriptor is closed. */
	assert_int_not_equal(lb_keeper_warden_calls.message(&f->k, LB_IPC_POLICY, bytes, 0, -1),
			     LB_OK);
	{
		int fd = dup(0);

		assert_int_not_equal(
			lb_keeper_warden_calls.message(&f->k, LB_IPC_EVICTED, bytes, 9, fd), LB_OK);
		assert_int_equal(fcntl(fd, F_GETFD), -1);
	}
}

/* -- front ------------------------------------------------------------------------ */

static int
front_says(struct fixture *f, uint16_t type, const void *bytes, size_t len, int fd)
{
	(void)type;
	return lb_keeper_front_calls.message(&f->k, type, bytes, len, fd);
}

static size_t
frame_for(uint64_t conn, uint16_t type, const union lb_msg *msg, uint8_t *out)
{
	struct lb_writer w;
	size_t len;

	lb_writer_init(&w, out, 8);
	lb_write_u64(&w, conn);
	ok(lb_proto_encode(type, msg, out + 8, LB_HEADER_SIZE + LB_PAYLOAD_MAX, &len));
	return len + 8;
}

static void
frames_that_front_may_not_send_end_its_link(void **state)
{
	struct fixture *f = *state;
	union lb_msg m = {.act = {.id = 1}};
	uint8_t bytes[8 + LB_HEADER_SIZE + LB_PAYLOAD_MAX + 8];
	uint64_t before = last_record(f, NULL);
	size_t len;

	/* Known to be good: a request on a connection that is not there is passed over. */
	len = frame_for(77, LB_MSG_SHOW, &m, bytes);
	ok(front_says(f, LB_IPC_FRAME, bytes, len, -1));
	for (size_t cut = 0; cut < len; cut++)
		assert_int_not_equal(front_says(f, LB_IPC_FRAME, bytes, cut, -1), LB_OK);
	bytes[len] = 0;
	assert_int_not_equal(front_says(f, LB_IPC_FRAME, bytes, len + 1, -1), LB_OK);
	assert_int_equal(bytes[8 + 4] << 8 | bytes[8 + 5], LB_MSG_SHOW);
	for (unsigned type = 0; type < 0x10000; type++) {
		uint8_t copy[sizeof bytes];

		if (lb_proto_door((uint16_t)type) == LB_DOOR_PUBLIC)
			continue;
		memcpy(copy, bytes, len);
		copy[8 + 4] = (uint8_t)(type >> 8);
		copy[8 + 5] = (uint8_t)type;
		assert_int_not_equal(front_says(f, LB_IPC_FRAME, copy, len, -1), LB_OK);
	}
	/* Whole and well-formed, but for the other socket. */
	for (uint16_t type = LB_MSG_PAM_AUTH; type <= LB_MSG_PAM_EXEMPT; type++) {
		static const union lb_msg login = {.login = {.user = "root", .service = "sshd"}};
		uint8_t copy[sizeof bytes];

		assert_int_not_equal(
			front_says(f, LB_IPC_FRAME, copy, frame_for(77, type, &login, copy), -1),
			LB_OK);
	}
	for (unsigned type = 0; type < 300; type++)
		if (type != LB_IPC_FRAME && type != LB_IPC_GONE) {
			assert_int_not_equal(front_says(f, (uint16_t)type, bytes, 0, -1), LB_OK);
			assert_int_not_equal(front_says(f, (uint16_t)type, bytes, 8, -1), LB_OK);
		}
	{
		int fd = dup(0);

		assert_int_not_equal(front_says(f, LB_IPC_FRAME, bytes, len, fd), LB_OK);
		assert_int_equal(fcntl(fd, F_GETFD), -1);
	}
	lb_batch_run(&f->k);
	assert_int_equal(last_record(f, NULL), before);
}

static void
a_front_that_is_lost_is_reported_to_the_warden_by_its_start(void **state)
{
	struct fixture *f = *state;
	union lb_ipc_msg m;

	ok(lb_peers_listen(f->k.peers, listener(f->dir, "public")));
	f->k.front_start = 42;
	assert_int_equal(send(f->front_fd, "\0\1x", 3, 0),
			 3); /* POLICY: the warden's alone to send */
	assert_true(wait_for_message(f, LB_IPC_BAD_FRONT, &m));
	assert_int_equal(m.conn.conn, 42);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit(each_state_runs_out_in_its_own_way),
		unit(a_grant_expires_by_the_alarm_without_anybody_asking),
		unit(what_is_overdue_when_it_is_stored_ends_in_the_next_turn),
		unit(a_deadline_where_there_is_none_is_taken_away),
		unit(a_disk_that_fails_a_commit_ends_the_keeper_and_the_next_goes_on),
		unit(what_cannot_be_read_now_is_looked_at_again_soon),
		unit(a_session_that_cannot_be_watched_ends_the_keeper),
		unit(a_restart_and_a_wall_clock_set_back_together_lengthen_no_grant),
		unit(another_boot_begins_at_the_mark),
		unit(the_clock_is_noted_with_what_is_written_and_by_itself_only_while_something_is_due),
		unit(a_change_of_policy_takes_away_what_it_no_longer_allows),
		unit(the_warden_is_told_of_all_that_is_active_or_ending),
		unit(a_receipt_ends_the_grant_and_is_acknowledged_once_stored),
		unit(the_wardens_clock_may_be_first),
		unit(receipts_of_uids_nobody_knows_change_nothing),
		unit(an_account_that_cannot_be_published_is_given_up),
		unit(what_is_no_message_of_the_wardens_ends_the_link),
		unit(frames_that_front_may_not_send_end_its_link),
		unit(a_front_that_is_lost_is_reported_to_the_warden_by_its_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
