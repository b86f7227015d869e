/*
 * The NSS module's entry points on any snapshot, with caller's buffers of every size.
 *
 * mapping.c, which finds and maps the file, is replaced by one that gives out the input: an image as
 * in the target `snapshot`, with its sums put right.  Nothing is ever written outside the
 * buffer, all that is returned points into it, and a size is too small if and only if the next
 * bigger one that succeeds is bigger.
 */
#include <errno.h>

#include "image.h"
#include "mapping.h"
#include "name.h"
#include "nss_lockbox.h"

#define WALL_NS 1800000000000000000
#define BOOT_NS 500000000000
#define ROOM 8192
#define EDGE 32 /* bytes looked at on either side of the buffer */
#define CANARY 0xa5
#define NAMES_MAX 40
#define WALK_MAX 64

static struct lb_snapshot snapshot;

/* ---- in the place of mapping.c ---- */

enum nss_status
lb_nss_take(struct lb_nss_hold *hold, int *errnop)
{
	(void)errnop;
	hold->snapshot = &snapshot;
	hold->wall_ns = WALL_NS;
	hold->boot_ns = BOOT_NS;
	return NSS_STATUS_SUCCESS;
}

void
lb_nss_drop(struct lb_nss_hold *hold)
{
	CHECK(hold->snapshot == &snapshot);
	hold->snapshot = NULL;
}

bool
lb_nss_live(const struct lb_nss_hold *hold, const struct lb_snapshot_user *user)
{
	return lb_snapshot_live(user, hold->wall_ns, hold->boot_ns);
}

void
lb_nss_now(struct lb_nss_instant *now)
{
	now->wall_ns = WALL_NS;
	now->boot_ns = BOOT_NS;
}

enum nss_status
lb_nss_failure(int err, int *errnop)
{
	*errnop = err == LB_ERR_NOT_FOUND ? ENOENT : EIO;
	return err == LB_ERR_NOT_FOUND ? NSS_STATUS_NOTFOUND : NSS_STATUS_UNAVAIL;
}

/* ---- the caller's buffer ---- */

static char room[ROOM + 3 * EDGE];
static char *buf;
static size_t len;

static void
buffer(size_t size, unsigned shift)
{
	buf = room + EDGE + shift;
	len = size;
	memset(buf - EDGE, (char)CANARY, len + 2 * EDGE);
}

static bool
untouched(const char *from, const char *to)
{
	for (; from < to; from++)
		if (*from != (char)CANARY)
			return false;
	return true;
}

/* A text that lies wholly inside the buffer. */
static void
check_text(const char *text)
{
	CHECK(text >= buf && text < buf + len);
	CHECK(memchr(text, '\0', (size_t)(buf + len - text)) != NULL);
}

/* True when the call succeeded; otherwise *again says whether the buffer was too small. */
static bool
check_status(enum nss_status status, int error, bool *again)
{
	*again = status == NSS_STATUS_TRYAGAIN;
	CHECK(untouched(buf - EDGE, buf) && untouched(buf + len, buf + len + EDGE));
	if (status == NSS_STATUS_SUCCESS)
		return true;
	CHECK(untouched(buf, buf + len));
	CHECK(status == NSS_STATUS_TRYAGAIN
		      ? error == ERANGE
		      : error == (status == NSS_STATUS_NOTFOUND ? ENOENT : EIO));
	return false;
}

static void
check_passwd(const struct passwd *pw)
{
	check_text(pw->pw_name);
	check_text(pw->pw_gecos);
	check_text(pw->pw_dir);
	check_text(pw->pw_shell);
	check_text(pw->pw_passwd);
	CHECK(strcmp(pw->pw_passwd, "*") == 0);
	CHECK(lb_uid_is_account(pw->pw_uid) && pw->pw_gid == pw->pw_uid);
	CHECK(strncmp(pw->pw_name, LB_ACCOUNT_PREFIX, strlen(LB_ACCOUNT_PREFIX)) == 0);
}

static void
check_group(const struct group *gr)
{
	const char *pointers = (const char *)gr->gr_mem;
	size_t n = 0;

	check_text(gr->gr_name);
	check_text(gr->gr_passwd);
	CHECK(strcmp(gr->gr_passwd, "*") == 0);
	CHECK(lb_gid_is_role(gr->gr_gid) || lb_uid_is_account(gr->gr_gid));
	CHECK((uintptr_t)pointers % _Alignof(char *) == 0);
	do {
		CHECK(pointers >= buf &&
		      (size_t)(buf + len - pointers) >= (n + 1) * sizeof(char *));
		if (gr->gr_mem[n] != NULL)
			check_text(gr->gr_mem[n]);
	} while (gr->gr_mem[n++] != NULL);
}

/* ---- the calls ---- */

enum call { PWNAM, PWUID, SPNAM, GRNAM, GRGID, CALLS };

struct question {
	enum call call;
	const char *name;
	uint32_t id;
};

static bool
ask(const struct question *q, size_t size, unsigned shift, bool *again)
{
	enum nss_status status = NSS_STATUS_UNAVAIL;
	struct passwd pw;
	struct group gr;
	struct spwd sp;
	int error = 0;

	buffer(size, shift);
	switch (q->call) {
	case PWNAM:
		status = _nss_lockbox_getpwnam_r(q->name, &pw, buf, len, &error);
		break;
	case PWUID:
		status = _nss_lockbox_getpwuid_r(q->id, &pw, buf, len, &error);
		break;
	case SPNAM:
		status = _nss_lockbox_getspnam_r(q->name, &sp, buf, len, &error);
		break;
	case GRNAM:
		status = _nss_lockbox_getgrnam_r(q->name, &gr, buf, len, &error);
		break;
	default:
		status = _nss_lockbox_getgrgid_r(q->id, &gr, buf, len, &error);
		break;
	}
	if (!check_status(status, error, again))
		return false;
	if (q->call == PWNAM || q->call == PWUID)
		check_passwd(&pw);
	if (q->call == SPNAM) {
		check_text(sp.sp_namp);
		check_text(sp.sp_pwdp);
		CHECK(strcmp(sp.sp_pwdp, "*") == 0);
	}
	if (q->call == GRNAM || q->call == GRGID)
		check_group(&gr);
	if (q->call == PWNAM)
		CHECK(strcmp(pw.pw_name, q->name) == 0);
	if (q->call == PWUID)
		CHECK(pw.pw_uid == q->id);
	if (q->call == GRNAM)
		CHECK(strcmp(gr.gr_name, q->name) == 0);
	if (q->call == GRGID)
		CHECK(gr.gr_gid == q->id);
	return true;
}

/* Every size from nothing up to the first that is enough: not one of them writes a byte. */
static void
every_size(const struct question *q, unsigned shift)
{
	bool again, good = ask(q, ROOM, shift, &again);
	size_t low = 0, high = ROOM;

	if (!good)
		return; /* also when even this is too small */
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (ask(q, mid, shift, &again))
			high = mid;
		else
			low = mid + 1;
	}
	for (size_t size = high > 80 ? high - 80 : 0; size < high + 3; size++) {
		CHECK(ask(q, size, shift, &again) == (size >= high));
		CHECK(again == (size < high));
	}
	if (high > 80) {
		CHECK(!ask(q, 0, shift, &again) && again);
		CHECK(!ask(q, high / 2, shift, &again) && again);
	}
}

static void
groups_of(const char *name)
{
	for (long limit = -1; limit < 4; limit++) {
		long start = 1, size = 1;
		gid_t *list = malloc(sizeof *list);
		int error = 0;
		enum nss_status status;

		CHECK(list != NULL);
		list[0] = 4711;
		status = _nss_lockbox_initgroups_dyn(name, 4711, &start, &size, &list, limit,
						     &error);
		CHECK(list[0] == 4711 && start >= 1 && start <= size);
		CHECK(limit <= 0 || size <= limit || size == 1);
		CHECK(status == NSS_STATUS_SUCCESS || start == 1);
		for (long i = 1; i < start; i++)
			CHECK(list[i] != 0 && list[i] != (gid_t)-1 && list[i] != 4711 &&
			      (!lb_id_reserved(list[i]) || lb_gid_is_role(list[i])));
		free(list);
	}
}

/* The walks, each with buffers that are too small first: no entry is lost by that. */
static void
walks(void)
{
	struct passwd pw;
	struct group gr;
	enum nss_status status;
	uint32_t last = 0;
	bool again;
	int error;

	_nss_lockbox_setpwent(0);
	for (int i = 0; i < WALK_MAX; i++) {
		buffer(i % 2 ? ROOM : 5, 0);
		status = _nss_lockbox_getpwent_r(&pw, buf, len, &error);
		if (!check_status(status, error, &again)) {
			if (again && len < ROOM)
				continue;
			break;
		}
		check_passwd(&pw);
		CHECK(pw.pw_uid > last);
		last = pw.pw_uid;
	}
	_nss_lockbox_endpwent();
	last = 0;
	_nss_lockbox_setgrent(0);
	for (int i = 0; i < WALK_MAX; i++) {
		buffer(i % 2 ? ROOM : 5, 1);
		status = _nss_lockbox_getgrent_r(&gr, buf, len, &error);
		if (!check_status(status, error, &again)) {
			if (again && len < ROOM)
				continue;
			break;
		}
		check_group(&gr);
		CHECK(gr.gr_gid > last);
		last = gr.gr_gid;
	}
	_nss_lockbox_endgrent();
}

static void
all_about(const char *name, size_t name_len, uint32_t id, unsigned shift)
{
	char copy[NAMES_MAX + 1];

	if (name_len > NAMES_MAX || memchr(name, '\0', name_len) != NULL)
		return;
	memcpy(copy, name, name_len);
	copy[name_len] = '\0';
	for (unsigned call = 0; call < CALLS; call++)
		every_size(&(struct question){(enum call)call, copy, id}, shift);
	groups_of(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *image = size <= IMAGE_MAX ? image_right(data, &size) : NULL;
	struct lb_snapshot_user user;
	struct lb_snapshot_role role;
	uint32_t id = 0;

	if (image == NULL || lb_snapshot_open(&snapshot, image, size) != LB_OK)
		return 0;
	walks();
	for (unsigned i = 0; i < 3 && lb_snapshot_user_after(&snapshot, id, &user) == LB_OK; i++) {
		id = user.uid;
		all_about(user.text, user.name_len, user.uid, i);
	}
	id = 0;
	for (unsigned i = 0; i < 3 && lb_snapshot_role_after(&snapshot, id, &role) == LB_OK; i++) {
		id = role.gid;
		all_about(role.text, role.name_len, role.gid, 7 - i);
	}
	all_about("lb-nobody-1", 11, LB_UID_LAST, 0);
	return 0;
}
