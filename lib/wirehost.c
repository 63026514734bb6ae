/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a scan says about the host as a whole. */

#include "base.h"
#include "endings.h"
#include "units.h"
#include "wireput.h"

/* When a moment of the snapshot's monotonic clock was, by its wall clock. */
static uint64_t wall_of(const struct snapshot *snapshot, uint64_t usec)
{
        return snapshot->start_wall_usec - (snapshot->start_usec - MIN(usec, snapshot->start_usec));
}

json_t *wire_totals(const struct snapshot *snapshot)
{
        const uint64_t counted_usec = snapshot->asof_usec[SOCK_TIME_WAIT];
        json_t *object = json_object();
        uint64_t stuck = 0, counted;
        int r = 0;

        for (size_t i = 0; i < snapshot->n_rows; i++)
                stuck += snapshot->rows[i].stuck;

        r |= put_int(object, "ports", snapshot->n_rows);
        r |= put_int(object, "timeWait", snapshot->total[SOCK_TIME_WAIT]);
        r |= put_bool(object, "timeWaitEstimated", snapshot->estimated & SOCK_MASK(SOCK_TIME_WAIT));
        r |= put_int_if(object, snapshot->time_wait_new > 0, "timeWaitNew",
                        snapshot->time_wait_new);
        if (snapshot_time_wait_counted(snapshot, &counted))
                r |= put_int(object, "timeWaitCounted", counted);
        if (counted_usec > 0)
                r |= put(object, "timeWaitAt", wire_time(wall_of(snapshot, counted_usec)));
        r |= put_int(object, "closeWait", snapshot->total[SOCK_CLOSE_WAIT]);
        r |= put_int(object, "stuck", stuck);
        r |= put_int(object, "tracked", snapshot->tracked);
        return finish(object, r);
}

json_t *wire_cost(const struct snapshot *snapshot)
{
        json_t *object = json_object();
        int r = 0;

        r |= put_int(object, "messages", snapshot->cost.messages);
        r |= put_int(object, "bytes", snapshot->cost.bytes);
        r |= put_int(object, "cpuUsec", snapshot->cost.cpu_usec);
        r |= put_int(object, "wallUsec", snapshot->cost.wall_usec);
        r |= put_int(object, "retries", snapshot->retries);
        return finish(object, r);
}

json_t *wire_tw_table(const struct tw_table *table)
{
        const double percent = table->max > 0 ? (double)table->used * 100 / (double)table->max : 0;
        json_t *object = json_object();
        int r = 0;

        r |= put_int(object, "used", table->used);
        r |= put_int(object, "max", table->max);
        r |= put_double(object, "usedPercent", percent);
        r |= put_int_if(object, table->time_wait_known, "timeWait", table->time_wait);
        r |= put_int_if(object, table->time_wait_known, "finWait2", table->used - table->time_wait);
        r |= put_int_if(object, table->overflow_known, "overflows", table->overflows);
        return finish(object, r);
}

json_t *wire_endings(const struct host_facts *facts)
{
        static const char *const names[TCP_COUNTER_COUNT] = {
                [TCP_ABORT_ON_CLOSE] = "abortOnClose",
                [TCP_ABORT_ON_DATA] = "abortOnData",
                [TCP_ABORT_ON_LINGER] = "abortOnLinger",
                [TCP_ABORT_ON_TIMEOUT] = "abortOnTimeout",
                [TCP_TIME_WAIT_OVERFLOW] = "timeWaitOverflow",
                [TCP_TW_RECYCLED] = "timeWaitRecycled",
                [TCP_LISTEN_OVERFLOWS] = "listenOverflows",
                [TCP_LISTEN_DROPS] = "listenDrops",
        };
        const struct tcp_rates *rates = &facts->rates;
        char reading[ENDINGS_TEXT_MAX];
        json_t *object = json_object();
        int r = 0;

        r |= put_int(object, "windowSec", tcp_rates_window_sec(rates));
        r |= put_int_if(object, facts->counters_age_usec > 0, "beforeScanSec",
                        (facts->counters_age_usec + USEC_PER_SEC - 1) / USEC_PER_SEC);
        for (unsigned i = 0; i < TCP_COUNTER_COUNT; i++)
                r |= put_int_if(object, rates->known & 1U << i, names[i], rates->delta[i]);
        (void)endings_reading(facts, reading);
        r |= put_line_if(object, "reading", reading);
        return finish(object, r);
}

int wire_put_host(json_t *object, const struct host_facts *facts)
{
        int r = 0;

        if (facts->tw_table.known)
                r |= put(object, "timeWaitTable", wire_tw_table(&facts->tw_table));
        if (facts->rates.known != 0)
                r |= put(object, "endings", wire_endings(facts));
        return r;
}
