/*
 * Fitting text into terminal columns.
 *
 * Widths are counted in columns of whole characters, from a small table of
 * wide and combining ranges, so that no locale is asked.  All text here has
 * been through lb_text_escape() before.
 */
#ifndef LB_CLIENT_COLUMNS_H
#define LB_CLIENT_COLUMNS_H

#include <stddef.h>
#include <stdio.h>

/* Columns that text takes. */
size_t lb_columns_width(const char *text);

/* Bytes of the longest start of text that takes at most width columns. */
size_t lb_columns_prefix(const char *text, size_t width);

/* Prints text in exactly width columns: padded with blanks, or cut with "…". */
void lb_columns_print(FILE *out, const char *text, size_t width);

/*
 * Prints text and a newline, broken at blanks into lines of at most width
 * columns.  The cursor is at column `at`; later lines begin at column indent.
 * A word longer than a line is broken anywhere: nothing is left out.
 */
void lb_columns_wrap(FILE *out, const char *text, size_t at, size_t indent, size_t width);

#endif
