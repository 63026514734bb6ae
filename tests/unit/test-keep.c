/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What comes back after a restart, after a reboot, in another namespace, and from a broken file. */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"

#include "alerttable.h"
#include "conf.h"
#include "keep.h"
#include "scan-private.h"
#include "tempdir.h"

#define NOW  (1000 * USEC_PER_SEC)
#define WALL (UINT64_C(1800000000) * USEC_PER_SEC)

struct world {
        char directory[TEMPDIR_SIZE];
        struct conf *conf;
        sd_event *event;
        struct keep_parts parts;
        struct keep *keep;
        struct events events;
        char notes[4096];
        char problem[256]; /* the last one */
        size_t problems;
        int kept; /* what the service manager passes; -1: nothing */
};

/* ---- memory that is at an end ---- */

static __thread bool no_memory;

/* Takes the place of libc's. */
void *realloc(void *data, size_t size)
{
        void *(*next)(void *, size_t);
        void *found = dlsym(RTLD_NEXT, "realloc");

        if (no_memory)
                return NULL;
        memcpy(&next, &found, sizeof(next));
        return next(data, size);
}

/* ---- a life ---- */

static void note(void *userdata, const char *line)
{
        struct world *world = userdata;
        const size_t len = strlen(world->notes);

        snprintf(world->notes + len, sizeof(world->notes) - len, "%s\n", line);
}

static void problem(void *userdata, const char *what, int error, const char *next)
{
        struct world *world = userdata;

        (void)error;
        (void)next;
        snprintf(world->problem, sizeof(world->problem), "%s", what);
        world->problems++;
}

static const struct keep_ops ops = { note, problem };

static void start(struct world *world)
{
        assert_int_equal(alert_table_new(&world->parts.alerts), 0);
        assert_int_equal(eventlog_new(&world->parts.events), 0);
        assert_int_equal(scan_new(world->conf, &world->parts.scan), 0);
        assert_int_equal(keep_new(world->directory, &world->parts, &ops, world, &world->keep), 0);
        if (world->kept >= 0)
                assert_true(state_adopt(keep_get_state(world->keep), TAKE_FD(world->kept),
                                        "twmon-alerts-0"));
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
        world->kept = -1;
        tempdir_make(world->directory);
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
        static const char *const names[] = { "alerts",         "scan",         "lock",
                                             "alerts.damaged", "alerts.newer", "alerts.new" };
        struct world *world = *state;

        stop(world);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                (void)remove(path_of(world, names[i]));
        assert_int_equal(tempdir_remove(world->directory), 0);
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

static size_t read_file(const struct world *world, const char *name, uint8_t data[static 65536])
{
        FILE *file = fopen(path_of(world, name), "re");
        size_t len;

        assert_non_null(file);
        len = fread(data, 1, 65536, file);
        assert_int_equal(fclose(file), 0);
        return len;
}

/* That body as a whole, valid file. */
static void write_file(const struct world *world, const struct statefile_header *header,
                       const struct recbuf *body)
{
        struct recbuf whole = { 0 };
        FILE *file;

        assert_int_equal(statefile_wrap(header, body, &whole), 0);
        file = fopen(path_of(world, "alerts"), "we");
        assert_non_null(file);
        assert_int_equal(fwrite(whole.data, 1, whole.len, file), whole.len);
        assert_int_equal(fclose(file), 0);
        recbuf_done(&whole);
}

static struct statefile_header header_of(const struct world *world, const char *name,
                                         enum statefile_kind kind)
{
        struct statefile_header header;
        struct recview body;
        uint8_t data[65536];
        const size_t len = read_file(world, name, data);

        assert_int_equal(statefile_open(data, len, kind, &header, &body), 0);
        return header;
}

/* Rewrites the header of a saved file. */
static void forge(struct world *world, void (*change)(struct statefile_header *header))
{
        struct statefile_header header;
        struct recbuf body = { 0 };
        struct recview view;
        uint8_t data[65536];
        size_t len;

        stop(world);
        len = read_file(world, "alerts", data);
        assert_int_equal(statefile_open(data, len, STATEFILE_ALERTS, &header, &view), 0);
        recbuf_put_bytes(&body, view.at, recview_left(&view));
        change(&header);
        write_file(world, &header, &body);
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

static void change_netns_to_unknown(struct statefile_header *header)
{
        header->netns = 0;
}

static void test_unknown_namespace(void **state)
{
        struct world *world = *state;

        raise_one(world, true);
        forge(world, change_netns_to_unknown);
        assert_string_equal(world->notes, "of which network namespace the saved alerts are is "
                                          "unknown: not used\n");
        assert_int_equal(alert_table_count(world->parts.alerts), 0);
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
static void write_implausible(const struct world *world)
{
        const struct statefile_header header = { .version = STATEFILE_VERSION,
                                                 .kind = STATEFILE_ALERTS,
                                                 .serial = 99 };
        struct recbuf body = { 0 };

        for (int i = 0; i < 64; i++)
                recbuf_put(&body, UINT64_MAX);
        write_file(world, &header, &body);
        recbuf_done(&body);
}

static void test_implausible(void **state)
{
        struct world *world = *state;

        stop(world);
        write_implausible(world);
        start(world);
        assert_non_null(strstr(world->notes, "alerts.damaged"));
        assert_true(is_there(world, "alerts.damaged"));
        assert_int_equal(alert_table_count(world->parts.alerts), 0);
        raise_one(world, true);
        restart(world);
        assert_int_equal(alert_table_count(world->parts.alerts), 1);
}

/* ... and it cannot be renamed: said once, and what the service manager kept is used. */
static void test_implausible_in_place(void **state)
{
        struct world *world = *state;
        uint8_t data[65536];
        const char *at;
        size_t len;

        raise_one(world, true);
        stop(world);
        len = read_file(world, "alerts", data);
        world->kept = memfd_create("kept", MFD_CLOEXEC);
        assert_int_equal(write(world->kept, data, len), len);
        write_implausible(world);
        assert_int_equal(mkdir(path_of(world, "alerts.damaged"), 0700), 0);
        start(world);
        at = strstr(world->notes, "cannot be renamed");
        assert_non_null(at);
        assert_null(strstr(at + 1, "cannot be renamed"));
        assert_int_equal(alert_table_count(world->parts.alerts), 1);
}

/* Times that are yet to come would hold up for ever what follows from them. */
static void test_future(void **state)
{
        struct world *world = *state;
        struct alert alert = raised(8080);

        alert.since_usec = alert.below_since_usec = alert.told_usec = UINT64_C(1) << 60;
        assert_int_equal(alert_table_restore(world->parts.alerts, &alert), 0);
        alert_table_note_change(world->parts.alerts);
        keep_alerts(world->keep);
        restart(world);
        assert_int_equal(alert_table_count(world->parts.alerts), 1);
        assert_int_equal(alert_table_get(world->parts.alerts, 0)->since_usec, NOW);
        assert_int_equal(alert_table_get(world->parts.alerts, 0)->below_since_usec, NOW);
        assert_int_equal(alert_table_get(world->parts.alerts, 0)->told_usec, NOW);
}

/* What must not be lost is safe before what may. */
static void test_alerts_first(void **state)
{
        struct world *world = *state;
        const struct alert alert = raised(8080);

        assert_int_equal(alert_table_restore(world->parts.alerts, &alert), 0);
        alert_table_note_change(world->parts.alerts);
        recbuf_put(&world->parts.scan->state, 0);
        world->parts.scan->state_waits = true;
        keep_scan(world->keep);
        assert_false(world->parts.scan->state_waits);
        stop(world);
        assert_true(header_of(world, "alerts", STATEFILE_ALERTS).serial <
                    header_of(world, "scan", STATEFILE_SCAN).serial);
        assert_int_equal(unlink(path_of(world, "scan")), 0); /* it makes no sense */
        start(world);
}

/* ---- what does not work ---- */

/* Said, and tried again though nothing has changed since. */
static void test_not_made(void **state)
{
        struct world *world = *state;
        struct state_stats stats;

        raise_one(world, false);
        eventlog_set_told(world->parts.events, 5);
        no_memory = true;
        keep_alerts(world->keep);
        no_memory = false;
        keep_get_stats(world->keep, &stats);
        assert_int_equal(stats.error, -ENOMEM);
        assert_non_null(strstr(stats.what, "putting together"));
        assert_true(sd_event_run(world->event, 0) >= 0);
        assert_int_equal(world->problems, 1);
        assert_non_null(strstr(world->problem, "putting together"));
        keep_alerts(world->keep);
        keep_get_stats(world->keep, &stats);
        assert_int_equal(stats.error, 0);
        restart(world);
        assert_int_equal(eventlog_told(world->parts.events), 5);
}

/* What goes wrong at the end is on stderr, which these are the bytes of. */
static void stop_and_read(struct world *world, char *buf, size_t size)
{
        const int before = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
        ssize_t n;
        int fd = memfd_create("stderr", MFD_CLOEXEC);

        assert_true(before >= 0 && fd >= 0);
        assert_true(dup2(fd, STDERR_FILENO) >= 0);
        stop(world);
        assert_true(dup2(before, STDERR_FILENO) >= 0);
        n = pread(fd, buf, size - 1, 0);
        assert_true(n >= 0);
        buf[n] = '\0';
        (void)close(before);
        (void)close(fd);
}

static void test_last_write(void **state)
{
        struct world *world = *state;
        char text[512], said[512];

        raise_one(world, false);
        stop_and_read(world, said, sizeof(said));
        assert_string_equal(said, "");
        start(world);
        assert_int_equal(mkdir(path_of(world, "alerts.new"), 0700), 0);
        eventlog_set_told(world->parts.events, 5);
        keep_alerts(world->keep);
        stop_and_read(world, said, sizeof(said));
        snprintf(text, sizeof(text),
                 "twmond: error: writing %s failed: File exists; the next start may not know what "
                 "changed last\n",
                 path_of(world, "alerts"));
        assert_string_equal(said, text);
        start(world);
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
                cmocka_unit_test_setup_teardown(test_unknown_namespace, setup, teardown),
                cmocka_unit_test_setup_teardown(test_implausible, setup, teardown),
                cmocka_unit_test_setup_teardown(test_implausible_in_place, setup, teardown),
                cmocka_unit_test_setup_teardown(test_future, setup, teardown),
                cmocka_unit_test_setup_teardown(test_alerts_first, setup, teardown),
                cmocka_unit_test_setup_teardown(test_not_made, setup, teardown),
                cmocka_unit_test_setup_teardown(test_last_write, setup, teardown),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests_name("keep", tests, NULL, NULL);
}
