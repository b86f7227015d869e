/* Ways in without the daemon, and PAM services without the gate, as the commands see them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../pam_lockbox/conf.h"
#include "client/pam_services.h"
#include "client/way_in.h"
#include "err.h"

static char root[] = "/tmp/lb-way-XXXXXX";
static char etc[64], lib[64], passwd[64], shadow[64], home[64];
static const char *const dirs[2] = {etc, lib};

static void
put(const char *dir, const char *name, const char *text)
{
	char path[160];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void
gone(const char *dir, const char *name)
{
	char path[160];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	assert_int_equal(unlink(path), 0);
}

static int
setup(void **state)
{
	(void)state;
	if (mkdtemp(root) == NULL)
		return -1;
	snprintf(etc, sizeof etc, "%s/etc", root);
	snprintf(lib, sizeof lib, "%s/lib", root);
	snprintf(home, sizeof home, "%s/home", root);
	snprintf(passwd, sizeof passwd, "%s/passwd", root);
	snprintf(shadow, sizeof shadow, "%s/shadow", root);
	if (mkdir(etc, 0755) != 0 || mkdir(lib, 0755) != 0 || mkdir(home, 0755) != 0)
		return -1;
	put(etc, "common-account",
	    "account required pam_lockbox.so\naccount required pam_unix.so\n");
	put(etc, "other", "@include common-account\n");
	return 0;
}

static int
teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof command, "rm -r %s", root);
	return system(command); /* NOLINT(cert-env33-c): a path of the test's own */
}

static void
the_gate_is_found_where_libpam_would_find_it(void **state)
{
	static const struct {
		const char *text;
		bool gated;
	} cases[] = {
		{"account required pam_lockbox.so\n", true},
		{"account required pam_lockbox.so", true},
		{"-ACCOUNT\t[success=ok default=die]\t/lib/security/pam_lockbox.so debug\n", true},
		{"@include common-account\n", true},
		{"account include common-account\n", true},
		{"account\tsubstack\tcommon-account\n", true},
		{"account [success=1 \\\n default=die] \\\n pam_lockbox.so\n", true},
		{"auth required pam_permit.so\n", true}, /* its account stack is that of other */
		{"", true},
		{"account required pam_permit.so\n", false},
		{"account include common-account\n", true},
		{"# account required pam_lockbox.so\naccount required pam_permit.so\n", false},
		{"account required pam_permit.so # pam_lockbox.so\n", false},
		{"account required pam_permit.so pam_lockbox.so\n", false},
		{"account required pam_lockbox.so.old\n", false},
		{"auth required pam_lockbox.so\naccount required pam_permit.so\n", false},
		{"auth include common-account\naccount required pam_permit.so\n", false},
		{"account required \\\npam_permit.so\n", false},
		{"account required pam_permit.so\naccount include svc\n", false}, /* itself */
		{"account required pam_permit.so\n@include nothing\naccount\naccount required\n"
		 "account [success\n",
		 false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		put(lib, "svc", cases[i].text);
		if (lb_pam_service_gated(dirs, "svc") != cases[i].gated)
			fail_msg("case %zu: %s", i, cases[i].text);
	}
	put(etc, "svc", "@include common-account\n"); /* over the other */
	assert_true(lb_pam_service_gated(dirs, "svc"));
	gone(etc, "svc");
	assert_false(lb_pam_service_gated(dirs, "svc"));
	gone(lib, "svc");
}

static void
every_service_without_it_is_named_but_for_what_is_no_login(void **state)
{
	static const char open_text[] = "account required pam_permit.so\n";
	static const char *const aside[] = {"a.dpkg-old", "b.bak", "C", ".d", "common-e", "f.orig"};
	char text[] =
		"system background\nroot-caller chfn\nsystem cron\nroot-caller su\nsystem x\n";
	struct lb_pam_conf conf;
	struct lb_pam_conf_fault fault;
	char list[64], tiny[8];

	(void)state;
	assert_int_equal(lb_pam_conf_parse(&conf, text, strlen(text), &fault), LB_OK);
	lb_pam_services_open(dirs, &conf, list, sizeof list);
	assert_string_equal(list, "");
	for (size_t i = 0; i < sizeof aside / sizeof aside[0]; i++)
		put(etc, aside[i], open_text);
	put(etc, "vsftpd", open_text);
	put(lib, "vsftpd", open_text);
	put(lib, "background", open_text);
	put(etc, "chfn", open_text);
	put(etc, "cron", open_text);
	put(etc, "su", open_text);
	put(etc, "sshd", "@include common-account\n");
	put(lib, "sshd", open_text);
	lb_pam_services_open(dirs, &conf, list, sizeof list);
	assert_string_equal(list, "cron, su, vsftpd");
	lb_pam_services_open(dirs, &conf, tiny, sizeof tiny);
	assert_string_equal(tiny, "cron");
	conf.count = 0;
	lb_pam_services_open(dirs, &conf, list, sizeof list);
	assert_string_equal(list, "background, chfn, cron, su, vsftpd");
}

static void
a_line_is_worth_what_its_service_and_user_are(void **state)
{
	static const struct {
		const char *service, *user, *why; /* why: NULL: it works; "": later */
	} cases[] = {
		{"sshd", "ann", NULL},
		{"vsftpd", "ann", NULL},
		{"su", "ann", ""},
		{"lgoin", "ann", "there is no PAM service lgoin"},
		{"sshd", "lb-nobody-here", "user lb-nobody-here does not exist"},
		{"vsftpd", "locked", "user locked has no password: it is locked or not set"},
		{"vsftpd", "absent", "user absent has no password: it is locked or not set"},
		{"vsftpd", "empty", NULL},
		{"sshd", "empty", "user empty has neither a key nor a password"},
		{"sshd", "locked", "user locked has neither a key nor a password"},
		{"su", "locked", ""},
		{"sshd", "keys", NULL},
		{"sshd", "boss",
		 "user boss has no key in ~/.ssh/authorized_keys, and as shipped sshd takes no "
		 "password of root's"},
		{"vsftpd", "boss", NULL},
		{"vsftpd", "daemon", "user daemon has no shell to log in with"},
	};
	const struct lb_way_files files = {passwd, shadow, {etc, lib}};
	char text[1024], keys[96], why[LB_WAY_TEXT];

	(void)state;
	snprintf(text, sizeof text,
		 "boss:x:0:0::/none:/bin/bash\nann:x:1000:1000::/none:/bin/bash\n"
		 "locked:x:1001:1001::/none:/bin/bash\nabsent:x:1002:1002::/none:/bin/bash\n"
		 "empty:x:1003:1003::/none:/bin/sh\nkeys:x:1004:1004::%s:/bin/sh\n"
		 "daemon:x:1:1::/none:/usr/sbin/nologin\n",
		 home);
	put(root, "passwd", text);
	put(root, "shadow",
	    "boss:$y$x:1::::::\nann:$y$x:1::::::\nlocked:!$y$x:1::::::\nempty::1::::::\n"
	    "keys:*:1::::::\ndaemon:$y$x:1::::::\n");
	snprintf(keys, sizeof keys, "%s/.ssh", home);
	assert_int_equal(mkdir(keys, 0700), 0);
	put(keys, "authorized_keys", "# none\nssh-ed25519 AAAA keys\n");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct lb_pam_rule rule = {LB_PAM_EXEMPT, cases[i].service, cases[i].user, 7};
		enum lb_way due = cases[i].why == NULL	    ? LB_WAY_WORKS
				  : cases[i].why[0] == '\0' ? LB_WAY_LATER
							    : LB_WAY_NONE;

		if (lb_way_of(&files, &rule, why) != due)
			fail_msg("case %zu: %s %s", i, cases[i].service, cases[i].user);
		if (due == LB_WAY_NONE)
			assert_string_equal(why, cases[i].why);
	}
}

static void
a_file_that_the_module_refuses_is_refused_with_the_line(void **state)
{
	struct lb_pam_conf conf;
	char path[96], why[LB_WAY_TEXT];

	(void)state;
	if (geteuid() != 0)
		skip(); /* only root's own files count */
	snprintf(path, sizeof path, "%s/pam.conf", etc);
	assert_int_equal(lb_way_read(&conf, path, why), LB_OK); /* not there: nothing is exempt */
	assert_null(conf.text);
	put(etc, "pam.conf", "exempt\tlogin\troot # the console\n\nexemtp login bob\n");
	assert_int_equal(lb_way_read(&conf, path, why), LB_ERR_MALFORMED);
	assert_memory_equal(why, "line 3: unknown directive", 25);
	put(etc, "pam.conf", "exempt\tlogin\troot # the console\n");
	assert_int_equal(lb_way_read(&conf, path, why), LB_OK);
	assert_int_equal(conf.count, 1);
	lb_pam_conf_clear(&conf);
	assert_int_equal(chmod(path, 0664), 0);
	assert_int_equal(lb_way_read(&conf, path, why), LB_ERR_REFUSED);
	assert_string_equal(why, "it is not root's alone to write");
	gone(etc, "pam.conf");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_that_the_module_refuses_is_refused_with_the_line),
		cmocka_unit_test(the_gate_is_found_where_libpam_would_find_it),
		cmocka_unit_test(every_service_without_it_is_named_but_for_what_is_no_login),
		cmocka_unit_test(a_line_is_worth_what_its_service_and_user_are),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
