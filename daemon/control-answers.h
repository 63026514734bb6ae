/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What each method answers; the table in control-methods.c says which is whose. */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "control-client.h"
#include "control-toldlog.h"
#include "control.h"

#define MONITOR "io.twmon.Monitor"
#define SERVICE "org.varlink.service"

/* What answers are made of, and who asks. */
struct method_env {
        const struct control_ops *ops;
        void *userdata;
        const struct toldlog *toldlog;
        struct control_stats stats;
        uid_t uid;       /* of the client */
        bool privileged; /* may change something */
};

/*
 * stream, which is idle, is begun where the call goes on. *ret_reply stays NULL where all replies
 * come from the stream. 0, or -ENOMEM.
 */
typedef int answer_fn(const struct method_env *env, const struct varlink_call *call,
                      struct stream *stream, json_t **ret_reply);

answer_fn answer_get_info, answer_get_interface_description;
answer_fn answer_get_status, answer_list_ports, answer_list_alerts, answer_watch, answer_reload;
answer_fn answer_get_port, answer_list_destinations; /* control-looks.c */
answer_fn answer_get_history;                        /* control-history.c */
answer_fn answer_acknowledge, answer_list_events;    /* control-alerts.c */
answer_fn answer_get_metrics;                        /* control-metrics.c */

/* The next reply of a ListPorts; the last one ends the stream. 0 or -ENOMEM. */
int answer_next_ports(struct stream *stream, json_t **ret_reply);

/*
 * A reply of Watch: about the event, or about none where that is NULL; missed is left out at 0.
 * NULL: no memory.
 */
json_t *answer_watch_event(const struct control_view *view, uint64_t sequence,
                           const struct event *event, uint64_t missed);

/* A parameter of a call; NULL where it is absent or null. */
json_t *answer_parameter(const struct varlink_call *call, const char *name);
/* The reply of these parameters, taken over; -ENOMEM where they are NULL. */
int answer_parameters(json_t *parameters, json_t **ret_reply);
/* Passes a message on; -ENOMEM where that is NULL. */
int answer_message(json_t *message, json_t **ret_reply);
