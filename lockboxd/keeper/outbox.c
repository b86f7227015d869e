/* The outbox: see outbox.h. */
#include "keeper/outbox.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "wipe.h"

void
lb_outbox_init(struct lb_outbox *box)
{
	TAILQ_INIT(box);
}

void
lb_out_free(struct lb_out *out)
{
	if (out->fd >= 0)
		close(out->fd);
	lb_wipe(out->bytes, out->len);
	free(out);
}

void
lb_outbox_clear(struct lb_outbox *box)
{
	struct lb_out *out;

	while ((out = TAILQ_FIRST(box)) != NULL) {
		TAILQ_REMOVE(box, out, next);
		lb_out_free(out);
	}
}

static struct lb_out *
add(struct lb_outbox *box, enum lb_out_kind kind, const void *bytes, size_t len)
{
	struct lb_out *out = calloc(1, sizeof *out + len);

	if (out == NULL)
		return NULL;
	out->kind = kind;
	out->fd = -1;
	out->len = len;
	if (len > 0)
		memcpy(out->bytes, bytes, len);
	TAILQ_INSERT_TAIL(box, out, next);
	return out;
}

/* The frames of one answer travel together, as many as a message takes. */
static struct lb_out *
add_reply(struct lb_outbox *box, struct lb_target target, const uint8_t *frame, size_t len)
{
	struct lb_out *last = TAILQ_LAST(box, lb_outbox), *both;

	if (last == NULL || last->kind != LB_OUT_REPLY || last->target.direct != target.direct ||
	    last->target.conn != target.conn || last->len + len > LB_REPLY_MAX)
		return add(box, LB_OUT_REPLY, frame, len);
	both = malloc(sizeof *both + last->len + len);
	if (both == NULL)
		return NULL;
	memcpy(both, last, sizeof *both + last->len);
	memcpy(both->bytes + last->len, frame, len);
	both->len += len;
	TAILQ_REMOVE(box, last, next);
	lb_out_free(last);
	TAILQ_INSERT_TAIL(box, both, next);
	return both;
}

static int
add_frame(struct lb_outbox *box, enum lb_out_kind kind, struct lb_target target, uint16_t type,
	  const void *msg, struct lb_out **added)
{
	uint8_t frame[LB_HEADER_SIZE + LB_PAYLOAD_MAX];
	size_t len;
	int err = lb_proto_encode(type, msg, frame, sizeof frame, &len);

	if (err != LB_OK)
		return err;
	*added = kind == LB_OUT_REPLY ? add_reply(box, target, frame, len)
				      : add(box, kind, frame, len);
	lb_wipe(frame, len);
	if (*added == NULL)
		return LB_ERR_NOMEM;
	(*added)->target = target;
	return LB_OK;
}

int
lb_outbox_reply(struct lb_outbox *box, struct lb_target target, uint16_t type, const void *msg)
{
	struct lb_out *out;

	return add_frame(box, LB_OUT_REPLY, target, type, msg, &out);
}

int
lb_outbox_await(struct lb_outbox *box, struct lb_target target, uint32_t uid, uint32_t session,
		uint16_t type, const void *msg)
{
	struct lb_out *out;
	int err = add_frame(box, LB_OUT_AWAIT, target, type, msg, &out);

	if (err == LB_OK) {
		out->uid = uid;
		out->session = session;
	}
	return err;
}

int
lb_outbox_warden(struct lb_outbox *box, enum lb_ipc type, const void *msg, int fd)
{
	uint8_t bytes[LB_LINK_MESSAGE_MAX];
	struct lb_out *out;
	size_t len;
	int err = lb_ipc_encode(type, msg, bytes, sizeof bytes, &len);

	if (err != LB_OK)
		return err;
	out = add(box, LB_OUT_WARDEN, bytes, len);
	if (out == NULL)
		return LB_ERR_NOMEM;
	out->type = (uint16_t)type;
	if (fd >= 0) {
		out->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (out->fd < 0)
			return LB_ERR_SYSTEM;
	}
	return LB_OK;
}

int
lb_outbox_log(struct lb_outbox *box, int priority, const char *line)
{
	struct lb_out *out = add(box, LB_OUT_LOG, line, strlen(line) + 1);

	if (out == NULL)
		return LB_ERR_NOMEM;
	out->type = (uint16_t)priority;
	return LB_OK;
}

int
lb_outbox_watch(struct lb_outbox *box, uint64_t grant, uint64_t number, int pidfd)
{
	struct lb_out *out = add(box, LB_OUT_WATCH, NULL, 0);

	if (out == NULL) {
		close(pidfd);
		return LB_ERR_NOMEM;
	}
	out->grant = grant;
	out->number = number;
	out->fd = pidfd;
	return LB_OK;
}
