/*
 * The outbox: what a state change causes, held back until it is durable.
 *
 * Handlers never send, log an event or start a timer themselves: they put it
 * here beside their writes.  After the commit it is all carried out in order;
 * if the transaction is given up, it is dropped and nothing was said.
 */
#ifndef LB_OUTBOX_H
#define LB_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "ipc.h"
#include "keeper/store.h"
#include "proto.h"

/* Where an answer goes. */
struct lb_target {
	bool direct; /* of direct.h; else front's */
	uint64_t conn;
};

enum lb_out_kind { LB_OUT_REPLY, LB_OUT_WARDEN, LB_OUT_LOG, LB_OUT_WATCH, LB_OUT_AWAIT };

struct lb_out {
	TAILQ_ENTRY(lb_out) next;
	enum lb_out_kind kind;
	struct lb_target target; /* REPLY, AWAIT */
	uint16_t type;		 /* WARDEN: enum lb_ipc; LOG: priority */
	int fd;			 /* WARDEN, WATCH; -1 when none; owned */
	uint64_t grant, number;	 /* WATCH: the session */
	uint32_t uid;		 /* AWAIT: the account that is to be published */
	uint32_t session; /* AWAIT: the kernel's number of the session for which it is; 0: none */
	size_t len;
	uint8_t bytes
		[]; /* REPLY: frames; WARDEN: a message; LOG: a line; AWAIT: the reply's frame */
};

/* Bytes of frames in one REPLY: what a message to front carries after the connection's number. */
#define LB_REPLY_MAX (LB_LINK_MESSAGE_MAX - 8)

TAILQ_HEAD(lb_outbox, lb_out);

void lb_outbox_init(struct lb_outbox *box);
/* Drops everything, wiping bytes and closing descriptors. */
void lb_outbox_clear(struct lb_outbox *box);
void lb_out_free(struct lb_out *out);

/*
 * Each returns LB_OK, LB_ERR_NOMEM or the encoder's error; the caller gives
 * the whole transaction up on failure.
 */
int lb_outbox_reply(struct lb_outbox *box, struct lb_target target, uint16_t type, const void *msg);
int lb_outbox_warden(struct lb_outbox *box, enum lb_ipc type, const void *msg, int fd);
int lb_outbox_log(struct lb_outbox *box, int priority, const char *line);
/* Watch the process behind pidfd (taken over) and drop the session when it exits. */
int lb_outbox_watch(struct lb_outbox *box, uint64_t grant, uint64_t number, int pidfd);
/*
 * Send the reply when the warden has published uid, where session is not 0 for that session of
 * its, or a refusal when it cannot.
 */
int lb_outbox_await(struct lb_outbox *box, struct lb_target target, uint32_t uid, uint32_t session,
		    uint16_t type, const void *msg);

#endif
