/*
 * Resources of a role: a request names one, and the grant carries that one's groups and commands and
 * nothing else.
 */
#include "keeper_fixture.h"

#include "policy/sudoers.h"

#define ROLE(inner)                                                                                \
	PEOPLE MALLORY TEAMS(                                                                      \
		"\"alice\", \"mallory\"") "role db { requesters = {\"engineers\"} approvers = "    \
					  "{\"leads\"} max-duration = \"4h\"\n"                    \
					  " default-duration = \"1h\" max-per-day = "              \
					  "\"3h\"\n" inner " }\n"
#define BOTH                                                                                       \
	"resource pay { groups = {\"adm\"} sudo = {\"/usr/bin/id -u\"} description = \"x\" }\n"    \
	"resource orders { groups = {\"games\"} }\n"

static struct answer *
ask_for(struct fixture *f, const char *role, const char *resource, uint32_t seconds)
{
	union lb_msg m = {.request = {.duration_s = seconds, .reason = "why"}};

	strcpy(m.request.role, role);
	strcpy(m.request.resource, resource);
	return ask(f, "alice", LB_MSG_REQUEST, &m);
}

static void
a_grant_carries_its_resource_and_nothing_else(void **state)
{
	struct fixture *f = *state;
	struct lb_grant g;
	uint64_t id;

	change_policy(f, ROLE(BOTH));
	id = answered(ask_for(f, "db", "pay", 600));
	g = stored(f, id);
	assert_string_equal(g.role, "db--pay");
	assert_string_equal(g.resource, "pay");
	assert_string_equal(g.groups, "adm");
	assert_string_equal(g.sudo, "/usr/bin/id -u");
	assert_string_equal(f->a.grant.resource, "pay");
	assert_int_equal(answered(ask_for(f, "db", "pay", 600)), id);
	assert_int_equal(answered(ask_for(f, "db--pay", "", 600)), id);
	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
	act(f, "alice", LB_MSG_CLAIM, id, "");
	assert_int_equal(f->a.claims, 1);
	assert_int_equal(f->a.warden[0].type, LB_IPC_ACCOUNT);
	assert_string_equal(f->a.warden[0].msg.account.role, "db--pay");
	id = answered(ask_for(f, "db", "orders", 600));
	assert_string_equal(stored(f, id).groups, "games");
	assert_string_equal(stored(f, id).sudo, "");
}

static void
a_role_with_resources_takes_one_of_them(void **state)
{
	struct fixture *f = *state;

	change_policy(f, ROLE(BOTH));
	answered(ask_for(f, "db", "pay", 600));
	refused(ask_for(f, "db", "", 600), LB_BAD_INPUT, "--resource pay, of pay, orders");
	refused(ask_for(f, "db", "nothing", 600), LB_NO_SUCH, "no such role and resource");
	refused(ask_for(f, "db", "pay--x", 600), LB_NO_SUCH, "no such role and resource");
	change_policy(f, policy_text);
	answered(ask_for(f, "op", "", 600));
	refused(ask_for(f, "op", "pay", 600), LB_NO_SUCH, "no such role and resource");
}

/* One alone, and more than can be listed: the list then says so. */
static void
few_and_many_resources_are_named(void **state)
{
	static char text[40000];
	struct fixture *f = *state;
	size_t used = 0;

	change_policy(f, ROLE("resource pay { groups = {\"adm\"} }"));
	refused(ask_for(f, "db", "", 600), LB_BAD_INPUT, "its resources: --resource pay");
	assert_null(strstr(f->a.text, ", of "));
	used = (size_t)snprintf(text, sizeof text, "%s",
				PEOPLE MALLORY TEAMS("\"alice\", \"mallory\"") OTHER_ROLES
				"role db { requesters = {\"engineers\"}\n"
				" approvers = {\"leads\"}\n");
	for (int i = 0; i < 60; i++)
		used += (size_t)snprintf(text + used, sizeof text - used,
					 "resource a-long-name-%d { groups = {\"adm\"} }\n", i);
	snprintf(text + used, sizeof text - used, "}\n");
	change_policy(f, text);
	refused(ask_for(f, "db", "", 600), LB_BAD_INPUT, "--resource a-long-name-0, of a-long");
	ask(f, "alice", LB_MSG_ROLES, &(union lb_msg){0});
	assert_true(f->a.roles > 60);
}

static void
all_resources_share_the_most_of_a_day(void **state)
{
	struct fixture *f = *state;

	change_policy(f, ROLE(BOTH));
	answered(ask_for(f, "db", "pay", 7200));
	refused(ask_for(f, "db", "orders", 3601), LB_OVER_LIMIT, "1h is left");
	answered(ask_for(f, "db", "orders", 3600));
}

static void
roles_lists_each_resource(void **state)
{
	struct fixture *f = *state;
	union lb_msg m = {0};

	change_policy(f, ROLE(BOTH));
	ask(f, "alice", LB_MSG_ROLES, &m);
	assert_int_equal(f->a.roles, 3);
	assert_string_equal(f->a.role.name, "db--pay");
	assert_string_equal(f->a.role.description, "x");
	assert_string_equal(f->a.role.groups, "adm");
}

static void
a_changed_resource_is_not_what_was_asked_for(void **state)
{
	struct fixture *f = *state;
	uint64_t pay, orders;

	change_policy(f, ROLE(BOTH));
	pay = answered(ask_for(f, "db", "pay", 600));
	orders = answered(ask_for(f, "db", "orders", 600));
	change_policy(f, ROLE("resource pay { groups = {\"adm\", \"games\"} }\n"
			      "resource orders { groups = {\"games\"} }\n"));
	ok(lb_tx_run(&f->k, lb_sync_policy, NULL));
	assert_int_equal(stored(f, pay).state, LB_STATE_CANCELLED);
	assert_int_equal(stored(f, orders).state, LB_STATE_PENDING);
}

static void
a_policy_with_resources_is_written_as_it_was_read(void **state)
{
	struct lb_policy *first = parse(ROLE(BOTH)), *second;
	const struct lb_policy_role *role = lb_policy_role(first, "db--orders");
	struct lb_report report = {.found = complain};
	struct lb_policy_source *s = lb_policy_source_new();
	char *text, *again, *sudoers;
	size_t len;

	(void)state;
	assert_string_equal(role->base, "db");
	assert_string_equal(role->resource, "orders");
	assert_int_equal(role->levels, 1);
	assert_int_equal(role->max_duration_s, 4 * 3600);
	ok(lb_policy_dump(first, &text, &len));
	for (size_t i = 0; i < sizeof users / sizeof users[0]; i++)
		ok(lb_policy_source_add_user(s, users[i].name, users[i].uid));
	ok(lb_policy_source_add_group(s, "adm", 4));
	ok(lb_policy_source_add_group(s, "games", 60));
	ok(lb_policy_source_add_text(s, "lockbox.conf", text, len, true));
	ok(lb_policy_parse(s, &report, &second));
	ok(lb_policy_dump(second, &again, &len));
	assert_string_equal(text, again);
	/* The commands are those of the resource's group alone. */
	ok(lb_sudoers_render(second, &sudoers, &len));
	assert_non_null(strstr(sudoers, "%lbr-db--pay ALL="));
	assert_null(strstr(sudoers, "%lbr-db--orders ALL="));
	assert_null(strstr(sudoers, "%lbr-db ALL="));
	lb_policy_source_free(s);
	lb_policy_free(first);
	lb_policy_free(second);
	free(text);
	free(again);
	free(sudoers);
}

static void
keep(void *arg, const struct lb_report_item *item)
{
	char *all = arg;
	size_t used = strlen(all);

	lb_report_text(all + used, 4096 - used, item);
}

static void
refuses(const char *text, const char *words)
{
	char all[4096] = "";
	struct lb_report report = {.found = keep, .arg = all};
	struct lb_policy_source *s = lb_policy_source_new();
	struct lb_policy *policy = NULL;

	for (size_t i = 0; i < sizeof users / sizeof users[0]; i++)
		ok(lb_policy_source_add_user(s, users[i].name, users[i].uid));
	ok(lb_policy_source_add_group(s, "adm", 4));
	ok(lb_policy_source_add_group(s, "games", 60));
	ok(lb_policy_source_add_text(s, "people.conf", text, strlen(text), false));
	assert_int_equal(lb_policy_parse(s, &report, &policy), LB_ERR_MALFORMED);
	if (strstr(all, words) == NULL)
		fail_msg("not said: %s; but: %s", words, all);
	lb_policy_source_free(s);
}

static void
resources_that_cannot_be_are_refused(void **state)
{
	(void)state;
	refuses(ROLE("groups = {\"adm\"} " BOTH), "take this out");
	refuses(ROLE("sudo = {\"/usr/bin/id -u\"} " BOTH), "take this out");
	refuses(ROLE("resource a { } resource a { }"), "already");
	refuses(ROLE("resource a { groups = {\"nosuch\"} }"), "there is no group");
	refuses(PEOPLE MALLORY TEAMS("\"alice\"") "role abcdefghijklmnop { requesters = "
						  "{\"engineers\"} approvers = {\"leads\"} "
						  "resource abcdefghijk { } }",
		"long names");
	refuses(ROLE("resource pay { }") "role db--pay { requesters = {\"engineers\"} approvers = "
					 "{\"leads\"} }",
		"another name");
	refuses(ROLE("resource pay { sudo = {\"/bin/bash\"} }"), "as good as root");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit(a_grant_carries_its_resource_and_nothing_else),
		unit(a_role_with_resources_takes_one_of_them),
		unit(few_and_many_resources_are_named),
		unit(all_resources_share_the_most_of_a_day),
		unit(roles_lists_each_resource),
		unit(a_changed_resource_is_not_what_was_asked_for),
		unit(a_policy_with_resources_is_written_as_it_was_read),
		unit(resources_that_cannot_be_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
