/* The conversation: see prompt.h. */
#include "prompt.h"

#include <security/pam_ext.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "text.h"
#include "wipe.h"

/*
 * The text is the daemon's and holds what people wrote, escaped there already.
 * Escaping only a line that needs it keeps its backslashes from doubling.
 */
static size_t
safe_line(char *out, size_t cap, const char *line, size_t len)
{
	char copy[LB_REASON_MAX + 1];

	if (len >= sizeof copy)
		len = sizeof copy - 1;
	memcpy(copy, line, len);
	copy[len] = '\0';
	if (!lb_text_plain(copy))
		return lb_text_escape(out, cap, copy);
	if (len >= cap)
		len = cap - 1;
	memcpy(out, copy, len);
	out[len] = '\0';
	return len;
}

void
lb_pam_say(pam_handle_t *pamh, int flags, int style, const char *text)
{
	char safe[4 * LB_REASON_MAX + 1];
	size_t used = 0;

	if (((unsigned)flags & PAM_SILENT) != 0 || *text == '\0')
		return;
	for (;;) {
		size_t len = strcspn(text, "\n");

		used += safe_line(safe + used, sizeof safe - used, text, len);
		text += len;
		if (*text++ == '\0' || used + 1 >= sizeof safe)
			break;
		safe[used++] = '\n';
		safe[used] = '\0';
	}
	pam_prompt(pamh, style, NULL, "%s", safe);
}

int
lb_pam_ask_password(pam_handle_t *pamh, char out[LB_PASSWORD_MAX + 1])
{
	char *typed = NULL;
	int err = LB_OK;
	size_t len;

	if (pam_prompt(pamh, PAM_PROMPT_ECHO_OFF, &typed, "%s", "One-time password: ") !=
	    PAM_SUCCESS)
		err = LB_ERR_SYSTEM;
	if (typed == NULL)
		return err != LB_OK ? err : LB_ERR_NOT_FOUND;
	len = strlen(typed);
	if (err == LB_OK && len == 0)
		err = LB_ERR_NOT_FOUND;
	if (err == LB_OK && len > LB_PASSWORD_MAX)
		err = LB_ERR_TOO_LONG;
	if (err == LB_OK)
		memcpy(out, typed, len + 1);
	lb_wipe(typed, len);
	free(typed);
	return err;
}
