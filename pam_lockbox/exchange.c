/* One exchange with the daemon: see exchange.h. */
#include "exchange.h"

#include <string.h>
#include <sys/socket.h>

#include "client.h"
#include "err.h"
#include "wipe.h"

/* An answer is one frame; a daemon that says more is not one to believe. */
static int
nothing_follows(const struct lb_client *c)
{
	char byte;

	return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0 ? LB_ERR_MALFORMED : LB_OK;
}

static int
check(uint16_t type, const struct lb_msg_verdict *verdict)
{
	if (type != LB_MSG_VERDICT)
		return LB_ERR_MALFORMED;
	if (verdict->verdict != LB_VERDICT_ALLOW && verdict->verdict != LB_VERDICT_DENY)
		return LB_ERR_MALFORMED;
	return LB_OK;
}

int
lb_pam_ask(const char *socket_path, unsigned timeout_ms, uint16_t type,
	   const struct lb_msg_login *login, struct lb_msg_verdict *verdict)
{
	struct lb_client c;
	union lb_msg answer;
	uint16_t answer_type = 0;
	int err = lb_client_open(&c, socket_path, timeout_ms);

	if (err != LB_OK)
		return err;
	err = lb_client_send(&c, type, login);
	if (err == LB_OK)
		err = lb_client_receive(&c, &answer_type, &answer);
	if (err == LB_OK)
		err = nothing_follows(&c);
	if (err == LB_OK)
		err = check(answer_type, &answer.verdict);
	lb_client_close(&c);
	if (err == LB_OK)
		*verdict = answer.verdict;
	return err;
}

int
lb_pam_tell(const char *socket_path, unsigned timeout_ms, uint16_t type,
	    const struct lb_msg_login *login)
{
	struct lb_client c;
	union lb_msg answer;
	uint16_t answer_type;
	int err = lb_client_open(&c, socket_path, timeout_ms);

	if (err != LB_OK)
		return err;
	err = lb_client_send(&c, type, login);
	if (err == LB_OK)
		err = lb_client_receive(&c, &answer_type, &answer);
	lb_client_close(&c);
	return err;
}
