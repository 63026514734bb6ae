/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The screen: two lines of how the host and twmond are; the list, the page of one port, or the help;
 * and the keys. Every text is made printable on its way to a cell.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "field.h"
#include "top.h"
#include "view_pace.h"

#define ROWS_ENOUGH    20 /* for a second line of the summary */
#define AWAY_MAX       320
#define PAGE_WIDTH_MIN 20U /* what is narrower is cut */

unsigned top_head_rows(const struct top *top)
{
        return top->summary_rows + 1;
}

static unsigned rows_of(const struct top *top, unsigned used)
{
        const unsigned rows = topscreen_rows(top->screen);

        return rows > used ? rows - used : 0;
}

size_t top_list_rows(const struct top *top)
{
        return rows_of(top, top_head_rows(top) + TOP_TITLE_ROWS + TOP_FOOT_ROWS);
}

size_t top_page_rows(const struct top *top)
{
        return rows_of(top, top_head_rows(top) + TOP_TITLE_ROWS + 1);
}

void top_put(struct top *top, struct topscreen_at at, const char *text)
{
        CLEANUP(free_text) char *printable = text_printable(text, top->view->term.utf8);

        if (printable)
                topscreen_put(top->screen, at, printable);
}

/* A bar over the whole width. */
void top_put_bar(struct top *top, struct topscreen_at at, const char *text)
{
        CLEANUP(free_text) char *bar = NULL;

        if (asprintf(&bar, "%-*s", (int)topscreen_columns(top->screen), text) >= 0)
                top_put(top, at, bar);
}

/* ---- the head ---- */

static bool is_away(const struct top *top)
{
        return !top->link.conn || top->link.lost || top->trouble[0];
}

/* What is wrong with the connection, empty where nothing is. */
static void write_away(const struct top *top, uint64_t now_usec, char text[static AWAY_MAX])
{
        char age[UNITS_TEXT_MAX] = "";
        const int error = top->link.error;
        const bool gone = error == -ENOENT || error == -ECONNREFUSED;

        text[0] = '\0';
        if (!is_away(top))
                return;
        if (top->answered_usec > 0)
                units_format_age(now_usec - top->answered_usec, age);
        snprintf(text, AWAY_MAX, "OLD%s%s%s: %s%s; trying again.", *age ? " (from " : "", age,
                 *age ? " ago)" : "",
                 top->trouble[0]       ? top->trouble
                 : gone                ? "twmond is not running"
                 : error == -ETIMEDOUT ? "twmond does not answer"
                                       : "twmond ",
                 top->trouble[0] || gone || error == -ETIMEDOUT ? "" : view_explain(error));
}

/* From that row on, on as many as there are for it. */
static void draw_sentence(struct top *top, const char *text, struct topscreen_at at)
{
        CLEANUP(free_text) char *printable = text_printable(text, top->view->term.utf8);
        char *rest = printable;

        if (!printable)
                return;
        text_wrap(printable, topscreen_columns(top->screen));
        for (; at.row < top->summary_rows && rest; at.row++) {
                if (at.row + 1 == top->summary_rows)
                        for (char *gap = rest; (gap = strchr(gap, '\n'));)
                                *gap = ' '; /* what is too long is cut there */
                topscreen_put(top->screen, at, strsep(&rest, "\n"));
        }
}

static const char *summary(const struct top *top)
{
        const char *text = field_text(top->status, "summary");

        return text ? text : "Waiting for twmond ...";
}

/* The last one stays, below what is wrong. */
static void draw_summary(struct top *top, uint64_t now_usec)
{
        const struct topscreen_at bar = { .paint = PAINT_WARNING, .reverse = true };
        struct topscreen_at at = { .paint = paint_of(field_text(top->status, "verdict")) };
        char away[AWAY_MAX];

        write_away(top, now_usec, away);
        if (*away) {
                top_put_bar(top, bar, away);
                at.row = 1;
        }
        draw_sentence(top, summary(top), at);
}

static void write_pace(FILE *out, const struct top *top)
{
        fprintf(out, "%zu", top->model.n);
        if (top->model.total > top->model.n)
                fprintf(out, " of %" PRIu64, top->model.total);
        fprintf(out, " port%s by %s; ", top->model.total == 1 ? "" : "s",
                topmodel_order_name(top->model.order));
        view_pace_write_line(out, top->status, is_away(top) ? NULL : top->status, false);
}

static int draw_pace(struct top *top)
{
        CLEANUP(free_text) char *text = NULL;
        size_t len;
        FILE *out = open_memstream(&text, &len);

        if (!out)
                return -ENOMEM;
        if (top->status)
                write_pace(out, top);
        if (fclose(out) != 0)
                return -ENOMEM;
        top_put(top, (struct topscreen_at){ .row = top->summary_rows, .paint = PAINT_FAINT }, text);
        return 0;
}

/* ---- the page of a port ---- */

/* Its text, made anew each time, for it has ages in it. The caller frees. NULL: no memory. */
static char *make_page(const struct top *top)
{
        struct term term = top->view->term;
        char *text = NULL;
        size_t len;
        int r;

        term.out = open_memstream(&text, &len);
        if (!term.out)
                return NULL;
        term.colour = false;
        term.width = MAX(topscreen_columns(top->screen), PAGE_WIDTH_MIN);
        r = toppage_write(&top->page, &top->model, &term);
        if (fclose(term.out) != 0 || r < 0) {
                free(text);
                return NULL;
        }
        return text;
}

static size_t count_lines(const char *text)
{
        size_t n = 0;

        for (; (text = strchr(text, '\n')); text++)
                n++;
        return n;
}

static int draw_page(struct top *top)
{
        const size_t rows = top_page_rows(top);
        CLEANUP(free_text) char *text = make_page(top);
        char *rest = text, title[AWAY_MAX];
        size_t n, most;

        if (!text)
                return -ENOMEM;
        n = count_lines(text);
        most = n > rows ? n - rows : 0;
        top->page.first = MIN(top->page.first, most);
        snprintf(title, sizeof(title), " %s:%u", top->page.remote ? "remote" : "local",
                 top->page.port);
        if (most > 0)
                snprintf(title + strlen(title), sizeof(title) - strlen(title),
                         ", lines %zu to %zu of %zu", top->page.first + 1,
                         MIN(top->page.first + rows, n), n);
        top_put_bar(top, (struct topscreen_at){ .row = top_head_rows(top), .reverse = true },
                    title);
        for (size_t i = 0; i < top->page.first + rows && rest; i++) {
                const char *line = strsep(&rest, "\n");

                if (i >= top->page.first)
                        top_put(top,
                                (struct topscreen_at){ .row = (unsigned)(top_head_rows(top) +
                                                                         TOP_TITLE_ROWS + i -
                                                                         top->page.first) },
                                line);
        }
        return 0;
}

/* ---- help and keys ---- */

static void draw_help(struct top *top)
{
        static const char *const lines[] = {
                "Up, Down, j, k     select a port; PgUp, PgDn, Home and End likewise",
                "Enter              open it: owner, stages, connections, TIME_WAIT left",
                "Esc, Backspace     back to the list",
                "c  t  a  r         sort by CLOSE_WAIT, stuck, age of the oldest, rate",
                "s                  sort by the next of these",
                "q                  quit",
                "",
                "w and C mark ports with a raised alert: warning, critical. \"local\" ports are",
                "services of this host, \"remote\" ports those that it connects to. RATE/MIN is by",
                "how many leaked connections grow, as twmond judges it; - is unknown, or none.",
                "The curve shows CLOSE_WAIT, 30s a column, each port by its own greatest number:",
                "a dot is zero, a blank is unknown. ~ is estimated, >= a lower bound.",
        };

        top_put_bar(top, (struct topscreen_at){ .row = top_head_rows(top), .reverse = true },
                    " Help");
        for (unsigned i = 0; i < ARRAY_SIZE(lines) && i < top_page_rows(top); i++)
                top_put(top,
                        (struct topscreen_at){ .row = top_head_rows(top) + TOP_TITLE_ROWS + i },
                        lines[i]);
}

static void draw_keys(struct top *top)
{
        static const char *const keys[] = {
                [TOP_LIST] = "q quit  Up/Down select  Enter open  s sort (c t a r)  ? help",
                [TOP_PAGE] = "q quit  Up/Down scroll  Esc back  ? help",
                [TOP_HELP] = "q quit  Esc back",
        };
        const unsigned rows = topscreen_rows(top->screen);

        if (rows > top_head_rows(top))
                top_put_bar(top, (struct topscreen_at){ .row = rows - 1, .reverse = true },
                            keys[top->mode]);
}

static unsigned count_summary_rows(const struct top *top)
{
        const bool two = is_away(top) || strlen(summary(top)) > topscreen_columns(top->screen);

        return two && topscreen_rows(top->screen) >= ROWS_ENOUGH ? 2 : 1;
}

int top_draw(struct top *top, uint64_t now_usec)
{
        int r = 0;

        top->summary_rows = count_summary_rows(top);
        topscreen_clear(top->screen);
        switch (top->mode) {
        case TOP_LIST:
                top_draw_list(top);
                break;
        case TOP_PAGE:
                r = draw_page(top);
                break;
        case TOP_HELP:
                draw_help(top);
                break;
        }
        draw_summary(top, now_usec);
        if (r == 0)
                r = draw_pace(top);
        draw_keys(top);
        if (r == 0)
                topscreen_show(top->screen);
        return r;
}
