/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Cells are one growing array of printable strings, row after row; widths are taken when a table is
 * printed. Widths only ever grow, so a long table may be printed in batches and still aligns as
 * long as min_width covers what later batches bring.
 *
 * Too narrow a terminal costs the columns marked "shorten" their width, from the right; numbers are
 * never cut, they rather run over the edge.
 */

#include "table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_GAP 2 /* blanks between columns */

struct cell {
        char *text;
        char *notes[TABLE_NOTES_MAX]; /* of the last cell of a row; the first NULL ends them */
        enum paint paint;
};

struct table {
        const struct column *columns;
        const struct term *term;
        size_t n_columns;
        struct cell *cells;
        size_t n_cells, size;
        size_t widths[TABLE_COLUMNS_MAX];
        bool headed;
        bool failed;
};

struct table *table_new(const struct column *columns, size_t n, const struct term *term)
{
        struct table *table = n <= TABLE_COLUMNS_MAX ? calloc(1, sizeof(*table)) : NULL;

        if (!table)
                return NULL;
        table->columns = columns;
        table->n_columns = n;
        table->term = term;
        for (size_t i = 0; i < n; i++)
                table->widths[i] = MAX(strlen(columns[i].title), columns[i].min_width);
        return table;
}

static void drop_cells(struct table *table)
{
        for (size_t i = 0; i < table->n_cells; i++) {
                free(table->cells[i].text);
                for (size_t j = 0; j < TABLE_NOTES_MAX && table->cells[i].notes[j]; j++)
                        free(table->cells[i].notes[j]);
        }
        table->n_cells = 0;
}

struct table *table_free(struct table *table)
{
        if (!table)
                return NULL;
        drop_cells(table);
        free(table->cells);
        free(table);
        return NULL;
}

static bool make_room(struct table *table)
{
        size_t size = table->size ? table->size * 2 : 64;
        struct cell *cells;

        if (table->n_cells < table->size)
                return true;
        cells = reallocarray(table->cells, size, sizeof(*cells));
        if (!cells)
                return false;
        table->cells = cells;
        table->size = size;
        return true;
}

/* NULL for no memory, which is remembered. */
static char *make_text(struct table *table, const char *format, va_list args)
{
        char *raw = NULL, *text = NULL;

        if (vasprintf(&raw, format, args) >= 0) {
                text = text_printable(raw, table->term->utf8);
                free(raw);
        }
        if (!text)
                table->failed = true;
        return text;
}

void table_cell(struct table *table, enum paint paint, const char *format, ...)
{
        va_list args;
        char *text;

        va_start(args, format);
        text = make_text(table, format, args);
        va_end(args);
        if (!text || !make_room(table)) {
                free(text);
                table->failed = true;
                return;
        }
        table->cells[table->n_cells++] = (struct cell){ .text = text, .paint = paint };
}

void table_note(struct table *table, const char *format, ...)
{
        struct cell *cell = table->n_cells > 0 ? &table->cells[table->n_cells - 1] : NULL;
        size_t n = 0;
        va_list args;

        if (!cell || table->n_cells % table->n_columns != 0)
                return;
        while (n < TABLE_NOTES_MAX && cell->notes[n])
                n++;
        if (n == TABLE_NOTES_MAX)
                return;
        va_start(args, format);
        cell->notes[n] = make_text(table, format, args);
        va_end(args);
}

static void widen(struct table *table)
{
        for (size_t i = 0; i < table->n_cells; i++) {
                size_t *width = &table->widths[i % table->n_columns];

                *width = MAX(*width, text_width(table->cells[i].text));
        }
}

/* Takes from the columns that may be cut what the terminal has too little. */
static void narrow(struct table *table)
{
        size_t total = TABLE_GAP * (table->n_columns - 1);

        for (size_t i = 0; i < table->n_columns; i++)
                total += table->widths[i];
        for (size_t i = table->n_columns; i-- > 0 && total > table->term->width;) {
                size_t least = MAX(strlen(table->columns[i].title), TABLE_SHORTENED_MIN);
                size_t cut = total - table->term->width;

                if (!table->columns[i].shorten || table->widths[i] <= least)
                        continue;
                cut = MIN(cut, table->widths[i] - least);
                table->widths[i] -= cut;
                total -= cut;
        }
}

static void print_cell(const struct table *table, size_t column, const char *text, enum paint paint)
{
        const struct term *term = table->term;
        size_t width = text_width(text), room = table->widths[column];
        int padding = room > width ? (int)(room - width) : 0;
        bool last = column + 1 == table->n_columns;

        if (table->columns[column].right)
                fprintf(term->out, "%*s", padding, "");
        fprintf(term->out, "%s%s%s", term_paint(term, paint), text, term_unpaint(term, paint));
        if (last)
                fputc('\n', term->out);
        else
                fprintf(term->out, "%*s", TABLE_GAP + (table->columns[column].right ? 0 : padding),
                        "");
}

static void print_note(const struct table *table, char *note)
{
        const struct term *term = table->term;

        if (term->width > TABLE_GAP)
                text_shorten(note, term->width - TABLE_GAP, term->utf8);
        fprintf(term->out, "%*s%s\n", TABLE_GAP, "", note);
}

int table_print(struct table *table)
{
        if (table->failed || table->n_cells % table->n_columns != 0)
                return table->failed ? -ENOMEM : -EINVAL;
        widen(table);
        if (table->term->width > 0)
                narrow(table);
        for (size_t i = 0; !table->headed && i < table->n_columns; i++)
                print_cell(table, i, table->columns[i].title, PAINT_HEAD);
        table->headed = true;
        for (size_t i = 0; i < table->n_cells; i++) {
                size_t column = i % table->n_columns;
                struct cell *cell = &table->cells[i];

                if (table->columns[column].shorten)
                        text_shorten(cell->text, table->widths[column], table->term->utf8);
                print_cell(table, column, cell->text, cell->paint);
                for (size_t j = 0; j < TABLE_NOTES_MAX && cell->notes[j]; j++)
                        print_note(table, cell->notes[j]);
        }
        drop_cells(table);
        return 0;
}

size_t table_rows(const struct table *table)
{
        return table->n_cells / table->n_columns;
}

const struct column *table_columns(const struct table *table, size_t *ret_n)
{
        *ret_n = table->n_columns;
        return table->columns;
}

const char *table_text(const struct table *table, size_t row, size_t column, enum paint *ret_paint)
{
        const struct cell *cell = &table->cells[row * table->n_columns + column];

        *ret_paint = cell->paint;
        return cell->text;
}

const char *table_note_text(const struct table *table, size_t row, size_t i)
{
        const struct cell *last = &table->cells[(row + 1) * table->n_columns - 1];

        return i < TABLE_NOTES_MAX ? last->notes[i] : NULL;
}

bool table_has_failed(const struct table *table)
{
        return table->failed;
}
