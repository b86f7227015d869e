/* Rules of the policy: each condition, met and just missed, and which rule has its way. */
#include "test_policy_support.h"

#include "policy/rule.h"
#include "proto.h"

#define SK_KEY                                                                                     \
	"sk-ssh-ed25519@openssh.com "                                                              \
	"AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIM8GawHxEmVETNEurI5i0keA0MYrk7KQF26+wbCQL"    \
	"QhjAAAABHNzaDo="
#define PLAIN_KEY "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA39QdqdTCIXOhLgDfdsyDmSXppo6WKJHhVs98E577Jn"

#define HOST "labels = {\"staging\", \"eu\"}\n"
#define WORLD                                                                                      \
	"identity ann { keys = {\"" SK_KEY "\", \"" PLAIN_KEY "\"} isolated = true mfa = true }\n" \
	"identity ben { unix-user = \"bob\" }\n"                                                   \
	"identity cat { unix-user = \"carol\" }\n"                                                 \
	"identity dan { unix-user = \"alice\" }\n"                                                 \
	"team dba { members = {\"ann\", \"ben\"} }\n"                                              \
	"team dev { members = {\"ben\"} }\n"                                                       \
	"team leads { members = {\"cat\"} }\n"                                                     \
	"team oncall { members = {\"dan\"} }\n"                                                    \
	"role reader { requesters = {\"dba\"} approvers = {\"leads\"} permission = "               \
	"\"read-only\" }\n"                                                                        \
	"role changer { requesters = {\"dba\"} approvers = {\"leads\"} }\n"                        \
	"role boss { requesters = {\"dba\"} approvers = {\"leads\"} root-equivalent = true }\n"    \
	"role db { requesters = {\"dba\"} approvers = {\"leads\"}\n"                               \
	"  resource pay { groups = {\"adm\"} } resource orders { groups = {\"adm\"} } }\n"

#define THURSDAY 1700136000u /* 2023-11-16 12:00 UTC */

static struct lb_policy *
policy_with(const char *rules)
{
	static struct findings f;
	struct lb_policy_source *source = test_host();
	struct lb_policy *p = NULL;
	char text[16384];

	snprintf(text, sizeof text, "%s%s", WORLD, rules);
	add_text(source, "lockbox.conf", HOST, true);
	add_text(source, "people.conf", text, false);
	if (parse_source(source, &f, &p) != LB_OK)
		fail_msg("%s", f.text);
	return p;
}

/* What everything below is a near miss of. */
static struct lb_rule_facts
usual(const struct lb_policy *p)
{
	return (struct lb_rule_facts){
		.role = lb_policy_role(p, "reader"),
		.identity = "ann",
		.fingerprint = lb_policy_identity(p, "ann")->keys[0].fingerprint,
		.ticket = "INC-17",
		.duration_s = 1800,
		.requested_s = THURSDAY,
		.begin_s = THURSDAY,
		.before_s = THURSDAY + 1800,
	};
}

/* Whether a rule with these conditions approves the usual request, changed. */
#define APPROVES(rule, change)                                                                     \
	({                                                                                         \
		struct lb_policy *p_ = policy_with("rule r { " rule " approve = true }\n");        \
		struct lb_rule_facts f = usual(p_);                                                \
		struct lb_rule_verdict v_;                                                         \
		const struct lb_policy *p = p_;                                                    \
		(void)p;                                                                           \
		change;                                                                            \
		lb_rules_weigh(p_, &f, &v_);                                                       \
		lb_policy_free(p_);                                                                \
		v_.approves != NULL;                                                               \
	})
/* The same of a rule that adds a level. */
#define ADDS(rule, change)                                                                         \
	({                                                                                         \
		struct lb_policy *p_ =                                                             \
			policy_with("rule r { " rule " approvers = {\"oncall\"} }\n");             \
		struct lb_rule_facts f = usual(p_);                                                \
		struct lb_rule_verdict v_;                                                         \
		const struct lb_policy *p = p_;                                                    \
		(void)p;                                                                           \
		change;                                                                            \
		lb_rules_weigh(p_, &f, &v_);                                                       \
		lb_policy_free(p_);                                                                \
		v_.added == 1;                                                                     \
	})

#define ANY "permissions = {\"read-only\", \"change\"}"

static void
roles_and_resources_and_permissions(void **state)
{
	(void)state;
	assert_true(APPROVES("roles = {\"db\", \"reader\"}", (void)0));
	assert_false(APPROVES("roles = {\"db\", \"changer\"}", (void)0));
	assert_true(APPROVES("roles = {\"db\"}", f.role = lb_policy_role(p, "db--pay")));
	assert_true(APPROVES("roles = {\"db--pay\"}", f.role = lb_policy_role(p, "db--pay")));
	assert_false(APPROVES("roles = {\"db--pay\"}", f.role = lb_policy_role(p, "db--orders")));
	assert_true(APPROVES("roles = {\"db\"} resources = {\"pay\"}",
			     f.role = lb_policy_role(p, "db--pay")));
	assert_false(APPROVES("roles = {\"db\"} resources = {\"pay\"}",
			      f.role = lb_policy_role(p, "db--orders")));
	assert_false(APPROVES(ANY " resources = {\"pay\"}", (void)0));
	assert_true(APPROVES("permissions = {\"read-only\"}", (void)0));
	assert_false(APPROVES("permissions = {\"change\"}", (void)0));
	assert_true(APPROVES("permissions = {\"change\"}", f.role = lb_policy_role(p, "changer")));
	assert_true(
		ADDS("permissions = {\"root-equivalent\"}", f.role = lb_policy_role(p, "boss")));
	assert_false(
		ADDS("permissions = {\"root-equivalent\"}", f.role = lb_policy_role(p, "changer")));
	assert_false(ADDS(ANY, f.role = lb_policy_role(p, "boss")));
}

static void
people_and_what_the_policy_says_of_them(void **state)
{
	(void)state;
	assert_true(APPROVES(ANY " identities = {\"ann\"}", (void)0));
	assert_false(APPROVES(ANY " identities = {\"ann\"}", f.identity = "ben"));
	assert_true(APPROVES(ANY " teams = {\"dba\"}", (void)0));
	assert_false(APPROVES(ANY " teams = {\"dev\"}", (void)0));
	assert_true(APPROVES(ANY " teams = {\"dev\"} identities = {\"ann\"}", (void)0));
	assert_true(APPROVES(ANY " teams = {\"dev\"}", f.identity = "ben"));
	assert_true(APPROVES(ANY " isolated = true", (void)0));
	assert_false(APPROVES(ANY " isolated = true", f.identity = "ben"));
	assert_true(APPROVES(ANY " isolated = false", f.identity = "ben"));
	assert_false(APPROVES(ANY " isolated = false", (void)0));
	assert_true(APPROVES(ANY " mfa = true", (void)0));
	assert_false(APPROVES(ANY " mfa = true", f.identity = "ben"));
	assert_true(APPROVES(ANY " mfa = false", f.identity = "ben"));
	assert_false(APPROVES(ANY, f.identity = "nobody"));
}

static void
a_hardware_key_is_the_one_of_this_connection(void **state)
{
	(void)state;
	assert_true(APPROVES(ANY " hardware-key = true", (void)0));
	assert_false(APPROVES(ANY " hardware-key = true",
			      f.fingerprint = lb_policy_identity(p, "ann")->keys[1].fingerprint));
	assert_false(APPROVES(ANY " hardware-key = true", f.fingerprint = ""));
	assert_false(APPROVES(ANY " hardware-key = true", f.fingerprint = "SHA256:none"));
	/* Somebody else's proves nothing. */
	assert_false(APPROVES(ANY " hardware-key = true", f.identity = "ben"));
	assert_true(ADDS(ANY " hardware-key = false", f.fingerprint = ""));
	assert_false(ADDS(ANY " hardware-key = false", (void)0));
}

static void
tickets_labels_and_durations(void **state)
{
	(void)state;
	assert_true(APPROVES(ANY " tickets = {\"CHG-*\", \"INC-*\"}", (void)0));
	assert_false(APPROVES(ANY " tickets = {\"CHG-*\"}", (void)0));
	assert_false(APPROVES(ANY " tickets = {\"INC-*\"}", f.ticket = ""));
	assert_true(APPROVES(ANY " tickets = {\"\"}", f.ticket = ""));
	assert_false(APPROVES(ANY " tickets = {\"\"}", (void)0));
	assert_true(APPROVES(ANY " host-labels = {\"prod\", \"staging\"}", (void)0));
	assert_false(APPROVES(ANY " host-labels = {\"prod\"}", (void)0));
	assert_true(APPROVES(ANY " at-most = \"30m\"", (void)0));
	assert_false(APPROVES(ANY " at-most = \"30m\"", f.duration_s = 1801));
	assert_false(ADDS(ANY " longer-than = \"30m\"", (void)0));
	assert_true(ADDS(ANY " longer-than = \"30m\"", f.duration_s = 1801));
}

/* By the minute: until the window ends, and a second longer. */
static void
hours_cover_all_of_what_is_approved_and_touch_what_is_added_to(void **state)
{
	(void)state;
#define DAY ANY " hours = {\"thu 12:00-13:00\"}"
	assert_true(APPROVES(DAY, (void)0));
	assert_true(APPROVES(DAY, f.before_s = THURSDAY + 3600));
	assert_false(APPROVES(DAY, f.before_s = THURSDAY + 3601));
	assert_false(APPROVES(DAY, f.requested_s--));
	assert_false(APPROVES(DAY, f.begin_s--));
	assert_false(APPROVES(DAY, f.begin_s += 86400; f.before_s += 86400));
	assert_true(APPROVES(DAY " time-zone = \"UTC0\"", (void)0));
	assert_false(APPROVES(DAY " time-zone = \"CET-1\"", (void)0));
	assert_true(ADDS(DAY, (void)0));
	assert_true(ADDS(DAY, f.requested_s -= 86400));
	assert_true(ADDS(DAY, f.begin_s = f.before_s = THURSDAY + 7200));
	assert_true(
		ADDS(DAY, f.requested_s = f.begin_s = THURSDAY - 60; f.before_s = THURSDAY + 1));
	assert_false(ADDS(DAY, f.requested_s = f.begin_s = THURSDAY - 60; f.before_s = THURSDAY));
	assert_false(ADDS(DAY, f.requested_s = f.begin_s = THURSDAY + 3600; f.before_s += 3600));
}

static void
every_condition_must_hold(void **state)
{
	(void)state;
#define ALL                                                                                        \
	"roles = {\"reader\"} permissions = {\"read-only\"} teams = {\"dba\"} isolated = true "    \
	"mfa = true hardware-key = true tickets = {\"INC-*\"} host-labels = {\"eu\"} at-most = "   \
	"\"30m\" hours = {\"thu 12:00-13:00\"}"
	assert_true(APPROVES(ALL, (void)0));
	assert_false(APPROVES(ALL, f.role = lb_policy_role(p, "changer")));
	assert_false(APPROVES(ALL, f.identity = "ben"));
	assert_false(APPROVES(ALL, f.fingerprint = ""));
	assert_false(APPROVES(ALL, f.ticket = "INC"));
	assert_false(APPROVES(ALL, f.duration_s++));
	assert_false(APPROVES(ALL, f.before_s = THURSDAY + 3601));
}

#define LEVEL(name) "rule " name " { approvers = {\"oncall\"} "
static void
levels_go_before_approval_and_names_give_the_order(void **state)
{
	static const char rules[] =
		"rule z { " ANY " approve = true }\n"
		"rule y { " ANY " approve = true }\n" LEVEL(
			"b") " same-person = true tickets = {\"INC-*\"} }\n" LEVEL("a") " }\n";
	struct lb_policy *p = policy_with(rules);
	struct lb_rule_facts f = usual(p);
	struct lb_rule_verdict v;

	(void)state;
	lb_rules_weigh(p, &f, &v);
	assert_null(v.approves);
	assert_int_equal(v.added, 2);
	assert_string_equal(v.adds[0]->name, "a");
	assert_string_equal(v.adds[1]->name, "b");
	assert_string_equal(v.adds[1]->level.name, "b");
	assert_int_equal(v.adds[1]->level.approvals, 1);
	lb_policy_free(p);
	p = policy_with("rule z { " ANY " approve = true }\nrule y { " ANY " approve = true }\n");
	f = usual(p);
	lb_rules_weigh(p, &f, &v);
	assert_string_equal(v.approves->name, "y");
	assert_int_equal(v.added, 0);
	f.role = lb_policy_role(p, "boss");
	lb_rules_weigh(p, &f, &v);
	assert_null(v.approves);
	lb_policy_free(p);
}

static void
nothing_that_is_signed_or_as_good_as_root_is_approved(void **state)
{
	struct lb_policy_role role = {.permission = "change"};

	(void)state;
	assert_true(lb_rule_may_approve(&role));
	role.signed_approvals = true;
	assert_false(lb_rule_may_approve(&role));
	role = (struct lb_policy_role){.permission = "change", .root_equivalent = true};
	assert_false(lb_rule_may_approve(&role));
	assert_string_equal(lb_policy_permission(&role), "root-equivalent");
}

static void
tickets_match_as_a_whole(void **state)
{
	static const struct {
		const char *pattern, *ticket;
		bool matches;
	} cases[] = {
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"*", "anything", true},
		{"?", "", false},
		{"?", "a", true},
		{"?", "ab", false},
		{"INC-?", "INC-1", true},
		{"INC-?", "INC-12", false},
		{"INC-*", "INC-", true},
		{"INC-*", "inc-1", false},
		{"INC-*", " INC-1", false},
		{"*-17", "INC-17", true},
		{"*-17", "INC-17 ", false},
		{"*-17", "-17-17", true},
		{"a*b*c", "aXbXbc", true},
		{"a*b*c", "aXbXb", false},
		{"**a", "a", true},
		{"a*?", "a", false},
		{"a*?", "ab", true},
		{"*a*", "xay", true},
		{".", "x", false},
		{"a{1}", "a{1}", true},
		{"INC-*", "INC-1\nx", true},
	};
	char pattern[LB_TICKET_MAX + 1], ticket[LB_TICKET_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (lb_ticket_matches(cases[i].pattern, cases[i].ticket) != cases[i].matches)
			fail_msg("'%s' and '%s'", cases[i].pattern, cases[i].ticket);
	/* What makes matchers that try everything never end. */
	for (size_t i = 0; i < LB_TICKET_MAX; i++) {
		pattern[i] = i % 2 == 0 ? '*' : 'a';
		ticket[i] = 'a';
	}
	pattern[LB_TICKET_MAX] = ticket[LB_TICKET_MAX] = '\0';
	pattern[LB_TICKET_MAX - 1] = 'b';
	assert_false(lb_ticket_matches(pattern, ticket));
	ticket[LB_TICKET_MAX - 1] = 'b';
	assert_true(lb_ticket_matches(pattern, ticket));
	assert_null(lb_ticket_problem("INC-*"));
	assert_non_null(lb_ticket_problem("INC-[0-9]"));
	assert_non_null(lb_ticket_problem("INC-\\*"));
	memset(pattern, 'a', sizeof pattern - 1);
	assert_null(lb_ticket_problem(pattern));
	assert_non_null(lb_ticket_problem(
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

static void
a_policy_with_rules_is_what_its_dump_says(void **state)
{
	struct lb_policy *p = policy_with("rule r { " ALL " approve = true }\n" LEVEL(
				 "s") " approvals = 1 hardware-key = false longer-than = "
				      "\"1h\" resources = {\"pay\"} identities = "
				      "{\"ann\"} same-person = true tickets = {\"\"} }\n"),
			 *q = NULL;
	static struct findings f;
	struct lb_policy_source *source = test_host();
	char *one, *two;
	size_t len;

	(void)state;
	assert_int_equal(lb_policy_dump(p, &one, &len), LB_OK);
	assert_non_null(strstr(one, "rule s {"));
	assert_non_null(strstr(one, "labels = {\n\t\"staging\""));
	add_text(source, "lockbox.conf", one, true);
	if (parse_source(source, &f, &q) != LB_OK)
		fail_msg("%s", f.text);
	assert_int_equal(lb_policy_dump(q, &two, &len), LB_OK);
	assert_string_equal(one, two);
	free(one);
	free(two);
	lb_policy_free(p);
	lb_policy_free(q);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(roles_and_resources_and_permissions),
		cmocka_unit_test(people_and_what_the_policy_says_of_them),
		cmocka_unit_test(a_hardware_key_is_the_one_of_this_connection),
		cmocka_unit_test(tickets_labels_and_durations),
		cmocka_unit_test(hours_cover_all_of_what_is_approved_and_touch_what_is_added_to),
		cmocka_unit_test(every_condition_must_hold),
		cmocka_unit_test(levels_go_before_approval_and_names_give_the_order),
		cmocka_unit_test(nothing_that_is_signed_or_as_good_as_root_is_approved),
		cmocka_unit_test(tickets_match_as_a_whole),
		cmocka_unit_test(a_policy_with_rules_is_what_its_dump_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
