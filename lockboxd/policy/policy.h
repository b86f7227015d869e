/*
 * The policy: who exists, who may ask for what, who approves, and what a role
 * carries.  Read whole from a source, checked whole, then never changed.
 *
 * Used by the warden (what may be published), the keeper (who may do what) and
 * the command line (`lockbox check`).  It never prints, never logs, reads no
 * file, no environment and no directory service: everything it looks at is in
 * the source.  Parsing uses libconfuse, whose scanner has state of its own:
 * one parse at a time per process.
 */
#ifndef LB_POLICY_POLICY_H
#define LB_POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/hours.h"
#include "policy/report.h"
#include "policy/source.h"
#include "policy/zone.h"

#define LB_POLICY_IDENTITIES_MAX 10000u
#define LB_POLICY_TEAMS_MAX 1000u
#define LB_POLICY_ROLES_MAX 1000u
#define LB_POLICY_CUSTOMERS_MAX 100u
#define LB_POLICY_RULES_MAX 64u
#define LB_POLICY_LEVELS_MAX 4u	   /* levels of approval: a role's, and what rules add */
#define LB_POLICY_APPROVALS_MAX 8u /* approvals that all of them need together */
#define LB_POLICY_LONGEST_WAIT_S                                                                   \
	(38u * 86400u)		/* between a request and its claim: start-ahead, lifetime, window */
#define LB_POLICY_CHECKS_MAX 8u /* personnel checks of a role */
#define LB_POLICY_NO_ID UINT32_MAX /* a uid or gid that nobody has */

struct lb_policy;

/* A list of texts; no text is there twice. */
struct lb_policy_names {
	const char *const *name;
	size_t count;
};

/* Settings of the host (lockbox.conf).  Texts are never NULL, here and below. */
struct lb_policy_host {
	const char *name;      /* host name in statements; "" when the caller is to fill it in */
	const char *gate_user; /* the user that `ssh lockbox@host` logs in as */
	uint32_t gate_uid;     /* its uid, or LB_POLICY_NO_ID when there is no such user */
	const char *home_base; /* where the homes of temporary accounts are made */
	const char *shell;     /* login shell where a role names none */
	uint32_t request_lifetime_s;	 /* a request not decided by then lapses */
	uint32_t claim_window_s;	 /* an approved request not claimed by then lapses */
	uint32_t warn_before_s;		 /* the person is warned so long before the end */
	struct lb_policy_names auditors; /* teams that may read the record */
	const char *customer;		 /* whose host it is, "": nobody's */
	const char *ticket_url;		 /* with %s where the ticket goes; "" when none */
	struct lb_policy_names labels;	 /* what rules may go by */
};

/* One SSH public key of an identity. */
struct lb_policy_key {
	const char *type;    /* "ssh-ed25519" */
	const char *base64;  /* the key as one word, canonical */
	const uint8_t *blob; /* decoded */
	size_t blob_len;
	const char *comment;	 /* "" when there is none */
	const char *fingerprint; /* "SHA256:...", as `ssh-keygen -l` prints it */
};

struct lb_policy_identity {
	const char *name;
	const char *mail;		  /* "" when none */
	const char *unix_user;		  /* "" when none: then only keys say who this is */
	uint32_t uid;			  /* of unix_user, never 0, or LB_POLICY_NO_ID */
	struct lb_policy_names key_texts; /* the keys as written */
	const struct lb_policy_key *keys; /* key_texts.count of them, in that order */
	bool isolated; /* works from a place that does nothing else; the operators' word */
	bool mfa;      /* has a second factor; the operators' word */
};

struct lb_policy_team {
	const char *name;
	struct lb_policy_names members; /* identities, in byte order */
};

/*
 * Whoever the data belong to.  What stands here is a proposal: who decides for
 * a customer, and whether anybody does, is what his approvers have signed.
 */
struct lb_policy_customer {
	const char *name;
	struct lb_policy_names approvers; /* identities, in no team */
	uint32_t approvals;		  /* how many must approve, from 1 */
};

/* A personnel check: who may say that somebody has passed it, and how long that is good. */
struct lb_policy_check {
	const char *name;
	struct lb_policy_names attesters; /* teams */
	uint32_t valid_s;
};

/* One level of approval; the levels of a role are asked in their order. */
struct lb_policy_level {
	const char *name;
	struct lb_policy_names approvers; /* teams */
	uint32_t approvals;		  /* how many must approve, from 1 */
	bool same_person;		  /* who counted for an earlier level may count here too */
};

/* What a role is for, one of several; "role--resource" is the role that is for it alone. */
struct lb_policy_resource {
	const char *name, *description, *customer;
	struct lb_policy_names groups, sudo;
	const char *path;   /* that it gives access to, or "" */
	const char *access; /* "read" or "write" */
};

struct lb_policy_role {
	const char *name;
	const char *base, *resource; /* of one that is for a resource alone; else NULL */
	const char *path, *access;   /* of that resource; "" when it gives access to none */
	const struct lb_policy_resource *resources; /* nobody has the role itself when it has any */
	size_t resource_count;
	const char *description;
	struct lb_policy_names requesters;   /* teams; with managers: who may become eligible */
	const struct lb_policy_level *level; /* levels of them, from 1; one when written short */
	size_t levels;
	struct lb_policy_names approvers; /* as written short; none when levels are written */
	uint32_t approvals;		  /* the same */
	uint32_t max_duration_s;
	uint32_t default_duration_s;   /* when the request names none */
	struct lb_policy_names groups; /* Unix groups, */
	const uint32_t *gids;	       /* and their gids, groups.count of them, never 0 */
	struct lb_policy_names sudo;   /* commands with their exact arguments */
	const char *sudo_as;	       /* the user they run as */
	uint32_t sessions;	       /* how many may be open at once */
	const char *shell;	       /* never "": the host's when the role names none */
	bool root_equivalent;
	const char *permission; /* "read-only", "change"; of a root-equivalent role "change" */
	bool port_forwarding;
	bool signed_approvals; /* an approval counts only with a signature */
	const char *customer;  /* whose data it touches; "": the host's, or nobody's */
	uint32_t request_lifetime_s, claim_window_s; /* the host's where the role names none */
	uint32_t start_ahead_s; /* how far ahead of the request its start may lie */
	uint32_t max_day_s;	/* most that one person is granted within 24 h; 0: no such bound */
	struct lb_policy_names hours; /* when it is open; none: always */
	const struct lb_hours *open;  /* the same, read: hours.count of them */
	const char *time_zone;	      /* of the hours */
	struct lb_zone zone;	      /* its rule */
	const char *starts_word;
	uint32_t starts;     /* enum lb_starts: when the duration begins */
	const char *account; /* "temporary", or "own": the requester's unix-user */
	/*
	 * Who is to be given the role must be eligible for it: teams that approve
	 * that, none when nobody needs to be, and nothing below counts then.
	 */
	struct lb_policy_names managers;
	struct lb_policy_names checks; /* that must have been passed */
	const char *requires;	       /* role that one must be eligible for as well, or "" */
	uint32_t eligible_for_s;
	bool ends_with_eligibility; /* and so do its active grants */
	/* Break-glass: approved at once for these identities; none: for nobody, and the rest is unset. */
	struct lb_policy_names break_glass;
	struct lb_policy_names alarms;	  /* teams that are told */
	struct lb_policy_names reviewers; /* teams that close the review */
	uint32_t break_glass_s;		  /* longest of it */
	uint32_t review_within_s;	  /* of its end */
	uint32_t review_block; /* no more of it to who has so many reviews overdue; 0: never */
};

/*
 * A rule: of the requests that all its conditions hold for it approves the
 * role's levels, or adds a level to them (rule.h).  A list holds when one of its
 * items does; what is empty, "" or 0 is no condition.
 */
struct lb_policy_rule {
	const char *name;
	struct lb_policy_names roles, resources, permissions;
	struct lb_policy_names identities, teams;  /* somebody named, or in one of the teams */
	const char *isolated, *mfa, *hardware_key; /* "true", "false" or "" */
	struct lb_policy_names tickets;		   /* patterns; "": no ticket */
	struct lb_policy_names labels;		   /* of the host */
	uint32_t at_most_s, longer_than_s;
	struct lb_policy_names hours;
	const struct lb_hours *open; /* the same, read */
	const char *time_zone;
	struct lb_zone zone;
	bool approve;
	struct lb_policy_names approvers; /* of the level that it adds; with approve: none */
	uint32_t approvals;		  /* 0: as 1 */
	bool same_person;
	struct lb_policy_level level; /* the same; its name is the rule's */
};

/*
 * Parses and checks source.  On success *policy is the caller's, to be given
 * to lb_policy_free(); source may be freed.  Every error found is reported, up
 * to LB_REPORT_MAX.  LB_ERR_MALFORMED when any was; LB_ERR_NOMEM.  Warnings do
 * not make it fail.  Does not block.
 */
int lb_policy_parse(const struct lb_policy_source *source, struct lb_report *report,
		    struct lb_policy **policy);
void lb_policy_free(struct lb_policy *policy);

/*
 * What is returned below stays valid until lb_policy_free().  Look-ups give
 * NULL or false for what is not there; a NULL name is not there.
 */
const struct lb_policy_host *lb_policy_host(const struct lb_policy *policy);
const uint8_t *lb_policy_digest(const struct lb_policy *policy); /* LB_POLICY_DIGEST_SIZE bytes */

/* In byte order of their names; NULL at the end of the list. */
size_t lb_policy_identities(const struct lb_policy *policy);
const struct lb_policy_identity *lb_policy_identity_at(const struct lb_policy *policy, size_t i);
size_t lb_policy_teams(const struct lb_policy *policy);
const struct lb_policy_team *lb_policy_team_at(const struct lb_policy *policy, size_t i);
size_t lb_policy_checks(const struct lb_policy *policy);
const struct lb_policy_check *lb_policy_check_at(const struct lb_policy *policy, size_t i);
size_t lb_policy_roles(const struct lb_policy *policy);
const struct lb_policy_role *lb_policy_role_at(const struct lb_policy *policy, size_t i);

size_t lb_policy_customers(const struct lb_policy *policy);
const struct lb_policy_customer *lb_policy_customer_at(const struct lb_policy *policy, size_t i);

size_t lb_policy_rules(const struct lb_policy *policy);
const struct lb_policy_rule *lb_policy_rule_at(const struct lb_policy *policy, size_t i);

const struct lb_policy_customer *lb_policy_customer(const struct lb_policy *policy,
						    const char *name);
/* The name of the customer that a role, or else the host, is labelled with; "" for none. */
const char *lb_policy_customer_of(const struct lb_policy *policy,
				  const struct lb_policy_role *role);
const struct lb_policy_identity *lb_policy_identity(const struct lb_policy *policy,
						    const char *name);
const struct lb_policy_team *lb_policy_team(const struct lb_policy *policy, const char *name);
const struct lb_policy_check *lb_policy_check(const struct lb_policy *policy, const char *name);
const struct lb_policy_role *lb_policy_role(const struct lb_policy *policy, const char *name);
const struct lb_policy_rule *lb_policy_rule(const struct lb_policy *policy, const char *name);
/* "read-only", "change" or "root-equivalent". */
const char *lb_policy_permission(const struct lb_policy_role *role);

/* True when the role is worked with on the requester's own Unix account, of which nothing is changed. */
bool lb_policy_role_own(const struct lb_policy_role *role);
/* What a role gives access to: "read /var/log/app", or "". */
#define LB_POLICY_ACCESS_TEXT 160
void lb_policy_role_access(const struct lb_policy_role *role, char out[LB_POLICY_ACCESS_TEXT]);

/* True when both carry the same: a path, account, groups, commands and whom they run as, shell, forwarding. */
bool lb_policy_role_same(const struct lb_policy_role *a, const struct lb_policy_role *b);
/* The identity whose unix-user has this uid; never one for uid 0. */
const struct lb_policy_identity *lb_policy_identity_by_uid(const struct lb_policy *policy,
							   uint32_t uid);
/*
 * The identity that owns this SSH key, given as sshd gives it to an
 * AuthorizedKeysCommand: type and base64.  *key, when key is not NULL, is set
 * to the key itself.
 */
const struct lb_policy_identity *lb_policy_identity_by_key(const struct lb_policy *policy,
							   const char *type, const char *base64,
							   const struct lb_policy_key **key);

/*
 * The first moment not before at_s at which a role is open, and the first after
 * it at which it is closed; a role without hours is open always, and closes at
 * UINT64_MAX.  Unix seconds.
 */
uint64_t lb_policy_role_opens(const struct lb_policy_role *role, uint64_t at_s);
uint64_t lb_policy_role_closes(const struct lb_policy_role *role, uint64_t at_s);

bool lb_policy_in_team(const struct lb_policy *policy, const char *team, const char *identity);
/* True when somebody is in any team: such a person decides for no customer. */
bool lb_policy_in_a_team(const struct lb_policy *policy, const char *identity);
/* Joins names with ", " into out; what does not fit is cut with "...". */
void lb_policy_join(char *out, size_t cap, const struct lb_policy_names *names);
/* True when somebody else than the identity is in one of the teams. */
bool lb_policy_another(const struct lb_policy *policy, const struct lb_policy_names *teams,
		       const char *identity);
/* These look at teams alone; that nobody approves his own is the caller's to check as well. */
bool lb_policy_level_approver(const struct lb_policy *policy, const struct lb_policy_level *level,
			      const char *identity);
bool lb_policy_may_request(const struct lb_policy *policy, const char *role, const char *identity);
bool lb_policy_may_approve(const struct lb_policy *policy, const char *role, const char *identity);
/* The same of eligibility: who approves it for a role, who attests a check. */
bool lb_policy_manager(const struct lb_policy *policy, const struct lb_policy_role *role,
		       const char *identity);
bool lb_policy_attester(const struct lb_policy *policy, const struct lb_policy_check *check,
			const char *identity);
/* True when somebody must be eligible for the role before he may ask for it. */
bool lb_policy_needs_eligibility(const struct lb_policy_role *role);
/* True when somebody may have the role by break-glass; when he closes reviews of it; when he is told of it. */
bool lb_policy_breaks_glass(const struct lb_policy_role *role, const char *identity);
bool lb_policy_reviews(const struct lb_policy *policy, const struct lb_policy_role *role,
		       const char *identity);
bool lb_policy_alarmed(const struct lb_policy *policy, const struct lb_policy_role *role,
		       const char *identity);
bool lb_policy_is_auditor(const struct lb_policy *policy, const char *identity);

/*
 * Writes the whole policy, defaults included, in canonical form: parsed as a
 * lockbox.conf it gives the same policy.  *text (malloc, NUL-terminated) is the
 * caller's; len is without the NUL.  LB_ERR_NOMEM.
 */
int lb_policy_dump(const struct lb_policy *policy, char **text, size_t *len);

#endif
