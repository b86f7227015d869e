/*
 * OpenSSH signatures, as `ssh-keygen -Y sign` makes them, checked with libsodium.
 *
 * After PROTOCOL.sshsig and PROTOCOL.u2f of OpenSSH, and RFC 8032 and 8709 for
 * Ed25519: keys ssh-ed25519 and sk-ssh-ed25519@openssh.com, hashes sha256 and
 * sha512.  The verdict is that of `ssh-keygen -Y verify`, except that what
 * follows is refused here, too, and ssh-keygen takes it:
 *
 *   - keys of other types, and certificates;
 *   - a signature by a hardware key that nobody touched (no user presence);
 *   - anything but one newline behind the last line, so a second signature too;
 *   - a version other than 1, and content in the field that is reserved;
 *   - a zero byte at the end of a text or of the base64;
 *   - more than LB_SSHSIG_MAX bytes, a namespace of more than LB_SSHSIG_NAME_MAX;
 *   - a number S of RFC 8032 that is not below the group's order, and points
 *     outside the group of the base point: one signature has one form, and
 *     every verifier is of one mind about it.
 *
 * Nothing here allocates, blocks, logs or keeps anything.  The work is bounded
 * by LB_SSHSIG_MAX and by the length of the message, which is hashed once.
 * There is nothing secret in it, so nothing is wiped.
 */
#ifndef LB_SSHSIG_H
#define LB_SSHSIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LB_SSHSIG_MAX 1000	  /* bytes of an armored signature */
#define LB_SSHSIG_FOLDED_MAX 1020 /* bytes of one in lines of 70 */
#define LB_SSHSIG_NAME_MAX 64	  /* bytes of a namespace */
#define LB_SSHSIG_KEY_MAX 384	  /* bytes of a public key of the two types */
#define LB_SSHSIG_SIGNED_MAX 64	  /* bytes of a signature of RFC 8032 */

/* A signature, decoded and not yet believed. */
struct lb_sshsig {
	uint8_t key[LB_SSHSIG_KEY_MAX]; /* the public key it names, as RFC 4253 writes it */
	size_t key_len;
	char space[LB_SSHSIG_NAME_MAX + 1];
	bool sha512;				 /* else sha256 */
	uint8_t point[32];			 /* of the public key */
	uint8_t application[32];		 /* hardware keys: SHA-256 of the application */
	uint8_t signature[LB_SSHSIG_SIGNED_MAX]; /* R and S of RFC 8032 */
	bool hardware;				 /* sk-ssh-ed25519@openssh.com: */
	uint8_t flags;				 /* what the authenticator says of the touch, */
	uint32_t counter;			 /* and how often it has signed */
};

/*
 * Decodes len bytes of armored text wholly.  LB_ERR_MALFORMED, with *why a
 * static phrase that completes "the signature " ("is cut short").
 */
int lb_sshsig_parse(const char *text, size_t len, struct lb_sshsig *sig, const char **why);

/*
 * Writes an armored signature that has been decoded as ssh-keygen writes it: in
 * lines of 70, without blanks.  So there is one text for each signature.
 */
void lb_sshsig_fold(const char *text, size_t len, char out[LB_SSHSIG_FOLDED_MAX + 1]);

/*
 * True when this key, given as RFC 4253 writes it (the base64 of a .pub line,
 * decoded), is of a type whose signatures are taken.
 */
bool lb_sshsig_takes(const uint8_t *key, size_t key_len);

/*
 * LB_OK when sig is a signature of the message by exactly this key in exactly
 * this namespace.  LB_ERR_REFUSED when key or namespace are others, or nobody
 * touched the hardware key, LB_ERR_DAMAGED when it is of something else than the
 * message; with *why as above ("was made in another namespace").
 */
int lb_sshsig_verify(const struct lb_sshsig *sig, const char *space, const uint8_t *key,
		     size_t key_len, const void *message, size_t len, const char **why);

#endif
