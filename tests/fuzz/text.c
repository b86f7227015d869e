/*
 * Texts for people: whatever comes in, what goes out is valid UTF-8 without a character that moves a
 * cursor, reorders or breaks a line; durations and times read back as they were written.
 *
 * The input is 1 byte of room, 8 bytes of number, and text.
 */
#include "fuzz.h"

#include "columns.h"
#include "err.h"
#include "name.h"
#include "text.h"

#define TEXT_MAX 4096

static void
escaped(const char *text, size_t cap, bool quoted)
{
	size_t len = strlen(text), used;
	char *out = malloc(cap);

	CHECK(out != NULL);
	used = quoted ? lb_text_escape_quoted(out, cap, text) : lb_text_escape(out, cap, text);
	CHECK(used < cap && out[used] == '\0' && strlen(out) == used);
	CHECK(lb_text_plain(out));
	if (quoted)
		for (size_t i = 0; i < used; i++) {
			CHECK(out[i] != '"');
			i += out[i] == '\\'; /* what follows it is protected */
		}
	/* With room for all of it nothing is cut, and a text that is plain stays as it is. */
	if (cap >= LB_ESCAPED(len)) {
		CHECK(used >= len);
		if (lb_text_plain(text) && strpbrk(text, "\\\"") == NULL)
			CHECK(strcmp(out, text) == 0);
	}
	(void)lb_columns_width(out);
	CHECK(lb_columns_prefix(out, 20) <= used);
	free(out);
}

static void
duration(const char *text, uint64_t number)
{
	char out[LB_DURATION_TEXT];
	uint32_t seconds = 0, again = 0;

	if (lb_duration_parse(text, &seconds) == LB_OK) {
		CHECK(seconds > 0 && seconds <= 366u * 86400u);
		lb_duration_format(out, seconds);
		CHECK(lb_duration_parse(out, &again) == LB_OK && again == seconds);
	} else {
		CHECK(seconds == 0);
	}
	lb_duration_format(out, number);
	CHECK(memchr(out, '\0', sizeof out) != NULL && lb_text_plain(out) && out[0] != '\0');
	lb_time_format(out, (int64_t)number);
	CHECK(memchr(out, '\0', sizeof out) != NULL && lb_text_plain(out) && out[0] != '\0');
}

static void
names(const char *text, uint32_t serial)
{
	char name[LB_ACCOUNT_MAX + 1] = "";
	uint32_t id = 0;

	if (lb_account_name(name, text, serial) == LB_OK) {
		CHECK(lb_identity_valid(text) && lb_account_valid(name));
		CHECK(strlen(name) <= LB_ACCOUNT_MAX);
	}
	if (lb_role_group(name, text) == LB_OK)
		CHECK(lb_role_valid(text) && lb_unix_name_valid(name));
	if (lb_id_parse(text, &id) == LB_OK) {
		char digits[16];

		CHECK(id != UINT32_MAX);
		snprintf(digits, sizeof digits, "%u", id);
		CHECK(strcmp(digits, text) == 0);
	}
	if (lb_path_valid(text, 255)) {
		CHECK(text[0] == '/' && strstr(text, "//") == NULL);
		CHECK(strstr(text, "/../") == NULL && strlen(text) <= 255 && lb_text_plain(text));
	}
	if (lb_account_valid(text))
		CHECK(lb_unix_name_valid(text));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	size_t cap = take_u8(&in);
	uint64_t number = take_u64(&in);
	char text[TEXT_MAX + 1];

	take_text(&in, text, sizeof text, 0);
	escaped(text, LB_ESCAPED(TEXT_MAX), false);
	escaped(text, LB_ESCAPED(TEXT_MAX), true);
	if (cap > 0) {
		escaped(text, cap, false);
		escaped(text, cap, true);
	}
	duration(text, number);
	names(text, (uint32_t)number);
	return 0;
}
