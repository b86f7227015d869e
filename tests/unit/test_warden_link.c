/* What the warden hands over and tells: what is whole is taken, and what is not leaves all as it was. */
#include "keeper_fixture.h"

#include <sys/mman.h>
#include <sys/resource.h>

/* A message with this descriptor, which is the keeper's from then on. */
static int
warden_hands(struct fixture *f, enum lb_ipc type, const void *msg, int fd)
{
	uint8_t bytes[LB_LINK_MESSAGE_MAX];
	size_t len = 0;

	assert_true(fd >= 0);
	if (msg != NULL)
		ok(lb_ipc_encode(type, msg, bytes, sizeof bytes, &len));
	return lb_keeper_warden_calls.message(&f->k, (uint16_t)type, bytes, len, fd);
}

static int
packed_policy(const char *text)
{
	struct lb_policy_source *s = lb_policy_source_new();
	int fd = memfd_create("policy", MFD_CLOEXEC);
	uint8_t *packed;
	size_t size;

	for (size_t i = 0; i < sizeof users / sizeof users[0]; i++)
		ok(lb_policy_source_add_user(s, users[i].name, users[i].uid));
	ok(lb_policy_source_add_group(s, "adm", 4));
	ok(lb_policy_source_add_text(s, "lockbox.conf", host_text, strlen(host_text), true));
	ok(lb_policy_source_add_text(s, "people.conf", text, strlen(text), false));
	ok(lb_policy_source_pack(s, &packed, &size));
	assert_int_equal(write(fd, packed, size), size);
	free(packed);
	lb_policy_source_free(s);
	return fd;
}

static void
a_policy_is_taken_from_a_file_of_some_size_and_from_nothing_else(void **state)
{
	struct fixture *f = *state;
	const struct lb_policy *in_force;
	uint64_t seq;
	int large = memfd_create("large", MFD_CLOEXEC), at_most = dup(large);

	ok(warden_hands(f, LB_IPC_POLICY, NULL, packed_policy(policy_text)));
	recorded(f, "policy", 0, "");
	in_force = f->k.policy;
	seq = last_record(f, NULL);
	assert_int_equal(warden_hands(f, LB_IPC_POLICY, NULL, open("/dev/null", O_RDONLY)),
			 LB_ERR_MALFORMED);
	assert_int_equal(ftruncate(large, LB_SOURCE_PACK_MAX + 1), 0);
	assert_int_equal(warden_hands(f, LB_IPC_POLICY, NULL, large), LB_ERR_MALFORMED);
	/* As much as there may be is looked at, and is no policy. */
	assert_int_equal(ftruncate(at_most, LB_SOURCE_PACK_MAX), 0);
	assert_int_not_equal(warden_hands(f, LB_IPC_POLICY, NULL, at_most), LB_OK);
	assert_int_not_equal(warden_hands(f, LB_IPC_POLICY, NULL, open(f->dir, O_RDONLY)), LB_OK);
	assert_ptr_equal(f->k.policy, in_force);
	assert_int_equal(last_record(f, NULL), seq);
}

/* A file that cannot be read: the keeper has it open for writing only. */
static void
a_policy_that_cannot_be_read_leaves_the_one_in_force(void **state)
{
	struct fixture *f = *state;
	const struct lb_policy *in_force = f->k.policy;
	char path[300];
	int fd;

	snprintf(path, sizeof path, "%s/policy", f->dir);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "policy", 6), 6);
	assert_int_equal(warden_hands(f, LB_IPC_POLICY, NULL, fd), LB_ERR_SYSTEM);
	assert_ptr_equal(f->k.policy, in_force);
	unlink(path);
}

static bool
hung_up(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

static void
a_new_courier_takes_the_place_of_the_one_before(void **state)
{
	struct fixture *f = *state;
	const struct lb_ipc_conn start = {.conn = 1};
	int first[2], second[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, first), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, second), 0);
	ok(warden_hands(f, LB_IPC_COURIER, &start, first[0]));
	assert_true(f->k.courier_fd >= 0);
	assert_false(hung_up(first[1]));
	ok(warden_hands(f, LB_IPC_COURIER, &start, second[0]));
	assert_true(hung_up(first[1]));
	assert_false(hung_up(second[1]));
	close(f->k.courier_fd);
	f->k.courier_fd = -1;
	close(first[1]);
	close(second[1]);
}

static void
a_front_that_cannot_be_held_leaves_the_one_before(void **state)
{
	struct fixture *f = *state;
	const struct lb_ipc_conn start = {.conn = 77};
	const struct lb_link *before = f->k.front;
	struct rlimit usual;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	getrlimit(RLIMIT_NOFILE, &usual);
	setrlimit(RLIMIT_NOFILE, &(struct rlimit){3, usual.rlim_max});
	assert_int_equal(warden_hands(f, LB_IPC_FRONT, &start, pair[0]), LB_ERR_SYSTEM);
	setrlimit(RLIMIT_NOFILE, &usual);
	assert_ptr_equal(f->k.front, before);
	assert_int_not_equal(f->k.front_start, 77);
	close(pair[1]);

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	ok(warden_hands(f, LB_IPC_FRONT, &start, pair[0]));
	assert_int_equal(f->k.front_start, 77);
	assert_true(hung_up(f->front_fd));
	close(pair[1]);
}

static void
before_the_first_policy_nothing_else_is_heard(void **state)
{
	struct fixture *f = *state;
	const struct lb_ipc_conn start = {.conn = 77};
	uint64_t id = active(f, "alice", "op");
	int pair[2];

	f->k.started = false;
	assert_int_equal(warden_says(f, LB_IPC_EVICTED, stored(f, id).uid, true, "gone"),
			 LB_ERR_MALFORMED);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(warden_hands(f, LB_IPC_FRONT, &start, pair[0]), LB_ERR_MALFORMED);
	assert_int_equal(stored(f, id).state, LB_STATE_ACTIVE);
	assert_int_not_equal(f->k.front_start, 77);
	close(pair[1]);
	f->k.started = true;
	ok(warden_says(f, LB_IPC_EVICTED, stored(f, id).uid, true, "gone"));
	assert_int_equal(stored(f, id).state, LB_STATE_ENDED);
}

static int
put_session(struct lb_tx *tx, void *grant)
{
	struct lb_session s = {.grant = *(const uint64_t *)grant, .pid = 77};

	return lb_store_put_session(tx->store, &s);
}

static void
with_the_account_go_the_sessions_that_are_still_counted(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "duo"), other = active(f, "mallory", "duo");
	union lb_ipc_msg m;
	uint64_t seq;

	for (int i = 0; i < 3; i++)
		ok(lb_tx_run(&f->k, put_session, &id));
	ok(lb_tx_run(&f->k, put_session, &other));
	answered(act(f, "alice", LB_MSG_END, id, ""));
	forget_what_warden_heard(f);
	seq = last_record(f, NULL);
	ok(warden_says(f, LB_IPC_EVICTED, stored(f, id).uid, true, "nothing left"));
	assert_int_equal(warden_heard(f, &m), LB_IPC_ACK);
	assert_int_equal(stored(f, id).state, LB_STATE_ENDED);
	assert_int_equal(sessions_of(f, id), 0);
	assert_int_equal(sessions_of(f, other), 1);
	assert_int_equal(last_record(f, NULL), seq + 4); /* three sessions and the receipt */
	recorded(f, "evicted", id, "");
}

/* The store as it is now is one that a keeper would begin with. */
static void
store_is_sound(struct fixture *f)
{
	char why[256] = "";

	lb_store_close(f->k.store);
	f->k.store = NULL;
	if (lb_store_check(f->dir, why, sizeof why) != LB_OK)
		fail_msg("%s", why);
	ok(lb_store_open(f->dir, MAP_SIZE, &f->k.store));
}

static void
a_claim_whose_account_was_never_made_is_approved_as_before(void **state)
{
	static const uint8_t none[LB_HASH_SIZE];
	struct fixture *f = *state;
	uint64_t id = approved(f, "alice", "op"), until_s = stored(f, id).until_s;
	struct lb_msg_record last;
	union lb_ipc_msg m;
	uint32_t uid;

	pass_time(f, 60);
	act(f, "alice", LB_MSG_CLAIM, id, "");
	assert_int_equal(f->a.claims, 1);
	uid = stored(f, id).uid;
	forget_what_warden_heard(f);
	unmade(f, id, "/var/log/syslg is not there");
	assert_int_equal(warden_heard(f, &m), 0); /* there is nothing to evict */
	assert_true(TAILQ_EMPTY(&f->k.awaiting));
	assert_int_equal(stored(f, id).state, LB_STATE_APPROVED);
	assert_int_equal(stored(f, id).uid, 0);
	assert_string_equal(stored(f, id).account, "");
	assert_int_equal(stored(f, id).otp, LB_OTP_NONE);
	assert_memory_equal(stored(f, id).otp_hash, none, sizeof none);
	assert_int_equal(stored(f, id).until_s, until_s);
	assert_int_equal(stored(f, id).claimed_s, 0);
	assert_int_equal(stored(f, id).have, 1);
	assert_non_null(strstr(stored(f, id).cause, "/var/log/syslg is not there; have that put "
						    "right, then claim it again"));
	last_record(f, &last);
	assert_string_equal(last.event, "account-refused");
	assert_int_equal(last.uid, uid); /* which is what the record is to say */
	assert_non_null(strstr(last.detail, "approved as before"));
	store_is_sound(f);
	/* Whatever comes of that uid is the grant's no more. */
	ok(warden_says(f, LB_IPC_EVICTED, uid, true, "nothing left"));
	assert_int_equal(stored(f, id).state, LB_STATE_APPROVED);
	/* It is there now: another account, and nothing is said of the failure any more. */
	act(f, "alice", LB_MSG_CLAIM, id, "");
	assert_int_equal(f->a.claims, 1);
	assert_int_equal(stored(f, id).uid, uid + 1);
	assert_string_equal(stored(f, id).account, "lb-alice-2");
	assert_string_equal(stored(f, id).cause, "");
	store_is_sound(f);
	ok(warden_says(f, LB_IPC_PUBLISHED, uid + 1, true, ""));
	answered(act(f, "alice", LB_MSG_END, id, ""));
	ok(warden_says(f, LB_IPC_EVICTED, uid + 1, true, "nothing left"));
	assert_int_equal(stored(f, id).state, LB_STATE_ENDED);
	store_is_sound(f);
}

/* Each try takes a uid that is never handed out again, so they are no way to use them all up. */
static void
what_cannot_be_made_is_tried_a_few_times_and_then_now_and_again(void **state)
{
	struct fixture *f = *state;
	uint64_t id = approved(f, "alice", "op"), other;

	for (unsigned n = 0; n < LB_MADE_BURST; n++) {
		act(f, "alice", LB_MSG_CLAIM, id, "");
		assert_int_equal(f->a.claims, 1);
		assert_int_equal(stored(f, id).uid, 1900010001 + n);
		unmade(f, id, "another file system is mounted there");
	}
	refused(act(f, "alice", LB_MSG_CLAIM, id, ""), LB_OVER_LIMIT, "it is approved still");
	assert_int_equal(stored(f, id).state, LB_STATE_APPROVED);
	other = approved(f, "mallory", "op"); /* who has had nothing to do with it */
	act(f, "mallory", LB_MSG_CLAIM, other, "");
	assert_int_equal(f->a.claims, 1);
	assert_int_equal(stored(f, other).uid, 1900010001 + LB_MADE_BURST);
	pass_time(f, LB_MADE_EVERY_S);
	act(f, "alice", LB_MSG_CLAIM, id, "");
	assert_int_equal(f->a.claims, 1);
	unmade(f, id, "it still is");
	refused(act(f, "alice", LB_MSG_CLAIM, id, ""), LB_OVER_LIMIT, "claim it in 600 s");
}

static size_t
awaiting(const struct fixture *f)
{
	const struct lb_out *out;
	size_t n = 0;

	TAILQ_FOREACH(out, &f->k.awaiting, next)
	n++;
	return n;
}

static void
of_two_claims_at_once_neither_is_told_of_an_account_that_is_none(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "op");

	assert_int_equal(awaiting(f), 1);
	act(f, "alice", LB_MSG_CLAIM, id, "");
	assert_int_equal(awaiting(f), 2);
	assert_int_equal(stored(f, id).uid, 1900010001); /* it is the same account */
	unmade(f, id, "the home is on another file system");
	assert_int_equal(awaiting(f), 0);
	assert_int_equal(stored(f, id).state, LB_STATE_APPROVED);
	/* Once it is there nobody waits any more. */
	act(f, "alice", LB_MSG_CLAIM, id, "");
	ok(warden_says(f, LB_IPC_PUBLISHED, stored(f, id).uid, true, ""));
	act(f, "alice", LB_MSG_CLAIM, id, "");
	assert_int_equal(f->a.claims, 1);
	assert_int_equal(f->a.done, 1);
	assert_int_equal(awaiting(f), 0);
}

static void
what_waited_to_extend_it_goes_with_the_account_that_was_none(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "op"), more;
	union lb_msg m = {.extend = {.id = id, .duration_s = 900, .reason = "not done"}};

	more = answered(ask(f, "alice", LB_MSG_EXTEND, &m));
	unmade(f, id, "no room");
	assert_int_equal(stored(f, id).state, LB_STATE_APPROVED);
	assert_int_equal(stored(f, more).state, LB_STATE_CANCELLED);
	store_is_sound(f);
}

/* It was ended meanwhile, or its time is over: then it is not approved again. */
static void
what_was_ended_while_its_account_was_made_stays_ended(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "op"), late;

	answered(act(f, "bob", LB_MSG_REVOKE, id, "incident"));
	unmade(f, id, "the uid is taken");
	assert_int_equal(stored(f, id).state, LB_STATE_ENDING);
	late = active(f, "alice", "op");
	pass_time(f, (int64_t)(stored(f, late).until_s - lb_keeper_now_s(&f->k)));
	unmade(f, late, "the uid is taken");
	assert_int_equal(stored(f, late).state, LB_STATE_APPROVED);
	refused(act(f, "alice", LB_MSG_CLAIM, late, ""), LB_NOT_NOW, "its time has run out");
}

/* One that was there before and is somebody else's now, or whose role is gone, is over. */
static void
an_account_that_is_somebody_elses_now_is_over_without_an_eviction(void **state)
{
	struct fixture *f = *state;
	uint64_t id = active(f, "alice", "op"), gone;
	union lb_ipc_msg m;

	forget_what_warden_heard(f);
	ok(warden_says_how(f, LB_IPC_PUBLISHED, stored(f, id).uid, false, LB_IPC_TAKEN,
			   "the uid is taken"));
	assert_int_equal(stored(f, id).state, LB_STATE_ENDED);
	assert_non_null(strstr(stored(f, id).cause, ": the uid is taken"));
	recorded(f, "account-refused", id, "");
	assert_int_equal(warden_heard(f, &m), 0);
	gone = active(f, "mallory", "op");
	forget_what_warden_heard(f);
	change_policy(f, PEOPLE MALLORY TEAMS("\"alice\", \"mallory\"") OTHER_ROLES);
	unmade(f, gone, "the policy has no such role");
	assert_int_equal(stored(f, gone).state, LB_STATE_ENDED);
	assert_int_equal(warden_heard(f, &m), 0);
	store_is_sound(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit(a_policy_is_taken_from_a_file_of_some_size_and_from_nothing_else),
		unit(a_policy_that_cannot_be_read_leaves_the_one_in_force),
		unit(a_new_courier_takes_the_place_of_the_one_before),
		unit(a_front_that_cannot_be_held_leaves_the_one_before),
		unit(before_the_first_policy_nothing_else_is_heard),
		unit(with_the_account_go_the_sessions_that_are_still_counted),
		unit(a_claim_whose_account_was_never_made_is_approved_as_before),
		unit(what_cannot_be_made_is_tried_a_few_times_and_then_now_and_again),
		unit(of_two_claims_at_once_neither_is_told_of_an_account_that_is_none),
		unit(what_waited_to_extend_it_goes_with_the_account_that_was_none),
		unit(what_was_ended_while_its_account_was_made_stays_ended),
		unit(an_account_that_is_somebody_elses_now_is_over_without_an_eviction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
