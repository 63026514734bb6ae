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
        const char *owner; /* of the first; NULL: unknown, or nobody */
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

static const char *others(const struct cause *cause)
{
        return notes_owner_others(field_object(cause->first, "owner"), cause->count);
}

/* " of leaky.service (leaky, pid 812) and perhaps others" */
static void write_of(FILE *out, const struct cause *cause)
{
        if (cause->owner)
                fprintf(out, " of %s%s", cause->owner, others(cause));
}

/* "3 connections in CLOSE_WAIT of leaky.service (leaky, pid 812) hold it" */
static void write_connections(FILE *out, const struct cause *cause, const char *state)
{
        bool one = cause->count == 1;

        fprintf(out, "%" PRIu64 " connection%s", cause->count, one ? "" : "s");
        if (state && cause->one_state)
                fprintf(out, " in %s", state);
        write_of(out, cause);
        fprintf(out, " hold%s it", one ? "s" : "");
}

static void write_client(FILE *out, const struct cause *cause)
{
        const char *state = why_state(field_text(cause->first, "state"));
        bool one = cause->count == 1;

        if (one)
                fputs("an outgoing connection", out);
        else
                fprintf(out, "%" PRIu64 " outgoing connections", cause->count);
        if (state && cause->one_state)
                fprintf(out, " in %s", state);
        write_of(out, cause);
        fprintf(out, one ? " has it as its own port" : " have it as their own port");
}

/* "x (pid 7) listens on 1.2.3.4" */
static void write_socket(FILE *out, const struct cause *cause)
{
        bool bound = why_is(cause->what, "bound"), one = !*others(cause);

        fprintf(out, "%s%s %s ", cause->owner ? cause->owner : "somebody unknown", others(cause),
                bound ? one ? "has bound" : "have bound"
                : one ? "listens on"
                      : "listen on");
        why_write_address(out, field_text(cause->first, "address"), NULL);
        if (bound)
                fprintf(out, " and %s not listen", one ? "does" : "do");
}

static void write_cause(FILE *out, const struct why *why, struct cause *cause)
{
        const char *state = field_text(cause->first, "state");
        const char *mini = why_is(cause->what, "time-wait")   ? "TIME_WAIT"
                           : why_is(cause->what, "fin-wait2") ? "FIN_WAIT2"
                                                              : NULL;
        CLEANUP(free_text)
        char *owner = why_owner_name(why, field_object(cause->first, "owner"));

        cause->owner = mini ? NULL : owner;
        if (why_is(cause->what, "address"))
                why_write_bad_address(out, cause->first);
        else if (why_is(cause->what, "listener") || why_is(cause->what, "bound"))
                write_socket(out, cause);
        else if (why_is(cause->what, "client"))
                write_client(out, cause);
        else
                write_connections(out, cause, mini ? mini : why_state(state));
        cause->owner = NULL;
}

/* A listener says it all: what else there is are its connections. */
void why_write_causes(FILE *out, const struct why *why)
{
        json_t *blockers = field_array(why->reply, "blockedBy");
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
                write_cause(out, why, &cause);
                if (why_is(cause.what, "listener"))
                        return;
        }
        if (n == 0 && json_array_size(blockers) > 0) {
                const char *what = field_text(json_array_get(blockers, 0), "what");

                fprintf(out, "%s holds it", what ? what : "something");
        }
}
