/*
 * What a role asks for: groups that exist and are not root's, commands that
 * are exact, and enough people to approve.
 */
#include "policy/document.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "name.h"
#include "proto.h"
#include "text.h"

#include "policy/rights.h"

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

void
lb_validate_rights(struct lb_doc *doc)
{
	for (size_t i = 0; i < doc->policy->roles; i++) {
		struct lb_doc_section *section = doc->list[LB_SECTION_ROLE][i];

		if (check_groups(doc, section, section->built) != LB_OK)
			return; /* the arena remembers */
		check_commands(doc, section, section->built);
		check_shown(doc, section, section->built);
	}
}

/* Marks the members of teams in seen, one flag per identity; returns how many there are. */
static size_t
mark(const struct lb_policy *p, const struct lb_policy_names *teams, bool *seen)
{
	size_t count = 0;

	memset(seen, 0, p->identities * sizeof *seen);
	for (size_t t = 0; t < teams->count; t++) {
		const struct lb_policy_team *team = lb_policy_team(p, teams->name[t]);

		for (size_t m = 0; team != NULL && m < team->members.count; m++) {
			const struct lb_policy_identity *who =
				lb_policy_identity(p, team->members.name[m]);

			if (who == NULL || seen[who - p->identity])
				continue;
			seen[who - p->identity] = true;
			count++;
		}
	}
	return count;
}

/* A requester needs `approvals` approvers besides himself, and a key to log in with. */
static void
check_people(const struct lb_doc *doc, const struct lb_doc_section *section, bool *asks,
	     bool *approves)
{
	const struct lb_policy *p = doc->policy;
	const struct lb_policy_role *role = section->built;
	size_t askers = mark(p, &role->requesters, asks);
	size_t approvers = mark(p, &role->approvers, approves);

	if (askers == 0)
		lb_doc_warn(
			doc, section,
			"role '%s': nobody is in the teams of its requesters, so nobody can ask "
			"for it",
			role->name);
	for (size_t i = 0; i < p->identities; i++) {
		const struct lb_policy_identity *who = &p->identity[i];
		size_t others = approvers - (approves[i] ? 1 : 0);

		if (!asks[i])
			continue;
		if (who->key_texts.count == 0)
			lb_doc_warn(
				doc, section,
				"role '%s': requester '%s' has no keys and could not log in with a "
				"grant; add a key to the identity",
				role->name, who->name);
		if (others >= role->approvals)
			continue;
		lb_doc_error_at(
			doc, section, "approvers", 0,
			"role '%s': a request of '%s' could never be approved: %u %s needed and "
			"%s; add approvers",
			role->name, who->name, role->approvals,
			role->approvals == 1 ? "approval is" : "approvals are",
			approvers == 0 ? "nobody is in the teams of its approvers"
			: others == 0  ? "only its own requester could approve"
				       : "there are not that many approvers besides");
		return; /* one name is enough to see what is missing */
	}
}

void
lb_validate_roles(struct lb_doc *doc)
{
	size_t n = doc->policy->identities;
	bool *asks = lb_arena_get(&doc->arena, n, sizeof *asks);
	bool *approves = lb_arena_get(&doc->arena, n, sizeof *approves);

	if (asks == NULL || approves == NULL)
		return; /* the arena remembers */
	for (size_t i = 0; i < doc->policy->roles; i++)
		check_people(doc, doc->list[LB_SECTION_ROLE][i], asks, approves);
}
