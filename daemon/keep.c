/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Two kinds of state, because they live differently. Alerts and events are small, change seldom,
 * and each change must not be lost: they are saved as soon as something has changed, and once more
 * after a scan for the numbers in them, which can wait. What the scanner has learnt is large, and
 * what a restart would lose of it is little: the scanner gives it out now and then.
 */

#include "keep.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <syslog.h>

#include "alertstate.h"
#include "alerttable.h"
#include "base.h"
#include "echo.h"

#define CANDIDATES_MAX 3 /* a file and two memory files */

struct keep {
        struct keep_parts parts;
        const struct keep_ops *ops;
        void *userdata;
        struct state *state;
        sd_event_source *trouble; /* NULL: not started, nothing is saved */
        int error_told;

        /* of what was put last; put: it was taken */
        bool put;
        uint64_t changes;
        uint64_t sequence;
        uint64_t told;
};

int keep_new(const char *dir, const struct keep_parts *parts, const struct keep_ops *ops,
             void *userdata, struct keep **ret_keep)
{
        struct keep *keep = calloc(1, sizeof(*keep));
        int r;

        if (!keep)
                return -ENOMEM;
        keep->parts = *parts;
        keep->ops = ops;
        keep->userdata = userdata;
        r = state_new(dir, &keep->state);
        if (r < 0) {
                free(keep);
                return r;
        }
        *ret_keep = keep;
        return 0;
}

struct state *keep_get_state(struct keep *keep)
{
        return keep->state;
}

/* One per line. */
static void note_lines(struct keep *keep, char *notes)
{
        char *save = NULL;

        if (!notes)
                return;
        for (char *line = strtok_r(notes, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
                keep->ops->note(keep->userdata, line);
        free(notes);
}

static int load(struct keep *keep, enum statefile_kind kind, struct state_loaded *ret_loaded)
{
        char *notes = NULL;
        int r = state_load(keep->state, kind, ret_loaded, &notes);

        note_lines(keep, notes);
        return r;
}

/* The checksum is right and what it covers makes no sense: as if it were damaged. */
static int reject(struct keep *keep, enum statefile_kind kind, const char *why)
{
        char *notes = NULL;
        int r = state_reject(keep->state, kind, why, &notes);

        note_lines(keep, notes);
        return r;
}

/* 0 or -EBADMSG (nothing was taken over), -ENOMEM. */
static int read_alerts(struct keep *keep, struct state_loaded *loaded, const char **ret_wrong)
{
        uint64_t left_out, lost;
        char line[128];
        int r;

        if (loaded->same_boot && !loaded->same_netns) {
                keep->ops->note(keep->userdata,
                                loaded->netns_known
                                        ? "the saved alerts are of another network namespace: "
                                          "not used"
                                        : "of which network namespace the saved alerts are is "
                                          "unknown: not used");
                return 0;
        }
        r = alertstate_read(&loaded->body, keep->parts.alerts, keep->parts.events, ret_wrong);
        left_out = alert_table_left_out(keep->parts.alerts) + eventlog_left_out(keep->parts.events);
        if (r == 0 && left_out > 0) {
                (void)snprintf(line, sizeof(line),
                               "%" PRIu64 " of the saved alerts and events could not be used",
                               left_out);
                keep->ops->note(keep->userdata, line);
        }
        lost = eventlog_lost(keep->parts.events);
        if (r == 0 && lost > 0) {
                (void)snprintf(line, sizeof(line),
                               "%" PRIu64 " events are lost: more than %d waited for the journal",
                               lost, EVENTLOG_MAX);
                keep->ops->note(keep->userdata, line);
        }
        return r;
}

/* Ages and the like mean nothing to another boot or network namespace. */
static int read_scan(struct keep *keep, struct state_loaded *loaded, const char **ret_wrong)
{
        if (!loaded->same_boot || !loaded->same_netns)
                return 0;
        return scan_restore(keep->parts.scan, &loaded->body, ret_wrong);
}

/*
 * The newest one that makes sense: a body that does not, though its checksum is right, is set aside
 * as damaged, and the one before it comes next. *ret_other_boot: what was read is of another boot.
 */
static int restore(struct keep *keep, enum statefile_kind kind, bool *ret_other_boot)
{
        struct state_loaded loaded;
        const char *wrong = NULL;
        int r = -EBADMSG;

        *ret_other_boot = false;
        for (unsigned i = 0; i < CANDIDATES_MAX && r == -EBADMSG; i++) {
                r = load(keep, kind, &loaded);
                if (r < 0 || !loaded.data)
                        return r;
                r = kind == STATEFILE_ALERTS ? read_alerts(keep, &loaded, &wrong)
                                             : read_scan(keep, &loaded, &wrong);
                *ret_other_boot = r == 0 && !loaded.same_boot;
                state_loaded_done(&loaded);
                if (r == -EBADMSG && reject(keep, kind, wrong) < 0)
                        return -ENOMEM;
        }
        return r == -EBADMSG ? 0 : r;
}

int keep_restore(struct keep *keep, uint64_t now_usec, uint64_t now_wall_usec,
                 struct events *ret_events)
{
        bool other_boot;
        int r;

        ret_events->n = 0;
        r = restore(keep, STATEFILE_ALERTS, &other_boot);
        if (r == 0 && other_boot)
                r = detect_reboot(keep->parts.alerts, now_usec, now_wall_usec, ret_events);
        else if (r == 0)
                alert_table_clamp(keep->parts.alerts, now_usec);
        return r < 0 ? r : restore(keep, STATEFILE_SCAN, &other_boot);
}

/* Said when it begins, when it becomes another trouble, and when it is over. */
static int on_trouble(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        struct keep *keep = userdata;
        struct state_stats stats;

        (void)source;
        (void)fd;
        (void)revents;
        state_acknowledge(keep->state);
        state_get_stats(keep->state, &stats);
        if (stats.error == keep->error_told)
                return 0;
        if (stats.error < 0) {
                char what[sizeof(stats.what) + 40];

                snprintf(what, sizeof(what), "%s failed%s", stats.what,
                         stats.error == -EBUSY ? ", another twmond uses it" : "");
                keep->ops->problem(keep->userdata, what, stats.error,
                                   "watching goes on; what has changed may be lost when twmond "
                                   "stops before that works again");
        } else {
                keep->ops->note(keep->userdata, "the state is saved again");
        }
        keep->error_told = stats.error;
        return 0;
}

int keep_start(struct keep *keep, sd_event *event)
{
        int r = state_start(keep->state);

        if (r < 0)
                return r;
        r = sd_event_add_io(event, &keep->trouble, state_get_fd(keep->state), EPOLLIN, on_trouble,
                            keep);
        return MIN(r, 0);
}

/* What was said of an alert, or to whom. */
static bool has_changed(const struct keep *keep)
{
        struct alert_table_marks marks;

        alert_table_get_marks(keep->parts.alerts, &marks);
        return !keep->put || keep->changes != alert_table_changes(keep->parts.alerts) ||
               keep->told != eventlog_told(keep->parts.events) || keep->sequence != marks.sequence;
}

/* A body that could not be made is an error of the state's, and is made again. */
static void put_alerts(struct keep *keep, bool urgent)
{
        struct alert_table_marks marks;
        struct recbuf body = { 0 };

        alert_table_get_marks(keep->parts.alerts, &marks);
        alertstate_write(&body, keep->parts.alerts, keep->parts.events);
        keep->put = state_put(keep->state, STATEFILE_ALERTS, &body, urgent) == 0;
        keep->changes = alert_table_changes(keep->parts.alerts);
        keep->told = eventlog_told(keep->parts.events);
        keep->sequence = marks.sequence;
}

void keep_alerts(struct keep *keep)
{
        if (keep->trouble && has_changed(keep))
                put_alerts(keep, true);
}

void keep_scan(struct keep *keep)
{
        struct recbuf body = { 0 };
        bool urgent;

        if (!keep->trouble)
                return;
        urgent = has_changed(keep);
        if (urgent || alert_table_count(keep->parts.alerts) > 0)
                put_alerts(keep, urgent);
        if (scan_take_state(keep->parts.scan, &body)) /* little is lost with it */
                (void)state_put(keep->state, STATEFILE_SCAN, &body, false);
}

void keep_get_stats(struct keep *keep, struct state_stats *ret_stats)
{
        state_get_stats(keep->state, ret_stats);
}

struct keep *keep_free(struct keep *keep)
{
        CLEANUP(free_text) char *note = NULL;
        char line[400];

        if (!keep)
                return NULL;
        sd_event_source_unref(keep->trouble);
        state_stop(keep->state, &note);
        if (note) {
                (void)snprintf(line, sizeof(line),
                               "%.300s; the next start may not know what changed last", note);
                (void)echo_line(LOG_ERR, line);
        }
        state_free(keep->state);
        free(keep);
        return NULL;
}
