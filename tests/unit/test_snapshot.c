/* The snapshot's reader: what it finds, and what it refuses. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "test_snapshot.h"

#define WALL (2000000000 * SEC)
#define BOOT (1000 * SEC)

/* Both halves of a product by the rules of long multiplication, digits of 32 bits. */
static uint64_t
folded(uint64_t a, uint64_t b)
{
	uint64_t digit[4] = {0}, carry = 0;
	uint64_t x[2] = {a & UINT32_MAX, a >> 32}, y[2] = {b & UINT32_MAX, b >> 32};

	for (int k = 0; k < 4; k++) {
		uint64_t low = carry & UINT32_MAX, high = carry >> 32;

		for (int i = 0; i < 2; i++)
			if (k - i >= 0 && k - i < 2) {
				uint64_t p = x[i] * y[k - i];

				low += p & UINT32_MAX;
				high += p >> 32;
			}
		digit[k] = low & UINT32_MAX;
		carry = high + (low >> 32);
	}
	return (digit[0] | digit[1] << 32) ^ (digit[2] | digit[3] << 32);
}

static void
sums_are_as_in_the_specification(void **state)
{
	unsigned char bytes[8 * 9];
	uint64_t word[9], seed = 0x0123456789abcdefu;

	(void)state;
	for (unsigned i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)(i * 37 + 200);
	for (unsigned i = 0; i < 9; i++) {
		word[i] = 0;
		for (unsigned k = 8; k-- > 0;)
			word[i] = word[i] << 8 | bytes[i * 8 + k];
	}
	for (unsigned n = 0; n <= 9; n++) {
		uint64_t key = seed + 192 * 0x9e3779b97f4a7c15u, sum = 0;

		for (unsigned i = 0; i < n; i += 2) {
			uint64_t second = i + 1 < n ? word[i + 1] ^ key : 0;

			sum += folded(word[i] ^ key, second ^ 0xd6e8feb86659fd93u);
			key += 0xc2b2ae3d27d4eb4fu;
		}
		assert_true(lb_snapshot_sum(bytes, n, seed, 192) == sum);
	}
}

static void
name_hash_reads_by_the_specification(void **state)
{
	static const char text[] = "abcdefghijklmnopqrstuvwxyz012345";

	(void)state;
	for (size_t len = 0; len <= 32; len++) {
		unsigned char padded[32] = {0};
		uint64_t h = len ^ (uint64_t)3 << 32;

		memcpy(padded, text, len);
		for (size_t i = 0; i < len; i += 8) {
			uint64_t w = 0;

			for (size_t k = 0; k < 8; k++)
				w |= (uint64_t)padded[i + k] << (8 * k);
			h = (h ^ w) * 0x9e3779b97f4a7c15u;
			h ^= h >> 32;
		}
		assert_true(lb_snapshot_name_hash(text, len, 3) == h);
	}
}

/* Opens a document of the source tree, from wherever the test was started. */
static FILE *
open_source(const char *path)
{
	char full[4096];
	ssize_t len;
	FILE *f = fopen(path, "r");

	if (f != NULL)
		return f;
	len = readlink("/proc/self/exe", full, sizeof full - 256);
	for (int up = 0; len > 0 && up < 5; up++) {
		while (len > 0 && full[len - 1] != '/')
			len--;
		snprintf(full + len, 256, "%s", path);
		f = fopen(full, "r");
		if (f != NULL)
			return f;
		len--;
	}
	fail_msg("%s not found", path);
	return NULL;
}

static size_t
read_example(unsigned char *out, size_t cap)
{
	FILE *f = open_source("common/SNAPSHOT-FORMAT");
	char line[256];
	size_t size = 0;

	while (fgets(line, sizeof line, f) != NULL) {
		char *p = line;
		size_t at;

		if (sscanf(line, "size %zx", &size) == 1)
			break;
		if (strspn(line, "0123456789abcdef") != 4 || line[4] != ' ' || line[5] != ' ')
			continue;
		at = strtoul(p, &p, 16);
		for (char *end; at < cap; p = end) {
			unsigned long byte = strtoul(p, &end, 16);

			if (end == p)
				break;
			out[at++] = (unsigned char)byte;
		}
	}
	fclose(f);
	return size;
}

static void
the_example_in_the_specification_is_what_the_builder_makes(void **state)
{
	static _Alignas(8) unsigned char example[4096];
	static const uint32_t groups[] = {DB, 4};
	struct lb_snapshot_account a = {"lb-anna-7", ANNA, ANNA, "Anna", "/home/lb-anna-7",
					"/bin/sh",   WALL, BOOT, groups, 2};
	struct lb_snapshot_group role = {"lbr-db", DB};
	static const uint32_t session = 77;
	struct lb_snapshot_own own = {"bob", WALL, BOOT, groups, 2, &session, 1};
	size_t size = read_example(example, sizeof example), built;
	struct lb_snapshot s;
	void *buf;

	(void)state;
	assert_int_equal(lb_snapshot_open(&s, example, size), LB_OK);
	assert_int_equal(lb_snapshot_verify(&s), LB_OK);
	assert_int_equal(lb_snapshot_build_own(&a, 1, &role, 1, &own, 1, &buf, &built, NULL),
			 LB_OK);
	assert_int_equal(built, size);
	assert_memory_equal(buf, example, size);
	free(buf);
}

static void
everything_written_is_found_again(void **state)
{
	struct lb_snapshot_user u;
	struct lb_snapshot_role r;
	struct lb_snapshot s;
	size_t size;
	unsigned char *buf = test_build(WALL, BOOT, &size);

	(void)state;
	assert_int_equal(lb_snapshot_open(&s, buf, size), LB_OK);
	assert_int_equal(lb_snapshot_user_by_name(&s, "lb-bob-8", 8, &u), LB_OK);
	assert_int_equal(u.uid, BOB);
	assert_string_equal(lb_snapshot_user_name(&u), "lb-bob-8");
	assert_string_equal(lb_snapshot_user_gecos(&u), "Bob, M\xc3\xbcller");
	assert_string_equal(lb_snapshot_user_home(&u), "/home/lb-bob-8");
	assert_string_equal(lb_snapshot_user_shell(&u), "/bin/bash");
	assert_true(u.end_wall_ns == WALL && u.end_boot_ns == BOOT);
	assert_int_equal(u.ngroups, 3);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(lb_snapshot_user_group(&u, i), bob_groups[i]);
	assert_int_equal(lb_snapshot_user_group(&u, 3), 0);
	assert_int_equal(lb_snapshot_user_by_uid(&s, CARL, &u), LB_OK);
	assert_string_equal(lb_snapshot_user_name(&u), "lb-a-rather-longname-100");
	assert_int_equal(lb_snapshot_role_by_name(&s, "lbr-db", 6, &r), LB_OK);
	assert_int_equal(r.nmembers, 2);
	assert_int_equal(lb_snapshot_role_member(&s, &r, 0, &u), LB_OK);
	assert_int_equal(u.uid, ANNA);
	assert_int_equal(lb_snapshot_role_member(&s, &r, 1, &u), LB_OK);
	assert_int_equal(u.uid, BOB);
	assert_int_equal(lb_snapshot_role_member(&s, &r, 2, &u), LB_ERR_NOT_FOUND);
	assert_int_equal(lb_snapshot_role_by_gid(&s, IDLE, &r), LB_OK);
	assert_int_equal(r.nmembers, 0);
	free(buf);
}

/* Accounts with more groups than fit in a slot, among many that fit. */
#define MANY 40
static unsigned char *
build_with_long_ones(size_t *size)
{
	static char names[MANY][16];
	static uint32_t groups[LB_SNAPSHOT_GROUPS_MAX];
	struct lb_snapshot_account a[MANY];
	void *buf = NULL;

	for (uint32_t i = 0; i < LB_SNAPSHOT_GROUPS_MAX; i++)
		groups[i] = i + 1;
	for (uint32_t i = 0; i < MANY; i++) {
		snprintf(names[i], sizeof names[i], "lb-mary-%u", i);
		a[i] = (struct lb_snapshot_account){
			names[i], ANNA + i,
			ANNA + i, "",
			"/home",  "/bin/sh",
			WALL,	  BOOT,
			groups,	  i % 19 == 7 ? LB_SNAPSHOT_GROUPS_MAX : 1};
	}
	assert_int_equal(lb_snapshot_build(a, MANY, NULL, 0, &buf, size, NULL), LB_OK);
	return buf;
}

static void
an_account_too_long_for_a_slot_stands_elsewhere(void **state)
{
	struct lb_snapshot_user u;
	struct lb_snapshot s;
	size_t size, elsewhere = 0;
	unsigned char *buf = build_with_long_ones(&size);
	char name[16];

	(void)state;
	assert_int_equal(lb_snapshot_open(&s, buf, size), LB_OK);
	assert_int_equal(lb_snapshot_verify(&s), LB_OK);
	assert_int_equal(s.slot_size, 128);
	for (uint32_t i = 0; i < MANY; i++) {
		int len = snprintf(name, sizeof name, "lb-mary-%u", i);

		assert_int_equal(lb_snapshot_user_by_name(&s, name, (size_t)len, &u), LB_OK);
		assert_int_equal(u.uid, ANNA + i);
		assert_int_equal(u.ngroups, i % 19 == 7 ? LB_SNAPSHOT_GROUPS_MAX : 1);
		assert_int_equal(lb_snapshot_user_group(&u, u.ngroups - 1), u.ngroups);
		elsewhere += (const unsigned char *)u.text - buf > s.record_at;
		assert_int_equal(lb_snapshot_user_by_uid(&s, ANNA + i, &u), LB_OK);
		/* Others, some of which come to a slot that leads elsewhere. */
		len = snprintf(name, sizeof name, "lb-mary-%u", i + MANY);
		assert_int_equal(lb_snapshot_user_by_name(&s, name, (size_t)len, &u),
				 LB_ERR_NOT_FOUND);
	}
	assert_int_equal(elsewhere, 2);
	free(buf);
}

/* The line of a slot that leads elsewhere, or of an empty one. */
static void
a_changed_byte_of_a_slot_gives_no_wrong_answer(void **state)
{
	struct lb_snapshot_user u;
	struct lb_snapshot s;
	size_t size, found = 0, refused = 0;
	unsigned char *buf = build_with_long_ones(&size);

	(void)state;
	assert_int_equal(lb_snapshot_open(&s, buf, size), LB_OK);
	for (uint32_t at = s.slot_at; at < s.record_at; at++) {
		uint32_t slot = at - (at - s.slot_at) % s.slot_size;

		if (test_get32(buf + slot + 8) != 0)
			continue;
		for (unsigned bit = 0; bit < 8; bit++) {
			buf[at] ^= (unsigned char)(1u << bit);
			assert_int_equal(lb_snapshot_verify(&s), LB_ERR_DAMAGED);
			for (uint32_t i = 0; i < 2 * MANY; i++) {
				char name[16];
				int len = snprintf(name, sizeof name, "lb-mary-%u", i), err;

				err = lb_snapshot_user_by_name(&s, name, (size_t)len, &u);
				found += err == LB_OK;
				refused += err == LB_ERR_DAMAGED;
				if (err != LB_ERR_DAMAGED)
					assert_int_equal(err, i < MANY ? LB_OK : LB_ERR_NOT_FOUND);
				if (err == LB_OK)
					assert_int_equal(u.uid, ANNA + i);
			}
			buf[at] ^= (unsigned char)(1u << bit);
		}
	}
	assert_true(found > 0 && refused > 0);
	free(buf);
}

/* A record inside the slots is not one that a slot may lead to; it could be another name's. */
static void
a_slot_leads_to_what_is_behind_the_slots_only(void **state)
{
	struct lb_snapshot_user u;
	struct lb_snapshot s;
	size_t size;
	unsigned char *buf = build_with_long_ones(&size), *good = malloc(size), *slot;

	(void)state;
	memcpy(good, buf, size);
	assert_int_equal(lb_snapshot_open(&s, buf, size), LB_OK);
	assert_int_equal(lb_snapshot_user_by_name(&s, "lb-mary-7", 9, &u), LB_OK);
	for (slot = buf + s.slot_at; slot < buf + s.record_at; slot += s.slot_size)
		if (test_get32(slot + LB_SNAPSHOT_SLOT_ELSEWHERE) ==
		    (uint32_t)((const unsigned char *)u.text - buf) - LB_SNAPSHOT_USER_TEXT)
			break;
	assert_true(slot < buf + s.record_at);
	assert_int_equal(lb_snapshot_user_by_name(&s, "lb-mary-8", 9, &u), LB_OK);
	test_put32(slot + LB_SNAPSHOT_SLOT_ELSEWHERE,
		   (uint32_t)((const unsigned char *)u.text - buf) - LB_SNAPSHOT_USER_TEXT);
	test_seal(buf, size, good);
	assert_int_equal(lb_snapshot_user_by_name(&s, "lb-mary-7", 9, &u), LB_ERR_DAMAGED);
	free(good);
	free(buf);
}

/* Slots and pilots for any number of accounts: each is found, and nobody else. */
static void
every_number_of_accounts_has_its_slots(void **state)
{
	static char names[3000][16];
	static struct lb_snapshot_account a[3000];
	static const uint32_t counts[] = {0, 1, 2, 3, 4, 5, 9, 17, 28, 29, 112, 113, 1000, 3000};

	(void)state;
	for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
		struct lb_snapshot s;
		size_t size;
		void *buf;

		for (uint32_t i = 0; i < counts[c]; i++) {
			snprintf(names[i], sizeof names[i], "lb-u%u-%u", i % 7, i * 31);
			a[i] = (struct lb_snapshot_account){names[i], ANNA + i,	 ANNA + i, "",
							    "/home",  "/bin/sh", WALL,	   BOOT,
							    NULL,     0};
		}
		assert_int_equal(lb_snapshot_build(a, counts[c], NULL, 0, &buf, &size, NULL),
				 LB_OK);
		assert_int_equal(lb_snapshot_open(&s, buf, size), LB_OK);
		assert_int_equal(lb_snapshot_verify(&s), LB_OK);
		free(buf);
	}
}

static void
what_is_not_there_is_not_found(void **state)
{
	static const char *const names[] = {"",
					    "lb-",
					    "lb-bob-9",
					    "lb-bob-88",
					    "lb-bob-",
					    "root",
					    "lbr-db",
					    "../../etc/passwd",
					    "lb-a-rather-longname-100-and-more-than-32-bytes"};
	struct lb_snapshot_user u = {.uid = 42};
	struct lb_snapshot_role r;
	struct lb_snapshot s;
	size_t size;
	unsigned char *buf = test_build(WALL, BOOT, &size);

	(void)state;
	assert_int_equal(lb_snapshot_open(&s, buf, size), LB_OK);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		assert_int_not_equal(lb_snapshot_user_by_name(&s, names[i], strlen(names[i]), &u),
				     LB_OK);
	assert_int_not_equal(lb_snapshot_role_by_name(&s, "lb-bob-8", 8, &r), LB_OK);
	assert_int_equal(lb_snapshot_user_by_uid(&s, 0, &u), LB_ERR_NOT_FOUND);
	assert_int_equal(lb_snapshot_user_by_uid(&s, DB, &u), LB_ERR_NOT_FOUND);
	assert_int_equal(lb_snapshot_user_by_uid(&s, UINT32_MAX, &u), LB_ERR_NOT_FOUND);
	assert_int_equal(lb_snapshot_user_by_uid(&s, ANNA + 2, &u), LB_ERR_NOT_FOUND);
	assert_int_equal(lb_snapshot_role_by_gid(&s, ANNA, &r), LB_ERR_NOT_FOUND);
	assert_int_equal(u.uid, 42);
	free(buf);
}

static void
a_walk_gives_all_by_rising_id(void **state)
{
	static const uint32_t uids[] = {ANNA, BOB, CARL}, gids[] = {DB, WEB, IDLE};
	struct lb_snapshot_user u = {.uid = 0};
	struct lb_snapshot_role r = {.gid = 0};
	struct lb_snapshot s;
	size_t size;
	unsigned char *buf = test_build(WALL, BOOT, &size);

	(void)state;
	assert_int_equal(lb_snapshot_open(&s, buf, size), LB_OK);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(lb_snapshot_user_after(&s, u.uid, &u), LB_OK);
		assert_int_equal(u.uid, uids[i]);
		assert_int_equal(lb_snapshot_role_after(&s, r.gid, &r), LB_OK);
		assert_int_equal(r.gid, gids[i]);
	}
	assert_int_equal(lb_snapshot_user_after(&s, u.uid, &u), LB_ERR_NOT_FOUND);
	assert_int_equal(lb_snapshot_role_after(&s, r.gid, &r), LB_ERR_NOT_FOUND);
	free(buf);
}

static void
an_account_lasts_while_both_clocks_are_before_its_end(void **state)
{
	struct lb_snapshot_user u = {.end_wall_ns = 100, .end_boot_ns = 50};

	(void)state;
	assert_true(lb_snapshot_live(&u, 99, 49));
	assert_false(lb_snapshot_live(&u, 100, 49));
	assert_false(lb_snapshot_live(&u, 99, 50));
	assert_false(lb_snapshot_live(&u, INT64_MAX, 0));
	assert_false(lb_snapshot_live(&u, 0, INT64_MAX));
}

static bool
same_user(const struct lb_snapshot_user *a, const struct lb_snapshot_user *b)
{
	return a->uid == b->uid && a->ngroups == b->ngroups && a->end_wall_ns == b->end_wall_ns &&
	       a->end_boot_ns == b->end_boot_ns && a->name_len == b->name_len &&
	       a->gecos_len == b->gecos_len && a->home_len == b->home_len &&
	       a->shell_len == b->shell_len &&
	       memcmp(a->text, b->text, lb_snapshot_user_text_size(a)) == 0 &&
	       memcmp(a->groups, b->groups, a->ngroups * 4) == 0;
}

static bool
same_role(const struct lb_snapshot_role *a, const struct lb_snapshot_role *b)
{
	return a->gid == b->gid && a->nmembers == b->nmembers && a->name_len == b->name_len &&
	       memcmp(a->text, b->text, a->name_len + 3) == 0 &&
	       memcmp(a->members, b->members, a->nmembers * 4) == 0;
}

/* Everything that can be asked of a small snapshot, in the same order each time. */
#define ANSWERS 21
struct answers {
	int err[ANSWERS];
	struct lb_snapshot_user user[ANSWERS];
	struct lb_snapshot_role role[ANSWERS];
	int n;
};

static void
ask_all(struct answers *all, const struct lb_snapshot *s)
{
	static const char *const names[] = {"lb-anna-7", "lb-bob-8", "lb-a-rather-longname-100",
					    "lb-nobody-9"};
	static const char *const roles[] = {"lbr-db", "lbr-web", "lbr-idle"};
	static const uint32_t uids[] = {ANNA, BOB, CARL, ANNA + 3}, gids[] = {DB, WEB, IDLE};
	int n = 0;

	memset(all, 0, sizeof *all);
#define ASK(kind, what, ...)                                                                       \
	do {                                                                                       \
		all->err[n] = lb_snapshot_##kind##_##what(s, __VA_ARGS__, &all->kind[n]);          \
		n++;                                                                               \
	} while (0)
	for (int i = 0; i < 4; i++) {
		ASK(user, by_name, names[i], strlen(names[i]));
		ASK(user, by_uid, uids[i]);
		ASK(user, after, i == 0 ? 0 : uids[i - 1]);
	}
	for (int i = 0; i < 3; i++) {
		ASK(role, by_name, roles[i], strlen(roles[i]));
		ASK(role, by_gid, gids[i]);
		ASK(role, after, i == 0 ? 0 : gids[i - 1]);
	}
	all->n = n;
#undef ASK
}

/*
 * Whatever is damaged: an answer is the right one, or "damaged".  Nothing else,
 * not even "not found".
 */
static void
a_changed_byte_gives_no_wrong_answer(void **state)
{
	static struct answers right, now;
	size_t size, refusals = 0;
	unsigned char *good = test_build(WALL, BOOT, &size), *buf = malloc(size);
	struct lb_snapshot s;

	(void)state;
	memcpy(buf, good, size);
	assert_int_equal(lb_snapshot_open(&s, good, size), LB_OK);
	ask_all(&right, &s);
	for (size_t i = LB_SNAPSHOT_HEADER; i < size; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			buf[i] ^= (unsigned char)(1u << bit);
			assert_int_equal(lb_snapshot_open(&s, buf, size), LB_OK);
			/* The writer finds each of them. */
			assert_int_equal(lb_snapshot_verify(&s), LB_ERR_DAMAGED);
			ask_all(&now, &s);
			for (int k = 0; k < right.n; k++) {
				if (now.err[k] == LB_ERR_DAMAGED) {
					refusals++;
					continue;
				}
				assert_int_equal(now.err[k], right.err[k]);
				if (now.err[k] == LB_OK && right.user[k].text != NULL)
					assert_true(same_user(&now.user[k], &right.user[k]));
				if (now.err[k] == LB_OK && right.role[k].text != NULL)
					assert_true(same_role(&now.role[k], &right.role[k]));
			}
			buf[i] ^= (unsigned char)(1u << bit);
		}
	assert_true(refusals > size);
	free(buf);
	free(good);
}

static void
a_changed_byte_of_the_header_voids_the_whole_file(void **state)
{
	struct lb_snapshot s;
	size_t size;
	unsigned char *buf = test_build(WALL, BOOT, &size);

	(void)state;
	for (size_t i = 0; i < LB_SNAPSHOT_HEADER; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			bool word = i >= LB_SNAPSHOT_AT_SUPERSEDED && i < LB_SNAPSHOT_AT_SUM;

			buf[i] ^= (unsigned char)(1u << bit);
			assert_int_equal(lb_snapshot_open(&s, buf, size) == LB_OK, word);
			if (word)
				assert_true(lb_snapshot_superseded(&s));
			buf[i] ^= (unsigned char)(1u << bit);
		}
	assert_int_equal(lb_snapshot_open(&s, buf, size), LB_OK);
	assert_int_equal(lb_snapshot_verify(&s), LB_OK);
	assert_false(lb_snapshot_superseded(&s));
	free(buf);
}

/* A page that was never written, one of an older file, one in another's place. */
static void
lines_of_another_file_or_place_are_refused(void **state)
{
	struct lb_snapshot s;
	struct answers *now = calloc(1, sizeof *now);
	size_t size, other_size;
	unsigned char *good = test_build(WALL, BOOT, &size), *buf = malloc(size);
	unsigned char *other = test_build(WALL + 1, BOOT, &other_size);

	(void)state;
	assert_int_equal(size, other_size);
	for (size_t at = LB_SNAPSHOT_HEADER; at < size; at += 64)
		for (int how = 0; how < 3; how++) {
			memcpy(buf, good, size);
			if (how == 0)
				memset(buf + at, 0, 64);
			else if (how == 1)
				memcpy(buf + at, other + at, 64);
			else
				memcpy(buf + at,
				       good + (at == LB_SNAPSHOT_HEADER ? size - 64 : at - 64), 64);
			if (memcmp(buf, good, size) == 0)
				continue;
			assert_int_equal(lb_snapshot_open(&s, buf, size), LB_OK);
			assert_int_equal(lb_snapshot_verify(&s), LB_ERR_DAMAGED);
			ask_all(now, &s);
			for (int k = 0; k < now->n; k++)
				if (now->err[k] == LB_OK && now->user[k].text != NULL)
					assert_true(now->user[k].end_wall_ns == WALL);
		}
	free(now);
	free(other);
	free(buf);
	free(good);
}

static void
a_file_cut_or_grown_at_any_length_is_refused(void **state)
{
	struct lb_snapshot s;
	size_t size;
	unsigned char *buf = test_build(WALL, BOOT, &size);
	unsigned char *longer = calloc(1, size + 64);

	(void)state;
	memcpy(longer, buf, size);
	for (size_t n = 0; n < size; n++) {
		unsigned char *cut = malloc(n + 1);

		/* In a block of its own, so that a sanitizer sees a byte read too far. */
		memcpy(cut, buf, n);
		assert_int_not_equal(lb_snapshot_open(&s, cut, n), LB_OK);
		free(cut);
	}
	for (size_t n = size + 1; n <= size + 64; n++)
		assert_int_not_equal(lb_snapshot_open(&s, longer, n), LB_OK);
	free(longer);
	free(buf);
}

static void
another_version_is_told_apart(void **state)
{
	struct lb_snapshot s;
	size_t size;
	unsigned char *buf = test_build(WALL, BOOT, &size);

	(void)state;
	buf[LB_SNAPSHOT_AT_VERSION] = LB_SNAPSHOT_VERSION - 1;
	assert_int_equal(lb_snapshot_open(&s, buf, size), LB_ERR_VERSION);
	buf[LB_SNAPSHOT_AT_VERSION] = LB_SNAPSHOT_VERSION + 1;
	assert_int_equal(lb_snapshot_open(&s, buf, size), LB_ERR_VERSION);
	free(buf);
}

/* ---- files with right sums and wrong contents ---- */

/* Every account that any lookup gives must be one of these rules'. */
static void
check_user(const struct lb_snapshot_user *u)
{
	assert_true(lb_uid_is_account(u->uid));
	assert_true(strncmp(u->text, "lb-", 3) == 0);
	assert_true(strlen(lb_snapshot_user_shell(u)) <= u->shell_len);
	for (uint32_t i = 0; i < u->ngroups; i++) {
		uint32_t gid = lb_snapshot_user_group(u, i);

		assert_true(gid != UINT32_MAX);
		assert_false(lb_uid_is_account(gid));
	}
}

static void
ask_everything(const struct lb_snapshot *s)
{
	static const char *const names[] = {"lb-anna-7", "lb-bob-8", "lb-a-rather-longname-100"};
	static const uint32_t uids[] = {ANNA, BOB, CARL}, gids[] = {DB, WEB, IDLE};
	struct lb_snapshot_user u;
	struct lb_snapshot_role r;

	for (int i = 0; i < 3; i++) {
		if (lb_snapshot_user_by_name(s, names[i], strlen(names[i]), &u) == LB_OK)
			check_user(&u);
		if (lb_snapshot_user_by_uid(s, uids[i], &u) == LB_OK)
			check_user(&u);
		if (lb_snapshot_user_after(s, i == 0 ? 0 : uids[i - 1], &u) == LB_OK)
			check_user(&u);
		if (lb_snapshot_role_by_gid(s, gids[i], &r) == LB_OK) {
			assert_true(lb_gid_is_role(r.gid));
			for (uint32_t m = 0; m < r.nmembers; m++)
				if (lb_snapshot_role_member(s, &r, m, &u) == LB_OK)
					check_user(&u);
		}
		if (lb_snapshot_role_after(s, i == 0 ? 0 : gids[i - 1], &r) == LB_OK)
			assert_true(lb_gid_is_role(r.gid));
	}
}

static void
no_sealed_word_leads_outside_the_file_or_the_range(void **state)
{
	static const uint32_t values[] = {0,	       1,	    0x3f,	0x40,
					  0x41,	       0xffff,	    0x7fffffff, 0x80000000,
					  0xffffffc0u, 0xffffffffu, 1000};
	struct lb_snapshot s;
	size_t size, page = (size_t)sysconf(_SC_PAGESIZE), room;
	unsigned char *good = test_build(WALL, BOOT, &size), *map, *buf;

	(void)state;
	/* The bytes end where the mapping ends: reading one too many is a fault. */
	room = (size + page - 1) / page * page;
	map = mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	assert_int_equal(mprotect(map + room, page, PROT_NONE), 0);
	buf = map + room - size;
	for (size_t at = LB_SNAPSHOT_AT_SIZE; at + 4 <= size; at += 2)
		for (size_t v = 0; v < sizeof values / sizeof values[0]; v++) {
			memcpy(buf, good, size);
			test_put32(buf + at, values[v]);
			test_seal(buf, size, good);
			if (lb_snapshot_open(&s, buf, size) == LB_OK) {
				ask_everything(&s);
				(void)lb_snapshot_verify(&s);
			}
		}
	munmap(map, room + page);
	free(good);
}

/* The record of an account. */
static unsigned char *
record_of(unsigned char *buf, size_t size, uint32_t uid)
{
	struct lb_snapshot_user u;
	struct lb_snapshot s;

	assert_int_equal(lb_snapshot_open(&s, buf, size), LB_OK);
	assert_int_equal(lb_snapshot_user_by_uid(&s, uid, &u), LB_OK);
	return buf + ((const unsigned char *)u.text - buf) - LB_SNAPSHOT_USER_TEXT;
}

/* A copy to seal by. */
static unsigned char *
copy_of(const unsigned char *buf, size_t size)
{
	unsigned char *copy = malloc(size);

	memcpy(copy, buf, size);
	return copy;
}

static void
planted_ids_outside_the_range_are_refused(void **state)
{
	static const uint32_t planted[] = {0,	      1, 1000, 65534, LB_UID_FIRST, LB_UID_LAST + 1,
					   UINT32_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof planted / sizeof planted[0]; i++) {
		struct lb_snapshot_user u;
		struct lb_snapshot s;
		size_t size;
		unsigned char *buf = test_build(WALL, BOOT, &size), *good = copy_of(buf, size);

		test_put32(record_of(buf, size, ANNA) + 8, planted[i]);
		test_seal(buf, size, good);
		free(good);
		assert_int_equal(lb_snapshot_open(&s, buf, size), LB_OK);
		assert_int_equal(lb_snapshot_user_by_name(&s, "lb-anna-7", 9, &u), LB_ERR_DAMAGED);
		assert_int_not_equal(lb_snapshot_user_by_uid(&s, ANNA, &u), LB_OK);
		assert_int_not_equal(lb_snapshot_user_by_uid(&s, planted[i], &u), LB_OK);
		free(buf);
	}
}

static void
planted_groups_that_nobody_may_get_are_left_out(void **state)
{
	static const uint32_t planted[] = {0, UINT32_MAX, BOB, LB_UID_LAST};

	(void)state;
	for (size_t i = 0; i < sizeof planted / sizeof planted[0]; i++) {
		struct lb_snapshot_user u;
		struct lb_snapshot s;
		size_t size, at;
		unsigned char *buf = test_build(WALL, BOOT, &size), *good = copy_of(buf, size), *r;

		r = record_of(buf, size, ANNA);
		/* name, "*", comment, home, shell; then the groups, at a multiple of 4 */
		at = (LB_SNAPSHOT_USER_TEXT + 10 + 2 + 5 + 16 + 8 + 3) & ~(size_t)3;
		test_put32(r + at, planted[i]);
		test_seal(buf, size, good);
		free(good);
		assert_int_equal(lb_snapshot_open(&s, buf, size), LB_OK);
		assert_int_equal(lb_snapshot_user_by_name(&s, "lb-anna-7", 9, &u), LB_OK);
		assert_int_equal(lb_snapshot_user_group(&u, 0), 0);
		assert_int_equal(lb_snapshot_user_group(&u, 1), 4);
		free(buf);
	}
}

static void
a_planted_name_of_another_kind_is_refused(void **state)
{
	struct lb_snapshot_user u;
	struct lb_snapshot s;
	size_t size;
	unsigned char *buf = test_build(WALL, BOOT, &size), *good = copy_of(buf, size);

	(void)state;
	memcpy(record_of(buf, size, ANNA) + LB_SNAPSHOT_USER_TEXT, "root\0\0\0\0\0", 9);
	test_seal(buf, size, good);
	free(good);
	assert_int_equal(lb_snapshot_open(&s, buf, size), LB_OK);
	assert_int_not_equal(lb_snapshot_user_by_uid(&s, ANNA, &u), LB_OK);
	assert_int_not_equal(lb_snapshot_user_by_name(&s, "root", 4, &u), LB_OK);
	free(buf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_are_as_in_the_specification),
		cmocka_unit_test(name_hash_reads_by_the_specification),
		cmocka_unit_test(the_example_in_the_specification_is_what_the_builder_makes),
		cmocka_unit_test(everything_written_is_found_again),
		cmocka_unit_test(an_account_too_long_for_a_slot_stands_elsewhere),
		cmocka_unit_test(a_changed_byte_of_a_slot_gives_no_wrong_answer),
		cmocka_unit_test(a_slot_leads_to_what_is_behind_the_slots_only),
		cmocka_unit_test(every_number_of_accounts_has_its_slots),
		cmocka_unit_test(what_is_not_there_is_not_found),
		cmocka_unit_test(a_walk_gives_all_by_rising_id),
		cmocka_unit_test(an_account_lasts_while_both_clocks_are_before_its_end),
		cmocka_unit_test(a_changed_byte_gives_no_wrong_answer),
		cmocka_unit_test(a_changed_byte_of_the_header_voids_the_whole_file),
		cmocka_unit_test(lines_of_another_file_or_place_are_refused),
		cmocka_unit_test(a_file_cut_or_grown_at_any_length_is_refused),
		cmocka_unit_test(another_version_is_told_apart),
		cmocka_unit_test(no_sealed_word_leads_outside_the_file_or_the_range),
		cmocka_unit_test(planted_ids_outside_the_range_are_refused),
		cmocka_unit_test(planted_groups_that_nobody_may_get_are_left_out),
		cmocka_unit_test(a_planted_name_of_another_kind_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
