/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What goes into a state file's body together: an alert table and the last events. */

#include <stdlib.h>

#include "alertstate.h"

struct saved {
        struct alert_table *table;
        struct eventlog *log;
};

static inline void saved_require(int condition)
{
        if (!condition)
                abort();
}

/* Of no alerts and no events; the caller's to saved_free(). */
static inline struct saved saved_new(void)
{
        struct saved saved;

        saved_require(alert_table_new(&saved.table) == 0 && eventlog_new(&saved.log) == 0);
        return saved;
}

static inline void saved_free(struct saved *saved)
{
        alert_table_free(saved->table);
        eventlog_free(saved->log);
}

/* The caller's to recbuf_done(). */
static inline struct recbuf saved_write(const struct saved *saved)
{
        struct recbuf body = { 0 };

        alertstate_write(&body, saved->table, saved->log);
        saved_require(body.error == 0);
        return body;
}
