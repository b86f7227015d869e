/* Module arguments: see opts.h. */
#include "opts.h"

#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#include "err.h"
#include "name.h"
#include "proto.h"
#include "seal.h"

#define TIMEOUT_LEAST_MS 100
#define TIMEOUT_MOST_MS 1800 /* a denial is due within two seconds */

enum kind { FLAG, PATH, MILLISECONDS };

static const struct {
	const char *name;
	enum kind kind;
	size_t offset;
} options[] = {
	{"conf", PATH, offsetof(struct lb_pam_opts, conf)},
	{"socket", PATH, offsetof(struct lb_pam_opts, socket)},
	{"seal", PATH, offsetof(struct lb_pam_opts, seal)},
	{"timeout", MILLISECONDS, offsetof(struct lb_pam_opts, timeout_ms)},
	{"debug", FLAG, offsetof(struct lb_pam_opts, debug)},
};

#define OPTIONS (sizeof options / sizeof options[0])

static int
set_path(const char **to, const char *value)
{
	if (!lb_path_valid(value, sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1))
		return LB_ERR_MALFORMED;
	*to = value;
	return LB_OK;
}

static int
set_milliseconds(unsigned *to, const char *value)
{
	uint32_t n;

	if (lb_id_parse(value, &n) != LB_OK || n < TIMEOUT_LEAST_MS || n > TIMEOUT_MOST_MS)
		return LB_ERR_MALFORMED;
	*to = n;
	return LB_OK;
}

/* value is what follows the '=', or NULL when there is none. */
static int
set(struct lb_pam_opts *opts, size_t i, const char *value)
{
	void *member = (char *)opts + options[i].offset;

	if ((value == NULL) != (options[i].kind == FLAG))
		return LB_ERR_MALFORMED;
	switch (options[i].kind) {
	case FLAG:
		*(bool *)member = true;
		return LB_OK;
	case PATH:
		return set_path(member, value);
	case MILLISECONDS:
		return set_milliseconds(member, value);
	}
	return LB_ERR_INTERNAL;
}

static int
parse_word(struct lb_pam_opts *opts, const char *word)
{
	size_t len = strcspn(word, "=");
	const char *value = word[len] == '=' ? word + len + 1 : NULL;

	for (size_t i = 0; i < OPTIONS; i++)
		if (strlen(options[i].name) == len && memcmp(options[i].name, word, len) == 0)
			return set(opts, i, value);
	return LB_ERR_MALFORMED;
}

int
lb_pam_opts_parse(struct lb_pam_opts *opts, int argc, const char **argv, const char **bad)
{
	struct lb_pam_opts new = {
		.conf = LB_PAM_CONF_PATH,
		.socket = LB_PAM_SOCKET,
		.seal = LB_SEAL_DIR,
		.timeout_ms = 1500,
	};

	for (int i = 0; i < argc; i++) {
		if (parse_word(&new, argv[i]) != LB_OK) {
			*bad = argv[i];
			return LB_ERR_MALFORMED;
		}
	}
	*opts = new;
	return LB_OK;
}
