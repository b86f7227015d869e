/* Words and signs: see token.h, and scan.c for the rules. */
#include "policy/token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

void
lb_scan_problem(const struct lb_scan *s, unsigned line, const char *what)
{
	lb_report_add(s->doc->report, LB_SEVERITY_ERROR, lb_doc_file(s->doc, s->file), line, "%s",
		      what);
}

static enum lb_token
bad(struct lb_scan *s, const char *what)
{
	lb_scan_problem(s, s->token_line, what);
	return LB_TOKEN_BAD;
}

/* What a piece of text without newline and tab must not hold; NULL when it is fine. */
static const char *
piece_problem(const char *piece, size_t len)
{
	if (memchr(piece, '\0', len) != NULL)
		return "there is a NUL byte here; save the file as plain text";
	if (memchr(piece, '\r', len) != NULL)
		return "there is a carriage return here; save the file with Unix line ends";
	if (!lb_text_plain(piece))
		return "there is a control or invisible character, or no valid UTF-8; write plain "
		       "text";
	return NULL;
}

/* Checks every byte of the file, line by line, comments included. */
bool
lb_scan_bytes(const struct lb_scan *s)
{
	char *copy = malloc(s->len + 1);
	unsigned line = 1;
	bool ok = true;

	if (copy == NULL) {
		s->doc->arena.failed = true;
		return false;
	}
	memcpy(copy, s->text, s->len);
	copy[s->len] = '\0';
	for (size_t at = 0, end; ok && at <= s->len; at = end + 1) {
		const char *what;
		char stop;

		for (end = at; end < s->len && copy[end] != '\n' && copy[end] != '\t'; end++)
			;
		stop = copy[end];
		copy[end] = '\0';
		what = piece_problem(copy + at, end - at);
		if (what != NULL) {
			lb_scan_problem(s, line, what);
			ok = false;
		}
		line += stop == '\n';
	}
	free(copy);
	return ok;
}

static bool
word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == '-';
}

static bool
at(const struct lb_scan *s, const char *text)
{
	return s->len - s->pos >= strlen(text) && memcmp(s->text + s->pos, text, strlen(text)) == 0;
}

/* Skips white space and comments; false when a comment has no end. */
static bool
skip_blank(struct lb_scan *s)
{
	while (s->pos < s->len) {
		char c = s->text[s->pos];

		if (c == '\n' || c == ' ' || c == '\t') {
			s->line += c == '\n';
			s->pos++;
		} else if (c == '#' || at(s, "//")) {
			while (s->pos < s->len && s->text[s->pos] != '\n')
				s->pos++;
		} else if (at(s, "/*")) {
			s->token_line = s->line;
			for (s->pos += 2; s->pos < s->len && !at(s, "*/"); s->pos++)
				s->line += s->text[s->pos] == '\n';
			if (s->pos >= s->len)
				return false;
			s->pos += 2;
		} else {
			break;
		}
	}
	return true;
}

static enum lb_token
scan_string(struct lb_scan *s)
{
	char quote = s->text[s->pos++], c;
	size_t n = 0;

	for (;; s->pos++) {
		if (s->pos >= s->len || (c = s->text[s->pos]) == '\n')
			return bad(s, "this text does not end on its line; close it with the same "
				      "quote it began with");
		if (c == quote)
			break;
		if (c == '\t')
			return bad(s, "there is a tab in this text; write a space");
		if (c == '$' && s->pos + 1 < s->len && s->text[s->pos + 1] == '{')
			return bad(s, "\"${\" is refused, the environment is never read; write the "
				      "value itself");
		if (c == '\\') {
			char next = '\0';

			if (s->pos + 1 < s->len)
				next = s->text[s->pos + 1];
			if (next != '\\' && next != quote)
				return bad(s,
					   "only a backslash or the quote may follow a backslash; "
					   "write the character itself");
			if (n < LB_STRING_MAX)
				s->word[n++] = c;
			c = s->text[++s->pos];
		}
		if (n >= LB_STRING_MAX)
			return bad(s, "this text is longer than 4096 bytes; shorten it");
		s->word[n++] = c;
	}
	s->word[n] = '\0';
	s->pos++;
	return LB_TOKEN_STRING;
}

static enum lb_token
scan_word(struct lb_scan *s)
{
	size_t n = 0;

	while (s->pos < s->len && word_char(s->text[s->pos])) {
		if (n == LB_WORD_MAX)
			return bad(s, "this word is longer than 64 bytes; put text in quotes");
		s->word[n++] = s->text[s->pos++];
	}
	s->word[n] = '\0';
	return LB_TOKEN_WORD;
}

static enum lb_token
scan_other(struct lb_scan *s)
{
	char c = s->text[s->pos], message[96];

	if (at(s, "+="))
		return bad(s, "'+=' is not taken; write the whole list at one place with '='");
	if (at(s, "${"))
		return bad(s, "\"${\" is refused, the environment is never read; write the value "
			      "itself");
	if (c == '(' || c == ')')
		return bad(s, "functions such as include() are not taken; lockboxd reads every "
			      "*.conf file of policy.d by itself");
	if (c == ';')
		return bad(s, "';' does not belong here; leave it out, a line needs no end mark");
	snprintf(message, sizeof message, "'%c' does not belong here; put text in quotes", c);
	return bad(s, (unsigned char)c < 0x80
			      ? message
			      : "a letter like this may stand in quotes only; put text "
				"in quotes");
}

/* Reads the next token into s. */
enum lb_token
lb_scan_next(struct lb_scan *s)
{
	char c;

	if (!skip_blank(s)) {
		lb_scan_problem(s, s->token_line, "this comment has no end; close it with */");
		return s->token = LB_TOKEN_BAD;
	}
	s->token_line = s->line;
	if (s->pos >= s->len)
		return s->token = LB_TOKEN_END;
	c = s->text[s->pos];
	if (c == '"' || c == '\'')
		s->token = scan_string(s);
	else if (word_char(c))
		s->token = scan_word(s);
	else if (c == '{' || c == '}' || c == '=' || c == ',') {
		s->pos++;
		s->sign = c;
		s->token = LB_TOKEN_SIGN;
	} else {
		s->token = scan_other(s);
	}
	return s->token;
}
