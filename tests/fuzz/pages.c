/*
 * A whole store file: the examination of LMDB's pages, which reads memory only, survives any file and
 * says why it refuses one.
 */
#include "fuzz.h"

#include "err.h"
#include "keeper/store_pages.h"
#include "text.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *file = NULL;
	char why[200] = "";
	int err;

	/* As a mapped file lies: whole pages at the start of one. */
	if (posix_memalign((void **)&file, 4096, size > 0 ? size : 1) != 0)
		abort();
	memcpy(file, data, size);
	err = lb_store_pages_check(file, size, why, sizeof why);
	CHECK(err == LB_OK || err == LB_ERR_DAMAGED || err == LB_ERR_NOMEM);
	CHECK(memchr(why, '\0', sizeof why) != NULL && lb_text_plain(why));
	CHECK(err != LB_ERR_DAMAGED || why[0] != '\0');
	free(file);
	return 0;
}
