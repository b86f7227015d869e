/*
 * Makes signatures as ssh-keygen and an authenticator would, of any kind and with any fault, for the
 * tests of keeper/sshsig.h.  What it makes is shown to ssh-keygen -Y verify by module/sshsig.
 */
#ifndef LB_TEST_SSHSIG_MAKE_H
#define LB_TEST_SSHSIG_MAKE_H

#include <sodium.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "wire.h"

#define MADE_MAX 8192

/* A key pair; application NULL: ssh-ed25519, else sk-ssh-ed25519@openssh.com. */
struct maker {
	const char *application;
	uint8_t point[32], secret[64];
};

/* What is signed, and in which form; maker_default() is what ssh-keygen makes. */
struct making {
	const char *space, *hash, *reserved;
	const void *message;
	size_t len;
	uint32_t version;
	uint8_t flags; /* hardware keys */
	uint32_t counter;
};

static inline struct maker
maker_new(uint8_t number, const char *application)
{
	struct maker m = {.application = application};
	uint8_t seed[32];

	memset(seed, number, sizeof seed);
	crypto_sign_seed_keypair(m.point, m.secret, seed);
	return m;
}

static inline struct making
making_default(const char *space, const void *message, size_t len)
{
	return (struct making){.space = space,
			       .hash = "sha512",
			       .reserved = "",
			       .message = message,
			       .len = len,
			       .version = 1,
			       .flags = 1,
			       .counter = 7};
}

static inline void
ssh_string(struct lb_writer *w, const void *bytes, size_t len)
{
	lb_write_u32(w, (uint32_t)len);
	lb_write_bytes(w, bytes, len);
}

static inline void
ssh_text(struct lb_writer *w, const char *text)
{
	ssh_string(w, text, strlen(text));
}

static inline const char *
maker_type(const struct maker *m)
{
	return m->application != NULL ? "sk-ssh-ed25519@openssh.com" : "ssh-ed25519";
}

/* The public key, as RFC 4253 writes it. */
static inline size_t
maker_key(const struct maker *m, uint8_t key[MADE_MAX])
{
	struct lb_writer w;

	lb_writer_init(&w, key, MADE_MAX);
	ssh_text(&w, maker_type(m));
	ssh_string(&w, m->point, sizeof m->point);
	if (m->application != NULL)
		ssh_text(&w, m->application);
	return w.used;
}

/* The public key as a line of a .pub file, without comment and newline. */
static inline void
maker_line(const struct maker *m, char line[MADE_MAX])
{
	uint8_t key[MADE_MAX];
	size_t len = maker_key(m, key);
	int used = snprintf(line, MADE_MAX, "%s ", maker_type(m));

	sodium_bin2base64(line + used, MADE_MAX - (size_t)used, key, len,
			  sodium_base64_VARIANT_ORIGINAL);
}

/* The frame of PROTOCOL.sshsig, which is what an ordinary key signs. */
static inline size_t
make_frame(const struct making *what, uint8_t frame[MADE_MAX])
{
	bool long_hash = strcmp(what->hash, "sha512") == 0;
	uint8_t hash[64];
	struct lb_writer w;

	if (long_hash)
		crypto_hash_sha512(hash, what->message, what->len);
	else
		crypto_hash_sha256(hash, what->message, what->len);
	lb_writer_init(&w, frame, MADE_MAX);
	lb_write_bytes(&w, "SSHSIG", 6);
	ssh_text(&w, what->space);
	ssh_text(&w, "");
	ssh_text(&w, what->hash);
	ssh_string(&w, hash, long_hash ? 64 : 32);
	return w.used;
}

/* What the key signs: an authenticator wraps the frame (PROTOCOL.u2f). */
static inline size_t
make_signed(const struct maker *m, const struct making *what, uint8_t out[MADE_MAX])
{
	uint8_t hash[32], frame[MADE_MAX];
	size_t len = make_frame(what, frame);
	struct lb_writer w;

	lb_writer_init(&w, out, MADE_MAX);
	if (m->application == NULL) {
		lb_write_bytes(&w, frame, len);
		return w.used;
	}
	crypto_hash_sha256(hash, (const uint8_t *)m->application, strlen(m->application));
	lb_write_bytes(&w, hash, sizeof hash);
	lb_write_u8(&w, what->flags);
	lb_write_u32(&w, what->counter);
	crypto_hash_sha256(hash, frame, len);
	lb_write_bytes(&w, hash, sizeof hash);
	return w.used;
}

/* The blob around a signature (R and S) that has been made. */
static inline size_t
make_blob_around(const struct maker *m, const struct making *what, const uint8_t signature[64],
		 uint8_t blob[MADE_MAX])
{
	uint8_t key[MADE_MAX], inner[MADE_MAX];
	size_t key_len = maker_key(m, key);
	struct lb_writer w;
	size_t inner_len;

	lb_writer_init(&w, inner, MADE_MAX);
	ssh_text(&w, maker_type(m));
	ssh_string(&w, signature, 64);
	if (m->application != NULL) {
		lb_write_u8(&w, what->flags);
		lb_write_u32(&w, what->counter);
	}
	inner_len = w.used;
	lb_writer_init(&w, blob, MADE_MAX);
	lb_write_bytes(&w, "SSHSIG", 6);
	lb_write_u32(&w, what->version);
	ssh_string(&w, key, key_len);
	ssh_text(&w, what->space);
	ssh_text(&w, what->reserved);
	ssh_text(&w, what->hash);
	ssh_string(&w, inner, inner_len);
	return w.used;
}

static inline size_t
make_blob(const struct maker *m, const struct making *what, uint8_t blob[MADE_MAX])
{
	uint8_t bytes[MADE_MAX], signature[64];
	size_t len = make_signed(m, what, bytes);

	crypto_sign_detached(signature, NULL, bytes, len, m->secret);
	return make_blob_around(m, what, signature, blob);
}

/* Lines of 70 characters, as ssh-keygen writes them.  The result is terminated. */
static inline size_t
make_armor(const uint8_t *blob, size_t len, char text[MADE_MAX])
{
	char base64[MADE_MAX];
	size_t used, n;

	sodium_bin2base64(base64, sizeof base64, blob, len, sodium_base64_VARIANT_ORIGINAL);
	used = (size_t)snprintf(text, MADE_MAX, "-----BEGIN SSH SIGNATURE-----\n");
	for (const char *p = base64; *p != '\0'; p += n) {
		n = strnlen(p, 70);
		used += (size_t)snprintf(text + used, MADE_MAX - used, "%.*s\n", (int)n, p);
	}
	used += (size_t)snprintf(text + used, MADE_MAX - used, "-----END SSH SIGNATURE-----\n");
	return used;
}

static inline size_t
make_signature(const struct maker *m, const struct making *what, char text[MADE_MAX])
{
	uint8_t blob[MADE_MAX];

	return make_armor(blob, make_blob(m, what, blob), text);
}

#endif
