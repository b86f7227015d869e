/* The request for more of a grant: see extend.h. */
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "keeper/caller.h"
#include "keeper/extend.h"
#include "keeper/filing.h"
#include "keeper/handlers.h"
#include "keeper/move.h"
#include "keeper/view.h"
#include "text.h"

static int
refuse(struct lb_tx *tx, const struct lb_caller *who, enum lb_refusal code, const char *text)
{
	int err = lb_refuse(tx, who, code, "%s", text);

	return err == LB_OK ? LB_ERR_REFUSED : err;
}

static int
check_words(struct lb_tx *tx, const struct lb_caller *who, const struct lb_msg_extend *m)
{
	if (!lb_text_plain(m->reason))
		return refuse(tx, who, LB_BAD_INPUT,
			      "the reason holds control characters or is no UTF-8; write it on one "
			      "plain line");
	if (strspn(m->reason, " ") == strlen(m->reason))
		return refuse(tx, who, LB_BAD_INPUT,
			      "a reason is needed: --reason \"why you need more\"");
	if (m->duration_s == 0)
		return refuse(tx, who, LB_BAD_INPUT, "say by how much: --for 15m");
	return LB_OK;
}

/* The same extension asked for twice is found; of two different ones the first must be out of the way. */
static int
find_same(struct lb_tx *tx, const struct lb_caller *who, const struct lb_grant *g,
	  const struct lb_msg_extend *m, struct lb_grant *same)
{
	int err = lb_extension_waiting(tx, g, same);

	if (err != LB_OK ||
	    (same->duration_s == m->duration_s && strcmp(same->reason, m->reason) == 0))
		return err;
	err = lb_refuse(tx, who, LB_NOT_NOW,
			"R-%llu waits already to extend R-%llu; cancel it to ask for another",
			(unsigned long long)same->id, (unsigned long long)g->id);
	return err == LB_OK ? LB_ERR_REFUSED : err;
}

int
lb_do_extend(struct lb_tx *tx, const struct lb_caller *who, const union lb_msg *msg)
{
	const struct lb_msg_extend *m = &msg->extend;
	struct lb_grant g, e = {.state = LB_STATE_PENDING};
	const struct lb_policy_role *role;
	int err = lb_find_grant(tx, who, m->id, 1u << LB_STATE_ACTIVE, &g);

	if (err == LB_OK && strcmp(g.identity, who->identity) != 0)
		err = refuse(tx, who, LB_NO_PERMISSION, "only its engineer can ask to extend it");
	if (err == LB_OK)
		err = check_words(tx, who, m);
	if (err == LB_OK)
		err = lb_extend_allowed(tx, who, &g, m->duration_s);
	if (err == LB_OK)
		err = find_same(tx, who, &g, m, &e);
	if (err == LB_OK)
		return lb_answer_found(tx, who, &e);
	if (err != LB_ERR_NOT_FOUND)
		return lb_settled(err);
	role = lb_policy_role(tx->k->policy, g.role);
	memcpy(e.ticket, g.ticket, sizeof e.ticket);
	memcpy(e.reason, m->reason, sizeof e.reason);
	memcpy(e.resource, g.resource, sizeof e.resource);
	e.duration_s = m->duration_s;
	e.extends = g.id;
	return lb_file_request(tx, who, role, &e);
}
