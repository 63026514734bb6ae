/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The stage of a CLOSE_WAIT socket: why it is not closed, as far as the kernel shows. */

#include "sockrec.h"

enum close_wait_stage {
        STAGE_UNACCEPTED, /* inode 0: the program never accepted it, or has abandoned it */
        STAGE_UNREAD,     /* data and the end-of-file wait to be read */
        STAGE_EOF_UNREAD, /* only the end-of-file does */
        STAGE_UNCLOSED,   /* end-of-file was read, close() never came */
        STAGE_COUNT,
};

/*
 * From receive queue and inode of a socket in CLOSE_WAIT. The queue counts the FIN: 0 means that
 * end-of-file was read, 1 that only it waits, more that data waits before it (tcp_ioctl(SIOCINQ)
 * and tcp_diag_get_info() in the kernel). Each test narrows what the program can have done, from the
 * earliest step to the last.
 */
static inline enum close_wait_stage close_wait_stage(const struct sockrec *record)
{
        if (record->inode == 0)
                return STAGE_UNACCEPTED;
        if (record->receive_queue > 1)
                return STAGE_UNREAD;
        return record->receive_queue == 1 ? STAGE_EOF_UNREAD : STAGE_UNCLOSED;
}

/* "unaccepted", "unread", "eof-unread", "unclosed" */
const char *close_wait_stage_name(enum close_wait_stage stage);

/* The stage that most of them are at, the later one of equals; STAGE_COUNT: there are none. */
enum close_wait_stage close_wait_stage_of_most(const uint32_t counts[static STAGE_COUNT]);
