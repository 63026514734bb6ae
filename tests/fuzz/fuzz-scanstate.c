/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The body of a state file -> an observer, its first scans, and bytes again. What was accepted must
 * be accepted again after every step.
 */

#include <stdint.h>
#include <stdlib.h>

#include "base.h"
#include "conf.h"
#include "scanstate.h"
#include "units.h"

#define INPUT_MAX   (256 * 1024)
#define NOW         (200 * USEC_PER_HOUR)
#define STEP        (10 * USEC_PER_SEC)
#define SCANS       4
#define COOKIES_MAX 64 /* sockets that come back */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct crowd {
        uint64_t cookies[COOKIES_MAX];
        size_t n;
};

static void remember(const struct age *age, void *userdata)
{
        struct crowd *crowd = userdata;

        if (age->first_seen_usec == 0 || age->first_seen_usec > NOW + SCANS * STEP)
                abort();
        if (crowd->n < COOKIES_MAX)
                crowd->cookies[crowd->n++] = age->cookie;
}

static struct observer *new_observer(void)
{
        struct observer *observer;

        if (observer_new(&observer) < 0)
                abort();
        return observer;
}

static int read_into(struct observer *observer, struct recview view, uint64_t now_usec)
{
        const char *wrong = NULL;
        int r = scanstate_read(&view, observer, now_usec, &wrong);

        if (r < 0 && !wrong)
                abort();
        return r;
}

static void write_and_read(const struct observer *observer, uint64_t now_usec)
{
        struct observer *other = new_observer();
        struct recbuf body = { 0 };

        if (scanstate_write(&body, observer, 0, now_usec) != 0 || body.error < 0)
                abort();
        if (read_into(other, recview_of(&body), now_usec) < 0)
                abort();
        recbuf_done(&body);
        observer_free(other);
}

static void scan(struct observer *observer, const struct rules *rules, const struct crowd *crowd,
                 uint64_t now_usec)
{
        const struct scan_request request = { .generation = 1,
                                              .now_usec = now_usec,
                                              .rules = rules };
        const struct scan_outcome outcome = { .result = SCAN_COMPLETE, .sockets_whole = true };
        struct snapshot *snapshot;
        bool info;

        observer_begin(observer, &request);
        observer_begin_listeners(observer);
        observer_end_listeners(observer, true);
        (void)observer_plan(observer, &info);
        observer_begin_sockets(observer);
        for (size_t i = 0; i < crowd->n; i++) {
                const struct sockrec record = { .cookie = crowd->cookies[i],
                                                .state = SOCK_CLOSE_WAIT,
                                                .local_port = (uint16_t)(i % 3 * 4000),
                                                .remote_port = 40000 };

                if (observer_socket(observer, &record) < 0)
                        abort();
        }
        if (observer_finish(observer, &outcome, &snapshot) < 0)
                abort();
        if (snapshot->total[SOCK_CLOSE_WAIT] != crowd->n)
                abort();
        snapshot_unref(snapshot);
}

static void live_on(struct observer *observer)
{
        struct crowd crowd = { 0 };
        struct conf *conf;

        if (conf_new_default(&conf) < 0)
                abort();
        ledger_each_age(observer_ledger(observer), remember, &crowd);
        for (uint64_t i = 0; i < SCANS; i++) {
                write_and_read(observer, NOW + i * STEP);
                scan(observer, conf->rules, &crowd, NOW + (i + 1) * STEP);
                crowd.n -= crowd.n / 4;
        }
        write_and_read(observer, NOW + SCANS * STEP);
        conf_unref(conf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const struct recview view = { .at = data, .end = data ? data + size : NULL };
        struct observer *observer;

        if (size > INPUT_MAX)
                return 0;
        observer = new_observer();
        if (read_into(observer, view, NOW) == 0)
                live_on(observer);
        observer_free(observer);
        return 0;
}
