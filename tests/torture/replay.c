/*
 * replay TRANSACTIONS [PART PARTS]: power is lost at every moment of a keeper's work.
 *
 * A keeper in this process does real transactions (requests, approvals, claims, logins, sessions,
 * ends, growth of its file) on a new store.  Every call by which the store's file is written,
 * enlarged, renamed or flushed is recorded on the way to the kernel, and at each acknowledgement
 * (the first thing that is carried out after a commit) what the store then holds.
 *
 * Then the file is made as a disk may hold it after a loss of power, over and over: what was
 * flushed is there; of what was not, any part may be.  Tried are each prefix of the writes, the
 * last of them cut at every 512 bytes, and before every flush each page alone missing, each page
 * alone there, and some subsets by chance.  Each state must pass the examination, open, and hold
 * exactly what was acknowledged, or that and the one transaction that was being written; every
 * seventh is written to and examined again.
 *
 *   lost         something acknowledged is not there
 *   resurrected  a grant that was acknowledged as over is not over
 *   bad          neither, but not a state the keeper was ever in
 *   refused      the store does not open: nobody would get in, by a mere loss of power
 */
#include "../unit/keeper_fixture.h"

#include <limits.h>
#include <lmdb.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "keeper/audit.h"
#include "keeper/store_inside.h"

#define SMALL_MAP ((size_t)256 * 1024)
#define FIRST_SIZE (2 * SMALL_MAP) /* with a journal that a few commits fill */
#define LARGEST (16 * SMALL_MAP)
#define PAGE ((size_t)4096)
#define SECTOR ((size_t)512)
#define CHANCE 6 /* subsets by chance before each flush */
#define EXPORTED __attribute__((visibility("default")))

/* ---- what is recorded ---- */

enum op_kind { OP_WRITE, OP_SIZE, OP_FLUSH, OP_RENAME, OP_FLUSH_DIR };
struct op {
	enum op_kind kind;
	bool through; /* OP_WRITE by a descriptor whose writes are durable when they return */
	off_t at;
	size_t len; /* OP_SIZE: the new size */
	uint8_t *bytes;
};

struct held {
	uint64_t id;
	bool over;
};
/* What the store held after a commit. */
struct snapshot {
	size_t acknowledged; /* so many operations were done by then */
	uint8_t digest[32];
	uint64_t records;
	size_t count;
	struct held *grants;
};

static struct op *ops;
static size_t nops, room_for_ops;
static struct snapshot *snapshots;
static size_t nsnapshots;
static const char *watched; /* where the keeper's directory is, while recording */

static void *
need(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

static void
note(enum op_kind kind, bool through, off_t at, const void *bytes, size_t len)
{
	struct op op = {kind, through, at, len, NULL};

	if (nops == room_for_ops) {
		room_for_ops = room_for_ops * 2 + 1024;
		ops = need(realloc(ops, room_for_ops * sizeof *ops));
	}
	if (kind == OP_WRITE && len > 0)
		op.bytes = memcpy(need(malloc(len)), bytes, len);
	ops[nops++] = op;
}

enum target { ELSEWHERE, THE_FILE, THE_DIRECTORY };

static enum target
target_of(int fd)
{
	char link[64], path[PATH_MAX], *name;
	size_t len;
	ssize_t n;

	if (watched == NULL)
		return ELSEWHERE;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	/* NOLINTNEXTLINE(readability-suspicious-call-argument): the link's path, then where it leads */
	n = readlink(link, path, sizeof path - 1);
	if (n < 0)
		return ELSEWHERE;
	path[n] = '\0';
	/* The keeper's directory is the only one in there. */
	len = strlen(watched);
	if (strncmp(path, watched, len) != 0 || path[len] != '/')
		return ELSEWHERE;
	name = strchr(path + len + 1, '/');
	if (name == NULL)
		return path[len + 1] != '.' ? THE_DIRECTORY : ELSEWHERE;
	return strcmp(name + 1, LB_STORE_FILE) == 0 || strcmp(name + 1, LB_STORE_FILE_NEW) == 0
		       ? THE_FILE
		       : ELSEWHERE;
}

static void
note_write(int fd, const void *bytes, ssize_t done, off_t at)
{
	int flags = fcntl(fd, F_GETFL);

	if (done > 0)
		note(OP_WRITE, (flags & O_DSYNC) != 0, at, bytes, (size_t)done);
}

/* ---- on the way to the kernel: the library that holds the store calls these ---- */

EXPORTED ssize_t
pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	ssize_t n = syscall(SYS_pwrite64, fd, bytes, len, at);

	if (target_of(fd) == THE_FILE)
		note_write(fd, bytes, n, at);
	return n;
}

EXPORTED ssize_t
write(int fd, const void *bytes, size_t len)
{
	enum target target = target_of(fd);
	off_t at = target == THE_FILE ? lseek(fd, 0, SEEK_CUR) : 0;
	ssize_t n = syscall(SYS_write, fd, bytes, len);

	if (target == THE_FILE)
		note_write(fd, bytes, n, at);
	return n;
}

EXPORTED ssize_t
writev(int fd, const struct iovec *parts, int count)
{
	enum target target = target_of(fd);
	off_t at = target == THE_FILE ? lseek(fd, 0, SEEK_CUR) : 0;
	ssize_t n = syscall(SYS_writev, fd, parts, count), left = n;

	if (target != THE_FILE)
		return n;
	for (int i = 0; i < count && left > 0; i++) {
		ssize_t len = left < (ssize_t)parts[i].iov_len ? left : (ssize_t)parts[i].iov_len;

		note_write(fd, parts[i].iov_base, len, at);
		at += len;
		left -= len;
	}
	return n;
}

static int
flush(long number, int fd)
{
	int rc = (int)syscall(number, fd);
	enum target target = target_of(fd);

	if (rc == 0 && target != ELSEWHERE)
		note(target == THE_FILE ? OP_FLUSH : OP_FLUSH_DIR, false, 0, NULL, 0);
	return rc;
}

EXPORTED int
fdatasync(int fd)
{
	return flush(SYS_fdatasync, fd);
}

EXPORTED int
fsync(int fd)
{
	return flush(SYS_fsync, fd);
}

EXPORTED int
ftruncate(int fd, off_t size)
{
	int rc = (int)syscall(SYS_ftruncate, fd, size);

	if (rc == 0 && target_of(fd) == THE_FILE)
		note(OP_SIZE, false, 0, NULL, (size_t)size);
	return rc;
}

EXPORTED int
posix_fallocate(int fd, off_t at, off_t len)
{
	struct stat st;

	if (syscall(SYS_fallocate, fd, 0, at, len) != 0)
		return errno;
	if (target_of(fd) == THE_FILE && fstat(fd, &st) == 0)
		note(OP_SIZE, false, 0, NULL, (size_t)st.st_size);
	return 0;
}

EXPORTED int
renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	int rc = (int)syscall(SYS_renameat, from_dir, from, to_dir, to);

	if (rc == 0 && target_of(to_dir) == THE_DIRECTORY)
		note(OP_RENAME, false, 0, NULL, 0);
	return rc;
}

/* ---- what the store holds ---- */

static void
add(crypto_generichash_state *h, const void *bytes, size_t len)
{
	crypto_generichash_update(h, bytes, len);
}

static void
read_store(struct lb_store *store, struct snapshot *s)
{
	static const char *const roles[] = {"op", "duo", "mixed"};
	crypto_generichash_state h;
	struct lb_store_txn *txn;
	struct lb_grant g = {.id = 0};
	struct lb_msg_record r = {.seq = 0};
	struct lb_session session = {.grant = 0};
	struct lb_counters counters;
	uint32_t gid;

	s->grants = need(malloc(sizeof *s->grants));
	s->count = s->records = 0;
	crypto_generichash_init(&h, NULL, 0, sizeof s->digest);
	ok(lb_store_begin(store, LB_STORE_READ, &txn));
	while (lb_store_next_grant(txn, g.id, &g) == LB_OK) {
		s->grants = need(realloc(s->grants, (s->count + 1) * sizeof *s->grants));
		s->grants[s->count++] = (struct held){g.id, !lb_state_live(g.state)};
		add(&h, &g, sizeof g);
	}
	for (memset(&g, 0, sizeof g); lb_store_next_live(txn, g.id, &g) == LB_OK;)
		add(&h, &g.id, sizeof g.id);
	if (lb_store_next_due(txn, &g) == LB_OK)
		add(&h, &g.id, sizeof g.id);
	while (lb_store_next_session(txn, session.grant, session.number, &session) == LB_OK)
		add(&h, &session, sizeof session);
	for (; lb_store_next_record(txn, r.seq, &r) == LB_OK; s->records = r.seq)
		add(&h, r.hash, sizeof r.hash);
	for (size_t i = 0; i < 3; i++)
		if (lb_store_role_gid(txn, roles[i], &gid) == LB_OK)
			add(&h, &gid, sizeof gid);
	memset(&counters, 0, sizeof counters);
	ok(lb_store_get_counters(txn, &counters));
	counters.epoch = 0; /* what the journal's place is, and nothing that was committed */
	add(&h, &counters, sizeof counters);
	lb_store_abort(txn);
	crypto_generichash_final(&h, s->digest, sizeof s->digest);
}

static void
keep_snapshot(struct lb_store *store, size_t acknowledged)
{
	struct snapshot *s;

	snapshots = need(realloc(snapshots, (nsnapshots + 1) * sizeof *snapshots));
	s = &snapshots[nsnapshots++];
	s->acknowledged = acknowledged;
	read_store(store, s);
}

/* ---- the work ---- */

static bool speaking;
static size_t first_word;

/* Everything the keeper lets out after a commit passes here: the first of it acknowledges. */
static void
carry_out(struct lb_keeper *k, struct lb_out *out)
{
	if (!speaking)
		first_word = nops;
	speaking = out != NULL;
	if (out != NULL)
		lb_out_free(out);
	else
		keep_snapshot(k->store, first_word);
}

static uint32_t
chance(uint32_t below)
{
	static uint64_t state = 0x9e3779b97f4a7c15u; /* the same every time */

	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) % below;
}

static const char *const engineers[] = {"alice", "mallory"};

/* A live grant of one of these states (bits), by chance; 0: there is none. */
static uint64_t
pick(struct fixture *f, unsigned states)
{
	struct lb_store_txn *txn;
	struct lb_grant g = {.id = 0};
	uint64_t found = 0;
	uint32_t n = 0;

	ok(lb_store_begin(f->k.store, LB_STORE_READ, &txn));
	while (lb_store_next_live(txn, g.id, &g) == LB_OK)
		if ((states & 1u << g.state) != 0 && chance(++n) == 0)
			found = g.id;
	lb_store_abort(txn);
	return found;
}

static void
do_request(struct fixture *f)
{
	static unsigned n;
	char reason[LB_REASON_MAX + 1];
	int len = snprintf(reason, sizeof reason, "number %u ", ++n);

	memset(reason + len, 'x', 400);
	reason[len + 400] = '\0';
	request(f, engineers[chance(2)], chance(3) == 0 ? "duo" : "op", chance(5) == 0 ? 1 : 0,
		reason);
}

static void
do_approve(struct fixture *f)
{
	uint64_t id = pick(f, 1u << LB_STATE_PENDING);

	if (id != 0)
		act(f, chance(2) ? "bob" : "dave", LB_MSG_APPROVE, id, "");
}

static void
do_claim(struct fixture *f)
{
	uint64_t id = pick(f, 1u << LB_STATE_APPROVED | 1u << LB_STATE_ACTIVE);

	if (id != 0)
		act(f, stored(f, id).identity, LB_MSG_CLAIM, id, "");
}

static void
do_session(struct fixture *f)
{
	uint64_t id = pick(f, 1u << LB_STATE_ACTIVE);
	union lb_msg m = {.login = {.uid = 0}};
	struct lb_peer peer = peer_of_uid(f, 0);
	struct question q = {f, &peer, LB_MSG_PAM_OPEN, &m, true, false};
	struct lb_grant g;

	if (id == 0)
		return;
	g = stored(f, id);
	m.login.uid = g.uid;
	snprintf(m.login.user, sizeof m.login.user, "%s", g.account);
	strcpy(m.login.service, "sshd");
	strcpy(m.login.rhost, "192.0.2.1");
	peer.pid = getpid();
	peer.pidfd = (int)syscall(SYS_pidfd_open, peer.pid, 0);
	memset(&f->a, 0, sizeof f->a);
	ok(lb_tx_run(&f->k, put, &q));
	close(peer.pidfd);
}

static int
drop_first_session(struct lb_tx *tx, void *unused)
{
	struct lb_session s;
	struct lb_grant g;
	int err = lb_store_next_session(tx->store, 0, 0, &s);

	(void)unused;
	if (err != LB_OK)
		return err == LB_ERR_NOT_FOUND ? LB_OK : err;
	err = lb_store_grant(tx->store, s.grant, &g);
	if (err == LB_OK)
		err = lb_store_drop_session(tx->store, s.grant, s.number);
	return err == LB_OK ? lb_audit(tx, "session-close", &g, "", "%s", s.service) : err;
}

static void
do_session_close(struct fixture *f)
{
	ok(lb_tx_run(&f->k, drop_first_session, NULL));
}

static void
do_end(struct fixture *f)
{
	uint64_t id = pick(f, 1u << LB_STATE_ACTIVE);

	if (id != 0 && chance(2) == 0)
		act(f, stored(f, id).identity, LB_MSG_END, id, "");
	else if (id != 0)
		act(f, "root", LB_MSG_REVOKE, id, "enough");
}

static void
do_deny(struct fixture *f)
{
	uint64_t id = pick(f, 1u << LB_STATE_PENDING | 1u << LB_STATE_APPROVED);

	if (id != 0)
		act(f, chance(2) ? "bob" : stored(f, id).identity,
		    chance(2) ? LB_MSG_DENY : LB_MSG_CANCEL, id, "no");
}

static void
do_receipt(struct fixture *f)
{
	uint64_t id = pick(f, 1u << LB_STATE_ENDING);

	if (id != 0)
		warden_says(f, LB_IPC_EVICTED, stored(f, id).uid, true, "all gone");
}

static void
do_due(struct fixture *f)
{
	pass_time(f, 2);
	lb_alarm_free(f->k.alarm);
	if (f->k.mark_timer != NULL)
		event_free(f->k.mark_timer);
	f->k.alarm = NULL;
	f->k.mark_timer = NULL;
	ok(lb_due_start(&f->k));
}

/* So much that the file has to grow soon. */
static int
write_much(struct lb_tx *tx, void *unused)
{
	int err = LB_OK;

	(void)unused;
	for (int i = 0; err == LB_OK && i < 150; i++)
		err = lb_audit(tx, "filler", NULL, "", "%1400d", i);
	return err;
}

static void
work(struct fixture *f, size_t transactions)
{
	static void (*const acts[])(struct fixture * f) = {
		do_request, do_request, do_request, do_approve,	      do_approve,
		do_claim,   do_claim,	do_session, do_end,	      do_receipt,
		do_deny,    do_due,	do_session, do_session_close,
	};

	ok(lb_tx_run(&f->k, write_much, NULL));
	while (nsnapshots < transactions)
		acts[chance(sizeof acts / sizeof acts[0])](f);
}

/* ---- what a disk may hold ---- */

struct image {
	uint8_t bytes[LARGEST];
	size_t size;
};

/* One page's worth of a write, or a size, that is not flushed yet. */
struct piece {
	enum op_kind kind;
	size_t at, len;
	const uint8_t *bytes;
};

static struct image durable, tried;
static struct piece *pieces;
static size_t npieces, room_for_pieces;
static bool renamed, rename_durable;
static size_t states, lost, resurrected, bad, refused_states, told, part, parts = 1, turn_of;
static char dir[256], file[300], file_new[300];

static void
apply(struct image *image, const struct piece *p, size_t len)
{
	if (p->kind == OP_SIZE) {
		if (p->len < image->size)
			memset(image->bytes + p->len, 0, image->size - p->len);
		image->size = p->len;
		return;
	}
	if (p->at + len > LARGEST)
		abort();
	memcpy(image->bytes + p->at, p->bytes, len);
	if (p->at + len > image->size)
		image->size = p->at + len;
}

static void
put_file(const char *path, const struct image *image)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || syscall(SYS_pwrite64, fd, image->bytes, image->size, 0) != (long)image->size)
		abort();
	close(fd);
}

static void
tell(const char *what, size_t done, const char *how, const char *why)
{
	if (told++ < 20)
		printf("%s: after %zu of %zu operations, %s: %s\n", what, done, nops, how, why);
}

/* Neither of the two states that may be: which of the wrong ones. */
static void
judge(const struct snapshot *is, const struct snapshot *must, size_t done, const char *how)
{
	size_t j = 0;

	for (size_t i = 0; i < must->count; i++) {
		while (j < is->count && is->grants[j].id < must->grants[i].id)
			j++;
		if (j == is->count || is->grants[j].id != must->grants[i].id) {
			lost++;
			tell("lost", done, how, "a grant");
			return;
		}
		if (must->grants[i].over && !is->grants[j].over) {
			resurrected++;
			tell("resurrected", done, how, "a grant");
			return;
		}
	}
	if (is->records < must->records) {
		lost++;
		tell("lost", done, how, "a record");
	} else {
		bad++;
		tell("bad", done, how, "half a transaction");
	}
}

/* It must go on from here: something is ended, and all is examined again. */
static int
go_on(struct lb_store *store)
{
	struct lb_msg_record r = {.event = "end"};
	struct lb_store_txn *txn;
	struct lb_grant g;
	int err = lb_store_begin(store, LB_STORE_WRITE_ENDING, &txn);

	if (err != LB_OK)
		return err;
	if (lb_store_next_live(txn, 0, &g) == LB_OK) {
		g.state = LB_STATE_ENDED;
		err = lb_store_put_grant(txn, &g);
	}
	if (err == LB_OK)
		err = lb_store_append(txn, &r);
	if (err == LB_OK)
		return lb_store_commit(txn);
	lb_store_abort(txn);
	return err;
}

static void
look_at(size_t done, const char *how)
{
	struct snapshot is;
	struct lb_store *store;
	size_t must = 0;
	char why[256] = "";
	int err;

	while (must + 1 < nsnapshots && snapshots[must + 1].acknowledged <= done)
		must++;
	err = lb_store_check(dir, why, sizeof why);
	if (err == LB_OK)
		err = lb_store_open(dir, FIRST_SIZE, &store);
	if (err != LB_OK) {
		refused_states++;
		tell("refused", done, how, why[0] ? why : lb_err_text(err));
		return;
	}
	read_store(store, &is);
	if (memcmp(is.digest, snapshots[must].digest, sizeof is.digest) != 0 &&
	    (must + 1 == nsnapshots ||
	     memcmp(is.digest, snapshots[must + 1].digest, sizeof is.digest) != 0))
		judge(&is, &snapshots[must], done, how);
	free(is.grants);
	err = states % 7 == 0 ? go_on(store) : LB_OK;
	lb_store_close(store);
	if (err == LB_OK && states % 7 == 0)
		err = lb_store_check(dir, why, sizeof why);
	if (err != LB_OK) {
		bad++;
		tell("bad", done, how, why[0] ? why : lb_err_text(err));
	}
}

/* The state in `tried`, under the name or names it may have. */
static void
try(size_t done, const char *how)
{
	if (turn_of++ % parts != part)
		return;
	for (int name = 0; name < 2; name++) {
		if (name == 0 ? rename_durable : !renamed)
			continue;
		states++;
		unlink(file);
		unlink(file_new);
		put_file(name == 0 ? file_new : file, &tried);
		look_at(done, how);
	}
}

static void
start_from_durable(void)
{
	if (tried.size > durable.size)
		memset(tried.bytes + durable.size, 0, tried.size - durable.size);
	memcpy(tried.bytes, durable.bytes, durable.size);
	tried.size = durable.size;
}

/* All pieces but one that is cut off, or those whose turn it is. */
static void
try_torn(size_t done, size_t last, const struct piece *extra)
{
	const struct piece *torn = extra != NULL ? extra : &pieces[last];

	for (size_t len = SECTOR; torn->kind == OP_WRITE && len < torn->len; len += SECTOR) {
		start_from_durable();
		for (size_t i = 0; i < (extra != NULL ? npieces : last); i++)
			apply(&tried, &pieces[i], pieces[i].len);
		apply(&tried, torn, len);
		try(done, "the last write cut off");
	}
}

enum choice { ALL, ALL_BUT, ONLY, BY_CHANCE };

static void
try_choice(size_t done, enum choice choice, size_t which, const struct piece *extra)
{
	static const char *const words[] = {"all of it written", "one page missing",
					    "one page written", "some pages written"};

	start_from_durable();
	for (size_t i = 0; i < npieces; i++)
		if (choice == ALL || (choice == ALL_BUT && i != which) ||
		    (choice == ONLY && i == which) || (choice == BY_CHANCE && chance(2) == 0))
			apply(&tried, &pieces[i], pieces[i].len);
	if (extra != NULL)
		apply(&tried, extra, extra->len);
	try(done, words[choice]);
}

/* Of what is not flushed, anything may be there. */
static void
try_subsets(size_t done, const struct piece *extra)
{
	for (size_t i = 0; npieces > 1 && i < npieces; i++) {
		try_choice(done, ALL_BUT, i, extra);
		try_choice(done, ONLY, i, extra);
	}
	for (size_t i = 0; npieces > 2 && i < CHANCE; i++)
		try_choice(done, BY_CHANCE, 0, extra);
}

static void
settle(void)
{
	for (size_t i = 0; i < npieces; i++)
		apply(&durable, &pieces[i], pieces[i].len);
	npieces = 0;
}

static void
wait_for_flush(size_t done, bool whole, struct piece piece)
{
	if (npieces == room_for_pieces) {
		room_for_pieces = room_for_pieces * 2 + 64;
		pieces = need(realloc(pieces, room_for_pieces * sizeof *pieces));
	}
	pieces[npieces++] = piece;
	try_torn(done, npieces - 1, NULL);
	try_choice(done + whole, ALL, 0, NULL);
}

/* The disk writes pages, whatever was asked of it in one call. */
static void
wait_by_pages(size_t done, const struct op *op)
{
	size_t at = (size_t)op->at, end = at + op->len, len;
	const uint8_t *bytes = op->bytes;

	for (; at < end; at += len, bytes += len) {
		len = PAGE - at % PAGE < end - at ? PAGE - at % PAGE : end - at;
		wait_for_flush(done, at + len == end, (struct piece){OP_WRITE, at, len, bytes});
	}
}

/* The disk writes the sectors of a write in whatever order. */
static void
try_sectors(size_t done, const struct piece *p)
{
	for (size_t one = 0; p->len > SECTOR && one < p->len; one += SECTOR)
		for (int there = 0; there < 2; there++) {
			start_from_durable();
			for (size_t at = 0; at < p->len; at += SECTOR) {
				size_t left = p->len - at;
				struct piece sector = {OP_WRITE, p->at + at, left, p->bytes + at};

				if ((at == one) == (there == 1))
					apply(&tried, &sector, left < SECTOR ? left : SECTOR);
			}
			try(done, there ? "one sector written" : "one sector missing");
		}
}

/* A write that is durable when it returns; what was waiting still is. */
static void
write_through(size_t done, const struct op *op)
{
	struct piece p = {OP_WRITE, (size_t)op->at, op->len, op->bytes};

	try_torn(done, 0, &p);
	try_sectors(done, &p);
	try_subsets(done, NULL);
	try_choice(done + 1, ALL, 0, &p);
	try_subsets(done + 1, &p);
	apply(&durable, &p, p.len);
}

static void
replay(void)
{
	for (size_t i = 0; i < nops; i++)
		switch (ops[i].kind) {
		case OP_WRITE:
			if (ops[i].through)
				write_through(i, &ops[i]);
			else
				wait_by_pages(i, &ops[i]);
			break;
		case OP_SIZE:
			wait_for_flush(i, true, (struct piece){OP_SIZE, 0, ops[i].len, NULL});
			break;
		case OP_FLUSH:
			try_subsets(i, NULL);
			settle();
			break;
		case OP_RENAME:
			renamed = true;
			try_choice(i + 1, ALL, 0, NULL);
			try_subsets(i + 1, NULL);
			break;
		case OP_FLUSH_DIR:
			rename_durable = renamed;
			break;
		}
	try_choice(nops, ALL, 0, NULL);
	settle();
}

/* Nothing went past the record: with all of it applied, this is the file that there was. */
static void
compare_with(const uint8_t *bytes, size_t size)
{
	if (durable.size != size || memcmp(durable.bytes, bytes, size) != 0) {
		printf("the record of writes is not whole: %zu bytes, %zu in the file\n",
		       durable.size, size);
		exit(2);
	}
}

static uint8_t *
take_file(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	uint8_t *bytes;

	if (fd < 0 || fstat(fd, &st) != 0)
		abort();
	*size = (size_t)st.st_size;
	bytes = need(malloc(*size));
	if (read(fd, bytes, *size) != (ssize_t)*size)
		abort();
	close(fd);
	return bytes;
}

/* The work, recorded from the very first write on; what the file is at the end. */
static uint8_t *
record(size_t transactions, size_t *size)
{
	struct fixture *f;
	uint8_t *end;
	void *state;

	if (fixture_open(&state, FIRST_SIZE) != 0)
		abort();
	f = state;
	keep_snapshot(f->k.store, nops);
	f->k.carry_out = carry_out;
	lb_store_set_most(f->k.store, LARGEST);
	ok(lb_due_start(&f->k));
	work(f, transactions);
	end = take_file(f->file, size);
	watched = NULL;
	fixture_teardown(&state);
	return end;
}

int
main(int argc, char **argv)
{
	size_t transactions = argc > 1 ? strtoul(argv[1], NULL, 10) : 100, size, grants;
	const char *tmp = getenv("TMPDIR");
	char top[128], log[160];
	uint8_t *end;

	if (argc == 4) {
		part = strtoul(argv[2], NULL, 10) - 1;
		parts = strtoul(argv[3], NULL, 10);
	}
	snprintf(top, sizeof top, "%.90s/lockbox-replay-XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (parts == 0 || part >= parts || mkdtemp(top) == NULL)
		return 2;
	snprintf(log, sizeof log, "%s/.log", top);
	snprintf(dir, sizeof dir, "%s/replay", top);
	snprintf(file, sizeof file, "%s/%s", dir, LB_STORE_FILE);
	snprintf(file_new, sizeof file_new, "%s/%s", dir, LB_STORE_FILE_NEW);
	/* The keeper's lines for syslog. */
	if (freopen(log, "w", stderr) == NULL)
		return 2;
	setenv("TMPDIR", top, 1);
	watched = top;
	end = record(transactions, &size);
	grants = snapshots[nsnapshots - 1].count;
	printf("%zu commits on %zu grants and %llu records: %zu operations on a file of %zu KiB\n",
	       nsnapshots, grants, (unsigned long long)snapshots[nsnapshots - 1].records, nops,
	       size / 1024);
	if (mkdir(dir, 0700) != 0)
		return 2;
	replay();
	compare_with(end, size);
	unlink(file);
	unlink(log);
	rmdir(dir);
	rmdir(top);
	printf("%zu states, %zu lost, %zu resurrected, %zu bad, %zu refused\n", states, lost,
	       resurrected, bad, refused_states);
	return lost + resurrected + bad + refused_states > 0;
}
