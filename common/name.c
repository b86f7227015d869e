/* Names: see name.h.  Byte tests only, so the locale never matters. */
#include "name.h"

#include <stdio.h>
#include <string.h>

#include "err.h"

static bool
lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool
digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
plain_name(const char *name, size_t max, bool underscore_first)
{
	size_t len = strnlen(name, max + 1);

	if (len == 0 || len > max)
		return false;
	if (!lower(name[0]) && !(underscore_first && name[0] == '_'))
		return false;
	for (size_t i = 1; i < len; i++)
		if (!lower(name[i]) && !digit(name[i]) && name[i] != '_' && name[i] != '-')
			return false;
	return true;
}

bool
lb_identity_valid(const char *name)
{
	return plain_name(name, LB_IDENTITY_MAX, false);
}

bool
lb_role_valid(const char *name)
{
	return plain_name(name, LB_ROLE_MAX, false);
}

bool
lb_unix_name_valid(const char *name)
{
	return plain_name(name, 32, true);
}

int
lb_account_serial(const char *name, uint32_t *serial)
{
	char identity[LB_IDENTITY_MAX + 1];
	const char *start, *dash;
	uint32_t value;
	size_t len;

	if (strncmp(name, LB_ACCOUNT_PREFIX, strlen(LB_ACCOUNT_PREFIX)) != 0)
		return LB_ERR_MALFORMED;
	if (strnlen(name, LB_ACCOUNT_MAX + 1) > LB_ACCOUNT_MAX)
		return LB_ERR_MALFORMED;
	start = name + strlen(LB_ACCOUNT_PREFIX);
	dash = strrchr(start, '-');
	if (dash == NULL)
		return LB_ERR_MALFORMED;
	len = (size_t)(dash - start);
	if (len == 0 || len > LB_IDENTITY_MAX)
		return LB_ERR_MALFORMED;
	memcpy(identity, start, len);
	identity[len] = '\0';
	if (!lb_identity_valid(identity) || lb_id_parse(dash + 1, &value) != LB_OK)
		return LB_ERR_MALFORMED;
	*serial = value;
	return LB_OK;
}

bool
lb_account_valid(const char *name)
{
	uint32_t serial;

	return lb_account_serial(name, &serial) == LB_OK;
}

bool
lb_path_valid(const char *path, size_t max)
{
	static const char extra[] = "._/+@%-";
	size_t len = strnlen(path, max + 1);

	if (len < 2 || len > max || path[0] != '/' || path[len - 1] == '/')
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = path[i];

		if (!lower(c) && !digit(c) && !(c >= 'A' && c <= 'Z') && !strchr(extra, c))
			return false;
	}
	for (const char *part = path; part != NULL; part = strchr(part, '/')) {
		size_t n = strcspn(++part, "/");

		if (n == 0 || (n == 1 && part[0] == '.') ||
		    (n == 2 && part[0] == '.' && part[1] == '.'))
			return false;
	}
	return true;
}

uint32_t
lb_account_uid(uint32_t serial)
{
	if (serial > LB_UID_LAST - LB_ACCOUNT_UID_FIRST)
		return 0;
	return LB_ACCOUNT_UID_FIRST + serial;
}

int
lb_account_name(char out[LB_ACCOUNT_MAX + 1], const char *identity, uint32_t serial)
{
	char name[LB_ACCOUNT_MAX + 1];
	int len;

	if (!lb_identity_valid(identity) || serial == UINT32_MAX)
		return LB_ERR_MALFORMED;
	len = snprintf(name, sizeof name, LB_ACCOUNT_PREFIX "%s-%u", identity, serial);
	if (len < 0 || (size_t)len >= sizeof name)
		return LB_ERR_TOO_LONG;
	memcpy(out, name, (size_t)len + 1);
	return LB_OK;
}

int
lb_role_group(char out[LB_ACCOUNT_MAX + 1], const char *role)
{
	if (!lb_role_valid(role))
		return LB_ERR_MALFORMED;
	snprintf(out, LB_ACCOUNT_MAX + 1, LB_ROLE_GROUP_PREFIX "%s", role);
	return LB_OK;
}

int
lb_id_parse(const char *text, uint32_t *id)
{
	uint64_t value = 0;
	size_t len = strnlen(text, 11);

	if (len == 0 || len > 10 || (len > 1 && text[0] == '0'))
		return LB_ERR_MALFORMED;
	for (size_t i = 0; i < len; i++) {
		if (!digit(text[i]))
			return LB_ERR_MALFORMED;
		value = value * 10 + (uint64_t)(text[i] - '0');
	}
	if (value >= UINT32_MAX)
		return LB_ERR_MALFORMED;
	*id = (uint32_t)value;
	return LB_OK;
}

bool
lb_own_name_valid(const char *name)
{
	return lb_unix_name_valid(name) && strcmp(name, "root") != 0 &&
	       strncmp(name, LB_ACCOUNT_PREFIX, strlen(LB_ACCOUNT_PREFIX)) != 0 &&
	       strncmp(name, LB_ROLE_GROUP_PREFIX, strlen(LB_ROLE_GROUP_PREFIX)) != 0;
}

bool
lb_own_uid_valid(uint32_t uid)
{
	/* 65534 is nobody, and 65535 and 4294967295 are -1 of 16 and 32 bits. */
	return uid >= LB_OWN_UID_FIRST && uid != 65534 && uid != 65535 && uid != UINT32_MAX &&
	       !lb_id_reserved(uid);
}
