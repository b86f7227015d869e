/* The source of a policy: which files are read, which are refused, and its packed form. */
#include "test_policy_support.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char dir[] = "/tmp/lockbox-test-XXXXXX";
static char policy_dir[128], host_file[128];

static const char *
in_dir(const char *name)
{
	static char path[256];

	snprintf(path, sizeof path, "%s/%s", policy_dir, name);
	return path;
}

static void
write_file(const char *path, const char *text)
{
	FILE *fp = fopen(path, "w");

	assert_non_null(fp);
	fputs(text, fp);
	assert_int_equal(fclose(fp), 0);
	assert_int_equal(chmod(path, 0644), 0);
}

static int
make_dir(void **state)
{
	(void)state;
	umask(022);
	strcpy(dir, "/tmp/lockbox-test-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	chmod(dir, 0755);
	snprintf(policy_dir, sizeof policy_dir, "%s/policy.d", dir);
	snprintf(host_file, sizeof host_file, "%s/lockbox.conf", dir);
	if (mkdir(policy_dir, 0755) != 0)
		return -1;
	write_file(host_file, "name = \"h\"\n");
	write_file(in_dir("b.conf"), "team b { members = {} }\n");
	write_file(in_dir("a.conf"), "team a { members = {} }\n");
	return 0;
}

static int
drop_dir(void **state)
{
	char command[160];

	(void)state;
	snprintf(command, sizeof command, "rm -rf '%s'", dir);
	return system(command);
}

/* Adds host file and directory as a draft is added; returns the result of the directory. */
static int
add_draft(struct lb_policy_source **source, struct findings *f, unsigned flags)
{
	struct lb_report report = {.found = keep_finding, .arg = f};

	f->used = 0;
	f->text[0] = '\0';
	*source = lb_policy_source_new();
	assert_non_null(*source);
	return lb_policy_source_add_dir(*source, policy_dir, flags, &report);
}

static void
expect_refused(const char *what)
{
	static struct findings f;
	struct lb_policy_source *source;

	assert_int_equal(add_draft(&source, &f, LB_SOURCE_ANY_OWNER), LB_ERR_REFUSED);
	if (strstr(f.text, what) == NULL)
		fail_msg("wanted: %s\ngot:\n%s", what, f.text);
	lb_policy_source_free(source);
}

static void
files_are_read_in_byte_order_and_only_conf_files(void **state)
{
	static struct findings f;
	struct lb_policy_source *source;

	(void)state;
	write_file(in_dir("Z.conf"), "");
	write_file(in_dir(".hidden.conf"), "junk");
	write_file(in_dir("x.conf.sample"), "junk");
	write_file(in_dir("README"), "junk");
	assert_int_equal(add_draft(&source, &f, LB_SOURCE_ANY_OWNER), LB_OK);
	assert_int_equal(lb_policy_source_files(source), 3);
	assert_non_null(strstr(lb_policy_source_file(source, 0).name, "policy.d/Z.conf"));
	assert_non_null(strstr(lb_policy_source_file(source, 1).name, "policy.d/a.conf"));
	assert_string_equal(lb_policy_source_file(source, 2).text, "team b { members = {} }\n");
	assert_false(lb_policy_source_file(source, 2).host);
	lb_policy_source_free(source);
}

static void
a_symbolic_link_is_refused(void **state)
{
	(void)state;
	assert_int_equal(symlink("/etc/passwd", in_dir("link.conf")), 0);
	expect_refused("link.conf: is a symbolic link");
}

static void
a_named_pipe_is_refused_without_waiting(void **state)
{
	(void)state;
	assert_int_equal(mkfifo(in_dir("pipe.conf"), 0644), 0);
	alarm(5);
	expect_refused("pipe.conf: is a named pipe");
	alarm(0);
}

static void
a_socket_and_a_directory_are_refused(void **state)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	assert_true(strlen(in_dir("sock.conf")) < sizeof sun.sun_path);
	memcpy(sun.sun_path, in_dir("sock.conf"), strlen(in_dir("sock.conf")) + 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof sun), 0);
	close(fd);
	assert_int_equal(mkdir(in_dir("sub.conf"), 0755), 0);
	expect_refused("sock.conf: is a socket");
	expect_refused("sub.conf: is a directory");
}

static void
a_device_is_refused(void **state)
{
	struct lb_report report = {.found = NULL};
	struct lb_policy_source *source = lb_policy_source_new();

	(void)state;
	assert_int_equal(
		lb_policy_source_add_file(source, "/dev/zero", LB_SOURCE_ANY_OWNER, &report),
		LB_ERR_REFUSED);
	assert_int_equal(report.errors, 1);
	lb_policy_source_free(source);
}

static void
a_file_that_is_too_large_is_refused(void **state)
{
	(void)state;
	write_file(in_dir("big.conf"), "");
	assert_int_equal(truncate(in_dir("big.conf"), (off_t)1 << 40), 0);
	expect_refused("big.conf: is larger than 1 MiB");
}

static void
too_many_files_are_refused(void **state)
{
	(void)state;
	for (int i = 0; i < 300; i++) {
		char name[32];

		snprintf(name, sizeof name, "f%d.conf", i);
		write_file(in_dir(name), "");
	}
	expect_refused("holds too many files");
}

static void
an_oddly_named_file_is_refused(void **state)
{
	(void)state;
	write_file(in_dir("a b\x1b.conf"), "");
	expect_refused("has an odd name");
}

static void
a_missing_directory_is_refused(void **state)
{
	(void)state;
	policy_dir[strlen(policy_dir) - 1] = 'x';
	expect_refused("cannot be opened as a directory");
}

static void
files_that_others_can_change_are_refused_by_the_daemon_and_noted_in_a_draft(void **state)
{
	static struct findings f;
	struct lb_policy_source *source;

	(void)state;
	assert_int_equal(chmod(in_dir("a.conf"), 0664), 0);
	assert_int_equal(add_draft(&source, &f, 0), LB_ERR_REFUSED);
	lb_policy_source_free(source);
	assert_int_equal(add_draft(&source, &f, LB_SOURCE_ANY_OWNER), LB_OK);
	assert_non_null(strstr(f.text, "a.conf: warning: "));
	lb_policy_source_free(source);
	assert_int_equal(chmod(in_dir("a.conf"), 0644), 0);
	assert_int_equal(chmod(policy_dir, 0777), 0);
	assert_int_equal(add_draft(&source, &f, 0), LB_ERR_REFUSED);
	lb_policy_source_free(source);
}

static void
a_file_of_another_user_is_refused_by_the_daemon(void **state)
{
	static struct findings f;
	struct lb_policy_source *source;

	(void)state;
	if (geteuid() != 0) {
		assert_int_equal(add_draft(&source, &f, 0), LB_ERR_REFUSED);
	} else {
		assert_int_equal(add_draft(&source, &f, 0), LB_OK);
		lb_policy_source_free(source);
		assert_int_equal(chown(in_dir("a.conf"), 1, 0), 0);
		assert_int_equal(add_draft(&source, &f, 0), LB_ERR_REFUSED);
	}
	assert_non_null(strstr(f.text, "is not owned by root"));
	lb_policy_source_free(source);
}

static void
the_daemon_reads_host_file_directory_and_facts_together(void **state)
{
	static struct findings f;
	struct lb_report report = {.found = keep_finding, .arg = &f};
	struct lb_policy_source *source = NULL;
	uint32_t id = 1;
	char *buf;

	(void)state;
	if (geteuid() != 0)
		return; /* the files would not be root's */
	if (lb_policy_source_read(host_file, policy_dir, &report, &source) != LB_OK)
		fail_msg("refused:\n%s", f.text);
	assert_int_equal(lb_policy_source_files(source), 3);
	assert_true(lb_policy_source_file(source, 0).host);
	assert_true(lb_policy_source_user(source, "root", &id));
	assert_int_equal(id, 0);
	assert_true(lb_policy_source_group(source, "root", &id));
	lb_policy_source_free(source);
	assert_int_equal(unlink(host_file), 0);
	source = NULL;
	assert_int_equal(lb_policy_source_read(host_file, policy_dir, &report, &source),
			 LB_ERR_REFUSED);
	assert_null(source);
	buf = strstr(f.text, "lockbox.conf: cannot be read");
	assert_non_null(buf);
}

static void
facts_come_from_the_files_and_the_first_of_two_wins(void **state)
{
	struct lb_report report = {.found = NULL};
	struct lb_policy_source *source = lb_policy_source_new();
	char passwd[256], group[256];
	uint32_t id = 7;

	(void)state;
	snprintf(passwd, sizeof passwd, "%s/passwd", dir);
	snprintf(group, sizeof group, "%s/group", dir);
	write_file(passwd, "zed:x:1005:1005::/:/bin/sh\nroot:x:0:0::/:/bin/sh\njunk\n"
			   "zed:x:0:0::/:/bin/sh\n+nis::::::\nUPPER:x:5:5::/:/bin/sh\n");
	write_file(group, "adm:x:4:a,b\nempty:x:99:\n");
	assert_int_equal(lb_policy_source_add_facts(source, passwd, group, &report), LB_OK);
	assert_true(lb_policy_source_user(source, "zed", &id));
	assert_int_equal(id, 1005);
	assert_true(lb_policy_source_user(source, "root", &id));
	assert_int_equal(id, 0);
	assert_false(lb_policy_source_user(source, "UPPER", &id));
	assert_false(lb_policy_source_user(source, "+nis", &id));
	assert_true(lb_policy_source_group(source, "empty", &id));
	assert_int_equal(id, 99);
	assert_false(lb_policy_source_group(source, "zed", &id));
	lb_policy_source_free(source);
}

/* A packed small source, for the tests below; malloc. */
static uint8_t *
packed(size_t *len)
{
	struct lb_policy_source *source = lb_policy_source_new();
	uint8_t *buf = NULL;

	add_text(source, "lockbox.conf", "name = \"h\"\n", true);
	add_text(source, "p.conf", "", false);
	assert_int_equal(lb_policy_source_add_user(source, "bob", 1001), LB_OK);
	assert_int_equal(lb_policy_source_add_user(source, "alice", 1000), LB_OK);
	assert_int_equal(lb_policy_source_add_group(source, "adm", 4), LB_OK);
	assert_int_equal(lb_policy_source_add_zone(source, "Europe/Paris", "CET-1"), LB_OK);
	assert_int_equal(lb_policy_source_pack(source, &buf, len), LB_OK);
	lb_policy_source_free(source);
	return buf;
}

static void
a_packed_source_has_the_documented_bytes(void **state)
{
	static const uint8_t wanted[] = "LBPS\x02\0\0\0\x02\0\0\0\x02\0\0\0\x01\0\0\0\x01\0\0\0"
					"\x01\x0c\0\x0b\0\0\0lockbox.confname = \"h\"\n"
					"\0\x06\0\0\0\0\0p.conf"
					"\xe8\x03\0\0\x05"
					"alice"
					"\xe9\x03\0\0\x03"
					"bob"
					"\x04\0\0\0\x03"
					"adm"
					"\x0c\x05"
					"Europe/ParisCET-1";
	size_t len;
	uint8_t *buf = packed(&len);

	(void)state;
	assert_int_equal(len, sizeof wanted - 1);
	assert_memory_equal(buf, wanted, len);
	free(buf);
}

static void
a_packed_source_is_unpacked_the_same(void **state)
{
	struct lb_policy_source *source = NULL;
	size_t len, len2;
	uint8_t *buf = packed(&len), *again = NULL;
	uint32_t id = 0;

	(void)state;
	assert_int_equal(lb_policy_source_unpack(buf, len, &source), LB_OK);
	assert_true(lb_policy_source_file(source, 0).host);
	assert_true(lb_policy_source_user(source, "bob", &id));
	assert_int_equal(id, 1001);
	assert_int_equal(lb_policy_source_pack(source, &again, &len2), LB_OK);
	assert_int_equal(len, len2);
	assert_memory_equal(buf, again, len);
	lb_policy_source_free(source);
	free(buf);
	free(again);
}

static void
every_truncation_and_a_trailing_byte_are_refused(void **state)
{
	struct lb_policy_source *source = NULL;
	size_t len;
	uint8_t *buf = packed(&len);
	uint8_t *longer = malloc(len + 1);

	(void)state;
	for (size_t n = 0; n < len; n++) {
		uint8_t *copy = malloc(n + 1); /* exactly as long, for the sanitizer */

		memcpy(copy, buf, n);
		assert_int_not_equal(lb_policy_source_unpack(copy, n, &source), LB_OK);
		free(copy);
	}
	memcpy(longer, buf, len);
	longer[len] = 0;
	assert_int_equal(lb_policy_source_unpack(longer, len + 1, &source), LB_ERR_MALFORMED);
	assert_null(source);
	free(buf);
	free(longer);
}

static void
every_changed_byte_is_survived_and_a_new_version_is_refused(void **state)
{
	size_t len;
	uint8_t *buf = packed(&len);

	(void)state;
	for (size_t i = 0; i < len; i++)
		for (int bit = 0; bit < 8; bit++) {
			struct lb_policy_source *source = NULL;

			buf[i] ^= (uint8_t)(1 << bit);
			if (lb_policy_source_unpack(buf, len, &source) == LB_OK)
				lb_policy_source_free(source);
			else
				assert_null(source);
			buf[i] ^= (uint8_t)(1 << bit);
		}
	buf[4] = 1;
	{
		struct lb_policy_source *source = NULL;

		assert_int_equal(lb_policy_source_unpack(buf, len, &source), LB_ERR_VERSION);
	}
	free(buf);
}

int
main(void)
{
#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, drop_dir)
	const struct CMUnitTest tests[] = {
		IN_DIR(files_are_read_in_byte_order_and_only_conf_files),
		IN_DIR(a_symbolic_link_is_refused),
		IN_DIR(a_named_pipe_is_refused_without_waiting),
		IN_DIR(a_socket_and_a_directory_are_refused),
		cmocka_unit_test(a_device_is_refused),
		IN_DIR(a_file_that_is_too_large_is_refused),
		IN_DIR(too_many_files_are_refused),
		IN_DIR(an_oddly_named_file_is_refused),
		IN_DIR(a_missing_directory_is_refused),
		IN_DIR(files_that_others_can_change_are_refused_by_the_daemon_and_noted_in_a_draft),
		IN_DIR(a_file_of_another_user_is_refused_by_the_daemon),
		IN_DIR(the_daemon_reads_host_file_directory_and_facts_together),
		IN_DIR(facts_come_from_the_files_and_the_first_of_two_wins),
		cmocka_unit_test(a_packed_source_has_the_documented_bytes),
		cmocka_unit_test(a_packed_source_is_unpacked_the_same),
		cmocka_unit_test(every_truncation_and_a_trailing_byte_are_refused),
		cmocka_unit_test(every_changed_byte_is_survived_and_a_new_version_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
