/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is said of half-open connections, in words and in JSON: what is unknown is left out. */

#include "fixture.h"

#include "phrase.h"
#include "wire.h"

static struct event raised(void)
{
        struct event event = {
                .sequence = 1,
                .transition = TRANSITION_RAISED,
                .now_usec = 400 * USEC_PER_SEC,
                .alert = {
                        .key = { .kind = ALERT_HALF_OPEN,
                                 .port = { .port = 7865, .side = SIDE_LOCAL } },
                        .severity = SEVERITY_WARNING,
                        .since_usec = 100 * USEC_PER_SEC,
                        .warning = 5,
                        .critical = RULE_LEVEL_OFF,
                        .silent_after_usec = USEC_PER_HOUR,
                        .values = {
                                .count = 12,
                                .half_open = { .known = true,
                                               .established = 214,
                                               .silent = 12,
                                               .oldest_usec = 3 * USEC_PER_HOUR,
                                               .default_usec = 7875 * USEC_PER_SEC },
                        },
                },
        };

        owner_clear(&event.alert.owner);
        return event;
}

static void assert_phrase(const struct event *event, const char *expected)
{
        char buf[PHRASE_MAX];

        assert_string_equal(phrase_event(event, buf), expected);
}

static void silence_and_coverage(void **state)
{
        const struct event event = raised();

        (void)state;
        assert_phrase(&event, "local port 7865: 12 of 214 established connections may be "
                              "half-open: nothing came for 1h or longer, the longest silence is "
                              "3h; 0 of 214 use keepalive, the default would notice a dead peer "
                              "after 2h 11min");
}

static void both_sorts_are_told_apart(void **state)
{
        struct event event = raised();
        struct half_open *counts = &event.alert.values.half_open;

        (void)state;
        counts->silent = 9;
        counts->unanswered = 3;
        counts->busy = 4;
        counts->keepalive = 1;
        counts->default_usec = 0;
        assert_phrase(&event, "local port 7865: 12 of 214 established connections may be "
                              "half-open: on 9 nothing came for 1h or longer, 3 get no answer to "
                              "what is sent again and again, the longest silence is 3h; 1 of 214 "
                              "uses keepalive (of 4 that wait to send it is unknown)");
        counts->silent = 0;
        counts->unanswered = 1;
        counts->established = 1;
        counts->keepalive = counts->busy = 0;
        assert_phrase(&event, "local port 7865: 1 of 1 established connection may be half-open: "
                              "1 gets no answer to what is sent again and again, the longest "
                              "silence is 3h; 0 of 1 use keepalive");
}

static void a_cleared_one_has_the_number_alone(void **state)
{
        struct event event = raised();

        (void)state;
        event.transition = TRANSITION_CLEARED;
        event.alert.values.half_open.silent = 2;
        assert_phrase(
                &event,
                "local port 7865: half-open alert cleared after 5min, now 2 of 214 established "
                "connections may be half-open");
}

static json_int_t member(const json_t *object, const char *name)
{
        const json_t *value = json_object_get(object, name);

        return value ? json_integer_value(value) : -1;
}

static void json_leaves_out_what_is_unknown(void **state)
{
        struct event event = raised();
        struct half_open *counts = &event.alert.values.half_open;
        json_t *object = wire_half_open(counts);

        (void)state;
        assert_int_equal(member(object, "established"), 214);
        assert_int_equal(member(object, "keepalive"), 0);
        assert_int_equal(member(object, "busy"), 0);
        assert_int_equal(member(object, "silent"), 12);
        assert_int_equal(member(object, "unanswered"), 0);
        assert_int_equal(member(object, "oldestSilentSec"), 3 * 3600);
        assert_int_equal(member(object, "keepaliveNoticesSec"), 7875);
        json_decref(object);
        counts->silent = 0;
        counts->default_usec = 0;
        object = wire_half_open(counts);
        assert_null(json_object_get(object, "oldestSilentSec"));
        assert_null(json_object_get(object, "keepaliveNoticesSec"));
        json_decref(object);
}

static void alerts_of_the_kind_have_it(void **state)
{
        struct event event = raised();
        json_t *object = wire_alert(&event.alert, 0);

        (void)state;
        assert_int_equal(member(json_object_get(object, "halfOpen"), "silent"), 12);
        assert_int_equal(member(object, "silentAfterSec"), 3600);
        assert_null(json_object_get(object, "closeWait"));
        json_decref(object);
        event.alert.key.kind = ALERT_CLOSE_WAIT_COUNT;
        event.alert.values.half_open = (struct half_open){ 0 };
        object = wire_alert(&event.alert, 0);
        assert_null(json_object_get(object, "halfOpen"));
        assert_null(json_object_get(object, "silentAfterSec"));
        json_decref(object);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(silence_and_coverage),
                cmocka_unit_test(both_sorts_are_told_apart),
                cmocka_unit_test(a_cleared_one_has_the_number_alone),
                cmocka_unit_test(json_leaves_out_what_is_unknown),
                cmocka_unit_test(alerts_of_the_kind_have_it),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
