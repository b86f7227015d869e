/*
 * Policy files.  The input is the text of one, or, when its first byte is NUL, a packed source as the
 * warden sends it to the keeper.
 *
 * A policy that is accepted dumps to a text that is accepted as well and dumps to the same again, holds
 * nothing that its format does not allow, and gives a sudoers fragment of plain lines in which every
 * rule is one of a role's group.  One that is refused says why, in plain text.
 */
#include "fuzz.h"

#include "err.h"
#include "name.h"
#include "policy/policy.h"
#include "policy/rights.h"
#include "policy/rule.h"
#include "policy/sudoers.h"
#include "text.h"

static void
on_found(void *arg, const struct lb_report_item *item)
{
	char line[2 * LB_REPORT_MESSAGE_MAX];

	CHECK(lb_text_plain(item->message) && item->message[0] != '\0');
	CHECK(lb_text_plain(item->file));
	lb_report_text(line, sizeof line, item);
	CHECK(lb_text_plain(line));
	++*(unsigned *)arg;
}

static struct lb_policy_source *
source_of(const char *text, size_t len, bool host)
{
	static const struct {
		const char *name;
		uint32_t id;
	} users[] = {{"root", 0},
		     {"lockbox", 990},
		     {"postgres", 117},
		     {"alice", 1000},
		     {"bob", 1001}},
	  groups[] = {{"root", 0}, {"adm", 4}, {"sudo", 27}, {"docker", 998}, {"dba", 2000}};
	struct lb_policy_source *source = lb_policy_source_new();

	CHECK(source != NULL);
	for (size_t i = 0; i < sizeof users / sizeof users[0]; i++)
		CHECK(lb_policy_source_add_user(source, users[i].name, users[i].id) == LB_OK);
	for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
		CHECK(lb_policy_source_add_group(source, groups[i].name, groups[i].id) == LB_OK);
	CHECK(lb_policy_source_add_zone(source, "Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3") ==
	      LB_OK);
	if (lb_policy_source_add_text(source, "a.conf", text, len, host) != LB_OK) {
		lb_policy_source_free(source);
		return NULL;
	}
	return source;
}

static struct lb_policy *
parse(const struct lb_policy_source *source)
{
	unsigned found = 0;
	struct lb_report report = {.found = on_found, .arg = &found};
	struct lb_policy *policy = NULL;
	int err = lb_policy_parse(source, &report, &policy);

	CHECK(err == LB_OK || err == LB_ERR_MALFORMED);
	CHECK((err == LB_OK) == (policy != NULL) && (err == LB_OK) == (report.errors == 0));
	CHECK(err == LB_OK || found > 0);
	return policy;
}

/* Lines of a fragment: none says anything of anybody but a role's group. */
static void
check_sudoers(const struct lb_policy *policy)
{
	char *text = NULL;
	size_t len = 0;

	CHECK(lb_sudoers_render(policy, &text, &len) == LB_OK);
	CHECK(strlen(text) == len);
	for (char *line = text, *end; *line != '\0'; line = end) {
		end = strchr(line, '\n');
		CHECK(end != NULL);
		*end++ = '\0';
		CHECK(lb_text_plain(line) || strchr(line, '\t') != NULL);
		CHECK(line[0] == '#' || line[0] == '\0' || line[0] == '\t' || line[0] == ' ' ||
		      strncmp(line, "%lbr-", 5) == 0 || strncmp(line, "Defaults:%lbr-", 14) == 0);
	}
	free(text);
}

static void
check_roles(const struct lb_policy *policy)
{
	for (size_t i = 0; i < lb_policy_roles(policy); i++) {
		const struct lb_policy_role *role = lb_policy_role_at(policy, i);

		CHECK(lb_role_valid(role->name) && lb_policy_role(policy, role->name) == role);
		CHECK(lb_text_plain(role->description) && lb_path_valid(role->shell, 255));
		CHECK(role->levels >= 1 && role->levels <= LB_POLICY_LEVELS_MAX);
		for (size_t l = 0; l < role->levels; l++)
			CHECK(role->level[l].approvals >= 1 && role->level[l].approvers.count > 0);
		CHECK(role->default_duration_s > 0 &&
		      role->default_duration_s <= role->max_duration_s);
		for (size_t g = 0; g < role->groups.count; g++) {
			CHECK(role->gids[g] != 0 && role->gids[g] != LB_POLICY_NO_ID);
			CHECK(role->root_equivalent ||
			      lb_group_root_equivalent(role->groups.name[g]) == NULL);
		}
		for (size_t c = 0; c < role->sudo.count; c++) {
			CHECK(lb_command_problem(role->sudo.name[c]) == NULL);
			CHECK(role->root_equivalent || strcmp(role->sudo_as, "root") != 0 ||
			      lb_command_root_equivalent(role->sudo.name[c]) == NULL);
		}
		for (size_t k = 0; k < lb_policy_identities(policy); k++) {
			const char *who = lb_policy_identity_at(policy, k)->name;
			bool at_a_level = false;

			(void)lb_policy_may_request(policy, role->name, who);
			for (size_t l = 0; l < role->levels; l++)
				at_a_level = at_a_level ||
					     lb_policy_level_approver(policy, &role->level[l], who);
			CHECK(lb_policy_may_approve(policy, role->name, who) == at_a_level);
		}
	}
}

static void
check_identities(const struct lb_policy *policy)
{
	for (size_t i = 0; i < lb_policy_identities(policy); i++) {
		const struct lb_policy_identity *who = lb_policy_identity_at(policy, i);

		CHECK(lb_identity_valid(who->name) && lb_policy_identity(policy, who->name) == who);
		CHECK(who->uid != 0 && !lb_id_reserved(who->uid));
		CHECK(who->uid == LB_POLICY_NO_ID ||
		      lb_policy_identity_by_uid(policy, who->uid) == who);
		for (size_t k = 0; k < who->key_texts.count; k++)
			CHECK(lb_policy_identity_by_key(policy, who->keys[k].type,
							who->keys[k].base64, NULL) == who);
	}
	CHECK(lb_policy_identity_by_uid(policy, 0) == NULL);
}

/* No rule approves what none may, and none adds more levels than there can be. */
static void
check_rules(const struct lb_policy *policy)
{
	for (size_t i = 0; i < lb_policy_rules(policy); i++) {
		const struct lb_policy_rule *rule = lb_policy_rule_at(policy, i);

		CHECK(lb_identity_valid(rule->name) && lb_policy_rule(policy, rule->name) == rule);
		CHECK(rule->approve == (rule->approvers.count == 0));
	}
	for (size_t i = 0; i < lb_policy_roles(policy); i++)
		for (size_t k = 0; k < lb_policy_identities(policy); k++) {
			const struct lb_policy_role *role = lb_policy_role_at(policy, i);
			const char *who = lb_policy_identity_at(policy, k)->name;
			struct lb_rule_facts facts = {
				role,	    who,	"",	   "OPS-1", role->max_duration_s,
				1700000000, 1700000000, 1700003600};
			struct lb_rule_verdict v;

			if (!lb_policy_may_request(policy, role->name, who))
				continue;
			lb_rules_weigh(policy, &facts, &v);
			CHECK(!v.too_many && role->levels + v.added <= LB_POLICY_LEVELS_MAX);
			CHECK(v.approves == NULL ||
			      (v.added == 0 && !role->root_equivalent && !role->signed_approvals));
		}
}

/* The dump is a policy of its own, and its own dump. */
static void
check_dump(const struct lb_policy *policy)
{
	struct lb_policy_source *source;
	struct lb_policy *again;
	char *first = NULL, *second = NULL;
	size_t len = 0, len2 = 0;

	CHECK(lb_policy_dump(policy, &first, &len) == LB_OK);
	source = source_of(first, len, true);
	CHECK(source != NULL);
	again = parse(source);
	CHECK(again != NULL);
	CHECK(lb_policy_dump(again, &second, &len2) == LB_OK);
	CHECK(len == len2 && memcmp(first, second, len) == 0);
	lb_policy_free(again);
	lb_policy_source_free(source);
	free(first);
	free(second);
}

static void
whole(const struct lb_policy_source *source)
{
	struct lb_policy *policy = parse(source);

	if (policy == NULL)
		return;
	check_identities(policy);
	check_roles(policy);
	check_sudoers(policy);
	check_rules(policy);
	check_dump(policy);
	lb_policy_free(policy);
}

static void
packed(const uint8_t *bytes, size_t len)
{
	struct lb_policy_source *source = NULL;
	uint8_t *back = NULL;
	size_t size = 0;

	if (lb_policy_source_unpack(bytes, len, &source) != LB_OK) {
		CHECK(source == NULL);
		return;
	}
	CHECK(lb_policy_source_pack(source, &back, &size) == LB_OK);
	CHECK(size == len && memcmp(back, bytes, len) == 0);
	lb_policy_free(parse(source));
	lb_policy_source_free(source);
	free(back);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lb_policy_source *source;
	uint8_t *back = NULL;
	size_t len = 0;

	if (size > 0 && data[0] == 0) {
		packed(data + 1, size - 1);
		return 0;
	}
	/* Host settings may stand in it when its length is odd. */
	source = source_of((const char *)data, size, size & 1);
	if (source == NULL)
		return 0;
	whole(source);
	CHECK(lb_policy_source_pack(source, &back, &len) == LB_OK);
	packed(back, len);
	free(back);
	lb_policy_source_free(source);
	return 0;
}
