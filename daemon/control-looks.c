/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A look takes the scanner's thread a while, and the loop never waits: the call becomes a stream
 * that has one reply, once the answer is there or too much time has passed. All who ask the same
 * share one answer, by reference; each makes its own reply of it, because the address that is asked
 * about may be another.
 */

#include "control-looks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "control-answers.h"
#include "units.h"
#include "wire.h"

#define REASON_MAX 160

struct lookwait {
        struct look_question question;
        struct look_answer *answer; /* referenced; NULL: not yet */
        uint64_t until_usec;
        size_t limit; /* of destinations */
        bool has_address;
        struct bind_address address; /* of a port, without what the look says of it */
};

struct lookwait *lookwait_free(struct lookwait *wait)
{
        if (wait)
                look_answer_unref(wait->answer);
        free(wait);
        return NULL;
}

void lookwait_answer(struct lookwait *wait, struct look_answer *answer)
{
        if (!wait->answer && look_question_is_same(&wait->question, &answer->question))
                wait->answer = look_answer_ref(answer);
}

uint64_t lookwait_until(const struct lookwait *wait, uint64_t now_usec)
{
        return wait && !wait->answer && now_usec < wait->until_usec ? wait->until_usec : 0;
}

/* retry_sec: when to ask again; 0: nobody knows */
static json_t *unavailable(const char *reason, json_int_t retry_sec)
{
        json_t *parameters = json_object();
        int r = json_object_set_new(parameters, "reason", wire_line(reason));

        if (retry_sec > 0)
                r |= json_object_set_new(parameters, "retryAfterSec", json_integer(retry_sec));
        if (r < 0) {
                json_decref(parameters);
                return NULL;
        }
        return varlink_error(MONITOR ".LookUnavailable", parameters);
}

/* Why nobody looks. */
static json_t *refused(const struct method_env *env, int error)
{
        uint64_t wait_usec;

        if (error == -EBUSY)
                return unavailable("too many looks are asked for", LOOKWAIT_RETRY_SEC);
        if (error != -EDQUOT)
                return unavailable(strerror(-error), 0);
        wait_usec = env->ops->look_wait_usec(env->userdata, env->privileged);
        return unavailable("looks have taken too much CPU time",
                           (json_int_t)((wait_usec + USEC_PER_SEC - 1) / USEC_PER_SEC));
}

/* Takes over wait. The call goes on in the stream, or is refused. */
static int begin(const struct method_env *env, struct lookwait *wait, struct stream *stream,
                 json_t **ret_reply)
{
        struct look_answer *answer;
        int r;

        r = env->ops->ask_look(env->userdata, &wait->question, env->privileged, &answer);
        if (r < 0) {
                lookwait_free(wait);
                return answer_message(refused(env, r), ret_reply);
        }
        if (r == CONTROL_LOOK_KNOWN)
                wait->answer = look_answer_ref(answer);
        wait->until_usec = env->ops->now_usec(env->userdata) + LOOKWAIT_USEC;
        *stream = (struct stream){ .kind = STREAM_LOOK, .look = wait };
        return 0;
}

int answer_get_port(const struct method_env *env, const struct varlink_call *call,
                    struct stream *stream, json_t **ret_reply)
{
        const char *text = json_string_value(answer_parameter(call, "address"));
        struct bind_address address = { .family = ADDR_NONE };
        struct lookwait *wait;

        if (text && !host_addr_parse(text, &address.family, &address.address))
                return answer_message(varlink_error_invalid_parameter("address"), ret_reply);
        if (call->oneway)
                return 0; /* nobody would see it */
        wait = calloc(1, sizeof(*wait));
        if (!wait)
                return -ENOMEM;
        wait->question.kind = LOOK_PORT;
        wait->question.port = (uint16_t)json_integer_value(answer_parameter(call, "port"));
        wait->has_address = text;
        wait->address = address;
        return begin(env, wait, stream, ret_reply);
}

int answer_list_destinations(const struct method_env *env, const struct varlink_call *call,
                             struct stream *stream, json_t **ret_reply)
{
        const json_t *limit = answer_parameter(call, "limit");
        struct lookwait *wait;

        if (call->oneway)
                return 0;
        wait = calloc(1, sizeof(*wait));
        if (!wait)
                return -ENOMEM;
        wait->question.kind = LOOK_DESTINATIONS;
        wait->limit = LOOKWAIT_DESTINATIONS;
        if (limit)
                wait->limit =
                        (size_t)MIN(json_integer_value(limit), (json_int_t)CENSUS_DESTINATIONS_MAX);
        return begin(env, wait, stream, ret_reply);
}

static json_t *port_parameters(const struct lookwait *wait)
{
        static const struct host_addrs unknown;
        const struct look_answer *answer = wait->answer;
        struct bind_address address = wait->address;

        if (!wait->has_address)
                return wire_portlook(answer->portlook, NULL);
        address.local =
                host_addrs_can_bind(answer->addrs ? answer->addrs : &unknown,
                                    &answer->portlook->limits, address.family, &address.address);
        return wire_portlook(answer->portlook, &address);
}

static json_t *destinations_parameters(const struct lookwait *wait)
{
        const struct look_answer *answer = wait->answer;
        json_t *parameters = wire_destinations(answer->census, &answer->limits, wait->limit);
        json_t *array = json_object_get(parameters, "destinations");
        int r = 0;

        for (size_t i = 0; i < MIN(json_array_size(array), (size_t)LOOK_OWNERS_MAX); i++)
                if (owner_is_known(&answer->owners[i]))
                        r |= json_object_set_new(json_array_get(array, i), "owner",
                                                 wire_owner(&answer->owners[i]));
        if (r < 0) {
                json_decref(parameters);
                return NULL;
        }
        return parameters;
}

static json_t *make_reply(const struct lookwait *wait)
{
        char reason[REASON_MAX];
        json_t *parameters;

        if (!wait->answer) {
                snprintf(reason, sizeof(reason), "the look has taken longer than %u s",
                         (unsigned)(LOOKWAIT_USEC / USEC_PER_SEC));
                return unavailable(reason, 0);
        }
        if (wait->answer->error < 0) {
                snprintf(reason, sizeof(reason), "listing TCP sockets failed: %s",
                         strerror(-wait->answer->error));
                return unavailable(reason, 0);
        }
        parameters = wait->question.kind == LOOK_PORT ? port_parameters(wait)
                                                      : destinations_parameters(wait);
        return parameters ? varlink_reply(parameters, false) : NULL;
}

int lookwait_reply(struct stream *stream, json_t **ret_reply)
{
        json_t *reply = make_reply(stream->look);

        stream_done(stream);
        return answer_message(reply, ret_reply);
}
