/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "heap.h"

#include <malloc.h>

#include "base.h"

/* A fixed threshold keeps glibc from moving large tables onto the heap; one arena serves all threads. */
void heap_tame(void)
{
        (void)mallopt(M_MMAP_THRESHOLD, 128 * 1024);
        (void)mallopt(M_TRIM_THRESHOLD, 128 * 1024);
        (void)mallopt(M_ARENA_MAX, 1);
}

bool heap_is_quiet(struct heap *heap, size_t rows)
{
        heap->peak = MAX(heap->peak, rows);
        if (heap->peak > HEAP_LARGE_ROWS && rows < heap->peak / 2) {
                heap->peak = rows;
                heap->left = HEAP_TRIMS;
        }
        if (heap->left == 0)
                return false;
        heap->left--;
        return true;
}

void heap_trim(void)
{
        (void)malloc_trim(0);
}
