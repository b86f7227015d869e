/*
 * Damaged policies: for two seconds, files of the corpus with bytes changed,
 * taken out, doubled and swapped are parsed; none may crash the reader, leak,
 * or leave it unable to read a good policy after.
 */
#include "test_policy_support.h"

#include <dirent.h>
#include <time.h>

#define FILES_MAX 400u
#define SECONDS 2

static struct {
	char *text;
	size_t len;
} corpus[FILES_MAX];
static size_t files;
static uint64_t seed = 0x9e3779b97f4a7c15u;

/* xorshift: the same run every time, as far as the clock lets it go. */
static size_t
roll(size_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return below > 0 ? (size_t)(seed % below) : 0;
}

static void
load(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *entry;

	assert_non_null(d);
	while ((entry = readdir(d)) != NULL && files < FILES_MAX) {
		char path[512];

		if (strstr(entry->d_name, ".conf") == NULL)
			continue;
		snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
		corpus[files].text = read_all(path, &corpus[files].len);
		if (corpus[files].len > 8192) {
			free(corpus[files].text);
			continue;
		}
		files++;
	}
	closedir(d);
}

static void
mutate(char *text, size_t *len, size_t room)
{
	static const char spice[] = "{}=,\"'\\$#/*\n\t\0 \x80\xff()+";
	size_t changes = 1 + roll(4);

	while (changes-- > 0 && *len > 0) {
		size_t at = roll(*len), n = 1 + roll(24);

		if (n > *len - at)
			n = *len - at;
		switch (roll(5)) {
		case 0:
			text[at] = spice[roll(sizeof spice - 1)];
			break;
		case 1:
			text[at] ^= (char)(1 << roll(8));
			break;
		case 2:
			memmove(text + at, text + at + n, *len - at - n);
			*len -= n;
			break;
		case 3:
			if (*len + n > room)
				break;
			memmove(text + at + n, text + at, *len - at);
			*len += n;
			break;
		default:
			*len = at;
			break;
		}
	}
}

static void
no_damaged_policy_breaks_the_reader(void **state)
{
	struct lb_report report = {.found = NULL};
	struct timespec now;
	time_t end;
	size_t runs = 0;
	static char text[16384];

	(void)state;
	load(GOOD_DIR);
	load(BAD_DIR);
	assert_true(files > 100);
	clock_gettime(CLOCK_MONOTONIC, &now);
	for (end = now.tv_sec + SECONDS; now.tv_sec < end; clock_gettime(CLOCK_MONOTONIC, &now)) {
		struct lb_policy_source *source = test_host();
		struct lb_policy *policy = NULL;
		size_t parts = 1 + roll(2);

		for (size_t i = 0; i < parts; i++) {
			/* The good files come first and are drawn as often as all others. */
			size_t f = roll(2) == 0 ? roll(3) : roll(files), len = corpus[f].len;

			memcpy(text, corpus[f].text, len);
			mutate(text, &len, sizeof text);
			assert_int_equal(lb_policy_source_add_text(source, i == 0 ? "a" : "b", text,
								   len, roll(2) == 0),
					 LB_OK);
		}
		if (lb_policy_parse(source, &report, &policy) == LB_OK)
			lb_policy_free(policy);
		lb_policy_source_free(source);
		runs++;
	}
	assert_true(runs > 100);
	lb_policy_free(good_policy());
	for (size_t i = 0; i < files; i++)
		free(corpus[i].text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_damaged_policy_breaks_the_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
