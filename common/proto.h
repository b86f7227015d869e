/*
 * The messages between lockboxd and its clients.  PROTOCOL gives the bytes,
 * the limits and the order of messages; this is the same in C.
 *
 * Nothing here blocks or allocates.
 */
#ifndef LB_PROTO_H
#define LB_PROTO_H

#include <stddef.h>
#include <stdint.h>

#include "fields.h"
#include "name.h"

#define LB_PUBLIC_SOCKET "/run/lockbox/public.sock" /* anyone may connect */
#define LB_PAM_SOCKET "/run/lockbox/pam.sock"	    /* root only */

#define LB_PROTO_VERSION 2
#define LB_HEADER_SIZE 8
#define LB_PAYLOAD_MAX 8192u

/* Longest texts, in bytes without the NUL. */
#define LB_REASON_MAX 500
#define LB_TICKET_MAX 64
#define LB_LIST_MAX 1500 /* groups, commands, names, joined by ", " */
#define LB_PASSWORD_MAX 64
#define LB_USER_MAX 64 /* user names that PAM brings: any user's */
#define LB_SERVICE_MAX 64
#define LB_RHOST_MAX 255
#define LB_TTY_MAX 64
#define LB_KEY_TYPE_MAX 64
#define LB_KEY_BLOB_MAX 2800 /* base64 */
#define LB_FINGERPRINT_MAX 63
#define LB_DETAIL_MAX 1500
#define LB_HOST_MAX 63
#define LB_STATEMENT_MAX 6200 /* what an approver signs */
#define LB_SIGNATURE_MAX 1024 /* as ssh-keygen writes it */
#define LB_KEY_LINE_MAX 600   /* a key that may sign: type and base64 */
#define LB_TEAMS_MAX 198      /* of a level, joined by ", " */
#define LB_URL_MAX 200
#define LB_ACCESS_MAX 200
#define LB_SIGNATURES_MAX 4096 /* several, one after the other */
#define LB_CHANGE_MAX 2500     /* a customer's statement */
#define LB_SCOPE_MAX 800
#define LB_EARLIER_MAX 200
#define LB_HOURS_MAX 300     /* hours of a role, joined by ", " */
#define LB_ZONE_MAX 64	     /* name of a time zone */
#define LB_PATH_TEXT_MAX 140 /* "read /var/log/app" */
#define LB_RESOURCES_MAX 600 /* names of a role's resources, joined by ", " */

#define LB_PEOPLE_MAX 1000 /* of a request, joined by ", " */
#define LB_REMARK_MAX 300  /* what a review says */
#define LB_OTHERS_MAX 198  /* who else may act on a grant, joined by ", " */

#define LB_CHECKS_MAX 8	    /* personnel checks of one role */
#define LB_LEVELS_MAX 5	    /* levels of approval: those of a role, and a customer's */
#define LB_APPROVALS_MAX 12 /* approvals of one request */

/* Message types.  Replies have the top bit set. */
enum lb_type {
	LB_MSG_AS = 1,
	LB_MSG_ROLES = 2,
	LB_MSG_REQUEST = 3,
	LB_MSG_LIST = 4,
	LB_MSG_SHOW = 5,
	LB_MSG_APPROVE = 6,
	LB_MSG_DENY = 7,
	LB_MSG_CANCEL = 8,
	LB_MSG_CLAIM = 9,
	LB_MSG_END = 10,
	LB_MSG_REVOKE = 11,
	LB_MSG_AUDIT = 12,
	LB_MSG_KEYS = 13,
	LB_MSG_HEALTH = 14,
	LB_MSG_RESET_CLOCK = 15,
	LB_MSG_WAIT = 16,
	LB_MSG_STATEMENT = 24,
	LB_MSG_EVIDENCE = 25,
	LB_MSG_APPROVE_SIGNED = 26,
	LB_MSG_CUSTOMER = 32,
	LB_MSG_CUSTOMER_CHANGE = 33,
	LB_MSG_EXTEND = 40,
	LB_MSG_ELIGIBILITY = 48,
	LB_MSG_ELIGIBILITY_REQUEST = 49,
	LB_MSG_ATTEST = 50,
	LB_MSG_ELIGIBILITY_APPROVE = 51,
	LB_MSG_ELIGIBILITY_REVOKE = 52,
	LB_MSG_REVIEW = 56,
	LB_MSG_ACKNOWLEDGE = 57,
	LB_MSG_METRICS = 58,

	LB_MSG_PAM_AUTH = 64,
	LB_MSG_PAM_ACCOUNT = 65,
	LB_MSG_PAM_OPEN = 66,
	LB_MSG_PAM_CLOSE = 67,
	LB_MSG_PAM_EXEMPT = 68,

	LB_REPLY = 0x8000,
	LB_MSG_DONE = LB_REPLY | 1,
	LB_MSG_REFUSED = LB_REPLY | 2,
	LB_MSG_ROLE = LB_REPLY | 3,
	LB_MSG_GRANT = LB_REPLY | 4,
	LB_MSG_CLAIMED = LB_REPLY | 5,
	LB_MSG_RECORD = LB_REPLY | 6,
	LB_MSG_KEY = LB_REPLY | 7,
	LB_MSG_VERDICT = LB_REPLY | 8,
	LB_MSG_HEALTH_REPORT = LB_REPLY | 9,
	LB_MSG_TO_SIGN = LB_REPLY | 24,
	LB_MSG_SIGNED = LB_REPLY | 25,
	LB_MSG_CUSTOMER_VIEW = LB_REPLY | 32,
	LB_MSG_ELIGIBLE = LB_REPLY | 48,
	LB_MSG_ATTESTED = LB_REPLY | 49,
	LB_MSG_METRICS_REPORT = LB_REPLY | 58,
};

/* The life of a grant; see lockboxd/keeper/grant.h for who moves it. */
enum lb_state {
	LB_STATE_PENDING = 1,
	LB_STATE_APPROVED = 2,
	LB_STATE_ACTIVE = 3,
	LB_STATE_ENDING = 4, /* no longer good for anything; its processes are being ended */
	LB_STATE_ENDED = 5,
	LB_STATE_DENIED = 6,
	LB_STATE_CANCELLED = 7,
	LB_STATE_LAPSED = 8,
	LB_STATE_NOTIFIED = 9, /* all but the customer have approved: it is the customer's turn */
	LB_STATE_COUNT = 10,
};

/* Why a request was refused.  The text beside it is for people; this is for programs. */
enum lb_refusal {
	LB_NO_IDENTITY = 1,   /* the caller is nobody the policy knows */
	LB_NO_PERMISSION = 2, /* known, but may not do this */
	LB_NO_SUCH = 3,	      /* no such role, grant, … that the caller may see */
	LB_NOT_NOW = 4,	      /* the grant's state does not allow it */
	LB_OVER_LIMIT = 5,    /* more than the policy's maximum */
	LB_BAD_INPUT = 6,     /* a field is empty, too long or holds control characters */
	LB_OWN_REQUEST = 7,   /* nobody decides on their own request */
	LB_STORE_FULL = 8,    /* nothing more can be stored; endings still work */
	LB_TRY_LATER = 9,     /* an internal failure: nothing was changed */
	LB_UNSIGNED = 10,     /* the role takes signed approvals only: ask for the statement */
	LB_NOT_ELIGIBLE = 11, /* the role's person is not eligible for it, or not any more */
};

/* When the granted duration begins to count. */
enum lb_starts {
	LB_STARTS_CLAIM = 0,
	LB_STARTS_APPROVAL = 1,
	LB_STARTS_FIRST_LOGIN = 2,
	LB_STARTS_COUNT = 3,
};

enum lb_which { LB_LIST_MINE = 1, LB_LIST_PENDING = 2, LB_LIST_ALL = 3, LB_LIST_REVIEWS = 4 };

/* What becomes of break-glass: somebody else says whether it was right. */
enum lb_review {
	LB_REVIEW_NONE = 0, /* was not break-glass */
	LB_REVIEW_OPEN = 1,
	LB_REVIEW_JUSTIFIED = 2,
	LB_REVIEW_UNJUSTIFIED = 3,
	LB_REVIEW_COUNT = 4,
};

/* Somebody's eligibility for a role. */
enum lb_eligible_state {
	LB_ELIGIBLE_NEVER = 0, /* never asked for */
	LB_ELIGIBLE_PENDING = 1,
	LB_ELIGIBLE_HOLDS = 2, /* approved; whether it counts now depends on checks as well */
	LB_ELIGIBLE_ENDED = 3,
};

/* How much a role can do to the host, as the policy in force says. */
enum lb_permission {
	LB_PERMISSION_UNKNOWN = 0, /* the policy has no such role any more, or it is over */
	LB_PERMISSION_READ_ONLY = 1,
	LB_PERMISSION_CHANGE = 2,
	LB_PERMISSION_ROOT = 3, /* as good as root */
	LB_PERMISSION_COUNT = 4,
};

/* Whether one must be eligible to ask for a role, and the caller is. */
enum lb_needs { LB_NEEDS_NONE = 0, LB_NEEDS_ELIGIBILITY = 1, LB_NEEDS_AND_HAS = 2 };
/* A personnel check of somebody. */
enum lb_check_state { LB_CHECK_MISSING = 0, LB_CHECK_HOLDS = 1, LB_CHECK_ENDED = 2 };

/* Zero is no verdict, and only one value lets anybody in. */
enum lb_verdict { LB_VERDICT_DENY = 1, LB_VERDICT_ALLOW = 2 };

struct lb_msg_as {
	char identity[LB_IDENTITY_MAX + 1];
	char fingerprint[LB_FINGERPRINT_MAX + 1];
};
struct lb_msg_roles {
	char reserved; /* no fields */
};
struct lb_msg_request {
	char role[LB_ROLE_MAX + 1];
	uint32_t duration_s; /* 0: the role's default */
	char ticket[LB_TICKET_MAX + 1];
	char reason[LB_REASON_MAX + 1];
	uint64_t start_s;		    /* Unix time; 0: now */
	char resource[LB_IDENTITY_MAX + 1]; /* of the role's; "" when it has none */
	uint8_t break_glass;		    /* 1: at once, without anybody's approval */
};
struct lb_msg_extend {
	uint64_t id;	     /* 0: the only one the caller can mean */
	uint32_t duration_s; /* more than it has, not 0 */
	char reason[LB_REASON_MAX + 1];
};
struct lb_msg_list {
	uint8_t which;	/* enum lb_which */
	uint64_t after; /* grant id to go on from; 0: the start */
};
struct lb_msg_act { /* SHOW, APPROVE, DENY, CANCEL, CLAIM, END, REVOKE, STATEMENT, EVIDENCE, ACKNOWLEDGE */
	uint64_t id; /* 0: the only one the caller can mean */
	char text[LB_REASON_MAX + 1];
};
struct lb_msg_review {
	uint64_t id;
	uint8_t verdict; /* enum lb_review: LB_REVIEW_JUSTIFIED or LB_REVIEW_UNJUSTIFIED */
	char text[LB_REMARK_MAX + 1];
};
struct lb_msg_audit {
	uint64_t after; /* sequence number to go on from */
	uint64_t grant; /* 0: all */
};
struct lb_msg_keys {
	char user[LB_USER_MAX + 1];
	char type[LB_KEY_TYPE_MAX + 1];
	char blob[LB_KEY_BLOB_MAX + 1];
};
struct lb_msg_wait {
	uint64_t id;	     /* 0: the only pending one of the caller's */
	uint8_t state, have; /* as the caller has seen them; answered when they differ */
};
struct lb_msg_personnel { /* ELIGIBILITY_REQUEST, ATTEST, ELIGIBILITY_APPROVE, ELIGIBILITY_REVOKE */
	char identity[LB_IDENTITY_MAX + 1]; /* whose; empty in ELIGIBILITY_REQUEST */
	char name[LB_ROLE_MAX + 1];	    /* of the role, or the check; REVOKE: empty, all */
	char text[LB_REASON_MAX + 1];
};
struct lb_msg_approve_signed {
	uint64_t id;
	char signature[LB_SIGNATURE_MAX + 1];
};
/* A customer as it is to be; 0 and "" leave things as they are. */
struct lb_msg_customer {
	char name[LB_IDENTITY_MAX + 1]; /* CUSTOMER: "" for all that the caller may see */
	uint8_t lockbox;		/* 1 on, 2 off */
	uint8_t approvals;
	uint8_t break_glass;			/* 1 consents to it, 2 does not */
	char approvers[LB_LIST_MAX + 1];	/* identities, joined by ", " */
	char signatures[LB_SIGNATURES_MAX + 1]; /* of the statement; CUSTOMER_CHANGE only */
};
struct lb_msg_login { /* every PAM request; password in PAM_AUTH only */
	char user[LB_USER_MAX + 1];
	uint32_t uid;
	char service[LB_SERVICE_MAX + 1];
	char rhost[LB_RHOST_MAX + 1];
	char tty[LB_TTY_MAX + 1];
	char password[LB_PASSWORD_MAX + 1];
};

struct lb_msg_done {
	uint8_t more; /* 1: the list goes on after cursor */
	uint64_t cursor;
};
struct lb_msg_refused {
	uint16_t code; /* enum lb_refusal */
	char text[LB_REASON_MAX + 1];
};
/* What a level is, beside its name. */
#define LB_LEVEL_SAME_PERSON 0x01u /* who counted for an earlier level may count here too */
#define LB_LEVEL_CUSTOMER 0x02u	   /* its name is a customer's, whose approvers alone decide */
#define LB_LEVEL_RULE 0x04u	   /* added by the rule of the policy that has its name */

struct lb_msg_level {
	char name[LB_IDENTITY_MAX + 1];
	char teams[LB_TEAMS_MAX + 1]; /* "" of a customer */
	uint8_t need, have, flags;
};
struct lb_msg_approval {
	char identity[LB_IDENTITY_MAX + 1];
	uint8_t level; /* from 0 */
	uint64_t at_s;
};
struct lb_msg_role {
	char name[LB_ROLE_MAX + 1];
	char description[LB_REASON_MAX + 1];
	uint32_t max_s, default_s;
	uint8_t approvals;
	char approvers[LB_LIST_MAX + 1]; /* teams */
	char groups[LB_LIST_MAX + 1];
	char sudo[LB_LIST_MAX + 1];
	uint8_t may_request, may_approve;
	uint8_t levels;
	struct lb_msg_level level[LB_LEVELS_MAX];
	char customer[LB_IDENTITY_MAX + 1]; /* who has the last word, or "" */
	uint8_t starts;			    /* enum lb_starts */
	uint32_t start_ahead_s;		    /* how far ahead a start may lie */
	uint32_t
		max_day_s; /* most that one person is granted of it within 24 h; 0: no such bound */
	char hours[LB_HOURS_MAX + 1];	      /* "" : always */
	char time_zone[LB_ZONE_MAX + 1];      /* of the hours */
	char resources[LB_RESOURCES_MAX + 1]; /* one of which must be named; "": none */
	uint8_t eligibility;		      /* enum lb_needs */
	uint8_t own;			      /* 1: on the requester's own Unix account */
	uint8_t may_break_glass;
	uint32_t break_glass_s;		 /* longest of it; 0: the role has none */
	uint8_t signed_approvals;	 /* 0 or 1: it takes no others */
	char path[LB_PATH_TEXT_MAX + 1]; /* that it gives access to: "read /var/log/app" */
	uint8_t permission;		 /* enum lb_permission */
};
/* How an open review concerns the caller. */
#define LB_CONCERNS_ALARM 0x01u	  /* told of it, and has not acknowledged */
#define LB_CONCERNS_REVIEW 0x02u  /* may close it */
#define LB_CONCERNS_OVERDUE 0x04u /* it is late, whomever it concerns */

/* What a grant is to the caller, and what he may do with it as it stands. */
#define LB_CALLER_OWN 0x01u	 /* his own */
#define LB_CALLER_APPROVES 0x02u /* it is his turn */
#define LB_CALLER_DENIES 0x04u
#define LB_CALLER_REVOKES 0x08u
#define LB_CALLER_FOUND 0x10u /* asked for again: it was there already */

struct lb_msg_grant {
	uint64_t id;
	uint8_t state; /* enum lb_state */
	char host[LB_HOST_MAX + 1];
	char identity[LB_IDENTITY_MAX + 1];
	char role[LB_ROLE_MAX + 1];
	char account[LB_ACCOUNT_MAX + 1]; /* empty before the claim */
	uint32_t uid;			  /* 0 before the claim */
	uint32_t duration_s;
	uint64_t requested_s, until_s,
		end_s;	    /* Unix time; until: when this state lapses; 0: never */
	uint8_t have, need; /* approvals, of all levels */
	uint32_t sessions;
	char ticket[LB_TICKET_MAX + 1];
	char reason[LB_REASON_MAX + 1];
	char approvers[LB_PEOPLE_MAX + 1]; /* people who may still approve, or who did */
	char groups[LB_LIST_MAX + 1];
	char sudo[LB_LIST_MAX + 1];
	char cause[LB_REASON_MAX + 1]; /* why it ended, was denied, … */
	uint8_t levels, level_now;     /* level_now: the one that waits, from 0; levels: none */
	struct lb_msg_level level[LB_LEVELS_MAX];
	struct lb_msg_approval approval[LB_APPROVALS_MAX]; /* the first `have`, in their order */
	char customer[LB_IDENTITY_MAX + 1];		   /* who has the last word, or "" */
	char ticket_url[LB_URL_MAX + 1];
	char access[LB_ACCESS_MAX + 1];	  /* what comes with it: "a shell (/bin/bash), ..." */
	char earlier[LB_EARLIER_MAX + 1]; /* with this ticket before it: "R-3 ended, ..." */
	uint64_t start_s;		  /* it cannot be claimed before; 0: it begins now */
	uint64_t begun_s;		  /* when its duration began to count; 0: not yet */
	uint8_t starts;			  /* enum lb_starts */
	uint64_t extends; /* the grant that it would lengthen; 0: a grant of its own */
	char resource[LB_IDENTITY_MAX + 1]; /* that it is for; "": the whole role */
	char rule[LB_IDENTITY_MAX + 1]; /* that approved it in place of the role's levels, or "" */
	char own[LB_ACCOUNT_MAX + 1];	/* the Unix account that it is for; "": a temporary one */
	uint8_t break_glass;		/* 1: nobody approved it */
	uint8_t review;			/* enum lb_review */
	uint8_t concerns;		/* LB_CONCERNS_..., of its open review */
	uint64_t review_due_s; /* when the review is late; 0: so long after the end, or none */
	uint64_t reviewed_s;
	char reviewer[LB_IDENTITY_MAX + 1];
	char remark[LB_REMARK_MAX + 1];	 /* of the reviewer */
	uint8_t signed_approvals;	 /* 0 or 1: its role takes no others */
	char path[LB_PATH_TEXT_MAX + 1]; /* that it gives access to: "read /var/log/app", or "" */
	uint8_t permission;		 /* enum lb_permission, while it is not over */
	uint8_t caller;			 /* LB_CALLER_... */
	/* Who may revoke it while it is approved or active, or close its review afterwards. */
	char others[LB_OTHERS_MAX + 1];
};
struct lb_msg_claimed {
	uint64_t id;
	char host[LB_HOST_MAX + 1];
	char account[LB_ACCOUNT_MAX + 1];
	char password[LB_PASSWORD_MAX + 1]; /* "": the account is the engineer's own */
	uint64_t end_s;
};
struct lb_msg_record {
	uint64_t seq, time_s, grant;
	char event[32];
	char identity[LB_IDENTITY_MAX + 1]; /* whose grant it is */
	char account[LB_USER_MAX + 1];
	uint32_t uid;
	char actor[LB_USER_MAX + 1]; /* who did it */
	char detail[LB_DETAIL_MAX + 1];
	uint8_t hash[32]; /* of this record and, through it, of all before */
};
struct lb_msg_key {
	char line[LB_KEY_BLOB_MAX + 400 + 1]; /* one authorized_keys line */
};
struct lb_msg_health {
	uint64_t clock_s, wall_s; /* the keeper's clock, and the host's */
	uint8_t clock_astray;	  /* 1: nothing new is granted */
	uint64_t store_bytes, store_most;
	uint8_t store_full; /* 1: nothing new is granted */
	uint64_t live;	    /* requests and grants that are not over */
};
struct lb_msg_metrics {
	uint64_t pending, notified, approved, active, ending; /* requests and grants, by state */
	uint64_t break_glass;				      /* of them, so many are */
	uint64_t requests, records;			      /* ever */
	uint64_t reviews_open, reviews_overdue;
	uint64_t alarms;       /* told to people who have not acknowledged them */
	uint64_t seals_broken; /* whose review is open */
	uint64_t seals_open;   /* of them, so many let in yet */
	uint64_t store_bytes, store_most;
	uint8_t store_full, clock_astray;
};
struct lb_msg_to_sign {
	uint64_t id;
	char keys[LB_REASON_MAX + 1]; /* fingerprints of those that may sign it, joined by ", " */
	char statement[LB_STATEMENT_MAX + 1];
};
struct lb_msg_signed {
	uint64_t id, number;
	uint8_t level; /* from 0 */
	char approver[LB_IDENTITY_MAX + 1];
	uint64_t time_s;
	char fingerprint[LB_FINGERPRINT_MAX + 1];
	char key[LB_KEY_LINE_MAX + 1];
	char signature[LB_SIGNATURE_MAX + 1];
	char statement[LB_STATEMENT_MAX + 1];
};
struct lb_msg_customer_view {
	char name[LB_IDENTITY_MAX + 1];
	uint8_t on, mine; /* mine: the caller decides for it */
	uint8_t approvals;
	uint8_t break_glass;		   /* 1: consents to it */
	uint64_t change, changed_s;	   /* 0: nobody has signed anything yet */
	char covers[LB_SCOPE_MAX + 1];	   /* "the host", or roles joined by ", " */
	char approvers[LB_LIST_MAX + 1];   /* "eve SHA256:..., ..." */
	char statement[LB_CHANGE_MAX + 1]; /* that what was asked for be so; to be signed */
};
struct lb_msg_check {
	char name[LB_IDENTITY_MAX + 1];
	uint8_t state;	  /* enum lb_check_state */
	uint64_t until_s; /* 0: never attested */
	char by[LB_IDENTITY_MAX + 1];
	char who[LB_TEAMS_MAX + 1]; /* people who can attest it, joined by ", " */
};
struct lb_msg_eligible {
	char identity[LB_IDENTITY_MAX + 1];
	char role[LB_ROLE_MAX + 1];
	uint8_t state; /* enum lb_eligible_state */
	uint8_t holds; /* 1: the role may be asked for now */
	uint64_t asked_s, approved_s, until_s;
	char manager[LB_IDENTITY_MAX + 1]; /* who approved it */
	char managers[LB_TEAMS_MAX + 1];   /* people who can, joined by ", " */
	char requires[LB_ROLE_MAX + 1];	   /* role that is needed first, or "" */
	uint8_t has_required;
	char reason[LB_REASON_MAX + 1];
	char cause[LB_REASON_MAX + 1]; /* why it ended, or what it lacks */
	uint8_t checks;
	struct lb_msg_check check[LB_CHECKS_MAX];
};
struct lb_msg_attested {
	char identity[LB_IDENTITY_MAX + 1];
	char check[LB_IDENTITY_MAX + 1];
	char by[LB_IDENTITY_MAX + 1];
	uint64_t at_s, until_s;
};
struct lb_msg_verdict {
	uint8_t verdict;	      /* enum lb_verdict */
	char text[LB_REASON_MAX + 1]; /* for the person at the terminal */
};

/* Room for any one message. */
union lb_msg {
	struct lb_msg_as as;
	struct lb_msg_roles roles;
	struct lb_msg_request request;
	struct lb_msg_extend extend;
	struct lb_msg_list list;
	struct lb_msg_act act;
	struct lb_msg_wait wait;
	struct lb_msg_audit audit;
	struct lb_msg_keys keys;
	struct lb_msg_approve_signed approve_signed;
	struct lb_msg_to_sign to_sign;
	struct lb_msg_signed signed_by;
	struct lb_msg_personnel personnel;
	struct lb_msg_eligible eligible;
	struct lb_msg_attested attested;
	struct lb_msg_login login;
	struct lb_msg_done done;
	struct lb_msg_refused refused;
	struct lb_msg_role role;
	struct lb_msg_grant grant;
	struct lb_msg_claimed claimed;
	struct lb_msg_record record;
	struct lb_msg_key key;
	struct lb_msg_verdict verdict;
	struct lb_msg_health health;
	struct lb_msg_customer customer;
	struct lb_msg_review review;
	struct lb_msg_metrics metrics;
	struct lb_msg_customer_view customer_view;
};

/* Which socket a request may come in by. */
enum lb_door { LB_DOOR_NONE = 0, LB_DOOR_PUBLIC = 1, LB_DOOR_PAM = 2 };

/* The layout of a message type, or NULL for a type that does not exist. */
const struct lb_layout *lb_proto_layout(uint16_t type);
/* By which socket this type may be sent to the daemon; LB_DOOR_NONE for replies and unknown types. */
enum lb_door lb_proto_door(uint16_t type);

/* "pending", "approved", …; "unknown" for a value that is not a state. */
const char *lb_state_name(uint8_t state);
/* "none", "open", "justified", "not-justified"; "unknown" for another value. */
const char *lb_review_name(uint8_t review);
/* "read-only", "change", "root-equivalent"; "" for another value. */
const char *lb_permission_name(uint8_t permission);
/* "claim", "approval", "first-login"; "unknown" for another value. */
const char *lb_starts_name(uint8_t starts);

/*
 * Writes a whole frame (header and payload) of the given type into buf.
 * LB_ERR_MALFORMED: no such type; LB_ERR_TOO_LONG: a text or cap.
 */
int lb_proto_encode(uint16_t type, const void *msg, void *buf, size_t cap, size_t *len);

/*
 * Reads a header.  LB_ERR_MALFORMED: unknown type, reserved bits set;
 * LB_ERR_VERSION; LB_ERR_TOO_LONG: a payload over LB_PAYLOAD_MAX.
 */
int lb_proto_header(const uint8_t header[LB_HEADER_SIZE], uint16_t *type, uint32_t *payload);

/* Decodes a payload of len bytes wholly; out is all zero on failure. */
int lb_proto_decode(uint16_t type, const void *payload, size_t len, union lb_msg *out);

#endif
