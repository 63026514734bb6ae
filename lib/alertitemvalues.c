/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The numbers of an alert, each group of them an item of its own, so that each may grow. */

#include "alertitem-private.h"
#include "base.h"
#include "stateitem.h"

static uint32_t get_u32(struct recview *item, const char *what)
{
        return (uint32_t)stateitem_get_number(item, UINT32_MAX, what);
}

static void put_leak(struct recbuf *buf, const struct port_leak *leak)
{
        struct recbuf item = { 0 };

        recbuf_put(&item, leak->known);
        recbuf_put(&item, leak->times);
        recbuf_put(&item, leak->unaccepted);
        recbuf_put(&item, leak->outlived);
        recbuf_put(&item, leak->arrived);
        stateitem_put_number(&item, leak->window_usec);
        stateitem_put_number(&item, leak->pause_usec);
        stateitem_put_number(&item, leak->patience_usec);
        stateitem_put_double(&item, leak->rate_per_min);
        stateitem_put_double(&item, leak->error_per_min);
        stateitem_put(buf, &item);
}

static void get_leak(struct recview *view, struct port_leak *leak)
{
        static const char what[] = "a leak";
        struct recview item = stateitem_get(view, what);
        uint32_t times;

        leak->known = stateitem_get_bool(&item, what);
        times = get_u32(&item, what);
        leak->times =
                (uint8_t)MIN(times, (uint32_t)LEAK_TIMES_MAX); /* others may tell more apart */
        leak->unaccepted = get_u32(&item, what);
        leak->outlived = get_u32(&item, what);
        leak->arrived = get_u32(&item, what);
        leak->window_usec = stateitem_get_number(&item, STATEITEM_NUMBER_MAX, what);
        leak->pause_usec = stateitem_get_number(&item, STATEITEM_NUMBER_MAX, what);
        leak->patience_usec = stateitem_get_number(&item, STATEITEM_NUMBER_MAX, what);
        leak->rate_per_min = stateitem_get_double(&item, what);
        leak->error_per_min = stateitem_get_double(&item, what);
        stateitem_done(view, &item);
}

static void put_exhaustion(struct recbuf *buf, const struct exhaustion *exhaustion)
{
        struct recbuf item = { 0 };

        recbuf_put(&item, exhaustion->known);
        recbuf_put(&item, exhaustion->used);
        recbuf_put(&item, exhaustion->reusable);
        recbuf_put(&item, exhaustion->usable);
        recbuf_put(&item, exhaustion->error_max);
        recbuf_put(&item, exhaustion->burning);
        stateitem_put_double(&item, exhaustion->burn_per_min);
        stateitem_put_number(&item, exhaustion->eta_usec);
        stateitem_put_number(&item, exhaustion->pause_usec);
        stateitem_put(buf, &item);
}

static void get_exhaustion(struct recview *view, struct exhaustion *exhaustion)
{
        static const char what[] = "an exhaustion";
        struct recview item = stateitem_get(view, what);

        exhaustion->known = stateitem_get_bool(&item, what);
        exhaustion->used = get_u32(&item, what);
        exhaustion->reusable = get_u32(&item, what);
        exhaustion->usable = get_u32(&item, what);
        exhaustion->error_max = get_u32(&item, what);
        exhaustion->burning = stateitem_get_bool(&item, what);
        exhaustion->burn_per_min = stateitem_get_double(&item, what);
        exhaustion->eta_usec = stateitem_get_number(&item, STATEITEM_NUMBER_MAX, what);
        exhaustion->pause_usec = stateitem_get_number(&item, STATEITEM_NUMBER_MAX, what);
        stateitem_done(view, &item);
}

static void put_tw_table(struct recbuf *buf, const struct tw_table *table)
{
        struct recbuf item = { 0 };

        recbuf_put(&item, table->known);
        stateitem_put_number(&item, table->used);
        stateitem_put_number(&item, table->max);
        recbuf_put(&item, table->time_wait_known);
        stateitem_put_number(&item, table->time_wait);
        recbuf_put(&item, table->overflow_known);
        stateitem_put_number(&item, table->overflows);
        stateitem_put_number(&item, table->overflows_total);
        stateitem_put(buf, &item);
}

static void get_tw_table(struct recview *view, struct tw_table *table)
{
        static const char what[] = "a table of TIME_WAIT";
        struct recview item = stateitem_get(view, what);

        table->known = stateitem_get_bool(&item, what);
        table->used = stateitem_get_number(&item, STATEITEM_NUMBER_MAX, what);
        table->max = stateitem_get_number(&item, STATEITEM_NUMBER_MAX, what);
        table->time_wait_known = stateitem_get_bool(&item, what);
        table->time_wait = stateitem_get_number(&item, STATEITEM_NUMBER_MAX, what);
        table->overflow_known = stateitem_get_bool(&item, what);
        table->overflows = stateitem_get_number(&item, STATEITEM_NUMBER_MAX, what);
        table->overflows_total = stateitem_get_number(&item, STATEITEM_NUMBER_MAX, what);
        stateitem_done(view, &item);
}

static void put_half_open(struct recbuf *buf, const struct half_open *half_open)
{
        struct recbuf item = { 0 };

        recbuf_put(&item, half_open->known);
        recbuf_put(&item, half_open->established);
        recbuf_put(&item, half_open->keepalive);
        recbuf_put(&item, half_open->busy);
        recbuf_put(&item, half_open->silent);
        recbuf_put(&item, half_open->unanswered);
        stateitem_put_number(&item, half_open->oldest_usec);
        stateitem_put_number(&item, half_open->default_usec);
        stateitem_put(buf, &item);
}

static void get_half_open(struct recview *view, struct half_open *half_open)
{
        static const char what[] = "half-open connections";
        struct recview item = stateitem_get(view, what);

        half_open->known = stateitem_get_bool(&item, what);
        half_open->established = get_u32(&item, what);
        half_open->keepalive = get_u32(&item, what);
        half_open->busy = get_u32(&item, what);
        half_open->silent = get_u32(&item, what);
        half_open->unanswered = get_u32(&item, what);
        half_open->oldest_usec = stateitem_get_number(&item, STATEITEM_NUMBER_MAX, what);
        half_open->default_usec = stateitem_get_number(&item, STATEITEM_NUMBER_MAX, what);
        stateitem_done(view, &item);
}

/* A later version may know more of them. */
static void put_stages(struct recbuf *buf, const uint32_t stages[static STAGE_COUNT])
{
        struct recbuf item = { 0 };

        for (size_t i = 0; i < STAGE_COUNT; i++)
                recbuf_put(&item, stages[i]);
        stateitem_put(buf, &item);
}

static void get_stages(struct recview *view, uint32_t stages[static STAGE_COUNT])
{
        static const char what[] = "stages";
        struct recview item = stateitem_get(view, what);

        for (size_t i = 0; i < STAGE_COUNT; i++)
                stages[i] = get_u32(&item, what);
        stateitem_done(view, &item);
}

void alertitem_put_values(struct recbuf *buf, const struct alert_values *values)
{
        struct recbuf item = { 0 };

        stateitem_put_number(&item, values->count);
        stateitem_put_number(&item, values->close_wait);
        stateitem_put_number(&item, values->time_wait);
        stateitem_put_number(&item, values->stuck);
        stateitem_put_number(&item, values->stuck_usual);
        stateitem_put_number(&item, values->oldest_usec);
        recbuf_put(&item, values->oldest_at_least);
        recbuf_put(&item, values->port_known);
        put_stages(&item, values->stage);
        put_leak(&item, &values->leak);
        put_exhaustion(&item, &values->exhaustion);
        put_tw_table(&item, &values->tw_table);
        put_half_open(&item, &values->half_open);
        stateitem_put(buf, &item);
}

void alertitem_get_values(struct recview *view, struct alert_values *ret_values)
{
        static const char what[] = "an alert's numbers";
        struct recview item = stateitem_get(view, what);

        ret_values->count = stateitem_get_number(&item, STATEITEM_NUMBER_MAX, what);
        ret_values->close_wait = stateitem_get_number(&item, STATEITEM_NUMBER_MAX, what);
        ret_values->time_wait = stateitem_get_number(&item, STATEITEM_NUMBER_MAX, what);
        ret_values->stuck = stateitem_get_number(&item, STATEITEM_NUMBER_MAX, what);
        ret_values->stuck_usual = stateitem_get_number(&item, STATEITEM_NUMBER_MAX, what);
        ret_values->oldest_usec = stateitem_get_number(&item, STATEITEM_NUMBER_MAX, what);
        ret_values->oldest_at_least = stateitem_get_bool(&item, what);
        ret_values->port_known = stateitem_get_bool(&item, what);
        get_stages(&item, ret_values->stage);
        get_leak(&item, &ret_values->leak);
        get_exhaustion(&item, &ret_values->exhaustion);
        get_tw_table(&item, &ret_values->tw_table);
        get_half_open(&item, &ret_values->half_open);
        stateitem_done(view, &item);
}
