/* The messages on the links: see lockboxd/ipc.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "err.h"
#include "ipc.h"

/* Every type, with the size of its structure; LB_IPC_FRAME has no layout: it carries a frame. */
static const struct {
	enum lb_ipc type;
	size_t size;
} types[] = {
	{LB_IPC_POLICY, 0},
	{LB_IPC_FRONT, sizeof(struct lb_ipc_conn)},
	{LB_IPC_COURIER, sizeof(struct lb_ipc_conn)},
	{LB_IPC_PUBLISHED, sizeof(struct lb_ipc_outcome)},
	{LB_IPC_EVICTED, sizeof(struct lb_ipc_outcome)},
	{LB_IPC_NOTE, sizeof(struct lb_ipc_outcome)},
	{LB_IPC_SEAL, sizeof(struct lb_ipc_outcome)},
	{LB_IPC_ENTERED, sizeof(struct lb_ipc_entered)},
	{LB_IPC_READY, 0},
	{LB_IPC_SYNC_BEGIN, 0},
	{LB_IPC_SYNC_END, 0},
	{LB_IPC_ACCOUNT, sizeof(struct lb_ipc_account)},
	{LB_IPC_EVICT, sizeof(struct lb_ipc_evict)},
	{LB_IPC_SESSION, sizeof(struct lb_ipc_session)},
	{LB_IPC_DISCONNECT, sizeof(struct lb_ipc_session)},
	{LB_IPC_ACK, sizeof(struct lb_ipc_uid)},
	{LB_IPC_KERNEL, sizeof(struct lb_ipc_kernel)},
	{LB_IPC_BAD_FRONT, sizeof(struct lb_ipc_conn)},
	{LB_IPC_PEER, sizeof(struct lb_ipc_conn)},
	{LB_IPC_GONE, sizeof(struct lb_ipc_conn)},
};
#define TYPES (sizeof types / sizeof types[0])

/* A message of a type with something in every field, texts at their longest when full. */
static union lb_ipc_msg
filled(enum lb_ipc type, bool full)
{
	union lb_ipc_msg m = {.conn = {0}};

#define TEXT(field) memset(field, 'x', full ? sizeof field - 1 : 3)
	switch (type) {
	case LB_IPC_PUBLISHED:
	case LB_IPC_EVICTED:
	case LB_IPC_NOTE:
	case LB_IPC_SEAL:
		m.outcome.uid = 0x01020304;
		m.outcome.ok = 1;
		TEXT(m.outcome.event);
		TEXT(m.outcome.text);
		break;
	case LB_IPC_ACCOUNT:
		m.account.grant = 0x0102030405060708;
		m.account.uid = 1900010001;
		m.account.role_gid = 1900000001;
		TEXT(m.account.name);
		TEXT(m.account.identity);
		TEXT(m.account.role);
		m.account.end_wall_ns = 1;
		m.account.end_boot_ns = UINT64_MAX;
		m.account.fresh = 1;
		m.account.own_uid = 1001;
		break;
	case LB_IPC_EVICT:
		m.evict.grant = 7;
		m.evict.uid = 1900010001;
		TEXT(m.evict.name);
		TEXT(m.evict.cause);
		m.evict.own_uid = 1001;
		break;
	case LB_IPC_SESSION:
	case LB_IPC_DISCONNECT:
		m.session.uid = 1900010001;
		m.session.pid = 77;
		TEXT(m.session.text);
		break;
	case LB_IPC_KERNEL:
		m.kernel.uid = 1900010001;
		m.kernel.session = 12;
		break;
	case LB_IPC_ENTERED:
		m.entered.uid = 1900010001;
		m.entered.session = 12;
		m.entered.ok = 1;
		break;
	case LB_IPC_ACK:
		m.uid.uid = 5;
		break;
	case LB_IPC_FRONT:
	case LB_IPC_COURIER:
	case LB_IPC_BAD_FRONT:
	case LB_IPC_PEER:
	case LB_IPC_GONE:
		m.conn.conn = UINT64_MAX - 1;
		break;
	default:
		break;
	}
	return m;
}

static void
every_message_comes_back_as_it_was(void **unused)
{
	uint8_t bytes[LB_LINK_MESSAGE_MAX];
	union lb_ipc_msg m, got;
	size_t len;

	(void)unused;
	for (size_t i = 0; i < TYPES; i++)
		for (int full = 0; full < 2; full++) {
			m = filled(types[i].type, full);
			assert_int_equal(
				lb_ipc_encode(types[i].type, &m, bytes, sizeof bytes, &len), LB_OK);
			assert_true(len <= LB_LINK_MESSAGE_MAX);
			memset(&got, 0xee, sizeof got);
			assert_int_equal(lb_ipc_decode((uint16_t)types[i].type, bytes, len, &got),
					 LB_OK);
			assert_memory_equal(&got, &m, types[i].size);
		}
}

/* A copy of exactly len bytes, so that a sanitizer sees a byte read too many. */
static int
decode_exact(uint16_t type, const uint8_t *bytes, size_t len, union lb_ipc_msg *msg)
{
	uint8_t *copy = malloc(len + 1);
	int err;

	assert_non_null(copy);
	memcpy(copy + 1, bytes, len);
	err = lb_ipc_decode(type, copy + 1, len, msg);
	free(copy);
	return err;
}

static void
every_message_cut_anywhere_or_longer_by_a_byte_is_refused(void **unused)
{
	static const union lb_ipc_msg nothing;
	uint8_t bytes[LB_LINK_MESSAGE_MAX + 1];
	union lb_ipc_msg m, got;
	size_t len;

	(void)unused;
	for (size_t i = 0; i < TYPES; i++)
		for (int full = 0; full < 2; full++) {
			m = filled(types[i].type, full);
			lb_ipc_encode(types[i].type, &m, bytes, sizeof bytes, &len);
			bytes[len] = 0;
			for (size_t cut = 0; cut <= len + 1; cut++) {
				int err;

				memset(&got, 0xee, sizeof got);
				err = decode_exact((uint16_t)types[i].type, bytes, cut, &got);
				if ((err == LB_OK) != (cut == len))
					fail_msg("type %d: %zu of %zu bytes: %d", types[i].type,
						 cut, len, err);
				if (err != LB_OK)
					assert_memory_equal(&got, &nothing, sizeof got);
			}
		}
}

static void
a_text_too_long_is_neither_sent_nor_taken(void **unused)
{
	struct lb_ipc_evict e = {.uid = 1};
	uint8_t bytes[LB_LINK_MESSAGE_MAX];
	union lb_ipc_msg got;
	size_t len;

	(void)unused;
	memset(e.name, 'x', sizeof e.name); /* no NUL: longer than it may be */
	assert_int_not_equal(lb_ipc_encode(LB_IPC_EVICT, &e, bytes, sizeof bytes, &len), LB_OK);
	strcpy(e.name, "lb-ann-1");
	assert_int_equal(lb_ipc_encode(LB_IPC_EVICT, &e, bytes, sizeof bytes, &len), LB_OK);
	/* grant 8, uid 4, then the length of the name. */
	for (unsigned claim = 0; claim < 0x10000; claim++) {
		bytes[12] = (uint8_t)(claim >> 8);
		bytes[13] = (uint8_t)claim;
		assert_int_equal(lb_ipc_decode(LB_IPC_EVICT, bytes, len, &got) == LB_OK,
				 claim == 8);
	}
}

static void
a_nul_inside_a_text_is_refused(void **unused)
{
	struct lb_ipc_evict e = {.uid = 1, .name = "lb-ann-1", .cause = "because"};
	uint8_t bytes[LB_LINK_MESSAGE_MAX];
	union lb_ipc_msg got;
	size_t len;

	(void)unused;
	assert_int_equal(lb_ipc_encode(LB_IPC_EVICT, &e, bytes, sizeof bytes, &len), LB_OK);
	assert_int_equal(lb_ipc_decode(LB_IPC_EVICT, bytes, len, &got), LB_OK);
	bytes[16] = '\0';
	assert_int_equal(lb_ipc_decode(LB_IPC_EVICT, bytes, len, &got), LB_ERR_MALFORMED);
}

static bool
known(unsigned type)
{
	for (size_t i = 0; i < TYPES; i++)
		if (types[i].type == type)
			return true;
	return false;
}

static void
types_without_a_row_are_refused(void **unused)
{
	static const uint8_t bytes[64];
	union lb_ipc_msg got;

	(void)unused;
	for (unsigned type = 0; type < 0x10000; type++)
		if (!known(type))
			for (size_t len = 0; len < 20; len++)
				assert_int_equal(lb_ipc_decode((uint16_t)type, bytes, len, &got),
						 LB_ERR_MALFORMED);
}

/* What random bytes decode to must encode to the same bytes again, or they are refused. */
static void
random_bytes_are_refused_or_mean_one_thing(void **unused)
{
	uint8_t bytes[256], again[LB_LINK_MESSAGE_MAX];
	union lb_ipc_msg got;
	size_t len, len2;

	(void)unused;
	srandom(7);
	for (int round = 0; round < 300000; round++) {
		uint16_t type = (uint16_t)types[(size_t)random() % TYPES].type;
		union lb_ipc_msg m = filled((enum lb_ipc)type, false);

		len = (size_t)random() % sizeof bytes;
		for (size_t i = 0; i < len; i++)
			bytes[i] = (uint8_t)random();
		if (round % 2) {
			lb_ipc_encode((enum lb_ipc)type, &m, bytes, sizeof bytes, &len);
			for (int n = (int)(random() % 3); len > 0 && n >= 0; n--)
				bytes[(size_t)random() % len] = (uint8_t)random();
		}
		if (decode_exact(type, bytes, len, &got) != LB_OK)
			continue;
		assert_int_equal(lb_ipc_encode((enum lb_ipc)type, &got, again, sizeof again, &len2),
				 LB_OK);
		assert_int_equal(len2, len);
		assert_memory_equal(again, bytes, len);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_comes_back_as_it_was),
		cmocka_unit_test(every_message_cut_anywhere_or_longer_by_a_byte_is_refused),
		cmocka_unit_test(a_text_too_long_is_neither_sent_nor_taken),
		cmocka_unit_test(a_nul_inside_a_text_is_refused),
		cmocka_unit_test(types_without_a_row_are_refused),
		cmocka_unit_test(random_bytes_are_refused_or_mean_one_thing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
