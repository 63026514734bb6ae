/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Looks made by hand -> the JSON of GetPort. */

#include "fixture.h"

#include "varlink.h"
#include "wire.h"

#define WALL_USEC (UINT64_C(1769860800250) * 1000)

static struct portlook *make_look(void)
{
        struct portlook *look = calloc(1, sizeof(*look));

        assert_non_null(look);
        look->port = 7865;
        look->seen_wall_usec = WALL_USEC;
        look->whole = true;
        look->claims.whole = true;
        look->claims.bound_known = true;
        kernlimits_clear(&look->limits);
        for (size_t i = 0; i < PORTLOOK_OWNERS_MAX; i++)
                owner_clear(&look->owners[i].owner);
        return look;
}

static const struct bind_address local_10 = { .family = ADDR_IPV4,
                                              .address = { { 10, 0, 0, 1 } },
                                              .local = HOST_ADDR_YES };

static json_t *at(const json_t *array, size_t i)
{
        json_t *item = json_array_get(array, i);

        assert_non_null(item);
        return item;
}

static json_t *get(const json_t *object, const char *name)
{
        json_t *value = json_object_get(object, name);

        if (!value)
                fail_msg("no %s", name);
        return value;
}

static void assert_text(const json_t *object, const char *name, const char *wanted)
{
        assert_string_equal(json_string_value(get(object, name)), wanted);
}

static void assert_number(const json_t *object, const char *name, json_int_t wanted)
{
        assert_true(json_is_integer(get(object, name)));
        assert_int_equal(json_integer_value(get(object, name)), wanted);
}

static void assert_bool(const json_t *object, const char *name, bool wanted)
{
        assert_true(json_is_boolean(get(object, name)));
        assert_int_equal(json_is_true(get(object, name)), wanted);
}

static void assert_absent(const json_t *object, const char *name)
{
        if (json_object_get(object, name))
                fail_msg("%s is there", name);
}

static void assert_bind(const json_t *reply, size_t i, const char *address, const char *family)
{
        assert_text(at(get(reply, "binds"), i), "address", address);
        assert_text(at(get(reply, "binds"), i), "family", family);
}

static void test_a_port_with_nothing_on_it(void **state)
{
        struct portlook *look = make_look();
        json_t *reply = wire_portlook(look, NULL);

        (void)state;
        assert_non_null(reply);
        assert_number(reply, "port", 7865);
        assert_text(reply, "seenAt", "2026-01-31T12:00:00.250Z");
        assert_bool(reply, "partial", false);
        assert_bool(reply, "canBind", true);
        assert_bool(reply, "canBindReuse", true);
        assert_number(reply, "freeInSec", 0);
        assert_int_equal(json_array_size(get(reply, "blockedBy")), 0);
        assert_int_equal(json_array_size(get(reply, "binds")), 3);
        assert_bind(reply, 0, "0.0.0.0", "ipv4");
        assert_bind(reply, 1, "::", "dual");
        assert_bind(reply, 2, "::", "ipv6");
        assert_int_equal(json_array_size(get(reply, "listeners")), 0);
        assert_number(reply, "listenersTotal", 0);
        assert_number(reply, "bound", 0);
        assert_int_equal(json_array_size(get(reply, "connections")), 0);
        assert_true(json_is_array(get(reply, "advice")));
        json_decref(reply);
        portlook_free(look);
}

static void test_what_is_unknown_is_left_out(void **state)
{
        struct portlook *look = make_look();
        json_t *reply;

        (void)state;
        look->claims.bound_known = false;
        look->whole = look->claims.whole = false;
        reply = wire_portlook(look, NULL);
        assert_bool(reply, "partial", true);
        assert_absent(reply, "canBind"); /* something may have been missed */
        assert_absent(reply, "freeInSec");
        assert_absent(reply, "bound");
        assert_absent(reply, "ephemeral");
        assert_absent(reply, "reserved");
        assert_absent(reply, "privileged");
        assert_absent(reply, "netns");
        json_decref(reply);
        portlook_free(look);
}

/* An older kernel does not show what is only bound, so nothing is free for certain there. */
static void test_no_yes_where_bound_ones_are_not_listed(void **state)
{
        struct portlook *look = make_look();
        json_t *reply, *bind;

        (void)state;
        look->claims.bound_known = false;
        reply = wire_portlook(look, NULL);
        assert_bool(reply, "partial", false);
        assert_absent(reply, "canBind");
        assert_absent(reply, "canBindReuse");
        assert_absent(reply, "freeInSec");
        assert_absent(reply, "bound");
        bind = at(get(reply, "binds"), 2);
        assert_absent(bind, "canBind");
        assert_absent(bind, "canBindReusePort");
        assert_absent(bind, "freeInSec");
        assert_non_null(strstr(json_string_value(at(get(reply, "advice"), 0)), "Linux 6.8"));
        json_decref(reply);
        portlook_free(look);
}

static void test_limits(void **state)
{
        struct portlook *look = make_look();
        json_t *reply;

        (void)state;
        look->limits.port_range_known = true;
        look->limits.port_first = 7865;
        look->limits.port_last = 7865;
        look->limits.unprivileged_port_start = 7865;
        look->reserved_known = look->reserved = true;
        look->netns = 4026531840;
        reply = wire_portlook(look, NULL);
        assert_number(reply, "netns", 4026531840);
        assert_bool(reply, "ephemeral", true);
        assert_bool(reply, "reserved", true);
        assert_bool(reply, "privileged", false);
        json_decref(reply);
        look->limits.port_first = look->limits.port_last = 7866;
        look->limits.unprivileged_port_start = 7866;
        look->reserved = false;
        reply = wire_portlook(look, NULL);
        assert_bool(reply, "ephemeral", false);
        assert_bool(reply, "reserved", false);
        assert_bool(reply, "privileged", true);
        json_decref(reply);
        portlook_free(look);
}

/* So many sockets in TIME_WAIT at 10.0.0.1, of which the last goes in 41.2 s. */
static void add_time_wait(struct portlook *look, uint32_t count)
{
        look->claims.items[look->claims.n++] = (struct bind_claim){
                .kind = CLAIM_TIME_WAIT,
                .state = SOCK_TIME_WAIT,
                .family = BIND_IPV4,
                .address = { { 10, 0, 0, 1 } },
                .mini = true,
                .count = count,
                .free_in_msec = 41200,
        };
        look->sides[PORTLOOK_LOCAL].total += count;
        look->sides[PORTLOOK_LOCAL].count[SOCK_TIME_WAIT] += count;
        look->sides[PORTLOOK_LOCAL].time_wait_last_msec = 41200;
}

static void test_time_wait_blocks_for_a_while(void **state)
{
        struct portlook *look = make_look();
        json_t *reply, *blocker, *side;

        (void)state;
        add_time_wait(look, 3);
        reply = wire_portlook(look, NULL);
        assert_bool(reply, "canBind", false);
        assert_number(reply, "freeInSec", 44); /* 41.2 + 2, rounded up */
        blocker = at(get(reply, "blockedBy"), 0);
        assert_text(blocker, "what", "time-wait");
        assert_text(blocker, "address", "10.0.0.1");
        assert_text(blocker, "state", "TIME-WAIT");
        assert_number(blocker, "count", 3);
        assert_number(blocker, "freeInSec", 44);
        assert_text(blocker, "reuseHelps", "if-set");
        assert_absent(blocker, "owner");
        assert_true(
                json_equal(get(at(get(reply, "binds"), 0), "blockedBy"), get(reply, "blockedBy")));
        assert_bool(at(get(reply, "binds"), 2), "canBind", true); /* IPv6 alone */
        side = at(get(reply, "connections"), 0);
        assert_text(side, "side", "local");
        assert_number(side, "total", 3);
        assert_number(side, "timeWaitLastSec", 44);
        assert_int_equal(json_object_size(get(side, "states")), 1);
        assert_number(get(side, "states"), "timeWait", 3);
        assert_absent(side, "stages");
        assert_absent(side, "oldestSec");
        assert_absent(side, "halfOpen");
        assert_absent(side, "silentAfterSec");
        json_decref(reply);
        portlook_free(look);
}

static void test_the_address_that_was_asked_about(void **state)
{
        static const struct bind_address any4 = { .family = ADDR_IPV4, .local = HOST_ADDR_YES };
        static const struct bind_address any6 = { .family = ADDR_IPV6, .local = HOST_ADDR_YES };
        struct bind_address other = local_10;
        struct portlook *look = make_look();
        json_t *reply;

        (void)state;
        add_time_wait(look, 1);
        reply = wire_portlook(look, &local_10);
        assert_bind(reply, 3, "10.0.0.1", "ipv4");
        assert_bool(reply, "canBind", false);
        json_decref(reply);

        other.address.bytes[3] = 2;
        reply = wire_portlook(look, &other);
        assert_bind(reply, 3, "10.0.0.2", "ipv4");
        assert_bool(reply, "canBind", true); /* while 0.0.0.0 is not */
        assert_bool(at(get(reply, "binds"), 0), "canBind", false);
        assert_int_equal(json_array_size(get(reply, "blockedBy")), 0);
        json_decref(reply);

        reply = wire_portlook(look, &any4);
        assert_int_equal(json_array_size(get(reply, "binds")), 3);
        json_decref(reply);
        look->claims.items[0].family = BIND_IPV6;
        look->claims.items[0].address = (struct sock_addr){ { 0x20, 0x01 } };
        reply = wire_portlook(look, &any6);
        assert_int_equal(json_array_size(get(reply, "binds")), 3);
        assert_bool(reply, "canBind", false); /* of "::" */
        assert_bool(at(get(reply, "binds"), 0), "canBind", true);
        json_decref(reply);
        portlook_free(look);
}

static void test_an_address_of_nobody(void **state)
{
        struct bind_address asked = local_10;
        struct portlook *look = make_look();
        json_t *reply, *bind, *blocker;

        (void)state;
        asked.local = HOST_ADDR_NO;
        reply = wire_portlook(look, &asked);
        bind = at(get(reply, "binds"), 3);
        assert_bool(reply, "canBind", false);
        assert_bool(reply, "canBindReuse", false);
        assert_bool(bind, "canBind", false);
        assert_bool(bind, "canBindReuse", false);
        assert_bool(bind, "canBindReusePort", false);
        assert_absent(bind, "freeInSec"); /* never by itself */
        assert_int_equal(json_array_size(get(bind, "blockedBy")), 1);
        blocker = at(get(bind, "blockedBy"), 0);
        assert_text(blocker, "what", "address");
        assert_text(blocker, "address", "10.0.0.1");
        assert_text(blocker, "reuseHelps", "no");
        assert_absent(blocker, "reason");
        assert_absent(blocker, "state");
        assert_absent(blocker, "freeInSec");
        assert_bool(at(get(reply, "binds"), 0), "canBind", true);
        assert_non_null(strstr(json_string_value(at(get(reply, "advice"), 0)), "EADDRNOTAVAIL"));
        json_decref(reply);

        asked.local = HOST_ADDR_UNKNOWN;
        reply = wire_portlook(look, &asked);
        assert_non_null(strstr(json_string_value(at(get(reply, "advice"), 0)), "--try"));
        assert_absent(reply, "canBind");
        assert_absent(reply, "canBindReuse");
        assert_absent(at(get(reply, "binds"), 3), "canBindReusePort");
        json_decref(reply);
        portlook_free(look);
}

static void test_addresses_that_are_refused(void **state)
{
        static const struct {
                enum host_addr_answer answer;
                const char *reason, *error;
        } cases[] = { { HOST_ADDR_TENTATIVE, "tentative", "EADDRNOTAVAIL" },
                      { HOST_ADDR_LINK_LOCAL, "link-local", "EINVAL" },
                      { HOST_ADDR_MULTICAST, "multicast", "EINVAL" } };
        struct bind_address asked = local_10;
        struct portlook *look = make_look();

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                json_t *reply, *blocker;

                asked.local = cases[i].answer;
                reply = wire_portlook(look, &asked);
                blocker = at(get(reply, "blockedBy"), 0);
                assert_bool(reply, "canBind", false);
                assert_text(blocker, "what", "address");
                assert_text(blocker, "reason", cases[i].reason);
                assert_non_null(
                        strstr(json_string_value(at(get(reply, "advice"), 0)), cases[i].error));
                json_decref(reply);
        }
        portlook_free(look);
}

static void test_listeners_and_owners(void **state)
{
        struct portlook *look = make_look();
        json_t *reply, *listener;

        (void)state;
        look->listeners[0] = (struct portlook_listener){
                .family = BIND_DUAL, .backlog = 5, .backlog_max = 128, .owner = 2
        };
        look->listeners[1] = (struct portlook_listener){ .family = BIND_IPV6,
                                                         .address = { { [15] = 1 } },
                                                         .owner = 1 };
        look->n_listeners = 2;
        look->listeners_total = 20;
        look->claims.items[0] = (struct bind_claim){
                .kind = CLAIM_LISTENER, .state = SOCK_LISTEN, .family = BIND_DUAL, .count = 1
        };
        look->claims.n = 1;
        look->claim_owner[0] = 2;
        look->n_owners = 2;
        strcpy(look->owners[1].owner.unit, "web.service");
        reply = wire_portlook(look, NULL);
        assert_number(reply, "listenersTotal", 20);
        listener = at(get(reply, "listeners"), 0);
        assert_text(listener, "address", "::");
        assert_text(listener, "family", "dual");
        assert_number(listener, "backlog", 5);
        assert_number(listener, "backlogMax", 128);
        assert_text(get(listener, "owner"), "unit", "web.service");
        listener = at(get(reply, "listeners"), 1);
        assert_text(listener, "address", "::1");
        assert_text(listener, "family", "ipv6");
        assert_absent(listener, "owner"); /* asked for, and not found */
        assert_text(get(at(get(reply, "blockedBy"), 0), "owner"), "unit", "web.service");
        assert_text(at(get(reply, "blockedBy"), 0), "what", "listener");
        assert_text(at(get(reply, "blockedBy"), 0), "state", "LISTEN");
        assert_absent(at(get(reply, "blockedBy"), 0), "freeInSec");
        assert_absent(reply, "freeInSec");
        json_decref(reply);
        portlook_free(look);
}

static void test_connections(void **state)
{
        struct portlook *look = make_look();
        struct portlook_connections *local = &look->sides[PORTLOOK_LOCAL];
        json_t *reply, *side;

        (void)state;
        local->total = 9;
        local->count[SOCK_ESTABLISHED] = 4;
        local->count[SOCK_CLOSE_WAIT] = 3;
        local->count[SOCK_FIN_WAIT2] = 2;
        local->orphans = 1;
        local->stage[STAGE_UNCLOSED] = 3;
        local->oldest_usec = 90 * USEC_PER_SEC;
        local->oldest_at_least = true;
        look->silent_after_usec[PORTLOOK_LOCAL] = 7200 * USEC_PER_SEC;
        local->half_open = (struct half_open){ .known = true, .established = 4, .keepalive = 1 };
        look->sides[PORTLOOK_CLIENT].total = 1;
        look->sides[PORTLOOK_CLIENT].count[SOCK_ESTABLISHED] = 1;
        reply = wire_portlook(look, NULL);
        assert_int_equal(json_array_size(get(reply, "connections")), 2);
        side = at(get(reply, "connections"), 0);
        assert_int_equal(json_object_size(get(side, "states")), 3);
        assert_number(get(side, "states"), "established", 4);
        assert_number(get(side, "states"), "closeWait", 3);
        assert_number(get(side, "states"), "finWait2", 2);
        assert_number(side, "orphans", 1);
        assert_number(get(side, "stages"), "unclosed", 3);
        assert_number(side, "oldestSec", 90);
        assert_bool(side, "oldestAtLeast", true);
        assert_number(get(side, "halfOpen"), "keepalive", 1);
        assert_number(side, "silentAfterSec", 7200);
        assert_absent(side, "timeWaitLastSec");
        assert_text(at(get(reply, "connections"), 1), "side", "client");
        json_decref(reply);
        portlook_free(look);
}

/* Whatever is in a look, the reply fits into one message. */
static void test_the_greatest_reply_fits(void **state)
{
        struct portlook *look = make_look();
        json_t *reply, *message;
        size_t len;
        char *bytes;

        (void)state;
        for (size_t i = 0; i < PORTLOOK_OWNERS_MAX; i++) {
                struct owner *owner = &look->owners[i].owner;

                memset(owner->unit, 'u', sizeof(owner->unit) - 1);
                owner->total = owner->n_processes = OWNER_PROCESSES_LISTED;
                for (size_t p = 0; p < OWNER_PROCESSES_LISTED; p++) {
                        owner->processes[p] = (struct owner_process){ .pid = 4194304,
                                                                      .fds = 1000000000,
                                                                      .fd_limit = 1000000000 };
                        strcpy(owner->processes[p].comm, "fifteen-letters");
                }
        }
        look->n_owners = PORTLOOK_OWNERS_MAX;
        for (size_t i = 0; i < BIND_CLAIMS_MAX; i++) {
                look->claims.items[i] = (struct bind_claim){ .kind = CLAIM_LISTENER,
                                                             .state = SOCK_LISTEN,
                                                             .family = BIND_DUAL,
                                                             .uid = (uint32_t)i,
                                                             .uid_known = true,
                                                             .count = UINT32_MAX };
                look->claim_owner[i] = i % PORTLOOK_OWNERS_MAX + 1;
        }
        look->claims.n = BIND_CLAIMS_MAX;
        look->n_listeners = PORTLOOK_LISTENERS_MAX;
        reply = wire_portlook(look, &local_10);
        assert_int_equal(json_array_size(get(reply, "blockedBy")), BIND_CLAIMS_MAX);
        message = varlink_reply(reply, false);
        assert_int_equal(varlink_encode(message, VARLINK_REPLY_MAX, &bytes, &len), 0);
        free(bytes);
        json_decref(message);
        portlook_free(look);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_port_with_nothing_on_it),
                cmocka_unit_test(test_what_is_unknown_is_left_out),
                cmocka_unit_test(test_no_yes_where_bound_ones_are_not_listed),
                cmocka_unit_test(test_limits),
                cmocka_unit_test(test_time_wait_blocks_for_a_while),
                cmocka_unit_test(test_the_address_that_was_asked_about),
                cmocka_unit_test(test_an_address_of_nobody),
                cmocka_unit_test(test_addresses_that_are_refused),
                cmocka_unit_test(test_listeners_and_owners),
                cmocka_unit_test(test_connections),
                cmocka_unit_test(test_the_greatest_reply_fits),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
