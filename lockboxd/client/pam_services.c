/* PAM services without the gate: see pam_services.h. */
#include "pam_services.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "conf.h"

#define DEPTH_MAX 16
#define NAMES_MAX 512

/* What was met of a service's account stack. */
struct stack {
	bool any, gate;
};

/* In these the gate must be, whatever pam.conf says of them (packaging/setup has the same list). */
static const char *const held[] = {
	"sshd",	    "login", "su",    "su-l", "sudo",	      "sudo-i",
	"polkit-1", "cron",  "crond", "atd",  "systemd-user", "other",
};

static FILE *
open_service(const char *const dirs[2], const char *name)
{
	char path[512];
	FILE *f;

	if (name[0] == '/')
		return fopen(name, "re");
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof path, "%s/%s", dirs[i], name);
		f = fopen(path, "re");
		if (f != NULL)
			return f;
	}
	return NULL;
}

/* One line, with those that a backslash at the end joins to it, without its remark. */
static bool
next_line(FILE *f, char **line, size_t *room)
{
	char *more = NULL;
	size_t more_room = 0, len;

	if (getline(line, room, f) < 0)
		return false;
	for (;;) {
		len = strcspn(*line, "\n");
		(*line)[len] = '\0';
		if (len == 0 || (*line)[len - 1] != '\\' || getline(&more, &more_room, f) < 0)
			break;
		(*line)[len - 1] = ' ';
		if (len + strlen(more) + 1 > *room) {
			char *grown = realloc(*line, len + strlen(more) + 1);

			if (grown == NULL)
				break;
			*line = grown;
			*room = len + strlen(more) + 1;
		}
		memcpy(*line + len, more, strlen(more) + 1);
	}
	free(more);
	(*line)[strcspn(*line, "#")] = '\0';
	return true;
}

static void walk(const char *const dirs[2], const char *name, int depth, struct stack *stack);

/* A line of the account stack, behind its first word. */
static void
account_line(const char *const dirs[2], char *control, char *rest, int depth, struct stack *stack)
{
	char *module = strtok_r(rest, " \t", &rest);

	if (control == NULL || module == NULL)
		return;
	if (strcmp(control, "include") == 0 || strcmp(control, "substack") == 0) {
		walk(dirs, module, depth + 1, stack);
		return;
	}
	stack->any = true;
	if (strrchr(module, '/') != NULL)
		module = strrchr(module, '/') + 1;
	stack->gate = stack->gate || strcmp(module, "pam_lockbox.so") == 0;
}

/* The control: one word, or what stands in brackets.  *rest is what follows. */
static char *
take_control(char **rest)
{
	char *at = *rest + strspn(*rest, " \t"), *end;

	if (*at != '[')
		return strtok_r(at, " \t", rest);
	end = strchr(at, ']');
	if (end == NULL)
		return NULL;
	*rest = end + 1;
	return at;
}

static void
walk(const char *const dirs[2], const char *name, int depth, struct stack *stack)
{
	FILE *f = depth <= DEPTH_MAX ? open_service(dirs, name) : NULL;
	char *line = NULL, *word, *rest, *control;
	size_t room = 0;

	while (f != NULL && next_line(f, &line, &room)) {
		word = strtok_r(line, " \t", &rest);
		if (word == NULL)
			continue;
		if (strcmp(word, "@include") == 0) {
			word = strtok_r(rest, " \t", &rest);
			if (word != NULL)
				walk(dirs, word, depth + 1, stack);
			continue;
		}
		if (strcasecmp(word + (word[0] == '-'), "account") != 0)
			continue;
		control = take_control(&rest);
		account_line(dirs, control, rest, depth, stack);
	}
	free(line);
	if (f != NULL)
		fclose(f);
}

bool
lb_pam_service_gated(const char *const dirs[2], const char *service)
{
	struct stack stack = {false, false};

	walk(dirs, service, 0, &stack);
	if (!stack.any) /* libpam takes the lines of `other' then */
		walk(dirs, "other", 0, &stack);
	return stack.gate;
}

static bool
ends(const char *name, const char *with)
{
	size_t len = strlen(name), n = strlen(with);

	return len > n && strcmp(name + len - n, with) == 0;
}

/* A name that a program can ask libpam for: no part of others, and nothing that was put aside. */
static bool
is_service(const char *dir, const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
	char path[512];
	struct stat st;

	if (name[0] == '.' || strspn(name, letters) != strlen(name) ||
	    strncmp(name, "common-", 7) == 0 || strstr(name, ".dpkg-") != NULL ||
	    strstr(name, ".ucf-") != NULL || ends(name, ".bak") || ends(name, ".orig") ||
	    ends(name, ".old") || ends(name, ".lockbox-new"))
		return false;
	snprintf(path, sizeof path, "%s/%s", dir, name);
	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static bool
needs_none(const struct lb_pam_conf *conf, const char *service)
{
	for (size_t i = 0; i < sizeof held / sizeof held[0]; i++)
		if (strcmp(held[i], service) == 0)
			return false;
	return lb_pam_conf_find(conf, LB_PAM_SYSTEM, service, "") != NULL ||
	       lb_pam_conf_find(conf, LB_PAM_ROOT_CALLER, service, "") != NULL;
}

static int
by_name(const void *x, const void *y)
{
	return strcmp(*(char *const *)x, *(char *const *)y);
}

/* Every service of a directory that is not among the names yet. */
static size_t
add_names(const char *dir, char *names[NAMES_MAX], size_t count)
{
	DIR *d = opendir(dir);
	const struct dirent *entry;
	size_t before = count, i;

	while (d != NULL && count < NAMES_MAX && (entry = readdir(d)) != NULL) {
		if (!is_service(dir, entry->d_name))
			continue;
		for (i = 0; i < before && strcmp(names[i], entry->d_name) != 0; i++)
			;
		if (i == before && (names[count] = strdup(entry->d_name)) != NULL)
			count++;
	}
	if (d != NULL)
		closedir(d);
	return count;
}

void
lb_pam_services_open(const char *const dirs[2], const struct lb_pam_conf *conf, char *list,
		     size_t size)
{
	char *names[NAMES_MAX];
	size_t count = add_names(dirs[1], names, add_names(dirs[0], names, 0)), used = 0;

	list[0] = '\0';
	if (count > 0)
		qsort(names, count, sizeof names[0], by_name);
	for (size_t i = 0; i < count; i++) {
		if (used + strlen(names[i]) + 3 < size && !needs_none(conf, names[i]) &&
		    !lb_pam_service_gated(dirs, names[i]))
			used += (size_t)snprintf(list + used, size - used, "%s%s",
						 used > 0 ? ", " : "", names[i]);
		free(names[i]);
	}
}
