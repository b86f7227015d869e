/*
 * Text that people read and write: escaping, durations, times.
 *
 * Nothing here depends on the locale or the environment.
 */
#ifndef LB_TEXT_H
#define LB_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * True when text is well-formed UTF-8 (RFC 3629) without control characters:
 * no C0 (newline and tab included), DEL, C1, line or paragraph separators,
 * none of Unicode's bidirectional controls or invisible characters, and no more
 * than LB_TEXT_MARKS_MAX combining marks in a row.
 */
#define LB_TEXT_MARKS_MAX 4
bool lb_text_plain(const char *text);

/*
 * Copies text into out (cap bytes, always terminated), writing every byte that
 * lb_text_plain() would refuse as \xHH, and a backslash as \\.  Returns the
 * length written; what does not fit is cut before a whole character.
 */
size_t lb_text_escape(char *out, size_t cap, const char *text);

/*
 * Like lb_text_escape(), for a value inside double quotes in a log line: the
 * quote is written \" as well.
 */
size_t lb_text_escape_quoted(char *out, size_t cap, const char *text);

/* Room that the escaped form of a text of max bytes may need, with the NUL. */
#define LB_ESCAPED(max) ((max)*4 + 1)

/* Longest result of lb_duration_format() and lb_time_format(), with the NUL. */
#define LB_DURATION_TEXT 32
#define LB_TIME_TEXT 32

/*
 * Reads a duration such as "20s", "30m", "4h", "1d" or "1h30m" into seconds.
 * Whole numbers with one unit each, largest first, greater than zero, at most
 * a year.  LB_ERR_MALFORMED otherwise.
 */
int lb_duration_parse(const char *text, uint32_t *seconds);

/* Writes seconds as lb_duration_parse() reads it ("1h30m"; 0 gives "0s"). */
void lb_duration_format(char out[LB_DURATION_TEXT], uint64_t seconds);

/*
 * Reads a moment into Unix seconds: RFC 3339 ("2026-11-23T08:00:00Z",
 * "2026-11-23T09:00:00+01:00"; seconds may be left out, fractions may not be
 * there), from 1970 to 9999; or "18:30" on the clock of this process's time
 * zone: the next one after now_s.  LB_ERR_MALFORMED otherwise, also for days and
 * hours that do not exist.
 */
int lb_moment_parse(const char *text, int64_t now_s, uint64_t *unix_s);

/* Writes Unix time (seconds, UTC) as RFC 3339, "2026-11-22T00:20:00Z"; "-" before 1970 and after 9999. */
void lb_time_format(char out[LB_TIME_TEXT], int64_t unix_s);

#endif
