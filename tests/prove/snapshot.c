/*
 * The reader of the snapshot, part by part, on files of 2 to 8 lines, whatever their sums say: sums and
 * the hash of a name are taken to give any number at all, so what holds here holds for files whose sums
 * were made to fit, and does not rest on a hash.  Nothing is read outside the file (cbmc's own pointer
 * checks: it is an object of its very size), and every loop ends within its bound.
 *
 *  open    the header of a file of any size up to 8 lines: what is accepted has its sections in order
 *          and inside
 *  place   a name's pilot and slot lie inside, whatever the hash and the pilot, of up to 64 pilots and 8 slots
 *  group   a supplementary group is never 2^32-1 and never somebody's private group
 *
 * These take long and have not been run to their end (SLOW=1):
 *
 *  user    the account record of 1 line (any other offset is refused): what is given out obeys
 *          SNAPSHOT-FORMAT, section 3, each text inside the file and ended by its NUL, groups inside
 *  role    the same for a role's record
 *  search  an index of up to 2 buckets: from any hash and key, no lane outside it is read, and after at
 *          most 56 records the search is over
 *  table   a table of up to 7 entries: the walk's next entry is inside and its id above the last
 *  same    names of up to 32 bytes compare as memcmp() would, and no byte beyond them is read
 *
 * The lookups are these, one after the other; the fuzz target `snapshot` runs them whole.
 *
 * any: lb_snapshot_name_hash sum_words
 *
 * prove: open --unwind 64 --no-conversion-check
 * prove: place --no-conversion-check
 * prove: group --no-conversion-check
 * slow: user --unwind 9 --no-conversion-check
 * slow: role --unwind 9 --no-conversion-check
 * slow: search --unwind 9 --unwindset search.0:60 --no-conversion-check
 * slow: table --unwind 9 --no-conversion-check
 * slow: same --unwind 34 --no-conversion-check
 */
#include "prove.h"

#include "../../common/snapshot.c"

#define LINES 4
#define SIZE (LINES * LB_SNAPSHOT_ALIGN)

static unsigned char file[SIZE], small[2 * LB_SNAPSHOT_ALIGN];

/* Any file; the header's numbers are any that lie inside it. */
static struct lb_snapshot
any_snapshot(void)
{
	struct lb_snapshot s = {.base = file, .size = SIZE};

	__CPROVER_havoc_object(file);
	s.seed = nondet_u64();
	s.accounts = nondet_u32();
	s.slot_at = nondet_u32();
	ASSUME(s.accounts <= LB_SNAPSHOT_ACCOUNTS_MAX && s.slot_at >= LB_SNAPSHOT_ALIGN &&
	       s.slot_at <= SIZE);
	return s;
}

static bool
inside(const void *at, size_t n)
{
	return __CPROVER_same_object(at, small) && (const unsigned char *)at >= small &&
	       n <= (size_t)(small + sizeof small - (const unsigned char *)at);
}

static void
check_user(const struct lb_snapshot_user *u)
{
	ASSERT(lb_uid_is_account(u->uid));
	ASSERT(u->end_wall_ns > 0 && u->end_boot_ns > 0);
	ASSERT(u->name_len <= LB_SNAPSHOT_NAME_MAX && u->gecos_len <= LB_SNAPSHOT_FIELD_MAX &&
	       u->home_len <= LB_SNAPSHOT_FIELD_MAX && u->shell_len <= LB_SNAPSHOT_FIELD_MAX);
	ASSERT(inside(u->text, lb_snapshot_user_text_size(u)));
	ASSERT(u->text[0] == 'l' && u->text[1] == 'b' && u->text[2] == '-');
	ASSERT(u->text[u->name_len] == '\0' && u->text[u->name_len + 1] == '*' &&
	       u->text[u->name_len + 2] == '\0');
	ASSERT(lb_snapshot_user_gecos(u)[u->gecos_len] == '\0');
	ASSERT(lb_snapshot_user_home(u)[u->home_len] == '\0');
	ASSERT(lb_snapshot_user_shell(u)[u->shell_len] == '\0');
	ASSERT(u->ngroups <= LB_SNAPSHOT_GROUPS_MAX && inside(u->groups, (size_t)u->ngroups * 4));
}

static void
check_role(const struct lb_snapshot *s, const struct lb_snapshot_role *role)
{
	ASSERT(lb_gid_is_role(role->gid));
	ASSERT(role->name_len <= LB_SNAPSHOT_NAME_MAX && inside(role->text, role->name_len + 3));
	ASSERT(memcmp(role->text, "lbr-", 4) == 0 && role->text[role->name_len] == '\0');
	ASSERT(role->nmembers <= s->accounts && inside(role->members, (size_t)role->nmembers * 4));
}

void
open(void)
{
	static unsigned char any[8 * LB_SNAPSHOT_ALIGN];
	size_t size = nondet_size();
	struct lb_snapshot s = {.size = 77};
	int err;

	__CPROVER_havoc_object(any);
	ASSUME(size <= sizeof any);
	/* It ends where the object ends. */
	err = lb_snapshot_open(&s, any + sizeof any - size, size);
	if (err != LB_OK) {
		ASSERT(s.size == 77);
		COVER(err == LB_ERR_VERSION);
		COVER(err == LB_ERR_DAMAGED);
		return;
	}
	ASSERT(s.size == size && s.record_at <= size && s.id_at >= LB_SNAPSHOT_HEADER);
	ASSERT(s.role_name_at > LB_SNAPSHOT_HEADER && s.role_name_at < s.id_at);
	ASSERT(s.id_at < s.account_at && s.account_at <= s.role_at && s.role_at <= s.slot_at);
	ASSERT(s.slot_size % LB_SNAPSHOT_ALIGN == 0 && s.slot_size > 0 && s.slots > 0);
	ASSERT((uint64_t)s.slot_at + (uint64_t)s.slots * s.slot_size == s.record_at);
	ASSERT(s.own_at >= s.record_at && s.own_at % LB_SNAPSHOT_ALIGN == 0 &&
	       (uint64_t)s.own_at + (uint64_t)s.own_slots * LB_SNAPSHOT_ALIGN <= size);
	COVER(s.record_at < size);
	COVER(s.own_slots > 0);
}

void
place(void)
{
	uint32_t buckets = nondet_u32(), slots = nondet_u32(), hash = nondet_u32();
	uint32_t bucket, slot, pilot = nondet_u16();

	/* More makes the product of two unknowns too much for the solver. */
	ASSUME(buckets > 0 && buckets <= 64 && slots > 0 && slots <= 8);
	bucket = lb_snapshot_home(hash, buckets);
	ASSERT(bucket / LB_SNAPSHOT_PILOTS < lb_snapshot_lines(buckets, LB_SNAPSHOT_PILOTS));
	slot = lb_snapshot_slot(nondet_u64(), pilot, slots);
	ASSERT(slot < slots);
	COVER(slot == 7 && slots == 8);
	COVER(bucket == 63);
}

void
user(void)
{
	struct lb_snapshot s = any_snapshot();
	struct lb_snapshot_user u;
	uint32_t off = LB_SNAPSHOT_ALIGN, size = 0;

	__CPROVER_havoc_object(small);
	s.base = small;
	s.size = sizeof small;
	if (nondet_bool()) {
		off = nondet_u32();
		ASSUME(!record_inside(&s, off));
		ASSERT(read_user_sized(&s, off, &u, &size) == LB_ERR_DAMAGED);
		return;
	}
	s.slot_at = off;
	if (read_user_sized(&s, off, &u, &size) != LB_OK)
		return;
	ASSERT(off >= s.slot_at && off < sizeof small && size > 0 && size <= sizeof small - off);
	check_user(&u);
	COVER(u.ngroups > 0 && u.shell_len > 0);
	COVER(u.text + lb_snapshot_user_text_size(&u) == (const char *)small + sizeof small);
}

void
role(void)
{
	struct lb_snapshot s = any_snapshot();
	struct lb_snapshot_role r;
	uint32_t off = LB_SNAPSHOT_ALIGN, size = 0;

	__CPROVER_havoc_object(small);
	s.base = small;
	s.size = sizeof small;
	if (nondet_bool()) {
		off = nondet_u32();
		ASSUME(!record_inside(&s, off));
		ASSERT(read_role_sized(&s, off, &r, &size) == LB_ERR_DAMAGED);
		return;
	}
	s.slot_at = off;
	if (read_role_sized(&s, off, &r, &size) != LB_OK)
		return;
	ASSERT(off >= s.slot_at && off < sizeof small && size > 0 && size <= sizeof small - off);
	check_role(&s, &r);
	COVER(r.nmembers > 3 && r.name_len > 4);
}

void
search(void)
{
	struct lb_snapshot s = any_snapshot();
	uint32_t buckets = nondet_u32(), hash = nondet_u32(), n = 0;
	struct probe p;

	ASSUME(buckets > 0 && buckets <= LINES - LB_SNAPSHOT_HEADER / LB_SNAPSHOT_ALIGN);
	ASSERT(lb_snapshot_home(hash, buckets) < buckets);
	p = probe_start(&s, LB_SNAPSHOT_HEADER, buckets, hash, nondet_u32());
	while (probe_next(&p) != 0) {
		ASSERT(p.bucket < buckets);
		n++;
	}
	ASSERT(n <= LB_SNAPSHOT_PROBES * LB_SNAPSHOT_LANES);
	COVER(n > LB_SNAPSHOT_LANES);
	COVER(p.damaged);
}

void
table(void)
{
	struct lb_snapshot s = any_snapshot();
	uint32_t count = nondet_u32(), last = nondet_u32(), id = last, off = 0;
	uint32_t at = 2 * LB_SNAPSHOT_ALIGN;
	int err;

	ASSUME(count <= LB_SNAPSHOT_LANES);
	err = first_above(&s, at, count, &id, &off);
	if (err == LB_OK)
		ASSERT(id > last);
	else
		ASSERT((err == LB_ERR_DAMAGED || err == LB_ERR_NOT_FOUND) && id == last);
	COVER(err == LB_OK && count == LB_SNAPSHOT_LANES);
	COVER(err == LB_ERR_NOT_FOUND && count > 0);
}

void
same(void)
{
	static char a[LB_SNAPSHOT_NAME_MAX], b[LB_SNAPSHOT_NAME_MAX];
	size_t len = nondet_size();
	bool equal = true;
	const char *p, *q;

	__CPROVER_havoc_object(a);
	__CPROVER_havoc_object(b);
	ASSUME(len <= LB_SNAPSHOT_NAME_MAX);
	p = a + LB_SNAPSHOT_NAME_MAX - len;
	q = b + LB_SNAPSHOT_NAME_MAX - len;
	for (size_t i = 0; i < len; i++)
		equal = equal && p[i] == q[i];
	ASSERT(name_equal(p, q, len) == equal);
	COVER(equal && len == LB_SNAPSHOT_NAME_MAX);
	COVER(equal && len == 9);
}

void
group(void)
{
	static unsigned char gids[8];
	struct lb_snapshot_user u = {.ngroups = 2, .groups = gids};
	uint32_t i = nondet_u32(), gid;

	__CPROVER_havoc_object(gids);
	gid = lb_snapshot_user_group(&u, i);
	ASSERT(gid != UINT32_MAX && !lb_uid_is_account(gid));
	ASSERT(i < 2 || gid == 0);
	COVER(gid != 0);
}
