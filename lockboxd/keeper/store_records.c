/*
 * The store's keys and records as bytes: see store_records.h, STORE-FORMAT.
 *
 * The tables below are the format.  They repeat what proto.c has for audit
 * records on purpose: a change of the protocol must not change the store.
 */
#include "store_records.h"

#include <sodium.h>
#include <string.h>

#include "err.h"
#include "fields.h"
#include "name.h"
#include "wire.h"

_Static_assert(LB_APPROVALS_MAX == 12 && LB_LEVELS_MAX == 5, "grant_fields lists them one by one");
_Static_assert(LB_HASH_SIZE == sizeof(((struct lb_msg_record *)0)->hash), "one kind of hash");

static const struct lb_field counters_fields[] = {
	LB_U64(struct lb_counters, grant),	    LB_U64(struct lb_counters, session),
	LB_U32(struct lb_counters, serial),	    LB_U32(struct lb_counters, role),
	LB_U64(struct lb_counters, mark.time_ns),   LB_U64(struct lb_counters, mark.boot_ns),
	LB_BYTES(struct lb_counters, mark.boot_id), LB_U64(struct lb_counters, epoch),
};
/* clang-format off */
#define LEVEL(i)                                                                                   \
	LB_TEXT(struct lb_grant, level[i].name), LB_TEXT(struct lb_grant, level[i].teams),         \
	LB_U8(struct lb_grant, level[i].need), LB_U8(struct lb_grant, level[i].flags)
#define APPROVAL(i)                                                                                \
	LB_TEXT(struct lb_grant, approval[i].identity), LB_U8(struct lb_grant, approval[i].level), \
	LB_U64(struct lb_grant, approval[i].at_s), LB_U64(struct lb_grant, approval[i].statement), \
	LB_TEXT(struct lb_grant, approval[i].key)
/* clang-format on */

static const struct lb_field grant_fields[] = {
	LB_U64(struct lb_grant, id),
	LB_U8(struct lb_grant, state),
	LB_TEXT(struct lb_grant, identity),
	LB_TEXT(struct lb_grant, role),
	LB_TEXT(struct lb_grant, ticket),
	LB_TEXT(struct lb_grant, reason),
	LB_U32(struct lb_grant, duration_s),
	LB_U64(struct lb_grant, requested_s),
	LB_U64(struct lb_grant, until_s),
	LB_U64(struct lb_grant, claimed_s),
	LB_U64(struct lb_grant, end_s),
	LB_U64(struct lb_grant, closed_s),
	LB_TEXT(struct lb_grant, groups),
	LB_TEXT(struct lb_grant, sudo),
	LB_TEXT(struct lb_grant, shell),
	LB_U32(struct lb_grant, sessions_max),
	LB_U8(struct lb_grant, port_forwarding),
	LB_BYTES(struct lb_grant, policy_digest),
	LB_TEXT(struct lb_grant, customer),
	LB_U8(struct lb_grant, levels),
	LEVEL(0),
	LEVEL(1),
	LEVEL(2),
	LEVEL(3),
	LEVEL(4),
	LB_U8(struct lb_grant, have),
	APPROVAL(0),
	APPROVAL(1),
	APPROVAL(2),
	APPROVAL(3),
	APPROVAL(4),
	APPROVAL(5),
	APPROVAL(6),
	APPROVAL(7),
	APPROVAL(8),
	APPROVAL(9),
	APPROVAL(10),
	APPROVAL(11),
	LB_TEXT(struct lb_grant, account),
	LB_U32(struct lb_grant, uid),
	LB_U8(struct lb_grant, otp),
	LB_BYTES(struct lb_grant, otp_salt),
	LB_BYTES(struct lb_grant, otp_hash),
	LB_TEXT(struct lb_grant, cause),
	LB_U64(struct lb_grant, start_s),
	LB_U64(struct lb_grant, begun_s),
	LB_U8(struct lb_grant, starts),
	LB_U64(struct lb_grant, extends),
	LB_TEXT(struct lb_grant, resource),
	LB_TEXT(struct lb_grant, rule),
	LB_TEXT(struct lb_grant, key),
	LB_TEXT(struct lb_grant, own),
	LB_U32(struct lb_grant, own_uid),
	LB_U8(struct lb_grant, break_glass),
	LB_U8(struct lb_grant, review),
	LB_U32(struct lb_grant, review_within_s),
	LB_U64(struct lb_grant, review_due_s),
	LB_TEXT(struct lb_grant, reviewer),
	LB_U64(struct lb_grant, reviewed_s),
	LB_TEXT(struct lb_grant, remark),
	LB_TEXT(struct lb_grant, path),
};
static const struct lb_field uid_fields[] = {
	LB_U64(struct lb_uid_entry, grant),
};
static const struct lb_field session_fields[] = {
	LB_U64(struct lb_session, grant),     LB_U64(struct lb_session, number),
	LB_U32(struct lb_session, pid),	      LB_U64(struct lb_session, start_ticks),
	LB_BYTES(struct lb_session, boot_id), LB_U64(struct lb_session, opened_s),
	LB_TEXT(struct lb_session, service),  LB_TEXT(struct lb_session, rhost),
	LB_TEXT(struct lb_session, tty),      LB_U32(struct lb_session, kernel),
	LB_U64(struct lb_session, closed_s),
};
static const struct lb_field role_fields[] = {
	LB_U32(struct lb_role_entry, gid),
};
static const struct lb_field audit_fields[] = {
	LB_U64(struct lb_msg_record, seq),	 LB_U64(struct lb_msg_record, time_s),
	LB_U64(struct lb_msg_record, grant),	 LB_TEXT(struct lb_msg_record, event),
	LB_TEXT(struct lb_msg_record, identity), LB_TEXT(struct lb_msg_record, account),
	LB_U32(struct lb_msg_record, uid),	 LB_TEXT(struct lb_msg_record, actor),
	LB_TEXT(struct lb_msg_record, detail),	 LB_BYTES(struct lb_msg_record, hash),
};

static const struct lb_field statement_fields[] = {
	LB_U64(struct lb_signed, grant),     LB_U64(struct lb_signed, number),
	LB_TEXT(struct lb_signed, approver), LB_U8(struct lb_signed, level),
	LB_BYTES(struct lb_signed, nonce),   LB_U64(struct lb_signed, stated_s),
	LB_U64(struct lb_signed, used_s),    LB_TEXT(struct lb_signed, key),
	LB_TEXT(struct lb_signed, text),     LB_TEXT(struct lb_signed, signature),
};

#define KEY(i) LB_TEXT(struct lb_customer, key[i].identity), LB_TEXT(struct lb_customer, key[i].key)
static const struct lb_field customer_fields[] = {
	LB_TEXT(struct lb_customer, name),
	LB_U64(struct lb_customer, change),
	LB_BYTES(struct lb_customer, nonce),
	LB_U64(struct lb_customer, changed_s),
	LB_U8(struct lb_customer, on),
	LB_U8(struct lb_customer, approvals),
	LB_U8(struct lb_customer, break_glass),
	LB_U8(struct lb_customer, host),
	LB_TEXT(struct lb_customer, roles),
	LB_U8(struct lb_customer, keys),
	KEY(0),
	KEY(1),
	KEY(2),
	KEY(3),
	KEY(4),
	KEY(5),
	KEY(6),
	KEY(7),
	KEY(8),
	KEY(9),
	KEY(10),
	KEY(11),
};
static const struct lb_field attestation_fields[] = {
	LB_TEXT(struct lb_attestation, identity), LB_TEXT(struct lb_attestation, check),
	LB_U8(struct lb_attestation, state),	  LB_TEXT(struct lb_attestation, by),
	LB_U64(struct lb_attestation, at_s),	  LB_U64(struct lb_attestation, until_s),
	LB_TEXT(struct lb_attestation, cause),
};
static const struct lb_field eligibility_fields[] = {
	LB_TEXT(struct lb_eligibility, identity),  LB_TEXT(struct lb_eligibility, role),
	LB_U8(struct lb_eligibility, state),	   LB_TEXT(struct lb_eligibility, reason),
	LB_U64(struct lb_eligibility, asked_s),	   LB_TEXT(struct lb_eligibility, manager),
	LB_U64(struct lb_eligibility, approved_s), LB_U64(struct lb_eligibility, until_s),
	LB_TEXT(struct lb_eligibility, cause),
};

static bool counters_valid(const void *record, const struct lb_key *key);
static bool grant_valid(const void *record, const struct lb_key *key);
static bool uid_valid(const void *record, const struct lb_key *key);
static bool session_valid(const void *record, const struct lb_key *key);
static bool role_valid(const void *record, const struct lb_key *key);
static bool audit_valid(const void *record, const struct lb_key *key);
static bool statement_valid(const void *record, const struct lb_key *key);
static bool customer_valid(const void *record, const struct lb_key *key);
static bool attestation_valid(const void *record, const struct lb_key *key);
static bool eligibility_valid(const void *record, const struct lb_key *key);

/* An index holds keys only and has no layout. */
static const struct {
	const char *name;
	struct lb_layout layout;
	bool (*valid)(const void *record, const struct lb_key *key);
} tables[LB_TABLE_COUNT] = {
	[LB_TABLE_META] = {"meta", LB_LAYOUT("counters", struct lb_counters, counters_fields),
			   counters_valid},
	[LB_TABLE_GRANT] = {"grant", LB_LAYOUT("grant", struct lb_grant, grant_fields),
			    grant_valid},
	[LB_TABLE_LIVE] = {"live", {NULL, 0, NULL, 0}, NULL},
	[LB_TABLE_PERSON] = {"person", {NULL, 0, NULL, 0}, NULL},
	[LB_TABLE_DEADLINE] = {"deadline", {NULL, 0, NULL, 0}, NULL},
	[LB_TABLE_UID] = {"uid", LB_LAYOUT("uid", struct lb_uid_entry, uid_fields), uid_valid},
	[LB_TABLE_SESSION] = {"session", LB_LAYOUT("session", struct lb_session, session_fields),
			      session_valid},
	[LB_TABLE_ROLE] = {"role", LB_LAYOUT("role", struct lb_role_entry, role_fields),
			   role_valid},
	[LB_TABLE_AUDIT] = {"audit", LB_LAYOUT("audit", struct lb_msg_record, audit_fields),
			    audit_valid},
	[LB_TABLE_STATEMENT] = {"statement",
				LB_LAYOUT("statement", struct lb_signed, statement_fields),
				statement_valid},
	[LB_TABLE_CUSTOMER] = {"customer",
			       LB_LAYOUT("customer", struct lb_customer, customer_fields),
			       customer_valid},
	[LB_TABLE_TICKET] = {"ticket", {NULL, 0, NULL, 0}, NULL},
	[LB_TABLE_ATTESTATION] = {"attestation",
				  LB_LAYOUT("attestation", struct lb_attestation,
					    attestation_fields),
				  attestation_valid},
	[LB_TABLE_ELIGIBILITY] = {"eligibility",
				  LB_LAYOUT("eligibility", struct lb_eligibility,
					    eligibility_fields),
				  eligibility_valid},
	[LB_TABLE_LAPSE] = {"lapse", {NULL, 0, NULL, 0}, NULL},
	[LB_TABLE_OWN] = {"own", {NULL, 0, NULL, 0}, NULL},
	[LB_TABLE_BEGUN] = {"begun", {NULL, 0, NULL, 0}, NULL},
	[LB_TABLE_REVIEW] = {"review", {NULL, 0, NULL, 0}, NULL},
	[LB_TABLE_NOTICE] = {"notice", {NULL, 0, NULL, 0}, NULL},
};

const char *
lb_table_name(enum lb_table table)
{
	return tables[table].name;
}

bool
lb_table_is_index(enum lb_table table)
{
	return tables[table].valid == NULL;
}

size_t
lb_table_record_size(enum lb_table table)
{
	return tables[table].layout.size;
}

struct lb_key
lb_key_text(const char *text)
{
	struct lb_key key = {.size = strnlen(text, LB_KEY_MAX)};

	memcpy(key.bytes, text, key.size);
	return key;
}

struct lb_key
lb_key_u32(uint32_t value)
{
	struct lb_key key = {0};
	struct lb_writer w;

	lb_writer_init(&w, key.bytes, sizeof key.bytes);
	lb_write_u32(&w, value);
	key.size = w.used;
	return key;
}

struct lb_key
lb_key_u64(uint64_t value)
{
	struct lb_key key = {0};
	struct lb_writer w;

	lb_writer_init(&w, key.bytes, sizeof key.bytes);
	lb_write_u64(&w, value);
	key.size = w.used;
	return key;
}

struct lb_key
lb_key_pair(uint64_t first, uint64_t second)
{
	struct lb_key key = {0};
	struct lb_writer w;

	lb_writer_init(&w, key.bytes, sizeof key.bytes);
	lb_write_u64(&w, first);
	lb_write_u64(&w, second);
	key.size = w.used;
	return key;
}

struct lb_key
lb_key_person(const char *identity, uint64_t id)
{
	struct lb_key key = {0};
	struct lb_writer w;

	lb_writer_init(&w, key.bytes, sizeof key.bytes);
	lb_write_bytes(&w, identity, strnlen(identity, LB_IDENTITY_MAX));
	lb_write_u8(&w, 0);
	lb_write_u64(&w, id);
	key.size = w.used;
	return key;
}

struct lb_key
lb_key_begun(const char *identity, uint64_t begun_s, uint64_t id)
{
	struct lb_key key = lb_key_person(identity, begun_s);
	struct lb_writer w;

	lb_writer_init(&w, key.bytes + key.size, sizeof key.bytes - key.size);
	lb_write_u64(&w, id);
	key.size += w.used;
	return key;
}

struct lb_key
lb_key_ticket(const char *ticket, uint64_t id)
{
	struct lb_key key = {.size = LB_TICKET_HASH};
	struct lb_writer w;

	crypto_generichash(key.bytes, LB_TICKET_HASH, (const uint8_t *)ticket,
			   strnlen(ticket, LB_TICKET_MAX), NULL, 0);
	lb_writer_init(&w, key.bytes + key.size, sizeof key.bytes - key.size);
	lb_write_u64(&w, id);
	key.size += w.used;
	return key;
}

/* Identity, a zero byte, name. */
static void
write_names(struct lb_writer *w, const char *identity, const char *name)
{
	lb_write_bytes(w, identity, strnlen(identity, LB_IDENTITY_MAX));
	lb_write_u8(w, 0);
	lb_write_bytes(w, name, strnlen(name, LB_ROLE_MAX));
}

struct lb_key
lb_key_names(const char *identity, const char *name)
{
	struct lb_key key = {0};
	struct lb_writer w;

	lb_writer_init(&w, key.bytes, sizeof key.bytes);
	write_names(&w, identity, name);
	key.size = w.used;
	return key;
}

struct lb_key
lb_key_lapse(const struct lb_lapse *lapse)
{
	struct lb_key key = {0};
	struct lb_writer w;

	lb_writer_init(&w, key.bytes, sizeof key.bytes);
	lb_write_u8(&w, lapse->kind);
	lb_write_u64(&w, lapse->until_s);
	write_names(&w, lapse->identity, lapse->name);
	key.size = w.used;
	return key;
}

int
lb_key_lapse_decode(const struct lb_key *key, struct lb_lapse *lapse)
{
	struct lb_lapse l = {0};
	struct lb_reader r;
	const uint8_t *names, *zero;
	size_t left;

	lb_reader_init(&r, key->bytes, key->size);
	l.kind = lb_read_u8(&r);
	l.until_s = lb_read_u64(&r);
	if (key->size < 9 || l.kind == 0 || l.kind >= LB_LAPSE_KINDS || l.until_s == 0)
		return LB_ERR_DAMAGED;
	names = key->bytes + 9;
	left = key->size - 9;
	zero = memchr(names, 0, left);
	if (zero == NULL || (size_t)(zero - names) > LB_IDENTITY_MAX)
		return LB_ERR_DAMAGED;
	memcpy(l.identity, names, (size_t)(zero - names));
	left -= (size_t)(zero - names) + 1;
	if (left > LB_ROLE_MAX)
		return LB_ERR_DAMAGED;
	memcpy(l.name, zero + 1, left);
	if (!lb_identity_valid(l.identity) || strlen(l.name) != left || !lb_role_valid(l.name))
		return LB_ERR_DAMAGED;
	*lapse = l;
	return LB_OK;
}

int
lb_key_person_decode(const struct lb_key *key, char identity[LB_IDENTITY_MAX + 1], uint64_t *id)
{
	char name[LB_IDENTITY_MAX + 1] = "";
	size_t len = key->size - sizeof *id - 1;
	struct lb_reader r;

	if (key->size < sizeof *id + 2 || len > LB_IDENTITY_MAX || key->bytes[len] != 0)
		return LB_ERR_DAMAGED;
	memcpy(name, key->bytes, len);
	if (strlen(name) != len || !lb_identity_valid(name))
		return LB_ERR_DAMAGED;
	lb_reader_init(&r, key->bytes + len + 1, sizeof *id);
	*id = lb_read_u64(&r);
	memcpy(identity, name, sizeof name);
	return LB_OK;
}

bool
lb_attestation_lapses(const struct lb_attestation *a, struct lb_lapse *lapse)
{
	if (a->state != LB_ATTESTED_HOLDS)
		return false;
	memset(lapse, 0, sizeof *lapse);
	lapse->kind = LB_LAPSE_ATTESTATION;
	lapse->until_s = a->until_s;
	memcpy(lapse->identity, a->identity, sizeof lapse->identity);
	memcpy(lapse->name, a->check, sizeof a->check);
	return true;
}

bool
lb_eligibility_lapses(const struct lb_eligibility *e, struct lb_lapse *lapse)
{
	if (e->state == LB_ELIGIBLE_ENDED)
		return false;
	memset(lapse, 0, sizeof *lapse);
	lapse->kind = e->state == LB_ELIGIBLE_PENDING ? LB_LAPSE_PENDING : LB_LAPSE_ELIGIBILITY;
	lapse->until_s = e->until_s;
	memcpy(lapse->identity, e->identity, sizeof lapse->identity);
	memcpy(lapse->name, e->role, sizeof lapse->name);
	return true;
}

static bool
key_is(const struct lb_key *key, struct lb_key expected)
{
	return key->size == expected.size && memcmp(key->bytes, expected.bytes, key->size) == 0;
}

bool
lb_state_live(uint8_t state)
{
	return state == LB_STATE_PENDING || state == LB_STATE_NOTIFIED ||
	       state == LB_STATE_APPROVED || state == LB_STATE_ACTIVE || state == LB_STATE_ENDING;
}

bool
lb_uid_handed_out(uint32_t uid, const struct lb_counters *counters)
{
	return uid > LB_ACCOUNT_UID_FIRST && uid - LB_ACCOUNT_UID_FIRST <= counters->serial;
}

static bool
counters_valid(const void *record, const struct lb_key *key)
{
	const struct lb_counters *c = record;

	return key_is(key, lb_key_text(LB_KEY_COUNTERS)) && c->role <= LB_ROLE_GIDS &&
	       c->serial <= LB_UID_LAST - LB_ACCOUNT_UID_FIRST && c->mark.time_ns <= INT64_MAX &&
	       c->mark.boot_ns <= INT64_MAX;
}

/* What is not set is all zero, in the levels and in the approvals. */
static bool
levels_valid(const struct lb_grant *g)
{
	static const struct lb_level none;
	bool customer = false;

	if (g->levels > LB_LEVELS_MAX)
		return false;
	for (size_t i = 0; i < LB_LEVELS_MAX; i++) {
		const struct lb_level *l = &g->level[i];

		if (i >= g->levels && memcmp(l, &none, sizeof none) != 0)
			return false;
		if (i >= g->levels)
			continue;
		if (customer || !lb_identity_valid(l->name) || l->need == 0 ||
		    l->need > LB_APPROVALS_MAX ||
		    l->flags > (LB_LEVEL_SAME_PERSON | LB_LEVEL_CUSTOMER | LB_LEVEL_RULE) ||
		    (l->flags & (LB_LEVEL_CUSTOMER | LB_LEVEL_RULE)) ==
			    (LB_LEVEL_CUSTOMER | LB_LEVEL_RULE))
			return false;
		customer = (l->flags & LB_LEVEL_CUSTOMER) != 0; /* the last one, or none */
	}
	return customer ? strcmp(g->customer, g->level[g->levels - 1].name) == 0
			: g->customer[0] == '\0' || lb_identity_valid(g->customer);
}

static bool
approvals_valid(const struct lb_grant *g)
{
	uint8_t level = 0;

	if (g->have > LB_APPROVALS_MAX)
		return false;
	for (size_t i = 0; i < LB_APPROVALS_MAX; i++) {
		const struct lb_approval *a = &g->approval[i];

		if (i >= g->have && (a->identity[0] != '\0' || a->level != 0 || a->at_s != 0 ||
				     a->statement != 0 || a->key[0] != '\0'))
			return false;
		if (i < g->have &&
		    (!lb_identity_valid(a->identity) || a->level < level || a->level >= g->levels ||
		     (a->statement != 0 && a->key[0] != '\0')))
			return false;
		level = a->level;
	}
	return true;
}

static bool
account_valid(const struct lb_grant *g)
{
	if (g->own[0] != '\0' && !lb_own_name_valid(g->own))
		return false;
	if (g->uid == 0)
		return g->account[0] == '\0' && g->own_uid == 0;
	if (!lb_uid_is_account(g->uid))
		return false;
	if (g->own[0] == '\0')
		return lb_account_valid(g->account) && g->own_uid == 0;
	return strcmp(g->account, g->own) == 0 && lb_own_uid_valid(g->own_uid);
}

/* What a rule approves has no levels but its customer's. */
static bool
rule_valid(const struct lb_grant *g)
{
	if (g->rule[0] == '\0')
		return true;
	return lb_identity_valid(g->rule) && g->levels <= 1 &&
	       (g->levels == 0 || (g->level[0].flags & LB_LEVEL_CUSTOMER) != 0);
}

/* The keeper's clock counts nanoseconds in 63 bits. */
#define END_MAX_S ((uint64_t)INT64_MAX / 1000000000u)

/* What was break-glass has a review, which somebody else has closed or nobody. */
static bool
review_valid(const struct lb_grant *g)
{
	bool closed = g->review == LB_REVIEW_JUSTIFIED || g->review == LB_REVIEW_UNJUSTIFIED;

	if (g->break_glass > 1 || g->review >= LB_REVIEW_COUNT ||
	    (g->review != LB_REVIEW_NONE) != g->break_glass ||
	    (g->review_within_s != 0) != g->break_glass || (g->break_glass && g->extends != 0) ||
	    (!g->break_glass && g->review_due_s != 0) || g->review_due_s > 2 * END_MAX_S ||
	    closed != (g->reviewed_s != 0) || (closed && g->review_due_s == 0))
		return false;
	return closed ? lb_identity_valid(g->reviewer) && strcmp(g->reviewer, g->identity) != 0
		      : g->reviewer[0] == '\0' && g->remark[0] == '\0';
}

static bool
grant_valid(const void *record, const struct lb_key *key)
{
	const struct lb_grant *g = record;

	return g->id != 0 && key_is(key, lb_key_u64(g->id)) && g->state >= LB_STATE_PENDING &&
	       g->state < LB_STATE_COUNT && lb_identity_valid(g->identity) &&
	       lb_role_valid(g->role) && levels_valid(g) && approvals_valid(g) &&
	       account_valid(g) && g->end_s <= END_MAX_S && g->otp <= LB_OTP_VOID &&
	       g->port_forwarding <= 1 && g->start_s <= END_MAX_S && g->starts < LB_STARTS_COUNT &&
	       g->extends < g->id && (g->extends == 0 || g->uid == 0) &&
	       (g->resource[0] == '\0' || lb_identity_valid(g->resource)) && rule_valid(g) &&
	       review_valid(g);
}

static bool
uid_valid(const void *record, const struct lb_key *key)
{
	const struct lb_uid_entry *entry = record;
	struct lb_reader r;
	uint32_t uid;

	lb_reader_init(&r, key->bytes, key->size);
	uid = lb_read_u32(&r);
	return lb_reader_end(&r) == LB_OK && lb_uid_is_account(uid) && entry->grant != 0;
}

static bool
session_valid(const void *record, const struct lb_key *key)
{
	const struct lb_session *s = record;

	return s->grant != 0 && s->number != 0 && key_is(key, lb_key_pair(s->grant, s->number)) &&
	       s->kernel != UINT32_MAX && (s->closed_s == 0 || s->kernel != 0);
}

static bool
role_valid(const void *record, const struct lb_key *key)
{
	const struct lb_role_entry *entry = record;
	char name[LB_KEY_MAX + 1] = "";

	memcpy(name, key->bytes, key->size);
	return strlen(name) == key->size && lb_role_valid(name) && lb_gid_is_role(entry->gid);
}

static bool
audit_valid(const void *record, const struct lb_key *key)
{
	const struct lb_msg_record *r = record;

	return r->seq != 0 && key_is(key, lb_key_u64(r->seq));
}

static bool
statement_valid(const void *record, const struct lb_key *key)
{
	const struct lb_signed *s = record;
	bool used = s->used_s != 0;

	return s->grant != 0 && s->number != 0 && key_is(key, lb_key_pair(s->grant, s->number)) &&
	       lb_identity_valid(s->approver) && s->level < LB_LEVELS_MAX && s->text[0] != '\0' &&
	       used == (s->key[0] != '\0') && used == (s->signature[0] != '\0');
}

static bool
customer_valid(const void *record, const struct lb_key *key)
{
	const struct lb_customer *c = record;

	if (!lb_identity_valid(c->name) || key->size != strlen(c->name) ||
	    memcmp(key->bytes, c->name, key->size) != 0 ||
	    sodium_is_zero(c->nonce, sizeof c->nonce))
		return false;
	if (c->change == 0 ? c->changed_s != 0 || c->on != 0 || c->approvals != 0 || c->host != 0 ||
				     c->break_glass != 0 || c->roles[0] != '\0' || c->keys != 0
			   : c->on > 1 || c->host > 1 || c->break_glass > 1 || c->approvals == 0 ||
				     c->keys == 0 || c->keys > LB_CUSTOMER_KEYS_MAX ||
				     c->approvals > c->keys)
		return false;
	for (size_t i = 0; i < LB_CUSTOMER_KEYS_MAX; i++)
		if (i < c->keys ? !lb_identity_valid(c->key[i].identity) || c->key[i].key[0] == '\0'
				: c->key[i].identity[0] != '\0' || c->key[i].key[0] != '\0')
			return false;
	return true;
}

static bool
attestation_valid(const void *record, const struct lb_key *key)
{
	const struct lb_attestation *a = record;

	return lb_identity_valid(a->identity) && lb_identity_valid(a->check) &&
	       key_is(key, lb_key_names(a->identity, a->check)) &&
	       (a->state == LB_ATTESTED_HOLDS || a->state == LB_ATTESTED_ENDED) &&
	       lb_identity_valid(a->by) && strcmp(a->by, a->identity) != 0 && a->until_s != 0;
}

/* Who is eligible was approved by somebody else; who waits was not yet. */
static bool
eligibility_valid(const void *record, const struct lb_key *key)
{
	const struct lb_eligibility *e = record;
	bool approved = e->manager[0] != '\0';

	if (!lb_identity_valid(e->identity) || !lb_role_valid(e->role) ||
	    !key_is(key, lb_key_names(e->identity, e->role)) || e->state < LB_ELIGIBLE_PENDING ||
	    e->state > LB_ELIGIBLE_ENDED || e->until_s == 0 || approved != (e->approved_s != 0))
		return false;
	if (approved && (!lb_identity_valid(e->manager) || strcmp(e->manager, e->identity) == 0))
		return false;
	return e->state == LB_ELIGIBLE_ENDED || approved == (e->state == LB_ELIGIBLE_HOLDS);
}

/* The checksum binds the record to its database and key, so that none stands in for another. */
static void
checksum(enum lb_table table, const struct lb_key *key, const uint8_t *value, size_t size,
	 uint8_t out[LB_CHECK_SIZE])
{
	const char *name = tables[table].name;
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, LB_CHECK_SIZE);
	crypto_generichash_update(&state, (const uint8_t *)name, strlen(name) + 1);
	crypto_generichash_update(&state, key->bytes, key->size);
	crypto_generichash_update(&state, value, size);
	crypto_generichash_final(&state, out, LB_CHECK_SIZE);
}

static void
chain_hash(const uint8_t prev[LB_HASH_SIZE], const uint8_t *value, size_t size,
	   uint8_t out[LB_HASH_SIZE])
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, LB_HASH_SIZE);
	crypto_generichash_update(&state, prev, LB_HASH_SIZE);
	crypto_generichash_update(&state, value, size);
	crypto_generichash_final(&state, out, LB_HASH_SIZE);
}

/* Version byte and fields, leaving room for room bytes after them. */
static int
encode_fields(enum lb_table table, const struct lb_key *key, const void *record, uint8_t *buf,
	      size_t room, size_t *len)
{
	size_t fields;
	int err;

	if (!tables[table].valid(record, key))
		return LB_ERR_MALFORMED;
	err = lb_fields_encode(&tables[table].layout, record, buf + 1, LB_RECORD_MAX - 1 - room,
			       &fields);
	if (err != LB_OK)
		return err;
	buf[0] = LB_RECORD_VERSION;
	*len = 1 + fields;
	return LB_OK;
}

static int
decode_fields(enum lb_table table, const struct lb_key *key, const uint8_t *value, size_t size,
	      void *record)
{
	if (size < 1 || value[0] != LB_RECORD_VERSION)
		return LB_ERR_DAMAGED;
	if (lb_fields_decode(&tables[table].layout, value + 1, size - 1, record) != LB_OK)
		return LB_ERR_DAMAGED;
	return tables[table].valid(record, key) ? LB_OK : LB_ERR_DAMAGED;
}

static int
copy_key(const void *bytes, size_t size, struct lb_key *key)
{
	if (size == 0 || size > LB_KEY_MAX)
		return LB_ERR_DAMAGED;
	memset(key, 0, sizeof *key);
	memcpy(key->bytes, bytes, size);
	key->size = size;
	return LB_OK;
}

int
lb_record_encode(enum lb_table table, const struct lb_key *key, const void *record, void *buf,
		 size_t *len)
{
	uint8_t *out = buf;
	size_t used;
	int err;

	err = encode_fields(table, key, record, out, LB_CHECK_SIZE, &used);
	if (err != LB_OK)
		return err;
	checksum(table, key, out, used, out + used);
	*len = used + LB_CHECK_SIZE;
	return LB_OK;
}

int
lb_record_decode(enum lb_table table, const void *key, size_t key_size, const void *value,
		 size_t size, void *record)
{
	const uint8_t *in = value;
	uint8_t sum[LB_CHECK_SIZE];
	struct lb_key k;

	if (copy_key(key, key_size, &k) != LB_OK || size < LB_CHECK_SIZE)
		return LB_ERR_DAMAGED;
	size -= LB_CHECK_SIZE;
	checksum(table, &k, in, size, sum);
	if (memcmp(sum, in + size, sizeof sum) != 0)
		return LB_ERR_DAMAGED;
	return decode_fields(table, &k, in, size, record);
}

int
lb_audit_encode(const uint8_t prev[LB_HASH_SIZE], struct lb_msg_record *record, void *buf,
		size_t *len)
{
	struct lb_key key = lb_key_u64(record->seq);
	uint8_t *out = buf;
	size_t used;
	int err;

	err = encode_fields(LB_TABLE_AUDIT, &key, record, out, 0, &used);
	if (err != LB_OK)
		return err;
	/* The hash is the last field: it covers all before it. */
	chain_hash(prev, out, used - LB_HASH_SIZE, record->hash);
	memcpy(out + used - LB_HASH_SIZE, record->hash, LB_HASH_SIZE);
	*len = used;
	return LB_OK;
}

int
lb_audit_decode(const uint8_t *prev, const void *key, size_t key_size, const void *value,
		size_t size, struct lb_msg_record *record)
{
	uint8_t hash[LB_HASH_SIZE];
	struct lb_key k;
	int err;

	if (copy_key(key, key_size, &k) != LB_OK)
		return LB_ERR_DAMAGED;
	err = decode_fields(LB_TABLE_AUDIT, &k, value, size, record);
	if (err != LB_OK || prev == NULL)
		return err;
	chain_hash(prev, value, size - LB_HASH_SIZE, hash);
	return memcmp(hash, record->hash, sizeof hash) == 0 ? LB_OK : LB_ERR_DAMAGED;
}
