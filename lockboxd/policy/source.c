/* The source of a policy, in memory: see source.h. */
#include "policy/source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "err.h"
#include "name.h"
#include "text.h"

#include "policy/source_store.h"
#include "policy/zone.h"

struct lb_policy_source *
lb_policy_source_new(void)
{
	struct lb_policy_source *source = calloc(1, sizeof *source);

	if (source != NULL)
		source->users.sorted = source->groups.sorted = true;
	return source;
}

void
lb_policy_source_free(struct lb_policy_source *source)
{
	if (source == NULL)
		return;
	for (size_t i = 0; i < source->files; i++) {
		free(source->file[i].name);
		free(source->file[i].text);
	}
	free(source->users.fact);
	free(source->groups.fact);
	free(source);
}

void
lb_policy_source_look(struct lb_policy_source *source)
{
	source->look = true;
}

bool
lb_policy_source_missing(const struct lb_policy_source *source, const char *path)
{
	struct stat st;

	return source->look && lstat(path, &st) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

int
lb_policy_source_add_text(struct lb_policy_source *source, const char *name, const char *text,
			  size_t len, bool host)
{
	struct lb_source_file file = {.len = len, .host = host};
	size_t name_len = strnlen(name, LB_SOURCE_NAME_MAX + 1);

	if (name_len == 0 || !lb_text_plain(name))
		return LB_ERR_MALFORMED;
	if (name_len > LB_SOURCE_NAME_MAX || len > LB_SOURCE_FILE_MAX ||
	    len > LB_SOURCE_TOTAL_MAX - source->total || source->files == LB_SOURCE_FILES_MAX)
		return LB_ERR_TOO_LONG;
	file.name = strdup(name);
	file.text = malloc(len + 1);
	if (file.name == NULL || file.text == NULL) {
		free(file.name);
		free(file.text);
		return LB_ERR_NOMEM;
	}
	if (len > 0)
		memcpy(file.text, text, len);
	file.text[len] = '\0';
	source->file[source->files++] = file;
	source->total += len;
	return LB_OK;
}

size_t
lb_policy_source_files(const struct lb_policy_source *source)
{
	return source->files;
}

struct lb_policy_file
lb_policy_source_file(const struct lb_policy_source *source, size_t i)
{
	const struct lb_source_file *f = &source->file[i];

	return (struct lb_policy_file){f->name, f->text, f->len, f->host};
}

int
lb_source_facts_add(struct lb_source_facts *facts, const char *name, uint32_t id)
{
	struct lb_source_fact *fact;

	if (facts->count == LB_SOURCE_FACTS_MAX)
		return LB_ERR_TOO_LONG;
	if (facts->count == facts->room) {
		size_t room = facts->room > 0 ? 2 * facts->room : 64;

		fact = reallocarray(facts->fact, room, sizeof *fact);
		if (fact == NULL)
			return LB_ERR_NOMEM;
		facts->fact = fact;
		facts->room = room;
	}
	fact = &facts->fact[facts->count];
	memset(fact, 0, sizeof *fact);
	fact->id = id;
	memcpy(fact->name, name, strnlen(name, LB_FACT_NAME_MAX));
	facts->sorted =
		facts->count == 0 || (facts->sorted && strcmp(fact[-1].name, fact->name) < 0);
	facts->count++;
	return LB_OK;
}

/* Stable, because glibc's qsort is not promised to be and the first of two names must win. */
static void
merge_sort(struct lb_source_fact *a, struct lb_source_fact *tmp, size_t n)
{
	size_t half = n / 2, i = 0, j = half, k = 0;

	if (n < 2)
		return;
	merge_sort(a, tmp, half);
	merge_sort(a + half, tmp, n - half);
	while (i < half && j < n)
		tmp[k++] = strcmp(a[j].name, a[i].name) < 0 ? a[j++] : a[i++];
	while (i < half)
		tmp[k++] = a[i++];
	memcpy(a, tmp, k * sizeof *a);
}

void
lb_source_facts_sort(struct lb_source_facts *facts)
{
	struct lb_source_fact *tmp;
	size_t kept = 0;

	if (facts->sorted)
		return;
	tmp = calloc(facts->count, sizeof *tmp);
	if (tmp == NULL)
		return; /* stays unsorted: look-ups then walk the list */
	merge_sort(facts->fact, tmp, facts->count);
	free(tmp);
	for (size_t i = 0; i < facts->count; i++)
		if (kept == 0 || strcmp(facts->fact[kept - 1].name, facts->fact[i].name) != 0)
			facts->fact[kept++] = facts->fact[i];
	facts->count = kept;
	facts->sorted = true;
}

static int
compare_fact(const void *name, const void *fact)
{
	return strcmp(name, ((const struct lb_source_fact *)fact)->name);
}

static bool
look_up(const struct lb_source_facts *facts, const char *name, uint32_t *id)
{
	const struct lb_source_fact *found = NULL;

	if (facts->sorted && facts->count > 0)
		found = bsearch(name, facts->fact, facts->count, sizeof *found, compare_fact);
	for (size_t i = 0; !facts->sorted && found == NULL && i < facts->count; i++)
		if (strcmp(facts->fact[i].name, name) == 0)
			found = &facts->fact[i];
	if (found == NULL)
		return false;
	*id = found->id;
	return true;
}

bool
lb_policy_source_user(const struct lb_policy_source *source, const char *name, uint32_t *id)
{
	return look_up(&source->users, name, id);
}

bool
lb_policy_source_group(const struct lb_policy_source *source, const char *name, uint32_t *id)
{
	return look_up(&source->groups, name, id);
}

static int
add_fact(struct lb_source_facts *facts, const char *name, uint32_t id)
{
	if (!lb_unix_name_valid(name) || id == UINT32_MAX)
		return LB_OK; /* no policy can name it */
	return lb_source_facts_add(facts, name, id);
}

int
lb_policy_source_add_user(struct lb_policy_source *source, const char *name, uint32_t uid)
{
	return add_fact(&source->users, name, uid);
}

int
lb_policy_source_add_group(struct lb_policy_source *source, const char *name, uint32_t gid)
{
	return add_fact(&source->groups, name, gid);
}

int
lb_policy_source_add_zone(struct lb_policy_source *source, const char *name, const char *rule)
{
	struct lb_source_zone *z = &source->zone[source->zones];
	struct lb_zone zone;

	if (!lb_zone_name_valid(name) || strlen(rule) > LB_ZONE_NAME_MAX ||
	    lb_zone_parse(rule, &zone) != LB_OK)
		return LB_ERR_MALFORMED;
	if (lb_policy_source_zone(source, name) != NULL)
		return LB_OK;
	if (source->zones == LB_SOURCE_ZONES_MAX)
		return LB_ERR_TOO_LONG;
	memcpy(z->name, name, strlen(name) + 1);
	memcpy(z->rule, rule, strlen(rule) + 1);
	source->zones++;
	return LB_OK;
}

const char *
lb_policy_source_zone(const struct lb_policy_source *source, const char *name)
{
	for (size_t i = 0; i < source->zones; i++)
		if (strcmp(source->zone[i].name, name) == 0)
			return source->zone[i].rule;
	return NULL;
}
