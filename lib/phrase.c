/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A sentence is put together from four parts, so that a reader who knows one knows them all:
 *
 *   WHERE: [WHAT CHANGED] [WHAT IS SEEN THERE] [(WHO)]
 *
 * What is unknown is left out rather than named as unknown: the fields beside the sentence in the
 * journal say that. Names of units and programs come from others, so bytes that could move a
 * terminal's cursor or break the line are replaced.
 */

#include "phrase.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base.h"
#include "line.h"
#include "units.h"

/* Text of others: a control character becomes '?'. */
static void add_foreign(struct line *line, const char *text)
{
        size_t start = line->len;

        line_add(line, "%s", text);
        for (size_t i = start; i < line->len; i++)
                if ((unsigned char)line->buf[i] < 0x20 || line->buf[i] == 0x7f)
                        line->buf[i] = '?';
}

static void add_connections(struct line *line, uint64_t count)
{
        line_add(line, "%" PRIu64 " connection%s", count, count == 1 ? "" : "s");
}

static void add_oldest(struct line *line, const struct alert_values *values)
{
        char age[UNITS_TEXT_MAX];

        if (values->oldest_usec > 0)
                line_add(line, ", the oldest %s%s", values->oldest_at_least ? ">= " : "",
                         units_format_age(values->oldest_usec, age));
}

static void add_stuck(struct line *line, const struct alert *alert)
{
        char after[UNITS_TEXT_MAX];

        if (alert->values.stuck_at_least)
                line_add(line, "at least ");
        add_connections(line, alert->values.count);
        line_add(line, " stuck in CLOSE_WAIT for %s or longer",
                 units_format_duration(alert->stuck_after_usec, after));
        if (alert->values.stuck > alert->values.count)
                line_add(line, " (and %" PRIu64 " for no longer than is usual)",
                         alert->values.stuck - alert->values.count);
        add_oldest(line, &alert->values);
}

void phrase_add_rate(struct line *line, double rate_per_min, double error_per_min)
{
        const bool slow = rate_per_min < 1;
        const double rate = rate_per_min * (slow ? 60 : 1);
        const double error = error_per_min * (slow ? 60 : 1);
        const int digits = rate < 10 ? 1 : 0;

        line_add(line, "leaks about %.*f connections %s (+-%.*f), ", digits, rate,
                 slow ? "an hour" : "a minute", digits, error);
}

static void add_time_left(struct line *line, const struct alert *alert)
{
        char text[UNITS_TEXT_MAX];
        uint64_t eta_usec;

        if (leak_eta(&alert->values.leak, &alert->owner, &eta_usec) != 0)
                return;
        if (eta_usec == 0)
                line_add(line, ", no descriptor is left");
        else
                line_add(line, ", descriptors run out in %s", units_format_age(eta_usec, text));
}

/* over: it has cleared, and neither a rate nor an end of descriptors is of interest any more. */
static void add_leak(struct line *line, const struct alert *alert, bool over)
{
        const struct port_leak *leak = &alert->values.leak;
        const uint64_t patience_usec = leak->known ? leak->patience_usec : alert->stuck_after_usec;
        char text[UNITS_TEXT_MAX];

        if (leak->arrived > 0 && !over)
                phrase_add_rate(line, leak->rate_per_min, leak->error_per_min);
        line_add(line, "%" PRIu32 " ha%s outlived %s in CLOSE_WAIT", leak->outlived,
                 leak->outlived == 1 ? "s" : "ve", units_format_age(patience_usec, text));
        if (leak->outlived > 0)
                add_oldest(line, &alert->values);
        if (!over)
                add_time_left(line, alert);
}

static void add_count(struct line *line, const struct alert *alert, const char *state)
{
        int64_t level = alert->severity == SEVERITY_CRITICAL ? alert->critical : alert->warning;

        add_connections(line, alert->values.count);
        line_add(line, " in %s", state);
        if (level != RULE_LEVEL_OFF)
                line_add(line, ", the level is %" PRId64, level);
}

static void add_blind(struct line *line, const struct alert *alert, bool over)
{
        if (over) {
                line_add(line, "twmond sees the TCP sockets again");
                return;
        }
        line_add(line, "twmond cannot see the TCP sockets");
        if (alert->reason[0]) {
                line_add(line, ": ");
                add_foreign(line, alert->reason);
        }
}

/* What is seen there. */
static void add_condition(struct line *line, const struct alert *alert, bool over)
{
        switch (alert->key.kind) {
        case ALERT_CLOSE_WAIT_STUCK:
                add_stuck(line, alert);
                break;
        case ALERT_CLOSE_WAIT_LEAK:
                add_leak(line, alert, over);
                break;
        case ALERT_CLOSE_WAIT_COUNT:
                add_count(line, alert, "CLOSE_WAIT");
                add_oldest(line, &alert->values);
                break;
        case ALERT_TIME_WAIT_COUNT:
                add_count(line, alert, "TIME_WAIT");
                break;
        case ALERT_HALF_OPEN:
                phrase_add_half_open(line, alert, over);
                break;
        case ALERT_PORT_EXHAUSTION:
                phrase_add_exhaustion(line, alert, over);
                break;
        case ALERT_TIME_WAIT_TABLE:
                phrase_add_table(line, alert, over);
                break;
        case ALERT_BLIND:
                add_blind(line, alert, over);
                break;
        case ALERT_KIND_COUNT:
                break;
        }
}

static void add_descriptors(struct line *line, const struct owner_process *process)
{
        const bool limited = process->fd_limit >= 0 && process->fd_limit != OWNER_UNLIMITED;

        if (process->fds < 0)
                return;
        line_add(line, ", %" PRId64, process->fds);
        if (limited)
                line_add(line, " of %" PRId64, process->fd_limit);
        line_add(line, " descriptor%s", process->fds == 1 && !limited ? "" : "s");
}

/* The process nearest to its limit, and how many more there are; "or": any of them may be it. */
static void add_processes(struct line *line, const struct owner *owner)
{
        const struct owner_process *first = &owner->processes[0];
        const uint32_t more = owner->total - 1;

        line_add(line, "PID %" PRId64, first->pid);
        if (first->comm[0]) {
                line_add(line, " ");
                add_foreign(line, first->comm);
        }
        add_descriptors(line, first);
        if (more > 0)
                line_add(line, "%s %s%" PRIu32 " more process%s", first->fds >= 0 ? "," : "",
                         owner->holders ? "and "
                         : more == 1    ? "or "
                                        : "or one of ",
                         more, more == 1 ? "" : "es");
}

static void add_owner(struct line *line, const struct owner *owner)
{
        if (!owner->unit[0] && owner->n_processes == 0)
                return;
        line_add(line, " (");
        add_foreign(line, owner->unit);
        if (owner->n_processes > 0) {
                line_add(line, "%s", owner->unit[0] ? ", " : "");
                add_processes(line, owner);
        }
        line_add(line, ")");
}

static uint64_t raised_for_usec(const struct event *event)
{
        uint64_t since = event->alert.since_usec;

        return event->now_usec > since ? event->now_usec - since : 0;
}

/* By its kind: another alert of the same port may still stand. */
static void add_cleared(struct line *line, const struct event *event)
{
        char age[UNITS_TEXT_MAX];

        units_format_age(raised_for_usec(event), age);
        if (!event->reason[0] && event->alert.key.kind == ALERT_BLIND) {
                line_add(line, "twmond sees the TCP sockets again, after %s", age);
                return;
        }
        line_add(line, "%s alert cleared after %s", alert_kind_name(event->alert.key.kind), age);
        if (event->reason[0]) {
                line_add(line, ": ");
                add_foreign(line, event->reason);
        } else {
                line_add(line, ", now ");
                add_condition(line, &event->alert, true);
        }
}

static void add_transition(struct line *line, const struct event *event)
{
        char age[UNITS_TEXT_MAX];

        switch (event->transition) {
        case TRANSITION_RAISED:
                if (event->alert.severity == SEVERITY_CRITICAL)
                        line_add(line, "critical, ");
                add_condition(line, &event->alert, false);
                break;
        case TRANSITION_ESCALATED:
                line_add(line, "now critical, ");
                add_condition(line, &event->alert, false);
                break;
        case TRANSITION_DEESCALATED:
                line_add(line, "back to warning, ");
                add_condition(line, &event->alert, false);
                break;
        case TRANSITION_REMINDED:
                line_add(line, "still, after %s, ", units_format_age(raised_for_usec(event), age));
                add_condition(line, &event->alert, false);
                break;
        case TRANSITION_CLEARED:
                add_cleared(line, event);
                break;
        case TRANSITION_COUNT:
                break;
        }
}

const char *phrase_event(const struct event *event, char buf[static PHRASE_MAX])
{
        struct line line = line_init(buf, PHRASE_MAX);
        char port[UNITS_TEXT_MAX];

        line_add(&line, "%s: ", phrase_port(&event->alert.key.port, port));
        add_transition(&line, event);
        add_owner(&line, &event->alert.owner);
        return buf;
}

const char *phrase_condition(const struct alert *alert, char buf[static PHRASE_MAX])
{
        struct line line = line_init(buf, PHRASE_MAX);

        add_condition(&line, alert, alert_is_clearing(alert));
        add_owner(&line, &alert->owner);
        return buf;
}

static const char *const advice[ALERT_KIND_COUNT] = {
        [ALERT_CLOSE_WAIT_STUCK] =
                "The peers have closed and the program on this host has not. When a peer closes, "
                "recv() returns 0; until the program acts on that and calls close(), or exits, the "
                "connection stays for ever, and its descriptor with it. That is a bug of the "
                "program or a stuck worker in it; SO_KEEPALIVE, sysctls and ending the peer do not "
                "cure it. Restart the program to free the connections, and report the leak.",
        [ALERT_CLOSE_WAIT_LEAK] =
                "Connections that outlive what is usual on this port keep adding up: the program "
                "forgets to close some of those that its peers have closed, and each costs it a "
                "descriptor until it exits. It works until the descriptors run out; then it can "
                "neither accept nor open connections or files. Restart it before that, raise its "
                "LimitNOFILE to gain time, and mend the code path in which close() is missing.",
        [ALERT_CLOSE_WAIT_COUNT] =
                "Many peers have closed and the program on this host has not closed its side yet: "
                "it is slow, busy or has stopped reading. If the number falls by itself it was a "
                "burst; if the oldest connection keeps ageing the program leaks them, and only its "
                "close() or its end frees them.",
        [ALERT_TIME_WAIT_COUNT] =
                "TIME_WAIT lasts 60 s on the side that closed first, and tcp_fin_timeout does not "
                "change that; it holds a port, not a descriptor, and is no leak. Many of them mean "
                "many short connections: keep connections open and reuse them (a pool, HTTP "
                "keep-alive), or let the other side close first.",
        [ALERT_HALF_OPEN] =
                "If the peers are gone (a pulled cable, a dead machine, a firewall that forgets), "
                "these connections stay for ever, and a descriptor with each: TCP asks a silent "
                "peer nothing. A living peer that has nothing to say looks the same. Let the "
                "program set SO_KEEPALIVE, with TCP_KEEPIDLE, TCP_KEEPINTVL and TCP_KEEPCNT, or "
                "time out by itself; the sysctls net.ipv4.tcp_keepalive_time, _intvl and _probes "
                "act on sockets with SO_KEEPALIVE alone. Sends without an answer end by "
                "net.ipv4.tcp_retries2, after some 15 min; TCP_USER_TIMEOUT makes that shorter.",
        [ALERT_PORT_EXHAUSTION] =
                "Each connection to that address and port needs a local port of its own, while it is "
                "open and for 60 s after it was closed here (TIME_WAIT). When none is left connect() "
                "fails with EADDRNOTAVAIL (\"Cannot assign requested address\"). If most are open "
                "(twmonctl why PORT), the program hoards them: let it close what it does not use, and "
                "bound its pool. If most are in TIME_WAIT, let it reuse connections (a pool, HTTP "
                "keep-alive), or the server close first; net.ipv4.tcp_tw_reuse=1 with timestamps on "
                "gains room, tcp_fin_timeout does not. In both cases so do more source or destination "
                "addresses, or a wider net.ipv4.ip_local_port_range.",
        [ALERT_TIME_WAIT_TABLE] =
                "When the table of TIME_WAIT and FIN_WAIT2 is full, the kernel ends connections "
                "without TIME_WAIT. Mostly that is harmless, but late packets of an old connection "
                "may then reach a new one, and a peer that still has something to send or to close "
                "gets a reset. Raise net.ipv4.tcp_max_tw_buckets: an entry takes about 256 bytes "
                "and no descriptor. Then find who closes so many connections (twmonctl ports), and "
                "have it keep them open and reuse them.",
        [ALERT_BLIND] =
                "twmond cannot read the kernel's TCP sockets, so what it says is not current. "
                "ENOENT means that the kernel has no tcp_diag: modprobe tcp_diag, or build it with "
                "CONFIG_INET_TCP_DIAG. EPERM or EAFNOSUPPORT mean that a sandbox forbids "
                "AF_NETLINK. Scans that stay partial mean more sockets than can be read in time.",
};

const char *phrase_advice(enum alert_kind kind)
{
        assert(kind < ALERT_KIND_COUNT);
        return advice[kind];
}

static const char fin_wait2_advice[] =
        "Most of the table is FIN_WAIT2: connections that a program of this host has closed and "
        "whose peers have not. Each waits for net.ipv4.tcp_fin_timeout (60 s) at most, and here "
        "lowering that does help. Find the peers (ss -tan state fin-wait-2), and have them close: "
        "with them it is CLOSE_WAIT. Where the table is full the kernel ends such connections at "
        "once, and the peer gets a reset. net.ipv4.tcp_max_tw_buckets gains room: an entry takes "
        "about 256 bytes and no descriptor.";

const char *phrase_alert_advice(const struct alert *alert)
{
        return phrase_is_fin_wait2(alert) ? fin_wait2_advice : phrase_advice(alert->key.kind);
}

static const char *const stage_advice[STAGE_COUNT] = {
        [STAGE_UNACCEPTED] =
                "The program has never accepted these connections: its accept loop hangs, or is "
                "slower than its clients. Look at the thread that calls accept(), and at the "
                "listener's backlog (ss -lt).",
        [STAGE_UNREAD] =
                "Data waits before the end-of-file: the program has stopped reading these "
                "connections. Look for a worker that is blocked or gone (a stack trace of each "
                "thread shows it).",
        [STAGE_EOF_UNREAD] =
                "Everything was read but the end-of-file: the program does not poll these "
                "connections any more. Look for a stuck worker, or a pool that keeps idle "
                "connections without watching them.",
        [STAGE_UNCLOSED] =
                "The program has read the end-of-file, recv() returning 0, and does not call "
                "close(): a descriptor leak. Look at what the code does after a read of 0 bytes, "
                "in its error paths above all.",
};

const char *phrase_stage_advice(enum close_wait_stage stage)
{
        assert(stage < STAGE_COUNT);
        return stage_advice[stage];
}

const char *phrase_port(const struct port_key *port, char *buf)
{
        if (port->port == 0)
                snprintf(buf, UNITS_TEXT_MAX, "this host");
        else
                snprintf(buf, UNITS_TEXT_MAX, "%s port %u", port_side_name(port->side), port->port);
        return buf;
}
