/* Options: see args.h. */
#include "args.h"

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "columns.h"
#include "err.h"
#include "policy/suggest.h"
#include "text.h"

/* How an option's value is read. */
enum kind { FLAG, DURATION, MOMENT, RESOURCE, SENTENCE, LINE, NUMBER, GRANT, PATH, FILE_NAME };

static const struct option {
	const char *name;
	unsigned bit;
	enum kind kind;
	const char *value, *meaning;
} options[] = {
	{"for", LB_OPT_FOR, DURATION, "TIME", "how long: 30m, 4h, 1h30m (else the role's default)"},
	{"start-at", LB_OPT_START_AT, MOMENT, "TIME",
	 "not before: 2026-11-23T08:00:00Z, or 18:30 on this host"},
	{"resource", LB_OPT_RESOURCE, RESOURCE, "NAME", "which of the role's resources: see roles"},
	{"reason", LB_OPT_REASON, SENTENCE, "TEXT", "why, in a sentence; kept in the record"},
	{"comment", LB_OPT_COMMENT, SENTENCE, "TEXT", "a remark; kept in the record"},
	{"ticket", LB_OPT_TICKET, LINE, "TICKET", "number of the ticket this belongs to"},
	{"all", LB_OPT_ALL, FLAG, NULL, "everybody's that is open and that you may see"},
	{"wait", LB_OPT_WAIT, FLAG, NULL, "wait until it is decided; Ctrl-C leaves it as it is"},
	{"after", LB_OPT_AFTER, NUMBER, "SEQ", "only records after this number"},
	{"grant", LB_OPT_GRANT, GRANT, "ID", "only records of this grant"},
	{"on", LB_OPT_ON, FLAG, NULL, "the customer is to have the last word"},
	{"off", LB_OPT_OFF, FLAG, NULL, "the customer is to be asked no more"},
	{"break-glass", LB_OPT_BREAK_GLASS, FLAG, NULL,
	 "at once, without approval: an alarm, and a review"},
	{"no-break-glass", LB_OPT_NO_BREAK_GLASS, FLAG, NULL,
	 "the customer consents to it no more"},
	{"justified", LB_OPT_JUSTIFIED, FLAG, NULL, "it was right"},
	{"not-justified", LB_OPT_NOT_JUSTIFIED, FLAG, NULL, "it was not"},
	{"approvers", LB_OPT_APPROVERS, SENTENCE, "NAMES", "who is to decide for the customer"},
	{"approvals", LB_OPT_APPROVALS, NUMBER, "N", "how many of them it is to take"},
	{"statement", LB_OPT_STATEMENT, FLAG, NULL,
	 "print what its approver is to sign, nothing else"},
	{"signature", LB_OPT_SIGNATURE, FILE_NAME, "FILE",
	 "by ssh-keygen -Y sign; - is standard input"},
	{"sign", LB_OPT_SIGN, FILE_NAME, "KEY", "have ssh-keygen sign with this key of yours"},
	{"socket", LB_OPT_SOCKET, PATH, "PATH",
	 "the daemon's socket, when it is not the usual one"},
	{"json", LB_OPT_JSON, FLAG, NULL, "one JSON document instead of words"},
	{"help", LB_OPT_HELP, FLAG, NULL, "this text"},
};

#define HELP_COLUMN 20
#define OPTIONS (sizeof options / sizeof options[0])
#define ALWAYS (LB_OPT_JSON | LB_OPT_HELP)

struct state {
	struct lb_args *args;
	const struct lb_syntax *syntax;
	char *const *words;
	size_t count, next;
	bool operand_seen;
};

static int problem(struct lb_args *args, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int
problem(struct lb_args *args, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(args->problem, sizeof args->problem, format, ap);
	va_end(ap);
	return LB_ERR_MALFORMED;
}

/* A word of the caller's, short and harmless enough to be quoted back. */
#define QUOTED_TEXT 64
static const char *
quoted(char out[QUOTED_TEXT], const char *word)
{
	lb_text_escape(out, QUOTED_TEXT, word);
	return out;
}

static int
copy_line(struct lb_args *args, const char *name, char *out, size_t max, const char *value)
{
	size_t len = strnlen(value, max + 1);

	if (len == 0)
		return problem(args, "--%s is empty", name);
	if (len > max)
		return problem(args, "--%s is longer than %zu bytes: shorten it", name, max);
	memcpy(out, value, len + 1);
	return LB_OK;
}

static int
parse_number(const char *text, uint64_t *value)
{
	uint64_t total = 0;
	size_t len = strnlen(text, 20);

	if (len == 0 || len > 18 || (len > 1 && text[0] == '0'))
		return LB_ERR_MALFORMED;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return LB_ERR_MALFORMED;
		total = total * 10 + (uint64_t)(text[i] - '0');
	}
	*value = total;
	return LB_OK;
}

int
lb_args_grant_id(const char *text, uint64_t *id)
{
	uint64_t value;

	if ((text[0] == 'R' || text[0] == 'r') && text[1] == '-')
		text += 2;
	if (parse_number(text, &value) != LB_OK || value == 0)
		return LB_ERR_MALFORMED;
	*id = value;
	return LB_OK;
}

/* "--reason" or "--reason=x"; a dash of a sentence, or a quoted text that begins with one, is none. */
static bool
is_option(const char *word)
{
	static const char name[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
	size_t len;

	if (strncmp(word, "--", 2) != 0 || word[2] == '-' || strspn(word + 2, name) == 0)
		return false;
	len = strspn(word, name);
	return word[len] == '\0' || word[len] == '=';
}

/* What to write in place of an option that there is not. */
static int
unknown_option(struct state *s, const char *word)
{
	bool after_text = s->args->given & (LB_OPT_REASON | LB_OPT_COMMENT);
	const char *near[OPTIONS];
	char names[OPTIONS][24], hint[160], q[QUOTED_TEXT], asked[QUOTED_TEXT];
	size_t count = 0;

	for (size_t i = 0; i < OPTIONS; i++)
		if ((s->syntax->allowed | ALWAYS) & options[i].bit) {
			snprintf(names[count], sizeof names[count], "--%s", options[i].name);
			near[count] = names[count];
			count++;
		}
	snprintf(asked, sizeof asked, "%.*s", (int)strcspn(word, "="), word);
	lb_suggest(hint, sizeof hint, asked, near, count,
		   after_text ? "a word that begins with -- ends the text: put the text into "
				"quotes twice, \"'...'\""
			      : "the options are listed by");
	return problem(s->args, "unknown option \"%s\"%s", quoted(q, word), hint);
}

static int
too_many(struct state *s, const char *word)
{
	const char *hint = "";
	char q[QUOTED_TEXT];

	if (s->syntax->allowed & LB_OPT_REASON)
		hint = "; a text is written --reason TEXT";
	else if (s->syntax->allowed & LB_OPT_COMMENT)
		hint = "; a text is written --comment TEXT";
	else if (s->syntax->allowed & LB_OPT_GRANT)
		hint = "; for one grant write --grant ID";
	return problem(s->args, "\"%s\" is one word too many%s", quoted(q, word), hint);
}

/* Appends a word to the sentence, after a blank unless it is the first. */
static int
add_to_sentence(struct lb_args *args, const char *name, const char *word)
{
	size_t used = strlen(args->text), len = strnlen(word, LB_REASON_MAX + 1);
	size_t gap = used > 0 ? 1 : 0;

	if (used + gap + len > LB_REASON_MAX)
		return problem(args, "--%s is longer than %d bytes: shorten it", name,
			       LB_REASON_MAX);
	if (gap > 0)
		args->text[used] = ' ';
	memcpy(args->text + used + gap, word, len + 1);
	return LB_OK;
}

static int
take_sentence(struct state *s, const struct option *o, const char *first)
{
	int err = add_to_sentence(s->args, o->name, first);

	while (err == LB_OK && s->next < s->count && !is_option(s->words[s->next]))
		err = add_to_sentence(s->args, o->name, s->words[s->next++]);
	if (err == LB_OK && s->args->text[0] == '\0')
		return problem(s->args, "--%s is empty: say why in a sentence", o->name);
	return err;
}

static int
take_value(struct state *s, const struct option *o, const char *value)
{
	struct lb_args *args = s->args;
	char q[QUOTED_TEXT];

	switch (o->kind) {
	case DURATION:
		if (lb_duration_parse(value, &args->duration_s) == LB_OK)
			return LB_OK;
		return problem(args,
			       "\"%s\" is no duration: write 30m, 4h or 1h30m, more than nothing "
			       "and at most a year",
			       quoted(q, value));
	case MOMENT:
		if (lb_moment_parse(value, time(NULL), &args->start_s) == LB_OK)
			return LB_OK;
		return problem(args,
			       "\"%s\" is no time: write 2026-11-23T08:00:00Z, "
			       "2026-11-23T09:00:00+01:00, or 18:30 on this host's clock",
			       quoted(q, value));
	case RESOURCE:
		if (!lb_identity_valid(value))
			return problem(args, "\"%s\" cannot be the name of a resource; see roles",
				       quoted(q, value));
		memcpy(args->resource, value, strlen(value) + 1);
		return LB_OK;
	case SENTENCE:
		return take_sentence(s, o, value);
	case LINE:
		return copy_line(args, o->name, args->ticket, LB_TICKET_MAX, value);
	case NUMBER:
		if (parse_number(value, &args->after) == LB_OK)
			return LB_OK;
		return problem(args, "\"%s\" is no number: write digits only", quoted(q, value));
	case GRANT:
		if (lb_args_grant_id(value, &args->grant) == LB_OK)
			return LB_OK;
		return problem(args, "\"%s\" is no grant: write it as R-17", quoted(q, value));
	case PATH:
		args->socket = value;
		return LB_OK;
	case FILE_NAME:
		if (args->file != NULL)
			return problem(args, "--signature and --sign exclude one another");
		args->file = value;
		return LB_OK;
	case FLAG:
		break;
	}
	return problem(args, "--%s takes no value", o->name);
}

static const struct option *
find_option(const char *name, size_t len)
{
	for (size_t i = 0; i < OPTIONS; i++)
		if (strlen(options[i].name) == len && memcmp(options[i].name, name, len) == 0)
			return &options[i];
	return NULL;
}

static int
take_option(struct state *s, const char *word)
{
	const char *name = word + 2, *equals = strchr(name, '=');
	size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
	const struct option *o = find_option(name, len);

	if (o == NULL || !((s->syntax->allowed | ALWAYS) & o->bit))
		return unknown_option(s, word);
	if (s->args->given & o->bit)
		return problem(s->args, "--%s is given twice", o->name);
	s->args->given |= o->bit;
	if (o->kind == FLAG)
		return equals == NULL ? LB_OK : take_value(s, o, equals + 1);
	if (equals != NULL)
		return take_value(s, o, equals + 1);
	if (s->next == s->count || is_option(s->words[s->next]))
		return problem(s->args, "--%s needs a value: --%s %s", o->name, o->name, o->value);
	return take_value(s, o, s->words[s->next++]);
}

static int
take_operand(struct state *s, const char *word)
{
	struct lb_args *args = s->args;
	char q[QUOTED_TEXT];

	if (word[0] == '-')
		return unknown_option(s, word);
	if (s->syntax->operand == LB_OPERAND_WORDS && args->words < LB_WORDS_OPERAND) {
		args->word[args->words++] = word;
		return LB_OK;
	}
	if (s->syntax->operand == LB_OPERAND_NONE || s->syntax->operand == LB_OPERAND_WORDS ||
	    s->operand_seen)
		return too_many(s, word);
	s->operand_seen = true;
	if (s->syntax->operand == LB_OPERAND_ROLE || s->syntax->operand == LB_OPERAND_MAYBE_NAME) {
		if (!lb_role_valid(word))
			return problem(
				args, "\"%s\" cannot be the name of a %s; see %s", quoted(q, word),
				s->syntax->operand == LB_OPERAND_ROLE ? "role" : "customer",
				s->syntax->operand == LB_OPERAND_ROLE ? "roles" : "customer");
		memcpy(args->role, word, strlen(word) + 1);
		return LB_OK;
	}
	if (lb_args_grant_id(word, &args->id) != LB_OK)
		return problem(args, "\"%s\" is no request or grant: write it as R-17",
			       quoted(q, word));
	return LB_OK;
}

static int
check_complete(const struct state *s)
{
	unsigned missing = s->syntax->required & ~s->args->given;
	bool after_text = s->args->given & (LB_OPT_REASON | LB_OPT_COMMENT);

	if (!s->operand_seen && s->syntax->operand == LB_OPERAND_ROLE)
		return problem(s->args, "which role? Write its name first%s",
			       after_text ? ", before --reason" : "; the verb roles lists them");
	if (!s->operand_seen && s->syntax->operand == LB_OPERAND_ID)
		return problem(s->args, "which one? Write its id first, such as R-17%s",
			       after_text ? ", before the text" : "");
	for (size_t i = 0; i < OPTIONS; i++)
		if (options[i].bit & missing)
			return problem(s->args, "--%s is missing: --%s %s (%s)", options[i].name,
				       options[i].name, options[i].value, options[i].meaning);
	return LB_OK;
}

/* After an error: whether --json or --help stands further on. */
static void
look_ahead(struct state *s)
{
	for (; s->next < s->count; s->next++) {
		const char *word = s->words[s->next];

		if (strcmp(word, "--json") == 0)
			s->args->given |= LB_OPT_JSON;
		else if (strcmp(word, "--help") == 0)
			s->args->given |= LB_OPT_HELP;
	}
}

int
lb_args_parse(struct lb_args *args, const struct lb_syntax *syntax, size_t count,
	      char *const *words)
{
	struct state s = {.args = args, .syntax = syntax, .words = words, .count = count};
	int err = LB_OK;

	memset(args, 0, sizeof *args);
	while (err == LB_OK && s.next < s.count) {
		const char *word = s.words[s.next++];

		err = is_option(word) ? take_option(&s, word) : take_operand(&s, word);
	}
	if (err == LB_OK && !(args->given & LB_OPT_HELP))
		err = check_complete(&s);
	if (err != LB_OK)
		look_ahead(&s);
	return err;
}

bool
lb_args_option(const struct lb_syntax *syntax, size_t *i, struct lb_option_name *option)
{
	for (; *i < OPTIONS; ++*i)
		if ((syntax->allowed | ALWAYS) & options[*i].bit) {
			*option = (struct lb_option_name){options[*i].name, options[*i].value};
			++*i;
			return true;
		}
	return false;
}

void
lb_args_help(FILE *out, const struct lb_syntax *syntax)
{
	for (size_t i = 0; i < OPTIONS; i++) {
		char left[32], meaning[128];

		if (!((syntax->allowed | ALWAYS) & options[i].bit))
			continue;
		snprintf(left, sizeof left, "--%s%s%s", options[i].name,
			 options[i].value != NULL ? " " : "",
			 options[i].value != NULL ? options[i].value : "");
		/* " (else ...)" is of one that may be left out. */
		snprintf(meaning, sizeof meaning, "%s", options[i].meaning);
		if ((syntax->required & options[i].bit) != 0 && strstr(meaning, " (else") != NULL)
			*strstr(meaning, " (else") = '\0';
		fprintf(out, "  %-17s ", left);
		lb_columns_wrap(out, meaning, HELP_COLUMN, HELP_COLUMN, LB_CLI_WIDTH);
	}
}
