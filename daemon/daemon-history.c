/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * How the counts of ports went: each scan is taken in with the alerts that are raised then, each
 * minute goes to the historian. Who asks gets from the file what is older than what is resident.
 */

#include "daemon-private.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "alert.h"
#include "base.h"
#include "clock.h"
#include "units.h"

#define ALERT_PORTS_MAX (2 * HISTORY_PORTS_MAX) /* ports with alerts that are told apart */

void daemon_configure_history(struct daemon *daemon)
{
        history_configure(daemon->history, daemon->conf->history.ports, daemon->conf->history.n);
}

int daemon_make_history(struct daemon *daemon)
{
        int r = history_new(&daemon->history);

        if (r == 0)
                daemon_configure_history(daemon);
        if (r == 0 && daemon->options->state_dir)
                r = historian_new(daemon->options->state_dir, &daemon->historian);
        return r;
}

/* ---- scans ---- */

static void add_alert(const struct alert *alert, struct history_alert *alerts, size_t *n)
{
        const enum history_severity severity =
                alert->severity == SEVERITY_CRITICAL ? HISTORY_CRITICAL : HISTORY_WARNING;
        size_t i = 0;

        if (alert->state != ALERT_RAISED || alert->key.port.side == SIDE_HOST)
                return;
        while (i < *n && !port_key_same(&alerts[i].port, &alert->key.port))
                i++;
        if (i == ALERT_PORTS_MAX)
                return;
        if (i == *n)
                alerts[(*n)++] = (struct history_alert){ alert->key.port, severity };
        alerts[i].severity = MAX(alerts[i].severity, severity);
}

/* How many there are. */
static size_t collect_alerts(const struct daemon *daemon,
                             struct history_alert alerts[static ALERT_PORTS_MAX])
{
        size_t n = 0;

        for (size_t i = 0; i < alert_table_count(daemon->alerts); i++)
                add_alert(alert_table_get(daemon->alerts, i), alerts, &n);
        return n;
}

void daemon_note_history(struct daemon *daemon)
{
        struct history_alert alerts[ALERT_PORTS_MAX];
        const size_t n = collect_alerts(daemon, alerts);
        struct history_row row;
        int r;

        r = history_step(daemon->history, daemon->snapshot, alerts, n, &row);
        if (r == HISTORY_ROW && daemon->historian)
                historian_put(daemon->historian, &row);
}

/* ---- the historian ---- */

/* Said when it begins, when it becomes another trouble, and when it is over. */
static void tell_trouble(struct daemon *daemon)
{
        struct historian_stats stats;

        historian_get_stats(daemon->historian, &stats);
        if (stats.error == daemon->history_error)
                return;
        daemon->history_error = stats.error;
        if (stats.error < 0)
                alert_tell_problem(daemon->journal,
                                   stats.error == -EBUSY
                                           ? "writing the history failed, another twmond uses it"
                                           : "writing the history failed",
                                   stats.error,
                                   "watching goes on; the minutes until that works again will be "
                                   "missing from twmonctl history");
        else
                alert_tell_note(daemon->journal, "the history is written again");
}

static void note_named(const struct conf_history *named, struct history_answer *answer)
{
        for (size_t i = 0; i < named->n; i++)
                for (unsigned s = 0; s < HISTORY_ANSWER_SIDES; s++)
                        if (port_key_same(&named->ports[i], &answer->series[s]->port))
                                answer->named[s] = true;
}

static void finish_answer(struct daemon *daemon, struct history_answer *answer)
{
        struct history_alert alerts[ALERT_PORTS_MAX];
        const struct history_scan scan = {
                .snapshot = daemon->snapshot,
                .alerts = alerts,
                .n_alerts = collect_alerts(daemon, alerts),
        };

        history_answer_settle(answer);
        for (unsigned i = 0; i < HISTORY_ANSWER_SIDES; i++) {
                history_series_add_fine(answer->series[i], daemon->history);
                if (scan.snapshot)
                        history_series_add_scan(answer->series[i], &scan);
        }
        note_named(&daemon->conf->history, answer);
        answer->done = true;
}

static int on_historian(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        struct daemon *daemon = userdata;
        char line[HISTORIAN_LINE_MAX];
        struct history_answer *answer;

        (void)source;
        (void)fd;
        (void)revents;
        historian_acknowledge(daemon->historian);
        if (historian_take_note(daemon->historian, line))
                alert_tell_note(daemon->journal, line);
        tell_trouble(daemon);
        while ((answer = historian_take(daemon->historian))) {
                finish_answer(daemon, answer);
                control_tell_history(daemon->control);
                history_answer_unref(answer);
        }
        return 0;
}

/* Without it the watching goes on all the same. */
int daemon_start_history(struct daemon *daemon)
{
        int r;

        if (!daemon->historian)
                return 0;
        r = historian_start(daemon->historian);
        if (r == 0)
                r = sd_event_add_io(daemon->event, &daemon->history_told,
                                    historian_get_fd(daemon->historian), EPOLLIN, on_historian,
                                    daemon);
        if (r < 0) {
                alert_tell_problem(daemon->journal, "keeping the history failed", r,
                                   "watching goes on; twmonctl history knows the last hour alone");
                daemon->historian = historian_free(daemon->historian);
        }
        return 0;
}

void daemon_end_history(struct daemon *daemon)
{
        struct history_row row;

        if (daemon->historian && daemon->history &&
            history_end(daemon->history, &row) == HISTORY_ROW)
                historian_put(daemon->historian, &row);
        daemon->history_told = sd_event_source_disable_unref(daemon->history_told);
        daemon->historian = historian_free(daemon->historian);
}

/* ---- who asks ---- */

/*
 * until_sec: what is older only the file may know, and by minutes: so are the steps then, until it
 * turns out that it does not. NULL: no memory.
 */
static struct history_answer *make_answer(const struct control_history_request *request,
                                          uint64_t now_sec, uint64_t until_sec)
{
        struct history_time time, finer = { .n = 0 };
        struct history_answer *answer;

        history_plan(now_sec, request->since_sec, request->points, &time);
        if (time.step_sec % HISTORY_MINUTE_SEC != 0 &&
            now_sec - MIN(now_sec, request->since_sec) < until_sec) {
                finer = time;
                history_plan_minutes(now_sec, request->since_sec, request->points, &time);
        }
        answer = history_answer_new(request->port, &time);
        if (!answer)
                return NULL;
        answer->finer = finer;
        answer->until_sec = until_sec;
        return answer;
}

/* When what is resident begins; without a file, nobody knows what was before. */
static uint64_t resident_from(const struct daemon *daemon)
{
        uint32_t first, end;

        if (!daemon->historian)
                return 0;
        history_bounds(daemon->history, &first, &end);
        return end > 0 ? (uint64_t)first * HISTORY_FINE_SEC : UINT64_MAX;
}

int daemon_ask_history(void *userdata, const struct control_history_request *request,
                       struct history_answer **ret_answer)
{
        struct daemon *daemon = userdata;
        struct history_answer *answer =
                make_answer(request, clock_wall_usec() / USEC_PER_SEC, resident_from(daemon));
        int r = 0;

        if (!answer)
                return -ENOMEM;
        if (answer->series[0]->time.start_sec < answer->until_sec)
                r = historian_ask(daemon->historian, answer);
        else
                finish_answer(daemon, answer);
        if (r < 0) {
                history_answer_unref(answer);
                return r;
        }
        *ret_answer = answer;
        return 0;
}
