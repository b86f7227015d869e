/*
 * The only writer into the caller's buffer.
 *
 * Each function writes the whole answer, or nothing at all: NSS_STATUS_TRYAGAIN
 * and ERANGE when buf (len bytes, of any alignment) is too small.
 */
#ifndef LB_NSS_PACK_H
#define LB_NSS_PACK_H

#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <shadow.h>
#include <stddef.h>

#include "mapping.h"
#include "snapshot.h"

enum nss_status lb_nss_pack_passwd(const struct lb_snapshot_user *user, struct passwd *result,
				   char *buf, size_t len, int *errnop);
enum nss_status lb_nss_pack_shadow(const struct lb_snapshot_user *user, struct spwd *result,
				   char *buf, size_t len, int *errnop);
/* The private group of an account: its name and id, no members. */
enum nss_status lb_nss_pack_private(const struct lb_snapshot_user *user, struct group *result,
				    char *buf, size_t len, int *errnop);
/* A role group with those members that are live now; UNAVAIL when one breaks a rule. */
enum nss_status lb_nss_pack_role(const struct lb_nss_hold *hold,
				 const struct lb_snapshot_role *role, struct group *result,
				 char *buf, size_t len, int *errnop);

#endif
