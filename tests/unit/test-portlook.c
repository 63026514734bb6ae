/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One look at a port: what counts where, whose owner is asked for, and what is said about it. */

#include "fixture.h"

#include "portlook.h"
#include "units.h"

#define PORT  7865
#define OTHER 40001 /* in the ephemeral range */

struct world {
        struct services *services;
        struct kernlimits limits;
        struct portlook_request request;
        struct portlook *look;
        struct bind_verdict verdict;
        const char *advice[PORTLOOK_ADVICE_MAX];
        size_t n_advice;
};

static int setup(void **state)
{
        struct world *world = calloc(1, sizeof(*world));

        assert_non_null(world);
        assert_int_equal(services_new(&world->services), 0);
        kernlimits_clear(&world->limits);
        world->limits.port_range_known = true;
        world->limits.port_first = 32768;
        world->limits.port_last = 60999;
        world->limits.keepalive_time_sec = 7200;
        world->limits.keepalive_intvl_sec = 75;
        world->limits.keepalive_probes = 9;
        world->request = (struct portlook_request){ .port = PORT,
                                                    .now_usec = 1000,
                                                    .now_wall_usec = 2000,
                                                    .services = world->services,
                                                    .limits = &world->limits };
        assert_int_equal(portlook_new(&world->request, &world->look), 0);
        *state = world;
        return 0;
}

static int teardown(void **state)
{
        struct world *world = *state;

        portlook_free(world->look);
        services_free(world->services);
        free(world);
        return 0;
}

static void ask_for(struct world *world, uint16_t port)
{
        world->request.port = port;
        portlook_begin(world->look, &world->request);
}

/* A socket with an inode, the local port being the one that is asked for. */
static struct sockrec own(const struct world *world, enum sock_state state, uint32_t inode)
{
        return (struct sockrec){ .state = state,
                                 .family = ADDR_IPV4,
                                 .local = { { 127, 0, 0, 1 } },
                                 .local_port = world->request.port,
                                 .remote_port = OTHER,
                                 .inode = inode,
                                 .uid = 33,
                                 .cgroup_id = 7,
                                 .cookie = inode,
                                 .have = SOCKREC_OWNER | SOCKREC_CGROUP };
}

static struct sockrec mini(const struct world *world, enum sock_state state, uint32_t expires_msec)
{
        struct sockrec record = own(world, state, 0);

        record.uid = 0;
        record.cgroup_id = 0;
        record.timer = SOCK_TIMER_TIME_WAIT;
        record.expires_msec = expires_msec;
        record.have = SOCKREC_MINI;
        return record;
}

static void add(struct world *world, struct sockrec record)
{
        portlook_add(world->look, &world->request, &record);
}

static void listen_on(struct world *world, uint32_t inode, uint32_t backlog, uint32_t max)
{
        struct sockrec record = own(world, SOCK_LISTEN, inode);

        record.local = (struct sock_addr){ { 0 } };
        record.remote_port = 0;
        record.receive_queue = backlog;
        record.send_queue = max;
        add(world, record);
}

static struct sockrec swapped(struct sockrec record)
{
        const uint16_t port = record.local_port;

        record.local_port = record.remote_port;
        record.remote_port = port;
        return record;
}

/* Ends the look, and judges and advises about 0.0.0.0. */
static void end(struct world *world)
{
        const struct bind_question question = { .family = BIND_IPV4 };

        portlook_end(world->look, true, true);
        bind_judge(&world->look->claims, &question, &world->verdict);
        world->n_advice = portlook_advice(world->look, &world->verdict, world->advice);
}

static bool is_said(const struct world *world, const char *words)
{
        for (size_t i = 0; i < world->n_advice; i++)
                if (strstr(world->advice[i], words))
                        return true;
        return false;
}

static void test_an_empty_port(void **state)
{
        struct world *world = *state;

        end(world);
        assert_int_equal(world->look->port, PORT);
        assert_int_equal(world->look->seen_usec, 1000);
        assert_int_equal(world->look->seen_wall_usec, 2000);
        assert_true(world->look->whole);
        assert_int_equal(world->look->n_listeners + world->look->n_owners, 0);
        assert_false(world->look->sides[PORTLOOK_LOCAL].half_open.known);
        assert_int_equal(world->verdict.plain, BIND_YES);
        assert_int_equal(world->n_advice, 0);
}

static void test_both_ends_of_loopback(void **state)
{
        struct world *world = *state;
        const struct portlook *look = world->look;

        add(world, own(world, SOCK_ESTABLISHED, 5));
        add(world, swapped(own(world, SOCK_ESTABLISHED, 6)));
        end(world);
        assert_int_equal(look->sides[PORTLOOK_LOCAL].total, 1);
        assert_int_equal(look->sides[PORTLOOK_REMOTE].total, 1);
        assert_int_equal(look->sides[PORTLOOK_CLIENT].total, 0);
        assert_int_equal(look->claims.n, 1); /* the remote end holds another port */
        assert_int_equal(look->claims.items[0].inode, 5);
}

static void test_others_are_left_out(void **state)
{
        struct world *world = *state;
        struct sockrec record = own(world, SOCK_ESTABLISHED, 5);

        record.local_port = 80;
        add(world, record);
        record.state = SOCK_LISTEN;
        add(world, record);
        record.state = SOCK_CLOSE;
        record.remote_port = PORT;
        add(world, record);
        end(world);
        assert_int_equal(world->look->sides[PORTLOOK_LOCAL].total, 0);
        assert_int_equal(world->look->sides[PORTLOOK_REMOTE].total, 0);
        assert_int_equal(world->look->listeners_total + world->look->claims.n, 0);
}

/* The port is a client's own end; a service's connection to one is not of that port. */
static void test_clients(void **state)
{
        struct world *world = *state;
        struct sockrec record;

        ask_for(world, OTHER);
        record = own(world, SOCK_ESTABLISHED, 5);
        record.remote_port = 5432;
        add(world, record);
        add(world, swapped(record));
        end(world);
        assert_int_equal(world->look->sides[PORTLOOK_CLIENT].total, 1);
        assert_int_equal(world->look->sides[PORTLOOK_LOCAL].total, 0);
        assert_int_equal(world->look->sides[PORTLOOK_REMOTE].total, 0);
        assert_int_equal(world->look->claims.items[0].kind, CLAIM_CLIENT);
        assert_true(is_said(world, "ip_local_reserved_ports"));
        assert_true(is_said(world, "replaces the list"));
        assert_true(is_said(world, "`sysctl -n net.ipv4.ip_local_reserved_ports`"));
        assert_false(is_said(world, "SO_REUSEADDR"));
        world->look->reserved_known = world->look->reserved = true;
        world->n_advice = portlook_advice(world->look, &world->verdict, world->advice);
        assert_true(is_said(world, "it asked for it with bind()"));
}

/* Whatever the order in which they come. */
static void test_a_listener_makes_them_the_service_s(void **state)
{
        struct world *world = *state;
        struct sockrec record;

        ask_for(world, OTHER);
        record = own(world, SOCK_CLOSE_WAIT, 5);
        record.remote_port = 5432;
        record.last_ack_recv_msec = 3000;
        record.have |= SOCKREC_INFO;
        add(world, record);
        listen_on(world, 6, 0, 128);
        end(world);
        assert_int_equal(world->look->sides[PORTLOOK_CLIENT].total, 0);
        assert_int_equal(world->look->sides[PORTLOOK_LOCAL].total, 1);
        assert_int_equal(world->look->sides[PORTLOOK_LOCAL].count[SOCK_CLOSE_WAIT], 1);
        assert_int_equal(world->look->sides[PORTLOOK_LOCAL].stage[STAGE_UNCLOSED], 1);
        assert_int_equal(world->look->sides[PORTLOOK_LOCAL].oldest_usec, 3000000);
        assert_int_equal(world->look->claims.items[0].kind, CLAIM_CONNECTIONS);
        assert_int_equal(
                world->look->owners[world->look->sides[PORTLOOK_LOCAL].owner - 1].witness.inode, 5);
}

static void test_states(void **state)
{
        struct world *world = *state;
        const struct portlook_connections *local = &world->look->sides[PORTLOOK_LOCAL];

        add(world, mini(world, SOCK_TIME_WAIT, 4000));
        add(world, mini(world, SOCK_TIME_WAIT, 44000));
        add(world, mini(world, SOCK_FIN_WAIT2, 50000));
        add(world, own(world, SOCK_FIN_WAIT2, 0)); /* an orphan */
        add(world, own(world, SOCK_LAST_ACK, 0));  /* another one */
        add(world, own(world, SOCK_FIN_WAIT1, 5));
        add(world, own(world, SOCK_ESTABLISHED, 0)); /* not accepted yet */
        add(world, own(world, SOCK_CLOSE_WAIT, 0));
        add(world, own(world, SOCK_SYN_RECV, 0));
        end(world);
        assert_int_equal(local->total, 9);
        assert_int_equal(local->count[SOCK_TIME_WAIT], 2);
        assert_int_equal(local->count[SOCK_FIN_WAIT2], 2);
        assert_int_equal(local->count[SOCK_SYN_RECV], 1);
        assert_int_equal(local->time_wait_last_msec, 44000);
        assert_int_equal(local->orphans, 2);
        assert_int_equal(local->stage[STAGE_UNACCEPTED], 1);
}

static struct sockrec silent(struct sockrec record, uint32_t sec)
{
        record.last_ack_recv_msec = record.last_data_recv_msec = sec * 1000;
        record.have |= SOCKREC_INFO;
        return record;
}

/* Each side is judged by the SilentAfter of its own rule. */
static void test_silence_of_each_side(void **state)
{
        struct world *world = *state;
        const struct portlook_connections *sides = world->look->sides;
        struct sockrec client;

        world->request.silent_after_usec[PORTLOOK_LOCAL] = 100 * USEC_PER_SEC;
        world->request.silent_after_usec[PORTLOOK_REMOTE] = 300 * USEC_PER_SEC;
        world->request.silent_after_usec[PORTLOOK_CLIENT] = 500 * USEC_PER_SEC;
        add(world, silent(own(world, SOCK_ESTABLISHED, 5), 200));
        add(world, silent(swapped(own(world, SOCK_ESTABLISHED, 6)), 200));
        add(world, silent(swapped(own(world, SOCK_ESTABLISHED, 7)), 400));
        end(world);
        assert_int_equal(sides[PORTLOOK_LOCAL].half_open.silent, 1);
        assert_int_equal(sides[PORTLOOK_REMOTE].half_open.established, 2);
        assert_int_equal(sides[PORTLOOK_REMOTE].half_open.silent, 1);

        ask_for(world, OTHER);
        client = own(world, SOCK_ESTABLISHED, 8);
        client.remote_port = 5432;
        add(world, silent(client, 400));
        add(world, silent(client, 600));
        end(world);
        assert_int_equal(sides[PORTLOOK_CLIENT].half_open.silent, 1);
        /* with a listener they are the service's, and judged so */
        ask_for(world, OTHER);
        add(world, silent(client, 400));
        listen_on(world, 9, 0, 128);
        end(world);
        assert_int_equal(sides[PORTLOOK_LOCAL].half_open.established, 1);
        assert_int_equal(sides[PORTLOOK_LOCAL].half_open.silent, 1);
}

static void test_silence_by_the_rules(void **state)
{
        struct world *world = *state;
        struct rule rule = { .kind = ALERT_HALF_OPEN,
                             .warning = RULE_LEVEL_OFF,
                             .critical = RULE_LEVEL_OFF,
                             .silent_after_usec = 7 * USEC_PER_SEC };
        const uint64_t *silent_after_usec = world->request.silent_after_usec;
        struct rules *rules;

        assert_int_equal(rules_new(&rules), 0);
        portlook_set_silence(&world->request, rules);
        assert_int_equal(silent_after_usec[PORTLOOK_LOCAL], 0); /* no rule at all */
        assert_int_equal(rules_add(rules, &rule), 0);
        rule.scope = (struct port_key){ .side = SIDE_REMOTE, .port = PORT };
        rule.silent_after_usec = 8 * USEC_PER_SEC;
        assert_int_equal(rules_add(rules, &rule), 0);
        portlook_set_silence(&world->request, rules);
        assert_int_equal(silent_after_usec[PORTLOOK_LOCAL], 7 * USEC_PER_SEC);
        assert_int_equal(silent_after_usec[PORTLOOK_REMOTE], 8 * USEC_PER_SEC);
        assert_int_equal(silent_after_usec[PORTLOOK_CLIENT], 7 * USEC_PER_SEC);
        rules_free(rules);
}

static bool age_of(void *userdata, uint64_t cookie, uint64_t *ret_usec, bool *ret_at_least)
{
        (void)userdata;
        if (cookie != 9)
                return false;
        *ret_usec = 5000000;
        *ret_at_least = false;
        return true;
}

static void test_ages(void **state)
{
        struct world *world = *state;
        const struct portlook_connections *local = &world->look->sides[PORTLOOK_LOCAL];
        struct sockrec record = own(world, SOCK_CLOSE_WAIT, 8);

        world->request.age = age_of;
        add(world, record);
        assert_int_equal(local->oldest_usec, 0); /* unknown */
        record.have |= SOCKREC_INFO;
        record.last_ack_recv_msec = 4000;
        add(world, record);
        assert_int_equal(local->oldest_usec, 4000000);
        assert_true(local->oldest_at_least);
        add(world, own(world, SOCK_CLOSE_WAIT, 9));
        assert_int_equal(local->oldest_usec, 5000000);
        assert_false(local->oldest_at_least);
        end(world);
        assert_int_equal(world->look->owners[local->owner - 1].witness.inode, 9);
}

static void test_owners_are_told_apart(void **state)
{
        struct world *world = *state;
        const struct portlook *look = world->look;

        listen_on(world, 5, 3, 128);
        listen_on(world, 5, 3, 128); /* by a dump that stumbled */
        add(world, own(world, SOCK_ESTABLISHED, 6));
        end(world);
        assert_int_equal(look->n_listeners, 1);
        assert_int_equal(look->listeners_total, 1);
        assert_int_equal(look->listeners[0].backlog, 3);
        assert_int_equal(look->listeners[0].backlog_max, 128);
        assert_int_equal(look->n_owners, 2);
        assert_int_equal(look->owners[look->listeners[0].owner - 1].witness.inode, 5);
        assert_int_equal(look->owners[look->listeners[0].owner - 1].witness.cgroup_id, 7);
        assert_int_equal(look->claim_owner[0], look->listeners[0].owner);
        assert_int_equal(look->claim_owner[1], look->sides[PORTLOOK_LOCAL].owner);
        assert_false(owner_is_known(&look->owners[0].owner));
}

/* Connections that name nobody are the listener's. */
static void test_who_has_not_accepted(void **state)
{
        struct world *world = *state;
        const struct portlook *look = world->look;
        size_t owner;

        add(world, own(world, SOCK_CLOSE_WAIT, 0));
        listen_on(world, 5, 1, 128);
        end(world);
        owner = look->sides[PORTLOOK_LOCAL].owner;
        assert_int_not_equal(owner, 0);
        assert_int_equal(look->owners[owner - 1].witness.inode, 5);
        assert_true(look->owners[owner - 1].witness.by_listener);
        assert_int_not_equal(owner, look->listeners[0].owner); /* which is not "by its listener" */
}

static void test_a_listener_that_has_gone_is_remembered(void **state)
{
        struct world *world = *state;
        const struct portlook *look = world->look;
        const struct sockrec listener = own(world, SOCK_LISTEN, 5);

        services_begin(world->services);
        services_listening(world->services, &listener);
        services_end(world->services, 1, true);
        ask_for(world, PORT);
        add(world, mini(world, SOCK_TIME_WAIT, 4000));
        end(world);
        assert_int_equal(look->listeners_total, 0);
        assert_int_equal(look->n_owners, 1);
        assert_int_equal(look->sides[PORTLOOK_LOCAL].owner, 1);
        assert_true(look->owners[0].witness.by_listener);
        assert_int_equal(look->claim_owner[0], 0);
}

static void test_room(void **state)
{
        struct world *world = *state;
        const struct portlook *look = world->look;

        for (uint32_t i = 1; i <= PORTLOOK_LISTENERS_MAX + 4; i++)
                listen_on(world, i, 0, 128);
        add(world, own(world, SOCK_ESTABLISHED, 100));
        end(world);
        assert_int_equal(look->n_listeners, PORTLOOK_LISTENERS_MAX);
        assert_int_equal(look->listeners_total, PORTLOOK_LISTENERS_MAX + 4);
        assert_int_equal(look->n_owners, PORTLOOK_OWNERS_MAX);
        assert_int_equal(look->owners[look->sides[PORTLOOK_LOCAL].owner - 1].witness.inode, 100);
        assert_int_equal(look->listeners[PORTLOOK_LISTENERS_MAX - 1].owner, 0);
}

static void test_begin_forgets(void **state)
{
        struct world *world = *state;

        listen_on(world, 5, 0, 128);
        add(world, own(world, SOCK_ESTABLISHED, 6));
        portlook_begin(world->look, &world->request);
        end(world);
        assert_int_equal(world->look->listeners_total, 0);
        assert_int_equal(world->look->claims.n, 0);
        assert_int_equal(world->look->n_owners, 0);
        assert_null(portlook_free(NULL));
}

static void test_one_that_is_bound_proves_that_they_are_listed(void **state)
{
        struct world *world = *state;
        struct sockrec record = own(world, SOCK_CLOSE, 5);

        portlook_end(world->look, true, false);
        assert_false(world->look->claims.bound_known);
        portlook_begin(world->look, &world->request);
        record.remote_port = 0;
        add(world, record);
        portlook_end(world->look, true, false);
        assert_true(world->look->claims.bound_known);
        assert_int_equal(world->look->sides[PORTLOOK_LOCAL].total, 0);
}

/* ---- advice ---- */

static void test_advice_about_time_wait(void **state)
{
        struct world *world = *state;

        add(world, mini(world, SOCK_TIME_WAIT, 4000));
        end(world);
        assert_non_null(strstr(world->advice[0], "SO_REUSEADDR"));
        assert_true(is_said(world, "SO_LINGER with 0"));
        assert_true(is_said(world, "tcp_fin_timeout does nothing"));
        assert_false(is_said(world, "listens on the port"));
        assert_false(is_said(world, "reserved_ports"));
        assert_false(is_said(world, "FIN_WAIT2 after"));
        assert_string_equal(world->advice[0], portlook_set_reuseaddr);
        assert_false(is_said(world, "--try")); /* the client knows whether it has tried */
}

static void test_advice_about_a_listener(void **state)
{
        struct world *world = *state;

        listen_on(world, 5, 129, 128);
        add(world, mini(world, SOCK_TIME_WAIT, 4000));
        end(world);
        assert_non_null(strstr(world->advice[0], "queue of a listener is full"));
        assert_non_null(strstr(world->advice[1], "A program listens"));
        assert_true(is_said(world, "When the listener stops"));
        assert_false(is_said(world, "Set SO_REUSEADDR on"));
        assert_false(is_said(world, "SO_LINGER"));
}

/* Only a listener that has an address of its own leaves others free. */
static void test_advice_about_another_address(void **state)
{
        struct world *world = *state;

        add(world, own(world, SOCK_LISTEN, 5));
        end(world);
        assert_true(is_said(world, "another address of this host"));
        world->look->whole = false;
        world->n_advice = portlook_advice(world->look, &world->verdict, world->advice);
        assert_false(is_said(world, "another address of this host"));
        portlook_begin(world->look, &world->request);
        listen_on(world, 5, 0, 128);
        end(world);
        assert_true(is_said(world, "A program listens"));
        assert_false(is_said(world, "another address of this host"));
}

static void test_advice_about_what_is_held(void **state)
{
        struct world *world = *state;

        add(world, own(world, SOCK_CLOSE_WAIT, 5));
        add(world, own(world, SOCK_LAST_ACK, 0));
        add(world, mini(world, SOCK_FIN_WAIT2, 30000));
        end(world);
        assert_non_null(strstr(world->advice[0], "SO_REUSEADDR"));
        assert_non_null(strstr(world->advice[1], "as long as a program keeps them"));
        assert_true(is_said(world, "finishes them alone"));
        assert_true(is_said(world, "FIN_WAIT2 after close()"));
        assert_true(is_said(world, "does not call close()"));
        assert_false(is_said(world, "SO_LINGER"));
}

/* Of one that is there, and is not in the way of 0.0.0.0, where they might be. */
static void test_advice_about_what_is_served(void **state)
{
        struct world *world = *state;
        struct sockrec service = own(world, SOCK_LISTEN, 5), left = own(world, SOCK_CLOSE_WAIT, 6);

        service.family = left.family = ADDR_IPV6;
        service.local = left.local =
                (struct sock_addr){ { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 } };
        service.remote_port = 0;
        add(world, service);
        add(world, left);
        end(world);
        assert_int_equal(world->verdict.plain, BIND_UNKNOWN);
        assert_false(is_said(world, "as long as a program keeps them"));
        assert_true(is_said(world, "connections over IPv6"));

        portlook_begin(world->look, &world->request);
        service.local.bytes[15] = 2;
        add(world, service);
        add(world, left);
        end(world);
        assert_true(is_said(world, "as long as a program keeps them"));
}

static void test_advice_about_one_that_is_bound(void **state)
{
        struct world *world = *state;
        struct sockrec record = own(world, SOCK_CLOSE, 5);

        record.remote_port = 0;
        add(world, record);
        end(world);
        assert_true(is_said(world, "is bound to the port and does not listen"));
}

static void test_advice_about_ipv6(void **state)
{
        struct world *world = *state;
        struct sockrec record = mini(world, SOCK_TIME_WAIT, 4000);

        record.family = ADDR_IPV6;
        add(world, record);
        end(world);
        assert_int_equal(world->verdict.plain, BIND_UNKNOWN);
        assert_true(is_said(world, "connections over IPv6"));
}

static void test_advice_about_what_is_not_seen(void **state)
{
        struct world *world = *state;
        const struct bind_question question = { .family = BIND_IPV4 };

        portlook_end(world->look, false, false);
        bind_judge(&world->look->claims, &question, &world->verdict);
        world->n_advice = portlook_advice(world->look, &world->verdict, world->advice);
        assert_true(is_said(world, "may have been missed"));
        assert_true(is_said(world, "does not list sockets that are bound"));
}

static void test_advice_about_the_port_itself(void **state)
{
        struct world *world = *state;

        world->limits.unprivileged_port_start = 1024;
        ask_for(world, 80);
        end(world);
        assert_int_equal(world->n_advice, 1);
        assert_true(is_said(world, "CAP_NET_BIND_SERVICE"));

        ask_for(world, OTHER);
        world->look->reserved_known = true;
        listen_on(world, 5, 0, 128);
        end(world);
        assert_true(is_said(world, "while the service is down"));
        assert_false(is_said(world, "CAP_NET_BIND_SERVICE"));
        world->look->reserved = true;
        world->n_advice = portlook_advice(world->look, &world->verdict, world->advice);
        assert_false(is_said(world, "while the service is down"));
}

static void test_advice_about_keepalive(void **state)
{
        struct world *world = *state;
        struct half_open *half_open = &world->look->sides[PORTLOOK_LOCAL].half_open;

        listen_on(world, 5, 0, 128);
        end(world);
        assert_false(is_said(world, "keepalive"));
        assert_int_equal(half_open->default_usec, UINT64_C(7875) * 1000000);
        half_open->established = 3;
        world->n_advice = portlook_advice(world->look, &world->verdict, world->advice);
        assert_true(is_said(world, "keepalive"));
        half_open->keepalive = 1;
        world->n_advice = portlook_advice(world->look, &world->verdict, world->advice);
        assert_false(is_said(world, "keepalive"));
}

/* Everything at once: no more than there is room for. */
static void test_advice_has_an_end(void **state)
{
        struct world *world = *state;
        struct sockrec record;

        world->limits.unprivileged_port_start = UINT16_MAX;
        ask_for(world, OTHER);
        world->look->reserved_known = true;
        record = own(world, SOCK_CLOSE, 4);
        record.remote_port = 0;
        add(world, record);
        add(world, own(world, SOCK_CLOSE_WAIT, 5));
        add(world, own(world, SOCK_LAST_ACK, 0));
        add(world, mini(world, SOCK_FIN_WAIT2, 30000));
        add(world, mini(world, SOCK_TIME_WAIT, 30000));
        listen_on(world, 6, 129, 128);
        portlook_end(world->look, false, false);
        bind_judge(&world->look->claims, &(struct bind_question){ .family = BIND_IPV4 },
                   &world->verdict);
        assert_int_equal(portlook_advice(world->look, &world->verdict, world->advice),
                         PORTLOOK_ADVICE_MAX);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_WORLD(test_an_empty_port),
                WITH_WORLD(test_both_ends_of_loopback),
                WITH_WORLD(test_others_are_left_out),
                WITH_WORLD(test_clients),
                WITH_WORLD(test_a_listener_makes_them_the_service_s),
                WITH_WORLD(test_states),
                WITH_WORLD(test_silence_of_each_side),
                WITH_WORLD(test_silence_by_the_rules),
                WITH_WORLD(test_ages),
                WITH_WORLD(test_owners_are_told_apart),
                WITH_WORLD(test_who_has_not_accepted),
                WITH_WORLD(test_a_listener_that_has_gone_is_remembered),
                WITH_WORLD(test_room),
                WITH_WORLD(test_begin_forgets),
                WITH_WORLD(test_one_that_is_bound_proves_that_they_are_listed),
                WITH_WORLD(test_advice_about_time_wait),
                WITH_WORLD(test_advice_about_a_listener),
                WITH_WORLD(test_advice_about_another_address),
                WITH_WORLD(test_advice_about_what_is_held),
                WITH_WORLD(test_advice_about_what_is_served),
                WITH_WORLD(test_advice_about_one_that_is_bound),
                WITH_WORLD(test_advice_about_ipv6),
                WITH_WORLD(test_advice_about_what_is_not_seen),
                WITH_WORLD(test_advice_about_the_port_itself),
                WITH_WORLD(test_advice_about_keepalive),
                WITH_WORLD(test_advice_has_an_end),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
