/*
 * One-time passwords: 120 random bits, 24 letters and digits in groups of
 * four, kept only as a salted BLAKE2b-256 hash.
 */
#ifndef LB_PASSWORD_H
#define LB_PASSWORD_H

#include <stdbool.h>

#include "keeper/store.h"

#define LB_OTP_TEXT 32 /* "xxxx-xxxx-xxxx-xxxx-xxxx-xxxx" and the NUL, rounded up */

/* Makes a new one into text, and sets the grant's salt and hash; READY.  libsodium is initialised. */
void lb_password_make(struct lb_grant *grant, char text[LB_OTP_TEXT]);

/*
 * True when text is the grant's password and may still be used.  Letters may
 * be of either case, dashes and blanks are passed over.  The comparison takes
 * the same time for every wrong password.
 */
bool lb_password_matches(const struct lb_grant *grant, const char *text);

/* Makes whatever password there is useless, and forgets its hash. */
void lb_password_void(struct lb_grant *grant, enum lb_otp as);

#endif
