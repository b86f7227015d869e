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

/* ---- sums ---- */

#define K1 0x9e3779b97f4a7c15u
#define K2 0xc2b2ae3d27d4eb4fu
#define K3 0xd6e8feb86659fd93u

/* Both halves of the product of a and b, one added to the other without a carry. */
static inline uint64_t
fold(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
#else
	uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
	uint64_t low = a0 * b0, mid = a1 * b0 + (low >> 32), mid2 = a0 * b1 + (uint32_t)mid;

	return (mid2 << 32 | (uint32_t)low) ^ (a1 * b1 + (mid >> 32) + (mid2 >> 32));
#endif
}

/* No step waits for the one before it, so a line takes little longer than one multiplication. */
static inline __attribute__((always_inline)) uint64_t
sum_pairs(const unsigned char *p, unsigned pairs, uint64_t *key)
{
	uint64_t sum = 0;

#pragma GCC unroll 4
	for (unsigned i = 0; i < pairs; i++, *key += K2)
		sum += fold(load64(p + (size_t)i * 16) ^ *key,
			    load64(p + (size_t)i * 16 + 8) ^ *key ^ K3);
	return sum;
}

/* A last word without a partner. */
static inline uint64_t
sum_last(const unsigned char *p, uint64_t key)
{
	return fold(load64(p) ^ key, K3);
}

static inline uint64_t
sum_key(uint64_t seed, uint32_t offset)
{
	return seed + offset * K1;
}

uint64_t
lb_snapshot_sum(const void *data, size_t words, uint64_t seed, uint32_t offset)
{
	uint64_t key = sum_key(seed, offset), sum = 0;
	const unsigned char *p = data;

	for (; words >= 2; words -= 2, p += 16)
		sum += sum_pairs(p, 1, &key);
	return words != 0 ? sum + sum_last(p, key) : sum;
}

/* True when the line at off is as it was written. */
static inline __attribute__((always_inline)) bool
line_holds(const struct lb_snapshot *s, uint32_t off)
{
	const unsigned char *p = s->base + off;
	uint64_t key = sum_key(s->seed, off), sum = sum_pairs(p, 3, &key);

	return sum + sum_last(p + 48, key) == load64(p + LB_SNAPSHOT_LINE_SUM);
}

/*
 * The same for a record of size bytes, a multiple of 64: 7 words in the first
 * line, 8 in each other, so the last pairs and the single word are as in a line.
 */
static inline __attribute__((always_inline)) bool
record_holds(const struct lb_snapshot *s, uint32_t off, uint32_t size)
{
	const unsigned char *r = s->base + off, *p = r + 8;
	uint64_t key = sum_key(s->seed, off), sum = 0;

	for (; size > LB_SNAPSHOT_ALIGN; size -= LB_SNAPSHOT_ALIGN, p += LB_SNAPSHOT_ALIGN)
		sum += sum_pairs(p, 4, &key);
	sum += sum_pairs(p, 3, &key);
	return sum + sum_last(p + 48, key) == load64(r);
}

/* ---- the hash of a name ---- */

static inline uint64_t
name_mix(uint64_t h, uint64_t word)
{
	h = (h ^ word) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 32;
}

uint64_t
lb_snapshot_name_hash(const char *name, size_t name_len, uint32_t salt)
{
	const unsigned char *p = (const unsigned char *)name;
	uint64_t h = (uint64_t)salt << 32 ^ name_len, word = 0;
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

/* ---- the header ---- */

/* Reads the counts and works out where each section starts; true when all lie inside. */
static bool
lay_out(struct lb_snapshot *s)
{
	const unsigned char *b = s->base;
	uint64_t at = LB_SNAPSHOT_HEADER;

	s->accounts = load32(b + LB_SNAPSHOT_AT_ACCOUNTS);
	s->roles = load32(b + LB_SNAPSHOT_AT_ROLES);
	s->name_buckets = load32(b + LB_SNAPSHOT_AT_NAME_BUCKETS);
	s->slots = load32(b + LB_SNAPSHOT_AT_SLOTS);
	s->slot_size = load32(b + LB_SNAPSHOT_AT_SLOT_SIZE);
	s->salt = load32(b + LB_SNAPSHOT_AT_SALT);
	s->role_buckets = load32(b + LB_SNAPSHOT_AT_ROLE_BUCKETS);
	s->id_buckets = load32(b + LB_SNAPSHOT_AT_ID_BUCKETS);
	s->own_slots = load32(b + LB_SNAPSHOT_AT_OWN_SLOTS);
	s->own_at = load32(b + LB_SNAPSHOT_AT_OWN);
	if (s->accounts > LB_SNAPSHOT_ACCOUNTS_MAX || s->roles > LB_SNAPSHOT_ROLES_MAX ||
	    s->name_buckets == 0 || s->slots == 0 || s->slot_size == 0 ||
	    s->slot_size > LB_SNAPSHOT_SLOT_MAX || s->slot_size % LB_SNAPSHOT_ALIGN != 0 ||
	    s->role_buckets == 0 || s->id_buckets == 0)
		return false;
	/* 64-bit sums of 32-bit counts: they cannot wrap, and the last test bounds them all. */
	at += (uint64_t)lb_snapshot_lines(s->name_buckets, LB_SNAPSHOT_PILOTS) * LB_SNAPSHOT_ALIGN;
	s->role_name_at = (uint32_t)at;
	at += (uint64_t)s->role_buckets * LB_SNAPSHOT_ALIGN;
	s->id_at = (uint32_t)at;
	at += (uint64_t)s->id_buckets * LB_SNAPSHOT_ALIGN;
	s->account_at = (uint32_t)at;
	at += (uint64_t)lb_snapshot_lines(s->accounts, LB_SNAPSHOT_ENTRIES) * LB_SNAPSHOT_ALIGN;
	s->role_at = (uint32_t)at;
	at += (uint64_t)lb_snapshot_lines(s->roles, LB_SNAPSHOT_ENTRIES) * LB_SNAPSHOT_ALIGN;
	s->slot_at = (uint32_t)at;
	at += (uint64_t)s->slots * s->slot_size;
	s->record_at = (uint32_t)at;
	if (at > s->own_at || s->own_at % LB_SNAPSHOT_ALIGN != 0)
		return false;
	at = s->own_at + (uint64_t)s->own_slots * LB_SNAPSHOT_ALIGN;
	return at <= s->size && (s->own_slots != 0 || at == s->size);
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
	    load64(b + LB_SNAPSHOT_AT_SUM) !=
		    lb_snapshot_sum(b + LB_SNAPSHOT_AT_SEED,
				    (LB_SNAPSHOT_HEADER - LB_SNAPSHOT_AT_SEED) / 8, 0, 0))
		return LB_ERR_DAMAGED;
	for (size_t i = LB_SNAPSHOT_AT_RESERVED; i < LB_SNAPSHOT_HEADER; i++)
		if (b[i] != 0)
			return LB_ERR_DAMAGED;
	found.size = (uint32_t)size;
	found.seed = load64(b + LB_SNAPSHOT_AT_SEED);
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
	return off >= s->slot_at && off < s->size && off % LB_SNAPSHOT_ALIGN == 0;
}

/* True when count 32-bit words at *at (rounded up to 4) end by limit. */
static inline bool
words_inside(uint32_t limit, uint32_t *at, uint32_t count)
{
	*at = (*at + 3) & ~3u;
	return *at <= limit && count <= (limit - *at) / 4;
}

/* The size of a record at off that ends at `end`, or 0 when it does not lie inside the file. */
static inline uint32_t
record_size(const struct lb_snapshot *s, uint32_t off, uint32_t end)
{
	/* The file's size is a multiple of 64, so rounding up does not lead outside it. */
	return end <= s->size ? ((end + LB_SNAPSHOT_ALIGN - 1) & ~(LB_SNAPSHOT_ALIGN - 1)) - off
			      : 0;
}

/*
 * Reads the account record at off, checking everything it leads to; *size is how
 * long it is.  Inlined into each lookup: a record that went through memory twice
 * would cost more than finding it.
 */
static inline __attribute__((always_inline)) int
read_user_sized(const struct lb_snapshot *s, uint32_t off, struct lb_snapshot_user *out,
		uint32_t *size)
{
	const unsigned char *r = s->base + off;
	struct lb_snapshot_user u;
	const char *end;
	uint32_t at;

	if (!record_inside(s, off))
		return LB_ERR_DAMAGED;
	__builtin_prefetch(r + LB_SNAPSHOT_ALIGN); /* most records have a second line */
	u.uid = load32(r + 8);
	u.ngroups = load32(r + 12);
	u.end_wall_ns = (int64_t)load64(r + 16);
	u.end_boot_ns = (int64_t)load64(r + 24);
	u.name_len = load16(r + 32);
	u.gecos_len = load16(r + 34);
	u.home_len = load16(r + 36);
	u.shell_len = load16(r + 38);
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
	*size = record_size(s, off, at + u.ngroups * 4);
	if (*size == 0 || !record_holds(s, off, *size))
		return LB_ERR_DAMAGED;
	end = u.text + u.name_len;
	if (memcmp(u.text, LB_ACCOUNT_PREFIX, strlen(LB_ACCOUNT_PREFIX)) != 0 ||
	    memcmp(end, "\0*", 3) != 0 || lb_snapshot_user_home(&u)[-1] != '\0' ||
	    lb_snapshot_user_shell(&u)[-1] != '\0' ||
	    lb_snapshot_user_shell(&u)[u.shell_len] != '\0')
		return LB_ERR_DAMAGED;
	*out = u;
	return LB_OK;
}

static inline __attribute__((always_inline)) int
read_user(const struct lb_snapshot *s, uint32_t off, struct lb_snapshot_user *out)
{
	uint32_t size;

	return read_user_sized(s, off, out, &size);
}

/* Reads the role record at off, checking everything it leads to but its members. */
static int
read_role_sized(const struct lb_snapshot *s, uint32_t off, struct lb_snapshot_role *out,
		uint32_t *size)
{
	const unsigned char *r = s->base + off;
	struct lb_snapshot_role role;
	uint32_t at;

	if (!record_inside(s, off))
		return LB_ERR_DAMAGED;
	role.gid = load32(r + 8);
	role.nmembers = load32(r + 12);
	role.name_len = load16(r + 16);
	role.text = (const char *)r + LB_SNAPSHOT_ROLE_TEXT;
	if (!lb_gid_is_role(role.gid) || role.nmembers > s->accounts ||
	    role.name_len > LB_SNAPSHOT_NAME_MAX)
		return LB_ERR_DAMAGED;
	at = off + LB_SNAPSHOT_ROLE_TEXT + (uint32_t)role.name_len + 3;
	if (at > s->size || !words_inside(s->size, &at, role.nmembers))
		return LB_ERR_DAMAGED;
	role.members = s->base + at;
	*size = record_size(s, off, at + role.nmembers * 4);
	if (*size == 0 || !record_holds(s, off, *size))
		return LB_ERR_DAMAGED;
	if (memcmp(role.text, LB_ROLE_GROUP_PREFIX, strlen(LB_ROLE_GROUP_PREFIX)) != 0 ||
	    memcmp(role.text + role.name_len, "\0*", 3) != 0)
		return LB_ERR_DAMAGED;
	*out = role;
	return LB_OK;
}

static int
read_role(const struct lb_snapshot *s, uint32_t off, struct lb_snapshot_role *out)
{
	uint32_t size;

	return read_role_sized(s, off, out, &size);
}

/* ---- the indexes of role names and of ids ---- */

/* A search under way: the bucket it is in, and which lanes of it are still to be tried. */
struct probe {
	const struct lb_snapshot *s;
	uint32_t at, buckets, bucket, left;
	uint64_t tags; /* the tag, four times */
	uint64_t matches;
	bool damaged; /* a bucket's sum was wrong: the search ends there */
};

#define LOW_BITS 0x0001000100010001u
#define HIGH_BITS 0x8000800080008000u

static inline uint32_t
probe_line(const struct probe *p)
{
	return p->at + p->bucket * LB_SNAPSHOT_ALIGN;
}

/*
 * The highest bit of each group of 16 bits that is zero; of one above such a
 * group perhaps as well, which is no harm: a record tells itself whose it is.
 */
static inline uint64_t
zero_groups(uint64_t x)
{
	return (x - LOW_BITS) & ~x & HIGH_BITS;
}

/*
 * One bit for each lane of the present bucket that has the tag.  All are compared
 * without a branch: which lane it is cannot be predicted.  Lane i's bit is at
 * 4 * i, as three words of four lanes are laid over each other.
 */
static inline __attribute__((always_inline)) void
probe_bucket(struct probe *p)
{
	const unsigned char *tags = p->s->base + probe_line(p);

	/* Beyond lane 10 come bytes of records. */
	p->matches = zero_groups(load64(tags) ^ p->tags) >> 15 |
		     zero_groups(load64(tags + 8) ^ p->tags) >> 14 |
		     (zero_groups(load64(tags + 16) ^ p->tags) >> 13 & 0x0000000400040004u);
	p->damaged = !line_holds(p->s, probe_line(p));
}

static inline __attribute__((always_inline)) struct probe
probe_start(const struct lb_snapshot *s, uint32_t at, uint32_t buckets, uint32_t home_hash,
	    uint32_t tag_hash)
{
	struct probe p = {.s = s,
			  .at = at,
			  .buckets = buckets,
			  .bucket = lb_snapshot_home(home_hash, buckets),
			  .left = LB_SNAPSHOT_PROBES,
			  .tags = lb_snapshot_tag(tag_hash) * LOW_BITS};

	probe_bucket(&p);
	return p;
}

/* The record of lane i of the present bucket, or 0. */
static inline uint32_t
probe_lane(const struct probe *p, unsigned i)
{
	const unsigned char *line = p->s->base + probe_line(p);

	/* Three bytes; the fourth is the next lane's, or the spare one. */
	return (load32(line + LB_SNAPSHOT_LANE_RECORDS + (size_t)i * 3) & 0xffffff) *
	       LB_SNAPSHOT_ALIGN;
}

/* The record of the next lane with the tag, or 0: there is none, or the index is damaged. */
static inline __attribute__((always_inline)) uint32_t
probe_next(struct probe *p)
{
	for (;;) {
		if (p->damaged)
			return 0;
		while (p->matches != 0) {
			unsigned bit = (unsigned)__builtin_ctzll(p->matches);
			uint32_t off = probe_lane(p, bit % 16 * 4 + bit / 16);

			p->matches &= p->matches - 1;
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

/*
 * Two names or ids may have one tag.  LB_ERR_NOT_FOUND when the record at off is
 * whole, so that it can be passed over: it is somebody else's.
 */
static __attribute__((noinline)) int
passed_over(const struct lb_snapshot *s, uint32_t off)
{
	struct lb_snapshot_user user;
	struct lb_snapshot_role role;

	return read_user(s, off, &user) == LB_OK || read_role(s, off, &role) == LB_OK
		       ? LB_ERR_NOT_FOUND
		       : LB_ERR_DAMAGED;
}

/* ---- accounts by name ---- */

static inline bool
user_named(const struct lb_snapshot_user *u, const char *name, size_t name_len)
{
	return u->name_len == name_len && name_equal(u->text, name, name_len);
}

/*
 * The account that the slot at off says to stand elsewhere.  LB_ERR_NOT_FOUND
 * when nobody's does: the slot is empty.
 */
static int
read_elsewhere(const struct lb_snapshot *s, uint32_t off, struct lb_snapshot_user *out)
{
	uint32_t there = load32(s->base + off + LB_SNAPSHOT_SLOT_ELSEWHERE);

	if (load32(s->base + off + 8) != 0 || !record_holds(s, off, LB_SNAPSHOT_ALIGN))
		return LB_ERR_DAMAGED;
	if (there == 0)
		return LB_ERR_NOT_FOUND;
	return there < s->record_at ? LB_ERR_DAMAGED : read_user(s, there, out);
}

/* When the slot at off, where the pilot in the line at `pilots` leads to, has not the name. */
static __attribute__((noinline)) int
not_in_slot(const struct lb_snapshot *s, uint32_t pilots, uint32_t off, const char *name,
	    size_t name_len, struct lb_snapshot_user *out)
{
	struct lb_snapshot_user u;
	int err;

	/* A record tells itself whose it is; that a name has none is the pilot's word. */
	if (!line_holds(s, pilots))
		return LB_ERR_DAMAGED;
	if (read_user(s, off, &u) == LB_OK)
		return LB_ERR_NOT_FOUND;
	err = read_elsewhere(s, off, &u);
	if (err != LB_OK)
		return err;
	if (!user_named(&u, name, name_len))
		return LB_ERR_NOT_FOUND;
	*out = u;
	return LB_OK;
}

int
lb_snapshot_user_by_name(const struct lb_snapshot *s, const char *name, size_t name_len,
			 struct lb_snapshot_user *out)
{
	struct lb_snapshot_user u;
	uint32_t bucket, pilots, off;
	uint64_t hash;

	if (name_len == 0 || name_len > LB_SNAPSHOT_NAME_MAX)
		return LB_ERR_NOT_FOUND;
	hash = lb_snapshot_name_hash(name, name_len, s->salt);
	bucket = lb_snapshot_home((uint32_t)(hash >> 32), s->name_buckets);
	pilots = LB_SNAPSHOT_HEADER + bucket / LB_SNAPSHOT_PILOTS * LB_SNAPSHOT_ALIGN;
	off = s->slot_at +
	      lb_snapshot_slot(hash,
			       load16(s->base + pilots + (size_t)(bucket % LB_SNAPSHOT_PILOTS) * 2),
			       s->slots) *
		      s->slot_size;
	if (read_user(s, off, &u) != LB_OK || !user_named(&u, name, name_len))
		return not_in_slot(s, pilots, off, name, name_len, out);
	*out = u;
	return LB_OK;
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
	hash = lb_snapshot_name_hash(name, name_len, s->salt);
	p = probe_start(s, s->role_name_at, s->role_buckets, (uint32_t)(hash >> 32),
			(uint32_t)hash);
	while ((off = probe_next(&p)) != 0) {
		if (read_role(s, off, &role) != LB_OK) {
			if (passed_over(s, off) != LB_ERR_NOT_FOUND)
				result = LB_ERR_DAMAGED;
		} else if (role.name_len == name_len && memcmp(role.text, name, name_len) == 0) {
			*out = role;
			return LB_OK;
		}
	}
	return p.damaged ? LB_ERR_DAMAGED : result;
}

/* The upper half of an id's hash chooses its bucket, the lower one is its tag. */
static inline __attribute__((always_inline)) struct probe
probe_id(const struct lb_snapshot *s, uint32_t id)
{
	uint32_t hash = lb_snapshot_id_hash(id);

	return probe_start(s, s->id_at, s->id_buckets, hash, hash);
}

int
lb_snapshot_user_by_uid(const struct lb_snapshot *s, uint32_t uid, struct lb_snapshot_user *out)
{
	struct lb_snapshot_user u;
	struct probe p;
	uint32_t off;
	int result = LB_ERR_NOT_FOUND;

	if (!lb_uid_is_account(uid))
		return LB_ERR_NOT_FOUND;
	p = probe_id(s, uid);
	while ((off = probe_next(&p)) != 0) {
		if (read_user(s, off, &u) == LB_OK && u.uid == uid) {
			*out = u;
			return LB_OK;
		}
		if (passed_over(s, off) != LB_ERR_NOT_FOUND)
			result = LB_ERR_DAMAGED;
	}
	return p.damaged ? LB_ERR_DAMAGED : result;
}

int
lb_snapshot_role_by_gid(const struct lb_snapshot *s, uint32_t gid, struct lb_snapshot_role *out)
{
	struct lb_snapshot_role role;
	struct probe p;
	uint32_t off;
	int result = LB_ERR_NOT_FOUND;

	if (!lb_gid_is_role(gid))
		return LB_ERR_NOT_FOUND;
	p = probe_id(s, gid);
	while ((off = probe_next(&p)) != 0) {
		if (read_role(s, off, &role) == LB_OK && role.gid == gid) {
			*out = role;
			return LB_OK;
		}
		if (passed_over(s, off) != LB_ERR_NOT_FOUND)
			result = LB_ERR_DAMAGED;
	}
	return p.damaged ? LB_ERR_DAMAGED : result;
}

/* ---- own accounts ---- */

/* What the list at this offset takes; 0: it is not whole inside the file. */
static uint32_t
own_list_size(const struct lb_snapshot *s, uint32_t list, uint32_t groups, uint32_t sessions)
{
	return record_size(s, list, list + 8 + (groups + sessions) * 4);
}

/* Reads the slot at off.  LB_ERR_NOT_FOUND: it is empty. */
static int
read_own(const struct lb_snapshot *s, uint32_t off, struct lb_snapshot_user *out,
	 struct lb_snapshot_sessions *sessions)
{
	const unsigned char *r = s->base + off;
	struct lb_snapshot_user u = {0};
	struct lb_snapshot_sessions numbers;
	uint32_t list = load32(r + 8), end;

	if (!record_holds(s, off, LB_SNAPSHOT_ALIGN))
		return LB_ERR_DAMAGED;
	if (list == 0)
		return LB_ERR_NOT_FOUND;
	u.ngroups = load16(r + 12);
	numbers.count = load16(r + 14);
	u.end_wall_ns = (int64_t)load64(r + 16);
	u.end_boot_ns = (int64_t)load64(r + 24);
	if (list % LB_SNAPSHOT_ALIGN != 0 || list < s->own_at + s->own_slots * LB_SNAPSHOT_ALIGN ||
	    list >= s->size || u.ngroups > LB_SNAPSHOT_GROUPS_MAX ||
	    numbers.count > LB_SNAPSHOT_SESSIONS_MAX || u.end_wall_ns <= 0 || u.end_boot_ns <= 0)
		return LB_ERR_DAMAGED;
	end = own_list_size(s, list, u.ngroups, numbers.count);
	if (end == 0 || !record_holds(s, list, end))
		return LB_ERR_DAMAGED;
	u.groups = s->base + list + 8;
	numbers.numbers = u.groups + (size_t)u.ngroups * 4;
	*out = u;
	*sessions = numbers;
	return LB_OK;
}

/* True when the slot at off has this name, with zero behind it. */
static bool
own_named(const struct lb_snapshot *s, uint32_t off, const char *name, size_t name_len)
{
	const unsigned char *at = s->base + off + LB_SNAPSHOT_OWN_NAME;

	for (size_t i = name_len; i < LB_SNAPSHOT_NAME_MAX; i++)
		if (at[i] != 0)
			return false;
	return memcmp(at, name, name_len) == 0;
}

static bool
own_name_possible(const char *name, size_t name_len)
{
	if (name_len == 0 || name_len > LB_SNAPSHOT_NAME_MAX)
		return false;
	if (name_len == 4 && memcmp(name, "root", 4) == 0)
		return false;
	return (name_len < 3 || memcmp(name, LB_ACCOUNT_PREFIX, 3) != 0) &&
	       (name_len < 4 || memcmp(name, LB_ROLE_GROUP_PREFIX, 4) != 0);
}

bool
lb_snapshot_session_among(const struct lb_snapshot_sessions *sessions, uint32_t session)
{
	for (uint32_t i = 0; i < sessions->count; i++)
		if (load32(sessions->numbers + (size_t)i * 4) == session)
			return true;
	return false;
}

int
lb_snapshot_own_by_name(const struct lb_snapshot *s, const char *name, size_t name_len,
			struct lb_snapshot_user *out, struct lb_snapshot_sessions *sessions)
{
	uint32_t slot, off;
	int err;

	if (s->own_slots == 0 || !own_name_possible(name, name_len))
		return LB_ERR_NOT_FOUND;
	slot = lb_snapshot_home((uint32_t)(lb_snapshot_name_hash(name, name_len, s->salt) >> 32),
				s->own_slots);
	for (unsigned i = 0; i < LB_SNAPSHOT_PROBES; i++) {
		struct lb_snapshot_sessions numbers;
		struct lb_snapshot_user u;

		off = s->own_at + slot * LB_SNAPSHOT_ALIGN;
		err = read_own(s, off, &u, &numbers);
		if (err == LB_OK && own_named(s, off, name, name_len)) {
			*out = u;
			*sessions = numbers;
		} else if (err == LB_OK) {
			err = LB_ERR_FULL; /* somebody else's: the next one */
		}
		if (err != LB_ERR_FULL)
			return err;
		slot = slot + 1 == s->own_slots ? 0 : slot + 1;
	}
	return LB_ERR_NOT_FOUND;
}

/* ---- walking, members, groups ---- */

/* Entry i of the table at `at`: its id and the offset of its record. */
static uint32_t
table_id(const struct lb_snapshot *s, uint32_t at, uint32_t i)
{
	return load32(s->base + at + (size_t)(i / LB_SNAPSHOT_ENTRIES) * LB_SNAPSHOT_ALIGN +
		      (size_t)(i % LB_SNAPSHOT_ENTRIES) * 4);
}

static uint32_t
table_record(const struct lb_snapshot *s, uint32_t at, uint32_t i)
{
	return load32(s->base + at + (size_t)(i / LB_SNAPSHOT_ENTRIES) * LB_SNAPSHOT_ALIGN +
		      LB_SNAPSHOT_ENTRY_RECORDS + (size_t)(i % LB_SNAPSHOT_ENTRIES) * 4);
}

/*
 * The first of count entries of the table at `at` whose id is above `id`: *id
 * becomes its id and *off the offset of its record.
 */
static int
first_above(const struct lb_snapshot *s, uint32_t at, uint32_t count, uint32_t *id, uint32_t *off)
{
	uint32_t low = 0, high = count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (!line_holds(s, at + mid / LB_SNAPSHOT_ENTRIES * LB_SNAPSHOT_ALIGN))
			return LB_ERR_DAMAGED;
		if (table_id(s, at, mid) > *id)
			high = mid;
		else
			low = mid + 1;
	}
	if (low == count)
		return LB_ERR_NOT_FOUND;
	/* This entry was looked at above, so its line holds. */
	*id = table_id(s, at, low);
	*off = table_record(s, at, low);
	return LB_OK;
}

int
lb_snapshot_user_after(const struct lb_snapshot *s, uint32_t uid, struct lb_snapshot_user *out)
{
	struct lb_snapshot_user u;
	uint32_t off;
	int err = first_above(s, s->account_at, s->accounts, &uid, &off);

	if (err == LB_OK)
		err = read_user(s, off, &u);
	/* A walk must get on: no record may be another's. */
	if (err == LB_OK && u.uid != uid)
		err = LB_ERR_DAMAGED;
	if (err == LB_OK)
		*out = u;
	return err;
}

int
lb_snapshot_role_after(const struct lb_snapshot *s, uint32_t gid, struct lb_snapshot_role *out)
{
	struct lb_snapshot_role role;
	uint32_t off;
	int err = first_above(s, s->role_at, s->roles, &gid, &off);

	if (err == LB_OK)
		err = read_role(s, off, &role);
	if (err == LB_OK && role.gid != gid)
		err = LB_ERR_DAMAGED;
	if (err == LB_OK)
		*out = role;
	return err;
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

/* ---- the whole file, for the writer ---- */

/* True when the indexes hold n items, not more. */
static bool
index_holds(const struct lb_snapshot *s, uint32_t at, uint32_t buckets, uint32_t n)
{
	struct probe p = {.s = s, .at = at};
	uint32_t found = 0;

	for (p.bucket = 0; p.bucket < buckets; p.bucket++)
		for (unsigned i = 0; i < LB_SNAPSHOT_LANES; i++)
			found += probe_lane(&p, i) != 0;
	return found == n;
}

/*
 * True when the slot at off is whole and zero behind what it holds; *used is
 * whether that is an account, or where one stands.
 */
static bool
slot_holds(const struct lb_snapshot *s, uint32_t off, bool *used)
{
	struct lb_snapshot_user u;
	uint32_t size;
	int err = read_user_sized(s, off, &u, &size);

	if (err != LB_OK) {
		size = LB_SNAPSHOT_ALIGN;
		err = read_elsewhere(s, off, &u);
	}
	*used = err == LB_OK;
	if ((err != LB_OK && err != LB_ERR_NOT_FOUND) || size > s->slot_size)
		return false;
	for (; size < s->slot_size; size += 8)
		if (load64(s->base + off + size) != 0)
			return false;
	return true;
}

/* True when all slots hold, as many of them used as there are accounts. */
static bool
slots_hold(const struct lb_snapshot *s)
{
	uint32_t used = 0;
	bool one;

	for (uint32_t off = s->slot_at; off < s->record_at; off += s->slot_size) {
		if (!slot_holds(s, off, &one))
			return false;
		used += one;
	}
	return used == s->accounts;
}

/*
 * True when the account number i of the table is whole, stands in a slot or, too
 * long for one, at *at, and is found in each way.
 */
static bool
account_holds(const struct lb_snapshot *s, uint32_t i, uint32_t *at)
{
	uint32_t off = table_record(s, s->account_at, i), size;
	struct lb_snapshot_user u, again;

	if (read_user_sized(s, off, &u, &size) != LB_OK || u.uid != table_id(s, s->account_at, i) ||
	    (i > 0 && u.uid <= table_id(s, s->account_at, i - 1)))
		return false;
	if (size > s->slot_size) {
		if (off != *at)
			return false;
		*at += size;
	} else if (off >= s->record_at) {
		return false;
	}
	return lb_snapshot_user_by_name(s, u.text, u.name_len, &again) == LB_OK &&
	       again.text == u.text && lb_snapshot_user_by_uid(s, u.uid, &again) == LB_OK &&
	       again.text == u.text;
}

static bool
role_holds(const struct lb_snapshot *s, uint32_t i, uint32_t *at)
{
	uint32_t off = table_record(s, s->role_at, i), size, last = 0;
	struct lb_snapshot_role role, again;
	struct lb_snapshot_user u;

	if (off != *at || read_role_sized(s, off, &role, &size) != LB_OK ||
	    role.gid != table_id(s, s->role_at, i) ||
	    (i > 0 && role.gid <= table_id(s, s->role_at, i - 1)))
		return false;
	*at += size;
	for (uint32_t m = 0; m < role.nmembers; m++) {
		if (lb_snapshot_role_member(s, &role, m, &u) != LB_OK || u.uid <= last)
			return false;
		last = u.uid;
	}
	return lb_snapshot_role_by_name(s, role.text, role.name_len, &again) == LB_OK &&
	       again.text == role.text && lb_snapshot_role_by_gid(s, role.gid, &again) == LB_OK &&
	       again.text == role.text;
}

/* True when each slot of the own accounts is whole and found by its name, and their lists fill the rest. */
static bool
own_holds(const struct lb_snapshot *s, uint32_t at)
{
	uint32_t list = s->own_at + s->own_slots * LB_SNAPSHOT_ALIGN;

	if (at != s->own_at)
		return false;
	for (uint32_t i = 0; i < s->own_slots; i++) {
		uint32_t off = s->own_at + i * LB_SNAPSHOT_ALIGN;
		const char *name = (const char *)s->base + off + LB_SNAPSHOT_OWN_NAME;
		struct lb_snapshot_sessions in, there;
		struct lb_snapshot_user u, again;
		int err = read_own(s, off, &u, &in);

		if (err == LB_ERR_NOT_FOUND)
			continue;
		if (err != LB_OK || u.groups != s->base + list + 8 ||
		    lb_snapshot_own_by_name(s, name, strnlen(name, LB_SNAPSHOT_NAME_MAX), &again,
					    &there) != LB_OK ||
		    again.groups != u.groups)
			return false;
		list += own_list_size(s, list, u.ngroups, in.count);
	}
	return list == s->size;
}

int
lb_snapshot_verify(const struct lb_snapshot *s)
{
	uint32_t at = s->record_at;

	for (uint32_t off = LB_SNAPSHOT_HEADER; off < s->slot_at; off += LB_SNAPSHOT_ALIGN)
		if (!line_holds(s, off))
			return LB_ERR_DAMAGED;
	if (!index_holds(s, s->role_name_at, s->role_buckets, s->roles) ||
	    !index_holds(s, s->id_at, s->id_buckets, s->accounts + s->roles) || !slots_hold(s))
		return LB_ERR_DAMAGED;
	for (uint32_t i = 0; i < s->accounts; i++)
		if (!account_holds(s, i, &at))
			return LB_ERR_DAMAGED;
	for (uint32_t i = 0; i < s->roles; i++)
		if (!role_holds(s, i, &at))
			return LB_ERR_DAMAGED;
	return own_holds(s, at) ? LB_OK : LB_ERR_DAMAGED;
}
