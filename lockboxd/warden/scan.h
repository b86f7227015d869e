/*
 * Finding the processes of accounts: by uid, by login uid, by numeric ids only.
 *
 * A process is named by a pidfd from the moment it is found.  What is read of
 * it counts only when the pidfd shows afterwards that it is still the same
 * process, so a reused pid is never taken for another.
 */
#ifndef LB_SCAN_H
#define LB_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct lb_found {
	pid_t pid;
	int pidfd;	  /* closed after the callback returns */
	uint32_t owner;	  /* the account uid it belongs to */
	bool by_loginuid; /* only its login uid says so: it runs as somebody else */
};

/* Called for each process of a uid for which wanted() is true. */
typedef void lb_scan_found(void *arg, const struct lb_found *found);
typedef bool lb_scan_wanted(void *arg, uint32_t uid);

/*
 * Walks /proc once.  Dead processes that only wait for their parent do not
 * count.  *vanished (may be NULL) is how many were gone before they could be
 * looked at: one that forks and exits without end hides among them.
 * LB_ERR_SYSTEM when anything could not be looked at for another reason: then
 * nothing is proven by what was not found.
 */
int lb_scan(lb_scan_wanted *wanted, lb_scan_found *found, void *arg, unsigned *vanished);

/*
 * The same, and besides for each other process that has a login uid: owner is
 * then what session() says of that and the kernel's number of its session, and
 * by_loginuid is true.  UINT32_MAX: not wanted.
 */
typedef uint32_t lb_scan_session(void *arg, uint32_t login_uid, uint32_t session);
int lb_scan_sessions(lb_scan_wanted *wanted, lb_scan_session *session, lb_scan_found *found,
		     void *arg, unsigned *vanished);

/*
 * The login uid and the kernel's number of the session of the process pid, for
 * which pidfd stands and which is alive; false when it is not, or cannot be looked
 * at, or is pid 1 or the caller.  UINT32_MAX: it has none.
 */
bool lb_scan_session_of(pid_t pid, int pidfd, uint32_t *login_uid, uint32_t *session);

/* True when pid is a root-owned sshd. */
bool lb_scan_is_sshd(pid_t pid);

/*
 * True when uid is an account's, pidfd stands for process pid, and that is
 * alive and has uid as one of its user ids or as its login uid.  Never for
 * pid 1 or the caller.  Nothing is taken on trust: the three may come from a
 * keeper gone wrong.
 */
bool lb_scan_belongs(pid_t pid, int pidfd, uint32_t uid);

/*
 * 1 when pid is a root-owned sshd that listens for connections: never to be
 * ended.  0 when it is not, -1 when that cannot be told just now.
 */
int lb_scan_is_listener(pid_t pid);

#endif
