/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A system bus with nothing on it but a service manager that does what the test says, on a socket
 * of its own and on the loop of what it is to be asked by: both ends run in turn.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include <cmocka.h>

#include "tempdir.h"

#define FAKE_STARTS_MAX  256
#define FAKE_CLIENTS_MAX 64

struct fake {
        sd_event *event;
        char directory[TEMPDIR_SIZE];
        char path[96];
        int fd; /* listening; -1: there is no bus */
        sd_event_source *source;
        sd_bus *clients[FAKE_CLIENTS_MAX];
        unsigned n_clients; /* ever */

        bool rude;         /* accepts, and closes at once */
        bool silent;       /* accepts, and says nothing */
        bool mute;         /* says hello, and answers no StartUnit() */
        bool jobless;      /* answers StartUnit() with what is no job */
        const char *error; /* what StartUnit() is answered; NULL: a job */

        char starts[FAKE_STARTS_MAX][256]; /* what it was asked to start, and how */
        char modes[FAKE_STARTS_MAX][16];
        unsigned n_starts; /* job N is the Nth of them, from 1 */
        unsigned subscribed;
        unsigned matches;
};

static inline int fake_start_unit(struct fake *fake, sd_bus_message *call)
{
        const char *unit, *mode;
        char job[64];

        assert_true(sd_bus_message_read(call, "ss", &unit, &mode) > 0);
        assert_true(fake->n_starts < FAKE_STARTS_MAX);
        (void)snprintf(fake->starts[fake->n_starts], sizeof(fake->starts[0]), "%s", unit);
        (void)snprintf(fake->modes[fake->n_starts++], sizeof(fake->modes[0]), "%s", mode);
        if (fake->mute)
                return 1;
        if (fake->error)
                return sd_bus_reply_method_errorf(call, fake->error, "Unit %s is not well.", unit);
        if (fake->jobless)
                return sd_bus_reply_method_return(call, "u", 1);
        (void)snprintf(job, sizeof(job), "/org/freedesktop/systemd1/job/%u", fake->n_starts);
        return sd_bus_reply_method_return(call, "o", job);
}

static inline int fake_on_message(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        struct fake *fake = userdata;

        (void)error;
        if (sd_bus_message_is_method_call(message, "org.freedesktop.DBus", "Hello"))
                return sd_bus_reply_method_return(message, "s", ":1.7");
        if (sd_bus_message_is_method_call(message, "org.freedesktop.DBus", "AddMatch")) {
                fake->matches++;
                return sd_bus_reply_method_return(message, "");
        }
        if (sd_bus_message_is_method_call(message, "org.freedesktop.systemd1.Manager",
                                          "Subscribe")) {
                fake->subscribed++;
                return sd_bus_reply_method_return(message, "");
        }
        if (sd_bus_message_is_method_call(message, "org.freedesktop.systemd1.Manager", "StartUnit"))
                return fake_start_unit(fake, message);
        return 0;
}

static inline int fake_on_client(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        struct fake *fake = userdata;
        int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        sd_id128_t id = { .bytes = { 1 } };
        sd_bus *bus;

        (void)source;
        (void)revents;
        assert_true(client >= 0);
        if (fake->rude) {
                (void)close(client);
                return 0;
        }
        assert_true(fake->n_clients < FAKE_CLIENTS_MAX);
        assert_int_equal(sd_bus_new(&bus), 0);
        fake->clients[fake->n_clients++] = bus;
        assert_true(sd_bus_set_fd(bus, client, client) >= 0);
        assert_true(sd_bus_set_server(bus, 1, id) >= 0);
        assert_true(sd_bus_add_filter(bus, NULL, fake_on_message, fake) >= 0);
        if (fake->silent)
                return 0; /* never started: reads and writes nothing */
        assert_true(sd_bus_start(bus) >= 0);
        assert_true(sd_bus_attach_event(bus, fake->event, SD_EVENT_PRIORITY_NORMAL) >= 0);
        return 0;
}

/* The bus appears. */
static inline void fake_listen(struct fake *fake)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", fake->path);
        fake->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_true(fake->fd >= 0);
        assert_int_equal(bind(fake->fd, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(fake->fd, 8), 0);
        assert_true(sd_event_add_io(fake->event, &fake->source, fake->fd, EPOLLIN, fake_on_client,
                                    fake) >= 0);
}

static inline void fake_hang_up(struct fake *fake)
{
        for (unsigned i = 0; i < fake->n_clients; i++)
                fake->clients[i] = sd_bus_close_unref(fake->clients[i]);
}

/* The bus goes away, with every connection. */
static inline void fake_close(struct fake *fake)
{
        fake_hang_up(fake);
        fake->source = sd_event_source_disable_unref(fake->source);
        if (fake->fd >= 0)
                (void)close(fake->fd);
        fake->fd = -1;
        (void)unlink(fake->path);
}

/* Job N, from 1, has ended. */
static inline void fake_end_job(struct fake *fake, unsigned n, const char *result)
{
        char job[64];

        (void)snprintf(job, sizeof(job), "/org/freedesktop/systemd1/job/%u", n);
        for (unsigned i = 0; i < fake->n_clients; i++) {
                sd_bus_message *signal;

                if (!fake->clients[i] || sd_bus_is_open(fake->clients[i]) <= 0)
                        continue;
                assert_true(sd_bus_message_new_signal(
                                    fake->clients[i], &signal, "/org/freedesktop/systemd1",
                                    "org.freedesktop.systemd1.Manager", "JobRemoved") >= 0);
                assert_true(sd_bus_message_set_sender(signal, ":1.0") >= 0);
                assert_true(sd_bus_message_append(signal, "uoss", n, job, fake->starts[n - 1],
                                                  result) >= 0);
                (void)sd_bus_send(fake->clients[i], signal, NULL);
                (void)sd_bus_message_unref(signal);
        }
}

/* No bus yet, but a place for one, which is the system bus of this process from now on. */
static inline void fake_init(struct fake *fake, sd_event *event)
{
        char address[128];

        *fake = (struct fake){ .event = event, .fd = -1 };
        tempdir_make(fake->directory);
        (void)snprintf(fake->path, sizeof(fake->path), "%s/bus", fake->directory);
        (void)snprintf(address, sizeof(address), "unix:path=%s", fake->path);
        assert_int_equal(setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1), 0);
}

static inline void fake_done(struct fake *fake)
{
        fake_close(fake);
        (void)tempdir_remove(fake->directory);
}
