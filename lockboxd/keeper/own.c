/* Own accounts: see own.h. */
#include "keeper/caller.h"
#include "keeper/move.h"
#include "keeper/own.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "err.h"

uint32_t
lb_own_account(const struct lb_policy *policy, const char *identity)
{
	const struct lb_policy_identity *id = lb_policy_identity(policy, identity);

	if (id == NULL || !lb_own_name_valid(id->unix_user) || !lb_own_uid_valid(id->uid))
		return 0;
	return id->uid;
}

/* Whether this kernel numbers sessions at all (CONFIG_AUDIT); the keeper has none itself. */
static bool
sessions_numbered(const struct lb_keeper *k)
{
	int fd = openat(k->proc_fd, "self/sessionid", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

int
lb_own_check(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *g)
{
	uint32_t uid = lb_own_account(tx->k->policy, g->identity);
	struct lb_grant other;
	uint64_t after = 0;
	int err;

	if (g->state == LB_STATE_ACTIVE)
		return LB_OK;
	if (!sessions_numbered(tx->k))
		return lb_refused(lb_refuse(
			tx, who, LB_NOT_NOW,
			"this host's kernel does not number sessions, so what is done under the "
			"grant could not be told from the rest of %s; it needs CONFIG_AUDIT",
			g->own));
	while ((err = lb_next_own(tx, g->identity, &after, &other)) == LB_OK)
		if (other.own_uid == uid && other.id != g->id)
			return lb_refused(lb_refuse(
				tx, who, LB_NOT_NOW,
				"R-%llu works on %s already, and one grant at a time does; end it "
				"first",
				(unsigned long long)other.id, other.account));
	return err == LB_ERR_NOT_FOUND ? LB_OK : err;
}

int
lb_own_grant(struct lb_tx *tx, uint32_t uid, const char *user, struct lb_grant *grant)
{
	const struct lb_policy_identity *id = lb_policy_identity_by_uid(tx->k->policy, uid);
	struct lb_grant g;
	uint64_t after = 0;
	int err;

	if (id == NULL || !lb_own_uid_valid(uid))
		return LB_ERR_NOT_FOUND;
	while ((err = lb_next_own(tx, id->name, &after, &g)) == LB_OK) {
		if (g.own_uid != uid || strcmp(g.account, user) != 0 ||
		    (g.state != LB_STATE_ACTIVE && g.state != LB_STATE_ENDING))
			continue;
		*grant = g;
		break;
	}
	return err;
}

/* The session of a grant with this number of the kernel's, of this start of the host. */
static int
find_session(struct lb_tx *tx, const struct lb_grant *g, uint32_t kernel)
{
	struct lb_session s = {.number = 0};
	int err;

	while ((err = lb_store_next_session(tx->store, g->id, s.number, &s)) == LB_OK &&
	       s.grant == g->id)
		if (s.kernel == kernel && memcmp(s.boot_id, tx->k->boot_id, sizeof s.boot_id) == 0)
			return LB_OK;
	return err == LB_OK ? LB_ERR_NOT_FOUND : err;
}

int
lb_own_within(struct lb_tx *tx, const struct lb_peer *peer, const struct lb_grant *g, bool *within)
{
	int err = LB_ERR_NOT_FOUND;

	if (peer->known && peer->login_uid == g->own_uid && peer->kernel_session != 0 &&
	    peer->kernel_session != UINT32_MAX)
		err = find_session(tx, g, peer->kernel_session);
	*within = err == LB_OK;
	return err == LB_ERR_NOT_FOUND ? LB_OK : err;
}

int
lb_own_close_session(struct lb_tx *tx, uint64_t grant, uint64_t number)
{
	struct lb_session s;
	int err = number == 0 ? LB_ERR_NOT_FOUND
			      : lb_store_next_session(tx->store, grant, number - 1, &s);

	if (err == LB_OK && (s.grant != grant || s.number != number || s.closed_s != 0))
		err = LB_ERR_NOT_FOUND;
	if (err != LB_OK)
		return err;
	s.closed_s = tx->now_s;
	return lb_store_put_session(tx->store, &s);
}

int
lb_own_name_sessions(struct lb_tx *tx, const struct lb_grant *g)
{
	struct lb_ipc_kernel m = {.uid = g->uid};
	struct lb_session s = {.number = 0};
	int err;

	while ((err = lb_store_next_session(tx->store, g->id, s.number, &s)) == LB_OK &&
	       s.grant == g->id) {
		if (memcmp(s.boot_id, tx->k->boot_id, sizeof s.boot_id) != 0)
			continue;
		m.session = s.kernel;
		err = lb_outbox_warden(&tx->out, LB_IPC_KERNEL, &m, -1);
		if (err != LB_OK)
			return err;
	}
	return err == LB_ERR_NOT_FOUND ? LB_OK : err;
}
