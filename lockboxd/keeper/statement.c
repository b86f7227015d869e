/* Statements: see statement.h. */
#include "keeper/statement.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "keeper/grant.h"
#include "text.h"

/* The statement so far; the first line that does not fit latches the error. */
struct text {
	char *out;
	size_t used;
	int err;
};

static void
put(struct text *t, const char *name, const char *value)
{
	char safe[LB_ESCAPED(LB_LIST_MAX)];
	size_t cap = LB_STATEMENT_MAX + 1 - t->used;
	int n;

	lb_text_escape(safe, sizeof safe, value);
	n = snprintf(t->out + t->used, cap, "%s:%s%s\n", name, safe[0] != '\0' ? " " : "", safe);
	if (n < 0 || (size_t)n >= cap)
		t->err = LB_ERR_TOO_LONG;
	else
		t->used += (size_t)n;
}

static void
put_number(struct text *t, const char *name, uint64_t value)
{
	char digits[24];

	snprintf(digits, sizeof digits, "%" PRIu64, value);
	put(t, name, digits);
}

static void
put_time(struct text *t, const char *name, uint64_t value)
{
	char time[LB_TIME_TEXT];

	lb_time_format(time, (int64_t)value);
	put(t, name, time);
}

static void
put_hex(struct text *t, const char *name, const uint8_t *bytes, size_t len)
{
	char hex[2 * LB_HASH_SIZE + 1];

	sodium_bin2hex(hex, sizeof hex, bytes, len);
	put(t, name, hex);
}

int
lb_statement_write(const struct lb_statement *s, const struct lb_grant *g,
		   char out[LB_STATEMENT_MAX + 1], size_t *len)
{
	char buf[LB_STATEMENT_MAX + 1], text[LB_GRANT_ADDED_TEXT];
	struct text t = {.out = buf};

	t.used = (size_t)snprintf(buf, sizeof buf, "lockbox-approval 1\n");
	put(&t, "host", s->host);
	snprintf(text, sizeof text, "R-%" PRIu64, g->id);
	put(&t, "request", text);
	put(&t, "decision", "approve");
	put(&t, "approver", s->approver);
	snprintf(text, sizeof text, "%u%s%.*s", s->level, s->level_name[0] != '\0' ? " " : "",
		 LB_IDENTITY_MAX, s->level_name);
	put(&t, "level", text);
	put(&t, "by-rule", g->rule);
	lb_grant_added(g, text);
	put(&t, "added-by-rule", text);
	put(&t, "identity", g->identity);
	put(&t, "role", g->role);
	put(&t, "customer", s->customer);
	put(&t, "resource", s->resource);
	snprintf(text, sizeof text, "own %.*s", LB_ACCOUNT_MAX, g->own);
	put(&t, "account", g->own[0] != '\0' ? text : "temporary");
	put_number(&t, "duration", g->duration_s);
	if (g->start_s != 0)
		put_time(&t, "start", g->start_s);
	else
		put(&t, "start", "");
	put(&t, "starts", lb_starts_name(g->starts));
	snprintf(text, sizeof text, "R-%" PRIu64, g->extends);
	put(&t, "extends", g->extends != 0 ? text : "");
	put(&t, "groups", g->groups);
	put(&t, "path", g->path);
	put(&t, "sudo", g->sudo);
	put(&t, "shell", g->shell);
	put_number(&t, "sessions", g->sessions_max);
	put(&t, "port-forwarding", g->port_forwarding ? "yes" : "no");
	put(&t, "ticket", g->ticket);
	put(&t, "reason", g->reason);
	put_time(&t, "requested", g->requested_s);
	put_time(&t, "stated", s->stated_s);
	put_hex(&t, "policy", s->policy_digest, LB_HASH_SIZE);
	put_hex(&t, "nonce", s->nonce, LB_NONCE_SIZE);
	if (t.err != LB_OK)
		return t.err;
	memcpy(out, buf, t.used + 1);
	*len = t.used;
	return LB_OK;
}
