/* One-time passwords: see password.h. */
#include "keeper/password.h"

#include <sodium.h>
#include <string.h>

#include "wipe.h"

#define LETTERS 24
#define GROUP 4

/* Crockford's base 32 alphabet: no i, l, o, u to take for something else. */
static const char alphabet[33] = "0123456789abcdefghjkmnpqrstvwxyz";

static void
hash(const struct lb_grant *grant, const char letters[LETTERS], uint8_t out[LB_HASH_SIZE])
{
	crypto_generichash(out, LB_HASH_SIZE, (const unsigned char *)letters, LETTERS,
			   grant->otp_salt, LB_SALT_SIZE);
}

void
lb_password_make(struct lb_grant *grant, char text[LB_OTP_TEXT])
{
	uint8_t random[LETTERS];
	char letters[LETTERS];
	size_t at = 0;

	randombytes_buf(random, sizeof random);
	randombytes_buf(grant->otp_salt, sizeof grant->otp_salt);
	for (size_t i = 0; i < LETTERS; i++) {
		letters[i] = alphabet[random[i] & 31];
		if (i > 0 && i % GROUP == 0)
			text[at++] = '-';
		text[at++] = letters[i];
	}
	text[at] = '\0';
	hash(grant, letters, grant->otp_hash);
	grant->otp = LB_OTP_READY;
	lb_wipe(random, sizeof random);
	lb_wipe(letters, sizeof letters);
}

/* Brings what was typed to the form that was hashed.  False when it cannot be a password. */
static bool
letters_of(const char *text, char letters[LETTERS])
{
	size_t n = 0;

	for (; *text != '\0'; text++) {
		char c = *text;

		if (c == '-' || c == ' ')
			continue;
		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (n == LETTERS)
			return false;
		letters[n++] = c;
	}
	return n == LETTERS;
}

bool
lb_password_matches(const struct lb_grant *grant, const char *text)
{
	char letters[LETTERS] = {0};
	uint8_t got[LB_HASH_SIZE];
	bool shaped = letters_of(text, letters), same;

	hash(grant, letters, got);
	same = sodium_memcmp(got, grant->otp_hash, sizeof got) == 0;
	lb_wipe(letters, sizeof letters);
	lb_wipe(got, sizeof got);
	return shaped && same && grant->otp == LB_OTP_READY;
}

void
lb_password_void(struct lb_grant *grant, enum lb_otp as)
{
	lb_wipe(grant->otp_salt, sizeof grant->otp_salt);
	lb_wipe(grant->otp_hash, sizeof grant->otp_hash);
	grant->otp = (uint8_t)as;
}
