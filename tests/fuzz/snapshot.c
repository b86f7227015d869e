/*
 * The reader of the snapshot: any file, first as it is, then with every sum put right, so that
 * what stands behind them is reached.  Every entry that it gives out obeys SNAPSHOT-FORMAT, section 3.
 */
#include "image.h"
#include "name.h"

static const uint8_t *first, *end; /* of the image */

static bool
inside(const void *at, size_t size)
{
	const uint8_t *p = at;

	return p >= first && p <= end && size <= (size_t)(end - p);
}

static void
check_user(const struct lb_snapshot *s, const struct lb_snapshot_user *u)
{
	const char *fields[] = {lb_snapshot_user_name(u), lb_snapshot_user_gecos(u),
				lb_snapshot_user_home(u), lb_snapshot_user_shell(u)};
	const size_t lens[] = {u->name_len, u->gecos_len, u->home_len, u->shell_len};
	struct lb_snapshot_user again;

	CHECK(lb_uid_is_account(u->uid));
	CHECK(u->end_wall_ns > 0 && u->end_boot_ns > 0);
	CHECK(u->name_len <= LB_SNAPSHOT_NAME_MAX);
	CHECK(inside(u->text, lb_snapshot_user_text_size(u)));
	for (size_t i = 0; i < 4; i++)
		CHECK(inside(fields[i], lens[i] + 1) && fields[i][lens[i]] == '\0');
	CHECK(memcmp(u->text, LB_ACCOUNT_PREFIX, strlen(LB_ACCOUNT_PREFIX)) == 0);
	CHECK(u->text[u->name_len + 1] == '*' && u->text[u->name_len + 2] == '\0');
	CHECK(u->ngroups <= LB_SNAPSHOT_GROUPS_MAX && inside(u->groups, (size_t)u->ngroups * 4));
	for (uint32_t i = 0; i < u->ngroups + 2; i++) {
		uint32_t gid = lb_snapshot_user_group(u, i);

		CHECK(gid != UINT32_MAX && (!lb_id_reserved(gid) || lb_gid_is_role(gid)));
		CHECK(i < u->ngroups || gid == 0);
	}
	/* Whatever a lookup finds is what was asked for. */
	if (lb_snapshot_user_by_name(s, u->text, u->name_len, &again) == LB_OK)
		CHECK(again.name_len == u->name_len &&
		      memcmp(again.text, u->text, u->name_len) == 0);
	if (lb_snapshot_user_by_uid(s, u->uid, &again) == LB_OK)
		CHECK(again.uid == u->uid);
}

static void
check_role(const struct lb_snapshot *s, const struct lb_snapshot_role *role)
{
	struct lb_snapshot_role again;
	struct lb_snapshot_user member;

	CHECK(lb_gid_is_role(role->gid));
	CHECK(role->name_len <= LB_SNAPSHOT_NAME_MAX && inside(role->text, role->name_len + 3));
	CHECK(memcmp(role->text, LB_ROLE_GROUP_PREFIX, strlen(LB_ROLE_GROUP_PREFIX)) == 0);
	CHECK(memcmp(role->text + role->name_len, "\0*", 3) == 0);
	CHECK(role->nmembers <= s->accounts && inside(role->members, (size_t)role->nmembers * 4));
	for (uint32_t i = 0; i < role->nmembers && i < 64; i++)
		if (lb_snapshot_role_member(s, role, i, &member) == LB_OK)
			check_user(s, &member);
	CHECK(lb_snapshot_role_member(s, role, role->nmembers, &member) == LB_ERR_NOT_FOUND);
	if (lb_snapshot_role_by_name(s, role->text, role->name_len, &again) == LB_OK)
		CHECK(again.name_len == role->name_len &&
		      memcmp(again.text, role->text, role->name_len) == 0);
	if (lb_snapshot_role_by_gid(s, role->gid, &again) == LB_OK)
		CHECK(again.gid == role->gid);
}

/* The walks end, for ids only rise. */
static void
walk(const struct lb_snapshot *s)
{
	struct lb_snapshot_user user;
	struct lb_snapshot_role role;
	uint32_t id = 0;

	for (unsigned i = 0; i < 512 && lb_snapshot_user_after(s, id, &user) == LB_OK; i++) {
		CHECK(user.uid > id);
		id = user.uid;
		check_user(s, &user);
	}
	id = 0;
	for (unsigned i = 0; i < 512 && lb_snapshot_role_after(s, id, &role) == LB_OK; i++) {
		CHECK(role.gid > id);
		id = role.gid;
		check_role(s, &role);
	}
}

/* Groups of ordinary accounts: the names that the file itself has, and some others. */
static void
look_up_own(const struct lb_snapshot *s)
{
	struct lb_snapshot_sessions in;
	struct lb_snapshot_user u;

	CHECK(lb_snapshot_own_by_name(s, "root", 4, &u, &in) == LB_ERR_NOT_FOUND);
	CHECK(lb_snapshot_own_by_name(s, "lb-anna-7", 9, &u, &in) == LB_ERR_NOT_FOUND);
	for (uint32_t i = 0; i <= s->own_slots && i < 64; i++) {
		const char *name = i == s->own_slots
					   ? "alice"
					   : (const char *)s->base + s->own_at +
						     i * LB_SNAPSHOT_ALIGN + LB_SNAPSHOT_OWN_NAME;
		size_t len = strnlen(name, LB_SNAPSHOT_NAME_MAX);

		if (lb_snapshot_own_by_name(s, name, len, &u, &in) != LB_OK)
			continue;
		CHECK(u.end_wall_ns > 0 && u.end_boot_ns > 0 && u.uid == 0);
		CHECK(u.ngroups <= LB_SNAPSHOT_GROUPS_MAX &&
		      inside(u.groups, (size_t)u.ngroups * 4));
		for (uint32_t g = 0; g < u.ngroups; g++) {
			uint32_t gid = lb_snapshot_user_group(&u, g);

			CHECK(gid != UINT32_MAX && (!lb_id_reserved(gid) || lb_gid_is_role(gid)));
		}
		CHECK(in.count <= LB_SNAPSHOT_SESSIONS_MAX &&
		      inside(in.numbers, (size_t)in.count * 4));
		(void)lb_snapshot_session_among(&in, 77);
	}
}

static void
look_up(const struct lb_snapshot *s)
{
	static const char *const names[] = {"lb-anna-7", "lbr-db", "lb-", "lb-alice-1", "root", ""};
	static const uint32_t ids[] = {0, LB_UID_FIRST, LB_ACCOUNT_UID_FIRST + 1, LB_UID_LAST, ~0u};
	struct lb_snapshot_user user;
	struct lb_snapshot_role role;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		size_t len = strlen(names[i]);

		if (lb_snapshot_user_by_name(s, names[i], len, &user) == LB_OK) {
			CHECK(user.name_len == len && memcmp(user.text, names[i], len) == 0);
			check_user(s, &user);
		}
		if (lb_snapshot_role_by_name(s, names[i], len, &role) == LB_OK) {
			CHECK(role.name_len == len && memcmp(role.text, names[i], len) == 0);
			check_role(s, &role);
		}
	}
	look_up_own(s);
	for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
		if (lb_snapshot_user_by_uid(s, ids[i], &user) == LB_OK)
			CHECK(user.uid == ids[i]);
		if (lb_snapshot_role_by_gid(s, ids[i], &role) == LB_OK)
			CHECK(role.gid == ids[i]);
	}
}

static void
check_whole(const struct lb_snapshot *s)
{
	struct lb_snapshot_user user;
	struct lb_snapshot_role role;
	uint32_t id = 0, n = 0;

	for (; lb_snapshot_user_after(s, id, &user) == LB_OK; id = user.uid)
		n++;
	CHECK(n == s->accounts);
	id = n = 0;
	for (; lb_snapshot_role_after(s, id, &role) == LB_OK; id = role.gid)
		n++;
	CHECK(n == s->roles);
}

static void
read_image(const uint8_t *image, size_t size)
{
	struct lb_snapshot s;

	first = image;
	end = image + size;
	if (lb_snapshot_open(&s, image, size) != LB_OK)
		return;
	CHECK(s.base == image && s.size == size);
	(void)lb_snapshot_superseded(&s);
	/* What the writer's check passes has each entry, and not one more on the walk. */
	if (lb_snapshot_verify(&s) == LB_OK)
		check_whole(&s);
	walk(&s);
	look_up(&s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *image;

	if (size > IMAGE_MAX)
		return 0;
	read_image(image_place(data, size), size);
	image = image_right(data, &size);
	if (image != NULL)
		read_image(image, size);
	return 0;
}
