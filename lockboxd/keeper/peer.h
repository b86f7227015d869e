/*
 * Who is at the other end of a connection, by the kernel's word alone.
 */
#ifndef LB_PEER_H
#define LB_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "name.h"
#include "proto.h"

struct lb_keeper;
struct lb_peers;

struct lb_peer {
	uint64_t conn; /* never used twice */
	uid_t uid;
	pid_t pid;
	bool known;	/* uid, pid and login uid were all read from one living process */
	bool temporary; /* its uid or login uid is a temporary account's */
	uint32_t login_uid, kernel_session; /* the kernel's; UINT32_MAX: none */
	bool direct;			    /* the keeper itself reads what it says */
	bool has_identity;		    /* the gate named one */
	char identity[LB_IDENTITY_MAX + 1];
	char fingerprint[LB_FINGERPRINT_MAX + 1];
	int pidfd; /* kept for a session only: the process that asked; else -1 */
};

/* Fills *peer with what SO_PEERCRED says and nothing else; uid -1 when it says nothing. */
void lb_peer_credentials(int fd, struct lb_peer *peer);

/*
 * Fills *peer for a connected socket: SO_PEERCRED, and the login uid read from
 * /proc while the process is proven to be the same one.  What cannot be proven
 * leaves known false.  keep_pidfd: peer->pidfd is the caller's, or -1.
 */
void lb_peer_of(int fd, int proc_fd, struct lb_peer *peer, bool keep_pidfd);

/* False when the process of a pidfd has ended; errno is then ESRCH. */
bool lb_peer_alive(int pidfd);

/* Start time of a process in clock ticks (field 22 of /proc/PID/stat); 0 when it cannot be read. */
uint64_t lb_peer_start_ticks(int proc_fd, pid_t pid);

/* The table of public connections.  NULL when out of memory. */
struct lb_peers *lb_peers_new(struct lb_keeper *k);
/* Remembers the listening socket fd.  Nothing is accepted while there is no front. */
int lb_peers_listen(struct lb_peers *all, int fd);
/* Gives a connection to front, which reads it from here on.  fd stays the caller's. */
void lb_peers_serve(struct lb_peers *all, int fd, const struct lb_peer *peer);
struct lb_peer *lb_peers_find(struct lb_peers *all, uint64_t conn);
void lb_peers_drop(struct lb_peers *all, uint64_t conn);
/* A new front is there, or the last one is gone, and with it every connection it served. */
void lb_peers_front(struct lb_peers *all, bool there);

#endif
