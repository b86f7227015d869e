/*
 * Durations as people write them, for every text (of any length: the reader never looks further
 * than 50 bytes, which is proven here too) and every number of seconds.
 *
 * prove: parse --unwind 11
 */
#include "prove.h"

#include "../../common/text.c"

/* Four units of nine digits each, nine digits more, and the byte after them. */
#define READ_MAX (4 * 10 + 10)

void
parse(void)
{
	char text[READ_MAX + 1];
	uint32_t seconds = 77;
	int err;

	/* No NUL is needed: what is read must end by itself. */
	err = lb_duration_parse(text, &seconds);
	ASSERT(err == LB_OK || err == LB_ERR_MALFORMED);
	if (err == LB_OK) {
		ASSERT(seconds > 0 && seconds <= YEAR_S);
		ASSERT(text[0] >= '0' && text[0] <= '9');
	} else {
		ASSERT(seconds == 77);
	}
	COVER(err == LB_OK && seconds == 5400 && text[2] == 'm' && text[3] == '\0');
	COVER(err == LB_OK && seconds == YEAR_S);
	COVER(err == LB_OK && text[40] == '\0');
}
