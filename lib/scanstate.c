/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The body, all in the numbers of recbuf.h:
 *
 *   overflow   item: known, value, total
 *   services   count; item: port, flags, since; inode, cgroup id and uid of the listener
 *   lessons    count; item: namespace, side, port, learnt, ages
 *   ages       count; item: cookie and first seen, each as the difference to the item before; flags
 *
 * An item is its length and its fields: fields of a later writer stand behind those that we know,
 * and what else it has behind the ages. Both are skipped.
 *
 * Every time is absolute, so that the same knowledge gives the same bytes. Ages stand in the order
 * of the ledger, in which those that stay move seldom: sorting a quarter of a million would cost
 * more than writing them does.
 *
 * What is read is put together apart from the observer, and given to it at the end.
 */

#include "scanstate.h"

#include <assert.h>
#include <errno.h>

#include "ages.h"
#include "base.h"
#include "portset.h"

/* Flags of a service. */
enum {
        SERVICE_LISTENING = 1 << 0,
        SERVICE_USED = 1 << 1,
        SERVICE_OWNER = 1 << 2, /* the listener is known */
};

#define ITEM_BYTES_MAX 0x7f
#define AGE_FLAGS      (LEDGER_AT_LEAST | LEDGER_OUTLIVED)

/* ---- writing ---- */

struct writing {
        struct recbuf list; /* items */
        size_t n;           /* of them */
        uint64_t now_usec;
        uint64_t stuck_after_usec;
        uint64_t cookie; /* of the age before */
        uint64_t first_seen_usec;
        size_t left_out;
};

/* Ours are short: the length is one byte, put right at the end. Returns where that is. */
static size_t begin_item(struct recbuf *buf)
{
        recbuf_put(buf, 0);
        return buf->len - 1;
}

static void end_item(struct recbuf *buf, size_t at)
{
        const size_t len = buf->len - at - 1;

        if (buf->error < 0)
                return;
        assert(len <= ITEM_BYTES_MAX);
        buf->data[at] = (uint8_t)len;
}

static void end_list(struct writing *writing, struct recbuf *buf)
{
        recbuf_put(buf, writing->n);
        recbuf_put_buf(buf, &writing->list);
        recbuf_empty(&writing->list);
        writing->n = 0;
}

static void write_overflow(const struct tw_overflow *overflow, struct recbuf *buf)
{
        const size_t at = begin_item(buf);

        recbuf_put(buf, overflow->known);
        recbuf_put(buf, overflow->value);
        recbuf_put(buf, overflow->total);
        end_item(buf, at);
}

static void write_service(const struct service_port *port, void *userdata)
{
        struct writing *writing = userdata;
        const size_t at = begin_item(&writing->list);

        recbuf_put(&writing->list, port->port);
        recbuf_put(&writing->list, (port->listening ? SERVICE_LISTENING : 0U) |
                                           (port->used ? SERVICE_USED : 0U) |
                                           (port->listener.known ? SERVICE_OWNER : 0U));
        recbuf_put(&writing->list, port->since_usec);
        recbuf_put(&writing->list, port->listener.inode);
        recbuf_put(&writing->list, port->listener.cgroup_id);
        recbuf_put(&writing->list, port->listener.uid);
        end_item(&writing->list, at);
        writing->n++;
}

static void write_lessons(const struct survival_lessons *lessons, void *userdata)
{
        struct writing *writing = userdata;
        const size_t at = begin_item(&writing->list);

        recbuf_put(&writing->list, lessons->port.netns);
        recbuf_put(&writing->list, lessons->port.side);
        recbuf_put(&writing->list, lessons->port.port);
        recbuf_put(&writing->list, lessons->learnt_usec);
        for (size_t i = 0; i < SURVIVAL_LESSONS; i++)
                recbuf_put(&writing->list, lessons->ages_usec[i]);
        end_item(&writing->list, at);
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
        if (writing->n == SCANSTATE_AGES_MAX) {
                writing->left_out++;
                return;
        }
        at = begin_item(&writing->list);
        recbuf_put_signed(&writing->list, (int64_t)(age->cookie - writing->cookie));
        recbuf_put_signed(&writing->list,
                          (int64_t)(age->first_seen_usec - writing->first_seen_usec));
        recbuf_put(&writing->list, age->flags & AGE_FLAGS);
        end_item(&writing->list, at);
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
        int error; /* -ENOMEM */
};

/* The fields of the next item, and whatever stands behind those that we know. */
static struct recview next_item(struct reading *reading)
{
        const size_t len =
                recview_get_count(reading->body, recview_left(reading->body), "an item's length");
        const uint8_t *fields = recview_get_bytes(reading->body, len, "an item");

        return (struct recview){ .at = fields,
                                 .end = fields ? fields + len : NULL,
                                 .wrong = reading->body->wrong };
}

/* Everything in it was right, so far. */
static bool item_ends(struct reading *reading, const struct recview *item)
{
        if (item->wrong)
                recview_set_wrong(reading->body, item->wrong);
        return !reading->body->wrong;
}

static void read_overflow(struct reading *reading)
{
        struct recview item = next_item(reading);
        struct tw_overflow *overflow = &reading->past.overflow;

        overflow->known = recview_get(&item, 1, "whether overflows are known");
        overflow->value = recview_get(&item, UINT64_MAX, "the counter of overflows");
        overflow->total = recview_get(&item, UINT64_MAX, "the sum of overflows");
        (void)item_ends(reading, &item);
}

/* What a room said: 0, -EEXIST, or no memory. */
static void settle(struct reading *reading, int r, const char *twice)
{
        if (r == -ENOMEM)
                reading->error = r;
        if (r < 0)
                recview_set_wrong(reading->body, twice);
}

static void read_service(struct reading *reading)
{
        struct recview item = next_item(reading);
        struct service_port port = { 0 };
        uint64_t flags;

        port.port = (uint16_t)recview_get(&item, UINT16_MAX, "a service's port");
        flags = recview_get(&item, UINT64_MAX, "a service's flags");
        port.listening = flags & SERVICE_LISTENING;
        port.used = flags & SERVICE_USED;
        port.since_usec = recview_get(&item, reading->now_usec, "when a listener went away");
        port.listener.known = flags & SERVICE_OWNER;
        port.listener.inode = (uint32_t)recview_get(&item, UINT32_MAX, "a listener's inode");
        port.listener.cgroup_id = recview_get(&item, UINT64_MAX, "a listener's cgroup id");
        port.listener.uid = (uint32_t)recview_get(&item, UINT32_MAX, "a listener's uid");
        if (item_ends(reading, &item))
                settle(reading, services_restore(reading->past.services, &port),
                       "a service's port again");
}

static void read_lessons(struct reading *reading)
{
        struct recview item = next_item(reading);
        struct survival_lessons lessons = { 0 };
        uint64_t limit_usec = SURVIVAL_TURNOVER_MAX_USEC;

        lessons.port.netns = (uint32_t)recview_get(&item, UINT32_MAX, "a port's namespace");
        lessons.port.side = (uint8_t)recview_get(&item, SIDE_COUNT - 1, "a port's side");
        lessons.port.port = (uint16_t)recview_get(&item, UINT16_MAX, "a port");
        lessons.learnt_usec = recview_get(&item, reading->now_usec, "when it was learnt");
        for (size_t i = 0; i < SURVIVAL_LESSONS; i++)
                limit_usec = lessons.ages_usec[i] =
                        recview_get(&item, limit_usec, "the usual age of a port");
        if (lessons.port.side == SIDE_HOST)
                recview_set_wrong(&item, "a port's side");
        if (lessons.ages_usec[0] == 0)
                recview_set_wrong(&item, "the usual age of a port");
        if (item_ends(reading, &item))
                settle(reading, survival_restore(reading->past.survival, &lessons),
                       "a port's usual age again");
}

static void read_age(struct reading *reading, uint64_t *cookie, uint64_t *first_seen_usec)
{
        struct recview item = next_item(reading);
        uint64_t flags;

        *cookie += (uint64_t)recview_get_signed(&item, "a socket's cookie");
        *first_seen_usec += (uint64_t)recview_get_signed(&item, "when a socket was first seen");
        flags = recview_get(&item, UINT64_MAX, "a socket's flags");
        if (*first_seen_usec == 0 || *first_seen_usec > reading->now_usec)
                recview_set_wrong(&item, "when a socket was first seen");
        if (item_ends(reading, &item) &&
            ages_add(reading->past.ages, *cookie, *first_seen_usec, flags & AGE_FLAGS) != 0)
                recview_set_wrong(reading->body, "a socket again");
}

/* Ends early where something is wrong: what is left to read is nothing then. */
static void read_lists(struct reading *reading)
{
        size_t n = recview_get_count(reading->body, PORT_NUMBERS, "the number of services");
        uint64_t cookie = 0, first_seen_usec = 0;

        for (; n > 0 && !reading->body->wrong; n--)
                read_service(reading);
        n = recview_get_count(reading->body, SURVIVAL_PORTS_MAX, "the number of usual ages");
        for (; n > 0 && !reading->body->wrong; n--)
                read_lessons(reading);
        n = recview_get_count(reading->body, SCANSTATE_AGES_MAX, "the number of sockets");
        if (ages_new(n, &reading->past.ages) < 0) {
                settle(reading, -ENOMEM, "no memory");
                return;
        }
        for (; n > 0 && !reading->body->wrong; n--)
                read_age(reading, &cookie, &first_seen_usec);
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
