/* Eligibility: see eligible.h. */
#include "keeper/eligible.h"

#include <stdio.h>
#include <string.h>

#include "err.h"
#include "keeper/audit.h"
#include "keeper/move.h"
#include "text.h"

#define PEOPLE_MAX 32 /* named in one list */

void
lb_eligible_people(const struct lb_tx *tx, const struct lb_policy_names *teams, const char *except,
		   char *out, size_t cap)
{
	const struct lb_policy *p = tx->k->policy;
	const char *who[PEOPLE_MAX];
	struct lb_policy_names names = {who, 0};

	for (size_t t = 0; t < teams->count; t++) {
		const struct lb_policy_team *team = lb_policy_team(p, teams->name[t]);

		for (size_t m = 0; team != NULL && m < team->members.count; m++) {
			const char *id = team->members.name[m];
			bool seen = strcmp(id, except) == 0;

			for (size_t i = 0; !seen && i < t; i++)
				seen = lb_policy_in_team(p, teams->name[i], id);
			if (!seen && names.count < PEOPLE_MAX)
				who[names.count++] = id;
		}
	}
	lb_policy_join(out, cap, &names);
}

/* -- what holds ---------------------------------------------------------------------- */

/* How a check stands; *a is set when it was attested once. */
static int
check_state(struct lb_tx *tx, const char *identity, const char *check, struct lb_attestation *a,
	    enum lb_check_state *state)
{
	int err = lb_store_attestation(tx->store, identity, check, a);

	if (err != LB_OK && err != LB_ERR_NOT_FOUND)
		return err;
	*state = err == LB_ERR_NOT_FOUND				   ? LB_CHECK_MISSING
		 : a->state == LB_ATTESTED_HOLDS && tx->now_s < a->until_s ? LB_CHECK_HOLDS
									   : LB_CHECK_ENDED;
	return LB_OK;
}

/* LB_OK, or LB_ERR_REFUSED and why: the first of the role's checks that does not hold. */
static int
own_checks(struct lb_tx *tx, const char *identity, const struct lb_policy_role *role, char *why,
	   size_t cap)
{
	for (size_t i = 0; i < role->checks.count; i++) {
		const char *name = role->checks.name[i];
		const struct lb_policy_check *check = lb_policy_check(tx->k->policy, name);
		char people[LB_TEAMS_MAX + 1] = "", at[LB_TIME_TEXT];
		struct lb_attestation a;
		enum lb_check_state state;
		int err = check_state(tx, identity, name, &a, &state);

		if (err != LB_OK)
			return err;
		if (state == LB_CHECK_HOLDS && check != NULL)
			continue;
		if (check != NULL)
			lb_eligible_people(tx, &check->attesters, identity, people, sizeof people);
		if (state == LB_CHECK_MISSING) {
			snprintf(why, cap, "%s was never attested; it can be by %s", name, people);
		} else if (a.state == LB_ATTESTED_ENDED && tx->now_s < a.until_s) {
			snprintf(
				why, cap,
				"%s does not hold any more (%.100s); it can be attested anew by %s",
				name, a.cause, people);
		} else {
			lb_time_format(at, (int64_t)a.until_s);
			snprintf(why, cap, "%s lapsed at %s; it can be attested anew by %s", name,
				 at, people);
		}
		return LB_ERR_REFUSED;
	}
	return LB_OK;
}

/* The same of the manager's approval. */
static int
own_approval(struct lb_tx *tx, const char *identity, const struct lb_policy_role *role, char *why,
	     size_t cap)
{
	char people[LB_TEAMS_MAX + 1], at[LB_TIME_TEXT];
	struct lb_eligibility e;
	int err;

	if (!lb_policy_may_request(tx->k->policy, role->name, identity)) {
		snprintf(why, cap, "%s is not among those who may be given %s", identity,
			 role->name);
		return LB_ERR_REFUSED;
	}
	err = lb_store_eligibility(tx->store, identity, role->name, &e);
	if (err != LB_OK && err != LB_ERR_NOT_FOUND)
		return err;
	if (err == LB_OK && e.state == LB_ELIGIBLE_HOLDS && tx->now_s < e.until_s)
		return LB_OK;
	if (err == LB_ERR_NOT_FOUND) {
		snprintf(why, cap,
			 "it needs eligibility for %s; ask for that: eligibility request %s "
			 "--reason \"...\"",
			 role->name, role->name);
	} else if (e.state == LB_ELIGIBLE_PENDING && tx->now_s < e.until_s) {
		lb_eligible_people(tx, &role->managers, identity, people, sizeof people);
		snprintf(why, cap, "eligibility for %s waits for a manager: %s", role->name,
			 people);
	} else if (e.state == LB_ELIGIBLE_ENDED) {
		snprintf(why, cap,
			 "eligibility for %s has ended: %.150s; ask for it again: eligibility "
			 "request %s",
			 role->name, e.cause, role->name);
	} else {
		lb_time_format(at, (int64_t)e.until_s);
		snprintf(
			why, cap,
			"eligibility for %s lapsed at %s; ask for it again: eligibility request %s",
			role->name, at, role->name);
	}
	return LB_ERR_REFUSED;
}

int
lb_eligible(struct lb_tx *tx, const char *identity, const struct lb_policy_role *role, char *why,
	    size_t cap)
{
	int err = LB_OK;

	if (role != NULL && role->base != NULL) /* it is for a role, and so for all its resources */
		role = lb_policy_role(tx->k->policy, role->base);
	/* The reader of policies has made sure that requires goes in no circle. */
	while (err == LB_OK && role != NULL && lb_policy_needs_eligibility(role)) {
		err = own_approval(tx, identity, role, why, cap);
		if (err == LB_OK)
			err = own_checks(tx, identity, role, why, cap);
		role = lb_policy_role(tx->k->policy, role->requires);
	}
	return err;
}

int
lb_eligible_checks(struct lb_tx *tx, const char *identity, const struct lb_policy_role *role,
		   char *why, size_t cap)
{
	int err = own_checks(tx, identity, role, why, cap);

	return err == LB_OK && role->requires[0] != '\0'
		       ? lb_eligible(tx, identity, lb_policy_role(tx->k->policy, role->requires),
				     why, cap)
		       : err;
}

/* Anything that makes somebody more than one who could become eligible. */
static bool
has_duties(const struct lb_policy *p, const char *identity, bool *could)
{
	bool duty = lb_policy_is_auditor(p, identity);

	*could = false;
	for (size_t i = 0; !duty && i < lb_policy_checks(p); i++)
		duty = lb_policy_attester(p, lb_policy_check_at(p, i), identity);
	for (size_t i = 0; !duty && i < lb_policy_roles(p); i++) {
		const struct lb_policy_role *role = lb_policy_role_at(p, i);
		bool asks = lb_policy_may_request(p, role->name, identity);

		*could = *could || asks;
		duty = lb_policy_may_approve(p, role->name, identity) ||
		       lb_policy_manager(p, role, identity) ||
		       (asks && !lb_policy_needs_eligibility(role));
	}
	return duty;
}

int
lb_eligible_confined(struct lb_tx *tx, const char *identity, bool *confined)
{
	const struct lb_policy *p = tx->k->policy;
	char why[LB_REASON_MAX + 1];
	struct lb_grant g;
	uint64_t after = 0;
	int err;

	*confined = false;
	if (has_duties(p, identity, confined))
		*confined = false;
	if (!*confined)
		return LB_OK;
	for (size_t i = 0; *confined && i < lb_policy_roles(p); i++) {
		const struct lb_policy_role *role = lb_policy_role_at(p, i);

		err = lb_policy_may_request(p, role->name, identity)
			      ? lb_eligible(tx, identity, role, why, sizeof why)
			      : LB_ERR_REFUSED;
		if (err != LB_OK && err != LB_ERR_REFUSED)
			return err;
		*confined = err == LB_ERR_REFUSED;
	}
	if (!*confined)
		return LB_OK;
	/* What somebody still has he may look at and give back. */
	err = lb_next_own(tx, identity, &after, &g);
	if (err == LB_OK)
		*confined = false;
	return err == LB_ERR_NOT_FOUND ? LB_OK : err;
}

/* -- for people ----------------------------------------------------------------------- */

static int
view_check(struct lb_tx *tx, const char *identity, const char *name, struct lb_msg_check *c)
{
	const struct lb_policy_check *check = lb_policy_check(tx->k->policy, name);
	struct lb_attestation a;
	enum lb_check_state state;
	int err = check_state(tx, identity, name, &a, &state);

	if (err != LB_OK)
		return err;
	snprintf(c->name, sizeof c->name, "%s", name);
	c->state = (uint8_t)state;
	if (state != LB_CHECK_MISSING) {
		c->until_s = a.until_s;
		memcpy(c->by, a.by, sizeof c->by);
	}
	if (check != NULL)
		lb_eligible_people(tx, &check->attesters, identity, c->who, sizeof c->who);
	return LB_OK;
}

static void
view_record(const struct lb_eligibility *e, struct lb_msg_eligible *v)
{
	v->state = e->state;
	v->asked_s = e->asked_s;
	v->approved_s = e->approved_s;
	v->until_s = e->until_s;
	memcpy(v->manager, e->manager, sizeof v->manager);
	memcpy(v->reason, e->reason, sizeof v->reason);
	memcpy(v->cause, e->cause, sizeof e->cause);
}

int
lb_eligible_view(struct lb_tx *tx, const char *identity, const struct lb_policy_role *role,
		 struct lb_msg_eligible *v)
{
	const struct lb_policy_role *required = lb_policy_role(tx->k->policy, role->requires);
	char why[LB_REASON_MAX + 1] = "";
	struct lb_eligibility e;
	int err;

	memset(v, 0, sizeof *v);
	snprintf(v->identity, sizeof v->identity, "%s", identity);
	snprintf(v->role, sizeof v->role, "%s", role->name);
	snprintf(v->requires, sizeof v->requires, "%s", role->requires);
	lb_eligible_people(tx, &role->managers, identity, v->managers, sizeof v->managers);
	err = lb_store_eligibility(tx->store, identity, role->name, &e);
	if (err == LB_OK)
		view_record(&e, v);
	else if (err != LB_ERR_NOT_FOUND)
		return err;
	if (required != NULL) {
		err = lb_eligible(tx, identity, required, why, sizeof why);
		if (err != LB_OK && err != LB_ERR_REFUSED)
			return err;
		v->has_required = err == LB_OK;
	}
	err = LB_OK;
	for (; err == LB_OK && v->checks < role->checks.count && v->checks < LB_CHECKS_MAX;
	     v->checks++)
		err = view_check(tx, identity, role->checks.name[v->checks], &v->check[v->checks]);
	if (err == LB_OK)
		err = lb_eligible(tx, identity, role, why, sizeof why);
	v->holds = err == LB_OK;
	if (err == LB_ERR_REFUSED && v->cause[0] == '\0')
		memcpy(v->cause, why, sizeof why);
	return err == LB_ERR_REFUSED ? LB_OK : err;
}

/* -- what ends ------------------------------------------------------------------------- */

int
lb_eligible_settle(struct lb_tx *tx, struct lb_grant *g)
{
	const struct lb_policy_role *role = lb_policy_role(tx->k->policy, g->role);
	char why[LB_REASON_MAX + 1], cause[LB_REASON_MAX + 1];
	const char *in_state;
	struct lb_step step;
	int err;

	/* Without its role the policy's own change ends it. */
	if (role == NULL || (g->state == LB_STATE_ACTIVE && !role->ends_with_eligibility))
		return LB_OK;
	err = lb_eligible(tx, g->identity, role, why, sizeof why);
	if (err != LB_ERR_REFUSED)
		return err;
	if (lb_grant_step(g, LB_EVENT_REVOKE, tx->now_s, &step, &in_state) != LB_OK)
		return LB_OK; /* it is ending, or its time is over */
	snprintf(cause, sizeof cause, "no longer eligible: %.400s", why);
	err = lb_move(tx, g, &step, cause);
	return err == LB_OK ? lb_audit(tx, "revoke", g, "", "%s", cause) : err;
}

int
lb_eligible_settle_all(struct lb_tx *tx, const char *identity)
{
	struct lb_grant g;
	uint64_t after = 0;
	int err;

	while ((err = lb_next_own(tx, identity, &after, &g)) == LB_OK) {
		err = lb_eligible_settle(tx, &g);
		if (err != LB_OK)
			return err;
	}
	return err == LB_ERR_NOT_FOUND ? LB_OK : err;
}

int
lb_eligible_end(struct lb_tx *tx, struct lb_eligibility *e, const char *actor, const char *cause)
{
	int err;

	e->state = LB_ELIGIBLE_ENDED;
	snprintf(e->cause, sizeof e->cause, "%s", cause);
	err = lb_store_put_eligibility(tx->store, e);
	return err == LB_OK ? lb_audit_person(tx, "eligibility-end", e->identity, actor, "%s: %s",
					      e->role, e->cause)
			    : err;
}

int
lb_attested_end(struct lb_tx *tx, struct lb_attestation *a, const char *actor, const char *cause)
{
	int err;

	a->state = LB_ATTESTED_ENDED;
	snprintf(a->cause, sizeof a->cause, "%s", cause);
	err = lb_store_put_attestation(tx->store, a);
	return err == LB_OK ? lb_audit_person(tx, "attest-end", a->identity, actor, "%s: %s",
					      a->check, a->cause)
			    : err;
}

int
lb_eligible_lapse(struct lb_tx *tx, const struct lb_lapse *lapse)
{
	struct lb_attestation a;
	struct lb_eligibility e;
	int err;

	if (lapse->kind == LB_LAPSE_ATTESTATION) {
		err = lb_store_attestation(tx->store, lapse->identity, lapse->name, &a);
		if (err == LB_OK)
			err = lb_attested_end(tx, &a, "", "lapsed");
	} else {
		err = lb_store_eligibility(tx->store, lapse->identity, lapse->name, &e);
		if (err == LB_OK)
			err = lb_eligible_end(tx, &e, "",
					      lapse->kind == LB_LAPSE_PENDING
						      ? "nobody approved it in time"
						      : "its time is up");
	}
	if (err == LB_ERR_NOT_FOUND)
		return LB_ERR_DAMAGED; /* an index entry of nothing */
	return err == LB_OK ? lb_eligible_settle_all(tx, lapse->identity) : err;
}

/* What the policy does not have any more goes; what it gives for a shorter time now lapses sooner. */
static int
sync_attestation(struct lb_tx *tx, struct lb_attestation *a)
{
	const struct lb_policy *p = tx->k->policy;
	const struct lb_policy_check *check = lb_policy_check(p, a->check);

	if (check == NULL || lb_policy_identity(p, a->identity) == NULL)
		return lb_attested_end(tx, a, "", "the policy no longer has it");
	if (a->at_s + check->valid_s >= a->until_s)
		return LB_OK;
	a->until_s = a->at_s + check->valid_s;
	return lb_store_put_attestation(tx->store, a);
}

static int
sync_eligibility(struct lb_tx *tx, struct lb_eligibility *e)
{
	const struct lb_policy *p = tx->k->policy;
	const struct lb_policy_role *role = lb_policy_role(p, e->role);

	if (role == NULL || !lb_policy_needs_eligibility(role) ||
	    !lb_policy_may_request(p, e->role, e->identity))
		return lb_eligible_end(tx, e, "", "the policy no longer allows it");
	if (e->state != LB_ELIGIBLE_HOLDS || e->approved_s + role->eligible_for_s >= e->until_s)
		return LB_OK;
	e->until_s = e->approved_s + role->eligible_for_s;
	return lb_store_put_eligibility(tx->store, e);
}

int
lb_eligible_sync(struct lb_tx *tx)
{
	struct lb_attestation a = {0};
	struct lb_eligibility e = {0};
	int err;

	while ((err = lb_store_next_attestation(tx->store, &a)) == LB_OK)
		if (a.state == LB_ATTESTED_HOLDS && (err = sync_attestation(tx, &a)) != LB_OK)
			return err;
	if (err != LB_ERR_NOT_FOUND)
		return err;
	while ((err = lb_store_next_eligibility(tx->store, &e)) == LB_OK)
		if (e.state != LB_ELIGIBLE_ENDED && (err = sync_eligibility(tx, &e)) != LB_OK)
			return err;
	return err == LB_ERR_NOT_FOUND ? LB_OK : err;
}
