/*
 * Builds a snapshot: see snapshot_write.h and common/SNAPSHOT-FORMAT.
 *
 * It must never write an entry that it has not checked itself.  The finished
 * bytes go through the reader, whole, before they are put in place
 * (lb_snapshot_publish()).
 */
#include "warden/snapshot_write.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "name.h"
#include "snapshot.h"
#include "text.h"

/* Items per bucket that the indexes aim at: seven of eleven lanes. */
#define FILL 7u
/* Names per pilot, and how many of ten slots are used. */
#define NAMES_PER_PILOT 4u
#define SLOTS_FULL 9u
#define PILOT_END 65536u
/* The most names that may share one pilot; four is the mean. */
#define NAMES_MAX 32u
/* How often all is made greater and salted anew before giving up; once is already rare. */
#define GROW_MAX 4

struct build {
	const struct lb_snapshot_account **accounts; /* by rising uid */
	const struct lb_snapshot_group **roles;	     /* by rising gid */
	uint32_t *account_off, *role_off;	     /* their records */
	uint32_t *slot;				     /* of each account */
	uint64_t *hash;				     /* of each account's name */
	uint16_t *pilot;			     /* of each name bucket */
	bool *used;				     /* of each slot */
	uint32_t *members;			     /* of each role: how many */
	uint32_t *filled;			     /* of each role: how many are written */
	const struct lb_snapshot_own *own;
	uint32_t *own_slot; /* of each slot: the number of its own account, from 1 */
	uint32_t own_count, own_slots;
	size_t own_at;
	uint32_t naccounts, nroles;
	uint32_t name_buckets, slots, slot_size, salt;
	uint32_t role_buckets, id_buckets;
	size_t role_name_at, id_at, account_at, role_at, slot_at, record_at, size;
	unsigned char *buf;
	const char *why;
};

static int
refuse(struct build *b, int err, const char *why)
{
	b->why = why;
	return err;
}

/* ---- checking what was given ---- */

static bool
gecos_valid(const char *gecos)
{
	return strchr(gecos, ':') == NULL && lb_text_plain(gecos);
}

static bool
role_group_valid(const char *name)
{
	size_t prefix = strlen(LB_ROLE_GROUP_PREFIX);

	return strncmp(name, LB_ROLE_GROUP_PREFIX, prefix) == 0 && lb_role_valid(name + prefix);
}

/* The place of a role gid in b->roles, or b->nroles. */
static uint32_t
role_index(const struct build *b, uint32_t gid)
{
	uint32_t low = 0, high = b->nroles;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (b->roles[mid]->gid < gid)
			low = mid + 1;
		else
			high = mid;
	}
	return low < b->nroles && b->roles[low]->gid == gid ? low : b->nroles;
}

static int
check_groups(struct build *b, const uint32_t *groups, size_t n)
{
	if (n > LB_SNAPSHOT_GROUPS_MAX)
		return refuse(b, LB_ERR_TOO_LONG, "too many groups for one account");
	for (size_t i = 0; i < n; i++) {
		uint32_t gid = groups[i];

		if (gid == 0 || gid == UINT32_MAX)
			return refuse(b, LB_ERR_MALFORMED, "group 0 or -1");
		if (lb_id_reserved(gid) && !lb_gid_is_role(gid))
			return refuse(b, LB_ERR_MALFORMED, "another account's group");
		if (lb_gid_is_role(gid) && role_index(b, gid) == b->nroles)
			return refuse(b, LB_ERR_MALFORMED, "a role group that is not listed");
		for (size_t k = 0; k < i; k++)
			if (groups[k] == gid)
				return refuse(b, LB_ERR_EXISTS, "one group twice");
	}
	return LB_OK;
}

static int
check_account(struct build *b, const struct lb_snapshot_account *a)
{
	if (a->name == NULL || !lb_account_valid(a->name))
		return refuse(b, LB_ERR_MALFORMED, "account name");
	if (!lb_uid_is_account(a->uid))
		return refuse(b, LB_ERR_MALFORMED, "uid outside the account range");
	if (a->gid != a->uid)
		return refuse(b, LB_ERR_MALFORMED, "primary gid is not the uid");
	if (a->gecos == NULL || !gecos_valid(a->gecos))
		return refuse(b, LB_ERR_MALFORMED, "comment field");
	if (strlen(a->gecos) > LB_SNAPSHOT_FIELD_MAX)
		return refuse(b, LB_ERR_TOO_LONG, "comment field");
	if (a->home == NULL || !lb_path_valid(a->home, LB_SNAPSHOT_FIELD_MAX))
		return refuse(b, LB_ERR_MALFORMED, "home directory");
	if (a->shell == NULL || !lb_path_valid(a->shell, LB_SNAPSHOT_FIELD_MAX))
		return refuse(b, LB_ERR_MALFORMED, "shell");
	if (a->end_wall_ns <= 0 || a->end_boot_ns <= 0)
		return refuse(b, LB_ERR_MALFORMED, "an end that is not positive");
	return check_groups(b, a->groups, a->ngroups);
}

static int
check_own(struct build *b, uint32_t i)
{
	const struct lb_snapshot_own *o = &b->own[i];

	if (o->name == NULL || !lb_own_name_valid(o->name))
		return refuse(b, LB_ERR_MALFORMED, "name of an own account");
	if (o->end_wall_ns <= 0 || o->end_boot_ns <= 0)
		return refuse(b, LB_ERR_MALFORMED, "an end that is not positive");
	for (uint32_t k = 0; k < i; k++)
		if (strcmp(b->own[k].name, o->name) == 0)
			return refuse(b, LB_ERR_EXISTS, "one own account twice");
	if (o->nsessions > LB_SNAPSHOT_SESSIONS_MAX)
		return refuse(b, LB_ERR_TOO_LONG, "too many sessions of an own account");
	for (size_t k = 0; k < o->nsessions; k++)
		if (o->sessions[k] == 0 || o->sessions[k] == UINT32_MAX)
			return refuse(b, LB_ERR_MALFORMED, "a session that is none");
	return check_groups(b, o->groups, o->ngroups);
}

static int
check_role(struct build *b, const struct lb_snapshot_group *g)
{
	if (g->name == NULL || !role_group_valid(g->name))
		return refuse(b, LB_ERR_MALFORMED, "role group name");
	if (!lb_gid_is_role(g->gid))
		return refuse(b, LB_ERR_MALFORMED, "gid outside the role range");
	return LB_OK;
}

static int
by_uid(const void *x, const void *y)
{
	const struct lb_snapshot_account *const *a = x, *const *b = y;

	return ((*a)->uid > (*b)->uid) - ((*a)->uid < (*b)->uid);
}

static int
by_gid(const void *x, const void *y)
{
	const struct lb_snapshot_group *const *a = x, *const *b = y;

	return ((*a)->gid > (*b)->gid) - ((*a)->gid < (*b)->gid);
}

static int
by_text(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* Refuses two equal names; account and role names differ by their prefix. */
static int
check_names_differ(struct build *b)
{
	size_t n = b->naccounts + (size_t)b->nroles;
	const char **names = calloc(n + 1, sizeof *names);
	int err = LB_OK;

	if (names == NULL)
		return refuse(b, LB_ERR_NOMEM, "memory");
	for (uint32_t i = 0; i < b->naccounts; i++)
		names[i] = b->accounts[i]->name;
	for (uint32_t i = 0; i < b->nroles; i++)
		names[b->naccounts + i] = b->roles[i]->name;
	qsort(names, n, sizeof *names, by_text);
	for (size_t i = 1; i < n && err == LB_OK; i++)
		if (strcmp(names[i - 1], names[i]) == 0)
			err = refuse(b, LB_ERR_EXISTS, "one name twice");
	free(names);
	return err;
}

/* Checks everything, and leaves accounts and roles sorted by id. */
static int
check_all(struct build *b)
{
	int err;

	for (uint32_t i = 0; i < b->nroles; i++)
		if ((err = check_role(b, b->roles[i])) != LB_OK)
			return err;
	qsort(b->roles, b->nroles, sizeof *b->roles, by_gid);
	for (uint32_t i = 1; i < b->nroles; i++)
		if (b->roles[i - 1]->gid == b->roles[i]->gid)
			return refuse(b, LB_ERR_EXISTS, "one gid twice");
	for (uint32_t i = 0; i < b->naccounts; i++)
		if ((err = check_account(b, b->accounts[i])) != LB_OK)
			return err;
	qsort(b->accounts, b->naccounts, sizeof *b->accounts, by_uid);
	for (uint32_t i = 1; i < b->naccounts; i++)
		if (b->accounts[i - 1]->uid == b->accounts[i]->uid)
			return refuse(b, LB_ERR_EXISTS, "one uid twice");
	for (uint32_t i = 0; i < b->own_count; i++)
		if ((err = check_own(b, i)) != LB_OK)
			return err;
	return check_names_differ(b);
}

/* ---- laying out ---- */

static size_t
round_up(size_t n, size_t to)
{
	return (n + to - 1) & ~(to - 1);
}

/* Bytes of an account's text: four fields, "*", and their NULs. */
static size_t
user_text_size(const struct lb_snapshot_account *a)
{
	return strlen(a->name) + strlen(a->gecos) + strlen(a->home) + strlen(a->shell) + 6;
}

static size_t
user_size(const struct lb_snapshot_account *a)
{
	size_t size = round_up(LB_SNAPSHOT_USER_TEXT + user_text_size(a), 4) + a->ngroups * 4;

	return round_up(size, LB_SNAPSHOT_ALIGN);
}

static size_t
role_size(const struct lb_snapshot_group *g, uint32_t members)
{
	size_t size = round_up(LB_SNAPSHOT_ROLE_TEXT + strlen(g->name) + 3, 4);

	return round_up(size + (size_t)members * 4, LB_SNAPSHOT_ALIGN);
}

/* The list of an own account's groups and sessions. */
static size_t
own_size(const struct lb_snapshot_own *o)
{
	return round_up(8 + (o->ngroups + o->nsessions) * 4, LB_SNAPSHOT_ALIGN);
}

/*
 * The size of a slot that makes the file smallest: accounts that are longer
 * stand elsewhere.
 */
static uint32_t
best_slot_size(const struct build *b)
{
	enum { SIZES = LB_SNAPSHOT_SLOT_MAX / LB_SNAPSHOT_ALIGN };
	size_t longer[SIZES + 1] = {0}; /* bytes of all accounts of just so many lines */
	size_t best = SIZE_MAX, elsewhere = 0;
	uint32_t best_size = LB_SNAPSHOT_ALIGN;

	for (uint32_t i = 0; i < b->naccounts; i++)
		longer[user_size(b->accounts[i]) / LB_SNAPSHOT_ALIGN] += user_size(b->accounts[i]);
	for (uint32_t lines = SIZES; lines > 0; lines--) {
		size_t all = (size_t)b->slots * lines * LB_SNAPSHOT_ALIGN + elsewhere;

		if (all <= best) {
			best = all;
			best_size = lines * LB_SNAPSHOT_ALIGN;
		}
		elsewhere += longer[lines];
	}
	return best_size;
}

/* Where a slot begins. */
static uint32_t
slot_offset(const struct build *b, uint32_t slot)
{
	return (uint32_t)(b->slot_at + (size_t)slot * b->slot_size);
}

/* Decides where everything goes.  Counts are bounded, so a size_t of 64 bits cannot wrap. */
static int
lay_out(struct build *b)
{
	size_t at = LB_SNAPSHOT_HEADER;

	for (uint32_t i = 0; i < b->naccounts; i++)
		for (size_t k = 0; k < b->accounts[i]->ngroups; k++)
			if (lb_gid_is_role(b->accounts[i]->groups[k]))
				b->members[role_index(b, b->accounts[i]->groups[k])]++;
	at += (size_t)lb_snapshot_lines(b->name_buckets, LB_SNAPSHOT_PILOTS) * LB_SNAPSHOT_ALIGN;
	b->role_name_at = at;
	at += (size_t)b->role_buckets * LB_SNAPSHOT_ALIGN;
	b->id_at = at;
	at += (size_t)b->id_buckets * LB_SNAPSHOT_ALIGN;
	b->account_at = at;
	at += (size_t)lb_snapshot_lines(b->naccounts, LB_SNAPSHOT_ENTRIES) * LB_SNAPSHOT_ALIGN;
	b->role_at = at;
	at += (size_t)lb_snapshot_lines(b->nroles, LB_SNAPSHOT_ENTRIES) * LB_SNAPSHOT_ALIGN;
	b->slot_at = at;
	b->slot_size = best_slot_size(b);
	at += (size_t)b->slots * b->slot_size;
	b->record_at = at;
	for (uint32_t i = 0; i < b->naccounts && at <= LB_SNAPSHOT_SIZE_MAX; i++) {
		b->account_off[i] = slot_offset(b, b->slot[i]);
		if (user_size(b->accounts[i]) <= b->slot_size)
			continue;
		b->account_off[i] = (uint32_t)at;
		at += user_size(b->accounts[i]);
	}
	for (uint32_t i = 0; i < b->nroles && at <= LB_SNAPSHOT_SIZE_MAX; i++) {
		b->role_off[i] = (uint32_t)at;
		at += role_size(b->roles[i], b->members[i]);
	}
	b->own_at = at;
	at += (size_t)b->own_slots * LB_SNAPSHOT_ALIGN;
	for (uint32_t i = 0; i < b->own_count; i++)
		at += own_size(&b->own[i]);
	if (at > LB_SNAPSHOT_SIZE_MAX)
		return refuse(b, LB_ERR_TOO_LONG, "the snapshot would be too big");
	b->size = at;
	return LB_OK;
}

/* ---- a slot for each name ---- */

/*
 * Hash and displace (Belazzougui, Botelho and Dietzfelbinger, 2009): the names of
 * a bucket get the first pilot that leads each of them to a slot of its own, those
 * buckets first that have most names.
 */

struct placed {
	uint32_t bucket, account;
};

static int
by_bucket(const void *x, const void *y)
{
	const struct placed *a = x, *b = y;

	if (a->bucket != b->bucket)
		return a->bucket > b->bucket ? 1 : -1;
	return (a->account > b->account) - (a->account < b->account);
}

/* Takes the slots that the pilot gives to n names, or none and false when one is not free. */
static bool
take_slots(struct build *b, const struct placed *names, size_t n, uint32_t pilot)
{
	size_t i = 0;

	for (; i < n; i++) {
		uint32_t slot = lb_snapshot_slot(b->hash[names[i].account], pilot, b->slots);

		if (b->used[slot])
			break;
		b->used[slot] = true;
		b->slot[names[i].account] = slot;
	}
	if (i == n)
		return true;
	while (i-- > 0)
		b->used[b->slot[names[i].account]] = false;
	return false;
}

/* Finds the pilots of all buckets that have just n names.  False when one has none. */
static bool
place_buckets(struct build *b, const struct placed *names, size_t n)
{
	for (size_t i = 0, end; i < b->naccounts; i = end) {
		uint32_t pilot = 0;

		for (end = i; end < b->naccounts && names[end].bucket == names[i].bucket;)
			end++;
		if (end - i != n)
			continue;
		while (pilot < PILOT_END && !take_slots(b, names + i, n, pilot))
			pilot++;
		if (pilot == PILOT_END)
			return false;
		b->pilot[names[i].bucket] = (uint16_t)pilot;
	}
	return true;
}

/* The number of names in the fullest bucket. */
static size_t
fullest(const struct build *b, const struct placed *names)
{
	size_t most = 0, run = 0;

	for (uint32_t i = 0; i < b->naccounts; i++) {
		run = i > 0 && names[i].bucket == names[i - 1].bucket ? run + 1 : 1;
		if (run > most)
			most = run;
	}
	return most;
}

/* Gives each account its slot.  LB_ERR_FULL: not with this salt and so many slots. */
static int
place_names(struct build *b)
{
	struct placed *names = calloc(b->naccounts + (size_t)1, sizeof *names);
	bool *used = realloc(b->used, b->slots * sizeof *used);
	size_t n;

	if (used != NULL)
		b->used = used;
	if (names == NULL || used == NULL) {
		free(names);
		return refuse(b, LB_ERR_NOMEM, "memory");
	}
	memset(b->used, 0, b->slots * sizeof *used);
	memset(b->pilot, 0, b->name_buckets * sizeof *b->pilot);
	for (uint32_t i = 0; i < b->naccounts; i++) {
		const char *name = b->accounts[i]->name;

		b->hash[i] = lb_snapshot_name_hash(name, strlen(name), b->salt);
		names[i].bucket = lb_snapshot_home((uint32_t)(b->hash[i] >> 32), b->name_buckets);
		names[i].account = i;
	}
	qsort(names, b->naccounts, sizeof *names, by_bucket);
	n = fullest(b, names);
	while (n > 0 && n <= NAMES_MAX && place_buckets(b, names, n))
		n--;
	free(names);
	return n == 0 ? LB_OK : LB_ERR_FULL;
}

/* Gives each own account a slot near its home.  LB_ERR_FULL: not with so many slots. */
static int
place_own(struct build *b)
{
	uint32_t *slot = calloc(b->own_slots + (size_t)1, sizeof *slot);

	if (slot == NULL)
		return refuse(b, LB_ERR_NOMEM, "memory");
	free(b->own_slot);
	b->own_slot = slot;
	for (uint32_t i = 0; i < b->own_count; i++) {
		const char *name = b->own[i].name;
		uint64_t hash = lb_snapshot_name_hash(name, strlen(name), b->salt);
		uint32_t at = lb_snapshot_home((uint32_t)(hash >> 32), b->own_slots);
		unsigned tried = 0;

		for (; tried < LB_SNAPSHOT_PROBES && slot[at] != 0; tried++)
			at = at + 1 == b->own_slots ? 0 : at + 1;
		if (tried == LB_SNAPSHOT_PROBES)
			return LB_ERR_FULL;
		slot[at] = i + 1;
	}
	return LB_OK;
}

/* ---- writing ---- */

static void
put16(unsigned char *p, size_t v)
{
	uint16_t le = htole16((uint16_t)v);

	memcpy(p, &le, sizeof le);
}

static void
put32(unsigned char *p, uint32_t v)
{
	uint32_t le = htole32(v);

	memcpy(p, &le, sizeof le);
}

static void
put64(unsigned char *p, uint64_t v)
{
	uint64_t le = htole64(v);

	memcpy(p, &le, sizeof le);
}

/* Copies text and its NUL; returns what follows. */
static unsigned char *
put_text(unsigned char *p, const char *text)
{
	size_t size = strlen(text) + 1;

	memcpy(p, text, size);
	return p + size;
}

static void
write_user(struct build *b, uint32_t i)
{
	const struct lb_snapshot_account *a = b->accounts[i];
	unsigned char *r = b->buf + b->account_off[i], *p;

	if (b->account_off[i] >= b->record_at)
		put32(b->buf + slot_offset(b, b->slot[i]) + LB_SNAPSHOT_SLOT_ELSEWHERE,
		      b->account_off[i]);
	put32(r + 8, a->uid);
	put32(r + 12, (uint32_t)a->ngroups);
	put64(r + 16, (uint64_t)a->end_wall_ns);
	put64(r + 24, (uint64_t)a->end_boot_ns);
	put16(r + 32, strlen(a->name));
	put16(r + 34, strlen(a->gecos));
	put16(r + 36, strlen(a->home));
	put16(r + 38, strlen(a->shell));
	p = put_text(r + LB_SNAPSHOT_USER_TEXT, a->name);
	p = put_text(p, "*");
	p = put_text(p, a->gecos);
	p = put_text(p, a->home);
	p = put_text(p, a->shell);
	p = r + round_up((size_t)(p - r), 4);
	for (size_t k = 0; k < a->ngroups; k++)
		put32(p + k * 4, a->groups[k]);
}

static void
write_role(struct build *b, uint32_t i)
{
	const struct lb_snapshot_group *g = b->roles[i];
	unsigned char *r = b->buf + b->role_off[i], *p;

	put32(r + 8, g->gid);
	put32(r + 12, b->members[i]);
	put16(r + 16, strlen(g->name));
	p = put_text(r + LB_SNAPSHOT_ROLE_TEXT, g->name);
	put_text(p, "*");
}

/* Accounts come by rising uid, so each role's members do as well. */
static void
write_members(struct build *b)
{
	for (uint32_t i = 0; i < b->naccounts; i++) {
		const struct lb_snapshot_account *a = b->accounts[i];

		for (size_t k = 0; k < a->ngroups; k++) {
			uint32_t r = role_index(b, a->groups[k]);
			size_t at;

			if (r == b->nroles)
				continue;
			at = round_up(LB_SNAPSHOT_ROLE_TEXT + strlen(b->roles[r]->name) + 3, 4);
			put32(b->buf + b->role_off[r] + at + (size_t)b->filled[r]++ * 4,
			      b->account_off[i]);
		}
	}
}

/* A lane's record: its offset in units of 64, three bytes; 0: the lane is empty. */
static uint32_t
get_lane(const unsigned char *bucket, size_t i)
{
	const unsigned char *p = bucket + LB_SNAPSHOT_LANE_RECORDS + i * 3;

	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
}

static void
put_lane(unsigned char *bucket, size_t i, uint32_t tag, uint32_t record)
{
	unsigned char *p = bucket + LB_SNAPSHOT_LANE_RECORDS + i * 3;
	uint32_t at = record / LB_SNAPSHOT_ALIGN;

	put16(bucket + i * 2, tag);
	p[0] = (unsigned char)at;
	p[1] = (unsigned char)(at >> 8);
	p[2] = (unsigned char)(at >> 16);
}

/* Puts tag → record into an index; false when it would lie too far from its home. */
static bool
index_add(unsigned char *index, uint32_t buckets, uint32_t home_hash, uint32_t tag_hash,
	  uint32_t record)
{
	uint32_t bucket = lb_snapshot_home(home_hash, buckets);

	for (uint32_t probe = 0; probe < LB_SNAPSHOT_PROBES && probe < buckets; probe++) {
		unsigned char *line = index + (size_t)bucket * LB_SNAPSHOT_ALIGN;

		for (size_t i = 0; i < LB_SNAPSHOT_LANES; i++) {
			if (get_lane(line, i) != 0)
				continue;
			put_lane(line, i, lb_snapshot_tag(tag_hash), record);
			return true;
		}
		bucket = bucket + 1 == buckets ? 0 : bucket + 1;
	}
	return false;
}

static bool
index_role(struct build *b, const char *name, uint32_t record)
{
	uint64_t hash = lb_snapshot_name_hash(name, strlen(name), b->salt);

	return index_add(b->buf + b->role_name_at, b->role_buckets, (uint32_t)(hash >> 32),
			 (uint32_t)hash, record);
}

static bool
index_id(struct build *b, uint32_t id, uint32_t record)
{
	return index_add(b->buf + b->id_at, b->id_buckets, lb_snapshot_id_hash(id),
			 lb_snapshot_id_hash(id), record);
}

/* Entry i of a table. */
static void
table_put(unsigned char *table, uint32_t i, uint32_t id, uint32_t record)
{
	unsigned char *line = table + (size_t)(i / LB_SNAPSHOT_ENTRIES) * LB_SNAPSHOT_ALIGN;
	size_t entry = (size_t)(i % LB_SNAPSHOT_ENTRIES) * 4;

	put32(line + entry, id);
	put32(line + LB_SNAPSHOT_ENTRY_RECORDS + entry, record);
}

/* Writes both indexes and both tables; false when an index needs more buckets. */
static bool
write_indexes(struct build *b)
{
	for (uint32_t i = 0; i < b->naccounts; i++) {
		table_put(b->buf + b->account_at, i, b->accounts[i]->uid, b->account_off[i]);
		if (!index_id(b, b->accounts[i]->uid, b->account_off[i]))
			return false;
	}
	for (uint32_t i = 0; i < b->nroles; i++) {
		table_put(b->buf + b->role_at, i, b->roles[i]->gid, b->role_off[i]);
		if (!index_role(b, b->roles[i]->name, b->role_off[i]) ||
		    !index_id(b, b->roles[i]->gid, b->role_off[i]))
			return false;
	}
	return true;
}

static void
write_pilots(struct build *b)
{
	for (uint32_t i = 0; i < b->name_buckets; i++)
		put16(b->buf + LB_SNAPSHOT_HEADER +
			      (size_t)(i / LB_SNAPSHOT_PILOTS) * LB_SNAPSHOT_ALIGN +
			      (size_t)(i % LB_SNAPSHOT_PILOTS) * 2,
		      b->pilot[i]);
}

/* Slots, and the lists of groups and sessions in the slots' order; done: seal them. */
static void
write_own(struct build *b)
{
	size_t list = b->own_at + (size_t)b->own_slots * LB_SNAPSHOT_ALIGN;

	for (uint32_t i = 0; i < b->own_slots; i++) {
		unsigned char *p = b->buf + b->own_at + (size_t)i * LB_SNAPSHOT_ALIGN;
		const struct lb_snapshot_own *o;

		if (b->own_slot[i] == 0)
			continue;
		o = &b->own[b->own_slot[i] - 1];
		put32(p + 8, (uint32_t)list);
		put16(p + 12, o->ngroups);
		put16(p + 14, o->nsessions);
		put64(p + 16, (uint64_t)o->end_wall_ns);
		put64(p + 24, (uint64_t)o->end_boot_ns);
		memcpy(p + LB_SNAPSHOT_OWN_NAME, o->name, strlen(o->name));
		for (size_t k = 0; k < o->ngroups; k++)
			put32(b->buf + list + 8 + k * 4, o->groups[k]);
		for (size_t k = 0; k < o->nsessions; k++)
			put32(b->buf + list + 8 + (o->ngroups + k) * 4, o->sessions[k]);
		list += own_size(o);
	}
}

/* The sum of the record at off stands at its start. */
static void
seal_record(struct build *b, uint64_t seed, uint32_t off, size_t size)
{
	put64(b->buf + off, lb_snapshot_sum(b->buf + off + 8, size / 8 - 1, seed, off));
}

static void
seal_own(struct build *b, uint64_t seed)
{
	size_t list = b->own_at + (size_t)b->own_slots * LB_SNAPSHOT_ALIGN;

	for (uint32_t i = 0; i < b->own_slots; i++) {
		seal_record(b, seed, (uint32_t)(b->own_at + (size_t)i * LB_SNAPSHOT_ALIGN),
			    LB_SNAPSHOT_ALIGN);
		if (b->own_slot[i] == 0)
			continue;
		seal_record(b, seed, (uint32_t)list, own_size(&b->own[b->own_slot[i] - 1]));
		list += own_size(&b->own[b->own_slot[i] - 1]);
	}
}

/* Last of all: every sum.  The seed is one of everything, so no two files have the same sums. */
static void
seal(struct build *b)
{
	uint64_t seed = lb_snapshot_sum(b->buf + LB_SNAPSHOT_HEADER,
					(b->size - LB_SNAPSHOT_HEADER) / 8, 0, 0);

	for (uint32_t off = LB_SNAPSHOT_HEADER; off < b->slot_at; off += LB_SNAPSHOT_ALIGN)
		put64(b->buf + off + LB_SNAPSHOT_LINE_SUM,
		      lb_snapshot_sum(b->buf + off, LB_SNAPSHOT_LINE_SUM / 8, seed, off));
	/* Slots without a record in them have a line; those with one get its sum behind that. */
	for (uint32_t i = 0; i < b->slots; i++)
		seal_record(b, seed, slot_offset(b, i), LB_SNAPSHOT_ALIGN);
	for (uint32_t i = 0; i < b->naccounts; i++)
		seal_record(b, seed, b->account_off[i], user_size(b->accounts[i]));
	for (uint32_t i = 0; i < b->nroles; i++)
		seal_record(b, seed, b->role_off[i], role_size(b->roles[i], b->members[i]));
	seal_own(b, seed);
	put64(b->buf + LB_SNAPSHOT_AT_SEED, seed);
	put64(b->buf + LB_SNAPSHOT_AT_SUM,
	      lb_snapshot_sum(b->buf + LB_SNAPSHOT_AT_SEED,
			      (LB_SNAPSHOT_HEADER - LB_SNAPSHOT_AT_SEED) / 8, 0, 0));
}

static void
write_header(struct build *b)
{
	memcpy(b->buf, LB_SNAPSHOT_MAGIC, 8);
	put32(b->buf + LB_SNAPSHOT_AT_VERSION, LB_SNAPSHOT_VERSION);
	put32(b->buf + LB_SNAPSHOT_AT_SIZE, (uint32_t)b->size);
	put32(b->buf + LB_SNAPSHOT_AT_ACCOUNTS, b->naccounts);
	put32(b->buf + LB_SNAPSHOT_AT_ROLES, b->nroles);
	put32(b->buf + LB_SNAPSHOT_AT_NAME_BUCKETS, b->name_buckets);
	put32(b->buf + LB_SNAPSHOT_AT_SLOTS, b->slots);
	put32(b->buf + LB_SNAPSHOT_AT_SLOT_SIZE, b->slot_size);
	put32(b->buf + LB_SNAPSHOT_AT_SALT, b->salt);
	put32(b->buf + LB_SNAPSHOT_AT_ROLE_BUCKETS, b->role_buckets);
	put32(b->buf + LB_SNAPSHOT_AT_ID_BUCKETS, b->id_buckets);
	put32(b->buf + LB_SNAPSHOT_AT_OWN_SLOTS, b->own_slots);
	put32(b->buf + LB_SNAPSHOT_AT_OWN, (uint32_t)b->own_at);
}

/* One attempt with the present number of buckets; LB_ERR_FULL asks for more of them. */
static int
write_all(struct build *b)
{
	struct lb_snapshot check;
	int err;

	memset(b->members, 0, (b->nroles + (size_t)1) * sizeof *b->members);
	memset(b->filled, 0, (b->nroles + (size_t)1) * sizeof *b->filled);
	err = place_names(b);
	if (err == LB_OK)
		err = place_own(b);
	if (err == LB_OK)
		err = lay_out(b);
	if (err != LB_OK)
		return err;
	b->buf = aligned_alloc(LB_SNAPSHOT_ALIGN, b->size);
	if (b->buf == NULL)
		return refuse(b, LB_ERR_NOMEM, "memory");
	memset(b->buf, 0, b->size);
	if (!write_indexes(b)) {
		free(b->buf);
		b->buf = NULL;
		return LB_ERR_FULL;
	}
	for (uint32_t i = 0; i < b->naccounts; i++)
		write_user(b, i);
	for (uint32_t i = 0; i < b->nroles; i++)
		write_role(b, i);
	write_members(b);
	write_own(b);
	write_pilots(b);
	write_header(b);
	seal(b);
	if (lb_snapshot_open(&check, b->buf, b->size) != LB_OK)
		return refuse(b, LB_ERR_INTERNAL, "the reader refuses the result");
	return LB_OK;
}

static int
allocate(struct build *b, const struct lb_snapshot_account *accounts,
	 const struct lb_snapshot_group *groups)
{
	b->accounts = calloc(b->naccounts + (size_t)1, sizeof *b->accounts);
	b->account_off = calloc(b->naccounts + (size_t)1, sizeof *b->account_off);
	b->slot = calloc(b->naccounts + (size_t)1, sizeof *b->slot);
	b->hash = calloc(b->naccounts + (size_t)1, sizeof *b->hash);
	b->name_buckets = b->naccounts / NAMES_PER_PILOT + 1;
	b->pilot = calloc(b->name_buckets, sizeof *b->pilot);
	b->roles = calloc(b->nroles + (size_t)1, sizeof *b->roles);
	b->role_off = calloc(b->nroles + (size_t)1, sizeof *b->role_off);
	b->members = calloc(b->nroles + (size_t)1, sizeof *b->members);
	b->filled = calloc(b->nroles + (size_t)1, sizeof *b->filled);
	if (b->accounts == NULL || b->account_off == NULL || b->slot == NULL || b->hash == NULL ||
	    b->pilot == NULL || b->roles == NULL || b->role_off == NULL || b->members == NULL ||
	    b->filled == NULL)
		return refuse(b, LB_ERR_NOMEM, "memory");
	for (uint32_t i = 0; i < b->naccounts; i++)
		b->accounts[i] = &accounts[i];
	for (uint32_t i = 0; i < b->nroles; i++)
		b->roles[i] = &groups[i];
	b->slots = b->naccounts + b->naccounts * (10 - SLOTS_FULL) / SLOTS_FULL + 1;
	b->own_slots = 2 * b->own_count;
	b->role_buckets = b->nroles / FILL + 1;
	b->id_buckets = (b->naccounts + b->nroles) / FILL + 1;
	return LB_OK;
}

static void
release(struct build *b)
{
	free(b->accounts);
	free(b->account_off);
	free(b->slot);
	free(b->hash);
	free(b->pilot);
	free(b->used);
	free(b->own_slot);
	free(b->roles);
	free(b->role_off);
	free(b->members);
	free(b->filled);
	free(b->buf);
}

int
lb_snapshot_build(const struct lb_snapshot_account *accounts, size_t naccounts,
		  const struct lb_snapshot_group *groups, size_t ngroups, void **buf, size_t *size,
		  const char **why)
{
	return lb_snapshot_build_own(accounts, naccounts, groups, ngroups, NULL, 0, buf, size, why);
}

int
lb_snapshot_build_own(const struct lb_snapshot_account *accounts, size_t naccounts,
		      const struct lb_snapshot_group *groups, size_t ngroups,
		      const struct lb_snapshot_own *own, size_t own_count, void **buf, size_t *size,
		      const char **why)
{
	struct build b = {.naccounts = (uint32_t)naccounts,
			  .nroles = (uint32_t)ngroups,
			  .own = own,
			  .own_count = (uint32_t)own_count};
	int err;

	if (naccounts > LB_SNAPSHOT_ACCOUNTS_MAX || ngroups > LB_SNAPSHOT_ROLES_MAX ||
	    own_count > LB_SNAPSHOT_OWN_MAX)
		err = refuse(&b, LB_ERR_TOO_LONG, "too many accounts or role groups");
	else
		err = allocate(&b, accounts, groups);
	if (err == LB_OK)
		err = check_all(&b);
	if (err == LB_OK) {
		err = write_all(&b);
		for (int grow = 0; err == LB_ERR_FULL && grow < GROW_MAX; grow++) {
			b.salt++;
			b.slots += b.slots / 8 + 1;
			b.own_slots *= 2;
			b.role_buckets *= 2;
			b.id_buckets *= 2;
			err = write_all(&b);
		}
		if (err == LB_ERR_FULL)
			err = refuse(&b, LB_ERR_INTERNAL, "an index does not fill");
	}
	if (err == LB_OK) {
		*buf = b.buf;
		*size = b.size;
		b.buf = NULL;
	} else if (why != NULL) {
		*why = b.why;
	}
	release(&b);
	return err;
}
