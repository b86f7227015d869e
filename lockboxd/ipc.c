/* Internal messages as tables: see ipc.h. */
#include "ipc.h"

#include <string.h>

#include "err.h"
#include "wipe.h"

static const struct lb_field conn_fields[] = {LB_U64(struct lb_ipc_conn, conn)};
static const struct lb_field uid_fields[] = {LB_U32(struct lb_ipc_uid, uid)};
static const struct lb_field outcome_fields[] = {
	LB_U32(struct lb_ipc_outcome, uid),
	LB_U8(struct lb_ipc_outcome, ok),
	LB_TEXT(struct lb_ipc_outcome, event),
	LB_TEXT(struct lb_ipc_outcome, text),
};
static const struct lb_field account_fields[] = {
	LB_U64(struct lb_ipc_account, grant),	    LB_U32(struct lb_ipc_account, uid),
	LB_U32(struct lb_ipc_account, role_gid),    LB_TEXT(struct lb_ipc_account, name),
	LB_TEXT(struct lb_ipc_account, identity),   LB_TEXT(struct lb_ipc_account, role),
	LB_U64(struct lb_ipc_account, end_wall_ns), LB_U64(struct lb_ipc_account, end_boot_ns),
	LB_U8(struct lb_ipc_account, fresh),	    LB_U32(struct lb_ipc_account, own_uid),
};
static const struct lb_field evict_fields[] = {
	LB_U64(struct lb_ipc_evict, grant),   LB_U32(struct lb_ipc_evict, uid),
	LB_TEXT(struct lb_ipc_evict, name),   LB_TEXT(struct lb_ipc_evict, cause),
	LB_U32(struct lb_ipc_evict, own_uid),
};
static const struct lb_field kernel_fields[] = {
	LB_U32(struct lb_ipc_kernel, uid),
	LB_U32(struct lb_ipc_kernel, session),
};
static const struct lb_field entered_fields[] = {
	LB_U32(struct lb_ipc_entered, uid),
	LB_U32(struct lb_ipc_entered, session),
	LB_U8(struct lb_ipc_entered, ok),
};
static const struct lb_field session_fields[] = {
	LB_U32(struct lb_ipc_session, uid),
	LB_U32(struct lb_ipc_session, pid),
	LB_TEXT(struct lb_ipc_session, text),
};

#define NOTHING(text)                                                                              \
	{                                                                                          \
		text, 0, NULL, 0                                                                   \
	}

static const struct {
	enum lb_ipc type;
	struct lb_layout layout;
} layouts[] = {
	{LB_IPC_POLICY, NOTHING("policy")},
	{LB_IPC_FRONT, LB_LAYOUT("front", struct lb_ipc_conn, conn_fields)},
	{LB_IPC_COURIER, LB_LAYOUT("courier", struct lb_ipc_conn, conn_fields)},
	{LB_IPC_PUBLISHED, LB_LAYOUT("published", struct lb_ipc_outcome, outcome_fields)},
	{LB_IPC_EVICTED, LB_LAYOUT("evicted", struct lb_ipc_outcome, outcome_fields)},
	{LB_IPC_NOTE, LB_LAYOUT("note", struct lb_ipc_outcome, outcome_fields)},
	{LB_IPC_SEAL, LB_LAYOUT("seal", struct lb_ipc_outcome, outcome_fields)},
	{LB_IPC_ENTERED, LB_LAYOUT("entered", struct lb_ipc_entered, entered_fields)},
	{LB_IPC_READY, NOTHING("ready")},
	{LB_IPC_SYNC_BEGIN, NOTHING("sync-begin")},
	{LB_IPC_SYNC_END, NOTHING("sync-end")},
	{LB_IPC_ACCOUNT, LB_LAYOUT("account", struct lb_ipc_account, account_fields)},
	{LB_IPC_EVICT, LB_LAYOUT("evict", struct lb_ipc_evict, evict_fields)},
	{LB_IPC_SESSION, LB_LAYOUT("session", struct lb_ipc_session, session_fields)},
	{LB_IPC_DISCONNECT, LB_LAYOUT("disconnect", struct lb_ipc_session, session_fields)},
	{LB_IPC_ACK, LB_LAYOUT("ack", struct lb_ipc_uid, uid_fields)},
	{LB_IPC_BAD_FRONT, LB_LAYOUT("bad-front", struct lb_ipc_conn, conn_fields)},
	{LB_IPC_KERNEL, LB_LAYOUT("kernel", struct lb_ipc_kernel, kernel_fields)},
	{LB_IPC_PEER, LB_LAYOUT("peer", struct lb_ipc_conn, conn_fields)},
	{LB_IPC_GONE, LB_LAYOUT("gone", struct lb_ipc_conn, conn_fields)},
};

static const struct lb_layout *
layout_of(uint16_t type)
{
	for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++)
		if (layouts[i].type == type)
			return &layouts[i].layout;
	return NULL;
}

int
lb_ipc_encode(enum lb_ipc type, const void *msg, void *buf, size_t cap, size_t *len)
{
	const struct lb_layout *layout = layout_of((uint16_t)type);

	if (layout == NULL)
		return LB_ERR_INTERNAL;
	return lb_fields_encode(layout, msg, buf, cap, len);
}

int
lb_ipc_send(struct lb_link *link, enum lb_ipc type, const void *msg, int fd)
{
	uint8_t bytes[LB_LINK_MESSAGE_MAX];
	size_t len;
	int err = lb_ipc_encode(type, msg, bytes, sizeof bytes, &len);

	if (err == LB_OK)
		err = lb_link_send(link, (uint16_t)type, bytes, len, fd);
	return err;
}

int
lb_ipc_decode(uint16_t type, const uint8_t *bytes, size_t len, union lb_ipc_msg *msg)
{
	const struct lb_layout *layout = layout_of(type);

	memset(msg, 0, sizeof *msg);
	if (layout == NULL)
		return LB_ERR_MALFORMED;
	return lb_fields_decode(layout, bytes, len, msg);
}
