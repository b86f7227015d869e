/*
 * Every reply of the daemon, byte by byte: a client's connection, the real
 * front, the link, the real keeper, and all the way back.
 *
 * Each frame is exactly as long as its header says, and written again from what
 * was read of it it is the same: there is no byte in it that is not a field's.
 * module/replies runs this under memcheck, which looks at each byte that is
 * handed to the kernel: none of them may be one that was never set.
 */
#include "keeper_fixture.h"

#include "keeper/batch.h"

#define keeper front_keeper
#define lb_front_main unused_front_main
#include "../../lockboxd/front/front.c"
#undef keeper

static unsigned seen[256]; /* replies of each type */

/* One frame; its size. */
static size_t
look_at(const uint8_t *frame, size_t left)
{
	uint8_t again[LB_HEADER_SIZE + LB_PAYLOAD_MAX];
	static union lb_msg m;
	uint16_t type;
	uint32_t len;
	size_t same, size;

	assert_true(left >= LB_HEADER_SIZE);
	ok(lb_proto_header(frame, &type, &len));
	size = LB_HEADER_SIZE + len;
	assert_true(size <= left);
	ok(lb_proto_decode(type, frame + LB_HEADER_SIZE, len, &m));
	ok(lb_proto_encode(type, &m, again, sizeof again, &same));
	assert_int_equal(same, size);
	assert_memory_equal(again, frame, size);
	assert_true((type & LB_REPLY) != 0 && (type & ~LB_REPLY) < 256);
	seen[type & ~LB_REPLY]++;
	return size;
}

/* -- people, through front ------------------------------------------------------ */

static int
connected(struct fixture *f, const char *who)
{
	struct lb_peer peer = peer_of(f, who);
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	lb_peers_serve(f->k.peers, pair[0], &peer);
	close(pair[0]);
	return pair[1];
}

/* Reads one frame; what it is. */
static uint16_t
read_reply(struct fixture *f, int fd, union lb_msg *m)
{
	uint8_t frame[LB_HEADER_SIZE + LB_PAYLOAD_MAX];
	size_t got = 0, due = LB_HEADER_SIZE;
	uint16_t type = 0;
	uint32_t len;

	for (int turns = 0; got < due; turns++) {
		ssize_t n = recv(fd, frame + got, due - got, MSG_DONTWAIT);

		assert_true(n != 0 && turns < 100000);
		if (n < 0) {
			event_base_loop(f->k.base, EVLOOP_NONBLOCK);
			continue;
		}
		got += (size_t)n;
		if (got == LB_HEADER_SIZE && due == LB_HEADER_SIZE) {
			ok(lb_proto_header(frame, &type, &len));
			due += len;
		}
	}
	assert_int_equal(look_at(frame, due), due);
	ok(lb_proto_decode(type, frame + LB_HEADER_SIZE, due - LB_HEADER_SIZE, m));
	return type;
}

/* A whole conversation; the last reply, and the last before it in *m. */
static uint16_t
converse(struct fixture *f, const char *who, uint16_t type, const union lb_msg *msg,
	 union lb_msg *m)
{
	uint8_t frame[LB_HEADER_SIZE + LB_PAYLOAD_MAX];
	int fd = connected(f, who);
	uint16_t what;
	union lb_msg end;
	size_t len;
	char more;

	ok(lb_proto_encode(type, msg, frame, sizeof frame, &len));
	assert_int_equal(send(fd, frame, len, MSG_NOSIGNAL), len);
	for (;;) {
		what = read_reply(f, fd, &end);
		if (what == LB_MSG_DONE || what == LB_MSG_REFUSED)
			break;
		*m = end;
	}
	/* And nothing behind it. */
	for (int i = 0; i < 10; i++)
		event_base_loop(f->k.base, EVLOOP_NONBLOCK);
	assert_int_equal(recv(fd, &more, 1, MSG_DONTWAIT), -1);
	close(fd);
	return what;
}

static void
says_about(struct fixture *f, const char *who, uint16_t type, uint64_t id, uint16_t due)
{
	union lb_msg msg = {.act = {.id = id, .text = "a reason"}}, m;

	assert_int_equal(converse(f, who, type, &msg, &m), due);
}

static uint64_t
asks(struct fixture *f, const char *role, const char *reason)
{
	union lb_msg msg = {.request = {.duration_s = 600}}, m = {0};

	snprintf(msg.request.role, sizeof msg.request.role, "%s", role);
	snprintf(msg.request.reason, sizeof msg.request.reason, "%s", reason);
	assert_int_equal(converse(f, "alice", LB_MSG_REQUEST, &msg, &m), LB_MSG_DONE);
	return m.grant.id;
}

static void
reads_everything(struct fixture *f, uint64_t id)
{
	static const char *const who[] = {"alice", "bob", "carol", "root", "mallory"};
	union lb_msg msg, m;

	for (size_t i = 0; i < sizeof who / sizeof who[0]; i++) {
		for (uint8_t which = LB_LIST_MINE; which <= LB_LIST_ALL; which++) {
			msg = (union lb_msg){.list = {.which = which}};
			converse(f, who[i], LB_MSG_LIST, &msg, &m);
		}
		msg = (union lb_msg){.act = {.id = id}};
		converse(f, who[i], LB_MSG_SHOW, &msg, &m);
		memset(&msg, 0, sizeof msg);
		converse(f, who[i], LB_MSG_ROLES, &msg, &m);
		converse(f, who[i], LB_MSG_AUDIT, &msg, &m);
		converse(f, who[i], LB_MSG_HEALTH, &msg, &m);
	}
}

/* The claim's answer waits for the warden: told here that all went well, by the link. */
static uint64_t
claims(struct fixture *f, uint64_t id)
{
	uint8_t frame[LB_HEADER_SIZE + LB_PAYLOAD_MAX];
	union lb_msg msg = {.act = {.id = id}}, m;
	int fd = connected(f, "alice");
	size_t len;

	ok(lb_proto_encode(LB_MSG_CLAIM, &msg, frame, sizeof frame, &len));
	assert_int_equal(send(fd, frame, len, MSG_NOSIGNAL), len);
	for (int i = 0; i < 1000 && TAILQ_EMPTY(&f->k.awaiting); i++)
		event_base_loop(f->k.base, EVLOOP_NONBLOCK);
	ok(warden_says(f, LB_IPC_PUBLISHED, stored(f, id).uid, true, ""));
	assert_int_equal(read_reply(f, fd, &m), LB_MSG_CLAIMED);
	assert_int_equal(read_reply(f, fd, &m), LB_MSG_DONE);
	close(fd);
	return id;
}

/* -- sshd and PAM: the keeper's own connections ---------------------------------- */

static int bare[2]; /* where the bytes of their replies are handed to the kernel */

static void
carry_out(struct lb_keeper *k, struct lb_out *out)
{
	if (out != NULL && out->kind == LB_OUT_REPLY && out->target.direct) {
		assert_int_equal(send(bare[0], out->bytes, out->len, MSG_NOSIGNAL), out->len);
		for (size_t at = 0; at < out->len;)
			at += look_at(out->bytes + at, out->len - at);
		while (recv(bare[1], (char[64]){0}, 64, MSG_DONTWAIT) > 0)
			;
	}
	lb_keeper_carry_out(k, out);
}

static void
pam_asks(struct fixture *f, const char *user, uint32_t uid, const char *service)
{
	static const uint16_t questions[] = {LB_MSG_PAM_AUTH, LB_MSG_PAM_ACCOUNT, LB_MSG_PAM_OPEN,
					     LB_MSG_PAM_CLOSE, LB_MSG_PAM_EXEMPT};
	union lb_msg m = {.login = {.uid = uid}};
	struct lb_peer peer = peer_of_uid(f, 0);
	int ends[2];

	/* Memcheck knows no pidfds: something that never becomes readable does as well. */
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	peer.direct = true;
	peer.pidfd = ends[0];
	snprintf(m.login.user, sizeof m.login.user, "%s", user);
	snprintf(m.login.service, sizeof m.login.service, "%s", service);
	snprintf(m.login.rhost, sizeof m.login.rhost, "192.0.2.1");
	for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
		struct question q = {f, &peer, questions[i], &m, true, false};

		memset(&f->a, 0, sizeof f->a);
		ok(lb_tx_run(&f->k, put, &q));
		assert_int_equal(f->a.verdicts, 1);
	}
	close(ends[0]);
	close(ends[1]);
}

static void
sshd_asks(struct fixture *f, const char *user, const char *type, const char *blob)
{
	union lb_msg m = {0};

	snprintf(m.keys.user, sizeof m.keys.user, "%s", user);
	snprintf(m.keys.type, sizeof m.keys.type, "%s", type);
	snprintf(m.keys.blob, sizeof m.keys.blob, "%s", blob);
	ok(ask(f, "lockbox-keys", LB_MSG_KEYS, &m)->err);
}

static void
every_reply_has_its_fields_bytes_and_no_others(void **state)
{
	static const struct lb_link_calls calls = {on_message, on_lost, NULL};
	struct fixture *f = *state;
	union lb_msg nothing = {0}, m;
	uint64_t id;
	struct lb_grant g;
	int fd;

	base = f->k.base;
	front_keeper = lb_link_new(base, dup(f->front_fd), &calls, NULL);
	assert_non_null(front_keeper);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, bare), 0);
	f->k.carry_out = carry_out;

	id = asks(f, "op", "the index is broken");
	asks(f, "duo", "another");
	reads_everything(f, id);
	says_about(f, "bob", LB_MSG_APPROVE, id, LB_MSG_DONE);
	says_about(f, "alice", LB_MSG_APPROVE, id, LB_MSG_REFUSED);
	claims(f, id);
	says_about(f, "alice", LB_MSG_CLAIM, id, LB_MSG_DONE); /* a new password */
	reads_everything(f, id);

	g = stored(f, id);
	pam_asks(f, g.account, g.uid, "sshd");
	pam_asks(f, "bob", 1002, "sshd");
	pam_asks(f, "root", 0, "login");
	sshd_asks(f, "lockbox", ALICE_TYPE, ALICE_KEY);
	sshd_asks(f, "lockbox", ALICE_TYPE, ERIN_KEY);
	sshd_asks(f, g.account, ALICE_TYPE, ALICE_KEY);

	converse(f, "root", LB_MSG_RESET_CLOCK, &nothing, &m);
	says_about(f, "root", LB_MSG_REVOKE, id, LB_MSG_DONE);
	reads_everything(f, id);

	for (uint16_t type = LB_REPLY | 1; lb_proto_layout(type) != NULL; type++)
		if (seen[type & ~LB_REPLY] == 0)
			fail_msg("no reply of type %#x was seen", type);
	/* Whoever is left has left. */
	fd = connected(f, "bob");
	close(fd);
	turn(f);
	while (!LIST_EMPTY(&conns))
		drop(LIST_FIRST(&conns), false);
	lb_link_free(front_keeper);
	close(bare[0]);
	close(bare[1]);
}

/* -- how they travel ---------------------------------------------------------------- */

static size_t
outs(const struct lb_outbox *box)
{
	const struct lb_out *out;
	size_t n = 0;

	TAILQ_FOREACH(out, box, next)
	{
		assert_true(out->len <= LB_REPLY_MAX);
		n++;
	}
	return n;
}

static void
frames_of_one_answer_travel_together_and_no_others(void **state)
{
	const struct lb_target one = {false, 1}, other = {false, 2}, direct = {true, 1};
	const struct lb_msg_done done = {0};
	struct lb_msg_record r = {.seq = 1};
	struct lb_outbox box;
	size_t n;

	(void)state;
	lb_outbox_init(&box);
	ok(lb_outbox_reply(&box, one, LB_MSG_RECORD, &r));
	ok(lb_outbox_reply(&box, one, LB_MSG_DONE, &done));
	assert_int_equal(outs(&box), 1);
	ok(lb_outbox_reply(&box, other, LB_MSG_DONE, &done));
	ok(lb_outbox_reply(&box, direct, LB_MSG_DONE, &done));
	assert_int_equal(outs(&box), 3);
	/* What was caused before stays before: an answer's line of the log is not overtaken. */
	ok(lb_outbox_log(&box, LOG_INFO, "a line"));
	ok(lb_outbox_reply(&box, direct, LB_MSG_DONE, &done));
	assert_int_equal(TAILQ_LAST(&box, lb_outbox)->len, LB_HEADER_SIZE + 9);
	lb_outbox_clear(&box);

	memset(r.detail, 'd', sizeof r.detail - 1);
	for (int i = 0; i < 50; i++)
		ok(lb_outbox_reply(&box, one, LB_MSG_RECORD, &r));
	n = outs(&box);
	assert_true(n > 1 && n < 50);
	n = 0;
	for (const struct lb_out *out = TAILQ_FIRST(&box); out != NULL; out = TAILQ_NEXT(out, next))
		for (size_t at = 0; at < out->len; n++)
			at += look_at(out->bytes + at, out->len - at);
	assert_int_equal(n, 50);
	lb_outbox_clear(&box);
}

/* Front passes on whole frames only. */
static void
front_takes_no_message_with_half_a_frame(void **state)
{
	static uint8_t bytes[8 + 4 * (LB_HEADER_SIZE + 9)];
	const struct lb_msg_done done = {0};
	size_t one, used = 8;

	(void)state;
	for (int i = 0; i < 3; i++) {
		ok(lb_proto_encode(LB_MSG_DONE, &done, bytes + used, sizeof bytes - used, &one));
		used += one;
		ok(on_reply(bytes,
			    used)); /* of a connection that is gone: nothing else comes of it */
	}
	for (size_t cut = 0; cut < used; cut++)
		if (cut < 8 + one || (cut - 8) % one != 0)
			assert_int_equal(on_reply(bytes, cut), LB_ERR_MALFORMED);
	bytes[8 + one + 4] ^= 0x7f; /* the second's type */
	assert_int_equal(on_reply(bytes, used), LB_ERR_MALFORMED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit(every_reply_has_its_fields_bytes_and_no_others),
		cmocka_unit_test(frames_of_one_answer_travel_together_and_no_others),
		cmocka_unit_test(front_takes_no_message_with_half_a_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
