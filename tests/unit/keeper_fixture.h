/*
 * A keeper in this process for the tests of what it decides: a real store in a
 * directory of its own, a policy from memory, links whose other ends the test
 * holds, and peers as the kernel would have named them.
 *
 * A request is put to lb_dispatch() or lb_login() inside a real transaction;
 * what it caused is read from the outbox before the commit carries it out.
 */
#ifndef LB_KEEPER_FIXTURE_H
#define LB_KEEPER_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>
#include <sodium.h>

#include "err.h"
#include "keeper/dispatch.h"
#include "keeper/handlers.h"
#include "keeper/move.h"
#include "keeper/role.h"
#include "keeper/view.h"
#include "keeper/login.h"
#include "keeper/direct.h"
#include "keeper/start.h"
#include "keeper/state.h"
#include "keeper/store_records.h"
#include "../support/refusals.h"
#include "wire.h"

#define ok(call) assert_int_equal((call), LB_OK)
#define NS 1000000000ll
#define GATE_UID 990u
#define KEYS_UID 989u
#define NOBODY_UID 4000u
#define MAP_SIZE ((size_t)4 << 20)

#define ALICE_TYPE "ssh-ed25519"
#define ALICE_KEY "AAAAC3NzaC1lZDI1NTE5AAAAIA39QdqdTCIXOhLgDfdsyDmSXppo6WKJHhVs98E577Jn"
#define ERIN_KEY "AAAAC3NzaC1lZDI1NTE5AAAAILXlDtIwxM9sYVSUyUoQ4RvdXlgGaYtQcNcRRIYmEHRv"

static char host_text[] = "name = \"testhost\"\n"
			  "gate-user = \"lockbox\"\n"
			  "auditors = {\"auditors\"}\n";
#define PEOPLE                                                                                     \
	"identity alice { keys = {\"ssh-ed25519 " ALICE_KEY "\"} unix-user = \"alice\" }\n"        \
	"identity bob { unix-user = \"bob\" }\n"                                                   \
	"identity carol { unix-user = \"carol\" }\n"                                               \
	"identity dave { unix-user = \"dave\" }\n"                                                 \
	"identity frank { unix-user = \"frank\" }\n"
#define MALLORY "identity mallory { unix-user = \"mallory\" }\n"
#define TEAMS(engineers)                                                                           \
	"team engineers { members = {" engineers "} }\n"                                           \
	"team leads { members = {\"bob\", \"dave\"} }\n"                                           \
	"team both { members = {\"frank\", \"bob\"} }\n"                                           \
	"team auditors { members = {\"carol\"} }\n"
#define OP(groups)                                                                                 \
	"role op { requesters = {\"engineers\"} approvers = {\"leads\"} max-duration = \"4h\"\n"   \
	" default-duration = \"1h\" groups = {" groups                                             \
	"} sudo = {\"/usr/bin/id -u\"} sessions = 1 }\n"
#define OP_WITH(settings)                                                                          \
	"role op { requesters = {\"engineers\"} approvers = {\"leads\"} groups = {\"adm\"} sudo "  \
	"= {\"/usr/bin/id -u\"}\n"                                                                 \
	" default-duration = \"10m\" " settings " }\n"
#define OTHER_ROLES                                                                                \
	"role duo { requesters = {\"engineers\"} approvers = {\"leads\"} approvals = 2\n"          \
	" max-duration = \"1h\" default-duration = \"10m\" sessions = 3 port-forwarding = true "   \
	"}\n"                                                                                      \
	"role mixed { requesters = {\"both\"} approvers = {\"both\"} max-duration = \"1h\"\n"      \
	" default-duration = \"10m\" }\n"

static const char policy_text[] =
	PEOPLE MALLORY TEAMS("\"alice\", \"mallory\"") OP("\"adm\"") OTHER_ROLES;
/* Another group: the role is not what was asked for any more. */
static const char policy_other_groups[] =
	PEOPLE MALLORY TEAMS("\"alice\", \"mallory\"") OP("\"adm\", \"games\"") OTHER_ROLES;
static const char policy_without_alice_in_team[] =
	PEOPLE MALLORY TEAMS("\"mallory\"") OP("\"adm\"") OTHER_ROLES;
static const char policy_without_mallory[] = PEOPLE TEAMS("\"alice\"") OP("\"adm\"") OTHER_ROLES;

struct to_warden {
	uint16_t type;
	union lb_ipc_msg msg;
	bool fd;
};

/* What one request caused. */
struct answer {
	int err;
	unsigned done, refused, roles, grants, claims, records, keys, verdicts, healths, watches,
		to_signs, signeds, eligibles, attesteds;
	uint16_t code;
	char text[LB_REASON_MAX + 1];
	struct lb_msg_done end;
	struct lb_msg_role role;
	struct lb_msg_grant grant;
	uint64_t ids[64];
	struct lb_msg_claimed claimed;
	struct lb_msg_record record;
	struct lb_msg_key key;
	struct lb_msg_verdict verdict;
	struct lb_msg_health health;
	struct lb_msg_customer_view customer;
	struct lb_msg_to_sign to_sign;
	struct lb_msg_eligible eligible;
	struct lb_msg_attested attested;
	struct lb_msg_metrics metrics;
	struct lb_msg_signed signed_by;
	struct to_warden warden[16];
	size_t nwarden;
	char log[4096]; /* the last line for syslog */
};

struct fixture {
	struct lb_keeper k;
	char dir[256], file[300];
	int front_fd, warden_fd; /* the other ends */
	int pam_listener;
	uint64_t conn;
	struct answer a;
};

static const struct {
	const char *name;
	uint32_t uid;
} users[] = {{"root", 0},     {"lockbox", GATE_UID}, {"lockbox-keys", KEYS_UID},
	     {"alice", 1000}, {"mallory", 1001},     {"bob", 1002},
	     {"dave", 1003},  {"carol", 1004},	     {"frank", 1005},
	     {"u2", 2002},    {"u3", 2003},	     {"u4", 2004},
	     {"u5", 2005},    {"u6", 2006},	     {"u7", 2007},
	     {"u8", 2008},    {"u9", 2009}};

static inline void
complain(void *arg, const struct lb_report_item *item)
{
	char line[2048];

	(void)arg;
	if (item->severity != LB_SEVERITY_ERROR)
		return;
	lb_report_text(line, sizeof line, item);
	print_error("%s\n", line);
}

static inline struct lb_policy *
parse(const char *text)
{
	struct lb_report report = {.found = complain};
	struct lb_policy_source *s = lb_policy_source_new();
	struct lb_policy *policy;

	for (size_t i = 0; i < sizeof users / sizeof users[0]; i++)
		ok(lb_policy_source_add_user(s, users[i].name, users[i].uid));
	ok(lb_policy_source_add_group(s, "adm", 4));
	ok(lb_policy_source_add_group(s, "games", 60));
	ok(lb_policy_source_add_text(s, "lockbox.conf", host_text, strlen(host_text), true));
	ok(lb_policy_source_add_text(s, "people.conf", text, strlen(text), false));
	ok(lb_policy_parse(s, &report, &policy));
	lb_policy_source_free(s);
	return policy;
}

static inline void
change_policy(struct fixture *f, const char *text)
{
	struct lb_policy *policy = parse(text);

	lb_policy_free(f->k.policy);
	f->k.policy = policy;
}

static inline int
listener(const char *dir, const char *name)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(sun.sun_path, sizeof sun.sun_path, "%.80s/%.20s", dir, name);
	unlink(sun.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof sun), 0);
	assert_int_equal(listen(fd, 600), 0);
	return fd;
}

static inline int
connect_to(const char *dir, const char *name)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sun.sun_path, sizeof sun.sun_path, "%.80s/%.20s", dir, name);
	assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof sun), 0);
	return fd;
}

static inline void
open_links(struct fixture *f)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	f->front_fd = pair[1];
	f->k.front = lb_link_new(f->k.base, pair[0], &lb_keeper_front_calls, &f->k);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	f->warden_fd = pair[1];
	f->k.warden = lb_link_new(f->k.base, pair[0], &lb_keeper_warden_calls, &f->k);
}

static inline int
fixture_open(void **state, size_t map_size)
{
	const char *tmp = getenv("TMPDIR");
	struct fixture *f = calloc(1, sizeof *f);
	struct lb_keeper *k = &f->k;

	if (f == NULL || sodium_init() < 0)
		return -1;
	signal(SIGPIPE, SIG_IGN);
	snprintf(f->dir, sizeof f->dir, "%.60s/lockbox-keeper-XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(f->dir) == NULL)
		return -1;
	snprintf(f->file, sizeof f->file, "%s/%s", f->dir, LB_STORE_FILE);
	ok(lb_store_open(f->dir, map_size, &k->store));
	k->base = event_base_new();
	ok(lb_batch_init(k));
	k->policy = parse(policy_text);
	k->keys_uid = KEYS_UID;
	k->courier_fd = -1;
	k->proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	k->refusals = (struct lb_log_budget){.per_s = 1000000, .burst = 1000000};
	k->logins = k->refusals;
	k->asks = k->denied = k->exempt = (struct lb_budget){.burst = 1000000, .every_ns = 1};
	k->made = (struct lb_budget){.burst = LB_MADE_BURST, .every_ns = LB_MADE_EVERY_S * NS};
	k->carry_out = lb_keeper_carry_out;
	k->alarm_s = UINT64_MAX;
	memset(k->boot_id, 0xb0, sizeof k->boot_id);
	LIST_INIT(&k->watches);
	lb_outbox_init(&k->awaiting);
	lb_clock_start(&k->clock, 0, 0);
	open_links(f);
	k->peers = lb_peers_new(k);
	f->pam_listener = listener(f->dir, "pam");
	k->direct = lb_direct_new(k, f->pam_listener);
	k->started = true;
	*state = f;
	return 0;
}

static inline int
fixture_setup(void **state)
{
	return fixture_open(state, MAP_SIZE);
}

static inline int
fixture_teardown(void **state)
{
	struct fixture *f = *state;
	struct lb_watch *w;
	char path[300];

	while ((w = LIST_FIRST(&f->k.watches)) != NULL) {
		LIST_REMOVE(w, next);
		event_free(w->exit);
		close(w->pidfd);
		free(w);
	}
	lb_outbox_clear(&f->k.awaiting);
	lb_batch_clear(&f->k);
	lb_direct_free(f->k.direct);
	lb_link_free(f->k.front);
	lb_link_free(f->k.warden);
	close(f->front_fd);
	close(f->warden_fd);
	lb_alarm_free(f->k.alarm);
	if (f->k.mark_timer != NULL)
		event_free(f->k.mark_timer);
	lb_store_close(f->k.store);
	lb_policy_free(f->k.policy);
	close(f->k.proc_fd);
	close(f->pam_listener);
	free(f->k.peers);
	event_base_free(f->k.base);
	unlink(f->file);
	snprintf(path, sizeof path, "%s/pam", f->dir);
	unlink(path);
	snprintf(path, sizeof path, "%s/public", f->dir);
	unlink(path);
	rmdir(f->dir);
	free(f);
	return 0;
}

/* Seconds go by on the keeper's clock. */
static inline void
pass_time(struct fixture *f, int64_t seconds)
{
	f->k.clock.anchor_ns += seconds * NS;
}

/* As after a start of the keeper; the alarm of the last one went with it. */
static inline void
due_starts(struct fixture *f)
{
	lb_alarm_free(f->k.alarm);
	f->k.alarm = NULL;
	if (f->k.mark_timer != NULL)
		event_free(f->k.mark_timer);
	f->k.mark_timer = NULL;
	ok(lb_due_start(&f->k));
}

/* -- asking ---------------------------------------------------------------- */

static inline struct lb_peer
peer_of_uid(struct fixture *f, uint32_t uid)
{
	return (struct lb_peer){.conn = ++f->conn,
				.uid = uid,
				.pid = getpid(),
				.known = true,
				.pidfd = -1,
				.direct = uid == KEYS_UID}; /* as the keeper serves it */
}

static inline struct lb_peer
peer_of(struct fixture *f, const char *name)
{
	for (size_t i = 0; i < sizeof users / sizeof users[0]; i++)
		if (strcmp(users[i].name, name) == 0)
			return peer_of_uid(f, users[i].uid);
	fail_msg("no such user: %s", name);
	return peer_of_uid(f, NOBODY_UID);
}

/* One frame; the bytes after it. */
static inline const uint8_t *
read_frame(struct answer *a, const uint8_t *frame, size_t left)
{
	union lb_msg m;
	uint16_t type;
	uint32_t len;

	assert_true(left >= LB_HEADER_SIZE);
	ok(lb_proto_header(frame, &type, &len));
	assert_true(len <= left - LB_HEADER_SIZE);
	ok(lb_proto_decode(type, frame + LB_HEADER_SIZE, len, &m));
	switch (type) {
	case LB_MSG_DONE:
		a->done++;
		a->end = m.done;
		break;
	case LB_MSG_REFUSED:
		a->refused++;
		a->code = m.refused.code;
		memcpy(a->text, m.refused.text, sizeof a->text);
		note_refusal(a->code, a->text);
		break;
	case LB_MSG_ROLE:
		a->roles++;
		a->role = m.role;
		break;
	case LB_MSG_GRANT:
		if (a->grants < 64)
			a->ids[a->grants] = m.grant.id;
		a->grants++;
		a->grant = m.grant;
		break;
	case LB_MSG_CLAIMED:
		a->claims++;
		a->claimed = m.claimed;
		break;
	case LB_MSG_RECORD:
		a->records++;
		a->record = m.record;
		break;
	case LB_MSG_KEY:
		a->keys++;
		a->key = m.key;
		break;
	case LB_MSG_HEALTH_REPORT:
		a->healths++;
		a->health = m.health;
		break;
	case LB_MSG_ELIGIBLE:
		a->eligibles++;
		a->eligible = m.eligible;
		break;
	case LB_MSG_ATTESTED:
		a->attesteds++;
		a->attested = m.attested;
		break;
	case LB_MSG_METRICS_REPORT:
		a->metrics = m.metrics;
		break;
	case LB_MSG_TO_SIGN:
		a->to_signs++;
		a->to_sign = m.to_sign;
		break;
	case LB_MSG_SIGNED:
		a->signeds++;
		a->signed_by = m.signed_by;
		break;
	case LB_MSG_CUSTOMER_VIEW:
		a->customer = m.customer_view;
		break;
	case LB_MSG_VERDICT:
		a->verdicts++;
		a->verdict = m.verdict;
		note_refusal(0, m.verdict.text);
		break;
	default:
		fail_msg("an answer of type %#x", type);
	}
	return frame + LB_HEADER_SIZE + len;
}

static inline void
read_frames(struct answer *a, const struct lb_out *out)
{
	const uint8_t *at = out->bytes, *end = out->bytes + out->len;

	while (at < end)
		at = read_frame(a, at, (size_t)(end - at));
}

static inline void
read_outbox(struct answer *a, const struct lb_outbox *box)
{
	const struct lb_out *out;

	TAILQ_FOREACH(out, box, next)
	switch (out->kind) {
	case LB_OUT_REPLY:
	case LB_OUT_AWAIT:
		read_frames(a, out);
		break;
	case LB_OUT_WARDEN:
		assert_true(a->nwarden < 16);
		a->warden[a->nwarden].type = out->type;
		a->warden[a->nwarden].fd = out->fd >= 0;
		ok(lb_ipc_decode(out->type, out->bytes, out->len, &a->warden[a->nwarden].msg));
		a->nwarden++;
		break;
	case LB_OUT_WATCH:
		a->watches++;
		break;
	case LB_OUT_LOG:
		snprintf(a->log, sizeof a->log, "%s", (const char *)out->bytes);
		note_refusal(0, a->log);
		break;
	}
}

struct question {
	struct fixture *f;
	struct lb_peer *peer;
	uint16_t type;
	const union lb_msg *msg;
	bool pam, full;
};

static inline int
put(struct lb_tx *tx, void *arg)
{
	const struct question *q = arg;
	int err;

	if (q->full)
		tx->endings_only = true;
	err = q->pam ? lb_login(tx, q->peer, q->type, &q->msg->login)
		     : lb_dispatch(tx, q->peer, q->type, q->msg);
	if (err == LB_OK)
		read_outbox(&q->f->a, &tx->out);
	return err;
}

static inline struct answer *
ask_by(struct fixture *f, struct lb_peer *peer, uint16_t type, const union lb_msg *msg)
{
	struct question q = {f, peer, type, msg, false, false};

	memset(&f->a, 0, sizeof f->a);
	f->a.err = lb_tx_run(&f->k, put, &q);
	return &f->a;
}

static inline struct answer *
ask(struct fixture *f, const char *who, uint16_t type, const union lb_msg *msg)
{
	struct lb_peer peer = peer_of(f, who);

	return ask_by(f, &peer, type, msg);
}

static inline struct answer *
act(struct fixture *f, const char *who, uint16_t type, uint64_t id, const char *text)
{
	union lb_msg m = {.act = {.id = id}};

	snprintf(m.act.text, sizeof m.act.text, "%s", text);
	return ask(f, who, type, &m);
}

static inline struct answer *
request(struct fixture *f, const char *who, const char *role, uint32_t seconds, const char *reason)
{
	union lb_msg m = {.request = {.duration_s = seconds}};

	snprintf(m.request.role, sizeof m.request.role, "%s", role);
	snprintf(m.request.reason, sizeof m.request.reason, "%s", reason);
	return ask(f, who, LB_MSG_REQUEST, &m);
}

/* -- the store behind it ----------------------------------------------------- */

static inline struct lb_grant
stored(struct fixture *f, uint64_t id)
{
	struct lb_store_txn *txn;
	struct lb_grant g;

	ok(lb_store_begin(f->k.store, LB_STORE_READ, &txn));
	ok(lb_store_grant(txn, id, &g));
	lb_store_abort(txn);
	return g;
}

/* The last record, and how many there are. */
static inline uint64_t
last_record(struct fixture *f, struct lb_msg_record *last)
{
	struct lb_store_txn *txn;
	struct lb_msg_record r;
	uint64_t seq = 0;

	ok(lb_store_begin(f->k.store, LB_STORE_READ, &txn));
	while (lb_store_next_record(txn, seq, &r) == LB_OK) {
		seq = r.seq;
		if (last != NULL)
			*last = r;
	}
	lb_store_abort(txn);
	return seq;
}

static inline void
recorded(struct fixture *f, const char *event, uint64_t grant, const char *actor)
{
	struct lb_msg_record r = {0};

	assert_true(last_record(f, &r) > 0);
	assert_string_equal(r.event, event);
	assert_int_equal(r.grant, grant);
	assert_string_equal(r.actor, actor);
}

static inline unsigned
sessions_of(struct fixture *f, uint64_t id)
{
	struct lb_store_txn *txn;
	uint32_t n;

	ok(lb_store_begin(f->k.store, LB_STORE_READ, &txn));
	ok(lb_store_count_sessions(txn, id, &n));
	lb_store_abort(txn);
	return n;
}

/* -- what is expected ---------------------------------------------------------- */

static inline void
refused_at(const struct answer *a, enum lb_refusal code, const char *words, int line)
{
	if (a->err != LB_OK || a->refused != 1 || a->code != code || strstr(a->text, words) == NULL)
		fail_msg("line %d: error %d, %u refusals, code %u, text: %s", line, a->err,
			 a->refused, a->code, a->text);
	assert_int_equal(a->done + a->grants + a->claims + a->records + a->roles, 0);
	assert_int_equal(a->nwarden, 0);
	assert_string_equal(a->log, ""); /* so nothing was recorded either */
}
#define refused(a, code, words) refused_at(a, code, words, __LINE__)

static inline uint64_t
answered_at(const struct answer *a, int line)
{
	if (a->err != LB_OK || a->done != 1 || a->refused != 0 || a->grants != 1)
		fail_msg("line %d: error %d, refused %u: %s", line, a->err, a->code, a->text);
	return a->grant.id;
}
#define answered(a) answered_at(a, __LINE__)

static inline uint64_t
pending(struct fixture *f, const char *who, const char *role)
{
	static unsigned n;
	char reason[40];

	snprintf(reason, sizeof reason, "reason %u", ++n);
	return answered(request(f, who, role, 0, reason));
}

static inline uint64_t
approved(struct fixture *f, const char *who, const char *role)
{
	uint64_t id = pending(f, who, role);

	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
	if (strcmp(role, "duo") == 0)
		answered(act(f, "dave", LB_MSG_APPROVE, id, ""));
	assert_int_equal(stored(f, id).state, LB_STATE_APPROVED);
	return id;
}

/* The password is left in f->a.claimed. */
static inline uint64_t
active(struct fixture *f, const char *who, const char *role)
{
	uint64_t id = approved(f, who, role);

	act(f, who, LB_MSG_CLAIM, id, "");
	assert_int_equal(f->a.claims, 1);
	assert_int_equal(stored(f, id).state, LB_STATE_ACTIVE);
	return id;
}

/* What the warden says, through its link; event: of an account that came to nothing, how. */
static inline int
warden_says_how(struct fixture *f, enum lb_ipc type, uint32_t uid, bool well, const char *event,
		const char *text)
{
	struct lb_ipc_outcome o = {.uid = uid, .ok = well};
	uint8_t bytes[LB_LINK_MESSAGE_MAX];
	size_t len;
	int err;

	snprintf(o.event, sizeof o.event, "%s", event);
	snprintf(o.text, sizeof o.text, "%s", text);
	ok(lb_ipc_encode(type, &o, bytes, sizeof bytes, &len));
	err = lb_keeper_warden_calls.message(&f->k, (uint16_t)type, bytes, len, -1);
	lb_batch_run(&f->k);
	return err;
}

static inline int
warden_says(struct fixture *f, enum lb_ipc type, uint32_t uid, bool well, const char *text)
{
	return warden_says_how(f, type, uid, well, "", text);
}

/* A claim whose account never came to be. */
static inline void
unmade(struct fixture *f, uint64_t id, const char *text)
{
	ok(warden_says_how(f, LB_IPC_PUBLISHED, stored(f, id).uid, false, LB_IPC_UNMADE, text));
}

static inline void
turn(struct fixture *f)
{
	event_base_loop(f->k.base, EVLOOP_NONBLOCK);
}

/* The next message to the warden or to front; 0 when there is none. */
static inline uint16_t
heard(struct fixture *f, int fd, uint8_t *bytes, size_t *len)
{
	uint8_t packet[LB_LINK_MESSAGE_MAX + 2];
	ssize_t n;

	turn(f);
	n = recv(fd, packet, sizeof packet, MSG_DONTWAIT);
	if (n < 2)
		return 0;
	*len = (size_t)n - 2;
	memcpy(bytes, packet + 2, *len);
	return (uint16_t)(packet[0] << 8 | packet[1]);
}

static inline uint16_t
warden_heard(struct fixture *f, union lb_ipc_msg *msg)
{
	uint8_t bytes[LB_LINK_MESSAGE_MAX];
	size_t len;
	uint16_t type = heard(f, f->warden_fd, bytes, &len);

	if (type != 0)
		ok(lb_ipc_decode(type, bytes, len, msg));
	return type;
}

static inline void
forget_what_warden_heard(struct fixture *f)
{
	union lb_ipc_msg m;

	while (warden_heard(f, &m) != 0)
		;
}

/* A process of its own, to be a login's connection. */
static inline pid_t
start_process(int *pidfd)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* also when the test fails */
		for (;;)
			pause();
	}
	*pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	assert_true(*pidfd >= 0);
	return pid;
}

static inline void
end_process(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

#define unit(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

#endif
