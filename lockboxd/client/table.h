/*
 * A table for people: as wide as its contents, and never wider than asked.
 * Where it would be, the columns that may shrink give way, the widest first.
 */
#ifndef LB_CLIENT_TABLE_H
#define LB_CLIENT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define LB_CLI_TABLE_COLUMNS 8
#define LB_CLI_TABLE_ROWS 100000u

struct lb_cli_column {
	const char *title;
	bool shrinks;
};

struct lb_cli_table;

/* columns stays the caller's and must outlive the table.  NULL: out of memory. */
struct lb_cli_table *lb_cli_table_new(const struct lb_cli_column *columns, size_t count);
void lb_cli_table_free(struct lb_cli_table *t);

/*
 * Adds a row of as many cells as there are columns.  Cells are raw text: they
 * are escaped here.  LB_ERR_NOMEM; LB_ERR_TOO_LONG: over LB_CLI_TABLE_ROWS.
 */
int lb_cli_table_add(struct lb_cli_table *t, const char *const *cells);

/*
 * Adds a line of its own below the last row, indented: cut to the width, or, if
 * it is to be whole, wrapped.  Raw text; "" adds nothing.  LB_ERR_NOMEM.
 */
int lb_cli_table_note(struct lb_cli_table *t, const char *text, bool whole);

size_t lb_cli_table_rows(const struct lb_cli_table *t);

/* Prints the titles (bold if asked) and all rows in at most width columns. */
void lb_cli_table_print(const struct lb_cli_table *t, FILE *out, size_t width, bool bold);

#endif
