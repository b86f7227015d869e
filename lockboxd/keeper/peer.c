/* Peers: see peer.h. */
#include "keeper/peer.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "err.h"
#include "ipc.h"
#include "keeper/listen.h"
#include "keeper/state.h"
#include "log.h"
#include "passed.h"

#define CONNECTIONS_MAX 512
#define CONNECTIONS_PER_PEER 32
#define ACCEPTS_PER_WAKE 2 /* each may be costly to get rid of; a login is not to wait for many */
#define GUARDED_S 10	   /* more than a connection stays with the keeper */

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

struct lb_peers {
	struct lb_keeper *k;
	struct lb_peer at[CONNECTIONS_MAX];
	unsigned mates[CONNECTIONS_MAX]; /* how many of at[] are of the same person, itself too */
	size_t count;
	uint64_t next;
	struct lb_listener *listener;
	struct lb_log_budget budget;
	struct event *quiet; /* no connection has been taken for a while */
};

static bool
read_proc(int proc_fd, pid_t pid, const char *file, char *buf, size_t cap)
{
	char path[64];
	size_t got = 0;
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof path, "%d/%s", (int)pid, file);
	fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		/* To the end: the first digits of an id are another id. */
		while (got < cap - 1 && (n = read(fd, buf + got, cap - 1 - got)) > 0)
			got += (size_t)n;
		close(fd);
	}
	if (n < 0)
		got = 0;
	buf[got] = '\0';
	return got > 0;
}

bool
lb_peer_alive(int pidfd)
{
	/* EPERM also means that it is there: the keeper may signal nobody. */
	return syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) == 0 || errno == EPERM;
}

/*
 * The kernel's own pidfd of the peer (since Linux 6.5).  Before that, by pid,
 * which is the peer's as long as its end is open: it waits for our answer.
 */
static int
peer_pidfd(int fd, pid_t pid)
{
	struct pollfd p = {.fd = fd};
	int pidfd = -1;
	socklen_t len = sizeof pidfd;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) == 0)
		return pidfd;
	if (errno != ENOPROTOOPT)
		return -1;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd >= 0 && (poll(&p, 1, 0) != 0)) {
		close(pidfd);
		pidfd = -1;
	}
	return pidfd;
}

void
lb_peer_credentials(int fd, struct lb_peer *peer)
{
	struct ucred cred;
	socklen_t len = sizeof cred;

	memset(peer, 0, sizeof *peer);
	peer->uid = (uid_t)-1;
	peer->pidfd = -1;
	peer->login_uid = peer->kernel_session = UINT32_MAX;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0 || len != sizeof cred)
		return;
	peer->uid = cred.uid;
	peer->pid = cred.pid;
}

void
lb_peer_of(int fd, int proc_fd, struct lb_peer *peer, bool keep_pidfd)
{
	char login[16], session[16];
	uint32_t loginuid, number = UINT32_MAX;
	int pidfd;

	lb_peer_credentials(fd, peer);
	if (peer->uid == (uid_t)-1 || peer->pid <= 0)
		return;
	pidfd = peer_pidfd(fd, peer->pid);
	if (pidfd < 0)
		return;
	if (read_proc(proc_fd, peer->pid, "sessionid", session, sizeof session))
		number = (uint32_t)strtoul(session, NULL, 10);
	if (read_proc(proc_fd, peer->pid, "loginuid", login, sizeof login) &&
	    lb_peer_alive(pidfd)) {
		/* 2^32-1 is "none": a process no login stands behind. */
		loginuid = (uint32_t)strtoul(login, NULL, 10);
		peer->login_uid = loginuid;
		peer->kernel_session = number;
		peer->temporary = lb_id_reserved(peer->uid) || lb_id_reserved(loginuid);
		peer->known = true;
	}
	if (keep_pidfd)
		peer->pidfd = pidfd;
	else
		close(pidfd);
}

uint64_t
lb_peer_start_ticks(int proc_fd, pid_t pid)
{
	char stat[1024];
	const char *at;
	unsigned long long ticks = 0;

	if (!read_proc(proc_fd, pid, "stat", stat, sizeof stat))
		return 0;
	at = strrchr(stat, ')'); /* the name may hold anything */
	if (at == NULL)
		return 0;
	for (int field = 2; field < 22 && at != NULL; field++)
		at = strchr(at + 1, ' ');
	if (at == NULL || sscanf(at, "%llu", &ticks) != 1)
		return 0;
	return ticks;
}

struct lb_peer *
lb_peers_find(struct lb_peers *all, uint64_t conn)
{
	for (size_t i = 0; i < all->count; i++)
		if (all->at[i].conn == conn)
			return &all->at[i];
	return NULL;
}

/* One user, and among those who come through the gate one identity. */
static bool
same_person(const struct lb_peer *a, const struct lb_peer *b)
{
	return a->uid == b->uid && strcmp(a->identity, b->identity) == 0;
}

/* Adds by to the mates of all who are the same person, and returns how many they are now. */
static unsigned
count_mates(struct lb_peers *all, const struct lb_peer *peer, int by)
{
	unsigned same = 0;

	for (size_t i = 0; i < all->count; i++)
		if (same_person(&all->at[i], peer))
			same = all->mates[i] += (unsigned)by;
	return same;
}

void
lb_peers_drop(struct lb_peers *all, uint64_t conn)
{
	struct lb_peer *p = lb_peers_find(all, conn);

	if (p == NULL)
		return;
	lb_waits_drop(all->k, conn);
	count_mates(all, p, -1);
	all->count--;
	all->mates[p - all->at] = all->mates[all->count];
	*p = all->at[all->count];
}

/* In a full table the oldest connection of who has most gives way to one who has fewer. */
static bool
make_room(struct lb_peers *all, unsigned same)
{
	struct lb_ipc_conn gone;
	size_t most = 0;

	if (all->count < CONNECTIONS_MAX)
		return true;
	for (size_t i = 1; i < all->count; i++)
		if (all->mates[i] > all->mates[most] ||
		    (all->mates[i] == all->mates[most] && all->at[i].conn < all->at[most].conn))
			most = i;
	if (all->mates[most] <= same + 1)
		return false;
	gone.conn = all->at[most].conn;
	lb_peers_drop(all, gone.conn);
	return lb_ipc_send(all->k->front, LB_IPC_GONE, &gone, -1) == LB_OK;
}

static void
refuse(struct lb_peers *all, const struct lb_peer *peer, const char *why)
{
	if (lb_log_may(&all->budget, "public socket"))
		lb_log(LOG_WARNING, "connection of uid %u refused: %s", peer->uid, why);
}

void
lb_peers_serve(struct lb_peers *all, int fd, const struct lb_peer *peer)
{
	unsigned same = count_mates(all, peer, 0);
	struct lb_ipc_conn msg;
	struct lb_peer *p;

	if (all->k->front == NULL || same >= CONNECTIONS_PER_PEER || !make_room(all, same)) {
		refuse(all, peer, "too many connections");
		return;
	}
	all->mates[all->count] = same;
	p = &all->at[all->count++];
	*p = *peer;
	count_mates(all, peer, 1);
	p->direct = false;
	p->pidfd = -1;
	p->conn = msg.conn = ++all->next;
	if (lb_ipc_send(all->k->front, LB_IPC_PEER, &msg, fd) != LB_OK)
		lb_peers_drop(all, msg.conn);
}

/* What is taken now may hold descriptors of its client's until it is front's or closed. */
static void
guard(struct lb_peers *all, int fd)
{
	static const struct timeval while_it_may = {GUARDED_S, 0};

	if (lb_passed_none(fd))
		return;
	lb_passed_guard(true);
	if (event_add(all->quiet, &while_it_may) != 0)
		lb_fatal(1, "no memory for a timer");
}

static void
on_quiet(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	lb_passed_guard(false);
}

/*
 * Who may say who somebody is, or asks for keys, is never read by front.  A
 * connection too many is refused before its process is looked at: that is what
 * costs.
 */
static void
admit(void *arg, int fd)
{
	struct lb_peers *all = arg;
	struct lb_keeper *k = all->k;
	struct lb_peer peer;
	bool direct;

	guard(all, fd);
	lb_peer_credentials(fd, &peer);
	direct = peer.uid == k->keys_uid || peer.uid == lb_policy_host(k->policy)->gate_uid;
	if (!direct && count_mates(all, &peer, 0) >= CONNECTIONS_PER_PEER) {
		refuse(all, &peer, "too many connections");
		close(fd);
		return;
	}
	lb_peer_of(fd, k->proc_fd, &peer, false);
	if (!peer.known) {
		refuse(all, &peer, "its process cannot be looked at");
	} else if (direct) {
		k->take_direct(k->direct, fd, &peer);
		return;
	} else {
		lb_peers_serve(all, fd, &peer);
	}
	close(fd);
}

struct lb_peers *
lb_peers_new(struct lb_keeper *k)
{
	struct lb_peers *all = calloc(1, sizeof *all);

	if (all != NULL) {
		all->k = k;
		all->budget = (struct lb_log_budget){.per_s = 1, .burst = 10};
	}
	return all;
}

int
lb_peers_listen(struct lb_peers *all, int fd)
{
	all->quiet = evtimer_new(all->k->base, on_quiet, all);
	all->listener =
		lb_listen_new(all->k->base, fd, ACCEPTS_PER_WAKE, "public socket", admit, all);
	return all->listener != NULL && all->quiet != NULL ? LB_OK : LB_ERR_NOMEM;
}

void
lb_peers_front(struct lb_peers *all, bool there)
{
	lb_waits_drop(all->k, 0);
	all->count = 0; /* the connections of the last one went with it */
	if (all->listener != NULL && lb_listen_enable(all->listener, there) != LB_OK)
		lb_fatal(1, "public socket: connections cannot be waited for");
}
