/* SSH public keys: what ssh-keygen makes is taken and named as ssh-keygen names it. */
#include "test_policy_support.h"

#include <unistd.h>

#include "policy/key.h"

static char dir[] = "/tmp/lockbox-key-XXXXXX";

/* Runs a command and gives the first line it prints. */
static void
first_line(const char *command, char *line, size_t cap)
{
	FILE *fp = popen(command, "r");

	assert_non_null(fp);
	line[0] = '\0';
	if (fgets(line, (int)cap, fp) == NULL)
		line[0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	pclose(fp);
}

static void
keys_of_every_kind_are_taken_with_their_fingerprint(void **state)
{
	static const char *const kinds[] = {"ed25519",	    "ecdsa -b 256", "ecdsa -b 384",
					    "ecdsa -b 521", "rsa -b 2048",  "rsa -b 4096"};
	struct lb_key *key = malloc(sizeof *key);

	(void)state;
	if (access("/usr/bin/ssh-keygen", X_OK) != 0)
		skip();
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		char command[512], pub[2048], print[256];
		const char *why = "";

		snprintf(command, sizeof command,
			 "ssh-keygen -q -t %s -N '' -C 'a comment' -f %s/k%zu && cat %s/k%zu.pub",
			 kinds[i], dir, i, dir, i);
		first_line(command, pub, sizeof pub);
		snprintf(command, sizeof command, "ssh-keygen -lf %s/k%zu.pub | cut -d' ' -f2", dir,
			 i);
		first_line(command, print, sizeof print);
		if (lb_key_parse(pub, key, &why) != LB_OK)
			fail_msg("%s: %s", kinds[i], why);
		assert_string_equal(key->comment, "a comment");
		assert_string_equal(key->fingerprint, print);
	}
	free(key);
}

static void
a_key_has_one_spelling_only(void **state)
{
	/* The last digit before the padding carries four unused bits. */
	static const char *const spellings[] = {
		"AAAAC3NzaC1lZDI1NTE5AAAAIA39QdqdTCIXOhLgDfdsyDmSXppo6WKJHhVs98E577Jn=",
		" AAAAC3NzaC1lZDI1NTE5AAAAIA39QdqdTCIXOhLgDfdsyDmSXppo6WKJHhVs98E577Jn",
		"AAAAC3NzaC1lZDI1NTE5AAAAIA39QdqdTCIXOhLgDfdsyDmSXppo6WKJHhVs98E577Jn\n",
		"AAAAC3NzaC1lZDI1NTE5AAAAIA39QdqdTCIXOhLgDfdsyDmSXppo6WKJHhVs98E577J_",
		"AAAAC3NzaC1lZDI1NTE5AAAAIG9V\xafMmSDDZwY3VCZKJgGb07OnXvxTgsm2So5P6ss2K0",
		"",
	};
	uint8_t blob[LB_KEY_DECODED_MAX];
	size_t len = 0;

	(void)state;
	assert_int_equal(lb_key_blob("ssh-ed25519", spellings[1] + 1, blob, &len), LB_OK);
	assert_int_equal(len, 51);
	assert_int_equal(
		lb_key_blob("ssh-ed25519",
			    "AAAAC3NzaC1lZDI1NTE5AAAAIG9V/MmSDDZwY3VCZKJgGb07OnXvxTgsm2So5P6ss2K0",
			    blob, &len),
		LB_OK);
	for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++)
		assert_int_equal(lb_key_blob("ssh-ed25519", spellings[i], blob, &len),
				 LB_ERR_MALFORMED);
	assert_int_equal(lb_key_blob("ssh-rsa", spellings[1] + 1, blob, &len), LB_ERR_MALFORMED);
	assert_int_equal(lb_key_blob("", "", blob, &len), LB_ERR_MALFORMED);
}

static int
make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
drop_dir(void **state)
{
	char command[160];

	(void)state;
	snprintf(command, sizeof command, "rm -rf '%s'", dir);
	return system(command);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_of_every_kind_are_taken_with_their_fingerprint),
		cmocka_unit_test(a_key_has_one_spelling_only),
	};

	return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
