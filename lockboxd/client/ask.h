/*
 * Conversations of the command line with the daemon: requests and their
 * answers in the order that PROTOCOL prescribes.
 */
#ifndef LB_CLIENT_ASK_H
#define LB_CLIENT_ASK_H

#include <stdint.h>

#include "cli.h"
#include "client.h"

struct lb_cli_link {
	struct lb_client client;
	bool connected;		       /* at least once */
	struct lb_msg_refused refused; /* code is 0 unless the daemon refused */
};

/*
 * Gets each item of an answer; the message is wiped afterwards.  Anything but
 * LB_OK ends the conversation with that error.
 */
typedef int lb_cli_item(void *arg, const union lb_msg *item);

/*
 * Connects and, in the gate, says for whom.  Blocks up to LB_CLI_TIMEOUT_MS.
 * The errors of lb_client_open(); LB_ERR_REFUSED with link->refused.code set
 * when it was the daemon that refused.  The caller ends with
 * lb_cli_link_close() whatever came of it.
 */
int lb_cli_link_open(struct lb_cli_link *link, const struct lb_cli *cli);

/*
 * Sends one request and hands every item of type `item_type` (0: none may
 * come) to item.  LB_OK: the daemon said DONE, which is in *done.  Blocks up
 * to LB_CLI_TIMEOUT_MS.
 */
int lb_cli_ask(struct lb_cli_link *link, uint16_t type, const void *msg, uint16_t item_type,
	       lb_cli_item *item, void *arg, struct lb_msg_done *done);

/*
 * The same for an answer of exactly one item, copied to *out (size bytes, a
 * message structure of that type).
 */
int lb_cli_ask_one(struct lb_cli_link *link, uint16_t type, const void *msg, uint16_t item_type,
		   void *out, size_t size);

/* The receiving half of the same, of a request that has been sent. */
int lb_cli_take_one(struct lb_cli_link *link, uint16_t item_type, void *out, size_t size);

/*
 * The same for a list in pages: msg is a message whose member *after the
 * daemon goes on from, asked again until nothing is left.  A page is taken
 * whole before item gets anything of it: item may block for as long as it
 * likes, as on a terminal whose reader has paused.  A daemon that has hung up
 * meanwhile is called again.
 */
int lb_cli_ask_all(struct lb_cli_link *link, const struct lb_cli *cli, uint16_t type,
		   const void *msg, uint64_t *after, uint16_t item_type, lb_cli_item *item,
		   void *arg);

void lb_cli_link_close(struct lb_cli_link *link);

#endif
