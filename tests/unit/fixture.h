/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Snapshots and sockets made by hand. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base.h"
#include "snapshot.h"
#include "units.h"

static inline struct port_key local_port(uint16_t port)
{
        return (struct port_key){ .side = SIDE_LOCAL, .port = port };
}

/* A complete snapshot of these rows, worst first as they are given; 4-fold index. */
static inline struct snapshot *make_snapshot(uint64_t generation, const struct port_row *rows,
                                             size_t n)
{
        struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
        uint32_t slots = 4;

        assert_non_null(snapshot);
        while (slots < n * 4)
                slots *= 2;
        snapshot->refs = 1;
        snapshot->generation = generation;
        snapshot->requested = SOCK_MASK(SOCK_TIME_WAIT) | SOCK_MASK(SOCK_CLOSE_WAIT);
        snapshot->complete = snapshot->requested;
        snapshot->rows = calloc(n + 1, sizeof(*rows));
        snapshot->index = calloc(slots, sizeof(uint32_t));
        snapshot->index_mask = slots - 1;
        assert_non_null(snapshot->rows);
        assert_non_null(snapshot->index);
        snapshot->n_rows = n;
        for (size_t i = 0; i < n; i++) {
                uint32_t at = port_key_hash(&rows[i].key) & snapshot->index_mask;

                snapshot->rows[i] = rows[i];
                while (snapshot->index[at] != 0)
                        at = (at + 1) & snapshot->index_mask;
                snapshot->index[at] = (uint32_t)i + 1;
        }
        return snapshot;
}
