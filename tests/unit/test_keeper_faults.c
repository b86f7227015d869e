/*
 * The keeper with each allocation and each call to the database failing in
 * turn, in the middle of every request, login and message from the warden.
 *
 * What fails changes nothing and says nothing but that; what comes after it
 * works as if it had never been.  The calls are replaced by the linker (--wrap,
 * see the Makefile), so the code is the daemon's own, byte for byte.
 */
#include "keeper_fixture.h"

#include "sshsig_make.h"

#include <lmdb.h>
#include <sys/stat.h>

#include "keeper/waits.h"
#include "name.h"

/* Counted down by each call while armed; the one that comes to 0 fails. */
static unsigned armed;
static bool fired;
static bool all_fail; /* each of them, until it is taken back */

static bool
fails(void)
{
	if (all_fail)
		return fired = true;
	if (armed == 0 || --armed > 0)
		return false;
	fired = true;
	return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
int __real_mdb_get(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data);
int __real_mdb_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data, unsigned flags);
int __real_mdb_del(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data);
int __real_mdb_cursor_open(MDB_txn *txn, MDB_dbi dbi, MDB_cursor **cursor);
int __real_mdb_cursor_get(MDB_cursor *cursor, MDB_val *key, MDB_val *data, MDB_cursor_op op);
int __real_mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **txn);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
int __wrap_mdb_get(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data);
int __wrap_mdb_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data, unsigned flags);
int __wrap_mdb_del(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data);
int __wrap_mdb_cursor_open(MDB_txn *txn, MDB_dbi dbi, MDB_cursor **cursor);
int __wrap_mdb_cursor_get(MDB_cursor *cursor, MDB_val *key, MDB_val *data, MDB_cursor_op op);
int __wrap_mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **txn);

void *
__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *
__wrap_realloc(void *old, size_t size)
{
	return fails() ? NULL : __real_realloc(old, size);
}

int
__wrap_mdb_get(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data)
{
	return fails() ? EIO : __real_mdb_get(txn, dbi, key, data);
}

int
__wrap_mdb_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data, unsigned flags)
{
	return fails() ? EIO : __real_mdb_put(txn, dbi, key, data, flags);
}

int
__wrap_mdb_del(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data)
{
	return fails() ? EIO : __real_mdb_del(txn, dbi, key, data);
}

int
__wrap_mdb_cursor_open(MDB_txn *txn, MDB_dbi dbi, MDB_cursor **cursor)
{
	return fails() ? EIO : __real_mdb_cursor_open(txn, dbi, cursor);
}

int
__wrap_mdb_cursor_get(MDB_cursor *cursor, MDB_val *key, MDB_val *data, MDB_cursor_op op)
{
	return fails() ? EIO : __real_mdb_cursor_get(cursor, key, data, op);
}

int
__wrap_mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **txn)
{
	return fails() ? ENOMEM : __real_mdb_txn_begin(env, parent, flags, txn);
}

/* What opening a store calls. */
int __real_mdb_env_create(MDB_env **env);
int __wrap_mdb_env_create(MDB_env **env);
int __real_mdb_env_open(MDB_env *env, const char *path, unsigned flags, mdb_mode_t mode);
int __wrap_mdb_env_open(MDB_env *env, const char *path, unsigned flags, mdb_mode_t mode);
int __real_mdb_env_set_mapsize(MDB_env *env, size_t size);
int __wrap_mdb_env_set_mapsize(MDB_env *env, size_t size);
int __real_mdb_env_set_maxdbs(MDB_env *env, MDB_dbi dbs);
int __wrap_mdb_env_set_maxdbs(MDB_env *env, MDB_dbi dbs);
int __real_mdb_dbi_open(MDB_txn *txn, const char *name, unsigned flags, MDB_dbi *dbi);
int __wrap_mdb_dbi_open(MDB_txn *txn, const char *name, unsigned flags, MDB_dbi *dbi);
int __real_mdb_env_stat(MDB_env *env, MDB_stat *stat);
int __wrap_mdb_env_stat(MDB_env *env, MDB_stat *stat);
int __real_mdb_env_info(MDB_env *env, MDB_envinfo *info);
int __wrap_mdb_env_info(MDB_env *env, MDB_envinfo *info);

/* How the process that examines a store ends before it has said anything; 0 for not at all. */
static int dies_by;

int
__wrap_mdb_env_create(MDB_env **env)
{
	if (dies_by > 0)
		raise(dies_by);
	if (dies_by < 0)
		_exit(0);
	return fails() ? ENOMEM : __real_mdb_env_create(env);
}

int
__wrap_mdb_env_open(MDB_env *env, const char *path, unsigned flags, mdb_mode_t mode)
{
	return fails() ? EIO : __real_mdb_env_open(env, path, flags, mode);
}

int
__wrap_mdb_env_set_mapsize(MDB_env *env, size_t size)
{
	return fails() ? EINVAL : __real_mdb_env_set_mapsize(env, size);
}

int
__wrap_mdb_env_set_maxdbs(MDB_env *env, MDB_dbi dbs)
{
	return fails() ? EINVAL : __real_mdb_env_set_maxdbs(env, dbs);
}

int
__wrap_mdb_dbi_open(MDB_txn *txn, const char *name, unsigned flags, MDB_dbi *dbi)
{
	return fails() ? EIO : __real_mdb_dbi_open(txn, name, flags, dbi);
}

int
__wrap_mdb_env_stat(MDB_env *env, MDB_stat *stat)
{
	return fails() ? EIO : __real_mdb_env_stat(env, stat);
}

int
__wrap_mdb_env_info(MDB_env *env, MDB_envinfo *info)
{
	return fails() ? EIO : __real_mdb_env_info(env, info);
}

/* What fails after the commit ends the keeper, and the next one does it: not the matter here. */
static void
carry_out(struct lb_keeper *k, struct lb_out *out)
{
	armed = 0;
	lb_keeper_carry_out(k, out);
}

/* The serials of a host that has had as many accounts as its range has numbers. */
int __real_lb_store_next_serial(struct lb_store_txn *t, uint32_t *serial);
int __wrap_lb_store_next_serial(struct lb_store_txn *t, uint32_t *serial);
static bool used_up;

int
__wrap_lb_store_next_serial(struct lb_store_txn *t, uint32_t *serial)
{
	int err = __real_lb_store_next_serial(t, serial);

	if (err == LB_OK && used_up)
		*serial = LB_UID_LAST - LB_ACCOUNT_UID_FIRST + 1;
	return err;
}

/* -- the acts ------------------------------------------------------------------ */

static char password[LB_PASSWORD_MAX + 1];
static struct lb_grant account;	  /* the last that was made */
static struct lb_peer connection; /* a login's process */
static pid_t process;

static struct answer *
pam(struct fixture *f, uint16_t type, const char *user, uint32_t uid, const char *service)
{
	union lb_msg m = {.login = {.uid = uid}};
	struct question q = {f, &connection, type, &m, true, false};

	snprintf(m.login.user, sizeof m.login.user, "%s", user);
	snprintf(m.login.service, sizeof m.login.service, "%s", service);
	snprintf(m.login.rhost, sizeof m.login.rhost, "192.0.2.1");
	snprintf(m.login.password, sizeof m.login.password, "%s", password);
	memset(&f->a, 0, sizeof f->a);
	f->a.err = lb_tx_run(&f->k, put, &q);
	return &f->a;
}

static int
login(struct fixture *f, uint16_t type)
{
	return pam(f, type, account.account, account.uid, "sshd")->err;
}

static uint64_t
none(struct fixture *f)
{
	(void)f;
	return 0;
}

static uint64_t
a_pending(struct fixture *f)
{
	return pending(f, "alice", "op");
}

static uint64_t
one_of_two(struct fixture *f)
{
	uint64_t id = pending(f, "alice", "duo");

	act(f, "bob", LB_MSG_APPROVE, id, "");
	return id;
}

static uint64_t
an_approved(struct fixture *f)
{
	return approved(f, "alice", "op");
}

static uint64_t
an_active(struct fixture *f)
{
	uint64_t id = active(f, "alice", "duo");

	snprintf(password, sizeof password, "%s", f->a.claimed.password);
	account = stored(f, id);
	return id;
}

static uint64_t
one_with_a_session(struct fixture *f)
{
	uint64_t id = an_active(f);

	ok(login(f, LB_MSG_PAM_OPEN));
	return id;
}

static uint64_t
one_whose_only_session_is_open(struct fixture *f)
{
	uint64_t id = active(f, "alice", "op");

	account = stored(f, id);
	ok(login(f, LB_MSG_PAM_OPEN));
	return id;
}

static uint64_t
nothing_left_to_ask_with(struct fixture *f)
{
	unsigned held, wait_s;

	f->k.asks = (struct lb_budget){.burst = 1, .every_ns = 3600 * NS};
	lb_budget_take(&f->k.asks, "alice", (int64_t)lb_keeper_now_s(&f->k) * NS, &held, &wait_s);
	return 0;
}

static uint64_t
nothing_left_to_claim_with(struct fixture *f)
{
	uint64_t id = an_approved(f);

	nothing_left_to_ask_with(f);
	return id;
}

static uint64_t
some_under_a_clock_that_is_astray(struct fixture *f)
{
	uint64_t id = one_with_a_session(f);

	a_pending(f);
	pass_time(f, 2 * 86400);
	return id;
}

static uint64_t
one_that_ends(struct fixture *f)
{
	uint64_t id = one_with_a_session(f);

	ok(act(f, "alice", LB_MSG_END, id, "")->err);
	return id;
}

static int
do_request(struct fixture *f, uint64_t id)
{
	(void)id;
	return request(f, "alice", "op", 0, "the same again")->err;
}

static int
do_roles(struct fixture *f, uint64_t id)
{
	union lb_msg m = {0};

	(void)id;
	return ask(f, "alice", LB_MSG_ROLES, &m)->err;
}

static int
do_list(struct fixture *f, uint64_t id)
{
	union lb_msg m = {0};

	(void)id;
	return ask(f, "carol", LB_MSG_LIST, &m)->err;
}

static int
do_list_pending(struct fixture *f, uint64_t id)
{
	union lb_msg m = {.list = {.which = LB_LIST_PENDING}};

	(void)id;
	return ask(f, "bob", LB_MSG_LIST, &m)->err;
}

static int
do_list_mine(struct fixture *f, uint64_t id)
{
	union lb_msg m = {.list = {.which = LB_LIST_MINE}};

	(void)id;
	return ask(f, "alice", LB_MSG_LIST, &m)->err;
}

static int
do_audit(struct fixture *f, uint64_t id)
{
	union lb_msg m = {0};

	(void)id;
	return ask(f, "carol", LB_MSG_AUDIT, &m)->err;
}

static int
do_keys(struct fixture *f, uint64_t id)
{
	union lb_msg m = {0};

	(void)id;
	snprintf(m.keys.user, sizeof m.keys.user, "%s", account.account);
	snprintf(m.keys.type, sizeof m.keys.type, "%s", ALICE_TYPE);
	snprintf(m.keys.blob, sizeof m.keys.blob, "%s", ALICE_KEY);
	return ask(f, "lockbox-keys", LB_MSG_KEYS, &m)->err;
}

static int
do_health(struct fixture *f, uint64_t id)
{
	union lb_msg m = {0};

	(void)id;
	return ask(f, "root", LB_MSG_HEALTH, &m)->err;
}

static int
do_reset_clock(struct fixture *f, uint64_t id)
{
	union lb_msg m = {0};

	(void)id;
	return ask(f, "root", LB_MSG_RESET_CLOCK, &m)->err;
}

/* What waits is forgotten again, so that the next attempt is the first as well. */
static int
do_wait(struct fixture *f, uint64_t id)
{
	union lb_msg m = {.wait = {.id = id, .state = LB_STATE_PENDING}};
	int err = ask(f, "alice", LB_MSG_WAIT, &m)->err;

	lb_waits_drop(&f->k, 0);
	return err;
}

static int
do_clock_resume(struct fixture *f, uint64_t id)
{
	(void)id;
	return lb_keeper_clock_resume(&f->k);
}

#define ACT(name, who, type)                                                                       \
	static int name(struct fixture *f, uint64_t id)                                            \
	{                                                                                          \
		return act(f, who, type, id, "why")->err;                                          \
	}
ACT(do_show, "bob", LB_MSG_SHOW)
ACT(do_approve, "bob", LB_MSG_APPROVE)
ACT(do_second_approve, "dave", LB_MSG_APPROVE)
ACT(do_own_approve, "alice", LB_MSG_APPROVE)
ACT(do_deny, "bob", LB_MSG_DENY)
ACT(do_cancel, "alice", LB_MSG_CANCEL)
ACT(do_claim, "alice", LB_MSG_CLAIM)
ACT(do_end, "alice", LB_MSG_END)
ACT(do_revoke, "root", LB_MSG_REVOKE)

#define LOGIN(name, type)                                                                          \
	static int name(struct fixture *f, uint64_t id)                                            \
	{                                                                                          \
		(void)id;                                                                          \
		return login(f, type);                                                             \
	}
LOGIN(do_auth, LB_MSG_PAM_AUTH)
LOGIN(do_account, LB_MSG_PAM_ACCOUNT)
LOGIN(do_open, LB_MSG_PAM_OPEN)
LOGIN(do_close, LB_MSG_PAM_CLOSE)

static int
do_person(struct fixture *f, uint64_t id)
{
	(void)id;
	return pam(f, LB_MSG_PAM_ACCOUNT, "bob", 1002, "sshd")->err;
}

static int
do_person_session(struct fixture *f, uint64_t id)
{
	(void)id;
	return pam(f, LB_MSG_PAM_OPEN, "lb-bob-9", account.uid, "sshd")->err;
}

static int
do_exempt(struct fixture *f, uint64_t id)
{
	(void)id;
	return pam(f, LB_MSG_PAM_EXEMPT, "root", 0, "login")->err;
}

/* What is due and what a start does: no request, so nothing is said to anybody but the warden. */
static int
do_due(struct fixture *f, uint64_t id)
{
	(void)id;
	lb_alarm_free(f->k.alarm);
	f->k.alarm = NULL;
	if (f->k.mark_timer != NULL)
		event_free(f->k.mark_timer);
	f->k.mark_timer = NULL;
	return lb_due_start(&f->k);
}

static uint64_t
some_overdue(struct fixture *f)
{
	uint64_t id = one_with_a_session(f);

	a_pending(f);
	an_approved(f);
	pass_time(f, 13 * 3600);
	return id;
}

static int
do_sync(struct fixture *f, uint64_t id)
{
	(void)id;
	return lb_sync_accounts(&f->k);
}

static int
do_policy_sync(struct fixture *f, uint64_t id)
{
	(void)id;
	return lb_tx_run(&f->k, lb_sync_policy, NULL);
}

static uint64_t
two_that_the_policy_takes_away(struct fixture *f)
{
	uint64_t id;

	change_policy(f, policy_text);
	id = one_with_a_session(f);
	a_pending(f);
	an_approved(f);
	change_policy(f, policy_without_alice_in_team);
	return id;
}

static int
do_resume(struct fixture *f, uint64_t id)
{
	(void)id;
	return lb_tx_run(&f->k, lb_session_resume, NULL);
}

/* A request that bob may approve with a signature; the statement is left in to_sign. */
static char to_sign[LB_STATEMENT_MAX + 1];
static struct maker signer;

static uint64_t
one_to_sign(struct fixture *f)
{
	char text[4096], line[MADE_MAX];

	signer = maker_new(1, NULL);
	maker_line(&signer, line);
	snprintf(text, sizeof text,
		 "identity alice { keys = {\"ssh-ed25519 " ALICE_KEY "\"} unix-user = \"alice\" }\n"
		 "identity bob { keys = {\"%.900s\"} unix-user = \"bob\" }\n"
		 "team engineers { members = {\"alice\"} }\n"
		 "team leads { members = {\"bob\"} }\n"
		 "team auditors { members = {\"bob\"} }\n"
		 "role op { requesters = {\"engineers\"} approvers = {\"leads\"}\n"
		 " signed-approvals = true }\n",
		 line);
	change_policy(f, text);
	return a_pending(f);
}

static uint64_t
one_with_a_statement(struct fixture *f)
{
	uint64_t id = one_to_sign(f);

	ok(act(f, "bob", LB_MSG_STATEMENT, id, "")->err);
	assert_int_equal(f->a.to_signs, 1);
	memcpy(to_sign, f->a.to_sign.statement, sizeof to_sign);
	return id;
}

static int
give_signature(struct fixture *f, uint64_t id, const char *text)
{
	const struct making what = making_default("lockbox-approval", text, strlen(text));
	union lb_msg m = {.approve_signed = {.id = id}};
	char signature[MADE_MAX];

	make_signature(&signer, &what, signature);
	snprintf(m.approve_signed.signature, sizeof m.approve_signed.signature, "%.1000s",
		 signature);
	return ask(f, "bob", LB_MSG_APPROVE_SIGNED, &m)->err;
}

static int
do_approve_signed(struct fixture *f, uint64_t id)
{
	return give_signature(f, id, to_sign);
}

static int
do_approve_wrongly(struct fixture *f, uint64_t id)
{
	return give_signature(f, id, "something else");
}

static uint64_t
one_that_was_signed(struct fixture *f)
{
	uint64_t id = one_with_a_statement(f);

	ok(do_approve_signed(f, id));
	return id;
}

ACT(do_statement, "bob", LB_MSG_STATEMENT)
ACT(do_evidence, "alice", LB_MSG_EVIDENCE)

/*
 * A role with all there is: eligibility, levels, hours, the most of a day, rules, break-glass, a
 * customer; time counts from the first login.
 */
#define EVE_KEY "AAAAC3NzaC1lZDI1NTE5AAAAIM8GawHxEmVETNEurI5i0keA0MYrk7KQF26+wbCQLQhj"
#define RICH                                                                                       \
	PEOPLE MALLORY TEAMS(                                                                      \
		"\"alice\", \"mallory\"") "identity eve { keys = {\"ssh-ed25519 " EVE_KEY          \
					  "\"} unix-user = \"u2\" }\n"                             \
					  "customer acme { approvers = {\"eve\"} }\n"              \
					  "check screening { attesters = {\"auditors\"} }\n"       \
					  "role op { requesters = {\"engineers\"} "                \
					  "default-duration = \"10m\"\n"                           \
					  " level one { approvers = {\"leads\"} } level two { "    \
					  "approvers = {\"both\"} }\n"                             \
					  " managers = {\"leads\"} checks = {\"screening\"} "      \
					  "max-duration = \"4h\"\n"                                \
					  " max-per-day = \"5h\" starts = \"first-login\" hours "  \
					  "= {\"mon-sun 00:00-24:00\"}\n"                          \
					  " groups = {\"adm\"} break-glass = {\"alice\"} "         \
					  "break-glass-for = \"30m\"\n"                            \
					  " alarms = {\"leads\"} reviewers = {\"auditors\"} "      \
					  "review-within = \"2h\" }\n"                             \
					  "role theirs { requesters = {\"engineers\"} approvers "  \
					  "= {\"leads\"}\n"                                        \
					  " customer = \"acme\" }\n"                               \
					  "role parts { requesters = {\"engineers\"} approvers = " \
					  "{\"leads\"}\n"                                          \
					  " resource one { groups = {\"adm\"} } }\n"               \
					  "rule small { roles = {\"op\"} at-most = \"5m\" "        \
					  "approve = true }\n"

static struct answer *
rich(struct fixture *f, const char *role, uint32_t seconds, bool glass, const char *ticket)
{
	union lb_msg m = {.request = {.duration_s = seconds, .reason = "why"}};

	snprintf(m.request.role, sizeof m.request.role, "%s", role);
	snprintf(m.request.ticket, sizeof m.request.ticket, "%s", ticket);
	m.request.break_glass = glass;
	return ask(f, "alice", LB_MSG_REQUEST, &m);
}

static int
personnel(struct fixture *f, const char *who, uint16_t type, const char *name)
{
	union lb_msg m = {.personnel = {.identity = "alice", .text = "new on the team"}};

	snprintf(m.personnel.name, sizeof m.personnel.name, "%s", name);
	return ask(f, who, type, &m)->err;
}

static uint64_t
not_yet_eligible(struct fixture *f)
{
	change_policy(f, RICH);
	return 0;
}

static int
do_wish(struct fixture *f, uint64_t id)
{
	(void)id;
	return personnel(f, "alice", LB_MSG_ELIGIBILITY_REQUEST, "op");
}

static int
do_attest(struct fixture *f, uint64_t id)
{
	(void)id;
	return personnel(f, "carol", LB_MSG_ATTEST, "screening");
}

static int
do_make_eligible(struct fixture *f, uint64_t id)
{
	(void)id;
	return personnel(f, "bob", LB_MSG_ELIGIBILITY_APPROVE, "op");
}

static int
do_take_back(struct fixture *f, uint64_t id)
{
	(void)id;
	return personnel(f, "bob", LB_MSG_ELIGIBILITY_REVOKE, "");
}

static int
do_list_eligible(struct fixture *f, uint64_t id)
{
	union lb_msg m = {.list = {.which = LB_LIST_PENDING}};
	int err = ask(f, "carol", LB_MSG_ELIGIBILITY, &m)->err;

	(void)id;
	m.list.which = LB_LIST_MINE;
	return err == LB_OK ? ask(f, "alice", LB_MSG_ELIGIBILITY, &m)->err : err;
}

static uint64_t
a_wish(struct fixture *f)
{
	not_yet_eligible(f);
	ok(do_wish(f, 0));
	return 0;
}

static uint64_t
an_attested_wish(struct fixture *f)
{
	a_wish(f);
	ok(do_attest(f, 0));
	return 0;
}

static uint64_t
somebody_eligible(struct fixture *f)
{
	an_attested_wish(f);
	ok(do_make_eligible(f, 0));
	return 0;
}

static int
do_rich_request(struct fixture *f, uint64_t id)
{
	(void)id;
	return rich(f, "op", 0, false, "T-1")->err;
}

static int
do_small_request(struct fixture *f, uint64_t id)
{
	(void)id;
	return rich(f, "op", 60, false, "")->err;
}

static int
do_glass(struct fixture *f, uint64_t id)
{
	(void)id;
	return rich(f, "op", 0, true, "")->err;
}

static int
do_without_ticket(struct fixture *f, uint64_t id)
{
	(void)id;
	return rich(f, "theirs", 0, false, "")->err;
}

static int
do_customers(struct fixture *f, uint64_t id)
{
	union lb_msg m = {.customer = {.name = ""}};

	(void)id;
	return ask(f, "u2", LB_MSG_CUSTOMER, &m)->err;
}

static uint64_t
one_of_two_requests(struct fixture *f)
{
	somebody_eligible(f);
	answered(rich(f, "op", 0, false, "T-1"));
	return answered(rich(f, "op", 700, false, "T-1"));
}

static uint64_t
most_of_the_day(struct fixture *f)
{
	somebody_eligible(f);
	return answered(rich(f, "op", 4 * 3600, false, ""));
}

static int
do_too_much(struct fixture *f, uint64_t id)
{
	(void)id;
	return rich(f, "op", 2 * 3600, false, "")->err;
}

static uint64_t
rich_approved(struct fixture *f)
{
	uint64_t id = one_of_two_requests(f);

	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
	answered(act(f, "frank", LB_MSG_APPROVE, id, ""));
	return id;
}

static uint64_t
rich_active(struct fixture *f)
{
	uint64_t id = rich_approved(f);

	act(f, "alice", LB_MSG_CLAIM, id, "");
	assert_int_equal(f->a.claims, 1);
	account = stored(f, id);
	return id;
}

static uint64_t
rich_in_use(struct fixture *f)
{
	uint64_t id = rich_active(f);

	ok(login(f, LB_MSG_PAM_OPEN));
	return id;
}

/* An own account: what the kernel says of the process decides. */
static int
own_login(struct fixture *f, uint16_t type, const char *service)
{
	struct lb_peer plain = connection;
	int err;

	connection.login_uid = 1000;
	connection.kernel_session = 7;
	err = pam(f, type, "alice", 1000, service)->err;
	connection = plain;
	return err;
}

static uint64_t
an_own_approved(struct fixture *f)
{
	change_policy(f, PEOPLE MALLORY TEAMS("\"alice\"")
				 OP("\"adm\"") "role mine { requesters = {\"engineers\"} approvers "
					       "= {\"leads\"}\n"
					       " account = \"own\" groups = {\"adm\"} "
					       "default-duration = \"10m\" "
					       "}\n");
	return approved(f, "alice", "mine");
}

static uint64_t
an_own_active(struct fixture *f)
{
	uint64_t id = an_own_approved(f);

	act(f, "alice", LB_MSG_CLAIM, id, "");
	assert_int_equal(f->a.claims, 1);
	return id;
}

static uint64_t
an_own_in_use(struct fixture *f)
{
	uint64_t id = an_own_active(f);

	ok(own_login(f, LB_MSG_PAM_OPEN, "sshd"));
	return id;
}

static int
do_own_open(struct fixture *f, uint64_t id)
{
	(void)id;
	return own_login(f, LB_MSG_PAM_OPEN, "sshd");
}

static int
do_own_sudo(struct fixture *f, uint64_t id)
{
	int err = own_login(f, LB_MSG_PAM_ACCOUNT, "sudo");

	(void)id;
	if (err == LB_OK)
		assert_int_equal(f->a.verdict.verdict, LB_VERDICT_ALLOW);
	return err;
}

static int
do_extend(struct fixture *f, uint64_t id)
{
	union lb_msg m = {.extend = {.id = id, .duration_s = 900, .reason = "not done"}};

	return ask(f, "alice", LB_MSG_EXTEND, &m)->err;
}

static uint64_t
an_extension(struct fixture *f)
{
	ok(do_extend(f, rich_in_use(f)));
	return answered(&f->a);
}

static uint64_t
one_that_is_to_be_extended(struct fixture *f)
{
	return stored(f, an_extension(f)).extends;
}

static uint64_t
an_extension_that_needs_one_more(struct fixture *f)
{
	uint64_t id = an_extension(f);

	answered(act(f, "bob", LB_MSG_APPROVE, id, ""));
	return id;
}

static uint64_t
a_broken_glass(struct fixture *f)
{
	somebody_eligible(f);
	ok(do_glass(f, 0));
	return answered(&f->a);
}

static uint64_t
a_review(struct fixture *f)
{
	uint64_t id = a_broken_glass(f);

	answered(act(f, "alice", LB_MSG_CANCEL, id, ""));
	return id;
}

static int
do_review(struct fixture *f, uint64_t id)
{
	union lb_msg m = {.review = {.id = id, .verdict = LB_REVIEW_JUSTIFIED, .text = "right"}};

	return ask(f, "carol", LB_MSG_REVIEW, &m)->err;
}

static int
do_list_reviews(struct fixture *f, uint64_t id)
{
	union lb_msg m = {.list = {.which = LB_LIST_REVIEWS}};

	(void)id;
	return ask(f, "carol", LB_MSG_LIST, &m)->err;
}

static int
agree(struct lb_tx *tx, void *unused)
{
	struct lb_customer c = {.name = "acme",
				.change = 1,
				.nonce = {1},
				.on = 1,
				.approvals = 1,
				.roles = "theirs",
				.keys = 1,
				.key = {{"eve", "ssh-ed25519 " EVE_KEY}}};

	(void)unused;
	return lb_store_put_customer(tx->store, &c);
}

static uint64_t
a_customer(struct fixture *f)
{
	somebody_eligible(f);
	ok(lb_tx_run(&f->k, agree, NULL));
	return 0;
}

static uint64_t
one_of_a_customers(struct fixture *f)
{
	a_customer(f);
	return answered(rich(f, "theirs", 0, false, "T-7"));
}

ACT(do_frank_approve, "frank", LB_MSG_APPROVE)

/* Alice could become eligible for the one role that there is, and is not. */
static uint64_t
one_who_is_confined(struct fixture *f)
{
	change_policy(f, PEOPLE MALLORY TEAMS("\"alice\", \"mallory\"")
				 OP_WITH("managers = {\"leads\"}"));
	return 0;
}

static int
do_list_own(struct fixture *f, uint64_t id)
{
	union lb_msg m = {.list = {.which = LB_LIST_MINE}};

	(void)id;
	return ask(f, "alice", LB_MSG_LIST, &m)->err;
}

static const struct {
	const char *name;
	uint64_t (*prepare)(struct fixture *f);
	int (*act)(struct fixture *f, uint64_t id);
	bool reads; /* changes nothing, so that it is done again and again on the same grant */
} acts[] = {
	{"roles", none, do_roles, true},
	{"list", one_with_a_session, do_list, true},
	{"show a pending one", one_of_two, do_show, true},
	{"audit", an_active, do_audit, true},
	{"keys", an_active, do_keys, true},
	{"health", an_active, do_health, true},
	{"what waits for one", one_of_two, do_list_pending, true},
	{"one's own", one_with_a_session, do_list_mine, true},
	{"an approval of one's own", a_pending, do_own_approve, true},
	{"an approval given twice", one_of_two, do_approve, true},
	{"a claim too early", a_pending, do_claim, true},
	{"a claim beside a session", one_whose_only_session_is_open, do_claim, true},
	{"a request too many", nothing_left_to_ask_with, do_request, true},
	{"a claim too many", nothing_left_to_claim_with, do_claim, true},
	{"request", none, do_request, false},
	{"approve", a_pending, do_approve, false},
	{"approve as the second", one_of_two, do_second_approve, false},
	{"deny", a_pending, do_deny, false},
	{"cancel", an_approved, do_cancel, false},
	{"claim", an_approved, do_claim, false},
	{"claim a new password", an_active, do_claim, false},
	{"end", one_with_a_session, do_end, false},
	{"revoke", one_with_a_session, do_revoke, false},
	{"a password", an_active, do_auth, false},
	{"a wrong password", an_active, do_auth, false},
	{"account", an_active, do_account, true},
	{"a person's account", none, do_person, false},
	{"a session", an_active, do_open, false},
	{"a session of another name", an_active, do_person_session, false},
	{"the close of a session", an_active, do_close, true},
	{"an exempt login", none, do_exempt, false},
	{"what is due", some_overdue, do_due, false},
	{"what the warden is told after a start", one_that_ends, do_sync, true},
	{"a policy that takes away", two_that_the_policy_takes_away, do_policy_sync, false},
	{"sessions of the last keeper", one_with_a_session, do_resume, false},
	{"the clock set back", one_with_a_session, do_reset_clock, false},
	{"a clock astray set back", some_under_a_clock_that_is_astray, do_reset_clock, false},
	{"the clock of the last keeper", an_active, do_clock_resume, true},
	{"a wait", a_pending, do_wait, true},
	{"a statement", one_to_sign, do_statement, false},
	{"the same statement", one_with_a_statement, do_statement, true},
	{"a signed approval", one_with_a_statement, do_approve_signed, false},
	{"a signature of something else", one_with_a_statement, do_approve_wrongly, false},
	{"evidence", one_that_was_signed, do_evidence, true},
	{"a wish to be eligible", not_yet_eligible, do_wish, false},
	{"a check attested", a_wish, do_attest, false},
	{"eligibility", an_attested_wish, do_make_eligible, false},
	{"eligibility taken back", one_of_two_requests, do_take_back, false},
	{"who may become eligible", an_attested_wish, do_list_eligible, true},
	{"all roles", somebody_eligible, do_roles, true},
	{"a request of somebody eligible", somebody_eligible, do_rich_request, false},
	{"a request that a rule approves", somebody_eligible, do_small_request, false},
	{"more than is left of a day", most_of_the_day, do_too_much, true},
	{"earlier requests", one_of_two_requests, do_show, true},
	{"a claim of somebody eligible", rich_approved, do_claim, false},
	{"the first login", rich_active, do_open, false},
	{"a claim of one's own account", an_own_approved, do_claim, false},
	{"a session of one's own account", an_own_active, do_own_open, false},
	{"sudo of one's own account", an_own_in_use, do_own_sudo, true},
	{"an extension", rich_in_use, do_extend, false},
	{"the first approval of an extension", an_extension, do_approve, false},
	{"the last approval of an extension", an_extension_that_needs_one_more, do_frank_approve,
	 false},
	{"the end of what waits to be extended", one_that_is_to_be_extended, do_end, false},
	{"break-glass", somebody_eligible, do_glass, false},
	{"what nobody who is not eligible may see", one_who_is_confined, do_list_own, true},
	{"reviews", a_review, do_list_reviews, true},
	{"a review", a_review, do_review, false},
	{"a request without the customer's ticket", a_customer, do_without_ticket, true},
	{"the approval before the customer's", one_of_a_customers, do_approve, false},
	{"customers", a_customer, do_customers, true},
};

/* A keeper and a store of their own for what comes next. */
static struct fixture *
start_over(void **state)
{
	struct fixture *f;

	fixture_teardown(state);
	fixture_setup(state);
	f = *state;
	f->k.carry_out = carry_out;
	return f;
}

/* Until the act goes through with nothing having failed; how many calls it makes. */
static unsigned
fail_each_call(void **state, size_t i)
{
	struct fixture *f = start_over(state);
	uint64_t id = acts[i].prepare(f), before;
	unsigned n = 0;
	int err;

	do {
		if (strcmp(acts[i].name, "a wrong password") == 0)
			password[0] = 'I'; /* not of its alphabet */
		before = last_record(f, NULL);
		fired = false;
		armed = ++n;
		err = acts[i].act(f, id);
		armed = 0;
		if (!fired) {
			if (err != LB_OK)
				fail_msg("%s: error %d though nothing failed", acts[i].name, err);
			return n;
		}
		if (err != LB_OK) {
			/* Nothing has changed, and nobody has been told anything. */
			if (last_record(f, NULL) != before && acts[i].act != do_due)
				fail_msg("%s, call %u failed: recorded all the same", acts[i].name,
					 n);
			if (acts[i].act != do_due && acts[i].act != do_sync)
				continue;
		} else if (!acts[i].reads) {
			/* It came after the commit: the act is done, and done once. */
			f = start_over(state);
			id = acts[i].prepare(f);
		}
		if (err != LB_OK && acts[i].act == do_due) {
			f = start_over(state);
			id = acts[i].prepare(f);
		}
	} while (n < 2000);
	fail_msg("%s does not come to an end", acts[i].name);
	return n;
}

static void
each_call_that_fails_changes_nothing_and_says_nothing(void **state)
{
	unsigned calls = 0;

	process = start_process(&connection.pidfd);
	connection.uid = 0;
	connection.known = true;
	connection.pid = process;
	for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
		unsigned n = fail_each_call(state, i);

		print_message("%-40s %3u calls\n", acts[i].name, n - 1);
		calls += n - 1;
	}
	end_process(process);
	close(connection.pidfd);
	assert_true(calls > 300);
}

/* An allowed login is said only when its whole transaction stands: see the verdict of each. */
static void
no_failed_call_gives_a_verdict_that_is_not_stored(void **state)
{
	struct fixture *f = *state;
	uint64_t id;
	unsigned n;

	f->k.carry_out = carry_out;
	process = start_process(&connection.pidfd);
	connection = (struct lb_peer){
		.pidfd = connection.pidfd, .known = true, .pid = process, .direct = true};
	id = an_active(f);
	for (n = 1;; n++) {
		fired = false;
		armed = n;
		login(f, LB_MSG_PAM_AUTH);
		armed = 0;
		if (!fired)
			break;
		if (f->a.err == LB_OK) {
			assert_int_equal(stored(f, id).otp, LB_OTP_SPENT);
			id = an_active(f);
			continue;
		}
		assert_int_equal(stored(f, id).otp, LB_OTP_READY);
	}
	assert_int_equal(f->a.verdict.verdict, LB_VERDICT_ALLOW);
	assert_int_equal(stored(f, id).otp, LB_OTP_SPENT);
	id = an_active(f);
	for (n = 1;; n++) {
		unsigned open = sessions_of(f, id);

		fired = false;
		armed = n;
		login(f, LB_MSG_PAM_OPEN);
		armed = 0;
		if (f->a.err != LB_OK)
			assert_int_equal(sessions_of(f, id), open);
		else
			assert_int_equal(sessions_of(f, id), open + 1);
		if (!fired)
			break;
		if (f->a.err == LB_OK)
			id = an_active(f);
	}
	assert_int_equal(f->a.verdict.verdict, LB_VERDICT_ALLOW);
	end_process(process);
	close(connection.pidfd);
}

static void
without_a_user_id_left_a_claim_is_refused_and_changes_nothing(void **state)
{
	struct fixture *f = *state;
	uint64_t id = an_approved(f);

	used_up = true;
	refused(act(f, "alice", LB_MSG_CLAIM, id, ""), LB_STORE_FULL,
		"the range of user ids of this host is used up");
	used_up = false;
	assert_int_equal(stored(f, id).state, LB_STATE_APPROVED);
	act(f, "alice", LB_MSG_CLAIM, id, "");
	assert_int_equal(f->a.claims, 1);
}

/* The first frame of the answer that front is handed, or 0; only DONE may follow it. */
static uint16_t
front_heard(struct fixture *f, union lb_msg *m)
{
	uint8_t bytes[LB_LINK_MESSAGE_MAX], *frame = bytes + 8;
	uint16_t type = 0, next;
	uint32_t payload;
	size_t size;

	for (int i = 0; i < 10 && type == 0; i++)
		if (heard(f, f->front_fd, bytes, &size) == LB_IPC_FRAME) {
			ok(lb_proto_header(frame, &type, &payload));
			ok(lb_proto_decode(type, frame + LB_HEADER_SIZE, payload, m));
			frame += LB_HEADER_SIZE + payload;
			if (frame < bytes + size) {
				ok(lb_proto_header(frame, &next, &payload));
				assert_int_equal(next, LB_MSG_DONE);
				frame += LB_HEADER_SIZE + payload;
			}
			assert_ptr_equal(frame, bytes + size);
		}
	return type;
}

static void
a_request_that_fails_is_answered_with_that_and_may_be_made_again(void **state)
{
	struct fixture *f = *state;
	struct lb_peer peer = peer_of(f, "alice");
	union lb_msg m = {.request = {.duration_s = 600, .role = "op", .reason = "why"}}, reply;
	uint8_t bytes[8 + LB_HEADER_SIZE + LB_PAYLOAD_MAX];
	struct lb_writer w;
	size_t size;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	lb_peers_serve(f->k.peers, pair[0], &peer);
	for (int round = 0; round < 2; round++) {
		lb_writer_init(&w, bytes, sizeof bytes);
		lb_write_u64(&w, peer.conn);
		ok(lb_proto_encode(LB_MSG_REQUEST, &m, bytes + w.used, sizeof bytes - w.used,
				   &size));
		ok(lb_keeper_front_calls.message(&f->k, LB_IPC_FRAME, bytes, w.used + size, -1));
		armed = round == 0;
		lb_batch_run(&f->k);
		armed = 0;
		if (round == 0) {
			assert_int_equal(front_heard(f, &reply), LB_MSG_REFUSED);
			assert_int_equal(reply.refused.code, LB_TRY_LATER);
			note_refusal(reply.refused.code, reply.refused.text);
			assert_non_null(strstr(reply.refused.text, "nothing was changed"));
		}
	}
	assert_int_equal(front_heard(f, &reply), LB_MSG_GRANT);
	close(pair[0]);
	close(pair[1]);
}

/* First one that has to be made, then the same one again. */
static void
a_store_that_cannot_be_opened_is_left_and_can_be_later(void **state)
{
	struct fixture *f = *state;
	char dir[300], file[400], why[200];
	struct lb_store *store = NULL;
	unsigned failed = 0;

	snprintf(dir, sizeof dir, "%s/second", f->dir);
	assert_int_equal(mkdir(dir, 0700), 0);
	for (int round = 0; round < 2; round++) {
		for (unsigned n = 1;; n++) {
			int err;

			fired = false;
			armed = n;
			err = lb_store_open(dir, MAP_SIZE, &store);
			armed = 0;
			if (err == LB_OK) {
				lb_store_close(store);
				store = NULL;
			} else {
				assert_true(fired);
				assert_null(store);
				failed++;
			}
			if (!fired)
				break;
		}
		ok(lb_store_check(dir, why, sizeof why));
	}
	assert_true(failed > 20);
	snprintf(file, sizeof file, "%s/%s", dir, LB_STORE_FILE);
	unlink(file);
	rmdir(dir);
}

/* -- what the warden says ------------------------------------------------------- */

/* What it would say again is not lost: the keeper ends, and the next one is told. */
static void
what_the_warden_says_is_recorded_or_ends_the_keeper(void **state)
{
	static const struct {
		enum lb_ipc type;
		uint64_t (*prepare)(struct fixture *f);
		uint8_t before, after;
		const char *event;
		bool must;
	} says[] = {
		{LB_IPC_NOTE, an_active, LB_STATE_ACTIVE, LB_STATE_ACTIVE, "warn", false},
		{LB_IPC_EVICTED, one_that_ends, LB_STATE_ENDING, LB_STATE_ENDED, "evicted", true},
		{LB_IPC_PUBLISHED, an_active, LB_STATE_ACTIVE, LB_STATE_ENDING, "account-refused",
		 true},
	};

	process = start_process(&connection.pidfd);
	connection = (struct lb_peer){
		.pidfd = connection.pidfd, .known = true, .pid = process, .direct = true};
	for (size_t i = 0; i < sizeof says / sizeof says[0]; i++)
		for (unsigned n = 1, failed = 0;; n++) {
			struct fixture *f = start_over(state);
			uint64_t id = says[i].prepare(f);
			uint32_t uid = stored(f, id).uid;
			struct lb_msg_record last = {0};
			int err;

			fired = false;
			armed = n;
			err = warden_says(f, says[i].type, uid, false, "what there is to say");
			armed = 0;
			last_record(f, &last);
			if (strcmp(last.event, says[i].event) != 0) {
				assert_true(fired);
				assert_int_equal(stored(f, id).state, says[i].before);
				/* Broken off by the link, which ends with an error, or at once. */
				assert_int_equal(err != LB_OK || event_base_got_break(f->k.base),
						 says[i].must);
				failed++;
			} else {
				assert_int_equal(stored(f, id).state, says[i].after);
			}
			if (!fired) {
				assert_true(failed > 2);
				break;
			}
		}
	end_process(process);
	close(connection.pidfd);
}

/* -- who waits, and whom the keeper answers itself -------------------------------- */

static void
who_waits_and_cannot_be_answered_is_hung_up_on(void **state)
{
	unsigned hung_up = 0;

	for (unsigned n = 1;; n++) {
		struct fixture *f = start_over(state);
		struct lb_peer peer = peer_of(f, "alice");
		uint64_t id = a_pending(f);
		union lb_msg m = {.wait = {.id = id, .state = LB_STATE_PENDING}};
		uint8_t bytes[LB_LINK_MESSAGE_MAX];
		size_t len;
		int pair[2];

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
		lb_peers_serve(f->k.peers, pair[0], &peer);
		close(pair[0]);
		close(pair[1]);
		assert_int_equal(heard(f, f->front_fd, bytes, &len), LB_IPC_PEER);
		peer.conn = 1;
		ok(ask_by(f, &peer, LB_MSG_WAIT, &m)->err);
		lb_waits_touch(&f->k, id);
		fired = false;
		armed = n;
		turn(f);
		armed = 0;
		if (!fired) {
			assert_non_null(lb_peers_find(f->k.peers, 1));
			assert_false(LIST_EMPTY(&f->k.waits));
			lb_waits_drop(&f->k, 0);
			break;
		}
		assert_true(LIST_EMPTY(&f->k.waits));
		assert_null(lb_peers_find(f->k.peers, 1));
		assert_int_equal(heard(f, f->front_fd, bytes, &len), LB_IPC_GONE);
		hung_up++;
	}
	assert_true(hung_up > 1);
}

static void
a_question_that_fails_gets_no_answer_and_the_next_one_does(void **state)
{
	struct fixture *f = *state;
	union lb_msg m = {.keys = {.user = "lockbox", .type = ALICE_TYPE, .blob = ALICE_KEY}};
	uint8_t frame[LB_HEADER_SIZE + LB_PAYLOAD_MAX];
	size_t len;

	ok(lb_proto_encode(LB_MSG_KEYS, &m, frame, sizeof frame, &len));
	for (int round = 0; round < 3; round++) {
		struct lb_peer peer = peer_of(f, "lockbox-keys");
		int pair[2];

		assert_int_equal(
			socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair),
			0);
		assert_int_equal(send(pair[1], frame, len, MSG_NOSIGNAL), len);
		fired = false;
		armed = round < 2 ? (unsigned)round + 1 : 0; /* no room for it; no transaction */
		lb_direct_take(f->k.direct, pair[0], &peer);
		lb_batch_run(&f->k);
		armed = 0;
		assert_int_equal(fired, round < 2);
		if (round < 2)
			assert_true(recv(pair[1], frame + len, 1, 0) <= 0);
		else
			assert_int_equal(recv(pair[1], frame + len, 1, 0), 1);
		close(pair[1]);
	}
}

/* -- what is due ------------------------------------------------------------------ */

static int
put_back(struct lb_tx *tx, void *grant)
{
	return lb_store_put_grant(tx->store, grant);
}

static void
what_is_due_and_cannot_be_recorded_is_looked_at_again(void **state)
{
	struct fixture *f = *state;
	uint64_t id;
	struct lb_grant g;

	id = a_pending(f);
	ok(do_due(f, 0));
	g = stored(f, id);
	g.until_s = lb_keeper_now_s(&f->k) - 60;
	ok(lb_tx_run(&f->k, put_back, &g));
	fired = false;
	all_fail = true;
	while (!fired)
		event_base_loop(f->k.base, EVLOOP_ONCE);
	all_fail = false;
	assert_int_equal(stored(f, id).state, LB_STATE_PENDING);
	while (stored(f, id).state == LB_STATE_PENDING)
		event_base_loop(f->k.base, EVLOOP_ONCE);
	assert_int_equal(stored(f, id).state, LB_STATE_LAPSED);
	recorded(f, "lapse", id, "");
}

/* -- examining a store ------------------------------------------------------------ */

static void
an_examination_that_cannot_be_finished_never_says_that_all_is_well(void **state)
{
	static const int deaths[] = {SIGSEGV, SIGBUS, -1};
	struct fixture *f = *state;
	unsigned n = 0;
	char why[200];
	int err;

	process = start_process(&connection.pidfd);
	connection = (struct lb_peer){
		.pidfd = connection.pidfd, .known = true, .pid = process, .direct = true};
	one_with_a_session(f);
	end_process(process);
	close(connection.pidfd);
	lb_store_close(f->k.store);
	f->k.store = NULL;
	ok(lb_store_check(f->dir, why, sizeof why));
	do {
		armed = ++n; /* in the child: this process makes no such call */
		err = lb_store_check(f->dir, why, sizeof why);
		armed = 0;
		assert_true(err == LB_OK || why[0] != '\0');
	} while (err != LB_OK && n < 500);
	assert_true(n > 30 && n < 500);
	for (size_t i = 0; i < sizeof deaths / sizeof deaths[0]; i++) {
		dies_by = deaths[i];
		assert_int_equal(lb_store_check(f->dir, why, sizeof why), LB_ERR_DAMAGED);
		dies_by = 0;
		assert_non_null(strstr(why, deaths[i] > 0 ? "ended in signal" : "to an end"));
	}
	ok(lb_store_open(f->dir, MAP_SIZE, &f->k.store));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit(each_call_that_fails_changes_nothing_and_says_nothing),
		unit(no_failed_call_gives_a_verdict_that_is_not_stored),
		unit(a_request_that_fails_is_answered_with_that_and_may_be_made_again),
		unit(a_store_that_cannot_be_opened_is_left_and_can_be_later),
		unit(without_a_user_id_left_a_claim_is_refused_and_changes_nothing),
		unit(what_the_warden_says_is_recorded_or_ends_the_keeper),
		unit(who_waits_and_cannot_be_answered_is_hung_up_on),
		unit(a_question_that_fails_gets_no_answer_and_the_next_one_does),
		unit(what_is_due_and_cannot_be_recorded_is_looked_at_again),
		unit(an_examination_that_cannot_be_finished_never_says_that_all_is_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
