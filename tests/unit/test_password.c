/* One-time passwords: see lockboxd/keeper/password.h. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "keeper/password.h"

#define MANY 10000
#define LETTERS 24

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

/* The letters alone, as they were before the dashes. */
static void
bare(const char *text, char letters[LETTERS + 1])
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		if (*text != '-') {
			assert_true(n < LETTERS);
			letters[n++] = *text;
		}
	letters[n] = '\0';
	assert_int_equal(n, LETTERS);
}

static void
a_password_is_24_letters_in_groups_of_four(void **unused)
{
	struct lb_grant g = {0};
	char text[LB_OTP_TEXT];

	(void)unused;
	for (int i = 0; i < 100; i++) {
		lb_password_make(&g, text);
		assert_int_equal(strlen(text), LETTERS + 5);
		for (size_t at = 0; at < strlen(text); at++)
			if (at % 5 == 4)
				assert_int_equal(text[at], '-');
			else
				assert_non_null(strchr(alphabet, text[at]));
		assert_int_equal(g.otp, LB_OTP_READY);
	}
}

static int
order(const void *a, const void *b)
{
	return strcmp(a, b);
}

/*
 * No letter is more frequent at any place than 470 in 10^4: that is 4.4 bits for
 * each of 24 letters, 105 in all, even for who guesses the likeliest.  (312.5 is
 * due and the deviation 17.4: nine of them are never met by chance.)
 */
static void
ten_thousand_passwords_differ_and_use_all_letters_alike(void **unused)
{
	static char made[MANY][LETTERS + 1];
	static unsigned count[LETTERS][256];
	struct lb_grant g = {0};
	char text[LB_OTP_TEXT];

	(void)unused;
	for (int i = 0; i < MANY; i++) {
		lb_password_make(&g, text);
		bare(text, made[i]);
		for (int at = 0; at < LETTERS; at++)
			count[at][(unsigned char)made[i][at]]++;
	}
	for (int at = 0; at < LETTERS; at++)
		for (const char *c = alphabet; *c != '\0'; c++)
			assert_in_range(count[at][(unsigned char)*c], 156, 470);
	qsort(made, MANY, sizeof made[0], order);
	for (int i = 1; i < MANY; i++)
		assert_string_not_equal(made[i - 1], made[i]);
}

static void
the_password_matches_in_either_case_with_or_without_dashes(void **unused)
{
	struct lb_grant g = {0};
	char text[LB_OTP_TEXT], letters[LETTERS + 1], other[2 * LETTERS + 1];

	(void)unused;
	lb_password_make(&g, text);
	bare(text, letters);
	assert_true(lb_password_matches(&g, text));
	assert_true(lb_password_matches(&g, text)); /* it is the caller who spends it */
	assert_true(lb_password_matches(&g, letters));
	for (size_t i = 0; i <= LETTERS; i++)
		letters[i] = (char)toupper((unsigned char)letters[i]);
	assert_true(lb_password_matches(&g, letters));
	for (size_t i = 0; i < LETTERS; i++) {
		other[2 * i] = letters[i];
		other[2 * i + 1] = i % 2 ? ' ' : '-';
	}
	other[2 * LETTERS] = '\0';
	assert_true(lb_password_matches(&g, other));
}

static void
one_letter_off_or_another_length_is_refused(void **unused)
{
	struct lb_grant g = {0};
	char text[LB_OTP_TEXT], letters[LETTERS + 1], longer[LETTERS + 2];

	(void)unused;
	lb_password_make(&g, text);
	bare(text, letters);
	for (size_t at = 0; at < LETTERS; at++) {
		char was = letters[at];

		for (const char *c = alphabet; *c != '\0'; c++) {
			letters[at] = *c;
			assert_int_equal(lb_password_matches(&g, letters), *c == was);
		}
		letters[at] = was;
	}
	for (size_t n = 0; n < LETTERS; n++) {
		char cut = letters[n];

		letters[n] = '\0';
		assert_false(lb_password_matches(&g, letters));
		assert_false(n > 0 && lb_password_matches(&g, letters + 1));
		letters[n] = cut;
	}
	snprintf(longer, sizeof longer, "%s0", letters);
	assert_false(lb_password_matches(&g, longer));
	snprintf(longer, sizeof longer, "0%s", letters);
	assert_false(lb_password_matches(&g, longer));
	assert_false(lb_password_matches(&g, ""));
	assert_false(lb_password_matches(&g, "------------------------"));
	assert_true(lb_password_matches(&g, letters));
}

static void
spent_void_and_missing_passwords_are_refused(void **unused)
{
	static const enum lb_otp states[] = {LB_OTP_NONE, LB_OTP_SPENT, LB_OTP_VOID};
	struct lb_grant g = {0}, made;
	char text[LB_OTP_TEXT];

	(void)unused;
	lb_password_make(&g, text);
	made = g;
	for (size_t i = 0; i < 3; i++) {
		g = made;
		assert_true(lb_password_matches(&g, text));
		g.otp = (uint8_t)states[i]; /* the state alone is enough */
		assert_false(lb_password_matches(&g, text));
		g = made;
		lb_password_void(&g, states[i]);
		assert_int_equal(g.otp, states[i]);
		assert_true(sodium_is_zero(g.otp_hash, sizeof g.otp_hash));
		assert_true(sodium_is_zero(g.otp_salt, sizeof g.otp_salt));
		assert_false(lb_password_matches(&g, text));
		g.otp = LB_OTP_READY; /* nor does it come back with the state */
		assert_false(lb_password_matches(&g, text));
	}
}

static void
the_password_of_another_grant_is_refused(void **unused)
{
	struct lb_grant mine = {0}, other = {0};
	char text[LB_OTP_TEXT], text2[LB_OTP_TEXT];

	(void)unused;
	lb_password_make(&mine, text);
	lb_password_make(&other, text2);
	assert_true(lb_password_matches(&mine, text));
	assert_false(lb_password_matches(&mine, text2));
	assert_false(lb_password_matches(&other, text));
	/* The salt takes part: the same hash under another salt is another password. */
	memcpy(other.otp_hash, mine.otp_hash, sizeof other.otp_hash);
	assert_false(lb_password_matches(&other, text));
}

static bool
holds(const void *where, size_t size, const char *text)
{
	size_t len = strlen(text);

	for (size_t i = 0; i + len <= size; i++)
		if (memcmp((const char *)where + i, text, len) == 0)
			return true;
	return false;
}

static void
nothing_of_the_password_stays_in_the_grant(void **unused)
{
	struct lb_grant g = {0};
	char text[LB_OTP_TEXT], letters[LETTERS + 1], part[5] = "";

	(void)unused;
	lb_password_make(&g, text);
	bare(text, letters);
	assert_true(holds(text, sizeof text, text));
	for (size_t at = 0; at + 4 <= LETTERS; at += 4) {
		memcpy(part, letters + at, 4);
		assert_false(holds(&g, sizeof g, part));
	}
}

static int
begin(void **unused)
{
	(void)unused;
	return sodium_init() < 0 ? -1 : 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_password_is_24_letters_in_groups_of_four),
		cmocka_unit_test(ten_thousand_passwords_differ_and_use_all_letters_alike),
		cmocka_unit_test(the_password_matches_in_either_case_with_or_without_dashes),
		cmocka_unit_test(one_letter_off_or_another_length_is_refused),
		cmocka_unit_test(spent_void_and_missing_passwords_are_refused),
		cmocka_unit_test(the_password_of_another_grant_is_refused),
		cmocka_unit_test(nothing_of_the_password_stays_in_the_grant),
	};

	return cmocka_run_group_tests(tests, begin, NULL);
}
