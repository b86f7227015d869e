/* Conversations: see ask.h. */
#include "ask.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "wipe.h"

#define LB_CLI_PAGE_MAX 256 /* items; the daemon sends far fewer */

int
lb_cli_link_open(struct lb_cli_link *link, const struct lb_cli *cli)
{
	struct lb_msg_as as;
	struct lb_msg_done done;
	int err;

	memset(link, 0, sizeof *link);
	err = lb_client_open(&link->client, cli->socket, LB_CLI_TIMEOUT_MS);
	link->connected = err == LB_OK;
	if (err != LB_OK || !cli->gate)
		return err;
	memset(&as, 0, sizeof as);
	snprintf(as.identity, sizeof as.identity, "%s", cli->identity);
	snprintf(as.fingerprint, sizeof as.fingerprint, "%s", cli->fingerprint);
	return lb_cli_ask(link, LB_MSG_AS, &as, 0, NULL, NULL, &done);
}

/* The answer to a request that has been sent. */
static int
take(struct lb_cli_link *link, uint16_t item_type, lb_cli_item *item, void *arg,
     struct lb_msg_done *done)
{
	union lb_msg answer;
	int err = LB_OK;

	while (err == LB_OK) {
		uint16_t got;

		err = lb_client_receive(&link->client, &got, &answer);
		if (err != LB_OK)
			break;
		if (got == LB_MSG_DONE) {
			*done = answer.done;
			break;
		}
		if (got == LB_MSG_REFUSED) {
			link->refused = answer.refused;
			/* A refusal without a reason is a refusal all the same. */
			if (link->refused.code == 0)
				link->refused.code = LB_NO_PERMISSION;
			err = LB_ERR_REFUSED;
			break;
		}
		err = item_type != 0 && got == item_type ? item(arg, &answer) : LB_ERR_MALFORMED;
	}
	lb_wipe(&answer, sizeof answer);
	return err;
}

int
lb_cli_ask(struct lb_cli_link *link, uint16_t type, const void *msg, uint16_t item_type,
	   lb_cli_item *item, void *arg, struct lb_msg_done *done)
{
	int err;

	lb_client_deadline(&link->client, LB_CLI_TIMEOUT_MS);
	err = lb_client_send(&link->client, type, msg);
	/* A daemon that hung up may have said why before. */
	if (err != LB_OK && err != LB_ERR_UNREACHABLE)
		return err;
	return take(link, item_type, item, arg, done);
}

struct only {
	void *out;
	size_t size, seen;
};

static int
keep_only(void *arg, const union lb_msg *item)
{
	struct only *only = arg;

	if (only->seen++ > 0)
		return LB_ERR_MALFORMED;
	memcpy(only->out, item, only->size);
	return LB_OK;
}

int
lb_cli_ask_one(struct lb_cli_link *link, uint16_t type, const void *msg, uint16_t item_type,
	       void *out, size_t size)
{
	struct only only = {.out = out, .size = size};
	struct lb_msg_done done;
	int err = lb_cli_ask(link, type, msg, item_type, keep_only, &only, &done);

	return err == LB_OK && only.seen != 1 ? LB_ERR_MALFORMED : err;
}

int
lb_cli_take_one(struct lb_cli_link *link, uint16_t item_type, void *out, size_t size)
{
	struct only only = {.out = out, .size = size};
	struct lb_msg_done done;
	int err;

	lb_client_deadline(&link->client, LB_CLI_TIMEOUT_MS);
	err = take(link, item_type, keep_only, &only, &done);
	return err == LB_OK && only.seen != 1 ? LB_ERR_MALFORMED : err;
}

/* A page of a list, as it came. */
struct page {
	union lb_msg *items;
	size_t count;
};

static int
keep_all(void *arg, const union lb_msg *item)
{
	struct page *page = arg;

	if (page->count == LB_CLI_PAGE_MAX)
		return LB_ERR_MALFORMED;
	page->items[page->count++] = *item;
	return LB_OK;
}

static int
ask_page(struct lb_cli_link *link, const struct lb_cli *cli, uint16_t type, const void *msg,
	 uint16_t item_type, struct page *page, struct lb_msg_done *done, bool again)
{
	int err;

	page->count = 0;
	err = lb_cli_ask(link, type, msg, item_type, keep_all, page, done);
	if (err != LB_ERR_UNREACHABLE || !again)
		return err;
	page->count = 0;
	lb_cli_link_close(link);
	err = lb_cli_link_open(link, cli);
	return err == LB_OK ? lb_cli_ask(link, type, msg, item_type, keep_all, page, done) : err;
}

int
lb_cli_ask_all(struct lb_cli_link *link, const struct lb_cli *cli, uint16_t type, const void *msg,
	       uint64_t *after, uint16_t item_type, lb_cli_item *item, void *arg)
{
	struct page page = {.items = calloc(LB_CLI_PAGE_MAX, sizeof *page.items)};
	struct lb_msg_done done = {.more = 1};
	int err = page.items != NULL ? LB_OK : LB_ERR_NOMEM;

	for (bool first = true; err == LB_OK && done.more; first = false) {
		err = ask_page(link, cli, type, msg, item_type, &page, &done, !first);
		/* A refusal behind some items makes them void. */
		for (size_t i = 0; i < page.count && err != LB_ERR_REFUSED; i++) {
			int taken = item(arg, &page.items[i]);

			if (taken != LB_OK) {
				err = taken;
				break;
			}
		}
		/* A list that does not move would never end. */
		if (err == LB_OK && done.more && done.cursor <= *after)
			err = LB_ERR_MALFORMED;
		if (err == LB_OK)
			*after = done.cursor;
	}
	free(page.items);
	return err;
}

void
lb_cli_link_close(struct lb_cli_link *link)
{
	lb_client_close(&link->client);
}
