/* A small snapshot to test with, for test_snapshot*.c and test_nss_lockbox.c. */
#ifndef LB_TEST_SNAPSHOT_H
#define LB_TEST_SNAPSHOT_H

#include <setjmp.h>
#include <stdarg.h>
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
static unsigned char *
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

/* Makes changed bytes a snapshot again. */
static inline void
test_seal(unsigned char *buf, size_t size)
{
	uint64_t sum = lb_snapshot_checksum(buf, size);

	for (int i = 0; i < 8; i++)
		buf[LB_SNAPSHOT_AT_CHECKSUM + (unsigned)i] = (unsigned char)(sum >> (8 * i));
}

static inline void
test_put32(unsigned char *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(v >> (8 * i));
}

#endif
