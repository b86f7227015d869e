/*
 * The group database: role groups with their live members, and the private
 * group of each live account, of the same name and id.  See nss_lockbox.h.
 *
 * A role group without a live member still resolves: files may belong to it.
 */
#include "nss_lockbox.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>

#include "err.h"
#include "lookup.h"
#include "mapping.h"
#include "pack.h"

/* What a lookup has found: err of either reader call, and then one of the two. */
struct found {
	int err;
	bool is_role;
	struct lb_snapshot_user user;
	struct lb_snapshot_role role;
};

static enum nss_status
answer(const struct lb_nss_hold *hold, const struct found *f, struct group *result, char *buf,
       size_t len, int *errnop)
{
	if (f->err != LB_OK)
		return lb_nss_failure(f->err, errnop);
	if (f->is_role)
		return lb_nss_pack_role(hold, &f->role, result, buf, len, errnop);
	if (!lb_nss_live(hold, &f->user))
		return lb_nss_failure(LB_ERR_NOT_FOUND, errnop);
	return lb_nss_pack_private(&f->user, result, buf, len, errnop);
}

enum nss_status
_nss_lockbox_getgrnam_r(const char *name, struct group *result, char *buf, size_t len, int *errnop)
{
	struct lb_nss_hold hold;
	enum nss_status status;
	struct found f;
	size_t name_len;

	f.is_role = lb_nss_role_ours(name);
	if (!f.is_role && !lb_nss_name_ours(name))
		return lb_nss_failure(LB_ERR_NOT_FOUND, errnop);
	status = lb_nss_take(&hold, errnop);
	if (status != NSS_STATUS_SUCCESS)
		return status;
	name_len = lb_nss_name_len(name);
	f.err = f.is_role ? lb_snapshot_role_by_name(hold.snapshot, name, name_len, &f.role)
			  : lb_snapshot_user_by_name(hold.snapshot, name, name_len, &f.user);
	status = answer(&hold, &f, result, buf, len, errnop);
	lb_nss_drop(&hold);
	return status;
}

enum nss_status
_nss_lockbox_getgrgid_r(gid_t gid, struct group *result, char *buf, size_t len, int *errnop)
{
	struct lb_nss_hold hold;
	enum nss_status status;
	struct found f;

	if (!lb_id_reserved(gid))
		return lb_nss_failure(LB_ERR_NOT_FOUND, errnop);
	f.is_role = lb_gid_is_role(gid);
	status = lb_nss_take(&hold, errnop);
	if (status != NSS_STATUS_SUCCESS)
		return status;
	f.err = f.is_role ? lb_snapshot_role_by_gid(hold.snapshot, gid, &f.role)
			  : lb_snapshot_user_by_uid(hold.snapshot, gid, &f.user);
	status = answer(&hold, &f, result, buf, len, errnop);
	lb_nss_drop(&hold);
	return status;
}

/* As in passwd.c: the walk is the gid last given out; roles have the lower ids. */
static atomic_uint last_gid;

enum nss_status
_nss_lockbox_setgrent(int stayopen)
{
	(void)stayopen;
	atomic_store(&last_gid, 0);
	return NSS_STATUS_SUCCESS;
}

enum nss_status
_nss_lockbox_endgrent(void)
{
	atomic_store(&last_gid, 0);
	return NSS_STATUS_SUCCESS;
}

/* The next group above *after that stands now; *after becomes its gid. */
static void
next_group(const struct lb_nss_hold *hold, uint32_t *after, struct found *f)
{
	f->is_role = true;
	f->err = LB_ERR_NOT_FOUND;
	if (!lb_uid_is_account(*after))
		f->err = lb_snapshot_role_after(hold->snapshot, *after, &f->role);
	if (f->err == LB_OK)
		*after = f->role.gid;
	if (f->err != LB_ERR_NOT_FOUND)
		return;
	f->is_role = false;
	do {
		f->err = lb_snapshot_user_after(hold->snapshot, *after, &f->user);
		if (f->err == LB_OK)
			*after = f->user.uid;
	} while (f->err == LB_OK && !lb_nss_live(hold, &f->user));
}

enum nss_status
_nss_lockbox_getgrent_r(struct group *result, char *buf, size_t len, int *errnop)
{
	struct lb_nss_hold hold;
	enum nss_status status = lb_nss_take(&hold, errnop);
	uint32_t after = atomic_load(&last_gid);
	struct found f;

	if (status != NSS_STATUS_SUCCESS)
		return status;
	next_group(&hold, &after, &f);
	status = answer(&hold, &f, result, buf, len, errnop);
	if (status == NSS_STATUS_SUCCESS)
		atomic_store(&last_gid, after);
	lb_nss_drop(&hold);
	return status;
}
