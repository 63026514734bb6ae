/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The control socket on the loop: who is let in, when a client is woken, when it goes.
 *
 *   control-listen.c   the listening socket
 *   control-client.c   one connection's buffers
 *   control-serve.c    what one wake-up does for one connection
 *   control-methods.c  the method table; control-answers.c, control-status.c what they answer
 *   control-metrics.c  the same for Prometheus
 *   control-tell.c     what the daemon tells them
 *   control-owners.c   the owners that a reply waits for
 *   control-looks.c    the look that a reply waits for
 *   control-toldlog.c   the events that Watch can repeat
 *   control-quota.c    who must go when something is short
 *   control-drain.c    the end
 *
 * A callback of the daemon may tell events while a client is being served, and telling may close
 * any client. So closing marks a client dead, and the memory goes when the last function that may
 * be using clients has returned (busy).
 *
 * One timer serves everything that waits for a time: idle clients, replies that wait for an owner
 * or a look, accept() after descriptors ran out (the listener is switched off meanwhile, for it
 * would stay readable and spin), and giving memory back. It is off while there is none of that. A client that is active meanwhile does not
 * rearm it; the timer finds out when it fires.
 */

#include "control.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base.h"
#include "control-answers.h"
#include "control-private.h"
#include "heap.h"

bool control_is_privileged(uid_t uid)
{
        return uid == 0 || uid == geteuid();
}

void control_close(struct client *client)
{
        client->dead = true;
        stream_done(&client->stream);
}

void control_drop(struct client *client)
{
        if (!client->dead)
                client->control->dropped++;
        control_close(client);
}

static void reap(struct control *control)
{
        struct client **link = &control->clients;

        while (*link) {
                struct client *client = *link;

                if (!client->dead) {
                        link = &client->next;
                        continue;
                }
                *link = client->next;
                client_free(client);
        }
}

static bool wants_trim(const struct control *control)
{
        return control->untrimmed_bytes > CONTROL_TRIM_BYTES && quota_output_bytes(control) == 0;
}

static void trim(struct control *control, uint64_t now_usec)
{
        if (!wants_trim(control) || now_usec < control->trimmed_usec + CONTROL_TRIM_USEC)
                return;
        heap_trim();
        control->trimmed_usec = now_usec;
        control->untrimmed_bytes = 0;
}

static uint64_t next_deadline(const struct control *control)
{
        uint64_t next = quota_idle_next(control);

        next = MIN(next, tell_waiting_until(control));
        if (control->paused_until_usec > 0)
                next = MIN(next, control->paused_until_usec);
        next = MIN(next, drain_until(control));
        if (wants_trim(control))
                next = MIN(next, control->trimmed_usec + CONTROL_TRIM_USEC);
        return next;
}

/* Only ever brings the timer forward, or switches it off. */
static void arm_timer(struct control *control, uint64_t now_usec)
{
        uint64_t next = next_deadline(control);

        if (next == CONTROL_NEVER && control->timer_usec != CONTROL_NEVER) {
                (void)sd_event_source_set_enabled(control->timer, SD_EVENT_OFF);
                control->timer_usec = CONTROL_NEVER;
        } else if (next < control->timer_usec) {
                (void)sd_event_source_set_time_relative(control->timer,
                                                        next > now_usec ? next - now_usec : 0);
                (void)sd_event_source_set_enabled(control->timer, SD_EVENT_ONESHOT);
                control->timer_usec = next;
        }
}

void control_enter(struct control *control)
{
        control->busy++;
}

void control_leave(struct control *control)
{
        uint64_t now_usec = control_now(control);

        if (--control->busy > 0)
                return;
        drain_check(control, now_usec);
        reap(control);
        trim(control, now_usec);
        arm_timer(control, now_usec);
}

static int on_client(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        struct client *client = userdata;
        struct control *control = client->control;
        size_t before = client->in.len;

        (void)source, (void)fd;
        control_enter(control);
        if ((revents & (EPOLLIN | EPOLLHUP | EPOLLERR)) &&
            client_receive(client, control_now(control)) < 0)
                control_close(client);
        control->untrimmed_bytes += client->in.len - before;
        if (!client->dead)
                serve_client(client, revents & EPOLLHUP);
        control_leave(control);
        return 0;
}

static int add_client(struct control *control, int fd, uid_t uid, uint64_t now_usec)
{
        struct client *client;
        int r;

        r = client_new(fd, uid, now_usec, &client);
        if (r < 0)
                return r;
        client->control = control;

        r = sd_event_add_io(control->event, &client->source, fd, EPOLLIN, on_client, client);
        if (r >= 0)
                r = sd_event_source_set_priority(client->source, CONTROL_PRIORITY);
        if (r < 0) {
                client->fd = -1; /* stays the caller's */
                client_free(client);
                return r;
        }
        client->next = control->clients;
        control->clients = client;
        return 0;
}

static void set_accepting(struct control *control, bool accepting)
{
        accepting = accepting && !control->ending;
        for (size_t i = 0; i < control->n_listeners; i++)
                (void)sd_event_source_set_enabled(control->listeners[i].source,
                                                  accepting ? SD_EVENT_ON : SD_EVENT_OFF);
}

/* As much of a reason as its socket takes at once. */
static void refuse(int fd)
{
        static const char reply[] = "{\"error\":\"" MONITOR ".TooManyClients"
                                    "\",\"parameters\":{}}";

        (void)send(fd, reply, sizeof(reply), MSG_DONTWAIT | MSG_NOSIGNAL); /* with its NUL */
}

/* 0: there may be more; <0: there is none now. */
static int accept_one(struct control *control, int listener)
{
        uint64_t now_usec = control_now(control);
        CLEANUP(close_fdp) int fd = -1;
        uid_t uid;
        int r;

        r = listener_accept(listener, &fd, &uid);
        if (r == -ECONNABORTED || r == -EINTR)
                return 0;
        if (r < 0) {
                if (r != -EAGAIN) { /* no descriptor, no memory */
                        control->paused_until_usec = now_usec + CONTROL_PAUSE_USEC;
                        set_accepting(control, false);
                }
                return r;
        }

        if (!quota_admit(control, uid, now_usec))
                refuse(fd);
        else if (add_client(control, fd, uid, now_usec) >= 0)
                (void)TAKE_FD(fd);
        return 0;
}

void control_accept(struct control *control, int listener, unsigned most)
{
        for (unsigned i = 0; i < most; i++)
                if (accept_one(control, listener) < 0)
                        break;
}

static int on_connect(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        struct control *control = userdata;

        (void)source, (void)revents;
        control_enter(control);
        control_accept(control, fd, CONTROL_ACCEPTS_MAX);
        control_leave(control);
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct control *control = userdata;
        uint64_t now_usec = control_now(control);

        (void)source, (void)usec;
        control_enter(control);
        control->timer_usec = CONTROL_NEVER;
        tell_waiting(control);
        quota_idle(control, now_usec);
        if (control->paused_until_usec > 0 && now_usec >= control->paused_until_usec) {
                control->paused_until_usec = 0;
                set_accepting(control, true);
        }
        control_leave(control);
        return 0;
}

int control_new(sd_event *event, const struct control_ops *ops, void *userdata,
                struct control **ret_control)
{
        struct control *control = calloc(1, sizeof(*control));
        int r;

        if (!control)
                return -ENOMEM;
        control->event = sd_event_ref(event);
        control->ops = ops;
        control->userdata = userdata;
        control->timer_usec = CONTROL_NEVER;

        r = sd_event_add_time(event, &control->timer, CLOCK_MONOTONIC, CONTROL_NEVER,
                              USEC_PER_SEC / 10, on_timer, control);
        if (r >= 0)
                r = sd_event_source_set_enabled(control->timer, SD_EVENT_OFF);
        if (r < 0) {
                control_free(control);
                return r;
        }
        *ret_control = control;
        return 0;
}

struct control *control_free(struct control *control)
{
        if (!control)
                return NULL;

        assert(control->busy == 0);
        for (struct client *c = control->clients; c; c = c->next)
                c->dead = true;
        reap(control);
        for (size_t i = 0; i < control->n_listeners; i++)
                listener_done(&control->listeners[i]);
        toldlog_done(&control->toldlog);
        sd_event_source_disable_unref(control->timer);
        sd_event_unref(control->event);
        free(control);
        return NULL;
}

static int add_listener(struct control *control, struct listener *listener)
{
        int r;

        r = sd_event_add_io(control->event, &listener->source, listener->fd, EPOLLIN, on_connect,
                            control);
        if (r >= 0)
                r = sd_event_source_set_priority(listener->source, CONTROL_PRIORITY);
        if (r < 0)
                return r;
        control->listeners[control->n_listeners++] = *listener;
        return 0;
}

int control_listen(struct control *control, const char *path)
{
        struct listener listener;
        int r;

        if (control->n_listeners == CONTROL_LISTENERS_MAX)
                return -E2BIG;
        r = listener_bind(path, &listener);
        if (r != 0)
                return r;
        r = add_listener(control, &listener);
        if (r < 0)
                listener_done(&listener);
        return r;
}

/* A descriptor that is refused stays the caller's. */
int control_adopt(struct control *control, int fd)
{
        struct listener listener;
        int r;

        if (control->n_listeners == CONTROL_LISTENERS_MAX)
                return -E2BIG;
        r = listener_adopt(fd, &listener);
        if (r < 0)
                return r;
        r = add_listener(control, &listener);
        if (r < 0)
                sd_event_source_disable_unref(listener.source);
        return r;
}

void control_get_stats(const struct control *control, struct control_stats *ret_stats)
{
        struct control_stats stats = {
                .refused = control->refused,
                .dropped = control->dropped,
                .output_bytes = quota_output_bytes(control),
        };

        for (const struct client *c = control->clients; c; c = c->next)
                stats.clients += !c->dead;
        *ret_stats = stats;
}
