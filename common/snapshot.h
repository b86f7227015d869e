/*
 * The reader of the snapshot (SNAPSHOT-FORMAT is the specification).
 *
 * It works on bytes that somebody else has mapped or read: it opens nothing,
 * allocates nothing, takes no lock, reads no clock and keeps no state, so it
 * can run inside any process.  Nothing in the file is trusted: its header is
 * checked by lb_snapshot_open(), and each line and record that a lookup comes to
 * has a sum of its own that is checked there and then, so a lookup reads no more
 * of the file than it needs.  Each offset and length is checked as well, so that
 * even a file with right sums cannot lead outside the mapping or to an id outside
 * the reserved range.
 *
 * Nothing here blocks.  All results are borrowed from the mapped bytes and
 * hold until those are unmapped.  All times are nanoseconds.
 */
#ifndef LB_SNAPSHOT_H
#define LB_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LB_SNAPSHOT_MAGIC "LBXSNAP\n" /* 8 bytes, without the NUL */
#define LB_SNAPSHOT_VERSION 5u

/* Places in the file; see SNAPSHOT-FORMAT for the rest. */
#define LB_SNAPSHOT_HEADER 128u
#define LB_SNAPSHOT_AT_VERSION 8u
#define LB_SNAPSHOT_AT_SUPERSEDED 12u
#define LB_SNAPSHOT_AT_SUM 16u /* of the header from AT_SEED on */
#define LB_SNAPSHOT_AT_SEED 24u
#define LB_SNAPSHOT_AT_SIZE 32u
#define LB_SNAPSHOT_AT_ACCOUNTS 36u
#define LB_SNAPSHOT_AT_ROLES 40u
#define LB_SNAPSHOT_AT_NAME_BUCKETS 44u
#define LB_SNAPSHOT_AT_SLOTS 48u
#define LB_SNAPSHOT_AT_SLOT_SIZE 52u
#define LB_SNAPSHOT_AT_SALT 56u
#define LB_SNAPSHOT_AT_ROLE_BUCKETS 60u
#define LB_SNAPSHOT_AT_ID_BUCKETS 64u
#define LB_SNAPSHOT_AT_OWN_SLOTS 68u
#define LB_SNAPSHOT_AT_OWN 72u /* where own accounts begin: the file's size when there are none */
#define LB_SNAPSHOT_AT_RESERVED 76u
#define LB_SNAPSHOT_ALIGN 64u	       /* sections, lines and records start at multiples of this */
#define LB_SNAPSHOT_LINE_SUM 56u       /* where a line's sum stands */
#define LB_SNAPSHOT_PILOTS 28u	       /* in a line of them */
#define LB_SNAPSHOT_LANES 11u	       /* in a bucket */
#define LB_SNAPSHOT_LANE_RECORDS 22u   /* in a bucket: the tags, then the records from here */
#define LB_SNAPSHOT_ENTRIES 7u	       /* in a line of a table */
#define LB_SNAPSHOT_ENTRY_RECORDS 28u  /* in such a line: the ids, then the records from here */
#define LB_SNAPSHOT_PROBES 8u	       /* buckets a search reads at most */
#define LB_SNAPSHOT_SLOT_ELSEWHERE 12u /* in a slot whose account stands elsewhere: where */
#define LB_SNAPSHOT_USER_TEXT 40u      /* where the text starts in an account record */
#define LB_SNAPSHOT_ROLE_TEXT 24u      /* and in a role record; both begin with their sum */

#define LB_SNAPSHOT_OWN_NAME 32u /* where the name stands in an own account's slot */

/* Limits. */
#define LB_SNAPSHOT_SIZE_MAX (256u << 20)
#define LB_SNAPSHOT_ACCOUNTS_MAX 262144u
#define LB_SNAPSHOT_ROLES_MAX 10000u
#define LB_SNAPSHOT_OWN_MAX 10000u
#define LB_SNAPSHOT_GROUPS_MAX 256u    /* supplementary groups of one account */
#define LB_SNAPSHOT_SESSIONS_MAX 1024u /* sessions of one own account */
#define LB_SNAPSHOT_SLOT_MAX 4096u
#define LB_SNAPSHOT_NAME_MAX 32u
#define LB_SNAPSHOT_FIELD_MAX 255u /* gecos, home, shell */

/* A checked snapshot: where its parts are.  Set by lb_snapshot_open() only. */
struct lb_snapshot {
	const unsigned char *base; /* NULL: none */
	uint32_t size;
	uint32_t accounts, roles;
	uint32_t name_buckets, slots, slot_size, salt;
	uint32_t role_buckets, id_buckets;
	uint32_t role_name_at, id_at, account_at, role_at, slot_at, record_at;
	uint32_t own_slots, own_at;
	uint64_t seed; /* of the sums */
};

/* An account as the file has it.  It may have ended: see lb_snapshot_live(). */
struct lb_snapshot_user {
	uint32_t uid; /* in the account range; the private group's gid as well */
	uint32_t ngroups;
	int64_t end_wall_ns, end_boot_ns;
	const char *text; /* name NUL "*" NUL gecos NUL home NUL shell NUL */
	size_t name_len, gecos_len, home_len, shell_len;
	const unsigned char *groups; /* read by lb_snapshot_user_group() */
};

/* The kernel's numbers of the sessions that an own account has under its grant. */
struct lb_snapshot_sessions {
	uint32_t count;
	const unsigned char *numbers; /* read by lb_snapshot_session_among() */
};

/* A role group. */
struct lb_snapshot_role {
	uint32_t gid; /* in the role range */
	uint32_t nmembers;
	const char *text; /* name NUL "*" NUL */
	size_t name_len;
	const unsigned char *members; /* read by lb_snapshot_role_member() */
};

/*
 * Checks the header of size bytes at base, aligned to 8, and sets *s.  The bytes
 * must stay mapped while *s is used; their superseded word may change meanwhile.
 * LB_ERR_MALFORMED when it is no snapshot, LB_ERR_VERSION when it is another
 * version's, LB_ERR_DAMAGED when the sum or the counts do not hold.  Only the
 * header is read.
 */
int lb_snapshot_open(struct lb_snapshot *s, const void *base, size_t size);

/*
 * Checks the whole file: every sum, that every byte belongs to something, that
 * each account and role is found by name, by id and on the walk, and nothing
 * else.  LB_OK or LB_ERR_DAMAGED.  For the writer; it takes 0.2 us per account.
 */
int lb_snapshot_verify(const struct lb_snapshot *s);

/* True once a newer file is in place; an atomic read of one mapped word. */
bool lb_snapshot_superseded(const struct lb_snapshot *s);

/*
 * Looks up an account or a role group.  LB_OK and *out set, LB_ERR_NOT_FOUND,
 * or LB_ERR_DAMAGED when what is found on the way breaks a rule.  name need not be
 * valid; name_len is its length without a NUL.  Whether an account has ended is
 * not looked at.
 */
int lb_snapshot_user_by_name(const struct lb_snapshot *s, const char *name, size_t name_len,
			     struct lb_snapshot_user *out);
int lb_snapshot_user_by_uid(const struct lb_snapshot *s, uint32_t uid,
			    struct lb_snapshot_user *out);
int lb_snapshot_role_by_name(const struct lb_snapshot *s, const char *name, size_t name_len,
			     struct lb_snapshot_role *out);
int lb_snapshot_role_by_gid(const struct lb_snapshot *s, uint32_t gid,
			    struct lb_snapshot_role *out);

/*
 * The account with the smallest uid above uid, or the role with the smallest
 * gid above gid; start with 0.  As ids are never used again this walks on
 * rightly over a change of the snapshot.  Results as above.
 */
int lb_snapshot_user_after(const struct lb_snapshot *s, uint32_t uid, struct lb_snapshot_user *out);
int lb_snapshot_role_after(const struct lb_snapshot *s, uint32_t gid, struct lb_snapshot_role *out);

/*
 * The groups, and the end of them, that the ordinary account of this name has by a
 * grant: in *out ngroups, groups and both ends are set, all else is zero.  They are
 * for processes of *sessions alone.  Results as above; never for root's name or one
 * that Lockbox hands out.  Where nobody has any, only the header is read.
 */
int lb_snapshot_own_by_name(const struct lb_snapshot *s, const char *name, size_t name_len,
			    struct lb_snapshot_user *out, struct lb_snapshot_sessions *sessions);

/* True when the session of this number is one of them. */
bool lb_snapshot_session_among(const struct lb_snapshot_sessions *sessions, uint32_t session);

/* Member number i (below role->nmembers) of a role.  Results as above. */
int lb_snapshot_role_member(const struct lb_snapshot *s, const struct lb_snapshot_role *role,
			    uint32_t i, struct lb_snapshot_user *out);

/*
 * Supplementary gid number i (below user->ngroups), or 0 when that entry is one
 * nobody may get (0, 2^32-1, or somebody's private group).
 */
uint32_t lb_snapshot_user_group(const struct lb_snapshot_user *user, uint32_t i);

/* True while the account lasts, by both clocks. */
static inline bool
lb_snapshot_live(const struct lb_snapshot_user *user, int64_t wall_ns, int64_t boot_ns)
{
	return wall_ns < user->end_wall_ns && boot_ns < user->end_boot_ns;
}

/* The fields of an account's text, each ended by a NUL. */
static inline const char *
lb_snapshot_user_name(const struct lb_snapshot_user *user)
{
	return user->text;
}

static inline const char *
lb_snapshot_user_gecos(const struct lb_snapshot_user *user)
{
	return user->text + user->name_len + 3; /* past NUL "*" NUL */
}

static inline const char *
lb_snapshot_user_home(const struct lb_snapshot_user *user)
{
	return lb_snapshot_user_gecos(user) + user->gecos_len + 1;
}

static inline const char *
lb_snapshot_user_shell(const struct lb_snapshot_user *user)
{
	return lb_snapshot_user_home(user) + user->home_len + 1;
}

/* Bytes of an account's whole text, the last NUL included. */
static inline size_t
lb_snapshot_user_text_size(const struct lb_snapshot_user *user)
{
	return user->name_len + user->gecos_len + user->home_len + user->shell_len + 6;
}

/*
 * The functions of the format, for the writer and for tests: the hash of a name,
 * the home bucket of a hash (for ids: lb_snapshot_id_hash()), and the slot of a
 * name's hash under its bucket's pilot.
 */
uint64_t lb_snapshot_name_hash(const char *name, size_t name_len, uint32_t salt);

static inline uint32_t
lb_snapshot_slot(uint64_t hash, uint32_t pilot, uint32_t slots)
{
	uint64_t mixed = (hash ^ pilot * 0xc2b2ae3d27d4eb4fu) * 0xd6e8feb86659fd93u;

	return (uint32_t)((mixed >> 32) * slots >> 32);
}

static inline uint32_t
lb_snapshot_id_hash(uint32_t id)
{
	return id * 0x9e3779b1u;
}

static inline uint32_t
lb_snapshot_home(uint32_t hash, uint32_t buckets)
{
	return (uint32_t)((uint64_t)hash * buckets >> 32);
}

/* What a lane holds of a hash of 32 bits: never 0, so no empty lane has it. */
static inline uint32_t
lb_snapshot_tag(uint32_t hash)
{
	return (hash & 0xffff) != 0 ? hash & 0xffff : 1;
}

/* Lines of n things, `each` in a line. */
static inline uint32_t
lb_snapshot_lines(uint32_t n, uint32_t each)
{
	return n / each + (n % each != 0);
}

/* The sum of `words` words of 8 bytes at data, which belong to the line or record at offset. */
uint64_t lb_snapshot_sum(const void *data, size_t words, uint64_t seed, uint32_t offset);

#endif
