/* A policy source as bytes: the format is in source.h.  Unpacking trusts nothing. */
#include "policy/source.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "name.h"

#include "policy/source_store.h"

#define PACK_MAGIC "LBPS"
#define PACK_VERSION 2u
#define PACK_HEADER 24u

/* A writer that only counts while its buffer is NULL. */
struct writer {
	uint8_t *buf;
	size_t used;
};

static void
put(struct writer *w, const void *bytes, size_t len)
{
	if (w->buf != NULL && len > 0)
		memcpy(w->buf + w->used, bytes, len);
	w->used += len;
}

static void
put_number(struct writer *w, uint32_t value, size_t size)
{
	uint8_t bytes[4];

	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
	put(w, bytes, size);
}

static void
put_facts(struct writer *w, const struct lb_source_facts *facts)
{
	for (size_t i = 0; i < facts->count; i++) {
		const struct lb_source_fact *f = &facts->fact[i];

		put_number(w, f->id, 4);
		put_number(w, (uint32_t)strlen(f->name), 1);
		put(w, f->name, strlen(f->name));
	}
}

static void
put_zones(struct writer *w, const struct lb_policy_source *source)
{
	for (size_t i = 0; i < source->zones; i++) {
		const struct lb_source_zone *z = &source->zone[i];

		put_number(w, (uint32_t)strlen(z->name), 1);
		put_number(w, (uint32_t)strlen(z->rule), 1);
		put(w, z->name, strlen(z->name));
		put(w, z->rule, strlen(z->rule));
	}
}

static void
put_source(struct writer *w, const struct lb_policy_source *source)
{
	put(w, PACK_MAGIC, 4);
	put_number(w, PACK_VERSION, 4);
	put_number(w, (uint32_t)source->files, 4);
	put_number(w, (uint32_t)source->users.count, 4);
	put_number(w, (uint32_t)source->groups.count, 4);
	put_number(w, (uint32_t)source->zones, 4);
	for (size_t i = 0; i < source->files; i++) {
		const struct lb_source_file *f = &source->file[i];

		put_number(w, f->host ? 1 : 0, 1);
		put_number(w, (uint32_t)strlen(f->name), 2);
		put_number(w, (uint32_t)f->len, 4);
		put(w, f->name, strlen(f->name));
		put(w, f->text, f->len);
	}
	put_facts(w, &source->users);
	put_facts(w, &source->groups);
	put_zones(w, source);
}

int
lb_policy_source_pack(struct lb_policy_source *source, uint8_t **buf, size_t *len)
{
	struct writer w = {NULL, 0};
	size_t size;

	lb_source_facts_sort(&source->users);
	lb_source_facts_sort(&source->groups);
	if (!source->users.sorted || !source->groups.sorted)
		return LB_ERR_NOMEM; /* sorting failed for want of memory */
	put_source(&w, source);
	size = w.used;
	if (size > LB_SOURCE_PACK_MAX)
		return LB_ERR_TOO_LONG;
	w = (struct writer){malloc(size), 0};
	if (w.buf == NULL)
		return LB_ERR_NOMEM;
	put_source(&w, source);
	*buf = w.buf;
	*len = size;
	return LB_OK;
}

/* A bounded reader; the first failure sticks and everything after it reads as zero. */
struct reader {
	const uint8_t *p;
	size_t left;
	bool bad;
};

static const uint8_t *
take(struct reader *r, size_t len)
{
	const uint8_t *p = r->p;

	if (r->bad || len > r->left) {
		r->bad = true;
		return NULL;
	}
	r->p += len;
	r->left -= len;
	return p;
}

static uint32_t
take_number(struct reader *r, size_t size)
{
	const uint8_t *p = take(r, size);
	uint32_t value = 0;

	for (size_t i = 0; p != NULL && i < size; i++)
		value |= (uint32_t)p[i] << (8 * i);
	return value;
}

static int
take_file(struct reader *r, struct lb_policy_source *source)
{
	uint32_t host = take_number(r, 1);
	size_t name_len = take_number(r, 2), text_len = take_number(r, 4);
	const uint8_t *name = take(r, name_len), *text = take(r, text_len);
	char copy[LB_SOURCE_NAME_MAX + 1];

	if (r->bad || host > 1 || name_len == 0 || name_len > LB_SOURCE_NAME_MAX ||
	    memchr(name, 0, name_len) != NULL)
		return LB_ERR_MALFORMED;
	memcpy(copy, name, name_len);
	copy[name_len] = '\0';
	return lb_policy_source_add_text(source, copy, (const char *)text, text_len, host == 1);
}

static int
take_facts(struct reader *r, struct lb_source_facts *facts, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t id = take_number(r, 4);
		size_t len = take_number(r, 1);
		const uint8_t *name = take(r, len);
		char copy[LB_FACT_NAME_MAX + 1];
		int rc;

		if (r->bad || id == UINT32_MAX || len > LB_FACT_NAME_MAX ||
		    memchr(name, 0, len) != NULL)
			return LB_ERR_MALFORMED;
		memcpy(copy, name, len);
		copy[len] = '\0';
		if (!lb_unix_name_valid(copy))
			return LB_ERR_MALFORMED;
		rc = lb_source_facts_add(facts, copy, id);
		if (rc != LB_OK)
			return rc;
		if (!facts->sorted)
			return LB_ERR_MALFORMED;
	}
	return LB_OK;
}

static int
take_zone(struct reader *r, struct lb_policy_source *source)
{
	size_t name_len = take_number(r, 1), rule_len = take_number(r, 1), before = source->zones;
	const uint8_t *name = take(r, name_len), *rule = take(r, rule_len);
	char names[LB_ZONE_NAME_MAX + 1], rules[LB_ZONE_NAME_MAX + 1];

	if (r->bad || name_len > LB_ZONE_NAME_MAX || rule_len > LB_ZONE_NAME_MAX ||
	    memchr(name, 0, name_len) != NULL || memchr(rule, 0, rule_len) != NULL)
		return LB_ERR_MALFORMED;
	memcpy(names, name, name_len);
	names[name_len] = '\0';
	memcpy(rules, rule, rule_len);
	rules[rule_len] = '\0';
	if (lb_policy_source_add_zone(source, names, rules) != LB_OK || source->zones == before)
		return LB_ERR_MALFORMED;
	return LB_OK;
}

static int
take_source(struct reader *r, struct lb_policy_source *source)
{
	const uint8_t *magic = take(r, 4);
	uint32_t version = take_number(r, 4), files, users, groups, zones;
	int rc = LB_OK;

	if (r->bad || memcmp(magic, PACK_MAGIC, 4) != 0)
		return LB_ERR_MALFORMED;
	if (version != PACK_VERSION)
		return LB_ERR_VERSION;
	files = take_number(r, 4);
	users = take_number(r, 4);
	groups = take_number(r, 4);
	zones = take_number(r, 4);
	if (r->bad || files > LB_SOURCE_FILES_MAX || users > LB_SOURCE_FACTS_MAX ||
	    groups > LB_SOURCE_FACTS_MAX || zones > LB_SOURCE_ZONES_MAX)
		return LB_ERR_MALFORMED;
	for (uint32_t i = 0; rc == LB_OK && i < files; i++)
		rc = take_file(r, source);
	if (rc == LB_OK)
		rc = take_facts(r, &source->users, users);
	if (rc == LB_OK)
		rc = take_facts(r, &source->groups, groups);
	for (uint32_t i = 0; rc == LB_OK && i < zones; i++)
		rc = take_zone(r, source);
	if (rc == LB_OK && r->left != 0)
		rc = LB_ERR_MALFORMED;
	return rc;
}

int
lb_policy_source_unpack(const uint8_t *buf, size_t len, struct lb_policy_source **source)
{
	struct reader r = {buf, len, false};
	struct lb_policy_source *s;
	int rc;

	if (len < PACK_HEADER)
		return LB_ERR_MALFORMED;
	if (len > LB_SOURCE_PACK_MAX)
		return LB_ERR_TOO_LONG;
	s = lb_policy_source_new();
	if (s == NULL)
		return LB_ERR_NOMEM;
	rc = take_source(&r, s);
	if (rc != LB_OK) {
		lb_policy_source_free(s);
		return rc;
	}
	*source = s;
	return LB_OK;
}

static void
hash_sized(crypto_generichash_state *state, const void *bytes, size_t len, size_t size_len)
{
	uint8_t size[4];
	struct writer w = {size, 0};

	put_number(&w, (uint32_t)len, size_len);
	crypto_generichash_update(state, size, size_len);
	crypto_generichash_update(state, bytes, len);
}

void
lb_policy_source_digest(const struct lb_policy_source *source,
			uint8_t digest[LB_POLICY_DIGEST_SIZE])
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, LB_POLICY_DIGEST_SIZE);
	for (size_t i = 0; i < source->files; i++) {
		const struct lb_source_file *f = &source->file[i];
		const char *slash = strrchr(f->name, '/');
		const char *name = slash != NULL ? slash + 1 : f->name;

		hash_sized(&state, name, strlen(name), 2);
		hash_sized(&state, f->text, f->len, 4);
	}
	crypto_generichash_final(&state, digest, LB_POLICY_DIGEST_SIZE);
}
