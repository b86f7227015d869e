/*
 * The store: every grant, session, audit record and counter, in LMDB.
 *
 * One state change is one write transaction that also holds its audit records:
 * all of it is durable when lb_store_commit() returns LB_OK, or none of it is.
 * It is durable first as one record of a journal in the store's file, and LMDB
 * commits many together, as etcd does with its own log and database.
 * STORE-FORMAT gives the bytes.  Only the keeper opens the store, after its
 * last fork; nothing else may.  Every call may block on the disk.
 *
 * Records are decoded wholly when read; one that fails its checks gives
 * LB_ERR_DAMAGED.  LB_ERR_FULL: the map or the disk has no room left.  After
 * any error inside a write transaction other than LB_ERR_NOT_FOUND the
 * transaction can only be aborted.
 */
#ifndef LB_STORE_H
#define LB_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto.h"

#define LB_STORE_VERSION 5
#define LB_SALT_SIZE 16
#define LB_HASH_SIZE 32
#define LB_NONCE_SIZE 16
#define LB_SHELL_MAX 128
#define LB_CAUSE_MAX 200
#define LB_BOOT_ID_SIZE 16
#define LB_CUSTOMER_KEY_MAX                                                                        \
	540 /* sk-ssh-ed25519@openssh.com and base64, the longest that can sign */

/* State of a grant's one-time password. */
enum lb_otp { LB_OTP_NONE = 0, LB_OTP_READY = 1, LB_OTP_SPENT = 2, LB_OTP_VOID = 3 };

/* A level of approval, as the policy had it when the request was made. */
struct lb_level {
	char name[LB_IDENTITY_MAX + 1];
	char teams[LB_TEAMS_MAX + 1]; /* joined by ", "; "" of a customer */
	uint8_t need;		      /* how many must approve, from 1 */
	uint8_t flags;		      /* LB_LEVEL_... */
};

/* Who approved at which level (from 0), and when. */
struct lb_approval {
	char identity[LB_IDENTITY_MAX + 1];
	uint8_t level;
	uint64_t at_s;
	uint64_t statement; /* number of the one that was signed; 0: not signed */
	/* Fingerprint of the key it came with; "": it is signed, or came from a Unix user. */
	char key[LB_FINGERPRINT_MAX + 1];
};

/* Times are Unix seconds on the keeper's clock (clock.h), which never goes back. */
struct lb_grant {
	uint64_t id;
	uint8_t state; /* enum lb_state */
	char identity[LB_IDENTITY_MAX + 1];
	char role[LB_ROLE_MAX + 1];
	char ticket[LB_TICKET_MAX + 1];
	char reason[LB_REASON_MAX + 1];
	uint32_t duration_s;
	uint64_t requested_s;
	uint64_t until_s; /* when the present state lapses by itself; 0: never */
	uint64_t claimed_s, end_s, closed_s;
	/* What was approved: a role that has changed since is not what was approved. */
	char groups[LB_LIST_MAX + 1];
	char sudo[LB_LIST_MAX + 1];
	char shell[LB_SHELL_MAX + 1];
	uint32_t sessions_max;
	uint8_t port_forwarding; /* 0 or 1 */
	uint8_t policy_digest[LB_HASH_SIZE];
	char customer[LB_IDENTITY_MAX + 1]; /* whose level is the last one, or "" */
	uint8_t levels, have;
	struct lb_level level[LB_LEVELS_MAX]; /* the first `levels` are set */
	struct lb_approval
		approval[LB_APPROVALS_MAX]; /* the first `have`, in order of their levels */
	char account[LB_ACCOUNT_MAX + 1];
	uint32_t uid;
	uint8_t otp; /* enum lb_otp */
	uint8_t otp_salt[LB_SALT_SIZE];
	uint8_t otp_hash[LB_HASH_SIZE];
	char cause[LB_REASON_MAX + 1]; /* why it ended, was denied, … */
	uint64_t start_s;	       /* not to be claimed before; 0: at once */
	uint64_t begun_s;	       /* when the duration began to count; 0: not yet */
	uint8_t starts;		       /* enum lb_starts */
	uint64_t extends;	       /* the grant that it would lengthen; 0: a grant of its own */
	char resource[LB_IDENTITY_MAX + 1]; /* of the role's; "" when it has none */
	char rule[LB_IDENTITY_MAX + 1]; /* that approved it in place of the role's levels, or "" */
	char key[LB_FINGERPRINT_MAX + 1]; /* that it was asked for with; "": with none */
	/*
	 * The Unix account of the engineer's own that it is for, as the policy had it when it was
	 * asked for; "": a temporary account.  Once claimed, account is the same, own_uid is its uid,
	 * and uid, which nobody has, stands for the grant.
	 */
	char own[LB_ACCOUNT_MAX + 1];
	uint32_t own_uid;
	/* Break-glass: nobody approved it, and somebody else reviews it afterwards. */
	uint8_t break_glass;	  /* 0 or 1 */
	uint8_t review;		  /* enum lb_review; LB_REVIEW_NONE of what is not break-glass */
	uint32_t review_within_s; /* of its end */
	uint64_t review_due_s;	  /* when the review is overdue; 0: it is not over yet */
	char reviewer[LB_IDENTITY_MAX + 1]; /* who closed the review, never identity */
	uint64_t reviewed_s;
	char remark[LB_REMARK_MAX + 1];
	char path[LB_PATH_TEXT_MAX + 1]; /* that it gives access to: "read /var/log/app", or "" */
};

struct lb_session {
	uint64_t grant, number; /* number: never used twice */
	uint32_t pid;
	uint64_t start_ticks; /* field 22 of /proc/PID/stat: tells a reused pid */
	uint8_t boot_id[LB_BOOT_ID_SIZE];
	uint64_t opened_s;
	char service[LB_SERVICE_MAX + 1];
	char rhost[LB_RHOST_MAX + 1];
	char tty[LB_TTY_MAX + 1];
	/*
	 * On an own account: the kernel's number of the session, else 0; and when its first process
	 * ended: what it may have left behind ends with the grant.
	 */
	uint32_t kernel;
	uint64_t closed_s;
};

#define LB_CUSTOMER_KEYS_MAX 12	  /* of all approvers of a customer */
#define LB_CUSTOMER_ROLES_MAX 800 /* bytes of the names of roles that are a customer's, joined */

/* One key of one approver of a customer: only what comes with it is the customer's word. */
struct lb_customer_key {
	char identity[LB_IDENTITY_MAX + 1];
	char key[LB_CUSTOMER_KEY_MAX + 1]; /* type and base64 */
};

/*
 * A customer, as the customer's own approvers have it: whether anything is
 * asked of them, who they are, and what is theirs.  The policy only proposes.
 */
struct lb_customer {
	char name[LB_IDENTITY_MAX + 1];
	uint64_t
		change; /* how often it was changed by a statement; 0: proposed, only nonce is set */
	uint8_t nonce[LB_NONCE_SIZE]; /* that the next statement is to have; random, used once */
	uint64_t changed_s;
	uint8_t on; /* 0 or 1: the customer has the last word */
	uint8_t approvals;
	uint8_t break_glass;		       /* 0 or 1: consents to it in advance */
	uint8_t host;			       /* 0 or 1: the whole host is the customer's */
	char roles[LB_CUSTOMER_ROLES_MAX + 1]; /* otherwise these, joined by ", " */
	uint8_t keys;
	struct lb_customer_key key[LB_CUSTOMER_KEYS_MAX]; /* the first `keys` are set */
};

/*
 * A statement that was made for an approver to sign (statement.h), and once it
 * is used the signature that it came back with.
 */
struct lb_signed {
	uint64_t grant, number; /* number: from 1 in each grant */
	char approver[LB_IDENTITY_MAX + 1];
	uint8_t level; /* from 0 */
	uint8_t nonce[LB_NONCE_SIZE];
	uint64_t stated_s, used_s; /* used_s 0: not used, and there is no key and no signature */
	char key[LB_KEY_LINE_MAX + 1]; /* that it was signed with: type and base64 */
	char text[LB_STATEMENT_MAX + 1];
	char signature[LB_SIGNATURE_MAX + 1];
};

/* That somebody has passed a personnel check; the last word on it, whatever was said before. */
enum lb_attested { LB_ATTESTED_HOLDS = 1, LB_ATTESTED_ENDED = 2 };
struct lb_attestation {
	char identity[LB_IDENTITY_MAX + 1];
	char check[LB_IDENTITY_MAX + 1];
	uint8_t state;		      /* enum lb_attested */
	char by[LB_IDENTITY_MAX + 1]; /* who attested it, never identity */
	uint64_t at_s, until_s;	      /* until_s: when it lapses, never 0 */
	char cause[LB_CAUSE_MAX + 1]; /* why it ended */
};

/* Somebody's eligibility for a role, asked for or given (eligible.h). */
struct lb_eligibility {
	char identity[LB_IDENTITY_MAX + 1];
	char role[LB_ROLE_MAX + 1];
	uint8_t state; /* enum lb_eligible_state */
	char reason[LB_REASON_MAX + 1];
	uint64_t asked_s;
	char manager[LB_IDENTITY_MAX + 1]; /* who approved it, never identity; "" before */
	uint64_t approved_s, until_s;	   /* until_s: when the state lapses by itself */
	char cause[LB_CAUSE_MAX + 1];	   /* why it ended */
};

/* What lapses by itself, in this order: what waits, what was given, what was attested. */
enum lb_lapse_kind {
	LB_LAPSE_PENDING = 1,
	LB_LAPSE_ELIGIBILITY = 2,
	LB_LAPSE_ATTESTATION = 3,
	LB_LAPSE_KINDS
};
struct lb_lapse {
	uint8_t kind;
	uint64_t until_s;
	char identity[LB_IDENTITY_MAX + 1];
	char name[LB_ROLE_MAX + 1]; /* of the role, or the check */
};

/* What the keeper's clock showed (nanoseconds), and what the boot-time clock of which boot did then. */
struct lb_clock_mark {
	uint64_t time_ns, boot_ns; /* each at most INT64_MAX */
	uint8_t boot_id[LB_BOOT_ID_SIZE];
};

/* True for pending, notified, approved, active and ending: the states whose grants are in the live index. */
bool lb_state_live(uint8_t state);

struct lb_store;
struct lb_store_txn;

/* What a write transaction is for: the last part of the map is kept for endings. */
enum lb_store_mode { LB_STORE_READ, LB_STORE_WRITE, LB_STORE_WRITE_ENDING };

/*
 * Examines the store in directory dir without changing a byte of it: a forked
 * child opens it read-only and walks every record, index and the audit chain,
 * so that a page which makes LMDB fault ends the child alone.  LB_OK also when
 * there is no store yet.  LB_ERR_DAMAGED, LB_ERR_VERSION (another than this
 * build), LB_ERR_SYSTEM (errno EBUSY: it is open); why (cap bytes) then says
 * what is wrong and where.  Call it before the caller's system call filter.
 */
int lb_store_check(const char *dir, char *why, size_t cap);

/*
 * Opens the store in dir (mode 0700, owned by the caller, else LB_ERR_SYSTEM
 * with EPERM), creating it whole when there is none and taking the disk space
 * of map_size bytes; LB_ERR_FULL when there is not enough to create it.  An
 * older process may hold the store for up to two seconds more (EWOULDBLOCK
 * after that).  LB_ERR_DAMAGED, LB_ERR_VERSION: nothing was changed.  This does
 * not look at every page: call lb_store_check() first.  The caller ends with
 * lb_store_close().  A child of the caller can only close it (LB_ERR_INTERNAL).
 */
int lb_store_open(const char *dir, size_t map_size, struct lb_store **store);
void lb_store_close(struct lb_store *store);

/*
 * Lets the store grow, in steps of the map_size it was opened with, up to most
 * bytes, whenever a write transaction is begun with too little room.  Until
 * this is called it keeps its size.
 */
void lb_store_set_most(struct lb_store *store, uint64_t most);
struct lb_store_size {
	uint64_t bytes, most; /* of the file now, and what it may become */
	bool disk_full;	      /* when it was to grow last, the file system had no room */
};
void lb_store_get_size(const struct lb_store *store, struct lb_store_size *size);

/*
 * Begins a transaction; at most one at a time per store.  LB_ERR_FULL in
 * LB_STORE_WRITE mode when the soft limit is reached and the file can grow no
 * more, or not now: nine tenths of it, less a page for each live grant, so that
 * all of them can still be ended.  Each begin tries anew, so that it goes on as
 * soon as there is room.  Ends with exactly one of commit and abort.  LB_ERR_SYSTEM (EIO) for ever
 * after the disk failed a commit: only reopening shows what is stored.
 */
int lb_store_begin(struct lb_store *store, enum lb_store_mode mode, struct lb_store_txn **txn);
int lb_store_commit(struct lb_store_txn *txn);
void lb_store_abort(struct lb_store_txn *txn);
/*
 * True once the disk has failed a commit: nobody knows then what it holds, no
 * transaction is begun any more, and only opening it anew, in a new process,
 * shows.
 */
bool lb_store_broken(const struct lb_store *store);
/* True when something was written in the transaction: its commit will go to the disk. */
bool lb_store_wrote(const struct lb_store_txn *txn);

/* The next grant id (from 1) and account serial (from 1): each handed out once, ever. */
int lb_store_next_id(struct lb_store_txn *txn, uint64_t *id);
int lb_store_next_serial(struct lb_store_txn *txn, uint32_t *serial);

/* Reads one grant.  LB_ERR_NOT_FOUND. */
int lb_store_grant(struct lb_store_txn *txn, uint64_t id, struct lb_grant *grant);
/* The grant with the smallest id above after whose review is open.  LB_ERR_NOT_FOUND. */
int lb_store_next_review(struct lb_store_txn *txn, uint64_t after, struct lb_grant *grant);

/*
 * That somebody is to be told of break-glass, and has not acknowledged it: put
 * in the same transaction that stores its grant, and dropped with the review at
 * the latest.  drop: LB_ERR_NOT_FOUND when there is none.
 */
int lb_store_put_notice(struct lb_store_txn *txn, const char *identity, uint64_t grant);
int lb_store_drop_notice(struct lb_store_txn *txn, const char *identity, uint64_t grant);
bool lb_store_has_notice(struct lb_store_txn *txn, const char *identity, uint64_t grant);
int lb_store_count_notices(struct lb_store_txn *txn, uint64_t *count);

/* How many ids were handed out, and records written, ever. */
int lb_store_totals(struct lb_store_txn *txn, uint64_t *grants, uint64_t *records);

/* Reads the grant that owns or owned this uid.  LB_ERR_NOT_FOUND. */
int lb_store_grant_by_uid(struct lb_store_txn *txn, uint32_t uid, struct lb_grant *grant);
/*
 * Writes a grant, new or changed, and every index of it (live, person, own,
 * begun, deadline, ticket, uid).  LB_ERR_EXISTS: the uid is another grant's; LB_ERR_MALFORMED:
 * it breaks a rule of STORE-FORMAT; LB_ERR_INTERNAL: an id or uid that was
 * never handed out, or a change of its identity or uid.
 */
int lb_store_put_grant(struct lb_store_txn *txn, const struct lb_grant *grant);

/* The grant with the smallest id above after that is pending, approved, active or ending. */
int lb_store_next_live(struct lb_store_txn *txn, uint64_t after, struct lb_grant *grant);
/* The same among all grants of one identity, ended ones included. */
int lb_store_next_of(struct lb_store_txn *txn, const char *identity, uint64_t after,
		     struct lb_grant *grant);
/* The same among the live ones of one identity. */
int lb_store_next_own(struct lb_store_txn *txn, const char *identity, uint64_t after,
		      struct lb_grant *grant);
/*
 * Of one identity's grants whose duration has begun, live or not, the first that
 * comes after (begun_s, id) in that order.
 */
int lb_store_next_begun(struct lb_store_txn *txn, const char *identity, uint64_t begun_s,
			uint64_t id, struct lb_grant *grant);
/* The same among all grants. */
int lb_store_next_grant(struct lb_store_txn *txn, uint64_t after, struct lb_grant *grant);
/* The grant with the greatest id below before that has this ticket, which is not empty. */
int lb_store_prev_ticket(struct lb_store_txn *txn, const char *ticket, uint64_t before,
			 struct lb_grant *grant);
/* The live grant whose until_s comes first.  LB_ERR_NOT_FOUND when none waits for a time. */
int lb_store_next_due(struct lb_store_txn *txn, struct lb_grant *grant);

/*
 * Sessions of a grant.  put sets a new number when session->number is 0;
 * LB_ERR_NOT_FOUND when there is no such grant.
 */
int lb_store_put_session(struct lb_store_txn *txn, struct lb_session *session);
int lb_store_drop_session(struct lb_store_txn *txn, uint64_t grant, uint64_t number);
/* The session after (grant, number) in order; start with 0, 0 for all, or grant, 0 for one's. */
int lb_store_next_session(struct lb_store_txn *txn, uint64_t grant, uint64_t number,
			  struct lb_session *session);
/* How many open sessions a grant has. */
int lb_store_count_sessions(struct lb_store_txn *txn, uint64_t grant, uint32_t *count);

/*
 * Statements of a grant.  put gives a new one its number when that is 0; one
 * that is used is never changed again (LB_ERR_INTERNAL).  LB_ERR_NOT_FOUND when
 * there is no such grant.
 */
int lb_store_put_statement(struct lb_store_txn *txn, struct lb_signed *statement);
/* The statement of this grant with the smallest number above after.  LB_ERR_NOT_FOUND. */
int lb_store_next_statement(struct lb_store_txn *txn, uint64_t grant, uint64_t after,
			    struct lb_signed *statement);

/* A customer.  LB_ERR_NOT_FOUND when none of that name was ever opted in. */
int lb_store_customer(struct lb_store_txn *txn, const char *name, struct lb_customer *customer);
/* The customer whose name comes next in byte order; begin with "".  LB_ERR_NOT_FOUND. */
int lb_store_next_customer(struct lb_store_txn *txn, const char *after,
			   struct lb_customer *customer);
/* Writes a customer, new or changed; there is never a way to remove one. */
int lb_store_put_customer(struct lb_store_txn *txn, const struct lb_customer *customer);

/*
 * Attestations and eligibility: one of each identity and check, or role.  put
 * writes it, new or changed, and its place among what lapses.
 * LB_ERR_NOT_FOUND; LB_ERR_MALFORMED when it breaks a rule of STORE-FORMAT.
 */
int lb_store_attestation(struct lb_store_txn *txn, const char *identity, const char *check,
			 struct lb_attestation *attestation);
int lb_store_put_attestation(struct lb_store_txn *txn, const struct lb_attestation *attestation);
int lb_store_eligibility(struct lb_store_txn *txn, const char *identity, const char *role,
			 struct lb_eligibility *eligibility);
int lb_store_put_eligibility(struct lb_store_txn *txn, const struct lb_eligibility *eligibility);
/* The next after what *it holds, in order of identity and name; all zero for the first. */
int lb_store_next_attestation(struct lb_store_txn *txn, struct lb_attestation *it);
int lb_store_next_eligibility(struct lb_store_txn *txn, struct lb_eligibility *it);
/* What lapses first of one kind, after *lapse, which says the kind; all else zero for the first. */
int lb_store_next_lapse(struct lb_store_txn *txn, struct lb_lapse *lapse);
/* What lapses first of all. */
int lb_store_first_lapse(struct lb_store_txn *txn, struct lb_lapse *lapse);

/*
 * The gid of a role's group, allotted at first use and never to another role.
 * LB_ERR_FULL; LB_ERR_NOT_FOUND in a read transaction when it has none yet.
 */
int lb_store_role_gid(struct lb_store_txn *txn, const char *role, uint32_t *gid);

/*
 * Appends an audit record; seq and hash are filled in (hash: BLAKE2b-256 over
 * the hash before and this record's bytes).
 */
int lb_store_append(struct lb_store_txn *txn, struct lb_msg_record *record);
/* The record with the smallest seq above after.  LB_ERR_NOT_FOUND. */
int lb_store_next_record(struct lb_store_txn *txn, uint64_t after, struct lb_msg_record *record);

/* The latest time the keeper's clock has shown (all 0 at first), so that it never goes back. */
int lb_store_clock_mark(struct lb_store_txn *txn, struct lb_clock_mark *mark);
int lb_store_set_clock_mark(struct lb_store_txn *txn, const struct lb_clock_mark *mark);

#endif
