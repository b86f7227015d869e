/* Rules: see rule.h. */
#include "policy/rule.h"

#include <string.h>

#include "proto.h"
#include "text.h"

#include "policy/policy_store.h"

static bool
has(const struct lb_policy_names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->name[i], name) == 0)
			return true;
	return false;
}

const char *
lb_ticket_problem(const char *pattern)
{
	if (strlen(pattern) > LB_TICKET_MAX)
		return "no ticket is that long; write 64 bytes at most";
	if (!lb_text_plain(pattern) || strpbrk(pattern, "[]\\") != NULL)
		return "this is no pattern of tickets; write the ticket with * for any run of "
		       "letters and ? for one of them, without [ ] and \\";
	return NULL;
}

bool
lb_ticket_matches(const char *pattern, const char *ticket)
{
	const char *star = NULL, *resume = NULL;

	/* Only the last star need ever take more: what comes before it has been found first. */
	while (*ticket != '\0') {
		if (*pattern == '*') {
			star = pattern++;
			resume = ticket;
		} else if (*pattern == '?' || *pattern == *ticket) {
			pattern++;
			ticket++;
		} else if (star != NULL) {
			pattern = star + 1;
			ticket = ++resume;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

/* Whether the conditions on what is asked for, and where, hold. */
static bool
role_holds(const struct lb_policy *p, const struct lb_policy_rule *r,
	   const struct lb_policy_role *role)
{
	bool labelled = r->labels.count == 0;

	for (size_t i = 0; !labelled && i < r->labels.count; i++)
		labelled = has(&p->host.labels, r->labels.name[i]);
	return labelled &&
	       (r->roles.count == 0 || has(&r->roles, role->name) ||
		(role->base != NULL && has(&r->roles, role->base))) &&
	       (r->resources.count == 0 ||
		(role->resource != NULL && has(&r->resources, role->resource))) &&
	       (r->permissions.count == 0 || has(&r->permissions, lb_policy_permission(role)));
}

/* An answer that a rule asks for; "" asks for none. */
static bool
answers(const char *wanted, bool is)
{
	return wanted[0] == '\0' || (strcmp(wanted, "true") == 0) == is;
}

static bool
person_holds(const struct lb_policy *p, const struct lb_policy_rule *r,
	     const struct lb_policy_identity *who)
{
	bool named =
		(r->identities.count == 0 && r->teams.count == 0) || has(&r->identities, who->name);

	for (size_t i = 0; !named && i < r->teams.count; i++)
		named = lb_policy_in_team(p, r->teams.name[i], who->name);
	return named && answers(r->isolated, who->isolated) && answers(r->mfa, who->mfa);
}

static bool
is_hardware_key(const struct lb_policy_key *key)
{
	return strncmp(key->type, "sk-", 3) == 0;
}

/* That of the key which sshd has accepted; a key that is the person's no more proves nothing. */
static bool
came_with_hardware_key(const struct lb_policy_identity *who, const char *fingerprint)
{
	for (size_t i = 0; fingerprint[0] != '\0' && i < who->key_texts.count; i++)
		if (strcmp(who->keys[i].fingerprint, fingerprint) == 0)
			return is_hardware_key(&who->keys[i]);
	return false;
}

static bool
ticket_holds(const struct lb_policy_rule *r, const char *ticket)
{
	for (size_t i = 0; i < r->tickets.count; i++)
		if (lb_ticket_matches(r->tickets.name[i], ticket))
			return true;
	return r->tickets.count == 0;
}

static bool
duration_holds(const struct lb_policy_rule *r, uint32_t duration_s)
{
	return (r->at_most_s == 0 || duration_s <= r->at_most_s) && duration_s > r->longer_than_s;
}

static bool
hours_hold(const struct lb_policy_rule *r, const struct lb_rule_facts *f)
{
	uint64_t asked_s, opens_s;

	if (r->hours.count == 0)
		return true;
	asked_s = lb_hours_next(r->open, r->hours.count, &r->zone, f->requested_s, true);
	opens_s = lb_hours_next(r->open, r->hours.count, &r->zone, f->begin_s, true);
	if (!r->approve)
		return asked_s == f->requested_s || opens_s < f->before_s;
	return asked_s == f->requested_s && opens_s == f->begin_s &&
	       lb_hours_next(r->open, r->hours.count, &r->zone, f->begin_s, false) >= f->before_s;
}

bool
lb_rule_may_approve(const struct lb_policy_role *role)
{
	return !role->root_equivalent && !role->signed_approvals;
}

bool
lb_rule_holds(const struct lb_policy *p, const struct lb_policy_rule *r,
	      const struct lb_rule_facts *f)
{
	const struct lb_policy_identity *who = lb_policy_identity(p, f->identity);

	return who != NULL && (!r->approve || lb_rule_may_approve(f->role)) &&
	       role_holds(p, r, f->role) && person_holds(p, r, who) &&
	       answers(r->hardware_key, came_with_hardware_key(who, f->fingerprint)) &&
	       ticket_holds(r, f->ticket) && duration_holds(r, f->duration_s) && hours_hold(r, f);
}

void
lb_rules_weigh(const struct lb_policy *p, const struct lb_rule_facts *f, struct lb_rule_verdict *v)
{
	*v = (struct lb_rule_verdict){0};
	for (size_t i = 0; i < p->rules; i++) {
		const struct lb_policy_rule *r = &p->rule[i];

		if (!lb_rule_holds(p, r, f))
			continue;
		if (r->approve)
			v->approves = v->approves != NULL ? v->approves : r;
		else if (f->role->levels + v->added < LB_POLICY_LEVELS_MAX)
			v->adds[v->added++] = r;
		else
			v->too_many = true;
	}
	if (v->added > 0 || v->too_many)
		v->approves = NULL;
}

bool
lb_rule_about_role(const struct lb_policy *p, const struct lb_policy_rule *r,
		   const struct lb_policy_role *role)
{
	return role_holds(p, r, role) && r->longer_than_s < role->max_duration_s &&
	       (!r->approve || lb_rule_may_approve(role));
}

bool
lb_rule_about_person(const struct lb_policy *p, const struct lb_policy_rule *r,
		     const struct lb_policy_identity *who, bool hardware_key)
{
	bool has_one = false;

	for (size_t i = 0; hardware_key && i < who->key_texts.count; i++)
		has_one = has_one || is_hardware_key(&who->keys[i]);
	return (has_one || !hardware_key) && person_holds(p, r, who) &&
	       answers(r->hardware_key, hardware_key);
}
