/* Keys: see keys.h. */
#include "keys.h"

#include <string.h>

#include "client.h"
#include "err.h"
#include "text.h"

struct lines {
	size_t used;
	char text[LB_KEYS_OUTPUT_MAX];
};

static int
copy_argument(char *out, size_t max, const char *value)
{
	size_t len = strnlen(value, max + 1);

	if (len == 0 || len > max)
		return LB_ERR_TOO_LONG;
	memcpy(out, value, len + 1);
	return LB_OK;
}

static int
fill_question(struct lb_msg_keys *msg, const char *user, const char *type, const char *blob)
{
	memset(msg, 0, sizeof *msg);
	if (copy_argument(msg->user, LB_USER_MAX, user) != LB_OK ||
	    copy_argument(msg->type, LB_KEY_TYPE_MAX, type) != LB_OK)
		return LB_ERR_TOO_LONG;
	return copy_argument(msg->blob, LB_KEY_BLOB_MAX, blob);
}

/* One message is one line: a line break in it would be a second one of somebody else's making. */
static int
add_line(struct lines *lines, const char *line)
{
	size_t len = strlen(line);

	if (len == 0 || !lb_text_plain(line))
		return LB_ERR_MALFORMED;
	if (len + 1 > sizeof lines->text - lines->used)
		return LB_ERR_TOO_LONG;
	memcpy(lines->text + lines->used, line, len);
	lines->used += len;
	lines->text[lines->used++] = '\n';
	return LB_OK;
}

static int
receive_lines(struct lb_client *c, struct lines *lines, struct lb_msg_refused *refused)
{
	union lb_msg answer;

	for (;;) {
		uint16_t type;
		int err = lb_client_receive(c, &type, &answer);

		if (err != LB_OK)
			return err;
		if (type == LB_MSG_DONE)
			return answer.done.more ? LB_ERR_MALFORMED : LB_OK;
		if (type == LB_MSG_REFUSED) {
			*refused = answer.refused;
			return LB_ERR_REFUSED;
		}
		err = type == LB_MSG_KEY ? add_line(lines, answer.key.line) : LB_ERR_MALFORMED;
		if (err != LB_OK)
			return err;
	}
}

static int
ask(struct lines *lines, const char *socket, const struct lb_msg_keys *msg,
    struct lb_msg_refused *refused)
{
	struct lb_client c;
	int err = lb_client_open(&c, socket, LB_KEYS_TIMEOUT_MS);

	if (err == LB_OK)
		err = lb_client_send(&c, LB_MSG_KEYS, msg);
	if (err == LB_OK)
		err = receive_lines(&c, lines, refused);
	lb_client_close(&c);
	return err;
}

int
lb_keys_run(FILE *out, const char *socket, const char *user, const char *type, const char *blob,
	    char *why, size_t cap)
{
	static struct lines lines;
	struct lb_msg_refused refused = {0};
	struct lb_msg_keys msg;
	char text[256];
	int err = fill_question(&msg, user, type, blob);

	lines.used = 0;
	if (err != LB_OK) {
		snprintf(why, cap, "user, key type or key is empty or over its limit");
		return err;
	}
	err = ask(&lines, socket, &msg, &refused);
	if (err == LB_OK &&
	    (fwrite(lines.text, 1, lines.used, out) != lines.used || fflush(out) != 0))
		err = LB_ERR_SYSTEM;
	if (err != LB_OK) {
		lb_text_escape(text, sizeof text, refused.text);
		snprintf(why, cap, "no answer about a key from lockboxd: %s%s%s", lb_err_text(err),
			 text[0] != '\0' ? ": " : "", text);
	}
	return err;
}
