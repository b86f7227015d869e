/* Levels of approval: see levels.h. */
#include "keeper/levels.h"

#include <stdio.h>
#include <string.h>

#include "err.h"
#include "keeper/customer.h"
#include "keeper/grant.h"

#define PEOPLE_MAX 64 /* named in one view */

_Static_assert(LB_POLICY_LEVELS_MAX < LB_LEVELS_MAX, "a role's levels, and a customer's");

static void
note_level(const struct lb_policy_level *from, struct lb_level *to)
{
	memset(to, 0, sizeof *to);
	snprintf(to->name, sizeof to->name, "%s", from->name);
	lb_policy_join(to->teams, sizeof to->teams, &from->approvers);
	to->need = (uint8_t)from->approvals;
	to->flags = from->same_person ? LB_LEVEL_SAME_PERSON : 0;
}

void
lb_levels_plan(const struct lb_policy_role *role, struct lb_grant *g)
{
	g->levels = (uint8_t)role->levels;
	for (size_t i = 0; i < role->levels; i++)
		note_level(&role->level[i], &g->level[i]);
}

void
lb_levels_plan_rule(const struct lb_policy_rule *rule, struct lb_grant *g)
{
	struct lb_level *last = &g->level[g->levels++];

	note_level(&rule->level, last);
	last->flags |= LB_LEVEL_RULE;
}

void
lb_levels_plan_customer(const struct lb_customer *customer, struct lb_grant *g)
{
	struct lb_level *last = &g->level[g->levels++];

	memset(last, 0, sizeof *last);
	memcpy(g->customer, customer->name, sizeof g->customer);
	memcpy(last->name, customer->name, sizeof last->name);
	last->need = customer->approvals;
	last->flags = LB_LEVEL_CUSTOMER;
}

static bool
is_customers(const struct lb_grant *g, size_t level)
{
	return (g->level[level].flags & LB_LEVEL_CUSTOMER) != 0;
}

bool
lb_levels_reached(const struct lb_grant *g)
{
	size_t before = 0, have = 0;

	for (size_t l = 0; l < g->levels && !is_customers(g, l); l++)
		before += g->level[l].need;
	for (size_t i = 0; i < g->have; i++)
		have += !is_customers(g, g->approval[i].level);
	return g->customer[0] != '\0' && (g->break_glass || have >= before);
}

/* The level of a plan that a rule of the policy adds; NULL when it has none such. */
static const struct lb_policy_level *
level_of_rule(const struct lb_policy *policy, const struct lb_level *level)
{
	const struct lb_policy_rule *rule = lb_policy_rule(policy, level->name);

	return rule != NULL && !rule->approve ? &rule->level : NULL;
}

bool
lb_levels_same(const struct lb_policy *policy, const struct lb_policy_role *role,
	       const struct lb_grant *g)
{
	size_t own = g->rule[0] != '\0' ? 0 : role->levels, last = g->levels;

	last -= last > 0 && is_customers(g, last - 1);
	if (last < own)
		return false;
	for (size_t i = 0; i < last; i++) {
		bool of_rule = (g->level[i].flags & LB_LEVEL_RULE) != 0;
		const struct lb_policy_level *from =
			i < own ? &role->level[i] : level_of_rule(policy, &g->level[i]);
		struct lb_level now;

		if (from == NULL || of_rule != (i >= own))
			return false;
		note_level(from, &now);
		now.flags |= of_rule ? LB_LEVEL_RULE : 0;
		if (strcmp(now.name, g->level[i].name) != 0 ||
		    strcmp(now.teams, g->level[i].teams) != 0 || now.flags != g->level[i].flags)
			return false;
	}
	return true;
}

/* The level as the policy in force has it; NULL when it has none there of that name. */
static const struct lb_policy_level *
level_in_force(const struct lb_tx *tx, const struct lb_grant *g, size_t i)
{
	const struct lb_policy_role *role = lb_policy_role(tx->k->policy, g->role);

	if ((g->level[i].flags & LB_LEVEL_RULE) != 0)
		return level_of_rule(tx->k->policy, &g->level[i]);
	if (role == NULL || i >= role->levels || is_customers(g, i) ||
	    strcmp(role->level[i].name, g->level[i].name) != 0)
		return NULL;
	return &role->level[i];
}

/* Whether somebody may approve at a level, whatever he did elsewhere. */
static bool
approver_at(struct lb_tx *tx, const struct lb_grant *g, size_t level, const char *identity)
{
	const struct lb_policy_level *l;

	if (is_customers(g, level))
		return lb_customer_approver(tx, g->customer, identity);
	l = level_in_force(tx, g, level);
	return l != NULL && lb_policy_level_approver(tx->k->policy, l, identity);
}

/*
 * What the request took, or more if the policy in force does now; of a customer's
 * level, if the customer has signed for more.
 */
static uint8_t
need_at(struct lb_tx *tx, const struct lb_grant *g, size_t level)
{
	const struct lb_policy_level *l = level_in_force(tx, g, level);
	unsigned now = l != NULL ? l->approvals : 0;

	if (is_customers(g, level))
		now = lb_customer_approvals(tx, g->customer);
	return now > g->level[level].need ? (uint8_t)now : g->level[level].need;
}

/* Whether a key, as it is kept with a signature, is one of the identity's keys in force. */
static bool
key_in_force(const struct lb_tx *tx, const char *identity, const char *line)
{
	const struct lb_policy_identity *id = lb_policy_identity(tx->k->policy, identity);

	for (size_t i = 0; id != NULL && i < id->key_texts.count; i++) {
		size_t len = strlen(id->keys[i].type);

		if (strncmp(line, id->keys[i].type, len) == 0 && line[len] == ' ' &&
		    strcmp(line + len + 1, id->keys[i].base64) == 0)
			return true;
	}
	return false;
}

/* The same of a key's fingerprint; without one of what Unix user the identity has. */
static bool
way_in_force(const struct lb_tx *tx, const char *identity, const char *fingerprint)
{
	const struct lb_policy_identity *id = lb_policy_identity(tx->k->policy, identity);

	if (id == NULL || fingerprint[0] == '\0')
		return id != NULL && id->unix_user[0] != '\0';
	for (size_t i = 0; i < id->key_texts.count; i++)
		if (strcmp(id->keys[i].fingerprint, fingerprint) == 0)
			return true;
	return false;
}

/*
 * Whether an approval is signed where the role takes no other, and what it was
 * given with still is the approver's, and the customer's where he decides.
 */
static bool
given_well(struct lb_tx *tx, const struct lb_grant *g, size_t i)
{
	const struct lb_policy_role *role = lb_policy_role(tx->k->policy, g->role);
	uint64_t number = g->approval[i].statement;
	const char *who = g->approval[i].identity;
	struct lb_signed s;

	if (number == 0)
		return (role == NULL || !role->signed_approvals) &&
		       lb_levels_way(tx, g, who, g->approval[i].key);
	return lb_store_next_statement(tx->store, g->id, number - 1, &s) == LB_OK &&
	       s.number == number && s.used_s != 0 && strcmp(s.approver, who) == 0 &&
	       key_in_force(tx, who, s.key);
}

/* Whether somebody's approval counts already, at this level or, if that bars him, at one before it. */
static bool
barred(const struct lb_grant *g, const struct lb_tally *t, size_t level, const char *identity)
{
	bool again = (g->level[level].flags & LB_LEVEL_SAME_PERSON) != 0;

	for (size_t i = 0; i < g->have; i++)
		if (t->counts[i] && strcmp(g->approval[i].identity, identity) == 0 &&
		    (!again || g->approval[i].level == level))
			return true;
	return false;
}

void
lb_levels_tally(struct lb_tx *tx, const struct lb_grant *g, struct lb_tally *t)
{
	size_t a = 0;
	bool short_of = false;

	memset(t, 0, sizeof *t);
	for (size_t l = 0; l < g->levels; l++) {
		t->need[l] = need_at(tx, g, l);
		t->need_all += t->need[l];
		/* They stand in the order of their levels. */
		for (; a < g->have && g->approval[a].level == l; a++) {
			const char *who = g->approval[a].identity;

			if (short_of || strcmp(who, g->identity) == 0 || !given_well(tx, g, a) ||
			    !approver_at(tx, g, l, who) || barred(g, t, l, who))
				continue;
			t->counts[a] = true;
			t->have[l]++;
			t->all++;
		}
		short_of = short_of || t->have[l] < t->need[l];
		if (!short_of)
			t->now = (uint8_t)(l + 1);
	}
}

bool
lb_levels_way(struct lb_tx *tx, const struct lb_grant *g, const char *identity,
	      const char *fingerprint)
{
	return way_in_force(tx, identity, fingerprint) &&
	       lb_customer_takes(tx, g, identity, fingerprint);
}

unsigned
lb_levels_count(struct lb_tx *tx, const struct lb_grant *g, unsigned *need)
{
	struct lb_tally t;

	lb_levels_tally(tx, g, &t);
	*need = t.need_all;
	return t.all;
}

bool
lb_levels_approver(struct lb_tx *tx, const struct lb_grant *g, const char *identity)
{
	for (size_t l = 0; l < g->levels; l++)
		if (is_customers(g, l) ? lb_levels_reached(g) &&
						 lb_customer_in_roster(tx, g->customer, identity)
				       : approver_at(tx, g, l, identity))
			return true;
	return g->rule[0] != '\0' && lb_policy_may_approve(tx->k->policy, g->role, identity);
}

static enum lb_right
right_of(struct lb_tx *tx, const struct lb_grant *g, const struct lb_tally *t, const char *identity)
{
	enum lb_right right = LB_RIGHT_NONE;

	if (strcmp(identity, g->identity) == 0)
		return LB_RIGHT_NONE;
	for (size_t i = 0; i < g->have; i++)
		if (t->counts[i] && strcmp(g->approval[i].identity, identity) == 0 &&
		    (t->now == g->levels || g->approval[i].level == t->now))
			return LB_RIGHT_GIVEN;
	if (t->now < g->levels && approver_at(tx, g, t->now, identity))
		return barred(g, t, t->now, identity) ? LB_RIGHT_SPENT : LB_RIGHT_NOW;
	for (size_t l = 0; l < g->levels; l++)
		if (approver_at(tx, g, l, identity))
			right = l < t->now ? LB_RIGHT_PAST : LB_RIGHT_LATER;
	return right;
}

enum lb_right
lb_levels_right(struct lb_tx *tx, const struct lb_grant *g, const char *identity)
{
	struct lb_tally t;

	lb_levels_tally(tx, g, &t);
	return right_of(tx, g, &t, identity);
}

void
lb_levels_settle(struct lb_tx *tx, struct lb_grant *g)
{
	struct lb_tally t;
	uint8_t kept = 0;

	lb_levels_tally(tx, g, &t);
	for (size_t l = 0; l < g->levels; l++)
		g->level[l].need = t.need[l];
	for (size_t i = 0; i < g->have; i++)
		if (t.counts[i])
			g->approval[kept++] = g->approval[i];
	for (size_t i = kept; i < g->have; i++)
		memset(&g->approval[i], 0, sizeof g->approval[i]);
	g->have = kept;
}

/* People by name, each once; of more than there is room for the first. */
struct people {
	const char *who[PEOPLE_MAX];
	size_t count;
};

static void
add_person(struct people *p, const char *who)
{
	size_t at = p->count;

	while (at > 0 && strcmp(p->who[at - 1], who) > 0)
		at--;
	if ((at > 0 && strcmp(p->who[at - 1], who) == 0) || at == PEOPLE_MAX)
		return;
	p->count -= p->count == PEOPLE_MAX;
	memmove(&p->who[at + 1], &p->who[at], (p->count - at) * sizeof p->who[0]);
	p->who[at] = who;
	p->count++;
}

/* Whether somebody is one of those who are looked for. */
typedef bool one_of(struct lb_tx *tx, const struct lb_grant *g, const struct lb_tally *t,
		    const char *identity);

static void
add_members(struct lb_tx *tx, const struct lb_grant *g, const struct lb_tally *t,
	    const struct lb_policy_level *level, one_of *is, struct people *out)
{
	for (size_t i = 0; level != NULL && i < level->approvers.count; i++) {
		const struct lb_policy_team *team =
			lb_policy_team(tx->k->policy, level->approvers.name[i]);

		for (size_t m = 0; team != NULL && m < team->members.count; m++)
			if (is(tx, g, t, team->members.name[m]))
				add_person(out, team->members.name[m]);
	}
}

/* Of those who can be approvers at a level: its teams' members, or the customer's roster. */
static void
add_level(struct lb_tx *tx, const struct lb_grant *g, const struct lb_tally *t, size_t level,
	  one_of *is, struct people *out)
{
	const struct lb_customer *c;

	if (!is_customers(g, level)) {
		add_members(tx, g, t, level_in_force(tx, g, level), is, out);
		return;
	}
	c = lb_customer_find(tx, g->customer);
	for (size_t i = 0; c != NULL && i < c->keys; i++)
		if (is(tx, g, t, c->key[i].identity))
			add_person(out, c->key[i].identity);
}

static bool
is_next(struct lb_tx *tx, const struct lb_grant *g, const struct lb_tally *t, const char *identity)
{
	return right_of(tx, g, t, identity) == LB_RIGHT_NOW;
}

void
lb_levels_people(struct lb_tx *tx, const struct lb_grant *g, char *out, size_t cap)
{
	struct people p = {.count = 0};
	struct lb_policy_names names = {p.who, 0};
	struct lb_tally t;

	lb_levels_tally(tx, g, &t);
	if (lb_state_waits(g->state) && t.now < g->levels)
		add_level(tx, g, &t, t.now, is_next, &p);
	for (size_t i = 0; !lb_state_waits(g->state) && i < g->have; i++)
		p.who[p.count++] = g->approval[i].identity;
	names.count = p.count;
	lb_policy_join(out, cap, &names);
}

static bool
is_another(struct lb_tx *tx, const struct lb_grant *g, const struct lb_tally *t,
	   const char *identity)
{
	(void)t;
	return strcmp(identity, g->identity) != 0 && lb_levels_approver(tx, g, identity);
}

void
lb_levels_others(struct lb_tx *tx, const struct lb_grant *g, char *out, size_t cap)
{
	const struct lb_policy_role *role = lb_policy_role(tx->k->policy, g->role);
	struct people p = {.count = 0};
	struct lb_policy_names names = {p.who, 0};

	for (size_t l = 0; l < g->levels; l++)
		add_level(tx, g, NULL, l, is_another, &p);
	for (size_t l = 0; g->rule[0] != '\0' && role != NULL && l < role->levels; l++)
		add_members(tx, g, NULL, &role->level[l], is_another, &p);
	names.count = p.count;
	lb_policy_join(out, cap, &names);
}

void
lb_levels_view(struct lb_tx *tx, const struct lb_grant *g, struct lb_msg_grant *v)
{
	const struct lb_policy_role *role = lb_policy_role(tx->k->policy, g->role);
	bool waits = lb_state_waits(g->state);
	struct lb_tally t;

	lb_levels_tally(tx, g, &t);
	v->signed_approvals = role != NULL && role->signed_approvals;
	v->levels = g->levels;
	v->level_now = waits ? t.now : g->levels;
	for (size_t l = 0; l < g->levels; l++) {
		struct lb_msg_level *to = &v->level[l];

		memcpy(to->name, g->level[l].name, sizeof to->name);
		memcpy(to->teams, g->level[l].teams, sizeof to->teams);
		to->flags = g->level[l].flags;
		to->need = waits ? t.need[l] : g->level[l].need;
		v->need = (uint8_t)(v->need + to->need);
	}
	for (size_t i = 0; i < g->have; i++) {
		struct lb_msg_approval *to = &v->approval[v->have];

		if (waits && !t.counts[i])
			continue;
		memcpy(to->identity, g->approval[i].identity, sizeof to->identity);
		to->level = g->approval[i].level;
		to->at_s = g->approval[i].at_s;
		v->level[to->level].have++;
		v->have++;
	}
	memcpy(v->customer, g->customer, sizeof v->customer);
	memcpy(v->rule, g->rule, sizeof v->rule);
	lb_levels_people(tx, g, v->approvers, sizeof v->approvers);
}

void
lb_levels_of_role(struct lb_tx *tx, const struct lb_policy_role *role, struct lb_msg_role *v)
{
	struct lb_customer customer;
	const char *teams[LB_POLICY_LEVELS_MAX * PEOPLE_MAX];
	struct lb_policy_names all = {teams, 0};

	v->signed_approvals = role->signed_approvals;
	v->levels = (uint8_t)role->levels;
	for (size_t l = 0; l < role->levels; l++) {
		const struct lb_policy_level *from = &role->level[l];
		struct lb_level level;

		note_level(from, &level);
		memcpy(v->level[l].name, level.name, sizeof level.name);
		memcpy(v->level[l].teams, level.teams, sizeof level.teams);
		v->level[l].need = level.need;
		v->level[l].flags = level.flags;
		v->approvals = (uint8_t)(v->approvals + level.need);
		for (size_t i = 0; i < from->approvers.count && i < PEOPLE_MAX; i++) {
			size_t k = 0;

			while (k < all.count && strcmp(teams[k], from->approvers.name[i]) != 0)
				k++;
			if (k == all.count)
				teams[all.count++] = from->approvers.name[i];
		}
	}
	lb_policy_join(v->approvers, sizeof v->approvers, &all);
	if (lb_customer_of(tx, role, &customer) != LB_OK)
		return;
	memcpy(v->customer, customer.name, sizeof v->customer);
	memcpy(v->level[v->levels].name, customer.name, sizeof v->level[0].name);
	v->level[v->levels].need = customer.approvals;
	v->level[v->levels].flags = LB_LEVEL_CUSTOMER;
	v->approvals = (uint8_t)(v->approvals + customer.approvals);
	v->levels++;
}
