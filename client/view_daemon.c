/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One line that is always there, and one for each thing that an administrator has to know of besides. */

#include "view_daemon.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "field.h"
#include "view_pace.h"

static void write_cost(FILE *out, const json_t *status)
{
        const json_t *cost = field_object(status, "cost");
        uint64_t cpu_usec, messages;

        if (field_count(cost, "cpuUsec", &cpu_usec) && field_count(cost, "messages", &messages))
                fprintf(out, " (%" PRIu64 ".%" PRIu64 " ms of CPU, %" PRIu64 " socket%s read)",
                        cpu_usec / 1000, cpu_usec / 100 % 10, messages, messages == 1 ? "" : "s");
}

/* "clients refused 210 times", "12 sockets without an age"; of a limit that is not known its name.
 */
static void write_limit(FILE *out, const json_t *limits, const char *name)
{
        static const struct {
                const char *name, *before, *one, *many;
        } words[] = {
                { "clientsRefused", "clients refused ", " time", " times" },
                { "clientsDropped", "clients dropped ", " time", " times" },
                { "alerts", "", " alert without room", " alerts without room" },
                { "ports", "", " socket of ports without room", " sockets of ports without room" },
                { "tracked", "", " socket without an age", " sockets without an age" },
                { "halfOpen", "", " connection not seen for half-open",
                  " connections not seen for half-open" },
                { "malformed", "", " message not understood", " messages not understood" },
                { "journal", "", " journal entry lost", " journal entries lost" },
                { "recording", "", " scan not recorded", " scans not recorded" },
                { "unsaved", "", " age not saved", " ages not saved" },
                { "history", "", " minute missing from the history",
                  " minutes missing from the history" },
                { "looksRefused", "looks put off ", " time", " times" },
        };
        char count[UNITS_TEXT_MAX];

        field_show_count(limits, name, count);
        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (strcmp(words[i].name, name) == 0) {
                        fprintf(out, "%s%s%s", words[i].before, count,
                                strcmp(count, "1") == 0 ? words[i].one : words[i].many);
                        return;
                }
        fprintf(out, "%s %s", name, count);
}

static void write_limits(FILE *out, const json_t *status)
{
        json_t *limits = field_object(status, "limitsHit"), *value;
        const char *name, *between = "; limits hit: ";

        json_object_foreach(limits, name, value)
        {
                fputs(between, out);
                write_limit(out, limits, name);
                between = ", ";
        }
}

static void write_daemon(FILE *out, const struct view *view, const json_t *status)
{
        const char *version = field_text(status, "version");
        const json_t *delivered = json_object_get(status, "journalDelivered");
        uint64_t pid, waiting = 0;

        if (view->options->once)
                fputs("twmonctl, without twmond: ", out);
        else {
                fprintf(out, "twmond %s", version ? version : "(unknown version)");
                if (field_count(status, "pid", &pid))
                        fprintf(out, ", pid %" PRIu64, pid);
                fputs(": ", out);
        }
        view_pace_write_age(out, status);
        write_cost(out, status);
        view_pace_write(out, status);
        write_limits(out, status);
        field_count(status, "journalQueued", &waiting);
        if (json_is_false(delivered))
                fprintf(out, "; no journal takes messages now, %" PRIu64 " waiting", waiting);
}

/* "Start: 3 started, 1 failed, 0 dropped, 2 waiting". Nothing where Start= is not set. */
static void draw_starts(const struct term *term, const json_t *status)
{
        const json_t *start = field_object(status, "start");
        const bool away = json_is_false(json_object_get(start, "reachable"));
        char started[UNITS_TEXT_MAX], failed[UNITS_TEXT_MAX], dropped[UNITS_TEXT_MAX],
                waiting[UNITS_TEXT_MAX];

        if (!start)
                return;
        field_show_count(start, "started", started);
        field_show_count(start, "failed", failed);
        field_show_count(start, "dropped", dropped);
        field_show_count(start, "waiting", waiting);
        term_say(term, away ? PAINT_WARNING : PAINT_FAINT,
                 "Start: %s started, %s failed, %s dropped, %s waiting%s", started, failed, dropped,
                 waiting, away ? "; the service manager could not be asked" : "");
}

static void draw_state(const struct term *term, const json_t *status)
{
        const char *error = field_text(field_object(status, "state"), "error");

        if (error)
                term_say(term, PAINT_WARNING,
                         "State: %s; what has changed may be lost when twmond stops", error);
}

/* The first of the errors, and how many there are besides: `twmonctl reload` says all of them. */
static void draw_configuration(const struct term *term, const json_t *status)
{
        const char *errors = field_text(status, "configurationErrors");
        char more[UNITS_TEXT_MAX] = "";
        unsigned n = 0;

        if (!errors)
                return;
        for (const char *at = errors; (at = strchr(at, '\n')) && *++at != '\0';)
                n++;
        if (n > 0)
                snprintf(more, sizeof(more), " (and %u more)", n);
        term_say(term, PAINT_WARNING,
                 "The configuration was not taken when it was read last, an older one is in force: "
                 "%.*s%s",
                 (int)strcspn(errors, "\n"), errors, more);
}

int view_daemon_draw(const struct view *view, const json_t *status)
{
        const char *error = field_text(status, "scanError");
        char *line = NULL;
        size_t len;
        FILE *out = open_memstream(&line, &len);

        if (!out)
                return -ENOMEM;
        write_daemon(out, view, status);
        if (fclose(out) != 0) {
                free(line);
                return -ENOMEM;
        }
        fputc('\n', view->term.out);
        if (error)
                term_say(&view->term, PAINT_WARNING, "The last scan: %s", error);
        term_prose(&view->term, PAINT_FAINT, 0, line);
        view_pace_draw(&view->term, status);
        draw_starts(&view->term, status);
        draw_state(&view->term, status);
        draw_configuration(&view->term, status);
        free(line);
        return 0;
}
