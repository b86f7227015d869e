/* The warden's table: see account.h. */
#include "warden/account.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "log.h"
#include "warden/own.h"

#define NS 1000000000ll
#define SLACK_NS (5 * NS) /* between the keeper's decision and our look at it */
#define CONNECTIONS_MAX 64

/* The place of uid in the table, or where it would go. */
static size_t
place(const struct lb_accounts *all, uint32_t uid)
{
	size_t low = 0, high = all->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (all->at[mid]->uid < uid)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct lb_account *
lb_accounts_find(const struct lb_accounts *all, uint32_t uid)
{
	size_t i = place(all, uid);

	return i < all->count && all->at[i]->uid == uid ? all->at[i] : NULL;
}

/* A name and uid of ours, made of the identity and the serial. */
static const char *
temporary_fault(const struct lb_ipc_account *msg)
{
	char name[LB_ACCOUNT_MAX + 1];

	if (lb_account_name(name, msg->identity, msg->uid - LB_ACCOUNT_UID_FIRST) != LB_OK ||
	    strcmp(name, msg->name) != 0 || msg->own_uid != 0)
		return "the account name does not belong to the uid and identity";
	return NULL;
}

/* One that is here anyway, and that no other grant works on. */
static const char *
own_fault(const struct lb_accounts *all, const struct lb_policy *policy,
	  const struct lb_ipc_account *msg)
{
	const char *why = lb_account_own_fault(policy, msg->identity, msg->name, msg->own_uid);

	for (size_t i = 0; why == NULL && i < all->count; i++)
		if (all->at[i]->own_uid == msg->own_uid && all->at[i]->uid != msg->uid)
			why = "another grant works on the account";
	return why;
}

static const char *
find_fault(const struct lb_accounts *all, const struct lb_policy_role *role,
	   const struct lb_policy *policy, const struct lb_ipc_account *msg, int64_t boot_ns)
{
	const struct lb_account *there = lb_accounts_find(all, msg->uid);
	int64_t since_boot_ns = there != NULL ? there->since_boot_ns : boot_ns;
	int64_t longest_s;
	const char *why;

	if (role == NULL)
		return "the policy has no such role";
	if (role->resource_count > 0)
		return "the role is given for one of its resources only";
	if (lb_policy_identity(policy, msg->identity) == NULL)
		return "the policy has no such identity";
	if (!lb_policy_may_request(policy, msg->role, msg->identity))
		return "the identity may not have this role";
	if (!lb_uid_is_account(msg->uid))
		return "the uid is outside the account range";
	why = lb_policy_role_own(role) ? own_fault(all, policy, msg) : temporary_fault(msg);
	if (why != NULL)
		return why;
	if (!lb_gid_is_role(msg->role_gid))
		return "the role's gid is outside the role range";
	for (size_t i = 0; i < all->nroles; i++)
		if ((strcmp(all->roles[i].role, msg->role) == 0) !=
		    (all->roles[i].gid == msg->role_gid))
			return "the role's gid belongs to another role";
	/* The keeper hands uids out in order, so what is not here yet is younger than all that ended. */
	if (there == NULL && msg->uid <= all->last_uid)
		return "the uid was used before";
	if (msg->end_boot_ns > INT64_MAX || msg->end_wall_ns > INT64_MAX || msg->end_wall_ns == 0 ||
	    msg->end_boot_ns == 0)
		return "the end is no time";
	/* Where the duration begins with the first login, that may come a while after the account. */
	longest_s = role->max_duration_s;
	if (role->starts == LB_STARTS_FIRST_LOGIN)
		longest_s += role->claim_window_s;
	if ((int64_t)msg->end_boot_ns - since_boot_ns > longest_s * NS + SLACK_NS)
		return "it would last longer than the role's maximum";
	return NULL;
}

static void
note_acl(struct lb_account *a, const struct lb_policy_role *role)
{
	struct lb_acl *acl = &a->acl[a->nacl++];

	snprintf(acl->path, sizeof acl->path, "%s", role->path);
	acl->write = strcmp(role->access, "write") == 0;
}

/* What may have been given to an account whose role is not known: every path there is. */
static int
note_every_acl(struct lb_account *a, const struct lb_policy *policy)
{
	size_t count = 0;

	for (size_t i = 0; i < lb_policy_roles(policy); i++)
		count += lb_policy_role_at(policy, i)->path[0] != '\0';
	a->acl = count > 0 && a->own_uid == 0 ? calloc(count, sizeof *a->acl) : NULL;
	if (a->acl == NULL)
		return count > 0 && a->own_uid == 0 ? LB_ERR_NOMEM : LB_OK;
	for (size_t i = 0; i < lb_policy_roles(policy); i++)
		if (lb_policy_role_at(policy, i)->path[0] != '\0')
			note_acl(a, lb_policy_role_at(policy, i));
	return LB_OK;
}

static int
fill(struct lb_account *a, const struct lb_policy_host *host, const struct lb_policy_role *role,
     const struct lb_ipc_account *msg)
{
	int len;

	a->state = LB_ACCOUNT_CHECKING;
	a->grant = msg->grant;
	a->uid = msg->uid;
	a->role_gid = msg->role_gid;
	a->own_uid = msg->own_uid;
	a->fresh = msg->fresh;
	memcpy(a->name, msg->name, sizeof a->name);
	memcpy(a->identity, msg->identity, sizeof a->identity);
	memcpy(a->role, msg->role, sizeof a->role);
	len = snprintf(a->home, sizeof a->home, "%s/%s", host->home_base, msg->name);
	if (len < 0 || (size_t)len >= sizeof a->home)
		return LB_ERR_TOO_LONG;
	len = snprintf(a->shell, sizeof a->shell, "%s", role->shell);
	if (len < 0 || (size_t)len >= sizeof a->shell)
		return LB_ERR_TOO_LONG;
	a->ngroups = role->groups.count + 1;
	a->groups = calloc(a->ngroups, sizeof *a->groups);
	if (a->groups == NULL)
		return LB_ERR_NOMEM;
	a->groups[0] = msg->role_gid;
	for (size_t i = 0; i < role->groups.count; i++)
		a->groups[i + 1] = role->gids[i];
	if (role->path[0] == '\0')
		return LB_OK;
	a->acl = calloc(1, sizeof *a->acl);
	if (a->acl == NULL)
		return LB_ERR_NOMEM;
	note_acl(a, role);
	return LB_OK;
}

static void
set_end(struct lb_account *a, const struct lb_policy_host *host, const struct lb_ipc_account *msg,
	int64_t boot_ns)
{
	int64_t left, warn = (int64_t)host->warn_before_s * NS;
	int64_t moved = (int64_t)msg->end_boot_ns - a->end_boot_ns;

	a->end_wall_ns = (int64_t)msg->end_wall_ns;
	a->end_boot_ns = (int64_t)msg->end_boot_ns;
	if (moved > -NS && moved < NS)
		return; /* the same end, as each clock now tells it: who was warned stays warned */
	left = a->end_boot_ns - boot_ns;
	if (warn > left / 4)
		warn = left / 4;
	a->warn_boot_ns = a->end_boot_ns - warn;
}

/* Counts an account more of its role; one that is only being ended has none. */
static int
join_role(struct lb_accounts *all, const struct lb_account *a)
{
	struct lb_account_role *grown;

	if (a->role_gid == 0)
		return LB_OK;
	for (size_t i = 0; i < all->nroles; i++)
		if (all->roles[i].gid == a->role_gid) {
			all->roles[i].accounts++;
			return LB_OK;
		}
	grown = reallocarray(all->roles, all->nroles + 1, sizeof *grown);
	if (grown == NULL)
		return LB_ERR_NOMEM;
	all->roles = grown;
	grown += all->nroles++;
	memcpy(grown->role, a->role, sizeof grown->role);
	grown->gid = a->role_gid;
	grown->accounts = 1;
	return LB_OK;
}

static void
leave_role(struct lb_accounts *all, const struct lb_account *a)
{
	for (size_t i = 0; i < all->nroles; i++)
		if (all->roles[i].gid == a->role_gid && --all->roles[i].accounts == 0) {
			all->roles[i] = all->roles[--all->nroles];
			return;
		}
}

static int
insert(struct lb_accounts *all, struct lb_account *a)
{
	size_t i = place(all, a->uid);

	if (all->count == all->cap) {
		size_t cap = all->cap == 0 ? 64 : all->cap * 2;
		struct lb_account **at = reallocarray(all->at, cap, sizeof(struct lb_account *));

		if (at == NULL)
			return LB_ERR_NOMEM;
		all->at = at;
		all->cap = cap;
	}
	if (join_role(all, a) != LB_OK)
		return LB_ERR_NOMEM;
	memmove(all->at + i + 1, all->at + i, (all->count - i) * sizeof(struct lb_account *));
	all->at[i] = a;
	all->count++;
	return LB_OK;
}

static void
account_free(struct lb_account *a)
{
	for (size_t i = 0; i < a->nconnections; i++)
		close(a->connections[i].pidfd);
	free(a->connections);
	free(a->sessions);
	free(a->groups);
	free(a->acl);
	free(a);
}

int
lb_accounts_admit(struct lb_accounts *all, const struct lb_policy *policy,
		  const struct lb_ipc_account *msg, int64_t boot_ns, struct lb_account **account,
		  const char **why)
{
	const struct lb_policy_role *role = lb_policy_role(policy, msg->role);
	const struct lb_policy_host *host = lb_policy_host(policy);
	struct lb_account *a = lb_accounts_find(all, msg->uid);
	int err;

	*why = find_fault(all, role, policy, msg, boot_ns);
	if (*why == NULL && a != NULL &&
	    (a->grant != msg->grant || strcmp(a->role, msg->role) != 0 || msg->fresh ||
	     a->own_uid != msg->own_uid))
		*why = "the uid belongs to another grant";
	if (*why == NULL && a != NULL && lb_account_ending(a))
		*why = "the account is being ended";
	if (*why != NULL)
		return LB_ERR_REFUSED;
	if (a == NULL) {
		a = calloc(1, sizeof *a);
		if (a == NULL)
			return LB_ERR_NOMEM;
		err = fill(a, host, role, msg);
		a->since_boot_ns = boot_ns;
		if (err == LB_OK)
			err = insert(all, a);
		if (err != LB_OK) {
			account_free(a);
			return err;
		}
	}
	set_end(a, host, msg, boot_ns);
	a->seen = true;
	*account = a;
	return LB_OK;
}

static bool
may_adopt(const struct lb_policy *policy, const struct lb_ipc_evict *msg)
{
	const struct lb_policy_identity *id = lb_policy_identity_by_uid(policy, msg->own_uid);
	uint32_t serial;

	if (!lb_uid_is_account(msg->uid))
		return false;
	if (msg->own_uid == 0)
		return lb_account_serial(msg->name, &serial) == LB_OK &&
		       lb_account_uid(serial) == msg->uid;
	return id != NULL &&
	       lb_account_own_fault(policy, id->name, msg->name, msg->own_uid) == NULL;
}

int
lb_accounts_adopt(struct lb_accounts *all, const struct lb_policy *policy,
		  const struct lb_ipc_evict *msg, struct lb_account **account)
{
	struct lb_account *a;
	int len, err = LB_ERR_TOO_LONG;

	if (!may_adopt(policy, msg))
		return LB_ERR_REFUSED;
	a = calloc(1, sizeof *a);
	if (a == NULL)
		return LB_ERR_NOMEM;
	a->state = LB_ACCOUNT_ENDING;
	a->grant = msg->grant;
	a->uid = msg->uid;
	a->own_uid = msg->own_uid;
	a->awaits_sessions = msg->own_uid != 0;
	memcpy(a->name, msg->name, sizeof a->name);
	len = snprintf(a->home, sizeof a->home, "%s/%s", lb_policy_host(policy)->home_base,
		       msg->name);
	if (len > 0 && (size_t)len < sizeof a->home)
		err = note_every_acl(a, policy);
	if (err == LB_OK)
		err = insert(all, a);
	if (err != LB_OK) {
		account_free(a);
		return err;
	}
	*account = a;
	return LB_OK;
}

void
lb_accounts_drop(struct lb_accounts *all, struct lb_account *account)
{
	size_t i = place(all, account->uid);

	if (account->uid > all->last_uid)
		all->last_uid = account->uid;
	memmove(all->at + i, all->at + i + 1, (all->count - i - 1) * sizeof(struct lb_account *));
	all->count--;
	leave_role(all, account);
	account_free(account);
}

int
lb_account_add_connection(struct lb_account *a, pid_t pid, int pidfd)
{
	struct lb_connection *grown;

	if (a->nconnections == CONNECTIONS_MAX) {
		/* The oldest has almost surely gone; the scan finds it by its login uid if not. */
		close(a->connections[0].pidfd);
		memmove(a->connections, a->connections + 1,
			(CONNECTIONS_MAX - 1) * sizeof *a->connections);
		a->nconnections--;
	}
	grown = reallocarray(a->connections, a->nconnections + 1, sizeof *grown);
	if (grown == NULL) {
		close(pidfd);
		return LB_ERR_NOMEM;
	}
	a->connections = grown;
	a->connections[a->nconnections++] = (struct lb_connection){pid, pidfd};
	return LB_OK;
}

const char *
lb_account_own_fault(const struct lb_policy *policy, const char *identity, const char *name,
		     uint32_t uid)
{
	const struct lb_policy_identity *id = lb_policy_identity(policy, identity);

	if (id == NULL)
		return "the policy has no such identity";
	if (strcmp(id->unix_user, name) != 0 || id->uid != uid)
		return "the policy has another Unix user for this identity";
	if (!lb_own_name_valid(name) || !lb_own_uid_valid(uid) ||
	    uid == lb_policy_host(policy)->gate_uid ||
	    strcmp(name, lb_policy_host(policy)->gate_user) == 0)
		return "it is no ordinary user's account";
	return NULL;
}
