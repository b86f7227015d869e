/*
 * The keeper's start and stop: see keeper.h.
 *
 * The order: read what needs the host's files, drop, examine the store, open
 * it, filter system calls, wait for the policy, settle what became due while
 * nobody looked, tell the warden what there is, and only then answer anybody.
 */
#include "keeper/keeper.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "beat.h"
#include "err.h"
#include "keeper/audit.h"
#include "keeper/direct.h"
#include "keeper/start.h"
#include "keeper/state.h"
#include "log.h"
#include "privsep.h"

#define NS 1000000000ll
#define STORE_DIR "/"
/* The store's file: at first, also how much it grows by, and at most; a start examines all of it. */
#define STORE_SIZE ((size_t)64 << 20)
#define STORE_MOST ((uint64_t)4 << 30)
#define LAST_LINES_MS 500u
#define KEYS_USER "lockbox-keys"

static struct lb_keeper keeper;
static bool stopping;

static int
record_stop(struct lb_tx *tx, void *unused)
{
	(void)unused;
	return lb_audit(tx, "stop", NULL, "", "lockboxd stops; grants stay as they are");
}

void
lb_keeper_stop(struct lb_keeper *k)
{
	if (!stopping && k->started && lb_tx_run(k, record_stop, NULL) != LB_OK)
		lb_log(LOG_ERR, "the stop could not be recorded");
	stopping = true;
	event_base_loopbreak(k->base);
}

struct in_force {
	const char *event;
	const struct lb_policy *policy;
};

static int
record_policy(struct lb_tx *tx, void *arg)
{
	const struct in_force *f = arg;
	char hex[2 * LB_POLICY_DIGEST_SIZE + 1];

	sodium_bin2hex(hex, sizeof hex, lb_policy_digest(f->policy), LB_POLICY_DIGEST_SIZE);
	return lb_audit(tx, f->event, NULL, "", "policy %s: %zu identities, %zu teams, %zu roles",
			hex, lb_policy_identities(f->policy), lb_policy_teams(f->policy),
			lb_policy_roles(f->policy));
}

/* Everything between the first policy and the first answer. */
static int
start(struct lb_keeper *k)
{
	struct in_force f = {"start", k->policy};
	int err;

	if ((err = lb_link_send(k->warden, LB_IPC_READY, NULL, 0, -1)) != LB_OK ||
	    (err = lb_tx_run(k, record_policy, &f)) != LB_OK ||
	    (err = lb_tx_run(k, lb_sync_policy, NULL)) != LB_OK ||
	    (err = lb_due_start(k)) != LB_OK || (err = lb_sync_accounts(k)) != LB_OK ||
	    (err = lb_tx_run(k, lb_session_resume, NULL)) != LB_OK)
		return err;
	k->peers = lb_peers_new(k);
	k->direct = lb_direct_new(k, LB_FD_PAM);
	if (k->peers == NULL || k->direct == NULL)
		return LB_ERR_NOMEM;
	k->started = true;
	return lb_peers_listen(k->peers, LB_FD_PUBLIC);
}

static int
change_policy(struct lb_keeper *k)
{
	struct in_force f = {"policy", k->policy};
	int err = lb_tx_run(k, record_policy, &f);

	if (err == LB_OK)
		err = lb_tx_run(k, lb_sync_policy, NULL);
	/* Groups and ends may read differently under the new policy. */
	return err == LB_OK ? lb_sync_accounts(k) : err;
}

int
lb_keeper_take_policy(struct lb_keeper *k, const void *packed, size_t len)
{
	struct lb_report report = {.found = NULL};
	struct lb_policy_source *source;
	struct lb_policy *policy;
	uint32_t keys_uid = LB_POLICY_NO_ID;
	int err = lb_policy_source_unpack(packed, len, &source);

	if (err != LB_OK)
		return err;
	err = lb_policy_parse(source, &report, &policy);
	if (err == LB_OK && !lb_policy_source_user(source, KEYS_USER, &keys_uid))
		lb_log(LOG_WARNING, "there is no user " KEYS_USER ": nobody can log in by ssh");
	lb_policy_source_free(source);
	if (err != LB_OK)
		return err; /* the warden has read the same bytes and found them good */
	lb_policy_free(k->policy);
	k->policy = policy;
	k->keys_uid = keys_uid;
	err = k->started ? change_policy(k) : start(k);
	if (err != LB_OK)
		lb_log(LOG_CRIT, "the policy could not be put into force: %s", lb_err_text(err));
	return err;
}

/* Read before the change of root, while the host's files can be seen. */
static void
look_around(struct lb_keeper *k)
{
	char id[64] = "";
	size_t at = 0;
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, id, sizeof id - 1) < 36)
		lb_fatal(LB_EXIT_SETUP, "cannot read the boot id: %m");
	close(fd);
	for (size_t i = 0; id[i] != '\0' && at < sizeof k->boot_id * 2; i++)
		if (id[i] != '-')
			id[at++] = id[i];
	id[at] = '\0';
	if (sodium_hex2bin(k->boot_id, sizeof k->boot_id, id, at, NULL, NULL, NULL) != 0)
		lb_fatal(LB_EXIT_SETUP, "the boot id is not one");
	k->proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (k->proc_fd < 0)
		lb_fatal(LB_EXIT_SETUP, "cannot open /proc: %m");
	if (gethostname(k->host, sizeof k->host - 1) != 0)
		lb_fatal(LB_EXIT_SETUP, "cannot read the host's name: %m");
}

/* dir: its place before the change of root, for people. */
static void
open_store(struct lb_keeper *k, const char *dir)
{
	char why[512] = "";
	int err = lb_store_check(STORE_DIR, why, sizeof why);

	if (err != LB_OK)
		lb_fatal(LB_EXIT_SETUP, "the store is not opened (%s): %s; it was left untouched",
			 lb_err_text(err), why);
	err = lb_store_open(STORE_DIR, STORE_SIZE, &k->store);
	if (err == LB_ERR_FULL)
		lb_fatal(LB_EXIT_SETUP,
			 "the store cannot be made: it takes %zu MiB of disk in %s, and there is "
			 "not so much room; make room there",
			 STORE_SIZE >> 20, dir);
	if (err == LB_OK)
		err = lb_keeper_clock_resume(k);
	if (err != LB_OK)
		lb_fatal(LB_EXIT_SETUP, "the store in %s cannot be opened: %s%s%s", dir,
			 lb_err_text(err), err == LB_ERR_SYSTEM ? ": " : "",
			 err == LB_ERR_SYSTEM ? strerror(errno) : "");
	lb_store_set_most(k->store, STORE_MOST);
}

int
lb_keeper_main(uid_t uid, gid_t gid, const char *root_dir)
{
	struct lb_keeper *k = &keeper;

	if (sodium_init() < 0)
		lb_fatal(LB_EXIT_SETUP, "libsodium does not start");
	k->carry_out = lb_keeper_carry_out;
	k->take_direct = lb_direct_take;
	k->courier_fd = -1;
	k->refusals = (struct lb_log_budget){.per_s = 5, .burst = 100};
	k->logins = (struct lb_log_budget){.per_s = 5, .burst = 100};
	k->made = (struct lb_budget){.burst = LB_MADE_BURST, .every_ns = LB_MADE_EVERY_S * NS};
	k->asks = (struct lb_budget){.burst = LB_ASKS_BURST, .every_ns = LB_ASKS_EVERY_S * NS};
	k->denied =
		(struct lb_budget){.burst = LB_LOGINS_BURST, .every_ns = LB_LOGINS_EVERY_S * NS};
	k->exempt = k->denied;
	LIST_INIT(&k->watches);
	lb_outbox_init(&k->awaiting);
	lb_privsep_ignore_signals();
	look_around(k);

	lb_privsep_drop(uid, gid, root_dir);
	open_store(k, root_dir);
	k->base = event_base_new();
	if (k->base != NULL && lb_batch_init(k) == LB_OK)
		k->warden = lb_link_new(k->base, LB_FD_LINK, &lb_keeper_warden_calls, k);
	if (k->warden == NULL || lb_beat_start(k->base) != LB_OK)
		lb_fatal(1, "out of memory");
	lb_sandbox_confine_files(k->proc_fd);
	lb_sandbox_enter(LB_PROC_KEEPER);

	event_base_dispatch(k->base);
	lb_direct_free(k->direct);
	lb_store_close(k->store);
	lb_log_flush(LAST_LINES_MS);
	return stopping && k->started ? 0 : LB_EXIT_SETUP;
}
