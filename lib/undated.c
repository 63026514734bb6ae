/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "undated.h"

#include <stdlib.h>

#include "base.h"

#define SIZE_FIRST 16

bool undated_add(struct undated *undated, const struct sockrec *record)
{
        if (undated->n == UNDATED_MAX)
                return false;
        if (undated->n == undated->size) {
                const size_t size = MAX(undated->size * 2, (size_t)SIZE_FIRST);
                struct sockrec *items = realloc(undated->items, size * sizeof(*items));

                if (!items)
                        return false;
                undated->items = items;
                undated->size = size;
        }
        undated->items[undated->n++] = *record;
        return true;
}

void undated_clear(struct undated *undated)
{
        free(undated->items);
        *undated = (struct undated){ 0 };
}
