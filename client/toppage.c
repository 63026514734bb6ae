/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The page is put together by those who print the same for other verbs: alerts, ports, history, why.
 * What is asked for comes one after the other, so each part is there as soon as it is known.
 */

#include "toppage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "chart.h"
#include "field.h"
#include "notes.h"
#include "rows.h"
#include "view.h"
#include "why.h"

#define SHOWN_ALERTS 4
#define CURVE_ROWS   4

void toppage_done(struct toppage *page)
{
        json_decref(page->counts);
        json_decref(page->look);
        free(page->peers);
        *page = (struct toppage){ 0 };
}

void toppage_open(struct toppage *page, const struct topmodel_row *row)
{
        toppage_done(page);
        page->remote = row->remote;
        page->port = row->port;
}

void toppage_take_counts(struct toppage *page, json_t *parameters)
{
        json_decref(page->counts);
        page->counts = json_incref(parameters);
}

void toppage_take_look(struct toppage *page, json_t *parameters)
{
        json_decref(page->look);
        page->look = json_incref(parameters);
        page->trouble[0] = '\0';
}

void toppage_take_peers(struct toppage *page, struct toppeers *peers)
{
        free(page->peers);
        page->peers = peers;
}

/* Of the port, on its side. */
static bool is_ours(const struct toppage *page, const json_t *object)
{
        const char *side = field_text(object, "side");
        uint64_t port;

        return side && strcmp(side, page->remote ? "remote" : "local") == 0 &&
               field_count(object, "port", &port) && port == page->port;
}

static int write_alerts(const struct toppage *page, const struct topmodel *model,
                        const struct term *term)
{
        json_t *all = field_array(model->alerts, "alerts"), *alert, *ours = json_array();
        size_t i;
        int r = ours ? 0 : -ENOMEM;

        json_array_foreach(all, i, alert)
        {
                if (r == 0 && is_ours(page, alert) && json_array_append(ours, alert) < 0)
                        r = -ENOMEM;
        }
        if (r == 0 && json_array_size(ours) > 0) {
                r = rows_print_alerts(term, ours, SHOWN_ALERTS);
                fputc('\n', term->out);
        }
        json_decref(ours);
        return r;
}

/* With its owner where that is known, else as it stands in the list. */
static const json_t *find_counts(const struct toppage *page, const struct topmodel *model)
{
        const struct topmodel_row *row = topmodel_find(model, page->remote, page->port);
        json_t *ports = field_array(page->counts, "ports"), *port;
        size_t i;

        json_array_foreach(ports, i, port)
        {
                if (is_ours(page, port))
                        return port;
        }
        return row ? row->json : NULL;
}

static int write_counts(const struct toppage *page, const struct topmodel *model,
                        const struct term *term)
{
        const json_t *counts = find_counts(page, model);
        CLEANUP(table_freep) struct table *table = rows_new_ports(term);
        char left[UNITS_TEXT_MAX];
        uint64_t sec;

        if (!table)
                return -ENOMEM;
        if (!counts) {
                term_say(term, PAINT_NONE, "The port has nothing to say any more.");
                return 0;
        }
        rows_add_port(table, counts, false);
        if (field_object(counts, "owner"))
                notes_owner(table, counts);
        notes_stages(table, counts);
        notes_leak(table, counts);
        if (field_count(counts, "timeWaitLastSec", &sec))
                table_note(table, "the last TIME_WAIT is gone in %s",
                           field_show_age(counts, "timeWaitLastSec", NULL, left));
        return table_print(table);
}

static void write_curve(const struct toppage *page, const struct topmodel *model,
                        const struct term *term)
{
        const struct topmodel_row *row = topmodel_find(model, page->remote, page->port);
        struct chart chart = { .term = term,
                               .ascii = !term->utf8,
                               .columns = MIN(chart_room(term), (size_t)TOPTRAIL_STEPS),
                               .step_sec = TOPTRAIL_STEP_SEC };
        uint64_t values[TOPTRAIL_STEPS];
        size_t known = 0;

        if (!row || model->seen_sec / TOPTRAIL_STEP_SEC < chart.columns)
                return;
        toptrail_read(&row->trail, model->seen_sec, chart.columns, values);
        for (size_t i = 0; i < chart.columns; i++)
                known += values[i] != CHART_UNKNOWN && values[i] > 0;
        if (known == 0)
                return;
        chart.start_sec =
                (model->seen_sec / TOPTRAIL_STEP_SEC - (chart.columns - 1)) * TOPTRAIL_STEP_SEC;
        fputc('\n', term->out);
        term_say(term, PAINT_NONE, "CLOSE_WAIT, a column is %ds", TOPTRAIL_STEP_SEC);
        chart_bars(&chart, CURVE_ROWS, values);
        chart_axis(&chart);
}

static int write_peers(const struct toppage *page, const struct term *term)
{
        struct why_text text;

        if (!page->peers)
                return 0;
        if (why_text_begin(&text) < 0)
                return -ENOMEM;
        toppeers_write(text.out, page->peers);
        return why_text_end(&text, term, "peers");
}

static int write_look(const struct toppage *page, const struct term *term)
{
        const struct why why = {
                .term = term, .reply = page->look, .port = page->port, .address = "", .asked = true
        };
        char age[UNITS_TEXT_MAX];
        uint64_t age_usec;

        fputc('\n', term->out);
        if (page->trouble[0])
                term_say(term, PAINT_NONE, "%s", page->trouble);
        if (!page->look) {
                if (!page->trouble[0])
                        term_say(term, PAINT_NONE, "Looking at its sockets ...");
                return 0;
        }
        if (!view_age_of(page->look, "seenAt", &age_usec))
                term_say(term, PAINT_NONE, "All its sockets, at an unknown time:");
        else if (age_usec < USEC_PER_SEC)
                term_say(term, PAINT_NONE, "All its sockets, just now:");
        else
                term_say(term, PAINT_NONE,
                         "All its sockets, %s ago:", units_format_age(age_usec, age));
        return write_peers(page, term) < 0 ? -ENOMEM : why_print_port(&why);
}

int toppage_write(const struct toppage *page, const struct topmodel *model, const struct term *term)
{
        int r = write_counts(page, model, term);

        if (r == 0)
                write_curve(page, model, term);
        if (r == 0)
                r = write_look(page, term);
        if (r == 0) {
                fputc('\n', term->out);
                r = write_alerts(page, model, term);
        }
        return r;
}
