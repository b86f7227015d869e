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

#define CONNECTIONS_MAX 512
#define CONNECTIONS_PER_PEER 32
#define ACCEPTS_PER_WAKE 32

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

struct lb_peers {
	struct lb_keeper *k;
	struct lb_peer at[CONNECTIONS_MAX];
	size_t count;
	uint64_t next;
	struct lb_listener *listener;
	struct lb_log_budget budget;
};

static bool
read_proc(int proc_fd, pid_t pid, const char *file, char *buf, size_t cap)
{
	char path[64];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof path, "%d/%s", (int)pid, file);
	fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, buf, cap - 1);
		close(fd);
	}
	buf[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static bool
alive(int pidfd)
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
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0 || len != sizeof cred)
		return;
	peer->uid = cred.uid;
	peer->pid = cred.pid;
}

void
lb_peer_of(int fd, int proc_fd, struct lb_peer *peer, bool keep_pidfd)
{
	char login[16];
	uint32_t loginuid;
	int pidfd;

	lb_peer_credentials(fd, peer);
	if (peer->uid == (uid_t)-1 || peer->pid <= 0)
		return;
	pidfd = peer_pidfd(fd, peer->pid);
	if (pidfd < 0)
		return;
	if (read_proc(proc_fd, peer->pid, "loginuid", login, sizeof login) && alive(pidfd)) {
		/* 2^32-1 is "none": a process no login stands behind. */
		loginuid = (uint32_t)strtoul(login, NULL, 10);
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

void
lb_peers_drop(struct lb_peers *all, uint64_t conn)
{
	struct lb_peer *p = lb_peers_find(all, conn);

	if (p != NULL)
		*p = all->at[--all->count];
}

/* One user, and among those who come through the gate one identity, takes so much of the table. */
static bool
room_for(struct lb_peers *all, const struct lb_peer *peer)
{
	size_t same = 0;

	for (size_t i = 0; i < all->count; i++)
		same += all->at[i].uid == peer->uid &&
			strcmp(all->at[i].identity, peer->identity) == 0;
	return all->count < CONNECTIONS_MAX && same < CONNECTIONS_PER_PEER;
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
	struct lb_ipc_conn msg;
	struct lb_peer *p;

	if (all->k->front == NULL || !room_for(all, peer)) {
		refuse(all, peer, "too many connections");
		return;
	}
	p = &all->at[all->count++];
	*p = *peer;
	p->direct = false;
	p->pidfd = -1;
	p->conn = msg.conn = ++all->next;
	if (lb_ipc_send(all->k->front, LB_IPC_PEER, &msg, fd) != LB_OK)
		lb_peers_drop(all, msg.conn);
}

/* Who may say who somebody is, or asks for keys, is never read by front. */
static void
admit(void *arg, int fd)
{
	struct lb_peers *all = arg;
	struct lb_keeper *k = all->k;
	struct lb_peer peer;

	lb_peer_of(fd, k->proc_fd, &peer, false);
	if (!peer.known)
		refuse(all, &peer, "its process cannot be looked at");
	else if (peer.uid == k->keys_uid || peer.uid == lb_policy_host(k->policy)->gate_uid) {
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
	all->listener =
		lb_listen_new(all->k->base, fd, ACCEPTS_PER_WAKE, "public socket", admit, all);
	return all->listener != NULL ? LB_OK : LB_ERR_NOMEM;
}

void
lb_peers_front(struct lb_peers *all, bool there)
{
	all->count = 0; /* the connections of the last one went with it */
	if (all->listener != NULL && lb_listen_enable(all->listener, there) != LB_OK)
		lb_fatal(1, "public socket: connections cannot be waited for");
}
