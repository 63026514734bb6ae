/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What goes through the daemon with every scan:
 *
 *   on_scan: detect -> scan: when the next one is wanted
 *            detect -> tell (waits for an owner) -> tell_out: journal, control, starter
 *            history
 *            keep: what has changed                 on_told: what the journal has taken -> keep
 */

#include "daemon-private.h"

#include <stdio.h>
#include <sys/epoll.h>

#include "alert.h"
#include "base.h"
#include "clock.h"
#include "notify.h"
#include "units.h"

#define OVERDUE_ACCURACY_USEC (100 * USEC_PER_MSEC)

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
        struct detect_due due;

        if (daemon->snapshot->conf_serial != daemon->conf_serial)
                return;
        daemon_tell_events(daemon, detect_step(daemon->alerts, daemon->conf->rules,
                                               daemon->snapshot, daemon->snapshot->start_usec,
                                               clock_wall_usec(), &daemon->events));
        alert_table_ask_owners(daemon->alerts, clock_now_usec(), ask_owner, daemon);
        detect_due(daemon->alerts, daemon->conf->rules, daemon->snapshot, &due);
        scan_set_due(daemon->scan, daemon->snapshot->generation, &due);
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

/* CPUBudget may put the next scan off for long, and more so with every question of a client. */
static void fit_watchdog(struct daemon *daemon)
{
        struct schedule_pace pace;

        scan_get_pace(daemon->scan, &pace);
        notify_pause(pace.interval_usec,
                     pace.next.next_usec - MIN(pace.slot_usec, pace.next.next_usec),
                     &daemon->watchdog_usec);
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
        fit_watchdog(daemon);
        snapshot = scan_take_snapshot(daemon->scan);
        if (!snapshot)
                return 0;
        snapshot_unref(daemon->snapshot);
        daemon->snapshot = snapshot;
        judge(daemon);
        daemon_note_history(daemon);
        keep_scan(daemon->keep);
        control_tell_scan(daemon->control);
        notify_scan(snapshot, daemon->alerts, !daemon->ready_told);
        daemon->ready_told = true;
        if (heap_is_quiet(&daemon->heap, snapshot->n_rows))
                heap_trim();
        check_recording(daemon);
        return 0;
}

int daemon_add_cycle(struct daemon *daemon)
{
        int r;

        r = sd_event_add_io(daemon->event, NULL, scan_get_fd(daemon->scan), EPOLLIN, on_scan,
                            daemon);
        if (r >= 0)
                r = sd_event_add_io(daemon->event, &daemon->told, journal_get_fd(daemon->journal),
                                    EPOLLIN, on_told, daemon);
        if (r >= 0)
                r = sd_event_add_time(daemon->event, &daemon->overdue, CLOCK_MONOTONIC, 0,
                                      OVERDUE_ACCURACY_USEC, on_overdue, daemon);
        if (r >= 0)
                r = sd_event_source_set_enabled(daemon->overdue, SD_EVENT_OFF);
        return MIN(r, 0);
}

const struct tell_ops daemon_tell_ops = { ask_owner, tell_out };
