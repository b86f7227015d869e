/* The record: see audit.h. */
#include "keeper/audit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "text.h"

/* Events that somebody should look at soon. */
static const struct {
	const char *event;
	int priority;
} loud[] = {
	{"exempt-used", LOG_ALERT},	{"break-glass", LOG_ALERT},   {"seal-broken", LOG_ALERT},
	{"login-refused", LOG_WARNING}, {"account-refused", LOG_ERR}, {"clock", LOG_CRIT},
};

static int
priority_of(const char *event)
{
	for (size_t i = 0; i < sizeof loud / sizeof loud[0]; i++)
		if (strcmp(loud[i].event, event) == 0)
			return loud[i].priority;
	return LOG_NOTICE;
}

static int
append(struct lb_tx *tx, struct lb_msg_record *r)
{
	char detail[LB_LOG_LINE_MAX / 2], account[4 * LB_USER_MAX], actor[4 * LB_USER_MAX];
	char line[LB_LOG_LINE_MAX], grant[32] = "-", uid[16] = "-";
	int err;

	r->time_s = tx->now_s;
	err = lb_store_append(tx->store, r);
	if (err != LB_OK)
		return err;
	lb_text_escape_quoted(detail, sizeof detail, r->detail);
	lb_text_escape_quoted(account, sizeof account, r->account);
	lb_text_escape_quoted(actor, sizeof actor, r->actor);
	if (r->grant != 0)
		snprintf(grant, sizeof grant, "R-%llu", (unsigned long long)r->grant);
	if (r->account[0] != '\0')
		snprintf(uid, sizeof uid, "%u", r->uid);
	snprintf(line, sizeof line,
		 "event=%s seq=%llu grant=%s identity=%s account=\"%s\" uid=%s actor=\"%s\" "
		 "detail=\"%s\"",
		 r->event, (unsigned long long)r->seq, grant, r->identity[0] ? r->identity : "-",
		 account, uid, actor, detail);
	return lb_outbox_log(&tx->out, priority_of(r->event), line);
}

/* The rest of a record: what happened, and its detail. */
static int __attribute__((format(printf, 4, 0)))
append_event(struct lb_tx *tx, struct lb_msg_record *r, const char *event, const char *format,
	     va_list ap)
{
	snprintf(r->event, sizeof r->event, "%s", event);
	vsnprintf(r->detail, sizeof r->detail, format, ap);
	return append(tx, r);
}

int
lb_audit(struct lb_tx *tx, const char *event, const struct lb_grant *grant, const char *actor,
	 const char *format, ...)
{
	struct lb_msg_record r = {0};
	va_list ap;
	int err;

	snprintf(r.actor, sizeof r.actor, "%s", actor);
	if (grant != NULL) {
		r.grant = grant->id;
		r.uid = grant->own_uid != 0 ? grant->own_uid : grant->uid;
		memcpy(r.identity, grant->identity, sizeof r.identity);
		snprintf(r.account, sizeof r.account, "%s", grant->account);
	}
	va_start(ap, format);
	err = append_event(tx, &r, event, format, ap);
	va_end(ap);
	return err;
}

int
lb_audit_person(struct lb_tx *tx, const char *event, const char *identity, const char *actor,
		const char *format, ...)
{
	struct lb_msg_record r = {0};
	va_list ap;
	int err;

	snprintf(r.identity, sizeof r.identity, "%s", identity);
	snprintf(r.actor, sizeof r.actor, "%s", actor);
	va_start(ap, format);
	err = append_event(tx, &r, event, format, ap);
	va_end(ap);
	return err;
}

int
lb_audit_user(struct lb_tx *tx, const char *event, const char *user, uint32_t uid,
	      const char *identity, const char *format, ...)
{
	struct lb_msg_record r = {.uid = uid};
	va_list ap;
	int err;

	snprintf(r.account, sizeof r.account, "%s", user);
	snprintf(r.identity, sizeof r.identity, "%s", identity);
	va_start(ap, format);
	err = append_event(tx, &r, event, format, ap);
	va_end(ap);
	return err;
}
