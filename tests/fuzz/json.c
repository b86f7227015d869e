/*
 * What the command line prints of the daemon's items, in words and as JSON.  The input is two bytes of
 * type and a message's payload; it reaches the printer even where the decoder would refuse it.
 */
#include "printed.h"

#include "err.h"
#include "json.h"
#include "output.h"
#include "proto.h"
#include "show.h"

static uint64_t
fixed_now(void)
{
	return 1800000000;
}

static void
print_json(const struct lb_cli *cli, uint16_t type, const union lb_msg *msg)
{
	json_t *value;

	switch (type) {
	case LB_MSG_GRANT:
		value = lb_cli_json_grant(&msg->grant);
		break;
	case LB_MSG_ROLE:
		value = lb_cli_json_role(&msg->role);
		break;
	case LB_MSG_CLAIMED:
		value = lb_cli_json_claimed(&msg->claimed);
		break;
	case LB_MSG_RECORD:
		value = lb_cli_json_record(&msg->record);
		break;
	case LB_MSG_TO_SIGN:
		value = lb_cli_json_to_sign(&msg->to_sign);
		break;
	case LB_MSG_SIGNED:
		value = lb_cli_json_signed(&msg->signed_by);
		break;
	default:
		lb_cli_json_error(cli, "code", msg->refused.text);
		return;
	}
	CHECK(value != NULL && lb_cli_json_print(cli, value) == LB_OK);
}

static void
print_words(const struct lb_cli *cli, uint16_t type, const union lb_msg *msg)
{
	switch (type) {
	case LB_MSG_GRANT:
		lb_cli_show_grant(cli, &msg->grant);
		lb_cli_show_next(cli, &msg->grant);
		return;
	case LB_MSG_ROLE:
		lb_cli_show_role(cli, &msg->role);
		return;
	case LB_MSG_CLAIMED:
		lb_cli_show_claimed(cli, &msg->claimed);
		return;
	case LB_MSG_RECORD:
		lb_cli_show_record(cli, &msg->record);
		return;
	case LB_MSG_TO_SIGN:
	case LB_MSG_SIGNED:
		return; /* shown as they are: tests/fuzz/args.c */
	default:
		lb_cli_say(cli, "%s", msg->refused.text);
	}
}

/* The fields from the bytes in order, as far as they go: texts may hold anything but a NUL. */
static void
fill(uint16_t type, struct input *in, union lb_msg *msg)
{
	const struct lb_layout *layout = lb_proto_layout(type);

	memset(msg, 0, sizeof *msg);
	for (size_t i = 0; i < layout->count; i++) {
		const struct lb_field *f = &layout->fields[i];
		char *at = (char *)msg + f->offset;
		uint64_t number;

		switch (f->kind) {
		case LB_FIELD_TEXT:
			take_text(in, at, f->max + 1, 0);
			break;
		case LB_FIELD_BYTES:
			for (size_t b = 0; b < f->max; b++)
				at[b] = (char)take_u8(in);
			break;
		case LB_FIELD_U8:
			*at = (char)take_u8(in);
			break;
		case LB_FIELD_U16:
			number = take_u32(in);
			memcpy(at, &number, 2);
			break;
		case LB_FIELD_U32:
			number = take_u32(in);
			memcpy(at, &number, 4);
			break;
		case LB_FIELD_U64:
			number = take_u64(in);
			memcpy(at, &number, 8);
			break;
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t types[] = {LB_MSG_GRANT,	LB_MSG_ROLE,	LB_MSG_CLAIMED,
					 LB_MSG_RECORD, LB_MSG_REFUSED, LB_MSG_TO_SIGN,
					 LB_MSG_SIGNED};
	struct input in = {data, size};
	uint16_t type = types[take_u8(&in) % (sizeof types / sizeof types[0])];
	struct printed json, words;
	union lb_msg msg;
	struct lb_cli cli = {.now = fixed_now, .host = "host", .gate = size & 1};

	fill(type, &in, &msg);
	printed_open(&json);
	printed_open(&words);
	cli.out = cli.err = json.file;
	cli.json = true;
	print_json(&cli, type, &msg);
	cli.out = cli.err = words.file;
	cli.json = false;
	print_words(&cli, type, &msg);
	printed_close(&json);
	printed_close(&words);
	printed_json(json.text, json.len);
	printed_lines_plain(words.text);
	free(json.text);
	free(words.text);
	return 0;
}
