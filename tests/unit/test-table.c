/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* table, term: columns align, narrow terminals cut names alone, nothing unprintable gets out. */

#include "table.h"

#include <errno.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct column columns[] = {
        { .title = "NAME", .shorten = true },
        { .title = "COUNT", .right = true },
        { .title = "LAST" },
};

/* A terminal that writes into memory. */
struct paper {
        struct term term;
        char *text;
        size_t len;
};

static void paper_init(struct paper *paper)
{
        *paper = (struct paper){ 0 };
        paper->term.out = open_memstream(&paper->text, &paper->len);
        assert_non_null(paper->term.out);
}

static void paper_done(struct paper *paper)
{
        fclose(paper->term.out);
        free(paper->text);
}

static void assert_paper(struct paper *paper, const char *expected)
{
        fflush(paper->term.out);
        assert_string_equal(paper->text, expected);
}

static void add_row(struct table *table, const char *name, const char *count, const char *last)
{
        table_cell(table, PAINT_NONE, "%s", name);
        table_cell(table, PAINT_WARNING, "%s", count);
        table_cell(table, PAINT_NONE, "%s", last);
}

static struct table *new_table(const struct paper *paper)
{
        struct table *table = table_new(columns, ARRAY_SIZE(columns), &paper->term);

        assert_non_null(table);
        return table;
}

static void test_aligned(void **state)
{
        struct paper paper;
        struct table *table;

        (void)state;
        paper_init(&paper);
        table = new_table(&paper);
        add_row(table, "a", "1", "x");
        add_row(table, "longer", "18446744073709551615", "yy");
        assert_int_equal(table_print(table), 0);
        assert_paper(&paper, "NAME                   COUNT  LAST\n"
                             "a                          1  x\n"
                             "longer  18446744073709551615  yy\n");
        table_free(table);
        paper_done(&paper);
}

static void test_batches(void **state)
{
        struct paper paper;
        struct table *table;

        (void)state;
        paper_init(&paper);
        table = new_table(&paper);
        add_row(table, "abcdef", "1", "x");
        assert_int_equal(table_print(table), 0);
        add_row(table, "b", "22", "y");
        assert_int_equal(table_print(table), 0);
        assert_int_equal(table_print(table), 0);
        assert_paper(&paper, "NAME    COUNT  LAST\n"
                             "abcdef      1  x\n"
                             "b          22  y\n");
        table_free(table);
        paper_done(&paper);
}

/* For who lays it out otherwise. */
static void test_texts(void **state)
{
        struct paper paper;
        struct table *table;
        enum paint paint;
        size_t n;

        (void)state;
        paper_init(&paper);
        table = new_table(&paper);
        assert_int_equal(table_rows(table), 0);
        add_row(table, "a\033b", "1", "x");
        table_note(table, "note %d", 1);
        table_note(table, "\033");
        add_row(table, "c", "2", "y");
        table_cell(table, PAINT_NONE, "not whole");
        assert_int_equal(table_rows(table), 2);
        assert_ptr_equal(table_columns(table, &n), columns);
        assert_int_equal(n, ARRAY_SIZE(columns));
        assert_string_equal(table_text(table, 0, 0, &paint), "a\\x1bb");
        assert_int_equal(paint, PAINT_NONE);
        assert_string_equal(table_text(table, 1, 1, &paint), "2");
        assert_int_equal(paint, PAINT_WARNING);
        assert_string_equal(table_note_text(table, 0, 0), "note 1");
        assert_string_equal(table_note_text(table, 0, 1), "\\x1b");
        assert_null(table_note_text(table, 0, 2));
        assert_null(table_note_text(table, 0, TABLE_NOTES_MAX));
        assert_null(table_note_text(table, 1, 0));
        assert_false(table_has_failed(table));
        table_free(table);
        paper_done(&paper);
}

static void test_incomplete_row(void **state)
{
        struct paper paper;
        struct table *table;

        (void)state;
        paper_init(&paper);
        table = new_table(&paper);
        table_cell(table, PAINT_NONE, "a");
        assert_int_equal(table_print(table), -EINVAL);
        assert_paper(&paper, "");
        table_free(table);
        paper_done(&paper);
}

static void test_narrow(void **state)
{
        struct paper paper;
        struct table *table;

        (void)state;
        paper_init(&paper);
        paper.term.width = 32;
        table = new_table(&paper);
        add_row(table, "a-very-long-name-of.service", "1234567890", "x");
        add_row(table, "short", "1", "x");
        assert_int_equal(table_print(table), 0);
        assert_paper(&paper, "NAME                 COUNT  LAST\n"
                             "a-very-long...  1234567890  x\n"
                             "short                    1  x\n");
        table_free(table);
        paper_done(&paper);
}

/* Too narrow even for the least: the name keeps 8 columns, the number is whole. */
static void test_too_narrow(void **state)
{
        struct paper paper;
        struct table *table;

        (void)state;
        paper_init(&paper);
        paper.term.width = 20;
        table = new_table(&paper);
        add_row(table, "a-very-long-name", "12345678901234567890", "x");
        assert_int_equal(table_print(table), 0);
        fflush(paper.term.out);
        assert_non_null(strstr(paper.text, "a-ver...  12345678901234567890  x\n"));
        table_free(table);
        paper_done(&paper);
}

static void test_note(void **state)
{
        struct paper paper;
        struct table *table;

        (void)state;
        paper_init(&paper);
        paper.term.width = 30;
        table = new_table(&paper);
        table_note(table, "of no row");
        add_row(table, "a", "1", "x");
        table_note(table, "%s", "a note that is longer than the\twidth");
        table_note(table, "a second one");
        table_note(table, "a third one");
        table_note(table, "a fourth one");
        table_note(table, "a fifth one");
        table_note(table, "a sixth one");
        table_note(table, "one too many");
        table_cell(table, PAINT_NONE, "b");
        table_note(table, "within a row");
        table_cell(table, PAINT_NONE, "2");
        table_cell(table, PAINT_NONE, "y");
        assert_int_equal(table_print(table), 0);
        assert_paper(&paper, "NAME  COUNT  LAST\n"
                             "a         1  x\n"
                             "  a note that is longer tha...\n"
                             "  a second one\n"
                             "  a third one\n"
                             "  a fourth one\n"
                             "  a fifth one\n"
                             "  a sixth one\n"
                             "b         2  y\n");
        table_free(table);
        paper_done(&paper);
}

static void test_colour(void **state)
{
        struct paper paper;
        struct table *table;

        (void)state;
        paper_init(&paper);
        paper.term.colour = true;
        table = new_table(&paper);
        add_row(table, "a", "7", "x");
        assert_int_equal(table_print(table), 0);
        assert_paper(&paper, "\033[1mNAME\033[0m  \033[1mCOUNT\033[0m  \033[1mLAST\033[0m\n"
                             "a         \033[33m7\033[0m  x\n");
        table_free(table);
        paper_done(&paper);
}

static void assert_printable(const char *text, bool utf8, const char *expected)
{
        char *printable = text_printable(text, utf8);

        assert_non_null(printable);
        assert_string_equal(printable, expected);
        free(printable);
}

static void test_printable(void **state)
{
        static const char *const hostile[][2] = {
                { "plain ~!\\", "plain ~!\\" },
                { "\033[2J", "\\x1b[2J" },
                { "a\nb\tc\rd\x7f", "a\\x0ab\\x09c\\x0dd\\x7f" },
                { "\xff\xfe", "\\xff\\xfe" },
                { "\xc2\x9b"
                  "1m",
                  "\\xc2\\x9b1m" }, /* C1: CSI */
                { "\xe2\x80\xae"
                  "abc",
                  "\\xe2\\x80\\xaeabc" },                       /* right-to-left override */
                { "\xc0\xaf", "\\xc0\\xaf" },                   /* overlong */
                { "\xed\xa0\x80", "\\xed\\xa0\\x80" },          /* surrogate */
                { "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" }, /* above U+10FFFF */
                { "\xe2\x82", "\\xe2\\x82" },                   /* cut */
                { "\xef\xbb\xbf", "\\xef\\xbb\\xbf" },          /* byte order mark */
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
                assert_printable(hostile[i][0], true, hostile[i][1]);
                assert_printable(hostile[i][0], false, hostile[i][1]);
        }
        assert_printable("caf\xc3\xa9", true, "caf\xc3\xa9");
        assert_printable("caf\xc3\xa9", false, "caf\\xc3\\xa9");
}

static void assert_shortened(const char *text, size_t width, bool utf8, const char *expected)
{
        char *copy = text_printable(text, utf8);

        assert_non_null(copy);
        text_shorten(copy, width, utf8);
        assert_string_equal(copy, expected);
        assert_true(text_width(copy) <= width || strcmp(copy, text) == 0);
        free(copy);
}

static void test_shorten(void **state)
{
        (void)state;
        assert_shortened("abcdef", 6, true, "abcdef");
        assert_shortened("abcdef", 5, true, "abcd\xe2\x80\xa6");
        assert_shortened("abcdef", 5, false, "ab...");
        assert_shortened("abcdef", 3, false, "...");
        assert_shortened("abcdef", 2, false, "");
        assert_shortened("abcdef", 0, true, "");
        assert_shortened("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 3, true,
                         "\xc3\xa9\xc3\xa9\xe2\x80\xa6");
        /* Two columns each, and the mark has one. */
        assert_shortened("\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2", 4, true,
                         "\xe6\xbc\xa2\xe2\x80\xa6");
        assert_shortened("ab", 1, true, "\xe2\x80\xa6");
}

static void test_prose(void **state)
{
        struct paper paper;

        (void)state;
        paper_init(&paper);
        term_prose(&paper.term, PAINT_NONE, 2, "one two three");
        paper.term.width = 30;
        paper.term.colour = true;
        term_prose(&paper.term, PAINT_FAINT, 2, "a line that is broken where it no longer fits");
        assert_paper(&paper, "  one two three\n"
                             "\033[2m  a line that is broken where\n"
                             "  it no longer fits\033[0m\n");
        paper_done(&paper);
}

/* Without a terminal prose is broken all the same, a line that is said is not. */
static void test_prose_without_terminal(void **state)
{
        char text[150] = "";
        struct paper paper;

        (void)state;
        for (size_t i = 0; i < 50; i++)
                strcat(text, i < 49 ? "ab " : "ab");
        paper_init(&paper);
        term_prose(&paper.term, PAINT_NONE, 0, text);
        fflush(paper.term.out);
        assert_int_equal(strchr(paper.text, '\n') - paper.text, 33 * 3 - 1);
        assert_int_equal(paper.len, sizeof(text));
        paper_done(&paper);

        paper_init(&paper);
        term_say(&paper.term, PAINT_NONE, "%s", text);
        fflush(paper.term.out);
        assert_int_equal(strchr(paper.text, '\n') - paper.text, strlen(text));
        paper_done(&paper);
}

static void assert_wrapped(const char *text, size_t width, const char *expected)
{
        char *copy = strdup(text);

        assert_non_null(copy);
        text_wrap(copy, width);
        assert_string_equal(copy, expected);
        free(copy);
}

static void test_wrap(void **state)
{
        (void)state;
        assert_wrapped("", 5, "");
        assert_wrapped("ab cd ef", 0, "ab cd ef");
        assert_wrapped("ab cd ef", 8, "ab cd ef");
        assert_wrapped("ab cd ef", 7, "ab cd\nef");
        assert_wrapped("ab cd ef", 4, "ab\ncd\nef");
        assert_wrapped("ab longer ef", 4, "ab\nlonger\nef");
        assert_wrapped("longer ef", 4, "longer\nef");
        assert_wrapped("ab  cd ", 5, "ab \ncd ");
        /* Columns, not bytes. */
        assert_wrapped("\xc3\xa9\xc3\xa9 \xc3\xa9", 4, "\xc3\xa9\xc3\xa9 \xc3\xa9");
}

static void test_say(void **state)
{
        struct paper paper;

        (void)state;
        paper_init(&paper);
        term_say(&paper.term, PAINT_CRITICAL, "a%sb", "\033]0;x\a");
        paper.term.width = 20;
        term_say(&paper.term, PAINT_NONE, "broken where it no longer fits");
        assert_paper(&paper, "a\\x1b]0;x\\x07b\nbroken where it no\nlonger fits\n");
        paper_done(&paper);
}

static void test_no_colour(void **state)
{
        struct term term;
        FILE *file = fopen("/dev/null", "we");

        (void)state;
        assert_non_null(file);
        term_detect(&term, file, false);
        assert_false(term.terminal);
        assert_false(term.colour);
        assert_int_equal(term.width, 0);
        assert_string_equal(term_paint(&term, PAINT_CRITICAL), "");
        fclose(file);
}

/* An entry's text stands in a column of its own, in every line; its label is as suspect as it. */
static void test_entry(void **state)
{
        struct paper paper;

        (void)state;
        paper_init(&paper);
        term_entry(&paper.term, "one", 6, "two three four");
        paper.term.width = 14;
        term_entry(&paper.term, "one", 6, "two three four");
        term_entry(&paper.term, "toolong", 6, "a\033b");
        term_entry(&paper.term, "\033", 6, "");
        assert_paper(&paper, "one   two three four\n"
                             "one   two\n"
                             "      three\n"
                             "      four\n"
                             "to... a\\x1bb\n"
                             "\\x1b  \n");
        paper_done(&paper);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_aligned),   cmocka_unit_test(test_batches),
                cmocka_unit_test(test_texts),     cmocka_unit_test(test_incomplete_row),
                cmocka_unit_test(test_narrow),    cmocka_unit_test(test_too_narrow),
                cmocka_unit_test(test_note),      cmocka_unit_test(test_colour),
                cmocka_unit_test(test_printable), cmocka_unit_test(test_shorten),
                cmocka_unit_test(test_prose),     cmocka_unit_test(test_prose_without_terminal),
                cmocka_unit_test(test_wrap),      cmocka_unit_test(test_say),
                cmocka_unit_test(test_no_colour), cmocka_unit_test(test_entry),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        setlocale(LC_CTYPE, "C.UTF-8");
        return cmocka_run_group_tests(tests, NULL, NULL);
}
