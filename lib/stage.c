/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Each test narrows what the program can have done, from the earliest step to the last. */

#include "stage.h"

#include <assert.h>

enum close_wait_stage close_wait_stage(const struct sockrec *record)
{
        if (record->inode == 0)
                return STAGE_UNACCEPTED;
        if (record->receive_queue > 1)
                return STAGE_UNREAD;
        return record->receive_queue == 1 ? STAGE_EOF_UNREAD : STAGE_UNCLOSED;
}

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
