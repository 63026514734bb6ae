/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A unit's name, a process's name or a whole reply may have been chosen by somebody who would like
 * to move our cursor, so nothing is written raw. The check is a whitelist: well-formed UTF-8 whose
 * characters the locale can print, less those that are printable but change how their neighbours
 * look. A character that fails is written byte by byte, so that it can still be recognised.
 */

#include "term.h"

#include <langinfo.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

#define ESCAPED_MAX 4  /* bytes that one byte can become: \xNN */
#define MARK_MAX    3  /* bytes that text_shorten() may add */
#define WIDTH_MIN   20 /* a narrower terminal is treated as this wide */

static const char *const paint_start[PAINT_COUNT] = {
        [PAINT_NONE] = "",
        [PAINT_HEAD] = "\033[1m",
        [PAINT_GOOD] = "\033[32m",
        [PAINT_WARNING] = "\033[33m",
        [PAINT_CRITICAL] = "\033[1;31m",
        [PAINT_FAINT] = "\033[2m",
};

static bool wants_colour(bool terminal, bool no_color)
{
        const char *refused = getenv("NO_COLOR");
        const char *name = getenv("TERM");

        if (!terminal || no_color || (refused && *refused))
                return false;
        return !name || strcmp(name, "dumb") != 0;
}

void term_detect(struct term *ret_term, FILE *out, bool no_color)
{
        struct winsize size = { 0 };
        struct term term = { .out = out };

        term.terminal = isatty(fileno(out)) == 1;
        term.colour = wants_colour(term.terminal, no_color);
        term.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
        if (term.terminal && ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
                term.width = MAX(size.ws_col, WIDTH_MIN);
        *ret_term = term;
}

const char *term_paint(const struct term *term, enum paint paint)
{
        return term->colour ? paint_start[paint] : "";
}

const char *term_unpaint(const struct term *term, enum paint paint)
{
        return term->colour && paint != PAINT_NONE ? "\033[0m" : "";
}

enum paint paint_of(const char *severity)
{
        static const struct {
                const char *word;
                enum paint paint;
        } words[] = {
                { "ok", PAINT_GOOD },           { "cleared", PAINT_GOOD },
                { "warning", PAINT_WARNING },   { "unknown", PAINT_WARNING },
                { "critical", PAINT_CRITICAL },
        };

        for (size_t i = 0; severity && i < ARRAY_SIZE(words); i++)
                if (strcmp(severity, words[i].word) == 0)
                        return words[i].paint;
        return PAINT_NONE;
}

/* Bytes of the well-formed UTF-8 character at s and its code point; 0: there is none. */
static size_t decode(const char *s, uint32_t *ret_code)
{
        static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
        const unsigned char *bytes = (const unsigned char *)s;
        size_t n = bytes[0] < 0x80                        ? 1
                   : bytes[0] >= 0xc2 && bytes[0] <= 0xdf ? 2
                   : (bytes[0] & 0xf0) == 0xe0            ? 3
                   : bytes[0] >= 0xf0 && bytes[0] <= 0xf4 ? 4
                                                          : 0;
        uint32_t code = n == 1 ? bytes[0] : bytes[0] & (0x7fU >> n);

        for (size_t i = 1; i < n; i++) {
                if ((bytes[i] & 0xc0) != 0x80)
                        return 0;
                code = code << 6 | (bytes[i] & 0x3f);
        }
        if (n == 0 || code < least[n] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
                return 0;
        *ret_code = code;
        return n;
}

static bool is_deceiving(uint32_t code)
{
        static const struct {
                uint32_t first, last;
        } ranges[] = {
                { 0x00ad, 0x00ad },   { 0x061c, 0x061c }, { 0x115f, 0x1160 }, { 0x180b, 0x180e },
                { 0x200b, 0x200f },   { 0x2028, 0x202e }, { 0x2060, 0x206f }, { 0x3164, 0x3164 },
                { 0xfe00, 0xfe0f },   { 0xfeff, 0xfeff }, { 0xfff0, 0xfffb }, { 0xfffe, 0xffff },
                { 0xe0000, 0xe0fff },
        };

        for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
                if (code >= ranges[i].first && code <= ranges[i].last)
                        return true;
        return false;
}

bool text_is_deceiving(const char *p)
{
        uint32_t code = 0;

        return decode(p, &code) == 0 || is_deceiving(code);
}

static bool is_printable(uint32_t code, bool utf8)
{
        if (code < 0x80)
                return code >= 0x20 && code < 0x7f;
        return utf8 && code >= 0xa0 && !is_deceiving(code) && iswprint((wint_t)code) &&
               wcwidth((wchar_t)code) >= 0;
}

char *text_printable(const char *text, bool utf8)
{
        char *copy = malloc(strlen(text) * ESCAPED_MAX + MARK_MAX + 1);
        char *end = copy;

        if (!copy)
                return NULL;
        while (*text) {
                uint32_t code = 0;
                size_t n = decode(text, &code);

                if (n > 0 && is_printable(code, utf8)) {
                        end = mempcpy(end, text, n);
                        text += n;
                        continue;
                }
                for (n = MAX(n, 1U); n > 0; n--)
                        end += sprintf(end, "\\x%02x", (unsigned char)*text++);
        }
        *end = '\0';
        return copy;
}

static size_t char_width(const char *s, size_t *ret_bytes)
{
        uint32_t code = 0;
        int width;

        *ret_bytes = decode(s, &code);
        if (*ret_bytes == 0) {
                *ret_bytes = 1;
                return 1;
        }
        width = wcwidth((wchar_t)code);
        return width < 0 ? 1 : (size_t)width;
}

size_t text_width(const char *text)
{
        size_t width = 0, bytes;

        for (; *text; text += bytes)
                width += char_width(text, &bytes);
        return width;
}

void text_shorten(char *text, size_t width, bool utf8)
{
        const char *mark = utf8 ? "…" : "...";
        size_t mark_width = utf8 ? 1 : 3, used = 0, bytes = 0;

        if (text_width(text) <= width)
                return;
        if (width < mark_width) {
                text[0] = '\0';
                return;
        }
        while ((used += char_width(text, &bytes)) <= width - mark_width)
                text += bytes;
        strcpy(text, mark);
}

/* The formatted text, made printable; NULL for no memory. */
static char *format_printable(bool utf8, const char *format, va_list args)
{
        char *raw, *printable;

        if (vasprintf(&raw, format, args) < 0)
                return NULL;
        printable = text_printable(raw, utf8);
        free(raw);
        return printable;
}

void text_wrap(char *text, size_t width)
{
        size_t used = 0;
        char *gap = NULL; /* in front of this word */

        while (width > 0) {
                char *end = strchrnul(text, ' '), after = *end;
                size_t word;

                *end = '\0';
                word = text_width(text);
                *end = after;
                if (gap && used + 1 + word > width) {
                        *gap = '\n';
                        used = word;
                } else
                        used += word + (gap != NULL);
                if (!after)
                        return;
                gap = end;
                text = end + 1;
        }
}

void term_say(const struct term *term, enum paint paint, const char *format, ...)
{
        va_list args;
        char *text;

        va_start(args, format);
        text = format_printable(term->utf8, format, args);
        va_end(args);
        if (text)
                text_wrap(text, term->width);
        fprintf(term->out, "%s%s%s\n", term_paint(term, paint), text ? text : "(out of memory)",
                term_unpaint(term, paint));
        free(text);
}

void term_prose(const struct term *term, enum paint paint, unsigned indent, const char *text)
{
        char *copy = text_printable(text, term->utf8), *rest = copy;
        size_t width = term->width > 0 ? term->width : TERM_PROSE_WIDTH;

        if (!copy)
                return;
        text_wrap(copy, MAX(width, indent + 1) - indent);
        fputs(term_paint(term, paint), term->out);
        for (char *line; (line = strsep(&rest, "\n"));)
                fprintf(term->out, "%*s%s%s", (int)indent, "", line, rest ? "\n" : "");
        fprintf(term->out, "%s\n", term_unpaint(term, paint));
        free(copy);
}

void term_entry(const struct term *term, const char *label, unsigned indent, const char *text)
{
        char *head = text_printable(label, term->utf8), *copy = text_printable(text, term->utf8);
        char *rest = copy;

        if (head)
                text_shorten(head, indent - 1, term->utf8);
        if (copy)
                text_wrap(copy, term->width > 0 ? MAX(term->width, indent + 1) - indent : 0);
        for (char *line; head && copy && (line = strsep(&rest, "\n")); *head = '\0')
                fprintf(term->out, "%s%s%s%*s%s\n", term_paint(term, PAINT_HEAD), head,
                        term_unpaint(term, PAINT_HEAD), (int)(indent - text_width(head)), "", line);
        free(head);
        free(copy);
}

void text_complain(const char *format, ...)
{
        va_list args;
        char *line;

        va_start(args, format);
        line = format_printable(false, format, args);
        va_end(args);
        fprintf(stderr, "twmonctl: %s\n", line ? line : "out of memory");
        free(line);
}

void text_complain_lines(const char *text)
{
        char *copy = strdup(text), *rest = copy;

        for (char *line; copy && (line = strsep(&rest, "\n"));) {
                char *printable = text_printable(line, false);

                if (*line && printable)
                        fprintf(stderr, "%s\n", printable);
                free(printable);
        }
        free(copy);
}
