/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the port is used for: who is in the way, who listens, the connections of each side, and what
 * kind of port it is. Listeners are told once, where they are with their queues; the holders are
 * what else is in the way.
 */

#include "why.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "field.h"
#include "notes.h"

#define SHOWN_MAX 6 /* holders, and listeners */

static const char *plural(uint64_t n)
{
        return n == 1 ? "" : "s";
}

void why_write_bad_address(FILE *out, const json_t *blocker)
{
        const char *address = field_text(blocker, "address");
        const char *reason = field_text(blocker, "reason");

        fputs(address ? address : "that", out);
        if (why_is(reason, "link-local"))
                fputs(" is link-local, and needs a scope", out);
        else if (why_is(reason, "multicast"))
                fputs(" is a multicast address", out);
        else if (why_is(reason, "tentative"))
                fputs(" is tentative: it is being checked for duplicates", out);
        else
                fputs(" is no address of this host", out);
}

void why_write_holder(FILE *out, const json_t *blocker)
{
        const char *what = field_text(blocker, "what"), *address = field_text(blocker, "address");
        const char *state = why_state(field_text(blocker, "state"));
        bool bound = why_is(what, "bound"), listener = why_is(what, "listener");
        uint64_t count = 1;

        (void)field_count(blocker, "count", &count);
        if (why_is(what, "address")) {
                why_write_bad_address(out, blocker);
                return;
        }
        fprintf(out, "%" PRIu64 " %s%s", count,
                bound                    ? "socket"
                : listener               ? "listener"
                : why_is(what, "client") ? "outgoing connection"
                                         : "connection",
                plural(count));
        if (state && !bound && !listener)
                fprintf(out, " in %s", state);
        fputs(bound ? " bound to " : " on ", out);
        why_write_address(out, address, NULL);
        fputs(bound ? ", not listening" : "", out);
}

static void write_help(FILE *out, const struct why *why, const json_t *blocker)
{
        static const char *const if_set[] = {
                [WHY_REUSE_OPEN] = "; SO_REUSEADDR: if set there",
                [WHY_REUSE_PASSES] = "; SO_REUSEADDR passes it (tried)",
                [WHY_REUSE_FAILS] = "; SO_REUSEADDR is not set there (tried)",
                [WHY_REUSE_FAILS_SOMEWHERE] = "; SO_REUSEADDR: not set on all of these (tried)",
        };
        const char *helps = field_text(blocker, "reuseHelps");

        if (why_is(helps, "if-set"))
                fputs(if_set[why_reuse_found(why->reply, why->tries)], out);
        else if (why_is(helps, "no") && !why_is(field_text(blocker, "what"), "address"))
                fputs("; SO_REUSEADDR: no help", out);
}

/* In full of whom nothing below tells; of others the name. */
static void write_holder_owner(FILE *out, const struct why *why, const json_t *blocker)
{
        const json_t *owner = field_object(blocker, "owner");
        CLEANUP(free_text) char *name = NULL;
        uint64_t count = 1;

        if (!owner)
                return;
        (void)field_count(blocker, "count", &count);
        name = why_is(field_text(blocker, "what"), "bound") ? notes_owner_text(owner)
                                                            : why_owner_name(why, owner);
        if (name)
                fprintf(out, "; %s%s", name, notes_owner_others(owner, count));
        else if (field_true(owner, "byListener"))
                fputs("; the program that listened is gone", out);
        else
                fputs("; owner unknown", out);
}

static int print_holder(const struct why *why, const json_t *blocker, const char *label)
{
        struct why_text text;
        char buf[UNITS_TEXT_MAX];
        uint64_t sec;

        if (why_text_begin(&text) < 0)
                return -ENOMEM;
        why_write_holder(text.out, blocker);
        if (field_count(blocker, "freeInSec", &sec))
                fprintf(text.out, ", free in %s", field_show_age(blocker, "freeInSec", NULL, buf));
        write_help(text.out, why, blocker);
        write_holder_owner(text.out, why, blocker);
        return why_text_end(&text, why->term, label);
}

static int print_more(const struct why *why, uint64_t n)
{
        struct why_text text;

        if (n == 0)
                return 0;
        if (why_text_begin(&text) < 0)
                return -ENOMEM;
        fprintf(text.out, "and %" PRIu64 " more", n);
        return why_text_end(&text, why->term, "");
}

static int print_holders(const struct why *why)
{
        json_t *blockers = field_array(why->reply, "blockedBy"), *blocker;
        bool listed = json_array_size(field_array(why->reply, "listeners")) > 0;
        size_t i, n = 0;

        json_array_foreach(blockers, i, blocker)
        {
                if (listed && why_is(field_text(blocker, "what"), "listener"))
                        continue;
                if (n++ < SHOWN_MAX && print_holder(why, blocker, n == 1 ? "held by" : "") < 0)
                        return -ENOMEM;
        }
        return print_more(why, n > SHOWN_MAX ? n - SHOWN_MAX : 0);
}

static int print_listener(const struct why *why, const json_t *listener, const char *label)
{
        CLEANUP(free_text) char *owner = notes_owner_text(field_object(listener, "owner"));
        const char *family = field_text(listener, "family");
        char backlog[UNITS_TEXT_MAX], max[UNITS_TEXT_MAX];
        uint64_t waiting, most;
        struct why_text text;

        if (why_text_begin(&text) < 0)
                return -ENOMEM;
        why_write_address(text.out, field_text(listener, "address"), family);
        fprintf(text.out, ", backlog %s of %s", field_show_count(listener, "backlog", backlog),
                field_show_count(listener, "backlogMax", max));
        if (field_count(listener, "backlog", &waiting) &&
            field_count(listener, "backlogMax", &most) && waiting > most)
                fputs(" (full: it does not accept, new connections are dropped)", text.out);
        fprintf(text.out, ": %s", owner ? owner : "owner unknown");
        return why_text_end(&text, why->term, label);
}

static int print_listeners(const struct why *why)
{
        json_t *listeners = field_array(why->reply, "listeners");
        size_t n = json_array_size(listeners);
        uint64_t total = n;

        if (n == 0)
                term_entry(why->term, "listening", WHY_INDENT, listeners ? "nobody" : "unknown");
        for (size_t i = 0; i < n && i < SHOWN_MAX; i++)
                if (print_listener(why, json_array_get(listeners, i), i == 0 ? "listening" : "") <
                    0)
                        return -ENOMEM;
        (void)field_count(why->reply, "listenersTotal", &total);
        return print_more(why, total > MIN(n, (size_t)SHOWN_MAX) ? total - MIN(n, (size_t)SHOWN_MAX)
                                                                 : 0);
}

/* "(7 unclosed, 2 unread, oldest >= 3h 12min)" */
static void write_close_wait(FILE *out, const json_t *side)
{
        char buf[UNITS_TEXT_MAX], stages[NOTES_STAGES_MAX];
        bool staged = *notes_stages_text(side, stages) != '\0';
        uint64_t n;

        if (field_count(side, "oldestSec", &n))
                fprintf(out, " (%s%soldest %s)", stages, staged ? ", " : "",
                        field_show_age(side, "oldestSec", "oldestAtLeast", buf));
        else if (staged)
                fprintf(out, " (%s)", stages);
}

static void write_time_wait(FILE *out, const json_t *side)
{
        char buf[UNITS_TEXT_MAX];
        uint64_t n;

        if (field_count(side, "timeWaitLastSec", &n))
                fprintf(out, " (gone in %s)", field_show_age(side, "timeWaitLastSec", NULL, buf));
}

static void write_states(FILE *out, const json_t *side)
{
        static const struct {
                const char *name, *shown;
                void (*write_more)(FILE *out, const json_t *side);
        } states[] = {
                { "established", "ESTABLISHED", NULL },
                { "synSent", "SYN_SENT", NULL },
                { "synRecv", "SYN_RECV", NULL },
                { "finWait1", "FIN_WAIT1", NULL },
                { "finWait2", "FIN_WAIT2", NULL },
                { "lastAck", "LAST_ACK", NULL },
                { "closing", "CLOSING", NULL },
                { "closeWait", "CLOSE_WAIT", write_close_wait },
                { "timeWait", "TIME_WAIT", write_time_wait },
        };
        const json_t *counts = field_object(side, "states");
        const char *between = ": ";
        uint64_t n;

        for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
                if (!field_count(counts, states[i].name, &n) || n == 0)
                        continue;
                fprintf(out, "%s%" PRIu64 " %s", between, n, states[i].shown);
                if (states[i].write_more)
                        states[i].write_more(out, side);
                between = ", ";
        }
        if (field_count(side, "orphans", &n) && n > 0)
                fprintf(out, "; %" PRIu64 " orphan%s", n, plural(n));
}

/* "; 10 silent for 2h or longer" */
static void write_silent(FILE *out, const json_t *side, uint64_t n)
{
        char buf[UNITS_TEXT_MAX];
        uint64_t sec;

        fprintf(out, "; %" PRIu64 " silent", n);
        if (field_count(side, "silentAfterSec", &sec))
                fprintf(out, " for %s or longer",
                        field_show_age(side, "silentAfterSec", NULL, buf));
}

/* "0 of 214 connections use keepalive; the default would notice a dead peer after 2h 11min" */
static void write_keepalive(FILE *out, const json_t *side)
{
        const json_t *half = field_object(side, "halfOpen");
        uint64_t established, keepalive, n;
        char buf[UNITS_TEXT_MAX];

        if (!field_count(half, "established", &established) || established == 0 ||
            !field_count(half, "keepalive", &keepalive))
                return;
        if (established == 1)
                fprintf(out, "the connection %s keepalive",
                        keepalive > 0 ? "uses" : "does not use");
        else
                fprintf(out, "%" PRIu64 " of %" PRIu64 " connections use keepalive", keepalive,
                        established);
        if (field_count(half, "busy", &n) && n > 0)
                fprintf(out, " (of %" PRIu64 " it cannot be told: they are sending)", n);
        if (field_count(half, "keepaliveNoticesSec", &n))
                fprintf(out, "; the default would notice a dead peer after %s",
                        field_show_age(half, "keepaliveNoticesSec", NULL, buf));
        if (field_count(half, "silent", &n) && n > 0)
                write_silent(out, side, n);
        if (field_count(half, "unanswered", &n) && n > 0)
                fprintf(out, "; %" PRIu64 " get no answer", n);
        if (field_count(half, "oldestSilentSec", &n))
                fprintf(out, "; silent for up to %s",
                        field_show_age(half, "oldestSilentSec", NULL, buf));
}

/* What is true of each side, in words that need no explanation. */
static const char *meaning(const char *side)
{
        return why_is(side, "remote")   ? " to this port of others"
               : why_is(side, "client") ? " of this host's clients, as their own port"
                                        : "";
}

static int print_keepalive(const struct why *why, const json_t *side)
{
        struct why_text text;

        if (why_text_begin(&text) < 0)
                return -ENOMEM;
        write_keepalive(text.out, side);
        return why_text_end(&text, why->term, "");
}

/* Told already, with the listeners. */
static bool is_listeners(const struct why *why, const json_t *owner)
{
        json_t *listeners = field_array(why->reply, "listeners"), *listener;
        size_t i;

        json_array_foreach(listeners, i, listener)
        {
                const json_t *told = field_object(listener, "owner");

                if (i < SHOWN_MAX && told && json_equal((json_t *)told, (json_t *)owner))
                        return true;
        }
        return false;
}

static int print_owner(const struct why *why, const json_t *owner, uint64_t count)
{
        CLEANUP(free_text) char *who = why_owner_text(why, owner);
        struct why_text text;

        if (why_text_begin(&text) < 0)
                return -ENOMEM;
        fprintf(text.out, "%s%s", who ? who : "owner unknown", notes_owner_others(owner, count));
        return why_text_end(&text, why->term, "");
}

static int print_side(const struct why *why, const json_t *side)
{
        const char *name = field_text(side, "side");
        const json_t *owner = field_object(side, "owner");
        char total[UNITS_TEXT_MAX];
        struct why_text text;
        uint64_t n = 1;

        if (field_count(side, "total", &n) && n == 0)
                return 0;
        if (why_text_begin(&text) < 0)
                return -ENOMEM;
        field_show_count(side, "total", total);
        fprintf(text.out, "%s connection%s%s", total, why_is(total, "1") ? "" : "s", meaning(name));
        write_states(text.out, side);
        if (why_text_end(&text, why->term, name ? name : FIELD_UNKNOWN) < 0)
                return -ENOMEM;
        if (owner && !is_listeners(why, owner) && print_owner(why, owner, n) < 0)
                return -ENOMEM;
        return print_keepalive(why, side);
}

static int print_sides(const struct why *why)
{
        json_t *sides = field_array(why->reply, "connections"), *side;
        size_t i;

        json_array_foreach(sides, i, side)
        {
                if (print_side(why, side) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static void write_kind(FILE *out, const json_t *reply)
{
        const json_t *ephemeral = json_object_get(reply, "ephemeral");
        const json_t *reserved = json_object_get(reply, "reserved");

        if (json_is_false(ephemeral))
                fputs("not ephemeral", out);
        else if (!json_is_true(ephemeral))
                fputs("ephemeral or not is unknown", out);
        else if (json_is_true(reserved))
                fputs("ephemeral, but reserved: no client is given it", out);
        else if (json_is_false(reserved))
                fputs("ephemeral and not reserved: any client may be given it", out);
        else
                fputs("ephemeral, reserved or not is unknown", out);
        if (json_is_false(ephemeral) && json_is_true(reserved))
                fputs(", reserved", out);
        if (field_true(reply, "privileged"))
                fputs(", privileged: bind() needs CAP_NET_BIND_SERVICE", out);
}

static void write_bound(FILE *out, const json_t *reply)
{
        uint64_t n;

        if (!field_count(reply, "bound", &n))
                fputs("; sockets bound without listening: unknown (not listed by this kernel)",
                      out);
        else if (n == 0)
                fputs("; no socket is bound without listening", out);
        else
                fprintf(out, "; %" PRIu64 " socket%s bound without listening", n,
                        n == 1 ? " is" : "s are");
}

int why_print_port(const struct why *why)
{
        struct why_text text;
        int r;

        if (!why->asked) {
                term_entry(why->term, "the rest", WHY_INDENT,
                           "unknown: who holds the port, and what it is used for, is known to "
                           "twmond alone, which was not reached");
                return 0;
        }
        r = print_holders(why);
        if (r == 0)
                r = print_listeners(why);
        if (r == 0)
                r = print_sides(why);
        if (r < 0)
                return r;
        if (why_text_begin(&text) < 0)
                return -ENOMEM;
        write_kind(text.out, why->reply);
        write_bound(text.out, why->reply);
        return why_text_end(&text, why->term, "port");
}
