/*
 * The scanner: looks at the bytes of a policy file before libconfuse does.
 *
 * libconfuse is lenient where a policy must not be: it puts the environment
 * into strings, drops characters it does not know, counts a comment as three
 * lines, lets the last of two equal keys win, replaces a section that comes
 * twice, and keeps its scanner inside a string when a file ends there, so that
 * the next file is read wrongly.  What passes here is a subset in which none
 * of that can happen:
 *
 *	file    = { key "=" value | section }
 *	section = word name "{" { key "=" value | section } "}"
 *	value   = item | "{" [ item { "," item } [ "," ] ] "}"
 *	item    = word | string
 *	word    = letters, digits, "_", ".", "-"
 *	string  = between " or ', on one line; only \\ and the quote are escaped
 *	comment = "#" or "//" to the end of the line, or between slash-star and star-slash
 *
 * It finds every unknown, misplaced and doubled key, and goes on after it;
 * only a broken shape ends the scan of a file.
 */
#include "policy/document.h"
#include "policy/suggest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "text.h"

#include "policy/token.h"

static bool
is_sign(const struct lb_scan *s, char sign)
{
	return s->token == LB_TOKEN_SIGN && s->sign == sign;
}

static bool
is_item(const struct lb_scan *s)
{
	return s->token == LB_TOKEN_WORD || s->token == LB_TOKEN_STRING;
}

/* Complains about the token unless that was done already; always false. */
static bool
expected(const struct lb_scan *s, const char *what)
{
	if (s->token != LB_TOKEN_BAD)
		lb_scan_problem(s, s->token_line, what);
	return false;
}

/* Reports a key that the table does not have at this place. */
static void
unknown_key(const struct lb_scan *s, enum lb_section section, unsigned line)
{
	const struct lb_policy_section *here = lb_table_section(section);
	const char *keys[LB_ROWS_MAX], *elsewhere = NULL;
	char hint[160], instead[128], word[LB_REPORT_MESSAGE_MAX / 4];

	for (size_t i = 0; i < here->count; i++)
		keys[i] = here->rows[i].key;
	for (enum lb_section o = LB_SECTION_HOST; o < LB_SECTIONS; o++)
		if (o != section && lb_table_section(o)->parent == LB_SECTION_HOST &&
		    lb_table_row(o, s->word) != NULL)
			elsewhere = o == LB_SECTION_HOST ? "the top level of " LB_HOST_FILE_NAME
							 : lb_table_section(o)->word;
	if (elsewhere != NULL)
		snprintf(instead, sizeof instead, "it belongs in %s%s",
			 strchr(elsewhere, ' ') == NULL ? "a section of kind " : "", elsewhere);
	else
		snprintf(instead, sizeof instead, "see lockbox.conf(5) for the keys that %s takes",
			 here->word != NULL ? here->word : LB_HOST_FILE_NAME);
	lb_text_escape(word, sizeof word, s->word);
	lb_suggest(hint, sizeof hint, s->word, keys, elsewhere != NULL ? 0 : here->count, instead);
	lb_report_add(s->doc->report, LB_SEVERITY_ERROR, lb_doc_file(s->doc, s->file), line,
		      "unknown key '%s'%s%s%s", word, here->word != NULL ? " in " : "",
		      here->word != NULL ? here->word : "", hint);
}

/* Reads the rest of a list, its '{' being read already. */
static bool
scan_list(struct lb_scan *s, const char *key)
{
	char message[160];

	for (;;) {
		lb_scan_next(s);
		if (is_sign(s, '}'))
			return true;
		if (!is_item(s))
			break;
		lb_scan_next(s);
		if (is_sign(s, '}'))
			return true;
		if (!is_sign(s, ','))
			break;
	}
	snprintf(message, sizeof message,
		 "the list of '%s' is broken here; write %s = {\"one\", \"two\"}", key, key);
	return expected(s, message);
}

/* Reads "= value" of a key; row is NULL for an unknown one, which takes any value. */
static bool
scan_value(struct lb_scan *s, const char *key, const struct lb_policy_row *row)
{
	char message[256];
	const char *example = row != NULL ? lb_table_example(row->kind) : "\"value\"";
	bool list;

	lb_scan_next(s);
	list = is_sign(s, '{');
	if (is_item(s))
		return true;
	if (!list) {
		snprintf(message, sizeof message, "'%s' has no value; write %s = %s", key, key,
			 example);
		return expected(s, message);
	}
	if (row != NULL && !lb_table_list(row->kind)) {
		snprintf(message, sizeof message,
			 "'%s' takes one value; write %s = %s without braces", key, key, example);
		lb_scan_problem(s, s->token_line, message);
	}
	return scan_list(s, key);
}

/* Reads one setting, its key being the token that was read, up to its value. */
static bool
scan_setting(struct lb_scan *s, struct lb_doc_section *in, const char *key, unsigned line)
{
	const struct lb_policy_section *section = lb_table_section(in->section);
	const struct lb_policy_row *row = lb_table_row(in->section, key);

	if (row == NULL) {
		unknown_key(s, in->section, line);
	} else if (in->section == LB_SECTION_HOST &&
		   !lb_policy_source_file(s->doc->source, s->file).host) {
		lb_report_add(s->doc->report, LB_SEVERITY_ERROR, lb_doc_file(s->doc, s->file), line,
			      "'%s' is a setting of the host; move it to " LB_HOST_FILE_NAME, key);
	} else {
		struct lb_doc_list *list = &in->values[row - section->rows];

		if (list->line > 0)
			lb_report_add(s->doc->report, LB_SEVERITY_ERROR,
				      lb_doc_file(s->doc, s->file), line,
				      "'%s' is given twice, first at %s:%u; keep one of the two",
				      key, lb_doc_file(s->doc, in->file), list->line);
		else
			list->line = line;
		if (in->section == LB_SECTION_HOST && in->line == 0) {
			in->file = s->file;
			in->line = line;
		}
	}
	return scan_value(s, key, row);
}

static bool scan_section(struct lb_scan *s, const struct lb_doc_section *owner, const char *word,
			 unsigned line);

/* Whether word begins a section that may stand in this one. */
static bool
stands_in(const char *word, enum lb_section in)
{
	enum lb_section section = lb_table_word(word);

	return section != LB_SECTIONS && lb_table_section(section)->parent == in;
}

/* Reads what stands between the braces of a section. */
static bool
scan_body(struct lb_scan *s, struct lb_doc_section *in)
{
	const char *kind = lb_table_section(in->section)->word;
	char key[LB_WORD_MAX + 1], message[192];

	for (;;) {
		unsigned line;

		lb_scan_next(s);
		if (is_sign(s, '}'))
			return true;
		line = s->token_line;
		if (s->token == LB_TOKEN_END) {
			snprintf(message, sizeof message,
				 "the file ends inside %s '%s', which begins at line %u; add a '}'",
				 kind, in->name, in->line);
			return expected(s, message);
		}
		if (s->token != LB_TOKEN_WORD)
			return expected(s, "a key is wanted here; write key = value");
		memcpy(key, s->word, strlen(s->word) + 1);
		lb_scan_next(s);
		if (is_sign(s, '=')) {
			memcpy(s->word, key, strlen(key) + 1);
			if (!scan_setting(s, in, key, line))
				return false;
			continue;
		}
		if (is_item(s) && stands_in(key, in->section)) {
			if (!scan_section(s, in, key, line))
				return false;
			continue;
		}
		if (stands_in(key, in->section))
			snprintf(message, sizeof message, "%s has no name; write %s NAME {", key,
				 key);
		else if (lb_table_word(key) != LB_SECTIONS)
			snprintf(message, sizeof message,
				 "'%s' cannot stand inside %s '%s'; close that with '}' first", key,
				 kind, in->name);
		else
			snprintf(message, sizeof message,
				 "'=' is wanted after '%s'; write %s = value", key, key);
		return expected(s, message);
	}
}

/* Reads a section, the word and the name (the token) being read already. */
static bool
scan_section(struct lb_scan *s, const struct lb_doc_section *owner, const char *word, unsigned line)
{
	static const char *const words[] = {"identity", "team", "check",
					    "role",	"rule", "customer"};
	enum lb_section section = lb_table_word(word);
	char message[LB_REPORT_MESSAGE_MAX], hint[128], name[128];
	const struct lb_policy_section *kind;
	struct lb_doc_section *made;

	if (section == LB_SECTIONS) {
		lb_suggest(hint, sizeof hint, word, words, 6,
			   "write identity, team, check, role, rule or customer");
		snprintf(message, sizeof message, "unknown section '%s'%s", word, hint);
		return expected(s, message);
	}
	kind = lb_table_section(section);
	if (owner == NULL && kind->parent != LB_SECTION_HOST) {
		snprintf(message, sizeof message,
			 "'%s' stands inside a %s; write %s NAME { ... } between its braces", word,
			 lb_table_section(kind->parent)->word, word);
		return expected(s, message);
	}
	lb_text_escape(name, sizeof name, s->word);
	if (!kind->name_ok(s->word)) {
		snprintf(message, sizeof message, "'%s' is no name for %s %s; write %s", name,
			 section == LB_SECTION_IDENTITY ? "an" : "a", word, kind->name_rule);
		lb_scan_problem(s, line, message);
	}
	made = lb_doc_add(s->doc, section, kind->name_ok(s->word) ? s->word : "?", s->file, line);
	if (made == NULL)
		return false;
	made->owner = owner;
	lb_scan_next(s);
	if (!is_sign(s, '{')) {
		snprintf(message, sizeof message, "'{' is wanted after %s '%s'", word, name);
		return expected(s, message);
	}
	return scan_body(s, made);
}

/* Reads everything at the top level; false when the shape of the file is broken. */
static bool
scan_top(struct lb_scan *s)
{
	char word[LB_WORD_MAX + 1], message[192];

	while (lb_scan_next(s) != LB_TOKEN_END) {
		unsigned line = s->token_line;
		bool ok;

		if (is_sign(s, '}'))
			return expected(s, "there is a '}' too many here; take it out");
		if (s->token != LB_TOKEN_WORD)
			return expected(s,
					"a key or a section is wanted here; write identity, team "
					"or role, a name and '{'");
		memcpy(word, s->word, strlen(s->word) + 1);
		lb_scan_next(s);
		if (is_sign(s, '=')) {
			memcpy(s->word, word, strlen(word) + 1);
			ok = scan_setting(s, s->doc->host, word, line);
		} else if (is_item(s)) {
			ok = scan_section(s, NULL, word, line);
		} else {
			snprintf(message, sizeof message,
				 is_sign(s, '{') && lb_table_word(word) != LB_SECTIONS
					 ? "%s has no name; write %s NAME {"
					 : "'=' is wanted after '%s'; write %s = value",
				 word, word);
			return expected(s, message);
		}
		if (!ok)
			return false;
	}
	return true;
}

int
lb_scan_file(struct lb_doc *doc, unsigned file)
{
	struct lb_policy_file f = lb_policy_source_file(doc->source, file);
	struct lb_scan *s = calloc(1, sizeof *s);

	if (s == NULL)
		return LB_ERR_NOMEM;
	*s = (struct lb_scan){.doc = doc, .file = file, .text = f.text, .len = f.len, .line = 1};
	if (lb_scan_bytes(s))
		(void)scan_top(s); /* what was wrong is reported */
	free(s);
	return doc->arena.failed ? LB_ERR_NOMEM : LB_OK;
}
