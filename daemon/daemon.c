/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Everything runs on one sd-event loop, woken by: the eventfds of the scanner (a snapshot, an owner,
 * a look), of the journal (what it has taken) and of the state (trouble that begins or ends),
 * signals, the control socket with its clients and its timer, the starter's timer and its bus, and a
 * timer that is armed only while an event waits for its owner. Nothing here reads netlink, /proc or
 * the journal; nothing here blocks before the end.
 *
 *   daemon-cycle.c   what goes through it with every scan
 *   daemon-serve.c   what clients may ask of it
 *   daemon-history.c how the counts of ports went
 *   daemon-conf.c    its configuration, and a new one
 *   keep.c           what outlives it
 */

#include "daemon-private.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert.h"
#include "base.h"
#include "clock.h"
#include "notify.h"
#include "socketpath.h"
#include "units.h"

/* All that is kept to be told finds room to wait for the journal, with what else is said. */
static_assert(JOURNAL_QUEUE_MAX > EVENTLOG_MAX, "events that were kept fit the journal's queue");

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
        CLEANUP(free_text) char *errors = NULL;

        (void)source;
        (void)si;
        (void)daemon_reload(userdata, &errors); /* has said what was wrong */
        return 0;
}

static void tell_problem(void *userdata, const char *what, int error, const char *next)
{
        struct daemon *daemon = userdata;

        alert_tell_problem(daemon->journal, what, error, next);
}

static void tell_note(void *userdata, const char *line)
{
        struct daemon *daemon = userdata;

        alert_tell_note(daemon->journal, line);
}

static uint64_t now(void *userdata)
{
        (void)userdata;
        return clock_now_usec();
}

static void on_drained(void *userdata)
{
        struct daemon *daemon = userdata;

        (void)sd_event_exit(daemon->event, 0);
}

/* The second time it is not to be waited for anybody. */
static int on_end(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
        struct daemon *daemon = userdata;

        (void)source;
        (void)si;
        if (daemon->ending)
                return sd_event_exit(daemon->event, 0);
        daemon->ending = true;
        notify_stopping();
        control_drain(daemon->control, on_drained);
        return 0;
}

static int add_signals(struct daemon *daemon)
{
        sigset_t set;
        int r;

        (void)signal(SIGPIPE, SIG_IGN);
        (void)signal(SIGXFSZ,
                     SIG_IGN); /* a recording that grows too large is an error of write() */
        (void)sigemptyset(&set);
        (void)sigaddset(&set, SIGTERM);
        (void)sigaddset(&set, SIGINT);
        (void)sigaddset(&set, SIGHUP);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        r = sd_event_add_signal(daemon->event, NULL, SIGTERM, on_end, daemon);
        if (r >= 0)
                r = sd_event_add_signal(daemon->event, NULL, SIGINT, on_end, daemon);
        if (r >= 0)
                r = sd_event_add_signal(daemon->event, NULL, SIGHUP, on_hangup, daemon);
        return MIN(r, 0);
}

static int open_record(struct daemon *daemon)
{
        int r;

        if (!daemon->options->record)
                return 0;
        r = record_open(daemon->options->record, daemon->conf->interval_usec, &daemon->record);
        if (r == 0)
                scan_set_recorder(daemon->scan, record_get_recorder(daemon->record));
        return r == RECORD_REFUSED ? DAEMON_BAD_SETTING : r;
}

static int make_keep(struct daemon *daemon)
{
        static const struct keep_ops ops = { tell_note, tell_problem };
        const struct keep_parts parts = { .alerts = daemon->alerts,
                                          .events = daemon->eventlog,
                                          .scan = daemon->scan };
        int r = keep_new(daemon->options->state_dir, &parts, &ops, daemon, &daemon->keep);

        if (r == 0)
                passed_take(keep_get_state(daemon->keep), &daemon->passed);
        return r;
}

static int make_parts(struct daemon *daemon)
{
        static const struct starter_ops starter_ops = { tell_problem, now };
        const bool echo = daemon->options->foreground || isatty(STDERR_FILENO);
        int r = sd_event_new(&daemon->event);

        if (r >= 0)
                r = journal_new(JOURNAL_SOCKET, echo, &daemon->journal);
        if (r >= 0)
                r = scan_new(daemon->conf, &daemon->scan);
        desk_init(&daemon->desk, daemon->scan, daemon->conf->cpu_budget_ppm);
        if (r >= 0)
                r = alert_table_new(&daemon->alerts);
        if (r >= 0)
                r = eventlog_new(&daemon->eventlog);
        if (r >= 0)
                r = tell_new(&daemon_tell_ops, daemon, &daemon->tell);
        if (r >= 0)
                r = control_new(daemon->event, &daemon_control_ops, daemon, &daemon->control);
        if (r >= 0)
                r = starter_new(daemon->event, &starter_ops, daemon, &daemon->starter);
        if (r >= 0)
                starter_configure(daemon->starter, daemon->conf->start);
        if (r >= 0)
                r = make_keep(daemon);
        if (r >= 0)
                r = daemon_make_history(daemon);
        return MIN(r, 0);
}

int daemon_new(const struct options *options, struct conf *conf, struct daemon **ret_daemon)
{
        struct daemon *daemon = calloc(1, sizeof(*daemon));
        int r;

        if (!daemon)
                return -ENOMEM;
        daemon->options = options;
        daemon->conf = conf_ref(conf);
        daemon->started_wall_usec = clock_wall_usec();
        r = make_parts(daemon);
        if (r == 0)
                r = add_signals(daemon);
        if (r == 0)
                r = daemon_add_cycle(daemon);
        if (r == 0)
                r = open_record(daemon);
        if (r == 0)
                r = passed_listen(&daemon->passed, daemon->control, options->socket);
        if (r != 0) {
                daemon_free(daemon);
                return r;
        }
        *ret_daemon = daemon;
        return 0;
}

/* Everything that is still to be told or to be kept, while the parts that know it are there. */
static void finish(struct daemon *daemon)
{
        struct journal_stats stats;

        scan_stop(daemon->scan);
        tell_all(daemon->tell);
        alert_tell_stopped(daemon->journal);
        journal_stop(daemon->journal);
        journal_get_stats(daemon->journal, &stats);
        eventlog_set_told(daemon->eventlog, stats.told);
        keep_scan(daemon->keep);
        daemon_end_history(daemon);
}

struct daemon *daemon_free(struct daemon *daemon)
{
        if (!daemon)
                return NULL;
        keep_free(daemon->keep);
        daemon_end_history(daemon);
        history_free(daemon->history);
        passed_done(&daemon->passed);
        scan_free(daemon->scan);
        record_free(daemon->record);
        tell_free(daemon->tell);
        starter_free(daemon->starter);
        control_free(daemon->control);
        desk_done(&daemon->desk);
        journal_free(daemon->journal);
        alert_table_free(daemon->alerts);
        eventlog_free(daemon->eventlog);
        events_done(&daemon->events);
        snapshot_unref(daemon->snapshot);
        sd_event_source_unref(daemon->overdue);
        sd_event_source_unref(daemon->told);
        sd_event_unref(daemon->event);
        conf_unref(daemon->conf);
        free(daemon->conf_errors);
        free(daemon);
        return NULL;
}

/* What was known when the daemon ended; what nobody was told of then is told now. */
static int resume(struct daemon *daemon)
{
        const uint64_t now_usec = clock_now_usec();
        int r = keep_restore(daemon->keep, now_usec, clock_wall_usec(), &daemon->events);

        if (r < 0)
                return r;
        for (size_t i = 0; i < eventlog_count(daemon->eventlog); i++) {
                const struct event *event = eventlog_get(daemon->eventlog, i);

                if (event->sequence <= eventlog_told(daemon->eventlog))
                        control_tell_event(daemon->control, event);
                else
                        tell_event(daemon->tell, event, now_usec);
        }
        daemon_tell_events(daemon, 0);
        return 0;
}

int daemon_run(struct daemon *daemon)
{
        int r;

        notify_pause(daemon->conf->interval_usec, 0, &daemon->watchdog_usec);
        r = journal_start(daemon->journal);
        if (r < 0)
                return r;
        alert_tell_started(daemon->journal, daemon_conf_source(daemon->options));
        r = resume(daemon);
        if (r == 0)
                r = keep_start(daemon->keep, daemon->event);
        if (r == 0)
                r = daemon_start_history(daemon);
        if (r == 0)
                r = scan_start(daemon->scan);
        if (r == 0)
                r = sd_event_loop(daemon->event);
        finish(daemon);
        return r;
}
