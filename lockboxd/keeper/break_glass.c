/* Break-glass: see break_glass.h. */
#include "keeper/break_glass.h"

#include <stdio.h>
#include <string.h>

#include "err.h"
#include "keeper/audit.h"
#include "keeper/caller.h"
#include "keeper/clocks.h"
#include "keeper/customer.h"
#include "text.h"

#define TOLD_MAX 700 /* of the names of those who are told, in the record */

uint32_t
lb_break_glass_default(const struct lb_policy_role *role, bool break_glass)
{
	if (break_glass && role->break_glass_s != 0 &&
	    role->break_glass_s < role->default_duration_s)
		return role->break_glass_s;
	return role->default_duration_s;
}

/* Whether anybody is left of the customer, besides the engineer, who is told and may revoke. */
static bool
anybody_told(struct lb_tx *tx, const char *customer, const char *engineer)
{
	const struct lb_policy *p = tx->k->policy;

	for (size_t i = 0; i < lb_policy_identities(p); i++) {
		const char *identity = lb_policy_identity_at(p, i)->name;

		if (strcmp(identity, engineer) != 0 &&
		    lb_customer_in_roster(tx, customer, identity))
			return true;
	}
	return false;
}

/*
 * LB_ERR_NOT_FOUND: no customer has the last word; LB_ERR_REFUSED: one has, and does
 * not consent; LB_ERR_UNREACHABLE: nor could anybody of it be told.
 */
static int
consent(struct lb_tx *tx, const struct lb_policy_role *role, const char *engineer,
	struct lb_customer *customer)
{
	int err = lb_customer_of(tx, role, customer);

	if (err == LB_OK && !customer->break_glass)
		return LB_ERR_REFUSED;
	return err == LB_OK && !anybody_told(tx, customer->name, engineer) ? LB_ERR_UNREACHABLE
									   : err;
}

static int
check_customer(struct lb_tx *tx, const struct lb_caller *who, const struct lb_policy_role *role)
{
	struct lb_customer customer;
	int err = consent(tx, role, who->identity, &customer);

	if (err == LB_ERR_UNREACHABLE)
		return lb_refused(lb_refuse(tx, who, LB_NO_PERMISSION,
					    "nobody of customer %s, who is told of break-glass on "
					    "%s, is in the policy; ask for it without "
					    "--break-glass",
					    customer.name, role->name));
	if (err != LB_ERR_REFUSED)
		return err == LB_OK || err == LB_ERR_NOT_FOUND || err == LB_ERR_EXISTS ? LB_OK
										       : err;
	return lb_refused(lb_refuse(tx, who, LB_NO_PERMISSION,
				    "customer %s has the last word on %s and has not consented to "
				    "break-glass; ask for it without --break-glass",
				    customer.name, role->name));
}

/* Who leaves reviews open does not break the next glass. */
static int
check_overdue(struct lb_tx *tx, const struct lb_caller *who, const struct lb_policy_role *role)
{
	uint64_t open, overdue;
	int err;

	if (role->review_block == 0)
		return LB_OK;
	err = lb_review_count(tx, who->identity, &open, &overdue);
	if (err != LB_OK || overdue < role->review_block)
		return err;
	return lb_refused(lb_refuse(tx, who, LB_NOT_NOW,
				    "%llu reviews of your break-glass are overdue, and %s takes no "
				    "more of it until they are closed: see status; ask for it "
				    "without --break-glass",
				    (unsigned long long)overdue, role->name));
}

int
lb_break_glass_check(struct lb_tx *tx, const struct lb_caller *who,
		     const struct lb_policy_role *role, const struct lb_msg_request *r,
		     uint32_t duration_s)
{
	char most[LB_DURATION_TEXT];
	int err;

	if (r->break_glass > 1)
		return lb_refused(lb_refuse(tx, who, LB_BAD_INPUT, "no such kind of request"));
	if (!lb_policy_breaks_glass(role, who->identity))
		return lb_refused(lb_refuse(tx, who, LB_NO_PERMISSION,
					    "you are not among those who may have %s by "
					    "break-glass; ask for it without --break-glass",
					    role->name));
	if (r->start_s != 0)
		return lb_refused(lb_refuse(tx, who, LB_BAD_INPUT,
					    "break-glass is for now: leave --start-at out"));
	if (duration_s > role->break_glass_s) {
		lb_duration_format(most, role->break_glass_s);
		return lb_refused(
			lb_refuse(tx, who, LB_OVER_LIMIT,
				  "%s is had by break-glass for at most %s; ask for --for "
				  "%s or less, and extend it then",
				  role->name, most, most));
	}
	err = check_customer(tx, who, role);
	return err == LB_OK ? check_overdue(tx, who, role) : err;
}

int
lb_break_glass_begin(struct lb_tx *tx, const struct lb_policy_role *role, struct lb_grant *g)
{
	struct lb_step step;
	const char *why;

	/* It was made in this moment, so it waits; LCOV_EXCL_START */
	if (lb_grant_step(g, LB_EVENT_APPROVE_LAST, tx->now_s, &step, &why) != LB_OK)
		return LB_ERR_INTERNAL;
	/* LCOV_EXCL_STOP */
	g->state = step.next;
	lb_clocks_approved(role, g, tx->now_s);
	g->review = LB_REVIEW_OPEN;
	g->review_within_s = role->review_within_s;
	return LB_OK;
}

bool
lb_break_glass_extended(struct lb_tx *tx, const struct lb_grant *extension)
{
	struct lb_grant g;

	return extension->extends != 0 &&
	       (lb_store_grant(tx->store, extension->extends, &g) != LB_OK || g.break_glass);
}

/* Everybody whom the role or the customer tells of it, but the person. */
static bool
is_told(struct lb_tx *tx, const struct lb_policy_role *role, const struct lb_grant *g,
	const char *identity)
{
	return strcmp(identity, g->identity) != 0 &&
	       (lb_policy_alarmed(tx->k->policy, role, identity) ||
		(g->customer[0] != '\0' && lb_customer_in_roster(tx, g->customer, identity)));
}

int
lb_break_glass_alarm(struct lb_tx *tx, const struct lb_caller *who,
		     const struct lb_policy_role *role, const struct lb_grant *g)
{
	const struct lb_policy *p = tx->k->policy;
	char told[TOLD_MAX] = "", within[LB_DURATION_TEXT];
	size_t used = 0, count = 0;
	int err = LB_OK;

	for (size_t i = 0; err == LB_OK && i < lb_policy_identities(p); i++) {
		const char *identity = lb_policy_identity_at(p, i)->name;

		if (!is_told(tx, role, g, identity))
			continue;
		if (used < sizeof told)
			used += (size_t)snprintf(told + used, sizeof told - used, "%s%s",
						 count > 0 ? ", " : "", identity);
		count++;
		err = lb_store_put_notice(tx->store, identity, g->id);
	}
	if (err != LB_OK)
		return err;
	if (used >= sizeof told)
		memcpy(told + sizeof told - 4, "...", 4);
	lb_duration_format(within, g->review_within_s);
	err = lb_audit(tx, "break-glass", g, who->actor,
		       "ALARM: approved at once, by nobody; %zu told: %s; review within %s of its "
		       "end; reason: %s",
		       count, told, within, g->reason);
	if (err == LB_OK && g->customer[0] != '\0')
		err = lb_audit(tx, "customer-notified", g, "",
			       "%s has consented to break-glass in advance, and may revoke",
			       g->customer);
	return err;
}

bool
lb_break_glass_may(struct lb_tx *tx, const struct lb_grant *g)
{
	const struct lb_policy_role *role = lb_policy_role(tx->k->policy, g->role);
	struct lb_customer customer;
	int err;

	if (role == NULL || !lb_policy_breaks_glass(role, g->identity))
		return false;
	err = consent(tx, role, g->identity, &customer);
	return err == LB_OK || err == LB_ERR_NOT_FOUND;
}

/* -- reviews ------------------------------------------------------------------------------ */

static bool
is_open(const struct lb_grant *g)
{
	return g->review == LB_REVIEW_OPEN;
}

static bool
overdue(const struct lb_tx *tx, const struct lb_grant *g)
{
	return is_open(g) && g->review_due_s != 0 && tx->now_s >= g->review_due_s;
}

/* Somebody is to be left who can close it when the role says nobody any more. */
static bool
reviewer(const struct lb_tx *tx, const struct lb_grant *g, const char *identity)
{
	const struct lb_policy *p = tx->k->policy;
	const struct lb_policy_role *role = lb_policy_role(p, g->role);

	if (identity[0] == '\0' || strcmp(identity, g->identity) == 0)
		return false;
	if (role == NULL || role->reviewers.count == 0)
		return lb_policy_is_auditor(p, identity);
	return lb_policy_reviews(p, role, identity);
}

uint8_t
lb_review_concerns(struct lb_tx *tx, const char *identity, const struct lb_grant *g)
{
	unsigned bits = 0;

	if (!is_open(g) || identity[0] == '\0')
		return 0;
	if (lb_store_has_notice(tx->store, identity, g->id))
		bits |= LB_CONCERNS_ALARM;
	if (reviewer(tx, g, identity))
		bits |= LB_CONCERNS_REVIEW;
	return (uint8_t)bits;
}

void
lb_review_view(struct lb_tx *tx, const char *identity, const struct lb_grant *g,
	       struct lb_msg_grant *v)
{
	v->break_glass = g->break_glass;
	v->review = g->review;
	v->review_due_s = g->review_due_s;
	v->reviewed_s = g->reviewed_s;
	memcpy(v->reviewer, g->reviewer, sizeof v->reviewer);
	memcpy(v->remark, g->remark, sizeof v->remark);
	v->concerns = (uint8_t)(lb_review_concerns(tx, identity, g) |
				(overdue(tx, g) ? LB_CONCERNS_OVERDUE : 0));
}

bool
lb_review_lists(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *g)
{
	return who->root || lb_policy_is_auditor(tx->k->policy, who->identity) ||
	       strcmp(g->identity, who->identity) == 0 ||
	       lb_review_concerns(tx, who->identity, g) != 0;
}

int
lb_review_count(struct lb_tx *tx, const char *identity, uint64_t *open, uint64_t *late)
{
	struct lb_grant g;
	uint64_t after = 0;
	int err;

	*open = *late = 0;
	while ((err = lb_store_next_review(tx->store, after, &g)) == LB_OK) {
		after = g.id;
		if (identity != NULL && strcmp(g.identity, identity) != 0)
			continue;
		++*open;
		*late += overdue(tx, &g);
	}
	return err == LB_ERR_NOT_FOUND ? LB_OK : err;
}
