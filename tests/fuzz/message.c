/*
 * Every message: what a decoder accepts it has used to the last byte, and it encodes to the same
 * bytes again; what it refuses leaves nothing behind.
 *
 * The input is one byte (odd: a message between the daemon's processes; even: one of PROTOCOL, and
 * 2 and so on: a frame with its header), two bytes of type, and the payload.
 */
#include "fuzz.h"

#include "err.h"
#include "ipc.h"
#include "proto.h"

#define FRAME_MAX (LB_HEADER_SIZE + LB_PAYLOAD_MAX)

static bool
all_zero(const void *p, size_t size)
{
	const uint8_t *bytes = p;

	for (size_t i = 0; i < size; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

static void
check_texts(const struct lb_layout *layout, const void *msg)
{
	for (size_t i = 0; i < layout->count; i++) {
		const struct lb_field *f = &layout->fields[i];

		if (f->kind == LB_FIELD_TEXT)
			CHECK(memchr((const char *)msg + f->offset, '\0', f->max + 1) != NULL);
	}
}

static void
proto(uint16_t type, const uint8_t *payload, size_t size)
{
	static uint8_t frame[FRAME_MAX];
	union lb_msg msg;
	uint16_t again;
	uint32_t len = 0;
	size_t used = 0;
	uint8_t *exact;

	if (lb_proto_decode(type, payload, size, &msg) != LB_OK) {
		CHECK(all_zero(&msg, sizeof msg));
		return;
	}
	CHECK(lb_proto_layout(type) != NULL);
	check_texts(lb_proto_layout(type), &msg);
	CHECK(lb_proto_encode(type, &msg, frame, sizeof frame, &used) == LB_OK);
	CHECK(used == LB_HEADER_SIZE + size);
	CHECK(memcmp(frame + LB_HEADER_SIZE, payload, size) == 0);
	CHECK(lb_proto_header(frame, &again, &len) == LB_OK && again == type && len == size);
	/* One byte less is too little, and is not written past. */
	exact = malloc(used - 1);
	CHECK(exact != NULL);
	CHECK(lb_proto_encode(type, &msg, exact, used - 1, &used) == LB_ERR_TOO_LONG);
	free(exact);
}

static void
ipc(uint16_t type, const uint8_t *payload, size_t size)
{
	static uint8_t back[LB_LINK_MESSAGE_MAX];
	union lb_ipc_msg msg;
	size_t used = 0;

	if (lb_ipc_decode(type, payload, size, &msg) != LB_OK) {
		CHECK(all_zero(&msg, sizeof msg));
		return;
	}
	CHECK(lb_ipc_encode((enum lb_ipc)type, &msg, back, sizeof back, &used) == LB_OK);
	CHECK(used == size && memcmp(back, payload, size) == 0);
}

/* As front and the clients read it: the header first. */
static void
frame(const uint8_t *data, size_t size)
{
	uint16_t type;
	uint32_t len;

	if (size < LB_HEADER_SIZE || lb_proto_header(data, &type, &len) != LB_OK)
		return;
	CHECK(len <= LB_PAYLOAD_MAX && lb_proto_layout(type) != NULL);
	if (size - LB_HEADER_SIZE >= len)
		proto(type, data + LB_HEADER_SIZE, len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint16_t type;

	if (size < 3)
		return 0;
	type = (uint16_t)(data[1] << 8 | data[2]);
	if (data[0] & 1)
		ipc(type, data + 3, size - 3);
	else if (data[0] == 0)
		proto(type, data + 3, size - 3);
	else
		frame(data + 1, size - 1);
	return 0;
}
