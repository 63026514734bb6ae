/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What comes back after a restart, after a reboot, in another namespace, and from a broken file. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"

#include "conf.h"
#include "keep.h"

#define NOW  (1000 * USEC_PER_SEC)
#define WALL (UINT64_C(1800000000) * USEC_PER_SEC)

struct world {
        char directory[64];
        struct conf *conf;
        sd_event *event;
        struct keep_parts parts;
        struct keep *keep;
        struct events events;
        char notes[4096];
        size_t problems;
};

static void note(void *userdata, const char *line)
{
        struct world *world = userdata;
        const size_t len = strlen(world->notes);

        snprintf(world->notes + len, sizeof(world->notes) - len, "%s\n", line);
}

static void problem(void *userdata, const char *what, int error, const char *next)
{
        struct world *world = userdata;

        (void)what;
        (void)error;
        (void)next;
        world->problems++;
}

static const struct keep_ops ops = { note, problem };

static void start(struct world *world)
{
        assert_int_equal(alert_table_new(&world->parts.alerts), 0);
        assert_int_equal(eventlog_new(&world->parts.events), 0);
        assert_int_equal(scan_new(world->conf, &world->parts.scan), 0);
        assert_int_equal(keep_new(world->directory, &world->parts, &ops, world, &world->keep), 0);
        assert_int_equal(keep_restore(world->keep, NOW, WALL, &world->events), 0);
        assert_int_equal(keep_start(world->keep, world->event), 0);
}

static void stop(struct world *world)
{
        keep_free(TAKE_PTR(world->keep));
        scan_free(TAKE_PTR(world->parts.scan));
        eventlog_free(TAKE_PTR(world->parts.events));
        alert_table_free(TAKE_PTR(world->parts.alerts));
        world->notes[0] = '\0';
}

static void restart(struct world *world)
{
        stop(world);
        start(world);
}

static int setup(void **state)
{
        struct world *world = calloc(1, sizeof(*world));

        assert_non_null(world);
        snprintf(world->directory, sizeof(world->directory), "/tmp/twmon-keep-XXXXXX");
        assert_non_null(mkdtemp(world->directory));
        assert_int_equal(conf_new_default(&world->conf), 0);
        assert_int_equal(sd_event_new(&world->event), 0);
        start(world);
        *state = world;
        return 0;
}

static const char *path_of(const struct world *world, const char *name)
{
        static char path[160];

        snprintf(path, sizeof(path), "%s/%s", world->directory, name);
        return path;
}

static bool is_there(const struct world *world, const char *name)
{
        return access(path_of(world, name), F_OK) == 0;
}

static int teardown(void **state)
{
        static const char *const names[] = { "alerts", "scan", "lock", "alerts.damaged",
                                             "alerts.newer" };
        struct world *world = *state;

        stop(world);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                (void)unlink(path_of(world, names[i]));
        assert_int_equal(rmdir(world->directory), 0);
        events_done(&world->events);
        sd_event_unref(world->event);
        conf_unref(world->conf);
        free(world);
        return 0;
}

static struct alert raised(uint16_t port)
{
        struct alert alert = { .key = { .kind = ALERT_CLOSE_WAIT_STUCK, .port = local_port(port) },
                               .state = ALERT_RAISED,
                               .severity = SEVERITY_WARNING,
                               .since_usec = NOW - 60 * USEC_PER_SEC,
                               .since_wall_usec = WALL - 60 * USEC_PER_SEC };

        owner_clear(&alert.owner);
        snprintf(alert.owner.unit, sizeof(alert.owner.unit), "leaky.service");
        return alert;
}

/* One raised alert, whose event the journal has taken or not. */
static void raise_one(struct world *world, bool told)
{
        const struct alert_table_marks marks = { .sequence = 5 };
        const struct event event = { .sequence = 5,
                                     .transition = TRANSITION_RAISED,
                                     .now_usec = NOW,
                                     .now_wall_usec = WALL,
                                     .alert = raised(8080) };

        assert_int_equal(alert_table_restore(world->parts.alerts, &event.alert), 0);
        alert_table_set_marks(world->parts.alerts, &marks);
        assert_int_equal(eventlog_add(world->parts.events, &event), 0);
        if (told)
                eventlog_set_told(world->parts.events, 5);
        keep_alerts(world->keep);
}

static void test_nothing_was_there(void **state)
{
        struct world *world = *state;

        assert_string_equal(world->notes, "");
        assert_int_equal(alert_table_count(world->parts.alerts), 0);
        restart(world);
        assert_string_equal(world->notes, "");
}

static void test_restart(void **state)
{
        struct world *world = *state;
        struct alert_table_marks marks;

        raise_one(world, true);
        restart(world);
        assert_string_equal(world->notes, "");
        assert_int_equal(world->events.n, 0);
        assert_int_equal(alert_table_count(world->parts.alerts), 1);
        assert_string_equal(alert_table_get(world->parts.alerts, 0)->owner.unit, "leaky.service");
        assert_int_equal(alert_table_get(world->parts.alerts, 0)->state, ALERT_RAISED);
        alert_table_get_marks(world->parts.alerts, &marks);
        assert_int_equal(marks.sequence, 5);
        assert_int_equal(eventlog_count(world->parts.events), 1);
        assert_int_equal(eventlog_told(world->parts.events), 5);
}

static void test_told_and_not_told(void **state)
{
        struct world *world = *state;

        raise_one(world, false);
        restart(world);
        assert_int_equal(eventlog_told(world->parts.events), 0);
        eventlog_set_told(world->parts.events, 5); /* nothing else has changed */
        keep_alerts(world->keep);
        restart(world);
        assert_int_equal(eventlog_told(world->parts.events), 5);
}

/* Rewrites the header of a saved file. */
static void forge(struct world *world, void (*change)(struct statefile_header *header))
{
        struct statefile_header header;
        struct recbuf whole = { 0 }, body = { 0 };
        struct recview view;
        uint8_t data[65536];
        FILE *file;
        size_t len;

        stop(world);
        file = fopen(path_of(world, "alerts"), "re");
        assert_non_null(file);
        len = fread(data, 1, sizeof(data), file);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(statefile_open(data, len, STATEFILE_ALERTS, &header, &view), 0);
        recbuf_put_bytes(&body, view.at, recview_left(&view));
        change(&header);
        assert_int_equal(statefile_wrap(&header, &body, &whole), 0);
        file = fopen(path_of(world, "alerts"), "we");
        assert_non_null(file);
        assert_int_equal(fwrite(whole.data, 1, whole.len, file), whole.len);
        assert_int_equal(fclose(file), 0);
        recbuf_done(&whole);
        recbuf_done(&body);
        start(world);
}

static void change_boot(struct statefile_header *header)
{
        header->boot_id[3] ^= 1;
}

static void test_reboot(void **state)
{
        struct world *world = *state;

        raise_one(world, true);
        forge(world, change_boot);
        assert_string_equal(world->notes, "");
        assert_int_equal(alert_table_count(world->parts.alerts), 0);
        assert_int_equal(world->events.n, 1);
        assert_int_equal(world->events.items[0].transition, TRANSITION_CLEARED);
        assert_int_equal(world->events.items[0].sequence, 6);
        assert_non_null(strstr(world->events.items[0].reason, "restarted"));
        assert_int_equal(eventlog_count(world->parts.events), 1); /* what happened stays known */
}

static void change_netns(struct statefile_header *header)
{
        header->netns++;
}

static void test_other_namespace(void **state)
{
        struct world *world = *state;

        raise_one(world, true);
        forge(world, change_netns);
        assert_non_null(strstr(world->notes, "another network namespace"));
        assert_int_equal(alert_table_count(world->parts.alerts), 0);
        assert_int_equal(world->events.n, 0);
}

static void change_version(struct statefile_header *header)
{
        header->version++;
}

static void test_newer(void **state)
{
        struct world *world = *state;

        raise_one(world, true);
        forge(world, change_version);
        assert_non_null(strstr(world->notes, "alerts.newer"));
        assert_true(is_there(world, "alerts.newer"));
        assert_int_equal(alert_table_count(world->parts.alerts), 0);
}

/* The checksum is right, what it covers is not: a body that no alert table has. */
static void test_implausible(void **state)
{
        struct world *world = *state;
        struct statefile_header header = { .version = STATEFILE_VERSION,
                                           .kind = STATEFILE_ALERTS,
                                           .serial = 99 };
        struct recbuf whole = { 0 }, body = { 0 };
        FILE *file;

        stop(world);
        for (int i = 0; i < 64; i++)
                recbuf_put(&body, UINT64_MAX);
        assert_int_equal(statefile_wrap(&header, &body, &whole), 0);
        file = fopen(path_of(world, "alerts"), "we");
        assert_non_null(file);
        assert_int_equal(fwrite(whole.data, 1, whole.len, file), whole.len);
        assert_int_equal(fclose(file), 0);
        recbuf_done(&whole);
        recbuf_done(&body);
        start(world);
        assert_non_null(strstr(world->notes, "alerts.damaged"));
        assert_true(is_there(world, "alerts.damaged"));
        assert_int_equal(alert_table_count(world->parts.alerts), 0);
        raise_one(world, true);
        restart(world);
        assert_int_equal(alert_table_count(world->parts.alerts), 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_nothing_was_there, setup, teardown),
                cmocka_unit_test_setup_teardown(test_restart, setup, teardown),
                cmocka_unit_test_setup_teardown(test_told_and_not_told, setup, teardown),
                cmocka_unit_test_setup_teardown(test_reboot, setup, teardown),
                cmocka_unit_test_setup_teardown(test_other_namespace, setup, teardown),
                cmocka_unit_test_setup_teardown(test_newer, setup, teardown),
                cmocka_unit_test_setup_teardown(test_implausible, setup, teardown),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests_name("keep", tests, NULL, NULL);
}
