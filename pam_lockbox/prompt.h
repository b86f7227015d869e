/* Talking with the person, through the application's conversation. */
#ifndef LB_PAM_PROMPT_H
#define LB_PAM_PROMPT_H

#include <security/pam_modules.h>

#include "proto.h"

/*
 * Shows text in the given style (PAM_ERROR_MSG or PAM_TEXT_INFO); nothing when
 * it is empty or flags hold PAM_SILENT.  Lines with control characters are
 * escaped.  May block as long as the application does; failures do not matter.
 */
void lb_pam_say(pam_handle_t *pamh, int flags, int style, const char *text);

/*
 * Asks for the one-time password, without echo.  The caller wipes out, also
 * after a failure.  LB_ERR_NOT_FOUND: nothing was typed; LB_ERR_TOO_LONG: more
 * than any one-time password has; LB_ERR_SYSTEM: the conversation failed.
 * Blocks until the person answers: the application sets that limit.
 */
int lb_pam_ask_password(pam_handle_t *pamh, char out[LB_PASSWORD_MAX + 1]);

#endif
