/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Curses keeps its state in global variables; this is the one place that knows it. initscr() would
 * end the program where the terminal is no good, newterm() does not.
 */

#include "topscreen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <termcap.h>

#define ESCAPE_MSEC 25 /* a lone Esc is told from the keys whose code begins with it */
#define MARK_ROOM   4  /* what text_shorten() may add */

struct topscreen {
        SCREEN *curses;
        const struct term *term;
        bool colour;
};

const char *topscreen_objection(const char *type)
{
        if (isatty(STDIN_FILENO) != 1)
                return "standard input is no terminal";
        if (isatty(STDOUT_FILENO) != 1)
                return "standard output is no terminal";
        if (!type || !*type)
                return "TERM is not set";
        if (tgetent(NULL, type) != 1)
                return "the terminal named by TERM is not known here";
        return tgetstr("cm", NULL) && tgetstr("cl", NULL)
                       ? NULL
                       : "the terminal named by TERM has no cursor to move";
}

static void begin_colours(struct topscreen *screen)
{
        screen->colour = screen->term->colour && has_colors() && start_color() == OK &&
                         use_default_colors() == OK;
        if (!screen->colour)
                return;
        init_pair(PAINT_GOOD, COLOR_GREEN, -1);
        init_pair(PAINT_WARNING, COLOR_YELLOW, -1);
        init_pair(PAINT_CRITICAL, COLOR_RED, -1);
}

int topscreen_open(const struct term *term, struct topscreen **ret_screen)
{
        struct topscreen *screen = calloc(1, sizeof(*screen));

        if (!screen)
                return -ENOMEM;
        screen->term = term;
        screen->curses = newterm(NULL, stdout, stdin);
        if (!screen->curses) {
                free(screen);
                return -ENOTTY;
        }
        cbreak();
        noecho();
        nonl();
        keypad(stdscr, TRUE);
        nodelay(stdscr, TRUE);
        set_escdelay(ESCAPE_MSEC);
        curs_set(0);
        begin_colours(screen);
        *ret_screen = screen;
        return 0;
}

struct topscreen *topscreen_close(struct topscreen *screen)
{
        if (!screen)
                return NULL;
        curs_set(1);
        endwin();
        delscreen(screen->curses);
        free(screen);
        return NULL;
}

void topscreen_resize(struct topscreen *screen)
{
        struct winsize size;

        (void)screen;
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0)
                resizeterm(size.ws_row, size.ws_col);
        clearok(curscr, TRUE);
}

unsigned topscreen_rows(const struct topscreen *screen)
{
        (void)screen;
        return (unsigned)MAX(getmaxy(stdscr), 0);
}

unsigned topscreen_columns(const struct topscreen *screen)
{
        (void)screen;
        return (unsigned)MAX(getmaxx(stdscr), 0);
}

void topscreen_clear(struct topscreen *screen)
{
        (void)screen;
        erase();
}

static attr_t attributes(const struct topscreen *screen, struct topscreen_at at)
{
        static const attr_t plain[PAINT_COUNT] = {
                [PAINT_HEAD] = A_BOLD,
                [PAINT_CRITICAL] = A_BOLD,
                [PAINT_FAINT] = A_DIM,
        };
        const bool coloured =
                at.paint == PAINT_GOOD || at.paint == PAINT_WARNING || at.paint == PAINT_CRITICAL;

        return plain[at.paint] | (at.reverse ? A_REVERSE : 0) |
               (screen->colour && coloured ? (attr_t)COLOR_PAIR((int)at.paint) : 0);
}

void topscreen_put(struct topscreen *screen, struct topscreen_at at, const char *text)
{
        const unsigned columns = topscreen_columns(screen);
        char *copy;

        if (at.row >= topscreen_rows(screen) || at.column >= columns)
                return;
        copy = malloc(strlen(text) + MARK_ROOM);
        if (!copy)
                return;
        strcpy(copy, text);
        text_shorten(copy, columns - at.column, screen->term->utf8);
        attrset(attributes(screen, at));
        mvaddstr((int)at.row, (int)at.column, copy);
        attrset(A_NORMAL);
        free(copy);
}

void topscreen_show(struct topscreen *screen)
{
        (void)screen;
        refresh();
}

int topscreen_key(struct topscreen *screen)
{
        static const struct {
                int curses, ours;
        } keys[] = {
                { KEY_UP, TOPSCREEN_UP },         { KEY_DOWN, TOPSCREEN_DOWN },
                { KEY_PPAGE, TOPSCREEN_PAGE_UP }, { KEY_NPAGE, TOPSCREEN_PAGE_DOWN },
                { KEY_HOME, TOPSCREEN_HOME },     { KEY_END, TOPSCREEN_END },
                { KEY_ENTER, TOPSCREEN_ENTER },   { '\r', TOPSCREEN_ENTER },
                { '\n', TOPSCREEN_ENTER },        { KEY_BACKSPACE, TOPSCREEN_BACK },
                { KEY_LEFT, TOPSCREEN_BACK },     { '\b', TOPSCREEN_BACK },
                { 0x7f, TOPSCREEN_BACK },         { 0x1b, TOPSCREEN_BACK },
        };
        const int key = getch();

        (void)screen;
        if (key == ERR)
                return TOPSCREEN_NONE;
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
                if (keys[i].curses == key)
                        return keys[i].ours;
        return key > 0 && key < 256 ? key : TOPSCREEN_OTHER;
}
