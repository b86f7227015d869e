/*
 * What the parts of a policy say about each other: every name refers to
 * something, every key and Unix user to one person.  (Roles: validate_role.c.)
 */
#include "policy/document.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "name.h"

/* Resolves the gate user; a policy may be checked on a host that has none yet. */
static void
check_host(struct lb_doc *doc)
{
	struct lb_policy_host *host = &doc->policy->host;
	const struct lb_policy_row *row = lb_table_row(LB_SECTION_HOST, "gate-user");
	struct lb_doc_section at = *doc->host;

	host->gate_uid = LB_POLICY_NO_ID;
	lb_doc_check_names(doc, doc->host, "auditors", LB_SECTION_TEAM);
	lb_doc_check_names(doc, doc->host, "host-customer", LB_SECTION_CUSTOMER);
	if (host->gate_user[0] == '\0')
		return; /* reported when it was built */
	if (strncmp(host->gate_user, LB_ACCOUNT_PREFIX, strlen(LB_ACCOUNT_PREFIX)) == 0 ||
	    strcmp(host->gate_user, "root") == 0) {
		lb_doc_error_at(
			doc, doc->host, "gate-user", 0,
			"gate-user cannot be '%s'; write a user that serves this alone, such "
			"as lockbox",
			host->gate_user);
		return;
	}
	if (!lb_policy_source_user(doc->source, host->gate_user, &host->gate_uid)) {
		/* Its own line, or none when nobody wrote it. */
		at.line = at.values[row - lb_table_section(LB_SECTION_HOST)->rows].line;
		lb_doc_warn(
			doc, &at,
			"there is no user '%s' in /etc/passwd yet, so ssh %s@host will not work; "
			"/usr/share/lockbox/setup enable makes it",
			host->gate_user, host->gate_user);
		return;
	}
	if (host->gate_uid == 0 || lb_id_reserved(host->gate_uid))
		lb_doc_error_at(doc, doc->host, "gate-user", 0,
				"gate-user '%s' has uid %u; write a user that serves this alone",
				host->gate_user, host->gate_uid);
}

static void
check_unix_user(struct lb_doc *doc, const struct lb_doc_section *section,
		struct lb_policy_identity *identity)
{
	const struct lb_policy_host *host = &doc->policy->host;
	const char *user = identity->unix_user;
	uint32_t uid;

	if (strcmp(identity->name, host->gate_user) == 0)
		lb_doc_error(doc, section,
			     "'%s' is the gate user, which is no person; rename the identity",
			     identity->name);
	if (user[0] == '\0')
		return;
	if (strcmp(user, LB_SEALED_NAME) == 0) {
		lb_doc_error_at(doc, section, "unix-user", 0,
				"'%s' is the host's emergency account, which is no person; write "
				"the person's own user",
				user);
	} else if (!lb_policy_source_user(doc->source, user, &uid)) {
		lb_doc_error_at(
			doc, section, "unix-user", 0,
			"there is no user '%s' in /etc/passwd; write one that is there (users of "
			"a network directory do not count) or leave unix-user out",
			user);
	} else if (uid == 0) {
		lb_doc_error_at(
			doc, section, "unix-user", 0,
			"'%s' has uid 0, and root is no identity; write the person's own user",
			user);
	} else if (lb_id_reserved(uid)) {
		lb_doc_error_at(doc, section, "unix-user", 0,
				"'%s' has uid %u, which is reserved for temporary accounts; write "
				"another user",
				user, uid);
	} else if (strcmp(user, host->gate_user) == 0 || uid == host->gate_uid) {
		lb_doc_error_at(
			doc, section, "unix-user", 0,
			"'%s' is the gate user, which speaks for everybody; write another user",
			user);
	} else {
		identity->uid = uid;
	}
}

static int
uid_order(const void *a, const void *b)
{
	const struct lb_policy_identity *x = *(const struct lb_policy_identity *const *)a;
	const struct lb_policy_identity *y = *(const struct lb_policy_identity *const *)b;

	if (x->uid != y->uid)
		return x->uid < y->uid ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* The section of an identity; the arrays run in parallel. */
static const struct lb_doc_section *
section_of(const struct lb_doc *doc, const struct lb_policy_identity *identity)
{
	return doc->list[LB_SECTION_IDENTITY][identity - doc->policy->identity];
}

/* The line of an item of a section, for naming the other place of two. */
static unsigned
line_of(const struct lb_doc_section *section, const char *key, size_t i)
{
	const struct lb_policy_section *kind = lb_table_section(section->section);
	const struct lb_doc_list *list =
		&section->values[lb_table_row(section->section, key) - kind->rows];

	return i < list->count ? list->item[i]->line : section->line;
}

/* Makes the index by uid; two identities with one uid would be one person. */
static int
index_uids(struct lb_doc *doc)
{
	struct lb_policy *p = doc->policy;

	p->by_uid = lb_arena_get(&p->arena, p->identities, sizeof(struct lb_policy_identity *));
	if (p->by_uid == NULL)
		return LB_ERR_NOMEM;
	for (size_t i = 0; i < p->identities; i++)
		if (p->identity[i].uid != LB_POLICY_NO_ID)
			p->by_uid[p->uids++] = &p->identity[i];
	qsort(p->by_uid, p->uids, sizeof(struct lb_policy_identity *), uid_order);
	for (size_t i = 1; i < p->uids; i++) {
		const struct lb_policy_identity *a = p->by_uid[i - 1], *b = p->by_uid[i];
		const struct lb_doc_section *at = section_of(doc, a);

		if (a->uid == b->uid)
			lb_doc_error_at(
				doc, section_of(doc, b), "unix-user", 0,
				"unix-user '%s' (uid %u) belongs to identity '%s' already, at "
				"%s:%u; one Unix user is one identity",
				b->unix_user, b->uid, a->name, lb_doc_file(doc, at->file),
				line_of(at, "unix-user", 0));
	}
	return LB_OK;
}

/* As above, and of equal keys the one written first comes first, so that messages are stable. */
static int
owner_order(const void *a, const void *b)
{
	const struct lb_key_owner *x = a, *y = b;
	int order = lb_key_owner_order(a, b);

	if (order == 0)
		order = strcmp(x->identity->name, y->identity->name);
	return order != 0 ? order : (x->key > y->key) - (x->key < y->key);
}

static void
report_shared_key(const struct lb_doc *doc, const struct lb_key_owner *a,
		  const struct lb_key_owner *b)
{
	const struct lb_doc_section *at = section_of(doc, a->identity);
	unsigned line = line_of(at, "keys", (size_t)(a->key - a->identity->keys));

	lb_doc_error_at(
		doc, section_of(doc, b->identity), "keys", (size_t)(b->key - b->identity->keys),
		"key %s belongs to identity '%s' already, at %s:%u; %s", b->key->fingerprint,
		a->identity->name, lb_doc_file(doc, at->file), line,
		a->identity == b->identity ? "take one out" : "every key is one person's alone");
}

/* Makes the index by key; a key must say who somebody is. */
static int
index_keys(struct lb_doc *doc)
{
	struct lb_policy *p = doc->policy;
	size_t n = 0;

	for (size_t i = 0; i < p->identities; i++)
		n += p->identity[i].key_texts.count;
	p->owner = lb_arena_get(&p->arena, n, sizeof *p->owner);
	if (p->owner == NULL)
		return LB_ERR_NOMEM;
	for (size_t i = 0; i < p->identities; i++) {
		const struct lb_policy_identity *identity = &p->identity[i];

		for (size_t k = 0; k < identity->key_texts.count; k++)
			if (identity->keys[k].blob != NULL)
				p->owner[p->owners++] =
					(struct lb_key_owner){&identity->keys[k], identity};
	}
	qsort(p->owner, p->owners, sizeof *p->owner, owner_order);
	for (size_t i = 1; i < p->owners; i++)
		if (lb_key_owner_order(&p->owner[i - 1], &p->owner[i]) == 0)
			report_shared_key(doc, &p->owner[i - 1], &p->owner[i]);
	return LB_OK;
}

static void
check_recognisable(const struct lb_doc *doc)
{
	for (size_t i = 0; i < doc->policy->identities; i++) {
		const struct lb_policy_identity *identity = &doc->policy->identity[i];

		if (identity->key_texts.count == 0 && identity->unix_user[0] == '\0')
			lb_doc_error(doc, section_of(doc, identity),
				     "identity '%s' has neither keys nor unix-user, so nobody can "
				     "act as "
				     "it; write keys = {\"ssh-ed25519 AAAA... %s\"}",
				     identity->name, identity->name);
	}
}

int
lb_validate_policy(struct lb_doc *doc)
{
	struct lb_policy *p = doc->policy;

	check_host(doc);
	for (size_t i = 0; i < p->identities; i++) {
		p->identity[i].uid = LB_POLICY_NO_ID;
		check_unix_user(doc, doc->list[LB_SECTION_IDENTITY][i], &p->identity[i]);
	}
	for (size_t i = 0; i < p->teams; i++)
		lb_doc_check_names(doc, doc->list[LB_SECTION_TEAM][i], "members",
				   LB_SECTION_IDENTITY);
	for (size_t i = 0; i < p->roles; i++) {
		lb_doc_check_names(doc, doc->list[LB_SECTION_ROLE][i], "requesters",
				   LB_SECTION_TEAM);
		lb_doc_check_names(doc, doc->list[LB_SECTION_ROLE][i], "approvers",
				   LB_SECTION_TEAM);
		lb_doc_check_names(doc, doc->list[LB_SECTION_ROLE][i], "customer",
				   LB_SECTION_CUSTOMER);
		lb_doc_check_names(doc, doc->list[LB_SECTION_ROLE][i], "managers", LB_SECTION_TEAM);
		lb_doc_check_names(doc, doc->list[LB_SECTION_ROLE][i], "checks", LB_SECTION_CHECK);
		lb_doc_check_names(doc, doc->list[LB_SECTION_ROLE][i], "requires", LB_SECTION_ROLE);
		lb_doc_check_names(doc, doc->list[LB_SECTION_ROLE][i], "break-glass",
				   LB_SECTION_IDENTITY);
		lb_doc_check_names(doc, doc->list[LB_SECTION_ROLE][i], "alarms", LB_SECTION_TEAM);
		lb_doc_check_names(doc, doc->list[LB_SECTION_ROLE][i], "reviewers",
				   LB_SECTION_TEAM);
	}
	for (size_t i = 0; i < p->checks; i++)
		lb_doc_check_names(doc, doc->list[LB_SECTION_CHECK][i], "attesters",
				   LB_SECTION_TEAM);
	for (size_t i = 0; i < p->levels; i++)
		lb_doc_check_names(doc, doc->list[LB_SECTION_LEVEL][i], "approvers",
				   LB_SECTION_TEAM);
	for (size_t i = 0; i < p->customers; i++)
		lb_doc_check_names(doc, doc->list[LB_SECTION_CUSTOMER][i], "approvers",
				   LB_SECTION_IDENTITY);
	if (index_uids(doc) != LB_OK || index_keys(doc) != LB_OK)
		return LB_ERR_NOMEM;
	check_recognisable(doc);
	lb_validate_rights(doc);
	lb_validate_eligibility(doc);
	lb_validate_rules(doc);
	/* Who could approve is worth counting only when everybody is known. */
	if (doc->report->errors == 0) {
		lb_validate_roles(doc);
		lb_validate_customers(doc);
		lb_validate_eligible(doc);
		lb_validate_break_glass(doc);
	}
	return p->arena.failed || doc->arena.failed ? LB_ERR_NOMEM : LB_OK;
}
