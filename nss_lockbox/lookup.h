/* What the databases share: which names are Lockbox's at all. */
#ifndef LB_NSS_LOOKUP_H
#define LB_NSS_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "name.h"
#include "snapshot.h"

/* True for what starts as account names do, "lb-"; name may be NULL. */
static inline bool
lb_nss_name_ours(const char *name)
{
	return name != NULL && name[0] == 'l' && name[1] == 'b' && name[2] == '-';
}

/* True for what starts as role group names do, "lbr-"; name may be NULL. */
static inline bool
lb_nss_role_ours(const char *name)
{
	return name != NULL && name[0] == 'l' && name[1] == 'b' && name[2] == 'r' && name[3] == '-';
}

/* The length of a name, or one more than any name has: a long one is not read to its end. */
static inline size_t
lb_nss_name_len(const char *name)
{
	return strnlen(name, LB_SNAPSHOT_NAME_MAX + 1);
}

#endif
