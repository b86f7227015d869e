/*
 * The reader and the writer of wire.h.  The input is a length of 1 byte and that many bytes of calls,
 * one each, then what is read.  What was read is written again and must give the bytes it came from.
 */
#include "fuzz.h"

#include "err.h"
#include "wire.h"

#define TEXT_MAX 300

static struct {
	struct lb_reader r;
	struct lb_writer w;
	uint8_t back[4096];
} now;

static void
call(uint8_t code)
{
	char text[TEXT_MAX + 1];
	uint8_t bytes[32];
	size_t n;

	switch (code % 6) {
	case 0:
		lb_write_u8(&now.w, lb_read_u8(&now.r));
		return;
	case 1:
		lb_write_u16(&now.w, lb_read_u16(&now.r));
		return;
	case 2:
		lb_write_u32(&now.w, lb_read_u32(&now.r));
		return;
	case 3:
		lb_write_u64(&now.w, lb_read_u64(&now.r));
		return;
	case 4:
		n = code / 6u % sizeof bytes;
		lb_read_bytes(&now.r, bytes, n);
		lb_write_bytes(&now.w, bytes, n);
		return;
	default:
		n = code & 1 ? TEXT_MAX : code / 6u;
		memset(text, 'x', sizeof text);
		lb_read_text(&now.r, text, n);
		CHECK(memchr(text, '\0', n + 1) != NULL);
		CHECK(now.r.err == LB_OK || text[0] == '\0');
		lb_write_text(&now.w, text, n);
	}
}

/* A failure stays, and nothing is read or written after it. */
static void
check_call(uint8_t code)
{
	struct lb_reader r = now.r;
	struct lb_writer w = now.w;

	call(code);
	CHECK(now.r.left <= r.left && now.r.at + now.r.left == r.at + r.left);
	CHECK(now.w.used >= w.used && now.w.used <= now.w.cap);
	if (r.err != LB_OK)
		CHECK(now.r.err == r.err && now.r.left == r.left);
	if (w.err != LB_OK)
		CHECK(now.w.err == w.err && now.w.used == w.used);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	size_t calls = take_u8(&in), cap = sizeof now.back;
	const uint8_t *code = in.at;

	if (calls > in.left)
		calls = in.left;
	/* An odd first call has it written into too small a buffer. */
	if (calls > 0 && (code[0] & 0x80))
		cap = code[0] & 0x7fu;
	lb_reader_init(&now.r, code + calls, in.left - calls);
	lb_writer_init(&now.w, now.back, cap);
	for (size_t i = 0; i < calls; i++) {
		check_call(code[i]);
		if (now.r.err == LB_OK && now.w.err == LB_OK) {
			CHECK(now.w.used == in.left - calls - now.r.left);
			CHECK(memcmp(now.back, code + calls, now.w.used) == 0);
		}
	}
	CHECK((lb_reader_end(&now.r) == LB_OK) == (now.r.err == LB_OK && now.r.left == 0));
	return 0;
}
