/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * twmonctl replay: a recording of twmond --record, judged again in its own time.
 *
 * The same library as in twmond makes snapshots of the recorded sockets and events of the
 * snapshots, so that the same levels say the same. An owner was looked up after the scan that
 * raised its alert and stands behind it in the recording: events wait for that until the next scan,
 * as in twmond they wait for the answer.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base.h"
#include "conf.h"
#include "phrase.h"
#include "replay.h"
#include "replay_summary.h"
#include "units.h"
#include "view.h"
#include "wire.h"

struct rerun {
        const struct view *view;
        const char *name; /* of the recording */
        int fd;
        struct conf *conf;
        struct replay *replay;
        struct alert_table *alerts;
        struct events events; /* of the last scan, until the next one */

        struct recerror error; /* text empty: it was whole */
        struct replay_summary summary;
};

static int64_t read_file(void *userdata, void *buf, size_t size)
{
        struct rerun *rerun = userdata;
        ssize_t n;

        do
                n = read(rerun->fd, buf, size);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : n;
}

/* -errno of a read or of memory, told. */
static int complain(const struct rerun *rerun, int r)
{
        if (r == -ENOMEM)
                return view_no_memory();
        text_complain("cannot read %s: %s", rerun->name, strerror(-r));
        return STATUS_FAILED;
}

static int load_conf(struct rerun *rerun)
{
        const char *path = rerun->view->options->config;
        CLEANUP(free_text) char *errors = NULL;
        int r = path ? conf_load_file(path, &rerun->conf, &errors) : conf_new_default(&rerun->conf);

        if (r == CONF_BAD) {
                text_complain_lines(errors);
                return STATUS_FAILED;
        }
        return r < 0 ? complain(rerun, r) : 0;
}

static int open_file(struct rerun *rerun)
{
        rerun->fd = STDIN_FILENO;
        if (strcmp(rerun->name, "-") == 0)
                return 0;
        rerun->fd = open(rerun->name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        return rerun->fd < 0 ? complain(rerun, -errno) : 0;
}

/* What it holds, where it can be read twice. */
static int print_head(struct rerun *rerun)
{
        const struct term *term = &rerun->view->term;
        char first[UNITS_TEXT_MAX], last[UNITS_TEXT_MAX], span[UNITS_TEXT_MAX];
        struct replay_survey survey;
        int r;

        if (rerun->view->options->json)
                return 0;
        if (lseek(rerun->fd, 0, SEEK_CUR) >= 0) {
                r = replay_survey(read_file, rerun, &survey);
                if (r == 0 && lseek(rerun->fd, 0, SEEK_SET) < 0)
                        r = -errno;
                if (r < 0)
                        return complain(rerun, r);
                if (survey.scans > 0)
                        term_say(term, PAINT_NONE,
                                 "%s: %" PRIu64 " scan%s in %" PRIu64 " session%s, %s to %s (%s), "
                                 "at most %" PRIu64 " in CLOSE_WAIT, %" PRIu64 " in TIME_WAIT%s",
                                 rerun->name, survey.scans, replay_plural(survey.scans),
                                 survey.sessions, replay_plural(survey.sessions),
                                 units_format_rfc3339(survey.first_wall_usec, first),
                                 units_format_rfc3339(survey.last_wall_usec, last),
                                 replay_span(survey.first_wall_usec, survey.last_wall_usec, span),
                                 survey.close_wait_max, survey.time_wait_max,
                                 survey.whole ? "" : "; then it is damaged");
        }
        return 0;
}

static void print_rules(const struct rerun *rerun)
{
        const char *config = rerun->view->options->config;

        if (rerun->view->options->json)
                return;
        if (config)
                term_say(&rerun->view->term, PAINT_NONE, "Judged by %s.", config);
        else
                term_say(&rerun->view->term, PAINT_NONE, "Judged by the built-in configuration.");
}

static int print_line(const struct rerun *rerun, json_t *object)
{
        char *line = object ? json_dumps(object, view_json_line_flags(rerun->view)) : NULL;

        json_decref(object);
        if (!line)
                return view_no_memory();
        fprintf(rerun->view->term.out, "%s\n", line);
        free(line);
        return 0;
}

static int print_event(const struct rerun *rerun, const struct event *event)
{
        char at[UNITS_TEXT_MAX], message[PHRASE_MAX];
        const bool cleared = event->transition == TRANSITION_CLEARED;

        if (rerun->view->options->json)
                return print_line(rerun,
                                  json_pack("{s:I, s:o}", "sequence", (json_int_t)event->sequence,
                                            "event", wire_event(event)));
        term_say(&rerun->view->term,
                 paint_of(cleared ? "cleared" : severity_name(event->alert.severity)), "%s  %s",
                 units_format_rfc3339(event->now_wall_usec, at), phrase_event(event, message));
        return 0;
}

/* The events that waited for their owners. An exit status. */
static int let_out(struct rerun *rerun)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < rerun->events.n; i++) {
                const struct event *event = &rerun->events.items[i];

                replay_summary_event(&rerun->summary, event);
                r = print_event(rerun, event);
        }
        if (r == 0 && rerun->events.n > 0)
                r = view_flush(rerun->view);
        rerun->events.n = 0;
        return r;
}

/* The answers are in the recording; but each alert has to know what it has asked for. */
static int ask_nobody(void *userdata, const struct port_key *port,
                      const struct port_witness *witness)
{
        (void)userdata;
        (void)port;
        (void)witness;
        return 0;
}

static int take_scan(struct rerun *rerun, struct snapshot *snapshot)
{
        int r = let_out(rerun);

        replay_summary_scan(&rerun->summary, snapshot);
        if (r == 0 && detect_step(rerun->alerts, rerun->conf->rules, snapshot, snapshot->start_usec,
                                  snapshot->start_wall_usec, &rerun->events) < 0)
                r = view_no_memory();
        alert_table_ask_owners(rerun->alerts, snapshot->start_usec, ask_nobody, NULL);
        snapshot_unref(snapshot);
        return r;
}

static void take_owner(struct rerun *rerun, const struct replay_item *item)
{
        alert_table_set_owner(rerun->alerts, &item->answer);
        for (size_t i = 0; i < rerun->events.n; i++) {
                struct alert *alert = &rerun->events.items[i].alert;

                if (alert_is_answered(alert, &item->answer))
                        alert->owner = item->answer.owner;
        }
}

/* All of it. 0 also where it is damaged: rerun->error says so. */
static int rerun_all(struct rerun *rerun)
{
        struct replay_item item;
        int r, status = 0;

        while (status == 0 &&
               (r = replay_next(rerun->replay, &item, &rerun->error)) != REPLAY_END) {
                if (r == -EBADMSG)
                        break;
                if (r < 0)
                        status = complain(rerun, r);
                else if (r == REPLAY_SCAN)
                        status = take_scan(rerun, item.snapshot);
                else if (r == REPLAY_OWNER)
                        take_owner(rerun, &item);
                else
                        rerun->summary.sessions++;
        }
        return status == 0 ? let_out(rerun) : status;
}

static int print_summary(const struct rerun *rerun)
{
        const struct replay_subject subject = { rerun->name, rerun->view->options->config,
                                                rerun->alerts, &rerun->error };
        int r = 0;

        if (rerun->view->options->json)
                r = print_line(rerun, replay_summary_json(&rerun->summary, &subject));
        else
                replay_summary_print(&rerun->summary, &subject, &rerun->view->term);
        return r == 0 ? view_flush(rerun->view) : r;
}

static int tell_error(const struct rerun *rerun)
{
        text_complain("%s: offset %" PRIu64 ": %s", rerun->name, rerun->error.offset,
                      rerun->error.text);
        return STATUS_FAILED;
}

static int judge(struct rerun *rerun)
{
        int r = replay_new(read_file, rerun, rerun->conf->rules, &rerun->replay, &rerun->error);

        if (r == -EBADMSG)
                return tell_error(rerun);
        if (r == 0)
                r = alert_table_new(&rerun->alerts);
        if (r < 0)
                return complain(rerun, r);
        replay_set_max_tracked(rerun->replay, rerun->conf->max_tracked);
        print_rules(rerun);
        r = rerun_all(rerun);
        if (r != 0)
                return r;
        r = print_summary(rerun);
        return r == 0 && rerun->error.text[0] ? tell_error(rerun) : r;
}

int view_replay(struct view *view)
{
        struct rerun rerun = { .view = view, .name = view->options->file, .fd = -1 };
        int r = open_file(&rerun);

        if (r == 0)
                r = load_conf(&rerun);
        if (r == 0)
                r = print_head(&rerun);
        if (r == 0)
                r = judge(&rerun);
        events_done(&rerun.events);
        alert_table_free(rerun.alerts);
        replay_free(rerun.replay);
        conf_unref(rerun.conf);
        if (rerun.fd != STDIN_FILENO)
                close_fdp(&rerun.fd);
        return r;
}
