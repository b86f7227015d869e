/*
 * What a role asks for: groups that exist and are not root's, commands that
 * are exact, and enough people to approve.
 */
#include "policy/document.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "name.h"
#include "proto.h"
#include "text.h"

#include "policy/rights.h"
#include "policy/rule.h"

/* Groups of Lockbox itself: its daemons' and its roles'. */
static bool
own_group(const struct lb_doc *doc, const char *group)
{
	return strncmp(group, "lockbox", 7) == 0 ||
	       strcmp(group, doc->policy->host.gate_user) == 0 ||
	       strncmp(group, LB_ROLE_GROUP_PREFIX, strlen(LB_ROLE_GROUP_PREFIX)) == 0 ||
	       strncmp(group, LB_ACCOUNT_PREFIX, strlen(LB_ACCOUNT_PREFIX)) == 0;
}

/* Checks group i of a role and returns its gid, LB_POLICY_NO_ID after an error. */
static uint32_t
check_group(const struct lb_doc *doc, const struct lb_doc_section *section,
	    const struct lb_policy_role *role, size_t i)
{
	const char *group = role->groups.name[i];
	const char *why = lb_group_root_equivalent(group);
	uint32_t gid;

	if (!lb_unix_name_valid(group))
		return LB_POLICY_NO_ID; /* reported when it was built */
	if (own_group(doc, group)) {
		lb_doc_error_at(doc, section, "groups", i,
				"group '%s' belongs to Lockbox itself; take it out", group);
		return LB_POLICY_NO_ID;
	}
	if (!lb_policy_source_group(doc->source, group, &gid)) {
		lb_doc_error_at(
			doc, section, "groups", i,
			"there is no group '%s' in /etc/group; make it with groupadd, or take it "
			"out",
			group);
		return LB_POLICY_NO_ID;
	}
	if (gid == 0) {
		lb_doc_error_at(
			doc, section, "groups", i,
			"group '%s' has gid 0, which no temporary account is ever given; write "
			"the commands that need root under sudo instead",
			group);
		return LB_POLICY_NO_ID;
	}
	if (lb_id_reserved(gid)) {
		lb_doc_error_at(
			doc, section, "groups", i,
			"group '%s' has gid %u, which is reserved for temporary accounts; give it "
			"another gid",
			group, gid);
		return LB_POLICY_NO_ID;
	}
	if (why != NULL && !role->root_equivalent)
		lb_doc_error_at(
			doc, section, "groups", i,
			"group '%s' is as good as root (it %s); write root-equivalent = true if "
			"that is meant",
			group, why);
	return gid;
}

static int
check_groups(struct lb_doc *doc, const struct lb_doc_section *section, struct lb_policy_role *role)
{
	uint32_t *gids = lb_arena_get(&doc->policy->arena, role->groups.count, sizeof *gids);

	if (gids == NULL)
		return LB_ERR_NOMEM;
	for (size_t i = 0; i < role->groups.count; i++)
		gids[i] = check_group(doc, section, role, i);
	role->gids = gids;
	return LB_OK;
}

/* Checks whom the commands run as; true when that is root. */
static bool
check_sudo_as(const struct lb_doc *doc, const struct lb_doc_section *section,
	      const struct lb_policy_role *role)
{
	uint32_t uid = 0;

	if (role->sudo.count == 0 || role->sudo_as[0] == '\0')
		return true;
	if (!lb_policy_source_user(doc->source, role->sudo_as, &uid))
		lb_doc_error_at(doc, section, "sudo-as", 0,
				"there is no user '%s' in /etc/passwd; write one that is there",
				role->sudo_as);
	else if (lb_id_reserved(uid))
		lb_doc_error_at(
			doc, section, "sudo-as", 0,
			"'%s' has uid %u, which is reserved for temporary accounts; write another "
			"user",
			role->sudo_as, uid);
	else if (strncmp(role->sudo_as, "lockbox", 7) == 0 || uid == doc->policy->host.gate_uid)
		lb_doc_error_at(doc, section, "sudo-as", 0,
				"'%s' belongs to Lockbox itself; write another user",
				role->sudo_as);
	return uid == 0;
}

static void
look_for_program(const struct lb_doc *doc, const struct lb_doc_section *section,
		 const struct lb_policy_role *role, size_t i)
{
	const char *command = role->sudo.name[i];
	size_t len = strcspn(command, " ");
	char program[PATH_MAX];

	if (command[0] != '/' || len >= sizeof program)
		return;
	memcpy(program, command, len);
	program[len] = '\0';
	if (lb_policy_source_missing(doc->source, program))
		lb_doc_warn_at(doc, section, "sudo", i,
			       "sudo: there is no program '%s' on this host: sudo will refuse it",
			       program);
}

static void
check_commands(const struct lb_doc *doc, const struct lb_doc_section *section,
	       const struct lb_policy_role *role)
{
	bool as_root = check_sudo_as(doc, section, role);

	for (size_t i = 0; i < role->sudo.count; i++) {
		const char *command = role->sudo.name[i], *why;
		char shown[80];

		if (lb_command_problem(command) != NULL)
			continue; /* reported when it was built */
		lb_text_escape(shown, sizeof shown, command);
		look_for_program(doc, section, role, i);
		if (lb_command_unsafe_place(command, doc->policy->host.home_base))
			lb_doc_error_at(
				doc, section, "sudo", i,
				"sudo: '%s' lies where others than root can put files; move the "
				"program to a place of root's, such as /usr/local/sbin",
				shown);
		why = as_root ? lb_command_root_equivalent(command) : NULL;
		if (why != NULL && !role->root_equivalent)
			lb_doc_error_at(
				doc, section, "sudo", i,
				"sudo: '%s' is as good as root (one %s); allow a script of root's "
				"own with one purpose, or write root-equivalent = true",
				shown, why);
	}
}

/* What an approver could not be shown whole must not be granted: proto.h's LB_LIST_MAX. */
static void
check_shown(const struct lb_doc *doc, const struct lb_doc_section *section,
	    const struct lb_policy_role *role)
{
	size_t groups = 0, sudo = 0;

	for (size_t i = 0; i < role->groups.count; i++)
		groups += strlen(role->groups.name[i]) + 2;
	for (size_t i = 0; i < role->sudo.count; i++)
		sudo += strlen(role->sudo.name[i]) + strlen(role->sudo_as) + 5;
	if (groups > LB_LIST_MAX)
		lb_doc_error_at(doc, section, "groups", 0,
				"the groups are more than an approver can be shown (%u bytes); "
				"split the role",
				LB_LIST_MAX);
	if (sudo > LB_LIST_MAX)
		lb_doc_error_at(doc, section, "sudo", 0,
				"the commands are more than an approver can be shown (%u bytes); "
				"split the role",
				LB_LIST_MAX);
}

/* Whether a path is one of those, or below it. */
static bool
below(const char *path, const char *const *places)
{
	for (; *places != NULL; places++) {
		size_t len = strlen(*places);

		if (strncmp(path, *places, len) == 0 && (path[len] == '\0' || path[len] == '/'))
			return true;
	}
	return false;
}

/* A path that a resource gives access to: none of Lockbox, none that is as good as root. */
static void
check_path(const struct lb_doc *doc, const struct lb_doc_section *section,
	   const struct lb_policy_role *role)
{
	static const char *const never[] = {
		"/proc", "/sys",     "/dev", "/run/lockbox", "/var/lib/lockbox", "/etc/lockbox",
		"/tmp",	 "/var/tmp", NULL};
	static const char *const secret[] = {
		"/etc/shadow", "/etc/gshadow", "/etc/shadow-", "/etc/gshadow-", "/etc/ssh", "/root",
		NULL};
	static const char *const system[] = {"/etc",  "/usr",	"/bin",		 "/sbin",
					     "/lib",  "/lib64", "/boot",	 "/var/spool",
					     "/root", "/opt",	"/var/lib/dpkg", NULL};

	const char *const homes[] = {doc->policy->host.home_base, NULL};

	if (role->path[0] == '\0')
		return;
	if (lb_policy_role_own(role))
		lb_doc_error_at(doc, section->resource, "path", 0,
				"path: to an account of the engineer's own no path is given; take "
				"this out, or account = own");
	if (below(role->path, never) || below(role->path, homes))
		lb_doc_error_at(doc, section->resource, "path", 0,
				"path: to '%s' no access is given; write another path", role->path);
	else if (!role->root_equivalent &&
		 (below(role->path, secret) ||
		  (strcmp(role->access, "write") == 0 && below(role->path, system))))
		lb_doc_error_at(doc, section->resource, "path", 0,
				"path: whoever may %s '%s' is as good as root; write "
				"root-equivalent = true in the role if that is meant",
				role->access, role->path);
	else if (lb_policy_source_missing(doc->source, role->path))
		lb_doc_warn_at(doc, section->resource, "path", 0,
			       "path: there is no '%s' on this host: it cannot be claimed before",
			       role->path);
}

void
lb_validate_rights(struct lb_doc *doc)
{
	for (size_t i = 0; i < doc->policy->roles; i++) {
		struct lb_doc_section *section = doc->list[LB_SECTION_ROLE][i];

		if (check_groups(doc, section, section->built) != LB_OK)
			return; /* the arena remembers */
		check_commands(doc, section, section->built);
		check_shown(doc, section, section->built);
		check_path(doc, section, section->built);
	}
}

/* Which levels somebody may approve at, a bit each, and whether he may ask. */
#define KINDS (1u << LB_POLICY_LEVELS_MAX)
#define ASKS KINDS

/* Gives bit to the members of teams. */
static void
mark(const struct lb_policy *p, const struct lb_policy_names *teams, uint8_t *people, unsigned bit)
{
	for (size_t t = 0; t < teams->count; t++) {
		const struct lb_policy_team *team = lb_policy_team(p, teams->name[t]);

		for (size_t m = 0; team != NULL && m < team->members.count; m++) {
			const struct lb_policy_identity *who =
				lb_policy_identity(p, team->members.name[m]);

			if (who != NULL)
				people[who - p->identity] |= (uint8_t)bit;
		}
	}
}

/* Rules that add levels, a bit each. */
typedef uint64_t rule_set;
_Static_assert(LB_POLICY_RULES_MAX <= 64, "a bit for each rule");

/* People of one kind are all alike: how many did not count yet, and how many did. */
struct crowd {
	const struct lb_policy_role *role;
	struct lb_policy_level level[LB_POLICY_LEVELS_MAX]; /* the role's, and what rules add */
	size_t levels;
	size_t fresh[KINDS], spent[KINDS];
};

static bool take(struct crowd *c, size_t level, unsigned kind, size_t more);

/*
 * True when the levels from this one on can all be had, whoever of the crowd
 * it takes.  Who has counted may count again only where the level allows it,
 * and then costs nothing; so those come first and only the others are chosen.
 */
static bool
approvable(struct crowd *c, size_t level)
{
	size_t more;

	if (level == c->levels)
		return true;
	more = c->level[level].approvals;
	for (unsigned k = 0; c->level[level].same_person && k < KINDS; k++)
		if ((k & 1u << level) != 0)
			more -= c->spent[k] < more ? c->spent[k] : more;
	return take(c, level, 0, more);
}

/* Tries every choice of so many more for a level from the kinds that are left. */
static bool
take(struct crowd *c, size_t level, unsigned kind, size_t more)
{
	bool found = false;

	if (more == 0)
		return approvable(c, level + 1);
	while (kind < KINDS && ((kind & 1u << level) == 0 || c->fresh[kind] == 0))
		kind++;
	if (kind == KINDS)
		return false;
	for (size_t n = (c->fresh[kind] < more ? c->fresh[kind] : more) + 1; !found && n-- > 0;) {
		c->fresh[kind] -= n;
		c->spent[kind] += n;
		found = take(c, level, kind + 1, more - n);
		c->fresh[kind] += n;
		c->spent[kind] -= n;
	}
	return found;
}

/* How many of the crowd may approve at a level. */
static size_t
at_level(const struct crowd *c, size_t level)
{
	size_t n = 0;

	for (unsigned k = 0; k < KINDS; k++)
		n += (k & 1u << level) != 0 ? c->fresh[k] : 0;
	return n;
}

/* Says why a request of somebody can never be approved; c is the crowd without him. */
static void
report_unapprovable(const struct lb_doc *doc, const struct lb_doc_section *section,
		    const struct crowd *c, const char *who, unsigned own)
{
	const struct lb_policy_role *role = c->role;
	bool written = role->approvers.count == 0 || c->levels > role->levels;
	char all[LB_POLICY_LEVELS_MAX * (LB_IDENTITY_MAX + 32)] = "";
	size_t used = 0;

	for (size_t l = 0; l < c->levels; l++) {
		const struct lb_policy_level *level = &c->level[l];
		size_t others = at_level(c, l);
		bool nobody = others == 0 && (own & 1u << l) == 0;

		used += (size_t)snprintf(all + used, sizeof all - used, "%s%u at '%s'",
					 l > 0 ? ", " : "", level->approvals, level->name);
		if (others >= level->approvals)
			continue;
		lb_doc_error_at(
			doc, section, "approvers", 0,
			"role '%s': a request of '%s' could never be approved: %s%s%s%u %s needed "
			"and %s; add approvers",
			role->name, who, written ? "at level '" : "", written ? level->name : "",
			written ? "' " : "", level->approvals,
			level->approvals == 1 ? "approval is" : "approvals are",
			nobody && role->signed_approvals
				? "nobody in the teams of its approvers can sign"
			: nobody      ? "nobody is in the teams of its approvers"
			: others == 0 ? "only its own requester could approve"
			: role->signed_approvals
				? "there are not that many approvers besides who can sign"
				: "there are not that many approvers besides");
		return;
	}
	lb_doc_error(doc, section,
		     "role '%s': a request of '%s' could never be approved: it needs %s, and there "
		     "are too few people, for nobody counts for two levels; add approvers, or "
		     "write same-person = true where somebody may",
		     role->name, who, all);
}

static bool
can_sign(const struct lb_policy_identity *who)
{
	for (size_t i = 0; i < who->key_texts.count; i++)
		if (strcmp(who->keys[i].type, "ssh-ed25519") == 0 ||
		    strcmp(who->keys[i].type, "sk-ssh-ed25519@openssh.com") == 0)
			return true;
	return false;
}

/* Where approvals must be signed, who cannot sign is no approver. */
static void
drop_who_cannot_sign(const struct lb_doc *doc, const struct lb_doc_section *section,
		     uint8_t *people, bool tell)
{
	const struct lb_policy *p = doc->policy;
	const struct lb_policy_role *role = section->built;

	for (size_t i = 0; role->signed_approvals && i < p->identities; i++) {
		if (people[i] % KINDS == 0 || can_sign(&p->identity[i]))
			continue;
		people[i] &= ASKS;
		if (tell)
			lb_doc_warn(
				doc, section,
				"role '%s': approver '%s' cannot sign an approval; add a key of "
				"type ssh-ed25519 or sk-ssh-ed25519@openssh.com to the identity",
				role->name, p->identity[i].name);
	}
}

/* The rules that can add a level to requests for a role. */
static rule_set
adding_to(const struct lb_policy *p, const struct lb_policy_role *role)
{
	rule_set set = 0;

	for (size_t i = 0; i < p->rules; i++)
		if (!p->rule[i].approve && lb_rule_about_role(p, &p->rule[i], role))
			set |= (rule_set)1 << i;
	return set;
}

/* Those of them that can do so to a request of somebody. */
static rule_set
adding(const struct lb_policy *p, rule_set about, const struct lb_policy_identity *who,
       bool hardware_key)
{
	rule_set set = 0;

	for (size_t i = 0; about != 0 && i < p->rules; i++)
		if ((about & (rule_set)1 << i) != 0 &&
		    lb_rule_about_person(p, &p->rule[i], who, hardware_key))
			set |= (rule_set)1 << i;
	return set;
}

/* The role's levels and those of the rules; false when that are more than a request can have. */
static bool
list_levels(const struct lb_doc *doc, const struct lb_doc_section *section, rule_set rules,
	    struct crowd *c)
{
	const struct lb_policy_role *role = c->role;
	size_t approvals = 0, levels = 0;

	for (size_t i = 0; i < role->levels + doc->policy->rules; i++) {
		const struct lb_policy_level *level =
			i < role->levels ? &role->level[i]
					 : &doc->policy->rule[i - role->levels].level;

		if (i >= role->levels && (rules & (rule_set)1 << (i - role->levels)) == 0)
			continue;
		if (levels < LB_POLICY_LEVELS_MAX)
			c->level[levels] = *level;
		levels++;
		approvals += level->approvals;
	}
	c->levels = levels;
	if (levels <= LB_POLICY_LEVELS_MAX && approvals <= LB_POLICY_APPROVALS_MAX)
		return true;
	lb_doc_error(doc, section,
		     "role '%s': with what rules can add, a request has %zu levels that need %zu "
		     "approvals; at most %u and %u",
		     role->name, levels, approvals, LB_POLICY_LEVELS_MAX, LB_POLICY_APPROVALS_MAX);
	return false;
}

/* What is looked at of a role's people, once for each set of rules. */
struct look {
	const struct lb_doc *doc;
	const struct lb_doc_section *section;
	uint8_t *people;
	rule_set about; /* those that can add a level to requests for the role */
	rule_set *seen; /* the sets that have been looked at */
	size_t count;
};

/*
 * Whether those whom a set of rules can hold for have enough approvers besides
 * themselves; false when that was found wrong.
 */
static bool
check_set(const struct look *k, rule_set rules)
{
	const struct lb_policy *p = k->doc->policy;
	struct crowd crowd = {.role = k->section->built};
	bool looked_at[KINDS] = {false};

	if (!list_levels(k->doc, k->section, rules, &crowd))
		return false;
	memset(k->people, 0, p->identities * sizeof *k->people);
	mark(p, &crowd.role->requesters, k->people, ASKS);
	for (size_t l = 0; l < crowd.levels; l++)
		mark(p, &crowd.level[l].approvers, k->people, 1u << l);
	drop_who_cannot_sign(k->doc, k->section, k->people, rules == 0);
	for (size_t i = 0; i < p->identities; i++)
		crowd.fresh[k->people[i] % KINDS]++;
	for (size_t i = 0; i < p->identities; i++) {
		const struct lb_policy_identity *who = &p->identity[i];
		unsigned own = k->people[i] % KINDS;
		bool fine;

		if ((k->people[i] & ASKS) == 0 || looked_at[own] ||
		    (rules != 0 && adding(p, k->about, who, false) != rules &&
		     adding(p, k->about, who, true) != rules))
			continue;
		looked_at[own] = true;
		crowd.fresh[own]--;
		fine = approvable(&crowd, 0);
		if (!fine)
			report_unapprovable(k->doc, k->section, &crowd, who->name, own);
		crowd.fresh[own]++;
		if (!fine)
			return false; /* one name is enough to see what is missing */
	}
	return true;
}

/* The same for whatever rules can hold for somebody, unless that was looked at. */
static bool
check_sets_of(struct look *k, const struct lb_policy_identity *who)
{
	for (unsigned hardware = 0; hardware < 2; hardware++) {
		rule_set set = adding(k->doc->policy, k->about, who, hardware == 1);
		size_t i = 0;

		while (i < k->count && k->seen[i] != set)
			i++;
		if (i < k->count)
			continue;
		k->seen[k->count++] = set;
		if (!check_set(k, set))
			return false;
	}
	return true;
}

/* A requester needs enough approvers besides himself, and a key to log in with. */
static void
check_people(struct look *k)
{
	const struct lb_policy *p = k->doc->policy;
	const struct lb_policy_role *role = k->section->built;
	size_t askers = 0;

	k->about = adding_to(p, role);
	k->seen[0] = 0;
	k->count = 1;
	if (!check_set(k, 0))
		return;
	for (size_t i = 0; i < p->identities; i++) {
		const struct lb_policy_identity *who = &p->identity[i];

		if (!lb_policy_may_request(p, role->name, who->name))
			continue;
		askers++;
		if (lb_policy_role_own(role) &&
		    (!lb_own_name_valid(who->unix_user) || !lb_own_uid_valid(who->uid)))
			lb_doc_warn(
				k->doc, k->section,
				"role '%s': requester '%s' has no unix-user that is an ordinary "
				"user's (uid %u or more) and cannot ask for it; add one to the "
				"identity",
				role->name, who->name, LB_OWN_UID_FIRST);
		else if (!lb_policy_role_own(role) && who->key_texts.count == 0)
			lb_doc_warn(
				k->doc, k->section,
				"role '%s': requester '%s' has no keys and could not log in with a "
				"grant; add a key to the identity",
				role->name, who->name);
		if (k->about != 0 && !check_sets_of(k, who))
			return;
	}
	if (askers == 0)
		lb_doc_warn(
			k->doc, k->section,
			"role '%s': nobody is in the teams of its requesters, so nobody can ask "
			"for it",
			role->name);
}

void
lb_validate_roles(struct lb_doc *doc)
{
	struct look look = {.doc = doc};

	look.people = lb_arena_get(&doc->arena, doc->policy->identities, sizeof *look.people);
	/* Somebody's with a hardware key and without, and none. */
	look.seen = lb_arena_get(&doc->arena, 2 * doc->policy->identities + 1, sizeof *look.seen);
	for (size_t i = 0; look.people != NULL && look.seen != NULL && i < doc->policy->roles;
	     i++) {
		look.section = doc->list[LB_SECTION_ROLE][i];
		check_people(&look);
	}
	/* Without memory the arena remembers. */
}
