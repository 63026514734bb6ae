/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What holds a port, in half a line: holders of one kind are summed up, and the kinds stand in the
 * order of urgency.
 */

#include "why.h"

#include <inttypes.h>
#include <string.h>

#include "field.h"
#include "notes.h"

#define CAUSES_MAX 2 /* in the first line; all of them stand below */

/* Blockers of the same kind, summed up. */
struct cause {
        const char *what;
        const json_t *first;
        uint64_t count;
        bool one_state;
};

/* What stands first when several hold the port: who must be dealt with before what goes by itself. */
static const char *const urgency[] = { "address",     "listener",  "bound",    "client",
                                       "connections", "fin-wait2", "time-wait" };

static bool is_same_state(const json_t *a, const json_t *b)
{
        const char *state = field_text(b, "state");

        return state && why_is(field_text(a, "state"), state);
}

static struct cause sum_up(json_t *blockers, const char *what)
{
        struct cause cause = { .what = what, .one_state = true };
        json_t *blocker;
        uint64_t count;
        size_t i;

        json_array_foreach(blockers, i, blocker)
        {
                if (!why_is(field_text(blocker, "what"), what))
                        continue;
                if (!cause.first)
                        cause.first = blocker;
                cause.one_state &= is_same_state(blocker, cause.first);
                cause.count += field_count(blocker, "count", &count) ? count : 1;
        }
        return cause;
}

/* "3 connections in CLOSE_WAIT of leaky.service (leaky, pid 812) hold it" */
static void write_connections(FILE *out, const struct cause *cause, const char *state,
                              const char *owner)
{
        bool one = cause->count == 1;

        fprintf(out, "%" PRIu64 " connection%s", cause->count, one ? "" : "s");
        if (state && cause->one_state)
                fprintf(out, " in %s", state);
        if (owner)
                fprintf(out, " of %s", owner);
        fprintf(out, " hold%s it", one ? "s" : "");
}

static void write_client(FILE *out, const struct cause *cause, const char *owner)
{
        const char *state = why_state(field_text(cause->first, "state"));
        bool one = cause->count == 1;

        if (one)
                fputs("an outgoing connection", out);
        else
                fprintf(out, "%" PRIu64 " outgoing connections", cause->count);
        if (state && cause->one_state)
                fprintf(out, " in %s", state);
        if (owner)
                fprintf(out, " of %s", owner);
        fprintf(out, one ? " has it as its own port" : " have it as their own port");
}

static void write_cause(FILE *out, const struct cause *cause)
{
        const char *address = field_text(cause->first, "address");
        CLEANUP(free_text) char *owner = notes_owner_name(field_object(cause->first, "owner"));

        if (why_is(cause->what, "address")) {
                why_write_bad_address(out, cause->first);
        } else if (why_is(cause->what, "listener") || why_is(cause->what, "bound")) {
                fprintf(out, "%s %s ", owner ? owner : "somebody unknown",
                        why_is(cause->what, "bound") ? "has bound" : "listens on");
                why_write_address(out, address, NULL);
                if (why_is(cause->what, "bound"))
                        fputs(" and does not listen", out);
        } else if (why_is(cause->what, "client")) {
                write_client(out, cause, owner);
        } else if (why_is(cause->what, "time-wait")) {
                write_connections(out, cause, "TIME_WAIT", NULL);
        } else if (why_is(cause->what, "fin-wait2")) {
                write_connections(out, cause, "FIN_WAIT2", NULL);
        } else {
                write_connections(out, cause, why_state(field_text(cause->first, "state")), owner);
        }
}

/* A listener says it all: what else there is are its connections. */
void why_write_causes(FILE *out, json_t *blockers)
{
        size_t n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(urgency); i++) {
                struct cause cause = sum_up(blockers, urgency[i]);

                if (!cause.first)
                        continue;
                if (n == CAUSES_MAX) {
                        fputs(", and there is more", out);
                        return;
                }
                fputs(n++ > 0 ? "; " : "", out);
                write_cause(out, &cause);
                if (why_is(cause.what, "listener"))
                        return;
        }
        if (n == 0 && json_array_size(blockers) > 0) {
                const char *what = field_text(json_array_get(blockers, 0), "what");

                fprintf(out, "%s holds it", what ? what : "something");
        }
}
