/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Everything runs on one sd-event loop, woken by: the eventfds of the scanner (a snapshot, an owner,
 * a look), of the journal (what it has taken) and of the state (trouble that begins or ends),
 * signals, the control socket with its clients and its timer, the starter's timer and its bus, and a
 * timer that is armed only while an event waits for its owner. Nothing here reads netlink, /proc or
 * the journal; nothing here blocks before the end.
 */

#include "daemon-private.h"

#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "alert.h"
#include "base.h"
#include "clock.h"
#include "notify.h"
#include "socketpath.h"
#include "units.h"

#define TRIM_ROWS  4096
#define TRIM_SCANS 3

/* All that is kept to be told finds room to wait for the journal, with what else is said. */
static_assert(JOURNAL_QUEUE_MAX > EVENTLOG_MAX, "events that were kept fit the journal's queue");

static int ask_owner(void *userdata, const struct port_key *port,
                     const struct port_witness *witness)
{
        struct daemon *daemon = userdata;

        return scan_ask_owner(daemon->scan, port, witness, SCAN_ASKER_ALERT);
}

static void tell_out(void *userdata, const struct event *event)
{
        struct daemon *daemon = userdata;

        eventlog_set_owner(daemon->eventlog, event->sequence, &event->alert.owner);
        alert_tell(daemon->journal, event);
        control_tell_event(daemon->control, event);
        starter_tell(daemon->starter, event);
}

static void arm_overdue(struct daemon *daemon)
{
        const uint64_t deadline_usec = tell_deadline_usec(daemon->tell);

        if (deadline_usec == 0) {
                (void)sd_event_source_set_enabled(daemon->overdue, SD_EVENT_OFF);
                return;
        }
        (void)sd_event_source_set_time(daemon->overdue, deadline_usec);
        (void)sd_event_source_set_enabled(daemon->overdue, SD_EVENT_ONESHOT);
}

static int on_overdue(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct daemon *daemon = userdata;

        (void)source;
        (void)usec;
        tell_overdue(daemon->tell, clock_now_usec());
        arm_overdue(daemon);
        keep_alerts(daemon->keep);
        return 0;
}

void daemon_tell_events(struct daemon *daemon, int r)
{
        const uint64_t now_usec = clock_now_usec();

        if (r < 0)
                alert_tell_problem(daemon->journal, "judging the scan failed", r,
                                   "the next one is judged afresh");
        for (size_t i = 0; i < daemon->events.n; i++) {
                /* without memory for it, it is told all the same */
                (void)eventlog_add(daemon->eventlog, &daemon->events.items[i]);
                tell_event(daemon->tell, &daemon->events.items[i], now_usec);
        }
        events_done(&daemon->events);
        arm_overdue(daemon);
}

/* A scan made under an older configuration counted by other ages: it is shown, but not judged. */
static void judge(struct daemon *daemon)
{
        if (daemon->snapshot->conf_serial != daemon->conf_serial)
                return;
        daemon_tell_events(daemon, detect_step(daemon->alerts, daemon->conf->rules,
                                               daemon->snapshot, daemon->snapshot->start_usec,
                                               clock_wall_usec(), &daemon->events));
        alert_table_ask_owners(daemon->alerts, clock_now_usec(), ask_owner, daemon);
}

static void take_answers(struct daemon *daemon)
{
        struct owner_answer answer;

        while (scan_take_answer(daemon->scan, &answer)) {
                desk_put_owner(&daemon->desk, &answer);
                alert_table_set_owner(daemon->alerts, &answer);
                tell_owner(daemon->tell, &answer);
                control_tell_owner(daemon->control, &answer);
        }
        arm_overdue(daemon);
}

static void take_looks(struct daemon *daemon)
{
        struct look_answer *answer;

        while ((answer = desk_take_look(&daemon->desk))) {
                control_tell_look(daemon->control, answer);
                look_answer_unref(answer);
        }
}

/* A recording that has stopped is said once; watching goes on. */
static void check_recording(struct daemon *daemon)
{
        struct recorder_stats recording;
        char what[256];

        scan_get_recording(daemon->scan, &recording);
        if (recording.error == 0 || daemon->recording_told)
                return;
        daemon->recording_told = true;
        snprintf(what, sizeof(what), "recording to %.200s failed", daemon->options->record);
        alert_tell_problem(daemon->journal, what, recording.error,
                           "nothing more is recorded, watching goes on");
}

/* What somebody has been told need not be told again after a restart. */
static int on_told(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        struct daemon *daemon = userdata;
        struct journal_stats stats;

        (void)source;
        (void)fd;
        (void)revents;
        journal_acknowledge(daemon->journal);
        journal_get_stats(daemon->journal, &stats);
        eventlog_set_told(daemon->eventlog, stats.told);
        keep_alerts(daemon->keep);
        return 0;
}

/* Large tables leave holes on the heap, which go back to the kernel when the host has become quiet:
   for a few scans, because the scanner lets go of its own later. */
static void trim(struct daemon *daemon, size_t rows)
{
        daemon->rows_peak = MAX(daemon->rows_peak, rows);
        if (daemon->rows_peak > TRIM_ROWS && rows < daemon->rows_peak / 2) {
                daemon->rows_peak = rows;
                daemon->trims_left = TRIM_SCANS;
        }
        if (daemon->trims_left > 0) {
                daemon->trims_left--;
                (void)malloc_trim(0);
        }
}

static int on_scan(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        struct daemon *daemon = userdata;
        struct snapshot *snapshot;

        (void)source;
        (void)fd;
        (void)revents;
        scan_acknowledge(daemon->scan);
        take_answers(daemon);
        take_looks(daemon);
        keep_alerts(daemon->keep); /* an owner may have become known */
        snapshot = scan_take_snapshot(daemon->scan);
        if (!snapshot)
                return 0;
        snapshot_unref(daemon->snapshot);
        daemon->snapshot = snapshot;
        judge(daemon);
        keep_scan(daemon->keep);
        control_tell_scan(daemon->control);
        notify_scan(snapshot, daemon->alerts, !daemon->ready_told);
        daemon->ready_told = true;
        trim(daemon, snapshot->n_rows);
        check_recording(daemon);
        return 0;
}

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

static int add_sources(struct daemon *daemon)
{
        int r = add_signals(daemon);

        if (r < 0)
                return r;
        r = sd_event_add_io(daemon->event, NULL, scan_get_fd(daemon->scan), EPOLLIN, on_scan,
                            daemon);
        if (r >= 0)
                r = sd_event_add_io(daemon->event, &daemon->told, journal_get_fd(daemon->journal),
                                    EPOLLIN, on_told, daemon);
        if (r >= 0)
                r = sd_event_add_time(daemon->event, &daemon->overdue, CLOCK_MONOTONIC, 0,
                                      USEC_PER_MSEC, on_overdue, daemon);
        if (r >= 0)
                r = sd_event_source_set_enabled(daemon->overdue, SD_EVENT_OFF);
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
        static const struct tell_ops tell_ops = { ask_owner, tell_out };
        static const struct starter_ops starter_ops = { tell_problem, now };
        const bool echo = daemon->options->foreground || isatty(STDERR_FILENO);
        int r = sd_event_new(&daemon->event);

        if (r >= 0)
                r = journal_new(JOURNAL_SOCKET, echo, &daemon->journal);
        if (r >= 0)
                r = scan_new(daemon->conf, &daemon->scan);
        daemon->desk.scan = daemon->scan;
        if (r >= 0)
                r = alert_table_new(&daemon->alerts);
        if (r >= 0)
                r = eventlog_new(&daemon->eventlog);
        if (r >= 0)
                r = tell_new(&tell_ops, daemon, &daemon->tell);
        if (r >= 0)
                r = control_new(daemon->event, &daemon_control_ops, daemon, &daemon->control);
        if (r >= 0)
                r = starter_new(daemon->event, &starter_ops, daemon, &daemon->starter);
        if (r >= 0)
                starter_configure(daemon->starter, daemon->conf->start);
        if (r >= 0)
                r = make_keep(daemon);
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
                r = add_sources(daemon);
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
}

struct daemon *daemon_free(struct daemon *daemon)
{
        if (!daemon)
                return NULL;
        keep_free(daemon->keep);
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

        notify_interval(daemon->conf->interval_usec);
        r = journal_start(daemon->journal);
        if (r < 0)
                return r;
        alert_tell_started(daemon->journal, daemon_conf_source(daemon->options));
        r = resume(daemon);
        if (r == 0)
                r = keep_start(daemon->keep, daemon->event);
        if (r == 0)
                r = scan_start(daemon->scan);
        if (r == 0)
                r = sd_event_loop(daemon->event);
        finish(daemon);
        return r;
}
