/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The body, all in the numbers of recbuf.h:
 *
 *   overflow   item: known, value, total
 *   services   count; item: port, flags, since; inode, cgroup id and uid of the listener
 *   lessons    count; item: namespace, side, port, learnt, the number of ages, ages
 *   ages       count; item: cookie and first seen, each as the difference to the item before; flags
 *
 * An item is one of stateitem.h: fields of a later writer stand behind those that we know, and what
 * else it has behind the ages. Both are skipped; what a writer did not know is zero.
 *
 * Every time is absolute, so that the same knowledge gives the same bytes. Ages stand in the order
 * of the ledger, in which those that stay move seldom: sorting a quarter of a million would cost
 * more than writing them does.
 *
 * What is read is put together apart from the observer, and given to it at the end.
 */

#include "scanstate.h"

#include <errno.h>

#include "ages.h"
#include "base.h"
#include "stateitem.h"

/* Flags of a service. */
enum {
        SERVICE_LISTENING = 1 << 0,
        SERVICE_USED = 1 << 1,
        SERVICE_OWNER = 1 << 2, /* the listener is known */
};

#define AGE_FLAGS     (LEDGER_AT_LEAST | LEDGER_OUTLIVED)
#define AGE_BYTES_MAX (1 + 3 * RECBUF_NUMBER_MAX)

/* ---- writing ---- */

struct writing {
        struct recbuf list; /* items */
        size_t n;           /* of them */
        size_t size_max;    /* of the list */
        uint64_t now_usec;
        uint64_t stuck_after_usec;
        uint64_t cookie; /* of the age before */
        uint64_t first_seen_usec;
        size_t left_out;
};

static void end_list(struct writing *writing, struct recbuf *buf)
{
        recbuf_put(buf, writing->n);
        recbuf_put_buf(buf, &writing->list);
        recbuf_empty(&writing->list);
        writing->n = 0;
}

static void write_overflow(const struct tw_overflow *overflow, struct recbuf *buf)
{
        const size_t at = stateitem_begin(buf);

        recbuf_put(buf, overflow->known);
        recbuf_put(buf, overflow->value);
        recbuf_put(buf, overflow->total);
        stateitem_end(buf, at);
}

static void write_service(const struct service_port *port, void *userdata)
{
        struct writing *writing = userdata;
        const size_t at = stateitem_begin(&writing->list);

        recbuf_put(&writing->list, port->port);
        recbuf_put(&writing->list, (port->listening ? SERVICE_LISTENING : 0U) |
                                           (port->used ? SERVICE_USED : 0U) |
                                           (port->listener.known ? SERVICE_OWNER : 0U));
        recbuf_put(&writing->list, port->since_usec);
        recbuf_put(&writing->list, port->listener.inode);
        recbuf_put(&writing->list, port->listener.cgroup_id);
        recbuf_put(&writing->list, port->listener.uid);
        stateitem_end(&writing->list, at);
        writing->n++;
}

static void write_lessons(const struct survival_lessons *lessons, void *userdata)
{
        struct writing *writing = userdata;
        const size_t at = stateitem_begin(&writing->list);

        recbuf_put(&writing->list, lessons->port.netns);
        recbuf_put(&writing->list, lessons->port.side);
        recbuf_put(&writing->list, lessons->port.port);
        recbuf_put(&writing->list, lessons->learnt_usec);
        recbuf_put(&writing->list, SURVIVAL_LESSONS);
        for (size_t i = 0; i < SURVIVAL_LESSONS; i++)
                recbuf_put(&writing->list, lessons->ages_usec[i]);
        stateitem_end(&writing->list, at);
        writing->n++;
}

static void write_age(const struct age *age, void *userdata)
{
        struct writing *writing = userdata;
        const uint64_t age_usec = writing->now_usec - MIN(age->first_seen_usec, writing->now_usec);
        size_t at;

        if (age->first_seen_usec == 0 || /* as old as the clock: would not be read */
            (age_usec < writing->stuck_after_usec && !(age->flags & LEDGER_OUTLIVED)))
                return;
        if (writing->n == SCANSTATE_AGES_MAX ||
            writing->list.len + AGE_BYTES_MAX > writing->size_max) {
                writing->left_out++;
                return;
        }
        at = stateitem_begin(&writing->list);
        recbuf_put_signed(&writing->list, (int64_t)(age->cookie - writing->cookie));
        recbuf_put_signed(&writing->list,
                          (int64_t)(age->first_seen_usec - writing->first_seen_usec));
        recbuf_put(&writing->list, age->flags & AGE_FLAGS);
        stateitem_end(&writing->list, at);
        writing->n++;
        writing->cookie = age->cookie;
        writing->first_seen_usec = age->first_seen_usec;
}

size_t scanstate_write(struct recbuf *buf, const struct observer *observer,
                       uint64_t stuck_after_usec, uint64_t now_usec)
{
        struct writing writing = { .now_usec = now_usec, .stuck_after_usec = stuck_after_usec };

        write_overflow(observer_overflow(observer), buf);
        services_each_known(observer_services(observer), write_service, &writing);
        end_list(&writing, buf);
        survival_each_lessons(observer_survival(observer), write_lessons, &writing);
        end_list(&writing, buf);
        writing.size_max =
                SCANSTATE_BODY_MAX - MIN(buf->len + RECBUF_NUMBER_MAX, SCANSTATE_BODY_MAX);
        ledger_each_age(observer_ledger(observer), write_age, &writing);
        end_list(&writing, buf);
        recbuf_done(&writing.list);
        return writing.left_out;
}

/* ---- reading ---- */

struct reading {
        struct recview *body;
        struct observer_past past;
        uint64_t now_usec;
        uint64_t cookie; /* of the age before */
        uint64_t first_seen_usec;
        int error; /* -ENOMEM */
};

/* Everything in it was right, and before it. */
static bool item_ends(struct reading *reading, const struct recview *item)
{
        stateitem_done(reading->body, item);
        return !reading->body->wrong;
}

static void read_overflow(struct reading *reading)
{
        struct recview item = stateitem_get(reading->body, "an item");
        struct tw_overflow *overflow = &reading->past.overflow;

        overflow->known = stateitem_get_bool(&item, "whether overflows are known");
        overflow->value = stateitem_get_number(&item, UINT64_MAX, "the counter of overflows");
        overflow->total = stateitem_get_number(&item, UINT64_MAX, "the sum of overflows");
        (void)item_ends(reading, &item);
}

/* What a room said, of which no more is asked than it has: 0, there already, or no memory. */
static void settle(struct reading *reading, int r, const char *wrong)
{
        if (r == 0)
                return;
        if (r == -ENOMEM)
                reading->error = r;
        recview_set_wrong(reading->body, wrong);
}

static void read_service(struct reading *reading)
{
        struct recview item = stateitem_get(reading->body, "a service");
        struct service_port port = { 0 };
        uint64_t flags;

        port.port = (uint16_t)stateitem_get_number(&item, UINT16_MAX, "a service's port");
        flags = stateitem_get_number(&item, UINT64_MAX, "a service's flags");
        port.listening = flags & SERVICE_LISTENING;
        port.used = flags & SERVICE_USED;
        port.since_usec =
                stateitem_get_number(&item, reading->now_usec, "when a listener went away");
        port.listener.known = flags & SERVICE_OWNER;
        port.listener.inode =
                (uint32_t)stateitem_get_number(&item, UINT32_MAX, "a listener's inode");
        port.listener.cgroup_id = stateitem_get_number(&item, UINT64_MAX, "a listener's cgroup id");
        port.listener.uid = (uint32_t)stateitem_get_number(&item, UINT32_MAX, "a listener's uid");
        if (item_ends(reading, &item))
                settle(reading, services_restore(reading->past.services, &port),
                       "a service's port again");
}

/*
 * The greatest come first. A writer that asked for more scans than we has them, too; where it asked
 * for fewer, the last are zero: not learnt yet.
 */
static void read_usual_ages(struct recview *item, struct survival_lessons *lessons)
{
        static const char what[] = "the usual age of a port";
        const size_t n = stateitem_get_count(item, "the number of usual ages of a port");
        uint64_t limit_usec = SURVIVAL_TURNOVER_MAX_USEC;

        for (size_t i = 0; i < n; i++) {
                limit_usec = stateitem_get_number(item, limit_usec, what);
                if (i < SURVIVAL_LESSONS)
                        lessons->ages_usec[i] = limit_usec;
        }
}

/* One without a side, or an age, has nothing to say. */
static void read_lessons(struct reading *reading)
{
        struct recview item = stateitem_get(reading->body, "a port's usual ages");
        struct survival_lessons lessons = { 0 };

        lessons.port.netns =
                (uint32_t)stateitem_get_number(&item, UINT32_MAX, "a port's namespace");
        lessons.port.side = (uint8_t)stateitem_get_number(&item, SIDE_COUNT - 1, "a port's side");
        lessons.port.port = (uint16_t)stateitem_get_number(&item, UINT16_MAX, "a port");
        lessons.learnt_usec = stateitem_get_number(&item, reading->now_usec, "when it was learnt");
        read_usual_ages(&item, &lessons);
        if (item_ends(reading, &item) && lessons.port.side != SIDE_HOST && lessons.ages_usec[0] > 0)
                settle(reading, survival_restore(reading->past.survival, &lessons),
                       "a port's usual age again");
}

/* One that is zero is unknown, as if the socket were not there. */
static void read_age(struct reading *reading)
{
        struct recview item = stateitem_get(reading->body, "a socket");
        uint64_t flags;

        reading->cookie += (uint64_t)stateitem_get_signed(&item, "a socket's cookie");
        reading->first_seen_usec +=
                (uint64_t)stateitem_get_signed(&item, "when a socket was first seen");
        flags = stateitem_get_number(&item, UINT64_MAX, "a socket's flags");
        if (reading->first_seen_usec > reading->now_usec)
                recview_set_wrong(&item, "when a socket was first seen");
        if (item_ends(reading, &item) && reading->first_seen_usec > 0)
                ages_add(reading->past.ages, reading->cookie, reading->first_seen_usec,
                         flags & AGE_FLAGS);
}

/* So many items, each by that; what there is beyond max is skipped. */
static void read_list(struct reading *reading, size_t n, size_t max,
                      void (*read)(struct reading *reading))
{
        for (size_t i = 0; i < n && !reading->body->wrong; i++) {
                if (recview_left(reading->body) == 0)
                        recview_set_wrong(reading->body, "the number of items");
                else if (i < max)
                        read(reading);
                else
                        (void)stateitem_get(reading->body, "an item");
        }
}

static void read_lists(struct reading *reading)
{
        size_t n = stateitem_get_count(reading->body, "the number of services");
        int r;

        read_list(reading, n, SIZE_MAX, read_service);
        n = stateitem_get_count(reading->body, "the number of ports with usual ages");
        read_list(reading, n, SURVIVAL_PORTS_MAX, read_lessons);
        n = stateitem_get_count(reading->body, "the number of sockets");
        if (ages_new(MIN(n, (size_t)SCANSTATE_AGES_MAX), &reading->past.ages) < 0) {
                settle(reading, -ENOMEM, "no memory");
                return;
        }
        read_list(reading, n, SCANSTATE_AGES_MAX, read_age);
        r = reading->body->wrong ? 0 : ages_index(reading->past.ages);
        settle(reading, r, "a socket again");
}

static void drop_past(struct observer_past *past)
{
        services_free(past->services);
        survival_free(past->survival);
        ages_free(past->ages);
}

int scanstate_read(struct recview *body, struct observer *observer, uint64_t now_usec,
                   const char **ret_wrong)
{
        struct reading reading = { .body = body, .now_usec = now_usec };

        if (services_new(&reading.past.services) < 0 || survival_new(&reading.past.survival) < 0) {
                drop_past(&reading.past);
                return -ENOMEM;
        }
        read_overflow(&reading);
        read_lists(&reading);
        if (!body->wrong) {
                observer_restore(observer, &reading.past);
                return 0;
        }
        drop_past(&reading.past);
        if (reading.error < 0)
                return reading.error;
        *ret_wrong = body->wrong;
        return -EBADMSG;
}
