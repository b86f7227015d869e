/*
 * The supplementary groups of one live account: its role groups, and outside
 * groups that the warden has checked against the policy.  See nss_lockbox.h.
 * Ordinary accounts have some while a grant for them lasts, in the sessions that
 * were opened under it: what cron, a user's systemd or anybody else begins for the
 * account meanwhile has none, or it would keep them when the grant has ended.  For a
 * name that has no grant, and that is nearly every one, the header of the mapping tells.
 *
 * It must never hand out gid 0.  It writes into the array that glibc grows with
 * realloc(), so it grows it in the same way: the one place where this module
 * allocates.
 */
#include "nss_lockbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "err.h"
#include "lookup.h"
#include "mapping.h"

#ifndef LB_NSS_SESSION_PATH
#define LB_NSS_SESSION_PATH "/proc/thread-self/sessionid"
#endif

/* What glibc gives: an array, how much of it is used, its size, and its limit. */
struct gids {
	long int *start, *size;
	gid_t **list;
	long int limit;
};

/* Makes room for one more; LB_ERR_FULL at the limit, LB_ERR_NOMEM. */
static int
grow(struct gids *g)
{
	long int size = *g->size > 0 ? *g->size : 8;
	gid_t *bigger;

	if (g->limit > 0 && *g->size >= g->limit)
		return LB_ERR_FULL;
	if (size > LONG_MAX / 2 / (long int)sizeof **g->list)
		return LB_ERR_NOMEM;
	size *= 2;
	if (g->limit > 0 && size > g->limit)
		size = g->limit;
	bigger = realloc(*g->list, (size_t)size * sizeof *bigger);
	if (bigger == NULL)
		return LB_ERR_NOMEM;
	*g->list = bigger;
	*g->size = size;
	return LB_OK;
}

/* Appends the account's groups but the primary one; stops without an error at the limit. */
static int
add_groups(struct gids *g, const struct lb_snapshot_user *user, gid_t primary)
{
	for (uint32_t i = 0; i < user->ngroups; i++) {
		gid_t gid = lb_snapshot_user_group(user, i);
		int err = LB_OK;

		if (gid == 0 || gid == primary)
			continue;
		if (*g->start >= *g->size)
			err = grow(g);
		if (err == LB_ERR_FULL)
			return LB_OK;
		if (err != LB_OK)
			return err;
		(*g->list)[(*g->start)++] = gid;
	}
	return LB_OK;
}

/* The kernel's number of the caller's session, which it cannot choose; UINT32_MAX: it has none. */
static uint32_t
own_session(void)
{
	char digits[16];
	uint64_t number = 0;
	ssize_t n = -1;
	int fd = open(LB_NSS_SESSION_PATH, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd >= 0) {
		n = read(fd, digits, sizeof digits);
		close(fd);
	}
	if (n <= 0 || n == sizeof digits)
		return UINT32_MAX;
	for (ssize_t i = 0; i < n && digits[i] != '\n'; i++) {
		if (digits[i] < '0' || digits[i] > '9')
			return UINT32_MAX;
		number = number * 10 + (uint64_t)(digits[i] - '0');
	}
	return number < UINT32_MAX ? (uint32_t)number : UINT32_MAX;
}

/* Results as of lb_snapshot_own_by_name(); for a caller in another session there is nobody. */
static int
own_user(const struct lb_snapshot *s, const char *name, struct lb_snapshot_user *user)
{
	struct lb_snapshot_sessions sessions;
	int err = lb_snapshot_own_by_name(s, name, lb_nss_name_len(name), user, &sessions);

	if (err == LB_OK && !lb_snapshot_session_among(&sessions, own_session()))
		err = LB_ERR_NOT_FOUND;
	return err;
}

enum nss_status
_nss_lockbox_initgroups_dyn(const char *user_name, gid_t group, long int *start, long int *size,
			    gid_t **groupsp, long int limit, int *errnop)
{
	struct gids gids = {start, size, groupsp, limit};
	struct lb_snapshot_user user;
	struct lb_nss_hold hold;
	enum nss_status status;
	int err;

	if (user_name == NULL)
		return lb_nss_failure(LB_ERR_NOT_FOUND, errnop);
	status = lb_nss_take(&hold, errnop);
	/* Whoever is not ours has his groups elsewhere, whatever has become of the snapshot. */
	if (status != NSS_STATUS_SUCCESS)
		return lb_nss_name_ours(user_name) ? status
						   : lb_nss_failure(LB_ERR_NOT_FOUND, errnop);
	if (lb_nss_name_ours(user_name))
		err = lb_snapshot_user_by_name(hold.snapshot, user_name, lb_nss_name_len(user_name),
					       &user);
	else
		err = own_user(hold.snapshot, user_name, &user);
	if (err == LB_OK && !lb_nss_live(&hold, &user))
		err = LB_ERR_NOT_FOUND;
	if (err == LB_OK)
		err = add_groups(&gids, &user, group);
	lb_nss_drop(&hold);
	if (err == LB_ERR_NOMEM) {
		*errnop = ENOMEM;
		return NSS_STATUS_UNAVAIL;
	}
	return err == LB_OK ? NSS_STATUS_SUCCESS : lb_nss_failure(err, errnop);
}
