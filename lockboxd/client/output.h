/*
 * What people read: safe text, times, and what went wrong with what to do.
 *
 * Nothing from the daemon reaches a terminal but through lb_text_escape().
 */
#ifndef LB_CLIENT_OUTPUT_H
#define LB_CLIENT_OUTPUT_H

#include <stdint.h>

#include "cli.h"
#include "ask.h"

/* "in 4m 10s", "3h 2m ago" or "now", of a time in Unix seconds. */
#define LB_WHEN_TEXT 48
void lb_cli_relative(char out[LB_WHEN_TEXT], uint64_t now_s, uint64_t then_s);

/* "in 4m 10s (2026-11-22T00:20:00Z)". */
#define LB_MOMENT_TEXT 96
void lb_cli_moment(char out[LB_MOMENT_TEXT], const struct lb_cli *cli, uint64_t then_s);

/* The whole of "20s", "1h 30m": a duration for people. */
void lb_cli_duration(char out[LB_WHEN_TEXT], uint64_t seconds);

/* Prints "  Label     text", escaped and wrapped; nothing when text is empty. */
void lb_cli_label(const struct lb_cli *cli, const char *label, const char *text);

/* Prints a printf-like sentence, escaped as a whole and wrapped. */
void lb_cli_say(const struct lb_cli *cli, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Prints a text of several lines as it is, indented, a blank line before and behind it. */
void lb_cli_quote(const struct lb_cli *cli, const char *text);

/*
 * Prints a command line to copy, indented, broken only as a shell takes it: lb_cli_own() as this
 * caller would type it here, lb_cli_ssh() as anybody would from anywhere.
 */
void lb_cli_own(const struct lb_cli *cli, const char *host, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void lb_cli_ssh(const struct lb_cli *cli, const char *host, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Bold or coloured when the terminal wants it: lb_cli_style(cli, "1") … lb_cli_style(cli, "0"). */
void lb_cli_style(const struct lb_cli *cli, const char *code);

/* The name of a refusal in --json, "no-permission". */
const char *lb_cli_refusal_name(uint16_t code);

/*
 * Tells the caller why a conversation failed, in words on err or as JSON on
 * out, and returns the exit status.  link may be NULL when there was none.
 */
enum lb_exit lb_cli_failure(const struct lb_cli *cli, int err, const struct lb_cli_link *link);

/* What to call this failure in --json, with its text. */
void lb_cli_failure_text(const struct lb_cli *cli, int err, const struct lb_cli_link *link,
			 const char **code, char *text, size_t cap);

/* Tells the caller that the command makes no sense, and how it goes. */
enum lb_exit lb_cli_misuse(const struct lb_cli *cli, const char *verb, const char *problem);

#endif
