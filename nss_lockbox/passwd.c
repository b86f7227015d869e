/* The passwd database: live accounts.  See nss_lockbox.h. */
#include "nss_lockbox.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>

#include "err.h"
#include "lookup.h"
#include "mapping.h"
#include "pack.h"

enum nss_status
_nss_lockbox_getpwnam_r(const char *name, struct passwd *result, char *buf, size_t len, int *errnop)
{
	struct lb_snapshot_user user;
	struct lb_nss_hold hold;
	enum nss_status status;
	int err;

	if (!lb_nss_name_ours(name))
		return lb_nss_failure(LB_ERR_NOT_FOUND, errnop);
	status = lb_nss_take(&hold, errnop);
	if (status != NSS_STATUS_SUCCESS)
		return status;
	err = lb_snapshot_user_by_name(hold.snapshot, name, lb_nss_name_len(name), &user);
	if (err == LB_OK && !lb_nss_live(&hold, &user))
		err = LB_ERR_NOT_FOUND;
	status = err == LB_OK ? lb_nss_pack_passwd(&user, result, buf, len, errnop)
			      : lb_nss_failure(err, errnop);
	lb_nss_drop(&hold);
	return status;
}

enum nss_status
_nss_lockbox_getpwuid_r(uid_t uid, struct passwd *result, char *buf, size_t len, int *errnop)
{
	struct lb_snapshot_user user;
	struct lb_nss_hold hold;
	enum nss_status status;
	int err;

	if (!lb_uid_is_account(uid))
		return lb_nss_failure(LB_ERR_NOT_FOUND, errnop);
	status = lb_nss_take(&hold, errnop);
	if (status != NSS_STATUS_SUCCESS)
		return status;
	err = lb_snapshot_user_by_uid(hold.snapshot, uid, &user);
	if (err == LB_OK && !lb_nss_live(&hold, &user))
		err = LB_ERR_NOT_FOUND;
	status = err == LB_OK ? lb_nss_pack_passwd(&user, result, buf, len, errnop)
			      : lb_nss_failure(err, errnop);
	lb_nss_drop(&hold);
	return status;
}

/*
 * The walk is one per process, as the interface has it; glibc calls it under a
 * lock of its own.  It is the uid last given out and nothing else, so nothing
 * is held between two calls and a new snapshot in between does no harm.
 */
static atomic_uint last_uid;

enum nss_status
_nss_lockbox_setpwent(int stayopen)
{
	(void)stayopen;
	atomic_store(&last_uid, 0);
	return NSS_STATUS_SUCCESS;
}

enum nss_status
_nss_lockbox_endpwent(void)
{
	atomic_store(&last_uid, 0);
	return NSS_STATUS_SUCCESS;
}

enum nss_status
_nss_lockbox_getpwent_r(struct passwd *result, char *buf, size_t len, int *errnop)
{
	struct lb_snapshot_user user;
	struct lb_nss_hold hold;
	enum nss_status status = lb_nss_take(&hold, errnop);
	uint32_t after = atomic_load(&last_uid);
	int err;

	if (status != NSS_STATUS_SUCCESS)
		return status;
	do {
		err = lb_snapshot_user_after(hold.snapshot, after, &user);
		if (err == LB_OK)
			after = user.uid;
	} while (err == LB_OK && !lb_nss_live(&hold, &user));
	status = err == LB_OK ? lb_nss_pack_passwd(&user, result, buf, len, errnop)
			      : lb_nss_failure(err, errnop);
	/* A buffer too small is asked for again with a bigger one. */
	if (status == NSS_STATUS_SUCCESS)
		atomic_store(&last_uid, after);
	lb_nss_drop(&hold);
	return status;
}
