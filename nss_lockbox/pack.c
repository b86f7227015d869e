/*
 * Answers in the caller's buffer: see pack.h.
 *
 * It must never write past len, and never anything when it does not fit: the
 * size is known before the first byte goes in.
 */
#include "pack.h"

#include <errno.h>
#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#include "err.h"

/* Bytes of "NAME" NUL "*" NUL, as each record's text begins. */
#define NAME_TEXT(name_len) ((name_len) + 3)

static enum nss_status
too_small(int *errnop)
{
	*errnop = ERANGE;
	return NSS_STATUS_TRYAGAIN;
}

/* Bytes to skip so that an array of pointers can start at p. */
static size_t
pointer_gap(const char *p)
{
	return (size_t)(-(uintptr_t)p & (alignof(char *) - 1));
}

enum nss_status
lb_nss_pack_passwd(const struct lb_snapshot_user *user, struct passwd *result, char *buf,
		   size_t len, int *errnop)
{
	size_t size = lb_snapshot_user_text_size(user);

	if (size > len)
		return too_small(errnop);
	/* The record has the fields in this order, each with its NUL. */
	memcpy(buf, user->text, size);
	result->pw_name = buf;
	result->pw_passwd = buf + user->name_len + 1;
	result->pw_uid = user->uid;
	result->pw_gid = user->uid;
	result->pw_gecos = result->pw_passwd + 2;
	result->pw_dir = result->pw_gecos + user->gecos_len + 1;
	result->pw_shell = result->pw_dir + user->home_len + 1;
	return NSS_STATUS_SUCCESS;
}

enum nss_status
lb_nss_pack_shadow(const struct lb_snapshot_user *user, struct spwd *result, char *buf, size_t len,
		   int *errnop)
{
	size_t size = NAME_TEXT(user->name_len);

	if (size > len)
		return too_small(errnop);
	memcpy(buf, user->text, size);
	result->sp_namp = buf;
	/*
	 * No password matches, and none ages: the account has an end of its own,
	 * to the second, and until then nobody is to be asked for a new password
	 * (a last change of 0 would do that).
	 */
	result->sp_pwdp = buf + user->name_len + 1;
	result->sp_lstchg = -1;
	result->sp_min = -1;
	result->sp_max = -1;
	result->sp_warn = -1;
	result->sp_inact = -1;
	result->sp_expire = -1;
	result->sp_flag = ~0ul;
	return NSS_STATUS_SUCCESS;
}

/*
 * A group's buffer: the pointers first, at the first place aligned for them,
 * then the group's text, then the members' names.
 */
struct group_room {
	size_t gap;	 /* before the pointers */
	size_t pointers; /* bytes of them, the last NULL included */
	size_t size;	 /* of all */
};

static struct group_room
group_room(const char *buf, size_t name_len, size_t members, size_t names)
{
	struct group_room room = {pointer_gap(buf), (members + 1) * sizeof(char *), 0};

	room.size = room.gap + room.pointers + NAME_TEXT(name_len) + names;
	return room;
}

/* Writes all but the members; returns where their names go. */
static char *
put_group(const struct group_room *room, const char *text, size_t name_len, uint32_t gid,
	  struct group *result, char *buf)
{
	char *name = buf + room->gap + room->pointers;

	memcpy(name, text, NAME_TEXT(name_len));
	result->gr_name = name;
	result->gr_passwd = name + name_len + 1;
	result->gr_gid = gid;
	result->gr_mem = (char **)(void *)(buf + room->gap);
	return name + NAME_TEXT(name_len);
}

enum nss_status
lb_nss_pack_private(const struct lb_snapshot_user *user, struct group *result, char *buf,
		    size_t len, int *errnop)
{
	struct group_room room = group_room(buf, user->name_len, 0, 0);

	if (room.size > len)
		return too_small(errnop);
	put_group(&room, user->text, user->name_len, user->uid, result, buf);
	result->gr_mem[0] = NULL;
	return NSS_STATUS_SUCCESS;
}

/* Counts the live members and the bytes of their names. */
static int
count_members(const struct lb_snapshot *s, const struct lb_snapshot_role *role,
	      const struct lb_nss_instant *now, size_t *members, size_t *names)
{
	struct lb_snapshot_user user;

	*members = *names = 0;
	for (uint32_t i = 0; i < role->nmembers; i++) {
		int err = lb_snapshot_role_member(s, role, i, &user);

		if (err != LB_OK)
			return err;
		if (!lb_snapshot_live(&user, now->wall_ns, now->boot_ns))
			continue;
		*members += 1;
		*names += user.name_len + 1;
	}
	return LB_OK;
}

enum nss_status
lb_nss_pack_role(const struct lb_nss_hold *hold, const struct lb_snapshot_role *role,
		 struct group *result, char *buf, size_t len, int *errnop)
{
	struct lb_nss_instant now;
	struct lb_snapshot_user user;
	struct group_room room;
	size_t members, names, n = 0;
	char *at;
	int err;

	/* One instant: a member must not end between being counted and being written. */
	lb_nss_now(&now);
	err = count_members(hold->snapshot, role, &now, &members, &names);
	if (err != LB_OK)
		return lb_nss_failure(LB_ERR_DAMAGED, errnop);
	room = group_room(buf, role->name_len, members, names);
	if (room.size > len)
		return too_small(errnop);
	at = put_group(&room, role->text, role->name_len, role->gid, result, buf);
	/* The file does not change, so the second walk finds what the first one counted. */
	for (uint32_t i = 0; i < role->nmembers && n < members; i++) {
		if (lb_snapshot_role_member(hold->snapshot, role, i, &user) != LB_OK ||
		    !lb_snapshot_live(&user, now.wall_ns, now.boot_ns))
			continue;
		result->gr_mem[n++] = at;
		memcpy(at, user.text, user.name_len + 1);
		at += user.name_len + 1;
	}
	result->gr_mem[n] = NULL;
	return NSS_STATUS_SUCCESS;
}
