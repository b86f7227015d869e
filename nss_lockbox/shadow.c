/*
 * The shadow database: live accounts, no password.  See nss_lockbox.h.
 *
 * It must exist: pam_unix refuses an account whose password field says "see
 * shadow" and that has no entry there.  There is nothing secret in it.
 */
#include "nss_lockbox.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>

#include "err.h"
#include "lookup.h"
#include "mapping.h"
#include "pack.h"

enum nss_status
_nss_lockbox_getspnam_r(const char *name, struct spwd *result, char *buf, size_t len, int *errnop)
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
	status = err == LB_OK ? lb_nss_pack_shadow(&user, result, buf, len, errnop)
			      : lb_nss_failure(err, errnop);
	lb_nss_drop(&hold);
	return status;
}

/* As in passwd.c: the walk is the uid last given out. */
static atomic_uint last_shadow_uid;

enum nss_status
_nss_lockbox_setspent(int stayopen)
{
	(void)stayopen;
	atomic_store(&last_shadow_uid, 0);
	return NSS_STATUS_SUCCESS;
}

enum nss_status
_nss_lockbox_endspent(void)
{
	atomic_store(&last_shadow_uid, 0);
	return NSS_STATUS_SUCCESS;
}

enum nss_status
_nss_lockbox_getspent_r(struct spwd *result, char *buf, size_t len, int *errnop)
{
	struct lb_snapshot_user user;
	struct lb_nss_hold hold;
	enum nss_status status = lb_nss_take(&hold, errnop);
	uint32_t after = atomic_load(&last_shadow_uid);
	int err;

	if (status != NSS_STATUS_SUCCESS)
		return status;
	do {
		err = lb_snapshot_user_after(hold.snapshot, after, &user);
		if (err == LB_OK)
			after = user.uid;
	} while (err == LB_OK && !lb_nss_live(&hold, &user));
	status = err == LB_OK ? lb_nss_pack_shadow(&user, result, buf, len, errnop)
			      : lb_nss_failure(err, errnop);
	if (status == NSS_STATUS_SUCCESS)
		atomic_store(&last_shadow_uid, after);
	lb_nss_drop(&hold);
	return status;
}
