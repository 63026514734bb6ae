/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * port-exhaustion from a census to its events: levels, hold times, what an old or partial census and
 * sockstat may say; and its words, keys and JSON.
 */

#include "judge.h"

#include <arpa/inet.h>

#include "phrase.h"
#include "wire.h"

struct world {
        struct judge judge;
        int64_t sockets; /* sockstat */
};

static struct destination_row row_of(uint32_t used)
{
        struct destination_row row = { .port = { .side = SIDE_REMOTE, .port = 5432 },
                                       .destination = { .family = ADDR_IPV4 },
                                       .exhaustion = { .known = true,
                                                       .used = used,
                                                       .usable = 200,
                                                       .pause_usec = JUDGE_STEP },
                                       .witness = { .known = true, .inode = 7 } };

        assert_int_equal(inet_pton(AF_INET, "10.0.0.1", row.destination.source.bytes), 1);
        assert_int_equal(inet_pton(AF_INET, "10.0.0.2", row.destination.address.bytes), 1);
        return row;
}

static struct destination_row burning_row(uint32_t used, unsigned eta_sec)
{
        struct destination_row row = row_of(used);

        row.exhaustion.burning = true;
        row.exhaustion.burn_per_min = (200.0 - used) / eta_sec * 60;
        row.exhaustion.eta_usec = eta_sec * USEC_PER_SEC;
        return row;
}

static void set_rule(struct world *world, int64_t warning, int64_t critical)
{
        const struct rule rule = { .kind = ALERT_PORT_EXHAUSTION,
                                   .warning = warning,
                                   .critical = critical,
                                   .raise_after_usec = 20 * USEC_PER_SEC,
                                   .clear_after_usec = 60 * USEC_PER_SEC,
                                   .remind_every_usec = 3600 * USEC_PER_SEC,
                                   .clear_below_pct = 80,
                                   .origin = "built-in" };

        judge_set_rules(&world->judge, &rule, 1);
}

static int setup(void **state)
{
        struct world *world = calloc(1, sizeof(*world));

        assert_non_null(world);
        judge_init(&world->judge, NULL, 0);
        set_rule(world, 70, 85);
        world->sockets = 1000;
        *state = world;
        return 0;
}

static int teardown(void **state)
{
        struct world *world = *state;

        judge_done(&world->judge);
        free(world);
        return 0;
}

static struct snapshot *snapshot_now(struct world *world)
{
        struct snapshot *snapshot = make_snapshot(++world->judge.generation, NULL, 0);

        snapshot->start_usec = world->judge.now;
        host_facts_clear(&snapshot->host);
        snapshot->host.sockstat.inuse = world->sockets;
        snapshot->host.sockstat.tw = world->sockets >= 0 ? 0 : HOST_UNKNOWN;
        return snapshot;
}

static struct census *census_of(const struct world *world, const struct destination_row *rows,
                                size_t n)
{
        struct census *census = calloc(1, sizeof(*census));

        assert_non_null(census);
        census->refs = 1;
        census->whole = true;
        census->asof_usec = world->judge.now;
        census->destinations_counted = true;
        census->usable = 200;
        census->destinations = calloc(n + 1, sizeof(*rows));
        assert_non_null(census->destinations);
        if (n > 0)
                memcpy(census->destinations, rows, n * sizeof(*rows));
        census->n_destinations = n;
        return census;
}

static size_t judge(struct world *world, struct census *census)
{
        struct snapshot *snapshot = snapshot_now(world);

        snapshot->census = census;
        return judge_see(&world->judge, snapshot);
}

static size_t see_row(struct world *world, const struct destination_row *row)
{
        return judge(world, census_of(world, row, 1));
}

static size_t see(struct world *world, uint32_t used)
{
        const struct destination_row row = row_of(used);

        return see_row(world, &row);
}

static const struct event *only_event(const struct world *world, enum transition transition)
{
        assert_int_equal(world->judge.events.n, 1);
        assert_int_equal(world->judge.events.items[0].transition, transition);
        return &world->judge.events.items[0];
}

static void levels_are_percentages(void **state)
{
        struct world *world = *state;
        const struct event *event;

        assert_int_equal(see(world, 139), 0);
        assert_int_equal(alert_table_count(world->judge.table), 0);
        assert_int_equal(see(world, 140), 0);
        assert_int_equal(alert_table_count(world->judge.table), 1);
        assert_int_equal(see(world, 140), 0);
        assert_int_equal(see(world, 140), 1);
        event = only_event(world, TRANSITION_RAISED);
        assert_int_equal(event->alert.severity, SEVERITY_WARNING);
        assert_int_equal(event->alert.values.count, 70);
        assert_int_equal(event->alert.values.exhaustion.used, 140);
        assert_int_equal(event->alert.witness.inode, 7);
        assert_false(event->alert.values.port_known);

        assert_int_equal(see(world, 170), 0);
        assert_int_equal(see(world, 170), 0);
        assert_int_equal(see(world, 170), 1);
        only_event(world, TRANSITION_ESCALATED);
        for (unsigned i = 0; i < 6; i++)
                assert_int_equal(see(world, 130), 0);
        assert_int_equal(see(world, 130), 1);
        only_event(world, TRANSITION_DEESCALATED);
        for (unsigned i = 0; i < 6; i++)
                assert_int_equal(see(world, 112), 0); /* 56 % is 80 % of 70 % */
        assert_int_equal(see(world, 112), 1);
        only_event(world, TRANSITION_CLEARED);
}

static void time_that_is_left_shortens_the_hold(void **state)
{
        struct world *world = *state;
        struct destination_row row = burning_row(150, 31);

        assert_int_equal(see_row(world, &row), 0); /* later than RaiseAfter and one interval */
        row = burning_row(152, 30);
        assert_int_equal(see_row(world, &row), 1);
        assert_int_equal(only_event(world, TRANSITION_RAISED)->alert.severity, SEVERITY_WARNING);
        row = burning_row(172, 25);
        assert_int_equal(see_row(world, &row), 1);
        only_event(world, TRANSITION_ESCALATED);
}

static void no_time_for_another_scan_is_critical(void **state)
{
        struct world *world = *state;
        struct destination_row row = burning_row(130, 5);

        assert_int_equal(see_row(world, &row), 0); /* no level is reached */
        assert_int_equal(alert_table_count(world->judge.table), 0);
        row = burning_row(150, 10);
        assert_int_equal(see_row(world, &row), 1);
        assert_int_equal(only_event(world, TRANSITION_RAISED)->alert.severity, SEVERITY_CRITICAL);

        set_rule(world, 70, RULE_LEVEL_OFF);
        row.destination.source.bytes[3] = 9;
        assert_int_equal(see_row(world, &row), 1);
        assert_int_equal(only_event(world, TRANSITION_RAISED)->alert.severity, SEVERITY_WARNING);
}

static void none_left_does_not_wait(void **state)
{
        struct world *world = *state;

        assert_int_equal(see(world, 200), 1);
        assert_int_equal(only_event(world, TRANSITION_RAISED)->alert.severity, SEVERITY_CRITICAL);
}

static void raise_warning(struct world *world)
{
        while (see(world, 150) == 0)
                ;
        only_event(world, TRANSITION_RAISED);
}

static void an_old_census_says_nothing(void **state)
{
        struct world *world = *state;
        const struct destination_row few = row_of(10), many = row_of(190);
        struct census *old = census_of(world, &many, 1);

        world->judge.now += JUDGE_STEP;
        for (unsigned i = 0; i < 5; i++)
                assert_int_equal(judge(world, census_ref(old)), 0);
        assert_int_equal(alert_table_count(world->judge.table), 0);
        census_unref(old);

        raise_warning(world);
        old = census_of(world, &few, 1);
        world->judge.now += JUDGE_STEP;
        for (unsigned i = 0; i < 20; i++)
                assert_int_equal(judge(world, census_ref(old)), 0);
        assert_int_equal(alert_table_count(world->judge.table), 1);
        assert_false(alert_is_clearing(alert_table_get(world->judge.table, 0)));
        assert_int_equal(alert_table_get(world->judge.table, 0)->values.exhaustion.used, 150);
        census_unref(old);
        for (unsigned i = 0; i < 20; i++)
                assert_int_equal(judge(world, NULL), 0);
        assert_false(alert_is_clearing(alert_table_get(world->judge.table, 0)));
}

static void a_partial_census_clears_nothing(void **state)
{
        struct world *world = *state;

        raise_warning(world);
        for (unsigned i = 0; i < 20; i++) {
                const struct destination_row row = row_of(5);
                struct census *census = census_of(world, &row, 1);

                census->whole = false;
                assert_int_equal(judge(world, census), 0);
        }
        assert_int_equal(alert_table_get(world->judge.table, 0)->values.exhaustion.used, 150);
}

static void sockstat_alone_can_clear(void **state)
{
        struct world *world = *state;

        raise_warning(world);
        world->sockets = 114; /* 57 % */
        for (unsigned i = 0; i < 20; i++)
                assert_int_equal(judge(world, NULL), 0);
        world->sockets = HOST_UNKNOWN;
        for (unsigned i = 0; i < 20; i++)
                assert_int_equal(judge(world, NULL), 0);
        world->sockets = 113; /* 56 % */
        for (unsigned i = 0; i < 6; i++)
                assert_int_equal(judge(world, NULL), 0);
        assert_int_equal(judge(world, NULL), 1);
        only_event(world, TRANSITION_CLEARED);
}

static void one_that_is_not_listed_has_few(void **state)
{
        struct world *world = *state;
        struct destination_row rows[CENSUS_DESTINATIONS_MAX];

        raise_warning(world);
        for (unsigned i = 0; i < 6; i++)
                assert_int_equal(judge(world, census_of(world, NULL, 0)), 0);
        assert_int_equal(judge(world, census_of(world, NULL, 0)), 1);
        only_event(world, TRANSITION_CLEARED);

        raise_warning(world);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                rows[i] = row_of(130); /* a list that is full: it may have as many */
                rows[i].destination.address.bytes[2] = (uint8_t)i;
                rows[i].destination.address.bytes[1] = 1;
        }
        for (unsigned i = 0; i < 20; i++)
                assert_int_equal(judge(world, census_of(world, rows, ARRAY_SIZE(rows))), 0);
        assert_int_equal(alert_table_count(world->judge.table), 1);
}

/* What may be too great raises nothing by that alone, and clears only without it. */
static void the_error_is_held_against_both(void **state)
{
        struct world *world = *state;
        struct destination_row row = row_of(160);

        row.exhaustion.error_max = 30;
        for (unsigned i = 0; i < 5; i++)
                assert_int_equal(see_row(world, &row), 0);
        assert_int_equal(alert_table_count(world->judge.table), 0);
        raise_warning(world);
        row = row_of(120);
        row.exhaustion.error_max = 30;
        for (unsigned i = 0; i < 20; i++)
                assert_int_equal(see_row(world, &row), 0);
}

static struct event event_of(const struct destination_row *row)
{
        struct event event = { .sequence = 1,
                               .transition = TRANSITION_RAISED,
                               .now_usec = JUDGE_STEP,
                               .alert = { .key = { .kind = ALERT_PORT_EXHAUSTION,
                                                   .port = row->port,
                                                   .destination = row->destination },
                                          .state = ALERT_RAISED,
                                          .severity = SEVERITY_WARNING,
                                          .since_wall_usec = 1,
                                          .since_usec = JUDGE_STEP,
                                          .values = { .count = row->exhaustion.used / 2,
                                                      .exhaustion = row->exhaustion },
                                          .warning = 70,
                                          .critical = 85,
                                          .origin = "built-in" } };

        owner_clear(&event.alert.owner);
        return event;
}

static void assert_sentence(const struct event *event, const char *expected)
{
        char buf[PHRASE_MAX];

        assert_string_equal(phrase_event(event, buf), expected);
}

static void it_says_so_in_words(void **state)
{
        struct destination_row row = burning_row(142, 14);
        struct event event;

        (void)state;
        row.exhaustion.burn_per_min = 240;
        event = event_of(&row);
        assert_sentence(&event, "remote port 5432: 142 of 200 local ports towards 10.0.0.2 port "
                                "5432 (from 10.0.0.1) are in use, 4.0 more a second, connect() "
                                "fails in 14s");
        event.alert.values.exhaustion.burn_per_min = 30;
        event.alert.values.exhaustion.reusable = 9;
        assert_sentence(&event, "remote port 5432: 142 of 200 local ports towards 10.0.0.2 port "
                                "5432 (from 10.0.0.1) are in use, besides 9 that connect() takes "
                                "over from TIME_WAIT, 30.0 more a minute, connect() fails in 14s");
        row = row_of(200);
        event = event_of(&row);
        event.alert.severity = SEVERITY_CRITICAL;
        assert_sentence(&event, "remote port 5432: critical, 200 of 200 local ports towards "
                                "10.0.0.2 port 5432 (from 10.0.0.1) are in use, connect() fails");
        row = row_of(12);
        row.exhaustion.error_max = 12;
        event = event_of(&row);
        event.transition = TRANSITION_CLEARED;
        event.now_usec += 90 * USEC_PER_SEC;
        assert_sentence(
                &event,
                "remote port 5432: port-exhaustion alert cleared after 1min 30s, now at most 12 of 200 "
                "local ports towards 10.0.0.2 port 5432 (from 10.0.0.1) are in "
                "use");
        assert_non_null(strstr(phrase_advice(ALERT_PORT_EXHAUSTION), "tcp_tw_reuse"));
}

static void keys_name_both_addresses(void **state)
{
        struct destination_row row = row_of(1);
        struct event event = event_of(&row);
        char text[ALERT_KEY_TEXT_MAX];

        (void)state;
        assert_string_equal(alert_key_text(&event.alert.key, text),
                            "port-exhaustion:-:remote:5432:10.0.0.1_10.0.0.2");
        event.alert.key.destination.family = ADDR_IPV6;
        memset(event.alert.key.destination.source.bytes, 0xff, 16);
        memset(event.alert.key.destination.address.bytes, 0xff, 16);
        event.alert.key.port.netns = UINT32_MAX;
        event.alert.key.port.port = 65535;
        assert_string_equal(alert_key_text(&event.alert.key, text),
                            "port-exhaustion:4294967295:remote:65535:"
                            "ffff%3Affff%3Affff%3Affff%3Affff%3Affff%3Affff%3Affff_"
                            "ffff%3Affff%3Affff%3Affff%3Affff%3Affff%3Affff%3Affff");
        event.alert.key.destination = (struct destination){ 0 };
        assert_string_equal(alert_key_text(&event.alert.key, text),
                            "port-exhaustion:4294967295:remote:65535:-");
}

static void assert_member(json_t *object, const char *name, const char *expected)
{
        json_t *member = json_object_get(object, name);
        char *text = member ? json_dumps(member, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

        if (!expected)
                assert_null(text);
        else
                assert_string_equal(text ? text : "(absent)", expected);
        free(text);
}

static void json_has_what_is_known(void **state)
{
        struct destination_row row = burning_row(150, 20);
        struct event event = event_of(&row);
        json_t *object = wire_alert(&event.alert, JUDGE_STEP);

        (void)state;
        assert_non_null(object);
        assert_member(object, "etaSec", "20");
        assert_member(
                object, "destination",
                "{\"source\":\"10.0.0.1\",\"address\":\"10.0.0.2\",\"port\":5432,\"used\":150,"
                "\"reusable\":0,\"usable\":200,\"errorMax\":0,\"usedPercent\":75.0,"
                "\"burnPerMin\":150.0,\"etaSec\":20}");
        json_decref(object);

        row = row_of(150);
        row.exhaustion.usable = 0;
        object = wire_destination(&row.port, &row.destination, &row.exhaustion, NULL);
        assert_member(object, "usable", NULL);
        assert_member(object, "usedPercent", NULL);
        assert_member(object, "burnPerMin", NULL);
        assert_member(object, "etaSec", NULL);
        json_decref(object);
}

static void the_list_is_cut_and_counted(void **state)
{
        struct world *world = *state;
        const struct destination_row rows[] = { row_of(3), row_of(2), row_of(1) };
        struct census *census = census_of(world, rows, ARRAY_SIZE(rows));
        struct kernlimits limits;
        json_t *object;

        kernlimits_clear(&limits);
        census->asof_wall_usec = UINT64_C(1769860800250) * 1000;
        census->destinations_total = 9;
        census->error_max = 4;
        object = wire_destinations(census, &limits, 2);
        assert_non_null(object);
        assert_int_equal(json_array_size(json_object_get(object, "destinations")), 2);
        assert_member(object, "total", "9");
        assert_member(object, "seenAt", "\"2026-01-31T12:00:00.250Z\"");
        assert_member(object, "partial", "false");
        assert_member(object, "errorMax", "4");
        assert_member(object, "portFirst", NULL);
        assert_member(object, "reservedPorts", NULL);
        assert_member(object, "usable", "200");
        json_decref(object);

        limits.port_range_known = true;
        limits.port_first = 40000;
        limits.port_last = 40199;
        limits.reserved_in_range = 0;
        census->usable = 0;
        census->whole = false;
        object = wire_destinations(census, &limits, 256);
        assert_int_equal(json_array_size(json_object_get(object, "destinations")), 3);
        assert_member(object, "partial", "true");
        assert_member(object, "portFirst", "40000");
        assert_member(object, "portLast", "40199");
        assert_member(object, "reservedPorts", "0");
        assert_member(object, "usable", NULL);
        json_decref(object);
        census_unref(census);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(levels_are_percentages, setup, teardown),
                cmocka_unit_test_setup_teardown(time_that_is_left_shortens_the_hold, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(no_time_for_another_scan_is_critical, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(none_left_does_not_wait, setup, teardown),
                cmocka_unit_test_setup_teardown(an_old_census_says_nothing, setup, teardown),
                cmocka_unit_test_setup_teardown(a_partial_census_clears_nothing, setup, teardown),
                cmocka_unit_test_setup_teardown(sockstat_alone_can_clear, setup, teardown),
                cmocka_unit_test_setup_teardown(one_that_is_not_listed_has_few, setup, teardown),
                cmocka_unit_test_setup_teardown(the_error_is_held_against_both, setup, teardown),
                cmocka_unit_test(it_says_so_in_words),
                cmocka_unit_test(keys_name_both_addresses),
                cmocka_unit_test(json_has_what_is_known),
                cmocka_unit_test_setup_teardown(the_list_is_cut_and_counted, setup, teardown),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
