/*
 * A hardware key in software, for ssh and ssh-keygen (SecurityKeyProvider, -w): what OpenSSH's
 * PROTOCOL.u2f asks of one, with the private key in the key handle.  For tests: it guards nothing.
 */
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define API_VERSION 0x000a0000u
#define ED25519 1u
#define USER_PRESENT 1u
#define FAILED (-1)

/* As in OpenSSH's sk-api.h. */
struct sk_enroll_response {
	uint8_t flags;
	uint8_t *public_key;
	size_t public_key_len;
	uint8_t *key_handle;
	size_t key_handle_len;
	uint8_t *signature;
	size_t signature_len;
	uint8_t *attestation_cert;
	size_t attestation_cert_len;
	uint8_t *authdata;
	size_t authdata_len;
};
struct sk_sign_response {
	uint8_t flags;
	uint32_t counter;
	uint8_t *sig_r;
	size_t sig_r_len;
	uint8_t *sig_s;
	size_t sig_s_len;
};
struct sk_option;

#define EXPORT __attribute__((visibility("default")))
EXPORT uint32_t sk_api_version(void);
EXPORT int sk_enroll(uint32_t alg, const uint8_t *challenge, size_t challenge_len,
		     const char *application, uint8_t flags, const char *pin,
		     struct sk_option **options, struct sk_enroll_response **response);
EXPORT int sk_sign(uint32_t alg, const uint8_t *data, size_t data_len, const char *application,
		   const uint8_t *key_handle, size_t key_handle_len, uint8_t flags, const char *pin,
		   struct sk_option **options, struct sk_sign_response **response);
EXPORT int sk_load_resident_keys(const char *pin, struct sk_option **options, void ***keys,
				 size_t *count);

uint32_t
sk_api_version(void)
{
	return API_VERSION;
}

static uint8_t *
copy(const void *bytes, size_t len)
{
	uint8_t *p = malloc(len);

	if (p == NULL)
		abort();
	return memcpy(p, bytes, len);
}

int
sk_enroll(uint32_t alg, const uint8_t *challenge, size_t challenge_len, const char *application,
	  uint8_t flags, const char *pin, struct sk_option **options,
	  struct sk_enroll_response **response)
{
	uint8_t point[crypto_sign_PUBLICKEYBYTES], secret[crypto_sign_SECRETKEYBYTES];
	struct sk_enroll_response *r;

	(void)challenge;
	(void)challenge_len;
	(void)application;
	(void)pin;
	(void)options;
	if (alg != ED25519 || sodium_init() < 0 || (r = calloc(1, sizeof *r)) == NULL)
		return FAILED;
	crypto_sign_keypair(point, secret);
	r->flags = flags;
	r->public_key = copy(point, sizeof point);
	r->public_key_len = sizeof point;
	r->key_handle = copy(secret, sizeof secret);
	r->key_handle_len = sizeof secret;
	r->signature = copy("none", 4);
	r->signature_len = 4;
	*response = r;
	return 0;
}

int
sk_sign(uint32_t alg, const uint8_t *data, size_t data_len, const char *application,
	const uint8_t *key_handle, size_t key_handle_len, uint8_t flags, const char *pin,
	struct sk_option **options, struct sk_sign_response **response)
{
	static const uint8_t counter[4] = {0, 0, 0, 7};
	uint8_t message[32 + 1 + sizeof counter + 32], signature[crypto_sign_BYTES];
	struct sk_sign_response *r;

	(void)pin;
	(void)options;
	if (alg != ED25519 || key_handle_len != crypto_sign_SECRETKEYBYTES || sodium_init() < 0 ||
	    (r = calloc(1, sizeof *r)) == NULL)
		return FAILED;
	crypto_hash_sha256(message, (const uint8_t *)application, strlen(application));
	message[32] = flags & USER_PRESENT;
	memcpy(message + 33, counter, sizeof counter);
	crypto_hash_sha256(message + 37, data, data_len);
	crypto_sign_detached(signature, NULL, message, sizeof message, key_handle);
	r->flags = message[32];
	r->counter = counter[3];
	r->sig_r = copy(signature, sizeof signature);
	r->sig_r_len = sizeof signature;
	*response = r;
	return 0;
}

int
sk_load_resident_keys(const char *pin, struct sk_option **options, void ***keys, size_t *count)
{
	(void)pin;
	(void)options;
	(void)keys;
	(void)count;
	return FAILED;
}
