/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One journal entry being put together: fields as sd_journal_sendv(3) takes them. A failed
 * allocation is remembered in the entry and told by journal_send().
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base.h"

#define JOURNAL_FIELDS_MAX 64

struct journal_entry {
        struct iovec fields[JOURNAL_FIELDS_MAX];
        int n_fields;
        int priority;
        char *message;     /* inside the first field */
        uint64_t sequence; /* of the event that it tells; 0: it tells none */
        bool echoed;       /* stands on stderr, or cannot */
        bool read;         /* stands there */
        unsigned refusals; /* by a journal that is there */
        bool failed;       /* an allocation did */
};

/* MESSAGE, PRIORITY (syslog.h) and MESSAGE_ID. NULL: no memory; the functions below take it. */
struct journal_entry *journal_entry_new(const char *message_id, int priority, const char *message);
/* name is a journal field name; the value may hold anything but a NUL. */
void journal_entry_add(struct journal_entry *entry, const char *name, const char *format, ...)
        PRINTF_LIKE(3, 4);
struct journal_entry *journal_entry_free(struct journal_entry *entry);
