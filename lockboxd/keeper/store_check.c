/*
 * Examining a store without changing it: see store.h, STORE-FORMAT.
 *
 * LMDB trusts its pages and faults on bad ones, so all of this happens in a
 * child.  The child looks at the pages first (store_pages.h), then reads every
 * record through LMDB, and says what it found through a pipe; one that says
 * nothing has found damage.
 */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "err.h"
#include "store_inside.h"
#include "store_pages.h"
#include "wire.h"

#define WHY_MAX 256
#define CHECK_LIMIT_S 300

/* What the child sends: the whole of it, or it does not count. */
struct finding {
	int err;
	char why[WHY_MAX];
};

struct check {
	MDB_txn *txn;
	MDB_dbi dbi[LB_TABLE_COUNT];
	struct lb_counters counters;
	uint64_t expected[LB_TABLE_COUNT]; /* index entries that the grants call for */
	uint64_t seen[LB_TABLE_COUNT];
	uint8_t chain[LB_HASH_SIZE];
	uint64_t seq;
	uint8_t gid_taken[LB_ROLE_GIDS];
	struct finding *finding;
};

static int __attribute__((format(printf, 3, 4)))
found(struct finding *f, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(f->why, sizeof f->why, format, args);
	va_end(args);
	f->err = err;
	return err;
}

/* ---- records, in the child ---- */

static int
damaged(struct check *c, enum lb_table table, const char *what, uint64_t id)
{
	return found(c->finding, LB_ERR_DAMAGED, "database %s: %s (%llu)", lb_table_name(table),
		     what, (unsigned long long)id);
}

static bool
present(struct check *c, enum lb_table table, struct lb_key key, MDB_val *value)
{
	MDB_val k = {key.size, key.bytes};

	return mdb_get(c->txn, c->dbi[table], &k, value) == 0;
}

/* One index entry that a grant calls for. */
static int
expect(struct check *c, enum lb_table table, struct lb_key key, uint64_t id)
{
	MDB_val value;

	c->expected[table]++;
	if (!present(c, table, key, &value))
		return damaged(c, table, "an entry is missing for record", id);
	return LB_OK;
}

static int
expect_uid(struct check *c, const struct lb_grant *g)
{
	struct lb_key key = lb_key_u32(g->uid);
	struct lb_uid_entry entry;
	MDB_val v;

	c->expected[LB_TABLE_UID]++;
	if (!present(c, LB_TABLE_UID, key, &v) ||
	    lb_record_decode(LB_TABLE_UID, key.bytes, key.size, v.mv_data, v.mv_size, &entry) !=
		    LB_OK ||
	    entry.grant != g->id)
		return damaged(c, LB_TABLE_UID, "a user id is not that of its grant", g->id);
	if (!lb_uid_handed_out(g->uid, &c->counters))
		return damaged(c, LB_TABLE_UID, "a user id was never handed out", g->uid);
	return LB_OK;
}

static int
check_meta(struct check *c, MDB_val *key, MDB_val *value)
{
	/* Read on their own before; here only that there is nothing else. */
	static const char *const known[] = {LB_KEY_FORMAT, LB_KEY_COUNTERS, LB_KEY_JOURNAL};

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (key->mv_size == strlen(known[i]) &&
		    memcmp(key->mv_data, known[i], key->mv_size) == 0)
			return LB_OK;
	return damaged(c, LB_TABLE_META, "an unknown record, of bytes", value->mv_size);
}

static int
check_grant(struct check *c, MDB_val *key, MDB_val *value)
{
	struct lb_grant g;
	int err = lb_record_decode(LB_TABLE_GRANT, key->mv_data, key->mv_size, value->mv_data,
				   value->mv_size, &g);

	if (err != LB_OK)
		return damaged(c, LB_TABLE_GRANT, "a record breaks the format, number",
			       c->seen[LB_TABLE_GRANT]);
	if (g.id > c->counters.grant)
		return damaged(c, LB_TABLE_GRANT, "an id was never handed out", g.id);
	err = expect(c, LB_TABLE_PERSON, lb_key_person(g.identity, g.id), g.id);
	if (err == LB_OK && g.ticket[0] != '\0')
		err = expect(c, LB_TABLE_TICKET, lb_key_ticket(g.ticket, g.id), g.id);
	if (err == LB_OK && g.uid != 0)
		err = expect_uid(c, &g);
	if (err == LB_OK && g.begun_s != 0)
		err = expect(c, LB_TABLE_BEGUN, lb_key_begun(g.identity, g.begun_s, g.id), g.id);
	if (err == LB_OK && g.review == LB_REVIEW_OPEN)
		err = expect(c, LB_TABLE_REVIEW, lb_key_u64(g.id), g.id);
	if (err != LB_OK || !lb_state_live(g.state))
		return err;
	err = expect(c, LB_TABLE_LIVE, lb_key_u64(g.id), g.id);
	if (err == LB_OK)
		err = expect(c, LB_TABLE_OWN, lb_key_person(g.identity, g.id), g.id);
	if (err == LB_OK && g.until_s != 0)
		err = expect(c, LB_TABLE_DEADLINE, lb_key_pair(g.until_s, g.id), g.id);
	return err;
}

/* What the grants call for was found already; the counts tell whether there is more. */
static int
check_index(struct check *c, MDB_val *key, MDB_val *value)
{
	(void)key;
	if (value->mv_size != 0)
		return found(c->finding, LB_ERR_DAMAGED, "an index entry has a value");
	return LB_OK;
}

/* Somebody is told of a grant whose review is open. */
static int
check_notice(struct check *c, MDB_val *key, MDB_val *value)
{
	struct lb_key k = {.size = key->mv_size};
	char identity[LB_IDENTITY_MAX + 1];
	MDB_val review;
	uint64_t id;

	if (k.size > sizeof k.bytes || value->mv_size != 0)
		return damaged(c, LB_TABLE_NOTICE, "an entry breaks the format, number",
			       c->seen[LB_TABLE_NOTICE]);
	memcpy(k.bytes, key->mv_data, k.size);
	if (lb_key_person_decode(&k, identity, &id) != LB_OK)
		return damaged(c, LB_TABLE_NOTICE, "an entry breaks the format, number",
			       c->seen[LB_TABLE_NOTICE]);
	if (!present(c, LB_TABLE_REVIEW, lb_key_u64(id), &review))
		return damaged(c, LB_TABLE_NOTICE, "there is no open review of", id);
	return LB_OK;
}

static int
check_uid(struct check *c, MDB_val *key, MDB_val *value)
{
	struct lb_uid_entry entry;

	if (lb_record_decode(LB_TABLE_UID, key->mv_data, key->mv_size, value->mv_data,
			     value->mv_size, &entry) != LB_OK)
		return damaged(c, LB_TABLE_UID, "a record breaks the format, number",
			       c->seen[LB_TABLE_UID]);
	return LB_OK;
}

static int
check_session(struct check *c, MDB_val *key, MDB_val *value)
{
	struct lb_session s;
	MDB_val grant;

	if (lb_record_decode(LB_TABLE_SESSION, key->mv_data, key->mv_size, value->mv_data,
			     value->mv_size, &s) != LB_OK)
		return damaged(c, LB_TABLE_SESSION, "a record breaks the format, number",
			       c->seen[LB_TABLE_SESSION]);
	if (s.number > c->counters.session)
		return damaged(c, LB_TABLE_SESSION, "a number was never handed out", s.number);
	if (!present(c, LB_TABLE_GRANT, lb_key_u64(s.grant), &grant))
		return damaged(c, LB_TABLE_SESSION, "there is no grant", s.grant);
	return LB_OK;
}

static int
check_statement(struct check *c, MDB_val *key, MDB_val *value)
{
	struct lb_signed s;
	MDB_val grant;

	if (lb_record_decode(LB_TABLE_STATEMENT, key->mv_data, key->mv_size, value->mv_data,
			     value->mv_size, &s) != LB_OK)
		return damaged(c, LB_TABLE_STATEMENT, "a record breaks the format, number",
			       c->seen[LB_TABLE_STATEMENT]);
	if (!present(c, LB_TABLE_GRANT, lb_key_u64(s.grant), &grant))
		return damaged(c, LB_TABLE_STATEMENT, "there is no grant", s.grant);
	return LB_OK;
}

static int
check_customer(struct check *c, MDB_val *key, MDB_val *value)
{
	struct lb_customer customer;

	if (lb_record_decode(LB_TABLE_CUSTOMER, key->mv_data, key->mv_size, value->mv_data,
			     value->mv_size, &customer) != LB_OK)
		return damaged(c, LB_TABLE_CUSTOMER, "a record breaks the format, number",
			       c->seen[LB_TABLE_CUSTOMER]);
	return LB_OK;
}

static int
check_attestation(struct check *c, MDB_val *key, MDB_val *value)
{
	struct lb_attestation a;
	struct lb_lapse lapse;

	if (lb_record_decode(LB_TABLE_ATTESTATION, key->mv_data, key->mv_size, value->mv_data,
			     value->mv_size, &a) != LB_OK)
		return damaged(c, LB_TABLE_ATTESTATION, "a record breaks the format, number",
			       c->seen[LB_TABLE_ATTESTATION]);
	return lb_attestation_lapses(&a, &lapse) ? expect(c, LB_TABLE_LAPSE, lb_key_lapse(&lapse),
							  c->seen[LB_TABLE_ATTESTATION])
						 : LB_OK;
}

static int
check_eligibility(struct check *c, MDB_val *key, MDB_val *value)
{
	struct lb_eligibility e;
	struct lb_lapse lapse;

	if (lb_record_decode(LB_TABLE_ELIGIBILITY, key->mv_data, key->mv_size, value->mv_data,
			     value->mv_size, &e) != LB_OK)
		return damaged(c, LB_TABLE_ELIGIBILITY, "a record breaks the format, number",
			       c->seen[LB_TABLE_ELIGIBILITY]);
	return lb_eligibility_lapses(&e, &lapse) ? expect(c, LB_TABLE_LAPSE, lb_key_lapse(&lapse),
							  c->seen[LB_TABLE_ELIGIBILITY])
						 : LB_OK;
}

static int
check_role(struct check *c, MDB_val *key, MDB_val *value)
{
	struct lb_role_entry entry;
	uint32_t number;

	if (lb_record_decode(LB_TABLE_ROLE, key->mv_data, key->mv_size, value->mv_data,
			     value->mv_size, &entry) != LB_OK)
		return damaged(c, LB_TABLE_ROLE, "a record breaks the format, number",
			       c->seen[LB_TABLE_ROLE]);
	number = entry.gid - LB_UID_FIRST;
	if (number >= c->counters.role)
		return damaged(c, LB_TABLE_ROLE, "a group id was never handed out", entry.gid);
	if (c->gid_taken[number]++)
		return damaged(c, LB_TABLE_ROLE, "two roles have the group id", entry.gid);
	return LB_OK;
}

static int
check_audit(struct check *c, MDB_val *key, MDB_val *value)
{
	struct lb_msg_record record;

	if (lb_audit_decode(c->chain, key->mv_data, key->mv_size, value->mv_data, value->mv_size,
			    &record) != LB_OK ||
	    record.seq != c->seq + 1)
		return damaged(c, LB_TABLE_AUDIT, "the chain breaks at record", c->seq + 1);
	c->seq = record.seq;
	memcpy(c->chain, record.hash, sizeof c->chain);
	return LB_OK;
}

/* Records come before the indexes that are measured against them. */
static const struct {
	enum lb_table table;
	int (*entry)(struct check *c, MDB_val *key, MDB_val *value);
	bool counted; /* as many entries as the records call for */
} passes[] = {
	{LB_TABLE_META, check_meta, false},
	{LB_TABLE_GRANT, check_grant, false},
	{LB_TABLE_LIVE, check_index, true},
	{LB_TABLE_PERSON, check_index, true},
	{LB_TABLE_OWN, check_index, true},
	{LB_TABLE_BEGUN, check_index, true},
	{LB_TABLE_DEADLINE, check_index, true},
	{LB_TABLE_UID, check_uid, true},
	{LB_TABLE_SESSION, check_session, false},
	{LB_TABLE_ROLE, check_role, false},
	{LB_TABLE_AUDIT, check_audit, false},
	{LB_TABLE_STATEMENT, check_statement, false},
	{LB_TABLE_TICKET, check_index, true},
	{LB_TABLE_CUSTOMER, check_customer, false},
	{LB_TABLE_ATTESTATION, check_attestation, false},
	{LB_TABLE_ELIGIBILITY, check_eligibility, false},
	{LB_TABLE_LAPSE, check_index, true},
	{LB_TABLE_REVIEW, check_index, true},
	{LB_TABLE_NOTICE, check_notice, false},
};

static int
run_pass(struct check *c, size_t i)
{
	enum lb_table table = passes[i].table;
	MDB_cursor *cursor;
	MDB_val key, value;
	int rc, err = LB_OK;

	if (mdb_cursor_open(c->txn, c->dbi[table], &cursor) != 0)
		return damaged(c, table, "it cannot be read", 0);
	while (err == LB_OK && (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		c->seen[table]++;
		err = passes[i].entry(c, &key, &value);
	}
	mdb_cursor_close(cursor);
	if (err != LB_OK)
		return err;
	if (rc != MDB_NOTFOUND)
		return damaged(c, table, "it cannot be read after entry", c->seen[table]);
	if (passes[i].counted && c->seen[table] != c->expected[table])
		return damaged(c, table, "more entries than records call for", c->seen[table]);
	return LB_OK;
}

static int
read_counters(struct check *c)
{
	struct lb_key key = lb_key_text(LB_KEY_COUNTERS);
	MDB_val v;

	if (!present(c, LB_TABLE_META, key, &v) ||
	    lb_record_decode(LB_TABLE_META, key.bytes, key.size, v.mv_data, v.mv_size,
			     &c->counters) != LB_OK)
		return damaged(c, LB_TABLE_META, "the counters break the format", 0);
	return LB_OK;
}

/* As many databases as there should be: a newer format may have more, so the version comes first. */
static int
check_databases(struct check *c, MDB_env *env)
{
	MDB_stat stat;
	int err = lb_store_check_version(c->txn);

	if (err == LB_ERR_VERSION)
		return found(c->finding, err,
			     "the store was written by another version of lockboxd");
	if (err != LB_OK)
		return found(c->finding, err, "the store has no format number");
	if (lb_store_open_tables(c->txn, c->dbi, 0) != LB_OK)
		return found(c->finding, LB_ERR_DAMAGED, "a database is missing");
	if (mdb_env_stat(env, &stat) != 0 || stat.ms_entries != LB_TABLE_COUNT)
		return found(c->finding, LB_ERR_DAMAGED, "there are unknown databases");
	return LB_OK;
}

static int
check_records(struct finding *f, MDB_env *env)
{
	static struct check c; /* large, and once per process */
	int err;

	c.finding = f;
	if (mdb_txn_begin(env, NULL, MDB_RDONLY, &c.txn) != 0)
		return found(f, LB_ERR_DAMAGED, "no transaction can be begun");
	err = check_databases(&c, env);
	if (err == LB_OK)
		err = read_counters(&c);
	for (size_t i = 0; err == LB_OK && i < sizeof passes / sizeof passes[0]; i++)
		err = run_pass(&c, i);
	/* What it holds came from a store that was sound, and goes into this one. */
	if (err == LB_OK &&
	    (err = lb_journal_check(c.txn, c.dbi[LB_TABLE_META], c.counters.epoch)) != LB_OK)
		found(f, err, "the journal is spoilt");
	mdb_txn_abort(c.txn);
	return err;
}

/* ---- the child ---- */

static int
check_pages(struct finding *f, const char *path, size_t *size)
{
	struct stat st;
	uint8_t *file = MAP_FAILED;
	int err = LB_ERR_SYSTEM, fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0 && fstat(fd, &st) == 0) {
		if (!S_ISREG(st.st_mode) || st.st_size == 0)
			err = found(f, LB_ERR_DAMAGED, "%s is empty or not a file", path);
		else
			file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	}
	if (file != MAP_FAILED) {
		f->err = err =
			lb_store_pages_check(file, (size_t)st.st_size, f->why, sizeof f->why);
		if (err == LB_ERR_NOMEM)
			found(f, err, "out of memory");
		munmap(file, (size_t)st.st_size);
		*size = (size_t)st.st_size;
	} else if (err == LB_ERR_SYSTEM) {
		found(f, err, "%s: %s", path, strerror(errno));
	}
	if (fd >= 0)
		close(fd);
	return err;
}

static void
examine(struct finding *f, const char *path)
{
	MDB_env *env;
	size_t size = 0;

	if (check_pages(f, path, &size) != LB_OK)
		return;
	if (mdb_env_create(&env) != 0) {
		found(f, LB_ERR_NOMEM, "out of memory");
		return;
	}
	/* As large as the file, whatever a meta page says. */
	if (mdb_env_set_mapsize(env, size) != 0 || mdb_env_set_maxdbs(env, LB_TABLE_COUNT) != 0 ||
	    mdb_env_open(env, path, MDB_RDONLY | MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOTLS, 0) != 0)
		found(f, LB_ERR_DAMAGED, "%s cannot be opened as a store", path);
	else
		f->err = check_records(f, env);
	mdb_env_close(env);
}

/* A fault here must end the child: no handler of the parent's, no core with hashes in it. */
static void
become_child(pid_t parent)
{
	static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTERM, SIGPIPE};
	const struct rlimit none = {0, 0};

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent ||
	    setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0)
		_exit(1);
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
		signal(faults[i], SIG_DFL);
}

static void __attribute__((noreturn)) run_child(const char *path, int out, pid_t parent)
{
	struct finding f = {0};

	become_child(parent);
	examine(&f, path);
	_exit(write(out, &f, sizeof f) == (ssize_t)sizeof f ? 0 : 1);
}

/* ---- the parent ---- */

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* True when the whole finding came before the deadline. */
static bool
receive(int in, struct finding *f)
{
	int64_t left, end = now_ms() + INT64_C(1000) * CHECK_LIMIT_S;
	struct pollfd p = {.fd = in, .events = POLLIN};
	size_t got = 0;

	while (got < sizeof *f && (left = end - now_ms()) > 0) {
		ssize_t n = 0;

		if (poll(&p, 1, (int)left) > 0)
			n = read(in, (char *)f + got, sizeof *f - got);
		else if (errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		got += (size_t)n;
	}
	f->why[sizeof f->why - 1] = '\0';
	return got == sizeof *f;
}

static void
judge(bool whole, int status, struct finding *f)
{
	if (WIFSIGNALED(status) && !whole)
		found(f, LB_ERR_DAMAGED, "reading it ended in signal %d", WTERMSIG(status));
	else if (!whole || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		found(f, LB_ERR_DAMAGED, "the examination did not come to an end");
}

static int
examine_in_child(const char *path, struct finding *f)
{
	int ends[2], status = 0;
	bool whole;
	pid_t reaped, parent = getpid(), child;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return LB_ERR_SYSTEM;
	child = fork();
	if (child == 0) {
		close(ends[0]);
		run_child(path, ends[1], parent);
	}
	close(ends[1]);
	if (child < 0) {
		close(ends[0]);
		return LB_ERR_SYSTEM;
	}
	whole = receive(ends[0], f);
	close(ends[0]);
	if (!whole)
		kill(child, SIGKILL);
	do
		reaped = waitpid(child, &status, 0);
	while (reaped < 0 && errno == EINTR);
	if (reaped != child)
		return LB_ERR_SYSTEM;
	judge(whole, status, f);
	return LB_OK;
}

/* LB_ERR_NOT_FOUND when the directory has no store. */
static int
look(const char *dir, char path[PATH_MAX], int *lock)
{
	struct stat st;
	int saved, len, fd;

	len = snprintf(path, PATH_MAX, "%s/%s", dir, LB_STORE_FILE);
	if (len < 0 || len >= PATH_MAX)
		return LB_ERR_TOO_LONG;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return LB_ERR_SYSTEM;
	/* A store that is being written to cannot be examined. */
	if (flock(fd, LOCK_SH | LOCK_NB) == 0) {
		if (lstat(path, &st) == 0) {
			*lock = fd;
			return LB_OK;
		}
		if (errno == ENOENT) {
			close(fd);
			return LB_ERR_NOT_FOUND;
		}
	}
	saved = errno == EWOULDBLOCK ? EBUSY : errno;
	close(fd);
	errno = saved;
	return LB_ERR_SYSTEM;
}

int
lb_store_check(const char *dir, char *why, size_t cap)
{
	struct finding f = {0};
	char path[PATH_MAX];
	int err, lock;

	if (cap > 0)
		why[0] = '\0';
	if (sodium_init() < 0)
		return LB_ERR_SYSTEM;
	err = look(dir, path, &lock);
	if (err == LB_ERR_NOT_FOUND)
		return LB_OK;
	if (err == LB_OK) {
		err = examine_in_child(path, &f);
		close(lock);
	}
	if (err != LB_OK)
		found(&f, err, "%s: %s", dir, strerror(errno));
	if (f.err != LB_OK)
		snprintf(why, cap, "%s", f.why);
	return f.err;
}
