/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The events of one step: an array that grows by doubling and is used again by the next one. */

#include <stdlib.h>
#include <string.h>

#include "alerttable.h"
#include "base.h"

void events_done(struct events *events)
{
        free(events->items);
        *events = (struct events){ 0 };
}

bool events_reserve(struct events *events)
{
        const size_t size = MAX(events->size * 2, (size_t)4);
        struct event *items;

        if (events->n < events->size)
                return true;
        items = realloc(events->items, size * sizeof(*items));
        if (!items)
                return false;
        events->items = items;
        events->size = size;
        return true;
}

struct event *events_add(struct events *events)
{
        if (!events_reserve(events))
                return NULL;
        memset(&events->items[events->n], 0, sizeof(*events->items));
        return &events->items[events->n++];
}
