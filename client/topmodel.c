/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Rows are made anew from every reply; what must last, the trail, is carried over from the row of
 * the same port, and so is the selection. There are 1000 rows at most, and replies come with scans,
 * so a row is found by looking at all of them.
 */

#include "topmodel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "chart.h"
#include "field.h"

/* What twmond has of the time before its own start; coarser than that a curve would be made up. */
#define PAST_STEP_SEC_MAX 60

static const struct {
        const char *name, *member, *what;
} orders[TOPMODEL_ORDERS] = {
        [TOPMODEL_BY_COUNT] = { "count", "closeWait", "connections in CLOSE_WAIT" },
        [TOPMODEL_BY_STUCK] = { "stuck", "stuck", "those that are stuck" },
        [TOPMODEL_BY_AGE] = { "age", "oldestSec", "the age of the oldest" },
        [TOPMODEL_BY_RATE] = { "rate", "ratePerMin", "by how many they grow in a minute" },
};

void topmodel_done(struct topmodel *model)
{
        free(model->rows);
        json_decref(model->ports);
        json_decref(model->alerts);
        *model = (struct topmodel){ 0 };
}

int topmodel_order_find(const char *name, enum topmodel_order *ret_order)
{
        for (enum topmodel_order i = 0; i < TOPMODEL_ORDERS; i++)
                if (strcmp(orders[i].name, name) == 0) {
                        *ret_order = i;
                        return 0;
                }
        return -EINVAL;
}

const char *topmodel_order_name(enum topmodel_order order)
{
        return orders[order].name;
}

const char *topmodel_order_what(enum topmodel_order order)
{
        return orders[order].what;
}

/* ---- rows ---- */

static double number(const json_t *object, const char *name)
{
        const json_t *value = json_object_get(object, name);

        return json_is_number(value) && json_number_value(value) >= 0 ? json_number_value(value)
                                                                      : -1;
}

/* False: it has no side, or no port. */
static bool read_key(const json_t *object, bool *ret_remote, uint16_t *ret_port)
{
        const char *side = field_text(object, "side");
        uint64_t port;

        if (!side || !field_count(object, "port", &port) || port == 0 || port > UINT16_MAX ||
            (strcmp(side, "local") != 0 && strcmp(side, "remote") != 0))
                return false;
        *ret_remote = strcmp(side, "remote") == 0;
        *ret_port = (uint16_t)port;
        return true;
}

static struct topmodel_row *find(const struct topmodel *model, bool remote, uint16_t port)
{
        for (size_t i = 0; i < model->n; i++)
                if (model->rows[i].remote == remote && model->rows[i].port == port)
                        return &model->rows[i];
        return NULL;
}

const struct topmodel_row *topmodel_find(const struct topmodel *model, bool remote, uint16_t port)
{
        return find(model, remote, port);
}

const struct topmodel_row *topmodel_selected(const struct topmodel *model)
{
        return model->selected < model->n ? &model->rows[model->selected] : NULL;
}

/* False: no port of ours. */
static bool read_row(const json_t *json, struct topmodel_row *ret_row)
{
        struct topmodel_row row = { .json = json, .time_wait = number(json, "timeWait") };

        if (!read_key(json, &row.remote, &row.port))
                return false;
        for (enum topmodel_order i = 0; i < TOPMODEL_ORDERS; i++)
                row.values[i] = number(json, orders[i].member);
        *ret_row = row;
        return true;
}

/* Not over a clock that was set back: its steps, and which ones are new, have lost their sense. */
static void keep_trail(const struct topmodel *model, struct topmodel_row *row, uint64_t seen_sec)
{
        const struct topmodel_row *before = find(model, row->remote, row->port);
        uint64_t close_wait;

        if (before && (seen_sec == 0 || !toptrail_is_ahead(&before->trail, seen_sec))) {
                row->trail = before->trail;
                row->seeded = before->seeded;
        }
        if (field_count(row->json, "closeWait", &close_wait))
                toptrail_put(&row->trail, seen_sec, close_wait);
}

/* ---- order ---- */

static int compare_numbers(double a, double b)
{
        return (a < b) - (a > b);
}

/* Ports that are alike in that are told apart by how bad they are otherwise, and then for good. */
static int compare(const void *one, const void *other, void *userdata)
{
        static const enum topmodel_order ties[] = { TOPMODEL_BY_STUCK, TOPMODEL_BY_COUNT,
                                                    TOPMODEL_BY_RATE };
        const enum topmodel_order *order = userdata;
        const struct topmodel_row *a = one, *b = other;
        int r = compare_numbers(a->values[*order], b->values[*order]);

        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(ties); i++)
                r = compare_numbers(a->values[ties[i]], b->values[ties[i]]);
        if (r == 0)
                r = compare_numbers(a->time_wait, b->time_wait);
        if (r == 0)
                r = a->port - b->port;
        return r != 0 ? r : a->remote - b->remote;
}

static void sort(struct topmodel *model)
{
        if (model->n > 0)
                qsort_r(model->rows, model->n, sizeof(*model->rows), compare, &model->order);
}

/* Of the port that was selected before, or the row where it was. */
static void select_again(struct topmodel *model, bool remote, uint16_t port)
{
        const struct topmodel_row *row = find(model, remote, port);

        if (row)
                model->selected = (size_t)(row - model->rows);
        else
                model->selected = MIN(model->selected, model->n > 0 ? model->n - 1 : 0);
}

void topmodel_sort(struct topmodel *model, enum topmodel_order order)
{
        const struct topmodel_row *row = topmodel_selected(model);
        const bool remote = row && row->remote;
        const uint16_t port = row ? row->port : 0;

        model->order = order;
        sort(model);
        select_again(model, remote, port);
}

void topmodel_move(struct topmodel *model, long rows)
{
        const long last = model->n > 0 ? (long)model->n - 1 : 0;
        const long wanted = (long)model->selected + MAX(MIN(rows, last), -last);

        model->selected = (size_t)MAX(MIN(wanted, last), 0L);
}

void topmodel_scroll(struct topmodel *model, size_t shown)
{
        const size_t most = model->n > shown ? model->n - shown : 0;

        if (model->selected < model->first || shown == 0)
                model->first = model->selected;
        else if (model->selected - model->first >= shown)
                model->first = model->selected - shown + 1;
        if (shown > 0)
                model->first = MIN(model->first, most);
}

/* ---- replies ---- */

static unsigned rank(const json_t *alert)
{
        const char *severity = field_text(alert, "severity"), *state = field_text(alert, "state");

        if (!state || strcmp(state, "raised") != 0)
                return 0;
        return severity && strcmp(severity, "critical") == 0 ? 2 : 1;
}

static void connect_alerts(struct topmodel *model)
{
        json_t *alerts = field_array(model->alerts, "alerts"), *alert;
        size_t i;

        for (i = 0; i < model->n; i++)
                model->rows[i].alert = NULL;
        json_array_foreach(alerts, i, alert)
        {
                struct topmodel_row *row;
                uint16_t port;
                bool remote;

                if (!read_key(alert, &remote, &port))
                        continue;
                row = find(model, remote, port);
                if (row && rank(alert) > (row->alert ? rank(row->alert) : 0))
                        row->alert = alert;
        }
}

static uint64_t seconds_of(const json_t *object, const char *name)
{
        const char *at = field_text(object, name);
        uint64_t usec;

        return at && field_parse_time(at, &usec) == 0 ? usec / USEC_PER_SEC : 0;
}

int topmodel_take_ports(struct topmodel *model, json_t *parameters)
{
        const struct topmodel_row *selected = topmodel_selected(model);
        const bool remote = selected && selected->remote;
        const uint16_t port = selected ? selected->port : 0;
        json_t *ports = field_array(parameters, "ports"), *item;
        struct topmodel_row *rows = calloc(TOPMODEL_ROWS_MAX, sizeof(*rows));
        size_t i, n = 0;

        if (!rows)
                return -ENOMEM;
        model->seen_sec = seconds_of(parameters, "scannedAt");
        json_array_foreach(ports, i, item)
        {
                if (n == TOPMODEL_ROWS_MAX)
                        break;
                if (read_row(item, &rows[n]))
                        keep_trail(model, &rows[n++], model->seen_sec);
        }
        free(model->rows);
        json_decref(model->ports);
        model->rows = rows;
        model->n = n;
        model->ports = json_incref(parameters);
        model->total = n;
        field_count(parameters, "total", &model->total);
        sort(model);
        select_again(model, remote, port);
        connect_alerts(model);
        return 0;
}

void topmodel_take_alerts(struct topmodel *model, json_t *parameters)
{
        json_decref(model->alerts);
        model->alerts = json_incref(parameters);
        connect_alerts(model);
}

/* Of steps one behind another; nothing that lies after end_sec is taken. */
struct past {
        uint64_t start_sec, step_sec, end_sec;
};

/*
 * The greatest of one of its steps, into every step of the trail that this touches. What is coarser
 * than those says less than what was seen in one, and so only stands where nothing was.
 */
static void put_past(struct toptrail *trail, const struct past *past, size_t i, uint64_t value)
{
        const uint64_t start_sec = past->start_sec + i * past->step_sec;
        const uint64_t end_sec = MIN(start_sec + past->step_sec, past->end_sec + 1);
        const bool coarse = past->step_sec > TOPTRAIL_STEP_SEC;

        if (start_sec > past->end_sec)
                return;
        for (uint64_t at = start_sec - start_sec % TOPTRAIL_STEP_SEC; at < end_sec;
             at += TOPTRAIL_STEP_SEC)
                if (!coarse || toptrail_at(trail, at) == CHART_UNKNOWN)
                        toptrail_put(trail, at, value);
}

/* Nothing that would lie ahead of what was seen: no number could follow it. */
static void put_history(struct topmodel_row *row, const json_t *parameters, const json_t *side,
                        uint64_t seen_sec)
{
        const json_t *numbers = field_array(field_object(side, "closeWait"), "max");
        struct past past = { .start_sec = seconds_of(parameters, "startsAt"), .end_sec = seen_sec };

        if (past.start_sec == 0 || !field_count(parameters, "stepSec", &past.step_sec) ||
            past.step_sec == 0 || past.step_sec > PAST_STEP_SEC_MAX)
                return;
        for (size_t i = 0; i < json_array_size(numbers); i++) {
                const json_t *value = json_array_get(numbers, i);

                if (json_is_integer(value) && json_integer_value(value) >= 0)
                        put_past(&row->trail, &past, i, (uint64_t)json_integer_value(value));
        }
}

void topmodel_forget_history(struct topmodel *model)
{
        for (size_t i = 0; i < model->n; i++)
                model->rows[i].seeded = false;
}

void topmodel_take_history(struct topmodel *model, uint16_t port, const json_t *parameters)
{
        json_t *sides = field_array(parameters, "sides"), *side;
        size_t i;

        for (int remote = 0; remote < 2; remote++) {
                struct topmodel_row *row = find(model, remote == 1, port);

                if (!row)
                        continue;
                row->seeded = true;
                json_array_foreach(sides, i, side)
                {
                        const char *name = field_text(side, "side");

                        if (name && (strcmp(name, "remote") == 0) == (remote == 1))
                                put_history(row, parameters, side, model->seen_sec);
                }
        }
}
