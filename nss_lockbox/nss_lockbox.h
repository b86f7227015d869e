/*
 * The entry points that glibc calls (see "NSS Module Function Internals" in the
 * glibc manual), for name-service "lockbox" in nsswitch.conf.
 *
 * Common to all: a name or id that Lockbox cannot have made is answered
 * NSS_STATUS_NOTFOUND without looking at anything.  Otherwise
 *   NSS_STATUS_SUCCESS   the result and buf are filled in
 *   NSS_STATUS_NOTFOUND  no such thing, or it has ended, or no snapshot exists; ENOENT
 *   NSS_STATUS_TRYAGAIN  buf is too small, and only then; ERANGE, nothing written
 *   NSS_STATUS_UNAVAIL   the snapshot cannot be read or is not to be believed
 * and *errnop is set on all but the first.  No snapshot is NOTFOUND because a
 * host on which no grant was ever made has none: a lookup there is an ordinary
 * "no", not a fault.  None of them blocks.
 */
#ifndef LB_NSS_LOCKBOX_H
#define LB_NSS_LOCKBOX_H

#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <shadow.h>
#include <stddef.h>
#include <sys/types.h>

#define LB_NSS_EXPORT __attribute__((visibility("default")))

LB_NSS_EXPORT enum nss_status _nss_lockbox_getpwnam_r(const char *name, struct passwd *result,
						      char *buf, size_t len, int *errnop);
LB_NSS_EXPORT enum nss_status _nss_lockbox_getpwuid_r(uid_t uid, struct passwd *result, char *buf,
						      size_t len, int *errnop);
LB_NSS_EXPORT enum nss_status _nss_lockbox_setpwent(int stayopen);
LB_NSS_EXPORT enum nss_status _nss_lockbox_getpwent_r(struct passwd *result, char *buf, size_t len,
						      int *errnop);
LB_NSS_EXPORT enum nss_status _nss_lockbox_endpwent(void);

LB_NSS_EXPORT enum nss_status _nss_lockbox_getgrnam_r(const char *name, struct group *result,
						      char *buf, size_t len, int *errnop);
LB_NSS_EXPORT enum nss_status _nss_lockbox_getgrgid_r(gid_t gid, struct group *result, char *buf,
						      size_t len, int *errnop);
LB_NSS_EXPORT enum nss_status _nss_lockbox_setgrent(int stayopen);
LB_NSS_EXPORT enum nss_status _nss_lockbox_getgrent_r(struct group *result, char *buf, size_t len,
						      int *errnop);
LB_NSS_EXPORT enum nss_status _nss_lockbox_endgrent(void);

LB_NSS_EXPORT enum nss_status _nss_lockbox_getspnam_r(const char *name, struct spwd *result,
						      char *buf, size_t len, int *errnop);
LB_NSS_EXPORT enum nss_status _nss_lockbox_setspent(int stayopen);
LB_NSS_EXPORT enum nss_status _nss_lockbox_getspent_r(struct spwd *result, char *buf, size_t len,
						      int *errnop);
LB_NSS_EXPORT enum nss_status _nss_lockbox_endspent(void);

/*
 * Appends the account's supplementary gids but `group` to *groupsp, growing it
 * by realloc() up to limit entries (0 or less: no limit).
 */
LB_NSS_EXPORT enum nss_status _nss_lockbox_initgroups_dyn(const char *user, gid_t group,
							  long int *start, long int *size,
							  gid_t **groupsp, long int limit,
							  int *errnop);

#endif
