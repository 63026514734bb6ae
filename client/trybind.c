/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The kernel decides by the options of both sockets, and sock_diag tells those of neither; so the
 * one way to know is to ask bind(). A socket that never listens answers nobody, and is gone with its
 * close(). What may stay is what the kernel notes of a port for as long as anybody has it, each time
 * that a bind() works:
 *
 * - With SO_REUSEPORT: that those who have the port share it. One of a wildcard that worked beside a
 *   socket of the other family lets the next one pass beside any listener. So it is never tried.
 * - Without it: that nobody shares it for certain, so that the kernel looks at each socket. That
 *   changes no answer, with one exception: a port that connect() has chosen it gives to connections
 *   towards other destinations as well, and before Linux 6.18 not any more after a bind() that
 *   worked beside them. So beside a client's connection only what is open is tried, which fails but
 *   where the client had set SO_REUSEADDR; and wildcards that nobody asked about are left alone
 *   where the answer is known. "::" for both families works only where nobody has the port at all.
 *
 * What the look says of a listener stays in force: bind() that works beside one, with SO_REUSEADDR,
 * would be followed by a listen() that fails.
 */

#include "trybind.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base.h"
#include "field.h"

#define ANY_IPV4 "0.0.0.0"
#define ANY_IPV6 "::"

static const char ipv4[] = "ipv4", ipv6[] = "ipv6", dual[] = "dual";

static socklen_t fill_address(const struct trybind *try, uint16_t port,
                              struct sockaddr_storage *ret_address)
{
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret_address;
        struct sockaddr_in *v4 = (struct sockaddr_in *)ret_address;

        *ret_address = (struct sockaddr_storage){ 0 };
        if (try->family == ipv4) {
                v4->sin_family = AF_INET;
                v4->sin_port = htons(port);
                (void)inet_pton(AF_INET, try->address, &v4->sin_addr);
                return sizeof(*v4);
        }
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        (void)inet_pton(AF_INET6, try->address, &v6->sin6_addr);
        return sizeof(*v6);
}

static int set_flag(int fd, int level, int option, int value)
{
        return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* option: SO_REUSEADDR; 0: none */
static struct trybind_result try_once(const struct trybind *try, uint16_t port, int option)
{
        struct trybind_result result = { 0 };
        struct sockaddr_storage address;
        socklen_t len = fill_address(try, port, &address);
        CLEANUP(close_fdp) int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0)
                result.error = -errno;
        else if (option != 0)
                result.error = set_flag(fd, SOL_SOCKET, option, 1);
        if (result.error == 0 && address.ss_family == AF_INET6)
                result.error = set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY, try->family == ipv6);
        if (result.error < 0)
                return result;
        result.tried = true;
        if (bind(fd, (const struct sockaddr *)&address, len) < 0)
                result.error = -errno;
        return result;
}

static bool is_same(const struct trybind *try, const char *address, const char *family)
{
        return strcmp(try->address, address) == 0 && strcmp(try->family, family) == 0;
}

static void add(struct trybinds *tries, uint16_t port, const char *address, const char *family)
{
        struct trybind *try = &tries->items[tries->n];

        for (size_t i = 0; i < tries->n; i++)
                if (is_same(&tries->items[i], address, family))
                        return;
        *try = (struct trybind){ .family = family };
        snprintf(try->address, sizeof(try->address), "%s", address);
        try->plain = try_once(try, port, 0);
        try->reuse = try_once(try, port, SO_REUSEADDR);
        if (tries->n == 0 || try->plain.tried || try->plain.error != -EAFNOSUPPORT)
                tries->n++;
}

/* NULL: it is not among them. */
static json_t *find_bind(json_t *binds, const char *address, const char *family)
{
        json_t *bind;
        size_t i;

        json_array_foreach(binds, i, bind)
        {
                const char *its_address = field_text(bind, "address");
                const char *its_family = field_text(bind, "family");

                if (its_address && its_family && strcmp(its_address, address) == 0 &&
                    strcmp(its_family, family) == 0)
                        return bind;
        }
        return NULL;
}

/* object: a Bind, or the reply itself. */
static bool is_decided(const json_t *object)
{
        return json_is_boolean(json_object_get(object, "canBind")) &&
               json_is_boolean(json_object_get(object, "canBindReuse"));
}

/* Nothing is known to be in the way: bind() would probably work. */
static bool is_unblocked(const json_t *object)
{
        return !json_is_false(json_object_get(object, "canBind")) &&
               json_array_size(field_array(object, "blockedBy")) == 0;
}

static bool has_client(const json_t *reply)
{
        return field_any(field_array(reply, "connections"), "side", "client");
}

const char *trybind_objection(const json_t *known, uint64_t netns)
{
        uint64_t theirs;

        if (netns > 0 && field_count(known, "netns", &theirs) && theirs != netns)
                return "not tried: I am in another network namespace than twmond: bind() here would "
                       "say nothing about it";
        if (has_client(known) && !is_decided(known) && is_unblocked(known))
                return "not tried: a bind() that works could keep the port from other connections of "
                       "the clients that have it";
        if (has_client(known) && is_decided(known))
                return "not tried: the answer is certain, and a bind() that works could keep the "
                       "port from other connections of the clients that have it";
        return NULL;
}

/* What is known was true a moment ago, and is now; and it is the port that decides, no privilege. */
static bool is_confirmed(const struct trybinds *tries, const json_t *known)
{
        const json_t *can_bind = json_object_get(known, "canBind");
        const struct trybind_result *plain = &tries->items[0].plain;

        return plain->error != -EACCES &&
               (!json_is_boolean(can_bind) || json_is_true(can_bind) == (plain->error == 0));
}

static void add_open(struct trybinds *tries, const struct trybind_question *question,
                     const char *address, const char *family)
{
        const json_t *bind = find_bind(field_array(question->known, "binds"), address, family);
        bool sure = bind && is_decided(bind) && is_confirmed(tries, question->known);
        bool harmful = bind && has_client(question->known) && is_unblocked(bind);

        if (bind ? !sure && !harmful : family == dual)
                add(tries, question->port, address, family);
}

void trybind_port(const struct trybind_question *question, struct trybinds *ret_tries)
{
        const char *address = question->address[0] ? question->address : ANY_IPV4;

        *ret_tries = (struct trybinds){ 0 };
        if (strcmp(address, ANY_IPV6) == 0)
                add(ret_tries, question->port, address, dual);
        else
                add(ret_tries, question->port, address, strchr(address, ':') ? ipv6 : ipv4);
        add_open(ret_tries, question, ANY_IPV4, ipv4);
        add_open(ret_tries, question, ANY_IPV6, dual);
        add_open(ret_tries, question, ANY_IPV6, ipv6);
}

bool trybind_has_listener(const json_t *object)
{
        return field_any(field_array(object, "blockedBy"), "what", "listener");
}

static int set_error(json_t *object, const char *name, const struct trybind_result *result)
{
        const char *error = result->error < 0 ? strerrorname_np(-result->error) : NULL;

        if (result->error == 0) {
                (void)json_object_del(object, name);
                return 0;
        }
        return json_object_set_new(object, name,
                                   error ? json_string(error) : json_integer(-result->error));
}

/* Nothing blocks what has just worked; and what has failed is not free already. */
static int settle(json_t *object, int error)
{
        uint64_t free_sec;

        if (error == 0)
                return json_object_set_new(object, "freeInSec", json_integer(0)) |
                       json_object_set_new(object, "blockedBy", json_array());
        if (error != -EADDRINUSE || (field_count(object, "freeInSec", &free_sec) && free_sec == 0))
                (void)json_object_del(object, "freeInSec");
        return 0;
}

/* SO_REUSEPORT was not tried, but helps only against what is in the way of bind() without it. */
static int merge_reuse_port(const struct trybind *try, json_t *bind)
{
        if (!try->plain.tried || try->plain.error == -EADDRINUSE)
                return 0;
        return json_object_set_new(bind, "canBindReusePort", json_boolean(try->plain.error == 0));
}

/* object: a Bind, or the reply itself. */
static int merge(const struct trybind *try, json_t *object)
{
        bool can_bind = try->plain.error == 0, can_reuse = try->reuse.error == 0;
        int r = 0;

        if (!try->plain.tried || !try->reuse.tried)
                return 0;
        if (!can_bind && trybind_has_listener(object))
                can_reuse = false;
        r |= json_object_set_new(object, "canBind", json_boolean(can_bind));
        r |= json_object_set_new(object, "canBindReuse", json_boolean(can_reuse));
        r |= json_object_set_new(object, "tried", json_true());
        r |= set_error(object, "tryError", &try->plain);
        r |= set_error(object, "tryErrorReuse", &try->reuse);
        r |= settle(object, try->plain.error);
        return r < 0 ? -ENOMEM : 0;
}

static json_t *have_bind(json_t *binds, const struct trybind *try)
{
        json_t *bind = find_bind(binds, try->address, try->family);

        if (bind)
                return bind;
        bind = json_pack("{s:s, s:s}", "address", try->address, "family", try->family);
        return bind && json_array_append_new(binds, bind) == 0 ? bind : NULL;
}

int trybind_merge(const struct trybinds *tries, json_t *parameters)
{
        json_t *binds = field_array(parameters, "binds"), *bind;

        if (!binds) {
                binds = json_array();
                if (json_object_set_new(parameters, "binds", binds) < 0)
                        return -ENOMEM;
        }
        for (size_t i = 0; i < tries->n; i++) {
                bind = have_bind(binds, &tries->items[i]);
                if (!bind || merge_reuse_port(&tries->items[i], bind) < 0 ||
                    merge(&tries->items[i], bind) < 0)
                        return -ENOMEM;
        }
        return merge(&tries->items[0], parameters);
}

const char *trybind_text(const struct trybind_result *result, char buf[static TRYBIND_TEXT_MAX])
{
        const char *name = result->error < 0 ? strerrorname_np(-result->error) : NULL;

        if (result->error == 0)
                snprintf(buf, TRYBIND_TEXT_MAX, "works");
        else
                snprintf(buf, TRYBIND_TEXT_MAX, "%s%s (%s)",
                         result->tried ? "" : "no socket: ", name ? name : "error",
                         strerror(-result->error));
        return buf;
}
