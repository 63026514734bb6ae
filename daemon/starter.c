/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Everything happens in step(), which a timer calls: what comes from the bus, or from an event,
 * changes the queue or the link and has the timer fire at once. So nothing is torn down while it
 * calls back, and there is one place that decides what is next:
 *
 *   nothing waits or runs      no connection, and no timer
 *   something waits            connect, subscribe; one StartUnit() at a time, as tokens allow
 *   a job runs                 stay connected until JobRemoved, or STARTER_JOB_USEC
 *   the service manager is     what was asked for waits again; STARTER_RETRY_USEC later once more
 *   out of reach
 *
 * StartUnit() of a unit whose job still runs would be merged into that job, and the event would be
 * lost on a program that has asked for the newest one before. Hence the wait for its end.
 *
 * sd-bus: connect() on the bus's socket never blocks, and what is sent is queued until the bus has
 * said hello; no call here waits for an answer. Its close-on-exit would: it flushes at the loop's
 * end, for which a bus must answer first, so it is switched off.
 */

#include "starter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "base.h"
#include "starter-private.h"
#include "startqueue.h"
#include "units.h"

#define MANAGER             "org.freedesktop.systemd1"
#define MANAGER_PATH        "/org/freedesktop/systemd1"
#define LOCAL               "org.freedesktop.DBus.Local"
#define LOCAL_PATH          "/org/freedesktop/DBus/Local"
#define TIMER_ACCURACY_USEC (50 * USEC_PER_MSEC) /* so that it may fire together with others */

#define SPAWN_PREFIX "org.freedesktop.DBus.Error.Spawn." /* the bus could not start it */

static const char next_text[] = "alerts are still told in the journal";

struct starter {
        sd_event_source *timer;
        const struct starter_ops *ops;
        void *userdata;
        char template_unit[STARTER_UNIT_MAX];
        struct start_queue queue;
        struct start *asked; /* the one that StartUnit() was called for; NULL: none */

        sd_bus *bus;              /* NULL: not connected */
        bool ready;               /* Subscribe() was answered */
        int lost;                 /* -errno: the bus is of no use any more */
        uint64_t connect_by_usec; /* not ready by then: lost */
        uint64_t retry_usec;      /* no connection before that */

        uint64_t started;
        uint64_t failed;
        bool unreachable;
        bool away_told;    /* that the service manager is out of reach; until it has answered */
        bool failure_told; /* that a start has failed; until one has ended well */
};

static uint64_t now(const struct starter *starter)
{
        return starter->ops->now_usec(starter->userdata);
}

static void wake_at(struct starter *starter, uint64_t usec)
{
        if (usec == START_NEVER) {
                (void)sd_event_source_set_enabled(starter->timer, SD_EVENT_OFF);
                return;
        }
        (void)sd_event_source_set_time(starter->timer, usec);
        (void)sd_event_source_set_enabled(starter->timer, SD_EVENT_ONESHOT);
}

static void wake(struct starter *starter)
{
        wake_at(starter, 0);
}

/* what and the unit's name, and error as of the problem operation. */
static void tell_failure(struct starter *starter, const char *what, int error)
{
        starter->failed++;
        if (starter->failure_told)
                return;
        starter->failure_told = true;
        starter->ops->problem(starter->userdata, what, error, next_text);
}

/* ---- what comes from the bus ---- */

/* error: -errno; of a connection that has ended, what its calls are told is no news. */
static void lose(struct starter *starter, int error)
{
        starter->lost = error < 0 && sd_bus_is_open(starter->bus) > 0 ? error : -ECONNRESET;
        wake(starter);
}

/* An answer that says that there was nobody to ask. */
static bool is_nobody(const sd_bus_error *error)
{
        static const char *const names[] = {
                SD_BUS_ERROR_NO_REPLY,          SD_BUS_ERROR_SERVICE_UNKNOWN,
                SD_BUS_ERROR_NAME_HAS_NO_OWNER, SD_BUS_ERROR_TIMEOUT,
                SD_BUS_ERROR_DISCONNECTED,      SD_BUS_ERROR_LIMITS_EXCEEDED,
                SD_BUS_ERROR_NO_SERVER,         SD_BUS_ERROR_NO_MEMORY,
        };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (sd_bus_error_has_name(error, names[i]))
                        return true;
        return strncmp(error->name, SPAWN_PREFIX, strlen(SPAWN_PREFIX)) == 0;
}

static int on_subscribed(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        struct starter *starter = userdata;

        (void)ret_error;
        if (sd_bus_message_is_method_error(reply, NULL)) {
                lose(starter, -sd_bus_message_get_errno(reply));
                return 1;
        }
        starter->ready = true;
        wake(starter);
        return 1;
}

static void refused(struct starter *starter, const char *unit, const sd_bus_error *error)
{
        const bool missing = sd_bus_error_has_name(error, MANAGER ".NoSuchUnit");
        char what[640];

        if (missing)
                (void)snprintf(what, sizeof(what), "could not start %s", unit);
        else
                (void)snprintf(what, sizeof(what), "could not start %s (%.200s)", unit,
                               error->message ? error->message : error->name);
        tell_failure(starter, what, missing ? -ENOENT : 0);
}

static int on_started(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        const sd_bus_error *error = sd_bus_message_get_error(reply);
        struct starter *starter = userdata;
        struct start *start = TAKE_PTR(starter->asked);
        const char *job;

        (void)ret_error;
        if (error && is_nobody(error)) {
                lose(starter, -sd_bus_message_get_errno(reply));
                return 1;
        }
        starter->away_told = starter->unreachable = false;
        if (error) {
                refused(starter, start->unit, error);
                start_queue_done(&starter->queue, start);
        } else {
                if (sd_bus_message_read(reply, "o", &job) < 0)
                        job = ""; /* nobody can tell when it ends */
                start_queue_run(start, job, now(starter));
                starter->started++;
        }
        wake(starter);
        return 1;
}

static int on_job_removed(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        const char *job, *unit, *result;
        struct starter *starter = userdata;
        struct start *start;
        char what[512];
        uint32_t id;

        (void)ret_error;
        if (sd_bus_message_read(message, "uoss", &id, &job, &unit, &result) < 0)
                return 0;
        start = start_queue_find_job(&starter->queue, job);
        if (!start)
                return 0;
        if (strcmp(result, "done") == 0) {
                starter->failure_told = false;
        } else {
                (void)snprintf(what, sizeof(what), "the start of %s ended with \"%.32s\"",
                               start->unit, result);
                tell_failure(starter, what, 0);
        }
        start_queue_done(&starter->queue, start);
        wake(starter);
        return 0;
}

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        (void)message;
        (void)ret_error;
        lose(userdata, -ECONNRESET);
        return 0;
}

/* ---- the connection ---- */

static void hang_up(struct starter *starter)
{
        starter->bus = sd_bus_close_unref(starter->bus); /* with every call, unanswered */
        starter->asked = NULL;
        starter->ready = false;
        starter->lost = 0;
}

static int set_up(struct starter *starter)
{
        sd_bus *bus = starter->bus;
        int r = sd_bus_set_close_on_exit(bus, 0);

        if (r >= 0)
                r = sd_bus_set_method_call_timeout(bus, STARTER_TIMEOUT_USEC);
        if (r >= 0)
                r = sd_bus_attach_event(bus, sd_event_source_get_event(starter->timer),
                                        SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = sd_bus_match_signal_async(bus, NULL, LOCAL, LOCAL_PATH, LOCAL, "Disconnected",
                                              on_disconnected, NULL, starter);
        if (r >= 0)
                r = sd_bus_match_signal_async(bus, NULL, MANAGER, MANAGER_PATH, MANAGER ".Manager",
                                              "JobRemoved", on_job_removed, NULL, starter);
        if (r >= 0)
                r = sd_bus_call_method_async(bus, NULL, MANAGER, MANAGER_PATH, MANAGER ".Manager",
                                             "Subscribe", on_subscribed, starter, "");
        return MIN(r, 0);
}

static void dial(struct starter *starter)
{
        int r = sd_bus_open_system(&starter->bus);

        if (r >= 0)
                r = set_up(starter);
        starter->connect_by_usec = now(starter) + STARTER_TIMEOUT_USEC;
        if (r < 0)
                starter->lost = r;
}

/* Says it once, hangs up, and has everything wait for the next attempt. */
static void give_up(struct starter *starter)
{
        const struct start *first;
        char what[512];

        start_queue_lost(&starter->queue);
        first = start_queue_next(&starter->queue);
        starter->unreachable = first;
        if (first && !starter->away_told) {
                (void)snprintf(what, sizeof(what), "could not ask the service manager to start %s",
                               first->unit);
                starter->ops->problem(starter->userdata, what, starter->lost, next_text);
                starter->away_told = true;
        }
        hang_up(starter);
        starter->retry_usec = now(starter) + STARTER_RETRY_USEC;
}

static void ask(struct starter *starter, struct start *start)
{
        int r;

        start_queue_ask(&starter->queue, start, now(starter));
        starter->asked = start;
        r = sd_bus_call_method_async(starter->bus, NULL, MANAGER, MANAGER_PATH, MANAGER ".Manager",
                                     "StartUnit", on_started, starter, "ss", start->unit,
                                     "replace");
        if (r < 0)
                starter->lost = r;
}

/* ---- what is next ---- */

/* When the one that waits longest can be asked for, or something done towards it. */
static uint64_t next_usec(struct starter *starter)
{
        if (starter->bus && !starter->ready)
                return starter->connect_by_usec;
        if (!start_queue_next(&starter->queue) || starter->asked)
                return START_NEVER; /* something from the bus will wake us */
        if (!starter->bus)
                return starter->retry_usec;
        return start_queue_token_usec(&starter->queue, now(starter));
}

static void advance(struct starter *starter)
{
        size_t waiting, count = start_queue_count(&starter->queue, &waiting);

        if (count == 0) {
                hang_up(starter);
                return;
        }
        if (next_usec(starter) > now(starter))
                return;
        if (!starter->bus)
                dial(starter);
        else if (!starter->ready)
                starter->lost = -ETIMEDOUT;
        else
                ask(starter, start_queue_next(&starter->queue));
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct starter *starter = userdata;

        (void)source;
        (void)usec;
        starter_step(starter);
        return 0;
}

void starter_step(struct starter *starter)
{
        start_queue_expire(&starter->queue, now(starter));
        if (starter->lost == 0)
                advance(starter);
        if (starter->lost != 0)
                give_up(starter);
        wake_at(starter, MIN(next_usec(starter), start_queue_expiry_usec(&starter->queue)));
}

/* ---- the daemon's side ---- */

int starter_new(sd_event *event, const struct starter_ops *ops, void *userdata,
                struct starter **ret_starter)
{
        struct starter *starter = calloc(1, sizeof(*starter));
        int r;

        if (!starter)
                return -ENOMEM;
        starter->ops = ops;
        starter->userdata = userdata;
        r = sd_event_add_time(event, &starter->timer, CLOCK_MONOTONIC, 0, TIMER_ACCURACY_USEC,
                              on_timer, starter);
        if (r >= 0)
                r = sd_event_source_set_enabled(starter->timer, SD_EVENT_OFF);
        if (r < 0) {
                starter_free(starter);
                return r;
        }
        *ret_starter = starter;
        return 0;
}

struct starter *starter_free(struct starter *starter)
{
        if (!starter)
                return NULL;
        hang_up(starter);
        sd_event_source_disable_unref(starter->timer);
        free(starter);
        return NULL;
}

void starter_configure(struct starter *starter, const char *template_unit)
{
        if (strcmp(starter->template_unit, template_unit) == 0)
                return;
        (void)snprintf(starter->template_unit, sizeof(starter->template_unit), "%s", template_unit);
        start_queue_forget(&starter->queue);
        starter->failure_told = starter->away_told = starter->unreachable = false;
        wake(starter);
}

void starter_tell(struct starter *starter, const struct event *event)
{
        char key[ALERT_KEY_TEXT_MAX], unit[STARTER_UNIT_MAX];
        int r;

        if (starter->template_unit[0] == '\0' ||
            (event->transition != TRANSITION_RAISED && event->transition != TRANSITION_ESCALATED &&
             event->transition != TRANSITION_CLEARED))
                return;
        (void)alert_key_text(&event->alert.key, key);
        r = starter_unit_name(starter->template_unit, key, unit);
        if (r < 0) {
                tell_failure(starter, "could not name the unit to start", r);
                return;
        }
        start_queue_put(&starter->queue, unit, now(starter));
        wake(starter);
}

void starter_get_stats(const struct starter *starter, struct starter_stats *ret_stats)
{
        size_t waiting;

        (void)start_queue_count(&starter->queue, &waiting);
        *ret_stats = (struct starter_stats){
                .started = starter->started,
                .failed = starter->failed,
                .dropped = starter->queue.dropped,
                .waiting = waiting,
                .reachable = !starter->unreachable,
        };
}
