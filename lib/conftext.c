/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading lines on inih's behalf.
 *
 * inih (r55) cuts a line at 200 bytes and takes the rest for another line, so that the tail of a
 * long comment becomes a live key; it loses what follows a NUL, cuts the names of sections,
 * continues a value on an indented line, takes ':' for '=' and does not say which line a key stands
 * on. Its switches for some of this are globals, and only in some builds. So it never sees such a
 * line: our reader hands it one line at a time, knows the number of that line, and puts an empty
 * line in the place of a wrong one. What inih is left to do is splitting "key = value ; comment".
 *
 * Headers are handled here too, because inih does not tell of a section without keys, and an empty
 * [Port 8080] means something. After a wrong header its keys are still checked for form, but belong
 * to no section.
 */

#include "conftext.h"

#include <errno.h>
#include <ini.h>
#include <string.h>

#include "conf.h"
#include "utf8.h"

struct reader {
        const struct conf_handler *handler;
        struct conf_errors *errors;
        const char *p;
        const char *end;
        struct conf_place place; /* of the line last read */
        bool in_section;         /* a header was seen */
        bool wanted;             /* ... and it was right */
};

/* A line without its end. Not terminated. */
struct line {
        const char *p;
        size_t len;
};

/* false: the line holds what no text holds; it was reported. */
static bool check_bytes(struct reader *reader, const struct line *line)
{
        size_t len;

        for (size_t i = 0; i < line->len; i += len) {
                len = utf8_len(line->p + i, line->len - i);
                if (len > 0 && !utf8_is_control(line->p + i))
                        continue;
                conf_errors_add(reader->errors, &reader->place,
                                "byte %zu (0x%02x) is %s, expected text in UTF-8; "
                                "the rest of the file was not read",
                                i + 1, (unsigned char)line->p[i],
                                line->p[i] == 0 ? "a NUL"
                                : len == 0      ? "not UTF-8"
                                                : "a control character");
                return false;
        }
        return true;
}

/* Takes the next line, its "\n" or "\r\n" left out. false: there is none. */
static bool next_line(struct reader *reader, struct line *ret_line)
{
        const char *newline;
        size_t left = (size_t)(reader->end - reader->p), len;

        if (left == 0)
                return false;
        newline = memchr(reader->p, '\n', left);
        len = newline ? (size_t)(newline - reader->p) : left;
        *ret_line = (struct line){ reader->p, len };
        if (len > 0 && reader->p[len - 1] == '\r')
                ret_line->len--;
        reader->p += newline ? len + 1 : len;
        reader->place.line++;
        return true;
}

static size_t count_blanks(const struct line *line)
{
        size_t n = 0;

        while (n < line->len && (line->p[n] == ' ' || line->p[n] == '\t'))
                n++;
        return n;
}

static bool is_comment_or_empty(const struct line *line)
{
        size_t blanks = count_blanks(line);

        return blanks == line->len || line->p[blanks] == '#' || line->p[blanks] == ';';
}

/* Only blanks or " ; a comment" may follow a header. */
static bool is_header_end(const struct line *rest)
{
        size_t blanks = count_blanks(rest);

        return blanks == rest->len || (blanks > 0 && rest->p[blanks] == ';');
}

/* Hands a header to the handler; false: it is wrong, and was reported. */
static bool read_header(struct reader *reader, const struct line *line)
{
        const char *close = memchr(line->p, ']', line->len);
        size_t len = close ? (size_t)(close - line->p) - 1 : 0;
        char name[CONF_SECTION_MAX + 1];

        if (!close) {
                conf_errors_add(reader->errors, &reader->place,
                                "no ']' in \"%.*s\", expected [SECTION]", (int)line->len, line->p);
                return false;
        }
        if (len > CONF_SECTION_MAX) {
                conf_errors_add(reader->errors, &reader->place,
                                "section name is %zu bytes long, expected at most %d", len,
                                CONF_SECTION_MAX);
                return false;
        }
        if (!is_header_end(&(struct line){ close + 1, line->len - len - 2 })) {
                conf_errors_add(reader->errors, &reader->place,
                                "text after \"%.*s\", expected nothing", (int)len + 2, line->p);
                return false;
        }
        memcpy(name, line->p + 1, len);
        name[len] = '\0';
        return reader->handler->section(reader->handler->userdata, name, &reader->place);
}

/* Whether inih will find KEY=VALUE in it: it takes ':' for '=', and " ;" for a comment. */
static bool check_key(struct reader *reader, const struct line *line)
{
        size_t n = 0;

        while (n < line->len && !strchr("=:;", line->p[n]))
                n++;
        if (n == 0 || n == line->len || line->p[n] != '=') {
                conf_errors_add(reader->errors, &reader->place,
                                "no %s in \"%.*s\", expected KEY=VALUE",
                                n == 0 && line->p[0] == '=' ? "key before '='" : "'=' after a key",
                                (int)line->len, line->p);
                return false;
        }
        if (!reader->in_section) {
                conf_errors_add(reader->errors, &reader->place,
                                "\"%.*s\" stands in no section, expected a header such as [Scan] "
                                "above it",
                                (int)line->len, line->p);
                return false;
        }
        return reader->wanted;
}

/* Whether the line is short and stands at the margin. */
static bool check_form(struct reader *reader, const struct line *line)
{
        if (line->len > CONF_LINE_MAX) {
                conf_errors_add(reader->errors, &reader->place,
                                "line is %zu bytes long, expected at most %d", line->len,
                                CONF_LINE_MAX);
                return false;
        }
        if (!is_comment_or_empty(line) && count_blanks(line) > 0) {
                conf_errors_add(reader->errors, &reader->place,
                                "line starts with a blank, expected [SECTION] or KEY=VALUE at its "
                                "beginning");
                return false;
        }
        return true;
}

/* Whether inih may see the line. */
static bool accept_line(struct reader *reader, const struct line *line)
{
        size_t blanks = count_blanks(line);
        bool header = blanks < line->len && line->p[blanks] == '[';
        bool good = check_form(reader, line);

        if (header) {
                reader->in_section = true;
                reader->wanted = good && read_header(reader, line);
                return reader->wanted;
        }
        return good && !is_comment_or_empty(line) && check_key(reader, line);
}

/* ini_reader: the next line, or an empty one in its place. */
static char *read_line(char *buf, int size, void *userdata)
{
        struct reader *reader = userdata;
        struct line line;

        if (size < CONF_LINE_MAX + 2) {
                reader->errors->failure = -ENOBUFS; /* an inih built with a smaller INI_MAX_LINE */
                return NULL;
        }
        if (reader->errors->failure < 0 || !next_line(reader, &line))
                return NULL;
        if (!check_bytes(reader, &line))
                return NULL;
        if (!accept_line(reader, &line))
                line.len = 0;
        memcpy(buf, line.p, line.len);
        buf[line.len] = '\n';
        buf[line.len + 1] = '\0';
        return buf;
}

/* ini_handler: 1 is success. The reader stands on the line that is being handled. */
static int take_key(void *userdata, const char *section, const char *key, const char *value)
{
        struct reader *reader = userdata;

        (void)section;
        reader->handler->assign(reader->handler->userdata, key, value, &reader->place);
        return 1;
}

int conf_text_parse(const struct conf_text *text, const struct conf_handler *handler,
                    struct conf_errors *errors)
{
        struct reader reader = {
                .handler = handler,
                .errors = errors,
                .p = text->bytes,
                .end = text->bytes + text->len,
                .place = { .file = text->name },
        };
        int r;

        if (text->len >= 3 && memcmp(text->bytes, "\xef\xbb\xbf", 3) == 0)
                reader.p += 3; /* a byte order mark, as some editors leave it */
        r = ini_parse_stream(read_line, &reader, take_key, &reader);
        if (r > 0)
                conf_errors_add(errors, &(struct conf_place){ text->name, (unsigned)r },
                                "line is not understood, expected [SECTION] or KEY=VALUE");
        return r < 0 ? -ENOMEM : errors->failure;
}
