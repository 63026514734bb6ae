/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The answer in a line: bind() works, fails, or nobody knows. Then what SO_REUSEADDR changes, which
 * in the common case depends on a socket that is long gone; so that line names both outcomes, and
 * the command that settles it.
 *
 * What bind() itself said outweighs what was seen: it is younger and knows the options.
 *
 * Where no address was asked for, the answer is that of 0.0.0.0; a service on ::1 alone leaves that one
 * free, and takes :: from everybody else. Then the line says both.
 *
 * An older kernel does not list sockets that are only bound, so that no bind() works for certain
 * there. Where nothing else is in doubt the line says so in that order: what was seen lets it work,
 * and what may not have been seen does not.
 */

#include "why.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "field.h"
#include "notes.h"

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

/* Of holders that all go by themselves, which is not to say that the port is free then. NULL. */
static const json_t *last_to_go(json_t *blockers)
{
        const json_t *last = NULL;
        uint64_t longest = 0, sec;
        json_t *blocker;
        size_t i;

        json_array_foreach(blockers, i, blocker)
        {
                if (!field_count(blocker, "freeInSec", &sec))
                        return NULL;
                if (!last || sec > longest) {
                        last = blocker;
                        longest = sec;
                }
        }
        return last;
}

static void write_failure(FILE *out, const struct why *why)
{
        json_t *blockers = field_array(why->reply, "blockedBy");
        char buf[UNITS_TEXT_MAX];
        uint64_t sec;

        if (is_explained(why, blockers))
                why_write_causes(out, why);
        else
                write_error(out, why);
        if (field_count(why->reply, "freeInSec", &sec) && sec > 0)
                fprintf(out, ", free in %s", field_show_age(why->reply, "freeInSec", NULL, buf));
        else if (last_to_go(blockers))
                fprintf(out, ", gone in %s",
                        field_show_age(last_to_go(blockers), "freeInSec", NULL, buf));
}

static bool was_tried(const struct why *why)
{
        return field_true(why->reply, "tried");
}

/* The verdict on :: for both families, where it is another one than that on 0.0.0.0. NULL. */
static const json_t *find_failing(const struct why *why)
{
        json_t *binds = field_array(why->reply, "binds"), *bind;
        size_t i;

        if (why->address[0])
                return NULL;
        json_array_foreach(binds, i, bind)
        {
                if (why_is(field_text(bind, "family"), "dual") &&
                    json_is_false(json_object_get(bind, "canBind")) &&
                    json_array_size(field_array(bind, "blockedBy")) > 0)
                        return bind;
        }
        return NULL;
}

static void write_success(FILE *out, const struct why *why)
{
        if (was_tried(why) && why->saw_listener)
                fputs("it did, though twmond saw a listener in the way a moment ago", out);
        else if (find_failing(why))
                fputs("nothing holds it there", out);
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

static bool is_unknown(const json_t *reply, const char *name)
{
        return !json_is_boolean(json_object_get(reply, name));
}

/*
 * Nothing is in the way but, perhaps, a socket that is only bound. Of an address that was asked for
 * it may also be unknown whether the host has it; the wildcards are every host's.
 */
static bool may_be_bound_alone(const struct why *why)
{
        const json_t *blockers = json_object_get(why->reply, "blockedBy");
        const bool wildcard =
                !why->address[0] || why_is(why->address, "0.0.0.0") || why_is(why->address, "::");
        uint64_t bound;

        return why->asked && !why->tries && wildcard && is_unknown(why->reply, "canBind") &&
               json_is_array(blockers) && json_array_size(blockers) == 0 &&
               json_is_false(json_object_get(why->reply, "partial")) &&
               !field_count(why->reply, "bound", &bound);
}

static void write_settles(FILE *out, const struct why *why)
{
        fprintf(out, " (twmonctl why %u%s%s --try settles it)", why->port,
                why->address[0] ? " " : "", why->address);
}

static void write_ignorance(FILE *out, const struct why *why)
{
        uint64_t bound;
        char buf[TRYBIND_TEXT_MAX];

        if (why->tries && !why->tries->items[0].plain.tried)
                fprintf(out, "it could not be tried, %s",
                        trybind_text(&why->tries->items[0].plain, buf));
        else if (json_array_size(field_array(why->reply, "blockedBy")) > 0)
                why_write_causes(out, why);
        else if (field_true(why->reply, "partial"))
                fputs("nothing was seen that holds the port, but some sockets may have been missed",
                      out);
        else if (!field_count(why->reply, "bound", &bound))
                fputs("nothing was seen that holds the port, but this kernel does not show sockets "
                      "that are bound without listening",
                      out);
        else
                fputs(why->address[0] ? "whether bind() takes that address was not seen"
                                      : "twmond did not say",
                      out);
}

static void write_unless(FILE *out, const struct why *why)
{
        fputs("unless a socket is bound to it without listening, which this kernel does not show",
              out);
        if (!why->objected)
                write_settles(out, why);
}

/* "; to :: it fails: python3 (pid 688) listens on ::1" */
static void write_failing(FILE *out, const struct why *why, const json_t *bind)
{
        struct why other = *why;

        other.reply = bind;
        fputs("; to :: it fails: ", out);
        why_write_causes(out, &other);
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
        bool unless = may_be_bound_alone(why);
        const json_t *failing = json_is_true(can) || unless ? find_failing(why) : NULL;
        const char *verdict = failing                       ? "bind() to 0.0.0.0 works"
                              : json_is_true(can) || unless ? "bind() works"
                              : json_is_false(can)          ? "bind() fails"
                                                            : "unknown whether bind() works";
        bool v6 = strchr(why->address, ':') != NULL;
        CLEANUP(free_text) char *head = NULL;
        struct why_text line;

        if (asprintf(&head, "%s%s%s%s%u: %s", v6 ? "[" : "", why->address, v6 ? "]" : "",
                     why->address[0] ? ":" : "", why->port, verdict) < 0)
                return -ENOMEM;
        if (why_text_begin(&line) < 0)
                return -ENOMEM;
        fprintf(line.out, "%s%s ", head, unless ? "," : ":");
        if (json_is_true(can))
                write_success(line.out, why);
        else if (json_is_false(can))
                write_failure(line.out, why);
        else if (unless)
                write_unless(line.out, why);
        else
                write_ignorance(line.out, why);
        if (failing)
                write_failing(line.out, why, failing);
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

                if (!why_is(field_text(blocker, "reuseHelps"), "if-set"))
                        continue;
                one = why_is(what, "bound")      ? "whoever has bound it has"
                      : why_is(what, "client")   ? "that client has"
                      : why_is(what, "listener") ? "that listener has"
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

static bool is_held_by(json_t *blockers, const char *what)
{
        json_t *blocker;
        size_t i;

        json_array_foreach(blockers, i, blocker)
        {
                if (why_is(field_text(blocker, "what"), what))
                        return true;
        }
        return false;
}

static void write_reuse(FILE *out, const struct why *why)
{
        const json_t *can = json_object_get(why->reply, "canBindReuse");
        const struct trybind_result *reuse = why->tries ? &why->tries->items[0].reuse : NULL;
        json_t *blockers = field_array(why->reply, "blockedBy");

        if (json_is_true(can) && was_tried(why) && is_held_by(blockers, "bound"))
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

/* The lines below the first: SO_REUSEADDR where it makes a difference or may, and how to know. */
static int print_reuse(const struct why *why)
{
        const json_t *reply = why->reply;
        bool differs = !json_is_true(json_object_get(reply, "canBind")) ||
                       !json_is_true(json_object_get(reply, "canBindReuse"));
        bool unknown = is_unknown(reply, "canBind") || is_unknown(reply, "canBindReuse");
        struct why_text line;

        if (!differs || may_be_bound_alone(why))
                return 0; /* with it the same holds */
        if (why_text_begin(&line) < 0)
                return -ENOMEM;
        fputs("with SO_REUSEADDR: ", line.out);
        write_reuse(line.out, why);
        if (unknown && !why->tries && !why->objected)
                write_settles(line.out, why);
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
