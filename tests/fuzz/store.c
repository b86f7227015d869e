/*
 * Records of the store.  The input is one byte of table, one of the key's length, the key, and the
 * value, whose checksum is put right (a second run has it as it is): any bytes in a record are
 * refused, or are a record that obeys the rules and encodes to the same bytes.
 */
#include "fuzz.h"

#include <sodium.h>

#include "err.h"
#include "keeper/store_records.h"
#include "name.h"

static const enum lb_table tables[] = {
	LB_TABLE_META,	      LB_TABLE_GRANT,	LB_TABLE_UID,	    LB_TABLE_SESSION,
	LB_TABLE_ROLE,	      LB_TABLE_AUDIT,	LB_TABLE_STATEMENT, LB_TABLE_ATTESTATION,
	LB_TABLE_ELIGIBILITY, LB_TABLE_CUSTOMER};

static void
check_grant(const struct lb_grant *g)
{
	CHECK(g->id != 0 && g->state >= LB_STATE_PENDING && g->state < LB_STATE_COUNT);
	CHECK(lb_identity_valid(g->identity) && lb_role_valid(g->role));
	CHECK(g->have <= LB_APPROVALS_MAX && g->levels <= LB_LEVELS_MAX);
	CHECK(g->uid == 0 || (lb_uid_is_account(g->uid) && lb_account_valid(g->account)));
	CHECK(g->otp <= LB_OTP_VOID && g->port_forwarding <= 1);
}

static void
check_customer(const struct lb_customer *c)
{
	CHECK(lb_identity_valid(c->name) && c->on <= 1 && c->host <= 1);
	CHECK(c->keys <= LB_CUSTOMER_KEYS_MAX);
	for (size_t i = 0; i < c->keys; i++)
		CHECK(lb_identity_valid(c->key[i].identity));
}

static void
record(enum lb_table table, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size)
{
	static uint8_t back[LB_RECORD_MAX];
	union lb_record r;
	struct lb_key k = {.size = key_size};
	size_t used = 0;

	if (lb_record_decode(table, key, key_size, value, size, &r) != LB_OK)
		return;
	CHECK(key_size <= LB_KEY_MAX);
	memcpy(k.bytes, key, key_size);
	if (table == LB_TABLE_GRANT)
		check_grant(&r.grant);
	if (table == LB_TABLE_CUSTOMER)
		check_customer(&r.customer);
	if (table == LB_TABLE_STATEMENT)
		CHECK((r.statement.used_s != 0) == (r.statement.signature[0] != '\0'));
	if (table == LB_TABLE_ATTESTATION)
		CHECK(strcmp(r.attestation.by, r.attestation.identity) != 0);
	if (table == LB_TABLE_ELIGIBILITY)
		CHECK(strcmp(r.eligibility.manager, r.eligibility.identity) != 0);
	if (table == LB_TABLE_ROLE)
		CHECK(lb_gid_is_role(r.role.gid));
	CHECK(lb_record_encode(table, &k, &r, back, &used) == LB_OK);
	CHECK(used == size && memcmp(back, value, size) == 0);
}

static void
audit(const uint8_t *key, size_t key_size, const uint8_t *value, size_t size)
{
	static const uint8_t prev[LB_HASH_SIZE];
	static uint8_t back[LB_RECORD_MAX];
	struct lb_msg_record r;
	size_t used = 0;

	if (lb_audit_decode(NULL, key, key_size, value, size, &r) != LB_OK)
		return;
	CHECK(r.seq != 0);
	CHECK(lb_audit_encode(prev, &r, back, &used) == LB_OK);
	CHECK(used == size && memcmp(back, value, size - LB_HASH_SIZE) == 0);
	/* With its hash right it holds, and with any other one it does not. */
	CHECK(lb_audit_decode(prev, key, key_size, back, used, &r) == LB_OK);
	back[used - 1] ^= 1;
	CHECK(lb_audit_decode(prev, key, key_size, back, used, &r) == LB_ERR_DAMAGED);
}

/* As the format has it: over the database's name, the key and the value. */
static void
put_checksum(enum lb_table table, const uint8_t *key, size_t key_size, uint8_t *value, size_t size)
{
	const char *name = lb_table_name(table);
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, LB_CHECK_SIZE);
	crypto_generichash_update(&state, (const uint8_t *)name, strlen(name) + 1);
	crypto_generichash_update(&state, key, key_size);
	crypto_generichash_update(&state, value, size - LB_CHECK_SIZE);
	crypto_generichash_final(&state, value + size - LB_CHECK_SIZE, LB_CHECK_SIZE);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	enum lb_table table = tables[take_u8(&in) % (sizeof tables / sizeof tables[0])];
	size_t key_size = take_u8(&in);
	const uint8_t *key = in.at;
	uint8_t *value;

	if (key_size > in.left)
		key_size = in.left;
	in.at += key_size;
	in.left -= key_size;
	if (table == LB_TABLE_AUDIT) {
		audit(key, key_size, in.at, in.left);
		return 0;
	}
	record(table, key, key_size, in.at, in.left);
	if (in.left < LB_CHECK_SIZE)
		return 0;
	value = malloc(in.left);
	CHECK(value != NULL);
	memcpy(value, in.at, in.left);
	put_checksum(table, key, key_size, value, in.left);
	record(table, key, key_size, value, in.left);
	free(value);
	return 0;
}
