/* Messages as tables: see proto.h, PROTOCOL. */
#include "proto.h"

#include <string.h>

#include "err.h"
#include "wire.h"

static const struct lb_field as_fields[] = {
	LB_TEXT(struct lb_msg_as, identity),
	LB_TEXT(struct lb_msg_as, fingerprint),
};
static const struct lb_field request_fields[] = {
	LB_TEXT(struct lb_msg_request, role),	   LB_U32(struct lb_msg_request, duration_s),
	LB_TEXT(struct lb_msg_request, ticket),	   LB_TEXT(struct lb_msg_request, reason),
	LB_U64(struct lb_msg_request, start_s),	   LB_TEXT(struct lb_msg_request, resource),
	LB_U8(struct lb_msg_request, break_glass),
};
static const struct lb_field extend_fields[] = {
	LB_U64(struct lb_msg_extend, id),
	LB_U32(struct lb_msg_extend, duration_s),
	LB_TEXT(struct lb_msg_extend, reason),
};
static const struct lb_field list_fields[] = {
	LB_U8(struct lb_msg_list, which),
	LB_U64(struct lb_msg_list, after),
};
static const struct lb_field act_fields[] = {
	LB_U64(struct lb_msg_act, id),
	LB_TEXT(struct lb_msg_act, text),
};
static const struct lb_field review_fields[] = {
	LB_U64(struct lb_msg_review, id),
	LB_U8(struct lb_msg_review, verdict),
	LB_TEXT(struct lb_msg_review, text),
};
static const struct lb_field audit_fields[] = {
	LB_U64(struct lb_msg_audit, after),
	LB_U64(struct lb_msg_audit, grant),
};
static const struct lb_field keys_fields[] = {
	LB_TEXT(struct lb_msg_keys, user),
	LB_TEXT(struct lb_msg_keys, type),
	LB_TEXT(struct lb_msg_keys, blob),
};
static const struct lb_field wait_fields[] = {
	LB_U64(struct lb_msg_wait, id),
	LB_U8(struct lb_msg_wait, state),
	LB_U8(struct lb_msg_wait, have),
};
static const struct lb_field approve_signed_fields[] = {
	LB_U64(struct lb_msg_approve_signed, id),
	LB_TEXT(struct lb_msg_approve_signed, signature),
};
static const struct lb_field personnel_fields[] = {
	LB_TEXT(struct lb_msg_personnel, identity),
	LB_TEXT(struct lb_msg_personnel, name),
	LB_TEXT(struct lb_msg_personnel, text),
};
static const struct lb_field to_sign_fields[] = {
	LB_U64(struct lb_msg_to_sign, id),
	LB_TEXT(struct lb_msg_to_sign, keys),
	LB_TEXT(struct lb_msg_to_sign, statement),
};
static const struct lb_field signed_fields[] = {
	LB_U64(struct lb_msg_signed, id),	  LB_U64(struct lb_msg_signed, number),
	LB_U8(struct lb_msg_signed, level),	  LB_TEXT(struct lb_msg_signed, approver),
	LB_U64(struct lb_msg_signed, time_s),	  LB_TEXT(struct lb_msg_signed, fingerprint),
	LB_TEXT(struct lb_msg_signed, key),	  LB_TEXT(struct lb_msg_signed, signature),
	LB_TEXT(struct lb_msg_signed, statement),
};
static const struct lb_field login_fields[] = {
	LB_TEXT(struct lb_msg_login, user),    LB_U32(struct lb_msg_login, uid),
	LB_TEXT(struct lb_msg_login, service), LB_TEXT(struct lb_msg_login, rhost),
	LB_TEXT(struct lb_msg_login, tty),     LB_TEXT(struct lb_msg_login, password),
};
static const struct lb_field done_fields[] = {
	LB_U8(struct lb_msg_done, more),
	LB_U64(struct lb_msg_done, cursor),
};
static const struct lb_field refused_fields[] = {
	LB_U16(struct lb_msg_refused, code),
	LB_TEXT(struct lb_msg_refused, text),
};
_Static_assert(LB_LEVELS_MAX == 5 && LB_APPROVALS_MAX == 12, "the tables list them one by one");

/* clang-format off */
#define LEVEL(s, i)                                                                                \
	LB_TEXT(s, level[i].name), LB_TEXT(s, level[i].teams), LB_U8(s, level[i].need),            \
	LB_U8(s, level[i].have), LB_U8(s, level[i].flags)
#define APPROVAL(s, i)                                                                             \
	LB_TEXT(s, approval[i].identity), LB_U8(s, approval[i].level), LB_U64(s, approval[i].at_s)
#define CHECK(s, i)                                                                                \
	LB_TEXT(s, check[i].name), LB_U8(s, check[i].state), LB_U64(s, check[i].until_s),          \
	LB_TEXT(s, check[i].by), LB_TEXT(s, check[i].who)
/* clang-format on */

static const struct lb_field role_fields[] = {
	LB_TEXT(struct lb_msg_role, name),
	LB_TEXT(struct lb_msg_role, description),
	LB_U32(struct lb_msg_role, max_s),
	LB_U32(struct lb_msg_role, default_s),
	LB_U8(struct lb_msg_role, approvals),
	LB_TEXT(struct lb_msg_role, approvers),
	LB_TEXT(struct lb_msg_role, groups),
	LB_TEXT(struct lb_msg_role, sudo),
	LB_U8(struct lb_msg_role, may_request),
	LB_U8(struct lb_msg_role, may_approve),
	LB_U8(struct lb_msg_role, levels),
	LEVEL(struct lb_msg_role, 0),
	LEVEL(struct lb_msg_role, 1),
	LEVEL(struct lb_msg_role, 2),
	LEVEL(struct lb_msg_role, 3),
	LEVEL(struct lb_msg_role, 4),
	LB_TEXT(struct lb_msg_role, customer),
	LB_U8(struct lb_msg_role, starts),
	LB_U32(struct lb_msg_role, start_ahead_s),
	LB_U32(struct lb_msg_role, max_day_s),
	LB_TEXT(struct lb_msg_role, hours),
	LB_TEXT(struct lb_msg_role, time_zone),
	LB_TEXT(struct lb_msg_role, resources),
	LB_U8(struct lb_msg_role, eligibility),
	LB_U8(struct lb_msg_role, own),
	LB_U8(struct lb_msg_role, may_break_glass),
	LB_U32(struct lb_msg_role, break_glass_s),
	LB_U8(struct lb_msg_role, signed_approvals),
	LB_TEXT(struct lb_msg_role, path),
	LB_U8(struct lb_msg_role, permission),
};
static const struct lb_field grant_fields[] = {
	LB_U64(struct lb_msg_grant, id),
	LB_U8(struct lb_msg_grant, state),
	LB_TEXT(struct lb_msg_grant, host),
	LB_TEXT(struct lb_msg_grant, identity),
	LB_TEXT(struct lb_msg_grant, role),
	LB_TEXT(struct lb_msg_grant, account),
	LB_U32(struct lb_msg_grant, uid),
	LB_U32(struct lb_msg_grant, duration_s),
	LB_U64(struct lb_msg_grant, requested_s),
	LB_U64(struct lb_msg_grant, until_s),
	LB_U64(struct lb_msg_grant, end_s),
	LB_U8(struct lb_msg_grant, have),
	LB_U8(struct lb_msg_grant, need),
	LB_U32(struct lb_msg_grant, sessions),
	LB_TEXT(struct lb_msg_grant, ticket),
	LB_TEXT(struct lb_msg_grant, reason),
	LB_TEXT(struct lb_msg_grant, approvers),
	LB_TEXT(struct lb_msg_grant, groups),
	LB_TEXT(struct lb_msg_grant, sudo),
	LB_TEXT(struct lb_msg_grant, cause),
	LB_U8(struct lb_msg_grant, levels),
	LB_U8(struct lb_msg_grant, level_now),
	LEVEL(struct lb_msg_grant, 0),
	LEVEL(struct lb_msg_grant, 1),
	LEVEL(struct lb_msg_grant, 2),
	LEVEL(struct lb_msg_grant, 3),
	LEVEL(struct lb_msg_grant, 4),
	APPROVAL(struct lb_msg_grant, 0),
	APPROVAL(struct lb_msg_grant, 1),
	APPROVAL(struct lb_msg_grant, 2),
	APPROVAL(struct lb_msg_grant, 3),
	APPROVAL(struct lb_msg_grant, 4),
	APPROVAL(struct lb_msg_grant, 5),
	APPROVAL(struct lb_msg_grant, 6),
	APPROVAL(struct lb_msg_grant, 7),
	APPROVAL(struct lb_msg_grant, 8),
	APPROVAL(struct lb_msg_grant, 9),
	APPROVAL(struct lb_msg_grant, 10),
	APPROVAL(struct lb_msg_grant, 11),
	LB_TEXT(struct lb_msg_grant, customer),
	LB_TEXT(struct lb_msg_grant, ticket_url),
	LB_TEXT(struct lb_msg_grant, access),
	LB_TEXT(struct lb_msg_grant, earlier),
	LB_U64(struct lb_msg_grant, start_s),
	LB_U64(struct lb_msg_grant, begun_s),
	LB_U8(struct lb_msg_grant, starts),
	LB_U64(struct lb_msg_grant, extends),
	LB_TEXT(struct lb_msg_grant, resource),
	LB_TEXT(struct lb_msg_grant, rule),
	LB_TEXT(struct lb_msg_grant, own),
	LB_U8(struct lb_msg_grant, break_glass),
	LB_U8(struct lb_msg_grant, review),
	LB_U8(struct lb_msg_grant, concerns),
	LB_U64(struct lb_msg_grant, review_due_s),
	LB_U64(struct lb_msg_grant, reviewed_s),
	LB_TEXT(struct lb_msg_grant, reviewer),
	LB_TEXT(struct lb_msg_grant, remark),
	LB_U8(struct lb_msg_grant, signed_approvals),
	LB_TEXT(struct lb_msg_grant, path),
	LB_U8(struct lb_msg_grant, permission),
	LB_U8(struct lb_msg_grant, caller),
	LB_TEXT(struct lb_msg_grant, others),
};
_Static_assert(LB_CHECKS_MAX == 8, "the table lists them one by one");
static const struct lb_field eligible_fields[] = {
	LB_TEXT(struct lb_msg_eligible, identity),
	LB_TEXT(struct lb_msg_eligible, role),
	LB_U8(struct lb_msg_eligible, state),
	LB_U8(struct lb_msg_eligible, holds),
	LB_U64(struct lb_msg_eligible, asked_s),
	LB_U64(struct lb_msg_eligible, approved_s),
	LB_U64(struct lb_msg_eligible, until_s),
	LB_TEXT(struct lb_msg_eligible, manager),
	LB_TEXT(struct lb_msg_eligible, managers),
	LB_TEXT(struct lb_msg_eligible, requires),
	LB_U8(struct lb_msg_eligible, has_required),
	LB_TEXT(struct lb_msg_eligible, reason),
	LB_TEXT(struct lb_msg_eligible, cause),
	LB_U8(struct lb_msg_eligible, checks),
	CHECK(struct lb_msg_eligible, 0),
	CHECK(struct lb_msg_eligible, 1),
	CHECK(struct lb_msg_eligible, 2),
	CHECK(struct lb_msg_eligible, 3),
	CHECK(struct lb_msg_eligible, 4),
	CHECK(struct lb_msg_eligible, 5),
	CHECK(struct lb_msg_eligible, 6),
	CHECK(struct lb_msg_eligible, 7),
};
static const struct lb_field attested_fields[] = {
	LB_TEXT(struct lb_msg_attested, identity), LB_TEXT(struct lb_msg_attested, check),
	LB_TEXT(struct lb_msg_attested, by),	   LB_U64(struct lb_msg_attested, at_s),
	LB_U64(struct lb_msg_attested, until_s),
};
static const struct lb_field claimed_fields[] = {
	LB_U64(struct lb_msg_claimed, id),	 LB_TEXT(struct lb_msg_claimed, host),
	LB_TEXT(struct lb_msg_claimed, account), LB_TEXT(struct lb_msg_claimed, password),
	LB_U64(struct lb_msg_claimed, end_s),
};
static const struct lb_field record_fields[] = {
	LB_U64(struct lb_msg_record, seq),	 LB_U64(struct lb_msg_record, time_s),
	LB_U64(struct lb_msg_record, grant),	 LB_TEXT(struct lb_msg_record, event),
	LB_TEXT(struct lb_msg_record, identity), LB_TEXT(struct lb_msg_record, account),
	LB_U32(struct lb_msg_record, uid),	 LB_TEXT(struct lb_msg_record, actor),
	LB_TEXT(struct lb_msg_record, detail),	 LB_BYTES(struct lb_msg_record, hash),
};
static const struct lb_field key_fields[] = {
	LB_TEXT(struct lb_msg_key, line),
};
static const struct lb_field verdict_fields[] = {
	LB_U8(struct lb_msg_verdict, verdict),
	LB_TEXT(struct lb_msg_verdict, text),
};

static const struct lb_field health_fields[] = {
	LB_U64(struct lb_msg_health, clock_s),	   LB_U64(struct lb_msg_health, wall_s),
	LB_U8(struct lb_msg_health, clock_astray), LB_U64(struct lb_msg_health, store_bytes),
	LB_U64(struct lb_msg_health, store_most),  LB_U8(struct lb_msg_health, store_full),
	LB_U64(struct lb_msg_health, live),
};

static const struct lb_field metrics_fields[] = {
	LB_U64(struct lb_msg_metrics, pending),	     LB_U64(struct lb_msg_metrics, notified),
	LB_U64(struct lb_msg_metrics, approved),     LB_U64(struct lb_msg_metrics, active),
	LB_U64(struct lb_msg_metrics, ending),	     LB_U64(struct lb_msg_metrics, break_glass),
	LB_U64(struct lb_msg_metrics, requests),     LB_U64(struct lb_msg_metrics, records),
	LB_U64(struct lb_msg_metrics, reviews_open), LB_U64(struct lb_msg_metrics, reviews_overdue),
	LB_U64(struct lb_msg_metrics, alarms),	     LB_U64(struct lb_msg_metrics, seals_broken),
	LB_U64(struct lb_msg_metrics, seals_open),   LB_U64(struct lb_msg_metrics, store_bytes),
	LB_U64(struct lb_msg_metrics, store_most),   LB_U8(struct lb_msg_metrics, store_full),
	LB_U8(struct lb_msg_metrics, clock_astray),
};

static const struct lb_field customer_fields[] = {
	LB_TEXT(struct lb_msg_customer, name),	    LB_U8(struct lb_msg_customer, lockbox),
	LB_U8(struct lb_msg_customer, approvals),   LB_U8(struct lb_msg_customer, break_glass),
	LB_TEXT(struct lb_msg_customer, approvers), LB_TEXT(struct lb_msg_customer, signatures),
};
static const struct lb_field customer_view_fields[] = {
	LB_TEXT(struct lb_msg_customer_view, name),
	LB_U8(struct lb_msg_customer_view, on),
	LB_U8(struct lb_msg_customer_view, mine),
	LB_U8(struct lb_msg_customer_view, approvals),
	LB_U8(struct lb_msg_customer_view, break_glass),
	LB_U64(struct lb_msg_customer_view, change),
	LB_U64(struct lb_msg_customer_view, changed_s),
	LB_TEXT(struct lb_msg_customer_view, covers),
	LB_TEXT(struct lb_msg_customer_view, approvers),
	LB_TEXT(struct lb_msg_customer_view, statement),
};

static const struct {
	uint16_t type;
	enum lb_door door;
	struct lb_layout layout;
} messages[] = {
	{LB_MSG_AS, LB_DOOR_PUBLIC, LB_LAYOUT("as", struct lb_msg_as, as_fields)},
	{LB_MSG_ROLES, LB_DOOR_PUBLIC, {"roles", sizeof(struct lb_msg_roles), NULL, 0}},
	{LB_MSG_REQUEST, LB_DOOR_PUBLIC,
	 LB_LAYOUT("request", struct lb_msg_request, request_fields)},
	{LB_MSG_LIST, LB_DOOR_PUBLIC, LB_LAYOUT("list", struct lb_msg_list, list_fields)},
	{LB_MSG_SHOW, LB_DOOR_PUBLIC, LB_LAYOUT("show", struct lb_msg_act, act_fields)},
	{LB_MSG_APPROVE, LB_DOOR_PUBLIC, LB_LAYOUT("approve", struct lb_msg_act, act_fields)},
	{LB_MSG_DENY, LB_DOOR_PUBLIC, LB_LAYOUT("deny", struct lb_msg_act, act_fields)},
	{LB_MSG_CANCEL, LB_DOOR_PUBLIC, LB_LAYOUT("cancel", struct lb_msg_act, act_fields)},
	{LB_MSG_CLAIM, LB_DOOR_PUBLIC, LB_LAYOUT("claim", struct lb_msg_act, act_fields)},
	{LB_MSG_END, LB_DOOR_PUBLIC, LB_LAYOUT("end", struct lb_msg_act, act_fields)},
	{LB_MSG_REVOKE, LB_DOOR_PUBLIC, LB_LAYOUT("revoke", struct lb_msg_act, act_fields)},
	{LB_MSG_AUDIT, LB_DOOR_PUBLIC, LB_LAYOUT("audit", struct lb_msg_audit, audit_fields)},
	{LB_MSG_KEYS, LB_DOOR_PUBLIC, LB_LAYOUT("keys", struct lb_msg_keys, keys_fields)},
	{LB_MSG_HEALTH, LB_DOOR_PUBLIC, {"health", sizeof(struct lb_msg_roles), NULL, 0}},
	{LB_MSG_RESET_CLOCK, LB_DOOR_PUBLIC, {"reset-clock", sizeof(struct lb_msg_roles), NULL, 0}},
	{LB_MSG_WAIT, LB_DOOR_PUBLIC, LB_LAYOUT("wait", struct lb_msg_wait, wait_fields)},
	{LB_MSG_STATEMENT, LB_DOOR_PUBLIC, LB_LAYOUT("statement", struct lb_msg_act, act_fields)},
	{LB_MSG_EVIDENCE, LB_DOOR_PUBLIC, LB_LAYOUT("evidence", struct lb_msg_act, act_fields)},
	{LB_MSG_APPROVE_SIGNED, LB_DOOR_PUBLIC,
	 LB_LAYOUT("approve-signed", struct lb_msg_approve_signed, approve_signed_fields)},
	{LB_MSG_CUSTOMER, LB_DOOR_PUBLIC,
	 LB_LAYOUT("customer", struct lb_msg_customer, customer_fields)},
	{LB_MSG_CUSTOMER_CHANGE, LB_DOOR_PUBLIC,
	 LB_LAYOUT("customer-change", struct lb_msg_customer, customer_fields)},
	{LB_MSG_EXTEND, LB_DOOR_PUBLIC, LB_LAYOUT("extend", struct lb_msg_extend, extend_fields)},
	{LB_MSG_ELIGIBILITY, LB_DOOR_PUBLIC,
	 LB_LAYOUT("eligibility", struct lb_msg_list, list_fields)},
	{LB_MSG_ELIGIBILITY_REQUEST, LB_DOOR_PUBLIC,
	 LB_LAYOUT("eligibility-request", struct lb_msg_personnel, personnel_fields)},
	{LB_MSG_ATTEST, LB_DOOR_PUBLIC,
	 LB_LAYOUT("attest", struct lb_msg_personnel, personnel_fields)},
	{LB_MSG_ELIGIBILITY_APPROVE, LB_DOOR_PUBLIC,
	 LB_LAYOUT("eligibility-approve", struct lb_msg_personnel, personnel_fields)},
	{LB_MSG_ELIGIBILITY_REVOKE, LB_DOOR_PUBLIC,
	 LB_LAYOUT("eligibility-revoke", struct lb_msg_personnel, personnel_fields)},
	{LB_MSG_REVIEW, LB_DOOR_PUBLIC, LB_LAYOUT("review", struct lb_msg_review, review_fields)},
	{LB_MSG_ACKNOWLEDGE, LB_DOOR_PUBLIC,
	 LB_LAYOUT("acknowledge", struct lb_msg_act, act_fields)},
	{LB_MSG_METRICS, LB_DOOR_PUBLIC, {"metrics", sizeof(struct lb_msg_roles), NULL, 0}},
	{LB_MSG_PAM_AUTH, LB_DOOR_PAM, LB_LAYOUT("pam-auth", struct lb_msg_login, login_fields)},
	{LB_MSG_PAM_ACCOUNT, LB_DOOR_PAM,
	 LB_LAYOUT("pam-account", struct lb_msg_login, login_fields)},
	{LB_MSG_PAM_OPEN, LB_DOOR_PAM, LB_LAYOUT("pam-open", struct lb_msg_login, login_fields)},
	{LB_MSG_PAM_CLOSE, LB_DOOR_PAM, LB_LAYOUT("pam-close", struct lb_msg_login, login_fields)},
	{LB_MSG_PAM_EXEMPT, LB_DOOR_PAM,
	 LB_LAYOUT("pam-exempt", struct lb_msg_login, login_fields)},
	{LB_MSG_DONE, LB_DOOR_NONE, LB_LAYOUT("done", struct lb_msg_done, done_fields)},
	{LB_MSG_REFUSED, LB_DOOR_NONE, LB_LAYOUT("refused", struct lb_msg_refused, refused_fields)},
	{LB_MSG_ROLE, LB_DOOR_NONE, LB_LAYOUT("role", struct lb_msg_role, role_fields)},
	{LB_MSG_GRANT, LB_DOOR_NONE, LB_LAYOUT("grant", struct lb_msg_grant, grant_fields)},
	{LB_MSG_CLAIMED, LB_DOOR_NONE, LB_LAYOUT("claimed", struct lb_msg_claimed, claimed_fields)},
	{LB_MSG_RECORD, LB_DOOR_NONE, LB_LAYOUT("record", struct lb_msg_record, record_fields)},
	{LB_MSG_KEY, LB_DOOR_NONE, LB_LAYOUT("key", struct lb_msg_key, key_fields)},
	{LB_MSG_VERDICT, LB_DOOR_NONE, LB_LAYOUT("verdict", struct lb_msg_verdict, verdict_fields)},
	{LB_MSG_HEALTH_REPORT, LB_DOOR_NONE,
	 LB_LAYOUT("health-report", struct lb_msg_health, health_fields)},
	{LB_MSG_TO_SIGN, LB_DOOR_NONE, LB_LAYOUT("to-sign", struct lb_msg_to_sign, to_sign_fields)},
	{LB_MSG_SIGNED, LB_DOOR_NONE, LB_LAYOUT("signed", struct lb_msg_signed, signed_fields)},
	{LB_MSG_CUSTOMER_VIEW, LB_DOOR_NONE,
	 LB_LAYOUT("customer-view", struct lb_msg_customer_view, customer_view_fields)},
	{LB_MSG_ELIGIBLE, LB_DOOR_NONE,
	 LB_LAYOUT("eligible", struct lb_msg_eligible, eligible_fields)},
	{LB_MSG_ATTESTED, LB_DOOR_NONE,
	 LB_LAYOUT("attested", struct lb_msg_attested, attested_fields)},
	{LB_MSG_METRICS_REPORT, LB_DOOR_NONE,
	 LB_LAYOUT("metrics-report", struct lb_msg_metrics, metrics_fields)},
};

const struct lb_layout *
lb_proto_layout(uint16_t type)
{
	for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++)
		if (messages[i].type == type)
			return &messages[i].layout;
	return NULL;
}

enum lb_door
lb_proto_door(uint16_t type)
{
	for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++)
		if (messages[i].type == type)
			return messages[i].door;
	return LB_DOOR_NONE;
}

const char *
lb_state_name(uint8_t state)
{
	static const char *const names[LB_STATE_COUNT] = {
		[LB_STATE_PENDING] = "pending",
		[LB_STATE_APPROVED] = "approved",
		[LB_STATE_ACTIVE] = "active",
		[LB_STATE_ENDING] = "ending",
		[LB_STATE_ENDED] = "ended",
		[LB_STATE_DENIED] = "denied",
		[LB_STATE_CANCELLED] = "cancelled",
		[LB_STATE_LAPSED] = "lapsed",
		[LB_STATE_NOTIFIED] = "customer-notified",
	};

	if (state >= LB_STATE_COUNT || names[state] == NULL)
		return "unknown";
	return names[state];
}

const char *
lb_review_name(uint8_t review)
{
	static const char *const names[LB_REVIEW_COUNT] = {"none", "open", "justified",
							   "not-justified"};

	return review < LB_REVIEW_COUNT ? names[review] : "unknown";
}

const char *
lb_starts_name(uint8_t starts)
{
	static const char *const names[LB_STARTS_COUNT] = {"claim", "approval", "first-login"};

	return starts < LB_STARTS_COUNT ? names[starts] : "unknown";
}

const char *
lb_permission_name(uint8_t permission)
{
	static const char *const names[LB_PERMISSION_COUNT] = {"", "read-only", "change",
							       "root-equivalent"};

	return permission < LB_PERMISSION_COUNT ? names[permission] : "";
}

int
lb_proto_encode(uint16_t type, const void *msg, void *buf, size_t cap, size_t *len)
{
	const struct lb_layout *layout = lb_proto_layout(type);
	struct lb_writer w;
	size_t payload;
	int err;

	if (layout == NULL)
		return LB_ERR_MALFORMED;
	if (cap < LB_HEADER_SIZE)
		return LB_ERR_TOO_LONG;
	err = lb_fields_encode(layout, msg, (uint8_t *)buf + LB_HEADER_SIZE, cap - LB_HEADER_SIZE,
			       &payload);
	if (err != LB_OK)
		return err;
	/* No layout of the table is that large; LCOV_EXCL_START */
	if (payload > LB_PAYLOAD_MAX)
		return LB_ERR_TOO_LONG;
	/* LCOV_EXCL_STOP */
	lb_writer_init(&w, buf, LB_HEADER_SIZE);
	lb_write_u32(&w, (uint32_t)payload);
	lb_write_u16(&w, type);
	lb_write_u8(&w, LB_PROTO_VERSION);
	lb_write_u8(&w, 0);
	*len = LB_HEADER_SIZE + payload;
	return LB_OK;
}

int
lb_proto_header(const uint8_t header[LB_HEADER_SIZE], uint16_t *type, uint32_t *payload)
{
	struct lb_reader r;
	uint32_t size;
	uint16_t what;
	uint8_t version, reserved;

	lb_reader_init(&r, header, LB_HEADER_SIZE);
	size = lb_read_u32(&r);
	what = lb_read_u16(&r);
	version = lb_read_u8(&r);
	reserved = lb_read_u8(&r);
	if (version != LB_PROTO_VERSION)
		return LB_ERR_VERSION;
	if (size > LB_PAYLOAD_MAX)
		return LB_ERR_TOO_LONG;
	if (reserved != 0 || lb_proto_layout(what) == NULL)
		return LB_ERR_MALFORMED;
	*type = what;
	*payload = size;
	return LB_OK;
}

int
lb_proto_decode(uint16_t type, const void *payload, size_t len, union lb_msg *out)
{
	const struct lb_layout *layout = lb_proto_layout(type);

	memset(out, 0, sizeof *out);
	if (layout == NULL)
		return LB_ERR_MALFORMED;
	return lb_fields_decode(layout, payload, len, out);
}
