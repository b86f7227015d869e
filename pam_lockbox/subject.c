/* The subject of a call: see subject.h. */
#include "subject.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "name.h"

#define ENTRY_FIRST ((size_t)4096)
#define ENTRY_MAX ((size_t)1 << 20)

static bool
begins(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

bool
lb_pam_name_is_ours(const char *name)
{
	return begins(name, LB_ACCOUNT_PREFIX) || begins(name, LB_ROLE_GROUP_PREFIX);
}

/* One try with a buffer of this size.  LB_ERR_TOO_LONG: it takes a larger one. */
static int
try_resolve(const char *name, char *buf, size_t size, uint32_t *uid)
{
	struct passwd entry, *found = NULL;
	int err;

	do
		err = getpwnam_r(name, &entry, buf, size, &found);
	while (err == EINTR);
	if (err == ERANGE)
		return LB_ERR_TOO_LONG;
	if (err != 0)
		return LB_ERR_SYSTEM;
	if (found == NULL)
		return LB_ERR_NOT_FOUND;
	*uid = found->pw_uid;
	return LB_OK;
}

static int
resolve(const char *name, uint32_t *uid)
{
	char first[ENTRY_FIRST];
	int err = try_resolve(name, first, sizeof first, uid);

	for (size_t size = 4 * ENTRY_FIRST; err == LB_ERR_TOO_LONG && size <= ENTRY_MAX;
	     size *= 4) {
		char *buf = malloc(size);

		if (buf == NULL)
			return LB_ERR_NOMEM;
		err = try_resolve(name, buf, size, uid);
		free(buf);
	}
	return err == LB_ERR_TOO_LONG ? LB_ERR_SYSTEM : err;
}

static enum lb_pam_kind
kind_of(const char *name, uint32_t uid)
{
	bool ours = lb_pam_name_is_ours(name);

	if (!ours && !lb_id_reserved(uid))
		return LB_PAM_PERSON;
	if (lb_account_valid(name) && lb_uid_is_account(uid))
		return LB_PAM_TEMPORARY;
	return LB_PAM_ODD;
}

int
lb_pam_subject_read(pam_handle_t *pamh, struct lb_pam_subject *subject)
{
	struct lb_pam_subject new = {.kind = LB_PAM_NOBODY};
	const void *item = NULL;
	int err;

	if (pam_get_item(pamh, PAM_USER, &item) != PAM_SUCCESS)
		return LB_ERR_SYSTEM;
	if (item != NULL && strnlen(item, sizeof new.user) < sizeof new.user) {
		memcpy(new.user, item, strlen(item) + 1);
		err = resolve(new.user, &new.uid);
		if (err == LB_OK)
			new.kind = kind_of(new.user, new.uid);
		else if (err != LB_ERR_NOT_FOUND)
			return err;
		else if (lb_pam_name_is_ours(new.user))
			new.kind = LB_PAM_GONE;
	}
	*subject = new;
	return LB_OK;
}

bool
lb_pam_caller_is_root(pam_handle_t *pamh)
{
	const void *ruser = NULL;
	uint32_t uid;

	if (getuid() != 0 || pam_get_item(pamh, PAM_RUSER, &ruser) != PAM_SUCCESS)
		return false;
	if (ruser == NULL || *(const char *)ruser == '\0')
		return true;
	return resolve(ruser, &uid) == LB_OK && uid == 0;
}

int
lb_pam_login_uid(uint32_t *uid)
{
	char text[16];
	ssize_t n;
	int fd = open("/proc/self/loginuid", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return LB_ERR_NOT_FOUND;
	do
		n = read(fd, text, sizeof text - 1);
	while (n < 0 && errno == EINTR);
	close(fd);
	if (n <= 0)
		return LB_ERR_NOT_FOUND;
	text[n] = '\0';
	/* 4294967295 stands for "none", and lb_id_parse() refuses it. */
	return lb_id_parse(text, uid) == LB_OK ? LB_OK : LB_ERR_NOT_FOUND;
}

int
lb_pam_take_login_uid(uint32_t uid)
{
	uint32_t set = 0;
	char text[16];
	ssize_t n = -1;
	int fd;

	if (lb_pam_login_uid(&set) == LB_OK)
		return set == uid ? LB_OK : LB_ERR_EXISTS;
	fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return LB_ERR_SYSTEM;
	snprintf(text, sizeof text, "%u", uid);
	do
		n = write(fd, text, strlen(text));
	while (n < 0 && errno == EINTR);
	close(fd);
	return n == (ssize_t)strlen(text) ? LB_OK : LB_ERR_SYSTEM;
}
