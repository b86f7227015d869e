/*
 * The requests that people make, as one table: what has no row is refused.
 */
#ifndef LB_DISPATCH_H
#define LB_DISPATCH_H

#include "err.h"
#include "keeper/state.h"

/* Who asks, for a handler. */
struct lb_caller {
	struct lb_target target;
	struct lb_peer *peer;
	uid_t uid;
	const char *identity;	 /* "" when none */
	const char *fingerprint; /* of the key that named it; "" locally */
	const char *actor;	 /* for the record: the identity, or "root" */
	bool root;
};

/*
 * Handles one decoded request of a public connection inside tx.  LB_OK also
 * for a refusal; an error means the transaction must be given up.
 */
int lb_dispatch(struct lb_tx *tx, struct lb_peer *peer, uint16_t type, const union lb_msg *msg);

/* Queues a refusal.  Returns what the handler is to return. */
int lb_refuse(struct lb_tx *tx, const struct lb_caller *who, enum lb_refusal code,
	      const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Queues the closing DONE. */
int lb_done(struct lb_tx *tx, const struct lb_caller *who);

/* Handlers: ask.c, decide.c, sign.c, personnel.c, claim.c, record.c, keys.c, health.c. */
typedef int lb_handler(struct lb_tx *tx, const struct lb_caller *who, const union lb_msg *msg);
lb_handler lb_do_extend;
lb_handler lb_do_review, lb_do_acknowledge, lb_do_metrics;
lb_handler lb_do_roles, lb_do_request, lb_do_list, lb_do_show;
lb_handler lb_do_approve, lb_do_deny, lb_do_cancel, lb_do_end, lb_do_revoke;
lb_handler lb_do_statement, lb_do_approve_signed, lb_do_evidence;
lb_handler lb_do_customer, lb_do_customer_change;
lb_handler lb_do_eligibility, lb_do_eligibility_request, lb_do_attest;
lb_handler lb_do_eligibility_approve, lb_do_eligibility_revoke;
lb_handler lb_do_wait, lb_do_claim, lb_do_audit, lb_do_keys, lb_do_health, lb_do_reset_clock;

/*
 * The next live grant of one identity, in order of its id: begin with *after 0.
 * LB_ERR_NOT_FOUND when there is none any more.
 */
int lb_next_own(struct lb_tx *tx, const char *identity, uint64_t *after, struct lb_grant *grant);

/*
 * The grant that the caller means: by id, or with id 0 the only one of the
 * caller's own in one of the states (bits 1 << state).  Refuses (LB_ERR_REFUSED,
 * the refusal is queued) when there is none that the caller may see, or several.
 */
int lb_find_grant(struct lb_tx *tx, const struct lb_caller *who, uint64_t id, unsigned states,
		  struct lb_grant *grant);
/* True when the caller has anything to do with the grant. */
bool lb_may_see(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *grant);

/*
 * Takes from the caller's budget of what may be written on his word.  LB_OK;
 * LB_ERR_REFUSED, the refusal is queued; or a failure.
 */
int lb_spend(struct lb_tx *tx, const struct lb_caller *who);

/*
 * Makes a request of the caller's for a role, of which ticket, reason, duration,
 * start and what it extends are filled in, and answers with it.  Refuses what
 * the role's customer, the most of a day or of one person do not allow.
 */
int lb_file_request(struct lb_tx *tx, const struct lb_caller *who,
		    const struct lb_policy_role *role, struct lb_grant *grant);

/*
 * What one person may have of a role within a day of the grant's start (when
 * that is past: of now), all requests and grants together but for this one.
 * Refuses (LB_ERR_REFUSED, queued) when its duration is more than is left.
 */
int lb_check_day(struct lb_tx *tx, const struct lb_caller *who, const struct lb_policy_role *role,
		 const struct lb_grant *grant);

/* LB_ERR_REFUSED inside a handler means that the refusal is queued: then all is well. */
static inline int
lb_settled(int err)
{
	return err == LB_ERR_REFUSED ? LB_OK : err;
}

/* What a function returns that has queued a refusal with err. */
static inline int
lb_refused(int err)
{
	return err == LB_OK ? LB_ERR_REFUSED : err;
}

/* What a role carries, as text: its groups, and its commands with the user they run as. */
void lb_role_texts(const struct lb_policy_role *role, char groups[LB_LIST_MAX + 1],
		   char sudo[LB_LIST_MAX + 1]);

/* Notes in grant, whose identity is set, what the role carries: what is asked for is approved, and no more than that is given. */
void lb_role_note(const struct lb_policy *policy, const struct lb_policy_role *role,
		  struct lb_grant *grant);
/*
 * True while the role still is what was asked for, until the claim its levels
 * of approval and who has the last word as well, and the identity may have it for so long, or once it is claimed for what is left of it.  Sessions and forwarding are not compared: the narrower of what
 * was approved and what the policy says now holds (lb_role_sessions() and
 * lb_role_forwards()).
 */
bool lb_role_unchanged(struct lb_tx *tx, const struct lb_grant *grant);
uint32_t lb_role_sessions(const struct lb_policy_role *role, const struct lb_grant *grant);
bool lb_role_forwards(const struct lb_policy_role *role, const struct lb_grant *grant);

/*
 * Moves grant by step and does what can be done from here: voids the password,
 * stamps the end, tells the warden to evict.  cause "" keeps the old one.
 */
int lb_move(struct lb_tx *tx, struct lb_grant *grant, const struct lb_step *step,
	    const char *cause);

/*
 * A claim whose account was never made, which step undoes: records why, and the grant is approved
 * again, with neither name nor uid.
 */
int lb_claim_undo(struct lb_tx *tx, const struct lb_policy_role *role, struct lb_grant *grant,
		  const struct lb_step *step, const char *fault);

/* Fills the view that people get of a grant. */
void lb_view(struct lb_tx *tx, const struct lb_grant *grant, struct lb_msg_grant *view);
/* The same with what it is to the caller: what answers him. */
void lb_view_for(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *grant,
		 struct lb_msg_grant *view);
/* enum lb_permission of a role; NULL: unknown. */
uint8_t lb_role_permission(const struct lb_policy_role *role);
/* Queues a grant's view and DONE; the second for one that was there before the caller asked. */
int lb_answer_grant(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *grant);
int lb_answer_found(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *grant);

/* Joins names with ", " into out; what does not fit is cut with "...". */
void lb_join(char *out, size_t cap, const struct lb_policy_names *names);

#endif
