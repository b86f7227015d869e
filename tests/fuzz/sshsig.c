/*
 * Signatures: whatever comes in, the decoder reads nothing that is not there; what it takes has one form
 * of each field; and nothing is a signature of something else than was signed.
 *
 * The first byte says what the rest is: 0 the armored text, else the blob, which is armored here.
 */
#include "fuzz.h"

#include <sodium.h>

#include "../support/sshsig_make.h"
#include "err.h"
#include "keeper/sshsig.h"

#define SPACE "lockbox-approval"
#define SIGNED "what was signed" /* by the seeds */

static void
look_at(const char *text, size_t len)
{
	char *exact = malloc(len == 0 ? 1 : len); /* so that a byte too many is seen */
	struct lb_sshsig sig;
	const char *why = NULL;
	uint8_t key[LB_SSHSIG_KEY_MAX];

	CHECK(exact != NULL);
	memcpy(exact, text, len);
	if (lb_sshsig_parse(exact, len, &sig, &why) != LB_OK) {
		CHECK(why != NULL);
		free(exact);
		return;
	}
	free(exact);
	CHECK(len <= LB_SSHSIG_MAX && sig.key_len <= sizeof sig.key);
	CHECK(strlen(sig.space) <= LB_SSHSIG_NAME_MAX);
	CHECK(lb_sshsig_takes(sig.key, sig.key_len));
	CHECK(sig.hardware || (sig.flags == 0 && sig.counter == 0));
	CHECK(lb_sshsig_verify(&sig, sig.space, sig.key, sig.key_len, "other", 5, &why) != LB_OK);
	CHECK(why != NULL);
	if (lb_sshsig_verify(&sig, SPACE, sig.key, sig.key_len, SIGNED, strlen(SIGNED), &why) ==
	    LB_OK) {
		CHECK(strcmp(sig.space, SPACE) == 0 && (!sig.hardware || (sig.flags & 1)));
		memcpy(key, sig.key, sig.key_len);
		key[sig.key_len - 1] ^= 1;
		CHECK(lb_sshsig_verify(&sig, SPACE, key, sig.key_len, SIGNED, strlen(SIGNED),
				       &why) != LB_OK);
		sig.flags ^= 4;
		sig.signature[40] ^= !sig.hardware;
		CHECK(lb_sshsig_verify(&sig, SPACE, sig.key, sig.key_len, SIGNED, strlen(SIGNED),
				       &why) != LB_OK);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[MADE_MAX];

	if (size == 0 || size > MADE_MAX / 2)
		return 0;
	CHECK(sodium_init() >= 0);
	if (data[0] == 0)
		look_at((const char *)data + 1, size - 1);
	else
		look_at(text, make_armor(data + 1, size - 1, text));
	return 0;
}
