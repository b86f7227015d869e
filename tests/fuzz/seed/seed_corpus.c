/*
 * Makes the first files of the corpus from the real thing: the daemon's own encoders, its snapshot
 * writer, its store.
 *
 *	seed_corpus DIRECTORY
 *
 * writes DIRECTORY/TARGET/seed-*.  Run it anew when a format changes, and keep the files.
 */
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../support/sshsig_make.h"
#include "err.h"
#include "ipc.h"
#include "keeper/store.h"
#include "keeper/store_changes.h"
#include "name.h"
#include "proto.h"
#include "snapshot.h"
#include "warden/snapshot_write.h"

#define SECOND_NS 1000000000ll
#define MAP_SIZE ((size_t)1 << 20)

static const char *top;

static void __attribute__((noreturn)) die(const char *what)
{
	perror(what);
	exit(1);
}

static void
must(int err, const char *what)
{
	if (err == LB_OK)
		return;
	fprintf(stderr, "%s: %s\n", what, lb_err_text(err));
	exit(1);
}

/* A seed being put together. */
static struct {
	uint8_t bytes[1 << 20];
	size_t used;
} seed;

static void
put(const void *bytes, size_t size)
{
	if (size > sizeof seed.bytes - seed.used) {
		fprintf(stderr, "a seed is too long\n");
		exit(1);
	}
	memcpy(seed.bytes + seed.used, bytes, size);
	seed.used += size;
}

static void
put_byte(unsigned value)
{
	uint8_t byte = (uint8_t)value;

	put(&byte, 1);
}

/* With its NUL. */
static void
put_text(const char *text)
{
	put(text, strlen(text) + 1);
}

static void
keep(const char *target, const char *name)
{
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", top, target);
	if (mkdir(path, 0755) != 0 && access(path, W_OK) != 0)
		die(path);
	snprintf(path, sizeof path, "%s/%s/seed-%s", top, target, name);
	f = fopen(path, "we");
	if (f == NULL || fwrite(seed.bytes, 1, seed.used, f) != seed.used || fclose(f) != 0)
		die(path);
	seed.used = 0;
}

/* ---- messages ---- */

static void
fill(const struct lb_layout *layout, void *to)
{
	for (size_t i = 0; i < layout->count; i++) {
		const struct lb_field *f = &layout->fields[i];
		char *at = (char *)to + f->offset;

		if (f->kind == LB_FIELD_TEXT)
			snprintf(at, f->max + 1, "%s", i % 3 == 2 ? "adm, lbr-db" : "lb-anna-7");
		else
			*at = (char)(i + 1);
	}
}

static size_t
encode(uint16_t type, const void *msg, uint8_t *frame)
{
	size_t len = 0;

	must(lb_proto_encode(type, msg, frame, LB_HEADER_SIZE + LB_PAYLOAD_MAX, &len), "encode");
	return len;
}

static void
messages(void)
{
	uint8_t frame[LB_HEADER_SIZE + LB_PAYLOAD_MAX];
	char name[32];

	for (unsigned type = 0; type <= UINT16_MAX; type++) {
		const struct lb_layout *layout = lb_proto_layout((uint16_t)type);
		union lb_msg msg = {0};
		size_t len;

		if (layout == NULL)
			continue;
		fill(layout, &msg);
		len = encode((uint16_t)type, &msg, frame);
		put_byte(0);
		put_byte(type >> 8);
		put_byte(type);
		put(frame + LB_HEADER_SIZE, len - LB_HEADER_SIZE);
		snprintf(name, sizeof name, "proto-%s", layout->name);
		keep("message", name);
		put_byte(2);
		put(frame, len);
		snprintf(name, sizeof name, "frame-%s", layout->name);
		keep("message", name);
	}
	for (unsigned type = 0; type < 256; type++) {
		union lb_ipc_msg msg = {0};
		size_t len;

		if (lb_ipc_encode((enum lb_ipc)type, &msg, frame, sizeof frame, &len) != LB_OK)
			continue;
		put_byte(1);
		put_byte(0);
		put_byte(type);
		put(frame, len);
		snprintf(name, sizeof name, "ipc-%u", type);
		keep("message", name);
	}
}

static void
wire(void)
{
	static const uint8_t calls[] = {0, 1, 2, 3, 4 + 6 * 3, 5 + 6 * 4, 5 + 6 * 9};
	static const uint8_t read[] = {1,   0, 2, 0, 0, 0,   3,	  0, 0, 0,   0,	  0,   0,   0,	4,
				       'a', 0, 1, 0, 2, 'h', 'i', 0, 5, 'h', 'e', 'l', 'l', 'o'};

	put_byte(sizeof calls);
	put(calls, sizeof calls);
	put(read, sizeof read);
	keep("wire", "each-call");
	put_byte(2);
	put_byte(0x84);
	put_byte(0x85);
	put(read, sizeof read);
	keep("wire", "small-writer");
}

/* ---- snapshots ---- */

static void
snapshot(unsigned accounts, unsigned roles)
{
	struct lb_snapshot_account a[40];
	struct lb_snapshot_group g[8];
	static char names[40][40], homes[40][60], groups[8][40];
	uint32_t gids[8], many[100];
	static const uint32_t sessions[] = {1, 77, 4294967294};
	struct lb_snapshot_own own[] = {
		{"alice", 2000000000 * SECOND_NS, 1000 * SECOND_NS, gids, roles + 1, sessions, 3},
		{"bob", SECOND_NS, 1000 * SECOND_NS, gids, roles, sessions + 1, 1},
		{"an-account-of-thirty-two-letters", 2000000000 * SECOND_NS, SECOND_NS, many, 100,
		 NULL, 0},
	};
	void *buf = NULL;
	const char *why = NULL;
	size_t size = 0;
	char name[40];

	for (unsigned i = 0; i < roles; i++) {
		snprintf(groups[i], sizeof groups[i], "lbr-role-%u", i);
		g[i] = (struct lb_snapshot_group){groups[i], LB_UID_FIRST + i};
		gids[i] = LB_UID_FIRST + i;
	}
	gids[roles] = 4;
	for (uint32_t i = 0; i < 100; i++)
		many[i] = 1000 + i;
	for (unsigned i = 0; i < accounts; i++) {
		snprintf(names[i], sizeof names[i], "lb-%s-%u", i % 2 ? "bob" : "annamaria", i + 1);
		snprintf(homes[i], sizeof homes[i], "/home/%.39s", names[i]);
		a[i] = (struct lb_snapshot_account){
			.name = names[i],
			.uid = LB_ACCOUNT_UID_FIRST + i + 1,
			.gid = LB_ACCOUNT_UID_FIRST + i + 1,
			.gecos = i % 3 ? "Anna" : "",
			.home = homes[i],
			.shell = "/bin/sh",
			.end_wall_ns = (i % 5 == 4 ? 1 : 2000000000) * SECOND_NS,
			.end_boot_ns = 1000 * SECOND_NS,
			.groups = gids,
			.ngroups = i % (roles + 2),
		};
		/* Too long for a slot. */
		if (i == 7) {
			a[i].groups = many;
			a[i].ngroups = 100;
		}
	}
	must(lb_snapshot_build_own(a, accounts, g, roles, own, accounts % 4, &buf, &size, &why),
	     "snapshot");
	put(buf, size);
	free(buf);
	snprintf(name, sizeof name, "%u-accounts-%u-roles", accounts, roles);
	memcpy(seed.bytes + sizeof seed.bytes / 2, seed.bytes, size);
	keep("snapshot", name);
	put(seed.bytes + sizeof seed.bytes / 2, size);
	keep("nss", name);
}

/* ---- the store ---- */

static struct lb_grant
a_grant(void)
{
	struct lb_grant g = {.id = 1,
			     .state = LB_STATE_ACTIVE,
			     .identity = "alice",
			     .role = "db-operator",
			     .reason = "index is broken",
			     .duration_s = 1800,
			     .requested_s = 1800000000,
			     .until_s = 1800001800,
			     .claimed_s = 1800000000,
			     .end_s = 1800001800,
			     .groups = "adm",
			     .sudo = "/usr/bin/id -u",
			     .shell = "/bin/bash",
			     .sessions_max = 4,
			     .levels = 1,
			     .level = {{.name = "approval", .teams = "leads", .need = 1}},
			     .have = 1,
			     .approval = {{.identity = "bob", .at_s = 1800000000}},
			     .account = "lb-alice-1",
			     .uid = LB_ACCOUNT_UID_FIRST + 1,
			     .otp = LB_OTP_READY};

	return g;
}

static void
record(unsigned number, enum lb_table table, struct lb_key key, const void *value)
{
	uint8_t bytes[LB_RECORD_MAX];
	size_t len = 0;

	must(lb_record_encode(table, &key, value, bytes, &len), lb_table_name(table));
	put_byte(number);
	put_byte((unsigned)key.size);
	put(key.bytes, key.size);
	put(bytes, len);
	keep("store", lb_table_name(table));
}

static void
records(void)
{
	static const uint8_t prev[LB_HASH_SIZE];
	struct lb_grant g = a_grant();
	struct lb_counters counters = {.grant = 1, .session = 1, .serial = 1, .role = 1};
	struct lb_uid_entry uid = {.grant = 1};
	struct lb_session session = {.grant = 1, .number = 1, .pid = 77, .service = "sshd"};
	struct lb_role_entry role = {.gid = LB_UID_FIRST};
	static struct lb_signed signed_by = {.grant = 1,
					     .number = 1,
					     .approver = "bob",
					     .used_s = 1800000100,
					     .key = "ssh-ed25519 AAAA",
					     .text = "lockbox-approval 1\nhost: db1\n",
					     .signature = "-----BEGIN SSH SIGNATURE-----\n"};
	static struct lb_attestation attested = {
		"alice", "screening", LB_ATTESTED_HOLDS, "eve", 1700000000, 1731536000, ""};
	static struct lb_eligibility eligible = {"alice",    "db-operator", LB_ELIGIBLE_HOLDS,
						 "on call",  1700000100,    "bob",
						 1700000200, 1715552200,    ""};
	static struct lb_customer customer = {
		.name = "acme",
		.change = 2,
		.changed_s = 1700000000,
		.on = 1,
		.approvals = 1,
		.roles = "acme-db, acme-web",
		.keys = 2,
		.key = {{"eve", "ssh-ed25519 AAAA"}, {"fay", "ssh-ed25519 AAAB"}}};
	struct lb_msg_record r = {
		.seq = 1, .event = "claim", .identity = "alice", .actor = "alice"};
	struct lb_key key = lb_key_u64(1);
	uint8_t bytes[LB_RECORD_MAX];
	size_t len = 0;

	record(0, LB_TABLE_META, lb_key_text(LB_KEY_COUNTERS), &counters);
	record(1, LB_TABLE_GRANT, lb_key_u64(1), &g);
	record(2, LB_TABLE_UID, lb_key_u32(g.uid), &uid);
	record(3, LB_TABLE_SESSION, lb_key_pair(1, 1), &session);
	record(4, LB_TABLE_ROLE, lb_key_text("db-operator"), &role);
	record(6, LB_TABLE_STATEMENT, lb_key_pair(1, 1), &signed_by);
	record(7, LB_TABLE_ATTESTATION, lb_key_names("alice", "screening"), &attested);
	record(8, LB_TABLE_ELIGIBILITY, lb_key_names("alice", "db-operator"), &eligible);
	memset(customer.nonce, 0x5a, sizeof customer.nonce);
	record(9, LB_TABLE_CUSTOMER, lb_key_text("acme"), &customer);
	must(lb_audit_encode(prev, &r, bytes, &len), "audit");
	put_byte(5);
	put_byte((unsigned)key.size);
	put(key.bytes, key.size);
	put(bytes, len);
	keep("store", "audit");
}

/* What one transaction leaves in the journal: its changes, and the blocks that hold them. */
static void
journal(void)
{
	struct lb_counters counters = {.grant = 1, .epoch = 3};
	struct lb_key key = lb_key_text(LB_KEY_COUNTERS);
	uint8_t bytes[LB_RECORD_MAX], page[LB_BLOCK_PAGE];
	struct lb_bytes all = {NULL, 0, 0}, blocks = {NULL, 0, 0};
	struct lb_change change = {LB_TABLE_META, key, bytes, 0};
	struct lb_grant g = a_grant();

	must(lb_record_encode(LB_TABLE_META, &key, &counters, bytes, &change.size), "counters");
	must(lb_change_add(&all, &change), "change");
	change = (struct lb_change){LB_TABLE_GRANT, lb_key_u64(1), bytes, 0};
	must(lb_record_encode(LB_TABLE_GRANT, &change.key, &g, bytes, &change.size), "grant");
	must(lb_change_add(&all, &change), "change");
	change = (struct lb_change){LB_TABLE_LIVE, lb_key_u64(1), NULL, 0};
	must(lb_change_add(&all, &change), "change");
	put_byte(0);
	put(all.bytes, all.size);
	keep("journal", "changes");
	must(lb_blocks_cut(&all, 3, 0, &blocks), "blocks");
	lb_blocks_blank(0, 1, page);
	memcpy(page, blocks.bytes, blocks.size);
	put_byte(1);
	put(page, sizeof page);
	keep("journal", "blocks");
	free(all.bytes);
	free(blocks.bytes);
}

static void
fill_store(struct lb_store *store)
{
	struct lb_store_txn *t;
	struct lb_grant g = a_grant();
	struct lb_msg_record r = {.event = "claim", .identity = "alice", .actor = "alice"};
	struct lb_session session = {.grant = 1, .service = "sshd"};
	uint32_t serial, gid;

	must(lb_store_begin(store, LB_STORE_WRITE, &t), "begin");
	must(lb_store_next_id(t, &g.id), "id");
	must(lb_store_next_serial(t, &serial), "serial");
	g.uid = lb_account_uid(serial);
	must(lb_store_put_grant(t, &g), "grant");
	must(lb_store_role_gid(t, g.role, &gid), "gid");
	must(lb_store_put_session(t, &session), "session");
	for (int i = 0; i < 12; i++)
		must(lb_store_append(t, &r), "audit");
	must(lb_store_commit(t), "commit");
}

/* The file without the empty pages at its end. */
static void
store_file(const char *dir)
{
	char path[PATH_MAX];
	FILE *f;
	size_t n;

	snprintf(path, sizeof path, "%s/%s", dir, LB_STORE_FILE);
	f = fopen(path, "re");
	if (f == NULL)
		die(path);
	n = fread(seed.bytes, 1, sizeof seed.bytes, f);
	fclose(f);
	while (n > 4096 && memcmp(seed.bytes + n - 4096, seed.bytes + n - 4095, 4095) == 0 &&
	       seed.bytes[n - 1] == 0)
		n -= 4096;
	seed.used = n;
	keep("pages", "store");
	unlink(path);
	if (rmdir(dir) != 0)
		die(dir);
}

static void
store(void)
{
	char dir[] = "/tmp/lockbox-seed-XXXXXX";
	struct lb_store *s;

	if (mkdtemp(dir) == NULL)
		die(dir);
	must(lb_store_open(dir, MAP_SIZE, &s), "store");
	fill_store(s);
	lb_store_close(s);
	store_file(dir);
}

/* ---- programs ---- */

static void
gate(const char *name, unsigned how, const char *command, const uint16_t *types, size_t count)
{
	uint8_t frame[LB_HEADER_SIZE + LB_PAYLOAD_MAX];

	put_byte(how);
	put_text(command);
	for (size_t i = 0; i < count; i++) {
		union lb_msg msg = {0};

		fill(lb_proto_layout(types[i]), &msg);
		if (types[i] == LB_MSG_DONE)
			msg.done.more = 0;
		put(frame, encode(types[i], &msg, frame));
	}
	keep("args", name);
}

#define GATE(name, how, command, ...)                                                              \
	do {                                                                                       \
		static const uint16_t types[] = {__VA_ARGS__};                                     \
		gate(name, how, command, types, sizeof types / sizeof types[0]);                   \
	} while (0)

static void
gates(void)
{
	GATE("roles", 1, "roles", LB_MSG_DONE, LB_MSG_ROLE, LB_MSG_DONE);
	GATE("request", 1, "request db-operator --for 30m --reason index is broken", LB_MSG_DONE,
	     LB_MSG_GRANT, LB_MSG_DONE);
	GATE("request-later", 1,
	     "request pages --resource wiki --for 5m --start-at 18:30 --ticket CS-7 --reason edit",
	     LB_MSG_DONE, LB_MSG_GRANT, LB_MSG_DONE);
	GATE("extend", 1, "extend R-17 --for 15m --reason not done yet", LB_MSG_DONE, LB_MSG_GRANT,
	     LB_MSG_DONE);
	GATE("break-glass", 1, "request root --break-glass --reason db is down", LB_MSG_DONE,
	     LB_MSG_GRANT, LB_MSG_DONE);
	GATE("review", 1, "review R-17 --justified --comment it was needed", LB_MSG_DONE,
	     LB_MSG_GRANT, LB_MSG_DONE);
	GATE("metrics", 0, "metrics", LB_MSG_METRICS_REPORT, LB_MSG_DONE);
	GATE("customer", 1, "customer acme", LB_MSG_DONE, LB_MSG_CUSTOMER_VIEW, LB_MSG_DONE);
	GATE("customer-json", 3, "customer", LB_MSG_DONE, LB_MSG_CUSTOMER_VIEW,
	     LB_MSG_CUSTOMER_VIEW, LB_MSG_DONE);
	GATE("customer-statement", 0, "customer acme --on --statement", LB_MSG_CUSTOMER_VIEW,
	     LB_MSG_DONE);
	GATE("customer-change", 1, "customer acme --approvers eve,fay --approvals 2 --signature -",
	     LB_MSG_DONE, LB_MSG_CUSTOMER_VIEW, LB_MSG_DONE);
	GATE("status", 1, "status", LB_MSG_DONE, LB_MSG_GRANT, LB_MSG_GRANT, LB_MSG_DONE);
	GATE("status-json", 3, "status", LB_MSG_DONE, LB_MSG_GRANT, LB_MSG_GRANT, LB_MSG_DONE);
	GATE("show", 5, "show R-17", LB_MSG_DONE, LB_MSG_GRANT, LB_MSG_DONE);
	GATE("claim", 1, "claim R-17", LB_MSG_DONE, LB_MSG_CLAIMED, LB_MSG_DONE);
	GATE("claim-json", 3, "claim R-17", LB_MSG_DONE, LB_MSG_CLAIMED, LB_MSG_DONE);
	GATE("approve", 1, "approve R-17 --comment \"it's fine\"", LB_MSG_DONE, LB_MSG_GRANT,
	     LB_MSG_DONE);
	GATE("approve-signature", 1, "approve R-17 --signature -", LB_MSG_DONE, LB_MSG_GRANT,
	     LB_MSG_DONE);
	GATE("approve-unsigned", 1, "approve R-17", LB_MSG_DONE, LB_MSG_REFUSED);
	GATE("statement", 0, "show R-17 --statement", LB_MSG_TO_SIGN, LB_MSG_DONE);
	GATE("statement-json", 3, "show R-17 --statement", LB_MSG_DONE, LB_MSG_TO_SIGN,
	     LB_MSG_DONE);
	GATE("eligibility", 0, "eligibility", LB_MSG_ELIGIBLE, LB_MSG_ELIGIBLE, LB_MSG_DONE);
	GATE("eligibility-json", 3, "eligibility pending", LB_MSG_DONE, LB_MSG_ELIGIBLE,
	     LB_MSG_DONE);
	GATE("eligibility-request", 1, "eligibility request db-operator --reason on call",
	     LB_MSG_DONE, LB_MSG_ELIGIBLE, LB_MSG_DONE);
	GATE("eligibility-approve", 1, "eligibility approve alice db-operator", LB_MSG_DONE,
	     LB_MSG_ELIGIBLE, LB_MSG_DONE);
	GATE("attest", 1, "eligibility attest alice screening", LB_MSG_DONE, LB_MSG_ATTESTED,
	     LB_MSG_DONE);
	GATE("eligibility-revoke", 1, "eligibility revoke alice", LB_MSG_DONE, LB_MSG_DONE);
	GATE("evidence", 1, "evidence R-17", LB_MSG_DONE, LB_MSG_SIGNED, LB_MSG_DONE);
	GATE("evidence-json", 2, "evidence R-17", LB_MSG_SIGNED, LB_MSG_SIGNED, LB_MSG_DONE);
	GATE("deny", 1, "deny R-17 --reason='not now'", LB_MSG_DONE, LB_MSG_REFUSED);
	GATE("audit", 0, "audit --grant R-17 --after 120", LB_MSG_RECORD, LB_MSG_DONE);
	GATE("audit-json", 2, "audit --after 120", LB_MSG_RECORD, LB_MSG_RECORD, LB_MSG_DONE);
	GATE("pending", 4, "pending", LB_MSG_GRANT, LB_MSG_DONE);
	GATE("help", 1, "help", LB_MSG_DONE);
	GATE("quoting", 0, "request 'a\\b' --reason \"x\\\"y\" --ticket=T\\ 1", LB_MSG_DONE);
	GATE("refused", 3, "end R-17", LB_MSG_REFUSED);
}

static void
items(void)
{
	static const char *const names[] = {"grant", "role", "claimed", "record", "refused"};

	for (unsigned i = 0; i < 5; i++) {
		put_byte(i);
		for (unsigned n = 0; n < 30; n++)
			put_text(n % 2 ? "adm, lbr-db" : "1234567");
		keep("json", names[i]);
	}
}

static void
module(const char *name, unsigned call, unsigned who, unsigned how, const char *user,
       const char *service, const char *typed, unsigned verdict)
{
	uint8_t frame[LB_HEADER_SIZE + LB_PAYLOAD_MAX];
	struct lb_msg_verdict v = {.verdict = (uint8_t)verdict, .text = "Lockbox: until 12:00"};

	put_byte(call);
	put_byte(who);
	put_byte(how);
	put_text(user);
	put_text(service);
	put_text("10.0.0.1");
	put_text(typed);
	put(frame, encode(LB_MSG_VERDICT, &v, frame));
	keep("pam", name);
}

static void
pam(void)
{
	static const char conf[] = "# comment\ngate lockbox\nsystem cron\nroot-caller su\n"
				   "exempt login root\n";

	module("auth-yes", 0, 2, 3, "lb-alice-1", "sshd", "cy1k-ezcp-s60a-283r", 2);
	module("auth-no", 0, 2, 3, "lb-alice-1", "sshd", "cy1k-ezcp-s60a-283r", 1);
	module("auth-silent", 0, 2, 1, "lb-alice-1", "sshd", "", 2);
	module("auth-gone", 0, 6, 3, "lb-alice-1", "sshd", "cy1k-ezcp-s60a-283r", 2);
	module("auth-odd", 0, 1, 3, "lb-alice-1", "sshd", "cy1k-ezcp-s60a-283r", 2);
	module("account-yes", 1, 2, 3, "lb-alice-1", "sshd", "", 2);
	module("account-person", 1, 1, 3, "alice", "sshd", "", 2);
	module("account-large-entry", 1, 7, 3, "lb-alice-1", "sudo", "", 2);
	module("session", 2, 2, 3, "lb-alice-1", "sshd", "", 2);
	put_byte(3);
	put(conf, sizeof conf - 1);
	keep("pam", "conf");
}

static void
texts(void)
{
	static const char *const all[] = {"1h30m",
					  "366d",
					  "999999999s",
					  "plain",
					  "tab\t\x1b[31m\x9b",
					  "\xe2\x80\xae reversed \xf0\x9f\x98\x80 \"quoted\" \\",
					  "lb-alice-1",
					  "alice",
					  "/usr/bin/id",
					  "4294967294",
					  "0"};
	char name[16];

	for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
		put_byte(i * 7);
		put("\0\0\0\0\0\0\x12\x34", 8);
		put_text(all[i]);
		snprintf(name, sizeof name, "%u", i);
		keep("text", name);
	}
}

/* Signatures of the text that tests/fuzz/sshsig.c knows, whole and as blobs. */
static void
signatures(void)
{
	static const char signed_text[] = "what was signed";
	struct making what = making_default("lockbox-approval", signed_text, strlen(signed_text));

	for (unsigned i = 0; i < 8; i++) {
		const struct maker m = maker_new((uint8_t)i, i & 1 ? "ssh:" : NULL);
		uint8_t blob[MADE_MAX];
		char text[MADE_MAX], name[16];
		size_t len;

		what.hash = i & 2 ? "sha256" : "sha512";
		len = make_blob(&m, &what, blob);
		put_byte(i & 4);
		if (i & 4)
			put(blob, len);
		else
			put(text, make_armor(blob, len, text));
		snprintf(name, sizeof name, "%u", i);
		keep("sshsig", name);
	}
}

int
main(int argc, char **argv)
{
	if (argc != 2 || sodium_init() < 0) {
		fprintf(stderr, "usage: seed_corpus DIRECTORY\n");
		return 2;
	}
	top = argv[1];
	messages();
	wire();
	snapshot(0, 0);
	snapshot(1, 1);
	snapshot(3, 2);
	snapshot(20, 3);
	records();
	journal();
	store();
	gates();
	items();
	pam();
	texts();
	signatures();
	return 0;
}
