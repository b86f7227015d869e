/* A small snapshot to test with, for test_snapshot*.c and test_nss_lockbox.c. */
#ifndef LB_TEST_SNAPSHOT_H
#define LB_TEST_SNAPSHOT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "err.h"
#include "name.h"
#include "snapshot.h"
#include "warden/snapshot_write.h"

#define SEC ((int64_t)1000000000)
#define DB LB_UID_FIRST
#define WEB (LB_UID_FIRST + 1)
#define IDLE (LB_UID_FIRST + 2)
#define ANNA (LB_ACCOUNT_UID_FIRST + 7)
#define BOB (LB_ACCOUNT_UID_FIRST + 8)
#define CARL (LB_ACCOUNT_UID_FIRST + 100)

static const uint32_t anna_groups[] = {DB, 4};
static const uint32_t bob_groups[] = {WEB, DB, 24};

/* Out of order, so that the builder has to sort. */
static const struct lb_snapshot_group test_roles[] = {
	{"lbr-web", WEB},
	{"lbr-db", DB},
	{"lbr-idle", IDLE},
};
#define TEST_ROLES (sizeof test_roles / sizeof test_roles[0])
#define TEST_ACCOUNTS 3

static void
test_accounts(struct lb_snapshot_account a[TEST_ACCOUNTS], int64_t wall_ns, int64_t boot_ns)
{
	a[0] = (struct lb_snapshot_account){
		"lb-bob-8",  BOB,     BOB,     "Bob, M\xc3\xbcller", "/home/lb-bob-8",
		"/bin/bash", wall_ns, boot_ns, bob_groups,	     3};
	a[1] = (struct lb_snapshot_account){"lb-anna-7",       ANNA,	  ANNA,	   "Anna",
					    "/home/lb-anna-7", "/bin/sh", wall_ns, boot_ns,
					    anna_groups,       2};
	a[2] = (struct lb_snapshot_account){
		"lb-a-rather-longname-100", CARL,    CARL,    "",   "/nonexistent",
		"/usr/sbin/nologin",	    wall_ns, boot_ns, NULL, 0};
}

/* Builds the small snapshot; the caller frees it. */
static inline unsigned char *
test_build(int64_t wall_ns, int64_t boot_ns, size_t *size)
{
	struct lb_snapshot_account a[TEST_ACCOUNTS];
	const char *why = "";
	void *buf = NULL;

	test_accounts(a, wall_ns, boot_ns);
	if (lb_snapshot_build(a, TEST_ACCOUNTS, test_roles, TEST_ROLES, &buf, size, &why) != LB_OK)
		fail_msg("%s", why);
	return buf;
}

static inline uint32_t
test_get32(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint32_t
test_get16(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static inline void
test_put64(unsigned char *p, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (unsigned char)(v >> (8 * i));
}

/* Where a record that says such lengths ends; what it says may be anything. */
static inline uint64_t
test_record_size(const unsigned char *r, bool user)
{
	uint64_t n = user ? 40u + test_get16(r + 32) + test_get16(r + 34) + test_get16(r + 36) +
				     test_get16(r + 38) + 6
			  : 24u + test_get16(r + 16) + 3;

	return ((n + 3) / 4 * 4 + (uint64_t)test_get32(r + 12) * 4 + 63) / 64 * 64;
}

/* Seals what stands at `at`, a record or a slot's line alone; returns how long it was. */
static inline uint32_t
test_seal_record(unsigned char *buf, size_t size, const unsigned char *good, uint32_t at,
		 bool record, uint64_t seed)
{
	bool user = lb_uid_is_account(test_get32(good + at + 8));
	uint64_t was = record ? test_record_size(good + at, user) : LB_SNAPSHOT_ALIGN;
	uint64_t now = record ? test_record_size(buf + at, user) : LB_SNAPSHOT_ALIGN;

	if (now > size - at)
		now = was;
	test_put64(buf + at, lb_snapshot_sum(buf + at + 8, now / 8 - 1, seed, at));
	return (uint32_t)was;
}

/*
 * Makes changed bytes a snapshot again: every sum is right, as the reader will
 * reckon it.  Where the sections are comes from `good`, the same file unchanged.
 */
static inline void
test_seal(unsigned char *buf, size_t size, const unsigned char *good)
{
	struct lb_snapshot s;
	uint64_t seed = 0;

	assert_int_equal(lb_snapshot_open(&s, good, size), LB_OK);
	for (int i = 7; i >= 0; i--)
		seed = seed << 8 | buf[LB_SNAPSHOT_AT_SEED + (unsigned)i];
	for (uint32_t at = LB_SNAPSHOT_HEADER; at < s.slot_at; at += LB_SNAPSHOT_ALIGN)
		test_put64(buf + at + LB_SNAPSHOT_LINE_SUM, lb_snapshot_sum(buf + at, 7, seed, at));
	for (uint32_t at = s.slot_at; at < s.record_at; at += s.slot_size)
		test_seal_record(buf, size, good, at, test_get32(good + at + 8) != 0, seed);
	for (uint32_t at = s.record_at; at < size;)
		at += test_seal_record(buf, size, good, at, true, seed);
	test_put64(buf + LB_SNAPSHOT_AT_SUM,
		   lb_snapshot_sum(buf + LB_SNAPSHOT_AT_SEED,
				   (LB_SNAPSHOT_HEADER - LB_SNAPSHOT_AT_SEED) / 8, 0, 0));
}

static inline void
test_put32(unsigned char *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(v >> (8 * i));
}

#endif
