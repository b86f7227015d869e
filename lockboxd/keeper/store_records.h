/*
 * The store's keys and records as bytes: see STORE-FORMAT.
 *
 * Private to the store (store_lmdb.c writes, store_check.c examines).  Nothing
 * here knows LMDB, allocates or blocks.
 */
#ifndef LB_STORE_RECORDS_H
#define LB_STORE_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store.h"

#define LB_STORE_FILE "store.mdb"
#define LB_STORE_FILE_NEW "store.new" /* being created; never read */

/* The databases.  The order is of no consequence to the format. */
enum lb_table {
	LB_TABLE_META,
	LB_TABLE_GRANT,
	LB_TABLE_LIVE,
	LB_TABLE_PERSON,
	LB_TABLE_DEADLINE,
	LB_TABLE_UID,
	LB_TABLE_SESSION,
	LB_TABLE_ROLE,
	LB_TABLE_AUDIT,
	LB_TABLE_STATEMENT,
	LB_TABLE_CUSTOMER,
	LB_TABLE_TICKET,
	LB_TABLE_ATTESTATION,
	LB_TABLE_ELIGIBILITY,
	LB_TABLE_LAPSE,
	LB_TABLE_OWN,
	LB_TABLE_BEGUN,
	LB_TABLE_REVIEW,
	LB_TABLE_NOTICE,
	LB_TABLE_COUNT
};

#define LB_RECORD_VERSION 1
#define LB_RECORD_MAX 8192 /* more than any record can take */
#define LB_CHECK_SIZE 16   /* checksum at the end of a record; audit records have a hash */
#define LB_FORMAT_SIZE 4   /* the value of meta "format" */
#define LB_KEY_MAX 64

#define LB_KEY_FORMAT "format"
#define LB_KEY_COUNTERS "counters"
#define LB_KEY_JOURNAL "journal"

struct lb_key {
	uint8_t bytes[LB_KEY_MAX];
	size_t size;
};

/* The last number handed out of each kind, and how far the clock has come. */
struct lb_counters {
	uint64_t grant, session;
	uint32_t serial, role;
	struct lb_clock_mark mark;
	uint64_t epoch; /* of the journal's blocks that are not in the databases yet */
};
struct lb_uid_entry {
	uint64_t grant;
};
struct lb_role_entry {
	uint32_t gid;
};

/* Room for a record of any table. */
union lb_record {
	struct lb_counters counters;
	struct lb_grant grant;
	struct lb_uid_entry uid;
	struct lb_session session;
	struct lb_role_entry role;
	struct lb_msg_record audit;
	struct lb_signed statement;
	struct lb_customer customer;
	struct lb_attestation attestation;
	struct lb_eligibility eligibility;
};

/* The name of a table's database. */
const char *lb_table_name(enum lb_table table);
/* True for one that holds keys alone. */
bool lb_table_is_index(enum lb_table table);
/* Of a record of that table in memory: at most that of the union above. */
size_t lb_table_record_size(enum lb_table table);

struct lb_key lb_key_text(const char *text);
struct lb_key lb_key_u32(uint32_t value);
struct lb_key lb_key_u64(uint64_t value);
struct lb_key lb_key_pair(uint64_t first, uint64_t second);
struct lb_key lb_key_person(const char *identity, uint64_t id);
struct lb_key lb_key_begun(const char *identity, uint64_t begun_s, uint64_t id);
/* The first 16 bytes are a hash of the ticket. */
struct lb_key lb_key_ticket(const char *ticket, uint64_t id);
#define LB_TICKET_HASH 16
struct lb_key lb_key_names(const char *identity, const char *name);
struct lb_key lb_key_lapse(const struct lb_lapse *lapse);
/* Reads a person's key back.  LB_ERR_DAMAGED. */
int lb_key_person_decode(const struct lb_key *key, char identity[LB_IDENTITY_MAX + 1],
			 uint64_t *id);
/* Reads such a key back.  LB_ERR_DAMAGED. */
int lb_key_lapse_decode(const struct lb_key *key, struct lb_lapse *lapse);
/* When, and as what, a record lapses; false when it does not any more. */
bool lb_attestation_lapses(const struct lb_attestation *attestation, struct lb_lapse *lapse);
bool lb_eligibility_lapses(const struct lb_eligibility *eligibility, struct lb_lapse *lapse);

/* True when uid is that of a serial which the counters say was handed out. */
bool lb_uid_handed_out(uint32_t uid, const struct lb_counters *counters);

/*
 * Writes a record of one of the tables meta (counters), grant, uid, session,
 * role, statement, customer, attestation, eligibility into buf (LB_RECORD_MAX bytes).
 * LB_ERR_MALFORMED when it breaks a
 * validity rule, LB_ERR_TOO_LONG.
 */
int lb_record_encode(enum lb_table table, const struct lb_key *key, const void *record, void *buf,
		     size_t *len);
/* Reads it back wholly; any fault, a key that belongs to another record included, is LB_ERR_DAMAGED. */
int lb_record_decode(enum lb_table table, const void *key, size_t key_size, const void *value,
		     size_t size, void *record);

/*
 * Writes an audit record into buf and sets record->hash, which chains it to
 * the record before, whose hash is prev (all zero before the first).
 */
int lb_audit_encode(const uint8_t prev[LB_HASH_SIZE], struct lb_msg_record *record, void *buf,
		    size_t *len);
/* Reads it back.  The chain is checked when prev is given. */
int lb_audit_decode(const uint8_t *prev, const void *key, size_t key_size, const void *value,
		    size_t size, struct lb_msg_record *record);

#endif
