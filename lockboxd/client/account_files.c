/* What an account's own files say: see account_files.h. */
#include "account_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEYS_FILE_MAX ((off_t)1 << 20)
#define LINE 2048

const char *
lb_account_password(const char *shadow, const char *user)
{
	FILE *f = fopen(shadow, "re");
	char line[LINE];
	size_t len = strlen(user);
	const char *state = f != NULL ? "locked" : "unknown"; /* not there: none that could match */

	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, user, len) == 0 && line[len] == ':')
			state = line[len + 1] == ':'			 ? "none"
				: strchr("!*x\n", line[len + 1]) != NULL ? "locked"
									 : "set";
	if (f != NULL)
		fclose(f);
	return state;
}

/* Lines of a file that could be keys.  -1: there may be some, and they cannot be read. */
static int
count_keys(const char *home, const char *file)
{
	char path[512], line[LINE];
	struct stat st;
	int fd, n = 0;
	bool begins = true;
	FILE *f;

	snprintf(path, sizeof path, "%s/.ssh/%s", home, file);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > KEYS_FILE_MAX ||
	    (f = fdopen(fd, "r")) == NULL) {
		close(fd);
		return -1;
	}
	while (fgets(line, sizeof line, f) != NULL) {
		size_t blank = strspn(line, " \t");

		n += begins && line[blank] != '#' && line[blank] != '\n' && line[blank] != '\0';
		begins = strchr(line, '\n') != NULL;
	}
	fclose(f);
	return n;
}

int
lb_account_keys(const char *home)
{
	int first = count_keys(home, "authorized_keys"),
	    second = count_keys(home, "authorized_keys2");

	return first < 0 || second < 0 ? -1 : first + second;
}

bool
lb_account_shell(const char *shell)
{
	const char *slash = strrchr(shell, '/'), *name = slash != NULL ? slash + 1 : shell;

	return strcmp(name, "nologin") != 0 && strcmp(name, "false") != 0 &&
	       strcmp(name, "sync") != 0;
}
