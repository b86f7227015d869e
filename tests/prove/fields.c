/*
 * The decoder and the encoder of wire.h and fields.h, for any bytes of any length and any table of
 * up to three fields of any kinds, places and sizes in a structure of 24 bytes.  The tables that
 * there are (messages, links between the processes, records) are well-formed in the sense of
 * well_formed(): proven for the messages in proto.c, tested for all by the fuzz target `message`.
 * A field is decoded by the same code whatever stands around it, so three are as good as twenty.
 *
 *  decode    nothing is read outside the bytes or written outside the structure; what is accepted
 *            was used to its last byte, has each text within its limit and ended by a NUL inside
 *            its member, and encodes to the same number of bytes; what is refused leaves zeros
 *  encode    nothing is read outside the structure or written outside the buffer
 *  reader    the reader alone, eight calls in any order: it never moves backwards or past the end,
 *            and once it has failed it gives zeros and stays where it is
 *  tables    every message's table is well-formed and its longest form fits into LB_PAYLOAD_MAX
 *  header    a frame's header, for any eight bytes
 *
 * prove: decode --unwind 26 --no-conversion-check
 * prove: encode --unwind 26 --no-conversion-check
 * prove: reader --unwind 20 --no-conversion-check
 * prove: tables --unwind 40
 * prove: header --unwind 40 --no-conversion-check
 */
#include "prove.h"

#include "../../common/fields.c"
#include "../../common/proto.c"
#include "../../common/wire.c"

#define SIZE 24
#define FIELDS 3
#define BYTES 40

void
lb_wipe(void *p, size_t size)
{
	memset(p, 0, size);
}

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
	size_t end = 0;

	for (size_t i = 0; i < layout->count; i++) {
		const struct lb_field *f = &layout->fields[i];

		if ((unsigned)f->kind > LB_FIELD_BYTES || f->max > LB_PAYLOAD_MAX ||
		    f->offset < end || f->offset > layout->size ||
		    room(f) > layout->size - f->offset)
			return false;
		end = f->offset + room(f);
	}
	return true;
}
