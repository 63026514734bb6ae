/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which ports have a name, that sums stay right, that nothing unknown is told, and how long it gets. */

#include "fixture.h"

#include <stdio.h>

#include "alerttable.h"
#include "metrics-ports.h"
#include "metrics.h"
#include "varlink.h"

#include <jansson.h>

#define MANY 12000

struct world {
        struct control_view view;
        struct alert_table *alerts;
        struct conf *conf;
        struct snapshot *snapshot;
        char *text;
};

static int setup(void **state)
{
        struct world *world = calloc(1, sizeof(*world));

        assert_non_null(world);
        assert_int_equal(alert_table_new(&world->alerts), 0);
        assert_int_equal(conf_new_default(&world->conf), 0);
        world->view = (struct control_view){ .alerts = world->alerts, .conf = world->conf };
        *state = world;
        return 0;
}

static int teardown(void **state)
{
        struct world *world = *state;

        free(world->text);
        snapshot_unref(world->snapshot);
        alert_table_free(world->alerts);
        conf_unref(world->conf);
        free(world);
        return 0;
}

static void see(struct world *world, const struct port_row *rows, size_t n)
{
        snapshot_unref(world->snapshot);
        world->snapshot = make_snapshot(1, rows, n);
        world->snapshot->start_usec = world->snapshot->end_usec = 999 * USEC_PER_SEC;
        host_facts_clear(&world->snapshot->host);
        world->snapshot->host.limits.port_range_known = true;
        world->snapshot->host.limits.port_first = 32768;
        world->snapshot->host.limits.port_last = 60999;
        world->view.snapshot = world->snapshot;
}

static const char *tell(struct world *world)
{
        const struct control_stats stats = { 0 };

        free(world->text);
        world->text = NULL;
        assert_int_equal(metrics_text(&world->view, &stats, 1000 * USEC_PER_SEC, OPENMETRICS_1_0,
                                      &world->text),
                         0);
        return world->text;
}

static bool has_line(const char *text, const char *line)
{
        const char *at = text;
        const size_t len = strlen(line);

        while ((at = strstr(at, line))) {
                if ((at == text || at[-1] == '\n') && at[len] == '\n')
                        return true;
                at += len;
        }
        return false;
}

/* The sum of all samples that begin like that. */
static double sum_of(const char *text, const char *begin)
{
        double sum = 0;

        for (const char *line = text; line; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (strncmp(line, begin, strlen(begin)) == 0)
                        sum += strtod(strstr(line, "} ") + 2, NULL);
        }
        return sum;
}

static void before_the_first_scan(void **state)
{
        const char *text = tell(*state);

        assert_null(strstr(text, "twmon_sockets"));
        assert_null(strstr(text, "twmon_close_wait"));
        assert_null(strstr(text, "twmon_scan_complete"));
        assert_true(has_line(text, "twmon_verdict{verdict=\"unknown\"} 1"));
        assert_true(has_line(text, "twmon_scans_total 0"));
        assert_true(has_line(
                text, "twmon_alerts{kind=\"blind\",severity=\"warning\",state=\"raised\"} 0"));
        assert_null(strstr(text, "twmon_alert_info"));
        assert_string_equal(text + strlen(text) - 6, "# EOF\n");
}

static void services_have_names(void **state)
{
        const struct port_row rows[] = {
                { .key = local_port(80), .flags = PORT_LISTENING, .count[SOCK_CLOSE_WAIT] = 1 },
                { .key = local_port(40000), .flags = PORT_LISTENED, .count[SOCK_CLOSE_WAIT] = 2 },
                { .key = local_port(50000), .flags = PORT_CONFIGURED, .count[SOCK_CLOSE_WAIT] = 4 },
                { .key = local_port(45000), .count[SOCK_CLOSE_WAIT] = 8, .stuck = 3 },
                { .key = local_port(90),
                  .flags = PORT_LISTENING | PORT_IGNORED,
                  .count[SOCK_CLOSE_WAIT] = 16 },
                { .key = { .side = SIDE_REMOTE, .port = 5432 }, .count[SOCK_CLOSE_WAIT] = 32 },
                { .key = { .side = SIDE_REMOTE, .port = 33333 }, .count[SOCK_CLOSE_WAIT] = 64 },
        };
        static const char *const lines[] = {
                "twmon_sockets{side=\"local\",port=\"80\",state=\"close_wait\"} 1",
                "twmon_sockets{side=\"local\",port=\"40000\",state=\"close_wait\"} 2",
                "twmon_sockets{side=\"local\",port=\"50000\",state=\"close_wait\"} 4",
                "twmon_sockets{side=\"local\",port=\"other\",state=\"close_wait\"} 24",
                "twmon_sockets{side=\"remote\",port=\"5432\",state=\"close_wait\"} 32",
                "twmon_sockets{side=\"remote\",port=\"other\",state=\"close_wait\"} 64",
                "twmon_close_wait_stuck{side=\"local\",port=\"other\"} 3",
        };
        struct world *world = *state;

        see(world, rows, ARRAY_SIZE(rows));
        tell(world);
        for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
                assert_true(has_line(world->text, lines[i]));
        assert_null(strstr(world->text, "\"45000\""));
        assert_null(strstr(world->text, "\"33333\""));
        assert_null(strstr(world->text, "\"90\""));

        world->snapshot->host.limits.port_range_known = false;
        tell(world);
        assert_null(strstr(world->text, "\"5432\"")); /* it may be ephemeral */
        assert_non_null(strstr(world->text, "\"40000\""));
}

/* What a scan did not count whole, or did not see at all, is not told. */
static void unknown_is_absent(void **state)
{
        const struct port_row row = { .key = local_port(80),
                                      .flags = PORT_LISTENING,
                                      .count[SOCK_CLOSE_WAIT] = 5 };
        struct world *world = *state;

        see(world, &row, 1);
        assert_null(strstr(tell(world), "oldest_seconds{"));
        world->snapshot->complete = SOCK_MASK(SOCK_TIME_WAIT);
        tell(world);
        assert_null(strstr(world->text, "close_wait\"}"));
        assert_null(strstr(world->text, "twmon_close_wait"));
        assert_non_null(strstr(world->text, "state=\"time_wait\"}"));
        assert_null(strstr(world->text, "twmon_time_wait_table"));
        assert_null(strstr(world->text, "twmon_tcp_events"));

        world->snapshot->complete = 0;
        world->snapshot->estimated = SOCK_MASK(SOCK_TIME_WAIT);
        assert_non_null(strstr(tell(world), "state=\"time_wait\"}"));
        world->snapshot->result = SCAN_FAILED;
        tell(world);
        assert_null(strstr(world->text, "twmon_sockets{"));
        assert_true(has_line(world->text, "twmon_scan_complete 0"));
        assert_true(has_line(world->text, "twmon_verdict{verdict=\"unknown\"} 1"));
}

/* Each of limitsHit that only grows has its sample, so that a rule can see it grow. */
static void limits_are_told(void **state)
{
        static const char *const lines[] = {
                "twmon_limit_hits_total{limit=\"journal\"} 2",
                "twmon_limit_hits_total{limit=\"recording\"} 3",
                "twmon_limit_hits_total{limit=\"history\"} 4",
                "twmon_limit_hits_total{limit=\"looks\"} 5",
        };
        struct world *world = *state;

        world->view.journal_lost = 2;
        world->view.recording_lost = 3;
        world->view.history_lost = 4;
        world->view.looks_refused = 5;
        tell(world);
        for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
                assert_true(has_line(world->text, lines[i]));
}

/* Numbers of a scan that is long over are not of now, nor are those of an old census. */
static void old_is_absent(void **state)
{
        const struct port_row row = { .key = local_port(80), .flags = PORT_LISTENING };
        struct destination_row destination = {
                .exhaustion = { .known = true, .used = 50, .usable = 200 },
        };
        struct census census = { .refs = 2,
                                 .destinations_counted = true,
                                 .destinations = &destination,
                                 .n_destinations = 1 };
        struct world *world = *state;

        see(world, &row, 1);
        world->snapshot->census = &census;
        census.asof_usec = 999 * USEC_PER_SEC;
        assert_true(has_line(tell(world), "twmon_destination_ports_used_ratio 0.250000"));
        census.asof_usec = 800 * USEC_PER_SEC;
        assert_null(strstr(tell(world), "twmon_destination_ports_used_ratio"));
        assert_non_null(strstr(world->text, "twmon_sockets{"));

        world->snapshot->end_usec = 100 * USEC_PER_SEC;
        assert_null(strstr(tell(world), "twmon_sockets{"));
        assert_null(strstr(world->text, "twmon_close_wait"));
        assert_null(strstr(world->text, "twmon_ephemeral_ports"));
        assert_true(has_line(world->text, "twmon_verdict{verdict=\"unknown\"} 1"));
        world->snapshot->census = NULL;
}

/* 12,000 services on each side, and as many alerts as there can be, with the longest names. */
static void fill(struct world *world)
{
        struct port_row *rows = calloc(2 * MANY, sizeof(*rows));

        assert_non_null(rows);
        for (size_t i = 0; i < 2 * MANY; i++)
                rows[i] = (struct port_row){
                        .key = { .side = i < MANY ? SIDE_LOCAL : SIDE_REMOTE,
                                 .port = (uint16_t)(1 + i % MANY) },
                        .flags = PORT_LISTENING,
                        .count[SOCK_CLOSE_WAIT] = 7,
                        .count[SOCK_TIME_WAIT] = UINT16_MAX,
                        .stage = { 1, 2, 2, 2 },
                        .stuck = i == MANY - 1 ? 5 : 0,
                        .oldest_usec = UINT64_C(99999999) * USEC_PER_SEC,
                };
        see(world, rows, 2 * MANY);
        free(rows);
        for (uint16_t port = 1; port <= ALERTS_MAX - ALERTS_HOST; port++) {
                const struct alert_key key = { .kind = ALERT_PORT_EXHAUSTION,
                                               .port = local_port(port),
                                               .destination.family = ADDR_IPV6 };
                struct alert *alert;

                assert_int_equal(alert_table_claim(world->alerts, &key, &alert), ALERT_NEW);
                memset((void *)&alert->key.destination.address, 0xab, 16);
                alert->severity = port > 700 ? SEVERITY_CRITICAL : SEVERITY_WARNING;
                alert->state = ALERT_RAISED;
                alert->values.exhaustion = (struct exhaustion){ .known = true,
                                                                .burning = true,
                                                                .eta_usec = UINT64_C(1) << 50 };
                memset(alert->owner.unit, '"', sizeof(alert->owner.unit) - 1);
        }
}

static void cardinality_is_bounded(void **state)
{
        struct world *world = *state;
        const char *text;
        json_t *reply;
        size_t len, n = 0;
        char *bytes;

        fill(world);
        text = tell(world);
        for (const char *at = text; (at = strstr(at, "\ntwmon_close_wait_stuck{")); at++)
                n++;
        assert_int_equal(n, METRICS_PORTS_MAX + 2);
        n = 0;
        for (const char *at = text; (at = strstr(at, "\ntwmon_alert_info{")); at++)
                n++;
        assert_int_equal(n, METRICS_ALERTS_MAX);
        assert_null(strstr(text, "twmon_alert_info{kind=\"port-exhaustion\",severity=\"warning\""));
        assert_true(sum_of(text, "twmon_alerts{") == ALERTS_MAX - ALERTS_HOST);

        /* sums are right whatever has a name; who has something stuck has one */
        assert_true(sum_of(text, "twmon_sockets{side=\"local\"") == (7.0 + UINT16_MAX) * MANY);
        assert_true(sum_of(text, "twmon_sockets{side=\"remote\"") == (7.0 + UINT16_MAX) * MANY);
        assert_true(sum_of(text, "twmon_close_wait_sockets{") == 7.0 * 2 * MANY);
        assert_true(has_line(text, "twmon_close_wait_stuck{side=\"local\",port=\"12000\"} 5"));

        /* the longest there can be finds room in a reply */
        reply = varlink_reply(json_pack("{s:s}", "text", text), false);
        assert_int_equal(varlink_encode(reply, VARLINK_REPLY_MAX, &bytes, &len), 0);
        print_message("# %zu bytes of text, %zu as a reply\n", strlen(text), len);
        free(bytes);
        json_decref(reply);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(before_the_first_scan, setup, teardown),
                cmocka_unit_test_setup_teardown(services_have_names, setup, teardown),
                cmocka_unit_test_setup_teardown(unknown_is_absent, setup, teardown),
                cmocka_unit_test_setup_teardown(old_is_absent, setup, teardown),
                cmocka_unit_test_setup_teardown(limits_are_told, setup, teardown),
                cmocka_unit_test_setup_teardown(cardinality_is_bounded, setup, teardown),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
