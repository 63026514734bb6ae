/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * libmicrohttpd runs a thread that does all of HTTP. A request for /metrics is suspended there and put into
 * a list; who owns the server asks twmond, hands in one answer for everybody in the list, and they go on.
 * So however many ask at the same time, twmond is asked once, and a twmond that hangs holds up nobody who
 * wants the page.
 *
 * How long a connection may last is places.c's.
 *
 * One lock for all that both threads touch. It is never held while the library is called, which has
 * locks of its own.
 */

#include "server.h"

#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base.h"
#include "page.h"
#include "places.h"
#include "wanted.h"

/* One text for all who have asked for it. */
struct answer {
        struct MHD_Response *response;
        unsigned refs; /* by the server's lock */
};

/* One request for /metrics, from its first line to its end. */
struct request {
        struct request *next; /* of those who wait */
        struct MHD_Connection *connection;
        struct place *place;
        enum openmetrics_format format;
        bool asked;            /* twmond is being asked for it */
        bool refused;          /* there will be no answer */
        struct answer *answer; /* a reference; NULL: not yet */
};

struct server {
        struct MHD_Daemon *http;
        int event_fd;
        struct MHD_Response *page, *not_found, *not_allowed, *unavailable;
        struct places places;
        pthread_mutex_t lock; /* of all below, and of each answer's refs */
        bool stopping;
        struct request *waiting;
};

static uint64_t now_usec(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000;
}

/* Takes NULL. */
static void answer_unref(struct server *server, struct answer *answer)
{
        bool last;

        if (!answer)
                return;
        pthread_mutex_lock(&server->lock);
        last = --answer->refs == 0;
        pthread_mutex_unlock(&server->lock);
        if (!last)
                return;
        MHD_destroy_response(answer->response);
        free(answer);
}

static void wake(struct server *server)
{
        (void)eventfd_write(server->event_fd, 1);
}

/* ---- in the library's thread ---- */

static void on_connection(void *userdata, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        struct server *server = userdata;

        if (code == MHD_CONNECTION_NOTIFY_STARTED)
                *context = places_take(&server->places, info->connect_fd, now_usec());
        else
                places_leave(&server->places, *context);
        wake(server);
}

static enum MHD_Result on_header(void *userdata, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
        (void)kind;
        if (value && strcasecmp(name, MHD_HTTP_HEADER_ACCEPT) == 0)
                wanted_add(userdata, value);
        return MHD_YES;
}

static enum openmetrics_format format_for(struct MHD_Connection *connection)
{
        struct wanted wanted = { 0 };

        MHD_get_connection_values(connection, MHD_HEADER_KIND, on_header, &wanted);
        return wanted_format(&wanted);
}

/* In place. A text with an encoded zero stays as it is, which is no path of ours. */
static size_t unescape(void *userdata, struct MHD_Connection *connection, char *text)
{
        (void)userdata, (void)connection;
        return wanted_has_zero(text) ? strlen(text) : MHD_http_unescape(text);
}

static struct place *place_of(struct MHD_Connection *connection)
{
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

        return info ? info->socket_context : NULL;
}

/*
 * Suspended first: from when it is in the list on, it may be resumed, and be gone before this returns. At
 * the end it is resumed at once.
 */
static void wait_for_answer(struct server *server, struct request *request)
{
        bool stopping;

        places_set_waiting(&server->places, request->place, true, now_usec());
        MHD_suspend_connection(request->connection);
        pthread_mutex_lock(&server->lock);
        stopping = server->stopping;
        if (stopping) {
                request->refused = true;
        } else {
                request->next = server->waiting;
                server->waiting = request;
        }
        pthread_mutex_unlock(&server->lock);
        if (stopping)
                MHD_resume_connection(request->connection);
        else
                wake(server);
}

static enum MHD_Result answer_metrics(struct server *server, struct request *request)
{
        if (request->answer)
                return MHD_queue_response(request->connection, MHD_HTTP_OK,
                                          request->answer->response);
        if (request->refused)
                return MHD_queue_response(request->connection, MHD_HTTP_SERVICE_UNAVAILABLE,
                                          server->unavailable);
        wait_for_answer(server, request);
        return MHD_YES;
}

static enum MHD_Result begin_metrics(struct MHD_Connection *connection, void **context)
{
        struct request *request = calloc(1, sizeof(*request));

        if (!request)
                return MHD_NO; /* closes the connection */
        request->connection = connection;
        request->place = place_of(connection);
        request->format = format_for(connection);
        *context = request;
        return MHD_YES;
}

static enum MHD_Result on_request(void *userdata, struct MHD_Connection *connection,
                                  const char *url, const char *method, const char *version,
                                  const char *body, size_t *body_len, void **context)
{
        struct server *server = userdata;
        const char *path = wanted_path(url);

        (void)version, (void)body;
        if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
                return MHD_queue_response(connection, MHD_HTTP_METHOD_NOT_ALLOWED,
                                          server->not_allowed);
        if (strcmp(path, "/") == 0)
                return MHD_queue_response(connection, MHD_HTTP_OK, server->page);
        if (strcmp(path, "/metrics") != 0)
                return MHD_queue_response(connection, MHD_HTTP_NOT_FOUND, server->not_found);
        if (!*context)
                return begin_metrics(connection, context);
        if (*body_len > 0) { /* what a GET sends is not listened to, but it is to end first */
                *body_len = 0;
                return MHD_YES;
        }
        return answer_metrics(server, *context);
}

static void on_completed(void *userdata, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
        struct request *request = *context;

        (void)connection, (void)code;
        if (request)
                answer_unref(userdata, request->answer);
        free(request);
        *context = NULL;
}

/* ---- in the owner's ---- */

/* bytes: taken over with MHD_RESPMEM_MUST_FREE, even where there is no memory for the rest. */
static struct MHD_Response *make_response(const char *bytes, enum MHD_ResponseMemoryMode mode,
                                          const char *content_type)
{
        struct MHD_Response *response =
                MHD_create_response_from_buffer(strlen(bytes), (void *)bytes, mode);

        if (!response) {
                if (mode == MHD_RESPMEM_MUST_FREE)
                        free((void *)bytes);
                return NULL;
        }
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
        (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
        return response;
}

static struct MHD_Response *make_text(const char *text)
{
        return make_response(text, MHD_RESPMEM_PERSISTENT, "text/plain; charset=utf-8");
}

static int make_responses(struct server *server)
{
        server->page = make_response(page_html, MHD_RESPMEM_PERSISTENT, "text/html; charset=utf-8");
        server->not_found = make_text("Not found. There is /metrics.\n");
        server->not_allowed = make_text("Only GET and HEAD.\n");
        server->unavailable = make_text("twmon-exporter is stopping, or out of memory.\n");
        if (!server->page || !server->not_found || !server->not_allowed || !server->unavailable)
                return -ENOMEM;
        (void)MHD_add_response_header(server->page, "Content-Security-Policy", PAGE_POLICY);
        (void)MHD_add_response_header(server->not_allowed, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
        return 0;
}

/* Takes over fd where it succeeds. */
static int start(struct server *server, int fd)
{
        const unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;

        server->http =
                MHD_start_daemon(flags, 0, NULL, NULL, on_request, server, MHD_OPTION_LISTEN_SOCKET,
                                 fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)PLACES_MAX,
                                 MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)SERVER_MEMORY_MAX,
                                 MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SERVER_IDLE_SEC,
                                 MHD_OPTION_UNESCAPE_CALLBACK, unescape, NULL,
                                 MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
                                 MHD_OPTION_NOTIFY_COMPLETED, on_completed, server, MHD_OPTION_END);
        return server->http ? 0 : -EIO;
}

int server_new(int fd, struct server **ret_server)
{
        CLEANUP(close_fdp) int listening = fd;
        struct server *server = calloc(1, sizeof(*server));
        int r;

        if (!server)
                return -ENOMEM;
        pthread_mutex_init(&server->lock, NULL);
        places_init(&server->places);
        server->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        r = server->event_fd < 0 ? -errno : make_responses(server);
        if (r == 0)
                r = start(server, listening);
        if (r < 0) {
                server_free(server);
                return r;
        }
        (void)TAKE_FD(listening);
        *ret_server = server;
        return 0;
}

int server_fd(const struct server *server)
{
        return server->event_fd;
}

unsigned server_begin(struct server *server)
{
        unsigned formats = 0;
        eventfd_t n;

        (void)eventfd_read(server->event_fd, &n);
        pthread_mutex_lock(&server->lock);
        for (struct request *request = server->waiting; request; request = request->next) {
                request->asked = true;
                formats |= 1U << request->format;
        }
        pthread_mutex_unlock(&server->lock);
        return formats;
}

/* Gives one that answer; NULL: none, which it is told. Holds the lock. */
static void give(struct request *request, struct answer *answer)
{
        request->refused = !answer;
        request->answer = answer;
        if (answer)
                answer->refs++;
}

/* text: taken over. NULL: no memory. */
static struct answer *answer_new(enum openmetrics_format format, char *text)
{
        struct answer *answer = calloc(1, sizeof(*answer));

        if (answer)
                answer->response = make_response(text, MHD_RESPMEM_MUST_FREE,
                                                 openmetrics_content_type(format));
        else
                free(text);
        if (!answer || !answer->response) {
                free(answer);
                return NULL;
        }
        answer->refs = 1;
        return answer;
}

/* Takes out of the list those who are to be answered, and gives them the answer. */
static struct request *take_answered(struct server *server, enum openmetrics_format format,
                                     struct answer *answer, bool all)
{
        struct request **link = &server->waiting, *taken = NULL;

        pthread_mutex_lock(&server->lock);
        while (*link) {
                struct request *request = *link;

                if (request->format != format || !(request->asked || all)) {
                        link = &request->next;
                        continue;
                }
                *link = request->next;
                give(request, answer);
                request->next = taken;
                taken = request;
        }
        pthread_mutex_unlock(&server->lock);
        return taken;
}

void server_answer(struct server *server, enum openmetrics_format format, char *text, bool all)
{
        struct answer *answer = text ? answer_new(format, text) : NULL;
        struct request *request = take_answered(server, format, answer, all), *next;

        for (; request; request = next) {
                next = request->next; /* once resumed, it may be gone */
                places_set_waiting(&server->places, request->place, false, now_usec());
                MHD_resume_connection(request->connection);
        }
        answer_unref(server, answer);
}

int server_look(struct server *server)
{
        return places_look(&server->places, now_usec()) ? SERVER_LOOK_MSEC : -1;
}

static void destroy(struct MHD_Response *response)
{
        if (response)
                MHD_destroy_response(response);
}

struct server *server_free(struct server *server)
{
        if (!server)
                return NULL;
        pthread_mutex_lock(&server->lock);
        server->stopping = true;
        pthread_mutex_unlock(&server->lock);
        for (enum openmetrics_format format = 0; format <= OPENMETRICS_PROMETHEUS; format++)
                server_answer(server, format, NULL, true);
        if (server->http)
                MHD_stop_daemon(server->http);
        destroy(server->page);
        destroy(server->not_found);
        destroy(server->not_allowed);
        destroy(server->unavailable);
        if (server->event_fd >= 0)
                (void)close(server->event_fd);
        places_done(&server->places);
        pthread_mutex_destroy(&server->lock);
        free(server);
        return NULL;
}
