/*
 * The messages on the links between the four processes.  Their byte form is
 * common/fields.h's; nothing outside the daemon sees it, so it has no version:
 * all four processes are the same program file.
 */
#ifndef LB_IPC_H
#define LB_IPC_H

#include <stddef.h>
#include <stdint.h>

#include "fields.h"
#include "link.h"
#include "name.h"
#include "proto.h"

enum lb_ipc {
	/* warden -> keeper */
	LB_IPC_POLICY = 1,    /* + memfd with a packed policy source */
	LB_IPC_FRONT = 2,     /* struct lb_ipc_conn: which start of it; + the link to a new front */
	LB_IPC_COURIER = 3,   /* the same for courier */
	LB_IPC_PUBLISHED = 4, /* struct lb_ipc_outcome: answer to LB_IPC_ACCOUNT */
	LB_IPC_EVICTED = 5,   /* struct lb_ipc_outcome: nothing of the account is left */
	LB_IPC_NOTE = 6,      /* struct lb_ipc_outcome: something for the audit record */
	LB_IPC_SEAL = 7,      /* struct lb_ipc_outcome: event is the id of a broken seal, uid for
				 how many seconds it lets in yet */
	LB_IPC_ENTERED = 8,   /* struct lb_ipc_entered: answer to LB_IPC_KERNEL */
	/* keeper -> warden */
	LB_IPC_READY = 16,	/* the store is open: begin */
	LB_IPC_SYNC_BEGIN = 17, /* from here to SYNC_END: every account there is */
	LB_IPC_SYNC_END = 18,
	LB_IPC_ACCOUNT = 19,	/* struct lb_ipc_account: publish it */
	LB_IPC_EVICT = 20,	/* struct lb_ipc_evict */
	LB_IPC_SESSION = 21,	/* struct lb_ipc_session + pidfd: a login's connection process */
	LB_IPC_DISCONNECT = 22, /* struct lb_ipc_session + pidfd: end this one connection */
	LB_IPC_ACK = 23,	/* struct lb_ipc_uid: the EVICTED is in the store */
	LB_IPC_BAD_FRONT = 24,	/* struct lb_ipc_conn: that start of front misbehaves: replace it */
	LB_IPC_KERNEL = 25,	/* struct lb_ipc_kernel: a session that is the grant's to end */
	/* keeper <-> front */
	LB_IPC_PEER = 32, /* struct lb_ipc_conn + descriptor: serve it */
	LB_IPC_FRAME =
		33, /* u64 connection, then PROTOCOL frames: to the keeper one, to front from one */
	LB_IPC_GONE = 34, /* struct lb_ipc_conn: that connection is over; both ways */
};

#define LB_IPC_TEXT_MAX 1500

/*
 * In a PUBLISHED that is not ok: nothing of the account, which is new, was ever
 * there; or, of one that was there before, what is there now is somebody else's.
 */
#define LB_IPC_UNMADE "unmade"
#define LB_IPC_TAKEN "taken"

struct lb_ipc_conn {
	uint64_t conn; /* number of a connection, or of a process's start: never used twice */
};
struct lb_ipc_uid {
	uint32_t uid;
};
struct lb_ipc_outcome {
	uint32_t uid;
	uint8_t ok;
	char event[32];
	char text[LB_IPC_TEXT_MAX + 1];
};
struct lb_ipc_account {
	uint64_t grant;
	uint32_t uid;
	uint32_t role_gid;
	char name[LB_ACCOUNT_MAX + 1];
	char identity[LB_IDENTITY_MAX + 1];
	char role[LB_ROLE_MAX + 1];
	uint64_t end_wall_ns, end_boot_ns;
	uint8_t fresh;	  /* 1: just claimed, so nothing of it may exist yet */
	uint32_t own_uid; /* of name, where that is the engineer's own account; else 0 */
};
struct lb_ipc_evict {
	uint64_t grant;
	uint32_t uid;
	char name[LB_ACCOUNT_MAX + 1];
	char cause[LB_REASON_MAX + 1];
	uint32_t own_uid;
};
struct lb_ipc_kernel {
	uint32_t uid;	  /* of the grant */
	uint32_t session; /* the kernel's number of a session of its own account */
};
struct lb_ipc_entered {
	uint32_t uid, session; /* as asked */
	uint8_t ok;	       /* 1: the role's groups resolve in that session */
};
struct lb_ipc_session {
	uint32_t uid;
	uint32_t pid; /* for the log; the pidfd beside it is what counts */
	char text[LB_REASON_MAX + 1];
};

union lb_ipc_msg {
	struct lb_ipc_conn conn;
	struct lb_ipc_uid uid;
	struct lb_ipc_outcome outcome;
	struct lb_ipc_account account;
	struct lb_ipc_evict evict;
	struct lb_ipc_session session;
	struct lb_ipc_kernel kernel;
	struct lb_ipc_entered entered;
};

/* Encodes msg by its type's layout into buf. */
int lb_ipc_encode(enum lb_ipc type, const void *msg, void *buf, size_t cap, size_t *len);
/* Encodes msg by its type's layout and queues it on link; fd as in lb_link_send(). */
int lb_ipc_send(struct lb_link *link, enum lb_ipc type, const void *msg, int fd);
/* Decodes a message by its type's layout; LB_ERR_MALFORMED for a type without one. */
int lb_ipc_decode(uint16_t type, const uint8_t *bytes, size_t len, union lb_ipc_msg *msg);

#endif
