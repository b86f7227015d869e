/* Every message: its bytes, its limits, and that PROTOCOL tells the truth about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "err.h"
#include "proto.h"

#define FRAME_MAX (LB_HEADER_SIZE + LB_PAYLOAD_MAX)

static const uint16_t types[] = {
	LB_MSG_AS,
	LB_MSG_ROLES,
	LB_MSG_REQUEST,
	LB_MSG_EXTEND,
	LB_MSG_LIST,
	LB_MSG_SHOW,
	LB_MSG_APPROVE,
	LB_MSG_DENY,
	LB_MSG_CANCEL,
	LB_MSG_CLAIM,
	LB_MSG_END,
	LB_MSG_REVOKE,
	LB_MSG_AUDIT,
	LB_MSG_KEYS,
	LB_MSG_HEALTH,
	LB_MSG_RESET_CLOCK,
	LB_MSG_WAIT,
	LB_MSG_STATEMENT,
	LB_MSG_EVIDENCE,
	LB_MSG_APPROVE_SIGNED,
	LB_MSG_CUSTOMER,
	LB_MSG_CUSTOMER_CHANGE,
	LB_MSG_ELIGIBILITY,
	LB_MSG_ELIGIBILITY_REQUEST,
	LB_MSG_ATTEST,
	LB_MSG_ELIGIBILITY_APPROVE,
	LB_MSG_ELIGIBILITY_REVOKE,
	LB_MSG_REVIEW,
	LB_MSG_ACKNOWLEDGE,
	LB_MSG_METRICS,
	LB_MSG_PAM_AUTH,
	LB_MSG_PAM_ACCOUNT,
	LB_MSG_PAM_OPEN,
	LB_MSG_PAM_CLOSE,
	LB_MSG_PAM_EXEMPT,
	LB_MSG_DONE,
	LB_MSG_REFUSED,
	LB_MSG_ROLE,
	LB_MSG_GRANT,
	LB_MSG_CLAIMED,
	LB_MSG_RECORD,
	LB_MSG_KEY,
	LB_MSG_VERDICT,
	LB_MSG_HEALTH_REPORT,
	LB_MSG_TO_SIGN,
	LB_MSG_SIGNED,
	LB_MSG_CUSTOMER_VIEW,
	LB_MSG_ELIGIBLE,
	LB_MSG_ATTESTED,
	LB_MSG_METRICS_REPORT,
};

#define TYPES (sizeof types / sizeof types[0])

static void
store_number(char *at, enum lb_field_kind kind, uint64_t value)
{
	uint32_t u32 = (uint32_t)value;
	uint16_t u16 = (uint16_t)value;
	uint8_t u8 = (uint8_t)value;

	switch (kind) {
	case LB_FIELD_U8:
		memcpy(at, &u8, sizeof u8);
		return;
	case LB_FIELD_U16:
		memcpy(at, &u16, sizeof u16);
		return;
	case LB_FIELD_U32:
		memcpy(at, &u32, sizeof u32);
		return;
	case LB_FIELD_U64:
		memcpy(at, &value, sizeof value);
		return;
	case LB_FIELD_TEXT:
	case LB_FIELD_BYTES:
		fail();
	}
}

/* A message in which each field differs from every other: numbers by place, texts their own name. */
static void
fill(uint16_t type, union lb_msg *msg)
{
	const struct lb_layout *layout = lb_proto_layout(type);

	memset(msg, 0, sizeof *msg);
	for (size_t i = 0; i < layout->count; i++) {
		const struct lb_field *f = &layout->fields[i];
		char *at = (char *)msg + f->offset;

		if (f->kind == LB_FIELD_TEXT)
			snprintf(at, f->max + 1, "<%s>", f->name);
		else if (f->kind == LB_FIELD_BYTES)
			for (size_t n = 0; n < f->max; n++)
				at[n] = (char)(0xf0 - n);
		else
			store_number(at, f->kind, 0x1122334455667700u + 0x0101010101010101u * i);
	}
}

static size_t
frame_of(uint16_t type, uint8_t frame[FRAME_MAX])
{
	union lb_msg msg;
	size_t len = 0;

	fill(type, &msg);
	assert_int_equal(lb_proto_encode(type, &msg, frame, FRAME_MAX, &len), LB_OK);
	return len;
}

/* Opens a file of the source tree: from its root, or from build/tests. */
static FILE *
open_source(const char *path)
{
	char other[256];
	FILE *f = fopen(path, "r");

	if (f == NULL) {
		snprintf(other, sizeof other, "../../%s", path);
		f = fopen(other, "r");
	}
	if (f == NULL)
		fail_msg("cannot open %s; run the tests from the top of the tree", path);
	return f;
}

/* Adds the hex bytes of a line to buf; '#' begins a remark. */
static size_t
add_hex(const char *line, uint8_t *buf, size_t used)
{
	unsigned byte;
	int taken;

	while (used < FRAME_MAX && sscanf(line, " %2x%n", &byte, &taken) == 1) {
		buf[used++] = (uint8_t)byte;
		line += taken;
	}
	return used;
}

static void
there_are_no_other_types(void **state)
{
	size_t found = 0;

	(void)state;
	for (uint32_t t = 0; t <= UINT16_MAX; t++) {
		bool known = false;

		for (size_t i = 0; i < TYPES; i++)
			known = known || types[i] == t;
		assert_int_equal(lb_proto_layout((uint16_t)t) != NULL, known);
		found += known;
		if (!known)
			assert_int_equal(lb_proto_door((uint16_t)t), LB_DOOR_NONE);
	}
	assert_int_equal(found, TYPES);
}

static void
no_reply_has_a_door_and_every_request_has_one(void **state)
{
	(void)state;
	for (size_t i = 0; i < TYPES; i++) {
		enum lb_door door = lb_proto_door(types[i]);

		if (types[i] & LB_REPLY)
			assert_int_equal(door, LB_DOOR_NONE);
		else
			assert_int_equal(door, types[i] >= LB_MSG_PAM_AUTH ? LB_DOOR_PAM
									   : LB_DOOR_PUBLIC);
	}
}

static void
every_message_comes_back_as_it_was(void **state)
{
	(void)state;
	for (size_t i = 0; i < TYPES; i++) {
		uint8_t frame[FRAME_MAX];
		size_t len = frame_of(types[i], frame);
		union lb_msg expected, got;
		uint32_t payload;
		uint16_t type;

		fill(types[i], &expected);
		assert_int_equal(lb_proto_header(frame, &type, &payload), LB_OK);
		assert_int_equal(type, types[i]);
		assert_int_equal(payload, len - LB_HEADER_SIZE);
		memset(&got, 0xff, sizeof got);
		assert_int_equal(lb_proto_decode(type, frame + LB_HEADER_SIZE, payload, &got),
				 LB_OK);
		assert_memory_equal(&got, &expected, sizeof got);
	}
}

static void
every_message_has_the_bytes_it_always_had(void **state)
{
	(void)state;
	for (size_t i = 0; i < TYPES; i++) {
		uint8_t frame[FRAME_MAX], golden[FRAME_MAX];
		size_t len = frame_of(types[i], frame), used = 0;
		char path[128], line[256];
		FILE *f;

		snprintf(path, sizeof path, "tests/data/proto/%s.hex",
			 lb_proto_layout(types[i])->name);
		f = open_source(path);
		while (fgets(line, sizeof line, f) != NULL)
			if (line[0] != '#')
				used = add_hex(line, golden, used);
		fclose(f);
		assert_int_equal(used, len);
		assert_memory_equal(golden, frame, len);
	}
}

static void
a_message_cut_anywhere_is_refused_and_leaves_zeroes(void **state)
{
	static const union lb_msg zero;

	(void)state;
	for (size_t i = 0; i < TYPES; i++) {
		uint8_t frame[FRAME_MAX];
		size_t len = frame_of(types[i], frame);

		for (size_t cut = 0; cut + LB_HEADER_SIZE < len; cut++) {
			/* A copy of its own, so that a sanitizer sees a read behind it. */
			uint8_t *payload = malloc(cut + 1);
			union lb_msg got;

			memcpy(payload, frame + LB_HEADER_SIZE, cut);
			memset(&got, 0xff, sizeof got);
			assert_int_not_equal(lb_proto_decode(types[i], payload, cut, &got), LB_OK);
			assert_memory_equal(&got, &zero, sizeof got);
			free(payload);
		}
	}
}

static void
a_trailing_byte_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < TYPES; i++) {
		uint8_t frame[FRAME_MAX];
		size_t len = frame_of(types[i], frame);
		union lb_msg got;

		frame[len] = 0;
		assert_int_equal(lb_proto_decode(types[i], frame + LB_HEADER_SIZE,
						 len - LB_HEADER_SIZE + 1, &got),
				 LB_ERR_MALFORMED);
	}
}

/* Bytes of the payload up to the field'th field, as fill() makes it. */
static size_t
field_position(const struct lb_layout *layout, const union lb_msg *msg, size_t field)
{
	static const size_t sizes[] = {
		[LB_FIELD_U8] = 1, [LB_FIELD_U16] = 2, [LB_FIELD_U32] = 4, [LB_FIELD_U64] = 8};
	size_t at = 0;

	for (size_t i = 0; i < field; i++) {
		const struct lb_field *f = &layout->fields[i];

		if (f->kind == LB_FIELD_TEXT)
			at += 2 + strlen((const char *)msg + f->offset);
		else
			at += f->kind == LB_FIELD_BYTES ? f->max : sizes[f->kind];
	}
	return at;
}

/* Replaces the text of one field on the wire by len bytes of 'x'; returns the payload's length. */
static size_t
with_text(uint16_t type, size_t field, size_t len, uint8_t *payload)
{
	const struct lb_layout *layout = lb_proto_layout(type);
	uint8_t frame[FRAME_MAX];
	size_t total = frame_of(type, frame) - LB_HEADER_SIZE, at, old;
	union lb_msg msg;

	fill(type, &msg);
	at = field_position(layout, &msg, field);
	old = strlen((const char *)&msg + layout->fields[field].offset);
	memcpy(payload, frame + LB_HEADER_SIZE, at);
	payload[at] = (uint8_t)(len >> 8);
	payload[at + 1] = (uint8_t)len;
	memset(payload + at + 2, 'x', len);
	memcpy(payload + at + 2 + len, frame + LB_HEADER_SIZE + at + 2 + old, total - at - 2 - old);
	return total - old + len;
}

static void
each_text_may_have_its_maximum_and_not_one_byte_more(void **state)
{
	static uint8_t payload[2 * FRAME_MAX];

	(void)state;
	for (size_t i = 0; i < TYPES; i++) {
		const struct lb_layout *layout = lb_proto_layout(types[i]);

		for (size_t f = 0; f < layout->count; f++) {
			size_t max = layout->fields[f].max, len;
			union lb_msg got;

			if (layout->fields[f].kind != LB_FIELD_TEXT)
				continue;
			len = with_text(types[i], f, max, payload);
			assert_int_equal(lb_proto_decode(types[i], payload, len, &got), LB_OK);
			len = with_text(types[i], f, max + 1, payload);
			assert_int_equal(lb_proto_decode(types[i], payload, len, &got),
					 LB_ERR_TOO_LONG);
		}
	}
}

static void
a_nul_inside_any_text_is_refused(void **state)
{
	static uint8_t payload[2 * FRAME_MAX];

	(void)state;
	for (size_t i = 0; i < TYPES; i++) {
		const struct lb_layout *layout = lb_proto_layout(types[i]);

		for (size_t f = 0; f < layout->count; f++) {
			union lb_msg msg, got;
			size_t len, at;

			if (layout->fields[f].kind != LB_FIELD_TEXT)
				continue;
			fill(types[i], &msg);
			at = field_position(layout, &msg, f);
			for (size_t nul = 0; nul < 3; nul++) {
				len = with_text(types[i], f, 3, payload);
				payload[at + 2 + nul] = '\0';
				assert_int_equal(lb_proto_decode(types[i], payload, len, &got),
						 LB_ERR_MALFORMED);
			}
		}
	}
}

static void
even_the_fullest_message_fits_in_a_frame(void **state)
{
	(void)state;
	for (size_t i = 0; i < TYPES; i++) {
		const struct lb_layout *layout = lb_proto_layout(types[i]);
		uint8_t frame[FRAME_MAX];
		union lb_msg msg;
		size_t len;

		assert_true(layout->size <= sizeof msg);
		fill(types[i], &msg);
		for (size_t f = 0; f < layout->count; f++)
			if (layout->fields[f].kind == LB_FIELD_TEXT) {
				memset((char *)&msg + layout->fields[f].offset, 'x',
				       layout->fields[f].max);
				((char *)&msg)[layout->fields[f].offset + layout->fields[f].max] =
					'\0';
			}
		assert_int_equal(lb_proto_encode(types[i], &msg, frame, sizeof frame, &len), LB_OK);
		/* A text without its NUL is not read on and on. */
		for (size_t f = 0; f < layout->count; f++)
			if (layout->fields[f].kind == LB_FIELD_TEXT) {
				memset((char *)&msg + layout->fields[f].offset, 'x',
				       layout->fields[f].max + 1);
				assert_int_equal(
					lb_proto_encode(types[i], &msg, frame, sizeof frame, &len),
					LB_ERR_TOO_LONG);
			}
	}
}

static void
every_buffer_that_is_too_small_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < TYPES; i++) {
		uint8_t frame[FRAME_MAX];
		size_t full = frame_of(types[i], frame), len;
		union lb_msg msg;

		fill(types[i], &msg);
		for (size_t cap = 0; cap < full; cap++) {
			uint8_t *small = malloc(cap + 1);

			len = 999;
			assert_int_equal(lb_proto_encode(types[i], &msg, small, cap, &len),
					 LB_ERR_TOO_LONG);
			assert_int_equal(len, 999);
			free(small);
		}
	}
}

static void
headers_are_judged_before_anything_is_read(void **state)
{
	static const struct {
		uint8_t header[LB_HEADER_SIZE];
		int err;
	} cases[] = {
		{{0, 0, 0, 0, 0, 2, LB_PROTO_VERSION, 0}, LB_OK},
		{{0, 0, 0x20, 0, 0, 2, LB_PROTO_VERSION, 0}, LB_OK},
		{{0, 0, 0x20, 1, 0, 2, LB_PROTO_VERSION, 0}, LB_ERR_TOO_LONG},
		{{0xff, 0xff, 0xff, 0xff, 0, 2, LB_PROTO_VERSION, 0}, LB_ERR_TOO_LONG},
		{{0x80, 0, 0, 0, 0, 2, LB_PROTO_VERSION, 0}, LB_ERR_TOO_LONG},
		{{0, 0, 0, 0, 0, 2, 0, 0}, LB_ERR_VERSION},
		{{0, 0, 0, 0, 0, 2, LB_PROTO_VERSION + 1, 0}, LB_ERR_VERSION},
		{{0, 0, 0, 0, 0, 2, 255, 0}, LB_ERR_VERSION},
		{{0, 0, 0, 0, 0, 2, LB_PROTO_VERSION, 1}, LB_ERR_MALFORMED},
		{{0, 0, 0, 0, 0, 0, LB_PROTO_VERSION, 0}, LB_ERR_MALFORMED},
		{{0, 0, 0, 0, 0, 63, LB_PROTO_VERSION, 0}, LB_ERR_MALFORMED},
		{{0, 0, 0, 0, 0x80, 0, LB_PROTO_VERSION, 0}, LB_ERR_MALFORMED},
		{{0, 0, 0, 0, 0x80, 64, LB_PROTO_VERSION, 0}, LB_ERR_MALFORMED},
		{{0, 0, 0, 0, 0xff, 0xff, LB_PROTO_VERSION, 0}, LB_ERR_MALFORMED},
		{"GET / HT", LB_ERR_VERSION},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint32_t payload = 999;
		uint16_t type = 999;

		assert_int_equal(lb_proto_header(cases[i].header, &type, &payload), cases[i].err);
		if (cases[i].err != LB_OK)
			assert_true(payload == 999 && type == 999);
	}
}

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Whatever decodes must encode to the same bytes: there is one writing of every message. */
static void
flipped_bits_are_refused_or_mean_something_else_but_never_two_things(void **state)
{
	int64_t until = now_ms() + 1000;
	unsigned refused = 0, accepted = 0;

	(void)state;
	srandom(17);
	while (now_ms() < until) {
		uint16_t type = types[(size_t)random() % TYPES];
		uint8_t frame[FRAME_MAX], again[FRAME_MAX];
		size_t len = frame_of(type, frame), len2;
		union lb_msg got;

		if (len == LB_HEADER_SIZE)
			continue;
		for (long flips = 1 + random() % 3; flips > 0; flips--) {
			size_t bit = (size_t)random() % ((len - LB_HEADER_SIZE) * 8);

			frame[LB_HEADER_SIZE + bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		if (lb_proto_decode(type, frame + LB_HEADER_SIZE, len - LB_HEADER_SIZE, &got) !=
		    LB_OK) {
			refused++;
			continue;
		}
		accepted++;
		assert_int_equal(lb_proto_encode(type, &got, again, sizeof again, &len2), LB_OK);
		assert_int_equal(len2, len);
		assert_memory_equal(again, frame, len);
	}
	assert_true(refused > 100 && accepted > 100);
}

static void
states_have_names(void **state)
{
	(void)state;
	for (uint8_t s = LB_STATE_PENDING; s < LB_STATE_COUNT; s++)
		assert_string_not_equal(lb_state_name(s), "unknown");
	assert_string_equal(lb_state_name(0), "unknown");
	assert_string_equal(lb_state_name(LB_STATE_COUNT), "unknown");
	assert_string_equal(lb_state_name(255), "unknown");
	assert_string_equal(lb_review_name(LB_REVIEW_COUNT), "unknown");
	assert_string_equal(lb_starts_name(LB_STARTS_COUNT), "unknown");
}

/* PROTOCOL, as far as a program can read it. */

struct documented {
	uint16_t type;
	size_t fields;
};

static enum lb_door
door_named(const char *name)
{
	if (strcmp(name, "public") == 0)
		return LB_DOOR_PUBLIC;
	if (strcmp(name, "pam") == 0)
		return LB_DOOR_PAM;
	assert_string_equal(name, "reply");
	return LB_DOOR_NONE;
}

static void
kind_text(const struct lb_field *f, char out[32])
{
	static const char *const names[] = {[LB_FIELD_U8] = "u8",
					    [LB_FIELD_U16] = "u16",
					    [LB_FIELD_U32] = "u32",
					    [LB_FIELD_U64] = "u64"};

	if (f->kind == LB_FIELD_TEXT)
		snprintf(out, 32, "text[%zu]", f->max);
	else if (f->kind == LB_FIELD_BYTES)
		snprintf(out, 32, "bytes[%zu]", f->max);
	else
		snprintf(out, 32, "%s", names[f->kind]);
}

static void
check_documented_field(struct documented *d, const char *kind, const char *name)
{
	const struct lb_layout *layout = lb_proto_layout(d->type);
	char expected[32];

	if (d->fields >= layout->count)
		fail_msg("PROTOCOL: message %s has no field %s", layout->name, name);
	kind_text(&layout->fields[d->fields], expected);
	assert_string_equal(kind, expected);
	assert_string_equal(name, layout->fields[d->fields].name);
	d->fields++;
}

static void
the_document_names_every_message_and_field_in_order(void **state)
{
	struct documented seen[TYPES] = {0};
	size_t count = 0, group = 0;
	bool fields_began = true;
	char line[256];
	FILE *f = open_source("common/PROTOCOL");

	(void)state;
	while (fgets(line, sizeof line, f) != NULL) {
		char name[64], who[16], kind[32];
		int type;

		if (sscanf(line, "message %63s = %i, %15s", name, &type, who) == 3) {
			const struct lb_layout *layout = lb_proto_layout((uint16_t)type);

			assert_non_null(layout);
			assert_string_equal(layout->name, name);
			assert_int_equal(door_named(who), lb_proto_door((uint16_t)type));
			assert_true(count < TYPES);
			group = fields_began ? count : group;
			fields_began = false;
			seen[count++] = (struct documented){.type = (uint16_t)type};
		} else if (count > 0 && line[0] != '\t' && line[0] != '\n') {
			group = count; /* running text: the fields are over */
			fields_began = true;
		} else if (line[0] == '\t' && line[1] != '\t' &&
			   sscanf(line, "\t%31s %63s", kind, name) == 2 &&
			   strcmp(kind, "no") != 0) {
			fields_began = true;
			for (size_t i = group; i < count; i++)
				check_documented_field(&seen[i], kind, name);
		} else if (line[0] == '\t') {
			fields_began = true;
		}
	}
	fclose(f);
	assert_int_equal(count, TYPES);
	for (size_t i = 0; i < TYPES; i++) {
		assert_int_equal(seen[i].type, types[i]);
		assert_int_equal(seen[i].fields, lb_proto_layout(types[i])->count);
	}
}

static void
the_document_names_every_refusal_and_state(void **state)
{
	bool states[LB_STATE_COUNT] = {false};
	unsigned refusals = 0, section = 0;
	char line[256];
	FILE *f = open_source("common/PROTOCOL");

	(void)state;
	while (fgets(line, sizeof line, f) != NULL) {
		unsigned number;
		char name[64];

		if (line[0] != '\t')
			sscanf(line, "%u. ", &section);
		else if (sscanf(line, "\t%u %63s", &number, name) != 2)
			continue;
		else if (section == 7)
			assert_int_equal(number, ++refusals);
		else if (section == 8) {
			assert_string_equal(name, lb_state_name((uint8_t)number));
			states[number] = true;
		}
	}
	fclose(f);
	assert_int_equal(refusals, LB_NOT_ELIGIBLE);
	for (size_t i = 1; i < LB_STATE_COUNT; i++)
		assert_true(states[i]);
}

static void
the_examples_of_the_document_decode(void **state)
{
	static const uint16_t expected[] = {LB_MSG_REQUEST, LB_MSG_REFUSED};
	uint8_t frame[FRAME_MAX], again[FRAME_MAX];
	size_t used = 0, found = 0, len;
	bool inside = false;
	char line[256];
	FILE *f = open_source("common/PROTOCOL");

	(void)state;
	while (fgets(line, sizeof line, f) != NULL) {
		union lb_msg msg;
		uint32_t payload;
		uint16_t type;

		if (strcmp(line, "hex\n") == 0) {
			inside = true;
			used = 0;
		} else if (inside && strcmp(line, "end\n") != 0) {
			used = add_hex(line, frame, used);
		} else if (inside) {
			inside = false;
			assert_int_equal(lb_proto_header(frame, &type, &payload), LB_OK);
			assert_true(found < 2);
			assert_int_equal(type, expected[found++]);
			assert_int_equal(payload + LB_HEADER_SIZE, used);
			assert_int_equal(
				lb_proto_decode(type, frame + LB_HEADER_SIZE, payload, &msg),
				LB_OK);
			assert_int_equal(lb_proto_encode(type, &msg, again, sizeof again, &len),
					 LB_OK);
			assert_memory_equal(again, frame, len);
			if (type == LB_MSG_REQUEST) {
				assert_string_equal(msg.request.role, "db-operator");
				assert_int_equal(msg.request.duration_s, 20);
				assert_string_equal(msg.request.ticket, "OPS-1");
				assert_string_equal(msg.request.reason, "replay of the order");
			} else {
				assert_int_equal(msg.refused.code, LB_OVER_LIMIT);
				assert_string_equal(msg.refused.text, "too long");
			}
		}
	}
	fclose(f);
	assert_int_equal(found, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_are_no_other_types),
		cmocka_unit_test(no_reply_has_a_door_and_every_request_has_one),
		cmocka_unit_test(every_message_comes_back_as_it_was),
		cmocka_unit_test(every_message_has_the_bytes_it_always_had),
		cmocka_unit_test(a_message_cut_anywhere_is_refused_and_leaves_zeroes),
		cmocka_unit_test(a_trailing_byte_is_refused),
		cmocka_unit_test(each_text_may_have_its_maximum_and_not_one_byte_more),
		cmocka_unit_test(a_nul_inside_any_text_is_refused),
		cmocka_unit_test(even_the_fullest_message_fits_in_a_frame),
		cmocka_unit_test(every_buffer_that_is_too_small_is_refused),
		cmocka_unit_test(headers_are_judged_before_anything_is_read),
		cmocka_unit_test(
			flipped_bits_are_refused_or_mean_something_else_but_never_two_things),
		cmocka_unit_test(states_have_names),
		cmocka_unit_test(the_document_names_every_message_and_field_in_order),
		cmocka_unit_test(the_document_names_every_refusal_and_state),
		cmocka_unit_test(the_examples_of_the_document_decode),
	};

	return cmocka_run_group_tests_name("proto", tests, NULL, NULL);
}
