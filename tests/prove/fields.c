/*
 * The decoder and the encoder of wire.h and fields.h.
 *
 *  field     one field of any kind, place and size in a structure of 12 bytes, read from any state of
 *            a reader over up to 12 bytes: only the field is written, inside the structure; a text is
 *            within its limit and ended by a NUL inside its member; nothing is read outside the bytes,
 *            and as many are used as the field takes.  A table is read field by field in just this way.
 *  written   the same for writing: from any structure, its texts without an end too, into a buffer of
 *            any size up to 12 bytes
 *  whole     a table with a field of every kind, any bytes up to 16: what is accepted was used to its
 *            last byte and encodes to the same bytes again; what is refused leaves zeros
 *  reader    the reader alone, from any state: no call moves it backwards or past the end, and once
 *            it has failed it gives zeros and stays where it is
 *  tables    every message's table is well-formed (its fields lie side by side in its structure), and
 *            its longest form fits into LB_PAYLOAD_MAX
 *  header    a frame's header, for any eight bytes
 *
 * prove: field --unwind 14 --no-conversion-check
 * prove: written --unwind 14 --no-conversion-check
 * prove: whole --unwind 30 --no-conversion-check
 * prove: reader --unwind 18 --no-conversion-check
 * prove: tables --unwind 160 --no-conversion-check
 * prove: header --unwind 100 --no-conversion-check
 */
#include "prove.h"

#include "../../common/fields.c"
#include "../../common/proto.c"
#include "../../common/wire.c"

#define SIZE 12
#define BYTES 12

static size_t
room(const struct lb_field *f)
{
	switch (f->kind) {
	case LB_FIELD_U8:
		return 1;
	case LB_FIELD_U16:
		return 2;
	case LB_FIELD_U32:
		return 4;
	case LB_FIELD_U64:
		return 8;
	case LB_FIELD_TEXT:
		return f->max + 1;
	default:
		return f->max;
	}
}

static bool
well_formed(const struct lb_layout *layout)
{
	for (size_t i = 0; i < layout->count; i++) {
		const struct lb_field *f = &layout->fields[i];

		if ((unsigned)f->kind > LB_FIELD_BYTES || f->max > LB_PAYLOAD_MAX ||
		    f->offset > layout->size || room(f) > layout->size - f->offset)
			return false;
		for (size_t j = 0; j < i; j++)
			if (layout->fields[j].offset + room(&layout->fields[j]) > f->offset &&
			    f->offset + room(f) > layout->fields[j].offset)
				return false;
	}
	return true;
}

static uint8_t bytes[BYTES], to[SIZE], before[SIZE];

/* Bytes that the field takes on the wire, given its structure. */
static size_t
taken(const struct lb_field *f)
{
	return f->kind == LB_FIELD_TEXT ? 2 + strnlen((char *)to + f->offset, f->max + 1) : room(f);
}

static struct lb_field
any_field(void)
{
	struct lb_field f = {(enum lb_field_kind)nondet_u8(), nondet_size(), nondet_size(), "any"};
	struct lb_layout layout = {"any", SIZE, &f, 1};

	ASSUME(well_formed(&layout));
	return f;
}

static void
any_bytes(void)
{
	for (size_t i = 0; i < BYTES; i++)
		bytes[i] = nondet_u8();
	for (size_t i = 0; i < SIZE; i++)
		before[i] = to[i] = nondet_u8();
}

void
field(void)
{
	struct lb_field f = any_field();
	size_t left = nondet_size(), i = nondet_size();
	struct lb_reader r;
	int old = nondet_bool() ? LB_OK : LB_ERR_MALFORMED;

	any_bytes();
	ASSUME(left <= BYTES && i < SIZE);
	r = (struct lb_reader){bytes + BYTES - left, left, old};
	decode_one(&r, &f, (char *)to + f.offset);
	ASSERT((i >= f.offset && i < f.offset + room(&f)) || to[i] == before[i]);
	ASSERT(r.left <= left && r.at == bytes + BYTES - r.left);
	ASSERT(r.err == LB_OK || r.err == LB_ERR_MALFORMED || r.err == LB_ERR_TOO_LONG);
	ASSERT(r.err == LB_OK || old == LB_OK || r.left == left);
	if (f.kind == LB_FIELD_TEXT)
		ASSERT(strnlen((char *)to + f.offset, f.max + 1) <= f.max);
	if (r.err == LB_OK)
		ASSERT(taken(&f) == left - r.left);
	COVER(r.err == LB_OK && f.kind == LB_FIELD_TEXT && f.max == SIZE - 1 && r.left == 0);
	COVER(r.err == LB_OK && f.kind == LB_FIELD_U64);
	COVER(r.err == LB_ERR_TOO_LONG);
}

void
written(void)
{
	struct lb_field f = any_field();
	size_t cap = nondet_size(), used = nondet_size(), i = nondet_size();
	struct lb_writer w;
	uint8_t buf[BYTES], old_byte;

	any_bytes();
	ASSUME(cap <= BYTES && used <= cap && i < BYTES);
	w = (struct lb_writer){buf + BYTES - cap, cap, used,
			       nondet_bool() ? LB_OK : LB_ERR_TOO_LONG};
	old_byte = buf[i];
	encode_one(&w, &f, (const char *)to + f.offset);
	ASSERT(w.used >= used && w.used <= cap);
	/* What was written before stays, and nothing is written after it. */
	ASSERT((i >= BYTES - cap + used && i < BYTES - cap + w.used) || buf[i] == old_byte);
	if (w.err == LB_OK)
		ASSERT(w.used - used == taken(&f));
	COVER(w.err == LB_OK && w.used == cap && f.kind == LB_FIELD_TEXT && cap == BYTES);
	COVER(w.err == LB_ERR_TOO_LONG && used == 0);
}

struct sample {
	uint8_t u8;
	uint16_t u16;
	char text[4];
	uint32_t u32;
	uint8_t raw[2];
};
static const struct lb_field sample_fields[] = {
	LB_U8(struct sample, u8),   LB_TEXT(struct sample, text), LB_U16(struct sample, u16),
	LB_U32(struct sample, u32), LB_BYTES(struct sample, raw),
};

void
whole(void)
{
	static const struct lb_layout layout = LB_LAYOUT("sample", struct sample, sample_fields);
	uint8_t in[16], out[16];
	size_t len = nondet_size(), used = 0, i = nondet_size();
	struct sample s;
	int err;

	ASSUME(len <= sizeof in);
	err = lb_fields_decode(&layout, in + sizeof in - len, len, &s);
	ASSERT(err == LB_OK || err == LB_ERR_MALFORMED || err == LB_ERR_TOO_LONG);
	if (err != LB_OK) {
		ASSUME(i < sizeof s);
		ASSERT(((const uint8_t *)&s)[i] == 0);
		COVER(len == 15);
		return;
	}
	err = lb_fields_encode(&layout, &s, out, sizeof out, &used);
	ASSERT(err == LB_OK && used == len);
	ASSUME(i < len);
	ASSERT(out[i] == in[sizeof in - len + i]);
	COVER(len == 14);
	COVER(len == 11);
}

void
reader(void)
{
	uint8_t out[BYTES + 1];
	struct lb_reader r, old;
	size_t left = nondet_size(), n = nondet_size(), i = nondet_size();
	uint64_t value = 0;
	unsigned call = nondet_u8();

	any_bytes();
	ASSUME(left <= BYTES && n <= BYTES && i < n);
	r = (struct lb_reader){bytes + BYTES - left, left, nondet_bool() ? LB_OK : LB_ERR_TOO_LONG};
	old = r;
	switch (call) {
	case 0:
		value = lb_read_u8(&r);
		break;
	case 1:
		value = lb_read_u16(&r);
		break;
	case 2:
		value = lb_read_u32(&r);
		break;
	case 3:
		value = lb_read_u64(&r);
		break;
	case 4:
		lb_read_bytes(&r, out, n);
		value = r.err != LB_OK ? out[i] : 0;
		break;
	default:
		lb_read_text(&r, (char *)out, n);
		ASSERT(memchr(out, '\0', n + 1) != NULL);
		value = r.err != LB_OK ? out[0] : 0;
		break;
	}
	ASSERT(r.left <= old.left && r.at + r.left == old.at + old.left);
	ASSERT(old.err == LB_OK || (r.err == old.err && r.left == old.left));
	ASSERT(r.err == LB_OK || value == 0);
	COVER(r.err == LB_OK && r.left == 0 && call == 5);
	COVER(r.err == LB_ERR_MALFORMED && call == 5 && r.left == 0 && old.left > 2);
}

static size_t
longest(const struct lb_layout *layout)
{
	size_t sum = 0;

	for (size_t i = 0; i < layout->count; i++)
		sum += room(&layout->fields[i]) + (layout->fields[i].kind == LB_FIELD_TEXT);
	return sum;
}

void
tables(void)
{
	size_t n = sizeof messages / sizeof messages[0];

	for (size_t i = 0; i < n; i++) {
		ASSERT(well_formed(&messages[i].layout));
		ASSERT(longest(&messages[i].layout) <= LB_PAYLOAD_MAX);
		ASSERT(messages[i].layout.size <= sizeof(union lb_msg));
		/* What the daemon says is nothing that a client may. */
		ASSERT(((messages[i].type & LB_REPLY) != 0) == (messages[i].door == LB_DOOR_NONE));
		for (size_t j = 0; j < i; j++)
			ASSERT(messages[i].type != messages[j].type);
	}
	COVER(n > 20);
}

void
header(void)
{
	uint8_t bytes[LB_HEADER_SIZE];
	uint16_t type = 0xffff;
	uint32_t payload = 77777;
	int err = lb_proto_header(bytes, &type, &payload);

	if (err == LB_OK) {
		ASSERT(payload <= LB_PAYLOAD_MAX && lb_proto_layout(type) != NULL);
		ASSERT(bytes[6] == LB_PROTO_VERSION && bytes[7] == 0);
	} else {
		ASSERT(err == LB_ERR_VERSION || err == LB_ERR_TOO_LONG || err == LB_ERR_MALFORMED);
		ASSERT(type == 0xffff && payload == 77777);
	}
	COVER(err == LB_OK && payload == LB_PAYLOAD_MAX);
	COVER(err == LB_ERR_MALFORMED);
}
