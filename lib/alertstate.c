/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An item of marks, how many alerts there are, each an item, and the same of the events. A later
 * version may append to any item, and to the whole.
 */

#include "alertstate.h"

#include <errno.h>

#include "alertitem.h"
#include "alerttable.h"
#include "base.h"
#include "stateitem.h"

/* Nobody has told so many; beyond it there is room for all those that are yet to come. */
#define SEQUENCE_MAX (UINT64_C(1) << 62)
/* Read at all, of alerts and of events: other versions may keep more than we do, but not so many. */
#define ITEMS_MAX 65536

static void write_marks(struct recbuf *buf, const struct alert_table *table,
                        const struct eventlog *log)
{
        struct alert_table_marks marks;
        struct recbuf item = { 0 };

        alert_table_get_marks(table, &marks);
        stateitem_put_number(&item, marks.sequence);
        stateitem_put_number(&item, marks.tw_overflows);
        stateitem_put_number(&item, MIN(eventlog_told(log), marks.sequence));
        recbuf_put(&item, marks.tw_judged);
        stateitem_put(buf, &item);
}

void alertstate_write(struct recbuf *buf, const struct alert_table *table,
                      const struct eventlog *log)
{
        write_marks(buf, table, log);
        recbuf_put(buf, alert_table_count(table));
        for (size_t i = 0; i < alert_table_count(table); i++)
                alertitem_put(buf, alert_table_get(table, i));
        recbuf_put(buf, eventlog_count(log));
        for (size_t i = 0; i < eventlog_count(log); i++)
                alertitem_put_event(buf, eventlog_get(log, i));
}

static void read_marks(struct recview *body, struct alert_table *table, struct eventlog *log)
{
        static const char what[] = "the marks";
        struct recview item = stateitem_get(body, what);
        struct alert_table_marks marks;

        marks.sequence = stateitem_get_number(&item, SEQUENCE_MAX, what);
        marks.tw_overflows = stateitem_get_number(&item, STATEITEM_NUMBER_MAX, what);
        /* beyond that one, events that are yet to come would never be told */
        eventlog_set_told(log, stateitem_get_number(&item, marks.sequence, what));
        marks.tw_judged = stateitem_get_bool(&item, what);
        alert_table_set_marks(table, &marks);
        stateitem_done(body, &item);
}

static size_t read_count(struct recview *body, size_t max, const char *what)
{
        return recview_left(body) > 0 ? recview_get_count(body, max, what) : 0;
}

/* 0 or -ENOMEM; all else is wrong with the body. */
static int read_alerts(struct recview *body, struct alert_table *table)
{
        size_t left = read_count(body, ITEMS_MAX, "a number of alerts");
        struct alert alert;

        for (; left > 0; left--) {
                int r = alertitem_get(body, &alert);

                if (body->wrong)
                        return 0;
                if (r == 0)
                        r = alert_table_restore(table, &alert);
                if (r == -ENOMEM)
                        return r;
                if (r != 0)
                        alert_table_leave_out(table);
        }
        return 0;
}

static int read_events(struct recview *body, const struct alert_table *table, struct eventlog *log)
{
        size_t left = read_count(body, ITEMS_MAX, "a number of events");
        struct alert_table_marks marks;
        struct event event;

        alert_table_get_marks(table, &marks);
        for (; left > 0; left--) {
                int r = alertitem_get_event(body, &event);

                if (body->wrong)
                        return 0;
                if (r == ALERTITEM_LEFT_OUT) {
                        eventlog_leave_out(log);
                        continue;
                }
                r = event.sequence <= marks.sequence ? eventlog_add(log, &event) : -EINVAL;
                if (r == -ENOMEM)
                        return r;
                if (r < 0)
                        recview_set_wrong(body, "the order of events");
        }
        return 0;
}

int alertstate_read(struct recview *body, struct alert_table *table, struct eventlog *log,
                    const char **ret_wrong)
{
        int r;

        read_marks(body, table, log);
        r = read_alerts(body, table);
        if (r == 0)
                r = read_events(body, table, log);
        if (r == 0 && body->wrong) {
                *ret_wrong = body->wrong;
                r = -EBADMSG;
        }
        if (r < 0) {
                alert_table_empty(table);
                eventlog_empty(log);
        } else {
                eventlog_count_lost(log);
        }
        return r;
}
