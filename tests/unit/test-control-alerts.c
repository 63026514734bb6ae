/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What clients of the control socket do about alerts, and what became of these lately. */

#include "control-world.h"

#include "alerttable.h"
#include "control-methods.h"

#define M   "{\"method\":\"io.twmon.Monitor."
#define KEY "close-wait-stuck:-:local:80:-"

static struct alert *add_alert(struct world *world, enum alert_state state)
{
        const struct alert_key key = { .kind = ALERT_CLOSE_WAIT_STUCK,
                                       .port = { .side = SIDE_LOCAL, .port = 80 } };
        struct alert *alert;

        assert_int_equal(alert_table_claim(world->alerts, &key, &alert), ALERT_NEW);
        alert->state = state;
        alert->severity = SEVERITY_WARNING;
        alert->since_wall_usec = WORLD_WALL_USEC;
        return alert;
}

static json_t *member_of(const json_t *reply, const char *name)
{
        return json_object_get(json_object_get(parameters_of(reply), "alert"), name);
}

static const char *wrong_member(const json_t *reply, const char *name)
{
        return json_string_value(json_object_get(json_object_get(reply, "parameters"), name));
}

static void acknowledges_and_takes_it_back(void **state)
{
        struct world *world = *state;
        const struct alert *alert = add_alert(world, ALERT_RAISED);
        struct peer peer = dial(world);
        json_t *reply, *acknowledged;

        reply = call(world, &peer,
                     M "Acknowledge\",\"parameters\":{\"key\":\"" KEY "\","
                       "\"comment\":\"a\\u0007b\\tc\\u0085d\\u00e4\"}}");
        acknowledged = member_of(reply, "acknowledged");
        assert_int_equal(json_integer_value(json_object_get(acknowledged, "uid")), geteuid());
        assert_string_equal(json_string_value(json_object_get(acknowledged, "at")),
                            "2026-01-31T12:00:00.250Z");
        assert_string_equal(json_string_value(json_object_get(acknowledged, "comment")),
                            "a?b?c?d\xc3\xa4");
        assert_string_equal(json_string_value(member_of(reply, "key")), KEY);
        assert_true(alert->acknowledgement.given);
        json_decref(reply);
        reply = call(world, &peer, M "GetStatus\"}");
        assert_int_equal(number_of(reply, "alertsAcknowledged"), 1);
        json_decref(reply);

        reply = call(world, &peer,
                     M "Acknowledge\",\"parameters\":{\"key\":\"" KEY "\",\"comment\":null,"
                       "\"undo\":false}}");
        acknowledged = member_of(reply, "acknowledged");
        assert_string_equal(json_string_value(json_object_get(acknowledged, "comment")),
                            "a?b?c?d\xc3\xa4"); /* nobody has said anything else */
        json_decref(reply);

        reply = call(world, &peer,
                     M "Acknowledge\",\"parameters\":{\"key\":\"" KEY "\",\"comment\":\"\"}}");
        acknowledged = member_of(reply, "acknowledged");
        assert_non_null(acknowledged);
        assert_null(json_object_get(acknowledged, "comment"));
        json_decref(reply);

        reply = call(world, &peer,
                     M "Acknowledge\",\"parameters\":{\"key\":\"" KEY "\",\"undo\":true}}");
        assert_null(error_of(reply));
        assert_null(member_of(reply, "acknowledged"));
        assert_false(alert->acknowledgement.given);
        json_decref(reply);
        reply = call(world, &peer, M "GetStatus\"}");
        assert_int_equal(number_of(reply, "alertsAcknowledged"), 0);
        json_decref(reply);
        hang_up(world, &peer);
}

static void what_cannot_be_acknowledged(void **state)
{
        static const struct {
                const char *key, *error, *name, *value;
        } wrong[] = {
                { KEY, "NotRaised", "key", KEY },
                { "blind:-:host:0:-", "NoSuchAlert", "key", "blind:-:host:0:-" },
                { "", NULL, "parameter", "key" },
                { "80", NULL, "parameter", "key" },
                { "close-wait-stuck:-:local:080:-", NULL, "parameter", "key" },
        };
        struct world *world = *state;
        const struct alert *alert = add_alert(world, ALERT_PENDING);
        struct peer peer = dial(world);

        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
                char text[256], name[64];
                json_t *reply;

                snprintf(text, sizeof(text), M "Acknowledge\",\"parameters\":{\"key\":\"%s\"}}",
                         wrong[i].key);
                snprintf(name, sizeof(name), "%s.%s",
                         wrong[i].error ? "io.twmon.Monitor" : "org.varlink.service",
                         wrong[i].error ? wrong[i].error : "InvalidParameter");
                reply = call(world, &peer, text);
                assert_string_equal(error_of(reply), name);
                assert_string_equal(wrong_member(reply, wrong[i].name), wrong[i].value);
                json_decref(reply);
        }
        assert_false(alert->acknowledgement.given);
        hang_up(world, &peer);
}

/* The longest comment passes whole, one byte more is refused. */
static void a_comment_is_bounded(void **state)
{
        struct world *world = *state;
        const struct alert *alert = add_alert(world, ALERT_RAISED);
        struct peer peer = dial(world);

        for (int more = 0; more <= 1; more++) {
                char comment[ACKNOWLEDGEMENT_COMMENT_MAX + 1], text[512];
                json_t *reply;

                memset(comment, 'x', sizeof(comment));
                comment[ACKNOWLEDGEMENT_COMMENT_MAX - 1 + more] = '\0';
                snprintf(text, sizeof(text),
                         M "Acknowledge\",\"parameters\":{\"key\":\"" KEY "\",\"comment\":\"%s\"}}",
                         comment);
                reply = call(world, &peer, text);
                if (more == 0) {
                        assert_null(error_of(reply));
                        assert_string_equal(alert->acknowledgement.comment, comment);
                } else {
                        assert_string_equal(error_of(reply),
                                            "org.varlink.service.InvalidParameter");
                        assert_string_equal(wrong_member(reply, "parameter"), "comment");
                }
                json_decref(reply);
        }
        hang_up(world, &peer);
}

static void only_the_privileged_acknowledge(void **state)
{
        struct world *world = *state;
        const struct alert *alert = add_alert(world, ALERT_RAISED);
        struct method_env env = { .ops = &world_ops, .userdata = world, .uid = 33 };
        struct stream stream = { .kind = STREAM_NONE };
        json_t *message = json_pack("{s:s, s:{s:s}}", "method", "io.twmon.Monitor.Acknowledge",
                                    "parameters", "key", KEY);
        json_t *reply = NULL;

        assert_int_equal(methods_answer(&env, message, &stream, &reply), 0);
        assert_string_equal(error_of(reply), "io.twmon.Monitor.PermissionDenied");
        assert_false(alert->acknowledgement.given);
        json_decref(reply);
        env.privileged = true;
        assert_int_equal(methods_answer(&env, message, &stream, &reply), 0);
        assert_null(error_of(reply));
        assert_int_equal(alert->acknowledgement.uid, 33);
        json_decref(reply);
        json_decref(message);
}

static void a_comment_is_utf8(void **state)
{
        struct acknowledgement acknowledgement = { .comment = "before" };

        (void)state;
        assert_int_equal(acknowledgement_set_comment(&acknowledgement, "a\xff"), -EINVAL);
        assert_int_equal(acknowledgement_set_comment(&acknowledgement, "a\xc3"), -EINVAL);
        assert_string_equal(acknowledgement.comment, "before");
        assert_int_equal(acknowledgement_set_comment(&acknowledgement, "\xe2\x82\xac\x7f\n\t"), 0);
        assert_string_equal(acknowledgement.comment, "\xe2\x82\xac???");
        assert_int_equal(acknowledgement_set_comment(&acknowledgement, ""), 0);
        assert_string_equal(acknowledgement.comment, "");
}

/* ---- events ---- */

/* One with the next sequence number, of local port `port`. */
static void log_event(struct world *world, uint16_t port, const char *reason)
{
        struct event event = {
                .sequence = ++world->sequence,
                .now_wall_usec = WORLD_WALL_USEC,
                .alert = { .key = { .kind = ALERT_CLOSE_WAIT_STUCK,
                                    .port = { .side = SIDE_LOCAL, .port = port } },
                           .since_wall_usec = WORLD_WALL_USEC },
        };

        if (!world->events)
                assert_int_equal(eventlog_new(&world->events), 0);
        owner_clear(&event.alert.owner);
        snprintf(event.alert.reason, sizeof(event.alert.reason), "%s", reason);
        assert_int_equal(eventlog_add(world->events, &event), 0);
}

static json_int_t sequence_at(const json_t *reply, size_t i)
{
        const json_t *events = json_object_get(parameters_of(reply), "events");

        return json_integer_value(json_object_get(json_array_get(events, i), "sequence"));
}

/* So many events, consecutive where step is 1, the last of them of that number. */
static void expect_events(struct world *world, const char *parameters, size_t n, json_int_t last,
                          json_int_t step, bool truncated)
{
        struct peer peer = dial(world);
        char text[256];
        json_t *reply;

        snprintf(text, sizeof(text), M "ListEvents\",\"parameters\":%s}", parameters);
        reply = call(world, &peer, text);
        assert_int_equal(json_array_size(json_object_get(parameters_of(reply), "events")), n);
        for (size_t i = 0; i < n; i++)
                assert_int_equal(sequence_at(reply, n - 1 - i), last - (json_int_t)i * step);
        assert_int_equal(json_is_true(json_object_get(parameters_of(reply), "truncated")),
                         truncated);
        json_decref(reply);
        hang_up(world, &peer);
}

static void lists_events_newest_last(void **state)
{
        struct world *world = *state;

        expect_events(world, "{}", 0, 0, 0, false); /* no log at all */
        for (int i = 0; i < 10; i++)
                log_event(world, 80, "");
        expect_events(world, "{}", 10, 10, 1, false);
        expect_events(world, "{\"limit\":10}", 10, 10, 1, false);
        expect_events(world, "{\"limit\":9}", 9, 10, 1, true);
        expect_events(world, "{\"limit\":1}", 1, 10, 1, true);
        expect_events(world, "{\"limit\":0}", 0, 0, 0, true);
        expect_events(world, "{\"limit\":9223372036854775807}", 10, 10, 1, false);
}

/* No alert of that key is there: it is events that are asked for. */
static void lists_events_of_one_alert(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);
        json_t *reply;

        for (int i = 0; i < 10; i++)
                log_event(world, i % 2 == 0 ? 80 : 81, "");
        expect_events(world, "{\"key\":\"" KEY "\"}", 5, 9, 2, false);
        expect_events(world, "{\"key\":\"" KEY "\",\"limit\":5}", 5, 9, 2, false);
        expect_events(world, "{\"key\":\"" KEY "\",\"limit\":2}", 2, 9, 2, true);
        expect_events(world, "{\"key\":\"blind:-:host:0:-\"}", 0, 0, 0, false);
        reply = call(world, &peer, M "ListEvents\",\"parameters\":{\"key\":\"80\"}}");
        assert_string_equal(error_of(reply), "org.varlink.service.InvalidParameter");
        json_decref(reply);
        hang_up(world, &peer);
}

/* However long they are, the newest come, and the reply fits. */
static void events_fit_a_reply(void **state)
{
        struct world *world = *state;
        struct peer peer = dial(world);
        char reason[EVENT_REASON_MAX];
        json_t *reply;
        size_t n;

        memset(reason, '"', sizeof(reason) - 1);
        reason[sizeof(reason) - 1] = '\0';
        for (int i = 0; i < EVENTLOG_MAX + 44; i++) {
                struct owner owner;

                log_event(world, 80, reason);
                owner_clear(&owner);
                memset(owner.unit, '"', sizeof(owner.unit) - 1);
                owner.n_processes = OWNER_PROCESSES_LISTED;
                owner.total = UINT32_MAX;
                for (size_t j = 0; j < OWNER_PROCESSES_LISTED; j++) {
                        owner.processes[j] =
                                (struct owner_process){ INT32_MAX, "", INT64_MAX, INT64_MAX - 1 };
                        memset(owner.processes[j].comm, '"', sizeof(owner.processes[j].comm) - 1);
                }
                eventlog_set_owner(world->events, world->sequence, &owner);
        }
        reply = call(world, &peer, M "ListEvents\"}");
        n = json_array_size(json_object_get(parameters_of(reply), "events"));
        assert_in_range(n, 100, EVENTLOG_MAX - 1);
        assert_true(json_is_true(json_object_get(parameters_of(reply), "truncated")));
        assert_int_equal(sequence_at(reply, n - 1), EVENTLOG_MAX + 44);
        assert_int_equal(sequence_at(reply, 0), EVENTLOG_MAX + 44 - n + 1);
        assert_int_equal(number_of(reply, "lost"), 44);
        json_decref(reply);
        hang_up(world, &peer);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
        const struct CMUnitTest tests[] = {
                T(acknowledges_and_takes_it_back),
                T(what_cannot_be_acknowledged),
                T(a_comment_is_bounded),
                T(only_the_privileged_acknowledge),
                cmocka_unit_test(a_comment_is_utf8),
                T(lists_events_newest_last),
                T(lists_events_of_one_alert),
                T(events_fit_a_reply),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
