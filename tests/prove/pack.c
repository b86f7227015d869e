/*
 * The NSS packer, which alone writes into a caller's buffer: any account and role that the reader can
 * give (snapshot.c proves what those are), any buffer of up to 1,100 bytes at any alignment.
 *
 *  passwd, shadow, private   a success has every text inside the buffer; too small is said if and only
 *                            if it is too small, and then nothing is set; no byte is written outside
 *                            (cbmc's own pointer checks: the buffer is an object of its very size)
 *  texts                     with texts of up to 4 bytes: each is ended by its NUL and is the record's,
 *                            and no byte is written when the buffer is too small
 *  role                      a role with up to 2 members, each of them live, ended or damaged, with names
 *                            of up to 2 bytes, in up to 48 bytes at any alignment: as above; and the
 *                            members' pointers are aligned, ended by NULL, and as many as are live
 *
 * prove: passwd --unwind 6 --no-conversion-check
 * prove: texts --unwind 6 --no-conversion-check
 * prove: shadow --unwind 6 --no-conversion-check
 * prove: private --unwind 6 --no-conversion-check
 * prove: role --unwind 7 --no-conversion-check
 */
#include <errno.h>

#include "prove.h"

#include "../../nss_lockbox/pack.c"

#define LEN_MAX 1100
#define MEMBERS 2
#define NAME_MAX_HERE 2
#define ROLE_LEN_MAX 48
#define UNSET ((char *)1)

/* ---- what surrounds the packer ---- */

static struct lb_snapshot_user member[MEMBERS];
static bool member_damaged[MEMBERS];
static char names[MEMBERS][NAME_MAX_HERE + 1];

int
lb_snapshot_role_member(const struct lb_snapshot *s, const struct lb_snapshot_role *role,
			uint32_t i, struct lb_snapshot_user *out)
{
	(void)s;
	if (i >= role->nmembers)
		return LB_ERR_NOT_FOUND;
	if (member_damaged[i])
		return LB_ERR_DAMAGED;
	*out = member[i];
	return LB_OK;
}

static struct lb_nss_instant instant;

void
lb_nss_now(struct lb_nss_instant *now)
{
	*now = instant;
}

enum nss_status
lb_nss_failure(int err, int *errnop)
{
	*errnop = err == LB_ERR_NOT_FOUND ? ENOENT : EIO;
	return err == LB_ERR_NOT_FOUND ? NSS_STATUS_NOTFOUND : NSS_STATUS_UNAVAIL;
}

/* ---- the caller ---- */

static char *buf;
static size_t len;

/* A buffer that ends where its object ends, at any alignment. */
static void
any_buffer(void)
{
	size_t shift = nondet_size();

	len = nondet_size();
	ASSUME(len <= LEN_MAX && shift < 8);
	buf = malloc(len + shift);
	ASSUME(buf != NULL);
	buf += shift;
}

/* A text of n bytes and its NUL inside the buffer. */
static bool
text_inside(const char *text, size_t n)
{
	return __CPROVER_same_object(text, buf) && text >= buf && n < (size_t)(buf + len - text);
}

static struct lb_snapshot_user
any_user(void)
{
	struct lb_snapshot_user u;
	char *text;

	u.uid = nondet_u32();
	u.name_len = nondet_size();
	u.gecos_len = nondet_size();
	u.home_len = nondet_size();
	u.shell_len = nondet_size();
	ASSUME(u.name_len <= LB_SNAPSHOT_NAME_MAX && u.gecos_len <= LB_SNAPSHOT_FIELD_MAX &&
	       u.home_len <= LB_SNAPSHOT_FIELD_MAX && u.shell_len <= LB_SNAPSHOT_FIELD_MAX);
	/* As the reader has checked: so many bytes are there. */
	text = malloc(lb_snapshot_user_text_size(&u));
	ASSUME(text != NULL);
	u.text = text;
	return u;
}

static void
check_small(enum nss_status status, int error, bool small)
{
	ASSERT(status == (small ? NSS_STATUS_TRYAGAIN : NSS_STATUS_SUCCESS));
	ASSERT(!small || error == ERANGE);
}

void
passwd(void)
{
	struct lb_snapshot_user u = any_user();
	struct passwd pw = {.pw_name = UNSET};
	int error = 0;
	enum nss_status status;

	any_buffer();
	status = lb_nss_pack_passwd(&u, &pw, buf, len, &error);
	check_small(status, error, lb_snapshot_user_text_size(&u) > len);
	if (status != NSS_STATUS_SUCCESS) {
		ASSERT(pw.pw_name == UNSET);
		COVER(len + 1 == lb_snapshot_user_text_size(&u));
		return;
	}
	ASSERT(pw.pw_uid == u.uid && pw.pw_gid == u.uid);
	ASSERT(text_inside(pw.pw_name, u.name_len));
	ASSERT(text_inside(pw.pw_passwd, 1));
	ASSERT(text_inside(pw.pw_gecos, u.gecos_len));
	ASSERT(text_inside(pw.pw_dir, u.home_len));
	ASSERT(text_inside(pw.pw_shell, u.shell_len));
	COVER(len == lb_snapshot_user_text_size(&u) && len > 800);
}

#define SMALL 4
#define SMALL_TEXT (4 * SMALL + 6)

void
texts(void)
{
	static char text[SMALL_TEXT], area[SMALL_TEXT + 2], old[SMALL_TEXT + 2];
	struct lb_snapshot_user u = {.text = text, .uid = 1};
	struct passwd pw = {.pw_name = UNSET};
	size_t at = nondet_size(), size;
	int error = 0;

	u.name_len = nondet_size();
	u.gecos_len = nondet_size();
	u.home_len = nondet_size();
	u.shell_len = nondet_size();
	ASSUME(u.name_len <= SMALL && u.gecos_len <= SMALL && u.home_len <= SMALL &&
	       u.shell_len <= SMALL);
	__CPROVER_havoc_object(text);
	__CPROVER_havoc_object(area);
	memcpy(old, area, sizeof old);
	size = lb_snapshot_user_text_size(&u);
	/* As the reader has checked. */
	ASSUME(text[u.name_len] == '\0' && text[u.name_len + 1] == '*' &&
	       text[u.name_len + 2] == '\0');
	ASSUME(lb_snapshot_user_home(&u)[-1] == '\0' && lb_snapshot_user_shell(&u)[-1] == '\0' &&
	       lb_snapshot_user_shell(&u)[u.shell_len] == '\0');
	len = nondet_size();
	ASSUME(len <= sizeof area && at < sizeof area);
	if (lb_nss_pack_passwd(&u, &pw, area, len, &error) != NSS_STATUS_SUCCESS) {
		ASSERT(area[at] == old[at]);
		COVER(len == SMALL_TEXT - 1);
		return;
	}
	ASSERT(at < size ? area[at] == text[at] : area[at] == old[at]);
	ASSERT(pw.pw_name == area && pw.pw_name[u.name_len] == '\0');
	ASSERT(pw.pw_passwd[0] == '*' && pw.pw_passwd[1] == '\0');
	ASSERT(pw.pw_gecos[u.gecos_len] == '\0' && pw.pw_dir[u.home_len] == '\0');
	ASSERT(pw.pw_shell[u.shell_len] == '\0' && pw.pw_dir == pw.pw_gecos + u.gecos_len + 1);
	COVER(size == SMALL_TEXT && len == size);
}

void
shadow(void)
{
	struct lb_snapshot_user u = any_user();
	struct spwd sp = {.sp_namp = UNSET};
	int error = 0;
	enum nss_status status;

	any_buffer();
	status = lb_nss_pack_shadow(&u, &sp, buf, len, &error);
	check_small(status, error, u.name_len + 3 > len);
	if (status != NSS_STATUS_SUCCESS) {
		ASSERT(sp.sp_namp == UNSET);
		COVER(len == u.name_len + 2);
		return;
	}
	ASSERT(text_inside(sp.sp_namp, u.name_len) && text_inside(sp.sp_pwdp, 1));
	COVER(len == u.name_len + 3);
}

void private(void)
{
	struct lb_snapshot_user u = any_user();
	struct group gr = {.gr_name = UNSET};
	int error = 0;
	enum nss_status status;
	size_t gap;

	any_buffer();
	gap = pointer_gap(buf);
	ASSERT(gap < sizeof(char *));
	status = lb_nss_pack_private(&u, &gr, buf, len, &error);
	check_small(status, error, gap + sizeof(char *) + u.name_len + 3 > len);
	if (status != NSS_STATUS_SUCCESS) {
		ASSERT(gr.gr_name == UNSET);
		COVER(gap == 7);
		return;
	}
	ASSERT(gr.gr_gid == u.uid && gr.gr_mem[0] == NULL);
	ASSERT(pointer_gap((const char *)gr.gr_mem) == 0);
	ASSERT(text_inside((const char *)gr.gr_mem, sizeof(char *) - 1));
	ASSERT(text_inside(gr.gr_name, u.name_len) && text_inside(gr.gr_passwd, 1));
	COVER(gap == 7 && len == gap + sizeof(char *) + u.name_len + 3);
}

static bool
live(uint32_t i)
{
	return lb_snapshot_live(&member[i], instant.wall_ns, instant.boot_ns);
}

static void
any_members(void)
{
	instant.wall_ns = nondet_i64();
	instant.boot_ns = nondet_i64();
	for (uint32_t i = 0; i < MEMBERS; i++) {
		member_damaged[i] = nondet_bool();
		member[i].end_wall_ns = nondet_i64();
		member[i].end_boot_ns = nondet_i64();
		member[i].name_len = nondet_size();
		ASSUME(member[i].name_len <= NAME_MAX_HERE);
		member[i].text = names[i];
	}
}

void
role(void)
{
	struct lb_snapshot s = {.base = NULL};
	struct lb_nss_hold hold = {.snapshot = &s};
	struct lb_snapshot_role r = {.gid = nondet_u32(), .nmembers = nondet_u32()};
	struct group gr = {.gr_name = UNSET};
	static char text[NAME_MAX_HERE + 3] = "lb\0*", area[ROLE_LEN_MAX];
	size_t need, n = 0, gap, at = nondet_size();
	int error = 0;
	bool damaged = false;
	enum nss_status status;

	any_members();
	r.name_len = NAME_MAX_HERE;
	r.text = text;
	ASSUME(r.nmembers <= MEMBERS);
	/* It ends where the object ends, and so begins at any alignment. */
	len = nondet_size();
	ASSUME(len <= ROLE_LEN_MAX && at < ROLE_LEN_MAX);
	buf = area + ROLE_LEN_MAX - len;
	gap = pointer_gap(buf);
	need = gap + r.name_len + 3 + sizeof(char *);
	for (uint32_t i = 0; i < r.nmembers; i++) {
		damaged = damaged || member_damaged[i];
		if (!live(i))
			continue;
		need += sizeof(char *) + member[i].name_len + 1;
		n++;
	}
	status = lb_nss_pack_role(&hold, &r, &gr, buf, len, &error);
	if (damaged) {
		ASSERT(status == NSS_STATUS_UNAVAIL && error == EIO && gr.gr_name == UNSET);
		COVER(len == ROLE_LEN_MAX);
		return;
	}
	check_small(status, error, need > len);
	ASSERT((status == NSS_STATUS_SUCCESS && at >= ROLE_LEN_MAX - len) || area[at] == 0);
	if (status != NSS_STATUS_SUCCESS) {
		ASSERT(gr.gr_name == UNSET);
		COVER(len + 1 == need && n == MEMBERS);
		return;
	}
	ASSERT(gr.gr_gid == r.gid && pointer_gap((const char *)gr.gr_mem) == 0);
	ASSERT(text_inside((const char *)gr.gr_mem, (n + 1) * sizeof(char *) - 1));
	ASSERT(text_inside(gr.gr_name, r.name_len) && text_inside(gr.gr_passwd, 1));
	for (size_t i = 0; i < n; i++)
		ASSERT(text_inside(gr.gr_mem[i], 0));
	ASSERT(gr.gr_mem[n] == NULL);
	COVER(n == MEMBERS && len == need);
	COVER(n == 0 && r.nmembers == MEMBERS);
}
