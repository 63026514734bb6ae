/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Calls on a real socket: what each method answers, and what every wrong call gets. */

#include "alerttable.h"
#include "control-methods.h"
#include "control-status.h"
#include "control-summary.h"
#include "control-world.h"
#include "io.twmon.Monitor.varlink.h"

static void service_describes_itself(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);
        json_t *reply;

        reply = call(world, &peer, "{\"method\":\"org.varlink.service.GetInfo\"}");
        assert_string_equal(string_of(reply, "product"), "twmond");
        assert_true(strlen(string_of(reply, "version")) > 0);
        assert_int_equal(json_array_size(json_object_get(parameters_of(reply), "interfaces")), 2);
        json_decref(reply);

        reply = call(world, &peer,
                     "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
                     "\"parameters\":{\"interface\":\"io.twmon.Monitor\"}}");
        assert_string_equal(string_of(reply, "description"), io_twmon_Monitor_varlink);
        json_decref(reply);
        reply = call(world, &peer,
                     "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
                     "\"parameters\":{\"interface\":\"org.varlink.service\"}}");
        assert_non_null(strstr(string_of(reply, "description"), "interface org.varlink.service"));
        json_decref(reply);
        hang_up(world, &peer);
}

/* What ask_look() answers, so that no reply has to wait. */
static void know_look(struct world *world, const char *method)
{
        world->look_result = CONTROL_LOOK_KNOWN;
        look_answer_unref(world->known_look);
        world->known_look =
                strcmp(method, "GetPort") == 0 ? make_port_answer(1) : make_destinations_answer(1);
}

/* What a method cannot do without. */
static const char *needed_by(const char *method)
{
        if (strcmp(method, "GetPort") == 0 || strcmp(method, "GetHistory") == 0)
                return ",\"parameters\":{\"port\":1}";
        if (strcmp(method, "Acknowledge") == 0)
                return ",\"parameters\":{\"key\":\"blind:-:host:0:-\"}";
        return "";
}

static void every_described_method_is_there(void **state)
{
        const char *at = io_twmon_Monitor_varlink;
        struct world *world = *state;
        const struct alert_key blind = { .kind = ALERT_BLIND };
        struct alert *alert;
        unsigned n = 0;

        assert_int_equal(alert_table_claim(world->alerts, &blind, &alert), ALERT_NEW);
        alert->state = ALERT_RAISED;
        while ((at = strstr(at, "\nmethod "))) {
                struct peer peer = dial(world);
                char name[64], text[160];
                json_t *reply;

                assert_int_equal(sscanf(at, "\nmethod %63[A-Za-z]", name), 1);
                know_look(world, name);
                snprintf(text, sizeof(text), "{\"method\":\"io.twmon.Monitor.%s\",\"more\":true%s}",
                         name, needed_by(name));
                send_text(world, &peer, text);
                if (world->history) { /* the disk was fast */
                        world->history->done = true;
                        control_tell_history(world->control);
                }
                reply = receive(world, &peer);
                assert_null(error_of(reply));
                json_decref(reply);
                hang_up(world, &peer);
                at++;
                n++;
        }
        assert_int_equal(n, 11);
}

#define M "{\"method\":\"io.twmon.Monitor."
#define S "{\"method\":\"org.varlink.service."

static void wrong_calls_get_their_error(void **state)
{
        static const struct {
                const char *call, *error, *name, *value;
        } wrong[] = {
                { M "Nonsense\"}", "org.varlink.service.MethodNotFound", "method",
                  "io.twmon.Monitor.Nonsense" },
                { M "\"}", "org.varlink.service.MethodNotFound", "method", "io.twmon.Monitor." },
                { "{\"method\":\"io.twmon.Other.GetStatus\"}",
                  "org.varlink.service.InterfaceNotFound", "interface", "io.twmon.Other" },
                { "{\"method\":\"GetStatus\"}", "org.varlink.service.InterfaceNotFound",
                  "interface", "" },
                { S "GetInterfaceDescription\"}", "org.varlink.service.InvalidParameter",
                  "parameter", "interface" },
                { S "GetInterfaceDescription\",\"parameters\":{\"interface\":\"a.b\"}}",
                  "org.varlink.service.InterfaceNotFound", "interface", "a.b" },
                { M "GetStatus\",\"parameters\":{\"x\":null}}",
                  "org.varlink.service.InvalidParameter", "parameter", "x" },
                { M "ListPorts\",\"parameters\":{\"all\":true,\"limit\":-1}}",
                  "org.varlink.service.InvalidParameter", "parameter", "limit" },
                { M "ListPorts\",\"parameters\":{\"limit\":1.0}}",
                  "org.varlink.service.InvalidParameter", "parameter", "limit" },
                { M "ListPorts\",\"parameters\":{\"ports\":80}}",
                  "org.varlink.service.InvalidParameter", "parameter", "ports" },
                { M "ListPorts\",\"parameters\":{\"ports\":[80,0]}}",
                  "org.varlink.service.InvalidParameter", "parameter", "ports" },
                { M "ListPorts\",\"parameters\":{\"ports\":[65536]}}",
                  "org.varlink.service.InvalidParameter", "parameter", "ports" },
                { M "ListPorts\",\"parameters\":{\"all\":1}}",
                  "org.varlink.service.InvalidParameter", "parameter", "all" },
                { M "Watch\"}", "io.twmon.Monitor.NeedsMore", NULL, NULL },
                { "{\"method\":1}", "io.twmon.Monitor.MessageInvalid", NULL, NULL },
                { "[]", "io.twmon.Monitor.MessageInvalid", NULL, NULL },
                { "{\"method\":\"io.twmon", "io.twmon.Monitor.MessageInvalid", NULL, NULL },
                { "{\"method\":\"a.b\",\"method\":\"a.b\"}", "io.twmon.Monitor.MessageInvalid",
                  NULL, NULL },
                { "", "io.twmon.Monitor.MessageInvalid", NULL, NULL },
        };
        struct world *world = *state;
        struct peer peer = dial(world); /* one connection: each error leaves it usable */

        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
                json_t *reply = call(world, &peer, wrong[i].call);

                assert_string_equal(error_of(reply), wrong[i].error);
                if (wrong[i].name)
                        assert_string_equal(
                                json_string_value(json_object_get(
                                        json_object_get(reply, "parameters"), wrong[i].name)),
                                wrong[i].value);
                json_decref(reply);
        }
        json_decref(call(world, &peer, M "ListAlerts\",\"parameters\":null}"));
        hang_up(world, &peer);
}

static void nested_frame_is_refused(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);
        char text[4096];
        json_t *reply;

        memset(text, '[', sizeof(text));
        text[sizeof(text) - 1] = '\0';
        reply = call(world, &peer, text);
        assert_string_equal(error_of(reply), "io.twmon.Monitor.MessageInvalid");
        json_decref(reply);
        hang_up(world, &peer);
}

static void oversized_frame_ends_the_connection(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world), other = dial(world);
        char *text = malloc(VARLINK_REQUEST_MAX + 1);
        json_t *reply;

        memset(text, ' ', VARLINK_REQUEST_MAX + 1);
        send_bytes(world, &peer, text, VARLINK_REQUEST_MAX);
        assert_silent(world, &peer);
        send_bytes(world, &peer, text, 1);
        reply = receive(world, &peer);
        assert_string_equal(error_of(reply), "io.twmon.Monitor.MessageInvalid");
        json_decref(reply);
        assert_closed(world, &peer);

        /* The limit itself passes, and others have noticed nothing. */
        memcpy(text, M "GetStatus\"}", strlen(M "GetStatus\"}"));
        text[VARLINK_REQUEST_MAX] = '\0';
        send_bytes(world, &other, text, VARLINK_REQUEST_MAX + 1);
        reply = receive(world, &other);
        assert_null(error_of(reply));
        json_decref(reply);
        free(text);
        hang_up(world, &peer);
        hang_up(world, &other);
}

static void calls_are_answered_in_order(void **state)
{
        static const char ask[] = M "GetStatus\"}\0" M "GetStatus\",\"oneway\":true}\0"
                                    "nonsense\0" M "ListAlerts\"}";
        struct world *world = *state;
        struct peer peer = dial(world);
        char bytes[50 * sizeof(ask)];

        for (unsigned i = 0; i < 50; i++)
                memcpy(bytes + i * sizeof(ask), ask, sizeof(ask));
        send_bytes(world, &peer, bytes, sizeof(bytes));
        for (unsigned i = 0; i < 50; i++) {
                json_t *reply = receive(world, &peer);

                assert_string_equal(string_of(reply, "verdict"), "unknown");
                json_decref(reply);
                reply = receive(world, &peer);
                assert_string_equal(error_of(reply), "io.twmon.Monitor.MessageInvalid");
                json_decref(reply);
                reply = receive(world, &peer);
                assert_int_equal(number_of(reply, "total"), 0);
                json_decref(reply);
        }
        assert_silent(world, &peer);
        hang_up(world, &peer);
}

static void half_closed_peer_gets_its_replies(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);

        send_bytes(world, &peer, M "GetStatus\"}\0" M "ListAlerts\"}\0{\"trunc",
                   sizeof(M "GetStatus\"}\0" M "ListAlerts\"}\0{\"trunc") - 1);
        shutdown(peer.fd, SHUT_WR);
        json_decref(receive(world, &peer));
        json_decref(receive(world, &peer));
        assert_closed(world, &peer);
        assert_int_equal(stats_of(world).clients, 0);
        hang_up(world, &peer);
}

static void oneway_is_done_and_not_answered(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);

        send_text(world, &peer, M "Reload\",\"oneway\":true}");
        send_text(world, &peer, M "Watch\",\"oneway\":true,\"more\":true}");
        send_text(world, &peer, M "ListPorts\",\"oneway\":true,\"more\":true}");
        send_text(world, &peer, M "Nonsense\",\"oneway\":true}");
        assert_silent(world, &peer);
        assert_int_equal(world->reloads, 1);
        json_decref(call(world, &peer, M "GetStatus\"}"));

        /* Said and gone: it still counts. */
        send_text(world, &peer, M "Reload\",\"oneway\":true}");
        hang_up(world, &peer);
        assert_int_equal(world->reloads, 2);
}

static void reload_says_what_is_wrong(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);
        json_t *reply;

        reply = call(world, &peer, M "Reload\"}");
        assert_null(error_of(reply));
        json_decref(reply);

        world->reload_result = CONF_BAD;
        world->reload_errors = "twmon.conf:3: \xff unknown key\nand more";
        reply = call(world, &peer, M "Reload\"}");
        assert_string_equal(error_of(reply), "io.twmon.Monitor.ConfigurationInvalid");
        assert_string_equal(
                json_string_value(json_object_get(json_object_get(reply, "parameters"), "errors")),
                "twmon.conf:3: ? unknown key\nand more");
        json_decref(reply);
        hang_up(world, &peer);
}

static void only_the_privileged_reload(void **state)
{
        struct world *world = *state;
        struct toldlog toldlog = { .n = 0 };
        struct method_env env = { .ops = &world_ops, .userdata = world, .toldlog = &toldlog };
        struct stream stream = { .kind = STREAM_NONE };
        json_t *message = json_pack("{s:s}", "method", "io.twmon.Monitor.Reload");
        json_t *reply = NULL;

        assert_int_equal(methods_answer(&env, message, &stream, &reply), 0);
        assert_string_equal(error_of(reply), "io.twmon.Monitor.PermissionDenied");
        assert_int_equal(world->reloads, 0);
        json_decref(reply);
        env.privileged = true;
        assert_int_equal(methods_answer(&env, message, &stream, &reply), 0);
        assert_null(error_of(reply));
        assert_int_equal(world->reloads, 1);
        json_decref(reply);
        json_decref(message);
}

/* One scan in which every port has so many stuck sockets, judged now. */
static void judge_stuck(struct world *world, size_t n_ports, uint32_t stuck)
{
        struct snapshot *snapshot = world_scan(world, n_ports);
        struct events events = { 0 };
        uint32_t slots = 16;

        while (slots < 2 * n_ports)
                slots *= 2;
        snapshot->index = calloc(slots, sizeof(*snapshot->index));
        snapshot->index_mask = slots - 1;
        for (size_t i = 0; i < n_ports; i++) {
                struct port_row *row = &snapshot->rows[i];
                uint32_t slot = port_key_hash(&row->key) & snapshot->index_mask;

                row->count[SOCK_CLOSE_WAIT] = row->stuck = stuck + (uint32_t)i;
                row->oldest_usec = 65 * USEC_PER_SEC;
                row->witness.known = true;
                while (snapshot->index[slot] != 0)
                        slot = (slot + 1) & snapshot->index_mask;
                snapshot->index[slot] = (uint32_t)i + 1;
        }
        assert_int_equal(detect_step(world->alerts, world->conf->rules, snapshot, world->now_usec,
                                     WORLD_WALL_USEC, &events),
                         0);
        events_done(&events);
}

static void assert_status(struct world *world, const char *verdict, const char *summary)
{
        struct peer peer = dial(world);
        json_t *reply = call(world, &peer, M "GetStatus\"}");

        assert_string_equal(string_of(reply, "verdict"), verdict);
        assert_string_equal(string_of(reply, "summary"), summary);
        json_decref(reply);
        hang_up(world, &peer);
}

/* The list of alerts and the summary's sentence begin with the same one. */
static void a_leak_comes_before_a_number(void **state)
{
        const struct alert leak = { .key.kind = ALERT_CLOSE_WAIT_LEAK,
                                    .state = ALERT_RAISED,
                                    .severity = SEVERITY_WARNING,
                                    .values.count = 3 };
        struct alert stuck = leak, *a = &stuck;
        const struct alert *b = &leak;

        (void)state;
        stuck.key.kind = ALERT_CLOSE_WAIT_STUCK;
        stuck.values.count = 900;
        assert_true(summary_compare_alerts(&b, &a) < 0);
        assert_true(summary_compare_alerts(&a, &b) > 0);
        stuck.severity = SEVERITY_CRITICAL;
        assert_true(summary_compare_alerts(&a, &b) < 0);
        stuck.state = ALERT_PENDING;
        assert_true(summary_compare_alerts(&b, &a) < 0);
}

static void status_answers_the_question(void **state)
{
        struct world *world = *state;
        struct owner_answer answer;

        assert_status(world, "unknown", "Cannot say yet: the first scan is not done.");
        judge_stuck(world, 1, 0);
        assert_status(world, "ok", "No leak: 1 port watched, nothing stuck in CLOSE_WAIT.");
        judge_stuck(world, 1, 12);
        assert_status(
                world, "ok",
                "Perhaps leaking: local port 1 has 12 connections stuck in CLOSE_WAIT, the oldest "
                "for 1min 5s; an alert if that lasts.");
        world->now_usec += USEC_PER_MIN;
        judge_stuck(world, 1, 12);
        answer.port = world->snapshot->rows[0].key;
        answer.witness = alert_table_get(world->alerts, 0)->witness;
        owner_clear(&answer.owner);
        strcpy(answer.owner.unit, "leaky.service");
        alert_table_set_owner(world->alerts, &answer);
        assert_status(
                world, "warning",
                "LEAKING: local port 1 has 12 connections stuck in CLOSE_WAIT, the oldest for "
                "1min 5s (leaky.service).");

        judge_stuck(world, 1, 0);
        assert_status(world, "warning",
                      "No longer leaking: local port 1 has 0 connections stuck in CLOSE_WAIT "
                      "(leaky.service); the alert clears in 2min if that lasts.");
        judge_stuck(world, 1, 12);
        world->now_usec += USEC_PER_HOUR;
        assert_status(world, "unknown",
                      "Cannot say: the last scan ended 1h ago, the next is overdue. Last seen at "
                      "local port 1: 12 connections stuck in CLOSE_WAIT for 1min or longer, the "
                      "oldest 1min 5s (leaky.service).");
        world->now_usec -= USEC_PER_HOUR;

        world->snapshot->result = SCAN_FAILED;
        strcpy(world->snapshot->error_text, "no tcp_diag");
        assert_status(world, "unknown",
                      "Cannot see: no tcp_diag. Last seen at local port 1: 12 connections stuck in "
                      "CLOSE_WAIT for 1min or longer, the oldest 1min 5s (leaky.service).");
}

/* Scans that CPUBudget puts off are not overdue; ones that do not come then are. */
static void stretched_scans_are_not_overdue(void **state)
{
        struct world *world = *state;

        judge_stuck(world, 1, 0);
        world->pace.slot_usec = world->now_usec;
        world->pace.next = (struct schedule_plan){ .next_usec = world->now_usec + 8 * USEC_PER_MIN,
                                                   .wanted_usec = world->now_usec + USEC_PER_MIN,
                                                   .reason = SCHEDULE_BUDGET };
        world->pace.budget_ppm = 2000;
        world->pace.share_ppm = 1850;
        world->now_usec += 9 * USEC_PER_MIN;
        assert_status(world, "ok",
                      "No leak: 1 port watched, nothing stuck in CLOSE_WAIT. As of 9min ago.");
        world->now_usec += USEC_PER_MIN;
        assert_status(world, "unknown",
                      "Cannot say: the last scan ended 10min ago, the next is overdue.");
        world->pace.next.next_usec += USEC_PER_HOUR; /* scans go on, and come to nothing */
        assert_status(world, "ok",
                      "No leak: 1 port watched, nothing stuck in CLOSE_WAIT. As of 10min ago.");
        world->pace.lost = 3;
        assert_status(world, "unknown",
                      "Cannot say: the last scan ended 10min ago, the next is overdue.");
}

static json_t *schedule_of(const struct world *world)
{
        return wire_schedule(&world->pace, world->now_usec);
}

static void assert_usec(const json_t *schedule, const char *name, json_int_t wanted)
{
        assert_int_equal(json_integer_value(json_object_get(schedule, name)), wanted);
}

static void schedule_is_told(void **state)
{
        struct world *world = *state;
        json_t *schedule;

        world->pace.interval_usec = 10 * USEC_PER_SEC;
        world->pace.slot_usec = 5 * USEC_PER_MIN;
        world->pace.next = (struct schedule_plan){ .next_usec = 13 * USEC_PER_MIN,
                                                   .wanted_usec = 6 * USEC_PER_MIN,
                                                   .reason = SCHEDULE_BUDGET };
        world->pace.budget_ppm = 2000;
        world->pace.share_ppm = 1850;
        world->now_usec = 10 * USEC_PER_MIN;
        schedule = schedule_of(world);
        assert_string_equal(json_string_value(json_object_get(schedule, "reason")), "budget");
        assert_usec(schedule, "gapUsec", 8 * 60000000);
        assert_usec(schedule, "nextUsec", 3 * 60000000);
        assert_usec(schedule, "laterUsec", 7 * 60000000);
        assert_usec(schedule, "delayUsec", 2 * 8 * 60000000 - 30000000 - 10000000);
        assert_true(json_real_value(json_object_get(schedule, "cpuPercent")) == 0.185);
        assert_true(json_real_value(json_object_get(schedule, "cpuBudgetPercent")) == 0.2);
        json_decref(schedule);

        world->pace.next.reason = SCHEDULE_STEADY;
        world->pace.budget_ppm = 0;
        world->now_usec = 20 * USEC_PER_MIN; /* overdue */
        schedule = schedule_of(world);
        assert_usec(schedule, "nextUsec", 0);
        assert_null(json_object_get(schedule, "laterUsec"));
        assert_null(json_object_get(schedule, "cpuBudgetPercent"));
        json_decref(schedule);
}

static void judge_table(struct world *world, uint64_t used, uint64_t overflows)
{
        const uint64_t total = world->snapshot->host.tw_table.overflows_total + overflows;
        struct events events = { 0 };

        world->snapshot->host.tw_table = (struct tw_table){ .known = true,
                                                            .used = used,
                                                            .max = 100,
                                                            .overflow_known = true,
                                                            .overflows = overflows,
                                                            .overflows_total = total };
        assert_int_equal(detect_step(world->alerts, world->conf->rules, world->snapshot,
                                     world->now_usec, 1, &events),
                         0);
        events_done(&events);
}

/* An alert whose number has fallen is not called as if it had not. */
static void status_tells_what_recovers(void **state)
{
        struct world *world = *state;

        judge_stuck(world, 1, 0);
        judge_table(world, 100, 3);
        assert_status(
                world, "critical",
                "CRITICAL: this host: 3 connections found no room in the TIME_WAIT table since "
                "the last look, now it is 100% full (100 of 100).");
        judge_table(world, 0, 0);
        assert_status(world, "critical",
                      "Recovering: this host: the TIME_WAIT table is 0% full (0 of 100); the alert "
                      "clears in 2min if that lasts.");
        world->now_usec += 30 * USEC_PER_SEC;
        judge_table(world, 0, 0);
        assert_status(world, "critical",
                      "Recovering: this host: the TIME_WAIT table is 0% full (0 of 100); the alert "
                      "clears in 1min 30s if that lasts.");
}

/* Stuck connections are never called "no leak", judged or not. */
static void status_hides_nothing(void **state)
{
        struct world *world = *state;

        judge_stuck(world, 1, 0);
        world->snapshot->rows[0].stuck = world->snapshot->rows[0].stuck_usual = 480;
        assert_status(
                world, "ok",
                "No leak: 1 port watched, nothing stuck in CLOSE_WAIT; 480 connections for no "
                "longer than is usual on their ports.");
        judge_stuck(world, 1, 9);
        assert_status(world, "ok",
                      "No alert: 1 port watched, 9 connections stuck in CLOSE_WAIT, fewer than any "
                      "alert needs.");
        assert_int_equal(rules_ignore(world->conf->rules, SIDE_LOCAL, 1, 1), 0);
        judge_stuck(world, 1, 3000);
        assert_status(world, "ok",
                      "No alert: 1 port watched, nothing stuck in CLOSE_WAIT on them; 3000 "
                      "connections stuck on ports that are not judged.");
}

static void status_knows_absent_from_zero(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);
        json_t *reply = call(world, &peer, M "GetStatus\"}");

        assert_null(json_object_get(parameters_of(reply), "totals"));
        assert_null(json_object_get(parameters_of(reply), "scannedAt"));
        assert_null(json_object_get(parameters_of(reply), "cost"));
        assert_null(json_object_get(parameters_of(reply), "worstAlert"));
        assert_true(json_is_true(json_object_get(parameters_of(reply), "partial")));
        assert_int_equal(json_object_size(json_object_get(parameters_of(reply), "limitsHit")), 0);
        assert_int_equal(number_of(reply, "clients"), 1);
        json_decref(reply);
        hang_up(world, &peer);
}

static void alerts_come_worst_first_and_bounded(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);
        json_t *reply, *alerts;

        judge_stuck(world, 300, 10);
        world->now_usec += USEC_PER_MIN;
        judge_stuck(world, 300, 10);
        judge_stuck(world, 301, 10); /* the last one is pending */
        reply = call(world, &peer, M "ListAlerts\"}");
        assert_int_equal(number_of(reply, "total"), 301);
        assert_true(json_is_true(json_object_get(parameters_of(reply), "truncated")));
        alerts = json_object_get(parameters_of(reply), "alerts");
        assert_int_equal(json_array_size(alerts), STATUS_ALERTS_MAX);
        for (size_t i = 0; i < STATUS_ALERTS_MAX; i++) {
                json_t *alert = json_array_get(alerts, i);

                assert_int_equal(json_integer_value(json_object_get(alert, "port")), 300 - i);
                assert_string_equal(json_string_value(json_object_get(alert, "state")), "raised");
        }
        json_decref(reply);
        hang_up(world, &peer);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
        const struct CMUnitTest tests[] = {
                TEST(service_describes_itself),
                TEST(every_described_method_is_there),
                TEST(wrong_calls_get_their_error),
                TEST(nested_frame_is_refused),
                TEST(oversized_frame_ends_the_connection),
                TEST(calls_are_answered_in_order),
                TEST(half_closed_peer_gets_its_replies),
                TEST(oneway_is_done_and_not_answered),
                TEST(reload_says_what_is_wrong),
                TEST(only_the_privileged_reload),
                TEST(a_leak_comes_before_a_number),
                TEST(status_answers_the_question),
                TEST(status_tells_what_recovers),
                TEST(stretched_scans_are_not_overdue),
                TEST(schedule_is_told),
                TEST(status_hides_nothing),
                TEST(status_knows_absent_from_zero),
                TEST(alerts_come_worst_first_and_bounded),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
