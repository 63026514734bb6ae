/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One screen of 24 lines in the common case: labels at the left, so that the eye finds what it looks
 * for, and nothing said where nothing is to say but what must not be guessed.
 */

#include "why.h"

#include <errno.h>
#include <string.h>

#include "field.h"
#include "table.h"

#define VERDICT_INDENT 2
#define BULLET_INDENT  2
#define NOTED_MAX      3 /* blockers below a row; then how many more */

int why_text_begin(struct why_text *text)
{
        *text = (struct why_text){ 0 };
        text->out = open_memstream(&text->text, &text->len);
        return text->out ? 0 : -ENOMEM;
}

int why_text_end(struct why_text *text, const struct term *term, const char *label)
{
        int r = fclose(text->out) == 0 ? 0 : -ENOMEM;

        if (r == 0 && text->len > 0)
                term_entry(term, label ? label : "", label ? WHY_INDENT : VERDICT_INDENT,
                           text->text);
        free(text->text);
        return r;
}

const char *why_state(const char *state)
{
        static const char *const names[][2] = {
                { "ESTAB", "ESTABLISHED" },     { "SYN-SENT", "SYN_SENT" },
                { "SYN-RECV", "SYN_RECV" },     { "FIN-WAIT-1", "FIN_WAIT1" },
                { "FIN-WAIT-2", "FIN_WAIT2" },  { "TIME-WAIT", "TIME_WAIT" },
                { "CLOSE-WAIT", "CLOSE_WAIT" }, { "LAST-ACK", "LAST_ACK" },
        };

        for (size_t i = 0; state && i < ARRAY_SIZE(names); i++)
                if (strcmp(state, names[i][0]) == 0)
                        return names[i][1];
        return state;
}

void why_write_address(FILE *out, const char *address, const char *family)
{
        bool any = address && strcmp(address, "::") == 0;

        fputs(address ? address : "an unknown address", out);
        if (any && family && strcmp(family, "dual") == 0)
                fputs(" for both families", out);
        else if (any && family && strcmp(family, "ipv6") == 0)
                fputs(" for IPv6 alone", out);
}

static const struct column bind_columns[] = {
        { .title = "BIND TO", .shorten = true },
        { .title = "PLAIN" },
        { .title = "SO_REUSEADDR" },
        { .title = "SO_REUSEPORT" },
        { .title = "FREE IN", .right = true },
};

static bool has_if_set(const json_t *bind)
{
        return field_any(field_array(bind, "blockedBy"), "reuseHelps", "if-set");
}

/* On options of the sockets that are in the way. */
static bool depends(const json_t *bind, const char *name)
{
        if (strcmp(name, "canBindReuse") == 0)
                return has_if_set(bind);
        return strcmp(name, "canBindReusePort") == 0 &&
               json_array_size(field_array(bind, "blockedBy")) > 0;
}

/* An answer that depends on the options of those that are in the way is "if set". */
static void add_answer(struct table *table, const json_t *bind, const char *name)
{
        const json_t *can = json_object_get(bind, name);

        if (json_is_true(can))
                table_cell(table, PAINT_GOOD, "yes");
        else if (json_is_false(can))
                table_cell(table, PAINT_CRITICAL, "no");
        else if (depends(bind, name))
                table_cell(table, PAINT_WARNING, "if set");
        else
                table_cell(table, PAINT_WARNING, FIELD_UNKNOWN);
}

static bool is_told(const json_t *told, const json_t *blocker)
{
        json_t *one;
        size_t i;

        json_array_foreach(told, i, one)
        {
                if (json_equal(one, (json_t *)blocker))
                        return true;
        }
        return false;
}

/* "held by 1 listener on ::1" */
static int note_blocker(struct table *table, const json_t *blocker)
{
        struct why_text text;
        int r;

        if (why_text_begin(&text) < 0)
                return -ENOMEM;
        why_write_holder(text.out, blocker);
        r = fclose(text.out) == 0 ? 0 : -ENOMEM;
        if (r == 0)
                table_note(table, "held by %s", text.text);
        free(text.text);
        return r;
}

/* Who blocks this one, but not what was asked for. */
static int note_blockers(struct table *table, const struct why *why, const json_t *bind)
{
        json_t *blockers = field_array(bind, "blockedBy"), *blocker;
        const json_t *told = field_array(why->reply, "blockedBy");
        size_t i, n = 0;

        json_array_foreach(blockers, i, blocker)
        {
                if (!is_told(told, blocker) && n++ < NOTED_MAX && note_blocker(table, blocker) < 0)
                        return -ENOMEM;
        }
        if (n > NOTED_MAX)
                table_note(table, "and %zu more", n - NOTED_MAX);
        return 0;
}

static int add_bind(struct table *table, const struct why *why, const json_t *bind)
{
        const char *address = field_text(bind, "address"), *family = field_text(bind, "family");
        bool any = address && strcmp(address, "::") == 0;
        const char *suffix = any && family && strcmp(family, "dual") == 0   ? " and IPv4"
                             : any && family && strcmp(family, "ipv6") == 0 ? " alone"
                                                                            : "";
        char buf[UNITS_TEXT_MAX];
        uint64_t sec;

        table_cell(table, PAINT_NONE, "%s%s", address ? address : FIELD_UNKNOWN, suffix);
        add_answer(table, bind, "canBind");
        add_answer(table, bind, "canBindReuse");
        add_answer(table, bind, "canBindReusePort");
        if (field_count(bind, "freeInSec", &sec) && sec == 0)
                table_cell(table, PAINT_NONE, "now");
        else
                table_cell(table, PAINT_NONE, "%s", field_show_age(bind, "freeInSec", NULL, buf));
        return note_blockers(table, why, bind);
}

int why_print_binds(const struct why *why)
{
        CLEANUP(table_freep) struct table *table = NULL;
        json_t *binds = field_array(why->reply, "binds"), *bind;
        size_t i;

        if (json_array_size(binds) == 0)
                return 0;
        table = table_new(bind_columns, ARRAY_SIZE(bind_columns), why->term);
        if (!table)
                return -ENOMEM;
        json_array_foreach(binds, i, bind)
        {
                if (add_bind(table, why, bind) < 0)
                        return -ENOMEM;
        }
        fputc('\n', why->term->out);
        return table_print(table);
}

/* Each piece of advice is a paragraph; where there is no terminal, as long a line as other prose. */
static void print_advice(const struct why *why)
{
        json_t *advice = field_array(why->reply, "advice"), *one;
        struct term paper = *why->term;
        size_t i;

        if (paper.width == 0)
                paper.width = TERM_PROSE_WIDTH;
        if (json_array_size(advice) > 0)
                fputc('\n', paper.out);
        json_array_foreach(advice, i, one)
        {
                if (json_string_value(one))
                        term_entry(&paper, "-", BULLET_INDENT, json_string_value(one));
        }
}

int why_print(const struct why *why)
{
        int r = why_print_verdict(why);

        fputc('\n', why->term->out);
        if (r == 0)
                r = why_print_port(why);
        if (r == 0)
                r = why_print_binds(why);
        if (r == 0)
                print_advice(why);
        return r;
}
