/*
 * Customers: their approvers are nobody else's people, and can sign; what is
 * labelled with a customer is labelled with one.
 */
#include "policy/document.h"

#include <string.h>

/* How many of somebody's keys can sign a statement: sshsig.h takes these types. */
static size_t
signing_keys(const struct lb_policy_identity *who)
{
	size_t n = 0;

	for (size_t i = 0; i < who->key_texts.count; i++)
		n += strcmp(who->keys[i].type, "ssh-ed25519") == 0 ||
		     strcmp(who->keys[i].type, "sk-ssh-ed25519@openssh.com") == 0;
	return n;
}

/* Another customer before this one that has the same approver, or NULL. */
static const char *
also_of(const struct lb_policy *p, size_t before, const char *who)
{
	for (size_t i = 0; i < before; i++)
		for (size_t k = 0; k < p->customer[i].approvers.count; k++)
			if (strcmp(p->customer[i].approvers.name[k], who) == 0)
				return p->customer[i].name;
	return NULL;
}

static void
check_customer(const struct lb_doc *doc, size_t number)
{
	const struct lb_policy *p = doc->policy;
	const struct lb_doc_section *section = doc->list[LB_SECTION_CUSTOMER][number];
	const struct lb_policy_customer *c = &p->customer[number];
	size_t keys = 0;

	for (size_t i = 0; i < c->approvers.count; i++) {
		const char *name = c->approvers.name[i], *other = also_of(p, number, name);
		const struct lb_policy_identity *who = lb_policy_identity(p, name);

		if (lb_policy_in_a_team(p, name))
			lb_doc_error_at(doc, section, "approvers", i,
					"customer '%s': '%s' is in a team, so no customer's; take "
					"the identity out of one of the two",
					c->name, name);
		if (other != NULL)
			lb_doc_error_at(doc, section, "approvers", i,
					"customer '%s': '%s' decides for customer '%s' already; "
					"take the identity out of one of the two",
					c->name, name, other);
		if (signing_keys(who) == 0)
			lb_doc_error_at(doc, section, "approvers", i,
					"customer '%s': '%s' has no key that can sign; add one of "
					"type ssh-ed25519 or sk-ssh-ed25519@openssh.com",
					c->name, name);
		keys += signing_keys(who);
	}
	if (c->approvers.count < c->approvals)
		lb_doc_error_at(doc, section, "approvals", 0,
				"customer '%s' needs %u approvals and has %zu approvers; add some",
				c->name, c->approvals, c->approvers.count);
	if (keys > 12)
		lb_doc_error_at(doc, section, "approvers", 0,
				"customer '%s': the approvers have %zu keys that can sign; 12 at "
				"most",
				c->name, keys);
}

void
lb_validate_customers(struct lb_doc *doc)
{
	const struct lb_policy *p = doc->policy;
	const char *host = p->host.customer;

	for (size_t i = 0; i < p->customers; i++)
		check_customer(doc, i);
	for (size_t i = 0; i < p->roles; i++)
		if (host[0] != '\0' && p->role[i].customer[0] != '\0' &&
		    strcmp(host, p->role[i].customer) != 0)
			lb_doc_error_at(
				doc, doc->list[LB_SECTION_ROLE][i], "customer", 0,
				"role '%s' is labelled with customer '%s' and the host with "
				"'%s'; one customer decides, so take one label out",
				p->role[i].name, p->role[i].customer, host);
}
