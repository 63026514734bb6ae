/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the control socket may ask of the daemon. Nothing here waits. */

#include "daemon-private.h"

#include "alert.h"
#include "clock.h"

static int ask_owner(void *userdata, const struct port_key *port,
                     const struct port_witness *witness, struct owner *ret_owner)
{
        struct daemon *daemon = userdata;

        return desk_ask_owner(&daemon->desk, port, witness, ret_owner);
}

static int ask_look(void *userdata, const struct look_question *question, bool privileged,
                    struct look_answer **ret_answer)
{
        struct daemon *daemon = userdata;

        return desk_ask_look(&daemon->desk, question, privileged, ret_answer);
}

static uint64_t look_wait_usec(void *userdata, bool privileged)
{
        const struct daemon *daemon = userdata;

        return desk_look_wait_usec(&daemon->desk, privileged);
}

static int acknowledge(void *userdata, const struct alert_key *key,
                       struct acknowledgement *acknowledgement)
{
        struct daemon *daemon = userdata;
        int r;

        acknowledgement->wall_usec = clock_wall_usec();
        r = alert_table_acknowledge(daemon->alerts, key, acknowledgement);
        if (r != 0)
                return r;
        alert_tell_acknowledged(daemon->journal, alert_table_find(daemon->alerts, key),
                                acknowledgement);
        keep_alerts(daemon->keep);
        return 0;
}

static void view(void *userdata, struct control_view *ret_view)
{
        struct daemon *daemon = userdata;
        struct journal_stats journal;
        struct recorder_stats recording;
        struct historian_stats history;

        journal_get_stats(daemon->journal, &journal);
        scan_get_recording(daemon->scan, &recording);
        *ret_view = (struct control_view){
                .snapshot = daemon->snapshot,
                .alerts = daemon->alerts,
                .events = daemon->eventlog,
                .conf = daemon->conf,
                .conf_source = daemon_conf_source(daemon->options),
                .conf_errors = daemon->conf_errors,
                .started_wall_usec = daemon->started_wall_usec,
                .scans = daemon->snapshot ? daemon->snapshot->generation : 0,
                .journal_queued = journal.queued,
                .journal_lost = journal.lost,
                .journal_delivered = journal.delivered,
                .recording_lost = recording.lost,
                .looks_refused = daemon->desk.looks.refused,
                .ages_unsaved = scan_get_unsaved(daemon->scan),
        };
        scan_get_pace(daemon->scan, &ret_view->pace);
        ret_view->keeps_files = daemon->options->state_dir != NULL;
        keep_get_stats(daemon->keep, &ret_view->state);
        starter_get_stats(daemon->starter, &ret_view->starts);
        if (daemon->historian) {
                historian_get_stats(daemon->historian, &history);
                ret_view->history_lost = history.lost;
        }
}

static uint64_t now(void *userdata)
{
        (void)userdata;
        return clock_now_usec();
}

const struct control_ops daemon_control_ops = {
        view,     daemon_reload,  acknowledge,        ask_owner,
        ask_look, look_wait_usec, daemon_ask_history, now,
};
