/* Phrases for enum lb_err. */
#include "err.h"

#include <stddef.h>

static const struct {
	int err;
	const char *text;
} phrases[] = {
	{LB_OK, "done"},
	{LB_ERR_NOMEM, "out of memory"},
	{LB_ERR_SYSTEM, "a system call failed"},
	{LB_ERR_MALFORMED, "malformed input"},
	{LB_ERR_TOO_LONG, "over the size limit"},
	{LB_ERR_NOT_FOUND, "not found"},
	{LB_ERR_TIMEOUT, "no answer in time"},
	{LB_ERR_UNREACHABLE, "the daemon cannot be reached"},
	{LB_ERR_REFUSED, "refused"},
	{LB_ERR_FULL, "no room left"},
	{LB_ERR_DAMAGED, "damaged data"},
	{LB_ERR_VERSION, "unknown format version"},
	{LB_ERR_EXISTS, "exists already"},
	{LB_ERR_INTERNAL, "internal error"},
};

const char *
lb_err_text(int err)
{
	for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++)
		if (phrases[i].err == err)
			return phrases[i].text;
	return "unknown error";
}
