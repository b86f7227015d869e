/* SSH public keys: see key.h.  The blob formats are those of RFC 4253, 5656, 8709 and PROTOCOL.u2f. */
#include "policy/key.h"

#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "text.h"

#define RSA_BITS_MIN 2048u
#define RSA_BITS_MAX 16384u
#define ED25519_BYTES 32u
#define APPLICATION_MAX 255u

/* A bounded reader of SSH strings; the first failure sticks. */
struct reader {
	const uint8_t *p;
	size_t left;
	bool bad;
};

struct field {
	const uint8_t *p;
	size_t len;
};

static struct field
next_string(struct reader *r)
{
	struct field f = {r->p, 0};
	uint32_t len;

	if (r->bad || r->left < 4) {
		r->bad = true;
		return f;
	}
	len = (uint32_t)r->p[0] << 24 | (uint32_t)r->p[1] << 16 | (uint32_t)r->p[2] << 8 | r->p[3];
	if (len > r->left - 4) {
		r->bad = true;
		return f;
	}
	f.p = r->p + 4;
	f.len = len;
	r->p += 4 + len;
	r->left -= 4 + len;
	return f;
}

static bool
field_is(struct field f, const char *text)
{
	return f.len == strlen(text) && memcmp(f.p, text, f.len) == 0;
}

/* What PROTOCOL.u2f calls the application: "ssh:" or the like. */
static bool
application_ok(struct field f)
{
	char text[APPLICATION_MAX + 1];

	if (f.len == 0 || f.len > APPLICATION_MAX || memchr(f.p, 0, f.len) != NULL)
		return false;
	memcpy(text, f.p, f.len);
	text[f.len] = '\0';
	return lb_text_plain(text);
}

static bool
ed25519_ok(struct reader *r, const char *curve, size_t coordinate)
{
	struct field f = next_string(r);

	(void)curve;
	(void)coordinate;
	return !r->bad && f.len == ED25519_BYTES && crypto_core_ed25519_is_valid_point(f.p) == 1;
}

static bool
sk_ed25519_ok(struct reader *r, const char *curve, size_t coordinate)
{
	return ed25519_ok(r, curve, coordinate) && application_ok(next_string(r));
}

/* An uncompressed point, the one form that OpenSSH takes: 4, x, y. */
static bool
ecdsa_ok(struct reader *r, const char *curve, size_t coordinate)
{
	struct field name = next_string(r), point = next_string(r);

	return !r->bad && field_is(name, curve) && point.len == 1 + 2 * coordinate &&
	       point.p[0] == 4;
}

static bool
sk_ecdsa_ok(struct reader *r, const char *curve, size_t coordinate)
{
	return ecdsa_ok(r, curve, coordinate) && application_ok(next_string(r));
}

/* Bits of a positive mpint in its shortest form; 0 when it is not one. */
static size_t
mpint_bits(struct field f)
{
	size_t bits;

	if (f.len == 0 || (f.p[0] & 0x80) != 0)
		return 0;
	if (f.p[0] == 0) {
		if (f.len == 1 || (f.p[1] & 0x80) == 0)
			return 0;
		return (f.len - 1) * 8;
	}
	bits = f.len * 8;
	for (unsigned mask = 0x80; (f.p[0] & mask) == 0; mask >>= 1)
		bits--;
	return bits;
}

static bool
rsa_ok(struct reader *r, const char *curve, size_t coordinate)
{
	struct field e = next_string(r), n = next_string(r);
	size_t n_bits;

	(void)curve;
	(void)coordinate;
	if (r->bad || mpint_bits(e) < 2 || mpint_bits(e) > 64 || (e.p[e.len - 1] & 1) == 0)
		return false;
	n_bits = mpint_bits(n);
	return n_bits >= RSA_BITS_MIN && n_bits <= RSA_BITS_MAX && (n.p[n.len - 1] & 1) == 1;
}

static const struct {
	const char *type;
	bool (*ok)(struct reader *r, const char *curve, size_t coordinate);
	const char *curve;
	size_t coordinate; /* bytes */
} types[] = {
	{"ssh-ed25519", ed25519_ok, NULL, 0},
	{"sk-ssh-ed25519@openssh.com", sk_ed25519_ok, NULL, 0},
	{"ecdsa-sha2-nistp256", ecdsa_ok, "nistp256", 32},
	{"ecdsa-sha2-nistp384", ecdsa_ok, "nistp384", 48},
	{"ecdsa-sha2-nistp521", ecdsa_ok, "nistp521", 66},
	{"sk-ecdsa-sha2-nistp256@openssh.com", sk_ecdsa_ok, "nistp256", 32},
	{"ssh-rsa", rsa_ok, NULL, 0},
};

#define TYPES (sizeof types / sizeof types[0])

/* The row of a type given by name and length, or TYPES. */
static size_t
find_type(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < TYPES; i++)
		if (strlen(types[i].type) == len && memcmp(types[i].type, name, len) == 0)
			break;
	return i;
}

/* Decodes and checks; static sentence when it is no good, NULL when it is. */
static const char *
decode(size_t row, const char *base64, size_t len, uint8_t *blob, size_t *blob_len)
{
	struct reader r = {.p = blob};

	/* libsodium takes two of the bytes above 127 for + and /. */
	for (size_t i = 0; i < len; i++)
		if ((uint8_t)base64[i] > 127)
			return "the key is no valid base64; copy the whole line of the .pub file";
	if (len == 0 || sodium_base642bin(blob, LB_KEY_DECODED_MAX, base64, len, NULL, &r.left,
					  NULL, sodium_base64_VARIANT_ORIGINAL) != 0)
		return "the key is no valid base64; copy the whole line of the .pub file";
	*blob_len = r.left;
	if (!field_is(next_string(&r), types[row].type))
		return "the key says another type inside than in front of it; copy the whole line "
		       "of the .pub file";
	if (!types[row].ok(&r, types[row].curve, types[row].coordinate) || r.bad) {
		if (types[row].ok == rsa_ok)
			return "the key is no RSA key of 2048 to 16384 bits; make one with "
			       "ssh-keygen -t ed25519";
		return "the key is cut short or damaged; copy the whole line of the .pub file";
	}
	if (r.left != 0)
		return "there are bytes after the end of the key; copy the line of the .pub file "
		       "again";
	return NULL;
}

int
lb_key_blob(const char *type, const char *base64, uint8_t *blob, size_t *len)
{
	size_t row = find_type(type, strlen(type)), got;
	uint8_t buf[LB_KEY_DECODED_MAX];

	if (row == TYPES || decode(row, base64, strlen(base64), buf, &got) != NULL)
		return LB_ERR_MALFORMED;
	memcpy(blob, buf, got);
	*len = got;
	return LB_OK;
}

/* Why the first word is no type that Lockbox takes. */
static const char *
why_no_type(const char *text, size_t len)
{
	static const char cert[] = "-cert-v01@openssh.com";

	if (len > sizeof cert - 1 &&
	    memcmp(text + len - (sizeof cert - 1), cert, sizeof cert - 1) == 0)
		return "this is a certificate; write the plain public key it was made for";
	if (len == 7 && memcmp(text, "ssh-dss", 7) == 0)
		return "DSA keys are too weak; make one with ssh-keygen -t ed25519";
	if (memchr(text, '=', len) != NULL || memchr(text, ',', len) != NULL)
		return "options before a key are not taken; begin with the key type, such as "
		       "ssh-ed25519";
	return "this is no key of a type that Lockbox takes; write \"ssh-ed25519 AAAA... comment\" "
	       "(also sk-ssh-ed25519@openssh.com, ecdsa, sk-ecdsa, ssh-rsa)";
}

int
lb_key_parse(const char *text, struct lb_key *key, const char **why)
{
	size_t type_len = strcspn(text, " "), row = find_type(text, type_len), base64_len;
	const char *base64, *comment, *problem;

	if (row == TYPES) {
		*why = why_no_type(text, type_len);
		return LB_ERR_MALFORMED;
	}
	base64 = text + type_len + strspn(text + type_len, " ");
	base64_len = strcspn(base64, " ");
	comment = base64 + base64_len + strspn(base64 + base64_len, " ");
	if (strlen(comment) >= sizeof key->comment || !lb_text_plain(comment)) {
		*why = "the comment of the key is too long; at most 127 bytes";
		return LB_ERR_MALFORMED;
	}
	memset(key, 0, sizeof *key);
	problem = decode(row, base64, base64_len, key->blob, &key->blob_len);
	if (problem != NULL) {
		*why = problem;
		return LB_ERR_MALFORMED;
	}
	key->type = types[row].type;
	snprintf(key->comment, sizeof key->comment, "%s", comment);
	lb_key_fingerprint(key->fingerprint, key->blob, key->blob_len);
	return LB_OK;
}

void
lb_key_fingerprint(char out[LB_KEY_FINGERPRINT_MAX], const uint8_t *blob, size_t len)
{
	static const char prefix[] = "SHA256:";
	uint8_t hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(hash, blob, len);
	memcpy(out, prefix, sizeof prefix - 1);
	sodium_bin2base64(out + sizeof prefix - 1, LB_KEY_FINGERPRINT_MAX - (sizeof prefix - 1),
			  hash, sizeof hash, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
}
