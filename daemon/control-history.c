/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What is older than an hour is in a file, and the loop waits for no disk: the call becomes a stream
 * that has one reply, as a look does. Numbers are sent in columns, because an object for each point
 * would take twenty times the memory.
 */

#include "control-history.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "control-answers.h"
#include "historyanswer.h"
#include "units.h"
#include "wire.h"

struct historywait {
        struct history_answer *answer; /* referenced */
        uint64_t until_usec;
        enum port_side side; /* SIDE_HOST: those with something to tell */
};

struct historywait *historywait_free(struct historywait *wait)
{
        if (wait)
                history_answer_unref(wait->answer);
        free(wait);
        return NULL;
}

uint64_t historywait_until(const struct historywait *wait, uint64_t now_usec)
{
        return wait && !wait->answer->done && now_usec < wait->until_usec ? wait->until_usec : 0;
}

static json_t *unavailable(const char *reason)
{
        json_t *parameters = json_pack("{s:o}", "reason", wire_line(reason));

        return parameters ? varlink_error(MONITOR ".HistoryUnavailable", parameters) : NULL;
}

static uint64_t count_of(const struct varlink_call *call, const char *name, uint64_t otherwise)
{
        const json_t *value = answer_parameter(call, name);

        return value ? (uint64_t)json_integer_value(value) : otherwise;
}

/* False: that is no side of a port. */
static bool read_side(const struct varlink_call *call, enum port_side *ret_side)
{
        const char *name = json_string_value(answer_parameter(call, "side"));

        *ret_side = SIDE_HOST;
        if (!name)
                return true;
        for (enum port_side side = SIDE_LOCAL; side < SIDE_COUNT; side++)
                if (strcmp(name, port_side_name(side)) == 0)
                        *ret_side = side;
        return *ret_side != SIDE_HOST;
}

int answer_get_history(const struct method_env *env, const struct varlink_call *call,
                       struct stream *stream, json_t **ret_reply)
{
        struct control_history_request request = {
                .port = (uint16_t)json_integer_value(answer_parameter(call, "port")),
                .since_sec = count_of(call, "sinceSec", CONTROL_HISTORY_SINCE_SEC),
                .points = (uint32_t)MIN(count_of(call, "points", CONTROL_HISTORY_POINTS),
                                        (uint64_t)HISTORY_SERIES_MAX),
        };
        struct historywait *wait;
        enum port_side side;
        int r;

        if (!read_side(call, &side))
                return answer_message(varlink_error_invalid_parameter("side"), ret_reply);
        if (request.since_sec == 0)
                return answer_message(varlink_error_invalid_parameter("sinceSec"), ret_reply);
        if (request.points < 2)
                return answer_message(varlink_error_invalid_parameter("points"), ret_reply);
        if (call->oneway)
                return 0; /* nobody would see it */
        wait = calloc(1, sizeof(*wait));
        if (!wait)
                return -ENOMEM;
        r = env->ops->ask_history(env->userdata, &request, &wait->answer);
        if (r < 0) {
                free(wait);
                return answer_message(
                        unavailable(r == -EBUSY ? "too many ask for it" : strerror(-r)), ret_reply);
        }
        wait->side = side;
        wait->until_usec = env->ops->now_usec(env->userdata) + HISTORYWAIT_USEC;
        *stream = (struct stream){ .kind = STREAM_HISTORY, .history = wait };
        return 0;
}

/* ---- the reply ---- */

typedef json_t *column_fn(const struct history_point *point, enum history_metric metric);

static json_t *number_or_null(uint32_t number)
{
        return number == HISTORY_UNKNOWN ? json_null() : json_integer(number);
}

static json_t *min_of(const struct history_point *point, enum history_metric metric)
{
        return number_or_null(point->spans[metric].min);
}

static json_t *max_of(const struct history_point *point, enum history_metric metric)
{
        return number_or_null(point->spans[metric].max);
}

static json_t *last_of(const struct history_point *point, enum history_metric metric)
{
        return number_or_null(point->spans[metric].last);
}

static json_t *estimated_of(const struct history_point *point, enum history_metric metric)
{
        (void)metric;
        return json_boolean(point->estimated);
}

static json_t *severity_of(const struct history_point *point, enum history_metric metric)
{
        static const char *const names[] = { "none", "warning", "critical" };

        (void)metric;
        if (point->severity == HISTORY_CALM && !history_point_is_known(point, HISTORY_CLOSE_WAIT) &&
            !history_point_is_known(point, HISTORY_TIME_WAIT))
                return json_null();
        return json_string(names[MIN(point->severity, (uint8_t)HISTORY_CRITICAL)]);
}

static json_t *column(const struct history_series *series, enum history_metric metric,
                      column_fn *make)
{
        json_t *array = json_array();
        int r = array ? 0 : -1;

        for (uint32_t i = 0; r == 0 && i < series->time.n; i++)
                r = json_array_append_new(array, make(&series->points[i], metric));
        if (r == 0)
                return array;
        json_decref(array);
        return NULL;
}

static json_t *counts(const struct history_series *series, enum history_metric metric)
{
        return json_pack("{s:o, s:o, s:o}", "min", column(series, metric, min_of), "max",
                         column(series, metric, max_of), "last", column(series, metric, last_of));
}

static json_t *one_side(const struct history_series *series)
{
        return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:b}", "side",
                         port_side_name((enum port_side)series->port.side), "closeWait",
                         counts(series, HISTORY_CLOSE_WAIT), "stuck", counts(series, HISTORY_STUCK),
                         "timeWait", counts(series, HISTORY_TIME_WAIT), "timeWaitEstimated",
                         column(series, HISTORY_TIME_WAIT, estimated_of), "severity",
                         column(series, HISTORY_CLOSE_WAIT, severity_of), "leftOut",
                         history_series_left_out(series));
}

static bool is_told(const struct historywait *wait, unsigned i)
{
        const struct history_series *series = wait->answer->series[i];

        if (wait->side != SIDE_HOST)
                return series->port.side == wait->side;
        return wait->answer->named[i] || history_series_tells(series);
}

/* What was asked for, has something to tell, or is configured; where neither is so, the local one. */
static json_t *all_sides(const struct historywait *wait)
{
        const struct history_answer *answer = wait->answer;
        json_t *array = json_array();
        int r = array ? 0 : -1;

        for (unsigned i = 0; r == 0 && i < HISTORY_ANSWER_SIDES; i++)
                if (is_told(wait, i))
                        r = json_array_append_new(array, one_side(answer->series[i]));
        if (r == 0 && json_array_size(array) == 0)
                r = json_array_append_new(array, one_side(answer->series[0]));
        if (r == 0)
                return array;
        json_decref(array);
        return NULL;
}

static json_t *parameters_of(const struct historywait *wait)
{
        const struct history_answer *answer = wait->answer;
        const struct history_series *series = answer->series[0];
        json_t *object = json_object();
        char reason[160];
        int r;

        r = json_object_set_new(object, "port", json_integer(series->port.port));
        r |= json_object_set_new(object, "startsAt",
                                 wire_time(series->time.start_sec * USEC_PER_SEC));
        r |= json_object_set_new(object, "stepSec", json_integer(series->time.step_sec));
        r |= json_object_set_new(object, "sides", all_sides(wait));
        if (answer->error < 0) {
                snprintf(reason, sizeof(reason), "the history file cannot be used: %s",
                         answer->error == -EBUSY ? "another twmond uses it"
                                                 : strerror(-answer->error));
                r |= json_object_set_new(object, "missing", wire_line(reason));
        }
        if (r == 0)
                return object;
        json_decref(object);
        return NULL;
}

int historywait_reply(struct stream *stream, json_t **ret_reply)
{
        const struct history_answer *answer = stream->history->answer;
        json_t *parameters, *reply = NULL;

        if (!answer->done) {
                reply = unavailable("the disk has not answered for 4 s");
        } else {
                parameters = parameters_of(stream->history);
                reply = parameters ? varlink_reply(parameters, false) : NULL;
        }
        stream_done(stream);
        return answer_message(reply, ret_reply);
}
