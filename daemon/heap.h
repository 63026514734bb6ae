/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * glibc's heap in a process whose tables come and go with the number of ports: what is freed is to
 * leave the process.
 */

#include <stdbool.h>
#include <stddef.h>

#define HEAP_LARGE_ROWS 4096 /* ports: smaller tables leave no holes that matter */
#define HEAP_TRIMS      3    /* scans after which memory is given back */

/* Before there are threads. */
void heap_tame(void);

/* Zeroed: nothing was seen yet. */
struct heap {
        size_t peak;   /* rows, since it was last quiet */
        unsigned left; /* trims */
};

/*
 * After a scan with so many rows: is it time to give memory back? So it is when fewer than half are
 * left of what were many, and after the next scans, for the scanner lets go of its own later.
 */
bool heap_is_quiet(struct heap *heap, size_t rows);

/* Gives back what is free, holes included. */
void heap_trim(void);
