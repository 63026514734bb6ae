/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A control socket in a temporary directory with a real loop, a view that the test makes up, and a
 * clock that it sets; and a peer that speaks to it. One thread: the loop is run until it has
 * nothing to do before the peer reads.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base.h"
#include "control-private.h"
#include "service.h"
#include "tempdir.h"
#include "varlink.h"

#define WORLD_WALL_USEC (UINT64_C(1769860800250) * 1000)

struct world {
        sd_event *event;
        struct control *control;
        char directory[TEMPDIR_SIZE];
        char path[96];
        struct snapshot *snapshot;
        struct alert_table *alerts;
        struct eventlog *events; /* NULL: none is kept */
        struct conf *conf;
        uint64_t now_usec;
        int ask_error;         /* what ask_owner() answers; 0 */
        struct port_key asked; /* for whose owner it was called last, and how often */
        unsigned n_asked;
        int look_result; /* what ask_look() answers; 0 */
        uint64_t look_wait_usec;
        struct look_answer *known_look; /* ... with, where that is CONTROL_LOOK_KNOWN */
        struct look_question looked;    /* what it was asked last, and how often */
        bool looked_privileged;
        unsigned n_looked;
        int history_error;              /* what ask_history() answers; 0 */
        struct history_answer *history; /* what it was asked for last */
        uint64_t looks_refused;
        uint64_t ages_unsaved;
        uint64_t history_lost;
        struct schedule_pace pace;
        uint64_t sequence;
        int reload_result;
        const char *reload_errors;
        unsigned reloads;
        unsigned fds; /* open before everything */
};

/* One client: its end of the connection. */
struct peer {
        int fd;
        struct varlink_buffer in;
};

static inline void world_view(void *userdata, struct control_view *ret_view)
{
        struct world *world = userdata;

        *ret_view = (struct control_view){
                .snapshot = world->snapshot,
                .alerts = world->alerts,
                .events = world->events,
                .conf = world->conf,
                .conf_source = "built-in defaults",
                .started_wall_usec = WORLD_WALL_USEC,
                .scans = world->snapshot ? world->snapshot->generation : 0,
                .journal_delivered = true,
                .looks_refused = world->looks_refused,
                .ages_unsaved = world->ages_unsaved,
                .history_lost = world->history_lost,
                .pace = world->pace,
        };
}

static inline int world_reload(void *userdata, char **ret_errors)
{
        struct world *world = userdata;

        world->reloads++;
        if (world->reload_errors)
                *ret_errors = strdup(world->reload_errors);
        return world->reload_result;
}

static inline uint64_t world_now(void *userdata)
{
        return ((struct world *)userdata)->now_usec;
}

static inline int world_ask_owner(void *userdata, const struct port_key *port,
                                  const struct port_witness *witness, struct owner *ret_owner)
{
        struct world *world = userdata;

        (void)witness, (void)ret_owner;
        if (world->ask_error < 0)
                return world->ask_error;
        world->asked = *port;
        world->n_asked++;
        return 0;
}

static inline int world_ask_look(void *userdata, const struct look_question *question,
                                 bool privileged, struct look_answer **ret_answer)
{
        struct world *world = userdata;

        world->looked = *question;
        world->looked_privileged = privileged;
        world->n_looked++;
        if (world->look_result == CONTROL_LOOK_KNOWN)
                *ret_answer = world->known_look;
        return world->look_result;
}

static inline uint64_t world_look_wait_usec(void *userdata, bool privileged)
{
        const struct world *world = userdata;

        (void)privileged;
        return world->look_wait_usec;
}

static inline int world_acknowledge(void *userdata, const struct alert_key *key,
                                    struct acknowledgement *acknowledgement)
{
        struct world *world = userdata;

        acknowledgement->wall_usec = WORLD_WALL_USEC;
        return alert_table_acknowledge(world->alerts, key, acknowledgement);
}

static inline int world_ask_history(void *userdata, const struct control_history_request *request,
                                    struct history_answer **ret_answer)
{
        struct world *world = userdata;
        struct history_time time;

        if (world->history_error < 0)
                return world->history_error;
        history_plan(WORLD_WALL_USEC / USEC_PER_SEC, request->since_sec, request->points, &time);
        *ret_answer = history_answer_new(request->port, &time);
        assert_non_null(*ret_answer);
        history_answer_unref(world->history);
        world->history = history_answer_ref(*ret_answer);
        return 0;
}

static const struct control_ops world_ops = { world_view,        world_reload,
                                              world_acknowledge, world_ask_owner,
                                              world_ask_look,    world_look_wait_usec,
                                              world_ask_history, world_now };

static inline unsigned count_fds(void)
{
        DIR *directory = opendir("/proc/self/fd");
        unsigned n = 0;

        assert_non_null(directory);
        while (readdir(directory))
                n++;
        closedir(directory);
        return n;
}

static inline int world_setup(void **state)
{
        struct world *world = calloc(1, sizeof(*world));

        world->fds = count_fds();
        tempdir_make(world->directory);
        snprintf(world->path, sizeof(world->path), "%s/control", world->directory);
        world->now_usec = 1000 * USEC_PER_SEC;
        assert_int_equal(conf_new_default(&world->conf), 0);
        assert_int_equal(alert_table_new(&world->alerts), 0);
        assert_true(sd_event_new(&world->event) >= 0);
        assert_int_equal(control_new(world->event, &world_ops, world, &world->control), 0);
        assert_int_equal(control_listen(world->control, world->path), 0);
        *state = world;
        return 0;
}

/* Whatever a test did, no descriptor, file or (by the leak checker) memory stays. */
static inline int world_teardown(void **state)
{
        struct world *world = *state;
        unsigned fds;

        control_free(world->control);
        sd_event_unref(world->event);
        look_answer_unref(world->known_look);
        history_answer_unref(world->history);
        snapshot_unref(world->snapshot);
        alert_table_free(world->alerts);
        eventlog_free(world->events);
        conf_unref(world->conf);
        assert_int_equal(tempdir_remove(world->directory), 0);
        fds = world->fds;
        free(world);
        assert_int_equal(count_fds(), fds);
        return 0;
}

/* Runs the loop until it would sleep; an endless loop is a failure. */
static inline void spin(struct world *world)
{
        for (unsigned i = 0; sd_event_run(world->event, 0) > 0; i++)
                assert_true(i < 100000);
}

/* Connected; the loop has not seen it yet. */
static inline struct peer dial_unseen(const struct world *world)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        struct peer peer;

        strcpy(address.sun_path, world->path);
        peer.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        assert_true(peer.fd >= 0);
        assert_int_equal(connect(peer.fd, (struct sockaddr *)&address, sizeof(address)), 0);
        varlink_buffer_init(&peer.in, VARLINK_REPLY_MAX);
        return peer;
}

static inline struct peer dial(struct world *world)
{
        struct peer peer = dial_unseen(world);

        spin(world);
        return peer;
}

static inline void hang_up(struct world *world, struct peer *peer)
{
        close(peer->fd);
        varlink_buffer_done(&peer->in);
        spin(world);
}

static inline void send_bytes(struct world *world, struct peer *peer, const char *bytes, size_t len)
{
        while (len > 0) {
                ssize_t n = send(peer->fd, bytes, len, MSG_NOSIGNAL);

                assert_true(n > 0);
                bytes += n;
                len -= (size_t)n;
                spin(world);
        }
}

/* The text and its NUL. */
static inline void send_text(struct world *world, struct peer *peer, const char *text)
{
        send_bytes(world, peer, text, strlen(text) + 1);
}

/* The next message, or NULL: none comes by itself. *ret_eof: the connection is closed. */
static inline json_t *receive_or_end(struct world *world, struct peer *peer, bool *ret_eof)
{
        *ret_eof = false;
        for (;;) {
                json_t *message;
                size_t space;
                char *data;
                ssize_t n;
                int r;

                r = varlink_buffer_next(&peer->in, &message);
                if (r == 0)
                        return message;
                assert_int_equal(r, VARLINK_AGAIN);
                spin(world);
                assert_int_equal(varlink_buffer_space(&peer->in, &data, &space), 0);
                n = recv(peer->fd, data, space, 0);
                if (n <= 0) {
                        *ret_eof = n == 0 || errno == ECONNRESET;
                        return NULL;
                }
                varlink_buffer_commit(&peer->in, (size_t)n);
        }
}

static inline json_t *receive(struct world *world, struct peer *peer)
{
        bool eof;
        json_t *message = receive_or_end(world, peer, &eof);

        assert_non_null(message);
        return message;
}

static inline void assert_silent(struct world *world, struct peer *peer)
{
        bool eof;

        assert_null(receive_or_end(world, peer, &eof));
        assert_false(eof);
}

static inline void assert_closed(struct world *world, struct peer *peer)
{
        bool eof;

        assert_null(receive_or_end(world, peer, &eof));
        assert_true(eof);
}

static inline json_t *call(struct world *world, struct peer *peer, const char *text)
{
        send_text(world, peer, text);
        return receive(world, peer);
}

static inline json_t *parameters_of(const json_t *message)
{
        assert_null(json_object_get(message, "error"));
        return json_object_get(message, "parameters");
}

static inline json_int_t number_of(const json_t *message, const char *name)
{
        json_t *value = json_object_get(parameters_of(message), name);

        assert_true(json_is_integer(value));
        return json_integer_value(value);
}

static inline const char *string_of(const json_t *message, const char *name)
{
        const char *text = json_string_value(json_object_get(parameters_of(message), name));

        assert_non_null(text);
        return text;
}

static inline const char *error_of(const json_t *message)
{
        return json_string_value(json_object_get(message, "error"));
}

static inline bool continues(const json_t *message)
{
        return json_is_true(json_object_get(message, "continues"));
}

static inline struct control_stats stats_of(const struct world *world)
{
        struct control_stats stats;

        control_get_stats(world->control, &stats);
        return stats;
}

/* Puts a new snapshot of local ports 1, 2, ... with one TIME_WAIT each into the view. */
static inline struct snapshot *world_scan(struct world *world, size_t n_rows)
{
        struct snapshot *snapshot = calloc(1, sizeof(*snapshot));

        snapshot->generation = world->snapshot ? world->snapshot->generation + 1 : 1;
        snapshot->start_wall_usec = WORLD_WALL_USEC;
        snapshot->counts_wall_usec = WORLD_WALL_USEC;
        snapshot->end_usec = world->now_usec;
        snapshot->refs = 1;
        snapshot->n_rows = n_rows;
        snapshot->rows = calloc(n_rows + 1, sizeof(*snapshot->rows));
        snapshot->requested = SOCK_MASK(SOCK_TIME_WAIT) | SOCK_MASK(SOCK_CLOSE_WAIT);
        snapshot->complete = snapshot->requested;
        for (size_t i = 0; i < n_rows; i++) {
                snapshot->rows[i].key = (struct port_key){ 0, (uint16_t)(i + 1), SIDE_LOCAL };
                snapshot->rows[i].count[SOCK_TIME_WAIT] = 1;
        }
        snapshot_unref(world->snapshot);
        world->snapshot = snapshot;
        return snapshot;
}

/* Tells one made-up event with the next sequence number. */
static inline void world_tell(struct world *world)
{
        struct event event = {
                .sequence = ++world->sequence,
                .now_wall_usec = WORLD_WALL_USEC,
                .alert = { .key = { .kind = ALERT_BLIND, .port = { 0, 0, SIDE_HOST } },
                           .since_wall_usec = WORLD_WALL_USEC },
        };

        owner_clear(&event.alert.owner);
        control_tell_event(world->control, &event);
}

/* A look at a port on which nothing is, with one reference. */
static inline struct look_answer *make_port_answer(uint16_t port)
{
        const struct look_question question = { LOOK_PORT, port };
        struct look_answer *answer = look_answer_new(&question);
        struct kernlimits limits;
        struct services *services;
        struct portlook_request request = {
                .port = port, .now_usec = 1, .now_wall_usec = WORLD_WALL_USEC, .limits = &limits
        };

        assert_non_null(answer);
        kernlimits_clear(&limits);
        assert_int_equal(services_new(&services), 0);
        request.services = services;
        assert_int_equal(portlook_new(&request, &answer->portlook), 0);
        portlook_begin(answer->portlook, &request);
        portlook_end(answer->portlook, true, true);
        services_free(services);
        answer->addrs = calloc(1, sizeof(*answer->addrs));
        answer->addrs->known = answer->addrs->routes_known = true; /* there are none */
        return answer;
}

/* A look at so many destinations, :1 the worst, likewise. */
static inline struct look_answer *make_destinations_answer(size_t n)
{
        const struct look_question question = { LOOK_DESTINATIONS, 0 };
        struct look_answer *answer = look_answer_new(&question);
        struct census *census = calloc(1, sizeof(*census));

        assert_non_null(answer);
        assert_non_null(census);
        census->refs = 1;
        census->whole = true;
        census->asof_wall_usec = WORLD_WALL_USEC;
        census->destinations_counted = true;
        census->destinations = calloc(n + 1, sizeof(*census->destinations));
        census->n_destinations = n;
        census->destinations_total = n;
        for (size_t i = 0; i < n; i++) {
                struct destination_row *row = &census->destinations[i];

                row->port = (struct port_key){ 0, (uint16_t)(i + 1), SIDE_REMOTE };
                row->destination.family = ADDR_IPV4;
                row->exhaustion.known = true;
                row->exhaustion.used = (uint32_t)(n - i);
        }
        answer->census = census;
        return answer;
}

/* Tells it, as the daemon does, and lets go of it. */
static inline void tell_look(struct world *world, struct look_answer *answer)
{
        control_tell_look(world->control, answer);
        look_answer_unref(answer);
        spin(world);
}

/* How often a limit was hit, as status says it; -1: it does not name it. */
static inline json_int_t limit_hit(struct world *world, const char *name)
{
        struct peer peer = dial(world);
        json_t *reply = call(world, &peer, "{\"method\":\"io.twmon.Monitor.GetStatus\"}");
        const json_t *limits = json_object_get(parameters_of(reply), "limitsHit");
        const json_t *value = json_object_get(limits, name);
        const json_int_t count = value ? json_integer_value(value) : -1;

        assert_true(json_is_object(limits));
        json_decref(reply);
        hang_up(world, &peer);
        return count;
}
