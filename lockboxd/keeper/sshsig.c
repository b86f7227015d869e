/* OpenSSH signatures: see sshsig.h. */
#include "keeper/sshsig.h"

#include <sodium.h>
#include <string.h>

#include "err.h"
#include "wire.h"

#define FIRST_LINE "-----BEGIN SSH SIGNATURE-----\n"
#define LAST_LINE "\n-----END SSH SIGNATURE-----"
#define MAGIC "SSHSIG"
#define MAGIC_SIZE (sizeof MAGIC - 1)
#define VERSION 1u
#define TYPE "ssh-ed25519"
#define TYPE_HARDWARE "sk-ssh-ed25519@openssh.com"
#define BLOB_MAX (LB_SSHSIG_MAX * 3 / 4)
#define APPLICATION_MAX 255u
#define USER_PRESENT 0x01u
#define BLANKS " \t\n\v\f\r"
#define LINE_LENGTH 70
#define NOT_BASE64 "is damaged: it is no valid base64"

_Static_assert(LB_SSHSIG_FOLDED_MAX >= LB_SSHSIG_MAX + LB_SSHSIG_MAX / LINE_LENGTH + 1, "folded");
_Static_assert(LB_SSHSIG_SIGNED_MAX == crypto_sign_BYTES, "a signature of Ed25519");

/* A string of the SSH protocol: 32 bits of length and that many bytes. */
struct string {
	const uint8_t *at;
	size_t len;
};

static struct string
read_string(struct lb_reader *r)
{
	struct string s;

	s.len = lb_read_u32(r);
	s.at = r->at;
	if (r->err == LB_OK && s.len > r->left)
		r->err = LB_ERR_MALFORMED;
	if (r->err != LB_OK)
		s.len = 0;
	r->at += s.len;
	r->left -= s.len;
	return s;
}

static void
write_string(struct lb_writer *w, const void *bytes, size_t len)
{
	lb_write_u32(w, (uint32_t)len);
	lb_write_bytes(w, bytes, len);
}

static bool
string_is(struct string s, const char *text)
{
	return s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}

/* The bytes between the two lines; what they mean is base64 with blanks anywhere. */
static const char *
take_armor(const char *text, size_t len, struct string *body)
{
	static const char first[] = FIRST_LINE, last[] = LAST_LINE;
	const size_t first_len = sizeof first - 1, last_len = sizeof last - 1;
	const char *end;
	size_t behind;

	if (len > LB_SSHSIG_MAX)
		return "is too long for one of a key ssh-ed25519 or sk-ssh-ed25519@openssh.com";
	if (len < first_len || memcmp(text, first, first_len) != 0)
		return "is none that ssh-keygen -Y sign made: it does not begin with "
		       "-----BEGIN SSH SIGNATURE-----";
	body->at = (const uint8_t *)text + first_len;
	end = memmem(body->at, len - first_len, last, last_len);
	if (end == NULL)
		return "is cut short: the line -----END SSH SIGNATURE----- is missing";
	body->len = (size_t)(end - (text + first_len));
	behind = len - (size_t)(end - text) - last_len;
	if (behind > 1 || (behind == 1 && text[len - 1] != '\n'))
		return "has something behind its last line; give the one signature alone";
	/* libsodium would pass over a zero byte, and takes two of those above 127 for + and /. */
	for (size_t i = 0; i < body->len; i++)
		if (body->at[i] == 0 || body->at[i] > 127)
			return NOT_BASE64;
	return NULL;
}

/* A public key of one of the two types; what it is goes to sig. */
static bool
take_key(const uint8_t *key, size_t key_len, struct lb_sshsig *sig)
{
	struct lb_reader r;
	struct string type, point, application = {0};

	lb_reader_init(&r, key, key_len);
	type = read_string(&r);
	point = read_string(&r);
	sig->hardware = string_is(type, TYPE_HARDWARE);
	if (sig->hardware)
		application = read_string(&r);
	else if (!string_is(type, TYPE))
		return false;
	if (lb_reader_end(&r) != LB_OK || point.len != sizeof sig->point ||
	    application.len > APPLICATION_MAX ||
	    (application.len > 0 && memchr(application.at, '\0', application.len) != NULL))
		return false;
	memcpy(sig->point, point.at, sizeof sig->point);
	if (sig->hardware)
		crypto_hash_sha256(sig->application, application.at, application.len);
	return true;
}

bool
lb_sshsig_takes(const uint8_t *key, size_t key_len)
{
	struct lb_sshsig scratch;

	return key_len <= LB_SSHSIG_KEY_MAX && take_key(key, key_len, &scratch);
}

/* The innermost string: type, R and S, and for a hardware key its flags and counter. */
static bool
take_signed(struct string s, struct lb_sshsig *sig)
{
	struct lb_reader r;
	struct string type, bytes;

	lb_reader_init(&r, s.at, s.len);
	type = read_string(&r);
	bytes = read_string(&r);
	if (sig->hardware) {
		sig->flags = lb_read_u8(&r);
		sig->counter = lb_read_u32(&r);
	}
	if (lb_reader_end(&r) != LB_OK || bytes.len != sizeof sig->signature ||
	    !string_is(type, sig->hardware ? TYPE_HARDWARE : TYPE))
		return false;
	memcpy(sig->signature, bytes.at, sizeof sig->signature);
	return true;
}

static const char *
take_blob(const uint8_t *blob, size_t len, struct lb_sshsig *sig)
{
	struct string key, space, reserved, hash, inner;
	uint8_t magic[MAGIC_SIZE];
	struct lb_reader r;
	uint32_t version;

	lb_reader_init(&r, blob, len);
	lb_read_bytes(&r, magic, sizeof magic);
	version = lb_read_u32(&r);
	key = read_string(&r);
	space = read_string(&r);
	reserved = read_string(&r);
	hash = read_string(&r);
	inner = read_string(&r);
	if (memcmp(magic, MAGIC, sizeof magic) != 0 || r.err != LB_OK)
		return "is damaged or cut short";
	if (version != VERSION)
		return "is of a version that is not known here";
	if (r.left != 0)
		return "has bytes behind its end";
	if (key.len > LB_SSHSIG_KEY_MAX || !take_key(key.at, key.len, sig))
		return "is by a key of another type than ssh-ed25519 and "
		       "sk-ssh-ed25519@openssh.com; sign with one of these";
	if (space.len > LB_SSHSIG_NAME_MAX || memchr(space.at, '\0', space.len) != NULL)
		return "has a namespace that makes no sense";
	if (reserved.len != 0)
		return "has content in a field that is reserved";
	sig->sha512 = string_is(hash, "sha512");
	if (!sig->sha512 && !string_is(hash, "sha256"))
		return "has a hash other than sha256 and sha512";
	if (!take_signed(inner, sig))
		return "is damaged inside";
	memcpy(sig->key, key.at, key.len);
	sig->key_len = key.len;
	memcpy(sig->space, space.at, space.len);
	return NULL;
}

int
lb_sshsig_parse(const char *text, size_t len, struct lb_sshsig *sig, const char **why)
{
	struct lb_sshsig got = {0};
	uint8_t blob[BLOB_MAX];
	struct string body;
	const char *fault = take_armor(text, len, &body);
	size_t size = 0;

	if (fault == NULL &&
	    sodium_base642bin(blob, sizeof blob, (const char *)body.at, body.len, " \t\n\v\f\r",
			      &size, NULL, sodium_base64_VARIANT_ORIGINAL) != 0)
		fault = NOT_BASE64;
	if (fault == NULL)
		fault = take_blob(blob, size, &got);
	if (fault != NULL) {
		*why = fault;
		return LB_ERR_MALFORMED;
	}
	*sig = got;
	return LB_OK;
}

void
lb_sshsig_fold(const char *text, size_t len, char out[LB_SSHSIG_FOLDED_MAX + 1])
{
	struct string body;
	size_t used = sizeof FIRST_LINE - 1, column = 0;

	memcpy(out, FIRST_LINE, used);
	if (take_armor(text, len, &body) != NULL)
		body.len = 0;
	for (size_t i = 0; i < body.len; i++) {
		if (strchr(BLANKS, body.at[i]) != NULL)
			continue;
		if (column == LINE_LENGTH) {
			out[used++] = '\n';
			column = 0;
		}
		out[used++] = (char)body.at[i];
		column++;
	}
	memcpy(out + used, LAST_LINE "\n", sizeof LAST_LINE "\n");
}

/* What is signed in the end: PROTOCOL.sshsig's own frame around the hash of the message. */
#define FRAME_MAX (MAGIC_SIZE + 16 + LB_SSHSIG_NAME_MAX + 6 + crypto_hash_sha512_BYTES)

static size_t
frame_message(const struct lb_sshsig *sig, const char *space, const void *message, size_t len,
	      uint8_t frame[FRAME_MAX])
{
	uint8_t hash[crypto_hash_sha512_BYTES];
	struct lb_writer w;

	if (sig->sha512)
		crypto_hash_sha512(hash, message, len);
	else
		crypto_hash_sha256(hash, message, len);
	lb_writer_init(&w, frame, FRAME_MAX);
	lb_write_bytes(&w, MAGIC, MAGIC_SIZE);
	write_string(&w, space, strlen(space));
	write_string(&w, "", 0);
	write_string(&w, sig->sha512 ? "sha512" : "sha256", 6);
	write_string(&w, hash, sig->sha512 ? crypto_hash_sha512_BYTES : crypto_hash_sha256_BYTES);
	return w.used;
}

/* A hardware key signs what it has seen itself around the hash of that: PROTOCOL.u2f. */
#define TOUCHED_SIZE (crypto_hash_sha256_BYTES + 5 + crypto_hash_sha256_BYTES)

static void
frame_touched(const struct lb_sshsig *sig, const uint8_t *frame, size_t len,
	      uint8_t touched[TOUCHED_SIZE])
{
	uint8_t hash[crypto_hash_sha256_BYTES];
	struct lb_writer w;

	crypto_hash_sha256(hash, frame, len);
	lb_writer_init(&w, touched, TOUCHED_SIZE);
	lb_write_bytes(&w, sig->application, sizeof sig->application);
	lb_write_u8(&w, sig->flags);
	lb_write_u32(&w, sig->counter);
	lb_write_bytes(&w, hash, sizeof hash);
}

static bool
holds(const struct lb_sshsig *sig, const uint8_t *bytes, size_t len)
{
	/* In the group of the base point all ways of checking come to one result. */
	return crypto_core_ed25519_is_valid_point(sig->point) == 1 &&
	       crypto_core_ed25519_is_valid_point(sig->signature) == 1 &&
	       crypto_sign_verify_detached(sig->signature, bytes, len, sig->point) == 0;
}

int
lb_sshsig_verify(const struct lb_sshsig *sig, const char *space, const uint8_t *key, size_t key_len,
		 const void *message, size_t len, const char **why)
{
	uint8_t frame[FRAME_MAX], touched[TOUCHED_SIZE];
	size_t size;

	*why = NULL;
	if (key_len != sig->key_len || memcmp(key, sig->key, key_len) != 0)
		*why = "is by another key";
	else if (strcmp(space, sig->space) != 0)
		*why = "was made in another namespace";
	else if (sig->hardware && !(sig->flags & USER_PRESENT))
		*why = "is by a hardware key that nobody touched";
	if (*why != NULL)
		return LB_ERR_REFUSED;
	size = frame_message(sig, space, message, len, frame);
	frame_touched(sig, frame, size, touched);
	if (sig->hardware ? holds(sig, touched, sizeof touched) : holds(sig, frame, size))
		return LB_OK;
	*why = "does not fit what was to be signed";
	return LB_ERR_DAMAGED;
}
