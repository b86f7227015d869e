/*
 * Durable state changes per second, as those who ask see them.
 *
 *   daemon_transitions lmdb FILE COMMITS
 *       bare LMDB, opened as the keeper opens it: one record of like size (a grant with its audit
 *       record) and one commit at a time, into a file that has its blocks
 *   daemon_transitions clients N SOCKET UID FIRST EACH IDENTITIES
 *       N clients at once, each EACH times: a connection to the daemon as the user UID (the gate's),
 *       which names the next identity (p0 to p<IDENTITIES - 1>, from p<FIRST> on) and then makes and
 *       cancels 20 requests, one after the other, waiting for each answer
 *
 *   daemon_transitions decisions N SOCKET UID FIRST EACH IDENTITIES KEY
 *       the same, with a second connection as "chief", whose key has this fingerprint, and who
 *       approves each request before it is cancelled
 *
 *   daemon_transitions acknowledged N SOCKET UID FIRST EACH IDENTITIES
 *       the same, but prints "request ID" or "cancel ID" for each answer as it comes, and a client
 *       whose connection is lost ends in peace: to see afterwards that nothing acknowledged is lost
 *
 * Prints how many state changes went through in a second.
 */
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "err.h"

#define MAP_SIZE ((size_t)256 << 20)
#define RECORD 720
#define PAIRS 20

static int tell;	      /* each answer, as it comes */
static const char *approving; /* with which key; NULL: nobody approves */

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "daemon_transitions: %s\n", what);
	_exit(1);
}

static double
now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int
bare(const char *file, unsigned long commits)
{
	uint8_t key[8], record[RECORD];
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	double begun;
	int fd = open(file, O_RDWR | O_CREAT, 0600);

	memset(record, 'r', sizeof record);
	if (fd < 0)
		die("cannot make the file");
	close(fd);
	if (mdb_env_create(&env) || mdb_env_set_mapsize(env, MAP_SIZE) ||
	    mdb_env_set_maxdbs(env, 1) ||
	    mdb_env_open(env, file, MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOTLS, 0600) ||
	    mdb_txn_begin(env, NULL, 0, &txn) || mdb_dbi_open(txn, "record", MDB_CREATE, &dbi) ||
	    mdb_txn_commit(txn))
		die("cannot open LMDB");
	fd = open(file, O_RDWR);
	if (fd < 0 || posix_fallocate(fd, 0, (off_t)MAP_SIZE) != 0 || fsync(fd) != 0)
		die("cannot take the blocks of the file");
	close(fd);
	begun = now_s();
	for (unsigned long i = 0; i < commits; i++) {
		MDB_val k = {sizeof key, key}, v = {sizeof record, record};

		for (unsigned b = 0; b < 8; b++)
			key[b] = (uint8_t)((uint64_t)i >> (56 - 8 * b));
		if (mdb_txn_begin(env, NULL, 0, &txn) || mdb_put(txn, dbi, &k, &v, 0) ||
		    mdb_txn_commit(txn))
			die("a commit failed");
	}
	printf("%.2f\n", (double)commits / (now_s() - begun));
	mdb_env_close(env);
	return 0;
}

static void __attribute__((noreturn)) lost(const char *what)
{
	if (tell)
		_exit(0);
	die(what);
}

/* Sends one request and reads to the end of its answer; the grant's id, if it names one. */
static uint64_t
ask(struct lb_client *c, uint16_t type, const void *msg)
{
	union lb_msg answer;
	uint64_t id = 0;
	uint16_t got;

	lb_client_deadline(c, 20000);
	if (lb_client_send(c, type, msg) != LB_OK)
		lost("the daemon does not take requests");
	do {
		if (lb_client_receive(c, &got, &answer) != LB_OK)
			lost("the daemon does not answer");
		if (got == LB_MSG_REFUSED)
			die(answer.refused.text);
		if (got == LB_MSG_GRANT)
			id = answer.grant.id;
	} while (got != LB_MSG_DONE);
	if (tell && type != LB_MSG_AS)
		dprintf(STDOUT_FILENO, "%s %llu\n", type == LB_MSG_REQUEST ? "request" : "cancel",
			(unsigned long long)id);
	return id;
}

static void
connect_as(struct lb_client *c, const char *socket, const char *identity, const char *key)
{
	struct lb_msg_as as = {.identity = ""};

	snprintf(as.identity, sizeof as.identity, "%s", identity);
	snprintf(as.fingerprint, sizeof as.fingerprint, "%s", key);
	if (lb_client_open(c, socket, 20000) != LB_OK)
		lost("no connection");
	ask(c, LB_MSG_AS, &as);
}

/* One connection of one person. */
static void
connection(const char *socket, unsigned identity)
{
	struct lb_msg_request r = {.role = "bench", .duration_s = 600};
	struct lb_client c, approver;
	char name[16];

	snprintf(name, sizeof name, "p%u", identity);
	connect_as(&c, socket, name, "SHA256:bench");
	if (approving != NULL)
		connect_as(&approver, socket, "chief", approving);
	for (unsigned i = 0; i < PAIRS; i++) {
		struct lb_msg_act act = {.id = 0};

		snprintf(r.reason, sizeof r.reason,
			 "number %u of this connection, to see how fast it is decided and stored",
			 i);
		act.id = ask(&c, LB_MSG_REQUEST, &r);
		if (act.id == 0)
			die("a request without a grant");
		if (approving != NULL)
			ask(&approver, LB_MSG_APPROVE, &act);
		ask(&c, LB_MSG_CANCEL, &act);
	}
	if (approving != NULL)
		lb_client_close(&approver);
	lb_client_close(&c);
}

struct gate {
	unsigned ready, go;
};

static void
client(struct gate *gate, const char *socket, unsigned first, unsigned each, unsigned identities)
{
	__atomic_add_fetch(&gate->ready, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&gate->go, __ATOMIC_SEQ_CST))
		usleep(100);
	for (unsigned i = 0; i < each; i++)
		connection(socket, (first + i) % identities);
	_exit(0);
}

static int
clients(unsigned n, const char *socket, uid_t uid, unsigned first, unsigned each,
	unsigned identities)
{
	struct gate *gate =
		mmap(NULL, sizeof *gate, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double begun;
	int status;

	if (gate == MAP_FAILED || setgid(uid) != 0 || setuid(uid) != 0)
		die("cannot become the gate's user");
	for (unsigned i = 0; i < n; i++)
		switch (fork()) {
		case -1:
			die("cannot fork");
		case 0:
			client(gate, socket, first + i * each, each, identities);
		}
	while (__atomic_load_n(&gate->ready, __ATOMIC_SEQ_CST) < n)
		usleep(100);
	begun = now_s();
	__atomic_store_n(&gate->go, 1, __ATOMIC_SEQ_CST);
	for (unsigned i = 0; i < n; i++)
		if (wait(&status) < 0 || status != 0)
			die("a client failed");
	if (!tell)
		printf("%.2f\n", (double)(n * each * PAIRS * (approving != NULL ? 3 : 2)) /
					 (now_s() - begun));
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "lmdb") == 0)
		return bare(argv[2], strtoul(argv[3], NULL, 10));
	tell = argc == 8 && strcmp(argv[1], "acknowledged") == 0;
	approving = argc == 9 && strcmp(argv[1], "decisions") == 0 ? argv[8] : NULL;
	if (approving != NULL || (argc == 8 && (tell || strcmp(argv[1], "clients") == 0)))
		return clients((unsigned)atoi(argv[2]), argv[3], (uid_t)atoi(argv[4]),
			       (unsigned)atoi(argv[5]), (unsigned)atoi(argv[6]),
			       (unsigned)atoi(argv[7]));
	die("usage: see the top of its source");
}
