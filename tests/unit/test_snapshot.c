/* The snapshot's reader: what it finds, and what it refuses. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "test_snapshot.h"

#define WALL (2000000000 * SEC)
#define BOOT (1000 * SEC)

static void
xxh64_gives_the_published_values(void **state)
{
	const char *fox = "The quick brown fox jumps over the lazy dog";

	(void)state;
	assert_true(lb_snapshot_xxh64("", 0) == 0xef46db3751d8e999u);
	assert_true(lb_snapshot_xxh64("abc", 3) == 0x44bc2cf5ad770999u);
	assert_true(lb_snapshot_xxh64(fox, strlen(fox)) == 0x0b242d361fda71bcu);
}

static void
name_hash_reads_by_the_specification(void **state)
{
	static const char text[] = "abcdefghijklmnopqrstuvwxyz012345";

	(void)state;
	for (size_t len = 0; len <= 32; len++) {
		unsigned char padded[32] = {0};
		uint64_t h = len;

		memcpy(padded, text, len);
		for (size_t i = 0; i < len; i += 8) {
			uint64_t w = 0;

			for (size_t k = 0; k < 8; k++)
				w |= (uint64_t)padded[i + k] << (8 * k);
			h = (h ^ w) * 0x9e3779b97f4a7c15u;
			h ^= h >> 32;
		}
		assert_true(lb_snapshot_name_hash(text, len) == h);
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
	size_t size = read_example(example, sizeof example), built;
	struct lb_snapshot s;
	void *buf;

	(void)state;
	assert_int_equal(lb_snapshot_open(&s, example, size), LB_OK);
	assert_int_equal(lb_snapshot_build(&a, 1, &role, 1, &buf, &built, NULL), LB_OK);
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

static void
one_changed_byte_voids_the_whole_file(void **state)
{
	struct lb_snapshot s;
	size_t size;
	unsigned char *buf = test_build(WALL, BOOT, &size);

	(void)state;
	for (size_t i = 0; i < size; i++)
		for (unsigned change = 1; change < 256;
		     change = change == 1 ? 0x80 : change * 2 - 1) {
			bool word = i >= LB_SNAPSHOT_AT_SUPERSEDED && i < LB_SNAPSHOT_AT_CHECKSUM;

			buf[i] ^= (unsigned char)change;
			assert_int_equal(lb_snapshot_open(&s, buf, size) == LB_OK, word);
			if (word)
				assert_true(lb_snapshot_superseded(&s));
			buf[i] ^= (unsigned char)change;
		}
	assert_int_equal(lb_snapshot_open(&s, buf, size), LB_OK);
	assert_false(lb_snapshot_superseded(&s));
	free(buf);
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
	buf[LB_SNAPSHOT_AT_VERSION] = 2;
	assert_int_equal(lb_snapshot_open(&s, buf, size), LB_ERR_VERSION);
	free(buf);
}

/* ---- files with a right checksum and wrong contents ---- */

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
	for (size_t at = LB_SNAPSHOT_AT_ACCOUNTS; at + 4 <= size; at += 2)
		for (size_t v = 0; v < sizeof values / sizeof values[0]; v++) {
			memcpy(buf, good, size);
			test_put32(buf + at, values[v]);
			test_seal(buf, size);
			if (lb_snapshot_open(&s, buf, size) == LB_OK)
				ask_everything(&s);
		}
	munmap(map, room + page);
	free(good);
}

/* The record of an account, found by its uid at its start. */
static unsigned char *
record_of(unsigned char *buf, size_t size, uint32_t uid)
{
	unsigned char want[4];

	test_put32(want, uid);
	for (size_t at = size - 64; at >= 64; at -= 64)
		if (memcmp(buf + at, want, 4) == 0 && buf[at + 8] + buf[at + 15] != 0)
			return buf + at;
	fail_msg("no record");
	return NULL;
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
		unsigned char *buf = test_build(WALL, BOOT, &size);

		test_put32(record_of(buf, size, ANNA), planted[i]);
		test_seal(buf, size);
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
		unsigned char *buf = test_build(WALL, BOOT, &size), *r;

		r = record_of(buf, size, ANNA);
		/* name, "*", comment, home, shell; then the groups, at a multiple of 4 */
		at = (32 + 10 + 2 + 5 + 16 + 8 + 3) & ~(size_t)3;
		test_put32(r + at, planted[i]);
		test_seal(buf, size);
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
	unsigned char *buf = test_build(WALL, BOOT, &size);

	(void)state;
	memcpy(record_of(buf, size, ANNA) + 32, "root\0\0\0\0\0", 9);
	test_seal(buf, size);
	assert_int_equal(lb_snapshot_open(&s, buf, size), LB_OK);
	assert_int_not_equal(lb_snapshot_user_by_uid(&s, ANNA, &u), LB_OK);
	assert_int_not_equal(lb_snapshot_user_by_name(&s, "root", 4, &u), LB_OK);
	free(buf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(xxh64_gives_the_published_values),
		cmocka_unit_test(name_hash_reads_by_the_specification),
		cmocka_unit_test(the_example_in_the_specification_is_what_the_builder_makes),
		cmocka_unit_test(everything_written_is_found_again),
		cmocka_unit_test(what_is_not_there_is_not_found),
		cmocka_unit_test(a_walk_gives_all_by_rising_id),
		cmocka_unit_test(an_account_lasts_while_both_clocks_are_before_its_end),
		cmocka_unit_test(one_changed_byte_voids_the_whole_file),
		cmocka_unit_test(a_file_cut_or_grown_at_any_length_is_refused),
		cmocka_unit_test(another_version_is_told_apart),
		cmocka_unit_test(no_sealed_word_leads_outside_the_file_or_the_range),
		cmocka_unit_test(planted_ids_outside_the_range_are_refused),
		cmocka_unit_test(planted_groups_that_nobody_may_get_are_left_out),
		cmocka_unit_test(a_planted_name_of_another_kind_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
