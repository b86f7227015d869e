/*
 * Stands where the daemon stands, to be wrong on purpose: the module tests
 * need answers that the real one never gives.
 *
 *	pam_peer SOCKET MODE LOG [TEXT]
 *
 * Listens at SOCKET, writes each request it reads to LOG as one line, and
 * answers it in the way of MODE (the table below; TEXT is the verdict's).
 * The socket appears when it is being listened at.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "err.h"
#include "proto.h"

#define FRAME_MAX (LB_HEADER_SIZE + LB_PAYLOAD_MAX)

struct answer {
	int fd;
	uint16_t asked;
	const struct lb_msg_login *login;
	const char *text;
	uint8_t frame[FRAME_MAX + 64];
	size_t len;
};

static void __attribute__((noreturn)) die(const char *what)
{
	perror(what);
	exit(1);
}

static void
send_bytes(int fd, const void *bytes, size_t len)
{
	if (send(fd, bytes, len, MSG_NOSIGNAL) != (ssize_t)len)
		perror("send");
}

static void
encode(struct answer *a, uint8_t verdict)
{
	struct lb_msg_verdict v = {.verdict = verdict};

	snprintf(v.text, sizeof v.text, "%s", a->text);
	if (lb_proto_encode(LB_MSG_VERDICT, &v, a->frame, FRAME_MAX, &a->len) != LB_OK)
		die("encode");
}

static void
answer(struct answer *a, uint8_t verdict)
{
	encode(a, verdict);
	send_bytes(a->fd, a->frame, a->len);
}

static void
allow(struct answer *a)
{
	answer(a, LB_VERDICT_ALLOW);
}

static void
deny(struct answer *a)
{
	answer(a, LB_VERDICT_DENY);
}

static void
verdict_0(struct answer *a)
{
	answer(a, 0);
}

static void
verdict_3(struct answer *a)
{
	answer(a, 3);
}

static void
verdict_255(struct answer *a)
{
	answer(a, 255);
}

/* Yes to the password "right", and to everything that asks for none. */
static void
password(struct answer *a)
{
	if (a->asked == LB_MSG_PAM_AUTH && strcmp(a->login->password, "right") != 0)
		deny(a);
	else
		allow(a);
}

static void
silent(struct answer *a)
{
	a->fd = -1; /* stays open */
}

static void
hang_up(struct answer *a)
{
	(void)a;
}

/* A whole yes, one byte every 100 ms: never done in time. */
static void
drip(struct answer *a)
{
	struct timespec pause = {.tv_nsec = 100000000};

	encode(a, LB_VERDICT_ALLOW);
	for (size_t i = 0; i < a->len; i++) {
		if (send(a->fd, a->frame + i, 1, MSG_NOSIGNAL) != 1)
			return;
		nanosleep(&pause, NULL);
	}
}

static void
half(struct answer *a)
{
	encode(a, LB_VERDICT_ALLOW);
	send_bytes(a->fd, a->frame, a->len - 1);
	a->fd = -1;
}

static void
half_and_close(struct answer *a)
{
	encode(a, LB_VERDICT_ALLOW);
	send_bytes(a->fd, a->frame, a->len - 1);
}

/* One byte more than the message has, inside the frame. */
static void
trailing(struct answer *a)
{
	encode(a, LB_VERDICT_ALLOW);
	a->frame[a->len++] = 'x';
	a->frame[3]++;
	send_bytes(a->fd, a->frame, a->len);
}

/* A good frame with something behind it. */
static void
followed(struct answer *a)
{
	encode(a, LB_VERDICT_ALLOW);
	a->frame[a->len++] = 'x';
	send_bytes(a->fd, a->frame, a->len);
}

/* The text is a NUL. */
static void
nul_text(struct answer *a)
{
	a->text = "x";
	encode(a, LB_VERDICT_ALLOW);
	a->frame[a->len - 1] = '\0';
	send_bytes(a->fd, a->frame, a->len);
}

static void
patch(struct answer *a, size_t at, uint8_t byte)
{
	encode(a, LB_VERDICT_ALLOW);
	a->frame[at] = byte;
	send_bytes(a->fd, a->frame, a->len);
}

static void
huge(struct answer *a)
{
	patch(a, 0, 0x7f);
}

static void
bad_version(struct answer *a)
{
	patch(a, 6, LB_PROTO_VERSION + 1);
}

static void
reserved(struct answer *a)
{
	patch(a, 7, 1);
}

/* The bytes of a yes, typed as a request. */
static void
request_type(struct answer *a)
{
	patch(a, 4, 0);
}

/* A reply, but not a verdict. */
static void
other_reply(struct answer *a)
{
	struct lb_msg_done done = {.more = LB_VERDICT_ALLOW};

	if (lb_proto_encode(LB_MSG_DONE, &done, a->frame, FRAME_MAX, &a->len) != LB_OK)
		die("encode");
	send_bytes(a->fd, a->frame, a->len);
}

/* The request itself, sent back. */
static void
echo(struct answer *a)
{
	if (lb_proto_encode(a->asked, a->login, a->frame, FRAME_MAX, &a->len) != LB_OK)
		die("encode");
	send_bytes(a->fd, a->frame, a->len);
}

static const struct {
	const char *name;
	void (*act)(struct answer *);
	uid_t listener;
} modes[] = {
	{"allow", allow, 0},
	{"deny", deny, 0},
	{"password", password, 0},
	{"other-owner", allow, 65534},
	{"silent", silent, 0},
	{"hang-up", hang_up, 0},
	{"slam", NULL, 0}, /* closes before anything was read */
	{"drip", drip, 0},
	{"half", half, 0},
	{"half-and-close", half_and_close, 0},
	{"trailing", trailing, 0},
	{"followed", followed, 0},
	{"nul-text", nul_text, 0},
	{"huge", huge, 0},
	{"bad-version", bad_version, 0},
	{"reserved", reserved, 0},
	{"request-type", request_type, 0},
	{"other-reply", other_reply, 0},
	{"echo", echo, 0},
	{"verdict-0", verdict_0, 0},
	{"verdict-3", verdict_3, 0},
	{"verdict-255", verdict_255, 0},
};

static int
listen_at(const char *path, uid_t listener)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || snprintf(sun.sun_path, sizeof sun.sun_path, "%s.new", path) < 0)
		die("socket");
	unlink(sun.sun_path);
	if (bind(fd, (struct sockaddr *)&sun, sizeof sun) != 0)
		die("bind");
	/* The listener is who calls listen(2). */
	if (seteuid(listener) != 0 || listen(fd, 64) != 0 || seteuid(0) != 0)
		die("listen");
	if (rename(sun.sun_path, path) != 0)
		die("rename");
	return fd;
}

static int
read_request(int fd, uint16_t *type, union lb_msg *msg)
{
	uint8_t header[LB_HEADER_SIZE], payload[LB_PAYLOAD_MAX];
	uint32_t len;

	if (recv(fd, header, sizeof header, MSG_WAITALL) != (ssize_t)sizeof header)
		return LB_ERR_UNREACHABLE;
	if (lb_proto_header(header, type, &len) != LB_OK)
		return LB_ERR_MALFORMED;
	if (len > 0 && recv(fd, payload, len, MSG_WAITALL) != (ssize_t)len)
		return LB_ERR_UNREACHABLE;
	return lb_proto_decode(*type, payload, len, msg);
}

static void
serve(int fd, size_t mode, FILE *log, const char *text)
{
	union lb_msg msg;
	struct answer a = {.fd = fd, .text = text, .login = &msg.login};

	if (modes[mode].act == NULL) {
		fprintf(log, "closed\n");
		fflush(log);
	} else if (read_request(fd, &a.asked, &msg) != LB_OK) {
		fprintf(log, "bad request\n");
	} else {
		fprintf(log, "%s user=%s uid=%u service=%s rhost=%s tty=%s password=%s\n",
			lb_proto_layout(a.asked)->name, msg.login.user, msg.login.uid,
			msg.login.service, msg.login.rhost, msg.login.tty, msg.login.password);
		fflush(log);
		modes[mode].act(&a);
	}
	if (a.fd >= 0)
		close(a.fd);
}

int
main(int argc, char **argv)
{
	size_t mode = 0;
	int listener;
	FILE *log;

	if (argc < 4)
		die("usage: pam_peer SOCKET MODE LOG [TEXT]");
	while (mode < sizeof modes / sizeof modes[0] && strcmp(modes[mode].name, argv[2]) != 0)
		mode++;
	if (mode == sizeof modes / sizeof modes[0])
		die("no such mode");
	log = fopen(argv[3], "a");
	if (log == NULL)
		die(argv[3]);
	listener = listen_at(argv[1], modes[mode].listener);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd >= 0)
			serve(fd, mode, log, argc > 4 ? argv[4] : "");
	}
}
