/* Output: see output.h. */
#include "output.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "columns.h"
#include "err.h"
#include "json.h"
#include "text.h"

#define LABEL_COLUMN 14

void
lb_cli_duration(char out[LB_WHEN_TEXT], uint64_t seconds)
{
	static const struct {
		char unit;
		uint64_t seconds;
	} units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};
	size_t used = 0;

	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		uint64_t n = seconds / units[i].seconds;

		seconds %= units[i].seconds;
		if (n > 0)
			used += (size_t)snprintf(out + used, LB_WHEN_TEXT - used, "%s%" PRIu64 "%c",
						 used > 0 ? " " : "", n, units[i].unit);
	}
	if (used == 0)
		snprintf(out, LB_WHEN_TEXT, "0s");
}

void
lb_cli_relative(char out[LB_WHEN_TEXT], uint64_t now_s, uint64_t then_s)
{
	uint64_t away = then_s > now_s ? then_s - now_s : now_s - then_s;
	char text[LB_WHEN_TEXT];

	if (away == 0) {
		snprintf(out, LB_WHEN_TEXT, "now");
		return;
	}
	/* The two largest units say enough. */
	if (away >= 86400)
		away -= away % 3600;
	else if (away >= 3600)
		away -= away % 60;
	lb_cli_duration(text, away);
	if (then_s > now_s)
		snprintf(out, LB_WHEN_TEXT, "in %.40s", text);
	else
		snprintf(out, LB_WHEN_TEXT, "%.40s ago", text);
}

void
lb_cli_moment(char out[LB_MOMENT_TEXT], const struct lb_cli *cli, uint64_t then_s)
{
	char when[LB_WHEN_TEXT], absolute[LB_TIME_TEXT];

	lb_cli_relative(when, cli->now(), then_s);
	lb_time_format(absolute, (int64_t)then_s);
	snprintf(out, LB_MOMENT_TEXT, "%s (%s)", when, absolute);
}

void
lb_cli_style(const struct lb_cli *cli, const char *code)
{
	if (cli->colour)
		fprintf(cli->out, "\033[%sm", code);
}

void
lb_cli_label(const struct lb_cli *cli, const char *label, const char *text)
{
	char safe[LB_ESCAPED(LB_LIST_MAX)];

	if (text[0] == '\0')
		return;
	lb_text_escape(safe, sizeof safe, text);
	fprintf(cli->out, "  %-*s", LABEL_COLUMN - 2, label);
	lb_columns_wrap(cli->out, safe, LABEL_COLUMN, LABEL_COLUMN, LB_CLI_WIDTH);
}

void
lb_cli_say(const struct lb_cli *cli, const char *format, ...)
{
	char text[LB_LIST_MAX + 512], safe[LB_ESCAPED(sizeof text)];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	lb_text_escape(safe, sizeof safe, text);
	lb_columns_wrap(cli->out, safe, 0, 0, LB_CLI_WIDTH);
}

void
lb_cli_quote(const struct lb_cli *cli, const char *text)
{
	fputc('\n', cli->out);
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		fputs("  ", cli->out);
		fwrite(text, 1, len, cli->out);
		fputc('\n', cli->out);
		text += len + (text[len] == '\n');
	}
	fputc('\n', cli->out);
}

/* Where a command is broken so that it fits into so many columns, at a blank; 0: nowhere. */
static size_t
break_of(const char *line, size_t room)
{
	size_t at = lb_columns_prefix(line, room - 2);

	while (at > 0 && line[at] != ' ')
		at--;
	return at;
}

/*
 * A line for a shell.  One that is too wide goes on below, as a shell takes it;
 * with a word in it that is too wide by itself it stays whole.
 */
static void
print_line(FILE *out, const char *line)
{
	const char *rest = line;
	size_t room = LB_CLI_WIDTH - 2, at = 1;

	for (; at > 0 && lb_columns_width(rest) > room; room = LB_CLI_WIDTH - 4, rest += at + 1)
		at = break_of(rest, room);
	if (at == 0) {
		fprintf(out, "  %s\n", line);
		return;
	}
	fputs("  ", out);
	for (room = LB_CLI_WIDTH - 2; line < rest; line += at + 1, room = LB_CLI_WIDTH - 4) {
		at = break_of(line, room);
		fprintf(out, "%.*s \\\n    ", (int)at, line);
	}
	fprintf(out, "%s\n", line);
}

static void
print_command(const struct lb_cli *cli, const char *host, bool ssh, const char *format, va_list ap)
{
	char text[512], safe[LB_ESCAPED(sizeof text)], name[LB_ESCAPED(LB_HOST_MAX)];
	char line[sizeof safe + sizeof name + 16];

	vsnprintf(text, sizeof text, format, ap);
	lb_text_escape(safe, sizeof safe, text);
	lb_text_escape(name, sizeof name, host[0] != '\0' ? host : cli->host);
	if (ssh)
		snprintf(line, sizeof line, "ssh lockbox@%s %s", name, safe);
	else
		snprintf(line, sizeof line, "lockbox %s", safe);
	print_line(cli->out, line);
}

void
lb_cli_own(const struct lb_cli *cli, const char *host, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	print_command(cli, host, cli->gate, format, ap);
	va_end(ap);
}

void
lb_cli_ssh(const struct lb_cli *cli, const char *host, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	print_command(cli, host, true, format, ap);
	va_end(ap);
}

const char *
lb_cli_refusal_name(uint16_t code)
{
	static const char *const names[] = {
		[LB_NO_IDENTITY] = "no-identity",   [LB_NO_PERMISSION] = "no-permission",
		[LB_NO_SUCH] = "no-such",	    [LB_NOT_NOW] = "not-now",
		[LB_OVER_LIMIT] = "over-limit",	    [LB_BAD_INPUT] = "bad-input",
		[LB_OWN_REQUEST] = "own-request",   [LB_STORE_FULL] = "store-full",
		[LB_TRY_LATER] = "try-later",	    [LB_UNSIGNED] = "signature-needed",
		[LB_NOT_ELIGIBLE] = "not-eligible",
	};

	if (code >= sizeof names / sizeof names[0] || names[code] == NULL)
		return "no-permission"; /* an unknown no is a no */
	return names[code];
}

/* Why the daemon could not be asked, and what to do about it. */
static void
unreachable_text(const struct lb_cli *cli, int err, bool connected, char *text, size_t cap)
{
	static const char ask[] = "ask an administrator to look at: systemctl status lockboxd";

	switch (err) {
	case LB_ERR_REFUSED:
		snprintf(text, cap, "%s is not the daemon's socket: root does not listen on it; %s",
			 cli->socket, ask);
		return;
	case LB_ERR_TIMEOUT:
		snprintf(text, cap,
			 "lockboxd did not answer within %d seconds; what was asked may still have "
			 "been done, so look at status before you try again",
			 LB_CLI_TIMEOUT_MS / 1000);
		return;
	case LB_ERR_UNREACHABLE:
		if (connected) {
			snprintf(text, cap,
				 "lockboxd closed the connection without an answer: it was "
				 "stopped, or "
				 "you have too many connections open; look at status, then try "
				 "again");
			return;
		}
		snprintf(text, cap, "lockboxd cannot be reached at %s; %s", cli->socket, ask);
		return;
	case LB_ERR_VERSION:
		snprintf(text, cap,
			 "lockboxd speaks another version of the protocol: it was updated and not "
			 "restarted, or the other way round; %s",
			 ask);
		return;
	default:
		snprintf(text, cap, "no usable answer from lockboxd (%s); %s", lb_err_text(err),
			 ask);
		return;
	}
}

void
lb_cli_failure_text(const struct lb_cli *cli, int err, const struct lb_cli_link *link,
		    const char **code, char *text, size_t cap)
{
	if (link != NULL && link->refused.code != 0) {
		*code = lb_cli_refusal_name(link->refused.code);
		snprintf(text, cap, "%s",
			 link->refused.text[0] != '\0' ? link->refused.text : *code);
		return;
	}
	*code = "unreachable";
	unreachable_text(cli, err, link != NULL && link->connected, text, cap);
}

static void
tell(const struct lb_cli *cli, const char *what, const char *text)
{
	char safe[LB_ESCAPED(1024)], line[sizeof safe + 64];

	lb_text_escape(safe, sizeof safe, text);
	snprintf(line, sizeof line, "lockbox: %s%s", what, safe);
	lb_columns_wrap(cli->err, line, 0, 2, LB_CLI_WIDTH);
}

enum lb_exit
lb_cli_failure(const struct lb_cli *cli, int err, const struct lb_cli_link *link)
{
	bool refused = link != NULL && link->refused.code != 0;
	const char *code;
	char text[1024];

	lb_cli_failure_text(cli, err, link, &code, text, sizeof text);
	if (cli->json)
		lb_cli_json_error(cli, code, text);
	else
		tell(cli, refused ? "refused: " : "", text);
	return refused ? LB_EXIT_REFUSED : LB_EXIT_UNREACHABLE;
}

enum lb_exit
lb_cli_misuse(const struct lb_cli *cli, const char *verb, const char *problem)
{
	char text[1024];

	snprintf(text, sizeof text, "%s%s%s", verb, verb[0] != '\0' ? ": " : "", problem);
	if (cli->json) {
		lb_cli_json_error(cli, "bad-input", text);
		return LB_EXIT_USAGE;
	}
	/* The problem has quoted its foreign words escaped already. */
	fputs("lockbox: ", cli->err);
	lb_columns_wrap(cli->err, text, 9, 2, LB_CLI_WIDTH);
	/* Not --help: behind a host and no verb that would be an option of ssh's own. */
	if (cli->gate)
		fprintf(cli->err, "  ssh lockbox@%s help%s%s\n", cli->host,
			verb[0] != '\0' ? " " : "", verb);
	else
		fprintf(cli->err, "  lockbox help%s%s\n", verb[0] != '\0' ? " " : "", verb);
	return LB_EXIT_USAGE;
}
