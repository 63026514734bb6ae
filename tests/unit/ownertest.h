/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which processes an owner lists. */

#include "fixture.h"

#include "owner.h"

/* Exactly these, in this order. */
static inline void assert_pids(const struct owner *owner, const int64_t *pids, uint32_t n)
{
        assert_int_equal(owner->total, n);
        assert_int_equal(owner->n_processes, n);
        for (uint32_t i = 0; i < n; i++)
                assert_int_equal(owner->processes[i].pid, pids[i]);
}
/* The two arguments that say which. */
#define PIDS(...)                                                                                  \
        (const int64_t[]){ __VA_ARGS__ }, sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t)
