/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "halfopen.h"

#include <errno.h>
#include <stdlib.h>

struct half_opens {
        const struct census_request *request;
};

int half_opens_new(struct half_opens **ret_half_opens)
{
        *ret_half_opens = calloc(1, sizeof(**ret_half_opens));
        return *ret_half_opens ? 0 : -ENOMEM;
}

struct half_opens *half_opens_free(struct half_opens *half_opens)
{
        free(half_opens);
        return NULL;
}

bool half_opens_are_wanted(const struct rules *rules)
{
        (void)rules;
        return false;
}

uint64_t half_opens_every_usec(const struct rules *rules)
{
        (void)rules;
        return CENSUS_EVERY_USEC;
}

void half_opens_begin(struct half_opens *half_opens, const struct census_request *request)
{
        half_opens->request = request;
}

int half_opens_add(struct half_opens *half_opens, const struct sockrec *record)
{
        (void)half_opens;
        (void)record;
        return 0;
}

int half_opens_end(struct half_opens *half_opens, struct census *census)
{
        (void)half_opens;
        (void)census;
        return 0;
}

void half_open_count(struct half_open *counts, const struct sockrec *record,
                     uint64_t silent_after_usec)
{
        (void)counts;
        (void)record;
        (void)silent_after_usec;
}
