/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The page grows in memory. A start tag stays open for attributes until something else comes. Line
 * breaks stand before elements that are blocks, where they mean nothing, so that the source can be
 * read; an element without content is closed by an end tag of its own, as HTML wants it, but those
 * that have none there.
 */

#include "html.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "term.h"
#include "utf8.h"

enum form {
        FORM_INLINE,
        FORM_BLOCK, /* on a line of its own */
        FORM_EMPTY, /* the same, and HTML knows no end tag of it */
};

static const struct element {
        const char *name;
        enum form form;
} elements[] = {
        { "html", FORM_BLOCK },    { "head", FORM_BLOCK },       { "meta", FORM_EMPTY },
        { "title", FORM_BLOCK },   { "style", FORM_BLOCK },      { "body", FORM_BLOCK },
        { "header", FORM_BLOCK },  { "main", FORM_BLOCK },       { "footer", FORM_BLOCK },
        { "section", FORM_BLOCK }, { "article", FORM_BLOCK },    { "div", FORM_BLOCK },
        { "h1", FORM_BLOCK },      { "h2", FORM_BLOCK },         { "h3", FORM_BLOCK },
        { "p", FORM_BLOCK },       { "ul", FORM_BLOCK },         { "li", FORM_BLOCK },
        { "dl", FORM_BLOCK },      { "dt", FORM_BLOCK },         { "dd", FORM_BLOCK },
        { "table", FORM_BLOCK },   { "thead", FORM_BLOCK },      { "tbody", FORM_BLOCK },
        { "tr", FORM_BLOCK },      { "th", FORM_BLOCK },         { "td", FORM_BLOCK },
        { "figure", FORM_BLOCK },  { "figcaption", FORM_BLOCK }, { "span", FORM_INLINE },
        { "strong", FORM_INLINE }, { "time", FORM_INLINE },      { "svg", FORM_BLOCK },
        { "path", FORM_BLOCK },    { "line", FORM_BLOCK },       { "rect", FORM_BLOCK },
        { "text", FORM_BLOCK },
};

/* None is a link, a style or a handler of events. */
static const char *const attributes[] = {
        "aria-hidden", "aria-label", "charset",    "class",    "colspan",
        "content",     "d",          "data-label", "datetime", "dy",
        "height",      "http-equiv", "lang",       "name",     "preserveAspectRatio",
        "role",        "scope",      "viewBox",    "width",    "x",
        "x1",          "x2",         "y",          "y1",       "y2",
};

struct html {
        FILE *out;
        char *page;
        size_t len;
        const struct element *open[HTML_DEPTH_MAX];
        size_t depth;
        bool in_tag; /* the start tag of the innermost one is not ended */
        bool failed; /* no memory */
};

struct html *html_new(void)
{
        struct html *html = calloc(1, sizeof(*html));

        if (!html)
                return NULL;
        html->out = open_memstream(&html->page, &html->len);
        if (!html->out) {
                free(html);
                return NULL;
        }
        fputs("<!DOCTYPE html>", html->out);
        return html;
}

struct html *html_free(struct html *html)
{
        if (!html)
                return NULL;
        if (html->out)
                (void)fclose(html->out);
        free(html->page);
        free(html);
        return NULL;
}

static const struct element *find_element(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(elements); i++)
                if (strcmp(elements[i].name, name) == 0)
                        return &elements[i];
        return NULL;
}

static bool is_attribute(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(attributes); i++)
                if (strcmp(attributes[i], name) == 0)
                        return true;
        return false;
}

static const char *entity(char c)
{
        switch (c) {
        case '&':
                return "&amp;";
        case '<':
                return "&lt;";
        case '>':
                return "&gt;";
        case '"':
                return "&quot;";
        case '\'':
                return "&#39;";
        default:
                return NULL;
        }
}

/* Bytes of the character at text that may stand in the page as they are; 0: none. */
static size_t plain_len(const char *text, size_t left)
{
        const size_t len = utf8_len(text, left);

        return len > 0 && *text != '\t' && !utf8_is_control(text) && !text_is_deceiving(text) ? len
                                                                                              : 0;
}

static void write_escaped(FILE *out, const char *text)
{
        size_t left = strlen(text);

        while (left > 0) {
                size_t len = plain_len(text, left);

                if (len == 0) {
                        fprintf(out, "\\x%02x", (unsigned char)*text);
                        len = 1; /* what is left of the sequence is none by itself */
                } else if (entity(*text))
                        fputs(entity(*text), out);
                else
                        fwrite(text, 1, len, out);
                text += len;
                left -= len;
        }
}

static void write_format(struct html *html, const char *format, va_list args)
{
        char *text;

        if (vasprintf(&text, format, args) < 0) {
                html->failed = true;
                return;
        }
        write_escaped(html->out, text);
        free(text);
}

static void end_tag(struct html *html)
{
        if (!html->in_tag)
                return;
        fputc('>', html->out);
        html->in_tag = false;
}

void html_open(struct html *html, const char *element)
{
        const struct element *found = find_element(element);

        assert(found && html->depth < HTML_DEPTH_MAX);
        end_tag(html);
        fprintf(html->out, "%s<%s", found->form == FORM_INLINE ? "" : "\n", found->name);
        html->open[html->depth++] = found;
        html->in_tag = true;
}

void html_open_class(struct html *html, const char *element, const char *class)
{
        html_open(html, element);
        html_attribute(html, "class", "%s", class);
}

void html_attribute(struct html *html, const char *name, const char *format, ...)
{
        va_list args;

        assert(html->in_tag && is_attribute(name));
        fprintf(html->out, " %s=\"", name);
        va_start(args, format);
        write_format(html, format, args);
        va_end(args);
        fputc('"', html->out);
}

void html_text(struct html *html, const char *format, ...)
{
        va_list args;

        assert(html->depth > 0 && html->open[html->depth - 1]->form != FORM_EMPTY);
        end_tag(html);
        va_start(args, format);
        write_format(html, format, args);
        va_end(args);
}

void html_close(struct html *html)
{
        const struct element *element;

        assert(html->depth > 0);
        element = html->open[--html->depth];
        if (element->form == FORM_EMPTY) {
                fputs(" />", html->out);
                html->in_tag = false;
                return;
        }
        end_tag(html);
        fprintf(html->out, "</%s>", element->name);
}

void html_element(struct html *html, const char *element, const char *class, const char *format,
                  ...)
{
        va_list args;

        html_open(html, element);
        if (class)
                html_attribute(html, "class", "%s", class);
        end_tag(html);
        va_start(args, format);
        write_format(html, format, args);
        va_end(args);
        html_close(html);
}

void html_style(struct html *html, const char *css)
{
        assert(!strpbrk(css, "<&"));
        html_open(html, "style");
        end_tag(html);
        fputs(css, html->out);
        html_close(html);
}

int html_finish(struct html *html, char **ret_text, size_t *ret_len)
{
        bool failed;

        assert(html->depth == 0);
        fputc('\n', html->out);
        failed = ferror(html->out) != 0 || html->failed;
        if (fclose(html->out) != 0)
                failed = true;
        html->out = NULL;
        if (failed)
                return -ENOMEM;
        *ret_text = TAKE_PTR(html->page);
        *ret_len = html->len;
        return 0;
}
