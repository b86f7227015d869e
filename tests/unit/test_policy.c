/* The policy: what a good one gives, and what the reader promises about any. */
#include "test_policy_support.h"

#include "policy/table.h"

#define MAN_PAGE "lockboxd/policy/lockbox.conf.5"

static void
values_and_defaults_reach_the_structs(void **state)
{
	struct lb_policy *p = good_policy();
	const struct lb_policy_host *host = lb_policy_host(p);
	const struct lb_policy_role *role = lb_policy_role(p, "db-operator");

	(void)state;
	assert_string_equal(host->name, "db1.example.org");
	assert_int_equal(host->gate_uid, 990);
	assert_int_equal(host->request_lifetime_s, 12 * 3600);
	assert_int_equal(host->claim_window_s, 3600);
	assert_int_equal(host->warn_before_s, 300);
	assert_int_equal(lb_policy_identities(p), 4);
	assert_int_equal(lb_policy_teams(p), 3);
	assert_int_equal(lb_policy_roles(p), 8);
	assert_int_equal(lb_policy_checks(p), 2);
	assert_non_null(role);
	assert_string_equal(role->description, "Look after the database; \"carefully\"");
	assert_int_equal(role->approvals, 1);
	assert_int_equal(role->max_duration_s, 4 * 3600);
	assert_int_equal(role->sessions, 2);
	assert_int_equal(role->groups.count, 1);
	assert_int_equal(role->gids[0], 4);
	assert_int_equal(role->sudo.count, 3);
	assert_string_equal(role->sudo.name[0], "/usr/bin/systemctl restart postgresql");
	assert_string_equal(role->sudo_as, "root");
	assert_string_equal(role->shell, "/bin/bash");
	assert_false(role->root_equivalent);
	assert_true(role->port_forwarding);
	assert_false(lb_policy_needs_eligibility(role));
	assert_null(lb_policy_role_at(p, 8));
	lb_policy_free(p);
}

static void
eligibility_is_per_role(void **state)
{
	struct lb_policy *p = good_policy();
	const struct lb_policy_role *role = lb_policy_role(p, "db-change");
	const struct lb_policy_check *check = lb_policy_check(p, "training");

	(void)state;
	assert_true(lb_policy_needs_eligibility(role));
	assert_int_equal(role->checks.count, 2);
	assert_string_equal(role->checks.name[0], "screening");
	assert_int_equal(role->eligible_for_s, 90 * 86400);
	assert_string_equal(role->requires, "");
	assert_true(role->ends_with_eligibility);
	assert_int_equal(check->valid_s, 365 * 86400);
	assert_true(lb_policy_attester(p, check, "bob"));
	assert_false(lb_policy_attester(p, check, "alice"));
	assert_true(lb_policy_manager(p, role, "bob"));
	assert_false(lb_policy_manager(p, role, "alice"));
	assert_null(lb_policy_check(p, "examination"));
	assert_null(lb_policy_check(p, NULL));
	assert_null(lb_policy_check_at(p, 2));
	lb_policy_free(p);
}

static void
an_unwritten_default_duration_never_exceeds_the_maximum(void **state)
{
	struct lb_policy *p = good_policy();

	(void)state;
	assert_int_equal(lb_policy_role(p, "db-shell")->default_duration_s, 1800);
	lb_policy_free(p);
}

static void
identities_are_found_by_name_uid_and_key(void **state)
{
	struct lb_policy *p = good_policy();
	const struct lb_policy_identity *alice = lb_policy_identity(p, "alice");
	const struct lb_policy_key *key = NULL;

	(void)state;
	assert_non_null(alice);
	assert_int_equal(alice->uid, 1000);
	assert_string_equal(alice->mail, "alice@example.org");
	assert_int_equal(alice->key_texts.count, 2);
	assert_ptr_equal(lb_policy_identity_by_uid(p, 1000), alice);
	assert_null(lb_policy_identity_by_uid(p, 0));
	assert_null(lb_policy_identity_by_uid(p, UINT32_MAX));
	assert_null(lb_policy_identity_by_uid(p, 1001));
	for (size_t i = 0; i < 2; i++) {
		assert_ptr_equal(lb_policy_identity_by_key(p, alice->keys[i].type,
							   alice->keys[i].base64, &key),
				 alice);
		assert_ptr_equal(key, &alice->keys[i]);
	}
	assert_null(lb_policy_identity_by_key(p, "ssh-rsa", alice->keys[0].base64, NULL));
	assert_null(lb_policy_identity_by_key(p, "ssh-ed25519", "AAAA", NULL));
	assert_null(lb_policy_identity_by_key(p, NULL, NULL, NULL));
	assert_null(lb_policy_identity(p, "mallory"));
	assert_string_equal(lb_policy_identity(p, "bob")->keys[1].comment, "bob o'neill \"two\"");
	lb_policy_free(p);
}

static void
teams_decide_who_may_ask_approve_and_audit(void **state)
{
	struct lb_policy *p = good_policy();

	(void)state;
	assert_true(lb_policy_in_team(p, "dba", "alice"));
	assert_true(lb_policy_in_team(p, "dba", "bob"));
	assert_false(lb_policy_in_team(p, "dba", "carol"));
	assert_false(lb_policy_in_team(p, "nosuch", "alice"));
	assert_false(lb_policy_in_team(p, NULL, NULL));
	assert_true(lb_policy_may_request(p, "db-operator", "alice"));
	assert_false(lb_policy_may_request(p, "db-operator", "carol"));
	assert_false(lb_policy_may_request(p, "nosuch", "alice"));
	assert_true(lb_policy_may_approve(p, "db-operator", "carol"));
	assert_false(lb_policy_may_approve(p, "db-operator", "alice"));
	assert_false(lb_policy_may_approve(p, "db-operator", NULL));
	assert_true(lb_policy_is_auditor(p, "dave"));
	assert_false(lb_policy_is_auditor(p, "alice"));
	lb_policy_free(p);
}

static void
the_dump_is_read_back_as_the_same_policy(void **state)
{
	struct lb_policy *p = good_policy(), *again = NULL;
	struct lb_policy_source *source = test_host();
	static struct findings f;
	char *first, *second;
	size_t len, len2;

	(void)state;
	assert_int_equal(lb_policy_dump(p, &first, &len), LB_OK);
	add_text(source, "lockbox.conf", first, true);
	if (parse_source(source, &f, &again) != LB_OK)
		fail_msg("the dump is refused:\n%s\n%s", f.text, first);
	assert_int_equal(lb_policy_dump(again, &second, &len2), LB_OK);
	assert_string_equal(first, second);
	free(first);
	free(second);
	lb_policy_free(p);
	lb_policy_free(again);
}

static void
an_empty_policy_is_in_order_and_lets_nobody_do_anything(void **state)
{
	static struct findings f;
	struct lb_policy *p = NULL;
	struct lb_policy_source *source = test_host();

	(void)state;
	add_text(source, "lockbox.conf", "", true);
	assert_int_equal(parse_source(source, &f, &p), LB_OK);
	assert_int_equal(lb_policy_roles(p), 0);
	assert_null(lb_policy_identity(p, "alice"));
	assert_null(lb_policy_identity_by_uid(p, 1000));
	assert_false(lb_policy_is_auditor(p, "alice"));
	assert_string_equal(lb_policy_host(p)->gate_user, "lockbox");
	lb_policy_free(p);
}

static void
each_error_of_a_policy_is_reported_with_its_line(void **state)
{
	static const char text[] = "identity alice { unix-user = \"alice\" }\n" /* 1 */
				   "# a comment\n"
				   "/* another\n"
				   "   of two lines */ // and more\n"
				   "team t { members = {\"alice\",\n" /* 5 */
				   "\t\"bob\"\n"
				   "} }\n"
				   "role r {\n"
				   "\trequesters = {\"t\",\n"
				   "\t\t\"u\"}\n" /* 10 */
				   "\tapprovers = {\"t\"}\n"
				   "\tmax-duration = \"30h\"\n"
				   "\tgroups = {\"adm\", # here\n"
				   "\t\t\"docker\"}\n"
				   "}\n";
	static const char *const wanted[] = {
		"p.conf:6: members: there is no identity 'bob'",
		"p.conf:10: requesters: there is no team 'u'",
		"p.conf:12: max-duration = '30h'",
		"p.conf:14: group 'docker'",
	};
	static struct findings f;
	struct lb_policy *p = NULL;
	struct lb_policy_source *source = test_host();

	(void)state;
	add_text(source, "p.conf", text, false);
	assert_int_equal(parse_source(source, &f, &p), LB_ERR_MALFORMED);
	assert_null(p);
	for (size_t i = 0; i < 4; i++)
		if (strstr(f.text, wanted[i]) == NULL)
			fail_msg("missing: %s\nin:\n%s", wanted[i], f.text);
}

static void
only_twenty_errors_are_reported_but_all_are_counted(void **state)
{
	struct findings *f = calloc(1, sizeof *f);
	struct lb_report report = {.found = keep_finding, .arg = f};
	struct lb_policy_source *source = test_host();
	struct lb_policy *p = NULL;
	char text[2048] = "team t {\n";
	size_t lines = 0;

	(void)state;
	assert_non_null(f);
	for (int i = 0; i < 50; i++)
		strcat(text, "nokey = 1\n");
	strcat(text, "}\n");
	add_text(source, "p.conf", text, false);
	assert_int_equal(lb_policy_parse(source, &report, &p), LB_ERR_MALFORMED);
	assert_int_equal(report.errors, 50);
	for (const char *c = f->text; *c != '\0'; c++)
		lines += *c == '\n';
	assert_int_equal(lines, LB_REPORT_MAX);
	lb_policy_source_free(source);
	free(f);
}

static void
a_broken_file_does_not_spoil_the_next_reading(void **state)
{
	static struct findings f;
	struct lb_policy *p = NULL;
	struct lb_policy_source *source = test_host();

	(void)state;
	add_text(source, "p.conf", "role x { description = \"no end", false);
	assert_int_equal(parse_source(source, &f, &p), LB_ERR_MALFORMED);
	lb_policy_free(good_policy());
}

static void
the_same_name_in_two_files_names_both_places(void **state)
{
	static struct findings f;
	struct lb_policy *p = NULL;
	struct lb_policy_source *source = test_host();

	(void)state;
	add_text(source, "a.conf", "\nteam t { members = {} }\n", false);
	add_text(source, "b.conf", "\n\nteam t { members = {} }\n", false);
	assert_int_equal(parse_source(source, &f, &p), LB_ERR_MALFORMED);
	assert_non_null(strstr(f.text, "b.conf:3: team 't' is there already, at a.conf:2"));
}

static void
the_environment_is_never_read(void **state)
{
	static struct findings f;
	struct lb_policy *p = NULL;
	struct lb_policy_source *source = test_host();

	(void)state;
	assert_int_equal(setenv("LB_TEST_VALUE", "secret", 1), 0);
	add_text(source, "lockbox.conf", "name = \"${LB_TEST_VALUE}\"\n", true);
	assert_int_equal(parse_source(source, &f, &p), LB_ERR_MALFORMED);
	assert_null(strstr(f.text, "secret"));
}

static void
the_digest_follows_names_and_texts_but_not_facts_or_places(void **state)
{
	uint8_t a[LB_POLICY_DIGEST_SIZE], b[LB_POLICY_DIGEST_SIZE];
	static const struct {
		const char *name, *text;
		bool same;
	} cases[] = {{"/x/a.conf", "team t { }", true},
		     {"/y/z/a.conf", "team t { }", true},
		     {"/x/b.conf", "team t { }", false},
		     {"/x/a.conf", "team t {  }", false}};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct lb_policy_source *s = i == 1 ? test_host() : lb_policy_source_new();

		add_text(s, cases[i].name, cases[i].text, false);
		lb_policy_source_digest(s, i == 0 ? a : b);
		if (i > 0)
			assert_int_equal(memcmp(a, b, sizeof a) == 0, cases[i].same);
		lb_policy_source_free(s);
	}
}

static void
the_manual_page_describes_every_key(void **state)
{
	size_t len;
	char *page = read_all(MAN_PAGE, &len), item[80];

	(void)state;
	for (enum lb_section s = LB_SECTION_HOST; s < LB_SECTIONS; s++) {
		const struct lb_policy_section *section = lb_table_section(s);

		for (size_t i = 0; i < section->count; i++) {
			snprintf(item, sizeof item, "\n.It Cm %s ", section->rows[i].key);
			if (strstr(page, item) == NULL)
				fail_msg("lockbox.conf.5 says nothing about %s",
					 section->rows[i].key);
		}
	}
	free(page);
}

static void
the_installed_examples_are_in_order(void **state)
{
	static struct findings f;
	struct lb_policy *p = NULL;
	struct lb_policy_source *source = test_host();
	size_t len;
	char *host = read_all("packaging/lockbox.conf", &len);
	char *sample = read_all("packaging/policy.d/example.conf.sample", &len);

	(void)state;
	add_text(source, "packaging/lockbox.conf", host, true);
	add_text(source, "packaging/policy.d/example.conf.sample", sample, false);
	if (parse_source(source, &f, &p) != LB_OK)
		fail_msg("an installed example is refused:\n%s", f.text);
	assert_true(lb_policy_roles(p) > 0);
	lb_policy_free(p);
	free(host);
	free(sample);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_and_defaults_reach_the_structs),
		cmocka_unit_test(eligibility_is_per_role),
		cmocka_unit_test(an_unwritten_default_duration_never_exceeds_the_maximum),
		cmocka_unit_test(identities_are_found_by_name_uid_and_key),
		cmocka_unit_test(teams_decide_who_may_ask_approve_and_audit),
		cmocka_unit_test(the_dump_is_read_back_as_the_same_policy),
		cmocka_unit_test(an_empty_policy_is_in_order_and_lets_nobody_do_anything),
		cmocka_unit_test(each_error_of_a_policy_is_reported_with_its_line),
		cmocka_unit_test(only_twenty_errors_are_reported_but_all_are_counted),
		cmocka_unit_test(a_broken_file_does_not_spoil_the_next_reading),
		cmocka_unit_test(the_same_name_in_two_files_names_both_places),
		cmocka_unit_test(the_environment_is_never_read),
		cmocka_unit_test(the_digest_follows_names_and_texts_but_not_facts_or_places),
		cmocka_unit_test(the_manual_page_describes_every_key),
		cmocka_unit_test(the_installed_examples_are_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
