/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* twmonctl destinations: towards whom the local ports run out, worst first. */

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "field.h"
#include "notes.h"
#include "table.h"
#include "view.h"
#include "view_destinations.h"

static const struct column columns[] = {
        { .title = "DESTINATION", .shorten = true }, { .title = "SOURCE", .shorten = true },
        { .title = "USED/USABLE", .right = true },   { .title = "%", .right = true },
        { .title = "PER MIN", .right = true },       { .title = "TIME LEFT", .right = true },
};

/* False: unknown. */
static bool get_number(const json_t *object, const char *name, double *ret_value)
{
        const json_t *value = json_object_get(object, name);

        if (!json_is_number(value) || !isfinite(json_number_value(value)) ||
            json_number_value(value) < 0)
                return false;
        *ret_value = json_number_value(value);
        return true;
}

static void add_percent(struct table *table, const json_t *destination)
{
        double percent;

        if (get_number(destination, "usedPercent", &percent))
                table_cell(table, PAINT_NONE, "%.*f", percent < 10 ? 1 : 0, percent);
        else
                table_cell(table, PAINT_NONE, FIELD_UNKNOWN);
}

/* "+12" more in use every minute; whole where that is precise enough. */
static void add_burn(struct table *table, const json_t *destination)
{
        double rate;

        if (get_number(destination, "burnPerMin", &rate))
                table_cell(table, PAINT_NONE, "+%.*f", rate < 10 ? 1 : 0, rate);
        else
                table_cell(table, PAINT_NONE, FIELD_UNKNOWN);
}

static void add_left(struct table *table, const json_t *destination)
{
        char buf[UNITS_TEXT_MAX];
        double percent;
        uint64_t sec;

        if ((field_count(destination, "etaSec", &sec) && sec == 0) ||
            (get_number(destination, "usedPercent", &percent) && percent >= 100))
                table_cell(table, PAINT_CRITICAL, "none");
        else
                table_cell(table, PAINT_NONE, "%s",
                           field_show_age(destination, "etaSec", NULL, buf));
}

/* Found through one connection. */
static void add_owner(struct table *table, const json_t *destination)
{
        const json_t *owner = field_object(destination, "owner");
        CLEANUP(free_text) char *text = notes_owner_text(owner);
        uint64_t used = 0;

        (void)field_count(destination, "used", &used);
        table_note(table, "%s%s", text ? text : "(out of memory)", notes_owner_others(owner, used));
}

static void add_notes(struct table *table, const json_t *destination)
{
        uint64_t n;

        if (field_object(destination, "owner"))
                add_owner(table, destination);
        if (field_count(destination, "reusable", &n) && n > 0)
                table_note(table, "%" PRIu64 " more in TIME_WAIT, which connect() takes over", n);
        if (field_count(destination, "errorMax", &n) && n > 0)
                table_note(table, "at most; may be up to %" PRIu64 " fewer", n);
}

static void add(struct table *table, const json_t *destination)
{
        const char *address = field_text(destination, "address");
        const char *source = field_text(destination, "source");
        bool v6 = address && strchr(address, ':');
        char used[UNITS_TEXT_MAX], usable[UNITS_TEXT_MAX];

        table_cell(table, PAINT_NONE, "%s%s%s:%s", v6 ? "[" : "", address ? address : FIELD_UNKNOWN,
                   v6 ? "]" : "", field_show_count(destination, "port", used));
        table_cell(table, PAINT_NONE, "%s", source ? source : FIELD_UNKNOWN);
        table_cell(table, PAINT_NONE, "%s/%s", field_show_count(destination, "used", used),
                   field_show_count(destination, "usable", usable));
        add_percent(table, destination);
        add_burn(table, destination);
        add_left(table, destination);
        add_notes(table, destination);
}

static bool is_range_known(const json_t *reply)
{
        uint64_t n;

        return field_count(reply, "portFirst", &n) && field_count(reply, "portLast", &n);
}

/* Without the range nothing is counted: then nobody knows what is in use. */
void view_destinations_say_none(const struct term *term, const json_t *reply)
{
        if (is_range_known(reply))
                term_say(term, PAINT_NONE,
                         "No outgoing connection was seen: no local port is in use.");
        else
                term_say(term, PAINT_WARNING, "Unknown which local ports are in use.");
}

/* "Local ports 32768 to 60999, 3 of them reserved: 28229 usable towards each destination." */
void view_destinations_say_range(const struct term *term, const json_t *reply)
{
        char first[UNITS_TEXT_MAX], last[UNITS_TEXT_MAX], reserved[UNITS_TEXT_MAX];
        char usable[UNITS_TEXT_MAX];

        if (!is_range_known(reply)) {
                term_say(term, PAINT_FAINT, "The range of local ports is unknown.");
                return;
        }
        term_say(term, PAINT_FAINT,
                 "Local ports %s to %s, %s reserved; usable towards each destination: %s.",
                 field_show_count(reply, "portFirst", first),
                 field_show_count(reply, "portLast", last),
                 field_show_count(reply, "reservedPorts", reserved),
                 field_show_count(reply, "usable", usable));
}

/* What must be known before the first number is read. */
void view_destinations_say_heading(const struct term *term, const json_t *reply)
{
        uint64_t n;

        if (field_true(reply, "partial"))
                term_say(term, PAINT_WARNING,
                         "The look was not complete: counts are lower bounds.");
        if (field_count(reply, "errorMax", &n) && n > 0)
                term_say(term, PAINT_WARNING,
                         "More destinations than can be told apart: counts may be up to %" PRIu64
                         " too great.",
                         n);
}

struct table *view_destinations_table(const struct term *term, const json_t *reply)
{
        struct table *table = table_new(columns, ARRAY_SIZE(columns), term);
        json_t *destinations = field_array(reply, "destinations"), *destination;
        size_t i;

        json_array_foreach(destinations, i, destination) if (table) add(table, destination);
        return table;
}

static int print_table(const struct view *view, const json_t *reply)
{
        CLEANUP(table_freep) struct table *table = view_destinations_table(&view->term, reply);
        uint64_t total, n = json_array_size(field_array(reply, "destinations"));

        if (!table || table_print(table) < 0)
                return view_no_memory();
        if (field_count(reply, "total", &total) && total > n)
                term_say(&view->term, PAINT_NONE,
                         "The worst %" PRIu64 " of %" PRIu64 " destinations.", n, total);
        return 0;
}

static int print(const struct view *view, const json_t *reply)
{
        int r = 0;

        if (view->options->json)
                return view_print_json(view, reply);
        view_destinations_say_heading(&view->term, reply);
        if (json_array_size(field_array(reply, "destinations")) > 0)
                r = print_table(view, reply);
        else
                view_destinations_say_none(&view->term, reply);
        if (r == 0)
                view_destinations_say_range(&view->term, reply);
        return r;
}

int view_destinations(struct view *view)
{
        const uint64_t limit = view->options->limit;
        CLEANUP(conn_freep) struct conn *conn = NULL;
        json_t *parameters;
        struct reply reply;
        int r;

        r = view_connect(view, &conn);
        if (r != 0)
                return r;
        parameters = limit > 0 ? json_pack("{s:I}", "limit", (json_int_t)limit) : json_object();
        if (!parameters)
                return view_no_memory();
        r = view_call_look(view, conn, "io.twmon.Monitor.ListDestinations", parameters, &reply);
        if (r != 0)
                return r;
        r = print(view, reply.parameters);
        reply_done(&reply);
        return r;
}
