/*
 * OpenSSH signatures: the good ones are taken, everything else is refused with its reason.  What
 * ssh-keygen says of the same signatures is compared in module/sshsig.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "err.h"
#include "keeper/sshsig.h"
#include "refusals.h"
#include "sshsig_make.h"

#define SPACE "lockbox-approval"

/* Made by OpenSSH 9.2: ssh-keygen -Y sign -n lockbox-approval [-O hashalg=sha256] -f KEY. */
static const char message[] = "lockbox-approval 1\nrequest: R-17\n";
static const char made_key[] =
	"AAAAC3NzaC1lZDI1NTE5AAAAIG9V/MmSDDZwY3VCZKJgGb07OnXvxTgsm2So5P6ss2K0";
static const char made_sha512[] =
	"-----BEGIN SSH SIGNATURE-----\n"
	"U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgb1X8yZIMNnBjdUJkomAZvTs6de\n"
	"/FOCybZKjk/qyzYrQAAAAQbG9ja2JveC1hcHByb3ZhbAAAAAAAAAAGc2hhNTEyAAAAUwAA\n"
	"AAtzc2gtZWQyNTUxOQAAAEDzaCEH5R+d8xT6GDdisgxsG4noKRPNGO6burncIn2M9IdNEb\n"
	"KYlzMYme1ZjsJkWsLimfj2SgKWNAg4tzv95ScO\n"
	"-----END SSH SIGNATURE-----\n";
static const char made_sha256[] =
	"-----BEGIN SSH SIGNATURE-----\n"
	"U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgb1X8yZIMNnBjdUJkomAZvTs6de\n"
	"/FOCybZKjk/qyzYrQAAAAQbG9ja2JveC1hcHByb3ZhbAAAAAAAAAAGc2hhMjU2AAAAUwAA\n"
	"AAtzc2gtZWQyNTUxOQAAAEA6eKABbg+5g4lQx7M7V0QeUvnoTEPyYVHm7CyEwfojkfpGVD\n"
	"qWGhnV5t7Pwpd2iUgxx3y/lbnLqX/SA4oa0e4D\n"
	"-----END SSH SIGNATURE-----\n";

/* The reason against a text, or "" when it is good. */
static const char *
verdict(const char *text, size_t len, const char *space, const uint8_t *key, size_t key_len,
	const void *msg, size_t msg_len)
{
	const char *why = NULL;
	struct lb_sshsig sig;
	int err;

	memset(&sig, 0xa5, sizeof sig);
	err = lb_sshsig_parse(text, len, &sig, &why);
	if (err != LB_OK) {
		assert_int_equal(err, LB_ERR_MALFORMED);
		assert_non_null(why);
		note_refusal(0, why);
		for (size_t i = 0; i < sizeof sig; i++) /* untouched on failure */
			assert_int_equal(((const uint8_t *)&sig)[i], 0xa5);
		return why;
	}
	err = lb_sshsig_verify(&sig, space, key, key_len, msg, msg_len, &why);
	if (err == LB_OK)
		return "";
	assert_int_equal(err,
			 strncmp(why, "does not fit", 12) == 0 ? LB_ERR_DAMAGED : LB_ERR_REFUSED);
	assert_non_null(why);
	note_refusal(0, why);
	return why;
}

static void
check_made(const char *text, const char *due)
{
	uint8_t key[128];
	size_t len = 0;

	assert_int_equal(sodium_base642bin(key, sizeof key, made_key, strlen(made_key), NULL, &len,
					   NULL, sodium_base64_VARIANT_ORIGINAL),
			 0);
	assert_string_equal(verdict(text, strlen(text), SPACE, key, len, message, strlen(message)),
			    due);
}

static void
what_ssh_keygen_made_is_taken(void **state)
{
	(void)state;
	check_made(made_sha512, "");
	check_made(made_sha256, "");
}

/* A signature by maker m over the message, as what says, shown with key m. */
static void
check(const struct maker *m, const struct making *what, const char *due)
{
	uint8_t key[MADE_MAX];
	char text[MADE_MAX];
	size_t key_len = maker_key(m, key), len = make_signature(m, what, text);

	assert_string_equal(verdict(text, len, SPACE, key, key_len, message, sizeof message - 1),
			    due);
}

static void
a_touched_hardware_key_is_taken_and_an_untouched_one_is_not(void **state)
{
	const struct maker m = maker_new(1, "ssh:");
	struct making what = making_default(SPACE, message, sizeof message - 1);

	(void)state;
	check(&m, &what, "");
	what.hash = "sha256";
	check(&m, &what, "");
	what.flags = 5; /* touched, and its PIN given */
	what.counter = UINT32_MAX;
	check(&m, &what, "");
	what.flags = 4;
	check(&m, &what, "is by a hardware key that nobody touched");
	what.flags = 0;
	check(&m, &what, "is by a hardware key that nobody touched");
}

static void
each_field_counts(void **state)
{
	const struct maker plain = maker_new(2, NULL), hardware = maker_new(3, "ssh:lockbox");
	const struct maker *const makers[] = {&plain, &hardware};
	const struct making good = making_default(SPACE, message, sizeof message - 1);

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct making what = good;

		check(makers[i], &what, "");
		what.version = 2;
		check(makers[i], &what, "is of a version that is not known here");
		what.version = 0;
		check(makers[i], &what, "is of a version that is not known here");
		what = good;
		what.space = "file";
		check(makers[i], &what, "was made in another namespace");
		what.space = SPACE "s";
		check(makers[i], &what, "was made in another namespace");
		what.space = "";
		check(makers[i], &what, "was made in another namespace");
		what.space = "12345678901234567890123456789012345678901234567890123456789012345";
		check(makers[i], &what, "has a namespace that makes no sense");
		what = good;
		what.reserved = "x";
		check(makers[i], &what, "has content in a field that is reserved");
		what = good;
		what.hash = "sha384";
		check(makers[i], &what, "has a hash other than sha256 and sha512");
		what = good;
		what.message = "other";
		what.len = 5;
		check(makers[i], &what, "does not fit what was to be signed");
		what = good;
		what.len--;
		check(makers[i], &what, "does not fit what was to be signed");
	}
}

static void
another_key_is_refused(void **state)
{
	const struct maker bob = maker_new(2, NULL), eve = maker_new(4, NULL),
			   bob_touch = maker_new(2, "ssh:"), other_app = maker_new(2, "ssh:x");
	const struct maker *const makers[] = {&bob, &eve, &bob_touch, &other_app};
	const struct making what = making_default(SPACE, message, sizeof message - 1);
	uint8_t key[MADE_MAX];
	char text[MADE_MAX];

	(void)state;
	for (size_t by = 0; by < 4; by++) {
		size_t len = make_signature(makers[by], &what, text);

		for (size_t as = 0; as < 4; as++) {
			size_t key_len = maker_key(makers[as], key);

			assert_string_equal(verdict(text, len, SPACE, key, key_len, message,
						    sizeof message - 1),
					    by == as ? "" : "is by another key");
		}
	}
	/* It names bob's key and eve made it. */
	{
		uint8_t bytes[MADE_MAX], signature[64], blob[MADE_MAX];
		size_t len = make_signed(&bob, &what, bytes);

		crypto_sign_detached(signature, NULL, bytes, len, eve.secret);
		len = make_armor(blob, make_blob_around(&bob, &what, signature, blob), text);
		assert_string_equal(verdict(text, len, SPACE, key, maker_key(&bob, key), message,
					    sizeof message - 1),
				    "does not fit what was to be signed");
	}
}

static void
which_keys_are_taken(void **state)
{
	const struct maker plain = maker_new(5, NULL), hardware = maker_new(5, "ssh:");
	uint8_t key[MADE_MAX];
	char long_app[300];
	size_t len;

	(void)state;
	len = maker_key(&plain, key);
	assert_true(lb_sshsig_takes(key, len));
	assert_false(lb_sshsig_takes(key, len - 1));
	assert_false(lb_sshsig_takes(key, len + 1));
	assert_false(lb_sshsig_takes(key, 0));
	len = maker_key(&hardware, key);
	assert_true(lb_sshsig_takes(key, len));
	assert_false(lb_sshsig_takes(key, len - 1));
	key[len - 1] = '\0';
	assert_false(lb_sshsig_takes(key, len));
	for (size_t n = 255; n <= 256; n++) {
		const struct maker m = maker_new(5, long_app);

		memset(long_app, 'a', n);
		long_app[n] = '\0';
		assert_int_equal(lb_sshsig_takes(key, maker_key(&m, key)), n == 255);
	}
	memcpy(key, "\0\0\0\7ssh-rsa\0\0\0\1\3\0\0\0\1\5", 21);
	assert_false(lb_sshsig_takes(key, 21));
}

/* Nothing that differs by a bit is taken, but where whitespace takes another's place. */
static void
every_bit_of_a_signature_counts(void **state)
{
	const struct maker plain = maker_new(6, NULL), hardware = maker_new(6, "ssh:");
	const struct maker *const makers[] = {&plain, &hardware};
	const struct making what = making_default(SPACE, message, sizeof message - 1);
	uint8_t blob[MADE_MAX], key[MADE_MAX];
	char text[MADE_MAX], changed[MADE_MAX];

	(void)state;
	for (size_t m = 0; m < 2; m++) {
		size_t key_len = maker_key(makers[m], key);
		size_t blob_len = make_blob(makers[m], &what, blob), len;

		for (size_t bit = 0; bit < blob_len * 8; bit++) {
			blob[bit / 8] ^= (uint8_t)(1u << bit % 8);
			len = make_armor(blob, blob_len, text);
			assert_string_not_equal(verdict(text, len, SPACE, key, key_len, message,
							sizeof message - 1),
						"");
			blob[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		len = make_armor(blob, blob_len, text);
		for (size_t bit = 0; bit < len * 8; bit++) {
			bool blank;

			memcpy(changed, text, len);
			changed[bit / 8] = (char)(changed[bit / 8] ^ (1 << bit % 8));
			blank = strchr(" \t\n\v\f\r", changed[bit / 8]) != NULL &&
				text[bit / 8] == '\n' && changed[bit / 8] != '\0';
			if (*verdict(changed, len, SPACE, key, key_len, message,
				     sizeof message - 1) == '\0')
				assert_true(blank);
		}
	}
}

static void
every_cut_is_refused(void **state)
{
	const struct maker m = maker_new(7, "ssh:");
	const struct making what = making_default(SPACE, message, sizeof message - 1);
	uint8_t blob[MADE_MAX], key[MADE_MAX];
	char text[MADE_MAX];
	size_t key_len = maker_key(&m, key), len = make_signature(&m, &what, text);
	size_t blob_len = make_blob(&m, &what, blob);

	(void)state;
	for (size_t n = 0; n < len - 1; n++) {
		char *exact = malloc(n == 0 ? 1 : n); /* so that a sanitizer sees a byte too many */

		assert_non_null(exact);
		memcpy(exact, text, n);
		assert_string_not_equal(
			verdict(exact, n, SPACE, key, key_len, message, sizeof message - 1), "");
		free(exact);
	}
	/* Only the last newline may be missing. */
	assert_string_equal(
		verdict(text, len - 1, SPACE, key, key_len, message, sizeof message - 1), "");
	for (size_t n = 0; n < blob_len; n++) {
		len = make_armor(blob, n, text);
		assert_string_not_equal(
			verdict(text, len, SPACE, key, key_len, message, sizeof message - 1), "");
	}
	memcpy(blob + blob_len, "\0", 1);
	len = make_armor(blob, blob_len + 1, text);
	assert_string_equal(verdict(text, len, SPACE, key, key_len, message, sizeof message - 1),
			    "has bytes behind its end");
}

static void
the_armor_is_ssh_keygens(void **state)
{
	static const struct {
		const char *before, *after; /* around the text */
		const char *due;
	} around[] = {
		{"", "\n", "has something behind its last line; give the one signature alone"},
		{"", "x", "has something behind its last line; give the one signature alone"},
		{"", made_sha512,
		 "has something behind its last line; give the one signature alone"},
		{"\n", "",
		 "is none that ssh-keygen -Y sign made: it does not begin with "
		 "-----BEGIN SSH SIGNATURE-----"},
		{" ", "",
		 "is none that ssh-keygen -Y sign made: it does not begin with "
		 "-----BEGIN SSH SIGNATURE-----"},
	};
	char text[MADE_MAX], *p;

	(void)state;
	for (size_t i = 0; i < sizeof around / sizeof around[0]; i++) {
		snprintf(text, sizeof text, "%s%s%s", around[i].before, made_sha512,
			 around[i].after);
		check_made(text, around[i].due);
	}
	/* One long line, and blanks within it. */
	snprintf(text, sizeof text, "%s", made_sha512);
	for (p = strchr(text, '\n') + 1; (p = strchr(p, '\n')) != NULL && p[1] != '-';)
		memmove(p, p + 1, strlen(p));
	check_made(text, "");
	for (p = strchr(text, '\n') + 10; p < strstr(text, "\n-----END"); p += 11) {
		memmove(p + 1, p, strlen(p) + 1);
		*p = " \t\v\f\r\n"[(p - text) % 6];
	}
	check_made(text, "");
	check_made("-----BEGIN SSH SIGNATURE-----\r\nAAAA\r\n-----END SSH SIGNATURE-----\r\n",
		   "is none that ssh-keygen -Y sign made: it does not begin with "
		   "-----BEGIN SSH SIGNATURE-----");
	check_made("-----BEGIN SSH SIGNATURE-----\nAAAA",
		   "is cut short: the line -----END SSH SIGNATURE----- is missing");
	check_made("-----BEGIN SSH SIGNATURE-----\nA%AA\n-----END SSH SIGNATURE-----\n",
		   "is damaged: it is no valid base64");
	check_made("-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n",
		   "is damaged or cut short");
	memset(text, '\n', sizeof text);
	assert_string_equal(verdict(text, LB_SSHSIG_MAX + 1, SPACE, NULL, 0, "", 0),
			    "is too long for one of a key ssh-ed25519 or "
			    "sk-ssh-ed25519@openssh.com");
	memcpy(text, made_sha512, sizeof made_sha512);
	for (int c = 0; c < 256; c += 128) {
		text[40] = (char)c;
		assert_string_equal(verdict(text, sizeof made_sha512 - 1, SPACE, NULL, 0, "", 0),
				    "is damaged: it is no valid base64");
	}
}

/* However it was broken into lines, it is kept as ssh-keygen writes it. */
static void
there_is_one_text_for_each_signature(void **state)
{
	char text[MADE_MAX], folded[LB_SSHSIG_FOLDED_MAX + 1], *p;

	(void)state;
	lb_sshsig_fold(made_sha512, strlen(made_sha512), folded);
	assert_string_equal(folded, made_sha512);
	snprintf(text, sizeof text, "%s", made_sha512);
	for (p = strchr(text, '\n') + 1; (p = strchr(p, '\n')) != NULL && p[1] != '-';)
		memmove(p, p + 1, strlen(p));
	lb_sshsig_fold(text, strlen(text), folded);
	assert_string_equal(folded, made_sha512);
	for (p = strchr(text, '\n') + 10; p < strstr(text, "\n-----END"); p += 11) {
		memmove(p + 1, p, strlen(p) + 1);
		*p = " \t\v\f\r\n"[(p - text) % 6];
	}
	lb_sshsig_fold(text, strlen(text), folded);
	assert_string_equal(folded, made_sha512);
	/* The longest. */
	memset(text, 'A', LB_SSHSIG_MAX);
	memcpy(text, "-----BEGIN SSH SIGNATURE-----\n", 30);
	memcpy(text + LB_SSHSIG_MAX - 28, "\n-----END SSH SIGNATURE-----", 28);
	lb_sshsig_fold(text, LB_SSHSIG_MAX, folded);
	assert_true(strlen(folded) <= LB_SSHSIG_FOLDED_MAX);
	assert_non_null(strstr(folded, "\n-----END SSH SIGNATURE-----\n"));
}

/* The order of the group, little-endian. */
static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
				  0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    0,    0,	  0,	0,    0,
				  0,	0,    0,    0,	  0,	0,    0,    0,	  0,	0x10};
/* A point of order 8: RFC 8032's curve, in its one encoding. */
static const uint8_t small[32] = {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
				  0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
				  0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05};

/* A signature has one form: neither S + order, nor R with a part of small order, is another. */
static void
other_forms_of_a_signature_are_refused(void **state)
{
	const struct maker m = maker_new(8, NULL);
	const struct making what = making_default(SPACE, message, sizeof message - 1);
	uint8_t bytes[MADE_MAX], blob[MADE_MAX], key[MADE_MAX], signature[64], point[32];
	uint8_t secret[64], nonce[32], hash[64], k[32];
	size_t len = make_signed(&m, &what, bytes), key_len = maker_key(&m, key), n;
	char text[MADE_MAX];
	unsigned carry = 0;

	(void)state;
	crypto_sign_detached(signature, NULL, bytes, len, m.secret);
	for (size_t i = 0; i < 32; i++) {
		carry += (unsigned)signature[32 + i] + order[i];
		signature[32 + i] = (uint8_t)carry;
		carry >>= 8;
	}
	n = make_armor(blob, make_blob_around(&m, &what, signature, blob), text);
	assert_string_equal(verdict(text, n, SPACE, key, key_len, message, sizeof message - 1),
			    "does not fit what was to be signed");

	/* By hand: R = rB, S = r + H(R, A, M) a; with R + small in R's place. */
	crypto_hash_sha512(secret, m.secret, 32);
	secret[0] &= 248;
	secret[31] = (uint8_t)((secret[31] & 127) | 64);
	for (int with = 0; with < 2; with++) {
		crypto_hash_sha512_state h;

		memset(nonce, 9, sizeof nonce);
		nonce[31] = 0;
		assert_int_equal(crypto_scalarmult_ed25519_base_noclamp(point, nonce), 0);
		if (with)
			assert_int_equal(crypto_core_ed25519_add(point, point, small), 0);
		crypto_hash_sha512_init(&h);
		crypto_hash_sha512_update(&h, point, 32);
		crypto_hash_sha512_update(&h, m.point, 32);
		crypto_hash_sha512_update(&h, bytes, len);
		crypto_hash_sha512_final(&h, hash);
		crypto_core_ed25519_scalar_reduce(k, hash);
		memset(hash, 0, sizeof hash);
		memcpy(hash, secret, 32);
		crypto_core_ed25519_scalar_reduce(hash, hash);
		crypto_core_ed25519_scalar_mul(k, k, hash);
		crypto_core_ed25519_scalar_add(signature + 32, k, nonce);
		memcpy(signature, point, 32);
		n = make_armor(blob, make_blob_around(&m, &what, signature, blob), text);
		assert_string_equal(
			verdict(text, n, SPACE, key, key_len, message, sizeof message - 1),
			with ? "does not fit what was to be signed" : "");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_ssh_keygen_made_is_taken),
		cmocka_unit_test(a_touched_hardware_key_is_taken_and_an_untouched_one_is_not),
		cmocka_unit_test(each_field_counts),
		cmocka_unit_test(another_key_is_refused),
		cmocka_unit_test(which_keys_are_taken),
		cmocka_unit_test(every_bit_of_a_signature_counts),
		cmocka_unit_test(every_cut_is_refused),
		cmocka_unit_test(the_armor_is_ssh_keygens),
		cmocka_unit_test(there_is_one_text_for_each_signature),
		cmocka_unit_test(other_forms_of_a_signature_are_refused),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
