/*
 * The warden's own table of temporary accounts: what is published, until
 * when, and which connections belong to it.
 *
 * What the keeper asks for is checked here against the policy that the warden
 * itself read, so a keeper gone wrong cannot publish more than a role allows,
 * for longer than the role's maximum, under another uid than the name's, or an
 * account that was ended before.
 */
#ifndef LB_WARDEN_ACCOUNT_H
#define LB_WARDEN_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ipc.h"
#include "policy/policy.h"
#include "warden/acl.h"

enum lb_account_state {
	LB_ACCOUNT_CHECKING, /* a helper looks for collisions and makes the home */
	LB_ACCOUNT_LIVE,     /* published */
	LB_ACCOUNT_ENDING,   /* to be ended: next, publish without it */
	LB_ACCOUNT_TOLD,     /* ending: the person was told */
	LB_ACCOUNT_ASKED,    /* ending: connections were asked to close */
	LB_ACCOUNT_KILLING,  /* ending: processes are being killed until none is found */
	LB_ACCOUNT_CLEARING, /* ending: a helper clears what it left */
	LB_ACCOUNT_GONE,     /* ended; waits for the keeper to have recorded it */
};

struct lb_connection {
	pid_t pid;
	int pidfd;
};

struct lb_account {
	enum lb_account_state state;
	uint64_t grant;
	uint32_t uid, role_gid;
	char name[LB_ACCOUNT_MAX + 1];
	char identity[LB_IDENTITY_MAX + 1];
	char role[LB_ROLE_MAX + 1];
	char home[256], shell[256];
	uint32_t *groups; /* role_gid and the role's outside groups */
	size_t ngroups;
	struct lb_acl *
		acl; /* that it is given; of one that is taken over only to be ended all there are */
	size_t nacl;
	int64_t end_wall_ns, end_boot_ns;
	int64_t since_boot_ns; /* when it came into this table: a role's maximum counts from here */
	int64_t warn_boot_ns;  /* when to warn; 0: done */
	bool fresh;
	bool announced; /* the keeper waits for LB_IPC_PUBLISHED */
	bool seen;	/* named since the last SYNC_BEGIN */
	bool checking;	/* a helper is at work: not to be dropped yet */
	/* On an account of the engineer's own: its uid, and the kernel's numbers of its sessions. */
	uint32_t own_uid; /* 0: a temporary account */
	uint32_t *sessions;
	size_t nsessions,
		nentered;     /* of so many, the first ones, the keeper knows that they resolve */
	bool awaits_sessions; /* taken over only to be ended; the keeper has not named them all yet */
	struct lb_connection *connections;
	size_t nconnections;
	char cause[LB_REASON_MAX + 1];
	int64_t phase_boot_ns; /* when the present phase began */
	unsigned clean_scans, killed, spared, rounds;
	bool rushing; /* kill(-1) as the account is on its way: no walk proves anything before */
	bool rushed;  /* it was done */
	bool cage_tried, caged;		 /* its control group was to be killed, and was, whole */
	bool warning, announced_warning; /* while a warning goes out */
	char receipt[LB_IPC_TEXT_MAX + 1];
};

/* A role that some account in the table has, and its gid: one each way. */
struct lb_account_role {
	char role[LB_ROLE_MAX + 1];
	uint32_t gid;
	size_t accounts;
};

struct lb_accounts {
	struct lb_account **at; /* by uid, ascending */
	size_t count, cap;
	struct lb_account_role *roles;
	size_t nroles;
	uint32_t last_uid; /* the highest uid ever ended here: none at or below it comes anew */
};

/* The account of this uid, or NULL. */
struct lb_account *lb_accounts_find(const struct lb_accounts *all, uint32_t uid);

/*
 * Checks msg against policy and the table, and adds it in state CHECKING, or
 * gives the one that is there with its end changed.  boot_ns: the boot-time
 * clock now.  LB_ERR_REFUSED with *why (static) when it is not to be.
 */
int lb_accounts_admit(struct lb_accounts *all, const struct lb_policy *policy,
		      const struct lb_ipc_account *msg, int64_t boot_ns,
		      struct lb_account **account, const char **why);

/*
 * Adds an account only to end it: one that was active when an earlier warden
 * stopped.  Name and uid must belong together; an own account must be one that
 * the policy has for somebody.
 */
int lb_accounts_adopt(struct lb_accounts *all, const struct lb_policy *policy,
		      const struct lb_ipc_evict *msg, struct lb_account **account);

/*
 * NULL when the policy has this name and uid for the identity and they are an
 * ordinary user's; else why not (static).
 */
const char *lb_account_own_fault(const struct lb_policy *policy, const char *identity,
				 const char *name, uint32_t uid);

/* Takes an account out and frees it. */
void lb_accounts_drop(struct lb_accounts *all, struct lb_account *account);

/* Remembers a connection process; takes over pidfd. */
int lb_account_add_connection(struct lb_account *account, pid_t pid, int pidfd);

/*
 * True in the states in which the account resolves.  One that an earlier
 * warden has published goes on to do so while it is looked at again.
 */
static inline bool
lb_account_published(const struct lb_account *a)
{
	return a->state == LB_ACCOUNT_LIVE || (a->state == LB_ACCOUNT_CHECKING && !a->fresh);
}

/* True from the moment its end has begun. */
static inline bool
lb_account_ending(const struct lb_account *a)
{
	return a->state >= LB_ACCOUNT_ENDING;
}

#endif
