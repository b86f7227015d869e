/*
 * The PAM module: an application whose conversation answers anything or nothing, a directory that
 * knows any user or none, a daemon that lies.
 *
 * The input is one byte of what is called, one of who the user is, one of how the conversation behaves,
 * user, service, remote host and the typed answer, each up to a NUL, and the daemon's bytes.  Nobody
 * gets in but by exactly one frame of the daemon that says yes; whatever is shown or logged is plain.
 */
#include <errno.h>
#include <pwd.h>
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <stdarg.h>

#include "peer.h"

#include "conf.h"
#include "err.h"
#include "proto.h"
#include "text.h"

#define TYPED_MAX 3000

static struct {
	uint8_t who, how;
	char user[100], service[100], rhost[300], typed[TYPED_MAX + 1];
	uint32_t uid;
	char *given; /* what the conversation handed over */
} now;

/* ---- libpam, as the module sees it ---- */

int
pam_get_item(const pam_handle_t *pamh, int type, const void **item)
{
	(void)pamh;
	*item = NULL;
	if ((now.how & 0xf0) == 0x10u && type != PAM_USER)
		return PAM_SYSTEM_ERR;
	switch (type) {
	case PAM_USER:
		*item = now.who == 0xff ? NULL : now.user;
		break;
	case PAM_SERVICE:
		*item = now.service;
		break;
	case PAM_RHOST:
	case PAM_TTY:
	case PAM_RUSER:
		*item = now.rhost[0] != '\0' ? now.rhost : NULL;
		break;
	default:
		break;
	}
	return PAM_SUCCESS;
}

static void
check_shown(const char *text)
{
	char *copy = strdup(text);

	CHECK(copy != NULL);
	for (char *line = copy, *end; line != NULL; line = end) {
		end = strchr(line, '\n');
		if (end != NULL)
			*end++ = '\0';
		CHECK(lb_text_plain(line));
	}
	free(copy);
}

int
pam_prompt(pam_handle_t *pamh, int style, char **response, const char *format, ...)
{
	char text[8192];
	va_list ap;

	(void)pamh;
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	check_shown(text);
	if (style != PAM_PROMPT_ECHO_OFF) {
		CHECK(style == PAM_ERROR_MSG || style == PAM_TEXT_INFO);
		return now.how & 8 ? PAM_CONV_ERR : PAM_SUCCESS;
	}
	CHECK(response != NULL);
	switch (now.how % 5) {
	case 0:
		return PAM_CONV_ERR;
	case 1: /* success, and no answer */
		*response = NULL;
		return PAM_SUCCESS;
	case 2: /* an answer, and failure */
		*response = strdup(now.typed);
		return PAM_CONV_ERR;
	default:
		*response = strdup(now.typed);
		return PAM_SUCCESS;
	}
}

void
pam_syslog(const pam_handle_t *pamh, int priority, const char *format, ...)
{
	char text[8192];
	va_list ap;

	(void)pamh;
	(void)priority;
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	CHECK(lb_text_plain(text));
	/* What was typed is in no log. */
	CHECK(strlen(now.typed) < 12 || strstr(now.user, now.typed) != NULL ||
	      strstr(now.rhost, now.typed) != NULL || strstr(now.service, now.typed) != NULL ||
	      memmem(peer.bytes, peer.size, now.typed, strlen(now.typed)) != NULL ||
	      strstr(text, now.typed) == NULL);
}

/* ---- the directory ---- */

int
getpwnam_r(const char *name, struct passwd *entry, char *buf, size_t len, struct passwd **found)
{
	static const uint32_t uids[] = {
		0, 1000, LB_ACCOUNT_UID_FIRST + 1, LB_UID_FIRST, LB_UID_LAST, UINT32_MAX};

	*found = NULL;
	switch (now.who % 8) {
	case 6:
		return 0; /* there is no such user */
	case 7:
		if (now.who & 8)
			return EIO;
		if (len < 5000)
			return ERANGE;
		now.uid = LB_ACCOUNT_UID_FIRST + 1;
		break;
	default:
		now.uid = uids[now.who % 8];
		break;
	}
	if (len < strlen(name) + 1)
		return ERANGE;
	memset(entry, 0, sizeof *entry);
	strcpy(buf, name);
	entry->pw_name = buf;
	entry->pw_uid = now.uid;
	*found = entry;
	return 0;
}

/* ---- what must hold ---- */

/* True when the daemon's bytes are one frame that says yes, and nothing else. */
static bool
daemon_says_yes(void)
{
	union lb_msg msg;
	uint16_t type;
	uint32_t len;

	if (peer.size < LB_HEADER_SIZE || lb_proto_header(peer.bytes, &type, &len) != LB_OK ||
	    peer.size != LB_HEADER_SIZE + len || type != LB_MSG_VERDICT)
		return false;
	return lb_proto_decode(type, peer.bytes + LB_HEADER_SIZE, len, &msg) == LB_OK &&
	       msg.verdict.verdict == LB_VERDICT_ALLOW;
}

static bool
temporary(void)
{
	return now.who % 8 != 6 && lb_account_valid(now.user) && lb_uid_is_account(now.uid);
}

static void
check_result(uint8_t call, int result)
{
	CHECK(result >= 0 && result < _PAM_RETURN_VALUES);
	CHECK(result != PAM_SUCCESS || daemon_says_yes());
	/* Temporary accounts, and names that only Lockbox makes, are never passed over. */
	if (strncmp(now.user, "lb-", 3) == 0 && now.who != 0xff && strlen(now.user) <= LB_USER_MAX)
		CHECK(result != PAM_IGNORE);
	if (call == 0 && result == PAM_SUCCESS)
		CHECK(temporary() && strcmp(now.service, "sshd") == 0 && now.how % 5 > 2 &&
		      now.typed[0] != '\0' && strlen(now.typed) <= LB_PASSWORD_MAX);
	if (call == 2 && result == PAM_SUCCESS)
		CHECK(temporary() && strcmp(now.service, "sshd") == 0);
}

static void
parse_conf(const uint8_t *bytes, size_t size)
{
	char *text = malloc(size + 1);
	struct lb_pam_conf conf;
	struct lb_pam_conf_fault fault = {NULL, 0};
	int err;

	CHECK(text != NULL);
	memcpy(text, bytes, size);
	text[size] = '\0';
	err = lb_pam_conf_parse(&conf, text, size, &fault);
	if (err != LB_OK) {
		CHECK(fault.what != NULL);
	} else {
		CHECK(conf.count <= LB_PAM_RULES_MAX);
		for (size_t i = 0; i < conf.count; i++) {
			const struct lb_pam_rule *r = &conf.rules[i];

			CHECK((r->service != NULL) == (r->kind != LB_PAM_GATE));
			CHECK((r->user != NULL) ==
			      (r->kind == LB_PAM_GATE || r->kind == LB_PAM_EXEMPT));
			/* A temporary account never is exempt. */
			CHECK(r->user == NULL || strncmp(r->user, "lb-", 3) != 0);
		}
	}
	free(text);
}

static int
call_module(uint8_t call, pam_handle_t *pamh)
{
	static const char *arguments[] = {"conf=/nowhere/pam.conf", "socket=/nowhere/pam.sock",
					  "timeout=1000", "debug"};
	int flags = now.how & 0x80 ? PAM_SILENT : 0;

	switch (call) {
	case 0:
		return pam_sm_authenticate(pamh, flags, 4, arguments);
	case 1:
		return pam_sm_acct_mgmt(pamh, flags, 2, arguments);
	default:
		return pam_sm_open_session(pamh, flags, 2, arguments);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	uint8_t call = take_u8(&in) % 4;
	pam_handle_t *pamh = (pam_handle_t *)&now;

	if (call == 3) {
		parse_conf(in.at, in.left);
		return 0;
	}
	now.who = take_u8(&in);
	now.how = take_u8(&in);
	now.uid = UINT32_MAX;
	take_text(&in, now.user, sizeof now.user, 0);
	take_text(&in, now.service, sizeof now.service, 0);
	take_text(&in, now.rhost, sizeof now.rhost, 0);
	take_text(&in, now.typed, sizeof now.typed, 0);
	peer_set(in.at, in.left);
	check_result(call, call_module(call, pamh));
	peer_close();
	return 0;
}
