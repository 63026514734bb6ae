/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The history's file -> what is told of its ports -> the file again, with minutes added.
 *
 * Nearly all of a real one is gaps, so an input is the header and then rows, each after the number
 * of its place in the file (2 bytes) and as long as its count of cells says. It is read as it is, and
 * once more with every checksum made right and every row put where its time belongs, so that the
 * fuzzer gets past them.
 */

#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "bytes.h"
#include "historyrings.h"

#define PLACES     (HISTORY_MINUTES + HISTORY_TENS)
#define CELL_BYTES 28
#define ROWS_MAX   200 /* of one input: more are no other */
#define HOUR_SEC   3600

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A file in memory, and what has to be cleared of it afterwards. */
static struct {
        uint8_t bytes[HISTORY_FILE_MAX];
        size_t touched[4 * ROWS_MAX]; /* offsets of rows */
        size_t n_touched;
} disk;

static void require(bool condition)
{
        if (!condition)
                abort();
}

static void touch(size_t offset)
{
        require(disk.n_touched < ARRAY_SIZE(disk.touched));
        disk.touched[disk.n_touched++] = offset;
}

static void clear(void)
{
        for (size_t i = 0; i < disk.n_touched; i++)
                memset(disk.bytes + disk.touched[i], 0, HISTORY_ROW_BYTES);
        disk.n_touched = 0;
}

static void require_row(uint64_t offset, size_t len)
{
        require(offset >= HISTORY_HEADER_BYTES && offset < HISTORY_FILE_MAX);
        require((offset - HISTORY_HEADER_BYTES) % HISTORY_ROW_BYTES == 0);
        require(len <= HISTORY_ROW_BYTES);
}

static int read_disk(void *userdata, uint64_t offset, uint8_t *data, size_t len)
{
        (void)userdata;
        require_row(offset, len);
        memcpy(data, disk.bytes + offset, len);
        return 0;
}

static int write_disk(void *userdata, uint64_t offset, const uint8_t *data, size_t len)
{
        (void)userdata;
        require_row(offset, len);
        touch(offset);
        memcpy(disk.bytes + offset, data, len);
        return 0;
}

static const struct history_io io = { read_disk, write_disk, NULL };

/* All of a span is known or nothing is, and no severity is beyond the worst. */
static void check_point(const struct history_point *point)
{
        for (unsigned i = 0; i < HISTORY_METRICS; i++) {
                const struct history_span *span = &point->spans[i];
                const bool known = history_point_is_known(point, i);

                require((span->min != HISTORY_UNKNOWN) == known);
                require((span->max != HISTORY_UNKNOWN) == known);
        }
        require(point->severity <= HISTORY_CRITICAL);
}

static bool same_point(const struct history_point *a, const struct history_point *b)
{
        return memcmp(a->spans, b->spans, sizeof(a->spans)) == 0 && a->severity == b->severity &&
               a->estimated == b->estimated;
}

/* Both ways to ask a row for a port have one answer. */
static void check_found(const struct history_row *row, const uint8_t *packed,
                        const struct port_key *key)
{
        struct history_point got, found;
        uint32_t slot;

        history_row_get(row, key, &got);
        require(history_row_find(packed, key, &slot, &found));
        require(slot == row->slot && same_point(&got, &found));
        check_point(&found);
}

/* What was read is written and read again without loss. */
static void check_row(const struct history_row *row, const uint8_t *packed)
{
        const struct port_key other = { .port = 9, .side = SIDE_LOCAL };
        uint8_t again[HISTORY_ROW_BYTES];

        require(row->n <= HISTORY_PORTS_MAX && row->slot != 0);
        memset(again, 0, sizeof(again));
        require(history_row_pack(row, again) == HISTORY_ROW_HEAD + row->n * CELL_BYTES);
        for (size_t i = 0; i < row->n; i++) {
                check_found(row, packed, &row->cells[i].key);
                check_found(row, again, &row->cells[i].key);
        }
        check_found(row, packed, &other);
}

/* Up to now_sec; nothing in it that no row can have told. */
static void tell(const struct port_key *port, uint64_t now_sec, uint64_t since_sec)
{
        struct history_series *series;
        struct history_time time;

        history_plan(now_sec, since_sec, HISTORY_SERIES_MAX, &time);
        series = history_series_new(port, &time);
        require(series != NULL);
        require(history_rings_read(&io, now_sec, series) == 0);
        for (uint32_t i = 0; i < time.n; i++)
                check_point(&series->points[i]);
        free(series);
}

/* As the daemon does with what it saw; then the file has it, in both rings. */
static void put(const struct history_row *row)
{
        struct history_row minute = { .slot = 0 };
        const size_t place = row->slot % HISTORY_MINUTES;

        require(history_rings_put(&io, row) == 0);
        require(history_row_unpack(disk.bytes + HISTORY_HEADER_BYTES + place * HISTORY_ROW_BYTES,
                                   &minute));
        require(minute.slot == row->slot && (minute.flags & row->flags) == row->flags);
        require(minute.n > 0 || row->n == 0);
}

/* The row at that offset, if it is one: its ports are told, and it is added to the file. */
static void use_row(size_t offset)
{
        uint8_t packed[HISTORY_ROW_BYTES];
        struct history_row row;

        memcpy(packed, disk.bytes + offset, sizeof(packed));
        if (!history_row_unpack(packed, &row))
                return;
        check_row(&row, packed);
        if (row.n > 0)
                tell(&row.cells[row.n - 1].key, ((uint64_t)row.slot + 1) * HISTORY_MINUTE_SEC,
                     2 * HOUR_SEC);
        if (row.slot >= 10 && row.slot < UINT32_MAX - 10) /* 0 is no row, nor is its ten */
                put(&row);
}

/* Where a row stands whose time is that of its ring. */
static size_t place_of(const uint8_t *packed, size_t place)
{
        const uint32_t slot = (uint32_t)bytes_get_le(packed, 4);

        return place < HISTORY_MINUTES ? slot % HISTORY_MINUTES
                                       : HISTORY_MINUTES + slot % HISTORY_TENS;
}

static void mend_row(uint8_t *packed, size_t len)
{
        bytes_put_le(packed + 6, 0, 4);
        bytes_put_le(packed + 6, bytes_checksum(packed, len), 4);
}

/* Lays the input's rows out; what is left of it at the end is a row cut short. How many there are. */
static size_t lay_out(const uint8_t *data, size_t size, bool mended, size_t offsets[ROWS_MAX])
{
        size_t n = 0;

        for (; n < ROWS_MAX && size >= 2 + HISTORY_ROW_HEAD; n++) {
                const size_t cells = MIN(data[2 + 5], HISTORY_PORTS_MAX);
                const size_t len = MIN(size - 2, HISTORY_ROW_HEAD + cells * CELL_BYTES);
                size_t place = bytes_get_le(data, 2) % PLACES;

                if (mended)
                        place = place_of(data + 2, place);
                offsets[n] = HISTORY_HEADER_BYTES + place * HISTORY_ROW_BYTES;
                touch(offsets[n]);
                memcpy(disk.bytes + offsets[n], data + 2, len);
                if (mended)
                        mend_row(disk.bytes + offsets[n], len);
                data += 2 + len;
                size -= 2 + len;
        }
        return n;
}

/* Both rings, with the time of one row where its ring is told: dear, so once for an input. */
static void tell_both(size_t offset)
{
        const struct port_key port = { .port = 80, .side = SIDE_LOCAL };
        const bool minute = offset < HISTORY_HEADER_BYTES + HISTORY_MINUTES * HISTORY_ROW_BYTES;
        const uint64_t slot = bytes_get_le(disk.bytes + offset, 4);

        tell(&port, minute ? slot * HISTORY_MINUTE_SEC : slot * HISTORY_TEN_SEC + 25 * HOUR_SEC,
             26 * HOUR_SEC);
}

static void use_rows(const uint8_t *data, size_t size, bool mended)
{
        size_t offsets[ROWS_MAX];
        const size_t n = lay_out(data, size, mended, offsets);

        for (size_t i = 0; i < n; i++)
                use_row(offsets[i]);
        if (n > 0)
                tell_both(offsets[n - 1]);
        clear();
}

/* Whose it is depends on who asks; one that we write is ours. */
static void judge(const uint8_t *data, size_t size)
{
        const size_t len = MIN(size, (size_t)HISTORY_HEADER_BYTES);
        const struct history_origin origin = { { 1, 2, 3 }, 7 };
        uint8_t header[HISTORY_HEADER_BYTES];

        (void)history_header_judge(data, len, size, &origin);
        if (len < sizeof(header))
                return;
        memcpy(header, data, sizeof(header));
        bytes_put_le(header + 40, bytes_checksum(header, 40), 4);
        require(history_header_judge(header, len, size, &origin) != HISTORY_DAMAGED);
        history_header_write(&origin, header);
        require(history_header_judge(header, len, size, &origin) == HISTORY_OURS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size > HISTORY_FILE_MAX)
                return 0;
        judge(data, size);
        if (size > HISTORY_HEADER_BYTES) {
                use_rows(data + HISTORY_HEADER_BYTES, size - HISTORY_HEADER_BYTES, false);
                use_rows(data + HISTORY_HEADER_BYTES, size - HISTORY_HEADER_BYTES, true);
        }
        return 0;
}
