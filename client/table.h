/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Aligned tables: rows are collected, then printed as wide as their widest cell needs and the
 * terminal allows. Printing in several goes keeps the header and the widths of the first.
 *
 * Errors are sticky: a row that found no memory makes table_print() say -ENOMEM.
 */

#include "term.h"

#define TABLE_COLUMNS_MAX   12
#define TABLE_SHORTENED_MIN 8 /* columns; a shortened cell is never narrower */
#define TABLE_NOTES_MAX     6 /* of one row */

struct column {
        const char *title;
        size_t min_width; /* for tables printed in several goes */
        bool right;       /* numbers */
        bool shorten;     /* may be cut where the terminal is too narrow: names, never numbers */
};

struct table;

/* columns and term are borrowed for the table's life. n <= TABLE_COLUMNS_MAX. NULL: no memory. */
struct table *table_new(const struct column *columns, size_t n, const struct term *term);
struct table *table_free(struct table *table);
DEFINE_CLEANUP(struct table *, table_free)

/* Appends a cell, made printable, beginning a new row after the last column. */
void table_cell(struct table *table, enum paint paint, const char *format, ...) PRINTF_LIKE(3, 4);

/*
 * A line of its own below the row that was just completed, indented, cut at the terminal's width.
 * What is above TABLE_NOTES_MAX, or within a row, is dropped.
 */
void table_note(struct table *table, const char *format, ...) PRINTF_LIKE(2, 3);

/* Prints the header, the first time, and the whole rows; drops the rows. 0 or -ENOMEM. */
int table_print(struct table *table);

/*
 * What was collected, for others to lay out; every text is printable. A row is what table_cell() has
 * completed.
 */
size_t table_rows(const struct table *table);
const struct column *table_columns(const struct table *table, size_t *ret_n);
/* row and column exist. */
const char *table_text(const struct table *table, size_t row, size_t column, enum paint *ret_paint);
/* The ith note below that row; NULL behind the last. */
const char *table_note_text(const struct table *table, size_t row, size_t i);
/* Something found no memory. */
bool table_has_failed(const struct table *table);
