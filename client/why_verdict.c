/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The answer in a line: bind() works, fails, or nobody knows. Then what SO_REUSEADDR changes, which
 * in the common case depends on a socket that is long gone; so that line names both outcomes, and
 * the command that settles it.
 *
 * What bind() itself said outweighs what was seen: it is younger and knows the options.
 */

#include "why.h"

#include <errno.h>
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

static bool is(const char *text, const char *wanted)
{
        return text && strcmp(text, wanted) == 0;
}

static bool is_same_state(const json_t *a, const json_t *b)
{
        const char *state = field_text(b, "state");

        return state && is(field_text(a, "state"), state);
}

static struct cause sum_up(json_t *blockers, const char *what)
{
        struct cause cause = { .what = what, .one_state = true };
        json_t *blocker;
        uint64_t count;
        size_t i;

        json_array_foreach(blockers, i, blocker)
        {
                if (!is(field_text(blocker, "what"), what))
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
        bool bound = is(cause->what, "bound"), one = !*others(cause);

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
        const char *address = field_text(cause->first, "address");
        const char *state = field_text(cause->first, "state");
        const char *mini = is(cause->what, "time-wait")   ? "TIME_WAIT"
                           : is(cause->what, "fin-wait2") ? "FIN_WAIT2"
                                                          : NULL;
        CLEANUP(free_text)
        char *owner = why_owner_name(why, field_object(cause->first, "owner"));

        cause->owner = mini ? NULL : owner;
        if (is(cause->what, "address"))
                fprintf(out, "%s is no address of this host", address ? address : "that");
        else if (is(cause->what, "listener") || is(cause->what, "bound"))
                write_socket(out, cause);
        else if (is(cause->what, "client"))
                write_client(out, cause);
        else
                write_connections(out, cause, mini ? mini : why_state(state));
        cause->owner = NULL;
}

/* A listener says it all: what else there is are its connections. */
static void write_causes(FILE *out, const struct why *why)
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
                if (is(cause.what, "listener"))
                        return;
        }
        if (n == 0 && json_array_size(blockers) > 0) {
                const char *what = field_text(json_array_get(blockers, 0), "what");

                fprintf(out, "%s holds it", what ? what : "something");
        }
}

static void write_error(FILE *out, const struct why *why)
{
        const struct trybind_result *plain = why->tries ? &why->tries->items[0].plain : NULL;
        char buf[TRYBIND_TEXT_MAX];

        if (!plain || !plain->tried || plain->error == 0) {
                fputs("what holds the port was not seen", out);
                return;
        }
        fputs(trybind_text(plain, buf), out);
        if (plain->error == -EACCES)
                fputs(", this user may not take such a port (CAP_NET_BIND_SERVICE)", out);
        else if (plain->error == -EADDRINUSE && why->asked)
                fputs(", but what holds the port was not seen", out);
}

/* EADDRINUSE is what the holders explain; other errors explain themselves. */
static bool is_explained(const struct why *why, json_t *blockers)
{
        int error = why->tries ? why->tries->items[0].plain.error : 0;

        return json_array_size(blockers) > 0 && (error == 0 || error == -EADDRINUSE);
}

static void write_failure(FILE *out, const struct why *why)
{
        json_t *blockers = field_array(why->reply, "blockedBy");
        char buf[UNITS_TEXT_MAX];
        uint64_t sec;

        if (is_explained(why, blockers))
                write_causes(out, why);
        else
                write_error(out, why);
        if (field_count(why->reply, "freeInSec", &sec) && sec > 0)
                fprintf(out, ", free in %s", field_show_age(why->reply, "freeInSec", NULL, buf));
}

static bool was_tried(const struct why *why)
{
        return field_true(why->reply, "tried");
}

static void write_success(FILE *out, const struct why *why)
{
        if (was_tried(why) && why->saw_listener)
                fputs("it did, though twmond saw a listener in the way a moment ago", out);
        else if (was_tried(why) && json_array_size(field_array(why->reply, "listeners")) > 0)
                fprintf(out, "whoever listens is not in the way of %s",
                        why->address[0] ? why->address : "0.0.0.0");
        else if (was_tried(why))
                fputs("nothing was in the way", out);
        else if (field_true(why->reply, "privileged"))
                fputs("nothing holds the port; whoever binds it needs CAP_NET_BIND_SERVICE", out);
        else
                fputs("nothing holds the port", out);
}

static void write_ignorance(FILE *out, const struct why *why)
{
        uint64_t bound;
        char buf[TRYBIND_TEXT_MAX];

        if (why->tries && !why->tries->items[0].plain.tried)
                fprintf(out, "it could not be tried, %s",
                        trybind_text(&why->tries->items[0].plain, buf));
        else if (json_array_size(field_array(why->reply, "blockedBy")) > 0)
                write_causes(out, why);
        else if (field_true(why->reply, "partial"))
                fputs("nothing was seen that holds the port, but some sockets may have been missed",
                      out);
        else if (!field_count(why->reply, "bound", &bound))
                fputs("nothing was seen that holds the port, but this kernel does not list sockets "
                      "that are only bound",
                      out);
        else
                fputs("twmond did not say", out);
}

static void say_first(const struct why *why, enum paint paint, const char *head, char *text)
{
        const struct term *term = why->term;
        char *printable = text_printable(text, term->utf8);
        size_t len;

        if (!printable)
                return;
        text_wrap(printable, term->width);
        len = strlen(head);
        fprintf(term->out, "%s%.*s%s%s\n", term_paint(term, paint), (int)len, printable,
                term_unpaint(term, paint), printable + len);
        free(printable);
}

/* "7865: bind() fails: 1 connection in TIME_WAIT holds it, free in 58s" */
static int print_first(const struct why *why)
{
        const json_t *can = json_object_get(why->reply, "canBind");
        enum paint paint = json_is_true(can)    ? PAINT_GOOD
                           : json_is_false(can) ? PAINT_CRITICAL
                                                : PAINT_WARNING;
        const char *verdict = json_is_true(can)    ? "bind() works"
                              : json_is_false(can) ? "bind() fails"
                                                   : "unknown whether bind() works";
        bool v6 = strchr(why->address, ':') != NULL;
        CLEANUP(free_text) char *head = NULL;
        struct why_text line;

        if (asprintf(&head, "%s%s%s%s%u: %s", v6 ? "[" : "", why->address, v6 ? "]" : "",
                     why->address[0] ? ":" : "", why->port, verdict) < 0)
                return -ENOMEM;
        if (why_text_begin(&line) < 0)
                return -ENOMEM;
        fprintf(line.out, "%s: ", head);
        if (json_is_true(can))
                write_success(line.out, why);
        else if (json_is_false(can))
                write_failure(line.out, why);
        else
                write_ignorance(line.out, why);
        if (fclose(line.out) == 0)
                say_first(why, paint, head, line.text);
        free(line.text);
        return 0;
}

/* Whose option decides, of the holders that SO_REUSEADDR passes only if they have it, too. */
static const char *decider(const json_t *reply)
{
        json_t *blockers = field_array(reply, "blockedBy"), *blocker;
        const char *who = NULL;
        size_t i;

        json_array_foreach(blockers, i, blocker)
        {
                const char *what = field_text(blocker, "what"), *one;

                if (!is(field_text(blocker, "reuseHelps"), "if-set"))
                        continue;
                one = is(what, "bound")      ? "whoever has bound it has"
                      : is(what, "client")   ? "that client has"
                      : is(what, "listener") ? "that listener has"
                                             : "the old listener had";
                if (who && strcmp(who, one) != 0)
                        return "all that hold it have";
                who = one;
        }
        return who;
}

static void write_reuse_unknown(FILE *out, const struct why *why)
{
        const char *who = decider(why->reply);
        char buf[UNITS_TEXT_MAX];
        uint64_t sec;

        if (!who) {
                fputs("unknown", out);
                return;
        }
        fprintf(out, "works if %s it set, too; else ", who);
        if (field_count(why->reply, "freeInSec", &sec) && sec > 0)
                fprintf(out, "free in %s", field_show_age(why->reply, "freeInSec", NULL, buf));
        else
                fputs("only when what holds it is gone", out);
}

static void write_reuse(FILE *out, const struct why *why)
{
        const json_t *can = json_object_get(why->reply, "canBindReuse");
        const struct trybind_result *reuse = why->tries ? &why->tries->items[0].reuse : NULL;
        json_t *blockers = field_array(why->reply, "blockedBy");

        if (json_is_true(can) && was_tried(why) && sum_up(blockers, "bound").first)
                fputs("works, unless whoever has bound it listens first", out);
        else if (json_is_true(can))
                fputs("works", out);
        else if (!json_is_false(can))
                write_reuse_unknown(out, why);
        else if (reuse && reuse->tried && reuse->error == 0)
                fputs("bind() works, but listen() would fail beside the one that listens", out);
        else
                fputs("fails, too", out);
}

static bool is_unknown(const json_t *reply, const char *name)
{
        return !json_is_boolean(json_object_get(reply, name));
}

/* The lines below the first: SO_REUSEADDR where it makes a difference or may, and how to know. */
static int print_reuse(const struct why *why)
{
        const json_t *reply = why->reply;
        bool differs = !json_is_true(json_object_get(reply, "canBind")) ||
                       !json_is_true(json_object_get(reply, "canBindReuse"));
        bool unknown = is_unknown(reply, "canBind") || is_unknown(reply, "canBindReuse");
        struct why_text line;

        if (!differs)
                return 0;
        if (why_text_begin(&line) < 0)
                return -ENOMEM;
        fputs("with SO_REUSEADDR: ", line.out);
        write_reuse(line.out, why);
        if (unknown && !why->tries && !why->objected)
                fprintf(line.out, " (twmonctl why %u%s%s --try settles it)", why->port,
                        why->address[0] ? " " : "", why->address);
        return why_text_end(&line, why->term, NULL);
}

/* That something was done, and what came of it. */
static int print_tried(const struct why *why)
{
        char plain[TRYBIND_TEXT_MAX], reuse[TRYBIND_TEXT_MAX];
        struct why_text line;

        if (!was_tried(why))
                return 0;
        if (why_text_begin(&line) < 0)
                return -ENOMEM;
        trybind_text(&why->tries->items[0].plain, plain);
        trybind_text(&why->tries->items[0].reuse, reuse);
        fprintf(line.out,
                "Tried: bind() without listen(), each socket closed at once: %s; with "
                "SO_REUSEADDR %s.",
                plain, strcmp(plain, reuse) == 0 ? "the same" : reuse);
        return why_text_end(&line, why->term, NULL);
}

int why_print_verdict(const struct why *why)
{
        int r = print_first(why);

        if (r == 0)
                r = print_reuse(why);
        if (r == 0)
                r = print_tried(why);
        if (field_true(why->reply, "partial"))
                term_say(why->term, PAINT_WARNING,
                         "The look was not complete: sockets may be missing from what follows.");
        return r;
}
