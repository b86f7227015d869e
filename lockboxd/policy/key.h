/*
 * SSH public keys as they stand in the policy: "type base64 [comment]".
 *
 * Only plain keys pass: no certificates, no options, no DSA, RSA from 2048
 * bits.  The blob is checked to its last byte, so that one key has exactly one
 * spelling and can be looked up by its bytes.
 */
#ifndef LB_POLICY_KEY_H
#define LB_POLICY_KEY_H

#include <stddef.h>
#include <stdint.h>

#define LB_KEY_DECODED_MAX 4096	  /* bytes of a decoded key */
#define LB_KEY_COMMENT_MAX 128	  /* bytes, with the NUL */
#define LB_KEY_FINGERPRINT_MAX 51 /* "SHA256:" and 43 characters, with the NUL */

struct lb_key {
	const char *type; /* static storage */
	uint8_t blob[LB_KEY_DECODED_MAX];
	size_t blob_len;
	char comment[LB_KEY_COMMENT_MAX]; /* "" when there is none */
	char fingerprint[LB_KEY_FINGERPRINT_MAX];
};

/*
 * Reads a key.  LB_ERR_MALFORMED with *why pointing to a static sentence ("what
 * is wrong; what to write instead") when it is none that Lockbox takes.
 */
int lb_key_parse(const char *text, struct lb_key *key, const char **why);

/*
 * Decodes base64 of a blob and checks its structure against type, as sshd
 * hands them to an AuthorizedKeysCommand (%t and %k).  blob has room for
 * LB_KEY_DECODED_MAX bytes.  LB_ERR_MALFORMED.
 */
int lb_key_blob(const char *type, const char *base64, uint8_t *blob, size_t *len);

/* Writes the fingerprint of a blob as `ssh-keygen -l` prints it, "SHA256:...". */
void lb_key_fingerprint(char out[LB_KEY_FINGERPRINT_MAX], const uint8_t *blob, size_t len);

#endif
