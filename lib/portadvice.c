/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One function for each thing that may have to be said: its sentence, or NULL where it does not fit
 * the case. They stand in the order of urgency: what hurts now, what is in the way of bind() and
 * what to do about it, which cures are none, what to mend for the next time.
 */

#include <string.h>

#include "base.h"
#include "phrase.h"
#include "portlook.h"

const char portlook_set_reuseaddr[] =
        "Set SO_REUSEADDR on the server's socket before bind(). It helps only if the sockets in the "
        "way have it as well; connections have it from the listener that accepted them, so the "
        "program that ran before must have set it, too. The kernel does not tell whether it did.";

const char portlook_maybe_dual[] =
        "What is left on the port are connections over IPv6. They are in the way of 0.0.0.0 only if "
        "their socket, or the listener it comes from, does without IPV6_V6ONLY, which the kernel does "
        "not tell.";

/* How to add a port to a list that writing replaces. */
#define RESERVE                                                                                    \
        "What is written there replaces the list, so begin with the present one: `sysctl -n "      \
        "net.ipv4.ip_local_reserved_ports` shows it, then `sysctl -w "                             \
        "net.ipv4.ip_local_reserved_ports=LIST,PORT`, and in /etc/sysctl.d/ for the next boot."

typedef const char *(*advice_fn)(const struct portlook *look, const struct bind_verdict *verdict);

static const struct bind_claim *blocker(const struct portlook *look,
                                        const struct bind_verdict *verdict, size_t i)
{
        return &look->claims.items[verdict->blockers[i].claim];
}

static bool is_blocked_by(const struct portlook *look, const struct bind_verdict *verdict,
                          enum claim_kind kind)
{
        for (size_t i = 0; i < verdict->n_blockers; i++)
                if (blocker(look, verdict, i)->kind == kind)
                        return true;
        return false;
}

/* By sockets in that state, of a service or of a client. */
static bool is_blocked_in(const struct portlook *look, const struct bind_verdict *verdict,
                          enum sock_state state)
{
        for (size_t i = 0; i < verdict->n_blockers; i++)
                if (blocker(look, verdict, i)->state == state)
                        return true;
        return false;
}

static const char *full_backlog(const struct portlook *look, const struct bind_verdict *verdict)
{
        (void)verdict;
        for (size_t i = 0; i < look->n_listeners; i++)
                if (look->listeners[i].backlog > look->listeners[i].backlog_max)
                        return "The queue of a listener is full: the kernel drops new connections "
                               "until the program calls accept(). Look at the thread that "
                               "should; a greater backlog (listen(), net.core.somaxconn) helps "
                               "against bursts alone.";
        return NULL;
}

/* Whoever has the port has it on addresses of its own, none on all of them. */
static bool is_elsewhere_free(const struct portlook *look)
{
        static const struct sock_addr any;

        for (size_t i = 0; i < look->claims.n; i++)
                if (memcmp(&look->claims.items[i].address, &any, sizeof(any)) == 0)
                        return false;
        return look->whole && look->claims.overflow == 0 && look->claims.bound_known;
}

static const char *listener(const struct portlook *look, const struct bind_verdict *verdict)
{
        if (!is_blocked_by(look, verdict, CLAIM_LISTENER))
                return NULL;
        if (is_elsewhere_free(look))
                return "A program listens on the port, and SO_REUSEADDR does not help against a "
                       "listener. It does so on an address of its own: another address of this "
                       "host, on which nothing is, would work, a wildcard would not. Or stop that "
                       "program, or take another port.";
        return "A program listens on the port, and SO_REUSEADDR does not help against a listener. "
               "Stop that program, or take another port or address. Two can share a port only if "
               "both set SO_REUSEPORT before bind() and run as the same user.";
}

static const char *only_bound(const struct portlook *look, const struct bind_verdict *verdict)
{
        if (!is_blocked_by(look, verdict, CLAIM_BOUND))
                return NULL;
        return "A socket is bound to the port and does not listen: it is about to, or its program "
               "has forgotten it. It holds the port until it is closed.";
}

static const char *squatter(const struct portlook *look, const struct bind_verdict *verdict)
{
        if (!is_blocked_by(look, verdict, CLAIM_CLIENT))
                return NULL;
        if (!kernlimits_is_ephemeral(&look->limits, look->port) ||
            (look->reserved_known && look->reserved))
                return "A client of this host has the port for its own end of a connection. The "
                       "kernel would not give it that port now, so it asked for it with bind(), "
                       "or got it before the range or the reserved ports were changed. The port "
                       "is free when that connection is gone.";
        return "A client of this host has the port for its own end of a connection: the kernel "
               "gives clients any port of net.ipv4.ip_local_port_range. Add the port to "
               "net.ipv4.ip_local_reserved_ports, and no client is given it again; the one that "
               "has it keeps it until its connection is gone. " RESERVE;
}

/* Only where nothing else forbids it; clients hardly ever have it. */
static const char *set_reuseaddr(const struct portlook *look, const struct bind_verdict *verdict)
{
        if (verdict->n_blockers == 0 || verdict->reuse == BIND_NO ||
            is_blocked_by(look, verdict, CLAIM_CLIENT))
                return NULL;
        return portlook_set_reuseaddr;
}

/* With a listener there they are its own, and no matter until it goes. */
static const char *next_start(const struct portlook *look, const struct bind_verdict *verdict)
{
        if (!is_blocked_by(look, verdict, CLAIM_LISTENER) ||
            !(is_blocked_by(look, verdict, CLAIM_CONNECTIONS) ||
              is_blocked_by(look, verdict, CLAIM_TIME_WAIT) ||
              is_blocked_by(look, verdict, CLAIM_FIN_WAIT2)))
                return NULL;
        return "When the listener stops, its connections go on holding the port, those in "
               "TIME_WAIT included: the next start succeeds only if the program sets SO_REUSEADDR "
               "before bind(), and did so this time.";
}

/* A listener that is there takes connections to that address: they are its own, in all likelihood. */
static bool is_served(const struct portlook *look, const struct bind_claim *claim)
{
        for (size_t i = 0; i < look->n_listeners; i++) {
                const struct portlook_listener *listener = &look->listeners[i];

                if ((listener->family == claim->family || listener->family == BIND_DUAL) &&
                    (sock_addr_is_any(&listener->address) ||
                     memcmp(&listener->address, &claim->address, sizeof(claim->address)) == 0))
                        return true;
        }
        return false;
}

/* Connections of a listener that has gone, held by a program or not. */
static bool has_left(const struct portlook *look, const struct bind_verdict *verdict, bool held)
{
        if (is_blocked_by(look, verdict, CLAIM_LISTENER))
                return false;
        for (size_t i = 0; i < verdict->n_blockers; i++) {
                const struct bind_claim *claim = blocker(look, verdict, i);

                if (claim->kind == CLAIM_CONNECTIONS && (claim->inode != 0) == held &&
                    !is_served(look, claim))
                        return true;
        }
        return false;
}

static const char *held(const struct portlook *look, const struct bind_verdict *verdict)
{
        if (!has_left(look, verdict, true))
                return NULL;
        return "Connections of a listener that has gone are still open, and they hold the port as "
               "TIME_WAIT does, but for as long as a program keeps them: a child or worker of the "
               "old server, most likely. They go when it closes them or exits.";
}

static const char *orphaned(const struct portlook *look, const struct bind_verdict *verdict)
{
        if (!has_left(look, verdict, false))
                return NULL;
        return "Connections that no program holds any more still have data or their end to "
               "deliver. The kernel finishes them alone, and gives up after some minutes "
               "(net.ipv4.tcp_orphan_retries) if the peer does not answer.";
}

static const char *close_wait(const struct portlook *look, const struct bind_verdict *verdict)
{
        (void)verdict;
        for (size_t i = 0; i < PORTLOOK_SIDES; i++) {
                const enum close_wait_stage stage = close_wait_stage_of_most(look->sides[i].stage);

                if (stage != STAGE_COUNT)
                        return phrase_stage_advice(stage);
        }
        return NULL;
}

static const char *fin_timeout(const struct portlook *look, const struct bind_verdict *verdict)
{
        if (!is_blocked_in(look, verdict, SOCK_TIME_WAIT) ||
            is_blocked_by(look, verdict, CLAIM_LISTENER))
                return NULL;
        return "Lowering net.ipv4.tcp_fin_timeout does nothing for TIME_WAIT, which lasts 60 s, "
               "fixed: that setting is about FIN_WAIT2. TIME_WAIT is where the side that closes "
               "first ends up, and it protects the next connection from segments of the last.";
}

static const char *linger(const struct portlook *look, const struct bind_verdict *verdict)
{
        if (!is_blocked_in(look, verdict, SOCK_TIME_WAIT) ||
            is_blocked_by(look, verdict, CLAIM_LISTENER))
                return NULL;
        return "SO_LINGER with 0 is the wrong cure for TIME_WAIT: close() then sends RST, drops "
               "what was not sent yet, and the peer sees \"connection reset\" where it should see "
               "the end of the data.";
}

static const char *fin_wait2(const struct portlook *look, const struct bind_verdict *verdict)
{
        if (!is_blocked_by(look, verdict, CLAIM_FIN_WAIT2))
                return NULL;
        return "FIN_WAIT2 after close() waits for the peer to close, too: for "
               "net.ipv4.tcp_fin_timeout at most. If the peer does so before that, TIME_WAIT "
               "follows, and with it another 60 s.";
}

static const char *maybe_dual(const struct portlook *look, const struct bind_verdict *verdict)
{
        (void)look;
        for (size_t i = 0; i < verdict->n_blockers; i++)
                if (verdict->blockers[i].certain)
                        return NULL;
        if (verdict->n_blockers == 0)
                return NULL;
        return portlook_maybe_dual;
}

static const char *missed(const struct portlook *look, const struct bind_verdict *verdict)
{
        (void)verdict;
        if (look->whole && look->claims.overflow == 0)
                return NULL;
        return "Some sockets may have been missed, so what seems to be free is called unknown. Ask "
               "again.";
}

static const char *bound_unknown(const struct portlook *look, const struct bind_verdict *verdict)
{
        if (look->claims.bound_known || verdict->plain == BIND_NO)
                return NULL;
        return "This kernel does not list sockets that are bound and do not listen (Linux 6.8 and "
               "later do). If bind() fails although nothing is in its way here, such a socket is.";
}

static const char *privileged(const struct portlook *look, const struct bind_verdict *verdict)
{
        (void)verdict;
        if (look->port >= look->limits.unprivileged_port_start)
                return NULL; /* or unknown, which is less than any port */
        return "Ports below net.ipv4.ip_unprivileged_port_start need CAP_NET_BIND_SERVICE: without "
               "it bind() fails with \"Permission denied\", whatever is in the way.";
}

static const char *reserve(const struct portlook *look, const struct bind_verdict *verdict)
{
        if (!kernlimits_is_ephemeral(&look->limits, look->port) || !look->reserved_known ||
            look->reserved || is_blocked_by(look, verdict, CLAIM_CLIENT) ||
            (look->listeners_total == 0 && look->sides[PORTLOOK_LOCAL].total == 0))
                return NULL;
        return "The port of this service lies in net.ipv4.ip_local_port_range: while the service "
               "is down the kernel may give it to a client, and the service cannot start. Add it "
               "to net.ipv4.ip_local_reserved_ports. " RESERVE;
}

static const char *no_keepalive(const struct portlook *look, const struct bind_verdict *verdict)
{
        const struct half_open *half_open = &look->sides[PORTLOOK_LOCAL].half_open;

        (void)verdict;
        if (half_open->established == 0 || half_open->keepalive > 0 || half_open->busy > 0)
                return NULL;
        return "None of the established connections uses keepalive: one whose peer vanishes while "
               "nothing is sent stays for ever. Set SO_KEEPALIVE, with TCP_KEEPIDLE for less than "
               "the two hours of the default.";
}

static const advice_fn advices[] = {
        full_backlog, listener,   only_bound, squatter,      set_reuseaddr, held,
        orphaned,     missed,     maybe_dual, linger,        fin_timeout,   fin_wait2,
        next_start,   close_wait, reserve,    bound_unknown, privileged,    no_keepalive,
};

size_t portlook_advice(const struct portlook *look, const struct bind_verdict *verdict,
                       const char *ret_advice[static PORTLOOK_ADVICE_MAX])
{
        size_t n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(advices) && n < PORTLOOK_ADVICE_MAX; i++) {
                const char *text = advices[i](look, verdict);

                if (text)
                        ret_advice[n++] = text;
        }
        return n;
}
