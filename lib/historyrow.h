/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * struct history_row: what was known of all followed ports in one minute, or in ten; and its bytes.
 *
 * A row names its own time and its own ports, so that each can be read without any other: rows that
 * are missing, damaged, or of another round of the ring are gaps, and nothing more. A port without a
 * cell was at zero, where the row says that nobody was left out.
 *
 *   slot (4 bytes), flags (1), cells (1), CRC-32 over the rest (4), cells of port (2), side (1),
 *   0 (1), point (24); little-endian
 */

#include "historypoint.h"

#define HISTORY_WORST_MAX 32 /* ports that are followed because they are the worst */
#define HISTORY_NAMED_MAX 16 /* ports that are because they were asked for */
#define HISTORY_PORTS_MAX (HISTORY_WORST_MAX + HISTORY_NAMED_MAX)

#define HISTORY_ROW_HEAD  10
#define HISTORY_ROW_BYTES (HISTORY_ROW_HEAD + HISTORY_PORTS_MAX * 28)

/* What a row, or a slot, knows of ports that it does not list. */
enum {
        HISTORY_SAW_CLOSE_WAIT =
                1 << 0, /* of a port without CLOSE_WAIT it is known that it had none */
        HISTORY_SAW_TIME_WAIT = 1 << 1,
        HISTORY_GUESSED_TIME_WAIT = 1 << 2, /* not counted */
        HISTORY_LEFT_OUT = 1 << 3,          /* there were more ports with something to tell */
};

struct history_cell {
        struct port_key key;
        struct history_point point;
};

struct history_row {
        uint32_t slot; /* minutes, or tens of them, since 1970 */
        uint8_t flags;
        size_t n;
        struct history_cell cells[HISTORY_PORTS_MAX];
};

/* The port's point: its cell's, or what the row tells of ports without one. */
void history_row_get(const struct history_row *row, const struct port_key *key,
                     struct history_point *ret_point);

/*
 * Takes in a later row of the same stretch; row is empty (n and flags 0) for the first one. Of more
 * ports than there is room for, the worst stay.
 */
void history_row_add(struct history_row *row, const struct history_row *later);

/* How many bytes at packed were filled. */
size_t history_row_pack(const struct history_row *row, uint8_t packed[static HISTORY_ROW_BYTES]);
/* False: damaged, or none was ever written there. */
bool history_row_unpack(const uint8_t packed[static HISTORY_ROW_BYTES],
                        struct history_row *ret_row);
/* The same for one port, in fewer steps; point is of the time *ret_slot. */
bool history_row_find(const uint8_t packed[static HISTORY_ROW_BYTES], const struct port_key *key,
                      uint32_t *ret_slot, struct history_point *ret_point);

/* A point of the ports that flags (HISTORY_SAW_...) say were not there: zeros, or unknown. */
void history_absent(uint8_t flags, struct history_point *ret_point);
