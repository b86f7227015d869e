/*
 * Names and numbers that Lockbox hands out, and the allow-lists that every
 * name from outside must pass.  Rejected, never repaired.
 *
 * Account names are "lb-<identity>-<serial>", role groups "lbr-<role>".  No
 * system tool makes names with these prefixes, so a lookup of any other name
 * can be answered without looking at anything.
 */
#ifndef LB_NAME_H
#define LB_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The reserved range, inside what systemd's UIDS-GIDS.md documents as unused.  Fixed when built. */
#ifndef LB_UID_FIRST
#define LB_UID_FIRST 1900000000u
#endif
#ifndef LB_UID_LAST
#define LB_UID_LAST 1900999999u
#endif
/* The first ids of the range are group ids of roles; no account has them. */
#define LB_ROLE_GIDS 10000u
#define LB_ACCOUNT_UID_FIRST (LB_UID_FIRST + LB_ROLE_GIDS)

#define LB_IDENTITY_MAX 18 /* bytes, without the terminating NUL, as all below */
#define LB_ROLE_MAX 28
#define LB_ACCOUNT_MAX 32
#define LB_SEALED_NAME "lockbox-sealed" /* the account of the sealed path, and who used it */
#define LB_ACCOUNT_PREFIX "lb-"
#define LB_ROLE_GROUP_PREFIX "lbr-"

/* True when id lies anywhere in the reserved range. */
static inline bool
lb_id_reserved(uint32_t id)
{
	return id >= LB_UID_FIRST && id <= LB_UID_LAST;
}

/* True when id may be the uid (and private gid) of a temporary account. */
static inline bool
lb_uid_is_account(uint32_t id)
{
	return id >= LB_ACCOUNT_UID_FIRST && id <= LB_UID_LAST;
}

/* True when id may be the gid of a role group. */
static inline bool
lb_gid_is_role(uint32_t id)
{
	return id >= LB_UID_FIRST && id < LB_ACCOUNT_UID_FIRST;
}

/* True for [a-z][a-z0-9_-]* of at most LB_IDENTITY_MAX bytes: identities, teams. */
bool lb_identity_valid(const char *name);
/* True for [a-z][a-z0-9_-]* of at most LB_ROLE_MAX bytes. */
bool lb_role_valid(const char *name);
/* True for a name that lb_account_name() can have made. */
bool lb_account_valid(const char *name);
/* The serial at the end of an account's name.  LB_ERR_MALFORMED when it is no account's name. */
int lb_account_serial(const char *name, uint32_t *serial);
/* True for a Unix group or user name as Debian's adduser accepts: [a-z_][a-z0-9_-]*, at most 32. */
bool lb_unix_name_valid(const char *name);
/*
 * True for an absolute path of at most max bytes in [A-Za-z0-9._/+@%-] that
 * holds no empty, "." or ".." component and does not end in a slash.
 */
bool lb_path_valid(const char *path, size_t max);

/*
 * True for the name of an ordinary user, whose account a role may be worked with
 * on: a valid name that is not root's and that Lockbox hands out to nobody.
 */
bool lb_own_name_valid(const char *name);
/* The same for a uid: 1000 or more, not reserved, and nobody's. */
#define LB_OWN_UID_FIRST 1000u
bool lb_own_uid_valid(uint32_t uid);

/* The uid of the account with this serial, or 0 when the range has no such number. */
uint32_t lb_account_uid(uint32_t serial);

/*
 * Writes "lb-<identity>-<serial>" into out.  LB_ERR_MALFORMED when identity
 * is not valid or serial is 2^32-1, LB_ERR_TOO_LONG when it would not fit.
 */
int lb_account_name(char out[LB_ACCOUNT_MAX + 1], const char *identity, uint32_t serial);

/* Writes "lbr-<role>" into out.  LB_ERR_MALFORMED when role is not valid. */
int lb_role_group(char out[LB_ACCOUNT_MAX + 1], const char *role);

/*
 * Reads a decimal uid or gid: digits only, no sign, no leading zero, at most
 * 4294967294.  LB_ERR_MALFORMED otherwise (so -1 and 2^32-1 never pass).
 */
int lb_id_parse(const char *text, uint32_t *id);

#endif
