/*
 * Builds a snapshot (common/SNAPSHOT-FORMAT) in memory.
 *
 * Pure: no file, no clock, no state.  It trusts nothing it is given: every
 * name, id, path and text is checked here once more, whoever checked it before,
 * because what this writes is believed by every process of the host.
 */
#ifndef LB_WARDEN_SNAPSHOT_WRITE_H
#define LB_WARDEN_SNAPSHOT_WRITE_H

#include <stddef.h>
#include <stdint.h>

struct lb_snapshot_account {
	const char *name;	/* an account name: lb_account_valid() */
	uint32_t uid;		/* in the account range */
	uint32_t gid;		/* the private group, named as the account: equal to uid */
	const char *gecos;	/* plain text without ':', at most 255 bytes; may be "" */
	const char *home;	/* lb_path_valid(), at most 255 bytes */
	const char *shell;	/* the same */
	int64_t end_wall_ns;	/* CLOCK_REALTIME; greater than 0 */
	int64_t end_boot_ns;	/* CLOCK_BOOTTIME; greater than 0 */
	const uint32_t *groups; /* supplementary gids, of listed roles and from outside */
	size_t ngroups;		/* at most LB_SNAPSHOT_GROUPS_MAX; groups may be NULL if 0 */
};

struct lb_snapshot_group {
	const char *name; /* "lbr-<role>" */
	uint32_t gid;	  /* in the role range */
};

/* An ordinary account that has groups by a grant. */
struct lb_snapshot_own {
	const char *name; /* lb_own_name_valid() */
	int64_t end_wall_ns, end_boot_ns;
	const uint32_t *groups; /* as above */
	size_t ngroups;
	const uint32_t *sessions; /* the kernel's numbers: neither 0 nor UINT32_MAX */
	size_t nsessions;	  /* at most LB_SNAPSHOT_SESSIONS_MAX */
};

/*
 * Builds the snapshot of these accounts and role groups, given in any order.
 * On success *buf is one malloc'ed block of *size bytes that the caller frees.
 *
 * Returns LB_OK or
 *   LB_ERR_MALFORMED  a name, id, path or text is not allowed; a gid is 0, 2^32-1, in the
 *                     account range, or a role's that is not listed; an end is not positive
 *   LB_ERR_EXISTS     a uid, gid or name occurs twice, or one account has a group twice
 *   LB_ERR_TOO_LONG   a limit of the format is exceeded
 *   LB_ERR_NOMEM      memory could not be allocated
 * and then, if why is not NULL, *why is a short phrase (static storage).
 * Never blocks.
 */
int lb_snapshot_build(const struct lb_snapshot_account *accounts, size_t naccounts,
		      const struct lb_snapshot_group *groups, size_t ngroups, void **buf,
		      size_t *size, const char **why);

/* The same with own accounts, whose role groups are among those listed. */
int lb_snapshot_build_own(const struct lb_snapshot_account *accounts, size_t naccounts,
			  const struct lb_snapshot_group *groups, size_t ngroups,
			  const struct lb_snapshot_own *own, size_t own_count, void **buf,
			  size_t *size, const char **why);

#endif
