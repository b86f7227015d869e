/* Whole runs of verbs and of the key helper against a scripted daemon. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "client/columns.h"
#include "client/gate.h"
#include "client/json.h"
#include "client/keys.h"
#include "client/verbs.h"
#include "test_client_fake.h"

#define NOW 1795306800u /* 2026-11-22T00:20:00Z */

static uint64_t
fixed_now(void)
{
	return NOW;
}

/* What a run printed. */
static char out[200000], err[20000];
static bool through_gate;

static enum lb_exit
run_at(const char *path, const char *command)
{
	static char line[1024];
	struct lb_cli cli = {
		.socket = path,
		.host = "db1",
		.now = fixed_now,
		.gate = through_gate,
		.identity = "alice",
		.fingerprint = "SHA256:abc",
	};
	enum lb_exit status;

	memset(out, 0, sizeof out);
	memset(err, 0, sizeof err);
	cli.out = fmemopen(out, sizeof out, "w");
	cli.err = fmemopen(err, sizeof err, "w");
	assert_non_null(cli.out);
	assert_non_null(cli.err);
	if (through_gate) {
		status = lb_gate_run(&cli, command);
	} else {
		char *words[32], *save = NULL;
		size_t count = 0;

		snprintf(line, sizeof line, "%s", command);
		for (char *w = strtok_r(line, " ", &save); w != NULL;
		     w = strtok_r(NULL, " ", &save))
			words[count++] = w;
		words[count] = NULL;
		status = lb_verbs_run(&cli, count, words);
	}
	fclose(cli.out);
	fclose(cli.err);
	return status;
}

static enum lb_exit
run(void (*script)(int fd), const char *command)
{
	enum lb_exit status;
	struct fake f;

	if (geteuid() != 0)
		skip();
	fake_open(&f, 8);
	fake_serve(&f, script);
	status = run_at(f.path, command);
	fake_close(&f);
	return status;
}

static void
expect_narrow(const char *text)
{
	char *save = NULL, copy[20000];

	snprintf(copy, sizeof copy, "%s", text);
	for (char *line = strtok_r(copy, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save))
		if (lb_columns_width(line) > 80 && strncmp(line, "  ssh ", 6) != 0)
			fail_msg("%zu columns: %s", lb_columns_width(line), line);
}

static void
expect_said(const char *part)
{
	if (strstr(out, part) == NULL)
		fail_msg("not said: %s\nbut: %s", part, out);
}

/* One document on one line, or the test fails. */
static json_t *
document(void)
{
	json_error_t e;
	json_t *o = json_loads(out, JSON_REJECT_DUPLICATES, &e);

	if (o == NULL)
		fail_msg("%s: %s", e.text, out);
	assert_ptr_equal(strchr(out, '\n'), out + strlen(out) - 1);
	for (const char *c = out; *c != '\0'; c++)
		assert_true(*c == '\n' || (*c >= 0x20 && *c < 0x7f));
	return o;
}

static void
expect_members(json_t *o, const char *const *names, size_t count)
{
	assert_true(json_is_object(o));
	for (size_t i = 0; i < count; i++)
		if (json_object_get(o, names[i]) == NULL)
			fail_msg("no member %s", names[i]);
	assert_int_equal(json_object_size(o), count);
}

#define EXPECT_MEMBERS(o, ...)                                                                     \
	expect_members(o, (const char *const[]){__VA_ARGS__},                                      \
		       sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

#define GRANT_MEMBERS                                                                              \
	"id", "state", "host", "identity", "role", "account", "uid", "duration",                   \
		"duration_seconds", "requested", "until", "end", "approvals", "approvals_needed",  \
		"approvers", "sessions", "ticket", "reason", "groups", "sudo", "cause", "access",  \
		"levels", "level", "approved", "customer", "ticket_url", "earlier", "start_at",    \
		"starts", "begun", "extends", "resource", "path", "rule", "own_account",           \
		"break_glass", "review", "review_due", "review_overdue", "reviewed", "reviewer",   \
		"remark", "alarm", "may_review", "signed_approvals", "permission", "mine",         \
		"may_approve", "may_deny", "may_revoke", "asked_before", "can_approve",            \
		"can_revoke", "can_review"

static void
member_is(json_t *o, const char *name, const char *value)
{
	assert_true(json_is_string(json_object_get(o, name)));
	assert_string_equal(json_string_value(json_object_get(o, name)), value);
}

static void
expect_error(const char *code)
{
	json_t *o = document(), *e = json_object_get(o, "error");

	EXPECT_MEMBERS(o, "error");
	EXPECT_MEMBERS(e, "code", "message");
	member_is(e, "code", code);
	json_decref(o);
}

/* What the scripted daemon answers with. */

static uint8_t caller = LB_CALLER_OWN; /* whom it answers */

static struct lb_msg_grant
sample_grant(uint64_t id, uint8_t lb_state)
{
	struct lb_msg_grant g;

	memset(&g, 0, sizeof g);
	g.id = id;
	g.state = lb_state;
	strcpy(g.host, "db1");
	strcpy(g.identity, "alice");
	strcpy(g.role, "db-operator");
	g.duration_s = 20;
	g.requested_s = NOW - 250;
	g.need = 1;
	strcpy(g.reason, "index is broken");
	strcpy(g.approvers, "bob, carol");
	strcpy(g.groups, "adm");
	strcpy(g.sudo, "/usr/bin/id -u, /usr/bin/id -g");
	if (lb_state == LB_STATE_PENDING)
		g.until_s = NOW + 43200;
	if (lb_state == LB_STATE_APPROVED)
		g.until_s = NOW + 900;
	if (lb_state == LB_STATE_ACTIVE) {
		strcpy(g.account, "lb-alice-1");
		g.uid = 1900010001;
		g.end_s = NOW + 20;
		g.have = 1;
		strcpy(g.approval[0].identity, "bob");
		strcpy(g.others, "bob, carol");
		g.sessions = 1;
	}
	g.permission = LB_PERMISSION_CHANGE;
	g.caller = caller;
	return g;
}

/* Reads the next request, which must be of this type; in the gate "as" comes first. */
static void
expect_request(int fd, uint16_t expected, union lb_msg *msg)
{
	uint16_t type;

	if (fake_receive(fd, &type, msg) != 0)
		_exit(3);
	if (type == LB_MSG_AS) {
		if (strcmp(msg->as.identity, "alice") != 0 ||
		    strcmp(msg->as.fingerprint, "SHA256:abc") != 0)
			_exit(4);
		fake_done(fd, 0, 0);
		if (fake_receive(fd, &type, msg) != 0)
			_exit(3);
	}
	if (type != expected)
		fake_refuse(fd, LB_TRY_LATER, "the script expected another request");
}

static void
serve_request(int fd)
{
	struct lb_msg_grant g = sample_grant(17, LB_STATE_PENDING);
	union lb_msg msg;

	expect_request(fd, LB_MSG_REQUEST, &msg);
	g.duration_s = msg.request.duration_s;
	strcpy(g.role, msg.request.role);
	strcpy(g.reason, msg.request.reason);
	strcpy(g.ticket, msg.request.ticket);
	fake_send(fd, LB_MSG_GRANT, &g);
	fake_done(fd, 0, 0);
}

#define REQUEST "request db-operator --for 30m --reason index is broken --ticket OPS-1"

static void
a_request_says_who_can_approve_and_how(void **state)
{
	(void)state;
	assert_int_equal(run(serve_request, REQUEST), LB_EXIT_DONE);
	expect_said("R-17");
	expect_said("bob, carol");
	expect_said("  ssh lockbox@db1 approve R-17\n");
	expect_said("index is broken");
	expect_said("OPS-1");
	expect_said("30m");
	expect_said("in 12h (2026-11-22T12:20:00Z)");
	expect_narrow(out);
	assert_string_equal(err, "");
}

static void
the_gate_says_for_whom_and_sends_the_same(void **state)
{
	(void)state;
	through_gate = true;
	assert_int_equal(run(serve_request, REQUEST), LB_EXIT_DONE);
	through_gate = false;
	expect_said("R-17");
	expect_said("index is broken");
}

static void
a_request_in_json_is_the_grant(void **state)
{
	json_t *o;

	(void)state;
	assert_int_equal(run(serve_request, REQUEST " --json"), LB_EXIT_DONE);
	o = document();
	EXPECT_MEMBERS(o, GRANT_MEMBERS);
	member_is(o, "id", "R-17");
	member_is(o, "state", "pending");
	member_is(o, "duration", "30m");
	member_is(o, "requested", "2026-11-22T00:15:50Z");
	member_is(o, "until", "2026-11-22T12:20:00Z");
	member_is(o, "ticket", "OPS-1");
	member_is(o, "reason", "index is broken");
	assert_int_equal(json_integer_value(json_object_get(o, "duration_seconds")), 1800);
	assert_int_equal(json_integer_value(json_object_get(o, "approvals_needed")), 1);
	assert_true(json_is_null(json_object_get(o, "account")));
	assert_true(json_is_null(json_object_get(o, "uid")));
	assert_true(json_is_null(json_object_get(o, "end")));
	assert_true(json_is_null(json_object_get(o, "cause")));
	assert_int_equal(json_array_size(json_object_get(o, "approvers")), 2);
	assert_int_equal(json_array_size(json_object_get(o, "sudo")), 2);
	assert_string_equal(json_string_value(json_array_get(json_object_get(o, "sudo"), 1)),
			    "/usr/bin/id -g");
	json_decref(o);
}

static void
serve_acts(int fd)
{
	struct lb_msg_grant g;
	union lb_msg msg;
	uint16_t type;

	if (fake_receive(fd, &type, &msg) != 0 || msg.act.id != 17)
		_exit(3);
	switch (type) {
	case LB_MSG_APPROVE:
		g = sample_grant(17, LB_STATE_APPROVED);
		break;
	case LB_MSG_DENY:
		g = sample_grant(17, LB_STATE_DENIED);
		strcpy(g.cause, msg.act.text);
		break;
	case LB_MSG_CANCEL:
		g = sample_grant(17, LB_STATE_CANCELLED);
		break;
	case LB_MSG_SHOW:
		g = sample_grant(17, LB_STATE_ACTIVE);
		break;
	default:
		g = sample_grant(17, LB_STATE_ENDING);
		break;
	}
	fake_send(fd, LB_MSG_GRANT, &g);
	fake_done(fd, 0, 0);
}

static void
serve_half_approved(int fd)
{
	struct lb_msg_grant g = sample_grant(17, LB_STATE_PENDING);
	union lb_msg msg;
	uint16_t type;

	g.permission = LB_PERMISSION_ROOT;
	g.need = 2;
	g.have = 1;
	strcpy(g.approval[0].identity, "dave");
	strcpy(g.path, "read /var/log/app");
	while (fake_receive(fd, &type, &msg) == 0) {
		if (type != LB_MSG_LIST || msg.list.which == LB_LIST_PENDING)
			fake_send(fd, LB_MSG_GRANT, &g);
		fake_done(fd, 0, 0);
	}
}

static void
serve_own_account(int fd)
{
	struct lb_msg_grant g = sample_grant(17, LB_STATE_ACTIVE);
	union lb_msg msg;

	strcpy(g.own, "alice");
	strcpy(g.account, "alice");
	expect_request(fd, LB_MSG_SHOW, &msg);
	fake_send(fd, LB_MSG_GRANT, &g);
	fake_done(fd, 0, 0);
}

static void
each_decision_says_what_was_done_and_what_is_next(void **state)
{
	static const struct {
		const char *command, *done, *next;
	} cases[] = {
		{"approve R-17 --comment as agreed", "R-17 is approved.",
		 "ssh lockbox@db1 claim R-17"},
		{"deny 17 --reason not now", "R-17 is denied.", "request db-operator --for 20s"},
		{"cancel r-17", "R-17 is cancelled.", "request db-operator"},
		{"end R-17", "R-17 is over", "show R-17"},
		{"revoke R-17 --reason incident", "R-17 is over", "show R-17"},
		{"show R-17", "active", "end R-17"},
		{"status R-17", "lb-alice-1", "claim R-17"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char command[128];
		json_t *o;

		assert_int_equal(run(serve_acts, cases[i].command), LB_EXIT_DONE);
		expect_said(cases[i].done);
		expect_said(cases[i].next);
		expect_narrow(out);
		snprintf(command, sizeof command, "%s --json", cases[i].command);
		assert_int_equal(run(serve_acts, command), LB_EXIT_DONE);
		o = document();
		EXPECT_MEMBERS(o, GRANT_MEMBERS);
		json_decref(o);
	}
}

static void
expect_not_said(const char *part)
{
	if (strstr(out, part) != NULL)
		fail_msg("said: %s\nin: %s", part, out);
}

static void
what_to_do_next_is_for_whoever_reads_it(void **state)
{
	(void)state;
	assert_int_equal(run(serve_acts, "show R-17"), LB_EXIT_DONE);
	expect_said("extend R-17");
	expect_said("claim R-17");
	expect_said("fewer sessions are open than the role allows");
	expect_not_said("revoke");
	expect_said("Approved by bob");
	expect_said("Permission  change");
	caller = LB_CALLER_REVOKES;
	assert_int_equal(run(serve_acts, "show R-17"), LB_EXIT_DONE);
	expect_said("You can end it now:\n  lockbox revoke R-17 --reason");
	expect_not_said("extend R-17");
	expect_not_said("claim R-17");
	assert_int_equal(run(serve_acts, "approve R-17"), LB_EXIT_DONE);
	expect_not_said("claim R-17");
	caller = 0;
	assert_int_equal(run(serve_acts, "show R-17"), LB_EXIT_DONE);
	expect_said("Can end it now: bob, carol, with:\n  ssh lockbox@db1 revoke R-17 --reason");
	expect_not_said("end R-17\n");
	assert_int_equal(run(serve_acts, "deny R-17 --reason no"), LB_EXIT_DONE);
	expect_not_said("To ask again");
	caller = LB_CALLER_OWN;
}

static void
who_has_approved_and_who_can_are_told_apart(void **state)
{
	json_t *o;

	(void)state;
	assert_int_equal(run(serve_half_approved, "show R-17"), LB_EXIT_DONE);
	expect_said("Approved by dave\n");
	expect_said("Can approve bob, carol\n");
	expect_said("AS GOOD AS ROOT");
	assert_int_equal(run(serve_half_approved, "show R-17 --json"), LB_EXIT_DONE);
	o = document();
	member_is(o, "permission", "root-equivalent");
	assert_int_equal(json_array_size(json_object_get(o, "can_approve")), 2);
	assert_int_equal(json_array_size(json_object_get(o, "approved")), 1);
	assert_int_equal(json_array_size(json_object_get(o, "can_revoke")), 0);
	json_decref(o);
	assert_int_equal(run(serve_half_approved, "pending"), LB_EXIT_DONE);
	expect_said("AS GOOD AS ROOT; gives read /var/log/app; groups adm; sudo ");
	expect_narrow(out);
}

static void
an_own_account_is_offered_no_password(void **state)
{
	(void)state;
	assert_int_equal(run(serve_own_account, "show R-17"), LB_EXIT_DONE);
	expect_not_said("password");
	expect_not_said("claim R-17");
	expect_said("extend R-17");
}

static void
what_is_asked_for_again_is_said_to_be_there(void **state)
{
	(void)state;
	caller = LB_CALLER_OWN | LB_CALLER_FOUND;
	assert_int_equal(run(serve_request, REQUEST), LB_EXIT_DONE);
	caller = LB_CALLER_OWN;
	expect_said("You have asked for that already: R-17");
	expect_not_said("Asked for. ");
}

static void
serve_claim(int fd)
{
	struct lb_msg_claimed c;
	union lb_msg msg;

	memset(&c, 0, sizeof c);
	c.id = 17;
	strcpy(c.host, "db1");
	strcpy(c.account, "lb-alice-1");
	strcpy(c.password, "k7wq-9mzt-3xvd-hs2p");
	c.end_s = NOW + 20;
	expect_request(fd, LB_MSG_CLAIM, &msg);
	fake_send(fd, LB_MSG_CLAIMED, &c);
	fake_done(fd, 0, 0);
}

static void
a_claim_shows_the_password_alone_on_its_line(void **state)
{
	json_t *o;

	(void)state;
	assert_int_equal(run(serve_claim, "claim"), LB_EXIT_DONE);
	expect_said("\nk7wq-9mzt-3xvd-hs2p\n");
	expect_said("  ssh lb-alice-1@db1\n");
	expect_said("in 20s (2026-11-22T00:20:20Z)");
	expect_said("only this once");
	expect_narrow(out);
	assert_int_equal(run(serve_claim, "claim R-17 --json"), LB_EXIT_DONE);
	o = document();
	EXPECT_MEMBERS(o, "id", "host", "account", "password", "end", "login");
	member_is(o, "id", "R-17");
	member_is(o, "password", "k7wq-9mzt-3xvd-hs2p");
	member_is(o, "login", "ssh lb-alice-1@db1");
	member_is(o, "end", "2026-11-22T00:20:20Z");
	json_decref(o);
}

/* Two pages; hostile texts. */
static void
serve_list(int fd)
{
	struct lb_msg_grant g;
	union lb_msg msg;

	for (;;) {
		uint16_t type;

		if (fake_receive(fd, &type, &msg) != 0)
			return;
		if (msg.list.after == 0) {
			g = sample_grant(17, LB_STATE_PENDING);
			strcpy(g.reason, "\x1b[2J\x9b"
					 "31mred\r\n\xe2\x80\xae"
					 "evil");
			fake_send(fd, LB_MSG_GRANT, &g);
			fake_done(fd, 1, 17);
		} else {
			g = sample_grant(18, LB_STATE_ACTIVE);
			strcpy(g.identity, "a-very-long-person");
			strcpy(g.role, "a-role-name-of-28-characters");
			strcpy(g.account, "lb-a-very-long-person-4000000000");
			memset(g.reason, 'x', LB_REASON_MAX);
			fake_send(fd, LB_MSG_GRANT, &g);
			fake_done(fd, 0, 18);
		}
	}
}

static void
lists_come_in_pages_and_fit_80_columns(void **state)
{
	static const char *const commands[] = {"status", "status --all", "pending"};

	(void)state;
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		char command[64];
		json_t *o;

		assert_int_equal(run(serve_list, commands[i]), LB_EXIT_DONE);
		expect_said("R-17");
		expect_said("R-18");
		expect_said("…");
		expect_narrow(out);
		assert_null(strchr(out, '\x1b'));
		assert_null(strchr(out, '\r'));
		assert_null(strchr(out, '\x9b'));
		assert_null(strstr(out, "\xe2\x80\xae"));
		snprintf(command, sizeof command, "%s --json", commands[i]);
		assert_int_equal(run(serve_list, command), LB_EXIT_DONE);
		o = document();
		EXPECT_MEMBERS(o, "grants", "reviews");
		assert_int_equal(json_array_size(json_object_get(o, "grants")), 2);
		EXPECT_MEMBERS(json_array_get(json_object_get(o, "grants"), 1), GRANT_MEMBERS);
		json_decref(o);
	}
}

static void
serve_nothing(int fd)
{
	union lb_msg msg;
	uint16_t type;

	while (fake_receive(fd, &type, &msg) == 0)
		fake_done(fd, 0, 0);
}

static void
empty_lists_say_so(void **state)
{
	(void)state;
	assert_int_equal(run(serve_nothing, "status"), LB_EXIT_DONE);
	expect_said("Nothing is open"); /* root's is everybody's */
	through_gate = true;
	assert_int_equal(run(serve_nothing, "status"), LB_EXIT_DONE);
	expect_said("no requests and no grants");
	expect_said("status --all");
	through_gate = false;
	assert_int_equal(run(serve_nothing, "pending"), LB_EXIT_DONE);
	expect_said("Nothing waits");
	assert_int_equal(run(serve_nothing, "roles"), LB_EXIT_DONE);
	assert_int_equal(run(serve_nothing, "audit"), LB_EXIT_DONE);
	expect_said("No records.");
	assert_int_equal(run(serve_nothing, "status --json"), LB_EXIT_DONE);
	assert_string_equal(out, "{\"grants\":[],\"reviews\":[]}\n");
	assert_int_equal(run(serve_nothing, "roles --json"), LB_EXIT_DONE);
	assert_string_equal(out, "{\"roles\":[]}\n");
	assert_int_equal(run(serve_nothing, "audit --after 5 --json"), LB_EXIT_DONE);
	assert_string_equal(out, "{\"records\":[],\"next\":5}\n");
	/* Where exactly one item belongs, none is no answer. */
	assert_int_equal(run(serve_nothing, "show R-1"), LB_EXIT_UNREACHABLE);
	assert_int_equal(run(serve_nothing, "claim"), LB_EXIT_UNREACHABLE);
}

static void
serve_roles(int fd)
{
	struct lb_msg_role r;
	union lb_msg msg;

	memset(&r, 0, sizeof r);
	expect_request(fd, LB_MSG_ROLES, &msg);
	strcpy(r.name, "db-operator");
	strcpy(r.description, "Operate the database");
	r.max_s = 14400;
	r.default_s = 1800;
	r.approvals = 1;
	strcpy(r.approvers, "dba-leads");
	strcpy(r.groups, "adm, postgres");
	strcpy(r.sudo, "/usr/bin/id -u");
	r.may_request = 1;
	fake_send(fd, LB_MSG_ROLE, &r);
	fake_done(fd, 0, 0);
}

static void
roles_say_what_they_allow(void **state)
{
	json_t *o, *r;

	(void)state;
	assert_int_equal(run(serve_roles, "roles"), LB_EXIT_DONE);
	expect_said("db-operator");
	expect_said("up to 4h");
	expect_said("/usr/bin/id -u");
	expect_narrow(out);
	assert_int_equal(run(serve_roles, "--json roles"), LB_EXIT_DONE);
	o = document();
	r = json_array_get(json_object_get(o, "roles"), 0);
	EXPECT_MEMBERS(r, "name", "description", "max_duration", "default_duration",
		       "approvals_needed", "approvers", "groups", "sudo", "may_request",
		       "may_approve", "levels", "customer", "starts", "start_ahead", "max_per_day",
		       "hours", "time_zone", "resources", "path", "own_account", "eligibility",
		       "may_break_glass", "break_glass_duration", "signed_approvals", "permission");
	member_is(r, "max_duration", "4h");
	member_is(r, "default_duration", "30m");
	assert_int_equal(json_array_size(json_object_get(r, "groups")), 2);
	assert_true(json_is_true(json_object_get(r, "may_request")));
	assert_true(json_is_false(json_object_get(r, "may_approve")));
	json_decref(o);
}

static struct lb_msg_record
sample_record(uint64_t seq)
{
	struct lb_msg_record r;

	memset(&r, 0, sizeof r);
	r.seq = seq;
	r.time_s = NOW;
	strcpy(r.event, "claim");
	r.grant = 17;
	strcpy(r.identity, "alice");
	strcpy(r.account, "lb-alice-1");
	r.uid = 1900010001;
	strcpy(r.actor, "alice");
	strcpy(r.detail, "role=db-operator \x1b[31m\n");
	memset(r.hash, 0xab, sizeof r.hash);
	return r;
}

static void
serve_audit(int fd)
{
	union lb_msg msg;
	uint16_t type;

	while (fake_receive(fd, &type, &msg) == 0) {
		struct lb_msg_record r = sample_record(msg.audit.after + 1);

		fake_send(fd, LB_MSG_RECORD, &r);
		if (msg.audit.after == 0) {
			r = sample_record(2);
			r.grant = 0;
			memset(r.identity, 0, sizeof r.identity);
			memset(r.account, 0, sizeof r.account);
			fake_send(fd, LB_MSG_RECORD, &r);
		}
		fake_done(fd, msg.audit.after == 0, msg.audit.after == 0 ? 2 : 0);
	}
}

static void
each_line_of_the_trail_names_grant_person_account_and_uid(void **state)
{
	json_t *o, *list;

	(void)state;
	assert_int_equal(run(serve_audit, "audit"), LB_EXIT_DONE);
	expect_said(
		"     1  2026-11-22T00:20:00Z  claim      R-17  alice   lb-alice-1  1900010001\n");
	expect_said("by alice: role=db-operator \\x1b[31m\\x0a\n");
	expect_narrow(out);
	assert_int_equal(run(serve_audit, "audit --json"), LB_EXIT_DONE);
	o = document();
	EXPECT_MEMBERS(o, "records", "next");
	list = json_object_get(o, "records");
	assert_int_equal(json_array_size(list), 3);
	assert_int_equal(json_integer_value(json_object_get(o, "next")), 3);
	EXPECT_MEMBERS(json_array_get(list, 0), "seq", "time", "event", "grant", "identity",
		       "account", "uid", "actor", "detail", "hash");
	member_is(json_array_get(list, 0), "grant", "R-17");
	member_is(json_array_get(list, 0), "detail", "role=db-operator \x1b[31m\n");
	assert_true(json_is_null(json_object_get(json_array_get(list, 1), "grant")));
	assert_true(json_is_null(json_object_get(json_array_get(list, 1), "account")));
	json_decref(o);
}

static void
serve_audit_then_break(int fd)
{
	struct lb_msg_record r = sample_record(1);
	union lb_msg msg;

	expect_request(fd, LB_MSG_AUDIT, &msg);
	fake_send(fd, LB_MSG_RECORD, &r);
}

static void
a_trail_that_breaks_off_says_so_in_a_whole_document(void **state)
{
	json_t *o;

	(void)state;
	assert_int_equal(run(serve_audit_then_break, "audit --json"), LB_EXIT_UNREACHABLE);
	o = document();
	EXPECT_MEMBERS(o, "records", "next", "error");
	assert_int_equal(json_array_size(json_object_get(o, "records")), 1);
	assert_int_equal(json_integer_value(json_object_get(o, "next")), 1);
	member_is(json_object_get(o, "error"), "code", "unreachable");
	json_decref(o);
	assert_int_equal(run(serve_audit_then_break, "audit"), LB_EXIT_UNREACHABLE);
	assert_non_null(strstr(err, "closed the connection"));
}

/* Somebody reads the trail with a pager: the daemon does not wait for that, and is called again. */
static void
serve_a_page_and_hang_up(int fd)
{
	struct lb_msg_record r;
	union lb_msg msg;

	expect_request(fd, LB_MSG_AUDIT, &msg);
	r = sample_record(msg.audit.after + 1);
	fake_send(fd, LB_MSG_RECORD, &r);
	fake_done(fd, msg.audit.after < 3, msg.audit.after + 1);
}

static void
a_daemon_that_hangs_up_between_pages_is_called_again(void **state)
{
	json_t *o;

	(void)state;
	assert_int_equal(run(serve_a_page_and_hang_up, "audit --json"), LB_EXIT_DONE);
	o = document();
	EXPECT_MEMBERS(o, "records", "next");
	assert_int_equal(json_array_size(json_object_get(o, "records")), 4);
	assert_int_equal(json_integer_value(json_object_get(o, "next")), 4);
	json_decref(o);
}

/* A list that never moves on must not be asked for ever. */
static void
serve_endless(int fd)
{
	struct lb_msg_grant g = sample_grant(17, LB_STATE_PENDING);
	union lb_msg msg;
	uint16_t type;

	while (fake_receive(fd, &type, &msg) == 0) {
		fake_send(fd, LB_MSG_GRANT, &g);
		fake_done(fd, 1, 17);
	}
}

static void
a_list_that_does_not_move_on_is_refused(void **state)
{
	(void)state;
	assert_int_equal(run(serve_endless, "status --json"), LB_EXIT_UNREACHABLE);
	expect_error("unreachable");
}

static void
serve_wrong_item(int fd)
{
	struct lb_msg_role r;
	union lb_msg msg;
	uint16_t type;

	memset(&r, 0, sizeof r);
	while (fake_receive(fd, &type, &msg) == 0) {
		fake_send(fd, LB_MSG_ROLE, &r);
		fake_done(fd, 0, 0);
	}
}

static void
serve_two_grants(int fd)
{
	struct lb_msg_grant g = sample_grant(17, LB_STATE_PENDING);
	union lb_msg msg;
	uint16_t type;

	while (fake_receive(fd, &type, &msg) == 0) {
		fake_send(fd, LB_MSG_GRANT, &g);
		fake_send(fd, LB_MSG_GRANT, &g);
		fake_done(fd, 0, 0);
	}
}

static void
answers_of_another_shape_are_refused(void **state)
{
	(void)state;
	assert_int_equal(run(serve_wrong_item, "status"), LB_EXIT_UNREACHABLE);
	assert_int_equal(run(serve_wrong_item, "show R-17"), LB_EXIT_UNREACHABLE);
	assert_int_equal(run(serve_wrong_item, "audit --json"), LB_EXIT_UNREACHABLE);
	expect_error("unreachable");
	assert_int_equal(run(serve_two_grants, "approve R-17"), LB_EXIT_UNREACHABLE);
	assert_non_null(strstr(err, "no usable answer"));
}

static uint16_t refusal_code;

static void
serve_refusal(int fd)
{
	union lb_msg msg;
	uint16_t type;

	if (fake_receive(fd, &type, &msg) != 0)
		return;
	fake_refuse(fd, refusal_code, "you may not\x1b[31m do this");
}

static void
refusals_give_status_1_and_their_code(void **state)
{
	static const char *const codes[] = {
		"no-permission", /* 0: not a code */
		"no-identity",	 "no-permission",    "no-such",	     "not-now",
		"over-limit",	 "bad-input",	     "own-request",  "store-full",
		"try-later",	 "signature-needed", "not-eligible", "no-permission",
	};
	static const char *const commands[] = {"roles --json", "status --json", "show R-1 --json",
					       "claim --json", "audit --json",	"end --json"};

	(void)state;
	for (refusal_code = 0; refusal_code < sizeof codes / sizeof codes[0]; refusal_code++) {
		for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
			assert_int_equal(run(serve_refusal, commands[i]), LB_EXIT_REFUSED);
			expect_error(codes[refusal_code]);
			assert_string_equal(err, "");
		}
		assert_int_equal(run(serve_refusal, "approve R-17"), LB_EXIT_REFUSED);
		assert_string_equal(out, "");
		assert_non_null(strstr(err, "refused: you may not\\x1b[31m do this"));
		expect_narrow(err);
	}
}

static void
a_gate_that_is_refused_its_name_does_not_go_on(void **state)
{
	(void)state;
	refusal_code = LB_NO_PERMISSION;
	through_gate = true;
	assert_int_equal(run(serve_refusal, "status"), LB_EXIT_REFUSED);
	through_gate = false;
	assert_string_equal(out, "");
}

static void
text_that_is_not_utf8_still_gives_a_document(void **state)
{
	struct lb_msg_grant g = sample_grant(17, LB_STATE_PENDING);
	struct lb_cli cli = {.now = fixed_now};

	(void)state;
	strcpy(g.reason, "\xff\xfe\x9b \x7f \xc3\xa9");
	memset(out, 0, sizeof out);
	cli.out = fmemopen(out, sizeof out, "w");
	assert_int_equal(lb_cli_json_print(&cli, lb_cli_json_grant(&g)), LB_OK);
	fclose(cli.out);
	json_decref(document());
	memset(g.reason, 0, sizeof g.reason);
	strcpy(g.reason, "\x7f \xc3\xa9 \xf0\x9f\x94\x92");
	memset(out, 0, sizeof out);
	cli.out = fmemopen(out, sizeof out, "w");
	assert_int_equal(lb_cli_json_print(&cli, lb_cli_json_grant(&g)), LB_OK);
	fclose(cli.out);
	expect_said("\"\\u007f \\u00E9 \\uD83D\\uDD12\"");
	json_decref(document());
}

/* The key helper. */

static char why[512];

static int
keys(void (*script)(int fd))
{
	struct fake f;
	FILE *stream;
	int result;

	if (geteuid() != 0)
		skip();
	fake_open(&f, 8);
	fake_serve(&f, script);
	memset(out, 0, sizeof out);
	memset(why, 0, sizeof why);
	stream = fmemopen(out, sizeof out, "w");
	result = lb_keys_run(stream, f.path, "lockbox", "ssh-ed25519", "AAAA", why, sizeof why);
	fclose(stream);
	fake_close(&f);
	return result;
}

static void
serve_keys(int fd)
{
	struct lb_msg_key key;
	union lb_msg msg;

	memset(&key, 0, sizeof key);
	expect_request(fd, LB_MSG_KEYS, &msg);
	if (strcmp(msg.keys.user, "lockbox") != 0 || strcmp(msg.keys.type, "ssh-ed25519") != 0 ||
	    strcmp(msg.keys.blob, "AAAA") != 0)
		_exit(5);
	strcpy(key.line, "restrict,command=\"x\" ssh-ed25519 AAAA");
	fake_send(fd, LB_MSG_KEY, &key);
	fake_send(fd, LB_MSG_KEY, &key);
	fake_done(fd, 0, 0);
}

static void
serve_keys_without_end(int fd)
{
	struct lb_msg_key key;
	union lb_msg msg;

	memset(&key, 0, sizeof key);
	expect_request(fd, LB_MSG_KEYS, &msg);
	strcpy(key.line, "ssh-ed25519 AAAA");
	fake_send(fd, LB_MSG_KEY, &key);
}

static void
serve_keys_and_silence(int fd)
{
	serve_keys_without_end(fd);
	fake_wait_hangup(fd);
}

static void
serve_keys_with_two_lines_in_one(int fd)
{
	struct lb_msg_key key;
	union lb_msg msg;

	memset(&key, 0, sizeof key);
	expect_request(fd, LB_MSG_KEYS, &msg);
	strcpy(key.line, "ssh-ed25519 AAAA\nssh-ed25519 EVIL");
	fake_send(fd, LB_MSG_KEY, &key);
	fake_done(fd, 0, 0);
}

static void
serve_far_too_many_keys(int fd)
{
	struct lb_msg_key key;
	union lb_msg msg;

	memset(&key, 0, sizeof key);
	expect_request(fd, LB_MSG_KEYS, &msg);
	memset(key.line, 'a', sizeof key.line - 1);
	for (int i = 0; i < 30; i++)
		fake_send(fd, LB_MSG_KEY, &key);
	fake_done(fd, 0, 0);
}

static void
keys_are_printed_when_all_are_there(void **state)
{
	(void)state;
	assert_int_equal(keys(serve_keys), LB_OK);
	assert_string_equal(out, "restrict,command=\"x\" ssh-ed25519 AAAA\n"
				 "restrict,command=\"x\" ssh-ed25519 AAAA\n");
	assert_int_equal(keys(serve_nothing), LB_OK);
	assert_string_equal(out, "");
}

static void
on_any_error_no_key_is_printed(void **state)
{
	static void (*const scripts[])(int fd) = {
		serve_keys_without_end,	 serve_keys_with_two_lines_in_one,
		serve_far_too_many_keys, serve_refusal,
		serve_wrong_item,
	};

	(void)state;
	refusal_code = LB_NO_PERMISSION;
	for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
		assert_int_not_equal(keys(scripts[i]), LB_OK);
		assert_string_equal(out, "");
		assert_true(why[0] != '\0');
		assert_null(strchr(why, '\n'));
		assert_null(strchr(why, '\x1b'));
	}
}

static void
a_silent_daemon_gives_no_key_after_a_second_and_a_half(void **state)
{
	int64_t before = fake_now_ms();

	(void)state;
	assert_int_equal(keys(serve_keys_and_silence), LB_ERR_TIMEOUT);
	assert_in_range(fake_now_ms() - before, LB_KEYS_TIMEOUT_MS - 10, LB_KEYS_TIMEOUT_MS + 1000);
	assert_string_equal(out, "");
}

static void
arguments_over_their_limits_are_not_sent(void **state)
{
	static char blob[LB_KEY_BLOB_MAX + 2];

	(void)state;
	memset(blob, 'A', LB_KEY_BLOB_MAX + 1);
	assert_int_equal(lb_keys_run(stderr, "/nonexistent", "lockbox", "t", blob, why, sizeof why),
			 LB_ERR_TOO_LONG);
	assert_int_equal(lb_keys_run(stderr, "/nonexistent", "", "t", "A", why, sizeof why),
			 LB_ERR_TOO_LONG);
	assert_int_equal(lb_keys_run(stderr, "/nonexistent", "u", "t", "A", why, sizeof why),
			 LB_ERR_UNREACHABLE);
}

static void
a_verb_and_an_option_that_do_not_exist_give_status_2(void **state)
{
	(void)state;
	assert_int_equal(run_at("/nonexistent", "stauts"), LB_EXIT_USAGE);
	assert_int_equal(run_at("/nonexistent", "--colour status"), LB_EXIT_USAGE);
	assert_int_equal(run_at("/nonexistent", "status --what"), LB_EXIT_USAGE);
	assert_int_equal(run_at("/nonexistent", ""), LB_EXIT_USAGE);
	assert_int_equal(run_at("/nonexistent", "request --json"), LB_EXIT_USAGE);
	expect_error("bad-input");
	assert_int_equal(run_at("/nonexistent", "--json frobnicate"), LB_EXIT_USAGE);
	expect_error("bad-input");
	assert_int_equal(run_at("/nonexistent", "frobnicate R-1 --json"), LB_EXIT_USAGE);
	expect_error("bad-input");
	assert_int_equal(run_at("/nonexistent", "frobnicate"), LB_EXIT_USAGE);
	assert_non_null(strstr(err, "the verbs are listed by\n  lockbox help\n"));
	assert_int_equal(run_at("/nonexistent", "aprove R-1"), LB_EXIT_USAGE);
	assert_non_null(strstr(err, "did you mean 'approve'?"));
	assert_int_equal(run_at("/nonexistent", "STATUS"), LB_EXIT_USAGE);
	assert_non_null(strstr(err, "did you mean 'status'?"));
	assert_int_equal(run_at("/nonexistent", "--jsn status"), LB_EXIT_USAGE);
	assert_non_null(strstr(err, "did you mean '--json'?"));
	/* What ssh would take for its own is not proposed. */
	through_gate = true;
	assert_int_equal(run_at("/nonexistent", "frobnicate"), LB_EXIT_USAGE);
	assert_non_null(strstr(err, "  ssh lockbox@db1 help\n"));
	assert_int_equal(run_at("/nonexistent", "request"), LB_EXIT_USAGE);
	assert_non_null(strstr(err, "  ssh lockbox@db1 help request\n"));
	through_gate = false;
}

static void
every_verb_has_help_with_an_example(void **state)
{
	size_t count;
	const struct lb_verb *v = lb_verbs(&count);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		char command[64];

		if (v[i].local != NULL)
			continue;
		snprintf(command, sizeof command, "%s --help", v[i].name);
		assert_int_equal(run_at("/nonexistent", command), LB_EXIT_DONE);
		expect_said("Example:\n  lockbox ");
		expect_said("--json");
		expect_narrow(out);
		through_gate = true;
		assert_int_equal(run_at("/nonexistent", command), LB_EXIT_DONE);
		through_gate = false;
		expect_narrow(out);
		expect_not_said("--sign KEY");
		expect_not_said("--socket");
	}
	assert_int_equal(run_at("/nonexistent", "extend --help"), LB_EXIT_DONE);
	expect_not_said("role's default");
	assert_int_equal(run_at("/nonexistent", "--help"), LB_EXIT_DONE);
	for (size_t i = 0; i < count; i++)
		expect_said(v[i].name);
	expect_narrow(out);
	assert_int_equal(run_at("/nonexistent", "--version"), LB_EXIT_DONE);
	assert_true(strncmp(out, "lockbox ", 8) == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_says_who_can_approve_and_how),
		cmocka_unit_test(the_gate_says_for_whom_and_sends_the_same),
		cmocka_unit_test(a_request_in_json_is_the_grant),
		cmocka_unit_test(each_decision_says_what_was_done_and_what_is_next),
		cmocka_unit_test(what_to_do_next_is_for_whoever_reads_it),
		cmocka_unit_test(who_has_approved_and_who_can_are_told_apart),
		cmocka_unit_test(an_own_account_is_offered_no_password),
		cmocka_unit_test(what_is_asked_for_again_is_said_to_be_there),
		cmocka_unit_test(a_claim_shows_the_password_alone_on_its_line),
		cmocka_unit_test(lists_come_in_pages_and_fit_80_columns),
		cmocka_unit_test(empty_lists_say_so),
		cmocka_unit_test(roles_say_what_they_allow),
		cmocka_unit_test(each_line_of_the_trail_names_grant_person_account_and_uid),
		cmocka_unit_test(a_trail_that_breaks_off_says_so_in_a_whole_document),
		cmocka_unit_test(a_daemon_that_hangs_up_between_pages_is_called_again),
		cmocka_unit_test(a_list_that_does_not_move_on_is_refused),
		cmocka_unit_test(answers_of_another_shape_are_refused),
		cmocka_unit_test(refusals_give_status_1_and_their_code),
		cmocka_unit_test(a_gate_that_is_refused_its_name_does_not_go_on),
		cmocka_unit_test(text_that_is_not_utf8_still_gives_a_document),
		cmocka_unit_test(keys_are_printed_when_all_are_there),
		cmocka_unit_test(on_any_error_no_key_is_printed),
		cmocka_unit_test(a_silent_daemon_gives_no_key_after_a_second_and_a_half),
		cmocka_unit_test(arguments_over_their_limits_are_not_sent),
		cmocka_unit_test(a_verb_and_an_option_that_do_not_exist_give_status_2),
		cmocka_unit_test(every_verb_has_help_with_an_example),
	};

	fake_become_root();
	lb_cli_json_init();
	return cmocka_run_group_tests_name("cli verbs", tests, NULL, NULL);
}
