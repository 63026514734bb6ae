/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is known stands first, then what is not; a note that would say nothing is left out. */

#include "notes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base.h"
#include "field.h"
#include "line.h"
#include "phrase.h"

#define OWNER_IDS_MAX        256 /* six numbers of at most 20 digits, and the words between them */
#define LEAK_TEXT_MAX        256
#define HALF_OPEN_TEXT_MAX   512
#define DESTINATION_NOTE_MAX 256

/* "25 of 1024 descriptors" */
static void add_descriptors(struct line *line, const json_t *process)
{
        uint64_t fds, limit;

        if (!field_count(process, "fds", &fds))
                return;
        line_add(line, ", %" PRIu64, fds);
        if (field_count(process, "fdLimit", &limit))
                line_add(line, " of %" PRIu64, limit);
        line_add(line, " descriptors%s",
                 field_true(process, "fdUnlimited") ? " without limit" : "");
}

/* Those beside the first: holders of the same sockets, or as likely to be as the first. */
static void add_others(struct line *line, const json_t *owner)
{
        uint64_t total;

        if (!field_count(owner, "processesTotal", &total) || total < 2)
                return;
        line_add(line, ", %s%" PRIu64 " more process%s",
                 field_true(owner, "holders") ? "and "
                 : total == 2                 ? "or "
                                              : "or one of ",
                 total - 1, total == 2 ? "" : "es");
}

/* "pid 812, 25 of 1024 descriptors, and 2 more processes, uid 1000", as much as is known. */
static void add_ids(struct line *line, const json_t *owner, const json_t *process)
{
        uint64_t pid, uid;
        const bool known = field_count(process, "pid", &pid);

        if (known) {
                line_add(line, "pid %" PRIu64, pid);
                add_descriptors(line, process);
                add_others(line, owner);
        }
        if (field_count(owner, "uid", &uid))
                line_add(line, "%suid %" PRIu64, known ? ", " : "", uid);
}

/* What is known first, then what is not. The kernel tells the uid even where no process is seen. */
char *notes_owner_text(const json_t *owner)
{
        const json_t *process = json_array_get(field_array(owner, "processes"), 0);
        const char *unit = field_text(owner, "unit"), *comm = field_text(process, "comm");
        const char *user = field_true(owner, "userUnit") ? " of a user" : "";
        const char *by = field_true(owner, "byListener") ? ", which listens" : "";
        char ids[OWNER_IDS_MAX], *text = NULL;
        struct line line = line_init(ids, sizeof(ids));
        int n;

        add_ids(&line, owner, process);
        if (unit && *ids)
                n = asprintf(&text, "%s%s (%s%s%s)%s", unit, user, comm ? comm : "",
                             comm ? ", " : "", ids, by);
        else if (unit)
                n = asprintf(&text, "%s%s%s", unit, user, by);
        else if (comm && *ids)
                n = asprintf(&text, "%s (%s)%s, unit unknown", comm, ids, by);
        else if (process && *ids)
                n = asprintf(&text, "%s%s, program and unit unknown", ids, by);
        else if (*ids)
                n = asprintf(&text,
                             "%s%s, process and unit unknown (may be hidden from this twmond)", ids,
                             by);
        else
                n = asprintf(&text, "owner unknown");
        return n < 0 ? NULL : text;
}

char *notes_owner_name(const json_t *owner)
{
        const json_t *process = json_array_get(field_array(owner, "processes"), 0);
        const char *unit = field_text(owner, "unit"), *comm = field_text(process, "comm");
        char pid[UNITS_TEXT_MAX], uid[UNITS_TEXT_MAX], *text = NULL;
        bool has_pid = strcmp(field_show_count(process, "pid", pid), FIELD_UNKNOWN) != 0;
        int n;

        if (unit && has_pid)
                n = asprintf(&text, "%s (%s%spid %s)", unit, comm ? comm : "", comm ? ", " : "",
                             pid);
        else if (unit)
                n = asprintf(&text, "%s", unit);
        else if (has_pid)
                n = asprintf(&text, comm ? "%s (pid %s)" : "%spid %s", comm ? comm : "", pid);
        else if (strcmp(field_show_count(owner, "uid", uid), FIELD_UNKNOWN) != 0)
                n = asprintf(&text, "a process of uid %s", uid);
        else
                return NULL;
        return n < 0 ? NULL : text;
}

const char *notes_owner_others(const json_t *owner, uint64_t count)
{
        return count > 1 && field_true(owner, "holders") && !field_true(owner, "byListener")
                       ? " and perhaps others"
                       : "";
}

void notes_owner(struct table *table, const json_t *object)
{
        const json_t *owner = field_object(object, "owner");
        CLEANUP(free_text) char *text = NULL;

        if (!owner && field_is_host(object))
                return;
        text = notes_owner_text(owner);
        table_note(table, "%s", text ? text : "(out of memory)");
}

const char *notes_stages_text(const json_t *object, char buf[static NOTES_STAGES_MAX])
{
        static const char *const stages[][2] = { { "unclosed", "unclosed" },
                                                 { "eofUnread", "eof-unread" },
                                                 { "unread", "unread" },
                                                 { "unaccepted", "unaccepted" } };
        const json_t *counts = field_object(object, "stages");
        struct line line = line_init(buf, NOTES_STAGES_MAX);

        for (size_t i = 0; i < ARRAY_SIZE(stages); i++) {
                uint64_t count;

                if (field_count(counts, stages[i][0], &count) && count > 0)
                        line_add(&line, "%s%" PRIu64 " %s", line.len > 0 ? ", " : "", count,
                                 stages[i][1]);
        }
        return buf;
}

void notes_stages(struct table *table, const json_t *object)
{
        char text[NOTES_STAGES_MAX];

        if (*notes_stages_text(object, text))
                table_note(table, "%s", text);
}

void notes_clearing(struct table *table, const json_t *alert)
{
        char buf[UNITS_TEXT_MAX];
        uint64_t sec;

        if (!field_true(alert, "clearing") || !field_count(alert, "clearsInSec", &sec))
                return;
        if (sec > 0)
                table_note(table, "clears in %s at the earliest",
                           field_show_age(alert, "clearsInSec", NULL, buf));
        else
                table_note(table, "about to clear");
}

void notes_acknowledged(struct table *table, const json_t *alert, uint64_t now_wall_usec)
{
        const json_t *acknowledged = field_object(alert, "acknowledged");
        const char *at = field_text(acknowledged, "at");
        const char *comment = field_text(acknowledged, "comment");
        char text[UNITS_TEXT_MAX + sizeof(" ago")] = "", buf[UNITS_TEXT_MAX];
        uint64_t then_usec;

        if (!acknowledged)
                return;
        if (at && field_parse_time(at, &then_usec) == 0)
                snprintf(text, sizeof(text), " %s ago",
                         units_format_age(now_wall_usec - MIN(then_usec, now_wall_usec), buf));
        table_note(table, "acknowledged%s by uid %s%s%s", text,
                   field_show_count(acknowledged, "uid", buf), comment ? ": " : "",
                   comment ? comment : "");
}

void notes_closing(struct table *table, const json_t *object)
{
        const json_t *closes = json_object_get(object, "closesPerSec");
        const double per_sec = json_number_value(closes);
        const bool slow = per_sec < 1, at_least = field_true(object, "closesAtLeast");

        if (!json_is_number(closes) || per_sec <= 0)
                return;
        table_note(table,
                   "this host is the first to close %s%.1f connections a %s (mean of the last "
                   "minute)",
                   field_true(object, "timeWaitEstimated") ? "~"
                   : at_least                              ? ">= "
                                                           : "",
                   per_sec * (slow ? 60 : 1), slow ? "minute" : "second");
        if (at_least)
                table_note(table, "more than that: some TIME_WAIT were used again or found no room "
                                  "(TWRecycled, TCPTimeWaitOverflow)");
}

void notes_leak(struct table *table, const json_t *object)
{
        const json_t *leak = field_object(object, "leak");
        const json_t *rate = json_object_get(object, "ratePerMin");
        char text[LEAK_TEXT_MAX], buf[UNITS_TEXT_MAX];
        struct line line = line_init(text, sizeof(text));
        uint64_t outlived, eta;

        if (!field_count(leak, "outlived", &outlived))
                return;
        if (json_is_number(rate))
                phrase_add_rate(&line, json_number_value(rate),
                                json_number_value(json_object_get(object, "rateErrorPerMin")));
        line_add(&line, "%" PRIu64 " ha%s outlived %s", outlived, outlived == 1 ? "s" : "ve",
                 field_show_age(leak, "patienceSec", NULL, buf));
        table_note(table, "%s", text);
        if (field_count(object, "etaSec", &eta) && eta == 0)
                table_note(table, "no descriptor is left");
        else if (field_count(object, "etaSec", &eta))
                table_note(table, "descriptors run out in %s",
                           field_show_age(object, "etaSec", NULL, buf));
}

/* "after 2h 11min" of default settings, and what is hidden; beside how many use keepalive. */
static void add_keepalive(struct line *line, const json_t *half_open)
{
        char buf[UNITS_TEXT_MAX];
        uint64_t busy, notices;

        line_add(line, "%s use keepalive", field_show_count(half_open, "keepalive", buf));
        if (field_count(half_open, "busy", &busy) && busy > 0)
                line_add(line, " (of %" PRIu64 " that wait to send it is unknown)", busy);
        if (field_count(half_open, "keepaliveNoticesSec", &notices))
                line_add(line, ", the default would notice a dead peer after %s",
                         field_show_age(half_open, "keepaliveNoticesSec", NULL, buf));
}

void notes_half_open(struct table *table, const json_t *object)
{
        const json_t *half_open = field_object(object, "halfOpen");
        char text[HALF_OPEN_TEXT_MAX], buf[UNITS_TEXT_MAX];
        struct line line = line_init(text, sizeof(text));
        uint64_t established, value;

        if (!field_count(half_open, "established", &established))
                return;
        line_add(&line, "%" PRIu64 " established: ", established);
        line_add(&line, "%s silent", field_show_count(half_open, "silent", buf));
        if (field_count(object, "silentAfterSec", &value))
                line_add(&line, " for %s or longer",
                         field_show_age(object, "silentAfterSec", NULL, buf));
        line_add(&line, ", %s unanswered", field_show_count(half_open, "unanswered", buf));
        if (field_count(half_open, "oldestSilentSec", &value))
                line_add(&line, ", the longest for %s",
                         field_show_age(half_open, "oldestSilentSec", NULL, buf));
        table_note(table, "%s", text);
        line = line_init(text, sizeof(text));
        add_keepalive(&line, half_open);
        table_note(table, "%s", text);
}

void notes_destination(struct table *table, const json_t *alert)
{
        const json_t *destination = field_object(alert, "destination");
        const char *address = field_text(destination, "address");
        const char *source = field_text(destination, "source");
        char text[DESTINATION_NOTE_MAX], buf[UNITS_TEXT_MAX];
        struct line line = line_init(text, sizeof(text));
        uint64_t value;

        if (!address || !source)
                return;
        line_add(&line, "towards %s from %s: %s", address, source,
                 field_show_count(destination, "used", buf));
        if (field_count(destination, "usable", &value))
                line_add(&line, " of %" PRIu64, value);
        line_add(&line, " local ports");
        if (field_count(destination, "etaSec", &value) && value > 0)
                line_add(&line, ", connect() fails in %s",
                         field_show_age(destination, "etaSec", NULL, buf));
        table_note(table, "%s", text);
}
