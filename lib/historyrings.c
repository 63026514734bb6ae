/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Ten minutes are added up anew from their minutes with each of them, so no part of them has to be
 * remembered, and a restart in between is no matter.
 */

#include "historyrings.h"

#include "base.h"

#define MINUTES_PER_TEN (HISTORY_TEN_SEC / HISTORY_MINUTE_SEC)

struct ring {
        uint32_t start; /* offset of its first row */
        uint32_t rows;
        uint32_t row_sec;
};

static const struct ring minutes = { HISTORY_HEADER_BYTES, HISTORY_MINUTES, HISTORY_MINUTE_SEC };
static const struct ring tens = { HISTORY_HEADER_BYTES + HISTORY_MINUTES * HISTORY_ROW_BYTES,
                                  HISTORY_TENS, HISTORY_TEN_SEC };

static uint64_t offset_of(const struct ring *ring, uint32_t slot)
{
        return ring->start + (uint64_t)(slot % ring->rows) * HISTORY_ROW_BYTES;
}

static int read_packed(const struct history_io *io, const struct ring *ring, uint32_t slot,
                       uint8_t packed[static HISTORY_ROW_BYTES])
{
        return io->read(io->userdata, offset_of(ring, slot), packed, HISTORY_ROW_BYTES);
}

/* Adds a row to the sum, if it is there. 0 or -errno. */
static int add_row(const struct history_io *io, const struct ring *ring, uint32_t slot,
                   struct history_row *sum)
{
        uint8_t packed[HISTORY_ROW_BYTES];
        struct history_row row;
        int r = read_packed(io, ring, slot, packed);

        if (r == 0 && history_row_unpack(packed, &row) && row.slot == slot)
                history_row_add(sum, &row);
        return r;
}

static int write_row(const struct history_io *io, const struct ring *ring,
                     const struct history_row *row)
{
        uint8_t packed[HISTORY_ROW_BYTES];
        const size_t len = history_row_pack(row, packed);

        return io->write(io->userdata, offset_of(ring, row->slot), packed, len);
}

int history_rings_put(const struct history_io *io, const struct history_row *minute)
{
        struct history_row sum = { .slot = minute->slot };
        const uint32_t ten = minute->slot / MINUTES_PER_TEN;
        int r = add_row(io, &minutes, minute->slot, &sum);

        history_row_add(&sum, minute);
        if (r == 0)
                r = write_row(io, &minutes, &sum);
        sum.slot = ten;
        sum.flags = 0;
        sum.n = 0;
        for (uint32_t i = 0; r == 0 && i < MINUTES_PER_TEN; i++)
                r = add_row(io, &minutes, ten * MINUTES_PER_TEN + i, &sum);
        return r < 0 ? r : write_row(io, &tens, &sum);
}

static int read_ring(const struct history_io *io, const struct ring *ring, uint64_t until_sec,
                     struct history_series *series)
{
        const uint64_t end =
                series->time.start_sec + (uint64_t)series->time.n * series->time.step_sec;
        const uint64_t newest = (end - 1) / ring->row_sec;
        const uint64_t oldest = newest - MIN(newest, ring->rows - UINT64_C(1));
        uint64_t slot = MAX(series->time.start_sec / ring->row_sec, oldest);
        int r = 0;

        if (series->time.step_sec % ring->row_sec != 0)
                return 0; /* nobody knows in which of the steps */
        for (; r == 0 && slot <= newest && slot * ring->row_sec < until_sec; slot++) {
                uint8_t packed[HISTORY_ROW_BYTES];
                struct history_point point;
                uint32_t found;

                r = read_packed(io, ring, (uint32_t)slot, packed);
                if (r == 0 && history_row_find(packed, &series->port, &found, &point) &&
                    found == slot)
                        history_series_add(series, slot * ring->row_sec, ring->row_sec, &point);
        }
        return r;
}

int history_rings_read(const struct history_io *io, uint64_t until_sec,
                       struct history_series *series)
{
        const uint64_t end =
                series->time.start_sec + (uint64_t)series->time.n * series->time.step_sec;
        const uint64_t day = HISTORY_MINUTES * HISTORY_MINUTE_SEC;
        const uint64_t minutes_from = end - MIN(end, day);
        int r = 0;

        if (series->time.start_sec < minutes_from)
                r = read_ring(io, &tens, MIN(minutes_from, until_sec), series);
        return r < 0 ? r : read_ring(io, &minutes, until_sec, series);
}
