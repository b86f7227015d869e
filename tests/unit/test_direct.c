/* Connections that the keeper itself reads: what is no question closes them, and too many give way. */
#include "keeper_fixture.h"

#include <sys/stat.h>

static int
taken(struct fixture *f, uint32_t uid)
{
	struct lb_peer peer = peer_of_uid(f, uid);
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair),
			 0);
	peer.direct = true;
	lb_direct_take(f->k.direct, pair[0], &peer);
	return pair[1];
}

/* Answered: 1; closed: 0; -1: neither, after as many turns as there may be. */
static int
outcome(struct fixture *f, int fd)
{
	uint8_t bytes[256];

	for (int i = 0; i < 50; i++) {
		ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);

		if (n >= 0)
			return n > 0;
		if (errno == ECONNRESET)
			return 0;
		turn(f);
	}
	return -1;
}

static size_t
question(uint8_t *frame, size_t cap)
{
	union lb_msg m = {.keys = {.user = "lockbox", .type = ALICE_TYPE, .blob = ALICE_KEY}};
	size_t len;

	ok(lb_proto_encode(LB_MSG_KEYS, &m, frame, cap, &len));
	return len;
}

static void
what_is_no_question_closes_the_connection(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} changes[] = {{0, 0xff}, {4, 0x7f}, {5, 0x7f}, {6, 9}, {7, 1}};
	struct fixture *f = *state;
	uint8_t frame[LB_HEADER_SIZE + LB_PAYLOAD_MAX];
	size_t len = question(frame, sizeof frame);
	int fd = taken(f, KEYS_UID);

	assert_int_equal(send(fd, frame, len, MSG_NOSIGNAL), len);
	assert_int_equal(outcome(f, fd), 1);
	close(fd);
	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		len = question(frame, sizeof frame);
		frame[changes[i].at] = changes[i].value;
		fd = taken(f, KEYS_UID);
		assert_int_equal(send(fd, frame, len, MSG_NOSIGNAL), len);
		assert_int_equal(outcome(f, fd), 0);
		close(fd);
	}
}

static void
one_who_leaves_in_the_middle_is_forgotten(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[LB_HEADER_SIZE + LB_PAYLOAD_MAX];
	size_t len = question(frame, sizeof frame);
	int fd;

	for (size_t cut = 0; cut < len; cut += 5) {
		fd = taken(f, KEYS_UID);
		assert_int_equal(send(fd, frame, cut, MSG_NOSIGNAL), cut);
		turn(f);
		close(fd);
		turn(f);
	}
	fd = taken(f, KEYS_UID);
	assert_int_equal(send(fd, frame, len / 2, MSG_NOSIGNAL), len / 2);
	turn(f);
	assert_int_equal(send(fd, frame + len / 2, len - len / 2, MSG_NOSIGNAL), len - len / 2);
	assert_int_equal(outcome(f, fd), 1);
	close(fd);
}

/* Hundreds that say nothing: the next one is answered all the same. */
static void
many_that_say_nothing_keep_nobody_out(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[LB_HEADER_SIZE + LB_PAYLOAD_MAX];
	size_t len = question(frame, sizeof frame);
	int silent[400], fd;

	for (size_t i = 0; i < 400; i++)
		silent[i] = taken(f, KEYS_UID);
	fd = taken(f, KEYS_UID);
	assert_int_equal(send(fd, frame, len, MSG_NOSIGNAL), len);
	assert_int_equal(outcome(f, fd), 1);
	close(fd);
	for (size_t i = 0; i < 400; i++)
		close(silent[i]);
	turn(f);
}

/* What comes at another door, or is cut off within, closes the connection. */
static void
a_question_of_another_door_or_without_its_end_gets_no_answer(void **state)
{
	struct fixture *f = *state;
	union lb_msg m = {.login = {.uid = 1000, .user = "alice", .service = "sshd"}};
	uint8_t frame[LB_HEADER_SIZE + LB_PAYLOAD_MAX];
	size_t len = question(frame, sizeof frame);
	int fd = taken(f, KEYS_UID);

	assert_int_equal(send(fd, frame, len, MSG_NOSIGNAL), len);
	assert_int_equal(outcome(f, fd), 1);
	close(fd);

	ok(lb_proto_encode(LB_MSG_PAM_AUTH, &m, frame, sizeof frame, &len));
	fd = taken(f, KEYS_UID);
	assert_int_equal(send(fd, frame, len, MSG_NOSIGNAL), len);
	assert_int_equal(outcome(f, fd), 0);
	close(fd);

	/* A frame that says to be whole, with one byte less of its last field. */
	len = question(frame, sizeof frame) - 1;
	frame[2] = (uint8_t)((len - LB_HEADER_SIZE) >> 8);
	frame[3] = (uint8_t)(len - LB_HEADER_SIZE);
	fd = taken(f, KEYS_UID);
	assert_int_equal(send(fd, frame, len, MSG_NOSIGNAL), len);
	assert_int_equal(outcome(f, fd), 0);
	close(fd);
}

/* -- the login socket -------------------------------------------------------- */

#define LOGINS 256

static size_t
login_question(uint8_t *frame, size_t cap)
{
	union lb_msg m = {.login = {.uid = 1000, .user = "alice", .service = "sshd"}};
	size_t len;

	ok(lb_proto_encode(LB_MSG_PAM_ACCOUNT, &m, frame, cap, &len));
	return len;
}

static void
root_alone_asks_at_the_login_socket(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[LB_HEADER_SIZE + LB_PAYLOAD_MAX];
	size_t len = login_question(frame, sizeof frame);
	char path[300];
	int fd;

	if (geteuid() != 0)
		skip();
	fd = connect_to(f->dir, "pam");
	assert_int_equal(send(fd, frame, len, MSG_NOSIGNAL), len);
	assert_int_equal(outcome(f, fd), 1);
	close(fd);

	/* Another user, whom the socket's mode would not even let come so far. */
	snprintf(path, sizeof path, "%s/pam", f->dir);
	assert_int_equal(chmod(f->dir, 0711) | chmod(path, 0666), 0);
	assert_int_equal(seteuid(NOBODY_UID), 0);
	fd = connect_to(f->dir, "pam");
	assert_int_equal(seteuid(0), 0);
	send(fd, frame, len, MSG_NOSIGNAL);
	assert_int_equal(outcome(f, fd), 0);
	close(fd);
}

static void
more_logins_than_there_is_room_for_are_refused_until_one_goes(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[LB_HEADER_SIZE + LB_PAYLOAD_MAX];
	size_t len = login_question(frame, sizeof frame);
	int silent[LOGINS], fd;

	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < LOGINS; i++)
		silent[i] = connect_to(f->dir, "pam");
	fd = connect_to(f->dir, "pam"); /* the last of the queue */
	assert_int_equal(outcome(f, fd), 0);
	close(fd);
	/* None of those before had to go. */
	for (size_t i = 0; i < LOGINS; i++)
		assert_int_equal(recv(silent[i], frame + len, 1, MSG_DONTWAIT), -1);
	close(silent[0]);
	turn(f);
	fd = connect_to(f->dir, "pam");
	assert_int_equal(send(fd, frame, len, MSG_NOSIGNAL), len);
	assert_int_equal(outcome(f, fd), 1);
	close(fd);
	for (size_t i = 1; i < LOGINS; i++)
		close(silent[i]);
	turn(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit(what_is_no_question_closes_the_connection),
		unit(one_who_leaves_in_the_middle_is_forgotten),
		unit(many_that_say_nothing_keep_nobody_out),
		unit(a_question_of_another_door_or_without_its_end_gets_no_answer),
		unit(root_alone_asks_at_the_login_socket),
		unit(more_logins_than_there_is_room_for_are_refused_until_one_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
