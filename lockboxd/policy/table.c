/* The configuration table: see table.h. */
#include "policy/table.h"

#include <string.h>

#include "name.h"

#include "policy/policy.h"

#define MINUTE 60u
#define HOUR (60u * MINUTE)
#define DAY (24u * HOUR)

#define ROW(sec, type, key, field, kind, def, min, max, flags)                                     \
	{                                                                                          \
		key, def, offsetof(struct type, field), min, max, LB_SECTION_##sec,                \
			LB_KIND_##kind, flags                                                      \
	}
#define HOST(...) ROW(HOST, lb_policy_host, __VA_ARGS__)
#define IDENTITY(...) ROW(IDENTITY, lb_policy_identity, __VA_ARGS__)
#define TEAM(...) ROW(TEAM, lb_policy_team, __VA_ARGS__)
#define CHECK(...) ROW(CHECK, lb_policy_check, __VA_ARGS__)
#define ROLE(...) ROW(ROLE, lb_policy_role, __VA_ARGS__)
#define CUSTOMER(...) ROW(CUSTOMER, lb_policy_customer, __VA_ARGS__)
#define RESOURCE(...) ROW(RESOURCE, lb_policy_resource, __VA_ARGS__)
#define LEVEL(...) ROW(LEVEL, lb_policy_level, __VA_ARGS__)
#define RULE(...) ROW(RULE, lb_policy_rule, __VA_ARGS__)

/* clang-format off */
static const struct lb_policy_row host_rows[] = {
	/*   key                 field               kind        default      min     max  flags */
	HOST("name",             name,               HOST_NAME,  NULL,        1,      253, 0),
	HOST("gate-user",        gate_user,          USER,       "lockbox",   1,      32,  0),
	HOST("home-base",        home_base,          PATH,       "/home",     2,      128, 0),
	HOST("shell",            shell,              PATH,       "/bin/bash", 2,      128, 0),
	HOST("request-lifetime", request_lifetime_s, DURATION,   "12h",       10,     7 * DAY, 0),
	HOST("claim-window",     claim_window_s,     DURATION,   "1h",        10,     DAY, 0),
	HOST("warn-before",      warn_before_s,      DURATION,   "5m",        1,      HOUR, 0),
	HOST("auditors",         auditors,           TEAMS,      NULL,        0,      100, 0),
	HOST("host-customer",    customer,           CUSTOMER,   NULL,        1,      18,  0),
	HOST("ticket-url",       ticket_url,         URL,        NULL,        1,      120, 0),
	HOST("labels",           labels,             LABELS,     NULL,        0,      16,  0),
};

static const struct lb_policy_row identity_rows[] = {
	IDENTITY("keys",         key_texts,          KEYS,       NULL,        0,      50,  0),
	IDENTITY("mail",         mail,               MAIL,       NULL,        3,      254, 0),
	IDENTITY("unix-user",    unix_user,          USER,       NULL,        1,      32,  0),
	IDENTITY("isolated",     isolated,           BOOL,       "false",     0,      1,   0),
	IDENTITY("mfa",          mfa,                BOOL,       "false",     0,      1,   0),
};

static const struct lb_policy_row team_rows[] = {
	TEAM("members",          members,            IDENTITIES, NULL,        0,      LB_POLICY_IDENTITIES_MAX,
		LB_ROW_REQUIRED | LB_ROW_SORTED),
};

static const struct lb_policy_row check_rows[] = {
	CHECK("attesters",       attesters,          TEAMS,      NULL,        1,      10,  LB_ROW_REQUIRED),
	CHECK("valid",           valid_s,            DURATION,   "365d",      10,     365 * DAY, 0),
};

static const struct lb_policy_row role_rows[] = {
	ROLE("description",      description,        TEXT,       NULL,        1,      200, 0),
	ROLE("requesters",       requesters,         TEAMS,      NULL,        1,      100, LB_ROW_REQUIRED),
	ROLE("approvers",        approvers,          TEAMS,      NULL,        1,      10,  0),
	ROLE("approvals",        approvals,          NUMBER,     "1",         1,      8,   0),
	ROLE("max-duration",     max_duration_s,     DURATION,   "4h",        1,      DAY, 0),
	ROLE("default-duration", default_duration_s, DURATION,   "1h",        1,      DAY, 0),
	ROLE("groups",           groups,             GROUPS,     NULL,        0,      32,  0),
	ROLE("sudo",             sudo,               COMMANDS,   NULL,        0,      200, 0),
	ROLE("sudo-as",          sudo_as,            USER,       "root",      1,      32,  0),
	ROLE("sessions",         sessions,           NUMBER,     "1",         1,      10,  0),
	ROLE("shell",            shell,              PATH,       NULL,        2,      128, 0),
	ROLE("root-equivalent",  root_equivalent,    BOOL,       "false",     0,      1,   0),
	ROLE("permission",       permission,         PERMISSION, "change",    1,      16,  0),
	ROLE("port-forwarding",  port_forwarding,    BOOL,       "false",     0,      1,   0),
	ROLE("signed-approvals", signed_approvals,   BOOL,       "false",     0,      1,   0),
	ROLE("customer",         customer,           CUSTOMER,   NULL,        1,      18,  0),
	ROLE("request-lifetime", request_lifetime_s, DURATION,   NULL,        10,     7 * DAY, 0),
	ROLE("claim-window",     claim_window_s,     DURATION,   NULL,        10,     DAY, 0),
	ROLE("starts",           starts_word,        STARTS,     "claim",     1,      16,  0),
	ROLE("account",          account,            ACCOUNT,    "temporary", 3,      9,   0),
	ROLE("hours",            hours,              HOURS,      NULL,        0,      8,   0),
	ROLE("time-zone",        time_zone,          ZONE,       "UTC",       1,      64,  0),
	ROLE("start-ahead",      start_ahead_s,      DURATION,   "24h",       1,      30 * DAY, 0),
	ROLE("max-per-day",      max_day_s,          DURATION,   NULL,        1,      DAY, 0),
	ROLE("managers",         managers,           TEAMS,      NULL,        0,      10,  0),
	ROLE("checks",           checks,             CHECKS,     NULL,        0,      LB_POLICY_CHECKS_MAX, 0),
	ROLE("requires",         requires,           ROLE,       NULL,        1,      28,  0),
	ROLE("eligible-for",     eligible_for_s,     DURATION,   "180d",      10,     365 * DAY, 0),
	ROLE("ends-with-eligibility", ends_with_eligibility, BOOL, "false",   0,      1,   0),
	ROLE("break-glass",      break_glass,        IDENTITIES, NULL,        0,      100, LB_ROW_SORTED),
	ROLE("break-glass-for",  break_glass_s,      DURATION,   NULL,        1,      DAY, 0),
	ROLE("alarms",           alarms,             TEAMS,      NULL,        0,      10,  0),
	ROLE("reviewers",        reviewers,          TEAMS,      NULL,        0,      10,  0),
	ROLE("review-within",    review_within_s,    DURATION,   "24h",       1,      30 * DAY, 0),
	ROLE("review-block",     review_block,       NUMBER,     "1",         0,      100, 0),
};

static const struct lb_policy_row customer_rows[] = {
	CUSTOMER("approvers",    approvers,          IDENTITIES, NULL,        1,      12,  LB_ROW_REQUIRED | LB_ROW_SORTED),
	CUSTOMER("approvals",    approvals,          NUMBER,     "1",         1,      4,   0),
};

static const struct lb_policy_row resource_rows[] = {
	RESOURCE("description",  description,        TEXT,       NULL,        1,      200, 0),
	RESOURCE("customer",     customer,           CUSTOMER,   NULL,        1,      18,  0),
	RESOURCE("groups",       groups,             GROUPS,     NULL,        0,      32,  0),
	RESOURCE("sudo",         sudo,               COMMANDS,   NULL,        0,      200, 0),
	RESOURCE("path",         path,               PATH,       NULL,        2,      128, 0),
	RESOURCE("access",       access,             ACCESS,     "read",      1,      8,   0),
};

static const struct lb_policy_row level_rows[] = {
	LEVEL("approvers",       approvers,          TEAMS,      NULL,        1,      10,  LB_ROW_REQUIRED),
	LEVEL("approvals",       approvals,          NUMBER,     "1",         1,      8,   0),
	LEVEL("same-person",     same_person,        BOOL,       "false",     0,      1,   0),
};

static const struct lb_policy_row rule_rows[] = {
	RULE("roles",            roles,              ROLES,      NULL,        0,      100, 0),
	RULE("resources",        resources,          RESOURCES,  NULL,        0,      100, 0),
	RULE("permissions",      permissions,        PERMISSIONS, NULL,       0,      3,   0),
	RULE("identities",       identities,         IDENTITIES, NULL,        0,      100, 0),
	RULE("teams",            teams,              TEAMS,      NULL,        0,      100, 0),
	RULE("isolated",         isolated,           ANSWER,     NULL,        1,      8,   0),
	RULE("mfa",              mfa,                ANSWER,     NULL,        1,      8,   0),
	RULE("hardware-key",     hardware_key,       ANSWER,     NULL,        1,      8,   0),
	RULE("tickets",          tickets,            TICKETS,    NULL,        0,      16,  0),
	RULE("host-labels",      labels,             LABELS,     NULL,        0,      16,  0),
	RULE("at-most",          at_most_s,          DURATION,   NULL,        1,      DAY, 0),
	RULE("longer-than",      longer_than_s,      DURATION,   NULL,        1,      DAY, 0),
	RULE("hours",            hours,              HOURS,      NULL,        0,      8,   0),
	RULE("time-zone",        time_zone,          ZONE,       "UTC",       1,      64,  0),
	RULE("approve",          approve,            BOOL,       "false",     0,      1,   0),
	RULE("approvers",        approvers,          TEAMS,      NULL,        0,      10,  0),
	RULE("approvals",        approvals,          NUMBER,     NULL,        1,      8,   0),
	RULE("same-person",      same_person,        BOOL,       "false",     0,      1,   0),
};
/* clang-format on */

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define SHORT_NAME "a small letter first, then small letters, digits, _ and -, at most 18 in all"
#define ROLE_NAME "a small letter first, then small letters, digits, _ and -, at most 28 in all"

static const struct lb_policy_section sections[LB_SECTIONS] = {
	[LB_SECTION_HOST] = {NULL, LB_SECTION_HOST, sizeof(struct lb_policy_host), host_rows,
			     COUNT(host_rows), 1, NULL, NULL, 0},
	[LB_SECTION_IDENTITY] = {"identity", LB_SECTION_HOST, sizeof(struct lb_policy_identity),
				 identity_rows, COUNT(identity_rows), LB_POLICY_IDENTITIES_MAX,
				 lb_identity_valid, SHORT_NAME,
				 offsetof(struct lb_policy_identity, name)},
	[LB_SECTION_TEAM] = {"team", LB_SECTION_HOST, sizeof(struct lb_policy_team), team_rows,
			     COUNT(team_rows), LB_POLICY_TEAMS_MAX, lb_identity_valid, SHORT_NAME,
			     offsetof(struct lb_policy_team, name)},
	[LB_SECTION_CHECK] = {"check", LB_SECTION_HOST, sizeof(struct lb_policy_check), check_rows,
			      COUNT(check_rows), LB_POLICY_TEAMS_MAX, lb_identity_valid, SHORT_NAME,
			      offsetof(struct lb_policy_check, name)},
	[LB_SECTION_ROLE] = {"role", LB_SECTION_HOST, sizeof(struct lb_policy_role), role_rows,
			     COUNT(role_rows), LB_POLICY_ROLES_MAX, lb_role_valid, ROLE_NAME,
			     offsetof(struct lb_policy_role, name)},
	[LB_SECTION_CUSTOMER] = {"customer", LB_SECTION_HOST, sizeof(struct lb_policy_customer),
				 customer_rows, COUNT(customer_rows), LB_POLICY_CUSTOMERS_MAX,
				 lb_identity_valid, SHORT_NAME,
				 offsetof(struct lb_policy_customer, name)},
	[LB_SECTION_RULE] = {"rule", LB_SECTION_HOST, sizeof(struct lb_policy_rule), rule_rows,
			     COUNT(rule_rows), LB_POLICY_RULES_MAX, lb_identity_valid, SHORT_NAME,
			     offsetof(struct lb_policy_rule, name)},
	[LB_SECTION_RESOURCE] = {"resource", LB_SECTION_ROLE, sizeof(struct lb_policy_resource),
				 resource_rows, COUNT(resource_rows), LB_POLICY_ROLES_MAX,
				 lb_identity_valid, SHORT_NAME,
				 offsetof(struct lb_policy_resource, name)},
	[LB_SECTION_LEVEL] = {"level", LB_SECTION_ROLE, sizeof(struct lb_policy_level), level_rows,
			      COUNT(level_rows), (size_t)LB_POLICY_ROLES_MAX *LB_POLICY_LEVELS_MAX,
			      lb_identity_valid, SHORT_NAME,
			      offsetof(struct lb_policy_level, name)},
};

_Static_assert(COUNT(host_rows) <= LB_ROWS_MAX, "LB_ROWS_MAX");
_Static_assert(COUNT(role_rows) <= LB_ROWS_MAX, "LB_ROWS_MAX");

static const struct {
	enum lb_storage storage;
	const char *example;
} kinds[] = {
	[LB_KIND_TEXT] = {LB_STORE_TEXT, "\"some text\""},
	[LB_KIND_HOST_NAME] = {LB_STORE_TEXT, "\"db1.example.org\""},
	[LB_KIND_MAIL] = {LB_STORE_TEXT, "\"alice@example.org\""},
	[LB_KIND_USER] = {LB_STORE_TEXT, "\"alice\""},
	[LB_KIND_PATH] = {LB_STORE_TEXT, "\"/bin/bash\""},
	[LB_KIND_ZONE] = {LB_STORE_TEXT, "\"Europe/Berlin\""},
	[LB_KIND_HOURS] = {LB_STORE_NAMES, "{\"mon-fri 08:00-18:00\"}"},
	[LB_KIND_STARTS] = {LB_STORE_TEXT, "\"claim\""},
	[LB_KIND_ACCOUNT] = {LB_STORE_TEXT, "\"temporary\""},
	[LB_KIND_DURATION] = {LB_STORE_U32, "\"4h\""},
	[LB_KIND_NUMBER] = {LB_STORE_U32, "1"},
	[LB_KIND_BOOL] = {LB_STORE_BOOL, "true"},
	[LB_KIND_IDENTITIES] = {LB_STORE_NAMES, "{\"alice\", \"bob\"}"},
	[LB_KIND_TEAMS] = {LB_STORE_NAMES, "{\"dba\"}"},
	[LB_KIND_CHECKS] = {LB_STORE_NAMES, "{\"screening\", \"training\"}"},
	[LB_KIND_ROLE] = {LB_STORE_TEXT, "\"db-reader\""},
	[LB_KIND_GROUPS] = {LB_STORE_NAMES, "{\"adm\"}"},
	[LB_KIND_KEYS] = {LB_STORE_NAMES, "{\"ssh-ed25519 AAAA... alice\"}"},
	[LB_KIND_CUSTOMER] = {LB_STORE_TEXT, "\"acme\""},
	[LB_KIND_URL] = {LB_STORE_TEXT, "\"https://tickets.example.org/%s\""},
	[LB_KIND_ROLES] = {LB_STORE_NAMES, "{\"db-reader\"}"},
	[LB_KIND_RESOURCES] = {LB_STORE_NAMES, "{\"payments\"}"},
	[LB_KIND_PERMISSION] = {LB_STORE_TEXT, "\"read-only\""},
	[LB_KIND_PERMISSIONS] = {LB_STORE_NAMES, "{\"read-only\", \"change\"}"},
	[LB_KIND_TICKETS] = {LB_STORE_NAMES, "{\"OPS-*\"}"},
	[LB_KIND_LABELS] = {LB_STORE_NAMES, "{\"staging\"}"},
	[LB_KIND_ACCESS] = {LB_STORE_TEXT, "read"},
	[LB_KIND_ANSWER] = {LB_STORE_TEXT, "true"},
	[LB_KIND_COMMANDS] = {LB_STORE_NAMES, "{\"/usr/bin/systemctl restart postgresql\"}"},
};

const struct lb_policy_section *
lb_table_section(enum lb_section section)
{
	return &sections[section];
}

const struct lb_policy_row *
lb_table_row(enum lb_section section, const char *key)
{
	const struct lb_policy_section *s = &sections[section];

	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->rows[i].key, key) == 0)
			return &s->rows[i];
	return NULL;
}

enum lb_section
lb_table_word(const char *word)
{
	enum lb_section s;

	for (s = LB_SECTION_HOST; s < LB_SECTIONS; s++)
		if (sections[s].word != NULL && strcmp(sections[s].word, word) == 0)
			break;
	return s;
}

enum lb_storage
lb_table_storage(enum lb_kind kind)
{
	return kinds[kind].storage;
}

bool
lb_table_list(enum lb_kind kind)
{
	return kinds[kind].storage == LB_STORE_NAMES;
}

const char *
lb_table_example(enum lb_kind kind)
{
	return kinds[kind].example;
}

/* Fills options with the rows and the sections that may stand in one of kind s. */
static void
fill(struct lb_confuse_options *o, cfg_opt_t *options, enum lb_section s, cfg_callback_t on_value)
{
	size_t n = 0;

	for (; n < sections[s].count; n++)
		options[n] = (cfg_opt_t){
			.name = sections[s].rows[n].key,
			.type = CFGT_PTR,
			.flags = CFGF_NODEFAULT |
				 (lb_table_list(sections[s].rows[n].kind) ? CFGF_LIST : 0),
			.parsecb = on_value,
		};
	for (enum lb_section in = LB_SECTION_IDENTITY; in < LB_SECTIONS; in++)
		if (sections[in].parent == s)
			options[n++] = (cfg_opt_t){
				.name = sections[in].word,
				.type = CFGT_SEC,
				.flags = CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES,
				.subopts = o->sub[in],
			};
}

void
lb_table_options(struct lb_confuse_options *options, cfg_callback_t on_value)
{
	memset(options, 0, sizeof *options);
	fill(options, options->top, LB_SECTION_HOST, on_value);
	for (enum lb_section s = LB_SECTION_IDENTITY; s < LB_SECTIONS; s++)
		fill(options, options->sub[s], s, on_value);
}
