/*
 * What the fuzz targets share.
 *
 * A target is one file with LLVMFuzzerTestOneInput(): libFuzzer and AFL++ drive it (make fuzz), and
 * replay.c runs it over the kept corpus (make check).  It keeps nothing from one input to the next,
 * writes nowhere, and asserts with CHECK what must hold of any input.
 */
#ifndef LB_FUZZ_H
#define LB_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__,          \
				#condition);                                                       \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* Takes bytes off the front of an input; what is not there is 0. */
struct input {
	const uint8_t *at;
	size_t left;
};

static inline uint8_t
take_u8(struct input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->at++;
}

static inline uint32_t
take_u32(struct input *in)
{
	uint32_t value = 0;

	for (int i = 0; i < 4; i++)
		value = value << 8 | take_u8(in);
	return value;
}

static inline uint64_t
take_u64(struct input *in)
{
	uint64_t high = take_u32(in);

	return high << 32 | take_u32(in);
}

/*
 * Takes the bytes up to the first of value end (which goes too), or all that are left, as a text of
 * at most cap - 1 bytes; more are dropped.
 */
static inline void
take_text(struct input *in, char *out, size_t cap, uint8_t end)
{
	const uint8_t *stop = in->left > 0 ? memchr(in->at, end, in->left) : NULL;
	size_t len = stop != NULL ? (size_t)(stop - in->at) : in->left;
	size_t used = 0;

	for (size_t i = 0; i < len; i++)
		if (in->at[i] != 0 && used + 1 < cap)
			out[used++] = (char)in->at[i];
	out[used] = '\0';
	len += stop != NULL;
	in->left -= len;
	if (len > 0)
		in->at += len;
}

#endif
