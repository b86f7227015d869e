/* Tables: see table.h. */
#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "columns.h"
#include "err.h"
#include "text.h"

#define GAP 2	       /* blanks between columns */
#define NARROWEST 4    /* a shrinking column keeps this much */
#define CELL_TEXT 1024 /* escaped; more than any width could show */

#define NOTE_INDENT 4
#define NOTE_TEXT 4096 /* escaped, too */

struct note {
	char *text;
	size_t row;
	bool whole;
};

struct lb_cli_table {
	const struct lb_cli_column *columns;
	size_t count, rows, room;
	char **cells; /* rows * count */
	struct note *note;
	size_t notes, note_room;
};

struct lb_cli_table *
lb_cli_table_new(const struct lb_cli_column *columns, size_t count)
{
	struct lb_cli_table *t;

	if (count == 0 || count > LB_CLI_TABLE_COLUMNS)
		return NULL;
	t = calloc(1, sizeof *t);
	if (t == NULL)
		return NULL;
	t->columns = columns;
	t->count = count;
	return t;
}

void
lb_cli_table_free(struct lb_cli_table *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->rows * t->count; i++)
		free(t->cells[i]);
	for (size_t i = 0; i < t->notes; i++)
		free(t->note[i].text);
	free(t->cells);
	free(t->note);
	free(t);
}

static int
make_room(struct lb_cli_table *t)
{
	size_t room = t->room == 0 ? 16 : t->room * 2;
	char **cells;

	if (t->rows < t->room)
		return LB_OK;
	if (t->rows >= LB_CLI_TABLE_ROWS)
		return LB_ERR_TOO_LONG;
	cells = reallocarray(t->cells, room, t->count * sizeof *cells);
	if (cells == NULL)
		return LB_ERR_NOMEM;
	t->cells = cells;
	t->room = room;
	return LB_OK;
}

int
lb_cli_table_add(struct lb_cli_table *t, const char *const *cells)
{
	char **row, text[CELL_TEXT];
	int err = make_room(t);

	if (err != LB_OK)
		return err;
	row = t->cells + t->rows * t->count;
	for (size_t i = 0; i < t->count; i++) {
		lb_text_escape(text, sizeof text, cells[i]);
		row[i] = strdup(text);
		if (row[i] == NULL) {
			while (i > 0)
				free(row[--i]);
			return LB_ERR_NOMEM;
		}
	}
	t->rows++;
	return LB_OK;
}

int
lb_cli_table_note(struct lb_cli_table *t, const char *text, bool whole)
{
	size_t room = t->note_room == 0 ? 16 : t->note_room * 2;
	char safe[NOTE_TEXT];
	struct note *note = t->note;

	if (text[0] == '\0' || t->rows == 0)
		return LB_OK;
	if (t->notes == t->note_room) {
		note = reallocarray(t->note, room, sizeof *note);
		if (note == NULL)
			return LB_ERR_NOMEM;
		t->note = note;
		t->note_room = room;
	}
	lb_text_escape(safe, sizeof safe, text);
	note += t->notes;
	*note = (struct note){strdup(safe), t->rows - 1, whole};
	if (note->text == NULL)
		return LB_ERR_NOMEM;
	t->notes++;
	return LB_OK;
}

size_t
lb_cli_table_rows(const struct lb_cli_table *t)
{
	return t->rows;
}

static void
natural_widths(const struct lb_cli_table *t, size_t *widths)
{
	for (size_t i = 0; i < t->count; i++)
		widths[i] = lb_columns_width(t->columns[i].title);
	for (size_t i = 0; i < t->rows * t->count; i++) {
		size_t width = lb_columns_width(t->cells[i]);

		if (width > widths[i % t->count])
			widths[i % t->count] = width;
	}
}

/* The widest column that may still give way, or count when there is none. */
static size_t
widest(const struct lb_cli_table *t, const size_t *widths, bool any)
{
	size_t best = t->count;

	for (size_t i = 0; i < t->count; i++)
		if ((any || t->columns[i].shrinks) && widths[i] > NARROWEST &&
		    (best == t->count || widths[i] > widths[best]))
			best = i;
	return best;
}

/* Takes columns off until the line fits: first where the table allows it, then anywhere. */
static void
shrink(const struct lb_cli_table *t, size_t *widths, size_t width)
{
	size_t total = (t->count - 1) * GAP;

	for (size_t i = 0; i < t->count; i++)
		total += widths[i];
	for (; total > width; total--) {
		size_t i = widest(t, widths, false);

		if (i == t->count)
			i = widest(t, widths, true);
		if (i == t->count)
			return;
		widths[i]--;
	}
}

static void
print_row(const struct lb_cli_table *t, FILE *out, const size_t *widths, const char *const *cells)
{
	size_t last = t->count - 1;

	/* No blanks at the end of a line. */
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): every table has columns */
	while (last > 0 && cells[last][0] == '\0')
		last--;
	for (size_t i = 0; i <= last; i++) {
		size_t own = lb_columns_width(cells[i]);

		lb_columns_print(out, cells[i], i == last && own < widths[i] ? own : widths[i]);
		if (i < last)
			fprintf(out, "%*s", GAP, "");
	}
	fputc('\n', out);
}

static void
print_note(FILE *out, const struct note *note, size_t width)
{
	size_t own = lb_columns_width(note->text), room = width - NOTE_INDENT;

	fprintf(out, "%*s", NOTE_INDENT, "");
	if (note->whole) {
		lb_columns_wrap(out, note->text, NOTE_INDENT, NOTE_INDENT, width);
		return;
	}
	lb_columns_print(out, note->text, own < room ? own : room);
	fputc('\n', out);
}

void
lb_cli_table_print(const struct lb_cli_table *t, FILE *out, size_t width, bool bold)
{
	size_t widths[LB_CLI_TABLE_COLUMNS];
	const char *titles[LB_CLI_TABLE_COLUMNS];

	natural_widths(t, widths);
	shrink(t, widths, width);
	for (size_t i = 0; i < t->count; i++)
		titles[i] = t->columns[i].title;
	if (bold)
		fputs("\033[1m", out);
	print_row(t, out, widths, titles);
	if (bold)
		fputs("\033[0m", out);
	for (size_t r = 0, n = 0; r < t->rows; r++) {
		print_row(t, out, widths, (const char *const *)t->cells + r * t->count);
		for (; n < t->notes && t->note[n].row == r; n++)
			print_note(out, &t->note[n], width);
	}
}
