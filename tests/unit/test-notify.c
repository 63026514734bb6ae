/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The line that systemctl status shows. */

#include "fixture.h"

#include "alerttable.h"
#include "notify.h"

#define MIDNIGHT_USEC (UINT64_C(1700006400) * USEC_PER_SEC) /* 2023-11-15 00:00:00 UTC */

struct world {
        struct snapshot *snapshot;
        struct alert_table *alerts;
};

static int setup(void **state)
{
        struct world *world = calloc(1, sizeof(*world));
        const struct port_row row = { .key = local_port(7865) };

        assert_non_null(world);
        setenv("TZ", "UTC", 1);
        world->snapshot = make_snapshot(1, &row, 1);
        world->snapshot->start_wall_usec = MIDNIGHT_USEC + 3723 * USEC_PER_SEC;
        world->snapshot->cost =
                (struct scan_cost){ .messages = 512, .cpu_usec = 1340, .wall_usec = 9999 };
        assert_int_equal(alert_table_new(&world->alerts), 0);
        *state = world;
        return 0;
}

static int teardown(void **state)
{
        struct world *world = *state;

        snapshot_unref(world->snapshot);
        alert_table_free(world->alerts);
        free(world);
        return 0;
}

static struct alert *add(struct world *world, enum alert_kind kind, uint16_t port,
                         enum severity severity)
{
        const struct alert_key key = { .kind = kind, .port = local_port(port) };
        struct alert *alert;

        assert_int_equal(alert_table_claim(world->alerts, &key, &alert), ALERT_NEW);
        alert->state = ALERT_RAISED;
        alert->severity = severity;
        alert->since_usec = 1000;
        return alert;
}

static void assert_status(const struct world *world, const char *wanted)
{
        char status[NOTIFY_STATUS_MAX];

        assert_string_equal(notify_format_status(world->snapshot, world->alerts, status), wanted);
}

static void test_quiet(void **state)
{
        struct world *world = *state;

        add(world, ALERT_CLOSE_WAIT_STUCK, 80, SEVERITY_CRITICAL)->state = ALERT_PENDING;
        assert_status(world, "1 port watched; no alerts; last scan at 01:02:03: 512 sockets, "
                             "1.3 ms of CPU");
        world->snapshot->result = SCAN_PARTIAL;
        world->snapshot->n_rows = 0;
        world->snapshot->cost.messages = 1;
        assert_status(world, "0 ports watched; no alerts; last scan at 01:02:03 (partial): "
                             "1 socket, 1.3 ms of CPU");
        world->snapshot->n_rows = 1;
}

static void test_names_the_worst(void **state)
{
        struct world *world = *state;

        world->snapshot->cost = (struct scan_cost){ 0 };
        add(world, ALERT_CLOSE_WAIT_STUCK, 80, SEVERITY_WARNING);
        assert_status(world, "1 port watched; 1 alert: warning close-wait-stuck on local port 80; "
                             "last scan at 01:02:03: 0 sockets, 0.0 ms of CPU");
        add(world, ALERT_CLOSE_WAIT_STUCK, 81, SEVERITY_CRITICAL);
        add(world, ALERT_CLOSE_WAIT_LEAK, 82, SEVERITY_CRITICAL)->since_usec = 999;
        assert_status(world, "1 port watched; 3 alerts, worst: critical close-wait-leak on "
                             "local port 82; last scan at 01:02:03: 0 sockets, 0.0 ms of CPU");
}

/* It is known: what is new is named first. */
static void test_acknowledged(void **state)
{
        struct world *world = *state;

        world->snapshot->cost = (struct scan_cost){ 0 };
        add(world, ALERT_CLOSE_WAIT_STUCK, 80, SEVERITY_CRITICAL)->acknowledgement.given = true;
        add(world, ALERT_CLOSE_WAIT_STUCK, 81, SEVERITY_CRITICAL)->since_usec = 2000;
        add(world, ALERT_CLOSE_WAIT_STUCK, 82, SEVERITY_WARNING);
        assert_status(world, "1 port watched; 3 alerts (1 acknowledged), worst: critical "
                             "close-wait-stuck on local port 81; last scan at 01:02:03: "
                             "0 sockets, 0.0 ms of CPU");
}

static void test_blind(void **state)
{
        struct world *world = *state;
        const struct alert_key key = { .kind = ALERT_BLIND };
        struct alert *alert;

        world->snapshot->result = SCAN_FAILED;
        strcpy(world->snapshot->error_text, "no tcp_diag");
        assert_int_equal(alert_table_claim(world->alerts, &key, &alert), ALERT_NEW);
        alert->state = ALERT_RAISED;
        alert->severity = SEVERITY_CRITICAL;
        assert_status(world, "Cannot see: no tcp_diag; 1 alert: critical blind on this host; "
                             "last scan at 01:02:03");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                T(test_quiet),
                T(test_names_the_worst),
                T(test_acknowledged),
                T(test_blind),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
