/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Rows are added up port by port: one that a row does not list takes part with what that row tells
 * of ports that are not listed, so that a zero stays a zero and a gap a gap.
 */

#include "historyrow.h"

#include <string.h>

#include "base.h"
#include "bytes.h"

#define CELL_BYTES (4 + HISTORY_PACKED_BYTES)

void history_absent(uint8_t flags, struct history_point *ret_point)
{
        history_point_clear(ret_point);
        ret_point->left_out = flags & HISTORY_LEFT_OUT;
        if (ret_point->left_out)
                return;
        if (flags & HISTORY_SAW_CLOSE_WAIT) {
                ret_point->spans[HISTORY_CLOSE_WAIT] = history_span_of(0);
                ret_point->spans[HISTORY_STUCK] = history_span_of(0);
        }
        if (flags & (HISTORY_SAW_TIME_WAIT | HISTORY_GUESSED_TIME_WAIT))
                ret_point->spans[HISTORY_TIME_WAIT] = history_span_of(0);
        ret_point->estimated =
                !(flags & HISTORY_SAW_TIME_WAIT) && (flags & HISTORY_GUESSED_TIME_WAIT);
}

static const struct history_cell *find_cell(const struct history_row *row,
                                            const struct port_key *key)
{
        for (size_t i = 0; i < row->n; i++)
                if (port_key_same(&row->cells[i].key, key))
                        return &row->cells[i];
        return NULL;
}

void history_row_get(const struct history_row *row, const struct port_key *key,
                     struct history_point *ret_point)
{
        const struct history_cell *cell = find_cell(row, key);

        if (cell)
                *ret_point = cell->point;
        else
                history_absent(row->flags, ret_point);
}

/* A place for one more: a free one, or that of the port with the least to tell; NULL: all are worse. */
static struct history_cell *make_room(struct history_row *row, uint64_t weight)
{
        struct history_cell *least = &row->cells[0];

        if (row->n < HISTORY_PORTS_MAX)
                return &row->cells[row->n++];
        row->flags |= HISTORY_LEFT_OUT;
        for (size_t i = 1; i < row->n; i++)
                if (history_weight(&row->cells[i].point) < history_weight(&least->point))
                        least = &row->cells[i];
        return history_weight(&least->point) < weight ? least : NULL;
}

void history_row_add(struct history_row *row, const struct history_row *later)
{
        const uint8_t flags = row->flags;

        for (size_t i = 0; i < row->n; i++) {
                struct history_point point;

                history_row_get(later, &row->cells[i].key, &point);
                history_point_add(&row->cells[i].point, &point);
        }
        for (size_t i = 0; i < later->n; i++) {
                struct history_cell *cell;

                if (find_cell(row, &later->cells[i].key))
                        continue;
                cell = make_room(row, history_weight(&later->cells[i].point));
                if (!cell)
                        continue;
                cell->key = later->cells[i].key;
                history_absent(flags, &cell->point);
                history_point_add(&cell->point, &later->cells[i].point);
        }
        row->flags |= later->flags;
}

size_t history_row_pack(const struct history_row *row, uint8_t packed[static HISTORY_ROW_BYTES])
{
        const size_t len = HISTORY_ROW_HEAD + row->n * CELL_BYTES;
        uint8_t *at = packed + HISTORY_ROW_HEAD;

        for (size_t i = 0; i < row->n; i++, at += CELL_BYTES) {
                bytes_put_le(at, row->cells[i].key.port, 2);
                at[2] = row->cells[i].key.side;
                at[3] = 0;
                history_pack(&row->cells[i].point, at + 4);
        }
        bytes_put_le(packed, row->slot, 4);
        packed[4] = row->flags;
        packed[5] = (uint8_t)row->n;
        bytes_put_le(packed + 6, 0, 4);
        bytes_put_le(packed + 6, bytes_checksum(packed, len), 4);
        return len;
}

/* The number of cells; negative: no row. */
static int check(const uint8_t packed[static HISTORY_ROW_BYTES])
{
        uint8_t head[HISTORY_ROW_BYTES];
        const size_t n = packed[5];

        if (n > HISTORY_PORTS_MAX || bytes_get_le(packed, 4) == 0)
                return -1;
        memcpy(head, packed, HISTORY_ROW_HEAD + n * CELL_BYTES);
        bytes_put_le(head + 6, 0, 4);
        return bytes_checksum(head, HISTORY_ROW_HEAD + n * CELL_BYTES) ==
                               bytes_get_le(packed + 6, 4)
                       ? (int)n
                       : -1;
}

bool history_row_unpack(const uint8_t packed[static HISTORY_ROW_BYTES], struct history_row *ret_row)
{
        const uint8_t *at = packed + HISTORY_ROW_HEAD;
        const int n = check(packed);

        if (n < 0)
                return false;
        ret_row->slot = (uint32_t)bytes_get_le(packed, 4);
        ret_row->flags = packed[4];
        ret_row->n = (size_t)n;
        for (int i = 0; i < n; i++, at += CELL_BYTES) {
                ret_row->cells[i].key =
                        (struct port_key){ .port = (uint16_t)bytes_get_le(at, 2), .side = at[2] };
                history_unpack(at + 4, &ret_row->cells[i].point);
        }
        return true;
}

bool history_row_find(const uint8_t packed[static HISTORY_ROW_BYTES], const struct port_key *key,
                      uint32_t *ret_slot, struct history_point *ret_point)
{
        const uint8_t *at = packed + HISTORY_ROW_HEAD;
        const int n = check(packed);

        if (n < 0)
                return false;
        *ret_slot = (uint32_t)bytes_get_le(packed, 4);
        history_absent(packed[4], ret_point);
        for (int i = 0; i < n; i++, at += CELL_BYTES) {
                if (bytes_get_le(at, 2) == key->port && at[2] == key->side) {
                        history_unpack(at + 4, ret_point);
                        break; /* as in an unpacked one, the first is it */
                }
        }
        return true;
}
