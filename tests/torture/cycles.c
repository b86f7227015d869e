/*
 * cycles N: the whole life of N grants, one after the other, on a new store: what a past grant
 * leaves in the file, and that the file holds little beside what is kept.
 *
 * Each is asked for, approved, claimed, used for one login and session, ended and confirmed as
 * gone: the keeper's own transactions, each committed by itself.  Prints the sizes on the way;
 * fails when more of the file's pages are free than the largest transactions turn over.
 */
#include "../unit/keeper_fixture.h"

#include <lmdb.h>

#include "keeper/audit.h"
#include "keeper/store_inside.h"

#define FIRST_SIZE ((size_t)64 << 20)
#define MOST ((uint64_t)4 << 30)
#define FREE_MAX 1000 /* pages: what the commits from one checkpoint to the next turn over, twice */

static void
drop(struct lb_keeper *k, struct lb_out *out)
{
	(void)k;
	if (out != NULL)
		lb_out_free(out);
}

static struct answer *
login(struct fixture *f, uint16_t type, const struct lb_grant *g, const char *password)
{
	union lb_msg m = {.login = {.uid = g->uid}};
	struct lb_peer peer = peer_of_uid(f, 0);
	struct question q = {f, &peer, type, &m, true, false};

	snprintf(m.login.user, sizeof m.login.user, "%s", g->account);
	snprintf(m.login.password, sizeof m.login.password, "%s", password);
	strcpy(m.login.service, "sshd");
	strcpy(m.login.rhost, "192.0.2.1");
	strcpy(m.login.tty, "ssh");
	peer.pid = getpid();
	peer.pidfd = (int)syscall(SYS_pidfd_open, peer.pid, 0);
	memset(&f->a, 0, sizeof f->a);
	ok(lb_tx_run(&f->k, put, &q));
	close(peer.pidfd);
	assert_int_equal(f->a.verdict.verdict, LB_VERDICT_ALLOW);
	return &f->a;
}

static int
close_session(struct lb_tx *tx, void *arg)
{
	const struct lb_grant *g = arg;
	struct lb_session s;
	int err = lb_store_next_session(tx->store, g->id, 0, &s);

	if (err == LB_OK)
		err = lb_store_drop_session(tx->store, s.grant, s.number);
	return err == LB_OK ? lb_audit(tx, "session-close", g, "", "%s", s.service) : err;
}

static void
live_once(struct fixture *f)
{
	static const char why[] = "the nightly import hangs, see the ticket";
	uint64_t id = answered(request(f, "alice", "op", 0, why));
	char password[80];
	struct lb_grant g;

	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
	act(f, "alice", LB_MSG_CLAIM, id, "");
	memcpy(password, f->a.claimed.password, sizeof f->a.claimed.password);
	g = stored(f, id);
	login(f, LB_MSG_PAM_AUTH, &g, password);
	login(f, LB_MSG_PAM_OPEN, &g, "");
	ok(lb_tx_run(&f->k, close_session, &g));
	answered(act(f, "alice", LB_MSG_END, id, ""));
	ok(warden_says(f, LB_IPC_EVICTED, g.uid, true,
		       "2 processes ended, home removed, nothing left behind"));
}

struct pages {
	size_t all, kept;
};

static struct pages
count_pages(struct fixture *f)
{
	const struct lb_store *s = f->k.store;
	struct lb_store_txn *txn;
	struct pages n = {0, 2}; /* the meta pages */
	MDB_envinfo info;
	MDB_stat stat;

	/* So that the pages are what has been committed. */
	ok(lb_store_checkpoint(f->k.store));
	ok(lb_store_begin(f->k.store, LB_STORE_READ, &txn));
	assert_int_equal(mdb_env_info(s->env, &info), 0);
	/* 1: the list of databases; the list of free pages is not kept, but free. */
	assert_int_equal(mdb_stat(txn->txn, 1, &stat), 0);
	n.kept += stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
	for (int i = 0; i < LB_TABLE_COUNT; i++) {
		assert_int_equal(mdb_stat(txn->txn, s->dbi[i], &stat), 0);
		n.kept += stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
	}
	lb_store_abort(txn);
	n.all = info.me_last_pgno + 1;
	return n;
}

int
main(int argc, char **argv)
{
	size_t cycles = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	struct pages first = {0, 0}, n = {0, 0};
	struct lb_store_size size;
	struct fixture *f;
	char why[256];
	int64_t began;
	void *state;
	int err;

	if (cycles < 10)
		return 2;
	if (freopen("/dev/null", "w", stderr) == NULL || fixture_open(&state, FIRST_SIZE) != 0)
		return 2;
	f = state;
	f->k.carry_out = drop;
	lb_store_set_most(f->k.store, MOST);
	printf("%8s %10s %10s %6s %12s %10s\n", "grants", "records", "pages", "free", "bytes/grant",
	       "file MiB");
	for (size_t i = 1; i <= cycles; i++) {
		live_once(f);
		if (i % (cycles / 10) != 0)
			continue;
		n = count_pages(f);
		lb_store_get_size(f->k.store, &size);
		printf("%8zu %10llu %10zu %6zu %12zu %10llu\n", i,
		       (unsigned long long)last_record(f, NULL), n.all, n.all - n.kept,
		       (n.all - first.all) * 4096 / (i - (first.all ? cycles / 10 : 0)),
		       (unsigned long long)(size.bytes >> 20));
		if (first.all == 0)
			first = n;
	}
	lb_store_close(f->k.store);
	began = lb_boot_ns();
	err = lb_store_check(f->dir, why, sizeof why);
	printf("examined in %lld ms\n", (long long)((lb_boot_ns() - began) / 1000000));
	ok(lb_store_open(f->dir, FIRST_SIZE, &f->k.store));
	fixture_teardown(&state);
	if (err != LB_OK)
		printf("the store is not sound: %s\n", why);
	if (n.all - n.kept > FREE_MAX)
		printf("the file grows by more than what is kept\n");
	return err != LB_OK || n.all - n.kept > FREE_MAX;
}
