/* What approvers sign: the exact bytes, and that no field can stand for another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "err.h"
#include "keeper/statement.h"
#include "text.h"

static const uint8_t digest[LB_HASH_SIZE] = {0xd1, 0xd2, [31] = 0xdf};
static const uint8_t nonce[LB_NONCE_SIZE] = {0x0a, 0x1b, [15] = 0xfe};

static const struct lb_statement facts = {
	.host = "db1",
	.approver = "bob",
	.customer = "",
	.resource = "",
	.level = 1,
	.level_name = "leads",
	.policy_digest = digest,
	.stated_s = 1700000100,
	.nonce = nonce,
};

static const struct lb_grant request = {
	.id = 17,
	.identity = "alice",
	.role = "db-operator",
	.ticket = "OPS-1",
	.reason = "index is broken",
	.duration_s = 1800,
	.requested_s = 1700000000,
	.groups = "adm, postgres",
	.sudo = "/usr/bin/systemctl restart postgresql, (postgres) /usr/bin/vacuumdb",
	.shell = "/bin/bash",
	.sessions_max = 2,
};

static const char due[] =
	"lockbox-approval 1\n"
	"host: db1\n"
	"request: R-17\n"
	"decision: approve\n"
	"approver: bob\n"
	"level: 1 leads\n"
	"by-rule:\n"
	"added-by-rule:\n"
	"identity: alice\n"
	"role: db-operator\n"
	"customer:\n"
	"resource:\n"
	"account: temporary\n"
	"duration: 1800\n"
	"start:\n"
	"starts: claim\n"
	"extends:\n"
	"groups: adm, postgres\n"
	"path:\n"
	"sudo: /usr/bin/systemctl restart postgresql, (postgres) /usr/bin/vacuumdb\n"
	"shell: /bin/bash\n"
	"sessions: 2\n"
	"port-forwarding: no\n"
	"ticket: OPS-1\n"
	"reason: index is broken\n"
	"requested: 2023-11-14T22:13:20Z\n"
	"stated: 2023-11-14T22:15:00Z\n"
	"policy: d1d20000000000000000000000000000000000000000000000000000000000df\n"
	"nonce: 0a1b00000000000000000000000000fe\n";

static void
the_bytes_are_those_of_the_header(void **state)
{
	char text[LB_STATEMENT_MAX + 1];
	size_t len = 0;

	(void)state;
	assert_int_equal(lb_statement_write(&facts, &request, text, &len), LB_OK);
	assert_string_equal(text, due);
	assert_int_equal(len, strlen(due));
}

/* The line that differs from the usual statement, "" when none does; exactly one may. */
static void
differs(const struct lb_statement *s, const struct lb_grant *g, const char *line)
{
	char text[LB_STATEMENT_MAX + 1], *p = text;
	const char *q = due;
	unsigned different = 0;
	size_t len = 0;

	assert_int_equal(lb_statement_write(s, g, text, &len), LB_OK);
	while (*p != '\0' && *q != '\0') {
		size_t n = strcspn(p, "\n"), m = strcspn(q, "\n");

		if (n != m || memcmp(p, q, n) != 0) {
			p[n] = '\0';
			assert_string_equal(p, line);
			different++;
		}
		p += n + 1;
		q += m + 1;
	}
	assert_int_equal(*p, *q);
	assert_int_equal(different, 1);
}

static void
each_field_is_a_line_of_its_own(void **state)
{
	static const struct lb_level night = {"night", "oncall", 1, LB_LEVEL_RULE};
	static const uint8_t other_digest[LB_HASH_SIZE] = {1}, other_nonce[LB_NONCE_SIZE] = {1};

	(void)state;
#define S(change, line)                                                                            \
	do {                                                                                       \
		struct lb_statement s = facts;                                                     \
		s.change;                                                                          \
		differs(&s, &request, line);                                                       \
	} while (0)
#define G(change, line)                                                                            \
	do {                                                                                       \
		struct lb_grant g = request;                                                       \
		g.change;                                                                          \
		differs(&facts, &g, line);                                                         \
	} while (0)
#define T(field, value, line)                                                                      \
	do {                                                                                       \
		struct lb_grant g = request;                                                       \
		snprintf(g.field, sizeof g.field, "%s", value);                                    \
		differs(&facts, &g, line);                                                         \
	} while (0)
	S(host = "db2", "host: db2");
	G(id = UINT64_MAX, "request: R-18446744073709551615");
	S(approver = "carol", "approver: carol");
	S(level = 2, "level: 2 leads");
	S(level_name = "", "level: 1");
	S(level_name = "owners", "level: 1 owners");
	T(rule, "small", "by-rule: small");
	G(levels = 1; g.level[0] = night, "added-by-rule: night");
	T(identity, "dave", "identity: dave");
	T(role, "log-reader", "role: log-reader");
	S(customer = "acme", "customer: acme");
	T(own, "alice", "account: own alice");
	S(resource = "/srv/acme", "resource: /srv/acme");
	G(duration_s = 1801, "duration: 1801");
	G(start_s = 1800000000, "start: 2027-01-15T08:00:00Z");
	G(starts = LB_STARTS_APPROVAL, "starts: approval");
	G(extends = 3, "extends: R-3");
	T(groups, "", "groups:");
	T(path, "read /var/log/app", "path: read /var/log/app");
	T(sudo, "/bin/true", "sudo: /bin/true");
	T(shell, "/bin/sh", "shell: /bin/sh");
	G(sessions_max = 1, "sessions: 1");
	G(port_forwarding = 1, "port-forwarding: yes");
	T(ticket, "", "ticket:");
	T(reason, "index is broken.", "reason: index is broken.");
	G(requested_s = 1700000001, "requested: 2023-11-14T22:13:21Z");
	S(stated_s = 1700000101, "stated: 2023-11-14T22:15:01Z");
	S(policy_digest = other_digest,
	  "policy: 0100000000000000000000000000000000000000000000000000000000000000");
	S(nonce = other_nonce, "nonce: 01000000000000000000000000000000");
}

/* Whatever a value holds, it stays on its line, and two values never look alike. */
static void
no_value_leaves_its_line(void **state)
{
	static const char *const reasons[][2] = {
		{"a\nidentity: eve", "reason: a\\x0aidentity: eve"},
		{"a\\x0aidentity: eve", "reason: a\\\\x0aidentity: eve"},
		{" ", "reason:  "},
		{"\x1b[31m", "reason: \\x1b[31m"},
		{"\xe2\x80\xae", "reason: \\xe2\\x80\\xae"},
		{"gr\xc3\xbc\xc3\x9f", "reason: gr\xc3\xbc\xc3\x9f"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
		T(reason, reasons[i][0], reasons[i][1]);
}

static void
the_longest_fits_and_nothing_is_cut(void **state)
{
	struct lb_grant g = request;
	char text[LB_STATEMENT_MAX + 1];
	size_t len = 99;

	(void)state;
	memset(g.groups, 'g', sizeof g.groups - 1);
	memset(g.sudo, 's', sizeof g.sudo - 1);
	memset(g.shell, 'h', sizeof g.shell - 1);
	memset(g.ticket, 't', sizeof g.ticket - 1);
	memset(g.reason, 'r', sizeof g.reason - 1);
	memset(g.role, 'o', sizeof g.role - 1);
	memset(g.identity, 'i', sizeof g.identity - 1);
	assert_int_equal(lb_statement_write(&facts, &g, text, &len), LB_OK);
	assert_int_equal(len, strlen(text));
	assert_non_null(strstr(text, "\nnonce: "));
	/* With backslashes, which take two places each, it does not: it is refused, not cut. */
	memset(g.sudo, '\\', sizeof g.sudo - 1);
	memset(g.groups, '\\', sizeof g.groups - 1);
	memset(text, 'x', sizeof text);
	len = 99;
	assert_int_equal(lb_statement_write(&facts, &g, text, &len), LB_ERR_TOO_LONG);
	assert_int_equal(len, 99);
	assert_int_equal(text[0], 'x');
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_bytes_are_those_of_the_header),
		cmocka_unit_test(each_field_is_a_line_of_its_own),
		cmocka_unit_test(no_value_leaves_its_line),
		cmocka_unit_test(the_longest_fits_and_nothing_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
