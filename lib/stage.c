/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "stage.h"

#include <assert.h>

const char *close_wait_stage_name(enum close_wait_stage stage)
{
        static const char *const names[] = { [STAGE_UNACCEPTED] = "unaccepted",
                                             [STAGE_UNREAD] = "unread",
                                             [STAGE_EOF_UNREAD] = "eof-unread",
                                             [STAGE_UNCLOSED] = "unclosed" };

        assert(stage < STAGE_COUNT);
        return names[stage];
}

enum close_wait_stage close_wait_stage_of_most(const uint32_t counts[static STAGE_COUNT])
{
        enum close_wait_stage most = STAGE_COUNT;

        for (enum close_wait_stage stage = 0; stage < STAGE_COUNT; stage++)
                if (counts[stage] > 0 && (most == STAGE_COUNT || counts[stage] >= counts[most]))
                        most = stage;
        return most;
}
