/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A look at a port as the reply of GetPort. Every bind() that is judged is an entry of its own; the
 * one that was asked about stands at the top of the reply as well. An answer that is unknown is
 * left out, as everywhere.
 *
 * TIME_WAIT lasts longer than it says, because kernel timers are coarse: what is announced in
 * seconds has that slack in it, and is rounded up.
 */

#include "portbinds.h"
#include "units.h"
#include "wireput.h"

const char wire_address_unknown[] =
        "Whether bind() takes that address is not known: no interface has it, but a local route may "
        "lead to it, or the addresses of this host were not all seen. `twmonctl why PORT ADDRESS "
        "--try` finds out by a bind().";

/* Why bind() takes the address at no port, or may not. */
static const char *const address_advice[] = {
        [HOST_ADDR_UNKNOWN] = wire_address_unknown,
        [HOST_ADDR_NO] =
                "No interface of this host has that address, so bind() fails with EADDRNOTAVAIL "
                "whatever the port. Bind to an address of this host, or set IP_FREEBIND before "
                "bind() where the address is to come later.",
        [HOST_ADDR_TENTATIVE] =
                "That address is tentative: it is being checked whether another host has it "
                "(duplicate address detection), or one has. Until that is over bind() fails with "
                "EADDRNOTAVAIL whatever the port. `ip -6 addr show tentative` lists such addresses; "
                "wait for a second or two, or set IP_FREEBIND before bind().",
        [HOST_ADDR_LINK_LOCAL] =
                "A link-local address needs its interface: without a scope (sin6_scope_id, as in "
                "fe80::1%eth0) bind() fails with EINVAL whatever the port. What is in the way of "
                "the address with its scope is not judged here.",
        [HOST_ADDR_MULTICAST] =
                "That is a multicast address, and TCP has no use for those of IPv6: bind() fails "
                "with EINVAL whatever the port.",
};

/* Member "reason"; of HOST_ADDR_NO there is none. */
static const char *const address_reasons[] = {
        [HOST_ADDR_NO] = NULL,
        [HOST_ADDR_TENTATIVE] = "tentative",
        [HOST_ADDR_LINK_LOCAL] = "link-local",
        [HOST_ADDR_MULTICAST] = "multicast",
};

/* The words of ss(8). */
static const char *const state_names[SOCK_STATE_COUNT] = {
        [SOCK_ESTABLISHED] = "ESTAB",    [SOCK_SYN_SENT] = "SYN-SENT",
        [SOCK_SYN_RECV] = "SYN-RECV",    [SOCK_FIN_WAIT1] = "FIN-WAIT-1",
        [SOCK_FIN_WAIT2] = "FIN-WAIT-2", [SOCK_TIME_WAIT] = "TIME-WAIT",
        [SOCK_CLOSE] = "UNCONN",         [SOCK_CLOSE_WAIT] = "CLOSE-WAIT",
        [SOCK_LAST_ACK] = "LAST-ACK",    [SOCK_LISTEN] = "LISTEN",
        [SOCK_CLOSING] = "CLOSING",      [SOCK_BOUND] = "UNCONN",
};

/* Members of type States; those without a name are no connections. */
static const char *const state_members[SOCK_STATE_COUNT] = {
        [SOCK_ESTABLISHED] = "established", [SOCK_SYN_SENT] = "synSent",
        [SOCK_SYN_RECV] = "synRecv",        [SOCK_FIN_WAIT1] = "finWait1",
        [SOCK_FIN_WAIT2] = "finWait2",      [SOCK_TIME_WAIT] = "timeWait",
        [SOCK_CLOSE_WAIT] = "closeWait",    [SOCK_LAST_ACK] = "lastAck",
        [SOCK_CLOSING] = "closing",
};

static const char *const claim_names[CLAIM_KIND_COUNT] = {
        [CLAIM_LISTENER] = "listener",       [CLAIM_BOUND] = "bound",
        [CLAIM_CONNECTIONS] = "connections", [CLAIM_TIME_WAIT] = "time-wait",
        [CLAIM_FIN_WAIT2] = "fin-wait2",     [CLAIM_CLIENT] = "client",
};

static const char *const family_names[] = {
        [BIND_IPV4] = "ipv4", [BIND_IPV6] = "ipv6", [BIND_DUAL] = "dual"
};

static const char *const help_names[] = { [BIND_HELP_NO] = "no", [BIND_HELP_IF_SET] = "if-set" };

static const char *const side_names[PORTLOOK_SIDES] = {
        [PORTLOOK_LOCAL] = "local", [PORTLOOK_REMOTE] = "remote", [PORTLOOK_CLIENT] = "client"
};

static json_t *wire_address(enum bind_family family, const struct sock_addr *address)
{
        char text[ADDRESS_TEXT_MAX];

        return json_string(
                address_text(family == BIND_IPV4 ? ADDR_IPV4 : ADDR_IPV6, address, text));
}

static uint64_t announced_sec(uint64_t msec)
{
        return (msec + BIND_TIMER_SLACK_MSEC + 999) / 1000;
}

/* position: in owners + 1, as everywhere in a look; 0: nobody. */
static int put_owner(json_t *object, const struct portlook *look, size_t position)
{
        if (position == 0 || !owner_is_known(&look->owners[position - 1].owner))
                return 0;
        return put(object, "owner", wire_owner(&look->owners[position - 1].owner));
}

static json_t *wire_blocker(const struct portlook *look, const struct bind_blocker *blocker)
{
        const struct bind_claim *claim = &look->claims.items[blocker->claim];
        json_t *object = json_object();
        int r = 0;

        r |= put(object, "what", json_string(claim_names[claim->kind]));
        r |= put(object, "address", wire_address(claim->family, &claim->address));
        r |= put(object, "state", json_string(state_names[claim->state]));
        r |= put_int(object, "count", claim->count);
        r |= put_int_if(object, claim->mini, "freeInSec", announced_sec(claim->free_in_msec));
        r |= put(object, "reuseHelps", json_string(help_names[blocker->help]));
        r |= put_owner(object, look, look->claim_owner[blocker->claim]);
        return finish(object, r);
}

/* It is no address that bind() takes. */
static json_t *wire_address_blocker(const struct port_bind *bind)
{
        const struct bind_question *question = &bind->question;
        json_t *object = json_object();
        int r = 0;

        r |= put(object, "what", json_string("address"));
        r |= put(object, "address", wire_address(question->family, &question->address));
        if (address_reasons[bind->local])
                r |= put(object, "reason", json_string(address_reasons[bind->local]));
        r |= put_int(object, "count", 0);
        r |= put(object, "reuseHelps", json_string("no"));
        return finish(object, r);
}

static json_t *wire_blockers(const struct portlook *look, const struct port_bind *bind)
{
        json_t *array = json_array();
        int r = 0;

        if (host_addr_is_no(bind->local))
                r |= json_array_append_new(array, wire_address_blocker(bind));
        for (size_t i = 0; i < bind->verdict.n_blockers; i++)
                r |= json_array_append_new(array, wire_blocker(look, &bind->verdict.blockers[i]));
        return finish(array, r);
}

static int put_answer(json_t *object, const char *name, enum bind_answer answer)
{
        return answer == BIND_UNKNOWN ? 0 : put_bool(object, name, answer == BIND_YES);
}

/* The members that the reply and each of its binds have in common, but for blockedBy. */
static int put_verdict(json_t *object, const struct bind_verdict *verdict)
{
        int r = 0;

        r |= put_answer(object, "canBind", verdict->plain);
        r |= put_answer(object, "canBindReuse", verdict->reuse);
        r |= put_int_if(object, verdict->free_known, "freeInSec",
                        (verdict->free_in_msec + 999) / 1000);
        return r;
}

static json_t *wire_bind(const struct portlook *look, const struct port_bind *bind)
{
        json_t *object = json_object();
        int r = 0;

        r |= put(object, "address", wire_address(bind->question.family, &bind->question.address));
        r |= put(object, "family", json_string(family_names[bind->question.family]));
        r |= put_verdict(object, &bind->verdict);
        r |= put_answer(object, "canBindReusePort", bind->verdict.reuseport);
        r |= put(object, "blockedBy", wire_blockers(look, bind));
        return finish(object, r);
}

static json_t *wire_listener(const struct portlook *look, const struct portlook_listener *listener)
{
        json_t *object = json_object();
        int r = 0;

        r |= put(object, "address", wire_address(listener->family, &listener->address));
        r |= put(object, "family", json_string(family_names[listener->family]));
        r |= put_int(object, "backlog", listener->backlog);
        r |= put_int(object, "backlogMax", listener->backlog_max);
        r |= put_owner(object, look, listener->owner);
        return finish(object, r);
}

static json_t *wire_states(const uint64_t count[static SOCK_STATE_COUNT])
{
        json_t *object = json_object();
        int r = 0;

        for (size_t i = 0; i < SOCK_STATE_COUNT; i++)
                if (state_members[i] && count[i] > 0)
                        r |= put_int(object, state_members[i], count[i]);
        return finish(object, r);
}

static int put_close_wait(json_t *object, const struct portlook_connections *side)
{
        int r = 0;

        if (side->count[SOCK_CLOSE_WAIT] == 0)
                return 0;
        r |= put(object, "stages", wire_stages(side->stage));
        if (side->oldest_usec > 0) {
                r |= put_int(object, "oldestSec", side->oldest_usec / USEC_PER_SEC);
                r |= put_bool(object, "oldestAtLeast", side->oldest_at_least);
        }
        return r;
}

static json_t *wire_connections(const struct portlook *look, enum portlook_side which)
{
        const struct portlook_connections *side = &look->sides[which];
        json_t *object = json_object();
        int r = 0;

        r |= put(object, "side", json_string(side_names[which]));
        r |= put_int(object, "total", side->total);
        r |= put(object, "states", wire_states(side->count));
        r |= put_int(object, "orphans", side->orphans);
        r |= put_close_wait(object, side);
        r |= put_int_if(object, side->count[SOCK_TIME_WAIT] > 0, "timeWaitLastSec",
                        announced_sec(side->time_wait_last_msec));
        if (side->half_open.known && side->half_open.established > 0) {
                r |= put(object, "halfOpen", wire_half_open(&side->half_open));
                r |= put_int_if(object, look->silent_after_usec[which] > 0, "silentAfterSec",
                                look->silent_after_usec[which] / USEC_PER_SEC);
        }
        r |= put_owner(object, look, side->owner);
        return finish(object, r);
}

static int put_sockets(json_t *object, const struct portlook *look)
{
        json_t *listeners = json_array(), *connections = json_array();
        uint64_t bound = 0;
        int r = 0;

        for (size_t i = 0; i < look->n_listeners; i++)
                r |= json_array_append_new(listeners, wire_listener(look, &look->listeners[i]));
        for (size_t i = 0; i < PORTLOOK_SIDES; i++)
                if (look->sides[i].total > 0)
                        r |= json_array_append_new(connections, wire_connections(look, i));
        for (size_t i = 0; i < look->claims.n; i++)
                if (look->claims.items[i].kind == CLAIM_BOUND)
                        bound += look->claims.items[i].count;
        r |= put(object, "listeners", listeners);
        r |= put_int(object, "listenersTotal", look->listeners_total);
        r |= put_int_if(object, look->claims.bound_known, "bound", bound);
        r |= put(object, "connections", connections);
        return r;
}

static int put_limits(json_t *object, const struct portlook *look)
{
        const struct kernlimits *limits = &look->limits;
        int r = 0;

        if (limits->port_range_known)
                r |= put_bool(object, "ephemeral", kernlimits_is_ephemeral(limits, look->port));
        if (look->reserved_known)
                r |= put_bool(object, "reserved", look->reserved);
        if (limits->unprivileged_port_start >= 0)
                r |= put_bool(object, "privileged", look->port < limits->unprivileged_port_start);
        return r;
}

static json_t *wire_advice(const struct portlook *look, const struct port_bind *bind)
{
        const char *advice[PORTLOOK_ADVICE_MAX];
        const size_t n = portlook_advice(look, &bind->verdict, advice);
        json_t *array = json_array();
        int r = 0;

        if (bind->local != HOST_ADDR_YES)
                r |= json_array_append_new(array, json_string(address_advice[bind->local]));
        for (size_t i = 0; i < n; i++)
                r |= json_array_append_new(array, json_string(advice[i]));
        return finish(array, r);
}

json_t *wire_portlook(const struct portlook *look, const struct bind_address *asked)
{
        struct port_binds binds;
        const struct port_bind *main;
        json_t *object = json_object(), *array = json_array();
        int r = 0;

        port_binds_judge(&look->claims, asked, &binds);
        main = &binds.items[binds.asked];
        for (size_t i = 0; i < binds.n; i++)
                r |= json_array_append_new(array, wire_bind(look, &binds.items[i]));
        r |= put_int(object, "port", look->port);
        r |= put(object, "seenAt", wire_time(look->seen_wall_usec));
        r |= put_bool(object, "partial", !look->whole);
        r |= put_int_if(object, look->netns > 0, "netns", look->netns);
        r |= put_verdict(object, &main->verdict);
        r |= put(object, "blockedBy", wire_blockers(look, main));
        r |= put(object, "binds", array);
        r |= put_sockets(object, look);
        r |= put_limits(object, look);
        r |= put(object, "advice", wire_advice(look, main));
        return finish(object, r);
}
