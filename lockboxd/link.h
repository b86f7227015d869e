/*
 * A link between two of the daemon's processes: a SOCK_SEQPACKET socket pair
 * that carries whole messages, each with at most one descriptor.
 *
 * Either end treats the other as an attacker would want it treated: sizes are
 * bounded, a message is decoded wholly by the tables in ipc.h before anything
 * acts on it, and one that does not decode ends the link.
 */
#ifndef LB_LINK_H
#define LB_LINK_H

#include <stddef.h>
#include <stdint.h>

struct event_base;
struct lb_link;

#define LB_LINK_MESSAGE_MAX 12288u

/*
 * Called for each message.  bytes live during the call.  fd is -1 or a
 * descriptor that is now the callee's.  Returns LB_OK, or an error that ends
 * the link: lost() is then called.
 */
typedef int lb_link_message(void *arg, uint16_t type, const uint8_t *bytes, size_t len, int fd);
/* Called once when the other end is gone or misbehaved; the link is dead but not freed. */
typedef void lb_link_lost(void *arg);
/* Called after all messages that were waiting have been handed over. */
typedef void lb_link_drained(void *arg);

struct lb_link_calls {
	lb_link_message *message;
	lb_link_lost *lost;
	lb_link_drained *drained; /* may be NULL */
};

/* Takes over fd (made non-blocking).  NULL when out of memory. */
struct lb_link *lb_link_new(struct event_base *base, int fd, const struct lb_link_calls *calls,
			    void *arg);
/* Closes and frees; nothing is called. */
void lb_link_free(struct lb_link *link);

/*
 * Sends one message, or queues it when the other end is not reading just now.
 * fd stays the caller's.  Never blocks.  LB_ERR_TOO_LONG; LB_ERR_FULL when the other end has stopped
 * reading and the queue's maximum (8 MiB) is reached, LB_ERR_UNREACHABLE when the link
 * is dead: in both cases the link is lost.
 */
int lb_link_send(struct lb_link *link, uint16_t type, const void *bytes, size_t len, int fd);

/* Tells the other end that nothing more will come: it sees its link end, ours stays readable. */
void lb_link_close_sending(struct lb_link *link);

/* Tries to write what is queued until it is written or timeout_ms passed: for an orderly end. */
void lb_link_flush(struct lb_link *link, unsigned timeout_ms);

#endif
