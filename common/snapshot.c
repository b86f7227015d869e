/*
 * The reader of the snapshot: see snapshot.h and SNAPSHOT-FORMAT.
 *
 * It must never read outside the given bytes, whatever they hold, and never
 * give out an id outside the reserved range.
 */
#include "snapshot.h"

#include <endian.h>
#include <string.h>

#include "err.h"
#include "name.h"

static inline uint16_t
load16(const unsigned char *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof v);
	return le16toh(v);
}

static inline uint32_t
load32(const unsigned char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	return le32toh(v);
}

static inline uint64_t
load64(const unsigned char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return le64toh(v);
}

/* ---- XXH64, by the xxHash specification ---- */

#define P1 0x9e3779b185ebca87u
#define P2 0xc2b2ae3d27d4eb4fu
#define P3 0x165667b19e3779f9u
#define P4 0x85ebca77c2b2ae63u
#define P5 0x27d4eb2f165667c5u

static inline uint64_t
rotl(uint64_t v, int bits)
{
	return v << bits | v >> (64 - bits);
}

static inline uint64_t
xxh_round(uint64_t acc, uint64_t lane)
{
	return rotl(acc + lane * P2, 31) * P1;
}

static uint64_t
xxh_merge(uint64_t h, uint64_t acc)
{
	return (h ^ xxh_round(0, acc)) * P1 + P4;
}

/* Takes all whole stripes of 32 bytes from *p; returns the merged state. */
static uint64_t
xxh_stripes(const unsigned char **p, const unsigned char *end)
{
	uint64_t a = P1 + P2, b = P2, c = 0, d = 0 - P1, h;

	for (; end - *p >= 32; *p += 32) {
		a = xxh_round(a, load64(*p));
		b = xxh_round(b, load64(*p + 8));
		c = xxh_round(c, load64(*p + 16));
		d = xxh_round(d, load64(*p + 24));
	}
	h = rotl(a, 1) + rotl(b, 7) + rotl(c, 12) + rotl(d, 18);
	return xxh_merge(xxh_merge(xxh_merge(xxh_merge(h, a), b), c), d);
}

uint64_t
lb_snapshot_xxh64(const void *data, size_t size)
{
	const unsigned char *p = data, *end = p + size;
	uint64_t h = size >= 32 ? xxh_stripes(&p, end) : P5;

	h += size;
	for (; end - p >= 8; p += 8)
		h = rotl(h ^ xxh_round(0, load64(p)), 27) * P1 + P4;
	for (; end - p >= 4; p += 4)
		h = rotl(h ^ load32(p) * P1, 23) * P2 + P3;
	for (; p < end; p++)
		h = rotl(h ^ *p * P5, 11) * P1;
	h = (h ^ h >> 33) * P2;
	h = (h ^ h >> 29) * P3;
	return h ^ h >> 32;
}

uint64_t
lb_snapshot_checksum(const void *base, size_t size)
{
	return lb_snapshot_xxh64((const unsigned char *)base + LB_SNAPSHOT_AT_SIZE,
				 size - LB_SNAPSHOT_AT_SIZE);
}

/* ---- the hash of a name ---- */

static inline uint64_t
name_mix(uint64_t h, uint64_t word)
{
	h = (h ^ word) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 32;
}

uint64_t
lb_snapshot_name_hash(const char *name, size_t name_len)
{
	const unsigned char *p = (const unsigned char *)name;
	uint64_t h = name_len, word = 0;
	size_t left = name_len;

	for (; left >= 8; left -= 8, p += 8)
		h = name_mix(h, load64(p));
	if (left == 0)
		return h;
	if (name_len >= 8) {
		/* The last eight bytes, those already taken shifted out: no read past the end. */
		word = load64(p + left - 8) >> (8 * (8 - left));
	} else {
		for (size_t i = 0; i < left; i++)
			word |= (uint64_t)p[i] << (8 * i);
	}
	return name_mix(h, word);
}

/*
 * True when len bytes at a and b are equal.  Account names are mostly 8 to 16
 * bytes: then it is two comparisons, which a call of memcmp() is not.
 */
static inline bool
name_equal(const char *a, const char *b, size_t len)
{
	const unsigned char *p = (const unsigned char *)a, *q = (const unsigned char *)b;

	if (len < 8 || len > 16)
		return memcmp(a, b, len) == 0;
	return ((load64(p) ^ load64(q)) | (load64(p + len - 8) ^ load64(q + len - 8))) == 0;
}

/* ---- the whole file ---- */

static uint64_t
round_up(uint64_t n)
{
	return (n + LB_SNAPSHOT_ALIGN - 1) & ~(uint64_t)(LB_SNAPSHOT_ALIGN - 1);
}

/* Reads the counts and works out where each section starts; true when all lie inside. */
static bool
lay_out(struct lb_snapshot *s)
{
	const unsigned char *b = s->base;
	uint64_t at = LB_SNAPSHOT_HEADER;

	s->accounts = load32(b + LB_SNAPSHOT_AT_ACCOUNTS);
	s->roles = load32(b + LB_SNAPSHOT_AT_ROLES);
	s->name_buckets = load32(b + LB_SNAPSHOT_AT_NAME_BUCKETS);
	s->id_buckets = load32(b + LB_SNAPSHOT_AT_ID_BUCKETS);
	if (s->accounts > LB_SNAPSHOT_ACCOUNTS_MAX || s->roles > LB_SNAPSHOT_ROLES_MAX ||
	    s->name_buckets == 0 || s->id_buckets == 0)
		return false;
	/* 64-bit sums of 32-bit counts: they cannot wrap, and the last test bounds them all. */
	at += (uint64_t)s->name_buckets * LB_SNAPSHOT_ALIGN;
	s->id_at = (uint32_t)at;
	at += (uint64_t)s->id_buckets * LB_SNAPSHOT_ALIGN;
	s->account_at = (uint32_t)at;
	at += round_up((uint64_t)s->accounts * 4);
	s->role_at = (uint32_t)at;
	at += round_up((uint64_t)s->roles * 4);
	s->record_at = (uint32_t)at;
	return at <= s->size;
}

int
lb_snapshot_open(struct lb_snapshot *s, const void *base, size_t size)
{
	const unsigned char *b = base;
	struct lb_snapshot found = {.base = b};

	if (size < LB_SNAPSHOT_HEADER || size > LB_SNAPSHOT_SIZE_MAX ||
	    size % LB_SNAPSHOT_ALIGN != 0 || memcmp(b, LB_SNAPSHOT_MAGIC, 8) != 0)
		return LB_ERR_MALFORMED;
	if (load32(b + LB_SNAPSHOT_AT_VERSION) != LB_SNAPSHOT_VERSION)
		return LB_ERR_VERSION;
	if (load32(b + LB_SNAPSHOT_AT_SIZE) != size ||
	    load64(b + LB_SNAPSHOT_AT_CHECKSUM) != lb_snapshot_checksum(b, size))
		return LB_ERR_DAMAGED;
	for (size_t i = LB_SNAPSHOT_AT_RESERVED; i < LB_SNAPSHOT_HEADER; i++)
		if (b[i] != 0)
			return LB_ERR_DAMAGED;
	found.size = (uint32_t)size;
	if (!lay_out(&found))
		return LB_ERR_DAMAGED;
	*s = found;
	return LB_OK;
}

bool
lb_snapshot_superseded(const struct lb_snapshot *s)
{
	const uint32_t *word = (const void *)(s->base + LB_SNAPSHOT_AT_SUPERSEDED);

	return __atomic_load_n(word, __ATOMIC_ACQUIRE) != 0;
}

/* ---- records ---- */

/* True when a record can start at off; 64 bytes of it are then inside the file. */
static inline bool
record_inside(const struct lb_snapshot *s, uint32_t off)
{
	return off >= s->record_at && off < s->size && off % LB_SNAPSHOT_ALIGN == 0;
}

/* True when count 32-bit words at *at (rounded up to 4) end by limit. */
static inline bool
words_inside(uint32_t limit, uint32_t *at, uint32_t count)
{
	*at = (*at + 3) & ~3u;
	return *at <= limit && count <= (limit - *at) / 4;
}

/*
 * Reads the account record at off, checking everything it leads to.  Inlined
 * into each lookup: a record that went through memory twice would cost more than
 * finding it.
 */
static inline __attribute__((always_inline)) int
read_user(const struct lb_snapshot *s, uint32_t off, struct lb_snapshot_user *out)
{
	const unsigned char *r = s->base + off;
	struct lb_snapshot_user u;
	const char *end;
	uint32_t at;

	if (!record_inside(s, off))
		return LB_ERR_DAMAGED;
	__builtin_prefetch(r + LB_SNAPSHOT_ALIGN); /* most records have a second line */
	u.uid = load32(r);
	u.ngroups = load32(r + 4);
	u.end_wall_ns = (int64_t)load64(r + 8);
	u.end_boot_ns = (int64_t)load64(r + 16);
	u.name_len = load16(r + 24);
	u.gecos_len = load16(r + 26);
	u.home_len = load16(r + 28);
	u.shell_len = load16(r + 30);
	u.text = (const char *)r + LB_SNAPSHOT_USER_TEXT;
	if (!lb_uid_is_account(u.uid) || u.ngroups > LB_SNAPSHOT_GROUPS_MAX || u.end_wall_ns <= 0 ||
	    u.end_boot_ns <= 0 || u.name_len > LB_SNAPSHOT_NAME_MAX ||
	    u.gecos_len > LB_SNAPSHOT_FIELD_MAX || u.home_len > LB_SNAPSHOT_FIELD_MAX ||
	    u.shell_len > LB_SNAPSHOT_FIELD_MAX)
		return LB_ERR_DAMAGED;
	/* At most about 900 bytes so far: at cannot wrap below the 256 MiB limit. */
	at = off + LB_SNAPSHOT_USER_TEXT + (uint32_t)lb_snapshot_user_text_size(&u);
	if (at > s->size || !words_inside(s->size, &at, u.ngroups))
		return LB_ERR_DAMAGED;
	u.groups = s->base + at;
	end = u.text + u.name_len;
	if (memcmp(u.text, LB_ACCOUNT_PREFIX, strlen(LB_ACCOUNT_PREFIX)) != 0 ||
	    memcmp(end, "\0*", 3) != 0 || lb_snapshot_user_home(&u)[-1] != '\0' ||
	    lb_snapshot_user_shell(&u)[-1] != '\0' ||
	    lb_snapshot_user_shell(&u)[u.shell_len] != '\0')
		return LB_ERR_DAMAGED;
	*out = u;
	return LB_OK;
}

/* Reads the role record at off, checking everything it leads to but its members. */
static inline int
read_role(const struct lb_snapshot *s, uint32_t off, struct lb_snapshot_role *out)
{
	const unsigned char *r = s->base + off;
	struct lb_snapshot_role role;
	uint32_t at;

	if (!record_inside(s, off))
		return LB_ERR_DAMAGED;
	role.gid = load32(r);
	role.nmembers = load32(r + 4);
	role.name_len = load16(r + 8);
	role.text = (const char *)r + LB_SNAPSHOT_ROLE_TEXT;
	if (!lb_gid_is_role(role.gid) || role.nmembers > s->accounts ||
	    role.name_len > LB_SNAPSHOT_NAME_MAX)
		return LB_ERR_DAMAGED;
	at = off + LB_SNAPSHOT_ROLE_TEXT + (uint32_t)role.name_len + 3;
	if (at > s->size || !words_inside(s->size, &at, role.nmembers))
		return LB_ERR_DAMAGED;
	role.members = s->base + at;
	if (memcmp(role.text, LB_ROLE_GROUP_PREFIX, strlen(LB_ROLE_GROUP_PREFIX)) != 0 ||
	    memcmp(role.text + role.name_len, "\0*", 3) != 0)
		return LB_ERR_DAMAGED;
	*out = role;
	return LB_OK;
}

/* ---- the two indexes ---- */

/* A search under way: the bucket it is in, and which lanes of it are still to be tried. */
struct probe {
	const unsigned char *index;
	uint32_t buckets, bucket, left, key;
	unsigned matches;
};

/*
 * One bit per lane of the present bucket that has the key.  All eight are
 * compared without a branch: which lane it is cannot be predicted.
 */
static inline void
probe_bucket(struct probe *p)
{
	const unsigned char *keys = p->index + (size_t)p->bucket * LB_SNAPSHOT_ALIGN;

	p->matches = 0;
#pragma GCC unroll 8
	for (unsigned i = 0; i < LB_SNAPSHOT_LANES; i++)
		p->matches |= (unsigned)(load32(keys + (size_t)i * 4) == p->key) << i;
}

static inline struct probe
probe_start(const struct lb_snapshot *s, uint32_t at, uint32_t buckets, uint32_t hash, uint32_t key)
{
	struct probe p = {.index = s->base + at,
			  .buckets = buckets,
			  .bucket = lb_snapshot_home(hash, buckets),
			  .left = LB_SNAPSHOT_PROBES,
			  .key = key};

	probe_bucket(&p);
	return p;
}

/* The record of lane i of the present bucket, or 0. */
static inline uint32_t
probe_lane(const struct probe *p, unsigned i)
{
	return load32(p->index + (size_t)p->bucket * LB_SNAPSHOT_ALIGN + LB_SNAPSHOT_LANE_RECORDS +
		      (size_t)i * 4);
}

/* The record of the next lane with the key, or 0. */
static inline uint32_t
probe_next(struct probe *p)
{
	for (;;) {
		while (p->matches != 0) {
			uint32_t off = probe_lane(p, (unsigned)__builtin_ctz(p->matches));

			p->matches &= p->matches - 1;
			/* An empty lane has the key 0, which a hash may be too. */
			if (off != 0)
				return off;
		}
		/* Lanes fill from the first: an empty last one ends the search. */
		if (--p->left == 0 || probe_lane(p, LB_SNAPSHOT_LANES - 1) == 0)
			return 0;
		p->bucket = p->bucket + 1 == p->buckets ? 0 : p->bucket + 1;
		probe_bucket(p);
	}
}

int
lb_snapshot_user_by_name(const struct lb_snapshot *s, const char *name, size_t name_len,
			 struct lb_snapshot_user *out)
{
	struct lb_snapshot_user u;
	struct probe p;
	uint64_t hash;
	uint32_t off;
	int result = LB_ERR_NOT_FOUND;

	if (name_len == 0 || name_len > LB_SNAPSHOT_NAME_MAX)
		return LB_ERR_NOT_FOUND;
	hash = lb_snapshot_name_hash(name, name_len);
	p = probe_start(s, LB_SNAPSHOT_HEADER, s->name_buckets, (uint32_t)(hash >> 32),
			(uint32_t)hash);
	while ((off = probe_next(&p)) != 0) {
		int err = read_user(s, off, &u);

		if (err != LB_OK) {
			result = err;
		} else if (u.name_len == name_len && name_equal(u.text, name, name_len)) {
			*out = u;
			return LB_OK;
		}
	}
	return result;
}

int
lb_snapshot_role_by_name(const struct lb_snapshot *s, const char *name, size_t name_len,
			 struct lb_snapshot_role *out)
{
	struct lb_snapshot_role role;
	struct probe p;
	uint64_t hash;
	uint32_t off;
	int result = LB_ERR_NOT_FOUND;

	if (name_len == 0 || name_len > LB_SNAPSHOT_NAME_MAX)
		return LB_ERR_NOT_FOUND;
	hash = lb_snapshot_name_hash(name, name_len);
	p = probe_start(s, LB_SNAPSHOT_HEADER, s->name_buckets, (uint32_t)(hash >> 32),
			(uint32_t)hash);
	while ((off = probe_next(&p)) != 0) {
		int err = read_role(s, off, &role);

		if (err != LB_OK) {
			result = err;
		} else if (role.name_len == name_len && memcmp(role.text, name, name_len) == 0) {
			*out = role;
			return LB_OK;
		}
	}
	return result;
}

static uint32_t
find_id(const struct lb_snapshot *s, uint32_t id)
{
	struct probe p = probe_start(s, s->id_at, s->id_buckets, lb_snapshot_id_hash(id), id);

	return probe_next(&p);
}

int
lb_snapshot_user_by_uid(const struct lb_snapshot *s, uint32_t uid, struct lb_snapshot_user *out)
{
	struct lb_snapshot_user u;
	uint32_t off = lb_uid_is_account(uid) ? find_id(s, uid) : 0;
	int err;

	if (off == 0)
		return LB_ERR_NOT_FOUND;
	err = read_user(s, off, &u);
	if (err == LB_OK && u.uid != uid)
		err = LB_ERR_DAMAGED;
	if (err == LB_OK)
		*out = u;
	return err;
}

int
lb_snapshot_role_by_gid(const struct lb_snapshot *s, uint32_t gid, struct lb_snapshot_role *out)
{
	struct lb_snapshot_role role;
	uint32_t off = lb_gid_is_role(gid) ? find_id(s, gid) : 0;
	int err;

	if (off == 0)
		return LB_ERR_NOT_FOUND;
	err = read_role(s, off, &role);
	if (err == LB_OK && role.gid != gid)
		err = LB_ERR_DAMAGED;
	if (err == LB_OK)
		*out = role;
	return err;
}

/* ---- walking, members, groups ---- */

/*
 * The record of the first of count table entries at `at` whose id is above
 * `id`, or 0.  Every record starts with its id.  A damaged offset ends the
 * search where it stands: the record is checked by whoever reads it.
 */
static uint32_t
first_above(const struct lb_snapshot *s, uint32_t at, uint32_t count, uint32_t id)
{
	const unsigned char *table = s->base + at;
	uint32_t low = 0, high = count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		uint32_t off = load32(table + (size_t)mid * 4);

		if (!record_inside(s, off))
			return off;
		if (load32(s->base + off) > id)
			high = mid;
		else
			low = mid + 1;
	}
	return low < count ? load32(table + (size_t)low * 4) : 0;
}

int
lb_snapshot_user_after(const struct lb_snapshot *s, uint32_t uid, struct lb_snapshot_user *out)
{
	uint32_t off = first_above(s, s->account_at, s->accounts, uid);

	return off != 0 ? read_user(s, off, out) : LB_ERR_NOT_FOUND;
}

int
lb_snapshot_role_after(const struct lb_snapshot *s, uint32_t gid, struct lb_snapshot_role *out)
{
	uint32_t off = first_above(s, s->role_at, s->roles, gid);

	return off != 0 ? read_role(s, off, out) : LB_ERR_NOT_FOUND;
}

int
lb_snapshot_role_member(const struct lb_snapshot *s, const struct lb_snapshot_role *role,
			uint32_t i, struct lb_snapshot_user *out)
{
	if (i >= role->nmembers)
		return LB_ERR_NOT_FOUND;
	return read_user(s, load32(role->members + (size_t)i * 4), out);
}

uint32_t
lb_snapshot_user_group(const struct lb_snapshot_user *user, uint32_t i)
{
	uint32_t gid = i < user->ngroups ? load32(user->groups + (size_t)i * 4) : 0;

	if (gid == UINT32_MAX || (lb_id_reserved(gid) && !lb_gid_is_role(gid)))
		return 0;
	return gid;
}
