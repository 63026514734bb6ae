/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Sockets of a scan that are put aside until the walk is over, because more is to be asked of each:
 * a walk cannot be asked anything else meanwhile.
 */

#include <stdbool.h>
#include <stddef.h>

#include "sockrec.h"

#define UNDATED_MAX 1024 /* 104 KiB */

/* All zero: empty. */
struct undated {
        struct sockrec *items;
        size_t n;
        size_t size;
};

/* False: there are UNDATED_MAX, or there is no memory. */
bool undated_add(struct undated *undated, const struct sockrec *record);
/* Lets go of all of them and of their memory. */
void undated_clear(struct undated *undated);
