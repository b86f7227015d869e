/* Wiping secrets: one name for it, so that a search finds every place. */
#ifndef LB_WIPE_H
#define LB_WIPE_H

#include <stddef.h>
#include <string.h>

/* Clears size bytes at p in a way the compiler may not drop. */
static inline void
lb_wipe(void *p, size_t size)
{
	explicit_bzero(p, size);
}

#endif
