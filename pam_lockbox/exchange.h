/*
 * One question to the daemon, one answer, one deadline, nothing kept.
 */
#ifndef LB_PAM_EXCHANGE_H
#define LB_PAM_EXCHANGE_H

#include <stdint.h>

#include "proto.h"

/*
 * Sends a question of this type and gets the verdict, which on LB_OK is ALLOW
 * or DENY and nothing else.  Everything together takes at most timeout_ms.
 * LB_ERR_SYSTEM: a system call failed on this side; any other error: the
 * daemon did not answer, or not as it should.
 */
int lb_pam_ask(const char *socket_path, unsigned timeout_ms, uint16_t type,
	       const struct lb_msg_login *login, struct lb_msg_verdict *verdict);

/*
 * Sends a message whose answer does not matter, and waits, at most timeout_ms,
 * until the daemon has read it.  LB_OK when it was sent and answered.
 */
int lb_pam_tell(const char *socket_path, unsigned timeout_ms, uint16_t type,
		const struct lb_msg_login *login);

#endif
