/* The module's file: see conf.h. */
#include "conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "name.h"
#include "proto.h"

#define WORDS_MAX 3
#define PATH_SIZE 256

static const struct {
	const char *word;
	enum lb_pam_rule_kind kind;
	bool service, user;
} directives[] = {
	{"gate", LB_PAM_GATE, false, true},
	{"system", LB_PAM_SYSTEM, true, false},
	{"root-caller", LB_PAM_ROOT_CALLER, true, false},
	{"exempt", LB_PAM_EXEMPT, true, true},
};

#define DIRECTIVES (sizeof directives / sizeof directives[0])

/*
 * Services that people come in by: to take one out whole would be to switch
 * the gate off, and has to be said user by user.  In some of them every caller
 * is root, whoever is at the other end.
 */
static const struct {
	const char *name;
	bool always_root;
} personal[] = {
	{"sshd", true}, {"login", true}, {"remote", true}, {"other", true},   {"polkit-1", true},
	{"su", false},	{"su-l", false}, {"sudo", false},  {"sudo-i", false},
};

#define PERSONAL (sizeof personal / sizeof personal[0])

/* libpam knows services in lower case only, so one in capitals would never match. */
static bool
service_valid(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t len = strlen(name);

	return len > 0 && len <= LB_SERVICE_MAX && strspn(name, allowed) == len && name[0] != '.' &&
	       name[0] != '-';
}

/* Any user's name, also one from a directory such as "ann@example.org"; never a temporary one. */
static bool
user_valid(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > LB_USER_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] > '~')
			return false;
	return strncmp(name, LB_ACCOUNT_PREFIX, strlen(LB_ACCOUNT_PREFIX)) != 0 &&
	       strncmp(name, LB_ROLE_GROUP_PREFIX, strlen(LB_ROLE_GROUP_PREFIX)) != 0;
}

/*
 * Cuts a line into words in place.  A comment begins with a '#' that begins a
 * word.  Returns the count, or WORDS_MAX + 1 for more words than any line has.
 */
static size_t
split(char *line, char *words[WORDS_MAX])
{
	size_t count = 0;

	for (;;) {
		line += strspn(line, " \t");
		if (*line == '\0' || *line == '#')
			return count;
		if (count == WORDS_MAX)
			return WORDS_MAX + 1;
		words[count++] = line;
		line += strcspn(line, " \t");
		if (*line != '\0')
			*line++ = '\0';
	}
}

/* NULL, or why this service cannot be taken out for everybody. */
static const char *
check_whole_service(enum lb_pam_rule_kind kind, const char *service)
{
	for (size_t i = 0; i < PERSONAL; i++) {
		/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): by the table all but gate name one */
		if (strcmp(personal[i].name, service) != 0)
			continue;
		if (kind == LB_PAM_SYSTEM)
			return "people come in by this service; use 'exempt SERVICE USER'";
		if (kind == LB_PAM_ROOT_CALLER && personal[i].always_root)
			return "in this service the caller is always root; use 'exempt SERVICE "
			       "USER'";
	}
	return NULL;
}

/* NULL, or what is wrong with the rule. */
static const char *
check_rule(const struct lb_pam_conf *conf, const struct lb_pam_rule *rule)
{
	if (rule->service != NULL && !service_valid(rule->service))
		return "this is not the name of a PAM service (lower case, digits, . _ -)";
	if (rule->user != NULL && !user_valid(rule->user))
		return "this user cannot be named here";
	if (rule->kind != LB_PAM_GATE)
		return check_whole_service(rule->kind, rule->service);
	/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): by the table gate names a user */
	if (strcmp(rule->user, "root") == 0)
		return "root cannot be the gate user; use 'exempt SERVICE root'";
	if (lb_pam_conf_has(conf, LB_PAM_GATE))
		return "there is one gate user only";
	return NULL;
}

/* Reads the words of one line into a rule.  NULL, or what is wrong. */
static const char *
parse_rule(const struct lb_pam_conf *conf, char *words[WORDS_MAX], size_t count,
	   struct lb_pam_rule *rule)
{
	for (size_t i = 0; i < DIRECTIVES; i++) {
		size_t next = 1;

		if (strcmp(directives[i].word, words[0]) != 0)
			continue;
		if (count != 1u + directives[i].service + directives[i].user)
			return "the wrong number of words for this directive";
		rule->kind = directives[i].kind;
		rule->service = directives[i].service ? words[next++] : NULL;
		rule->user = directives[i].user ? words[next] : NULL;
		return check_rule(conf, rule);
	}
	return "unknown directive (gate, system, root-caller, exempt)";
}

static const char *
parse_line(struct lb_pam_conf *conf, char *line, unsigned number)
{
	struct lb_pam_rule rule = {.line = number};
	char *words[WORDS_MAX];
	size_t count = split(line, words);
	const char *wrong;

	if (count == 0)
		return NULL;
	if (count > WORDS_MAX)
		return "the wrong number of words for this directive";
	wrong = parse_rule(conf, words, count, &rule);
	if (wrong != NULL)
		return wrong;
	if (conf->count == LB_PAM_RULES_MAX)
		return "too many directives";
	conf->rules[conf->count++] = rule;
	return NULL;
}

int
lb_pam_conf_parse(struct lb_pam_conf *conf, char *text, size_t len, struct lb_pam_conf_fault *fault)
{
	char *at = text;

	conf->text = NULL;
	conf->count = 0;
	for (unsigned number = 1; at < text + len; number++) {
		char *end = at + strcspn(at, "\n");
		const char *wrong;

		if (*end == '\0' && end != text + len)
			wrong = "a NUL byte";
		else {
			*end = '\0';
			wrong = parse_line(conf, at, number);
		}
		if (wrong != NULL) {
			*fault = (struct lb_pam_conf_fault){wrong, number};
			conf->count = 0;
			return LB_ERR_MALFORMED;
		}
		at = end + 1;
	}
	return LB_OK;
}

static int
refuse(struct lb_pam_conf_fault *fault, const char *what, int err)
{
	*fault = (struct lb_pam_conf_fault){what, 0};
	return err;
}

/* A failed open: is something there that should not be, or could we not look? */
static int
open_failed(struct lb_pam_conf_fault *fault)
{
	switch (errno) {
	case ENOENT:
		return LB_ERR_NOT_FOUND;
	case ELOOP:
	case ENOTDIR:
		return refuse(fault, "it or its directory is a symbolic link or of the wrong type",
			      LB_ERR_REFUSED);
	case ENXIO:
		return refuse(fault, "it is not a regular file", LB_ERR_REFUSED);
	default:
		return refuse(fault, "it cannot be opened", LB_ERR_SYSTEM);
	}
}

static bool
only_root_writes(const struct stat *st)
{
	return st->st_uid == 0 && (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* Opens the directory that holds path, having seen that only root can change what is in it. */
static int
open_directory(const char *path, int *fd, struct lb_pam_conf_fault *fault)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash != NULL ? (size_t)(slash - path) : 0;
	char dir[PATH_SIZE];
	struct stat st;

	if (path[0] != '/' || len >= sizeof dir)
		return refuse(fault, "its path is not absolute or too long", LB_ERR_REFUSED);
	memcpy(dir, path, len);
	dir[len] = '\0';
	*fd = open(len > 0 ? dir : "/", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*fd < 0)
		return open_failed(fault);
	if (fstat(*fd, &st) != 0)
		return refuse(fault, "its directory cannot be examined", LB_ERR_SYSTEM);
	if (!only_root_writes(&st))
		return refuse(fault, "its directory is not root's alone to write", LB_ERR_REFUSED);
	return LB_OK;
}

/* Opens the file itself; without O_NONBLOCK a FIFO would hold up the login. */
static int
open_file(int dir, const char *name, int *fd, struct lb_pam_conf_fault *fault)
{
	struct stat st;

	*fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (*fd < 0)
		return open_failed(fault);
	if (fstat(*fd, &st) != 0)
		return refuse(fault, "it cannot be examined", LB_ERR_SYSTEM);
	if (!S_ISREG(st.st_mode))
		return refuse(fault, "it is not a regular file", LB_ERR_REFUSED);
	if (!only_root_writes(&st))
		return refuse(fault, "it is not root's alone to write", LB_ERR_REFUSED);
	if (st.st_size > LB_PAM_CONF_MAX)
		return refuse(fault, "it is over 64 KiB", LB_ERR_TOO_LONG);
	return LB_OK;
}

/* Reads to the end of the file; text has room for LB_PAM_CONF_MAX + 1 bytes and the NUL. */
static int
read_all(int fd, char *text, size_t *len, struct lb_pam_conf_fault *fault)
{
	size_t used = 0;

	for (;;) {
		ssize_t n = read(fd, text + used, LB_PAM_CONF_MAX + 1 - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return refuse(fault, "it cannot be read", LB_ERR_SYSTEM);
		if (n == 0)
			break;
		used += (size_t)n;
		if (used > LB_PAM_CONF_MAX)
			return refuse(fault, "it is over 64 KiB", LB_ERR_TOO_LONG);
	}
	text[used] = '\0';
	*len = used;
	return LB_OK;
}

static int
load_text(struct lb_pam_conf *conf, int fd, struct lb_pam_conf_fault *fault)
{
	char *text = malloc(LB_PAM_CONF_MAX + 2);
	size_t len = 0;
	int err;

	if (text == NULL)
		return refuse(fault, "no memory to read it", LB_ERR_NOMEM);
	err = read_all(fd, text, &len, fault);
	if (err == LB_OK)
		err = lb_pam_conf_parse(conf, text, len, fault);
	if (err == LB_OK)
		conf->text = text;
	else
		free(text);
	return err;
}

int
lb_pam_conf_load(struct lb_pam_conf *conf, const char *path, struct lb_pam_conf_fault *fault)
{
	int dir = -1, fd = -1, err;

	conf->text = NULL;
	conf->count = 0;
	err = open_directory(path, &dir, fault);
	if (err == LB_OK)
		err = open_file(dir, strrchr(path, '/') + 1, &fd, fault);
	if (err == LB_OK)
		err = load_text(conf, fd, fault);
	if (fd >= 0)
		close(fd);
	if (dir >= 0)
		close(dir);
	return err == LB_ERR_NOT_FOUND ? LB_OK : err;
}

bool
lb_pam_conf_has(const struct lb_pam_conf *conf, enum lb_pam_rule_kind kind)
{
	for (size_t i = 0; i < conf->count; i++)
		if (conf->rules[i].kind == kind)
			return true;
	return false;
}

static bool
same(const char *of_rule, const char *given)
{
	return of_rule == NULL || strcmp(of_rule, given) == 0;
}

const struct lb_pam_rule *
lb_pam_conf_find(const struct lb_pam_conf *conf, enum lb_pam_rule_kind kind, const char *service,
		 const char *user)
{
	for (size_t i = 0; i < conf->count; i++) {
		const struct lb_pam_rule *rule = &conf->rules[i];

		if (rule->kind == kind && same(rule->service, service) && same(rule->user, user))
			return rule;
	}
	return NULL;
}

void
lb_pam_conf_clear(struct lb_pam_conf *conf)
{
	free(conf->text);
	conf->text = NULL;
	conf->count = 0;
}
