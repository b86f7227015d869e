/* JSON: see json.h. */
#include "json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "stage.h"
#include "text.h"
#include "wipe.h"

/* jansson does not tell how large a block is that it frees, so that stands in front of it. */
#define SIZE_ROOM (sizeof(max_align_t))

static void *
wiping_malloc(size_t size)
{
	unsigned char *block;

	if (size > SIZE_MAX - SIZE_ROOM)
		return NULL;
	block = malloc(SIZE_ROOM + size);
	if (block == NULL)
		return NULL;
	memcpy(block, &size, sizeof size);
	return block + SIZE_ROOM;
}

static void
wiping_free(void *p)
{
	unsigned char *block;
	size_t size;

	if (p == NULL)
		return;
	block = (unsigned char *)p - SIZE_ROOM;
	memcpy(&size, block, sizeof size);
	lb_wipe(p, size);
	free(block);
}

void
lb_cli_json_init(void)
{
	json_set_alloc_funcs(wiping_malloc, wiping_free);
}

static json_t *
text(const char *value)
{
	char safe[LB_ESCAPED(LB_STATEMENT_MAX)];
	json_t *string = json_string(value);

	if (string != NULL)
		return string;
	lb_text_escape(safe, sizeof safe, value);
	return json_string(safe);
}

static json_t *
text_or_null(const char *value)
{
	return value[0] != '\0' ? text(value) : json_null();
}

static json_t *
time_or_null(uint64_t unix_s)
{
	char out[LB_TIME_TEXT];

	if (unix_s == 0)
		return json_null();
	lb_time_format(out, (int64_t)unix_s);
	return json_string(out);
}

static json_t *
grant_id(uint64_t id)
{
	return id == 0 ? json_null() : json_sprintf("R-%" PRIu64, id);
}

static json_t *
duration(uint64_t seconds)
{
	char out[LB_DURATION_TEXT];

	lb_duration_format(out, seconds);
	return json_string(out);
}

/* No count comes near the end of JSON's integers; whoever claims so is not to make it negative. */
static json_t *
number(uint64_t value)
{
	return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

/* "a, b" as ["a","b"]. */
static json_t *
list(const char *joined)
{
	json_t *array = json_array();

	while (array != NULL && *joined != '\0') {
		const char *comma = strstr(joined, ", ");
		size_t len = comma != NULL ? (size_t)(comma - joined) : strlen(joined);
		char item[LB_LIST_MAX + 1];

		if (len > LB_LIST_MAX)
			len = LB_LIST_MAX;
		memcpy(item, joined, len);
		item[len] = '\0';
		if (json_array_append_new(array, text(item)) != 0) {
			json_decref(array);
			return NULL;
		}
		joined = comma != NULL ? comma + 2 : joined + len;
	}
	return array;
}

/* One member of an object; the value is given up. */
struct member {
	const char *name;
	json_t *value;
};

static json_t *
object(const struct member *members, size_t count)
{
	json_t *o = json_object();
	bool good = o != NULL;

	/* On failure the values that are left are given up too: setting NULL does that. */
	for (size_t i = 0; i < count; i++)
		if (json_object_set_new(o, members[i].name, members[i].value) != 0)
			good = false;
	if (!good) {
		json_decref(o);
		return NULL;
	}
	return o;
}

#define OBJECT(members) object(members, sizeof(members) / sizeof((members)[0]))

static json_t *
levels(const struct lb_msg_level *level, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; array != NULL && i < count && i < LB_LEVELS_MAX; i++) {
		const struct member members[] = {
			{"name", text(level[i].name)},
			{"customer", json_boolean(level[i].flags & LB_LEVEL_CUSTOMER)},
			{"rule", json_boolean(level[i].flags & LB_LEVEL_RULE)},
			{"same_person", json_boolean(level[i].flags & LB_LEVEL_SAME_PERSON)},
			{"teams", list(level[i].teams)},
			{"approvals", number(level[i].have)},
			{"approvals_needed", number(level[i].need)},
		};

		if (json_array_append_new(array, OBJECT(members)) != 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *
approved(const struct lb_msg_grant *g)
{
	json_t *array = json_array();

	for (size_t i = 0; array != NULL && i < g->have && i < LB_APPROVALS_MAX; i++) {
		const struct lb_msg_approval *a = &g->approval[i];
		const struct member members[] = {
			{"identity", text(a->identity)},
			{"level",
			 a->level < LB_LEVELS_MAX ? text(g->level[a->level].name) : json_null()},
			{"time", time_or_null(a->at_s)},
		};

		if (json_array_append_new(array, OBJECT(members)) != 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

json_t *
lb_cli_json_grant(const struct lb_msg_grant *g)
{
	const struct member members[] = {
		{"id", grant_id(g->id)},
		{"state", json_string(lb_state_name(g->state))},
		{"host", text(g->host)},
		{"identity", text(g->identity)},
		{"role", text(g->role)},
		{"account", text_or_null(g->account)},
		{"uid", g->uid != 0 ? number(g->uid) : json_null()},
		{"duration", duration(g->duration_s)},
		{"duration_seconds", number(g->duration_s)},
		{"requested", time_or_null(g->requested_s)},
		{"until", time_or_null(g->until_s)},
		{"end", time_or_null(g->end_s)},
		{"approvals", number(g->have)},
		{"approvals_needed", number(g->need)},
		{"approvers", list(g->approvers)},
		{"sessions", number(g->sessions)},
		{"ticket", text_or_null(g->ticket)},
		{"reason", text(g->reason)},
		{"groups", list(g->groups)},
		{"sudo", list(g->sudo)},
		{"cause", text_or_null(g->cause)},
		{"access", text_or_null(g->access)},
		{"levels", levels(g->level, g->levels)},
		{"level", g->level_now < g->levels && g->level_now < LB_LEVELS_MAX
				  ? text(g->level[g->level_now].name)
				  : json_null()},
		{"approved", approved(g)},
		{"customer", text_or_null(g->customer)},
		{"ticket_url", text_or_null(g->ticket_url)},
		{"earlier", list(g->earlier)},
		{"start_at", time_or_null(g->start_s)},
		{"starts", json_string(lb_starts_name(g->starts))},
		{"begun", time_or_null(g->begun_s)},
		{"extends", grant_id(g->extends)},
		{"resource", text_or_null(g->resource)},
		{"path", text_or_null(g->path)},
		{"rule", text_or_null(g->rule)},
		{"own_account", text_or_null(g->own)},
		{"break_glass", json_boolean(g->break_glass)},
		{"review", g->review != LB_REVIEW_NONE ? json_string(lb_review_name(g->review))
						       : json_null()},
		{"review_due", time_or_null(g->review_due_s)},
		{"review_overdue", json_boolean(g->concerns & LB_CONCERNS_OVERDUE)},
		{"reviewed", time_or_null(g->reviewed_s)},
		{"reviewer", text_or_null(g->reviewer)},
		{"remark", text_or_null(g->remark)},
		{"alarm", json_boolean(g->concerns & LB_CONCERNS_ALARM)},
		{"may_review", json_boolean(g->concerns & LB_CONCERNS_REVIEW)},
		{"signed_approvals", json_boolean(g->signed_approvals)},
		{"permission", text_or_null(lb_permission_name(g->permission))},
		{"mine", json_boolean(g->caller & LB_CALLER_OWN)},
		{"may_approve", json_boolean(g->caller & LB_CALLER_APPROVES)},
		{"may_deny", json_boolean(g->caller & LB_CALLER_DENIES)},
		{"may_revoke", json_boolean(g->caller & LB_CALLER_REVOKES)},
		{"asked_before", json_boolean(g->caller & LB_CALLER_FOUND)},
		{"can_approve", list(lb_cli_waits(g) ? g->approvers : "")},
		{"can_revoke", list(lb_cli_over(g) ? "" : g->others)},
		{"can_review", list(lb_cli_over(g) ? g->others : "")},
	};

	return OBJECT(members);
}

json_t *
lb_cli_json_metrics(const struct lb_msg_metrics *m)
{
	const struct member states[] = {
		{"pending", number(m->pending)},   {"customer-notified", number(m->notified)},
		{"approved", number(m->approved)}, {"active", number(m->active)},
		{"ending", number(m->ending)},
	};
	const struct member members[] = {
		{"grants", OBJECT(states)},
		{"break_glass", number(m->break_glass)},
		{"requests", number(m->requests)},
		{"records", number(m->records)},
		{"reviews_open", number(m->reviews_open)},
		{"reviews_overdue", number(m->reviews_overdue)},
		{"alarms", number(m->alarms)},
		{"seals_broken", number(m->seals_broken)},
		{"seals_open", number(m->seals_open)},
		{"store_bytes", number(m->store_bytes)},
		{"store_most", number(m->store_most)},
		{"store_full", json_boolean(m->store_full)},
		{"clock_astray", json_boolean(m->clock_astray)},
	};

	return OBJECT(members);
}

json_t *
lb_cli_json_role(const struct lb_msg_role *r)
{
	const struct member members[] = {
		{"name", text(r->name)},
		{"description", text(r->description)},
		{"max_duration", duration(r->max_s)},
		{"default_duration", duration(r->default_s)},
		{"approvals_needed", number(r->approvals)},
		{"approvers", list(r->approvers)},
		{"groups", list(r->groups)},
		{"sudo", list(r->sudo)},
		{"may_request", json_boolean(r->may_request)},
		{"may_approve", json_boolean(r->may_approve)},
		{"levels", levels(r->level, r->levels)},
		{"customer", text_or_null(r->customer)},
		{"starts", json_string(lb_starts_name(r->starts))},
		{"start_ahead", duration(r->start_ahead_s)},
		{"max_per_day", r->max_day_s != 0 ? duration(r->max_day_s) : json_null()},
		{"hours", list(r->hours)},
		{"time_zone", text_or_null(r->time_zone)},
		{"resources", list(r->resources)},
		{"path", text_or_null(r->path)},
		{"own_account", json_boolean(r->own)},
		{"eligibility", json_string(r->eligibility == LB_NEEDS_NONE	 ? "none"
					    : r->eligibility == LB_NEEDS_AND_HAS ? "held"
										 : "needed")},
		{"may_break_glass", json_boolean(r->may_break_glass)},
		{"break_glass_duration",
		 r->break_glass_s != 0 ? duration(r->break_glass_s) : json_null()},
		{"signed_approvals", json_boolean(r->signed_approvals)},
		{"permission", text_or_null(lb_permission_name(r->permission))},
	};

	return OBJECT(members);
}

static json_t *
checks(const struct lb_msg_eligible *e)
{
	static const char *const states[] = {"missing", "holds", "ended"};
	json_t *array = json_array();

	for (size_t i = 0; array != NULL && i < e->checks && i < LB_CHECKS_MAX; i++) {
		const struct lb_msg_check *c = &e->check[i];
		const struct member members[] = {
			{"name", text(c->name)},
			{"state",
			 json_string(c->state <= LB_CHECK_ENDED ? states[c->state] : "unknown")},
			{"until", time_or_null(c->until_s)},
			{"by", text_or_null(c->by)},
			{"attesters", list(c->who)},
		};

		if (json_array_append_new(array, OBJECT(members)) != 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

json_t *
lb_cli_json_eligible(const struct lb_msg_eligible *e)
{
	static const char *const states[] = {"never", "pending", "approved", "ended"};
	const struct member members[] = {
		{"identity", text(e->identity)},
		{"role", text(e->role)},
		{"state",
		 json_string(e->state <= LB_ELIGIBLE_ENDED ? states[e->state] : "unknown")},
		{"eligible", json_boolean(e->holds)},
		{"asked", time_or_null(e->asked_s)},
		{"approved", time_or_null(e->approved_s)},
		{"until", time_or_null(e->until_s)},
		{"manager", text_or_null(e->manager)},
		{"managers", list(e->managers)},
		{"requires", text_or_null(e->requires)},
		{"has_required", json_boolean(e->has_required)},
		{"reason", text_or_null(e->reason)},
		{"cause", text_or_null(e->cause)},
		{"checks", checks(e)},
	};

	return OBJECT(members);
}

json_t *
lb_cli_json_customer(const struct lb_msg_customer_view *v)
{
	const struct member members[] = {
		{"name", text(v->name)},
		{"on", json_boolean(v->on)},
		{"mine", json_boolean(v->mine)},
		{"break_glass", json_boolean(v->break_glass)},
		{"approvals_needed", number(v->approvals)},
		{"change", number(v->change)},
		{"changed", time_or_null(v->changed_s)},
		{"covers", list(v->covers)},
		{"approvers", list(v->approvers)},
		{"statement", text_or_null(v->statement)},
	};

	return OBJECT(members);
}

json_t *
lb_cli_json_attested(const struct lb_msg_attested *a)
{
	const struct member members[] = {
		{"identity", text(a->identity)},
		{"check", text(a->check)},
		{"by", text(a->by)},
		{"at", time_or_null(a->at_s)},
		{"until", time_or_null(a->until_s)},
	};

	return OBJECT(members);
}

json_t *
lb_cli_json_claimed(const struct lb_msg_claimed *c)
{
	char login[sizeof c->account + sizeof c->host + 8];

	snprintf(login, sizeof login, "ssh %s@%s", c->account, c->host);
	const struct member members[] = {
		{"id", grant_id(c->id)},	 {"host", text(c->host)},
		{"account", text(c->account)},	 {"password", text_or_null(c->password)},
		{"end", time_or_null(c->end_s)}, {"login", text(login)},
	};

	return OBJECT(members);
}

json_t *
lb_cli_json_record(const struct lb_msg_record *r)
{
	char hash[2 * sizeof r->hash + 1];

	for (size_t i = 0; i < sizeof r->hash; i++)
		snprintf(hash + 2 * i, 3, "%02x", r->hash[i]);
	const struct member members[] = {
		{"seq", number(r->seq)},
		{"time", time_or_null(r->time_s)},
		{"event", text(r->event)},
		{"grant", grant_id(r->grant)},
		{"identity", text_or_null(r->identity)},
		{"account", text_or_null(r->account)},
		{"uid", r->account[0] != '\0' || r->uid != 0 ? number(r->uid) : json_null()},
		{"actor", text_or_null(r->actor)},
		{"detail", text(r->detail)},
		{"hash", json_string(hash)},
	};

	return OBJECT(members);
}

#define SPACE "lockbox-approval"

json_t *
lb_cli_json_to_sign(const struct lb_msg_to_sign *s)
{
	const struct member members[] = {
		{"id", grant_id(s->id)},
		{"namespace", json_string(SPACE)},
		{"keys", list(s->keys)},
		{"statement", text(s->statement)},
	};

	return OBJECT(members);
}

json_t *
lb_cli_json_signed(const struct lb_msg_signed *s)
{
	char signers[sizeof s->approver + sizeof s->key + 64];

	snprintf(signers, sizeof signers, "%s namespaces=\"" SPACE "\" %s", s->approver, s->key);
	const struct member members[] = {
		{"number", number(s->number)},	       {"level", number(s->level + 1u)},
		{"approver", text(s->approver)},       {"time", time_or_null(s->time_s)},
		{"fingerprint", text(s->fingerprint)}, {"namespace", json_string(SPACE)},
		{"allowed_signers", text(signers)},    {"statement", text(s->statement)},
		{"signature", text(s->signature)},
	};

	return OBJECT(members);
}

json_t *
lb_cli_json_evidence(uint64_t id, json_t *array)
{
	const struct member members[] = {{"id", grant_id(id)}, {"evidence", array}};

	return OBJECT(members);
}

/* jansson leaves DEL as it is, the one byte of ASCII it should not. */
static int
put_chunk(const char *bytes, size_t size, void *arg)
{
	FILE *out = arg;

	for (size_t i = 0; i < size; i++) {
		if (bytes[i] == 0x7f)
			fputs("\\u007f", out);
		else
			putc(bytes[i], out);
	}
	return 0;
}

int
lb_cli_json_put(const struct lb_cli *cli, json_t *value)
{
	int failed;

	if (value == NULL)
		return LB_ERR_NOMEM;
	failed = json_dump_callback(value, put_chunk, cli->out, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(value);
	return failed ? LB_ERR_NOMEM : LB_OK;
}

int
lb_cli_json_print(const struct lb_cli *cli, json_t *value)
{
	int err = lb_cli_json_put(cli, value);

	if (err == LB_OK)
		putc('\n', cli->out);
	return err;
}

int
lb_cli_json_array(const struct lb_cli *cli, const char *name, json_t *array)
{
	json_t *o = json_object();

	if (json_object_set_new(o, name, array) != 0) {
		json_decref(o);
		return LB_ERR_NOMEM;
	}
	return lb_cli_json_print(cli, o);
}

json_t *
lb_cli_json_problem(const char *code, const char *message)
{
	const struct member members[] = {{"code", json_string(code)}, {"message", text(message)}};

	return OBJECT(members);
}

void
lb_cli_json_error(const struct lb_cli *cli, const char *code, const char *message)
{
	const struct member members[] = {{"error", lb_cli_json_problem(code, message)}};

	if (lb_cli_json_print(cli, OBJECT(members)) != LB_OK)
		fputs("{\"error\":{\"code\":\"try-later\",\"message\":\"out of memory\"}}\n",
		      cli->out);
}
